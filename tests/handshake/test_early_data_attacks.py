"""Early data against who replays it, or sends too much of it, or something else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.handshake.parties import (
    NAME,
    client_config,
    connect,
    deliver,
    exchange,
    only,
    refusal,
)
from tests.handshake.test_early_data import DATA, LIMIT, dropped, early, early_parties, early_server, met
from tests.handshake.test_garbage import records_of
from tests.handshake.test_resumption import Clock
from turtls.config import (
    ClientConfig,
    ConfigError,
    Environment,
    ReplayMemory,
    SessionCache,
)
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import Fault, PeerAlert
from turtls.events import (
    EarlyDataReceived,
    Pending,
    SessionReceived,
)
from turtls.record.limits import MAX_EARLY_DATA_SKIPPED, MAX_EMPTY_RECORDS
from turtls.wire.registries import ContentType

NOW = 1.8e9

# ------------------------------------------------------------------------------------------- replays


def test_a_replay_is_dropped_and_the_handshake_goes_on() -> None:
    """Section 8: the same bytes, to the same server, at once."""
    client, server = met()
    flight = ClientConnection(client, server_name=NAME, early_data=DATA).data_to_send()
    assert early(deliver(ServerConnection(server), flight)) == DATA
    for _ in range(3):
        again = ServerConnection(server)
        assert deliver(again, flight) == []
        assert again.data_to_send()  # as to somebody who has only now come back with an old ticket


def test_a_ticket_brings_early_data_once() -> None:
    """Section 8.1: a client that uses its ticket twice is not told from somebody who replays."""
    client, server = client_config(), early_server(tickets_to_send=1)
    session = only(SessionReceived, exchange(*connect(client, server))[0]).session

    class Twice(SessionCache):
        def take(self, key: str) -> Any:
            return session

    client = replace(client, sessions=Twice())
    assert early(exchange(*early_parties(client, server))[1]) == DATA
    assert "used for early data before" in dropped(client, server)


def test_a_replay_that_waits_until_the_guard_forgets_comes_too_late() -> None:
    clock = Clock()
    environment = Environment(now=clock)
    client, server = met(early_server(environment=environment), environment=environment)
    flight = ClientConnection(client, server_name=NAME, early_data=DATA).data_to_send()
    for error, accepted in ((-9, True), (-9, False), (0, False), (9, False), (11, False), (40, False), (4000, False)):
        clock.time = Clock().time + error
        assert early(deliver(ServerConnection(server), flight)) == (DATA if accepted else b"")


def test_a_guard_that_is_full_accepts_nothing_more() -> None:
    clock = Clock()
    server = early_server(replay_guard=ReplayMemory(2), environment=Environment(now=clock))
    client, server = met(replace(server, tickets_to_send=4), environment=Environment(now=clock))
    accepted = [early(exchange(*early_parties(client, server))[1]) for _ in range(3)]
    assert accepted == [DATA, DATA, b""]
    clock.time += 21
    assert early(exchange(*early_parties(client, server))[1]) == DATA


def test_what_a_guard_remembers() -> None:
    guard = ReplayMemory(2)
    assert guard.claim(b"a", NOW + 10, NOW)
    assert not guard.claim(b"a", NOW + 10, NOW + 10)
    assert guard.claim(b"b", NOW + 11, NOW)
    assert not guard.claim(b"c", NOW + 11, NOW + 10)
    assert guard.claim(b"c", NOW + 21, NOW + 10.5)
    assert guard.zone != ReplayMemory().zone
    with pytest.raises(ConfigError):
        ReplayMemory(0)


def test_a_guard_may_take_its_time() -> None:
    class Later:
        zone = b"far away"

        async def claim(self, ticket: bytes, until: float, now: float) -> bool:
            return len(ticket) == 32

    client, server = early_parties(*met(early_server(replay_guard=Later())))
    pending = only(Pending, server.receive_data(client.data_to_send()))
    assert pending.purpose == "a look for a replay"
    with pytest.raises(StopIteration) as result:
        pending.awaitable.__await__().send(None)
    assert server.resume(pending, result.value.value) == [EarlyDataReceived(DATA)]
    exchange(client, server)
    assert server.handshake_done


# ------------------------------------------------------------------------------------------- what a client may cost


def raw_client(client: ClientConfig, *records: tuple[ContentType, bytes]) -> ClientConnection:
    """A client that writes these records under its early keys."""
    connection = ClientConnection(client, server_name=NAME, early_data=DATA)
    for content_type, content in records:
        connection._records.write(content_type, content)
    return connection


def test_more_than_the_ticket_allows() -> None:
    client, server = met()
    flight = raw_client(client, (ContentType.application_data, bytes(LIMIT))).data_to_send()
    error = refusal(ServerConnection(server), flight)
    assert error is not None
    assert error.fault is Fault.TOO_MUCH_EARLY_DATA


def test_what_is_dropped_is_bounded_too() -> None:
    client, server = met()
    server = replace(server, max_early_data=0)
    chunks = [(ContentType.application_data, bytes(2**13))] * 3
    for count, fine in ((1, True), (3, False)):
        connection = raw_client(client, *chunks[:count])
        error = refusal(ServerConnection(server), connection.data_to_send())
        assert (error is None) is fine
    assert MAX_EARLY_DATA_SKIPPED == 2**14


def test_as_much_as_tickets_allow_is_dropped() -> None:
    client, server = met(early_server(max_early_data=2**17))
    server = replace(server, tickets=None)
    parties = early_parties(client, server, bytes(2**17))
    exchange(*parties)
    assert parties[1].handshake_done


def test_a_record_that_was_changed_is_no_early_data_of_another_key() -> None:
    """What was accepted has to decrypt."""
    client, server = early_parties(*met())
    flight = bytearray(client.data_to_send())
    flight[-1] ^= 1
    error = refusal(server, bytes(flight))
    assert error is not None
    assert error.fault is Fault.BAD_RECORD_MAC


def test_data_behind_the_end_of_early_data() -> None:
    client, server = early_parties(*met())
    protection = client._records._write
    assert protection is not None
    deliver(server, client.data_to_send())
    deliver(client, server.data_to_send())
    end_of_early_data, finished = records_of(client.data_to_send())
    assert deliver(server, end_of_early_data) == []
    late = protection.seal(ContentType.application_data, b"late", 2**14, 0)
    error = refusal(server, late + finished)
    assert error is not None
    assert error.fault is Fault.BAD_RECORD_MAC


def test_empty_early_records_are_few() -> None:
    client, server = met()
    connection = raw_client(client)
    protection = connection._records._write
    assert protection is not None
    flight = connection.data_to_send()
    for _ in range(MAX_EMPTY_RECORDS + 1):
        flight += protection.seal(ContentType.application_data, b"", 2**14, 0)
    error = refusal(ServerConnection(server), flight)
    assert error is not None
    assert error.fault is Fault.TOO_MANY_EMPTY_RECORDS


def test_early_data_is_no_place_for_a_fragment_of_a_message() -> None:
    client, server = met()
    records = (ContentType.handshake, b"\x05"), (ContentType.application_data, b"x")
    error = refusal(ServerConnection(server), raw_client(client, *records).data_to_send())
    assert error is not None
    assert error.fault is Fault.EXCESS_HANDSHAKE_DATA


def test_a_client_that_leaves_early() -> None:
    client, server = met()
    flight = raw_client(client, (ContentType.alert, b"\x02\x50")).data_to_send()
    side = ServerConnection(server)
    assert side.receive_data(flight) == [EarlyDataReceived(DATA)]
    with pytest.raises(PeerAlert):
        side.receive_data(b"")
