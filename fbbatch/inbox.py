"""The door in: find what was dropped, let it settle, know it by its bytes; archive it afterwards, untouched."""

import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from fbbatch import failpoints
from fbbatch.errors import StorageError
from fbbatch.identity import digest
from fbbatch.lasting import sync_file, sync_folder

_JUNK = frozenset({".ds_store", "thumbs.db", "desktop.ini", "readme.txt", ".gitkeep", ".gitignore"})
_JUNK_SUFFIXES = (".part", ".crdownload", ".tmp", ".partial", ".download")
_CHUNK = 1 << 20
_STALE_LOCK_SECONDS = 24 * 3600
_HOPELESS = 4  # a file so many times over the limit is not even read for its sha256
_LONGEST_NAME = 240  # bytes; file systems take 255, and a copy may need " (2)" or ".partial"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file to take: where it is, what it is called below the inbox, and its bytes' sha256.

    `folder` is the top sub-folder it lay in, which may name the source. `deferred` is the code of the finding
    when it cannot be taken now; `note` one of what is noteworthy though it is taken. `unread` is a file far over
    the limit, known by its size alone (sha256 is empty).
    """

    path: Path
    name: str
    folder: str | None
    size: int
    sha256: str
    deferred: str | None = None
    note: str | None = None
    unread: bool = False


class _Stamp(NamedTuple):
    """What tells a file from another of the same name, without reading it."""

    size: int
    changed_ns: int
    inode: int
    mode: int


def claim(
    folder: Path, *, settle_seconds: float, most_files: int | None = None, most_bytes: int | None = None, largest: int | None = None
) -> list[Claimed]:
    """Everything that waits in the inbox, in the order of names.

    A file younger than `settle_seconds` is looked at again after that time; one that has changed meanwhile, is open in
    Office, or cannot be read is deferred. Links, pipes and devices are named, but never opened.

    Args:
        folder: the inbox.
        settle_seconds: how long a young file is watched.
        most_files: further ones are deferred.
        most_bytes: likewise.
        largest: bytes of the largest file that can be taken at all; one far larger is not read.

    Raises:
        StorageError: the inbox itself cannot be read.
    """
    try:
        paths = sorted(_entries(folder), key=lambda p: p.relative_to(folder).as_posix())
    except OSError as error:
        raise StorageError(f"The inbox cannot be read: {folder}: {error.strerror}") from error
    before = {path: _stamp(path) for path in paths}
    failpoints.reach("scanned")
    now = time.time()
    ages = [now - mark.changed_ns / 1e9 for mark in before.values() if mark]
    if any(age < settle_seconds for age in ages):  # also those that seem to come from the future
        time.sleep(settle_seconds)
    claimed: list[Claimed] = []
    taken = 0
    for path in paths:
        if stamp := before[path]:
            hopeless = largest is not None and stamp.size > _HOPELESS * largest
            full = not hopeless and (len(claimed) == most_files or (most_bytes is not None and taken + stamp.size > most_bytes))
            item = Claimed(path, _name(path, folder), None, stamp.size, "", "FB-waits") if full else _claim(path, folder, stamp, hopeless)
            failpoints.reach("hashed")
            taken += 0 if item.deferred or item.unread else item.size
            claimed.append(item)
    failpoints.reach("claimed")
    return claimed


def check_doors(workspace: Path) -> None:
    """See that originals can leave the inbox and enter the archive.

    Raises:
        StorageError: one of the two is missing or cannot be written to.
    """
    archive = workspace / "archive"
    try:
        archive.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The archive cannot be written to: {error.strerror}: {archive}") from error
    for folder in (workspace / "inbox", archive):
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise StorageError(f"The {folder.name} is missing or cannot be written to: {folder}")


def claim_one(path: Path) -> list[Claimed]:
    """A file given by name, outside the inbox; a folder gives the files in it."""
    if path.is_dir():
        return [replace(c, folder=c.folder or path.resolve().name) for c in claim(path, settle_seconds=0)]
    claimed = _claim(path, path.parent, _stamp(path))
    parent = path.resolve().parent.name
    return [replace(claimed, folder=parent if parent != "inbox" else None)]


def _entries(folder: Path) -> Iterator[Path]:
    """Every file, and whatever else is no folder; a sub-folder that cannot be read stands for what is in it."""
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                try:
                    yield from _entries(Path(entry.path))
                except OSError:
                    yield Path(entry.path)
        elif not _is_junk(entry.name):
            yield Path(entry.path)


def _is_junk(name: str) -> bool:
    lower = name.lower()
    return lower in _JUNK or lower.startswith(("~$", ".~", "~wrl", "._")) or lower.endswith(_JUNK_SUFFIXES)


def _office_lock_age(path: Path) -> float | None:
    """For how many seconds the file has been open in Office, by the youngest of its lock files; None when it is not."""
    name = path.name
    stamps = [_stamp(path.parent / lock) for lock in (f"~${name}", f"~${name[2:]}", f".~lock.{name}#", f".~{name}")]
    return min((time.time() - mark.changed_ns / 1e9 for mark in stamps if mark), default=None)


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return _Stamp(found.st_size, found.st_mtime_ns, found.st_ino, found.st_mode)


def _name(path: Path, folder: Path) -> str:
    """Its path below the inbox, printable whatever bytes it is made of."""
    return path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_space(workspace: Path, claimed: Iterable[Claimed], *, free_bytes: int) -> None:
    """See that there is room for what a run will write.

    Raises:
        StorageError: less is free than `free_bytes` or three times the size of what waits.
    """
    needed = max(free_bytes, 3 * sum(item.size for item in claimed if not item.deferred and not item.unread))
    free = shutil.disk_usage(workspace).free
    if free < needed:
        raise StorageError(f"Only {free // 1_000_000:,} MB are free on the disk of the workspace; {needed // 1_000_000:,} MB are needed")


def _claim(path: Path, folder: Path, before: _Stamp | None, hopeless: bool = False) -> Claimed:
    name = _name(path, folder)
    item = Claimed(path, name, name.split("/")[0] if "/" in name else None, before.size if before else 0, "")
    if before and not stat.S_ISREG(before.mode):
        return replace(item, size=0, deferred="FB-locked" if stat.S_ISDIR(before.mode) else "FB-not-a-file")
    age = _office_lock_age(path)
    if age is not None and age < _STALE_LOCK_SECONDS:
        return replace(item, deferred="FB-locked")
    if hopeless:
        return replace(item, unread=True)
    try:
        sha256 = sha256_of(path)
    except OSError:
        return replace(item, deferred="FB-locked" if _stamp(path) == before else "FB-changed")
    if _stamp(path) != before:
        return replace(item, deferred="FB-changed")
    return replace(item, sha256=sha256, note=None if age is None else "FB-lock-left")


def sha256_of(path: Path) -> str:
    """The sha256 of a file, read in pieces; no link is followed, no pipe waited for.

    Raises:
        OSError: it cannot be read.
    """
    with os.fdopen(_open(path), "rb") as stream:
        return digest(iter(lambda: stream.read(_CHUNK), b""))


def _open(path: Path) -> int:
    """Open a file and nothing else: no link is followed, no pipe waited for."""
    return os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))


_FOLDERS = {
    "accepted": "accepted",
    "partly": "partly",
    "returned": "returned",
    "duplicate": "duplicate",
    "step": "accepted",
    "set_aside": "partly",
    "quarantined": "quarantined",
}


def archive_path(workspace: Path, name: str, outcome: str, day: str, taken: Sequence[str]) -> str:
    """Where the original of `name` goes, below the workspace; never the place of another file."""
    stem, suffix = _shortened(name.replace("/", "_"))
    number = 1
    while True:
        candidate = f"{stem}{suffix}" if number == 1 else f"{stem} ({number}){suffix}"
        target = f"archive/{_FOLDERS[outcome]}/{day}/{candidate}"
        if target not in taken and not (workspace / target).exists():
            return target
        number += 1


def _shortened(name: str) -> tuple[str, str]:
    """(stem, suffix), together no longer than a file's name may be."""
    stem, dot, ending = name.rpartition(".")
    stem, suffix = (stem, dot + ending) if stem and len(ending.encode()) < _LONGEST_NAME // 4 else (name, "")
    return stem.encode()[: _LONGEST_NAME - len(suffix.encode())].decode("utf-8", "ignore"), suffix


