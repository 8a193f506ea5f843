"""One tree of errors, and one table that says which alert each fault ends in.

Whatever a peer sends ends in data, in an alert, or in one of these exceptions. The alert is never chosen where
a fault is found: the place that finds it names the `Fault`, and the table here gives the alert (RFC 8446,
section 6) and the sentence for a person.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final


class AlertLevel:
    """RFC 8446, section 6. In TLS 1.3 the level says nothing: the description decides."""

    WARNING: Final = 1
    FATAL: Final = 2


class AlertDescription(IntEnum):
    """RFC 8446, section 6, with those that only TLS 1.2 and earlier know."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    BAD_RECORD_MAC = 20
    DECRYPTION_FAILED = 21
    RECORD_OVERFLOW = 22
    DECOMPRESSION_FAILURE = 30
    HANDSHAKE_FAILURE = 40
    NO_CERTIFICATE = 41
    BAD_CERTIFICATE = 42
    UNSUPPORTED_CERTIFICATE = 43
    CERTIFICATE_REVOKED = 44
    CERTIFICATE_EXPIRED = 45
    CERTIFICATE_UNKNOWN = 46
    ILLEGAL_PARAMETER = 47
    UNKNOWN_CA = 48
    ACCESS_DENIED = 49
    DECODE_ERROR = 50
    DECRYPT_ERROR = 51
    EXPORT_RESTRICTION = 60
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INTERNAL_ERROR = 80
    INAPPROPRIATE_FALLBACK = 86
    USER_CANCELED = 90
    NO_RENEGOTIATION = 100
    MISSING_EXTENSION = 109
    UNSUPPORTED_EXTENSION = 110
    CERTIFICATE_UNOBTAINABLE = 111
    UNRECOGNIZED_NAME = 112
    BAD_CERTIFICATE_STATUS_RESPONSE = 113
    BAD_CERTIFICATE_HASH_VALUE = 114
    UNKNOWN_PSK_IDENTITY = 115
    CERTIFICATE_REQUIRED = 116
    NO_APPLICATION_PROTOCOL = 120
    ECH_REQUIRED = 121


class _fault:  # noqa: N801 - reads as a declaration inside Fault
    """Declares a fault: the alert it ends in (RFC 8446, section 6.2), and the sentence for a person."""

    def __init__(self, alert: AlertDescription, sentence: str) -> None:
        self.alert = alert
        self.sentence = sentence

    def __set_name__(self, owner: type[Fault], name: str) -> None:
        setattr(owner, name, owner(name, self.alert, self.sentence))

    if TYPE_CHECKING:

        def __get__(self, instance: object, owner: type[Fault]) -> Fault: ...


