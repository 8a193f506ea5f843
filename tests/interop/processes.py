"""Programs that a test talks to: started in a process group of their own, read without blocking, always ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

TIMEOUT = 15.0
"""Seconds that any single step with another program may take."""

_GRACE = 2.0
"""Seconds between asking a program to end and killing it."""


class PeerTimeout(Exception):
    """Another program did not do in time what a test waited for."""


class Process:
    """A running program: what it printed so far, and a way to its standard input."""

    def __init__(
        self, command: Sequence[str | Path], *, environment: Mapping[str, str] = {}, folder: Path | None = None
    ) -> None:
        self.command = [str(word) for word in command]
        self._popen = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
            cwd=folder,
            start_new_session=True,
            bufsize=0,
        )
        self._changed = threading.Condition()
        self._output = bytearray()
        self._errors = bytearray()
        self._open_streams = 2
        self._start(self._read, self._popen.stdout, self._output)
        self._start(self._read, self._popen.stderr, self._errors)

    @property
    def output(self) -> bytes:
        """What the program wrote to its standard output so far."""
        with self._changed:
            return bytes(self._output)

    @property
    def log(self) -> str:
        """The command, its end, and the last of what it wrote: for a person."""
        with self._changed:
            tails = [bytes(stream[-4000:]).decode(errors="replace") for stream in (self._output, self._errors)]
        return f"$ {' '.join(self.command)}\nexit code: {self._popen.poll()}\n" + "\n--- stderr ---\n".join(tails)

    @property
    def ended(self) -> bool:
        """Whether the program runs no more."""
        return self._popen.poll() is not None

    def said(self, words: str) -> int:
        """How often the program has written `words` so far, to either of its outputs."""
        with self._changed:
            return self._output.count(words.encode()) + self._errors.count(words.encode())

    def output_after(self, position: int) -> bytes:
        """What the program wrote to its standard output from `position` on, once there is any; b"" if it has ended."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._output) > position or not self._open_streams)
            return bytes(self._output[position:])

    def write(self, data: bytes) -> None:
        """Hand `data` to the program's standard input; raises PeerTimeout if it doesn't read it."""
        writer = self._start(self._write, data)
        writer.join(TIMEOUT)
        if writer.is_alive():
            raise PeerTimeout(f"it does not read its input:\n{self.log}")

    def write_end(self) -> None:
        """Close the program's standard input."""
        try:
            self._stdin.close()
        except BrokenPipeError:
            pass

    def wait_until(self, condition: Callable[[], object], what: str, timeout: float = TIMEOUT) -> None:
        """Wait until `condition`, asked again whenever the program prints or ends, holds; raises PeerTimeout."""
        with self._changed:
            self._changed.wait_for(lambda: condition() or not self._open_streams, timeout)
            if not condition():
                raise PeerTimeout(f"waited for {what}:\n{self.log}")

    def wait(self, timeout: float = TIMEOUT) -> int:
        """The exit code, once the program has ended by itself; raises PeerTimeout."""
        try:
            code = self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise PeerTimeout(f"waited for the end of:\n{self.log}") from None
        self._wait_for_end_of_output(timeout)
        return code

    def ask_to_end(self) -> None:
        """Send the program SIGTERM, without waiting for what comes of it."""
        if not self.ended:
            self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """End the program, and whatever it started, in any case."""
        self.ask_to_end()
        if not self.ended:
            try:
                self._popen.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        self._popen.wait(_GRACE)
        self.write_end()
        self._wait_for_end_of_output(_GRACE)

    def _wait_for_end_of_output(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._open_streams, timeout)

    @property
    def _stdin(self) -> IO[bytes]:
        stdin = self._popen.stdin
        if stdin is None:
            raise RuntimeError("a process is always started with a pipe")
        return stdin

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._popen.pid, number)
        except ProcessLookupError:
            pass

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._stdin.write(view) :]
        except (BrokenPipeError, ValueError):
            pass  # the program ended, which whoever waits for its answer will see

    def _read(self, stream: IO[bytes], into: bytearray) -> None:
        while chunk := stream.read(65536):
            with self._changed:
                into += chunk
                self._changed.notify_all()
        stream.close()
        with self._changed:
            self._open_streams -= 1
            self._changed.notify_all()

    @staticmethod
    def _start(target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        return thread


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_listener(process: Process, port: int) -> None:
    """Wait until `process` accepts connections on `port`; raises PeerTimeout."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise PeerTimeout(f"nobody listens on port {port}:\n{process.log}")
