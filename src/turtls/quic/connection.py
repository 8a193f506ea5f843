"""The TLS half of a QUIC connection (RFC 9001): what CRYPTO frames carry goes in and comes out, and keys come out.

    tls = QuicClientConnection(config, server_name="example.org", transport_parameters=parameters)
    for level, data in tls.crypto_to_send():
        ...                                        # into CRYPTO frames, in packets of that level
    for event in tls.receive_crypto(level, data):  # out of CRYPTO frames, in their order, each byte once
        if isinstance(event, KeysAvailable):
            key, iv, hp = packet_keys(event.cipher_suite, event.traffic_secret)

Levels are those of `handshake.peer.Level`: Initial packets are its PLAINTEXT, since TLS has no keys for them. The guide
for who writes a QUIC stack is docs/quic.md.
"""

from __future__ import annotations

from typing import Final

from turtls.config import ClientConfig, ServerConfig
from turtls.config.names import ascii_name, is_ip_address
from turtls.errors import AlertDescription, ClosedError, Fault, ProtocolError
from turtls.events import AlertSeen, Event, Observer
from turtls.handshake import hello
from turtls.handshake.driver import AfterHandshake
from turtls.handshake.endpoint import Endpoint
from turtls.handshake.established import Established
from turtls.handshake.established12 import Established12
from turtls.handshake.peer import Level, Peer
from turtls.handshake.post13 import keep_ticket
from turtls.handshake.resumption import issue_tickets, take_session
from turtls.quic import configuration
from turtls.quic.carrier import NO_LIMIT, CryptoCarrier
from turtls.quic.keys import KeysAvailable
from turtls.record.limits import MAX_TICKETS
from turtls.wire.extensions import EarlyDataNewSessionTicket
from turtls.wire.messages import NewSessionTicket

_CRYPTO_ERROR: Final = 0x0100
"""RFC 9001, section 4.8: alerts are the 256 error codes from here on."""


class QuicConnection(Endpoint):
    """What clients and servers have in common. Use `QuicClientConnection` or `QuicServerConnection`."""

    def __init__(self, config: ClientConfig | ServerConfig, observer: Observer | None, carrier: CryptoCarrier) -> None:
        self._carrier = carrier
        super().__init__(self._carrier, config, observer)
        self._carrier.events = self._events
        self._crypto_error: int | None = None

    @property
    def peer_transport_parameters(self) -> bytes | None:
        """The peer's, as they came; None until then. Nobody vouches for them before the handshake is done."""
        return self._carrier.peer_transport_parameters

    @property
    def crypto_error(self) -> int | None:
        """The error code for CONNECTION_CLOSE, 0x0100 to 0x01ff (RFC 9001, section 4.8); None if nothing failed."""
        return self._crypto_error

    def receive_crypto(self, level: Level, data: bytes) -> list[Event]:
        """The next bytes of that level's CRYPTO frames, without gaps and repetitions; gives what came of them.

        An exception (ProtocolError) is final: close the connection with `crypto_error`. Where something good came
        before what is at fault, that is given, and the exception is raised by whatever is called next: look at
        `failure` behind the events.
        """
        self._check_alive()
        try:
            self._carrier.receive(level, data)
        except ProtocolError as error:
            raise self._fail(error) from None
        return self._received(len(data))

    def crypto_to_send(self) -> list[tuple[Level, bytes]]:
        """What CRYPTO frames are to carry, with the level of the packets, in its order; empty if there is nothing."""
        return self._carrier.take_output()

    def close(self) -> None:
        """The QUIC connection is over, by whichever side: let go of all keys."""
        if self._failure is None:
            self._failure = ClosedError("The connection is closed.")
            self._forget()

    # Inside.

    def _step(self) -> bool:
        return False  # CRYPTO frames hold messages and nothing else

    def _begin13(self, established: Established | Established12) -> Established:
        if isinstance(established, Established12):  # the configuration has no such version
            raise ProtocolError(Fault.UNSUPPORTED_PROTOCOL)
        self._begin(established)
        return established

    def _tell(self, alert: AlertDescription) -> None:
        self._crypto_error = _CRYPTO_ERROR + alert
        if self._observer is not None:
            self._observer(AlertSeen("sent", alert))


