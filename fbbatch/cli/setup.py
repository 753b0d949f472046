"""`init`, `lint`, `doctor`: a workspace laid out, checked, and the machine under it."""

import datetime as dt
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fbbatch.cli.common import Call, command, now
from fbbatch.errors import ExitCode, InvalidSetupError, NotFoundError
from fbbatch.secret import ensure_codes
from fbbatch.wording import say
from fbbatch.words import simplified

if TYPE_CHECKING:
    from fbbatch.workspace import Workspace

LOCALES = ("zh-Hant", "zh-Hans", "en")
_PLACES = {
    "zh-Hant": ("Asia/Taipei", "TW"),
    "zh-Hans": ("Asia/Shanghai", "CN"),
    "en": ("UTC", "none"),
}
"""The time zone, and the country whose holidays are kept, of an invented company by its language."""
SOURCES = ("customer", "employee", "partner")
"""Whose feedback has a folder of its own in the inbox."""

_SETTINGS = """\
# yaml-language-server: $schema=schemas/json/settings.json
# Settings of this workspace; `fbbatch lint` checks them. Every key is explained in docs/schemas.md.

company:
  name: {company}            # the first line of every document
  form_prefix: ""             # prefix of form numbers, e.g. QR-8.2
  service_contact: ""         # hotline or mailbox printed in letters to reporters

locale: {locale}              # language of documents and messages: zh-Hant, zh-Hans, en
time_zone: {zone}
run_times: ["23:00"]          # when `fbbatch serve` runs
daily_summary: working_days   # T01: every working day gets a summary, also without feedback; or every_day
case_reports: [general, severe]  # severities that get a case report
forms: [minor, general, severe]  # severities whose new cases get an assignment notice
surveys: ["01-05", "07-01"]   # T06: days (month-day) on which a survey begins
ledger_closed_days: 90        # for how long closed cases stay in the tracking ledger
jobs: 2                       # worker processes
"""


def defaults() -> Path:
    """The folder with the schemas and templates that come with fbbatch."""
    from fbbatch.schema.shipped import shipped_folder

    return shipped_folder()


def lay_out(folder: Path, locale: str) -> None:
    """Make a complete workspace in `folder`; what is already there stays."""
    zone, country = _PLACES[locale]
    company = say("cli.company", locale)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("inbox", "outbox", "archive", ".fbbatch"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    for kind in SOURCES:
        name = say(f"cli.{kind}", locale)
        (folder / "inbox" / name).mkdir(mode=0o700, exist_ok=True)
    _write(folder / "inbox" / "README.txt", say("cli.inbox_readme", locale))
    fresh = _copy_defaults(folder)
    lists = folder / "schemas" / "company"
    if locale == "zh-Hans":
        for path in fresh & {lists / "organisation.yaml", lists / "products.yaml"}:
            _simplify(path)
    calendar = lists / "calendar.yaml"
    if calendar in fresh:
        text = calendar.read_text(encoding="utf-8")
        text = text.replace("country: TW", f"country: {country}")
        calendar.write_text(text, encoding="utf-8")
    ensure_codes(folder)
    _write(folder / "fbbatch.yaml", _SETTINGS.format(company=company, locale=locale, zone=zone))


def _copy_defaults(folder: Path) -> set[Path]:
    """Copy the schemas and templates that are not there yet; the files that were made."""
    fresh: set[Path] = set()
    for part in ("schemas", "templates"):
        for source in sorted((defaults() / part).rglob("*")):
            if not source.is_file():
                continue
            target = folder / part / source.relative_to(defaults() / part)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not target.exists():
                shutil.copyfile(source, target)
                target.chmod(0o600)
                fresh.add(target)
    return fresh


def _simplify(path: Path) -> None:
    """Names of the invented company in Simplified characters; its Traditional labels stay."""
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join(line if "zh-Hant:" in line else simplified(line) for line in lines) + "\n",
        encoding="utf-8",
    )


def _write(path: Path, text: str) -> None:
    """Write a file of the workspace, unless it is there already."""
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)


@command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--locale",
    type=click.Choice(LOCALES),
    default="zh-Hant",
    show_default=True,
    help="Language of documents and messages.",
)
def init(call: Call, folder: Path, locale: str) -> int:
    """Lay out a new workspace in FOLDER; what is already there stays."""
    lay_out(folder, locale)
    if call.as_json:
        call.data({"workspace": str(folder.resolve())})
    call.say(
        f"{folder}: ready. Put the company's name into fbbatch.yaml, drop files into {folder / 'inbox'}, then: fbbatch run -w {folder}"
    )
    return ExitCode.DONE


@command("codes")
@click.option(
    "--renew",
    is_flag=True,
    help="Make a new secret; what is issued from then on carries other codes.",
)
@click.option(
    "--old-until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="With --renew: the last day on which forms that are out now are taken (default: in 90 days).",
)
def codes(call: Call, renew: bool, old_until: dt.datetime | None) -> int:
    """Tell how long the check codes of forms hold; with --renew make a new secret for them."""
    from fbbatch import batch, secret

    if renew:
        in_90_days = now(call.settings().zone).date() + dt.timedelta(days=_OLD_CODES_DAYS)
        with batch.locked(call.folder):
            secret.renew_codes(call.folder, old_until.date() if old_until else in_90_days)
    known = secret.read_codes(call.folder)
    old = sorted(key.until for key in known.keys if key.until) if known else []
    if call.as_json:
        call.data(
            {
                "workspace": known.workspace if known else None,
                "old_until": [day.isoformat() for day in old],
            }
        )
        return ExitCode.DONE
    if known is None:
        call.say("There is no secret yet; the next run makes it.")
        return ExitCode.DONE
    call.say(f"Workspace {known.workspace}: what is issued now carries its codes.")
    for day in old:
        call.say(f"Forms with older codes are taken until {day.isoformat()}.")
    return ExitCode.DONE


