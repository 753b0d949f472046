"""`status`, `cases`, `case`, `matters`, `explain`: what the ledger knows."""

import contextlib
from typing import TYPE_CHECKING, Any

import click

from fbbatch.cli.common import Call, command, now, table
from fbbatch.errors import ExitCode, NotFoundError

if TYPE_CHECKING:
    from fbbatch.ledger import Ledger
    from fbbatch.model import Case, IssuedDocument
    from fbbatch.workflow.matter import Matter
    from fbbatch.workflow.reminders import Waiting
    from fbbatch.workspace import Workspace


@command("status")
def status(call: Call) -> int:
    """Say where the workspace stands: last run, inbox, cases by state."""
    from fbbatch import inbox

    shop = call.shop()
    with contextlib.closing(shop.ledger()) as ledger, ledger.doubted():
        last, unfinished, counts = (
            ledger.last_run(),
            ledger.unfinished_run(),
            ledger.counts(),
        )
        overdue = sum(1 for _ in ledger.cases(overdue_on=now(shop.settings.zone).date()))
    waiting = len(inbox.claim(shop.folder / "inbox", settle_seconds=0))
    ignored = len(inbox.ignored(shop.folder / "inbox"))
    facts = {
        "workspace": str(shop.folder),
        "locale": shop.settings.locale,
        "last_run": last.name if last else None,
        "last_as_of": last.as_of.isoformat() if last else None,
        "unfinished_run": unfinished.name if unfinished else None,
        "waiting_files": waiting,
        "ignored_files": ignored,
        "cases": counts,
        "overdue": overdue,
    }
    if call.as_json:
        call.data(facts)
        return ExitCode.DONE
    teller = shop.office.teller
    for name, value in facts.items():
        if name != "cases":
            call.say(f"{name.replace('_', ' '):16}{'—' if value is None else value}")
    for state, n in counts.items():
        call.say(f"  {teller.book.word('state', state, teller.language)}  {n}")
    return ExitCode.DONE


@command("cases")
@click.option("--state", help="Only cases in this state.")
@click.option("--department", help="Only cases of this department (id, name or alias).")
@click.option("--overdue", is_flag=True, help="Only cases past their due date.")
def cases(call: Call, state: str | None, department: str | None, overdue: bool) -> int:
    """List cases, oldest first."""
    shop = call.shop()
    wanted: dict[str, Any] = {
        "state": _code(shop, "state", state),
        "department": _department(shop, department),
        "overdue_on": now(shop.settings.zone).date() if overdue else None,
    }
    with contextlib.closing(shop.ledger()) as ledger:
        found = list(ledger.cases(**wanted))
    if call.as_json:
        call.data([_entry(case) for case in found])
        return ExitCode.DONE
    teller = shop.office.teller
    names = [
        "number",
        "severity",
        "type",
        "state",
        "department",
        "due_on",
        "product_and_model",
    ]
    call.say(
        table(
            [teller.label(name) for name in names],
            [[teller.fact(case, name) for name in names] for case in found],
        )
    )
    return ExitCode.DONE


@command("case")
@click.argument("number")
def case(call: Call, number: str) -> int:
    """Tell one case's whole story: every step, document, sender, both dates, and what is next."""
    shop = call.shop()
    with contextlib.closing(shop.ledger()) as ledger:
        found = _find(ledger, number)
        history, documents = ledger.history(found), ledger.documents_of(found)
        cells = ledger.submission(found)
    from fbbatch.workflow.matter import matter_of

    told = _Told(shop, matter_of(shop.book, found, history), documents)
    if call.as_json:
        about = {"submission": cells, "evidence": found.evidence}
        call.data({**_entry(found), **told.as_data(), **about})
        return ExitCode.DONE
    teller = shop.office.teller
    for name in _CASE_FACTS:
        if fact := teller.fact(found, name):
            call.say(f"{teller.label(name)}　{fact}")
    told.say(call)
    return ExitCode.DONE


_CASE_FACTS = (
    "number",
    "state",
    "source",
    "channel",
    "kind",
    "type",
    "severity",
    "basis",
    "product_and_model",
    "department",
    "cooperating",
    "due",
    "escalation_reasons",
    "origin",
)


@command("matters")
@click.option("--process", help="Only matters of this process (id or title).")
@click.option("--all", "closed_too", is_flag=True, help="Also those that are done with.")
def matters(call: Call, process: str | None, closed_too: bool) -> int:
    """List matters of other processes than that of cases, oldest first: what is still open."""
    from fbbatch.workflow.matter import matter_of

    shop = call.shop()
    with contextlib.closing(shop.ledger()) as ledger:
        found = ledger.matters(process=_process(shop, process), in_hand=not closed_too)
    told = [_Told(shop, matter_of(shop.book, *one), []) for one in found]
    if call.as_json:
        call.data([one.entry() for one in told])
        return ExitCode.DONE
    teller = shop.office.teller
    labels = [teller.label(name) for name in _MATTER_COLUMNS]
    call.say(table(labels, [one.row() for one in told]))
    return ExitCode.DONE


