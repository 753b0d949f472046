"""What must stay true of the repository as a whole."""

import ast
import importlib
import json
import pkgutil
import re
import string
import subprocess
import sys
from collections.abc import Iterator

import pytest

import fbbatch
from fbbatch import findings
from fbbatch.cli import _COMMANDS
from fbbatch.documents.loading import shipped_kinds
from fbbatch.errors import ExitCode
from fbbatch.model import LANGUAGES, Finding
from fbbatch.read import Limits
from fbbatch.schema import FieldModel, SchemaModel, identify, process_check, reference
from fbbatch.schema.strict_yaml import load
from fbbatch.schema.text import header_key
from fbbatch.validate.check import Checker
from fbbatch.validate.parsers import Parsers
from fbbatch.validate.values import Bad
from fbbatch.wording import in_language, shipped, texts
from fbbatch.words import fold, simplified
from fbbatch.workflow.gates import Involved, signers
from tests.builders import RECEIVED, REPOSITORY
from tests.density import density

SOURCES = sorted((REPOSITORY / "fbbatch").rglob("*.py"))
CODE = re.compile(r"FB-[a-z]+(?:-[a-z]+)*")


def texts_of(path) -> set[str]:
    """Every text literal in a Python file that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    doc = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in doc
    }


def test_every_finding_code_in_the_code_is_in_the_catalogue_and_the_other_way_round() -> None:
    used = {
        code
        for path in SOURCES
        if path.name != "findings.py"
        for text in texts_of(path)
        for code in CODE.findall(text)
    }
    made = {
        code for code in findings.CATALOGUE if code.startswith("FB-limit-")
    }  # of the settings' names, by Limits.over
    assert {f"FB-limit-{name.replace('_', '-')}" for name in Limits.model_fields} >= made
    assert used - set(findings.CATALOGUE) - {"FB-limit"} == set()
    assert set(findings.CATALOGUE) - used - made == set()


def test_every_finding_code_is_triggered_by_a_test() -> None:
    tested = {
        code
        for path in (REPOSITORY / "tests").glob("test_*.py")
        for code in CODE.findall(path.read_text(encoding="utf-8"))
    }
    limits = {
        code for code in findings.CATALOGUE if code.startswith("FB-limit-")
    }  # all of them are triggered in test_bombs
    assert set(findings.CATALOGUE) - tested - limits == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", findings.CATALOGUE)
def test_message_says_what_was_found_expected_and_to_do(code: str, language: str) -> None:
    parts = [
        findings.part(Finding(code, "error"), which, language)
        for which in ("found", "expected", "remedy")
    ]
    assert all(parts)
    assert not set("{}") & set("".join(parts))
    assert findings.message(Finding(code, "error", "S", 7, 3), language)
    if language == "en":
        assert not re.search(r"[\u4e00-\u9fff，。「」]", "".join(parts))
    else:
        assert re.search(r"[\u4e00-\u9fff]", "".join(parts))


@pytest.mark.parametrize("code", findings.CATALOGUE)
def test_wording_in_both_languages_uses_the_same_names(code: str) -> None:
    entry = findings.CATALOGUE[code]
    assert entry.severity in {"error", "warning", "note"}
    for chinese, english in (entry.found, entry.expected, entry.remedy):
        names = [
            {name for _, name, *_ in string.Formatter().parse(text) if name}
            for text in (chinese, english)
        ]
        assert names[0] == names[1]


def test_simplified_wording_has_no_traditional_characters_left() -> None:
    for code in findings.CATALOGUE:
        for which in ("found", "expected", "remedy"):
            told = findings.part(Finding(code, "error"), which, "zh-Hans")
            assert simplified(told) == told


def test_exit_codes_of_the_readme_are_those_of_the_code() -> None:
    for name in ("README.md", "README.zh-Hant.md"):
        readme = (REPOSITORY / name).read_text(encoding="utf-8")
        table = re.findall(r"^\|\s*`?(\d+)`?\s*\|\s*([^|]+?)\s*\|", readme, re.MULTILINE)
        assert table == [(f"{code:d}", code.name) for code in ExitCode], name


def modules() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages(fbbatch.__path__, "fbbatch.")]
    return [name for name in found if "__main__" not in name and ".migrations" not in name]


@pytest.mark.parametrize("name", modules())
def test_every_module_says_what_it_is(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert len(module.__doc__.split()) > 1


def test_every_public_function_says_what_it_does() -> None:
    bare = []
    for path in SOURCES:
        if "migrations" in path.parts or "render/fonts" in str(path):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if (
                isinstance(node, ast.FunctionDef | ast.ClassDef)
                and not node.name.startswith("_")
                and not ast.get_docstring(node)
            ):
                bare.append(f"{path.name}:{node.lineno} {node.name}")
    assert bare == []


def test_every_command_is_a_command() -> None:
    for name, (module, text) in _COMMANDS.items():
        assert getattr(importlib.import_module(f"fbbatch.cli.{module}"), name).name == name
        assert text.endswith(".")


def test_every_alias_of_every_field_finds_its_field(book) -> None:
    for schema in (*book.sources, *book.forms):
        for field in schema.fields:
            for name in (*field.label.values(), *field.aliases, field.id):
                assert schema.by_header[header_key(name)].id == field.id, (schema.id, name)


def test_every_alias_of_a_choice_means_one_code(book) -> None:
    doubled = []
    for name, words in book.vocabulary.sets.items():
        owners: dict[str, str] = {}
        for value in words.values:
            for word in (value.code, *value.label.values(), *value.aliases):
                if owners.setdefault(fold(word), value.code) != value.code:
                    doubled.append((name, word))
    assert doubled == []


def test_every_alias_of_a_master_list_means_one_entry(book) -> None:
    doubled = []
    for listed in (
        [(p.name, (p.name, *p.aliases)) for p in book.products.products],
        [(p.id, (p.id, p.name, *p.aliases)) for p in book.organisation.people],
        [(d.id, (d.id, *d.label.values(), *d.aliases)) for d in book.organisation.departments],
    ):
        owners: dict[str, str] = {}
        doubled += [
            name
            for owner, names in listed
            for name in names
            if owners.setdefault(fold(name), owner) != owner
        ]
    assert doubled == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_example_of_a_schema_is_a_valid_answer(book, language: str) -> None:
    parsers = Parsers(book, language, None)
    for schema in (*book.sources, *book.forms):
        fields = [f for f in schema.fields if f.example is not None and f.type != "table"]
        layout = identify([[f.label["zh-Hans"] for f in fields]], [schema], sheet="S")
        found = Checker(layout, book, received=RECEIVED, language="en").check(
            [[parsers.example(f) for f in fields]], [2], "S"
        )
        assert [(f.code, f.field) for f in found.findings if f.severity == "error"] == []
        for table in (f for f in schema.fields if f.type == "table"):
            columns = {column.id: column for column in table.fields}
            rows = parsers.example(table) or ()
            assert len(rows) > 1, (schema.id, table.id)
            for row in rows:
                wrong = {name: parsers.of(columns[name])(cell) for name, cell in row.items()}
                assert not [
                    name for name, value in wrong.items() if value is None or isinstance(value, Bad)
                ]
                assert {c.id for c in table.fields if c.required} <= set(row)


def shown(parsers: Parsers, schema: SchemaModel) -> Iterator[tuple[FieldModel, str]]:
    """Every example of a schema as it is shown, with its field; those of a table's columns too."""
    for field in schema.fields:
        if field.type == "table":
            columns = {column.id: column for column in field.fields}
            yield from (
                (columns[name], str(cell))
                for row in parsers.example(field) or ()
                for name, cell in row.items()
            )
        elif field.example is not None:
            yield field, str(parsers.example(field))


