"""Words of our own in three languages, where neither a template nor the vocabulary has them.

Each room keeps its sentences in a `wording.yaml` of its own; `say` finds them by the room's name
and theirs, as in `documents.held`. Signs that everybody needs, such as the colon, and the words of
rooms of one file stand in `fbbatch/wording.yaml` and have no room before their name. The files hold
Traditional characters and English; Simplified is derived where it is not written out. Names in
braces are filled in. A file is read when the first of its sentences is asked for.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fbbatch.model import LANGUAGES
from fbbatch.words import simplified

_PACKAGE = Path(__file__).parent
_Texts = dict[str, dict[str, str]]
"""Sentences by name, each by language."""


def say(code: str, language: str, /, **details: object) -> str:
    """The sentence of that code in a language, filled in.

    Raises:
        KeyError: there is no such sentence, or it needs a detail that is not given.
    """
    text = _SENTENCES[language][code]
    return text.format_map(details) if "{" in text else text


def in_all_languages(code: str) -> tuple[str, ...]:
    """A sentence without details in every language, as what we wrote may come back in any."""
    return tuple(say(code, language) for language in LANGUAGES)


def in_language(text: dict[str, str], language: str) -> str:
    """One sentence in a language; Simplified made from Traditional where it is not written out."""
    if language == "zh-Hans" and language not in text:
        return simplified(text["zh-Hant"])
    return text[language]


@cache
def texts(room: str) -> _Texts:
    """The sentences of a room by name, each by language; of the package itself for `''`.

    One that stands in a group has its group before its name, as in `yaml.again`.
    """
    written = shipped(f"{room}/wording.yaml" if room else "wording.yaml")
    return _by_name(written, "")


def _by_name(written: dict[str, Any], group: str) -> _Texts:
    """The sentences of a group and of the groups in it; what has English is a sentence."""
    found: _Texts = {}
    for name, value in written.items():
        if "en" in value:
            found[group + name] = value
        else:
            found |= _by_name(value, f"{group}{name}.")
    return found


def shipped(path: str) -> Any:
    """The content of a YAML file that comes with the package; `path` is relative to it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((_PACKAGE / path).read_bytes(), Loader=loader)  # noqa: S506 - a safe one


class _Sentences(dict[str, str]):
    """The sentences of one language by code, as they are asked for."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, code: str) -> str:
        """Looks for a sentence that is asked for the first time, and keeps it."""
        room, dot, name = code.partition(".")
        if not dot:
            room, name = "", code
        sentence = in_language(texts(room)[name], self._language)
        self[code] = sentence
        return sentence


_SENTENCES = {language: _Sentences(language) for language in LANGUAGES}
