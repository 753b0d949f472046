"""Every way in - Word, PDF, JSON, notes, chats, web pages, zip files, mails - becomes the same rows as a register, or says why not."""

import contextlib
import io
import json
import sqlite3
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, TextStringObject
from reportlab.pdfgen.canvas import Canvas

from fbbatch.batch import RunResult
from fbbatch.errors import ExitCode
from fbbatch.identity import Fingerprints
from fbbatch.model import Finding
from fbbatch.read import Limits, kind_of, open_content
from fbbatch.read.answers import ticked
from fbbatch.validate.parsers import example_of
from tests.builders import (
    CUSTOMER,
    GOOD,
    Judged,
    cells,
    codes,
    counts,
    delimited,
    drop,
    judge,
    mail,
    people,
    run,
    sheet,
    word,
    workbook,
    workspace,
    zipped,
)

PAIRS = list(zip(*cells(f"{CUSTOMER}\n{GOOD}"), strict=True))
LINES = "\n".join(f"{label}：{text}" for label, text in PAIRS)
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
REGISTER = sheet(people(3))


def answers(judged: Judged) -> list[dict[str, object]]:
    return [row["answers"] for row in judged.accepted]


def outcomes(result: RunResult) -> dict[str, tuple[str, int, int, int, int]]:
    """What became of each file: outcome, rows accepted, returned, duplicate, set aside; checks the balance."""
    counts(result)
    return {
        f["name"]: (
            f["outcome"],
            *(f[n] for n in ("accepted", "returned", "duplicate", "set_aside")),
        )
        for f in result.manifest["files"]
    }


