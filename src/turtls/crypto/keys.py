"""Certificates' public keys, private keys, and how both are loaded."""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.x509.oid import PublicKeyAlgorithmOID

from turtls.errors import ConfigError, Fault, PasswordRequired, ProtocolError

PrivateKey: TypeAlias = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
"""The private keys that can sign in TLS."""

MAX_RSA_BITS: Final = 8192
"""Larger keys cost their verifier more time than any security they add."""

_CACHED_LEAVES: Final = 256
_CACHED_LEAF_BYTES: Final = 16 * 1024


class KeyKind(Enum):
    """The kinds of public key that TLS can use, as signature schemes tell them apart (RFC 8446, section 4.2.3)."""

    RSA = "RSA"
    RSA_PSS = "RSASSA-PSS"
    P256 = "P-256"
    P384 = "P-384"
    P521 = "P-521"
    ED25519 = "Ed25519"
    ED448 = "Ed448"
    MLDSA44 = "ML-DSA-44"
    MLDSA65 = "ML-DSA-65"
    MLDSA87 = "ML-DSA-87"

    __hash__ = object.__hash__  # what an Enum has is a function in Python, which hashes the name


UNREADABLE: Final = (
    ValueError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    KeyError,  # a name holds a string type that does not exist
    TypeError,  # or one that its attribute may not have
    Warning,  # about oddities like a serial number of zero: an exception where warnings are made errors
)
"""What `cryptography` raises over a certificate that is malformed; some of it only when a field is looked at."""

_KIND_BY_CURVE = {"secp256r1": KeyKind.P256, "secp384r1": KeyKind.P384, "secp521r1": KeyKind.P521}
_KIND_BY_CLASS: tuple[tuple[type, KeyKind], ...] = (
    (ed25519.Ed25519PublicKey, KeyKind.ED25519),
    (ed448.Ed448PublicKey, KeyKind.ED448),
    (mldsa.MLDSA44PublicKey, KeyKind.MLDSA44),
    (mldsa.MLDSA65PublicKey, KeyKind.MLDSA65),
    (mldsa.MLDSA87PublicKey, KeyKind.MLDSA87),
)


class PublicKey:
    """A public key: its `kind`, and `key`, the object of `cryptography`.

    Of RSA keys also the size in `bits`, and `only_hash`: the name of the one hash that an RSASSA-PSS key may be
    restricted to.
    """

    __slots__ = ("bits", "key", "kind", "only_hash")

    def __init__(self, kind: KeyKind, key: Any, *, bits: int = 0, only_hash: str | None = None) -> None:
        self.kind = kind
        self.key = key
        self.bits = bits
        self.only_hash = only_hash

    @classmethod
    def of(cls, certificate: x509.Certificate) -> PublicKey:
        """The key in a certificate.

        Raises ValueError if it cannot be read, cryptography's UnsupportedAlgorithm if TLS cannot use its kind.
        """
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            return cls._of_rsa(certificate, key)
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _KIND_BY_CURVE:
            return cls(_KIND_BY_CURVE[key.curve.name], key)
        for key_class, kind in _KIND_BY_CLASS:
            if isinstance(key, key_class):
                return cls(kind, key)
        raise UnsupportedAlgorithm(f"a key of the kind {type(key).__name__}")

    @classmethod
    def _of_rsa(cls, certificate: x509.Certificate, key: rsa.RSAPublicKey) -> PublicKey:
        if key.key_size > MAX_RSA_BITS:
            raise UnsupportedAlgorithm(f"an RSA key of {key.key_size} bits")
        # cryptography reads both kinds of RSA key into one class; only the certificate tells them apart.
        if certificate.public_key_algorithm_oid != PublicKeyAlgorithmOID.RSASSA_PSS:
            return cls(KeyKind.RSA, key, bits=key.key_size)
        from turtls.crypto import rsassa_pss

        return cls(KeyKind.RSA_PSS, key, bits=key.key_size, only_hash=rsassa_pss.only_hash(certificate))

    def __str__(self) -> str:
        return f"{self.kind.value}, {self.bits} bits" if self.kind in _RSA_KINDS else self.kind.value


_RSA_KINDS = (KeyKind.RSA, KeyKind.RSA_PSS)


