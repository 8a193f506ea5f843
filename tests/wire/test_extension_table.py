"""Which extension may stand in which message (RFC 8446, section 4.2), and the block they stand in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.structs import BODIES, extensions, raw_extensions
from turtls.errors import AlertDescription, Fault, ProtocolError
from turtls.wire.codec import decode
from turtls.wire.extension_table import EXTENSION_TABLE, Context
from turtls.wire.extensions import (
    Cookie,
    Extensions,
    KeyShareServerHello,
    PostHandshakeAuth,
    RawExtension,
    RecordSizeLimit,
    SelectedPsk,
    SupportedGroups,
    encode_extensions,
)
from turtls.wire.messages import (
    Certificate,
    CertificateEntry,
    CertificateRequest,
    ClientHello,
    EncryptedExtensions,
    HelloRetryRequest,
    NewSessionTicket,
    ServerHello,
    ServerHello12,
)
from turtls.wire.registries import CipherSuite, ExtensionType, NamedGroup, ProtocolVersion

T, C = ExtensionType, Context

# The table of RFC 8446, section 4.2, as it is printed, with the RFCs that came later. "SH12" is RFC 5246's ServerHello.
ALLOWED: dict[ExtensionType, set[Context]] = {
    T.server_name: {C.CH, C.EE, C.SH12},
    T.max_fragment_length: {C.CH, C.EE, C.SH12},
    T.status_request: {C.CH, C.CR, C.CT, C.SH12},
    T.supported_groups: {C.CH, C.EE, C.SH12},  # in SH12 by what servers do
    T.ec_point_formats: {C.CH, C.SH12},
    T.srp: {C.CH},
    T.signature_algorithms: {C.CH, C.CR},
    T.application_layer_protocol_negotiation: {C.CH, C.EE, C.SH12},
    T.signed_certificate_timestamp: {C.CH, C.CR, C.CT, C.SH12},
    T.encrypt_then_mac: {C.CH, C.SH12},
    T.extended_master_secret: {C.CH, C.SH12},
    T.record_size_limit: {C.CH, C.EE, C.SH12},
    T.session_ticket: {C.CH, C.SH12},
    T.pre_shared_key: {C.CH, C.SH},
    T.early_data: {C.CH, C.EE, C.NST},
    T.supported_versions: {C.CH, C.SH, C.HRR},
    T.cookie: {C.CH, C.HRR},
    T.psk_key_exchange_modes: {C.CH},
    T.certificate_authorities: {C.CH, C.CR},
    T.compress_certificate: {C.CH, C.CR},
    T.oid_filters: {C.CR},
    T.post_handshake_auth: {C.CH},
    T.signature_algorithms_cert: {C.CH, C.CR},
    T.key_share: {C.CH, C.SH, C.HRR},
    T.quic_transport_parameters: {C.CH, C.EE},
    T.renegotiation_info: {C.CH, C.SH12},
}


HELLO: dict[str, Any] = {"random": bytes(32), "cipher_suite": CipherSuite.TLS_AES_128_GCM_SHA256}
EMPTY: dict[Context, Any] = {
    C.CH: ClientHello(
        random=bytes(32), legacy_session_id=b"", cipher_suites=[HELLO["cipher_suite"]], extensions=Extensions()
    ),
    C.SH: ServerHello(**HELLO, legacy_session_id_echo=b"", extensions=Extensions()),
    C.HRR: HelloRetryRequest(**HELLO, legacy_session_id_echo=b"", extensions=Extensions()),
    C.EE: EncryptedExtensions(extensions=Extensions()),
    C.CT: CertificateEntry(cert_data=b"der", extensions=Extensions()),
    C.CR: CertificateRequest(extensions=Extensions()),
    C.NST: NewSessionTicket(
        ticket_lifetime=1, ticket_age_add=2, ticket_nonce=b"", ticket=b"ticket", extensions=Extensions()
    ),
    C.SH12: ServerHello12(**HELLO, server_version=ProtocolVersion.TLS_1_2, session_id=b"", extensions=Extensions()),
}
"""What has extensions, without any."""
MAY_BE_MISSING = {C.CH, C.SH12}


def decode_block(context: Context, block: bytes) -> Extensions:
    encoded: bytes = EMPTY[context].encode()
    before = encoded if context in MAY_BE_MISSING else encoded.removesuffix(b"\0\0")
    decoded: Extensions = decode(type(EMPTY[context]), before + block).extensions
    return decoded


def block_of(*parts: tuple[int, bytes]) -> bytes:
    body = b"".join(kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data for kind, data in parts)
    return len(body).to_bytes(2, "big") + body


def fault_of(context: Context, data: bytes) -> Fault:
    with pytest.raises(ProtocolError) as caught:
        decode_block(context, data)
    return caught.value.fault


def test_the_table_is_the_rfc_s() -> None:
    assert {kind: set(forms) for kind, forms in EXTENSION_TABLE.items()} == ALLOWED


@settings(max_examples=300)
@given(data=st.data(), kind=st.sampled_from(list(ALLOWED)), context=st.sampled_from(Context))
def test_each_extension_where_it_may_stand(data: st.DataObject, kind: ExtensionType, context: Context) -> None:
    if context in ALLOWED[kind]:
        body = data.draw(BODIES[EXTENSION_TABLE[kind][context]])
        [decoded] = decode_block(context, block_of((kind, body.encode())))
        assert decoded == body


@pytest.mark.parametrize("kind", ALLOWED)
@pytest.mark.parametrize("context", Context)
def test_each_extension_where_it_may_not_stand(kind: ExtensionType, context: Context) -> None:
    """Section 4.2: illegal_parameter, whatever is in it."""
    for body in (b"", b"\0", b"\0\2\0\0"):
        if context not in ALLOWED[kind]:
            with pytest.raises(ProtocolError, match=f"{kind.name} in {context.value}") as caught:
                decode_block(context, block_of((kind, body)))
            assert caught.value.fault is Fault.MISPLACED_EXTENSION
    assert Fault.MISPLACED_EXTENSION.alert is AlertDescription.ILLEGAL_PARAMETER


@pytest.mark.parametrize("context", Context)
def test_no_extension_comes_twice(context: Context) -> None:
    assert fault_of(context, block_of((0x1A1A, b""), (0x2A2A, b""), (0x1A1A, b""))) is Fault.DUPLICATE_EXTENSION


def test_no_known_extension_comes_twice() -> None:
    name = b"\0\5\0\0\2ab"
    twice = block_of((T.server_name, name), (0x2A2A, b""), (T.server_name, name))
    assert fault_of(Context.CH, twice) is Fault.DUPLICATE_EXTENSION


@pytest.mark.parametrize("context", Context)
@settings(max_examples=20)
@given(data=st.data())
def test_a_block_comes_back_in_its_order(context: Context, data: st.DataObject) -> None:
    block = data.draw(extensions(context))
    decoded = decode_block(context, encode_extensions(block))
    assert decoded == block
    assert list(decoded.types) == list(block.types)
    assert len(decoded) == len(block)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "00",
        "0001",
        "0003 1a1a 00",  # half a header
        "0004 1a1a 0001",  # a body beyond the block
        "0004 1a1a 0001 00",  # a body beyond the block, but not beyond the message
        "0005 1a1a 0000 00",
        "ffff 1a1a 0000",
        "0004 1a1a ffff",
    ],
)
def test_a_block_that_does_not_fit(data: str) -> None:
    assert fault_of(Context.EE, bytes.fromhex(data)) is Fault.MALFORMED


def test_a_block_that_does_not_fit_into_its_vector() -> None:
    """What comes behind the vector is not the block's, and here nothing does."""
    entry = bytes.fromhex("000001 aa 0008 1a1a 0004 0000")
    with pytest.raises(ProtocolError, match="longer than their message") as caught:
        decode(Certificate, b"\0" + len(entry).to_bytes(3, "big") + entry)
    assert caught.value.fault is Fault.MALFORMED


