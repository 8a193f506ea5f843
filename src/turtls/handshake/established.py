"""What a finished handshake leaves behind."""

from __future__ import annotations

from turtls.config import Credential, Negotiated
from turtls.crypto.key_schedule import exporter
from turtls.crypto.suites import Suite13
from turtls.handshake.proofs import VerifiedFinished
from turtls.handshake.transcript import Transcript


class Established:
    """A finished handshake of TLS 1.3. It cannot be had without the proof that the peer's Finished was right."""

    __slots__ = (
        "client_traffic_secret",
        "credential",
        "exporter_master_secret",
        "negotiated",
        "psk_digest",
        "resumption_master_secret",
        "server_traffic_secret",
        "suite",
        "transcript",
    )

    def __init__(
        self,
        finished: VerifiedFinished,
        negotiated: Negotiated,
        *,
        suite: Suite13,
        client_traffic_secret: bytes,
        server_traffic_secret: bytes,
        exporter_master_secret: bytes,
        resumption_master_secret: bytes,
        transcript: Transcript | None,
        credential: Credential | None = None,
        psk_digest: bytes = b"",
    ) -> None:
        if not isinstance(finished, VerifiedFinished):
            raise TypeError("a handshake is not finished without the peer's Finished")
        self.negotiated = negotiated
        self.suite = suite
        self.client_traffic_secret = client_traffic_secret
        """Of the present generation: KeyUpdate puts the next one in its place."""
        self.server_traffic_secret = server_traffic_secret
        self.exporter_master_secret = exporter_master_secret
        self.resumption_master_secret = resumption_master_secret
        """Empty on a server whose client has no use for tickets."""
        self.credential = credential
        """What a server showed; None for a client, and in a resumed session."""
        self.psk_digest = psk_digest
        """Of the external PSK that a server's session rests on; empty for a client, and if there is none."""
        self.transcript = transcript
        """Up to the client's Finished; kept only where the client may be asked for its certificate later."""

    def export(self, label: bytes, context: bytes | None, length: int) -> bytes:
        """Keying material (section 7.5); no context is an empty one here."""
        return exporter(self.suite.hash, self.exporter_master_secret, label, context or b"", length)

    def forget(self) -> None:
        """Let go of the session's keys."""
        self.client_traffic_secret = self.server_traffic_secret = b""
        self.exporter_master_secret = self.resumption_master_secret = b""
        self.transcript = None
