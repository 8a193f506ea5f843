"""What a connection gives the application beside its data: keys, channel bindings, records of the sizes agreed on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.handshake.parties import (
    NAME,
    POLICY,
    client_config,
    connect,
    credential,
    exchange,
    refusal,
    server_config,
    shaken,
)
from tests.test_connection_ends import TLS12, both, open_under, received, sides, versions
from turtls.config import Policy, PreSharedKey
from turtls.connection import ClientConnection
from turtls.errors import ClosedError, ConfigError, Fault
from turtls.wire.messages import ClientHello

# ------------------------------------------------------------------------------------------- exported keys


@versions
def test_exported_keys_are_the_same_on_both_sides(policy: Policy) -> None:
    client, server = open_under(policy)
    exported = {
        (label, context, length): client.export_keying_material(label, context, length)
        for label in ("EXPORTER-one", "EXPORTER-two")
        for context in (b"", b"context", bytes(1000))
        for length in (1, 32, 8160)
    }
    assert len({value for (_, _, length), value in exported.items() if length == 32}) == 6
    for (label, context, length), value in exported.items():
        assert server.export_keying_material(label, context, length) == value
        assert len(value) == length


def test_no_context_is_an_empty_one_in_tls_13_alone() -> None:
    """RFC 8446, section 7.5; RFC 5705, section 4."""
    for policy, same in ((POLICY, True), (TLS12, False)):
        side, _ = open_under(policy)
        without, empty = (side.export_keying_material("EXPORTER-x", context, 32) for context in (None, b""))
        assert (without == empty) is same


@pytest.mark.parametrize(
    ("label", "length"),
    [("EXPORTER-ä", 32), ("x" * 250, 32), ("EXPORTER-x", 0), ("EXPORTER-x", -1), ("EXPORTER-x", 8161)],
)
def test_what_cannot_be_exported(label: str, length: int) -> None:
    side, _ = shaken()
    with pytest.raises(ConfigError):
        side.export_keying_material(label, b"", length)


@both
def test_nothing_is_exported_before_the_handshake(first: str) -> None:
    one, _ = sides(first, *connect())
    with pytest.raises(ClosedError, match="not done"):
        one.export_keying_material("EXPORTER-x", b"", 32)
    with pytest.raises(ClosedError, match="not done"):
        one.channel_binding("tls-exporter")


# ------------------------------------------------------------------------------------------- channel bindings


@versions
def test_channel_bindings_are_the_same_on_both_sides(policy: Policy) -> None:
    client, server = open_under(policy)
    kinds = ["tls-exporter", "tls-server-end-point"] + (["tls-unique"] if policy is TLS12 else [])
    bindings = [client.channel_binding(kind) for kind in kinds]
    assert bindings == [server.channel_binding(kind) for kind in kinds]
    assert len(set(bindings)) == len(kinds)
    assert bindings[0] == client.export_keying_material("EXPORTER-Channel-Binding", b"", 32)
    again, _ = open_under(policy)
    assert again.channel_binding("tls-exporter") != bindings[0]
    assert again.channel_binding("tls-server-end-point") == bindings[1]


def test_channel_bindings_that_there_are_not() -> None:
    for side in shaken():
        with pytest.raises(ConfigError, match="tls-unique"):
            side.channel_binding("tls-unique")
        with pytest.raises(ConfigError, match="tls-banana"):
            side.channel_binding("tls-banana")


def test_a_shared_secret_shows_no_certificate_to_bind_to() -> None:
    policy = replace(Policy.from_string("PSK-AES128-GCM-SHA256"), versions=TLS12.versions)
    key = PreSharedKey(b"me", bytes(16))
    parties = shaken(
        client_config(policy=policy, psks=(key,)), server_config(policy=policy, psks={key.identity: key}.get)
    )
    for side in parties:
        with pytest.raises(ConfigError):
            side.channel_binding("tls-server-end-point")


def test_a_resumed_session_shows_no_certificate_to_bind_to() -> None:
    """A server does not know any more which one it showed; the client does."""
    configs = client_config(), server_config()
    shaken(*configs)
    client, server = shaken(*configs)
    assert client.channel_binding("tls-server-end-point")
    with pytest.raises(ConfigError, match="resumed"):
        server.channel_binding("tls-server-end-point")


# ------------------------------------------------------------------------------------------- records


def sizes(data: bytes) -> list[int]:
    """The lengths of the records' bodies."""
    found = []
    while data:
        length = int.from_bytes(data[3:5], "big")
        found.append(length)
        data = data[5 + length :]
    return found


