"""Mails: every word of them, whatever charset, structure or damage; the bombs end at their limit."""

import base64
import csv
import datetime as dt
import re
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.model import Finding
from fbbatch.read.html_text import readable
from fbbatch.read.limits import Limits
from fbbatch.read.mail import looks_like_mail, read_mail
from fbbatch.read.mail_text import header_line
from fbbatch.read.paper import Letter

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
LIMITS = Limits()
TAIPEI = dt.timezone(dt.timedelta(hours=8))


def mail(body: str | bytes = "你好", *headers: str | bytes, encoding: str = "utf-8") -> bytes:
    """A mail from 王小明 with these further headers."""
    top = [
        "From: =?utf-8?B?546L5bCP5piO?= <wang@example.com>",
        "To: service@example.com",
        "MIME-Version: 1.0",
        *headers,
    ]
    raw = b"\r\n".join(h if isinstance(h, bytes) else h.encode(encoding) for h in top)
    return (
        raw
        + b"\r\n\r\n"
        + (body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode(encoding))
    )


def multipart(kind: str, *parts: str | bytes, boundary: str = "=_B") -> tuple[bytes, str]:
    """Body and Content-Type of a multipart; each part is headers, an empty line, its body."""
    raw = [p if isinstance(p, bytes) else p.replace("\n", "\r\n").encode() for p in parts]
    body = (
        b"preamble\r\n"
        + b"".join(b"--" + boundary.encode() + b"\r\n" + p + b"\r\n" for p in raw)
        + f"--{boundary}--\r\nepilogue".encode()
    )
    return body, f'Content-Type: multipart/{kind}; boundary="{boundary}"'


def letter(content: bytes, limits: Limits = LIMITS) -> Letter:
    found = read_mail(content, limits)
    assert isinstance(found, Letter), found
    return found


def code(content: bytes, limits: Limits = LIMITS) -> str:
    found = read_mail(content, limits)
    assert isinstance(found, Finding)
    return found.code


# --- what is a mail ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "top",
    [
        b"From: a@example.com\r\nSubject: x\r\n\r\nbody",
        b"From wang@example.com Thu Nov  5 10:00:00 2026\nReturn-Path: <wang@example.com>\nReceived: by mx\n\tfor someone\nX-Odd: 1\n\n",
        b"\xef\xbb\xbf\r\nMessage-ID: <1@x>\r\nDate: Thu, 5 Nov 2026 10:00:00 +0800\r\n",
        b"MIME-Version: 1.0\nContent-Type: text/plain\n\n",
    ],
)
def test_header_lines_at_the_top_make_a_mail(top: bytes) -> None:
    assert looks_like_mail(top)


@pytest.mark.parametrize(
    "text",
    [
        "姓名: 王小明\n电话: 13800001111\n日期: 2026-11-05",
        "From: Wang\nDate: 2026-11-05\nProblem: the speaker breaks off",
        "From,To,Subject,Date\na@example.com,b@example.com,x,2026-11-05",
        "Dear sirs,\nFrom: a@example.com\nSubject: x",
        '{"From": "a@example.com", "To": "b"}',
        "X-1: does not switch on\nX-2: nor does this",
        "",
    ],
)
def test_notes_tables_and_records_are_no_mails(text: str) -> None:
    assert not looks_like_mail(text.encode())


