"""Which extension may stand in which message, and in what form: the table of RFC 8446, section 4.2, and its readers."""

from __future__ import annotations

import struct
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from turtls.errors import Fault, ProtocolError
from turtls.wire.codec import Codec, Malformed, decode
from turtls.wire.extensions import (
    AnyExtension,
    CertificateAuthorities,
    CertificateCompressionAlgorithms,
    CertificateStatus,
    CertificateStatusAcknowledged,
    CertificateStatusRequest,
    ClientCertificateStatusRequest,
    Cookie,
    EarlyDataIndication,
    EarlyDataNewSessionTicket,
    EcPointFormats,
    EncryptThenMac,
    ExtendedMasterSecret,
    ExtensionBody,
    Extensions,
    KeyShareClientHello,
    KeyShareHelloRetryRequest,
    KeyShareServerHello,
    MaxFragmentLength,
    OfferedPsks,
    OidFilters,
    PostHandshakeAuth,
    ProtocolNameList,
    PskKeyExchangeModes,
    QuicTransportParameters,
    RawExtension,
    RecordSizeLimit,
    RenegotiationInfo,
    SelectedPsk,
    ServerNameAcknowledged,
    ServerNameList,
    SessionTicket,
    SignatureAlgorithms,
    SignatureAlgorithmsCert,
    SignedCertificateTimestampRequest,
    SignedCertificateTimestamps,
    SrpIdentity,
    SupportedGroups,
    SupportedVersionsClientHello,
    SupportedVersionsServerHello,
    encode_extensions,
)
from turtls.wire.registries import ExtensionType

_header: Final = struct.Struct(">HH")


class Context(Enum):
    """The messages that carry extensions, as the table of RFC 8446, section 4.2, abbreviates them."""

    CH = "ClientHello"
    SH = "ServerHello"
    HRR = "HelloRetryRequest"
    EE = "EncryptedExtensions"
    CT = "Certificate"
    CR = "CertificateRequest"
    NST = "NewSessionTicket"
    SH12 = "ServerHello of TLS 1.2"


_Forms = dict[Context, type[ExtensionBody]]

# RFC 8446, section 4.2, and the RFCs of the extensions themselves.
_FORMS: list[_Forms] = [
    {Context.CH: ServerNameList, Context.EE: ServerNameAcknowledged, Context.SH12: ServerNameAcknowledged},
    {Context.CH: MaxFragmentLength, Context.EE: MaxFragmentLength, Context.SH12: MaxFragmentLength},
    {
        Context.CH: CertificateStatusRequest,
        Context.CR: ClientCertificateStatusRequest,
        Context.CT: CertificateStatus,
        Context.SH12: CertificateStatusAcknowledged,
    },
    {Context.CH: SupportedGroups, Context.EE: SupportedGroups, Context.SH12: SupportedGroups},  # some servers send it
    {Context.CH: EcPointFormats, Context.SH12: EcPointFormats},
    {Context.CH: SignatureAlgorithms, Context.CR: SignatureAlgorithms},
    {Context.CH: ProtocolNameList, Context.EE: ProtocolNameList, Context.SH12: ProtocolNameList},
    {
        Context.CH: SignedCertificateTimestampRequest,
        Context.CR: SignedCertificateTimestampRequest,
        Context.CT: SignedCertificateTimestamps,
        Context.SH12: SignedCertificateTimestamps,
    },
    {Context.CH: EncryptThenMac, Context.SH12: EncryptThenMac},
    {Context.CH: ExtendedMasterSecret, Context.SH12: ExtendedMasterSecret},
    {Context.CH: RecordSizeLimit, Context.EE: RecordSizeLimit, Context.SH12: RecordSizeLimit},
    {Context.CH: SessionTicket, Context.SH12: SessionTicket},
    {Context.CH: OfferedPsks, Context.SH: SelectedPsk},
    {
        Context.CH: EarlyDataIndication,
        Context.EE: EarlyDataIndication,
        Context.NST: EarlyDataNewSessionTicket,
    },
    {
        Context.CH: SupportedVersionsClientHello,
        Context.SH: SupportedVersionsServerHello,
        Context.HRR: SupportedVersionsServerHello,
    },
    {Context.CH: Cookie, Context.HRR: Cookie},
    {Context.CH: PskKeyExchangeModes},
    {Context.CH: CertificateAuthorities, Context.CR: CertificateAuthorities},
    {Context.CH: CertificateCompressionAlgorithms, Context.CR: CertificateCompressionAlgorithms},
    {Context.CR: OidFilters},
    {Context.CH: PostHandshakeAuth},
    {Context.CH: SignatureAlgorithmsCert, Context.CR: SignatureAlgorithmsCert},
    {Context.CH: KeyShareClientHello, Context.SH: KeyShareServerHello, Context.HRR: KeyShareHelloRetryRequest},
    {Context.CH: RenegotiationInfo, Context.SH12: RenegotiationInfo},
    {Context.CH: SrpIdentity},
    {Context.CH: QuicTransportParameters, Context.EE: QuicTransportParameters},
]

