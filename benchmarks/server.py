"""A web server for those who come from nothing: Python's own, with one small page."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.contenders.cases import Handshake
from benchmarks.contenders.stdlib import contexts

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class _Page(socketserver.StreamRequestHandler):
    """Answers one request, whatever it asks for."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(_ANSWER)


class _Server(socketserver.TCPServer):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.socket = context.wrap_socket(self.socket, server_side=True)


@contextmanager
def serving() -> Iterator[int]:
    """The port of such a server, while it runs."""
    with _Server(contexts(Handshake())[1]) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