class Fault:
    """What can be wrong with what a peer sent. Not an enumeration: to import one costs a hundred times as much."""

    __slots__ = ("alert", "name", "sentence")

    def __init__(self, name: str, alert: AlertDescription, sentence: str) -> None:
        self.name = name
        self.alert = alert
        self.sentence = sentence

    def __repr__(self) -> str:
        return f"Fault.{self.name}"

    def __reduce__(self) -> tuple[object, ...]:
        return getattr, (Fault, self.name)  # there is one of each, also after copying

    # Form: the bytes do not parse.
    MALFORMED = _fault(
        AlertDescription.DECODE_ERROR, "A message from the peer does not have the form the protocol gives it."
    )
    BAD_ALERT = _fault(AlertDescription.DECODE_ERROR, "An alert from the peer is not two bytes long.")
    MESSAGE_TOO_LARGE = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "A handshake message from the peer is larger than is ever needed.",
    )

    # Order: a good message at the wrong time.
    UNEXPECTED_MESSAGE = _fault(
        AlertDescription.UNEXPECTED_MESSAGE, "The peer sent a message that may not come at this point."
    )
    UNEXPECTED_RECORD = _fault(
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer sent a kind of record that may not come at this point.",
    )
    WRONG_LEVEL = _fault(
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer sent handshake bytes under other keys than those in use.",
    )
    EXCESS_HANDSHAKE_DATA = _fault(
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer sent handshake bytes across a change of keys.",
    )
    RENEGOTIATION = _fault(AlertDescription.NO_RENEGOTIATION, "The peer asked to renegotiate, which turtls never does.")
    FINISHED_TOO_EARLY = _fault(
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer changed to new keys before the handshake allowed it.",
    )

    # Records.
    BAD_RECORD_MAC = _fault(
        AlertDescription.BAD_RECORD_MAC,
        "A record could not be decrypted: it was changed on the way, or the peers do not share the same keys.",
    )
    RECORD_OVERFLOW = _fault(
        AlertDescription.RECORD_OVERFLOW, "A record from the peer is longer than the protocol allows."
    )
    RECORD_LIMIT_EXCEEDED = _fault(
        AlertDescription.RECORD_OVERFLOW,
        "A record from the peer is longer than the record_size_limit it was given.",
    )
    BAD_RECORD_TYPE = _fault(
        AlertDescription.UNEXPECTED_MESSAGE, "A record from the peer has a type that TLS does not know."
    )
    BAD_RECORD_VERSION = _fault(
        AlertDescription.PROTOCOL_VERSION, "A record from the peer carries an impossible version."
    )
    ALL_PADDING = _fault(
        AlertDescription.UNEXPECTED_MESSAGE, "An encrypted record holds nothing but padding, not even a type."
    )
    NOT_TLS = _fault(AlertDescription.PROTOCOL_VERSION, "The peer does not speak TLS on this port.")
    PLAIN_HTTP = _fault(AlertDescription.PROTOCOL_VERSION, "The peer sent a plain HTTP request to a TLS port.")
    HTTPS_PROXY_REQUEST = _fault(
        AlertDescription.PROTOCOL_VERSION, "The peer sent a plain HTTP CONNECT request to a TLS port."
    )
    SSLV2_HELLO = _fault(AlertDescription.PROTOCOL_VERSION, "The peer opened with an SSL 2.0 ClientHello.")
    SEQUENCE_EXHAUSTED = _fault(AlertDescription.INTERNAL_ERROR, "A connection ran out of record numbers for one key.")

    # Limits: what a peer may cost.
    TOO_MANY_EMPTY_RECORDS = _fault(
        AlertDescription.UNEXPECTED_MESSAGE, "The peer sent too many empty records in a row."
    )
    TOO_MANY_WARNINGS = _fault(AlertDescription.UNEXPECTED_MESSAGE, "The peer sent too many warning alerts.")
    TOO_MANY_KEY_UPDATES = _fault(
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer changed its keys too often without sending data.",
    )
    TOO_MANY_TICKETS = _fault(AlertDescription.UNEXPECTED_MESSAGE, "The peer sent too many session tickets.")
    TOO_MUCH_EARLY_DATA = _fault(
        AlertDescription.UNEXPECTED_MESSAGE, "The peer sent more early data than it was allowed to."
    )
    TOO_MUCH_BUFFERED = _fault(
        AlertDescription.INTERNAL_ERROR, "The peer sent more than is kept while an answer is awaited."
    )
    CHAIN_TOO_LONG = _fault(AlertDescription.BAD_CERTIFICATE, "The peer sent more certificates than a chain may have.")

    # Negotiation.
    UNSUPPORTED_PROTOCOL = _fault(
        AlertDescription.PROTOCOL_VERSION, "The peer and this side have no TLS version in common."
    )
    SSL3_REFUSED = _fault(
        AlertDescription.PROTOCOL_VERSION, "The peer only speaks SSL 3.0, which is broken and never used."
    )
    DOWNGRADE = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "Someone on the path made the peers agree on an older TLS version than both support.",
    )
    INAPPROPRIATE_FALLBACK = _fault(
        AlertDescription.INAPPROPRIATE_FALLBACK,
        "The client came back with an older version although a newer one is supported: a downgrade attack, or a "
        "network that breaks TLS.",
    )
    WRONG_VERSION = _fault(AlertDescription.PROTOCOL_VERSION, "The peer chose a version that it was not offered.")
    NO_SHARED_CIPHER = _fault(
        AlertDescription.HANDSHAKE_FAILURE, "The peer and this side have no cipher suite in common."
    )
    WRONG_CIPHER = _fault(AlertDescription.ILLEGAL_PARAMETER, "The peer chose a cipher suite that it was not offered.")
    CIPHER_CHANGED = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The server chose one cipher suite in HelloRetryRequest and another in ServerHello.",
    )
    NO_SHARED_GROUP = _fault(
        AlertDescription.HANDSHAKE_FAILURE, "The peer and this side have no key exchange group in common."
    )
    WRONG_GROUP = _fault(
        AlertDescription.ILLEGAL_PARAMETER, "The peer chose a key exchange group that it may not choose here."
    )
    BAD_KEY_SHARE = _fault(
        AlertDescription.ILLEGAL_PARAMETER, "The peer's key share is not a valid public value of its group."
    )
    DUPLICATE_KEY_SHARE = _fault(AlertDescription.ILLEGAL_PARAMETER, "The peer sent two key shares for one group.")
    KEY_SHARE_NOT_OFFERED = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The client sent a key share for a group that it does not list as supported.",
    )
    WEAK_DH = _fault(
        AlertDescription.INSUFFICIENT_SECURITY, "The server's Diffie-Hellman group is too small to be safe."
    )
    NO_SHARED_SIGNATURE = _fault(
        AlertDescription.HANDSHAKE_FAILURE,
        "The peer accepts none of the signatures that this side's certificates can make.",
    )
    NO_SHARED_CERTIFICATE_CURVE = _fault(
        AlertDescription.HANDSHAKE_FAILURE,
        "The client knows none of the curves that this side's certificates are on.",
    )
    WRONG_SIGNATURE_SCHEME = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer signed with a scheme that it was not offered or that does not fit its key.",
    )
    NO_SHARED_ALPN = _fault(
        AlertDescription.NO_APPLICATION_PROTOCOL,
        "The peer and this side have no application protocol (ALPN) in common.",
    )
    WRONG_ALPN = _fault(
        AlertDescription.ILLEGAL_PARAMETER, "The server chose an application protocol that it was not offered."
    )
    UNRECOGNIZED_NAME = _fault(
        AlertDescription.UNRECOGNIZED_NAME,
        "There is no certificate here for the name the client asked for.",
    )
    BAD_COMPRESSION = _fault(
        AlertDescription.ILLEGAL_PARAMETER, "The peer offered or chose TLS compression, which is unsafe."
    )
    BAD_SESSION_ID = _fault(AlertDescription.ILLEGAL_PARAMETER, "The server did not echo the session id it was sent.")
    UNOFFERED_RESUMPTION = _fault(
        AlertDescription.ILLEGAL_PARAMETER, "The server resumes a session that it was not offered."
    )
    ILLEGAL_PARAMETER = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer sent a value that the protocol does not allow here.",
    )
    COMPATIBILITY_MODE = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The client asks for middlebox compatibility, which QUIC does not have.",
    )
    BAD_HELLO_RETRY = _fault(AlertDescription.ILLEGAL_PARAMETER, "The server's HelloRetryRequest asks for nothing new.")
    SECOND_HELLO_CHANGED = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The client changed its second ClientHello in a way that HelloRetryRequest did not ask for.",
    )
    BAD_COOKIE = _fault(AlertDescription.ILLEGAL_PARAMETER, "The client did not return the cookie it was sent.")
    RENEGOTIATION_MISMATCH = _fault(
        AlertDescription.HANDSHAKE_FAILURE,
        "The peer's renegotiation_info does not belong to this connection.",
    )
    NO_SAFE_RENEGOTIATION = _fault(
        AlertDescription.HANDSHAKE_FAILURE,
        "The peer does not support secure renegotiation (RFC 5746).",
    )
    NO_EXTENDED_MASTER_SECRET = _fault(
        AlertDescription.HANDSHAKE_FAILURE,
        "The peer does not support the extended master secret (RFC 7627) that this connection requires.",
    )

    # Extensions.
    UNSUPPORTED_EXTENSION = _fault(
        AlertDescription.UNSUPPORTED_EXTENSION,
        "The peer answered with an extension nobody offered.",
    )
    MISPLACED_EXTENSION = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer sent an extension in a message where it may not be.",
    )
    DUPLICATE_EXTENSION = _fault(
        AlertDescription.DECODE_ERROR, "The peer sent the same extension twice in one message."
    )
    MISSING_EXTENSION = _fault(
        AlertDescription.MISSING_EXTENSION, "The peer left out an extension that is required here."
    )
    PSK_NOT_LAST = _fault(AlertDescription.ILLEGAL_PARAMETER, "The client's pre_shared_key is not the last extension.")

    # Authentication.
    NO_CERTIFICATE = _fault(AlertDescription.DECODE_ERROR, "The server sent an empty list of certificates.")
    CERTIFICATE_REQUIRED = _fault(
        AlertDescription.CERTIFICATE_REQUIRED,
        "The client sent no certificate although one is required.",
    )
    CERTIFICATE_REQUIRED_12 = _fault(
        AlertDescription.HANDSHAKE_FAILURE,
        "The client sent no certificate although one is required.",
    )
    UNREADABLE_CERTIFICATE = _fault(AlertDescription.BAD_CERTIFICATE, "A certificate of the peer cannot be parsed.")
    WRONG_CERTIFICATE_COMPRESSION = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer compressed its certificate in a way that it was not offered.",
    )
    BAD_COMPRESSED_CERTIFICATE = _fault(
        AlertDescription.BAD_CERTIFICATE,
        "The peer's compressed certificate does not become what it says it is.",
    )
    UNSUPPORTED_KEY = _fault(
        AlertDescription.UNSUPPORTED_CERTIFICATE,
        "The peer's certificate holds a kind of key that is not supported.",
    )
    WRONG_KEY_TYPE = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer's certificate does not fit the cipher suite it chose.",
    )
    KEY_NOT_IN_VERSION = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer's certificate holds a kind of key that this version of TLS cannot sign with.",
    )
    WRONG_CERTIFICATE_CURVE = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The key in the peer's certificate is on a curve that it was not offered.",
    )
    KEY_USAGE = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer uses the key in its certificate for what the certificate does not allow.",
    )
    WEAK_KEY = _fault(AlertDescription.INSUFFICIENT_SECURITY, "The key in the peer's certificate is too weak.")
    UNTRUSTED = _fault(AlertDescription.UNKNOWN_CA, "The peer's certificate was not issued by anyone this side trusts.")
    EXPIRED = _fault(AlertDescription.CERTIFICATE_EXPIRED, "A certificate of the peer is expired or not valid yet.")
    REVOKED = _fault(AlertDescription.CERTIFICATE_REVOKED, "The peer's certificate was revoked by its issuer.")
    WRONG_NAME = _fault(AlertDescription.BAD_CERTIFICATE, "The peer's certificate is for another name.")
    BAD_CERTIFICATE = _fault(
        AlertDescription.BAD_CERTIFICATE, "A certificate of the peer breaks the rules for its use."
    )
    REJECTED_CERTIFICATE = _fault(
        AlertDescription.CERTIFICATE_UNKNOWN, "The application refused the peer's certificate."
    )
    BAD_STATUS_RESPONSE = _fault(
        AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE,
        "The peer's stapled OCSP response is not valid for its certificate.",
    )
    BAD_SIGNATURE = _fault(
        AlertDescription.DECRYPT_ERROR,
        "The peer's signature is wrong: it does not hold the key of its certificate, or someone changed the handshake.",
    )
    BAD_FINISHED = _fault(
        AlertDescription.DECRYPT_ERROR,
        "The peer's Finished is wrong: the two sides did not see the same handshake.",
    )
    BAD_BINDER = _fault(AlertDescription.DECRYPT_ERROR, "The client's PSK binder is wrong: it does not hold that key.")
    BAD_PSK_SELECTION = _fault(
        AlertDescription.ILLEGAL_PARAMETER, "The server chose a pre-shared key that it was not offered."
    )
    PSK_REQUIRED = _fault(
        AlertDescription.HANDSHAKE_FAILURE,
        "This server knows its clients by pre-shared keys alone, and the client offers none in a way that it can use.",
    )
    EARLY_DATA_MISMATCH = _fault(
        AlertDescription.ILLEGAL_PARAMETER,
        "The server accepted early data, but not the parameters of the session that it belongs to.",
    )
    EARLY_DATA_VERSION = _fault(
        AlertDescription.PROTOCOL_VERSION,
        "The server had offered to accept early data, which needs TLS 1.3, and now speaks an older version.",
    )
    UNKNOWN_PSK_IDENTITY = _fault(
        AlertDescription.UNKNOWN_PSK_IDENTITY,
        "The peer's pre-shared key identity is not known here.",
    )
    BAD_DH_PUBLIC = _fault(
        AlertDescription.ILLEGAL_PARAMETER, "The peer's Diffie-Hellman public value is out of range."
    )
    BAD_SRP_PUBLIC = _fault(AlertDescription.ILLEGAL_PARAMETER, "The peer's SRP public value is zero.")
    RESUMPTION_MISMATCH = _fault(
        AlertDescription.ILLEGAL_PARAMETER, "The server resumed a session under other parameters."
    )
    RESUMED_EMS_MISMATCH = _fault(
        AlertDescription.HANDSHAKE_FAILURE,
        "A session was resumed with and without the extended master secret.",
    )

    # Here, not there.
    INTERNAL = _fault(AlertDescription.INTERNAL_ERROR, "This side could not go on.")


