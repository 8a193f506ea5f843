"""turtls, compiled: what `ours` does, in a process of its own, which imports what `make compiled` has installed."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import turtls.connection
from benchmarks.contenders.cases import Handshake, Transfer, Work
from benchmarks.contenders.ours import Turtls
from benchmarks.contenders.program import Program
from benchmarks.contenders.streams import Loopback, TurtlsStack
from benchmarks.measure import settle_allocator

_ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = _ROOT / ".venv-compiled" / "bin" / "python"
"""What runs it, where `make compiled` has been called."""


class CompiledTurtls:
    """Both ends are turtls, compiled. Raises FileNotFoundError where nothing is."""

    name = "turtls, compiled"
    version = Turtls.version

    def __init__(self) -> None:
        self._program = _program()

    def handshake(self, case: Handshake) -> Work:
        """A resumed handshake uses a ticket of the one before."""
        return self._program.work({"handshake": asdict(case)})

    def transfer(self, case: Transfer) -> Work:
        """What `send_data` makes goes into `receive_data` of the other side."""
        return self._program.work({"transfer": asdict(case)})


class CompiledLoopback:
    """Streams of asyncio, on a `Loopback` of its own. Raises FileNotFoundError where nothing is compiled."""

    name = CompiledTurtls.name

    def __init__(self) -> None:
        self._program = _program()
        self.throughput = self._program.work({"stream": "throughput"})
        self.requests = self._program.work({"stream": "requests"})
        self.latencies: list[float] = []
        """They stay in the other process."""

    def handshakes(self, at_a_time: int) -> Work:
        """Connections opened and closed, so many of them at a time."""
        return self._program.work({"stream": "handshakes", "at_a_time": at_a_time})

    def close(self) -> None:
        """End the process."""
        self._program.close()


def _program() -> Program:
    return Program([PYTHON, "-m", "benchmarks.contenders.compiled"], {"PYTHONPATH": str(_ROOT)})


@cache
def _handshake(case: Handshake) -> Work:
    return Turtls().handshake(case)


@cache
def _transfer(case: Transfer) -> Work:
    return Turtls().transfer(case)


@cache
def _loopback() -> Loopback:
    return Loopback(CompiledTurtls.name, TurtlsStack(), asyncio.new_event_loop)


def _stream(name: str, at_a_time: int = 1) -> Work:
    works: dict[str, Work] = {
        "throughput": _loopback().throughput,
        "requests": _loopback().requests,
        "handshakes": _loopback().handshakes(at_a_time),
    }
    return works[name]


def _seconds(order: dict[str, Any]) -> float:
    times = order.pop("times")
    if "handshake" in order:
        return _handshake(Handshake(**order["handshake"]))(times)
    if "transfer" in order:
        return _transfer(Transfer(**order["transfer"]))(times)
    return _stream(order.pop("stream"), **order)(times)


def main() -> None:
    """Do what each line asks for."""
    if str(turtls.connection.__file__).endswith(".py"):
        sys.exit("These are the sources.")
    settle_allocator()
    for line in sys.stdin:
        print(json.dumps({"seconds": _seconds(json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
