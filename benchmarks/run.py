"""Measures turtls against others, all in one run: `make bench`, or `make bench ARGS="--quick --only resumed"`.

Prints tables, and writes what they say to benchmarks/results/latest.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import sections
from benchmarks.contenders.cases import Contender
from benchmarks.contenders.compiled import CompiledTurtls
from benchmarks.contenders.go import Go
from benchmarks.contenders.ours import Turtls
from benchmarks.contenders.primitives import Primitives
from benchmarks.contenders.py_openssl import PyOpenSSL
from benchmarks.contenders.stdlib import StandardLibrary
from benchmarks.contenders.tlslite_ng import TlsliteNg
from benchmarks.measure import Figure, settle_allocator, stay_on_one_core
from benchmarks.rows import HANDSHAKES, TRANSFERS, Result

_WIDTH = 120
"""Characters that the tables need."""
_RESULTS = Path(__file__).parent / "results" / "latest.json"
_NOTE = """\
CPU time of both ends, but for the first byte of a cold get. Below each figure, how many times as good as the
reference (1.00): the median of the rounds' ratios, ± half of the range that the middle half of them lie in. tlslite-ng
does not verify chains; primitives are the cryptography alone, through the package cryptography."""


def main() -> None:
    """Measure, show, write."""
    arguments = _arguments()
    console = Console()
    console.width = max(console.width, _WIDTH)
    stay_on_one_core()
    settle_allocator()
    effort = sections.Effort(
        only=arguments.only,
        rounds=5 if arguments.quick else 15,
        seconds=0.02 if arguments.quick else 0.03,
        connections=1_000 if arguments.quick else 10_000,
    )
    started = time.monotonic()
    contenders = _contenders(console)
    measured: list[Result] = []
    tables: dict[str, Callable[[], list[Result]]] = {
        "Handshakes": lambda: sections.in_memory(HANDSHAKES, contenders, effort),
        "Data there and back": lambda: sections.in_memory(TRANSFERS, contenders, effort),
        "asyncio over loopback, both ends on one loop": lambda: sections.streams(effort),
        "Memory, imports, and a page fetched from nothing": lambda: sections.processes(effort),
        "A handshake where there are 1, 10, 100, 1,000 of something": lambda: sections.growth(effort),
    }
    for title, measure in tables.items():
        results = measure()
        for group in _alike(results):
            console.print(_table(title, group, {contender.name: contender.version for contender in contenders}))
        measured += results
    console.print(_NOTE)
    console.print(f"{time.monotonic() - started:.0f} s.")
    _write(arguments.output, contenders, measured)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows with TEXT in their name")
    parser.add_argument("--output", type=Path, default=_RESULTS, metavar="FILE", help="where the JSON goes")
    return parser.parse_args()


def _contenders(console: Console) -> list[Contender]:
    contenders: list[Contender] = [Turtls()]
    try:
        contenders.append(CompiledTurtls())
    except FileNotFoundError:
        console.print("[yellow]Without the compiled turtls: make compiled[/]")
    contenders += [StandardLibrary(), PyOpenSSL()]
    try:
        contenders.append(Go())
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        console.print(f"[yellow]Without Go: {error}[/]")
    return [*contenders, TlsliteNg(), Primitives()]


def _alike(results: list[Result]) -> list[list[Result]]:
    """Those with the same contenders stand in one table."""
    groups: dict[frozenset[str], list[Result]] = {}
    for result in results:
        names = frozenset(result.figures)
        home = next((group for group in groups if names <= group or group <= names), names)
        groups.setdefault(home, []).append(result)
    return list(groups.values())


def _table(title: str, results: list[Result], versions: dict[str, str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    names = {name: None for name in versions if any(name in result.figures for result in results)}
    names |= {name: None for result in results for name in result.figures}
    for name in names:
        table.add_column(f"{name}\n{versions.get(name, '')}", justify="right", no_wrap=True)
    for result in results:
        table.add_row(result.name, *(_cell(result, name) for name in names))
    return table


def _cell(result: Result, name: str) -> str:
    figure = result.figures.get(name)
    if figure is None:
        return "-"
    style = "bold" if name.startswith("turtls") else "dim" if name == result.reference else "default"
    return f"{result.unit(figure.value)}\n{_ratio(figure, style)}"


def _ratio(figure: Figure, style: str) -> str:
    if figure.ratio is None:
        return ""
    spread = f" [dim]±{figure.spread:.2f}[/]" if figure.spread is not None else ""
    return f"[{style}]{figure.ratio:.2f}[/]{spread}"


def _write(path: Path, contenders: list[Contender], results: list[Result]) -> None:
    path.parent.mkdir(exist_ok=True)
    rows = [
        {
            "name": result.name,
            "reference": result.reference,
            "figures": {name: {**asdict(of), "text": result.unit(of.value)} for name, of in result.figures.items()},
        }
        for result in results
    ]
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "contenders": {contender.name: contender.version for contender in contenders},
    }
    path.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
