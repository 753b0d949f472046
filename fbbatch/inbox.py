"""The door in: find what was dropped, let it settle, and know it by its bytes.

Afterwards it is archived, untouched.
"""

import hashlib
import os
import shutil
import signal
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from fbbatch import failpoints
from fbbatch.errors import StorageError
from fbbatch.identity import digest
from fbbatch.lasting import sync_file, sync_folder
from fbbatch.stopping import Ask, never

if sys.platform == "linux":
    import fcntl

_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".gitkeep", ".gitignore"})
_LITTER_PREFIXES = ("~$", ".~", "._")  # locks of Office and WPS, and what a Mac puts beside a file
_LITTER_FOLDERS = frozenset(
    {
        ".appledouble",
        ".fseventsd",
        ".git",
        ".snapshot",
        ".spotlight-v100",
        ".temporaryitems",
        ".trash",
        ".trashes",
    }
)
_UNFINISHED = (".part", ".crdownload", ".tmp", ".partial", ".download")
_UNFINISHED_PREFIX = "~wrl"
_README = "readme.txt"
_README_BYTES = 4_096
_LAID_OUT = frozenset(
    {
        "b636bb0c43d7eefd2abdaa01e266b0823b96050d4c3b4d2892ff9ec679636c12",
        "e8605b1b4965f2d9962bc77918633efe1582adeb7c4b6ec0fd7790a3812ed88b",
        "0bf7aecd576ab4066c345504883804a8eb9bda6d9a432ec04cba79b23d1614b9",
        "f99ad398792093e0bcb5aa3a152ce82d69438326916f4e900278d64eb4cf1e5c",
        "fab144469241e1a8855bca25b6cc695426a9fcc0da5c8792e23c09e9c5841760",
        "600f0e951acfec059b3a38b83eccb8f137a9a809b565667208f9f4f0b8f92eb9",
        "d1d8cf42f05607d4f93decad39be9d029fdd87acfaea53e5e0659c620712ea1f",
    }
)
"""The sha256 of every README.txt that has ever been laid out in an inbox, in each language."""
_CHUNK = 1 << 20
_BEAT_SECONDS = 0.5
_STALE_LOCK_SECONDS = 24 * 3600
_HOPELESS = 4  # a file so many times over the limit is not even read for its sha256
_LONGEST_NAME = 240  # bytes; file systems take 255, and a copy may need " (2)" or ".partial"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file to take: where it is, what it is called below the inbox, and its bytes' sha256.

    `folder` is the top sub-folder it lay in, which may name the source. `deferred` is the code of
    the finding when it cannot be taken now; `note` one of what is noteworthy though it is taken.
    `unread` is a file far over the limit, known by its size alone (sha256 is empty).
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
    folder: Path,
    *,
    settle_seconds: float,
    most_files: int | None = None,
    most_bytes: int | None = None,
    largest: int | None = None,
    ask: Ask = never,
    to_stay: bool = False,
) -> list[Claimed]:
    """Everything that waits in the inbox, in the order of names.

    A file younger than `settle_seconds` is looked at again after that time; one that has changed
    meanwhile, is open in Office, or cannot be read is deferred. Links, pipes and devices are named,
    but never opened.

    Args:
        folder: the inbox.
        settle_seconds: how long a young file is watched.
        most_files: further ones are deferred.
        most_bytes: likewise.
        largest: bytes of the largest file that can be taken at all; one far larger is not read.
        ask: called before each file and while it waits; may raise to end the run there.
        to_stay: the files are only looked at. Else one that cannot be moved out of its folder is
            deferred.

    Raises:
        StorageError: the inbox itself cannot be read.
    """
    try:
        paths = sorted(_entries(folder), key=lambda p: p.relative_to(folder).as_posix())
    except OSError as error:
        raise StorageError(f"The inbox cannot be read: {folder}: {error.strerror}") from error
    before = {path: _stamp(path) for path in paths}
    failpoints.reach("scanned")
    _let_settle(before.values(), settle_seconds, ask)
    most_files = most_files or sys.maxsize
    most_bytes = most_bytes or sys.maxsize
    claimed: list[Claimed] = []
    taken = 0
    for path in paths:
        ask()
        stamp = before[path]
        if stamp is None:
            continue
        is_hopeless = largest is not None and stamp.size > _HOPELESS * largest
        has_room = len(claimed) < most_files and taken + stamp.size <= most_bytes
        if has_room or is_hopeless:
            item = _claim(path, folder, stamp, is_hopeless)
        else:
            item = Claimed(path, _name(path, folder), None, stamp.size, "", "FB-waits")
        failpoints.reach("hashed")
        if not (item.deferred or to_stay or _may_leave(path)):
            item = replace(item, deferred="FB-locked")
        if not (item.deferred or item.unread):
            taken += item.size
        claimed.append(item)
    failpoints.reach("claimed")
    return claimed


