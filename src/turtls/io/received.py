"""Application data that has come and was not read yet."""

from __future__ import annotations


class ReceivedData:
    """A queue of bytes.

    A chunk that finds the queue empty is kept as it is, and given out whole where it fits: a reader that keeps up
    costs no copy. What comes behind it is gathered, so that many small chunks take no more than their bytes.
    """

    __slots__ = ("_first", "_rest", "size")

    def __init__(self) -> None:
        self._first: bytes | memoryview = b""
        self._rest = bytearray()
        self.size = 0
        """Bytes that are there."""

    def append(self, data: bytes) -> None:
        """Put `data` at the end."""
        if self.size:
            self._rest += data
        else:
            self._first = data
        self.size += len(data)

    def read(self, size: int) -> bytes:
        """The next bytes: at least one where there is one, and at most `size`."""
        first = self._first
        if not first:
            data = self._cut(size)
        elif len(first) <= size:
            self._first = b""
            data = bytes(first)
        else:
            view = memoryview(first)
            self._first = view[size:]
            data = bytes(view[:size])
        self.size -= len(data)
        return data

    def read_exactly(self, size: int) -> bytes:
        """The next `size` bytes, which must be there."""
        if self._first and size > len(self._first):
            self._gather()
        return self.read(size)

    def read_into(self, buffer: memoryview) -> int:
        """Fill `buffer` (of bytes) as far as there is data; gives the number of bytes."""
        size = 0
        while (room := len(buffer) - size) and (data := self.read(room)):
            buffer[size : size + len(data)] = data
            size += len(data)
        return size

    def find(self, separator: bytes, start: int) -> int:
        """Where `separator` is, looked for from `start` on; -1 if it is not there."""
        if self._first:
            self._gather()
        return self._rest.find(separator, start)

    def _gather(self) -> None:
        self._rest[:0] = self._first
        self._first = b""

    def _cut(self, size: int) -> bytes:
        with memoryview(self._rest) as rest:
            data = bytes(rest[:size])
        del self._rest[:size]
        return data
