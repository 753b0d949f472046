"""What a document may say of how a matter was handled: told from its history, in words.

The facts of `fbbatch.documents.facts` are what was reported and judged; these are what people have
done since.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fbbatch.deadlines import Deadlines
from fbbatch.model import Case, Facts, Reminder, Transition
from fbbatch.render.words import long_date, text_width
from fbbatch.wording import say
from fbbatch.workflow.due import contained_by, due
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.standing import HELD, Standing, may_verify

if TYPE_CHECKING:
    from fbbatch.documents.facts import Teller

_SUMMARY_WIDTH = 160  # columns: 80 Chinese characters
_STOPS = "。.；; \n"


@dataclass(frozen=True)
class Story:
    """A matter's handling so far, for one document.

    `kind` is the document that is being written, `now` the as-of time; `company` and
    `service_contact` stand in letters, `part` is the cooperating department for which it is
    written.
    """

    matter: Matter
    kind: str
    now: dt.datetime
    deadlines: Deadlines
    company: str
    service_contact: str = ""
    reminders: tuple[Reminder, ...] = ()
    part: str | None = None

    @property
    def facts(self) -> Facts:
        """What opened the matter."""
        return self.matter.facts

    @property
    def case(self) -> Case:
        """What the feedback was, where it is a case."""
        return self.matter.case

    @property
    def history(self) -> tuple[Transition, ...]:
        """All its steps, oldest first."""
        return self.matter.history

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return self.matter.standing

    def newest(self, form: str) -> Mapping[str, Any]:
        """The newest answers to a form; empty when it has not come back."""
        return self.standing.answers.get(form, {})

    def entered(self, *states: str) -> Transition | None:
        """The newest step into one of the states."""
        return next((step for step in reversed(self.history) if step.to in states), None)

    def until(self, kind: str) -> dt.datetime | None:
        """When the form is wanted back, by the cooperating department where it is one's."""
        part = self.part if kind == self.matter.process.parts_form else None
        return due(self.matter, kind, self.deadlines, self.now.tzinfo, part=part)

    @property
    def reply(self) -> str:
        """The kind of letter that fits: by outcome once it is settled, interim before."""
        standing, outcome = self.standing, self.standing.outcome
        if outcome == "duplicate" or standing.main_case:
            return "duplicate"
        if standing.state not in {"verified", "replied", "closed"} and not standing.decided:
            return "interim"
        kind = self.case.kind if self.matter.is_case else ""
        if outcome == "solved" and kind == "suggestion":
            return "adopted"
        if outcome == "solved" and kind in {"inquiry", "praise"}:
            return "answered"
        return outcome or "solved"


def story_fact(teller: "Teller", story: Story, name: str) -> str | None:
    """A fact of the handling; None when `name` is none. What only cases have is empty else."""
    tell = _FACTS.get(name)
    if tell is not None:
        return tell(teller, story)
    of_case = _OF_CASES.get(name)
    if of_case is None:
        return None
    return of_case(teller, story) if story.matter.is_case else ""


def _trim(text: object) -> str:
    """A text without the stop at its end, as others put their own there."""
    return str(text or "").strip().rstrip(_STOPS)


def _moment(moment: dt.datetime | None, language: str) -> str:
    """A moment as a letter names it."""
    if moment is None:
        return ""
    return long_date(moment.date(), language) + _time(moment)


def _prose_day(moment: dt.datetime | None, language: str) -> str:
    """A day as a letter names it."""
    return long_date(moment.date(), language) if moment else ""


def _stamp(moment: dt.datetime | None) -> str:
    """A moment in a cell."""
    return moment.date().isoformat() + _time(moment) if moment else ""


def _time(moment: dt.datetime) -> str:
    """The time of day; none for the end of a day."""
    return "" if moment.time() >= dt.time(23, 59) else f" {moment:%H:%M}"