def ledger(place: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as connection:
        return connection.execute(query).fetchall()


def details(judged: Judged, code: str) -> list[dict[str, str]]:
    return [dict(f.details) for f in judged.findings if f.code == code]


# --- the same answers, whichever way they come ---


def pairs_beside(columns: int, *more: tuple[str, str]) -> list[list[str]]:
    """Label, value, label, value … in so many columns."""
    flat = [text for pair in (*PAIRS, *more) for text in pair]
    return [
        (flat[n : n + columns] + [""] * columns)[:columns] for n in range(0, len(flat), columns)
    ]


def page(rows: list[list[str]]) -> bytes:
    table = "".join(f"<tr>{''.join(f'<td>{text}</td>' for text in row)}</tr>" for row in rows)
    return f'<html><head><meta charset="utf-8"></head><body><p>导出</p><table border=1>{table}</table></body></html>'.encode()


RECORD = dict(PAIRS)
SAME = {
    "two columns": word("产品反馈登记表", pairs_beside(2)),
    "four columns": word("产品反馈登记表", pairs_beside(4)),
    "rows of a table": word("产品反馈登记表", [list(line) for line in zip(*PAIRS, strict=True)]),
    "paragraphs": word("产品反馈登记表", *LINES.split("\n")),
    "several in a paragraph": word(LINES.replace("\n", "　", 4)),
    "note": LINES.encode(),
    "note of Windows": LINES.replace("\n", "\r\n").encode("gb18030"),
    "JSON array": json.dumps([RECORD], ensure_ascii=False).encode(),
    "JSON lines": (json.dumps(RECORD) + "\n").encode() * 2,
    "JSON within": json.dumps({"total": 1, "data": [RECORD]}).encode(),
    "web page": page([list(line) for line in zip(*PAIRS, strict=True)]),
    "mail": mail(LINES),
}


@pytest.mark.parametrize("way", SAME)
def test_same_feedback_is_the_same_whichever_way_it_comes(book, tmp_path: Path, way: str) -> None:
    usual = answers(judge(book, tmp_path, sheet(f"{CUSTOMER}\n{GOOD}")))
    found = judge(book, tmp_path, SAME[way], folder=None, name="a.xls")
    assert found.failed is None
    assert [{k: v for k, v in one.items() if k != "channel"} for one in answers(found)] == usual * (
        2 if way == "JSON lines" else 1
    )
    assert [f.code for f in found.findings if f.severity == "error"] == []


def test_places_in_a_written_form_are_no_rows_and_columns_of_a_sheet(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, word(LINES.replace("2026-11-05", "昨天")), folder=None)
    assert [(f.code, f.sheet, f.column, f.field) for f in found.findings] == [
        ("FB-not-date", None, None, "reported_at")
    ]


def test_several_records_in_one_note_are_several_pieces_of_feedback(book, tmp_path: Path) -> None:
    names = ["王小明", "李美玲", "张三"]
    found = judge(
        book,
        tmp_path,
        "\n\n".join(LINES.replace("王小明", name) for name in names).encode(),
        folder=None,
    )
    assert [one["reporter"] for one in answers(found)] == names


def test_record_without_its_first_answer_does_not_take_that_of_the_next(
    book, tmp_path: Path
) -> None:
    found = judge(
        book,
        tmp_path,
        f"{LINES.replace('王小明', '')}\n\n{LINES.replace('王小明', '李美玲')}".encode(),
        folder=None,
    )
    assert ([one["reporter"] for one in answers(found)], found.returned) == (["李美玲"], [2])


def test_choice_that_is_also_a_label_is_an_answer_where_an_answer_belongs(
    book, tmp_path: Path
) -> None:
    found = judge(
        book,
        tmp_path,
        word(pairs_beside(4, ("反馈性质", "建议"), ("是否要求回复", "否"))),
        folder=None,
    )
    assert [(one["kind"], one["reply_wanted"], one["description"]) for one in answers(found)] == [
        ("suggestion", False, PAIRS[5][1])
    ]


def test_text_outside_every_blank_is_told_and_titles_are_not(book, tmp_path: Path) -> None:
    told = judge(
        book,
        tmp_path,
        word("产品反馈登记表", "QR-01", pairs_beside(2), "音箱还冒烟了", "很危险！"),
        folder=None,
    )
    assert details(told, "FB-loose-text") == [{"text": "音箱还冒烟了 很危险！"}]
    assert details(
        judge(book, tmp_path, f"反馈\n昨天冒烟了\n{LINES}".encode(), folder=None), "FB-loose-text"
    ) == [{"text": "昨天冒烟了"}]


def control(tag: str, text: str) -> bytes:
    """A Word file with a content control beside the usual answers."""
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    document = docx.Document(io.BytesIO(word(pairs_beside(2))))
    inner = f'<w:sdtPr><w:tag w:val="{tag}"/></w:sdtPr><w:sdtContent><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:sdtContent>'
    document.element.body.insert(0, parse_xml(f"<w:sdt {names}>{inner}</w:sdt>"))
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def test_named_blank_answers_its_field_and_one_that_no_schema_knows_is_told(
    book, tmp_path: Path
) -> None:
    assert [
        one["satisfaction"]
        for one in answers(judge(book, tmp_path, control("satisfaction", "4"), folder=None))
    ] == [4]
    unknown = judge(book, tmp_path, control("shoe_size", "43"), folder=None)
    assert details(unknown, "FB-unknown-blank") == [{"name": "shoe_size", "text": "43"}]
    assert len(answers(unknown)) == 1
    assert "43" in unknown.accepted[0]["cells"]


@pytest.mark.parametrize(
    "content",
    [
        word("致各位同事", "明天停电，请保存文件。"),
        b"just a few words",
        "今天天气很好。\n明天也是。".encode(),
    ],
)
def test_document_that_answers_nothing_goes_back_as_such(
    book, tmp_path: Path, content: bytes
) -> None:
    assert judge(book, tmp_path, content, folder=None).failed == "FB-no-answers"


# --- ticks ---


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *[
            ("□是 ☑否", "否"),
            ("☑是/□否", "是"),
            ("□ 是　■ 否", "否"),
            ("○是 ●否", "否"),
            ("☒ 是 ☐ 否", "是"),
            ("□一般 ☑严重", "严重"),
        ],
        *[("是□ 否☑", "否"), ("是☑／否□", "是"), ("Yes ☐ No ☒", "No"), ("是□ 否☑ 备注：急", "否")],
        *[
            ("□ 是√ □ 否", "是"),
            ("□√是 □否", "是"),
            ("√□是 □否", "是"),
            ("□是 □√否", "否"),
            ("是□√ 否□", "是"),
            ("是□ √否□", "否"),
        ],
        *[
            ("√是 □否", "是"),
            ("√ □是 □否", "是"),
            ("是√", "是"),
            ("√", "√"),
            ("☐", "☐"),
            ("V是 □否", "是"),
            ("□是 x否", "否"),
        ],
        *[
            ("(√)是 ( )否", "是"),
            ("（　）是（√）否", "否"),
            ("是（√）否（ ）", "是"),
            ("[x] 是 [ ] 否", "是"),
            ("【 】是 【v】否", "否"),
        ],
        *[
            ("请勾选：□功能 ☑性能", "性能"),
            ("问题类型 □功能 ☑性能", "性能"),
            ("请勾选：功能□ 性能☑", "性能"),
            ("☑功能 ☑性能 □其他", "功能、性能"),
        ],
        *[
            ("功能缺陷", "功能缺陷"),
            ("functional", "functional"),
            ("", ""),
            ("□是 □否", ""),
            ("请选 □ 功能 ☑ 性能", "请选 □ 功能 ☑ 性能"),
        ],
    ],
)
def test_ticked_option_is_known_however_it_was_ticked(written: str, meant: str) -> None:
    assert ticked(written) == meant


