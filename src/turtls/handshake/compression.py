"""Certificates that are compressed on their way (RFC 8879)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar, overload

from turtls.config.compression import CertificateCompression
from turtls.errors import Fault, ProtocolError
from turtls.handshake.peer import Peer
from turtls.record.limits import MAX_CERTIFICATE_MESSAGE
from turtls.wire.codec import decode
from turtls.wire.extensions import AnyExtension, CertificateCompressionAlgorithms, Extensions
from turtls.wire.messages import HEADER_LENGTH, Certificate, CompressedCertificate, HandshakeMessage

M = TypeVar("M", bound=HandshakeMessage)


def compress_certificate(compressions: Sequence[CertificateCompression]) -> list[AnyExtension]:
    """The extension that offers them (section 3); nothing if there are none."""
    algorithms = [compression.algorithm for compression in compressions]
    return [CertificateCompressionAlgorithms(algorithms=algorithms)] if algorithms else []


def agreed_compression(
    compressions: Sequence[CertificateCompression], requested: Extensions
) -> CertificateCompression | None:
    """The first of this side's that the peer can decompress; None if there is none."""
    offered = requested.get(CertificateCompressionAlgorithms)
    if offered is None:
        return None
    return next((each for each in compressions if each.algorithm in offered.algorithms), None)


def compressed(raw: bytes, compression: CertificateCompression) -> tuple[bytes, CompressedCertificate]:
    """A Certificate, given with its header, as it is sent."""
    message = CompressedCertificate(
        algorithm=compression.algorithm,
        uncompressed_length=len(raw) - HEADER_LENGTH,
        compressed_certificate_message=compression.compress(raw[HEADER_LENGTH:]),
    )
    message.certificate = Certificate.from_bytes(raw)
    return message.to_bytes(), message


# A server sends the same certificate again and again.
kept_compressed = lru_cache(maxsize=64)(compressed)


@overload
async def receive_certificate(peer: Peer, offered: Sequence[CertificateCompression], /) -> Certificate: ...
@overload
async def receive_certificate(
    peer: Peer, offered: Sequence[CertificateCompression], other: type[M], /
) -> Certificate | M: ...


async def receive_certificate(
    peer: Peer, offered: Sequence[CertificateCompression], *other: type[HandshakeMessage]
) -> HandshakeMessage:
    """The peer's Certificate, which it may compress in the ways that it was offered; or a message of the `other` kind.

    The `raw` of a Certificate is what was sent: that is what the transcript takes (section 4). Raises ProtocolError.
    """
    kinds = (Certificate, CompressedCertificate) if offered else (Certificate,)
    message = await peer.receive(*other, *kinds)
    return _uncompressed(message, offered) if isinstance(message, CompressedCertificate) else message


def _uncompressed(message: CompressedCertificate, offered: Sequence[CertificateCompression]) -> Certificate:
    compression = next((each for each in offered if each.algorithm == message.algorithm), None)
    if compression is None:
        raise ProtocolError(Fault.WRONG_CERTIFICATE_COMPRESSION, message.algorithm.name)
    if message.uncompressed_length > MAX_CERTIFICATE_MESSAGE:
        raise ProtocolError(Fault.BAD_COMPRESSED_CERTIFICATE, f"{message.uncompressed_length} bytes are too many")
    try:
        body = compression.decompress(message.compressed_certificate_message, message.uncompressed_length)
    except ValueError as error:
        raise ProtocolError(Fault.BAD_COMPRESSED_CERTIFICATE, str(error)) from None
    message.certificate = decode(Certificate, body)
    message.certificate.raw = message.raw
    return message.certificate
