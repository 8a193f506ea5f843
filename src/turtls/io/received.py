"""Application data that has come and was not read yet."""

from __future__ import annotations

from collections import deque


class ReceivedData:
    """A queue of bytes: goes in by chunks, comes out in any sizes, and a chunk that fits is not copied."""

    __slots__ = ("_chunks", "_size")

    def __init__(self) -> None:
        self._chunks: deque[bytes | memoryview] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        """Put `data` at the end."""
        if data:
            self._chunks.append(data)
            self._size += len(data)

    def read(self, size: int) -> bytes:
        """The next bytes: at least one where there is one, at most `size`, and never more than one chunk."""
        return bytes(self._take(size)) if self._chunks else b""

    def read_into(self, buffer: memoryview) -> int:
        """Fill `buffer` (of bytes) as far as there is data; gives the number of bytes."""
        filled = 0
        while self._chunks and filled < len(buffer):
            chunk = self._take(len(buffer) - filled)
            buffer[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
        return filled

    def _take(self, size: int) -> bytes | memoryview:
        chunk = self._chunks.popleft()
        if len(chunk) > size:
            # A view of the rest: small reads of a large chunk must not copy it each time.
            view = memoryview(chunk)
            self._chunks.appendleft(view[size:])
            chunk = view[:size]
        self._size -= len(chunk)
        return chunk
