"""The transcript hash (RFC 8446, section 4.4.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from turtls.crypto.hashes import Hash, HashState
from turtls.wire.registries import HandshakeType


class Transcript:
    """The handshake messages so far, hashed as soon as the cipher suite says how."""

    __slots__ = ("_messages", "_state", "add", "digest", "hash")

    add: Callable[[bytes], None]
    """Puts one more message, with its header, at the end."""
    digest: Callable[[], bytes]
    """Gives the Transcript-Hash of the messages so far."""
    hash: Hash
    """Known once `start` was called."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._state: HashState | None = None
        self.add = self._messages.append
        self.digest = _not_started

    def start(self, hash: Hash, *, keep_messages: bool = False) -> None:
        """Hash from now on, and what was added before. A second call changes nothing.

        Up to TLS 1.2 a client signs the messages themselves, so they are kept until `drop_messages`.
        """
        if self._state is None:
            self.hash = hash
            self._begin(hash.new(b"".join(self._messages)))
            if keep_messages:
                self.add = self._add_and_keep
            else:
                self._messages.clear()

    def _begin(self, state: HashState) -> None:
        self._state = state
        self.add = state.update
        self.digest = state.digest

    def _add_and_keep(self, raw: bytes) -> None:
        self._started().update(raw)
        self._messages.append(raw)

    @property
    def messages(self) -> bytes:
        """All messages so far, as long as they are kept."""
        return b"".join(self._messages)

    def drop_messages(self) -> None:
        """Nobody will sign them any more."""
        self._messages.clear()
        self.add = self._started().update

    def digest_with(self, following: bytes) -> bytes:
        """Transcript-Hash of the messages so far, and of `following` behind them without adding it."""
        state = self._started().copy()
        state.update(following)
        return state.digest()

    def begin_again_after_retry(self) -> None:
        """Put the hash of the first ClientHello in its place, as a message_hash message (section 4.4.1)."""
        digest = self.digest()
        self._begin(self.hash.new(bytes([HandshakeType.message_hash, 0, 0, len(digest)]) + digest))

    @property
    def started(self) -> bool:
        """Whether the hash is chosen."""
        return self._state is not None

    def copy(self) -> Transcript:
        """The same transcript, to go on with separately."""
        other = Transcript()
        other.hash = self.hash
        other._begin(self._started().copy())
        return other

    def _started(self) -> HashState:
        return self._state if self._state is not None else _not_started()


def _not_started() -> NoReturn:
    raise RuntimeError("the transcript's hash has not been chosen yet")
