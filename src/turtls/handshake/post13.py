"""After the handshake: tickets, KeyUpdate and client authentication (RFC 8446, section 4.6).

A second small coroutine for each role, which never ends by itself: it waits for the next message beside the
application's data.
"""

from __future__ import annotations

from typing import Literal

from turtls.config import ClientConfig, ServerConfig
from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.tickets import MAX_LIFETIME
from turtls.errors import Fault, ProtocolError
from turtls.events import KeysUpdated, PeerAuthenticated, SessionReceived
from turtls.handshake.certificates import answer_certificate_request
from turtls.handshake.compression import receive_certificate
from turtls.handshake.established import Established
from turtls.handshake.peer import Level, Peer
from turtls.handshake.proofs import verify_finished
from turtls.handshake.resumption import issue_tickets, session_from_ticket
from turtls.handshake.server13 import certificate_request, check_client_certificate
from turtls.record.limits import MAX_KEY_UPDATES, MAX_POST_HANDSHAKE_REQUESTS, MAX_TICKETS
from turtls.wire.messages import (
    CertificateRequest,
    Finished,
    KeyUpdate,
    NewSessionTicket,
)
from turtls.wire.registries import KeyUpdateRequest

Side = Literal["client", "server"]


class TrafficKeys:
    """The application's keys as they change (section 4.6.3)."""

    __slots__ = (
        "_established",
        "_has_answered",
        "_owes_answer",
        "_peer",
        "_read_side",
        "_write_side",
        "has_asked",
        "updates_without_data",
    )

    def __init__(self, peer: Peer, established: Established, side: Side) -> None:
        self._peer = peer
        self._established = established
        self._write_side: Side = side
        self._read_side: Side = "server" if side == "client" else "client"
        self._owes_answer = False
        """The peer has asked for an update, which must come before the next data (section 4.6.3)."""
        self._has_answered = False
        """That was done at once, as some peers wait for it; what is asked for again is left to the next data."""
        self.has_asked = False
        """The peer was asked for new keys, and has not changed them yet."""
        self.updates_without_data = 0
        """How often the peer changed its keys since it last sent data."""

    def update_write(self, *, request_peer: bool) -> None:
        """Tell the peer, then send under the next generation of keys."""
        request = KeyUpdateRequest.update_requested if request_peer else KeyUpdateRequest.update_not_requested
        self._peer.send(KeyUpdate(request_update=request))
        self._owes_answer = False
        secret = self._next(self._write_side)
        self._peer.install_write(Level.APPLICATION, self._established.suite, secret, "the next generation of keys")

    def answer(self) -> None:
        """What is to be sent is about to be sent."""
        if self._owes_answer and not self._has_answered:
            self._has_answered = True
            self.update_write(request_peer=False)

    def before_data(self) -> None:
        """Application data is about to be sent."""
        if self._owes_answer:
            self.update_write(request_peer=False)
        self._has_answered = False

    def ask_peer(self) -> None:
        """Ask the peer, once, for new keys: its own come near what they may protect (section 5.5)."""
        if not self.has_asked:
            self.update_write(request_peer=True)
            self.has_asked = True

    def received(self, update: KeyUpdate) -> None:
        """The peer sends under its next generation from here on, and may want this side to do so too."""
        if update.request_update not in KeyUpdateRequest.names:
            raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"request_update {update.request_update}")
        self.updates_without_data += 1
        if self.updates_without_data > MAX_KEY_UPDATES:
            raise ProtocolError(Fault.TOO_MANY_KEY_UPDATES)
        self.has_asked = False
        secret = self._next(self._read_side)
        self._peer.install_read(
            Level.APPLICATION, self._established.suite, secret, "the peer's next generation of keys"
        )
        if update.request_update == KeyUpdateRequest.update_requested:
            self._owes_answer = True
        self._peer.events.append(KeysUpdated())

    def _next(self, side: Side) -> TrafficSecret:
        established = self._established
        attribute = f"{side}_traffic_secret"
        secret = TrafficSecret(established.suite.hash, getattr(established, attribute)).next_generation()
        setattr(established, attribute, secret.raw)
        return secret


# ------------------------------------------------------------------------------------------- the client


