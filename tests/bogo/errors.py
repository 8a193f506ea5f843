"""What BoringSSL calls our faults, and the alerts of a peer. The runner looks for these names on stderr.

One of our faults can stand for several of BoringSSL's reasons, where one sentence is enough for a person, and the other
way round.
"""

from __future__ import annotations

from typing import Final

from tests.bogo.expectations import Witness
from turtls.errors import AlertDescription, Fault, PeerAlert, ProtocolError

_REASONS: Final[dict[Fault, str]] = {
    Fault.MALFORMED: "DECODE_ERROR ERROR_PARSING_EXTENSION PARSE_TLSEXT CLIENTHELLO_PARSE_FAILED",
    Fault.BAD_ALERT: "BAD_ALERT",
    Fault.MESSAGE_TOO_LARGE: "EXCESSIVE_MESSAGE_SIZE",
    Fault.UNEXPECTED_MESSAGE: "UNEXPECTED_MESSAGE",
    Fault.UNEXPECTED_RECORD: "UNEXPECTED_RECORD",
    Fault.EXCESS_HANDSHAKE_DATA: "EXCESS_HANDSHAKE_DATA",
    Fault.RENEGOTIATION: "NO_RENEGOTIATION",
    Fault.BAD_RECORD_MAC: "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
    Fault.RECORD_OVERFLOW: "DATA_LENGTH_TOO_LONG ENCRYPTED_LENGTH_TOO_LONG",
    Fault.BAD_RECORD_TYPE: "UNEXPECTED_RECORD",
    Fault.BAD_RECORD_VERSION: "WRONG_VERSION_NUMBER",
    Fault.NOT_TLS: "WRONG_VERSION_NUMBER",
    Fault.PLAIN_HTTP: "HTTP_REQUEST",
    Fault.HTTPS_PROXY_REQUEST: "HTTPS_PROXY_REQUEST",
    Fault.TOO_MANY_EMPTY_RECORDS: "TOO_MANY_EMPTY_FRAGMENTS",
    Fault.TOO_MANY_WARNINGS: "TOO_MANY_WARNING_ALERTS",
    Fault.TOO_MANY_KEY_UPDATES: "TOO_MANY_KEY_UPDATES",
    Fault.TOO_MUCH_EARLY_DATA: "TOO_MUCH_SKIPPED_EARLY_DATA",
    Fault.UNSUPPORTED_PROTOCOL: "UNSUPPORTED_PROTOCOL",
    Fault.SSL3_REFUSED: "UNSUPPORTED_PROTOCOL",
    Fault.DOWNGRADE: "TLS13_DOWNGRADE",
    Fault.INAPPROPRIATE_FALLBACK: "INAPPROPRIATE_FALLBACK",
    Fault.NO_SHARED_CIPHER: "NO_SHARED_CIPHER",
    Fault.WRONG_CIPHER: "WRONG_CIPHER_RETURNED UNKNOWN_CIPHER_RETURNED",
    Fault.CIPHER_CHANGED: "WRONG_CIPHER_RETURNED",
    Fault.NO_SHARED_GROUP: "NO_SHARED_GROUP",
    Fault.WRONG_GROUP: "WRONG_CURVE",
    Fault.BAD_KEY_SHARE: "BAD_ECPOINT",
    Fault.DUPLICATE_KEY_SHARE: "DUPLICATE_KEY_SHARE",
    Fault.NO_SHARED_SIGNATURE: "NO_COMMON_SIGNATURE_ALGORITHMS",
    Fault.WRONG_SIGNATURE_SCHEME: "WRONG_SIGNATURE_TYPE",
    Fault.NO_SHARED_ALPN: "NO_APPLICATION_PROTOCOL",
    Fault.WRONG_ALPN: "INVALID_ALPN_PROTOCOL",
    Fault.BAD_COMPRESSION: "UNSUPPORTED_COMPRESSION_ALGORITHM INVALID_COMPRESSION_LIST",
    Fault.BAD_SESSION_ID: "SERVER_ECHOED_INVALID_SESSION_ID",
    Fault.BAD_HELLO_RETRY: "EMPTY_HELLO_RETRY_REQUEST",
    Fault.RENEGOTIATION_MISMATCH: "RENEGOTIATION_MISMATCH",
    Fault.NO_SAFE_RENEGOTIATION: "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
    Fault.UNSUPPORTED_EXTENSION: "UNEXPECTED_EXTENSION",
    Fault.MISPLACED_EXTENSION: "UNEXPECTED_EXTENSION",
    Fault.DUPLICATE_EXTENSION: "DUPLICATE_EXTENSION",
    Fault.MISSING_EXTENSION: "MISSING_EXTENSION MISSING_KEY_SHARE",
    Fault.PSK_NOT_LAST: "PRE_SHARED_KEY_MUST_BE_LAST",
    Fault.CERTIFICATE_REQUIRED: "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    Fault.CERTIFICATE_REQUIRED_12: "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    Fault.UNREADABLE_CERTIFICATE: "CANNOT_PARSE_LEAF_CERT",
    Fault.WRONG_KEY_TYPE: "WRONG_CERTIFICATE_TYPE",
    Fault.REJECTED_CERTIFICATE: "CERTIFICATE_VERIFY_FAILED",
    Fault.BAD_STATUS_RESPONSE: "OCSP_CB_ERROR",
    Fault.BAD_SIGNATURE: "BAD_SIGNATURE",
    Fault.BAD_FINISHED: "DIGEST_CHECK_FAILED",
    Fault.BAD_BINDER: "DIGEST_CHECK_FAILED",
    Fault.BAD_PSK_SELECTION: "PSK_IDENTITY_NOT_FOUND",
    Fault.UNKNOWN_PSK_IDENTITY: "PSK_IDENTITY_NOT_FOUND",
    Fault.RESUMPTION_MISMATCH: "OLD_SESSION_CIPHER_NOT_RETURNED",
}

_SINCE_SSL3: Final = frozenset(
    {
        AlertDescription.CLOSE_NOTIFY,
        AlertDescription.UNEXPECTED_MESSAGE,
        AlertDescription.BAD_RECORD_MAC,
        AlertDescription.DECOMPRESSION_FAILURE,
        AlertDescription.HANDSHAKE_FAILURE,
        AlertDescription.NO_CERTIFICATE,
        AlertDescription.BAD_CERTIFICATE,
        AlertDescription.UNSUPPORTED_CERTIFICATE,
        AlertDescription.CERTIFICATE_REVOKED,
        AlertDescription.CERTIFICATE_EXPIRED,
        AlertDescription.CERTIFICATE_UNKNOWN,
        AlertDescription.ILLEGAL_PARAMETER,
    }
)
"""BoringSSL names alerts by the version that brought them."""


def names(error: Exception, witness: Witness) -> str:
    """BoringSSL's names for `error`, each between colons; empty if it has none."""
    if isinstance(error, PeerAlert):
        return _alert_names(error.alert, witness)
    if isinstance(error, ProtocolError):
        return " ".join(f":{reason}:" for reason in _REASONS.get(error.fault, "").split())
    return ""


def _alert_names(alert: AlertDescription | int, witness: Witness) -> str:
    if not isinstance(alert, AlertDescription):
        return ":UNKNOWN_ALERT_TYPE:"
    prefix = "SSLV3" if alert in _SINCE_SSL3 else "TLSV1"
    name = f":{prefix}_ALERT_{alert.name}:"
    if alert is AlertDescription.HANDSHAKE_FAILURE and not witness.received_anything():
        return f"{name} :HANDSHAKE_FAILURE_ON_CLIENT_HELLO:"
    return name
