"""Hostile files: each ends within its limit, the next one is taken, and nothing of what stands in them is executed or leaks."""

import html
import io
import os
import random
import re
import shutil
import string
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import openpyxl
import pypdfium2
import pytest
import xlsxwriter

from fbbatch.batch import RunResult
from fbbatch.errors import ExitCode
from fbbatch.findings import CATALOGUE, message
from fbbatch.judge import FileToJudge, Judge, RowJudge, Setup
from fbbatch.messages import Refusal
from fbbatch.read import Limits, sheet_of
from fbbatch.schema import Layout, identify
from tests.builders import (
    CUSTOMER,
    GOOD,
    RECEIVED,
    REPOSITORY,
    cells,
    codes,
    counts,
    delimited,
    drop,
    judge,
    mail,
    ods,
    people,
    repacked,
    run,
    sheet,
    tree,
    word,
    workbook,
    workspace,
    zipped,
)

CORPUS = REPOSITORY.parent / "shared" / "corpus" / "files"
REGISTER = sheet(people(3))
HEADER = ",".join(cells(CUSTOMER)[0])
NOISE = "".join(random.Random(7).choices(string.ascii_lowercase, k=1_200_000))
"""What no packer makes small, so that it is not the ratio that ends a bomb."""


# --- every limit ---


def pdf(pages: int = 1, fields: int = 0, length: int = 10) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for _ in range(pages):
        canvas.drawString(50, 800, "x" * length)
        for n in range(fields):
            canvas.acroForm.textfield(name=f"f{n}", x=50, y=20 * n)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def multipart(parts: int) -> bytes:
    return mail("x", files={f"{n}.bin": b"\0" for n in range(parts)})


def merging(*areas: str) -> Callable[[str], str]:
    listed = "".join(f'<mergeCell ref="{area}"/>' for area in areas)
    return lambda xml: xml.replace("<pageMargins", f"<mergeCells>{listed}</mergeCells><pageMargins")


def nested(levels: int) -> bytes:
    """A Word file whose body holds elements within elements, none named alike."""
    names = [f"n{NOISE[12 * n : 12 * n + 12]}" for n in range(levels)]
    inside = "".join(f"<{name}>" for name in names) + "".join(
        f"</{name}>" for name in reversed(names)
    )
    return repacked(word("a"), document=lambda xml: xml.replace("<w:body>", f"<w:body>{inside}"))


LIMITED: dict[str, tuple[bytes, dict[str, int]]] = {
    "file-bytes": (delimited(people(3)), {"file_bytes": 100}),
    "zip-entries": (zipped({f"{n}.txt": b"a" for n in range(5)}), {"zip_entries": 4}),
    "zip-part-bytes": (zipped({"a.txt": NOISE[:9_000].encode()}), {"zip_part_bytes": 8_000}),
    "zip-total-bytes": (
        zipped({"a.txt": NOISE[:9_000].encode(), "b.txt": NOISE[:9_000].encode()}),
        {"zip_total_bytes": 10_000},
    ),
    "zip-ratio": (zipped({"a.txt": b"a" * 1_000_000}), {}),
    "xml-depth": (nested(40), {"xml_depth": 30}),
    "sheets": (workbook({"a": "| x |", "b": "| x |"}), {"sheets": 1}),
    "rows": (REGISTER, {"rows": 2}),
    "columns": (REGISTER, {"columns": 6}),
    "cells": (REGISTER, {"cells": 20}),
    "merged-areas": (repacked(REGISTER, sheet1=merging("I1:J1", "I2:J2")), {"merged_areas": 1}),
    "paper-chars": (word("a" * 50), {"paper_chars": 40}),
    "paper-tables": (word([["a"]], "b", [["c"]]), {"paper_tables": 1}),
    "mail-parts": (multipart(4), {"mail_parts": 3}),
    "mail-depth": (mail("x", files={"a.bin": b"\0"}), {"mail_depth": 1}),
    "mail-header-bytes": (mail("x", X_Long="y" * 500), {"mail_header_bytes": 400}),
    "attachments": (multipart(3), {"attachments": 2}),
    "pdf-pages": (pdf(pages=3), {"pdf_pages": 2}),
    "pdf-fields": (pdf(fields=3), {"pdf_fields": 2}),
    "pdf-stream-bytes": (pdf(length=4_000), {"pdf_stream_bytes": 2_000}),
    "csv-line-bytes": (f"{HEADER}\n{'x' * 2_000}\n".encode(), {"csv_line_bytes": 1_000}),
    "json-bytes": (b'[{"a": "bbbbbbbbbbbbbbbbbbb"}]', {"json_bytes": 20}),
    "json-depth": (b'[{"a": {"b": {"c": 1}}}]', {"json_depth": 3}),
}