# --- headers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("=?UTF-8?B?6JOd54mZ5pat5byA?=", "蓝牙断开"),
        ("=?utf-8?Q?=E8=93=9D=E7=89=99_X-1?=", "蓝牙 X-1"),
        ("=?gb2312?B?wLbRwA==?=", "蓝牙"),
        ("=?GBK?Q?=D3=CA=BC=FE?= Re: =?big5?B?wsWk+g==?=", "邮件 Re: 藍牙"),
        ("=?UTF-8?B?6JOd5w==?=\r\n =?UTF-8?B?iZnmlq0=?=", "蓝牙断"),
        ("=?utf-8?B?6JOd54mZ?= =?utf-8?Q?_X?=", "蓝牙 X"),
        ("=?utf-8*zh?B?6JOd54mZ?=", "蓝牙"),
        ("=?utf-8?B?6JOd54mZ", "蓝牙"),
        ("=?utf-8?Q?really? yes?=", "really? yes"),
        ("=?x-unknown?B?6JOd54mZ?=", "蓝牙"),
        ("=?us-ascii?B?wLbRwLbPv6oszt63qMGsvdM=?=", "蓝牙断开,无法连接"),
        ("a =?b? c", "a =?b? c"),
        ("plain\r\n\tfolded", "plain folded"),
        ("bell\x07 and \u202eevil", "bell_ and _evil"),
    ],
)
def test_a_header_says_what_its_encoded_words_mean(told: str, meant: str) -> None:
    assert header_line(told) == meant


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5"])
def test_a_subject_of_raw_bytes_is_read_in_its_charset(encoding: str) -> None:
    subject = (
        "藍牙經常斷開需要重新配對請盡快處理謝謝"
        if encoding == "big5"
        else "蓝牙经常断开需要重新配对请尽快处理谢谢"
    )
    assert letter(mail("x", f"Subject: {subject}", encoding=encoding)).subject == subject


@pytest.mark.parametrize(
    ("told", "author"),
    [
        ("王小明 <wang@example.com>", ("王小明", "wang@example.com")),
        ('"Wang, Xiaoming \\"X\\"" <wang@example.com>', ('Wang, Xiaoming "X"', "wang@example.com")),
        ("wang@example.com (Wang Xiaoming)", ("Wang Xiaoming", "wang@example.com")),
        ('"boss@example.com <b>" <wang@example.com>', ("boss@example.com <b>", "wang@example.com")),
        ("<wang@example.com>", ("", "wang@example.com")),
        ("wang@example.com", ("", "wang@example.com")),
        ("somebody", ("somebody", "")),
    ],
)
def test_the_sender_has_a_name_and_an_address(told: str, author: tuple[str, str]) -> None:
    found = letter(f"From: {told}\r\nReceived: by x\r\n\r\n".encode())
    assert (found.sender, found.address) == author


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("Thu, 5 Nov 2026 10:00:00 +0800 (CST)", dt.datetime(2026, 11, 5, 10, tzinfo=TAIPEI)),
        ("Thu, 5 Nov 2026 02:00:00 -0000", dt.datetime(2026, 11, 5, 2, tzinfo=dt.UTC)),
        ("2026年11月5日", None),
        ("Thu, 35 Nov 2026 10:00:00 +0800", None),
        ("Thu, 5 Nov 2026 10:00:00 +9999", None),
        ("Fri, 31 Dec 9999 23:00:00 -1200", None),
    ],
)
def test_a_date_is_aware_and_a_broken_one_is_a_defect(
    told: str, moment: dt.datetime | None
) -> None:
    found = letter(mail("x", f"Date: {told}"))
    assert found.sent_at == moment
    assert found.defects == (() if moment else ("Date",))


def test_what_a_mail_answers_is_known_by_message_ids() -> None:
    found = letter(
        mail("x", "Message-ID: <3@x>", "In-Reply-To: <2@x>", "References: <1@x>\r\n <2@x>")
    )
    assert (found.message_id, found.references) == ("3@x", ("2@x", "1@x"))


# --- the body ------------------------------------------------------------------------------------------------

SIMPLIFIED, TRADITIONAL = "音箱的蓝牙经常断开，需要重新配对。", "音箱的藍牙經常斷開，需要重新配對。"


@pytest.mark.parametrize(
    ("declared", "real", "text", "is_guess"),
    [
        ("utf-8", "utf-8", SIMPLIFIED, False),
        ("gb2312", "gb18030", SIMPLIFIED + "镕𠮷", False),
        ("big5", "cp950", TRADITIONAL + "碁", False),
        ("big5", "big5hkscs", TRADITIONAL + "嘅啲", False),
        ("gb2312", "utf-8", SIMPLIFIED, True),
        ("iso-8859-1", "utf-8", SIMPLIFIED, True),
        ("iso-8859-1", "latin-1", "Ça ne marche pas, café fermé", False),
        ("windows-1252", "cp1252", "“broken” – 20 €", False),
        ("utf-8", "gb18030", SIMPLIFIED, True),
        ("utf-8", "big5", TRADITIONAL, True),
        ("us-ascii", "gb18030", SIMPLIFIED, True),
        ("x-nobody-knows", "gb18030", SIMPLIFIED, True),
        ("punycode", "utf-8", SIMPLIFIED, False),
        ("iso-2022-jp", "iso-2022-jp", "スピーカー", False),
    ],
)
def test_no_body_is_lost_to_a_charset(declared: str, real: str, text: str, is_guess: bool) -> None:
    found = letter(
        mail(
            text,
            f"Content-Type: text/plain; charset={declared}",
            "Date: Thu, 5 Nov 2026 10:00:00 +0800",
            encoding=real,
        )
    )
    assert found.body == text
    assert found.defects == (("charset",) if is_guess else ())


