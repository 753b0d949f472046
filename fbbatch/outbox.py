"""The door out: a run's documents appear in the outbox all at once, or not at all.

Beside the folder in which they are made lies a journal of what is finished there, one line for each
order. A run that was stopped or killed goes on from it; nothing is believed that cannot be checked.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import orjson

from fbbatch import failpoints
from fbbatch.errors import StorageError
from fbbatch.identity import digest
from fbbatch.lasting import sync_file, sync_folder
from fbbatch.model import IssuedDocument
from fbbatch.stopping import Ask, never

MANIFEST = "manifest.json"
_JOURNAL = ".journal"
_CHUNK = 1 << 20
_BINARY = getattr(os, "O_BINARY", 0)
_RUN = re.compile(r"\d{8}-\d{3,}")


def workroom(workspace: Path) -> Path:
    """The folder in which a run folder is made.

    One rename brings a run folder from there into the outbox, which is tried out by such a rename.
    It is `.fbbatch/work`, or a hidden folder of the outbox where that lies on another device.

    Raises:
        StorageError: the outbox is missing or cannot be written to; or there is no room to work in.
    """
    outbox, room = workspace / "outbox", workspace / ".fbbatch" / "work"
    if not outbox.is_dir():
        raise StorageError(
            f"The outbox is missing: {outbox}; is its disk mounted?"
            " If it was removed, make the folder anew"
        )
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
        raise StorageError(
            f"The outbox cannot be written to: {error.strerror}: {outbox}"
        ) from error
    return room


def discard(workspace: Path, run: str) -> None:
    """Throw away the draft of a run that was given up.

    What cannot be removed is in nobody's way.
    """
    shutil.rmtree(workroom(workspace) / run, ignore_errors=True)


def run_names(workspace: Path, day: str) -> set[str]:
    """The names of the run folders of a day (`yyyymmdd`) that are in the outbox.

    They are read from the outbox, whatever the ledger knows.
    """
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


class Vouched(NamedTuple):
    """The finished files of an order, and the characters in it that no font could draw."""

    documents: tuple[IssuedDocument, ...]
    missing: str


class Draft:
    """A run folder in the making, in the workroom; `publish` moves it to the outbox.

    What is left of an interrupted attempt is kept or removed by `resume`, before all writing.

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
        self._journal = self._room / f"{run}{_JOURNAL}"
        self._files: list[Path] = []
        try:
            failpoints.reach("drafting")
            if self._folder.is_symlink():
                self._folder.unlink()
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StorageError(f"The outbox cannot take the documents: {error.strerror}") from error

    def resume(self, keys: Collection[str]) -> dict[str, Vouched]:
        """What an interrupted attempt has finished of these orders, by key; all else is removed.

        A file is kept when the journal names it and its bytes are those of then. Where the attempt
        was interrupted after it had published, its files are taken from there.

        Raises:
            StorageError: what is to be removed cannot be.
        """
        try:
            kept: dict[str, Vouched] = {}
            files: set[Path] = set()
            for key, vouched in self._noted():
                if key in keys and all(map(self._is_whole, vouched.documents)):
                    kept[key] = vouched
                    files |= {self._folder / document.path for document in vouched.documents}
            _clear(self._folder, files)
            fresh = self._journal.with_name(f"{self._journal.name}.new")
            fresh.write_bytes(b"".join(_line(key, vouched) for key, vouched in kept.items()))
            fresh.chmod(0o600)
            fresh.replace(self._journal)
        except OSError as error:
            raise StorageError(f"The outbox cannot take the documents: {error.strerror}") from error
        self._files += sorted(files)
        return kept

    def vouch(self, key: str, documents: Sequence[IssuedDocument], missing: str) -> None:
        """Note in the journal that all files of an order are written."""
        try:
            handle = os.open(self._journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o600)
            with os.fdopen(handle, "wb") as journal:
                journal.write(_line(key, Vouched(tuple(documents), missing)))
            failpoints.reach("vouched")
        except OSError as error:
            raise StorageError(f"The outbox cannot take the documents: {error.strerror}") from error

    def _noted(self) -> Iterator[tuple[str, Vouched]]:
        """The lines of the journal; one that is torn, as the last may be, is none."""
        try:
            lines = self._journal.read_bytes().splitlines(keepends=True)
        except OSError:
            return
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):
                key, missing, documents = orjson.loads(line)
                told = tuple(IssuedDocument(*document) for document in documents)
                is_sound = isinstance(key, str) and isinstance(missing, str)
                if (
                    is_sound
                    and line.endswith(b"\n")
                    and all(_is_below(document.path) for document in told)
                ):
                    yield key, Vouched(told, missing)

    def _is_whole(self, document: IssuedDocument) -> bool:
        place, published = self._folder / document.path, self._target / document.path
        if not place.exists() and _sha256(published) == document.sha256:
            with contextlib.suppress(OSError):
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                place.hardlink_to(published)
        if place.resolve() != self._folder.resolve() / document.path:  # a link on the way to it
            return False
        found = _sha256(place)
        return found is not None and found == document.sha256

    def write(self, path: str, content: bytes) -> str:
        """Put a finished file into the draft; its sha256."""
        place = self._folder / path
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(
                os.open(
                    place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
                ),
                "wb",
            ) as stream:
                failpoints.reach("writing")
                stream.write(content)
        except OSError as error:
            raise StorageError(f"The outbox cannot take the documents: {error.strerror}") from error
        self._files.append(place)
        return hashlib.sha256(content).hexdigest()

    def manifest(self, content: dict[str, Any]) -> str:
        """Write manifest.json; its sha256."""
        return self.write(MANIFEST, orjson.dumps(content, option=orjson.OPT_INDENT_2))

    def publish(self, ask: Ask = never) -> Path:
        """Sync everything, then move the folder into the outbox by one rename.

        What an interrupted attempt has published under this name stays until its successor is
        complete.

        Args:
            ask: called while files are synced; may raise to end the run before anything appears.

        Raises:
            StorageError: nothing has appeared in the outbox, and nothing has gone from it.
        """
        try:
            failpoints.reach("written")
            _sync_all(self._folder, self._files, ask)
            failpoints.reach("synced")
            _replace(self._folder, self._target, self._room / f"{self._target.name}.old")
            failpoints.reach("renamed")
        except OSError as error:
            raise StorageError(
                f"The outbox cannot take the run folder: {error.strerror}"
            ) from error
        return self._target