def _summary(text: str) -> str:
    """The first line; where it is too long it ends with a whole word and `…`."""
    line = _trim(text.strip().split("\n")[0])
    if text_width(line) <= _SUMMARY_WIDTH:
        return line
    end = next(n for n in range(len(line)) if text_width(line[: n + 1]) > _SUMMARY_WIDTH)
    kept = line[:end]
    is_within_a_word = line[end - 1 : end + 1].isascii()
    if is_within_a_word:
        words = kept.rpartition(" ")[0]
        if len(words) > end // 2:
            kept = words
    return kept.rstrip(",，、;；:： ") + "…"


def _day(text: object) -> str:
    """The day of an answer that is a date, or a date with its time."""
    return str(text or "")[:10]


def _measures(teller: "Teller", story: Story) -> str:
    """The measures step by step; by department, where several take part."""
    standing = story.standing
    own = _steps(teller, _newest(story, "result.steps") or _newest(story, "measures.steps"))
    others = {}
    for department, step in standing.parts.items():
        steps = _steps(teller, step.answers.get("steps"))
        others[department] = f"\n{steps}" if steps else ""
    for department in standing.still_owing:
        others[department] = _still_owed(teller, story)
    told = []
    if own and others and standing.department:
        others = {standing.department: f"\n{own}", **others}
    elif own:
        told.append(own)
    colon = teller.phrase("colon")
    for department, steps in others.items():
        told.append(f"{teller.department(department)}{colon}{steps}")
    return "\n".join(told)


def _still_owed(teller: "Teller", story: Story) -> str:
    """That a cooperating department's measures are still wanted, and by when."""
    first = story.standing.cooperating[0]
    zone = story.now.tzinfo
    by = due(story.matter, "measures", story.deadlines, zone, part=first)
    return teller.phrase("documents.measures_wanted", until=_stamp(by) or "—")


def _steps(teller: "Teller", rows: Sequence[Mapping[str, Any]] | None) -> str:
    """Measures as numbered lines, each with who does it and when."""
    told = []
    for number, row in enumerate(rows or (), 1):
        owner = teller.person(row.get("owner"))
        day = _day(row.get("done_on") or row.get("due"))
        who = teller.phrase("comma").join(filter(None, (owner, day)))
        step = f"{number}. {row.get('step', '')}"
        told.append(teller.with_remark(step, who))
    return "\n".join(told)


def _result(teller: "Teller", story: Story) -> str:
    """How it came out, and the department's summary."""
    result = story.newest("result")
    if not result:
        return ""
    word = teller.word("outcome", str(result["outcome"]))
    return f"{word}{teller.phrase('stop')}{result.get('summary', '')}"


def _came_back(teller: "Teller", story: Story) -> str:
    """Why it is here again: not taken by another department, failed, or reopened."""
    for step in reversed(story.history):
        verdict = step.details.verdict
        if verdict in _BACK:
            break
    else:
        return ""
    answers = step.answers
    reason = answers.get("remaining") or answers.get("reason") or step.details.reason
    word = teller.phrase(_BACK[verdict])
    return f"{word}{teller.phrase('colon')}{reason}" if reason else word


_BACK = {
    "failed": "documents.failed",
    "not_ours": "documents.not_ours",
    "reopened": "documents.reopened",
}
_BY_SEVERITY = {"severe": "P1", "general": "P3", "minor": "P4"}


def proposed_priority(case: Case) -> str:
    """The priority that the severity suggests, until somebody has decided. Source: 4.3.2."""
    if case.severity == "general" and case.escalations:
        return "P2"
    return _BY_SEVERITY.get(case.severity, "P3")


def _priority(teller: "Teller", story: Story) -> str:
    """The priority as decided, else as proposed."""
    if story.standing.priority:
        return teller.word("priority", story.standing.priority)
    proposed = teller.word("priority", proposed_priority(story.case))
    return teller.phrase("documents.proposed", priority=proposed)


