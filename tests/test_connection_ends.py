"""A connection without a transport: data both ways, and each way it can end."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import Any

import pytest

from tests.handshake.parties import (
    POLICY,
    client_config,
    connect,
    deliver,
    exchange,
    meddling_client,
    refusal,
    replacing,
    server_config,
    shaken,
)
from turtls.config import Policy
from turtls.connection import Connection, ServerConnection
from turtls.errors import (
    AlertDescription,
    ClosedError,
    Fault,
    PeerAlert,
    ProtocolError,
    TLSError,
    TruncatedError,
)
from turtls.events import AlertSeen, DataReceived, HandshakeCompleted, PeerClosed, Trace
from turtls.record.limits import MAX_WARNING_ALERTS
from turtls.wire.messages import Finished, HandshakeMessage, HelloRequest
from turtls.wire.messages12 import ClientKeyExchange
from turtls.wire.registries import ContentType, ProtocolVersion

TLS12 = replace(
    Policy.INTERMEDIATE,
    versions=(ProtocolVersion.TLS_1_2,),
    groups=POLICY.groups,
    key_share_groups=POLICY.key_share_groups,
)

both = pytest.mark.parametrize("first", ["client", "server"])
versions = pytest.mark.parametrize("policy", [POLICY, TLS12], ids=["1.3", "1.2"])

NONSENSE = b"\x17\x03\x03\x00\x11" + bytes(17)
"""A record that does not decrypt."""


def sides(first: str, *parties: Connection) -> tuple[Connection, Connection]:
    """The two parties, the client first or the server."""
    return (parties[0], parties[1]) if first == "client" else (parties[1], parties[0])


def open_under(policy: Policy, first: str = "client") -> tuple[Connection, Connection]:
    return sides(first, *shaken(client_config(policy=policy), server_config(policy=policy)))


def received(side: Connection, data: bytes) -> bytes:
    return b"".join(event.data for event in deliver(side, data) if isinstance(event, DataReceived))


# ------------------------------------------------------------------------------------------- data


@both
@versions
@pytest.mark.parametrize("size", [1, 2**14 - 1, 2**14, 2**14 + 1, 200_000])
def test_data_arrives_as_it_was_sent(policy: Policy, first: str, size: int) -> None:
    one, other = open_under(policy, first)
    data = bytes(range(256)) * (size // 256 + 1)
    one.send_data(data[:size])
    assert received(other, one.data_to_send()) == data[:size]


@versions
def test_any_buffer_is_data(policy: Policy) -> None:
    one, other = open_under(policy)
    for kind in (bytes, bytearray, memoryview):
        one.send_data(kind(b"data"))
        [event] = other.receive_data(kind(one.data_to_send()))
        assert event == DataReceived(b"data")


def test_no_data_is_no_record() -> None:
    one, _ = shaken()
    one.send_data(b"")
    assert one.data_to_send() == b""
    assert one.receive_data(b"") == []


@both
def test_nothing_can_be_sent_before_the_handshake(first: str) -> None:
    one, _ = sides(first, *connect())
    with pytest.raises(ClosedError, match="not done"):
        one.send_data(b"too early")


def test_a_flight_and_the_first_data_come_together() -> None:
    client, server = connect()
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    client.send_data(b"request")
    events = server.receive_data(client.data_to_send())
    assert [type(event) for event in events] == [HandshakeCompleted, DataReceived]


@versions
def test_a_byte_at_a_time_after_the_handshake(policy: Policy) -> None:
    one, other = open_under(policy)
    one.send_data(b"slow")
    events = [event for byte in one.data_to_send() for event in other.receive_data(bytes((byte,)))]
    assert events == [DataReceived(b"slow")]


def test_what_came_before_what_is_wrong_is_given_first() -> None:
    one, other = shaken()
    one.send_data(b"good")
    assert other.receive_data(one.data_to_send() + NONSENSE) == [DataReceived(b"good")]
    assert isinstance(other.failure, ProtocolError)
    assert other.failure.fault is Fault.BAD_RECORD_MAC
    with pytest.raises(ProtocolError) as caught:
        other.receive_data(b"")
    assert caught.value is other.failure
    with pytest.raises(PeerAlert):
        one.receive_data(other.data_to_send())


# ------------------------------------------------------------------------------------------- goodbye


@both
@versions
def test_both_say_goodbye(policy: Policy, first: str) -> None:
    one, other = open_under(policy, first)
    one.send_data(b"last")
    one.close()
    assert other.receive_data(one.data_to_send()) == [DataReceived(b"last"), PeerClosed()]
    other.close()
    assert one.receive_data(other.data_to_send()) == [PeerClosed()]
    for side in (one, other):
        assert side.failure is None
        with pytest.raises(ClosedError):
            side.receive_data(b"more")
        with pytest.raises(ClosedError):
            side.send_data(b"more")
        side.close()
        assert side.data_to_send() == b""


@both
@versions
def test_one_side_may_go_on(policy: Policy, first: str) -> None:
    """Section 6.1: half-close."""
    one, other = open_under(policy, first)
    one.close()
    assert other.receive_data(one.data_to_send()) == [PeerClosed()]
    other.send_data(b"still talking")
    assert received(one, other.data_to_send()) == b"still talking"
    with pytest.raises(ClosedError, match="This side is closed"):
        one.send_data(b"no more")
    assert other.receive_eof() == []
    other.close()
    assert one.receive_data(other.data_to_send()) == [PeerClosed()]


@both
@versions
def test_an_end_without_goodbye_is_told_apart(policy: Policy, first: str) -> None:
    one, other = open_under(policy, first)
    one.send_data(b"half of a record")
    assert other.receive_data(one.data_to_send()[:-1]) == []
    with pytest.raises(TruncatedError, match="in the middle of data") as caught:
        other.receive_eof()
    assert isinstance(caught.value, EOFError)
    assert other.failure is caught.value
    assert other.data_to_send() == b""
    with pytest.raises(TruncatedError):
        other.send_data(b"more")


@both
def test_an_end_in_the_handshake(first: str) -> None:
    one, _ = sides(first, *connect())
    one.data_to_send()
    with pytest.raises(TruncatedError, match="in the middle of the handshake"):
        one.receive_eof()
    assert one.data_to_send() == b""


@versions
@pytest.mark.parametrize("more", [NONSENSE, b"nonsense", b""])
def test_what_comes_behind_the_goodbye_is_ignored(policy: Policy, more: bytes) -> None:
    """Section 6.1: data, messages and nonsense alike."""
    one, other = open_under(policy)
    one.close()
    assert other.receive_data(one.data_to_send() + more) == [PeerClosed()]
    assert other.receive_data(more) == []
    other.send_data(b"still talking")
    assert received(one, other.data_to_send()) == b"still talking"


def test_a_protocol_may_go_on_without_tls() -> None:
    """As after FTP's CCC."""
    one, other = shaken()
    assert other.untrusted_trailing_data == b""
    one.close()
    other.close()
    assert other.receive_data(one.data_to_send() + b"227 Entering Passive Mode") == [PeerClosed()]
    assert other.untrusted_trailing_data == b"227 Entering Passive Mode"


