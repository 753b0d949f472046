"""Mails: who wrote when, the text a person reads, and the files attached.

The MIME tree is cut here, level by level and within the limits, so that attached files keep their
very bytes and no nesting costs anything. The standard library's reader is not used: with
`policy.default` it raises on headers as torn as some are, ends at a nesting of some hundred, and
takes attached mails apart; `tests/test_mail_writers.py` names the mails that it does not read.
"""

import binascii
import datetime as dt
import email.utils
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from fbbatch.findings import finding
from fbbatch.model import Finding
from fbbatch.read.html_seen import seen
from fbbatch.read.html_text import readable
from fbbatch.read.limits import Limits
from fbbatch.read.mail_text import (
    charset_of,
    decoded,
    from_base64,
    from_uuencode,
    header_line,
    parameters,
    unflowed,
    without_uuencoded,
)
from fbbatch.read.paper import Letter, Part

_CHARSET = re.compile(rb"""charset\s*=\s*["']?([\w-]+)""")
_UUENCODE = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})
_HEADER_LINE = re.compile(rb"([!-9;-~]+)[ \t]*:|[ \t]")
_HEADER = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_NAMED_ADDRESS = re.compile(r'\s*((?>"(?:[^"\\]|\\.)*+"|[^"<])*+)<\s*([^<>]*?)\s*>')
_BY_PEOPLE = frozenset({b"from", b"to", b"cc", b"sender", b"reply-to", b"subject", b"date"})
_BY_MACHINES = frozenset(
    (
        b"received message-id mime-version return-path delivered-to content-type "
        b"content-transfer-encoding in-reply-to references"
    ).split()
)
_REPORTS = frozenset({"message/delivery-status", "message/disposition-notification"})
_BY_PRECEDENCE = {"list": "list", "bulk": "auto-reply", "junk": "auto-reply"}
_BOUNCES = re.compile(
    r"(系[統统])?退信\s*(通知|[:：(（\[]|$)|undeliver(able\b|ed mail)"
    r"|mail delivery (failed|failure|subsystem)|delivery status notification"
    r"|returned mail|failure notice"
    r"|[無无]法(投遞|投递|傳遞|传递|送達|送达)|[郵邮]件(傳遞|传递|投遞|投递)失[敗败]",
    re.IGNORECASE,
)
_AUTO_REPLIES = re.compile(
    r"自[動动]([回答][覆复復]|[應应]答)\s*([:：(（\[]|$)"
    r"|out of (the )?office\b|auto(matic|mated)?[- ]?(reply|response)\b",
    re.IGNORECASE,
)

_RECALLS = re.compile(r"(message )?recall\b|撤回|收回|回收", re.IGNORECASE)
_RECALLED = re.compile(
    r"would like to recall the message|message recall (success|failure|report)"
    r"|(发信方|寄件人|寄件者|對方|对方)已(撤回|收回|回收)([邮郵]件)?|想(要)?(撤回|收回|回收)(此|[邮郵]件|[讯訊]息)",
    re.IGNORECASE,
)
_LONGEST_RECALL = 1_000
_ADDRESS = re.compile(r"[^\s<>,;:\"()@]+@[^\s<>,;:\"()@]+")


def looks_like_mail(content: bytes) -> bool:
    """True when two or more header lines of a mail stand at the top.

    One of them must be a machine's or hold an address.
    """
    known: set[bytes] = set()
    has_address = False
    for line in content[:65_536].removeprefix(b"\xef\xbb\xbf").lstrip().splitlines():
        header = _HEADER_LINE.match(line)
        if not header and not line.startswith((b"From ", b">From ")):
            break
        if header and header[1]:
            known.add(header[1].lower())
            has_address |= header[1].lower() in _BY_PEOPLE and b"@" in line
    return len(known & (_BY_PEOPLE | _BY_MACHINES)) > 1 and (
        has_address or bool(known & _BY_MACHINES)
    )


