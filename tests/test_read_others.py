"""PDF forms, JSON, zips, notes and chats: what they hold, where they are refused, and that their bombs end at a limit."""

import csv
import io
import json
import random
import re
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.model import Finding
from fbbatch.read.json_rows import read_json
from fbbatch.read.limits import Limits
from fbbatch.read.paper import Paper
from fbbatch.read.pdf_form import read_pdf
from fbbatch.read.plain_text import read_chat, read_note
from fbbatch.read.zip_files import examine, read_zip
from tests.builders import CUSTOMER, GOOD, sheet, unpacked

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
LIMITS = Limits()


def of_others(*endings: str) -> list[dict[str, str]]:
    """The rows of the corpus's manifest with these endings; none where it is absent."""
    if not (CORPUS / "manifest.csv").is_file():
        return []
    with (CORPUS / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        return [r for r in csv.DictReader(manifest) if r["ext"] in endings]


def told(found: object) -> tuple[str, dict[str, str]]:
    """Code and details of a finding."""
    assert isinstance(found, Finding), found
    return found.code, {k: v for k, v in found.details.items() if k not in {"limit", "setting"}}


# --- PDF -----------------------------------------------------------------------------------------------------

FONT = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
PAGE = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>{}>>"


def stream(data: bytes, filters: str = "") -> bytes:
    return f"<<{filters}/Length {len(data)}>>stream\n".encode() + data + b"\nendstream"


def pdf(
    *further: str | bytes,
    root: str = "",
    page: str = "",
    content: bytes | None = None,
    trailer: str = "",
    changes: dict[int, str] | None = None,
) -> bytes:
    """A PDF of one page that says Hello; `further` objects are numbered from 6, `changes` replace the first ones by number."""
    objects: list[str | bytes] = [
        f"<</Type/Catalog/Pages 2 0 R{root}>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        PAGE.format(page),
        content or stream(b"BT /F 12 Tf 20 100 Td (Hello) Tj ET"),
        FONT,
        *further,
    ]
    for number, text in (changes or {}).items():
        objects[number - 1] = text
    out, places = b"%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (
            number,
            text.encode("utf-8") if isinstance(text, str) else text,
        )
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = "" if "/Size" in trailer else f"/Size {len(objects) + 1}"
    end = f"trailer\n<<{size}/Root 1 0 R{trailer}>>\nstartxref\n{len(out)}\n%%EOF\n".encode()
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def utf16(text: str) -> str:
    return f"<FEFF{text.encode('utf-16-be').hex()}>"


def form(*fields: str, further: str = "") -> bytes:
    kids = " ".join(f"{n} 0 R" for n in range(6, 6 + len(fields)))
    return pdf(*fields, root=f"/AcroForm<</Fields[{kids}]{further}>>")


def paper(content: bytes, limits: Limits = LIMITS) -> Paper:
    found = read_pdf(content, limits)
    assert isinstance(found, Paper), found
    return found


def answers(content: bytes) -> dict[str, str]:
    return {blank.name: blank.text for blank in paper(content).blanks}


def test_a_text_field_gives_its_name_its_label_and_its_text() -> None:
    found = paper(
        form(
            f"<</FT/Tx/T(customer)/TU{utf16('客户姓名')}/V{utf16('王小明')}>>",
            "<</FT/Tx/T(note)/Ff 4096/V(one\\rtwo)>>",
            "<</FT/Tx/T(empty)>>",
        )
    )
    assert [(b.name, b.label, b.text, b.kind) for b in found.blanks] == [
        ("customer", "客户姓名", "王小明", "field"),
        ("note", "", "one\ntwo", "field"),
        ("empty", "", "", "field"),
    ]
    assert found.lines == ("Hello",)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("/FT/Btn/V/Yes", "☑"),
        ("/FT/Btn/V/Off", "☐"),
        ("/FT/Btn/AS/On", "☑"),
        ("/FT/Btn", "☐"),
        ("/FT/Btn/Ff 32768/V/severe", "severe"),
        ("/FT/Btn/Ff 32768/V/Off", ""),
        (f"/FT/Btn/Ff 32768/V/1/Opt[{utf16('一般')}{utf16('严重')}]", "严重"),
        (
            "/FT/Btn/Kids[<</AP<</N<</a 4 0 R/Off 4 0 R>>>>/AS/Off>><</AP<</N<</b 4 0 R>>>>/AS/b>>]",
            "b",
        ),
        (f"/FT/Ch/V(k2)/Opt[[(k1){utf16('硬件')}][(k2){utf16('软件')}]]", "软件"),
        ("/FT/Ch/V[(a)(b)]/Ff 2097152/Opt[(a)(b)(c)]", "a、b"),
        ("/FT/Ch/V(typed)/Opt[(a)]", "typed"),
        ("/FT/Tx/Ff 16777216/MaxLen 8/V(12345678)", "12345678"),
        ("/FT/Tx/V 4 0 R", "BT /F 12 Tf 20 100 Td (Hello) Tj ET"),
        ("/FT/Sig/V<</Type/Sig/Name(Wang)>>", "Wang"),
        ("/FT/Tx/V null", ""),
    ],
)
def test_a_field_says_what_a_reader_sees(field: str, text: str) -> None:
    assert answers(form(f"<</T(x){field}>>")) == {"x": text}


