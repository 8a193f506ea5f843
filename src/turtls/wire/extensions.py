"""The extensions, each declared as its RFC declares it, and the block of them that a message has.

One extension type can have another form in each message (a client's key_share lists many, a server's has one), so
each form is a class of its own. `Extensions.get(KeyShareServerHello)` gives the body by its class, typed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, KeysView
from typing import Any, ClassVar, Final, TypeVar

from turtls.errors import Fault, ProtocolError
from turtls.wire.codec import code_point, fixed, opaque, rest, uint16, uint32, vector
from turtls.wire.registries import (
    CertificateCompressionAlgorithm,
    CertificateStatusType,
    ExtensionType,
    NamedGroup,
    NameType,
    PointFormat,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)
from turtls.wire.structs import Struct, beside

E = TypeVar("E", bound="ExtensionBody")


class ExtensionBody(Struct):
    """The extension_data of one kind of extension in one kind of message."""

    extension_type: ClassVar[ExtensionType]
    recurring: ClassVar[bool] = False
    """Whether it is the same on many connections."""
    prepared: bytes = beside(default=b"")
    """The whole extension as it is sent, if `prepare` has made it."""

    def __init_subclass__(cls, extension_type: ExtensionType, recurring: bool = False) -> None:
        cls.extension_type = extension_type
        cls.recurring = recurring


class RawExtension:
    """An extension that turtls does not know, or does not look into: GREASE, padding, what the future brings."""

    __slots__ = ("data", "extension_type", "prepared")

    def __init__(self, extension_type: int, data: bytes = b"") -> None:
        self.extension_type = ExtensionType(extension_type)
        self.data = data
        self.prepared = b""
        """The whole extension as it is sent, if `prepare` has made it."""

    def encode(self) -> bytes:
        """The extension_data."""
        return self.data

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RawExtension):
            return NotImplemented
        return self.extension_type == other.extension_type and self.data == other.data

    __hash__ = None  # type: ignore[assignment]  # compared by content, like the structs

    def __repr__(self) -> str:
        return f"RawExtension({self.extension_type!r}, {self.data!r})"


# ------------------------------------------------------------------------------------------- who is called


class ServerName(Struct):
    """RFC 6066, section 3."""

    name_type: NameType = code_point(NameType, default=NameType.host_name)
    host_name: bytes = opaque(1, 2**16 - 1)


class ServerNameList(ExtensionBody, extension_type=ExtensionType.server_name, recurring=True):
    """The name the client wants to reach (RFC 6066, section 3)."""

    server_name_list: list[ServerName] = vector(ServerName, 1, 2**16 - 1)


class ServerNameAcknowledged(ExtensionBody, extension_type=ExtensionType.server_name, recurring=True):
    """The server used the name; the body is empty."""


class ProtocolNameList(
    ExtensionBody, extension_type=ExtensionType.application_layer_protocol_negotiation, recurring=True
):
    """ALPN (RFC 7301, section 3.1); a server's list holds exactly the one it chose."""

    protocol_name_list: list[bytes] = vector(opaque(1, 2**8 - 1), 2, 2**16 - 1)


# ------------------------------------------------------------------------------------------- versions


class SupportedVersionsClientHello(ExtensionBody, extension_type=ExtensionType.supported_versions, recurring=True):
    """RFC 8446, section 4.2.1."""

    versions: list[ProtocolVersion] = vector(ProtocolVersion, 2, 254)


class SupportedVersionsServerHello(ExtensionBody, extension_type=ExtensionType.supported_versions, recurring=True):
    """RFC 8446, section 4.2.1."""

    selected_version: ProtocolVersion = code_point(ProtocolVersion)


# ------------------------------------------------------------------------------------------- key exchange


class SupportedGroups(ExtensionBody, extension_type=ExtensionType.supported_groups, recurring=True):
    """RFC 8446, section 4.2.7."""

    named_group_list: list[NamedGroup] = vector(NamedGroup, 2, 2**16 - 1)


class EcPointFormats(ExtensionBody, extension_type=ExtensionType.ec_point_formats, recurring=True):
    """RFC 8422, section 5.1.2."""

    ec_point_format_list: list[PointFormat] = vector(PointFormat, 1, 2**8 - 1)


class KeyShareEntry(Struct):
    """RFC 8446, section 4.2.8."""

    group: NamedGroup = code_point(NamedGroup)
    key_exchange: bytes = opaque(1, 2**16 - 1)


class KeyShareClientHello(ExtensionBody, extension_type=ExtensionType.key_share):
    """RFC 8446, section 4.2.8."""

    client_shares: list[KeyShareEntry] = vector(KeyShareEntry, 0, 2**16 - 1)


class KeyShareHelloRetryRequest(ExtensionBody, extension_type=ExtensionType.key_share):
    """RFC 8446, section 4.2.8."""

    selected_group: NamedGroup = code_point(NamedGroup)


