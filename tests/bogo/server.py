"""Runs the tests that `shim.py` hands over, each in a child of this process, which has turtls loaded once for all."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bogo.connections import run_connections
from tests.bogo.flags import Unimplemented, parse

UNIMPLEMENTED = 89
"""The exit status that tells the runner to leave the test out."""


def run(arguments: list[str], reasons: Path) -> int:
    """The exit status of one test: 0 as expected, 1 and a line on stderr if the connection failed.

    Why a test is left out becomes a line of the file `reasons`.
    """
    try:
        turns = parse(arguments)
        if turns.initial.is_handshaker_supported:
            print("No")
            return 0
        return run_connections(turns)
    except Unimplemented as reason:
        with reasons.open("a") as lines:
            lines.write(f"{reason}\n")
        return UNIMPLEMENTED


def serve(path: Path) -> None:
    """Take tests at the socket `path`, for ever."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        while True:
            shim, _ = listener.accept()
            with shim:
                arguments, streams = _receive(shim)
                if os.fork() == 0:
                    _child(lambda: run(arguments, path.with_name("reasons")), shim, streams)  # noqa: B023 - the child's own
                for stream in streams:
                    os.close(stream)


def _receive(shim: socket.socket) -> tuple[list[str], list[int]]:
    header, streams, _, _ = socket.recv_fds(shim, 4, 3)
    length = int.from_bytes(header, "big")
    arguments = b""
    while len(arguments) < length:
        arguments += shim.recv(length - len(arguments))
    return list(map(os.fsdecode, arguments.split(b"\0"))) if arguments else [], streams


def _child(test: Callable[[], int], shim: socket.socket, streams: list[int]) -> None:
    """Run the test with the shim's standard streams, say how it went, and end."""
    status = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        status = test()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        shim.sendall(bytes([status]))
        os._exit(0)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
