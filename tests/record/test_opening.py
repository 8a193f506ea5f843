from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turtls.errors import Fault, ProtocolError
from turtls.record.layer import RecordLayer


def fault_of(first_bytes: bytes) -> ProtocolError:
    layer = RecordLayer()
    layer.feed(first_bytes)
    with pytest.raises(ProtocolError) as caught:
        layer.next_record()
    return caught.value


@pytest.mark.parametrize(
    ("first_bytes", "fault"),
    [
        (b"GET / HTTP/1.1\r\n", Fault.PLAIN_HTTP),
        (b"POST /form HTTP/1.0\r\n", Fault.PLAIN_HTTP),
        (b"HEAD / HTTP/1.1\r\n", Fault.PLAIN_HTTP),
        (b"PUT /file HTTP/1.1\r\n", Fault.PLAIN_HTTP),
        (b"DELETE /file HTTP/1.1\r\n", Fault.PLAIN_HTTP),
        (b"OPTIONS * HTTP/1.1\r\n", Fault.PLAIN_HTTP),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Fault.PLAIN_HTTP),
        (b"CONNECT example.org:443 HTTP/1.1\r\n", Fault.HTTPS_PROXY_REQUEST),
        (bytes.fromhex("802e 01 0002 0015 0000 0010"), Fault.SSLV2_HELLO),
        (bytes.fromhex("802e 01 0301 0015 0000 0010"), Fault.SSLV2_HELLO),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Fault.NOT_TLS),
        (b"220 mail.example.org ESMTP\r\n", Fault.NOT_TLS),
        (b"HTTP/1.1 400 Bad Request\r\n", Fault.NOT_TLS),
        (bytes(5), Fault.NOT_TLS),
        (bytes.fromhex("18 0303 0003"), Fault.NOT_TLS),
        (bytes.fromhex("16 0203 0003"), Fault.BAD_RECORD_VERSION),
    ],
)
def test_what_is_no_tls_is_recognised(first_bytes: bytes, fault: Fault) -> None:
    assert fault_of(first_bytes).fault is fault


def test_the_detail_shows_what_came() -> None:
    assert "'220 m'" in str(fault_of(b"220 mail.example.org ESMTP\r\n"))


def test_fewer_bytes_than_a_header_are_waited_for() -> None:
    layer = RecordLayer()
    layer.feed(b"GET ")
    assert layer.next_record() is None


def test_only_the_first_record_is_looked_at() -> None:
    layer = RecordLayer()
    layer.feed(bytes.fromhex("16 0301 0001 01") + b"GET / HTTP/1.1\r\n")
    assert layer.next_record() == (22, b"\x01")
    with pytest.raises(ProtocolError) as caught:
        layer.next_record()
    assert caught.value.fault is Fault.BAD_RECORD_TYPE


@given(st.binary(min_size=5, max_size=5).filter(lambda first: first[0] not in range(20, 24)))
def test_anything_else_is_refused_at_five_bytes(first_bytes: bytes) -> None:
    assert fault_of(first_bytes).alert.name == "PROTOCOL_VERSION"
