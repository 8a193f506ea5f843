"""Early data: what a client sends with its first flight, before the server has answered (RFC 8446, section 2.3).

It saves a round trip, and has two faults: whoever finds the ticket's key can read it, and whoever listens can send it
again. So a server takes it only where it is told to, once for each ticket, and soon after the client has sent it.
"""

from __future__ import annotations

from typing import Final

from turtls.config import ServerConfig
from turtls.config.replay import MAX_EARLY_DATA
from turtls.crypto.hashes import SHA256
from turtls.crypto.key_schedule import EarlySecret, TrafficSecret
from turtls.crypto.suites import SUITES13, Suite13
from turtls.errors import Fault, ProtocolError
from turtls.handshake.offer import Offer
from turtls.handshake.peer import Level, Peer
from turtls.handshake.psks import ChosenPsk, Psk
from turtls.handshake.resumption import TicketState
from turtls.handshake.transcript import Transcript

MAX_TICKET_AGE_ERROR: Final = 10.0
"""Seconds by which a ticket's age by the client's clock may differ from that by the server's (section 8.3)."""


def early_traffic_secret(peer: Peer, early_secret: EarlySecret, transcript_hash: bytes) -> TrafficSecret:
    """client_early_traffic_secret, from the ClientHello alone (section 7.1)."""
    client = early_secret.client_early_traffic_secret(transcript_hash)
    exporter = early_secret.early_exporter_master_secret(transcript_hash)
    peer.derived("client_early_traffic_secret", client.raw, "protects early data", keylog="CLIENT_EARLY_TRAFFIC_SECRET")
    peer.derived(
        "early_exporter_master_secret",
        exporter,
        "for keys that an application would want before the handshake is done",
        keylog="EARLY_EXPORTER_SECRET",
    )
    return client


# ------------------------------------------------------------------------------------------- the client


def begin_early_data(peer: Peer, offer: Offer) -> None:
    """The ClientHello that offers it is sent: early data may follow."""
    psk = offer.psks[0]
    if psk.session is None:
        raise RuntimeError("early data was offered without a session")
    suite = SUITES13[psk.session.cipher_suite]
    peer.carrier.middlebox_change_cipher_spec()
    secret = early_traffic_secret(peer, psk.early_secret, psk.hash.digest(offer.raw))
    peer.install_write(Level.EARLY, suite, secret, "early data goes under a key of the session that is resumed")


def check_accepted(psk: Psk | None, suite: Suite13, alpn: str | None) -> None:
    """The server took the early data, which it may do only if all is as it was in the session (section 4.2.10).

    Raises ProtocolError (EARLY_DATA_MISMATCH) if it is not.
    """
    session = psk.session if psk is not None else None
    if session is None:
        raise ProtocolError(Fault.EARLY_DATA_MISMATCH, "without the session")
    if session.cipher_suite != suite.suite:
        raise ProtocolError(Fault.EARLY_DATA_MISMATCH, f"{suite.suite} where {session.cipher_suite} was in use")
    if session.alpn != alpn:
        raise ProtocolError(Fault.EARLY_DATA_MISMATCH, f"ALPN {alpn} where {session.alpn} was in use")


# ------------------------------------------------------------------------------------------- the server


async def accept_early_data(
    peer: Peer,
    config: ServerConfig,
    chosen: ChosenPsk | None,
    suite: Suite13,
    alpn: str | None,
    transcript: Transcript,
) -> TrafficSecret | None:
    """The secret of the early data that the client sends; None if it is not accepted, and then it is dropped.

    `transcript` ends with the ClientHello.
    """
    state = chosen.psk.state if chosen is not None and chosen.index == 0 else None
    if chosen is None or state is None:
        why_not = "the session of its ticket does not go on"
    else:
        why_not = await _objection(peer, config, state, chosen.obfuscated_ticket_age, suite, alpn)
        if not why_not:
            peer.explain("early data", "The client's early data is accepted: its ticket is fresh, and new here.")
            peer.carrier.expect_early_data(state.max_early_data)
            return early_traffic_secret(peer, chosen.psk.early_secret, transcript.digest())
    peer.explain("early data", f"The client's early data is dropped: {why_not}.")
    allowed = max(config.max_early_data, state.max_early_data if state is not None else 0)
    peer.carrier.skip_early_data(min(allowed, MAX_EARLY_DATA), until_second_hello=False)
    return None


async def _objection(
    peer: Peer, config: ServerConfig, state: TicketState, obfuscated_ticket_age: int, suite: Suite13, alpn: str | None
) -> str:
    """What speaks against early data; empty if nothing does (section 4.2.10)."""
    limit = peer.carrier.early_data_limit(config.max_early_data)
    if not limit:
        return "this server accepts none"
    if not state.max_early_data or state.replay_zone != config.replay_guard.zone:
        return "its ticket does not allow it"
    if state.max_early_data > limit:
        return "its ticket allows more than is accepted by now"
    if state.cipher_suite != suite.suite:
        return "the cipher suite is not the session's"
    if state.alpn != (alpn or "").encode():
        return "the application protocol is not the session's"
    if state.early_data_context != peer.carrier.early_data_context:
        return "the transport is not set up as in the session"
    return await _sign_of_replay(peer, config, state, obfuscated_ticket_age)


async def _sign_of_replay(peer: Peer, config: ServerConfig, state: TicketState, obfuscated_ticket_age: int) -> str:
    """A replay comes late (section 8.3), or is the second of its kind (section 8.1)."""
    now = peer.environment.now()
    age = (obfuscated_ticket_age - state.age_add) % 2**32 / 1000
    expected = state.issued_at + age
    if abs(now - expected) > MAX_TICKET_AGE_ERROR:
        return "the age of its ticket is not what it should be"
    ticket = SHA256.digest(b"turtls early data" + state.secret)
    claim = config.replay_guard.claim(ticket, expected + MAX_TICKET_AGE_ERROR, now)
    is_first = await peer.wait(claim, "a look for a replay")
    return "" if is_first else "its ticket has been used for early data before"
