"""How headers are compared: by bare keys, decoration set aside."""

import re

from fbbatch.words import fold

_BRACKETS = re.compile(r"[(\[【〔〈<{][^)\]】〕〉>}]*[)\]】〕〉>}]")
_NUMBERING = re.compile(
    r"^\s*(?:q\s*)?\d{1,3}\s*[.、:)\]]\s*(?=\D)|^\s*[一二三四五六七八九十]{1,3}\s*、\s*"
)
_POLITE = re.compile(r"^(?:(?:请|烦请)(?:填写|输入|选择|问)?)?(?:您的|你的|贵公司的?|本次)?")
_CODE = re.compile(r"\s*[a-z]\w*\d(?:\[\w*\])*\.\s+(?=\S)")
"""The code that LimeSurvey writes before a question: `G01Q03[SQ001]. `."""
_NOISE = re.compile(r"[\s*＊※:：;；,，.。、?？!！_＿/／\\|·•\-—~'\"“”‘’#()\[\]【】〔〕<>{}]+")
_CJK_RUN = re.compile(r"[㐀-鿿豈-﫿]+")
_LATIN_RUN = re.compile(r"[a-z][a-z0-9 .'/&_-]*")


def header_key(text: str) -> str:
    """The bare form of a header: folded, without brackets, numbering, marks, breaks and spaces."""
    folded = _NUMBERING.sub("", fold(text).strip())
    return _NOISE.sub("", _BRACKETS.sub("", folded)) or _NOISE.sub("", folded)


def header_keys(text: str) -> list[str]:
    """Every key a header may be known by, best first.

    These are the whole, either half of a bilingual one, the content of brackets, and what stands
    behind the code of a question.

    Example: `2. 您的姓名 Name（必填）` → `您的姓名name`, `姓名name`, `您的姓名`, `姓名`, `name`,
    `必填`.
    """
    folded = _NUMBERING.sub("", fold(text).strip())
    bare = _BRACKETS.sub(" ", folded)
    keys = [_NOISE.sub("", bare), _POLITE.sub("", _NOISE.sub("", bare)), _NOISE.sub("", folded)]
    chinese = "".join(_CJK_RUN.findall(bare))
    keys += [chinese, _POLITE.sub("", chinese)]
    keys += [_NOISE.sub("", run) for run in _LATIN_RUN.findall(bare)] if chinese else []
    keys += [_NOISE.sub("", part) for part in _BRACKETS.findall(folded)]
    if code := _CODE.match(folded):
        keys.append(header_key(folded[code.end() :]))
    return [key for key in dict.fromkeys(keys) if key]


def is_number(text: str) -> bool:
    """True for digits, with a point among them or none."""
    return text.replace(".", "", 1).isdecimal()
