"""Application data has a fast way through a connection. It gives what the slow one gives, whatever comes in between."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builds import sources_only
from tests.handshake.parties import NAME, POLICY, client_config, exchange, only, server_config, shaken
from tests.test_connection_ends import NONSENSE, TLS12, both, open_under
from turtls.config import DangerAcceptAnyCertificate, Policy
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.errors import AlertLevel, ClosedError, ProtocolError, TLSError
from turtls.events import DataReceived, Event, PeerAuthenticated
from turtls.handshake.established import Established
from turtls.record.layer import RecordLayer
from turtls.record.limits import MAX_EMPTY_RECORDS, MAX_KEY_UPDATES, MAX_PLAINTEXT, MAX_WARNING_ALERTS
from turtls.record.protection import Protection
from turtls.record.protection12 import Protection12Aead
from turtls.record.protection13 import Protection13
from turtls.wire.registries import ContentType

versions = pytest.mark.parametrize("policy", [POLICY, TLS12], ids=["1.3", "1.2"])

USER_CANCELED = bytes((AlertLevel.WARNING, 90))


def data_of(size: int) -> Callable[[Connection], None]:
    return lambda sender: sender.send_data(bytes((size % 251,)) * size)


def sealed(content_type: ContentType, content: bytes, padding: int = 0) -> Callable[[Connection], None]:
    def send(sender: Connection) -> None:
        assert sender._records._write is not None
        sender._records.outbound.append(sender._records._write.seal(content_type, content, 2**14, padding))

    return send


def update_keys(sender: Connection, request_peer: bool = False) -> None:
    if isinstance(sender._established, Established):
        sender.update_keys(request_peer)


PIECES: list[Callable[[Connection], None]] = [
    data_of(1),
    data_of(300),
    data_of(MAX_PLAINTEXT),
    data_of(3 * MAX_PLAINTEXT),
    sealed(ContentType.application_data, b""),
    sealed(ContentType.application_data, b"padded", 64),
    sealed(ContentType.alert, USER_CANCELED),
    update_keys,
    lambda sender: update_keys(sender, request_peer=True),
]
pieces = st.lists(st.sampled_from(PIECES[:4]) | st.sampled_from(PIECES), min_size=1, max_size=12)
cuts = st.lists(st.integers(0, 2**16), max_size=6)

Outcome = tuple[list[Event], type[TLSError] | None, int]


def twins(policy: Policy) -> tuple[Connection, Connection, Connection]:
    """A server, and two clients that expect the same from it."""
    fast, server = open_under(policy)
    slow, _ = open_under(policy)
    assert fast._records._read is not None
    slow._records.install_read(copy(fast._records._read))
    if isinstance(fast._established, Established):
        assert isinstance(slow._established, Established)
        slow._established.server_traffic_secret = fast._established.server_traffic_secret
    return server, fast, slow


def outcome(client: Connection, chunks: list[bytes]) -> Outcome:
    """What happened, data in one piece; how it ended; and how many bytes there are to send."""
    events: list[Event] = []
    sent = 0
    try:
        for chunk in chunks:
            for event in client.receive_data(chunk):
                if events and isinstance(event, DataReceived) and isinstance(events[-1], DataReceived):
                    events[-1].data += event.data
                else:
                    events.append(event)
            sent += len(client.data_to_send())
    except TLSError as error:
        return events, type(error), sent
    return events, None, sent


@versions
@given(pieces=pieces, cuts=cuts, goodbye=st.booleans(), damage=st.none() | st.integers(0, 2**16))
@sources_only
def test_the_fast_way_gives_what_the_slow_way_gives(
    policy: Policy, pieces: list[Callable[[Connection], None]], cuts: list[int], goodbye: bool, damage: int | None
) -> None:
    server, fast, slow = twins(policy)
    for send in pieces:
        send(server)
    if goodbye:
        server.close()
    stream = bytearray(server.data_to_send())
    if damage is not None and stream:
        stream[damage % len(stream)] ^= 0x21
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    chunks = [bytes(stream[start:end]) for start, end in pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        for kind in (Protection13, Protection12Aead):
            patch.setattr(kind, "open_lone_data", Protection.open_lone_data)
        patch.setattr(RecordLayer, "open_data", lambda _layer, _received: (b"", 0))
        expected = outcome(slow, chunks)
    assert outcome(fast, chunks) == expected


def near_the_limit(sender: Connection) -> None:
    """Of its keys, after one more record."""
    assert sender._records._write is not None
    sender._records._write._soft_limit = sender._records._write._sequence + 1


SENT: list[Callable[[Connection], None]] = [
    *(data_of(size) for size in (0, 1, 300, 301, MAX_PLAINTEXT, MAX_PLAINTEXT + 1, 3 * MAX_PLAINTEXT)),
    lambda sender: sender.send_data(bytearray(b"bytearray")),
    lambda sender: sender.send_data(memoryview(b"memoryview")),
    sealed(ContentType.application_data, b"padded", 64),
    update_keys,
    near_the_limit,
]


@versions
@pytest.mark.parametrize("padding", [0, 64])
@given(
    pieces=st.lists(st.tuples(st.sampled_from(SENT[:4]) | st.sampled_from(SENT), st.booleans()), max_size=12),
    goodbye=st.booleans(),
)
@sources_only
def test_what_is_sent_at_once_is_what_would_be_sent(
    policy: Policy, padding: int, pieces: list[tuple[Callable[[Connection], None], bool]], goodbye: bool
) -> None:
    _, fast, slow = twins(policy)
    assert fast._records._write is not None
    slow._records.install_write(copy(fast._records._write))
    if isinstance(fast._established, Established):
        assert isinstance(slow._established, Established)
        slow._established.client_traffic_secret = fast._established.client_traffic_secret
    sent: list[list[bytes]] = []
    with pytest.MonkeyPatch.context() as patch:
        for sender in (fast, slow):
            sender._records.padding = padding
            sent.append([])
            for send, taken in pieces:
                send(sender)
                sent[-1] += [sender.data_to_send()] if taken else []
            if goodbye:
                sender.close()
            sent[-1].append(sender.data_to_send())
            for kind in (Protection13, Protection12Aead):
                patch.setattr(kind, "seal_lone_data", Protection.seal_lone_data)
    assert sent[0] == sent[1]


def flowing(policy: Policy) -> tuple[Connection, Connection]:
    """A server, and a client to which the first data has come."""
    client, server = open_under(policy)
    server.send_data(b"first")
    assert client.receive_data(server.data_to_send()) == [DataReceived(b"first")]
    return server, client


BUFFERS: list[Callable[[bytes], bytes | bytearray | memoryview]] = [
    bytes,
    bytearray,
    memoryview,
    lambda data: memoryview(data).cast("I"),  # as of array.array: its length is not that of its bytes
]


@versions
@pytest.mark.parametrize("size", [4, MAX_PLAINTEXT, 3 * MAX_PLAINTEXT])
@pytest.mark.parametrize("buffer", BUFFERS, ids=["bytes", "bytearray", "memoryview", "wide items"])
def test_a_buffer_is_taken_by_its_bytes(
    policy: Policy, buffer: Callable[[bytes], bytes | bytearray | memoryview], size: int
) -> None:
    server, client = flowing(policy)
    data = bytes(n % 251 for n in range(size))
    for send in (server.send_data, server.send_data):  # the first may have other things to say before it
        send(buffer(data))
        stream = server.data_to_send()
        assert type(stream) is bytes
        odd = len(stream) % 4
        events = client.receive_data(stream[:odd]) + client.receive_data(buffer(stream[odd:]))
        contents = [event.data for event in events if isinstance(event, DataReceived)]
        assert {type(content) for content in contents} == {bytes}
        assert b"".join(contents) == data


@versions
@pytest.mark.parametrize("buffer", BUFFERS, ids=["bytes", "bytearray", "memoryview", "wide items"])
def test_a_lone_record_may_come_in_any_buffer(
    policy: Policy, buffer: Callable[[bytes], bytes | bytearray | memoryview]
) -> None:
    server, client = flowing(policy)
    for size in range(1, 5):  # one of which makes a record of a whole number of items
        server.send_data(bytes(size))
        stream = server.data_to_send()
        [event] = client.receive_data(stream if len(stream) % 4 else buffer(stream))
        assert event == DataReceived(bytes(size))


@versions
@pytest.mark.parametrize("size", [1, MAX_PLAINTEXT, 3 * MAX_PLAINTEXT])
def test_a_buffer_is_let_go_even_where_there_is_an_exception(policy: Policy, size: int) -> None:
    """Its owner may want to change its size; a traceback keeps what the functions in it held."""
    server, client = flowing(policy)
    server.send_data(bytes(size))
    received = bytearray(server.data_to_send())
    received[-1] ^= 1
    try:
        client.receive_data(received)  # gives what was good before what is wrong, if there was anything
    except ProtocolError:
        pass
    assert client.failure is not None
    received.clear()
    sent = bytearray(size)
    try:
        client.send_data(sent)
    except (ProtocolError, ClosedError):
        sent.clear()
    assert not sent


@sources_only
def test_who_counts_what_goes_through_counts_it_once() -> None:
    class Counting(ServerConnection):
        sent = 0

        def send_data(self, data: bytes | bytearray | memoryview) -> None:
            self.sent += len(data)
            super().send_data(data)

    server = Counting(server_config())
    exchange(ClientConnection(client_config(), server_name=NAME), server)
    server.send_data(bytearray(100))
    assert server.sent == 100


@pytest.mark.parametrize("data", ["text", [1, 2], 5, None])
def test_what_is_no_buffer_is_refused(data: Any) -> None:
    server, client = flowing(POLICY)
    with pytest.raises(TypeError):
        server.send_data(data)
    with pytest.raises(TypeError):
        client.receive_data(data)
    server.send_data(b"data")
    assert client.receive_data(server.data_to_send()) == [DataReceived(b"data")]


def what_is_fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all that record layers are given to keep from here on."""
    sizes: list[int] = []
    feed = RecordLayer.feed

    def counting(layer: RecordLayer, data: bytes) -> None:
        sizes.append(len(data))
        feed(layer, data)

    monkeypatch.setattr(RecordLayer, "feed", counting)
    return sizes


