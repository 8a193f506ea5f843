"""What TLS 1.2 and earlier derive from the premaster secret (RFC 5246, sections 6.3 and 8.1), alike on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from turtls.crypto.hashes import MD5_SHA1, Hash
from turtls.crypto.prf import PHash, Prf, PrfMd5Sha1
from turtls.crypto.suites12 import Suite12
from turtls.handshake.peer import Peer
from turtls.handshake.transcript import Transcript
from turtls.record.protection import Protection
from turtls.record.protection12 import protections
from turtls.wire.registries import ProtocolVersion

_MASTER_SECRET_LENGTH: Final = 48
_VERIFY_DATA_LENGTH: Final = 12


class Secrets12:
    """The master secret of one connection, and what it is used with."""

    __slots__ = ("client_random", "extended", "master_secret", "prf", "server_random", "suite", "version")
    __deletable__ = ("prf",)  # mypyc asks for it

    def __init__(
        self,
        version: ProtocolVersion,
        suite: Suite12,
        client_random: bytes,
        server_random: bytes,
        master_secret: bytes,
        extended: bool,
    ) -> None:
        self.version = version
        self.suite = suite
        self.client_random = client_random
        self.server_random = server_random
        self.master_secret = master_secret
        self.extended = extended
        """Whether the master secret is bound to the whole handshake (RFC 7627)."""
        self.prf = prf_for(version, suite, master_secret)
        """The pseudorandom function of the master secret."""

    def verify_data(self, transcript: Transcript, *, client: bool) -> bytes:
        """The content of a Finished at this point of the handshake (RFC 5246, section 7.4.9)."""
        label = b"client finished" if client else b"server finished"
        return self.prf.expand(label, transcript.digest(), _VERIFY_DATA_LENGTH)

    def protections(self, random: Callable[[int], bytes], *, encrypt_then_mac: bool) -> tuple[Protection, Protection]:
        """The client's and the server's keys for records (RFC 5246, section 6.3); `random` gives the IVs of AES-CBC."""
        block = self.prf.expand(b"key expansion", self.server_random + self.client_random, self.suite.key_block.size)
        return protections(self.suite, self.version, block, encrypt_then_mac=encrypt_then_mac, random=random)

    def export(self, label: bytes, context: bytes | None, length: int) -> bytes:
        """Keying material for an application (RFC 5705, section 4). No context is not the same as an empty one."""
        seed = self.client_random + self.server_random
        if context is not None:
            seed += len(context).to_bytes(2) + context
        return self.prf.expand(label, seed, length)

    def forget(self) -> None:
        """Let go of the master secret."""
        self.master_secret = b""
        del self.prf


def prf_for(version: ProtocolVersion, suite: Suite12, secret: bytes) -> Prf:
    """The pseudorandom function of a secret (RFC 5246, section 5; RFC 4346, section 5)."""
    return PrfMd5Sha1(secret) if version < ProtocolVersion.TLS_1_2 else PHash(suite.hash, secret)


def handshake_hash(version: ProtocolVersion, suite: Suite12) -> Hash:
    """What Finished is made over (RFC 5246, section 7.4.9; RFC 4346, section 7.4.9)."""
    return MD5_SHA1 if version < ProtocolVersion.TLS_1_2 else suite.hash


def make_master_secret(
    peer: Peer,
    version: ProtocolVersion,
    suite: Suite12,
    premaster_secret: bytes,
    transcript: Transcript,
    *,
    client_random: bytes,
    server_random: bytes,
    extended: bool,
) -> Secrets12:
    """The master secret; `transcript` stands behind ClientKeyExchange."""
    prf = prf_for(version, suite, premaster_secret)
    if extended:  # bound to the whole handshake up to here (RFC 7627, section 4)
        master = prf.expand(b"extended master secret", transcript.digest(), _MASTER_SECRET_LENGTH)
    else:
        master = prf.expand(b"master secret", client_random + server_random, _MASTER_SECRET_LENGTH)
    peer.derived("premaster_secret", premaster_secret, "what the key exchange agreed on")
    peer.derived("master_secret", master, "all session keys come from it", keylog="CLIENT_RANDOM")
    return Secrets12(version, suite, client_random, server_random, master, extended)
