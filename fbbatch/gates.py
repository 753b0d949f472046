"""The gates of the closed loop: what must be filled in for a step, and who may sign for it. Source: part 4, N8.

Each answer by itself has been checked before; here is what one answer makes of the others, and of the company's roles.
"""

import re
from functools import cache

from fbbatch.findings import finding
from fbbatch.model import Finding, ReturnedForm
from fbbatch.schema import Book
from fbbatch.words import fold

LEADERS, HEADS, VERIFIERS = "P03", "P04", "P07"

_REQUIRED_IF: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("assignment", "verdict", ("accept",), ("responsible", "promised_on")),
    ("assignment", "verdict", ("not_ours",), ("reason", "proposed_department")),
    ("verification", "conclusion", ("fail", "conditional"), ("remaining",)),
    ("coordination", "decision", ("hold",), ("reason", "hold_until")),
    ("coordination", "decision", ("merge",), ("reason", "main_case")),
    ("coordination", "decision", ("close_without_measure",), ("reason", "outcome")),
    ("coordination", "decision", ("reopen",), ("reason",)),
)
"""(form, deciding field, its values, fields that must then be filled in)."""
_REQUIRED_IF_SEVERE = {"measures": ("containment", "prevention"), "result": ("containment", "prevention")}


def missing_answers(form: ReturnedForm, *, severity: str, department: str | None) -> list[Finding]:
    """What the answers given make necessary, and what in them cannot stand together.

    Args:
        form: what was filled in.
        severity: of the case; severe ones need containment, prevention, and measures that can be checked.
        department: the one that leads the case now.
    """
    wanted = [name for kind, key, values, names in _REQUIRED_IF if kind == form.kind and form.values.get(key) in values for name in names]
    if severity == "severe":
        wanted += _REQUIRED_IF_SEVERE.get(form.kind, ())
    found = [finding("FB-needed", field=name) for name in dict.fromkeys(wanted) if not form.values.get(name)]
    if form.kind == "assignment" and form.values.get("verdict") == "not_ours" and form.values.get("proposed_department") == department:
        found.append(finding("FB-proposal", field="proposed_department"))
    if (
        form.kind == "verification"
        and form.values.get("conclusion") == "pass"
        and not (form.values.get("solved") and form.values.get("meets"))
    ):
        found.append(finding("FB-contradiction", field="conclusion"))
    if severity == "severe":
        found += [finding("FB-empty-measure", field="steps", value=text)._replace(severity="error") for text in empty_measures(form)]
    return found


def advice(form: ReturnedForm, severity: str) -> list[Finding]:
    """Remarks on a form that is taken all the same. Source: N8."""
    return [] if severity == "severe" else [finding("FB-empty-measure", field="steps", value=text) for text in empty_measures(form)]


_STOCK_VERBS = "加強|提高|提升|增強|強化|改進|改善|整改|重視|高度重視|引起重視|認真|認真對待|注意|多加注意|嚴格|規範|落實|做好"
_STOCK_WHOSE = "對|的|員工|人員|全員|作業|質量|品質|安全|生產|現場|內部|日常|相關|各?部門|車間"
_STOCK_OBJECTS = "管理|教育|培訓|監督|檢查|溝通|意識|認識|責任心|責任感|責任|要求|把關|控制|執行力?|宣導|工作|重視"
_STOCK_ENGLISH = (
    "(?:strengthen|improve|enhance|raise|increase|pay more|pay|be more|be)?(?: ?(?:the|staff|employee|quality))*"
    "(?: ?(?:management|awareness|training|supervision|communication|attention|careful))?(?: next time| in future)?"
)
_NUMBERING = re.compile(r"[\s\d()一二三四五六七八九十]*")


@cache
def _stock() -> re.Pattern[str]:
    before = "(?:今後|以後|下次|要|應|將|會|進一步|切實|不斷|持續)*"
    return re.compile(fold(f"{before}(?:{_STOCK_VERBS})?(?:{_STOCK_WHOSE})*(?:{_STOCK_OBJECTS})*|{_STOCK_ENGLISH}"))


def empty_measures(form: ReturnedForm) -> list[str]:
    """Measures that say nothing that could be checked: stock phrases and nothing else. Source: N8, 5.2.2b."""
    if form.kind != "measures":
        return []
    texts = [str(row.get("step") or "") for row in form.values.get("steps") or ()]
    return [text for text in texts if _is_empty_measure(text)]


def _is_empty_measure(text: str) -> bool:
    parts = (part.strip() for part in re.split("[,.;:!、。並及和與]", fold(text)))
    return all(_stock().fullmatch(part) for part in parts if not _NUMBERING.fullmatch(part))


def wrong_signers(form: ReturnedForm, book: Book, *, department: str | None, responsible: str | None) -> list[Finding]:
    """Who signs must be somebody who may; who verifies, independent. Source: 5.1.1b, 5.2.1b, 5.4.2a.

    Args:
        form: what was filled in.
        book: who is head of what and holds which role.
        department: the one that leads the case.
        responsible: the person responsible for it.
    """
    organisation = book.organisation
    department_of = {p.id: p.department for p in organisation.people}
    heads = {d.id: d.head for d in organisation.departments}

    def holders(*roles: str) -> set[str]:
        return {person for role in roles if role in organisation.roles for person in organisation.roles[role].people}

    deciders = holders(LEADERS, HEADS) | {head for head in heads.values() if head}
    checks: dict[str, tuple[str, set[str]]] = {
        "assignment": ("answered_by", deciders | {p for p, d in department_of.items() if d == department}),
        "measures": ("approved_by", deciders),
        "result": ("approved_by", deciders),
        "coordination": ("approved_by", deciders),
        "escalation": ("instructed_by", holders(LEADERS) | deciders),
    }
    found = []
    if form.kind in checks:
        name, allowed = checks[form.kind]
        if (signer := form.values.get(name)) and signer not in allowed:
            found.append(finding("FB-wrong-signer", field=name, person_id=signer))
    if form.kind == "verification":
        verifier = form.values.get("verified_by")
        own = department_of.get(responsible or "")
        if verifier == responsible or (own and department_of.get(verifier or "") == own):
            found.append(finding("FB-verifier-not-independent", field="verified_by", person_id=verifier))
        elif verifier not in holders(VERIFIERS) and own not in {department_of.get(p) for p in holders(VERIFIERS)}:
            found.append(finding("FB-wrong-signer", field="verified_by", person_id=verifier))
    return found
