"""The tables, one after the other: each measures its rows and gives the results."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import costs, rows
from benchmarks.contenders.cases import Contender, Work
from benchmarks.contenders.compiled import CompiledLoopback
from benchmarks.contenders.streams import Loopback, loopbacks
from benchmarks.growth import GROWTH, STEPS
from benchmarks.measure import Figure, compare
from benchmarks.rows import Result, Row


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    only: str
    """Text that a row must have in its name."""
    rounds: int
    seconds: float
    """That each contender gets in each round."""
    connections: int
    """That are held to see how much memory they take."""

    def wants(self, name: str) -> bool:
        """Whether a row of that name is asked for."""
        return self.only in name

    def compare(self, works: dict[str, Work], reference: str) -> dict[str, Figure]:
        """The figures of a row."""
        return compare(works, reference, rounds=self.rounds, seconds=self.seconds)


def in_memory(chosen: tuple[Row, ...], contenders: list[Contender], effort: Effort) -> list[Result]:
    """Both ends in this process, nothing between them."""
    return [
        Result(row.name, row.reference, row.unit, effort.compare(row.works(contenders), row.reference))
        for row in chosen
        if effort.wants(row.name)
    ]


def streams(effort: Effort) -> list[Result]:
    """asyncio's streams over loopback, both ends on one event loop."""
    title = "streams: "
    names = ("throughput", "requests", "handshakes, 1 at a time", "handshakes, 64 at a time")
    wanted = [name for name in names if effort.wants(title + name)]
    if not wanted:
        return []
    stacks: list[Loopback | CompiledLoopback] = [*loopbacks()]
    with contextlib.suppress(FileNotFoundError):  # nothing is compiled
        stacks.insert(1, CompiledLoopback())
    reference = "asyncio + ssl"
    works: dict[str, tuple[rows.Unit, dict[str, Work]]] = {
        "throughput": (rows.rate(1 << 20), {stack.name: stack.throughput for stack in stacks}),
        "requests": (rows.per_second, {stack.name: stack.requests for stack in stacks}),
        "handshakes, 1 at a time": (rows.per_second, {stack.name: stack.handshakes(1) for stack in stacks}),
        "handshakes, 64 at a time": (rows.per_second, {stack.name: stack.handshakes(64) for stack in stacks}),
    }
    results = []
    for name in wanted:
        unit, by_stack = works[name]
        results.append(Result(title + name, reference, unit, effort.compare(by_stack, reference)))
        if name == "requests":
            for percent in (50, 99):
                told = [stack for stack in stacks if stack.latencies]
                of_stack = {s.name: statistics.quantiles(s.latencies, n=100)[percent - 1] for s in told}
                results.append(_plain(f"{title}latency, p{percent}", reference, rows.duration, of_stack))
    for stack in stacks:
        stack.close()
    return results


def processes(effort: Effort) -> list[Result]:
    """What needs processes of its own."""
    results = []
    if effort.wants("memory of an idle connection"):
        held = costs.memory(effort.connections)
        results.append(_plain("memory of an idle connection", "ssl", rows.memory, held))
    if effort.wants("import"):
        seconds = costs.imports(effort.rounds)
        results.append(_plain("import", "its parts of cryptography", rows.duration, seconds))
    if effort.wants("cold get"):
        cold = costs.cold_get(effort.rounds)
        results.append(_plain("cold get: first byte", "urllib + ssl", rows.duration, cold.first_byte))
        results.append(_plain("cold get: CPU time", "urllib + ssl", rows.duration, cold.cpu))
    return results


def growth(effort: Effort) -> list[Result]:
    """turtls against itself, with more and more of something."""
    return [
        Result(f"growth: {name}", str(STEPS[0]), rows.duration, effort.compare(_steps(work_for), str(STEPS[0])))
        for name, work_for in GROWTH.items()
        if effort.wants(f"growth: {name}")
    ]


def _steps(work_for: Callable[[int], Work]) -> dict[str, Work]:
    return {str(count): work_for(count) for count in STEPS}


def _plain(name: str, reference: str, unit: rows.Unit, values: dict[str, float]) -> Result:
    """A row whose values are there already, one each."""
    base = values[reference]
    return Result(name, reference, unit, {who: Figure(value, base / value, None) for who, value in values.items()})