_MATTER_COLUMNS = ("matter_number", "process", "period", "state", "department", "awaited")


def _process(shop: "Workspace", text: str | None) -> str | None:
    if text is None:
        return None
    from fbbatch.schema.process import CASE

    others = [process for process in shop.book.processes.values() if process.id != CASE]
    for process in others:
        if text in {process.id, *process.title.values()}:
            return process.id
    known = ", ".join(process.id for process in others) or "—"
    raise click.BadParameter(f"'{text}' is none of: {known}", param_hint="--process")


class _Told:
    """What is told of one matter: its steps, what it waits for, and its documents."""

    def __init__(
        self,
        shop: "Workspace",
        matter: "Matter",
        documents: list[tuple[str, "IssuedDocument"]],
    ) -> None:
        from fbbatch.workflow.reminders import Chaser

        self.shop, self.matter, self.documents = shop, matter, documents
        self.now = now(shop.settings.zone)
        chaser = Chaser(shop.book, self.now.date(), self.now.tzinfo)
        waits = chaser.waits(matter) if matter.history else []
        self.waiting = next((one for one in waits if one.department is None), None)
        self.owed = [one for one in waits if one.department]

    @property
    def process(self) -> str:
        """The title of its process."""
        return self.matter.process.title[self.shop.office.language]

    def row(self) -> list[str]:
        """One line of the list of matters."""
        teller, facts = self.shop.office.teller, self.matter.facts
        told = [teller.fact(facts, name) for name in ("period", "state", "department")]
        return [self.matter.number, self.process, *told, self.wanted()]

    def entry(self) -> dict[str, Any]:
        """A matter that is no case, for programs; a stable contract."""
        facts = self.matter.facts
        return {
            "number": facts.number,
            "process": facts.process,
            "state": facts.state,
            "department": facts.department,
            "opened_on": facts.registered_on,
            "facts": dict(facts.values),
            "run": facts.run,
            **self.as_data(),
        }

    def as_data(self) -> dict[str, Any]:
        """Its history, what is next, and its documents, for programs."""
        steps = [
            {
                "to": step.to,
                "document": step.document,
                "by": step.by,
                "happened_on": step.happened_on,
                "recorded_at": step.recorded_at.isoformat(),
                "run": step.run,
                **step.details.encode(),
            }
            for step in self.matter.history
        ]
        issued = [
            {
                "run": run,
                "kind": d.kind,
                "number": d.number,
                "path": f"outbox/{run}/{d.path}",
            }
            for run, d in self.documents
        ]
        others = [{"department": one.department, **_wanted(one)} for one in self.owed]
        return {
            "history": steps,
            "next": _wanted(self.waiting) if self.waiting else None,
            "next_of_cooperating": others,
            "documents": issued,
        }

    def say(self, call: Call) -> None:
        """The same for people."""
        from fbbatch.documents.case import history_rows
        from fbbatch.documents.worklist import wanted

        office = self.shop.office
        for row in history_rows(self.matter.history, office):
            told = "  ".join(str(row[name]) for name in ("happened_on", "to", "document", "by"))
            call.say(f"  {told}  ({row['recorded_at']:%Y-%m-%d %H:%M})")
        if self.waiting:
            call.say(f"→ {self.wanted()}　{self.responsible()}")
        for one in self.owed:
            by_whom = self.shop.book.department(one.department, office.language)
            call.say(f"→ {wanted(one.form, office)}　{one.due_on.isoformat()}　{by_whom}")
        for run, document in self.documents:
            call.say(f"  → outbox/{run}/{document.path}")

    def wanted(self) -> str:
        """The form that it waits for, and by when."""
        if self.waiting is None:
            return ""
        return f"{self.shop.office.title(self.waiting.form)}　{self.waiting.due_on.isoformat()}"

    def responsible(self) -> str:
        """Who has to hand in what it waits for."""
        from fbbatch.documents.case import story_of
        from fbbatch.documents.story import story_fact

        teller = self.shop.office.teller
        if self.waiting and self.waiting.form == "verification":
            story = story_of("verification", self.matter, self.shop.office, self.now)
            if told := story_fact(teller, story, "may_verify"):
                return told
        responsible = teller.person(self.matter.standing.responsible)
        return responsible or teller.fact(self.matter.facts, "department")


