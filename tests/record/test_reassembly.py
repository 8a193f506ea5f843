from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.reassembly import HandshakeBuffer
from turtls.wire.registries import HandshakeType


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def drain(buffer: HandshakeBuffer) -> list[bytes]:
    return list(iter(buffer.next_message, None))


def test_several_messages_in_one_fragment() -> None:
    first, second = message(HandshakeType.client_hello, b"abc"), message(HandshakeType.finished, b"")
    buffer = HandshakeBuffer()
    buffer.feed(first + second)
    assert drain(buffer) == [first, second]
    buffer.require_empty()


@given(st.lists(st.binary(max_size=60), max_size=5), st.integers(min_value=1, max_value=40))
def test_any_fragments_give_the_same_messages(bodies: list[bytes], size: int) -> None:
    messages = [message(HandshakeType.certificate, body) for body in bodies]
    stream = b"".join(messages)
    buffer = HandshakeBuffer()
    received = []
    for start in range(0, len(stream), size):
        buffer.feed(stream[start : start + size])
        received += drain(buffer)
    assert received == messages
    buffer.require_empty()


@pytest.mark.parametrize("rest", [b"\x14", b"\x14\0\0\x20", message(HandshakeType.finished, b"12")[:-1]])
def test_a_message_must_not_reach_across_a_change_of_keys(rest: bytes) -> None:
    buffer = HandshakeBuffer()
    buffer.feed(message(HandshakeType.server_hello, b"x") + rest)
    drain(buffer)
    with pytest.raises(ProtocolError) as caught:
        buffer.require_empty()
    assert caught.value.fault is Fault.EXCESS_HANDSHAKE_DATA


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        (HandshakeType.client_hello, limits.MAX_HANDSHAKE_MESSAGE),
        (HandshakeType(77), limits.MAX_HANDSHAKE_MESSAGE),
        (HandshakeType.certificate, limits.MAX_CERTIFICATE_MESSAGE),
        (HandshakeType.compressed_certificate, limits.MAX_CERTIFICATE_MESSAGE),
    ],
)
def test_a_message_that_is_too_large_is_refused_by_its_header(kind: HandshakeType, limit: int) -> None:
    buffer = HandshakeBuffer()
    buffer.feed(bytes((kind,)) + limit.to_bytes(3, "big"))
    assert buffer.next_message() is None
    buffer = HandshakeBuffer()
    buffer.feed(bytes((kind,)) + (limit + 1).to_bytes(3, "big"))
    with pytest.raises(ProtocolError) as caught:
        buffer.next_message()
    assert caught.value.fault is Fault.MESSAGE_TOO_LARGE
