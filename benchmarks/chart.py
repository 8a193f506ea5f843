"""Draws the chart of the README: how many times as good as `ssl`, for a choice of rows."""

from __future__ import annotations

from html import escape
from itertools import count, takewhile
from typing import Any

_SECTIONS = {
    "Handshakes a second": (
        "full 1.3, ECDSA",
        "full 1.3, RSA-2048",
        "full 1.2, ECDHE-ECDSA",
        "resumed 1.3",
        "resumed 1.2",
    ),
    "Data, there and back": (
        "64 B ping-pong",
        "1 KiB writes, AES-128-GCM",
        "16 KiB writes, AES-128-GCM",
        "1 MiB writes, AES-128-GCM",
    ),
    "asyncio's streams": ("streams: throughput", "streams: requests"),
    "Memory, how many times less": ("memory of an idle connection",),
}
_DRAWN = {"turtls": 12, "turtls, compiled": 12, "pyOpenSSL": 6, "Go": 6}
"""Whose bars, and how high they are."""
_WIDTH, _LEFT, _RIGHT = 720, 210, 56
"""Of all, of the room for names, and of that for the figure behind the longest bar."""
_LONGEST = 4.0
"""Times as good as `ssl`: a bar that would be longer is cut, and says so."""
_STYLE = """\
.card{fill:#fff}.line{stroke:#d8dee4}.one{stroke:#59636e}text{fill:#59636e}.name,.mine{fill:#1f2328}
.turtls{fill:#1a7f5a}.turtls-compiled{fill:#0f5e8c}.pyOpenSSL{fill:#d4a24c}.Go{fill:#6f9bd1}.section,.mine{font-weight:600}
.mine{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
@media(prefers-color-scheme:dark){.card{fill:#0d1117}.line{stroke:#2b323b}.one{stroke:#9198a1}text{fill:#9198a1}
.name,.mine{fill:#f0f6fc}.turtls{fill:#3fb98a}.turtls-compiled{fill:#4aa3d8}.pyOpenSSL{fill:#a8843f}.Go{fill:#4a72a6}
.mine{stroke:#0d1117}}"""


def chart(rows: list[dict[str, Any]]) -> str:
    """The SVG of these rows, in light and in dark as the reader has it."""
    by_name = {row["name"]: {who: figure["ratio"] for who, figure in row["figures"].items()} for row in rows}
    chosen = {title: [name for name in names if name in by_name] for title, names in _SECTIONS.items()}
    ratios = [by_name[name].get(who, 0) for names in chosen.values() for name in names for who in _DRAWN]
    scale = (_WIDTH - _LEFT - _RIGHT) / min(max(ratios), _LONGEST)
    bars, top = [], 54
    for title, names in chosen.items():
        bars.append(_text(16, top + 10, title, "section"))
        top += 20
        for name in names:
            drawn, height = _row(name, by_name[name], scale, top)
            bars += drawn
            top += height + 10
        top += 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" '
        f'font-family="system-ui,sans-serif" font-size="12" role="img" aria-label="How many times as good as ssl">'
        f'<style>{_STYLE}</style><rect class="card" width="{_WIDTH}" height="{top}" rx="8"/>'
        f"{_legend()}{_grid(scale, top)}{''.join(bars)}</svg>\n"
    )


def _legend() -> str:
    parts = [_text(16, 22, "Times as good as Python's ssl", "name")]
    for place, who in enumerate(_DRAWN):
        left = _LEFT + 120 * place
        parts.append(
            f'<rect class="{_class(who)}" x="{left}" y="12" width="12" height="12" rx="2"/>{_text(left + 18, 22, who)}'
        )
    return "".join(parts)


def _grid(scale: float, bottom: int) -> str:
    """A line for each whole number; that of `ssl` is stronger."""
    parts = []
    for times in takewhile(lambda times: times * scale <= _WIDTH - _LEFT - _RIGHT, count(0)):
        left = _LEFT + times * scale
        style, label = ("one", "ssl = 1") if times == 1 else ("line", str(times))
        parts.append(
            f'<path class="{style}" d="M{left:.1f} 52V{bottom - 12}"/>{_text(left, 46, label, anchor="middle")}'
        )
    return "".join(parts)


def _row(name: str, ratios: dict[str, float], scale: float, top: int) -> tuple[list[str], int]:
    """The bars of one row, and how high they are together."""
    drawn = {who: ratios[who] for who in _DRAWN if who in ratios}
    height = sum(_DRAWN[who] + 2 for who in drawn)
    parts = [
        _text(_LEFT - 10, top + height / 2 + 3, name.removeprefix("streams: ").removeprefix("memory "), "name", "end")
    ]
    for who, ratio in drawn.items():
        width = min(ratio, _LONGEST) * scale
        parts.append(
            f'<rect class="{_class(who)}" x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_DRAWN[who]}" rx="2"/>'
        )
        is_ours = who.startswith("turtls")
        if is_ours or ratio > _LONGEST:
            label = f"{ratio:.2f}" + (" →" if ratio > _LONGEST else "")
            parts.append(_text(_LEFT + width + 6, top + _DRAWN[who] - 2, label, "mine" if is_ours else ""))
        top += _DRAWN[who] + 2
    return parts, height


def _class(who: str) -> str:
    return who.replace(", ", "-")


def _text(left: float, base: float, words: str, style: str = "", anchor: str = "start") -> str:
    where = f'x="{left:.1f}" y="{base:.1f}" text-anchor="{anchor}"'
    return f'<text class="{style}" {where}>{escape(words)}</text>'