@pytest.mark.parametrize("box", ["请选 □ 一般 ☑ 严重 谢谢", "☑轻微 ☑严重"])
def test_tick_that_could_mean_either_goes_back(book, tmp_path: Path, box: str) -> None:
    found = judge(book, tmp_path, word(pairs_beside(2, ("严重程度", box))), folder=None)
    assert ([f.code for f in found.findings], len(found.returned)) == (["FB-not-a-choice"], 1)


@pytest.mark.parametrize(
    "text", ["□轻微 □一般 ☑严重", "严重", "severe", "轻微（ ） 一般（ ） 严重（√）"]
)
def test_printed_choice_is_answered_by_tick_word_or_code(book, tmp_path: Path, text: str) -> None:
    assert [
        one["severity"]
        for one in answers(
            judge(book, tmp_path, word(pairs_beside(2, ("严重程度", text))), folder=None)
        )
    ] == ["severe"]


# --- PDF ---


def test_fields_of_a_pdf_form_are_answers(book, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    told = {
        "reporter": "Wang",
        "contact": "13800001111",
        "reported_at": "2026-11-05",
        "product": "smart speaker",
        "model": "X-1",
    }
    told |= {
        "description": "The blue light blinks and nothing plays",
        "scene": "kitchen",
        "shoe_size": "43",
    }
    for n, (name, value) in enumerate(told.items()):
        canvas.drawString(50, 800 - 30 * n, name)
        canvas.acroForm.textfield(
            name=name, value=value, x=150, y=795 - 30 * n, width=300, height=20
        )
    canvas.acroForm.checkbox(name="reply_wanted", checked=True, x=150, y=500)
    canvas.save()
    found = judge(book, tmp_path, buffer.getvalue(), folder=None)
    assert [(one["reporter"], one["product"], one["reply_wanted"]) for one in answers(found)] == [
        ("Wang", "智能音箱", True)
    ]
    assert details(found, "FB-unknown-blank") == [{"name": "shoe_size", "text": "43"}]


def test_dynamic_pdf_form_goes_back_with_the_remedy(book, tmp_path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(99, 99)
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject(
        {NameObject("/XFA"): TextStringObject("x"), NameObject("/Fields"): ArrayObject()}
    )
    buffer = io.BytesIO()
    writer.write(buffer)
    assert judge(book, tmp_path, buffer.getvalue()).failed == "FB-xfa"


# --- JSON, chats, pages ---


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'[{"a": 1},\n{"a": }]', "2"),
        (b'[{"a": NaN}]', "1"),
        (b'{"a": 1}\n[2]', "2"),
        (b'[{"a": 1}, 2]', "1"),
    ],
)
def test_damaged_json_names_the_line(content: bytes, line: str) -> None:
    found = open_content(content, Limits())
    assert isinstance(found, Finding)
    assert (found.code, found.details["line"]) == ("FB-json", line)


CHAT_SCHEMA = r"""
id: chat
kind: source
source: customer
title: {zh-Hant: 聊天記錄, en: Chat}
channels: [online_chat]
lines: '\[(?P<reported_at>[^\]]+)\] (?P<reporter>[^:：]+)[:：](?P<description>.*)'
fields:
  - {id: reporter, label: {zh-Hant: 發言人, en: Speaker}, required: true}
  - {id: reported_at, label: {zh-Hant: 發言時間, en: Said at}, type: datetime, required: true}
  - {id: description, label: {zh-Hant: 發言, en: Message}, required: true}
"""


