"""TLS, the whole of it: the secure channel, who is at the other end, and the tools to see that both hold.

This is the public face. Everything here is imported when it is first asked for (PEP 562), so that
`import turtls` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turtls.config import (
        ClientAuth,
        ClientConfig,
        Credential,
        DangerAcceptAnyCertificate,
        Policy,
        ServerConfig,
        SessionCache,
    )
    from turtls.connection import ClientConnection, ServerConnection
    from turtls.errors import (
        ClosedError,
        ConfigError,
        HandshakeTimeout,
        PasswordRequired,
        PeerAlert,
        ProtocolError,
        TLSError,
        TruncatedError,
    )
    from turtls.io import aio
    from turtls.io.blocking import connect, listen, wrap
    from turtls.pki import CertificateError, PrivateVerifier, TrustStore, WebVerifier

__version__ = "0.1.0"

_HOMES = {
    "turtls.config": (
        "ClientAuth",
        "ClientConfig",
        "Credential",
        "DangerAcceptAnyCertificate",
        "Policy",
        "ServerConfig",
        "SessionCache",
    ),
    "turtls.connection": ("ClientConnection", "ServerConnection"),
    "turtls.errors": (
        "ClosedError",
        "ConfigError",
        "HandshakeTimeout",
        "PasswordRequired",
        "PeerAlert",
        "ProtocolError",
        "TLSError",
        "TruncatedError",
    ),
    "turtls.io": ("aio",),
    "turtls.io.blocking": ("connect", "listen", "wrap"),
    "turtls.pki": ("CertificateError", "PrivateVerifier", "TrustStore", "WebVerifier"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CertificateError",
    "ClientAuth",
    "ClientConfig",
    "ClientConnection",
    "ClosedError",
    "ConfigError",
    "Credential",
    "DangerAcceptAnyCertificate",
    "HandshakeTimeout",
    "PasswordRequired",
    "PeerAlert",
    "Policy",
    "PrivateVerifier",
    "ProtocolError",
    "ServerConfig",
    "ServerConnection",
    "SessionCache",
    "TLSError",
    "TruncatedError",
    "TrustStore",
    "WebVerifier",
    "__version__",
    "aio",
    "connect",
    "listen",
    "wrap",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'turtls' has no attribute {name!r}")
    value = globals()[name] = getattr(__import__(home, fromlist=[name]), name)  # as "from home import name" does
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
