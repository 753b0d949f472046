"""What the ledger says about itself and about the folders: for `verify`, which compares."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from fbbatch.ledger import tables as t
from fbbatch.ledger.damage import damaged
from fbbatch.ledger.store import Ledger
from fbbatch.model import CASE_NUMBER
from fbbatch.schema.process import CASE

ANONYMISE = "anonymise"
_COUNTED = ("accepted", "returned", "duplicate", "set_aside")
_LAST = (
    sa.select(t.transition.c.matter_id, sa.func.max(t.transition.c.n).label("n"))
    .group_by(t.transition.c.matter_id)
    .subquery()
)


class Known(NamedTuple):
    """What a ledger may say of states.

    `ends`: those in which a matter is done with, by process. `of_cases`: those of cases; empty
    where they are not known.
    """

    ends: Mapping[str, Collection[str]]
    of_cases: Collection[str]


class Flaw(NamedTuple):
    """A promise of the ledger that does not hold.

    `promise` says which one; `where` of what: a run, a case number or a file's number.
    """

    promise: str
    where: str


class Expected(NamedTuple):
    """A file that the ledger says is there; `path` is below the workspace.

    `about` is its kind, or the outcome of an original.

    An original that was too large to be read has no sha256, but a size in bytes.
    """

    path: str
    sha256: str
    run: str
    about: str
    size: int | None = None


class Runs(NamedTuple):
    """The names of the closed runs, oldest first, and of one that is not closed."""

    closed: list[str]
    unclosed: str | None


def flaws(ledger: Ledger, known: Known) -> Iterator[Flaw]:
    """Every promise that does not hold within the ledger itself.

    Args:
        ledger: the company's.
        known: the states of the processes.
    """
    with ledger.reading() as connection:
        told = list(damaged(connection))
        yield from (Flaw("sound", where) for where in told)
        if told:
            return
        if connection.dialect.name == "sqlite":
            for table, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                yield Flaw("references", f"{table} {row_id} → {parent}")
        yield from _files(connection)
        yield from _cases(connection)
        yield from _matters(connection)
        yield from _states_of_cases(connection, known.of_cases)
        yield from _index(connection, known.ends)


def _files(connection: sa.Connection) -> Iterator[Flaw]:
    """The files whose rows do not add up, or whose outcome is still open. Source: I1.

    Rows in = accepted + returned + duplicate + set aside, and there are as many submissions of
    each; a file refused whole has none.
    """
    submissions: dict[int, dict[str, int]] = {}
    grouped = sa.select(t.submission.c.file_id, t.submission.c.outcome, sa.func.count()).group_by(
        t.submission.c.file_id, t.submission.c.outcome
    )
    for file_id, outcome, number in connection.execute(grouped):
        submissions.setdefault(file_id, {})[outcome] = number
    query = (
        sa.select(t.file, t.run.c.name.label("run"))
        .join(t.run, t.run.c.id == t.file.c.run_id)
        .order_by(t.file.c.id)
    )
    for row in connection.execute(query).mappings():
        where = f"run {row['run']}, file {row['id']}"
        counted = {name: row[name] for name in _COUNTED}
        kept = submissions.get(row["id"], {})
        kept_counts = {name: kept.get(name, 0) for name in _COUNTED}
        is_refused_whole = row["code"] is not None and not any(kept_counts.values())
        balances = row["rows"] == sum(counted.values())
        if not balances or not (is_refused_whole or kept_counts == counted):
            yield Flaw("balance", where)
        if row["outcome"] == "open":
            yield Flaw("outcome", where)


def _cases(connection: sa.Connection) -> Iterator[Flaw]:
    judged = sa.select(t.classification.c.case_id).where(t.classification.c.n == 1)
    amended = sa.select(t.amendment.c.submission_id)
    numbered = sa.select(t.matter.c.number, t.case.c.registered_on).join(t.case)
    for (found,) in connection.execute(_NUMBERS_OF_CASES.where(t.case.c.id.not_in(judged))):
        yield Flaw("class", str(found))
    for found, day in connection.execute(numbered):
        if not CASE_NUMBER.fullmatch(found) or found[3:11] != day.replace("-", ""):
            yield Flaw("number", str(found))
    lost = sa.select(t.submission.c.id).where(
        t.submission.c.outcome == "accepted",
        t.submission.c.id.not_in(sa.select(t.case.c.id)),
        t.submission.c.id.not_in(amended),
    )
    for (found,) in connection.execute(lost):
        yield Flaw("case of a row", f"row {found}")


_NUMBERS_OF_CASES = sa.select(t.matter.c.number).join(t.case, t.case.c.id == t.matter.c.id)


def _matters(connection: sa.Connection) -> Iterator[Flaw]:
    number = t.matter.c.number
    first = sa.select(t.transition.c.matter_id).where(t.transition.c.n == 1)
    is_case = t.matter.c.process == CASE
    for promise, query in (
        ("first step", sa.select(number).where(t.matter.c.id.not_in(first))),
        ("number twice", sa.select(number).group_by(number).having(sa.func.count() > 1)),
        (
            "steps in order",
            sa.select(number)
            .join(t.transition)
            .group_by(number)
            .having(sa.func.max(t.transition.c.n) != sa.func.count()),
        ),
        ("case", sa.select(number).where(is_case, t.matter.c.id.not_in(sa.select(t.case.c.id)))),
        ("facts", sa.select(number).where(~is_case, t.matter.c.facts.is_(None))),
    ):
        for (found,) in connection.execute(query):
            yield Flaw(promise, str(found))


def _states_of_cases(connection: sa.Connection, known: Collection[str]) -> Iterator[Flaw]:
    """Steps of cases into a state that there is not."""
    if not known:
        return
    state = t.transition.c.to_state
    query = (
        sa.select(t.matter.c.number, state)
        .join(t.transition)
        .where(t.matter.c.process == CASE, state.not_in(known))
    )
    for number, unknown in connection.execute(query):
        yield Flaw("state", f"table transition: {unknown} in {number}")


def _index(connection: sa.Connection, ends: Mapping[str, Collection[str]]) -> Iterator[Flaw]:
    """The index of open matters = the matters whose last step does not end them.

    Of processes that are not known it cannot be said.
    """
    last = (
        sa.select(t.matter.c.id, t.matter.c.number, t.matter.c.process, t.transition.c.to_state)
        .join(t.transition)
        .join(
            _LAST,
            sa.and_(_LAST.c.matter_id == t.transition.c.matter_id, _LAST.c.n == t.transition.c.n),
        )
    )
    numbers: dict[int, str] = {}
    is_open: set[int] = set()
    unknown: set[int] = set()
    for matter_id, number, process, state in connection.execute(last):
        numbers[matter_id] = number
        if process not in ends:
            unknown.add(matter_id)
        elif state not in ends[process]:
            is_open.add(matter_id)
    listed = set(connection.execute(sa.select(t.open_matter.c.matter_id)).scalars())
    for matter_id in sorted((is_open ^ listed) - unknown):
        yield Flaw("index of open matters", numbers.get(matter_id, f"matter {matter_id}"))


def counts(ledger: Ledger) -> dict[str, int]:
    """How much the ledger holds."""
    tables = {
        "runs": t.run,
        "files": t.file,
        "rows": t.submission,
        "cases": t.case,
        "steps": t.transition,
    }
    with ledger.reading() as connection:
        return {
            name: int(connection.execute(sa.select(sa.func.count()).select_from(of)).scalar_one())
            for name, of in tables.items()
        }


def runs(ledger: Ledger) -> Runs:
    """The runs by name."""
    with ledger.reading() as connection:
        rows = connection.execute(
            sa.select(t.run.c.name, t.run.c.finished_at).order_by(t.run.c.id)
        ).all()
    return Runs(
        [name for name, finished in rows if finished],
        next((name for name, finished in rows if not finished), None),
    )


def documents(ledger: Ledger) -> tuple[list[Expected], list[Expected]]:
    """What closed runs have issued: documents that must be there, and those removed on purpose."""
    gone = removed(ledger)["documents"]
    query = (
        sa.select(
            t.document.c.id, t.document.c.path, t.document.c.sha256, t.run.c.name, t.document.c.kind
        )
        .join(t.run, t.run.c.id == t.document.c.run_id)
        .where(t.run.c.finished_at.is_not(None))
        .order_by(t.document.c.id)
    )
    there: list[Expected] = []
    others: list[Expected] = []
    with ledger.reading() as connection:
        for id_, path, sha256, run, kind in connection.execute(query):
            (others if id_ in gone else there).append(
                Expected(f"outbox/{run}/{path}", sha256, run, kind)
            )
    return there, others


def manifests(ledger: Ledger) -> dict[str, str | None]:
    """The sha256 of each closed run's manifest; None where its version did not record it."""
    query = sa.select(t.run.c.name, t.run.c.manifest_sha256).where(t.run.c.finished_at.is_not(None))
    with ledger.reading() as connection:
        return dict(connection.execute(query).all())


