"""`lint` finds what a run would stumble over, with its place, in the workspace's language and in words for an administrator."""

import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from fbbatch.documents.templates import FactLabels, Template
from fbbatch.errors import ExitCode
from fbbatch.schema.loading import SINGLE_FILES
from fbbatch.schema.models import SchemaModel
from fbbatch.schema.needs import NEEDS
from fbbatch.schema.process import Process
from fbbatch.schema.wording import _KINDS, words
from fbbatch.settings import Settings
from fbbatch.wording import in_language, texts
from fbbatch.words import simplified
from tests.builders import CUSTOMER, GOOD, drop, run, sheet, tree, workspace
from tests.test_cli import call

ORGANISATION, PRODUCTS, CALENDAR = (
    "schemas/company/organisation.yaml",
    "schemas/company/products.yaml",
    "schemas/company/calendar.yaml",
)
VOCABULARY, ASSIGNMENT, DEADLINES = (
    "schemas/vocabulary.yaml",
    "schemas/rules/assignment.yaml",
    "schemas/rules/deadlines.yaml",
)
CLASSIFICATION, SOURCE, SETTINGS = (
    "schemas/rules/classification.yaml",
    "schemas/sources/partner.yaml",
    "fbbatch.yaml",
)
PROGRAMMERS = re.compile(
    r"Input should|valid dictionary|instance of|Traceback|None\b|\^\[|\\d|\[a-z\]|Error\b"
)


@pytest.fixture
def english(tmp_path: Path) -> Path:
    return workspace(tmp_path, "en")


def change(place: Path, name: str, old: str, new: str) -> None:
    path = place / name
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def problems(place: Path) -> list[str]:
    """What `lint` finds; `run` must say the same, and touch nothing."""
    before = tree(place)
    told = call("lint", "-w", place)
    assert told.code == ExitCode.INVALID, told
    ran = call("run", "-w", place)
    assert (ran.code, ran.out, ran.err) == (ExitCode.INVALID, "", told.out)
    assert tree(place) == before
    return told.out.splitlines()


# --- what is found ---

