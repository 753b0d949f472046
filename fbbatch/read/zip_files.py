"""Zip files: the files inside an ordinary one, and whether an Office package is safe to parse.

Nothing that an archive says of itself is believed: sizes are counted while inflating, positions are
held against each other (Python's own check came with 3.11.8; CVE-2024-0450), and a name is never
more than a name.
"""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fbbatch.findings import finding
from fbbatch.model import Finding
from fbbatch.read import encodings
from fbbatch.read.limits import Limits
from fbbatch.read.paper import Part

_RATIO_FROM = 102_400
_PIECE = 16_384  # packed bytes at a time; 17 MB unpacked at worst
_ENCRYPTED, _NAME_IS_UTF8 = 0x41, 0x800
_CONTENT_TYPES = "[Content_Types].xml"
_HEAD = 1_024
_MAGIC = (
    (b"7z\xbc\xaf\x27\x1c", ".7z"),
    (b"Rar!\x1a\x07", ".rar"),
    (b"\x1f\x8b\x08", ".gz"),
    (b"BZh", ".bz2"),
    (b"\xfd7zXZ\x00", ".xz"),
)
_JUNK = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LARGE, _NOTHING = re.compile(r"xl/(?:worksheets/[^/]+|sharedStrings)\.xml\Z"), re.compile(r"(?!)")
_ODF_PARTS = frozenset({"content.xml", "styles.xml", "meta.xml", "settings.xml"})


class _ZipEntry(NamedTuple):
    """One entry: its path with `/` between folders, and where its packed bytes are."""

    path: str
    start: int
    end: int
    method: int
    checksum: int


def read_zip(content: bytes, limits: Limits) -> list[Part] | Finding:
    """The files of an ordinary zip in its order.

    Its folders, and what macOS and Windows add, are left out.

    Returns:
        The files, or the finding `FB-broken`, `FB-encrypted`, `FB-zip-unsafe` (paths that lead
        elsewhere, links, doubled or overlapping entries, unusual packing, an archive within),
        `FB-limit-zip-…`.
    """
    opened = _opened(content, limits, keep=limits.zip_part_bytes)
    if isinstance(opened, Finding):
        return opened
    parts: list[Part] = []
    for entry, data in opened:
        if entry.path.endswith("/") or _JUNK.search(entry.path):
            continue
        if zlib.crc32(data) != entry.checksum:
            return finding("FB-broken", reason="CRC")
        if archive := _archive(data, limits):
            return _unsafe(entry.path, archive)
        parts.append(Part(_CONTROLS.sub("_", entry.path.rpartition("/")[2]), bytes(data)))
    return parts


def examine(content: bytes, limits: Limits) -> dict[str, bytearray] | Finding:
    """Whether an Office package (OOXML, OpenDocument) is safe for a parser.

    Returns:
        What makes it unsafe: besides what `read_zip` refuses, a DOCTYPE at the top of an XML part
        is taken for damage, for no Office program writes one; archives within are not looked for.
        Otherwise the sheets and strings of a large workbook by their paths, which have been
        unpacked to be counted and need not be unpacked again.
    """
    opened = _opened(content, limits, keep=_HEAD, whole=_LARGE)
    if isinstance(opened, Finding):
        if opened.code == "FB-zip-unsafe":
            told = opened.details
            return finding("FB-package-unsafe", name=told["name"], reason=told["reason"])
        return opened
    is_ooxml = any(entry.path == _CONTENT_TYPES for entry, _ in opened)
    for entry, head in opened:
        is_read = entry.path.endswith((".xml", ".rels")) if is_ooxml else entry.path in _ODF_PARTS
        if is_read and b"<!DOCTYPE" in head[:_HEAD].replace(
            b"\x00", b""
        ):  # without NUL, UTF-16 reads the same
            return finding("FB-broken", reason="DOCTYPE")
    return {
        entry.path: data
        for entry, data in opened
        if _LARGE.match(entry.path) and zlib.crc32(data) == entry.checksum
    }


def _opened(
    content: bytes, limits: Limits, keep: int, whole: re.Pattern[str] = _NOTHING
) -> list[tuple[_ZipEntry, bytearray]] | Finding:
    """Every entry with its first `keep` bytes.

    Where `whole` fits the entry's path, these are all of its bytes. Every entry has been inflated
    and counted.
    """
    try:
        entries = _entries(content, limits)
        if isinstance(entries, Finding):
            return entries
        found: list[tuple[_ZipEntry, bytearray]] = []
        total = 0
        for entry in entries:
            counted = _counted(
                content,
                entry,
                limits,
                total,
                limits.zip_part_bytes if whole.match(entry.path) else keep,
            )
            if isinstance(counted, Finding):
                return counted
            total += counted[0]
            found.append((entry, counted[1]))
    except MemoryError:
        raise
    except Exception:  # zipfile and zlib raise a dozen kinds
        return finding("FB-broken", reason="zip")
    return found