def test_a_body_that_is_malformed_names_its_form() -> None:
    with pytest.raises(ProtocolError, match="SupportedGroups") as caught:
        decode_block(Context.CH, block_of((T.supported_groups, b"\0\3\0\x1d\0")))
    assert caught.value.fault is Fault.MALFORMED


@pytest.mark.parametrize("kind", [T.extended_master_secret, T.encrypt_then_mac, T.post_handshake_auth, T.early_data])
def test_what_is_empty_stays_empty(kind: ExtensionType) -> None:
    assert fault_of(Context.CH, block_of((kind, b"\0"))) is Fault.MALFORMED


@given(raw_extensions)
def test_what_nobody_knows_is_kept(raw: RawExtension) -> None:
    for context in Context:
        [kept] = decode_block(context, block_of((raw.extension_type, raw.data)))
        assert kept == raw
        assert raw != object()
        assert repr(kept) == repr(raw)


def test_a_block_is_a_collection() -> None:
    groups = SupportedGroups(named_group_list=[NamedGroup.x25519])
    limit = RecordSizeLimit(record_size_limit=64)
    block = Extensions([groups, limit, RawExtension(0x1A1A)])
    assert block.get(SupportedGroups) is groups
    assert block.require(SupportedGroups) is groups
    assert SupportedGroups in block
    assert Cookie not in block
    assert block.get(Cookie) is None
    with pytest.raises(ProtocolError, match="cookie") as caught:
        block.require(Cookie)
    assert caught.value.fault is Fault.MISSING_EXTENSION
    assert block.remove(SupportedGroups) is groups
    assert block.remove(SupportedGroups) is None
    block.add(PostHandshakeAuth())
    block.add(smaller := RecordSizeLimit(record_size_limit=65))
    assert list(block) == [smaller, RawExtension(0x1A1A), PostHandshakeAuth()]  # each in its place
    assert block != object()
    assert repr(block) == f"Extensions({list(block)!r})"
    with pytest.raises(TypeError, match="unhashable"):
        hash(block)
    with pytest.raises(TypeError, match="unhashable"):
        hash(RawExtension(1))