FOUND = [
    # dates, days and times
    (
        CALENDAR,
        "holidays: []",
        "holidays: [{date: 2026-12-34}]",
        "there is no such day: 2026-12-34",
    ),
    (
        CALENDAR,
        "working_days: []",
        "working_days: [{date: 2026-02-30}]",
        "there is no such day: 2026-02-30",
    ),
    (
        CALENDAR,
        "holidays: []",
        "holidays: [{date: 24.12.2026}]",
        "must be a date, year-month-day, e.g. 2026-12-24; found: 24.12.2026",
    ),
    (
        CALENDAR,
        "holidays: []",
        "holidays: [{date: 2026-12-24}, {date: 2026-12-24}]",
        "the day '2026-12-24' again",
    ),
    (CALENDAR, "holidays: []\n", "holidays: [{date: 2026-12-26}]\n", None),
    (
        CALENDAR,
        "weekend: [sat, sun]",
        "weekend: [mon, tue, wed, thu, fri, sat, sun]",
        "leave a working day",
    ),
    (
        SETTINGS,
        'surveys: ["01-05", "07-01"]',
        'surveys: ["02-30"]',
        "a day that every year has, month-day",
    ),
    (
        SETTINGS,
        'surveys: ["01-05", "07-01"]',
        'surveys: ["13-01"]',
        "a day that every year has, month-day",
    ),
    (SETTINGS, 'run_times: ["23:00"]', 'run_times: ["24:00"]', "a time from 00:00 to 23:59"),
    (
        SETTINGS,
        'run_times: ["23:00"]',
        "run_times: [23]",
        "run_times.1: must be text; put a number, true or false in quotes; found: 23",
    ),
    (
        SOURCE,
        "type: date\n",
        "type: date\n    default: 2026-02-30\n",
        "the default '2026-02-30' is no date",
    ),
    (
        SOURCE,
        "type: date\n",
        "type: date\n    default: '2026-13-01 09:00'\n",
        "the default '2026-13-01 09:00' is no date",
    ),
    (DEADLINES, "working_days: {all: ", "working_days: {all: 999", "3660.0 or less"),
    (
        DEADLINES,
        "working_days: {",
        "working_days: {sever: 1, ",
        "the severity 'sever' is not in vocabulary.yaml",
    ),
    (DEADLINES, "- id: T02", "- id: T01", "the period 'T01' again; it is already in line"),
    # the same name twice
    (
        ORGANISATION,
        "- id: rd\n",
        "- id: customer_service\n",
        "the department 'customer_service' again; it is already in line",
    ),
    (
        ORGANISATION,
        "aliases: [研發, ",
        "aliases: [客服, ",
        "'客服' also names the department customer_service",
    ),
    (
        ORGANISATION,
        "aliases: [趙總, ",
        "aliases: [孫麗雯, ",
        "'孫麗雯' also names the person zhao_mingyuan",
    ),
    (ORGANISATION, "name: 孫麗雯", "name: 趙明遠", "'趙明遠' also names the person zhao_mingyuan"),
    (
        ORGANISATION,
        "{id: sun_liwen, ",
        "{id: zhao_mingyuan, ",
        "the person 'zhao_mingyuan' again; it is already in line",
    ),
    (
        ORGANISATION,
        "P02: {people: [xie_chengen, lin_yating]}",
        "P02: {people: [lin_yating, lin_yating]}",
        "the holder 'lin_yating' again",
    ),
    (ORGANISATION, "aliases: [趙總, ", "aliases: ['  ', ", "it may not be blank"),
    (VOCABULARY, "- code: severe", "- code: minor", "the code 'minor' again"),
    (CLASSIFICATION, "- id: SAF-SMOKE", "- id: SAF-FIRE", "the rule id 'SAF-FIRE' again"),
    (ASSIGNMENT, "- id: A-REST\n", "- id: A-SAFETY\n", "the rule id 'A-SAFETY' again"),
    # roles
    (ORGANISATION, "  P13: {", "  P14: {", "the regulation has no role 'P14'"),
    (
        ORGANISATION,
        "P01: {people: [wang_siyu",
        "P01: {people: [nobody",
        "no person has the id 'nobody'",
    ),
    (ASSIGNMENT, "to: [P03", "to: [P33", "the regulation has no role 'P33'"),
    # names that point nowhere
    (
        SOURCE,
        "fields:\n",
        "signed_by: nobody\nfields:\n",
        "signed_by: `signed_by`, `signed_on` name the unknown field 'nobody'",
    ),
    (
        SOURCE,
        "not_after: received",
        "not_after: nowhen",
        ".not_after: field reported_at: not_after names the unknown field 'nowhen'",
    ),
    (
        CLASSIFICATION,
        "speaks_as: SEV-DANGER",
        "speaks_as: SEV-NONE",
        "supposition.speaks_as: supposition: no rule for a severity",
    ),
    (
        CLASSIFICATION,
        "default_severity: general",
        "default_severity: middling",
        "the severity 'middling' is not in vocabulary.yaml",
    ),
    (
        CLASSIFICATION,
        "default_kind: unclassified",
        "default_kind: trouble",
        "the kind 'trouble' is not in vocabulary.yaml",
    ),
    (
        ASSIGNMENT,
        "when: {type: [",
        "when: {type: [nonsense, ",
        "the type 'nonsense' is not in vocabulary.yaml",
    ),
    (VOCABULARY, "  priority:", "  precedence:", "the set 'priority' is missing"),
    # what a run needs of a source
    (
        SOURCE,
        "- id: description\n",
        "- id: what_happened\n",
        "the schema of a source needs the field 'description': the rules judge it",
    ),
    (
        SOURCE,
        "  - id: reported_at\n",
        "  - {id: reported_at, label: {zh-Hant: 某日, en: Some day}}\n  - id: told_at\n",
        "must be of the type date",
    ),
    (SOURCE, "folders: [", "folders: [客戶, ", "the folder '客戶' already belongs to customer"),
    (
        SOURCE,
        "folders: [",
        "folders: [customer, ",
        "the folder 'customer' already belongs to customer",
    ),
    (SOURCE, "fields:\n", "delimiter: ab\nfields:\n", "a delimiter is one character"),
    (SOURCE, "fields:\n", "encoding: nonsense\nfields:\n", "no encoding is called 'nonsense'"),
    # settings
    (SETTINGS, "jobs: 1", "limits: {wall_seconds: 100000000000}", "86400 or less"),
    (SETTINGS, "jobs: 1", "limits: {memory_bytes: 1000000000000000}", "1000000000000 or less"),
    (SETTINGS, "jobs: 1", "database: nonsense", "this is no address of a database"),
    (SETTINGS, "jobs: 1", "database: foo://x", "this is no address of a database"),
    (SETTINGS, "  name: ", "  name: ' ' # ", "company.name: it may not be blank"),
    # templates
    (
        "templates/worklist.yaml",
        "  level_0:",
        "  level_zero:",
        "the wording 'level_0' is missing, which fbbatch itself uses",
    ),
    ("templates/measures.yaml", "form: measures\n", "", "`form: measures` is missing"),
    (
        "templates/receipt.yaml",
        "{{ run }}",
        "{{ rum }}",
        "template expression: nothing is called 'rum'",
    ),
    (
        "templates/worklist.yaml",
        "  waiting:\n",
        "  waiting_list:\n",
        "the template has no table 'waiting'",
    ),
    (
        "templates/case_report.yaml",
        "blocks:\n",
        "blocks:\n  - note: {zh-Hant: '{{', en: '{{'}\n",
        "template expression that cannot be understood",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "old", "new", "told"), FOUND)