def test_one_damaged_character_does_not_cost_the_others() -> None:
    raw = SIMPLIFIED.encode()[:-4] + "。".encode()
    assert letter(mail(raw, "Content-Type: text/plain; charset=utf-8")).body.startswith(
        SIMPLIFIED[:-3]
    )


@pytest.mark.parametrize(
    ("coding", "raw"),
    [
        ("base64", base64.encodebytes(SIMPLIFIED.encode())),
        (
            "BASE64",
            base64.b64encode(SIMPLIFIED.encode()).rstrip(b"=")[:20]
            + b"\r\n!"
            + base64.b64encode(SIMPLIFIED.encode()).rstrip(b"=")[20:],
        ),
        (
            "quoted-printable",
            b"=E9=9F=B3=E7=AE=B1=E7=9A=84=E8=93=9D=E7=89=99=E7=BB=8F=\r\n"
            + SIMPLIFIED[6:].encode(),
        ),
        ("binary", SIMPLIFIED.encode()),
        ("nonsense", SIMPLIFIED.encode()),
    ],
)
def test_transfer_codings_are_undone(coding: str, raw: bytes) -> None:
    assert (
        letter(
            mail(
                raw,
                f"Content-Transfer-Encoding: {coding}",
                "Content-Type: text/plain; charset=utf-8",
            )
        ).body
        == SIMPLIFIED
    )


def test_of_alternatives_the_plain_text_is_read() -> None:
    body, kind = multipart(
        "alternative",
        "Content-Type: text/plain; charset=utf-8\n\n纯文本",
        "Content-Type: text/html\n\n<p>HTML</p>",
    )
    assert letter(mail(body, kind)).body == "纯文本"


def test_of_alternatives_with_a_blank_plain_text_the_html_is_read() -> None:
    body, kind = multipart(
        "alternative",
        "Content-Type: text/plain\n\n \n",
        "Content-Type: text/html; charset=utf-8\n\n<p>网页</p>",
    )
    assert letter(mail(body, kind)).body == "网页"


def test_all_text_parts_are_joined_in_order() -> None:
    body, kind = multipart(
        "mixed",
        "\none\n",
        "Content-Type: text/html\n\n<b>two</b>",
        "Content-Type: text/plain\n\nthree",
    )
    assert letter(mail(body, kind)).body == "one\ntwo\nthree"


def test_flowed_lines_become_paragraphs_again() -> None:
    text = "a long \nline\n> quoted \n> too\n  stuffed\n-- \nsignature"
    assert (
        letter(mail(text, "Content-Type: text/plain; format=flowed")).body
        == "a long line\n> quoted too\n stuffed\n-- \nsignature"
    )
    assert (
        letter(
            mail(
                "蓝牙 \n断开", 'Content-Type: text/plain; charset="utf-8"; format=flowed; delsp=yes'
            )
        ).body
        == "蓝牙断开"
    )


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<p>one<br>two</p><div>three <b>bold</b>&nbsp;&lt;4&gt; &#22909;</div>",
            "one\ntwo\nthree bold <4> 好",
        ),
        ("<ul><li>a<li><p>b</p></ul>", "- a\n- b"),
        (
            "<table><tr><th>姓名<th>电话<tr><td><p>王</p><td><p>138</p></table>",
            "姓名\t电话\n王\t138",
        ),
        ("<table><tr><td>问题<td>断开<br>再断开</table>", "问题\t断开\n再断开"),
        ("<table><tr><td><p>a<p>b<td>menu</table>", "a\nb\nmenu"),
        ("<table><tr><td><table><tr><td>k<td>v</table></table>", "k\tv"),
        (
            "<title>no</title><style>p{}</style><script>alert('<p>no')</script><!-- no --><p>yes<img src=http://x alt=no>",
            "yes",
        ),
        ("<p>see <a href='http://x'>the picture</a>", "see the picture"),
        ("<pre>a\n  b</pre>c", "a\nb\nc"),
        ("<?xml version='1.0' encoding='gb2312'?><html><body><p>好", "好"),
        ("<![if !mso]>shown<![endif]><!--[if mso]>no<![endif]-->", "shown"),
        ("", ""),
        ("<", "<"),
        ("</td></tr>a<td>b", "a\nb"),
    ],
)
def test_html_is_made_readable(html: str, text: str) -> None:
    assert readable(html) == text


