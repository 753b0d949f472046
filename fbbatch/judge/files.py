"""One dropped file → messages: its sheets, what a form or mail answers, and the files inside it.

Messages travel as plain data, so that a parser that goes wrong in a worker can hand the run nothing
else.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import orjson

from fbbatch import failpoints
from fbbatch.codes import printed_codes
from fbbatch.findings import finding
from fbbatch.judge.beside_blanks import loose_text
from fbbatch.judge.edits import edits_message
from fbbatch.judge.enclosures import Enclosures, sorted_enclosures
from fbbatch.judge.forms import form_message, identity_of
from fbbatch.judge.forms_in_sheets import form_in_sheet
from fbbatch.judge.issued import issued_copy
from fbbatch.judge.mail_forms import pasted_paper
from fbbatch.judge.mail_writers import MailWriter, sender_name, shown_name
from fbbatch.judge.mails import Addressed, address, letter_key
from fbbatch.judge.marks import is_cover, issue_on_cover, without_marks
from fbbatch.judge.rows import LimitError, RowJudge, Setup
from fbbatch.messages import (
    EditedWorkbook,
    FileKind,
    FormRead,
    Message,
    PartHead,
    Refusal,
    Remarks,
    RowChunk,
    SetAside,
    SheetHead,
    WorkbookProof,
    encode,
)
from fbbatch.model import MATTER_NUMBER, Cell, Finding
from fbbatch.read import (
    Hints,
    Letter,
    Paper,
    Part,
    ReadersDisagreeError,
    Reading,
    Sheet,
    open_content,
    sheet_of,
)
from fbbatch.read.answers import answers_of
from fbbatch.read.sheet import HEAD_ROWS
from fbbatch.schema import Layout, SchemaModel, identify
from fbbatch.wording import say

_NOT_UNDERSTOOD = frozenset(
    {"FB-no-header", "FB-no-answers", "FB-which-source", "FB-not-readable", "FB-own-document"}
)
"""What is said of a file that holds no feedback and is not damaged."""
_WORKBOOKS = frozenset({"xlsx", "xlsb", "xls", "ods"})
_REGISTERS = frozenset({"register", "questionnaire", "returned"})
_EDITABLE = {"tracking_ledger": "tracking_ledger", "summary": "tracking_ledger"}
"""Workbooks that are edited and dropped back, and the form schema of what may be edited in them."""
_AUTOMATIC = {
    "auto-reply": "judge.auto-reply",
    "bounce": "judge.bounce",
    "own": "judge.own",
}
"""Kinds of mails that nobody wrote, and the words for them."""
_WORDLESS = {"calendar": "FB-calendar-mail", "recall": "FB-recalled-mail"}
"""Mails that say nothing themselves, and what is said of them."""
_DEEPEST_ZIP = 3
"""Files in zips within each other. Mails may go as deep as the limit `mail_depth` says: unlike a
zip, a mail holds no more than it is long."""
_LOOSE_CHARS = 200


@dataclass(frozen=True, slots=True)
class FileToJudge:
    """One file to judge.

    `folder` is the inbox sub-folder it lay in. With a `sha256`, no other bytes are taken for it.
    `second` asks for the second reader of workbooks: the first has died of it.
    """

    path: Path
    folder: str | None
    sha256: str | None = None
    second: bool = False


class _Nesting(NamedTuple):
    """How deep a file lies within others: in so many mails, and in so many zips.

    `forwarder` is the name of whoever attached the mail that is being read to his.
    """

    mails: int = 0
    zips: int = 0
    forwarder: str = ""


class Judge:
    """What a worker does with files; `judge` takes one."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._book = setup.book
        self._rows = RowJudge(setup)
        self._second = False

    def frames(self, task: FileToJudge) -> Iterator[bytes]:
        """As `judge`, as frames for the pipe."""
        for message in self.judge(task):
            failpoints.reach("parsing")
            yield encode(message)

    def judge(self, task: FileToJudge) -> Iterator[Message]:
        """Judge a file.

        Yields:
            a `FileKind` once; a `SheetHead` per understood sheet, and a `RowChunk` per thousand of
            its rows; `SetAside` for what is kept without becoming feedback; a `PartHead` before the
            messages about a file inside this one; a `Refusal` instead of everything that was said
            about the file or part when it cannot be taken.
        """
        self._second = task.second
        yield from self._guarded(self._task(task))

    def _task(self, task: FileToJudge) -> Iterator[Message]:
        """A dropped file, as long as it is there, whole, and not too large."""
        try:
            size = task.path.stat().st_size
            content = task.path.read_bytes() if size <= self._setup.limits.file_bytes else None
        except FileNotFoundError:
            yield Refusal(finding("FB-changed"))
            return
        except OSError:
            yield Refusal(finding("FB-locked"))
            return
        if content is None:
            yield Refusal(self._setup.limits.over("file_bytes", size))
        elif task.sha256 and hashlib.sha256(content).hexdigest() != task.sha256:
            yield Refusal(finding("FB-changed"))
        else:
            yield from self._content(Part(task.path.name, content), task.folder, _Nesting())

    def _content(self, file: Part, folder: str | None, nesting: _Nesting) -> Iterator[Message]:
        """What some bytes turn out to be."""
        hints = self._hints(folder)
        if file.charset:
            hints = replace(hints, encoding=file.charset)
        opened = open_content(file.content, self._setup.limits, hints, second=self._second)
        if isinstance(opened, Finding):
            yield Refusal(opened)
        elif isinstance(opened, Letter):
            yield FileKind("mail", opened.address)
            yield from self._letter(opened, folder, nesting)
        elif isinstance(opened, list):
            yield FileKind("zip") if opened else Refusal(finding("FB-no-content"))
            inside = nesting._replace(zips=nesting.zips + 1)
            for part in opened:
                yield from self._part(part, folder, inside)
        else:
            yield FileKind(opened.kind)
            yield from self._reading(opened, file.name, folder)

    def _guarded(self, messages: Iterator[Message]) -> Iterator[Message]:
        """Whatever a parser raises becomes the file's outcome."""
        try:
            yield from messages
        except MemoryError:
            yield Refusal(finding("FB-too-expensive", what="memory"))
        except (LimitError, ReadersDisagreeError) as error:
            yield Refusal(error.reason)
        except csv.Error:
            limits = self._setup.limits
            yield Refusal(limits.over("csv_line_bytes", limits.csv_line_bytes + 1))
        except BaseException as error:  # parsers written in Rust panic with what is no Exception
            if isinstance(error, GeneratorExit | KeyboardInterrupt | SystemExit):
                raise
            yield Refusal(finding("FB-broken", reason=type(error).__name__))

    def _hints(self, folder: str | None) -> Hints:
        """What the schema of a folder knows of its files, which they do not say themselves."""
        declared = [s for s in self._book.sources if s.is_of_folder(folder)]
        if len(declared) == 1:
            schema = declared[0]
            return Hints(schema.delimiter, schema.encoding, schema.lines)
        if declared:
            return Hints()
        chat = self._chat(folder)
        return Hints(lines=chat.lines) if chat else Hints()

    def _chat(self, folder: str | None) -> SchemaModel | None:
        """The one schema by whose pattern a chat is read."""
        chats = [source for source in self._book.sources if source.lines]
        of_folder = [chat for chat in chats if chat.is_of_folder(folder)]
        named = of_folder or chats
        return named[0] if len(named) == 1 else None

    # --- sheets and forms -------------------------------------------------------------

    def _reading(self, reading: Reading, name: str, folder: str | None) -> Iterator[Message]:
        """What a table or written document is: a form, an edited ledger, feedback, or none."""
        if reading.kind == "txt" and (chat := self._chat(folder)):
            folder = chat.id
        paper = reading.paper
        own = reading.identity
        form = own.get("form", "register")
        identity = identity_of(own, paper, self._book)
        if paper and paper.n_hidden:
            yield _hidden_text(paper.n_hidden)
        if reading.findings:
            yield Remarks(list(reading.findings))
        if identity and paper:
            schema = self._form_schema(identity.kind)
            ending = ".xlsx" if reading.kind in _WORKBOOKS else ".docx"
            yield form_message(paper, identity, schema, self._setup, ending=ending)
        elif form in _EDITABLE and not paper:
            copy = issued_copy(self._setup.outbox, own.get("issue", ""), form)
            schema = self._form_schema(_EDITABLE[form])
            yield edits_message(reading, copy, schema, self._setup)
        elif form not in _REGISTERS:
            yield self._own(reading, form)
        elif paper is None:
            yield from self._workbook(reading, name, folder)
        elif reading.kind == "csv":
            yield from self._table_or_note(reading.sheets, paper, name, folder)
        else:
            yield from self._paper(paper, name, folder, otherwise=None)

    def _form_schema(self, kind: str) -> SchemaModel:
        """The schema of a form, which is known."""
        return next(schema for schema in self._book.forms if schema.id == kind)

    def _workbook(self, reading: Reading, name: str, folder: str | None) -> Iterator[Message]:
        """Its sheets; before them, if it is one of ours, how it proves that."""
        own = reading.identity
        if code := own.get("code"):
            issue = own.get("issue", "")
            yield WorkbookProof("returned", issue, [code])
        yield from self._sheets(reading.sheets, name, folder, ours=bool(own))

    def _table_or_note(
        self, sheets: Iterable[Sheet], paper: Paper, name: str, folder: str | None
    ) -> Iterator[Message]:
        """A file of commas: a table, or else a note."""
        messages = self._sheets(list(sheets), name, folder, may_be_forms=False)
        first = next(messages)
        if isinstance(first, Refusal) and first.reason.code in _NOT_UNDERSTOOD:
            yield from self._paper(paper, name, folder, otherwise=first.reason)
        else:
            yield first
            yield from messages

    def _own(self, reading: Reading, form: str) -> Message:
        """A document that we issued and that is no form."""
        paper = reading.paper
        text = paper.text() if paper else ""
        about = reading.identity.get("case") or None
        title = self._book.word("document", form, self._setup.language)
        reason = finding("FB-own-document", kind=title)
        return _aside([[text]], about, reason)

    def _paper(
        self, paper: Paper, name: str, folder: str | None, *, otherwise: Finding | None
    ) -> Iterator[Message]:
        """What a written document answers; one that answers nothing may speak of a case.

        `otherwise` is why it is no table, where it might have been one.
        """
        found = answers_of(paper, self._book.sources, folder=folder)
        messages = self._sheets(found.sheets, name, folder)
        first = next(messages)
        if not isinstance(first, Refusal):
            yield first
            yield from messages
            yield Remarks(loose_text(found.loose))
        elif number := self._book.numbers.search(paper.text()):
            yield _about_case([["", paper.text()]], number[0])
        elif first.reason.code in {"FB-no-header", "FB-no-content"} and (
            otherwise is None or not _is_table(paper)
        ):
            yield Refusal(self._no_answers(folder))
        else:
            yield Refusal(otherwise or first.reason)

    def _no_answers(self, folder: str | None) -> Finding:
        """That a document has no blank of any source; those of its folder are wanted first."""
        sources = self._book.sources
        schema = next((s for s in sources if s.is_of_folder(folder)), sources[0])
        wanted = ",".join(f.id for f in schema.fields if f.required is True)
        return finding("FB-no-answers", expected_fields=wanted, schema=schema.id)

    def _sheets(
        self,
        sheets: Iterable[Sheet],
        name: str,
        folder: str | None,
        *,
        ours: bool = False,
        may_be_forms: bool = True,
    ) -> Iterator[Message]:
        """Every sheet that a schema understands; a `Refusal` first when none is.

        In a workbook of `ours` the notes sheet is no loss: it is not reported as skipped. A text
        with labels is read line by line, and is no form in cells (`may_be_forms`).
        """
        so_far: Counter[str] = Counter()
        others: list[_OtherSheet] = []
        last: Layout | None = None
        for told in sheets:
            if is_cover(told):
                yield from _proven_by(told)
                continue
            sheet = without_marks(told)
            if sheet.findings and sheet.findings[0].severity == "error":
                raise LimitError(sheet.findings[0])
            layout = self._layout(sheet, folder)
            if isinstance(layout, Finding):
                layout = self._continued(sheet, layout, last)
            if isinstance(layout, Layout):
                last = layout
                yield from self._understood(sheet, layout, name, so_far)
            else:
                others.append(self._other(sheet, layout, folder))
        forms: list[_FormInSheet] = []
        if may_be_forms and not ours:
            forms = self._forms(others, are_all=last is None)
        for form in forms:
            yield from self._understood(form.sheet, form.layout, name, so_far)
            yield Remarks(loose_text(form.loose))
        left = [one for one in others if one.form not in forms and one.n_rows]
        yield from _ending(left, so_far, ours=ours)

    def _other(self, sheet: Sheet, reason: Finding, folder: str | None) -> "_OtherSheet":
        """A sheet whose header nobody knows, with the form that it may be."""
        form = self._form_in(sheet, folder) if reason.code == "FB-no-header" else None
        filled = sum(any(row) for row in sheet.rows())
        return _OtherSheet(sheet.name, reason, filled, form)

    def _forms(self, others: Iterable["_OtherSheet"], *, are_all: bool) -> list["_FormInSheet"]:
        """The forms that are read: beside a table, only those with good answers.

        A sheet that explains a table has its labels, too.
        """
        forms = [one.form for one in others if one.form]
        if are_all:
            return forms
        return [form for form in forms if self._rows.fits(form.sheet, form.layout)]

    def _understood(
        self, sheet: Sheet, layout: Layout, name: str, so_far: Counter[str]
    ) -> Iterator[Message]:
        """A sheet and its rows; `so_far` counts sheets, answers and cells of the file."""
        so_far["sheets"] += 1
        head = _head(layout)._replace(
            sheet=sheet.name,
            findings=[*_remarks(layout, sheet), *sheet.findings],
        )
        yield head._replace(header_row=None) if sheet.written else head
        channel = self._rows.channel(layout.schema, f"{name.rpartition('.')[0]} {sheet.name}")
        for message in self._rows.rows(sheet, layout, channel=channel):
            if isinstance(message, RowChunk):
                so_far["answers"] += len(message.numbers) + len(message.returned)
                so_far["cells"] += message.n_cells
                self._within(so_far["answers"], so_far["cells"])
            yield message

    def _continued(self, sheet: Sheet, reason: Finding, last: Layout | None) -> Layout | Finding:
        """How a sheet without a header is read that goes on where another one ended.

        The reason why it is not understood, where its rows do not fit.
        """
        if last is None or reason.code != "FB-no-header":
            return reason
        going_on = finding("FB-sheet-continued", sheet=sheet.name, name=sheet.name)
        layout = replace(
            last,
            first_row=1,
            header_row=None,
            unknown=(),
            findings=(going_on,),
        )
        return layout if self._rows.fits(sheet, layout) else reason

    def _form_in(self, sheet: Sheet, folder: str | None) -> "_FormInSheet | None":
        """A form in a worksheet that has no header."""
        if len(sheet.head) >= HEAD_ROWS:
            return None
        sources = self._book.sources
        hinted = [schema for schema in sources if schema.is_of_folder(folder)]
        found = form_in_sheet(sheet, hinted or sources)
        if found is None:
            return None
        form, loose = found
        layout = self._layout(form, folder)
        if isinstance(layout, Finding):
            return None
        return _FormInSheet(form, layout, loose)

    def _layout(self, sheet: Sheet, folder: str | None) -> Layout | Finding:
        """How a sheet is to be read; one that is too wide is not searched for a header."""
        widest = max(map(_n_filled, sheet.head), default=0)
        if widest > self._setup.limits.columns:
            return self._setup.limits.over("columns", widest, where=sheet.name)
        return identify(
            sheet.head,
            self._book.sources,
            sheet=sheet.name,
            folder=folder,
            merged=sheet.merged,
        )

    def _within(self, answers: int, cells: int) -> None:
        """Go no further with a file that holds too much."""
        limits = self._setup.limits
        if answers > limits.rows:
            raise LimitError(limits.over("rows", answers))
        if cells > limits.cells:
            raise LimitError(limits.over("cells", cells))

    # --- mails and containers ---------------------------------------------------------

    def _part(self, part: Part, folder: str | None, nesting: _Nesting) -> Iterator[Message]:
        """A file inside another one; when it fails, nothing else is said about it."""
        messages = self._judged_part(part, folder, nesting)
        yield _described(part)
        yield from messages

    def _judged_part(self, part: Part, folder: str | None, nesting: _Nesting) -> list[Message]:
        """What is said of a file that lies so deep."""
        limits = self._setup.limits
        depth = nesting.mails + nesting.zips
        if nesting.zips > _DEEPEST_ZIP or depth > limits.mail_depth:
            return [Refusal(limits.over("mail_depth", depth))]
        messages = list(self._guarded(self._content(part, folder, nesting)))
        return _refusals(messages) or messages

    def _letter(self, letter: Letter, folder: str | None, nesting: _Nesting) -> Iterator[Message]:
        """A mail: feedback, a cover letter to its attachments, part of a case's story, nobody's."""
        if letter.automatic in _AUTOMATIC or letter.automatic in _WORDLESS:
            yield self._automatic(letter, letter.automatic)
            return
        taken: list[tuple[Part, list[Message]]] = []
        kept: list[tuple[Part, list[Message]]] = []
        inside = nesting._replace(
            mails=nesting.mails + 1, forwarder=sender_name(letter, self._book)
        )
        for part in letter.parts:
            messages = self._judged_part(part, folder, inside)
            if _is_no_feedback(messages):
                kept.append((part, messages))
            else:
                taken.append((part, _by_mail(messages, letter)))
        if letter.n_hidden:
            yield _hidden_text(letter.n_hidden)
        enclosures = sorted_enclosures(kept, self._setup.limits)
        yield from self._own_words(letter, taken, enclosures, (folder, nesting.forwarder))
        for part, messages in taken:
            yield _described(part)._replace(sender=letter.address)
            yield from messages

    def _automatic(self, letter: Letter, kind: str) -> Message:
        """A mail that nobody has written.

        One over a list is none: it may well be feedback, as many feedback addresses are groups.
        """
        if kind in _WORDLESS:
            automatic = finding(_WORDLESS[kind])
        else:
            name = say(_AUTOMATIC[kind], self._setup.language)
            automatic = finding("FB-automatic-mail", kind=name)
        return _aside(_cells_of(letter), None, automatic, *_evidence(letter.parts))

    def _own_words(
        self,
        letter: Letter,
        taken: Sequence[tuple[Part, Sequence[Message]]],
        enclosures: Enclosures,
        origin: tuple[str | None, str],
    ) -> Iterator[Message]:
        """What a mail says itself, beside the attachments that are taken.

        `origin` is the inbox sub-folder it lay in, and who attached it to his mail.
        """
        number = self._book.numbers.search(f"{letter.subject}\n{letter.body}")
        folder, forwarder = origin
        if number:
            yield self._pasted(letter, taken) or _about_case(_cells_of(letter), number[0])
            yield from _remarks_on(enclosures.unheard())
            return
        addressed = address(
            letter,
            enclosures.enclosed(),
            self._book,
            folder=folder,
            received=self._setup.received,
            forwarder=forwarder,
        )
        if not addressed.labelled and _says(taken, SheetHead, FormRead, EditedWorkbook):
            names = "、".join(part.name for part, _ in taken)
            yield _aside(_cells_of(letter), None, finding("FB-cover-letter", parts=names))
            yield from _remarks_on(enclosures.unheard())
        elif letter.body.strip() or letter.subject.strip() or enclosures.names():
            yield from self._addressed(addressed, letter_key(letter))
            yield from _remarks_on(enclosures.findings())
        elif not taken:
            yield Refusal(finding("FB-no-content"))

    def _pasted(
        self, letter: Letter, taken: Sequence[tuple[Part, Sequence[Message]]]
    ) -> Message | None:
        """What a form answers that somebody has pasted into a mail. Source: N2.

        None unless form, case and answers are clear.
        """
        if _says(taken, FormRead):
            return None
        paper = pasted_paper(letter)
        identity = identity_of({}, paper, self._book)
        if identity is None or {identity.case} != {
            identity.case,
            *self._book.numbers.findall(letter.subject),
        }:
            return None
        message = form_message(paper, identity, self._form_schema(identity.kind), self._setup)
        form = message.form
        is_clear = MATTER_NUMBER.fullmatch(identity.case) and form.values and not form.bad
        whole = (f"{letter.sender} <{letter.address}>", letter.subject, letter.body)
        form = form._replace(mailed=_mailed_by(letter), text="\n".join(whole))
        return message._replace(form=form) if is_clear else None

    def _addressed(self, addressed: Addressed, key: str) -> Iterator[Message]:
        """A mail as feedback; another `letter` is another matter, though it says the same."""
        layout = addressed.layout
        yield _head(layout)._replace(header_row=None, letter=key)
        sheet = sheet_of("", addressed.rows)
        sheet.written = True
        yield from self._rows.rows(sheet, layout, channel="email")
        yield Remarks([*loose_text(addressed.loose), *_on_writer(addressed.writer)])


