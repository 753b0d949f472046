"""How documents look: colours and, per language, the fonts staff have in their Office."""

from typing import NamedTuple

GREY_HEAD = "E7E6E6"
GREY_LABEL = "F2F2F2"
BLANK = "FFF8DC"
SEVERE = "FADBD8"
SOFT = "F7F7F7"
GOOD = "E8F3E8"
LINE = "808080"
MARKS = {"severe": SEVERE, "total": GREY_LABEL, "soft": SOFT, "good": GOOD}


class OfficeFonts(NamedTuple):
    """Font names that Word and Excel find on the reader's machine, and the language tag.

    The fonts are those of body text, of headings and of Latin letters.
    """

    body: str
    heading: str
    latin: str
    tag: str


OFFICE_FONTS = {
    "zh-Hant": OfficeFonts("新細明體", "微軟正黑體", "Times New Roman", "zh-TW"),
    "zh-Hans": OfficeFonts("宋体", "黑体", "Times New Roman", "zh-CN"),
    "en": OfficeFonts("SimSun", "SimHei", "Calibri", "en-GB"),
}
