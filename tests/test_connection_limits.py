"""What a peer can make a connection keep or do, pushed to each bound."""

from __future__ import annotations

import pytest

from tests.handshake.parties import connect, exchange, refusal, server_config, shaken
from tests.test_connection_ends import both, sides
from turtls.connection import Connection, ServerConnection
from turtls.errors import AlertDescription, Fault, ProtocolError
from turtls.record.limits import (
    MAX_CERTIFICATE_MESSAGE,
    MAX_CIPHERTEXT13,
    MAX_EMPTY_RECORDS,
    MAX_HANDSHAKE_MESSAGE,
    MAX_PLAINTEXT,
)
from turtls.wire.registries import ContentType, HandshakeType


def record(content_type: int, body: bytes) -> bytes:
    return bytes((content_type, 3, 3)) + len(body).to_bytes(2, "big") + body


def header(kind: HandshakeType, length: int) -> bytes:
    return bytes((kind,)) + length.to_bytes(3, "big")


def kept(side: Connection) -> int:
    return len(side._records.inbound) + len(side._carrier.messages._buffer)


def fault_of(side: Connection, data: bytes) -> Fault:
    error = refusal(side, data)
    assert isinstance(error, ProtocolError)
    return error.fault


LARGEST = [
    (HandshakeType.client_hello, MAX_HANDSHAKE_MESSAGE),
    (HandshakeType.certificate, MAX_CERTIFICATE_MESSAGE),
]


@pytest.mark.parametrize(("kind", "length"), LARGEST)
def test_a_message_that_is_too_large_is_refused_by_its_header(kind: HandshakeType, length: int) -> None:
    assert fault_of(ServerConnection(server_config()), record(22, header(kind, length + 1))) is Fault.MESSAGE_TOO_LARGE
    assert fault_of(ServerConnection(server_config()), record(22, header(kind, 2**24 - 1))) is Fault.MESSAGE_TOO_LARGE


@pytest.mark.parametrize(("kind", "length"), LARGEST)
def test_a_message_that_never_ends_costs_no_more_than_the_largest(kind: HandshakeType, length: int) -> None:
    server = ServerConnection(server_config())
    assert server.receive_data(record(22, header(kind, length))) == []
    left = length - 1
    while left:
        size = min(left, MAX_PLAINTEXT)
        assert server.receive_data(record(22, bytes(size))) == []
        left -= size
        assert kept(server) <= length + 4
    assert kept(server) == length + 4 - 1


@both
def test_a_record_is_refused_by_its_header(first: str) -> None:
    one, _ = sides(first, *connect())
    assert fault_of(one, b"\x16\x03\x03" + (MAX_PLAINTEXT + 1).to_bytes(2, "big")) is Fault.RECORD_OVERFLOW
    one, _ = sides(first, *shaken())
    assert fault_of(one, b"\x17\x03\x03" + (MAX_CIPHERTEXT13 + 1).to_bytes(2, "big")) is Fault.RECORD_OVERFLOW


@both
def test_a_record_that_never_ends_costs_no_more_than_the_largest(first: str) -> None:
    one, _ = sides(first, *shaken())
    data = b"\x17\x03\x03" + MAX_CIPHERTEXT13.to_bytes(2, "big") + bytes(MAX_CIPHERTEXT13 - 1)
    for start in range(0, len(data), 100):
        assert one.receive_data(data[start : start + 100]) == []
    assert kept(one) == len(data)


@both
def test_a_flood_of_empty_records(first: str) -> None:
    one, other = sides(first, *shaken())
    assert one._records._write is not None

    def empty() -> bytes:
        assert one._records._write is not None
        return one._records._write.seal(ContentType.application_data, b"", 2**14, 0)

    for _ in range(MAX_EMPTY_RECORDS):
        assert other.receive_data(empty()) == []
    one.send_data(b"x")
    other.receive_data(one.data_to_send())
    for _ in range(MAX_EMPTY_RECORDS):
        assert other.receive_data(empty()) == []
    assert fault_of(other, empty()) is Fault.TOO_MANY_EMPTY_RECORDS


@both
def test_a_flood_of_change_cipher_specs(first: str) -> None:
    client, server = connect()
    server.receive_data(client.data_to_send())
    one: Connection = server
    if first == "client":
        client.receive_data(server.data_to_send()[:127])  # the ServerHello
        one = client
    for _ in range(MAX_EMPTY_RECORDS):
        assert one.receive_data(record(20, b"\1")) == []
    assert fault_of(one, record(20, b"\1")) is Fault.TOO_MANY_EMPTY_RECORDS


@both
@pytest.mark.parametrize("content_type", [ContentType.handshake, ContentType.alert])
def test_an_empty_record_of_another_type(first: str, content_type: ContentType) -> None:
    """Section 5.1: zero-length fragments of handshake and alert are never sent."""
    one, other = sides(first, *shaken())
    assert fault_of(connect()[1], record(content_type, b"")) is Fault.UNEXPECTED_RECORD
    assert one._records._write is not None
    assert fault_of(other, one._records._write.seal(content_type, b"", 2**14, 0)) is Fault.UNEXPECTED_RECORD


def test_fragments_of_a_byte_make_a_message() -> None:
    client, server = connect()
    data = client.data_to_send()
    for byte in data[5:]:
        server.receive_data(record(22, bytes((byte,))))
    exchange(client, server)
    assert client.handshake_done


def test_nothing_stays_behind_a_handshake() -> None:
    """What is not needed any more is not kept for as long as the connection lives."""
    for side in shaken():
        assert kept(side) == 0
        assert side.data_to_send() == b""
        established = side._established
        assert established is not None
        assert established.transcript is None  # type: ignore[union-attr]  # TLS 1.3


def test_an_error_says_what_was_too_much() -> None:
    server = ServerConnection(server_config())
    error = refusal(server, record(22, header(HandshakeType.client_hello, 2**24 - 1)))
    assert error is not None
    assert error.alert is AlertDescription.ILLEGAL_PARAMETER
    assert error.detail == "client_hello of 16777215 bytes"
    assert "larger than is ever needed" in str(error)
