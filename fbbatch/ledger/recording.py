"""Recording one file, in bulk.

That is: its submissions, findings, cases, classifications and first transitions.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, assert_never

import orjson
import sqlalchemy as sa

from fbbatch.findings import finding
from fbbatch.ledger import bulk
from fbbatch.ledger import tables as t
from fbbatch.ledger.edited_rows import Edited, Kin, KinHere, RowsOrigin, Sieve, alike, kin_of, older
from fbbatch.ledger.outcomes import HARMLESS, outcome_of, together
from fbbatch.ledger.queries import case_of, facts_of, history_of
from fbbatch.ledger.waiting import IGNORED, PASSED, TAKEN, put_decision, put_waiting, waiting_forms
from fbbatch.ledger.writing import append_steps, last_serial
from fbbatch.messages import ForLedger, HeardRows, Remarks, Ruling, SetAside, SheetHead
from fbbatch.model import (
    Case,
    Facts,
    FeedbackRow,
    FeedbackRows,
    FilledForm,
    Finding,
    Transition,
    WaitingForm,
)
from fbbatch.schema.process import CASE

_FINGERPRINTS = (
    sa.select(
        t.fingerprint.c.fingerprint,
        t.fingerprint.c.occurrence,
        t.matter.c.number,
        t.case.c.id,
        t.submission.c.file_id,
    )
    .select_from(t.fingerprint)
    .join(t.case, t.case.c.id == t.fingerprint.c.submission_id)
    .join(t.matter, t.matter.c.id == t.case.c.id)
    .join(t.submission, t.submission.c.id == t.case.c.id)
    .where(t.fingerprint.c.fingerprint.in_(bulk.SOUGHT))
)
_STEP = (
    "matter_id",
    "n",
    "run_id",
    "to_state",
    "document",
    "by_whom",
    "happened_on",
    "recorded_at",
)
_FIRST = sa.bindparam("first", type_=sa.Integer)
"""The first of the new cases."""


def _step(
    case_id: sa.ColumnElement[int], n: int, state: str, document: str, by: str
) -> list[sa.ColumnElement[Any]]:
    told = (
        sa.literal(n),
        sa.bindparam("run", type_=sa.Integer),
        sa.literal(state),
        sa.literal(document),
        sa.literal(by),
    )
    return [
        case_id,
        *told,
        sa.bindparam("today", type_=sa.String),
        sa.bindparam("now", type_=sa.String),
    ]


_REGISTERED = t.transition.insert().from_select(
    [*_STEP],
    sa.select(*_step(t.classification.c.case_id, 1, "registered", "register", "batch")).where(
        t.classification.c.case_id >= _FIRST
    ),
)
_ASSIGNED = t.transition.insert().from_select(
    [*_STEP, "department", "due_on", "details"],
    sa.select(
        *_step(t.classification.c.case_id, 2, "assigned", "assignment_rules", "rules"),
        t.ruling.c.department,
        t.ruling.c.due_on,
        t.ruling.c.details,
    )
    .join(t.ruling, t.ruling.c.id == t.classification.c.ruling_id)
    .where(t.classification.c.case_id >= _FIRST),
)
_OPENED = t.open_matter.insert().from_select(
    ["matter_id"], sa.select(t.classification.c.case_id).where(t.classification.c.case_id >= _FIRST)
)
"""What new cases have besides answers and class: two steps, and a place among the open ones.