class Move(NamedTuple):
    """An original to archive: where it lies, its place below the workspace, and how it was judged."""

    source: Path
    target: str
    sha256: str
    size: int


def archive(workspace: Path, moves: Sequence[Move]) -> None:
    """Move originals to their places in the archive, to stay; what has other bytes than were judged stays in the inbox.

    What an interrupted run has moved already is left where it is.

    Raises:
        StorageError: a move failed; the file is still where it was.
    """
    if not moves:
        return
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(partial(sync_file, may_be_gone=True), (move.source for move in moves)))
        folders: set[Path] = set()
        for move in moves:
            place = workspace / move.target
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            failpoints.reach("archiving")
            if _is_as_judged(move):
                _move(move.source, place)
            failpoints.reach("archived")
            folders |= {*place.parents} - {workspace, *workspace.parents} | {move.source.parent}
        for folder in folders:
            sync_folder(folder)
    except OSError as error:
        raise StorageError(f"The original could not be moved to the archive: {error.strerror}") from error


def _is_as_judged(move: Move) -> bool:
    found = _stamp(move.source)
    if found is None or not stat.S_ISREG(found.mode):
        return False
    return sha256_of(move.source) == move.sha256 if move.sha256 else found.size == move.size


def _move(source: Path, place: Path) -> None:
    try:
        source.chmod(0o600)
        source.rename(place)
    except OSError:  # the archive is on another device, or the file is another account's: the copy is ours
        _copy_then_remove(source, place)


def _copy_then_remove(source: Path, place: Path) -> None:
    partial = place.with_name(f"{place.name}.partial")
    try:
        with source.open("rb") as old, partial.open("wb") as new:
            partial.chmod(0o600)
            shutil.copyfileobj(old, new, _CHUNK)
            new.flush()
            os.fsync(new.fileno())
        partial.rename(place)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(place.parent)
    source.unlink()
