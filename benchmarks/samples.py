"""Invented files and workspaces for the benchmarks."""

import datetime as dt
import random
from pathlib import Path

import xlsxwriter

from fbbatch.cli.setup import lay_out
from fbbatch.settings import load_settings
from fbbatch.workspace import Workspace, open_workspace

AS_OF = dt.datetime.fromisoformat("2026-11-22T23:00:00+08:00")
_HEADS = (
    "序号",
    "客户姓名",
    "联系电话",
    "反馈日期",
    "产品名称",
    "型号",
    "问题描述",
    "使用场景",
    "渠道",
    "订单号",
    "批号",
    "客户诉求",
)
_TEXTS = (
    "开机后屏幕无显示，按键没有反应",
    "使用中突然冒烟并有焦糊味",
    "蓝牙经常断开，需要重新配对",
    "说明书看不懂，操作太复杂",
    "外壳有轻微划痕",
    "希望增加定时关机功能",
    "与安卓14手机不兼容，无法连接",
    "充电时发烫，续航明显缩短",
)


def questionnaire(path: Path, rows: int, *, seed: int = 1) -> Path:
    """A questionnaire of `rows` × 12 columns, as a survey tool exports it; no two rows alike."""
    chance = random.Random(seed)
    book = xlsxwriter.Workbook(str(path))
    sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
    for column, head in enumerate(_HEADS):
        sheet.write_string(0, column, head)
    for number in range(1, rows + 1):
        sheet.write_number(number, 0, number)
        sheet.write_string(number, 1, f"张{seed}-{number:06d}")
        sheet.write_string(number, 2, f"138{chance.randrange(10**8):08d}")
        moment = dt.datetime(2026, 11, 1) + dt.timedelta(days=number % 20)  # noqa: DTZ001
        sheet.write_datetime(number, 3, moment, day)
        sheet.write_string(number, 4, chance.choice(("智能音箱", "扫地机器人", "电饭煲")))
        sheet.write_string(number, 5, f"X-{number % 9}")
        sheet.write_string(
            number, 6, f"{chance.choice(_TEXTS)}（第{number}次来电），已反复试过多次仍然出现"
        )
        sheet.write_string(number, 7, chance.choice(("客厅", "办公室", "厨房")))
        sheet.write_string(number, 8, chance.choice(("热线", "邮件")))
        sheet.write_string(number, 9, f"SO{seed}{number:08d}")
        sheet.write_string(number, 10, f"L{number % 500}")
        sheet.write_string(number, 11, chance.choice(("换货", "退货", "维修")))
    book.close()
    return path


def workshop(folder: Path, **settings: object) -> Workspace:
    """A fresh workspace in Simplified Chinese."""
    lay_out(folder, "zh-Hans")
    return open_workspace(
        folder, load_settings(folder, environment={}, settle_seconds=0, **settings)
    )
