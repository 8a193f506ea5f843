"""Finite-field Diffie-Hellman with a group that the server chose (RFC 5246, section 7.4.3): TLS 1.2 and earlier."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from turtls.crypto.groups import DHParameterNumbers, DHPublicNumbers, ffdhe_parameters
from turtls.errors import Fault, ProtocolError
from turtls.wire.registries import NamedGroup

MIN_BITS: Final = 2048
"""Smaller groups are within reach of those who can afford a precomputation (Logjam)."""

MAX_BITS: Final = 4096
"""Whether a group is sound is found out by Python's arithmetic: about a second with 4096 bits at the worst, ten with
8192. A server could have each of its clients stand still for that long."""

_GROUPS: Final = (NamedGroup.ffdhe2048, NamedGroup.ffdhe3072, NamedGroup.ffdhe4096)


def respond(untrusted_p: bytes, untrusted_g: bytes, untrusted_ys: bytes) -> tuple[bytes, bytes]:
    """A client's public value and the shared secret, its leading zeros stripped (RFC 5246, section 8.1.2).

    Raises ProtocolError: WEAK_DH if the group is too small or not of a safe prime, BAD_DH_PUBLIC if g or Ys is out
    of range.
    """
    p, g, ys = (int.from_bytes(value, "big") for value in (untrusted_p, untrusted_g, untrusted_ys))
    if not MIN_BITS <= p.bit_length() <= MAX_BITS:
        raise ProtocolError(Fault.WEAK_DH, f"{p.bit_length()} bits")
    if not _is_safe_prime(p):
        raise ProtocolError(Fault.WEAK_DH, "p is not a safe prime")
    if not (1 < g < p - 1 and 1 < ys < p - 1):
        raise ProtocolError(Fault.BAD_DH_PUBLIC)
    numbers = DHParameterNumbers(p, g, (p - 1) // 2)
    try:
        private = numbers.parameters().generate_private_key()
        secret = private.exchange(DHPublicNumbers(ys, numbers).public_key())
    except ValueError as error:
        raise ProtocolError(Fault.BAD_DH_PUBLIC, str(error)) from None
    yc = private.public_key().public_numbers().y
    return yc.to_bytes((yc.bit_length() + 7) // 8, "big"), secret.lstrip(b"\0")


def named_parameters(group: NamedGroup) -> tuple[bytes, bytes]:
    """p and g of a group of RFC 7919, big-endian."""
    numbers = ffdhe_parameters(group).parameter_numbers()
    return numbers.p.to_bytes((numbers.p.bit_length() + 7) // 8, "big"), bytes([numbers.g])


@lru_cache(maxsize=64)
def _is_safe_prime(p: int) -> bool:
    """Whether p and (p-1)/2 are prime: then there are no small subgroups. Servers keep their group, so it is cached."""
    if any(p == ffdhe_parameters(group).parameter_numbers().p for group in _GROUPS):
        return True
    return p % 2 == 1 and _is_probable_prime((p - 1) // 2) and _is_probable_prime(p)


def _is_probable_prime(n: int) -> bool:
    """Miller and Rabin's test. The bases are fixed: a server that cheats here betrays only its own secrecy."""
    if n % 2 == 0:
        return n == 2
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(n, base, odd, twos) for base in (2, 3, 5, 7))


def _passes(n: int, base: int, odd: int, twos: int) -> bool:
    x = pow(base, odd, n)
    if x in (1, n - 1):
        return True
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False
