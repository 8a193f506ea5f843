"""The signature schemes of RFC 8446, section 4.2.3, and those that came before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import SignatureAlgorithmOID

from turtls.crypto.hashes import MD5_SHA1
from turtls.crypto.keys import UNREADABLE, KeyKind, PrivateKey, PublicKey
from turtls.errors import ConfigError, Fault, ProtocolError
from turtls.wire.registries import ProtocolVersion, SignatureScheme


def verify(
    scheme: SignatureScheme,
    public_key: PublicKey,
    untrusted_signature: bytes,
    data: bytes,
    version: ProtocolVersion = ProtocolVersion.TLS_1_3,
) -> None:
    """Check a signature over `data` (not hashed yet).

    Raises ProtocolError: Fault.WRONG_SIGNATURE_SCHEME if such a key does not sign with `scheme` in that version
    of TLS, Fault.BAD_SIGNATURE if the signature is not the key's.
    """
    if scheme not in schemes_for(public_key, version):
        raise ProtocolError(Fault.WRONG_SIGNATURE_SCHEME, f"{scheme} with a key of the kind {public_key}")
    try:
        _ALGORITHMS[scheme].verify(public_key.key, untrusted_signature, data)
    except InvalidSignature:
        raise ProtocolError(Fault.BAD_SIGNATURE, f"{scheme}") from None


def schemes_for(public_key: PublicKey, version: ProtocolVersion) -> tuple[SignatureScheme, ...]:
    """The schemes such a key signs with in a version of TLS, the best first. Each version's own rules:

    - 1.3: a curve goes with one hash, and RSA signs with PSS alone (RFC 8446, section 4.2.3).
    - 1.2: an ECDSA scheme names the hash, and any curve goes with it; PKCS #1 is allowed.
    - 1.0 and 1.1: SHA-1 for ECDSA, MD5 and SHA-1 together for RSA (RFC 4346, section 7.4.3).
    """
    return _schemes_for(public_key.kind, version, public_key.bits, public_key.only_hash)


class KeySigner:
    """Signs with a private key that is here, in memory. Satisfies `config.Signer`."""

    __slots__ = ("_private_key",)

    def __init__(self, private_key: PrivateKey) -> None:
        self._private_key = private_key

    def decrypt(self, untrusted_ciphertext: bytes) -> bytes:
        """RSA decryption for key transport (`rsa_transport.decrypt`). ConfigError if this is no RSA key."""
        if not isinstance(self._private_key, rsa.RSAPrivateKey):
            raise ConfigError("Only an RSA key can decrypt.")
        from turtls.crypto import rsa_transport  # the oldest key exchange

        return rsa_transport.decrypt(self._private_key, untrusted_ciphertext)

    def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
        """The signature over `data` (not hashed yet). ConfigError if such a key cannot sign with `scheme`."""
        try:
            return _ALGORITHMS[scheme].sign(self._private_key, data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"The private key cannot sign with {scheme}.") from error


class _Algorithm(Protocol):
    def sign(self, private: Any, data: bytes) -> bytes: ...

    def verify(self, public: Any, untrusted_signature: bytes, data: bytes) -> None: ...


class _Rsa:
    """RSA over one hash, with either padding."""

    def __init__(self, rsa_padding: padding.AsymmetricPadding, hash: hashes.HashAlgorithm) -> None:
        self._arguments = (rsa_padding, hash)

    def sign(self, private: Any, data: bytes) -> bytes:
        signature: bytes = private.sign(data, *self._arguments)
        return signature

    def verify(self, public: Any, untrusted_signature: bytes, data: bytes) -> None:
        public.verify(untrusted_signature, data, *self._arguments)


class _RsaMd5Sha1:
    """Both digests side by side, and no DigestInfo around them (RFC 2246, section 7.4.3)."""

    _ARGUMENTS = (padding.PKCS1v15(), utils.NoDigestInfo())

    def sign(self, private: Any, data: bytes) -> bytes:
        signature: bytes = private.sign(MD5_SHA1.digest(data), *self._ARGUMENTS)
        return signature

    def verify(self, public: Any, untrusted_signature: bytes, data: bytes) -> None:
        public.verify(untrusted_signature, MD5_SHA1.digest(data), *self._ARGUMENTS)


class _Ecdsa:
    """ECDSA over one hash; the curve is the key's."""

    def __init__(self, hash: hashes.HashAlgorithm) -> None:
        self._algorithm = ec.ECDSA(hash)

    def sign(self, private: Any, data: bytes) -> bytes:
        signature: bytes = private.sign(data, self._algorithm)
        return signature

    def verify(self, public: Any, untrusted_signature: bytes, data: bytes) -> None:
        public.verify(untrusted_signature, data, self._algorithm)


