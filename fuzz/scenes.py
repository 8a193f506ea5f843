"""Who is fuzzed: clients and servers whose world stands still, and who believe every proof.

Time, randomness and ephemeral keys come from `Environment`, so that a script plays alike each time. A fuzzer guesses no
signature, no Finished and no binder; `believing` lets them all pass, in the one module that judges them. Keys are real:
whoever plays the other side seals records with the keys of the side that reads them.
"""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any, Generic, TypeVar, cast
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from turtls.config import (
    ClientAuth,
    ClientConfig,
    Credential,
    DangerAcceptAnyCertificate,
    Environment,
    Policy,
    PreSharedKey,
    ServerConfig,
    Session,
    SrpLogin,
    SrpUsers,
    TicketStore,
    VerificationRequest,
    VerifiedChain,
)
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.crypto import groups
from turtls.crypto.signatures import KeySigner
from turtls.crypto.srp import SrpVerifier
from turtls.errors import Fault, ProtocolError
from turtls.events import Event, SessionReceived
from turtls.handshake import proofs
from turtls.handshake.endpoint import Endpoint
from turtls.wire.registries import NamedGroup

T = TypeVar("T")

NAME = "a.example"
EARLY_DATA = b"an early question"
NOW = 1.8e9
"""Seconds since the epoch."""

_GROUPS = (NamedGroup.x25519, NamedGroup.secp256r1)
POLICY13 = replace(Policy.MODERN, groups=_GROUPS, key_share_groups=_GROUPS[:1])
ONLY_P256 = replace(POLICY13, groups=_GROUPS[1:], key_share_groups=_GROUPS[1:])
POLICY12 = replace(Policy.LEGACY, groups=_GROUPS, versions=Policy.LEGACY.versions[1:], key_share_groups=())


# ------------------------------------------------------------------------------------------- a world that stands still


def _share(group: NamedGroup) -> groups.PrivateShare:
    return groups.from_private_bytes(group, b"\x21" * 32)


def _generate(wanted: Sequence[NamedGroup]) -> list[groups.PrivateShare]:
    return [_share(group) for group in wanted]


def _answer(group: NamedGroup, untrusted_public: bytes) -> tuple[bytes, bytes]:
    share = _share(group)
    return share.public, share.agree(untrusted_public)


ENVIRONMENT = Environment(
    now=lambda: NOW,
    random=lambda length: b"\x42" * length,
    generate_key_shares=_generate,
    answer_key_share=_answer,
)


@contextmanager
def believing() -> Iterator[None]:
    """Every proof is right."""
    compare = SimpleNamespace(compare_digest=lambda expected, untrusted: True)
    verify = SimpleNamespace(verify=lambda *claim: None)
    with patch.object(proofs, "hmac", compare), patch.object(proofs, "signatures", verify):
        yield


class OpenTickets:
    """What a server keeps of a session lies open in its ticket. Satisfies `config.TicketStore`."""

    lifetime = 3600
    single_use = False

    def seal(self, state: bytes, now: float) -> bytes:
        return state

    def unseal(self, untrusted_ticket: bytes, now: float) -> bytes | None:
        return untrusted_ticket


_TICKETS: TicketStore = OpenTickets()


class Credulous:
    """A guard that takes nothing for a replay. Satisfies `config.ReplayGuard`."""

    zone = b"everywhere"

    def claim(self, ticket: bytes, until: float, now: float) -> bool:
        return True


class Later(Generic[T]):
    """What has to be waited for, until `settle`."""

    def __init__(self, value: T) -> None:
        self._value = value

    def __await__(self) -> Generator[None, None, T]:
        yield
        return self._value


class Thoughtful:
    """A verifier that has to think, and then believes. Satisfies `config.Verifier`."""

    def verify(self, request: VerificationRequest) -> Later[VerifiedChain]:
        return Later(DangerAcceptAnyCertificate().verify(request))

    def certificate_authorities(self) -> Sequence[bytes]:
        return ()