def test_one_type_has_a_form_for_each_message() -> None:
    share = bytes.fromhex("001d 0001 ff")
    [answer] = decode_block(Context.SH, block_of((T.key_share, share)))
    assert isinstance(answer, KeyShareServerHello)
    [psk] = decode_block(Context.SH, block_of((T.pre_shared_key, b"\0\1")))
    assert isinstance(psk, SelectedPsk)
    assert fault_of(Context.CH, block_of((T.key_share, share))) is Fault.MALFORMED


def test_a_block_may_be_missing_where_it_always_could() -> None:
    """RFC 5246, section 7.4.1.2: extensions came later."""
    for context in MAY_BE_MISSING:
        assert decode_block(context, b"") == decode_block(context, b"\0\0") == Extensions()
        assert decode(type(EMPTY[context]), EMPTY[context].encode()) == EMPTY[context]
        assert fault_of(context, b"\0") is Fault.MALFORMED


@pytest.mark.parametrize(("groups", "is_kept"), [(3, True), (31, True), (32, False), (1000, False)])
def test_what_recurs_is_decoded_once_unless_it_is_long(groups: int, is_kept: bool) -> None:
    """Whoever sends something else each time fills what is kept with no more than some bytes each."""
    offered = SupportedGroups(named_group_list=[NamedGroup(0x2000 + number) for number in range(groups)])
    raw = encode_extensions(Extensions([offered]))
    first, second = (decode_block(C.CH, raw).require(SupportedGroups) for _ in range(2))
    assert first == second == offered
    assert (first is second) is is_kept