def _remarks_on(findings: Sequence[Finding]) -> Iterator[Message]:
    """The findings as a message; none where there are none."""
    if findings:
        yield Remarks(findings)


def _on_writer(writer: MailWriter) -> Iterator[Finding]:
    """What is noteworthy of whose words are judged, and of those that are not.

    A mail without a word of its writer's own needs a person: only its subject is registered.
    """
    if writer.is_unclear:
        yield finding("FB-forward-unclear", sender=shown_name(writer.forwarder or writer))
    elif writer.forwarder:
        forwarder = shown_name(writer.forwarder)
        yield finding("FB-forwarded", sender=forwarder, reporter=shown_name(writer))
    if not writer.text and not writer.forwarder and writer.left_out:
        yield finding("FB-nothing-said", lines=len(writer.left_out))
    elif writer.left_out:
        text = " ".join(writer.left_out)[:_LOOSE_CHARS]
        yield finding("FB-left-out", lines=len(writer.left_out), text=text)


class _FormInSheet(NamedTuple):
    """A form that stood in a worksheet, as a table, and the texts that answer nothing."""

    sheet: Sheet
    layout: Layout
    loose: Sequence[str]


class _OtherSheet(NamedTuple):
    """A sheet that no schema understands.

    Its name, why, how many rows hold anything, and the form that it is when it is one.
    """

    name: str
    reason: Finding
    n_rows: int
    form: _FormInSheet | None


