"""Feedback → kind, type and severity by the company's rules, each with its reason; or an honest `unclassified`.

All words of all rules are found in one pass over the folded text (an Aho-Corasick automaton), so a hundred rules
with a thousand words cost microseconds per answer. Source: 1.2b, 3.2.1, 3.2.2, 3.2.3, 3.2.x.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import ahocorasick

from fbbatch.model import Classification
from fbbatch.schema.models import ClassificationRules
from fbbatch.words import fold

UNCLASSIFIED = "unclassified"
_SEVERITIES = ("minor", "general", "severe")
_DIMENSIONS = ("kind", "type", "severity")
_MOST_WORDS = 3
_STOPS = re.compile(r"[，。；！？、,.;!?\n\t:：()（）|]|\bbut\b|但")
_LATIN_WORD = re.compile(r"[a-z0-9']+")
_DENIED = re.compile(r"\s*[:：=]\s*(?:无|没有|没|否|不存在|no\b|none\b|nil\b|0\b)")
_LIST_JOINT = re.compile(r"\s*(?:[、/或和及与]|or|and|nor)\s*(?:(?:any|no)\s+)?")
_SINGLE_REACH = 1
_NEGATOR, _EXCEPTION = -1, -2


class _Word(NamedTuple):
    """A word of a rule (by the rule's number), a negator, or a phrase that only looks like a negation."""

    rule: int
    text: str
    latin: bool
    stem: bool


class _Hit(NamedTuple):
    """A word found in a text, from `start` to before `end`."""

    rule: int
    word: str
    start: int
    end: int


_Counted = tuple[int, str, str, bool]
"""A word that counts: rule, word, field, whether it is denied there."""

_MEMO = 20_000


class Classifier:
    """The rules, compiled.

    Args:
        rules: `schemas/rules/classification.yaml`.
    """

    def __init__(self, rules: ClassificationRules) -> None:
        self._rules = rules.rules
        self._texts = tuple(rules.texts)
        self._settings = rules
        self._says = [next((d, str(getattr(r, d))) for d in _DIMENSIONS if getattr(r, d)) for r in rules.rules]
        self._automaton = ahocorasick.Automaton()
        words: dict[str, list[_Word]] = {}
        negation = rules.negation
        entries = [(number, word) for number, rule in enumerate(rules.rules) for word in rule.words]
        entries += [(_NEGATOR, word) for word in negation.before] + [(_EXCEPTION, word) for word in negation.exceptions]
        for number, written in entries:
            text = fold(written.rstrip("*")).strip()
            words.setdefault(text, []).append(_Word(number, text, text[0].isascii(), written.endswith("*")))
        for text, same in words.items():
            self._automaton.add_word(text, tuple(same))
        self._automaton.make_automaton()
        self._reach = negation.reach
        self._reach_words = negation.reach_words
        self._decided: dict[tuple[_Counted, ...], Classification] = {}
        self._restricted = any(rule.fields for rule in rules.rules)

    def fold_texts(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The folded texts that rules look at, by field id; runs of spaces are one."""
        texts = {field: fold(str(text)) for field in self._texts if (text := values.get(field))}
        return {field: " ".join(text.split(" ")) if "  " in text else text for field, text in texts.items()}

    def classify(self, values: Mapping[str, Any], texts: Mapping[str, str]) -> Classification:
        """Judge one piece of feedback.

        Args:
            texts: what `fold_texts` gives for these values.
            values: the typed answers by field id; `kind`, `type` and `severity`, where the recorder gave them, are
                respected, except that safety is never lowered without `recorder` and `severity_reason`.
        """
        key = tuple(hit for field, folded in texts.items() for hit in self._find(folded, field))
        ruled = self._decided.get(key)
        if ruled is None:
            if len(self._decided) > _MEMO:
                self._decided.clear()
            ruled = self._decided[key] = self._decide(key)
        return _respect(ruled, values)

    # --- finding -------------------------------------------------------------------------------------------

    def _find(self, text: str, field: str) -> list[_Counted]:
        """Every different word in the text that counts for a rule, and whether it is denied there."""
        hits: list[_Hit] = []
        negators: list[_Hit] = []
        exceptions: list[_Hit] = []
        for last, words in self._automaton.iter(text):
            for rule, word, latin, stem in words:
                start, end = last - len(word) + 1, last + 1
                if latin and not _is_whole(text, start, end, stem=stem):
                    continue
                if rule >= 0:
                    if not self._restricted or not self._rules[rule].fields or field in self._rules[rule].fields:
                        hits.append(_Hit(rule, word, start, end))
                else:
                    (negators if rule == _NEGATOR else exceptions).append(_Hit(rule, word, start, end))
        if not hits:
            return []
        if negators:
            negators = [n for n in negators if not any(o.start <= n.start and n.end <= o.end for o in (*exceptions, *hits))]
        denied: set[_Hit] = set()
        if negators or ":" in text or "=" in text:
            denied = self._denied(text, hits, negators)
        counted = {(hit.rule, hit.word): hit in denied for hit in reversed(_longest(hits))}
        for hit in hits:  # one plain statement outweighs a denial elsewhere
            if (hit.rule, hit.word) in counted and hit not in denied:
                counted[hit.rule, hit.word] = False
        return [(rule, word, field, negated) for (rule, word), negated in sorted(counted.items())]

    def _denied(self, text: str, hits: list[_Hit], negators: list[_Hit]) -> set[_Hit]:
        """The hits that a negator reaches, that are denied behind (`漏電：無`), or that go on a denied list."""
        denied: list[_Hit] = []
        for hit in sorted(hits, key=lambda h: (h.start, -h.end)):
            if (
                any(self._reaches(text, n, hit) for n in negators)
                or _DENIED.match(text, hit.end)
                or any(d.end <= hit.start and _LIST_JOINT.fullmatch(text, d.end, hit.start) for d in denied)
            ):
                denied.append(hit)
        return set(denied)

    def _reaches(self, text: str, negator: _Hit, hit: _Hit) -> bool:
        if not negator.end <= hit.start or _STOPS.search(text, negator.end, hit.start):
            return False
        if negator.word[0].isascii():
            return len(_LATIN_WORD.findall(text, negator.end, hit.start)) <= self._reach_words
        gap = hit.start - negator.end
        return gap <= (_SINGLE_REACH if len(negator.word) == 1 else self._reach)

    # --- deciding ------------------------------------------------------------------------------------------

    def _decide(self, counted: Iterable[_Counted]) -> Classification:
        found: dict[int, list[_Counted]] = {}
        for one in counted:
            found.setdefault(one[0], []).append(one)
        scores: dict[str, dict[str, float]] = {"kind": {}, "type": {}, "severity": {}}
        evidence = []
        safety: list[str] = []
        for number, words in found.items():
            rule, (dimension, value) = self._rules[number], self._says[number]
            plain = [word for _, word, _, negated in words if not negated]
            if plain:
                by_value = scores[dimension]
                by_value[value] = by_value.get(value, 0) + rule.weight * min(len(plain), _MOST_WORDS)
                if rule.safety:
                    safety += plain
            denied = [word for _, word, _, negated in words if negated]
            evidence.append(
                {
                    "rule": rule.id,
                    "says": f"{dimension}={value}",
                    "words": plain,
                    "negated": denied,
                    "field": words[0][2],
                }
            )
        unsure: list[str] = []
        kind = _best(scores["kind"])[0] or self._settings.default_kind
        type_, score, margin, touched = self._type(scores["type"], kind, unsure)
        severity = "severe" if safety else self._severity(scores["severity"], kind, type_, unsure)
        return Classification(kind, type_, severity, tuple(evidence), score, margin, touched, tuple(dict.fromkeys(safety)), tuple(unsure))

    def _type(self, scores: dict[str, float], kind: str, unsure: list[str]) -> tuple[str, float, float, tuple[str, ...]]:
        best, score, second = _best(scores)
        margin = score - second
        share = self._settings.touched_share
        touched = tuple(t for t, s in sorted(scores.items(), key=lambda i: (-i[1], i[0])) if score and s >= share * score)
        if kind in self._settings.type_by_kind and (not best or kind == "suggestion"):
            return self._settings.type_by_kind[kind], score, margin, touched
        if best and score >= self._settings.minimum_score and margin >= self._settings.minimum_margin:
            return best, score, margin, touched
        unsure.append("type")
        return UNCLASSIFIED, score, margin, touched

    def _severity(self, scores: dict[str, float], kind: str, type_: str, unsure: list[str]) -> str:
        if scores:
            return max(scores, key=lambda s: (scores[s], _SEVERITIES.index(s)))
        if usual := self._settings.severity_by_kind.get(kind) or self._settings.severity_by_type.get(type_):
            return usual
        unsure.append("severity")
        return self._settings.default_severity


def _is_whole(text: str, start: int, end: int, *, stem: bool) -> bool:
    if start and text[start - 1].isascii() and text[start - 1].isalnum():
        return False
    following = text[end : end + 1]
    return stem or not (following.isascii() and following.isalnum())


def _longest(hits: list[_Hit]) -> list[_Hit]:
    """Without the shorter words that lie inside a longer one of the same rule."""
    by_rule: dict[int, list[_Hit]] = {}
    for hit in hits:
        by_rule.setdefault(hit.rule, []).append(hit)
    return [
        h
        for same in by_rule.values()
        for h in same
        if len(same) == 1 or not any(o.start <= h.start and h.end <= o.end and o.end - o.start > h.end - h.start for o in same)
    ]


def _best(scores: dict[str, float]) -> tuple[str | None, float, float]:
    """The best value, its score, and the score of the second."""
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    if not ranked:
        return None, 0, 0
    return ranked[0][0], ranked[0][1], ranked[1][1] if len(ranked) > 1 else 0


def _respect(ruled: Classification, values: Mapping[str, Any]) -> Classification:
    """The recorder's own answers stand; what the rules say otherwise is noted. Source: 3.2.2c."""
    given = {dimension: str(values[dimension]) for dimension in _DIMENSIONS if values.get(dimension)}
    if not given:
        return ruled
    notes = []
    severity = given.get("severity", ruled.severity)
    if "severity" in given and severity != ruled.severity and "severity" not in ruled.unsure:
        lowered = _SEVERITIES.index(severity) < _SEVERITIES.index(ruled.severity)
        if ruled.safety and lowered and not (values.get("recorder") and values.get("severity_reason")):
            notes.append(f"FB-safety-raised|{severity}|{ruled.severity}|{'、'.join(ruled.safety)}")
            severity = ruled.severity
        else:
            notes.append(f"FB-severity-differs|{severity}|{ruled.severity}|")
    type_ = given.get("type", ruled.type)
    if type_ != ruled.type and "type" not in ruled.unsure:
        notes.append(f"FB-type-differs|{type_}|{ruled.type}|")
    return Classification(
        given.get("kind", ruled.kind), type_, severity,
        (*ruled.evidence, *({"rule": "given", "says": f"{d}={v}", "words": [], "negated": [], "field": d} for d, v in given.items())),
        ruled.score, ruled.margin, ruled.touched_types, ruled.safety,
        tuple(u for u in ruled.unsure if u not in given), tuple(notes),
    )  # fmt: skip
