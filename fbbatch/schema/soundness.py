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
from fbbatch.schema.needs import NEEDS, NeededField
from fbbatch.schema.process_check import process_troubles
from fbbatch.schema.strict_yaml import Yaml, YamlPath
from fbbatch.schema.text import header_key, is_number
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

    def at(self, *keys: str | int) -> "_Place":
        """A place within this one."""
        return _Place(self.yaml, (*self.path, *keys))

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
    for name, yaml in yamls.items():
        if name.startswith("processes/"):
            yield from process_troubles(book, book.processes[yaml.content["id"]], yaml)


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
                "line_twice",
                what=Phrase(f"thing.{what}"),
                id=name,
                line=first[name],
            )
        else:
            first[name] = place.yaml.where(place.path).split(":")[-2]


def _ids_twice(ids: Iterable[str], place: _Place, what: str) -> Iterator[Problem]:
    """Each id, in a list of things that have one, that stands there a second time."""
    placed = ((id_, place.at(number, "id")) for number, id_ in enumerate(ids))
    yield from _twice(placed, what)


def _claimed_twice(names: Iterable[tuple[str, str, _Place]], what: str) -> Iterator[Problem]:
    """Names, as they are compared, that two owners claim.

    Args:
        names: of each name how it is written, its owner's id, and where it stands.
        what: a word of the group `thing`.
    """
    owners: dict[str, str] = {}
    for name, owner, place in names:
        first = owners.setdefault(fold(name), owner)
        if first != owner:
            yield place.problem(
                "name_twice",
                what=Phrase(f"thing.{what}"),
                name=name,
                other=first,
            )


def _ambiguous(
    entries: Iterable[tuple[str, Iterable[str], _Place]], what: str
) -> Iterator[Problem]:
    """Entries of a list whose id, or one of whose names, is another one's.

    Args:
        entries: of each its id, its other names, and where it stands.
        what: a word of the group `thing`.
    """
    listed = list(entries)
    yield from _twice(((id_, at) for id_, _, at in listed), what)
    claims = ((name, id_, at) for id_, names, at in listed for name in (id_, *names))
    yield from _claimed_twice(claims, what)


# --- sources and forms ----------------------------------------------------------------


