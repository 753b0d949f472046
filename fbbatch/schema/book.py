"""All that a workspace's `schemas/` folder says, and how it is asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from fbbatch.schema.models import (
    AssignmentRules,
    CalendarModel,
    ClassificationRules,
    DeadlineRules,
    Department,
    FieldModel,
    Organisation,
    Person,
    Products,
    SchemaModel,
    Value,
    Vocabulary,
)
from fbbatch.schema.process import Process
from fbbatch.words import fold

NOT_A_DEPARTMENT = "product"


@dataclass(frozen=True)
class Book:
    """The rule book of a workspace; everything in it has been checked against the rest."""

    sources: tuple[SchemaModel, ...]
    forms: tuple[SchemaModel, ...]
    vocabulary: Vocabulary
    classification: ClassificationRules
    assignment: AssignmentRules
    deadlines: DeadlineRules
    organisation: Organisation
    products: Products
    calendar: CalendarModel
    processes: Mapping[str, Process]
    """By id; `case` is one of them."""

    def process_of(self, number: str) -> Process | None:
        """The process of the matter with this number; None where it is none's."""
        begin = number.partition("-")[0]
        return next(
            (one for one in self.processes.values() if one.number == begin),
            None,
        )

    @cached_property
    def numbers(self) -> re.Pattern[str]:
        """What the numbers of matters look like, of all processes."""
        begins = "|".join(sorted(process.number for process in self.processes.values()))
        return re.compile(rf"(?:{begins})-\d{{8}}-\d{{4,}}")

    def word(self, vocabulary_set: str, code: str | None, language: str) -> str:
        """The word for `code` in `language`; the code itself where the set does not know it."""
        if not code:
            return ""
        value = self._words.get((vocabulary_set, code))
        return value.label[language] if value else code

    def department(self, department_id: str | None, language: str) -> str:
        """The name of a department; `''` for None."""
        if not department_id:
            return ""
        department = self._departments.get(department_id)
        return department.label[language] if department else department_id

    def schema(self, schema_id: str) -> SchemaModel | None:
        """The schema of that id, source or form."""
        return next(
            (schema for schema in (*self.sources, *self.forms) if schema.id == schema_id),
            None,
        )

    def holders(self, role: str) -> list[Person]:
        """The people who hold a role (P01–P13), the first acting, then the deputies."""
        ids = self.organisation.roles[role].people if role in self.organisation.roles else []
        return [self._people[i] for i in ids]

    def person(self, person_id: str | None) -> Person | None:
        """The person of that id."""
        return self._people.get(person_id or "")

    def person_named(self, text: str) -> Person | None:
        """The one person whom a name, alias or id means; None where it is nobody, or several."""
        wanted = fold(text)
        found = [
            p
            for p in self.organisation.people
            if wanted in {p.id, *map(fold, (p.name, *p.aliases))}
        ]
        return found[0] if len(found) == 1 else None

    def head(self, department_id: str) -> Person | None:
        """The head of a department (P04)."""
        department = self._departments.get(department_id)
        return self._people.get(department.head or "") if department else None

    def values(self, field: FieldModel) -> list[Value]:
        """The allowed values of a choice."""
        if isinstance(field.values, str):
            return self.vocabulary.sets[field.values].values
        return field.values or []

    def knows(self, vocabulary_set: str, code: str) -> bool:
        """True when the vocabulary has the code in that set."""
        return (vocabulary_set, code) in self._words

    def has_department(self, department_id: str) -> bool:
        """True when the organisation has the department."""
        return department_id in self._departments

    @cached_property
    def _words(self) -> dict[tuple[str, str], Value]:
        return {
            (name, v.code): v
            for name, values in self.vocabulary.sets.items()
            for v in values.values
        }

    @cached_property
    def _departments(self) -> dict[str, Department]:
        return {department.id: department for department in self.organisation.departments}

    @cached_property
    def _people(self) -> dict[str, Person]:
        return {person.id: person for person in self.organisation.people}
