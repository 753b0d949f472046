"""A company's own kind of document, and its own gates: by YAML alone, added and taken away again."""

from pathlib import Path

import pytest

from fbbatch.schema import load_book
from tests.builders import delimited, drop, edit, problems, run, workspace
from tests.test_closed_loop import FIRST, HEADER, NUMBER, REPORTED, Bureau

FORM = """
id: safety_check
version: 1
kind: form
clause: '5.2'
title: {zh-Hant: 安全檢查記錄, en: Safety check}
signed_by: checked_by
signed_on: checked_on
fields:
  - {id: safe, label: {zh-Hant: 是否安全, en: Is it safe}, type: boolean, required: true, example: 'yes'}
  - {id: checked_by, label: {zh-Hant: 檢查人, en: Checked by}, type: person, required: true, example: 張偉銘}
  - {id: checked_on, label: {zh-Hant: 檢查日期, en: Date}, type: date, required: true, example: 2026-11-22}
"""
TEMPLATE = """
id: safety_check
document: D40
form: safety_check
folder: safety/{case}
file: "{title} {case}"
editions: {word: always, excel: severe}
page: 4
blocks:
  - grid: [number, product_and_model, {blank: safe, wide: true}]
  - grid: [{blank: checked_by}, {blank: checked_on}]
"""
WORD = """
      - code: safety_check
        label: {zh-Hant: 安全檢查記錄, en: Safety check}
"""
STEP = """  - form: safety_check
    clock: T05
    signed_by: {checked_by: [head_of_lead, P03]}
"""


def with_own_kind(place: Path) -> None:
    (place / "schemas/forms/safety_check.yaml").write_text(FORM, encoding="utf-8")
    (place / "templates/safety_check.yaml").write_text(TEMPLATE, encoding="utf-8")
    last = "        label: {zh-Hant: 退回更正表, en: Returned for correction}\n"
    edit(place, "schemas/vocabulary.yaml", (last, last + WORD.lstrip("\n")))
    edit(
        place,
        "schemas/processes/case.yaml",
        ("  - form: coordination", STEP + "  - form: coordination"),
        ("accepted: [measures]", "accepted: [measures, safety_check]"),
    )


def test_kind_of_the_companys_own_is_issued_comes_back_and_goes_by_yaml_alone(
    tmp_path: Path,
) -> None:
    place = workspace(tmp_path, "zh-Hant")
    before = {path: path.read_bytes() for path in place.rglob("*.yaml")}
    with_own_kind(place)
    drop(place, "customer/十一月.csv", delimited([HEADER, REPORTED]))
    run(place, FIRST.isoformat())
    here = Bureau(place)
    assert here.hand_in("assignment")["outcome"] == "step"
    issued = [told["path"] for _, told in here.documents() if told["kind"] == "safety_check"]
    path = f"safety/{NUMBER}/安全檢查記錄 {NUMBER}"
    assert sorted(issued) == [f"{path}.docx", f"{path}.xlsx"]
    page = max(place.glob("outbox/2*/index.html")).read_text(encoding="utf-8")
    assert "安全檢查記錄" in page
    refused = here.hand_in("safety_check", {"checked_by": "黃俊傑"})
    assert [f["code"] for f in refused["findings"] if f["severity"] == "error"] == [
        "FB-wrong-signer"
    ]
    head = here.book.head(here.case().department)
    assert head is not None
    assert here.hand_in("safety_check", {"checked_by": head.name})["outcome"] == "step"
    assert (here.state(), here.history()[-1].document) == ("accepted", "safety_check")
    for own in ("schemas/forms/safety_check.yaml", "templates/safety_check.yaml"):
        (place / own).unlink()
    for path_of, content in before.items():
        path_of.write_bytes(content)
    assert here.hand_in("measures")["outcome"] == "step"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{verified_by: [independent]}", "{verified_by: [P04]}", "表單 verification 必須由 `verified_by` 簽名"),
        ("{verified_by: [independent]}", "{}", "表單 verification 必須由 `verified_by` 簽名"),
        ("{answered_by: [of_addressee,", "{answered_by: [anyone,", "表單 assignment 必須由 `answered_by` 簽名"),
        ("clock: T04\n    signed_by: {approved_by", "clock: T99\n    signed_by: {approved_by", "沒有期限 T99"),
        ("[head_of_lead, P03]}", "[head_of_everything]}", "「head_of_everything」不是可以簽名的人"),
        ("  planned:", "  finished:", "沒有「finished」這個狀態"),
        ("accepted: [measures]", "accepted: [measure]", "vocabulary.yaml 的 document 中沒有「measure」"),
        ("- form: impact", "- form: impacts", "沒有代號為「impacts」的表單"),
        ("- form: impact # 4.3", "- form: measures", "表單 measures 列了兩次"),
        ("fields: [reason, hold_until]}", "fields: [reason]}", "表單 coordination 在某些情況下必須填寫 reason, hold_until"),
        ("{severity: [severe], fields: [containment, prevention]}", "{severity: [minor], fields: [containment, prevention]}",
         "表單 measures 在某些情況下必須填寫 containment, prevention"),
        ("fields: [remaining]}", "fields: [remaining, leftovers]}", "表單 verification 沒有欄位「leftovers」"),
    ],
)  # fmt: skip
def test_process_that_would_stumble_or_loosen_a_gate_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    place = workspace(tmp_path, "zh-Hant")
    edit(place, "schemas/processes/case.yaml", (old, new))
    lines = problems(place / "schemas", "zh-Hant")
    assert any("schemas/processes/case.yaml:" in line and told in line for line in lines), lines


def test_workspace_from_before_has_the_process_that_comes_with_fbbatch(tmp_path: Path) -> None:
    place = workspace(tmp_path, "zh-Hant")
    expected = load_book(place / "schemas").processes
    (place / "schemas/processes/case.yaml").unlink()
    assert load_book(place / "schemas").processes == expected
