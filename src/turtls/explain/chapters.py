"""The handshake's steps as people name them: several messages each, and some that are no message at all."""

from __future__ import annotations

from turtls.crypto.suites12 import SUITES12
from turtls.events import HandshakeMessageSeen, SecretDerived, StepTaken, Trace
from turtls.wire.messages import ClientHello, ServerHello12

_ORDER = (
    "client hello",
    "server hello",
    "server hello and certificate",
    "server parameters",
    "authentication",
    "premaster secret",
    "session keys",
    "finished",
)
"""Up to TLS 1.2 six of them: client hello, server hello and certificate, authentication, premaster secret, session
keys, finished. In TLS 1.3 the phases of RFC 8446, section 2; keys are made all along there."""

_MESSAGES = {
    "ClientHello": "client hello",
    "HelloRetryRequest": "server hello",
    "ServerHello": "server hello",
    "EncryptedExtensions": "server parameters",
    "CertificateRequest": "server parameters",
    "Certificate": "authentication",
    "CompressedCertificate": "authentication",
    "CertificateVerify": "authentication",
    "ClientKeyExchange": "premaster secret",
    "Finished": "finished",
}
"""By the name of the message's declaration; a message that is not here belongs to the step that is under way."""


class Chapters:
    """Tells of each trace which step it belongs to. Steps only go forward."""

    def __init__(self) -> None:
        self._current = ""
        self._session_id = b""

    def chapter(self, trace: Trace) -> str:
        """The step that this belongs to; empty before the first."""
        named = self._named(trace)
        if named and (not self._current or _ORDER.index(named) > _ORDER.index(self._current)):
            self._current = named
        return self._current

    def _named(self, trace: Trace) -> str:
        match trace:
            case HandshakeMessageSeen(message=ServerHello12() as hello):
                return self._server_hello(hello)
            case HandshakeMessageSeen(message=message):
                if isinstance(message, ClientHello):
                    self._session_id = message.legacy_session_id
                return _MESSAGES.get(type(message).__name__, "")
            case SecretDerived(label="master_secret"):
                return "session keys"
            case StepTaken(step="authentication"):
                return "authentication"
        return ""

    def _server_hello(self, hello: ServerHello12) -> str:
        """No certificate comes where a session is resumed, nor where both sides know a secret already."""
        resumed = hello.session_id and hello.session_id == self._session_id
        suite = SUITES12.get(hello.cipher_suite)
        shows_certificate = suite is not None and suite.authentication.by_certificate and not resumed
        return "server hello and certificate" if shows_certificate else "server hello"
