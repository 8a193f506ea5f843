"""tlslite-ng: the other TLS in Python. It does not verify chains, so that costs it nothing here."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import tlslite
from tlslite.api import HandshakeSettings, Session, TLSConnection, X509CertChain, parsePEMKey

from benchmarks.certificates import NAME, files
from benchmarks.contenders.cases import Cipher, Handshake, Transfer, Work
from benchmarks.contenders.clock import timed

_CIPHERS: dict[Cipher, str] = {
    "AES-128-GCM": "aes128gcm",
    "AES-256-GCM": "aes256gcm",
    "CHACHA20-POLY1305": "chacha20-poly1305",
}
_LARGEST = 1 << 14
"""Bytes that can be waited for: 16 KiB take its own AES a tenth of a second."""


class _Pipe:
    """One end of a socket pair in memory."""

    def __init__(self) -> None:
        self.other: _Pipe
        self._inbound = bytearray()

    def send(self, data: bytes) -> int:
        self.other._inbound += data
        return len(data)

    def sendall(self, data: bytes) -> None:
        self.send(data)

    def recv(self, size: int) -> bytes:
        if not self._inbound:
            raise OSError(errno.EWOULDBLOCK, "nothing there")
        data = bytes(self._inbound[:size])
        del self._inbound[:size]
        return data

    def close(self) -> None:
        """Nothing to close."""


class TlsliteNg:
    """Both ends are tlslite-ng."""

    name = "tlslite-ng"
    version = tlslite.api.__version__

    def handshake(self, case: Handshake) -> Work | None:
        """Sessions are resumed by ticket."""
        if case.group != "X25519" or case.client_certificate:
            return None
        settings = _settings(case)
        chain, key = _credential(case)
        session = _connect(settings, chain, key, None)[0].session if case.resumed else None

        def handshake() -> None:
            client, _ = _connect(settings, chain, key, session)
            if client.resumed is not case.resumed:
                raise RuntimeError(f"{case} did not come about")

        return timed(handshake)

    def transfer(self, case: Transfer) -> Work | None:
        """Only what its own AES can do in a sensible time."""
        if case.size > _LARGEST:
            return None
        handshake = Handshake(cipher=case.cipher, version=case.version)
        client, server = _connect(_settings(handshake), *_credential(handshake), None)
        data = bytes(case.size)

        def there_and_back() -> None:
            for sender, receiver in ((client, server), (server, client)):
                sender.write(data)
                receiver.read(len(data), len(data))

        return timed(there_and_back)


def _connect(
    settings: HandshakeSettings, chain: X509CertChain, key: Any, session: Session | None
) -> tuple[TLSConnection, TLSConnection]:
    here, there = _Pipe(), _Pipe()
    here.other, there.other = there, here
    client, server = TLSConnection(here), TLSConnection(there)
    _run(
        client.handshakeClientCert(settings=settings, serverName=NAME, session=session, async_=True),
        server.handshakeServerAsync(certChain=chain, privateKey=key, settings=settings),
    )
    next(iter(client.readAsync(1, 0)), None)  # takes the tickets in
    return client, server


def _run(*sides: Iterator[int]) -> None:
    """Let the two take turns until both are done."""
    running = list(sides)
    while running:
        running = [side for side in running if next(side, None) is not None]


def _settings(case: Handshake) -> HandshakeSettings:
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 4) if case.version == "1.3" else (3, 3)
    if case.version == "1.3":
        settings.versions = [(3, 4)]
    settings.cipherNames = [_CIPHERS[case.cipher]]
    settings.eccCurves = ["x25519", "secp256r1"]
    settings.keyShares = ["x25519"]
    settings.ticketKeys = [bytes(32)]
    settings.ticketCipher = "aes128gcm"
    settings.ticket_count = 2
    return settings


def _credential(case: Handshake) -> tuple[X509CertChain, Any]:
    pki = files(case.key)
    chain = X509CertChain()
    chain.parsePemList(pki.server_chain.read_text())
    return chain, parsePEMKey(pki.server_key.read_text(), private=True)