def _in_schemas(book: Book, schemas: Schemas) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for schema, yaml in schemas:
        place = _Place(yaml, ())
        if schema.id in seen:
            yield place.at("id").problem("id_twice", id=schema.id, other=seen[schema.id])
        seen[schema.id] = yaml.file
        if schema.kind == "source" and not book.knows("source", schema.source_code):
            yield place.at("source").problem("source", code=schema.source_code)
        for number, channel in enumerate(schema.channels):
            if not book.knows("channel", channel):
                yield place.at("channels", number).problem("channel", code=channel)
        yield from _fields(book, schema, schema.fields, place.at("fields"))
        if schema.kind == "form":
            yield from _needs(book, schema, yaml)
        else:
            yield from _source_needs(schema, yaml)
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
    place = _Place(yaml, ("fields",))
    if "description" not in {field.id for field in schema.fields}:
        yield place.problem("field_missing", field="description", why=why)
    for number, field in enumerate(schema.fields):
        types = _TYPES.get(field.id)
        if types and field.type not in types:
            yield place.at(number, "type").problem(
                "field_type",
                field=field.id,
                type=types[0],
                why=Phrase(f"source_need.{field.id}"),
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


def _shortfalls(book: Book, field: FieldModel, need: NeededField) -> Iterator[tuple[str, Phrase]]:
    """Keys by which a field falls short of a need: (key, what they must say)."""
    if field.type != need.type:
        yield "type", Phrase("setup.must_type", {"type": need.type})
        return
    if need.required and field.required is not True:
        yield "required", Phrase("setup.must_required")
    if need.strict and not field.strict:
        yield "strict", Phrase("setup.must_strict")
    if field.values is not None and not _names_no_set(book, field):
        yield from _wrong_codes([value.code for value in book.values(field)], need)


def _wrong_codes(codes: Sequence[str], need: NeededField) -> Iterator[tuple[str, Phrase]]:
    """What a list of choices lacks, and what it may not offer."""
    missing = [code for code in need.codes if code not in codes]
    if missing:
        yield "values", Phrase("setup.must_offer", {"codes": ", ".join(missing)})
    strange = [code for code in codes if code not in need.codes]
    if need.closed and strange:
        yield "values", Phrase("setup.may_not_offer", {"codes": ", ".join(strange)})


def _names_no_set(book: Book, field: FieldModel) -> bool:
    """True for a field whose choices are a set that the vocabulary does not have."""
    return isinstance(field.values, str) and field.values not in book.vocabulary.sets


def _fields(
    book: Book, schema: SchemaModel, fields: Sequence[FieldModel], place: _Place
) -> Iterator[Problem]:
    """The fields of a schema, or the columns of one of its tables."""
    owners: dict[str, tuple[str, str]] = {}
    types = {field.id: field.type for field in schema.fields} | {"received": "date"}
    for number, field in enumerate(fields):
        at = place.at(number)
        yield from _field(book, field, at, types)
        yield from _fields(book, schema, field.fields, at.at("fields"))
        for name in dict.fromkeys((*field.label.values(), *field.aliases)):
            key = header_key(name)
            if field.nth:
                key = f"{key} {field.nth}"
            owner, first = owners.setdefault(key, (field.id, name))
            if owner != field.id:
                yield at.at("aliases").problem("field_twice", name=name, other=owner, first=first)
    is_table = len(place.path) > 1
    if is_table:
        yield from _ids_twice([str(field.id) for field in fields], place, "code")


def _field(
    book: Book, field: FieldModel, place: _Place, types: Mapping[str, str]
) -> Iterator[Problem]:
    """Keys of one field that name nothing, or do not go with its type."""
    for key, other in (("not_after", field.not_after), ("not_before", field.not_before)):
        if other and not {field.type, types.get(other)} <= _DATES:
            yield place.at(key).problem("no_date", key=key, field=field.id, other=other)
    for role in field.editable_by:
        if role not in ROLES and role not in EDITORS:
            yield place.at("editable_by").problem("editor", role=role)
    if _names_no_set(book, field):
        yield place.at("values").problem("set", set=field.values)
        return
    yield from _choices(book, field, place.at("values"))
    if field.default is not None and not _is_of_type(book, field):
        yield place.at("default").problem("default", default=field.default, type=field.type)


def _choices(book: Book, field: FieldModel, place: _Place) -> Iterator[Problem]:
    """Choices of one field that stand for two of them, or for no number where one is wanted."""
    if isinstance(field.values, list):
        yield from _values(field.values, place)
    if field.type not in _NUMBERS:
        return
    codes = (value.code for value in book.values(field))
    wrong = next((code for code in codes if not is_number(code)), None)
    if wrong is not None:
        yield place.problem("rating", code=wrong)


def _values(values: Sequence[Value], place: _Place) -> Iterator[Problem]:
    """Codes and names of a list of choices that stand for two of them."""
    yield from _ambiguous(
        (
            (value.code, (*value.label.values(), *value.aliases), place.at(number))
            for number, value in enumerate(values)
        ),
        "code",
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
    yield from _departments(book, _Place(yaml, ("departments",)))
    yield from _people(book, _Place(yaml, ("people",)))
    for role, holders in book.organisation.roles.items():
        yield from _holders(book, role, holders.people, _Place(yaml, ("roles", role)))


def _departments(book: Book, place: _Place) -> Iterator[Problem]:
    departments = book.organisation.departments
    placed = [(department, place.at(number)) for number, department in enumerate(departments)]
    entries = ((d.id, (*d.label.values(), *d.aliases), at) for d, at in placed)
    yield from _ambiguous(entries, "department")
    for department, at in placed:
        if department.head:
            yield from _unknown_person(book, department.head, at.at("head"))
        for number, deputy in enumerate(department.deputies):
            yield from _unknown_person(book, deputy, at.at("deputies", number))


def _people(book: Book, place: _Place) -> Iterator[Problem]:
    placed = [(person, place.at(number)) for number, person in enumerate(book.organisation.people)]
    yield from _ambiguous(((p.id, (p.name, *p.aliases), at) for p, at in placed), "person")
    for person, at in placed:
        yield from _unknown_department(book, person.department, at.at("department"))


def _holders(book: Book, role: str, people: Sequence[str], place: _Place) -> Iterator[Problem]:
    """What is wrong with a role and with those who hold it."""
    if role not in ROLES:
        yield place.problem("role", role=role)
    placed = [(person, place.at("people", number)) for number, person in enumerate(people)]
    for person, at in placed:
        yield from _unknown_person(book, person, at)
    yield from _twice(placed, "holder")


def _unknown_person(book: Book, person: str, place: _Place) -> Iterator[Problem]:
    if not book.person(person):
        yield place.problem("person", id=person)


def _unknown_department(book: Book, department: str, place: _Place) -> Iterator[Problem]:
    if not book.has_department(department):
        yield place.problem("department", id=department)


def _in_products(book: Book, yaml: Yaml) -> Iterator[Problem]:
    products = book.products.products
    placed = [(product, _Place(yaml, ("products", n))) for n, product in enumerate(products)]
    yield from _ambiguous(((p.name, p.aliases, at) for p, at in placed), "product")
    for product, at in placed:
        if product.department:
            yield from _unknown_department(book, product.department, at.at("department"))


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
    place = _Place(yaml, ())
    fields = {field.id for schema in book.sources for field in schema.fields}
    yield from _ids_twice([rule.id for rule in rules.rules], place.at("rules"), "rule")
    for number, rule in enumerate(rules.rules):
        at = place.at("rules", number)
        for dimension in ("kind", "type", "severity"):
            code = getattr(rule, dimension)
            yield from _codes(book, at.at(dimension), dimension, [code] if code else [])
        yield from _unknown_fields(fields, rule.fields, at.at("fields"))
        if rule.rating:
            yield from _no_ratings(book, rule.fields, at.at("fields"))
    yield from _codes(book, place.at("fault_types"), "type", rules.fault_types)
    yield from _unknown_fields(fields, rules.texts, place.at("texts"))
    yield from _codes(book, place.at("default_kind"), "kind", [rules.default_kind])
    if rules.kind_of_faults:
        yield from _codes(book, place.at("kind_of_faults"), "kind", [rules.kind_of_faults])
    yield from _codes(book, place.at("default_severity"), "severity", [rules.default_severity])
    for key, of, values, to in (
        ("severity_by_kind", "kind", rules.severity_by_kind, "severity"),
        ("severity_by_type", "type", rules.severity_by_type, "severity"),
        ("type_by_kind", "kind", rules.type_by_kind, "type"),
    ):
        for code, value in values.items():
            at = place.at(key, code)
            yield from _codes(book, at, of, [code])
            yield from _codes(book, at, to, [value])


def _codes(book: Book, place: _Place, of: str, codes: Iterable[str]) -> Iterator[Problem]:
    """Codes that a set of the vocabulary does not have."""
    for code in codes:
        if not book.knows(of, code):
            yield place.problem("code", set=of, code=code)


def _unknown_fields(fields: set[str], names: Sequence[str], place: _Place) -> Iterator[Problem]:
    """Names, in a list, of fields that no source has."""
    for number, name in enumerate(names):
        if name not in fields:
            yield place.at(number).problem("product_field", field=name)


def _no_ratings(book: Book, names: Sequence[str], place: _Place) -> Iterator[Problem]:
    """Names, in a list, of fields that hold no number in one of the sources."""
    for number, name in enumerate(names):
        named = (field for schema in book.sources for field in schema.fields if field.id == name)
        wrong = next((field for field in named if field.type not in _NUMBERS), None)
        if wrong:
            yield place.at(number).problem("rating_field", field=name, type=wrong.type)


def _in_assignment(book: Book, yaml: Yaml) -> Iterator[Problem]:
    rules = book.assignment.rules
    place = _Place(yaml, ("rules",))
    yield from _ids_twice([rule.id for rule in rules], place, "rule")
    for number, rule in enumerate(rules):
        at = place.at(number)
        if rule.lead != NOT_A_DEPARTMENT:
            yield from _unknown_department(book, rule.lead, at.at("lead"))
        for department in rule.cooperating:
            yield from _unknown_department(book, department, at.at("cooperating"))
        for of in ("source", "kind", "type", "severity"):
            yield from _codes(book, at.at("when", of), of, getattr(rule.when, of))
    for code, department in book.assignment.departments_by_type.items():
        at = _Place(yaml, ("departments_by_type", code))
        yield from _codes(book, at, "type", [code])
        yield from _unknown_department(book, department, at)
    if rules[-1].when.model_fields_set:
        yield place.at(len(rules) - 1).problem("last_rule")
    yield from _in_escalation(book, yaml)


def _in_escalation(book: Book, yaml: Yaml) -> Iterator[Problem]:
    rules = book.assignment.escalation
    place = _Place(yaml, ("escalation",))
    yield from _ids_twice([rule.id for rule in rules], place, "rule")
    for number, rule in enumerate(rules):
        at = place.at(number)
        yield from _codes(book, at.at("severity"), "severity", rule.severity)
        yield from _codes(book, at.at("only_severity"), "severity", rule.only_severity)
        for role in rule.to:
            if role not in ROLES:
                yield at.at("to").problem("role", role=role)


def _in_deadlines(book: Book, yaml: Yaml) -> Iterator[Problem]:
    deadlines = book.deadlines.deadlines
    place = _Place(yaml, ("deadlines",))
    yield from _ids_twice([deadline.id for deadline in deadlines], place, "deadline")
    for number, deadline in enumerate(deadlines):
        for key, periods in (("working_days", deadline.working_days), ("hours", deadline.hours)):
            for severity in periods:
                if severity != "all" and not book.knows("severity", severity):
                    at = place.at(number, key, severity)
                    yield at.problem("severity", code=severity)
