"""Certificates for the tests of this room, made on the spot."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, PublicKeyAlgorithmOID

from turtls.crypto.keys import KeyKind
from turtls.crypto.rsassa_pss import AlgorithmIdentifier, RSASSAPSSParams, SubjectPublicKeyInfo

_SHA256 = hashes.SHA256()
ISSUER_KEY = ec.generate_private_key(ec.SECP256R1())

_MAKERS: dict[KeyKind, Any] = {
    KeyKind.RSA: lambda: rsa.generate_private_key(65537, 2048),
    KeyKind.RSA_PSS: lambda: rsa.generate_private_key(65537, 2048),
    KeyKind.P256: lambda: ec.generate_private_key(ec.SECP256R1()),
    KeyKind.P384: lambda: ec.generate_private_key(ec.SECP384R1()),
    KeyKind.P521: lambda: ec.generate_private_key(ec.SECP521R1()),
    KeyKind.ED25519: ed25519.Ed25519PrivateKey.generate,
    KeyKind.ED448: ed448.Ed448PrivateKey.generate,
    KeyKind.MLDSA44: mldsa.MLDSA44PrivateKey.generate,
    KeyKind.MLDSA65: mldsa.MLDSA65PrivateKey.generate,
    KeyKind.MLDSA87: mldsa.MLDSA87PrivateKey.generate,
}


@cache
def private_key(kind: KeyKind) -> Any:
    """One key of each kind for all tests."""
    return _MAKERS[kind]()


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(
    public_key: Any,
    extensions: Sequence[x509.ExtensionType] = (),
    *,
    subject: str = "subject",
    issuer: str = "issuer",
    signing_key: Any = ISSUER_KEY,
    signature_hash: hashes.SHA256 | hashes.SHA384 | hashes.SHA3_256 | None = _SHA256,
) -> bytes:
    """DER."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2026, 1, 1))
        .not_valid_after(datetime.datetime(2036, 1, 1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signing_key, signature_hash).public_bytes(Encoding.DER)


def certificate_of(kind: KeyKind) -> bytes:
    """DER."""
    der = certificate(private_key(kind).public_key())
    return as_rsassa_pss(der) if kind is KeyKind.RSA_PSS else der


@asn1.sequence
class TBSCertificate:
    version: Annotated[int, asn1.Explicit(0)]
    serial_number: int
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: asn1.TLV
    subject: asn1.TLV
    subject_public_key_info: asn1.TLV
    extensions: Annotated[list[asn1.TLV] | None, asn1.Explicit(3)]


@asn1.sequence
class Certificate:
    tbs_certificate: TBSCertificate
    signature_algorithm: asn1.TLV
    signature: asn1.BitString


def as_rsassa_pss(rsa_certificate: bytes, parameters: RSASSAPSSParams | None = None) -> bytes:
    """The library makes no RSASSA-PSS certificates: the algorithm is put into an RSA one, and spoils its signature."""
    parsed = asn1.decode_der(Certificate, rsa_certificate)
    key = x509.load_der_x509_certificate(rsa_certificate).public_key()
    spki = SubjectPublicKeyInfo(
        algorithm=AlgorithmIdentifier(algorithm=PublicKeyAlgorithmOID.RSASSA_PSS, parameters=parameters),
        subject_public_key=asn1.BitString(key.public_bytes(Encoding.DER, PublicFormat.PKCS1), 0),
    )
    parsed.tbs_certificate.subject_public_key_info = asn1.decode_der(asn1.TLV, asn1.encode_der(spki))
    return asn1.encode_der(parsed)
