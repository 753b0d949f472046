"""How well the shipped rules judge feedback that nobody here wrote, and how well repeats are found.

Run it with `python -m benchmarks.judgement`.

NHTSA's flat files say of every complaint whether there was a crash or a fire, and how many were
injured or killed. The rules see the narrative only. They are tuned on the first file; the second is
held out. Reviews of restaurants have stars: those with five praise, and none should be a problem
because nothing was said. Repeats are made from the reviews, with a fixed seed.
"""

import csv
import io
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from fbbatch.classify import Classifier
from fbbatch.identity import likeness
from fbbatch.schema import load_book
from fbbatch.words import traditional

ROOT = Path(__file__).parents[1]
FEEDBACK = next(
    (place / "shared/feedback" for place in ROOT.parents if (place / "shared/feedback").is_dir()),
    ROOT.parent / "shared" / "feedback",
)
REVIEWS = FEEDBACK / "zh-asap-sample"
SEED = 20261128
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


# --- kinds ------------------------------------------------------------------------------


def reviews() -> list[tuple[str, str]]:
    """The stars (`5.0`) and texts of the restaurant reviews."""
    found = []
    for path in sorted(REVIEWS.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found += [(row["star"], row["reviewbody"]) for row in csv.DictReader(file)]
    return found


def kinds(classifier: Classifier, texts: Sequence[str]) -> Counter[str]:
    """How many texts the rules take for which kind."""
    columns = {"description": texts}
    ruled = classifier.classify(columns, len(texts), classifier.scan(columns))
    return Counter(found.kind for found in ruled)


def kinds_line(name: str, found: Counter[str]) -> str:
    """The share of each kind, the most frequent first."""
    shares = ", ".join(f"{kind} {_share(n, found.total())}" for kind, n in found.most_common())
    return f"{name:32}{found.total():5}  {shares}"


# --- repeats ----------------------------------------------------------------------------

_CLAUSE = re.compile(r"(?<=[。！？，,.!?~；\n])")
_TYPING_ERRORS = 0.06  # of the characters


def _with_errors(text: str, chance: random.Random) -> str:
    """Every sixteenth character or so is missing, wrong or followed by a wrong one."""
    told = []
    for character in text:
        error = chance.random() < _TYPING_ERRORS
        wrong = chance.choice(text)
        options = ("", wrong, character + wrong)
        told.append(chance.choice(options) if error else character)
    return "".join(told)


def _polite(text: str, _: random.Random) -> str:
    return f"您好，打扰了，想向你们反映一下：{text}麻烦尽快处理，谢谢，辛苦了！"


def _reordered(text: str, chance: random.Random) -> str:
    clauses = _CLAUSE.split(text)
    chance.shuffle(clauses)
    return "".join(clauses)


def _halved(text: str, chance: random.Random) -> str:
    """Half of the clauses, in their order."""
    clauses = [clause for clause in _CLAUSE.split(text) if clause.strip()]
    kept = sorted(chance.sample(range(len(clauses)), max(1, len(clauses) // 2)))
    return "".join(clauses[place] for place in kept)


REPEATS: dict[str, Callable[[str, random.Random], str]] = {
    "typing errors": _with_errors,
    "other script": lambda text, _: "".join(map(traditional, text)),
    "politeness added": _polite,
    "reordered": _reordered,
    "half left out": _halved,
}
"""What people change when they say the same again."""


def is_proposed(one: str, other: str) -> bool:
    """Whether two texts of one person about one product are proposed as the same matter."""
    case = {"reporter": "王", "contact": "1", "product": "音箱", "reported_at": "2026-11-01"}
    return likeness({**case, "description": one}, {**case, "description": other}) is not None


def found_repeats(texts: Iterable[str], repeat: str) -> float:
    """The share (0-1) of texts that are found again when they are told in another way."""
    chance, change = random.Random(SEED), REPEATS[repeat]
    found = [is_proposed(text, change(text, chance)) for text in texts]
    return sum(found) / len(found)


def unrelated(texts: Sequence[str], n: int) -> list[tuple[str, str]]:
    """Pairs of texts of which neither repeats the other."""
    chance = random.Random(SEED)
    different = list(dict.fromkeys(texts))
    pairs = (chance.sample(different, 2) for _ in range(n))
    return [(one, other) for one, other in pairs]


# --- severity ---------------------------------------------------------------------------


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
    _print_kinds(classifier)
    _print_repeats()


def _print_kinds(classifier: Classifier) -> None:
    told = reviews()
    print("\nkinds")
    for stars in sorted({stars for stars, _ in told}):
        texts = [text for given, text in told if given == stars]
        print(kinds_line(f"reviews, {stars} stars", kinds(classifier, texts)))
    for name, path in FILES.items():
        narratives = [row[_NARRATIVE] for row in complaints(path)]
        print(kinds_line(name, kinds(classifier, narratives)))


def _print_repeats() -> None:
    texts = [text for _, text in reviews()]
    print("\nrepeats found")
    for name in REPEATS:
        print(f"{name:32}{100 * found_repeats(texts, name):5.1f} %")
    pairs = unrelated(texts, 3_000)
    print(f"{'unrelated, of 3,000':32}{sum(is_proposed(*pair) for pair in pairs):5}")


if __name__ == "__main__":
    main()
