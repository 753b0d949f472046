"""Writing outside the blanks of a returned form, and printed facts that were changed.

The form is compared with the copy that was issued: what was printed there, and what was read as an
answer, is no news. Spaces, boxes and lines to write on do not count, so that it makes no difference
which program has saved the form. Source: DESIGN 7, N2.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from fbbatch.findings import finding
from fbbatch.model import Finding
from fbbatch.read import Paper
from fbbatch.read.answers import BOXES

_LOOSE_CHARS = 200
_SHORT = 60  # so much is told whole; of longer texts what differs
_SIGNATURE_CHARS = 30  # a name and a day on the line to sign
_SHORTEST = 10  # of a shorter text that something was added to, the whole line is told
_IGNORED = re.compile(rf"[\s_\u200b\ufeff\xad{BOXES}]")
_PAGE_NUMBER = re.compile(r"(?<!\d)\d{1,3}(?!\d)")
_COLONS = ("：", ":")
_GRID_COLUMNS = 4  # label, fact, label, fact


def loose_text(texts: Sequence[str]) -> list[Finding]:
    """The finding that names texts which answer nothing; none when there are none."""
    return [finding("FB-loose-text", text=" ".join(texts)[:_LOOSE_CHARS])] if texts else []


def outside_blanks(paper: Paper, issued: Paper, answers: Iterable[str]) -> list[Finding]:
    """What a returned form says that is neither printed nor answered.

    Args:
        paper: the form as it came back.
        issued: the same as it was handed out.
        answers: the texts that were read as answers.

    Returns:
        `FB-printed-changed` for each printed fact that says something else now, then
        `FB-loose-text` for all the rest.
    """
    changed = list(_changed(paper, issued))
    printed = _lines(issued.text())
    answered = (
        *answers,
        *(blank.text for blank in paper.blanks),
        *(new for *_, new in changed),
    )
    known = {"", *map(_key, printed), *map(_key, _all_lines(answered))}
    places_to_sign = tuple(_key(line) for line in printed if "＿" in line)
    loose = [
        _added(line, printed)
        for line in _unknown(paper, issued, known)
        if not _PAGE_NUMBER.fullmatch(line) and not _is_signed(line, places_to_sign)
    ]
    return [
        *(_printed_changed(name, old, new) for name, old, new in changed),
        *loose_text(loose),
    ]


def _unknown(paper: Paper, issued: Paper, known: set[str]) -> Iterable[str]:
    """The lines of a form whose keys are not known, each once.

    In the margin, what stood in that of the issued form is known, too, whatever the page.
    """
    in_margin = known | set(map(_key_in_margin, _all_lines(issued.margin)))
    unknown = [line for line in _all_lines(_body(paper)) if _key(line) not in known]
    for line in _all_lines(paper.margin):
        if _key_in_margin(line) not in in_margin:
            unknown.append(line)
    return dict.fromkeys(unknown)


def _body(paper: Paper) -> Iterator[str]:
    """The texts of a form, then those in its tables."""
    yield from paper.lines
    for table in paper.tables:
        for row in table:
            yield from row


def _printed_changed(name: str, old: str, new: str) -> Finding:
    before, now = _differing(old, _plain(new))
    return finding("FB-printed-changed", name=name, old=before, new=now)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _lines(text: str) -> list[str]:
    return [_plain(line) for line in text.split("\n") if line.strip()]


def _all_lines(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _lines(text)


def _key(text: str) -> str:
    return _IGNORED.sub("", unicodedata.normalize("NFKC", text))


def _key_in_margin(line: str) -> str:
    """As `_key`, without the number of the page."""
    return _key(_PAGE_NUMBER.sub("", line))


def _is_signed(line: str, labels: tuple[str, ...]) -> bool:
    """True for a line to sign with a name on it: that is what it is for."""
    key = _key(line)
    return key.startswith(labels) and len(key) <= _SIGNATURE_CHARS if labels else False


def _added(line: str, printed: Sequence[str]) -> str:
    """What was added to a printed line; the whole line when it is none."""
    within = [
        text
        for text in printed
        if len(text) >= _SHORTEST and text in line and not text.endswith(_COLONS)
    ]
    longest = max(within, key=len, default="")
    return _plain(line.replace(longest, " ", 1)) if longest else line


def _changed(paper: Paper, issued: Paper) -> Iterator[tuple[str, str, str]]:
    """(label, old, new) of every printed fact beside whose label something else stands now."""
    facts, open_labels = _facts(issued)
    side_by_side = {(_key(left), _key(right)) for left, right in pairs_of_cells(issued)}
    for label, value in dict.fromkeys(pairs_of_cells(paper)):
        olds = facts.get(_key(label), {})
        if (_key(label), _key(value)) in side_by_side or _key(label) in open_labels:
            continue
        if olds and not any(key in _key(value) for key in olds):
            yield _plain(label), _plain(next(iter(olds.values()))), value


def _facts(issued: Paper) -> tuple[dict[str, dict[str, str]], set[str]]:
    """What stands beside each label of the grids, and the labels of blanks."""
    blanks = {(blank.table, blank.row, blank.column) for blank in issued.blanks}
    facts: dict[str, dict[str, str]] = {}
    open_labels: set[str] = set()
    for number, table in enumerate(issued.tables, 1):
        for at, row in enumerate(table if len(table[0]) == _GRID_COLUMNS else (), 1):
            for column in range(1, _GRID_COLUMNS, 2):
                if (number, at, column + 1) in blanks:
                    open_labels.add(_key(row[column - 1]))
                elif row[column].strip():
                    facts.setdefault(_key(row[column - 1]), {})[_key(row[column])] = row[column]
    return facts, open_labels


def pairs_of_cells(paper: Paper) -> Iterator[tuple[str, str]]:
    """Cells side by side that hold anything; what stands in a blank is no label."""
    blanks = {(blank.table, blank.row, blank.column) for blank in paper.blanks}
    for number, table in enumerate(paper.tables, 1):
        for at, row in enumerate(table, 1):
            for column, (left, right) in enumerate(pairwise(row), 1):
                if left.strip() and right.strip() and (number, at, column) not in blanks:
                    yield left, right


def _differing(old: str, new: str) -> tuple[str, str]:
    """Two texts, cut down to where they differ when they are long."""
    if max(len(old), len(new)) <= _SHORT:
        return old, new
    differs = next(
        (n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )
    return _around(old, differs), _around(new, differs)


def _around(text: str, place: int) -> str:
    start = max(0, place - _SHORT // 4)
    end = start + _SHORT
    before = "…" if start else ""
    after = "…" if len(text) > end else ""
    return f"{before}{text[start:end]}{after}"