def _ending(
    left: Sequence[_OtherSheet], so_far: Mapping[str, int], *, ours: bool
) -> Iterator[Message]:
    """What is said of sheets that nobody understands, and of a file without a row."""
    if not so_far["sheets"]:
        yield Refusal(left[0].reason if left else finding("FB-no-content"))
        return
    skipped: list[Finding] = []
    for one in left:
        skipped.append(
            finding(
                "FB-sheet-skipped",
                sheet=one.name,
                name=one.name,
                rows=one.n_rows,
            )
        )
    if not ours:
        yield Remarks(skipped)
    if not so_far["answers"]:
        yield Refusal(finding("FB-no-rows"))


def _refusals(messages: Iterable[Message]) -> list[Message]:
    """Why a file cannot be taken; nothing where it can, whatever files inside it are like."""
    found: list[Message] = []
    for message in messages:
        if isinstance(message, PartHead):
            break
        if isinstance(message, Refusal):
            found.append(message)
    return found


def _n_filled(cells: Iterable[Cell]) -> int:
    """How many cells hold anything."""
    return sum(cell not in {None, ""} for cell in cells)


def _head(layout: Layout) -> SheetHead:
    """How rows are read, and by which schema; nothing else of their sheet."""
    schema = layout.schema
    return SheetHead(
        schema.id,
        schema.source_code,
        sheet="",
        header_row=layout.header_row,
        columns=[(m.column + 1, m.field.id, m.header) for m in layout.columns],
        findings=(),
    )


