"""Which cases a row may belong to: by its kin keys, or as a returned workbook says. Source: N4."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from fbbatch.ledger import bulk
from fbbatch.ledger import tables as t
from fbbatch.model import FeedbackRow

_NEWEST = 8  # of the cases that share a key


class Kin(NamedTuple):
    """A case that a row may belong to, with its present answers and the file that it came from."""

    case_id: int
    number: str
    schema: str
    answers: dict[str, Any]
    file_id: int
    file: str


class Edited(NamedTuple):
    """A row that is an edited copy of the one that opened `kin`."""

    kin: Kin
    sheet: str
    row: FeedbackRow
    ruling_id: int


_NEWEST_AMENDMENT = t.amendment.alias("newest")
ANSWERS = (
    sa.select(_NEWEST_AMENDMENT.c.answers)
    .where(_NEWEST_AMENDMENT.c.case_id == t.case.c.id)
    .order_by(_NEWEST_AMENDMENT.c.n.desc())
    .limit(1)
    .correlate(t.case)
    .scalar_subquery()
)
_COLUMNS = (
    t.case.c.id,
    t.case.c.number,
    t.case.c.schema_id,
    sa.func.coalesce(ANSWERS, t.case.c.answers),
    t.submission.c.file_id,
    t.file.c.name,
)
_KIN = (
    sa.select(*_COLUMNS)
    .select_from(t.case)
    .join(t.submission, t.submission.c.id == t.case.c.id)
    .join(t.file, t.file.c.id == t.submission.c.file_id)
)


def kin_of(connection: sa.Connection, keys: Iterable[int], *, before: int) -> dict[int, list[Kin]]:
    """The newest cases for each kin key, without those that have ids from `before` on."""
    found: dict[int, list[Kin]] = {}
    for *about, key in bulk.seek(connection, _newest(before), sorted(set(keys))):
        found.setdefault(key, []).append(_kin(about))
    return found


@lru_cache(maxsize=4)
def _newest(before: int) -> sa.Select[Any]:
    rank = (
        sa.func.row_number()
        .over(partition_by=t.kin.c.key, order_by=t.kin.c.case_id.desc())
        .label("rank")
    )
    ranked = (
        sa.select(t.kin.c.key, t.kin.c.case_id, rank)
        .where(t.kin.c.key.in_(bulk.SOUGHT), t.kin.c.case_id < before)
        .subquery()
    )
    query = _KIN.add_columns(ranked.c.key).join(ranked, ranked.c.case_id == t.case.c.id)
    return query.where(ranked.c.rank <= _NEWEST).order_by(t.case.c.id.desc())


def case_named(connection: sa.Connection, number: str) -> Kin | None:
    """The case with this number."""
    about = connection.execute(_KIN.where(t.case.c.number == number)).first()
    return _kin(about) if about else None


def is_told_in(connection: sa.Connection, case: Kin, sha256: str) -> bool:
    """True where a file with such a sha256 opened the case, or was told to hold a row of it.

    `sha256` is how the file's sha256 begins.
    """
    files = sa.select(t.file.c.id).where(sa.func.substr(t.file.c.sha256, 1, len(sha256)) == sha256)
    opened = sa.select(t.submission.c.id).where(
        t.submission.c.id == case.case_id, t.submission.c.file_id.in_(files)
    )
    told = sa.select(t.finding.c.details).where(
        t.finding.c.file_id.in_(files), t.finding.c.code.in_(("FB-same-row", "FB-amended"))
    )
    if connection.execute(opened).first():
        return True
    return any(
        orjson.loads(details).get("case") == case.number for (details,) in connection.execute(told)
    )


def case_from(connection: sa.Connection, origin: str) -> Kin | None:
    """The case that the corrected copy of a returned row has opened."""
    query = _KIN.where(t.submission.c.origin == origin, t.submission.c.outcome == "accepted")
    about = connection.execute(query.order_by(t.case.c.id).limit(1)).first()
    return _kin(about) if about else None


def _kin(about: Sequence[Any]) -> Kin:
    case_id, number, schema, answers, file_id, file = about
    return Kin(case_id, number, schema, orjson.loads(answers), file_id, file)


def origin_of(sha256: str, submission_id: int) -> str:
    """What a returned row is called in the workbook that goes back: `a1b2c3-1234`."""
    return f"{sha256[:6]}-{submission_id}"
