"""A contender in a process of its own: an order goes to it as a line of JSON, and the CPU seconds come back as one."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from benchmarks.contenders.cases import Work


class Program:
    """The process, which ends with this one."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        atexit.register(self._process.kill)
        self._to, self._back = _pipes(self._process)

    def work(self, order: dict[str, Any]) -> Work:
        """What is ordered so, as often as it is asked for; it is tried once at once. Raises RuntimeError."""

        def work(times: int) -> float:
            return self._ask({**order, "times": times})

        work(1)
        return work

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _ask(self, order: dict[str, Any]) -> float:
        self._to.write(json.dumps(order) + "\n")
        self._to.flush()
        answer = json.loads(self._back.readline() or '{"error": "the program ended"}')
        if answer.get("error"):
            raise RuntimeError(answer["error"])
        return float(answer["seconds"])


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the program has no pipes")
    return process.stdin, process.stdout
