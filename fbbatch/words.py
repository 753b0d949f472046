"""Folding text for comparison, and our own Traditional wording in Simplified characters."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

import opencc


@cache
def _to_simplified() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _to_traditional() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")


@cache
def traditional(text: str) -> str:
    """A folded word in traditional characters, for documents in them."""
    return str(_to_traditional().convert(text))


@cache
def simplified(text: str) -> str:
    """`text` in simplified characters, for wording of our own.

    Simplified offices quote with “ ”.
    """
    converted = str(_to_simplified().convert(text)).translate(_QUOTES)
    for taiwanese, mainland in _MAINLAND.items():
        converted = converted.replace(taiwanese, mainland)
    return converted


_MAINLAND = {
    "档案": "文件",
    "资料夹": "文件夹",
    "储存格": "单元格",
    "组织档": "组织清单",
    "产品档": "产品清单",
    "列印": "打印",
    "汇出": "导出",
    "位元组": "字节",
    "字型": "字体",
    "帐号": "账号",
    "预设": "默认",
    "批号／序号": "批号／序列号",
    "晶片": "芯片",
    "韧体": "固件",
    "网路": "网络",
    "门市": "门店",
    "回覆": "回复",
    "答覆": "答复",
    "覆核": "复核",
}
_QUOTES = str.maketrans({"「": "“", "」": "”", "『": "‘", "』": "’"})


_ROUNDS = 4


class _Folding(dict[int, str]):
    """Code point → its folded text, filled as characters are met."""

    def __missing__(self, code_point: int) -> str:
        folded, before = chr(code_point), ""
        if 0xD800 <= code_point < 0xE000:  # half of a pair: no character
            self[code_point] = folded
            return folded
        rounds = 0
        while (
            folded != before and rounds < _ROUNDS
        ):  # a few characters are turned into one another for ever
            before, rounds = folded, rounds + 1
            folded = str(_to_simplified().convert(unicodedata.normalize("NFKC", folded))).lower()
            folded = _ALIKE.get(folded, folded)
        self[code_point] = folded
        return folded


_ALIKE = {"覆": "复", "画": "划", "暱": "昵", "瞭": "了", "著": "着", "\u2019": "'"}
"""Characters that both scripts keep but offices use for one another (回覆 回复, 計畫 计划)."""

_FOLDING = _Folding()
_LONG = 2_000  # characters; below it there is nothing to gain


class _Alphabet:
    """The characters met so far in long texts.

    Most stay as they are, so that only the others need to be replaced.
    """

    def __init__(self) -> None:
        self._met: set[str] = set()
        self._changes: dict[str, str] = {}
        self._unmet = re.compile(r"[^\0]")

    def fold(self, text: str) -> str:
        if self._unmet.search(text):
            self._meet(set(text) - self._met)
        if self._unmet.search(
            text
        ):  # what is folded into something that would have to be folded again
            return text.translate(_FOLDING)
        for old, new in self._changes.items():
            if old in text:
                text = text.replace(old, new)
        return text

    def _meet(self, characters: set[str]) -> None:
        for character in characters:
            folded = _FOLDING[ord(character)]
            if all(_FOLDING[ord(c)] == c for c in folded):
                self._met.add(character)
                if folded != character:
                    self._changes[character] = folded
        self._unmet = re.compile(f"[^{re.escape(''.join(sorted(self._met)))}\0]")


_ALPHABET = _Alphabet()


def fold(text: str) -> str:
    """`text` with NFKC width, simplified characters and lower case, for matching."""
    return text.translate(_FOLDING) if len(text) < _LONG else _ALPHABET.fold(text)


CONTACT_JOINT = "; "
"""Between several addresses or numbers of one person, as fbbatch puts them together."""

DEFAULT_PLACEHOLDERS = (
    "(空)",
    "(跳过)",
    "(无)",
    "-3",
    "-2",
    "N/A",
    "NULL",
    "None",
    "NaN",
    "-",
    "无",
    "未填",
    "(blank)",
)
"""What programs export where nothing was answered, and what people write instead of nothing."""
_BRACKETS = (("(", ")"), ("（", "）"), ("〖", "〗"), ("【", "】"), ("[", "]"), ("<", ">"))


def spellings(words: Iterable[str]) -> frozenset[str]:
    """The words in both scripts, in small and large letters, and with any brackets they have."""
    found: set[str] = set()
    for word in words:
        inner = word.strip()
        pair = (inner[:1], inner[-1:])
        alike = [inner]
        if pair in _BRACKETS:
            alike = [begin + inner[1:-1] + end for begin, end in _BRACKETS]
        for text in alike:
            for script in (text, simplified(text), traditional(text)):
                found |= {script, script.lower(), script.upper(), script.capitalize()}
    return frozenset(found - {""})


def file_name(title: str) -> str:
    """A title as the name of a file or folder that every file system takes.

    A slash, which would make a folder, becomes a wide one; what Windows refuses becomes `_`.
    """
    flat = title.replace("/", "／")
    return "".join(c if c.isprintable() and c not in '<>:"\\|?*' else "_" for c in flat)
