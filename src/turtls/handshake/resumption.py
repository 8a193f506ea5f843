"""Resumption by ticket (RFC 8446, sections 2.2, 4.2.11 and 4.6.1): what is kept, and when it may be used again."""

from __future__ import annotations

from dataclasses import dataclass, field

from turtls.config import (
    ClientAuth,
    ClientConfig,
    Negotiated,
    Role,
    ServerConfig,
    Session,
    VerificationRequest,
    VerifiedChain,
)
from turtls.crypto.key_schedule import EarlySecret, finished_mac, resumption_psk
from turtls.crypto.keys import check_strength
from turtls.crypto.suites import SUITES13, Suite13
from turtls.errors import Fault, ProtocolError
from turtls.handshake.established import Established
from turtls.handshake.peer import Peer
from turtls.handshake.proofs import VerifiedBinder, verify_binder
from turtls.handshake.transcript import Transcript
from turtls.record.limits import MAX_TICKET
from turtls.wire.codec import Struct, code_point, opaque, vector
from turtls.wire.extensions import Extensions, OfferedPsks, PskKeyExchangeModes
from turtls.wire.messages import ClientHello, NewSessionTicket
from turtls.wire.registries import CipherSuite, ProtocolVersion, PskKeyExchangeMode

MAX_IDENTITIES_TRIED = 4
"""Tickets of one ClientHello that are looked up: clients offer one or two, and each may cost a decryption."""


class TicketState(Struct):
    """What a server knows again when it sees one of its tickets."""

    version: ProtocolVersion = code_point(ProtocolVersion)
    cipher_suite: CipherSuite = code_point(CipherSuite)
    secret: bytes = opaque(1, 255)
    server_name: bytes = opaque(0, 255)
    alpn: bytes = opaque(0, 255)
    client_chain: list[bytes] = vector(opaque(1, 2**24 - 1), 0, 2**24 - 1)

    def __repr__(self) -> str:
        """Without the secret: what is represented may end in a log."""
        return f"TicketState({self.version}, {self.cipher_suite})"

    @classmethod
    def read(cls, state: bytes | None) -> TicketState | None:
        """What a store gave back; None if that is nothing, or what another version of turtls kept."""
        try:
            return cls.decode(state) if state is not None else None
        except ProtocolError:
            return None


@dataclass(frozen=True, slots=True)
class Resumption:
    """A session that goes on: the client has shown by its binder that it holds the PSK."""

    binder: VerifiedBinder
    index: int
    psk: bytes = field(repr=False)
    client_chain: VerifiedChain | None


# ------------------------------------------------------------------------------------------- the client


def take_session(config: ClientConfig, key: str, server_name: str | None, now: float) -> Session | None:
    """A session that may be resumed under this configuration; one that may not is forgotten."""
    if config.sessions is None:
        return None
    session = config.sessions.take(key)
    if session is None or not _may_resume(session, config, server_name, now):
        return None
    return session


def _may_resume(session: Session, config: ClientConfig, server_name: str | None, now: float) -> bool:
    return (
        session.fresh(now)
        and len(session.ticket) <= MAX_TICKET
        and session.server_name == server_name
        and session.version in config.policy.versions
        and (config.verifier is not None or session.version < ProtocolVersion.TLS_1_3)
        and session.cipher_suite in config.policy.cipher_suites
        and session.verifier is config.verifier
        and session.min_rsa_bits >= config.policy.min_rsa_bits
        and session.identity == config.identity
        and (session.peer is None or now < session.peer.leaf.certificate.not_valid_after_utc.timestamp())
    )


def session_from_ticket(
    config: ClientConfig, established: Established, ticket: NewSessionTicket, now: float
) -> Session:
    """What a client keeps of a NewSessionTicket."""
    negotiated, suite = established.negotiated, established.suite
    return Session(
        version=negotiated.version,
        cipher_suite=suite.suite,
        ticket=ticket.ticket,
        secret=resumption_psk(suite.hash, established.resumption_master_secret, ticket.ticket_nonce),
        received_at=now,
        lifetime=ticket.ticket_lifetime,
        age_add=ticket.ticket_age_add,
        server_name=negotiated.server_name,
        alpn=negotiated.alpn,
        peer=negotiated.peer,
        verifier=config.verifier,
        min_rsa_bits=config.policy.min_rsa_bits,
        identity=config.identity,
    )


# ------------------------------------------------------------------------------------------- the server