def test_what_a_run_would_stumble_over_is_a_line_with_its_place(
    english: Path, name: str, old: str, new: str, told: str | None
) -> None:
    change(english, name, old, new)
    if told is None:
        assert call("lint", "-w", english).code == ExitCode.DONE
        return
    found = problems(english)
    assert any(told in line for line in found), found
    assert all(re.match(r"[\w./]+:\d+:\d+: ", line) for line in found), found
    assert any(line.startswith(f"{name}:") for line in found), found
    assert [line for line in found if PROGRAMMERS.search(line)] == []


def test_sound_exceptions_of_the_calendar_are_taken(english: Path) -> None:
    change(english, CALENDAR, "holidays: []", "holidays: [{date: 2028-02-29, label: ours}]")
    assert call("lint", "-w", english).code == ExitCode.DONE
    drop(english, "a.xlsx", sheet(f"{CUSTOMER}\n{GOOD}"))
    assert run(english).exit_code == ExitCode.DONE


@pytest.mark.slow
@pytest.mark.parametrize(
    "written", ["5", "[]", "text", "true", "{a: 1}", "~", "-1", "1.5", "''", "[[]]", "[{}]", "[~]"]
)
@pytest.mark.parametrize(
    ("name", "old"),
    [(SETTINGS, "company:\n"), (SETTINGS, "locale: en"), (SETTINGS, "jobs: 1"), (PRODUCTS, "products:\n"), (ORGANISATION, "people:\n"), (ORGANISATION, "roles:\n"),
     (VOCABULARY, "sets:\n"), (CALENDAR, "weekend: [sat, sun]"), (CLASSIFICATION, "rules:\n"), (SOURCE, "fields:\n"), ("templates/receipt.yaml", "words:\n")],
)  # fmt: skip
def test_value_of_a_wrong_kind_is_told_without_a_programmers_words(
    english: Path, name: str, old: str, written: str
) -> None:
    key, _, rest = old.partition(":")
    path = english / name
    text = path.read_text(encoding="utf-8")
    head, _, tail = text.partition(f"\n{old}")
    body = (
        "" if rest.strip() else re.sub(r"\A(?:[ #].*\n|\n|-.*\n)*", "", tail)
    )  # the block that belonged to the key
    path.write_text(
        f"{head}\n{key}: {written}\n{body if not rest.strip() else tail}", encoding="utf-8"
    )
    told = call("lint", "-w", english)
    assert told.code in {ExitCode.DONE, ExitCode.INVALID}, told
    assert [line for line in told.out.splitlines() if PROGRAMMERS.search(line)] == []


