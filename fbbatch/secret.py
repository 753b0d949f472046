"""The workspace's secret: made once, kept for its owner only, renewed by a command.

See `fbbatch.codes` for what it is for.
"""

import datetime as dt
import os
import secrets
from pathlib import Path
from typing import Any

import orjson

from fbbatch.codes import Codes, Key
from fbbatch.errors import StorageError

SECRET = ".fbbatch/secret.json"  # noqa: S105 - the name of a file
_KEY_BYTES = 32


def read_codes(workspace: Path) -> Codes | None:
    """The codes of a workspace; None where it has no secret yet.

    Raises:
        StorageError: the secret cannot be read, or is damaged.
    """
    path = workspace / SECRET
    try:
        told = orjson.loads(path.read_bytes())
        keys = tuple(Key(bytes.fromhex(one["key"]), _day(one["until"])) for one in told["keys"])
        return Codes(str(told["workspace"]), keys)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(
            f"The secret of the check codes cannot be read: {error.strerror}: {path}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"The secret of the check codes is damaged: {path}; take it from a backup"
        ) from error


def ensure_codes(workspace: Path) -> Codes:
    """The codes of a workspace; a secret is made where there is none.

    Raises:
        StorageError: it can be neither read nor written.
    """
    return read_codes(workspace) or _written(workspace, Codes(secrets.token_hex(8), (_new_key(),)))


def renew_codes(workspace: Path, old_until: dt.date) -> Codes:
    """Make a new key; those there were hold until a day, or until theirs where that is earlier.

    Raises:
        StorageError: it can be neither read nor written.
    """
    codes = ensure_codes(workspace)
    old = tuple(Key(key.secret, min(key.until or old_until, old_until)) for key in codes.keys)
    return _written(workspace, Codes(codes.workspace, (_new_key(), *old)))


def throwaway_codes() -> Codes:
    """Codes for a rehearsal in a workspace that has no secret yet.

    Nothing that was issued proves by them.
    """
    return Codes("", (_new_key(),))


def _new_key() -> Key:
    return Key(secrets.token_bytes(_KEY_BYTES))


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _written(workspace: Path, codes: Codes) -> Codes:
    """Write the secret beside its place, then move it there: it is never half there."""
    path = workspace / SECRET
    fresh = path.with_suffix(".new")
    keys: list[dict[str, Any]] = [
        {"key": key.secret.hex(), "until": key.until.isoformat() if key.until else None}
        for key in codes.keys
    ]
    content = orjson.dumps({"workspace": codes.workspace, "keys": keys}, option=orjson.OPT_INDENT_2)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(fresh, flags, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StorageError(
            f"The secret of the check codes cannot be kept: {error.strerror}: {path}"
        ) from error
    return codes
