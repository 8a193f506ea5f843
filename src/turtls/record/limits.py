"""Every number that bounds what a peer may cost, each with its reason."""

from __future__ import annotations

from typing import Final

MAX_PLAINTEXT: Final = 2**14
"""Bytes of content in one record (RFC 8446, section 5.1)."""

MAX_INNER_PLAINTEXT: Final = MAX_PLAINTEXT + 1
"""Bytes of content, type and padding together under TLS 1.3 (RFC 8446, section 5.4)."""

MAX_CIPHERTEXT13: Final = MAX_PLAINTEXT + 256
"""Bytes of a protected record's body under TLS 1.3 (RFC 8446, section 5.2)."""

MAX_CIPHERTEXT12: Final = MAX_PLAINTEXT + 2048
"""Bytes of a protected record's body up to TLS 1.2 (RFC 5246, section 6.2.3)."""

MIN_RECORD_SIZE_LIMIT: Final = 64
"""The smallest record_size_limit that may be asked for (RFC 8449, section 4)."""

MAX_HANDSHAKE_MESSAGE: Final = 2**16
"""Bytes of one handshake message without its header. The largest that is met in practice, a ClientHello with
post-quantum key shares or a long list of certificate authorities, stays well below it."""

MAX_CERTIFICATE_MESSAGE: Final = 100 * 2**10
"""Bytes of a Certificate message, compressed and uncompressed: a chain of ten with post-quantum signatures, stapled
answers included."""

MAX_CHAIN_LENGTH: Final = 10
"""Certificates in a chain. Public chains have three or four; each one more costs a parse and a signature check."""

MAX_EMPTY_RECORDS: Final = 32
"""Records in a row that carry nothing (empty application data, ignored change_cipher_spec): each costs a decryption
and moves the connection nowhere. As many as BoringSSL takes."""

MAX_WARNING_ALERTS: Final = 4
"""Warning alerts in a row: no peer has reason to send more, and each is work for nothing."""

MAX_KEY_UPDATES: Final = 32
"""KeyUpdates with no application data between them: each costs two key derivations."""

MAX_TICKETS: Final = 64
"""Session tickets in one connection: servers send one to four, a few more after a change of client certificates."""

MAX_TICKET: Final = 2**15
"""Bytes of one ticket that is issued or offered: with it a ClientHello must still be a handshake message of sane size.
A client's chain travels in a stateless one."""

MAX_COOKIE: Final = 2**13
"""Bytes of a HelloRetryRequest's cookie: it is sent back in a ClientHello. Servers use some hundred."""

MAX_POST_HANDSHAKE_REQUESTS: Final = 8
"""CertificateRequests after the handshake that are answered in one connection: each costs a signature."""

MAX_BUFFERED_WHILE_PENDING: Final = 2**18
"""Bytes kept unread while the application or a verifier is thinking. A peer may send its whole flight and the first
requests in that time; more than a receive window's worth is a flood."""

MAX_EARLY_DATA_SKIPPED: Final = 2**14
"""Bytes of rejected early data that are dropped (RFC 8446, section 4.2.10), beside those that a server's tickets allow:
room for what records add to it, and for those who come with a ticket of another server. As many as BoringSSL takes."""

RECORDS_BEFORE_LIMIT: Final = 2**18
"""How long before an AEAD's limit new keys are asked for: enough for a write of 4 GiB that is under way."""
