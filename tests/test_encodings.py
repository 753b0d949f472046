"""Texts whose encoding nobody has written down, and those that are in two."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.model import Finding
from fbbatch.read.encodings import Decoded, decoded
from tests.builders import CUSTOMER, GOOD, judge

CHINESE = "姓名,產品,問題\n王小明,電飯煲,煮飯時鍋底會焦\n"
SIMPLE = "姓名,产品,问题\n王小明,电饭煲,煮饭时锅底会焦\n"


def text_of(content: bytes) -> str:
    read = decoded(content, None)
    assert isinstance(read, Decoded), read
    return read.text


def codes(content: bytes) -> list[str]:
    read = decoded(content, None)
    return [read.code] if isinstance(read, Finding) else [one.code for one in read.findings()]


@pytest.mark.parametrize(
    "text",
    [
        "Anna Müller,Küche",
        "José,Café,à la carte",
        "für die Straße,Größe groß",
        "MÜLLER;GRÖSSE",
        "Don’t use “it” – £5 naïve",
        "Nº 5; 20 °C; Müller",
        "Name,City\nJörg,Café",  # the last byte alone would be the beginning of a UTF-8 character
    ],
)
def test_western_text_is_read_as_it_was_written_and_the_guess_is_told(text: str) -> None:
    assert text_of(text.encode("cp1252")) == text
    assert codes(text.encode("cp1252")) == ["FB-encoding-unsure"]


@pytest.mark.parametrize("text", ["A或B型 T恤XL", "iPad和iPhone都不能用", "三人", "電", CHINESE])
@pytest.mark.parametrize("encoding", ["gb18030", "big5"])
def test_chinese_text_with_latin_letters_in_it_stays_chinese(text: str, encoding: str) -> None:
    assert text_of(text.encode(encoding)) == text
    assert codes(text.encode(encoding))[0].startswith("FB-encoding-")


def test_usual_chinese_text_is_a_sure_guess_and_a_few_characters_are_none() -> None:
    assert codes(SIMPLE.encode("gb18030")) == ["FB-encoding-guessed"]
    assert codes("王小明,13800000000".encode("gb18030")) == ["FB-encoding-unsure"]
    assert codes(SIMPLE.encode()) == []


@pytest.mark.parametrize(
    "content",
    [
        "Müller Küche Größe".encode("mac_roman"),
        "Łódź Dvořák".encode("cp1250"),
        "Иван Петров сломался насос".encode("cp1251"),
        "田中さん、ポンプが止まります".encode("shift_jis"),
    ],
)
def test_text_in_an_encoding_that_is_not_read_goes_back(content: bytes) -> None:
    assert codes(content) == ["FB-encoding"]


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ("utf-8", "gb18030", ("UTF-8", "GB18030")),
        ("utf-8", "big5", ("UTF-8", "Big5")),
        ("big5", "utf-8", ("Big5", "UTF-8")),
        ("big5", "gb18030", ("Big5", "GB18030")),
    ],
)
def test_two_encodings_in_one_file_are_named_with_their_lines(
    first: str, second: str, names: tuple[str, str]
) -> None:
    one = SIMPLE if first == "gb18030" else CHINESE
    other = SIMPLE if second == "gb18030" else CHINESE
    found = decoded(one.encode(first) + other.encode(second), None)
    assert isinstance(found, Finding)
    assert (found.code, found.details) == (
        "FB-encodings-mixed",
        {"first": names[0], "first_line": "1", "second": names[1], "second_line": "3"},
    )


def test_western_lines_below_utf8_are_named_too() -> None:
    found = decoded("Müller,Küche\n".encode() + "Jörg,Straße\n".encode("cp1252"), None)
    assert isinstance(found, Finding)
    assert (found.code, found.details["second"]) == ("FB-encodings-mixed", "Windows-1252")


@pytest.mark.parametrize("declared", ["iso-8859-1", "ISO-8859-1", "us-ascii", "latin-1"])
def test_declared_latin_is_what_windows_means_by_it(declared: str) -> None:
    read = decoded("“Größe”".encode("cp1252"), declared)
    assert isinstance(read, Decoded)
    assert (read.text, read.findings()) == ("“Größe”", [])


def test_row_that_breaks_off_within_a_character_goes_back_though_it_has_all_columns(
    book, tmp_path: Path
) -> None:
    rows = [",".join(line.strip("| ").split(" | ")) for line in (CUSTOMER, GOOD)]
    found = judge(book, tmp_path, "\n".join(rows).encode()[:-1])
    assert [row["row"] for row in found.accepted] == []
    assert [f.code for f in found.findings if f.severity == "error"] == ["FB-row-torn"]


def test_a_guess_is_told_with_the_file_and_takes_nothing_from_its_rows(
    book, tmp_path: Path
) -> None:
    rows = [",".join(line.strip("| ").split(" | ")) for line in (CUSTOMER, GOOD)]
    found = judge(book, tmp_path, "\n".join(rows).encode("gb18030"))
    assert (len(found.accepted), [f.code for f in found.findings]) == (1, ["FB-encoding-guessed"])


WORDS = st.text(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动", min_size=4
)


@given(WORDS, st.sampled_from(["gb18030", "utf-8", "utf-8-sig", "utf-16"]))
def test_everyday_words_are_read_as_written_or_not_at_all(words: str, encoding: str) -> None:
    text = f"姓名,产品\n{words}"
    read = decoded(text.encode(encoding), None)
    assert isinstance(read, Finding) or read.text == text


@given(st.binary(max_size=300))
def test_no_bytes_raise(content: bytes) -> None:
    read = decoded(content, None)
    assert isinstance(read, Finding | Decoded)