def check_strength(public_key: PublicKey, min_rsa_bits: int) -> None:
    """Raises ProtocolError (Fault.WEAK_KEY) if it is an RSA key under `min_rsa_bits`.

    Nothing else is left to check: keys of other weak kinds (DSA, small curves) never become a `PublicKey`.
    """
    if public_key.kind in _RSA_KINDS and public_key.bits < min_rsa_bits:
        raise ProtocolError(Fault.WEAK_KEY, f"RSA with {public_key.bits} bits; at least {min_rsa_bits} are required")


class Leaf:
    """An end-entity certificate, read once.

    `der`, `certificate` (as `cryptography` has it), `public_key`, when it expires (`not_valid_after`, seconds since the
    epoch), the names of its subjectAltName (`dns_names` and `ip_addresses`, as text), and what its key usage allows:
    signatures, or the key transport of RSA.
    """

    __slots__ = (
        "certificate",
        "der",
        "dns_names",
        "ip_addresses",
        "key_usage_allows_key_transport",
        "key_usage_allows_signing",
        "not_valid_after",
        "public_key",
    )

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.certificate = certificate = x509.load_der_x509_certificate(der)
        # Names and extensions are read when first asked for: ask here, where what is wrong with them has its fault.
        _ = certificate.subject, certificate.issuer
        self.public_key = PublicKey.of(certificate)
        self.not_valid_after = certificate.not_valid_after_utc.timestamp()
        self.dns_names: tuple[str, ...] = ()
        self.ip_addresses: tuple[str, ...] = ()
        self.key_usage_allows_signing = self.key_usage_allows_key_transport = True
        for extension in certificate.extensions:
            value = extension.value
            if isinstance(value, x509.SubjectAlternativeName):
                self.dns_names = tuple(value.get_values_for_type(x509.DNSName))
                self.ip_addresses = tuple(str(address) for address in value.get_values_for_type(x509.IPAddress))
            elif isinstance(value, x509.KeyUsage):
                self.key_usage_allows_signing = value.digital_signature
                self.key_usage_allows_key_transport = value.key_encipherment

    @classmethod
    def parse(cls, der: bytes) -> Leaf:
        """A certificate of one's own. Raises ConfigError if it cannot be read or its key cannot be used in TLS."""
        try:
            return _parse(der)
        except UnsupportedAlgorithm as error:
            raise ConfigError(f"TLS cannot use the key of this certificate: {error}.") from error
        except UNREADABLE as error:
            raise ConfigError(f"The certificate cannot be parsed: {error}.") from error

    @classmethod
    def parse_untrusted(cls, untrusted_der: bytes) -> Leaf:
        """A peer's certificate; nothing in it has been checked.

        Raises ProtocolError: Fault.UNREADABLE_CERTIFICATE, or UNSUPPORTED_KEY if TLS cannot use its key.
        """
        try:
            return _parse(untrusted_der)
        except UnsupportedAlgorithm as error:
            raise ProtocolError(Fault.UNSUPPORTED_KEY, str(error)) from None
        except UNREADABLE as error:
            raise ProtocolError(Fault.UNREADABLE_CERTIFICATE, str(error)) from None

    def require_signing(self) -> None:
        """The key signs handshakes (RFC 8446, section 4.4.2.2). Raises ProtocolError (KEY_USAGE)."""
        if not self.key_usage_allows_signing:
            raise ProtocolError(Fault.KEY_USAGE, "no digitalSignature")

    def require_key_transport(self) -> None:
        """The key decrypts premaster secrets (RFC 5246, section 7.4.2). Raises ProtocolError (KEY_USAGE)."""
        if not self.key_usage_allows_key_transport:
            raise ProtocolError(Fault.KEY_USAGE, "no keyEncipherment")

    @property
    def end_point_digest(self) -> bytes:
        """The channel binding tls-server-end-point (RFC 5929, section 4.1).

        The hash of the certificate's own signature, but never MD5 or SHA-1; SHA-256 where it has none of its own.
        """
        try:
            algorithm = self.certificate.signature_hash_algorithm
        except UnsupportedAlgorithm:
            algorithm = None
        name = algorithm.name.replace("-", "_") if algorithm is not None else "sha256"
        return hashlib.new("sha256" if name in ("md5", "sha1") else name, self.der).digest()

    def __repr__(self) -> str:
        return f"<Leaf {self.certificate.subject.rfc4514_string()}, {self.public_key}>"