def _counted(
    content: bytes, entry: _ZipEntry, limits: Limits, before: int, keep: int
) -> tuple[int, bytearray] | Finding:
    """The unpacked size and the first `keep` bytes; inflating ends as soon as a limit is passed."""
    size, packed = 0, max(1, entry.end - entry.start)
    kept = bytearray()
    for piece in _inflated(content, entry):
        size += len(piece)
        if len(kept) < keep:
            kept += piece[: keep - len(kept)]
        if size > limits.zip_part_bytes:
            return limits.over("zip_part_bytes", size, where=entry.path)
        if before + size > limits.zip_total_bytes:
            return limits.over("zip_total_bytes", before + size)
        if size > _RATIO_FROM and size > limits.zip_ratio * packed:
            return limits.over("zip_ratio", size // packed, where=entry.path, unit=":1")
    return size, kept


def _inflated(content: bytes, entry: _ZipEntry) -> Iterator[bytes]:
    view = memoryview(content)
    if entry.method == zipfile.ZIP_STORED:
        yield view[entry.start : entry.end].tobytes()
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for at in range(entry.start, entry.end, _PIECE):
        yield inflater.decompress(view[at : min(at + _PIECE, entry.end)])
    if not inflater.eof:
        raise zlib.error


# --- the directory --------------------------------------------------------------------


def _entries(content: bytes, limits: Limits) -> list[_ZipEntry] | Finding:
    if (number := _entries_told(content)) > limits.zip_entries:
        return limits.over("zip_entries", number)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        told, end_of_files = archive.infolist(), archive.start_dir
    if any(info.flag_bits & _ENCRYPTED for info in told):
        return finding("FB-encrypted")
    paths = _paths(told)
    seen: set[str] = set()
    for info, path in zip(told, paths, strict=True):
        if reason := _danger(info, path):
            return _unsafe(path, reason)
        if path.casefold() in seen:
            return _unsafe(path, "× 2")
        seen.add(path.casefold())
    return _placed(content, told, paths, end_of_files)


def _entries_told(content: bytes | bytearray) -> int:
    """How many entries the directory seems to hold: counted before anything is made of them."""
    end = content.rfind(b"PK\x05\x06")
    size = int.from_bytes(content[end + 12 : end + 16], "little")
    return content.count(b"PK\x01\x02", max(0, end - size), end) if end >= 0 else 0


def _paths(told: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The paths in their real encoding.

    `zipfile` takes every path not marked as UTF-8 for one in code page 437, that of the first IBM
    PC.
    """
    legacy = [i for i in told if not i.flag_bits & _NAME_IS_UTF8 and not i.orig_filename.isascii()]
    text = encodings.decode(b"\n".join(i.orig_filename.encode("cp437") for i in legacy), None)
    names = text.split("\n") if isinstance(text, str) else []
    real = dict(zip(map(id, legacy), names, strict=True)) if len(names) == len(legacy) else {}
    return [real.get(id(i), i.orig_filename).replace("\\", "/") for i in told]


def _danger(info: zipfile.ZipInfo, path: str) -> str:
    """Why the entry is not a plain file in a folder of the archive, `''` when it is."""
    if path.startswith("/") or ".." in path.split("/"):
        return "/" if path.startswith("/") else ".."
    if re.match("[A-Za-z]:", path):
        return path[:2]
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "symlink"
    return (
        ""
        if info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        else f"method {info.compress_type}"
    )


def _placed(
    content: bytes, told: Sequence[zipfile.ZipInfo], paths: Sequence[str], end_of_files: int
) -> list[_ZipEntry] | Finding:
    """The entries with their places; none may reach into another.

    The header in front of each entry tells its place.
    """
    entries: list[_ZipEntry] = []
    for info, path in zip(told, paths, strict=True):
        at = info.header_offset
        if content[at : at + 4] != b"PK\x03\x04":
            return finding("FB-broken", reason="zip")
        start = (
            at
            + 30
            + int.from_bytes(content[at + 26 : at + 28], "little")
            + int.from_bytes(content[at + 28 : at + 30], "little")
        )
        entries.append(
            _ZipEntry(path, start, start + info.compress_size, info.compress_type, info.CRC)
        )
    end, last = 0, ""
    for entry, info in sorted(
        zip(entries, told, strict=True), key=lambda pair: pair[1].header_offset
    ):
        if info.header_offset < end:
            return _unsafe(entry.path, f"∩ {_CONTROLS.sub('_', last)[:80]}")
        end, last = entry.end, entry.path
    return finding("FB-broken", reason="zip") if end > end_of_files else entries


def _archive(data: bytearray, limits: Limits) -> str:
    """The kind of archive that a member is, `''` when it is none; Office packages are none."""
    if data[257:262] == b"ustar":
        return ".tar"
    if not data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "")
    if _entries_told(data) > limits.zip_entries:
        return ".zip"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return ""  # torn; told when it is read itself
    return "" if {_CONTENT_TYPES, "mimetype"} & set(names) else ".zip"


def _unsafe(path: str, reason: str) -> Finding:
    return finding("FB-zip-unsafe", name=_CONTROLS.sub("_", path)[:120], reason=reason)
