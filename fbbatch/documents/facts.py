"""What a document may say of a case, in words: the facts the batch knows, and the answers as people read them."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import opencc

from fbbatch.model import Case
from fbbatch.render.words import long_date
from fbbatch.schema import Book, FieldModel
from fbbatch.schema.models import Label

_OPEN = "〔公司待定〕"
_WORKING_DAYS = {"zh-Hant": "{} 個工作日", "zh-Hans": "{} 个工作日", "en": "{} working days"}
_SEPARATOR = {"zh-Hant": "、", "zh-Hans": "、", "en": ", "}
_YES_NO = {"zh-Hant": ("是", "否"), "zh-Hans": ("是", "否"), "en": ("yes", "no")}
_PROVISIONAL = {
    "zh-Hant": "（暫定：次年調休尚未公布）",
    "zh-Hans": "（暂定：次年调休尚未公布）",
    "en": " (provisional: next year's make-up days are not announced)",
}
_ORIGIN = {
    "zh-Hant": "文件「{file}」{sheet}第 {row} 行，運行 {run}",
    "zh-Hans": "文件“{file}”{sheet}第 {row} 行，运行 {run}",
    "en": "File '{file}', {sheet}row {row}, run {run}",
}
_SHEET = {"zh-Hant": "工作表「{}」", "zh-Hans": "工作表“{}”", "en": "sheet '{}', "}
_BASIS = {
    "zh-Hant": ("得分 {score:g}，領先次高 {margin:g}。", "規則無法判定：{unsure}，請專人覆核。"),
    "zh-Hans": ("得分 {score:g}，领先次高 {margin:g}。", "规则无法判定：{unsure}，请专人复核。"),
    "en": ("Score {score:g}, ahead of the second by {margin:g}.", " Not settled by the rules: {unsure}; please review."),
}  # fmt: skip


@cache
def _to_traditional() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")


def mask(contact: str) -> str:
    """A contact that may circulate: 138****1234, w***@example.com. Source: 3.1.1c."""
    if "@" in contact:
        name, _, domain = contact.rpartition("@")
        return f"{name[:1]}***@{domain}"
    digits = [index for index, char in enumerate(contact) if char.isdigit()]
    if len(digits) >= 7:
        hidden = set(digits[3:-4]) if len(digits) > 8 else set(digits[2:-2])
        return "".join("*" if index in hidden else char for index, char in enumerate(contact))
    return contact[:1] + "***" if contact else ""


class Teller:
    """Tells cases in one language.

    Args:
        book: the rule book.
        language: `zh-Hant`, `zh-Hans`, `en`.
        labels: labels of the facts.
    """

    def __init__(self, book: Book, language: str, labels: Mapping[str, Label]) -> None:
        self.book = book
        self.language = language
        self._labels = labels
        self._fields = {(s.id, f.id): f for s in book.sources for f in s.fields}
        self._any = {f.id: f for s in reversed(book.sources) for f in s.fields}
        self._escalations = {rule.id: rule for rule in book.assignment.escalation}
        self._deadlines = {rule.id: rule for rule in book.deadlines.deadlines}

    def join(self, parts: Any) -> str:
        """Parts of a list as one text."""
        return _SEPARATOR[self.language].join(part for part in parts if part)

    def label(self, name: str, schema: str = "") -> str:
        """The label of a fact, or of a field (of that schema, else of any)."""
        if name in self._labels:
            return self._labels[name][self.language]  # type: ignore[index]
        field = self._fields.get((schema, name)) or self._any.get(name)
        return field.label[self.language] if field else name  # type: ignore[index]

    def fields(self, schema: str) -> list[FieldModel]:
        """The fields of a schema, in order."""
        found = self.book.schema(schema)
        return list(found.fields) if found else []

    def answer(self, case: Case, field_id: str) -> str:
        """An answer as people read it: words for codes, names for ids."""
        value = case.values.get(field_id)
        if value is None:
            return ""
        field = self._fields.get((case.schema, field_id))
        return self._say(field, value) if field else str(value)

    def _say(self, field: FieldModel, value: Any) -> str:
        if isinstance(value, bool):
            return _YES_NO[self.language][0 if value else 1]
        if isinstance(value, list):
            return self.join(self._say(field, part) for part in value)
        if field.type in {"choice", "choices"}:
            return next((v.label[self.language] for v in self.book.values(field) if v.code == value), str(value))  # type: ignore[index]
        if field.type == "department":
            return self.book.department(str(value), self.language)
        if field.type == "person":
            person = self.book.person(str(value))
            return person.name if person else str(value)
        return str(value)

    def fact(self, case: Case, name: str) -> str:
        """A fact, or else the answer to the field of that name."""
        tell = _FACTS.get(name)
        return tell(self, case) if tell else self.answer(case, name)

    # --- facts that take more than a word ------------------------------------------------------------------

    def words(self, words: list[str]) -> str:
        """Matched words in the reader's script."""
        text = self.join(words)
        return str(_to_traditional().convert(text)) if self.language == "zh-Hant" else text

    def says(self, says: str) -> str:
        """`severity=severe` as `嚴重程度：嚴重`."""
        dimension, _, value = says.partition("=")
        colon = ": " if self.language == "en" else "："
        return f"{self.label(dimension)}{colon}{self.book.word(dimension, value, self.language)}"

    def basis(self, case: Case) -> str:
        """Why it was classified so, in one line: rule and words of what decided. Source: 3.2.x."""
        wanted = {f"type={case.type}", f"severity={case.severity}"}
        reasons = [r for r in case.evidence["reasons"] if r["says"] in wanted and (r["words"] or r["rule"] == "given")]
        told = [f"{r['rule']}（{self.words(r['words'])}）" if r["words"] else r["rule"] for r in reasons]
        if self.language == "en":
            told = [text.replace("（", " (").replace("）", ")") for text in told]
        return self.join(dict.fromkeys(told)) or self.unsure(case)

    def unsure(self, case: Case) -> str:
        """What the rules could not settle."""
        names = [self.label(name) for name in case.evidence.get("unsure", ())]
        return _BASIS[self.language][1].format(unsure=self.join(names)).strip() if names else ""

    def basis_note(self, case: Case) -> str:
        """Score and margin, and what is unsure."""
        return _BASIS[self.language][0].format(score=case.evidence["score"], margin=case.evidence["margin"]) + self.unsure(case)

    def due(self, case: Case) -> str:
        """The deadline as date and as rule. Source: 5.1.2a."""
        if case.due_on is None:
            return ""
        rule_id, _, days = (case.due_rule or "").partition(":")
        text = long_date(case.due_on, self.language)
        rule = self._deadlines.get(rule_id)
        if not rule:
            return text
        period = _WORKING_DAYS[self.language].format(days)
        word = self.book.word("severity", case.severity, self.language)
        open_ = "" if rule.decided else {"zh-Hant": _OPEN, "zh-Hans": _OPEN, "en": " (default; for the company to decide)"}[self.language]
        told = f"{rule_id} {rule.label[self.language]}：{word} {period}{open_}"  # type: ignore[index]
        return f"{text} ({told.replace('：', ': ')})" if self.language == "en" else f"{text}（{told}）"

    def escalation_reasons(self, case: Case) -> str:
        """Why it goes to the leaders."""
        return self.join(self._escalations[e].label[self.language] for e in case.escalations if e in self._escalations)  # type: ignore[index]

    def recipients(self, case: Case) -> str:
        """Who gets the escalation: leaders, and the heads of the departments concerned. Source: 3.3.3c, 3.3.3d."""
        roles = dict.fromkeys(role for e in case.escalations if e in self._escalations for role in self._escalations[e].to)
        names: list[str] = []
        for role in roles:
            if role == "P04":
                heads = [self.book.head(d) for d in (case.department, *case.cooperating) if d]
                names += [f"{h.name}（{self.book.department(h.department, self.language)}）" for h in heads if h]
            else:
                names += [p.name for p in self.book.holders(role)[:1]]
        text = self.join(dict.fromkeys(names))
        return text.replace("（", " (").replace("）", ")") if self.language == "en" else text

    def product_and_model(self, case: Case) -> str:
        """Name and model in one line."""
        return " ".join(part for part in (case.text("product"), case.text("model")) if part)

    def reporter(self, case: Case) -> str:
        """The reporter, and the organisation spoken for."""
        return "／".join(dict.fromkeys(p for p in (case.text("organisation") or case.text("partner"), case.text("reporter")) if p))

    def origin(self, case: Case) -> str:
        """Where the feedback stands in the original. Source: 1.3.2a."""
        sheet = _SHEET[self.language].format(case.sheet) if case.sheet else ""
        return _ORIGIN[self.language].format(file=case.file, sheet=sheet, row=case.row, run=case.run)

    def assignment(self, case: Case) -> str:
        """By which rule it was assigned."""
        return case.assignment_rule or ""


