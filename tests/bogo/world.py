"""What the connections of one test share, and what each of them sees: time, tickets, the verifier, who signed."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tests.bogo.flags import Options
from turtls.config import (
    Credential,
    DangerAcceptAnyCertificate,
    Negotiated,
    ReplayMemory,
    Role,
    Session,
    Signer,
    VerificationRequest,
    VerifiedChain,
)
from turtls.crypto.tickets import TicketCache, TicketKeys
from turtls.errors import AlertDescription, Fault, ProtocolError
from turtls.wire.registries import CertificateCompressionAlgorithm, SignatureScheme

T = TypeVar("T")


async def _later(value: T) -> T:
    return value


def answer(value: T, *, later: bool) -> T | Awaitable[T]:
    """The value, or something to await for it: with -async, nothing outside the connection answers at once."""
    return _later(value) if later else value


class Refusal(ProtocolError):
    """The application refuses the peer, with an alert of its own choice."""

    def __init__(self, fault: Fault, alert: AlertDescription) -> None:
        super().__init__(fault)
        self._alert = alert

    @property
    def alert(self) -> AlertDescription:
        return self._alert


class Sessions:
    """A client's sessions: the last one that was kept is the one to offer next."""

    def __init__(self) -> None:
        self.offered: Session | None = None
        self.kept: list[Session] = []
        """Since the connection began."""

    def begin(self) -> None:
        """A new connection begins."""
        self.offered = self.kept[-1] if self.kept else None
        self.kept = []

    def put(self, key: str, session: Session) -> None:
        self.kept.append(session)

    def take(self, key: str) -> Session | None:
        return self.offered


class Tickets:
    """A server's tickets, and its sessions by their id; both may take their time."""

    def __init__(self) -> None:
        self.later = False
        self.single_use = False
        self.lifetime = 2 * 24 * 3600
        self.skipped = False
        """There are to be none."""
        self.keys = TicketKeys(lifetime=self.lifetime)

    def seal(self, state: bytes, now: float) -> bytes | Awaitable[bytes]:
        return answer(b"" if self.skipped else self.keys.seal(state, now), later=self.later)

    def unseal(self, untrusted_ticket: bytes, now: float) -> bytes | None | Awaitable[bytes | None]:
        return answer(self.keys.unseal(untrusted_ticket, now), later=self.later)


class SessionIds:
    """A server's sessions by their id."""

    def __init__(self) -> None:
        self.later = False
        self.cache = TicketCache()
        self.kept = 0
        """Since the connection began."""

    def put(self, session_id: bytes, state: bytes, now: float) -> None | Awaitable[None]:
        self.kept += 1
        self.cache.put(session_id, state, now)
        return answer(None, later=self.later)

    def unseal(self, untrusted_id: bytes, now: float) -> bytes | None | Awaitable[bytes | None]:
        return answer(self.cache.unseal(untrusted_id, now), later=self.later)


class ReplayGuards:
    """A server's memory of the early data that it has accepted, which may take its time."""

    def __init__(self) -> None:
        self.later = False
        self.memory = ReplayMemory()
        self.zone = self.memory.zone

    def claim(self, ticket: bytes, until: float, now: float) -> bool | Awaitable[bool]:
        return answer(self.memory.claim(ticket, until, now), later=self.later)


