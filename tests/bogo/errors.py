"""What BoringSSL calls our faults, and the alerts of a peer. The runner looks for these names on stderr.

One name is printed for what happened, so that a test that expects another one fails. Where BoringSSL tells apart what
is one fault here, because one sentence is enough for a person, the detail of the error decides.
"""

from __future__ import annotations

import re
from typing import Final

from tests.bogo.expectations import Witness
from turtls.errors import AlertDescription, ClosedError, Fault, PeerAlert, ProtocolError, TruncatedError

_REASONS: Final[dict[Fault, str | dict[str, str]]] = {
    Fault.MALFORMED: {
        "ProtocolNameList": "PARSE_TLSEXT",
        "server: ClientHello:": "CLIENTHELLO_PARSE_FAILED",
        "server: SignedCertificateTimestamps:": "INVALID_SCT_LIST",  # its own
        "CertificateAuthorities|CertificateStatusAck|ServerName|SignedCertificateTimestamps": "ERROR_PARSING_EXTENSION",
        "": "DECODE_ERROR",
    },
    Fault.BAD_ALERT: "BAD_ALERT",
    Fault.MESSAGE_TOO_LARGE: "EXCESSIVE_MESSAGE_SIZE",
    Fault.UNEXPECTED_MESSAGE: {
        "change_cipher_spec was expected": "UNEXPECTED_RECORD",
        "ServerHello12 where ServerHello was expected": "SECOND_SERVERHELLO_VERSION_MISMATCH",
        "": "UNEXPECTED_MESSAGE",
    },
    Fault.UNEXPECTED_RECORD: {
        "unprotected handshake": "INVALID_OUTER_RECORD_TYPE",
        "other content than 1": "BAD_CHANGE_CIPHER_SPEC",
        "empty handshake": "WRONG_VERSION_NUMBER",
        "": "UNEXPECTED_RECORD",
    },
    # The first where a message is cut by change_cipher_spec.
    Fault.EXCESS_HANDSHAKE_DATA: "UNEXPECTED_RECORD EXCESS_HANDSHAKE_DATA",
    Fault.RENEGOTIATION: "NO_RENEGOTIATION",
    Fault.COMPATIBILITY_MODE: "UNEXPECTED_COMPATIBILITY_MODE",
    Fault.WRONG_LEVEL: "WRONG_ENCRYPTION_LEVEL_RECEIVED",
    Fault.BAD_RECORD_MAC: "DECRYPTION_FAILED_OR_BAD_RECORD_MAC BAD_DECRYPT",  # the same, from two floors
    Fault.RECORD_OVERFLOW: {"in one record": "DATA_LENGTH_TOO_LONG", "": "ENCRYPTED_LENGTH_TOO_LONG"},
    Fault.BAD_RECORD_TYPE: "WRONG_VERSION_NUMBER",
    Fault.BAD_RECORD_VERSION: "WRONG_VERSION_NUMBER",
    Fault.ALL_PADDING: "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
    Fault.NOT_TLS: "WRONG_VERSION_NUMBER",
    Fault.PLAIN_HTTP: "HTTP_REQUEST",
    Fault.HTTPS_PROXY_REQUEST: "HTTPS_PROXY_REQUEST",
    Fault.TOO_MANY_EMPTY_RECORDS: "TOO_MANY_EMPTY_FRAGMENTS",
    Fault.TOO_MANY_WARNINGS: "TOO_MANY_WARNING_ALERTS",
    Fault.TOO_MANY_KEY_UPDATES: "TOO_MANY_KEY_UPDATES",
    Fault.TOO_MUCH_EARLY_DATA: {"allows": "TOO_MUCH_READ_EARLY_DATA", "": "TOO_MUCH_SKIPPED_EARLY_DATA"},
    Fault.UNSUPPORTED_PROTOCOL: "UNSUPPORTED_PROTOCOL",
    Fault.SSL3_REFUSED: "UNSUPPORTED_PROTOCOL",
    Fault.DOWNGRADE: "TLS13_DOWNGRADE",
    Fault.INAPPROPRIATE_FALLBACK: "INAPPROPRIATE_FALLBACK",
    Fault.NO_SHARED_CIPHER: "NO_SHARED_CIPHER",
    Fault.WRONG_CIPHER: "WRONG_CIPHER_RETURNED",
    Fault.CIPHER_CHANGED: "WRONG_CIPHER_RETURNED",
    Fault.NO_SHARED_GROUP: "NO_SHARED_GROUP NO_SHARED_CIPHER",  # the second up to TLS 1.2
    Fault.WRONG_GROUP: "WRONG_CURVE",
    Fault.BAD_KEY_SHARE: "BAD_ECPOINT",
    Fault.DUPLICATE_KEY_SHARE: "DUPLICATE_KEY_SHARE",
    # The second up to TLS 1.2, for keys that no suite goes with.
    Fault.NO_SHARED_SIGNATURE: "NO_COMMON_SIGNATURE_ALGORITHMS NO_SHARED_CIPHER",
    Fault.NO_SHARED_CERTIFICATE_CURVE: "WRONG_CURVE",
    Fault.WRONG_SIGNATURE_SCHEME: {"RSASSA-PSS": "UNSUPPORTED_ALGORITHM", "": "WRONG_SIGNATURE_TYPE"},
    Fault.NO_SHARED_ALPN: "NO_APPLICATION_PROTOCOL",
    Fault.WRONG_ALPN: "INVALID_ALPN_PROTOCOL",
    Fault.BAD_COMPRESSION: {
        "ClientHello": "INVALID_COMPRESSION_LIST",
        "legacy_compression_method in": "DECODE_ERROR",
        "": "UNSUPPORTED_COMPRESSION_ALGORITHM",
    },
    Fault.BAD_SESSION_ID: "SERVER_ECHOED_INVALID_SESSION_ID",
    Fault.UNOFFERED_RESUMPTION: "SERVER_ECHOED_INVALID_SESSION_ID",
    Fault.ILLEGAL_PARAMETER: {
        "binders": "PSK_IDENTITY_BINDER_COUNT_MISMATCH",
        "ec_point_formats": "ERROR_PARSING_EXTENSION",
        "legacy_version 0x1234": "UNSUPPORTED_PROTOCOL",
        "supported_versions": "SECOND_SERVERHELLO_VERSION_MISMATCH",
        "": "DECODE_ERROR",
    },
    Fault.BAD_HELLO_RETRY: "EMPTY_HELLO_RETRY_REQUEST",
    Fault.RENEGOTIATION_MISMATCH: "RENEGOTIATION_MISMATCH",
    Fault.NO_SAFE_RENEGOTIATION: "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
    Fault.UNSUPPORTED_EXTENSION: "UNEXPECTED_EXTENSION",
    Fault.MISPLACED_EXTENSION: {"in EncryptedExtensions": "ERROR_PARSING_EXTENSION", "": "UNEXPECTED_EXTENSION"},
    Fault.DUPLICATE_EXTENSION: "DUPLICATE_EXTENSION",
    Fault.MISSING_EXTENSION: {
        "key_share": "MISSING_KEY_SHARE",
        "supported_groups": "NO_SHARED_GROUP",
        "server: signature_algorithms": "NO_COMMON_SIGNATURE_ALGORITHMS",
        "client: signature_algorithms": "DECODE_ERROR",
        "": "MISSING_EXTENSION",
    },
    Fault.PSK_NOT_LAST: "PRE_SHARED_KEY_MUST_BE_LAST",
    Fault.NO_CERTIFICATE: "PEER_DID_NOT_RETURN_A_CERTIFICATE DECODE_ERROR",  # by the version
    Fault.CERTIFICATE_REQUIRED: "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    Fault.CERTIFICATE_REQUIRED_12: "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    Fault.WRONG_CERTIFICATE_COMPRESSION: "UNKNOWN_CERT_COMPRESSION_ALG",
    Fault.BAD_COMPRESSED_CERTIFICATE: {
        "too many": "UNCOMPRESSED_CERT_TOO_LARGE",
        "": "CERT_DECOMPRESSION_FAILED",
    },
    Fault.UNREADABLE_CERTIFICATE: "CANNOT_PARSE_LEAF_CERT",
    Fault.WRONG_KEY_TYPE: {"RSASSA-PSS": "UNSUPPORTED_ALGORITHM", "": "WRONG_CERTIFICATE_TYPE"},
    Fault.KEY_NOT_IN_VERSION: {
        "RSASSA-PSS": "UNSUPPORTED_ALGORITHM",
        "": "PEER_ERROR_UNSUPPORTED_CERTIFICATE_TYPE",
    },
    Fault.WRONG_CERTIFICATE_CURVE: "BAD_ECC_CERT",
    Fault.KEY_USAGE: "KEY_USAGE_BIT_INCORRECT",
    Fault.REJECTED_CERTIFICATE: "CERTIFICATE_VERIFY_FAILED",
    Fault.BAD_STATUS_RESPONSE: "OCSP_CB_ERROR",
    Fault.BAD_SIGNATURE: "BAD_SIGNATURE",
    Fault.BAD_FINISHED: "DIGEST_CHECK_FAILED",
    Fault.BAD_BINDER: "DIGEST_CHECK_FAILED",
    Fault.BAD_PSK_SELECTION: {"another hash": "OLD_SESSION_PRF_HASH_MISMATCH", "": "PSK_IDENTITY_NOT_FOUND"},
    Fault.EARLY_DATA_MISMATCH: {
        "ALPN": "ALPN_MISMATCH_ON_EARLY_DATA",
        "TLS_": "CIPHER_MISMATCH_ON_EARLY_DATA",
        "": "UNEXPECTED_EXTENSION",
    },
    Fault.EARLY_DATA_VERSION: "WRONG_VERSION_ON_EARLY_DATA",
    Fault.PSK_REQUIRED: "PSK_IDENTITY_NOT_FOUND NO_SUPPORTED_PSK_MODE",
    Fault.UNKNOWN_PSK_IDENTITY: "PSK_IDENTITY_NOT_FOUND",
    Fault.RESUMPTION_MISMATCH: {
        "TLS_1_. where": "OLD_SESSION_VERSION_NOT_RETURNED",
        "": "OLD_SESSION_CIPHER_NOT_RETURNED",
    },
    Fault.RESUMED_EMS_MISMATCH: "RESUMED_EMS_SESSION_WITHOUT_EMS_EXTENSION",
    Fault.INTERNAL: "CONNECTION_REJECTED",
}
"""Keys within a fault are regular expressions for this side's role and the detail; the first that is found counts."""

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
        role = "server" if witness.options.server else "client"
        return " ".join(f":{reason}:" for reason in _reasons(error.fault, f"{role}: {error.detail}").split())
    if isinstance(error, ClosedError):
        return ":HANDSHAKE_NOT_COMPLETE:"
    if isinstance(error, TruncatedError):
        return "Unexpected SSL_shutdown result: -1 != 1"
    return ""


def _reasons(fault: Fault, told: str) -> str:
    reasons = _REASONS.get(fault, "")
    if isinstance(reasons, str):
        return reasons
    return next(reason for words, reason in reasons.items() if re.search(words, told))


def _alert_names(alert: AlertDescription | int, witness: Witness) -> str:
    if not isinstance(alert, AlertDescription):
        return ":UNKNOWN_ALERT_TYPE:"
    prefix = "SSLV3" if alert in _SINCE_SSL3 else "TLSV1"
    name = f":{prefix}_ALERT_{alert.name}:"
    if alert is AlertDescription.HANDSHAKE_FAILURE and not witness.received_anything():
        return f"{name} :HANDSHAKE_FAILURE_ON_CLIENT_HELLO:"
    return name