class OneSession:
    """A store with one session, for any number of handshakes."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def put(self, key: str, session: Session) -> None:
        """Not kept."""

    def take(self, key: str) -> Session | None:
        return self.session


class NoSession:
    """A store that keeps nothing: but sessions are made, to be put there."""

    def put(self, key: str, session: Session) -> None:
        """Not kept."""

    def take(self, key: str) -> Session | None:
        return None


# ------------------------------------------------------------------------------------------- who they are


@cache
def private_key(key_type: str) -> Any:
    return ec.generate_private_key(ec.SECP256R1()) if key_type == "ecdsa" else rsa.generate_private_key(65537, 2048)


@cache
def credential(key_type: str = "ecdsa") -> Credential:
    key = private_key(key_type)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Credential((certificate.public_bytes(Encoding.DER),), KeySigner(key))


PSK = PreSharedKey(b"a key", b"\x17" * 16)


@cache
def _users() -> SrpUsers:
    verifier = SrpVerifier.from_password("alice", "a password", salt=b"\x01" * 16)
    return SrpUsers(look_up=lambda name: verifier if name == "alice" else None, seed=bytes(32))


def _client(policy: Policy, **options: Any) -> ClientConfig:
    defaults: dict[str, Any] = {
        "policy": policy,
        "verifier": DangerAcceptAnyCertificate(),
        "sessions": NoSession(),
        "environment": ENVIRONMENT,
        "alpn": ("h2", "http/1.1"),
    }
    return ClientConfig(**(defaults | options))


def _server(policy: Policy, **options: Any) -> ServerConfig:
    defaults: dict[str, Any] = {
        "policy": policy,
        "credentials": (credential(), credential("rsa")),
        "environment": ENVIRONMENT,
        "tickets": _TICKETS,
        "session_ids": None,
        "alpn": ("h2",),
    }
    return ServerConfig(**(defaults | options))


def settle(endpoint: Endpoint, *, refuse: bool = False) -> list[Event]:
    """Give the endpoint what it waits for, or refuse it; nothing happens if it waits for nothing."""
    pending = endpoint._pending
    if pending is None:
        return []
    result = _run(pending.awaitable)
    if refuse:
        return endpoint.resume_error(pending, ProtocolError(Fault.REJECTED_CERTIFICATE))
    return endpoint.resume(pending, result)


def _run(awaitable: Awaitable[T]) -> T:
    steps = awaitable.__await__()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast(T, end.value)


def exchange(client: Connection, server: Connection) -> list[Event]:
    """Carry bytes to and fro until there are none; gives what happened to the client."""
    happened: list[Event] = []
    while (to_server := client.data_to_send()) or (to_client := server.data_to_send()):
        if to_server:
            _deliver(server, to_server)
            to_client = server.data_to_send()
        if to_client:
            happened += _deliver(client, to_client)
    return happened


def _deliver(receiver: Connection, data: bytes) -> list[Event]:
    events = receiver.receive_data(data)
    while receiver._pending is not None:
        events += settle(receiver)
    return events


def _resuming(client: ClientConfig, server: ServerConfig) -> ClientConfig:
    """A client that always resumes the same session."""
    events = exchange(ClientConnection(client, server_name=NAME), ServerConnection(server))
    session = next(event.session for event in events if isinstance(event, SessionReceived))
    return replace(client, sessions=OneSession(session))


@cache
def clients13() -> tuple[ClientConfig, ...]:
    plain = _client(POLICY13, record_size_limit=1000)
    known = _client(POLICY13, credentials=(credential(),), psks=(PSK,), post_handshake_auth=True)
    return plain, _resuming(plain, servers13()[0]), known, replace(known, psks=(), verifier=Thoughtful())


@cache
def clients12() -> tuple[ClientConfig, ...]:
    plain = _client(POLICY12)
    both = replace(POLICY12, versions=Policy.LEGACY.versions, key_share_groups=_GROUPS[:1])
    known = _client(POLICY12, psks=(PSK,), srp=SrpLogin("alice", "a password"), credentials=(credential("rsa"),))
    return (
        plain,
        _resuming(plain, servers12()[0]),
        known,
        _client(both, credentials=(credential(),), record_size_limit=1000),
        replace(known, policy=replace(POLICY12, versions=POLICY12.versions[1:])),
    )


@cache
def servers13() -> tuple[ServerConfig, ...]:
    plain = _server(POLICY13, record_size_limit=1000, max_early_data=1000, replay_guard=Credulous())
    asking = _server(
        POLICY13, client_auth=ClientAuth.REQUEST, verifier=DangerAcceptAnyCertificate(), psks={PSK.identity: PSK}.get
    )
    thoughtful = replace(asking, verifier=Thoughtful(), on_client_hello=lambda info: Later(None))
    return plain, _server(ONLY_P256), asking, thoughtful


@cache
def servers12() -> tuple[ServerConfig, ...]:
    both = replace(POLICY12, versions=Policy.LEGACY.versions)
    return (
        _server(POLICY12),
        _server(POLICY12, client_auth=ClientAuth.REQUEST, verifier=DangerAcceptAnyCertificate()),
        _server(POLICY12, psks={PSK.identity: PSK}.get, psk_identity_hint=b"hint", srp=_users()),
        _server(both),
    )