@pytest.mark.parametrize(("how", "n"), [("false", 1), ("only", 1), ("true", 0)])
def test_summary_of_which_nothing_would_be_printed_or_kept_is_refused(
    english: Path, how: str, n: int
) -> None:
    path = english / "templates/summary.yaml"
    head, _, tail = path.read_text(encoding="utf-8").partition("\ncolumns:\n")
    rest = re.sub(r"\A(?:[ #-].*\n|\n)*", "", tail)
    path.write_text(f"{head}\ncolumns:\n  - {{of: serial, print: {how}}}\n{rest}", encoding="utf-8")
    told = call("lint", "-w", english).out.splitlines()
    assert len([line for line in told if "no column is printed" in line]) == n, told


# --- the language ---


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("zh-Hant", "曆法上沒有這一天"),
        ("zh-Hans", "历法上没有这一天"),
        ("en", "there is no such day"),
    ],
)
def test_problems_are_told_in_the_language_of_the_workspace(
    tmp_path: Path, locale: str, told: str
) -> None:
    place = workspace(tmp_path, locale)
    change(place, CALENDAR, "holidays: []", "holidays: [{date: 2026-12-34}]")
    (line,) = problems(place)
    assert told in line
    assert line.startswith(f"{CALENDAR}:")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("locale: en\ncompany: [1\njobs: 2\n", "a bracket is not closed"),
        ("locale: 'zh-Hans'\ncompany: [1\njobs: 2\n", "括号没有关上"),
        (
            "locale: fr\ncompany: {name: x}\ntime_zone: UTC\n",
            "應為以下之一：zh-Hant, zh-Hans, en；現為：fr",
        ),
        ("company: {name: x}\ntime_zone: UTC\n", "缺少鍵「locale」"),
        ("locale: en\ntime_zone: UTC\n", "key 'company' is missing"),
        ("- locale\n", "應為一組「鍵: 值」"),
        ("", "缺少鍵「company」"),
    ],
)
def test_language_is_known_where_the_settings_are_wrong(
    place: Path, settings: str, told: str
) -> None:
    (place / SETTINGS).write_text(settings, encoding="utf-8")
    assert any(told in line for line in problems(place)), problems(place)


def test_settings_and_schemas_are_told_at_once(english: Path) -> None:
    change(english, SETTINGS, "jobs: 1", "jobs: 0")
    change(english, CALENDAR, "country: none", "country: XX")
    assert [line.split(":")[0] for line in problems(english)] == [SETTINGS, CALENDAR]


def test_file_that_cannot_be_read_is_told_and_no_crash(english: Path) -> None:
    (english / "schemas/sources/odd.yaml").mkdir()
    (line,) = problems(english)
    assert line.startswith("schemas/sources/odd.yaml: the file cannot be read")


def test_unseen_control_character_is_told_with_its_place(english: Path) -> None:
    change(english, CALENDAR, "country: none", "country: none\x07")
    (line,) = problems(english)
    assert re.match(rf"{CALENDAR}:\d+:14: the file holds an invisible control character", line)


# --- roles ---