TAG = 16


def test_record_size_limits_bind_both_ways() -> None:
    """RFC 8449: in TLS 1.3 the content type counts, and the tag does not."""
    client, server = shaken(client_config(record_size_limit=100), server_config(record_size_limit=300))
    client.send_data(bytes(1000))
    to_server = client.data_to_send()
    assert sizes(to_server) == [300 + TAG] * 3 + [1000 - 3 * 299 + 1 + TAG]
    assert received(server, to_server) == bytes(1000)
    server.send_data(bytes(250))
    to_client = server.data_to_send()
    assert sizes(to_client) == [100 + TAG] * 2 + [250 - 2 * 99 + 1 + TAG]
    assert received(client, to_client) == bytes(250)


def test_a_client_that_sets_no_limit_gets_none() -> None:
    client, server = shaken(client_config(), server_config(record_size_limit=300))
    for side in (client, server):
        side.send_data(bytes(1000))
        assert len(sizes(side.data_to_send())) == 1


@both
def test_a_record_over_the_limit_is_refused(first: str) -> None:
    parties = shaken(client_config(record_size_limit=100), server_config(record_size_limit=100))
    one, other = sides(first, *parties)
    one._records.send_limit = 101
    one.send_data(bytes(100))
    error = refusal(other, one.data_to_send())
    assert error is not None
    assert error.fault is Fault.RECORD_LIMIT_EXCEEDED


@pytest.mark.parametrize("padding", [0, 1, 64, 2**14])
def test_padding_hides_lengths(padding: int) -> None:
    client, server = shaken(client_config(record_padding=padding), server_config(record_padding=padding))
    step = padding or 1
    for one, other in ((client, server), (server, client)):
        for length in (1, 5, 63, 64):
            one.send_data(bytes(length))
            data = one.data_to_send()
            assert sizes(data) == [-(-(length + 1) // step) * step + TAG]
            assert received(other, data) == bytes(length)


def test_the_first_record_is_modest_and_the_others_are_not() -> None:
    """Section 5.1: 0x0301 for a first ClientHello at the most."""
    client, server = connect(server=server_config(policy=replace(POLICY, groups=POLICY.groups[1:])))
    first = client.data_to_send()
    assert first[1:3] == b"\x03\x01"
    server.receive_data(first)
    answer = server.data_to_send()
    assert answer[1:3] == b"\x03\x03"
    client.receive_data(answer)
    second = client.data_to_send()
    assert second[:6] == bytes.fromhex("140303000101")
    assert second[6:9] == b"\x16\x03\x03"


# ------------------------------------------------------------------------------------------- many connections


def test_a_new_configuration_is_for_new_connections() -> None:
    """Hot reload."""
    client, before = client_config(sessions=None), server_config()
    open_before = shaken(client, before)
    open_after = shaken(client, replace(before, credentials=(credential("b.example"),)))
    for pair, shown in ((open_before, NAME), (open_after, "b.example")):
        assert pair[0].negotiated is not None
        assert pair[0].negotiated.peer is not None
        assert pair[0].negotiated.peer.leaf.dns_names == (shown,)
        pair[0].send_data(b"x")
        assert received(pair[1], pair[0].data_to_send()) == b"x"


def test_two_clients_have_nothing_in_common() -> None:
    hellos = []
    for _ in range(2):
        [raw] = ClientConnection(client_config(), server_name=NAME)._carrier._unsent
        hellos.append(ClientHello.from_bytes(raw))
    assert hellos[0].random != hellos[1].random
    assert hellos[0].legacy_session_id != hellos[1].legacy_session_id


def test_keys_last_as_long_as_the_connection() -> None:
    client, server = shaken()
    client.close()
    exchange(client, server)
    assert client.export_keying_material("EXPORTER-x", None, 32) == server.export_keying_material(
        "EXPORTER-x", None, 32
    )
    server.close()
    exchange(client, server)
    for side in (client, server):
        with pytest.raises(ClosedError):
            side.export_keying_material("EXPORTER-x", None, 32)
