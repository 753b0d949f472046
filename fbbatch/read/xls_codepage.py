"""Old workbooks (xls) that name another code page than their texts are in.

From Excel 97 on, texts are Unicode whatever the file says of a code page; some programs name that
of the machine, and the first reader believes them. So the record is set right before it reads.
"""

import struct

_BOF, _CODEPAGE, _EOF = 0x809, 0x42, 0x0A
_GLOBALS_OF_97 = struct.pack("<HH", 0x600, 5)
_UNICODE = struct.pack("<H", 1200)
_FURTHEST = 65_536
_STARTS = tuple(struct.pack("<HH", _BOF, size) + _GLOBALS_OF_97 for size in (8, 16))


def with_unicode_named(content: bytes) -> bytes:
    """The workbook with its code page named as Unicode, if it is of Excel 97 or later.

    Only the two bytes of the record `CODEPAGE` change. Anything unexpected leaves all as it is.
    """
    for start in _STARTS:
        at = content.find(start)
        if at >= 0 and (place := _codepage_record(content, at)):
            return content[:place] + _UNICODE + content[place + 2 :]
    return content


def _codepage_record(content: bytes, at: int) -> int:
    """Where the code page stands in the records that begin there; 0 where it is not found."""
    end = min(len(content) - 6, at + _FURTHEST)
    while at < end:
        kind, size = struct.unpack_from("<HH", content, at)
        if kind == _CODEPAGE:
            return at + 4 if size == 2 else 0
        if kind == _EOF:
            return 0
        at += 4 + size
    return 0