def test_the_charset_of_a_page_counts_where_the_part_names_none() -> None:
    html = '<meta http-equiv="Content-Type" content="text/html; charset=big5"><p>藍牙'
    assert letter(mail(html, "Content-Type: text/html", encoding="big5")).body == "藍牙"


# --- attachments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ('Content-Disposition: attachment; filename="a.xlsx"', "a.xlsx"),
        ('Content-Type: image/png; name="=?utf-8?B?54Wn54mHLnBuZw==?="', "照片.png"),
        (
            "Content-Disposition: attachment;\n filename*0*=utf-8''%E5%8F%8D%E9%A6;\n filename*1*=%88.xlsx",
            "反馈.xlsx",
        ),
        ("Content-Disposition: attachment; filename*=gb2312''%B7%B4%C0%A1.xlsx", "反馈.xlsx"),
        ('Content-Disposition: attachment; filename="反馈表格.xlsx"', "反馈表格.xlsx"),
        ('Content-Disposition: attachment; filename="..\\\\..\\\\/etc/passwd"', "passwd"),
        ('Content-Disposition: attachment; filename="C:\\\\a\x07b.txt"', "a_b.txt"),
        ("Content-Disposition: attachment; filename*=x; filename*0=a; filename*1*=b", "part-1.txt"),
        ("Content-Type: image/jpeg\nContent-Disposition: inline", "part-1.jpg"),
        ("Content-Type: application/octet-stream", "part-1.bin"),
        ('Content-Disposition: attachment; filename=".."', "part-1.txt"),
        ("Content-Disposition: attachment; filename=" + "长" * 300 + ".xlsx", "长" * 120 + ".xlsx"),
    ],
)
def test_an_attached_file_has_a_plain_name(headers: str, name: str) -> None:
    body, kind = multipart("mixed", "\ntext", f"{headers}\n\ncontent")
    found = letter(mail(body, kind))
    assert [(p.name, p.content) for p in found.parts] == [(name, b"content")]
    assert found.body == "text"


def test_pictures_shown_in_the_text_are_files_too() -> None:
    inner, inner_kind = multipart(
        "related",
        "Content-Type: text/html\n\n<p>see <img src=cid:1>",
        "Content-Type: image/png\nContent-ID: <1>\n\npng",
        boundary="=_I",
    )
    body, kind = multipart("alternative", "\nsee", inner_kind.encode() + b"\r\n\r\n" + inner)
    found = letter(mail(body, kind))
    assert (found.body, [p.name for p in found.parts]) == ("see", ["part-1.png"])


@pytest.mark.parametrize("coding", ["8bit", "base64"])
def test_an_attached_mail_keeps_its_very_bytes(coding: str) -> None:
    inner = mail("里面", "Subject: =?utf-8?B?6JOd54mZ?= 1/2")
    raw = inner if coding == "8bit" else base64.encodebytes(inner)
    body, kind = multipart(
        "mixed",
        "\nlook",
        f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {coding}\r\n\r\n".encode()
        + raw,
    )
    found = letter(mail(body, kind))
    assert found.body == "look"
    assert [(p.name, p.content.strip()) for p in found.parts] == [("蓝牙 1_2.eml", inner.strip())]


