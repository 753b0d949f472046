"""The ledger in PostgreSQL: the same tables, the same refusals, the same documents as in SQLite."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from fbbatch import ledger
from fbbatch.errors import StorageError
from fbbatch.ledger import Ledger
from fbbatch.ledger.tables import metadata
from tests import builders, golden_story, postgres
from tests.builders import CUSTOMER, GOOD, counts, delimited, drop, rehearse, run, workspace

pytestmark = pytest.mark.skipif(bool(postgres.why_absent()), reason=postgres.why_absent())
MIGRATIONS = Path(ledger.__file__).parent / "migrations"


def config_of(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def engine_of(url: str) -> sa.Engine:
    return sa.create_engine(url, poolclass=sa.NullPool)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workspaces that a test makes keep their ledger in PostgreSQL."""
    monkeypatch.setattr(builders, "new_database", postgres.new_database)


def url_of(place: Path) -> str:
    return str(builders.load_settings(place, environment={}).database)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrations_one_by_one_lead_to_the_tables_that_the_code_names(
    tmp_path: Path, kind: str
) -> None:
    url = f"sqlite:///{tmp_path}/l.db" if kind == "sqlite" else postgres.new_database("template0")
    with engine_of(url).connect() as connection:
        config = config_of(connection)
        steps = [*ScriptDirectory.from_config(config).walk_revisions()][::-1]
        for step in steps:
            command.upgrade(config, step.revision)
            connection.commit()
        told = compare_metadata(MigrationContext.configure(connection), metadata)
        assert [one for one in map(str, told) if "modify_comment" not in one] == []
    with contextlib.closing(Ledger(url)) as opened:
        assert list(opened.cases()) == []


def test_ledger_of_a_newer_version_is_refused() -> None:
    url = postgres.new_database("")
    with engine_of(url).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'r9999'")
    with pytest.raises(StorageError, match="newer version"):
        Ledger(url)


APPEND_ONLY = (
    "submission",
    "matter",
    "case_",
    "transition",
    "classification",
    "ruling",
    "amendment",
)


@pytest.mark.slow
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_is_append_only_can_be_neither_changed_nor_deleted(
    tmp_path: Path, database: None, table: str, statement: str
) -> None:
    place = workspace(tmp_path)
    drop(place, "customer/a.csv", delimited(f"{CUSTOMER}\n{GOOD}"))
    run(place)
    column = next(iter(metadata.tables[table].primary_key.columns)).name
    with engine_of(url_of(place)).begin() as connection:
        if table == "amendment":
            columns = "case_id, n, run_id, submission_id, answers, changes"
            values = "id, 1, run_id, id, '{}', '{}'"
            insert = f"INSERT INTO amendment ({columns}) SELECT {values} FROM case_"
            connection.exec_driver_sql(insert)
        with pytest.raises(sa.exc.DBAPIError, match=f"{table} is append-only"):
            connection.exec_driver_sql(statement.format(table, column, column))


def test_rehearsal_knows_what_is_in_the_ledger(tmp_path: Path, database: None) -> None:
    place = workspace(tmp_path)
    drop(place, "customer/a.csv", delimited(f"{CUSTOMER}\n{GOOD}"))
    run(place)
    drop(place, "customer/b.csv", delimited(f"{CUSTOMER}\n{GOOD} \n"))
    before = rows_of(place)
    assert counts(rehearse(place, "2026-11-21")) == (1, 0, 0, 1, 0)
    assert rows_of(place) == before


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["zh-Hant"])
def test_both_databases_print_the_same_and_hold_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    told: list[tuple[Any, Any]] = []
    for name, new_database in (("sqlite", None), ("postgres", postgres.new_database)):
        monkeypatch.setattr(builders, "new_database", new_database)
        here = golden_story.play(tmp_path / name, locale)
        told.append((golden_story.digests(here), rows_of(here.place)))
    assert told[0][0] == told[1][0]
    assert told[0][1] == told[1][1]


def rows_of(place: Path) -> dict[str, list[Any]]:
    """What the tables hold, in the order of their keys."""
    url = builders.load_settings(place, environment={}).database
    with engine_of(url or f"sqlite:///{place}/.fbbatch/ledger.db").connect() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))
            ]
            for table in metadata.sorted_tables
        }
