"""What an issuer of certificates needs: new private keys, their PEM, and signatures over certificates."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from turtls.crypto.keys import PrivateKey

_RSA_BITS = 3072
"""RSA-2048 is allowed until 2030 at most (NIST SP 800-131A): a new key should outlast that."""


class KeyType(Enum):
    """The kinds of private key to choose from, by the names people give them."""

    ECDSA = "ecdsa"
    """P-256."""
    RSA = "rsa"
    """3072 bits."""
    ED25519 = "ed25519"
    """Not accepted by browsers."""
    ML_DSA_65 = "ml-dsa-65"
    """Post-quantum (RFC 9881); not accepted by browsers."""


_GENERATORS: dict[KeyType, Callable[[], PrivateKey]] = {
    KeyType.ECDSA: lambda: ec.generate_private_key(ec.SECP256R1()),
    KeyType.RSA: lambda: rsa.generate_private_key(65537, _RSA_BITS),
    KeyType.ED25519: ed25519.Ed25519PrivateKey.generate,
    KeyType.ML_DSA_65: mldsa.MLDSA65PrivateKey.generate,
}


def generate_private_key(key_type: KeyType) -> PrivateKey:
    """A new private key."""
    return _GENERATORS[key_type]()


def private_key_pem(key: PrivateKey) -> bytes:
    """The key as PKCS #8 (RFC 5208) in PEM, not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate_der(certificate: x509.Certificate) -> bytes:
    """The bytes that are signed and sent."""
    return certificate.public_bytes(Encoding.DER)


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    """The certificates as one PEM bundle (RFC 7468), in the order given."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    """The certificate, signed with the issuer's `key` and the hash that fits it."""
    return builder.sign(key, _hash_for(key))


def can_encrypt(key: PrivateKey) -> bool:
    """Whether the key also serves to encrypt (RSA), as TLS 1.2's RSA key transport needs."""
    return isinstance(key, rsa.RSAPrivateKey)


def _hash_for(key: PrivateKey) -> SHA256 | None:
    """None where the signature algorithm has its hash inside (Ed25519, ML-DSA)."""
    return SHA256() if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) else None
