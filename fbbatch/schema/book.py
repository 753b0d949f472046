"""All that a workspace's `schemas/` folder says, read once, checked, and cross-checked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from fbbatch.errors import InvalidSetupError
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
from fbbatch.schema.needs import NEEDS, Need
from fbbatch.schema.strict_yaml import Yaml, YamlPath, YamlProblemError, load
from fbbatch.schema.text import header_key
from fbbatch.words import fold

Model = TypeVar("Model", bound=BaseModel)

SINGLE_FILES: dict[str, type[BaseModel]] = {
    "vocabulary.yaml": Vocabulary,
    "rules/classification.yaml": ClassificationRules,
    "rules/assignment.yaml": AssignmentRules,
    "rules/deadlines.yaml": DeadlineRules,
    "company/organisation.yaml": Organisation,
    "company/products.yaml": Products,
    "company/calendar.yaml": CalendarModel,
}

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
        return next((schema for schema in (*self.sources, *self.forms) if schema.id == schema_id), None)

    def holders(self, role: str) -> list[Person]:
        """The people who hold a role (P01–P13), the first acting, then the deputies."""
        ids = self.organisation.roles[role].people if role in self.organisation.roles else []
        return [self._people[i] for i in ids]

    def person(self, person_id: str | None) -> Person | None:
        """The person of that id."""
        return self._people.get(person_id or "")

    def person_named(self, text: str) -> Person | None:
        """The one person whom a name, an alias or an id means; None where it is nobody, or several."""
        wanted = fold(text)
        found = [p for p in self.organisation.people if wanted in {p.id, *map(fold, (p.name, *p.aliases))}]
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

    @cached_property
    def _words(self) -> dict[tuple[str, str], Value]:
        return {(name, v.code): v for name, values in self.vocabulary.sets.items() for v in values.values}

    @cached_property
    def _departments(self) -> dict[str, Department]:
        return {department.id: department for department in self.organisation.departments}

    @cached_property
    def _people(self) -> dict[str, Person]:
        return {person.id: person for person in self.organisation.people}


def say(error: ValidationError, yaml: Yaml) -> list[str]:
    """Pydantic's errors as lines `file:line:column: what is wrong`."""
    lines = []
    for item in error.errors(include_url=False):
        path: YamlPath = tuple(
            part for part in item["loc"] if not (isinstance(part, str) and part.startswith(("function-", "list[", "constrained")))
        )
        name = ".".join(str(part) for part in path) or "the file"
        if item["type"] == "extra_forbidden":
            text = f"unknown key '{path[-1]}'"
        elif item["type"] == "missing":
            text = f"key '{path[-1]}' is missing"
        else:
            text = f"{name}: {item['msg'].removeprefix('Value error, ')}"
            if isinstance(item["input"], str | int | float | bool):
                text += f" (found: {item['input']!r})"
        lines.append(f"{yaml.where(path)}: {text}")
    return lines


def read_model(path: Path, name: str, model: type[Model], problems: list[str]) -> tuple[Model | None, Yaml | None]:
    """Read one YAML file into its model; what is wrong is appended to `problems`."""
    try:
        yaml = load(path, name)
    except FileNotFoundError:
        problems.append(f"{name}: the file is missing; `fbbatch init` lays out a complete set")
        return None, None
    except YamlProblemError as error:
        problems.append(str(error))
        return None, None
    try:
        return model.model_validate(yaml.content), yaml
    except ValidationError as error:
        problems.extend(say(error, yaml))
        return None, yaml


