"""Compound files and Outlook mails, written byte by byte. Source: MS-CFB 2, MS-OXMSG 2."""

import datetime as dt
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

Tree = Mapping[str, "bytes | Tree"]

FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
MESSAGE = UUID("00020D0B-0000-0000-C000-000000000046")


def _entries(tree: Tree, above: int, listed: list[tuple[str, "bytes | None", int, int]]) -> int:
    """List what is in a storage as (name, content, next, first within), every one followed by its next; the number of the first."""
    names = sorted(tree, key=lambda name: (len(name), name.upper()))
    places = []
    for name in names:
        places.append(len(listed))
        inside = tree[name]
        listed.append((name, inside if isinstance(inside, bytes) else None, FREE, FREE))
        if not isinstance(inside, bytes):
            listed[places[-1]] = (name, None, FREE, _entries(inside, places[-1], listed))
    for here, following in pairwise(places):
        name, content, _, within = listed[here]
        listed[here] = (name, content, following, within)
    return places[0] if places else FREE


def _chain(start: int, length: int) -> list[int]:
    return [*range(start + 1, start + length), END] if length else []


def _sectors(content: bytes, size: int = 512) -> int:
    return -(-len(content) // size)


def compound_file(tree: Tree, root: UUID | None = None) -> bytes:
    """A compound file of streams and storages; what is shorter than 4096 bytes stands in the mini stream."""
    listed: list[tuple[str, bytes | None, int, int]] = [("Root Entry", None, FREE, FREE)]
    listed[0] = ("Root Entry", None, FREE, _entries(tree, 0, listed))
    small, mini_fat, starts = b"", list[int](), dict[int, int]()
    for number, (_, content, *_) in enumerate(listed):
        if content and len(content) < 4096:
            starts[number] = len(mini_fat)
            mini_fat += _chain(len(mini_fat), _sectors(content, 64))
            small += content.ljust(_sectors(content, 64) * 64, b"\0")
    table = struct.pack(f"<{len(mini_fat)}I", *mini_fat)
    large = {
        number: content
        for number, (_, content, *_) in enumerate(listed)
        if content and len(content) >= 4096
    }
    lengths = [
        _sectors(b"\0" * 128 * len(listed)),
        _sectors(table),
        _sectors(small),
        *map(_sectors, large.values()),
    ]
    n_fat = 1
    while n_fat * 128 < n_fat + sum(lengths):
        n_fat += 1
    fat, begins = [FAT] * n_fat, []
    for length in lengths:
        begins.append(len(fat) if length else END)
        fat += _chain(len(fat), length)
    starts |= dict(zip(large, begins[3:], strict=True))
    starts[0] = begins[2]

    def entry(number: int) -> bytes:
        name, content, following, within = listed[number]
        raw = (name + "\0").encode("utf-16-le")
        kind = 5 if number == 0 else 1 if content is None else 2
        size = len(small) if number == 0 else len(content or b"")
        head = struct.pack("<64sHBBIII", raw, len(raw), kind, 1, FREE, following, within)
        name_of_class = root.bytes_le if root and number == 0 else bytes(16)
        return (
            head
            + name_of_class
            + bytes(20)
            + struct.pack("<IQ", starts.get(number, END if kind != 1 else 0), size)
        )

    directory = b"".join(map(entry, range(len(listed))))
    directory += struct.pack("<66sBBIII", b"", 0, 0, FREE, FREE, FREE).ljust(128, b"\0") * (
        -len(listed) % 4
    )
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6)
    )
    header += struct.pack("<9I", 0, n_fat, begins[0], 0, 4096, begins[1], lengths[1], END, 0)
    header += struct.pack("<109I", *range(n_fat), *[FREE] * (109 - n_fat))
    fat += [FREE] * (-len(fat) % 128)
    body = [
        struct.pack(f"<{len(fat)}I", *fat),
        directory,
        table.ljust(lengths[1] * 512, b"\xff"),
        small,
        *large.values(),
    ]
    return header + b"".join(part.ljust(_sectors(part) * 512, b"\0") for part in body)


# --- messages --------------------------------------------------------------------------------------------------


