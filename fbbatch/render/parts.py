"""What the parts of an Office package have in common.

That is namespaces, how they are parsed, and when one cannot be edited.
"""

from lxml import etree

from fbbatch.read.ooxml import SAFE_XML

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PARSER = etree.XMLParser(remove_blank_text=False, **SAFE_XML)


class UnmarkableError(Exception):
    """The workbook is built in a way that cannot be marked without risk.

    It goes back with a note beside it.
    """


def child(tree: etree._Element, name: str) -> etree._Element:
    """The child of that name; the schema wants it to be there, and at its place.

    Raises:
        UnmarkableError: there is none.
    """
    found = tree.find(f"{{{MAIN}}}{name}")
    if found is None:
        raise UnmarkableError(name)
    return found


def serialised_tree(tree: etree._Element) -> bytes:
    """A part as bytes."""
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True))
