"""`fbbatch --help` against a bare Python start.

The one absolute aim, 0.25 s, is printed beside the ratio.
"""

import subprocess
import sys

from benchmarks.measure import seconds


def main(turns: int = 9) -> None:
    ours = sorted(
        seconds(
            lambda: subprocess.run(
                [sys.executable, "-m", "fbbatch", "--help"], capture_output=True, check=True
            )
        )
        for _ in range(turns)
    )
    bare = sorted(
        seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
        for _ in range(turns)
    )
    held = "holds" if ours[turns // 2] < 0.25 else "does not hold"
    ratio = ours[turns // 2] / bare[turns // 2]
    print(f"startup  fbbatch --help ÷ bare python: {ratio:.1f} (below 0.25 s: {held})")


if __name__ == "__main__":
    main()