def test_chat_is_read_by_the_pattern_of_its_schema_and_other_files_are_not(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    (place / "schemas/sources/chat.yaml").write_text(CHAT_SCHEMA, encoding="utf-8")
    drop(
        place,
        "导出.txt",
        "[2026-11-05 10:42] 王小明: 音箱坏了，无法开机\n而且很烫\n[2026-11-05 10:50] 李美玲：[图片] 漏电\n".encode(),
    )
    drop(place, "b.csv", delimited(people(2)))
    drop(place, "c.json", json.dumps([RECORD]).encode())
    result = run(place)
    assert outcomes(result) == {
        "b.csv": ("accepted", 2, 0, 0, 0),
        "c.json": ("accepted", 1, 0, 0, 0),
        "导出.txt": ("accepted", 2, 0, 0, 0),
    }
    told = [
        json.loads(text)
        for (text,) in ledger(
            place, "SELECT answers FROM case_ WHERE schema_id = 'chat' ORDER BY id"
        )
    ]
    assert [(one["reporter"], one["description"]) for one in told] == [
        ("王小明", "音箱坏了，无法开机\n而且很烫"),
        ("李美玲", "[图片] 漏电"),
    ]


def test_note_that_begins_with_a_bracket_is_no_json(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, f"[2026-11-05] 来电记录\n{LINES}".encode(), folder=None)
    assert len(answers(found)) == 1


def test_page_without_tables_is_no_empty_file(book, tmp_path: Path) -> None:
    assert (
        judge(book, tmp_path, b"<!DOCTYPE html><html><p>Hello</p></html>").failed
        == "FB-not-readable"
    )


def test_cell_over_several_columns_of_a_page_does_not_move_its_neighbours(
    book, tmp_path: Path
) -> None:
    rows = [list(line) for line in zip(*PAIRS, strict=True)]
    content = page(rows).replace(
        b"<table border=1>",
        "<table><tr><td colspan=3>第一季</td><td colspan=4>产品</td></tr>".encode(),
    )
    assert len(answers(judge(book, tmp_path, content))) == 1


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        *[("BMI，姓名\n1，2".encode(), "text"), (b"ID3,name\n1,2", "text"), (b"BM\x36\x00\x0c\x00\x00\x00\x00\x00", "BMP"), (b"ID3\x03\x00" + b"\0" * 9, "MP3")],
        (zipped({"[Content_Types].xml": b"<T/>", "ppt/presentation.xml": b"<p/>"}), "pptx"),
        (zipped({"word/a.txt": b"a"}), "zip"),
        *[(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + name.encode("utf-16-le"), kind) for name, kind in
          [("WordDocument", "doc"), ("__substg1.0_", "msg"), ("PowerPoint Document", "ppt"), ("Workbook", "xls"), ("?", "xls")]],
    ],
)  # fmt: skip
def test_kind_is_told_apart_from_what_merely_begins_alike(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


# --- what says where it comes from ---


@pytest.mark.parametrize("form", ["receipt", "index"])
def test_document_of_ours_that_is_no_form_never_makes_cases(
    book, tmp_path: Path, form: str
) -> None:
    content = workbook(
        {"汇总": people(2), "_fbbatch": [["form", form], ["version", "1"]]}, hidden=["_fbbatch"]
    )
    found = judge(book, tmp_path, content)
    assert (found.failed, found.accepted, found.returned, len(found.aside)) == (None, [], [], 1)
    assert [f.code for f in found.findings] == ["FB-own-document"]


def test_register_of_ours_is_read_as_usual(book, tmp_path: Path) -> None:
    content = workbook(
        {"登记表": people(2), "_fbbatch": [["form", "register"], ["version", "1"]]},
        hidden=["_fbbatch"],
    )
    found = judge(book, tmp_path, content)
    assert (len(found.accepted), found.told) == (2, [])


def example_row(book, language: str = "zh-Hant", **changes: str) -> list[str]:
    fields = {f.id: f for f in book.sources[0].fields}
    ids = ["reporter", "contact", "reported_at", "product", "model", "description", "scene"]
    return [changes.get(i, example_of(fields[i], language)) for i in ids]


def test_example_row_left_as_it_was_is_no_feedback_and_an_edited_one_is(
    book, tmp_path: Path
) -> None:
    header = cells(CUSTOMER)[0]
    assert book.sources[0].id == "customer"
    assert judge(book, tmp_path, sheet([header, example_row(book)])).failed == "FB-no-rows"
    mixed = judge(book, tmp_path, sheet([header, example_row(book, "en"), *cells(GOOD)]))
    assert ([row["row"] for row in mixed.accepted], mixed.told) == ([3], [])
    edited = judge(
        book, tmp_path, sheet([header, example_row(book, description="自己的描述：按键松动")])
    )
    assert len(edited.accepted) == 1


# --- zip files ---


def test_every_file_in_a_zip_has_its_own_outcome_and_the_zip_is_archived_once(
    tmp_path: Path,
) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(
        place,
        "a.zip",
        zipped(
            {
                "客户/x.csv": delimited(people(2)),
                "bad.xlsx": REGISTER[:400],
                "note.txt": LINES.encode(),
                "__MACOSX/._x.csv": b"1",
            }
        ),
    )
    result = run(place)
    assert outcomes(result) == {
        "a.zip": ("partly", 0, 0, 0, 0),
        "a.zip/x.csv": ("accepted", 2, 0, 0, 0),
        "a.zip/bad.xlsx": ("quarantined", 0, 0, 0, 0),
        "a.zip/note.txt": ("accepted", 1, 0, 0, 0),
    }
    assert ("FB-broken", None, None) in codes(result)
    assert result.exit_code == ExitCode.RETURNED
    assert [
        path.relative_to(place).as_posix()
        for path in (place / "archive").rglob("*")
        if path.is_file()
    ] == ["archive/partly/2026-11-20/a.zip"]
    assert {f["archived"] for f in result.manifest["files"]} == {"archive/partly/2026-11-20/a.zip"}
    assert list((place / "inbox").rglob("*.zip")) == []


def test_same_rows_alone_after_they_came_in_a_zip_are_duplicates(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "a.zip", zipped({"x.xlsx": REGISTER, "y.csv": delimited(people(3))}))
    assert outcomes(run(place)) == {
        "a.zip": ("accepted", 0, 0, 0, 0),
        "a.zip/x.xlsx": ("accepted", 3, 0, 0, 0),
        "a.zip/y.csv": ("duplicate", 0, 0, 3, 0),
    }
    drop(place, "x.xlsx", REGISTER)
    drop(place, "z.csv", delimited(people(3)))
    assert outcomes(run(place)) == {
        "x.xlsx": ("duplicate", 0, 0, 3, 0),
        "z.csv": ("duplicate", 0, 0, 3, 0),
    }
    assert ledger(place, "SELECT count(*) FROM case_") == [(3,)]


def test_two_files_of_one_name_in_different_folders_of_a_zip_are_both_taken(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(
        place,
        "a.zip",
        zipped(
            {"north/x.csv": delimited(people(1)), "south/x.csv": delimited(f"{CUSTOMER}\n{GOOD}")}
        ),
    )
    result = run(place)
    assert [(f["name"], f["accepted"]) for f in result.manifest["files"]] == [
        ("a.zip", 0),
        ("a.zip/x.csv", 1),
        ("a.zip/x.csv", 1),
    ]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"../x.csv": b"a"}, "FB-zip-unsafe"),
        ({"inner.zip": zipped({"a.csv": b"a"})}, "FB-zip-unsafe"),
        ({"folder/": b""}, "FB-no-content"),
    ],
)
def test_zip_that_cannot_be_taken_is_told_whole(
    book, tmp_path: Path, parts: dict[str, bytes], code: str
) -> None:
    assert judge(book, tmp_path, zipped(parts)).failed == code


