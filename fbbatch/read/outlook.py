"""Outlook's own mails (.msg) → the mail they were.

A .msg is a compound file whose streams hold the properties of a message, not the message. From
these the mail is written again as MIME, and `fbbatch.read.mail` reads it: one set of rules says
what a mail is, however it was saved. The compound file is opened by olefile (extra `msg`). Source:
MS-OXMSG 2, MS-OXPROPS.
"""

import base64
import datetime as dt
import email.utils
import hashlib
import io
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fbbatch.findings import finding
from fbbatch.model import Finding
from fbbatch.read.limits import Limits
from fbbatch.read.mail import read_mail
from fbbatch.read.mail_text import decoded, parameters
from fbbatch.read.ooxml import RefusedError
from fbbatch.read.paper import Letter

_MESSAGE = UUID("00020D0B-0000-0000-C000-000000000046").bytes_le
_PROPERTIES, _ATTACHMENT, _OBJECT = (
    "__properties_version1.0",
    "__attach_version1.0_#",
    "__substg1.0_3701000D",
)
_OWN = (_PROPERTIES, _ATTACHMENT, "__substg1.0_", "__nameid_version1.0", "__recip_version1.0_#")
_TEXT, _NARROW_TEXT, _BINARY = "001F", "001E", "0102"

_CLASS, _SUBJECT, _HEADERS, _MESSAGE_ID, _REFERENCES, _IN_REPLY_TO = (
    0x001A,
    0x0037,
    0x007D,
    0x1035,
    0x1039,
    0x1042,
)
_NAMES = (0x0042, 0x0C1A)  # on whose behalf it was sent, before who sent it
_ADDRESSES = (0x5D02, 0x0065, 0x5D01, 0x0C1F)
_TIMES = (0x0039, 0x0E06)  # sent; delivered
_BODY, _HTML, _RTF = 0x1000, 0x1013, 0x1009
_DATA, _FILE_NAMES, _LINKS, _MEDIA_TYPE = 0x3701, (0x3707, 0x3704, 0x3001), (0x370D, 0x3708), 0x370E
_PAGE_OF_TEXTS, _PAGE_OF_BODY = 0x3FFD, 0x3FDE

_PAGES = {
    **{
        936: "gbk",
        950: "big5",
        1200: "utf-16-le",
        20127: "ascii",
        20936: "gb2312",
        50220: "iso-2022-jp",
        51932: "euc-jp",
    },
    **{51936: "gb2312", 51949: "euc-kr", 52936: "hz", 54936: "gb18030", 65001: "utf-8"},
}
_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_MEDIA = re.compile(r"(?!multipart/)[a-z]+/[a-z0-9.+-]+", re.IGNORECASE)
_ENVELOPED = bytes.fromhex("2a864886f70d010703")  # the object identifier of encrypted S/MIME
_CLASSES = {
    "IPM.SCHEDULE.MEETING": "urn:content-classes:calendarmessage",
    "IPM.OUTLOOK.RECALL": "urn:content-classes:recallmessage",
    "IPM.RECALL.REPORT": "urn:content-classes:recallmessage",
}
"""The content class of messages that are no letters, by the beginning of their message class."""
_EPOCH = dt.datetime(1601, 1, 1, tzinfo=dt.UTC)
_LAST_TIME = 2_650_000_000_000_000_000  # in the year 9998


def is_outlook(content: bytes) -> bool:
    """True for a compound file that is a message.

    Its root says so, or its first entries are named as a message's are.
    """
    sector = 1 << min(content[30], 12) if len(content) > 30 else 512
    start = (int.from_bytes(content[48:52], "little") + 1) * sector
    entries = [
        content[at : at + 128] for at in range(start, min(start + sector, len(content)), 128)
    ]
    names = (entry[:64].decode("utf-16-le", "replace") for entry in entries)
    return bool(entries) and (
        entries[0][80:96] == _MESSAGE or any(name.startswith(_OWN) for name in names)
    )