class Judge:
    """The verifier: accepts every chain that can be read, unless the test says otherwise."""

    def __init__(self) -> None:
        self.options = Options()
        self.requests: list[VerificationRequest] = []
        """Since the connection began."""
        self.last: VerificationRequest | None = None
        """The last that was made: a resumed session keeps what was known then."""

    def verify(self, request: VerificationRequest) -> VerifiedChain | Awaitable[VerifiedChain]:
        self.requests.append(request)
        self.last = request
        return answer(self._verdict(request), later=self.options.async_)

    def _verdict(self, request: VerificationRequest) -> VerifiedChain:
        options = self.options
        verified = DangerAcceptAnyCertificate().verify(request)
        if options.verify_fail:
            if options.verify_peer or options.require_any_client_certificate:
                if options.use_custom_verify_callback:
                    raise ProtocolError(Fault.REJECTED_CERTIFICATE)
                raise Refusal(Fault.REJECTED_CERTIFICATE, AlertDescription.HANDSHAKE_FAILURE)
            return verified
        if options.use_ocsp_callback and options.fail_ocsp_callback and request.role is Role.SERVER:
            raise ProtocolError(Fault.BAD_STATUS_RESPONSE)
        return VerifiedChain(verified.chain, verified.leaf)

    def certificate_authorities(self) -> Sequence[bytes]:
        listed = self.options.use_client_ca_list
        return [] if listed in ("", "<NULL>", "<EMPTY>") else list(map(bytes.fromhex, listed.split(",")))


@dataclass(frozen=True, slots=True)
class Compression:
    """One of the runner's own kinds: what the compressed form has in front, in the place of what the whole has."""

    algorithm: CertificateCompressionAlgorithm
    of_whole: bytes
    of_compressed: int | bytes
    """Bytes, or how many random ones."""

    def compress(self, data: bytes) -> bytes:
        head = self.of_compressed
        return (os.urandom(head) if isinstance(head, int) else head) + data.removeprefix(self.of_whole)

    def decompress(self, untrusted: bytes, length: int) -> bytes:
        head = self.of_compressed
        start = head if isinstance(head, int) else len(head)
        data = self.of_whole + untrusted[start:]
        if len(data) != length or (isinstance(head, bytes) and not untrusted.startswith(head)):
            raise ValueError(f"it is not the {length} bytes it is said to be")
        return data


COMPRESSIONS = (
    Compression(CertificateCompressionAlgorithm(0xFF02), b"", b"\1\2\3\4"),
    Compression(CertificateCompressionAlgorithm(0xFF01), b"\0\0", b""),
    Compression(CertificateCompressionAlgorithm(0xFF03), b"", 1),
)


@dataclass(slots=True)
class WatchedSigner:
    """A signer that remembers that it was used, and may take its time."""

    inner: Signer
    number: int
    used: list[int]
    later: bool

    def sign(self, scheme: SignatureScheme, data: bytes) -> bytes | Awaitable[bytes]:
        self.used.append(self.number)
        signature = self.inner.sign(scheme, data)
        return signature if isinstance(signature, Awaitable) else answer(signature, later=self.later)

    def decrypt(self, untrusted_ciphertext: bytes) -> bytes | Awaitable[bytes]:
        self.used.append(self.number)
        premaster: bytes = self.inner.decrypt(untrusted_ciphertext)  # type: ignore[attr-defined]  # of a KeySigner
        return answer(premaster, later=self.later)


@dataclass(slots=True)
class World:
    """What the connections of one test share."""

    sessions: Sessions = field(default_factory=Sessions)
    tickets: Tickets = field(default_factory=Tickets)
    session_ids: SessionIds = field(default_factory=SessionIds)
    replay_guard: ReplayGuards = field(default_factory=ReplayGuards)
    judge: Judge = field(default_factory=Judge)
    used_credentials: list[int] = field(default_factory=list)
    """The numbers of those that signed since the connection began; -1 is the one without a number."""
    credentials: dict[tuple[object, ...], Credential] = field(default_factory=dict)
    first: Negotiated | None = None
    """What the session that is resumed was first negotiated with."""
    clock: int = field(default_factory=lambda: int(time.time()))
    """It only moves where a test says so: the runner counts on ages of tickets to the millisecond."""

    def begin(self, options: Options) -> None:
        """A new connection begins."""
        self.sessions.begin()
        self.tickets.later = self.session_ids.later = self.replay_guard.later = options.async_
        self.tickets.skipped = options.skip_ticket
        self.session_ids.kept = 0
        self.judge.options = options
        self.judge.requests.clear()
        self.used_credentials.clear()

    def now(self) -> float:
        return self.clock
