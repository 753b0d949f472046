"""The catalogue of every message about what was submitted, in three languages, four parts each.

Where it is, what was found, what was expected (with an example), what to do. Wording is kept in
Traditional characters and English; Simplified is derived. `{label}` is the field's label in the
reader's language, the other names in braces come from the finding's details.
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
    # --- answers ----------------------------------------------------------------------
    "FB-blank": Entry(
        "error",
        ("「{label}」未填", "'{label}' is blank"),
        ("必填項，例如：{example}", "An answer is required, e.g. {example}"),
        ("請補填後再放入收件夾", "Fill it in and drop the file again"),
    ),
    "FB-empty-phrase": Entry(
        "error",
        (
            "「{label}」填的是「{value}」，等於沒有說明",
            "'{label}' says '{value}', which tells nothing",
        ),
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
        (
            "「{label}」有 {length} 字，超過上限 {maximum} 字",
            "'{label}' has {length} characters; the limit is {maximum}",
        ),
        (
            "不超過 {maximum} 字；系統不會自行截斷",
            "At most {maximum} characters; nothing is cut silently",
        ),
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
        (
            "「{label}」的日期「{value}」可以有兩種讀法",
            "The date '{value}' in '{label}' can be read in two ways",
        ),
        ("寫明四位年份並按年-月-日，例如 2026-11-05", "A four-digit year first, e.g. 2026-11-05"),
        ("請改寫成年-月-日；系統不會猜測", "Write it as year-month-day; it is not guessed"),
    ),
    "FB-date-after": Entry(
        "error",
        (
            "「{label}」（{value}）晚於{other}（{limit}）",
            "'{label}' ({value}) is later than {other} ({limit})",
        ),
        ("不晚於 {limit}", "Not later than {limit}"),
        ("請核對日期後更正", "Check the dates and correct them"),
    ),
    "FB-date-before": Entry(
        "error",
        (
            "「{label}」（{value}）早於{other}（{limit}）",
            "'{label}' ({value}) is earlier than {other} ({limit})",
        ),
        ("不早於 {limit}", "Not earlier than {limit}"),
        ("請核對日期後更正", "Check the dates and correct them"),
    ),
    "FB-not-boolean": Entry(
        "error",
        (
            "「{label}」既不是「是」也不是「否」：「{value}」",
            "'{label}' is neither yes nor no: '{value}'",
        ),
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
        (
            "「{label}」只寫了等級代號「{value}」，其含義各單位不同",
            "'{label}' only has the grade '{value}', which means different things in different lists",
        ),
        ("請寫文字：{allowed}", "The word: {allowed}"),
        (
            "請改寫成文字，或請管理員設定代號的含義",
            "Write the word, or let the administrator declare the grade in the schema",
        ),
    ),
    "FB-pattern": Entry(
        "error",
        ("「{label}」的格式不符：「{value}」", "'{label}' is not of the right form: '{value}'"),
        ("{explain}", "{explain}"),
        _REDROP,
    ),
    "FB-contact": Entry(
        "error",
        (
            "「{label}」看不出如何聯繫：「{value}」",
            "'{label}' does not say how to reach anybody: '{value}'",
        ),
        (
            "電話、電子郵箱或通訊帳號，例如 {example}",
            "A phone number, e-mail address or messenger id, e.g. {example}",
        ),
        _REDROP,
    ),
    "FB-not-unique": Entry(
        "error",
        (
            "「{label}」與第 {first} 行相同：「{value}」",
            "'{label}' is the same as in row {first}: '{value}'",
        ),
        ("每行不同", "A different one in every row"),
        _REDROP,
    ),
    "FB-unknown-department": Entry(
        "error",
        ("「{label}」中沒有這個部門：「{value}」", "There is no department '{value}' ('{label}')"),
        ("組織清單中的部門{near}", "A department of the organisation file{near}"),
        (
            "請改成正確的部門名稱，或由管理員在 organisation.yaml 加入別名",
            "Use the department's name, or let the administrator add an alias to organisation.yaml",
        ),
    ),
    "FB-unknown-person": Entry(
        "error",
        ("「{label}」中沒有這個人：「{value}」", "Nobody is called '{value}' ('{label}')"),
        ("組織清單中的人員{near}", "A person of the organisation file{near}"),
        (
            "請核對姓名，或由管理員在 organisation.yaml 加入",
            "Check the name, or let the administrator add the person to organisation.yaml",
        ),
    ),
    "FB-unlisted-product": Entry(
        "error",
        (
            "產品清單中沒有「{value}」（{label}）",
            "The product list does not have '{value}' ({label})",
        ),
        ("產品清單中的產品{near}", "A product of the product list{near}"),
        (
            "請核對名稱，或由管理員在 products.yaml 加入",
            "Check the name, or let the administrator add it to products.yaml",
        ),
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
    # --- remarks on rows --------------------------------------------------------------
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
        (
            "已受理；管理員可在 products.yaml 加入產品或別名",
            "Accepted; the administrator may add the product or an alias to products.yaml",
        ),
    ),
    "FB-unlisted-department": Entry(
        "note",
        (
            "組織清單中沒有部門「{value}」（{label}）",
            "The organisation file has no department '{value}' ({label})",
        ),
        ("組織清單中的部門{near}", "A department of the organisation file{near}"),
        (
            "已受理；管理員可在 organisation.yaml 加入部門或別名",
            "Accepted; the administrator may add the department or an alias",
        ),
    ),
    "FB-unlisted-person": Entry(
        "note",
        (
            "組織清單中沒有「{value}」（{label}）",
            "The organisation file does not know '{value}' ({label})",
        ),
        ("組織清單中的人員{near}", "A person of the organisation file{near}"),
        (
            "已受理；管理員可在 organisation.yaml 加入",
            "Accepted; the administrator may add the person",
        ),
    ),
    "FB-split": Entry(
        "note",
        ("名稱與型號寫在同一格：「{value}」", "Name and model stand in one cell: '{value}'"),
        ("名稱與型號分成兩欄", "Name and model in two columns"),
        (
            "已分為「{name}」與「{model}」，請核對",
            "Split into '{name}' and '{model}'; please check",
        ),
    ),
    "FB-severity-differs": Entry(
        "note",
        (
            "登記人填「{given}」，規則判為「{ruled}」",
            "The recorder says '{given}', the rules say '{ruled}'",
        ),
        ("兩者一致，或由專人確認", "Agreement, or a decision"),
        ("按登記人所填；請專人覆核", "The recorder's answer stands; please review"),
    ),
    "FB-safety-raised": Entry(
        "warning",
        (
            "登記人填「{given}」，但內容涉及安全（{words}）",
            "The recorder says '{given}', but the text speaks of safety ({words})",
        ),
        (
            "嚴重；如要降級，須寫明記錄人與理由",
            "Severe; to lower it, give the recorder's name and a reason",
        ),
        ("已按嚴重處理", "Treated as severe"),
    ),
    "FB-type-differs": Entry(
        "note",
        (
            "登記人填「{given}」，規則判為「{ruled}」",
            "The recorder says '{given}', the rules say '{ruled}'",
        ),
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
        (
            "兩行都已登記；如屬重複，請專人合併",
            "Both are recorded; if it is the same matter, have them merged",
        ),
    ),
    "FB-amended": Entry(
        "warning",
        (
            "這一行是案件 {case} 更正後的重報：「{label}」由「{old}」改為「{new}」",
            "This row is {case} handed in again, corrected: '{label}' was '{old}' and is now '{new}'",
        ),
        ("已更正該案件，沒有另立新案", "The case has been amended; no second one was opened"),
        (
            "請核對；如屬另一件事，請另行登記並告知管理員",
            "Please check; if it is another matter, record it anew and tell the administrator",
        ),
    ),
    "FB-alike": Entry(
        "note",
        (
            "可能與案件 {case} 是同一件事：{same}相同，相隔 {days} 天，描述相近 {percent}%",
            "May be the same matter as {case}: same {same}, {days} days apart, texts {percent}% alike",
        ),
        ("同一件事只辦一次", "One matter is handled once"),
        (
            "如是同一件事，請在匯總表或臺賬的「併入案件」欄填 {case} 並放回收件夾；不是則無須處理",
            "If it is, enter {case} under 'Merge into' in the summary sheet or ledger and drop it back; if not, nothing to do",
        ),
    ),
    "FB-mark-differs": Entry(
        "error",
        (
            "這一行標明是案件 {case}，內容卻大不相同，可能排序時錯位",
            "This row is marked as {case} but says something else entirely; were columns sorted apart?",
        ),
        ("標記與內容相符的行", "A row whose mark belongs to it"),
        (
            "請核對後更正；如是新的反饋，請刪去該行的標記再放入收件夾",
            "Check and correct it; if it is new feedback, delete the mark of the row and drop the file again",
        ),
    ),
    # --- remarks on columns and sheets ------------------------------------------------
    "FB-column-missing": Entry(
        "error",
        ("沒有「{label}」這一欄", "There is no column '{label}'"),
        ("必填欄{near}", "A required column{near}"),
        (
            "請加上這一欄，或請管理員設定表頭別名",
            "Add the column, or let the administrator add the header as an alias",
        ),
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
        (
            "採用前一欄，後一欄隨原表保存",
            "The first is used; the second is kept with the submission",
        ),
    ),
    "FB-no-header": Entry(
        "error",
        ("前 20 行內找不到認得的表頭", "No known header within the first 20 rows"),
        ("至少有這些欄：{expected}", "At least the columns: {expected}"),
        (
            "請使用登記表，或請管理員設定表頭別名",
            "Use the register, or let the administrator add the headers as aliases",
        ),
    ),
    "FB-which-source": Entry(
        "error",
        ("看不出屬於哪一種來源：{candidates}", "It could be more than one source: {candidates}"),
        ("一種來源", "One source"),
        (
            "請放入相應的子資料夾，例如 inbox/customer",
            "Put it into the source's sub-folder, e.g. inbox/customer",
        ),
    ),
    "FB-no-rows": Entry(
        "error",
        ("有表頭，但沒有填寫任何一行", "There is a header but no row is filled in"),
        ("至少一行", "At least one row"),
        ("請確認放入的是填好的文件", "Check that this is the filled-in file"),
    ),
    "FB-stray-text": Entry(
        "note",
        (
            "這一行只在不認識的欄中有文字：「{text}」",
            "This row has text in unknown columns only: '{text}'",
        ),
        ("答卷的各欄", "Answers in the known columns"),
        (
            "未作為一條反饋；如是反饋請填入相應的欄",
            "Not taken as feedback; if it is, put it into the columns",
        ),
    ),
    "FB-sheet-skipped": Entry(
        "note",
        (
            "工作表「{name}」沒有認得的表頭，未讀取（{rows} 行）",
            "Sheet '{name}' has no known header and was not read ({rows} rows)",
        ),
        ("登記表的表頭", "The header of a register"),
        ("如其中有反饋，請改用登記表", "If it holds feedback, use the register"),
    ),
    "FB-hidden-sheet": Entry(
        "note",
        (
            "工作表「{name}」是隱藏的，仍已讀取",
            "Sheet '{name}' is hidden and was read all the same",
        ),
        ("可見的工作表", "A visible sheet"),
        (
            "如不應提交，請通知專人",
            "If it should not have been handed in, tell the person in charge",
        ),
    ),
    # --- what a written form, a mail or a container brings ----------------------------
    "FB-error-cell": Entry(
        "error",
        ("「{label}」是錯誤值「{value}」", "'{label}' holds the error value '{value}'"),
        ("實際內容，而不是算錯的公式", "The answer itself, not a formula that failed"),
        ("請直接填入內容後再放入收件夾", "Type the answer and drop the file again"),
    ),
    "FB-readers-disagree": Entry(
        "error",
        (
            "兩種讀法的結果不一致：一為 {first}，一為 {second}",
            "Two ways of reading it disagree: {first} against {second}",
        ),
        ("兩種讀法一致", "The same from both"),
        (
            "未予受理；請用 Office 打開後另存，再放入，或由專人核對",
            "Not taken; open it in Office, save it and drop it again, or have it checked",
        ),
    ),
    "FB-one-reader": Entry(
        "warning",
        (
            "只有一種讀法能打開此文件，未能互相核對",
            "Only one way of reading opens this file; it could not be cross-checked",
        ),
        ("兩種讀法一致", "The same from two readers"),
        ("已按讀到的內容受理；請抽查", "Taken as read; please spot-check"),
    ),
    "FB-hidden-rows": Entry(
        "note",
        ("有 {rows} 個隱藏的行，仍已讀取", "{rows} hidden rows were read all the same"),
        ("可見的行", "Visible rows"),
        (
            "如不應提交，請通知專人",
            "If they should not have been handed in, tell the person in charge",
        ),
    ),
    "FB-loose-text": Entry(
        "note",
        ("填寫欄以外的文字：「{text}」", "Text outside every blank: '{text}'"),
        ("填在欄內", "Answers in the blanks"),
        (
            "已隨原件保存，未用於處理；如屬反饋請填入欄內",
            "Kept with the original but not used; if it matters, put it into a blank",
        ),
    ),
    "FB-printed-changed": Entry(
        "note",
        (
            "已印好的「{name}」被改動：原為「{old}」，現為「{new}」",
            "The printed '{name}' was changed from '{old}' to '{new}'",
        ),
        ("白色格保持原樣", "White cells as they were printed"),
        (
            "案件資料未變；如確有錯誤，請通知專人更正",
            "The case is as it was; if it is wrong, tell the person in charge",
        ),
    ),
    "FB-unknown-blank": Entry(
        "note",
        ("不認識的填寫欄「{name}」：「{text}」", "Unknown blank '{name}': '{text}'"),
        ("表單中的欄", "A blank of the form"),
        ("已隨原件保存，未用於處理", "Kept with the original but not used"),
    ),
    "FB-no-answers": Entry(
        "error",
        ("找不到任何認得的填寫欄", "No known blank was found"),
        ("至少有這些欄：{expected}", "At least the blanks: {expected}"),
        (
            "請使用登記表（`fbbatch forms` 產生），或寫成「欄名：內容」",
            "Use the register (made by `fbbatch forms`), or write 'label: answer'",
        ),
    ),
    "FB-xfa": Entry(
        "error",
        (
            "這是動態 PDF 表單（XFA），無法讀取",
            "This is a dynamic PDF form (XFA), which cannot be read",
        ),
        ("普通的 PDF 表單、Word 或 Excel", "A plain PDF form, Word or Excel"),
        ("請改用 Word 或 Excel 登記表", "Use the Word or Excel register"),
    ),
    "FB-json": Entry(
        "error",
        ("不是正確的 JSON（第 {line} 行：{reason}）", "Not proper JSON (line {line}: {reason})"),
        ("由物件組成的陣列，或每行一個物件", "An array of objects, or one object per line"),
        ("請重新匯出", "Export it again"),
    ),
    "FB-zip-unsafe": Entry(
        "error",
        (
            "壓縮檔中的「{name}」不安全（{reason}）",
            "'{name}' in the archive is not safe ({reason})",
        ),
        (
            "普通文件，不含壓縮檔中的壓縮檔、路徑或連結",
            "Plain files; no archive within the archive, no paths upward, no links",
        ),
        ("請解壓縮後直接放入文件", "Unpack it and drop the files themselves"),
    ),
    "FB-automatic-mail": Entry(
        "note",
        ("這是自動郵件（{kind}），不是反饋", "This is an automatic mail ({kind}), not feedback"),
        ("人寫的郵件", "A mail written by a person"),
        (
            "已擱置；如有誤請把內容填入登記表",
            "Set aside; if that is wrong, put the content into a register",
        ),
    ),
    "FB-own-document": Entry(
        "note",
        (
            "這是本系統發出的文件（{kind}），沒有可收回的填寫欄",
            "This is a document that we issued ({kind}); it has no blanks to read back",
        ),
        ("填好的 Word 或 Excel 表單", "The filled-in Word or Excel form"),
        (
            "已擱置；請交回同一文件的 Word 或 Excel 版",
            "Set aside; hand in the Word or Excel edition",
        ),
    ),
    "FB-cover-letter": Entry(
        "note",
        (
            "反饋在附件中（{parts}），郵件正文作為附信保存",
            "The feedback is in the attachments ({parts}); the mail itself is kept as their cover letter",
        ),
        ("一件事寫在一處", "One matter in one place"),
        ("如正文另有反饋，請填入登記表", "If the mail itself says more, put it into a register"),
    ),
    "FB-about-case": Entry(
        "note",
        (
            "內容提到案件 {case}，已作為該案的往來文件保存",
            "It speaks of case {case} and is kept as correspondence of that case",
        ),
        ("案件的回覆或補充", "A reply or an addition to a case"),
        (
            "請經辦人閱讀；如是新的反饋請填入登記表",
            "The person in charge should read it; if it is a new matter, use a register",
        ),
    ),
    "FB-evidence": Entry(
        "note",
        (
            "附件「{name}」已隨原件保存，沒有讀取內容",
            "The attachment '{name}' is kept with the original; its content was not read",
        ),
        ("照片、影片等作為證據", "Pictures and the like are evidence"),
        _NOTHING,
    ),
    # --- forms that come back ---------------------------------------------------------
    "FB-step-taken": Entry(
        "note",
        (
            "「{kind}」已處理：{case} 現為「{state}」",
            "The {kind} has been taken: {case} is now '{state}'",
        ),
        ("填好的表單", "The filled-in form"),
        _NOTHING,
    ),
    "FB-step-done": Entry(
        "note",
        ("這一步已於 {on} 由 {by} 完成", "This step was already done on {on} by {by}"),
        ("每一步一次", "Each step once"),
        _NOTHING,
    ),
    "FB-step-differs": Entry(
        "warning",
        (
            "這一步已於 {on} 由 {by} 完成，而這一份內容不同",
            "This step was already done on {on} by {by}, and this copy says something else",
        ),
        ("每一步一份", "One copy of each step"),
        (
            "兩份都已保存，未作更改；請專人決定",
            "Both are kept and nothing was changed; somebody has to decide",
        ),
    ),
    "FB-step-early": Entry(
        "warning",
        (
            "案件現為「{state}」，還缺前一步：{missing}",
            "The case is '{state}'; the step before is missing: {missing}",
        ),
        ("按順序交回", "The forms in their order"),
        (
            "已擱置；請先交回所缺的表單，再放入這一份",
            "Set aside; hand in the missing form first, then this one again",
        ),
    ),
    "FB-step-stale": Entry(
        "error",
        (
            "這是第 {issue} 次發出的表單，最新的是第 {newest} 次",
            "This is issue {issue} of the form; the newest is {newest}",
        ),
        ("最新發出的表單", "The newest issue"),
        ("已重新發出最新的一份，請改填該份", "The newest is issued again; please fill in that one"),
    ),
    "FB-step-closed": Entry(
        "warning",
        ("案件已於 {on} 結案", "The case was closed on {on}"),
        ("在辦的案件", "An open case"),
        (
            "已擱置；如需重開，請交跨部門協調單並註明理由",
            "Set aside; to reopen it, hand in a coordination sheet with the reason",
        ),
    ),
    "FB-step-no-case": Entry(
        "error",
        ("沒有案件 {case}", "There is no case {case}"),
        ("表單上印的案件編號", "The case number printed on the form"),
        ("已擱置；請核對編號", "Set aside; check the number"),
    ),
    "FB-step-numbers": Entry(
        "error",
        (
            "看不出這份表單屬於哪個案件：{numbers}",
            "It cannot be told to which case this form belongs: {numbers}",
        ),
        ("同一個案件編號", "One and the same case number"),
        (
            "已擱置；請用發給該案件的表單填寫",
            "Set aside; fill in the form that was issued for the case",
        ),
    ),
    "FB-main-case": Entry(
        "error",
        (
            "案件 {case} 不能作為主案：就是本案，或者已結案",
            "Case {case} cannot be the main case: it is this one, or it is closed",
        ),
        ("另一個在辦的案件", "Another case that is open"),
        ("已擱置；請核對主案編號", "Set aside; check the number of the main case"),
    ),
    "FB-step-incomplete": Entry(
        "error",
        ("「{kind}」（{case}）填寫不完整或有誤", "The {kind} ({case}) is incomplete or has faults"),
        ("各欄按說明填妥", "Every blank filled in as it says"),
        ("請按下列各項更正後再放入收件夾", "Correct the points listed and drop it again"),
    ),
    "FB-needed": Entry(
        "error",
        ("按所選的答案，「{label}」必須填寫", "With the answer chosen, '{label}' is required"),
        ("具體內容", "Something specific"),
        ("請補填後再放入收件夾", "Fill it in and drop the form again"),
    ),
    "FB-needed-for-other": Entry(
        "error",
        (
            "責任人 {person} 不屬於{department}，但沒有寫明理由",
            "{person} is not of {department}, and no reason is given",
        ),
        (
            "本部門的人員，或在「{label}」寫明理由",
            "Somebody of the department, or the reason under '{label}'",
        ),
        ("請補填後再放入收件夾", "Fill it in and drop the form again"),
    ),
    "FB-code-missing": Entry(
        "error",
        (
            "「{kind}」上沒有校驗碼，不能證明是本公司發出的",
            "The '{kind}' has no check code; nothing shows that we have issued it",
        ),
        (
            "發件夾中發出的那一份，其頁尾有校驗碼",
            "The one that was issued, with its check code at the foot",
        ),
        (
            "已擱置，未採用；請用發出的表單填寫後放入收件夾",
            "Set aside, nothing was done; fill in the form that was issued",
        ),
    ),
    "FB-code-wrong": Entry(
        "error",
        (
            "「{kind}」的校驗碼不是案件 {case} 這份表單的",
            "The check code of the '{kind}' is not the one of this form of case {case}",
        ),
        (
            "發件夾中發出的那一份，未經改號或套用",
            "The one that was issued for this case, its number unchanged",
        ),
        (
            "已擱置，未採用；可能是別的公司、別的案件或過期的表單，請查明來處",
            "Set aside, nothing was done; it may be another company's, another case's or an expired form: find out where it comes from",
        ),
    ),
    "FB-not-this-case": Entry(
        "error",
        (
            "「{kind}」所寫的產品、反饋人和問題都不是案件 {case} 的",
            "Product, reporter and problem on the '{kind}' are all others than those of case {case}",
        ),
        ("關於同一案件的表單", "A form about that case"),
        ("已擱置；請核對案件編號", "Set aside; check the case number"),
    ),
    "FB-mail-sender": Entry(
        "warning",
        (
            "{sender} 寄來案件 {case} 的「{kind}」，但不是簽署人本人或其部門，也不是案件的聯繫人；採用後案件為「{state}」",
            "{sender} has mailed the '{kind}' of case {case}, and is neither its signer, nor of that department, nor the case's contact;"
            " taken, it would make the case '{state}'",
        ),
        (
            "簽署人本人、同部門人員或案件聯繫人的郵件地址",
            "The address of the signer, of that department, or of the case's contact",
        ),
        (
            "已與案件一併保存，未採用；確認無誤後，請把附件中的表單本身放入收件夾，或在匯總表的「待決」表中決定",
            "Kept with the case, not applied; once you are sure, drop the attached form itself, or decide on the sheet 'To decide' of the summary",
        ),
    ),
    "FB-step-contradiction": Entry(
        "warning",
        (
            "案件 {case} 有兩份內容不同的「{kind}」（{number}）",
            "There are two different forms '{kind}' for case {case} ({number})",
        ),
        ("同一步驟只有一份", "One form for one step"),
        (
            "都已擱置；請在匯總表的「待決」表中選定，簽名後放回收件夾",
            "Both are set aside; choose on the sheet 'To decide' of the summary, sign, and drop it back",
        ),
    ),
    "FB-marks-unproven": Entry(
        "note",
        (
            "表中的處理結果欄沒有有效的校驗碼，按新填報處理",
            "The result column has no valid check code; its rows were taken as new ones",
        ),
        (
            "退回的那一份，其說明表上有校驗碼",
            "The workbook that went back, with the check code on its first sheet",
        ),
        _NOTHING,
    ),
    "FB-not-recorded": Entry(
        "error",
        ("這份文件無法寫入資料庫（{reason}）", "The file could not be recorded ({reason})"),
        ("可以登記的內容", "Content that can be recorded"),
        (
            "已隔離，其餘文件照常處理；請把本回執交給系統維護人員",
            "Quarantined; the other files were taken. Give this receipt to whoever maintains the system",
        ),
    ),
    "FB-answered-twice": Entry(
        "error",
        (
            "「{label}」有兩個不同的答案：「{value}」和「{elsewhere}」",
            "'{label}' is answered twice: '{value}' and '{elsewhere}'",
        ),
        ("每一欄只有一個答案", "One answer for each blank"),
        ("請刪去多餘的一份後再放入收件夾", "Remove the other one and drop the form again"),
    ),
    "FB-decision-passed": Entry(
        "warning",
        (
            "{number} 不必再決定：這一步已由別的表單完成；那一份的答案不同",
            "{number} need not be decided any more: another form has taken the step; its answers are others",
        ),
        ("同一步驟只有一份", "One form for one step"),
        (
            "請核對那一份；如應以它為準，請用跨部門協調單處理",
            "Look at that form; if it is the right one, use a coordination sheet",
        ),
    ),
    "FB-hidden-text": Entry(
        "note",
        (
            "有看不見的文字（{length} 字），未讀取",
            "There is text that no reader sees ({length} characters); it was not read",
        ),
        ("看得見的文字", "Text that can be seen"),
        _NOTHING,
    ),
    "FB-contradiction": Entry(
        "error",
        (
            "「{label}」為通過，但前面的問題沒有都答「是」",
            "'{label}' says passed, but the questions before are not both answered yes",
        ),
        ("兩問都是「是」才可通過", "Passed only where both are yes"),
        ("請更正其中一處", "Correct one of them"),
    ),
    "FB-empty-measure": Entry(
        "warning",
        ("「{value}」不是可以檢查的措施", "'{value}' is no measure that could be checked"),
        (
            "可以檢查的動作，寫明對象、數值、時間",
            "An action that can be checked: what, how much, until when",
        ),
        ("請寫具體；嚴重問題的措施必須具體", "Be specific; for severe problems it is required"),
    ),
    "FB-measure-cause": Entry(
        "warning",
        ("「{value}」沒有寫明消除哪個原因", "'{value}' does not say which cause it removes"),
        ("每項措施對應一個原因", "One cause for each measure"),
        ("請填寫對應原因；嚴重問題必須填寫", "Name the cause; for severe problems it is required"),
    ),
    "FB-measure-containment": Entry(
        "warning",
        ("「{label}」只有臨時措施：「{value}」", "'{label}' holds containment only: '{value}'"),
        (
            "消除原因的措施；停用、隔離、召回等寫在臨時措施一欄",
            "What removes the cause; stopping, isolating and recalling are containment",
        ),
        (
            "請補充消除原因的措施；嚴重問題必須有",
            "Add what removes the cause; for severe problems it is required",
        ),
    ),
    "FB-measure-effect": Entry(
        "warning",
        (
            "預期效果「{value}」缺少數字或日期",
            "The expected effect '{value}' lacks a number or a date",
        ),
        (
            "由多少、到多少、何時，例如：投訴由每月 5 件降到 1 件，2026-12-31 前",
            "From what, to what, by when, e.g. from 5 complaints a month to 1 by 2026-12-31",
        ),
        ("請補充；嚴重問題必須寫明", "Add them; for severe problems they are required"),
    ),
    "FB-promise-late": Entry(
        "warning",
        (
            "「{label}」承諾的日期 {day} 晚於處理期限 {due}",
            "'{label}' promises {day}, after the case is due ({due})",
        ),
        ("不晚於處理期限", "No later than due"),
        (
            "已記錄；請部門負責人提前，或申請調整期限",
            "It is taken; the head should bring it forward or ask for another date",
        ),
    ),
    "FB-wrong-signer": Entry(
        "error",
        ("「{label}」不能由 {person} 擔任", "'{label}' cannot be {person}"),
        ("可以簽署的人：{may}", "Who may sign: {may}"),
        ("請由有權的人簽署後再放入收件夾", "Have somebody sign who may, and drop it again"),
    ),
    "FB-verifier-not-independent": Entry(
        "error",
        (
            "驗證人 {person} 參與過本案的處理，或屬於主辦、協辦部門",
            "The verifier {person} had a part in the case, or is of a department that handles it",
        ),
        ("可以驗證的人：{may}", "Who may verify: {may}"),
        ("請另由他人驗證", "Let somebody else verify"),
    ),
    "FB-proposal": Entry(
        "error",
        ("建議轉交的部門就是原部門", "The proposed department is the present one"),
        ("另一個部門", "Another department"),
        ("請改填應轉交的部門", "Give the department it should go to"),
    ),
    "FB-not-involved": Entry(
        "error",
        (
            "{department} 既不是這個案件的責任部門，也不是協辦部門",
            "{department} neither leads this case nor cooperates in it",
        ),
        ("責任部門或協辦部門填報", "The lead department or a cooperating one"),
        (
            "請用發給本部門的一份，不要更改填報部門",
            "Use the form issued to your department and leave the department on it",
        ),
    ),
    "FB-reopen-open": Entry(
        "error",
        ("案件尚未結案，不能重開", "The case is not closed and cannot be reopened"),
        ("已結案的案件", "A closed case"),
        ("請選「繼續處理」", "Choose 'continue'"),
    ),
    "FB-reopen-late": Entry(
        "warning",
        (
            "案件已於 {on} 結案，超過可重開的 {days} 天；已另立案件 {opened}",
            "The case was closed on {on}, more than {days} days ago; case {opened} was opened instead",
        ),
        ("期限內重開", "Reopening within the period"),
        ("請按案件 {opened} 辦理", "Handle case {opened}"),
    ),
    # --- ledgers that come back edited ------------------------------------------------
    "FB-edit-taken": Entry(
        "note",
        (
            "{case} 的「{label}」由「{old}」改為「{new}」（{by}）",
            "'{label}' of {case}: '{old}' is now '{new}' ({by})",
        ),
        ("淡黃色欄中的修改", "A change in a pale yellow column"),
        _NOTHING,
    ),
    "FB-edit-none": Entry(
        "note",
        ("與發出的一份相同，沒有修改", "The same as what was issued; nothing was edited"),
        ("淡黃色欄中的修改", "Changes in pale yellow columns"),
        _NOTHING,
    ),
    "FB-edit-same": Entry(
        "note",
        ("{case} 的「{label}」已經是「{new}」", "'{label}' of {case} is '{new}' already"),
        ("淡黃色欄中的修改", "A change in a pale yellow column"),
        _NOTHING,
    ),
    "FB-edit-emptied": Entry(
        "error",
        (
            "{case} 的「{label}」（原為「{old}」）被清空",
            "'{label}' of {case} was emptied; it said '{old}'",
        ),
        ("另一個值；結束暫停請寫「恢復」", "Another value; to end a hold write 'resume'"),
        (
            "未採用，仍為原值；請填寫後再放入收件夾",
            "Not applied, the value stays; fill it in and drop the workbook again",
        ),
    ),
    "FB-edit-stranger": Entry(
        "error",
        (
            "{case} 的「{label}」由「{by}」修改，組織檔中沒有這個人",
            "'{label}' of {case} was changed by '{by}', who is nobody of the organisation",
        ),
        ("在表頭上方填寫本公司人員的姓名", "The name of somebody of the company above the header"),
        ("未採用；請更正修改人後再放入收件夾", "Not applied; correct the name and drop it again"),
    ),
    "FB-edit-not-allowed": Entry(
        "error",
        (
            "{person} 不能把 {case} 的「{label}」改為「{new}」",
            "{person} may not change '{label}' of {case} to '{new}'",
        ),
        ("可以修改的人：{may}", "Who may: {may}"),
        (
            "未採用；請由有權的人簽署後再放入收件夾",
            "Not applied; have somebody sign who may, and drop it again",
        ),
    ),
    "FB-edit-differs": Entry(
        "error",
        (
            "{case} 的「{label}」在另一處改為「{elsewhere}」，此處改為「{new}」",
            "'{label}' of {case} was changed to '{elsewhere}' elsewhere, and to '{new}' here",
        ),
        ("同一欄只有一個新值", "One new value for one cell"),
        ("未採用；請在最新的臺賬上填寫", "Not applied; enter it in the newest ledger"),
    ),
    "FB-edit-date": Entry(
        "error",
        (
            "{case} 的「{label}」為 {new}，早於驗證通過的 {asked}",
            "'{label}' of {case} is {new}, before the verification on {asked}",
        ),
        ("{asked} 或之後的日期", "{asked} or a later day"),
        ("未採用；請核對日期後再放入收件夾", "Not applied; check the date and drop it again"),
    ),
    "FB-edit-mailed": Entry(
        "warning",
        (
            "{sender} 寄來修改過的臺賬或匯總表；郵件中的修改不採用",
            "{sender} has mailed an edited ledger or summary; edits are not taken out of mails",
        ),
        ("直接放入收件夾的文件", "The file dropped into the inbox"),
        (
            "已保存，未採用；確認無誤後請把文件本身放入收件夾",
            "Kept, not applied; once you are sure, drop the file itself",
        ),
    ),
    "FB-edit-no-code": Entry(
        "error",
        (
            "表中沒有 {issue} 那一份的校驗碼，不能證明是本公司發出的",
            "The workbook does not have the check code of issue {issue}; nothing shows that it is ours",
        ),
        (
            "發件夾中發出的那一份，其表頭上方有校驗碼",
            "The one that was issued, with the check code above its header",
        ),
        (
            "已擱置，未採用；請在最新的臺賬上修改",
            "Set aside, nothing was done; edit the newest ledger",
        ),
    ),
    "FB-decision-taken": Entry(
        "note",
        ("{case} 的決定：「{new}」（{by}）", "Decision {case}: '{new}' ({by})"),
        ("「待決」表中的選擇", "A choice on the sheet 'To decide'"),
        _NOTHING,
    ),
    "FB-decision-gone": Entry(
        "note",
        ("{case} 已經決定，或步驟已經辦理", "{case} was decided before, or its step was taken"),
        ("仍待決定的事項", "Something that still waits"),
        _NOTHING,
    ),
    "FB-decision-option": Entry(
        "error",
        ("{case} 沒有「{new}」這一份", "{case} has no form '{new}'"),
        ("表中列出的一份，或「都不採用」", "One of those listed, or none of them"),
        ("未採用；請重新選擇後再放入收件夾", "Not applied; choose again and drop it again"),
    ),
    "FB-edit-protected": Entry(
        "error",
        (
            "{case} 的「{label}」不可修改（「{old}」改為「{new}」）",
            "'{label}' of {case} is protected ('{old}' was changed to '{new}')",
        ),
        ("只修改淡黃色欄", "Changes in pale yellow columns only"),
        ("未採用；如須更正請交相應的表單", "Not applied; hand in the form for it"),
    ),
    "FB-edit-unknown-case": Entry(
        "error",
        ("發出的表中沒有案件 {case}", "The issued workbook does not have case {case}"),
        ("表中原有的案件", "A case of the workbook"),
        ("未採用；新反饋請用登記表", "Not applied; use a register for new feedback"),
    ),
    "FB-edit-unsigned": Entry(
        "error",
        (
            "{case} 的「{label}」改為「{new}」，但沒有寫明修改人",
            "'{label}' of {case} was changed to '{new}' without a name",
        ),
        ("在表頭上方填寫修改人", "The editor's name above the header"),
        ("請填寫修改人後再放入收件夾", "Give the name and drop it again"),
    ),
    "FB-edit-safety": Entry(
        "error",
        (
            "{case} 涉及安全，不能只在表中降低嚴重程度",
            "{case} is a safety matter; its severity is not lowered in a sheet alone",
        ),
        ("修改人，並在備註寫明理由", "The editor's name, and the reason in the remarks"),
        ("請補充後再放入收件夾", "Add them and drop it again"),
    ),
    "FB-edit-hold": Entry(
        "error",
        (
            "{case} 的暫停沒有寫明至何日：「{new}」",
            "The hold of {case} does not say until when: '{new}'",
        ),
        (
            "原因和日期，例如：等待樣品，至 2026-12-01",
            "Reason and date, e.g. waiting for samples, until 2026-12-01",
        ),
        _REDROP,
    ),
    "FB-edit-state": Entry(
        "error",
        (
            "{case} 現為「{state}」，不能這樣修改「{label}」",
            "{case} is '{state}'; '{label}' cannot be changed like this now",
        ),
        ("與案件狀態相符的修改", "A change that fits the case's state"),
        ("未採用；請按表單的順序辦理", "Not applied; go by the forms"),
    ),
    "FB-edit-main-case": Entry(
        "error",
        (
            "{case} 不能併入「{new}」：沒有這個案件、就是本案，或者已結案",
            "{case} cannot be merged into '{new}': no such case, the same one, or closed",
        ),
        ("另一個在辦案件的編號", "The number of another case that is open"),
        (
            "未採用；請核對編號後在最新的臺賬上填寫",
            "Not applied; check the number and enter it in the newest ledger",
        ),
    ),
    "FB-edit-no-issue": Entry(
        "error",
        (
            "找不到當時發出的一份（{issue}），無法比較",
            "The copy that was issued ({issue}) is gone; nothing can be compared",
        ),
        ("發件夾中仍有當時的運行資料夾", "The run's folder still in the outbox"),
        ("請在最新的臺賬上修改", "Edit the newest ledger"),
    ),
    # --- files ------------------------------------------------------------------------
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
        (
            "Excel（xlsx、xls、xlsb、ods）、csv、Word（docx）、PDF 表單、郵件（eml、msg）、JSON、txt 或 zip",
            "Excel (xlsx, xls, xlsb, ods), csv, Word (docx), a PDF form, a mail (eml, msg), JSON, txt or zip",
        ),
        ("請另存為其中一種", "Save it as one of these"),
    ),
    "FB-no-outlook-reader": Entry(
        "error",
        (
            "這是 Outlook 的郵件（msg），本機沒有安裝讀取它的組件",
            "This is a mail of Outlook's (msg), and what reads it is not installed here",
        ),
        (
            "存為 eml 的郵件，或已安裝的附加組件 fbbatch[msg]",
            "A mail saved as eml, or the extra fbbatch[msg] installed",
        ),
        (
            "請把郵件另存為 eml 再放入；或由管理員執行 pip install 'fbbatch[msg]'，然後再放入一次",
            "Save the mail as eml and drop that; or the administrator runs pip install 'fbbatch[msg]', then drop it again",
        ),
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
        (
            "文字編碼無法辨認（第 {byte} 位元組起）",
            "The text encoding is not known (from byte {byte})",
        ),
        ("UTF-8、UTF-16、GB18030 或 Big5", "UTF-8, UTF-16, GB18030 or Big5"),
        ("請以 UTF-8 另存", "Save it as UTF-8"),
    ),
    "FB-too-expensive": Entry(
        "error",
        (
            "讀取時超出限制（{what}），已中止",
            "Reading it went over the limit ({what}) and was stopped",
        ),
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
        (
            "文件正在 Office 中打開，或暫時無法讀取或移出",
            "The file is open in Office, or cannot be read or moved away for now",
        ),
        ("已關閉、可讀取、可移出的文件", "A closed file that may be read and moved"),
        (
            "關閉文件，或請管理員檢查文件和資料夾的權限；下次處理",
            "Close it, or mend its rights and those of its folder; it is taken next time",
        ),
    ),
    "FB-lock-left": Entry(
        "note",
        (
            "Office 的鎖文件已留在旁邊超過一天，文件照常處理",
            "A lock file of Office has lain beside it for more than a day; it was taken all the same",
        ),
        ("已關閉的文件", "A closed file"),
        (
            "若仍有人在編輯，請其存檔後重新放入；鎖文件可以刪除",
            "If somebody is still editing it, drop it again when it is saved; the lock file may be deleted",
        ),
    ),
    "FB-not-a-file": Entry(
        "note",
        (
            "這不是普通文件（連結、管道或設備），未打開",
            "This is no ordinary file (a link, a pipe or a device) and was not opened",
        ),
        ("文件本身", "The file itself"),
        ("請放入文件的複本", "Drop a copy of the file"),
    ),
    "FB-waits": Entry(
        "note",
        ("這次運行已達上限（{limit}）", "This run has reached its limit ({limit})"),
        ("一次運行不超過上限", "No more than the limit in one run"),
        ("留在收件夾，下次處理", "It stays in the inbox and is taken next time"),
    ),
    # --- set-up -----------------------------------------------------------------------
    "FB-role-vacant": Entry(
        "warning",
        ("制度中的角色 {role} 沒有指定人員", "Nobody holds the regulation's role {role}"),
        ("一人及一名代理人", "A person and a deputy"),
        ("請在 organisation.yaml 的 roles 填寫", "Fill in `roles` in organisation.yaml"),
    ),
    "FB-deputy-missing": Entry(
        "warning",
        (
            "制度中的角色 {role} 只有一人，沒有代理人",
            "Only one person holds the regulation's role {role}; there is no deputy",
        ),
        ("一人及一名代理人", "A person and a deputy"),
        (
            "請在 organisation.yaml 的 roles 加上代理人",
            "Add a deputy to `roles` in organisation.yaml",
        ),
    ),
}


_LIMITS: dict[str, tuple[str, str]] = {
    "file-bytes": ("文件的位元組數", "The file's size in bytes"),
    "zip-entries": ("文件內的組成部分數", "The number of entries in the file"),
    "zip-part-bytes": ("一個組成部分解壓後的位元組數", "The unpacked size of an entry in bytes"),
    "zip-total-bytes": ("文件解壓後的位元組數", "The file's unpacked size in bytes"),
    "zip-ratio": ("壓縮比", "The ratio of packing"),
    "xml-depth": ("文件內容的嵌套層數", "The depth of nesting in the file"),
    "sheets": ("工作表數", "The number of sheets"),
    "rows": ("填寫的行數", "The number of rows"),
    "columns": ("欄數", "The number of columns"),
    "cells": ("儲存格數", "The number of cells"),
    "merged-areas": ("合併儲存格數", "The number of merged areas"),
    "paper-chars": ("文件的字數", "The number of characters"),
    "paper-tables": ("表格數", "The number of tables"),
    "mail-parts": ("郵件的組成部分數", "The number of parts of the mail"),
    "mail-depth": ("郵件的嵌套層數", "The depth of nesting in the mail"),
    "mail-header-bytes": ("郵件頭的位元組數", "The size of the mail's headers in bytes"),
    "attachments": ("附件數", "The number of attachments"),
    "pdf-pages": ("PDF 的頁數", "The number of pages"),
    "pdf-fields": ("PDF 的欄位數", "The number of form fields"),
    "pdf-stream-bytes": (
        "PDF 的一段內容解壓後的位元組數",
        "The unpacked size of a stream of the PDF in bytes",
    ),
    "csv-line-bytes": ("一行的位元組數", "The size of one row in bytes"),
    "json-bytes": ("JSON 文件的位元組數", "The size of the JSON file in bytes"),
    "json-depth": ("JSON 的嵌套層數", "The depth of nesting in the JSON file"),
}
"""What is limited, by the end of the finding's code; the settings are `limits.*` in fbbatch.yaml."""