def _may_verify(teller: "Teller", story: Story) -> str:
    """Who may verify the result, by name; where nobody may, that a leader has to name somebody.

    `''` unless the case is planned, in progress or awaiting verification. Source: 5.4.2a.
    """
    if story.standing.state not in {"awaiting_verification", "planned", "in_progress"}:
        return ""
    names = [person.name for person in may_verify(story.standing, teller.book)]
    return teller.join(names) or teller.phrase("documents.to_be_named")


def _held(teller: "Teller", story: Story) -> str:
    """Why it is held and until when; afterwards, for how long it was."""
    standing = story.standing
    step = story.entered(HELD)
    if standing.state == HELD and step and standing.held_until:
        reason = step.details.reason or ""
        until = standing.held_until.isoformat()
        return teller.phrase("documents.held", reason=reason, until=until)
    if standing.held_days:
        return teller.phrase("documents.held_days", days=standing.held_days)
    return ""


def _progress(teller: "Teller", story: Story) -> str:
    """How far it is: as last said in a ledger, else the percentage of a work list and its day."""
    if told := story.standing.notes.get("last_progress"):
        return told
    step = story.standing.taken.get("inspection")
    if step is None:
        return ""
    percent = story.newest("inspection").get("percent", "")
    return teller.with_remark(f"{percent}%", step.happened_on.isoformat())


def _why_coordination(teller: "Teller", story: Story) -> str:
    """Why a leader is asked: difficulties, support wanted, why the reporter is not content."""
    inspection, survey = story.newest("inspection"), story.newest("satisfaction")
    told = [
        inspection.get("difficulties"),
        inspection.get("support"),
        survey.get("reason") or survey.get("comments"),
    ]
    return teller.phrase("semicolon").join(_trim(text) for text in told if text)


def _written_beside(teller: "Teller", story: Story) -> str:
    """What came on the forms outside their blanks, form by form."""
    told = []
    colon = teller.phrase("colon")
    for step in story.history:
        for text in step.details.remarks or ():
            form = teller.word("document", step.document)
            told.append(f"{step.happened_on.isoformat()} {form}{colon}{text}")
    return "\n".join(told)


def _promise(teller: "Teller", story: Story) -> str:
    """The day for which the handling is promised, newest answer first.

    A word is added where that is after the due date. Source: 5.1.2a.
    """
    steps = [_day(row.get("due")) for row in story.newest("measures").get("steps") or ()]
    day = max(steps, default="") or _day(story.newest("assignment").get("promised_on"))
    due_on = story.facts.due_on
    if day and due_on and day > due_on.isoformat():
        return day + teller.phrase("documents.late")
    return day


def _linked(teller: "Teller", story: Story) -> str:
    """The case that it follows, and those that follow it."""
    both = (
        linked(story.standing.follows, None, teller.language),
        linked(None, teller.join(story.standing.followed_by), teller.language),
    )
    return teller.join(text for text in both if text)


def linked(follows: str | None, followed_by: str | None, language: str) -> str:
    """The closed case that a case follows, else those that follow it. Source: T16."""
    if follows:
        return say("documents.follows", language, case=follows)
    return say("documents.followed_by", language, case=followed_by) if followed_by else ""


_MILESTONES = (
    "registered",
    "assigned",
    "accepted",
    "planned",
    "awaiting_verification",
    "verified",
    "replied",
    "closed",
)


def _milestones(teller: "Teller", story: Story) -> str:
    """The days on which the case first came to each state. Source: 5.3.1c."""
    first: dict[str, str] = {}
    for step in story.history:
        first.setdefault(step.to, f"{step.happened_on:%m-%d}")
    return "\n".join(
        f"{teller.word('state', state)} {first[state]}" for state in _MILESTONES if state in first
    )


def _in_short(teller: "Teller", story: Story) -> str:
    """What a case reports, in a line; of another matter its process and period."""
    if story.matter.is_case:
        return _summary(story.case.text("description"))
    title = story.matter.process.title[teller.language]
    return f"{title} {story.facts.text('period')}".strip()


