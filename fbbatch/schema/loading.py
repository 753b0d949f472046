"""A workspace's `schemas/` folder → its book: all is read, checked, and held against the rest."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from fbbatch.errors import InvalidSetupError
from fbbatch.schema.book import Book
from fbbatch.schema.models import (
    AssignmentRules,
    CalendarModel,
    ClassificationRules,
    DeadlineRules,
    Organisation,
    Products,
    SchemaModel,
    Vocabulary,
)
from fbbatch.schema.process import Process
from fbbatch.schema.shipped import shipped_folder
from fbbatch.schema.soundness import unsound
from fbbatch.schema.strict_yaml import Yaml, YamlProblemError, load
from fbbatch.schema.wording import DEFAULT_LANGUAGE, say, told_yaml, words

Model = TypeVar("Model", bound=BaseModel)

SINGLE_FILES: dict[str, type[BaseModel]] = {
    "vocabulary.yaml": Vocabulary,
    "rules/classification.yaml": ClassificationRules,
    "rules/assignment.yaml": AssignmentRules,
    "rules/deadlines.yaml": DeadlineRules,
    "company/organisation.yaml": Organisation,
    "company/products.yaml": Products,
    "company/calendar.yaml": CalendarModel,
    "processes/case.yaml": Process,
}


_SHIPPED_WHERE_MISSING = frozenset({"processes/case.yaml"})
"""What older workspaces do not have; then it is as in the edition that comes with fbbatch."""


def read_model(
    path: Path, name: str, model: type[Model], problems: list[str], language: str = DEFAULT_LANGUAGE
) -> tuple[Model | None, Yaml | None]:
    """Read one YAML file into its model; what is wrong is appended to `problems`, in a language."""
    try:
        yaml = load(path, name)
    except FileNotFoundError:
        problems.append(f"{name}: {words('file.missing', language)}")
        return None, None
    except YamlProblemError as error:
        problems.append(told_yaml(error, language))
        return None, None
    try:
        return model.model_validate(yaml.content), yaml
    except ValidationError as error:
        problems.extend(say(error, yaml, language))
        return None, yaml


def load_book(folder: Path, language: str = DEFAULT_LANGUAGE) -> Book:
    """Read and check everything below `folder` (a workspace's `schemas/`).

    Args:
        folder: where it is.
        language: of what is said to be wrong.

    Raises:
        InvalidSetupError: with every problem found, each with file, line and column.
    """
    problems: list[str] = []
    single = {}
    for name, form in SINGLE_FILES.items():
        path = folder / name
        if name in _SHIPPED_WHERE_MISSING and not path.exists():
            path = shipped_folder() / "schemas" / name
        single[name] = read_model(path, f"schemas/{name}", form, problems, language)
    schemas: list[tuple[SchemaModel, Yaml]] = []
    for path in sorted((*folder.glob("sources/*.yaml"), *folder.glob("forms/*.yaml"))):
        name = f"schemas/{path.relative_to(folder).as_posix()}"
        model, yaml = read_model(path, name, SchemaModel, problems, language)
        if model and yaml:
            schemas.append((model, yaml))
    if not any(model.kind == "source" for model, _ in schemas):
        problems.append(f"schemas/sources: {words('file.no_sources', language)}")
    if problems:
        raise InvalidSetupError(problems)
    book = Book(
        tuple(model for model, _ in schemas if model.kind == "source"),
        tuple(model for model, _ in schemas if model.kind == "form"),
        *(model for model, _ in single.values()),  # type: ignore[arg-type]
    )
    yamls = {name: yaml for name, (_, yaml) in single.items() if yaml}
    if found := [problem.told(language) for problem in unsound(book, schemas, yamls)]:
        raise InvalidSetupError(found)
    return book
