"""Runs the fuzzer on all targets in turn, or on those that are named: `python -m fuzz.run SECONDS [TARGET...]`.

SECONDS are shared evenly. A finding ends its target: the input lies in fuzz/findings, where tests/fuzz replays it from
then on, and the traceback is printed. What the fuzzer learns on its way is kept in fuzz/.work, for the next run.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from fuzz.seeds import CORPUS
from fuzz.targets import TARGETS

FINDINGS: Final = CORPUS.parent / "findings"
WORK: Final = CORPUS.parent / ".work"

_FLAGS = (
    "-timeout=20",  # seconds for one input: a hang
    "-rss_limit_mb=2048",  # unbounded memory
    "-max_len=20000",  # bytes; more than a whole record
    "-len_control=20",
)


def explore(name: str, seconds: int) -> list[Path]:
    """Fuzz one target for so long, and print what came of it; gives the findings."""
    learned = WORK / name
    learned.mkdir(parents=True, exist_ok=True)
    FINDINGS.mkdir(exist_ok=True)
    flags = (*_FLAGS, f"-max_total_time={seconds}", f"-artifact_prefix={FINDINGS}/{name}-")
    command = [sys.executable, "-m", "fuzz.explore", name, *flags, str(learned), str(CORPUS / name)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    runs = re.findall(r"^#(\d+)\s", done.stdout, re.MULTILINE)
    coverage = re.findall(r"cov: (\d+)", done.stdout)
    found = [Path(path) for path in re.findall(r"Test unit written to (\S+)", done.stdout)]
    print(f"{name:18} {runs[-1] if runs else 0:>9} runs, {coverage[-1] if coverage else 0:>6} edges", end="")
    print(f", FOUND {', '.join(path.name for path in found)}" if found else "", flush=True)
    if done.returncode and not found:
        raise SystemExit(f"The fuzzer itself failed:\n{done.stdout[-2000:]}")
    if found:
        print(done.stdout[done.stdout.find(" === Uncaught") :][:4000], flush=True)
    return found


def main() -> None:
    """Explore, and end with 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description='`make fuzz SECONDS=60 TARGETS="client13 leaf"`')
    parser.add_argument("seconds", type=int, help="how long, shared evenly among the targets")
    parser.add_argument("targets", nargs="*", choices=list(TARGETS), metavar="TARGET", help="all by default")
    arguments = parser.parse_args()
    names = arguments.targets or list(TARGETS)
    share = max(arguments.seconds // len(names), 1)
    print(f"{len(names)} targets, {share} seconds for each", flush=True)
    findings = [path for name in names for path in explore(name, share)]
    for path in findings:
        print(f"finding: {path}")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
