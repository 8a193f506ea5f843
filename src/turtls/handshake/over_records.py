"""A handshake carried by TLS records (RFC 8446, section 5)."""

from __future__ import annotations

from typing import Final

from turtls.config import Session
from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import Suite13
from turtls.errors import Fault, ProtocolError
from turtls.handshake.peer import Level
from turtls.record.layer import RecordLayer
from turtls.record.limits import MAX_EARLY_DATA_SKIPPED, MAX_INNER_PLAINTEXT
from turtls.record.protection import Protection
from turtls.record.protection13 import Protection13
from turtls.record.reassembly import HandshakeBuffer
from turtls.wire.extensions import AnyExtension, Extensions, QuicTransportParameters
from turtls.wire.registries import ContentType, ProtocolVersion

# Up to Python 3.11, to find a member of an enumeration takes five times as long as to find a name.
_EARLY: Final = Level.EARLY
_APPLICATION: Final = Level.APPLICATION


class RecordCarrier:
    """Satisfies `handshake.peer.Carrier`. Messages that follow each other under the same keys share records."""

    __slots__ = (
        "_accepts_early_data",
        "_early_data",
        "_early_record_size_limit",
        "_sent_change_cipher_spec",
        "_unsent",
        "_version_is_settled",
        "accepted_early_data",
        "early_data_left",
        "handshake_done",
        "is_client",
        "messages",
        "records",
    )

    def __init__(
        self, *, is_client: bool, padding: int, early_data: bytes = b"", accepts_early_data: bool = False
    ) -> None:
        self.is_client = is_client
        self._early_data = early_data
        self._accepts_early_data = accepts_early_data
        self._early_record_size_limit = MAX_INNER_PLAINTEXT
        self.accepted_early_data = False
        """A server has: it may send its own data before the client's Finished (RFC 8446, section 4.4.4)."""
        self.early_data_left: int | None = None
        """Bytes of early data that may still come; None where none may."""
        self.records = RecordLayer()
        self.records.padding = padding
        if not is_client:
            self.records.legacy_record_version = int(ProtocolVersion.TLS_1_2)
        self.messages = HandshakeBuffer()
        self.handshake_done = False
        self._unsent: list[bytes] = []
        self._sent_change_cipher_spec = False
        self._version_is_settled = False

    @property
    def v2_client_hello(self) -> bytes | None:
        """The ClientHello as it came, where it had SSL 2.0's form (RFC 5246, appendix E.2)."""
        return self.records.v2_client_hello

    @property
    def compatibility_mode(self) -> bool:
        """Middleboxes see the records."""
        return True

    def extensions(self) -> list[AnyExtension]:
        """Records have nothing to tell that the handshake would not."""
        return []

    def receive_extensions(self, extensions: Extensions) -> None:
        """Raises ProtocolError (UNSUPPORTED_EXTENSION) for QUIC's transport parameters (RFC 9001, section 8.2)."""
        if QuicTransportParameters in extensions:
            raise ProtocolError(Fault.UNSUPPORTED_EXTENSION, "quic_transport_parameters outside of QUIC")

    def write_handshake(self, raw: bytes) -> None:
        """Send a message, with its header, under the present keys.

        In a handshake the two sides take turns: raises ProtocolError (EXCESS_HANDSHAKE_DATA) if the peer has begun
        its next message already, before it could know this one.
        """
        if not self.handshake_done:
            self.messages.require_empty()
        self._unsent.append(raw)

    def flush(self) -> None:
        """Put the messages written so far into records."""
        if self._unsent:
            self.records.write(ContentType.handshake, b"".join(self._unsent))
            self._unsent.clear()
            if not self._version_is_settled:  # section 5.1: only a first ClientHello may say less
                self.records.legacy_record_version = int(ProtocolVersion.TLS_1_2)

    def install_read(self, level: Level, suite: Suite13, traffic_secret: TrafficSecret) -> None:
        """Expect what follows under new keys. Raises ProtocolError (EXCESS_HANDSHAKE_DATA)."""
        self.messages.require_empty()
        self.records.install_read(Protection13(suite, traffic_secret))
        in_handshake = level is not _APPLICATION
        self.records.accept_plaintext_alert = in_handshake and not self.is_client
        self.records.ignore_ccs = in_handshake
        if level is not _EARLY:
            self.early_data_left = None

    def install_write(self, level: Level, suite: Suite13, traffic_secret: TrafficSecret) -> None:
        """Send what follows under new keys. With those for early data, this is sent, too."""
        self.flush()
        self.records.install_write(Protection13(suite, traffic_secret))
        if level is _EARLY:
            self.records.send_limit = self._early_record_size_limit
            self.records.write(ContentType.application_data, self._early_data)
            self.records.send_limit = MAX_INNER_PLAINTEXT  # until the server says what it is from now on

    def middlebox_change_cipher_spec(self) -> None:
        """Send, once, the change_cipher_spec that means nothing (appendix D.4)."""
        if not self._sent_change_cipher_spec:
            self._sent_change_cipher_spec = True
            self.flush()
            self.records.write(ContentType.change_cipher_spec, b"\x01")

    def send_change_cipher_spec(self, protection: Protection) -> None:
        """Up to TLS 1.2: say that what follows is protected, and do so."""
        self.flush()
        self.records.write(ContentType.change_cipher_spec, b"\x01")
        self.records.install_write(protection)

    def received_change_cipher_spec(self, protection: Protection) -> None:
        """Up to TLS 1.2: expect what follows to be protected. Raises ProtocolError (EXCESS_HANDSHAKE_DATA)."""
        self.messages.require_empty()
        self.records.install_read(protection)

    def set_version(self, version: ProtocolVersion) -> None:
        """Records carry the version, up to TLS 1.2 (section 5.1); after that, change_cipher_spec means nothing."""
        self.flush()
        self._version_is_settled = True
        self.records.legacy_record_version = int(min(version, ProtocolVersion.TLS_1_2))
        self.records.ignore_ccs = version >= ProtocolVersion.TLS_1_3

    # Early data (section 4.2.10).

    @property
    def record_size_limit(self) -> int:
        """Bytes that a record to the other side may have, its content type included (RFC 8449)."""
        return self.records.send_limit

    @property
    def peer_transport_parameters(self) -> bytes | None:
        """QUIC has them."""
        return None

    @property
    def early_data_context(self) -> bytes:
        """There is nothing beside TLS."""
        return b""

    @property
    def has_end_of_early_data(self) -> bool:
        """Early data and what follows it come in one stream."""
        return True

    def early_data_limit(self, configured: int) -> int:
        """How much early data is accepted, and so said in tickets; 0 is none."""
        return configured if self._accepts_early_data else 0

    def offers_early_data(self, session: Session) -> bool:
        """Whether a client has early data, and no more than the session allows."""
        self._early_record_size_limit = session.record_size_limit
        return 0 < len(self._early_data) <= session.max_early_data

    def expect_early_data(self, limit: int) -> None:
        """So many bytes of early data are accepted."""
        self.accepted_early_data = True
        self.early_data_left = limit

    def take_early_data(self, length: int) -> None:
        """So many bytes of it have come. Raises ProtocolError: TOO_MUCH_EARLY_DATA, UNEXPECTED_RECORD if it is over."""
        if self.early_data_left is None:
            raise ProtocolError(Fault.UNEXPECTED_RECORD, "application data before the handshake is done")
        if length > self.early_data_left:  # section 4.6.1
            raise ProtocolError(Fault.TOO_MUCH_EARLY_DATA, "more than its ticket allows")
        self.early_data_left -= length

    def end_early_data(self) -> None:
        """The server wants none of it: a client sends in the clear again."""
        self.records.install_write(None)

    def skip_early_data(self, allowed: int, *, until_second_hello: bool) -> None:
        """Drop the early data that was not accepted; `allowed` are the bytes that tickets may have allowed."""
        limit = allowed + MAX_EARLY_DATA_SKIPPED
        if until_second_hello:
            self.records.skip_application_data(limit)
        else:
            self.records.skip_undecryptable(limit)

    # Records.

    def limit_records(self, *, send: int | None = None, receive: int | None = None) -> None:
        """Bytes that a record's plaintext may have, its content type included (RFC 8449)."""
        if send is not None:
            self.records.send_limit = min(send, self.records.send_limit)
        if receive is not None:
            self.records.receive_limit = min(receive, self.records.receive_limit)

    def forget(self) -> None:
        """Let go of all keys; what was sealed already can still be sent."""
        self.flush()
        self.records.install_read(None)
        self.records.install_write(None)
