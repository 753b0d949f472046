"""What is done many at a time gives what doing it one by one would give."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.identity import VOLATILE, Fingerprints, kin_keys
from fbbatch.judge.answer_lines import answers_as_json
from fbbatch.ledger import Ledger, bulk
from fbbatch.lexicon import Lexicon
from fbbatch.words import fold
from tests.builders import RECEIVED, people, run, sheet, workspace
from tests.test_run import drop

VALUES = st.one_of(
    st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=6), st.sampled_from(['"', "\\", "张三", "%s", "a\nb", "\u3000", "\x7f"]),
    st.integers(-(2**53), 2**53), st.booleans(), st.lists(st.text(max_size=3), max_size=2),
)  # fmt: skip
NAMES = ["reporter", "contact", "product", "description", "recorded_at", "extra"]


def columns_of(rows: list[list[object]]) -> dict[str, list[object]]:
    return {name: [row[n] for row in rows] for n, name in enumerate(NAMES)}


ROWS = st.lists(st.lists(VALUES, min_size=6, max_size=6), min_size=1, max_size=5)


@given(ROWS)
def test_answers_of_many_rows_are_the_json_of_each(rows: list[list[object]]) -> None:
    each = [
        {name: value for name, value in zip(NAMES, row, strict=True) if value is not None}
        for row in rows
    ]
    expected = [orjson.dumps(told, option=orjson.OPT_SORT_KEYS) for told in each]
    assert answers_as_json(columns_of(rows), len(rows)) == [b"\n".join(expected)]


@given(ROWS)
def test_fingerprints_do_not_depend_on_the_rows_beside(rows: list[list[object]]) -> None:
    told = answers_as_json(columns_of(rows), len(rows))[0].decode().split("\n")
    assert Fingerprints("customer").of(told) == [
        Fingerprints("customer").of([one])[0] for one in told
    ]
    lasting = [
        json.dumps({k: v for k, v in json.loads(one).items() if k not in VOLATILE}) for one in told
    ]
    assert len(set(lasting)) >= len(set(Fingerprints("customer").of(told)))


@given(ROWS)
def test_kin_keys_do_not_depend_on_the_rows_beside(rows: list[list[object]]) -> None:
    alone = [list(kin_keys("customer", columns_of([row]), 1)[0]) for row in rows]
    assert [list(keys) for keys in kin_keys("customer", columns_of(rows), len(rows))] == alone


@pytest.mark.parametrize(
    ("reporter", "contact", "product", "n_keys"),
    [
        ("张三", "138", "音箱", 2),
        ("138", "138", "音箱", 1),
        ("匿名", "138", "音箱", 1),
        ("张三", None, "音箱", 1),
        ("张三", "138", None, 2),
    ],
)
def test_row_has_a_key_for_each_person_it_names_whether_or_not_it_names_a_product(
    reporter: str, contact: str, product: str, n_keys: int
) -> None:
    columns = {
        "reporter": [reporter, "李四"],
        "contact": [contact, "139"],
        "product": [product, "音箱"],
    }
    assert [len(keys) for keys in kin_keys("customer", columns, 2)] == [n_keys, 2]


@given(st.text(st.characters(), min_size=1, max_size=30), st.lists(st.text(max_size=8), max_size=3))
def test_long_text_is_folded_as_its_characters_are(text: str, others: list[str]) -> None:
    for one in (text, *others, "漏電ＡＢc覆 畫"):
        assert fold(one * 2_001) == fold(one) * 2_001


WORDS = ["断开", "开", "burn*", "burn", "smoke", "不", "断", "开机"]


@given(st.text(st.sampled_from("断开机不 burnsmokeing.-"), max_size=40))
def test_every_word_is_found_where_it_stands(text: str) -> None:
    lexicon, folded = Lexicon(WORDS), fold(text)
    found = {
        (WORDS[n], start, end)
        for place, start, end in lexicon.scan([folded])[0]
        for n in lexicon.numbers(place)
    }
    expected = set()
    for word in WORDS:
        plain = word.rstrip("*")
        edge = (
            (r"(?<![a-z0-9])", "" if "*" in word else r"(?![a-z0-9])")
            if plain.isascii()
            else ("", "")
        )
        expected |= {
            (word, m.start(), m.start() + len(plain))
            for m in re.finditer(f"{edge[0]}(?={plain}{edge[1]})", folded)
        }
    assert found == expected


@given(st.lists(st.text(st.sampled_from("断开机不 x"), max_size=12), max_size=6))
def test_texts_with_the_same_pattern_hold_the_same_words_alike(texts: list[str]) -> None:
    lexicon = Lexicon(WORDS)
    found = lexicon.scan(texts)
    for one, spots in zip(lexicon.patterns(found), found, strict=True):
        for other, others in zip(lexicon.patterns(found), found, strict=True):
            alike = [(p, start - spots[0][1], end - start) for p, start, end in spots] == [
                (p, start - others[0][1], end - start) for p, start, end in others
            ]
            assert alike == (one == other)


# --- the ledger ---

TABLE = sa.Table(
    "t",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file", sa.String),
    sa.Column("text", sa.String),
)


@pytest.fixture
def connection() -> sa.Connection:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as one:
        TABLE.metadata.create_all(one)
        yield one
    engine.dispose()


@pytest.mark.parametrize("n_rows", [0, 1, 449, 450, 451, 2_000])
def test_many_rows_are_written_as_they_are_given(connection: sa.Connection, n_rows: int) -> None:
    bulk.put(connection, TABLE, [(n, f"'?{n}") for n in range(n_rows)], file="f")
    assert list(connection.execute(sa.select(TABLE).order_by(TABLE.c.id))) == [
        (n, "f", f"'?{n}") for n in range(n_rows)
    ]


@pytest.mark.parametrize("n_keys", [0, 1, 500, 1_201])
def test_many_keys_are_looked_up_beside_other_conditions(
    connection: sa.Connection, n_keys: int
) -> None:
    bulk.put(connection, TABLE, [(n, "a" if n % 2 else "b", "x") for n in range(2_000)])
    query = sa.select(TABLE.c.id).where(
        TABLE.c.file == "a", TABLE.c.id.in_(bulk.SOUGHT), TABLE.c.text == "x"
    )
    assert sorted(row[0] for row in bulk.seek(connection, query, range(n_keys))) == [
        n for n in range(n_keys) if n % 2
    ]


@pytest.mark.parametrize(
    ("size", "is_checked"), [(10_000, True), (1 << 19, False), (10_000_000, False)]
)
def test_foreign_keys_are_looked_up_but_for_large_files_and_again_afterwards(
    tmp_path: Path, size: int, is_checked: bool
) -> None:
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        record = ledger.begin_run(RECEIVED, started_at=RECEIVED, version="test")
        with ledger.record_file(record, name="a", sha256="a" * 64, size=size) as recorder:
            told = recorder._connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
            recorder.close()
        assert bool(told) is is_checked
        with ledger.writing() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_whatever_a_file_brings_refers_to_what_is_there(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    for name, table in (
        ("a", people(8)),
        ("b", people(8).replace("第3台", "第3部")),
        ("c", people(12)),
    ):
        drop(place, f"{name}.xlsx", sheet(table))
        run(place)
    with closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as ledger:
        assert ledger.execute("PRAGMA foreign_key_check").fetchall() == []
        assert ledger.execute("SELECT count(*) FROM amendment").fetchone() == (1,)
