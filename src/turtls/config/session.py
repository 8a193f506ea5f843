"""What was negotiated, and what is kept of it to resume."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Protocol

from turtls.config.trust import VerifiedChain, Verifier
from turtls.config.values import NamedTuple
from turtls.crypto.tickets import MAX_LIFETIME
from turtls.errors import ConfigError
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme


class Negotiated(NamedTuple):
    """What the two sides agreed on, and who the other one is."""

    version: ProtocolVersion
    cipher_suite: CipherSuite
    group: NamedGroup | None = None
    """The key exchange group; None where the key exchange had none (RSA key transport, plain PSK)."""
    signature_scheme: SignatureScheme | None = None
    """What the peer signed the handshake with; None in a resumed session, or if the peer has no certificate."""
    alpn: str | None = None
    server_name: str | None = None
    peer: VerifiedChain | None = None
    """The peer's verified chain; in a resumed session that of the first one. None where a pre-shared key or a password
    stood in its place."""
    psk_identity: bytes | None = None
    """The external pre-shared key that the two showed they have; in a resumed session that of the first one."""
    srp_username: str | None = None
    """Who logged in with a password (RFC 5054); in a resumed session who did so in the first one."""
    authenticated_at: float = 0.0
    """When the two last proved who they are by more than a ticket: seconds since the epoch."""
    ocsp_response: bytes | None = None
    """The DER OCSPResponse that the peer stapled."""
    resumed: bool = False
    early_data: bool = False
    """Whether the server accepted the client's early data. If it is False, nothing of it has arrived."""
    hello_retry: bool = False
    """Whether a HelloRetryRequest cost a round trip."""


class Session(NamedTuple):
    """A client's half of a session that can be resumed. It holds a secret: keep it in memory.

    One of TLS 1.2 or earlier always has the extended master secret: others are not resumed (RFC 7627, section 5.3).
    """

    version: ProtocolVersion
    cipher_suite: CipherSuite
    ticket: bytes
    """Empty where the server keeps the session by `session_id`."""
    secret: bytes
    """The resumption PSK (RFC 8446, section 4.6.1), or the TLS 1.2 master secret."""
    received_at: float
    """Seconds since the epoch."""
    lifetime: int
    """Seconds; seven days at the most."""
    server_name: str | None
    alpn: str | None
    peer: VerifiedChain | None
    authenticated_at: float
    """As in `Negotiated`."""
    verifier: Verifier | None
    """Who vouched for `peer`: a session is only resumed under the same verifier."""
    min_rsa_bits: int
    """What the keys in the chain of `peer` were held to: never resumed where more is asked."""
    identity: tuple[object, ...]
    """Who this side was (`ClientConfig.identity`): the server goes on with the same client, so nobody else may."""
    session_id: bytes = b""
    """TLS 1.2 and earlier."""
    age_add: int = 0
    psk_identity: bytes | None = None
    srp_username: str | None = None
    max_early_data: int = 0
    """Bytes of early data that the server would accept; 0 is none (RFC 8446, section 4.6.1)."""
    record_size_limit: int = 2**14 + 1
    """The server's (RFC 8449): early data has to keep to it."""
    transport_parameters: bytes | None = None
    """QUIC's, of the server: early data has to keep to them (RFC 9000, section 7.4.1)."""

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name != "secret")
        return f"Session({', '.join(shown)})"

    def fresh(self, now: float) -> bool:
        """Whether the ticket may still be used at `now`, and what it rests on is not too long ago."""
        ends = min(self.received_at + self.lifetime, self.authenticated_at + MAX_LIFETIME)
        return self.received_at <= now < ends


class SessionStore(Protocol):
    """Where a client keeps sessions. `key` tells services apart."""

    def put(self, key: str, session: Session) -> None:
        """Keep it."""
        ...

    def take(self, key: str) -> Session | None:
        """Give one back and forget it: a ticket is used once, so that uses cannot be linked (RFC 8446, C.4)."""
        ...


class SessionCache:
    """Sessions in memory: at most `per_service` for each of at most `services` services, the oldest dropped.

    Threads may share it.
    """

    def __init__(self, services: int = 256, per_service: int = 4) -> None:
        """Raises ConfigError unless both are at least 1: to keep nothing, have no store at all."""
        if services < 1 or per_service < 1:
            raise ConfigError("A session cache has room for at least 1 session of 1 service.")
        self._services = services
        self._per_service = per_service
        self._sessions: OrderedDict[str, list[Session]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, key: str, session: Session) -> None:
        """Keep it."""
        with self._lock:
            kept = self._sessions.setdefault(key, [])
            self._sessions.move_to_end(key)
            kept.append(session)
            del kept[: -self._per_service]
            while len(self._sessions) > self._services:
                self._sessions.popitem(last=False)

    def take(self, key: str) -> Session | None:
        """The newest, which is then forgotten here."""
        with self._lock:
            kept = self._sessions.get(key)
            if not kept:
                return None
            session = kept.pop()
            if not kept:
                del self._sessions[key]
            return session


class TicketStore(Protocol):
    """Where a server keeps what it needs to resume: in the ticket itself, or behind it."""

    lifetime: int
    """Seconds a ticket lives; seven days at the most (RFC 8446, section 4.6.1)."""

    @property
    def single_use(self) -> bool:
        """Whether `unseal` forgets the ticket."""
        ...

    def seal(self, state: bytes, now: float) -> bytes | Awaitable[bytes]:
        """A ticket for `state`; empty if there is to be none."""
        ...

    def unseal(self, untrusted_ticket: bytes, now: float) -> bytes | None | Awaitable[bytes | None]:
        """The state behind a ticket; None if it is unknown, forged or too old."""
        ...


class SessionIdStore(Protocol):
    """Where a server of TLS 1.2 keeps sessions by their id (RFC 5246, section 7.3)."""

    def put(self, session_id: bytes, state: bytes, now: float) -> None | Awaitable[None]:
        """Keep `state` under an id of 32 random bytes."""
        ...

    def unseal(self, untrusted_id: bytes, now: float) -> bytes | None | Awaitable[bytes | None]:
        """The state kept under that id; None if it is unknown or too old."""
        ...