# --- mails ---


def test_mail_in_its_own_words_is_a_case_and_what_is_missing_is_asked(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, mail("一直无法开机，fantastic！", subject="坏了"), folder=None)
    assert answers(found) == [
        {
            "reporter": "王小明",
            "contact": "wang@example.com",
            "reported_at": "2026-11-05 10:30",
            "channel": "email",
            "description": "坏了\n一直无法开机，fantastic！",  # no `fan` in it
        }
    ]
    assert found.told == [
        ("FB-asked", 1, "product"),
        ("FB-asked", 1, "model"),
        ("FB-asked", 1, "scene"),
    ]
    assert found.returned == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("智能音箱 X-1 无法开机", ("智能音箱", "X-1")),
        ("我的 X-1 无法开机", (None, None)),  # three products have an X-1
        ("R-300 无法开机", ("掃地機器人", "R-300")),
        ("E-20 Pro 耳机左边没声音", ("藍牙耳機", "E-20 Pro")),
        ("智能音箱 X-12 无法开机", ("智能音箱", None)),
        ("音箱和微波炉都坏了，无法使用", (None, None)),
        ("My rice cooker does not heat", ("電飯煲", None)),
    ],
)
def test_product_and_model_are_taken_from_a_mail_where_only_one_can_be_meant(
    book, tmp_path: Path, text: str, named: tuple[str | None, ...]
) -> None:
    (told,) = answers(judge(book, tmp_path, mail(text), folder=None))
    assert (told.get("product"), told.get("model")) == named


