"""Whose words a mail holds: forwarded, answered, sent by a web form; what is attached to it."""

import base64
import binascii
import datetime as dt
import email.policy
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.errors import ExitCode
from fbbatch.read.limits import Limits
from fbbatch.read.mail import read_mail
from fbbatch.read.mail_words import passages
from fbbatch.read.paper import Letter
from tests.builders import Judged, delimited, drop, judge, mail, people, run, sheet, word, workspace

HOME = "home.example.com"
STAFF = "王思妤 <wang.sy@example.com>"
OUTLOOK = """請登記

________________________________
寄件者: 陳美玲 <chen.ml@example.com>
寄件日期: 2026年11月4日 上午 09:12
收件者: 王思妤 <wang.sy@example.com>
主旨: 智能音箱沒有聲音

智能音箱 X-1 沒有聲音。
"""
NETEASE = """-------- 转发邮件信息 --------
发件人："陳美玲" <chen.ml@example.com>
发送日期：2026-11-04 09:12:12
收件人：service@example.com
主题：智能音箱沒有聲音

智能音箱 X-1 沒有聲音。
"""
QQ = """------------------ 原始邮件 ------------------
发件人: "陳美玲"<chen.ml@example.com>;
发送时间: 2026年11月4日(星期三) 上午9:12
收件人: "客服"<service@example.com>;

主题: 智能音箱沒有聲音


智能音箱 X-1 沒有聲音。
"""
GMAIL = """---------- Forwarded message ---------
From: 陳美玲 <chen.ml@example.com>
Date: Wed, Nov 4, 2026 at 9:12 AM
Subject: 智能音箱沒有聲音
To: <service@example.com>


智能音箱 X-1 沒有聲音。
"""
APPLE = """Begin forwarded message:

> From: 陳美玲 <chen.ml@example.com>
> Subject: 智能音箱沒有聲音
> Date: November 4, 2026 at 9:12:00 AM GMT+8
> To: service@example.com
>
> 智能音箱 X-1 沒有聲音。
"""
THUNDERBIRD = """-------- Forwarded Message --------
Subject: \t智能音箱沒有聲音
Date: \tWed, 4 Nov 2026 09:12:00 +0800
From: \t陳美玲 <chen.ml@example.com>
To: \tservice@example.com

智能音箱 X-1 沒有聲音。
"""
TWICE = f"""FYI

-----Original Message-----
From: 客服 <service@example.com>
Sent: Thursday, November 5, 2026 8:00 AM
To: 王思妤 <wang.sy@example.com>
Subject: FW: 智能音箱沒有聲音

{GMAIL}"""


def answers(found: Judged) -> list[dict[str, object]]:
    return [row["answers"] for row in found.accepted]


def only(found: Judged) -> dict[str, object]:
    (told,) = answers(found)
    return told


def codes(found: Judged) -> set[str]:
    return {item.code for item in found.findings}


def read(content: bytes) -> Letter:
    found = read_mail(content, Limits())
    assert isinstance(found, Letter), found
    return found


# --- forwarded ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("FW: 智能音箱沒有聲音", OUTLOOK),
        ("转发：智能音箱沒有聲音", NETEASE),
        ("转发：智能音箱沒有聲音", QQ),
        ("Fwd: 智能音箱沒有聲音", GMAIL),
        ("Fwd: 智能音箱沒有聲音", APPLE),
        ("轉寄: 智能音箱沒有聲音", THUNDERBIRD),
        ("請看", GMAIL),
        ("FW: FW: 智能音箱沒有聲音", TWICE),
    ],
)
def test_forwarded_mail_is_its_writers_and_recorded_by_who_forwards_it(
    book, tmp_path: Path, subject: str, body: str
) -> None:
    found = judge(book, tmp_path, mail(body, subject=subject, sender=STAFF))
    told = only(found)
    assert (told["reporter"], told["contact"], told["reported_at"], told["recorder"]) == (
        "陳美玲",
        "chen.ml@example.com",
        "2026-11-04 09:12",
        "wang_siyu",
    )
    assert told["description"] == "智能音箱沒有聲音\n智能音箱 X-1 沒有聲音。"
    assert "FB-forwarded" in codes(found)


