"""Feedback → kind, type and severity by the company's rules, each with its reason.

What no rule settles stays `unclassified`.

All words of all rules are found in one pass over the folded text (an Aho-Corasick automaton), so a
hundred rules with a thousand words cost microseconds per answer. Source: 1.2b, 3.2.1, 3.2.2, 3.2.3,
3.2.x.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any, NamedTuple

from fbbatch.lexicon import Lexicon, Pattern, Spot, starts
from fbbatch.model import Classification
from fbbatch.schema.models import (
    ClassificationRules,
    Negation,
    RatingRange,
    Rule,
    Supposition,
)
from fbbatch.words import fold

UNCLASSIFIED = "unclassified"
_SEVERITIES = ("minor", "general", "severe")
_DIMENSIONS = ("kind", "type", "severity")
_TOLD = (*_DIMENSIONS, "recorder", "severity_reason")
_MOST_WORDS = 3
_STOPS = re.compile(r"[，。；！？、,.;!?\n\t:：()（）|]|\bbut\b|但|却|也|就|时|后|可")
_SPACES = re.compile(r" {2,}")
_LATIN_WORD = re.compile(r"[a-z0-9']+")
_DENIED = re.compile(r"\s*[:：=]\s*(?:无|没有|没|否|不存在|no\b|none\b|nil\b|0\b)")
_LIST_JOINT = re.compile(r"\s*(?:[、/或和及与]|or|and|nor)\s*(?:(?:any|no)\s+)?")
_SINGLE_REACH = 1
_NEGATOR, _EXCEPTION, _SUPPOSER, _NEIGHBOUR = -1, -2, -3, -4
_CLAUSE_ENDS = (r"[，。；！？,.;!?\n\t:：()（）|]", r"\bbut\b", "但", "却")
_HAPPENED = re.compile(r"\s*(?:again\b|的问题|的情况|的现象)")
_QUESTION = "?"
_CLAUSE_END = re.compile(r"[，。；！？,.;!?\n\t]")
_ASKED = 12  # characters between a word that asks and a negator, at most: why is there no
_BESIDE = 30  # characters; no word stands beside another that is farther away
_NEAREST = 3
_FAR = 80  # characters; no supposition reaches further, and long texts take no longer


class _Hit(NamedTuple):
    """A word found in a text, from `start` to before `end`."""

    rule: int
    word: str
    start: int
    end: int


class _Words(NamedTuple):
    """The words found in a text, by what they do there.

    `has_latin` when one of them is in Latin letters.
    """

    hits: list[_Hit]
    negators: list[_Hit]
    exceptions: list[_Hit]
    supposers: list[_Hit]
    neighbours: list[_Hit]
    has_latin: bool


_Counted = tuple[int, str, str, bool]
"""A word that counts: rule, word, field, whether it is denied there."""

_Scores = Mapping[str, Mapping[str, float]]
"""What the words that count add up to: dimension → value → score."""

_MEMO = 20_000


class _Imagination:
    """Tells harm that is only feared, or might have been, from harm that is told as it happened."""

    def __init__(self, settings: Supposition, rules: Sequence[Rule]) -> None:
        self._feared, self._possible = frozenset(settings.feared), frozenset(settings.possible)
        self._consequences = frozenset(
            number for number, rule in enumerate(rules) if rule.id in settings.consequences
        )
        self._reach, self._reach_words = settings.reach, settings.reach_words
        self._unreal = _any_of(settings.unreal)
        self._ends = _any_of(settings.real, *_CLAUSE_ENDS)
        self._subjects = _any_of(settings.subjects)

    def holds(self, text: str, supposers: Sequence[_Hit], hit: _Hit) -> bool:
        """Whether one of the words in front makes `hit` a supposition.

        `supposers` are those words, in the order of the text.
        """
        place = bisect_right(supposers, hit.start, key=attrgetter("start"))
        near = supposers[max(0, place - _NEAREST) : place]
        return any(self._reaches(text, s, hit) for s in near) and not _HAPPENED.match(text, hit.end)

    def _reaches(self, text: str, supposer: _Hit, hit: _Hit) -> bool:
        """Whether the word in front makes `hit` a supposition.

        It stands near enough, in the same clause, and nothing between the two makes the harm real.
        """
        if not 0 <= hit.start - supposer.end <= _FAR:
            return False
        if self._ends.search(text, supposer.end, hit.start):
            return False
        if supposer.word in self._possible and hit.rule not in self._consequences:
            return False
        if supposer.word in self._feared:
            if not self._unreal.search(text, supposer.end, hit.start):
                return False
        elif self._subjects.search(text, supposer.end, hit.start):
            return False
        if supposer.word[0].isascii():
            return len(_LATIN_WORD.findall(text, supposer.end, hit.start)) <= self._reach_words
        return hit.start - supposer.end <= self._reach


def _any_of(words: Sequence[str], *patterns: str) -> re.Pattern[str]:
    """Any of the words (Latin ones whole, `arm*` a stem) or patterns; nothing if there is none."""
    return re.compile("|".join((*patterns, *map(_as_pattern, words))) or r"(?!)")


def _as_pattern(word: str) -> str:
    if not word[0].isascii():
        return re.escape(word)
    return rf"\b{re.escape(word.rstrip('*'))}" + ("" if word.endswith("*") else r"\b")


class _Denial:
    """Tells words that are denied (没有冒烟) from those that are told, or only asked for."""

    def __init__(self, settings: Negation, rules: Sequence[Rule]) -> None:
        self._reach, self._reach_words = settings.reach, settings.reach_words
        self._asked = _any_of(list(map(fold, settings.asked)))
        self._never = frozenset(number for number, rule in enumerate(rules) if rule.never_denied)
        hazards = chain.from_iterable(rule.words for rule in rules if rule.safety)
        self._hazards = frozenset(fold(word.rstrip("*")) for word in hazards)

    def of(self, text: str, hits: list[_Hit], negators: list[_Hit]) -> set[_Hit]:
        """The hits that are denied.

        A negator reaches them, they are denied behind (`漏電：無`), or they go on a denied list.
        """
        denied: list[_Hit] = []
        starts = [n.start for n in negators]
        for hit in sorted(hits, key=lambda h: (h.start, -h.end)):
            if hit.rule in self._never:
                continue
            place = bisect_right(starts, hit.start)
            near = negators[max(0, place - _NEAREST) : place]
            if (
                any(self._denies(text, negator, hit) for negator in near)
                or _DENIED.match(text, hit.end)
                or _goes_on(text, denied[-_NEAREST:], hit)
            ):
                denied.append(hit)
        return set(denied)

    def _denies(self, text: str, negator: _Hit, hit: _Hit) -> bool:
        """Whether the hit stands behind the negator, in the same clause and near enough.

        What is asked for (为什么没有配送) is not denied, but for the words of hazards.
        """
        if not negator.end <= hit.start or _STOPS.search(text, negator.end, hit.start):
            return False
        if negator.word[0].isascii():
            gap, reach = len(_LATIN_WORD.findall(text, negator.end, hit.start)), self._reach_words
        else:
            gap = hit.start - negator.end
            reach = _SINGLE_REACH if len(negator.word) == 1 else self._reach
        if gap > reach:
            return False
        return hit.word in self._hazards or not self._is_asked_for(text, negator)

    def _is_asked_for(self, text: str, negator: _Hit) -> bool:
        """Whether a word close in front, in the same clause, makes the negation a question."""
        before = max(0, negator.start - _ASKED)
        asked = list(self._asked.finditer(text, before, negator.start))
        return bool(asked) and not _STOPS.search(text, asked[-1].end(), negator.start)


class _Neighbours:
    """Tells words that need others beside them, and whether these are there."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._wanted = {
            number: _any_of(list(map(fold, rule.beside)))
            for number, rule in enumerate(rules)
            if rule.beside
        }

    def is_wanted(self, hits: Iterable[_Hit]) -> bool:
        """Whether one of the hits needs another word beside it."""
        return any(hit.rule in self._wanted for hit in hits)

    def kept(self, text: str, words: _Words) -> list[_Hit]:
        """The hits of a text that count, since they need no other word or have it beside them."""
        if not self.is_wanted(words.hits):
            return words.hits
        near = text if words.neighbours else ""
        return [hit for hit in words.hits if self.holds(near, hit)]

    def holds(self, text: str, hit: _Hit) -> bool:
        """Whether what the hit's rule wants beside it stands in the same clause, near enough."""
        wanted = self._wanted.get(hit.rule)
        if wanted is None:
            return True
        start = max(0, hit.start - _BESIDE)
        for end_before in _CLAUSE_END.finditer(text, start, hit.start):
            start = end_before.end()
        behind = _CLAUSE_END.search(text, hit.end, hit.end + _BESIDE)
        end = behind.start() if behind else hit.end + _BESIDE
        return bool(wanted.search(text, start, end))


