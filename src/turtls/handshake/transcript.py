"""The transcript hash (RFC 8446, section 4.4.1)."""

from __future__ import annotations

from turtls.crypto.hashes import Hash, HashState
from turtls.wire.registries import HandshakeType


class Transcript:
    """The handshake messages so far, hashed as soon as the cipher suite says how."""

    __slots__ = ("_keep", "_messages", "_state", "hash")

    hash: Hash
    """Known once `start` was called."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._keep = False
        self._state: HashState | None = None

    def add(self, raw: bytes) -> None:
        """Put one more message, with its header, at the end."""
        if self._state is not None:
            self._state.update(raw)
        if self._state is None or self._keep:
            self._messages.append(raw)

    def start(self, hash: Hash, *, keep_messages: bool = False) -> None:
        """Hash from now on, and what was added before. A second call changes nothing.

        Up to TLS 1.2 a client signs the messages themselves, so they are kept until `drop_messages`.
        """
        if self._state is None:
            self.hash = hash
            self._state = hash.new(b"".join(self._messages))
            self._keep = keep_messages
            if not keep_messages:
                self._messages.clear()

    @property
    def messages(self) -> bytes:
        """All messages so far, as long as they are kept."""
        return b"".join(self._messages)

    def drop_messages(self) -> None:
        """Nobody will sign them any more."""
        self._keep = False
        self._messages.clear()

    def digest(self, following: bytes = b"") -> bytes:
        """Transcript-Hash of the messages so far, and of `following` behind them without adding it."""
        state = self._started()
        if following:
            state = state.copy()
            state.update(following)
        return state.digest()

    def begin_again_after_retry(self) -> None:
        """Put the hash of the first ClientHello in its place, as a message_hash message (section 4.4.1)."""
        digest = self.digest()
        self._state = self.hash.new(bytes([HandshakeType.message_hash, 0, 0, len(digest)]) + digest)

    @property
    def started(self) -> bool:
        """Whether the hash is chosen."""
        return self._state is not None

    def copy(self) -> Transcript:
        """The same transcript, to go on with separately."""
        other = Transcript()
        other.hash = self.hash
        other._state = self._started().copy()
        return other

    def _started(self) -> HashState:
        if self._state is None:
            raise RuntimeError("the transcript's hash has not been chosen yet")
        return self._state