class KeyShareServerHello(ExtensionBody, extension_type=ExtensionType.key_share):
    """RFC 8446, section 4.2.8. The entry itself, without a length around it."""

    group: NamedGroup = code_point(NamedGroup)
    key_exchange: bytes = opaque(1, 2**16 - 1)


class Cookie(ExtensionBody, extension_type=ExtensionType.cookie):
    """RFC 8446, section 4.2.2."""

    cookie: bytes = opaque(1, 2**16 - 1)


# ------------------------------------------------------------------------------------------- signatures, certificates


class SignatureAlgorithms(ExtensionBody, extension_type=ExtensionType.signature_algorithms, recurring=True):
    """RFC 8446, section 4.2.3."""

    supported_signature_algorithms: list[SignatureScheme] = vector(SignatureScheme, 2, 2**16 - 2)


class SignatureAlgorithmsCert(ExtensionBody, extension_type=ExtensionType.signature_algorithms_cert, recurring=True):
    """RFC 8446, section 4.2.3."""

    supported_signature_algorithms: list[SignatureScheme] = vector(SignatureScheme, 2, 2**16 - 2)


class CertificateAuthorities(ExtensionBody, extension_type=ExtensionType.certificate_authorities):
    """RFC 8446, section 4.2.4: DER-encoded distinguished names."""

    authorities: list[bytes] = vector(opaque(1, 2**16 - 1), 3, 2**16 - 1)


class CertificateCompressionAlgorithms(
    ExtensionBody, extension_type=ExtensionType.compress_certificate, recurring=True
):
    """RFC 8879, section 3."""

    algorithms: list[CertificateCompressionAlgorithm] = vector(CertificateCompressionAlgorithm, 2, 2**8 - 2)


class OidFilter(Struct):
    """RFC 8446, section 4.2.5."""

    certificate_extension_oid: bytes = opaque(1, 2**8 - 1)
    certificate_extension_values: bytes = opaque(0, 2**16 - 1)


class OidFilters(ExtensionBody, extension_type=ExtensionType.oid_filters):
    """RFC 8446, section 4.2.5."""

    filters: list[OidFilter] = vector(OidFilter, 0, 2**16 - 1)


class PostHandshakeAuth(ExtensionBody, extension_type=ExtensionType.post_handshake_auth):
    """RFC 8446, section 4.2.6."""


class CertificateStatusRequest(ExtensionBody, extension_type=ExtensionType.status_request, recurring=True):
    """RFC 6066, section 8: the client wants a stapled OCSP response."""

    status_type: CertificateStatusType = code_point(CertificateStatusType, default=CertificateStatusType.ocsp)
    request: bytes = rest(default=bytes(4))


class ClientCertificateStatusRequest(ExtensionBody, extension_type=ExtensionType.status_request):
    """The server wants a stapled OCSP response with the client's certificate: empty (RFC 8446, section 4.4.2.1)."""


class CertificateStatusAcknowledged(ExtensionBody, extension_type=ExtensionType.status_request):
    """TLS 1.2: a CertificateStatus message will follow (RFC 6066, section 8)."""


class CertificateStatus(ExtensionBody, extension_type=ExtensionType.status_request):
    """The stapled response itself (RFC 8446, section 4.4.2.1)."""

    status_type: CertificateStatusType = code_point(CertificateStatusType, default=CertificateStatusType.ocsp)
    response: bytes = opaque(1, 2**24 - 1)


class SignedCertificateTimestampRequest(
    ExtensionBody, extension_type=ExtensionType.signed_certificate_timestamp, recurring=True
):
    """RFC 6962, section 3.3.1: the client wants timestamps; the body is empty."""


class SignedCertificateTimestamps(ExtensionBody, extension_type=ExtensionType.signed_certificate_timestamp):
    """RFC 6962, section 3.3: at least one timestamp, none of them empty."""

    sct_list: list[bytes] = vector(opaque(1, 2**16 - 1), 1, 2**16 - 1)


# ------------------------------------------------------------------------------------------- resumption


class PskKeyExchangeModes(ExtensionBody, extension_type=ExtensionType.psk_key_exchange_modes, recurring=True):
    """RFC 8446, section 4.2.9."""

    ke_modes: list[PskKeyExchangeMode] = vector(PskKeyExchangeMode, 1, 255)


class PskIdentity(Struct):
    """RFC 8446, section 4.2.11."""

    identity: bytes = opaque(1, 2**16 - 1)
    obfuscated_ticket_age: int = uint32()


class OfferedPsks(ExtensionBody, extension_type=ExtensionType.pre_shared_key):
    """RFC 8446, section 4.2.11."""

    identities: list[PskIdentity] = vector(PskIdentity, 7, 2**16 - 1)
    binders: list[bytes] = vector(opaque(1, 255), 2, 2**16 - 1)
    """At least 32 bytes each; one that is shorter is wrong as any other that is."""

    @property
    def binders_length(self) -> int:
        """The bytes that the binders take at the end of the ClientHello, the list's own length included."""
        return 2 + sum([1 + len(binder) for binder in self.binders])

    def encode_binders(self) -> bytes:
        """The binders as they stand at the end of the ClientHello, the list's own length included."""
        encoded: bytes = self.__fields__["binders"].encode(self.binders)
        return encoded


