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


class _Contents(NamedTuple):
    """Of whose cases one document, or file, tells.

    Of any that is due; of others, the last of which can go on the day `until`.
    """

    tells_of_due: bool
    tells_of_others: bool
    until: dt.date | None

    @property
    def tells_only_of_due(self) -> bool:
        """True for what tells of nobody who is to be kept."""
        return self.tells_of_due and not self.tells_of_others

    @property
    def tells_of_nobody(self) -> bool:
        """True for what tells of no case at all."""
        return not self.tells_of_due and not self.tells_of_others


_NOTHING = _Contents(False, False, dt.date.min)


class _File(NamedTuple):
    """A file, and the key under which it is known what it tells of."""

    id: int
    key: str


class _ClosedRun(NamedTuple):
    """A closed run and its documents.

    `is_shown` is true where `outbox/latest` may show its documents; `is_old` where they can go.
    """

    id: int
    name: str
    day: dt.date
    is_shown: bool
    is_old: bool
    documents: list[Any]

    def path(self, document: Any) -> str:
        """Where a document of the run is, below the workspace."""
        return f"outbox/{self.name}/{document['path']}"


class _Lists(NamedTuple):
    """What the documents that list cases tell of.

    `moved`: the cases that each run has moved; `listed`: what its other lists tell of;
    `registered`: the cases of each day.
    """

    moved: dict[int, set[int]]
    listed: dict[int, _Contents]
    registered: dict[str, set[int]]


