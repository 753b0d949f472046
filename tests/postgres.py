"""A PostgreSQL server of the tests' own: on loopback, in a folder of its own, stopped when they end."""

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from fbbatch.ledger import Ledger

_PLACES = "/usr/lib/postgresql/*/bin"
_ACCOUNT = "postgres"
_PATIENCE_SECONDS = 60


def why_absent() -> str:
    """Why there is no server here; `''` where one can be started."""
    if _program("initdb") is None or _program("pg_ctl") is None:
        return "PostgreSQL is not installed here"
    if os.name != "posix":
        return "the server is started as another account, which is done on POSIX only"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed here"
    return ""


def new_database(of: str) -> str:
    """The URL of a new database: a copy of the one of that URL, else an empty ledger."""
    return _created(of.rpartition("/")[2] if of else _pattern())


@cache
def _pattern() -> str:
    """A database that holds an empty ledger."""
    url = _created("template0")
    with contextlib.closing(Ledger(url)):
        return url.rpartition("/")[2]


def _created(pattern: str) -> str:
    name = f"fbbatch_{uuid.uuid4().hex}"
    engine = sa.create_engine(_server(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE {pattern}")
    return _server().rpartition("/")[0] + f"/{name}"


@cache
def _server() -> str:
    """Start the server; the URL of the database that it begins with."""
    home = Path(tempfile.mkdtemp(prefix="fbbatch-postgres-"))
    port = _free_port()
    if os.getuid() == 0:
        shutil.chown(home, _ACCOUNT)
    data = home / "data"
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={home}"
    unsafe = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    _call("initdb", "-D", data, "-U", "fbbatch", "--auth=trust", "-E", "UTF8", "--locale=C")
    _call("pg_ctl", "-D", data, "-w", "-l", home / "log", "-o", f"{options} {unsafe}", "start")
    atexit.register(_stop, data, home)
    return f"postgresql+psycopg://fbbatch@127.0.0.1:{port}/postgres"


def _stop(data: Path, home: Path) -> None:
    _call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    shutil.rmtree(home, ignore_errors=True)


def _call(name: str, *arguments: object) -> None:
    program = _program(name)
    assert program is not None
    account = {"user": _ACCOUNT, "group": _ACCOUNT} if os.getuid() == 0 else {}
    done = subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd="/",
        timeout=_PATIENCE_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
        **account,
    )
    assert done.returncode == 0, done.stderr + done.stdout


def _program(name: str) -> str | None:
    places = [str(path) for path in sorted(Path("/").glob(_PLACES.lstrip("/")), reverse=True)]
    return shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", "")]))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
