"""D16, the work list of a department: one per department and run, not one letter per case.

Source: 5.3.2a, 5.3.2b.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from fbbatch.documents.case import Office, story_of
from fbbatch.documents.story import story_fact
from fbbatch.documents.templates import Templates
from fbbatch.render.blocks import CellValue, Document, Note, Signatures, Table, Text
from fbbatch.render.words import long_date
from fbbatch.wording import say
from fbbatch.workflow.gates import LEADERS
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
    template = templates["worklist"]
    language = office.language
    today = now.date()
    name = office.teller.book.department(department, language)

    def word(key: str, /, **values: object) -> str:
        return template.word(key, language, **values)

    ordered = sorted(tasks, key=lambda task: (task.due_on, task.matter.number))
    model = template.tables["waiting"]
    wanted_of = [column.of for column in model.columns]
    rows = []
    marks = {}
    for index, task in enumerate(ordered):
        level = word(f"level_{min(task.level, _TOP_LEVEL)}")
        counted: dict[str, CellValue] = {"serial": index + 1, "level": level}
        rows.append(_row(wanted_of, counted, task, now, office, templates))
        if task.due_on <= today:
            marks[index] = "severe" if task.due_on < today else "soft"
    empty = model.empty[language] if model.empty else ""
    overdue = sum(task.due_on < today for task in ordered)
    number = f"D16-{today:%Y%m%d}-{name}"
    day = long_date(today, language)
    period = word("period", day=day, n=len(ordered), overdue=overdue)
    signed = (word("signed_by"), word("signed_head"), word("signed_date"))
    blocks = (
        Text(period, "small"),
        Table(office.columns(template, "waiting"), tuple(rows), empty=empty, marks=marks),
        Note(word("guide")),
        Signatures(signed),
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
    return say("documents.carry_out", office.language) if form == STEPS else office.title(form)


def _row(
    names: Sequence[str],
    own_cells: Mapping[str, CellValue],
    task: Waiting,
    now: dt.datetime,
    office: Office,
    templates: Templates,
) -> tuple[CellValue, ...]:
    """The cells of a task.

    `names` are those of the columns' facts; what they are is asked of the row itself (`own_cells`
    and who has to act), then of the handling, then of the matter.
    """
    teller = office.teller
    story = story_of("inspection", task.matter, office, now)
    own: dict[str, CellValue] = {
        **own_cells,
        "wanted": wanted(task.form, office),
        "wanted_by": task.due_on,
        "days_left": (task.due_on - now.date()).days,
    }
    if task.department:  # a cooperating one, whose head answers for it
        head = teller.book.head(task.department)
        own["responsible"] = head.name if head else ""
        own["promise"] = ""
    if task.form == "verification":
        own["responsible"] = story_fact(teller, story, "may_verify")
    if task.form != STEPS and templates[task.form].to == "leaders":
        leaders = teller.book.holders(LEADERS)
        own["responsible"] = leaders[0].name if leaders else ""

    def tell(name: str) -> CellValue:
        if name in own:
            return own[name]
        told = story_fact(teller, story, name)
        if told is not None:
            return told
        return teller.fact(task.matter.facts, name)

    cells = map(tell, names)
    return tuple(cells)