def test_nothing_grows_behind_the_goodbye() -> None:
    one, other = shaken()
    one.close()
    other.receive_data(one.data_to_send())
    for _ in range(100):
        other.receive_data(bytes(2**14))
    assert other.untrusted_trailing_data == b""


@both
def test_a_goodbye_in_the_handshake(first: str) -> None:
    one, other = sides(first, *connect())
    one.close()
    goodbye = one.data_to_send()[-7:]
    assert goodbye[0] == ContentType.alert
    assert goodbye[3:] == bytes.fromhex("00020100")
    other.data_to_send()
    with pytest.raises(PeerAlert) as caught:
        other.receive_data(goodbye)
    assert caught.value.alert is AlertDescription.CLOSE_NOTIFY
    assert other.data_to_send() == b""
    with pytest.raises(ClosedError, match="This side is closed"):
        one.send_data(b"x")


def test_an_error_after_the_goodbye_is_not_told() -> None:
    one, other = shaken()
    other.close()
    goodbye = other.data_to_send()
    assert refusal(other, NONSENSE) is not None
    assert other.data_to_send() == b""
    assert one.receive_data(goodbye) == [PeerClosed()]


# ------------------------------------------------------------------------------------------- alerts


@both
@versions
def test_an_alert_ends_the_connection_on_both_sides(policy: Policy, first: str) -> None:
    seen: list[Any] = []
    one, other = open_under(policy, first)
    one._observer = other._observer = seen.append
    error = refusal(other, NONSENSE)
    assert error is not None
    assert error.fault is Fault.BAD_RECORD_MAC
    with pytest.raises(PeerAlert, match="bad_record_mac") as told:
        one.receive_data(other.data_to_send())
    assert told.value.alert is AlertDescription.BAD_RECORD_MAC
    assert seen == [
        AlertSeen("sent", AlertDescription.BAD_RECORD_MAC),
        AlertSeen("received", AlertDescription.BAD_RECORD_MAC),
    ]
    for side, final in ((one, told.value), (other, error)):
        assert side.failure is final
        calls = (
            lambda side=side: side.receive_data(b""),
            lambda side=side: side.send_data(b"x"),
            lambda side=side: side.receive_eof(),
            lambda side=side: side.export_keying_material("EXPORTER-x", None, 32),
        )
        for call in calls:
            assert raised_by(call) is final
        side.close()
        assert side.data_to_send() == b""


