"""Events are told apart by what they say."""

from __future__ import annotations

from turtls.events import AlertSeen, DataReceived, EarlyDataReceived, Event, KeysUpdated, PeerClosed, Pending
from turtls.quic import KeysAvailable, Level
from turtls.wire.registries import CipherSuite


async def nothing() -> None:
    """To be awaited."""


def test_events_are_equal_by_kind_and_fields() -> None:
    assert DataReceived(b"data") == DataReceived(b"data") != DataReceived(b"other")
    assert DataReceived(b"data") != EarlyDataReceived(b"data")
    assert PeerClosed() == PeerClosed() != KeysUpdated()


def test_events_show_their_fields() -> None:
    assert repr(DataReceived(b"data")) == "DataReceived(data=b'data')"
    assert repr(PeerClosed()) == "PeerClosed()"
    assert repr(AlertSeen("sent", 90)) == "AlertSeen(direction='sent', alert=90)"


def test_events_do_not_show_secrets() -> None:
    keys = KeysAvailable("sent", Level.HANDSHAKE, CipherSuite.TLS_AES_128_GCM_SHA256, b"secret")
    assert repr(keys).startswith("KeysAvailable(direction='sent', level=")
    assert "secret" not in repr(keys)


def test_events_are_matched_by_position() -> None:
    seen: Event = DataReceived(b"data")
    match seen:
        case DataReceived(data):
            assert data == b"data"
        case _:
            raise AssertionError(seen)


def test_what_is_awaited_is_only_itself() -> None:
    awaitable = nothing()
    pending, other = Pending(awaitable, "a signature"), Pending(awaitable, "a signature")
    awaitable.close()
    assert pending == pending != other
    assert len({pending, other}) == 2
