"""Puts the figures of one run into the documentation: `python -m benchmarks.report` after `make bench`.

Draws docs/benchmarks.svg, and writes the tables of docs/benchmarks.md between its two marks.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_DOCS = _HERE.parent / "docs"
_BEGIN, _END = "<!-- figures -->\n", "<!-- end of figures -->\n"

_DRAWN = {"turtls": "#2a7f62", "ssl": "#8a8f98", "asyncio + ssl": "#8a8f98", "pyOpenSSL": "#c08a3e", "Go": "#5b7fb5"}
_CHARTED = (
    "full 1.3, ECDSA",
    "full 1.3, RSA-2048",
    "full 1.2, ECDHE-ECDSA",
    "resumed 1.3",
    "1 KiB writes, AES-128-GCM",
    "16 KiB writes, AES-128-GCM",
    "1 MiB writes, AES-128-GCM",
    "streams: throughput",
    "streams: requests",
    "memory of an idle connection",
)
_BAR, _GAP, _LEFT, _SCALE = 12, 16, 230, 120
"""Heights of a bar and between groups, the room for names, and pixels for a ratio of 1."""


def main() -> None:
    """Write both."""
    run = json.loads((_HERE / "results" / "latest.json").read_text())
    (_DOCS / "benchmarks.svg").write_text(_chart(run["rows"]))
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
    return "\n".join([head, *(_table(names, rows) for names, rows in groups.items())])


def _table(names: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    lines += [
        f"| {row['name']} | " + " | ".join(_cell(row["figures"].get(name)) for name in names) + " |" for row in rows
    ]
    return "\n".join(lines) + "\n"


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return ""
    spread = f" ±{figure['spread']:.2f}" if figure["spread"] is not None else ""
    return f"{figure['text']} ({figure['ratio']:.2f}{spread})"


def _chart(rows: list[dict[str, Any]]) -> str:
    """Bars: how many times as good as `ssl`."""
    chosen = [row for row in rows if row["name"] in _CHARTED]
    parts, top = [], 34
    for row in chosen:
        bars = [(name, figure["ratio"]) for name, figure in row["figures"].items() if name in _DRAWN]
        middle = top + len(bars) * _BAR / 2 + 4
        parts.append(f'<text x="{_LEFT - 10}" y="{middle}" text-anchor="end">{escape(row["name"])}</text>')
        for name, ratio in bars:
            parts.append(_bar(name, ratio, top))
            top += _BAR
        top += _GAP
    legend = "".join(
        f'<rect x="{_LEFT + 110 * place}" y="8" width="10" height="10" fill="{_DRAWN[name]}"/>'
        f'<text x="{_LEFT + 110 * place + 15}" y="17">{name}</text>'
        for place, name in enumerate(("turtls", "ssl", "pyOpenSSL", "Go"))
    )
    line = f'<path d="M{_LEFT + _SCALE} 26V{top - _GAP / 2}" stroke="#8a8f98" stroke-dasharray="3 3"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{top}" font-family="sans-serif" font-size="11" '
        f'role="img" aria-label="How many times as fast as ssl">'
        f'<rect width="720" height="{top}" fill="#fff"/>{legend}{line}{"".join(parts)}</svg>\n'
    )


def _bar(name: str, ratio: float, top: int) -> str:
    width = ratio * _SCALE
    return (
        f'<rect x="{_LEFT}" y="{top}" width="{width:.0f}" height="{_BAR - 2}" fill="{_DRAWN[name]}"/>'
        f'<text x="{_LEFT + width + 5:.0f}" y="{top + _BAR - 3}">{ratio:.2f}</text>'
    )


if __name__ == "__main__":
    main()