def raised_by(call: Any) -> TLSError:
    with pytest.raises(TLSError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("content", [b"\2", b"\2\50\2\50", b"\2\50\0"])
@pytest.mark.parametrize("encrypted", [True, False])
def test_an_alert_has_two_bytes(content: bytes, encrypted: bool) -> None:
    one, other = shaken() if encrypted else connect()
    one.data_to_send()
    one._records.write(ContentType.alert, content)
    error = refusal(other, one.data_to_send())
    assert error is not None
    assert error.fault is Fault.BAD_ALERT


@both
@versions
def test_an_alert_between_the_parts_of_a_message(policy: Policy, first: str) -> None:
    """Section 5.1: nothing comes between the fragments of a handshake message."""
    one, other = open_under(policy, first)
    one._records.write(ContentType.handshake, b"\x18\0")
    one._records.write(ContentType.alert, bytes((2, AlertDescription.INTERNAL_ERROR)))
    error = refusal(other, one.data_to_send())
    assert error is not None
    assert error.fault is Fault.EXCESS_HANDSHAKE_DATA


@both
@versions
@pytest.mark.parametrize("data", [b"data", b""])
def test_data_between_the_parts_of_a_message(policy: Policy, first: str, data: bytes) -> None:
    """Section 5.1, and a record without data is one, too."""
    one, other = open_under(policy, first)
    one._records.write(ContentType.handshake, b"\x18\0")
    assert one._records._write is not None
    one._records.outbound.append(one._records._write.seal(ContentType.application_data, data, 2**14, 0))
    error = refusal(other, one.data_to_send())
    assert error is not None
    assert error.fault is Fault.EXCESS_HANDSHAKE_DATA


@both
@versions
def test_a_cancellation_is_a_warning(policy: Policy, first: str) -> None:
    """Section 6.1: user_canceled goes before close_notify."""
    one, other = open_under(policy, first)
    one._records.write(ContentType.alert, bytes((1, AlertDescription.USER_CANCELED)))
    one.close()
    assert other.receive_data(one.data_to_send()) == [PeerClosed()]


@both
@versions
def test_a_flood_of_warnings(policy: Policy, first: str) -> None:
    one, other = open_under(policy, first)
    warning = bytes((1, AlertDescription.USER_CANCELED))
    for _ in range(MAX_WARNING_ALERTS):
        one._records.write(ContentType.alert, warning)
    one.send_data(b"that is better")
    for _ in range(MAX_WARNING_ALERTS):
        one._records.write(ContentType.alert, warning)
    assert received(other, one.data_to_send()) == b"that is better"
    one._records.write(ContentType.alert, warning)
    error = refusal(other, one.data_to_send())
    assert error is not None
    assert error.fault is Fault.TOO_MANY_WARNINGS


def test_warnings_are_for_tls_12() -> None:
    """In TLS 1.3 every alert but two is fatal, whatever its level (section 6)."""
    warning = bytes((1, AlertDescription.UNRECOGNIZED_NAME))
    one, other = open_under(TLS12)
    one._records.write(ContentType.alert, warning)
    assert other.receive_data(one.data_to_send()) == []
    one, other = shaken()
    one._records.write(ContentType.alert, warning)
    with pytest.raises(PeerAlert):
        other.receive_data(one.data_to_send())


def test_a_warning_before_the_server_hello() -> None:
    """Old servers send unrecognized_name and go on."""
    client, server = connect()
    server.receive_data(client.data_to_send())
    client.receive_data(bytes.fromhex("15030300020170"))
    exchange(client, server)
    assert client.handshake_done


def test_an_early_alert_of_the_client_carries_the_right_version() -> None:
    """Section 5.1: 0x0301 is for the first ClientHello alone."""
    client, server = connect()
    server.receive_data(client.data_to_send())
    server.data_to_send()
    refusal(client, b"\x16\x03\x03\x00\x04\x02\x00\x00\x00")  # a ServerHello of no bytes
    with pytest.raises(PeerAlert) as told:
        server.receive_data(client.data_to_send())
    assert told.value.alert is AlertDescription.DECODE_ERROR


# ------------------------------------------------------------------------------------------- the keys


def secrets_of(side: Connection) -> list[bytes]:
    established: Any = side._established
    if hasattr(established, "secrets"):
        return [established.secrets.master_secret]
    return [
        established.client_traffic_secret,
        established.server_traffic_secret,
        established.exporter_master_secret,
        established.resumption_master_secret,
    ]


@both
@versions
@pytest.mark.parametrize("end", ["goodbye", "error", "truncation"])
def test_keys_are_forgotten_with_the_connection(policy: Policy, first: str, end: str) -> None:
    one, other = open_under(policy, first)
    assert all(secrets_of(one))
    if end == "goodbye":
        other.close()
        one.close()
        one.receive_data(other.data_to_send())
    elif end == "error":
        refusal(one, NONSENSE)
    else:
        with pytest.raises(TruncatedError):
            one.receive_eof()
    assert not any(secrets_of(one))
    assert one._records._read is None
    assert one._records._write is None
    assert one._traffic_keys is None
    assert one.negotiated is not None  # what was negotiated is no secret


# ------------------------------------------------------------------------------------------- no TLS


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"GET / HTTP/1.1\r\n", Fault.PLAIN_HTTP),
        (b"CONNECT a:443 HTTP/1.1\r\n", Fault.HTTPS_PROXY_REQUEST),
        (b"SSH-2.0-OpenSSH\r\n", Fault.NOT_TLS),
        (b"\x80\x2e\x01\x00\x02" + bytes(44), Fault.SSLV2_HELLO),
    ],
)
def test_what_is_not_tls_is_named(data: bytes, fault: Fault) -> None:
    error = refusal(ServerConnection(server_config()), data)
    assert error is not None
    assert error.fault is fault