def _hidden_text(length: int) -> Remarks:
    """What is said of text that nobody would see."""
    hidden = finding("FB-hidden-text", length=length)
    return Remarks([hidden])


def _described(part: Part) -> PartHead:
    content = part.content
    sha256 = hashlib.sha256(content).hexdigest()
    return PartHead(part.name, sha256, len(content))


def _cells_of(letter: Letter) -> list[list[str]]:
    """A mail as the one row of a table."""
    return [
        [
            letter.sender,
            letter.address,
            letter.subject,
            letter.sent_at.isoformat() if letter.sent_at else "",
            letter.body,
        ]
    ]


def _says(taken: Iterable[tuple[Part, Sequence[Message]]], *kinds: type[Message]) -> bool:
    """True where any of these attachments holds anything of these kinds."""
    said: list[Message] = []
    for _, messages in taken:
        said += messages
    return any(isinstance(message, kinds) for message in said)


def _proven_by(cover: Sheet) -> Iterator[Message]:
    """How a returned workbook proves itself without its hidden sheet: by the code on its cover.

    The cover is the sheet that explains.
    """
    text = "\n".join(str(cell) for row in cover.head for cell in row if cell)
    if codes := [code for code, _ in printed_codes(text)]:
        yield WorkbookProof("returned", issue_on_cover(text), codes)


