"""A run that is asked to stop ends soon, wherever it is, and the next one goes on from there."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fbbatch import failpoints, intake
from fbbatch.batch import InterruptedRunError
from fbbatch.errors import ExitCode
from fbbatch.ledger.recording import FileRecorder
from fbbatch.messages import ForLedger, HeardRows
from fbbatch.publish import returning
from fbbatch.stopping import attended, never
from tests.builders import (
    CUSTOMER,
    GOOD,
    REPOSITORY,
    counts,
    delimited,
    drop,
    people,
    repacked,
    run,
    sheet,
    tree,
    workspace,
)
from tests.crash import attempt, copied, dump, standing

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="signals, and processes that are forked and killed"
)

N_CASES, N_DONE = 64, 50
RUN = "20261120-001"


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm(None)


def many(folder: Path) -> Path:
    """A workspace with so many cases to come that they are printed by workers."""
    place = workspace(folder, case_reports="[severe]", jobs=2)
    drop(place, "a.csv", delimited(people(N_CASES)))
    return place


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Where the undisturbed run ends."""
    os.umask(0o077)
    place = many(tmp_path_factory.mktemp("calm"))
    run(place)
    return standing(place)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose run was killed when most of its orders were printed."""
    os.umask(0o077)
    place = many(tmp_path_factory.mktemp("killed"))
    assert attempt(place, point=f"vouched:{N_DONE}:kill") == -signal.SIGKILL
    assert len(journal(place).read_bytes().splitlines()) == N_DONE
    return place


def journal(place: Path) -> Path:
    return place / ".fbbatch/work" / f"{RUN}.journal"


def marks(folder: Path) -> dict[str, tuple[int, int]]:
    """What changes when a file is written anew, by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in files
    }


def n_kept(before: dict[str, tuple[int, int]], place: Path) -> int:
    """How many of these files the published folder holds unwritten."""
    after = marks(place / "outbox" / RUN)
    return sum(after.get(path) == mark for path, mark in before.items())