def test_fields_in_groups_have_full_names_and_inherit() -> None:
    group = "<</T(person)/FT/Tx/Kids[<</T(name)/V(Wang)>><</T(phone)/V(138)/Kids[<</Subtype/Widget>>]>>]>>"
    assert answers(form(group)) == {"person.name": "Wang", "person.phone": "138"}


def test_push_buttons_are_no_blanks() -> None:
    assert answers(form("<</FT/Btn/Ff 65536/T(submit)>>", "<</FT/Tx/T(a)>>")) == {"a": ""}


def test_fields_on_a_page_without_a_form_are_blanks_all_the_same() -> None:
    content = pdf(
        "<</Subtype/Widget/Parent 7 0 R>>",
        "<</T(group)/FT/Tx/V(text)/Kids[6 0 R]>>",
        page="/Annots[6 0 R 6 0 R]",
    )
    assert answers(content) == {"group": "text"}


def test_text_typed_onto_the_page_is_read_and_links_are_not() -> None:
    notes = f"<</Subtype/FreeText/Contents{utf16('蓝牙断开')}>><</Subtype/Link/Contents(no)/A<</S/URI/URI(http://x)>>>>"
    assert paper(pdf(page=f"/Annots[{notes}]")).lines == ("Hello", "蓝牙断开")


def test_our_own_keys_of_the_document_information_are_its_identity() -> None:
    content = pdf(
        "<</Title(x)/fbbatch.form(reply)/fbbatch.case(FB-2026-0001)>>", trailer="/Info 6 0 R"
    )
    assert paper(content).identity == {"form": "reply", "case": "FB-2026-0001"}


def test_a_dynamic_form_is_told_and_a_static_one_with_fields_is_read() -> None:
    assert told(read_pdf(form(further="/XFA 4 0 R"), LIMITS))[0] == "FB-xfa"
    assert answers(form("<</FT/Tx/T(a)/V(b)>>", further="/XFA 4 0 R")) == {"a": "b"}


def test_junk_around_a_pdf_is_tolerated() -> None:
    content = pdf()
    for junk in (b"HTTP/1.1 200 OK\r\n\r\n", b"\n" * 1_000):
        assert paper(junk + content + b"\x00" * 2_000).lines == ("Hello",)


def test_a_page_whose_text_cannot_be_had_gives_no_lines() -> None:
    assert paper(pdf(content=stream(b"\x00\xff not flate", "/Filter/FlateDecode"))).lines == ()


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.7\n%%EOF",
        pdf()[:200],
        b"%PDF-" + b"\x00" * 10_000,
        pdf(changes={2: "<<>>"})[:-300],
    ],
)
def test_a_damaged_pdf_is_a_finding(content: bytes) -> None:
    assert told(read_pdf(content, LIMITS))[0] == "FB-broken"


def packed(megabytes: int) -> bytes:
    """So many million bytes, deflated without ever being in memory."""
    packer = zlib.compressobj(9)
    return (
        b"".join(packer.compress(b"BT (x) Tj\n" * 100_000) for _ in range(megabytes))
        + packer.flush()
    )


