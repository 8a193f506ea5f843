"""The other side, as a handshake sees it.

A handshake is a coroutine. It sends by a plain call and awaits only what may have to wait, each an *effect* that
it yields to the driver: the next message (`receive`), or something outside (`wait`): a signature, a verdict, a
ticket look-up. What carries the messages - TLS records, QUIC CRYPTO frames, DTLS flights - stands behind `Carrier`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from enum import Enum
from types import coroutine
from typing import Any, NoReturn, Protocol, TypeVar, overload

from turtls.config import Environment, Session
from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import Suite13
from turtls.crypto.suites12 import Suite12
from turtls.events import Event, HandshakeMessageSeen, KeysInstalled, SecretDerived, StepTaken, Trace
from turtls.record.protection import Protection
from turtls.record.reassembly import HandshakeBuffer
from turtls.wire.extensions import AnyExtension, Extensions
from turtls.wire.messages import HandshakeMessage
from turtls.wire.registries import ProtocolVersion

A = TypeVar("A", bound=HandshakeMessage)
B = TypeVar("B", bound=HandshakeMessage)
C = TypeVar("C", bound=HandshakeMessage)
D = TypeVar("D", bound=HandshakeMessage)
M = TypeVar("M")


class Level(Enum):
    """The keys a message goes under (RFC 8446, section 2; RFC 9001, section 2.1)."""

    PLAINTEXT = "plaintext"
    EARLY = "early"
    HANDSHAKE = "handshake"
    APPLICATION = "application"


class Carrier(Protocol):
    """What carries handshake messages, and protects them under the keys it is given."""

    messages: HandshakeBuffer
    """What has come of the peer's messages and is not delivered yet."""
    handshake_done: bool
    """Before it is, the two sides take turns."""

    @property
    def v2_client_hello(self) -> bytes | None:
        """The ClientHello as it came, where it had SSL 2.0's form (RFC 5246, appendix E.2)."""
        ...

    @property
    def compatibility_mode(self) -> bool:
        """Whether middleboxes may take what is sent for TLS 1.2 (RFC 8446, appendix D.4)."""
        ...

    def extensions(self) -> list[AnyExtension]:
        """What this side's carrier has to tell the other's, in ClientHello and in EncryptedExtensions."""
        ...

    def receive_extensions(self, extensions: Extensions) -> None:
        """Take what the other side's carrier tells, from there. Raises ProtocolError if that does not suit this one."""
        ...

    def write_handshake(self, raw: bytes) -> None:
        """Send a message, with its header, under the present keys."""
        ...

    def install_read(self, level: Level, suite: Suite13, traffic_secret: TrafficSecret) -> None:
        """Expect what follows under new keys. Raises ProtocolError if a message lies across the change."""
        ...

    def install_write(self, level: Level, suite: Suite13, traffic_secret: TrafficSecret) -> None:
        """Send what follows under new keys."""
        ...

    def middlebox_change_cipher_spec(self) -> None:
        """Send the change_cipher_spec that means nothing (RFC 8446, appendix D.4), where the carrier has one."""
        ...

    @property
    def record_size_limit(self) -> int:
        """Bytes that a record to the other side may have, its content type included (RFC 8449)."""
        ...

    @property
    def peer_transport_parameters(self) -> bytes | None:
        """QUIC's, of the other side."""
        ...

    # Early data (RFC 8446, section 4.2.10).

    @property
    def early_data_context(self) -> bytes:
        """What a server's early data rests on beside TLS: it is only accepted where that has stayed the same."""
        ...

    @property
    def has_end_of_early_data(self) -> bool:
        """Whether a message tells where early data ends, and with it its keys (RFC 9001, section 8.3)."""
        ...

    def early_data_limit(self, configured: int) -> int:
        """How much early data is accepted, and so said in tickets; 0 is none."""
        ...

    def offers_early_data(self, session: Session) -> bool:
        """Whether a client has early data, and no more than the session allows."""
        ...

    def expect_early_data(self, limit: int) -> None:
        """So many bytes of early data are accepted."""
        ...

    def end_early_data(self) -> None:
        """The server wants none of it: a client sends in the clear again."""
        ...

    def skip_early_data(self, allowed: int, *, until_second_hello: bool) -> None:
        """Drop the early data that was not accepted, until the peer comes to what counts.

        `allowed` are the bytes that this server's tickets may have allowed.
        """
        ...

    def send_change_cipher_spec(self, protection: Protection) -> None:
        """Say that what follows is protected by `protection`, and do so (RFC 5246, section 7.1)."""
        ...

    def received_change_cipher_spec(self, protection: Protection) -> None:
        """Expect what follows to be protected. Raises ProtocolError if a message lies across the change."""
        ...

    def set_version(self, version: ProtocolVersion) -> None:
        """The version is agreed on: the carrier follows its rules from here on."""
        ...

    def limit_records(self, *, send: int | None = None, receive: int | None = None) -> None:
        """Bytes that a record's plaintext may have, its content type included (RFC 8449)."""
        ...


Kinds = tuple[type[HandshakeMessage], ...]
"""The effect of waiting for the next message, which must be one of these."""


class Wait:
    """The effect of waiting for something outside the connection."""

    __slots__ = ("awaitable", "purpose")

    def __init__(self, awaitable: Awaitable[Any], purpose: str) -> None:
        self.awaitable = awaitable
        self.purpose = purpose


class Raised:
    """The answer to `Wait` where what was waited for raised an exception."""

    __slots__ = ("exception",)

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception


