"""A run that is killed, or refused by the disk, anywhere: the next one ends where an undisturbed one does."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from fbbatch import batch, failpoints, outbox
from fbbatch.errors import ExitCode, InvalidSetupError
from tests.builders import CUSTOMER, GOOD, REPOSITORY, counts, drop, run, sheet, tree
from tests.crash import (
    KILLS_WHILE_COPYING,
    attempt,
    copied,
    dump,
    ended,
    killed_after,
    night,
    process_of,
    standing,
    torn,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are forked and killed")
STRACE = shutil.which("strace")
CANARY = "金丝雀99 13800990991"

KILLS = [
    *(
        "scanned:1",
        "hashed:2",
        "claimed:1",
        "parsing:2",
        "parsed:1",
        "beginning:1",
        "committing:3",
        "committed:2",
        "drafting:1",
    ),
    *(
        "writing:5",
        "vouched:1",
        "written:1",
        "synced:1",
        "replacing:1",
        "renamed:1",
        "refreshing:1",
        "replacing:2",
        "archiving:1",
        "archived:2",
    ),
    "closing:1",
]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace on the evening before."""
    os.umask(0o077)
    return night(tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="module")
def calm(before: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], float]:
    """Where the undisturbed run ends, and how long it takes."""
    place = copied(before, tmp_path_factory.mktemp("calm"))
    start = time.monotonic()
    assert attempt(place) == ExitCode.RETURNED
    return standing(place), time.monotonic() - start


@pytest.fixture
def rough(before: Path, tmp_path: Path) -> Path:
    """A workspace for a run that will not be undisturbed."""
    return copied(before, tmp_path)


def originals(place: Path) -> list[str]:
    """The bytes of all that was dropped, wherever it lies now."""
    return sorted(
        content
        for folder in ("inbox", "archive")
        for name, (_, content) in tree(place / folder).items()
        if content and "README" not in name
    )


# --- killed ---


@pytest.mark.slow
@pytest.mark.parametrize("point", KILLS)
def test_killed_at_any_point_the_next_run_ends_as_an_undisturbed_one(
    rough: Path, calm, point: str
) -> None:
    dropped = originals(rough)
    assert attempt(rough, point=f"{point}:kill") == -signal.SIGKILL
    assert torn(rough) == []
    assert originals(rough) == dropped
    run(rough)
    assert standing(rough) == calm[0]
    assert torn(rough) == []


def test_every_point_of_a_run_is_one_at_which_it_is_killed() -> None:
    assert {point.partition(":")[0] for point in (*KILLS, *KILLS_WHILE_COPYING)} == set(
        failpoints.POINTS
    )


@pytest.mark.slow
def test_killed_again_and_again_it_still_ends_as_an_undisturbed_one(rough: Path, calm) -> None:
    for point in (
        "committed:3",
        "parsed:1",
        "writing:3",
        "renamed:1",
        "replacing:1",
        "refreshing:1",
        "archived:1",
    ):
        assert attempt(rough, point=f"{point}:kill") == -signal.SIGKILL, point
        assert torn(rough) == []
    run(rough)
    assert standing(rough) == calm[0]


@pytest.mark.slow
def test_killed_at_random_moments_nothing_is_lost_doubled_or_torn(
    before: Path, tmp_path: Path, calm
) -> None:
    state, seconds = calm
    chance, kills, turn = random.Random(48), 0, 0
    while kills < 10 and turn < 15:
        turn += 1
        place = copied(before, tmp_path / str(turn))
        for _ in range(2):
            start = time.monotonic()
            was_killed = killed_after(place, chance.uniform(0.01, seconds))
            assert torn(place) == []
            kills += was_killed
            if not was_killed:
                seconds = min(seconds, 0.9 * (time.monotonic() - start))
                break
        run(place)
        if (
            dump(place)["run"] == state["ledger"]["run"]
        ):  # else it had ended before the kill, and a further run has followed
            assert standing(place) == state
        assert dump(place)["case_"] == state["ledger"]["case_"]
    assert kills >= 10


@pytest.mark.slow
def test_published_folder_is_never_gone_while_its_successor_is_put_in_place(
    rough: Path, calm
) -> None:
    assert attempt(rough, point="closing:1:kill") == -signal.SIGKILL
    published = tree(rough / "outbox/20261120-001")
    assert attempt(rough, point="replacing:1:ENOSPC") == ExitCode.STORAGE
    assert tree(rough / "outbox/20261120-001") == published
    assert attempt(rough, point="replacing:1:kill") == -signal.SIGKILL
    assert tree(rough / ".fbbatch/work/20261120-001.old") == published
    run(rough)
    assert standing(rough) == calm[0]


