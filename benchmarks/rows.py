"""The rows of the table that are measured in memory."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contenders.cases import Cipher, Contender, Handshake, Transfer, Work


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a name for people, and what is measured."""

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