def _by_mail(messages: Iterable[Message], letter: Letter) -> list[Message]:
    """What is said of an attachment, with who has mailed its forms, edited ledgers and files.

    Of a mail in a mail it is whoever has sent the outer one.
    """
    told: list[Message] = []
    for message in messages:
        match message:
            case PartHead():
                told.append(message._replace(sender=letter.address))
            case FormRead(form):
                mailed = form._replace(mailed=_mailed_by(letter))
                told.append(message._replace(form=mailed))
            case EditedWorkbook():
                told.append(message._replace(mailed=_mailed_by(letter)))
            case _:
                told.append(message)
    return told


def _mailed_by(letter: Letter) -> str:
    """The address, or what stands for one that is missing."""
    return letter.address or "?"


def _about_case(rows: Sequence[Sequence[object]], case: str) -> SetAside:
    """What speaks of a case and is no form; `case` is its number."""
    return _aside(rows, case, finding("FB-about-case", case=case))


def _aside(rows: Sequence[Sequence[object]], about: str | None, *findings: Finding) -> SetAside:
    """What is kept without becoming feedback; `about` is the number of the case it speaks of."""
    numbered: list[tuple[int, str]] = []
    for number, row in enumerate(rows, 1):
        cells = orjson.dumps(row, default=str).decode()
        numbered.append((number, cells))
    return SetAside(numbered, about, findings)


