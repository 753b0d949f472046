"""10,000 small files in one run: time per file, and an idle run afterwards.

The idle run is measured against one in a new workspace.
"""

import csv
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import seconds
from benchmarks.samples import AS_OF, workshop
from fbbatch import batch

FILES = 10_000
_HEAD = ("客户姓名", "联系方式", "反馈时间", "产品名称", "产品型号", "问题描述", "使用场景")


def drop_files(folder: Path, number: int) -> None:
    """So many questionnaires of one row each; one in a hundred lacks its description."""
    (folder / "inbox" / "customer").mkdir(exist_ok=True)
    for n in range(number):
        with (folder / "inbox" / "customer" / f"f{n:05d}.csv").open(
            "w", encoding="utf-8", newline=""
        ) as stream:
            told = "" if n % 100 == 7 else f"蓝牙经常断开，第{n}次重新配对"
            csv.writer(stream).writerows(
                [
                    _HEAD,
                    (
                        f"客户{n}",
                        f"138{n:08d}",
                        "2026-11-20",
                        "智能音箱",
                        f"X-{n % 9}",
                        told,
                        "客厅",
                    ),
                ]
            )


def night(folder: Path) -> batch.RunResult:
    """A whole run."""
    return batch.run(workshop(folder), AS_OF, now=AS_OF, progress=lambda *_: None)


def main() -> None:
    number = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdecimal() else FILES
    with tempfile.TemporaryDirectory() as scratch:
        full, new = Path(scratch) / "full", Path(scratch) / "new"
        workshop(full)
        drop_files(full, number)
        first = seconds(lambda: night(full))
        idle = sorted(seconds(lambda: night(full)) for _ in range(3))[1]
        fresh = sorted(seconds(lambda n=n: night(new / str(n))) for n in range(3))[1]
        per_file = first / number * 1000
        print(
            f"files    {number:,} small files, time of the run per file: {per_file:.0f} ms"
            " (aim ≤ 60 on 2 cores)"
        )
        print(
            "files    a run over the empty inbox afterwards ÷ a run in a new workspace:"
            f" {idle / fresh:.2f} (aim ≤ 1.00)"
        )


if __name__ == "__main__":
    main()