def test_english_examples_have_no_chinese_but_names_of_the_master_lists(book) -> None:
    parsers = Parsers(book, "en", None)
    names = {*(p.name for p in book.products.products), *(p.name for p in book.organisation.people)}
    names |= {label for d in book.organisation.departments for label in d.label.values()}
    examples = [
        (schema.id, field.id, text)
        for schema in (*book.sources, *book.forms)
        for field, text in shown(parsers, schema)
    ]
    assert len(examples) > 150
    assert [
        told
        for told in examples
        if re.search(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]", told[2]) and told[2] not in names
    ] == []


def test_every_example_in_words_has_words_of_its_own_in_each_language(book) -> None:
    n_texts = 0
    for schema in (*book.sources, *book.forms):
        written = [list(shown(Parsers(book, language, None), schema)) for language in LANGUAGES]
        for (field, traditional), (_, plain), (_, english) in zip(*written, strict=True):
            assert simplified(plain) == plain, field.id
            if field.type == "text" and re.search(r"[\u4e00-\u9fff]", traditional):
                n_texts += 1
                assert english != traditional, field.id
    assert n_texts > 50


def test_documents_and_kinds_in_the_templates_have_words(book) -> None:
    known = {value.code for value in book.vocabulary.sets["document"].values}
    as_inspection_record = {"worklist"}
    assert set(shipped_kinds()) - known == as_inspection_record


