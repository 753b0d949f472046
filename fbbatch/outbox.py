"""The door out: a run's documents appear in the outbox all at once, or not at all."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from fbbatch.errors import StorageError

MANIFEST = "manifest.json"


class Draft:
    """A run folder in the making, below `.fbbatch/work`; `publish` moves it to the outbox.

    Args:
        workspace: the workspace.
        run: the run's name, which the folder will have.
    """

    def __init__(self, workspace: Path, run: str) -> None:
        self._target = workspace / "outbox" / run
        self._folder = workspace / ".fbbatch" / "work" / run
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)
        self._files: list[Path] = []

    def write(self, path: str, content: bytes) -> str:
        """Put a finished file into the draft; its sha256."""
        place = self._folder / path
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb") as stream:
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

        Raises:
            StorageError: nothing has appeared in the outbox.
        """
        try:
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(_sync, self._files))
            for folder in sorted({file.parent for file in self._files} | {self._folder}, reverse=True):
                _sync(folder)
            self._target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._target.exists():  # an interrupted attempt had come this far
                shutil.rmtree(self._target)
            self._folder.rename(self._target)
            _sync(self._target.parent)
        except OSError as error:
            raise StorageError(f"The outbox cannot take the run folder: {error.strerror}") from error
        return self._target


def refresh_latest(workspace: Path, folder: Path, paths: Iterable[str], *, based: str) -> None:
    """Replace `outbox/latest` by copies of the newest receipt, summary and page.

    The page named by `based` is told where the run folder is, so that its links still lead there.

    Raises:
        StorageError: it could not be replaced; the run folder itself is complete.
    """
    latest, fresh, old = (workspace / "outbox" / name for name in ("latest", ".latest-new", ".latest-old"))
    try:
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        for path in paths:
            shutil.copyfile(folder / path, fresh / Path(path).name)
            (fresh / Path(path).name).chmod(0o600)
        page = (fresh / based).read_bytes()
        (fresh / based).write_bytes(page.replace(b"<head>", f'<head><base href="../{folder.name}/">'.encode(), 1))
        if latest.exists():
            latest.rename(old)
        fresh.rename(latest)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        with contextlib.suppress(OSError):
            if old.exists() and not latest.exists():
                old.rename(latest)
        raise StorageError(f"outbox/latest could not be replaced: {error.strerror}; is one of its files open?") from error


def _sync(path: Path) -> None:
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
