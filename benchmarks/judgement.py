"""How well the shipped rules find what was severe, on complaints that nobody here wrote.

Run it with `python -m benchmarks.judgement`.

NHTSA's flat files say of every complaint whether there was a crash or a fire, and how many were
injured or killed. The rules see the narrative only. They are tuned on the first file; the second is
held out.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fbbatch.classify import Classifier
from fbbatch.schema import load_book

ROOT = Path(__file__).parents[1]
FEEDBACK = ROOT.parent / "shared" / "feedback"
FILES = {
    "en-nhtsa-sample100 (tuned on)": FEEDBACK / "en-nhtsa-sample100" / "nhtsa-complaints.txt",
    "en-nhtsa-sampledata (held out)": FEEDBACK / "en-nhtsa-sampledata" / "complaints.txt",
}
_CRASH, _FIRE, _INJURED, _DEATHS, _NARRATIVE = (
    6,
    8,
    9,
    10,
    19,
)  # columns 7, 9, 10, 11 and 20 of NHTSA's layout


class Judged(NamedTuple):
    """One complaint: whether harm was done, and what the rules say."""

    harmful: bool
    severe: bool
    unsure: bool


def complaints(path: Path) -> list[list[str]]:
    """The rows of a flat file."""
    rows = list(
        csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline=""), delimiter="\t")
    )
    assert all(len(row) > _NARRATIVE for row in rows)
    return rows


def is_harmful(row: Sequence[str]) -> bool:
    """A crash, a fire, somebody injured or killed."""
    return "Y" in {row[_CRASH], row[_FIRE]} or any(
        int(row[n].strip() or 0) > 0 for n in (_INJURED, _DEATHS)
    )


def judge(classifier: Classifier, rows: Sequence[Sequence[str]]) -> list[Judged]:
    """What the rules make of every narrative."""
    columns = {"description": [row[_NARRATIVE] for row in rows]}
    ruled = classifier.classify(columns, len(rows), classifier.scan(columns))
    return [
        Judged(is_harmful(row), found.severity == "severe", "severity" in found.unsure)
        for row, found in zip(rows, ruled, strict=True)
    ]


def line(name: str, judged: Sequence[Judged]) -> str:
    """The figures of one file."""
    n, harmful, severe = len(judged), sum(j.harmful for j in judged), sum(j.severe for j in judged)
    both, unsure = sum(j.harmful and j.severe for j in judged), sum(j.unsure for j in judged)
    return (
        f"{name:32}{n:5}{harmful:9}{_share(both, severe):>11}{_share(both, harmful):>8}"
        f"{_share(severe, n):>8}{_share(unsure, n):>8}{_share(severe + unsure, n):>15}"
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def main() -> None:
    """Print the figures of each file and of both."""
    if missing := [str(path) for path in FILES.values() if not path.is_file()]:
        print(f"skipped, not here: {', '.join(missing)}")
        return
    classifier = Classifier(load_book(ROOT / "schemas").classification)
    judged = {name: judge(classifier, complaints(path)) for name, path in FILES.items()}
    print(
        f"{'severity = severe':32}{'n':>5}{'harmful':>9}{'precision':>11}{'recall':>8}"
        f"{'severe':>8}{'unsure':>8}{'severe+unsure':>15}"
    )
    for name, some in judged.items():
        print(line(name, some))
    print(line("both", [one for some in judged.values() for one in some]))


if __name__ == "__main__":
    main()
