"""Public key infrastructure: who vouches for a peer, and whether this side believes them."""

from __future__ import annotations

from turtls.pki.errors import CertificateError
from turtls.pki.store import TrustStore
from turtls.pki.verdicts import VerdictCache
from turtls.pki.verifier import PrivateVerifier, WebVerifier, default_verifier

__all__ = [
    "CertificateError",
    "PrivateVerifier",
    "TrustStore",
    "VerdictCache",
    "WebVerifier",
    "default_verifier",
]