Of answers and class each has one so far.
"""


class FileRecorder:
    """Takes the judged chunks of one file within one transaction; `outcome` closes it."""

    def __init__(
        self,
        connection: sa.Connection,
        *,
        run_id: int,
        as_of: dt.datetime,
        name: str,
        sha256: str,
        size: int,
        parent_id: int | None = None,
        reserved: int = 0,
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._day = as_of.date()
        self._today = self._day.isoformat()
        self._now = as_of.isoformat()
        self._as_of = as_of
        self._name, self._sha256, self._size, self._parent_id = name, sha256, size, parent_id
        self._reserved = reserved
        self._findings: list[Finding] = []
        self._counts = {"rows": 0, "accepted": 0, "returned": 0, "duplicate": 0, "set_aside": 0}
        self._schemas: dict[str, None] = {}
        self._schema = self._source = ""
        self._refused: tuple[str | None, str | None] = (None, None)
        self._parts: list[FileRecorder] = []
        self._sieve = Sieve(connection, name)
        self._n_amended = 0
        self._n_not_rows = 0
        self._mailed_by: str | None = None
        self._believes = False
        self._file_id = self._next_id(t.file)
        self._submission_id = self._next_submission_id()
        self._ruling_id = self._ruling_base = self._next_id(t.ruling)
        self._ruling_sheet = ""
        self._first_case = self._submission_id
        self._kin_here = KinHere(connection, self._first_case)
        self._has_older = connection.execute(sa.select(t.case.c.id).limit(1)).first() is not None
        self._serial = self._last_serial()
        self._prefix = t.number_prefix(self._day)
        self._insert_file()

    def _next_id(self, table: sa.Table) -> int:
        return (
            int(
                self._connection.execute(
                    sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))
                ).scalar_one()
            )
            + 1
        )

    def _next_submission_id(self) -> int:
        """The id of the next submission, and of the matter that it may open."""
        return max(self._next_id(t.submission), self._next_id(t.matter))

    def _last_serial(self) -> int:
        return max(last_serial(self._connection, self._day), self._reserved)

    def _insert_file(self) -> None:
        self._connection.execute(
            t.file.insert().values(
                id=self._file_id,
                run_id=self._run_id,
                name=self._name,
                sha256=self._sha256,
                size=self._size,
                outcome="open",
                parent_id=self._parent_id,
                **self._counts,
            )
        )

    # --- chunks -----------------------------------------------------------------------

    def hear(self, message: ForLedger) -> None:
        """Record what a worker tells about the file as it stands.

        That is: heads of sheets, chunks of rows, what is set aside, remarks.
        """
        self.note(message.findings)
        match message:
            case SheetHead():
                self._schema, self._source = message.schema, message.source
                self._schemas[self._schema] = None
                self._layout(message)
            case HeardRows():
                self._take(message)
            case SetAside():
                self._set_aside(message)
            case Remarks():
                pass
            case _:
                assert_never(message)

    def _layout(self, head: SheetHead) -> None:
        """Remember how a sheet was read, so that what goes back can be told column by column."""
        known = sa.select(t.sheet.c.name).where(
            t.sheet.c.file_id == self._file_id, t.sheet.c.name == head.sheet
        )
        if head.columns and self._connection.execute(known).first() is None:
            columns = orjson.dumps(head.columns).decode()
            row = {
                "file_id": self._file_id,
                "name": head.sheet,
                "schema_id": head.schema,
                "header_row": head.header_row,
            }
            self._connection.execute(t.sheet.insert().values(columns=columns, **row))

    def _take(self, chunk: HeardRows) -> None:
        """A chunk of rows; those that the ledger already has are duplicates."""
        sheet = chunk.sheet
        rows = self._without_duplicates(sheet, chunk.rows, chunk.plain)
        self._submissions(sheet, "returned", chunk.returned)
        if sheet != self._ruling_sheet:  # a sheet numbers its rulings from 0
            self._ruling_sheet, self._ruling_base = sheet, self._ruling_id
        self._rulings(chunk.rulings)
        marks = self._believed(chunk.marks)
        kin = self._kin(rows)
        if kin or marks:
            place = RowsOrigin(
                sheet,
                self._schema,
                self._source,
                self._ruling_base,
                is_letter=bool(chunk.plain),
            )
            rows = FeedbackRows.of(self._sieve.sift(place, rows.each(), marks, kin))
        self._new_cases(sheet, rows, kin, marks)

    def _without_duplicates(
        self, sheet: str, rows: FeedbackRows, plain: Sequence[bytes]
    ) -> FeedbackRows:
        """The rows that the ledger does not have; of the others it is told that they came again.

        `plain` are the fingerprints by which mails were known before mails had keys of their own.
        """
        known = self._known([*rows.fingerprint, *plain])
        if not known:
            return rows
        new: list[FeedbackRow] = []
        duplicates: list[tuple[int, str]] = []
        for row, other in zip(rows.each(), plain or rows.fingerprint, strict=True):
            case = known.get((row.fingerprint, row.occurrence))
            case = case or known.get((other, row.occurrence))
            if not case:
                new.append(row)
                continue
            duplicates.append((row.row, row.cells))
            self.note([finding("FB-same-row", sheet=sheet or None, row=row.row, case=case)])
        self._submissions(sheet, "duplicate", duplicates)
        return FeedbackRows.of(new)

    def _believed(self, marks: Iterable[tuple[int, str]]) -> dict[int, str]:
        """The marks of a chunk, by row; none, and a remark once, where nothing proves them ours."""
        if self._believes:
            return dict(marks)
        if marks and not any(known.code == "FB-marks-unproven" for known in self._findings):
            self.note([finding("FB-marks-unproven")])
        return {}

    def _kin(self, rows: FeedbackRows) -> dict[int, list[Kin]]:
        """The cases of earlier files to which rows may belong, by kin key."""
        if not self._has_older:
            return {}
        keys = chain.from_iterable(rows.kin)
        return kin_of(self._connection, keys, before=self._first_case)

    def _new_cases(
        self, sheet: str, rows: FeedbackRows, kin: Mapping[int, list[Kin]], marks: Mapping[int, str]
    ) -> None:
        first = self._submission_id
        told = list(zip(rows.row, rows.cells, strict=True))
        self._submissions(
            sheet, "accepted", told, [marks.get(row) for row in rows.row] if marks else None
        )
        self._cases(first, rows)
        here = self._kin_here.of(first, rows)
        if kin or here:
            self._likenesses(first, sheet, rows, (kin, here))

    # --- rows that may belong to cases ------------------------------------------------

    def edited(self) -> list[Edited]:
        """The rows of this file that are edited copies of rows in the ledger.

        The file has been read to its end by now; the other rows that were kept back become cases.
        """
        if self._sieve.is_empty:
            return []
        # other parts of the file may have been recorded since this one was begun
        self._submission_id = self._next_submission_id()
        self._serial = max(self._serial, self._last_serial())
        found = []
        for place, row, copy, near in self._sieve.decide(
            sum(self._counts.values()) - self._n_not_rows
        ):
            if copy:
                found.append(copy)
                continue
            self._schema, self._source, self._ruling_base = (
                place.schema,
                place.source,
                place.ruling_base,
            )
            self._new_cases(
                place.sheet, FeedbackRows.of([row]), {key: list(near) for key in row.kin}, {}
            )
        return found

    def whole(self) -> list["FileRecorder"]:
        """This file and those in it."""
        return [self, *(inner for part in self._parts for inner in part.whole())]

    def dispute(self, one: Edited, reason: Finding) -> None:
        """Keep a row aside that a person has to look at."""
        self._submissions(one.sheet, "set_aside", [(one.row.row, one.row.cells)])
        self.note([reason])

    def repeat(self, case: Case, one: Edited, told: Iterable[Finding]) -> None:
        """A row that says nothing but what its case says.

        Dropped again, it is known at once.

        Args:
            case: what it repeats.
            one: the row.
            told: of it.
        """
        self._submissions(one.sheet, "duplicate", [(one.row.row, one.row.cells)])
        row = one.row
        bulk.put(self._connection, t.fingerprint, [(row.fingerprint, row.occurrence, case.id)])
        self.note(told)

    def amend(
        self,
        case: Case,
        one: Edited,
        answers: Mapping[str, Any],
        told: Mapping[str, tuple[Any, Any]],
    ) -> None:
        """Give a case the answers of an edited row. Source: N4.

        What was there before stays where it was.
        """
        first = self._submission_id
        self._submissions(one.sheet, "duplicate", [(one.row.row, one.row.cells)])
        n = (
            self._connection.execute(
                sa.select(sa.func.count()).where(t.amendment.c.case_id == case.id)
            ).scalar_one()
            + 1
        )
        changes = orjson.dumps(told, default=str).decode()
        told_anew = orjson.dumps(dict(answers), option=orjson.OPT_SORT_KEYS).decode()
        bulk.put(
            self._connection, t.amendment, [(case.id, n, self._run_id, first, told_anew, changes)]
        )
        self._connection.execute(
            t.correspondence.insert().values(matter_id=case.id, submission_id=first)
        )
        bulk.put(
            self._connection, t.fingerprint, [(one.row.fingerprint, one.row.occurrence, case.id)]
        )
        known = set(
            self._connection.execute(
                sa.select(t.kin.c.key).where(t.kin.c.case_id == case.id)
            ).scalars()
        )
        new = sorted(set(one.row.kin) - known)
        bulk.put(self._connection, t.kin, [(key, case.id) for key in new])
        self._n_amended += 1

    def rejudge(self, case: Case, ruling_id: int) -> None:
        """Classify a case by the ruling of its amended answers."""
        self._classify(case, "rules", ruling_id)

    def ruling(self, ruling_id: int) -> dict[str, str]:
        """Kind, type and severity by a ruling of this file."""
        row = self._connection.execute(
            sa.select(t.ruling.c.kind, t.ruling.c.type, t.ruling.c.severity).where(
                t.ruling.c.id == ruling_id
            )
        )
        return dict(row.mappings().one())

    def is_ruled(self, case: Case) -> bool:
        """True while no person has decided what a case is."""
        judges = sa.select(t.classification.c.by_whom).where(t.classification.c.case_id == case.id)
        return set(self._connection.execute(judges).scalars()) == {"rules"}

    def _likenesses(
        self, first: int, sheet: str, rows: FeedbackRows, kin: Sequence[Mapping[int, list[Kin]]]
    ) -> None:
        """Propose to a person which of the new cases may be a matter that is known.

        `kin` are the cases of earlier files and those of this one, by key. Of a row that the file
        has twice it is told that.
        """
        for case_id, row in enumerate(rows.each(), first):
            near = kin[:1] if row.occurrence else kin
            found = alike(row, chain.from_iterable(older(case_id, row, one) for one in near))
            if found:
                other, why = found
                bulk.put(
                    self._connection,
                    t.likeness,
                    [(case_id, other.case_id, orjson.dumps(why._asdict()).decode())],
                )
                told = finding(
                    "FB-same-words" if why.is_at_once else "FB-alike",
                    sheet=sheet or None,
                    row=row.row,
                    case=other.number,
                    same_fields=",".join(why.same),
                    days=why.days,
                    percent=why.percent,
                )
                self.note([told])

    # --- the file itself --------------------------------------------------------------

    @property
    def is_mailed(self) -> bool:
        """True for a file that came by mail."""
        return self._mailed_by is not None

    def came_by_mail(self, address: str, *, is_known: bool) -> None:
        """Say who has mailed the file, and whether the organisation knows that address.

        Of a mail in a mail, the outer one counts.
        """
        if self._sieve.sender is not None:
            return
        self._mailed_by = "known" if is_known else "stranger"
        self._sieve.sender = address
        told = t.file.update().where(t.file.c.id == self._file_id).values(mailed_by=self._mailed_by)
        self._connection.execute(told)

    def believe_marks(self, sha256: str) -> None:
        """Believe the marks of this workbook: they are ours.

        They are of rows of the file whose sha256 begins so; of others they say nothing.
        """
        self._believes = True
        self._sieve.returned = sha256

    def part(self, *, name: str, sha256: str, size: int) -> "FileRecorder":
        """The recorder of a file that is inside this one, in the same transaction.

        Closing this one closes it.
        """
        inner = FileRecorder(
            self._connection,
            run_id=self._run_id,
            as_of=self._as_of,
            name=f"{self._name}/{name}",
            sha256=sha256,
            size=size,
            parent_id=self._file_id,
            reserved=self._reserved,
        )
        if self._sieve.sender is not None:
            inner.came_by_mail(self._sieve.sender, is_known=self._mailed_by == "known")
        self._parts.append(inner)
        return inner

    def refuse(self, reason: Finding, outcome: str, *, rows: int = 0) -> None:
        """One finding decides the outcome of the whole file; none of its `rows` was taken."""
        self.note([reason])
        self._refused = (reason.code, outcome)
        if rows:
            self._counts["set_aside" if outcome == "set_aside" else "duplicate"] = rows

    def _set_aside(self, message: SetAside) -> None:
        """Keep rows that become no feedback, with the case that they speak of."""
        first = self._submission_id
        self._submissions(message.sheet, "set_aside", message.rows)
        if message.of_table:
            self._n_not_rows += len(message.rows)
        case_id = (
            self._connection.execute(
                sa.select(t.matter.c.id).where(t.matter.c.number == message.about)
            ).scalar()
            if message.about
            else None
        )
        if case_id is not None:
            for submission_id in range(first, self._submission_id):
                self._connection.execute(
                    t.correspondence.insert().values(matter_id=case_id, submission_id=submission_id)
                )

    # --- forms that came back ---------------------------------------------------------

    def case(self, number: str) -> Case | None:
        """The case that a form speaks of, as this transaction sees it."""
        return case_of(self._connection, number)

    def facts(self, number: str) -> Facts | None:
        """What opened the matter of which a form speaks, of whatever process."""
        return facts_of(self._connection, number)

    def history(self, matter: Facts) -> list[Transition]:
        """Its steps so far."""
        return history_of(self._connection, matter.id)

    def newest_issue(self, matter: Facts, kind: str, department: str | None = None) -> int:
        """The number of the newest issue of a form for a matter; 0 when none was issued.

        With a department: of the newest issue for that department.
        """
        query = sa.select(sa.func.max(t.document.c.issue)).where(
            t.document.c.matter_id == matter.id, t.document.c.kind == kind
        )
        query = query.where(t.document.c.department == department) if department else query
        return int(self._connection.execute(query).scalar() or 0)

    def was_issued_without_code(
        self, matter: Facts, kind: str, issue: int, department: str | None
    ) -> bool:
        """True where a run of before the codes has issued this form for the matter.

        It is asked for this issue (0: any), to this department (None: any).
        """
        d = t.document.c
        query = sa.select(d.id).where(
            d.matter_id == matter.id, d.kind == kind, d.form == 1, d.code.is_(None)
        )
        query = query.where(d.issue == issue) if issue else query
        query = query.where(d.department == department) if department else query
        return self._connection.execute(query.limit(1)).first() is not None

    def was_published_without_code(self, kind: str, run: str) -> bool:
        """True where that run, of before the codes, has published such a workbook."""
        d = t.document.c
        query = (
            sa.select(d.id)
            .join(t.run, t.run.c.id == d.run_id)
            .where(d.kind == kind, d.code.is_(None), d.form == 1)
        )
        return (
            self._connection.execute(query.where(t.run.c.name == run).limit(1)).first() is not None
        )

    # --- what waits for a decision ----------------------------------------------------

    def waiting(self, matter: Facts, kind: str) -> list[WaitingForm]:
        """The forms of a kind for a matter that wait for a decision."""
        w = t.waiting_form.c
        return waiting_forms(self._connection, w.matter_id == matter.id, w.form == kind)

    def options(self, number: str) -> list[WaitingForm]:
        """The forms among which a decision has to choose; none once it was taken."""
        return waiting_forms(self._connection, t.waiting_form.c.number == number)

    def await_decision(
        self, matter: Facts, told: FilledForm, reason: str, number: str | None
    ) -> str:
        """Write down that a form of this file waits for a person; the decision's number.

        `number` is that of a decision that there is; None makes a new one.
        """
        return put_waiting(
            self._connection,
            run_id=self._run_id,
            file_id=self._file_id,
            matter_id=matter.id,
            told=told,
            reason=reason,
            day=self._day,
            number=number,
        )

    def decided(self, options: Sequence[WaitingForm], chosen: WaitingForm | None, by: str) -> None:
        """Write down what somebody has chosen among forms that wait."""
        others = [one.id for one in options if one is not chosen]
        put_decision(self._connection, [chosen.id] if chosen else [], self._run_id, TAKEN, by)
        put_decision(self._connection, others, self._run_id, IGNORED, by)

    def passed(self, forms: Sequence[WaitingForm]) -> None:
        """Write down that forms need not be decided about any more: their step was taken."""
        put_decision(self._connection, [one.id for one in forms], self._run_id, PASSED, "")

    def follows(self, schema: str) -> None:
        """Say which schema the file follows."""
        self._schemas[schema] = None

    def lay_out(self, schema: str, headers: Mapping[str, int]) -> None:
        """Remember where the headers of an edited workbook are, so that it can go back marked.

        `headers` are 1-based rows by sheet.
        """
        for name, row in headers.items():
            told = {
                "file_id": self._file_id,
                "name": name,
                "schema_id": schema,
                "header_row": row,
                "columns": "[]",
            }
            self._connection.execute(t.sheet.insert().values(**told))

    def keep_form(self, matter: Facts, form: FilledForm) -> None:
        """Keep what a form said, as it came, with its matter."""
        # other parts of the file may have been recorded since this one was begun
        first = self._next_submission_id()
        self._submission_id = first + 1
        raw = orjson.dumps([form.text, form.values]).decode()
        bulk.put(
            self._connection,
            t.submission,
            [(first, self._file_id, form.kind, 1, "step", raw, None)],
        )
        self._connection.execute(
            t.correspondence.insert().values(matter_id=matter.id, submission_id=first)
        )

    def append(self, matter: Facts, steps: Sequence[Transition], *, is_open: bool) -> None:
        """Append steps to a matter's history; `is_open` says whether it is in hand after them."""
        append_steps(self._connection, self._run_id, matter.id, steps, is_open=is_open)

    def open_linked(
        self, case: Case, values: Mapping[str, Any], by: str, steps: Sequence[Transition]
    ) -> str:
        """Open a new case for what the form kept last tells of a closed one. Source: T16.

        It is judged as the closed one is, by whoever signed.

        Args:
            case: the closed case.
            values: the answers of the new one.
            by: who signed.
            steps: its first steps.

        Returns:
            its number.
        """
        first = self._submission_id - 1
        self._serial = max(self._serial, self._last_serial()) + 1
        number = f"{self._prefix}{self._serial:04d}"
        answers = orjson.dumps(dict(values)).decode()
        bulk.put(self._connection, t.matter, [(first, CASE, number, None)])
        bulk.put(
            self._connection,
            t.case,
            [
                (
                    first,
                    self._run_id,
                    case.schema,
                    case.source,
                    case.channel,
                    self._today,
                    answers,
                )
            ],
        )
        newest = (
            sa.select(t.classification.c.ruling_id)
            .where(t.classification.c.case_id == case.id)
            .order_by(t.classification.c.n.desc())
        )
        ruling_id = self._connection.execute(newest.limit(1)).scalar_one()
        bulk.put(self._connection, t.classification, [(first, 1, self._run_id, by, ruling_id)])
        append_steps(self._connection, self._run_id, first, steps, is_open=True)
        return number

    def override(self, case: Case, by: str, **dimensions: str) -> None:
        """Judge a case anew as a person says, by name: `type`, `severity`, `kind`. Source: N7."""
        given = [
            {"rule": "given", "says": f"{name}={code}", "words": [], "negated": [], "field": name}
            for name, code in dimensions.items()
        ]
        kept = [
            r
            for r in case.evidence["reasons"]
            if str(r["says"]).partition("=")[0] not in dimensions or r["rule"] != "given"
        ]
        evidence = {**case.evidence, "reasons": [*kept, *given]}
        told = {"kind": case.kind, "type": case.type, "severity": case.severity, **dimensions}
        ruling_id = self._next_id(t.ruling)
        ruling = t.ruling.insert().values(
            id=ruling_id,
            **told,
            evidence=orjson.dumps(evidence).decode(),
            department=None,
            due_on=None,
            details=None,
        )
        self._connection.execute(ruling)
        self._classify(case, by, ruling_id)

    def _classify(self, case: Case, by: str, ruling_id: int) -> None:
        n = self._connection.execute(
            sa.select(sa.func.max(t.classification.c.n)).where(
                t.classification.c.case_id == case.id
            )
        ).scalar_one()
        again = t.classification.insert().values(
            case_id=case.id, n=n + 1, run_id=self._run_id, by_whom=by, ruling_id=ruling_id
        )
        self._connection.execute(again)

    def merge(self, case: Case, main: Case) -> None:
        """Remember that a case was merged into another; its reporter is told that one's result."""
        self._connection.execute(t.merger.delete().where(t.merger.c.case_id == case.id))
        self._connection.execute(t.merger.insert().values(case_id=case.id, main_id=main.id))

    def settle(self, outcome: str, code: str | None = None) -> None:
        """The outcome of a file that was a form, and the finding that decided it."""
        self._refused = (code or self._refused[0], outcome)

    @property
    def is_disputed(self) -> bool:
        """True for a file that was set aside because of what is wrong with it."""
        return self._refused[1] == "set_aside"

    def note(self, findings: Iterable[Finding]) -> None:
        """Keep findings about the file."""
        self._findings.extend(findings)

    def _known(self, fingerprints: Sequence[bytes]) -> dict[tuple[bytes, int], str]:
        """The fingerprints and occurrences of rows that the ledger already has.

        Each with the number of the case that the row opened.
        """
        found: dict[tuple[bytes, int], str] = {}
        if not self._has_older:
            return found
        for fingerprint, occurrence, number, case_id, file_id in bulk.seek(
            self._connection, _FINGERPRINTS, fingerprints
        ):
            found[fingerprint, occurrence] = number
            self._sieve.meet(case_id, file_id)
        return found

    def _submissions(
        self,
        sheet: str,
        outcome: str,
        rows: Sequence[Sequence[Any]],
        origins: Sequence[str | None] | None = None,
    ) -> None:
        first, self._submission_id = self._submission_id, self._submission_id + len(rows)
        shared: dict[str, Any] = {"file_id": self._file_id, "sheet": sheet, "outcome": outcome}
        told = [(i, *row) for i, row in enumerate(rows, first)]
        if origins is None:
            bulk.put(self._connection, t.submission, told, **shared, origin=None)
        else:
            bulk.put(
                self._connection,
                t.submission,
                [(*row, origin) for row, origin in zip(told, origins, strict=True)],
                **shared,
            )
        self._counts[outcome] += len(rows)

    def _cases(self, first: int, rows: FeedbackRows) -> None:
        n = len(rows.row)
        if not n:
            return
        run, today = self._run_id, self._today
        ids = range(first, first + n)
        numbers = map(f"{self._prefix}%04d".__mod__, range(self._serial + 1, self._serial + 1 + n))
        self._serial += n
        named = list(zip(ids, numbers, strict=True))
        bulk.put(self._connection, t.matter, named, process=CASE, facts=None)
        told = list(zip(ids, rows.channel, rows.answers, strict=True))
        bulk.put(
            self._connection,
            t.case,
            told,
            run_id=run,
            schema_id=self._schema,
            source=self._source,
            registered_on=today,
        )
        ruled = list(zip(ids, map(self._ruling_base.__add__, rows.ruling), strict=True))
        bulk.put(self._connection, t.classification, ruled, n=1, run_id=run, by_whom="rules")
        now = {"first": first, "run": run, "today": today, "now": self._now}
        for statement in (_REGISTERED, _ASSIGNED, _OPENED):
            self._connection.execute(statement, now)
        bulk.put(
            self._connection,
            t.fingerprint,
            sorted(zip(rows.fingerprint, rows.occurrence, ids, strict=True)),
        )
        bulk.put(
            self._connection,
            t.kin,
            sorted([(key, i) for i, keys in zip(ids, rows.kin, strict=True) for key in keys]),
        )

    def _rulings(self, rulings: Sequence[Ruling]) -> None:
        first, self._ruling_id = self._ruling_id, self._ruling_id + len(rulings)
        bulk.put(
            self._connection, t.ruling, [(i, *ruling) for i, ruling in enumerate(rulings, first)]
        )

    # --- the end ----------------------------------------------------------------------

    def close(self, *, archive: Callable[[str], str] | None = None) -> str:
        """Close the file's record, and those of the files in it.

        Args:
            archive: outcome → where the original will go; None: it stays in the inbox.

        Returns:
            the outcome.
        """
        parts = [part.close() for part in self._parts]
        parts = [
            "partly" if part.is_disputed else outcome
            for part, outcome in zip(self._parts, parts, strict=True)
        ]
        counts = self._counts
        counts["rows"] = (
            counts["accepted"] + counts["returned"] + counts["duplicate"] + counts["set_aside"]
        )
        code, refused = self._refused
        own = (
            [refused or outcome_of(counts, self._n_amended, self._n_not_rows)]
            if counts["rows"] or refused or not parts
            else []
        )
        outcome = together([*own, *parts])
        if outcome == "set_aside" and code is None:
            code = next((f.code for f in self._findings if f.code in HARMLESS), None)
        archived = archive(outcome) if archive else None
        next_id = self._next_id(t.finding)
        told = [
            (
                i,
                f.code,
                f.severity,
                f.sheet,
                f.row,
                f.column,
                f.field,
                orjson.dumps(dict(f.details)).decode(),
            )
            for i, f in enumerate(self._findings, next_id)
        ]
        bulk.put(self._connection, t.finding, told, file_id=self._file_id)
        schema = next(iter(self._schemas), None)
        closed = t.file.update().where(t.file.c.id == self._file_id)
        self._connection.execute(
            closed.values(schema_id=schema, outcome=outcome, code=code, archived=archived, **counts)
        )
        if parts:
            self._connection.execute(
                t.file.update().where(t.file.c.parent_id == self._file_id).values(archived=archived)
            )
        return outcome
