"""Whatever comes over the wire ends in data or in a typed error, and is not kept.

Two kinds of noise: on the wire, where almost all of it fails to decrypt, and inside the messages of a peer that has all
the keys, where it reaches every parser and every check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handshake.parties import (
    ONLY_P256,
    client_config,
    connect,
    credential,
    deliver,
    exchange,
    meddling_client,
    meddling_server,
    server_config,
    shaken,
)
from turtls.config import (
    ClientAuth,
    ClientConfig,
    DangerAcceptAnyCertificate,
    Policy,
    PreSharedKey,
    ServerConfig,
    Session,
)
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.errors import AlertDescription, PeerAlert, TLSError
from turtls.events import SessionReceived
from turtls.record.limits import MAX_CERTIFICATE_MESSAGE, MAX_CIPHERTEXT13
from turtls.wire.messages import HandshakeMessage
from turtls.wire.registries import ProtocolVersion

MOST_KEPT = 5 + MAX_CIPHERTEXT13 + 4 + MAX_CERTIFICATE_MESSAGE
"""Bytes of an unfinished record and of an unfinished message."""


def kept(side: Connection) -> int:
    return len(side._records.inbound) + len(side._carrier.messages._buffer)


def feed(side: Connection, data: bytes) -> bool:
    """Whether the connection goes on. If not, it has said why, and stays that way."""
    final: TLSError | None = None
    try:
        deliver(side, data)
    except TLSError as error:
        final = error
    if final is None:
        assert kept(side) <= MOST_KEPT
        return True
    assert isinstance(final, PeerAlert) or side.data_to_send()
    with pytest.raises(TLSError) as again:
        side.receive_data(b"more")
    assert again.value is final
    return False


# ------------------------------------------------------------------------------------------- configurations


class OneSession:
    """A store with one session, for any number of handshakes."""

    def __init__(self, session: Session | None) -> None:
        self.session = session

    def put(self, key: str, session: Session) -> None:
        """Not kept."""

    def take(self, key: str) -> Session | None:
        return self.session


class Credulous:
    """A guard against replays that believes in everybody."""

    zone = b"everywhere"

    def claim(self, ticket: bytes, until: float, now: float) -> bool:
        return True


def starting(name: str) -> tuple[ClientConnection, ServerConnection]:
    """The two sides of a scenario."""
    return connect(*scenarios()[name], early_data=b"early" * 10 if name == "early data" else b"")


Parties = tuple[ClientConfig, ServerConfig]


@cache
def scenarios() -> dict[str, Parties]:
    client = client_config(sessions=OneSession(None), alpn=("h2",), record_size_limit=1000)
    server = server_config(alpn=("h2",), record_size_limit=2000)
    mutual = server_config(client_auth=ClientAuth.REQUEST, verifier=DangerAcceptAnyCertificate())
    known = client_config(sessions=None, credentials=(credential("client.example"),))
    early = replace(server, max_early_data=1000, replay_guard=Credulous())
    psk = PreSharedKey(b"me", b"k" * 32)
    old: dict[str, Any] = {"policy": replace(Policy.LEGACY, versions=Policy.LEGACY.versions[1:])}
    oldest: dict[str, Any] = {"policy": replace(Policy.LEGACY, versions=(ProtocolVersion.TLS_1_0,))}
    return {
        "full": (client, server),
        "retry": (client, server_config(policy=ONLY_P256)),
        "client certificate": (known, mutual),
        "resumed": (resuming(client, server), server),
        "early data": (resuming(client, early), early),
        "pre-shared key": (client_config(verifier=None, psks=(psk,)), server_config(psks={psk.identity: psk}.get)),
        "TLS 1.2": (replace(known, **old), replace(mutual, **old)),
        "TLS 1.2 resumed": (resuming(replace(client, **old), replace(server, **old)), replace(server, **old)),
        "TLS 1.0": (replace(known, **oldest), replace(mutual, **oldest)),
    }


def resuming(client: ClientConfig, server: ServerConfig) -> ClientConfig:
    """A client that always resumes the same session."""
    events, _ = exchange(*connect(client, server))
    session = next(event.session for event in events if isinstance(event, SessionReceived))
    return replace(client, sessions=OneSession(session))


NAMES = [
    *("full", "retry", "client certificate", "resumed", "early data", "pre-shared key"),
    *("TLS 1.2", "TLS 1.2 resumed", "TLS 1.0"),
]
handshakes = st.sampled_from(NAMES)


def test_the_scenarios_are_what_they_say() -> None:
    assert list(scenarios()) == NAMES
    for name in scenarios():
        sides = starting(name)
        exchange(*sides)
        assert sides[0].negotiated is not None
        assert sides[0].negotiated.resumed is (name.endswith("resumed") or name == "early data")
        assert sides[0].negotiated.early_data is (name == "early data")
        assert sides[0].negotiated.hello_retry is (name == "retry")
        assert (sides[0].negotiated.version < ProtocolVersion.TLS_1_3) is name.startswith("TLS")


# ------------------------------------------------------------------------------------------- noise on the wire


def inserted(data: bytes, position: int, noise: bytes) -> bytes:
    position %= len(data) + 1
    return data[:position] + noise + data[position:]


def flipped(data: bytes, position: int, mask: int) -> bytes:
    changed = bytearray(data)
    changed[position % len(data)] ^= mask
    return bytes(changed)


Noise = Callable[[bytes], bytes]
positions = st.integers(0, 2**16)
noises: st.SearchStrategy[Noise] = st.one_of(
    st.builds(lambda at, mask: lambda data: flipped(data, at, mask), positions, st.integers(1, 255)),
    st.builds(lambda at: lambda data: data[: at % (len(data) + 1)], positions),
    st.builds(lambda at: lambda data: data[at % (len(data) + 1) :], positions),
    st.builds(lambda at, noise: lambda data: inserted(data, at, noise), positions, st.binary(min_size=1, max_size=64)),
    st.just(lambda data: data + data),
    st.builds(lambda noise: lambda data: noise, st.binary(max_size=300)),
    st.builds(
        lambda kind, body: lambda data: bytes((kind, 3, 3)) + len(body).to_bytes(2, "big") + body + data,
        st.integers(19, 25),
        st.binary(max_size=300),
    ),
    st.builds(lambda at: lambda data: reordered(data, at), positions),
)


def records_of(data: bytes) -> list[bytes]:
    found = []
    while len(data) >= 5:
        end = 5 + int.from_bytes(data[3:5], "big")
        found.append(data[:end])
        data = data[end:]
    return found


def reordered(data: bytes, at: int) -> bytes:
    """Two records that follow each other change places."""
    records = records_of(data)
    at %= max(len(records) - 1, 1)
    records[at : at + 2] = reversed(records[at : at + 2])
    return b"".join(records)


@settings(max_examples=300)
@given(name=handshakes, noise=noises, turn=st.integers(0, 5), pieces=st.sampled_from([1, 7, 10_000]))
def test_noise_on_the_wire(name: str, noise: Noise, turn: int, pieces: int) -> None:
    """At each turn of each handshake, to the client and to the server."""
    sides = starting(name)
    for number in range(8):
        sender, receiver = sides[number % 2], sides[1 - number % 2]
        data = sender.data_to_send()
        if number == turn and data:
            data = noise(data)
        for start in range(0, len(data), pieces):
            if not feed(receiver, data[start : start + pieces]):
                feed(sender, receiver.data_to_send())
                return


@given(st.binary(max_size=2000), st.booleans())
def test_noise_from_the_start(noise: bytes, to_server: bool) -> None:
    client, server = connect()
    feed(server if to_server else client, noise)


@settings(max_examples=60)
@given(noise=noises, to_server=st.booleans())
def test_noise_after_the_handshake(noise: Noise, to_server: bool) -> None:
    client, server = shaken()
    sender, receiver = (client, server) if to_server else (server, client)
    sender.send_data(bytes(100))
    sender.update_keys(request_peer=True)
    sender.send_data(bytes(100))
    sender.close()
    if feed(receiver, noise(sender.data_to_send())):
        feed(sender, receiver.data_to_send())


# ------------------------------------------------------------------------------------------- noise in the messages


def resized(raw: bytes) -> bytes:
    """The message with a length in its header that is right again."""
    return raw[:1] + (len(raw) - 4).to_bytes(3, "big") + raw[4:]


message_noises: st.SearchStrategy[Noise] = st.one_of(
    st.builds(lambda at, mask: lambda raw: flipped(raw, at, mask), positions, st.integers(1, 255)),
    st.builds(lambda at: lambda raw: resized(raw[: 4 + at % (len(raw) - 3)]), positions),
    st.builds(
        lambda at, noise: lambda raw: resized(raw[:4] + inserted(raw[4:], at, noise)),
        positions,
        st.binary(min_size=1, max_size=16),
    ),
    st.builds(lambda noise: lambda raw: resized(raw[:4] + noise), st.binary(max_size=200)),
    st.just(lambda raw: raw + raw),
    st.builds(lambda kind: lambda raw: bytes((kind,)) + raw[1:], st.integers(0, 255)),
)


def meddling(noise: Noise, at: int) -> Callable[[int, HandshakeMessage], HandshakeMessage | bytes]:
    return lambda count, message: noise(message.to_bytes()) if count == at else message


@settings(max_examples=500)
@given(name=handshakes, noise=message_noises, at=st.integers(0, 6), by_server=st.booleans())
def test_noise_in_the_messages(name: str, noise: Noise, at: int, by_server: bool) -> None:
    client_side, server_side = scenarios()[name]
    meddle = meddling(noise, at)
    if by_server:
        client, server = starting(name)[0], meddling_server(meddle, server_side)
    else:
        client, server = meddling_client(meddle, client_side), ServerConnection(server_side)
    sides = (client, server)
    for number in range(8):
        sender, receiver = sides[number % 2], sides[1 - number % 2]
        if not feed(receiver, sender.data_to_send()):
            return


# ------------------------------------------------------------------------------------------- slowly


@pytest.mark.parametrize("name", NAMES)
def test_a_byte_at_a_time(name: str) -> None:
    sides = starting(name)
    for number in range(8):
        sender, receiver = sides[number % 2], sides[1 - number % 2]
        for byte in sender.data_to_send():
            receiver.receive_data(bytes((byte,)))
            assert kept(receiver) <= MOST_KEPT
    assert all(side.handshake_done for side in sides)


@pytest.mark.parametrize("name", NAMES)
def test_an_end_at_every_byte(name: str) -> None:
    """Truncation is told from the end at any point."""
    sides = connect(*scenarios()[name])
    flights: list[bytes] = []
    for number in range(6):
        data = sides[number % 2].data_to_send()
        flights.append(data)
        sides[1 - number % 2].receive_data(data)
    for cut in range(0, len(flights[0]), 13):
        server = ServerConnection(scenarios()[name][1])
        server.receive_data(flights[0][:cut])
        with pytest.raises(EOFError, match="cut off in the middle of the handshake"):
            server.receive_eof()
        assert server.data_to_send() == b""  # there is nobody to tell


def test_an_alert_is_known_or_a_number() -> None:
    _, server = connect()
    with pytest.raises(PeerAlert) as caught:
        server.receive_data(bytes.fromhex("15030300020228"))
    assert caught.value.alert is AlertDescription.HANDSHAKE_FAILURE
    assert "handshake_failure" in str(caught.value)
    _, server = connect()
    with pytest.raises(PeerAlert, match="250"):
        server.receive_data(bytes.fromhex("150303000202fa"))