def test_what_the_forwarder_says_is_a_remark(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, mail(OUTLOOK, subject="FW: x", sender=STAFF))
    assert only(found)["remarks"] == "請登記"


def test_of_a_thread_the_customers_own_mails_are_judged(book, tmp_path: Path) -> None:
    thread = (
        "\n________________________________\nFrom: 客服 <service@example.com>\n"
        "Sent: Thursday, November 5, 2026 8:00 AM\nTo: 陳美玲 <chen.ml@example.com>\n"
        f"Subject: RE: 音箱\n\n如果冒煙請停止使用。\n\n{QQ}"
    )
    content = mail(thread, subject="FW: 音箱", sender="客服 <service@example.com>")
    told = only(judge(book, tmp_path, content))
    assert (told["reporter"], "冒煙" in str(told["description"])) == ("陳美玲", False)


def test_forwarded_mail_without_an_address_or_a_clear_date_is_asked_for_them(
    book, tmp_path: Path
) -> None:
    body = OUTLOOK.replace(" <chen.ml@example.com>", "").replace(
        "2026年11月4日 上午 09:12", "04/11/2026 09:12"
    )
    found = judge(book, tmp_path, mail(body, subject="FW: 音箱", sender=STAFF))
    told = only(found)
    assert (told["reporter"], told.get("contact"), told.get("reported_at")) == (
        "陳美玲",
        None,
        None,
    )
    asked = {item.field for item in found.findings if item.code == "FB-asked"}
    asked |= {row[2] for row in found.told if row[0] == "FB-asked"}
    assert {"contact", "reported_at"} <= asked


def test_forwarded_mail_that_does_not_show_its_writer_needs_a_person(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, mail("音箱沒有聲音", subject="FW: 音箱", sender=STAFF))
    assert "FB-forward-unclear" in codes(found)


def test_mail_attached_to_a_mail_is_recorded_by_who_attached_it(book, tmp_path: Path) -> None:
    inner = mail("智能音箱 X-1 沒有聲音", sender="陳美玲 <chen.ml@example.com>")
    outer = mail("請登記", sender=STAFF, files={"inner.eml": inner})
    told = only(judge(book, tmp_path, outer).parts["inner.eml"])
    assert (told["reporter"], told["recorder"]) == ("陳美玲", "wang_siyu")


@pytest.mark.parametrize(("depth", "code"), [(9, None), (12, "FB-limit-mail-depth")])
def test_mails_are_read_as_deep_as_the_limit_says(
    book, tmp_path: Path, depth: int, code: str | None
) -> None:
    content = mail("请查收", files={"a.csv": delimited(people(1))})
    for n in range(depth - 1):
        content = mail(f"第{n}层", files={f"{n}.eml": content})
    found = judge(book, tmp_path, content)
    assert [part.failed for part in found.parts.values()][-1] == code


# --- what the writer says himself ---------------------------------------------------------

WARNING = "Stop using the kettle if it smokes or gives an electric shock."


@pytest.mark.parametrize(
    "below",
    [
        f"-----Original Message-----\nFrom: service@example.com\nSent: Wednesday\nTo: Chen\nSubject: quality\n\n{WARNING}",
        f"On Wed, Nov 4, 2026 at 9:12 AM Service <service@example.com> wrote:\n\n> {WARNING}\n> Thanks",
        f"On Wed, Nov 4, 2026 at 9:12 AM Customer Service\n<service@example.com> wrote:\n\n{WARNING}",
        f'在 2026-11-04 10:11:12，"客服" <service@example.com> 写道：\n\n{WARNING}',
        f"寄件者: 客服 <service@example.com>\n寄件日期: 2026年11月4日\n收件者: Chen\n主旨: quality\n\n{WARNING}",
        f"-- \nChen\n{WARNING}",
        "Sent from my iPhone",
        f"This e-mail is confidential and intended only for the addressee.\n{WARNING}",
    ],
)
def test_only_the_writers_own_words_are_judged_and_the_rest_is_told(
    book, tmp_path: Path, below: str
) -> None:
    found = judge(book, tmp_path, mail(f"Thanks, it works now.\n\n{below}", subject="Re: quality"))
    assert only(found)["description"] == "Re: quality\nThanks, it works now."
    assert "FB-left-out" in codes(found)


