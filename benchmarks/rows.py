"""The rows of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.contenders.cases import Cipher, Contender, Handshake, Transfer, Work
from benchmarks.measure import Figure


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table that is measured in memory: a name for people, and what is measured."""

    name: str
    case: Handshake | Transfer
    reference: str = "ssl"
    """Whose speed is 1."""

    def works(self, contenders: list[Contender]) -> dict[str, Work]:
        """What each contender that can has to do."""
        case = self.case
        works = {
            contender.name: contender.handshake(case) if isinstance(case, Handshake) else contender.transfer(case)
            for contender in contenders
        }
        return {name: work for name, work in works.items() if work is not None}

    @property
    def unit(self) -> Unit:
        """What people want to read."""
        large = isinstance(self.case, Transfer) and self.case.size > 1 << 10
        return rate(2 * self.case.size) if large and isinstance(self.case, Transfer) else duration


Unit = Callable[[float], str]
"""A figure's value in words."""


def duration(seconds: float) -> str:
    """In milliseconds or microseconds."""
    if seconds >= 0.01:
        return f"{seconds * 1e3:,.1f} ms"
    return f"{seconds * 1e6:,.0f} us" if seconds >= 1e-4 else f"{seconds * 1e6:.1f} us"


def rate(size: int) -> Unit:
    """For the time that `size` bytes take."""
    return lambda seconds: f"{size / seconds / 1e6:,.4g} MB/s"


def per_second(seconds: float) -> str:
    """For the time that one takes."""
    return f"{1 / seconds:,.0f}/s"


def memory(size: float) -> str:
    """In KiB."""
    return f"{size / 1024:.1f} KiB"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of a table, measured. A ratio above 1 is better than the reference."""

    name: str
    reference: str
    unit: Unit
    figures: Mapping[str, Figure]


_SIZES = {64: "64 B ping-pong", 1 << 10: "1 KiB writes", 1 << 14: "16 KiB writes", 1 << 20: "1 MiB writes"}
_CIPHERS: tuple[Cipher, ...] = ("AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305")

HANDSHAKES = (
    Row("full 1.3, ECDSA", Handshake()),
    Row("full 1.3, RSA-2048", Handshake(key="rsa")),
    Row("full 1.3, X25519MLKEM768", Handshake(group="X25519MLKEM768"), "pyOpenSSL"),
    Row("full 1.3, client certificate", Handshake(client_certificate=True)),
    Row("full 1.2, ECDHE-ECDSA", Handshake(version="1.2")),
    Row("full 1.2, ECDHE-RSA", Handshake(version="1.2", key="rsa")),
    Row("resumed 1.3", Handshake(resumed=True)),
    Row("resumed 1.2", Handshake(version="1.2", resumed=True)),
)
TRANSFERS = (
    Row(_SIZES[64], Transfer(size=64)),
    *(
        Row(f"{_SIZES[size]}, {cipher}", Transfer(size=size, cipher=cipher))
        for cipher in _CIPHERS
        for size in (1 << 10, 1 << 14, 1 << 20)
    ),
    Row("16 KiB writes, 1.2", Transfer(size=1 << 14, version="1.2")),
)
