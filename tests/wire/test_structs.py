"""Every struct goes over the wire and comes back the same; what is cut, longer or wrong inside is malformed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.structs import STRUCTS, declared
from turtls.errors import Fault, ProtocolError
from turtls.wire.codec import Structure, decode, decode_prefix
from turtls.wire.extensions import Extensions, RawExtension, SignedCertificateTimestamps
from turtls.wire.messages import (
    Certificate,
    CertificateEntry,
    ClientHello,
    Finished,
    HandshakeMessage,
    HelloRetryRequest,
    ServerHello,
    ServerHello12,
    message_name,
    server_hello_form,
)
from turtls.wire.messages12 import Certificate12

kinds = pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)


def test_every_struct_is_here() -> None:
    assert set(declared()) == set(STRUCTS)


@kinds
@settings(max_examples=5)
@given(data=st.data())
def test_what_is_encoded_is_decoded(kind: type[Structure], data: st.DataObject) -> None:
    value = data.draw(STRUCTS[kind])
    encoded = value.encode()
    assert decode(kind, encoded) == value
    assert decode(kind, encoded).encode() == encoded
    assert repr(value).startswith(kind.__name__ + "(")
    assert value != object()


values = st.sampled_from(list(STRUCTS)).flatmap(lambda kind: STRUCTS[kind])

OPEN_ENDED = {
    "CertificateStatusRequest",
    "SessionTicket",
    "QuicTransportParameters",
    "Finished",
    "ServerKeyExchange",
    "ClientKeyExchange",
    "CertificateVerify12",
    "V2ClientHello",
}
"""Structs that take whatever follows for their own."""


@settings(max_examples=300)
@given(value=values, behind=st.binary(min_size=1, max_size=4))
def test_nothing_may_follow(value: Structure, behind: bytes) -> None:
    kind, encoded = type(value), value.encode()
    if kind.__name__ in OPEN_ENDED:
        assert decode(kind, encoded + behind) != value
    elif isinstance(value, ClientHello | ServerHello12) and not value.extensions:
        return  # what follows would be their extensions
    else:
        with pytest.raises(ProtocolError) as caught:
            decode(kind, encoded + behind)
        assert caught.value.fault is Fault.MALFORMED
        assert decode_prefix(kind, encoded + behind) == (value, len(encoded))


@settings(max_examples=200)
@given(value=values)
def test_what_is_cut_short_is_malformed_or_another_value(value: Structure) -> None:
    encoded = value.encode()
    for end in range(len(encoded)):
        assert decoded(type(value), encoded[:end]) != value


def decoded(kind: type[Structure], data: bytes) -> Structure | None:
    """What the data is; None if it is malformed, or breaks a rule of its extensions."""
    try:
        return decode(kind, data)
    except ProtocolError:
        return None


@settings(max_examples=500)
@given(kind=st.sampled_from(list(STRUCTS)), noise=st.binary(max_size=80))
def test_noise_is_a_value_or_an_error_of_the_protocol(kind: type[Structure], noise: bytes) -> None:
    value = decoded(kind, noise)
    assert value is None or decode(kind, value.encode()) == value


MESSAGES = [kind for kind in STRUCTS if issubclass(kind, HandshakeMessage)]


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@settings(max_examples=3)
@given(data=st.data())
def test_a_message_has_a_header(kind: type[HandshakeMessage], data: st.DataObject) -> None:
    message = data.draw(STRUCTS[kind])
    raw = message.to_bytes()
    assert raw[0] == kind.msg_type
    assert int.from_bytes(raw[1:4], "big") == len(raw) - 4
    again = kind.from_bytes(raw)
    assert again == message
    assert again.raw == raw
    assert message_name(raw) == kind.msg_type.name


SERVER_HELLOS: list[type[HandshakeMessage]] = [ServerHello, HelloRetryRequest, ServerHello12]


@pytest.mark.parametrize("kind", SERVER_HELLOS)
@settings(max_examples=20)
@given(data=st.data())
def test_three_messages_share_a_type(kind: type[HandshakeMessage], data: st.DataObject) -> None:
    assert server_hello_form(data.draw(STRUCTS[kind]).to_bytes()) is kind


@given(st.binary(max_size=120))
def test_whatever_it_is_it_is_one_of_the_three(raw: bytes) -> None:
    assert server_hello_form(raw) in SERVER_HELLOS


@pytest.mark.parametrize(("length", "is_kept"), [(1, True), (2**14 - 13, True), (2**14 - 12, False)])
def test_what_recurs_is_decoded_once_unless_it_is_long(length: int, is_kept: bool) -> None:
    entry = CertificateEntry(cert_data=bytes(length), extensions=Extensions())
    raw = Certificate(certificate_list=[entry]).to_bytes()
    first, second = Certificate.from_bytes(raw), Certificate.from_bytes(bytes(bytearray(raw)))
    assert first == second
    assert first.certificate_list == [entry]
    assert first.raw == second.raw == raw
    assert (first is second) is is_kept
    assert isinstance(Certificate12.from_bytes(Certificate12(certificate_list=[b"1"]).to_bytes()), Certificate12)


def test_what_would_take_much_more_memory_than_its_bytes_is_not_kept() -> None:
    few = [CertificateEntry(cert_data=b"1", extensions=Extensions([RawExtension(0xFA00)])) for _ in range(10)]
    many = [CertificateEntry(cert_data=b"1", extensions=Extensions()) for _ in range(200)]
    extended = [CertificateEntry(cert_data=b"1", extensions=Extensions(map(RawExtension, range(0xFA00, 0xFB00))))]
    stamped = SignedCertificateTimestamps(sct_list=[b"1"] * 300)
    timed = [CertificateEntry(cert_data=b"1", extensions=Extensions([stamped]))]
    for entries, is_kept in ((few, True), (many, False), (extended, False), (timed, False)):
        raw = Certificate(certificate_list=entries).to_bytes()
        first, second = Certificate.from_bytes(raw), Certificate.from_bytes(raw)
        assert first == second
        assert first.raw == second.raw == raw
        assert (first is second) is is_kept


def test_a_struct_is_made_by_its_fields() -> None:
    with pytest.raises(TypeError, match=r"__init__\(\) missing .* 'verify_data'"):
        Finished()  # type: ignore[call-arg]  # mypy sees it, too
    with pytest.raises(TypeError, match="keyword argument"):
        Finished(verify_data=b"", more=1)  # type: ignore[call-arg]  # the same
    with pytest.raises(TypeError, match="unhashable"):
        hash(Finished(verify_data=b""))
    assert repr(Finished(verify_data=b"\1")) == "Finished(verify_data=b'\\x01')"
    assert Finished(verify_data=b"\1") != Finished(verify_data=b"\2")
