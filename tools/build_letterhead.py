"""Rebuild `templates/letterhead.docx`, which every Word document starts from.

It holds the Word styles, the header and the footer.

A company opens the result in Word and puts its logo and colours there; this script only makes the
plain original.
"""

import argparse
from pathlib import Path

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

_STYLES = {
    "Normal": (10.5, False, 0, 3),
    "Title": (17, True, 0, 6),
    "Subtitle": (12, False, 0, 0),
    "Heading 1": (12.5, True, 8, 4),
    "Heading 2": (11, True, 6, 3),
    "Caption": (8.5, False, 0, 2),
}


def build(target: Path) -> None:
    """Write the letterhead to `target`."""
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(1.8)
    section.top_margin, section.bottom_margin = Cm(2.0), Cm(1.9)
    section.header_distance = section.footer_distance = Cm(0.9)
    for name, (size, bold, before, after) in _STYLES.items():
        style = document.styles[name]
        style.font.size, style.font.bold, style.font.italic = Pt(size), bold, False
        style.font.color.rgb = RGBColor(0, 0, 0)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in list(fonts.attrib):
            del fonts.attrib[attribute]
        style.paragraph_format.space_before, style.paragraph_format.space_after = (
            Pt(before),
            Pt(after),
        )
        for border in style.element.findall(".//" + qn("w:pBdr")):
            border.getparent().remove(border)
    for name in ("Title", "Subtitle"):
        document.styles[name].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for kind, text in (("field", "PAGE"), ("text", " / "), ("field", "NUMPAGES")):
        run = footer.add_run("" if kind == "field" else text)
        run.font.size = Pt(8)
        for step in ("begin", "instr", "end") if kind == "field" else ():
            element = OxmlElement("w:instrText" if step == "instr" else "w:fldChar")
            if step == "instr":
                element.text = text
            else:
                element.set(qn("w:fldCharType"), step)
            run._r.append(element)
    document.core_properties.author = "fbbatch"
    document.core_properties.title = ""
    document.core_properties.comments = ""
    for rel_id, relation in list(document.part.rels.items()):
        if relation.reltype.endswith(
            ("stylesWithEffects", "customXml", "webSettings", "numbering")
        ):
            document.part.rels.pop(rel_id)
    kept = {
        "Normal",
        "Title",
        "Subtitle",
        "Heading 1",
        "Heading 2",
        "Caption",
        "Header",
        "Footer",
        "Table Grid",
        "Normal Table",
        "Default Paragraph Font",
    }
    for style in list(document.styles.element.style_lst):
        if (
            style.name_val
            not in {
                name.lower()
                if name.startswith(("Heading", "Header", "Footer", "Caption"))
                else name
                for name in kept
            }
            | kept
        ):
            document.styles.element.remove(style)
    latent = document.styles.element.find(qn("w:latentStyles"))
    if latent is not None:
        document.styles.element.remove(latent)
    document.part.package.rels.pop(
        next(
            (i for i, r in document.part.package.rels.items() if r.reltype.endswith("thumbnail")),
            "",
        ),
        None,
    )
    document.save(str(target))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, nargs="?", default=Path("templates/letterhead.docx"))
    build(parser.parse_args().target)
