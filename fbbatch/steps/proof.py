"""Whether what comes back is ours, and whether it may come the way it came. Source: N2, 5.4.2.

Nothing moves a case but a form that carries the right code; out of a mail, only where its sender
may sign it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from fbbatch.codes import Subject
from fbbatch.findings import finding
from fbbatch.identity import gives_address
from fbbatch.ledger.recording import FileRecorder
from fbbatch.messages import WorkbookProof
from fbbatch.model import REPORTER, Case, Facts, FilledForm, Finding, Transition
from fbbatch.steps.rules import Rules
from fbbatch.words import fold


class Proven(NamedTuple):
    """A form as its code proves it, or why it is not ours.

    Which issue it is, and to whom it was issued (None: it does not say).
    """

    issue: int
    department: str | None
    refusal: Finding | None = None


def proven_form(rules: Rules, recorder: FileRecorder, told: FilledForm, facts: Facts) -> Proven:
    """Which form of a matter this is, by its code.

    Args:
        rules: the workspace's codes, and until when forms of before the codes are taken.
        recorder: knows what was issued.
        told: what the judge tells of the form.
        facts: of the matter that it speaks of.
    """
    printed = list(told.printed)
    codes = [(told.code, ""), *printed] if told.code else printed
    for code, issue in codes:
        for subject in _subjects(rules, told, facts, issue, recorder):
            if rules.codes.prove(code, subject, rules.today):
                return Proven(int(subject.issue), subject.department)
    if not codes and _is_of_before(rules, recorder, told, facts):
        return Proven(told.issue, told.department)
    return Proven(
        0,
        None,
        finding(
            "FB-code-wrong" if codes else "FB-code-missing",
            kind=told.kind,
            case=facts.number,
        ),
    )


def _subjects(
    rules: Rules,
    told: FilledForm,
    facts: Facts,
    printed: str,
    recorder: FileRecorder,
) -> Iterator[Subject]:
    """What the form may be, as its properties say.

    Where they are lost: each issue and department that there is.
    """
    newest = recorder.newest_issue(facts, told.kind, None)
    issues = (
        [str(told.issue)]
        if told.issue
        else [printed]
        if printed
        else [str(n) for n in range(1, newest + 1)]
    )
    every = [
        "",
        *(department.id for department in rules.book.organisation.departments),
    ]
    departments = every if told.department is None else [told.department]
    for issue in issues:
        for department in departments:
            yield Subject(told.kind, facts.number, issue, department)


def _is_of_before(rules: Rules, recorder: FileRecorder, told: FilledForm, facts: Facts) -> bool:
    """True for a form issued before there were codes, and dropped as a file.

    Only as long as the company takes such forms.
    """
    until = rules.settings.forms_without_code_until
    if until is None or rules.today > until or told.mailed:
        return False
    process = rules.book.processes[facts.process]
    parts = process.step(told.kind).parts
    part = told.values.get(parts.field) if parts else None
    return recorder.was_issued_without_code(facts, told.kind, told.issue, part)


def is_proven_workbook(rules: Rules, recorder: FileRecorder, proof: WorkbookProof) -> bool:
    """True for a ledger, summary or marked workbook with the code of the issue it says it is.

    Args:
        rules: as above.
        recorder: knows what was issued.
        proof: what it says it is, and the codes that were found in it.
    """
    subject = Subject(proof.kind, "", proof.issue)
    if any(rules.codes.prove(code, subject, rules.today) for code in proof.codes):
        return True
    until = rules.settings.forms_without_code_until
    is_in_time = until is not None and rules.today <= until and not recorder.is_mailed
    return (
        is_in_time
        and not proof.codes
        and recorder.was_published_without_code(proof.kind, proof.issue)
    )


def may_mail(rules: Rules, told: FilledForm, facts: Facts) -> bool:
    """True where a form may count out of a mail.

    Its sender is the signer, of the signer's department, or the case's contact.
    """
    if rules.settings.mail_forms == "never":
        return False
    address = told.mailed.lower()
    if told.by == REPORTER:
        return isinstance(facts, Case) and is_contact(rules, facts, address)
    signer = rules.book.person(told.by)
    if signer is None:
        return False
    colleagues = (p for p in rules.book.organisation.people if p.department == signer.department)
    return any(person.mail and person.mail.lower() == address for person in colleagues)


def is_contact(rules: Rules, case: Case, address: str) -> bool:
    """True for a mail address that the case gives as its contact."""
    schema = rules.book.schema(case.schema)
    names = (
        [field.id for field in schema.fields if field.type == "contact"] if schema else ["contact"]
    )
    return any(gives_address(case.text(name), address) for name in names)


_SHOWN = 12  # characters of a description that a form surely prints
_ENOUGH = 2  # facts that must differ, of the two or three that a form prints


def is_of_another_matter(
    printed: Mapping[str, Sequence[str]],
    facts: Facts,
    history: Sequence[Transition],
) -> bool:
    """True for a form whose printed facts are all others than its matter ever had.

    Args:
        printed: what the form says of `product`, `reporter` and `description`; what it does not
            print is not there.
        facts: of the matter that it names.
        history: its steps, which tell what was amended.
    """
    if len(printed) < _ENOUGH:
        return False
    answers: dict[str, set[str]] = {name: {facts.text(name)} for name in printed}
    for step in history:
        for name, both in (step.details.changes or {}).items():
            if name in answers:
                answers[name] |= {str(one or "") for one in both}
    return not any(_agree(said, answers[name]) for name, said in printed.items())


def _agree(said: Sequence[str], known: Collection[str]) -> bool:
    """True where a fact on paper is one of those known, or begins like it."""
    begun = [fold(value)[:_SHOWN] for value in known if value.strip()]
    return not begun or any(value in fold(text) for text in said for value in begun)
