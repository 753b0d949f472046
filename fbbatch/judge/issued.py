"""The copy of a document that a run has issued: what comes back is compared with it."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from fbbatch.read import Paper

_RUN = re.compile(r"\d{8}-\d{3,}")


def issued_copy(outbox: Path | None, run: str, kind: str) -> Path | None:
    """The workbook of this kind that a run has issued, when it is still in the outbox.

    Args:
        outbox: where the run folders are.
        run: the name of the run, as the workbook tells it.
        kind: of the document.
    """
    return next(
        (
            path
            for path, _ in _issued(outbox, run, kind, None)
            if path.suffix == ".xlsx" and path.is_file()
        ),
        None,
    )


def issued_form(
    outbox: Path | None, paper: Paper, kind: str, *, case: str, issue: int, ending: str
) -> Path | None:
    """The form that came back, as a run has issued it, when it is still in the outbox.

    Args:
        outbox: where the run folders are.
        paper: what came back; it names the run, and of forms for several departments, its number
            tells which.
        kind: of the form.
        case: the number of the case that it is about.
        issue: how often it had been issued for the case by then.
        ending: of the edition that came back, `.docx` or `.xlsx`.
    """
    text = paper.text()
    listed = _issued(outbox, paper.identity.get("run", ""), kind, case)
    found = [
        (path, number)
        for path, number in listed
        if path.suffix == ending and _issue(number, case) == issue
    ]
    named = [(path, number) for path, number in found if number in text] or found[:1]
    path = max(named, key=lambda one: len(one[1]))[0] if named else None
    return path if path and path.is_file() else None


def _issued(outbox: Path | None, run: str, kind: str, case: str | None) -> list[tuple[Path, str]]:
    """The files of a kind that a run has issued as forms, with their numbers."""
    manifest = outbox / run / "manifest.json" if outbox and _RUN.fullmatch(run) else None
    if manifest is None or not manifest.is_file():
        return []
    listed = _documents(manifest, manifest.stat().st_mtime_ns).get((kind, case), ())
    return [(manifest.parent / told["path"], told["number"]) for told in listed]


@lru_cache(maxsize=8)
def _documents(
    manifest: Path, _changed_at: int
) -> dict[tuple[str, str | None], list[dict[str, Any]]]:
    """What may come back of a run, by kind and matter; many forms of one run come back together.

    What older versions have written tells only the case.
    """
    found: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for told in orjson.loads(manifest.read_bytes())["documents"]:
        if told["form"]:
            about = told.get("matter", told["case"])
            found.setdefault((told["kind"], about), []).append(told)
    return found


def _issue(number: str, case: str) -> int:
    """Which issue a number means: `FB-20261113-0001-D14-2` the second, without `-2` the first.

    A department may stand between `D14` and the issue.
    """
    told = number.removeprefix(f"{case}-").rpartition("-")[2]
    return int(told) if told.isdecimal() else 1