# --- refused by the disk ---


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [
        *(
            "beginning:2:ENOSPC",
            "committing:3:EIO",
            "drafting:1:ENOSPC",
            "writing:4:EIO",
            "synced:1:EIO",
        ),
        *("replacing:1:EIO", "refreshing:1:ENOSPC", "replacing:2:ENOSPC", "archiving:2:EIO"),
    ],
)
def test_disk_that_refuses_is_exit_5_and_the_next_run_completes_without_help(
    rough: Path, calm, capfd, point: str
) -> None:
    dropped = originals(rough)
    assert attempt(rough, point=point) == ExitCode.STORAGE
    told = capfd.readouterr().err
    assert len(told.splitlines()) == 1
    assert not any(name in told for name in ("a.xlsx", "b.csv", "王小明"))
    assert torn(rough) == []
    assert originals(rough) == dropped
    if not point.startswith("archiving"):
        assert not list((rough / "archive").rglob("*.*"))
    run(rough)
    assert standing(rough) == calm[0]


def test_ledger_that_may_not_grow_is_exit_5_and_the_next_run_completes(rough: Path, calm) -> None:
    import resource

    def cramped() -> object:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        return run(rough)

    assert ended(process_of(cramped)) == ExitCode.STORAGE
    assert len(list((rough / "inbox").rglob("*.*"))) >= 3
    run(rough)
    assert standing(rough) == calm[0]


@pytest.mark.slow
def test_full_outbox_on_a_disk_of_its_own_is_exit_5_and_the_next_run_completes(
    rough: Path, calm, tmp_path: Path
) -> None:
    program = f'mount -t tmpfs -o size=64k tmpfs "$1/outbox" && exec "{sys.executable}" -m fbbatch run --as-of 2026-11-20 -w "$1"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", program, "sh", str(rough)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=60,
        check=False,
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("no file system may be mounted here")
    assert (done.returncode, done.stderr) == (
        ExitCode.STORAGE,
        "The outbox cannot take the documents: No space left on device\n",
    )
    run(rough)
    assert standing(rough) == calm[0]


@pytest.mark.slow
def test_bug_in_the_middle_of_a_run_loses_nothing(rough: Path, calm) -> None:
    assert attempt(rough, point="parsed:2:raise") == ExitCode.BUG
    assert attempt(rough, point="writing:2:raise") == ExitCode.BUG
    run(rough)
    assert standing(rough) == calm[0]


@pytest.mark.parametrize(
    "text", ["nowhere:1:kill", "renamed:1:explode", "renamed:x:kill", "renamed"]
)
def test_point_that_does_not_exist_is_an_error(text: str) -> None:
    with pytest.raises(InvalidSetupError, match="FBBATCH_FAILPOINT"):
        failpoints.arm(text)
    failpoints.arm(None)


# --- as the system sees it ---


def command(place: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "fbbatch",
        "run",
        "--quiet",
        "--as-of",
        "2026-11-20",
        "-w",
        str(place),
    ]


