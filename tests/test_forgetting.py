"""Who is forgotten is found nowhere any more; who shares a file or a document with others stays with them."""

import contextlib
import datetime as dt
import io
import json
import os
import shutil
import signal
import sqlite3
import urllib.parse
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pypdfium2
import pytest

from fbbatch.errors import ExitCode
from fbbatch.schema import Book
from fbbatch.upkeep import effacing
from fbbatch.upkeep.effacing import Effacer
from fbbatch.upkeep.pseudonyms import Pseudonyms
from tests.builders import (
    copied,
    delimited,
    drop,
    mail,
    run,
    sheet,
    shop_of,
    word,
    workbook,
    workspace,
    zipped,
)
from tests.crash import ended, process_of
from tests.test_closed_loop import Bureau
from tests.test_upkeep import call, problems, sql

BEFORE = "2023-06-01"
CUSTOMER, EMPLOYEE, PARTNER, WRITER, MEMBER, LOST = (
    "鄔甲蟬",
    "鄔乙蟬",
    "鄔丙蟬",
    "鄔丁蟬",
    "鄔戊蟬",
    "鄔己蟬",
)
"""Invented people: of a questionnaire, of the staff's form, of a meeting, of a mail, in a zip, in a row that went back."""
PEOPLE = (CUSTOMER, EMPLOYEE, PARTNER, WRITER, MEMBER, LOST)
CONTACTS = (
    "0977111001",
    "0977111002",
    "0977111003",
    "wren-four@example.com",
    "0977111005",
    "0977111006",
)
NEW_CONTACT, IN_NAMES, SAID = "0977111999", "蟬翼", "鴝鵒之語"
"""A number that came later; a word in the name of every file; one in everything that reporters wrote."""
CANARIES = (*PEOPLE, *CONTACTS, "0977-111-001", NEW_CONTACT, IN_NAMES, SAID)


def labelled(
    book: Book, schema: str, person: str, contact: str, said: str = SAID, **answers: str
) -> list[list[str]]:
    """A register of one row with an answer to every field; every text names the person and says a word."""
    model = book.schema(schema)
    assert model is not None
    given = {
        "reporter": person,
        "contact": contact,
        "reported_at": "2022-11-05",
        "product": "智能音箱",
        "description": f"藍牙經常斷開，{said}，{person} 請回電 {contact[:4]}-{contact[4:7]}-{contact[7:]}\n第二行{said}",
        **answers,
    }
    fields = [f for f in model.fields if f.type == "text" or f.id in given]
    row = [given.get(f.id, f"{f.id} 由{person}提供{said}") for f in fields]
    return [[f.label["zh-Hant"] for f in fields], row]