@pytest.mark.parametrize("name", LIMITED)
def test_limit_is_told_with_what_was_seen_and_which_setting_allows_more(
    book, tmp_path: Path, name: str
) -> None:
    content, limits = LIMITED[name]
    (tmp_path / "a").write_bytes(content)
    messages = list(
        Judge(Setup(book, Limits(**limits), RECEIVED, "zh-Hans")).judge(
            FileToJudge(tmp_path / "a", "customer")
        )
    )
    (told,) = [m.reason for m in messages if isinstance(m, Refusal)]
    assert told.code == f"FB-limit-{name}"
    setting = name.replace("-", "_")
    allowed = f"{getattr(Limits(**limits), setting):,}"
    assert (told.details["setting"], told.details["limit"].removesuffix(":1")) == (
        f"limits.{setting}",
        allowed,
    )
    for language in ("zh-Hant", "zh-Hans", "en"):
        assert allowed in message(told, language)
        assert told.details["value"] in message(told, language)
    assert judge(book, tmp_path, content).failed in {
        None,
        "FB-no-header",
        "FB-no-answers",
        "FB-limit-zip-ratio",
        "FB-no-content",
    }  # as it is, it may


def test_every_limit_of_the_catalogue_is_tried() -> None:
    assert {f"FB-limit-{name}" for name in LIMITED} == {
        code for code in CATALOGUE if code.startswith("FB-limit-")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "limit", ["run_files: 2", f"run_bytes: {2 * len(delimited(people(2))) + 5}"]
)
def test_what_is_too_much_for_one_run_waits_for_the_next(tmp_path: Path, limit: str) -> None:
    place = workspace(tmp_path, case_reports="[]", limits=f"{{{limit}}}")
    for n in range(3):
        drop(place, f"{n}.csv", delimited(people(2)).replace("客户".encode(), f"人{n}".encode()))
    first = run(place)
    assert {f["name"]: f["outcome"] for f in first.manifest["files"]} == {
        "0.csv": "accepted",
        "1.csv": "accepted",
        "2.csv": "deferred",
    }
    assert [code for code in codes(first) if code[0] != "FB-alike"] == [("FB-waits", None, None)]
    assert (place / "inbox/2.csv").exists()
    assert counts(run(place))[1] == 2
    assert not (place / "inbox/2.csv").exists()


# --- bombs ---


