"""`turtls serve` and `turtls bridge` as processes of their own, as a person starts them."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


class Serving:
    """A server that is up; `home` is the folder of its CA."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self.home = home
        self.ca = home / "ca" / "root.pem"
        threading.Thread(target=self._read, daemon=True).start()
        self.started = self.event("listening")
        self.port: int = self.started["port"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):  # closed at the end
            for line in self._process.stdout:
                self._lines.put(line)

    def event(self, kind: str, seconds: float = 20) -> dict[str, Any]:
        """The next event of that kind in the log, which must come in that time."""
        while True:
            line = self._lines.get(timeout=seconds)
            found: dict[str, Any] = json.loads(line)
            if found["event"] == kind:
                return found

    def url(self, path: str = "/") -> str:
        return f"https://localhost:{self.port}{path}"

    def curl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """curl, which trusts the server's CA and nothing else."""
        command = ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", str(self.ca), *arguments]
        return subprocess.run(command, capture_output=True, timeout=30)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it as Ctrl-C does; gives its exit code."""
        self._process.send_signal(how)
        return self._process.wait(timeout=20)


@contextmanager
def serving(home: Path, *arguments: object, command: str = "serve") -> Iterator[Serving]:
    """`turtls serve`, or another command that listens, with those arguments, on any free port."""
    words = [sys.executable, "-m", "turtls", command, "--port", "0", "--json", *map(str, arguments)]
    environment = os.environ | {"TURTLS_HOME": str(home)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            yield Serving(process, home)
        finally:
            process.kill()