def forget_draft(workspace: Path, run: str) -> None:
    """Remove the journal of a run that is complete.

    Raises:
        StorageError: it cannot be removed.
    """
    try:
        for room in (workspace / ".fbbatch" / "work", workspace / "outbox" / ".work"):
            (room / f"{run}{_JOURNAL}").unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (workspace / "outbox" / ".work").rmdir()
    except OSError as error:
        raise StorageError(f"The journal of the run cannot be removed: {error.strerror}") from error


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
        (fresh / based).write_bytes(
            page.replace(b"<head>", f'<head><base href="../{folder.name}/">'.encode(), 1)
        )
        _sync_all(fresh, copies)
        failpoints.reach("refreshing")
        _replace(fresh, latest, room / "latest.old")
    except OSError as error:
        raise StorageError(
            f"outbox/latest could not be replaced: {error.strerror}; is one of its files open?"
        ) from error
    if room.parent == latest.parent:
        with contextlib.suppress(OSError):
            room.rmdir()


def _replace(fresh: Path, target: Path, aside: Path) -> None:
    """Put a synced folder in the place of `target`, to stay.

    What was there is removed last, or comes back.
    """
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
    sync_folder(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _line(key: str, vouched: Vouched) -> bytes:
    documents = [astuple(document) for document in vouched.documents]
    return orjson.dumps([key, vouched.missing, documents]) + b"\n"


def _is_below(path: str) -> bool:
    """True for a path that leads to a place inside the run folder."""
    return not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts


def _sha256(path: Path) -> str | None:
    """The sha256 of a file; None where there is none, and no link is followed."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | _BINARY)
        with os.fdopen(handle, "rb") as stream:
            return digest(iter(lambda: stream.read(_CHUNK), b""))
    except OSError:
        return None


def _clear(folder: Path, kept: Collection[Path]) -> None:
    """Remove everything below the folder but these files, and what folders are empty then."""
    for place, folders, names in os.walk(folder, topdown=False):
        for path in (Path(place) / name for name in names):
            if path not in kept:
                path.unlink()
        for path in (Path(place) / name for name in folders):
            if path.is_symlink():
                path.unlink()
            elif not any(path.iterdir()):
                path.rmdir()


def _sync_all(top: Path, files: Iterable[Path], ask: Ask = never) -> None:
    """Make files and their folders, up to `top`, last."""
    pool = ThreadPoolExecutor(8)
    try:
        for _ in pool.map(sync_file, files):
            ask()
    finally:
        pool.shutdown(cancel_futures=True)
    folders = {
        folder for file in files for folder in file.parents if folder.is_relative_to(top)
    } | {top}
    for folder in sorted(folders, reverse=True):
        sync_folder(folder)