async def client(
    peer: Peer, config: ClientConfig, established: Established, keys: TrafficKeys, session_key: str
) -> None:
    """Take tickets and key updates, and answer requests for a certificate. `session_key` names the service."""
    tickets = requests = 0
    while True:
        message = await peer.receive(NewSessionTicket, KeyUpdate, CertificateRequest)
        if isinstance(message, KeyUpdate):
            keys.received(message)
        elif isinstance(message, NewSessionTicket):
            tickets += 1
            if tickets > MAX_TICKETS:
                raise ProtocolError(Fault.TOO_MANY_TICKETS)
            keep_ticket(peer, config, established, message, session_key)
        else:
            requests += 1
            if requests > MAX_POST_HANDSHAKE_REQUESTS:
                raise ProtocolError(Fault.UNEXPECTED_MESSAGE, "too many CertificateRequests")
            await _authenticate(peer, config, established, message)


def keep_ticket(
    peer: Peer, config: ClientConfig, established: Established, ticket: NewSessionTicket, session_key: str
) -> None:
    """Keep the session that goes with it, unless it is over at once or nothing is kept. Raises ProtocolError."""
    if ticket.ticket_lifetime > MAX_LIFETIME:  # section 4.6.1: not to be believed
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"ticket_lifetime {ticket.ticket_lifetime}")
    if ticket.ticket_lifetime and config.sessions is not None:
        session = session_from_ticket(peer, config, established, ticket)
        config.sessions.put(session_key, session)
        peer.events.append(SessionReceived(session))


async def _authenticate(
    peer: Peer, config: ClientConfig, established: Established, request: CertificateRequest
) -> None:
    """Section 4.6.2. It is only allowed where the client offered it."""
    if established.transcript is None:
        raise ProtocolError(Fault.UNEXPECTED_MESSAGE, "CertificateRequest although post_handshake_auth was not offered")
    transcript = established.transcript.copy()
    transcript.add(request.raw)
    await answer_certificate_request(peer, config, request, transcript)
    base_key = TrafficSecret(established.suite.hash, established.client_traffic_secret)
    peer.send(Finished(verify_data=base_key.finished_mac(transcript.digest())))


# ------------------------------------------------------------------------------------------- the server


class ClientRequests:
    """A server's requests for the client's certificate that are not answered yet."""

    __slots__ = ("_established", "_peer", "answer_under_way", "config", "open")

    def __init__(self, peer: Peer, config: ServerConfig, established: Established) -> None:
        self._peer = peer
        self.config = config
        self._established = established
        self.open: dict[bytes, CertificateRequest] = {}
        """By their certificate_request_context."""
        self.answer_under_way = False
        """The client's Certificate has come, its Finished not yet: nothing may come between them (section 4.6.2)."""

    @property
    def allowed(self) -> bool:
        """Whether the client offered post_handshake_auth."""
        return self._established.transcript is not None

    def send(self) -> None:
        """Ask for the client's certificate."""
        context = self._peer.environment.random(16)
        request = certificate_request(self.config, context)
        request.raw = self._peer.send(request)
        self.open[context] = request


async def server(peer: Peer, established: Established, keys: TrafficKeys, requests: ClientRequests) -> None:
    """Issue tickets, then take key updates and the certificates that were asked for."""
    await issue_tickets(peer, requests.config, established)
    while True:
        message = await receive_certificate(peer, requests.config.certificate_compression, KeyUpdate)
        if isinstance(message, KeyUpdate):
            keys.received(message)
            continue
        request = requests.open.pop(message.certificate_request_context, None)
        if request is None or established.transcript is None:
            raise ProtocolError(Fault.UNEXPECTED_MESSAGE, "a Certificate that was not asked for")
        requests.answer_under_way = True
        transcript = established.transcript.copy()
        transcript.add(request.raw)
        authenticated = await check_client_certificate(peer, requests.config, request, message, transcript)
        finished = await peer.receive(Finished)
        base_key = TrafficSecret(established.suite.hash, established.client_traffic_secret)
        verify_finished(base_key.finished_mac(transcript.digest()), finished.verify_data)
        requests.answer_under_way = False
        if authenticated is not None:
            established.negotiated = established.negotiated._replace(
                peer=authenticated.chain,
                signature_scheme=authenticated.signature.scheme,
            )
        peer.events.append(PeerAuthenticated(established.negotiated))
