"""Certificates for the tests: by default such as the public web's profile accepts, each rule broken on demand."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from turtls.config import Role, VerificationRequest
from turtls.pki import TrustStore

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)

_HASH_INSIDE = (
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    mldsa.MLDSA44PrivateKey,
    mldsa.MLDSA65PrivateKey,
    mldsa.MLDSA87PrivateKey,
)

SERVER_AND_CLIENT = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)

DEFAULT: Any = object()


@dataclass(frozen=True)
class Entity:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def distinguished_name(common_name: str | None = None, **parts: str) -> x509.Name:
    attributes = [x509.NameAttribute(getattr(NameOID, oid), value) for oid, value in parts.items()]
    if common_name is not None:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def key_usage(*uses: str) -> x509.KeyUsage:
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    )
    return x509.KeyUsage(**{use: use in uses for use in every.split()})


def general_names(texts: Iterable[str | x509.GeneralName]) -> list[x509.GeneralName]:
    return [_general_name(text) if isinstance(text, str) else text for text in texts]


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def authority(name: str = "Test Root", issuer: Entity | None = None, **changes: Any) -> Entity:
    """A root, or an intermediate where there is an issuer."""
    options: dict[str, Any] = {
        "basic": x509.BasicConstraints(ca=True, path_length=None),
        "usage": key_usage("key_cert_sign", "crl_sign", "digital_signature"),
        "names": (),
        "purposes": (),
        "days": 3650,
    }
    return certificate(name, issuer, **(options | changes))


def certificate(
    subject: str | x509.Name | None = "leaf",
    issuer: Entity | None = None,
    *,
    key: Any = None,
    rsa_padding: padding.PSS | None = None,
    names: Sequence[str | x509.GeneralName] = ("a.example",),
    names_critical: bool | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = SERVER_AND_CLIENT,
    usage: x509.KeyUsage | None = DEFAULT,
    basic: x509.BasicConstraints | None = DEFAULT,
    constraints: x509.NameConstraints | None = None,
    identifiers: bool = True,
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    not_before: datetime = NOW - DAY,
    days: int = 90,
) -> Entity:
    """A certificate for `names`; self-signed without an issuer. Each extension can be changed or left out."""
    key = key or new_key()
    name = subject if isinstance(subject, x509.Name) else distinguished_name(subject)
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .serial_number(x509.random_serial_number())
        .public_key(key.public_key())
        .not_valid_before(not_before)
        .not_valid_after(not_before + days * DAY)
    )
    basic = x509.BasicConstraints(ca=False, path_length=None) if basic is DEFAULT else basic
    usage = key_usage("digital_signature", "key_encipherment") if usage is DEFAULT else usage
    extensions: list[tuple[x509.ExtensionType | None, bool]] = [
        (basic, True),
        (usage, True),
        (x509.ExtendedKeyUsage(purposes) if purposes else None, False),
        (constraints, True),
        *extra,
    ]
    if names:
        critical = not name.rdns if names_critical is None else names_critical
        extensions.append((x509.SubjectAlternativeName(general_names(names)), critical))
    if identifiers:
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False))
    for extension, is_critical in extensions:
        if extension is not None:
            builder = builder.add_extension(extension, is_critical)
    algorithm = None if isinstance(signer, _HASH_INSIDE) else hashes.SHA256()
    return Entity(builder.sign(signer, algorithm, rsa_padding=rsa_padding), key)


def constrained(
    permitted: Iterable[str | x509.GeneralName] = (), excluded: Iterable[str | x509.GeneralName] = ()
) -> x509.NameConstraints:
    """Name constraints; text stands for a DNS domain, or for a network where it has a slash."""
    return x509.NameConstraints(_subtrees(permitted), _subtrees(excluded))


def _subtrees(texts: Iterable[str | x509.GeneralName]) -> list[x509.GeneralName] | None:
    return [_subtree(text) if isinstance(text, str) else text for text in texts] or None


def _subtree(text: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_network(text)) if "/" in text else x509.DNSName(text)


def trusting(*anchors: Entity) -> TrustStore:
    return TrustStore.from_certificates([anchor.der for anchor in anchors], name="the test's store")


def server_request(*chain: Entity | bytes, name: str | None = "a.example", **changes: Any) -> VerificationRequest:
    return _request(Role.SERVER, chain, server_name=name, **changes)


def client_request(*chain: Entity | bytes, **changes: Any) -> VerificationRequest:
    return _request(Role.CLIENT, chain, server_name=None, **changes)


def _request(role: Role, chain: Sequence[Entity | bytes], **changes: Any) -> VerificationRequest:
    ders = tuple(link if isinstance(link, bytes) else link.der for link in chain)
    return VerificationRequest(role=role, untrusted_chain=ders, **({"now": NOW.timestamp()} | changes))


def signed_with_sha1(entity: Entity, issuer_key: rsa.RSAPrivateKey) -> bytes:
    """The certificate (DER; signed with RSA and SHA-256) as if it had been signed with SHA-1."""
    sha256, sha1 = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("0b", "05"))
    to_be_signed = entity.certificate.tbs_certificate_bytes.replace(sha256, sha1)
    signature = issuer_key.sign(to_be_signed, padding.PKCS1v15(), hashes.SHA1())
    algorithm = _der(0x30, sha1 + b"\x05\x00")
    return _der(0x30, to_be_signed + algorithm + _der(0x03, b"\x00" + signature))


def _der(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content
