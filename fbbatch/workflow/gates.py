"""The gates of the closed loop: what must be filled in for a step, and who may sign for it.

Each answer by itself has been checked before; here is what one answer makes of the others, and of
the company's roles.

Source: part 4, N8.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from fbbatch.findings import finding
from fbbatch.model import Finding, ReturnedForm
from fbbatch.schema import Book
from fbbatch.schema.models import Person
from fbbatch.schema.process import CASE, Need, Process
from fbbatch.words import fold

RECORDERS, LEADERS, HEADS, VERIFIERS = "P01", "P03", "P04", "P07"


def missing_answers(
    form: ReturnedForm, process: Process, severity: str, department: str | None
) -> list[Finding]:
    """What the answers given make necessary, and what in them cannot stand together.

    Args:
        form: what was filled in.
        process: says which fields are needed when.
        severity: of the case; severe ones need measures that can be checked.
        department: the one that leads the case now.
    """
    wanted: list[str] = []
    for need in process.step(form.kind).needs:
        if _applies(need, form, severity):
            wanted += need.fields
    found = [
        finding("FB-needed", field=name)
        for name in dict.fromkeys(wanted)
        if not form.values.get(name)
    ]
    if (
        form.kind == "assignment"
        and form.values.get("verdict") == "not_ours"
        and form.values.get("proposed_department") == department
    ):
        found.append(finding("FB-proposal", field="proposed_department"))
    if (
        form.kind == "verification"
        and form.values.get("conclusion") == "pass"
        and not (form.values.get("solved") and form.values.get("meets"))
    ):
        found.append(finding("FB-contradiction", field="conclusion"))
    if severity == "severe":
        found += [item._replace(severity="error") for item in lint_measures(form)]
    return found


def _applies(need: Need, form: ReturnedForm, severity: str) -> bool:
    """True where the severity and the answers make the fields necessary.

    A need without severities holds for all of them, one without codes whatever was answered.
    """
    if need.severity and severity not in need.severity:
        return False
    return all(form.values.get(name) in codes for name, codes in need.when.items())


def advice(form: ReturnedForm, severity: str) -> list[Finding]:
    """Remarks on a form that is taken all the same. Source: N8."""
    return [] if severity == "severe" else lint_measures(form)


def late_promises(form: ReturnedForm, due_on: dt.date | None) -> list[Finding]:
    """What is promised for a day after the case is due.

    Nothing of a case that is overdue already.

    Args:
        form: what was filled in.
        due_on: when the case is due.

    Source: 5.1.2a.
    """
    if due_on is None or form.happened_on > due_on:
        return []
    table, column = _PROMISES.get(form.kind, ("", ""))
    days = (
        [str(row[column]) for row in form.values.get(table) or () if row.get(column)]
        if table
        else [str(form.values.get(column) or "")]
    )
    late = max(days, default="")[:10]
    return (
        [
            finding(
                "FB-promise-late",
                field=table or column,
                day=late,
                due=due_on.isoformat(),
            )
        ]
        if late > due_on.isoformat()
        else []
    )


_PROMISES = {
    "assignment": ("", "promised_on"),
    "measures": ("steps", "due"),
    "coordination": ("tasks", "due"),
}


_STOCK_VERBS = (
    "加強|提高|提升|增強|強化|改進|改善|整改|重視|高度重視|引起重視"
    "|認真|認真對待|注意|多加注意|嚴格|規範|落實|做好"
)
_STOCK_WHOSE = "對|的|員工|人員|全員|作業|質量|品質|安全|生產|現場|內部|日常|相關|各?部門|車間"
_STOCK_OBJECTS = (
    "管理|教育|培訓|監督|檢查|溝通|意識|認識|責任心|責任感|責任"
    "|要求|把關|控制|執行力?|宣導|工作|重視"
)
_STOCK_ENGLISH = (
    "(?:strengthen|improve|enhance|raise|increase|pay more|pay|be more|be)?"
    "(?: ?(?:the|staff|employee|quality))*"
    "(?: ?(?:management|awareness|training|supervision|communication|attention|careful))?"
    "(?: next time| in future)?"
)
_BREAKS = re.compile("[,.;:!、。" + fold("並及和與") + "]")
_NUMBERING = re.compile(r"[\s\d()一二三四五六七八九十]*")


@cache
def _stock() -> re.Pattern[str]:
    before = "(?:今後|以後|下次|要|應|將|會|進一步|切實|不斷|持續)*"
    return re.compile(
        fold(
            f"{before}(?:{_STOCK_VERBS})?(?:{_STOCK_WHOSE})*(?:{_STOCK_OBJECTS})*|{_STOCK_ENGLISH}"
        )
    )


def lint_measures(form: ReturnedForm) -> list[Finding]:
    """What a plan of measures lacks: advice, unless the problem is severe. Source: N8, 5.2.2."""
    if form.kind != "measures":
        return []
    return [
        *(finding("FB-empty-measure", field="steps", value=text) for text in empty_measures(form)),
        *_without_cause(form),
        *_only_containing(form),
        *_vague_effect(form),
    ]


def _measures_in(form: ReturnedForm) -> list[Mapping[str, object]]:
    return [row for row in form.values.get("steps") or () if row.get("step")]


def _without_cause(form: ReturnedForm) -> Iterator[Finding]:
    """Measures that do not name the cause that they remove."""
    for row in _measures_in(form):
        if not str(row.get("cause") or "").strip():
            yield finding("FB-measure-cause", field="steps", value=row["step"])


def _only_containing(form: ReturnedForm) -> Iterator[Finding]:
    """A solution, or measures, that hold goods back and do nothing else."""
    contained = fold(str(form.values.get("containment") or ""))
    told = {
        "solution": [str(form.values.get("solution") or "")],
        "steps": [str(row["step"]) for row in _measures_in(form)],
    }
    for name, texts in told.items():
        only = [text for text in texts if _is_containment(text) or fold(text) == contained]
        if any(texts) and only == texts:
            yield finding("FB-measure-containment", field=name, value=texts[0])


_CONTAINING = (
    "停止|暫停|停用|停售|停產|停線|凍結|封存|隔離|攔截|攔回|召回|追回|撤回|收回|扣留|下架|全檢|挑選|篩選|分選"
    "|stop(?:ped)?|halt(?:ed)?|suspend(?:ed)?|fr[eo]zen?|block(?:ed)?|quarantined?|segregated?|isolated?|recall(?:ed)?|sort(?:ed)?"
)
_GOODS = (
    "立即|已經?|先行?|暫時|臨時|馬上|對|將|把|全部|所有|同批|該批|本批|整批|問題|不良|可疑|相關|受影響|產品|庫存|在途|客戶端?|市場|倉庫|貨物?"
    "|成品|半成品|品|物料|的|批次?|出貨|發貨|使用|銷售|生產|供貨|流出|處理|通知|[\\d.]|台|件|個|片|箱|支"
    "|the|all|lots?|batch(?:es)?|stock|goods|shipments?|shipping|sales|production|products?|parts|of|in|at|on|from|units|pieces|customers?|immediately"
)


@cache
def _containment() -> re.Pattern[str]:
    return re.compile(fold(f"(?: |{_GOODS})*(?:{_CONTAINING})(?: |{_GOODS}|{_CONTAINING})*"))


def _is_containment(text: str) -> bool:
    """True for a text that only holds the goods back; it says nothing of the cause."""
    parts = [
        part
        for part in (p.strip() for p in _BREAKS.split(fold(text)))
        if not _NUMBERING.fullmatch(part)
    ]
    return bool(parts) and all(_containment().fullmatch(part) for part in parts)


_DIGITS = "[\\d零一二兩三四五六七八九十百千半]+"
_DAY = (
    r"\d{4}\s*[-/.年]\s*\d{1,2}(?:\s*[-/.月]\s*\d{1,2}\s*日?)?月?"
    r"|(?<![\d.])\d{1,2}\s*[-/]\s*\d{1,2}(?![\d.])"
    rf"|{_DIGITS}\s*月\s*(?:{_DIGITS}\s*日|底|末|中|初|前|內)"
    r"|[本下次][個]?[月季年週周](?:底|末|內|度)?|[月季年]度?[底末]"
    rf"|{_DIGITS}\s*(?:個月|個?星期|週|周|天|日|季度?|年)\s*(?:之?內|以內|後|前)"
    r"|q[1-4]|(?:within|in|after) \w+ (?:day|week|month)s?"
    r"|(?:by|until|before|end of) (?:the )?"
    r"(?:end|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|next|this|year|month|quarter)\w*"
)
_AMOUNT = (
    rf"\d|歸零|減半|{_DIGITS}\s*(?:件|次|台|個|例|起|成|倍|片|批|宗|元)"
    r"|\b(?:zero|none|half|one|two|three|four|five)\b"
)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(fold(_DAY)), re.compile(fold(_AMOUNT))


def _vague_effect(form: ReturnedForm) -> list[Finding]:
    """The expected effect needs a number and a day, in words or in the fields beside it."""
    day, amount = _patterns()
    text = fold(str(form.values.get("effect") or ""))
    dated = day.search(text) or form.values.get("effect_by")
    counted = amount.search(day.sub(" ", text)) or form.values.get("target") is not None
    return (
        []
        if dated and counted
        else [
            finding(
                "FB-measure-effect",
                field="effect",
                value=form.values.get("effect"),
            )
        ]
    )


def empty_measures(form: ReturnedForm) -> list[str]:
    """Measures that say nothing that could be checked: stock phrases and nothing else.

    Source: N8, 5.2.2b.
    """
    if form.kind != "measures":
        return []
    texts = [str(row.get("step") or "") for row in form.values.get("steps") or ()]
    return [text for text in texts if _is_empty_measure(text)]


def _is_empty_measure(text: str) -> bool:
    parts = (part.strip() for part in _BREAKS.split(fold(text)))
    return all(_stock().fullmatch(part) for part in parts if not _NUMBERING.fullmatch(part))


# --- who may sign ---------------------------------------------------------------------

HEADS_OF_P01 = "heads_of_p01"
INDEPENDENT, ANYONE = "independent", "anyone"


def deciders(book: Book) -> list[str]:
    """Words for who may decide about a case.

    On a coordination sheet, in a ledger, and where forms contradict each other.
    """
    return book.processes[CASE].step("coordination").signed_by.get("approved_by", [LEADERS])


class Involved(NamedTuple):
    """Who has to do with a case.

    Its lead and cooperating departments, who took part in it, and the verifier that was named.
    `addressee` is the department that a form was sent to: the lead, or the cooperating one that
    answers for itself.
    """

    lead: str | None = None
    cooperating: tuple[str, ...] = ()
    addressee: str | None = None
    took_part: frozenset[str] = frozenset()
    named: str | None = None


def signers(words: Collection[str], book: Book, involved: Involved) -> set[str]:
    """The ids of the people that words such as `P03` or `head_of_lead` stand for in a case."""
    found: set[str] = set()
    for word in words:
        found |= _people(word, book, involved)
    return found


def _people(word: str, book: Book, involved: Involved) -> set[str]:
    tell = _BY_WORD.get(word)
    return tell(book, involved) if tell else {person.id for person in book.holders(word)}


def _of(department: str | None, book: Book) -> set[str]:
    return {person.id for person in book.organisation.people if person.department == department}


def _every_head(book: Book) -> set[str]:
    heads = {person.id for person in book.holders(HEADS)}
    for department in book.organisation.departments:
        heads |= _heads(book, department.id)
    return heads


def _heads_of_recorders(book: Book) -> set[str]:
    heads: set[str] = set()
    for person in book.holders(RECORDERS):
        heads |= _heads(book, person.department)
    return heads


def _everybody(book: Book) -> set[str]:
    return {person.id for person in book.organisation.people}


_BY_WORD: dict[str, Callable[[Book, "Involved"], set[str]]] = {
    "head_of_lead": lambda book, involved: _heads(book, involved.lead),
    "head_of_addressee": lambda book, involved: _heads(book, involved.addressee),
    "of_addressee": lambda book, involved: _of(involved.addressee, book),
    "heads": lambda book, _: _every_head(book),
    HEADS_OF_P01: lambda book, _: _heads_of_recorders(book),
    INDEPENDENT: lambda book, involved: {person.id for person in verifiers(book, involved)},
    ANYONE: lambda book, _: _everybody(book),
    "organisation": lambda book, _: _everybody(book),
}
"""Whom words for who may sign stand for, besides roles."""


def _heads(book: Book, department: str | None) -> set[str]:
    """The head of a department, the deputies, and who holds P04 there."""
    found = next((d for d in book.organisation.departments if d.id == department), None)
    if found is None:
        return set()
    of_role = {person.id for person in book.holders(HEADS) if person.department == department}
    return {person for person in (found.head, *found.deputies) if person} | of_role


def verifiers(book: Book, involved: Involved) -> list[Person]:
    """Who may verify the result of a case, those who hold the role first.

    Nobody where a leader has to name somebody.

    Whoever had a part in the case may not, nor anybody of the departments that handle it. Quality
    control itself (the department of who holds P07 first) is barred only in person, so that a step
    of its own does not leave nobody.
    Source: 5.4.2a.
    """
    holders = book.holders(VERIFIERS)
    quality = holders[0].department if holders else None
    others = [p for p in book.organisation.people if p.department == quality and p not in holders]
    named = book.person(involved.named)
    handling = {involved.lead, *involved.cooperating} - {quality}
    candidates = {person.id: person for person in (*holders, *others, *([named] if named else []))}
    return [
        p
        for p in candidates.values()
        if p.id not in involved.took_part and p.department not in handling
    ]


def wrong_signers(
    form: ReturnedForm, book: Book, process: Process, involved: Involved
) -> list[Finding]:
    """Who signs must be somebody who may; who verifies, independent.

    Args:
        form: what was filled in.
        book: who is head of what and holds which role.
        process: says who may sign which form.
        involved: who has to do with the case.

    Source: 5.1.1b, 5.2.1b, 5.4.2a.
    """
    found = []
    for name, words in process.step(form.kind).signed_by.items():
        signer = form.values.get(name)
        if not signer:
            found.append(finding("FB-needed", field=name))
        elif signer not in signers(words, book, involved):
            code = "FB-wrong-signer"
            if INDEPENDENT in words and _is_biased(signer, book, involved):
                code = "FB-verifier-not-independent"
            found.append(
                finding(
                    code,
                    field=name,
                    person_id=signer,
                    may=_named(book, words, involved),
                )
            )
    return [
        *found,
        *_wrong_verifier(form, book, involved),
        *_foreign_responsible(form, book, involved),
    ]


def _wrong_verifier(form: ReturnedForm, book: Book, involved: Involved) -> list[Finding]:
    """A verifier is named by a leader, and independent like any other. Source: 5.4.2a."""
    named = form.values.get("verifier") if form.kind == "coordination" else None
    if not named:
        return []
    found = []
    approved_by = form.values.get("approved_by")
    if approved_by not in signers([LEADERS], book, involved):
        may = _named(book, [LEADERS], involved)
        found.append(
            finding(
                "FB-wrong-signer",
                field="approved_by",
                person_id=approved_by,
                may=may,
            )
        )
    if named not in signers([INDEPENDENT], book, involved._replace(named=named)):
        may = _named(book, [INDEPENDENT], involved)
        found.append(
            finding(
                "FB-verifier-not-independent",
                field="verifier",
                person_id=named,
                may=may,
            )
        )
    return found


def _is_biased(signer: str, book: Book, involved: Involved) -> bool:
    """True for somebody who had a part in the case, or is of a department that handles it."""
    person = book.person(signer)
    departments = {involved.lead, *involved.cooperating}
    return signer in involved.took_part or (person is not None and person.department in departments)


def _named(book: Book, words: Collection[str], involved: Involved) -> str:
    """The names of those who may sign, a few of them."""
    may = signers(words, book, involved)
    return "、".join([p.name for p in book.organisation.people if p.id in may][:_MOST_NAMES]) or "—"


_MOST_NAMES = 6


def _foreign_responsible(form: ReturnedForm, book: Book, involved: Involved) -> list[Finding]:
    """The person responsible belongs to the department that answers, or there is a reason.

    Source: 5.1.1b.
    """
    named = form.values.get("responsible") if form.kind == "assignment" else None
    if not named or form.values.get("responsible_reason"):
        return []
    person = book.person(named)
    if person is not None and person.department == involved.addressee:
        return []
    return [
        finding(
            "FB-needed-for-other",
            field="responsible_reason",
            person=named,
            person_id=named,
            department_id=involved.addressee,
        )
    ]