def far(*places: tuple[int, int], table: str = people(3)) -> bytes:
    """A workbook with a table and lone cells at (row, column), 0-based."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    page = book.add_worksheet()
    for r, row in enumerate(cells(table) if table else []):
        page.write_row(r, 0, row)
    for row, column in places:
        page.write_string(row, column, "x")
    book.close()
    return buffer.getvalue()


def compound(sectors: int, *, differing: bool = False) -> bytes:
    """The header of an old Office file whose sector table has so many sectors, each following itself."""
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\0" * 16
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + b"\0" * 6
    )
    end = 0xFFFFFFFE
    header += struct.pack(
        "<9I", 0, sectors, 1, 0, 4096, end, 0, 0 if differing else end, sectors if differing else 0
    )
    return header + struct.pack("<109I", *[0] * 109)


def repeated(rows: int, columns: int) -> bytes:
    """An OpenDocument sheet with the usual header and one good row, said to be there many times."""
    again = f'<table:table-row table:number-rows-repeated="{rows}">'
    content = repacked(
        ods(f"{CUSTOMER}\n{GOOD}"),
        content=lambda xml: again.join(xml.rsplit("<table:table-row>", 1)),
    )
    if columns > 1:
        last = f'<table:table-cell table:number-columns-repeated="{columns}" '
        content = repacked(
            content, content=lambda xml: last.join(xml.rsplit("<table:table-cell ", 1))
        )
    return content


def attributes(number: int) -> str:
    return " ".join(f'{NOISE[n : n + 9]}{n}="{n % 9}"' for n in range(number))


def deep(levels: int) -> str:
    return "".join(f"<{NOISE[9 * n : 9 * n + 9]}>" for n in range(levels))


ENTITIES = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
TAKEN = None

BOMBS: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "cell in the last corner beside a table": (lambda: far((1_048_575, 16_383)), "FB-too-expensive"),
    "cell in the last corner": (lambda: far((1_048_575, 16_383), table=""), "FB-no-header"),
    "dimension over everything": (lambda: repacked(REGISTER, sheet1=lambda x: x.replace("A1:G4", "A1:XFD1048576")), TAKEN),
    "merged over everything": (lambda: repacked(REGISTER, sheet1=merging("A1:XFD1048576")), "FB-no-header"),
    "merged over everything below": (lambda: repacked(REGISTER, sheet1=merging("A2:XFD1048576")), TAKEN),
    "merged a hundred thousand times": (lambda: repacked(REGISTER, sheet1=merging(*(f"I{n}:J{n}" for n in range(1, 100_001)))), "FB-limit-merged-areas"),
    "four thousand million texts": (lambda: repacked(REGISTER, sharedStrings=lambda x: re.sub(r'ount="\d+"', 'ount="4294967295"', x)), TAKEN),  # by the second reader
    "text of 40 MB": (lambda: repacked(REGISTER, sharedStrings=lambda x: x.replace("<t>客厅</t>", f"<t>{'a' * 40_000_000}</t>")), "FB-limit-zip-ratio"),
    "entities in a workbook": (lambda: repacked(REGISTER, sheet1=lambda x: x.replace("<worksheet", f"{ENTITIES}<worksheet")), "FB-broken"),
    "entities in a Word file": (lambda: repacked(word("a"), document=lambda x: x.replace("<w:document", f"{ENTITIES}<w:document")), "FB-broken"),
    "elements a hundred thousand deep": (lambda: repacked(REGISTER, sheet1=lambda x: x.replace("<sheetData>", f"{deep(100_000)}<sheetData>")), TAKEN),
    "elements a hundred thousand deep in a Word file": (lambda: repacked(word("a"), document=lambda x: x.replace("<w:body>", f"<w:body>{deep(100_000)}")), "FB-limit-xml-depth"),
    "two hundred thousand attributes": (lambda: repacked(REGISTER, sheet1=lambda x: x.replace('<row r="2"', f'<row {attributes(200_000)} r="2"')), TAKEN),
    "cell over a hundred million columns": (lambda: repacked(word([["a", "b"]]), document=lambda x: x.replace("<w:tcPr>", '<w:tcPr><w:gridSpan w:val="100000000"/>')), "FB-limit-cells"),
    "four thousand million sectors": (lambda: compound(0xFFFFFFFF) + b"\0" * 100, "FB-too-expensive"),
    "sectors in a circle": (lambda: compound(1) + bytes(1_024), "FB-too-expensive"),
    "tables of sectors in a circle": (lambda: compound(0xFFFFFFF0, differing=True) + bytes(1_024), "FB-too-expensive"),
    "row three thousand times": (lambda: repeated(3_000, 1), "FB-limit-rows"),
    "row a million times": (lambda: repeated(1_048_576, 1), "FB-too-expensive"),
    "row a million times with columns": (lambda: repeated(1_048_576, 16_384), "FB-broken"),
    "quote that is never closed": (lambda: f'{HEADER}\n"王{"x," * 30}\n{f"a{chr(44) * 60}{chr(10)}" * 300_000}'.encode(), "FB-limit-csv-line-bytes"),
    "line of three million": (lambda: f"{HEADER}\n{'x' * 3_000_000}\n".encode(), "FB-limit-csv-line-bytes"),
    "hundred thousand columns": (lambda: (b",".join([b"a"] * 100_000) + b"\n") * 20, "FB-limit-columns"),
    "cells over cells of a page": (lambda: b"<table>" + b"<tr><td colspan=500>x" * 400_000, "FB-too-expensive"),
    "tables in tables of a page": (lambda: b"<table><tr><td>x" * 100_000, "FB-no-header"),
}  # fmt: skip


@pytest.mark.slow
def test_every_bomb_ends_in_its_own_outcome_and_the_next_file_is_taken(tmp_path: Path) -> None:
    place = workspace(
        tmp_path,
        case_reports="[]",
        limits="{memory_bytes: 400000000, cpu_seconds: 5, wall_seconds: 20, rows: 2000}",
    )
    for number, (make, _) in enumerate(BOMBS.values()):
        drop(place, f"{number:02d}", make())
    drop(place, "99.csv", delimited(people(5)))
    result = run(place)
    names = {f"{number:02d}": name for number, name in enumerate(BOMBS)}
    became = {names[f.name]: f.code for f in result.receipt.files if f.name != "99.csv"}
    assert became == {name: code for name, (_, code) in BOMBS.items()}
    assert (
        next(f for f in result.manifest["files"] if f["name"] == "99.csv")["accepted"] == 2
    )  # three came in the bombs that are none
    assert {f["outcome"] for f in result.manifest["files"]} <= {
        "accepted",
        "duplicate",
        "returned",
        "quarantined",
    }
    counts(result)


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="workers are forked on Linux")
def test_files_that_go_back_leave_the_worker_to_the_next(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    for n in range(12):
        drop(place, f"{n}.csv", b"a,b\n" + b"1,2\n" * (n + 1))
    drop(place, "z.csv", delimited(people(2)))
    forks: list[int] = []
    os.register_at_fork(before=lambda: forks.append(1))
    assert counts(run(place))[1] == 2
    assert len(forks) == 1


# --- answers made to be slow ---

_N = 30_000
SLOW = {
    "letters": "a" * _N + "!",
    "one character": "一" * _N,
    "spaces": f"x{' ' * _N}x",
    "wide spaces": f"x{'　' * _N}x",
    "digits": "1" * _N + "!",
    "dashes": "1-" * (_N // 2) + "x",
    "mail": "a@" * (_N // 2),
    "domain": "a@a" + ".a" * (_N // 2) + "@",
    "brackets": "（" * _N,
    "lines": "\n" * _N + "x",
    "boxes": "□是☑" * (_N // 3),
    "escapes": "_x000D_" * (_N // 7),
    "year": "2026年" * (_N // 5),
    "combining": "a" + "\u0301" * _N,
    "wide words": "㍿" * _N,
    "denials": "没有漏电" * (_N // 4),
    "printed lines": "=" + "_" * _N + "x",
    "lines in spaces": "_" + " _" * (_N // 2) + "x",
    "quoted quotes": '="' + '"' * _N + "x",
    "unseen": "a\u200b" * (_N // 2),
    "ways to reach somebody": "1a;" * (_N // 3) + "x",
    "powers": "1E+" * (_N // 3) + "x",
    "letters of options": "A." * (_N // 2),
    "stamps": "2026-11-05 " + "1:" * (_N // 2),
}


@pytest.mark.slow
def test_answer_made_to_be_slow_takes_less_than_50_ms(book) -> None:
    schema = book.sources[0]
    usual = dict(
        zip(
            ("reporter", "contact", "reported_at", "product", "model", "description", "scene"),
            cells(GOOD)[0],
            strict=True,
        )
    )
    one_of_each = {field.type: field for field in reversed(schema.fields)} | {
        "text": next(f for f in schema.fields if f.id == "description")
    }
    rows = [
        [text if f is field else usual.get(f.id) for f in schema.fields]
        for text in SLOW.values()
        for field in one_of_each.values()
    ]
    header = [field.label["zh-Hans"] for field in schema.fields]
    layout = identify([header], [schema], sheet="S")
    assert isinstance(layout, Layout)
    ready = RowJudge(Setup(book, Limits(), RECEIVED, "zh-Hans"))
    begun = time.process_time()
    seen = list(ready.rows(sheet_of("S", [header, *rows]), layout, channel="email"))
    assert (
        sum(len(chunk.numbers) + len(chunk.returned) for chunk in seen)
        == len(rows)
        == len(SLOW) * len(one_of_each)
    )
    assert time.process_time() - begun < 0.05 * len(rows)


# --- nothing is executed, nothing is followed ---

PAYLOADS = [
    *["=cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "+1+1 一加一", "-1+1 一减一", "=HYPERLINK(\"http://example.com\",\"点\")", "＝1+1 全角"],
    *["http://example.com/a 网址", "mailto:a@example.com 邮箱", "file:///etc/passwd 文件", "DDE (\"cmd\";\"/C calc\";\"!A0\")A0", "\t=1+1 制表", "#N/A 错误"],
    *["{{7*7}} 模板", "{% for x in (1,2) %}循环{% endfor %}", "${7*7} #{7*7} <%= 7*7 %>", "{{ ''.__class__.__mro__ }}", "{label} {0} %s %(a)s"],
    *["<script>alert(1)</script>脚本", "<img src=x onerror=alert(1)>图", "&lt;b&gt; &amp; <b>&x", "]]> <!-- 注释 -->", "_x0041_BC 转义", "a\u202eb 反向"],
]  # fmt: skip


def naughty() -> list[str]:
    """Lines of others' lists of payloads, where they are there."""
    found: list[str] = []
    for name in ("payloads/CSV Injection/README.md", "blns/blns.txt"):
        if (CORPUS / name).exists():
            lines = [
                line.strip() for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()
            ]
            found += [line for line in lines if len(line) > 3 and not line.startswith("# ")]
    return found