class QuicClientConnection(QuicConnection):
    """The client's side. Its ClientHello lies in `crypto_to_send` from the start."""

    def __init__(
        self,
        config: ClientConfig,
        *,
        server_name: str | None,
        transport_parameters: bytes,
        session_key: str | None = None,
        early_data: bool = False,
        observer: Observer | None = None,
    ) -> None:
        """`transport_parameters` are this side's, encoded (RFC 9000, section 18).

        With `early_data`, 0-RTT is offered if there is a session whose server accepts it (RFC 9001, section 4.6): look
        at `early_keys`. Unless `negotiated.early_data` says later that it was accepted, all that went in 0-RTT packets
        is to be sent again.

        The rest is as for `connection.ClientConnection`. What the configuration says about records, about older
        versions and about authentication after the handshake does not concern QUIC. Raises ConfigError if there is no
        ALPN or no TLS 1.3 in it, or if the transport parameters have more than 16 KiB.
        """
        config = configuration.client(config)
        super().__init__(config, observer, CryptoCarrier(transport_parameters, offers_early_data=early_data))
        if server_name is not None and not is_ip_address(server_name):
            server_name = ascii_name(server_name)
        self._config = config
        self._server_name = server_name
        self._session_key = session_key or f"quic {server_name or ''}"
        self._start(self._handshake())

    @property
    def early_keys(self) -> KeysAvailable | None:
        """What 0-RTT packets are protected with, from the start; None if none may be sent, or the handshake is done."""
        return self._carrier.early_keys if not self.handshake_done else None

    @property
    def remembered_transport_parameters(self) -> bytes | None:
        """The server's of the session that 0-RTT goes with, which has to keep to them (RFC 9000, section 7.4.1).

        None if there are no `early_keys`.
        """
        return self._carrier.remembered_transport_parameters if self.early_keys is not None else None

    async def _handshake(self) -> AfterHandshake:
        config, peer = self._config, self._peer
        session = take_session(config, self._session_key, self._server_name, config.environment.now())
        established = self._begin13(await hello.client(peer, config, self._server_name, session))
        return _take_tickets(peer, config, established, self._session_key)


class QuicServerConnection(QuicConnection):
    """The server's side."""

    def __init__(
        self,
        config: ServerConfig,
        *,
        transport_parameters: bytes,
        early_data_context: bytes = b"",
        observer: Observer | None = None,
    ) -> None:
        """As for `QuicClientConnection`. Its transport parameters must be known before it sees the client's.

        0-RTT is accepted if `config.max_early_data` is not 0, and from tickets with the same `early_data_context`: put
        there, encoded in any way, what a client may have relied on, such as the limits among the transport parameters
        and settings of the application (RFC 9001, section 4.6.3). At most 16 KiB.
        """
        config = configuration.server(config)
        carrier = CryptoCarrier(transport_parameters, early_data_context=early_data_context)
        super().__init__(config, observer, carrier)
        self._config = config
        self._start(self._handshake())

    async def _handshake(self) -> AfterHandshake:
        config, established = await hello.server(self._peer, self._config)
        return _give_tickets(self._peer, config, self._begin13(established))


async def _take_tickets(peer: Peer, config: ClientConfig, established: Established, session_key: str) -> None:
    """All that comes: QUIC updates keys itself, and nobody is asked later who it is (RFC 9001, sections 4.4 and 6)."""
    for _ in range(MAX_TICKETS):
        ticket = await peer.receive(NewSessionTicket)
        _check_early_data_limit(ticket)
        keep_ticket(peer, config, established, ticket, session_key)
    raise ProtocolError(Fault.TOO_MANY_TICKETS)


async def _give_tickets(peer: Peer, config: ServerConfig, established: Established) -> None:
    await issue_tickets(peer, config, established)
    await peer.receive()


def _check_early_data_limit(ticket: NewSessionTicket) -> None:
    """RFC 9001, section 4.6.1: TLS has no say in how much is sent. Raises ProtocolError."""
    early_data = ticket.extensions.get(EarlyDataNewSessionTicket)
    if early_data is not None and early_data.max_early_data_size != NO_LIMIT:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"max_early_data_size {early_data.max_early_data_size} in QUIC")
