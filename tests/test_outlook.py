"""Outlook's .msg: the same mail as an .eml, whichever way its texts are kept; damaged, hostile and unreadable ones end in a finding."""

import dataclasses
import datetime as dt
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fbbatch.judge.files import _NOT_UNDERSTOOD
from fbbatch.model import Finding
from fbbatch.read import Limits, kind_of, open_content
from fbbatch.read.mail import read_mail
from fbbatch.read.outlook import is_outlook, read_outlook
from fbbatch.read.paper import Letter, Part
from tests.builders import codes, drop, judge, mail, people, run, sheet, workspace, xls
from tests.ole import MESSAGE, Attached, Message, compound_file, outlook

LIMITS = Limits()
SENT = dt.datetime(2026, 11, 5, 2, 30, tzinfo=dt.UTC)
TEXT = "音箱的蓝牙经常断开，需要重新配对。"
TRADITIONAL = "音箱的藍牙經常斷開，需要重新配對。"


def letter(message: Message | bytes, limits: Limits = LIMITS) -> Letter:
    found = open_content(message if isinstance(message, bytes) else message.bytes(), limits)
    assert isinstance(found, Letter), found
    return found


def code(message: Message | bytes, limits: Limits = LIMITS) -> str:
    found = open_content(message if isinstance(message, bytes) else message.bytes(), limits)
    assert isinstance(found, Finding), found
    return found.code


# --- what it is ---


