"""turtls' own side of the tests: configurations that differ in little, and a server whose visits can be looked at."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import turtls
from tests.interop.pki import PKI, Files
from tests.interop.processes import TIMEOUT
from turtls.config import ClientAuth, ClientConfig, Credential, Negotiated, Policy, ServerConfig
from turtls.events import HandshakeMessageSeen, Trace
from turtls.io.blocking import TLSListener
from turtls.io.tlssocket import TLSSocket
from turtls.wire.extensions import Cookie
from turtls.wire.messages import HelloRetryRequest
from turtls.wire.registries import CipherSuite, HandshakeType, NamedGroup, SignatureScheme


def policy(
    *,
    suites: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
    shares: tuple[str, ...] = (),
    schemes: tuple[str, ...] = (),
) -> Policy:
    """The default, held to what is named. A client sends key shares for all `groups`, if none are named."""
    changes: dict[str, Any] = {}
    if suites:
        changes["cipher_suites"] = tuple(CipherSuite.by_name(name) for name in suites)
    if groups:
        changes["groups"] = tuple(NamedGroup.by_name(name) for name in groups)
        changes["key_share_groups"] = tuple(NamedGroup.by_name(name) for name in shares or groups)
    if schemes:
        changes["signature_schemes"] = tuple(SignatureScheme.by_name(name) for name in schemes)
    return replace(Policy.MODERN, **changes)


def credential(files: Files) -> Credential:
    """A credential of the test's PKI."""
    return Credential.load(files.certificate, files.key)


def client_config(pki: PKI, **options: Any) -> ClientConfig:
    """A client that trusts the tests' authority."""
    return ClientConfig(**{"verifier": _verifier(pki)} | options)


def server_config(pki: PKI, kind: str = "p256", *, requires_client: bool = False, **options: Any) -> ServerConfig:
    """A server with a certificate of that kind."""
    if requires_client:
        options |= {"client_auth": ClientAuth.REQUIRE, "verifier": _verifier(pki)}
    return ServerConfig(**{"credentials": (credential(pki.files(kind)),)} | options)


def _verifier(pki: PKI) -> turtls.PrivateVerifier:
    return turtls.PrivateVerifier(turtls.TrustStore.from_file(pki.authority.root))


def agreed(connection: TLSSocket | Visit) -> Negotiated:
    """What was negotiated, which must be something."""
    if connection.negotiated is None:
        raise AssertionError("the handshake was never done")
    return connection.negotiated


def shown(negotiated: Negotiated) -> bytes:
    """The peer's certificate, which it must have shown. DER."""
    if negotiated.peer is None:
        raise AssertionError("the peer showed no certificate")
    return negotiated.peer.chain[0]


@dataclass
class Witness:
    """An observer that remembers which handshake messages passed."""

    sent: list[HandshakeType] = field(default_factory=list)
    received: list[HandshakeType] = field(default_factory=list)
    cookies: int = 0
    """How many HelloRetryRequests had one."""

    def __call__(self, trace: Trace) -> None:
        if isinstance(trace, HandshakeMessageSeen):
            seen = self.sent if trace.direction == "sent" else self.received
            seen.append(HandshakeType(trace.raw[0]))
            self.cookies += isinstance(trace.message, HelloRetryRequest) and Cookie in trace.message.extensions


def connect(port: int, config: ClientConfig, **options: Any) -> TLSSocket:
    """A client of turtls, connected to a peer."""
    return turtls.connect("localhost", port, config=config, timeout=TIMEOUT, **options)


@dataclass
class Visit:
    """One connection to a server of turtls, from its beginning to its end."""

    number: int
    """In the order they came."""
    witness: Witness
    negotiated: Negotiated | None = None
    error: Exception | None = None
    """What ended it; None if the peer said goodbye."""


class Listening:
    """A server of turtls in a thread, with one more for each connection."""

    def __init__(self, listener: TLSListener, application: Callable[[TLSSocket], None]) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._application = application
        self._visits: queue.Queue[Visit] = queue.Queue()

    def serve(self) -> None:
        for number in itertools.count():
            visit = Visit(number, Witness())
            try:
                tls = self._listener.accept(visit.witness)
            except OSError:
                return
            tls.settimeout(TIMEOUT)
            threading.Thread(target=self._serve_one, args=(tls, visit), daemon=True).start()

    def _serve_one(self, tls: TLSSocket, visit: Visit) -> None:
        try:
            with tls:
                tls.handshake()
                self._application(tls)
        except (turtls.TLSError, OSError) as error:
            visit.error = error
        finally:
            visit.negotiated = tls.negotiated
            self._visits.put(visit)

    def visit(self) -> Visit:
        """The next connection that has ended."""
        return self._visits.get(timeout=TIMEOUT)

    def visits(self, count: int) -> list[Visit]:
        """The next connections that have ended, in the order they came: each is served by a thread of its own."""
        return sorted((self.visit() for _ in range(count)), key=lambda visit: visit.number)


@contextmanager
def listening(config: ServerConfig, application: Callable[[TLSSocket], None]) -> Iterator[Listening]:
    """A server of turtls on a loopback port."""
    with turtls.listen("127.0.0.1", 0, config, handshake_timeout=TIMEOUT) as listener:
        server = Listening(listener, application)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
    thread.join(TIMEOUT)
