"""`serve` and `schedule`: the nightly run."""

import datetime as dt
import logging
import signal
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from xml.sax.saxutils import escape

import click

from fbbatch.cli.common import Call, command, now
from fbbatch.errors import ExitCode, FbbatchError

_BEAT_SECONDS = 1.0


@command("serve")
def serve(call: Call) -> int:
    """Run at the times of fbbatch.yaml until told to stop.

    A missed night is made good once at the start.
    """
    import schedule as scheduling

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    settings = call.settings()
    log = _log(call.folder)
    if _has_missed(call, now(settings.zone)):
        log.info("a run was missed; making it good now")
        _attempt(call, stop, log)
    timetable = scheduling.Scheduler()
    for time in settings.run_times:
        timetable.every().day.at(time, settings.time_zone).do(_attempt, call, stop, log)
    log.info("serving; next run at %s", timetable.next_run)
    while not stop.wait(_BEAT_SECONDS):
        timetable.run_pending()
    log.info("stopped")
    return ExitCode.DONE


def _attempt(call: Call, stop: threading.Event, log: logging.Logger) -> None:
    """One run; whatever happens, the scheduler lives on. The log never holds what was dropped."""
    from fbbatch import batch

    try:
        shop = call.shop()
        moment = now(shop.settings.zone)
        result = batch.run(
            shop, moment, now=moment, progress=lambda *_: None, should_stop=stop.is_set
        )
        if result.given_up:
            log.info(
                "the unfinished run %s was given up: it had recorded nothing", result.given_up.name
            )
        counts = result.manifest["counts"]
        log.info(
            "run %s: %s",
            result.manifest["run"],
            " ".join(f"{name}={n}" for name, n in counts.items()),
        )
    except batch.InterruptedRunError as stopped:
        log.info("%s", stopped)
    except FbbatchError as error:
        log.error("no run: %s (exit code %d)", type(error).__name__, error.exit_code)
    except Exception as error:
        log.error("a bug: %s", type(error).__name__)


def _has_missed(call: Call, moment: dt.datetime) -> bool:
    """True when a run time has passed since the last run began, or that run never ended.

    False where there was no run yet.
    """
    import contextlib

    with contextlib.closing(call.shop().ledger()) as ledger:
        last, unfinished = ledger.last_run(), ledger.unfinished_run()
    if unfinished:
        return True
    if last is None:
        return False
    times = [tuple(map(int, time.split(":"))) for time in call.settings().run_times]
    slots = [
        dt.datetime.combine(
            moment.date() - dt.timedelta(days=back), dt.time(hour, minute), moment.tzinfo
        )
        for back in (0, 1)
        for hour, minute in times
    ]
    return any(last.as_of < slot <= moment for slot in slots)


def _log(folder: Path) -> logging.Logger:
    """The scheduler's log: on stderr and in .fbbatch/logs.

    A log that cannot be written never stops a run.
    """
    log = logging.getLogger("fbbatch.serve")
    log.setLevel(logging.INFO)
    shape = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    try:
        place = folder / ".fbbatch" / "logs"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        handlers.append(
            RotatingFileHandler(
                place / "serve.log", maxBytes=1_000_000, backupCount=5, encoding="utf-8"
            )
        )
    except OSError:
        click.echo(f"The log cannot be written to: {folder / '.fbbatch/logs'}", err=True)
    log.handlers = handlers
    for handler in handlers:
        handler.setFormatter(shape)
    logging.raiseExceptions = False
    return log


@click.group("schedule")
def schedule() -> None:
    """Entries for the system's own scheduler."""


@command("print")
def print_entries(call: Call) -> int:
    """Print scheduler entries for this workspace and its run times.

    They are for systemd, cron, launchd (macOS) and the Windows Task Scheduler.
    """
    settings, folder = call.settings(), call.folder
    program = (
        Path(sys.argv[0]).resolve()
        if Path(sys.argv[0]).name.startswith("fbbatch")
        else Path(sys.executable).parent / "fbbatch"
    )
    entries = {
        "systemd": _systemd(program, folder, settings.run_times, settings.time_zone),
        "cron": _cron(program, folder, settings.run_times, settings.time_zone),
        "launchd": _launchd(program, folder, settings.run_times),
        "windows": _windows(program, folder, settings.run_times),
    }
    if call.as_json:
        call.data(entries)
        return ExitCode.DONE
    for name, text in entries.items():
        click.echo(f"# === {name} ===\n{text}")
    return ExitCode.DONE


schedule.add_command(print_entries)


def _systemd(program: Path, folder: Path, times: list[str], zone: str) -> str:
    calendar = "\n".join(f"OnCalendar=*-*-* {time}:00 {zone}" for time in times)
    return f"""# /etc/systemd/system/fbbatch.service
[Unit]
Description=fbbatch: product feedback, nightly run
[Service]
Type=oneshot
# the account that owns the workspace
#User=
ExecStart="{program}" run --quiet -w "{folder}"
# 1: done, and something was returned to staff
SuccessExitStatus=1
UMask=0077

# /etc/systemd/system/fbbatch.timer
[Unit]
Description=fbbatch: when to run
[Timer]
{calendar}
# a night that was missed is made good
Persistent=true
[Install]
WantedBy=timers.target

# systemctl enable --now fbbatch.timer
"""


def _cron(program: Path, folder: Path, times: list[str], zone: str) -> str:
    lines = [
        f'{int(time[3:])} {int(time[:2])} * * * "{program}" run --quiet -w "{folder}"'
        for time in times
    ]
    note = (
        "# crontab -e   (a missed night is made good by the next run;"
        " a cron without CRON_TZ uses the system's zone)"
    )
    return f"{note}\nCRON_TZ={zone}\n" + "\n".join(lines) + "\n"


_LAUNCHD_NOTE = (
    "<!-- ~/Library/LaunchAgents/fbbatch.plist of the account that owns the workspace;"
    " the times are the machine's own.\n"
    "     launchctl load -w ~/Library/LaunchAgents/fbbatch.plist\n"
    "     What a sleeping machine has missed is made good when it wakes,"
    " a night switched off by the next run. -->"
)


def _launchd(program: Path, folder: Path, times: list[str]) -> str:
    """A plist for an account's own agents; launchd goes by the machine's own time."""
    command = "\n".join(
        f"    <string>{escape(str(part))}</string>"
        for part in (program, "run", "--quiet", "-w", folder)
    )
    slots = "\n".join(
        f"    <dict><key>Hour</key><integer>{int(time[:2])}</integer>"
        f"<key>Minute</key><integer>{int(time[3:])}</integer></dict>"
        for time in times
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
{_LAUNCHD_NOTE}
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>fbbatch</string>
  <key>ProgramArguments</key>
  <array>
{command}
  </array>
  <key>StartCalendarInterval</key>
  <array>
{slots}
  </array>
  <key>Umask</key>
  <integer>{0o077}</integer>
</dict>
</plist>
"""


def _windows(program: Path, folder: Path, times: list[str]) -> str:
    triggers = ",".join(f"(New-ScheduledTaskTrigger -Daily -At {time})" for time in times)
    return f"""# PowerShell, once
$action = New-ScheduledTaskAction -Execute '{program}' -Argument 'run --quiet -w "{folder}"'
$settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -MultipleInstances IgnoreNew
Register-ScheduledTask -TaskName fbbatch -Action $action -Trigger {triggers} -Settings $settings
"""
