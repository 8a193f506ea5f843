"""CPU time of what this process does."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.contenders.cases import Work


def timed(operation: Callable[[], object]) -> Work:
    """The work that consists of `operation`, which is tried once at once: one that fails is not to be measured."""
    operation()

    def work(times: int) -> float:
        start = time.process_time()
        for _ in range(times):
            operation()
        return time.process_time() - start

    return work
