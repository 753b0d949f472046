"""The one place that rewrites what is append-only: personal data of closed cases, and runs that came to nothing.

Which texts are personal, and what stands in their place, others decide (`Rules`); here they are found and replaced, in
one transaction, within which the append-only triggers are lifted and put back.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
import sqlalchemy as sa

from fbbatch.ledger import tables as t
from fbbatch.ledger.auditing import ANONYMISE, removed
from fbbatch.ledger.store import Ledger, RunRecord

_CHUNK = 500
_WHOLE_RUN = ("summary", "tracking_ledger")

Known = Mapping[str, str]
"""What is known of a person: text → what stands in its place."""


class Rules(Protocol):
    """What is personal, and what stands in its place. What is already replaced comes back as it is."""

    def known(self, schema: str, answers: Sequence[Mapping[str, Any]]) -> Known:
        """What the answers of a case tell of the person."""

    def answers(self, schema: str, answers: Mapping[str, Any], known: Known) -> dict[str, Any]:
        """Answers by field id."""

    def changes(self, schema: str, changes: Mapping[str, Any], known: Known) -> dict[str, Any]:
        """What an amendment has changed, field id → [old, new]."""

    def cells(
        self, outcome: str, schema: str | None, columns: Sequence[Sequence[Any]] | None, cells: Sequence[Any], known: Known
    ) -> list[Any]:
        """The cells of a row; `columns` are [column, field id, header] where it was written down how the sheet was read."""

    def step(self, document: str, details: Mapping[str, Any], known: Known) -> dict[str, Any]:
        """The details of a step that the form `document` has brought."""

    def remark(self, code: str, details: Mapping[str, Any]) -> dict[str, Any]:
        """The details of a finding."""

    def text(self, text: str, known: Known) -> str:
        """Free text in which the person may be named."""

    def place(self, path: str) -> str:
        """Where an original was that is no longer there."""


@dataclass
class Forgotten:
    """How much was replaced, and which originals, documents and runs are about nobody else."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("cases", "amendments", "steps", "rows", "findings", "files"), 0))
    n_cases: int = 0
    originals: dict[int, str] = field(default_factory=dict)
    documents: dict[int, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    n_shared: int = 0


def forget(ledger: Ledger, rules: Rules, before: dt.date, *, keep: bool, at: str, with_files: bool) -> Forgotten:
    """Replace the personal data of cases closed before a day, and of rows that became no case in runs before it.

    Args:
        ledger: the ledger.
        rules: what is personal.
        before: the day.
        keep: False to undo all of it at the end (a rehearsal).
        at: the clock, for the record.
        with_files: the originals and documents found are going to be removed; that is recorded, too.
    """
    gone = removed(ledger)
    with _rewriting(ledger, keep=keep) as connection:
        job = _Forgetting(connection, rules, before)
        job.carry_out()
        result = job.result
        fresh = {
            "files": sorted(result.originals.keys() - gone["files"]) if with_files else [],
            "documents": sorted(result.documents.keys() - gone["documents"]) if with_files else [],
        }
        if any(result.counts.values()) or any(fresh.values()):
            details = {"before": before.isoformat(), "counts": result.counts, "removed": fresh}
            connection.execute(t.upkeep.insert().values(at=at, kind=ANONYMISE, details=orjson.dumps(details).decode()))
    return result


def forget_places(ledger: Ledger, rules: Rules, originals: Iterable[int]) -> None:
    """Forget what originals were called that have been removed, and where what was inside them was."""
    with ledger.writing() as connection:
        for id_ in originals:
            together = sa.or_(t.file.c.id == id_, t.file.c.parent_id == id_)
            for inner, path in connection.execute(sa.select(t.file.c.id, t.file.c.archived).where(together)).all():
                if path and (new := rules.place(path)) != path:
                    connection.execute(t.file.update().where(t.file.c.id == inner).values(archived=new))


def give_up(ledger: Ledger, run: RunRecord, *, with_files: bool) -> bool:
    """Remove an unfinished run of which no case, no step and no document has come.

    Args:
        ledger: the company's.
        run: an unfinished run; what it has looked at is still in the inbox, for it published nothing.
        with_files: also where it has noted files; they are judged anew by the next run.

    Returns:
        False when it has recorded more; then it stays.
    """
    of_run = (t.case, t.transition, t.classification, t.amendment, t.document, t.summary_day, t.waiting_form)
    files = sa.select(t.file.c.id).where(t.file.c.run_id == run.id)
    rows = sa.select(t.submission.c.id).where(t.submission.c.file_id.in_(files))
    conditions = [table.c.run_id == run.id for table in of_run]
    conditions += [t.correspondence.c.submission_id.in_(rows)]
    conditions += [] if with_files else [t.file.c.run_id == run.id]
    with ledger.reading() as connection:
        if any(connection.execute(sa.select(sa.literal(1)).where(found).limit(1)).first() for found in conditions):
            return False
    with _rewriting(ledger, keep=True) as connection:
        connection.execute(t.fingerprint.delete().where(t.fingerprint.c.submission_id.in_(rows)))
        for table in (t.submission, t.sheet, t.finding):
            connection.execute(table.delete().where(table.c.file_id.in_(files)))
        for table in (t.file, t.reminder):
            connection.execute(table.delete().where(table.c.run_id == run.id))
        connection.execute(t.run.delete().where(t.run.c.id == run.id))
    return True


def compact(ledger: Ledger) -> None:
    """Write the database file anew, so that nothing that was replaced is left between its pages or in its journal."""
    with ledger.reading() as connection:
        if connection.dialect.name != "sqlite":
            return
        free = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in ("PRAGMA temp_store=FILE", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            free.exec_driver_sql(statement)


@contextmanager
def _rewriting(ledger: Ledger, *, keep: bool) -> Iterator[sa.Connection]:
    """A transaction within which nothing is append-only."""
    with ledger.reading() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins none for what changes triggers
            triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name").all()
            lift, put_back = [f'DROP TRIGGER "{name}"' for name, _ in triggers], [sql for _, sql in triggers]
        else:
            tables = ("transition", "classification", "ruling", "submission", "case_", "amendment")
            lift, put_back = ([f"ALTER TABLE {name} {verb} TRIGGER USER" for name in tables] for verb in ("DISABLE", "ENABLE"))
        for statement in lift:
            connection.exec_driver_sql(statement)
        yield connection
        for statement in put_back:
            connection.exec_driver_sql(statement)
        if keep:
            connection.commit()
        else:
            connection.rollback()


class _Forgetting:
    """One rewriting of the ledger."""

    def __init__(self, connection: sa.Connection, rules: Rules, before: dt.date) -> None:
        self.connection = connection
        self.rules = rules
        self.before = before
        self.result = Forgotten()
        self.known_of_row: dict[int, Known] = {}
        self.names_of_file: dict[int, dict[str, str]] = {}

    def carry_out(self) -> None:
        cases = self.closed_cases()
        self.result.n_cases = len(cases)
        for start in range(0, len(cases), _CHUNK):
            self.cases(cases[start : start + _CHUNK])
        rows = self.rows(cases)
        self.cells(rows)
        whole = self.whole_files(rows)
        self.findings(rows, whole)
        self.names(whole)
        self.outside(set(cases), whole)

    # --- what is meant -------------------------------------------------------------------------------------

    def closed_cases(self) -> list[int]:
        """The cases whose last step has closed them before the day."""
        newest = sa.select(t.transition.c.case_id, sa.func.max(t.transition.c.n).label("n")).group_by(t.transition.c.case_id).subquery()
        query = (
            sa.select(t.transition.c.case_id)
            .join(newest, sa.and_(newest.c.case_id == t.transition.c.case_id, newest.c.n == t.transition.c.n))
            .where(t.transition.c.to_state == "closed", t.transition.c.happened_on < self.before.isoformat())
            .order_by(t.transition.c.case_id)
        )
        return list(self.connection.execute(query).scalars())

    def rows(self, cases: Sequence[int]) -> set[int]:
        """The submissions of these cases, and those that belong to no case and came in runs before the day."""
        chosen = set(cases)
        belongs: dict[int, set[int]] = {}
        for query in (
            sa.select(t.case.c.id, t.case.c.id),
            sa.select(t.amendment.c.submission_id, t.amendment.c.case_id),
            sa.select(t.correspondence.c.submission_id, t.correspondence.c.case_id),
        ):
            for row, case in self.connection.execute(query):
                belongs.setdefault(row, set()).add(case)
        old = (
            sa.select(t.submission.c.id)
            .join(t.file, t.file.c.id == t.submission.c.file_id)
            .join(t.run, t.run.c.id == t.file.c.run_id)
            .where(sa.func.substr(t.run.c.as_of, 1, 10) < self.before.isoformat())
        )
        loose = {row for row in self.connection.execute(old).scalars() if row not in belongs}
        return loose | {row for row, owners in belongs.items() if owners <= chosen}

    def whole_files(self, rows: set[int]) -> set[int]:
        """The files of runs before the day of which every row, and every row of what is inside them, is forgotten."""
        kept = {
            file_id
            for row, file_id in self.connection.execute(sa.select(t.submission.c.id, t.submission.c.file_id))
            if row not in rows
        }  # fmt: skip
        query = sa.select(t.file.c.id, t.file.c.parent_id, t.file.c.sha256, t.run.c.as_of).join(t.run, t.run.c.id == t.file.c.run_id)
        files = self.connection.execute(query.order_by(t.file.c.id.desc())).all()
        for id_, parent, _, _ in files:  # what is inside comes after what it is in
            if parent and id_ in kept:
                kept.add(parent)
        held = {sha256 for id_, _, sha256, _ in files if id_ in kept}  # the same bytes once more, of which no rows were kept
        day = self.before.isoformat()
        return {id_ for id_, _, sha256, as_of in files if id_ not in kept and sha256 not in held and as_of[:10] < day}

    # --- replacing -----------------------------------------------------------------------------------------

    def put(self, table: sa.Table, key: Sequence[sa.ColumnElement[bool]], what: str, **values: Any) -> None:
        """Replace columns of one row."""
        self.connection.execute(table.update().where(*key).values(**values))
        self.result.counts[what] += 1

    def cases(self, ids: Sequence[int]) -> None:
        """Answers, amendments and steps of some cases."""
        amended: dict[int, list[Any]] = {}
        for row in self.connection.execute(sa.select(t.amendment).where(t.amendment.c.case_id.in_(ids))).mappings():
            amended.setdefault(row["case_id"], []).append(row)
        steps: dict[int, list[Any]] = {}
        for row in self.connection.execute(sa.select(t.transition).where(t.transition.c.case_id.in_(ids))).mappings():
            steps.setdefault(row["case_id"], []).append(row)
        files = dict(self.connection.execute(sa.select(t.submission.c.id, t.submission.c.file_id).where(t.submission.c.id.in_(ids))).all())
        for row in self.connection.execute(sa.select(t.case).where(t.case.c.id.in_(ids))).mappings():
            case, schema, answers = row["id"], row["schema_id"], orjson.loads(row["answers"])
            changed = amended.get(case, [])
            known = self.rules.known(schema, [answers, *(orjson.loads(one["answers"]) for one in changed)])
            self.known_of_row[case] = known
            self.known_of_row |= {one["submission_id"]: known for one in changed}
            self.names_of_file.setdefault(files[case], {}).update(known)
            if (new := self.rules.answers(schema, answers, known)) != answers:
                self.put(t.case, [t.case.c.id == case], "cases", answers=_sorted(new))
            for one in changed:
                self.amendment(one, schema, known)
            for one in steps.get(case, []):
                self.step(one, known)
        for table in (t.likeness.c.case_id, t.likeness.c.other_id):
            self.likenesses(self.connection.execute(sa.select(t.likeness).where(table.in_(ids))).mappings().all())
        self.connection.execute(t.kin.delete().where(t.kin.c.case_id.in_(ids)))
        for row_id, case in self.connection.execute(
            sa.select(t.correspondence.c.submission_id, t.correspondence.c.case_id).where(t.correspondence.c.case_id.in_(ids))
        ):
            self.known_of_row.setdefault(row_id, self.known_of_row[case])

    def amendment(self, row: Mapping[str, Any], schema: str, known: Known) -> None:
        old = orjson.loads(row["answers"]), orjson.loads(row["changes"])
        new = self.rules.answers(schema, old[0], known), self.rules.changes(schema, old[1], known)
        if new != old:
            key = [t.amendment.c.case_id == row["case_id"], t.amendment.c.n == row["n"]]
            self.put(t.amendment, key, "amendments", answers=_sorted(new[0]), changes=_sorted(new[1]))

    def step(self, row: Mapping[str, Any], known: Known) -> None:
        old = orjson.loads(row["details"]) if row["details"] else {}
        if (new := self.rules.step(row["document"], old, known)) != old:
            key = [t.transition.c.case_id == row["case_id"], t.transition.c.n == row["n"]]
            self.put(t.transition, key, "steps", details=orjson.dumps(new).decode())

    def likenesses(self, rows: Iterable[Any]) -> None:
        for row in rows:
            known = {**self.known_of_row.get(row["other_id"], {}), **self.known_of_row.get(row["case_id"], {})}
            if (new := self.rules.text(row["details"], known)) != row["details"]:
                key = [t.likeness.c.case_id == row["case_id"], t.likeness.c.other_id == row["other_id"]]
                self.connection.execute(t.likeness.update().where(*key).values(details=new))

    def cells(self, rows: set[int]) -> None:
        """The raw cells of rows."""
        sheets = {(row["file_id"], row["name"]): row for row in self.connection.execute(sa.select(t.sheet)).mappings()}
        ordered = sorted(rows)
        for start in range(0, len(ordered), _CHUNK):
            query = sa.select(t.submission).where(t.submission.c.id.in_(ordered[start : start + _CHUNK]))
            for row in self.connection.execute(query).mappings().all():
                read = sheets.get((row["file_id"], row["sheet"]))
                columns, schema = (orjson.loads(read["columns"]), read["schema_id"]) if read else (None, None)
                if row["outcome"] == "step":
                    schema = row["sheet"]
                old = orjson.loads(row["cells"])
                new = self.rules.cells(row["outcome"], schema, columns, old, self.known_of_row.get(row["id"], {}))
                if new != old:
                    self.put(t.submission, [t.submission.c.id == row["id"]], "rows", cells=orjson.dumps(new).decode())

    def findings(self, rows: set[int], whole: set[int]) -> None:
        """What was found in these rows, and about files of which nothing else is left."""
        places = {
            (file_id, sheet or "", row)
            for id_, file_id, sheet, row in self.connection.execute(
                sa.select(t.submission.c.id, t.submission.c.file_id, t.submission.c.sheet, t.submission.c.row)
            )
            if id_ in rows
        }
        for found in self.connection.execute(sa.select(t.finding)).mappings().all():
            if found["file_id"] in whole or (found["file_id"], found["sheet"] or "", found["row"]) in places:
                old = orjson.loads(found["details"])
                if (new := self.rules.remark(found["code"], old)) != old:
                    self.put(t.finding, [t.finding.c.id == found["id"]], "findings", details=orjson.dumps(new).decode())

    def names(self, whole: set[int]) -> None:
        """The names of files that name a person of theirs; where an original is, is left as it is."""
        for id_, name, parent in self.connection.execute(sa.select(t.file.c.id, t.file.c.name, t.file.c.parent_id)).all():
            known = {**self.names_of_file.get(parent or 0, {}), **self.names_of_file.get(id_, {})}
            if id_ in whole and (new := self.rules.text(name, known)) != name:
                self.put(t.file, [t.file.c.id == id_], "files", name=new)

    # --- what else there is --------------------------------------------------------------------------------

    def outside(self, cases: set[int], whole: set[int]) -> None:
        """Originals and documents that are about nobody but the people of these cases."""
        result = self.result
        query = sa.select(t.file.c.id, t.file.c.archived).where(t.file.c.archived.is_not(None), t.file.c.parent_id.is_(None))
        result.originals = {id_: path for id_, path in self.connection.execute(query) if id_ in whole}
        result.runs = self.whole_runs(cases)
        issued = sa.select(t.document.c.id, t.document.c.path, t.document.c.case_id, t.run.c.name).join(
            t.run, t.run.c.id == t.document.c.run_id
        )
        for id_, path, case, run in self.connection.execute(issued.where(t.run.c.finished_at.is_not(None))):
            if case in cases or run in result.runs:
                result.documents[id_] = f"outbox/{run}/{path}"
            elif case is None and cases:
                result.n_shared += 1

    def whole_runs(self, cases: set[int]) -> list[str]:
        """Closed runs before the day that can have told of no other case; never one whose documents are the newest of their kind."""
        every = self.connection.execute(sa.select(t.case.c.id, t.case.c.registered_on)).all()
        first_other = min((day for id_, day in every if id_ not in cases), default="9999")
        query = sa.select(t.run.c.id, t.run.c.name, t.run.c.as_of).where(t.run.c.finished_at.is_not(None)).order_by(t.run.c.id)
        runs = self.connection.execute(query).all()
        newest = sa.select(sa.func.max(t.document.c.run_id)).where(t.document.c.kind.in_(_WHOLE_RUN)).group_by(t.document.c.kind)
        kept = {*self.connection.execute(newest).scalars(), *(row[0] for row in runs[-1:])}
        limit = min(self.before.isoformat(), first_other)
        return [name for id_, name, as_of in runs if id_ not in kept and as_of[:10] < limit]


def _sorted(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
