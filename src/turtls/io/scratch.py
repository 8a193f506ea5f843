"""What is read into: one buffer for each thread, so that an idle connection costs none."""

from __future__ import annotations

import threading

from turtls.io import limits

FULL_RECORD = limits.READ_SIZE // 16
"""Bytes of such a record as bulk data comes in."""


class _Scratch(threading.local):
    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(limits.READ_SIZE))


_scratch = _Scratch()


def scratch_buffer() -> memoryview:
    """This thread's buffer, of `limits.READ_SIZE` bytes. What is in it lasts until the thread reads again."""
    return _scratch.buffer


def read_size(unfinished: int) -> int:
    """How many bytes to read at the most where so many have come of a record that is not whole yet.

    If the records are full ones, the last is whole then: what is cut would have to be copied until the rest comes.
    """
    return limits.READ_SIZE - unfinished % FULL_RECORD