EXTENSION_TABLE: dict[ExtensionType, _Forms] = {
    form.extension_type: forms for forms in _FORMS for form in forms.values()
}

_BY_CONTEXT: dict[Context, dict[int, type[ExtensionBody]]] = {
    context: {int(kind): forms[context] for kind, forms in EXTENSION_TABLE.items() if context in forms}
    for context in Context
}


def extension_block(context: Context, *, optional: bool = False) -> Any:
    """The extensions of a message of that kind; `optional` ones may be missing with their length (RFC 5246)."""
    return _ExtensionBlock(context, optional)


class _ExtensionBlock(Codec[Extensions]):
    __slots__ = ("_context", "_forms", "_optional", "_read_or_recall", "_unlike")

    def __init__(self, context: Context, optional: bool) -> None:
        super().__init__()
        self._context = context
        self._optional = optional
        self._forms = _BY_CONTEXT[context]
        self._unlike = frozenset([kind for kind, form in self._forms.items() if not form.recurring])
        self._read_or_recall = lru_cache(maxsize=_MOST_KEPT)(self._read)

    def encode(self, value: Extensions) -> bytes:
        """The extensions behind their length."""
        if not value._bodies:
            return b"" if self._optional else b"\0\0"
        return encode_extensions(value)

    def decode_from(self, data: bytes, position: int) -> tuple[Extensions, int]:
        """The extensions. Raises ProtocolError (DUPLICATE_EXTENSION, MISPLACED_EXTENSION, MALFORMED), too."""
        if self._optional and position == len(data):
            return Extensions(), position
        start = position + 2
        end = start + (data[position] << 8 | data[position + 1])
        if end > len(data):
            raise Malformed("the extensions are longer than their message")
        found: dict[int, AnyExtension] = {}
        while start < end:
            kind, length = _header.unpack_from(data, start)
            body_start = start + 4
            start = body_start + length
            body = data[body_start:start]
            if start > end:
                raise Malformed(f"extension {ExtensionType(kind).name} is longer than its block")
            if kind in found:
                raise ProtocolError(Fault.DUPLICATE_EXTENSION, ExtensionType(kind).name)
            recurs = kind not in self._unlike and length <= _LONGEST_KEPT
            found[kind] = self._read_or_recall(kind, body) if recurs else self._read(kind, body)
        return Extensions.of(found), end

    def _read(self, kind: int, body: bytes) -> AnyExtension:
        form = self._forms.get(kind)
        return decode(form, body) if form is not None else _without_form(kind, body, self._context)


_LONGEST_KEPT: Final = 64
"""Bytes."""
_MOST_KEPT: Final = 512
"""Bodies that say what a peer can do are the same again and again: they are decoded once, and nobody changes them.

So many are kept for each kind of message.
"""


def _without_form(kind: int, data: bytes, context: Context) -> RawExtension:
    if kind in EXTENSION_TABLE:
        # RFC 8446, section 4.2: recognised, but not specified for this message.
        raise ProtocolError(Fault.MISPLACED_EXTENSION, f"{ExtensionType(kind).name} in {context.value}")
    return RawExtension(kind, data)