class _Plain:
    """EdDSA and ML-DSA (with the empty context): nothing to choose."""

    def sign(self, private: Any, data: bytes) -> bytes:
        signature: bytes = private.sign(data)
        return signature

    def verify(self, public: Any, untrusted_signature: bytes, data: bytes) -> None:
        public.verify(untrusted_signature, data)


def _pss(hash: hashes.HashAlgorithm) -> _Rsa:
    return _Rsa(padding.PSS(padding.MGF1(hash), hash.digest_size), hash)


def _pkcs1(hash: hashes.HashAlgorithm) -> _Rsa:
    return _Rsa(padding.PKCS1v15(), hash)


_S: Final = SignatureScheme
_V: Final = ProtocolVersion
_SHA1 = hashes.SHA1()  # noqa: S303 - TLS 1.2 and below, where the policy allows it
_SHA256 = hashes.SHA256()
_SHA384 = hashes.SHA384()
_SHA512 = hashes.SHA512()

_ALGORITHMS: dict[SignatureScheme, _Algorithm] = {
    _S.rsa_pss_rsae_sha256: _pss(_SHA256),
    _S.rsa_pss_rsae_sha384: _pss(_SHA384),
    _S.rsa_pss_rsae_sha512: _pss(_SHA512),
    _S.rsa_pss_pss_sha256: _pss(_SHA256),
    _S.rsa_pss_pss_sha384: _pss(_SHA384),
    _S.rsa_pss_pss_sha512: _pss(_SHA512),
    _S.rsa_pkcs1_sha256: _pkcs1(_SHA256),
    _S.rsa_pkcs1_sha384: _pkcs1(_SHA384),
    _S.rsa_pkcs1_sha512: _pkcs1(_SHA512),
    _S.rsa_pkcs1_sha1: _pkcs1(_SHA1),
    _S.rsa_pkcs1_md5_sha1: _RsaMd5Sha1(),
    _S.ecdsa_secp256r1_sha256: _Ecdsa(_SHA256),
    _S.ecdsa_secp384r1_sha384: _Ecdsa(_SHA384),
    _S.ecdsa_secp521r1_sha512: _Ecdsa(_SHA512),
    _S.ecdsa_sha1: _Ecdsa(_SHA1),
    _S.ed25519: _Plain(),
    _S.ed448: _Plain(),
    _S.mldsa44: _Plain(),
    _S.mldsa65: _Plain(),
    _S.mldsa87: _Plain(),
}

_PSS_RSAE = (_S.rsa_pss_rsae_sha256, _S.rsa_pss_rsae_sha384, _S.rsa_pss_rsae_sha512)
_PSS_PSS = (_S.rsa_pss_pss_sha256, _S.rsa_pss_pss_sha384, _S.rsa_pss_pss_sha512)
_PKCS1 = (_S.rsa_pkcs1_sha256, _S.rsa_pkcs1_sha384, _S.rsa_pkcs1_sha512, _S.rsa_pkcs1_sha1)
_ECDSA = (_S.ecdsa_secp256r1_sha256, _S.ecdsa_secp384r1_sha384, _S.ecdsa_secp521r1_sha512, _S.ecdsa_sha1)