def test_stages_do_not_touch_the_world() -> None:
    forbidden = {"sqlalchemy", "os", "logging", "time", "random", "socket", "requests", "urllib"}
    for name in (
        "validate/check.py",
        "validate/values.py",
        "classify.py",
        "identity.py",
        "assign.py",
        "deadlines.py",
        "schema/identify.py",
    ):
        tree = ast.parse((REPOSITORY / "fbbatch" / name).read_text(encoding="utf-8"))
        imported = {
            alias.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        imported |= {
            (node.module or "").split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
        }
        assert imported & forbidden == set(), name


def test_only_the_command_line_reads_the_clock() -> None:
    clocks = re.compile(r"\b(?:datetime\.now|date\.today|datetime\.utcnow|time\.time)\(")
    reading = {
        p.relative_to(REPOSITORY / "fbbatch").as_posix()
        for p in SOURCES
        if clocks.search(p.read_text(encoding="utf-8"))
    }
    assert reading == {"cli/common.py", "inbox.py"}


def test_no_test_data_looks_like_a_real_persons() -> None:
    found = {
        mail.lower()
        for path in (REPOSITORY / "tests").glob("*.py")
        for mail in re.findall(r"[\w.]+@[\w-]+\.[a-z]+", path.read_text(encoding="utf-8"))
    }
    assert len(found) > 10
    assert {mail for mail in found if not mail.endswith("@example.com")} == set()


# --- names ---


def test_a_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                name = node.name.lstrip("_").lower()
                places.setdefault(name, []).append(f"{path.name}:{node.lineno}")
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert shared == {}


# --- words of our own ---

ROOMS = sorted(
    path.parent.relative_to(REPOSITORY / "fbbatch").as_posix().removeprefix(".")
    for path in (REPOSITORY / "fbbatch").rglob("wording.yaml")
)
SENTENCES = [
    pytest.param(text, id=f"{room}.{name}" if room else name)
    for room in ROOMS
    if room != "schema"  # test_lint looks at these
    for name, text in texts(room).items()
]
NO_WORDING = {
    "cli/setup.py": "the time zone and the country of an invented company",
    "render/fonts/__init__.py": "which face of a collection has the shapes of a script",
    "render/look.py": "the fonts that people have in their Office",
}
"""Where something depends on the language and is no wording."""


def test_wording_stands_in_yaml() -> None:
    by_language = {
        path.relative_to(REPOSITORY / "fbbatch").as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict)
        and any(isinstance(key, ast.Constant) and key.value == "zh-Hant" for key in node.keys)
    }
    assert by_language == set(NO_WORDING)


@pytest.mark.parametrize("room", ROOMS)
def test_wording_is_strict_yaml_in_which_nothing_stands_twice(room: str) -> None:
    path = f"{room}/wording.yaml" if room else "wording.yaml"
    assert load(REPOSITORY / "fbbatch" / path).content == shipped(path)