def test_missing_deputy_is_told_as_such_and_a_role_without_anybody_too(english: Path) -> None:
    change(
        english,
        ORGANISATION,
        "P03: {people: [zhao_mingyuan, sun_liwen]}",
        "P03: {people: [zhao_mingyuan]}",
    )
    change(english, ORGANISATION, "P12: {people: [he_jingwen, sun_liwen]}", "P12: {people: []}")
    change(english, ORGANISATION, "  P13: {people: [he_jingwen, lin_yating]}", "")
    told = json.loads(call("lint", "--json", "-w", english).out)
    assert told["problems"] == []
    deputy, vacant, absent = told["warnings"]  # FB-deputy-missing, FB-role-vacant
    assert re.match(
        rf"{ORGANISATION}:\d+:\d+: .*Only one person holds the regulation's role P03; there is no deputy",
        deputy,
    )
    assert re.match(rf"{ORGANISATION}:\d+:\d+: .*Nobody holds the regulation's role P12", vacant)
    assert re.match(rf"{ORGANISATION}:\d+:\d+: .*Nobody holds the regulation's role P13", absent)


def test_role_that_depends_on_the_case_needs_no_deputy(english: Path) -> None:
    change(
        english,
        ORGANISATION,
        "P06: {people: [luo_xinyi, jiang_haoran]}",
        "P06: {people: [luo_xinyi]}",
    )
    assert json.loads(call("lint", "--json", "-w", english).out)["warnings"] == []


@pytest.mark.parametrize(
    ("locale", "told"), [("zh-Hant", "沒有問題"), ("zh-Hans", "没有问题"), ("en", "OK")]
)
def test_sound_workspace_is_told_so_in_its_language(tmp_path: Path, locale: str, told: str) -> None:
    answer = call("lint", "-w", workspace(tmp_path, locale))
    assert (answer.code, answer.err) == (ExitCode.DONE, "")
    assert answer.out.startswith(told)


# --- the wording ---

SENTENCES = list(texts("schema").items())


def names_in(text: str) -> set[str]:
    return {name for _, name, *_ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(("code", "text"), SENTENCES)
def test_each_sentence_is_there_in_three_languages_with_the_same_names(
    code: str, text: dict[str, str]
) -> None:
    chinese, english = text["zh-Hant"], text["en"]
    assert re.search(r"[\u4e00-\u9fff]", chinese) or code == "value.or"
    assert not re.search(r"[\u4e00-\u9fff，。「」]", english)
    if not code.startswith("pattern."):
        assert names_in(chinese) == names_in(english)
    told = in_language(text, "zh-Hans")
    assert simplified(told) == told


def patterns(schema: object) -> Iterator[str]:
    """Every pattern in a JSON Schema."""
    if isinstance(schema, dict):
        yield from ([schema["pattern"]] if isinstance(schema.get("pattern"), str) else [])
        for part in schema.values():
            yield from patterns(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from patterns(part)


def test_each_pattern_of_the_models_has_words_and_no_other() -> None:
    models = [Settings, SchemaModel, Template, FactLabels, Process, *SINGLE_FILES.values()]
    used = {pattern for model in models for pattern in patterns(model.model_json_schema())}
    named = {name for name in texts("schema") if name.startswith("pattern.")}
    assert used == {name.removeprefix("pattern.") for name in named}


def test_each_kind_of_error_and_each_need_has_words() -> None:
    assert {f"value.{kind}" for kind in _KINDS.values()} <= set(texts("schema"))
    for need in NEEDS:
        assert words(f"need.{need.form}.{need.field}", "en")


def test_each_sentence_that_the_code_speaks_is_there() -> None:
    from tests.test_repository import SOURCES, texts_of

    spoken = {
        text
        for path in SOURCES
        for text in texts_of(path)
        if re.fullmatch(r"(?:value|model|setup|template|time|lint)\.[a-z_]+", text)
    }
    there = {code for code, _ in SENTENCES}
    assert len(spoken & there) > 15
    assert (
        spoken - there - {path.name for path in (SOURCES[0].parent / "schema").iterdir()} == set()
    )
