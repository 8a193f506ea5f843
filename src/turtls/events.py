"""What a connection reports: nouns, each a thing that happened.

`Event`s come back from `receive_data` and are for the application. `Trace`s go to the `observer` of a
connection, if it has one, and are for people who want to watch a handshake. They are plain classes, not data classes:
whoever imports turtls pays for each of those, and there is an event for each piece of data.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from turtls.config import Negotiated, Session
    from turtls.errors import AlertDescription


class _Noun:
    """Something that happened: shown with its fields, and equal to another one by them."""

    __slots__: tuple[str, ...] = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__name__}({fields})"


class Event(_Noun):
    """Something the application may want to act on."""

    __slots__ = ()


class HandshakeCompleted(Event):
    """The channel is private and authentic from here on; `negotiated` says how."""

    __slots__ = ("negotiated",)
    __match_args__: ClassVar = ("negotiated",)

    def __init__(self, negotiated: Negotiated) -> None:
        self.negotiated = negotiated


class DataReceived(Event):
    """Application data, in order. One event may hold many records."""

    __slots__ = ("data",)
    __match_args__: ClassVar = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class EarlyDataReceived(Event):
    """Application data that a client sent before the handshake is done (RFC 8446, section 2.3), in order.

    It may be answered at once. It may be a replay: somebody else may have sent again what the client had sent.
    """

    __slots__ = ("data",)
    __match_args__: ClassVar = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class PeerClosed(Event):
    """close_notify: the peer sends no more. This side still may (half-close, RFC 8446, section 6.1)."""

    __slots__ = ()


class SessionReceived(Event):
    """The server issued a ticket: `session` may resume this session later (RFC 8446, section 4.6.1)."""

    __slots__ = ("session",)
    __match_args__: ClassVar = ("session",)

    def __init__(self, session: Session) -> None:
        self.session = session


class KeysUpdated(Event):
    """The peer changed its sending keys (RFC 8446, section 4.6.3)."""

    __slots__ = ()


class PeerAuthenticated(Event):
    """The client has answered a request for its certificate after the handshake (RFC 8446, section 4.6.2)."""

    __slots__ = ("negotiated",)
    __match_args__: ClassVar = ("negotiated",)

    def __init__(self, negotiated: Negotiated) -> None:
        self.negotiated = negotiated


class Pending(Event):
    """The handshake waits for something outside: a signature, a verdict, a credential.

    Await `awaitable`, then give its result, or the exception it raised, to `connection.resume`. Until then the
    connection takes bytes (up to a limit) and does nothing with them.
    """

    __slots__ = ("awaitable", "purpose")
    __match_args__: ClassVar = ("awaitable", "purpose")

    def __init__(self, awaitable: Awaitable[Any], purpose: str) -> None:
        self.awaitable = awaitable
        self.purpose = purpose

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


Direction = Literal["sent", "received"]


class Trace(_Noun):
    """Something to watch."""

    __slots__ = ()


Observer = Callable[[Trace], None]
"""Who watches."""


class HandshakeMessageSeen(Trace):
    """A handshake message passed. `message` is its decoded form, `raw` its bytes with the 4-byte header."""

    __slots__ = ("direction", "encrypted", "message", "raw")
    __match_args__: ClassVar = ("direction", "message", "raw", "encrypted")

    def __init__(self, direction: Direction, message: Any, raw: bytes, encrypted: bool) -> None:
        self.direction = direction
        self.message = message
        self.raw = raw
        self.encrypted = encrypted


class KeysInstalled(Trace):
    """From here on this direction is protected under the keys of `level`; `why` is a sentence for a person."""

    __slots__ = ("cipher_suite", "direction", "level", "why")
    __match_args__: ClassVar = ("direction", "level", "cipher_suite", "why")

    def __init__(self, direction: Direction, level: str, cipher_suite: str, why: str) -> None:
        self.direction = direction
        self.level = level
        self.cipher_suite = cipher_suite
        self.why = why


class SecretDerived(Trace):
    """A step of the key schedule. The secret itself is not shown: `length` is in bytes."""

    __slots__ = ("label", "length", "why")
    __match_args__: ClassVar = ("label", "length", "why")

    def __init__(self, label: str, length: int, why: str) -> None:
        self.label = label
        self.length = length
        self.why = why


class AlertSeen(Trace):
    """An alert passed."""

    __slots__ = ("alert", "direction")
    __match_args__: ClassVar = ("direction", "alert")

    def __init__(self, direction: Direction, alert: AlertDescription | int) -> None:
        self.direction = direction
        self.alert = alert


class StepTaken(Trace):
    """A named step of the handshake that sends nothing itself: what was chosen or checked, and why."""

    __slots__ = ("details", "explanation", "step")
    __match_args__: ClassVar = ("step", "explanation", "details")

    def __init__(self, step: str, explanation: str, details: dict[str, Any] | None = None) -> None:
        self.step = step
        self.explanation = explanation
        self.details = details if details is not None else {}
