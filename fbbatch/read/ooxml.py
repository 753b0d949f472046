"""Office packages: their parts, and what these refer to.

Parts are found by their relations and parsed without entities, network or huge trees.
"""

import contextlib
import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import unquote

from lxml import etree

from fbbatch.findings import finding
from fbbatch.model import Finding
from fbbatch.read.limits import Limits

Xml = Any  # an lxml element; lxml comes without types

IDENTITY = "fbbatch."
SAFE_XML: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
}
"""How XML that came from outside is parsed: without entities, network, DTD and huge trees."""
_PARSER_DEPTH = 256  # libxml2's own limit
WORKBOOK = "xl/workbook.xml"
"""The path of the part that lists sheets and names of a workbook."""
_DATE_1904 = re.compile(rb"<(?:\w+:)?workbookPr\s[^>]*\bdate1904=[\"'](?:1|true)[\"']")


class RefusedError(Exception):
    """The file cannot be taken; `why` is the finding."""

    def __init__(self, why: Finding) -> None:
        super().__init__(why.code)
        self.why = why


PROBLEMS = (
    RefusedError,
    KeyError,
    ValueError,
    OSError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    etree.LxmlError,
)
"""What opening a package or reading a part may raise."""


class Relation(NamedTuple):
    """What a part refers to.

    `type` is an address, of which the last word tells what the target is; `target` is the path as
    it is written there.
    """

    id: str
    type: str
    target: str
    is_external: bool


class ListedSheet(NamedTuple):
    """A worksheet as the workbook lists it.

    `name` is its name, `hidden` whether it is hidden, `path` the path of its part, and `size` the
    bytes of that, unpacked.
    """

    name: str
    hidden: bool
    path: str
    size: int


class SheetList(NamedTuple):
    """The worksheets of a workbook in its order.

    The list ends at anything strange, and is not `is_sound` then. `date_1904`: its days count from
    the year 1904.
    """

    sheets: list[ListedSheet]
    is_sound: bool
    date_1904: bool

    def path_of(self, name: str) -> str | None:
        """The path of a worksheet's part; None when it cannot be told."""
        return next((sheet.path for sheet in self.sheets if sheet.name == name), None)


