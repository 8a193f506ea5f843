"""Every point at which a handshake of TLS 1.3 waits, tried against everything that may not come there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest

import turtls.handshake.endpoint
from tests.handshake.parties import (
    NAME,
    ONLY_P256,
    client_config,
    credential,
    exchange,
    fault_between,
    meddling_client,
    meddling_server,
    refusal,
    refused,
    server_config,
    shaken,
)
from turtls.config import ClientAuth, ClientConfig, DangerAcceptAnyCertificate, PreSharedKey, ServerConfig, Zlib
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.errors import Fault, PeerAlert
from turtls.handshake.over_records import RecordCarrier
from turtls.handshake.peer import Peer
from turtls.record.layer import RecordLayer
from turtls.wire.messages import HandshakeMessage
from turtls.wire.registries import ContentType, HandshakeType

T = HandshakeType
EVERY_TYPE = frozenset(T.members()) | {T(99), T(255)}

CH, SH, EE, CR, CT, CC, CV, FIN, EOED = (
    T.client_hello,
    T.server_hello,
    T.encrypted_extensions,
    T.certificate_request,
    T.certificate,
    T.compressed_certificate,
    T.certificate_verify,
    T.finished,
    T.end_of_early_data,
)
AFTER_FOR_CLIENT = {T.new_session_ticket, T.key_update, T.certificate_request}
AFTER_FOR_SERVER = {T.key_update, CT, CC}  # a server can unpack what is compressed, if it is not told otherwise


@dataclass
class Scenario:
    """A handshake, and what each side may wait for before each message of the other."""

    client: Callable[[], ClientConfig]
    server: Callable[[], ServerConfig]
    client_waits: list[set[HandshakeType]]
    server_waits: list[set[HandshakeType]]
    before: Callable[[ClientConfig, ServerConfig], Any] = lambda client, server: None
    early_data: bytes = b""


PSK = PreSharedKey(b"me", b"k" * 32)
AUTHENTICATED = {"client_auth": ClientAuth.REQUEST, "verifier": DangerAcceptAnyCertificate()}
SCENARIOS = {
    "full": Scenario(
        client_config,
        server_config,
        [{SH}, {EE}, {CR, CT}, {CV}, {FIN}, AFTER_FOR_CLIENT, AFTER_FOR_CLIENT],
        [{CH}, {FIN}, AFTER_FOR_SERVER],
    ),
    "retry": Scenario(
        client_config,
        lambda: server_config(policy=ONLY_P256),
        [{SH}, {SH}, {EE}, {CR, CT}, {CV}, {FIN}],
        [{CH}, {CH}, {FIN}],
    ),
    "resumed": Scenario(
        client_config, server_config, [{SH}, {EE}, {FIN}, AFTER_FOR_CLIENT], [{CH}, {FIN}, AFTER_FOR_SERVER], shaken
    ),
    "early data": Scenario(
        client_config,
        lambda: server_config(max_early_data=100),
        [{SH}, {EE}, {FIN}, AFTER_FOR_CLIENT],
        [{CH}, {EOED}, {FIN}, AFTER_FOR_SERVER],
        shaken,
        b"early data",
    ),
    "pre-shared key": Scenario(
        lambda: client_config(verifier=None, psks=(PSK,)),
        lambda: server_config(credentials=(), psks={PSK.identity: PSK}.get),
        [{SH}, {EE}, {FIN}, AFTER_FOR_CLIENT],
        [{CH}, {FIN}, AFTER_FOR_SERVER],
    ),
    "compressed": Scenario(
        lambda: client_config(certificate_compression=(Zlib(),)),
        lambda: server_config(certificate_compression=(), **AUTHENTICATED),
        [{SH}, {EE}, {CR, CT, CC}, {CT, CC}, {CV}, {FIN}],
        [{CH}, {CT}, {FIN}, {T.key_update, CT}],
    ),
    "client certificate": Scenario(
        lambda: client_config(credentials=(credential("client.example"),)),
        lambda: server_config(**AUTHENTICATED),
        [{SH}, {EE}, {CR, CT}, {CT}, {CV}, {FIN}],
        [{CH}, {CT, CC}, {CV}, {FIN}, AFTER_FOR_SERVER],
    ),
    "no client certificate": Scenario(
        client_config,
        lambda: server_config(**AUTHENTICATED),
        [{SH}, {EE}, {CR, CT}, {CT}, {CV}, {FIN}],
        [{CH}, {CT, CC}, {FIN}, AFTER_FOR_SERVER],
    ),
    "client certificate later": Scenario(
        lambda: client_config(credentials=(credential("client.example"),), post_handshake_auth=True),
        lambda: server_config(verifier=DangerAcceptAnyCertificate(), tickets_to_send=0),
        [{SH}, {EE}, {CR, CT}, {CV}, {FIN}, AFTER_FOR_CLIENT],
        [{CH}, {FIN}, AFTER_FOR_SERVER, {CV}, {FIN}, AFTER_FOR_SERVER],
    ),
}


def points(side: str) -> list[Any]:
    """Each scenario, each point at which that side waits, each type that may not come there."""
    return [
        pytest.param(scenario, index, kind, id=f"{name}-{index}-{kind}")
        for name, scenario in SCENARIOS.items()
        for index, allowed in enumerate(getattr(scenario, f"{side}_waits"))
        for kind in sorted(EVERY_TYPE - allowed)
    ]


def instead(index: int, kind: HandshakeType) -> Callable[[int, HandshakeMessage], HandshakeMessage | bytes]:
    return lambda count, message: bytes((kind, 0, 0, 0)) if count == index else message


def fault_in(client: ClientConnection, server: ServerConnection) -> Fault | None:
    """The fault that comes of one wrong message, in the handshake or behind it."""
    if (fault := fault_between(client, server)) is not None:
        return fault
    if client._client_config.post_handshake_auth:
        server.request_client_certificate()
        if (fault := fault_between(client, server)) is not None:
            return fault
    client.update_keys(request_peer=True)
    return fault_between(client, server)


@pytest.mark.parametrize(("scenario", "index", "kind"), points("client"))
def test_a_client_refuses_every_other_message(scenario: Scenario, index: int, kind: HandshakeType) -> None:
    config, server_side = scenario.client(), scenario.server()
    scenario.before(config, server_side)
    server = meddling_server(instead(index, kind), server_side)
    client = ClientConnection(config, server_name=NAME, early_data=scenario.early_data)
    assert fault_in(client, server) is Fault.UNEXPECTED_MESSAGE


@pytest.mark.parametrize(("scenario", "index", "kind"), points("server"))
def test_a_server_refuses_every_other_message(scenario: Scenario, index: int, kind: HandshakeType) -> None:
    config, server_side = scenario.client(), scenario.server()
    scenario.before(config, server_side)
    client = meddling_client(instead(index, kind), config, early_data=scenario.early_data)
    assert fault_in(client, ServerConnection(server_side)) is Fault.UNEXPECTED_MESSAGE


# ------------------------------------------------------------------------------------------- records of other types


class Interjecting(Peer):
    """Sends a record of another type before one of its messages, under the same keys."""

    __slots__ = ("_interjection", "_number")

    def __init__(self, interjection: tuple[int, ContentType, bytes], *args: Any) -> None:
        super().__init__(*args)
        self._interjection = interjection
        self._number = 0

    def send_raw(self, raw: bytes, message: HandshakeMessage) -> bytes:
        before, content_type, content = self._interjection
        if self._number == before:
            assert isinstance(self.carrier, RecordCarrier)
            self.carrier.flush()
            self.carrier.records.write(content_type, content)
        self._number += 1
        return super().send_raw(raw, message)


@contextmanager
def interjecting(before: int, content_type: ContentType, content: bytes) -> Iterator[None]:
    """Connections made inside send that record before their message of that number."""
    interjection = (before, content_type, content)
    with patch.object(turtls.handshake.endpoint, "Peer", lambda *args: Interjecting(interjection, *args)):
        yield


def in_scenario(
    name: str, sender: str, before: int, content_type: ContentType, content: bytes
) -> tuple[ClientConnection, ServerConnection]:
    """The two sides of a scenario, of which the sender interjects a record."""
    scenario = SCENARIOS[name]
    config, server_side = scenario.client(), scenario.server()
    scenario.before(config, server_side)
    if sender == "server":
        with interjecting(before, content_type, content):
            server = ServerConnection(server_side)
        return ClientConnection(config, server_name=NAME, early_data=scenario.early_data), server
    with interjecting(before, content_type, content):
        client = ClientConnection(config, server_name=NAME, early_data=scenario.early_data)
    return client, ServerConnection(server_side)


def positions(sender: str, first: int, but: tuple[str, int] = ("", 0)) -> list[Any]:
    """Each scenario with each message that the sender sends in the handshake, from its number `first` on."""
    waits = "client_waits" if sender == "server" else "server_waits"
    return [
        pytest.param(name, number, id=f"{name}-{number}")
        for name, scenario in SCENARIOS.items()
        for number in range(first, getattr(scenario, waits).index({FIN}) + 1)
        if (name, number) != but
    ]


@pytest.mark.parametrize(("name", "before"), positions("server", 0))
def test_a_client_takes_no_data_before_the_server_is_known(name: str, before: int) -> None:
    parties = in_scenario(name, "server", before, ContentType.application_data, b"too early")
    assert refused(*parties) is Fault.UNEXPECTED_RECORD


@pytest.mark.parametrize(("name", "before"), positions("client", 0, but=("early data", 1)))
def test_a_server_takes_no_data_before_the_client_is_known(name: str, before: int) -> None:
    parties = in_scenario(name, "client", before, ContentType.application_data, b"too early")
    assert refused(*parties) is Fault.UNEXPECTED_RECORD


@pytest.mark.parametrize(("name", "before"), positions("server", 1))
def test_a_client_ignores_change_cipher_spec_in_the_handshake(name: str, before: int) -> None:
    client, server = in_scenario(name, "server", before, ContentType.change_cipher_spec, b"\1")
    with plain_change_cipher_spec():
        exchange(client, server)
    assert client.handshake_done
    assert server.handshake_done


@pytest.mark.parametrize(("name", "before"), positions("client", 1))
def test_a_server_ignores_change_cipher_spec_in_the_handshake(name: str, before: int) -> None:
    client, server = in_scenario(name, "client", before, ContentType.change_cipher_spec, b"\1")
    with plain_change_cipher_spec():
        exchange(client, server)
    assert client.handshake_done
    assert server.handshake_done


@contextmanager
def plain_change_cipher_spec() -> Iterator[None]:
    """Write change_cipher_spec in the clear under any keys, as appendix D.4 has it."""
    write = RecordLayer.write

    def in_the_clear(self: RecordLayer, content_type: ContentType, data: bytes) -> None:
        if content_type != ContentType.change_cipher_spec:
            write(self, content_type, data)
        else:
            self.outbound.append(CHANGE_CIPHER_SPEC)

    with patch.object(RecordLayer, "write", in_the_clear):
        yield


CHANGE_CIPHER_SPEC = bytes.fromhex("140303000101")


@pytest.mark.parametrize("content", [b"\2", b"\1\1", b"\0"])
def test_a_change_cipher_spec_of_another_kind(content: bytes) -> None:
    record = b"\x14\x03\x03" + len(content).to_bytes(2, "big") + content
    client, server = ClientConnection(client_config(), server_name=NAME), ServerConnection(server_config())
    server.receive_data(client.data_to_send())
    for side in (client, server):
        error = refusal(side, record)
        assert error is not None
        assert error.fault is Fault.UNEXPECTED_RECORD


def test_change_cipher_spec_before_the_first_message() -> None:
    """Section 5: before the ClientHello; and a client does not know yet what version it is for."""
    for side in (ClientConnection(client_config(), server_name=NAME), ServerConnection(server_config())):
        error = refusal(side, CHANGE_CIPHER_SPEC)
        assert error is not None
        assert error.fault is Fault.UNEXPECTED_RECORD


def test_change_cipher_spec_after_the_handshake() -> None:
    for side in shaken():
        error = refusal(side, CHANGE_CIPHER_SPEC)
        assert error is not None
        assert error.fault is Fault.UNEXPECTED_RECORD


def test_change_cipher_spec_under_keys() -> None:
    """Section 5: it is never protected."""
    for parties in (shaken(), shaken()[::-1]):
        sender, receiver = parties
        sender._records.write(ContentType.change_cipher_spec, b"\1")
        error = refusal(receiver, sender.data_to_send())
        assert error is not None
        assert error.fault is Fault.UNEXPECTED_RECORD


def told(side: Connection, data: bytes) -> PeerAlert:
    with pytest.raises(PeerAlert) as caught:
        side.receive_data(data)
    return caught.value


@pytest.mark.parametrize("level", [1, 2, 7])
@pytest.mark.parametrize("sender", ["client", "server"])
def test_an_alert_ends_the_handshake_whatever_its_level_says(level: int, sender: str) -> None:
    """Section 6: in TLS 1.3 the level says nothing."""
    for before in (1, 2):
        content = bytes((level, 80))
        client, server = in_scenario("client certificate", sender, before, ContentType.alert, content)
        with pytest.raises(PeerAlert) as caught:
            exchange(client, server)
        assert caught.value.alert == 80


def test_a_client_that_fails_early_may_say_so_in_the_clear() -> None:
    """It has no keys yet, the server has."""
    client, server = ClientConnection(client_config(), server_name=NAME), ServerConnection(server_config())
    server.receive_data(client.data_to_send())
    assert told(server, bytes.fromhex("1503030002022f")).alert == 47
    client, server = shaken()
    error = refusal(server, bytes.fromhex("1503030002022f"))
    assert error is not None
    assert error.fault is Fault.UNEXPECTED_RECORD


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_each_scenario_is_what_its_table_says(scenario: Scenario) -> None:
    """The tables are only worth something if each message comes at its place."""
    for side, waits in (("client", scenario.client_waits), ("server", scenario.server_waits)):
        config, server_side = scenario.client(), scenario.server()
        scenario.before(config, server_side)
        sent: list[HandshakeType] = []

        def note(_count: int, message: HandshakeMessage, sent: list[HandshakeType] = sent) -> HandshakeMessage:
            sent.append(message.msg_type)
            return message

        early_data = scenario.early_data
        if side == "client":
            client = ClientConnection(config, server_name=NAME, early_data=early_data)
            parties = client, meddling_server(note, server_side)
        else:
            client = meddling_client(note, config, early_data=early_data)
            parties = client, ServerConnection(server_side)
        assert fault_in(*parties) is None
        assert len(sent) >= len(waits)
        assert all(kind in allowed for kind, allowed in zip(sent, waits, strict=False))
