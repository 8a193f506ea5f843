"""Runs a handshake's coroutine: gives it what it waits for, and refuses what it does not.

This is the one place where a message at the wrong time becomes unexpected_message.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Coroutine
from typing import Any, Final

from turtls.errors import Fault, ProtocolError
from turtls.handshake.peer import Effect, Kinds, Peer, Raised, ReceiveChangeCipherSpec, Wait
from turtls.wire.messages import HandshakeMessage, message_name, server_hello_form, unexpected
from turtls.wire.registries import HandshakeType

_SERVER_HELLO: Final = int(HandshakeType.server_hello)


AfterHandshake = Coroutine[Effect, Any, None]
"""What follows a handshake, and never ends by itself."""


class Driver:
    """A coroutine under way, and the `effect` that it waits for.

    The handshake's ends with the one that follows it as its result. That one does not know the connection, so a
    connection that nobody holds any more is freed at once, and not when Python looks for cycles.
    """

    __slots__ = ("_coroutine", "_peer", "effect")

    def __init__(self, peer: Peer, handshake: Coroutine[Effect, Any, AfterHandshake]) -> None:
        self._peer = peer
        self._coroutine: Coroutine[Effect, Any, AfterHandshake | None] = handshake
        self.effect: Effect = handshake.send(None)

    def deliver(self, raw: bytes) -> None:
        """Give the coroutine the message it waits for. Raises ProtocolError if this is another."""
        kinds = self.effect
        if not isinstance(kinds, tuple):
            raise ProtocolError(Fault.UNEXPECTED_MESSAGE, f"{message_name(raw)} where change_cipher_spec was expected")
        message = _decode(raw, kinds)
        if self._peer.observer is not None:
            self._peer.received(message)
        self._go_on(message)

    def deliver_change_cipher_spec(self) -> None:
        """The peer's change_cipher_spec has come. Raises ProtocolError unless the coroutine waits for it."""
        effect = self.effect
        if not isinstance(effect, ReceiveChangeCipherSpec):
            wanted = " or ".join(kind.__name__ for kind in effect) if isinstance(effect, tuple) else "nothing"
            raise ProtocolError(Fault.UNEXPECTED_RECORD, f"change_cipher_spec where {wanted} was expected")
        self._go_on(None)

    def resume(self, result: Any) -> None:
        """Give the coroutine what it waited for outside."""
        self._go_on(result)

    def fail(self, exception: BaseException) -> None:
        """Tell the coroutine that what it waited for failed; as a rule it raises this or another exception."""
        self._go_on(Raised(exception))

    def _go_on(self, result: Any) -> None:
        try:
            self.effect = self._coroutine.send(result)
        except StopIteration as end:
            self._follow(end.value)

    def _follow(self, after: AfterHandshake) -> None:
        """The handshake is done."""
        self._coroutine = after
        self.effect = after.send(None)

    def stop(self) -> None:
        """End the coroutine wherever it is; what it held is let go."""
        if isinstance(self.effect, Wait):
            _discard(self.effect.awaitable)
        self._coroutine.close()


def _decode(raw: bytes, kinds: Kinds) -> HandshakeMessage:
    for kind in kinds:
        if kind.msg_type == raw[0]:
            if raw[0] == _SERVER_HELLO and (kind := server_hello_form(raw)) not in kinds:
                raise unexpected(kind.__name__, *kinds)
            return kind.from_bytes(raw)
    raise unexpected(message_name(raw), *kinds)


def _discard(awaitable: Awaitable[Any]) -> None:
    """A coroutine that nobody has begun to await is closed, so that Python does not complain."""
    if inspect.iscoroutine(awaitable) and inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED:
        awaitable.close()
