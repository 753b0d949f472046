"""What a worker does in tests: it answers, or goes wrong in the way the task names."""

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any


def prepare(setup: Any) -> Callable[[Any], Iterator[bytes]]:
    def work(task: tuple[str, Any]) -> Iterator[bytes]:
        what, value = task
        match what:
            case "say":
                yield f"{setup['greeting']} {value}".encode()
            case "print":
                print("what a parser prints", flush=True)
                print("must not reach the answers", file=sys.stderr, flush=True)
                os.write(1, b"however it does so")
                yield b"quiet"
            case "many":
                for number in range(value):
                    yield b"%d" % number
            case "long":
                yield b"x" * value
            case "pid":
                yield str(os.getpid()).encode()
            case "abort":
                yield b"begun"
                os.abort()
            case "segfault":
                ctypes.string_at(0)
            case "hang":
                time.sleep(600)
            case "eat":
                hoard = [bytearray(50_000_000) for _ in range(100)]
                yield b"%d" % len(hoard)
            case "spin":
                while True:
                    pass
            case "exit":
                os._exit(value)
            case "raise":
                raise RuntimeError("not caught in the worker")

    return work
