"""Puts the figures of one run into the documentation: `python -m benchmarks.report` after `make bench`.

Draws docs/benchmarks.svg, and writes the tables of docs/benchmarks.md between its two marks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.aims import AIMS, reached
from benchmarks.chart import chart

_HERE = Path(__file__).resolve().parent
_DOCS = _HERE.parent / "docs"
_BEGIN, _END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def main() -> None:
    """Write both."""
    run = json.loads((_HERE / "results" / "latest.json").read_text())
    (_DOCS / "benchmarks.svg").write_text(chart(run["rows"]))
    page = _DOCS / "benchmarks.md"
    before, rest = page.read_text().split(_BEGIN)
    page.write_text(before + _BEGIN + "\n" + _tables(run) + "\n" + _END + rest.split(_END)[1])


def _tables(run: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in run["contenders"].items())
    head = f"One run, on {run['date']}: Python {run['python']}, {run['machine']}, {run['cores']} cores; {versions}.\n"
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in run["rows"]:
        names = tuple(row["figures"])
        home = next((group for group in groups if set(names) <= set(group)), names)
        groups.setdefault(home, []).append(row)
    return "\n".join([head, *(_table(names, rows) for names, rows in groups.items()), _aims(run["rows"])])


def _table(names: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    lines += [
        f"| {row['name']} | " + " | ".join(_cell(row["figures"].get(name)) for name in names) + " |" for row in rows
    ]
    return "\n".join(lines) + "\n"


def _aims(rows: list[dict[str, Any]]) -> str:
    lines = ["What is aimed at, and what was reached (bold: enough):", "", "| | against | aim | reached | compiled |"]
    lines.append("|---|---|---:|---:|---:|")
    for aim in AIMS:
        if reached(aim, rows) is not None:
            told = " | ".join(_told(reached(aim, rows, who), aim.wanted) for who in ("turtls", "turtls, compiled"))
            lines.append(f"| {aim.row} | {aim.other} | {aim.wanted:.2f} | {told} |")
    return "\n".join(lines) + "\n"


def _told(ratio: float | None, wanted: float) -> str:
    if ratio is None:
        return ""
    return f"**{ratio:.2f}**" if ratio >= wanted else f"{ratio:.2f}"


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return ""
    spread = f" ±{figure['spread']:.2f}" if figure["spread"] is not None else ""
    return f"{figure['text']} ({figure['ratio']:.2f}{spread})"


if __name__ == "__main__":
    main()
