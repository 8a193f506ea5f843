"""What a chain is to be good for, and the rule that every verifier holds the keys in it to."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from turtls.config import Role
from turtls.crypto import keys
from turtls.errors import Fault, ProtocolError
from turtls.pki.errors import objection_to
from turtls.pki.names import Identity


class Criteria:
    """What a chain is to be good for."""

    __slots__ = ("identity", "min_rsa_bits", "role", "time")

    def __init__(self, role: Role, identity: Identity | None, time: datetime, min_rsa_bits: int) -> None:
        self.role = role
        self.identity = identity
        """Who a server must be; None for clients."""
        self.time = time
        self.min_rsa_bits = min_rsa_bits


def check_key(certificate: x509.Certificate, min_rsa_bits: int) -> None:
    """Raises Objection if its key is weak, or of a kind that TLS does not use."""
    try:
        keys.check_strength(keys.PublicKey.of(certificate), min_rsa_bits)
    except ProtocolError as error:
        raise objection_to(certificate, error.fault, f"holds {error.detail}.") from None
    except (UnsupportedAlgorithm, ValueError) as error:
        raise objection_to(certificate, Fault.UNSUPPORTED_KEY, f"holds a key that cannot be used: {error}.") from None
