"""Workbooks whose parts have other names than usual are packed again under the usual ones.

The format lets a package name its main part as it likes, and Office opens it; readers look for
`xl/workbook.xml`. So what nearly every program does is made of it, and all readers see the same.
"""

import io
import posixpath
import re
import zipfile
from collections.abc import Callable
from urllib.parse import unquote
from xml.sax.saxutils import escape, unescape

from lxml import etree

from fbbatch.read.ooxml import PROBLEMS, SAFE_XML

_USUAL = "xl/workbook"
_MAIN = re.compile(r"spreadsheetml[.\w-]*\.main\+xml|ms-excel\.[.\w-]*main(?:\+xml)?|sheet\.binary")
_TARGET = re.compile(r"(?<=\bTarget=)([\"'])(.*?)\1")
_PART_NAME = re.compile(r"(?<=\bPartName=)([\"'])(.*?)\1")
_CONTENT_TYPES = "[Content_Types].xml"
_LARGEST_LIST = 5_000_000


def main_part(content: bytes) -> str:
    """The path of the part that is the workbook of an Office package, `''` when there is none.

    The list of content types says which one it is; a package that is damaged has none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(_CONTENT_TYPES).file_size > _LARGEST_LIST:
                return ""
            types = etree.fromstring(
                archive.read(_CONTENT_TYPES),
                etree.XMLParser(**SAFE_XML),
            )
    except PROBLEMS:
        return ""
    for one in types.iterchildren("{*}Override"):
        kind = one.get(
            "ContentType",
            "",
        )
        if _MAIN.search(kind) and "word" not in kind:
            return str(
                one.get(
                    "PartName",
                    "",
                )
            ).lstrip("/")
    return ""


def with_usual_paths(content: bytes, main: str) -> bytes:
    """The package with its workbook at `xl/workbook.xml` (`.bin`) and its other parts below `xl/`.

    Args:
        content: the package; that it is safe to unpack has been checked before.
        main: the path of its workbook.

    Raises:
        KeyError, zipfile.BadZipFile, …: it is damaged; `ooxml.PROBLEMS` names them all.
    """
    folder, name = posixpath.split(main)
    usual = _USUAL + (".bin" if name.endswith(".bin") else ".xml")

    def moved(path: str) -> str:
        if path.lower() == main.lower():
            return usual
        if (
            path.lower()
            == posixpath.join(
                folder,
                "_rels",
                f"{name}.rels",
            ).lower()
        ):
            return f"xl/_rels/{posixpath.basename(usual)}.rels"
        if path == _CONTENT_TYPES or path.startswith(("_rels/", "docProps/")):
            return path
        inside = path.removeprefix(f"{folder}/") if folder else path
        return f"xl/{inside}" if inside != path or not folder else path

    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(
            packed,
            "w",
            zipfile.ZIP_DEFLATED,
        ) as new,
    ):
        for entry in old.infolist():
            path, data = (
                entry.filename.replace(
                    "\\",
                    "/",
                ),
                old.read(entry),
            )
            if path.endswith(".rels"):
                data = _with_targets(
                    data,
                    path,
                    moved,
                )
            elif path == _CONTENT_TYPES:
                data = _PART_NAME.sub(
                    lambda told: f'"/{escape(moved(unescape(told[2]).lstrip("/")))}"',
                    data.decode(),
                ).encode()
            new.writestr(
                zipfile.ZipInfo(moved(path)),
                data,
                zipfile.ZIP_DEFLATED,
            )
    return packed.getvalue()


def _with_targets(data: bytes, path: str, moved: Callable[[str], str]) -> bytes:
    """The relations of a part, whose targets are where they have been moved."""
    source = posixpath.dirname(posixpath.dirname(path))

    def target(told: re.Match[str]) -> str:
        written = unquote(unescape(told[2]))
        if "://" in written or written.startswith(("#", "mailto:")):
            return str(told[0])
        old = posixpath.normpath(
            posixpath.join(
                "/",
                source,
                written,
            )
        ).lstrip("/")
        return f'"/{escape(moved(old))}"'

    return _TARGET.sub(
        target,
        data.decode(),
    ).encode()
