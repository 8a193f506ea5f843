"""What a connection reports: nouns, each a thing that happened.

`Event`s come back from `receive_data` and are for the application. `Trace`s go to the `observer` of a
connection, if it has one, and are for people who want to watch a handshake. None is frozen: there is one for each
piece of data, and frozen ones take four times as long to make.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from turtls.config import Negotiated, Session
    from turtls.errors import AlertDescription


class Event:
    """Something the application may want to act on."""

    __slots__ = ()


@dataclass(slots=True)
class HandshakeCompleted(Event):
    """The channel is private and authentic from here on; `negotiated` says how."""

    negotiated: Negotiated


@dataclass(slots=True)
class DataReceived(Event):
    """Application data, in order. One event may hold many records."""

    data: bytes


@dataclass(slots=True)
class EarlyDataReceived(Event):
    """Application data that a client sent before the handshake is done (RFC 8446, section 2.3), in order.

    It may be answered at once. It may be a replay: somebody else may have sent again what the client had sent.
    """

    data: bytes


@dataclass(slots=True)
class PeerClosed(Event):
    """close_notify: the peer sends no more. This side still may (half-close, RFC 8446, section 6.1)."""


@dataclass(slots=True)
class SessionReceived(Event):
    """The server issued a ticket: `session` may resume this session later (RFC 8446, section 4.6.1)."""

    session: Session


@dataclass(slots=True)
class KeysUpdated(Event):
    """The peer changed its sending keys (RFC 8446, section 4.6.3)."""


@dataclass(slots=True)
class PeerAuthenticated(Event):
    """The client has answered a request for its certificate after the handshake (RFC 8446, section 4.6.2)."""

    negotiated: Negotiated


@dataclass(slots=True, eq=False)
class Pending(Event):
    """The handshake waits for something outside: a signature, a verdict, a credential.

    Await `awaitable`, then give its result, or the exception it raised, to `connection.resume`. Until then the
    connection takes bytes (up to a limit) and does nothing with them.
    """

    awaitable: Awaitable[Any]
    purpose: str


Direction = Literal["sent", "received"]


class Trace:
    """Something to watch."""

    __slots__ = ()


Observer = Callable[[Trace], None]
"""Who watches."""


@dataclass(slots=True)
class HandshakeMessageSeen(Trace):
    """A handshake message passed. `message` is its decoded form, `raw` its bytes with the 4-byte header."""

    direction: Direction
    message: Any
    raw: bytes
    encrypted: bool


@dataclass(slots=True)
class KeysInstalled(Trace):
    """From here on this direction is protected under the keys of `level`; `why` is a sentence for a person."""

    direction: Direction
    level: str
    cipher_suite: str
    why: str


@dataclass(slots=True)
class SecretDerived(Trace):
    """A step of the key schedule. The secret itself is not shown: `length` is in bytes."""

    label: str
    length: int
    why: str


@dataclass(slots=True)
class AlertSeen(Trace):
    """An alert passed."""

    direction: Direction
    alert: AlertDescription | int


@dataclass(slots=True)
class StepTaken(Trace):
    """A named step of the handshake that sends nothing itself: what was chosen or checked, and why."""

    step: str
    explanation: str
    details: dict[str, Any] = field(default_factory=dict)
