"""Resumption in TLS 1.2 and earlier, by session id (RFC 5246, section 7.3) and by ticket (RFC 5077).

Only sessions with the extended master secret are kept (RFC 7627, section 5.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from turtls.config import ServerConfig, Session, VerifiedChain
from turtls.crypto.suites12 import SUITES12
from turtls.errors import Fault, ProtocolError
from turtls.handshake.established12 import Established12
from turtls.handshake.offer import Offer
from turtls.handshake.peer import Peer
from turtls.handshake.resumption import TicketState, verify_client_again
from turtls.handshake.selection import has_secret_for
from turtls.record.limits import MAX_TICKET
from turtls.wire.extensions import ExtendedMasterSecret, SessionTicket
from turtls.wire.messages import ClientHello
from turtls.wire.messages12 import NewSessionTicket12
from turtls.wire.registries import ProtocolVersion

_DAY: Final = 24 * 3600
"""Seconds a session is kept that no hint says a lifetime of (RFC 5246, section F.1.4, suggests this)."""


@dataclass(slots=True)
class Resumption12:
    """A session that goes on."""

    state: TicketState
    client_chain: VerifiedChain | None
    ticket_stays: bool
    """Whether the client may use its ticket again. A session that was kept by its id is forgotten once it is found."""


# ------------------------------------------------------------------------------------------- the client


def session_from_handshake(
    peer: Peer, offer: Offer, established: Established12, *, session_id: bytes, ticket: NewSessionTicket12 | None
) -> Session | None:
    """What a client keeps; None if the session cannot be resumed."""
    negotiated, secrets = established.negotiated, established.secrets
    by_ticket = ticket is not None and bool(ticket.ticket)
    if not secrets.extended or not (session_id or by_ticket):
        return None
    return Session(
        version=negotiated.version,
        cipher_suite=negotiated.cipher_suite,
        ticket=ticket.ticket if ticket is not None else b"",
        session_id=b"" if by_ticket else session_id,
        secret=secrets.master_secret,
        received_at=peer.environment.now(),
        lifetime=(ticket.ticket_lifetime_hint if ticket is not None else 0) or _DAY,
        server_name=negotiated.server_name,
        alpn=negotiated.alpn,
        peer=negotiated.peer,
        psk_identity=negotiated.psk_identity,
        srp_username=negotiated.srp_username,
        authenticated_at=negotiated.authenticated_at,
        verifier=offer.config.verifier,
        min_rsa_bits=offer.config.policy.min_rsa_bits,
        identity=offer.config.identity,
    )


# ------------------------------------------------------------------------------------------- the server


async def find_resumption12(
    peer: Peer, config: ServerConfig, hello: ClientHello, version: ProtocolVersion, server_name: str | None
) -> Resumption12 | None:
    """The session that the client's ticket or session id stands for, if it may go on here."""
    now = peer.environment.now()
    ticket = hello.extensions.get(SessionTicket)
    ticket_stays = False
    if config.tickets is not None and ticket is not None and ticket.ticket:
        look_up = config.tickets.unseal(ticket.ticket, now)
        ticket_stays = not config.tickets.single_use
    elif config.session_ids is not None and hello.legacy_session_id:
        look_up = config.session_ids.unseal(hello.legacy_session_id, now)
    else:
        return None
    state = TicketState.read(await peer.wait(look_up, "a look-up of a session"))
    if state is None:
        return None
    if ExtendedMasterSecret not in hello.extensions:
        raise ProtocolError(Fault.RESUMED_EMS_MISMATCH)  # RFC 7627, section 5.3: only sessions with it are kept
    if not _suits(state, config, hello, version, server_name):
        return None
    try:
        return Resumption12(state, await verify_client_again(peer, config, state), ticket_stays)
    except ProtocolError:
        return None


def _suits(
    state: TicketState, config: ServerConfig, hello: ClientHello, version: ProtocolVersion, server_name: str | None
) -> bool:
    return (
        state.version == version
        and state.cipher_suite in hello.cipher_suites
        and state.cipher_suite in config.policy.cipher_suites
        and has_secret_for(config, SUITES12[state.cipher_suite].key_exchange)
        and state.server_name == (server_name or "").encode()
    )


async def new_ticket(peer: Peer, config: ServerConfig, state: TicketState) -> bytes:
    """A ticket for the session; empty if there is none to be had (RFC 5077, section 3.3)."""
    if config.tickets is None:
        return b""
    ticket = await peer.wait(config.tickets.seal(state.encode(), peer.environment.now()), "a place for a ticket")
    return ticket if len(ticket) <= MAX_TICKET else b""


async def keep_session(peer: Peer, config: ServerConfig, session_id: bytes, state: TicketState) -> None:
    """Keep the session under the id that ServerHello gave it."""
    if config.session_ids is not None and session_id:
        await peer.wait(
            config.session_ids.put(session_id, state.encode(), peer.environment.now()), "a place for a session"
        )
