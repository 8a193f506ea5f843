"""Reaches a host by TCP, and says how long each part of it took."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

from turtls.cli.output import Unreachable


@dataclass(frozen=True, slots=True)
class Dialled:
    """A TCP connection, and what it took to get it."""

    socket: socket.socket
    address: str
    """The peer's IP address."""
    dns_seconds: float
    tcp_seconds: float


def dial(host: str, port: int, timeout: float) -> Dialled:
    """Look the host up, and try its addresses in turn, each for `timeout` seconds at the most. Raises Unreachable."""
    started = time.perf_counter()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(host, port, str(getattr(error, "strerror", None) or error)) from error
    looked_up = time.perf_counter()
    failure: OSError | None = None
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(timeout)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Dialled(sock, str(address[0]), looked_up - started, time.perf_counter() - looked_up)
    raise Unreachable(host, port, _reason(failure)) from failure


def _reason(failure: OSError | None) -> str:
    if isinstance(failure, TimeoutError):
        return "no answer in time"
    return failure.strerror or str(failure) if failure is not None else "it has no address"
