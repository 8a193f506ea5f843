"""The handshake messages that TLS 1.2 and earlier have for themselves (RFC 5246, section 7.4)."""

from __future__ import annotations

from turtls.wire.codec import code_point, opaque, rest, uint32, vector
from turtls.wire.messages import HandshakeMessage
from turtls.wire.registries import (
    CertificateStatusType,
    ClientCertificateType,
    EcCurveType,
    HandshakeType,
    NamedGroup,
    SignatureScheme,
)
from turtls.wire.structs import Struct


class Certificate12(HandshakeMessage, msg_type=HandshakeType.certificate, recurring=True):
    """RFC 5246, section 7.4.2: the chain as DER, leaf first."""

    certificate_list: list[bytes] = vector(opaque(1, 2**24 - 1), 0, 2**24 - 1)


class CertificateStatus12(HandshakeMessage, msg_type=HandshakeType.certificate_status):
    """RFC 6066, section 8: the stapled OCSP response."""

    status_type: CertificateStatusType = code_point(CertificateStatusType, default=CertificateStatusType.ocsp)
    response: bytes = opaque(1, 2**24 - 1)


class ServerKeyExchange(HandshakeMessage, msg_type=HandshakeType.server_key_exchange):
    """RFC 5246, section 7.4.3: what is in it depends on the key exchange."""

    content: bytes = rest()


class CertificateRequest12(HandshakeMessage, msg_type=HandshakeType.certificate_request):
    """RFC 5246, section 7.4.4."""

    certificate_types: list[ClientCertificateType] = vector(ClientCertificateType, 1, 2**8 - 1)
    supported_signature_algorithms: list[SignatureScheme] = vector(SignatureScheme, 2, 2**16 - 2)
    certificate_authorities: list[bytes] = vector(opaque(1, 2**16 - 1), 0, 2**16 - 1)


class CertificateRequest11(HandshakeMessage, msg_type=HandshakeType.certificate_request):
    """RFC 4346, section 7.4.4: before TLS 1.2 there was no choice of signatures."""

    certificate_types: list[ClientCertificateType] = vector(ClientCertificateType, 1, 2**8 - 1)
    certificate_authorities: list[bytes] = vector(opaque(1, 2**16 - 1), 0, 2**16 - 1)


class ServerHelloDone(HandshakeMessage, msg_type=HandshakeType.server_hello_done):
    """RFC 5246, section 7.4.5."""


class ClientKeyExchange(HandshakeMessage, msg_type=HandshakeType.client_key_exchange):
    """RFC 5246, section 7.4.7: what is in it depends on the key exchange."""

    content: bytes = rest()


class CertificateVerify12(HandshakeMessage, msg_type=HandshakeType.certificate_verify):
    """RFC 5246, section 7.4.8: a `Signature`, in the form of the version."""

    content: bytes = rest()


class NewSessionTicket12(HandshakeMessage, msg_type=HandshakeType.new_session_ticket):
    """RFC 5077, section 3.3."""

    ticket_lifetime_hint: int = uint32()
    ticket: bytes = opaque(0, 2**16 - 1)


# ------------------------------------------------------------------------------------------- inside


class Signature12(Struct):
    """RFC 5246, section 4.7: a DigitallySigned."""

    algorithm: SignatureScheme = code_point(SignatureScheme)
    signature: bytes = opaque(0, 2**16 - 1)


class Signature11(Struct):
    """RFC 4346, section 4.7: the version decides the algorithm."""

    signature: bytes = opaque(0, 2**16 - 1)


class ServerEcdhParams(Struct):
    """RFC 8422, section 5.4, for a named curve; no other is ever used."""

    curve_type: EcCurveType = code_point(EcCurveType, default=EcCurveType.named_curve)
    named_curve: NamedGroup = code_point(NamedGroup)
    point: bytes = opaque(1, 2**8 - 1)


class ClientEcdhPublic(Struct):
    """RFC 8422, section 5.7."""

    point: bytes = opaque(1, 2**8 - 1)


class ServerDhParams(Struct):
    """RFC 5246, section 7.4.3."""

    dh_p: bytes = opaque(1, 2**16 - 1)
    dh_g: bytes = opaque(1, 2**16 - 1)
    dh_Ys: bytes = opaque(1, 2**16 - 1)


class ClientDhPublic(Struct):
    """RFC 5246, section 7.4.7.2."""

    dh_Yc: bytes = opaque(1, 2**16 - 1)


class EncryptedPremasterSecret(Struct):
    """RFC 5246, section 7.4.7.1."""

    encrypted: bytes = opaque(1, 2**16 - 1)


class PskIdentityHint(Struct):
    """RFC 4279, section 2."""

    psk_identity_hint: bytes = opaque(0, 2**16 - 1, default=b"")


class PskIdentity12(Struct):
    """RFC 4279, section 2."""

    psk_identity: bytes = opaque(0, 2**16 - 1)


class PskPremasterSecret(Struct):
    """RFC 4279, section 2: what another key exchange agreed on (zeros where there is none), and the PSK."""

    other_secret: bytes = opaque(0, 2**16 - 1)
    psk: bytes = opaque(0, 2**16 - 1)


class ServerSrpParams(Struct):
    """RFC 5054, section 2.8.2."""

    srp_N: bytes = opaque(1, 2**16 - 1)
    srp_g: bytes = opaque(1, 2**16 - 1)
    srp_s: bytes = opaque(1, 2**8 - 1)
    srp_B: bytes = opaque(1, 2**16 - 1)


class ClientSrpPublic(Struct):
    """RFC 5054, section 2.8.3."""

    srp_A: bytes = opaque(1, 2**16 - 1)