_OLD_CODES_DAYS = 90


@command("lint")
def lint(call: Call) -> int:
    """Check settings, schemas, rules and templates, with file, line and column of everything wrong."""
    try:
        shop = call.shop()
    except InvalidSetupError as error:
        if call.as_json:
            call.data({"problems": error.problems})
        else:
            click.echo("\n".join(error.problems))
        return ExitCode.INVALID
    warnings = list(_warnings(shop))
    if call.as_json:
        call.data({"problems": [], "warnings": warnings})
        return ExitCode.DONE
    from fbbatch.schema.wording import words

    for warning in warnings:
        call.say(warning)
    rules = shop.book.classification.rules
    counted = {
        "sources": len(shop.book.sources),
        "forms": len(shop.book.forms),
        "rules": len(rules),
    }
    call.say(
        words(
            "lint.sound",
            shop.settings.locale,
            words=sum(len(rule.words) for rule in rules),
            **counted,
        )
    )
    return ExitCode.DONE


def _warnings(shop: "Workspace") -> Iterator[str]:
    """What a run does not stumble over, but somebody should mend; each with its place."""
    from fbbatch import findings
    from fbbatch.schema import load
    from fbbatch.schema.soundness import vacancies

    name = "schemas/company/organisation.yaml"
    yaml = load(shop.folder / name, name)
    for code, role in vacancies(shop.book):
        message = findings.message(findings.finding(code, role=role), shop.settings.locale)
        yield f"{yaml.where(('roles', role))}: {message}"


@command("doctor")
def doctor(call: Call) -> int:
    """Check the machine, the installation and the workspace."""
    results = [(name, *test()) for name, test in _CHECKS.items()]
    try:
        folder = call.folder
    except NotFoundError as error:
        results.append(("workspace", None, str(error)))
    else:
        results += list(_workspace(call, folder))
    if call.as_json:
        call.data([{"check": name, "ok": ok, "text": text} for name, ok, text in results])
    for name, ok, text in results:
        call.say(f"{_SIGNS[ok]} {name:14}{text}")
    failed = [name for name, ok, _ in results if ok is False]
    if not failed:
        return ExitCode.DONE
    if any(name in _CHECKS for name in failed):
        return ExitCode.MISSING_COMPONENT
    return ExitCode.INVALID


_SIGNS = {True: "✓", None: "–", False: "✗"}
"""What stands before a check that holds, that is only told, that fails."""


def _python() -> tuple[bool, str]:
    """Whether Python is new enough."""
    return sys.version_info >= (3, 11), ".".join(map(str, sys.version_info[:3]))


def _packages() -> tuple[bool, str]:
    """Whether every package that is needed on every machine is there."""
    missing = []
    for requirement in requires("fbbatch") or []:
        if ";" in requirement:
            continue
        name = "".join(
            c for c in requirement.split(">")[0].split("[")[0] if c.isalnum() or c in "-_."
        ).strip()
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    return not missing, f"missing: {', '.join(missing)}" if missing else "all there"


def _fonts() -> tuple[bool, str]:
    """Whether the fonts for PDF have the characters of both scripts."""
    from fbbatch.render.fonts import face

    known = len(face("zh-Hant").known & face("zh-Hans", bold=False).known)
    return known > 20_000, f"{known:,} characters in both scripts"


def _limits() -> tuple[bool | None, str]:
    """Which limits of workers hold on this machine."""
    from fbbatch.workers import held_limits

    named = {"memory": "memory", "time": "processor time"}
    held = held_limits()
    lacking = [named[name] for name, holds in held.items() if not holds]
    holding = [*(named[name] for name, holds in held.items() if holds), "waiting time"]
    if not lacking:
        return True, f"tried, and they hold: {', '.join(holding)} of workers"
    return (
        None,
        f"this system does not limit a worker's {' and '.join(lacking)}; what holds: {', '.join(holding)}",
    )


def _outlook() -> tuple[bool | None, str]:
    """Whether Outlook's own files can be read."""
    if find_spec("olefile"):
        return True, "mails of Outlook (.msg) can be read"
    return None, "mails of Outlook (.msg) cannot be read: optional, pip install 'fbbatch[msg]'"


_CHECKS: dict[str, Callable[[], tuple[bool | None, str]]] = {
    "python": _python,
    "packages": _packages,
    "fonts": _fonts,
    "worker limits": _limits,
    "Outlook mails": _outlook,
}


def _workspace(call: Call, folder: Path) -> Iterator[tuple[str, bool | None, str]]:
    yield "workspace", True, str(folder)
    try:
        shop = call.shop()
        yield "set-up", True, f"{len(shop.book.sources)} sources, language {shop.settings.locale}"
    except InvalidSetupError as error:
        yield "set-up", False, f"{len(error.problems)} problems; `fbbatch lint` lists them"
    for name in ("inbox", "outbox", "archive", ".fbbatch"):
        place = folder / name
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            probe = place / ".fbbatch-probe"
            probe.touch(mode=0o600)
            probe.unlink()
            yield name, True, "can be written to"
        except OSError as error:
            yield name, False, f"cannot be written to: {error.strerror}"
    free = shutil.disk_usage(folder).free
    yield "disk", free > 1_000_000_000, f"{free / 1e9:.1f} GB free"
