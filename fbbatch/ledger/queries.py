"""Queries that several doors of the ledger ask, and how their rows become records."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa

from fbbatch.ledger import tables as t
from fbbatch.ledger.edited_rows import ANSWERS, origin_of
from fbbatch.model import (
    CASE_NUMBER,
    Case,
    Details,
    Facts,
    FileOutcome,
    JudgedRow,
    ReturnedFile,
    SheetLayout,
    Transition,
)
from fbbatch.schema.process import CASE

LAST = t.transition.alias("last")
ASSIGNED = t.transition.alias("assigned")
_JUDGED = t.classification.alias("judged")


def is_last(alias: sa.FromClause) -> sa.ColumnElement[bool]:
    """The join condition for a matter's newest row of a table numbered by `n`."""
    of, inner = _copies(alias)
    key = next(iter(inner.primary_key))
    extra = [inner.c.department.is_not(None)] if alias is ASSIGNED else []
    newest = (
        sa.select(sa.func.max(inner.c.n))
        .where(key == t.matter.c.id, *extra)
        .correlate(t.matter)
        .scalar_subquery()
    )
    return sa.and_(of == t.matter.c.id, alias.c.n == newest)


def _copies(alias: sa.FromClause) -> tuple[sa.ColumnElement[int], sa.FromClause]:
    """The column of a numbered table that says of which matter a row is, and the table again."""
    if "matter_id" in alias.c:
        return alias.c.matter_id, t.transition.alias()
    return alias.c.case_id, t.classification.alias()


_OLDER = t.matter.alias("older")
_ALIKE = (
    sa.select(_OLDER.c.number.concat(" ").concat(t.likeness.c.details))
    .join_from(t.likeness, _OLDER, _OLDER.c.id == t.likeness.c.other_id)
    .where(t.likeness.c.case_id == t.matter.c.id)
    .limit(1)
    .correlate(t.matter)
    .scalar_subquery()
)
CASES = sa.select(
    t.case.c.id,
    t.matter.c.number,
    t.case.c.schema_id,
    t.case.c.source,
    t.case.c.channel,
    t.case.c.registered_on,
    sa.func.coalesce(ANSWERS, t.case.c.answers),
    t.ruling.c.kind,
    t.ruling.c.type,
    t.ruling.c.severity,
    t.ruling.c.evidence,
    LAST.c.to_state,
    ASSIGNED.c.department,
    ASSIGNED.c.due_on,
    ASSIGNED.c.details,
    t.file.c.name,
    t.submission.c.sheet,
    t.submission.c.row,
    t.run.c.name,
    t.run.c.as_of,
    _ALIKE,
).select_from(
    t.matter.join(t.case, t.case.c.id == t.matter.c.id)
    .join(_JUDGED, is_last(_JUDGED))
    .join(t.ruling, t.ruling.c.id == _JUDGED.c.ruling_id)
    .join(LAST, is_last(LAST))
    .outerjoin(ASSIGNED, is_last(ASSIGNED))
    .join(t.submission, t.submission.c.id == t.case.c.id)
    .join(t.file, t.file.c.id == t.submission.c.file_id)
    .join(t.run, t.run.c.id == t.case.c.run_id)
)

_FIRST = t.transition.alias("first")
MATTERS = (
    sa.select(
        t.matter.c.id,
        t.matter.c.process,
        t.matter.c.number,
        t.matter.c.facts,
        _FIRST.c.happened_on,
        _FIRST.c.recorded_at,
        LAST.c.to_state,
        ASSIGNED.c.department,
        ASSIGNED.c.due_on,
        ASSIGNED.c.details,
        t.run.c.name,
    )
    .select_from(
        t.matter.join(_FIRST, sa.and_(_FIRST.c.matter_id == t.matter.c.id, _FIRST.c.n == 1))
        .join(LAST, is_last(LAST))
        .outerjoin(ASSIGNED, is_last(ASSIGNED))
        .join(t.run, t.run.c.id == _FIRST.c.run_id)
    )
    .where(t.matter.c.facts.is_not(None))
)
"""The matters that no feedback opened."""


_read: Callable[[str], dict[str, Any]] = lru_cache(maxsize=1024)(orjson.loads)
_day = lru_cache(maxsize=1024)(dt.date.fromisoformat)
_moment = lru_cache(maxsize=64)(dt.datetime.fromisoformat)
"""Many cases share a ruling and a day."""