def read_outlook(content: bytes, limits: Limits) -> Letter | Finding:
    """Read a .msg; the letter is as `read_mail` would give it for the mail that was received.

    Attached mails are parts `<subject>.eml`. A text that is there as RTF only is no text but a part
    `body.rtf`. What is attached as a link stands as a line below the text.

    Returns:
        The letter, or `FB-no-outlook-reader` (the extra `msg` is not installed), `FB-broken` (also
        of a file that is cut
        off: half a mail is none), `FB-encrypted`, `FB-limit-…` as for other mails.
    """
    try:
        import olefile
    except ImportError:
        return finding("FB-no-outlook-reader")
    try:
        with olefile.OleFileIO(io.BytesIO(content)) as opened:
            if opened.parsing_issues:
                return finding("FB-broken", reason="OLE")
            mime = _mail(_MailStorage(_CompoundFile(opened, content), (), 32), limits, 1)
    except RefusedError as refused:
        return refused.why
    except MemoryError:
        raise
    except Exception:  # whatever a damaged directory leads the reader to
        return finding("FB-broken", reason="OLE")
    return read_mail(mime, limits)


# --- the properties -------------------------------------------------------------------

_Path = tuple[str, ...]


class _CompoundFile:
    """The streams of the compound file.

    Together they can be no longer than the file: streams that share sectors are a trap.
    """

    def __init__(self, opened: Any, content: bytes) -> None:
        self._opened = opened
        self._left = len(content)
        self.digest = hashlib.sha256(content).hexdigest()
        self.streams: set[_Path] = {
            tuple(path) for path in opened.listdir(streams=True, storages=False)
        }

    def read(self, path: _Path) -> bytes:
        """All of a stream; `b''` when it is not there."""
        if path not in self.streams:
            return b""
        size = self._opened.get_size(list(path))
        self._left -= size
        stream: bytes = self._opened.openstream(list(path)).read() if self._left >= 0 else b""
        if len(stream) != size:
            raise RefusedError(finding("FB-broken", reason="OLE"))
        return stream

    def size(self, path: _Path) -> int:
        return int(self._opened.get_size(list(path)))

    def within(self, path: _Path) -> Iterator[_Path]:
        """The streams below a storage."""
        return (stream for stream in sorted(self.streams) if stream[: len(path)] == path)