def test_answer_below_a_quote_is_judged(book, tmp_path: Path) -> None:
    html = "<p>2026-11-04 a@example.com wrote:</p><blockquote type=cite>old</blockquote><p>still broken</p>"
    raw = f"From: b@example.com\nSubject: Re: x\nContent-Type: text/html\n\n{html}".encode()
    assert only(judge(book, tmp_path, raw))["description"] == "Re: x\nstill broken"


def test_mail_of_nothing_but_earlier_mails_needs_a_person(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, mail("> old\n> words", subject="Re: x"))
    assert "FB-nothing-said" in codes(found)


@pytest.mark.parametrize(
    "text",
    [
        "寄件人：王小明\n收件人：李四\n寄件日期：2026-11-01\n包裹壞了",
        "溫度\n>80度 時壞了",
        "My husband wrote:\nit is broken",
        "-- \nbroken",
        "From: the box it looks fine\nbut it is broken",
    ],
)
def test_what_only_looks_like_an_earlier_mail_is_the_writers_own(text: str) -> None:
    assert [(one.text, one.left_out) for one in passages(text)] == [(text, ())]


@given(st.lists(st.sampled_from([*OUTLOOK.split("\n"), *APPLE.split("\n"), "-- ", "> x", "a\tb"])))
def test_no_line_of_a_text_is_lost(lines: list[str]) -> None:
    found = passages("\n".join(lines))
    kept = "\n".join("\n".join((one.text, *one.left_out)) for one in found)
    n_words = sum("智能音箱 X-1" in line for line in lines)
    assert kept.count("智能音箱 X-1") == n_words


# --- web forms -----------------------------------------------------------------------------


def test_reply_to_is_who_wrote_what_a_program_sends(book, tmp_path: Path) -> None:
    content = mail(
        "電飯煲壞了", sender="官網 <noreply@example.com>", Reply_To="陳先生 <chen@example.com>"
    )
    told = only(judge(book, tmp_path, content))
    assert (told["reporter"], told["contact"]) == ("陳先生", "chen@example.com")


def test_of_a_program_without_reply_to_nobody_is_the_reporter(book, tmp_path: Path) -> None:
    told = only(judge(book, tmp_path, mail("電飯煲壞了", sender="官網 <no-reply@example.com>")))
    assert (told.get("reporter"), told.get("contact")) == (None, None)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Reply_To": "feedback@example.com"}, ("王小明", "wang@example.com")),
        ({"Reply_To": "team@example.com", "List_Id": "x"}, ("王小明", "wang@example.com")),
        ({"Reply_To": "Team <team@example.com>"}, ("王小明", "team@example.com")),
        ({"Reply_To": f"小王 <wang@{HOME}>"}, ("小王", f"wang@{HOME}")),
    ],
)
def test_reply_to_of_a_person_or_list(
    book, tmp_path: Path, headers: dict[str, str], expected: tuple[str, str]
) -> None:
    told = only(judge(book, tmp_path, mail("音箱壞了", **headers)))
    assert (told["reporter"], told["contact"]) == expected


@pytest.mark.parametrize(
    "form",
    [
        "姓名：陳先生\n電子郵件：chen@example.com\n電話：0912-345-678\n產品：電飯煲\n問題描述：鍋底會焦",
        "Name: 陳先生\nEmail: chen@example.com\nPhone: 0912-345-678\nMessage: 鍋底會焦",
        "姓名\t陳先生\n電子郵件\tchen@example.com\n電話\t0912-345-678\n產品\t電飯煲\n問題描述\t鍋底會焦",
    ],
)
def test_labels_of_a_web_form_win_over_the_sender(book, tmp_path: Path, form: str) -> None:
    told = only(judge(book, tmp_path, mail(form, sender="官網 <noreply@example.com>")))
    assert (told["reporter"], told["contact"], told["description"]) == (
        "陳先生",
        "chen@example.com、0912-345-678",
        "鍋底會焦",
    )


def test_address_of_a_colleague_is_not_the_contact_of_whom_he_names(book, tmp_path: Path) -> None:
    form = "姓名：陳先生\n產品：電飯煲\n問題描述：鍋底會焦"
    told = only(judge(book, tmp_path, mail(form, sender=STAFF)))
    assert (told["reporter"], told.get("contact"), told["recorder"]) == (
        "陳先生",
        None,
        "wang_siyu",
    )


