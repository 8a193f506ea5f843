"""The certificates all contenders use: a root, an intermediate, a server's and a client's, of one kind of key."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from benchmarks.contenders.cases import KeyType

NAME = "localhost"
"""The server's, which the client checks."""

_FOLDER = TemporaryDirectory(prefix="turtls-bench-")
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files. Chains begin with the leaf, and end with the intermediate."""

    root: Path
    server_chain: Path
    server_key: Path
    client_chain: Path
    client_key: Path


@dataclass(frozen=True, slots=True)
class _Issuer:
    certificate: x509.Certificate
    key: PrivateKey


def _new_key(kind: KeyType) -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else rsa.generate_private_key(65537, 2048)


@cache
def files(kind: KeyType) -> Files:
    """Those with ECDSA keys on P-256, or with RSA keys of 2048 bits; all of a chain are of one kind."""
    folder = Path(_FOLDER.name)
    root_key, intermediate_key = _new_key(kind), _new_key(kind)
    root = _authority("Bench Root", root_key, None)
    intermediate = _authority("Bench Intermediate", intermediate_key, _Issuer(root, root_key))
    issuer = _Issuer(intermediate, intermediate_key)
    root_file = folder / f"{kind}-root.pem"
    root_file.write_bytes(root.public_bytes(Encoding.PEM))
    server = _write_leaf(folder, f"{kind}-server", kind, NAME, ExtendedKeyUsageOID.SERVER_AUTH, issuer)
    client = _write_leaf(folder, f"{kind}-client", kind, "client.example", ExtendedKeyUsageOID.CLIENT_AUTH, issuer)
    return Files(root_file, *server, *client)


def other_credentials(count: int) -> list[tuple[bytes, bytes]]:
    """Chain and key in PEM of so many other servers, each with a name and an issuer of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    credentials = []
    for number in range(count):
        issuer = _Issuer(_authority(f"Other Root {number}", key, None), key)
        leaf = leaf_certificate(f"other{number}.example", key, ExtendedKeyUsageOID.SERVER_AUTH, issuer)
        chain = leaf.public_bytes(Encoding.PEM) + issuer.certificate.public_bytes(Encoding.PEM)
        credentials.append((chain, key_pem))
    return credentials


def _write_leaf(
    folder: Path, stem: str, kind: KeyType, name: str, usage: x509.ObjectIdentifier, issuer: _Issuer
) -> tuple[Path, Path]:
    key = _new_key(kind)
    leaf = leaf_certificate(name, key, usage, issuer)
    chain, key_file = folder / f"{stem}.pem", folder / f"{stem}-key.pem"
    chain.write_bytes(leaf.public_bytes(Encoding.PEM) + issuer.certificate.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, key_file


def _authority(name: str, key: PrivateKey, issuer: _Issuer | None) -> x509.Certificate:
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    builder = (
        _builder(name, key, issuer)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder.sign(issuer.key if issuer else key, hashes.SHA256())


def leaf_certificate(name: str, key: PrivateKey, usage: x509.ObjectIdentifier, issuer: _Issuer) -> x509.Certificate:
    """A certificate for `name`, to be used as a server's or a client's."""
    builder = (
        _builder(name, key, issuer)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    return builder.sign(issuer.key, hashes.SHA256())


def _builder(name: str, key: PrivateKey, issuer: _Issuer | None) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_key = issuer.key if issuer else key
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
