"""Replaces personal data of closed cases.

Which texts are personal, and what stands in their place, others decide (`PrivacyRules`); here they
are found and replaced, in one transaction, within which nothing is append-only.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import orjson
import sqlalchemy as sa

from fbbatch import failpoints
from fbbatch.findings import ABOUT_ATTACHMENTS
from fbbatch.ledger import tables as t
from fbbatch.ledger.auditing import ANONYMISE, removed
from fbbatch.ledger.rewriting import rewriting
from fbbatch.ledger.sharing import Goes, Sharing, Stays, cases_of_submissions
from fbbatch.ledger.store import Ledger

_CHUNK = 500

Known = Mapping[str, str]
"""What is known of a person: text → what stands in its place."""


class PrivacyRules(Protocol):
    """What is personal, and what stands in its place.

    What is already replaced comes back as it is.
    """

    def known(self, schema: str, answers: Sequence[Mapping[str, Any]]) -> Known:
        """What the answers of a case tell of the person."""

    def answers(self, schema: str, answers: Mapping[str, Any], known: Known) -> dict[str, Any]:
        """Answers by field id."""

    def changes(self, schema: str, changes: Mapping[str, Any], known: Known) -> dict[str, Any]:
        """What an amendment has changed, field id → [old, new]."""

    def cells(
        self,
        outcome: str,
        schema: str | None,
        columns: Sequence[Sequence[Any]] | None,
        cells: Sequence[Any],
        known: Known,
    ) -> list[Any]:
        """The cells of a row.

        `columns` are [column, field id, header], where it was written down how the sheet was read;
        None where it was not.
        """

    def said(self, schema: str, answers: Sequence[Mapping[str, Any]]) -> Known:
        """What reporters have written in answers."""

    def told_by(
        self, schema: str | None, columns: Sequence[Sequence[Any]] | None, cells: Sequence[Any]
    ) -> tuple[str, list[dict[str, Any]]]:
        """The schema and the answers of a row, one in each."""

    def step(
        self, schema: str, document: str, details: Mapping[str, Any], known: Known
    ) -> dict[str, Any]:
        """The details of a step of a case of that schema, which the form `document` has brought."""

    def waiting(self, kind: str, told: Any, known: Known) -> Any:
        """A form of that kind that waits for a decision, as the judge told it."""

    def remark(self, code: str, details: Mapping[str, Any]) -> dict[str, Any]:
        """The details of a finding."""

    def learn(self, persons: Known, kept: Iterable[str], said: Known) -> None:
        """Learn whom, and whose words, to look for in every text from now on.

        They are looked for besides the person whose text it is; `kept` are those who stay.
        """

    def text(self, text: str, known: Known) -> str:
        """Free text in which the person may be named, or others."""

    def place(self, path: str) -> str:
        """Where an original was that is no longer there."""

    def name(self, path: str) -> str:
        """What a file is called of which nothing else is left."""


_COUNTED = ("cases", "amendments", "steps", "rows", "findings", "files", "waiting")


@dataclass
class Texts:
    """What is to be replaced in documents: text → what stands in its place.

    `persons` and `said` (what they wrote) hold in every document, `names` (of files) and `quotes`
    (what findings quote) in those of one run. `kept` are the texts of people whose cases are not
    due; `kept_said`, `kept_names` and `kept_quotes` likewise.
    """

    persons: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    said: dict[str, str] = field(default_factory=dict)
    kept_said: set[str] = field(default_factory=set)
    names: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    quotes: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    kept_names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    kept_quotes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def words(self) -> dict[str, str]:
        """What only those wrote who are forgotten."""
        return {text: mark for text, mark in self.said.items() if text not in self.kept_said}


class Reprinted(NamedTuple):
    """What was printed again: the new sha256 of documents by id, of manifests by run.

    `gone` are documents that cannot be printed again and go, because another edition stands beside
    them.
    """

    documents: Mapping[int, str]
    manifests: Mapping[str, str]
    gone: Mapping[int, str]


class Outside(Protocol):
    """The folders, as far as the ledger has to know of them."""

    def about(self, run: str) -> Mapping[str, str]:
        """The name of the file that a document of a run is about, by the document's path.

        It is told by the run's manifest.
        """

    def reprint(self, stays: Sequence[Stays], texts: Texts, runs: Iterable[str]) -> Reprinted:
        """Prepare the documents that stay, without the persons.

        What stood there before is still there.

        Args:
            stays: the documents.
            texts: what is to be replaced.
            runs: the runs whose manifest stays.
        """


@dataclass
class Forgotten:
    """How much was replaced; which originals, documents and runs are about nobody else.

    Which documents were printed again; and what stays, because it tells of others, too.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    n_cases: int = 0
    originals: dict[int, str] = field(default_factory=dict)
    documents: dict[int, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    reprinted: Reprinted = field(default_factory=lambda: Reprinted({}, {}, {}))
    stays: list[Stays] = field(default_factory=list)


def forget(
    ledger: Ledger,
    rules: PrivacyRules,
    before: dt.date,
    *,
    retention: dt.timedelta,
    keep: bool,
    at: str,
    outside: Outside | None,
) -> Forgotten:
    """Replace the personal data of closed cases, and of rows that became no case.

    Of cases closed before a day, and of rows in runs before that day.

    Args:
        ledger: the ledger.
        rules: what is personal.
        before: the day.
        retention: how long after closing personal data is kept; tells when the rest can go.
        keep: False to undo all of it at the end (a rehearsal).
        at: the clock, for the record.
        outside: the folders, where originals and documents are handled; that is recorded, too.
    """
    gone = removed(ledger)
    with rewriting(ledger, keep=keep) as connection:
        sharing = Sharing(connection, before, retention, gone["documents"])
        job = _Forgetting(connection, rules, before)
        job.carry_out()
        job.outside(sharing, outside)
        result = job.result
        fresh: dict[str, list[int]] = {"files": [], "documents": []}
        if outside:
            fresh["files"] = sorted(result.originals.keys() - gone["files"])
            fresh["documents"] = sorted(result.documents.keys() - gone["documents"])
            failpoints.reach("reprinted")
        again = sorted(result.reprinted.documents)
        if any(result.counts.values()) or any(fresh.values()) or again:
            told = {"before": before.isoformat(), "counts": result.counts}
            details = orjson.dumps({**told, "removed": fresh, "reprinted": again}).decode()
            connection.execute(t.upkeep.insert().values(at=at, kind=ANONYMISE, details=details))
    if keep:
        failpoints.reach("forgotten")
    return result


def forget_places(ledger: Ledger, rules: PrivacyRules, originals: Iterable[int]) -> None:
    """Forget what removed originals were called, and where what was inside them was."""
    with ledger.writing() as connection:
        for id_ in originals:
            together = sa.or_(t.file.c.id == id_, t.file.c.parent_id == id_)
            for inner, path in connection.execute(
                sa.select(t.file.c.id, t.file.c.archived).where(together)
            ).all():
                if path and (new := rules.place(path)) != path:
                    connection.execute(
                        t.file.update().where(t.file.c.id == inner).values(archived=new)
                    )


def compact(ledger: Ledger) -> None:
    """Write the database file anew, so that nothing that was replaced is left in it.

    Neither between its pages nor in its journal.

    What was written over is zero already (`secure_delete`); should this be interrupted, no text is
    left in free pages.
    """
    with ledger.reading() as connection:
        if connection.dialect.name != "sqlite":
            return
        free = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in (
            "PRAGMA temp_store=FILE",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "VACUUM",
            "PRAGMA wal_checkpoint(TRUNCATE)",
        ):
            free.exec_driver_sql(statement)


class _Forgetting:
    """One rewriting of the ledger."""

    def __init__(self, connection: sa.Connection, rules: PrivacyRules, before: dt.date) -> None:
        self.connection = connection
        self.rules = rules
        self.before = before
        self.result = Forgotten()
        self.texts = Texts()
        self.known_of_row: dict[int, Known] = {}
        self.names_of_file: dict[int, dict[str, str]] = {}
        self.due: set[int] = set()
        self.rows: set[int] = set()
        self.whole: set[int] = set()

    def carry_out(self) -> None:
        cases = self.closed_cases()
        self.result.n_cases = len(cases)
        self.due = set(cases)
        self.rows = self.due_rows(cases)
        self.whole = self.whole_files()
        self.learn_names()
        chunks = [cases[start : start + _CHUNK] for start in range(0, len(cases), _CHUNK)]
        for chunk in chunks:
            self.learn_cases(chunk)
        self.learn_rows()
        self.learn_who_stays()
        self.rules.learn(self.texts.persons, self.texts.kept, self.texts.words())
        for chunk in chunks:
            self.cases(chunk)
        self.likenesses()
        self.waiting()
        self.cells()
        self.findings()
        self.names()

    # --- what is meant ----------------------------------------------------------------

    def closed_cases(self) -> list[int]:
        """The cases whose last step has closed them before the day."""
        step = t.transition.c
        newest = (
            sa.select(step.matter_id, sa.func.max(step.n).label("n"))
            .group_by(step.matter_id)
            .subquery()
        )
        is_last = sa.and_(newest.c.matter_id == step.matter_id, newest.c.n == step.n)
        query = (
            sa.select(step.matter_id)
            .join(t.case, t.case.c.id == step.matter_id)
            .join(newest, is_last)
            .where(
                step.to_state == "closed",
                step.happened_on < self.before.isoformat(),
            )
            .order_by(step.matter_id)
        )
        return list(self.connection.execute(query).scalars())

    def due_rows(self, cases: Sequence[int]) -> set[int]:
        """The submissions of these cases, and old ones that belong to no case.

        Old are those that came in runs before the day.
        """
        chosen = set(cases)
        belongs = cases_of_submissions(self.connection)
        old = (
            sa.select(t.submission.c.id)
            .join(t.file, t.file.c.id == t.submission.c.file_id)
            .join(t.run, t.run.c.id == t.file.c.run_id)
            .where(sa.func.substr(t.run.c.as_of, 1, 10) < self.before.isoformat())
        )
        loose = {row for row in self.connection.execute(old).scalars() if row not in belongs}
        return loose | {row for row, owners in belongs.items() if owners <= chosen}

    def whole_files(self) -> set[int]:
        """The files of which every row, and every row of what is inside them, is forgotten.

        One without any row is as old as its run, unless it holds the bytes of another one.
        """
        kept, forgotten = self.files_by_rows()
        columns = t.file.c.id, t.file.c.parent_id, t.file.c.sha256, t.run.c.as_of
        files = self.connection.execute(_of_files(*columns).order_by(t.file.c.id.desc())).all()
        for file in files:  # what is inside comes after what it is in
            for group in (kept, forgotten):
                if file.parent_id and file.id in group:
                    group.add(file.parent_id)
        kept_bytes = _bytes_of(files, kept)
        forgotten_bytes = _bytes_of(files, forgotten)
        day = self.before.isoformat()
        whole: set[int] = set()
        for file in files:
            is_kept = file.id in kept or file.sha256 in kept_bytes
            is_forgotten = file.id in forgotten or file.sha256 in forgotten_bytes
            if not is_kept and (is_forgotten or file.as_of[:10] < day):
                whole.add(file.id)
        return whole

    def files_by_rows(self) -> tuple[set[int], set[int]]:
        """The files with rows that stay, and those with rows that are forgotten."""
        kept: set[int] = set()
        forgotten: set[int] = set()
        query = sa.select(t.submission.c.id, t.submission.c.file_id)
        for row, file_id in self.connection.execute(query):
            (forgotten if row in self.rows else kept).add(file_id)
        return kept, forgotten

    def learn_names(self) -> None:
        """What forgotten files, and what was in them, were called and are called from now on."""
        file = t.file.c
        columns = (
            file.id,
            file.name,
            file.archived,
            file.parent_id,
            t.run.c.name.label("run"),
        )
        query = _of_files(*columns).order_by(file.id)
        runs: dict[int, str] = {}
        roots: dict[int, int] = {}
        for id_, name, archived, parent, run in self.connection.execute(query).all():
            roots[id_] = roots.get(parent, id_)
            runs[id_] = run
            if id_ in self.whole:
                self.learn_name(roots[id_], run, name)
                if archived and (new := self.rules.place(archived)) != archived:
                    self.texts.names[run][archived] = new
            else:
                self.texts.kept_names[run] |= {name, name.rpartition("/")[2]}
        inside = sa.select(t.finding.c.file_id, t.finding.c.details).where(
            t.finding.c.code.in_(ABOUT_ATTACHMENTS)
        )
        for file_id, details in self.connection.execute(inside).all():
            if file_id in self.whole and (name := orjson.loads(details).get("name")):
                self.learn_name(roots[file_id], runs[file_id], name)
        for id_, root in roots.items():
            if names := self.names_of_file.get(root):
                self.names_of_file[id_] = names

    def learn_name(self, root: int, run: str, name: str) -> None:
        """One name, and its last part: answers name attachments so."""
        names = self.names_of_file.setdefault(root, {})
        for old in {name, name.rpartition("/")[2]}:
            if (new := self.rules.name(old)) != old:
                names[old] = self.texts.names[run][old] = new

    # --- replacing --------------------------------------------------------------------

    def put(self, table: sa.Table, key: Mapping[str, int], what: str, **values: Any) -> None:
        """Replace columns of the one row that has a key, and count it."""
        conditions = [table.c[name] == number for name, number in key.items()]
        self.connection.execute(table.update().where(*conditions).values(**values))
        self.result.counts[what] += 1

    def learn_cases(self, ids: Sequence[int]) -> None:
        """Who the people of some cases are, and which rows are theirs."""
        amended = self.by_case(t.amendment, ids)
        steps = self.by_case(t.transition, ids)
        files = self.files_of_rows(ids)
        for row in self.case_rows(ids):
            case = row["id"]
            changed = amended.get(case, [])
            persons = self.known(row, changed, steps.get(case, []))
            self.texts.persons.update(persons)
            names = self.names_of_file.get(files[case], {})
            known = {**names, **persons}
            self.known_of_row[case] = known
            for amendment in changed:
                self.known_of_row[amendment["submission_id"]] = known
        written = t.correspondence.c.submission_id, t.correspondence.c.matter_id
        letters = sa.select(*written).where(t.correspondence.c.matter_id.in_(ids))
        for row_id, case in self.connection.execute(letters):
            self.known_of_row.setdefault(row_id, self.known_of_row[case])

    def cases(self, ids: Sequence[int]) -> None:
        """Answers, amendments and steps of some cases."""
        amended = self.by_case(t.amendment, ids)
        steps = self.by_case(t.transition, ids)
        for row in self.case_rows(ids):
            case, schema = row["id"], row["schema_id"]
            known = self.known_of_row[case]
            old = orjson.loads(row["answers"])
            new = self.rules.answers(schema, old, known)
            if new != old:
                self.put(t.case, {"id": case}, "cases", answers=_sorted(new))
            for one in amended.get(case, []):
                self.amendment(one, schema, known)
            for one in steps.get(case, []):
                self.step(one, schema, known)
        self.connection.execute(t.kin.delete().where(t.kin.c.case_id.in_(ids)))

    def all_of(self, query: sa.Select[Any]) -> Sequence[Any]:
        """The rows that a query finds, by the names of their columns."""
        return self.connection.execute(query).mappings().all()

    def case_rows(self, ids: Sequence[int]) -> Sequence[Any]:
        """Some cases, as they were registered."""
        return self.all_of(sa.select(t.case).where(t.case.c.id.in_(ids)))

    def by_case(self, table: sa.Table, ids: Sequence[int]) -> dict[int, list[Any]]:
        """The rows of a table about some cases, in their order."""
        found: dict[int, list[Any]] = {}
        key, n = table.primary_key.columns
        query = sa.select(table).where(key.in_(ids)).order_by(key, n)
        for row in self.all_of(query):
            found.setdefault(row[key.name], []).append(row)
        return found

    def files_of_rows(self, ids: Sequence[int]) -> dict[int, int]:
        """The file of each of some rows."""
        query = sa.select(t.submission.c.id, t.submission.c.file_id).where(
            t.submission.c.id.in_(ids)
        )
        return dict(self.connection.execute(query).all())

    def known(self, case: Any, changed: Iterable[Any], steps: Iterable[Any]) -> dict[str, str]:
        """What the answers of a case, as they are and were, and its forms tell of the person.

        What was written in them is learnt: it is added to `texts.said`.
        """
        answers = [orjson.loads(case["answers"])]
        for one in changed:
            answers.append(orjson.loads(one["answers"]))
            answers += _versions(orjson.loads(one["changes"]))
        found: dict[str, str] = {}
        for step in steps:
            details = orjson.loads(step["details"]) if step["details"] else {}
            answers += _versions(details.get("changes", {}))
            if isinstance(told := details.get("answers"), dict):
                found.update(self.rules.known(step["document"], [told]))
                self.texts.said.update(self.rules.said(step["document"], [told]))
        self.texts.said.update(self.rules.said(case["schema_id"], answers))
        return {**found, **self.rules.known(case["schema_id"], answers)}

    def amendment(self, row: Mapping[str, Any], schema: str, known: Known) -> None:
        answers, changes = orjson.loads(row["answers"]), orjson.loads(row["changes"])
        new_answers = self.rules.answers(schema, answers, known)
        new_changes = self.rules.changes(schema, changes, known)
        if (new_answers, new_changes) != (answers, changes):
            self.put(
                t.amendment,
                {"case_id": row["case_id"], "n": row["n"]},
                "amendments",
                answers=_sorted(new_answers),
                changes=_sorted(new_changes),
            )

    def step(self, row: Mapping[str, Any], schema: str, known: Known) -> None:
        old = orjson.loads(row["details"]) if row["details"] else {}
        new = self.rules.step(schema, row["document"], old, known)
        if new != old:
            self.put(
                t.transition,
                {"matter_id": row["matter_id"], "n": row["n"]},
                "steps",
                details=_plain(new),
            )

    def likenesses(self) -> None:
        """Why cases may be the same matter."""
        for row in self.all_of(sa.select(t.likeness)):
            pair = row["other_id"], row["case_id"]
            known: dict[str, str] = {}
            for case in pair:
                known.update(self.known_of_row.get(case, {}))
            old = row["details"]
            new = self.rules.text(old, known) if known else old
            if new != old:
                key = [t.likeness.c.case_id == pair[1], t.likeness.c.other_id == pair[0]]
                self.connection.execute(t.likeness.update().where(*key).values(details=new))

    def waiting(self) -> None:
        """Forms of these cases about which a person had to decide."""
        for row in self.all_of(sa.select(t.waiting_form)):
            case = row["matter_id"]
            if case in self.due:
                old = orjson.loads(row["told"])
                known = self.known_of_row.get(case, {})
                new = self.rules.waiting(row["form"], old, known)
                if new != old:
                    self.put(t.waiting_form, {"id": row["id"]}, "waiting", told=_plain(new))

    def each_row(self) -> Iterator[tuple[Any, str | None, list[Any] | None, list[Any]]]:
        """Everything that was submitted, row by row.

        Each as (row, the schema by which it was read, its columns, its cells).
        """
        sheets = {(row["file_id"], row["name"]): row for row in self.all_of(sa.select(t.sheet))}
        last = self.connection.execute(sa.select(sa.func.max(t.submission.c.id))).scalar() or 0
        for start in range(0, last + 1, _CHUNK):
            query = sa.select(t.submission).where(
                t.submission.c.id.between(start, start + _CHUNK - 1)
            )
            for row in self.all_of(query):
                sheet = sheets.get((row["file_id"], row["sheet"]))
                schema = columns = None
                if sheet:
                    schema = sheet["schema_id"]
                    columns = orjson.loads(sheet["columns"])
                if row["outcome"] == "step":
                    schema = row["sheet"]
                yield row, schema, columns, orjson.loads(row["cells"])

    def learn_rows(self) -> None:
        """Whom rows tell of that are no case's own: forgotten rows, and rows that stay."""
        owned = set(self.connection.execute(sa.select(t.case.c.id)).scalars())
        for row, schema, columns, cells in self.each_row():
            read_as, answers = self.rules.told_by(schema, columns, cells)
            persons = self.rules.known(read_as, answers)
            said = self.rules.said(read_as, answers)
            if row["id"] not in self.rows:
                self.texts.kept.update(persons)
                self.texts.kept_said.update(said)
            else:
                self.texts.persons.update(persons if row["id"] not in owned else {})
                self.texts.said.update(said)

    def cells(self) -> None:
        """The raw cells of rows."""
        for row, schema, columns, cells in self.each_row():
            if row["id"] in self.rows:
                known = self.known_of_row.get(row["id"], {})
                new = self.rules.cells(row["outcome"], schema, columns, cells, known)
                if new != cells:
                    self.put(t.submission, {"id": row["id"]}, "rows", cells=_plain(new))

    def findings(self) -> None:
        """What was found in these rows, and about files of which nothing else is left."""
        query = _of_files(t.file.c.id, t.run.c.name)
        runs: dict[int, str] = dict(self.connection.execute(query).all())
        places = self.places_of_rows()
        firsts = self.first_names()
        for finding in self.all_of(sa.select(t.finding)):
            file_id, code = finding["file_id"], finding["code"]
            run = runs[file_id]
            old = orjson.loads(finding["details"])
            new = dict(old)
            place = (file_id, finding["sheet"] or "", finding["row"])
            if file_id in self.whole or place in places:
                new = self.rules.remark(code, old)
            first = old.get("first")
            name = firsts.get(file_id, {}).get(first)
            if code == "FB-same-file" and name is not None:
                new["first"] = name
                self.texts.names[run][first] = name
            self.learn_quotes(run, old, new)
            if new != old:
                self.put(t.finding, {"id": finding["id"]}, "findings", details=_plain(new))

    def learn_quotes(self, run: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """What a finding quotes, as the documents of its run show it."""
        kept = self.texts.kept_quotes[run]
        for name, value in old.items():
            if new[name] == value:
                kept.add(str(value))
            else:
                self.texts.quotes[run][str(value)] = str(new[name])

    def places_of_rows(self) -> set[tuple[int, str, int]]:
        """Where the rows are that are forgotten: file, sheet and row."""
        row = t.submission.c
        query = sa.select(row.id, row.file_id, row.sheet, row.row)
        return {
            (file_id, sheet or "", number)
            for id_, file_id, sheet, number in self.connection.execute(query)
            if id_ in self.rows
        }

    def first_names(self) -> dict[int, dict[str, str]]:
        """For files with the bytes of a forgotten one: that one's old name and its new one.

        By file id: what it was called → what it is called from now on.
        """
        file = t.file.c
        query = sa.select(file.id, file.name, file.sha256).where(file.sha256 != "")
        files = self.connection.execute(query).all()
        names: dict[str, dict[str, str]] = {}
        for id_, name, sha256 in files:
            if id_ in self.whole:
                names.setdefault(sha256, {})[name] = self.rules.name(name)
        return {id_: names[sha256] for id_, _, sha256 in files if sha256 in names}

    def names(self) -> None:
        """The names of the files.

        In the name of a file that others are in, too, only what names the person is replaced. Where
        an original is, stays.
        """
        rows: dict[int, dict[str, str]] = {}
        came = sa.select(t.submission.c.id, t.submission.c.file_id)
        for row, file_id in self.connection.execute(came):
            if row in self.rows:
                known = self.known_of_row.get(row, {})
                rows.setdefault(file_id, {}).update(known)
        query = _of_files(t.file.c.id, t.file.c.name, t.run.c.name)
        for id_, name, run in self.connection.execute(query).all():
            if id_ in self.whole:
                new = self.rules.name(name)
            else:
                new = self.rules.text(name, rows.get(id_, {}))
            if new != name:
                self.texts.names[run][name] = new
                self.put(t.file, {"id": id_}, "files", name=new)

    # --- what else there is -----------------------------------------------------------

    def outside(self, sharing: Sharing, outside: Outside | None) -> None:
        """What becomes of originals and documents.

        Those that are about nobody but the people of these cases go; the other documents are
        printed again.
        """
        result = self.result
        result.originals, shared = sharing.originals(self.due, self.rows, self.whole)
        goes = sharing.documents(self.due, self.whole, outside.about if outside else _nothing)
        result.documents, result.runs = dict(goes.documents), list(goes.runs)
        if outside:
            result.reprinted = self.reprint(outside, goes)
            result.documents |= result.reprinted.gone
        gone = result.reprinted.gone
        result.stays = [
            *shared,
            *(one for one in goes.stays if one.tells_of_due and one.id not in gone),
        ]

    def reprint(self, outside: Outside, goes: Goes) -> Reprinted:
        """Have the documents that stay printed again, and write down their new sha256."""
        runs = {one.run for one in goes.stays}
        done = outside.reprint(goes.stays, self.texts, sorted(runs))
        for id_, sha256 in done.documents.items():
            self.connection.execute(
                t.document.update().where(t.document.c.id == id_).values(sha256=sha256)
            )
        for run, sha256 in done.manifests.items():
            self.connection.execute(
                t.run.update().where(t.run.c.name == run).values(manifest_sha256=sha256)
            )
        return done

    def learn_who_stays(self) -> None:
        """What cases that are not due tell of their people: in texts and documents it stays."""
        query = sa.select(t.case.c.id, t.case.c.schema_id, t.case.c.answers)
        schemas: dict[int, str] = {}
        for id_, schema, answers in self.connection.execute(query):
            if id_ not in self.due:
                schemas[id_] = schema
                self.learn_stays(schema, orjson.loads(answers))
        amended = sa.select(t.amendment.c.case_id, t.amendment.c.answers)
        for id_, answers in self.connection.execute(amended):
            if schema := schemas.get(id_):
                self.learn_stays(schema, orjson.loads(answers))

    def learn_stays(self, schema: str, answers: Mapping[str, Any]) -> None:
        texts, rules = self.texts, self.rules
        texts.kept.update(rules.known(schema, [answers]))
        texts.kept_said.update(rules.said(schema, [answers]))


def _of_files(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Columns of files and of the runs in which they came."""
    return sa.select(*columns).join(t.run, t.run.c.id == t.file.c.run_id)


def _bytes_of(files: Iterable[Any], ids: Container[int]) -> set[str]:
    """The sha256 of those of the files that have one of these ids."""
    return {file.sha256 for file in files if file.id in ids and file.sha256}


def _nothing(run: str) -> Mapping[str, str]:
    del run
    return {}


def _versions(changes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """The old and the new answers of what was changed."""
    old = {name: pair[0] for name, pair in changes.items()}
    new = {name: pair[1] for name, pair in changes.items()}
    return [old, new]


def _plain(value: Any) -> str:
    return orjson.dumps(value).decode()


def _sorted(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
