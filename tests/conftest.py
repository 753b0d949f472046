"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

from fbbatch.schema import Book, load_book
from tests import builders, postgres
from tests.builders import REPOSITORY, workspace

settings.register_profile(
    "fbbatch",
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
settings.load_profile("fbbatch")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What of the tests runs, and where their ledgers are."""
    parser.addoption("--postgres", action="store_true", help="keep the ledgers in PostgreSQL")
    parser.addoption("--one-in", type=int, default=1, help="run one test in so many")
    parser.addoption("--seed", default="", help="which ones: another seed, other tests")


def pytest_configure(config: pytest.Config) -> None:
    """Let workspaces be made accordingly."""
    if config.getoption("--postgres"):
        if why := postgres.why_absent():
            pytest.exit(f"--postgres: {why}", returncode=0)
        builders.new_database = postgres.new_database


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave one test in so many, drawn by the seed and the test's name."""
    one_in, seed = config.getoption("--one-in"), config.getoption("--seed")
    if one_in > 1:
        left = [item for item in items if crc32(f"{seed}{item.nodeid}".encode()) % one_in == 0]
        config.hook.pytest_deselected(items=[item for item in items if item not in left])
        items[:] = left


@pytest.fixture(scope="session")
def book() -> Book:
    """The repository's own rule book."""
    return load_book(REPOSITORY / "schemas")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A fresh workspace of a Simplified Chinese office."""
    return workspace(tmp_path)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting leaks in from the shell, and no command leaves its umask behind."""
    for name in [name for name in os.environ if name.startswith("FBBATCH_")]:
        monkeypatch.delenv(name)
    mask = os.umask(0o077)
    os.umask(mask)
    yield
    os.umask(mask)
