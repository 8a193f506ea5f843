"""A ClientHello as three read it: turtls, tlslite-ng and aioquic."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from aioquic import tls as aioquic_tls
from aioquic.buffer import Buffer, BufferReadError  # type: ignore[attr-defined]  # it has them from elsewhere

from turtls.errors import ProtocolError
from turtls.wire.extensions import (
    ExtensionBody,
    KeyShareClientHello,
    ProtocolNameList,
    ServerNameList,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersionsClientHello,
)
from turtls.wire.messages import ClientHello
from turtls.wire.registries import ExtensionType, NameType

with warnings.catch_warnings():  # on Python 3.11 it imports asyncore
    warnings.simplefilter("ignore", DeprecationWarning)
    from tlslite.constants import ExtensionType as TheirType
    from tlslite.errors import TLSInternalError
    from tlslite.extensions import TLSExtension
    from tlslite.messages import ClientHello as TlsliteHello
    from tlslite.utils.codec import DecodeError, Parser

AIOQUIC_READS: Final = frozenset(
    {
        ExtensionType.key_share,
        ExtensionType.supported_versions,
        ExtensionType.signature_algorithms,
        ExtensionType.supported_groups,
        ExtensionType.psk_key_exchange_modes,
        ExtensionType.server_name,
        ExtensionType.application_layer_protocol_negotiation,
        ExtensionType.pre_shared_key,
    }
)
"""What it looks into; the others it keeps as they are."""
TLSLITE_READS: Final = frozenset(TLSExtension._universalExtensions)

Numbers = list[int] | None


class Seen(NamedTuple):
    """What a ClientHello says, in plain values; None for an extension that is not there."""

    random: bytes
    session_id: bytes
    cipher_suites: list[int]
    compression_methods: bytes
    versions: Numbers
    groups: Numbers
    signature_schemes: Numbers
    key_shares: list[tuple[int, bytes]] | None
    server_names: list[tuple[int, bytes]] | None
    alpn: list[bytes] | None


class Refused(Exception):
    """With a reason."""


def ours(raw: bytes) -> Seen:
    try:
        hello = ClientHello.from_bytes(raw)
    except ProtocolError as error:
        raise Refused(str(error)) from error
    extensions = hello.extensions

    def of(form: type[ExtensionBody], field: str) -> Any:
        body = extensions.get(form)
        return None if body is None else getattr(body, field)

    shares = of(KeyShareClientHello, "client_shares")
    names = of(ServerNameList, "server_name_list")
    return Seen(
        hello.random,
        hello.legacy_session_id,
        _numbers(hello.cipher_suites) or [],
        hello.legacy_compression_methods,
        _numbers(of(SupportedVersionsClientHello, "versions")),
        _numbers(of(SupportedGroups, "named_group_list")),
        _numbers(of(SignatureAlgorithms, "supported_signature_algorithms")),
        None if shares is None else [(int(share.group), share.key_exchange) for share in shares],
        None if names is None else [(int(name.name_type), name.host_name) for name in names],
        of(ProtocolNameList, "protocol_name_list"),
    )


def _numbers(points: Any) -> Numbers:
    return None if points is None else [int(point) for point in points]


def tlslite(raw: bytes) -> Seen:
    parser = Parser(bytearray(raw[1:]))
    try:
        hello = TlsliteHello().parse(parser)
        if parser.getRemainingLength():
            raise Refused("bytes behind it")
    except (DecodeError, SyntaxError, ValueError) as error:
        raise Refused(str(error)) from error

    def of(kind: int, field: str) -> Any:
        try:
            extension = hello.getExtension(kind)
        except TLSInternalError as error:
            raise Refused(str(error)) from error
        return None if extension is None else getattr(extension, field)

    shares, names = of(TheirType.key_share, "client_shares"), of(TheirType.server_name, "serverNames")
    schemes, protocols = of(TheirType.signature_algorithms, "sigalgs"), of(TheirType.alpn, "protocol_names")
    versions = of(TheirType.supported_versions, "versions")
    return Seen(
        bytes(hello.random),
        bytes(hello.session_id),
        list(hello.cipher_suites),
        bytes(hello.compression_methods),
        None if versions is None else [major << 8 | minor for major, minor in versions],
        of(TheirType.supported_groups, "groups"),
        None if schemes is None else [first << 8 | second for first, second in schemes],
        None if shares is None else [(share.group, bytes(share.key_exchange)) for share in shares],
        None if names is None else [(name.name_type, bytes(name.name)) for name in names],
        None if protocols is None else [bytes(name) for name in protocols],
    )


def aioquic(raw: bytes) -> Seen:
    buffer = Buffer(data=raw)
    try:
        hello = aioquic_tls.pull_client_hello(buffer)
        if not buffer.eof():
            raise Refused("bytes behind it")
    except (aioquic_tls.Alert, BufferReadError) as error:
        raise Refused(repr(error)) from error
    name = hello.server_name
    return Seen(
        hello.random,
        hello.legacy_session_id,
        hello.cipher_suites,
        bytes(hello.legacy_compression_methods),
        hello.supported_versions,
        hello.supported_groups,
        hello.signature_algorithms,
        hello.key_share,
        None if name is None else [(NameType.host_name, name.encode())],
        None if hello.alpn_protocols is None else [protocol.encode() for protocol in hello.alpn_protocols],
    )


Reader = Callable[[bytes], Seen]


def seen(reader: Reader, raw: bytes) -> Seen | None:
    """None if it is refused."""
    try:
        return reader(raw)
    except Refused:
        return None