class TLSError(Exception):
    """Everything that turtls raises."""


class ConfigError(TLSError, ValueError):
    """The caller asked for something that cannot be: nothing was sent."""


class PasswordRequired(ConfigError):
    """A private key is encrypted, and no password was given."""


class ProtocolError(TLSError):
    """The peer broke the protocol, or could not be agreed or trusted with; `alert` was sent to it.

    `fault` says what is wrong, `detail` where: which message, which field, what was expected.
    """

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail

    @property
    def alert(self) -> AlertDescription:
        """The alert that tells the peer."""
        return self.fault.alert

    def __str__(self) -> str:
        return f"{self.fault.sentence} ({self.detail})" if self.detail else self.fault.sentence


class PeerAlert(TLSError):
    """The peer ended the connection with a fatal alert: its `alert` says why."""

    def __init__(self, alert: AlertDescription | int) -> None:
        super().__init__(alert)
        self.alert = alert

    def __str__(self) -> str:
        name = self.alert.name.lower() if isinstance(self.alert, AlertDescription) else str(self.alert)
        return f"The peer ended the connection with the alert {name}."


class TruncatedError(TLSError, EOFError):
    """The transport ended without close_notify: someone may have cut the data short (RFC 8446, section 6.1)."""


class ClosedError(TLSError):
    """The connection is closed for what was asked of it."""


class HandshakeTimeout(TLSError, TimeoutError):
    """The peer did not finish the handshake in the time it was given."""
