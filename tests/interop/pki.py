"""A small PKI for the tests: a root, an intermediate, and a leaf with every kind of key that TLS 1.3 can sign with."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GENERATORS: dict[str, Callable[[], CertificateIssuerPrivateKeyTypes]] = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-pss": lambda: rsa.generate_private_key(65537, 2048),
    "mldsa44": mldsa.MLDSA44PrivateKey.generate,
    "mldsa65": mldsa.MLDSA65PrivateKey.generate,
    "mldsa87": mldsa.MLDSA87PrivateKey.generate,
}
"""Each kind of key that a certificate of the tests may have."""

_LIFETIME = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Files:
    """A certificate with its chain and its key, as PEM files."""

    name: str
    certificate: Path
    """The leaf, then the intermediate."""
    intermediate: Path
    """The intermediate alone."""
    key: Path
    """PKCS #8, not encrypted."""


class Authority:
    """A root and an intermediate that issue for the tests, and the folder that everything is written to."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._root = _authority(f"{name} root", self._root_key, None, self._root_key)
        self._intermediate = _authority(f"{name} intermediate", self._key, self._root, self._root_key)

    @cached_property
    def root(self) -> Path:
        """The root as a PEM file."""
        path = self._folder / f"{self._name}-root.pem"
        path.write_bytes(_pem(self._root))
        return path

    def issue(self, kind: str, host: str = "localhost") -> Files:
        """A certificate for `host` (and the loopback addresses, if that is localhost), to be a server and a client."""
        key = GENERATORS[kind]()
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
        padding_of_key = padding.PSS if kind == "rsa-pss" else None
        leaf = (
            _builder(f"{kind} {host}", self._intermediate.subject, self._key.public_key())
            .public_key(key.public_key(), rsa_padding=padding_of_key)
            .add_extension(x509.SubjectAlternativeName(names), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(_key_usage(digital_signature=True, key_encipherment=kind == "rsa"), True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(self._key, hashes.SHA256())
        )
        return self._write(f"{self._name}-{kind}-{host}", kind, leaf, key)

    def vouch(self, files: Files) -> Path:
        """An OCSPResponse (RFC 6960) that says the certificate is good, as a DER file."""
        leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        now = datetime.datetime.now(datetime.UTC)
        response = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                leaf, self._intermediate, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, now, now + _LIFETIME, None, None
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, self._intermediate)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{files.name}.ocsp"
        path.write_bytes(response.public_bytes(serialization.Encoding.DER))
        return path

    def _write(self, name: str, kind: str, leaf: x509.Certificate, key: CertificateIssuerPrivateKeyTypes) -> Files:
        files = Files(name, *(self._folder / f"{name}{suffix}" for suffix in (".crt", ".intermediate", ".key")))
        files.certificate.write_bytes(_pem(leaf) + _pem(self._intermediate))
        files.intermediate.write_bytes(_pem(self._intermediate))
        files.key.write_bytes(_as_rsassa_pss(key) if kind == "rsa-pss" else _pkcs8(key))
        return files


class PKI:
    """What the tests have: an authority that is trusted, another that nobody trusts, and their certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder, "turtls")
        self.stranger = Authority(folder, "stranger")
        self._issued: dict[tuple[Authority, str, str], Files] = {}
        self._vouched: dict[Files, Path] = {}

    def files(self, kind: str = "p256", host: str = "localhost", *, trusted: bool = True) -> Files:
        """A certificate, made when it is first asked for."""
        authority = self.authority if trusted else self.stranger
        wanted = authority, kind, host
        if wanted not in self._issued:
            self._issued[wanted] = authority.issue(kind, host)
        return self._issued[wanted]

    def ocsp_response(self, kind: str = "p256") -> Path:
        """The authority's word that the certificate of that kind is not revoked, DER."""
        files = self.files(kind)
        if files not in self._vouched:
            self._vouched[files] = self.authority.vouch(files)
        return self._vouched[files]


def _authority(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate | None, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    issuer_name = issuer.subject if issuer else _name(name)
    return (
        _builder(name, issuer_name, issuer_key.public_key())
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(issuer_key, hashes.SHA256())
    )


def _builder(name: str, issuer: x509.Name, issuer_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(**allowed: bool) -> x509.KeyUsage:
    usages = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**dict.fromkeys(usages, False) | allowed)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pkcs8(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _as_rsassa_pss(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    """PKCS #8 with id-RSASSA-PSS (RFC 4055, section 1.2), which `cryptography` reads but does not write."""
    rsa_private_key = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    algorithm = _der(0x30, bytes.fromhex("06092a864886f70d01010a"))
    info = _der(0x30, _der(0x02, b"\0") + algorithm + _der(0x04, rsa_private_key))
    return b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(info) + b"-----END PRIVATE KEY-----\n"


def _der(tag: int, value: bytes) -> bytes:
    if len(value) < 0x80:
        return bytes([tag, len(value)]) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value
