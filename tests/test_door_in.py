"""The door in: originals that somebody else still holds, and what the inbox leaves alone."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fbbatch.errors import ExitCode
from tests.builders import counts, delimited, drop, people, run, tree, workspace
from tests.crash import KILLS_WHILE_COPYING, attempt, dump, standing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="hard links, modes, and files that are removed while they are open")

HOLDER = """
import os, sys
handle = os.open(sys.argv[1], os.O_RDWR | os.O_APPEND)
print("held", flush=True)
sys.stdin.readline()
os.write(handle, b"written after the run\\n")
os.fsync(handle)
"""


def kept(place: Path) -> list[Path]:
    """The originals in the archive."""
    return [path for path in sorted((place / "archive").rglob("*")) if path.is_file()]


def waiting(place: Path) -> list[str]:
    return [path.name for path in sorted((place / "inbox").rglob("*")) if path.is_file() and path.name != "README.txt"]


@contextlib.contextmanager
def held(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another program that has the file open for writing; a line on its standard input makes it write."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield holder
    finally:
        holder.kill()
        holder.communicate()


# --- originals that are not ours alone ---


def test_program_that_goes_on_writing_does_not_reach_the_archived_original(place: Path) -> None:
    content = delimited(people(2))
    path = drop(place, "a.csv", content)
    with held(path) as holder:
        assert counts(run(place)) == (2, 2, 0, 0, 0)
        holder.communicate("go on\n", timeout=20)
    (original,) = kept(place)
    assert original.read_bytes() == content
    assert (waiting(place), original.stat().st_mode & 0o777) == ([], 0o600)


def test_handle_that_this_very_process_has_open_does_not_reach_the_archived_original(place: Path) -> None:
    content = delimited(people(2))
    with drop(place, "a.csv", content).open("ab") as stream:
        run(place)
        stream.write(b"more")
    assert [path.read_bytes() for path in kept(place)] == [content]


def test_hard_link_outside_keeps_its_rights_and_cannot_change_the_archived_original(place: Path, tmp_path: Path) -> None:
    content = delimited(people(2))
    outside = tmp_path / "outside.csv"
    outside.write_bytes(content)
    outside.chmod(0o664)
    os.link(outside, place / "inbox/a.csv")
    assert counts(run(place)) == (2, 2, 0, 0, 0)
    assert (outside.stat().st_mode & 0o777, outside.stat().st_nlink) == (0o664, 1)
    outside.write_bytes(b"changed")
    (original,) = kept(place)
    assert (original.read_bytes(), original.stat().st_mode & 0o777, waiting(place)) == (content, 0o600, [])


def test_two_names_of_one_file_in_the_inbox_are_a_file_and_its_duplicate(place: Path) -> None:
    path = drop(place, "a.csv", delimited(people(2)))
    os.link(path, place / "inbox/b.csv")
    assert counts(run(place)) == (4, 2, 0, 2, 0)
    assert (len(kept(place)), waiting(place)) == (2, [])
    assert {original.stat().st_nlink for original in kept(place)} == {1}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere originals are always copied")
def test_original_that_nobody_else_holds_is_moved_and_not_copied(place: Path) -> None:
    path = drop(place, "a.csv", delimited(people(2)))
    number = path.stat().st_ino
    run(place)
    assert [original.stat().st_ino for original in kept(place)] == [number]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a file that is opened just then")
def test_program_that_opens_the_original_while_it_is_moved_gets_no_hold_of_the_archive(place: Path) -> None:
    content = delimited(people(2))
    path = drop(place, "a.csv", content)
    opener = 'import sys\nwith open(sys.argv[1], "ab") as stream:\n stream.write(b"x")\n'
    started: list[subprocess.Popen[bytes]] = []
    honest = os.rename

    def late(source: object, target: object, **options: object) -> None:
        if not started and Path(str(source)) == path:
            started.append(subprocess.Popen([sys.executable, "-c", opener, str(path)]))
            end = 200
            while end and "lease" not in _wait_channel(started[0].pid) and started[0].poll() is None:
                end -= 1
                signal.sigtimedwait([], 0.05)
        honest(source, target, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rename", late)
        run(place)
    started[0].wait(60)
    assert [original.read_bytes() for original in kept(place)] == [content]


def _wait_channel(pid: int) -> str:
    """What a process waits for, as the kernel calls it."""
    return Path(f"/proc/{pid}/wchan").read_text(encoding="ascii")


def test_file_that_is_written_to_while_it_is_copied_stays_for_the_next_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = delimited(people(1))
    path = drop(place, "a.csv", content)
    os.link(path, place / "outside.csv")
    honest = os.replace

    def late(source: object, target: object, **options: object) -> None:
        honest(source, target, **options)  # type: ignore[arg-type]
        if str(target).endswith("a.csv"):
            path.write_bytes(delimited(people(2)))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", late)
        run(place)
    assert ([original.read_bytes() for original in kept(place)], waiting(place)) == ([content], ["a.csv"])
    assert counts(run(place)) == (2, 1, 0, 1, 0)
    assert len(dump(place)["case_"]) == 2


@pytest.mark.parametrize(
    "point", [*(f"{point}:kill" for point in KILLS_WHILE_COPYING), "archived:1:kill", "copying:1:ENOSPC", "copied:2:EIO"]
)
def test_run_that_ends_while_it_copies_originals_is_finished_without_loss_or_double(tmp_path: Path, point: str) -> None:
    ends = []
    for name, where in (("calm", None), ("rough", point)):
        place = workspace(tmp_path / name)
        for n in (1, 2):
            os.link(drop(place, f"{n}.csv", delimited(people(n))), place / f"{n}.outside")
        if where:
            assert attempt(place, point=where) == (-signal.SIGKILL if where.endswith("kill") else ExitCode.STORAGE)
            left = {path.read_bytes() for name in ("inbox", "archive") for path in (place / name).rglob("*") if path.is_file()}
            assert {(place / f"{n}.outside").read_bytes() for n in (1, 2)} <= left
        run(place)
        ends.append((standing(place), tree(place / "archive")))
    assert ends[0] == ends[1]
