"""What is measured in a process of its own each time: memory that connections hold, and imports."""

from __future__ import annotations

import gc
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.contenders.cases import Handshake

_IMPORTS = {
    "turtls": "from turtls import ClientConnection, ServerConnection, WebVerifier",
    "its parts of cryptography": "",  # found out by what turtls has imported
    "ssl": "import ssl",
    "pyOpenSSL": "import OpenSSL.SSL",
    "tlslite-ng": "import tlslite.api",
}


def memory(connections: int) -> dict[str, float]:
    """Bytes of resident memory for each idle connection, both its ends, when so many are held."""
    return {name: float(_python(["-m", "benchmarks.costs", name, str(connections)])) for name in ("turtls", "ssl")}


def imports(rounds: int) -> dict[str, float]:
    """CPU seconds that each import takes beyond starting Python: medians, in turn."""
    tell = "print(','.join(name for name in sys.modules if name.startswith('cryptography')))"
    script = f"import sys; {_IMPORTS['turtls']}; {tell}"
    statements = {**_IMPORTS, "its parts of cryptography": "import " + _python(["-c", script])}
    seconds: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(rounds):
        bare = _cpu("pass")
        for name, statement in statements.items():
            seconds[name].append(_cpu(statement) - bare)
    return {name: statistics.median(own) for name, own in seconds.items()}


def _cpu(statement: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _python(["-c", statement])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _python(arguments: list[str]) -> str:
    root = Path(__file__).resolve().parent.parent
    return subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, cwd=root
    ).stdout.strip()


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def _hold(name: str, connections: int) -> float:
    connect: Any
    if name == "turtls":
        from benchmarks.contenders import ours

        configs, connect = ours.configs(Handshake()), ours.connect
    else:
        from benchmarks.contenders import stdlib

        configs, connect = (*stdlib.contexts(Handshake()), None), stdlib.connect  # type: ignore[assignment]
    held = [connect(*configs) for _ in range(100)]  # what is made once is made now
    before = _resident()
    held += [connect(*configs) for _ in range(connections)]
    return (_resident() - before) / connections


if __name__ == "__main__":
    print(_hold(sys.argv[1], int(sys.argv[2])))
