"""The file that `TLSSocket.makefile` gives."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from turtls.io.tlssocket import TLSSocket


class SocketFile(io.RawIOBase):
    """A TLSSocket as a raw binary file. It keeps the socket open until it is closed itself."""

    def __init__(self, sock: TLSSocket, *, readable: bool, writable: bool) -> None:
        self._socket = sock
        self._readable = readable
        self._writable = writable
        sock.file_opened()

    def readable(self) -> bool:
        """Whether it was opened for reading."""
        return self._readable

    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return self._writable

    def readinto(self, buffer: Any) -> int | None:
        """As `TLSSocket.recv_into`; None where a non-blocking socket has nothing."""
        self._check(self._readable)
        try:
            return self._socket.recv_into(buffer)
        except BlockingIOError:
            return None

    def write(self, data: Any) -> int | None:
        """As `TLSSocket.send`; None where a non-blocking socket takes nothing."""
        self._check(self._writable)
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return None

    def fileno(self) -> int:
        """The socket's."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the file, and the socket if it was only waiting for that."""
        if not self.closed:
            super().close()
            self._socket.file_closed()

    def _check(self, allowed: bool) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        if not allowed:
            raise io.UnsupportedOperation("The file was not opened for this.")


def open_file(
    sock: TLSSocket,
    mode: str,
    buffering: int,
    *,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> IO[Any]:
    """A file over `sock`, with the parameters of `open`; `mode` is made of r, w and b. Raises ValueError."""
    if not set(mode) <= set("rwb"):
        raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
    writable = "w" in mode
    readable = "r" in mode or not writable
    if buffering == 0 and "b" not in mode:
        raise ValueError("unbuffered streams must be binary")
    raw = SocketFile(sock, readable=readable, writable=writable)
    if buffering == 0:
        return cast(IO[bytes], raw)  # typeshed keeps io's classes and IO apart
    size = buffering if buffering > 0 else io.DEFAULT_BUFFER_SIZE
    buffer: io.BufferedIOBase
    if readable and writable:
        buffer = io.BufferedRWPair(raw, raw, size)
    elif readable:
        buffer = io.BufferedReader(raw, size)
    else:
        buffer = io.BufferedWriter(raw, size)
    if "b" in mode:
        return cast(IO[bytes], buffer)
    return io.TextIOWrapper(cast(io.BufferedReader, buffer), encoding, errors, newline)
