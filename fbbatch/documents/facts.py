"""What a document may say of a matter, in words.

These are the facts the batch knows, and the answers as people read them.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from fbbatch.model import Case, Facts
from fbbatch.schema import Book, FieldModel
from fbbatch.schema.models import Deadline, EscalationRule, Label, When
from fbbatch.wording import say
from fbbatch.words import fold, traditional

_OTHER_RULES = {
    "proposal": "documents.by_proposal",
    "reopened": "documents.by_reopening",
    "linked": "documents.by_link",
    "tracking_ledger": "documents.by_tracking_ledger",
}
"""By what it was assigned where no rule of the company's did it, and the words for that."""
_SEVERAL_WORDS = ("severity", "type", "kind", "source")
"""What a rule of assignment asks for by words of the vocabulary."""


_folded = lru_cache(maxsize=64)(fold)


def mask(contact: str) -> str:
    """A contact that may circulate: 138****1234, w***@example.com. Source: 3.1.1c."""
    if "@" in contact:
        name, _, domain = contact.rpartition("@")
        return f"{name[:1]}***@{domain}"
    digits = [index for index, char in enumerate(contact) if char.isdigit()]
    if len(digits) < 7:
        return contact[:1] + "***" if contact else ""
    masked = list(contact)
    for index in _hidden(digits):
        masked[index] = "*"
    return "".join(masked)


def _hidden(digits: list[int]) -> list[int]:
    """Which of a number's digits are not shown; of a long number more digits are."""
    if len(digits) > 10:
        return digits[3:-4]
    if len(digits) > 8:
        return digits[3:-3]
    return digits[2:-2]


