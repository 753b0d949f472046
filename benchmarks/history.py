"""A run over 1,000 new rows with 200,000 closed cases in the ledger.

It is measured against the same run on an empty ledger.
"""

import datetime as dt
import shutil
import tempfile
from pathlib import Path

import sqlalchemy as sa

from benchmarks.measure import seconds
from benchmarks.samples import AS_OF, questionnaire, workshop
from fbbatch import batch, inbox
from fbbatch.intake import Taking
from fbbatch.steps import Rules, Steps
from fbbatch.workspace import Workspace

OLD, NEW = 200_000, 1_000


def full_ledger(folder: Path, scratch: Path) -> None:
    """A workspace with `OLD` cases of earlier years, all closed."""
    shop = workshop(folder)
    ledger = shop.ledger()
    place = scratch / "customer"
    place.mkdir()
    for part in range(2):
        moment = AS_OF - dt.timedelta(days=200 - part)
        record = ledger.begin_run(moment, started_at=moment, version="bench")
        path = questionnaire(place / f"old{part}.xlsx", OLD // 2, seed=100 + part)
        shifted = Workspace(shop.folder, shop.settings, _later(shop.book), shop.templates)
        Taking(
            shifted,
            ledger,
            record,
            Steps(Rules(shifted.book, record, shifted.settings, shifted.codes)),
        ).take(inbox.claim_one(path))
        ledger.record_documents(record, [], {}, [moment.date()])
        ledger.close_run(record, moment)
    with ledger.writing() as connection:
        columns = "case_id, n, run_id, to_state, document, by_whom, happened_on, recorded_at"
        moment = AS_OF - dt.timedelta(days=100)
        connection.execute(
            sa.text(
                f"INSERT INTO transition ({columns})"
                " SELECT id, 3, run_id, 'closed', 'verification', 'bench', :day, :time FROM case_"
            ),
            {"day": moment.date().isoformat(), "time": moment.isoformat()},
        )
        connection.execute(sa.text("DELETE FROM open_case"))
        last = AS_OF - dt.timedelta(days=1)
        connection.execute(
            sa.text("INSERT INTO summary_day (day, run_id) VALUES (:day, 1)"),
            {"day": last.date().isoformat()},
        )
    ledger.close()


def _later(book: object) -> object:
    """The book without the rule that feedback is not dated after its receipt.

    The samples are of one month.
    """
    sources = tuple(
        s.model_copy(
            update={"fields": [f.model_copy(update={"not_after": None}) for f in s.fields]}
        )
        for s in book.sources
    )  # type: ignore[attr-defined]
    import dataclasses

    return dataclasses.replace(book, sources=sources)  # type: ignore[type-var]


def night(folder: Path, path: Path) -> None:
    """A whole run over the new rows: taken, printed, published, archived."""
    shutil.copy(path, folder / "inbox" / path.name)
    shop = workshop(folder)
    result = batch.run(shop, AS_OF, now=AS_OF, progress=lambda *_: None)
    assert result.manifest["counts"]["accepted"] == NEW


def main(turns: int = 3) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        full_ledger(base / "full", base)
        new = questionnaire(base / "customer" / "new.xlsx", NEW, seed=7)
        ratios = []
        for turn in range(turns):
            shutil.copytree(base / "full", base / f"full{turn}")
            old = seconds(lambda turn=turn: night(base / f"full{turn}", new))
            fresh = seconds(
                lambda turn=turn: (
                    night(base / f"empty{turn}", new) if (workshop(base / f"empty{turn}")) else None
                )
            )
            ratios.append(old / fresh)
            shutil.rmtree(base / f"full{turn}")
        median = sorted(ratios)[turns // 2]
        print(
            f"history  {NEW:,} new rows with {OLD:,} closed cases ÷ with none: {median:.2f}"
            " (aim ≤ 1.30)"
        )


if __name__ == "__main__":
    main()
