"""Feedback + classification → who handles it, and whether it goes to the leaders.

Source: 5.1.1, 3.3.3.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fbbatch.lexicon import Lexicon, Pattern
from fbbatch.model import Assignment, Classification
from fbbatch.schema import Book
from fbbatch.schema.book import NOT_A_DEPARTMENT
from fbbatch.schema.models import AssignmentRule, EscalationRule, Product


def assignment_words(book: Book) -> list[str]:
    """The words that assignment and escalation rules look for."""
    return [word for _, word in _wordy(book)]


def _wordy(book: Book) -> Iterator[tuple[str, str]]:
    """The words that rules look for, each with the id of its rule."""
    for rule in book.assignment.rules:
        for word in rule.when.words:
            yield rule.id, word
    for escalation in book.assignment.escalation:
        for word in escalation.words:
            yield escalation.id, word


_MEMO = 20_000


class Assigner:
    """The assignment and escalation rules, compiled.

    Args:
        book: the rule book.
        lexicon: a lexicon whose last words are the `assignment_words` of the book.
    """

    def __init__(self, book: Book, lexicon: Lexicon) -> None:
        assignment = book.assignment
        products = book.products.products
        self._rules = assignment.rules
        self._by_type = assignment.departments_by_type
        self._escalations = assignment.escalation
        self._products = {product.name: product for product in products}
        wordy = list(_wordy(book))
        first = len(lexicon.words) - len(wordy)
        rule_of = {number: rule for number, (rule, _) in enumerate(wordy, first)}
        self._rules_at: dict[int, list[str]] = {}
        for place in lexicon.places(rule_of):
            numbers = lexicon.numbers(place)
            self._rules_at[place] = [rule_of[n] for n in numbers if n in rule_of]
        self._known: dict[tuple[Any, ...], Assignment] = {}
        self._said: dict[Pattern, frozenset[str]] = {}

    def said(self, patterns: Iterable[Sequence[Pattern]], n_rows: int) -> list[frozenset[str]]:
        """The rules for whose words each row gives occasion, by the patterns of its texts."""
        known = self._said
        said: list[frozenset[str]] = [frozenset()] * n_rows
        for column in patterns:
            if len(known) > _MEMO:
                known.clear()
            for pattern in set(column) - known.keys():
                known[pattern] = self._rules_of(pattern)
            told = [known[pattern] for pattern in column]
            if any(said):
                said = [words | more for words, more in zip(said, told, strict=True)]
            else:
                said = told
        return said

    def _rules_of(self, pattern: Pattern) -> frozenset[str]:
        """The rules that look for words of a pattern."""
        rules: set[str] = set()
        for word in pattern:
            rules.update(self._rules_at.get(word >> 32, ()))
        return frozenset(rules)

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
        """Who handles a case, by rules and facts alone.

        Rules are asked in their order. Those for escalation are asked last: they also count the
        departments.
        """
        product = self._products.get(name)
        facts = _facts(source, judged, product)
        rule, lead = self._first_rule(facts, product, said)
        cooperating = self._cooperating(rule, lead, judged)
        n_departments = 1 + len(cooperating)
        escalations: list[str] = []
        for escalation in self._escalations:
            is_said = escalation.id in said
            if _escalates(escalation, judged, n_departments, said=is_said):
                escalations.append(escalation.id)
        return Assignment(lead, cooperating, rule.id, tuple(escalations))

    def _first_rule(
        self, facts: Mapping[str, str], product: Product | None, said: frozenset[str]
    ) -> tuple[AssignmentRule, str]:
        """The first rule that holds, and the department that it names."""
        for rule in self._rules:
            lead = _lead(rule, product)
            is_said = not rule.when.words or rule.id in said
            if lead and is_said and _holds(rule, facts):
                return rule, lead
        raise AssertionError("the last rule has no condition; the book was checked")

    def _cooperating(
        self, rule: AssignmentRule, lead: str, judged: Classification
    ) -> tuple[str, ...]:
        """The departments besides the lead: the rule's, and those of types touched on."""
        departments = list(rule.cooperating)
        for touched in judged.touched_types:
            if department := self._by_type.get(touched):
                departments.append(department)
        return tuple(d for d in dict.fromkeys(departments) if d != lead)


def _facts(source: str, judged: Classification, product: Product | None) -> dict[str, str]:
    """What the conditions of rules ask for, by their keys."""
    return {
        "source": source,
        "kind": judged.kind,
        "type": judged.type,
        "severity": judged.severity,
        "product": product.name if product else "",
        "line": (product.line or "") if product else "",
    }


def _lead(rule: AssignmentRule, product: Product | None) -> str | None:
    """The department that a rule names; None where it is the product's and there is none."""
    if rule.lead != NOT_A_DEPARTMENT:
        return rule.lead
    return product.department if product else None


def _holds(rule: AssignmentRule, facts: Mapping[str, str]) -> bool:
    """Whether a rule's conditions hold; of one that is left out, any fact will do."""
    return all(not wanted or facts[key] in wanted for key, wanted in _conditions(rule))


def _conditions(rule: AssignmentRule) -> list[tuple[str, list[str]]]:
    """What a rule asks of each fact; nothing where any will do."""
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
    """Whether a case goes to the leaders by a rule; `said`: its texts have words of the rule."""
    if judged.severity in rule.severity:
        return True
    if rule.only_severity and judged.severity not in rule.only_severity:
        return False
    return said or bool(rule.departments and n_departments >= rule.departments)
