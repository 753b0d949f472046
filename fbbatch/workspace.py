"""A workspace, read and checked: all that a run needs but the time."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from fbbatch.codes import Codes
from fbbatch.documents import Templates, load_templates, printed_lines
from fbbatch.documents.case import Office
from fbbatch.documents.facts import Teller
from fbbatch.ledger import Ledger
from fbbatch.model import Case, Facts
from fbbatch.schema import Book, load_book
from fbbatch.secret import ensure_codes, read_codes, throwaway_codes
from fbbatch.settings import Settings


class Papers(NamedTuple):
    """The severities of a source's cases that get a case report, or an assignment notice."""

    reports: Sequence[str]
    forms: Sequence[str]


@dataclass(frozen=True)
class Workspace:
    """A workspace, read and checked: all that a run needs but the time."""

    folder: Path
    settings: Settings
    book: Book
    templates: Templates

    @property
    def office(self) -> Office:
        """Who writes the documents."""
        company = self.settings.company
        return Office(
            company.name,
            company.form_prefix,
            Teller(self.book, self.settings.locale, self.templates.facts),
            company.service_contact,
        )

    def papers_of(self, facts: Facts) -> Papers:
        """Which papers a case gets: as the schema says by which it came, else the settings."""
        schema = self.book.schema(facts.schema) if isinstance(facts, Case) else None
        reports = schema.case_reports if schema else None
        forms = schema.forms if schema else None
        return Papers(
            _severities(self.settings.case_reports if reports is None else reports),
            _severities(self.settings.forms if forms is None else forms),
        )

    @cached_property
    def printed(self) -> frozenset[str]:
        """What our blank forms print outside their blanks."""
        return printed_lines(self.book, templates=self.templates, date=dt.date.min)

    @property
    def ledger_file(self) -> Path:
        """Where the ledger is, unless the settings name a database."""
        return self.folder / ".fbbatch" / "ledger.db"

    @cached_property
    def fact_labels(self) -> dict[str, frozenset[str]]:
        """Beside which words forms print the product, the reporter and the description.

        The words are of any language.
        """
        names = {
            "product": ("product", "product_and_model"),
            "reporter": ("reporter",),
            "description": ("description", "problem_summary"),
        }
        fields = [field for schema in self.book.sources for field in schema.fields]
        found = {}
        for answer, facts in names.items():
            labels = [self.templates.facts[name] for name in facts if name in self.templates.facts]
            labels += [field.label for field in fields if field.id == answer]
            found[answer] = frozenset(word for label in labels for word in label.values())
        return found

    @cached_property
    def codes(self) -> Codes:
        """The check codes of the workspace.

        Of one that has no secret yet, codes that nothing proves by.
        """
        return read_codes(self.folder) or throwaway_codes()

    def with_secret(self) -> None:
        """Make the secret of the check codes where there is none.

        The first run after an upgrade does so.
        """
        ensure_codes(self.folder)

    def ledger(self) -> Ledger:
        """The workspace's ledger, opened."""
        return Ledger(self.settings.database or self.ledger_file)


def open_workspace(folder: Path, settings: Settings) -> Workspace:
    """Read and check the workspace.

    Raises:
        InvalidSetupError: nothing has been touched.
    """
    book = load_book(folder / "schemas", settings.locale)
    return Workspace(
        folder, settings, book, load_templates(folder / "templates", book, settings.locale)
    )


def _severities(named: Sequence[str] | Literal["none"]) -> Sequence[str]:
    return () if named == "none" else named