class _MailStorage:
    """A message or an attachment.

    `header` is the length in bytes of what stands in front of its list of properties.

    `pages` are the code pages of narrow texts: its own, else those of the message it belongs to.
    """

    def __init__(
        self, file: _CompoundFile, path: _Path, header: int, pages: tuple[str, ...] = ()
    ) -> None:
        self.file, self.path = file, path
        listed = file.read((*path, _PROPERTIES))[header:]
        self._fixed = dict[int, bytes](
            struct.iter_unpack("<2xH4x8s", listed[: len(listed) // 16 * 16])
        )
        self.pages = (
            tuple(
                _charset(self.number(tag))
                for tag in (_PAGE_OF_TEXTS, _PAGE_OF_BODY)
                if tag in self._fixed
            )
            or pages
        )

    def number(self, tag: int) -> int:
        return int.from_bytes(self._fixed.get(tag, b"")[:4], "little")

    def moment(self, tag: int) -> dt.datetime | None:
        ticks = int.from_bytes(self._fixed.get(tag, b""), "little")
        return (
            _EPOCH + dt.timedelta(seconds=ticks // 10_000_000) if 0 < ticks < _LAST_TIME else None
        )

    def has(self, tag: int, kind: str) -> bool:
        return (*self.path, f"__substg1.0_{tag:04X}{kind}") in self.file.streams

    def raw(self, tag: int, kind: str) -> bytes:
        return self.file.read((*self.path, f"__substg1.0_{tag:04X}{kind}"))

    def text(self, *tags: int, pages: Sequence[str] = ()) -> str:
        """The first of these properties that says something.

        Narrow text is read in the first code page that fits it.
        """
        for tag in tags:
            told = self.raw(tag, _TEXT).decode("utf-16-le", "replace")
            if not told and (narrow := self.raw(tag, _NARROW_TEXT)):
                tries = [decoded(narrow, page) for page in pages or self.pages or ("",)]
                told = next((text for text, fits in tries if fits), tries[0][0])
            if told := told.replace("\0", ""):
                return told
        return ""

    def attachments(self) -> Iterator[_Path]:
        """The storages of what is attached, in order."""
        at = len(self.path)
        names = {path[at] for path in self.file.within(self.path) if len(path) > at + 1}
        return ((*self.path, name) for name in sorted(names) if name.startswith(_ATTACHMENT))


def _charset(page: int) -> str:
    return _PAGES.get(page) or (f"iso8859-{page - 28590}" if 28590 < page < 28607 else f"cp{page}")


# --- the mail -------------------------------------------------------------------------


def _mail(item: _MailStorage, limits: Limits, depth: int) -> bytes:
    """The message as MIME; files keep their bytes, for a part may be binary."""
    if depth > limits.mail_depth:
        raise RefusedError(limits.over("mail_depth", depth))
    attached = [_MailStorage(item.file, path, 8, item.pages) for path in item.attachments()]
    if len(attached) > limits.attachments:
        raise RefusedError(limits.over("attachments", len(attached)))
    kind = item.text(_CLASS).upper()
    told = [
        (name, " ".join(value.split()))
        for name, value in _FIELD.findall(item.text(_HEADERS).replace("\r", ""))
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in _headers(item, told, kind)).encode()
    if "SMIME" in kind and len(attached) == 1:
        signed = attached[0].raw(_DATA, _BINARY)
        if _ENVELOPED in signed[:64]:
            raise RefusedError(finding("FB-encrypted"))
        if kind.endswith(
            "MULTIPARTSIGNED"
        ):  # the whole of the mail as it was signed, its own type first
            return head + signed
        parts = [_file(attached[0], signed)]
    else:
        parts = [part for one in attached for part in _attached(one, limits, depth)]
    return head + _multipart(
        _whole_type(told, kind), [*_body(item, depth), *parts], f"{item.file.digest}-{depth}"
    )


def _headers(
    item: _MailStorage, told: Sequence[tuple[str, str]], kind: str
) -> Iterator[tuple[str, str]]:
    """The headers that came with the mail, but author and subject as Outlook shows them.

    A mail that never travelled came with none.
    """
    has = {name.lower() for name, _ in told}
    given = {"from": _author(item, is_told="from" in has), "subject": _word(item.text(_SUBJECT))}
    if "date" not in has and (moment := next(filter(None, map(item.moment, _TIMES)), None)):
        given["date"] = email.utils.format_datetime(moment)
    for name, tag in (
        ("message-id", _MESSAGE_ID),
        ("in-reply-to", _IN_REPLY_TO),
        ("references", _REFERENCES),
    ):
        if name not in has:
            given[name] = " ".join(item.text(tag).split())
    if kind.startswith("IPM.NOTE.RULES."):
        given["auto-submitted"] = "auto-replied"
    for beginning, content_class in _CLASSES.items():
        if kind.startswith(beginning):
            given["content-class"] = content_class
    given = {name: value for name, value in given.items() if value}
    yield from given.items()
    for name, value in told:
        if name.lower() not in given and not name.lower().startswith(("content-", "mime-version")):
            yield name, value
    yield "mime-version", "1.0"


def _author(item: _MailStorage, *, is_told: bool) -> str:
    """Name and mail address; `''` when the file knows no mail address and the headers tell one."""
    told = (item.text(tag) for tag in _ADDRESSES)
    address = next((re.sub(r"[\s<>]", "", one) for one in told if "@" in one), "")
    name = item.text(*_NAMES).strip(" '")[:200]
    if not address:
        return "" if is_told else _word(name)
    return f"{_word(name)} <{address}>" if name and name != address else f"<{address}>"


def _word(text: str) -> str:
    """Text as a header may say it.

    The mark in front of some subjects, which tells how long their prefix is, is left out.
    """
    text = " ".join((text[2:] if text.startswith("\x01") else text).split())
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?=" if text else ""


def _whole_type(told: Sequence[tuple[str, str]], kind: str) -> str:
    """A report of the post stays one."""
    original = next((value for name, value in told if name.lower() == "content-type"), "")
    report = (
        parameters(original).get("report-type", "")
        if original.lower().startswith("multipart/report")
        else ""
    )
    if not report and kind.startswith("REPORT."):
        report = (
            "disposition-notification" if kind.endswith(("IPNRN", "IPNNRN")) else "delivery-status"
        )
    return (
        f"multipart/report; report-type={re.sub('[^a-z-]', '', report.lower())}"
        if report
        else "multipart/mixed"
    )


def _body(item: _MailStorage, depth: int) -> list[bytes]:
    pages = tuple(reversed(item.pages))  # the body has a code page of its own
    options = []
    if plain := item.text(_BODY, pages=pages):
        options.append(_part("text/plain; charset=utf-8", plain.encode()))
    if raw := item.raw(_HTML, _BINARY):
        options.append(_part(f"text/html; charset={pages[0]}" if pages else "text/html", raw))
    elif html := item.text(_HTML, pages=pages):
        options.append(_part("text/html; charset=utf-8", html.encode()))
    if (
        not options
        and item.has(_RTF, _BINARY)
        and not item.has(_BODY, _TEXT)
        and not item.has(_BODY, _NARROW_TEXT)
    ):
        return [_part("application/octet-stream", item.raw(_RTF, _BINARY), "body.rtf")]
    return (
        options
        if len(options) < 2
        else [_multipart("multipart/alternative", options, f"{item.file.digest}-{depth}-body")]
    )


def _attached(item: _MailStorage, limits: Limits, depth: int) -> Iterator[bytes]:
    inside = (*item.path, _OBJECT)
    if (*inside, _PROPERTIES) in item.file.streams:
        yield _part(
            "message/rfc822",
            _mail(_MailStorage(item.file, inside, 24, item.pages), limits, depth + 1),
            "",
            attached=True,
        )
    elif streams := list(
        item.file.within(inside)
    ):  # an object of another program: the largest stream is what it holds
        yield _file(item, item.file.read(max(streams, key=item.file.size)))
    elif item.has(_DATA, _BINARY) or not (link := item.text(*_LINKS)):
        yield _file(item, item.raw(_DATA, _BINARY))
    else:
        yield _part(
            "text/plain; charset=utf-8", f"{item.text(*_FILE_NAMES)} {link}".strip().encode()
        )


def _file(item: _MailStorage, content: bytes) -> bytes:
    media = item.text(_MEDIA_TYPE).strip()
    return _part(
        media if _MEDIA.fullmatch(media) else "application/octet-stream",
        content,
        item.text(*_FILE_NAMES),
        attached=True,
    )


def _part(kind: str, content: bytes, name: str = "", *, attached: bool = False) -> bytes:
    disposition = (
        "Content-Disposition: attachment" if name or attached else "Content-Disposition: inline"
    )
    named = f"; filename*=utf-8''{quote(name[-300:], safe='')}" if name else ""
    header = (
        f"Content-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\n{disposition}{named}\r\n\r\n"
    )
    return header.encode() + content


def _multipart(kind: str, parts: Sequence[bytes], boundary: str) -> bytes:
    """Parts behind a boundary that they cannot hold.

    The boundary is made of the digest of the file in which they stand.
    """
    lines = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts)
    return (
        f'Content-Type: {kind}; boundary="{boundary}"\r\n\r\n'.encode()
        + lines
        + f"--{boundary}--\r\n".encode()
    )
