"""Measures contenders in turn, round by round, so that what else the machine does strikes all of them alike."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.contenders.cases import Work

_ROUNDS_OF_THE_SLOWEST = 3
"""Who needs more than a round for one operation is far from 1, and would take most of the time."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one contender did in one row."""

    value: float
    """Seconds for one operation, the median of the rounds; or bytes, or seconds by the clock, where the row says so."""
    ratio: float | None
    """How many times as fast as the reference: the median of the rounds' ratios. None without a reference."""
    spread: float | None
    """Half of the range that the middle half of the rounds' ratios lie in."""


def stay_on_one_core() -> None:
    """Let contenders in processes of their own run where this one does: cores differ in what else they have to do.

    Some systems, as macOS and Windows, leave no choice.
    """
    if sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # inherited by what is started from here on


def settle_allocator() -> None:
    """Free one large block, as any process has that once held one: glibc then stops to map memory anew each time.

    Without it the first who frees much changes the speed of all who come later.
    """
    block = bytearray(24 << 20)
    del block


def compare(works: Mapping[str, Work], reference: str, *, rounds: int, seconds: float) -> dict[str, Figure]:
    """The figure of each contender; a round gives each about so many `seconds`, but one operation at the least."""
    times = {name: _times(work, seconds) for name, work in works.items()}
    rounds_of: dict[str, list[float]] = {name: [] for name in works}
    for past in range(rounds):
        for name, work in works.items():
            if past < _ROUNDS_OF_THE_SLOWEST or times[name] > 1:
                rounds_of[name].append(work(times[name]) / times[name])
    return {name: _figure(own, rounds_of.get(reference)) for name, own in rounds_of.items()}


def _times(work: Work, seconds: float) -> int:
    """How many operations take that long."""
    times = 1
    while (taken := work(times)) < seconds / 8:
        times *= 4
    return max(1, round(times * seconds / taken))


def _figure(own: list[float], reference: list[float] | None) -> Figure:
    if reference is None:
        return Figure(statistics.median(own), None, None)
    ratios = [other / mine for mine, other in zip(own, reference, strict=False)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Figure(statistics.median(own), middle, (high - low) / 2)
