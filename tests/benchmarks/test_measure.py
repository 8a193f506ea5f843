"""Ratios, round by round."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.contenders.cases import Work
from benchmarks.measure import compare


def steady(seconds: float, calls: list[int]) -> Work:
    """Work that always takes so many seconds an operation."""

    def work(times: int) -> float:
        calls.append(times)
        return seconds * times

    return work


def test_a_ratio_says_how_many_times_as_fast_as_the_reference() -> None:
    figures = compare({"fast": steady(0.001, []), "slow": steady(0.004, [])}, "slow", rounds=5, seconds=0.1)
    assert figures["fast"].value == pytest.approx(0.001)
    assert figures["fast"].ratio == pytest.approx(4)
    assert figures["fast"].spread == pytest.approx(0)
    assert figures["slow"].ratio == pytest.approx(1)


def test_without_the_reference_there_is_no_ratio() -> None:
    figures = compare({"alone": steady(0.001, [])}, "nobody", rounds=5, seconds=0.1)
    assert (figures["alone"].ratio, figures["alone"].spread) == (None, None)


def test_a_round_gives_each_the_same_time() -> None:
    fast: list[int] = []
    slow: list[int] = []
    compare({"fast": steady(0.001, fast), "slow": steady(0.004, slow)}, "slow", rounds=3, seconds=0.4)
    assert fast[-3:] == [400] * 3
    assert slow[-3:] == [100] * 3


def test_who_needs_more_than_a_round_for_one_operation_takes_part_in_three() -> None:
    snail: list[int] = []
    figures = compare({"snail": steady(2, snail), "fast": steady(0.001, [])}, "fast", rounds=7, seconds=0.1)
    assert len(snail) == 1 + 3  # one to see how long it takes
    assert figures["snail"].ratio == pytest.approx(0.001 / 2)


def test_one_round_that_was_disturbed_does_not_change_the_ratio() -> None:
    taken = iter([0.1, *([0.1] * 6), 9.0])
    figures = compare({"a": lambda times: next(taken), "b": lambda times: 0.1}, "b", rounds=7, seconds=0.1)
    assert figures["a"].ratio == pytest.approx(1)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems leave no choice")
def test_all_contenders_run_on_one_core() -> None:
    """Those in processes of their own, too."""
    told = "import os; print(sorted(os.sched_getaffinity(0)))"
    script = f"""
import subprocess, sys
from benchmarks.measure import stay_on_one_core
stay_on_one_core()
subprocess.run([sys.executable, "-c", {told!r}], check=True)
"""
    printed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert len(printed.split(",")) == 1
