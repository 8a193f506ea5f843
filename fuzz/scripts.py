"""The other side, played from a script: acts, each of which carries as many bytes as are left at the most.

A script is a byte that chooses the scene, and then acts: a kind (one byte), a length (two), and that many bytes. So
whatever the fuzzer makes of a script is one, and lengths that stand around other lengths need not be guessed: the
message's own and the record's are written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MESSAGE: Final = 22
"""A handshake message: its type and its body."""
FRAGMENT: Final = 1
"""Bytes of handshake messages, headers and all, however they are cut."""
DATA: Final = 2
"""Application data in records of a few bytes each, which come all at once."""
BYTES: Final = 0
"""What the transport brings, as it is."""
DEED: Final = 0x80
"""And all above: what the application does; the rest of the bits say what."""

_HEADER_LENGTH = 3

Act = tuple[int, bytes]


def acts(script: bytes) -> Iterator[Act]:
    """The kind and the content of each act."""
    while script:
        end = _HEADER_LENGTH + int.from_bytes(script[1:_HEADER_LENGTH], "big")
        yield script[0], script[_HEADER_LENGTH:end]
        script = script[end:]


def write(scene: int, *played: Act) -> bytes:
    """A script."""
    parts = [bytes((kind,)) + len(content).to_bytes(2, "big") + content for kind, content in played]
    return bytes((scene,)) + b"".join(parts)


def message(content: bytes) -> bytes:
    """A handshake message from its type and its body; nothing of nothing."""
    return content and content[:1] + (len(content) - 1).to_bytes(3, "big") + content[1:]
