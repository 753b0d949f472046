"""`fbbatch serve` as a process of its own: a missed night, an exception, and the signal to stop."""

import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fbbatch.cli import serve
from fbbatch.cli.common import Call
from tests.builders import run, workspace


def _serve(place: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "fbbatch", "serve", "-w", str(place)],
        stderr=subprocess.PIPE,
        text=True,
    )


def _told(place: Path, words: str, seconds: float = 40) -> str:
    """The log, as soon as it has the words."""
    log, end = place / ".fbbatch" / "logs" / "serve.log", time.monotonic() + seconds
    while time.monotonic() < end:
        if log.exists() and words in (text := log.read_text(encoding="utf-8")):
            return text
        time.sleep(0.1)
    return log.read_text(encoding="utf-8") if log.exists() else ""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="ends the scheduler by a signal")
@pytest.mark.parametrize("broken", [False, True])
def test_a_missed_night_is_made_good_once_and_nothing_but_the_signal_ends_it(
    tmp_path: Path, broken: bool
) -> None:
    place = workspace(tmp_path)
    run(place, (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)).isoformat())
    before = {folder.name for folder in (place / "outbox").iterdir()}
    if broken:
        (place / "templates" / "facts.yaml").write_text("facts: [", encoding="utf-8")
        (place / "schemas" / "vocabulary.yaml").rename(place / "schemas" / "vocabulary.off")
    server = _serve(place)
    try:
        if broken:
            assert server.wait(40) == 3  # what cannot be read at the start is told at once
            return
        assert "a run was missed" in _told(place, "serving")
        assert len({folder.name for folder in (place / "outbox").iterdir()} - before) == 1
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        assert "stopped" in _told(place, "stopped")
    finally:
        server.kill()
        server.communicate()


def test_trouble_in_a_run_never_ends_the_scheduler_and_its_log_names_no_data(
    tmp_path: Path,
) -> None:
    place = workspace(tmp_path)
    call, log = Call(place, as_json=False, quiet=True, verbose=False), serve._log(place)
    _attempt_with(place, call, log, "schemas/vocabulary.yaml", "sets: [")
    told = (place / ".fbbatch" / "logs" / "serve.log").read_text(encoding="utf-8")
    assert "no run: InvalidSetupError (exit code 3)" in told


def _attempt_with(place: Path, call: Call, log: logging.Logger, name: str, content: str) -> None:
    (place / name).write_text(content, encoding="utf-8")
    serve._attempt(call, threading.Event(), log)
    for handler in log.handlers:
        handler.close()
    log.handlers = []
