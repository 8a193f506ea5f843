"""The record layer of one connection (RFC 8446, section 5; RFC 5246, section 6).

Pull, never react: whoever drives the connection asks for one record at a time, because what it holds may change the
keys for the next one. What is protected, and how, is told by the `Protection` installed for each direction.
"""

from __future__ import annotations

from typing import Final

from turtls.crypto.aead import Buffer
from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.opening import is_v2_hello, recognise
from turtls.record.protection import HEADER, HEADER_LENGTH, Protection
from turtls.wire.registries import ContentType

_KNOWN_TYPES: Final = {int(known): known for known in ContentType.members() if known != ContentType.heartbeat}
_CHANGE_CIPHER_SPEC: Final = int(ContentType.change_cipher_spec)
_ALERT: Final = int(ContentType.alert)
_APPLICATION_DATA: Final = int(ContentType.application_data)
_ALERT_LENGTH: Final = 2
_SSL3_MAJOR: Final = 3

Record = tuple[ContentType, bytes]


class RecordLayer:
    """Bytes from and to the transport on one side, content with its type on the other."""

    def __init__(self) -> None:
        self.legacy_record_version = 0x0301
        """For the headers of unprotected records: 0x0301 with a first ClientHello, 0x0303 after it."""
        self.padding = 0
        """Pads what is protected under TLS 1.3 to a multiple of this many bytes; 0 does not pad."""
        self.send_limit = limits.MAX_INNER_PLAINTEXT
        """The peer's record_size_limit (RFC 8449): under TLS 1.3 the content type and padding count."""
        self.receive_limit = limits.MAX_INNER_PLAINTEXT
        """The record_size_limit the peer was given. It binds protected records only."""
        self.ignore_ccs = False
        """Drop change_cipher_spec records that only comfort middleboxes (RFC 8446, appendix D.4)."""
        self.accept_plaintext_alert = False
        """The peer may not have come as far as the keys, and can only say so in the clear."""
        self.accept_v2_hello = False
        """Let a ClientHello of SSL 2.0's form begin a handshake of TLS (RFC 5246, appendix E.2)."""
        self.v2_client_hello: bytes | None = None
        """That ClientHello as it came, for the transcript."""
        self.inbound = bytearray()
        """What was fed and is not taken out yet, as it came."""
        self._begun = False
        self._held: Record | ProtocolError | None = None
        self._read: Protection | None = None
        self._empty_records = 0
        self._skippable_undecryptable: int | None = None
        self._skippable_application_data: int | None = None
        self._write: Protection | None = None
        self.outbound: list[bytes] = []
        """What is queued for the transport."""
        self._output_ended = False
        self.opening: Protection | None = None
        """Opens data where it lies. None unless `only_data_comes`."""
        self.sealing: Protection | None = None
        """Seals one record of data at once. None unless `only_data_goes`."""

    # Keys.

    def install_read(self, protection: Protection | None) -> None:
        """Open every record from the next on with `protection`; None takes them as they are."""
        self._read = protection
        self.opening = None

    def install_write(self, protection: Protection | None) -> None:
        """Seal every record from the next on with `protection`; None leaves them as they are."""
        self._write = protection
        self.sealing = None

    @property
    def needs_key_update(self) -> bool:
        """Whether the keys written with come near the AEAD's limit (RFC 8446, section 5.5)."""
        return self._write is not None and self._write.near_limit

    @property
    def needs_peer_key_update(self) -> bool:
        """Whether the keys read with come near the AEAD's limit: the peer should be asked for new ones."""
        return self._read is not None and self._read.near_limit

    # For speed alone: while nothing but data is under way, a connection gives it to `opening` and `sealing` directly.
    # That ends with the keys, and when anything else happens.

    def only_data_comes(self) -> None:
        """Data has come, and as far as the connection knows more of it changes nothing but itself."""
        self.opening = self._read if self.settled else None

    def only_data_goes(self) -> None:
        """Nothing has to be said before the next data, and it may be sent."""
        self.sealing = None if self.padding else self._write

    # Early data that was rejected (RFC 8446, section 4.2.10).

    def skip_undecryptable(self, limit: int) -> None:
        """Until one record decrypts, drop up to `limit` bytes of application data records that do not."""
        self._skippable_undecryptable = limit

    def skip_application_data(self, limit: int) -> None:
        """Until an unprotected record of another type comes, drop up to `limit` bytes of application data.

        That is for the time between a HelloRetryRequest and the second ClientHello.
        """
        self._skippable_application_data = limit

    # Reading.

    def feed(self, data: Buffer) -> None:
        """Append what the transport received. Take out all records before more is fed: that bounds what is kept."""
        self.inbound += data

    # For speed alone, and only where all is `settled`: this opens what was received where it lies.

    def open_data(self, received: Buffer) -> tuple[bytes, int]:
        """The content of the plain application data records that end in `received`, and where there the last one ends.

        The rest is to be fed.
        """
        if self._read is None:
            return b"", 0
        if not self.inbound:
            return self._read.open_data(received, self.receive_limit)
        lacking = self._lacking()
        if not 0 < lacking <= len(received):
            return b"", 0
        first = self._read.open_lone_data(bytes(self.inbound + received[:lacking]), self.receive_limit)
        if not first:
            return b"", 0
        self.inbound.clear()
        content, length = self._read.open_data(received[lacking:], self.receive_limit, first)
        return content, lacking + length

    def _lacking(self) -> int:
        """How many bytes the record that has begun lacks; 0 if not even its header is there."""
        if len(self.inbound) < HEADER_LENGTH:
            return 0
        return HEADER_LENGTH + int.from_bytes(self.inbound[3:HEADER_LENGTH], "big") - len(self.inbound)

    def next_record(self) -> Record | None:
        """True content type and content of the next record, or None if more bytes are needed.

        Raises ProtocolError; after that the connection is over. A header that cannot be right is refused before
        the record it announces is there.
        """
        if self._held is not None:
            return self._take_held()
        inbound = self.inbound
        while len(inbound) >= HEADER_LENGTH:
            header = bytes(inbound[:HEADER_LENGTH])
            if not self._begun:
                if self.accept_v2_hello and is_v2_hello(header):
                    return self._take_v2_hello()
                recognise(header)
                self._begun = True
            end = HEADER_LENGTH + self._body_length(header)
            if end > len(inbound):
                return None
            body = bytes(inbound[HEADER_LENGTH:end])
            del inbound[:end]
            record = self._open(header, body)
            if record is not None:
                return record
        return None

    def read_application_data(self) -> bytes:
        """The content of all whole application data records up to the first of another type.

        b"" if there are none. What stopped it, a record of another type or an error, comes from the next call of
        `next_record`.
        """
        contents: list[bytes] = []
        try:
            while self._held is None:
                record = self.next_record()
                if record is None:
                    break
                if record[0] == _APPLICATION_DATA:
                    contents += record[1], self._read_plain_application_data()
                else:
                    self._held = record
        except ProtocolError as error:
            self._held = error
        return b"".join(contents)

    def _read_plain_application_data(self) -> bytes:
        if self._read is None or not self.inbound:
            return b""
        content, end = self._read.open_data(self.inbound, self.receive_limit)
        if content:
            del self.inbound[:end]
            self._skippable_undecryptable = None
            self._empty_records = 0
        return content

    @property
    def settled(self) -> bool:
        """Whether all whole records are taken out, and nothing is counted that application data would reset."""
        return not (self._held or self._empty_records) and self._skippable_undecryptable is None

    def _take_held(self) -> Record | None:
        """What `read_application_data` has stopped at."""
        held, self._held = self._held, None
        if isinstance(held, ProtocolError):
            raise held
        return held

    def _take_v2_hello(self) -> Record | None:
        """The record of TLS that a ClientHello of SSL 2.0's form stands for."""
        end = 2 + (int.from_bytes(self.inbound[:2], "big") & 0x7FFF)
        if end > len(self.inbound):
            return None
        self._begun = True
        self.v2_client_hello = bytes(self.inbound[2:end])
        del self.inbound[:end]
        from turtls.wire.v2_hello import client_hello_from_v2  # no client of our days sends one

        return ContentType.handshake, client_hello_from_v2(self.v2_client_hello).to_bytes()

    def _body_length(self, header: bytes) -> int:
        """What a header says, if it can be right: of the version only the major one is known until there are keys."""
        content_type, length = header[0], header[3] << 8 | header[4]
        if content_type not in _KNOWN_TYPES:
            raise ProtocolError(Fault.BAD_RECORD_TYPE, f"type {content_type}")
        if header[1] != _SSL3_MAJOR or (self._read is not None and header[1:3] != self._read.version_bytes):
            raise ProtocolError(Fault.BAD_RECORD_VERSION, f"0x{header[1:3].hex()}")
        if length > limits.MAX_PLAINTEXT and length > self._longest_body(content_type):
            raise ProtocolError(Fault.RECORD_OVERFLOW, f"{length} bytes")
        return length

    def _longest_body(self, content_type: int) -> int:
        if self._read is not None:
            return self._read.max_ciphertext
        skipped = content_type == _APPLICATION_DATA and self._skippable_application_data is not None
        return limits.MAX_CIPHERTEXT13 if skipped else limits.MAX_PLAINTEXT

    def _open(self, header: bytes, body: bytes) -> Record | None:
        """One record's type and content; None if it is to be dropped."""
        if header[0] == _CHANGE_CIPHER_SPEC and self.ignore_ccs:
            self._drop_change_cipher_spec(body)
            return None
        if self._read is None:
            return self._take_unprotected(header[0], body)
        if self._read.hides_type and header[0] != _APPLICATION_DATA:
            return self._take_plaintext_alert(header[0], body)
        try:
            content_type, content = self._read.open(header, body, self.receive_limit)
        except ProtocolError as error:
            if error.fault is Fault.BAD_RECORD_MAC and self._skippable_undecryptable is not None:
                self._skippable_undecryptable = self._spend(self._skippable_undecryptable, body)
                return None
            raise
        self._skippable_undecryptable = None
        return self._checked(content_type, content)

    def _take_unprotected(self, content_type: int, body: bytes) -> Record | None:
        if content_type == _APPLICATION_DATA:
            if self._skippable_application_data is None:
                raise ProtocolError(Fault.UNEXPECTED_RECORD, "application data without protection")
            self._skippable_application_data = self._spend(self._skippable_application_data, body)
            return None
        self._skippable_application_data = None
        return self._checked(content_type, body)

    def _take_plaintext_alert(self, content_type: int, body: bytes) -> Record:
        if content_type == _ALERT and self.accept_plaintext_alert and len(body) == _ALERT_LENGTH:
            return ContentType.alert, body
        raise ProtocolError(Fault.UNEXPECTED_RECORD, f"unprotected {ContentType(content_type).name}")

    def _drop_change_cipher_spec(self, body: bytes) -> None:
        if body != b"\x01":
            raise ProtocolError(Fault.UNEXPECTED_RECORD, "change_cipher_spec with other content than 1")
        self._count_empty()

    def _checked(self, content_type: int, content: bytes) -> Record:
        known = _KNOWN_TYPES.get(content_type)
        if known is None or (content_type == _CHANGE_CIPHER_SPEC and self._read and self._read.hides_type):
            raise ProtocolError(Fault.UNEXPECTED_RECORD, f"protected {ContentType(content_type).name}")
        if content:
            if known != _ALERT:  # else empty records and warnings in turn could go on for ever
                self._empty_records = 0
        elif known == _APPLICATION_DATA:
            self._count_empty()
        else:  # RFC 8446, section 5.1, and RFC 5246, section 6.2.1
            raise ProtocolError(Fault.UNEXPECTED_RECORD, f"empty {known.name}")
        return known, content

    def _spend(self, budget: int, body: bytes) -> int:
        """What is left of the `budget` for records to drop; those without a body would never use it up."""
        if not body:
            self._count_empty()
        if len(body) > budget:
            raise ProtocolError(Fault.TOO_MUCH_EARLY_DATA, "while dropping what was rejected")
        return budget - len(body)

    def _count_empty(self) -> None:
        self.opening = None
        self._empty_records += 1
        if self._empty_records > limits.MAX_EMPTY_RECORDS:
            raise ProtocolError(Fault.TOO_MANY_EMPTY_RECORDS)

    # Writing.

    def write(self, content_type: ContentType, data: Buffer) -> None:
        """Queue `data` in as many records as it takes; nothing for no data."""
        if not data or self._output_ended:
            return
        if self._write is not None:
            self.outbound.append(self._write.seal(content_type, data, self.send_limit, self.padding))
            return
        step = min(self.send_limit, limits.MAX_PLAINTEXT)
        for start in range(0, len(data), step):
            fragment = data[start : start + step]
            header = HEADER.pack(content_type, self.legacy_record_version, len(fragment))
            self.outbound.append(header + fragment)

    def end_output(self) -> None:
        """What was written last is the end: close_notify. From here on what is written is dropped (section 6.1)."""
        self._output_ended = True

    def take_output(self) -> bytes:
        """Everything queued for the transport."""
        outbound = self.outbound
        if not outbound:
            return b""
        if len(outbound) == 1:
            return outbound.pop()
        output = b"".join(outbound)
        outbound.clear()
        return output
