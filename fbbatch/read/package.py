"""The parts of an xlsx file that tell where its sheets are."""

import contextlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple

from lxml import etree

from fbbatch.read.ooxml import SAFE_XML

_DATE_1904 = re.compile(rb"<(?:\w+:)?workbookPr\s[^>]*\bdate1904=[\"'](?:1|true)[\"']")
PROBLEMS = (
    KeyError,
    ValueError,
    OSError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    etree.LxmlError,
)
"""What reading a part may raise."""


class Page(NamedTuple):
    """A worksheet as the workbook lists it.

    `name` is its name, `hidden` whether it is hidden, `path` the path of its part, and `size` the
    bytes of that, unpacked.
    """

    name: str
    hidden: bool
    path: str
    size: int


class Package:
    """An xlsx or xlsm file whose package has been checked before.

    At anything strange in it, `pages` ends, and it is not `is_sound`.

    Args:
        content: its bytes.
        parts: some of its parts by their paths, where they have been unpacked already; each is
            handed out once.
    """

    def __init__(self, content: bytes, parts: dict[str, bytearray]) -> None:
        self._content = content
        self._parts = parts
        self._names: dict[str, str] = {}
        self.pages: list[Page] = []
        self.is_sound = False
        self.date_1904 = False
        with contextlib.suppress(*PROBLEMS):
            self._find_pages()

    def _find_pages(self) -> None:
        with zipfile.ZipFile(io.BytesIO(self._content)) as archive:
            self._names = {name.lower().replace("\\", "/"): name for name in archive.namelist()}
            book = archive.read(self._names["xl/workbook.xml"])
            relations = etree.fromstring(
                archive.read(self._names["xl/_rels/workbook.xml.rels"]), etree.XMLParser(**SAFE_XML)
            )
            sizes = {info.filename: info.file_size for info in archive.infolist()}
        self.date_1904 = bool(_DATE_1904.search(book))
        targets = {
            str(r.get("Id")): (str(r.get("Type")), str(r.get("Target")).lstrip("/"))
            for r in relations
        }
        for sheet in etree.fromstring(book, etree.XMLParser(**SAFE_XML)).iter("{*}sheet"):
            relation = next(
                (value for key, value in sheet.attrib.items() if str(key).endswith("}id")), ""
            )
            kind, target = targets[str(relation)]
            path = self._names[(target if target.startswith("xl/") else f"xl/{target}").lower()]
            if kind.endswith("/worksheet"):
                self.pages.append(
                    Page(
                        str(sheet.get("name")),
                        sheet.get("state", "visible") != "visible",
                        path,
                        sizes[path],
                    )
                )
        self.is_sound = True

    def path_of(self, sheet: str) -> str | None:
        """The path of a worksheet's part; None when it cannot be told."""
        return next((page.path for page in self.pages if page.name == sheet), None)

    def part(self, path: str, most: int = -1) -> bytes | bytearray | None:
        """A part, or its first `most` bytes; None when it cannot be read."""
        if path in self._parts:
            return self._parts[path][:most] if most >= 0 else self._parts.pop(path)
        with contextlib.suppress(*PROBLEMS), self._stream(path) as stream:
            return stream.read(most)
        return None

    def pieces(self, path: str, size: int) -> Iterator[bytes]:
        """A part, so many bytes at a time.

        Raises:
            zipfile.BadZipFile, zlib.error, OSError, …: it cannot be read; `PROBLEMS` names them
            all.
        """
        with self._stream(path) as stream:
            while block := stream.read(size):
                yield block

    @contextlib.contextmanager
    def _stream(self, path: str) -> Iterator[IO[bytes]]:
        with (
            zipfile.ZipFile(io.BytesIO(self._content)) as archive,
            archive.open(self._names.get(path.lower(), path)) as stream,
        ):
            yield stream
