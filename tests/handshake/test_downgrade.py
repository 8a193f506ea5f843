"""An attacker on the path who wants both sides to speak an older version than they could: both sides notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.handshake.parties import connect
from tests.handshake.test_tls12 import TLS12, client_config, legacy, server_config
from turtls.config import ClientConfig, Policy, ServerConfig
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import AlertDescription, Fault, PeerAlert, ProtocolError, TLSError
from turtls.handshake.client12 import DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12
from turtls.wire.registries import ProtocolVersion

V = ProtocolVersion
Rewrite = Callable[[bytes], bytes]


def untouched(data: bytes) -> bytes:
    return data


def over_a_proxy(
    client_config: ClientConfig, server_config: ServerConfig, to_server: Rewrite, to_client: Rewrite = untouched
) -> tuple[TLSError | None, TLSError | None]:
    """How it ends for the client and for the server, when what they send is rewritten on the way."""
    client, server = connect(client_config, server_config)
    ends: list[TLSError | None] = [None, None]
    while (up := to_server(client.data_to_send())) or not ends[0]:
        ends[1] = ends[1] or ended(server, up)
        down = to_client(server.data_to_send())
        if not up and not down:
            break
        ends[0] = ends[0] or ended(client, down)
    return ends[0], ends[1]


def ended(receiver: ClientConnection | ServerConnection, data: bytes) -> TLSError | None:
    try:
        receiver.receive_data(data)
    except TLSError as error:
        return error
    return None


def hide_supported_versions(data: bytes) -> bytes:
    """Make it an extension that nobody knows: what is left is a ClientHello of TLS 1.2."""
    extension = b"\0\x2b\0\x05\x04\x03\x04\x03\x03"
    return data.replace(extension, b"\x6a\x6a" + extension[2:])


def lower_legacy_version(data: bytes) -> bytes:
    """What a ClientHello of TLS 1.2 opens with, now saying TLS 1.0."""
    return data[:9] + b"\x03\x01" + data[11:] if data[:1] == b"\x16" and data[5:6] == b"\x01" else data


def test_hidden_versions_are_noticed_by_the_client_who_tells_the_server() -> None:
    config = client_config(Policy.INTERMEDIATE, grease=False)
    client_end, server_end = over_a_proxy(config, server_config(Policy.INTERMEDIATE), hide_supported_versions)
    assert isinstance(client_end, ProtocolError)
    assert client_end.fault is Fault.DOWNGRADE
    assert isinstance(server_end, PeerAlert)
    assert server_end.alert == AlertDescription.ILLEGAL_PARAMETER


def test_so_is_a_lowered_version_between_old_peers() -> None:
    both = replace(Policy.LEGACY, versions=(V.TLS_1_2, V.TLS_1_0))
    client_end, server_end = over_a_proxy(client_config(both), server_config(both), lower_legacy_version)
    assert isinstance(client_end, ProtocolError)
    assert client_end.fault is Fault.DOWNGRADE
    assert isinstance(server_end, PeerAlert)
    assert server_end.alert == AlertDescription.ILLEGAL_PARAMETER


def test_who_takes_the_warning_out_breaks_the_server_s_signature() -> None:
    """It covers both randoms (RFC 5246, section 7.4.3)."""

    def take_out_warning(data: bytes) -> bytes:
        return data.replace(DOWNGRADE_TO_TLS12, bytes(8)).replace(DOWNGRADE_TO_TLS11, bytes(8))

    config = client_config(Policy.INTERMEDIATE, grease=False)
    client_end, server_end = over_a_proxy(
        config, server_config(Policy.INTERMEDIATE), hide_supported_versions, take_out_warning
    )
    assert isinstance(client_end, ProtocolError)
    assert client_end.fault is Fault.BAD_SIGNATURE
    assert isinstance(server_end, PeerAlert)
    assert server_end.alert == AlertDescription.DECRYPT_ERROR


def test_a_client_that_was_cut_off_until_it_fell_back_is_refused_by_the_server() -> None:
    """An application that tries again with less says so, and the server knows that it was not the reason."""
    client_end, server_end = over_a_proxy(
        client_config(TLS12, fallback=True), server_config(Policy.INTERMEDIATE), untouched
    )
    assert isinstance(server_end, ProtocolError)
    assert server_end.fault is Fault.INAPPROPRIATE_FALLBACK
    assert isinstance(client_end, PeerAlert)
    assert client_end.alert == AlertDescription.INAPPROPRIATE_FALLBACK


@pytest.mark.parametrize("policy", [TLS12, legacy(V.TLS_1_0)], ids=["1.2", "1.0"])
def test_an_honest_path_is_no_downgrade(policy: Policy) -> None:
    assert over_a_proxy(client_config(policy), server_config(Policy.LEGACY), untouched) == (None, None)
