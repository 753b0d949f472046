"""YAML is read as editors show it: YAML 1.2 scalars, no duplicate keys, and the place of every value."""

import pytest

from fbbatch.schema.strict_yaml import YamlProblemError, load, parse
from fbbatch.schema.wording import told_yaml


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("12:30", "12:30"),
        ("0123", "0123"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("2026-11-05", "2026-11-05"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-7", -7),
        ("1.50", 1.5),
        ("1.5e3", 1500.0),
        ("~", None),
        ("null", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("無", "無"),
    ],
)
def test_scalar_means_what_it_looks_like(written: str, value: object) -> None:
    assert parse(f"key: {written}\n", "a.yaml").content == {"key": value}


def test_block_text_is_text_and_keeps_its_lines() -> None:
    assert parse("key: |\n  1\n  true\n", "a.yaml").content == {"key": "1\ntrue\n"}


def test_keys_are_text_even_when_they_look_like_something_else() -> None:
    assert parse("yes: 1\n12: 2\n", "a.yaml").content == {"yes": 1, "12": 2}


def test_empty_file_is_nothing() -> None:
    assert parse("# only a remark\n", "a.yaml").content is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3:1: key 'a' again; it is already in line 1"),
        ("x:\n  y: 1\n  y: 2\n", "a.yaml:3:3: key 'y' again; it is already in line 2"),
        ("{a: 1, a: 2}\n", "a.yaml:1:8: key 'a' again; it is already in line 1"),
        ("a: &x [1]\nb: *x\n", "a.yaml:1:4: aliases"),
        ("a: !!python/object:os.system x\n", "a.yaml:1:4: "),
        ("a: !mine x\n", "a.yaml:1:4: the tag !mine means nothing here"),
        ("? [1, 2]\n: 3\n", "a.yaml:1:3: a key must be plain text"),
        ("a: [1, 2\nb: 3\n", "a.yaml:2:"),
        ("a: 1\n\tb: 2\n", "a.yaml:2:1"),
    ],
)
def test_problem_names_file_line_and_column(text: str, problem: str) -> None:
    with pytest.raises(YamlProblemError) as caught:
        parse(text, "a.yaml")
    assert told_yaml(caught.value, "en").startswith(problem)


def test_tags_never_make_objects() -> None:
    with pytest.raises(YamlProblemError):
        parse("!!python/object/apply:os.getcwd []\n", "a.yaml")


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    with pytest.raises(YamlProblemError) as caught:
        parse("[" * 60 + "]" * 60, "a.yaml")
    assert "deeper than 50" in told_yaml(caught.value, "en")


def test_a_value_knows_its_place_and_a_missing_one_its_parents() -> None:
    yaml = parse("fields:\n  - id: a\n    type: text\n", "a.yaml")
    assert yaml.where(("fields", 0, "type")) == "a.yaml:3:11"
    assert yaml.where(("fields", 0, "label")) == "a.yaml:2:5"
    assert yaml.where(("nowhere",)) == "a.yaml:1:1"


def test_file_that_is_not_utf8_is_named_with_the_byte(tmp_path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("key: 客戶\n".encode("big5"))
    with pytest.raises(YamlProblemError) as caught:
        load(path, "a.yaml")
    assert told_yaml(caught.value, "en").startswith("a.yaml: not UTF-8 text (byte 5)")


def test_byte_order_mark_of_windows_editors_is_taken(tmp_path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfkey: 1\n")
    assert load(path).content == {"key": 1}