# --- mails that say nothing ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "body", "code"),
    [
        ("Content-Type: text/calendar; method=REPLY", "BEGIN:VCALENDAR", "FB-calendar-mail"),
        ("Content-class: urn:content-classes:calendarmessage", "x", "FB-calendar-mail"),
        ("Subject: =?utf-8?B?5Y+R5L+h5pa55bey5pKk5Zue6YKu5Lu277yaeA==?=", "x", "FB-recalled-mail"),
        (
            "Subject: Recall: offer",
            'Ann would like to recall the message, "offer".',
            "FB-recalled-mail",
        ),
        ("Subject: Message Recall Failure: offer", "x", "FB-recalled-mail"),
        ("Subject: Recall of my kettle", "Is my kettle part of the recall?", None),
    ],
)
def test_invitations_and_recalls_are_set_aside(
    book, tmp_path: Path, header: str, body: str, code: str | None
) -> None:
    raw = f"From: a@example.com\nMIME-Version: 1.0\n{header}\n\n{body}".encode()
    found = judge(book, tmp_path, raw)
    assert (len(found.accepted), len(found.aside)) == ((0, 1) if code else (1, 0))
    assert code is None or code in codes(found)


# --- what is attached ------------------------------------------------------------------------

SPARKS = "我買的電飯煲 C-40 煮飯時會冒火花。"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("信.txt", SPARKS.encode()),
        ("信.docx", word(SPARKS)),
        ("信.html", f"<html><meta charset=utf-8><p>{SPARKS}</p></html>".encode()),
    ],
)
def test_attached_letter_is_judged_with_the_mail(
    book, tmp_path: Path, name: str, content: bytes
) -> None:
    found = judge(book, tmp_path, mail("請見附件", subject="客訴", files={name: content}))
    told = only(found)
    assert told["description"] == f"客訴\n請見附件\n[{name}]\n{SPARKS}"
    assert (told["product"], told["attachments"]) == ("電飯煲", name)
    assert "FB-attached-letter" in codes(found)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.xlsx", sheet([["Ref", "Text"], ["1", "broken"]])),
        ("list.csv", b"Ref,Text\n1,broken\n2,bent"),
        ("winmail.dat", b"\x78\x9f\x3e\x22\0\0\0"),
        ("manual.txt", "使用說明。\n".encode() * 2_000),
        ("brief.rtf", b"{\\rtf1 broken}"),
        ("list.zip", b"PK\x05\x06" + bytes(18)),
    ],
)
def test_attachment_that_nobody_understood_needs_a_person(
    tmp_path: Path, name: str, content: bytes
) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "m.eml", mail("見附件", files={name: content}))
    result = run(place)
    (entry,) = [file for file in result.manifest["files"] if file["name"] == "m.eml"]
    told = {(item["code"], item["severity"]) for item in entry["findings"]}
    assert ("FB-attachment-unread", "warning") in told
    assert result.exit_code in {ExitCode.DONE, ExitCode.RETURNED}


@pytest.mark.parametrize(
    "content", [b"BEGIN:VCARD\nFN:Chen\nEND:VCARD", b"RIFF\0\0\0\0WEBPVP8 ", b"#!AMR\n\0"]
)
def test_card_and_media_are_evidence(book, tmp_path: Path, content: bytes) -> None:
    found = judge(book, tmp_path, mail("音箱壞了", files={"x": content}))
    assert "FB-evidence" in codes(found)
    assert "FB-attachment-unread" not in codes(found)


def test_letter_beside_a_register_is_not_lost_silently(book, tmp_path: Path) -> None:
    files = {"a.csv": delimited(people(1)), "信.txt": SPARKS.encode()}
    assert "FB-attachment-unread" in codes(judge(book, tmp_path, mail("見附件", files=files)))


def test_attached_text_is_read_in_the_charset_that_its_mail_declares(book, tmp_path: Path) -> None:
    head = b"From: a@example.com\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    part = b"--b\nContent-Type: text/plain; charset=iso-8859-1; name=n.txt\n\n"
    raw = head + part + "Das Gerät fällt aus, Größe groß".encode("latin-1") + b"\n--b--\n"
    assert "Das Gerät fällt aus" in str(only(judge(book, tmp_path, raw))["description"])


