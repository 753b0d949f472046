"""PDF forms: the blanks, the text of the pages and what was typed onto them.

Nothing in a PDF is executed or followed.
"""

import io
import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from fbbatch.findings import finding
from fbbatch.model import Finding
from fbbatch.read import encodings
from fbbatch.read.limits import Limits
from fbbatch.read.paper import Blank, Paper

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

_Node = Mapping[str, Any]

_RADIO, _PUSH_BUTTON = 1 << 15, 1 << 16
_INHERITED = ("/FT", "/Ff", "/V", "/Opt")
_DEEPEST_FIELD = 100
_POISON = re.compile("[\x00\ud800-\udfff]")
_NOT_TYPED = frozenset({"/Widget", "/Link", "/Popup"})
_IDENTITY = "/fbbatch."


def read_pdf(content: bytes, limits: Limits) -> Paper | Finding:
    """Read a PDF as a written document.

    `blanks` are the form's fields by their full names, push buttons left out; widgets that lost
    their form (merged files) are fields too. A checkbox gives `☑` or `☐`, a radio group and a list
    what was chosen, several joined by `、`. `lines` are the page texts, then what was typed onto
    the page as annotations. A page whose text cannot be had gives no lines.

    Returns:
        The document, or the finding `FB-encrypted`, `FB-xfa`, `FB-broken`, `FB-limit-pdf-…`,
        `FB-limit-paper-chars`.
    """
    from pypdf import PdfReader, apply_configuration
    from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)  # its warnings quote what they found
    start = max(0, content.find(b"%PDF-", 0, 2_048))
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            apply_configuration(**_configuration(limits)),
        ):
            return _paper(PdfReader(io.BytesIO(content[start:])), limits)
    except (DependencyError, FileNotDecryptedError):
        return finding("FB-encrypted")
    except LimitReachedError:
        return limits.over("pdf_stream_bytes", limits.pdf_stream_bytes + 1)
    except MemoryError:
        raise
    except Exception:  # damaged files raise two dozen kinds
        return finding("FB-broken", reason="PDF")


def _configuration(limits: Limits) -> dict[str, Any]:
    size = limits.pdf_stream_bytes
    filters = ("zlib", "lzw", "run_length", "brotli", "jbig2", "array_based_stream")
    return {
        **{f"{name}_maximum_output_length": size for name in filters},
        "maximum_declared_stream_length": size,
        "stream_decoding_work_maximum_length": 4 * size,
        "stream_parsing_work_maximum_count": 300_000,  # some three seconds
        "page_tree_maximum_entries": 2 * limits.pdf_pages + 100,
        "jbig2dec_binary": None,  # no program is started
    }


def _paper(reader: "PdfReader", limits: Limits) -> Paper | Finding:
    if reader.is_encrypted and not reader.decrypt(""):
        return finding("FB-encrypted")
    pages = _pages(reader, limits)
    if isinstance(pages, Finding):
        return pages
    annotations = [_annotations(page) for page in pages]
    form = _node(reader.root_object.get("/AcroForm"))
    blanks = _blanks([*_nodes(form.get("/Fields")), *_widget_fields(annotations)], limits)
    if isinstance(blanks, Finding):
        return blanks
    if "/XFA" in form and not blanks:
        return finding("FB-xfa")
    lines = _lines(pages, annotations, limits)
    if isinstance(lines, Finding):
        return lines
    return Paper(blanks=tuple(blanks), lines=tuple(lines), identity=_identity(reader))


def _lines(
    pages: "Sequence[PageObject]", annotations: Sequence[Sequence[_Node]], limits: Limits
) -> list[str] | Finding:
    """What stands on the pages: of each its text, then what was typed onto it."""
    lines: list[str] = []
    chars = 0
    for page, notes in zip(pages, annotations, strict=True):
        typed = (note for note in notes if _plain(note.get("/Subtype")) not in _NOT_TYPED)
        texts = [_page_text(page), *(_text(note.get("/Contents")) for note in typed)]
        text = "\n".join(texts)
        chars += len(text)
        if chars > limits.paper_chars:
            return limits.over("paper_chars", chars)
        lines += [line.strip() for line in text.splitlines() if line.strip()]
    return lines


def _identity(reader: "PdfReader") -> dict[str, str]:
    """What a document of ours says of itself."""
    told = _node(reader.trailer.get("/Info"))
    return {
        str(key).removeprefix(_IDENTITY): _text(told.get(key))
        for key in told
        if str(key).startswith(_IDENTITY)
    }


# --- pages ----------------------------------------------------------------------------


def _pages(reader: "PdfReader", limits: Limits) -> "Sequence[PageObject] | Finding":
    from pypdf.errors import LimitReachedError

    told = _node(reader.root_object.get("/Pages")).get("/Count")
    if isinstance(told, int) and told > limits.pdf_pages:
        return limits.over("pdf_pages", told)
    try:
        pages = list(reader.pages)
    except LimitReachedError:
        return limits.over("pdf_pages", limits.pdf_pages + 1)
    return limits.over("pdf_pages", len(pages)) if len(pages) > limits.pdf_pages else pages


