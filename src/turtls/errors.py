"""One tree of errors, and one table that says which alert each fault ends in.

Whatever a peer sends ends in data, in an alert, or in one of these exceptions. The alert is never chosen where
a fault is found: the place that finds it names the `Fault`, and the table here gives the alert (RFC 8446,
section 6) and the sentence for a person.
"""

from __future__ import annotations

from enum import Enum, IntEnum


class AlertLevel(IntEnum):
    """RFC 8446, section 6. In TLS 1.3 the level says nothing: the description decides."""

    WARNING = 1
    FATAL = 2


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


class Fault(Enum):
    """What can be wrong with what a peer sent: (alert it ends in, sentence for a person)."""

    # Form: the bytes do not parse.
    MALFORMED = AlertDescription.DECODE_ERROR, "A message from the peer does not have the form the protocol gives it."
    BAD_ALERT = AlertDescription.DECODE_ERROR, "An alert from the peer is not two bytes long."
    MESSAGE_TOO_LARGE = (
        AlertDescription.ILLEGAL_PARAMETER,
        "A handshake message from the peer is larger than is ever needed.",
    )

    # Order: a good message at the wrong time.
    UNEXPECTED_MESSAGE = AlertDescription.UNEXPECTED_MESSAGE, "The peer sent a message that may not come at this point."
    UNEXPECTED_RECORD = (
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer sent a kind of record that may not come at this point.",
    )
    WRONG_LEVEL = (
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer sent handshake bytes under other keys than those in use.",
    )
    EXCESS_HANDSHAKE_DATA = (
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer sent handshake bytes across a change of keys.",
    )
    RENEGOTIATION = AlertDescription.NO_RENEGOTIATION, "The peer asked to renegotiate, which turtls never does."
    FINISHED_TOO_EARLY = (
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer changed to new keys before the handshake allowed it.",
    )

    # Records.
    BAD_RECORD_MAC = (
        AlertDescription.BAD_RECORD_MAC,
        "A record could not be decrypted: it was changed on the way, or the peers do not share the same keys.",
    )
    RECORD_OVERFLOW = AlertDescription.RECORD_OVERFLOW, "A record from the peer is longer than the protocol allows."
    RECORD_LIMIT_EXCEEDED = (
        AlertDescription.RECORD_OVERFLOW,
        "A record from the peer is longer than the record_size_limit it was given.",
    )
    BAD_RECORD_TYPE = AlertDescription.UNEXPECTED_MESSAGE, "A record from the peer has a type that TLS does not know."
    BAD_RECORD_VERSION = AlertDescription.PROTOCOL_VERSION, "A record from the peer carries an impossible version."
    ALL_PADDING = AlertDescription.UNEXPECTED_MESSAGE, "An encrypted record holds nothing but padding, not even a type."
    NOT_TLS = AlertDescription.PROTOCOL_VERSION, "The peer does not speak TLS on this port."
    PLAIN_HTTP = AlertDescription.PROTOCOL_VERSION, "The peer sent a plain HTTP request to a TLS port."
    HTTPS_PROXY_REQUEST = AlertDescription.PROTOCOL_VERSION, "The peer sent a plain HTTP CONNECT request to a TLS port."
    SSLV2_HELLO = AlertDescription.PROTOCOL_VERSION, "The peer opened with an SSL 2.0 ClientHello."
    SEQUENCE_EXHAUSTED = AlertDescription.INTERNAL_ERROR, "A connection ran out of record numbers for one key."

    # Limits: what a peer may cost.
    TOO_MANY_EMPTY_RECORDS = AlertDescription.UNEXPECTED_MESSAGE, "The peer sent too many empty records in a row."
    TOO_MANY_WARNINGS = AlertDescription.UNEXPECTED_MESSAGE, "The peer sent too many warning alerts."
    TOO_MANY_KEY_UPDATES = (
        AlertDescription.UNEXPECTED_MESSAGE,
        "The peer changed its keys too often without sending data.",
    )
    TOO_MANY_TICKETS = AlertDescription.UNEXPECTED_MESSAGE, "The peer sent too many session tickets."
    TOO_MUCH_EARLY_DATA = AlertDescription.UNEXPECTED_MESSAGE, "The peer sent more early data than it was allowed to."
    TOO_MUCH_BUFFERED = AlertDescription.INTERNAL_ERROR, "The peer sent more than is kept while an answer is awaited."
    CHAIN_TOO_LONG = AlertDescription.BAD_CERTIFICATE, "The peer sent more certificates than a chain may have."

    # Negotiation.
    UNSUPPORTED_PROTOCOL = AlertDescription.PROTOCOL_VERSION, "The peer and this side have no TLS version in common."
    SSL3_REFUSED = AlertDescription.PROTOCOL_VERSION, "The peer only speaks SSL 3.0, which is broken and never used."
    DOWNGRADE = (
        AlertDescription.ILLEGAL_PARAMETER,
        "Someone on the path made the peers agree on an older TLS version than both support.",
    )
    INAPPROPRIATE_FALLBACK = (
        AlertDescription.INAPPROPRIATE_FALLBACK,
        "The client came back with an older version although a newer one is supported: a downgrade attack, or a "
        "network that breaks TLS.",
    )
    WRONG_VERSION = AlertDescription.PROTOCOL_VERSION, "The peer chose a version that it was not offered."
    NO_SHARED_CIPHER = AlertDescription.HANDSHAKE_FAILURE, "The peer and this side have no cipher suite in common."
    WRONG_CIPHER = AlertDescription.ILLEGAL_PARAMETER, "The peer chose a cipher suite that it was not offered."
    CIPHER_CHANGED = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The server chose one cipher suite in HelloRetryRequest and another in ServerHello.",
    )
    NO_SHARED_GROUP = AlertDescription.HANDSHAKE_FAILURE, "The peer and this side have no key exchange group in common."
    WRONG_GROUP = AlertDescription.ILLEGAL_PARAMETER, "The peer chose a key exchange group that it may not choose here."
    BAD_KEY_SHARE = AlertDescription.ILLEGAL_PARAMETER, "The peer's key share is not a valid public value of its group."
    DUPLICATE_KEY_SHARE = AlertDescription.ILLEGAL_PARAMETER, "The peer sent two key shares for one group."
    KEY_SHARE_NOT_OFFERED = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The client sent a key share for a group that it does not list as supported.",
    )
    WEAK_DH = AlertDescription.INSUFFICIENT_SECURITY, "The server's Diffie-Hellman group is too small to be safe."
    NO_SHARED_SIGNATURE = (
        AlertDescription.HANDSHAKE_FAILURE,
        "The peer accepts none of the signatures that this side's certificates can make.",
    )
    NO_SHARED_CERTIFICATE_CURVE = (
        AlertDescription.HANDSHAKE_FAILURE,
        "The client knows none of the curves that this side's certificates are on.",
    )
    WRONG_SIGNATURE_SCHEME = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer signed with a scheme that it was not offered or that does not fit its key.",
    )
    NO_SHARED_ALPN = (
        AlertDescription.NO_APPLICATION_PROTOCOL,
        "The peer and this side have no application protocol (ALPN) in common.",
    )
    WRONG_ALPN = AlertDescription.ILLEGAL_PARAMETER, "The server chose an application protocol that it was not offered."
    UNRECOGNIZED_NAME = (
        AlertDescription.UNRECOGNIZED_NAME,
        "There is no certificate here for the name the client asked for.",
    )
    BAD_COMPRESSION = AlertDescription.ILLEGAL_PARAMETER, "The peer offered or chose TLS compression, which is unsafe."
    BAD_SESSION_ID = AlertDescription.ILLEGAL_PARAMETER, "The server did not echo the session id it was sent."
    UNOFFERED_RESUMPTION = AlertDescription.ILLEGAL_PARAMETER, "The server resumes a session that it was not offered."
    ILLEGAL_PARAMETER = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer sent a value that the protocol does not allow here.",
    )
    COMPATIBILITY_MODE = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The client asks for middlebox compatibility, which QUIC does not have.",
    )
    BAD_HELLO_RETRY = AlertDescription.ILLEGAL_PARAMETER, "The server's HelloRetryRequest asks for nothing new."
    SECOND_HELLO_CHANGED = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The client changed its second ClientHello in a way that HelloRetryRequest did not ask for.",
    )
    BAD_COOKIE = AlertDescription.ILLEGAL_PARAMETER, "The client did not return the cookie it was sent."
    RENEGOTIATION_MISMATCH = (
        AlertDescription.HANDSHAKE_FAILURE,
        "The peer's renegotiation_info does not belong to this connection.",
    )
    NO_SAFE_RENEGOTIATION = (
        AlertDescription.HANDSHAKE_FAILURE,
        "The peer does not support secure renegotiation (RFC 5746).",
    )
    NO_EXTENDED_MASTER_SECRET = (
        AlertDescription.HANDSHAKE_FAILURE,
        "The peer does not support the extended master secret (RFC 7627) that this connection requires.",
    )

    # Extensions.
    UNSUPPORTED_EXTENSION = (
        AlertDescription.UNSUPPORTED_EXTENSION,
        "The peer answered with an extension nobody offered.",
    )
    MISPLACED_EXTENSION = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer sent an extension in a message where it may not be.",
    )
    DUPLICATE_EXTENSION = AlertDescription.DECODE_ERROR, "The peer sent the same extension twice in one message."
    MISSING_EXTENSION = AlertDescription.MISSING_EXTENSION, "The peer left out an extension that is required here."
    PSK_NOT_LAST = AlertDescription.ILLEGAL_PARAMETER, "The client's pre_shared_key is not the last extension."

    # Authentication.
    NO_CERTIFICATE = AlertDescription.DECODE_ERROR, "The server sent an empty list of certificates."
    CERTIFICATE_REQUIRED = (
        AlertDescription.CERTIFICATE_REQUIRED,
        "The client sent no certificate although one is required.",
    )
    CERTIFICATE_REQUIRED_12 = (
        AlertDescription.HANDSHAKE_FAILURE,
        "The client sent no certificate although one is required.",
    )
    UNREADABLE_CERTIFICATE = AlertDescription.BAD_CERTIFICATE, "A certificate of the peer cannot be parsed."
    WRONG_CERTIFICATE_COMPRESSION = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer compressed its certificate in a way that it was not offered.",
    )
    BAD_COMPRESSED_CERTIFICATE = (
        AlertDescription.BAD_CERTIFICATE,
        "The peer's compressed certificate does not become what it says it is.",
    )
    UNSUPPORTED_KEY = (
        AlertDescription.UNSUPPORTED_CERTIFICATE,
        "The peer's certificate holds a kind of key that is not supported.",
    )
    WRONG_KEY_TYPE = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer's certificate does not fit the cipher suite it chose.",
    )
    KEY_NOT_IN_VERSION = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer's certificate holds a kind of key that this version of TLS cannot sign with.",
    )
    WRONG_CERTIFICATE_CURVE = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The key in the peer's certificate is on a curve that it was not offered.",
    )
    KEY_USAGE = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The peer uses the key in its certificate for what the certificate does not allow.",
    )
    WEAK_KEY = AlertDescription.INSUFFICIENT_SECURITY, "The key in the peer's certificate is too weak."
    UNTRUSTED = AlertDescription.UNKNOWN_CA, "The peer's certificate was not issued by anyone this side trusts."
    EXPIRED = AlertDescription.CERTIFICATE_EXPIRED, "A certificate of the peer is expired or not valid yet."
    REVOKED = AlertDescription.CERTIFICATE_REVOKED, "The peer's certificate was revoked by its issuer."
    WRONG_NAME = AlertDescription.BAD_CERTIFICATE, "The peer's certificate is for another name."
    BAD_CERTIFICATE = AlertDescription.BAD_CERTIFICATE, "A certificate of the peer breaks the rules for its use."
    REJECTED_CERTIFICATE = AlertDescription.CERTIFICATE_UNKNOWN, "The application refused the peer's certificate."
    BAD_STATUS_RESPONSE = (
        AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE,
        "The peer's stapled OCSP response is not valid for its certificate.",
    )
    BAD_SIGNATURE = (
        AlertDescription.DECRYPT_ERROR,
        "The peer's signature is wrong: it does not hold the key of its certificate, or someone changed the handshake.",
    )
    BAD_FINISHED = (
        AlertDescription.DECRYPT_ERROR,
        "The peer's Finished is wrong: the two sides did not see the same handshake.",
    )
    BAD_BINDER = AlertDescription.DECRYPT_ERROR, "The client's PSK binder is wrong: it does not hold that key."
    BAD_PSK_SELECTION = AlertDescription.ILLEGAL_PARAMETER, "The server chose a pre-shared key that it was not offered."
    PSK_REQUIRED = (
        AlertDescription.HANDSHAKE_FAILURE,
        "This server knows its clients by pre-shared keys alone, and the client offers none in a way that it can use.",
    )
    EARLY_DATA_MISMATCH = (
        AlertDescription.ILLEGAL_PARAMETER,
        "The server accepted early data, but not the parameters of the session that it belongs to.",
    )
    EARLY_DATA_VERSION = (
        AlertDescription.PROTOCOL_VERSION,
        "The server had offered to accept early data, which needs TLS 1.3, and now speaks an older version.",
    )
    UNKNOWN_PSK_IDENTITY = (
        AlertDescription.UNKNOWN_PSK_IDENTITY,
        "The peer's pre-shared key identity is not known here.",
    )
    BAD_DH_PUBLIC = AlertDescription.ILLEGAL_PARAMETER, "The peer's Diffie-Hellman public value is out of range."
    BAD_SRP_PUBLIC = AlertDescription.ILLEGAL_PARAMETER, "The peer's SRP public value is zero."
    RESUMPTION_MISMATCH = AlertDescription.ILLEGAL_PARAMETER, "The server resumed a session under other parameters."
    RESUMED_EMS_MISMATCH = (
        AlertDescription.HANDSHAKE_FAILURE,
        "A session was resumed with and without the extended master secret.",
    )

    # Here, not there.
    INTERNAL = AlertDescription.INTERNAL_ERROR, "This side could not go on."

    @property
    def alert(self) -> AlertDescription:
        """The alert this fault ends in (RFC 8446, section 6.2)."""
        return self.value[0]

    @property
    def sentence(self) -> str:
        """What is wrong, for a person."""
        return self.value[1]

    def __repr__(self) -> str:
        return f"Fault.{self.name}"


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
