from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace

import pytest

from tests.handshake.parties import NAME, client_config, credential, only, server_config
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import AlertDescription, Fault, PeerAlert, ProtocolError
from turtls.events import Pending
from turtls.record import limits
from turtls.wire.registries import SignatureScheme


class SlowSigner:
    """Never done in these tests."""

    async def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
        raise NotImplementedError


def test_a_peer_that_sends_on_while_an_answer_is_awaited_is_cut_off() -> None:
    server = ServerConnection(server_config(credentials=(replace(credential(), signer=SlowSigner()),)))
    client = ClientConnection(client_config(), server_name=NAME)
    pending = only(Pending, server.receive_data(client.data_to_send()))
    for _ in range(limits.MAX_BUFFERED_WHILE_PENDING // 2**14):
        assert server.receive_data(bytes(2**14)) == []
    with pytest.raises(ProtocolError) as caught:
        server.receive_data(b"\0")
    assert caught.value.fault is Fault.TOO_MUCH_BUFFERED
    with pytest.raises(PeerAlert) as told:
        client.receive_data(server.data_to_send())
    assert told.value.alert == AlertDescription.INTERNAL_ERROR
    assert isinstance(pending.awaitable, Coroutine)
    pending.awaitable.close()
