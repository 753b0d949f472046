"""The rows of one file that may belong to cases. Source: N4.

They are kept back until all of the file has been read, then told apart.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson
import sqlalchemy as sa

from fbbatch.identity import Likeness, changes, gives_address, is_edited, is_of_one_person, likeness
from fbbatch.ledger.kinship import Edited, Kin, case_from, case_named, is_told_in
from fbbatch.model import CASE_NUMBER, FeedbackRow


class Place(NamedTuple):
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
    place: Place
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
        place: Place,
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
    ) -> Iterator[tuple[Place, FeedbackRow, Edited | None, Sequence[Kin]]]:
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
        if kin.case_id in self._met or kin.schema != one.place.schema or not self._may_amend(kin):
            return False
        has_name = kin.file.rpartition("/")[2] == self._name.rpartition("/")[2]
        if one.mark or has_name or kin.file_id in self._met_files:
            return True
        return is_single and is_of_one_person(kin.answers, orjson.loads(one.row.answers))

    def _may_amend(self, kin: Kin) -> bool:
        """True for a file that was dropped, and for a mail from the address the case gives."""
        if self.sender is None:
            return True
        return gives_address(str(kin.answers.get("contact") or ""), self.sender)


def _near(row: FeedbackRow, place: Place, kin: Mapping[int, list[Kin]]) -> list[Kin]:
    """The cases that read as this row with an answer or two corrected.

    Those with the fewest corrections first, then the newest.

    A mail with the very words of an older one corrects nothing: it is another mail.
    """
    new = orjson.loads(row.answers) if kin else {}
    every = {k.case_id: k for key in row.kin for k in kin.get(key, ()) if k.schema == place.schema}
    near = (
        k
        for k in every.values()
        if is_edited(k.answers, new) and (changes(k.answers, new) or not place.is_letter)
    )
    return sorted(near, key=lambda k: (len(changes(k.answers, new)), -k.case_id))


def alike(row: FeedbackRow, kin: Iterable[Kin]) -> tuple[Kin, Likeness] | None:
    """The case that may be the same matter as a row, and why."""
    near = {k.case_id: k for k in kin}
    new = orjson.loads(row.answers) if near else {}
    found = [(other, why) for other in near.values() if (why := likeness(other.answers, new))]
    return max(
        found, key=lambda pair: (pair[1].percent, pair[1].same, -pair[0].case_id), default=None
    )
