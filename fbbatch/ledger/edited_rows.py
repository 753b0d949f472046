"""Rows that may be edited copies of rows that opened cases. Source: N4.

Which cases a row may belong to is found by its kin keys, or said by a returned workbook. The rows
of one file are kept back until all of it has been read, then told apart.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from fbbatch.identity import (
    Likeness,
    changes,
    corrections,
    gives_address,
    is_edited,
    is_of_one_person,
    is_worse_copy,
    likeness,
)
from fbbatch.ledger import bulk
from fbbatch.ledger import tables as t
from fbbatch.model import CASE_NUMBER, FeedbackRow, FeedbackRows

_NEWEST = 64  # of the cases that share a key; with all, a key of thousands would stop a run


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
    t.matter.c.number,
    t.case.c.schema_id,
    sa.func.coalesce(ANSWERS, t.case.c.answers),
    t.submission.c.file_id,
    t.file.c.name,
)
_KIN = (
    sa.select(*_COLUMNS)
    .select_from(t.case)
    .join(t.matter, t.matter.c.id == t.case.c.id)
    .join(t.submission, t.submission.c.id == t.case.c.id)
    .join(t.file, t.file.c.id == t.submission.c.file_id)
)


def kin_of(
    connection: sa.Connection,
    keys: Iterable[int],
    *,
    before: int,
    since: int = 0,
    newest: int = _NEWEST,
) -> dict[int, list[Kin]]:
    """The newest cases for each kin key, the newest first.

    Args:
        connection: of the ledger.
        keys: that are looked up.
        before: cases with ids from here on are left out.
        since: so are those with smaller ids.
        newest: how many there may be for each key.
    """
    found: dict[int, list[Kin]] = {}
    query = _newest(before, since, newest)
    for *about, key in bulk.seek(connection, query, sorted(set(keys))):
        found.setdefault(key, []).append(_kin(about))
    return found


@lru_cache(maxsize=4)
def _newest(before: int, since: int, newest: int) -> sa.Select[Any]:
    rank = (
        sa.func.row_number()
        .over(partition_by=t.kin.c.key, order_by=t.kin.c.case_id.desc())
        .label("rank")
    )
    ranked = (
        sa.select(t.kin.c.key, t.kin.c.case_id, rank)
        .where(
            t.kin.c.key.in_(bulk.SOUGHT),
            t.kin.c.case_id < before,
            t.kin.c.case_id >= since,
        )
        .subquery()
    )
    query = _KIN.add_columns(ranked.c.key).join(ranked, ranked.c.case_id == t.case.c.id)
    return query.where(ranked.c.rank <= newest).order_by(t.case.c.id.desc())


class KinHere:
    """The cases of one file that share kin keys, found as its rows are recorded.

    Args:
        connection: of the file's transaction.
        first: the id from which on cases are this file's.
    """

    def __init__(self, connection: sa.Connection, first: int) -> None:
        self._connection = connection
        self._first = first
        self._met: set[int] = set()

    def of(self, first: int, rows: FeedbackRows) -> dict[int, list[Kin]]:
        """The file's cases for each key that one of the rows shares with a row before it.

        The rows have been recorded, with ids from `first` on. As a rule no key comes twice.
        """
        keys = list(chain.from_iterable(rows.kin))
        different = set(keys)
        if len(different) == len(keys) and self._met.isdisjoint(different):
            self._met |= different
            return {}
        again = {key for key, n in Counter(keys).items() if n > 1 or key in self._met}
        self._met |= different
        n_rows = len(rows.row)
        return kin_of(
            self._connection,
            again,
            before=first + n_rows,
            since=self._first,
            newest=_NEWEST + n_rows,
        )


def older(case_id: int, row: FeedbackRow, kin: Mapping[int, list[Kin]]) -> Iterator[Kin]:
    """Of the cases that share a key with a row, the newest that came before its own case."""
    for key in row.kin:
        known = kin.get(key, [])
        place = bisect_right(known, -case_id, key=lambda one: -one.case_id)
        yield from known[place : place + _NEWEST]


def case_named(connection: sa.Connection, number: str) -> Kin | None:
    """The case with this number."""
    about = connection.execute(_KIN.where(t.matter.c.number == number)).first()
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


class RowsOrigin(NamedTuple):
    """Where rows stand.

    Their sheet, the schema and source that it follows, the id of the ruling that it numbers 0, and
    whether they are a mail's.
    """

    sheet: str
    schema: str
    source: str
    ruling_base: int
    is_letter: bool = False


class _Suspect(NamedTuple):
    """A row with the cases of which it may be an edited copy, the likeliest first.

    `mark` is what the row itself says of that; `''` where it says nothing.
    """

    near: Sequence[Kin]
    place: RowsOrigin
    row: FeedbackRow
    mark: str


class Sieve:
    """Keeps back what may be edited copies.

    A case that the file repeats unaltered is no longer free to be amended by it.

    Args:
        connection: of the file's transaction.
        name: of the file.
    """

    def __init__(self, connection: sa.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._suspects: list[_Suspect] = []
        self._met: set[int] = set()
        self._met_files: set[int] = set()
        self.returned = (
            ""  # of a workbook that went back: how the sha256 of the file begins that it was
        )
        self.sender: str | None = (
            None  # of what came by mail, its address: nobody amends another one's case by mail
        )

    @property
    def is_empty(self) -> bool:
        """True when nothing is kept back."""
        return not self._suspects

    def meet(self, case_id: int, file_id: int) -> None:
        """Remember a row that a case, opened by that file, has already."""
        self._met.add(case_id)
        self._met_files.add(file_id)

    def sift(
        self,
        place: RowsOrigin,
        rows: Iterable[FeedbackRow],
        marks: Mapping[int, str],
        kin: Mapping[int, list[Kin]],
    ) -> list[FeedbackRow]:
        """The rows that are new for certain; the others are kept back."""
        fresh = []
        for row in rows:
            mark = marks.get(row.row, "")
            near = self._said(mark) if mark else _near(row, place, kin)
            if near:
                self._suspects.append(_Suspect(near, place, row, mark))
            else:
                fresh.append(row)
        return fresh

    def _said(self, mark: str) -> list[Kin]:
        if not CASE_NUMBER.fullmatch(mark):
            found = case_from(self._connection, mark) if mark[:6] == self.returned[:6] else None
        else:
            found = case_named(self._connection, mark)
            found = found if found and is_told_in(self._connection, found, self.returned) else None
        return [found] if found else []

    def decide(
        self, n_others: int
    ) -> Iterator[tuple[RowsOrigin, FeedbackRow, Edited | None, Sequence[Kin]]]:
        """Tell apart all that was kept back.

        Each as (where, row, of what it is an edited copy, the cases that were near).

        Args:
            n_others: how many other rows the file has.
        """
        suspects, self._suspects = self._suspects, []
        is_single = n_others + len(suspects) == 1
        sources = Counter(
            one.near[0].file_id for one in suspects
        )  # most rows edited, or a column more: that export again
        self._met_files |= {
            file_id for file_id, n in sources.items() if n > 2 and 2 * n > n_others + len(suspects)
        }
        for one in suspects:
            kin = next((k for k in one.near if self._is_copy(one, k, is_single=is_single)), None)
            if kin:
                self._met.add(kin.case_id)
            copy = (
                Edited(kin, one.place.sheet, one.row, one.place.ruling_base + one.row.ruling)
                if kin
                else None
            )
            yield one.place, one.row, copy, one.near

    def _is_copy(self, one: _Suspect, kin: Kin, *, is_single: bool) -> bool:
        if kin.case_id in self._met or kin.schema != one.place.schema:
            return False
        answers = orjson.loads(one.row.answers)
        if is_worse_copy(kin.answers, answers):
            return True  # it changes nothing, whoever has sent it
        if not self._may_amend(kin):
            return False
        has_name = kin.file.rpartition("/")[2] == self._name.rpartition("/")[2]
        if one.mark or has_name or kin.file_id in self._met_files:
            return True
        return is_single and is_of_one_person(kin.answers, answers)

    def _may_amend(self, kin: Kin) -> bool:
        """True for a file that was dropped, and for a mail from the address the case gives."""
        if self.sender is None:
            return True
        return gives_address(str(kin.answers.get("contact") or ""), self.sender)


def _near(row: FeedbackRow, place: RowsOrigin, kin: Mapping[int, list[Kin]]) -> list[Kin]:
    """The cases that read as this row with an answer or two corrected.

    Those with the fewest corrections first, then the newest.

    A mail with the very words of an older one corrects nothing: it is another mail.
    """
    new = orjson.loads(row.answers) if kin else {}
    every = {k.case_id: k for key in row.kin for k in kin.get(key, ()) if k.schema == place.schema}
    near = (
        k
        for k in every.values()
        if is_edited(k.answers, new) and (corrections(k.answers, new) or not place.is_letter)
    )
    return sorted(near, key=lambda k: (_distance(k.answers, new), -k.case_id))


def _distance(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[int, int]:
    """How many answers were corrected, and how many differ at all."""
    return len(corrections(old, new)), len(changes(old, new))


def alike(row: FeedbackRow, kin: Iterable[Kin]) -> tuple[Kin, Likeness] | None:
    """The case that may be the same matter as a row, and why."""
    near = {k.case_id: k for k in kin}
    new = orjson.loads(row.answers) if near else {}
    found = [(other, why) for other in near.values() if (why := likeness(other.answers, new))]
    return max(
        found, key=lambda pair: (pair[1].percent, pair[1].same, -pair[0].case_id), default=None
    )
