"""Values of every struct that is declared in `turtls.wire`, for hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hypothesis import strategies as st

from turtls.handshake.psks import ImportedIdentity
from turtls.handshake.resumption import TicketState
from turtls.wire import extensions as ext
from turtls.wire import messages as msg
from turtls.wire import messages12 as old
from turtls.wire.codec import Structure
from turtls.wire.codepoints import CodePoint
from turtls.wire.extension_table import EXTENSION_TABLE, Context
from turtls.wire.registries import (
    CertificateCompressionAlgorithm,
    CertificateStatusType,
    CipherSuite,
    ClientCertificateType,
    EcCurveType,
    ExtensionType,
    KeyUpdateRequest,
    NamedGroup,
    NameType,
    PointFormat,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)
from turtls.wire.v2_hello import V2ClientHello

P = TypeVar("P", bound=CodePoint)
T = TypeVar("T")


def code(registry: type[P]) -> st.SearchStrategy[P]:
    """Code points with names and without."""
    return st.one_of(st.sampled_from(list(registry.members())), st.integers(0, 256**registry.size - 1).map(registry))


def codes(registry: type[P], least: int = 1, most: int = 8) -> st.SearchStrategy[list[P]]:
    return st.lists(code(registry), min_size=least, max_size=most)


def opaque(least: int = 0, most: int = 40) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=least, max_size=most)


def many(values: st.SearchStrategy[T], least: int = 1, most: int = 4) -> st.SearchStrategy[list[T]]:
    return st.lists(values, min_size=least, max_size=most)


def build(kind: Callable[..., T], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    return st.builds(kind, **fields)


uint8, uint16, uint24, uint32 = (st.integers(0, 256**size - 1) for size in (1, 2, 3, 4))

share = build(ext.KeyShareEntry, group=code(NamedGroup), key_exchange=opaque(1))
server_name = build(ext.ServerName, name_type=code(NameType), host_name=opaque(1))
identity = build(ext.PskIdentity, identity=opaque(1), obfuscated_ticket_age=uint32)
oid_filter = build(ext.OidFilter, certificate_extension_oid=opaque(1), certificate_extension_values=opaque())

BODIES: dict[type[Structure], st.SearchStrategy[Any]] = {
    kind: build(kind, **fields)
    for kind, fields in (
        (ext.ServerNameList, {"server_name_list": many(server_name)}),
        (ext.ServerNameAcknowledged, {}),
        (ext.ProtocolNameList, {"protocol_name_list": many(opaque(1))}),
        (ext.SupportedVersionsClientHello, {"versions": codes(ProtocolVersion)}),
        (ext.SupportedVersionsServerHello, {"selected_version": code(ProtocolVersion)}),
        (ext.SupportedGroups, {"named_group_list": codes(NamedGroup)}),
        (ext.EcPointFormats, {"ec_point_format_list": codes(PointFormat)}),
        (ext.KeyShareClientHello, {"client_shares": many(share, 0)}),
        (ext.KeyShareHelloRetryRequest, {"selected_group": code(NamedGroup)}),
        (ext.KeyShareServerHello, {"group": code(NamedGroup), "key_exchange": opaque(1)}),
        (ext.Cookie, {"cookie": opaque(1)}),
        (ext.SignatureAlgorithms, {"supported_signature_algorithms": codes(SignatureScheme)}),
        (ext.SignatureAlgorithmsCert, {"supported_signature_algorithms": codes(SignatureScheme)}),
        (ext.CertificateAuthorities, {"authorities": many(opaque(1))}),
        (ext.CertificateCompressionAlgorithms, {"algorithms": codes(CertificateCompressionAlgorithm)}),
        (ext.OidFilters, {"filters": many(oid_filter, 0)}),
        (ext.PostHandshakeAuth, {}),
        (ext.CertificateStatusRequest, {"status_type": code(CertificateStatusType), "request": opaque()}),
        (ext.ClientCertificateStatusRequest, {}),
        (ext.CertificateStatusAcknowledged, {}),
        (ext.CertificateStatus, {"status_type": code(CertificateStatusType), "response": opaque(1)}),
        (ext.SignedCertificateTimestampRequest, {}),
        (ext.SignedCertificateTimestamps, {"sct_list": many(opaque(1))}),
        (ext.PskKeyExchangeModes, {"ke_modes": codes(PskKeyExchangeMode)}),
        (ext.OfferedPsks, {"identities": many(identity), "binders": many(opaque(32, 48))}),
        (ext.SelectedPsk, {"selected_identity": uint16}),
        (ext.EarlyDataIndication, {}),
        (ext.EarlyDataNewSessionTicket, {"max_early_data_size": uint32}),
        (ext.SessionTicket, {"ticket": opaque()}),
        (ext.RecordSizeLimit, {"record_size_limit": uint16}),
        (ext.MaxFragmentLength, {"max_fragment_length": opaque(1, 1)}),
        (ext.ExtendedMasterSecret, {}),
        (ext.EncryptThenMac, {}),
        (ext.RenegotiationInfo, {"renegotiated_connection": opaque()}),
        (ext.SrpIdentity, {"srp_I": opaque(1)}),
        (ext.QuicTransportParameters, {"parameters": opaque()}),
    )
}

unknown_types = uint16.filter(lambda number: ExtensionType(number) not in EXTENSION_TABLE)
raw_extensions = st.builds(ext.RawExtension, unknown_types, opaque())


def extensions(context: Context, *required: type[ext.ExtensionBody]) -> st.SearchStrategy[ext.Extensions]:
    """Some of the extensions that may stand in that message, and some that nobody knows."""
    forms = [forms[context] for forms in EXTENSION_TABLE.values() if context in forms]
    some = st.lists(st.sampled_from(forms), unique=True, max_size=6) if forms else st.just([])
    return st.tuples(
        some.flatmap(lambda kinds: st.tuples(*(BODIES[kind] for kind in {*required, *kinds}))),
        st.lists(raw_extensions, max_size=2),
    ).map(lambda parts: ext.Extensions([*parts[0], *parts[1]]))


random = opaque(32, 32)
session_id = opaque(0, 32)
entry = build(msg.CertificateEntry, cert_data=opaque(1), extensions=extensions(Context.CT))
server_hello = {
    "legacy_version": code(ProtocolVersion),
    "random": random.filter(lambda value: value != msg.HELLO_RETRY_REQUEST_RANDOM),
    "legacy_session_id_echo": session_id,
    "cipher_suite": code(CipherSuite),
    "legacy_compression_method": opaque(1, 1),
}

STRUCTS: dict[type[Structure], st.SearchStrategy[Any]] = {
    **BODIES,
    ext.ServerName: server_name,
    ext.KeyShareEntry: share,
    ext.PskIdentity: identity,
    ext.OidFilter: oid_filter,
    msg.CertificateEntry: entry,
    **{
        kind: build(kind, **fields)
        for kind, fields in (
            (
                msg.ClientHello,
                {
                    "legacy_version": code(ProtocolVersion),
                    "random": random,
                    "legacy_session_id": session_id,
                    "cipher_suites": codes(CipherSuite),
                    "legacy_compression_methods": opaque(1),
                    "extensions": extensions(Context.CH),
                },
            ),
            (
                msg.ServerHello,
                {**server_hello, "extensions": extensions(Context.SH, ext.SupportedVersionsServerHello)},
            ),
            (
                msg.HelloRetryRequest,
                {
                    **server_hello,
                    "random": st.just(msg.HELLO_RETRY_REQUEST_RANDOM),
                    "extensions": extensions(Context.HRR),
                },
            ),
            (
                msg.ServerHello12,
                {
                    "server_version": code(ProtocolVersion),
                    "random": server_hello["random"],
                    "session_id": session_id,
                    "cipher_suite": code(CipherSuite),
                    "compression_method": opaque(1, 1),
                    "extensions": extensions(Context.SH12),
                },
            ),
            (msg.EncryptedExtensions, {"extensions": extensions(Context.EE)}),
            (
                msg.CertificateRequest,
                {"certificate_request_context": opaque(), "extensions": extensions(Context.CR)},
            ),
            (msg.Certificate, {"certificate_request_context": opaque(), "certificate_list": many(entry, 0)}),
            (
                msg.CompressedCertificate,
                {
                    "algorithm": code(CertificateCompressionAlgorithm),
                    "uncompressed_length": uint24,
                    "compressed_certificate_message": opaque(1),
                },
            ),
            (msg.CertificateVerify, {"algorithm": code(SignatureScheme), "signature": opaque()}),
            (msg.Finished, {"verify_data": opaque()}),
            (msg.EndOfEarlyData, {}),
            (
                msg.NewSessionTicket,
                {
                    "ticket_lifetime": uint32,
                    "ticket_age_add": uint32,
                    "ticket_nonce": opaque(),
                    "ticket": opaque(1),
                    "extensions": extensions(Context.NST),
                },
            ),
            (msg.KeyUpdate, {"request_update": code(KeyUpdateRequest)}),
            (msg.HelloRequest, {}),
            (old.Certificate12, {"certificate_list": many(opaque(1), 0)}),
            (old.CertificateStatus12, {"status_type": code(CertificateStatusType), "response": opaque(1)}),
            (old.ServerKeyExchange, {"content": opaque()}),
            (
                old.CertificateRequest12,
                {
                    "certificate_types": codes(ClientCertificateType),
                    "supported_signature_algorithms": codes(SignatureScheme),
                    "certificate_authorities": many(opaque(1), 0),
                },
            ),
            (
                old.CertificateRequest11,
                {
                    "certificate_types": codes(ClientCertificateType),
                    "certificate_authorities": many(opaque(1), 0),
                },
            ),
            (old.ServerHelloDone, {}),
            (old.ClientKeyExchange, {"content": opaque()}),
            (old.CertificateVerify12, {"content": opaque()}),
            (old.NewSessionTicket12, {"ticket_lifetime_hint": uint32, "ticket": opaque()}),
            (old.Signature12, {"algorithm": code(SignatureScheme), "signature": opaque()}),
            (old.Signature11, {"signature": opaque()}),
            (
                old.ServerEcdhParams,
                {"curve_type": code(EcCurveType), "named_curve": code(NamedGroup), "point": opaque(1)},
            ),
            (old.ClientEcdhPublic, {"point": opaque(1)}),
            (old.ServerDhParams, {"dh_p": opaque(1), "dh_g": opaque(1), "dh_Ys": opaque(1)}),
            (old.ClientDhPublic, {"dh_Yc": opaque(1)}),
            (old.EncryptedPremasterSecret, {"encrypted": opaque(1)}),
            (old.PskIdentityHint, {"psk_identity_hint": opaque()}),
            (old.PskIdentity12, {"psk_identity": opaque()}),
            (old.PskPremasterSecret, {"other_secret": opaque(), "psk": opaque()}),
            (
                old.ServerSrpParams,
                {"srp_N": opaque(1), "srp_g": opaque(1), "srp_s": opaque(1), "srp_B": opaque(1)},
            ),
            (old.ClientSrpPublic, {"srp_A": opaque(1)}),
            (
                V2ClientHello,
                {
                    "msg_type": uint8,
                    "version": code(ProtocolVersion),
                    "cipher_spec_length": uint16,
                    "session_id_length": uint16,
                    "challenge_length": uint16,
                    "content": opaque(),
                },
            ),
            (
                TicketState,
                {
                    "version": code(ProtocolVersion),
                    "cipher_suite": code(CipherSuite),
                    "secret": opaque(1),
                    "server_name": opaque(),
                    "alpn": opaque(),
                    "client_chain": many(opaque(1), 0),
                    "psk_identity": opaque(),
                    "srp_username": opaque(),
                    "secret_digest": opaque(0, 32),
                    "authenticated_at": uint32,
                },
            ),
            (
                ImportedIdentity,
                {
                    "external_identity": opaque(1),
                    "context": opaque(),
                    "target_protocol": uint16,
                    "target_kdf": uint16,
                },
            ),
        )
    },
}

ABSTRACT = ("Structure", "Struct", "HandshakeMessage", "ExtensionBody")


def declared() -> Iterator[type[Structure]]:
    """Every struct there is."""
    kinds = [Structure]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("turtls.") and kind.__name__ not in ABSTRACT:
            yield kind
