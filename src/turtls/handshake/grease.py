"""GREASE (RFC 8701): reserved code points that keep peers tolerant of what they do not know."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, TypeVar

from turtls.wire.codepoints import CodePoint
from turtls.wire.extensions import AnyExtension, KeyShareEntry, RawExtension, prepare
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme

P = TypeVar("P", bound=CodePoint)
T = TypeVar("T")

_RESERVED: Final = tuple(range(0x0A0A, 0x10000, 0x1010))
"""0x0A0A, 0x1A1A, ..., 0xFAFA."""


class Grease:
    """One connection's choice of reserved code points; the second ClientHello must use the same."""

    __slots__ = (
        "cipher_suite",
        "first_extension",
        "group",
        "key_share",
        "last_extension",
        "signature_scheme",
        "version",
    )

    def __init__(self, seed: bytes) -> None:
        """`seed` is 6 random bytes or more."""
        suite, group, version, first, last, scheme = [_RESERVED[chance >> 4] for chance in seed[:6]]
        if last == first:
            last ^= 0x1010  # no two extensions of one type
        self.cipher_suite = CipherSuite.known[suite]
        self.group = NamedGroup.known[group]
        self.key_share = _key_share(self.group)
        self.version = ProtocolVersion.known[version]
        self.first_extension = _extension(first, b"")
        self.last_extension = _extension(last, b"\0")
        self.signature_scheme = SignatureScheme.known[scheme]

    def sprinkle(self, bodies: list[AnyExtension], seed: bytes) -> list[AnyExtension]:
        """The extensions in an order of chance, a reserved one before and one behind them.

        `seed` is two random bytes for each extension.
        """
        chances = struct.unpack(f">{len(bodies)}H", seed)
        shuffled = [bodies[i] for i in sorted(range(len(bodies)), key=chances.__getitem__)]
        return [self.first_extension, *shuffled, self.last_extension]


@cache
def _key_share(reserved: NamedGroup) -> KeyShareEntry:
    return KeyShareEntry(group=reserved, key_exchange=b"\0")


@cache
def _extension(reserved: int, body: bytes) -> RawExtension:
    return prepare(RawExtension(reserved, body))


class Greased(dict[P | None, T]):
    """What is made of a list, by the reserved code point in front of it; None is for none. Each is made once."""

    def __init__(self, make: Callable[[list[P]], T], points: Sequence[P]) -> None:
        super().__init__()
        self._make = make
        self._points = points

    def __missing__(self, reserved: P | None) -> T:
        made = self[reserved] = self._make([*self._points] if reserved is None else [reserved, *self._points])
        return made