def test_message_is_known_by_its_root_or_by_the_names_of_its_streams() -> None:
    tree = outlook(TEXT).tree(32)
    assert kind_of(compound_file(tree, MESSAGE)) == kind_of(compound_file(tree)) == "msg"
    assert kind_of(outlook(TEXT, files={"a.xls": xls([["a"]])}).bytes()) == "msg"
    assert kind_of(xls([["__substg1.0_"]])) == "xls"
    assert not is_outlook(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


# --- what it says ---


def test_mail_of_outlook_is_the_same_letter_as_the_mail() -> None:
    files = {"问卷.xlsx": sheet(people(2)), "照片 1.jpg": b"\xff\xd8\xff\r\n--\r\n\0" * 900}
    found = letter(outlook(TEXT, subject="蓝牙断开", files=files))
    usual = read_mail(
        mail(TEXT, subject="蓝牙断开", date="Thu, 05 Nov 2026 02:30:00 +0000", files=files), LIMITS
    )
    assert isinstance(usual, Letter)
    assert found == dataclasses.replace(usual, body=TEXT, recipients=())
    assert (found.sender, found.address, found.sent_at, found.message_id) == (
        "王小明",
        "wang@example.com",
        SENT,
        "1@example.com",
    )
    assert found.parts == tuple(Part(name, content) for name, content in files.items())


@pytest.mark.parametrize(
    ("page", "encoding", "text"),
    [(936, "gbk", TEXT), (54936, "gb18030", TEXT + "𠮷"), (950, "cp950", TRADITIONAL), (950, "big5hkscs", TRADITIONAL + "嘅啲"), (65001, "utf-8", TEXT)],
)  # fmt: skip
def test_texts_in_a_code_page_are_read_in_it(page: int, encoding: str, text: str) -> None:
    found = letter(
        outlook(
            text,
            subject=text,
            files={f"{text}.txt": b"x"},
            page=page,
            encoding=encoding,
            x0042="王小明"[:2],
            x0C1A=None,
        )
    )
    assert (found.subject, found.body, found.sender, found.parts[0].name) == (
        text,
        text,
        "王小",
        f"{text}.txt",
    )


def test_body_may_have_a_code_page_of_its_own_and_a_wrong_one_costs_no_text() -> None:
    assert letter(outlook(TEXT, page=1252, encoding="gbk", x3FDE=936)).body == TEXT
    assert letter(outlook(TRADITIONAL, page=1200, encoding="big5", x3FDE=950)).body == TRADITIONAL
    assert letter(outlook(TEXT * 3, page=65001, encoding="gb18030")).body == TEXT * 3


def test_html_is_made_readable_where_there_is_no_plain_text() -> None:
    html = "<html><body><p>音箱<br>断开</p></body></html>"
    assert letter(outlook(x1013=html.encode("gbk"), x3FDE=936)).body == "音箱\n断开"
    assert letter(outlook(x1013=html)).body == "音箱\n断开"
    assert letter(outlook(x1013=f'<meta charset="big5">{"藍牙"}'.encode("big5"))).body == "藍牙"
    assert letter(outlook("纯文本", x1013=html)).body == "纯文本"
    assert letter(outlook(" \r\n", x1013=html)).body == "音箱\n断开"


def test_text_in_rtf_only_is_kept_as_a_part() -> None:
    found = letter(outlook(subject="蓝牙断开", x1009=b"\x10\0\0\0\x20\0\0\0LZFu\0\0\0\0"))
    assert (found.body, [part.name for part in found.parts]) == ("", ["body.rtf"])
    assert letter(outlook("纯文本", x1009=b"LZFu")).parts == ()


HEADERS = (
    "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from mx\r\n\tby mail; Thu\r\nFrom: =?gb2312?B?1cXI/Q==?= <zhang@example.com>\r\n"
    "Date: Thu, 5 Nov 2026 18:00:00 +0800\r\nMessage-ID: <7@x>\r\nIn-Reply-To: <6@x>\r\nContent-Type: multipart/mixed;\r\n boundary=lost\r\n"
)


def test_headers_that_came_with_the_mail_are_used() -> None:
    found = letter(outlook(TEXT, x007D=HEADERS, x5D02=None, x0065="/O=EXAMPLE/CN=X"))
    assert (found.sender, found.address) == ("张三", "zhang@example.com")
    assert (found.sent_at, found.message_id, found.references) == (
        SENT.replace(hour=10, minute=0),
        "7@x",
        ("6@x",),
    )
    assert letter(outlook(TEXT, x007D=HEADERS)).address == "wang@example.com"


@pytest.mark.parametrize(
    ("properties", "author"),
    [
        ({"x5D02": None, "x0C1F": "li@example.com"}, ("王小明", "li@example.com")),
        ({"x5D02": None}, ("王小明", "")),
        ({"x0042": "wang@example.com"}, ("", "wang@example.com")),
        ({"x0042": "'Wang, \"X\" <b>'"}, ('Wang, "X" <b>', "wang@example.com")),
        ({"x0042": "a\r\nBcc: x@example.com"}, ("a Bcc: x@example.com", "wang@example.com")),
    ],
)
def test_sender_without_headers_has_a_name_and_an_address(
    properties: dict[str, str], author: tuple[str, str]
) -> None:
    found = letter(outlook(TEXT, **properties))
    assert (found.sender, found.address) == author


def test_draft_has_no_date_and_a_delivered_mail_has_that_of_its_delivery() -> None:
    assert letter(outlook(TEXT, x0039=None)).sent_at is None
    assert letter(outlook(TEXT, x0039=2**63)).sent_at is None
    assert letter(outlook(TEXT, x0039=None, x0E06=SENT)).sent_at == SENT


def test_mark_in_front_of_a_subject_is_no_part_of_it() -> None:
    assert letter(outlook(TEXT, subject="\x01\x05Re: 蓝牙")).subject == "Re: 蓝牙"


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({}, ""),
        ({"x007D": "Auto-Submitted: auto-replied\r\nFrom: a@example.com"}, "auto-reply"),
        ({"subject": "自动回复: 蓝牙"}, "auto-reply"),
        ({"x001A": "IPM.Note.Rules.OofTemplate.Microsoft"}, "auto-reply"),
        ({"x001A": "REPORT.IPM.Note.IPNRN"}, "auto-reply"),
        ({"x001A": "REPORT.IPM.Note.NDR"}, "bounce"),
        ({"subject": "Undeliverable: 蓝牙"}, "bounce"),
        (
            {
                "x007D": "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=x\r\nFrom: a@example.com"
            },
            "bounce",
        ),
        ({"x007D": "X-FBBatch-Document: D20\r\nFrom: a@example.com"}, "own"),
        ({"x007D": "List-Id: <feedback.example.com>\r\nFrom: a@example.com"}, "list"),
    ],
)
def test_automatic_mails_are_known_by_the_rules_for_all_mails(
    properties: dict[str, str], why: str
) -> None:
    assert letter(outlook(TEXT, **properties)).automatic == why


# --- what is attached ---


def test_attached_message_is_a_part_that_is_a_mail() -> None:
    inner = outlook(
        TRADITIONAL, subject="原信/一", files={"a.csv": b"a,b"}, page=950, encoding="big5"
    )
    outer = outlook(TEXT)
    outer.files = [Attached(inner, "显示名称"), Attached(b"x", "../路径\\b.txt", "text/plain")]
    first, second = letter(outer).parts
    assert second == Part("b.txt", b"x")
    found = read_mail(first.content, LIMITS)
    assert isinstance(found, Letter)
    assert (found.subject, found.body, [part.name for part in found.parts]) == (
        "原信/一",
        TRADITIONAL,
        ["a.csv"],
    )
    assert first.name == "原信_一.eml"


def test_object_of_another_program_is_its_largest_stream_and_a_link_is_a_line() -> None:
    message = outlook(TEXT)
    message.files = [
        Attached({"\x01Ole": b"a", "CONTENTS": b"%PDF-1.4" * 20}, "图"),
        Attached("https://example.com/f", "报告.xlsx"),
    ]
    found = letter(message)
    assert found.parts == (Part("图", b"%PDF-1.4" * 20),)
    assert found.body == f"{TEXT}\n报告.xlsx https://example.com/f"


