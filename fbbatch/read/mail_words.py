"""A mail's text → what its writer says himself, and the mails that stand below it.

Mailers put an earlier mail below a line (`-----Original Message-----`), below its headers in words
(`From: …`, `寄件者：…`), below `… wrote:`, or mark each of its lines with `>`. Nothing here decides
who reports.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_MARK = re.compile(r"[ \t]*>[ \t]?")
_SEPARATOR = re.compile(
    r"[-_—=*\s]*(?:"
    r"(?P<forwarded>begin forwarded message|forwarded (?:message|mail|by\b.{0,60})"
    r"|[转轉][发發寄](?:的)?(?:[邮郵]件|[讯訊]息|信件)(?:信息)?|[开開]始[转轉][发發寄][邮郵]件"
    r"|(?:下面|以下)是(?:被)?[转轉][发發寄]的[邮郵]件)"
    r"|(?P<original>original (?:message|mail|appointment)"
    r"|原(?:始)?(?:[邮郵]件|[讯訊]息|信息|信件)|回[复覆]的(?:原)?[邮郵]件))"
    r"[-_—=*\s:：]*",
    re.IGNORECASE,
)
_HAS_SIGN = re.compile(r"[-_—=]{2}|[:：]\s*$")
_RULE = re.compile(r"\s*_{10,}\s*")
_HEADERS = {
    "from": "from|寄件者|寄件人|发件人|發件人|发信人|發信人",
    "sent": "sent|date|寄件日期|寄件[時时][間间]|寄送日期|[发發]送(?:日期|[时時][间間])"
    "|[傳传]送(?:日期|[時时][間间])|日期|[时時][间間]",
    "to": "to|收件者|收件人|收信人",
    "subject": "subject|主旨|主[题題]|[标標][题題]",
    "reply-to": r"reply[- ]to|回[复覆]至|答覆至",
    "other": r"cc|bcc|副本|密件副本|抄送|密送|importance|重要性|attachments?|附件|resent-\w+",
}
_HEADER = re.compile(
    r"[*_\s]*(?:"
    + "|".join(f"(?P<{name.replace('-', '_')}>{words})" for name, words in _HEADERS.items())
    + r")[*_ \t]*[:：][*_ \t]*(?P<value>.*)",
    re.IGNORECASE,
)
_WROTE = re.compile(r".{0,300}(?:wrote|写道|寫道)\s*[:：]\s*", re.IGNORECASE)
_TELLS_WHO = re.compile(r"\d{4}|\d[:：]\d\d|@")
_WROTE_BEGINS = re.compile(r"\s*(?:on|at|在|于|於)\b.*\d", re.IGNORECASE)
_MAIL_ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)*")
_BY_PHONE = re.compile(
    r"\W*(?:sent from (?:my|outlook|mail for|yahoo)\b|get outlook for\b"
    r"|[从從]我的.{1,30}(?:[发發]送|[传傳]送|寄出)|[发發]自(?:我的|.{0,10}[邮郵]箱)|[传傳]送自"
    r"|取得\s*outlook|[获獲]取\s*outlook|下[载載]\s*outlook).{0,60}",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"\W*(?:confidentiality notice|disclaimer\s*[:：]|免[责責][声聲]明\s*[:：]"
    r"|this (?:e-?mail|message)\b.{0,80}\b(?:confidential|privileged|intended (?:only|solely))"
    r"|本(?:[电電]子)?[邮郵]件.{0,40}(?:保密|机密|機密))",
    re.IGNORECASE,
)
_LONGEST_SIGNATURE = 15
_LONGEST_LINE = 1_000
"""A longer line is a paragraph, whatever it begins with."""
_MOST_MAILS = 50


@dataclass(frozen=True, slots=True)
class Passage:
    """One mail as it stands in a text.

    Attributes:
        text: what its writer says himself, without blank lines around it.
        left_out: the lines that he did not write for this mail, in order: his signature, what his
            phone adds, legal notices, lines marked as quoted.
        sender: the name in the headers above it; `""` where there is none, as for all headers of
            the topmost mail.
        address: the mail address beside that name.
        reply_to: the mail address to which an answer is wanted.
        sent: the date and time as written, in whatever form the mailer gives it.
        subject: the subject as written, with its prefixes.
        is_forwarded: what the line above it says; None where that line stands above forwarded mails
            as well as above those that are answered.
    """

    text: str
    left_out: tuple[str, ...] = ()
    sender: str = ""
    address: str = ""
    reply_to: str = ""
    sent: str = ""
    subject: str = ""
    is_forwarded: bool | None = None


@dataclass(slots=True)
class _Break:
    """Where the next mail begins.

    Attributes:
        start: index of its first line, which is a separator or a header.
        end: index of the first line of its text.
        is_forwarded: as in `Passage`.
        headers: by the names in `_HEADERS`, as written.
    """

    start: int
    end: int
    is_forwarded: bool | None
    headers: dict[str, str] = field(default_factory=dict)


def passages(body: str) -> list[Passage]:
    """The mails in a text.

    Args:
        body: a mail's text, line feeds between its lines.

    Returns:
        the topmost first, then those below it in the order of the text; one at least, and no more
        than some fifty, of which the last holds the rest.
    """
    lines = body.split("\n")
    found: list[Passage] = []
    above = _Break(0, 0, None)
    while True:
        below = _next_break(lines) if len(found) < _MOST_MAILS else None
        own = lines[: below.start] if below else lines
        found.append(_passage(own, above))
        if below is None:
            return found
        lines = _without_marks(lines[below.end :])
        above = below


def _passage(lines: Sequence[str], above: _Break) -> Passage:
    """A mail of these lines, below what stands above it."""
    own, left_out = _own_lines(lines)
    told = above.headers
    sender, address = _author(told.get("from", ""))
    _, reply_to = _author(told.get("reply-to", ""))
    return Passage(
        text="\n".join(own).strip(),
        left_out=tuple(left_out),
        sender=sender,
        address=address,
        reply_to=reply_to,
        sent=told.get("sent", ""),
        subject=told.get("subject", ""),
        is_forwarded=above.is_forwarded,
    )


# --- where the next mail begins ---------------------------------------------------------


def _next_break(lines: Sequence[str]) -> _Break | None:
    """Where the next mail begins; None where there is no further one.

    Quotes between which the writer goes on are no mail of their own: their lines are marked. What
    stands below `… wrote:` without any marks is one.
    """
    is_own = is_at_top = True
    tried = 0
    for number, line in enumerate(lines):
        marked = _MARK.match(line)
        is_short = 0 < len(line.strip()) <= _LONGEST_LINE
        if not is_short or number < tried or (marked and not is_own):
            is_at_top = is_at_top and not line.strip()
            continue
        found, tried = _break_at(lines, number, is_at_top=is_at_top)
        if found:
            return found
        if wrote := _wrote(lines, number):
            if not _is_marked_below(lines, wrote):
                return _Break(number, wrote, False, _who_wrote(lines[number:wrote]))
            is_own = False
        is_at_top = False
    return None


def _break_at(lines: Sequence[str], number: int, *, is_at_top: bool) -> tuple[_Break | None, int]:
    """Where the next mail begins, if it begins with this line.

    Returns:
        the break or None, and the index of the line before which no other one can begin, so that
        lines that look like headers are gone through once.
    """
    line = _MARK.sub("", lines[number], count=1)
    separator = None
    if _HAS_SIGN.search(line):
        separator = _SEPARATOR.fullmatch(line)
    if separator or _RULE.fullmatch(line):
        headers, end = _headers_from(lines, number + 1)
        if separator is None and not _is_complete(headers, is_at_top=False):
            return None, end
        is_forwarded = True if separator and separator["forwarded"] else None
        return _Break(number, end if headers else number + 1, is_forwarded, headers), end
    if _HEADER.match(line):
        headers, end = _headers_from(lines, number)
        if _is_complete(headers, is_at_top=is_at_top):
            return _Break(number, end, None, headers), end
        return None, end
    return None, number


def _headers_from(lines: Sequence[str], start: int) -> tuple[dict[str, str], int]:
    """The headers in words from a line on.

    One blank line may stand between two of them, as some mailers write; addressees may go on in
    further lines. A header that comes again is of the mail's text.

    Returns:
        the headers by name, and the index of the line behind the last one.
    """
    headers: dict[str, str] = {}
    at = end = start
    while at < min(len(lines), start + 40):
        line = _MARK.sub("", lines[at][:_LONGEST_LINE], count=1)
        match = _HEADER.fullmatch(line.rstrip())
        if match and match.lastgroup and not _is_again(match, headers):
            name = _name_of(match)
            headers[name] = match["value"].strip(" *_;；\t")
            end = at + 1
        elif line.strip() and not (headers and _continues(line)):
            break
        elif line.strip():
            end = at + 1
        elif headers and not _is_header(lines, at + 1):
            break
        at += 1
    return headers, end


def _is_header(lines: Sequence[str], number: int) -> bool:
    """Whether there is such a line, and it looks like a header."""
    if number >= len(lines):
        return False
    line = _MARK.sub("", lines[number][:_LONGEST_LINE], count=1)
    return bool(_HEADER.match(line))


def _name_of(match: re.Match[str]) -> str:
    """Which header it is, by the names in `_HEADERS`."""
    for name in _HEADERS:
        group = name.replace("-", "_")
        if match[group]:
            return name
    return "other"


def _is_again(match: re.Match[str], headers: dict[str, str]) -> bool:
    """Whether a header has been met already; there may be several of those that tell nothing."""
    name = _name_of(match)
    return name != "other" and name in headers


def _continues(line: str) -> bool:
    """Whether a line goes on with the addressees of the line above."""
    is_list = line.rstrip().endswith((";", ",", "；", ">", "，"))
    return is_list and "@" in line


def _is_complete(headers: dict[str, str], *, is_at_top: bool) -> bool:
    """Whether these are a mail's headers, and not what somebody answers in a form.

    A parcel has somebody who sends it and somebody who gets it, too. So there must be a subject
    beside the sender, or his mail address beside the day; at the very top of a text, where programs
    put what people typed into a form, subject and address are enough.
    """
    if "from" not in headers:
        return False
    has_address = "@" in headers["from"]
    if "subject" in headers:
        return "sent" in headers or "to" in headers or (has_address and is_at_top)
    return "sent" in headers and has_address


def _wrote(lines: Sequence[str], number: int) -> int | None:
    """Whether a line says `On …, somebody wrote:`, which may be broken into three lines.

    It must tell a year, a time or an address: people write that somebody wrote something, too.

    Returns:
        the index of the line behind it, or None.
    """
    line = _MARK.sub("", lines[number][:_LONGEST_LINE], count=1)
    if _WROTE.fullmatch(line):
        return number + 1 if _TELLS_WHO.search(line) or "<" in line else None
    if not _WROTE_BEGINS.match(line):
        return None
    for length in (2, 3):
        several = " ".join(part[:_LONGEST_LINE] for part in lines[number : number + length])
        if _WROTE.fullmatch(several) and _TELLS_WHO.search(several):
            return number + length
    return None


def _who_wrote(lines: Sequence[str]) -> dict[str, str]:
    """The mail address in front of `wrote:`.

    Names and dates stand there in every order and language, so that they are left alone.
    """
    together = " ".join(lines)
    found = _MAIL_ADDRESS.search(together[:_LONGEST_LINE])
    if found is None:
        return {}
    return {"from": found[0]}


def _is_marked_below(lines: Sequence[str], start: int) -> bool:
    """Whether the next line that is not blank is marked as quoted."""
    following = next((line for line in lines[start:] if line.strip()), "")
    return bool(_MARK.match(following))


def _without_marks(lines: Sequence[str]) -> list[str]:
    """The lines, without the marks that most of them bear.

    One level of marks goes: what the mail quotes itself is still marked.
    """
    filled = [line for line in lines if line.strip()]
    marked = [line for line in filled if _MARK.match(line)]
    if 2 * len(marked) <= len(filled):
        return list(lines)
    return [_MARK.sub("", line, count=1) for line in lines]


def _author(value: str) -> tuple[str, str]:
    """Name and address of `Name <address>`, `Name [mailto:address]`, `Name (address)`.

    Outlook writes the name alone where the writer is known to it; then the address is `""`. So is
    the name where only an address is told.
    """
    found = _MAIL_ADDRESS.search(value)
    if found is None:
        return _bare(value), ""
    name = value[: found.start()].removesuffix("mailto:")
    return _bare(name), found[0]


def _bare(name: str) -> str:
    """A name without the quotes and brackets around it.

    QQ and Outlook set them, each in its own way.
    """
    return name.strip(" \t\"'“”;；<>[](（")


# --- what somebody says himself ---------------------------------------------------------


def _own_lines(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines of a mail that its writer wrote, and those that are left out.

    One line alone that begins with `>` and no space is no quote: so do people write of what is
    more than something.
    """
    body, signature = _cut_signature(lines)
    own: list[str] = []
    left_out: list[str] = []
    is_disclaimer = False
    skip_to = 0
    n_marked = sum(bool(_MARK.match(line)) for line in body)
    for number, line in enumerate(body):
        if not line.strip():
            is_disclaimer = False
        elif own and _DISCLAIMER.match(line[:_LONGEST_LINE]):
            is_disclaimer = True
        wrote = _wrote(body, number)
        if wrote and _is_marked_below(body, wrote):
            skip_to = wrote
        is_marked = bool(_MARK.match(line))
        is_quoted = is_marked and (n_marked > 1 or _has_space_behind_mark(line))
        is_by_phone = bool(_BY_PHONE.fullmatch(line[:_LONGEST_LINE]))
        is_out = is_quoted or is_disclaimer or is_by_phone
        if is_out or number < skip_to:
            left_out.append(line.strip())
        else:
            own.append(line)
    return own, [*left_out, *signature]


def _has_space_behind_mark(line: str) -> bool:
    """Whether a marked line is one as mailers mark it."""
    behind = line.lstrip()[1:2]
    return behind in {" ", ""}


def _cut_signature(lines: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """The lines above `-- `, and the few below it.

    Nothing is cut where nothing stands above, or much below: then somebody has drawn a line.
    Source: RFC 3676 4.3.
    """
    for number, line in enumerate(lines):
        if line.rstrip() != "--" or not any(above.strip() for above in lines[:number]):
            continue
        below = [tail.strip() for tail in lines[number + 1 :] if tail.strip()]
        if len(below) <= _LONGEST_SIGNATURE:
            return lines[:number], below
    return lines, []