class SelectedPsk(ExtensionBody, extension_type=ExtensionType.pre_shared_key):
    """RFC 8446, section 4.2.11."""

    selected_identity: int = uint16()


class EarlyDataIndication(ExtensionBody, extension_type=ExtensionType.early_data):
    """RFC 8446, section 4.2.10."""


class EarlyDataNewSessionTicket(ExtensionBody, extension_type=ExtensionType.early_data):
    """RFC 8446, section 4.2.10."""

    max_early_data_size: int = uint32()


class SessionTicket(ExtensionBody, extension_type=ExtensionType.session_ticket):
    """RFC 5077, section 3.2: empty, or the ticket to resume."""

    ticket: bytes = rest(default=b"")


# ------------------------------------------------------------------------------------------- records, repairs


class RecordSizeLimit(ExtensionBody, extension_type=ExtensionType.record_size_limit):
    """RFC 8449, section 4."""

    record_size_limit: int = uint16()


class MaxFragmentLength(ExtensionBody, extension_type=ExtensionType.max_fragment_length):
    """RFC 6066, section 4: 1 to 4 stand for 2^9 to 2^12 bytes."""

    max_fragment_length: bytes = fixed(1)


class ExtendedMasterSecret(ExtensionBody, extension_type=ExtensionType.extended_master_secret, recurring=True):
    """RFC 7627, section 5.1."""


class EncryptThenMac(ExtensionBody, extension_type=ExtensionType.encrypt_then_mac, recurring=True):
    """RFC 7366, section 2."""


class RenegotiationInfo(ExtensionBody, extension_type=ExtensionType.renegotiation_info, recurring=True):
    """RFC 5746, section 3.2."""

    renegotiated_connection: bytes = opaque(0, 255, default=b"")


class SrpIdentity(ExtensionBody, extension_type=ExtensionType.srp):
    """RFC 5054, section 2.8.1."""

    srp_I: bytes = opaque(1, 2**8 - 1)


class QuicTransportParameters(ExtensionBody, extension_type=ExtensionType.quic_transport_parameters):
    """RFC 9001, section 8.2; opaque to TLS."""

    parameters: bytes = rest()


# ------------------------------------------------------------------------------------------- the block

_header: Final = struct.Struct(">HH")
_length: Final = struct.Struct(">H")

AnyExtension = ExtensionBody | RawExtension
A = TypeVar("A", bound=AnyExtension)


class Extensions:
    """The extensions of one message, in their order, no two of the same type."""

    __slots__ = ("_bodies",)

    def __init__(self, bodies: Iterable[AnyExtension] = ()) -> None:
        self._bodies: dict[int, Any] = {body.extension_type: body for body in bodies}

    @classmethod
    def of(cls, bodies: dict[int, AnyExtension]) -> Extensions:
        """Those of that dict, by their types."""
        extensions = Extensions()
        extensions._bodies = bodies
        return extensions

    def get(self, form: type[E]) -> E | None:
        """The extension of that form; None if the message has none."""
        body: E | None = self._bodies.get(form.extension_type)
        return body

    def require(self, form: type[E]) -> E:
        """The extension of that form. Raises ProtocolError (MISSING_EXTENSION)."""
        body: E | None = self._bodies.get(form.extension_type)
        if body is None:
            raise ProtocolError(Fault.MISSING_EXTENSION, form.extension_type.name)
        return body

    def add(self, body: AnyExtension) -> None:
        """Put one more at the end, or in the place of the one of its type."""
        self._bodies[body.extension_type] = body

    def remove(self, form: type[E]) -> E | None:
        """Take the extension of that form out; None if the message has none."""
        body: E | None = self._bodies.pop(form.extension_type, None)
        return body

    @property
    def types(self) -> KeysView[int]:
        """The types in their order, known and unknown."""
        return self._bodies.keys()

    def __contains__(self, form: type[ExtensionBody]) -> bool:
        return form.extension_type in self._bodies

    def __iter__(self) -> Iterator[AnyExtension]:
        return iter(self._bodies.values())

    def __len__(self) -> int:
        return len(self._bodies)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Extensions):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # mutable, so not hashable

    def __repr__(self) -> str:
        return f"Extensions({list(self)!r})"


def encode_extensions(extensions: Extensions) -> bytes:
    """`Extension extensions<0..2^16-1>`."""
    bodies: Iterable[AnyExtension] = extensions._bodies.values()
    block = b"".join([body.prepared or _encode_extension(body) for body in bodies])
    return _length.pack(len(block)) + block


def _encode_extension(body: AnyExtension) -> bytes:
    """`Extension`: its type, and its body behind its length."""
    data = body.encode()
    return _header.pack(body.extension_type, len(data)) + data


def prepare(body: A) -> A:
    """Encode an extension that is sent again and again. Nobody changes it any more."""
    body.prepared = _encode_extension(body)
    return body
