"""What a finished handshake of TLS 1.2 or earlier leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turtls.config import Credential, Negotiated, Session
from turtls.errors import ConfigError
from turtls.handshake.proofs import VerifiedFinished

if TYPE_CHECKING:
    from turtls.handshake.secrets12 import Secrets12


class Established12:
    """A finished handshake. It cannot be had without the proof that the peer's Finished was right."""

    __slots__ = ("_first_finished", "credential", "negotiated", "secrets", "session")

    def __init__(
        self,
        finished: VerifiedFinished,
        negotiated: Negotiated,
        secrets: Secrets12,
        *,
        first_finished: bytes,
        credential: Credential | None = None,
    ) -> None:
        if not isinstance(finished, VerifiedFinished):
            raise TypeError("a handshake is not finished without the peer's Finished")
        self.negotiated = negotiated
        self.secrets = secrets
        self.credential = credential
        """What a server showed; None for a client, and in a resumed session."""
        self.session: Session | None = None
        """What a client may resume later."""
        self._first_finished = first_finished

    def export(self, label: bytes, context: bytes | None, length: int) -> bytes:
        """Keying material (RFC 5705). Without the extended master secret it would not be this connection's alone."""
        self._require_extended_master_secret("Keying material")
        return self.secrets.export(label, context, length)

    def tls_unique(self) -> bytes:
        """The channel binding tls-unique (RFC 5929, section 3): the first Finished of the handshake."""
        self._require_extended_master_secret("tls-unique")
        return self._first_finished

    def forget(self) -> None:
        """Let go of the session's keys."""
        self.secrets.forget()

    def _require_extended_master_secret(self, what: str) -> None:
        if not self.secrets.extended:
            # RFC 7627, section 1: an attacker in the middle can give two connections the same master secret.
            raise ConfigError(f"{what} is only safe with the extended master secret, which the peer does not support.")
