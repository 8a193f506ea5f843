"""Who talks in these tests: two honest parties in memory, and parties that send something else than they should.

A `Meddler` sits where a connection's messages leave it. What it makes of a message goes out under the right keys and
into the party's own transcript, so the other side finds nothing wrong but the message itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import turtls.handshake.endpoint
from tests.pki.chains import certificate
from turtls.config import ClientConfig, Credential, DangerAcceptAnyCertificate, Policy, ServerConfig
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.crypto.signatures import KeySigner
from turtls.errors import Fault, PeerAlert, ProtocolError
from turtls.events import Event
from turtls.handshake.peer import Peer
from turtls.wire.codec import Structure
from turtls.wire.extensions import AnyExtension, ExtensionBody, Extensions
from turtls.wire.messages import HandshakeMessage
from turtls.wire.registries import NamedGroup

NAME = "a.example"

POLICY = replace(
    Policy.MODERN,
    groups=(NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup.secp384r1, NamedGroup.x448),
    key_share_groups=(NamedGroup.x25519,),
)
"""Small and quick ClientHellos."""

ONLY_P256 = replace(POLICY, groups=(NamedGroup.secp256r1,), key_share_groups=(NamedGroup.secp256r1,))
"""A server of this one sends a client of the one above a HelloRetryRequest."""

E = TypeVar("E", bound=Event)
M = TypeVar("M", bound=HandshakeMessage)


@cache
def credential(name: str = NAME) -> Credential:
    """Self-signed: these tests trust anybody."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Credential((certificate(name, names=(name,), key=key).der,), KeySigner(key))


def client_config(**options: Any) -> ClientConfig:
    defaults: dict[str, Any] = {"policy": POLICY, "verifier": DangerAcceptAnyCertificate()}
    return ClientConfig(**(defaults | options))


def server_config(**options: Any) -> ServerConfig:
    defaults: dict[str, Any] = {"policy": POLICY, "credentials": (credential(),)}
    return ServerConfig(**(defaults | options))


# ------------------------------------------------------------------------------------------- honest parties


def connect(
    client: ClientConfig | None = None, server: ServerConfig | None = None, **options: Any
) -> tuple[ClientConnection, ServerConnection]:
    """A client and a server that have not talked yet."""
    return (
        ClientConnection(client or client_config(), **({"server_name": NAME} | options)),
        ServerConnection(server or server_config()),
    )


def exchange(client: Connection, server: Connection) -> tuple[list[Event], list[Event]]:
    """Carry bytes to and fro until there are none; gives what happened to each."""
    happened: tuple[list[Event], list[Event]] = ([], [])
    while (to_server := client.data_to_send()) or (to_client := server.data_to_send()):
        if to_server:
            happened[1].extend(deliver(server, to_server))
            to_client = server.data_to_send()
        if to_client:
            happened[0].extend(deliver(client, to_client))
    return happened


def deliver(receiver: Connection, data: bytes) -> list[Event]:
    """What comes of the data. Raises what the connection ended with, even where something came before that."""
    events = receiver.receive_data(data)
    if receiver.failure is not None:
        raise receiver.failure
    return events


def shaken(
    client: ClientConfig | None = None, server: ServerConfig | None = None, **options: Any
) -> tuple[ClientConnection, ServerConnection]:
    """A client and a server that have shaken hands."""
    parties = connect(client, server, **options)
    exchange(*parties)
    assert parties[0].handshake_done
    assert parties[1].handshake_done
    return parties


def only(kind: type[E], events: Iterable[Event]) -> E:
    """The one event of that kind."""
    [event] = [event for event in events if isinstance(event, kind)]
    return event


def refused(client: Connection, server: Connection) -> Fault:
    """Carry bytes to and fro until one side refuses what came; gives the fault. The other must have been told."""
    fault = fault_between(client, server)
    assert fault is not None, "nobody refused anything"
    return fault


