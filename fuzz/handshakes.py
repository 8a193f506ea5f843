"""Whole connections, against a peer that plays a script (`fuzz.scripts`): over TLS records and over QUIC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from fuzz import scenes, scripts
from turtls.config import ClientConfig, ServerConfig
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.errors import ClosedError, ConfigError, PeerAlert, TLSError, TruncatedError
from turtls.events import DataReceived, Event
from turtls.handshake.peer import Level
from turtls.quic import QuicClientConnection, QuicConnection, QuicServerConnection
from turtls.record.limits import (
    MAX_BUFFERED_WHILE_PENDING,
    MAX_CERTIFICATE_MESSAGE,
    MAX_CIPHERTEXT12,
    MAX_INNER_PLAINTEXT,
)
from turtls.wire.registries import ContentType

C = TypeVar("C", ClientConfig, ServerConfig)

_MOST_KEPT = 5 + MAX_CIPHERTEXT12 + 4 + MAX_CERTIFICATE_MESSAGE
"""Bytes of an unfinished record and of an unfinished message."""


def client13(script: bytes) -> None:
    """A client of TLS 1.3, from its ClientHello on, and from its early data where it resumes a session."""

    def start(config: ClientConfig) -> ClientConnection:
        return ClientConnection(config, server_name=scenes.NAME, early_data=scenes.EARLY_DATA)

    _play(script, scenes.clients13(), start)


def client12(script: bytes) -> None:
    """A client of TLS 1.2 and earlier."""
    _play(script, scenes.clients12(), lambda config: ClientConnection(config, server_name=scenes.NAME))


def server13(script: bytes) -> None:
    """A server of TLS 1.3."""
    _play(script, scenes.servers13(), ServerConnection)


def server12(script: bytes) -> None:
    """A server of TLS 1.2 and earlier."""
    _play(script, scenes.servers12(), ServerConnection)


def _play(script: bytes, configs: Sequence[C], start: Callable[[C], Connection]) -> None:
    if not script:
        return
    with scenes.believing():
        connection = start(configs[script[0] % len(configs)])
        connection.data_to_send()
        for kind, content in scripts.acts(script[1:]):
            if not _goes_on(connection, _act(connection, kind, content)):
                return


def _act(connection: Connection, kind: int, content: bytes) -> Callable[[], object]:
    if kind >= scripts.DEED:
        deeds = _DEEDS_OF_SERVERS if isinstance(connection, ServerConnection) else _DEEDS
        deed = deeds[(kind - scripts.DEED) % len(deeds)]
        return lambda: deed(connection, content)
    if kind == scripts.BYTES:
        return lambda: connection.receive_data(content)
    if kind == scripts.DATA:
        return lambda: _receive_in_few_bytes(connection, content)
    if kind == scripts.MESSAGE:
        content = scripts.message(content)
    content_type = ContentType.handshake if kind == scripts.FRAGMENT else kind
    return lambda: connection.receive_data(_sealed(connection, content_type, content))


def _sealed(connection: Connection, content_type: int, content: bytes, at_once: int = MAX_INNER_PLAINTEXT) -> bytes:
    """Records as the peer would make them: with the keys that this side is about to open them with, as they are."""
    protection = connection._records._read
    if protection is not None:
        kept = {name: getattr(protection, name) for name in ("_sequence", "_last_block") if hasattr(protection, name)}
        sealed = protection.seal(content_type, content, at_once, 0) if content else b""
        for name, value in kept.items():
            setattr(protection, name, value)
        return sealed
    version = b"\3\3" if connection.negotiated is None else connection.negotiated.version.to_bytes(2, "big")
    return bytes((content_type,)) + version + (len(content) & 0xFFFF).to_bytes(2, "big") + content


def _receive_in_few_bytes(connection: Connection, content: bytes) -> list[Event]:
    """Application data in up to four records at once: if it is taken, then to the byte."""
    was_closed = connection._peer_closed
    events = connection.receive_data(_sealed(connection, ContentType.application_data, content, 2 + len(content) // 4))
    if connection.failure is None and connection.handshake_done and not was_closed:
        assert b"".join(event.data for event in events if isinstance(event, DataReceived)) == content
    return events


_DEEDS: tuple[Callable[[Connection, bytes], object], ...] = (
    lambda connection, content: connection.send_data(content),
    lambda connection, content: connection.update_keys(request_peer=bool(content)),
    lambda connection, content: connection.close(),
    lambda connection, content: connection.receive_eof(),
    lambda connection, content: connection.export_keying_material(content.decode("latin-1"), content, 32),
    lambda connection, content: connection.channel_binding("tls-unique"),
    lambda connection, content: scenes.settle(connection, refuse=bool(content)),
)


def _ask(connection: Connection, content: bytes) -> None:
    if isinstance(connection, ServerConnection):
        connection.request_client_certificate()


_DEEDS_OF_SERVERS = (*_DEEDS, _ask)


def _goes_on(connection: Connection, act: Callable[[], object]) -> bool:
    """Whether the connection lives on. If not, it has said why, and stays that way."""
    try:
        events = act()
    except (ClosedError, ConfigError):  # the application asked for what cannot be had now
        events = []
    except TLSError as error:
        assert connection.failure is error
        events = []
    assert not isinstance(events, list) or all(isinstance(event, Event) for event in events)
    failure = connection.failure
    said = connection.data_to_send()
    if failure is None:
        kept = len(connection._records.inbound) + len(connection._carrier.messages._buffer)
        assert kept <= _MOST_KEPT + (MAX_BUFFERED_WHILE_PENDING if connection._pending is not None else 0)
        return True
    assert said or isinstance(failure, PeerAlert | TruncatedError) or connection._sent_close
    try:
        connection.receive_data(b"more")
    except TLSError as again:
        assert again is failure
    else:
        raise AssertionError("a broken connection takes more")
    return False


# ------------------------------------------------------------------------------------------- QUIC

_LEVELS = tuple(Level)
_TRANSPORT_PARAMETERS = b"\1\2parameters"


def quic_client(script: bytes) -> None:
    """A client whose messages CRYPTO frames carry."""

    def start(config: ClientConfig) -> QuicConnection:
        return QuicClientConnection(
            config,
            server_name=scenes.NAME,
            transport_parameters=_TRANSPORT_PARAMETERS,
            session_key=None,
            early_data=True,
        )

    _play_quic(script, scenes.clients13(), start)


def quic_server(script: bytes) -> None:
    """A server whose messages CRYPTO frames carry."""
    _play_quic(
        script,
        scenes.servers13(),
        lambda config: QuicServerConnection(config, transport_parameters=_TRANSPORT_PARAMETERS),
    )


def _play_quic(script: bytes, configs: Sequence[C], start: Callable[[C], QuicConnection]) -> None:
    """A DEED gives what is waited for. Of other kinds the lowest two bits are the level, and 16 is a whole message."""
    if not script:
        return
    with scenes.believing():
        connection = start(configs[script[0] % len(configs)])
        connection.crypto_to_send()
        for kind, content in scripts.acts(script[1:]):
            data = scripts.message(content) if kind & 16 else content
            try:
                if kind & scripts.DEED:
                    scenes.settle(connection, refuse=bool(content))
                else:
                    connection.receive_crypto(_LEVELS[kind & 3], data)
            except TLSError as error:
                assert connection.failure is error
            connection.crypto_to_send()
            if connection.failure is not None:
                assert connection.crypto_error is not None
                return
            assert connection._pending or len(connection._carrier.messages._buffer) <= 4 + MAX_CERTIFICATE_MESSAGE
        connection.close()
