"""Whether the ledger and the folders agree, decided from what was found in each.

Nothing here touches a file. Source: RELIABILITY I1–I5, F48.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from fbbatch.ledger.auditing import Expected, Flaw

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


class Disagreement(NamedTuple):
    """Something that does not agree.

    It tells what, where (below the workspace, or a case number), and what to do about it.
    """

    what: str
    where: str
    todo: str


_RESTORE = (
    "restore the newest backup (fbbatch restore), then drop what is newer into the inbox again"
)
_REPORT = "report it; until then, keep a backup"
_PROMISES = {
    "sound": ("the database file is damaged", _RESTORE),
    "references": ("a row refers to one that is not there", _RESTORE),
    "balance": ("the rows of a file do not add up", _REPORT),
    "outcome": ("a file has no outcome", _REPORT),
    "first step": ("a matter has no first step", _REPORT),
    "class": ("a case has no class", _REPORT),
    "number": ("a case number is not of the form FB-<date>-<number> or not of its day", _REPORT),
    "number twice": ("two matters have the same number", _REPORT),
    "state": ("a case was in a state that its process does not have", _REPORT),
    "steps in order": ("a step is missing in the history of a matter", _REPORT),
    "case of a row": ("an accepted row has no case", _REPORT),
    "case": ("a matter is called a case, and no feedback belongs to it", _REPORT),
    "facts": ("of a matter it is not known what opened it", _REPORT),
    "index of open matters": (
        "the index of open matters and the last step of a matter differ",
        _REPORT,
    ),
}
_AGAIN = "put it into the inbox again; rows that the ledger has are not registered twice"
_COPY_BACK = "copy it from a backup (unpack the zip); the ledger has what it said"


def of_ledger(flaws: Iterable[Flaw]) -> Iterator[Disagreement]:
    """The ledger's own flaws in words."""
    for flaw in flaws:
        what, todo = _PROMISES[flaw.promise]
        yield Disagreement(what, f"ledger: {flaw.where}", todo)


def of_files(
    expected: Sequence[Expected], found: Mapping[str, str], sizes: Mapping[str, int] = {}
) -> Iterator[Disagreement]:
    """Documents and originals that are gone or have other bytes.

    Args:
        expected: what the ledger says.
        found: sha256 by path of what is there.
        sizes: bytes by path of originals that were too large to be read, and are not read here
            either.
    """
    for item in expected:
        kind = "original" if item.path.startswith("archive/") else "document"
        sha256 = found.get(item.path)
        if item.path in sizes and not item.sha256:
            if sizes[item.path] != item.size:
                yield Disagreement(f"the {kind} has been changed", item.path, _COPY_BACK)
        elif sha256 is None:
            yield Disagreement(f"the {kind} is not there", item.path, _COPY_BACK)
        elif sha256 != item.sha256:
            yield Disagreement(
                f"the {kind} has been changed",
                item.path,
                f"move this copy elsewhere if somebody needs it; then {_COPY_BACK}",
            )


def of_manifest(
    run: str,
    told: Iterable[tuple[str, str]] | None,
    expected: Iterable[Expected],
    removed: Iterable[Expected],
    *,
    is_published: bool = True,
) -> Iterator[Disagreement]:
    """A run's manifest lists the documents that the ledger lists.

    It still names those that were removed on purpose.

    Args:
        run: its name.
        told: the manifest's (path, sha256), None when it cannot be read.
        expected: what the ledger says is there.
        removed: what the ledger says is no longer there.
        is_published: it has the bytes that were published.
    """
    where = f"outbox/{run}/manifest.json"
    if told is None:
        yield Disagreement("the manifest is missing or torn", where, _COPY_BACK)
        return
    if not is_published:
        yield Disagreement("the manifest has been changed", where, _COPY_BACK)
    named = {(f"outbox/{run}/{path}", sha256) for path, sha256 in told}
    known = {
        (item.path, item.sha256) for item in expected if item.about != "index"
    }  # the page lists the manifest's documents
    if different := (named ^ known) - {(item.path, item.sha256) for item in removed}:
        yield Disagreement(
            f"the manifest and the ledger differ in {len(different)} entries", where, _COPY_BACK
        )


def of_strangers(paths: Iterable[str], known: set[str], runs: set[str]) -> Iterator[Disagreement]:
    """Originals, run folders and documents that the ledger does not know.

    After an older ledger was restored these are the newer ones.
    """
    strange_runs: dict[str, int] = {}
    for path in paths:
        if path in known:
            continue
        if path.startswith("archive/"):
            yield Disagreement("the ledger does not know this original", path, _AGAIN)
        elif (run := path.split("/")[1]) not in runs:
            strange_runs[run] = strange_runs.get(run, 0) + 1
        else:
            yield Disagreement(
                "no run has written this file", path, "move it out of the run folder"
            )
    for run, number in sorted(strange_runs.items()):
        yield Disagreement(
            f"the ledger does not know this run ({number} files)",
            f"outbox/{run}",
            (
                "move the folder out of the outbox before the next run, which may use its name "
                "again; its originals are named above or below"
            ),
        )


def of_latest(expected: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Disagreement]:
    """`outbox/latest` holds copies of the newest documents; both are sha256 by file name."""
    for name, sha256 in sorted(expected.items()):
        if found.get(name) != sha256:
            what = "is not the newest one" if name in found else "is missing"
            yield Disagreement(
                f"the copy in latest {what}",
                f"outbox/latest/{name}",
                "the next run writes outbox/latest anew",
            )