def test_a_torn_mail_gives_what_has_arrived() -> None:
    body, kind = multipart(
        "mixed",
        "\ntext",
        'Content-Disposition: attachment; filename="a"\nContent-Transfer-Encoding: base64\n\nQUJDREVGR0g=',
    )
    found = letter(mail(body[: body.index(b"REVGR0") + 5], kind))
    assert (found.body, found.parts[0].content[:4]) == ("text", b"ABCD")
    assert "boundary" in found.defects


def test_a_multipart_without_its_boundary_is_text() -> None:
    assert (
        letter(mail("all the words", "Content-Type: multipart/mixed; boundary=nowhere")).body
        == "all the words"
    )
    assert letter(mail("all the words", "Content-Type: multipart/mixed")).body == "all the words"


def test_text_after_a_line_that_is_no_header_is_body() -> None:
    found = letter(b"From: a@example.com\nTo: b@example.com\nno header: but text\nand more")
    assert found.body == "no header: but text\nand more"
    assert "header" in found.defects


@pytest.mark.parametrize(
    "kind", ["multipart/encrypted; boundary=x", "application/pkcs7-mime; smime-type=enveloped-data"]
)
def test_an_encrypted_mail_is_told(kind: str) -> None:
    assert code(mail("--x\n\nciphertext\n--x--", f"Content-Type: {kind}")) == "FB-encrypted"


# --- automatic mails -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("X-fbbatch-document: acknowledgement", "own"),
        ("Auto-Submitted: auto-replied", "auto-reply"),
        ("Auto-Submitted: no", ""),
        ("X-Autoreply: yes", "auto-reply"),
        (
            "X-Auto-Response-Suppress: All",
            "",
        ),  # web forms and ticket systems send it with what people wrote
        ("Precedence: auto_reply", "auto-reply"),
        ("Precedence: bulk", "auto-reply"),
        ("Precedence: list", "list"),
        ("List-Id: <news.example.com>\r\nPrecedence: bulk", "list"),
        ("Return-Path: <>", "bounce"),
        ("Return-Path: <>\r\nAuto-Submitted: auto-replied", "auto-reply"),
        ("Return-Path: <wang@example.com>", ""),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=x", "bounce"),
        (
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
            "auto-reply",
        ),
        ("Subject: =?utf-8?B?6Ieq5Yqo5Zue5aSN?=: 收到", "auto-reply"),
        ("Subject: 自動回覆：我正在休假", "auto-reply"),
        ("Subject: Out of Office: back on Monday", "auto-reply"),
        ("Subject: Automatic reply: order", "auto-reply"),
        ("Subject: 系统退信", "bounce"),
        ("Subject: Undelivered Mail Returned to Sender", "bounce"),
        ("Subject: 邮件投递失败", "bounce"),
        ("Subject: 自动回复功能坏了，要求退货", ""),
        ("Subject: 退信息费的问题", ""),
        ("Subject: Undelivered parcel", ""),
    ],
)
def test_a_mail_that_no_person_wrote_is_known_by_its_signs(header: str, why: str) -> None:
    assert letter(mail("x", header)).automatic == why


@pytest.mark.parametrize(
    "who", ["MAILER-DAEMON@example.com", "Postmaster <postmaster@example.com>"]
)
def test_the_mail_system_sends_bounces(who: str) -> None:
    assert letter(f"From: {who}\nReceived: by x\n\n".encode()).automatic == "bounce"


# --- bombs and damage ----------------------------------------------------------------------------------------


def test_a_thousand_levels_end_at_the_depth_limit() -> None:
    body = b"".join(
        b"--B%d\nContent-Type: multipart/mixed; boundary=B%d\n\n" % (n, n + 1) for n in range(1000)
    )
    assert code(mail(body, "Content-Type: multipart/mixed; boundary=B0")) == "FB-limit-mail-depth"


def test_a_million_parts_end_at_their_limit() -> None:
    assert (
        code(mail(b"--B\n" * 1_000_000, "Content-Type: multipart/mixed; boundary=B"))
        == "FB-limit-mail-parts"
    )


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: " + b"x" * 10_000_000,
        b"X: 1\r\n" * 500_000 + b"X: 1",
        b"Subject: x" + b"\r\n y" * 1_000_000,
        b"Subject: " + b"\xff" * 10_000_000,
    ],
)
def test_ten_megabytes_of_headers_end_at_their_limit(header: bytes) -> None:
    assert code(mail("x", header)) == "FB-limit-mail-header-bytes"