class Found(NamedTuple):
    """What stands in one field of some rows.

    The folded texts, where they start, the words in each, and their patterns.
    """

    texts: Sequence[str]
    starts: Sequence[int]
    spots: Sequence[Sequence[Spot]]
    patterns: Sequence[Pattern]


class Classifier:
    """The rules, compiled.

    Args:
        rules: `schemas/rules/classification.yaml`.
        also: further words to look for in the same pass; `lexicon` has them behind the rules' own.
    """

    def __init__(self, rules: ClassificationRules, also: Sequence[str] = ()) -> None:
        self._rules = rules.rules
        self._texts = tuple(rules.texts)
        self._settings = rules
        self._says = [_said_by(rule) for rule in rules.rules]
        self._silent = {
            (field, is_short): _silent_rules(rules.rules, field, is_short=is_short)
            for field in rules.texts
            for is_short in (False, True)
        }
        self._rating_rules = list(_rating_rules(rules.rules))
        self._neighbours = _Neighbours(rules.rules)
        self._denial = _Denial(rules.negation, rules.rules)
        entries = list(_entries(rules))
        supposition = rules.supposition
        self._imagined = _Imagination(supposition, rules.rules) if supposition else None
        if supposition:
            self._imagined_as = next(
                n for n, rule in enumerate(rules.rules) if rule.id == supposition.speaks_as
            )
        self.lexicon = Lexicon([*(word for _, word in entries), *also])
        self._rule_of = [number for number, _ in entries]
        self._n_own = len(entries)
        self._counted: dict[tuple[str, Pattern, bool], tuple[_Counted, ...]] = {}
        self._decided: dict[tuple[_Counted, ...], Classification] = {}

    def _folded(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
        """The folded texts that rules look at, by field id: one per row.

        Runs of spaces are one space in them, and there is no NUL.
        """
        texts = {}
        for field in self._texts:
            written = columns.get(field, ())
            if any(written):
                folded = fold("\0".join([str(text or "").replace("\0", " ") for text in written]))
                texts[field] = (_SPACES.sub(" ", folded) if "  " in folded else folded).split("\0")
        return texts

    def scan(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, Found]:
        """Where the lexicon's words stand in the texts that rules look at, by field.

        Args:
            columns: the typed answers by field id, one a row; None is a blank.
        """
        scanned = {
            field: (texts, self.lexicon.scan(texts))
            for field, texts in self._folded(columns).items()
        }
        return {
            field: Found(texts, starts(texts), spots, self.lexicon.patterns(spots))
            for field, (texts, spots) in scanned.items()
        }

    def classify(
        self, columns: Mapping[str, Sequence[Any]], n_rows: int, found: Mapping[str, Found]
    ) -> list[Classification]:
        """Judge pieces of feedback, each by itself.

        Args:
            columns: the typed answers by field id, one a row; `kind`, `type` and `severity`, where
                the recorder gave them, are respected, except that safety is never lowered without
                `recorder` and `severity_reason`.
            n_rows: how many there are.
            found: what `scan` gives for them.
        """
        counted: list[tuple[_Counted, ...]] = [()] * n_rows
        for field, told in found.items():
            counted = [
                words + self._count(field, *one) if one[2] else words
                for words, one in zip(counted, zip(*told, strict=True), strict=True)
            ]
        for row, rating in self._rated(columns):
            counted[row] += (rating,)
        different = {
            id(words): words for words in counted
        }  # as a rule one object for what counts alike
        decided = {key: self._decided_for(words) for key, words in different.items()}
        judged = [decided[id(words)] for words in counted]
        given = {name: columns[name] for name in _TOLD if name in columns}
        for row in _judged_by_recorder(given):
            answers = {name: column[row] for name, column in given.items()}
            judged[row] = _respect(judged[row], answers)
        return judged

    def _rated(self, columns: Mapping[str, Sequence[Any]]) -> Iterator[tuple[int, _Counted]]:
        """The rows, counted from 0, whose ratings speak for a rule, each with what counts there."""
        for number, ratings, name in self._rating_rules:
            for row, rating in enumerate(columns.get(name, ())):
                if rating is not None and ratings.holds(rating):
                    yield row, (number, f"{rating:g}", name, False)

    def _decided_for(self, counted: tuple[_Counted, ...]) -> Classification:
        """What `_decide` gives, kept for the next feedback in which the same words count."""
        ruled = self._decided.get(counted)
        if ruled is None:
            if len(self._decided) > _MEMO:
                self._decided.clear()
            ruled = self._decided[counted] = self._decide(counted)
        return ruled

    # --- finding ----------------------------------------------------------------------

    def _count(
        self, field: str, text: str, start: int, raw: Sequence[Spot], pattern: Pattern
    ) -> tuple[_Counted, ...]:
        """Every different word in the text that counts for a rule, and whether it is denied there.

        The same words at the same distances count the same, unless the text around them denies or
        joins them.
        """
        if ":" in text or "=" in text:
            return self._count_slowly(text, start, field, raw)[0]
        key = (field, pattern, len(text) <= self._settings.short_text)
        known = self._counted.get(key)
        if known is None:
            known, plain = self._count_slowly(text, start, field, raw)
            if plain:
                if len(self._counted) > _MEMO:
                    self._counted.clear()
                self._counted[key] = known
        return known

    def _count_slowly(
        self, text: str, before: int, field: str, raw: Sequence[Spot]
    ) -> tuple[tuple[_Counted, ...], bool]:
        """What `_count` gives, and whether it follows from the words alone.

        Args:
            text: the folded text.
            before: where it starts, in the counting of `raw`.
            field: whose answer it is.
            raw: the words that stand in it, whatever they are for.
        """
        words = self._words(text, before, field, raw)
        supposers = words.supposers
        hits = self._neighbours.kept(text, words)
        has_company = bool(words.neighbours) and self._neighbours.is_wanted(words.hits)
        covered = _Stretches((*words.exceptions, *hits))
        negators = [negator for negator in words.negators if not covered.holds(negator)]
        denied: set[_Hit] = set()
        if negators or ":" in text or "=" in text:
            denied = self._denial.of(text, hits, negators)
        if supposers:
            supposers.sort(key=attrgetter("start"))
            hits = [hit if hit in denied else self._supposed(text, supposers, hit) for hit in hits]
        counted = tuple(
            (rule, word, field, is_denied)
            for (rule, word), is_denied in sorted(_denied_throughout(hits, denied).items())
        )
        depends = has_company or words.has_latin or negators or supposers
        return counted, not depends

    def _words(self, text: str, before: int, field: str, raw: Sequence[Spot]) -> _Words:
        """The words of a text that starts at `before`, of those rules that look at the field."""
        hits: list[_Hit] = []
        negators: list[_Hit] = []
        exceptions: list[_Hit] = []
        supposers: list[_Hit] = []
        neighbours: list[_Hit] = []
        kinds = {
            _NEGATOR: negators,
            _EXCEPTION: exceptions,
            _SUPPOSER: supposers,
            _NEIGHBOUR: neighbours,
        }
        has_latin = False
        silent = self._silent[field, len(text) <= self._settings.short_text]
        for place, start, end in raw:
            for number in self.lexicon.numbers(place):
                if number >= self._n_own:
                    continue
                rule, word = self._rule_of[number], self.lexicon.words[number]
                has_latin = has_latin or word[0].isascii()
                if word == _QUESTION and not _is_asked(text, start - before):
                    continue
                if rule not in silent:
                    hit = _Hit(rule, word, start - before, end - before)
                    kinds.get(rule, hits).append(hit)
        return _Words(hits, negators, exceptions, supposers, neighbours, has_latin)

    def _supposed(self, text: str, supposers: Sequence[_Hit], hit: _Hit) -> _Hit:
        """The hit; if it tells of severe harm only imagined, as a word of the rule for that."""
        if (
            self._imagined is None
            or self._rules[hit.rule].severity != "severe"
            or not self._imagined.holds(text, supposers, hit)
        ):
            return hit
        return hit._replace(rule=self._imagined_as)

    # --- deciding ---------------------------------------------------------------------

    def _decide(self, counted: Iterable[_Counted]) -> Classification:
        """What the rules say of the words that count.

        The plain words of a rule, up to three, add its weight to the value that it gives; denied
        ones are only shown.
        """
        by_rule: dict[int, list[_Counted]] = {}
        for entry in counted:
            by_rule.setdefault(entry[0], []).append(entry)
        scores: dict[str, dict[str, float]] = {"kind": {}, "type": {}, "severity": {}}
        kinds_alone: dict[str, float] = {}
        evidence = []
        safety: list[str] = []
        for number, words in by_rule.items():
            rule, (dimension, value) = self._rules[number], self._says[number]
            reason = _reason(rule, f"{dimension}={value}", words)
            evidence.append(reason)
            if plain := reason["words"]:
                weight = rule.weight * min(len(plain), _MOST_WORDS)
                scored = kinds_alone if rule.only_alone else scores[dimension]
                scored[value] = scored.get(value, 0) + weight
                if rule.safety:
                    safety += plain
        if not scores["kind"] and not self._tells_of_a_fault(scores):
            scores["kind"] = kinds_alone
        return self._settled(scores, tuple(evidence), tuple(dict.fromkeys(safety)))

    def _settled(
        self,
        scores: dict[str, dict[str, float]],
        evidence: tuple[dict[str, Any], ...],
        safety: tuple[str, ...],
    ) -> Classification:
        """The class that the scores settle; words of `safety` make it severe. Source: 3.2.2c."""
        unsure: list[str] = []
        told_kind = _best(scores["kind"])[0]
        kind = told_kind or self._settings.default_kind
        type_, score, margin, touched = self._type(scores["type"], kind, unsure)
        if not told_kind and (safety or self._is_fault(type_, scores)):
            kind = self._settings.kind_of_faults or kind
        if safety:
            severity = "severe"
        else:
            severity = self._severity(scores["severity"], told_kind, (type_, *touched), unsure)
        return Classification(
            kind,
            type_,
            severity,
            evidence,
            score,
            margin,
            touched,
            safety,
            tuple(unsure),
        )

    def _tells_of_a_fault(self, scores: _Scores) -> bool:
        """True where words speak for a type that is a fault, or for more than a minor matter."""
        types = self._settings.fault_types
        return _is_serious(scores) or not scores["type"].keys().isdisjoint(types)

    def _is_fault(self, type_: str, scores: _Scores) -> bool:
        """True where words settle a type that is a fault and speak for more than a minor matter."""
        return type_ in self._settings.fault_types and _is_serious(scores)

    def _type(
        self, scores: dict[str, float], kind: str, unsure: list[str]
    ) -> tuple[str, float, float, tuple[str, ...]]:
        """The type, its score, its margin to the second best, and all types that come near it."""
        best, score, second = _best(scores)
        margin = score - second
        share = self._settings.touched_share
        touched = tuple(
            t
            for t, s in sorted(scores.items(), key=lambda i: (-i[1], i[0]))
            if score and s >= share * score
        )
        if kind in self._settings.type_by_kind and (not best or kind == "suggestion"):
            return self._settings.type_by_kind[kind], score, margin, touched
        if (
            best
            and score >= self._settings.minimum_score
            and margin >= self._settings.minimum_margin
        ):
            return best, score, margin, touched
        unsure.append("type")
        return UNCLASSIFIED, score, margin, touched

    def _severity(
        self, scores: dict[str, float], kind: str | None, types: Sequence[str], unsure: list[str]
    ) -> str:
        """The best score; else the usual severity; else the default, unsure.

        The usual one is that of the kind that words told, or of the type.

        Args:
            scores: by severity.
            kind: that words told, if any.
            types: the type, then those that it may be; where it is open, it need not be known if
                all have the same usual severity.
            unsure: gets `severity` where nothing settles it.
        """
        if scores:
            return max(scores, key=lambda s: (scores[s], _SEVERITIES.index(s)))
        usual_of_kind = self._settings.severity_by_kind.get(kind or "")
        if usual_of_kind:
            return usual_of_kind
        possible_types = types[1:] if types[0] == UNCLASSIFIED else types[:1]
        usual = {self._settings.severity_by_type.get(type_) for type_ in possible_types}
        if len(usual) == 1 and (usual_of_types := usual.pop()):
            return usual_of_types
        unsure.append("severity")
        return self._settings.default_severity


def _reason(rule: Rule, says: str, words: Sequence[_Counted]) -> dict[str, Any]:
    """A rule that speaks, with the words by which it does and those that are denied."""
    return {
        "rule": rule.id,
        "says": says,
        "words": [word for _, word, _, negated in words if not negated],
        "negated": [word for _, word, _, negated in words if negated],
        "field": words[0][2],
    }


def _entries(rules: ClassificationRules) -> Iterator[tuple[int, str]]:
    """The words that are looked for, each with the number of its rule or what else it is."""
    for number, rule in enumerate(rules.rules):
        yield from ((number, word) for word in rule.words)
        yield from ((_NEIGHBOUR, word) for word in rule.beside)
    yield from ((_NEGATOR, word) for word in rules.negation.before)
    yield from ((_EXCEPTION, word) for word in rules.negation.exceptions)
    if settings := rules.supposition:
        supposers = (*settings.before, *settings.feared, *settings.possible)
        yield from ((_SUPPOSER, word) for word in supposers)


def _silent_rules(rules: Sequence[Rule], field: str, *, is_short: bool) -> frozenset[int]:
    """The numbers of the rules that do not look at a field, or at texts of such a length."""
    return frozenset(
        number
        for number, rule in enumerate(rules)
        if (rule.fields and field not in rule.fields) or (rule.only_short and not is_short)
    )


def _rating_rules(rules: Sequence[Rule]) -> Iterator[tuple[int, RatingRange, str]]:
    """The rules about ratings: their numbers, the ratings, and a field with them."""
    for number, rule in enumerate(rules):
        if rule.rating:
            for name in rule.fields:
                yield number, rule.rating, name


def _is_serious(scores: _Scores) -> bool:
    """True where words speak for more than a minor matter."""
    return not scores["severity"].keys() <= {_SEVERITIES[0]}


def _is_asked(text: str, place: int) -> bool:
    """True for a question mark behind a word, and not within one: what could not be read is ???."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    return before.isalnum() and not after.isalnum()


def _goes_on(text: str, listed: Sequence[_Hit], hit: _Hit) -> bool:
    """Whether nothing but a joint such as `、` or `or` stands between a listed word and the hit."""
    return any(
        word.end <= hit.start and _LIST_JOINT.fullmatch(text, word.end, hit.start)
        for word in listed
    )


class _Stretches:
    """Stretches of a text; tells whether one of them holds a hit. Linear in their number."""

    def __init__(self, hits: Iterable[_Hit]) -> None:
        ordered = sorted(hits, key=lambda h: h.start)
        self._starts = [h.start for h in ordered]
        self._ends = list(accumulate((h.end for h in ordered), max))

    def holds(self, hit: _Hit) -> bool:
        place = bisect_right(self._starts, hit.start)
        return place > 0 and self._ends[place - 1] >= hit.end


def _denied_throughout(hits: list[_Hit], denied: set[_Hit]) -> dict[tuple[int, str], bool]:
    """The words that count, by rule, and whether they are denied wherever they stand."""
    words = {(hit.rule, hit.word): hit in denied for hit in reversed(_longest(hits))}
    for hit in hits:  # one plain statement outweighs a denial elsewhere
        if (hit.rule, hit.word) in words and hit not in denied:
            words[hit.rule, hit.word] = False
    return words


def _longest(hits: list[_Hit]) -> list[_Hit]:
    """Without the shorter words that lie inside a longer one of the same rule."""
    by_rule: dict[int, list[_Hit]] = {}
    for hit in hits:
        by_rule.setdefault(hit.rule, []).append(hit)
    kept = []
    for same in by_rule.values():
        end = -1
        for hit in sorted(same, key=lambda h: (h.start, -h.end)):
            if hit.end > end:
                kept.append(hit)
                end = hit.end
    return kept


def _best(scores: dict[str, float]) -> tuple[str | None, float, float]:
    """The best value, its score, and the score of the second."""
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    if not ranked:
        return None, 0, 0
    return ranked[0][0], ranked[0][1], ranked[1][1] if len(ranked) > 1 else 0


def _said_by(rule: Rule) -> tuple[str, str]:
    """Which dimension the rule judges, and the value it gives."""
    return next((d, str(getattr(rule, d))) for d in _DIMENSIONS if getattr(rule, d))


def _judged_by_recorder(given: Mapping[str, Sequence[Any]]) -> set[int]:
    """The rows for which the recorder gave a kind, a type or a severity."""
    rows: set[int] = set()
    for dimension in _DIMENSIONS:
        values = given.get(dimension, ())
        rows.update(row for row, value in enumerate(values) if value is not None)
    return rows


def _respect(ruled: Classification, values: Mapping[str, Any]) -> Classification:
    """The recorder's own answers stand; what the rules say otherwise is noted. Source: 3.2.2c."""
    given = {
        dimension: str(values[dimension]) for dimension in _DIMENSIONS if values.get(dimension)
    }
    if given.get("kind") == UNCLASSIFIED:  # whoever cannot say it leaves it to the rules
        del given["kind"]
    notes: list[str] = []
    severity = ruled.severity
    if "severity" in given:
        is_explained = bool(values.get("recorder") and values.get("severity_reason"))
        severity, notes = _respected_severity(ruled, given["severity"], is_explained=is_explained)
    type_ = given.get("type", ruled.type)
    if type_ != ruled.type and "type" not in ruled.unsure:
        notes.append(f"FB-type-differs|{type_}|{ruled.type}|")
    return Classification(
        given.get("kind", ruled.kind),
        type_,
        severity,
        (
            *ruled.evidence,
            *(
                {"rule": "given", "says": f"{d}={v}", "words": [], "negated": [], "field": d}
                for d, v in given.items()
            ),
        ),
        ruled.score,
        ruled.margin,
        ruled.touched_types,
        ruled.safety,
        tuple(u for u in ruled.unsure if u not in given),
        tuple(notes),
    )


def _respected_severity(
    ruled: Classification, given: str, *, is_explained: bool
) -> tuple[str, list[str]]:
    """The severity that holds when the recorder gave one, and the notes on it.

    `is_explained` when somebody put his name and a reason to it; only then safety is lowered.
    """
    if given == ruled.severity or "severity" in ruled.unsure:
        return given, []
    is_lowered = _SEVERITIES.index(given) < _SEVERITIES.index(ruled.severity)
    if ruled.safety and is_lowered and not is_explained:
        words = "、".join(ruled.safety)
        return ruled.severity, [f"FB-safety-raised|{given}|{ruled.severity}|{words}"]
    return given, [f"FB-severity-differs|{given}|{ruled.severity}|"]