# --- while it prints ---


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_while_printing_ends_the_run_in_words_and_the_next_one_prints_only_the_rest(
    tmp_path: Path, calm: dict[str, object], number: int
) -> None:
    place = many(tmp_path)
    environment = {**os.environ, "FBBATCH_FAILPOINT": f"vouched:{N_DONE}:sleep"}
    command = [
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
    started = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=environment,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while (
        not (journal(place).exists() and len(journal(place).read_bytes().splitlines()) >= N_DONE)
        and time.monotonic() < end
    ):
        time.sleep(0.02)
    asked_at = time.monotonic()
    os.killpg(started.pid, number)
    told = started.communicate(timeout=30)[1]
    assert time.monotonic() - asked_at < 10
    assert (started.returncode, told) == (
        ExitCode.INTERRUPTED,
        "Stopped while printing; the next run goes on from there.\n",
    )
    with pytest.raises(ProcessLookupError):
        os.killpg(started.pid, 0)  # no worker is left
    assert not (place / "outbox" / RUN).exists()
    before = marks(place / ".fbbatch/work" / RUN)
    run(place)
    assert standing(place) == calm
    assert N_DONE <= n_kept(before, place) < N_CASES


def test_killed_while_printing_the_next_run_prints_only_the_rest(
    tmp_path: Path, killed: Path, calm: dict[str, object]
) -> None:
    place = copied(killed, tmp_path)
    before = marks(place / ".fbbatch/work" / RUN)
    run(place)
    assert standing(place) == calm
    assert n_kept(before, place) == N_DONE


def test_killed_twice_while_printing_the_third_run_ends_as_an_undisturbed_one(
    tmp_path: Path, killed: Path, calm: dict[str, object]
) -> None:
    place = copied(killed, tmp_path)
    assert attempt(place, point="vouched:5:kill") == -signal.SIGKILL
    before = marks(place / ".fbbatch/work" / RUN)
    run(place)
    assert standing(place) == calm
    assert n_kept(before, place) == N_DONE + 5


@pytest.mark.slow
@pytest.mark.parametrize("point", ["renamed:1:kill", "archiving:1:kill", "refreshing:1:ENOSPC"])
def test_what_was_published_before_the_run_ended_badly_is_not_printed_again(
    tmp_path: Path, calm: dict[str, object], point: str
) -> None:
    place = many(tmp_path)
    assert attempt(place, point=point) != ExitCode.DONE
    before = {
        path: mark
        for path, mark in marks(place / "outbox" / RUN).items()
        if path.startswith("departments/") and "FB-" in path
    }
    assert len(before) == N_CASES
    run(place)
    assert standing(place) == calm
    assert n_kept(before, place) == N_CASES


def first_kept(place: Path) -> Path:
    line = json.loads(journal(place).read_bytes().splitlines()[0])
    return place / ".fbbatch/work" / RUN / line[2][0][2]


def overwrite(place: Path) -> None:
    first_kept(place).write_bytes(b"tampered with")


def swap_for_link(place: Path) -> None:
    path = first_kept(place)
    shutil.move(path, place / "elsewhere.docx")
    path.symlink_to(place / "elsewhere.docx")


def swap_folder_for_link(place: Path) -> None:
    folder = first_kept(place).parent
    shutil.move(folder, place / "elsewhere")
    folder.symlink_to(place / "elsewhere")


def tear_journal(place: Path) -> None:
    journal(place).write_bytes(journal(place).read_bytes()[:-20])


def tear_at_line_end(place: Path) -> None:
    journal(place).write_bytes(journal(place).read_bytes()[:-1])


def lead_out(place: Path) -> None:
    lines = journal(place).read_bytes().splitlines(keepends=True)
    told = json.loads(lines[0])
    shutil.copyfile(first_kept(place), place / "outside.docx")
    told[2][0][2] = "../../../outside.docx"
    journal(place).write_bytes(json.dumps(told).encode() + b"\n" + b"".join(lines[1:]))


def add_strangers(place: Path) -> None:
    draft = place / ".fbbatch/work" / RUN
    (draft / "departments/strange.docx").write_bytes(b"x")
    (draft / "empty/below").mkdir(parents=True)
    (draft / "link").symlink_to("/etc")
    with journal(place).open("ab") as stream:
        stream.write(
            b"\xff\x00 no line\n[]\n[1,2]\n{}\n"
            + b'["key","",[["a"]]]\n[["key"],"",[]]\n["key",1,[]]\n'
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "n_expected"),
    [
        (overwrite, N_DONE - 1),
        (lambda place: first_kept(place).unlink(), N_DONE - 1),
        (swap_for_link, N_DONE - 1),
        (swap_folder_for_link, 0),
        (tear_journal, N_DONE - 1),
        (tear_at_line_end, N_DONE - 1),
        (lead_out, N_DONE - 1),
        (add_strangers, N_DONE),
        (lambda place: journal(place).unlink(), 0),
        (lambda place: shutil.rmtree(place / ".fbbatch/work" / RUN), 0),
    ],
    ids=[
        "overwritten",
        "removed",
        "link",
        "folder that is a link",
        "torn line",
        "line without its end",
        "path upward",
        "strangers",
        "no journal",
        "no draft",
    ],
)
def test_what_the_journal_cannot_vouch_for_is_printed_again(
    tmp_path: Path,
    killed: Path,
    calm: dict[str, object],
    change: Callable[[Path], object],
    n_expected: int,
) -> None:
    place = copied(killed, tmp_path)
    before = marks(place / ".fbbatch/work" / RUN)
    change(place)
    run(place)
    assert standing(place) == calm
    assert n_kept(before, place) == n_expected