class Teller:
    """Tells matters in one language.

    Args:
        book: the rule book.
        language: `zh-Hant`, `zh-Hans`, `en`.
        labels: labels of the facts.
    """

    def __init__(self, book: Book, language: str, labels: Mapping[str, Label]) -> None:
        self.book = book
        self.language = language
        self._labels = labels
        self._between = self.phrase("list")
        # fields by schema and id; of any source by id, where the first that has it counts
        self._fields: dict[tuple[str, str], FieldModel] = {}
        self._any: dict[str, FieldModel] = {}
        for schema in book.sources:
            for field in schema.fields:
                self._fields[schema.id, field.id] = field
                self._any.setdefault(field.id, field)
        rules = book.assignment
        self._escalations = {rule.id: rule for rule in rules.escalation}
        self._assignments = {rule.id: rule for rule in rules.rules}
        self._deadlines = {rule.id: rule for rule in book.deadlines.deadlines}
        classes = book.classification.rules
        self.safety_rules = frozenset(rule.id for rule in classes if rule.safety)

    def join(self, parts: Any) -> str:
        """Parts of a list as one text."""
        return self._between.join(filter(None, parts))

    def phrase(self, code: str, /, **details: object) -> str:
        """Words of our own, or a sign such as the colon behind a label."""
        return say(code, self.language, **details)

    def word(self, name: str, code: str | None) -> str:
        """The word for a code of the vocabulary's set of that name."""
        return self.book.word(name, code, self.language)

    def department(self, department_id: str | None) -> str:
        """A department by its name."""
        return self.book.department(department_id, self.language)

    def with_remark(self, name: str, remark: str | None) -> str:
        """A name, or whatever else, with a remark in brackets where there is one."""
        return name + self.phrase("in_brackets", text=remark) if remark else name

    def yes_no(self, yes: object) -> str:
        """The word for yes or no."""
        return self.phrase("documents.yes" if yes else "documents.no")

    def label(self, name: str, schema: str = "") -> str:
        """The label of a fact, or of a field (of that schema, else of any)."""
        if name in self._labels:
            return self._labels[name][self.language]
        field = self._field(name, schema)
        return field.label[self.language] if field else name

    def _field(self, name: str, schema: str) -> FieldModel | None:
        """The field of that name: the schema's own, else that of any source."""
        return self._fields.get((schema, name)) or self._any.get(name)

    @property
    def fact_labels(self) -> dict[str, str]:
        """The labels of all facts by name."""
        return {name: label[self.language] for name, label in self._labels.items()}

    def fields(self, schema: str) -> list[FieldModel]:
        """The fields of a schema, in order."""
        found = self.book.schema(schema)
        return list(found.fields) if found else []

    def answer(self, facts: Facts, field_id: str) -> str:
        """An answer as people read it: words for codes, names for ids."""
        value = facts.values.get(field_id)
        if value is None:
            return ""
        schema = facts.schema if isinstance(facts, Case) else ""
        field = self._fields.get((schema, field_id))
        return self.say(field, value) if field else str(value)

    def field_of_form(self, name: str) -> tuple[str, FieldModel] | None:
        """The form and the field that `form.field` means; None where it means none."""
        form, dot, field_id = name.partition(".")
        schema = self.book.schema(form) if dot else None
        if schema:
            for field in schema.fields:
                if field.id == field_id:
                    return form, field
        return None

    def tell(self, name: str, value: Any, schema: str) -> str:
        """A typed value of the field of that name."""
        if value is None:
            return ""
        field = self._field(name, schema)
        return self.say(field, value) if field else str(value)

    def say(self, field: FieldModel, value: Any) -> str:
        """A typed value of a field as people read it."""
        if isinstance(value, bool):
            return self.yes_no(value)
        if isinstance(value, list):
            return self.join(self.say(field, part) for part in value)
        match field.type:
            case "rating" if field.values:
                return self._rating(field, value)
            case "choice" | "choices":
                return self._word(field, value) or str(value)
            case "department":
                return self.department(str(value))
            case "person":
                return self.person(value)
        return str(value)

    def _rating(self, field: FieldModel, value: float) -> str:
        """A mark with its word, where there is one: `5（很滿意）`."""
        mark = f"{value:g}"
        word = self._word(field, mark)
        if not word:
            return mark
        return mark + self.phrase("in_brackets", text=word)

    def _word(self, field: FieldModel, code: object) -> str | None:
        """The word for a code of a field; None where the field does not know it."""
        for value in self.book.values(field):
            if value.code == code:
                return value.label[self.language]
        return None

    def person(self, person_id: object) -> str:
        """A person's name; a name that is no id as it is."""
        person = self.book.person(str(person_id)) if person_id else None
        return person.name if person else str(person_id or "")

    def options(self, field: FieldModel) -> str:
        """A question to be ticked, as printed: `□ 是　□ 否`.

        `''` for a field that is written in.
        """
        match field.type:
            case "choice" | "choices":
                names = [value.label[self.language] for value in self.book.values(field)]
            case "boolean":
                names = [self.yes_no(True), self.yes_no(False)]
            case "rating":
                low = int(field.minimum or 1)
                high = int(field.maximum or 5)
                names = [str(mark) for mark in range(high, low - 1, -1)]
            case _:
                return ""
        return "　".join(f"□ {name}" for name in names)

    def fact(self, facts: Facts, name: str) -> str:
        """A fact, or else the answer to the field of that name. What only cases have is empty."""
        if tell := _FACTS.get(name):
            return tell(self, facts)
        if of_case := _OF_CASES.get(name):
            if isinstance(facts, Case):
                return of_case(self, facts)
            return ""
        return self.answer(facts, name)

    # --- facts that take more than a word ---------------------------------------------

    def words(self, words: list[str], text: str) -> str:
        """Matched words as the reporter wrote them."""
        folded = _folded(text)
        has_same_places = len(folded) == len(text)
        told = []
        for word in words:
            at = folded.find(word)
            if has_same_places and at >= 0:
                told.append(text[at : at + len(word)])
            else:
                told.append(self._written(word))
        return self.join(told)

    def _written(self, word: str) -> str:
        """A folded word that the text no longer holds, in the script of the documents."""
        return traditional(word) if self.language == "zh-Hant" else word

    def says(self, says: str) -> str:
        """`severity=severe` as `嚴重程度：嚴重`."""
        dimension, _, value = says.partition("=")
        word = self.word(dimension, value)
        return f"{self.label(dimension)}{self.phrase('colon')}{word}"

    def basis(self, case: Case) -> str:
        """Why it was classified so, in one line: rule and words of what decided. Source: 3.2.x."""
        wanted = {f"type={case.type}", f"severity={case.severity}"}
        reasons_by_value: dict[str, list[Mapping[str, Any]]] = {}
        for reason in case.evidence["reasons"]:
            says = reason["says"]
            decides = reason["words"] or reason["rule"] == "given"
            if decides and says in wanted:
                reasons_by_value.setdefault(says, []).append(reason)
        told = []
        for says, reasons in reasons_by_value.items():
            told.append(self._quoted(says, reasons, case))
        if not told:
            return self.unsure(case)
        return self.phrase("semicolon").join(told)

    def _quoted(self, says: str, reasons: Sequence[Mapping[str, Any]], case: Case) -> str:
        """What decided for a type or severity: the reporter's words, or that it was given."""
        dimension, _, value = says.partition("=")
        decided = self.word(dimension, value)
        words: list[str] = []
        rules: list[str] = []
        for reason in reasons:
            if not reason["words"]:
                continue
            rules.append(reason["rule"])
            text = case.text(reason["field"])
            for word in reason["words"]:
                words.append(self.words([word], text))
        if not words:
            return self.with_remark(decided, self.phrase("documents.given"))
        return self.phrase(
            "documents.quoted",
            says=decided,
            words=self.join(dict.fromkeys(words)),
            rule=self.join(rules),
        )

    def unsure(self, case: Case) -> str:
        """What the rules could not settle."""
        unsure = self.join(map(self.label, case.evidence.get("unsure", ())))
        return self.phrase("documents.unsure", unsure=unsure) if unsure else ""

    def basis_note(self, case: Case) -> str:
        """Score and margin, and what is unsure."""
        told = []
        if score := case.evidence["score"]:
            margin = case.evidence["margin"]
            told.append(self.phrase("documents.scored", score=score, margin=margin))
        if unsure := self.unsure(case):
            told.append(unsure)
        return self.phrase("gap").join(told)

    def repeated(self, case: Case) -> str:
        """Which older case may be the same matter, and why; a person decides. Source: N4."""
        told = case.alike
        if not told:
            return self.phrase("documents.not_repeated")
        labels = [self.label(name, case.schema) for name in told["same"]]
        same = self.join(labels)
        return self.phrase("documents.repeated", **{**told, "same": same})

    def due(self, case: Case) -> str:
        """The deadline as date and as rule. Source: 5.1.2a."""
        if case.due_on is None:
            return ""
        rule_id, _, days = (case.due_rule or "").partition(":")
        text = case.due_on.isoformat()
        rule = self._deadlines.get(rule_id)
        if not rule:
            return text
        return self.phrase(
            "documents.due",
            date=text,
            severity=self.word("severity", case.severity),
            period=self.phrase("documents.working_days", days=days),
            open=self._provisional(rule),
        )

    def _provisional(self, rule: Deadline) -> str:
        """That the company has still to decide about a period; `''` where it has."""
        return "" if rule.decided else self.phrase("documents.provisional")

    def escalation_reasons(self, case: Case) -> str:
        """Why it goes to the leaders."""
        rules = self._escalated_by(case)
        return self.join(rule.label[self.language] for rule in rules)

    def _escalated_by(self, case: Case) -> list[EscalationRule]:
        """The rules by which it goes to the leaders."""
        return [self._escalations[e] for e in case.escalations if e in self._escalations]

    def recipients(self, case: Case) -> str:
        """Who gets the escalation: leaders, and the heads of the departments concerned.

        Source: 3.3.3c, 3.3.3d.
        """
        roles = dict.fromkeys(role for rule in self._escalated_by(case) for role in rule.to)
        names: list[str] = []
        for role in roles:
            if role == "P04":
                names += self._heads(case)
            else:
                names += [self.with_remark(p.name, p.title) for p in self.book.holders(role)[:1]]
        return self.join(dict.fromkeys(names))

    def _heads(self, case: Case) -> list[str]:
        """The heads of the departments concerned, each with the department."""
        told = []
        for department in (case.department, *case.cooperating):
            head = self.book.head(department) if department else None
            if head:
                told.append(self.with_remark(head.name, self.department(head.department)))
        return told

    def escalation_limit(self, case: Case) -> str:
        """Within which time an escalation must be made (T02). Source: 3.3.3a."""
        rule = self._deadlines.get("T02")
        if rule is None:
            return ""
        hours = rule.hours.get(case.severity, rule.hours.get("all"))
        if hours is None:
            return ""
        open_ = self._provisional(rule)
        return self.phrase("documents.escalation_limit", hours=hours, open=open_)

    def product_and_model(self, case: Case) -> str:
        """Name and model in one line."""
        names = (case.text("product"), case.text("model"))
        return " ".join(filter(None, names))

    def reporter(self, case: Case) -> str:
        """The reporter, and the organisation spoken for."""
        organisation = case.text("organisation") or case.text("partner")
        names = filter(None, (organisation, case.text("reporter")))
        return self.phrase("slash").join(dict.fromkeys(names))

    def addressee(self, case: Case) -> str:
        """Whom a letter greets: the reporter by name, else the organisation."""
        return case.text("reporter") or self.reporter(case)

    def origin(self, case: Case) -> str:
        """Where the feedback stands in the original. Source: 1.3.2a."""
        name = self.word("document", case.sheet)  # of a form, its kind
        return self.phrase(
            "documents.origin",
            file=case.file,
            sheet=self.phrase("documents.at_sheet", name=name) if name else "",
            row=case.row,
            run=case.run,
        )

    def assignment(self, case: Case) -> str:
        """By which rule it was assigned, and what the rule says. Source: 5.1.1a."""
        name = case.assignment_rule or ""
        rule = self._assignments.get(name)
        if rule is None:
            return self.phrase(_OTHER_RULES[name]) if name in _OTHER_RULES else name
        return self.phrase(
            "documents.by_rule",
            when=self._when(rule.when) or self.phrase("documents.otherwise"),
            department=self.department(case.department),
            rule=rule.id,
        )

    def _when(self, condition: When) -> str:
        """Of what a rule of assignment is; `''` where it is for everything else."""
        told = []
        colon = self.phrase("colon")
        for name in _SEVERAL_WORDS:
            words = [self.word(name, code) for code in getattr(condition, name)]
            if words:
                told.append(f"{self.label(name)}{colon}{self.join(words)}")
        for names in (condition.product, condition.line):
            told.append(self.join(names))
        if condition.words:
            told.append(self.phrase("documents.key_words"))
        return self.join(told)

    def due_on(self, facts: Facts) -> str:
        """By which day it must be settled."""
        day = facts.due_on
        return day.isoformat() if day else ""

    def cooperating(self, facts: Facts) -> str:
        """The departments that help."""
        return self.join(map(self.department, facts.cooperating))

    def departments(self, facts: Facts) -> str:
        """All departments that handle it, the one in charge first."""
        departments = (facts.department, *facts.cooperating)
        return self.join(map(self.department, departments))

    def reported_on(self, case: Case) -> str:
        """The day of the feedback, without its time."""
        moment = case.text("reported_at")
        return moment[:10]

    def masked_contact(self, case: Case) -> str:
        """The contact as it may circulate."""
        contact = case.text("contact")
        return mask(contact)

    def escalated_by(self, case: Case) -> str:
        """Who sends an escalation."""
        summarisers = self.book.holders("P02")
        return summarisers[0].name if summarisers else ""

    def escalated(self, case: Case) -> str:
        """Whether it goes to the leaders, with the number of the escalation."""
        number = f"{case.number}-D06" if case.escalations else ""
        return self.with_remark(self.yes_no(case.escalations), number)


