"""The copy of a document that a run has issued: what comes back is compared with it."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

_RUN = re.compile(r"\d{8}-\d{3,}")


def issued_copy(outbox: Path | None, run: str, kind: str, *, case: str | None = None, issue: int = 1, text: str = "") -> Path | None:
    """The file of this kind that a run has issued, when it is still in the outbox.

    Args:
        outbox: where the run folders are.
        run: the name of the run, as the document tells it.
        kind: of the document.
        case: the number of the case that it is about: a Word file; None for a workbook.
        issue: of a form, how often it had been issued for the case by then.
        text: what came back; of forms for several departments, its number tells which.
    """
    manifest = outbox / run / "manifest.json" if outbox and _RUN.fullmatch(run) else None
    if manifest is None or not manifest.is_file():
        return None
    listed = _documents(manifest, manifest.stat().st_mtime_ns).get((kind, case), ())
    ending = ".docx" if case else ".xlsx"
    found = [told for told in listed if told["path"].endswith(ending) and (case is None or _issue(told["number"], case) == issue)]
    named = max(
        (told for told in found if told["number"] in text), key=lambda told: len(told["number"]), default=found[0] if found else None
    )
    return manifest.parent / named["path"] if named and (manifest.parent / named["path"]).is_file() else None


@lru_cache(maxsize=8)
def _documents(manifest: Path, _changed_at: int) -> dict[tuple[str, str | None], list[dict[str, Any]]]:
    """What may come back of a run, by kind and case; many forms of one run come back together."""
    found: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for told in orjson.loads(manifest.read_bytes())["documents"]:
        if told["form"]:
            found.setdefault((told["kind"], told["case"]), []).append(told)
    return found


def _issue(number: str, case: str) -> int:
    """`FB-20261113-0001-D14-2` is the second issue, `FB-20261113-0001-D14` the first; a department may stand between."""
    told = number.removeprefix(f"{case}-").rpartition("-")[2]
    return int(told) if told.isdecimal() else 1
