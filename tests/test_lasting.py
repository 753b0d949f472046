"""Other systems sync and limit otherwise: Windows and macOS, by what their calls would answer."""

import errno
import fcntl
import json
import os
import plistlib
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fbbatch import workers
from fbbatch.errors import ExitCode
from fbbatch.lasting import sync_file, sync_folder
from tests.builders import CUSTOMER, GOOD, REPOSITORY, drop, run, sheet, workspace
from tests.test_cli import call
from tests.test_workers import answers

FILE = sheet(f"{CUSTOMER}\n{GOOD}")
SYNC, OPEN = os.fsync, os.open


def as_windows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Syncing only what is open for writing, and opening no folder; gives the list to which every sync is added."""
    synced: list[int] = []

    def fsync(handle: int) -> None:
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        synced.append(handle)
        SYNC(handle)

    def opened(path: str | Path, *args: int, **more: int | None) -> int:
        if "dir_fd" not in more and os.path.isdir(
            path
        ):  # by `dir_fd` this system's own library removes folders
            raise PermissionError(errno.EACCES, "Permission denied")
        return OPEN(path, *args, **more)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "open", opened)
    return synced


@pytest.mark.slow
def test_run_backup_export_and_restore_work_where_only_what_is_open_for_writing_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = workspace(tmp_path)
    drop(place, "a.xlsx", FILE)
    synced = as_windows(monkeypatch)
    result = run(place)
    assert result.folder is not None
    assert len(synced) > len(
        list(result.folder.rglob("*.*"))
    )  # every document, the original, and what is in `latest`
    assert call("export", tmp_path / "out", "-w", place).code == ExitCode.DONE
    assert call("backup", tmp_path / "b.zip", "-w", place).code == ExitCode.DONE
    assert call("restore", tmp_path / "b.zip", "-w", tmp_path / "again").code == ExitCode.DONE
    assert call("verify", "-w", tmp_path / "again").code == ExitCode.DONE


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.ENOTSUP, errno.EBADF])
def test_folder_that_the_system_never_syncs_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    tried: list[int] = []

    def fsync(handle: int) -> None:
        tried.append(handle)
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "fsync", fsync)
    sync_folder(tmp_path)
    (handle,) = tried
    with pytest.raises(OSError) as closed:
        os.fstat(handle)
    assert closed.value.errno == errno.EBADF


@pytest.mark.parametrize("refusal", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("is_folder", [True, False])
def test_disk_that_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int, is_folder: bool
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr(os, "fsync", _refusing(refusal))
    with pytest.raises(OSError) as told:
        sync_folder(tmp_path) if is_folder else sync_file(tmp_path / "a")
    assert told.value.errno == refusal


def test_file_that_only_may_be_read_is_synced_by_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    modes: list[int] = []

    def opened(path: Path, flags: int, *args: int) -> int:
        if flags & os.O_ACCMODE == os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied")
        return OPEN(path, flags, *args)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(
        os, "fsync", lambda handle: modes.append(fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE)
    )
    sync_file(tmp_path / "a")
    assert modes == [os.O_RDONLY]


def test_file_that_is_gone_is_passed_over_only_where_that_may_be(tmp_path: Path) -> None:
    sync_file(tmp_path / "gone", may_be_gone=True)
    with pytest.raises(FileNotFoundError):
        sync_file(tmp_path / "gone")


def _refusing(number: int) -> Callable[[int], None]:
    def fsync(_: int) -> None:
        raise OSError(number, os.strerror(number))

    return fsync


# --- limits ---


@pytest.mark.parametrize(
    "refusal",
    [ValueError("current limit exceeds maximum limit"), OSError(errno.EINVAL, "Invalid argument")],
)
def test_limit_that_the_system_refuses_kills_no_worker_and_the_others_are_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    told, set_limit = tmp_path / "set", resource.setrlimit

    def limited(kind: int, values: tuple[int, int]) -> None:
        if kind == resource.RLIMIT_AS:
            raise refusal
        with told.open("a") as stream:
            stream.write(f"{kind}\n")
        set_limit(kind, values)

    monkeypatch.setattr(resource, "setrlimit", limited)
    monkeypatch.chdir(REPOSITORY)
    assert answers([("say", 1)]) == [["hello 1"]]
    assert set(told.read_text().split()) == {str(resource.RLIMIT_CORE), str(resource.RLIMIT_CPU)}


def test_worker_lives_where_there_are_no_limits_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.chdir(REPOSITORY)
    assert answers([("say", 1)]) == [["hello 1"]]


def system(folder: Path, code: str) -> str:
    """A folder for PYTHONPATH in which a module `resource` stands for another system's."""
    folder.mkdir()
    (folder / "resource.py").write_text(code, encoding="utf-8")
    return os.pathsep.join([str(folder), str(REPOSITORY)])


MACOS = """\
from importlib.machinery import ExtensionFileLoader, PathFinder
from importlib.util import module_from_spec
import sys
_real = PathFinder.find_spec("resource", sys.path[2:] + [p for p in sys.path if p.endswith("lib-dynload")])
_module = module_from_spec(_real)
_real.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items() if not name.startswith("__")})
def setrlimit(kind, values):
    if kind == RLIMIT_AS:
        raise ValueError("current limit exceeds maximum limit")
    _module.setrlimit(kind, values)
"""
WINDOWS = "raise ImportError('No module named resource')\n"
IDLE = "RLIMIT_AS, RLIMIT_CPU, RLIMIT_CORE, RLIM_INFINITY = 9, 0, 4, -1\ndef getrlimit(_): return -1, -1\ndef setrlimit(*_): pass\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="all limits hold on Linux")
@pytest.mark.parametrize(
    ("code", "held"),
    [
        ("", {"memory": True, "time": True}),
        (MACOS, {"memory": False, "time": True}),
        (WINDOWS, {"memory": False, "time": False}),
        (IDLE, {"memory": False, "time": False}),  # taken, and never enforced
    ],
)
def test_doctor_tries_each_limit_and_says_which_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, held: dict[str, bool]
) -> None:
    if code:
        monkeypatch.setenv("PYTHONPATH", system(tmp_path / "system", code))
    assert workers.held_limits() == held
    (told,) = [
        one
        for one in json.loads(call("doctor", "--json", "-w", tmp_path).out)
        if one["check"] == "worker limits"
    ]
    assert told["ok"] is (True if all(held.values()) else None)
    lacking, _, holding = str(told["text"]).rpartition("hold")
    assert "waiting time" in holding
    for name, words in (("memory", "memory"), ("time", "processor time")):
        assert (words in holding, words in lacking) == (held[name], not held[name])


# --- launchd ---


def test_entry_for_launchd_is_a_property_list_that_runs_at_the_run_times(tmp_path: Path) -> None:
    place = workspace(tmp_path / "a & b", run_times="['07:05', '23:00']")
    told = json.loads(call("schedule", "print", "--json", "-w", place).out)["launchd"]
    entry = plistlib.loads(told.encode())
    assert entry["ProgramArguments"][1:] == ["run", "--quiet", "-w", str(place)]
    assert entry["StartCalendarInterval"] == [{"Hour": 7, "Minute": 5}, {"Hour": 23, "Minute": 0}]
    assert entry["Umask"] == 0o077
    assert "~/Library/LaunchAgents" in told


def test_entry_for_launchd_is_printed_with_the_others(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    told = call("schedule", "print", "-w", place).out
    assert [
        name
        for name in ("systemd", "cron", "launchd", "windows")
        if f"# === {name} ===" not in told
    ] == []


def test_a_trial_ends_by_itself_and_says_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fbbatch.workers", "memory"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"", b"")