class Package:
    """The parts of an Office file by their paths, whose letters may be small or large.

    Args:
        content: its bytes; that they are safe to unpack has been checked before.
        limits: how much is too much.
        unpacked: some of its parts by their paths, where they have been unpacked already; each is
            handed out once.

    Raises:
        RefusedError: it is encrypted.
        zipfile.BadZipFile, OSError, …: it cannot be opened; `PROBLEMS` names them all.
    """

    def __init__(
        self, content: bytes, limits: Limits, unpacked: dict[str, bytearray] | None = None
    ) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(content))
        self._limits = limits
        self._unpacked = {} if unpacked is None else unpacked
        self._entries = {_key(entry.filename): entry for entry in self._archive.infolist()}
        if any(entry.flag_bits & 1 for entry in self._entries.values()):
            raise RefusedError(finding("FB-encrypted"))

    def part(self, path: str, most: int = -1) -> bytes | bytearray | None:
        """A part, or its first `most` bytes; None when it cannot be read."""
        if path in self._unpacked:
            return self._unpacked[path][:most] if most >= 0 else self._unpacked.pop(path)
        with (
            contextlib.suppress(*PROBLEMS),
            self._archive.open(self._entries[_key(path)]) as stream,
        ):
            return stream.read(most)
        return None

    def pieces(self, path: str, size: int) -> Iterator[bytes]:
        """A part, so many bytes at a time.

        Raises:
            zipfile.BadZipFile, zlib.error, OSError, …: it cannot be read; `PROBLEMS` names them
            all.
        """
        with self._archive.open(self._entries[_key(path)]) as stream:
            while block := stream.read(size):
                yield block

    def root(self, path: str, name: str = "") -> Xml:
        """The root element of a part, which must be there and without DOCTYPE.

        `name` is what the element must be.

        Raises:
            RefusedError: it is none of this.
            zipfile.BadZipFile, zlib.error, …: it cannot be read.
        """
        entry = self._entries.get(_key(path))
        if entry is None:
            raise _broken("a part is missing")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise _broken("packed in a strange way")
        parser = etree.XMLParser(remove_comments=True, remove_pis=True, **SAFE_XML)
        try:
            root = etree.fromstring(self._archive.read(entry), parser)
        except etree.XMLSyntaxError as error:
            if "Excessive depth" in str(error) and self._limits.xml_depth <= _PARSER_DEPTH:
                raise RefusedError(self._limits.over("xml_depth", _PARSER_DEPTH + 1)) from error
            raise _broken("XML") from error
        if not root.tag.endswith(name):
            raise _broken("not a Word document")
        if root.getroottree().docinfo.internalDTD is not None:
            raise _broken("DOCTYPE")
        return root

    def relations(self, part: str = "") -> list[Relation]:
        """What a part refers to; `part` is `''` for the package itself."""
        folder, name = posixpath.split(part)
        path = posixpath.join(folder, "_rels", f"{name}.rels")
        if _key(path) not in self._entries:
            return []
        return [
            Relation(
                relation.get("Id", ""),
                relation.get("Type", ""),
                relation.get("Target", ""),
                relation.get("TargetMode") == "External",
            )
            for relation in self.root(path).iterchildren("{*}Relationship")
        ]

    def related(self, part: str = "") -> Mapping[str, Iterable[str]]:
        """The parts that `part` refers to, each once, by the last word of the relation's type.

        `part` is `''` for the package itself.
        """
        folder = posixpath.dirname(part)
        paths: dict[str, dict[str, None]] = {}
        for relation in self.relations(part):
            if not relation.is_external:
                target = posixpath.join("/", folder, unquote(relation.target))
                of_this_type = paths.setdefault(relation.type.rpartition("/")[2], {})
                of_this_type[posixpath.normpath(target).lstrip("/")] = None
        return paths

    def path_of(self, part: str, id: str) -> str:
        """The path of what a part refers to by the id of a relation; `''` where there is none."""
        folder = posixpath.dirname(part)
        for relation in self.relations(part):
            if relation.id == id and not relation.is_external:
                target = posixpath.join("/", folder, unquote(relation.target))
                return posixpath.normpath(target).lstrip("/")
        return ""

    def main(self) -> str:
        """The path of the document.

        It is what the package's relations name, else what the list of content types names.
        """
        types = self.root("[Content_Types].xml").iterchildren("{*}Override")
        named = (
            one.get("PartName", "")
            for one in types
            if "word" in (kind := one.get("ContentType", "")) and kind.endswith("main+xml")
        )
        return str(next(iter(self.related().get("officeDocument", named)), "")).lstrip("/")

    def identity(self) -> dict[str, str]:
        """The custom properties `fbbatch.*` without that prefix."""
        related = self.related()
        parts = (
            *related.get("custom-properties", ()),
            *related.get("customProperties", ()),
        )  # the latter in strict files
        properties = [one for part in parts for one in self.root(part).iterchildren("{*}property")]
        named = {one.get("name", ""): "".join(one.itertext()).strip() for one in properties}
        return {
            name.removeprefix(IDENTITY): text
            for name, text in named.items()
            if name.startswith(IDENTITY)
        }

    @cached_property
    def sheet_list(self) -> SheetList:
        """The worksheets, where it is a workbook's package; nothing in it raises."""
        sheets: list[ListedSheet] = []
        is_sound = date_1904 = False
        with contextlib.suppress(*PROBLEMS):
            targets = {r.id: r for r in self.relations(WORKBOOK) if r.id}
            date_1904 = bool(_DATE_1904.search(self.part(WORKBOOK) or b""))
            for sheet in self.root(WORKBOOK).iter("{*}sheet"):
                relation = targets[_relation_id(sheet)]
                entry = self._entries[_sheet_key(relation.target)]
                if relation.type.endswith("/worksheet"):
                    is_hidden = sheet.get("state", "visible") != "visible"
                    name = str(sheet.get("name"))
                    sheets.append(ListedSheet(name, is_hidden, entry.filename, entry.file_size))
            is_sound = True
        return SheetList(sheets, is_sound, date_1904)


def _key(path: str) -> str:
    """By which a part is found: programs differ in letters and slashes."""
    return path.replace("\\", "/").lstrip("/").lower()


def _broken(reason: str) -> RefusedError:
    return RefusedError(finding("FB-broken", reason=reason))


def _relation_id(sheet: Xml) -> str:
    """The id of the relation of a `<sheet>`; it has a namespace, of which there are two."""
    ids = (str(value) for key, value in sheet.attrib.items() if str(key).endswith("}id"))
    return next(ids, "")


def _sheet_key(target: str) -> str:
    """By which a worksheet is found; some programs write its path from the top without a slash."""
    path = target.lstrip("/")
    return (path if path.startswith("xl/") else f"xl/{path}").lower()


def child(element: Xml, *names: str) -> Xml:
    """The first child of that name, of the first child of …; None when there is none."""
    for name in names:
        element = None if element is None else next(element.iterchildren(f"{{*}}{name}"), None)
    return element


def value(element: Xml, name: str = "val") -> str:
    """An attribute in the element's own namespace."""
    return (
        "" if element is None else str(element.get(f"{element.tag.rpartition('}')[0]}}}{name}", ""))
    )


def is_on(element: Xml) -> bool:
    """True for a property that is there and not switched off."""
    return element is not None and value(element) not in {"0", "false", "off"}
