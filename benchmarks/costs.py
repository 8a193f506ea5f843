"""What is measured in processes of their own: memory that connections hold, imports, a page fetched from nothing."""

from __future__ import annotations

import gc
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.certificates import NAME, files
from benchmarks.contenders.cases import Handshake
from benchmarks.contenders.compiled import PYTHON
from benchmarks.server import serving

_IMPORTS = {
    "turtls": "from turtls import ClientConnection, ServerConnection, WebVerifier",
    "its parts of cryptography": "",  # found out by what turtls has imported
    "ssl": "import ssl",
    "pyOpenSSL": "import OpenSSL.SSL",
    "tlslite-ng": "import tlslite.api",
}
_URLLIB = """\
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[1])
sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[2], context=context).read())
"""
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
"""As a person starts Python: with what was compiled once kept in __pycache__."""
_ROOT = Path(__file__).resolve().parent.parent


def memory(connections: int) -> dict[str, float]:
    """Bytes of resident memory for each idle connection, both its ends, when so many are held."""
    pythons = {"turtls": Path(sys.executable), "turtls, compiled": PYTHON, "ssl": Path(sys.executable)}
    return {
        name: float(_python(python, ["-m", "benchmarks.costs", name, str(connections)]))
        for name, python in pythons.items()
        if python.exists()
    }


def imports(rounds: int) -> dict[str, float]:
    """CPU seconds that each import takes beyond starting Python: medians, in turn."""
    tell = "print(','.join(name for name in sys.modules if name.startswith('cryptography')))"
    python = Path(sys.executable)
    parts = "import " + _python(python, ["-c", f"import sys; {_IMPORTS['turtls']}; {tell}"])
    programs = {name: [str(python), "-c", statement] for name, statement in _IMPORTS.items()}
    programs["its parts of cryptography"][-1] = parts
    if PYTHON.exists():
        programs["turtls, compiled"] = [str(PYTHON), "-c", _IMPORTS["turtls"]]
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for program in programs.values():
        _run(program)  # compiles what was not compiled before
    for _ in range(rounds):
        bare = _run([str(python), "-c", "pass"]).cpu
        for name, program in programs.items():
            seconds[name].append(_run(program).cpu - bare)
    return {name: statistics.median(own) for name, own in seconds.items()}


class Cold(NamedTuple):
    """What fetching a page took, from the start of the program, in seconds."""

    first_byte: dict[str, float]
    """By the clock, until the first byte of the page is there."""
    cpu: dict[str, float]
    """CPU time of the whole program."""


def cold_get(rounds: int) -> Cold:
    """A page of two bytes, fetched by programs that trust the same root: medians, in turn."""
    root = str(files("ecdsa").root)
    with serving() as port:
        url = f"https://{NAME}:{port}/"
        commands = {
            "turtls get": [sys.executable, "-m", "turtls", "get", "--ca", root, url],
            "urllib + ssl": [sys.executable, "-c", _URLLIB, root, url],
        }
        if curl := shutil.which("curl"):
            commands["curl"] = [curl, "--silent", "--cacert", root, url]
        runs: dict[str, list[_Run]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, command in commands.items():
                runs[name].append(_run(command))
    kept = {name: own[1:] for name, own in runs.items()}  # the first one compiles and fills the system's caches
    return Cold(
        {name: statistics.median(run.first_byte for run in own) for name, own in kept.items()},
        {name: statistics.median(run.cpu for run in own) for name, own in kept.items()},
    )


class _Run(NamedTuple):
    """One program, from start to end."""

    first_byte: float
    cpu: float


def _run(command: list[str]) -> _Run:
    before, started = _children_cpu(), time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=_ROOT, env=_ENVIRONMENT
    ) as process:
        stdout: Any = process.stdout
        stdout.read(1)
        first_byte = time.perf_counter() - started
        stdout.read()
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return _Run(first_byte, _children_cpu() - before)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _python(python: Path, arguments: list[str]) -> str:
    return subprocess.run(
        [python, *arguments], check=True, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=_ENVIRONMENT
    ).stdout.strip()


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def _hold(name: str, connections: int) -> float:
    configs: tuple[Any, ...]
    connect: Any
    if name.startswith("turtls"):
        from benchmarks.contenders import ours

        configs, connect = ours.configs(Handshake()), ours.connect
    else:
        from benchmarks.contenders import stdlib

        configs, connect = (*stdlib.contexts(Handshake()), None), stdlib.connect
    held = [connect(*configs) for _ in range(100)]  # what is made once is made now
    before = resident()
    held += [connect(*configs) for _ in range(connections)]
    return (resident() - before) / connections


if __name__ == "__main__":
    print(_hold(sys.argv[1], int(sys.argv[2])))