def _awaited(teller: "Teller", story: Story) -> str:
    """The form that moves the matter on."""
    return teller.word("document", story.standing.expected)


def _idle(teller: "Teller", story: Story) -> str:
    """The last movement, and for how many days there was none. Source: 5.3.1b."""
    if not story.history:
        return ""
    last = story.history[-1].recorded_at.date()
    days = (story.now.date() - last).days
    idle = ""
    if days and story.standing.is_open:
        idle = teller.phrase("documents.idle", days=days)
    return f"{last.isoformat()}{idle}"


def _idle_days(_: "Teller", story: Story) -> str:
    """For how many days there was no movement."""
    if not story.history:
        return ""
    idle = story.now.date() - story.history[-1].recorded_at.date()
    return str(idle.days)


def _days_left(_: "Teller", story: Story) -> str:
    """How many days there are until the due date, below 0 after it; `''` once it is settled."""
    due_on = story.facts.due_on
    if due_on is None or not story.standing.is_open:
        return ""
    left = due_on - story.now.date()
    return str(left.days)


def _verified_on(_: "Teller", story: Story) -> str:
    """The day of the verification, once the matter has taken it."""
    if not story.standing.taken.get("verification"):
        return ""
    return _day(_newest(story, "verification.verified_on"))


def _difficulties(_: "Teller", story: Story) -> str:
    """What stands in the way, as last said in a ledger, else on a work list."""
    noted = story.standing.notes.get("difficulties")
    return noted or str(_newest(story, "inspection.difficulties") or "")


def _contain_by(_: "Teller", story: Story) -> str:
    """By when a severe problem must be contained."""
    if story.case.severity != "severe":
        return ""
    return _stamp(contained_by(story.matter, story.deadlines, story.now.tzinfo))


def _survey_by(teller: "Teller", story: Story) -> str:
    """By when a reporter may answer the survey; `''` where a letter asks for no answer."""
    if story.reply in {"interim", "duplicate"} or story.case.state == "closed":
        return ""
    return _prose_day(story.until("satisfaction"), teller.language)


def _safety(teller: "Teller", story: Story) -> str:
    """`yes` where words of the feedback speak of people's safety."""
    for reason in story.case.evidence["reasons"]:
        if reason["rule"] in teller.safety_rules and reason["words"]:
            return "yes"
    return ""


def _reported(case: Case) -> dt.date:
    """The day of the feedback, else that of its registration."""
    told = case.text("reported_at")[:10]
    return dt.date.fromisoformat(told) if told else case.registered_on


def _dates(story: Story, state: str) -> str:
    """The day on which the case came to the state.

    An answer that leaves it there, a hold that ends or a new round is no new day.
    """
    day, before = "", ""
    for step in story.history:
        if step.to == state and before not in {state, HELD} and step.details.verdict != "failed":
            day = step.happened_on.isoformat()
        before = step.to
    return day


def _reminded(teller: "Teller", story: Story) -> str:
    """The reminders that were given, a line each: the day, and who was reminded."""
    told = []
    for reminder in story.reminders:
        level = teller.phrase(f"documents.level_{min(reminder.level, _TOP_LEVEL)}")
        told.append(f"{reminder.on:%m-%d} {level}")
    return "\n".join(told)


def _self_check(teller: "Teller", story: Story) -> str:
    """How the department checked its result, and what it found."""
    result = story.newest("result")
    told = (result.get("check_method"), result.get("check_result"))
    return teller.phrase("semicolon").join(str(text) for text in told if text)


_TOP_LEVEL = 4
_Tell = Callable[["Teller", Story], str]


def _newest(story: Story, place: str) -> Any:
    """The newest answer to `form.field`; None where there is none."""
    form, _, field = place.partition(".")
    return story.newest(form).get(field)


def _text_of(*places: str) -> _Tell:
    """The first of these answers that says anything."""

    def tell(_: "Teller", story: Story) -> str:
        answers = (_newest(story, place) for place in places)
        return next((str(answer) for answer in answers if answer not in (None, "")), "")

    return tell


