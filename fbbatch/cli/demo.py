"""`demo`: an invented company, its files of all three sources, and a run.

All people and numbers are made up.
"""

import csv
import datetime as dt
import io
import shutil
from pathlib import Path

import click

from fbbatch import wording
from fbbatch.cli.common import Call, command, now, progress_of
from fbbatch.cli.run import show
from fbbatch.cli.setup import LOCALES, SOURCES, lay_out
from fbbatch.words import simplified

_MARK = "demo"

_CUSTOMERS = [
    ("王小明", "0912-345-678", "智能音箱", "X-1", "插電後冒煙並有燒焦味，無法使用", "客廳"),
    ("李美玲", "0922-111-222", "掃地機器人", "X-3", "充電兩小時後無法開機，指示燈不亮", "臥室"),
    ("陳大同", "chen@example.com", "智能音箱", "X-2", "藍牙經常斷開，需要重新配對", "書房"),
    ("林志玲", "0933-222-333", "電飯煲", "X-5", "說明書看不懂，操作太複雜", "廚房"),
    ("張家豪", "0955-777-888", "電飯煲", "X-6", "外殼有輕微劃痕", "廚房"),
    ("黃雅琪", "0966-123-123", "掃地機器人", "X-4", "希望增加定時清掃的語音提示", "客廳"),
    ("吳建宏", "0977-321-321", "智能音箱", "X-1", "與安卓14手機不兼容，無法連接", "辦公室"),
    ("趙敏", "0988-456-456", "智能音箱", "X-2", "客服態度差，三次來電都沒有回覆，我要投訴", "客廳"),
    ("周杰", "0911-654-654", "掃地機器人", "X-3", "邊刷安裝錯誤後卡住，屬於自己操作不當", "客廳"),
    ("鄭怡", "0921-987-987", "電飯煲", "X-5", "煮飯時沒有漏電，也沒有冒煙，很好用", "廚房"),
    (
        "Anna Miller",
        "anna@example.com",
        "智能音箱",
        "X-2",
        "The speaker keeps disconnecting from Wi-Fi and the app crashes",
        "Office",
    ),
    ("孫立", "", "智能音箱", "X-1", "按鍵失靈", "客廳"),
    ("", "0934-555-666", "電飯煲", "X-6", "內膽塗層脫落，擔心有毒", "廚房"),
    ("何平", "0945-666-777", "掃地機器人", "X-4", "無", "客廳"),
]
_EMPLOYEES = [
    (
        "郭志強",
        "研發部",
        "智能音箱",
        "X-1",
        "老化測試中三台電源板過熱，外殼變形",
        "電源管理晶片散熱不足",
        "實驗室",
    ),
    (
        "曾淑芬",
        "質量控制部",
        "電飯煲",
        "X-5",
        "抽檢發現密封圈尺寸超差，批號 L0511",
        "模具磨損",
        "二號車間",
    ),
    (
        "許文龍",
        "生產部",
        "掃地機器人",
        "X-3",
        "包裝線漏裝充電座，已通知倉庫",
        "防錯裝置失效",
        "包裝線",
    ),
    (
        "謝欣怡",
        "客服部",
        "智能音箱",
        "X-2",
        "一週內接到五通無法連接無線網路的來電",
        "韌體 2.3 更新後出現",
        "客服中心",
    ),
]
_PARTNERS = [
    ("大華電器行", "劉經理", "智能音箱 X-2", "同一批次兩台開機後自動重啟，門市要求換貨"),
    ("", "劉經理", "電飯煲 X-6", "建議外箱加印防潮標示"),
    ("新新通路", "蔡小姐", "掃地機器人 X-4", "到貨延遲四天，且有三箱外箱破損"),
]


def drop_files(inbox: Path, today: dt.date, *, hans: bool) -> None:
    """Put files of all three sources into the inbox, as offices really make them."""

    def in_script(text: str) -> str:
        return simplified(text) if hans else text

    script = "zh-Hans" if hans else "zh-Hant"
    places = [inbox / wording.say(f"cli.{kind}", script) for kind in SOURCES]
    for place in places:
        place.mkdir(mode=0o700, exist_ok=True)
    _questionnaire(places[0] / in_script("十一月產品使用問卷.xlsx"), today, in_script)
    _platform_export(
        places[1] / in_script("內部反饋平臺匯出.csv"),
        today,
        in_script,
        "gb18030" if hans else "cp950",
    )
    _meeting(places[2] / in_script("經銷商會議記錄.xlsx"), today, in_script)