@dataclass
class Attached:
    """Something attached: bytes, a message, a link, or an object of another program (its streams)."""

    content: "bytes | Message | str | Tree"
    name: str = ""
    media: str = ""


@dataclass
class Message:
    """What Outlook keeps of a mail. `properties` are by number: texts, bytes, numbers and times.

    `page` is the code page of its texts: None for Unicode, as Outlook writes since 2003.
    """

    properties: dict[int, Any]
    files: Sequence[Attached] = ()
    page: int | None = None
    encoding: str = "utf-16-le"
    text_kind: int = field(init=False)

    def __post_init__(self) -> None:
        self.text_kind = 0x1F if self.page is None else 0x1E
        if self.page is not None:
            self.properties = {0x3FFD: self.page, **self.properties}

    def bytes(self) -> bytes:
        """The .msg."""
        return compound_file(self.tree(32), MESSAGE)

    def tree(self, header: int) -> Tree:
        found = dict(self._streams(self.properties, header))
        for number, one in enumerate(self.files):
            found[f"__attach_version1.0_#{number:08X}"] = dict(self._attached(one))
        return {
            **found,
            "__nameid_version1.0": {},
            "__recip_version1.0_#00000000": dict(self._streams({0x3001: "客服"}, 8)),
        }

    def _attached(self, one: Attached) -> Iterator[tuple[str, "bytes | Tree"]]:
        told: dict[int, Any] = {0x3707: one.name} if one.name else {}
        told |= {0x370E: one.media} if one.media else {}
        if isinstance(one.content, bytes):
            yield from self._streams({**told, 0x3701: one.content, 0x3705: 1}, 8)
        elif isinstance(one.content, str):
            yield from self._streams({**told, 0x370D: one.content, 0x3705: 7}, 8)
        else:
            is_message = isinstance(one.content, Message)
            yield from self._streams({**told, 0x3705: 5 if is_message else 6}, 8)
            yield (
                "__substg1.0_3701000D",
                one.content.tree(24) if isinstance(one.content, Message) else one.content,
            )

    def _streams(self, properties: Mapping[int, Any], header: int) -> Iterator[tuple[str, bytes]]:
        fixed = b""
        for tag, value in properties.items():
            if isinstance(value, int):
                fixed += struct.pack("<HHIQ", 3, tag, 6, value)
            elif isinstance(value, dt.datetime):
                ticks = (
                    int((value - dt.datetime(1601, 1, 1, tzinfo=dt.UTC)).total_seconds())
                    * 10_000_000
                )
                fixed += struct.pack("<HHIQ", 0x40, tag, 6, ticks)
            else:
                kind = self.text_kind if isinstance(value, str) else 0x102
                raw = value.encode(self.encoding) if isinstance(value, str) else value
                fixed += struct.pack("<HHIII", kind, tag, 6, len(raw) + 2, 0)
                yield f"__substg1.0_{tag:04X}{kind:04X}", raw
        yield "__properties_version1.0", bytes(header) + fixed


def outlook(
    body: str | None = None,
    *,
    subject: str = "",
    files: Mapping[str, bytes] | None = None,
    **more: Any,
) -> Message:
    """A mail of 王小明 as Outlook saves it from a mailbox in the company: no header has travelled with it.

    `more` are properties by `x` and their number in hexadecimal, `page` and `encoding`.
    """
    told: dict[int, Any] = {
        0x001A: "IPM.Note", 0x0037: subject, 0x0039: dt.datetime(2026, 11, 5, 2, 30, tzinfo=dt.UTC), 0x0042: "王小明", 0x0C1A: "秘書",
        0x0065: "/O=EXAMPLE/CN=WANG", 0x5D02: "wang@example.com", 0x1035: "<1@example.com>",
    }  # fmt: skip
    told |= {} if body is None else {0x1000: body}
    told |= {int(name[1:], 16): value for name, value in more.items() if name.startswith("x")}
    told = {tag: value for tag, value in told.items() if value is not None}
    attached = [Attached(content, name) for name, content in (files or {}).items()]
    return Message(
        told, attached, **{name: value for name, value in more.items() if not name.startswith("x")}
    )
