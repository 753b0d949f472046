"""What is wrong in a workspace's YAML is said with file, line and column, all of it at once, before anything is touched."""

import re
import shutil
from pathlib import Path

import pytest

from fbbatch.documents import load_templates
from fbbatch.errors import InvalidSetupError
from fbbatch.schema import load_book
from fbbatch.schema.needs import NEEDS
from fbbatch.settings import load_settings
from tests.builders import REPOSITORY, problems

CUSTOMER = "sources/customer.yaml"
SMALL = """\
id: visitor
source: other
title: {zh-Hant: 訪客意見表, en: Visitor}
fields:
  - id: reporter
    label: {zh-Hant: 姓名, en: Name}
    required: true
  - id: description
    label: {zh-Hant: 意見, en: Opinion}
"""


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY / "schemas", tmp_path / "schemas"))


def change(folder: Path, name: str, old: str, new: str) -> int:
    """Replace the first `old` in a file; the line (1-based) in which the change begins."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_the_repositorys_own_book_is_sound(book) -> None:
    assert [schema.id for schema in book.sources] == ["customer", "employee", "partner"]


def test_unknown_key_is_named_at_its_place(schemas: Path) -> None:
    (schemas / "sources/visitor.yaml").write_text(SMALL + "    requird: true\n", encoding="utf-8")
    assert problems(schemas) == ["schemas/sources/visitor.yaml:10:14: unknown key 'requird'"]


def test_missing_key_is_named_at_its_parent(schemas: Path) -> None:
    (schemas / "sources/visitor.yaml").write_text(
        SMALL.replace("  - id: description\n    label", "  - label"), encoding="utf-8"
    )
    assert problems(schemas) == ["schemas/sources/visitor.yaml:8:5: key 'id' is missing"]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("type: texts", "10:11"),
        ("min_length: short", "10:17"),
        ("min_length: -1", "10:17"),
        ("aliases: 意見", "10:14"),
        ("required: maybe", "10:15"),
        ("column: 0", "10:13"),
        ("pattern: {regex: '(', explain: {zh-Hant: 式, en: x}}", "10:22"),
        ("values: nowhere", "10:13"),
    ],
)
def test_wrong_value_is_named_at_its_place(schemas: Path, line: str, place: str) -> None:
    (schemas / "sources/visitor.yaml").write_text(SMALL + f"    {line}\n", encoding="utf-8")
    found = problems(schemas)
    assert found
    assert all(
        problem.startswith(f"schemas/sources/visitor.yaml:{place}: ") for problem in found
    ), found


def test_duplicate_key_is_an_error_and_not_the_second_one(schemas: Path) -> None:
    (schemas / "sources/visitor.yaml").write_text(
        SMALL + "    label: {zh-Hant: 別的, en: Other}\n", encoding="utf-8"
    )
    assert problems(schemas) == [
        "schemas/sources/visitor.yaml:10:5: key 'label' again; it is already in line 9"
    ]


def test_header_that_two_fields_claim_is_an_error(schemas: Path) -> None:
    (schemas / "sources/visitor.yaml").write_text(
        SMALL + "    aliases: [建議, '姓名：']\n", encoding="utf-8"
    )
    (found,) = problems(schemas)
    assert re.match(
        r"schemas/sources/visitor\.yaml:10:\d+: '姓名：' also names the field reporter", found
    )


def test_field_id_used_twice_is_an_error(schemas: Path) -> None:
    (schemas / "sources/visitor.yaml").write_text(
        SMALL.replace("id: description", "id: reporter"), encoding="utf-8"
    )
    assert problems(schemas) == [
        "schemas/sources/visitor.yaml:8:9: fields.2.id: field ids twice: reporter"
    ]


def test_unknown_department_in_an_assignment_rule_is_an_error(schemas: Path) -> None:
    line = change(schemas, "rules/assignment.yaml", "lead: quality", "lead: qualty")
    assert problems(schemas) == [
        f"schemas/rules/assignment.yaml:{line}:11: no department has the id 'qualty'"
    ]


def test_unknown_cooperating_department_is_an_error(schemas: Path) -> None:
    line = change(
        schemas, "rules/assignment.yaml", "cooperating: [production]", "cooperating: [producton]"
    )
    (found,) = problems(schemas)
    assert found.startswith(f"schemas/rules/assignment.yaml:{line}:")
    assert found.endswith("no department has the id 'producton'")


def test_type_that_the_vocabulary_does_not_know_is_an_error_in_departments_by_type(
    schemas: Path,
) -> None:
    line = change(schemas, "rules/assignment.yaml", "  compatibility: rd", "  compatability: rd")
    (found,) = problems(schemas)
    assert found.startswith(f"schemas/rules/assignment.yaml:{line}:")


def test_last_assignment_rule_must_take_every_case(schemas: Path) -> None:
    change(
        schemas,
        "rules/assignment.yaml",
        "  - id: A-REST\n",
        "  - id: A-REST\n    when: {kind: [praise]}\n",
    )
    (found,) = problems(schemas)
    assert "the last rule must have no `when`" in found


@pytest.mark.parametrize(
    ("label", "missing"),
    [
        ("{zh-Hant: 意見}", "en"),
        ("{en: Opinion}", "zh-Hant, zh-Hans"),
        ("{zh-Hant: 意見, en: ''}", "en"),
    ],
)
def test_text_missing_in_a_language_is_an_error(schemas: Path, label: str, missing: str) -> None:
    (schemas / "sources/visitor.yaml").write_text(
        SMALL.replace("{zh-Hant: 意見, en: Opinion}", label), encoding="utf-8"
    )
    (found,) = problems(schemas)
    assert found.startswith("schemas/sources/visitor.yaml:9:")
    assert f"text is missing in {missing} " in found


def test_simplified_label_is_derived_where_the_traditional_one_is_given(schemas: Path) -> None:
    (schemas / "sources/visitor.yaml").write_text(SMALL, encoding="utf-8")
    visitor = load_book(schemas).schema("visitor")
    assert visitor is not None
    assert visitor.title == {"zh-Hant": "訪客意見表", "zh-Hans": "访客意见表", "en": "Visitor"}


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (
            "company/organisation.yaml",
            "head: lin_yating",
            "head: lin_yatin",
            "no person has the id 'lin_yatin'",
        ),
        (
            "company/organisation.yaml",
            "P01: {people: [wang_siyu",
            "P01: {people: [wang_si",
            "no person has the id 'wang_si'",
        ),
        (
            "company/organisation.yaml",
            "aliases: [研發, ",
            "aliases: [客服, ",
            "'客服' also names the department customer_service",
        ),
        (
            "company/products.yaml",
            "department: rd",
            "department: rnd",
            "no department has the id 'rnd'",
        ),
        (
            "rules/classification.yaml",
            "- id: SAF-SMOKE",
            "- id: SAF-FIRE",
            "the rule id 'SAF-FIRE' again",
        ),
        (
            "rules/classification.yaml",
            "severity: severe",
            "severity: sever",
            "the severity 'sever' is not in vocabulary.yaml",
        ),
        (
            "sources/customer.yaml",
            "channels: [hotline",
            "channels: [hotlin",
            "the channel 'hotlin' is not in vocabulary.yaml",
        ),
        (
            "sources/partner.yaml",
            "id: partner\n",
            "id: customer\n",
            "the id 'customer' is already used",
        ),
        ("company/calendar.yaml", "country: TW", "country: XX", "country: "),
    ],
)
def test_names_that_point_nowhere_or_twice_are_errors(
    schemas: Path, name: str, old: str, new: str, told: str
) -> None:
    line = change(schemas, name, old, new)
    found = problems(schemas)
    assert any(told in problem for problem in found), found
    assert all(re.match(r"schemas/[\w/.]+:\d+:\d+: ", problem) for problem in found), found
    if name != "sources/partner.yaml":
        assert any(
            problem.startswith(f"schemas/{name}:") and abs(int(problem.split(":")[1]) - line) <= 3
            for problem in found
        ), found


def test_all_problems_of_all_files_are_told_at_once(schemas: Path) -> None:
    change(schemas, "company/calendar.yaml", "country: TW", "country: XX")
    (schemas / "sources/visitor.yaml").write_text(SMALL + "    requird: true\n", encoding="utf-8")
    change(schemas, "rules/deadlines.yaml", "- id: T01\n", "- id: X01\n")
    assert len(problems(schemas)) == 3


def test_missing_file_is_named(schemas: Path) -> None:
    (schemas / "vocabulary.yaml").unlink()
    assert problems(schemas) == [
        "schemas/vocabulary.yaml: the file is missing; `fbbatch init` lays out a complete set"
    ]


def test_company_without_sources_is_told(schemas: Path) -> None:
    shutil.rmtree(schemas / "sources")
    assert problems(schemas) == [
        "schemas/sources: no schema of a source; `fbbatch init` lays out three"
    ]


def test_a_yaml_file_that_holds_no_mapping_is_an_error_and_no_crash(schemas: Path) -> None:
    (schemas / "vocabulary.yaml").write_text("- just\n- a list\n", encoding="utf-8")
    (found,) = problems(schemas)
    assert found.startswith("schemas/vocabulary.yaml:1:1: ")


# --- templates and settings ---


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("- {blank: impact, ", "- {blank: impakt, ", "the form 'escalation' has no field 'impakt'"),
        ("form: escalation", "form: escalaton", "no form schema has the id 'escalaton'"),
        (
            "      - escalation_number",
            "      - escalation_numer",
            "neither a fact nor a field of any source is called 'escalation_numer'",
        ),
        ("- note:\n", "- noet:\n", "unknown key 'noet'"),
        ("blocks:\n", "blocks:\n  - note: {zh-Hant: '{{ 灰色', en: x}\n", "template expression"),
    ],
)
def test_broken_template_is_told_with_its_place(
    tmp_path: Path, book, old: str, new: str, told: str
) -> None:
    templates = Path(shutil.copytree(REPOSITORY / "templates", tmp_path / "templates"))
    change(templates, "escalation.yaml", old, new)
    with pytest.raises(InvalidSetupError) as caught:
        load_templates(templates, book, "en")
    assert any(told in problem for problem in caught.value.problems), caught.value.problems
    assert all(
        re.match(r"templates/escalation\.yaml:\d+:\d+: ", problem)
        for problem in caught.value.problems
    )


def test_expression_with_an_unknown_name_is_found_before_the_run(tmp_path: Path, book) -> None:
    templates = Path(shutil.copytree(REPOSITORY / "templates", tmp_path / "templates"))
    change(
        templates,
        "case_report.yaml",
        "blocks:\n",
        "blocks:\n  - note: {zh-Hant: '{{ basis_nte }}', en: x}\n",
    )
    with pytest.raises(InvalidSetupError):
        load_templates(templates, book)


SETTINGS = "company: {name: 示范科技}\nlocale: en\ntime_zone: Asia/Shanghai\n"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("job: 2", "fbbatch.yaml:4:6: unknown key 'job'"),
        ("jobs: many", "fbbatch.yaml:4:7: jobs: "),
        ("jobs: 0", "fbbatch.yaml:4:7: jobs: "),
        ("run_times: ['25:00']", "fbbatch.yaml:4:13: "),
        ("limits: {rows: 0}", "fbbatch.yaml:4:16: limits.rows: "),
    ],
)
def test_wrong_setting_is_told_with_its_place(tmp_path: Path, line: str, problem: str) -> None:
    (tmp_path / "fbbatch.yaml").write_text(SETTINGS + line + "\n", encoding="utf-8")
    with pytest.raises(InvalidSetupError) as caught:
        load_settings(tmp_path, environment={})
    (found,) = caught.value.problems
    assert found.startswith(problem)


def test_unknown_time_zone_is_told(tmp_path: Path) -> None:
    (tmp_path / "fbbatch.yaml").write_text(
        SETTINGS.replace("Asia/Shanghai", "Asia/Peking"), encoding="utf-8"
    )
    with pytest.raises(
        InvalidSetupError, match=r"^fbbatch\.yaml:3:12: .*no time zone is called 'Asia/Peking'"
    ):
        load_settings(tmp_path, environment={})


def test_options_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "fbbatch.yaml").write_text(SETTINGS + "jobs: 1\n", encoding="utf-8")
    assert load_settings(tmp_path, environment={}).jobs == 1
    assert load_settings(tmp_path, environment={"FBBATCH_JOBS": "3"}).jobs == 3
    assert load_settings(tmp_path, environment={"FBBATCH_JOBS": "3"}, jobs=5).jobs == 5


JUDGED = "10:11: the field 'description' must be of the type text: the rules judge it"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("not_after: received", ["10:16: not_after compares dates; 'description' or 'received' is none"]),
        ("type: date, default: 5", ["11:14: the default '5' is no date", JUDGED]),
        ("type: rating, values: severity", ["11:13: the codes of a rating are numbers; 'minor' is none", JUDGED]),
    ],
)  # fmt: skip
def test_key_that_does_not_fit_the_fields_type_is_found_before_the_run(
    schemas: Path, line: str, told: list[str]
) -> None:
    listed = "".join(f"    {part}\n" for part in line.split(", "))
    (schemas / "sources/visitor.yaml").write_text(SMALL + listed, encoding="utf-8")
    assert problems(schemas) == [f"schemas/sources/visitor.yaml:{problem}" for problem in told]


@pytest.mark.parametrize(
    ("form", "old", "new", "told"),
    [
        ("measures", "    required: true\n    example: 趙明遠", "    required: ask\n    example: 張偉銘",
         "the field 'approved_by' of the form 'measures' must be `required: true`: it names the head who approves"),
        ("inspection", "    type: integer\n    required: true\n", "    type: text\n    required: true\n",
         "the field 'percent' of the form 'inspection' must be of the type integer: it says whether the work has begun"),
        ("assignment", "id: verdict\n", "id: opinion\n", "the form 'assignment' needs the field 'verdict': it says whether the case is taken on"),
        ("assignment", "    type: person\n    strict: true\n    hint", "    type: person\n    hint",
         "the field 'responsible' of the form 'assignment' must be `strict: true`: it names who handles the case"),
        ("coordination", "code: merge,", "code: join,", "the field 'decision' of the form 'coordination' must offer merge among its codes: it decides what becomes of the case"),
        ("result", "{code: misuse,", "{code: mishap,", "the field 'outcome' of the form 'result' may not offer mishap among its codes: it says how the matter ended"),
        ("verification", "    values: verification\n", "    values: cause\n",
         "the field 'conclusion' of the form 'verification' must offer pass, conditional, fail among its codes: it decides whether the case goes on or back"),
    ],
)  # fmt: skip
def test_form_that_falls_short_of_the_closed_loop_is_refused_at_its_place(
    schemas: Path, form: str, old: str, new: str, told: str
) -> None:
    change(schemas, f"forms/{form}.yaml", old, new)
    found = problems(schemas)
    assert any(problem.endswith(f": {told}") for problem in found), found
    assert all(re.match(rf"schemas/forms/{form}\.yaml:\d+:\d+: ", problem) for problem in found), (
        found
    )


@pytest.mark.parametrize(
    ("example", "told"),
    [
        (
            "{zh-Hant: 王小明, fr: Jean}",
            "example: unknown language 'fr': an example is one for all languages, or {zh-Hant: …, en: …}",
        ),
        (
            "{zh-Hant: 王小明}",
            "example: text is missing in en (zh-Hans may be left out where zh-Hant is given)",
        ),
        (
            "{zh-Hant: 5, en: 5}",
            "example: an example for each language is text; a number is the same in all of them",
        ),
    ],
)
def test_example_in_an_unknown_language_or_without_one_is_refused_at_its_place(
    schemas: Path, example: str, told: str
) -> None:
    (schemas / "sources/visitor.yaml").write_text(
        f"{SMALL}    example: {example}\n", encoding="utf-8"
    )
    (problem,) = problems(schemas)
    assert re.fullmatch(
        rf"schemas/sources/visitor\.yaml:\d+:\d+: fields\.\d+\.{re.escape(told)}", problem
    )


def test_example_in_a_row_of_a_table_is_checked_likewise(schemas: Path) -> None:
    table = "    type: table\n    fields: [{id: step, label: {zh-Hant: 步驟, en: Step}}]\n    example: [{step: {zh-Hant: 換, en: Swap, de: Tausch}}]\n"
    (schemas / "sources/visitor.yaml").write_text(SMALL + table, encoding="utf-8")
    (problem,) = problems(schemas)
    assert "unknown language 'de'" in problem


def test_company_may_word_its_forms_otherwise_and_ask_for_more(schemas: Path) -> None:
    asked = "    type: date\n    required: {}\n    not_before: prepared_on\n"
    change(schemas, "forms/measures.yaml", asked.format("ask"), asked.format("true"))
    change(
        schemas,
        "forms/assignment.yaml",
        "{zh-Hant: 受理, en: Accepted}",
        "{zh-Hant: 我們辦, en: We do it}",
    )
    book = load_book(schemas)
    measures, assignment = book.schema("measures"), book.schema("assignment")
    assert {f.id: f.required for f in measures.fields}["effect_by"] is True
    (verdict,) = [f for f in assignment.fields if f.id == "verdict"]
    assert [(v.code, v.label["en"]) for v in book.values(verdict)] == [
        ("accept", "We do it"),
        ("not_ours", "Not ours"),
    ]


def test_every_answer_that_the_workflow_takes_for_granted_is_a_need() -> None:
    read = {
        name
        for room in ("workflow", "steps")
        for path in (REPOSITORY / "fbbatch" / room).rglob("*.py")
        for name in re.findall(r"\bvalues\[\"([a-z_]+)\"\]", path.read_text(encoding="utf-8"))
    }
    assert {
        "verdict",
        "conclusion",
        "decision",
        "reason",
    } <= read  # whatever the modules are called
    assert read - {need.field for need in NEEDS} == set()