def _questionnaire(path: Path, today: dt.date, in_script) -> None:  # type: ignore[no-untyped-def]
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    sheet, day = (
        book.add_worksheet(in_script("問卷結果")),
        book.add_format({"num_format": "yyyy/m/d"}),
    )
    sheet.write_string(0, 0, in_script("產品使用情況問卷（匯出）"))
    sheet.write_string(1, 0, in_script("匯出時間：") + today.isoformat())
    for column, head in enumerate(
        (
            "序號",
            "客戶姓名*",
            "聯繫電話（必填）",
            "反饋日期",
            "產品名稱",
            "型號",
            "問題描述：",
            "使用\n場景",
            "滿意度(1-5)",
        )
    ):
        sheet.write_string(2, column, in_script(head))
    for number, (name, contact, product, model, text, scene) in enumerate(_CUSTOMERS):
        row = 3 + number
        sheet.write_number(row, 0, number + 1)
        for column, value in (
            (1, name),
            (2, contact),
            (4, product),
            (5, model),
            (6, text),
            (7, scene),
        ):
            sheet.write_string(row, column, in_script(value))
        sheet.write_datetime(
            row, 3, dt.datetime.combine(today - dt.timedelta(days=number % 6), dt.time()), day
        )
        sheet.write_number(row, 8, 1 + number % 5)
    sheet.write_string(3 + 4, 3, in_script("昨天下午"))
    book.close()


def _platform_export(path: Path, today: dt.date, in_script, encoding: str) -> None:  # type: ignore[no-untyped-def]
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(
        [
            in_script(h)
            for h in (
                "反饋人姓名",
                "部門",
                "反饋時間",
                "產品",
                "型號",
                "問題詳情",
                "可能原因",
                "發現地點",
            )
        ]
    )
    for number, (name, department, product, model, problem, cause, place) in enumerate(_EMPLOYEES):
        moment = today - dt.timedelta(days=number)
        when = f"{moment.year}年{moment.month}月{moment.day}日 14:{10 + number}"
        out.writerow(
            [in_script(v) for v in (name, department, when, product, model, problem, cause, place)]
        )
    path.write_bytes(text.getvalue().encode(encoding, "replace"))


def _meeting(path: Path, today: dt.date, in_script) -> None:  # type: ignore[no-untyped-def]
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet(in_script("會議記錄"))
    sheet.merge_range(0, 0, 0, 4, in_script("第四季經銷商會議 反饋記錄"))
    sheet.merge_range(1, 0, 1, 1, in_script("反饋方"))
    sheet.merge_range(1, 2, 1, 4, in_script("反饋內容"))
    for column, head in enumerate(
        ("合作夥伴名稱", "反饋人", "日期", "產品名稱及型號", "問題或建議內容")
    ):
        sheet.write_string(2, column, in_script(head))
    for number, (partner, name, product, text) in enumerate(_PARTNERS):
        for column, value in (
            (0, partner),
            (1, name),
            (2, today.strftime("%Y/%m/%d")),
            (3, product),
            (4, text),
        ):
            sheet.write_string(3 + number, column, in_script(value))
    sheet.merge_range(3, 0, 4, 0, in_script(_PARTNERS[0][0]))
    book.close()


@command("demo")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default="demo")
@click.option(
    "--locale",
    type=click.Choice(LOCALES),
    default="zh-Hant",
    show_default=True,
    help="Language of documents and messages.",
)
def demo(call: Call, folder: Path, locale: str) -> int:
    """Build an invented company's workspace in FOLDER, drop files into it, and run.

    FOLDER is made anew each time.
    """
    from fbbatch import batch

    mark = folder / ".fbbatch" / _MARK
    if folder.exists() and any(folder.iterdir()):
        if not mark.exists():
            raise click.UsageError(
                f"{folder} is not empty and was not made by `fbbatch demo`; name another folder"
            )
        shutil.rmtree(folder)
    lay_out(folder, locale)
    mark.touch(mode=0o600)
    call = Call(folder, call.as_json, call.quiet, call.verbose)
    shop = call.shop()
    clock = now(shop.settings.zone)
    drop_files(folder.resolve() / "inbox", clock.date(), hans=locale == "zh-Hans")
    call.say(
        f"{folder / 'inbox'}: "
        + "、".join(
            sorted(p.name for p in (folder / "inbox").rglob("*.*") if p.name != "README.txt")
        )
    )
    with progress_of(call) as progress:
        result = batch.run(shop, clock, now=clock, progress=progress)
    show(call, shop, result)
    latest = folder / "outbox" / "latest"
    index = result.folder and result.folder / "index.html"
    ready = wording.say("cli.demo_is_ready", locale, folder=folder, index=index, latest=latest)
    call.say(f"\n{ready}")
    return 0