@pytest.mark.parametrize(
    "header",
    [
        "Content-Type: text/plain" + ";" * 200_000,
        "Content-Type: text/plain; a=" + '"' * 100_000 + ";" * 100_000,
        "Content-Type: text/plain" + "; name*0=a" * 20_000,
        "Content-Type: text/plain; name*" + "9" * 5_000 + "=x",
        "Subject: " + "=?a?q?" * 40_000,
        "Subject: " + "=?" * 100_000,
        "From: " + "<" * 200_000,
        "From: " + '"' * 200_001,
        "From: " + "(" * 200_000,
        "Date: " + "1 " * 100_000,
        "References: " + "<" * 200_000,
    ],
)
def test_a_hostile_header_costs_nothing_but_itself(header: str) -> None:
    assert letter(mail("text", header)).body == "text"


def test_base64_without_end_is_read_as_far_as_it_goes() -> None:
    content = mail(
        b"QUJD" * 5_000_000,
        "Content-Type: image/png; name=a.png",
        "Content-Transfer-Encoding: base64",
    )
    assert len(letter(content).parts[0].content) == 15_000_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("html", "body"),
    [
        ("<div>" * 300_000 + "x", "x"),
        ("<table><tr><td>" * 100_000 + "x", "x"),
        ("<" * 1_000_000, "<" * 1_000_000),
        ("<!--" * 500_000, ""),
        ("<li>" * 300_000 + "x", "- x"),
    ],
    ids=["divisions", "tables", "torn tags", "comment without end", "list items"],
)
def test_deep_and_torn_pages_are_read(html: str, body: str) -> None:
    assert letter(mail(html, "Content-Type: text/html")).body == body


def test_flowed_text_without_end_is_one_paragraph() -> None:
    assert (
        len(letter(mail("a \n" * 500_000, "Content-Type: text/plain; format=flowed")).body)
        == 1_000_000
    )


def test_more_attachments_than_allowed_are_refused() -> None:
    part = 'Content-Disposition: attachment; filename="a.txt"\n\nx'
    body, kind = multipart("mixed", *[part] * 21)
    assert code(mail(body, kind)) == "FB-limit-attachments"
    assert len(letter(mail(body, kind), Limits(attachments=21)).parts) == 21


@given(st.binary(max_size=400))
def test_mail_of_any_bytes_is_a_letter_of_its_sender(content: bytes) -> None:
    assert letter(b"From: a@b\nContent-Type: " + content).address == "a@b"
    assert looks_like_mail(content) in {True, False}


# --- mails of others -----------------------------------------------------------------------------------------


def mails_of_others() -> list[str]:
    if not (CORPUS / "manifest.csv").is_file():
        return []
    with (CORPUS / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        return [
            r["path"]
            for r in csv.DictReader(manifest)
            if r["ext"] == "eml" or r["path"].startswith("cpython-email/")
        ]


def seen(payload: bytes, declared: str) -> str:
    """A text as people see it: one of a mail that declares a Western charset may be UTF-8."""
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        return payload.decode(declared)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the files of others are not here: {CORPUS}")
@pytest.mark.parametrize("path", mails_of_others())
def test_a_real_mail_keeps_every_word(path: str) -> None:
    content = (CORPUS / "files" / path).read_bytes()
    assert looks_like_mail(content)
    found = letter(content)
    everything = found.body + "".join(p.content.decode("latin-1") for p in found.parts)
    for part in message_from_bytes(content).walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            words = re.findall(r"\w+", seen(payload, part.get_content_charset() or "utf-8"))
            assert [word for word in words if word not in everything] == []


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the files of others are not here: {CORPUS}")
@pytest.mark.parametrize("path", mails_of_others())
def test_a_real_mail_cut_off_anywhere_is_still_read(path: str) -> None:
    content = (CORPUS / "files" / path).read_bytes()
    whole = letter(content)
    for end in range(0, len(content), max(1, len(content) // 40)):
        assert len(letter(content[:end]).parts) <= len(whole.parts)
