"""A workspace's folders as upkeep sees them: their files, and new ones for their owner only."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fbbatch.errors import StorageError

_JUNK = frozenset({".ds_store", "thumbs.db", "desktop.ini"})


def files_below(workspace: Path, folder: str) -> list[str]:
    """Every file below a folder of the workspace, as paths from the workspace.

    What Office and file managers leave is no file.
    """
    found: list[str] = []
    for place, folders, names in os.walk(workspace / folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(place).relative_to(workspace).as_posix()
        found += [
            f"{below}/{name}"
            for name in sorted(names)
            if not _is_junk(name) and _is_plain(Path(place) / name)
        ]
    return found


def folders_below(workspace: Path, folder: str) -> list[str]:
    """The folder itself and every one below it, as paths from the workspace."""
    found: list[str] = []
    for place, folders, _ in os.walk(workspace / folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found.append(Path(place).relative_to(workspace).as_posix())
    return found


def _is_plain(path: Path) -> bool:
    """True for a file; links, pipes and devices are never opened."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _is_junk(name: str) -> bool:
    return name.lower() in _JUNK or name.startswith(("~$", ".~", "._"))


def shown(path: str) -> str:
    """A path that can be printed, whatever bytes it is made of."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


@contextmanager
def written(target: Path) -> Iterator[BinaryIO]:
    """A new file that appears under its name when it is complete and on the disk, or not at all.

    It is for its owner only.

    Raises:
        StorageError: it is there already, or the disk refused.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if target.exists():
            raise StorageError(f"{target} is there already; nothing is overwritten")
        partial.unlink(missing_ok=True)
        with os.fdopen(
            os.open(
                partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
            ),
            "w+b",
        ) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.rename(target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
