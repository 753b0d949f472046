"""fbbatch.yaml < environment (`FBBATCH_…`) < options, as one frozen record."""

import datetime as dt
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fbbatch.errors import InvalidSetupError
from fbbatch.model import LANGUAGES
from fbbatch.read.limits import Limits
from fbbatch.schema import Yaml, YamlProblemError, load
from fbbatch.schema.models import Severity
from fbbatch.schema.wording import DEFAULT_LANGUAGE, say, told_yaml, trouble, words
from fbbatch.words import DEFAULT_PLACEHOLDERS

SETTINGS_FILE = "fbbatch.yaml"


class _SettingsModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise trouble("time_zone", zone=name) from error
    return name


def _database(url: str) -> str:
    """An address that SQLAlchemy understands.

    Whether anybody answers there is seen when the ledger is opened.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        make_url(url).get_dialect()
    except ImportError:
        return url  # the driver is missing, which is told as such
    except (SQLAlchemyError, ValueError) as error:
        raise trouble("database") from error
    return url


def _named(text: str) -> str:
    if not text.strip():
        raise trouble("blank")
    return text


class Company(_SettingsModel):
    """What stands on every document."""

    name: Annotated[str, AfterValidator(_named)] = Field(
        description="full name, printed as the first line of every document"
    )
    service_contact: str = Field(
        default="", description="hotline or mailbox printed in letters to reporters (2.1.3b)"
    )
    form_prefix: str = Field(
        default="", description="prefix of form numbers printed on documents, e.g. QR-8.2"
    )


class Settings(_SettingsModel):
    """`fbbatch.yaml`. Paths are below the workspace."""

    company: Company
    locale: Literal["zh-Hant", "zh-Hans", "en"] = Field(
        description="language of documents and messages"
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(description="e.g. Asia/Taipei")
    run_times: list[Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]] = Field(
        default=["23:00"], description="when `fbbatch serve` runs, local time of the workspace"
    )
    daily_summary: Literal["working_days", "every_day"] = Field(
        default="working_days", description="T01: days that get a summary, also without feedback"
    )
    case_reports: list[Severity] = Field(
        default=["general", "severe"], description="severities that get a case report"
    )
    forms: list[Severity] = Field(
        default=["minor", "general", "severe"],
        description="severities whose new cases get an assignment notice",
    )
    surveys: list[Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])$")]] = Field(
        default=["01-05", "07-01"],
        description=(
            "T06: days (month-day) on which a survey begins;"
            " the first run from then on issues the questionnaire"
        ),
    )
    ledger_closed_days: int = Field(
        default=90,
        ge=0,
        le=3660,
        description="for how long closed cases stay in the tracking ledger",
    )
    retention_days: int = Field(
        default=1095,
        ge=0,
        le=36600,
        description=(
            "T19: how long after closing a case `fbbatch anonymise` leaves its personal data"
        ),
    )
    mail_forms: Literal["known", "never"] = Field(
        default="known",
        description=(
            "forms in mails: known counts those from the signer, the signer's department"
            " or the case's contact; never none"
        ),
    )
    forms_without_code_until: dt.date | None = Field(
        default=None,
        description=(
            "until this day, forms without a check code are taken"
            " that were issued before there were codes, dropped as files"
        ),
    )
    settle_seconds: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="a file younger than this is watched so long before it is taken",
    )
    placeholders: list[Annotated[str, AfterValidator(_named)]] = Field(
        default=list(DEFAULT_PLACEHOLDERS),
        description=(
            "what stands in exports where nothing was answered, in either script: blank in any"
            " column, unless the column knows it as an answer"
        ),
    )
    jobs: int = Field(default=2, ge=1, le=64, description="worker processes")
    database: Annotated[str, AfterValidator(_database)] | None = Field(
        default=None,
        description="SQLAlchemy URL of the ledger; default: .fbbatch/ledger.db (SQLite)",
    )
    limits: Limits = Field(default_factory=Limits, description="how much of one file is too much")

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's time zone."""
        return ZoneInfo(self.time_zone)


_FROM_ENVIRONMENT = ("locale", "time_zone", "jobs", "database", "settle_seconds")


def load_settings(
    workspace: Path, *, environment: Mapping[str, str] | None = None, **options: Any
) -> Settings:
    """Read the settings of a workspace.

    Args:
        workspace: the folder with fbbatch.yaml.
        environment: default: the process's.
        options: from the command line; None means not given.

    Raises:
        InvalidSetupError: with file, line and column of everything wrong.
    """
    environment = os.environ if environment is None else environment
    path = workspace / SETTINGS_FILE
    language = language_of(workspace, environment=environment)
    try:
        yaml = load(path, SETTINGS_FILE)
    except FileNotFoundError as error:
        missing = words("file.settings_missing", language, folder=workspace)
        raise InvalidSetupError([f"{SETTINGS_FILE}: {missing}"]) from error
    except YamlProblemError as error:
        raise InvalidSetupError([told_yaml(error, language)]) from error
    content: Any = yaml.content
    if content is None or isinstance(content, dict):
        content = dict(content or {})
        content |= {
            name: value
            for name in _FROM_ENVIRONMENT
            if (value := environment.get(f"FBBATCH_{name.upper()}"))
        }
        content |= {name: value for name, value in options.items() if value is not None}
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise InvalidSetupError(
            say(error, Yaml(SETTINGS_FILE, content, yaml.marks), language)
        ) from error


_LOCALE = re.compile(r"^locale:[ \t]*[\"']?(zh-Hant|zh-Hans|en)\b", re.MULTILINE)


def language_of(workspace: Path, *, environment: Mapping[str, str] | None = None) -> str:
    """The language of a workspace.

    It is told also where its fbbatch.yaml is wrong otherwise, or no YAML at all.
    """
    given = (os.environ if environment is None else environment).get("FBBATCH_LOCALE")
    if given in LANGUAGES:
        return str(given)
    try:
        text = (workspace / SETTINGS_FILE).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return DEFAULT_LANGUAGE
    found = _LOCALE.search(text)
    return found[1] if found else DEFAULT_LANGUAGE


def find_workspace(start: Path) -> Path | None:
    """The nearest folder, from `start` upward, that has an fbbatch.yaml."""
    return next(
        (folder for folder in (start, *start.parents) if (folder / SETTINGS_FILE).is_file()), None
    )
