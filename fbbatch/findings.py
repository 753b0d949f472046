"""The catalogue of every message about what was submitted, in three languages, four parts each.

Where it is, what was found, what was expected (with an example), what to do. Wording is kept in
Traditional characters and English; Simplified is derived. `{label}` is the field's label in the reader's
language, the other names in braces come from the finding's details.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from fbbatch.model import Finding
from fbbatch.words import simplified


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalogue says about a code; each text as (zh-Hant, en)."""

    severity: str
    found: tuple[str, str]
    expected: tuple[str, str]
    remedy: tuple[str, str]


_REDROP = (
    "更正後把文件再放進收件夾即可，已受理的行不會重複",
    "Correct it and drop the file again; rows already accepted are not registered again",
)
_NOTHING = ("無須處理", "Nothing to do")

CATALOGUE: dict[str, Entry] = {
    # --- answers -------------------------------------------------------------------------------------------
    "FB-blank": Entry(
        "error",
        ("「{label}」未填", "'{label}' is blank"),
        ("必填項，例如：{example}", "An answer is required, e.g. {example}"),
        ("請補填後再放入收件夾", "Fill it in and drop the file again"),
    ),
    "FB-empty-phrase": Entry(
        "error",
        ("「{label}」填的是「{value}」，等於沒有說明", "'{label}' says '{value}', which tells nothing"),
        ("具體內容，例如：{example}", "Something specific, e.g. {example}"),
        ("請寫明實際情況後再放入收件夾", "Describe what really happened and drop the file again"),
    ),
    "FB-too-short": Entry(
        "error",
        ("「{label}」過短：「{value}」", "'{label}' is too short: '{value}'"),
        ("至少 {minimum} 個字", "At least {minimum} characters"),
        ("請寫得具體一些後再放入收件夾", "Say more and drop the file again"),
    ),
    "FB-too-long": Entry(
        "error",
        ("「{label}」有 {length} 字，超過上限 {maximum} 字", "'{label}' has {length} characters; the limit is {maximum}"),
        ("不超過 {maximum} 字；系統不會自行截斷", "At most {maximum} characters; nothing is cut silently"),
        ("請縮短，其餘內容以附件提交", "Shorten it and hand the rest in as an attachment"),
    ),
    "FB-either-or": Entry(
        "error",
        ("「{labels}」一項也沒有填", "None of {labels} is filled in"),
        ("其中至少填一項", "At least one of them"),
        ("請補填其中一項後再放入收件夾", "Fill in one of them and drop the file again"),
    ),
    "FB-not-integer": Entry(
        "error",
        ("「{label}」不是整數：「{value}」", "'{label}' is not a whole number: '{value}'"),
        ("整數，例如 12", "A whole number, e.g. 12"),
        _REDROP,
    ),
    "FB-not-number": Entry(
        "error",
        ("「{label}」不是數字：「{value}」", "'{label}' is not a number: '{value}'"),
        ("數字，例如 12.5", "A number, e.g. 12.5"),
        _REDROP,
    ),
    "FB-out-of-range": Entry(
        "error",
        ("「{label}」為 {value}，超出範圍", "'{label}' is {value}, which is out of range"),
        ("{range}", "{range}"),
        _REDROP,
    ),
    "FB-not-date": Entry(
        "error",
        ("「{label}」不是日期：「{value}」", "'{label}' is not a date: '{value}'"),
        ("日期，例如 2026-11-05 或 2026年11月5日", "A date, e.g. 2026-11-05"),
        _REDROP,
    ),
    "FB-date-ambiguous": Entry(
        "error",
        ("「{label}」的日期「{value}」可以有兩種讀法", "The date '{value}' in '{label}' can be read in two ways"),
        ("寫明四位年份並按年-月-日，例如 2026-11-05", "A four-digit year first, e.g. 2026-11-05"),
        ("請改寫成年-月-日；系統不會猜測", "Write it as year-month-day; it is not guessed"),
    ),
    "FB-date-after": Entry(
        "error",
        ("「{label}」（{value}）晚於{other}（{limit}）", "'{label}' ({value}) is later than {other} ({limit})"),
        ("不晚於 {limit}", "Not later than {limit}"),
        ("請核對日期後更正", "Check the dates and correct them"),
    ),
    "FB-date-before": Entry(
        "error",
        ("「{label}」（{value}）早於{other}（{limit}）", "'{label}' ({value}) is earlier than {other} ({limit})"),
        ("不早於 {limit}", "Not earlier than {limit}"),
        ("請核對日期後更正", "Check the dates and correct them"),
    ),
    "FB-not-boolean": Entry(
        "error",
        ("「{label}」既不是「是」也不是「否」：「{value}」", "'{label}' is neither yes nor no: '{value}'"),
        ("是 或 否", "yes or no"),
        _REDROP,
    ),
    "FB-not-a-choice": Entry(
        "error",
        ("「{label}」沒有「{value}」這個選項", "'{label}' has no choice '{value}'"),
        ("可填：{allowed}{near}", "One of: {allowed}{near}"),
        _REDROP,
    ),
    "FB-letter-grade": Entry(
        "error",
        ("「{label}」只寫了等級代號「{value}」，其含義各單位不同", "'{label}' only has the grade '{value}', which means different things in different lists"),
        ("請寫文字：{allowed}", "The word: {allowed}"),
        ("請改寫成文字，或請管理員設定代號的含義", "Write the word, or let the administrator declare the grade in the schema"),
    ),
    "FB-pattern": Entry(
        "error",
        ("「{label}」的格式不符：「{value}」", "'{label}' is not of the right form: '{value}'"),
        ("{explain}", "{explain}"),
        _REDROP,
    ),
    "FB-contact": Entry(
        "error",
        ("「{label}」看不出如何聯繫：「{value}」", "'{label}' does not say how to reach anybody: '{value}'"),
        ("電話、電子郵箱或通訊帳號，例如 {example}", "A phone number, e-mail address or messenger id, e.g. {example}"),
        _REDROP,
    ),
    "FB-not-unique": Entry(
        "error",
        ("「{label}」與第 {first} 行相同：「{value}」", "'{label}' is the same as in row {first}: '{value}'"),
        ("每行不同", "A different one in every row"),
        _REDROP,
    ),
    "FB-unknown-department": Entry(
        "error",
        ("「{label}」中沒有這個部門：「{value}」", "There is no department '{value}' ('{label}')"),
        ("組織清單中的部門{near}", "A department of the organisation file{near}"),
        ("請改成正確的部門名稱，或由管理員在 organisation.yaml 加入別名", "Use the department's name, or let the administrator add an alias to organisation.yaml"),
    ),
    "FB-unknown-person": Entry(
        "error",
        ("「{label}」中沒有這個人：「{value}」", "Nobody is called '{value}' ('{label}')"),
        ("組織清單中的人員{near}", "A person of the organisation file{near}"),
        ("請核對姓名，或由管理員在 organisation.yaml 加入", "Check the name, or let the administrator add the person to organisation.yaml"),
    ),
    "FB-unlisted-product": Entry(
        "error",
        ("產品清單中沒有「{value}」（{label}）", "The product list does not have '{value}' ({label})"),
        ("產品清單中的產品{near}", "A product of the product list{near}"),
        ("請核對名稱，或由管理員在 products.yaml 加入", "Check the name, or let the administrator add it to products.yaml"),
    ),
    "FB-not-a-case": Entry(
        "error",
        ("「{label}」不是案件編號：「{value}」", "'{label}' is not a case number: '{value}'"),
        ("例如 FB-20261122-0001", "e.g. FB-20261122-0001"),
        _REDROP,
    ),
    "FB-row-torn": Entry(
        "error",
        ("這一行在文件結尾處中斷", "The file breaks off in this row"),
        ("完整的一行，共 {expected} 欄", "A whole row of {expected} columns"),
        ("請重新匯出或重新複製整個文件", "Export or copy the whole file again"),
    ),
    # --- remarks on rows -----------------------------------------------------------------------------------
    "FB-asked": Entry(
        "note",
        ("「{label}」未填", "'{label}' is blank"),
        ("希望填寫，例如：{example}", "We would like to know, e.g. {example}"),
        ("已受理；得知後請補充", "Accepted; add it when you know"),
    ),
    "FB-unknown-product": Entry(
        "note",
        ("產品清單中沒有「{value}」", "The product list does not have '{value}'"),
        ("產品清單中的產品{near}", "A product of the product list{near}"),
        ("已受理；管理員可在 products.yaml 加入產品或別名", "Accepted; the administrator may add the product or an alias to products.yaml"),
    ),
    "FB-unlisted-department": Entry(
        "note",
        ("組織清單中沒有部門「{value}」（{label}）", "The organisation file has no department '{value}' ({label})"),
        ("組織清單中的部門{near}", "A department of the organisation file{near}"),
        ("已受理；管理員可在 organisation.yaml 加入部門或別名", "Accepted; the administrator may add the department or an alias"),
    ),
    "FB-unlisted-person": Entry(
        "note",
        ("組織清單中沒有「{value}」（{label}）", "The organisation file does not know '{value}' ({label})"),
        ("組織清單中的人員{near}", "A person of the organisation file{near}"),
        ("已受理；管理員可在 organisation.yaml 加入", "Accepted; the administrator may add the person"),
    ),
    "FB-split": Entry(
        "note",
        ("名稱與型號寫在同一格：「{value}」", "Name and model stand in one cell: '{value}'"),
        ("名稱與型號分成兩欄", "Name and model in two columns"),
        ("已分為「{name}」與「{model}」，請核對", "Split into '{name}' and '{model}'; please check"),
    ),
    "FB-severity-differs": Entry(
        "note",
        ("登記人填「{given}」，規則判為「{ruled}」", "The recorder says '{given}', the rules say '{ruled}'"),
        ("兩者一致，或由專人確認", "Agreement, or a decision"),
        ("按登記人所填；請專人覆核", "The recorder's answer stands; please review"),
    ),
    "FB-safety-raised": Entry(
        "warning",
        ("登記人填「{given}」，但內容涉及安全（{words}）", "The recorder says '{given}', but the text speaks of safety ({words})"),
        ("嚴重；如要降級，須寫明記錄人與理由", "Severe; to lower it, give the recorder's name and a reason"),
        ("已按嚴重處理", "Treated as severe"),
    ),
    "FB-type-differs": Entry(
        "note",
        ("登記人填「{given}」，規則判為「{ruled}」", "The recorder says '{given}', the rules say '{ruled}'"),
        ("兩者一致，或由專人確認", "Agreement, or a decision"),
        ("按登記人所填；請專人覆核", "The recorder's answer stands; please review"),
    ),
    "FB-same-row": Entry(
        "note",
        ("這一行已受理：{case}", "This row has been taken already: {case}"),
        ("每條反饋只登記一次", "Every piece of feedback is recorded once"),
        _NOTHING,
    ),
    "FB-twice": Entry(
        "note",
        ("與第 {first} 行完全相同", "The same as row {first}"),
        ("每條反饋只填一次", "Every piece of feedback once"),
        ("兩行都已登記；如屬重複，請專人合併", "Both are recorded; if it is the same matter, have them merged"),
    ),
    # --- remarks on columns and sheets ---------------------------------------------------------------------
    "FB-column-missing": Entry(
        "error",
        ("沒有「{label}」這一欄", "There is no column '{label}'"),
        ("必填欄{near}", "A required column{near}"),
        ("請加上這一欄，或請管理員設定表頭別名", "Add the column, or let the administrator add the header as an alias"),
    ),
    "FB-column-unknown": Entry(
        "note",
        ("不認識的欄「{header}」", "Unknown column '{header}'"),
        ("登記表中的欄{near}", "A column of the register{near}"),
        ("內容已隨原表保存，但不用於處理", "Its content is kept with the submission but not used"),
    ),
    "FB-column-doubled": Entry(
        "warning",
        ("「{header}」與「{first}」是同一欄", "'{header}' is the same column as '{first}'"),
        ("每欄一次", "Each column once"),
        ("採用前一欄，後一欄隨原表保存", "The first is used; the second is kept with the submission"),
    ),
    "FB-no-header": Entry(
        "error",
        ("前 20 行內找不到認得的表頭", "No known header within the first 20 rows"),
        ("至少有這些欄：{expected}", "At least the columns: {expected}"),
        ("請使用登記表，或請管理員設定表頭別名", "Use the register, or let the administrator add the headers as aliases"),
    ),
    "FB-which-source": Entry(
        "error",
        ("看不出屬於哪一種來源：{candidates}", "It could be more than one source: {candidates}"),
        ("一種來源", "One source"),
        ("請放入相應的子資料夾，例如 inbox/customer", "Put it into the source's sub-folder, e.g. inbox/customer"),
    ),
    "FB-no-rows": Entry(
        "error",
        ("有表頭，但沒有填寫任何一行", "There is a header but no row is filled in"),
        ("至少一行", "At least one row"),
        ("請確認放入的是填好的文件", "Check that this is the filled-in file"),
    ),
    "FB-stray-text": Entry(
        "note",
        ("這一行只在不認識的欄中有文字：「{text}」", "This row has text in unknown columns only: '{text}'"),
        ("答卷的各欄", "Answers in the known columns"),
        ("未作為一條反饋；如是反饋請填入相應的欄", "Not taken as feedback; if it is, put it into the columns"),
    ),
    "FB-sheet-skipped": Entry(
        "note",
        ("工作表「{name}」沒有認得的表頭，未讀取（{rows} 行）", "Sheet '{name}' has no known header and was not read ({rows} rows)"),
        ("登記表的表頭", "The header of a register"),
        ("如其中有反饋，請改用登記表", "If it holds feedback, use the register"),
    ),
    "FB-hidden-sheet": Entry(
        "note",
        ("工作表「{name}」是隱藏的，仍已讀取", "Sheet '{name}' is hidden and was read all the same"),
        ("可見的工作表", "A visible sheet"),
        ("如不應提交，請通知專人", "If it should not have been handed in, tell the person in charge"),
    ),
    # --- files ---------------------------------------------------------------------------------------------
    "FB-same-file": Entry(
        "note",
        ("與 {first} 是同一個文件", "The same file as {first}"),
        ("每個文件交一次", "Each file once"),
        _NOTHING,
    ),
    "FB-empty-file": Entry(
        "error",
        ("文件是空的（{size} 位元組）", "The file is empty ({size} bytes)"),
        ("有內容的文件", "A file with content"),
        ("請重新匯出或重新複製", "Export or copy it again"),
    ),
    "FB-not-readable": Entry(
        "error",
        ("不是能讀的種類：{found}", "Not a kind of file that can be read: {found}"),
        ("Excel（xlsx、xls、xlsb、ods）或 csv", "Excel (xlsx, xls, xlsb, ods) or csv"),
        ("請另存為其中一種", "Save it as one of these"),
    ),
    "FB-broken": Entry(
        "error",
        ("文件已損壞，無法讀取", "The file is damaged and cannot be read"),
        ("能用 Office 打開的文件", "A file that Office opens"),
        ("請用 Office 打開後另存，或重新匯出", "Open it in Office and save it, or export it again"),
    ),
    "FB-encrypted": Entry(
        "error",
        ("文件有密碼保護", "The file is protected by a password"),
        ("沒有密碼的文件", "A file without a password"),
        ("請去除密碼後再放入", "Remove the password and drop it again"),
    ),
    "FB-encoding": Entry(
        "error",
        ("文字編碼無法辨認（第 {byte} 位元組起）", "The text encoding is not known (from byte {byte})"),
        ("UTF-8、UTF-16、GB18030 或 Big5", "UTF-8, UTF-16, GB18030 or Big5"),
        ("請以 UTF-8 另存", "Save it as UTF-8"),
    ),
    "FB-too-large": Entry(
        "error",
        ("{what}為 {value}，超過上限 {limit}", "{what}: {value}; the limit is {limit}"),
        ("不超過 {limit}", "At most {limit}"),
        ("請分成幾個文件；上限可在 fbbatch.yaml 調整", "Split the file; the limit can be changed in fbbatch.yaml"),
    ),
    "FB-too-expensive": Entry(
        "error",
        ("讀取時超出限制（{what}），已中止", "Reading it went over the limit ({what}) and was stopped"),
        ("正常的 Office 文件", "An ordinary Office file"),
        ("請用 Office 打開後另存，再放入", "Open it in Office, save it and drop it again"),
    ),
    "FB-changed": Entry(
        "note",
        ("文件仍在寫入或被改動", "The file is still being written or was changed"),
        ("寫完的文件", "A finished file"),
        ("留在收件夾，下次處理", "It stays in the inbox and is taken next time"),
    ),
    "FB-locked": Entry(
        "note",
        ("文件正在 Office 中打開，或暫時無法讀取", "The file is open in Office, or cannot be read for now"),
        ("已關閉的文件", "A closed file"),
        ("關閉後下次處理", "Close it; it is taken next time"),
    ),
    # --- set-up --------------------------------------------------------------------------------------------
    "FB-role-vacant": Entry(
        "warning",
        ("制度中的角色 {role} 沒有指定人員", "Nobody holds the regulation's role {role}"),
        ("一人及一名代理人", "A person and a deputy"),
        ("請在 organisation.yaml 的 roles 填寫", "Fill in `roles` in organisation.yaml"),
    ),
}  # fmt: skip


