"""What went into the documents of an order, as a key.

The printed files of an interrupted attempt are good while it is the same.

The key is made of the records that were read, never of the files that they came from: these may
have been edited since.
"""

import dataclasses
import hashlib
from typing import Any

import orjson
from pydantic import BaseModel

from fbbatch import __version__
from fbbatch.codes import Subject
from fbbatch.publish.press import Order, Press
from fbbatch.workspace import Workspace

_CHANGES_NO_DOCUMENT = {"jobs", "settle_seconds", "database", "limits"}


def origin_of(shop: Workspace, printing: Press) -> str:
    """Stands for all that the documents of a run have in common.

    That is the program, settings, book, templates, time and run.
    """
    book, templates = shop.book, shop.templates
    told = [
        __version__,
        shop.settings.model_dump(mode="json", exclude=_CHANGES_NO_DOCUMENT),
        [getattr(book, field.name) for field in dataclasses.fields(book)],
        list(templates),
        templates.facts,
        hashlib.sha256(templates.letterhead).hexdigest(),
        printing.now,
        printing.run,
        printing.codes.workspace,
        printing.codes.of(Subject("order")),
    ]
    return _digest(told)


def key_of(order: Order, origin: str) -> str:
    """Stands for everything that goes into the documents of an order."""
    matter = order.matter
    return _digest([origin, matter.process.id, matter.facts, matter.history, order.owed])


def _digest(told: list[Any]) -> str:
    content = orjson.dumps(told, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(content).hexdigest()


def _plain(value: object) -> object:
    """What JSON has no form for; an error for all else: two different things could look alike."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(type(value).__name__)