def flate(times: int, megabytes: int) -> bytes:
    data = packed(megabytes)
    for _ in range(times - 1):
        data = zlib.compress(data, 9)
    return stream(data, f"/Filter[{'/FlateDecode' * times}]")


CYCLE = "<</FT/Tx/T(a)/V(b)/Kids[6 0 R]/Parent 6 0 R>>"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda: pdf(content=flate(1, 200)), "FB-limit-pdf-stream-bytes"),
        (lambda: pdf(content=flate(3, 60)), "FB-limit-pdf-stream-bytes"),
        (pdf(content=stream(zlib.compress(b"x"), "/Filter[" + "/FlateDecode" * 1_000 + "]")), "FB-limit-pdf-stream-bytes"),
        (pdf(changes={2: "<</Type/Pages/Kids[2 0 R]/Count 1>>"}), "FB-broken"),
        (pdf("<</Type/Pages/Kids[2 0 R]/Count 1>>", changes={2: "<</Type/Pages/Kids[6 0 R]/Count 1>>"}), "FB-broken"),
        (pdf(changes={2: "<</Type/Pages/Kids[" + "3 0 R " * 50_000 + "]/Count 1>>"}), "FB-limit-pdf-pages"),
        (pdf(changes={2: "<</Type/Pages/Kids[3 0 R]/Count 201>>"}), "FB-limit-pdf-pages"),
        (form(*["<</FT/Tx/T(a)>>"] * 2_001), "FB-limit-pdf-fields"),
        (pdf(content=stream(b"BT /F 12 Tf " + b"(" + b"x" * 1_100_000 + b") Tj ET")), "FB-limit-paper-chars"),
        (pdf(changes={1: "[" * 100_000}), "FB-broken"),
        (pdf(changes={1: "<</A" * 50_000}), "FB-broken"),
        (pdf(trailer="/Prev 9"), None),
        (pdf(trailer="/Size 1000000000"), None),
        (form(CYCLE), None),
        (form("<</T(a)/Kids[7 0 R]>>", "<</T(b)/Kids[6 0 R]>>"), None),
        (pdf("<</Subtype/Widget/Parent 7 0 R>>", "<</T(x)/Parent 6 0 R>>", page="/Annots[6 0 R]"), None),
        (pdf(content=stream(b"BT /F 12 Tf (x) Tj ET\n" * 400_000)), None),
        (pdf(page="/Annots[" + "<</Subtype/Link>>" * 50_000 + "]"), None),
        (pdf(stream(b"/X Do " * 1_000, "/Subtype/Form/Resources<</XObject<</X 6 0 R>>>>"), page="/Resources<</XObject<</X 6 0 R>>>>", content=stream(b"/X Do")), None),
        (pdf(root="/OpenAction<</S/JavaScript/JS(app.alert(1))>>/Names<</JavaScript<</Names[(a)<</S/Launch/F(calc.exe)>>]>>>>"), None),
    ],
)  # fmt: skip
def test_a_bomb_in_a_pdf_ends_as_a_finding_or_is_passed_over(
    content: bytes | Callable[[], bytes], code: str | None
) -> None:
    found = read_pdf(content() if callable(content) else content, LIMITS)
    assert (found.code if isinstance(found, Finding) else None) == code


@pytest.mark.parametrize("row", of_others("pdf"), ids=lambda r: Path(r["path"]).name)
def test_a_real_pdf_is_read_as_others_read_it(row: dict[str, str]) -> None:
    found = read_pdf((CORPUS / "files" / row["path"]).read_bytes(), LIMITS)
    seen = json.loads(row["oracle"])["pf"].get("ok")
    name = Path(row["path"]).name
    if seen is None:
        assert told(found)[0] == "FB-encrypted"
        return
    assert isinstance(found, Paper)
    beyond = {"SF424_page2.pdf": 17, "pdflatex-forms.pdf": -1}.get(
        name, 0
    )  # fields of a merged file; a push button
    assert len(found.blanks) == seen["fields"] + beyond
    if name not in {
        "FormTestFromOo.pdf",
        "SF424_page2.pdf",
    }:  # counted as filled there: a list of which nothing is chosen
        assert sum(b.text not in {"", "☐"} for b in found.blanks) == seen["filled"]