def to_case(row: Any) -> Case:
    """A row of `CASES` as a record."""
    (
        id_,
        number,
        schema,
        source,
        channel,
        registered,
        answers,
        kind,
        type_,
        severity,
        evidence,
        state,
        department,
        due,
        details,
        name,
        sheet,
        line,
        run,
        as_of,
        alike,
    ) = row
    about = _read(details) if details else {}
    return Case(
        id=id_,
        process=CASE,
        number=number,
        schema=schema,
        source=source,
        channel=channel,
        registered_on=_day(registered),
        registered_at=_moment(as_of),
        values=orjson.loads(answers),
        kind=kind,
        type=type_,
        severity=severity,
        evidence=_read(evidence),
        state=state,
        department=department,
        due_on=_day(due) if due else None,
        **_as_assigned(about),
        escalations=tuple(about.get("escalations", ())),
        file=name,
        sheet=sheet,
        row=line,
        run=run,
        alike=_alike(alike),
    )


def to_facts(row: Any) -> Facts:
    """A row of `MATTERS` as a record."""
    (
        id_,
        process,
        number,
        facts,
        opened_on,
        opened_at,
        state,
        department,
        due,
        details,
        run,
    ) = row
    about = _read(details) if details else {}
    return Facts(
        id=id_,
        process=process,
        number=number,
        registered_on=_day(opened_on),
        registered_at=_moment(opened_at),
        values=orjson.loads(facts),
        severity="",
        state=state,
        department=department,
        due_on=_day(due) if due else None,
        **_as_assigned(about),
        escalations=(),
        run=run,
    )


def _alike(told: str | None) -> dict[str, Any] | None:
    if not told:
        return None
    number, _, details = told.partition(" ")
    return {"case": number, **orjson.loads(details)}


def _as_assigned(about: dict[str, Any]) -> dict[str, Any]:
    """What the details of a matter's last assignment say, by the names of a record's fields."""
    has_rule = "due_rule" in about
    return {
        "cooperating": tuple(about.get("cooperating", ())),
        "assignment_rule": about.get("rule"),
        "due_rule": f"{about['due_rule']}:{about['due_days']:g}" if has_rule else None,
    }


def history_of(connection: sa.Connection, matter_id: int) -> list[Transition]:
    """Every step of a matter, oldest first."""
    return histories_of(connection, t.transition.c.matter_id == matter_id)[matter_id]


def histories_of(
    connection: sa.Connection, condition: sa.ColumnElement[bool]
) -> dict[int, list[Transition]]:
    """The steps of many matters by their ids, oldest first; an empty list where there are none."""
    query = (
        sa.select(t.transition, t.run.c.name.label("run"))
        .join(t.run)
        .where(condition)
        .order_by(t.transition.c.matter_id, t.transition.c.n)
    )
    found: dict[int, list[Transition]] = defaultdict(list)
    for r in connection.execute(query).mappings():
        details = orjson.loads(r["details"]) if r["details"] else {}
        if r["department"]:
            details |= {"department": r["department"], "due_on": r["due_on"]}
        found[r["matter_id"]].append(
            Transition(
                r["to_state"],
                r["document"],
                r["by_whom"],
                dt.date.fromisoformat(r["happened_on"]),
                dt.datetime.fromisoformat(r["recorded_at"]),
                r["run"],
                Details.decode(details),
            )
        )
    return found


def case_of(connection: sa.Connection, number: str) -> Case | None:
    """The case with this number."""
    row = connection.execute(CASES.where(t.matter.c.number == number)).first()
    return to_case(row) if row else None


def facts_of(connection: sa.Connection, number: str) -> Facts | None:
    """What opened the matter with this number, of whatever process."""
    if CASE_NUMBER.fullmatch(number):
        return case_of(connection, number)
    row = connection.execute(MATTERS.where(t.matter.c.number == number)).first()
    return to_facts(row) if row else None


def fate_of(connection: sa.Connection, file: FileOutcome) -> ReturnedFile:
    """How each sheet and row of a file fared."""
    sheets = connection.execute(sa.select(t.sheet).where(t.sheet.c.file_id == file.id)).mappings()
    layouts = {
        r["name"]: SheetLayout(
            r["schema_id"], r["header_row"], tuple(map(tuple, orjson.loads(r["columns"])))
        )
        for r in sheets
    }
    s = t.submission.c
    cells = sa.case((s.outcome == "returned", s.cells), else_="")
    query = sa.select(s.sheet, s.row, s.outcome, t.matter.c.number, s.id, cells).outerjoin(
        t.matter, t.matter.c.id == s.id
    )
    rows = connection.execute(query.where(s.file_id == file.id).order_by(s.sheet, s.row))
    return ReturnedFile(
        file,
        layouts,
        tuple(
            JudgedRow(sheet, row, outcome, case, origin_of(file.sha256, i), raw)
            for sheet, row, outcome, case, i, raw in rows
        ),
    )
