"""Feedback + classification → who handles it, and whether it goes to the leaders. Source: 5.1.1, 3.3.3."""

from collections.abc import Mapping
from typing import Any

from fbbatch.model import Assignment, Classification
from fbbatch.schema import Book
from fbbatch.schema.book import NOT_A_DEPARTMENT
from fbbatch.schema.models import AssignmentRule, EscalationRule
from fbbatch.words import fold


class Assigner:
    """The assignment and escalation rules, compiled."""

    def __init__(self, book: Book) -> None:
        self._rules = [(rule, tuple(map(fold, rule.when.words))) for rule in book.assignment.rules]
        self._by_type = book.assignment.departments_by_type
        self._escalations = [(rule, tuple(map(fold, rule.words))) for rule in book.assignment.escalation]
        self._products = {product.name: product for product in book.products.products}
        self._words = sorted({word for _, words in (*self._rules, *self._escalations) for word in words})
        self._known: dict[tuple[Any, ...], Assignment] = {}

    def assign(self, values: Mapping[str, Any], source: str, judged: Classification, text: str) -> Assignment:
        """The first rule that holds decides; every case finds a department (the last rule has no condition).

        Args:
            values: the typed answers.
            source: code of the source.
            judged: the classification.
            text: the folded text of the feedback.
        """
        said = tuple(word for word in self._words if word in text)
        product = str(values.get("product", ""))
        key = (
            source,
            judged.kind,
            judged.type,
            judged.severity,
            judged.touched_types,
            product if product in self._products else "",
            said,
        )
        if key not in self._known:
            self._known[key] = self._decide(source, judged, product, frozenset(said))
        return self._known[key]

    def _decide(self, source: str, judged: Classification, name: str, said: frozenset[str]) -> Assignment:
        product = self._products.get(name)
        facts = {
            "source": source, "kind": judged.kind, "type": judged.type, "severity": judged.severity,
            "product": product.name if product else "", "line": (product.line or "") if product else "",
        }  # fmt: skip
        for rule, words in self._rules:
            lead = (product.department if product else None) if rule.lead == NOT_A_DEPARTMENT else rule.lead
            if lead and _holds(rule, facts) and (not words or not said.isdisjoint(words)):
                break
        else:
            raise AssertionError("the last rule has no condition; the book was checked")
        touched = [*rule.cooperating, *(self._by_type[t] for t in judged.touched_types if t in self._by_type)]
        cooperating = tuple(d for d in dict.fromkeys(touched) if d != lead)
        escalations = tuple(
            e.id for e, words in self._escalations if _escalates(e, judged, 1 + len(cooperating), not said.isdisjoint(words))
        )
        return Assignment(lead, cooperating, rule.id, escalations)


def _holds(rule: AssignmentRule, facts: Mapping[str, str]) -> bool:
    return all(not wanted or facts[key] in wanted for key, wanted in _conditions(rule))


def _conditions(rule: AssignmentRule) -> list[tuple[str, list[str]]]:
    when = rule.when
    return [
        ("type", when.type), ("severity", when.severity), ("kind", when.kind),
        ("source", when.source), ("product", when.product), ("line", when.line),
    ]  # fmt: skip


def _escalates(rule: EscalationRule, judged: Classification, departments: int, said: bool) -> bool:
    return judged.severity in rule.severity or bool(rule.departments and departments >= rule.departments) or said
