"""What a worker says arrives as it was said, and what a ledger has kept of a form is read for ever."""

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch import messages
from fbbatch.judge import Hearing
from fbbatch.messages import (
    CellChange,
    EditedWorkbook,
    FileKind,
    FormRead,
    HeardRows,
    Message,
    PartHead,
    Refusal,
    Remarks,
    RowChunk,
    Ruling,
    SetAside,
    SheetHead,
    WorkbookProof,
    decode,
    decode_form,
    encode,
    encode_form,
    is_a,
)
from fbbatch.model import FilledForm, Finding

TEXT = st.text(max_size=8)
SOME_TEXT = st.none() | TEXT
NUMBER = st.integers(0, 2**53)
SOME_NUMBER = st.none() | NUMBER
ANSWER = st.recursive(
    st.none() | TEXT | st.booleans() | NUMBER | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


def some(*parts: st.SearchStrategy) -> st.SearchStrategy:
    """Lists: of what it is, or of tuples."""
    return st.lists(parts[0] if len(parts) == 1 else st.tuples(*parts), max_size=3)


FINDING = st.builds(
    Finding, TEXT, TEXT, SOME_TEXT, SOME_NUMBER, SOME_NUMBER, SOME_TEXT, st.dictionaries(TEXT, TEXT, max_size=2)
)  # fmt: skip
FINDINGS = some(FINDING)
RULING = st.builds(Ruling, TEXT, TEXT, TEXT, TEXT, TEXT, SOME_TEXT, TEXT)
CHANGE = st.builds(CellChange, TEXT, TEXT, TEXT, TEXT, ANSWER, TEXT, NUMBER, NUMBER, TEXT)
PROOF = st.builds(WorkbookProof, TEXT, TEXT, some(TEXT))
FORM = st.builds(
    FilledForm, TEXT, TEXT, NUMBER, NUMBER, st.dictionaries(TEXT, ANSWER, max_size=3), st.booleans(), TEXT, SOME_TEXT, TEXT,
    SOME_TEXT, TEXT, st.dictionaries(TEXT, some(TEXT), max_size=2), some(TEXT, TEXT), TEXT, TEXT,
)  # fmt: skip
EACH = {
    FileKind: st.builds(FileKind, TEXT, SOME_TEXT),
    PartHead: st.builds(PartHead, TEXT, TEXT, NUMBER, SOME_TEXT),
    Refusal: st.builds(Refusal, FINDING),
    SheetHead: st.builds(SheetHead, TEXT, TEXT, TEXT, SOME_NUMBER, some(NUMBER, TEXT, TEXT), FINDINGS, TEXT),
    RowChunk: st.builds(
        RowChunk, TEXT, st.booleans(), some(NUMBER), some(TEXT), some(NUMBER), some(some(NUMBER)), some(NUMBER), some(RULING),
        some(NUMBER, TEXT), FINDINGS, NUMBER, st.binary(max_size=20),
    ),
    SetAside: st.builds(SetAside, some(NUMBER, TEXT), SOME_TEXT, FINDINGS),
    Remarks: st.builds(Remarks, FINDINGS),
    FormRead: st.builds(FormRead, FORM, FINDINGS),
    WorkbookProof: PROOF,
    EditedWorkbook: st.builds(EditedWorkbook, TEXT, PROOF, st.dictionaries(TEXT, NUMBER, max_size=2), some(CHANGE), FINDINGS, TEXT),
}  # fmt: skip


def types_in(message: object) -> object:
    """What a message is made of, as equal tuples need not be of one class."""
    if isinstance(message, tuple | list):
        return type(message), [types_in(part) for part in message]
    if isinstance(message, dict):
        return {name: types_in(value) for name, value in message.items()}
    return type(message)


# --- through the pipe ---


@given(st.one_of(*EACH.values()))
def test_what_is_encoded_and_decoded_is_the_same_message(message: Message) -> None:
    again = decode(encode(message))
    assert again == message
    assert types_in(again) == types_in(message)


def test_every_kind_of_message_is_tried() -> None:
    assert set(EACH) == set(get_args(Message)) == set(messages._KINDS.values())


@given(st.one_of(*EACH.values()))
def test_kind_of_a_frame_is_told_without_reading_it(message: Message) -> None:
    frame = encode(message)
    assert [kind for kind in EACH if is_a(kind, frame)] == [type(message)]


@given(EACH[RowChunk])
def test_lines_of_rows_follow_as_they_are(chunk: RowChunk) -> None:
    head, _, lines = encode(chunk).partition(b"\n")
    assert lines == chunk.lines
    assert "lines" not in json.loads(head)


def test_what_json_has_no_word_for_goes_as_text() -> None:
    form = FilledForm("reply", "FB-1", 1, 1, {"sum": 1 + 2j}, False, "p", None, "")
    assert decode(encode(FormRead(form, ()))) == (
        form._replace(values={"sum": "(1+2j)"}, printed=[]),
        [],
    )


# --- what the run hears of rows ---


def chunk(numbers: list[int], answers: list[str], *, is_written: bool = False) -> RowChunk:
    n = len(numbers)
    lines = [*(f"[{number}]" for number in numbers), *answers, '["bad"]']
    return RowChunk(
        "S", is_written, numbers, ["email"] * n, [0] * n, [[]] * n, [99], [], [], [], n, "\n".join(lines).encode()
    )  # fmt: skip


def heard(*said: Message) -> list[HeardRows]:
    hearing = Hearing()
    every = [hearing.message(encode(message)) for message in said]
    return [one for one in every if isinstance(one, HeardRows)]


HEAD = SheetHead("customer", "customer", "S", 1, (), ())


def test_lines_become_cells_and_answers_of_the_accepted_rows_and_cells_of_the_returned() -> None:
    (one,) = heard(HEAD, chunk([2, 3], ['{"a":1}', '{"a":2}']))
    assert [(row.row, row.cells, row.answers) for row in one.rows.each()] == [
        (2, "[2]", '{"a":1}'),
        (3, "[3]", '{"a":2}'),
    ]
    assert (one.returned, one.plain, one.findings) == ([(99, '["bad"]')], (), [])


@pytest.mark.parametrize(("is_written", "sheet"), [(False, "S"), (True, None)])
def test_row_that_says_the_same_again_is_told_with_the_first(
    is_written: bool, sheet: str | None
) -> None:
    first = chunk([2], ['{"a":1}'])
    _, again = heard(HEAD, first, chunk([3], ['{"a":1}'], is_written=is_written))
    assert again.rows.occurrence == [1]
    (told,) = again.findings
    assert (told.code, told.sheet, told.row, told.details["first"]) == ("FB-twice", sheet, 3, "2")


def test_rows_of_a_file_inside_another_are_counted_from_the_start() -> None:
    same = chunk([2], ['{"a":1}'])
    first, inner = heard(HEAD, same, PartHead("b.csv", "0", 1), HEAD, same)
    assert first.rows == inner.rows


def test_rows_of_a_mail_are_known_also_as_if_they_had_not_come_by_mail() -> None:
    same = chunk([2], ['{"a":1}'])
    (dropped,) = heard(HEAD, same)
    (mailed,) = heard(HEAD._replace(letter="key"), same)
    assert mailed.plain == dropped.rows.fingerprint != mailed.rows.fingerprint


# --- in the ledger ---


@given(FORM)
def test_form_is_read_from_the_ledger_as_it_was_kept(form: FilledForm) -> None:
    assert decode_form(encode_form(form)) == form


OLD = {
    "kind": "measures", "case": "FB-20261113-0001", "issue": 1, "version": 2, "values": {"department": "quality"}, "bad": False, "by": "p",
    "on": "2026-11-20", "text": "…", "department": None, "code": "34679ACD", "facts": {"product": ["音箱"]}, "printed": [["34679ACD", "1"]],
}  # fmt: skip
"""As ledgers keep it: these keys, in this order."""


def test_json_of_a_form_in_the_ledger_is_as_ever() -> None:
    form = decode_form(json.dumps(OLD))
    assert json.loads(encode_form(form)) == OLD
    assert list(json.loads(encode_form(form))) == list(OLD)
    waits = form._replace(mailed="anna@example.com", would="planned")
    assert json.loads(encode_form(waits)) == OLD | {
        "mailed": "anna@example.com",
        "would": "planned",
    }


def test_what_an_older_version_has_not_told_is_as_if_there_was_none() -> None:
    young = ("department", "code", "facts", "printed")
    older = {name: value for name, value in OLD.items() if name not in young}
    form = decode_form(json.dumps(older | {"gone": "since then"}))
    assert (form.department, form.code, form.facts, form.printed) == (None, "", {}, [])
    assert (form.mailed, form.would, form.values) == ("", "", OLD["values"])
