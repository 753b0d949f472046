"""Who writes a mail, when, and what he says himself: the sender, or whose mail he passes on.

A mail that is forwarded is its first writer's; who forwards it records it. Where a program sends
what people typed into a web form, Reply-To says who they are. None of this gives anybody rights:
these follow the sender alone (docs/security.md). Source: 2.1.3a, 3.1.1.
"""

import datetime as dt
import email.utils
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fbbatch.model import Cell
from fbbatch.read import Letter
from fbbatch.read.mail_words import Passage, passages
from fbbatch.schema import Book
from fbbatch.schema.models import Person
from fbbatch.validate.values import date_parser

_PREFIX = re.compile(
    r"\s*(?:(?P<forward>fwd?|[转轉][发發寄])|(?P<reply>re|aw|回[复覆]|答[复覆]))\s*(?:\[\d+\])?[:：]\s*",
    re.IGNORECASE,
)
_MACHINE = re.compile(
    r"(?:(?:do[-_.]?)?not?[-_.]?reply|no[-_.]?reply|do[-_.]?not[-_.]?reply|wordpress|webmaster"
    r"|mailer|notifications?|notify|web[-_.]?forms?|forms?|formsubmit|www-data|robot|system)"
    r"(?:[-_.+].*)?@",
    re.IGNORECASE,
)
_RFC_DATE = re.compile(
    r"(?:[a-z]{3}, )?\d{1,2} [a-z]{3} \d{4} \d{1,2}:\d\d(?::\d\d)? (?:[+-]\d{4}|gmt|utc)\b.*",
    re.IGNORECASE,
)
_ZONE = re.compile(
    r"\s*(?:\(?(?:gmt|utc)\s*(?P<hours>[+-]\d{1,2})?(?P<minutes>:?\d\d)?\)?)\s*$", re.IGNORECASE
)
_AT = re.compile(r"\s+at\s+|(?<=\d{4}),\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MailWriter:
    """Whoever reports by a mail.

    Attributes:
        name: as the mail gives it; `""` where nobody knows it.
        address: where an answer reaches him; `""` where nobody knows it.
        subject: what he wrote above his text.
        text: what he says himself.
        reported_at: when, in the workspace's time; None where that is not told.
        person: who he is, if he is one of the company's people.
        forwarder: the sender who passed it on; None where nobody did.
        remark: what the forwarder says above it.
        left_out: the lines that are not judged.
        is_unclear: the mail is called forwarded and does not show whose it was.
    """

    name: str
    address: str
    subject: str
    text: str
    reported_at: Cell
    person: Person | None
    forwarder: "MailWriter | None" = None
    remark: str = ""
    left_out: tuple[str, ...] = ()
    is_unclear: bool = False


def writer_of(letter: Letter, book: Book, received: dt.datetime) -> MailWriter:
    """Find out who reports by a mail.

    Args:
        letter: the mail.
        book: knows the company's people.
        received: the as-of time; a mail is not dated later, and its zone is the workspace's.
    """
    top, *below = passages(letter.body)
    sender = _sender(letter, top, book, received)
    if not below:
        is_bare = _prefix(letter.subject) == "forward" and not letter.parts
        return replace(sender, is_unclear=is_bare)
    if not _is_forwarded(letter.subject, top, below[0]):
        return replace(sender, left_out=(*sender.left_out, *_all_lines(below)))
    return _passed_on(letter, sender, below, book, received)


def person_at(mail_address: str, book: Book) -> Person | None:
    """The one of the company's people whose mail address this is."""
    wanted = mail_address.lower()
    for person in book.organisation.people:
        if person.mail and person.mail.lower() == wanted:
            return person
    return None


def shown_name(writer: MailWriter) -> str:
    """What a person is called: as the company knows him, as he is named, or by his address."""
    if writer.person:
        return writer.person.name
    return writer.name or writer.address.partition("@")[0]


def sender_name(letter: Letter, book: Book) -> str:
    """What the sender of a mail is called."""
    person = person_at(letter.address, book)
    return person.name if person else letter.sender or letter.address.partition("@")[0]


def _sender(letter: Letter, top: Passage, book: Book, received: dt.datetime) -> MailWriter:
    """Who sent the mail, or typed what a program sent.

    One of our own people is known by the sender's address, whatever Reply-To says.
    """
    person = person_at(letter.address, book)
    name, address = letter.sender, letter.address
    if person is None:
        name, address = _answered_to(letter)
    return MailWriter(
        name=name,
        address=address,
        subject=letter.subject,
        text=top.text,
        reported_at=_sent(letter.sent_at, received),
        person=person,
        left_out=top.left_out,
    )


def _answered_to(letter: Letter) -> tuple[str, str]:
    """Name and address of the one to whom an answer is wanted.

    A list that wants its answers itself is nobody. Of a program nothing is known but what Reply-To
    says.
    """
    name, address = letter.reply_to
    is_machine = bool(_MACHINE.match(letter.address))
    is_list = letter.automatic == "list" or address.lower() in letter.recipients
    if not address or is_list or address.lower() == letter.address.lower():
        return ("", "") if is_machine else (letter.sender, letter.address)
    same_house = _house(address) == _house(letter.address)
    if same_house and not is_machine:
        return letter.sender, address
    return name, address


def _house(mail_address: str) -> str:
    """The part behind `@`: what people of one company have in common."""
    return mail_address.rpartition("@")[2].lower()


# --- forwarded --------------------------------------------------------------------------


def _prefix(subject: str) -> str:
    """`forward`, `reply` or `""`: what the first prefix of a subject says."""
    found = _PREFIX.match(subject)
    return (found.lastgroup or "") if found else ""


def _is_forwarded(subject: str, above: Passage, below: Passage) -> bool:
    """Whether the mail below is passed on, and not answered.

    The line between the two decides where it says so; else the subject's first prefix. Without
    either, a mail is passed on by whoever says nothing himself.
    """
    if below.is_forwarded:
        return True
    prefix = _prefix(subject)
    if prefix:
        return prefix == "forward"
    return below.is_forwarded is None and not above.text


def _passed_on(
    letter: Letter,
    sender: MailWriter,
    below: Sequence[Passage],
    book: Book,
    received: dt.datetime,
) -> MailWriter:
    """Whose mail somebody forwards.

    Of mails that went to and fro it is the newest that comes from outside; what the same one wrote
    before is told with it.
    """
    ours = {letter.address.lower(), *letter.recipients}
    chain = _innermost(below)
    first = _from_outside(chain, ours, book)
    same = [one for one in chain if one is first or _is_by(one, first)]
    others = [one for one in below if one not in same]
    said = [one.text for one in same if one.text]
    subject = first.subject or letter.subject
    if _prefix(subject) == "forward":
        subject = _PREFIX.sub("", subject, count=1)
    is_machine = bool(_MACHINE.match(first.address))
    return MailWriter(
        name="" if is_machine else first.sender,
        address=first.reply_to if is_machine else first.address,
        subject=subject,
        text="\n".join(said),
        reported_at=_moment(first.sent, received),
        person=person_at(first.address, book),
        forwarder=sender,
        remark=sender.text,
        left_out=(*sender.left_out, *_lines_left_out(same), *_all_lines(others)),
        is_unclear=not first.sender and not first.address,
    )


def _innermost(below: Sequence[Passage]) -> Sequence[Passage]:
    """The mails from the one on that is not forwarded itself."""
    start = 0
    while start + 1 < len(below):
        outer, inner = below[start], below[start + 1]
        if not _is_forwarded(outer.subject, outer, inner):
            break
        start += 1
    return below[start:]


def _from_outside(chain: Sequence[Passage], ours: set[str], book: Book) -> Passage:
    """The newest mail that does not come from us; the newest of all, where all do."""
    for passage in chain:
        if not _is_ours(passage, ours, book):
            return passage
    return chain[0]


def _is_ours(passage: Passage, ours: set[str], book: Book) -> bool:
    """Whether one of the company's people, or who forwards, wrote a mail."""
    is_known = passage.address.lower() in ours or person_at(passage.address, book) is not None
    return bool(passage.address) and is_known


def _is_by(passage: Passage, other: Passage) -> bool:
    """Whether two mails are by the same writer.

    Only an address tells that: a name may be many people's.
    """
    return bool(passage.address) and passage.address.lower() == other.address.lower()


def _all_lines(below: Sequence[Passage]) -> list[str]:
    """All lines of mails that are not judged."""
    lines: list[str] = []
    for passage in below:
        lines += [line for line in passage.text.split("\n") if line.strip()]
        lines += passage.left_out
    return lines


def _lines_left_out(mails: Sequence[Passage]) -> list[str]:
    """The lines of mails that are judged which their writers did not write for them."""
    lines: list[str] = []
    for passage in mails:
        lines += passage.left_out
    return lines


# --- when -------------------------------------------------------------------------------


def _sent(moment: dt.datetime | None, received: dt.datetime) -> Cell:
    """When it was sent, in the workspace's time; None where that is missing or in the future."""
    if moment is None or moment > received:
        return None
    return moment.astimezone(received.tzinfo).strftime("%Y-%m-%d %H:%M")


def _moment(written: str, received: dt.datetime) -> Cell:
    """A date as mailers write it above a forwarded mail.

    Args:
        written: with or without a zone; without one, it is the workspace's.
        received: the as-of time; a later date makes no sense.

    Returns:
        date and time in the workspace's zone; None where it cannot be understood for sure.
    """
    text = written.strip()[:100]
    if _RFC_DATE.fullmatch(text):
        try:
            return _sent(email.utils.parsedate_to_datetime(text), received)
        except (ValueError, TypeError, OverflowError):
            return None
    zone = received.tzinfo
    if told := _ZONE.search(text):
        hours, minutes = int(told["hours"] or 0), int((told["minutes"] or "0").lstrip(":"))
        if abs(hours) > 14 or minutes > 59:
            return None
        offset = dt.timedelta(hours=hours, minutes=minutes if hours >= 0 else -minutes)
        zone = dt.timezone(offset)
        text = text[: told.start()]
    parse = date_parser(with_time=True, order=None, zone=None)
    parsed = parse(_AT.sub(" ", text))
    if not isinstance(parsed, str):
        return None
    try:
        return _sent(dt.datetime.fromisoformat(parsed).replace(tzinfo=zone), received)
    except (ValueError, OverflowError):
        return None