def originals(ledger: Ledger) -> list[Expected]:
    """Every original that a closed run has archived, without those removed on purpose.

    What was inside an original has no file of its own and is left out.
    """
    gone = removed(ledger)
    query = (
        sa.select(
            t.file.c.id,
            t.file.c.archived,
            t.file.c.sha256,
            t.run.c.name,
            t.file.c.outcome,
            t.file.c.size,
        )
        .join(t.run, t.run.c.id == t.file.c.run_id)
        .where(
            t.run.c.finished_at.is_not(None),
            t.file.c.archived.is_not(None),
            t.file.c.parent_id.is_(None),
        )
        .order_by(t.file.c.id)
    )
    with ledger.reading() as connection:
        return [
            Expected(*rest) for id_, *rest in connection.execute(query) if id_ not in gone["files"]
        ]


def originals_of_all(ledger: Ledger) -> dict[str, str]:
    """The sha256 of every original, by where it is or will be in the archive.

    Originals of an unclosed run are included; those removed on purpose are not.
    """
    gone = removed(ledger)["files"]
    query = sa.select(t.file.c.id, t.file.c.archived, t.file.c.sha256).where(
        t.file.c.archived.is_not(None), t.file.c.parent_id.is_(None)
    )
    with ledger.reading() as connection:
        return {path: sha256 for id_, path, sha256 in connection.execute(query) if id_ not in gone}