@pytest.mark.parametrize("row", of_others("pdf"), ids=lambda r: Path(r["path"]).name)
def test_a_real_pdf_damaged_anywhere_is_read_or_broken(row: dict[str, str]) -> None:
    content = (CORPUS / "files" / row["path"]).read_bytes()
    chance = random.Random(row["sha256"])
    for _ in range(15):
        at = chance.randrange(len(content))
        damaged = (
            content[:at]
            + bytes([chance.randrange(256)]) * chance.randrange(1, 9)
            + content[at + chance.randrange(9) :]
        )
        found = read_pdf(damaged[: chance.choice([at, len(damaged)])], LIMITS)
        assert isinstance(found, Paper) or found.code in {"FB-broken", "FB-encrypted"}


# --- JSON ----------------------------------------------------------------------------------------------------

Table = tuple[list[str], list[list[Any]]]


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ('[{"a": 1, "b": "x"}, {"b": "y", "c": null}]', (["a", "b", "c"], [[1, "x", None], [None, "y", None]])),
        ('{"a": "x"}', (["a"], [["x"]])),
        ('{"code": 0, "data": {"list": [{"a": 1}, {"a": 2}], "total": 2}}', (["a"], [[1], [2]])),
        ('{"data": []}', ([], [])),
        ('{"name": "王", "photos": [{"url": "x"}]}', (["name", "photos"], [["王", '[{"url": "x"}]']])),
        ('{"items": [{"a": 1}], "rows": [{"a": 2}]}', (["items", "rows"], [['[{"a": 1}]', '[{"a": 2}]']])),
        ('{"a": 1}\n{"a": 2, "b": 3}\n', (["a", "b"], [[1, None], [2, 3]])),
        ("[]", ([], [])),
        ('\ufeff[{"a": true, "b": false}]', (["a", "b"], [[True, False]])),
        ('[{"person": {"name": "王", "at": {"city": "台北"}}}]', (["person.name", "person.at.city"], [["王", "台北"]])),
        ('[{"tags": ["a", 1, true, null], "none": []}]', (["tags", "none"], [["a、1、true", None]])),
        ('[{"phone": "013800001111", "n": 13800001111}]', (["phone", "n"], [["013800001111", 13800001111]])),
        ('[{"n": 9007199254740993, "m": -12345678901234567890}]', (["n", "m"], [["9007199254740993", "-12345678901234567890"]])),
        ('[{"n": 1.5, "m": 0.1, "k": 3.00000000000000000001, "e": 1e400, "f": 1e2}]', (["n", "m", "k", "e", "f"], [[1.5, 0.1, "3.00000000000000000001", "1e400", 100.0]])),
        ('[{"a": "\\ud83d\\ude00 \\\\ud83d"}]', (["a"], [["😀 \\ud83d"]])),
        ('[{"a": "[[[{{{\\"[["}]', (["a"], [['[[[{{{"[[']])),
    ],
)  # fmt: skip
def test_json_gives_a_row_for_each_record(text: str, table: Table) -> None:
    assert read_json(text, LIMITS) == table


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('[{"a": 1},\n {"a": NaN}]', 2, "NaN"),
        ('[{"a":\n -Infinity}]', 2, "-Infinity"),
        ('[{"id": 1},\n {"x": {"id": 1},\n "id": 2,\n "\\u0069d": 3}]', 4, '"id" × 2'),
        ('[\n{"a.b": 1, "a": {"b": 2}}]', 2, '"a.b" × 2'),
        ('[{"a": "\\ud83d\\ude00",\n "b": "\\ud83d"}]', 2, "UTF-16"),
        ('[{"a": "\\ude00\\ud83d"}]', 1, "UTF-16"),
        ('[{"a":\n "\ud83d"}]', 2, "UTF-16"),
        ('[{"n":\n %s}]' % ("9" * 4_301), 2, "> 4,300"),
        ('[{"a": 1}]\n\nthe end', 3, "…"),
        ('[{"a": 1}]\n[{"a": 1}]', 2, "["),
        ('{"a": 1}\n{"a":\n', 3, "EOF"),
        ('{"a": 1}\n"王小明"', 2, '"'),
        ('[{"a": 1}, {"a', 1, '"'),
        ('[{"a": 1},\n 2, {"a": 3}]', 2, "…"),
        ('[{"a": 1},\n [{"a": 2}]]', 2, "["),
        ("[1, 2]", 1, "…"),
        ("null", 1, "…"),
        ("{'a': 1}", 1, "'"),
        ('{"a": 1,}', 1, "}"),
        ('[{"a": "x\ny"}]', 1, "…"),
        ("", 1, "EOF"),
    ],
)
def test_json_that_others_would_take_is_refused_at_its_line(
    text: str, line: int, reason: str
) -> None:
    assert told(read_json(text, LIMITS)) == ("FB-json", {"line": str(line), "reason": reason})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[" * 100_000, "FB-limit-json-depth"),
        ('{"a":' * 100_000, "FB-limit-json-depth"),
        ("[" * 60 + "]" * 60, "FB-limit-json-depth"),
        (" " * 10_000_001, "FB-limit-json-bytes"),
        ("[" + "{}," * 100_000 + "{}]", "FB-limit-rows"),
        (json.dumps([{f"k{n}": 1} for n in range(501)]), "FB-limit-columns"),
        (json.dumps([{f"k{n % 300}": 1} for n in range(10_000)]), "FB-limit-cells"),
        ('"' * 1_000_001, "FB-json"),
        ('[{"a": "' + "\\" * 1_000_000, "FB-json"),
        ('[{"a": "' + '\\"' * 1_000_000, "FB-json"),
        ("[" + "[]," * 300_000 + "[]]", "FB-json"),
        ('[{"a": ' + "1" * 1_000_000 + "}]", "FB-json"),
        ("[{" + '"a":1,' * 200_000 + '"b":1}]', "FB-json"),
    ],
)
def test_a_bomb_in_json_ends_as_a_finding(text: str, code: str) -> None:
    assert told(read_json(text, LIMITS))[0] == code


