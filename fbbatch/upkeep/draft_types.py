"""The answers of a column → the type of which all of them are, as the keys of a field."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fbbatch.model import Cell
from fbbatch.schema import FieldModel
from fbbatch.schema.columns import NO_TICKS, TICKS
from fbbatch.upkeep.draft_columns import SampledColumn
from fbbatch.validate.several import bare_option, split_choices
from fbbatch.validate.values import (
    Bad,
    date_parser,
    parse_boolean,
    parse_integer,
    parse_number,
    text_of,
)
from fbbatch.words import fold

Keys = dict[str, Any]
"""Keys of a field in a schema, as YAML has them."""

_LEAST_OPTIONS, _MOST_OPTIONS, _OPTION_CHARS = 2, 20, 40
_USES_OF_AN_OPTION = 3  # on average
_SOME = 0.1  # of the answers, that several options stand in one cell
_BETWEEN = "┋"
_FEW_STARS, _MOST_STARS = 5, 10
_RATED = re.compile(
    "評分|评分|打分|分數|分数|滿意|满意|星|推薦|推荐|rating|score|stars|satisf|likely"
)


def typed(column: SampledColumn) -> Keys:
    """The type of a column, and what belongs to it.

    What cannot be told apart by its answers alone is the narrower type: 0 and 1 are integers, days
    without a time are dates.

    Returns:
        `type`, and for a rating its range, for a choice its values, the commonest first.
    """
    cells = column.cells
    if not cells:
        return {"type": "text"}
    if _are_all(parse_integer, cells):
        return _numbers(column)
    if _are_all(parse_number, cells):
        return {"type": "number"}
    if _are_all(parse_boolean, cells):
        return {"type": "boolean"}
    texts = Counter(map(text_of, cells))
    if _are_all(date_parser(with_time=False, order=None), cells):
        for text in texts:
            if ":" in text:
                return {"type": "datetime"}
        return {"type": "date"}
    return _options(texts)


def fits(known: FieldModel, column: SampledColumn) -> bool:
    """Whether the answers of a column are of the type that a known field has."""
    match known.type:
        case "integer":
            return _are_all(parse_integer, column.cells)
        case "number":
            return _are_all(parse_number, column.cells)
        case "date" | "datetime":
            parse = date_parser(with_time=True, order=known.date_order)
            return _are_all(parse, column.cells)
        case _:
            return True


def like(known: FieldModel) -> Keys:
    """The type of a known field, and what else a field takes over from it.

    What the known field requires is only asked for: an export may well lack it in some rows, and
    none of them is to go back for that.
    """
    told: Keys = {"type": known.type}
    if isinstance(known.values, str):
        told["values"] = known.values
    elif known.values:
        values: list[Keys] = []
        for value in known.values:
            values.append({"code": value.code, "label": dict(value.label)})
        told["values"] = values
    if known.minimum is not None:
        told["minimum"] = int(known.minimum)
    if known.maximum is not None:
        told["maximum"] = int(known.maximum)
    if known.personal:
        told["personal"] = known.personal
    if known.required:
        told["required"] = "ask"
    return told


def are_options(group: Sequence[SampledColumn]) -> bool:
    """Whether each column only says, by a mark or its own name, that its option was chosen."""
    is_filled = False
    for column in group:
        said: set[str] = set()
        for cell in column.cells:
            said.add(fold(text_of(cell)))
        own_name = fold(column.part)
        marks = TICKS | NO_TICKS
        if not said <= marks | {own_name}:
            return False
        if said:
            is_filled = True
    return is_filled


def choice_of(options: Iterable[str]) -> list[Keys]:
    """The values of a choice."""
    values: list[Keys] = []
    for option in options:
        values.append({"code": option, "label": option})
    return values


def mean_length(column: SampledColumn) -> float:
    """How many characters its answers have, on average."""
    if not column.cells:
        return 0
    total = 0
    for cell in column.cells:
        total += len(text_of(cell))
    return total / len(column.cells)


def _are_all(parse: Callable[[Cell], object], cells: Sequence[Cell]) -> bool:
    """Whether a parser takes every one of these cells."""
    for cell in cells:
        answer = parse(cell)
        if answer is None or isinstance(answer, Bad):
            return False
    return True


def _numbers(column: SampledColumn) -> Keys:
    """A rating, where the header speaks of one and the numbers are small; else an integer."""
    numbers: list[int] = []
    for cell in column.cells:
        number = parse_integer(cell)
        if isinstance(number, int):
            numbers.append(number)
    is_small = min(numbers) >= 0 and max(numbers) <= _MOST_STARS
    if not is_small or not _RATED.search(column.header.lower()):
        return {"type": "integer"}
    is_of_few = max(numbers) <= _FEW_STARS
    return {
        "type": "rating",
        "minimum": 0 if 0 in numbers else 1,
        "maximum": _FEW_STARS if is_of_few else _MOST_STARS,
    }


def _options(texts: Counter[str]) -> Keys:
    """A choice where few texts stand often; several where they stand together; else a text."""
    n_together = 0
    for text, number in texts.items():
        if _BETWEEN in text:
            n_together += number
    options = _each(texts, is_split=n_together > 0)
    are_short = max(map(len, options)) <= _OPTION_CHARS
    are_few = _LEAST_OPTIONS <= len(options) <= _MOST_OPTIONS
    are_used = len(options) * _USES_OF_AN_OPTION <= options.total()
    if not are_short or not are_few or not are_used:
        return {"type": "text"}
    is_several = n_together >= _SOME * texts.total()
    ordered = [option for option, _ in options.most_common()]
    return {
        "type": "choices" if is_several else "choice",
        "values": choice_of(ordered),
    }


def _each(texts: Counter[str], *, is_split: bool) -> Counter[str]:
    """How often each option was chosen, whether or not a letter (`A.`) stands before it."""
    options: Counter[str] = Counter()
    for text, number in texts.items():
        parts = split_choices(text, frozenset()) if is_split else [text]
        for option in parts:
            options[option.strip()] += number
    known = frozenset(map(fold, options))
    bare: Counter[str] = Counter()
    for option, number in options.items():
        bare[bare_option(option, known)] += number
    return bare
