"""Measures turtls against others, all in one run: `make bench`, or `make bench ARGS="--quick --only resumed"`.

Prints a table, and writes what it says to benchmarks/results/latest.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contenders.cases import Contender, Transfer
from benchmarks.contenders.go import Go
from benchmarks.contenders.ours import Turtls
from benchmarks.contenders.primitives import Primitives
from benchmarks.contenders.py_openssl import PyOpenSSL
from benchmarks.contenders.stdlib import StandardLibrary
from benchmarks.contenders.tlslite_ng import TlsliteNg
from benchmarks.measure import Figure, compare
from benchmarks.rows import HANDSHAKES, TRANSFERS, Row

_WIDTH = 120
"""Characters that the tables need."""
_RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> None:
    """Measure, show, write."""
    arguments = _arguments()
    console = Console()
    console.width = max(console.width, _WIDTH)
    contenders = _contenders(console)
    rounds, seconds = (5, 0.02) if arguments.quick else (15, 0.04)
    started = time.monotonic()
    results: list[dict[str, Any]] = []
    for title, rows in (("Handshakes, both ends", HANDSHAKES), ("Data there and back, both ends", TRANSFERS)):
        chosen = [row for row in rows if arguments.only in row.name]
        figures = [
            (row, compare(row.works(contenders), row.reference, rounds=rounds, seconds=seconds)) for row in chosen
        ]
        if figures:
            console.print(_table(title, figures, contenders))
        results += [_result(row, of_row) for row, of_row in figures]
    console.print(
        f"{time.monotonic() - started:.0f} s. CPU time of both ends; below it"
        ", how many times as fast as the reference (1.00): "
        "the median of the rounds' ratios, ± half of the range that the middle half of them lie in. "
        "tlslite-ng does not verify chains; primitives are the cryptography alone."
    )
    _write(arguments.output, contenders, results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows with TEXT in their name")
    parser.add_argument("--output", type=Path, default=_RESULTS, metavar="FILE", help="where the JSON goes")
    return parser.parse_args()


def _contenders(console: Console) -> list[Contender]:
    contenders: list[Contender] = [Turtls(), StandardLibrary(), PyOpenSSL()]
    try:
        contenders.append(Go())
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        console.print(f"[yellow]Without Go: {error}[/]")
    return [*contenders, TlsliteNg(), Primitives()]


def _table(title: str, figures: list[tuple[Row, dict[str, Figure]]], contenders: list[Contender]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for contender in contenders:
        table.add_column(f"{contender.name}\n{contender.version}", justify="right", no_wrap=True)
    for row, of_row in figures:
        table.add_row(row.name, *(_cell(row, of_row, contender.name) for contender in contenders))
    return table


def _cell(row: Row, of_row: dict[str, Figure], name: str) -> str:
    figure = of_row.get(name)
    if figure is None:
        return "-"
    if isinstance(row.case, Transfer) and row.case.size > 1 << 10:
        text = f"{2 * row.case.size / figure.seconds / 1e6:,.4g} MB/s"
    else:
        text = f"{figure.seconds * 1e6:,.0f} us" if figure.seconds > 1e-4 else f"{figure.seconds * 1e6:.1f} us"
    if figure.ratio is None:
        return text
    style = "bold" if name == "turtls" else "dim" if name == row.reference else "default"
    return f"{text}\n[{style}]{figure.ratio:.2f}[/] [dim]±{figure.spread:.2f}[/]"


def _result(row: Row, of_row: dict[str, Figure]) -> dict[str, Any]:
    return {
        "name": row.name,
        "reference": row.reference,
        "case": {"kind": type(row.case).__name__, **asdict(row.case)},
        "figures": {name: asdict(figure) for name, figure in of_row.items()},
    }


def _write(path: Path, contenders: list[Contender], results: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "contenders": {contender.name: contender.version for contender in contenders},
    }
    path.write_text(json.dumps({**about, "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
