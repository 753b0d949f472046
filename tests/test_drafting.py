"""A schema made of a file: the file is read by it, and every column is where it belongs."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from fbbatch.errors import ExitCode
from tests.builders import CUSTOMER, GOOD, counts, delimited, drop, run, sheet, shop_of, workspace
from tests.test_upkeep import call

GOOGLE = [
    ["時間戳記", "您的姓名", "聯絡電話", "使用的產品", "遇到的問題", "整體滿意度"],
    ["2026/11/05 3:20:15 下午 GMT+8", "王一", "0912345678", "智能音箱", "開機後沒有聲音", "4"],
    ["2026/11/06 10:20:15 上午 GMT+8", "王二", "0912345679", "智能音箱", "藍牙常常斷線", "5"],
]
MONKEY = [
    ["Name", "Phone", "End Date", "Problem", "Which functions do you use?", None, None],
    ["Open-Ended Response", "Response", None, "Response", "Music", "Alarm", "News"],
    ["Ann", "0912345678", "2026-11-05", "No sound", "Music", "Alarm", None],
    ["Bob", "0912345679", "2026-11-05", "No sound at all", None, "Alarm", "News"],
]
MATRIX = [
    ["会员满意度调查 2026", None, None, None, None, None],
    ["姓名", "意见", "满意度[外观]", "满意度[音质]", "喜欢的颜色", "会员编号"],
    *[[f"客户{n}", f"第{n}条意见说明", 5, n % 5 + 1, "红" if n % 2 else "白", 1000 + n] for n in range(9)],
]  # fmt: skip
NUMBERED = [
    ["姓名", "问题描述", "4、请打分—外观", "4、请打分—音质", "5、请打分—外观", "5、请打分—音质"],
    *[[f"客户{n}", f"第{n}个问题说明", 5, 4, 3, n % 5 + 1] for n in range(5)],
]
SPREAD = [
    ["姓名", "問題描述", "使用場景(客廳)", "使用場景(廚房)", "常用功能", "回答編號"],
    ["王一", "沒有聲音", 1, 0, "音樂┋鬧鐘", "R_1"],
    ["王二", "一直斷線", 0, 1, "鬧鐘", "R_2"],
    ["王三", "螢幕不亮", 1, 1, "音樂┋鬧鐘┋新聞", "R_3"],
    ["王四", "沒有聲音了", 1, 0, "新聞┋鬧鐘", "R_4"],
    ["王五", "聲音太小聽不見", 0, 1, "新聞┋音樂", "R_5"],
]


def answers(place: Path) -> list[dict[str, Any]]:
    """What the cases say, in the order of the rows."""
    with contextlib.closing(shop_of(place).ledger()) as ledger:
        return [dict(case.values) for case in sorted(ledger.cases(), key=lambda case: case.id)]


def drafted(place: Path, name: str, content: bytes, *options: str) -> tuple[int, Any, str]:
    """The command on a file outside the workspace: exit code, what it tells programs, errors."""
    file = place.parent / name
    file.write_bytes(content)
    code, out, err = call("schema", "from", file, "--id", "own", "--json", *options, "-w", place)
    return code, json.loads(out) if code == ExitCode.DONE else out, err


@pytest.mark.parametrize("form", ["xlsx", "csv"])
@pytest.mark.parametrize(
    ("table", "first", "types"),
    [
        (
            GOOGLE,
            {"reporter": "王一", "reported_at": "2026-11-05 15:20", "satisfaction": 4},
            {"reporter": "text", "contact": "contact", "satisfaction": "rating"},
        ),
        (
            MONKEY,
            {"reporter": "Ann", "which_functions_do_you_use": ["Music", "Alarm"]},
            {"which_functions_do_you_use": "choices", "description": "text"},
        ),
        (
            MATRIX,
            {"reporter": "客户0", "description": "第0条意见说明", "q3": 5, "q4": 1, "q5": "白"},
            {"q3": "rating", "q4": "rating", "q5": "choice", "q6": "integer"},
        ),
        (
            NUMBERED,
            {"reporter": "客户0", "q3": 5, "q4": 4, "q5": 3, "q6": 1},
            {"q3": "rating", "q6": "rating"},
        ),
        (
            SPREAD,
            {"scene": "客廳", "q5": ["音樂", "鬧鐘"], "q6": "R_1"},
            {"scene": "text", "q5": "choices", "q6": "text"},
        ),
    ],
    ids=[
        "questions",
        "two header rows",
        "matrix and title",
        "questions that differ by numbers",
        "spread options",
    ],
)
def test_file_is_read_by_the_schema_that_is_made_of_it(
    tmp_path: Path, table: Any, first: dict[str, Any], types: dict[str, str], form: str
) -> None:
    place = workspace(tmp_path, case_reports="[]", forms="[]")
    content = sheet(table) if form == "xlsx" else delimited(table)
    code, told, _ = drafted(place, f"a.{form}", content)
    assert code == ExitCode.DONE
    became = {field: type_ for _, _, field, type_, _, _ in told["told"]}
    assert types.items() <= became.items()
    drop(place, f"own/a.{form}", content)
    result = run(place)
    n_rows = told["n_rows"]
    assert counts(result) == (n_rows, n_rows, 0, 0, 0)
    assert first.items() <= answers(place)[0].items()


def test_known_field_keeps_its_name_and_what_it_is(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    code, told, _ = drafted(place, "a.csv", delimited(f"{CUSTOMER}\n{GOOD}"))
    assert code == ExitCode.DONE
    assert all(is_known for *_, is_known, _ in told["told"])
    schema = shop_of(place).book.schema("own")
    assert schema is not None
    kept = {field.id: (field.type, field.personal) for field in schema.fields}
    assert kept["contact"] == ("contact", "contact")
    assert kept["reporter"] == ("text", "name")


def test_several_files_are_looked_at_together(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    one, other = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_bytes(delimited([MATRIX[1], *MATRIX[2:5]]))
    other.write_bytes(delimited([MATRIX[1], ["乙", "很好用的音箱", 3, 2, "红", "M-7"]]))
    code, out, _ = call("schema", "from", one, other, "--id", "own", "--json", "-w", place)
    assert code == ExitCode.DONE
    told = json.loads(out)
    assert told["n_rows"] == 4
    assert {field: type_ for _, _, field, type_, _, _ in told["told"]}["q6"] == "text"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "0"),
        ("a.csv", "只有,两列\n1,2\n".encode(), "no row of three different headers"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "PNG"),
    ],
)
def test_file_of_which_none_can_be_made_is_told_and_nothing_is_written(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    place = workspace(tmp_path)
    code, _, err = drafted(place, name, content)
    assert code == ExitCode.USAGE
    assert says in err
    assert not (place / "schemas/sources/own.yaml").exists()


def test_schema_that_is_there_stays(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    assert drafted(place, "a.csv", delimited(GOOGLE))[0] == ExitCode.DONE
    kept = (place / "schemas/sources/own.yaml").read_bytes()
    assert drafted(place, "b.csv", delimited(MONKEY))[0] == ExitCode.USAGE
    assert (place / "schemas/sources/own.yaml").read_bytes() == kept


def test_folder_of_another_source_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    code, _, err = drafted(place, "a.csv", delimited(GOOGLE), "--folder", "customer")
    assert code == ExitCode.INVALID
    assert "customer" in err
    assert not (place / "schemas/sources/own.yaml").exists()


def test_show_prints_the_schema_and_writes_nothing(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    file = tmp_path / "a.csv"
    file.write_bytes(delimited(GOOGLE))
    code, out, _ = call("schema", "from", file, "--id", "own", "--show", "-w", place)
    assert code == ExitCode.DONE
    assert "id: own" in out
    assert "label: 您的姓名" in out
    assert "0912345678" not in out
    assert not (place / "schemas/sources/own.yaml").exists()