def test_there_is_no_renegotiation_in_tls_13() -> None:
    client, server = shaken()
    server._peer.send(HelloRequest())
    error = refusal(client, server.data_to_send())
    assert error is not None
    assert error.fault is Fault.UNEXPECTED_MESSAGE


def test_a_change_cipher_spec_of_another_kind_in_tls_12() -> None:
    client, server = connect(client_config(policy=TLS12), server_config(policy=TLS12))
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    flight = client.data_to_send()
    for wrong in ("140303000102", "14030300020101", "140303000100"):
        _, server = connect(client_config(policy=TLS12), server_config(policy=TLS12))
        error = replay(server, flight.replace(bytes.fromhex("140303000101"), bytes.fromhex(wrong)))
        assert error is not None
        assert error.fault is Fault.UNEXPECTED_RECORD


def replay(server: ServerConnection, flight: bytes) -> ProtocolError | None:
    """A client's second flight, at another server: it gets as far as change_cipher_spec."""
    hello, _ = connect(client_config(policy=TLS12), server_config(policy=TLS12))
    server.receive_data(hello.data_to_send())
    return refusal(server, flight)


def test_a_message_in_the_place_of_change_cipher_spec() -> None:
    """Up to TLS 1.2: what would skip the change of keys."""

    def skip(message: ClientKeyExchange) -> list[HandshakeMessage]:
        return [message, Finished(verify_data=bytes(12))]

    client = meddling_client(replacing(ClientKeyExchange, skip), client_config(policy=TLS12))
    server = ServerConnection(server_config(policy=TLS12))
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    error = refusal(server, client.data_to_send())
    assert error is not None
    assert error.fault is Fault.UNEXPECTED_MESSAGE
    assert "change_cipher_spec was expected" in error.detail


def test_errors_name_what_was_expected() -> None:
    client, _ = connect()
    raw = Finished(verify_data=bytes(32)).to_bytes()
    error = refusal(client, b"\x16\x03\x03" + len(raw).to_bytes(2, "big") + raw)
    assert error is not None
    assert error.detail == "finished where ServerHello or HelloRetryRequest or ServerHello12 was expected"
    assert error.alert is AlertDescription.UNEXPECTED_MESSAGE


# ------------------------------------------------------------------------------------------- memory


class Seen(list[Trace]):
    """What an observer saw."""

    def __call__(self, trace: Trace) -> None:
        self.append(trace)


@both
@versions
def test_a_connection_that_nobody_holds_is_gone_at_once(policy: Policy, first: str) -> None:
    """It has no cycles: its keys and buffers do not wait for Python to look for them."""
    one, other = open_under(policy, first)
    one.send_data(b"data")
    assert received(other, one.data_to_send()) == b"data"
    one._observer = seen = Seen()  # which is held by the connection alone
    watched = weakref.ref(seen)
    gc.disable()
    try:
        del seen, one
        assert watched() is None
    finally:
        gc.enable()