def documents(result: RunResult, *suffixes: str) -> list[Path]:
    assert result.folder is not None
    return sorted(path for path in result.folder.rglob("*") if path.suffix in suffixes)


def parts_of(path: Path) -> Mapping[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {
            name: archive.read(name).decode("utf-8", "replace")
            for name in archive.namelist()
            if name.endswith((".xml", ".rels"))
        }


def text_of(path: Path) -> str:
    """What people read in a document, and what stands in its other parts."""
    if path.suffix == ".pdf":
        with pypdfium2.PdfDocument(path) as file:
            return "".join(page.get_textpage().get_text_bounded() for page in file)
    if path.suffix == ".html":
        return html.unescape(path.read_text(encoding="utf-8"))
    return html.unescape("".join(re.sub(r"<[^>]+>", "", xml) for xml in parts_of(path).values()))


def shown(text: str) -> str:
    """A text as documents show it: without what nobody sees, line breaks anywhere."""
    return re.sub(r"\s+", "", text.replace("\u202e", ""))


def check_that_nothing_is_live(result: RunResult) -> None:
    """No formula, no link, nothing from outside."""
    fields: set[str] = set()
    for path in documents(result, ".xlsx", ".docx"):
        for name, xml in parts_of(path).items():
            live = re.search(
                r"<f[ >]|<(w:)?hyperlink|TargetMode=\"External\"|ddeLink|oleObject|attachedTemplate|<w:altChunk",
                xml,
            )
            assert live is None, (path.name, name)
            fields |= set(re.findall(r"<w:instrText[^>]*>\s*(\w+)", xml)) | set(
                re.findall(r'w:instr="\s*(\w+)', xml)
            )
    assert fields <= {"PAGE", "NUMPAGES"}
    for path in documents(result, ".pdf"):
        objects = re.sub(rb"stream\r?\n.*?endstream", b"", path.read_bytes(), flags=re.DOTALL)
        assert objects.count(b"endobj") > 10
        live = rb"/(URI|JavaScript|JS|Launch|SubmitForm|OpenAction|EmbeddedFile)\b"
        assert not re.search(live, objects), path.name
    for path in documents(result, ".html"):
        page = path.read_text(encoding="utf-8")
        assert [
            link
            for link in re.findall(r"(?:href|src)=[\"']([^\"']*)", page)
            if ":" in link.partition("/")[0]
        ] == []
        assert not re.search(r"<(script|img|b)\b", page)


def check_that_nothing_was_rendered(result: RunResult) -> None:
    """Templates stand in every kind of document as they came."""
    for suffix in (".docx", ".pdf", ".html", ".xlsx"):
        text = shown("".join(text_of(path) for path in documents(result, suffix)))
        assert "{{7*7}}" in text, suffix
        assert [made for made in ("49模板", "循环循环", "<class") if made in text] == [], suffix


@pytest.mark.slow
def test_payloads_stand_in_the_documents_as_they_were_written_and_nothing_is_live(
    tmp_path: Path,
) -> None:
    place = workspace(tmp_path, case_reports="[severe]")
    header, row = cells(f"{CUSTOMER}\n{GOOD}")
    severe = [
        text for n, text in enumerate(PAYLOADS) if "{" in text or n % 4 == 0
    ]  # these get every document of a case
    told = [
        f"{'插电后冒烟' if text in severe else '建议'}：{text} {n}"
        for n, text in enumerate(PAYLOADS)
    ]
    rows = [
        [f"{text} {n}", row[1], row[2], text, "X-1", told[n], text]
        for n, text in enumerate(PAYLOADS)
    ]
    rows += [
        [f"客户{n}", row[1], row[2], row[3], row[4], f"建议：{text}", text]
        for n, text in enumerate(naughty())
    ]
    drop(place, "=cmd {{7*7}} <b>.xlsx", sheet([header, *rows]))
    drop(
        place,
        "m.eml",
        mail(
            "\n".join(PAYLOADS),
            subject="=1+1 {{7*7}}",
            files={"=cmd|' {{7*7}}.png": b"\x89PNG\r\n\x1a\n"},
        ),
    )
    drop(
        place, "b.csv", delimited([header, [*row[:2], "{{7*7}}", *row[3:]], [*row[:5], "", "=1+1"]])
    )
    result = run(place)
    assert counts(result)[1] >= len(PAYLOADS) + 1
    assert len(documents(result, ".docx")) > len(severe)
    check_that_nothing_is_live(result)
    check_that_nothing_was_rendered(result)
    (summary,) = (path for path in documents(result, ".xlsx") if path.parent.name == "summary")
    found = [
        cell
        for page in openpyxl.load_workbook(summary)
        for line in page.iter_rows()
        for cell in line
        if cell.value is not None
    ]
    assert {cell.data_type for cell in found} <= {"s", "n", "d"}
    seen = "\n".join(shown(str(cell.value)) for cell in found)
    assert [text for text in told if shown(text) not in seen] == []


# --- nothing leaks ---

CANARIES = [
    *[
        "欧阳金丝雀",
        "Canaria Finchley",
        "13800990991",
        "+886 912 990 992",
        "jinsique@example.com",
        "finchley@example.com",
    ],
    *[
        "110101199003079917",
        "A129900993",
        "北京市金丝雀路99号",
        "99 Canary Row, Finch City",
        "wxid_jinsique99",
        "金丝雀不会唱歌",
    ],
]
NAMED = ["张金雀", "Serinus", "13800990994"]
"""What stands in names of files, also in archives, and of sheets; the terminal tells these, for people must know what is meant."""


def leaking(place: Path) -> None:
    """An inbox in which personal data stands wherever it may: in good rows, bad ones, error cells, broken files, names."""
    header, row = cells(f"{CUSTOMER}\n{GOOD}")
    rows = [
        [CANARIES[n % 12], *row[1:5], f"{CANARIES[(n + 1) % 12]} 无法开机", CANARIES[(n + 2) % 12]]
        for n in range(12)
    ]
    bad = [[canary] * 7 for canary in CANARIES]
    drop(place, f"{NAMED[0]}/{NAMED[1]} {NAMED[2]}.xlsx", sheet([header, *rows, *bad]))
    drop(
        place,
        "errors.csv",
        delimited(
            [[*header, *CANARIES], *[[*line[:5], "#N/A", "=1/0", *CANARIES] for line in bad]]
        ),
    )
    drop(
        place,
        "unknown.xlsx",
        workbook({NAMED[0]: [CANARIES[:6], CANARIES[6:]], NAMED[1]: [[*CANARIES]]}),
    )
    drop(
        place,
        "broken.xlsx",
        repacked(sheet(bad), sheet1=lambda xml: xml.replace("</row>", f"<{CANARIES[0]}>")),
    )
    drop(
        place,
        "disputed.xlsx",
        repacked(
            sheet([header, *rows]),
            sheet1=lambda xml: xml.replace('<row r="3"', '</sheetData><sheetData><row r="3"'),
        ),
    )
    drop(
        place,
        "a.docx",
        word(
            "、".join(CANARIES),
            [[label, canary] for label, canary in zip(header, CANARIES, strict=False)],
        ),
    )
    drop(
        place,
        "a.json",
        ("[{" + ",".join(f'"{canary}": "{canary}"' for canary in CANARIES) + ",]").encode(),
    )
    drop(
        place,
        "m.eml",
        mail(
            "\n".join(CANARIES),
            subject=CANARIES[11],
            sender=f"{CANARIES[0]} <{CANARIES[4]}>",
            files={f"{CANARIES[1]}.bin": b"\0\1"},
        ),
    )
    drop(
        place,
        "a.zip",
        zipped({f"{NAMED[0]}.csv": delimited([header, *bad]), f"{NAMED[1]}.xlsx": REGISTER[:300]}),
    )
    drop(place, "zip.zip", zipped({f"../{NAMED[2]}.csv": b"a"}))
    drop(place, "p.pdf", pdf().replace(b"xxxxxxxxxx", b"xxxxxxxxx("))


def command(place: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "fbbatch",
        "run",
        "-w",
        str(place),
        "--as-of",
        "2026-11-20",
        *more,
    ]


def leaked(text: str, *also: str) -> list[str]:
    return [canary for canary in (*CANARIES, *also) if canary in text]


@pytest.mark.slow
def test_personal_data_stays_in_ledger_archive_and_outbox(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]", jobs=2)
    leaking(place)
    before = sorted(
        sha
        for name, (_, sha) in tree(place / "inbox").items()
        if sha and not name.endswith("README.txt")
    )
    (tmp_path / "tmp").mkdir()
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("FBBATCH_")},
        "TMPDIR": str(tmp_path / "tmp"),
    }
    done = subprocess.run(
        command(place, "-v"),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=environment,
        timeout=120,
        check=False,
    )
    assert done.returncode == ExitCode.RETURNED
    assert leaked(done.stdout) == []
    assert leaked(done.stderr, *NAMED) == []
    assert done.stderr == ""
    for path in place.rglob("*"):
        inside = path.relative_to(place)
        if inside.parts[0] in {"inbox", "archive"}:
            continue
        assert leaked(str(inside), *NAMED) == [], inside
        if (
            path.is_file()
            and inside.parts[0] != "outbox"
            and not inside.name.startswith("ledger.db")
        ):
            assert leaked(path.read_bytes().decode("utf-8", "replace"), *NAMED) == [], inside
    assert list((tmp_path / "tmp").iterdir()) == []
    assert (
        sorted(sha for _, sha in tree(place / "archive").values() if sha) == before
    )  # the originals, as they came


