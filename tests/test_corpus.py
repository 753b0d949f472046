"""186 files of other projects, sound, damaged and hostile: each has one outcome, and what is in the sound ones is all there.

The files are listed with what two independent readers saw in `../shared/corpus/manifest.csv`; none of them is in the repository.
"""

import contextlib
import csv
import io
import json
import random
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from fbbatch import workers
from fbbatch.judge import FileToJudge, Hearing, Judge, Setup
from fbbatch.messages import PartHead, Refusal
from fbbatch.model import Finding
from fbbatch.read import Letter, Limits, ReadersDisagreeError, open_content
from fbbatch.schema import load_book
from tests.builders import RECEIVED, REPOSITORY, drop, workspace, zipped

CORPUS = REPOSITORY.parent / "shared" / "corpus"
pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"the files of others are not here: {CORPUS}"
)

MANIFEST = (
    list(csv.DictReader((CORPUS / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    if CORPUS.is_dir()
    else []
)
PATHS = [one["path"] for one in MANIFEST]
SPREADSHEETS = frozenset({"xlsx", "xlsm", "xlsb", "xls", "ods"})

Seen = dict[str, Any]


def oracles(path: str) -> list[dict[str, Any]]:
    """What others saw in the file, each as its reader told it."""
    told = json.loads(next(one["oracle"] for one in MANIFEST if one["path"] == path) or "{}")
    return [seen["ok"] for seen in told.values() if "ok" in seen]


def expected(expect: str, *, kind: frozenset[str] | None = None) -> list[str]:
    return [
        one["path"]
        for one in MANIFEST
        if one["expect"].split(":")[0] == expect and (kind is None or one["ext"] in kind)
    ]


# --- one after the other, through the reader ---


def reading(_: object) -> Callable[[str], Iterator[bytes]]:
    """What a worker does here: read a file and tell (rows, filled rows, filled cells) of every sheet."""

    def see(path: str) -> Iterator[bytes]:
        try:
            opened = open_content((CORPUS / "files" / path).read_bytes(), Limits())
            if isinstance(opened, Finding):
                seen: Seen = {"code": opened.code}
            elif isinstance(opened, Letter | list):
                seen = {"kind": type(opened).__name__}
            else:
                seen = {"kind": opened.kind, "sheets": {}, "notes": []}
                for page in opened.sheets:
                    rows = [[c for c in row if c not in {None, ""}] for row in page.rows()]
                    seen["sheets"][page.name] = (
                        len(rows),
                        sum(map(bool, rows)),
                        sum(map(len, rows)),
                    )
                    seen["notes"] += [f.code for f in page.findings]
        except ReadersDisagreeError as disputed:
            seen = {"code": disputed.reason.code}
        except BaseException as error:  # a panic of Rust is no Exception
            seen = {"raised": type(error).__name__}
        yield json.dumps(seen).encode()

    return see


def filled(sheets: dict[str, Any]) -> dict[str, list[int]]:
    """(filled rows, filled cells) of the sheets that have any."""
    return {name: list(sizes[-2:]) for name, sizes in sheets.items() if list(sizes[-2:]) != [0, 0]}


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    job = workers.Job("tests.test_corpus:reading", None, 1_500_000_000, 20, 30)
    for answer in workers.run_tasks(PATHS, job, jobs=2):
        try:
            (frame,) = answer.frames
            found[answer.task] = json.loads(frame)
        except workers.WorkerLostError as lost:
            found[answer.task] = {"lost": str(lost)}
    return found


def test_the_reader_says_of_every_file_what_is_in_it_or_what_is_wrong(
    seen: dict[str, Seen],
) -> None:
    assert len(seen) == len(MANIFEST) == 186
    assert {path: one for path, one in seen.items() if "lost" in one or "raised" in one} == {}


def test_every_row_and_cell_of_a_sound_workbook_is_there(seen: dict[str, Seen]) -> None:
    paths = expected("accept", kind=SPREADSHEETS)
    assert len(paths) > 50
    assert [
        path for path in paths if filled(seen[path]["sheets"]) not in map(filled, oracles(path))
    ] == []


@pytest.mark.slow
def test_every_row_of_a_sound_csv_is_there(seen: dict[str, Seen]) -> None:
    paths = expected("accept", kind=frozenset({"csv", "tsv"}))
    assert len(paths) > 15
    assert [
        path
        for path in paths
        if [sizes[0] for sizes in seen[path]["sheets"].values()]
        != [told["rows"] for told in oracles(path)]
    ] == []


def test_disputed_workbook_is_set_aside_or_all_of_it_is_there(seen: dict[str, Seen]) -> None:
    """All of it: as the reader sees it that counts error cells, too."""
    paths = expected("disputed")
    assert len(paths) == 16
    for path in paths:
        if "code" in seen[path]:  # xls without a container: Excel 4
            assert seen[path]["code"] == (
                "FB-not-readable" if "biff4" in path else "FB-readers-disagree"
            )
            continue
        most = max(
            (filled(told) for told in oracles(path)),
            key=lambda told: sum(cells for _, cells in told.values()),
        )
        assert filled(seen[path]["sheets"]) == most, path


# --- all at once, through a run ---


def peak_bytes(process: subprocess.Popen[str]) -> int:
    """The most memory the process itself has had, by the time it ends; its workers do not count."""
    most = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            break
        most = max(
            [
                most,
                *(
                    int(line.split()[1]) * 1024
                    for line in status.splitlines()
                    if line.startswith("VmHWM")
                ),
            ]
        )
        time.sleep(0.02)
    return most


def outcomes(files: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What became of each file of the corpus, by its path; of one with the bytes of another, what became of that."""
    whole = [file for file in files if "/" not in file["name"]]
    first = {file["sha256"]: file for file in whole if file["code"] != "FB-same-file"}
    return {PATHS[int(file["name"][:3])]: first[file["sha256"]] for file in whole}


@pytest.mark.slow
def test_one_run_over_all_of_them_gives_each_one_outcome_and_stays_small(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]", jobs=2)
    for number, path in enumerate(PATHS):
        drop(place, f"{number:03d}{Path(path).suffix}", (CORPUS / "files" / path).read_bytes())
    command = [
        sys.executable,
        "-m",
        "fbbatch",
        "run",
        "--json",
        "-w",
        str(place),
        "--as-of",
        "2026-11-20",
    ]
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True, cwd=REPOSITORY)
        most = peak_bytes(process)
        code = process.wait(timeout=300)
    assert ((tmp_path / "err").read_text(encoding="utf-8"), code) == ("", 1)
    assert most < 300_000_000
    files = json.loads((tmp_path / "out").read_text(encoding="utf-8"))["files"]
    assert sorted(file["name"][:3] for file in files if "/" not in file["name"]) == [
        f"{n:03d}" for n in range(186)
    ]
    assert [
        f
        for f in files
        if f["rows"] != f["accepted"] + f["returned"] + f["duplicate"] + f["set_aside"]
    ] == []
    assert [
        path.name
        for path in (place / "inbox").rglob("*")
        if path.suffix and path.name != "README.txt"
    ] == []

    became = outcomes(files)
    assert {became[path]["code"] for path in expected("quarantine")} == {"FB-encrypted"}
    assert {became[path]["outcome"] for path in expected("reject")} <= {"returned", "quarantined"}
    assert {became[one["path"]]["code"] for one in MANIFEST if one["expect"] == "reject:empty"} == {
        "FB-empty-file"
    }
    assert {Path(path).suffix for path, file in became.items() if file["accepted"]} <= {
        ".eml",
        ".txt",
    }  # only mails are in anybody's own words


# --- damaged at random ---

MUTATIONS = 500
_SMALL = [one["path"] for one in MANIFEST if 0 < int(one["size"]) <= 200_000]


def mutated(number: int) -> bytes:
    """A small file of the corpus with some bytes changed, cut off, doubled or missing; of every second zip, those of a part in it."""
    chance = random.Random(number)
    content = (CORPUS / "files" / chance.choice(_SMALL)).read_bytes()
    if chance.randrange(2) and zipfile.is_zipfile(io.BytesIO(content)):
        with (
            contextlib.suppress(zipfile.BadZipFile, RuntimeError, NotImplementedError),
            zipfile.ZipFile(io.BytesIO(content)) as archive,
        ):
            parts = {name: archive.read(name) for name in archive.namelist()}
            name = chance.choice([name for name in parts if parts[name]])
            return zipped({**parts, name: damaged(parts[name], chance)})
    return damaged(content, chance)


def damaged(content: bytes, chance: random.Random) -> bytes:
    raw = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 8, 64])):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    start, length = chance.randrange(len(raw)), chance.choice([1, 16, 512])
    match chance.randrange(5):
        case 0:
            del raw[start:]
        case 1:
            del raw[start : start + length]
        case 2:
            raw[start:start] = raw[start : start + length]
    return bytes(raw)


def judging(setup: Setup) -> Callable[[tuple[int, Path]], Iterator[bytes]]:
    """What a worker does here: damage a file, judge it, and tell whether it has one outcome."""
    judge = Judge(setup)

    def work(task: tuple[int, Path]) -> Iterator[bytes]:
        number, path = task
        path.write_bytes(mutated(number))
        try:
            messages = list(map(Hearing().message, judge.frames(FileToJudge(path, None))))
        except BaseException as error:
            yield json.dumps({"escaped": type(error).__name__}).encode()
            return
        top = takewhile(lambda message: not isinstance(message, PartHead), messages)
        failed = [message.reason.code for message in top if isinstance(message, Refusal)]
        yield json.dumps({"failed": failed, "said": len(messages)}).encode()

    return work


@pytest.mark.slow
def test_damaged_files_have_an_outcome_and_nothing_escapes_the_judge(tmp_path: Path) -> None:
    setup = Setup(load_book(REPOSITORY / "schemas"), Limits(), RECEIVED, "zh-Hans")
    job = workers.Job("tests.test_corpus:judging", setup, 1_500_000_000, 20, 30)
    told: dict[int, Seen] = {}
    for answer in workers.run_tasks(
        [(n, tmp_path / str(n)) for n in range(MUTATIONS)], job, jobs=2
    ):
        try:
            told[answer.task[0]] = [json.loads(frame) for frame in answer.frames][-1]
        except workers.WorkerLostError as lost:
            told[answer.task[0]] = {"failed": [f"lost: {lost}"], "said": 1}
    assert len(told) == MUTATIONS
    assert {number: one for number, one in told.items() if "escaped" in one} == {}
    assert {
        number: one for number, one in told.items() if one["said"] == 0 or len(one["failed"]) > 1
    } == {}
    assert (
        Counter(code for one in told.values() for code in one["failed"])["FB-broken"]
        > MUTATIONS / 10
    )