# --- codings ---------------------------------------------------------------------------------


def uuencoded(content: bytes, name: str = "a.csv") -> bytes:
    lines = [binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45)]
    return b"".join([f"begin 644 {name}\n".encode(), *lines, b"`\nend\n"])


def test_uuencoded_files_are_attachments_in_a_part_and_in_the_text() -> None:
    content = bytes(range(256))
    part = read(
        b"From: a@example.com\nContent-Transfer-Encoding: x-uuencode\nContent-Type: x/y; name=a.csv\n\n"
        + uuencoded(content)
    )
    text = read(
        b"From: a@example.com\nTo: b@example.com\n\nsee below\n" + uuencoded(content) + b"bye"
    )
    assert part.parts[0].content == text.parts[0].content == content
    assert (text.parts[0].name, text.body.split()) == ("a.csv", ["see", "below", "bye"])


@given(st.binary(max_size=300))
def test_uuencoding_is_undone(content: bytes) -> None:
    raw = b"From: a@example.com\nTo: b@example.com\n\n" + uuencoded(content or b"x")
    assert read(raw).parts[0].content == (content or b"x")


def test_text_that_begins_alike_stays_text() -> None:
    body = "begin 644 times it was fine\nthen it broke"
    found = read(f"From: a@example.com\nTo: b@example.com\n\n{body}".encode())
    assert (found.body, found.parts) == (body, ())


@pytest.mark.parametrize(
    ("raw", "text"),
    [("音箱壞了 + 1".encode("utf-7"), "音箱壞了 + 1"), (b"+2AA-x", "+2AA-x")],
)
def test_utf_7_is_read_where_it_is_declared_and_is_text(raw: bytes, text: str) -> None:
    head = b"From: a@example.com\nContent-Type: text/plain; charset=utf-7\n\n"
    assert read(head + raw).body == text


def test_raw_bytes_in_headers_are_of_the_charset_of_the_mail() -> None:
    raw = (
        "From: 王小明 <wang@example.com>\nSubject: 客訴\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
        "Content-Type: text/plain; charset=big5\n\n壞了\n--b--"
    ).encode("big5")
    assert (read(raw).sender, read(raw).subject) == ("王小明", "客訴")


# --- why there is a reader of our own ----------------------------------------------------------


def _as_the_standard_library_reads(raw: bytes) -> tuple[list[str], object]:
    message = message_from_bytes(raw, policy=email.policy.default)
    return [str(value) for value in message.values()], message.get_content()


@pytest.mark.parametrize(
    "header",
    [
        b"From: Wang <wang@",
        b"Message-ID: <",
        b"Message-ID: <a@[b",
        b"Content-Type: text/plain; charset=x-nobody-knows",
        b"Content-Type: text/plain; charset=idna",
        b"Content-Type: text/plain; name*" + b"9" * 5_000 + b"=x",
        b"From: " + b"(" * 3_000,
    ],
)
def test_mail_on_which_the_standard_library_raises_is_read(header: bytes) -> None:
    raw = b"To: b@example.com\n" + header + b"\n\n" + "壞了".encode()
    with pytest.raises((IndexError, AttributeError, LookupError, ValueError, RecursionError)):
        _as_the_standard_library_reads(raw)
    assert read(raw).body == "壞了"


def test_attached_mail_in_base64_is_one_only_to_our_reader() -> None:
    inner = b"From: a@example.com\nSubject: inner\n\nbroken"
    raw = (
        b"From: b@example.com\nContent-Type: message/rfc822\n"
        b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(inner)
    )
    (taken,) = message_from_bytes(raw, policy=email.policy.default).iter_parts()
    assert taken["subject"] is None
    assert read(raw).parts[0].content == inner


def test_date_of_the_inner_mail_in_another_zone_is_told_in_ours(book, tmp_path: Path) -> None:
    body = THUNDERBIRD.replace("09:12:00 +0800", "01:12:00 +0000")
    told = only(judge(book, tmp_path, mail(body, subject="Fwd: x", sender=STAFF)))
    moment = dt.datetime.fromisoformat(str(told["reported_at"]))
    assert (moment.hour, moment.minute) == (9, 12)
