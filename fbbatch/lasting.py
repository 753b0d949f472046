"""What was written stays written: files and folders are synced, as each system allows."""

import errno
import os
from pathlib import Path

_NEVER = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EISDIR,
        errno.EINVAL,
        errno.EBADF,
        errno.ENOTSUP,
        errno.ENOSYS,
    }
)
"""How a system says that it never syncs such a thing; anything else is trouble with the disk."""

_UNFOLLOWED = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


def sync_file(path: Path, *, may_be_gone: bool = False) -> None:
    """Make a file's bytes last. No link is followed and no pipe waited for.

    It is opened for writing, for Windows syncs nothing else; where that is not allowed, for
    reading.

    Args:
        path: the file.
        may_be_gone: one that cannot be opened is passed over.

    Raises:
        OSError: the file cannot be opened, or the disk refused.
    """
    is_forgiven = False
    try:
        try:
            handle = os.open(path, os.O_RDWR | _UNFOLLOWED)
        except OSError:
            handle = os.open(path, os.O_RDONLY | _UNFOLLOWED)
            is_forgiven = True
    except OSError:
        if may_be_gone:
            return
        raise
    _sync(handle, is_forgiven=is_forgiven)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last, where the system can sync folders.

    Raises:
        OSError: the disk refused.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno in _NEVER:
            return
        raise
    _sync(handle, is_forgiven=True)


def _sync(handle: int, *, is_forgiven: bool) -> None:
    """Sync what is open, and close it.

    With `is_forgiven`, it is no trouble that a system never syncs such a thing.
    """
    try:
        os.fsync(handle)
    except OSError as error:
        if not (is_forgiven and error.errno in _NEVER):
            raise
    finally:
        os.close(handle)
