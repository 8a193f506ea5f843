"""Every number that bounds what a peer may cost, each with its reason."""

from __future__ import annotations

MAX_PLAINTEXT = 2**14
"""Bytes of content in one record (RFC 8446, section 5.1)."""

MAX_INNER_PLAINTEXT = MAX_PLAINTEXT + 1
"""Bytes of content, type and padding together under TLS 1.3 (RFC 8446, section 5.4)."""

MAX_CIPHERTEXT13 = MAX_PLAINTEXT + 256
"""Bytes of a protected record's body under TLS 1.3 (RFC 8446, section 5.2)."""

MAX_CIPHERTEXT12 = MAX_PLAINTEXT + 2048
"""Bytes of a protected record's body up to TLS 1.2 (RFC 5246, section 6.2.3)."""

MIN_RECORD_SIZE_LIMIT = 64
"""The smallest record_size_limit that may be asked for (RFC 8449, section 4)."""

MAX_HANDSHAKE_MESSAGE = 2**16
"""Bytes of one handshake message without its header. The largest that is met in practice, a ClientHello with
post-quantum key shares or a long list of certificate authorities, stays well below it."""

MAX_CERTIFICATE_MESSAGE = 100 * 2**10
"""Bytes of a Certificate message, compressed and uncompressed: a chain of ten with post-quantum signatures, stapled
answers included."""

MAX_CHAIN_LENGTH = 10
"""Certificates in a chain. Public chains have three or four; each one more costs a parse and a signature check."""

MAX_EMPTY_RECORDS = 32
"""Records in a row that carry nothing (empty application data, ignored change_cipher_spec): each costs a decryption
and moves the connection nowhere. As many as BoringSSL takes."""

MAX_WARNING_ALERTS = 4
"""Warning alerts in a row: no peer has reason to send more, and each is work for nothing."""

MAX_KEY_UPDATES = 32
"""KeyUpdates with no application data between them: each costs two key derivations."""

MAX_TICKETS = 64
"""Session tickets in one connection: servers send one to four, a few more after a change of client certificates."""

MAX_TICKET = 2**15
"""Bytes of one ticket that is issued or offered: with it a ClientHello must still be a handshake message of sane size.
A client's chain travels in a stateless one."""

MAX_COOKIE = 2**13
"""Bytes of a HelloRetryRequest's cookie: it is sent back in a ClientHello. Servers use some hundred."""

MAX_POST_HANDSHAKE_REQUESTS = 8
"""CertificateRequests after the handshake that are answered in one connection: each costs a signature."""

MAX_BUFFERED_WHILE_PENDING = 2**18
"""Bytes kept unread while the application or a verifier is thinking. A peer may send its whole flight and the first
requests in that time; more than a receive window's worth is a flood."""

MAX_EARLY_DATA_SKIPPED = 2**14
"""Bytes of rejected early data that are dropped (RFC 8446, section 4.2.10), beside those that a server's tickets allow:
room for what records add to it, and for those who come with a ticket of another server. As many as BoringSSL takes."""

RECORDS_BEFORE_LIMIT = 2**18
"""How long before an AEAD's limit new keys are asked for: enough for a write of 4 GiB that is under way."""