def test_a_limit_raised_too_far_does_not_recurse_to_death() -> None:
    assert (
        told(read_json("[" * 100_000 + "]" * 100_000, Limits(json_depth=1_000_000)))[0]
        == "FB-limit-json-depth"
    )


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_rows_as_wide_as_their_header_or_no_table(value: object) -> None:
    for text in (json.dumps(value), json.dumps([{"a": value}], ensure_ascii=False)):
        found = read_json(text, LIMITS)
        if isinstance(found, Finding):
            assert found.code in {"FB-json", "FB-limit-json-depth"}
            continue
        header, rows = found
        assert [row for row in rows if len(row) != len(header)] == []


# --- zip -----------------------------------------------------------------------------------------------------


def zipped(
    *members: tuple[str | zipfile.ZipInfo, bytes | str], packed: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A zip of these members; doubled names are meant."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w", packed) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def raw_names(names: list[bytes]) -> bytes:
    """A zip whose names are these very bytes."""
    content = zipped(*((f"{n:0{len(name)}d}", b"x") for n, name in enumerate(names)))
    for n, name in enumerate(names):
        content = content.replace(b"%0*d" % (len(name), n), name)
    return content


def names(content: bytes) -> list[str]:
    found = read_zip(content, LIMITS)
    assert isinstance(found, list), found
    return [part.name for part in found]


XLSX = sheet(f"{CUSTOMER}\n{GOOD}")


def test_the_files_of_a_zip_come_in_its_order_without_folders_and_junk() -> None:
    content = zipped(
        ("b.csv", "b"),
        ("folder/", ""),
        ("folder/反馈.xlsx", XLSX),
        ("__MACOSX/._b.csv", "x"),
        (".DS_Store", "x"),
        ("folder/Thumbs.db", "x"),
        ("a.txt", ""),
    )
    found = read_zip(content, LIMITS)
    assert isinstance(found, list)
    assert [(p.name, p.content) for p in found] == [
        ("b.csv", b"b"),
        ("反馈.xlsx", XLSX),
        ("a.txt", b""),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5"])
def test_names_are_read_in_their_real_encoding(encoding: str) -> None:
    told_names = ["客戶反饋登記表十一月份.csv", "產品質量問題匯總.csv", "a.csv"]
    assert names(raw_names([name.encode(encoding) for name in told_names])) == told_names


def test_a_name_is_a_name_and_nothing_else() -> None:
    assert names(zipped(("a\\b\\c.txt", "x"))) == ["c.txt"]
    assert names(raw_names([b"be\x07ll.txt"])) == ["be_ll.txt"]


def linked() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def packed_with(method: int) -> bytes:
    content = bytearray(zipped(("a.txt", "text")))
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", content, content.index(mark) + at, method)
    return bytes(content)


def flagged(bits: int) -> bytes:
    content = bytearray(zipped(("a.txt", "text")))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", content, content.index(mark) + at, bits)
    return bytes(content)


def overlapping() -> bytes:
    """Two entries in the directory, one place in the file."""
    content = bytearray(zipped(("a", b"x" * 100), ("b", b"y" * 100), packed=zipfile.ZIP_STORED))
    second = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, second + 42, 0)
    return bytes(content)