def fault_between(client: Connection, server: Connection) -> Fault | None:
    """As `refused`; None if neither side refuses anything, and both fall silent."""
    parties = (client, server)
    silent = turn = 0
    while silent < 2:
        sender, receiver = parties[turn % 2], parties[1 - turn % 2]
        data = sender.data_to_send()
        if (error := refusal(receiver, data)) is not None:
            with pytest.raises(PeerAlert) as told:
                deliver(sender, receiver.data_to_send())
            assert told.value.alert == error.alert
            return error.fault
        silent = 0 if data else silent + 1
        turn += 1
    return None


def refusal(receiver: Connection, data: bytes) -> ProtocolError | None:
    """What a connection says against the data; None if it takes it."""
    try:
        deliver(receiver, data)
    except ProtocolError as error:
        return error
    return None


# ------------------------------------------------------------------------------------------- others

Sent = HandshakeMessage | bytes
Meddle = Callable[[int, HandshakeMessage], Sent | Iterable[Sent]]
"""What to send in the place of a message; it is told how many this party has sent before."""


def copied(value: Any) -> Any:
    """The message, or what it is made of, once more, to be changed."""
    if isinstance(value, Structure):
        return type(value)(**{name: copied(getattr(value, name)) for name in value.__fields__})
    if isinstance(value, Extensions):
        return Extensions([copied(body) for body in value])
    return [copied(item) for item in value] if isinstance(value, list) else value


class Meddler(Peer):
    """Sends what `meddle` makes of each message."""

    __slots__ = ("_count", "_meddle")

    def __init__(self, meddle: Meddle, *args: Any) -> None:
        super().__init__(*args)
        self._meddle = meddle
        self._count = 0

    def send_raw(self, raw: bytes, message: HandshakeMessage) -> bytes:
        instead = self._meddle(self._count, copied(type(message).from_bytes(raw)))  # what is kept is not to change
        self._count += 1
        sent = [instead] if isinstance(instead, HandshakeMessage | bytes) else instead
        raws = [one if isinstance(one, bytes) else one.to_bytes() for one in sent]
        for raw in raws:
            self.carrier.write_handshake(raw)
        return b"".join(raws)


def meddling_client(meddle: Meddle, config: ClientConfig | None = None, **options: Any) -> ClientConnection:
    """A client that sends what `meddle` makes of its messages."""
    with patch.object(turtls.handshake.endpoint, "Peer", lambda *args: Meddler(meddle, *args)):
        return ClientConnection(config or client_config(), **({"server_name": NAME} | options))


def meddling_server(meddle: Meddle, config: ServerConfig | None = None) -> ServerConnection:
    """A server that sends what `meddle` makes of its messages."""
    with patch.object(turtls.handshake.endpoint, "Peer", lambda *args: Meddler(meddle, *args)):
        return ServerConnection(config or server_config())


def replacing(kind: type[M], change: Callable[[M], Sent | Iterable[Sent] | None], *, at: int = 0) -> Meddle:
    """Meddle with the message of that kind that comes after `at` others of it; None stands for the changed message."""
    seen = 0

    def meddle(_count: int, message: HandshakeMessage) -> Sent | Iterable[Sent]:
        nonlocal seen
        if type(message) is not kind:
            return message
        seen += 1
        instead = change(message) if seen == at + 1 else message
        return message if instead is None else instead

    return meddle


def adding(*bodies: AnyExtension) -> Callable[[Any], None]:
    """Change a message: add extensions, each in the place of the one of its type."""

    def change(message: Any) -> None:
        for body in bodies:
            message.extensions.add(body)

    return change


def without(*forms: type[ExtensionBody]) -> Callable[[Any], None]:
    """Change a message: take extensions out."""

    def change(message: Any) -> None:
        for form in forms:
            message.extensions.remove(form)

    return change


def setting(**values: Any) -> Callable[[Any], None]:
    """Change a message: set fields."""

    def change(message: Any) -> None:
        for name, value in values.items():
            setattr(message, name, value)

    return change