def _evidence(parts: Iterable[Part]) -> list[Finding]:
    """That files are kept with the mail to which they were attached."""
    return [finding("FB-evidence", name=part.name) for part in parts]


def _is_no_feedback(messages: Sequence[Message]) -> bool:
    """True for an attachment (also a zip of such) that is whole and holds no feedback of its own.

    It is kept with the mail, not reported as a file.
    """
    codes = {message.reason.code for message in messages if isinstance(message, Refusal)}
    is_kept = any(isinstance(message, SheetHead | SetAside) for message in messages)
    return bool(codes) and codes <= _NOT_UNDERSTOOD and not is_kept


def _remarks(layout: Layout, sheet: Sheet) -> list[Finding]:
    """What is noteworthy of a sheet's header, and that it is hidden."""
    notes = list(layout.findings)
    if sheet.written:
        notes = [_of_blank(f, sheet)._replace(row=None, column=None, sheet=None) for f in notes]
    return (
        [*notes, finding("FB-hidden-sheet", sheet=sheet.name, name=sheet.name)]
        if sheet.hidden
        else notes
    )


def _of_blank(item: Finding, sheet: Sheet) -> Finding:
    """An unknown column is an unknown blank, where the sheet was made of blanks."""
    if item.code != "FB-column-unknown" or sheet.name:
        return item
    texts = [str(cell) for row in sheet.head[1:] if (cell := row[(item.column or 1) - 1])]
    return finding(
        "FB-unknown-blank", name=item.details["header"], text="；".join(texts)[:_LOOSE_CHARS]
    )


def _is_table(paper: Paper) -> bool:
    """True for a text whose lines are split alike: then it is a table whose header nobody knows."""
    lines = [line for line in paper.lines[:20] if line.strip()]
    return len(lines) > 1 and any(_is_in_each(mark, lines) for mark in ",\t;|")


def _is_in_each(mark: str, lines: Iterable[str]) -> bool:
    return all(mark in line for line in lines)


def work(setup: Setup) -> Callable[[FileToJudge], Iterator[bytes]]:
    """What a worker does (`fbbatch.workers`)."""
    return Judge(setup).frames
