"""Every number that bounds what a peer may cost at the transport: time, and bytes kept."""

from __future__ import annotations

from typing import Final

HANDSHAKE_TIMEOUT: Final = 30.0
"""Seconds for a whole handshake, however many pieces it comes in: a peer that sends a byte a second, or none, is
cut off here. Long enough for a slow mobile network with a lost packet or two, and for a key in a remote HSM."""

SHUTDOWN_TIMEOUT: Final = 10.0
"""Seconds that closing waits for what was written, and the close_notify behind it, to leave. The peer's close_notify
is never waited for (RFC 8446, section 6.1), so that this is only spent on a peer that has stopped reading."""

LINGER_TIMEOUT: Final = 1.0
"""Seconds that a connection which ends in a fatal alert stays half-open for the peer to read it. A socket closed
with unread bytes sends a TCP reset, and a reset can overtake the alert: then nobody learns why."""

READ_SIZE: Final = 16 * (5 + 2**14 + 1 + 16)
"""Bytes taken from a socket at once: sixteen full records (header, content, its type, the AEAD's tag: RFC 8446, section
5.2), enough to make the calls around them cheap. There is one such buffer for each thread, not for each connection."""

WRITE_SIZE: Final = 256 * 1024
"""Bytes protected at once when more is to be sent: so much stays in a processor's cache, and a blocking socket never
holds more than this of what it was given."""

STREAM_LIMIT: Final = 256 * 1024
"""Bytes an asyncio stream keeps unread before it lets the peer wait: at the most twice this and one READ_SIZE."""

BACKLOG: Final = 256
"""Connections the operating system holds for a listener until they are accepted."""

SERVER_THREADS: Final = 256
"""Connections that TLSListener.serve_forever handles at once, each in a thread. The next one closes the oldest that is
still shaking hands; where there is none, it waits."""

RESOURCES_PAUSE: Final = 1.0
"""Seconds until a listener accepts again when the system had no file, memory or thread left for one more connection."""

HALF_OPEN_HANDSHAKES: Final = 4096
"""Handshakes that an asyncio server has under way at once; docs/limits.md says what one costs. More than one process
finishes in a second, so that it takes a flood to get here."""
