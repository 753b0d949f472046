"""D16, the work list of a department: one per department and run, not one letter per case.

Source: 5.3.2a, 5.3.2b.
"""

import datetime as dt
from collections.abc import Sequence

from fbbatch.documents.case import Office, story_of
from fbbatch.documents.story import story_fact
from fbbatch.documents.templates import Templates
from fbbatch.render.blocks import CellValue, Column, Document, Note, Signatures, Table, Text
from fbbatch.render.words import long_date
from fbbatch.workflow.reminders import STEPS, Waiting

_TOP_LEVEL = 4


def worklist(
    tasks: Sequence[Waiting],
    department: str,
    now: dt.datetime,
    office: Office,
    templates: Templates,
) -> Document:
    """The work list of a department, most urgent first.

    Args:
        tasks: what waits for it.
        department: its id.
        now: the as-of time.
        office: who writes.
        templates: the company's wording.
    """
    template, language, today = templates["worklist"], office.language, now.date()
    name = office.teller.book.department(department, language)

    def word(key: str, /, **values: object) -> str:
        return template.word(key, language, **values)

    ordered = sorted(tasks, key=lambda task: (task.due_on, task.matter.number))
    model = template.tables["waiting"]
    columns = tuple(
        Column(
            c.label[language] if c.label else office.teller.label(c.of), c.weight, c.align, c.kind
        )
        for c in model.columns
    )
    rows = tuple(
        _row(
            [c.of for c in model.columns],
            n,
            task,
            now,
            office,
            word(f"level_{min(task.level, _TOP_LEVEL)}"),
        )
        for n, task in enumerate(ordered, 1)
    )
    marks = {
        n: "severe" if task.due_on < today else "soft"
        for n, task in enumerate(ordered)
        if task.due_on <= today
    }
    overdue = sum(task.due_on < today for task in ordered)
    number = f"D16-{today:%Y%m%d}-{name}"
    blocks = (
        Text(
            word("period", day=long_date(today, language), n=len(ordered), overdue=overdue), "small"
        ),
        Table(columns, rows, empty=model.empty[language] if model.empty else "", marks=marks),
        Note(word("guide")),
        Signatures((word("signed_by"), word("signed_head"), word("signed_date"))),
    )
    return Document(
        "inspection",
        word("title", department=name),
        number,
        office.company,
        language,
        today,
        blocks,
        office.form_number(template),
        office.head_line(number, today, template),
        landscape=True,
    )


def wanted(form: str, office: Office) -> str:
    """What is waited for: a form by its title.

    For `steps` it is that a cooperating department carries out its measures.
    """
    return _CARRY_OUT[office.language] if form == STEPS else office.title(form)


_CARRY_OUT = {
    "zh-Hant": "完成本部門措施",
    "zh-Hans": "完成本部门措施",
    "en": "Carry out your measures",
}


def _row(
    names: Sequence[str], serial: int, task: Waiting, now: dt.datetime, office: Office, level: str
) -> tuple[CellValue, ...]:
    story = story_of("inspection", task.matter, office, now)
    head = office.teller.book.head(task.department) if task.department else None
    own: dict[str, CellValue] = {
        "serial": serial,
        "wanted": wanted(task.form, office),
        "wanted_by": task.due_on,
        "days_left": (task.due_on - now.date()).days,
        "level": level,
    }
    own |= {"responsible": head.name if head else "", "promise": ""} if task.department else {}
    own |= (
        {"responsible": story_fact(office.teller, story, "may_verify")}
        if task.form == "verification"
        else {}
    )

    def tell(name: str) -> CellValue:
        if name in own:
            return own[name]
        told = story_fact(office.teller, story, name)
        return office.teller.fact(task.matter.facts, name) if told is None else told

    return tuple(tell(name) for name in names)
