"""Resumption by ticket (RFC 8446, sections 2.2 and 4.6.1): what is kept, and when it may be used again."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING

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
from turtls.crypto.hashes import SHA256
from turtls.crypto.key_schedule import resumption_psk
from turtls.crypto.keys import check_strength
from turtls.crypto.tickets import MAX_LIFETIME
from turtls.errors import Fault, ProtocolError
from turtls.handshake.established import Established
from turtls.handshake.peer import Peer
from turtls.record.limits import MAX_CHAIN_LENGTH, MAX_TICKET
from turtls.wire.codec import code_point, opaque, uint32, vector
from turtls.wire.extensions import EarlyDataNewSessionTicket, Extensions
from turtls.wire.messages import NewSessionTicket
from turtls.wire.registries import CipherSuite, ProtocolVersion
from turtls.wire.structs import Struct

if TYPE_CHECKING:
    from turtls.config import PreSharedKey
    from turtls.crypto.srp import SrpVerifier


class TicketState(Struct):
    """What a server knows again when it sees one of its tickets."""

    version: ProtocolVersion = code_point(ProtocolVersion)
    cipher_suite: CipherSuite = code_point(CipherSuite)
    secret: bytes = opaque(1, 255)
    server_name: bytes = opaque(0, 255)
    alpn: bytes = opaque(0, 255)
    client_chain: list[bytes] = vector(opaque(1, 2**24 - 1), 0, 2**24 - 1)
    psk_identity: bytes = opaque(0, 2**16 - 1, default=b"")
    """Of the external PSK that the session rests on; empty if there is none."""
    srp_username: bytes = opaque(0, 2**16 - 1, default=b"")
    """Of who logged in with a password; empty if nobody did."""
    secret_digest: bytes = opaque(0, 32, default=b"")
    """Of that PSK's key or that user's verifier: another one under the same name is somebody else's."""
    authenticated_at: int = uint32()
    """Seconds since the epoch."""
    issued_at: int = uint32(default=0)
    """When the ticket was issued: seconds since the epoch."""
    age_add: int = uint32(default=0)
    max_early_data: int = uint32(default=0)
    replay_zone: bytes = opaque(0, 32, default=b"")
    """`ReplayGuard.zone`, where early data is allowed."""
    early_data_context: bytes = opaque(0, 2**16 - 1, default=b"")

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
        and session.cipher_suite in config.policy.cipher_suites
        and session.verifier is config.verifier
        and session.min_rsa_bits >= config.policy.min_rsa_bits
        and session.identity == config.identity
        and (session.peer is None or now < session.peer.leaf.not_valid_after)
    )


async def verify_server_again(peer: Peer, config: ClientConfig, session: Session) -> VerifiedChain | None:
    """The server's chain of that session, judged as of now where the configuration wants that; None if it has none.

    Raises ProtocolError, or whatever the verifier raises.
    """
    if session.peer is None or not config.verify_resumed:
        return session.peer
    request = VerificationRequest(
        role=Role.SERVER,
        untrusted_chain=_as_shown(session.peer.chain),
        server_name=session.server_name,
        min_rsa_bits=config.policy.min_rsa_bits,
        now=peer.environment.now(),
    )
    chain = await peer.wait(config.required_verifier().verify(request), "the verdict on the server's certificate")
    check_strength(chain.leaf.public_key, config.policy.min_rsa_bits)
    return chain


def session_from_ticket(
    peer: Peer, config: ClientConfig, established: Established, ticket: NewSessionTicket
) -> Session:
    """What a client keeps of a NewSessionTicket."""
    negotiated, suite = established.negotiated, established.suite
    early_data = ticket.extensions.get(EarlyDataNewSessionTicket)
    return Session(
        version=negotiated.version,
        cipher_suite=suite.suite,
        ticket=ticket.ticket,
        secret=resumption_psk(suite.hash, established.resumption_master_secret, ticket.ticket_nonce),
        received_at=peer.environment.now(),
        lifetime=ticket.ticket_lifetime,
        age_add=ticket.ticket_age_add,
        server_name=negotiated.server_name,
        alpn=negotiated.alpn,
        peer=negotiated.peer,
        psk_identity=negotiated.psk_identity,
        srp_username=negotiated.srp_username,
        authenticated_at=negotiated.authenticated_at,
        verifier=config.verifier,
        min_rsa_bits=config.policy.min_rsa_bits,
        max_early_data=early_data.max_early_data_size if early_data is not None else 0,
        record_size_limit=peer.carrier.record_size_limit,
        transport_parameters=peer.carrier.peer_transport_parameters,
        identity=config.identity,
    )


# ------------------------------------------------------------------------------------------- the server


