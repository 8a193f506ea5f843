"""Secure Remote Password (RFC 5054, which takes SRP-6a from RFC 2945): a password proves itself without being sent.

The arithmetic is Python's own `pow`, which does not run in constant time: SECURITY.md says what this means. Numbers
go over the wire big-endian, without leading zeros; inside hashes they are padded to the length of N.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final

from turtls.crypto.hashes import SHA1, SHA256
from turtls.errors import ConfigError, Fault, ProtocolError

SALT_LENGTH: Final = 16
SECRET_LENGTH: Final = 48
"""Bytes of the ephemeral secrets a and b: far more than the strength of any group here asks for."""


@dataclass(frozen=True, slots=True)
class SrpGroup:
    """A group of RFC 5054, appendix A: the safe prime N, and g."""

    bits: int
    N: int = field(repr=False)
    g: int

    @property
    def length(self) -> int:
        """Of N, in bytes."""
        return self.bits // 8

    @property
    def k(self) -> int:
        """The multiplier SHA1(N | PAD(g)) (section 2.5.3)."""
        return _sha1_int(self.pad(self.N), self.pad(self.g))

    def pad(self, value: int) -> bytes:
        """Big-endian, as long as N."""
        return value.to_bytes(self.length, "big")


_N_2048 = int(
    "AC6BDB41324A9A9BF166DE5E1389582FAF72B6651987EE07FC3192943DB56050A37329CBB4A099ED8193E0757767A13DD52312AB4B03310D"
    "CD7F48A9DA04FD50E8083969EDB767B0CF6095179A163AB3661A05FBD5FAAAE82918A9962F0B93B855F97993EC975EEAA80D740ADBF4FF74"
    "7359D041D5C33EA71D281E446B14773BCA97B43A23FB801676BD207A436C6481F1D2B9078717461A5B9D32E688F87748544523B524B0D57D"
    "5EA77A2775D2ECFA032CFBDBF52FB3786160279004E57AE6AF874E7303CE53299CCC041C7BC308D82A5698F3A8D0C38271AE35F8E9DBFBB6"
    "94B5C803D89F7AE435DE236D525F54759B65E372FCD68EF20FA7111F9E4AFF73",
    16,
)


@cache
def groups() -> dict[int, SrpGroup]:
    """The groups by their bits. Those under 2048 bits are left out: they can be broken."""
    return {
        2048: SrpGroup(2048, _N_2048, 2),
        3072: SrpGroup(3072, _modp_prime(3072, 1690314), 5),
        4096: SrpGroup(4096, _modp_prime(4096, 240904), 5),
        6144: SrpGroup(6144, _modp_prime(6144, 929484), 5),
        8192: SrpGroup(8192, _modp_prime(8192, 4743158), 19),
    }


def require_group(bits: int) -> SrpGroup:
    """The group of that size. Raises ConfigError if there is none."""
    group = groups().get(bits)
    if group is None:
        raise ConfigError(f"There is no SRP group of {bits} bits here: {', '.join(map(str, groups()))} are.")
    return group


def known_group(untrusted_N: bytes, untrusted_g: bytes) -> SrpGroup:
    """The group a server sent. A made-up one could give the password away (RFC 5054, section 3.2).

    Raises ProtocolError (WEAK_DH).
    """
    N, g = int.from_bytes(untrusted_N, "big"), int.from_bytes(untrusted_g, "big")
    group = groups().get(N.bit_length())
    if group is None or group.N != N or group.g != g:
        raise ProtocolError(Fault.WEAK_DH, f"an SRP group of {N.bit_length()} bits that is not one of RFC 5054's")
    return group


# ------------------------------------------------------------------------------------------- verifiers


@dataclass(frozen=True, slots=True)
class SrpVerifier:
    """What a server keeps in the place of a password: it cannot log in with it."""

    group: SrpGroup
    salt: bytes
    verifier: int = field(repr=False)

    @classmethod
    def from_password(cls, username: str, password: str, salt: bytes, bits: int = 2048) -> SrpVerifier:
        """v = g^x mod N (RFC 5054, section 2.4). `salt` is SALT_LENGTH random bytes. ConfigError for unknown `bits`."""
        group = require_group(bits)
        return cls(group, salt, pow(group.g, _private_key(username, password, salt), group.N))

    @classmethod
    def simulated(cls, username: bytes, seed: bytes, bits: int) -> SrpVerifier:
        """For a name that is not known: always the same salt, so that it looks known (RFC 5054, section 2.5.1.3)."""
        group = groups()[bits]
        salt = SHA256.hmac(seed, b"salt" + username)[:SALT_LENGTH]
        return cls(group, salt, pow(group.g, int.from_bytes(SHA256.hmac(seed, b"verifier" + username), "big"), group.N))


# ------------------------------------------------------------------------------------------- the exchange


def client_exchange(
    username: str, password: str, salt: bytes, group: SrpGroup, untrusted_B: bytes, random: bytes
) -> tuple[bytes, bytes]:
    """A and the premaster secret (RFC 5054, section 2.6). `random` is SECRET_LENGTH bytes.

    Raises ProtocolError (BAD_SRP_PUBLIC) if B is a multiple of N, and anyone could know the secret.
    """
    N, g, B = group.N, group.g, int.from_bytes(untrusted_B, "big")
    if B % N == 0 or B >= N:
        raise ProtocolError(Fault.BAD_SRP_PUBLIC)
    a = int.from_bytes(random, "big")
    A = pow(g, a, N)
    u = _sha1_int(group.pad(A), group.pad(B))
    x = _private_key(username, password, salt)
    secret = pow(B - group.k * pow(g, x, N), a + u * x, N)
    return _bytes(A), _bytes(secret)


def server_public(verifier: SrpVerifier, random: bytes) -> bytes:
    """B = k*v + g^b (RFC 5054, section 2.5.3). `random` is SECRET_LENGTH bytes."""
    group = verifier.group
    return _bytes((group.k * verifier.verifier + pow(group.g, int.from_bytes(random, "big"), group.N)) % group.N)


def server_exchange(verifier: SrpVerifier, untrusted_A: bytes, B: bytes, random: bytes) -> bytes:
    """The premaster secret (RFC 5054, section 2.6). Raises ProtocolError (BAD_SRP_PUBLIC) as `client_exchange` does."""
    group = verifier.group
    A = int.from_bytes(untrusted_A, "big")
    if A % group.N == 0 or A >= group.N:
        raise ProtocolError(Fault.BAD_SRP_PUBLIC)
    u = _sha1_int(group.pad(A), group.pad(int.from_bytes(B, "big")))
    return _bytes(pow(A * pow(verifier.verifier, u, group.N), int.from_bytes(random, "big"), group.N))


def _private_key(username: str, password: str, salt: bytes) -> int:
    """x = SHA1(s | SHA1(I | ":" | P)) (RFC 5054, section 2.4)."""
    return _sha1_int(salt, SHA1.digest(f"{username}:{password}".encode()))


def _sha1_int(*parts: bytes) -> int:
    return int.from_bytes(SHA1.digest(b"".join(parts)), "big")


def _bytes(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _modp_prime(bits: int, offset: int) -> int:
    """RFC 3526: 2^bits - 2^(bits-64) - 1 + 2^64 (floor(2^(bits-130) pi) + offset)."""
    return (1 << bits) - (1 << bits - 64) - 1 + ((_floor_of_pi(bits - 130) + offset) << 64)


def _floor_of_pi(precision: int) -> int:
    """floor(2^precision pi), by Machin's formula: pi = 16 arctan(1/5) - 4 arctan(1/239)."""
    guard = precision + 64  # keeps the rounding of the series out of the integer part
    return (16 * _arctan_of_inverse(5, guard) - 4 * _arctan_of_inverse(239, guard)) >> 64


def _arctan_of_inverse(x: int, precision: int) -> int:
    power = total = (1 << precision) // x
    n, sign = 1, 1
    while power:
        power //= x * x
        n, sign = n + 2, -sign
        total += sign * (power // n)
    return total
