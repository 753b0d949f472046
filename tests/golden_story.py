"""A story in which every kind of document is issued, always with the same bytes: same files, days and secret."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fbbatch.secret import SECRET
from tests.builders import delimited, drop, run, workspace
from tests.test_closed_loop import FIRST, Bureau

DIGESTS = Path(__file__).parent / "golden"
LIBRARIES = ("reportlab", "openpyxl", "xlsxwriter", "python-docx", "lxml", "jinja2")
"""What the bytes of documents depend on besides this project."""

_ROWS = {
    "zh-Hant": [
        ["客戶姓名", "聯繫方式", "反饋時間", "產品名稱", "產品型號", "問題描述", "使用場景"],
        ["王小明", "0912345678", "2026-11-12 10:00", "智能音箱", "X-1", "插電後冒煙並有燒焦味", "客廳"],
        ["李美玲", "0987654321", "2026-11-12 18:30", "智能音箱", "X-2", "藍牙經常斷開", "臥室"],
        ["陳大同", "0922111222", "2026-11-12", "電飯煲", "X-5", "說明書看不懂，操作太複雜", "廚房"],
        ["孫立", "", "昨天", "電飯煲", "X-5", "按鍵失靈", "廚房"],
    ],
    "zh-Hans": [
        ["客户姓名", "联系方式", "反馈时间", "产品名称", "产品型号", "问题描述", "使用场景"],
        ["王小明", "13800001111", "2026-11-12 10:00", "智能音箱", "X-1", "插电后冒烟并有烧焦味", "客厅"],
        ["李美玲", "13900002222", "2026-11-12 18:30", "智能音箱", "X-2", "蓝牙经常断开", "卧室"],
        ["陈大同", "13700003333", "2026-11-12", "电饭煲", "X-5", "说明书看不懂，操作太复杂", "厨房"],
        ["孙立", "", "昨天", "电饭煲", "X-5", "按键失灵", "厨房"],
    ],
    "en": [
        ["Customer name", "Contact", "Date of feedback", "Product", "Model", "Description", "Scene"],
        ["Anna Miller", "anna@example.com", "2026-11-12 10:00", "智能音箱", "X-1",
         "It smokes and smells burnt after plugging in", "Living room"],
        ["Ben Wood", "ben@example.com", "2026-11-12 18:30", "智能音箱", "X-2",
         "The speaker keeps disconnecting from Wi-Fi", "Office"],
        ["Carl Stone", "carl@example.com", "2026-11-12", "电饭煲", "X-5",
         "The manual is hard to understand", "Kitchen"],
        ["Dora Field", "", "yesterday", "电饭煲", "X-5", "Keys do not respond", "Kitchen"],
    ],
}  # fmt: skip


def play(folder: Path, locale: str) -> Bureau:
    """A workspace with fixed secret after three cases have come, one to its end and one to a halt."""
    place = workspace(folder, locale, case_reports="[severe, general, minor]")
    secret = {"workspace": "golden", "keys": [{"key": "00" * 32, "until": None}]}
    path = place / SECRET
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(secret), encoding="utf-8")
    path.chmod(0o600)
    drop(place, "customer/november.csv", delimited(_ROWS[locale]))
    run(place, FIRST.isoformat())
    here = Bureau(place)
    number = "FB-20261113-0001"
    for kind in ("assignment", "measures", "inspection", "result", "verification", "reply"):
        _hand_in(here, kind, {}, number)
    _hand_in(here, "satisfaction", {"overall": "2", "reason": "0"}, number)
    here.run(days=20)
    return here


def _hand_in(here: Bureau, kind: str, changes: dict[str, Any], number: str) -> None:
    drop(here.place, f"{kind}.docx", here.filled(kind, changes, number=number))
    entry = here.told(here.run(), f"{kind}.docx")
    assert entry["outcome"] == "step", here.messages


def digests(here: Bureau) -> dict[str, dict[str, str]]:
    """The sha256 of every published file by kind and path; of run folders all, of `latest` none."""
    found: dict[str, dict[str, str]] = {}
    for manifest in sorted(here.place.glob("outbox/2*/manifest.json")):
        told = json.loads(manifest.read_text(encoding="utf-8"))
        kinds = {one["path"]: one["kind"] for one in told["documents"]}
        for path in sorted(p for p in manifest.parent.rglob("*") if p.is_file()):
            name = path.relative_to(manifest.parent).as_posix()
            kind = kinds.get(name, path.name)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found.setdefault(kind, {})[f"{manifest.parent.name}/{name}"] = digest
    return found


def versions() -> dict[str, str]:
    """The versions of the libraries that write documents."""
    return {name: version(name) for name in LIBRARIES}
