"""The options of the peers that are Python programs of ours, and the part of them that does no TLS."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Protocol

CHUNK = 65536


class Connection(Protocol):
    """What the two libraries' connections have in common."""

    def recv(self, size: int) -> bytes: ...

    def sendall(self, data: bytes) -> object: ...


def parse() -> argparse.Namespace:
    """The options that each of the programs takes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["server", "client"])
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--ca")
    parser.add_argument("--name")
    parser.add_argument("--port", type=int)
    parser.add_argument("--suite")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--alpn", type=_words, default=[])
    parser.add_argument("--groups", type=_words)
    parser.add_argument("--min-version")
    parser.add_argument("--max-version")
    parser.add_argument("--record-limit", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--update-keys", action="store_true")
    parser.add_argument("--authenticate-later", action="store_true")
    return parser.parse_args()


def _words(text: str) -> list[str]:
    return text.split(",")


def serve(handle: Callable[[socket.socket], None]) -> None:
    """Hand each connection to `handle`, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    print("PORT", listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection,), daemon=True).start()


def carry(connection: Connection, before_each: Callable[[], None]) -> None:
    """Carry standard input to the echo server, and the echo to standard output, piece by piece."""
    while data := os.read(sys.stdin.fileno(), CHUNK):
        before_each()
        sys.stdout.buffer.write(exchange(connection, data))
        sys.stdout.buffer.flush()


def exchange(connection: Connection, data: bytes) -> bytes:
    """Send `data` to an echo server; what came back."""
    connection.sendall(data)
    answer = b""
    while len(answer) < len(data):
        chunk = connection.recv(CHUNK)
        if not chunk:
            raise EOFError("the server closed before it had answered")
        answer += chunk
    return answer
