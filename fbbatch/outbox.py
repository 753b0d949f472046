"""The door out: a run's documents appear in the outbox all at once, or not at all."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from fbbatch import failpoints
from fbbatch.errors import StorageError
from fbbatch.lasting import sync_file, sync_folder

MANIFEST = "manifest.json"
_RUN = re.compile(r"\d{8}-\d{3,}")


def workroom(workspace: Path) -> Path:
    """The folder in which a run folder is made, so that one rename brings it into the outbox; tried out by such a rename.

    It is `.fbbatch/work`, or a hidden folder of the outbox where that lies on another device.

    Raises:
        StorageError: the outbox is missing or cannot be written to; or there is no room to work in.
    """
    outbox, room = workspace / "outbox", workspace / ".fbbatch" / "work"
    if not outbox.is_dir():
        raise StorageError(f"The outbox is missing: {outbox}; is its disk mounted? If it was removed, make the folder anew")
    probe, arrived = room / ".probe", outbox / ".probe"
    try:
        probe.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            probe.rename(arrived)
            arrived.rmdir()
        except OSError as error:
            probe.rmdir()
            if error.errno != errno.EXDEV:
                raise
            room = outbox / ".work"
            room.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The outbox cannot be written to: {error.strerror}: {outbox}") from error
    return room


def discard(workspace: Path, run: str) -> None:
    """Throw away the draft of a run that was given up; what cannot be removed is in nobody's way."""
    shutil.rmtree(workroom(workspace) / run, ignore_errors=True)


def run_names(workspace: Path, day: str) -> set[str]:
    """The names of the run folders of a day (`yyyymmdd`) that are in the outbox, whatever the ledger knows."""
    try:
        names = {path.name for path in (workspace / "outbox").iterdir()}
    except OSError:
        return set()
    return {name for name in names if name.startswith(day) and _RUN.fullmatch(name)}


def case_numbers(workspace: Path, runs: Iterable[str]) -> Iterator[str]:
    """The numbers of the cases that the manifests of these runs name."""
    for run in sorted(runs):
        with contextlib.suppress(OSError, orjson.JSONDecodeError):
            content = orjson.loads((workspace / "outbox" / run / MANIFEST).read_bytes())
            yield from (case["number"] for case in content.get("cases", ()))


class Draft:
    """A run folder in the making, in the workroom; `publish` moves it to the outbox.

    Args:
        workspace: the workspace.
        run: the run's name, which the folder will have.

    Raises:
        StorageError: there is no room to work in.
    """

    def __init__(self, workspace: Path, run: str) -> None:
        self._target = workspace / "outbox" / run
        self._room = workroom(workspace)
        self._folder = self._room / run
        self._files: list[Path] = []
        try:
            failpoints.reach("drafting")
            if self._folder.exists():  # of an interrupted attempt
                shutil.rmtree(self._folder)
            self._folder.mkdir(mode=0o700)
        except OSError as error:
            raise StorageError(f"The outbox cannot take the documents: {error.strerror}") from error

    def write(self, path: str, content: bytes) -> str:
        """Put a finished file into the draft; its sha256."""
        place = self._folder / path
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb") as stream:
                failpoints.reach("writing")
                stream.write(content)
        except OSError as error:
            raise StorageError(f"The outbox cannot take the documents: {error.strerror}") from error
        self._files.append(place)
        return hashlib.sha256(content).hexdigest()

    def manifest(self, content: dict[str, Any]) -> None:
        """Write manifest.json."""
        self.write(MANIFEST, orjson.dumps(content, option=orjson.OPT_INDENT_2))

    def publish(self) -> Path:
        """Sync everything, then move the folder into the outbox by one rename.

        What an interrupted attempt has published under this name stays until its successor is complete.

        Raises:
            StorageError: nothing has appeared in the outbox, and nothing has gone from it.
        """
        try:
            failpoints.reach("written")
            _sync_all(self._folder, self._files)
            failpoints.reach("synced")
            _replace(self._folder, self._target, self._room / f"{self._target.name}.old")
            failpoints.reach("renamed")
        except OSError as error:
            raise StorageError(f"The outbox cannot take the run folder: {error.strerror}") from error
        return self._target


def refresh_latest(workspace: Path, folder: Path, paths: Iterable[str], *, based: str) -> None:
    """Replace `outbox/latest` by copies of the newest receipt, summary and page.

    The page named by `based` is told where the run folder is, so that its links still lead there.

    Raises:
        StorageError: it could not be replaced; the run folder itself is complete.
    """
    room, latest = workroom(workspace), workspace / "outbox" / "latest"
    fresh, paths = room / "latest", list(paths)
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        copies = [fresh / Path(path).name for path in paths]
        for path, copy in zip(paths, copies, strict=True):
            shutil.copyfile(folder / path, copy)
            copy.chmod(0o600)
        page = (fresh / based).read_bytes()
        (fresh / based).write_bytes(page.replace(b"<head>", f'<head><base href="../{folder.name}/">'.encode(), 1))
        _sync_all(fresh, copies)
        failpoints.reach("refreshing")
        _replace(fresh, latest, room / "latest.old")
    except OSError as error:
        raise StorageError(f"outbox/latest could not be replaced: {error.strerror}; is one of its files open?") from error
    if room.parent == latest.parent:
        with contextlib.suppress(OSError):
            room.rmdir()


def _replace(fresh: Path, target: Path, aside: Path) -> None:
    """Put a synced folder in the place of `target`, to stay; what was there is removed last, or comes back."""
    if target.exists():
        shutil.rmtree(aside, ignore_errors=True)
        target.rename(aside)
    try:
        failpoints.reach("replacing")
        fresh.rename(target)
    except OSError:
        with contextlib.suppress(OSError):
            aside.rename(target)
        raise
    _sync(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _sync_all(top: Path, files: Iterable[Path]) -> None:
    """Make files and their folders, up to `top`, last."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_sync, files))
    folders = {folder for file in files for folder in file.parents if folder.is_relative_to(top)} | {top}
    for folder in sorted(folders, reverse=True):
        _sync(folder)


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_folder(path)
    else:
        sync_file(path)