def _wanted(waiting: "Waiting") -> dict[str, Any]:
    return {
        "form": waiting.form,
        "by": waiting.due_on,
        "reminders": waiting.level,
    }


@command("explain")
@click.argument("what")
def explain(call: Call, what: str) -> int:
    """Explain WHAT: a case number, or the code of a finding.

    Of a case: why this class, deadline and department.
    """
    from fbbatch import findings

    codes = {code.lower(): code for code in findings.CATALOGUE}
    if what.lower() in codes:
        return _explain_code(call, codes[what.lower()])
    shop = call.shop()
    with contextlib.closing(shop.ledger()) as ledger:
        found = _find(ledger, what)
    teller = shop.office.teller
    if call.as_json:
        call.data(
            {
                "number": found.number,
                "kind": found.kind,
                "type": found.type,
                "severity": found.severity,
                **found.evidence,
                "department": found.department,
                "cooperating": found.cooperating,
                "assignment_rule": found.assignment_rule,
                "escalations": found.escalations,
                "due_on": found.due_on,
                "due_rule": found.due_rule,
            }
        )
        return ExitCode.DONE
    call.say(f"{found.number}　{teller.fact(found, 'type')}　{teller.fact(found, 'severity')}")
    for reason in found.evidence["reasons"]:
        text = found.text(reason["field"])
        denied = f"（✗ {teller.words(reason['negated'], text)}）" if reason["negated"] else ""
        says, words = (
            teller.says(reason["says"]),
            teller.words(reason["words"], text),
        )
        call.say(f"  {reason['rule']}　{says}　{words}{denied}")
    call.say(f"  {teller.basis_note(found)}")
    for name in (
        "department",
        "cooperating",
        "assignment_rule",
        "due",
        "escalation_reasons",
        "escalated_to",
    ):
        if told := teller.fact(found, name):
            call.say(f"{teller.label(name)}　{told}")
    return ExitCode.DONE


def _explain_code(call: Call, code: str) -> int:
    from fbbatch import findings
    from fbbatch.model import LANGUAGES, Finding

    entry = findings.CATALOGUE[code]
    sample = Finding(code, entry.severity, details={})
    told: dict[str, Any] = {
        language: {
            part: findings.part(sample, part, language) for part in ("found", "expected", "remedy")
        }
        for language in LANGUAGES
    }
    if call.as_json:
        call.data({"code": code, "severity": entry.severity, **told})
        return ExitCode.DONE
    call.say(f"{code} ({entry.severity})")
    for parts in told.values():
        call.say("\n".join(f"  {text}" for text in parts.values()))
    return ExitCode.DONE


def _find(ledger: "Ledger", number: str) -> "Case":
    found = ledger.first_case(number=number.strip().upper())
    if found is None:
        raise NotFoundError(
            f"There is no case {number}, and no finding has that code;"
            " `fbbatch cases` lists the cases"
        )
    return found


def _code(shop: "Workspace", name: str, text: str | None) -> str | None:
    if text is None:
        return None
    from fbbatch.words import fold

    for value in shop.book.vocabulary.sets[name].values:
        if fold(text) in {fold(n) for n in (value.code, *value.label.values(), *value.aliases)}:
            return value.code
    raise click.BadParameter(
        f"'{text}' is none of: {', '.join(v.code for v in shop.book.vocabulary.sets[name].values)}",
        param_hint=f"--{name}",
    )


def _department(shop: "Workspace", text: str | None) -> str | None:
    if text is None:
        return None
    from fbbatch.words import fold

    for department in shop.book.organisation.departments:
        if fold(text) in {
            fold(n)
            for n in (
                department.id,
                *department.label.values(),
                *department.aliases,
            )
        }:
            return department.id
    raise click.BadParameter(
        f"'{text}' is none of: {', '.join(d.id for d in shop.book.organisation.departments)}",
        param_hint="--department",
    )


_CONTRACT = (
    "reporter",
    "contact",
    "product",
    "model",
    "description",
    "reported_at",
)


def _entry(case: "Case") -> dict[str, Any]:
    """A case for programs; a stable contract."""
    return {
        "number": case.number,
        "schema": case.schema,
        "source": case.source,
        "channel": case.channel,
        "kind": case.kind,
        "type": case.type,
        "severity": case.severity,
        "state": case.state,
        "department": case.department,
        "cooperating": list(case.cooperating),
        **{name: case.values.get(name) for name in _CONTRACT},
        "due_on": case.due_on,
        "due_rule": case.due_rule,
        "registered_on": case.registered_on,
        "escalations": list(case.escalations),
        "file": case.file,
        "sheet": case.sheet or None,
        "row": case.row,
        "run": case.run,
        "values": {k: v for k, v in case.values.items() if k not in _CONTRACT},
    }
