"""Tables of a web page: many systems export a page under the name `.xls`."""

from lxml import html

from fbbatch.model import Cell

_WIDEST = 500


def read_tables(text: str) -> list[list[list[Cell]]]:
    """Every table of the page as rows of texts.

    A cell over several columns has its text in the first of them. The rows of a table within a cell
    are rows of that table only.
    """
    try:
        page = html.document_fromstring(
            text.encode(), parser=html.HTMLParser(encoding="utf-8", huge_tree=False)
        )
    except (ValueError, html.etree.LxmlError):
        return []
    tables: dict[html.HtmlElement, list[list[Cell]]] = {}
    for row in page.iter("tr"):
        if (table := next(row.iterancestors("table"), None)) is not None:
            tables.setdefault(table, []).append(_row(row))
    return list(tables.values())


def _row(row: "html.HtmlElement") -> list[Cell]:
    cells: list[Cell] = []
    for cell in row:
        if cell.tag in {"td", "th"}:
            for line_break in cell.iter("br"):
                line_break.tail = f"\n{line_break.tail or ''}"
            span = str(cell.get("colspan") or "1")
            cells += [
                "".join(cell.itertext()).strip(),
                *[None] * (min(int(span), _WIDEST) - 1 if span.isdecimal() else 0),
            ]
    return cells