def load_book(folder: Path) -> Book:
    """Read and check everything below `folder` (a workspace's `schemas/`).

    Raises:
        InvalidSetupError: with every problem found, each with file, line and column.
    """
    problems: list[str] = []
    single = {name: read_model(folder / name, f"schemas/{name}", model, problems) for name, model in SINGLE_FILES.items()}
    schemas: list[tuple[SchemaModel, Yaml]] = []
    for path in sorted((*folder.glob("sources/*.yaml"), *folder.glob("forms/*.yaml"))):
        model, yaml = read_model(path, f"schemas/{path.relative_to(folder).as_posix()}", SchemaModel, problems)
        if model and yaml:
            schemas.append((model, yaml))
    if not any(model.kind == "source" for model, _ in schemas):
        problems.append("schemas/sources: no schema of a source; `fbbatch init` lays out three")
    if problems:
        raise InvalidSetupError(problems)
    book = Book(
        tuple(model for model, _ in schemas if model.kind == "source"),
        tuple(model for model, _ in schemas if model.kind == "form"),
        *(model for model, _ in single.values()),  # type: ignore[arg-type]
    )
    yamls = {name: yaml for name, (_, yaml) in single.items() if yaml}
    problems = [*_check_schemas(book, schemas), *_check_masters(book, yamls), *_check_rules(book, yamls)]
    if problems:
        raise InvalidSetupError(problems)
    return book


def _check_schemas(book: Book, schemas: list[tuple[SchemaModel, Yaml]]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for schema, yaml in schemas:
        if schema.id in seen:
            yield f"{yaml.where(('id',))}: the id '{schema.id}' is already used by {seen[schema.id]}"
        seen[schema.id] = yaml.file
        if schema.kind == "source" and not book.word("source", schema.source_code, "en"):
            yield f"{yaml.where(('source',))}: the source '{schema.source_code}' is not in vocabulary.yaml"
        for number, channel in enumerate(schema.channels):
            if ("channel", channel) not in book._words:
                yield f"{yaml.where(('channels', number))}: the channel '{channel}' is not in vocabulary.yaml"
        yield from _check_fields(book, schema, yaml)
        if schema.kind == "form":
            yield from _check_needs(book, schema, yaml)


def _check_needs(book: Book, schema: SchemaModel, yaml: Yaml) -> Iterator[str]:
    """What the closed loop needs of a form, and this one does not give."""
    places = {field.id: number for number, field in enumerate(schema.fields)}
    for need in (need for need in NEEDS if need.form == schema.id):
        if need.field not in places:
            yield f"{yaml.where(('fields',))}: the form '{schema.id}' needs the field '{need.field}': it {need.why}"
            continue
        number = places[need.field]
        for key, text in _shortfalls(book, schema.fields[number], need):
            yield f"{yaml.where(('fields', number, key))}: the field '{need.field}' of the form '{schema.id}' {text}: it {need.why}"


def _shortfalls(book: Book, field: FieldModel, need: Need) -> Iterator[tuple[str, str]]:
    """Keys by which a field falls short of a need: (key, what they must say)."""
    if field.type != need.type:
        yield "type", f"must be of the type {need.type}"
        return
    if need.required and field.required is not True:
        yield "required", "must be `required: true`"
    if need.strict and not field.strict:
        yield "strict", "must be `strict: true`"
    if field.values is None or (isinstance(field.values, str) and field.values not in book.vocabulary.sets):
        return
    codes = [value.code for value in book.values(field)]
    if missing := [code for code in need.codes if code not in codes]:
        yield "values", f"must offer the code{'s' * (len(missing) > 1)} {', '.join(missing)}"
    if need.closed and (strange := [code for code in codes if code not in need.codes]):
        yield "values", f"may not offer the code{'s' * (len(strange) > 1)} {', '.join(strange)}"


def _check_fields(book: Book, schema: SchemaModel, yaml: Yaml) -> Iterator[str]:
    owners: dict[str, tuple[str, str]] = {}
    for number, field in enumerate(schema.fields):
        if isinstance(field.values, str) and field.values not in book.vocabulary.sets:
            yield f"{yaml.where(('fields', number, 'values'))}: the set '{field.values}' is not in vocabulary.yaml"
        yield from (f"{yaml.where(('fields', number, key))}: {text}" for key, text in _misfits(book, schema, field))
        for name in dict.fromkeys((*field.label.values(), *field.aliases)):
            key = header_key(name)
            owner, first = owners.setdefault(key, (field.id, name))
            if owner != field.id:
                yield f"{yaml.where(('fields', number, 'aliases'))}: '{name}' also names the field {owner} ('{first}')"


_DATES = {"date", "datetime"}
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2})?")


