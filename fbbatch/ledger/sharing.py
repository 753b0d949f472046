"""Of whom originals and documents tell.

Which of them can go with the cases that are due, which are shared with others, and until when.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from fbbatch.ledger import tables as t

_NEWEST_STAYS = ("summary", "tracking_ledger")  # `outbox/latest` shows them
_ABOUT_RUN = frozenset({"receipt", "index"})
_ABOUT_NOBODY = frozenset({"questionnaire"})
_TOLD_DAYS = 366  # a tracking ledger tells of cases closed so long ago at most, whatever was set

About = Callable[[str], Mapping[str, str]]
"""run → path of a document below its folder → name of the file that the document is about."""


class Stays(NamedTuple):
    """A file that stays; `path` is below the workspace.

    `until` is the day on which it can go; None: nobody knows yet.

    `tells_of_due` is true where it tells of cases that are due, besides others. `is_copy` is true
    for originals and for marked copies of them, which are not written again.
    """

    id: int
    path: str
    run: str
    kind: str
    sha256: str
    until: dt.date | None
    tells_of_due: bool
    is_copy: bool


class Goes(NamedTuple):
    """The documents that go, by id; runs of which nothing is left; the documents that stay."""

    documents: dict[int, str]
    runs: list[str]
    stays: list[Stays]


class _Told(NamedTuple):
    """What one document, or file, tells of.

    `due`: of any case that is due; `others`: of others, which are kept until `until`.
    """

    due: bool
    others: bool
    until: dt.date | None


_NOTHING = _Told(False, False, dt.date.min)


def cases_of_submissions(connection: sa.Connection) -> dict[int, set[int]]:
    """The cases that each submission opened, wrote to or amended.

    A submission that did none of it is left out.
    """
    owners: dict[int, set[int]] = {}
    for query in (
        sa.select(t.case.c.id, t.case.c.id),
        sa.select(t.correspondence.c.submission_id, t.correspondence.c.case_id),
        sa.select(t.amendment.c.submission_id, t.amendment.c.case_id),
    ):
        for row, case in connection.execute(query):
            owners.setdefault(row, set()).add(case)
    return owners


class Sharing:
    """Who is told of where. To be made before the names of files are replaced.

    Args:
        connection: the ledger's.
        before: cases closed before this day are due.
        retention: how long after closing a case is kept.
        removed: the documents that were removed earlier.
    """

    def __init__(
        self,
        connection: sa.Connection,
        before: dt.date,
        retention: dt.timedelta,
        removed: Iterable[int],
    ) -> None:
        self._connection = connection
        self._before = before
        self._retention = retention
        self._removed = frozenset(removed)
        self._closed = self._last_closings()
        self._files = self._files_by_name()
        self._cases = {
            id_: (run_id, day)
            for id_, run_id, day in connection.execute(
                sa.select(t.case.c.id, t.case.c.run_id, t.case.c.registered_on)
            )
        }

    def _last_closings(self) -> dict[int, dt.date]:
        """The day on which each closed case was closed."""
        step = t.transition
        last = (
            sa.select(step.c.case_id, sa.func.max(step.c.n).label("n"))
            .group_by(step.c.case_id)
            .subquery()
        )
        newest = sa.and_(last.c.case_id == step.c.case_id, last.c.n == step.c.n)
        query = (
            sa.select(step.c.case_id, step.c.happened_on)
            .join(last, newest)
            .where(step.c.to_state == "closed")
        )
        return {case: dt.date.fromisoformat(day) for case, day in self._connection.execute(query)}

    def _after(self, day: dt.date) -> dt.date:
        """The first day on which something of that day is due."""
        return day + self._retention + dt.timedelta(days=1)

    def _told(self, cases: Iterable[int], due: set[int]) -> _Told:
        found = set(cases)
        others = found - due
        days = [self._closed.get(case) for case in others]
        until = (
            None
            if None in days
            else max((self._after(day) for day in days if day), default=dt.date.min)
        )
        return _Told(bool(found & due), bool(others), until)

    # --- originals --------------------------------------------------------------------

    def originals(
        self, due: set[int], rows: set[int], whole: set[int]
    ) -> tuple[dict[int, str], list[Stays]]:
        """The originals that go, by id; those that hold rows which are due, and others."""
        columns = t.file.c.id, t.file.c.parent_id, t.file.c.archived, t.file.c.sha256, t.run.c.name
        query = sa.select(*columns).join(t.run, t.run.c.id == t.file.c.run_id).order_by(t.file.c.id)
        files = self._connection.execute(query).all()
        self._of_file = self._rows_of_files(due, rows, files)
        goes: dict[int, str] = {}
        stays: list[Stays] = []
        for id_, parent, path, sha256, run in files:
            if parent or not path:
                continue
            told = self._of_file.get(sha256 or str(id_), _NOTHING)
            if id_ in whole:
                goes[id_] = path
            elif told.due:
                stays.append(Stays(id_, path, run, "original", sha256, told.until, True, True))
        return goes, stays

    def _rows_of_files(
        self, due: set[int], rows: set[int], files: Iterable[Any]
    ) -> dict[str, _Told]:
        """What each file tells of, what is inside it included.

        By the sha256 of its bytes, or by its id where that is unknown.
        """
        owners = cases_of_submissions(self._connection)
        roots: dict[int, int] = {}
        keys: dict[int, str] = {}
        for id_, parent, _, sha256, _ in files:
            roots[id_] = roots.get(parent, id_)
            keys[id_] = sha256 or str(id_)
        found: dict[str, _Told] = {}
        told_in = sa.select(t.submission.c.id, t.submission.c.file_id, t.run.c.as_of)
        told_in = told_in.join(t.file, t.file.c.id == t.submission.c.file_id)
        told_in = told_in.join(t.run, t.run.c.id == t.file.c.run_id)
        for row, file_id, as_of in self._connection.execute(told_in):
            told = self._told(owners.get(row, ()), due)
            if row in rows:
                told = told._replace(due=True)
            elif row not in owners:
                told = _Told(False, True, self._after(dt.date.fromisoformat(as_of[:10])))
            for key in {keys[file_id], keys[roots[file_id]]}:
                found[key] = _both(found.get(key, _NOTHING), told)
        return found

    # --- documents --------------------------------------------------------------------

    def documents(self, due: set[int], whole: set[int], about: About) -> Goes:
        """What becomes of the documents of closed runs; `originals` has been asked before."""
        runs = self._connection.execute(
            sa.select(t.run.c.id, t.run.c.name, t.run.c.as_of)
            .where(t.run.c.finished_at.is_not(None))
            .order_by(t.run.c.id)
        ).all()
        newest = sa.select(sa.func.max(t.document.c.run_id)).group_by(t.document.c.kind)
        newest = newest.where(t.document.c.kind.in_(_NEWEST_STAYS))
        kept = {*self._connection.execute(newest).scalars(), *(id_ for id_, *_ in runs[-1:])}
        moved, listed = self._moved(), self._listed(due, runs)
        days: dict[str, set[int]] = {}
        for case, (_, day) in self._cases.items():
            days.setdefault(day, set()).add(case)
        result = Goes({}, [], [])
        documents: dict[int, list[Any]] = {}
        for row in self._connection.execute(
            sa.select(t.document).order_by(t.document.c.id)
        ).mappings():
            documents.setdefault(row["run_id"], []).append(row)
        for run_id, run, as_of in runs:
            is_old = run_id not in kept and as_of[:10] < self._before.isoformat()
            names = (
                about(run)
                if any(row["kind"] == "returned" for row in documents.get(run_id, ()))
                else {}
            )
            quiet: list[Stays] = []
            n_others = 0
            for row in documents.get(run_id, ()):
                path = f"outbox/{run}/{row['path']}"
                if row["id"] in self._removed or row["case_id"] in due:
                    result.documents[row["id"]] = path
                    continue
                file = self._files.get((run_id, names.get(row["path"], "")))
                if row["case_id"] is not None:
                    told = _Told(False, True, None)
                elif row["kind"] == "returned" and file:
                    told = self._of_file.get(file[1], _NOTHING)
                    if file[0] in whole:
                        result.documents[row["id"]] = path
                        continue
                elif row["kind"] == "summary":
                    told = self._told(days.get(row["period"] or "", ()), due)
                elif row["kind"] in _ABOUT_RUN or row["kind"] == "returned":
                    told = self._told(moved.get(run_id, ()), due)
                else:
                    told = _NOTHING if row["kind"] in _ABOUT_NOBODY else listed[run_id]
                if told.due and not told.others and is_old:
                    result.documents[row["id"]] = path
                    continue
                until = told.until
                if told.due and not is_old and until:
                    until = (
                        None
                        if run_id in kept
                        else max(until, self._after(dt.date.fromisoformat(as_of[:10])))
                    )
                is_copy = row["kind"] == "returned" and bool(row["form"])
                one = Stays(
                    row["id"], path, run, row["kind"], row["sha256"], until, told.due, is_copy
                )
                if told.others or told.due:
                    n_others += 1
                    result.stays.append(one)
                else:
                    quiet.append(one)
            has_gone = len(documents.get(run_id, ())) > len(quiet)
            if (
                is_old and not n_others and has_gone
            ):  # what tells of nobody goes with the last of the others
                result.documents.update({one.id: one.path for one in quiet})
                result.runs.append(run)
            else:
                result.stays.extend(quiet)
        return result

    def _moved(self) -> dict[int, set[int]]:
        """The cases that each run has registered, moved, or got a file about."""
        found: dict[int, set[int]] = {}
        about = sa.select(t.file.c.run_id, t.correspondence.c.case_id)
        about = about.join(t.submission, t.submission.c.file_id == t.file.c.id)
        about = about.join(t.correspondence, t.correspondence.c.submission_id == t.submission.c.id)
        for query in (
            sa.select(t.case.c.run_id, t.case.c.id),
            sa.select(t.transition.c.run_id, t.transition.c.case_id).distinct(),
            sa.select(t.amendment.c.run_id, t.amendment.c.case_id),
            about,
        ):
            for run_id, case in self._connection.execute(query):
                found.setdefault(run_id, set()).add(case)
        return found

    def _listed(self, due: set[int], runs: Iterable[Any]) -> dict[int, _Told]:
        """What the lists of each run (tracking ledger, work lists) tell of.

        They tell of all cases that there were by then.

        A case that is due was in it, if it was closed no longer ago than a list may go back.
        """
        ordered = sorted((run_id, case) for case, (run_id, _) in self._cases.items())
        last = dt.date.min
        others = _NOTHING
        at = 0
        found: dict[int, _Told] = {}
        for run_id, _, as_of in runs:
            while at < len(ordered) and ordered[at][0] <= run_id:
                case = ordered[at][1]
                if case in due:
                    last = max(last, self._closed[case])
                else:
                    others = _both(others, self._told([case], due))
                at += 1
            day = dt.date.fromisoformat(as_of[:10])
            found[run_id] = others._replace(due=(day - last).days <= _TOLD_DAYS)
        return found

    def _files_by_name(self) -> dict[tuple[int, str], tuple[int, str]]:
        """The id and the key in `_of_file` of each file, by run and name."""
        columns = t.file.c.run_id, t.file.c.name, t.file.c.id, t.file.c.sha256
        return {
            (run_id, name): (id_, sha256 or str(id_))
            for run_id, name, id_, sha256 in self._connection.execute(sa.select(*columns))
        }


def _both(one: _Told, other: _Told) -> _Told:
    until = None if one.until is None or other.until is None else max(one.until, other.until)
    return _Told(one.due or other.due, one.others or other.others, until)
