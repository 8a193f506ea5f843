"""One end of a connection, whatever carries its messages: what TLS over a stream and QUIC have in common.

The handshake's coroutine is driven as far as it goes. Where it waits for something outside, that is handed out as a
`Pending`, and nothing else is done until the answer is there. What fails, fails once and for good.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from turtls.config import ClientConfig, Negotiated, ServerConfig
from turtls.config.keylog import keylog
from turtls.errors import (
    AlertDescription,
    ClosedError,
    ConfigError,
    Fault,
    PeerAlert,
    ProtocolError,
    TLSError,
    TruncatedError,
)
from turtls.events import Event, HandshakeCompleted, Observer, Pending
from turtls.handshake.driver import AfterHandshake, Driver
from turtls.handshake.established import Established
from turtls.handshake.established12 import Established12
from turtls.handshake.peer import Carrier, Effect, Peer, Wait
from turtls.record.limits import MAX_BUFFERED_WHILE_PENDING

_MAX_EXPORTER_LABEL: Final = 249
"""Characters: with "tls13 " before them they make 255 (RFC 8446, section 7.1)."""
_MAX_EXPORTED: Final = 255 * 32
"""Bytes: as many as HKDF-Expand gives with SHA-256 (RFC 5869, section 2.3)."""


class Endpoint:
    """What both roles and all carriers share."""

    def __init__(self, carrier: Carrier, config: ClientConfig | ServerConfig, observer: Observer | None) -> None:
        self._observer = observer
        self._events: list[Event] = []
        self._messages = carrier.messages
        self._peer = Peer(carrier, config.environment, self._events, observer, self._secret_logger(config))
        self._established: Established | Established12 | None = None
        self._pending: Pending | None = None
        self._failure: TLSError | None = None
        self._buffered_while_pending = 0

    # What is known.

    @property
    def negotiated(self) -> Negotiated | None:
        """What the two sides agreed on; None until the handshake is done."""
        return self._established.negotiated if self._established is not None else None

    @property
    def observer(self) -> Observer | None:
        """Who watches this connection."""
        return self._observer

    @property
    def handshake_done(self) -> bool:
        """Whether data can be sent."""
        return self._established is not None

    @property
    def failure(self) -> TLSError | None:
        """What broke the connection; None as long as nothing did. A close by both sides is none."""
        return None if isinstance(self._failure, ClosedError) else self._failure

    # Answers from outside.

    def resume(self, pending: Pending, result: Any) -> list[Event]:
        """Go on with the result of `pending.awaitable`. Gives and raises what receiving does."""
        self._take_answer(pending)
        return self._pump(lambda: self._driver.resume(result))

    def resume_error(self, pending: Pending, exception: BaseException) -> list[Event]:
        """Go on with the exception that `pending.awaitable` raised; as a rule it is raised again."""
        self._take_answer(pending)
        return self._pump(lambda: self._driver.fail(exception))

    # Keys for the application.

    def export_keying_material(self, label: str, context: bytes | None, length: int) -> bytes:
        """`length` bytes that only the two sides know (RFC 8446, section 7.5; RFC 5705).

        In TLS 1.2 no context (None) is not the same as an empty one. Raises ConfigError unless the label is ASCII, of
        at most 249 characters, and the length 1 to 8160 bytes.
        """
        if not (label.isascii() and len(label) <= _MAX_EXPORTER_LABEL and 1 <= length <= _MAX_EXPORTED):
            raise ConfigError(f"No {length} bytes can be exported under the label {label!r}.")
        return self._require_established().export(label.encode("ascii"), context, length)

    # What each carrier does in its own way.

    def _step(self) -> bool:
        """Take the next of what came, which may bring messages; False if there is nothing more."""
        raise NotImplementedError

    def _tell(self, alert: AlertDescription) -> None:
        """Tell the peer why the connection is over."""
        raise NotImplementedError

    # Inside.

    def _start(self, handshake: Coroutine[Effect, Any, AfterHandshake]) -> None:
        self._driver = Driver(self._peer, handshake)

    def _begin(self, established: Established | Established12) -> None:
        """The handshake is done."""
        self._established = established
        self._peer.carrier.handshake_done = True
        self._events.append(HandshakeCompleted(established.negotiated))

    def _require_established(self) -> Established | Established12:
        if self._established is None:
            raise ClosedError("The handshake is not done yet.")
        self._check_alive()
        return self._established

    def _received(self, length: int) -> list[Event]:
        """So many bytes have come and are kept: look at them, unless the handshake waits for something outside."""
        if self._pending is None:
            return self._pump()
        self._buffered_while_pending += length
        if self._buffered_while_pending > MAX_BUFFERED_WHILE_PENDING:
            raise self._fail(ProtocolError(Fault.TOO_MUCH_BUFFERED))
        return []

    def _pump(self, first: Callable[[], None] | None = None) -> list[Event]:
        """Do all there is to do, and something else `first`; gives what happened, an error only if nothing did."""
        try:
            if first is not None:
                first()
            self._pull()
        except TLSError as error:
            self._fail(error)
            if not self._events:
                raise error from error.__cause__
        except BaseException:
            # A signer, a verifier or a hook of the application's failed: its exception is the application's to see.
            self._fail(ProtocolError(Fault.INTERNAL))
            raise
        events = self._events.copy()
        self._events.clear()
        return events

    def _pull(self) -> None:
        """Deliver what is there and take what brings more, until the handshake waits for something outside."""
        driver, messages = self._driver, self._messages
        while not isinstance(driver.effect, Wait):
            raw = messages.next_message()
            if raw is not None:
                driver.deliver(raw)
            elif not self._step():
                return
        if self._pending is None:
            self._pending = Pending(driver.effect.awaitable, driver.effect.purpose)
            self._events.append(self._pending)

    def _take_answer(self, pending: Pending) -> None:
        """The answer to it is there."""
        self._check_alive()
        if pending is not self._pending:
            raise RuntimeError("the connection does not wait for this")
        self._pending = None
        self._buffered_while_pending = 0

    def _fail(self, error: TLSError) -> TLSError:
        """The connection is over. The peer is told, unless it said so itself or is gone."""
        self._failure = error
        if not isinstance(error, PeerAlert | TruncatedError):
            self._tell(error.alert if isinstance(error, ProtocolError) else AlertDescription.INTERNAL_ERROR)
        self._forget()
        return error

    def _forget(self) -> None:
        """Let go of all keys (mission, part 10: session keys are deleted when the session ends)."""
        self._driver.stop()
        self._pending = None
        if self._established is not None:
            self._established.forget()

    def _check_alive(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _secret_logger(self, config: ClientConfig | ServerConfig) -> Callable[[str, bytes], None] | None:
        log = keylog(config)
        if log is None:
            return None
        return lambda label, secret: log(f"{label} {self._peer.client_random.hex()} {secret.hex()}")