def test_mail_with_labels_answers_by_them_and_loses_nothing_else(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, mail(f"您好\n以下是反馈\n{LINES}", subject="紧急"), folder=None)
    (told,) = answers(found)
    assert (told["contact"], told["channel"], told["description"]) == (
        "13800001111",
        "email",
        PAIRS[5][1],
    )
    assert details(found, "FB-loose-text") == [{"text": "紧急 以下是反馈"}]


def test_labels_in_a_signature_are_no_feedback_of_their_own(book, tmp_path: Path) -> None:
    found = judge(
        book, tmp_path, mail(f"{LINES}\n-- \n电话：0912-345-678\n公司：晨光"), folder=None
    )
    assert ([one["contact"] for one in answers(found)], found.returned) == (["13800001111"], [])
    assert details(found, "FB-left-out") == [
        {"lines": "2", "text": "电话：0912-345-678 公司：晨光"}
    ]


@pytest.mark.parametrize("date", [None, "gestern", "Thu, 05 Nov 2099 10:30:00 +0800"])
def test_mail_without_a_believable_date_is_asked_for_it(
    book, tmp_path: Path, date: str | None
) -> None:
    found = judge(book, tmp_path, mail("智能音箱 X-1 无法开机", date=date), folder=None)
    assert ("FB-asked", 1, "reported_at") in found.told
    assert len(found.accepted) == 1


def test_attached_register_is_taken_and_the_mail_itself_is_its_cover_letter(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "m.eml", mail("请查收附件，谢谢", files={"问卷.xlsx": REGISTER}))
    result = run(place)
    assert outcomes(result) == {
        "m.eml": ("accepted", 0, 0, 0, 1),
        "m.eml/问卷.xlsx": ("accepted", 3, 0, 0, 0),
    }
    assert codes(result) == [("FB-cover-letter", None, None)]
    assert (
        ledger(place, "SELECT cells FROM submission WHERE outcome = 'set_aside'")[0][0].count(
            "请查收附件"
        )
        == 1
    )


@pytest.mark.parametrize(
    "photo",
    [
        {"外壳.png": PNG},
        {"外壳.zip": zipped({"1.png": PNG, "2.png": PNG})},
    ],
)
def test_photo_in_a_mail_is_evidence_and_no_trouble(
    tmp_path: Path, photo: dict[str, bytes]
) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "m.eml", mail("智能音箱 X-1 外壳裂了，见照片", files=photo))
    result = run(place)
    assert outcomes(result) == {"m.eml": ("accepted", 1, 0, 0, 0)}
    assert "FB-evidence" in {code for code, *_ in codes(result)}
    (told,) = ledger(place, "SELECT answers FROM case_")
    assert json.loads(str(told[0]))["attachments"] == next(iter(photo))
    assert result.exit_code == ExitCode.DONE


@pytest.mark.parametrize(
    "content",
    [
        mail("我休假中，下周回复", subject="自动回复：休假", Auto_Submitted="auto-replied"),
        mail(
            "The message could not be delivered",
            subject="Undelivered Mail",
            sender="MAILER-DAEMON@example.com",
        ),
        mail("我休假中", Auto_Submitted="auto-replied", files={"a.xlsx": REGISTER}),
    ],
)
def test_mail_that_no_person_wrote_is_set_aside(tmp_path: Path, content: bytes) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "m.eml", content)
    result = run(place)
    assert outcomes(result) == {"m.eml": ("set_aside", 0, 0, 0, 1)}
    assert codes(result)[0][0] == "FB-automatic-mail"
    assert result.exit_code == ExitCode.DONE


def test_mail_that_names_a_case_is_kept_with_that_case(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "a.csv", delimited(people(1)))
    run(place)
    drop(place, "re.eml", mail("已经换货，谢谢", subject="Re: 案件 FB-20261120-0001"))
    drop(place, "note.txt", "关于 FB-20261120-0001：客户来电说仍有杂音。".encode())
    drop(place, "unknown.eml", mail("谢谢", subject="Re: FB-20200101-0001"))
    result = run(place, "2026-11-23")
    assert {name: told[0] for name, told in outcomes(result).items()} == {
        "re.eml": "set_aside",
        "note.txt": "set_aside",
        "unknown.eml": "set_aside",
    }
    assert sorted(codes(result)) == [("FB-about-case", None, None)] * 3
    query = "SELECT m.number, f.name FROM correspondence k JOIN matter m ON m.id = k.matter_id JOIN submission s ON s.id = k.submission_id"
    linked = ledger(place, f"{query} JOIN file f ON f.id = s.file_id ORDER BY f.name")
    assert linked == [("FB-20261120-0001", "note.txt"), ("FB-20261120-0001", "re.eml")]
    assert ledger(place, "SELECT count(*) FROM case_") == [(1,)]


