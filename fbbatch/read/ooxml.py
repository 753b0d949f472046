"""The parts of an Office package.

They are found by its relations and parsed without entities, network or huge trees.
"""

import posixpath
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any
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


class RefusedError(Exception):
    """The file cannot be taken; `why` is the finding."""

    def __init__(self, why: Finding) -> None:
        super().__init__(why.code)
        self.why = why


class Package:
    """The parts of an Office file, by their names within it."""

    def __init__(self, archive: zipfile.ZipFile, limits: Limits) -> None:
        self.archive, self.limits = archive, limits
        self.entries = {
            entry.filename.replace("\\", "/").lstrip("/").lower(): entry
            for entry in archive.infolist()
        }
        if any(entry.flag_bits & 1 for entry in self.entries.values()):
            raise RefusedError(finding("FB-encrypted"))

    def root(self, part: str, name: str = "") -> Xml:
        """The root element of a part, which must be there and without DOCTYPE.

        `name` is what the element must be.
        """
        entry = self.entries.get(part.lower())
        if entry is None or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise RefusedError(
                finding(
                    "FB-broken",
                    reason="a part is missing" if entry is None else "packed in a strange way",
                )
            )
        parser = etree.XMLParser(remove_comments=True, remove_pis=True, **SAFE_XML)
        try:
            root = etree.fromstring(self.archive.read(entry), parser)
        except etree.XMLSyntaxError as error:
            if "Excessive depth" in str(error) and self.limits.xml_depth <= _PARSER_DEPTH:
                raise RefusedError(self.limits.over("xml_depth", _PARSER_DEPTH + 1)) from error
            raise RefusedError(finding("FB-broken", reason="XML")) from error
        if root.getroottree().docinfo.internalDTD is not None or not root.tag.endswith(name):
            raise RefusedError(
                finding(
                    "FB-broken",
                    reason="DOCTYPE" if root.tag.endswith(name) else "not a Word document",
                )
            )
        return root

    def related(self, part: str = "") -> Mapping[str, Iterable[str]]:
        """The parts that `part` refers to, each once, by the last word of the relation's type.

        `part` is `''` for the package itself.
        """
        folder, name = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, dict[str, None]] = {}
        for one in (
            self.root(relations).iterchildren("{*}Relationship")
            if relations.lower() in self.entries
            else ()
        ):
            if one.get("TargetMode") != "External":
                target = posixpath.normpath(
                    posixpath.join("/", folder, unquote(one.get("Target", "")))
                )
                found.setdefault(one.get("Type", "").rpartition("/")[2], {})[target.lstrip("/")] = (
                    None
                )
        return found

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