@versions
@sources_only
def test_whole_records_are_opened_where_they_lie(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    server, client = flowing(policy)
    fed = what_is_fed(monkeypatch)
    for size in (1, MAX_PLAINTEXT, 3 * MAX_PLAINTEXT):
        server.send_data(bytes(size))
        assert client.receive_data(memoryview(server.data_to_send())) == [DataReceived(bytes(size))]
    assert not any(fed)


@versions
@sources_only
def test_one_record_is_sealed_at_once(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    server, client, _ = twins(policy)
    client.send_data(b"first")
    for kind in (Protection13, Protection12Aead):
        monkeypatch.delattr(kind, "seal")
    client.send_data(b" and second")
    client.send_data(bytes(MAX_PLAINTEXT))
    [event] = server.receive_data(client.data_to_send())
    assert event == DataReceived(b"first and second" + bytes(MAX_PLAINTEXT))


@versions
@sources_only
def test_only_what_is_cut_is_kept(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    server, client = flowing(policy)
    fed = what_is_fed(monkeypatch)
    server.send_data(bytes(10 * MAX_PLAINTEXT))
    stream = memoryview(server.data_to_send())
    size = len(stream) // 10
    received = b""
    for piece in (stream[: 5 * size + 100], stream[5 * size + 100 :]):
        for event in client.receive_data(piece):
            assert isinstance(event, DataReceived)
            received += event.data
    assert received == bytes(10 * MAX_PLAINTEXT)
    assert fed == [100]


ROWS = [
    (sealed(ContentType.application_data, b""), MAX_EMPTY_RECORDS),
    (sealed(ContentType.alert, USER_CANCELED), MAX_WARNING_ALERTS),
    (update_keys, MAX_KEY_UPDATES),
]


@pytest.mark.parametrize(("send", "limit"), ROWS, ids=["empty records", "warnings", "key updates"])
def test_data_ends_a_row_of_what_is_counted(send: Callable[[Connection], None], limit: int) -> None:
    server, client = shaken()[::-1]
    for _ in range(3):
        for _ in range(limit):
            send(server)
            client.receive_data(server.data_to_send())
        server.send_data(b"data")
        assert client.receive_data(server.data_to_send()) == [DataReceived(b"data")]


@versions
@both
def test_nothing_is_sent_behind_the_end(policy: Policy, first: str) -> None:
    one, other = open_under(policy, first)
    one.send_data(b"data")
    assert other.receive_data(one.data_to_send()) == [DataReceived(b"data")]
    one.close()
    with pytest.raises(ClosedError):
        one.send_data(b"more")


@versions
@both
def test_nothing_is_sent_behind_a_failure(policy: Policy, first: str) -> None:
    one, other = open_under(policy, first)
    one.send_data(b"data")
    assert other.receive_data(one.data_to_send()) == [DataReceived(b"data")]
    with pytest.raises(ProtocolError):
        one.receive_data(NONSENSE)
    with pytest.raises(ProtocolError):
        one.send_data(b"more")
    with pytest.raises(TLSError):
        other.receive_data(one.data_to_send())


def test_what_has_to_be_said_comes_before_the_data_behind_it() -> None:
    client, server = shaken(
        client_config(post_handshake_auth=True), server_config(verifier=DangerAcceptAnyCertificate())
    )
    for _ in range(2):
        server.send_data(b"data")
        client.receive_data(server.data_to_send())
        server.request_client_certificate()
        server.send_data(b"more")
        assert client.receive_data(server.data_to_send()) == [DataReceived(b"more")]
        assert only(PeerAuthenticated, server.receive_data(client.data_to_send())).negotiated.peer is None
