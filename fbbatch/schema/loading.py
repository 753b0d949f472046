"""A workspace's `schemas/` folder → its book: all is read, checked, and held against the rest."""

from pathlib import Path
from typing import Any, TypeVar

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
from fbbatch.schema.process import CASE, Process
from fbbatch.schema.shipped import shipped_folder
from fbbatch.schema.soundness import unsound
from fbbatch.schema.strict_yaml import Yaml, YamlProblemError, load
from fbbatch.schema.wording import DEFAULT_LANGUAGE, say, told_yaml, words

Model = TypeVar("Model", bound=BaseModel)
_Read = tuple[BaseModel | None, Yaml | None]

SINGLE_FILES: dict[str, type[BaseModel]] = {
    "vocabulary.yaml": Vocabulary,
    "rules/classification.yaml": ClassificationRules,
    "rules/assignment.yaml": AssignmentRules,
    "rules/deadlines.yaml": DeadlineRules,
    "company/organisation.yaml": Organisation,
    "company/products.yaml": Products,
    "company/calendar.yaml": CalendarModel,
}
PROCESSES = "processes"
_OF_CASES = f"{PROCESSES}/{CASE}.yaml"
"""What older workspaces do not have; then it is as in the edition that comes with fbbatch."""


def read_model(
    path: Path,
    name: str,
    model: type[Model],
    problems: list[str],
    language: str = DEFAULT_LANGUAGE,
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
    read = _Reader(folder, problems, language)
    single = read.single_files()
    processes = read.processes()
    schemas = read.schemas()
    if not any(model.kind == "source" for model, _ in schemas):
        problems.append(f"schemas/sources: {words('file.no_sources', language)}")
    if problems:
        raise InvalidSetupError(problems)
    others: list[Any] = [model for model, _ in single.values()]
    others.append({process.id: process for process, _ in processes.values()})
    book = Book(
        tuple(model for model, _ in schemas if model.kind == "source"),
        tuple(model for model, _ in schemas if model.kind == "form"),
        *others,
    )
    yamls = {name: yaml for name, (_, yaml) in (single | processes).items() if yaml}
    if found := [problem.told(language) for problem in unsound(book, schemas, yamls)]:
        raise InvalidSetupError(found)
    return book


class _Reader:
    """Reads the files of a workspace's `schemas/`; what is wrong is appended to `problems`."""

    def __init__(self, folder: Path, problems: list[str], language: str) -> None:
        self.folder = folder
        self.problems = problems
        self.language = language

    def single_files(self) -> dict[str, _Read]:
        """The files of which there is one each, by name."""
        return {
            name: read_model(
                self.folder / name,
                f"schemas/{name}",
                model,
                self.problems,
                self.language,
            )
            for name, model in SINGLE_FILES.items()
        }

    def processes(self) -> dict[str, tuple[Process, Yaml]]:
        """The processes, by file name; that of cases is always there."""
        paths = {f"{PROCESSES}/{path.name}": path for path in self.folder.glob(f"{PROCESSES}/*")}
        paths.setdefault(_OF_CASES, shipped_folder() / "schemas" / _OF_CASES)
        found: dict[str, tuple[Process, Yaml]] = {}
        for name, path in sorted(paths.items()):
            if path.suffix == ".yaml" and (read := self.read(path, name, Process)):
                found[name] = read
        return found

    def schemas(self) -> list[tuple[SchemaModel, Yaml]]:
        """The schemas of sources and forms."""
        paths = (
            *self.folder.glob("sources/*.yaml"),
            *self.folder.glob("forms/*.yaml"),
        )
        read = (
            self.read(path, path.relative_to(self.folder).as_posix(), SchemaModel)
            for path in sorted(paths)
        )
        return [found for found in read if found]

    def read(self, path: Path, name: str, model: type[Model]) -> tuple[Model, Yaml] | None:
        """A file's model; None where something is wrong with it."""
        found, yaml = read_model(path, f"schemas/{name}", model, self.problems, self.language)
        return (found, yaml) if found and yaml else None
