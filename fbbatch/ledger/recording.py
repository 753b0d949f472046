"""Recording one file: its submissions, findings, cases, classifications and first transitions, in bulk."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from fbbatch.findings import finding
from fbbatch.ledger import tables as t
from fbbatch.model import Finding

_LOOKUP = 500
_FINGERPRINTS = sa.select(t.fingerprint.c.fingerprint, t.fingerprint.c.occurrence, t.case.c.number).join(
    t.case, t.case.c.id == t.fingerprint.c.submission_id
)
_STEP = ("case_id", "n", "run_id", "to_state", "document", "by_whom", "happened_on", "recorded_at")


class FileRecorder:
    """Takes the judged chunks of one file within one transaction; `outcome` closes it."""

    def __init__(self, connection: sa.Connection, *, run_id: int, as_of: dt.datetime, name: str, sha256: str, size: int) -> None:
        self._connection = connection
        self._run_id = run_id
        self._day = as_of.date()
        self._today = self._day.isoformat()
        self._now = as_of.isoformat()
        self._name, self._sha256, self._size = name, sha256, size
        self._findings: list[Finding] = []
        self._counts = {"rows": 0, "accepted": 0, "returned": 0, "duplicate": 0, "set_aside": 0}
        self._schemas: dict[str, None] = {}
        self._file_id = self._next_id(t.file)
        self._submission_id = self._next_id(t.submission)
        self._ruling_id = self._ruling_base = self._next_id(t.ruling)
        self._ruling_sheet = ""
        self._serial = self._last_serial()
        self._prefix = t.number_prefix(self._day)
        self._insert_file()

    def _next_id(self, table: sa.Table) -> int:
        return int(self._connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))).scalar_one()) + 1

    def _last_serial(self) -> int:
        query = sa.select(t.case.c.number).where(t.numbered_on(self._day)).order_by(t.case.c.id.desc()).limit(1)
        number = self._connection.execute(query).scalar()
        return int(number.rsplit("-", 1)[1]) if number else 0

    def _insert_file(self) -> None:
        self._connection.execute(
            t.file.insert().values(
                id=self._file_id,
                run_id=self._run_id,
                name=self._name,
                sha256=self._sha256,
                size=self._size,
                outcome="open",
                **self._counts,
            )
        )

    # --- chunks --------------------------------------------------------------------------------------------

    def take(self, chunk: dict[str, Any], *, schema: str, source: str) -> None:
        """Record a chunk as `fbbatch.judge` hands it out; rows that the ledger already has are duplicates."""
        self._schemas[schema] = None
        self.note(Finding(*f) for f in chunk["findings"])
        known = self._known([(row[3], row[4]) for row in chunk["rows"]])
        if known:
            fresh = [row for row in chunk["rows"] if (row[3], row[4]) not in known]
            again = [row for row in chunk["rows"] if (row[3], row[4]) in known]
            self.note(finding("FB-same-row", sheet=chunk["sheet"] or None, row=row[0], case=known[row[3], row[4]]) for row in again)
            self._submissions(chunk["sheet"], "duplicate", [(row[0], row[1]) for row in again])
        else:
            fresh = chunk["rows"]
        self._submissions(chunk["sheet"], "returned", chunk["returned"])
        if chunk["sheet"] != self._ruling_sheet:  # a sheet numbers its rulings from 0
            self._ruling_sheet, self._ruling_base = chunk["sheet"], self._ruling_id
        self._rulings(chunk["rulings"])
        first = self._submission_id
        self._submissions(chunk["sheet"], "accepted", [(row[0], row[1]) for row in fresh])
        self._cases(first, fresh, schema, source)

    def note(self, findings: Iterable[Finding]) -> None:
        """Keep findings about the file."""
        self._findings.extend(findings)

    def _known(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
        """The fingerprints that the ledger already has, with the case each of them opened."""
        found: dict[tuple[str, int], str] = {}
        f = t.fingerprint.c
        wanted = [bytes.fromhex(key[0]) for key in keys]
        for start in range(0, len(wanted), _LOOKUP):
            query = _FINGERPRINTS.where(f.fingerprint.in_(wanted[start : start + _LOOKUP]))
            found |= {(fingerprint.hex(), occurrence): number for fingerprint, occurrence, number in self._connection.execute(query)}
        return found

    def _submissions(self, sheet: str, outcome: str, rows: Sequence[Sequence[Any]]) -> None:
        first, self._submission_id = self._submission_id, self._submission_id + len(rows)
        self._bulk(
            t.submission,
            ((i, self._file_id, sheet, row, outcome, cells) for i, (row, cells) in enumerate(rows, first)),
            len(rows),
        )
        self._counts[outcome] += len(rows)

    def _cases(self, first: int, rows: Sequence[Sequence[Any]], schema: str, source: str) -> None:
        """Rows are (row, cells, answers, fingerprint, occurrence, channel, number of the ruling)."""
        if not rows:
            return
        run, today, now, prefix = self._run_id, self._today, self._now, self._prefix
        serial, self._serial = self._serial + 1 - first, self._serial + len(rows)
        n, base = len(rows), self._ruling_base
        ids = range(first, first + n)
        self._bulk(
            t.case, [(i, f"{prefix}{i + serial:04d}", run, schema, source, r[5], today, r[2]) for i, r in zip(ids, rows, strict=True)], n
        )
        self._bulk(t.classification, [(i, 1, run, "rules", base + r[6]) for i, r in zip(ids, rows, strict=True)], n)
        step = [sa.literal(value) for value in ("register", "batch", today, now)]
        registered = sa.select(t.case.c.id, sa.literal(1), sa.literal(run), sa.literal("registered"), *step).where(t.case.c.id >= first)
        self._connection.execute(t.transition.insert().from_select([*_STEP], registered))
        step = [sa.literal(value) for value in ("assignment_rules", "rules", today, now)]
        assigned = (
            sa.select(
                t.classification.c.case_id, sa.literal(2), sa.literal(run), sa.literal("assigned"), *step,
                t.ruling.c.department, t.ruling.c.due_on, t.ruling.c.details,
            )
            .join(t.ruling, t.ruling.c.id == t.classification.c.ruling_id)
            .where(t.classification.c.case_id >= first)
        )  # fmt: skip
        self._connection.execute(t.transition.insert().from_select([*_STEP, "department", "due_on", "details"], assigned))
        prints = sorted((bytes.fromhex(r[3]), r[4], i) for i, r in zip(ids, rows, strict=True))
        self._bulk(t.fingerprint, prints, n)

    def _rulings(self, rulings: Sequence[Sequence[Any]]) -> None:
        first, self._ruling_id = self._ruling_id, self._ruling_id + len(rulings)
        self._bulk(t.ruling, ((i, *ruling) for i, ruling in enumerate(rulings, first)), len(rulings))

    def _bulk(self, table: sa.Table, rows: Iterable[tuple[Any, ...]], n_rows: int) -> None:
        """Insert many rows, all columns in the table's order; at the driver's speed where it counts by position."""
        if not n_rows:
            return
        if self._connection.dialect.paramstyle == "qmark":
            marks = ", ".join("?" * len(table.c))
            names = ", ".join(f'"{column.name}"' for column in table.c)
            cursor = self._connection.connection.cursor()
            cursor.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)  # type: ignore[arg-type]  # noqa: S608 - our own names; any iterable will do
            return
        self._connection.execute(table.insert(), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])

    # --- the end -------------------------------------------------------------------------------------------

    def outcome(self, code: str | None = None, outcome: str | None = None, *, rows: int | None = None,
                archive: Callable[[str], str] | None = None) -> None:  # fmt: skip
        """Close the file's record.

        Args:
            code: the finding that decided the whole file, if one did.
            outcome: the outcome, where it does not follow from the counts.
            rows: rows of an identical earlier file, all of them duplicates.
            archive: outcome → where the original will go; None: it stays in the inbox.
        """
        if rows is not None:
            self._counts["duplicate"] = rows
        counts = self._counts
        counts["rows"] = counts["accepted"] + counts["returned"] + counts["duplicate"] + counts["set_aside"]
        outcome = outcome or _outcome(counts)
        schema = next(iter(self._schemas), None)
        next_id = self._next_id(t.finding)
        self._bulk(
            t.finding,
            ((i, self._file_id, f.code, f.severity, f.sheet, f.row, f.column, f.field, orjson.dumps(dict(f.details)).decode()) for i, f in enumerate(self._findings, next_id)),
            len(self._findings),
        )  # fmt: skip
        self._connection.execute(t.file.update().where(t.file.c.id == self._file_id).values(
            schema_id=schema, outcome=outcome, code=code, archived=archive(outcome) if archive else None, **counts))  # fmt: skip


def _outcome(counts: dict[str, int]) -> str:
    if not counts["rows"] or counts["rows"] == counts["accepted"]:
        return "accepted"
    if counts["rows"] == counts["duplicate"]:
        return "duplicate"
    if counts["rows"] == counts["set_aside"]:
        return "set_aside"
    if not counts["accepted"] and not counts["duplicate"]:
        return "returned"
    return "partly" if counts["returned"] or counts["set_aside"] else "accepted"