def archived_by(ledger: Ledger, run: str) -> set[str]:
    """Where the originals of a run go, or went."""
    query = (
        sa.select(t.file.c.archived)
        .join(t.run, t.run.c.id == t.file.c.run_id)
        .where(t.run.c.name == run, t.file.c.archived.is_not(None))
    )
    with ledger.reading() as connection:
        return {str(path) for path in connection.execute(query).scalars()}


def newest(ledger: Ledger, kinds: tuple[str, ...]) -> list[Expected]:
    """The documents of these kinds that were issued last.

    Each kind by the run that issued it last, and of its latest period.
    """
    found: list[Expected] = []
    with ledger.reading() as connection:
        for kind in kinds:
            run_id = connection.execute(
                sa.select(sa.func.max(t.document.c.run_id)).where(t.document.c.kind == kind)
            ).scalar()
            rows = connection.execute(
                sa.select(t.document.c.path, t.document.c.sha256, t.run.c.name, t.document.c.period)
                .join(t.run, t.run.c.id == t.document.c.run_id)
                .where(t.document.c.run_id == run_id, t.document.c.kind == kind)
            ).all()
            last = max((row[3] or "" for row in rows), default="")
            found += [
                Expected(f"outbox/{run}/{path}", sha256, run, kind)
                for path, sha256, run, period in rows
                if (period or "") == last
            ]
    return found


def upkeep(ledger: Ledger, kind: str) -> list[dict[str, Any]]:
    """What was written down about upkeep of this kind, oldest first."""
    with ledger.reading() as connection:
        found = connection.execute(
            sa.select(t.upkeep.c.details).where(t.upkeep.c.kind == kind).order_by(t.upkeep.c.id)
        ).scalars()
        return [dict(orjson.loads(details)) for details in found]


def record_upkeep(ledger: Ledger, at: str, kind: str, details: dict[str, Any]) -> None:
    """Write down what was done to the workspace besides runs."""
    with ledger.writing() as connection:
        connection.execute(
            t.upkeep.insert().values(at=at, kind=kind, details=orjson.dumps(details).decode())
        )


def removed(ledger: Ledger) -> dict[str, set[int]]:
    """The ids of the `files` and `documents` whose bytes were removed on purpose.

    They were removed together with their personal data.
    """
    result: dict[str, set[int]] = {"files": set(), "documents": set()}
    for details in upkeep(ledger, ANONYMISE):
        ids = details.get("removed", {})
        for name, so_far in result.items():
            so_far.update(ids.get(name, ()))
    return result