STRACE = shutil.which("strace")


@pytest.mark.slow
@pytest.mark.skipif(
    STRACE is None, reason="strace is not installed; it watches what the processes do"
)
def test_reading_calls_nobody_starts_nothing_and_names_no_file_after_a_person(
    tmp_path: Path,
) -> None:
    assert STRACE is not None
    place = workspace(tmp_path, case_reports="[]", jobs=2)
    leaking(place)
    drop(
        place,
        "page.xls",
        b'<html><link href="http://example.com/a.css"><table><tr><td><img src="http://example.com/a.png">a</table></html>',
    )
    trace = tmp_path / "trace"
    calls = "trace=connect,socket,execve,execveat,openat,mkdir,rename,renameat2,link,symlink"
    started = subprocess.run(
        [STRACE, "-f", "-s", "4096", "-e", calls, "-o", str(trace), *command(place, "--quiet")],
        capture_output=True, cwd=REPOSITORY, timeout=180, check=False,
    )  # fmt: skip
    if not trace.exists() or b"ptrace" in started.stderr:
        pytest.skip("strace may not trace here")
    assert (started.stdout, started.stderr) == (b"", b"")  # as the scheduler runs it
    lines = [
        line.partition(" ")[2].strip()
        for line in trace.read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    assert [line for line in lines if line.startswith(("connect(", "socket("))] == []
    assert (
        len([line for line in lines if line.startswith("execve") and "ENOENT" not in line]) == 1
    )  # the interpreter itself
    made = [
        line
        for line in lines
        if "O_CREAT" in line or line.startswith(("mkdir(", "rename", "link(", "symlink("))
    ]
    names = [
        name.encode("latin-1", "ignore")
        .decode("unicode_escape")
        .encode("latin-1", "ignore")
        .decode("utf-8", "replace")
        for name in made
    ]
    assert len(names) > 10
    assert [name for name in names if leaked(name, *NAMED) and "/archive/" not in name] == []