_Tell = Callable[[Teller, Facts], str]


def _word_for(name: str) -> _Tell:
    """The vocabulary's word for an attribute of the matter that has the name of its set."""
    return lambda teller, facts: teller.word(name, getattr(facts, name))


_FACTS: dict[str, _Tell] = {
    "number": lambda _, c: c.number,
    "state": _word_for("state"),
    "registered_on": lambda _, c: c.registered_on.isoformat(),
    "department": lambda t, c: t.department(c.department),
    "cooperating": Teller.cooperating,
    "departments": Teller.departments,
    "due_on": Teller.due_on,
    "run": lambda _, c: c.run,
}
"""Of any matter."""
_OF_CASES: dict[str, Callable[[Teller, Case], str]] = {
    "escalation_number": lambda _, c: f"{c.number}-D06",
    "source": _word_for("source"),
    "channel": _word_for("channel"),
    "kind": _word_for("kind"),
    "type": _word_for("type"),
    "severity": _word_for("severity"),
    "reported_on": Teller.reported_on,
    "reporter": Teller.reporter,
    "addressee": Teller.addressee,
    "masked_contact": Teller.masked_contact,
    "product_and_model": Teller.product_and_model,
    "basis": Teller.basis,
    "basis_note": Teller.basis_note,
    "assignment_rule": Teller.assignment,
    "due": Teller.due,
    "escalated": Teller.escalated,
    "escalation_reasons": Teller.escalation_reasons,
    "escalated_to": Teller.recipients,
    "escalation_limit": Teller.escalation_limit,
    "escalated_by": Teller.escalated_by,
    "escalated_at": lambda _, c: f"{c.registered_at:%Y-%m-%d %H:%M}",
    "origin": Teller.origin,
    "repeated": Teller.repeated,
    "main_case": lambda *_: "",
    "priority": lambda t, _: t.phrase("documents.to_be_assessed"),
    "contact": lambda t, c: c.text("contact") or t.phrase("documents.unknown"),
}
"""Of what feedback opened."""
TOLD = frozenset({*_FACTS, *_OF_CASES})
"""The names of the facts."""


def as_date(text: str) -> dt.date | str:
    """An ISO date as a date, so that workbooks hold real ones; other text as it is."""
    return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else text
