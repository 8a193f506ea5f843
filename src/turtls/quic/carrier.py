"""A handshake carried by QUIC's CRYPTO frames (RFC 9001, section 4)."""

from __future__ import annotations

from typing import Final

from turtls.config import Session
from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import Suite13
from turtls.errors import ConfigError, Fault, ProtocolError
from turtls.events import Event
from turtls.handshake.peer import Level
from turtls.quic.keys import KeysAvailable
from turtls.record.limits import MAX_INNER_PLAINTEXT
from turtls.record.protection import Protection
from turtls.record.reassembly import HandshakeBuffer
from turtls.wire.extensions import AnyExtension, Extensions, ProtocolNameList, QuicTransportParameters
from turtls.wire.registries import ProtocolVersion

NO_LIMIT: Final = 2**32 - 1
"""Of early data, in a ticket: QUIC's own flow control limits it (section 4.6.1)."""

_LONGEST: Final = 2**14
"""Bytes of what goes into a ClientHello, or a ticket, beside much else. Stacks send about a hundred."""


class CryptoCarrier:
    """Satisfies `handshake.peer.Carrier`. The keys are handed out: it is QUIC that protects packets with them."""

    __slots__ = (
        "_early_data_context",
        "_offers_early_data",
        "_read_level",
        "_transport_parameters",
        "_unsent",
        "_write_level",
        "early_keys",
        "events",
        "handshake_done",
        "messages",
        "peer_transport_parameters",
        "remembered_transport_parameters",
    )

    def __init__(
        self, transport_parameters: bytes, *, offers_early_data: bool = False, early_data_context: bytes = b""
    ) -> None:
        """Raises ConfigError if the parameters or the context are too long."""
        if max(len(transport_parameters), len(early_data_context)) > _LONGEST:
            raise ConfigError(
                f"Transport parameters, and the context of early data, have {_LONGEST} bytes at the most."
            )
        self._transport_parameters = transport_parameters
        self._offers_early_data = offers_early_data
        self._early_data_context = early_data_context
        self.early_keys: KeysAvailable | None = None
        """What a client protects 0-RTT packets with."""
        self.remembered_transport_parameters: bytes | None = None
        """The server's, in the session that a client resumes."""
        self.peer_transport_parameters: bytes | None = None
        self.events: list[Event] = []
        """What the application is told next."""
        self.messages = HandshakeBuffer()
        self.handshake_done = False
        self._read_level = self._write_level = Level.PLAINTEXT
        self._unsent: list[tuple[Level, bytes]] = []

    # CRYPTO frames.

    def receive(self, level: Level, data: bytes) -> None:
        """Take bytes that came at `level`. Raises ProtocolError (WRONG_LEVEL) if others are due (section 4.1.3)."""
        if level is not self._read_level:
            raise ProtocolError(Fault.WRONG_LEVEL, f"{level.value} where {self._read_level.value} was expected")
        self.messages.feed(data)

    def take_output(self) -> list[tuple[Level, bytes]]:
        """What is to be sent, in its order: bytes that follow each other at one level are in one piece."""
        unsent, self._unsent = self._unsent, []
        return unsent

    def write_handshake(self, raw: bytes) -> None:
        """Send a message, with its header, at the present level.

        In a handshake the two sides take turns: raises ProtocolError (EXCESS_HANDSHAKE_DATA) if the peer has begun
        its next message already, before it could know this one.
        """
        if not self.handshake_done:
            self.messages.require_empty()
        if self._unsent and self._unsent[-1][0] is self._write_level:
            raw = self._unsent.pop()[1] + raw
        self._unsent.append((self._write_level, raw))

    def install_read(self, level: Level, suite: Suite13, traffic_secret: TrafficSecret) -> None:
        """Expect what follows at another level. Raises ProtocolError (EXCESS_HANDSHAKE_DATA)."""
        self.messages.require_empty()
        if level is not Level.EARLY:  # no CRYPTO frames come in 0-RTT packets (RFC 9000, section 12.5)
            self._read_level = level
        self.events.append(KeysAvailable("received", level, suite.suite, traffic_secret.raw))

    def install_write(self, level: Level, suite: Suite13, traffic_secret: TrafficSecret) -> None:
        """Send what follows at another level."""
        keys = KeysAvailable("sent", level, suite.suite, traffic_secret.raw)
        if level is Level.EARLY:
            self.early_keys = keys
        else:
            self._write_level = level
            self.events.append(keys)

    # Extensions.

    @property
    def compatibility_mode(self) -> bool:
        """Middleboxes see nothing of this (section 8.4)."""
        return False

    def extensions(self) -> list[AnyExtension]:
        """This side's transport parameters (section 8.2)."""
        return [QuicTransportParameters(parameters=self._transport_parameters)]

    def receive_extensions(self, extensions: Extensions) -> None:
        """Take the peer's transport parameters, and see to it that it agrees on an application protocol.

        Raises ProtocolError: MISSING_EXTENSION (section 8.2), NO_SHARED_ALPN (section 8.1).
        """
        if ProtocolNameList not in extensions:
            raise ProtocolError(Fault.NO_SHARED_ALPN, "there is no ALPN")
        self.peer_transport_parameters = extensions.require(QuicTransportParameters).parameters

    # Early data: 0-RTT packets (RFC 9001, section 4.6).

    @property
    def early_data_context(self) -> bytes:
        """What a server's early data rests on beside TLS; a ticket from TLS over TCP never has the same."""
        return b"quic " + self._early_data_context

    @property
    def has_end_of_early_data(self) -> bool:
        """The level of a packet says whether its data is early (section 8.3)."""
        return False

    def early_data_limit(self, configured: int) -> int:
        """How much early data is accepted, and so said in tickets: it must be this, or nothing (section 4.6.1)."""
        return NO_LIMIT if configured else 0

    def offers_early_data(self, session: Session) -> bool:
        """Whether a client wants to send early data, and may."""
        self.remembered_transport_parameters = session.transport_parameters
        return self._offers_early_data and session.max_early_data > 0 and session.transport_parameters is not None

    # What QUIC does not have, or does itself.

    @property
    def v2_client_hello(self) -> bytes | None:
        """Only records may hold one."""
        return None

    def middlebox_change_cipher_spec(self) -> None:
        """None is sent (section 8.4)."""

    def skip_early_data(self, allowed: int, *, until_second_hello: bool) -> None:
        """0-RTT packets that are not accepted are dropped by QUIC, which has no keys for them."""

    def expect_early_data(self, limit: int) -> None:
        """QUIC limits it by its own means (RFC 9001, section 4.6.1)."""

    def end_early_data(self) -> None:
        """The keys for it are of no use any more."""
        self.early_keys = None

    def set_version(self, version: ProtocolVersion) -> None:
        """It is TLS 1.3: the configuration has no other."""

    @property
    def record_size_limit(self) -> int:
        """There are no records."""
        return MAX_INNER_PLAINTEXT

    def limit_records(self, *, send: int | None = None, receive: int | None = None) -> None:
        """There are no records."""

    def send_change_cipher_spec(self, protection: Protection) -> None:
        """TLS 1.2 alone has it."""
        raise NotImplementedError

    def received_change_cipher_spec(self, protection: Protection) -> None:
        """TLS 1.2 alone has it."""
        raise NotImplementedError
