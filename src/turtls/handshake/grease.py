"""GREASE (RFC 8701): reserved code points that keep peers tolerant of what they do not know."""

from __future__ import annotations

import struct

from turtls.wire.extensions import AnyExtension, RawExtension, SignatureAlgorithms
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme


class Grease:
    """One connection's choice of reserved code points; the second ClientHello must use the same."""

    __slots__ = ("cipher_suite", "first_extension", "group", "last_extension", "signature_scheme", "version")

    def __init__(self, seed: bytes) -> None:
        """`seed` is 6 random bytes or more."""
        self.cipher_suite = CipherSuite(_reserved(seed[0]))
        self.group = NamedGroup(_reserved(seed[1]))
        self.version = ProtocolVersion(_reserved(seed[2]))
        self.first_extension = _reserved(seed[3])
        self.last_extension = _reserved(seed[4])
        self.signature_scheme = SignatureScheme(_reserved(seed[5]))
        if self.last_extension == self.first_extension:
            self.last_extension ^= 0x1010  # no two extensions of one type

    def sprinkle(self, bodies: list[AnyExtension], seed: bytes) -> list[AnyExtension]:
        """The extensions in an order of chance, a reserved one before and one behind them, a reserved scheme in one.

        `seed` is two random bytes for each extension.
        """
        chances = struct.unpack(f">{len(bodies)}H", seed)
        shuffled = [bodies[i] for i in sorted(range(len(bodies)), key=chances.__getitem__)]
        for place, body in enumerate(shuffled):
            if isinstance(body, SignatureAlgorithms):
                schemes = [self.signature_scheme, *body.supported_signature_algorithms]
                shuffled[place] = SignatureAlgorithms(supported_signature_algorithms=schemes)
                break
        return [RawExtension(self.first_extension), *shuffled, RawExtension(self.last_extension, b"\0")]


def _reserved(chance: int) -> int:
    """One of the sixteen values 0x0A0A, 0x1A1A, ..., 0xFAFA."""
    return ((chance & 0xF0) | 0x0A) * 0x0101
