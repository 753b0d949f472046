"""The door in: find what was dropped, let it settle, know it by its bytes; archive it afterwards, untouched."""

import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fbbatch.errors import StorageError

_JUNK = frozenset({".ds_store", "thumbs.db", "desktop.ini", "readme.txt", ".gitkeep", ".gitignore"})
_JUNK_SUFFIXES = (".part", ".crdownload", ".tmp", ".partial", ".download")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file to take: where it is, what it is called below the inbox, and its bytes' sha256.

    `folder` is the top sub-folder it lay in, which may name the source. `deferred` is the code of the finding
    when it cannot be taken now.
    """

    path: Path
    name: str
    folder: str | None
    size: int
    sha256: str
    deferred: str | None = None


def claim(folder: Path, *, settle_seconds: float, most_files: int | None = None, most_bytes: int | None = None) -> list[Claimed]:
    """Everything that waits in the inbox, in the order of names.

    A file younger than `settle_seconds` is looked at again after that time; one that has changed meanwhile, is open in
    Office, or cannot be read is deferred. Links, pipes and devices are never opened.

    Args:
        folder: the inbox.
        settle_seconds: how long a young file is watched.
        most_files: further ones are deferred.
        most_bytes: likewise.

    Raises:
        StorageError: the inbox itself cannot be read.
    """
    try:
        paths = sorted(_files(folder), key=lambda p: p.relative_to(folder).as_posix())
    except OSError as error:
        raise StorageError(f"The inbox cannot be read: {folder}: {error.strerror}") from error
    before = {path: _stamp(path) for path in paths}
    now = time.time()
    youngest = max(
        (now - mark[1] / 1e9 for mark in before.values() if mark and 0 <= now - mark[1] / 1e9 < settle_seconds),
        default=None,
    )
    if youngest is not None or any(mark and mark[1] / 1e9 > now for mark in before.values()):
        time.sleep(settle_seconds)
    claimed: list[Claimed] = []
    taken = 0
    for path in paths:
        if stamp := before[path]:
            full = len(claimed) == most_files or (most_bytes is not None and taken + stamp[0] > most_bytes)
            item = Claimed(path, _name(path, folder), None, stamp[0], "", "FB-waits") if full else _claim(path, folder, stamp)
            taken += 0 if item.deferred else item.size
            claimed.append(item)
    return claimed


def claim_one(path: Path) -> list[Claimed]:
    """A file given by name, outside the inbox; a folder gives the files in it."""
    if path.is_dir():
        return [replace(c, folder=c.folder or path.resolve().name) for c in claim(path, settle_seconds=0)]
    claimed = _claim(path, path.parent, _stamp(path))
    parent = path.resolve().parent.name
    return [replace(claimed, folder=parent if parent != "inbox" else None)]


def _files(folder: Path) -> Iterable[Path]:
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                yield from _files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False) and not _is_junk(entry.name):
            yield Path(entry.path)


def _is_junk(name: str) -> bool:
    lower = name.lower()
    return lower in _JUNK or lower.startswith(("~$", ".~", "~wrl", "._")) or lower.endswith(_JUNK_SUFFIXES)


def _is_open_in_office(path: Path) -> bool:
    name = path.name
    return any((path.parent / lock).exists() for lock in (f"~${name}", f"~${name[2:]}", f".~lock.{name}#", f".~{name}"))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _name(path: Path, folder: Path) -> str:
    """Its path below the inbox, printable whatever bytes it is made of."""
    return path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_space(workspace: Path, claimed: Iterable[Claimed], *, free_bytes: int) -> None:
    """See that there is room for what a run will write.

    Raises:
        StorageError: less is free than `free_bytes` or three times the size of what waits.
    """
    needed = max(free_bytes, 3 * sum(item.size for item in claimed if not item.deferred))
    free = shutil.disk_usage(workspace).free
    if free < needed:
        raise StorageError(f"Only {free // 1_000_000:,} MB are free on the disk of the workspace; {needed // 1_000_000:,} MB are needed")


def _claim(path: Path, folder: Path, before: tuple[int, int, int] | None) -> Claimed:
    name = _name(path, folder)
    top = name.split("/")[0] if "/" in name else None
    size = before[0] if before else 0
    if _is_open_in_office(path):
        return Claimed(path, name, top, size, "", "FB-locked")
    try:
        sha256 = _sha256(path)
    except OSError:
        return Claimed(path, name, top, size, "", "FB-locked")
    if _stamp(path) != before:
        return Claimed(path, name, top, size, "", "FB-changed")
    return Claimed(path, name, top, size, sha256)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb") as stream:
        while piece := stream.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


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
    plain = name.replace("/", "_")
    stem, dot, suffix = plain.rpartition(".")
    number = 1
    while True:
        candidate = plain if number == 1 else f"{stem} ({number}){dot}{suffix}" if stem else f"{plain} ({number})"
        target = f"archive/{_FOLDERS[outcome]}/{day}/{candidate}"
        if target not in taken and not (workspace / target).exists():
            return target
        number += 1


def archive(workspace: Path, source: Path, target: str, sha256: str) -> None:
    """Move an original to its place in the archive; what has other bytes than were judged stays in the inbox.

    Does nothing when an interrupted run has moved it already.

    Raises:
        StorageError: the move failed; the file is still where it was.
    """
    place = workspace / target
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not source.exists() or _sha256(source) != sha256:
            return
        try:
            source.rename(place)
        except OSError:
            _copy_then_remove(source, place)
        place.chmod(0o600)
        sync_folder(place.parent)
        sync_folder(source.parent)
    except OSError as error:
        raise StorageError(f"The original could not be moved to the archive: {error.strerror}") from error


def _copy_then_remove(source: Path, place: Path) -> None:
    """For an archive on another device."""
    partial = place.with_name(f"{place.name}.partial")
    with source.open("rb") as old, partial.open("wb") as new:
        while piece := old.read(_CHUNK):
            new.write(piece)
        new.flush()
        os.fsync(new.fileno())
    partial.rename(place)
    source.unlink()


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last, where the platform can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