def contents(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file's bytes, those of what is packed in it, and the text of a PDF."""
    yield name, content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            for member in package.namelist():
                yield f"{name}!", member.encode()
                yield from contents(f"{name}!{member}", package.read(member))
    if content.startswith(b"%PDF"):
        file = pypdfium2.PdfDocument(content)
        text = "".join(page.get_textpage().get_text_bounded() for page in file)
        file.close()
        yield f"{name}!text", "".join(text.split()).encode()


def places(place: Path, canaries: Iterable[str]) -> dict[str, list[str]]:
    """Where in a workspace each canary stands: in a name, in bytes however encoded, in packages, in texts of PDFs."""
    wanted = {
        canary: {canary.encode(c) for c in ("utf-8", "utf-16-le", "gb18030", "big5")}
        | {urllib.parse.quote(canary).encode(), json.dumps(canary)[1:-1].encode()}
        for canary in canaries
    }
    found: dict[str, list[str]] = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        parts = [(f"{name} (name)", os.fsencode(path.name))]
        parts += contents(name, path.read_bytes()) if path.is_file() else []
        for where, content in parts:
            for canary, forms in wanted.items():
                if any(form in content for form in forms):
                    found.setdefault(canary, []).append(where)
    return found


def numbers(place: Path) -> dict[str, str]:
    """The number of the newest case of each reporter."""
    with contextlib.closing(shop_of(place).ledger()) as ledger:
        return {str(case.values.get("reporter")): case.number for case in ledger.cases()}


def close(place: Path, on: str, *cases: str) -> None:
    """Let time close cases, as an expired survey does."""
    for number in cases:
        one = f"(SELECT id FROM matter WHERE number = '{number}')"
        sql(
            place,
            "INSERT INTO transition (matter_id, n, run_id, to_state, document, by_whom, happened_on, recorded_at, details) "
            f"SELECT matter_id, max(n) + 1, run_id, 'closed', 'time', 'batch', '{on}', '{on}T23:00:00+08:00', '{{}}' "
            f"FROM transition WHERE matter_id = {one}",
            f"DELETE FROM open_matter WHERE matter_id = {one}",
        )


def every_door(place: Path) -> None:
    """Drop the canaries in every way that there is."""
    book = shop_of(place).book
    first = labelled(book, "customer", CUSTOMER, CONTACTS[0])
    again = [
        first[0],
        [
            {"藍牙經常斷開": "藍牙又斷開了"}.get(cell, cell).replace("2022-11-05", "2022-11-06")
            for cell in first[1]
        ],
    ]
    bad = labelled(book, "customer", LOST, CONTACTS[5], reported_at=f"{LOST}說是昨天")
    drop(place, f"customer/{IN_NAMES}問卷.xlsx", sheet([*first, again[1], bad[1]]))
    drop(
        place,
        f"customer/{IN_NAMES}副本.xlsx",
        (place / f"inbox/customer/{IN_NAMES}問卷.xlsx").read_bytes(),
    )
    drop(
        place,
        f"employee/{IN_NAMES}.csv",
        delimited(labelled(book, "employee", EMPLOYEE, CONTACTS[1], reporter_department="品質部")),
    )
    drop(
        place,
        f"partner/{IN_NAMES}會議.xlsx",
        sheet(labelled(book, "partner", PARTNER, CONTACTS[2])),
    )
    letter = mail(
        f"智能音箱 X-1 斷線，{SAID}，我是{WRITER}，電話 0977111001 是{CUSTOMER}的。",
        subject=f"{WRITER}的反饋",
        sender=f"{WRITER} <{CONTACTS[3]}>",
        date="Sat, 05 Nov 2022 10:30:00 +0800",
        files={
            f"{IN_NAMES}照片.png": b"\x89PNG\r\n\x1a\n\0",
            f"{IN_NAMES}附件.png": b"\x89PNG\r\n\x1a\n\0\0",
            f"{IN_NAMES}信.txt": "音箱放在桌上，一直没有声音".encode(),
            f"{IN_NAMES}不明.bin": bytes(range(128, 200)),
        },
    )
    drop(place, f"customer/{IN_NAMES}.eml", letter)
    member = sheet(labelled(book, "customer", MEMBER, CONTACTS[4], product="智能手錶"))
    drop(place, f"customer/{IN_NAMES}.zip", zipped({f"{IN_NAMES}內.xlsx": member}))
    drop(place, f"customer/{IN_NAMES}壞.xlsx", b"PK\x03\x04 torn " + LOST.encode())
    drop(place, f"{IN_NAMES}圖.png", b"\x89PNG\r\n\x1a\n" + LOST.encode())


def whole_story(place: Path) -> Bureau:
    """All that may happen to such cases: amended, edited, handled by forms, answered, asked, closed."""
    every_door(place)
    run(place, "2022-11-07")
    here = Bureau(place, dt.date(2022, 11, 7))
    of = numbers(place)
    book = shop_of(place).book
    corrected = labelled(book, "partner", PARTNER, NEW_CONTACT)
    drop(place, f"partner/{IN_NAMES}會議.xlsx", sheet(corrected))
    here.run()
    number = of[EMPLOYEE]
    for kind in ("assignment", "measures", "inspection", "result", "verification"):
        assert here.hand_in(kind, number=number)["outcome"] == "step", here.messages
    name = f"{IN_NAMES}答覆記錄.docx"
    drop(
        place,
        name,
        here.filled(
            "reply",
            {"reaction": f"{EMPLOYEE}說可以"} if _has(book, "reply", "reaction") else {},
            number=number,
        ),
    )
    here.told(here.run(), name)
    survey = {
        "name": EMPLOYEE,
        "comments": f"{SAID}，請 {EMPLOYEE} 的電話 {CONTACTS[1]}",
        "reason": f"{EMPLOYEE}{SAID}",
    }
    mailed = {
        f"{IN_NAMES}調查表.docx": here.filled(
            "satisfaction", survey | {"overall": "4"}, number=number
        )
    }
    drop(
        place, f"{IN_NAMES}調查.eml", mail("附上", sender=f"{WRITER} <{CONTACTS[3]}>", files=mailed)
    )
    here.run()
    assert sql(place, "SELECT count(*) FROM waiting_form") == [(1,)]
    assert here.hand_in("satisfaction", survey, number=number)["outcome"] == "step"
    newest = max(place.glob("outbox/2*/*臺賬*.xlsx"))
    drop(
        place,
        f"{IN_NAMES}臺賬.xlsx",
        remarked(newest, of[CUSTOMER], f"{CUSTOMER}來電 {CONTACTS[0]}"),
    )
    assert "FB-edit-taken" in [
        f["code"] for file in here.run().manifest["files"] for f in file["findings"]
    ]
    drop(
        place,
        f"{IN_NAMES}再.eml",
        mail(
            f"{of[CUSTOMER]} 我是{CUSTOMER}", subject=CUSTOMER, sender=f"{CUSTOMER} <w@example.com>"
        ),
    )
    here.run()
    assert here.state(of[EMPLOYEE]) == "closed"
    with contextlib.closing(shop_of(place).ledger()) as ledger:
        still = [case.number for case in ledger.cases() if case.state != "closed"]
    close(place, "2022-12-20", *still)
    run(place, "2022-12-21")
    return here


def remarked(source: Path, number: str, remark: str) -> bytes:
    """The tracking ledger with a remark on a case."""
    book = openpyxl.load_workbook(source)
    for page in book:
        heads = {
            str(cell.value): cell
            for row in page.iter_rows(max_row=12)
            for cell in row
            if cell.value
        }
        for row in page.iter_rows():
            if "備註" in heads and number in [cell.value for cell in row]:
                page.cell(row[0].row, heads["備註"].column, remark)
                buffer = io.BytesIO()
                book.save(buffer)
                return buffer.getvalue()
    raise AssertionError(number)


def _has(book: Book, form: str, field: str) -> bool:
    model = book.schema(form)
    return model is not None and any(f.id == field for f in model.fields)


@pytest.fixture(scope="module")
def told_pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    mask = os.umask(0o077)
    place = workspace(tmp_path_factory.mktemp("told"), "zh-Hant")
    whole_story(place)
    os.umask(mask)
    return place


@pytest.fixture
def told(told_pattern: Path, tmp_path: Path) -> Path:
    """A copy of it to work with."""
    return copied(told_pattern, tmp_path / "told")


def test_nothing_that_was_told_of_forgotten_people_is_found_in_any_byte(told: Path) -> None:
    before = places(told, CANARIES)
    assert set(before) == set(CANARIES)
    shutil.copy(told / ".fbbatch/ledger.db", told / ".fbbatch/ledger.db.before-r0005")
    (told / ".fbbatch/work/20221107-001").mkdir(parents=True, exist_ok=True)
    (told / ".fbbatch/work/20221107-001/torn.html").write_text(CUSTOMER, encoding="utf-8")
    (told / "exports").mkdir()
    (told / "exports/.20221201-csv.partial").mkdir()
    (told / "exports/.20221201-csv.partial/cases.csv").write_text(CUSTOMER, encoding="utf-8")
    code, out, err = call("anonymise", "-w", told, "--before", BEFORE)
    assert (code, err) == (ExitCode.DONE, "")
    assert not any(canary in out for canary in CANARIES)
    assert places(told, CANARIES) == {}
    assert problems(told) == []
    staff = shop_of(told).book.organisation.people[0].name
    assert staff in (told / "schemas/company/organisation.yaml").read_text(encoding="utf-8")
    run(told, "2022-12-22")
    assert problems(told) == []


# --- shared with somebody who stays ---

STAYS, STAYS_CONTACT = "溫戊川", "0966222333"


@pytest.fixture(scope="module")
def shared_pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two customers in one file, whose cases were registered in one run; one of them is closed."""
    mask = os.umask(0o077)
    place = workspace(tmp_path_factory.mktemp("shared"), "zh-Hant")
    book = shop_of(place).book
    first = labelled(book, "customer", CUSTOMER, CONTACTS[0])
    second = labelled(
        book,
        "customer",
        STAYS,
        STAYS_CONTACT,
        "溫語",
        product="智能手錶",
        description="錶帶斷裂，無法佩戴",
    )
    drop(place, "customer/十一月.xlsx", sheet([*first, second[1]]))
    run(place, "2022-11-07")
    close(place, "2022-12-20", numbers(place)[CUSTOMER])
    run(place, "2022-12-21")
    os.umask(mask)
    return place


@pytest.fixture
def shared(shared_pattern: Path, tmp_path: Path) -> Path:
    """A copy of it to work with."""
    return copied(shared_pattern, tmp_path / "shared")


ORIGINAL = "archive/accepted/2022-11-07/customer_十一月.xlsx"


def anonymised(place: Path, *options: str) -> dict[str, Any]:
    code, out, err = call("anonymise", "-w", place, "--before", BEFORE, "--json", *options)
    assert (code, err) == (ExitCode.DONE, "")
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.slow
def test_who_shares_a_file_with_an_open_case_is_found_only_in_the_original_and_the_other_everywhere(
    shared: Path,
) -> None:
    stays = (STAYS, STAYS_CONTACT)
    before = places(shared, stays)
    told = anonymised(shared)
    gone = places(shared, (CUSTOMER, CONTACTS[0], "0977-111-001", SAID))
    assert {where.partition("!")[0] for found in gone.values() for where in found} == {ORIGINAL}
    after = places(shared, stays)
    pdfs = {
        where
        for found in before.values()
        for where in found
        if where.endswith(".pdf!text") and "/summary/" in where
    }
    pdfs |= {
        where
        for found in before.values()
        for where in found
        if where.startswith("outbox/latest/") and where.endswith(".pdf!text")
    }
    assert {name: set(found) for name, found in after.items()} == {
        name: set(found) - pdfs for name, found in before.items()
    }
    left = {one["where"]: one for one in told["left"]}
    assert (
        left["archive/accepted/2022-11-07/"]["paths"],
        left["archive/accepted/2022-11-07/"]["until"],
    ) == ([ORIGINAL], [None])
    assert left["outbox/20221107-001/"]["until"] == [None]
    assert told["printed_again"] > 2
    assert problems(shared) == []
    for path in shared.glob("outbox/2*/**/*"):
        if path.suffix == ".xlsx":
            openpyxl.load_workbook(path)
        elif path.suffix == ".docx":
            docx.Document(str(path))
    result = run(shared, "2022-12-22")
    assert result.exit_code == ExitCode.DONE
    assert problems(shared) == []


@pytest.mark.slow
def test_what_is_shared_goes_on_the_day_on_which_the_last_of_the_others_is_due(
    shared: Path,
) -> None:
    close(shared, "2023-07-01", numbers(shared)[STAYS])
    told = anonymised(shared)
    until = (dt.date(2023, 7, 1) + dt.timedelta(days=1095 + 1)).isoformat()
    left = {one["where"]: one for one in told["left"]}
    assert (
        left["archive/accepted/2022-11-07/"]["until"]
        == left["outbox/20221107-001/"]["until"]
        == [until]
    )
    again = anonymised(shared, "--before", "2023-07-02")
    assert again["removed"]["originals"] == 1
    assert again["removed"]["run_folders"] == 1
    assert places(shared, (CUSTOMER, CONTACTS[0], STAYS, STAYS_CONTACT)) == {}
    assert not [one for one in again["left"] if one["where"].startswith("archive/")]
    assert problems(shared) == []


@pytest.mark.slow
def test_person_who_has_an_open_case_besides_keeps_the_name_in_what_both_share(
    shared: Path,
) -> None:
    book = shop_of(shared).book
    drop(
        shared,
        "customer/再.xlsx",
        sheet(
            labelled(
                book,
                "customer",
                CUSTOMER,
                "0966444555",
                product="智能手錶",
                description="錶帶斷裂，無法佩戴",
            )
        ),
    )
    run(shared, "2022-12-23")
    anonymised(shared)
    ledgers = [
        where
        for where in places(shared, [CUSTOMER])[CUSTOMER]
        if "臺賬" in where or "summary" in where
    ]
    assert ledgers
    assert CUSTOMER not in json.dumps(
        sql(shared, "SELECT answers FROM case_ WHERE id = (SELECT min(id) FROM case_)"),
        ensure_ascii=False,
    )
    assert problems(shared) == []


@pytest.mark.slow
def test_rehearsal_tells_all_of_it_and_changes_nothing(shared: Path) -> None:
    from tests.builders import tree

    before = {
        name: found
        for name, found in tree(shared).items()
        if not name.startswith(".fbbatch/ledger.db-")
    }
    told = anonymised(shared, "--dry-run")
    assert {
        name: found
        for name, found in tree(shared).items()
        if not name.startswith(".fbbatch/ledger.db-")
    } == before
    done = anonymised(shared)
    same = ("closed_cases", "changed", "removed", "printed_again", "old_ledgers")
    assert {name: told[name] for name in same} == {name: done[name] for name in same}
    assert {one["where"]: one["until"] for one in told["left"]} == {
        one["where"]: one["until"] for one in done["left"]
    }


def test_with_keep_files_the_folders_stay_as_they_are_and_are_listed(shared: Path) -> None:
    from tests.builders import tree

    (shared / "backups").mkdir()
    (shared / "backups/fbbatch-20221201-120000.zip").write_bytes(b"PK")
    before = tree(shared / "outbox") | tree(shared / "archive")
    told = anonymised(shared, "--keep-files")
    assert tree(shared / "outbox") | tree(shared / "archive") == before
    assert (told["removed"], told["printed_again"]) == ({}, 0)
    (backup,) = [one for one in told["left"] if one["where"] == "backups/"]
    assert (backup["files"], len(backup["made"])) == (1, 1)
    assert "yours to delete" in backup["what"]
    assert any("kept, as you asked" in one["what"] for one in told["left"])


@pytest.mark.slow
def test_document_that_somebody_has_changed_is_left_and_told(shared: Path) -> None:
    path = shared / "outbox/20221107-001/receipt.xlsx"
    path.write_bytes(path.read_bytes() + b" ")
    changed = path.read_bytes()
    told = anonymised(shared)
    assert path.read_bytes() == changed
    assert any("somebody has changed" in one["what"] for one in told["left"])
    assert ("the document has been changed", "outbox/20221107-001/receipt.xlsx") in problems(shared)


def test_run_that_is_not_finished_is_to_be_finished_first(shared: Path) -> None:
    sql(shared, "UPDATE run SET finished_at = NULL WHERE id = 2")
    code, _, err = call("anonymise", "-w", shared, "--before", BEFORE)
    assert code == ExitCode.BUSY
    assert "call fbbatch run" in err


# --- killed ---


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are forked and killed")
@pytest.mark.parametrize(
    "point",
    [
        "reprinted:1",
        "forgotten:1",
        "swapped:1",
        "swapped:2",
        "unlinked:1",
        "unlinked:3",
        "refreshing:1",
        "replacing:1",
    ],
)
def test_killed_anywhere_it_is_finished_by_calling_again(shared: Path, point: str) -> None:
    pid = process_of(
        lambda: call("anonymise", "-w", shared, "--before", BEFORE), point=f"{point}:kill"
    )
    assert ended(pid) == -signal.SIGKILL
    if point.startswith("swapped"):
        assert ("anonymise was interrupted", ".fbbatch/anonymise") in problems(shared)
    anonymised(shared)
    gone = places(shared, (CUSTOMER, CONTACTS[0], "0977-111-001"))
    assert {where.partition("!")[0] for found in gone.values() for where in found} == {ORIGINAL}
    assert not (shared / ".fbbatch/anonymise").exists()
    assert problems(shared) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are forked and killed")
def test_killed_before_the_ledger_forgets_nothing_has_changed(shared: Path) -> None:
    before = places(shared, (CUSTOMER,))
    pid = process_of(
        lambda: call("anonymise", "-w", shared, "--before", BEFORE), point="reprinted:1:kill"
    )
    assert ended(pid) == -signal.SIGKILL
    assert places(shared, (CUSTOMER,)) == before
    with contextlib.closing(sqlite3.connect(shared / ".fbbatch/ledger.db")) as connection:
        assert connection.execute("SELECT count(*) FROM upkeep").fetchone() == (0,)


# --- texts ---


def effacer(**options: Any) -> Effacer:
    return Effacer(
        {
            "鄔甲蟬": "anon-1",
            "0977111001": "anon-2",
            "wren@example.com": "anon-3",
            "Wren Song": "anon-4",
        },
        **options,
    )


def test_numbers_are_found_however_people_separate_their_digits_and_names_in_any_case() -> None:
    text = "鄔甲蟬：0977-111-001，(0977) 111 001；WREN@EXAMPLE.COM、wren song"
    assert effacer().text(text) == "anon-1：anon-2，(anon-2；anon-3、anon-4"


SAID_MARKS = {
    "藍牙經常斷開，需要重新配對": "anon-5",
    "黑屏了": "anon-6",
    "藍牙經常斷開": "anon-7",
    "\ud83d 半個字符的長句子": "anon-8",
}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("描述：藍牙經常斷開，需要重新配對。", "描述：anon-5。"),
        ("描述：藍牙經常斷開，需要…（下）", "描述：anon-5（下）"),
        ("藍牙經常斷開，需要別的", "藍牙經常斷開，需要別的"),
        ("藍牙經常斷開", "anon-7"),
        ("今天黑屏了", "今天黑屏了"),
        (" 黑屏了 ", "anon-6"),
        ("\ud83d 半個字符的長句子！", "anon-8！"),
        ("鄔甲蟬說藍牙經常斷開，需要重新配對", "anon-1說anon-5"),
    ],
)
def test_what_somebody_wrote_is_found_whole_or_cut_short_and_a_short_text_where_it_stands_alone(
    text: str, told: str
) -> None:
    assert effacer(said=SAID_MARKS).text(text) == told


def test_workbook_loses_a_short_text_in_a_cell_of_its_own() -> None:
    content = workbook({"表": [["黑屏了", "今天黑屏了"]]})
    book = openpyxl.load_workbook(io.BytesIO(effacing.package(content, effacer(said=SAID_MARKS))))
    assert list(book["表"].iter_rows(values_only=True)) == [("anon-6", "今天黑屏了")]


def test_words_of_the_company_stay_and_what_staff_wrote_loses_only_the_reporters(
    book: Book,
) -> None:
    rules = Pseudonyms(book, b"k" * 32)
    product = book.products.products[0]
    told = {
        "product": product.name,
        "model": product.models[0],
        "scene": "閣樓",
        "reported_at": "2022-11-05T00:00:00",
    }
    new = rules.answers("customer", told, {})
    assert (new["product"], new["model"], new["reported_at"]) == (
        told["product"],
        told["model"],
        told["reported_at"],
    )
    assert new["scene"].startswith("anon-text-")
    assert rules.said("customer", [told]) == {"閣樓": new["scene"]}
    rules.learn({CUSTOMER: "anon-1"}, (), {"只有客戶才這樣說話": "anon-2"})
    cause = f"查明：{CUSTOMER}所說「只有客戶才這樣說話」屬實，接觸不良"
    assert (
        rules.answers("result", {"cause": cause}, {})["cause"]
        == "查明：anon-1所說「anon-2」屬實，接觸不良"
    )


def test_longer_name_of_somebody_who_stays_is_left_whole() -> None:
    assert effacer(kept=["鄔甲蟬妹"]).text("鄔甲蟬妹和鄔甲蟬") == "鄔甲蟬妹和anon-1"
    assert effacer(kept=["鄔甲蟬"]).text("鄔甲蟬") == "鄔甲蟬"


def test_name_of_a_file_is_replaced_only_where_it_stands_by_itself() -> None:
    names = Effacer({}, (), {"a.csv": "anon-file.csv"}, effacer())
    assert names.text("客戶/a.csv 與 data.csv，鄔甲蟬") == "客戶/anon-file.csv 與 data.csv，anon-1"


def test_file_that_stays_keeps_its_name_beside_one_of_the_same_name_in_another_folder() -> None:
    names = Effacer(
        {}, ["員工/a.csv", "a.csv"], {"客戶/a.csv": "客戶/anon-file.csv", "a.csv": "anon-file.csv"}
    )
    assert names.text("客戶/a.csv、員工/a.csv") == "客戶/anon-file.csv、員工/a.csv"


def test_name_split_over_runs_of_a_paragraph_is_replaced_and_the_package_stays_whole() -> None:
    content = word("前鄔甲蟬後")
    split = unsplit = content
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        xml = package.read("word/document.xml").decode()
    parts = {
        "word/document.xml": xml.replace("前鄔甲蟬後", "前鄔甲</w:t></w:r><w:r><w:t>蟬後").encode()
    }
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        split = zipped({name: parts.get(name, package.read(name)) for name in package.namelist()})
    assert "鄔甲蟬" in docx.Document(io.BytesIO(split)).paragraphs[0].text
    done = docx.Document(io.BytesIO(effacing.package(split, effacer())))
    assert done.paragraphs[0].text == "前anon-1後"
    assert effacing.package(word("別人"), effacer()) != unsplit
    plain = word("別人")
    assert effacing.package(plain, effacer()) == plain


def test_workbook_without_the_names_opens_with_all_else_as_it_was() -> None:
    content = workbook({"鄔甲蟬": [["姓名", "數"], ["鄔甲蟬 & 友", 3.5], ["溫戊川", 4]]})
    book = openpyxl.load_workbook(io.BytesIO(effacing.package(content, effacer())))
    assert book.sheetnames == ["anon-1"]
    assert list(book["anon-1"].iter_rows(values_only=True)) == [
        ("姓名", "數"),
        ("anon-1 & 友", 3.5),
        ("溫戊川", 4),
    ]


def test_torn_package_is_told_as_such() -> None:
    with pytest.raises(ValueError, match="no whole package"):
        effacing.package(b"PK\x03\x04", effacer())


def test_page_loses_the_names_in_texts_and_links() -> None:
    link = urllib.parse.quote("../../archive/鄔甲蟬 & a.xlsx")
    content = f'<!doctype html><li><a href="{link}">鄔甲蟬 &amp; a.xlsx</a> b &lt;</li>'.encode()
    told = effacing.page(content, effacer()).decode()
    assert (
        told
        == '<!doctype html><li><a href="../../archive/anon-1%20%26%20a.xlsx">anon-1 &amp; a.xlsx</a> b &lt;</li>'
    )


def test_names_of_staff_are_no_personal_data_of_a_case(book: Book) -> None:
    staff = book.organisation.people[0].name
    rules = Pseudonyms(book, b"k" * 32)
    known = rules.known("customer", [{"reporter": staff, "contact": CONTACTS[0]}])
    assert set(known) == {CONTACTS[0]}
    details = {
        "changes": {"contact": [CONTACTS[0], NEW_CONTACT]},
        "remarks": [f"{staff}打了 {CONTACTS[0]}"],
    }
    told = rules.step("customer", "amendment", details, known)
    assert told["remarks"] == [f"{staff}打了 {known[CONTACTS[0]]}"]
    assert told["changes"]["contact"] == [known[CONTACTS[0]], rules.of("contact", NEW_CONTACT)]
