"""What is read into: one buffer for each thread, so that an idle connection costs none."""

from __future__ import annotations

import threading

from turtls.io import limits


class _Scratch(threading.local):
    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(limits.READ_SIZE))


_scratch = _Scratch()


def scratch_buffer() -> memoryview:
    """This thread's buffer, of `limits.READ_SIZE` bytes. What is in it lasts until the thread reads again."""
    return _scratch.buffer