def _sentence_of(place: str) -> _Tell:
    """An answer without its full stop."""
    return lambda _, story: _trim(_newest(story, place))


def _day_of(place: str) -> _Tell:
    """The day that an answer gives."""
    return lambda _, story: _day(_newest(story, place))


def _person_of(place: str) -> _Tell:
    """The person that an answer names."""
    return lambda teller, story: teller.person(_newest(story, place))


def _came_to(state: str) -> _Tell:
    """The day on which the matter came to a state."""
    return lambda _, story: _dates(story, state)


_FACTS: dict[str, _Tell] = {
    "assigned_on": _came_to("assigned"),
    "accepted_on": _came_to("accepted"),
    "finished_on": _day_of("result.finished_on"),
    "verified_on": _verified_on,
    "replied_on": _came_to("replied"),
    "closed_on": lambda _, s: s.standing.closed_on.isoformat() if s.standing.closed_on else "",
    "responsible": lambda t, s: t.person(s.standing.responsible),
    "may_verify": _may_verify,
    "promised_on": _day_of("assignment.promised_on"),
    "promise": _promise,
    "measures_by": lambda _, s: _stamp(s.until("measures")),
    "answering_department": lambda t, s: t.department(s.part or s.facts.department),
    "step_back_reason": _came_back,
    "round": lambda _, s: str(s.standing.round),
    "containment": _text_of("result.containment", "measures.containment", "assignment.containment"),
    "measures_summary": _measures,
    "expected_effect": _text_of("measures.effect"),
    "root_cause": _text_of("result.root_cause", "measures.root_cause"),
    "result_summary": _result,
    "self_check": _self_check,
    "submitted_by": _person_of("result.prepared_by"),
    "submitted_on": _day_of("result.prepared_on"),
    "verification": lambda t, s: t.word("verification", _newest(s, "verification.conclusion")),
    "verified_by": _person_of("verification.verified_by"),
    "outcome": lambda t, s: t.word("outcome", s.standing.outcome),
    "survey_score": _text_of("satisfaction.overall", "satisfaction.result"),
    "last_progress": _progress,
    "difficulties": _difficulties,
    "idle_days": _idle_days,
    "days_left": _days_left,
    "held": _held,
    "coordination_reason": _why_coordination,
    "linked_cases": _linked,
    "similar_cases": lambda _, __: "",
    "reminders": _reminded,
    "milestones": _milestones,
    "written_beside": _written_beside,
    "idle": _idle,
    "main_case": lambda _, s: s.standing.main_case or "",
    "notes": lambda _, s: s.standing.notes.get("remarks", ""),
    "answer_by": lambda t, s: _moment(s.until(s.kind), t.language),
    "due_date": lambda t, s: long_date(s.facts.due_on, t.language) if s.facts.due_on else "",
    "letter_date": lambda t, s: long_date(s.now.date(), t.language),
    "company": lambda _, s: s.company,
    "service_contact": lambda _, s: s.service_contact,
    "tell_finding": _sentence_of("result.tell_finding"),
    "tell_action": _sentence_of("result.tell_action"),
    "awaited": _awaited,
    "problem_summary": _in_short,
    "awaited_by": lambda _, s: _stamp(s.until(s.standing.expected)) if s.standing.expected else "",
}
"""Of any matter."""
_OF_CASES: dict[str, _Tell] = {
    "contain_by": _contain_by,
    "priority": _priority,
    "priority_proposal": lambda t, s: t.word("priority", proposed_priority(s.case)),
    "reply_kind": lambda t, s: t.word("reply", s.reply),
    "survey_by": _survey_by,
    "reported_date": lambda t, s: long_date(_reported(s.case), t.language),
    "safety": _safety,
}
"""Of what feedback opened."""
STORY = frozenset({*_FACTS, *_OF_CASES})
"""The names of these facts."""
