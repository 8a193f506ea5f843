"""turtls, compiled: what `ours` does, in a process of its own, which imports what `make compiled` has installed."""

from __future__ import annotations

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
from benchmarks.measure import settle_allocator

_ROOT = Path(__file__).resolve().parent.parent.parent
_PYTHON = _ROOT / ".venv-compiled" / "bin" / "python"


class CompiledTurtls:
    """Both ends are turtls, compiled. Raises FileNotFoundError where nothing is."""

    name = "turtls, compiled"
    version = Turtls.version

    def __init__(self) -> None:
        self._program = Program([_PYTHON, "-m", "benchmarks.contenders.compiled"], {"PYTHONPATH": str(_ROOT)})

    def handshake(self, case: Handshake) -> Work:
        """A resumed handshake uses a ticket of the one before."""
        return self._program.work({"handshake": asdict(case)})

    def transfer(self, case: Transfer) -> Work:
        """What `send_data` makes goes into `receive_data` of the other side."""
        return self._program.work({"transfer": asdict(case)})


@cache
def _handshake(case: Handshake) -> Work:
    return Turtls().handshake(case)


@cache
def _transfer(case: Transfer) -> Work:
    return Turtls().transfer(case)


def _seconds(order: dict[str, Any]) -> float:
    if "handshake" in order:
        return _handshake(Handshake(**order["handshake"]))(order["times"])
    return _transfer(Transfer(**order["transfer"]))(order["times"])


def main() -> None:
    """Do what each line asks for."""
    if str(turtls.connection.__file__).endswith(".py"):
        sys.exit("These are the sources.")
    settle_allocator()
    for line in sys.stdin:
        print(json.dumps({"seconds": _seconds(json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