CATALOGUE |= {
    f"FB-limit-{name}": Entry(
        "error",
        (
            f"{chinese}為 {{value}}，超過上限 {{limit}}{{where}}",
            f"{english} is {{value}}; the limit is {{limit}}{{where}}",
        ),
        ("不超過 {limit}", "At most {limit}"),
        (
            "請分成幾個文件或縮小後再放入；上限可由管理員調整（{setting}）",
            "Split the file or make it smaller; the administrator may change the limit ({setting})",
        ),
    )
    for name, (chinese, english) in _LIMITS.items()
}


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
    words["where"] = (
        _WHERE[language].format(item.details["where"]) if "where" in item.details else ""
    )
    for name in ("other", "expected_fields", "same_fields", "near_field"):
        if name in item.details:
            words[name.removesuffix("_fields")] = _LIST[language].join(
                labels.get(i, i) for i in item.details[name].split(",")
            )
    if item.details.get("found") == "binary":
        words["found"] = _NO_KIND[language]
    if "near_field" in item.details or "near" in item.details:
        words["near"] = _NEAREST[language].format(
            words["near_field"] if "near_field" in item.details else item.details["near"]
        )
    elif "near" not in words:
        words["near"] = ""
    return _wording(item.code, which, language).format_map(words)


_NO_KIND = {"zh-Hant": "無法辨識", "zh-Hans": "无法辨识", "en": "unknown"}
_WHERE = {"zh-Hant": "（{}）", "zh-Hans": "（{}）", "en": " ({})"}
_LIST = {"zh-Hant": "、", "zh-Hans": "、", "en": ", "}
_NEAREST = {"zh-Hant": "；最相近：{}", "zh-Hans": "；最相近：{}", "en": "; nearest: {}"}


def message(item: Finding, language: str, labels: Mapping[str, str] = {}) -> str:
    """The whole message without its place: what was found, what was expected, what to do."""
    stop = "。" if language != "en" else ". "
    return (
        stop.join(
            part(item, which, language, labels) for which in ("found", "expected", "remedy")
        ).strip()
        + stop.strip()
    )