async def issue_tickets(peer: Peer, config: ServerConfig, established: Established) -> None:
    """Send NewSessionTickets, as many as the configuration says, to a client that can use them.

    One that has resumed a session has spent one ticket, and gets one in its place.
    """
    if config.tickets is None or not established.resumption_master_secret:
        return
    now = peer.environment.now()
    lifetime = min(config.tickets.lifetime, int(established.negotiated.authenticated_at + MAX_LIFETIME - now))
    if lifetime <= 0:
        return
    count = min(1, config.tickets_to_send) if established.negotiated.resumed else config.tickets_to_send
    state = ticket_state(established.negotiated, b"", established.psk_digest)
    state.issued_at = int(now)
    if limit := peer.carrier.early_data_limit(config.max_early_data):
        state.max_early_data, state.replay_zone = limit, config.replay_guard.zone
        state.early_data_context = peer.carrier.early_data_context
    extensions = Extensions([EarlyDataNewSessionTicket(max_early_data_size=limit)] if limit else [])
    for number in range(count):
        nonce = bytes([number])
        state.secret = resumption_psk(established.suite.hash, established.resumption_master_secret, nonce)
        state.age_add = int.from_bytes(peer.environment.random(4), "big")
        ticket = await peer.wait(config.tickets.seal(state.encode(), now), "a place for a ticket")
        if not 0 < len(ticket) <= MAX_TICKET:
            return  # none is wanted, or the client's chain is too large for it and will have to be shown again
        peer.send(
            NewSessionTicket(
                ticket_lifetime=lifetime,
                ticket_age_add=state.age_add,
                ticket_nonce=nonce,
                ticket=ticket,
                extensions=extensions,
            )
        )


def ticket_state(negotiated: Negotiated, secret: bytes, secret_digest: bytes) -> TicketState:
    """What is kept of a session; `secret_digest` is of the PSK or the SRP verifier that it rests on, else empty."""
    return TicketState(
        version=negotiated.version,
        cipher_suite=negotiated.cipher_suite,
        secret=secret,
        server_name=(negotiated.server_name or "").encode(),
        alpn=(negotiated.alpn or "").encode(),
        client_chain=list(negotiated.peer.chain) if negotiated.peer is not None else [],
        psk_identity=negotiated.psk_identity or b"",
        srp_username=(negotiated.srp_username or "").encode(),
        secret_digest=secret_digest,
        authenticated_at=int(negotiated.authenticated_at),
    )


async def verify_client_again(peer: Peer, config: ServerConfig, state: TicketState) -> VerifiedChain | None:
    """Who the client was, as today's configuration judges it; the chain that it showed, None if it showed none.

    Raises ProtocolError: it was too long ago, the chain may have expired, or not be trusted any more, ...
    """
    if peer.environment.now() >= state.authenticated_at + MAX_LIFETIME:
        raise ProtocolError(Fault.REJECTED_CERTIFICATE, "the client was last authenticated too long ago")
    if state.psk_identity:
        psk = await look_up_psk(peer, config, state.psk_identity)
        if not hmac.compare_digest(digest_of_psk(psk), state.secret_digest):
            raise ProtocolError(Fault.UNKNOWN_PSK_IDENTITY)
    elif state.srp_username:
        user = await look_up_user(peer, config, state.srp_username)
        if not hmac.compare_digest(digest_of_user(user), state.secret_digest):
            raise ProtocolError(Fault.UNKNOWN_PSK_IDENTITY)
    elif not state.client_chain and config.client_auth is ClientAuth.REQUIRE:
        raise ProtocolError(Fault.CERTIFICATE_REQUIRED)
    return await _verify_chain_again(peer, config, state.client_chain) if state.client_chain else None


async def _verify_chain_again(peer: Peer, config: ServerConfig, chain: list[bytes]) -> VerifiedChain:
    request = VerificationRequest(
        role=Role.CLIENT,
        untrusted_chain=_as_shown(chain),
        server_name=None,
        min_rsa_bits=config.policy.min_rsa_bits,
        now=peer.environment.now(),
    )
    if config.client_auth is ClientAuth.NONE:
        raise ProtocolError(Fault.REJECTED_CERTIFICATE, "clients are not authenticated any more")
    verified = await peer.wait(config.required_verifier().verify(request), "the verdict on the client's certificate")
    check_strength(verified.leaf.public_key, config.policy.min_rsa_bits)
    return verified


def _as_shown(chain: Sequence[bytes]) -> tuple[bytes, ...]:
    """A verified chain as a peer may show it: behind the longest one, its trust anchor is one certificate too many."""
    return tuple(chain[:MAX_CHAIN_LENGTH])


def digest_of_psk(psk: PreSharedKey | None) -> bytes:
    """What tells whether an external PSK is the same as before; empty for none."""
    return SHA256.digest(psk.key) if psk is not None else b""


async def look_up_psk(peer: Peer, config: ServerConfig, untrusted_identity: bytes) -> PreSharedKey | None:
    """The external PSK of that name, None if there is none."""
    if config.psks is None:
        return None
    return await peer.wait(config.psks(untrusted_identity), "a look-up of a pre-shared key")


def digest_of_user(verifier: SrpVerifier | None) -> bytes:
    """What tells whether a user's password is the same as before; empty for no user."""
    return SHA256.digest(verifier.salt + verifier.group.pad(verifier.verifier)) if verifier is not None else b""


async def look_up_user(peer: Peer, config: ServerConfig, untrusted_username: bytes) -> SrpVerifier | None:
    """The user of that name, None if there is none."""
    if config.srp is None:
        return None
    return await peer.wait(config.srp.look_up(untrusted_username.decode("utf-8", "replace")), "a look-up of a user")
