"""`python -m benchmarks kills [N]`: N runs killed at random moments, and what was lost.

N is 200 by default. Each killed run is finished by the next one.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.crash import attempt, copied, dump, killed_after, night, standing, torn

KILLS = 200
_AT_MOST = 3  # kills of one night


def rows(place: Path) -> Counter[tuple[object, ...]]:
    """Every row that the ledger has taken, and every case.

    A row is told by its content, a case by its number and answers.
    """
    found = dump(place)
    return Counter(("row", *row[2:6]) for row in found["submission"]) + Counter(
        ("case", row[1], row[7]) for row in found["case_"]
    )


def main() -> None:
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdecimal() else KILLS
    chance = random.Random(wanted)
    kills = nights = half = lost = double = differing = 0
    with tempfile.TemporaryDirectory() as scratch:
        before = night(Path(scratch) / "before")
        calm = copied(before, Path(scratch) / "calm")
        start = time.monotonic()
        attempt(calm)
        seconds, reference, expected = time.monotonic() - start, standing(calm), rows(calm)
        while kills < wanted:
            nights += 1
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                place = copied(before, Path(folder) / "night")
                for _ in range(_AT_MOST):
                    start = time.monotonic()
                    if not killed_after(place, chance.uniform(0.01, seconds)):
                        seconds = 0.9 * seconds + 0.1 * (time.monotonic() - start)
                        break
                    kills += 1
                    half += len(torn(place))
                attempt(place)
                half += len(torn(place))
                lost += (expected - rows(place)).total()
                double += (rows(place) - expected).total()
                is_one_run = dump(place)["run"] == reference["ledger"]["run"]  # type: ignore[index]
                differing += is_one_run and standing(place) != reference
        print(
            f"kills    {kills} in {nights} nights: {lost} lost rows, {double} duplicates,"
            f" {half} torn files, {differing} other outcomes (aim 0)"
        )


if __name__ == "__main__":
    main()
