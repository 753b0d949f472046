"""Open, migrate, record, and ask the ledger."""

import datetime as dt
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import event, exc

from fbbatch import failpoints
from fbbatch.errors import BusyError, StorageError, UnrecordableError
from fbbatch.ledger import tables as t
from fbbatch.ledger.damage import REFUSALS, damaged, reason
from fbbatch.ledger.queries import (
    ASSIGNED,
    CASES,
    LAST,
    MATTERS,
    fate_of,
    histories_of,
    history_of,
    is_last,
    to_case,
    to_facts,
)
from fbbatch.ledger.recording import FileRecorder
from fbbatch.ledger.waiting import waiting_forms
from fbbatch.ledger.writing import append_steps, open_with_steps
from fbbatch.model import (
    Case,
    Facts,
    FileOutcome,
    Finding,
    IssuedDocument,
    Reminder,
    ReturnedFile,
    Transition,
    WaitingForm,
)
from fbbatch.schema.process import CASE

_HEAD = "r0005"
_STRANGE = (LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError)
_COPIED_AT_ONCE = 1_000
_PATIENCE_MS = 30_000  # with another program that holds the file
_BULK_BYTES = (
    1 << 19
)  # of a file from which so many rows may come that looking up their foreign keys costs something
_CHECKED_BYTES = (
    8_000_000  # checked in a twentieth of a second; what a night costs must not grow with history
)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution of the batch. `as_of` is the aware time it computes with."""

    id: int
    name: str
    as_of: dt.datetime
    finished_at: str | None


class Ledger:
    """A company's ledger.

    Args:
        url: SQLAlchemy URL, or the path of a SQLite file.

    Raises:
        StorageError: it cannot be opened, is newer than this version, or refuses.
        BusyError: another program has held it locked for half a minute.
    """

    def __init__(self, url: str | Path) -> None:
        if isinstance(url, Path):
            _make_private(url)
            url = f"sqlite:///{url}"
        self._engine = sa.create_engine(url)
        self._reserved: dict[str, int] = {}
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _pragmas)
        try:
            with self._storage():
                self._migrate()
        except BaseException:
            self.close()
            raise

    def check(self) -> None:
        """See that the ledger is whole.

        SQLite's pages are looked at, not what is written in them; in large files, the pages of two
        tables only.

        Raises:
            StorageError: it is damaged.
        """
        if self._engine.dialect.name != "sqlite":
            return
        size = Path(str(self._engine.url.database)).stat().st_size
        checks = (
            ["quick_check(1)"]
            if size <= _CHECKED_BYTES
            else ["quick_check(run)", "quick_check(file)"]
        )
        with self.reading() as connection:
            found = [connection.execute(sa.text(f"PRAGMA {check}")).scalar() for check in checks]
        if set(found) != {"ok"}:
            raise StorageError(
                f"The ledger ({self._engine.url.database}) is damaged; "
                "restore it from a backup. Nothing has been touched"
            )

    def copy_to(self, target: Path) -> None:
        """Copy what the ledger holds at one instant into a new SQLite file, whatever holds it."""
        with closing(Ledger(target)) as copy, self.reading() as source, copy.writing() as into:
            if source.dialect.name == "postgresql":
                source.execution_options(isolation_level="REPEATABLE READ")
            streaming = source.execution_options(stream_results=True)
            for table in t.metadata.sorted_tables:
                ordered = sa.select(table).order_by(*table.primary_key.columns)
                with streaming.execute(ordered) as rows:
                    for some in rows.mappings().partitions(_COPIED_AT_ONCE):
                        into.execute(table.insert(), [dict(row) for row in some])

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def _storage(self) -> Iterator[None]:
        try:
            yield
        except (exc.IntegrityError, exc.DataError, sqlite3.IntegrityError) as error:
            raise UnrecordableError(reason(error)) from error
        except REFUSALS as error:
            if "is locked" in reason(error):
                raise BusyError(
                    f"The ledger ({self._engine.url.database}) is in use by another program; "
                    "close that and run again"
                ) from error
            raise StorageError(
                f"The ledger ({self._engine.url.render_as_string(hide_password=True)}) refused: "
                f"{reason(error)}"
            ) from error

    @contextmanager
    def doubted(self) -> Iterator[None]:
        """Where something goes wrong that should not, look at the ledger before calling it a bug.

        Raises:
            StorageError: what stands in the ledger is damaged.
        """
        try:
            yield
        except _STRANGE as error:
            if found := next(iter(self.damage()), None):
                raise StorageError(
                    f"The ledger is damaged ({found}); restore it from a backup"
                ) from error
            raise

    def damage(self) -> Iterator[str]:
        """Where the ledger is damaged, table by table."""
        with self._engine.connect() as connection:
            yield from damaged(connection)

    @contextmanager
    def writing(self, *, in_bulk: bool = False) -> Iterator[sa.Connection]:
        """A connection in a transaction, for this room.

        Args:
            in_bulk: many rows come with what they refer to. Foreign keys are not looked up then,
                row by row, which would take a fifth of the time; the same lines write small files
                with them looked up, and `verify` looks at all.
        """
        with self._storage(), self._engine.connect() as connection:
            with (
                _unchecked(connection)
                if in_bulk and self._engine.dialect.name == "sqlite"
                else nullcontext()
            ):
                failpoints.reach("beginning", sqlite3.OperationalError)
                with connection.begin():
                    yield connection
                    failpoints.reach("committing", sqlite3.OperationalError)
            failpoints.reach("committed", sqlite3.OperationalError)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for queries, for this room."""
        with self._storage(), self._engine.connect() as connection:
            yield connection

    def _migrate(self) -> None:
        with self._engine.connect() as connection:
            present = sa.inspect(connection).has_table("alembic_version")
            version = (
                connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
                if present
                else None
            )
        if version == _HEAD:
            return
        if version is not None and not any(
            (Path(__file__).parent / "migrations/versions").glob(f"{version}_*.py")
        ):
            raise StorageError(
                f"The ledger was written by a newer version of fbbatch (revision {version}); "
                "install that version"
            )
        from alembic import command
        from alembic.config import Config

        is_sqlite = self._engine.dialect.name == "sqlite"
        if version is None and is_sqlite:
            self._see_that_it_is_new()
        if version is not None and is_sqlite:
            self._keep_old(Path(str(self._engine.url.database)))
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self._engine.connect() as connection:
            if is_sqlite:
                # tables that others refer to are made anew; `_see_that_keys_hold` looks at all
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                # the driver begins none for what changes tables
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if is_sqlite:
                _see_that_keys_hold(connection)
            failpoints.reach("migrating", sqlite3.OperationalError)
            connection.commit()
            if is_sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")
                connection.commit()

    def _see_that_it_is_new(self) -> None:
        """See that a ledger without a revision is empty, not one with a damaged first page."""
        with self._engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        if pages > 1:
            raise StorageError(
                f"The ledger ({self._engine.url.database}) is damaged, or is no ledger; "
                "restore it from a backup"
            )

    @staticmethod
    def _keep_old(source: Path) -> None:
        """Copy the ledger as it is before an upgrade; the copy has its name when it is complete."""
        partial = source.with_name(f"{source.name}.partial")
        try:
            partial.unlink(missing_ok=True)
            copy_ledger(source, partial)
            failpoints.reach("copying")
            partial.replace(source.with_name(f"{source.name}.before-{_HEAD}"))
        except OSError as error:
            raise StorageError(
                f"The ledger cannot be saved before the upgrade: {error.strerror}"
            ) from error

    # --- runs -------------------------------------------------------------------------

    def unfinished_run(self) -> RunRecord | None:
        """The run that was begun and never closed, if there is one."""
        return next(iter(self._runs(t.run.c.finished_at.is_(None))), None)

    def last_run(self) -> RunRecord | None:
        """The newest closed run."""
        return next(iter(self._runs(t.run.c.finished_at.is_not(None))), None)

    def _runs(self, condition: sa.ColumnElement[bool]) -> list[RunRecord]:
        query = (
            sa.select(t.run.c.id, t.run.c.name, t.run.c.as_of, t.run.c.finished_at)
            .where(condition)
            .order_by(t.run.c.id.desc())
            .limit(1)
        )
        with self.reading() as connection:
            return [
                RunRecord(i, name, dt.datetime.fromisoformat(as_of), finished)
                for i, name, as_of, finished in connection.execute(query)
            ]

    def begin_run(
        self,
        as_of: dt.datetime,
        *,
        started_at: dt.datetime,
        version: str,
        taken: Iterable[str] = (),
    ) -> RunRecord:
        """Open a run; its name is the as-of date and a number that was not used before.

        The numbers of the names `taken` count as used, too.
        """
        day = as_of.strftime("%Y%m%d")
        with self.writing() as connection:
            known = connection.execute(
                sa.select(t.run.c.name).where(t.run.c.name.like(f"{day}-%"))
            ).scalars()
            used = max(
                (
                    int(name.partition("-")[2])
                    for name in {*known, *taken}
                    if name.startswith(f"{day}-")
                ),
                default=0,
            )
            name = f"{day}-{used + 1:03d}"
            new = t.run.insert().values(
                name=name,
                as_of=as_of.isoformat(),
                started_at=started_at.isoformat(),
                version=version,
            )
            run_id = connection.execute(new.returning(t.run.c.id)).scalar_one()
            return RunRecord(run_id, name, as_of, None)

    def closed_runs(self, day: str) -> set[str]:
        """The names of the closed runs of a day (`yyyymmdd`)."""
        query = sa.select(t.run.c.name).where(
            t.run.c.name.like(f"{day}-%"), t.run.c.finished_at.is_not(None)
        )
        with self.reading() as connection:
            return {str(name) for name in connection.execute(query).scalars()}

    def reserve(self, numbers: Iterable[str]) -> None:
        """Give no new case one of these numbers, nor one below them on their day.

        This holds as long as this ledger is open.
        """
        for number in numbers:
            prefix, _, serial = number.rpartition("-")
            self._reserved[prefix] = max(self._reserved.get(prefix, 0), int(serial))

    def close_run(self, run: RunRecord, finished_at: dt.datetime) -> None:
        """Close a run: everything it owed is in the outbox and the originals are in the archive."""
        with self.writing() as connection:
            connection.execute(
                t.run.update()
                .where(t.run.c.id == run.id)
                .values(finished_at=finished_at.isoformat())
            )
        if self._engine.dialect.name == "sqlite":
            with self.reading() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    # --- files ------------------------------------------------------------------------

    def file_of(self, sha256: str) -> FileOutcome | None:
        """The first file with these bytes of which nothing went back.

        To judge it again would tell nothing new.
        """
        query = (
            sa.select(t.file)
            .where(
                t.file.c.sha256 == sha256, t.file.c.outcome.in_(("accepted", "duplicate", "step"))
            )
            .order_by(t.file.c.id)
            .limit(1)
        )
        with self.reading() as connection:
            row = connection.execute(query).mappings().first()
            return _file_outcome(row, ()) if row else None

    def files_of(self, run: RunRecord) -> list[FileOutcome]:
        """What the run did with every file, findings included, in the order it took them."""
        with self.reading() as connection:
            findings: dict[int, list[Finding]] = {}
            query = (
                sa.select(t.finding)
                .join(t.file, t.file.c.id == t.finding.c.file_id)
                .where(t.file.c.run_id == run.id)
                .order_by(t.finding.c.id)
            )
            for r in connection.execute(query).mappings():
                item = Finding(
                    r["code"],
                    r["severity"],
                    r["sheet"],
                    r["row"],
                    r["column"],
                    r["field"],
                    orjson.loads(r["details"]),
                )
                findings.setdefault(r["file_id"], []).append(item)
            rows = connection.execute(
                sa.select(t.file).where(t.file.c.run_id == run.id).order_by(t.file.c.id)
            ).mappings()
            return [_file_outcome(row, findings.get(row["id"], ())) for row in rows]

    def fate_of(self, file: FileOutcome) -> ReturnedFile:
        """How each sheet and row of a file fared."""
        with self.reading() as connection:
            return fate_of(connection, file)

    @contextmanager
    def record_file(
        self, run: RunRecord, *, name: str, sha256: str, size: int
    ) -> Iterator[FileRecorder]:
        """One transaction for one file; leaving the block by an exception forgets all of it."""
        with self.writing(in_bulk=size >= _BULK_BYTES) as connection:
            reserved = self._reserved.get(f"FB-{run.as_of:%Y%m%d}", 0)
            yield FileRecorder(
                connection,
                run_id=run.id,
                as_of=run.as_of,
                name=name,
                sha256=sha256,
                size=size,
                reserved=reserved,
            )

    # --- cases ------------------------------------------------------------------------

    def cases(
        self,
        *,
        registered_on: dt.date | None = None,
        run: RunRecord | None = None,
        number: str | None = None,
        state: str | None = None,
        department: str | None = None,
        overdue_on: dt.date | None = None,
    ) -> Generator[Case]:
        """Cases in the order of their registration; all that are given must hold."""
        query = CASES
        if (state and state != "closed") or overdue_on:
            query = query.join(t.open_matter, t.open_matter.c.matter_id == t.matter.c.id)
        for condition in (
            t.numbered_on(registered_on) if registered_on else None,
            sa.and_(t.case.c.run_id == run.id, t.numbered_on(run.as_of.date())) if run else None,
            t.matter.c.number == number if number else None,
            LAST.c.to_state == state if state else None,
            ASSIGNED.c.department == department if department else None,
            sa.and_(ASSIGNED.c.due_on < overdue_on.isoformat(), LAST.c.to_state != "closed")
            if overdue_on
            else None,
        ):
            if condition is not None:
                query = query.where(condition)
        with self.reading() as connection:
            streaming = connection.execution_options(stream_results=True)
            with streaming.execute(query.order_by(t.case.c.id)) as rows:
                yield from map(to_case, rows)

    def first_case(
        self, *, registered_on: dt.date | None = None, number: str | None = None
    ) -> Case | None:
        """The first case for which all holds that is given; None where there is none."""
        with closing(self.cases(registered_on=registered_on, number=number)) as found:
            return next(found, None)

    def history(self, matter: Facts) -> list[Transition]:
        """Every step of the matter, oldest first."""
        with self.reading() as connection:
            return history_of(connection, matter.id)

    def append(
        self, run: RunRecord, matter: Facts, steps: Sequence[Transition], *, is_open: bool
    ) -> None:
        """Append steps that no form brought to a matter's history, in one transaction.

        `is_open` says whether the matter is in hand after them.
        """
        with self.writing() as connection:
            append_steps(connection, run.id, matter.id, steps, is_open=is_open)

    def open_matter(
        self,
        run: RunRecord,
        process: str,
        begin: str,
        facts: Mapping[str, object],
        steps: Sequence[Transition],
    ) -> None:
        """Open a matter that no feedback opened, with its first steps, in one transaction.

        Args:
            run: the run's.
            process: the id of the one by which it is handled.
            begin: what the numbers of that process begin with.
            facts: what opened it, ready for JSON.
            steps: its first steps.
        """
        with self.writing() as connection:
            open_with_steps(connection, run.id, process, begin, run.as_of.date(), facts, steps)

    def touched(self, run: RunRecord) -> list[Case]:
        """The cases that were there before the run and to whose history it has added."""
        moved = sa.select(t.transition.c.matter_id).where(t.transition.c.run_id == run.id)
        query = CASES.where(t.case.c.id.in_(moved), t.case.c.run_id != run.id).order_by(t.case.c.id)
        with self.reading() as connection:
            return [to_case(row) for row in connection.execute(query)]

    def open_cases(self) -> list[tuple[Case, list[Transition]]]:
        """Every case in hand with its history; costs nothing for those that are closed."""
        in_hand = t.open_matter.c.matter_id == t.matter.c.id
        with self.reading() as connection:
            cases = connection.execute(CASES.join(t.open_matter, in_hand).order_by(t.case.c.id))
            found = [to_case(row) for row in cases]
            histories = histories_of(
                connection, t.transition.c.matter_id.in_(sa.select(t.open_matter.c.matter_id))
            )
        return [(case, histories[case.id]) for case in found]

    def matters(
        self,
        *,
        process: str | None = None,
        number: str | None = None,
        moved_by: RunRecord | None = None,
        in_hand: bool = False,
    ) -> list[tuple[Facts, list[Transition]]]:
        """The matters that no feedback opened, with their histories, oldest first.

        All that are given must hold.

        Args:
            process: of that process only.
            number: the one with that number.
            moved_by: those to whose history a run has added.
            in_hand: those that are not done with.
        """
        query = MATTERS
        if in_hand:
            query = query.join(t.open_matter, t.open_matter.c.matter_id == t.matter.c.id)
        if process:
            query = query.where(t.matter.c.process == process)
        if number:
            query = query.where(t.matter.c.number == number)
        if moved_by:
            moved = sa.select(t.transition.c.matter_id).where(t.transition.c.run_id == moved_by.id)
            query = query.where(t.matter.c.id.in_(moved))
        with self.reading() as connection:
            found = [to_facts(row) for row in connection.execute(query.order_by(t.matter.c.id))]
            ids = query.with_only_columns(t.matter.c.id)
            histories = histories_of(connection, t.transition.c.matter_id.in_(ids))
        return [(facts, histories[facts.id]) for facts in found]

    def matters_opened(self, begin: str, first: dt.date, last: dt.date) -> list[Facts]:
        """The matters whose numbers begin so, opened from the first day to the last."""
        numbers = t.matter.c.number.between(
            t.number_prefix(first, begin), f"{t.number_prefix(last, begin)}~"
        )
        with self.reading() as connection:
            return [to_facts(row) for row in connection.execute(MATTERS.where(numbers))]

    def states_in_hand(self) -> list[tuple[str, str, str]]:
        """(process, state, a number) of the matters in hand: one of each process and state."""
        query = (
            sa.select(t.matter.c.process, LAST.c.to_state, sa.func.min(t.matter.c.number))
            .select_from(t.matter.join(LAST, is_last(LAST)))
            .join(t.open_matter, t.open_matter.c.matter_id == t.matter.c.id)
            .group_by(t.matter.c.process, LAST.c.to_state)
        )
        with self.reading() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def reminders(self, *, before: RunRecord | None = None) -> dict[int, list[Reminder]]:
        """The reminders given for matters in hand, by their ids."""
        r = t.reminder
        query = (
            sa.select(r)
            .join(t.open_matter, t.open_matter.c.matter_id == r.c.matter_id)
            .order_by(r.c.matter_id, r.c.told_on, r.c.level)
        )
        if before:
            query = query.where(r.c.run_id < before.id)
        found: dict[int, list[Reminder]] = {}
        with self.reading() as connection:
            for row in connection.execute(query).mappings():
                told_on, due_on = (
                    dt.date.fromisoformat(row["told_on"]),
                    dt.date.fromisoformat(row["due_on"]),
                )
                found.setdefault(row["matter_id"], []).append(
                    Reminder(row["clock"], row["level"], told_on, due_on)
                )
        return found

    def record_reminders(self, run: RunRecord, reminders: Sequence[tuple[Facts, Reminder]]) -> None:
        """Write down the reminders of a run; those of an interrupted attempt are replaced."""
        rows = [
            {
                "matter_id": matter.id,
                "clock": r.clock,
                "due_on": r.due_on.isoformat(),
                "level": r.level,
                "run_id": run.id,
                "told_on": r.on.isoformat(),
            }
            for matter, r in reminders
        ]
        with self.writing() as connection:
            connection.execute(t.reminder.delete().where(t.reminder.c.run_id == run.id))
            if rows:
                connection.execute(t.reminder.insert(), rows)

    def closed_since(self, day: dt.date) -> list[tuple[Case, list[Transition]]]:
        """The cases that were closed on `day` or later, with their histories."""
        closed = sa.select(t.transition.c.matter_id).where(
            t.transition.c.to_state == "closed", t.transition.c.happened_on >= day.isoformat()
        )
        with self.reading() as connection:
            found = [
                to_case(row)
                for row in connection.execute(
                    CASES.where(t.case.c.id.in_(closed)).order_by(t.case.c.id)
                )
            ]
            histories = histories_of(connection, t.transition.c.matter_id.in_(closed))
        return [(case, histories[case.id]) for case in found if case.state == "closed"]

    def has_moved(self, run: RunRecord) -> bool:
        """True when the run has added to any matter's history."""
        with self.reading() as connection:
            return (
                connection.execute(
                    sa.select(t.transition.c.matter_id)
                    .where(t.transition.c.run_id == run.id)
                    .limit(1)
                ).first()
                is not None
            )

    def last_published(self, kind: str, *, before: RunRecord) -> RunRecord | None:
        """The newest run before this one that published a document of this kind."""
        newest = (
            sa.select(sa.func.max(t.document.c.run_id))
            .where(t.document.c.kind == kind, t.document.c.run_id < before.id)
            .scalar_subquery()
        )
        return next(iter(self._runs(t.run.c.id == newest)), None)

    def paths_of(self, kind: str, run: RunRecord) -> list[str]:
        """Where a run put its newest documents of this kind, below the run's folder."""
        period = (
            sa.select(sa.func.max(t.document.c.period))
            .where(t.document.c.kind == kind, t.document.c.run_id == run.id)
            .scalar_subquery()
        )
        of_period = sa.func.coalesce(t.document.c.period, "") == sa.func.coalesce(period, "")
        query = sa.select(t.document.c.path).where(
            t.document.c.kind == kind, t.document.c.run_id == run.id, of_period
        )
        with self.reading() as connection:
            return [str(path) for path in connection.execute(query).scalars()]

    def issues(self, matter: Facts, *, before: RunRecord) -> dict[str, int]:
        """The newest issue of each form for a matter, as runs before this one published them."""
        query = (
            sa.select(t.document.c.kind, sa.func.max(t.document.c.issue))
            .where(t.document.c.matter_id == matter.id, t.document.c.run_id < before.id)
            .group_by(t.document.c.kind)
        )
        with self.reading() as connection:
            return {str(row[0]): int(row[1] or 0) for row in connection.execute(query)}

    def merged_into(self, main: Case) -> list[Case]:
        """The cases that were merged into this one."""
        query = (
            CASES.join(t.merger, t.merger.c.case_id == t.case.c.id)
            .where(t.merger.c.main_id == main.id)
            .order_by(t.case.c.id)
        )
        with self.reading() as connection:
            return [to_case(row) for row in connection.execute(query)]

    def submission(self, case: Case) -> list[Any]:
        """The raw cells of the row that opened the case."""
        with self.reading() as connection:
            cells = connection.execute(
                sa.select(t.submission.c.cells).where(t.submission.c.id == case.id)
            ).scalar_one()
            return list(orjson.loads(cells))

    def counts(self) -> dict[str, int]:
        """Cases by state."""
        query = (
            sa.select(LAST.c.to_state, sa.func.count())
            .select_from(t.matter.join(LAST, is_last(LAST)))
            .where(t.matter.c.process == CASE)
            .group_by(LAST.c.to_state)
        )
        with self.reading() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(query)}

    def waiting_forms(self) -> list[WaitingForm]:
        """The forms that wait for a person's decision, oldest first."""
        with self.reading() as connection:
            return waiting_forms(connection)

    # --- documents --------------------------------------------------------------------

    def documents_of(self, matter: Facts) -> list[tuple[str, IssuedDocument]]:
        """(run, document) of every document about the matter."""
        query = (
            sa.select(t.document, t.run.c.name.label("run"))
            .join(t.run)
            .where(t.document.c.matter_id == matter.id)
            .order_by(t.document.c.id)
        )
        with self.reading() as connection:
            return [
                (r["run"], _document(r, matter.number))
                for r in connection.execute(query).mappings()
            ]

    def record_documents(
        self,
        run: RunRecord,
        documents: Sequence[IssuedDocument],
        matter_ids: Mapping[str, int],
        days: Iterable[dt.date],
        *,
        manifest_sha256: str | None = None,
    ) -> None:
        """Write down what the run publishes, its manifest too.

        It replaces what an interrupted attempt had written.
        """
        rows = [
            {
                "run_id": run.id,
                "kind": d.kind,
                "number": d.number,
                "matter_id": matter_ids.get(d.matter or ""),
                "department": d.department,
                "period": d.period,
                "path": d.path,
                "media_type": d.media_type,
                "sha256": d.sha256,
                "form": int(d.form),
                "issue": d.issue,
                "code": d.code,
            }
            for d in documents
        ]
        with self.writing() as connection:
            connection.execute(t.document.delete().where(t.document.c.run_id == run.id))
            if rows:
                connection.execute(t.document.insert(), rows)
            published = t.run.update().where(t.run.c.id == run.id)
            connection.execute(published.values(manifest_sha256=manifest_sha256))
            for day in days:
                known = connection.execute(
                    sa.select(t.summary_day.c.day).where(t.summary_day.c.day == day.isoformat())
                ).scalar()
                if known is None:
                    connection.execute(
                        t.summary_day.insert().values(day=day.isoformat(), run_id=run.id)
                    )

    def last_summary_day(self, *, before: RunRecord) -> dt.date | None:
        """The newest day whose daily summary a run before this one has published."""
        with self.reading() as connection:
            day = connection.execute(
                sa.select(sa.func.max(t.summary_day.c.day)).where(
                    t.summary_day.c.run_id < before.id
                )
            ).scalar()
            return dt.date.fromisoformat(day) if day else None