def read_mail(content: bytes, limits: Limits) -> Letter | Finding:
    """Read a mail (RFC 5322, MIME).

    `body` is what a person reads: plain text before HTML, all text parts joined. `parts` are all
    files in it, pictures shown in the text included, and attached mails as `<subject>.eml`; those
    are not opened here. Message ids are without `<>`. `defects` name what had to be guessed:
    `Date`, `boundary`, `charset`, `header`.

    Returns:
        The letter, or the finding `FB-limit-…` (header bytes, parts, depth, attachments),
        `FB-encrypted`, `FB-broken`.
    """
    try:
        return _letter(content.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n"), limits)
    except MemoryError:
        raise
    except Exception:  # whatever else no mail has shown yet
        return finding("FB-broken", reason="MIME")


# --- the tree -------------------------------------------------------------------------


@dataclass
class _Entity:
    """A mail or one part of it. `headers` are by lower-case name, values unfolded, in order."""

    headers: dict[str, list[str]]
    body: bytes
    depth: int
    kind: str
    children: list["_Entity"] = field(default_factory=list)
    defects: set[str] = field(default_factory=set)
    n_hidden: int = 0
    enclosed: list[Part] = field(default_factory=list)
    """Files that stand in its text, uuencoded; known once the text has been taken."""

    def header(self, name: str) -> str:
        return self.headers.get(name, [""])[0]

    @cached_property
    def type_parameters(self) -> dict[str, str]:
        return parameters(self.header("content-type"))

    @cached_property
    def file_name(self) -> str:
        return parameters(self.header("content-disposition")).get(
            "filename", ""
        ) or self.type_parameters.get("name", "")

    @property
    def is_text(self) -> bool:
        words = self.kind.startswith(("text/", "multipart/")) or self.kind in _REPORTS
        attached = self.header("content-disposition").strip().lower().startswith("attachment")
        return words and not self.children and not self.file_name and not attached

    @cached_property
    def payload(self) -> bytes:
        coding = self.header("content-transfer-encoding").strip().lower()
        if coding == "base64":
            return from_base64(self.body)
        if coding in _UUENCODE:
            content = from_uuencode(self.body)
            return self.body if content is None else content
        return binascii.a2b_qp(self.body) if coding == "quoted-printable" else self.body

    @cached_property
    def source(self) -> str:
        declared = self.type_parameters.get("charset", "")
        if (
            self.kind == "text/html"
            and not declared
            and (meta := _CHARSET.search(self.payload[:2048]))
        ):
            declared = meta[1].decode("ascii", "ignore")
        payload = self.payload
        if self.kind == "text/plain":
            payload, files = without_uuencoded(payload)
            self.enclosed = [Part(_plain_name(name), content) for name, content in files]
        text, as_declared = decoded(payload, declared)
        self.defects |= set() if as_declared else {"charset"}
        text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
        if self.kind == "text/html":
            text, self.n_hidden = seen(text)
        return text

    @cached_property
    def text(self) -> str:
        text = self.source
        if self.kind == "text/html":
            return readable(text)
        is_flowed = self.type_parameters.get("format", "").lower() == "flowed"
        return (
            unflowed(text, self.type_parameters.get("delsp", "").lower() == "yes")
            if is_flowed
            else text
        )


def _tree(content: bytes, limits: Limits) -> list[_Entity] | Finding:
    """The mail and all its parts; children come after their parent, siblings in order."""
    if b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    told = _CHARSET.search(content[:65_536])
    charset = told[1].decode() if told else ""
    waiting = [(content, 1, "text/plain", list[_Entity]())]
    found: list[_Entity] = []
    header_bytes = 0
    while waiting:
        raw, depth, usual_kind, family = waiting.pop(0)
        end, start = _end_of_headers(raw, limits.mail_header_bytes)
        header_bytes += end
        if header_bytes > limits.mail_header_bytes:
            return limits.over("mail_header_bytes", header_bytes)
        if depth > limits.mail_depth:
            return limits.over("mail_depth", depth)
        entity = _entity(raw[:end], raw[start:], depth, usual_kind, charset)
        entity.defects |= {"header"} if end == start < len(raw) and depth == 1 else set()
        family.append(entity)
        found.append(entity)
        if entity.kind.startswith("multipart/"):
            inner = "message/rfc822" if entity.kind == "multipart/digest" else "text/plain"
            pieces = list(islice(_pieces(entity), limits.mail_parts + 1))
            waiting += [(piece, depth + 1, inner, entity.children) for piece in pieces]
        if len(found) + len(waiting) > limits.mail_parts:
            return limits.over("mail_parts", len(found) + len(waiting))
    return found


def _end_of_headers(raw: bytes, limit: int) -> tuple[int, int]:
    """Where the header lines end and where the body begins.

    It looks no further than needed to know that `limit` (bytes) is exceeded.
    """
    at = 0
    while at < len(raw) and at <= limit:
        end = raw.find(b"\n", at) + 1 or len(raw)
        line = raw[at : min(end, at + 1000)]
        if not line.strip(b"\r\n"):
            return at, end
        if not _HEADER_LINE.match(line) and not (
            at == 0 and line.startswith((b"From ", b">From "))
        ):
            return at, at
        at = end
    return at, at


def _entity(head: bytes, body: bytes, depth: int, usual_kind: str, charset: str = "") -> _Entity:
    """A mail or part; it is of the usual kind, where its headers do not say another.

    Raw bytes in headers are of the charset that these name, else of `charset`, that of the mail.
    """
    headers: dict[str, list[str]] = {}
    declared = _CHARSET.search(head)
    text, _ = decoded(head, declared[1].decode() if declared else charset)
    for line in _HEADER.finditer(text.replace("\r", "")):
        headers.setdefault(line[1].lower(), []).append(line[2].replace("\n", "").strip())
    kind = headers.get("content-type", [usual_kind])[0].partition(";")[0].strip().lower()
    return _Entity(headers, body, depth, kind if kind.count("/") == 1 else "text/plain")


def _pieces(entity: _Entity) -> Iterator[bytes]:
    """The raw parts of a multipart.

    There are none when its boundary is nowhere; the last one goes to the end when the mail is torn.
    """
    boundary = (
        entity.type_parameters.get("boundary", "").rstrip().encode("utf-8", "surrogateescape")
    )
    body = b"\n" + entity.body
    start = None
    for line in (
        re.finditer(rb"\n--" + re.escape(boundary) + rb"(--)?[ \t]*\r?(?:(?=\n)|\Z)", body)
        if boundary
        else ()
    ):
        if start is not None:
            yield body[start : line.start()].removesuffix(b"\r")
        start = line.end() + 1
        if line[1]:
            return
    entity.defects.add("boundary")
    if start is not None:
        yield body[start:]


# --- the letter -----------------------------------------------------------------------


def _letter(content: bytes, limits: Limits) -> Letter | Finding:
    entities = _tree(content, limits)
    if isinstance(entities, Finding):
        return entities
    if any(map(_is_encrypted, entities)):
        return finding("FB-encrypted")
    top = entities[0]
    leaves = _leaves(top)
    files = [leaf for leaf in leaves if not leaf.is_text]
    texts = [part.text.strip("\n") for part in _read_parts(top)]
    body = "\n".join(text for text in texts if text.strip())
    parts = [_part(file, n) for n, file in enumerate(files, 1)]
    for leaf in leaves:
        parts += leaf.enclosed
    if len(parts) > limits.attachments:
        return limits.over("attachments", len(parts))
    sender, address = _author(top)
    sent_at = _sent_at(top)
    references = re.findall(
        r"<([^<>\s]+)>", f"{top.header('in-reply-to')} {top.header('references')}"
    )
    pages = (leaf.source for leaf in leaves if leaf.is_text and leaf.kind == "text/html")
    return Letter(
        sender=sender,
        address=address,
        subject=header_line(top.header("subject")),
        sent_at=sent_at,
        body=body,
        parts=tuple(parts),
        automatic=_automatic(top, address) or _without_words(top, leaves, body),
        message_id=top.header("message-id").strip("<> "),
        references=tuple(dict.fromkeys(references)),
        html="\n".join(pages),
        n_hidden=sum(entity.n_hidden for entity in entities),
        defects=_defects(entities, sent_at),
        reply_to=_named(top.header("reply-to")),
        recipients=_recipients(top),
    )


def _part(file: _Entity, number: int) -> Part:
    """An attached file."""
    declared = file.type_parameters.get("charset", "")
    is_text = file.kind.startswith("text/")
    charset = charset_of(file.payload, declared) if is_text else ""
    return Part(_name(file, number), file.payload, charset)


def _is_encrypted(entity: _Entity) -> bool:
    """Whether nobody but the addressee reads it (OpenPGP, S/MIME)."""
    smime_type = entity.type_parameters.get("smime-type", "").lower()
    return entity.kind == "multipart/encrypted" or smime_type == "enveloped-data"


def _defects(entities: Sequence[_Entity], sent_at: dt.datetime | None) -> tuple[str, ...]:
    """What had to be guessed anywhere in the mail; a time of sending that is not told, too."""
    defects = set() if sent_at else {"Date"}
    for entity in entities:
        defects |= entity.defects
    return tuple(sorted(defects))


def _leaves(entity: _Entity) -> list[_Entity]:
    """The parts that have no parts themselves, in order."""
    return (
        [leaf for child in entity.children for leaf in _leaves(child)]
        if entity.children
        else [entity]
    )


def _read_parts(entity: _Entity) -> list[_Entity]:
    """The text parts that a person is shown.

    Of alternatives it is the first with plain text, else the last with any text.
    """
    if not entity.children:
        return [entity] if entity.is_text else []
    options = [_read_parts(child) for child in entity.children]
    if entity.kind != "multipart/alternative":
        return [part for option in options for part in option]
    plain = filter(_has_plain_text, options)
    worded = filter(_has_text, reversed(options))
    return next(plain, None) or next(worded, [])


def _has_plain_text(parts: Iterable[_Entity]) -> bool:
    return any(part.kind == "text/plain" and part.text.strip() for part in parts)


def _has_text(parts: Iterable[_Entity]) -> bool:
    """Whether there is anything to read in one of them."""
    return any(part.text.strip() for part in parts)


def _author(top: _Entity) -> tuple[str, str]:
    """Display name and address."""
    return _named(top.header("from") or top.header("sender"))


def _named(header: str) -> tuple[str, str]:
    """Name and address of the first that a header names; `("", "")` where it names nobody."""
    value = header[:4_096]
    match = _NAMED_ADDRESS.match(value)
    if match:
        name, address = match[1], match[2]
    else:
        name, address = _parsed(value)
    if "@" not in address:
        name, address = name or address, ""
    return header_line(re.sub(r'\\(.)|^"|"$', r"\1", name.strip())), address


def _parsed(value: str) -> tuple[str, str]:
    """Name and address by the standard library, which goes down into comments by recursion."""
    try:
        return email.utils.parseaddr(value)
    except RecursionError:
        return "", ""


def _sent_at(top: _Entity) -> dt.datetime | None:
    """When it was sent; None where that is not told, or makes no sense."""
    try:
        moment = email.utils.parsedate_to_datetime(top.header("date")[:200])
        if not moment.tzinfo:  # `-0000`: the zone is not told, the time is UTC
            moment = moment.replace(tzinfo=dt.UTC)
        moment.astimezone(dt.UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment


def _automatic(top: _Entity, address: str) -> str:
    """Why a mail is automatic: `own`, `bounce`, `auto-reply` or `list`.

    It is `''` for a person's mail. Source: RFC 3834, RFC 3464, RFC 2919.
    """
    headers = {name: values[0].lower() for name, values in top.headers.items()}
    if "x-fbbatch-document" in headers:
        return "own"
    subject = header_line(top.header("subject"))
    report_type = _report_type(top)
    if report_type is not None and "disposition" not in report_type:
        return "bounce"
    if re.match(r"(mailer-daemon|postmaster)(@|$)", address.lower()) or _BOUNCES.match(subject):
        return "bounce"
    if report_type is not None or _says_automatic(headers) or _AUTO_REPLIES.match(subject):
        return "auto-reply"
    if headers.get("return-path", "").replace(" ", "") == "<>":
        return "bounce"
    if "list-id" in headers:
        return "list"
    return _BY_PRECEDENCE.get(headers.get("precedence", ""), "")


def _without_words(top: _Entity, leaves: Sequence[_Entity], body: str) -> str:
    """`calendar` for an invitation and its answers, `recall` for a mail that is taken back.

    The word alone does not make a recall: products are recalled, too. Source: RFC 5546.
    """
    content_class = top.header("content-class").lower()
    methods = [
        leaf.type_parameters.get("method", "").lower()
        for leaf in leaves
        if leaf.kind == "text/calendar" and not leaf.file_name
    ]
    if top.kind == "text/calendar" or "calendarmessage" in content_class or any(methods):
        return "calendar"
    subject = header_line(top.header("subject"))
    is_short = len(body) <= _LONGEST_RECALL
    if (
        "recallmessage" in content_class
        or _RECALLED.search(subject)
        or (is_short and _RECALLS.match(subject) and _RECALLED.search(body))
    ):
        return "recall"
    return ""


def _recipients(top: _Entity) -> tuple[str, ...]:
    """The addresses in To and Cc, in lower case."""
    told = f"{top.header('to')[:4_096]} {top.header('cc')[:4_096]}"
    return tuple(dict.fromkeys(_ADDRESS.findall(told.lower())))


def _report_type(top: _Entity) -> str | None:
    """Of what a report tells; None when the mail is none."""
    if top.kind != "multipart/report":
        return None
    return parameters(top.header("content-type")).get("report-type", "").lower()


def _says_automatic(headers: Mapping[str, str]) -> bool:
    """Whether a header says that a program answered."""
    submitted = headers.get("auto-submitted", "no").partition(";")[0].strip()
    return (
        submitted != "no" or "x-autoreply" in headers or headers.get("precedence") == "auto_reply"
    )


def _name(entity: _Entity, number: int) -> str:
    """A plain file name: no folders, no control characters, never empty."""
    ending = re.sub(r"[^a-z0-9]", "", entity.kind.partition("/")[2].removeprefix("x-"))
    name = header_line(entity.file_name)
    if not name and entity.kind in {"message/rfc822", "message/global"}:
        head = entity.payload[: _end_of_headers(entity.payload, 65_536)[0]]
        subject = header_line(_entity(head, b"", 0, "text/plain").header("subject"))
        name = (re.sub(r"[/\\]", "_", subject) or f"mail-{number}") + ".eml"
    name = _plain_name(name)
    known = {"jpeg": "jpg", "plain": "txt", "octetstream": "bin", "rfc822": "eml"}
    return name or f"part-{number}.{known.get(ending, ending[:8]) or 'bin'}"


def _plain_name(name: str) -> str:
    """A name without folders, and of bearable length; it may be empty."""
    name = re.split(r"[/\\]", header_line(name))[-1].strip(". ")
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[:120]}{dot}{suffix[:20]}" if dot else name[:120]