def _let_settle(stamps: Iterable[_Stamp | None], seconds: float, ask: Ask) -> None:
    """Wait where a file is younger than that, or seems to come from the future."""
    now = time.time()
    ages = [now - stamp.changed_ns / 1e9 for stamp in stamps if stamp]
    if any(age < seconds for age in ages):
        _wait(seconds, ask)


def _may_leave(path: Path) -> bool:
    """True where a file can leave its folder; else the run that took it could never be closed."""
    return os.access(path.parent, os.W_OK | os.X_OK)


def _wait(seconds: float, ask: Ask) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _BEAT_SECONDS))
        ask()


def check_doors(workspace: Path) -> None:
    """See that originals can leave the inbox and enter the archive.

    Raises:
        StorageError: one of the two is missing or cannot be written to.
    """
    archive = workspace / "archive"
    try:
        archive.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The archive cannot be written to: {error.strerror}: {archive}"
        ) from error
    for folder in (workspace / "inbox", archive):
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise StorageError(f"The {folder.name} is missing or cannot be written to: {folder}")


def claim_one(path: Path) -> list[Claimed]:
    """A file given by name, outside the inbox; a folder gives the files in it."""
    if path.is_dir():
        return [
            replace(c, folder=c.folder or path.resolve().name)
            for c in claim(path, settle_seconds=0, to_stay=True)
        ]
    claimed = _claim(path, path.parent, _stamp(path))
    parent = path.resolve().parent.name
    return [replace(claimed, folder=parent if parent != "inbox" else None)]


def ignored(folder: Path) -> list[str]:
    """The names of what lies in the inbox and is not taken, though somebody may have meant it.

    Unfinished downloads and temporary files by their names, a README that says something of its
    own, hidden folders. What systems and Office leave about, and our own README, is not named.

    Raises:
        StorageError: the inbox itself cannot be read.
    """
    try:
        found = [path for path in _below(folder) if _is_passed_over(path) and not _is_litter(path)]
    except OSError as error:
        raise StorageError(f"The inbox cannot be read: {folder}: {error.strerror}") from error
    return sorted(_name(path, folder) for path in found)


def _entries(folder: Path) -> Iterator[Path]:
    """Every file, and whatever else is no folder.

    A sub-folder that cannot be read stands for what is in it.
    """
    return (path for path in _below(folder) if not _is_passed_over(path))


def _below(folder: Path) -> Iterator[Path]:
    """All that is in the folder; hidden folders and unreadable ones stand for what is in them."""
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if not entry.is_dir(follow_symlinks=False) or entry.name.startswith("."):
            yield Path(entry.path)
            continue
        try:
            yield from _below(Path(entry.path))
        except OSError:
            yield Path(entry.path)


def _is_passed_over(path: Path) -> bool:
    """True for what is never taken, by its name."""
    name = path.name.lower()
    if name == _README or name.startswith(_UNFINISHED_PREFIX) or name.endswith(_UNFINISHED):
        return True
    return _is_litter_name(name) or (name.startswith(".") and _is_folder(path))