_cached_parse = lru_cache(maxsize=_CACHED_LEAVES)(Leaf)


def _parse(der: bytes) -> Leaf:
    """Kept by its bytes: most peers come back, and reading costs 25 us. What a peer makes huge is not kept."""
    return _cached_parse(der) if len(der) <= _CACHED_LEAF_BYTES else Leaf(der)


def load_certificates(data: bytes) -> list[bytes]:
    """The certificates (DER) in a PEM bundle, in its order and whatever stands between them, or in one DER file.

    Raises ConfigError if there is none, or one cannot be read.
    """
    try:
        if b"-----BEGIN" in data:
            return [certificate.public_bytes(Encoding.DER) for certificate in x509.load_pem_x509_certificates(data)]
        return [x509.load_der_x509_certificate(data).public_bytes(Encoding.DER)]
    except UNREADABLE as error:
        raise ConfigError(f"Found no certificate that can be read, neither as PEM nor as DER: {error}.") from error


def load_private_key(data: bytes, password: str | bytes | None = None) -> PrivateKey:
    """A private key from PEM or DER: PKCS #8, PKCS #1 or SEC 1, encrypted or not.

    In PEM, certificates may stand beside it. Raises ConfigError: PasswordRequired if it is encrypted and there is none.
    """
    load = load_pem_private_key if b"-----BEGIN" in data else load_der_private_key
    secret = _password_bytes(password)
    _check_iv(data)
    try:
        key = load(data, secret)
    except TypeError as error:
        if secret is None:
            raise PasswordRequired("The private key is encrypted: pass password=.") from error
        # The key is not encrypted: a password too many does no harm.
        return load_private_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = " Is the password right?" if secret else ""
        raise ConfigError(f"The private key cannot be read: {error}.{hint}") from error
    return _signing_key(key)


_DEK_INFO = rb"DEK-Info:\s*(AES)?[\w-]*,([0-9A-Fa-f]*)"


def _check_iv(pem: bytes) -> None:
    """Of a key encrypted as RFC 1421 has it: over an IV that is too short `cryptography` panics (seen in 50.0)."""
    for info in re.finditer(_DEK_INFO, pem):
        if len(info[2]) < (32 if info[1] else 16):
            raise ConfigError("The private key cannot be read: the IV in its DEK-Info is too short.")


def load_pkcs12(data: bytes, password: str | bytes | None = None) -> tuple[PrivateKey, list[bytes]]:
    """The private key and the chain (DER, leaf first) in a PKCS #12 file. Raises ConfigError."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        bag = pkcs12.load_pkcs12(data, _password_bytes(password))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"The PKCS #12 file cannot be read: {error}. Is password= right?") from error
    if bag.key is None or bag.cert is None:
        raise ConfigError("The PKCS #12 file does not hold a private key together with its certificate.")
    others = [other.certificate for other in bag.additional_certs]
    chain = _issuers_in_order(bag.cert.certificate, others)
    return _signing_key(bag.key), [certificate.public_bytes(Encoding.DER) for certificate in chain]


def same_public_key(public_key: PublicKey, private_key: PrivateKey) -> bool:
    """Whether the two are one pair."""
    return bool(private_key.public_key() == public_key.key)


def _password_bytes(password: str | bytes | None) -> bytes | None:
    return (password.encode() if isinstance(password, str) else password) or None


def _signing_key(key: object) -> PrivateKey:
    if isinstance(key, PrivateKey):
        return key
    raise ConfigError(f"A private key of this kind cannot sign in TLS: {type(key).__name__}.")


def _issuers_in_order(leaf: x509.Certificate, others: list[x509.Certificate]) -> list[x509.Certificate]:
    """PKCS #12 keeps the certificates beside the leaf in no order; TLS wants each followed by its issuer."""
    chain = [leaf]
    remaining = {other.subject: other for other in others}
    while issuer := remaining.pop(chain[-1].issuer, None):
        chain.append(issuer)
    return chain
