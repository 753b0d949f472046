"""What a workspace's files say about each other: names that point nowhere, or to two things.

Also what a run needs. Each file has been checked by itself before. Every function gives the
problems it finds, in the order of the files.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from fbbatch.schema.book import NOT_A_DEPARTMENT, Book
from fbbatch.schema.models import EDITORS, FieldModel, SchemaModel, Value
from fbbatch.schema.needs import NEEDS, Need
from fbbatch.schema.process_check import process_troubles
from fbbatch.schema.strict_yaml import Yaml, YamlPath
from fbbatch.schema.text import header_key
from fbbatch.schema.wording import Phrase, Problem
from fbbatch.words import fold

Schemas = Sequence[tuple[SchemaModel, Yaml]]

ROLES = tuple(f"P{number:02d}" for number in range(1, 14))
"""The roles of the regulation."""

OF_THE_CASE = frozenset({"P05", "P06", "P09", "P10"})
"""Roles that depend on the case; whoever is named for them need have no deputy."""

_SETS = (
    "source",
    "channel",
    "kind",
    "type",
    "severity",
    "state",
    "priority",
    "reply",
    "outcome",
    "verification",
    "yes_no",
    "file_outcome",
    "finding_severity",
    "document",
)
"""The sets of codes that documents print."""

_CODES = {"kind": ("problem",), "severity": ("minor", "general", "severe"), "yes_no": ("yes", "no")}
"""Codes that the program itself speaks of."""

_TYPES = {"description": ("text",), "reported_at": ("date", "datetime")}
"""What the fields must be that the rules judge and by which cases are compared."""

_DATES = {"date", "datetime"}
_NUMBERS = {"integer", "number", "rating"}
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2})?")


class _Place(NamedTuple):
    """A key of a file that names something."""

    yaml: Yaml
    path: YamlPath

    def problem(self, code: str, /, **details: object) -> Problem:
        """What is wrong there: a sentence of the group `setup`, and what is filled in."""
        return Problem(self.yaml, self.path, f"setup.{code}", details)


def unsound(book: Book, schemas: Schemas, yamls: Mapping[str, Yaml]) -> Iterator[Problem]:
    """Everything that a run would stumble over, or that could be read in two ways.

    Args:
        book: what the files say.
        schemas: each schema with its file.
        yamls: the other files, by their names below `schemas/`.
    """
    yield from _in_schemas(book, schemas)
    yield from _in_vocabulary(book, yamls["vocabulary.yaml"])
    yield from _in_organisation(book, yamls["company/organisation.yaml"])
    yield from _in_products(book, yamls["company/products.yaml"])
    yield from _in_calendar(book, yamls["company/calendar.yaml"])
    yield from _in_classification(book, yamls["rules/classification.yaml"])
    yield from _in_assignment(book, yamls["rules/assignment.yaml"])
    yield from _in_deadlines(book, yamls["rules/deadlines.yaml"])
    yield from process_troubles(book, yamls["processes/case.yaml"])


def vacancies(book: Book) -> Iterator[tuple[str, str]]:
    """Roles that nobody holds, and roles of the whole company without a deputy. Source: 4.9.

    Each is (code of the finding, role).
    """
    for role in ROLES:
        n_holders = len(book.holders(role))
        if n_holders == 0:
            yield "FB-role-vacant", role
        elif n_holders == 1 and role not in OF_THE_CASE:
            yield "FB-deputy-missing", role


def _twice(places: Iterable[tuple[str, _Place]], what: str) -> Iterator[Problem]:
    """Each name that stands a second time, with the line of the first."""
    first: dict[str, str] = {}
    for name, place in places:
        if name in first:
            yield place.problem(
                "line_twice", what=Phrase(f"thing.{what}"), id=name, line=first[name]
            )
        else:
            first[name] = place.yaml.where(place.path).split(":")[-2]


def _claimed_twice(names: Iterable[tuple[str, str, str, _Place]], what: str) -> Iterator[Problem]:
    """Names, as they are compared, that two owners claim.

    Args:
        names: of each name how it is written, its owner's id, how the owner is called, and where it
            stands.
        what: a word of the group `thing`.
    """
    owners: dict[str, tuple[str, str]] = {}
    for name, owner, called, place in names:
        first, first_called = owners.setdefault(fold(name), (owner, called))
        if first != owner:
            yield place.problem(
                "name_twice", what=Phrase(f"thing.{what}"), name=name, other=first_called
            )


# --- sources and forms ----------------------------------------------------------------


def _in_schemas(book: Book, schemas: Schemas) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for schema, yaml in schemas:
        if schema.id in seen:
            yield _Place(yaml, ("id",)).problem("id_twice", id=schema.id, other=seen[schema.id])
        seen[schema.id] = yaml.file
        if schema.kind == "source" and not book.knows("source", schema.source_code):
            yield _Place(yaml, ("source",)).problem("source", code=schema.source_code)
        for number, channel in enumerate(schema.channels):
            if not book.knows("channel", channel):
                yield _Place(yaml, ("channels", number)).problem("channel", code=channel)
        yield from _fields(book, schema, schema.fields, _Place(yaml, ("fields",)))
        yield from (
            _needs(book, schema, yaml) if schema.kind == "form" else _source_needs(schema, yaml)
        )
    yield from _folders(schemas)


def _folders(schemas: Schemas) -> Iterator[Problem]:
    """Inbox folders that two sources claim."""
    owners: dict[str, SchemaModel] = {}
    sources = [(schema, yaml) for schema, yaml in schemas if schema.kind == "source"]
    for schema, _ in sources:
        owners.setdefault(header_key(schema.id), schema)
    for schema, yaml in sources:
        for number, folder in enumerate(schema.folders):
            owner = owners.setdefault(header_key(folder), schema)
            if owner.id != schema.id:
                yield _Place(yaml, ("folders", number)).problem(
                    "folder_twice", folder=folder, other=owner.id
                )


def _source_needs(schema: SchemaModel, yaml: Yaml) -> Iterator[Problem]:
    """What a run needs of every source."""
    why = Phrase("source_need.description")
    if "description" not in {field.id for field in schema.fields}:
        yield _Place(yaml, ("fields",)).problem("field_missing", field="description", why=why)
    for number, field in enumerate(schema.fields):
        types = _TYPES.get(field.id)
        if types and field.type not in types:
            place = _Place(yaml, ("fields", number, "type"))
            yield place.problem(
                "field_type", field=field.id, type=types[0], why=Phrase(f"source_need.{field.id}")
            )


def _needs(book: Book, schema: SchemaModel, yaml: Yaml) -> Iterator[Problem]:
    """What the closed loop needs of a form, and this one does not give."""
    places = {field.id: number for number, field in enumerate(schema.fields)}
    for need in (need for need in NEEDS if need.form == schema.id):
        details = {
            "form": schema.id,
            "field": need.field,
            "why": Phrase(f"need.{need.form}.{need.field}"),
        }
        if need.field not in places:
            yield _Place(yaml, ("fields",)).problem("needs_field", **details)
            continue
        number = places[need.field]
        for key, must in _shortfalls(book, schema.fields[number], need):
            yield _Place(yaml, ("fields", number, key)).problem("needs", must=must, **details)


def _shortfalls(book: Book, field: FieldModel, need: Need) -> Iterator[tuple[str, Phrase]]:
    """Keys by which a field falls short of a need: (key, what they must say)."""
    if field.type != need.type:
        yield "type", Phrase("setup.must_type", {"type": need.type})
        return
    if need.required and field.required is not True:
        yield "required", Phrase("setup.must_required")
    if need.strict and not field.strict:
        yield "strict", Phrase("setup.must_strict")
    if field.values is None or (
        isinstance(field.values, str) and field.values not in book.vocabulary.sets
    ):
        return
    codes = [value.code for value in book.values(field)]
    if missing := [code for code in need.codes if code not in codes]:
        yield "values", Phrase("setup.must_offer", {"codes": ", ".join(missing)})
    if need.closed and (strange := [code for code in codes if code not in need.codes]):
        yield "values", Phrase("setup.may_not_offer", {"codes": ", ".join(strange)})


def _fields(
    book: Book, schema: SchemaModel, fields: Sequence[FieldModel], place: _Place
) -> Iterator[Problem]:
    """The fields of a schema, or the columns of one of its tables."""
    owners: dict[str, tuple[str, str]] = {}
    types = {field.id: field.type for field in schema.fields} | {"received": "date"}
    for number, field in enumerate(fields):
        path = (*place.path, number)
        yield from _field(book, field, _Place(place.yaml, path), types)
        yield from _fields(book, schema, field.fields, _Place(place.yaml, (*path, "fields")))
        for name in dict.fromkeys((*field.label.values(), *field.aliases)):
            owner, first = owners.setdefault(header_key(name), (field.id, name))
            if owner != field.id:
                yield _Place(place.yaml, (*path, "aliases")).problem(
                    "field_twice", name=name, other=owner, first=first
                )
    columns = [
        (str(field.id), _Place(place.yaml, (*place.path, number, "id")))
        for number, field in enumerate(fields)
    ]
    yield from _twice(columns, "code") if len(place.path) > 1 else ()


def _field(
    book: Book, field: FieldModel, place: _Place, types: Mapping[str, str]
) -> Iterator[Problem]:
    """Keys of one field that name nothing, or do not go with its type."""
    at = {
        key: _Place(place.yaml, (*place.path, key))
        for key in ("values", "default", "not_after", "not_before", "editable_by")
    }
    for key, other in (("not_after", field.not_after), ("not_before", field.not_before)):
        if other and not {field.type, types.get(other)} <= _DATES:
            yield at[key].problem("no_date", key=key, field=field.id, other=other)
    for role in field.editable_by:
        if role not in ROLES and role not in EDITORS:
            yield at["editable_by"].problem("editor", role=role)
    if isinstance(field.values, str) and field.values not in book.vocabulary.sets:
        yield at["values"].problem("set", set=field.values)
        return
    if isinstance(field.values, list):
        yield from _values(field.values, at["values"])
    if field.type in _NUMBERS and (
        wrong := [v.code for v in book.values(field) if not v.code.replace(".", "", 1).isdecimal()]
    ):
        yield at["values"].problem("rating", code=wrong[0])
    if field.default is not None and not _is_of_type(book, field):
        yield at["default"].problem("default", default=field.default, type=field.type)


def _values(values: Sequence[Value], place: _Place) -> Iterator[Problem]:
    """Codes and names of a list of choices that stand for two of them."""
    placed = [
        (value, _Place(place.yaml, (*place.path, number))) for number, value in enumerate(values)
    ]
    yield from _twice(((value.code, at) for value, at in placed), "code")
    named = [
        (value, at, name)
        for value, at in placed
        for name in (value.code, *value.label.values(), *value.aliases)
    ]
    yield from _claimed_twice(
        ((name, value.code, value.code, at) for value, at, name in named), "code"
    )


def _is_of_type(book: Book, field: FieldModel) -> bool:
    value = field.default
    match field.type:
        case "date" | "datetime":
            return isinstance(value, str) and _is_day(value)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number" | "rating":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "choice":
            return value in {v.code for v in book.values(field)}
        case "department":
            return isinstance(value, str) and book.has_department(value)
        case "person":
            return isinstance(value, str) and book.person(value) is not None
        case "choices" | "table":
            return False
        case _:
            return isinstance(value, str)


def _is_day(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return bool(_ISO.fullmatch(text))


# --- vocabulary and masters -----------------------------------------------------------


def _in_vocabulary(book: Book, yaml: Yaml) -> Iterator[Problem]:
    for name, values in book.vocabulary.sets.items():
        yield from _values(values.values, _Place(yaml, ("sets", name, "values")))
    for name in _SETS:
        if name not in book.vocabulary.sets:
            yield _Place(yaml, ("sets",)).problem("set_missing", set=name)
            continue
        for code in _CODES.get(name, ()):
            if not book.knows(name, code):
                yield _Place(yaml, ("sets", name)).problem("code_missing", set=name, code=code)


def _in_organisation(book: Book, yaml: Yaml) -> Iterator[Problem]:
    organisation = book.organisation
    departments = [
        (one, _Place(yaml, ("departments", n))) for n, one in enumerate(organisation.departments)
    ]
    yield from _twice(((one.id, at) for one, at in departments), "department")
    named = [
        (one, at, name)
        for one, at in departments
        for name in (one.id, *one.label.values(), *one.aliases)
    ]
    yield from _claimed_twice(((name, one.id, one.id, at) for one, at, name in named), "department")
    for number, department in enumerate(organisation.departments):
        if department.head and not book.person(department.head):
            yield _Place(yaml, ("departments", number, "head")).problem(
                "person", id=department.head
            )
        for nth, deputy in enumerate(department.deputies):
            if not book.person(deputy):
                yield _Place(yaml, ("departments", number, "deputies", nth)).problem(
                    "person", id=deputy
                )
    people = [(one, _Place(yaml, ("people", n))) for n, one in enumerate(organisation.people)]
    yield from _twice(((one.id, at) for one, at in people), "person")
    called = [(one, at, name) for one, at in people for name in (one.id, one.name, *one.aliases)]
    yield from _claimed_twice(((name, one.id, one.id, at) for one, at, name in called), "person")
    for number, person in enumerate(organisation.people):
        if not book.has_department(person.department):
            yield _Place(yaml, ("people", number, "department")).problem(
                "department", id=person.department
            )
    for role, holders in organisation.roles.items():
        if role not in ROLES:
            yield _Place(yaml, ("roles", role)).problem("role", role=role)
        for number, person_id in enumerate(holders.people):
            if not book.person(person_id):
                yield _Place(yaml, ("roles", role, "people", number)).problem(
                    "person", id=person_id
                )
        places = (
            (person_id, _Place(yaml, ("roles", role, "people", n)))
            for n, person_id in enumerate(holders.people)
        )
        yield from _twice(places, "holder")


def _in_products(book: Book, yaml: Yaml) -> Iterator[Problem]:
    products = [
        (one, _Place(yaml, ("products", n))) for n, one in enumerate(book.products.products)
    ]
    yield from _twice(((one.name, at) for one, at in products), "product")
    named = [(one, at, name) for one, at in products for name in (one.name, *one.aliases)]
    yield from _claimed_twice(
        ((name, one.name, one.name, at) for one, at, name in named), "product"
    )
    for number, product in enumerate(book.products.products):
        if product.department and not book.has_department(product.department):
            yield _Place(yaml, ("products", number, "department")).problem(
                "department", id=product.department
            )


def _in_calendar(book: Book, yaml: Yaml) -> Iterator[Problem]:
    for key, days in (
        ("holidays", book.calendar.holidays),
        ("working_days", book.calendar.working_days),
    ):
        yield from _twice(
            ((day.date, _Place(yaml, (key, n, "date"))) for n, day in enumerate(days)), "day"
        )


# --- rules ----------------------------------------------------------------------------


def _in_classification(book: Book, yaml: Yaml) -> Iterator[Problem]:
    rules = book.classification
    fields = {field.id for schema in book.sources for field in schema.fields}
    yield from _twice(
        ((rule.id, _Place(yaml, ("rules", n, "id"))) for n, rule in enumerate(rules.rules)), "rule"
    )
    for number, rule in enumerate(rules.rules):
        for dimension in ("kind", "type", "severity"):
            code = getattr(rule, dimension)
            if code and not book.knows(dimension, code):
                yield _Place(yaml, ("rules", number, dimension)).problem(
                    "code", set=dimension, code=code
                )
        for place, name in enumerate(rule.fields):
            if name not in fields:
                yield _Place(yaml, ("rules", number, "fields", place)).problem(
                    "product_field", field=name
                )
    for place, name in enumerate(rules.texts):
        if name not in fields:
            yield _Place(yaml, ("texts", place)).problem("product_field", field=name)
    yield from _codes(book, yaml, ("default_kind",), "kind", [rules.default_kind])
    yield from _codes(book, yaml, ("default_severity",), "severity", [rules.default_severity])
    for key, of, values, to in (
        ("severity_by_kind", "kind", rules.severity_by_kind, "severity"),
        ("severity_by_type", "type", rules.severity_by_type, "severity"),
        ("type_by_kind", "kind", rules.type_by_kind, "type"),
    ):
        for code, value in values.items():
            yield from _codes(book, yaml, (key, code), of, [code])
            yield from _codes(book, yaml, (key, code), to, [value])


def _codes(
    book: Book, yaml: Yaml, path: YamlPath, of: str, codes: Iterable[str]
) -> Iterator[Problem]:
    """Codes that a set of the vocabulary does not have."""
    for code in codes:
        if not book.knows(of, code):
            yield _Place(yaml, path).problem("code", set=of, code=code)


def _in_assignment(book: Book, yaml: Yaml) -> Iterator[Problem]:
    rules = book.assignment.rules
    yield from _twice(
        ((rule.id, _Place(yaml, ("rules", n, "id"))) for n, rule in enumerate(rules)), "rule"
    )
    for number, rule in enumerate(rules):
        named = [("lead", rule.lead)] if rule.lead != NOT_A_DEPARTMENT else []
        for key, department in (*named, *(("cooperating", d) for d in rule.cooperating)):
            if not book.has_department(department):
                yield _Place(yaml, ("rules", number, key)).problem("department", id=department)
        for of in ("source", "kind", "type", "severity"):
            yield from _codes(book, yaml, ("rules", number, "when", of), of, getattr(rule.when, of))
    for code, department in book.assignment.departments_by_type.items():
        place = _Place(yaml, ("departments_by_type", code))
        yield from _codes(book, yaml, place.path, "type", [code])
        if not book.has_department(department):
            yield place.problem("department", id=department)
    if rules[-1].when.model_fields_set:
        yield _Place(yaml, ("rules", len(rules) - 1)).problem("last_rule")
    yield from _in_escalation(book, yaml)


def _in_escalation(book: Book, yaml: Yaml) -> Iterator[Problem]:
    rules = book.assignment.escalation
    yield from _twice(
        ((rule.id, _Place(yaml, ("escalation", n, "id"))) for n, rule in enumerate(rules)), "rule"
    )
    for number, rule in enumerate(rules):
        yield from _codes(book, yaml, ("escalation", number, "severity"), "severity", rule.severity)
        yield from _codes(
            book, yaml, ("escalation", number, "only_severity"), "severity", rule.only_severity
        )
        for role in rule.to:
            if role not in ROLES:
                yield _Place(yaml, ("escalation", number, "to")).problem("role", role=role)


def _in_deadlines(book: Book, yaml: Yaml) -> Iterator[Problem]:
    deadlines = book.deadlines.deadlines
    yield from _twice(
        ((one.id, _Place(yaml, ("deadlines", n, "id"))) for n, one in enumerate(deadlines)),
        "deadline",
    )
    for number, one in enumerate(deadlines):
        for key, periods in (("working_days", one.working_days), ("hours", one.hours)):
            for severity in periods:
                if severity != "all" and not book.knows("severity", severity):
                    place = _Place(yaml, ("deadlines", number, key, severity))
                    yield place.problem("severity", code=severity)
