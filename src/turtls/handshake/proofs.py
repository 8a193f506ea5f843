"""Values that can only be had by checking. `Established` asks for them, so that no check can be forgotten."""

from __future__ import annotations

import hmac
from typing import Final

from turtls.crypto import signatures
from turtls.crypto.keys import PublicKey
from turtls.errors import Fault, ProtocolError
from turtls.wire.registries import ProtocolVersion, SignatureScheme

_MINT: Final = object()


class VerifiedSignature:
    """The peer holds the private key of its certificate, and has seen the same handshake."""

    __slots__ = ("scheme",)

    def __init__(self, mint: object, scheme: SignatureScheme) -> None:
        _only_from_here(mint)
        self.scheme = scheme


class VerifiedFinished:
    """The peer has derived the same keys from the same handshake."""

    __slots__ = ()

    def __init__(self, mint: object) -> None:
        _only_from_here(mint)


class VerifiedBinder:
    """The client holds the PSK it offers."""

    __slots__ = ()

    def __init__(self, mint: object) -> None:
        _only_from_here(mint)


def _only_from_here(mint: object) -> None:
    if mint is not _MINT:
        raise TypeError("a proof is made by checking, not by hand")


def verify_signature(
    public_key: PublicKey,
    scheme: SignatureScheme,
    untrusted_signature: bytes,
    content: bytes,
    version: ProtocolVersion = ProtocolVersion.TLS_1_3,
) -> VerifiedSignature:
    """Raises ProtocolError (BAD_SIGNATURE, WRONG_SIGNATURE_SCHEME)."""
    signatures.verify(scheme, public_key, untrusted_signature, content, version)
    return VerifiedSignature(_MINT, scheme)


def verify_finished(expected: bytes, untrusted_verify_data: bytes) -> VerifiedFinished:
    """Raises ProtocolError (BAD_FINISHED)."""
    if not hmac.compare_digest(expected, untrusted_verify_data):
        raise ProtocolError(Fault.BAD_FINISHED)
    return VerifiedFinished(_MINT)


def verify_binder(expected: bytes, untrusted_binder: bytes) -> VerifiedBinder:
    """RFC 8446, section 4.2.11.2. Raises ProtocolError (BAD_BINDER)."""
    if not hmac.compare_digest(expected, untrusted_binder):
        raise ProtocolError(Fault.BAD_BINDER)
    return VerifiedBinder(_MINT)