def cases_of_submissions(connection: sa.Connection) -> dict[int, set[int]]:
    """The cases that each submission opened, wrote to or amended.

    A submission that did none of it is left out.
    """
    owners: dict[int, set[int]] = {}
    for query in (
        sa.select(t.case.c.id, t.case.c.id),
        sa.select(t.correspondence.c.submission_id, t.correspondence.c.matter_id),
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
            sa.select(step.c.matter_id, sa.func.max(step.c.n).label("n"))
            .group_by(step.c.matter_id)
            .subquery()
        )
        newest = sa.and_(last.c.matter_id == step.c.matter_id, last.c.n == step.c.n)
        query = (
            sa.select(step.c.matter_id, step.c.happened_on)
            .join(last, newest)
            .join(t.case, t.case.c.id == step.c.matter_id)
            .where(step.c.to_state == "closed")
        )
        return {case: dt.date.fromisoformat(day) for case, day in self._connection.execute(query)}

    def _after(self, day: dt.date) -> dt.date:
        """The first day on which something of that day is due."""
        return day + self._retention + dt.timedelta(days=1)

    def _contents(self, cases: Iterable[int], due: set[int]) -> _Contents:
        """What something tells of that is about these cases."""
        named = set(cases)
        others = named - due
        closings = [self._closed[case] for case in others if case in self._closed]
        all_closed = len(closings) == len(others)
        until = max(map(self._after, closings), default=dt.date.min) if all_closed else None
        return _Contents(bool(named & due), bool(others), until)

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
            contents = self._of_file.get(sha256 or str(id_), _NOTHING)
            if id_ in whole:
                goes[id_] = path
            elif contents.tells_of_due:
                stays.append(Stays(id_, path, run, "original", sha256, contents.until, True, True))
        return goes, stays

    def _rows_of_files(
        self, due: set[int], rows: set[int], files: Iterable[Any]
    ) -> dict[str, _Contents]:
        """What each file tells of, what is inside it included.

        By the sha256 of its bytes, or by its id where that is unknown.
        """
        owners = cases_of_submissions(self._connection)
        roots: dict[int, int] = {}
        keys: dict[int, str] = {}
        for id_, parent, _, sha256, _ in files:
            roots[id_] = roots.get(parent, id_)
            keys[id_] = sha256 or str(id_)
        result: dict[str, _Contents] = {}
        query = sa.select(t.submission.c.id, t.submission.c.file_id, t.run.c.as_of)
        query = query.join(t.file, t.file.c.id == t.submission.c.file_id)
        query = query.join(t.run, t.run.c.id == t.file.c.run_id)
        for row, file_id, as_of in self._connection.execute(query):
            contents = self._contents(owners.get(row, ()), due)
            if row in rows:
                contents = contents._replace(tells_of_due=True)
            elif row not in owners:
                day = dt.date.fromisoformat(as_of[:10])
                contents = _Contents(False, True, self._after(day))
            for key in {keys[file_id], keys[roots[file_id]]}:
                result[key] = _both(result.get(key, _NOTHING), contents)
        return result

    # --- documents --------------------------------------------------------------------

    def documents(self, due: set[int], whole: set[int], about: About) -> Goes:
        """What becomes of the documents of closed runs; `originals` has been asked before."""
        runs = self._closed_runs()
        lists = _Lists(self._moved(), self._listed(due, runs), self._registered())
        result = Goes({}, [], [])
        for run in runs:
            files = self._files_returned(run, about)
            telling: list[Stays] = []
            silent: list[Stays] = []
            for document in run.documents:
                id_, file = document["id"], files.get(document["id"])
                if self._is_forgotten(document, due) or (file and file.id in whole):
                    result.documents[id_] = run.path(document)
                    continue
                contents = self._contents_of(document, file, due, lists)
                if run.is_old and contents.tells_only_of_due:
                    result.documents[id_] = run.path(document)
                    continue
                group = silent if contents.tells_of_nobody else telling
                group.append(self._stays(document, run, contents))
            some_go = len(telling) + len(silent) < len(run.documents)
            result.stays.extend(telling)
            if run.is_old and some_go and not telling:
                # what tells of nobody goes with the last of the others
                result.documents.update({document.id: document.path for document in silent})
                result.runs.append(run.name)
            else:
                result.stays.extend(silent)
        return result

    def _closed_runs(self) -> list[_ClosedRun]:
        """The closed runs with their documents, oldest first."""
        runs = self._connection.execute(
            sa.select(t.run.c.id, t.run.c.name, t.run.c.as_of)
            .where(t.run.c.finished_at.is_not(None))
            .order_by(t.run.c.id)
        ).all()
        newest = sa.select(sa.func.max(t.document.c.run_id)).group_by(t.document.c.kind)
        newest = newest.where(t.document.c.kind.in_(_NEWEST_STAYS))
        shown = set(self._connection.execute(newest).scalars())
        shown.update(id_ for id_, _, _ in runs[-1:])
        documents: dict[int, list[Any]] = {}
        every = sa.select(t.document).order_by(t.document.c.id)
        for document in self._connection.execute(every).mappings():
            documents.setdefault(document["run_id"], []).append(document)
        result: list[_ClosedRun] = []
        for id_, name, as_of in runs:
            day = dt.date.fromisoformat(as_of[:10])
            is_shown = id_ in shown
            is_old = day < self._before and not is_shown
            result.append(_ClosedRun(id_, name, day, is_shown, is_old, documents.get(id_, [])))
        return result

    def _files_returned(self, run: _ClosedRun, about: About) -> dict[int, _File]:
        """The file that each document is about by which a run has returned one; by document id."""
        returned = [document for document in run.documents if document["kind"] == "returned"]
        if not returned:
            return {}
        names = about(run.name)
        files: dict[int, _File] = {}
        for document in returned:
            file = self._files.get((run.id, names.get(document["path"], "")))
            if file and document["matter_id"] is None:
                files[document["id"]] = file
        return files

    def _is_forgotten(self, document: Any, due: set[int]) -> bool:
        """True for a document that was removed earlier, or is about a case that is due."""
        return document["id"] in self._removed or document["matter_id"] in due

    def _contents_of(
        self, document: Any, file: _File | None, due: set[int], lists: _Lists
    ) -> _Contents:
        """What a document tells of: by its case, the file it returns, or its kind."""
        kind, run_id = document["kind"], document["run_id"]
        if document["matter_id"] is not None:
            return _Contents(False, True, None)
        if file:
            return self._of_file.get(file.key, _NOTHING)
        if kind == "summary":
            return self._contents(lists.registered.get(document["period"] or "", ()), due)
        if kind == "returned" or kind in _ABOUT_RUN:
            return self._contents(lists.moved.get(run_id, ()), due)
        return _NOTHING if kind in _ABOUT_NOBODY else lists.listed[run_id]

    def _stays(self, document: Any, run: _ClosedRun, contents: _Contents) -> Stays:
        return Stays(
            id=document["id"],
            path=run.path(document),
            run=run.name,
            kind=document["kind"],
            sha256=document["sha256"],
            until=self._stays_until(run, contents),
            tells_of_due=contents.tells_of_due,
            is_copy=document["kind"] == "returned" and bool(document["form"]),
        )

    def _stays_until(self, run: _ClosedRun, contents: _Contents) -> dt.date | None:
        """When a document of a run can go: with the others it tells of, and once it is old."""
        if contents.until is None or not contents.tells_of_due or run.is_old:
            return contents.until
        return None if run.is_shown else max(contents.until, self._after(run.day))

    def _registered(self) -> dict[str, set[int]]:
        """The cases that were registered on each day."""
        days: dict[str, set[int]] = {}
        for case, (_, day) in self._cases.items():
            days.setdefault(day, set()).add(case)
        return days

    def _moved(self) -> dict[int, set[int]]:
        """The cases that each run has registered, moved, or got a file about."""
        found: dict[int, set[int]] = {}
        about = sa.select(t.file.c.run_id, t.correspondence.c.matter_id)
        about = about.join(t.submission, t.submission.c.file_id == t.file.c.id)
        about = about.join(t.correspondence, t.correspondence.c.submission_id == t.submission.c.id)
        for query in (
            sa.select(t.case.c.run_id, t.case.c.id),
            sa.select(t.transition.c.run_id, t.transition.c.matter_id).distinct(),
            sa.select(t.amendment.c.run_id, t.amendment.c.case_id),
            about,
        ):
            for run_id, case in self._connection.execute(query):
                found.setdefault(run_id, set()).add(case)
        return found

    def _listed(self, due: set[int], runs: Iterable[_ClosedRun]) -> dict[int, _Contents]:
        """What the lists of each run (tracking ledger, work lists) tell of.

        They tell of all cases that there were by then.

        A case that is due was in it, if it was closed no longer ago than a list may go back.
        """
        ordered = sorted((run_id, case) for case, (run_id, _) in self._cases.items())
        last = dt.date.min
        others = _NOTHING
        at = 0
        result: dict[int, _Contents] = {}
        for run in runs:
            while at < len(ordered) and ordered[at][0] <= run.id:
                case = ordered[at][1]
                if case in due:
                    last = max(last, self._closed[case])
                else:
                    others = _both(others, self._contents([case], due))
                at += 1
            is_listed = (run.day - last).days <= _TOLD_DAYS
            result[run.id] = others._replace(tells_of_due=is_listed)
        return result

    def _files_by_name(self) -> dict[tuple[int, str], _File]:
        """The files, by run and name."""
        columns = t.file.c.run_id, t.file.c.name, t.file.c.id, t.file.c.sha256
        return {
            (run_id, name): _File(id_, sha256 or str(id_))
            for run_id, name, id_, sha256 in self._connection.execute(sa.select(*columns))
        }


def _both(first: _Contents, second: _Contents) -> _Contents:
    """What two things tell of together."""
    is_due = first.tells_of_due or second.tells_of_due
    has_others = first.tells_of_others or second.tells_of_others
    if first.until is None or second.until is None:
        return _Contents(is_due, has_others, None)
    return _Contents(is_due, has_others, max(first.until, second.until))
