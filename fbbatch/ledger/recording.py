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


class FileRecorder:
    """Takes the judged chunks of one file within one transaction; `outcome` closes it."""

    def __init__(self, connection: sa.Connection, *, run_id: int, as_of: dt.datetime, name: str, sha256: str, size: int) -> None:
        self._connection = connection
        self._run_id = run_id
        self._today = as_of.date().isoformat()
        self._now = as_of.isoformat()
        self._name, self._sha256, self._size = name, sha256, size
        self._findings: list[Finding] = []
        self._prints: list[tuple[str, int, int]] = []
        self._counts = {"rows": 0, "accepted": 0, "returned": 0, "duplicate": 0, "set_aside": 0}
        self._schemas: dict[str, None] = {}
        self._file_id = self._next_id(t.file)
        self._submission_id = self._next_id(t.submission)
        self._serial = self._last_serial()
        self._prefix = f"FB-{as_of:%Y%m%d}-"
        self._insert_file()

    def _next_id(self, table: sa.Table) -> int:
        return int(self._connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))).scalar_one()) + 1

    def _last_serial(self) -> int:
        query = sa.select(t.case.c.number).where(t.case.c.registered_on == self._today).order_by(t.case.c.id.desc()).limit(1)
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
        for start in range(0, len(keys), _LOOKUP):
            some = [key[0] for key in keys[start : start + _LOOKUP]]
            query = (
                sa.select(f.fingerprint, f.occurrence, t.case.c.number)
                .join(t.case, t.case.c.id == f.submission_id)
                .where(f.fingerprint.in_(some))
            )
            found |= {(fingerprint, occurrence): number for fingerprint, occurrence, number in self._connection.execute(query)}
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
        """Rows are (row, cells, values, fingerprint, occurrence, channel, kind, type, severity, evidence, department, due, details)."""
        run, today, now, prefix = self._run_id, self._today, self._now, self._prefix
        serial, self._serial = self._serial + 1, self._serial + len(rows)
        n = len(rows)
        self._bulk(
            t.case,
            ((i, f"{prefix}{i - first + serial:04d}", run, schema, source, r[5], today, r[2]) for i, r in enumerate(rows, first)),
            n,
        )
        self._bulk(t.classification, ((i, 1, run, r[6], r[7], r[8], "rules", r[9]) for i, r in enumerate(rows, first)), n)
        registered = sa.select(
            t.case.c.id, sa.literal(1), sa.literal(run), sa.literal("registered"), sa.literal("register"), sa.literal("batch"),
            sa.literal(today), sa.literal(now),
        ).where(t.case.c.id >= first, t.case.c.id < first + n)  # fmt: skip
        self._connection.execute(
            t.transition.insert().from_select(
                ["case_id", "n", "run_id", "to_state", "document", "by_whom", "happened_on", "recorded_at"], registered
            )
        )
        self._bulk(
            t.transition,
            ((i, 2, run, "assigned", "assignment_rules", "rules", today, now, r[10], r[11], r[12]) for i, r in enumerate(rows, first)),
            n,
        )
        self._prints += [(r[3], r[4], i) for i, r in enumerate(rows, first)]

    def _bulk(self, table: sa.Table, rows: Iterable[tuple[Any, ...]], n_rows: int) -> None:
        """Insert many rows, all columns in the table's order; at the driver's speed where it counts by position."""
        if not n_rows:
            return
        if self._connection.dialect.paramstyle == "qmark":
            marks = ", ".join("?" * len(table.c))
            names = ", ".join(f'"{column.name}"' for column in table.c)
            cursor = self._connection.connection.cursor()
            cursor.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)  # noqa: S608 - our own names
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
        self._bulk(t.fingerprint, sorted(self._prints), len(self._prints))
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
