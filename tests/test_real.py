"""Files that nobody here wrote, each through some thirty lines of YAML: every row accounted for, every cell as it was."""

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fbbatch.batch import RunResult
from fbbatch.cli.setup import lay_out
from tests.builders import counts, drop, run

FEEDBACK = Path(__file__).parents[2] / "shared" / "feedback"
SCHEMAS = Path(__file__).parent / "real" / "schemas"
AS_OF = "2026-11-20"

CFPB = FEEDBACK / "en-cfpb-truncated1MiB" / "complaints.csv"
NHTSA = FEEDBACK / "en-nhtsa-sample100" / "nhtsa-complaints.txt"
SURVEY = FEEDBACK / "en-538-surveys" / "star-wars-survey" / "StarWars.csv"

pytestmark = pytest.mark.skipif(
    not FEEDBACK.is_dir(), reason=f"the files of others are not here: {FEEDBACK}"
)


def office(folder: Path, *schemas: str) -> Path:
    """An English workspace that also knows these schemas; no case reports, for they are not what is looked at."""
    place = folder / "workspace"
    lay_out(place, "en")
    settings = place / "fbbatch.yaml"
    text = (
        settings.read_text(encoding="utf-8")
        .replace("case_reports: [general, severe]", "case_reports: []")
        .replace("jobs: 2", "jobs: 1")
    )
    settings.write_text(f"{text}settle_seconds: 0\n", encoding="utf-8")
    for schema in schemas:
        shutil.copyfile(
            SCHEMAS / f"{schema}.yaml", place / "schemas" / "sources" / f"{schema}.yaml"
        )
    return place


def taken(place: Path, schema: str, file: Path) -> RunResult:
    """A run over the file, dropped into the folder that the schema is named after."""
    drop(place, f"{schema}/{file.name}", file.read_bytes())
    return run(place, AS_OF)


def rows_of(file: Path, encoding: str, delimiter: str = ",") -> list[list[str]]:
    """The file as Python's own csv module sees it."""
    return list(
        csv.reader(io.StringIO(file.read_bytes().decode(encoding), newline=""), delimiter=delimiter)
    )


def kept(place: Path) -> dict[int, tuple[str, list[str]]]:
    """What the ledger holds of the one file: row number → (outcome, raw cells)."""
    with closing(sqlite3.connect(place / ".fbbatch" / "ledger.db")) as ledger:
        found = ledger.execute("SELECT row, outcome, cells FROM submission").fetchall()
    assert len({row for row, *_ in found}) == len(found)
    return {row: (outcome, json.loads(cells)) for row, outcome, cells in found}


def answers(place: Path) -> dict[int, dict[str, object]]:
    """The typed answers of every case, by the row that opened it."""
    with closing(sqlite3.connect(place / ".fbbatch" / "ledger.db")) as ledger:
        return {
            r: json.loads(a)
            for r, a in ledger.execute(
                "SELECT s.row, c.answers FROM case_ c JOIN submission s ON s.id = c.id"
            )
        }


def errors(result: RunResult) -> list[tuple[str, int | None, str | None]]:
    """The errors of a run as a table of (code, row, field)."""
    return [
        (f["code"], f["row"], f["field"])
        for file in result.manifest["files"]
        for f in file["findings"]
        if f["severity"] == "error"
    ]


@pytest.fixture(scope="module")
def cfpb(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    """A workspace in which the complaints of the cut-off csv have been taken."""
    place = office(tmp_path_factory.mktemp("cfpb"), "cfpb")
    return place, taken(place, "cfpb", CFPB)


@pytest.mark.parametrize("schema", ["cfpb", "nhtsa", "survey"])
def test_a_real_schema_is_some_thirty_lines_of_yaml(schema: str) -> None:
    assert len((SCHEMAS / f"{schema}.yaml").read_text(encoding="utf-8").splitlines()) <= 35


@pytest.mark.slow
def test_every_complaint_of_a_cut_off_csv_is_a_case_and_the_torn_row_goes_back(
    cfpb: tuple[Path, RunResult],
) -> None:
    (place, result), rows = cfpb, rows_of(CFPB, "utf-8")
    torn = len(rows)
    assert len(rows[-1]) < len(rows[0])
    assert counts(result) == (len(rows) - 1, len(rows) - 2, 1, 0, 0) == (2068, 2067, 1, 0, 0)
    assert errors(result) == [("FB-row-torn", torn, None)]
    assert kept(place) == {
        n: ("returned" if n == torn else "accepted", row) for n, row in enumerate(rows, 1) if n > 1
    }


@pytest.mark.slow
def test_answers_of_a_real_csv_are_typed_and_told_apart(cfpb: tuple[Path, RunResult]) -> None:
    (place, _), rows = cfpb, rows_of(CFPB, "utf-8")
    found = answers(place)
    head = {name: n for n, name in enumerate(rows[0])}
    for number, row in enumerate(rows[1:-1], 2):
        told = found[number]
        assert (told["reported_at"], told["order_no"]) == (
            row[head["Date received"]],
            row[head["Complaint ID"]],
        )
        assert told["timely"] is (row[head["Timely response?"]] == "Yes")
        assert ("description" in told) is bool(row[head["Consumer complaint narrative"]].strip())


@pytest.mark.slow
def test_every_line_of_a_file_without_header_is_a_case_with_its_compact_dates(
    tmp_path: Path,
) -> None:
    place, rows = office(tmp_path, "nhtsa"), rows_of(NHTSA, "utf-8", "\t")
    result = taken(place, "nhtsa", NHTSA)
    assert {len(row) for row in rows} == {49}
    assert counts(result) == (len(rows), len(rows), 0, 0, 0)
    assert errors(result) == []
    assert kept(place) == {n: ("accepted", row) for n, row in enumerate(rows, 1)}
    found = answers(place)
    assert [str(found[n]["reported_at"]).replace("-", "") for n in sorted(found)] == [
        row[16] for row in rows
    ]
    assert [found[n].get("crash") for n in sorted(found)] == [
        {"Y": True, "N": False, "": None}[row[6]] for row in rows
    ]


@pytest.mark.slow
def test_both_header_rows_of_a_survey_are_header_and_every_respondent_is_a_case(
    tmp_path: Path,
) -> None:
    place, rows = office(tmp_path, "survey"), rows_of(SURVEY, "cp1252")
    result = taken(place, "survey", SURVEY)
    assert rows[1][1] == "Response"
    assert counts(result) == (len(rows) - 2, len(rows) - 2, 0, 0, 0)
    assert errors(result) == []
    assert kept(place) == {n: ("accepted", row) for n, row in enumerate(rows, 1) if n > 2}
    found = answers(place)
    assert [found[n].get("yoda", "") for n in sorted(found)] == [
        row[rows[1].index("Yoda")] for row in rows[2:]
    ]


@pytest.mark.slow
def test_two_real_files_in_one_run_each_follow_the_schema_of_their_folder(tmp_path: Path) -> None:
    place = office(tmp_path, "cfpb", "nhtsa", "survey")
    drop(place, f"survey/{SURVEY.name}", SURVEY.read_bytes())
    result = taken(place, "nhtsa", NHTSA)
    assert [(f["name"].split("/")[0], f["schema"]) for f in result.manifest["files"]] == [
        ("nhtsa", "nhtsa"),
        ("survey", "survey"),
    ]
    assert counts(result)[:3] == (1287, 1287, 0)
