"""The question a handshake puts to the PKI, and the proof it gets back."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from enum import Enum
from typing import Protocol

from turtls.config.values import NamedTuple
from turtls.crypto import keys


class Role(Enum):
    """Who a certificate is checked for."""

    SERVER = "server"
    CLIENT = "client"

    __hash__ = object.__hash__  # what an Enum has is a function in Python, which hashes the name


class VerificationRequest(NamedTuple):
    """What a verifier is asked: may the holder of this chain act in this role under this name?"""

    role: Role
    untrusted_chain: tuple[bytes, ...]
    """DER, leaf first, as received: nothing in it has been checked."""
    server_name: str | None
    """The name or address the client wants; None when a client's chain is checked."""
    ocsp_response: bytes | None = None
    signed_certificate_timestamps: bytes | None = None
    min_rsa_bits: int = 2048
    now: float = 0.0
    """Seconds since the epoch."""


class VerifiedChain(NamedTuple):
    """The proof that a verifier accepted a chain. DER, leaf first, trust anchor last (where there is one)."""

    chain: tuple[bytes, ...]
    leaf: keys.Leaf
    trusted: bool = True
    """False only where the application chose to go on without trust."""


class Verifier(Protocol):
    """Decides whether a chain is to be trusted. `turtls.pki` has the real ones."""

    def verify(self, request: VerificationRequest) -> VerifiedChain | Awaitable[VerifiedChain]:
        """The proof, or turtls.errors.ProtocolError (turtls.pki raises its subclass CertificateError)."""
        ...

    def certificate_authorities(self) -> Sequence[bytes]:
        """DER names of the authorities to tell the peer about (RFC 8446, section 4.2.4); may be empty."""
        ...


class DangerAcceptAnyCertificate:
    """Accepts every chain: the connection is private against those who only listen, and against no one else."""

    def verify(self, request: VerificationRequest) -> VerifiedChain:
        """Accept, having checked only that the leaf can be parsed."""
        return VerifiedChain(request.untrusted_chain, keys.Leaf.parse_untrusted(request.untrusted_chain[0]), False)

    def certificate_authorities(self) -> Sequence[bytes]:
        """None: any will do."""
        return ()