def test_signed_mail_is_read_and_an_encrypted_one_is_told() -> None:
    signed = b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nsigned text\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--s--"
    message = outlook(x001A="IPM.Note.SMIME.MultipartSigned")
    message.files = [Attached(signed, "smime.p7m", "multipart/signed")]
    assert (letter(message).body, letter(message).address) == ("signed text", "wang@example.com")
    message = outlook(x001A="IPM.Note.SMIME")
    message.files = [Attached(bytes.fromhex("308006092a864886f70d010703a080"), "smime.p7m")]
    assert code(message) == "FB-encrypted"
    message.files = [Attached(bytes.fromhex("308006092a864886f70d010702a080"), "smime.p7m")]
    assert [part.name for part in letter(message).parts] == ["smime.p7m"]


def test_limits_are_those_of_all_mails() -> None:
    assert (
        code(outlook(TEXT, files={f"{n}.txt": b"x" for n in range(21)})) == "FB-limit-attachments"
    )
    assert code(outlook(TEXT, x007D="X-A: b\r\n" * 40_000)) == "FB-limit-mail-header-bytes"
    deep = outlook(TEXT)
    for _ in range(11):
        deep = dataclasses.replace(outlook(TEXT), files=[Attached(deep)])
    assert code(deep) == "FB-limit-mail-depth"


# --- in a run ---


@pytest.mark.slow
def test_questionnaire_attached_to_a_mail_of_outlook_becomes_cases(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    drop(
        place,
        "m.msg",
        outlook(
            "请查收附件", files={"问卷.xlsx": sheet(people(3)), "a.jpg": b"\xff\xd8\xff"}
        ).bytes(),
    )
    drop(place, "auto.msg", outlook("我在休假", subject="自动回复: 谢谢").bytes())
    drop(
        place,
        "wrong name.xls",
        outlook("智能音箱 X-1 外壳裂了", subject="外壳", page=936, encoding="gbk").bytes(),
    )
    result = run(place)
    assert {f["name"]: (f["outcome"], f["accepted"]) for f in result.manifest["files"]} == {
        "m.msg": ("accepted", 0),
        "m.msg/问卷.xlsx": ("accepted", 3),
        "auto.msg": ("set_aside", 0),
        "wrong name.xls": ("accepted", 1),
    }
    assert "FB-automatic-mail" in {told for told, *_ in codes(result)}


def test_without_the_extra_the_mail_is_quarantined_and_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "olefile", None)
    place = workspace(tmp_path)
    drop(place, "m.msg", outlook(TEXT).bytes())
    drop(
        place,
        "forwarded.eml",
        mail("智能音箱 X-1 有杂音", files={"m.msg": outlook("无法开机").bytes()}),
    )
    files = {f["name"]: (f["outcome"], f["code"]) for f in run(place).manifest["files"]}
    assert files["m.msg"] == files["forwarded.eml/m.msg"] == ("quarantined", "FB-no-outlook-reader")
    assert "FB-no-outlook-reader" not in _NOT_UNDERSTOOD


# --- damaged and hostile ---

WHOLE = outlook(
    TEXT, subject="蓝牙断开", files={"a.csv": b"a,b\r\n" * 1_000, "b.txt": b"x" * 5_000}
).bytes()


def test_mail_that_is_cut_off_is_broken_wherever_it_is_cut() -> None:
    for cut in range(8, len(WHOLE) - 512, 97):
        found = read_outlook(WHOLE[:cut], LIMITS)
        assert isinstance(found, Finding), cut
        assert found.code == "FB-broken"


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=12
    )
)
def test_damaged_mail_is_a_letter_or_a_finding(changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for at, value in changes:
        content[at] = value
    found = read_outlook(bytes(content), LIMITS)
    assert isinstance(found, Letter) or found.code == "FB-broken"


def test_streams_that_claim_the_same_bytes_or_more_than_there_are_end_at_the_size_of_the_file() -> (
    None
):
    content = bytearray(outlook(TEXT, files={f"{n}.bin": b"x" * 50_000 for n in range(4)}).bytes())
    first = None
    at = content.find("__substg1.0_37010102".encode("utf-16-le"))
    while at >= 0:  # all four files are said to be the first, and as long as the whole
        first = first or bytes(content[at + 116 : at + 120])
        content[at + 116 : at + 128] = first + (60_000).to_bytes(8, "little")
        at = content.find("__substg1.0_37010102".encode("utf-16-le"), at + 128)
    assert code(bytes(content)) == "FB-broken"


def test_feedback_in_a_mail_of_outlook_is_that_of_its_writer(book, tmp_path: Path) -> None:
    (row,) = judge(
        book,
        tmp_path,
        outlook("智能音箱 X-1 外壳裂了", subject="外壳").bytes(),
        folder=None,
        name="m.msg",
    ).accepted
    told = row["answers"]
    assert (told["reporter"], told["contact"], told["reported_at"][:10]) == (
        "王小明",
        "wang@example.com",
        "2026-11-05",
    )
