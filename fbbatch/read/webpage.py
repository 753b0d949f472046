"""Tables of a web page: many systems export a page under the name `.xls`."""

from lxml import html

from fbbatch.model import Cell

_WIDEST = 500


def read_tables(text: str) -> list[list[list[Cell]]]:
    """Every table of the page as rows of texts; a cell over several columns has its text in the first of them."""
    try:
        page = html.document_fromstring(text.encode(), parser=html.HTMLParser(encoding="utf-8", huge_tree=False))
    except (ValueError, html.etree.LxmlError):
        return []
    return [rows for table in page.iter("table") if (rows := [_row(row) for row in table.iter("tr")])]


def _row(row: "html.HtmlElement") -> list[Cell]:
    cells: list[Cell] = []
    for cell in row:
        if cell.tag in {"td", "th"}:
            for line_break in cell.iter("br"):
                line_break.tail = f"\n{line_break.tail or ''}"
            span = str(cell.get("colspan") or "1")
            cells += ["".join(cell.itertext()).strip(), *[None] * (min(int(span), _WIDEST) - 1 if span.isdecimal() else 0)]
    return cells
