"""Feedback + classification → who handles it, and whether it goes to the leaders.

Source: 5.1.1, 3.3.3.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fbbatch.lexicon import Lexicon, Pattern
from fbbatch.model import Assignment, Classification
from fbbatch.schema import Book
from fbbatch.schema.book import NOT_A_DEPARTMENT
from fbbatch.schema.models import AssignmentRule, EscalationRule


def assignment_words(book: Book) -> list[str]:
    """The words that assignment and escalation rules look for."""
    return [word for _, word in _wordy(book)]


def _wordy(book: Book) -> list[tuple[str, str]]:
    rules = [(rule.id, rule.when.words) for rule in book.assignment.rules] + [
        (rule.id, rule.words) for rule in book.assignment.escalation
    ]
    return [(rule, word) for rule, words in rules for word in words]


_MEMO = 20_000


class Assigner:
    """The assignment and escalation rules, compiled.

    Args:
        book: the rule book.
        lexicon: a lexicon whose last words are the `assignment_words` of the book.
    """

    def __init__(self, book: Book, lexicon: Lexicon) -> None:
        self._rules = book.assignment.rules
        self._by_type = book.assignment.departments_by_type
        self._escalations = book.assignment.escalation
        self._products = {product.name: product for product in book.products.products}
        wordy = _wordy(book)
        rule_of = {
            number: rule for number, (rule, _) in enumerate(wordy, len(lexicon.words) - len(wordy))
        }
        self._rules_at = {
            place: [rule_of[n] for n in lexicon.numbers(place) if n in rule_of]
            for place in lexicon.places(rule_of)
        }
        self._known: dict[tuple[Any, ...], Assignment] = {}
        self._said: dict[Pattern, frozenset[str]] = {}

    def said(self, patterns: Iterable[Sequence[Pattern]], n_rows: int) -> list[frozenset[str]]:
        """The rules for whose words each row gives occasion, by the patterns of its texts."""
        said: list[frozenset[str]] = [frozenset()] * n_rows
        for column in patterns:
            if len(self._said) > _MEMO:
                self._said.clear()
            for pattern in set(column) - self._said.keys():
                self._said[pattern] = frozenset(
                    rule for word in pattern for rule in self._rules_at.get(word >> 32, ())
                )
            told = [self._said[pattern] for pattern in column]
            said = (
                [words | more for words, more in zip(said, told, strict=True)]
                if any(said)
                else told
            )
        return said

    def assign(
        self, source: str, judged: Classification, product: str, said: frozenset[str]
    ) -> Assignment:
        """The first rule that holds decides.

        Every case finds a department: the last rule has no condition.

        Args:
            source: code of the source.
            judged: the classification.
            product: its name, `''` where none is told.
            said: what `said` gives for the row.
        """
        key = (
            source,
            judged.kind,
            judged.type,
            judged.severity,
            judged.touched_types,
            product if product in self._products else "",
            said,
        )
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._decide(source, judged, product, said)
        return found

    def _decide(
        self, source: str, judged: Classification, name: str, said: frozenset[str]
    ) -> Assignment:
        product = self._products.get(name)
        facts = {
            "source": source,
            "kind": judged.kind,
            "type": judged.type,
            "severity": judged.severity,
            "product": product.name if product else "",
            "line": (product.line or "") if product else "",
        }
        for rule in self._rules:
            lead = (
                (product.department if product else None)
                if rule.lead == NOT_A_DEPARTMENT
                else rule.lead
            )
            if lead and _holds(rule, facts) and (not rule.when.words or rule.id in said):
                break
        else:
            raise AssertionError("the last rule has no condition; the book was checked")
        touched = [
            *rule.cooperating,
            *(self._by_type[t] for t in judged.touched_types if t in self._by_type),
        ]
        cooperating = tuple(d for d in dict.fromkeys(touched) if d != lead)
        n_departments = 1 + len(cooperating)
        escalations = tuple(
            e.id
            for e in self._escalations
            if _escalates(e, judged, n_departments, said=e.id in said)
        )
        return Assignment(lead, cooperating, rule.id, escalations)


def _holds(rule: AssignmentRule, facts: Mapping[str, str]) -> bool:
    return all(not wanted or facts[key] in wanted for key, wanted in _conditions(rule))


def _conditions(rule: AssignmentRule) -> list[tuple[str, list[str]]]:
    when = rule.when
    return [
        ("type", when.type),
        ("severity", when.severity),
        ("kind", when.kind),
        ("source", when.source),
        ("product", when.product),
        ("line", when.line),
    ]


def _escalates(
    rule: EscalationRule, judged: Classification, n_departments: int, *, said: bool
) -> bool:
    if judged.severity in rule.severity:
        return True
    complex_ = said or bool(rule.departments and n_departments >= rule.departments)
    return complex_ and (not rule.only_severity or judged.severity in rule.only_severity)