class ReceiveChangeCipherSpec:
    """The effect of waiting for the peer's change_cipher_spec (RFC 5246, section 7.1)."""

    __slots__ = ()


Effect = Kinds | Wait | ReceiveChangeCipherSpec


class Peer:
    """The other side: where messages are sent to and come from, and where keys are changed."""

    __slots__ = (
        "_reads_encrypted",
        "_writes_encrypted",
        "carrier",
        "client_random",
        "environment",
        "events",
        "keylog",
        "observer",
        "tells_secrets",
        "version",
    )

    def __init__(
        self,
        carrier: Carrier,
        environment: Environment,
        events: list[Event],
        observer: Callable[[Trace], None] | None,
        keylog: Callable[[str, bytes], None] | None,
    ) -> None:
        self.carrier = carrier
        self.environment = environment
        self.events = events
        """What the application is told next."""
        self.keylog = keylog
        """Takes a label and a secret."""
        self.tells_secrets = observer is not None or keylog is not None
        """Whether `derived` has anybody to tell."""
        self.client_random = b""
        """Names the connection in a key log."""
        self.version: ProtocolVersion | None = None
        """Once it is agreed on."""
        self._reads_encrypted = False
        self._writes_encrypted = False
        self.observer = observer
        """Whom the driver tells of what came, by `received`; everything else is told from here."""

    def send(self, message: HandshakeMessage) -> bytes:
        """Send it, and give back its bytes for the transcript."""
        return self.send_raw(message.to_bytes(), message)

    def send_raw(self, raw: bytes, message: HandshakeMessage) -> bytes:
        """Send a message whose bytes are there already, and give them back."""
        self.carrier.write_handshake(raw)
        if self.observer is not None:
            self.observer(HandshakeMessageSeen("sent", message, raw, self._writes_encrypted))
        return raw

    @overload
    def receive(self) -> Awaitable[NoReturn]: ...
    @overload
    def receive(self, a: type[A], /) -> Awaitable[A]: ...
    @overload
    def receive(self, a: type[A], b: type[B], /) -> Awaitable[A | B]: ...
    @overload
    def receive(self, a: type[A], b: type[B], c: type[C], /) -> Awaitable[A | B | C]: ...
    @overload
    def receive(self, a: type[A], b: type[B], c: type[C], d: type[D], /) -> Awaitable[A | B | C | D]: ...
    @overload
    def receive(self, *kinds: type[HandshakeMessage]) -> Awaitable[HandshakeMessage]: ...

    @coroutine
    def receive(self, *kinds: type[HandshakeMessage]) -> Generator[Effect, Any, Any]:
        """Await the next message, one of `kinds`, which may be none. Another ends in unexpected_message."""
        return (yield kinds)

    def received(self, message: HandshakeMessage) -> None:
        """Tell those who watch what came; the driver calls this."""
        if self.observer is not None:
            self.observer(HandshakeMessageSeen("received", message, message.raw, self._reads_encrypted))

    @coroutine
    def wait(self, result: M | Awaitable[M], purpose: str) -> Generator[Effect, M | Raised, M]:
        """Await the result, which may be there already; other connections go on meanwhile. Raises what that raises."""
        if not hasattr(result, "__await__"):
            return result
        answer = yield Wait(result, purpose)
        if isinstance(answer, Raised):
            raise answer.exception
        return answer

    def install_read(self, level: Level, suite: Suite13, traffic_secret: TrafficSecret, why: str) -> None:
        """Expect what follows under keys from `traffic_secret`."""
        self.carrier.install_read(level, suite, traffic_secret)
        self._reads_encrypted = True
        if self.observer is not None:
            self.observer(KeysInstalled("received", level.value, suite.suite.name, why))

    def install_write(self, level: Level, suite: Suite13, traffic_secret: TrafficSecret, why: str) -> None:
        """Send what follows under keys from `traffic_secret`."""
        self.carrier.install_write(level, suite, traffic_secret)
        self._writes_encrypted = True
        if self.observer is not None:
            self.observer(KeysInstalled("sent", level.value, suite.suite.name, why))

    def end_early_data(self) -> None:
        """The server wants none of it: what follows goes in the clear."""
        self.carrier.end_early_data()
        self._writes_encrypted = False

    def send_change_cipher_spec(self, protection: Protection, suite: Suite12, why: str) -> None:
        """Up to TLS 1.2: what follows is protected."""
        self.carrier.send_change_cipher_spec(protection)
        self._writes_encrypted = True
        if self.observer is not None:
            self.observer(KeysInstalled("sent", "session", suite.suite.name, why))

    @coroutine
    def receive_change_cipher_spec(
        self, protection: Protection, suite: Suite12, why: str
    ) -> Generator[Effect, None, None]:
        """Up to TLS 1.2: wait until the peer says that what follows is protected."""
        yield ReceiveChangeCipherSpec()
        self.carrier.received_change_cipher_spec(protection)
        self._reads_encrypted = True
        if self.observer is not None:
            self.observer(KeysInstalled("received", "session", suite.suite.name, why))

    def derived(self, label: str, secret: bytes, why: str, keylog: str | None = None) -> None:
        """Tell those who watch that a secret was derived; log it where the configuration asks for that."""
        if keylog is not None and self.keylog is not None:
            self.keylog(keylog, secret)
        if self.observer is not None:
            self.observer(SecretDerived(label, len(secret), why))

    def explain(self, step: str, explanation: str, **details: Any) -> None:
        """Tell those who watch about a step that sends nothing. The explanation may name details in braces."""
        if self.observer is not None:
            self.observer(StepTaken(step, explanation.format(**details), details))