@pytest.mark.parametrize("text", SENTENCES)
def test_sentence_is_there_in_three_languages_with_the_same_names(text: dict[str, str]) -> None:
    assert {"zh-Hant", "en"} <= set(text) <= set(LANGUAGES)
    assert not re.search(r"[\u4e00-\u9fff，。：；（）「」]", text["en"])
    plain = in_language(text, "zh-Hans")
    assert simplified(plain) == plain
    assert "zh-Hans" not in text or simplified(text["zh-Hant"]) != plain
    names = {
        frozenset(name.partition(".")[0] for _, name, *_ in string.Formatter().parse(said) if name)
        for said in text.values()
    }
    assert len(names) == 1


def codes_said_in(path) -> set[str]:
    """The codes with which a Python file asks for words, where they stand in the call."""
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
    ]
    return {
        str(call.args[0].value)
        for call in calls
        if (isinstance(call.func, ast.Name) and call.func.id in {"say", "in_all_languages"})
        or (isinstance(call.func, ast.Attribute) and call.func.attr == "phrase")
    }


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "schema"])
def test_sentences_and_the_code_that_says_them_fit(room: str) -> None:
    written = {literal for path in SOURCES for literal in texts_of(path)}
    before = f"{room}." if room else ""
    numbered = {code + "1" for code in written if code.endswith("_")}
    of_a_source = {"cli.customer", "cli.employee", "cli.partner"}
    codes = {before + name for name in texts(room)}
    unsaid = {code for code in codes if re.sub(r"\d$", "1", code) not in written | numbered}
    assert unsaid - of_a_source == set()
    if room:
        said = {text for text in written if re.fullmatch(rf"{room}\.[a-z_-]+[a-z]", text)}
    else:
        said = {code for path in SOURCES for code in codes_said_in(path) if "." not in code}
    assert said <= codes


def test_help_and_imports_read_no_wording() -> None:
    shown = (
        "import sys; from fbbatch.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print('fbbatch.wording' in sys.modules)"
    )
    imported = (
        "import fbbatch.batch, fbbatch.judge, fbbatch.cli.setup, fbbatch.wording as wording\n"
        "print(wording.texts.cache_info().currsize > 0)"
    )
    for script in (shown, imported):
        told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert told.stdout.splitlines()[-1] == "False", told.stderr


# --- what is said in two places ---


def test_generated_reference_and_schemas_for_editors_are_up_to_date() -> None:
    reference_of_keys = (REPOSITORY / "docs/schemas.md").read_text(encoding="utf-8")
    assert reference_of_keys == reference.key_reference()
    folder = REPOSITORY / "schemas/json"
    assert {path.stem: path.read_bytes() for path in folder.glob("*.json")} == (
        reference.json_schemas()
    )


def test_every_word_for_signers_that_lint_takes_means_people(book) -> None:
    involved = Involved(lead="quality", addressee="quality")
    for word in process_check.SIGNERS:
        assert signers([word], book, involved), word


# --- how dense the code is ---

DENSEST = json.loads((REPOSITORY / "tests/density.json").read_text(encoding="utf-8"))
"""What there was; none of it may grow. A file that is not listed is new."""
NEW_FILE, MOST_DECISIONS = 7.0, 15


def test_package_and_no_file_of_it_grows_denser() -> None:
    found = {str(path.relative_to(REPOSITORY)): density(path) for path in SOURCES}
    whole = sum(d.nodes for d in found.values()) / sum(d.lines for d in found.values())
    assert whole <= DENSEST["package"]
    limits = DENSEST["files"]
    too_dense = {
        name: round(one.per_line, 2)
        for name, one in found.items()
        if one.lines > 30 and one.per_line > limits.get(name, NEW_FILE) + 0.05
    }
    assert too_dense == {}


def test_no_function_more_decides_more_than_fifteen_things() -> None:
    counted = [n for path in SOURCES for n in density(path).decisions.values()]
    assert sum(n > MOST_DECISIONS for n in counted) <= DENSEST["functions_over_15_decisions"]
    assert max(counted) <= DENSEST["most_decisions"]


def test_no_more_comprehensions_stand_within_others() -> None:
    nested = sum(density(path).nested for path in SOURCES)
    assert nested <= DENSEST["nested_comprehensions"]


def test_nothing_is_packed_past_the_formatter() -> None:
    packed = [p.name for p in SOURCES if "fmt: skip" in p.read_text(encoding="utf-8")]
    assert packed == []
