"""`python -m benchmarks [NAME…]`: every benchmark, or those named."""

import sys
from importlib import import_module

NAMES = ("startup", "documents", "history", "ingest", "judgement", "files")

if __name__ == "__main__":
    for name in [n for n in sys.argv[1:] if not n.isdecimal()] or NAMES:
        import_module(f"benchmarks.{name}").main()