def _page_text(page: "PageObject") -> str:
    """The text drawn on the page.

    A bomb in the page's own content is a limit; whatever else fails costs only this page.
    """
    from pypdf.errors import LimitReachedError

    try:
        page.get_contents()
    except (LimitReachedError, MemoryError):
        raise
    except Exception:
        return ""
    try:
        return _clean(page.extract_text())
    except MemoryError:
        raise
    except Exception:
        return ""


def _annotations(page: "PageObject") -> list[_Node]:
    """What lies on the page; nothing where that cannot be had."""
    try:
        return _nodes(page.get("/Annots"))
    except MemoryError:
        raise
    except Exception:
        return []


# --- fields ---------------------------------------------------------------------------


def _widget_fields(annotations: Iterable[Sequence[_Node]]) -> Iterator[_Node]:
    """The fields that the widgets of all pages belong to."""
    for annotation in chain.from_iterable(annotations):
        if _plain(annotation.get("/Subtype")) == "/Widget":
            yield _topmost(annotation)


def _topmost(widget: _Node) -> _Node:
    """The field at the root of a widget's tree."""
    for _ in range(_DEEPEST_FIELD):
        parent = _node(widget.get("/Parent"))
        if not parent or parent is widget:
            break
        widget = parent
    return widget


def _blanks(tops: Iterable[_Node], limits: Limits) -> list[Blank] | Finding:
    """The fields of the trees in order; whatever refers back to itself is taken once."""
    blanks: list[Blank] = []
    seen: dict[int, _Node] = {}
    for top in tops:
        waiting: list[tuple[_Node, str, dict[str, Any]]] = [(top, "", {})]
        while waiting:
            node, above, inherited = waiting.pop()
            if id(node) in seen:
                continue
            seen[id(node)] = node
            if len(seen) > limits.pdf_fields:
                return limits.over("pdf_fields", len(seen))
            name = ".".join(filter(None, (above, _text(node.get("/T")))))
            told = inherited | {key: _plain(node.get(key)) for key in _INHERITED if key in node}
            kids = _nodes(node.get("/Kids"))
            if any("/T" in kid for kid in kids):
                waiting += [(kid, name, told) for kid in reversed(kids)]
                continue
            if "/FT" in told and not (told["/FT"] == "/Btn" and _flags(told) & _PUSH_BUTTON):
                answer, label = _answer(told, kids or [node]), _text(node.get("/TU"))
                blanks.append(Blank(name, answer, label, "field", is_shown=False))
    return blanks


def _answer(told: Mapping[str, Any], widgets: Sequence[_Node]) -> str:
    """What a field is filled in with, as a reader sees it."""
    value = told.get("/V")
    match told["/FT"]:
        case "/Btn":
            return _ticked(told, widgets)
        case "/Ch":
            shown = dict(_options(told))
            values = map(_text, value if isinstance(value, list) else [value])
            return "、".join(filter(None, (shown.get(text, text) for text in values)))
        case "/Sig":
            return _text(value.get("/Name")) if isinstance(value, Mapping) else ""
        case _:
            return _text(value)


def _ticked(told: Mapping[str, Any], widgets: Sequence[_Node]) -> str:
    """`☑` or `☐` of a checkbox; what was chosen where several buttons make one field."""
    state = _text(told.get("/V")) or _pressed(widgets)
    if state == "Off":
        state = ""
    looks: set[str] = set()
    for widget in widgets:
        appearance = _node(widget.get("/AP"))
        looks.update(map(str, _node(appearance.get("/N"))))
    if not _flags(told) & _RADIO and len(looks - {"/Off"}) < 2:
        return "☑" if state else "☐"
    options = _options(told)
    return options[int(state)][1] if state.isdecimal() and int(state) < len(options) else state


def _pressed(widgets: Sequence[_Node]) -> str:
    """The state of the first button that shows itself as ticked."""
    for widget in widgets:
        state = _text(widget.get("/AS"))
        if state not in {"", "Off"}:
            return state
    return ""


def _flags(told: Mapping[str, Any]) -> int:
    flags = told.get("/Ff")
    return flags if isinstance(flags, int) else 0


def _options(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The choices as (value, what the reader sees)."""
    pairs: list[tuple[str, str]] = []
    for option in _list(told.get("/Opt")):
        both = _list(option) or [option]
        pairs.append((_text(both[0]), _text(both[-1])))
    return pairs


# --- objects --------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """The object itself, where a reference to it stands."""
    return value.get_object() if hasattr(value, "get_object") else value


def _node(value: Any) -> _Node:
    """The dictionary that it is or refers to; an empty one for anything else."""
    value = _plain(value)
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    """The array that it is or refers to; an empty one for anything else."""
    value = _plain(value)
    return list(value) if isinstance(value, list) else []


def _nodes(value: Any) -> list[_Node]:
    """The dictionaries in an array that are not empty."""
    return [node for item in _list(value) if (node := _node(item))]


def _text(value: Any) -> str:
    """The text of a string, a name or a stream; `''` for anything else."""
    from pypdf.generic import NameObject, StreamObject

    value = _plain(value)
    if isinstance(value, StreamObject):
        value = value.get_data()
    if isinstance(value, bytes):
        decoded = encodings.decode(value, None)
        value = decoded if isinstance(decoded, str) else value.decode("latin-1")
    if isinstance(value, NameObject):
        return _clean(value.removeprefix("/"))
    return _clean(value) if isinstance(value, str) else ""


def _clean(text: str) -> str:
    return _POISON.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n")