def quoted_overlap(entries: int) -> bytes:
    """Each entry's data is the next entry's header and data (CVE-2024-0450; Fifield's bomb)."""
    kernel = zlib.compressobj(9, wbits=-15)
    data = kernel.compress(bytes(1_000_000)) + kernel.flush()
    crc, size = zlib.crc32(bytes(1_000_000)), 1_000_000
    local = [
        b"PK\x03\x04"
        + struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, crc, len(data), size, 3, 0)
        + b"%03d" % n
        for n in range(entries)
    ]
    body, places = b"", []
    for header in local:
        places.append(len(body))
        body += header
    body += data
    directory = b""
    for n, place in enumerate(places):
        directory += (
            b"PK\x01\x02"
            + struct.pack(
                "<HHHHHHIIIHHHHHII",
                20,
                20,
                0,
                8,
                0,
                0,
                crc,
                len(body) - place - 33,
                size,
                3,
                0,
                0,
                0,
                0,
                0,
                place,
            )
            + b"%03d" % n
        )
    return (
        body
        + directory
        + b"PK\x05\x06"
        + struct.pack("<HHHHIIH", 0, 0, entries, entries, len(directory), len(body), 0)
    )


OFFICE = ("[Content_Types].xml", "<Types/>")


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (zipped(("../evil.txt", "x")), "FB-zip-unsafe", ".."),
        (zipped(("a\\..\\..\\evil.txt", "x")), "FB-zip-unsafe", ".."),
        (zipped(("/etc/passwd", "x")), "FB-zip-unsafe", "/"),
        (zipped(("C:\\evil.txt", "x")), "FB-zip-unsafe", "C:"),
        (zipped((linked(), "/etc/passwd")), "FB-zip-unsafe", "symlink"),
        (zipped(("a.txt", "1"), ("a.txt", "2")), "FB-zip-unsafe", "× 2"),
        (zipped(("a/b.txt", "1"), ("A\\B.TXT", "2")), "FB-zip-unsafe", "× 2"),
        (packed_with(12), "FB-zip-unsafe", "method 12"),
        (overlapping(), "FB-zip-unsafe", "∩ a"),
        (quoted_overlap(50), "FB-zip-unsafe", "∩ 000"),
        (flagged(1), "FB-encrypted", None),
        (b"PK\x03\x04torn", "FB-broken", "zip"),
        (zipped(("a.txt", b"text" * 1_000))[:-30], "FB-broken", "zip"),
        (zipped(("a.txt", "text")).replace(b"PK\x03\x04", b"PK\x03\x05"), "FB-broken", "zip"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("opened", [read_zip, examine])
def test_an_unsafe_archive_is_refused_whole(
    opened: Any, content: bytes, code: str, reason: str | None
) -> None:
    found = told(opened(content, LIMITS))
    if opened is examine:  # nobody is to unpack an Office file
        code = code.replace("zip-unsafe", "package-unsafe")
    assert (found[0], found[1].get("reason")) == (code, reason)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zipped(("a.txt", "x")), ".zip"),
        (zipped(*((f"{n}", "") for n in range(1_001))), ".zip"),
        (b"7z\xbc\xaf\x27\x1c....", ".7z"),
        (b"Rar!\x1a\x07\x01\x00", ".rar"),
        (b"\x1f\x8b\x08\x00", ".gz"),
        (bytes(257) + b"ustar", ".tar"),
    ],
)
def test_an_archive_within_is_refused_by_its_content(data: bytes, kind: str) -> None:
    assert told(read_zip(zipped(("harmless.txt", data)), LIMITS)) == (
        "FB-zip-unsafe",
        {"name": "harmless.txt", "reason": kind},
    )


