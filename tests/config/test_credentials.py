"""Certificates with what signs for them: from files and memory, each with its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from tests.pki.chains import authority, certificate, new_key
from turtls.config import Credential
from turtls.config.credentials import CredentialIndex, prefer_issuers
from turtls.errors import ConfigError
from turtls.wire.registries import ProtocolVersion, SignatureScheme

ROOT = authority()
KEY = new_key()
LEAF = certificate("leaf", ROOT, key=KEY, names=("a.example",))
KEY_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
KEY_DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
LOCKED_KEY = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
CHAIN_PEM = LEAF.pem + ROOT.pem
P12 = pkcs12.serialize_key_and_certificates(
    b"name", KEY, LEAF.certificate, [ROOT.certificate], BestAvailableEncryption(b"secret")
)


@pytest.mark.parametrize(("chain", "key"), [(CHAIN_PEM, KEY_PEM), (CHAIN_PEM, KEY_DER), (CHAIN_PEM + KEY_PEM, None)])
def test_from_memory_and_from_files(tmp_path: Path, chain: bytes, key: bytes | None) -> None:
    chain_path, key_path = tmp_path / "chain", tmp_path / "key"
    chain_path.write_bytes(chain)
    if key is not None:
        key_path.write_bytes(key)
    in_memory = Credential.load(chain, key)
    in_files = Credential.load(chain_path, key_path if key is not None else None)
    by_name = Credential.load(str(chain_path), str(key_path) if key is not None else None)
    for credential in (in_memory, in_files, by_name):
        assert credential.chain == (LEAF.der, ROOT.der)
        assert credential.leaf.dns_names == ("a.example",)
        assert credential.issuers == {ROOT.certificate.subject.public_bytes()}
        signature = credential.signer.sign(SignatureScheme.ecdsa_secp256r1_sha256, b"data")
        assert isinstance(signature, bytes)


def test_from_der() -> None:
    assert Credential.load(LEAF.der, KEY_DER).chain == (LEAF.der,)


@pytest.mark.parametrize("password", ["secret", b"secret"])
def test_behind_a_password(tmp_path: Path, password: str | bytes) -> None:
    assert Credential.load(CHAIN_PEM, LOCKED_KEY, password=password, ocsp_response=b"staple").ocsp_response == b"staple"
    path = tmp_path / "credential.p12"
    path.write_bytes(P12)
    for source in (P12, path, str(path)):
        assert Credential.from_pkcs12(source, password).chain == (LEAF.der, ROOT.der)


@pytest.mark.parametrize("password", [None, "wrong"])
def test_without_the_password(password: str | None) -> None:
    with pytest.raises(ConfigError):
        Credential.load(CHAIN_PEM, LOCKED_KEY, password=password)
    with pytest.raises(ConfigError):
        Credential.from_pkcs12(P12, password)


def test_a_key_of_another_certificate() -> None:
    other = new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ConfigError, match="does not belong"):
        Credential.load(CHAIN_PEM, other)
    with pytest.raises(ConfigError, match="does not belong"):
        Credential.load(ROOT.pem + LEAF.pem, KEY_PEM)  # the leaf comes first


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Credential.load(tmp_path / "nowhere.pem", KEY_PEM)
    with pytest.raises(ConfigError, match="Is a directory"):
        Credential.load(CHAIN_PEM, tmp_path)


@pytest.mark.parametrize("nonsense", [b"", b"nonsense", CHAIN_PEM[:100], KEY_PEM])
def test_what_is_no_certificate(nonsense: bytes) -> None:
    with pytest.raises(ConfigError):
        Credential.load(nonsense, KEY_PEM)


def test_a_chain_must_be_there_and_readable() -> None:
    signer = Credential.load(CHAIN_PEM, KEY_PEM).signer
    with pytest.raises(ConfigError, match="at least one"):
        Credential((), signer)
    with pytest.raises(ConfigError):
        Credential((b"nonsense",), signer)
    with pytest.raises(ConfigError, match="chain"):
        Credential((LEAF.der, b"nonsense"), signer)


def test_an_rsa_key_may_decrypt_and_others_may_not() -> None:
    class OnlySigns:
        def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
            raise NotImplementedError

    class Decrypts(OnlySigns):
        def decrypt(self, untrusted_ciphertext: bytes) -> bytes:
            return untrusted_ciphertext[::-1]

    assert Credential((LEAF.der,), Decrypts()).decrypt(b"abc") == b"cba"
    with pytest.raises(ConfigError, match="cannot decrypt"):
        Credential((LEAF.der,), OnlySigns()).decrypt(b"abc")


P256, P384 = SignatureScheme.ecdsa_secp256r1_sha256, SignatureScheme.ecdsa_secp384r1_sha384


def test_the_schemes_of_a_key() -> None:
    credential = Credential.load(CHAIN_PEM, KEY_PEM)
    tls13, tls12 = ProtocolVersion.TLS_1_3, ProtocolVersion.TLS_1_2
    assert credential.schemes(tls13, (P256, P384)) == (P256,)
    assert credential.schemes(tls12, (P384, P256)) == (P256, P384)
    assert credential.schemes(tls12, (P384,)) == (P384,)
    assert credential.schemes(ProtocolVersion.TLS_1_1, ()) == (SignatureScheme.ecdsa_sha1,)
    told = Credential(credential.chain, credential.signer, signature_schemes=(P384, P256))
    assert told.schemes(tls12, ()) == (P384, P256)
    assert told.schemes(tls13, ()) == (P256,)


def test_listed_issuers_come_first() -> None:
    other_root = authority("Other Root")
    key = ec.generate_private_key(ec.SECP256R1())
    signer = Credential.load(CHAIN_PEM, KEY_PEM).signer
    one = Credential((LEAF.der,), signer)
    other = Credential((certificate("b", other_root, key=key).der,), signer)
    listed = [other_root.certificate.subject.public_bytes()]
    assert prefer_issuers((one, other), listed) == [other, one]
    assert prefer_issuers((one, other), ()) == [one, other]


def test_an_index_finds_the_same_at_any_size() -> None:
    signer = Credential.load(CHAIN_PEM, KEY_PEM).signer

    def named(*names: str) -> Credential:
        return Credential((certificate(names[0], names=names, key=KEY).der,), signer)

    a, b, wild = named("a.example", "A2.example"), named("b.example", "a.example"), named("*.example")
    index = CredentialIndex((a, b, wild))
    assert index.candidates("a.example") == [a, b, wild]
    assert index.candidates("a2.example") == [a, wild]
    assert index.candidates("c.example") == [wild]
    for unknown in ("example", "x.c.example", "", None):
        assert tuple(index.candidates(unknown)) == (a, b, wild)
    assert CredentialIndex(()).candidates("a.example") == ()


def test_a_credential_is_itself_and_no_other() -> None:
    """It is a key of caches: two with the same chain may sign differently."""
    one, other = (Credential.load(CHAIN_PEM, KEY_PEM) for _ in range(2))
    assert one != other
    assert len({one, other, one}) == 2


def test_certificates_with_names_outside_of_ascii_are_found_by_their_a_labels() -> None:
    name = x509.DNSName("xn--bcher-kva.example")
    own = Credential((certificate("b", names=(name,), key=KEY).der,), Credential.load(CHAIN_PEM, KEY_PEM).signer)
    assert CredentialIndex((own, own)).candidates("xn--bcher-kva.example") == [own, own]


def test_a_file_that_is_at_fault_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_bytes(LEAF.pem)
    bad.write_text("nothing")
    for files in ((bad, bad), (good, bad), (bad, None)):
        with pytest.raises(ConfigError, match=r"bad\.pem: "):
            Credential.load(*files)
    with pytest.raises(ConfigError, match=r"bad\.pem: "):
        Credential.from_pkcs12(bad)
    with pytest.raises(ConfigError, match=r"^Found no"):
        Credential.load(b"nothing")
    with pytest.raises(ConfigError, match=r"^Cannot read"):
        Credential.load(tmp_path / "missing.pem")