def edited(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(place: Path) -> None:
        text = (place / name).read_text(encoding="utf-8")
        assert old in text
        (place / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def another_letterhead(place: Path) -> bytes:
    return repacked(
        (place / "templates/letterhead.docx").read_bytes(),
        styles=lambda xml: xml.replace("</w:styles>", " </w:styles>"),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "n_expected"),
    [
        (edited("templates/assignment.yaml", "一、問題", "一、問題及經過"), 0),
        (edited("templates/facts.yaml", "facts:", "facts:  # a comment"), N_DONE),
        (edited("fbbatch.yaml", "示范科技有限公司", "另一家公司"), 0),
        (edited("fbbatch.yaml", "locale: zh-Hans", "locale: en"), 0),
        (edited("fbbatch.yaml", "jobs: 2", "jobs: 3"), N_DONE),
        (edited("schemas/company/products.yaml", "X-8]", "X-8, X-9]"), 0),
        (
            lambda place: (place / "templates/letterhead.docx").write_bytes(
                another_letterhead(place)
            ),
            0,
        ),
    ],
    ids=["template", "comment", "settings", "language", "workers", "book", "letterhead"],
)
def test_setup_that_changed_in_between_is_heeded_in_every_document(
    tmp_path: Path, killed: Path, change: Callable[[Path], object], n_expected: int
) -> None:
    ends = []
    for name in ("anew", "kept"):
        place = copied(killed, tmp_path / name)
        before = marks(place / ".fbbatch/work" / RUN)
        if name == "anew":
            shutil.rmtree(place / ".fbbatch/work")
        change(place)
        run(place)
        ends.append(standing(place))
    assert ends[0] == ends[1]
    assert n_kept(before, place) == n_expected


def test_another_version_of_the_program_prints_everything_itself(
    tmp_path: Path, killed: Path, calm: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = copied(killed, tmp_path)
    before = marks(place / ".fbbatch/work" / RUN)
    monkeypatch.setattr("fbbatch.publish.vouching.__version__", "another")
    run(place)
    assert standing(place) == calm
    assert n_kept(before, place) == 0


@pytest.mark.slow
def test_cases_that_moved_in_between_are_printed_as_they_stand_now(
    tmp_path: Path, killed: Path
) -> None:
    place = copied(killed, tmp_path)
    before = marks(place / ".fbbatch/work" / RUN)
    drop(place, "b.csv", delimited(f"{CUSTOMER}\n{GOOD}"))
    table = people(N_CASES).replace("第1台蓝牙经常断开", "第1台蓝牙总是断开")
    drop(
        place, "a.csv", delimited(table)
    )  # the first run has taken the former one, which is gone now
    result = run(place)
    assert n_kept(before, place) == N_DONE - 1
    shutil.rmtree(tmp_path / "workspace")
    anew = copied(killed, tmp_path)
    shutil.rmtree(anew / ".fbbatch/work")
    drop(anew, "b.csv", delimited(f"{CUSTOMER}\n{GOOD}"))
    drop(anew, "a.csv", delimited(table))
    assert run(anew).manifest == result.manifest


def test_what_takes_long_in_one_piece_is_left_when_the_run_is_to_end() -> None:
    released = threading.Event()
    start = time.monotonic()
    with pytest.raises(InterruptedRunError, match="Stopped"):
        attended(_stop_after(2), lambda: released.wait(60))
    assert time.monotonic() - start < 20
    released.set()


def test_what_is_attended_gives_its_value_or_raises_its_own_trouble() -> None:
    assert attended(never, lambda: 1) == 1
    with pytest.raises(ZeroDivisionError):
        attended(never, lambda: 1 / 0)


def _stop_after(number: int) -> Callable[[], None]:
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        if len(asked) >= number:
            raise InterruptedRunError

    return ask


@pytest.mark.slow
def test_stopped_while_workbooks_are_marked_the_next_run_ends_as_an_undisturbed_one(
    tmp_path: Path,
) -> None:
    ends = []
    for name in ("calm", "rough"):
        place = workspace(tmp_path / name, case_reports="[severe]")
        for n in (1, 2):
            drop(place, f"{n}.xlsx", sheet(f"{people(n)}\n{GOOD.replace('2026-11-05', '昨天')}"))
        if name == "rough":
            with (
                pytest.MonkeyPatch.context() as patch,
                pytest.raises(InterruptedRunError, match="while printing"),
            ):
                run(place, should_stop=begun(patch, returning.workers))
        run(place)
        ends.append(standing(place))
    assert ends[0] == ends[1]


def begun(patch: pytest.MonkeyPatch, module: Any, *, only: str = "marking") -> Callable[[], bool]:
    """A `should_stop` that says yes as soon as workers are started for this work."""
    honest, seen = module.run_tasks, []

    def run_tasks(tasks: Any, job: Any, **options: Any) -> Any:
        seen.extend([1] if job.work.endswith(only) else [])
        return honest(tasks, job, **options)

    patch.setattr(module, "run_tasks", run_tasks)
    return lambda: bool(seen)


# --- while it reads ---


@pytest.mark.slow
def test_stopped_within_a_large_file_nothing_of_it_is_kept_and_it_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    honest = FileRecorder.hear

    def hear(recorder: FileRecorder, message: ForLedger) -> None:
        honest(recorder, message)
        heard.append(len(message.rows.row) if isinstance(message, HeardRows) else 0)

    calm, rough = (
        workspace(tmp_path / name, case_reports="[]", forms="[]") for name in ("calm", "rough")
    )
    for place in (calm, rough):
        drop(place, "a.csv", delimited(f"{CUSTOMER}\n{GOOD}"))
        drop(place, "b.csv", delimited(people(2_500)))
    run(calm)
    with monkeypatch.context() as patch:
        patch.setattr(FileRecorder, "hear", hear)
        with pytest.raises(InterruptedRunError, match="while reading a file"):
            run(rough, should_stop=lambda: sum(heard) > 1_000)
    assert sum(heard) == 1_001
    assert ([row[2] for row in dump(rough)["file"]], len(dump(rough)["case_"])) == (["a.csv"], 1)
    assert (rough / "inbox/b.csv").exists()
    run(rough)
    assert standing(rough) == standing(calm)


@pytest.mark.slow
def test_reader_that_says_nothing_holds_a_stopped_run_up_no_longer_than_its_grace(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(place, "a.csv", delimited(people(1)))
    monkeypatch.setattr(intake, "_GRACE_SECONDS", 0.3)
    failpoints.arm("parsing:1:sleep")
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(InterruptedRunError, match="while reading"),
    ):
        run(place, should_stop=begun(patch, intake.workers, only="work"))
    assert dump(place)["file"] == []
    failpoints.arm(None)
    assert counts(run(place)) == (1, 1, 0, 0, 0)


def test_stopped_before_it_has_read_anything_a_run_says_so(place: Path) -> None:
    drop(place, "a.csv", delimited(people(1)))
    with pytest.raises(InterruptedRunError, match="before a file was read"):
        run(place, should_stop=lambda: True)
    assert dump(place)["file"] == []
    assert counts(run(place)) == (1, 1, 0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["duplicate", "deferred"])
def test_many_files_that_need_no_reading_do_not_hold_up_a_run_that_is_to_stop(
    place: Path, kind: str
) -> None:
    for n in range(5):
        if kind == "duplicate":
            drop(place, f"{n}.csv", delimited(people(1)))
        else:
            (place / f"inbox/{n}.csv").symlink_to("/etc/hosts")
    with pytest.raises(InterruptedRunError, match="after the file in hand"):
        run(place, should_stop=lambda: len(dump(place)["file"]) >= 2)
    assert len(dump(place)["file"]) == 2
    run(place)
    assert len(dump(place)["file"]) == 5


# --- while it archives, and the scheduler ---


@pytest.mark.slow
def test_stopped_while_it_archives_the_next_run_archives_the_rest(tmp_path: Path) -> None:
    ends = []
    for name in ("calm", "rough"):
        place = workspace(tmp_path / name, case_reports="[severe]")
        for n in (1, 2, 3):
            drop(place, f"{n}.csv", delimited(people(n)))
        if name == "rough":
            with pytest.raises(InterruptedRunError, match="archived"):
                run(place, should_stop=lambda place=place: any((place / "archive").rglob("*.csv")))  # type: ignore[misc]
            assert len(list((place / "archive").rglob("*.csv"))) == 1
        run(place)
        ends.append((standing(place), tree(place / "archive")))
    assert ends[0] == ends[1]


@pytest.mark.slow
def test_scheduler_that_is_stopped_while_printing_says_so_and_ends(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[severe]")
    run(place, "2026-11-17")
    drop(place, "a.csv", delimited(people(3)))
    assert (
        attempt(place, as_of="2026-11-20", point="claimed:1:kill") == -signal.SIGKILL
    )  # so that there is a night to make good
    environment = {**os.environ, "FBBATCH_FAILPOINT": "vouched:2:sleep"}
    command = [sys.executable, "-m", "fbbatch", "serve", "-w", str(place)]
    server = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment
    )
    end = time.monotonic() + 60
    while (
        not (journal(place).exists() and len(journal(place).read_bytes().splitlines()) >= 2)
        and time.monotonic() < end
    ):
        time.sleep(0.02)
    server.send_signal(signal.SIGTERM)
    told = server.communicate(timeout=20)[1]
    assert server.returncode == ExitCode.DONE
    assert "Stopped while printing; the next run goes on from there." in told
    assert not (place / "outbox" / RUN).exists()
    before = marks(place / ".fbbatch/work" / RUN)
    run(place)
    assert n_kept(before, place) == 2
