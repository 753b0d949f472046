"""What a document may say of a matter, in words.

These are the facts the batch knows, and the answers as people read them.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from fbbatch.model import Case, Facts
from fbbatch.schema import Book, FieldModel
from fbbatch.schema.models import Label
from fbbatch.words import fold, traditional

_OPEN = {
    "zh-Hant": "；暫定，待公司核定",
    "zh-Hans": "；暂定，待公司核定",
    "en": "; provisional, for the company to decide",
}
_DUE = {
    "zh-Hant": "{date}（{severity}問題 {period}{open}）",
    "zh-Hans": "{date}（{severity}问题 {period}{open}）",
    "en": "{date} ({severity}: {period}{open})",
}
_QUOTED = {
    "zh-Hant": "{says}：「{words}」（{rule}）",
    "zh-Hans": "{says}：“{words}”（{rule}）",
    "en": '{says}: "{words}" ({rule})',
}
GIVEN = {"zh-Hant": "登記人填寫", "zh-Hans": "登记人填写", "en": "given by the recorder"}
_CLAUSE = {"zh-Hant": "；", "zh-Hans": "；", "en": "; "}
_RULE = {
    "zh-Hant": "{when} → {department}（規則 {rule}）",
    "zh-Hans": "{when} → {department}（规则 {rule}）",
    "en": "{when} → {department} (rule {rule})",
}
_OTHER_RULES = {
    "proposal": {
        "zh-Hant": "原部門建議轉交",
        "zh-Hans": "原部门建议转交",
        "en": "Proposed by the former department",
    },
    "reopened": {
        "zh-Hant": "重開後交原責任部門",
        "zh-Hans": "重开后交原责任部门",
        "en": "Reopened, back to the department that handled it",
    },
    "linked": {
        "zh-Hant": "原案件的責任部門",
        "zh-Hans": "原案件的责任部门",
        "en": "The department that handled the former case",
    },
    "tracking_ledger": {
        "zh-Hant": "在跟蹤臺賬中指定",
        "zh-Hans": "在跟踪台账中指定",
        "en": "Named in the tracking ledger",
    },
}
_LIMIT = {
    "zh-Hant": "上報時限：{:g} 小時內{}。",
    "zh-Hans": "上报时限：{:g} 小时内{}。",
    "en": "To be escalated within {:g} hours{}.",
}
_OTHERWISE = {"zh-Hant": "其他情況", "zh-Hans": "其他情况", "en": "otherwise"}
_WORDS_SAID = {"zh-Hant": "提到關鍵詞", "zh-Hans": "提到关键词", "en": "key words are mentioned"}
_UNKNOWN = {"zh-Hant": "未提供", "zh-Hans": "未提供", "en": "Not given"}
_OPEN_PRIORITY = {"zh-Hant": "待評估", "zh-Hans": "待评估", "en": "To be assessed"}
_NOT_REPEATED = {
    "zh-Hant": "未發現相同記錄",
    "zh-Hans": "未发现相同记录",
    "en": "No identical record",
}
_REPEATED = {
    "zh-Hant": "疑與 {case} 為同一事項（{same}相同，相隔 {days} 天，描述相近 {percent}%），請判定",
    "zh-Hans": "疑与 {case} 为同一事项（{same}相同，相隔 {days} 天，描述相近 {percent}%），请判定",
    "en": (
        "Perhaps the same matter as {case} (same {same}, {days} days apart, "
        "texts {percent}% alike); please decide"
    ),
}
_WORKING_DAYS = {"zh-Hant": "{} 個工作日", "zh-Hans": "{} 个工作日", "en": "{} working days"}
_SEPARATOR = {"zh-Hant": "、", "zh-Hans": "、", "en": ", "}
_YES_NO = {"zh-Hant": ("是", "否"), "zh-Hans": ("是", "否"), "en": ("Yes", "No")}
_ORIGIN = {
    "zh-Hant": "文件「{file}」{sheet}第 {row} 行，運行 {run}",
    "zh-Hans": "文件“{file}”{sheet}第 {row} 行，运行 {run}",
    "en": "File '{file}', {sheet}row {row}, run {run}",
}
_SHEET = {"zh-Hant": "工作表「{}」", "zh-Hans": "工作表“{}”", "en": "sheet '{}', "}
_BASIS = {
    "zh-Hant": (
        "類型判定得分 {score:g} 分，高出次選 {margin:g} 分。",
        "規則無法判定：{unsure}，請專人覆核。",
    ),
    "zh-Hans": (
        "类型判定得分 {score:g} 分，高出次选 {margin:g} 分。",
        "规则无法判定：{unsure}，请专人复核。",
    ),
    "en": (
        "The type scored {score:g}, ahead of the second by {margin:g}.",
        " Not settled by the rules: {unsure}; please review.",
    ),
}


_folded = lru_cache(maxsize=64)(fold)


def mask(contact: str) -> str:
    """A contact that may circulate: 138****1234, w***@example.com. Source: 3.1.1c."""
    if "@" in contact:
        name, _, domain = contact.rpartition("@")
        return f"{name[:1]}***@{domain}"
    digits = [index for index, char in enumerate(contact) if char.isdigit()]
    if len(digits) >= 7:
        hidden = set(
            digits[3:-4] if len(digits) > 10 else digits[3:-3] if len(digits) > 8 else digits[2:-2]
        )
        return "".join("*" if index in hidden else char for index, char in enumerate(contact))
    return contact[:1] + "***" if contact else ""


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
        self._fields = {(s.id, f.id): f for s in book.sources for f in s.fields}
        self._any = {f.id: f for s in reversed(book.sources) for f in s.fields}
        self._escalations = {rule.id: rule for rule in book.assignment.escalation}
        self._assignments = {rule.id: rule for rule in book.assignment.rules}
        self._deadlines = {rule.id: rule for rule in book.deadlines.deadlines}
        self.safety_rules = frozenset(rule.id for rule in book.classification.rules if rule.safety)

    def join(self, parts: Any) -> str:
        """Parts of a list as one text."""
        return _SEPARATOR[self.language].join(part for part in parts if part)

    def label(self, name: str, schema: str = "") -> str:
        """The label of a fact, or of a field (of that schema, else of any)."""
        if name in self._labels:
            return self._labels[name][self.language]
        field = self._fields.get((schema, name)) or self._any.get(name)
        return field.label[self.language] if field else name

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
        fields = schema.fields if schema else ()
        return next(((form, field) for field in fields if field.id == field_id), None)

    def tell(self, name: str, value: Any, schema: str) -> str:
        """A typed value of the field of that name."""
        field = self._fields.get((schema, name)) or self._any.get(name)
        return "" if value is None else self.say(field, value) if field else str(value)

    def say(self, field: FieldModel, value: Any) -> str:
        """A typed value of a field as people read it."""
        if isinstance(value, bool):
            return _YES_NO[self.language][0 if value else 1]
        if isinstance(value, list):
            return self.join(self.say(field, part) for part in value)
        match field.type:
            case "rating" if field.values:
                return self._rating(field, value)
            case "choice" | "choices":
                return self._word(field, value) or str(value)
            case "department":
                return self.book.department(str(value), self.language)
            case "person":
                return self.person(value)
        return str(value)

    def _rating(self, field: FieldModel, value: float) -> str:
        """A mark with its word, where there is one: `5（很滿意）`."""
        mark = f"{value:g}"
        word = self._word(field, mark)
        if not word:
            return mark
        return f"{mark} ({word})" if self.language == "en" else f"{mark}（{word}）"

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
                names = list(_YES_NO[self.language])
            case "rating":
                names = [
                    str(n) for n in range(int(field.maximum or 5), int(field.minimum or 1) - 1, -1)
                ]
            case _:
                return ""
        return "　".join(f"□ {name}" for name in names)

    def fact(self, facts: Facts, name: str) -> str:
        """A fact, or else the answer to the field of that name. What only cases have is empty."""
        if tell := _FACTS.get(name):
            return tell(self, facts)
        if of_case := _OF_CASES.get(name):
            return of_case(self, facts) if isinstance(facts, Case) else ""
        return self.answer(facts, name)

    # --- facts that take more than a word ---------------------------------------------

    def words(self, words: list[str], text: str) -> str:
        """Matched words as the reporter wrote them."""
        folded = _folded(text)
        same = len(folded) == len(text)
        places = [(folded.find(word), word) for word in words]
        return self.join(
            text[at : at + len(word)] if same and at >= 0 else self._written(word)
            for at, word in places
        )

    def _written(self, word: str) -> str:
        """A folded word that the text no longer holds, in the script of the documents."""
        return traditional(word) if self.language == "zh-Hant" else word

    def says(self, says: str) -> str:
        """`severity=severe` as `嚴重程度：嚴重`."""
        dimension, _, value = says.partition("=")
        colon = ": " if self.language == "en" else "："
        return f"{self.label(dimension)}{colon}{self.book.word(dimension, value, self.language)}"

    def basis(self, case: Case) -> str:
        """Why it was classified so, in one line: rule and words of what decided. Source: 3.2.x."""
        wanted = {f"type={case.type}", f"severity={case.severity}"}
        reasons = [
            r
            for r in case.evidence["reasons"]
            if r["says"] in wanted and (r["words"] or r["rule"] == "given")
        ]
        by_value: dict[str, tuple[list[str], list[str]]] = {}
        for reason in reasons:
            words, rules = by_value.setdefault(reason["says"], ([], []))
            words += [self.words([word], case.text(reason["field"])) for word in reason["words"]]
            rules += [reason["rule"]] if reason["words"] else []
        told = []
        for says, (words, rules) in by_value.items():
            dimension, _, value = says.partition("=")
            word = self.book.word(dimension, value, self.language)
            quote = _QUOTED[self.language].format(
                says=word, words=self.join(dict.fromkeys(words)), rule=self.join(rules)
            )
            told.append(
                quote
                if words
                else word
                + (" ({})" if self.language == "en" else "（{}）").format(GIVEN[self.language])
            )
        return _CLAUSE[self.language].join(told) or self.unsure(case)

    def unsure(self, case: Case) -> str:
        """What the rules could not settle."""
        names = [self.label(name) for name in case.evidence.get("unsure", ())]
        return _BASIS[self.language][1].format(unsure=self.join(names)).strip() if names else ""

    def basis_note(self, case: Case) -> str:
        """Score and margin, and what is unsure."""
        score = case.evidence["score"]
        told = (
            _BASIS[self.language][0].format(score=score, margin=case.evidence["margin"])
            if score
            else ""
        )
        return (
            f"{told} {self.unsure(case)}".strip()
            if self.language == "en"
            else told + self.unsure(case)
        )

    def repeated(self, case: Case) -> str:
        """Which older case may be the same matter, and why; a person decides. Source: N4."""
        told = case.alike
        if not told:
            return _NOT_REPEATED[self.language]
        same = self.join(self.label(name, case.schema) for name in told["same"])
        return _REPEATED[self.language].format(
            same=same, **{name: told[name] for name in ("case", "days", "percent")}
        )

    def due(self, case: Case) -> str:
        """The deadline as date and as rule. Source: 5.1.2a."""
        if case.due_on is None:
            return ""
        rule_id, _, days = (case.due_rule or "").partition(":")
        text = case.due_on.isoformat()
        rule = self._deadlines.get(rule_id)
        if not rule:
            return text
        period = _WORKING_DAYS[self.language].format(days)
        word = self.book.word("severity", case.severity, self.language)
        open_ = "" if rule.decided else _OPEN[self.language]
        return _DUE[self.language].format(date=text, severity=word, period=period, open=open_)

    def escalation_reasons(self, case: Case) -> str:
        """Why it goes to the leaders."""
        return self.join(
            self._escalations[e].label[self.language]
            for e in case.escalations
            if e in self._escalations
        )

    def recipients(self, case: Case) -> str:
        """Who gets the escalation: leaders, and the heads of the departments concerned.

        Source: 3.3.3c, 3.3.3d.
        """
        roles = dict.fromkeys(
            role
            for e in case.escalations
            if e in self._escalations
            for role in self._escalations[e].to
        )
        names: list[str] = []
        for role in roles:
            if role == "P04":
                heads = [self.book.head(d) for d in (case.department, *case.cooperating) if d]
                names += [
                    f"{h.name}（{self.book.department(h.department, self.language)}）"
                    for h in heads
                    if h
                ]
            else:
                names += [
                    f"{p.name}（{p.title}）" if p.title else p.name
                    for p in self.book.holders(role)[:1]
                ]
        text = self.join(dict.fromkeys(names))
        return text.replace("（", " (").replace("）", ")") if self.language == "en" else text

    def escalation_limit(self, case: Case) -> str:
        """Within which time an escalation must be made (T02). Source: 3.3.3a."""
        rule = self._deadlines.get("T02")
        hours = rule.hours.get(case.severity, rule.hours.get("all")) if rule else None
        if rule is None or hours is None:
            return ""
        return _LIMIT[self.language].format(hours, "" if rule.decided else _OPEN[self.language])

    def product_and_model(self, case: Case) -> str:
        """Name and model in one line."""
        return " ".join(part for part in (case.text("product"), case.text("model")) if part)

    def reporter(self, case: Case) -> str:
        """The reporter, and the organisation spoken for."""
        return (" / " if self.language == "en" else "／").join(
            dict.fromkeys(
                p
                for p in (case.text("organisation") or case.text("partner"), case.text("reporter"))
                if p
            )
        )

    def addressee(self, case: Case) -> str:
        """Whom a letter greets: the reporter by name, else the organisation."""
        return case.text("reporter") or self.reporter(case)

    def origin(self, case: Case) -> str:
        """Where the feedback stands in the original. Source: 1.3.2a."""
        name = self.book.word("document", case.sheet, self.language)  # of a form, its kind
        sheet = _SHEET[self.language].format(name) if name else ""
        return _ORIGIN[self.language].format(
            file=case.file, sheet=sheet, row=case.row, run=case.run
        )

    def assignment(self, case: Case) -> str:
        """By which rule it was assigned, and what the rule says. Source: 5.1.1a."""
        rule = self._assignments.get(case.assignment_rule or "")
        if rule is None:
            return _OTHER_RULES.get(case.assignment_rule or "", {}).get(
                self.language, case.assignment_rule or ""
            )
        colon = ": " if self.language == "en" else "："
        told = [
            f"{self.label(name)}{colon}"
            + self.join(self.book.word(name, code, self.language) for code in codes)
            for name in ("severity", "type", "kind", "source")
            if (codes := getattr(rule.when, name))
        ]
        told += [self.join(names) for names in (rule.when.product, rule.when.line) if names]
        told += [_WORDS_SAID[self.language]] if rule.when.words else []
        when = self.join(told) or _OTHERWISE[self.language]
        return _RULE[self.language].format(
            when=when, department=self.book.department(case.department, self.language), rule=rule.id
        )


def _yes(teller: Teller, yes: bool) -> str:
    return _YES_NO[teller.language][0 if yes else 1]


_FACTS: dict[str, Callable[[Teller, Facts], str]] = {
    "number": lambda _, c: c.number,
    "state": lambda t, c: t.book.word("state", c.state, t.language),
    "registered_on": lambda _, c: c.registered_on.isoformat(),
    "department": lambda t, c: t.book.department(c.department, t.language),
    "cooperating": lambda t, c: t.join(t.book.department(d, t.language) for d in c.cooperating),
    "departments": lambda t, c: t.join(
        t.book.department(d, t.language) for d in (c.department, *c.cooperating)
    ),
    "due_on": lambda _, c: c.due_on.isoformat() if c.due_on else "",
    "run": lambda _, c: c.run,
}
"""Of any matter."""
_OF_CASES: dict[str, Callable[[Teller, Case], str]] = {
    "escalation_number": lambda _, c: f"{c.number}-D06",
    "source": lambda t, c: t.book.word("source", c.source, t.language),
    "channel": lambda t, c: t.book.word("channel", c.channel, t.language),
    "kind": lambda t, c: t.book.word("kind", c.kind, t.language),
    "type": lambda t, c: t.book.word("type", c.type, t.language),
    "severity": lambda t, c: t.book.word("severity", c.severity, t.language),
    "reported_on": lambda _, c: c.text("reported_at")[:10],
    "reporter": Teller.reporter,
    "addressee": Teller.addressee,
    "masked_contact": lambda _, c: mask(c.text("contact")),
    "product_and_model": Teller.product_and_model,
    "basis": Teller.basis,
    "basis_note": Teller.basis_note,
    "assignment_rule": Teller.assignment,
    "due": Teller.due,
    "escalated": lambda t, c: (
        f"{_yes(t, True)}（{c.number}-D06）"
        if c.escalations and t.language != "en"
        else f"Yes ({c.number}-D06)"
        if c.escalations
        else _yes(t, False)
    ),
    "escalation_reasons": Teller.escalation_reasons,
    "escalated_to": Teller.recipients,
    "escalation_limit": Teller.escalation_limit,
    "escalated_by": lambda t, _: t.join(p.name for p in t.book.holders("P02")[:1]),
    "escalated_at": lambda _, c: c.registered_at.strftime("%Y-%m-%d %H:%M"),
    "origin": Teller.origin,
    "repeated": Teller.repeated,
    "main_case": lambda *_: "",
    "priority": lambda t, _: _OPEN_PRIORITY[t.language],
    "contact": lambda t, c: c.text("contact") or _UNKNOWN[t.language],
}
"""Of what feedback opened."""
TOLD = frozenset({*_FACTS, *_OF_CASES})
"""The names of the facts."""


def as_date(text: str) -> dt.date | str:
    """An ISO date as a date, so that workbooks hold real ones; other text as it is."""
    return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else text