class _Blanks(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "—"


def finding(
    code: str,
    *,
    sheet: str | None = None,
    row: int | None = None,
    column: int | None = None,
    field: str | None = None,
    **details: object,
) -> Finding:
    """Make a finding of the catalogue's `code`; raises KeyError for a code it does not know."""
    return Finding(
        code,
        CATALOGUE[code].severity,
        sheet,
        row,
        column,
        field,
        {k: str(v) for k, v in details.items() if v is not None},
    )


@cache
def _wording(code: str, part: str, language: str) -> str:
    chinese, english = getattr(CATALOGUE[code], part)
    if language == "en":
        return str(english)
    return str(chinese) if language == "zh-Hant" else simplified(chinese)


_PLACE = {
    "zh-Hant": ("工作表「{}」", "第 {} 行", "儲存格 {}"),
    "zh-Hans": ("工作表“{}”", "第 {} 行", "单元格 {}"),
    "en": ("sheet '{}'", "row {}", "cell {}"),
}


def where(item: Finding, language: str) -> str:
    """The place in words, e.g. `工作表「問卷」，第 7 行，儲存格 C7`."""
    sheet, row, cell = _PLACE[language]
    parts = [
        sheet.format(item.sheet) if item.sheet else "",
        row.format(item.row) if item.row else "",
        cell.format(item.cell) if item.cell else "",
    ]
    return ("，" if language != "en" else ", ").join(part for part in parts if part)


def part(item: Finding, which: str, language: str, labels: Mapping[str, str] = {}) -> str:
    """One part (`found`, `expected`, `remedy`) of a finding's message.

    Args:
        item: the finding.
        which: the part.
        language: `zh-Hant`, `zh-Hans` or `en`.
        labels: labels by field id in that language.
    """
    words = _Blanks(item.details)
    words["label"] = labels.get(item.field or "", item.field or "—")
    for name in ("other", "expected_fields", "near_field"):
        if name in item.details:
            words[name.removesuffix("_fields")] = _LIST[language].join(labels.get(i, i) for i in item.details[name].split(","))
    if "near_field" in item.details or "near" in item.details:
        words["near"] = _NEAREST[language].format(words["near_field"] if "near_field" in item.details else item.details["near"])
    elif "near" not in words:
        words["near"] = ""
    return _wording(item.code, which, language).format_map(words)


_LIST = {"zh-Hant": "、", "zh-Hans": "、", "en": ", "}
_NEAREST = {"zh-Hant": "；最相近：{}", "zh-Hans": "；最相近：{}", "en": "; nearest: {}"}


def message(item: Finding, language: str, labels: Mapping[str, str] = {}) -> str:
    """The whole message without its place: what was found, what was expected, what to do."""
    stop = "。" if language != "en" else ". "
    return stop.join(part(item, which, language, labels) for which in ("found", "expected", "remedy")).strip() + stop.strip()