def _misfits(book: Book, schema: SchemaModel, field: FieldModel) -> Iterator[tuple[str, str]]:
    """Keys that do not go with the field's type: (key, what is wrong)."""
    types = {f.id: f.type for f in schema.fields} | {"received": "date"}
    for key in ("not_after", "not_before"):
        other = getattr(field, key)
        if other and not {field.type, types[other]} <= _DATES:
            yield key, f"{key} compares dates; '{field.id}' or '{other}' is none"
    if field.type == "rating" and (wrong := [v.code for v in book.values(field) if not v.code.replace(".", "", 1).isdigit()]):
        yield "values", f"the codes of a rating are numbers; '{wrong[0]}' is none"
    if field.default is not None and not _is_of_type(book, field):
        yield "default", f"the default {field.default!r} is no {field.type}"


def _is_of_type(book: Book, field: FieldModel) -> bool:
    value = field.default
    match field.type:
        case "date" | "datetime":
            return isinstance(value, str) and bool(_ISO.fullmatch(value))
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number" | "rating":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "choice":
            return value in {v.code for v in book.values(field)}
        case "choices" | "table":
            return False
        case _:
            return isinstance(value, str)


def _check_masters(book: Book, yamls: dict[str, Yaml]) -> Iterator[str]:
    yaml = yamls["company/organisation.yaml"]
    owners: dict[str, str] = {}
    for number, department in enumerate(book.organisation.departments):
        for name in dict.fromkeys((*department.label.values(), *department.aliases)):
            if owners.setdefault(fold(name), department.id) != department.id:
                yield f"{yaml.where(('departments', number))}: '{name}' also names the department {owners[fold(name)]}"
        if department.head and not book.person(department.head):
            yield f"{yaml.where(('departments', number, 'head'))}: no person has the id '{department.head}'"
    for number, person in enumerate(book.organisation.people):
        if person.department not in book._departments:
            yield f"{yaml.where(('people', number, 'department'))}: no department has the id '{person.department}'"
    for role, holders in book.organisation.roles.items():
        for number, person_id in enumerate(holders.people):
            if not book.person(person_id):
                yield f"{yaml.where(('roles', role, 'people', number))}: no person has the id '{person_id}'"
    yaml = yamls["company/products.yaml"]
    for number, product in enumerate(book.products.products):
        if product.department and product.department not in book._departments:
            yield f"{yaml.where(('products', number, 'department'))}: no department has the id '{product.department}'"


def _check_rules(book: Book, yamls: dict[str, Yaml]) -> Iterator[str]:
    yaml = yamls["rules/classification.yaml"]
    doubled: set[str] = set()
    for number, rule in enumerate(book.classification.rules):
        if rule.id in doubled:
            yield f"{yaml.where(('rules', number, 'id'))}: the rule id '{rule.id}' again"
        doubled.add(rule.id)
        for dimension in ("kind", "type", "severity"):
            code = getattr(rule, dimension)
            if code and (dimension, code) not in book._words:
                yield f"{yaml.where(('rules', number, dimension))}: the {dimension} '{code}' is not in vocabulary.yaml"
    yaml = yamls["rules/assignment.yaml"]
    for number, assignment in enumerate(book.assignment.rules):
        named = [("lead", assignment.lead)] if assignment.lead != NOT_A_DEPARTMENT else []
        for key, department in (*named, *(("cooperating", d) for d in assignment.cooperating)):
            if department not in book._departments:
                yield f"{yaml.where(('rules', number, key))}: no department has the id '{department}'"
    for code, department in book.assignment.departments_by_type.items():
        if ("type", code) not in book._words:
            yield f"{yaml.where(('departments_by_type', code))}: the type '{code}' is not in vocabulary.yaml"
        if department not in book._departments:
            yield f"{yaml.where(('departments_by_type', code))}: no department has the id '{department}'"
    if book.assignment.rules[-1].when.model_fields_set:
        last = len(book.assignment.rules) - 1
        yield f"{yaml.where(('rules', last))}: the last rule must have no `when`, so that every case finds a department"
