"""From YAML to the company's schemas, rules and master lists."""

from fbbatch.schema.book import Book
from fbbatch.schema.columns import MappedColumn, field_for
from fbbatch.schema.identify import Layout, header_in, identify
from fbbatch.schema.loading import load_book
from fbbatch.schema.models import FieldModel, SchemaModel
from fbbatch.schema.strict_yaml import Yaml, YamlProblemError, load

__all__ = [
    "Book",
    "FieldModel",
    "Layout",
    "MappedColumn",
    "SchemaModel",
    "Yaml",
    "YamlProblemError",
    "field_for",
    "header_in",
    "identify",
    "load",
    "load_book",
]
