"""Laws of the engine that hold for every process that lint lets through, whatever its graph."""

import datetime as dt
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fbbatch.model import Facts, ReturnedForm, Transition
from fbbatch.schema import load_book
from fbbatch.schema.process import Never, Process
from fbbatch.schema.process_proof import is_kept, reachable, traps, ways
from fbbatch.workflow.decisions import On
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.process import Outcome, moves_of_time, step
from fbbatch.workflow.standing import replay
from tests.builders import REPOSITORY

BOOK = load_book(REPOSITORY / "schemas")
FIRST = dt.date(2026, 11, 2)
ON = On(FIRST, 30)
DAYS = 30
CODES = ("yes", "no")


@st.composite
def processes(draw: st.DrawFn) -> Process:
    """A process with two to six states, and forms that lead anywhere or nowhere."""
    states = [f"s{n}" for n in range(draw(st.integers(2, 6)))]
    state = st.sampled_from(states)
    steps: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 6))):
        told: dict[str, Any] = {"form": f"f{number}"}
        if draw(st.integers(0, 4)):  # one in five is a fact
            told["from"] = draw(st.lists(state, min_size=1, max_size=3, unique=True))
            branches = st.fixed_dictionaries(
                {"answer": st.fixed_dictionaries(dict.fromkeys(CODES, state))}
            )
            told["to"] = draw(st.one_of(state, branches))
            told["keeps"] = draw(st.sampled_from([None, "step", "answers"]))
        steps.append(told)
    time = [{"in": draw(state), "after": "T15a", "to": draw(state)}] if draw(st.booleans()) else []
    return Process.model_validate(
        {
            "id": "any",
            "clause": "1",
            "title": {"zh-Hant": "任何", "en": "Any"},
            "number": "AN",
            "states": states,
            "begins": [states[0]],
            "ends": [states[-1]],
            "steps": steps,
            "time": time,
        }
    )


FORMS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(CODES), st.integers(0, 3)), max_size=25
)
"""Which form, its answer, and something else that it says."""


def begun(process: Process) -> Matter:
    facts = Facts(
        1, process.id, "AN-20261102-0001", FIRST, moment(), {}, "", process.first, None, (), None,
        None, None, (), "r",
    )  # fmt: skip
    return Matter(process, facts, (transition(process.first, "time"),))


def moment() -> dt.datetime:
    return dt.datetime.combine(FIRST, dt.time(23), ZoneInfo("Asia/Taipei"))


def transition(to: str, document: str, **told: Any) -> Transition:
    return Transition(to, document, "somebody", FIRST, moment(), "20261102-001", **told)


def form_of(kind: str, answer: str, remark: int) -> ReturnedForm:
    values = {"answer": answer, "remark": remark}
    return ReturnedForm(kind, "AN-20261102-0001", 0, values, "somebody", FIRST)


def taken(matter: Matter, form: ReturnedForm) -> tuple[Matter, Outcome]:
    """The matter after a form, and what came of it."""
    book = replace(BOOK, processes={**BOOK.processes, "any": matter.process})
    outcome = step(matter, form, book, newest_issue=0, on=ON)
    steps = [transition(m.to, form.kind, details=m.details) for m in outcome.moves]
    return matter.after(steps), outcome


def all_taken(process: Process, told: list[tuple[int, str, int]]) -> list[Matter]:
    """The matter after each form of a sequence, in which time passes now and then."""
    matters = [begun(process)]
    for number, answer, remark in told:
        if number < len(process.steps):
            after, _ = taken(matters[-1], form_of(process.steps[number].form, answer, remark))
            matters.append(after)
        if remark == 0:
            late = FIRST + dt.timedelta(days=DAYS)
            moves = moves_of_time(matters[-1].standing, late, lambda period: DAYS)
            matters.append(matters[-1].after([transition(m.to, "time") for m in moves]))
    return matters


@settings(max_examples=300, deadline=None)
@given(process=processes(), told=FORMS)
def test_matter_stands_where_its_history_leads_and_never_leaves_what_is_reachable(
    process: Process, told: list[tuple[int, str, int]]
) -> None:
    found = reachable(process)
    for matter in all_taken(process, told):
        standing = replay(process, matter.history)
        assert standing == matter.standing
        assert standing.state == matter.history[-1].to
        assert standing.state in found
        assert standing.is_open == (standing.state not in process.ends)


@settings(max_examples=300, deadline=None)
@given(process=processes(), told=FORMS, gate=st.integers(0, 11))
def test_no_sequence_of_forms_reaches_what_a_gate_shuts_but_through_it(
    process: Process, told: list[tuple[int, str, int]], gate: int
) -> None:
    gates = [*process.states[1:], *process.forms]
    never = Never(reach=process.ends[0], without=[gates[gate % len(gates)]])
    assume(is_kept(never, process))
    for matter in all_taken(process, told):
        if matter.standing.state == never.reach:
            passed = {step.to for step in matter.history} | {s.document for s in matter.history}
            assert passed & set(never.without)


@settings(max_examples=300, deadline=None)
@given(process=processes(), told=FORMS)
def test_what_a_gate_does_not_shut_can_be_reached_around_it(
    process: Process, told: list[tuple[int, str, int]]
) -> None:
    """The proof refuses nothing that could not happen: each way that it sees can be gone."""
    for matter in all_taken(process, told):
        state = matter.standing.state
        for way in ways(process):
            if way.before != state or way.form is None:
                continue
            answered = [taken(matter, form_of(way.form, answer, 9))[1] for answer in CODES]
            assert way.after in {move.to for outcome in answered for move in outcome.moves}


@settings(max_examples=300, deadline=None)
@given(process=processes(), told=FORMS)
def test_step_taken_twice_is_one(process: Process, told: list[tuple[int, str, int]]) -> None:
    matter = begun(process)
    for number, answer, remark in told:
        if number >= len(process.steps):
            continue
        form = form_of(process.steps[number].form, answer, remark)
        matter, outcome = taken(matter, form)
        assert bool(outcome.moves) == (outcome.outcome == "step")
        if outcome.moves:
            again, repeated = taken(matter, form)
            assert (repeated.outcome, repeated.moves) == ("duplicate", ())
            assert again.history == matter.history


@settings(max_examples=300, deadline=None)
@given(process=processes(), told=FORMS)
def test_round_counts_the_steps_back_and_nothing_of_a_round_but_what_is_kept_lasts(
    process: Process, told: list[tuple[int, str, int]]
) -> None:
    for matter in all_taken(process, told):
        back = [n for n, step in enumerate(matter.history) if step.details.verdict == "failed"]
        assert matter.standing.round == 1 + len(back)
        this_round = matter.history[back[-1] :] if back else matter.history
        fresh = {step.document for step in this_round}
        lasting = {s.form for s in process.steps if s.is_fact or s.keeps}
        assert set(matter.standing.answers) <= fresh | lasting


@given(process=processes())
def test_trap_is_a_state_from_which_no_end_can_be_reached(process: Process) -> None:
    caught = set(traps(process))
    edges = list(ways(process))
    for state in process.states:
        leads = {way.after for way in edges if way.before == state}
        is_end = state in process.ends
        assert (state in caught) == (not is_end and leads <= caught)
