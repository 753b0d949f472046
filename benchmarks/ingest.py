"""100,000 rows × 12 columns, recorded in the ledger, against openpyxl merely reading the file.

Recorded means read, validated, classified and written.
"""

import tempfile
from contextlib import closing
from pathlib import Path

import openpyxl

from benchmarks.measure import peak_memory, seconds
from benchmarks.samples import AS_OF, questionnaire, workshop
from fbbatch import inbox
from fbbatch.intake import Taking
from fbbatch.ledger import Ledger
from fbbatch.steps import Rules, Steps
from fbbatch.workspace import Workspace

ROWS = 100_000


def read_with_openpyxl(path: Path) -> int:
    """Every row of the first sheet, in read-only mode."""
    book = openpyxl.load_workbook(path, read_only=True)
    return sum(1 for _ in book.worksheets[0].iter_rows(values_only=True))


def take(shop: Workspace, ledger: Ledger, path: Path) -> None:
    """What a run does with a file until it is in the ledger, the start of its worker included."""
    record = ledger.begin_run(AS_OF, started_at=AS_OF, version="bench")
    run = Taking(shop, ledger, record, Steps(Rules(shop.book, record, shop.settings, shop.codes)))
    run.take(inbox.claim_one(path))
    assert ledger.files_of(record)[0].accepted == ROWS


def main(turns: int = 3) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "customer"
        place.mkdir()
        path = questionnaire(place / "big.xlsx", ROWS)
        workshops = (workshop(Path(scratch) / f"w{turn}") for turn in range(turns + 1))
        with (
            peak_memory() as peak,
            closing((shop := next(workshops)).ledger()) as ledger,
        ):  # not timed: to watch memory takes time, too
            seconds(lambda: take(shop, ledger, path))
            highest = peak()
        ratios = []
        for shop in workshops:  # read once a run, however many files there are
            with closing(shop.ledger()) as ledger:
                ours = seconds(lambda shop=shop, ledger=ledger: take(shop, ledger, path))
            ratios.append(ours / seconds(lambda: read_with_openpyxl(path)))
        median = sorted(ratios)[turns // 2]
        each_turn = ", ".join(f"{r:.3f}" for r in ratios)
        print(
            f"ingest   {ROWS:,} rows recorded ÷ openpyxl reading them: {median:.3f}"
            f" (aim ≤ 0.250; turns: {each_turn})"
        )
        print(f"ingest   peak memory with workers: {highest:.0f} MB (aim < 500)")


if __name__ == "__main__":
    main()