def _see_that_keys_hold(connection: sa.Connection) -> None:
    """See that every reference leads somewhere, after tables were made anew."""
    for table, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        raise StorageError(
            f"The ledger is damaged (table {table}, row {row_id}: no {parent}); "
            "restore it from a backup. Nothing has been changed"
        )


@contextmanager
def _unchecked(connection: sa.Connection) -> Iterator[None]:
    """Have foreign keys not looked up on this connection.

    SQLite heeds the pragma outside of transactions only.
    """
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.commit()
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.commit()


def copy_ledger(source: Path, target: Path) -> None:
    """Copy a SQLite ledger as it is at one instant, whatever is being written.

    The copy is for its owner only.

    Raises:
        sqlite3.Error: it cannot be read, or is no database.
    """
    _make_private(target)
    with (
        closing(sqlite3.connect(source, timeout=_PATIENCE_MS / 1000)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _file_outcome(row: Any, findings: Iterable[Finding]) -> FileOutcome:
    return FileOutcome(
        row["name"],
        row["sha256"],
        row["size"],
        row["schema_id"],
        row["outcome"],
        row["code"],
        row["rows"],
        row["accepted"],
        row["returned"],
        row["duplicate"],
        row["set_aside"],
        row["archived"],
        tuple(findings),
        row["id"],
        row["mailed_by"],
    )


def _document(row: Any, matter: str | None) -> IssuedDocument:
    return IssuedDocument(
        row["kind"],
        row["number"],
        row["path"],
        row["media_type"],
        row["sha256"],
        matter,
        row["department"],
        row["period"],
        bool(row["form"]),
    )


def _pragmas(connection: sqlite3.Connection, _: object) -> None:
    for pragma in (
        "page_size=16384",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={_PATIENCE_MS}",
        "cache_size=-32768",
        # `close_run` does it, and whoever closes the ledger: not while a file is being recorded
        "wal_autocheckpoint=0",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _make_private(path: Path) -> None:
    """Create the database file for its owner only.

    SQLite gives the same mode to what it puts beside it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise StorageError(f"The ledger cannot be written to: {error.strerror}: {path}") from error