def test_office_files_within_are_files() -> None:
    ods = zipped(
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", "<x/>")
    )
    assert names(zipped(("a.xlsx", XLSX), ("b.ods", ods), ("torn.xlsx", XLSX[:500]))) == [
        "a.xlsx",
        "b.ods",
        "torn.xlsx",
    ]


def test_a_wrong_checksum_is_damage() -> None:
    content = zipped(("a.txt", b"text"), packed=zipfile.ZIP_STORED).replace(b"text", b"tent", 1)
    assert told(read_zip(content, LIMITS))[0] == "FB-broken"


def swollen(megabytes: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(*OFFICE)
        with archive.open("xl/sharedStrings.xml", "w") as part:
            for _ in range(megabytes):
                part.write(b"<si><t/></si>" * 77_000)
    return buffer.getvalue()


def lying(size: int) -> bytes:
    """An entry of so many bytes that says it has ten."""
    content = bytearray(
        zipped(
            OFFICE, ("xl/sharedStrings.xml", random.Random(1).randbytes(1_000) * (size // 1_000))
        )
    )
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.rindex(mark) + at, 10)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda: swollen(200), "FB-limit-zip-ratio"),
        (lambda: lying(20_000_000), "FB-limit-zip-part-bytes"),
        (
            lambda: zipped(
                *((f"{n}.txt", random.Random(n).randbytes(1_000_000)) for n in range(21))
            ),
            "FB-limit-zip-total-bytes",
        ),
        (lambda: zipped(*((f"{n}", "") for n in range(1_001))), "FB-limit-zip-entries"),
    ],
)
@pytest.mark.parametrize("opened", [read_zip, examine])
def test_a_bomb_in_a_zip_ends_at_its_limit(
    opened: Any, content: Callable[[], bytes], code: str
) -> None:
    limits = (
        LIMITS
        if "part" not in code and "total" not in code
        else Limits(zip_part_bytes=10_000_000, zip_total_bytes=20_000_000, zip_ratio=1_000)
    )
    assert told(opened(content(), limits))[0] == code


def test_a_hundred_thousand_entries_are_counted_before_anything_is_made_of_them() -> None:
    one = b"PK\x01\x02" + bytes(24) + b"\x01\x00" + bytes(16) + b"a"
    content = b"PK\x03\x04" + one * 400_000
    content += b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(one) * 400_000, 4, 0)
    assert told(examine(content, LIMITS)) == ("FB-limit-zip-entries", {"value": "400,000"})


