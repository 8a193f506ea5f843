"""What a connection gives when good and bad come together, and when the transport ends too early."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.handshake.parties import connect, only, server_config, shaken
from turtls.connection import ServerConnection
from turtls.crypto.tickets import TicketKeys
from turtls.errors import AlertDescription, ClosedError, Fault, PeerAlert, ProtocolError, TruncatedError
from turtls.events import DataReceived, HandshakeCompleted, PeerClosed, Pending, SessionReceived

FORGED = b"\x17\x03\x03\x00\x20" + bytes(32)


def test_what_came_before_the_fault_is_given_first() -> None:
    client, server = shaken()
    client.send_data(b"good")
    assert server.receive_data(client.data_to_send() + FORGED) == [DataReceived(b"good")]
    assert isinstance(server.failure, ProtocolError)
    assert server.failure.fault is Fault.BAD_RECORD_MAC
    with pytest.raises(PeerAlert) as told:  # the alert lies there already
        client.receive_data(server.data_to_send())
    assert told.value.alert is AlertDescription.BAD_RECORD_MAC


@pytest.mark.parametrize(
    "call",
    [
        lambda server: server.receive_data(b""),
        lambda server: server.receive_eof(),
        lambda server: server.send_data(b"an answer"),
        lambda server: server.update_keys(),
        lambda server: server.export_keying_material("EXPORTER-test", None, 32),
    ],
)
def test_the_fault_is_raised_by_what_is_called_next(call: Callable[[ServerConnection], object]) -> None:
    client, server = shaken()
    client.send_data(b"good")
    server.receive_data(client.data_to_send() + FORGED)
    with pytest.raises(ProtocolError) as refused:
        call(server)
    assert refused.value is server.failure


def test_a_fault_alone_is_raised_at_once() -> None:
    _, server = shaken()
    with pytest.raises(ProtocolError) as refused:
        server.receive_data(FORGED)
    assert refused.value is server.failure


def test_tickets_before_an_alert_are_kept() -> None:
    client, server = connect()
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    server.receive_data(client.data_to_send())
    with pytest.raises(ProtocolError):
        server.receive_data(FORGED)
    tickets_and_alert = client.receive_data(server.data_to_send())
    assert [type(event) for event in tickets_and_alert] == [SessionReceived, SessionReceived]
    assert isinstance(client.failure, PeerAlert)


def test_a_handshake_that_is_done_when_the_fault_comes_is_told() -> None:
    client, server = connect()
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    only(HandshakeCompleted, server.receive_data(client.data_to_send() + FORGED))
    assert isinstance(server.failure, ProtocolError)


def test_a_close_by_both_sides_is_no_failure() -> None:
    client, server = shaken()
    client.close()
    server.receive_data(client.data_to_send())
    server.close()
    with pytest.raises(ClosedError):
        server.receive_data(b"more")
    assert server.failure is None


# ------------------------------------------------------------------------------------------- the transport's end


class SlowTickets(TicketKeys):
    """A store that takes its time to seal: the server waits for it behind the client's Finished."""

    def seal(self, state: bytes, now: float) -> Awaitable[bytes]:  # type: ignore[override]  # as a TicketStore may
        async def later() -> bytes:
            raise NotImplementedError

        return later()


def sealing(*, say_goodbye: bool) -> tuple[ServerConnection, Pending]:
    """A server that waits for a ticket while the client's request and the end of the transport have come already."""
    client, server = connect(server=server_config(tickets=SlowTickets(), tickets_to_send=1))
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    pending = only(Pending, server.receive_data(client.data_to_send()))
    client.send_data(b"request")
    if say_goodbye:
        client.close()
    assert server.receive_data(client.data_to_send()) == []
    assert server.receive_eof() == []
    pending.awaitable.close()  # type: ignore[attr-defined]  # the test answers in its place
    return server, pending


def test_what_came_before_the_end_is_not_lost_while_the_connection_waits() -> None:
    server, pending = sealing(say_goodbye=True)
    assert server.resume(pending, b"ticket") == [DataReceived(b"request"), PeerClosed()]
    assert server.failure is None
    server.send_data(b"answer")


def test_a_cut_while_the_connection_waits_is_still_a_cut() -> None:
    server, pending = sealing(say_goodbye=False)
    assert server.resume(pending, b"ticket") == [DataReceived(b"request")]
    assert isinstance(server.failure, TruncatedError)


@pytest.mark.parametrize("begun", [False, True])
def test_a_cut_is_raised(begun: bool) -> None:
    for side in shaken() if begun else connect():
        with pytest.raises(TruncatedError, match="data" if begun else "handshake"):
            side.receive_eof()
