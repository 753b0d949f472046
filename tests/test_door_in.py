"""The door in: originals that somebody else still holds, and what the inbox leaves alone."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from fbbatch.cli.setup import LOCALES
from fbbatch.errors import ExitCode, InvalidSetupError
from tests.builders import counts, delimited, drop, people, run, tree, workspace
from tests.crash import KILLS_WHILE_COPYING, attempt, dump, standing
from tests.test_cli import call

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="hard links, modes, and files that are removed while they are open"
)

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
    return [
        path.name
        for path in sorted((place / "inbox").rglob("*"))
        if path.is_file() and path.name != "README.txt"
    ]


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


@pytest.mark.slow
def test_program_that_goes_on_writing_does_not_reach_the_archived_original(place: Path) -> None:
    content = delimited(people(2))
    path = drop(place, "a.csv", content)
    with held(path) as holder:
        assert counts(run(place)) == (2, 2, 0, 0, 0)
        holder.communicate("go on\n", timeout=20)
    (original,) = kept(place)
    assert original.read_bytes() == content
    assert (waiting(place), original.stat().st_mode & 0o777) == ([], 0o600)


@pytest.mark.slow
def test_handle_that_this_very_process_has_open_does_not_reach_the_archived_original(
    place: Path,
) -> None:
    content = delimited(people(2))
    with drop(place, "a.csv", content).open("ab") as stream:
        run(place)
        stream.write(b"more")
    assert [path.read_bytes() for path in kept(place)] == [content]


def test_hard_link_outside_keeps_its_rights_and_cannot_change_the_archived_original(
    place: Path, tmp_path: Path
) -> None:
    content = delimited(people(2))
    outside = tmp_path / "outside.csv"
    outside.write_bytes(content)
    outside.chmod(0o664)
    os.link(outside, place / "inbox/a.csv")
    assert counts(run(place)) == (2, 2, 0, 0, 0)
    assert (outside.stat().st_mode & 0o777, outside.stat().st_nlink) == (0o664, 1)
    outside.write_bytes(b"changed")
    (original,) = kept(place)
    assert (original.read_bytes(), original.stat().st_mode & 0o777, waiting(place)) == (
        content,
        0o600,
        [],
    )


def test_two_names_of_one_file_in_the_inbox_are_a_file_and_its_duplicate(place: Path) -> None:
    path = drop(place, "a.csv", delimited(people(2)))
    os.link(path, place / "inbox/b.csv")
    assert counts(run(place)) == (4, 2, 0, 2, 0)
    assert (len(kept(place)), waiting(place)) == (2, [])
    assert {original.stat().st_nlink for original in kept(place)} == {1}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere originals are always copied")
def test_original_that_nobody_else_holds_is_moved_and_not_copied(place: Path) -> None:
    path = drop(place, "a.csv", delimited(people(2)))
    number = path.stat().st_ino
    run(place)
    assert [original.stat().st_ino for original in kept(place)] == [number]


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells of a file that is opened just then"
)
def test_program_that_opens_the_original_while_it_is_moved_gets_no_hold_of_the_archive(
    place: Path,
) -> None:
    content = delimited(people(2))
    path = drop(place, "a.csv", content)
    opener = 'import sys\nwith open(sys.argv[1], "ab") as stream:\n stream.write(b"x")\n'
    started: list[subprocess.Popen[bytes]] = []
    honest = os.rename

    def late(source: object, target: object, **options: object) -> None:
        if not started and Path(str(source)) == path:
            started.append(subprocess.Popen([sys.executable, "-c", opener, str(path)]))
            end = 200
            while (
                end and "lease" not in _wait_channel(started[0].pid) and started[0].poll() is None
            ):
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


@pytest.mark.slow
def test_file_that_is_written_to_while_it_is_copied_stays_for_the_next_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert ([original.read_bytes() for original in kept(place)], waiting(place)) == (
        [content],
        ["a.csv"],
    )
    assert counts(run(place)) == (2, 1, 0, 1, 0)
    assert len(dump(place)["case_"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [
        *(f"{point}:kill" for point in KILLS_WHILE_COPYING),
        "archived:1:kill",
        "copying:1:ENOSPC",
        "copied:2:EIO",
    ],
)
def test_run_that_ends_while_it_copies_originals_is_finished_without_loss_or_double(
    tmp_path: Path, point: str
) -> None:
    ends = []
    for name, where in (("calm", None), ("rough", point)):
        place = workspace(tmp_path / name)
        for n in (1, 2):
            os.link(drop(place, f"{n}.csv", delimited(people(n))), place / f"{n}.outside")
        if where:
            assert attempt(place, point=where) == (
                -signal.SIGKILL if where.endswith("kill") else ExitCode.STORAGE
            )
            left = {
                path.read_bytes()
                for name in ("inbox", "archive")
                for path in (place / name).rglob("*")
                if path.is_file()
            }
            assert {(place / f"{n}.outside").read_bytes() for n in (1, 2)} <= left
        run(place)
        ends.append((standing(place), tree(place / "archive")))
    assert ends[0] == ends[1]


# --- what the inbox leaves alone ---

MEANT = [
    "a.xlsx.part",
    "b.crdownload",
    "c.tmp",
    "d.partial",
    "e.download",
    "~WRL0001.tmp",
    "~wrl0002.docx",
    ".alt",
    "客户/f.PART",
]
LITTER = [
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    ".gitkeep",
    ".gitignore",
    "._a.xlsx",
    "~$a.xlsx",
    ".~lock.a.xlsx#",
    ".Trash-1000/x",
]


def litter(place: Path) -> None:
    for name in (*MEANT, *LITTER):
        drop(place, f"{name}/g.xlsx" if name == ".alt" else name, b"litter")


def test_what_is_passed_over_is_told_by_name_and_counted_and_stays(place: Path) -> None:
    litter(place)
    drop(place, "客户/readme.txt", "电话客户张三，周一再联系".encode())
    before = tree(place / "inbox")
    result = run(place)
    told = sorted([*MEANT, "客户/readme.txt"])
    assert result.manifest["ignored"] == {"count": 10, "names": told}
    assert result.manifest["files"] == []
    assert tree(place / "inbox") == before
    assert result.folder is not None
    cells = list(
        openpyxl.load_workbook(result.folder / "receipt.xlsx")
        .worksheets[0]
        .iter_rows(values_only=True)
    )
    names = [row[1] for row in cells if row[2] and "改名" in str(row[2])]
    assert names == told
    assert any("10" in str(row[0]) and "未受理" in str(row[0]) for row in cells)
    page = (result.folder / "index.html").read_text(encoding="utf-8")
    assert all(name in page for name in told)
    assert ".DS_Store" not in page


@pytest.mark.slow
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_readme_that_was_laid_out_is_no_file_that_is_told(
    tmp_path: Path, locale: str, ends: str
) -> None:
    place = workspace(tmp_path, locale)
    readme = place / "inbox/README.txt"
    readme.write_bytes(readme.read_bytes().replace(b"\n", ends.encode()))
    assert run(place).manifest["ignored"] == {"count": 0, "names": []}
    readme.write_bytes(readme.read_bytes() + b"Tom: the printer smokes again\n")
    assert run(place, "2026-11-23").manifest["ignored"]["names"] == ["README.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("locale", LOCALES)
def test_terminal_and_status_count_what_is_passed_over_and_name_nobody(
    tmp_path: Path, locale: str
) -> None:
    place = workspace(tmp_path, locale)
    drop(place, "张三的投诉.tmp", b"x")
    assert "ignored files   1" in call("status", "-w", place).out
    assert json.loads(call("status", "--json", "-w", place).out)["ignored_files"] == 1
    for options in (["run", "--dry-run"], ["run"]):
        told = call(*options, "-w", place)
        assert told.code == ExitCode.DONE
        assert "张三" not in told.out + told.err
        assert {"zh-Hant": "未受理", "zh-Hans": "未受理", "en": "Left alone in the inbox: 1"}[
            locale
        ] in told.out


def test_very_many_that_are_passed_over_are_counted_and_the_first_are_named(place: Path) -> None:
    for n in range(1_003):
        drop(place, f"{n:04d}.tmp", b"")
    result = run(place)
    assert (result.manifest["ignored"]["count"], len(result.manifest["ignored"]["names"])) == (
        1_003,
        1_003,
    )
    assert result.folder is not None
    assert "另有 3 个" in (result.folder / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_older_receipt_template_is_refused_with_the_words_that_it_lacks(place: Path) -> None:
    template = place / "templates/receipt.yaml"
    lines = [
        line
        for line in template.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("ignored")
    ]
    template.write_text("\n".join(lines) + "\n", encoding="utf-8")
    drop(place, "a.tmp", b"x")
    with pytest.raises(InvalidSetupError, match="ignored_count"):
        run(place)
    assert waiting(place) == ["a.tmp"]


# --- what cannot be taken now ---


@pytest.mark.slow
def test_every_file_over_the_limit_of_a_run_waits_for_the_next(tmp_path: Path) -> None:
    place = workspace(tmp_path, limits="{run_files: 2}")
    for n in range(5):
        drop(place, f"{n}.csv", delimited(people(n + 1)))
    outcomes = [
        [file["outcome"] for file in run(place, day).manifest["files"]]
        for day in ("2026-11-20", "2026-11-23", "2026-11-24")
    ]
    assert [told.count("deferred") for told in outcomes] == [3, 1, 0]
    assert waiting(place) == []
