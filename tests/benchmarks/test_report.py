"""What people read of a run: the chart and the tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import report
from benchmarks.aims import AIMS, reached
from benchmarks.chart import chart
from benchmarks.rows import HANDSHAKES, TRANSFERS


def row(name: str, **ratios: float) -> dict[str, Any]:
    figures = {who: {"value": 1.0, "ratio": ratio, "spread": 0.01, "text": "1 us"} for who, ratio in ratios.items()}
    return {"name": name, "reference": "ssl", "figures": figures}


def bars(svg: str, who: str) -> list[float]:
    """How long the bars of one contender are; the first is that of the legend."""
    rectangles = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect")
    return [float(bar.attrib["width"]) for bar in rectangles if bar.attrib["class"] == who][1:]


def test_bars_are_as_long_as_they_should_be() -> None:
    svg = chart([row("full 1.3, ECDSA", turtls=2.0, ssl=1.0, Go=1.0), row("resumed 1.3", turtls=1.0, ssl=1.0)])
    longest, shorter = bars(svg, "turtls")
    assert longest == pytest.approx(2 * shorter)
    assert bars(svg, "Go") == [shorter]


def test_a_bar_that_leaves_the_picture_is_cut_and_says_so() -> None:
    svg = chart([row("resumed 1.2", turtls=4.0, ssl=1.0, Go=6.5)])
    assert bars(svg, "Go") == bars(svg, "turtls")
    assert "6.50 →" in svg


def test_rows_that_are_not_for_the_chart_stay_out_of_it() -> None:
    assert "16 KiB writes, 1.2" not in chart([row("16 KiB writes, 1.2", turtls=1.0), row("resumed 1.2", turtls=1.0)])


def test_an_aim_is_measured_against_whom_it_names() -> None:
    rows = [row("full 1.3, ECDSA", turtls=1.5, ssl=1.0, Go=2.0)]
    told = {aim.other: reached(aim, rows) for aim in AIMS if aim.row == "full 1.3, ECDSA"}
    assert told == {"ssl": 1.5, "Go": 0.75, "primitives": None}


def test_what_is_compiled_has_an_answer_of_its_own() -> None:
    rows = [row("resumed 1.2", **{"turtls": 1.0, "turtls, compiled": 1.6, "ssl": 1.0})]
    [aim] = [aim for aim in AIMS if aim.row == "resumed 1.2"]
    assert (reached(aim, rows), reached(aim, rows, "turtls, compiled")) == (1.0, 1.6)


def test_aims_are_of_rows_that_are_measured() -> None:
    measured = {row.name for row in (*HANDSHAKES, *TRANSFERS)}
    assert {aim.row for aim in AIMS} - measured == {
        "streams: throughput",
        "streams: requests",
        "streams: latency, p99",
        "memory of an idle connection",
        "import",
    }


def test_the_tables_stand_between_the_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = {
        "date": "2030-01-02",
        "python": "3.14.0",
        "machine": "x86_64",
        "cores": 2,
        "contenders": {"turtls": "1.0", "ssl": "3.0"},
        "rows": [row("resumed 1.2", turtls=1.5, ssl=1.0), row("full 1.3, ECDSA", turtls=2.0)],
    }
    results = tmp_path / "results"
    results.mkdir()
    (results / "latest.json").write_text(json.dumps(run))
    page = tmp_path / "benchmarks.md"
    page.write_text("Before.\n<!-- figures -->\nlast year\n<!-- end of figures -->\nAfter.\n")
    monkeypatch.setattr(report, "_HERE", tmp_path)
    monkeypatch.setattr(report, "_DOCS", tmp_path)
    report.main()
    text = page.read_text()
    assert text.startswith("Before.\n<!-- figures -->\n\nOne run, on 2030-01-02")
    assert text.endswith("<!-- end of figures -->\nAfter.\n")
    assert "| resumed 1.2 | 1 us (1.50 ±0.01) | 1 us (1.00 ±0.01) |\n| full 1.3, ECDSA | 1 us (2.00 ±0.01) |  |" in text
    assert "| resumed 1.2 | ssl | 1.50 | **1.50** |  |" in text
    assert "last year" not in text
    assert (tmp_path / "benchmarks.svg").read_text().startswith("<svg")