def _is_litter(path: Path) -> bool:
    """True for what nobody has dropped: it is passed over without a word."""
    name = path.name.lower()
    if name == _README:
        return _is_laid_out(path)
    if _is_folder(path):
        return name in _LITTER_FOLDERS or name.startswith(".trash-")
    return _is_litter_name(name)


def _is_litter_name(name: str) -> bool:
    return name in _LITTER or name.startswith(_LITTER_PREFIXES)


def _is_folder(path: Path) -> bool:
    found = _stamp(path)
    return found is not None and stat.S_ISDIR(found.mode)


def _is_laid_out(path: Path) -> bool:
    """True for a README.txt as `fbbatch init` writes it, whatever its line ends."""
    try:
        with os.fdopen(_open(path), "rb") as stream:
            content = stream.read(_README_BYTES)
    except OSError:
        return False
    return digest([content.replace(b"\r\n", b"\n")]) in _LAID_OUT


def _office_lock_age(path: Path) -> float | None:
    """For how many seconds the file has been open in Office; None when it is not.

    It goes by the youngest of its lock files.
    """
    name = path.name
    stamps = [
        _stamp(path.parent / lock)
        for lock in (f"~${name}", f"~${name[2:]}", f".~lock.{name}#", f".~{name}")
    ]
    return min((time.time() - mark.changed_ns / 1e9 for mark in stamps if mark), default=None)


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return _Stamp(found.st_size, found.st_mtime_ns, found.st_ino, found.st_mode)


def _name(path: Path, folder: Path) -> str:
    """Its path below the inbox, printable whatever bytes it is made of."""
    return (
        path.relative_to(folder)
        .as_posix()
        .encode("utf-8", "surrogateescape")
        .decode("utf-8", "backslashreplace")
    )


def check_space(workspace: Path, claimed: Iterable[Claimed], *, free_bytes: int) -> None:
    """See that there is room for what a run will write.

    Raises:
        StorageError: less is free than `free_bytes` or three times the size of what waits.
    """
    needed = max(
        free_bytes, 3 * sum(item.size for item in claimed if not item.deferred and not item.unread)
    )
    free = shutil.disk_usage(workspace).free
    if free < needed:
        raise StorageError(
            f"Only {free // 1_000_000:,} MB are free on the disk of the workspace;"
            f" {needed // 1_000_000:,} MB are needed"
        )


def _claim(path: Path, folder: Path, before: _Stamp | None, hopeless: bool = False) -> Claimed:
    name = _name(path, folder)
    item = Claimed(
        path, name, name.split("/")[0] if "/" in name else None, before.size if before else 0, ""
    )
    if before and not stat.S_ISREG(before.mode):
        return replace(
            item, size=0, deferred="FB-locked" if stat.S_ISDIR(before.mode) else "FB-not-a-file"
        )
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
    return os.open(
        path,
        os.O_RDONLY
        | getattr(os, "O_NOFOLLOW", 0)
        | getattr(os, "O_NONBLOCK", 0)
        | getattr(os, "O_BINARY", 0),
    )


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
    stem, suffix = (
        (stem, dot + ending) if stem and len(ending.encode()) < _LONGEST_NAME // 4 else (name, "")
    )
    return stem.encode()[: _LONGEST_NAME - len(suffix.encode())].decode("utf-8", "ignore"), suffix


class ArchiveMove(NamedTuple):
    """An original to archive: where it lies, its place in the workspace, and how it was judged."""

    source: Path
    target: str
    sha256: str
    size: int