_SCHEMES_13: dict[KeyKind, tuple[SignatureScheme, ...]] = {
    KeyKind.RSA: _PSS_RSAE,
    KeyKind.RSA_PSS: _PSS_PSS,
    KeyKind.P256: (_S.ecdsa_secp256r1_sha256,),
    KeyKind.P384: (_S.ecdsa_secp384r1_sha384,),
    KeyKind.P521: (_S.ecdsa_secp521r1_sha512,),
    KeyKind.ED25519: (_S.ed25519,),
    KeyKind.ED448: (_S.ed448,),
    KeyKind.MLDSA44: (_S.mldsa44,),
    KeyKind.MLDSA65: (_S.mldsa65,),
    KeyKind.MLDSA87: (_S.mldsa87,),
}
_SCHEMES_12: dict[KeyKind, tuple[SignatureScheme, ...]] = {
    KeyKind.RSA: _PSS_RSAE + _PKCS1,
    KeyKind.RSA_PSS: _PSS_PSS,
    KeyKind.P256: _ECDSA,
    KeyKind.P384: (_S.ecdsa_secp384r1_sha384, *(scheme for scheme in _ECDSA if scheme != _S.ecdsa_secp384r1_sha384)),
    KeyKind.P521: (_S.ecdsa_secp521r1_sha512, *(scheme for scheme in _ECDSA if scheme != _S.ecdsa_secp521r1_sha512)),
    KeyKind.ED25519: (_S.ed25519,),
    KeyKind.ED448: (_S.ed448,),
}
_SCHEMES_10: dict[KeyKind, tuple[SignatureScheme, ...]] = {
    KeyKind.RSA: (_S.rsa_pkcs1_md5_sha1,),
    KeyKind.P256: (_S.ecdsa_sha1,),
    KeyKind.P384: (_S.ecdsa_sha1,),
    KeyKind.P521: (_S.ecdsa_sha1,),
}
_SCHEMES = {_V.TLS_1_3: _SCHEMES_13, _V.TLS_1_2: _SCHEMES_12, _V.TLS_1_1: _SCHEMES_10, _V.TLS_1_0: _SCHEMES_10}

_PSS_DIGEST_SIZES = {
    scheme: size for schemes in (_PSS_RSAE, _PSS_PSS) for scheme, size in zip(schemes, (32, 48, 64), strict=True)
}


@cache
def _schemes_for(
    kind: KeyKind, version: ProtocolVersion, bits: int, only_hash: str | None
) -> tuple[SignatureScheme, ...]:
    schemes = _SCHEMES[version].get(kind, ())
    if kind in (KeyKind.RSA, KeyKind.RSA_PSS):
        schemes = tuple(scheme for scheme in schemes if _has_room(scheme, bits))
    if only_hash is not None:
        schemes = tuple(scheme for scheme in schemes if scheme.name.endswith(only_hash))
    return schemes


def _has_room(scheme: SignatureScheme, rsa_bits: int) -> bool:
    """Whether the padding fits into the key: for PSS digest, salt and 2 bytes (RFC 8017, section 9.1.1)."""
    return (rsa_bits + 6) // 8 >= 2 * _PSS_DIGEST_SIZES.get(scheme, 0) + 2


_CERTIFICATE_SCHEMES: Final = {
    SignatureAlgorithmOID.RSA_WITH_SHA1: _S.rsa_pkcs1_sha1,
    SignatureAlgorithmOID.RSA_WITH_SHA256: _S.rsa_pkcs1_sha256,
    SignatureAlgorithmOID.RSA_WITH_SHA384: _S.rsa_pkcs1_sha384,
    SignatureAlgorithmOID.RSA_WITH_SHA512: _S.rsa_pkcs1_sha512,
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: _S.ecdsa_sha1,
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: _S.ecdsa_secp256r1_sha256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: _S.ecdsa_secp384r1_sha384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: _S.ecdsa_secp521r1_sha512,
    SignatureAlgorithmOID.ED25519: _S.ed25519,
    SignatureAlgorithmOID.ED448: _S.ed448,
}
"""RSASSA-PSS and ML-DSA are left out: the one has several schemes for one OID, the other is told by its key alone."""


def chain_schemes(chain: Sequence[bytes]) -> frozenset[SignatureScheme]:
    """The schemes that certificates (DER) are signed with; a self-signed one counts for nothing (RFC 8446, 4.4.2.2).

    Raises ConfigError if one cannot be parsed.
    """
    found = set()
    for der in chain:
        try:
            certificate = x509.load_der_x509_certificate(der)
            if certificate.issuer != certificate.subject:
                found.add(_CERTIFICATE_SCHEMES.get(certificate.signature_algorithm_oid))
        except UNREADABLE as error:
            raise ConfigError(f"A certificate of the chain cannot be parsed: {error}.") from error
    return frozenset(scheme for scheme in found if scheme is not None)