def test_mail_of_a_colleague_is_employee_feedback_under_the_name_of_the_organisation_file(
    book, tmp_path: Path
) -> None:
    found = judge(
        book,
        tmp_path,
        mail("检验发现智能音箱外壳有毛刺", sender="hjj <Huang.JJ@Example.com>"),
        folder=None,
    )
    (told,) = answers(found)
    assert found.schema == "employee"
    assert (told["reporter"], told["reporter_department"], told["product"]) == (
        "黃俊傑",
        "quality",
        "智能音箱",
    )


def test_folder_of_a_mail_names_its_source(book, tmp_path: Path) -> None:
    assert (
        judge(
            book,
            tmp_path,
            mail("检验发现智能音箱外壳有毛刺", sender="hjj <Huang.JJ@example.com>"),
            folder="customer",
        ).schema
        == "customer"
    )


def test_mail_within_a_mail_is_feedback_of_whoever_wrote_it(book, tmp_path: Path) -> None:
    inner = mail(
        "里面的音箱无法开机",
        sender="李美玲 <li@example.com>",
        files={"a.csv": delimited(people(2))},
    )
    found = judge(
        book,
        tmp_path,
        mail("转给你们", files={"inner.eml": inner, "other.eml": mail("智能音箱有杂音")}),
        folder=None,
    )
    assert found.accepted == []
    assert [(name, len(part.accepted)) for name, part in found.parts.items()] == [
        ("inner.eml", 0),
        ("a.csv", 2),
        ("other.eml", 1),
    ]
    assert [f.code for f in found.findings] == ["FB-cover-letter"]


def test_damaged_attachment_is_told_beside_the_mail(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "m.eml", mail("智能音箱 X-1 无法开机，详见表格", files={"a.xlsx": REGISTER[:400]}))
    drop(place, "blank.eml", mail("", files={"a.xlsx": REGISTER[:500]}))
    drop(place, "nothing.eml", mail(""))
    assert outcomes(run(place)) == {
        "blank.eml": ("quarantined", 0, 0, 0, 0),
        "blank.eml/a.xlsx": ("quarantined", 0, 0, 0, 0),
        "m.eml": ("partly", 1, 0, 0, 0),
        "m.eml/a.xlsx": ("quarantined", 0, 0, 0, 0),
        "nothing.eml": ("returned", 0, 0, 0, 0),
    }


def test_file_that_came_attached_and_comes_again_alone_makes_no_new_case(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "m.eml", mail("请查收附件", files={"问卷.xlsx": REGISTER}))
    run(place)
    drop(place, "问卷.xlsx", REGISTER)
    drop(place, "again.eml", mail("再发一次", files={"问卷.xlsx": REGISTER}))
    result = run(place)
    assert outcomes(result) == {
        "again.eml": ("duplicate", 0, 0, 0, 1),
        "again.eml/问卷.xlsx": ("duplicate", 0, 0, 3, 0),
        "问卷.xlsx": ("duplicate", 0, 0, 3, 0),
    }
    assert ledger(place, "SELECT count(*) FROM case_") == [(3,)]