async def issue_tickets(peer: Peer, config: ServerConfig, established: Established) -> None:
    """Send NewSessionTickets, as many as the configuration says, to a client that can use them.

    One that has resumed a session has spent one ticket, and gets one in its place.
    """
    if config.tickets is None or not established.resumption_master_secret:
        return
    count = min(1, config.tickets_to_send) if established.negotiated.resumed else config.tickets_to_send
    for number in range(count):
        nonce = bytes([number])
        secret = resumption_psk(established.suite.hash, established.resumption_master_secret, nonce)
        state = ticket_state(established.negotiated, secret)
        ticket = await peer.wait(config.tickets.seal(state.encode(), peer.environment.now()), "a place for a ticket")
        if not 0 < len(ticket) <= MAX_TICKET:
            return  # none is wanted, or the client's chain is too large for it and will have to be shown again
        peer.send(
            NewSessionTicket(
                ticket_lifetime=config.tickets.lifetime,
                ticket_age_add=int.from_bytes(peer.environment.random(4), "big"),
                ticket_nonce=nonce,
                ticket=ticket,
                extensions=Extensions(),
            )
        )


def ticket_state(negotiated: Negotiated, secret: bytes) -> TicketState:
    """What is kept of a session."""
    return TicketState(
        version=negotiated.version,
        cipher_suite=negotiated.cipher_suite,
        secret=secret,
        server_name=(negotiated.server_name or "").encode(),
        alpn=(negotiated.alpn or "").encode(),
        client_chain=list(negotiated.peer.chain) if negotiated.peer is not None else [],
    )


async def find_resumption(
    peer: Peer,
    config: ServerConfig,
    hello: ClientHello,
    suite: Suite13,
    server_name: str | None,
    transcript: Transcript,
) -> Resumption | None:
    """The first offered session that can go on here. `transcript` stands before this ClientHello.

    Raises ProtocolError (BAD_BINDER) if the client does not hold the PSK of the session that was chosen.
    """
    psks = hello.extensions.get(OfferedPsks)
    if psks is None:
        return None
    _check_offer(hello, psks)
    if config.tickets is None or not can_resume(hello):
        return None
    now = peer.environment.now()
    for index, identity in enumerate(psks.identities[:MAX_IDENTITIES_TRIED]):
        sealed = await peer.wait(config.tickets.unseal(identity.identity, now), "a look-up of a ticket")
        state = TicketState.read(sealed)
        if state is None or not _suits(state, config, suite, server_name):
            continue
        client_chain: VerifiedChain | None = None
        if state.client_chain:
            try:
                client_chain = await verify_client_again(peer, config, state)
            except ProtocolError:
                continue
        truncated = hello.raw[: -psks.binders_length]
        binder_key = EarlySecret(suite.hash, state.secret).binder_key(external=False)
        expected = finished_mac(suite.hash, binder_key, transcript.digest(truncated))
        return Resumption(verify_binder(expected, psks.binders[index]), index, state.secret, client_chain)
    return None


def can_resume(hello: ClientHello) -> bool:
    """Whether the client resumes in the one mode that is used here (section 4.2.9)."""
    modes = hello.extensions.get(PskKeyExchangeModes)
    return modes is not None and PskKeyExchangeMode.psk_dhe_ke in modes.ke_modes


def _check_offer(hello: ClientHello, psks: OfferedPsks) -> None:
    if hello.extensions.types[-1] != OfferedPsks.extension_type:
        raise ProtocolError(Fault.PSK_NOT_LAST)
    if len(psks.identities) != len(psks.binders):
        raise ProtocolError(
            Fault.ILLEGAL_PARAMETER, f"{len(psks.identities)} PSK identities with {len(psks.binders)} binders"
        )


def _suits(state: TicketState, config: ServerConfig, suite: Suite13, server_name: str | None) -> bool:
    return (
        state.version == ProtocolVersion.TLS_1_3
        and state.cipher_suite in SUITES13
        and SUITES13[state.cipher_suite].hash is suite.hash
        and state.server_name == (server_name or "").encode()
        and (bool(state.client_chain) or config.client_auth is not ClientAuth.REQUIRE)
    )


async def verify_client_again(peer: Peer, config: ServerConfig, state: TicketState) -> VerifiedChain:
    """The client's chain as today's configuration judges it: it may have expired, or not be trusted any more."""
    request = VerificationRequest(
        role=Role.CLIENT,
        untrusted_chain=tuple(state.client_chain),
        server_name=None,
        min_rsa_bits=config.policy.min_rsa_bits,
        now=peer.environment.now(),
    )
    if config.client_auth is ClientAuth.NONE:
        raise ProtocolError(Fault.REJECTED_CERTIFICATE, "clients are not authenticated any more")
    chain = await peer.wait(config.required_verifier().verify(request), "the verdict on the client's certificate")
    check_strength(chain.leaf.public_key, config.policy.min_rsa_bits)
    return chain