def _yes(teller: Teller, yes: bool) -> str:
    return _YES_NO[teller.language][0 if yes else 1]


_FACTS: dict[str, Callable[[Teller, Case], str]] = {
    "number": lambda _, c: c.number,
    "escalation_number": lambda _, c: f"{c.number}-D06",
    "source": lambda t, c: t.book.word("source", c.source, t.language),
    "channel": lambda t, c: t.book.word("channel", c.channel, t.language),
    "kind": lambda t, c: t.book.word("kind", c.kind, t.language),
    "type": lambda t, c: t.book.word("type", c.type, t.language),
    "severity": lambda t, c: t.book.word("severity", c.severity, t.language),
    "state": lambda t, c: t.book.word("state", c.state, t.language),
    "registered_on": lambda _, c: c.registered_on.isoformat(),
    "reported_on": lambda _, c: c.text("reported_at")[:10],
    "reporter": Teller.reporter,
    "masked_contact": lambda _, c: mask(c.text("contact")),
    "product_and_model": Teller.product_and_model,
    "basis": Teller.basis,
    "basis_note": Teller.basis_note,
    "department": lambda t, c: t.book.department(c.department, t.language),
    "cooperating": lambda t, c: t.join(t.book.department(d, t.language) for d in c.cooperating),
    "departments": lambda t, c: t.join(t.book.department(d, t.language) for d in (c.department, *c.cooperating)),
    "assignment_rule": Teller.assignment,
    "due": Teller.due,
    "due_on": lambda _, c: c.due_on.isoformat() if c.due_on else "",
    "escalated": lambda t, c: f"{_yes(t, True)}（{c.number}-D06）" if c.escalations and t.language != "en" else f"yes ({c.number}-D06)" if c.escalations else _yes(t, False),
    "escalation_reasons": Teller.escalation_reasons,
    "escalated_to": Teller.recipients,
    "escalated_by": lambda t, _: t.join(p.name for p in t.book.holders("P02")[:1]),
    "escalated_at": lambda _, c: c.registered_on.isoformat(),
    "origin": Teller.origin,
    "run": lambda _, c: c.run,
    "repeated": lambda t, _: _yes(t, False),
    "priority": lambda _, __: "",
}  # fmt: skip


def as_date(text: str) -> dt.date | str:
    """An ISO date as a date, so that workbooks hold real ones; other text as it is."""
    return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else text
