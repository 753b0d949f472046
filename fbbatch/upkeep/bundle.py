"""What a backup file holds, and whether one may be trusted.

It may when the names stay in their folder and the sha256 of each file is right. A backup is a zip.
`fbbatch-backup.json` in it says when and of what it was made, and the sha256 of every other member.
"""

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from fbbatch.errors import StorageError
from fbbatch.secret import SECRET

CONTENTS = "fbbatch-backup.json"
FORMAT = 1
LEDGER = ".fbbatch/ledger.db"
KEY = ".fbbatch/pseudonyms.key"
KEYS = (KEY, SECRET)
"""What only this workspace knows: without it, its pseudonyms and its check codes are others."""
FOLDERS = ("inbox", "archive", "outbox", "schemas", "templates")
FILES = ("fbbatch.yaml",)
_CHUNK = 1 << 20
_PACKED = (
    ".xlsx",
    ".docx",
    ".docm",
    ".xlsm",
    ".pdf",
    ".zip",
    ".png",
    ".jpg",
    ".jpeg",
    ".xlsb",
    ".ods",
)
_EARLIEST = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A backup file whose every byte was checked.

    `members` are its files, `folders` those that may be empty.
    """

    path: Path
    told: dict[str, Any]
    members: tuple[str, ...]
    folders: tuple[str, ...]
    n_bytes: int

    @property
    def has_ledger(self) -> bool:
        """False for one whose ledger is in a database of its own."""
        return LEDGER in self.members


class Packer:
    """Puts files into a backup; `close` writes what is in it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(
            stream, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=6
        )
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, source: Path) -> str:
        """Put a file in under a name; its sha256.

        Raises:
            OSError: it cannot be read, or it is gone.
        """
        with source.open("rb") as stream:
            return self._add(name, stream, source.stat().st_mtime)

    def _add(self, name: str, stream: BinaryIO, changed: float) -> str:
        method = zipfile.ZIP_STORED if name.lower().endswith(_PACKED) else zipfile.ZIP_DEFLATED
        entry = _entry(name, method)
        entry.comment = b""
        digest, n_bytes = hashlib.sha256(), 0
        with self._zip.open(entry, "w", force_zip64=True) as target:
            while piece := stream.read(_CHUNK):
                digest.update(piece)
                target.write(piece)
                n_bytes += len(piece)
        self.members[name] = {
            "sha256": digest.hexdigest(),
            "bytes": n_bytes,
            "changed": round(changed),
        }
        return digest.hexdigest()

    def folder(self, name: str) -> None:
        """Remember a folder, which may be empty."""
        entry = _entry(f"{name}/", zipfile.ZIP_STORED)
        entry.external_attr = (stat.S_IFDIR | 0o700) << 16 | 0x10
        self._zip.writestr(entry, b"")

    def close(self, told: dict[str, Any]) -> None:
        """Finish the file with what it holds."""
        content = orjson.dumps(
            {"format": FORMAT, **told, "members": self.members}, option=orjson.OPT_INDENT_2
        )
        self._zip.writestr(_entry(CONTENTS, zipfile.ZIP_DEFLATED), content)
        self._zip.close()


def _entry(name: str, method: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EARLIEST)
    entry.compress_type = method
    entry.external_attr = (stat.S_IFREG | 0o600) << 16
    return entry


def checked(path: Path) -> Bundle:
    """Open a backup and check all of it; nothing is unpacked.

    Raises:
        StorageError: it is no backup, is torn, or holds what no backup of ours holds.
    """
    try:
        with zipfile.ZipFile(path) as package:
            return _checked(path, package)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:
        raise StorageError(
            f"{path} is no backup of fbbatch, or it is damaged ({type(error).__name__}); "
            "nothing was touched"
        ) from error
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read: {error.strerror or error}; nothing was touched"
        ) from error


def _checked(path: Path, package: zipfile.ZipFile) -> Bundle:
    infos = package.infolist()
    names = [info.filename for info in infos]
    contents = _contents(path, package, names)
    if unsafe := next((info for info in infos if not _is_safe(info)), None):
        raise _refused(path, f"a name in it leads elsewhere: {unsafe.filename!r}")
    members: dict[str, dict[str, Any]] = contents["members"]
    files = [name for name in names if not name.endswith("/") and name != CONTENTS]
    if set(files) != set(members):
        raise _refused(path, "what it holds is not what it says it holds")
    for name in files:
        if _digest(package, name) != (members[name]["sha256"], members[name]["bytes"]):
            raise _refused(path, f"{name!r} is not what was backed up")
    return Bundle(
        path,
        contents,
        members=tuple(files),
        folders=tuple(name.rstrip("/") for name in names if name.endswith("/")),
        n_bytes=sum(member["bytes"] for member in members.values()),
    )


def _contents(path: Path, package: zipfile.ZipFile, names: list[str]) -> dict[str, Any]:
    """What a backup says it holds, if it is one of this format and no name is in it twice."""
    if CONTENTS not in names:
        raise _refused(path, f"it has no {CONTENTS}")
    if len(set(names)) != len(names):
        raise _refused(path, "a name is in it twice")
    contents: dict[str, Any] = orjson.loads(package.read(CONTENTS))
    if contents["format"] != FORMAT:
        raise _refused(
            path,
            f"it is of format {contents['format']}; install the version of fbbatch that made it",
        )
    return contents


def _refused(path: Path, why: str) -> StorageError:
    return StorageError(f"{path} is not restored: {why}; nothing was touched")


def _digest(package: zipfile.ZipFile, name: str) -> tuple[str, int]:
    digest, n_bytes = hashlib.sha256(), 0
    with package.open(name) as stream:
        while piece := stream.read(_CHUNK):
            digest.update(piece)
            n_bytes += len(piece)
    return digest.hexdigest(), n_bytes


def _is_safe(info: zipfile.ZipInfo) -> bool:
    """True for a plain file or folder in one of the places that a backup holds."""
    name = info.filename.rstrip("/")
    parts = name.split("/")
    mode = stat.S_IFMT(info.external_attr >> 16)
    if mode not in {0, stat.S_IFREG, stat.S_IFDIR} or any(
        part in {"", ".", ".."} or "\0" in part or ":" in parts[0] for part in parts
    ):
        return False
    return name in {CONTENTS, LEDGER, *KEYS, *FILES} or parts[0] in FOLDERS


def unpack(bundle: Bundle, into: Path) -> Iterator[str]:
    """Unpack a checked backup into a folder; yields the names as they are done.

    Raises:
        StorageError: a member has changed since it was checked, or the disk refused.
    """
    root = into.resolve()
    try:
        with zipfile.ZipFile(bundle.path) as package:
            for folder in bundle.folders:
                (into / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in bundle.members:
                target = into / name
                if not target.resolve().is_relative_to(root):  # a backslash or a drive, on Windows
                    raise _refused(bundle.path, f"a name in it leads elsewhere: {name!r}")
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if _copied(package, name, target) != bundle.told["members"][name]["sha256"]:
                    raise _refused(bundle.path, f"{name!r} has changed while it was read")
                yield name
    except OSError as error:
        raise StorageError(
            f"The backup cannot be unpacked: {error.strerror or error}; nothing was replaced"
        ) from error


def _copied(package: zipfile.ZipFile, name: str, target: Path) -> str:
    digest = hashlib.sha256()
    handle = os.open(
        target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
    )
    with package.open(name) as stream, os.fdopen(handle, "wb") as out:
        while piece := stream.read(_CHUNK):
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()
