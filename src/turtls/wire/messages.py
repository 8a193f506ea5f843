"""The handshake messages of TLS 1.3 (RFC 8446, section 4)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar, Final, Self, TypeVar

from turtls.errors import Fault, ProtocolError
from turtls.wire.codec import Structure, code_point, decode, fixed, opaque, rest, uint24, uint32, vector
from turtls.wire.extension_table import Context, extension_block
from turtls.wire.extensions import Extensions
from turtls.wire.registries import (
    CertificateCompressionAlgorithm,
    CipherSuite,
    ExtensionType,
    HandshakeType,
    KeyUpdateRequest,
    ProtocolVersion,
    SignatureScheme,
)
from turtls.wire.structs import Struct, beside

HELLO_RETRY_REQUEST_RANDOM: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The SHA-256 of "HelloRetryRequest" (RFC 8446, section 4.1.3)."""

HEADER_LENGTH: Final = 4
"""msg_type and a 24-bit length (RFC 8446, section 4)."""


class HandshakeMessage(Struct):
    """A message with the header of RFC 8446, section 4: its type and the length of its body."""

    msg_type: ClassVar[HandshakeType]
    recurring: ClassVar[bool] = False
    """Whether it is the same on many connections."""
    raw: bytes = beside()
    """The message as it was received, its header included: what the transcript is made of."""

    def __init_subclass__(cls, msg_type: HandshakeType, recurring: bool = False) -> None:
        cls.msg_type = msg_type
        cls.recurring = recurring

    def to_bytes(self) -> bytes:
        """The message with its header."""
        body = self.encode()
        return (self.msg_type << 24 | len(body)).to_bytes(HEADER_LENGTH, "big") + body

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The message behind the header. Raises ProtocolError (MALFORMED)."""
        is_kept = cls.recurring and len(raw) <= _LONGEST_KEPT
        message = _read_or_recall(cls, raw) if is_kept else decode(cls, raw, HEADER_LENGTH)
        message.raw = raw
        return message


_LONGEST_KEPT: Final = 2**14
"""Bytes."""
_MOST_PIECES_KEPT: Final = 256
"""Ten certificates have some fifty. A few bytes of a message can become an object of a hundred."""

M = TypeVar("M", bound=HandshakeMessage)


class _NotKept(Exception):
    def __init__(self, message: HandshakeMessage) -> None:
        self.message: Any = message


@lru_cache(maxsize=64)
def _kept(kind: type[M], raw: bytes) -> M:
    """Messages that are the same on many connections: they are decoded once, and nobody changes them."""
    message = decode(kind, raw, HEADER_LENGTH)
    if _pieces(message) > _MOST_PIECES_KEPT:
        raise _NotKept(message)
    return message


def _read_or_recall(kind: Any, raw: bytes) -> Any:
    try:
        return _kept(kind, raw)
    except _NotKept as large:
        return large.message


def _pieces(value: object) -> int:
    """Of how many objects it is made."""
    if isinstance(value, Structure):
        return 1 + sum([_pieces(getattr(value, name)) for name in value.__fields__])
    return sum(map(_pieces, value)) if isinstance(value, list | Extensions) else 1


class ClientHello(HandshakeMessage, msg_type=HandshakeType.client_hello):
    """RFC 8446, section 4.1.2. The same message opens every version of TLS."""

    legacy_version: ProtocolVersion = code_point(ProtocolVersion, default=ProtocolVersion.TLS_1_2)
    random: bytes = fixed(32)
    legacy_session_id: bytes = opaque(0, 32)
    cipher_suites: list[CipherSuite] = vector(CipherSuite, 2, 2**16 - 2)
    legacy_compression_methods: bytes = opaque(1, 2**8 - 1, default=b"\0")
    extensions: Extensions = extension_block(Context.CH, optional=True)


class ServerHello(HandshakeMessage, msg_type=HandshakeType.server_hello):
    """RFC 8446, section 4.1.3."""

    legacy_version: ProtocolVersion = code_point(ProtocolVersion, default=ProtocolVersion.TLS_1_2)
    random: bytes = fixed(32)
    legacy_session_id_echo: bytes = opaque(0, 32)
    cipher_suite: CipherSuite = code_point(CipherSuite)
    legacy_compression_method: bytes = fixed(1, default=b"\0")
    extensions: Extensions = extension_block(Context.SH)


class HelloRetryRequest(HandshakeMessage, msg_type=HandshakeType.server_hello):
    """RFC 8446, section 4.1.4: a ServerHello by its form, known by its random."""

    legacy_version: ProtocolVersion = code_point(ProtocolVersion, default=ProtocolVersion.TLS_1_2)
    random: bytes = fixed(32, default=HELLO_RETRY_REQUEST_RANDOM)
    legacy_session_id_echo: bytes = opaque(0, 32)
    cipher_suite: CipherSuite = code_point(CipherSuite)
    legacy_compression_method: bytes = fixed(1, default=b"\0")
    extensions: Extensions = extension_block(Context.HRR)


class ServerHello12(HandshakeMessage, msg_type=HandshakeType.server_hello):
    """RFC 5246, section 7.4.1.3: a ServerHello without supported_versions."""

    server_version: ProtocolVersion = code_point(ProtocolVersion)
    random: bytes = fixed(32)
    session_id: bytes = opaque(0, 32)
    cipher_suite: CipherSuite = code_point(CipherSuite)
    compression_method: bytes = fixed(1, default=b"\0")
    extensions: Extensions = extension_block(Context.SH12, optional=True)


class EncryptedExtensions(HandshakeMessage, msg_type=HandshakeType.encrypted_extensions):
    """RFC 8446, section 4.3.1."""

    extensions: Extensions = extension_block(Context.EE)


class CertificateRequest(HandshakeMessage, msg_type=HandshakeType.certificate_request):
    """RFC 8446, section 4.3.2."""

    certificate_request_context: bytes = opaque(0, 2**8 - 1, default=b"")
    extensions: Extensions = extension_block(Context.CR)


class CertificateEntry(Struct):
    """RFC 8446, section 4.4.2."""

    cert_data: bytes = opaque(1, 2**24 - 1)
    extensions: Extensions = extension_block(Context.CT)


class Certificate(HandshakeMessage, msg_type=HandshakeType.certificate, recurring=True):
    """RFC 8446, section 4.4.2."""

    certificate_request_context: bytes = opaque(0, 2**8 - 1, default=b"")
    certificate_list: list[CertificateEntry] = vector(CertificateEntry, 0, 2**24 - 1)


class CompressedCertificate(HandshakeMessage, msg_type=HandshakeType.compressed_certificate):
    """RFC 8879, section 4: a Certificate without its header, compressed."""

    algorithm: CertificateCompressionAlgorithm = code_point(CertificateCompressionAlgorithm)
    uncompressed_length: int = uint24()
    compressed_certificate_message: bytes = opaque(1, 2**24 - 1)
    certificate: Certificate = beside()
    """What it holds, once that is known."""


class CertificateVerify(HandshakeMessage, msg_type=HandshakeType.certificate_verify):
    """RFC 8446, section 4.4.3."""

    algorithm: SignatureScheme = code_point(SignatureScheme)
    signature: bytes = opaque(0, 2**16 - 1)


class Finished(HandshakeMessage, msg_type=HandshakeType.finished):
    """RFC 8446, section 4.4.4: as long as the hash of the suite; the check of its value is the check of its length."""

    verify_data: bytes = rest()


class EndOfEarlyData(HandshakeMessage, msg_type=HandshakeType.end_of_early_data):
    """RFC 8446, section 4.5."""


class NewSessionTicket(HandshakeMessage, msg_type=HandshakeType.new_session_ticket):
    """RFC 8446, section 4.6.1."""

    ticket_lifetime: int = uint32()
    ticket_age_add: int = uint32()
    ticket_nonce: bytes = opaque(0, 255)
    ticket: bytes = opaque(1, 2**16 - 1)
    extensions: Extensions = extension_block(Context.NST)


class KeyUpdate(HandshakeMessage, msg_type=HandshakeType.key_update):
    """RFC 8446, section 4.6.3."""

    request_update: KeyUpdateRequest = code_point(KeyUpdateRequest)


class HelloRequest(HandshakeMessage, msg_type=HandshakeType.hello_request):
    """RFC 5246, section 7.4.1.1."""


def server_hello_form(raw: bytes) -> type[ServerHello] | type[HelloRetryRequest] | type[ServerHello12]:
    """Which of the three messages that share the type server_hello this one is (RFC 8446, section 4.1.3)."""
    if raw[6:38] == HELLO_RETRY_REQUEST_RANDOM:
        return HelloRetryRequest
    return ServerHello if _has_supported_versions(raw) else ServerHello12


_SUPPORTED_VERSIONS: Final = int(ExtensionType.supported_versions).to_bytes(2, "big")


def _has_supported_versions(raw: bytes) -> bool:
    """Whether the extensions name supported_versions; a message that does not parse is ServerHello12's to refuse."""
    if _SUPPORTED_VERSIONS not in raw:  # as in all of TLS 1.2, but for what its randoms hold by chance
        return False
    at = 38 + 1 + int.from_bytes(raw[38:39], "big") + 3 + 2
    while at + 4 <= len(raw):
        if raw[at : at + 2] == _SUPPORTED_VERSIONS:
            return True
        at += 4 + (raw[at + 2] << 8 | raw[at + 3])
    return False


def message_name(raw: bytes) -> str:
    """The name of the message that starts with these bytes, for a person."""
    return HandshakeType(raw[0]).name


def unexpected(name: str, *expected: type[HandshakeMessage]) -> ProtocolError:
    """The error for a message of that name in the place of another."""
    wanted = " or ".join(kind.__name__ for kind in expected) or "no handshake message"
    return ProtocolError(Fault.UNEXPECTED_MESSAGE, f"{name} where {wanted} was expected")