def test_a_good_office_file_passes() -> None:
    assert examine(XLSX, LIMITS) == {
        name: part
        for name, part in unpacked(XLSX).items()
        if name in {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"}
    }
    assert examine(zipped(("xl\\workbook.xml", "<x/>"), OFFICE), LIMITS) == {}


@pytest.mark.parametrize(
    ("part", "text", "is_refused"),
    [
        (
            "xl/workbook.xml",
            "<?xml version='1.0'?>\n<!DOCTYPE lolz [<!ENTITY lol 'lol'>]><x/>",
            True,
        ),
        ("xl/workbook.xml", "<!DOCTYPE x>".encode("utf-16"), True),
        ("_rels/.rels", "<!DOCTYPE x>", True),
        ("xl/media/page.html", "<!DOCTYPE html>", False),
        ("xl/workbook.xml", "<x>" + " " * 2_000 + "<!DOCTYPE x></x>", False),
    ],
)
def test_a_doctype_in_an_office_file_is_damage(
    part: str, text: str | bytes, is_refused: bool
) -> None:
    found = examine(zipped(OFFICE, (part, text)), LIMITS)
    assert (told(found) if found else None) == (
        ("FB-broken", {"reason": "DOCTYPE"}) if is_refused else None
    )


def test_only_the_parts_that_are_read_count_in_an_opendocument_file() -> None:
    kind = ("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    assert examine(zipped(kind, ("Basic/script-lc.xml", "<!DOCTYPE x><x/>")), LIMITS) == {}
    assert examine(zipped(kind, ("content.xml", "<!DOCTYPE x><x/>")), LIMITS) != {}


READABLE = [
    row
    for row in of_others("xlsx", "xlsm", "xlsb", "docx", "ods")
    if row["expect"].startswith(("accept", "disputed"))
    and (CORPUS / "files" / row["path"]).read_bytes().startswith(b"PK\x03\x04")
]


@pytest.mark.parametrize("row", READABLE, ids=lambda r: Path(r["path"]).name)
def test_no_real_office_file_that_others_read_is_refused(row: dict[str, str]) -> None:
    found = examine((CORPUS / "files" / row["path"]).read_bytes(), LIMITS)
    assert not isinstance(found, Finding), found


@given(st.integers(0, len(XLSX) - 1), st.binary(min_size=1, max_size=8))
def test_damaged_zip_gives_parts_as_they_were_or_is_told(at: int, bytes_: bytes) -> None:
    damaged = XLSX[:at] + bytes_ + XLSX[at + len(bytes_) :]
    sound = [*unpacked(XLSX).values()]
    found, cut = examine(damaged, LIMITS), read_zip(damaged[: at + 1], LIMITS)
    if isinstance(found, Finding):
        assert found.code in {"FB-broken", "FB-zip-unsafe", "FB-package-unsafe"}
    else:
        assert [name for name, part in found.items() if part not in sound] == []
    if isinstance(cut, Finding):
        assert cut.code == "FB-broken"
    else:
        assert [part.name for part in cut if part.content not in sound] == []


# --- notes and chats -----------------------------------------------------------------------------------------


def test_a_note_is_its_lines() -> None:
    assert read_note("姓名：王小明  \r\n\r\n  问题：断开\r再断开\n", LIMITS) == Paper(
        lines=("姓名：王小明", "  问题：断开", "再断开")
    )


def test_a_note_of_more_characters_than_allowed_is_refused() -> None:
    assert told(read_note("x" * 1_000_001, LIMITS)) == (
        "FB-limit-paper-chars",
        {"value": "1,000,001"},
    )


LINE = r"\[(?P<asked_at>[^\]]+)\] (?P<name>[^:：]+)[:：](?P<text>.*)"


def test_a_chat_gives_a_row_for_each_message_with_the_lines_that_follow() -> None:
    text = "exported by x\n\n[2026-11-05 10:00] 王小明: 蓝牙断开\r\n再断开\u2028一次\n\n[2026-11-05 10:01] 客服：好的\n"
    assert read_chat(text, LINE) == (
        ["asked_at", "name", "text"],
        [
            ["2026-11-05 10:00", "王小明", "蓝牙断开\n再断开\u2028一次"],
            ["2026-11-05 10:01", "客服", "好的"],
        ],
        [3, 6],
    )


def test_messages_may_stand_below_their_line() -> None:
    text = "2026-11-05 10:00:00 王小明(10001)\n蓝牙断开\n\n2026-11-05 10:01:00 客服(10002)\n好的"
    found = read_chat(text, r"(?P<asked_at>\S+ \S+) (?P<name>[^(]+)\(\d+\)(?P<text>)")
    assert found is not None
    assert found[1] == [
        ["2026-11-05 10:00:00", "王小明", "蓝牙断开"],
        ["2026-11-05 10:01:00", "客服", "好的"],
    ]


def test_text_that_is_no_chat_is_none() -> None:
    assert read_chat("姓名：王小明\n", LINE) is None
    assert read_chat("", LINE) is None


def test_a_long_message_is_kept_whole_though_only_its_beginning_is_matched() -> None:
    found = read_chat("[1] a:" + "x" * 10_000, LINE)
    assert found is not None
    assert found[1] == [["1", "a", "x" * 10_000]]


def test_a_pattern_that_backtracks_is_tried_on_a_short_piece() -> None:
    assert read_chat("a" * 1_000_000, r"(?P<text>a*a*b)") is None


def test_a_pattern_that_is_none_is_an_error_of_the_settings() -> None:
    with pytest.raises(re.error):
        read_chat("x", "(?P<a>")
