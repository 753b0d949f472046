"""The catalogue of every message about what was submitted, in three languages, four parts each.

Where it is, what was found, what was expected (with an example), what to do. The wording stands in
`findings.yaml`, in Traditional characters and English; Simplified is derived. `{label}` is the
field's label in the reader's language, the other names in braces come from the finding's details.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fbbatch.model import Finding
from fbbatch.wording import say, shipped
from fbbatch.words import simplified

_WRITTEN = ("zh-Hant", "en")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalogue says about a code; each text as (zh-Hant, en)."""

    severity: str
    found: tuple[str, str]
    expected: tuple[str, str]
    remedy: tuple[str, str]


SCHEMA = "schema "
"""In front of a schema's id, under which its title stands among labels."""
ABOUT_ATTACHMENTS = frozenset({"FB-evidence", "FB-attached-letter", "FB-attachment-unread"})
"""Codes whose `name` is that of a mail's attachment, as its sender has named it."""
_LIMIT = "FB-limit"
"""The one entry that stands for a code of each limit, `FB-limit-<name>`."""


def _catalogue() -> dict[str, Entry]:
    """Every code's entry, as `findings.yaml` says them.

    What is said of limits stands there once, and the name of each thing that is limited.
    """
    written = shipped("findings.yaml")
    limit = written.pop(_LIMIT)
    entries = {code: _entry(said) for code, said in written.items()}
    for name, what in limit["of"].items():
        entries[f"{_LIMIT}-{name}"] = _entry(limit, what)
    return entries


def _entry(said: Mapping[str, Any], what: Mapping[str, str] | None = None) -> Entry:
    """An entry; `what` is limited, by language, where it is that of a limit."""

    def both(part: str) -> tuple[str, str]:
        texts = [said[part][language] for language in _WRITTEN]
        if what:
            texts = [
                text.replace("{what}", what[language])
                for text, language in zip(texts, _WRITTEN, strict=True)
            ]
        return texts[0], texts[1]

    return Entry(said["severity"], both("found"), both("expected"), both("remedy"))


CATALOGUE: dict[str, Entry] = _catalogue()


class _Blanks(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "—"


def finding(
    code: str,
    *,
    sheet: str | None = None,
    row: int | None = None,
    column: int | None = None,
    field: str | None = None,
    **details: object,
) -> Finding:
    """Make a finding of the catalogue's `code`; raises KeyError for a code it does not know."""
    return Finding(
        code,
        CATALOGUE[code].severity,
        sheet,
        row,
        column,
        field,
        {k: str(v) for k, v in details.items() if v is not None},
    )


@cache
def _wording(code: str, part: str, language: str) -> str:
    chinese, english = getattr(CATALOGUE[code], part)
    if language == "en":
        return str(english)
    return str(chinese) if language == "zh-Hant" else simplified(chinese)


def where(item: Finding, language: str) -> str:
    """The place in words, e.g. `工作表「問卷」，第 7 行，儲存格 C7`."""
    parts = []
    if item.sheet:
        parts.append(say("at_sheet", language, sheet=item.sheet))
    if item.row:
        parts.append(say("at_row", language, row=item.row))
    if item.cell:
        parts.append(say("at_cell", language, cell=item.cell))
    return say("comma", language).join(parts)


def part(item: Finding, which: str, language: str, labels: Mapping[str, str] = {}) -> str:
    """One part (`found`, `expected`, `remedy`) of a finding's message.

    Args:
        item: the finding.
        which: the part.
        language: `zh-Hant`, `zh-Hans` or `en`.
        labels: labels by field id in that language; of schemas by `SCHEMA` and their id.
    """
    details = item.details
    words = _Blanks(details)
    words["label"] = labels.get(item.field or "", item.field or "—")
    words["where"] = ""
    if "where" in details:
        words["where"] = say("in_brackets", language, text=details["where"])
    for name in ("schema", "candidate_schemas"):
        if name in details:
            titles = [labels.get(f"{SCHEMA}{i}", i) for i in details[name].split(",")]
            told = say("list", language).join(titles)
            words[name.replace("candidate_schemas", "candidates")] = told
    for name in ("other", "expected_fields", "same_fields", "near_field"):
        if name in details:
            fields = [labels.get(field, field) for field in details[name].split(",")]
            words[name.removesuffix("_fields")] = say("list", language).join(fields)
    if details.get("found") == "binary":
        words["found"] = say("no_kind", language)
    words["near"] = ""
    near = words.get("near_field", details.get("near"))
    if near is not None:
        words["near"] = say("nearest", language, near=near)
    return _wording(item.code, which, language).format_map(words)


def message(item: Finding, language: str, labels: Mapping[str, str] = {}) -> str:
    """The whole message without its place: what was found, what was expected, what to do."""
    stop = say("stop", language)
    told = ""
    for which in ("found", "expected", "remedy"):
        told += part(item, which, language, labels) + stop
    return told.strip()