def traced(place: Path, *options: str) -> int:
    """A run under strace; how it ended. Kernel calls can be watched, refused, or made deadly."""
    assert STRACE is not None
    done = subprocess.run(
        [STRACE, "-qq", *options, *command(place)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=120,
        check=False,
    )
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    return done.returncode


def steps_of(trace: Path) -> list[tuple[str, str, str]]:
    """(call, path, second path) of every call that succeeded, in the order of their ends."""
    waiting: dict[str, str] = {}
    found = []
    for line in trace.read_text(encoding="utf-8").splitlines():
        pid, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            waiting[pid] = call.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", call):
            call = waiting.pop(pid, "") + resumed[1]
        if call.endswith("= 0") and (name := re.match(r"(\w+)\(", call)):
            paths = re.findall(r'<([^>]+)>|"([^"]+)"', call)
            first, second = [a or b for a, b in (*paths, ("", ""), ("", ""))][:2]
            found.append((name[1], first, second))
    return found


def unsynced(steps: Sequence[tuple[str, str, str]], place: Path) -> list[str]:
    """What the order of calls leaves to chance when the power fails."""
    trouble, synced, ledger_at = [], {}, 0
    after: dict[str, int] = {}
    for n, (call, first, second) in enumerate(steps):
        if call in {"fsync", "fdatasync"}:
            synced[first] = n
            ledger_at = n if first.startswith(f"{place}/.fbbatch/ledger.db") else ledger_at
            after = {folder: at for folder, at in after.items() if folder != first}
        elif first.endswith("/.probe") or not second.startswith(
            (f"{place}/outbox/", f"{place}/archive/")
        ):
            continue
        else:
            after[str(Path(second).parent)] = n
            inside = [str(path) for path in [Path(second), *sorted(Path(second).rglob("*"))]]
            trouble += [
                f"{name} is renamed unsynced"
                for name in inside
                if first + name.removeprefix(second) not in synced
            ]
            if "/archive/" in second and not ledger_at:
                trouble.append(f"{second} is archived before the ledger is synced")
    trouble += [f"{folder} is not synced after a rename" for folder in after]
    return trouble


@pytest.mark.slow
@pytest.mark.skipif(
    STRACE is None, reason="strace is not installed; it shows in which order the kernel was asked"
)
def test_what_is_renamed_was_synced_before_and_its_folder_after_and_the_ledger_before_the_archive(
    rough: Path, calm, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    assert (
        traced(
            rough,
            "-f",
            "--seccomp-bpf",
            "-y",
            "-s",
            "4096",
            "-e",
            "trace=rename,renameat,renameat2,fsync,fdatasync",
            "-xx",
            "-o",
            str(trace),
        )
        == ExitCode.RETURNED
    )
    text = re.sub(
        r"((?:\\x[0-9a-f]{2})+)",
        lambda m: bytes.fromhex(m[1].replace("\\x", "")).decode(),
        trace.read_text(encoding="utf-8"),
    )
    trace.write_text(text, encoding="utf-8")
    steps = steps_of(trace)
    moved = [
        second for call, _, second in steps if call.startswith("rename") and "/archive/" in second
    ]
    assert len(moved) == 3
    assert unsynced(steps, rough) == []
    assert standing(rough) == calm[0]


@pytest.mark.slow
@pytest.mark.skipif(
    STRACE is None, reason="strace is not installed; it kills and refuses at a kernel call"
)
@pytest.mark.parametrize(
    "how",
    [
        "rename:signal=SIGKILL:when=3",
        "fdatasync:signal=SIGKILL:when=4",
        "pwrite64:signal=SIGKILL:when=6",
    ],
)
def test_killed_at_a_kernel_call_the_next_run_ends_as_an_undisturbed_one(
    rough: Path, calm, how: str
) -> None:
    assert traced(
        rough, "-e", f"trace={how.partition(':')[0]}", "-e", f"inject={how}", "-o", os.devnull
    ) in {
        -signal.SIGKILL,
        128 + signal.SIGKILL,
    }
    assert torn(rough) == []
    run(rough)
    assert standing(rough) == calm[0]


@pytest.mark.slow
@pytest.mark.skipif(
    STRACE is None, reason="strace is not installed; it kills and refuses at a kernel call"
)
@pytest.mark.parametrize(
    "how",
    ["fdatasync:error=EIO:when=3", "pwrite64:error=ENOSPC:when=9+", "fsync:error=EIO:when=1+"],
)
def test_refused_at_a_kernel_call_it_is_exit_5_and_the_next_run_completes(
    rough: Path, calm, how: str
) -> None:
    assert (
        traced(
            rough,
            "-f",
            "--seccomp-bpf",
            "-e",
            f"trace={how.partition(':')[0]}",
            "-e",
            f"inject={how}",
            "-o",
            os.devnull,
        )
        == ExitCode.STORAGE
    )
    assert torn(rough) == []
    run(rough)
    assert standing(rough) == calm[0]


# --- asked to stop ---


@pytest.mark.slow
@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGTERM, 1), (signal.SIGINT, 2)])
def test_signal_to_all_processes_of_a_run_ends_it_after_the_file_in_hand(
    rough: Path, calm, number: int, jobs: int
) -> None:
    environment = {**os.environ, "FBBATCH_FAILPOINT": "parsing:1:sleep"}
    started = subprocess.Popen(
        [*command(rough), "--jobs", str(jobs)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=environment,
        start_new_session=True,
    )
    end = time.monotonic() + 30
    while len(dump(rough)["run"]) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.7)  # it has claimed its files, and its worker sleeps over the first
    os.killpg(started.pid, number)
    told = started.communicate(timeout=30)[1]
    assert (started.returncode, told) == (
        ExitCode.INTERRUPTED,
        "Stopped after the file in hand; the next run goes on from there.\n",
    )
    assert [row[2] for row in dump(rough)["file"]] == ["b.csv"]
    run(rough)
    assert standing(rough) == calm[0]


# --- a ledger that is older than the outbox ---


@pytest.mark.slow
def test_restored_ledger_takes_neither_the_folder_nor_the_numbers_of_what_was_published(
    tmp_path: Path, before: Path
) -> None:
    place = copied(before, tmp_path)
    backup = shutil.copytree(place / ".fbbatch", tmp_path / "backup")
    run(place)
    published = tree(place / "outbox/20261120-001")
    shutil.rmtree(place / ".fbbatch")
    shutil.copytree(backup, place / ".fbbatch")
    drop(place, "new.xlsx", sheet(f"{CUSTOMER}\n{GOOD.replace('王小明', '赵新')}"))
    result = run(place)
    assert tree(place / "outbox/20261120-001") == published
    assert result.manifest["run"] == "20261120-002"
    assert [case["number"] for case in result.manifest["cases"]] == ["FB-20261120-0003"]
    assert counts(result) == (1, 1, 0, 0, 0)


def test_listing_of_what_was_published_reads_nothing_of_what_the_ledger_knows(
    before: Path, tmp_path: Path, monkeypatch
) -> None:
    place = copied(before, tmp_path)
    run(place)
    read: list[set[str]] = []
    monkeypatch.setattr(outbox, "case_numbers", lambda _, runs: read.append(set(runs)) or iter(()))
    run(place)
    run(place, "2026-11-23")
    assert read == [set(), set()]
    assert batch.outbox is outbox