def test_run_twice_over_mails_and_zips_ends_as_run_once(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    content = {
        "m.eml": mail("智能音箱 X-1 无法开机"),
        "a.zip": zipped({"x.csv": delimited(people(2))}),
        "b.docx": word(LINES),
    }
    for _ in range(2):
        for name, inside in content.items():
            drop(place, name, inside)
        result = run(place)
    assert {f["outcome"] for f in result.manifest["files"]} == {"duplicate"}
    assert ledger(place, "SELECT count(*) FROM case_") == [(4,)]


# --- the same mail, and another one that says the same ---

BODY = "智能音箱 X-1 无法开机"
WITHOUT_PRODUCT = "指示灯一直闪红光，无法开机，照片见附件"


def other_mail(*, photo: bytes | None = None, number: int | None = None, body: str = BODY) -> bytes:
    """A mail of that minute with that text; it may have a photo, and a Message-ID."""
    return mail(
        body,
        files={"photo.png": photo} if photo else None,
        **{"Message-ID": f"<{number}@example.com>" if number else None},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (other_mail(number=1), other_mail(number=2)),
        (other_mail(number=1, photo=PNG), other_mail(number=1, photo=PNG + b"1")),
        (other_mail(photo=PNG), other_mail(photo=PNG + b"1")),
        (other_mail(), other_mail(photo=PNG)),
        (
            other_mail(photo=PNG, body=WITHOUT_PRODUCT),
            other_mail(photo=PNG + b"1", body=WITHOUT_PRODUCT),
        ),
    ],
    ids=[
        "other Message-ID",
        "other attachment",
        "other attachment without Message-ID",
        "one attachment more without Message-ID",
        "other attachment about no product",
    ],
)
@pytest.mark.parametrize(
    "names", [("a.eml", "b.eml"), ("a.eml", "a.eml"), ("a.zip", "b.eml"), ("a.eml", "b.zip")]
)
def test_two_mails_of_one_minute_with_the_same_text_are_two_cases(
    tmp_path: Path, first: bytes, second: bytes, names: tuple[str, str]
) -> None:
    place = workspace(tmp_path, case_reports="[]")
    for name, content in zip(names, (first, second), strict=True):
        drop(place, name, zipped({"m.eml": content}) if name.endswith("zip") else content)
        result = run(place)
    assert ledger(place, "SELECT count(*) FROM case_") == [(2,)]
    assert [
        f["code"]
        for file in result.manifest["files"]
        for f in file["findings"]
        if f["code"] in {"FB-same-words", "FB-alike", "FB-amended"}
    ] == ["FB-same-words"]


def test_two_mails_of_one_minute_in_one_run_and_in_one_zip_are_two_cases(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "a.eml", other_mail(number=1))
    drop(place, "b.eml", other_mail(number=2))
    drop(
        place,
        "c.zip",
        zipped(
            {
                "c.eml": other_mail(number=3),
                "d.eml": other_mail(number=4),
                "e.eml": other_mail(number=3),
            }
        ),
    )
    assert outcomes(run(place)) == {
        "a.eml": ("accepted", 1, 0, 0, 0),
        "b.eml": ("accepted", 1, 0, 0, 0),
        "c.zip": ("accepted", 0, 0, 0, 0),
        "c.zip/c.eml": ("accepted", 1, 0, 0, 0),
        "c.zip/d.eml": ("accepted", 1, 0, 0, 0),
        "c.zip/e.eml": ("duplicate", 0, 0, 1, 0),
    }


@pytest.mark.parametrize("number", [1, None])
@pytest.mark.parametrize("photo", [PNG, None])
def test_same_mail_dropped_again_is_a_duplicate_also_within_a_zip(
    tmp_path: Path, number: int | None, photo: bytes | None
) -> None:
    place = workspace(tmp_path, case_reports="[]")
    content = other_mail(number=number, photo=photo)
    for name in (
        "a.eml",
        "b.eml",
    ):  # another trace of the way that it came, as when two people have saved it
        drop(
            place,
            name,
            b"Received: by " + name.encode() + b" ; Thu, 05 Nov 2026 10:30:01 +0800\n" + content,
        )
    drop(place, "c.zip", zipped({"c.eml": content}))
    assert counts(run(place)) == (3, 1, 0, 2, 0)
    drop(place, "d.zip", zipped({"other.eml": content, "x.txt": b"-"}))
    run(place)
    assert ledger(place, "SELECT count(*) FROM case_") == [(1,)]


def test_mail_that_a_ledger_knows_from_before_mails_had_keys_is_still_a_duplicate(
    tmp_path: Path,
) -> None:
    place = workspace(tmp_path, case_reports="[]")
    content = other_mail(number=1, photo=PNG)
    drop(place, "a.eml", content)
    run(place)
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as connection:
        ((source, told),) = connection.execute("SELECT source, answers FROM case_").fetchall()
        connection.execute(
            "UPDATE fingerprint SET fingerprint = ?", Fingerprints(source).of([told])
        )
        connection.commit()
    drop(place, "b.zip", zipped({"a.eml": content}))
    assert counts(run(place)) == (1, 0, 0, 1, 0)


def test_too_deeply_nested_mail_is_told_and_the_others_are_taken(book, tmp_path: Path) -> None:
    content = mail("智能音箱最里面的无法开机")
    for n in range(11):
        content = mail(f"第{n}层", files={f"{n}.eml": content})
    found = judge(book, tmp_path, content, folder=None, limits=Limits())
    assert [part.failed for part in found.parts.values()][-1] == "FB-limit-mail-depth"