def archive(workspace: Path, moves: Sequence[ArchiveMove], *, ask: Ask = never) -> None:
    """Put originals into their places in the archive, to stay.

    What has other bytes than were judged stays in the inbox; what an interrupted run has moved
    already is left where it is. A file that nobody else holds is moved. One that another program
    has open, or that has a second name elsewhere (a hard link), is copied, checked against its
    sha256 on the way, and then removed from the inbox: what is done to it elsewhere does not reach
    the archive, and its rights elsewhere stay.

    Args:
        workspace: the workspace.
        moves: what goes where.
        ask: called before each file; may raise to end the run there.

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
            ask()
            place = workspace / move.target
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            failpoints.reach("archiving")
            _partial(place).unlink(missing_ok=True)  # of a run that was killed while it copied
            _keep(move, place)
            failpoints.reach("archived")
            folders |= {*place.parents} - {workspace, *workspace.parents} | {move.source.parent}
        for folder in folders:
            sync_folder(folder)
    except OSError as error:
        raise StorageError(
            f"The original could not be moved to the archive: {error.strerror}"
        ) from error


def _keep(move: ArchiveMove, place: Path) -> None:
    """Bring one original into the archive, by renaming it or as a copy of ours."""
    found = _stamp(move.source)
    if found is None or not stat.S_ISREG(found.mode):
        return
    with os.fdopen(_open(move.source), "rb") as original:
        is_alone = _is_ours_alone(original)
        if is_alone and not (_is_as_judged(move, original) and _is_still(found, move.source)):
            return
        if is_alone and _moved(move.source, place):
            if not _is_undisturbed(original):  # opened by somebody at that very moment
                _copy(move, original, place)
            return
        is_copied = _copy(move, original, place)
    if is_copied:
        sync_folder(place.parent)
        failpoints.reach("copied")
        if _is_still(found, move.source):  # what has changed meanwhile is the next run's
            move.source.unlink()


def _is_still(found: _Stamp, path: Path) -> bool:
    """True while a file is what it was; its rights do not count."""
    now = _stamp(path)
    return now is not None and now._replace(mode=found.mode) == found


def _is_as_judged(move: ArchiveMove, original: IO[bytes]) -> bool:
    if not move.sha256:
        return os.fstat(original.fileno()).st_size == move.size
    return digest(iter(lambda: original.read(_CHUNK), b"")) == move.sha256


def _is_ours_alone(original: IO[bytes]) -> bool:
    """True where no other program has the file open, and it has no other name.

    Where that cannot be told, it is not ours alone.
    Linux grants a lease for writing only on a file that is open nowhere else. While `original` is
    open, whoever opens the file has to wait, and `_is_undisturbed` tells of it.
    """
    if sys.platform != "linux" or os.fstat(original.fileno()).st_nlink != 1:
        return False
    try:
        fcntl.fcntl(original, fcntl.F_SETSIG, signal.SIGURG)  # not SIGIO, which ends us
        fcntl.fcntl(original, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError:
        return False
    return True


def _is_undisturbed(original: IO[bytes]) -> bool:
    """True while nobody has asked for the file since `_is_ours_alone`, or given it another name."""
    if sys.platform != "linux":
        return False
    is_held = fcntl.fcntl(original, fcntl.F_GETLEASE) == fcntl.F_WRLCK
    return is_held and os.fstat(original.fileno()).st_nlink == 1


def _moved(source: Path, place: Path) -> bool:
    """Rename the file; False where that cannot be: another device, or another account's file."""
    try:
        source.chmod(0o600)
        source.rename(place)
    except OSError:
        return False
    return True


def _partial(place: Path) -> Path:
    return place.with_name(f"{place.name}.partial")


def _copy(move: ArchiveMove, original: IO[bytes], place: Path) -> bool:
    """Put a copy of our own in `place`.

    Returns:
        False, and nothing is there, when its bytes are not those that were judged.
    """
    partial, state, size = _partial(place), hashlib.sha256(), 0
    original.seek(0)
    try:
        with partial.open("wb") as new:
            partial.chmod(0o600)
            while chunk := original.read(_CHUNK):
                state.update(chunk)
                size += len(chunk)
                new.write(chunk)
                failpoints.reach("copying")
            new.flush()
            os.fsync(new.fileno())
        is_as_judged = state.hexdigest() == move.sha256 if move.sha256 else size == move.size
        if is_as_judged:
            partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)
    return is_as_judged
