from __future__ import annotations

import hashlib
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto.certificates import certificate, certificate_of, private_key
from turtls.crypto import keys
from turtls.crypto.keys import KeyKind, Leaf
from turtls.errors import ConfigError, Fault, ProtocolError

P256_KEY = private_key(KeyKind.P256)
LEAF = certificate(P256_KEY.public_key(), subject="leaf", issuer="intermediate")
INTERMEDIATE = certificate(P256_KEY.public_key(), subject="intermediate", issuer="root")
ROOT = certificate(P256_KEY.public_key(), subject="root", issuer="root")
BAD_VERSION = LEAF.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03")
"""cryptography answers it with an exception that is no ValueError."""


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


class TestLeaf:
    @pytest.mark.parametrize("kind", KeyKind)
    def test_each_kind_of_key_is_told(self, kind: KeyKind) -> None:
        leaf = Leaf.parse(certificate_of(kind))
        assert leaf.public_key.kind is kind
        assert kind.value in repr(leaf)

    def test_names(self) -> None:
        alternative = x509.SubjectAlternativeName(
            [
                x509.DNSName("a.example"),
                x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
                x509.DNSName("*.b.example"),
                x509.RFC822Name("someone@example.org"),
                x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
            ]
        )
        leaf = Leaf.parse(certificate(P256_KEY.public_key(), [alternative]))
        assert leaf.dns_names == ("a.example", "*.b.example")
        assert leaf.ip_addresses == ("192.0.2.1", "2001:db8::1")

    def test_without_names(self) -> None:
        leaf = Leaf.parse(LEAF)
        assert leaf.dns_names == leaf.ip_addresses == ()
        assert leaf.der == LEAF
        assert leaf.certificate.subject.rfc4514_string() == "CN=leaf"

    @pytest.mark.parametrize("signing", [True, False])
    def test_key_usage(self, signing: bool) -> None:
        usage = x509.KeyUsage(signing, False, True, False, False, False, False, False, False)
        leaf = Leaf.parse(certificate(P256_KEY.public_key(), [usage]))
        assert leaf.key_usage_allows_signing is signing

    def test_no_key_usage_allows_all(self) -> None:
        assert Leaf.parse(LEAF).key_usage_allows_signing

    def test_the_same_bytes_are_read_once(self) -> None:
        assert Leaf.parse(LEAF) is Leaf.parse_untrusted(bytes(bytearray(LEAF)))

    def test_huge_certificates_are_not_kept(self) -> None:
        huge = certificate(P256_KEY.public_key(), [x509.SubjectAlternativeName([x509.DNSName("x" * 60)] * 400)])
        assert len(huge) > 16 * 1024
        assert Leaf.parse(huge) is not Leaf.parse(huge)

    @pytest.mark.parametrize("der", [b"", b"junk", LEAF[:-1], LEAF + b"\0", BAD_VERSION])
    def test_unreadable(self, der: bytes) -> None:
        with pytest.raises(ConfigError, match="cannot be parsed"):
            Leaf.parse(der)
        with pytest.raises(ProtocolError) as caught:
            Leaf.parse_untrusted(der)
        assert caught.value.fault is Fault.UNREADABLE_CERTIFICATE

    @pytest.mark.parametrize(
        "key",
        [
            dsa.generate_private_key(1024),
            ec.generate_private_key(ec.SECP192R1()),
            ec.generate_private_key(ec.SECP256K1()),
            x25519.X25519PrivateKey.generate(),
        ],
        ids=["DSA", "P-192", "secp256k1", "X25519"],
    )
    def test_keys_that_tls_does_not_use(self, key: dsa.DSAPrivateKey) -> None:
        der = certificate(key.public_key())
        with pytest.raises(ConfigError, match="cannot use the key"):
            Leaf.parse(der)
        with pytest.raises(ProtocolError) as caught:
            Leaf.parse_untrusted(der)
        assert caught.value.fault is Fault.UNSUPPORTED_KEY

    def test_rsa_keys_can_be_too_large(self) -> None:
        numbers = rsa.RSAPublicNumbers(65537, (1 << 9000) + 1)
        with pytest.raises(ProtocolError, match="9001 bits") as caught:
            Leaf.parse_untrusted(certificate(numbers.public_key()))
        assert caught.value.fault is Fault.UNSUPPORTED_KEY

    def test_a_broken_extension_makes_it_unreadable(self) -> None:
        not_a_san = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x03\x82\x05a")
        with pytest.raises(ProtocolError) as caught:
            Leaf.parse_untrusted(certificate(P256_KEY.public_key(), [not_a_san]))
        assert caught.value.fault is Fault.UNREADABLE_CERTIFICATE

    @given(place=st.integers(0, len(LEAF) - 1), change=st.integers(1, 255))
    def test_any_change_of_a_byte_is_read_or_refused(self, place: int, change: int) -> None:
        der = bytearray(LEAF)
        der[place] ^= change
        faults = set()
        try:
            Leaf.parse_untrusted(bytes(der))
        except ProtocolError as error:
            faults.add(error.fault)
        assert faults <= {Fault.UNREADABLE_CERTIFICATE, Fault.UNSUPPORTED_KEY}


class TestEndPointDigest:
    """RFC 5929, section 4.1."""

    @pytest.mark.parametrize(
        ("signature_hash", "name"),
        [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA3_256(), "sha3_256")],
    )
    def test_the_hash_of_the_signature(
        self, signature_hash: hashes.SHA256 | hashes.SHA384 | hashes.SHA3_256, name: str
    ) -> None:
        leaf = Leaf.parse(certificate(P256_KEY.public_key(), signature_hash=signature_hash))
        assert leaf.end_point_digest == hashlib.new(name, leaf.der).digest()

    def test_sha_1_is_never_used(self) -> None:
        sha256_with_rsa, sha1_with_rsa = (
            bytes.fromhex("06092a864886f70d01010b"),
            bytes.fromhex("06092a864886f70d010105"),
        )
        der = certificate(P256_KEY.public_key(), signing_key=private_key(KeyKind.RSA))
        der = der.replace(sha256_with_rsa, sha1_with_rsa)
        assert Leaf.parse(der).end_point_digest == hashlib.sha256(der).digest()

    def test_signatures_without_a_hash_or_unknown_fall_back_on_sha_256(self) -> None:
        der = certificate(P256_KEY.public_key(), signing_key=private_key(KeyKind.ED25519), signature_hash=None)
        assert Leaf.parse(der).end_point_digest == hashlib.sha256(der).digest()
        unknown = der.replace(bytes.fromhex("06032b6570"), bytes.fromhex("06032b657f"))
        assert Leaf.parse(unknown).end_point_digest == hashlib.sha256(unknown).digest()


class TestStrength:
    def test_short_rsa_is_weak(self) -> None:
        public_key = Leaf.parse(certificate_of(KeyKind.RSA)).public_key
        keys.check_strength(public_key, 2048)
        with pytest.raises(ProtocolError, match="2048 bits; at least 3072") as caught:
            keys.check_strength(public_key, 3072)
        assert caught.value.fault is Fault.WEAK_KEY

    def test_rsa_pss_is_rsa(self) -> None:
        with pytest.raises(ProtocolError):
            keys.check_strength(Leaf.parse(certificate_of(KeyKind.RSA_PSS)).public_key, 3072)

    def test_other_kinds_have_no_bits_to_count(self) -> None:
        for kind in set(KeyKind) - {KeyKind.RSA, KeyKind.RSA_PSS}:
            keys.check_strength(Leaf.parse(certificate_of(kind)).public_key, 8192)


class TestLoadCertificates:
    def test_a_bundle_in_its_order_with_text_between(self) -> None:
        bundle = b"subject=leaf\n" + pem(LEAF) + b"\nissuer:\n\n" + pem(INTERMEDIATE) + pem(ROOT)
        assert keys.load_certificates(bundle) == [LEAF, INTERMEDIATE, ROOT]

    def test_the_key_beside_them_is_passed_over(self) -> None:
        key = P256_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        assert keys.load_certificates(key + pem(LEAF)) == [LEAF]

    def test_der(self) -> None:
        assert keys.load_certificates(LEAF) == [LEAF]

    @pytest.mark.parametrize(
        "data", [b"", b"junk", pem(LEAF)[:200], LEAF[:-1], b"-----BEGIN CERTIFICATE-----\n!", BAD_VERSION]
    )
    def test_what_is_none(self, data: bytes) -> None:
        with pytest.raises(ConfigError, match="no certificate"):
            keys.load_certificates(data)


FORMATS = [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]


class TestLoadPrivateKey:
    @pytest.mark.parametrize("kind", KeyKind)
    @pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
    def test_each_kind(self, kind: KeyKind, encoding: Encoding) -> None:
        key = private_key(kind)
        loaded = keys.load_private_key(key.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption()))
        assert keys.same_public_key(Leaf.parse(certificate_of(kind)).public_key, loaded)

    @pytest.mark.parametrize("kind", [KeyKind.RSA, KeyKind.P256])
    @pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
    def test_pkcs1_and_sec1(self, kind: KeyKind, encoding: Encoding) -> None:
        key = private_key(kind)
        data = key.private_bytes(encoding, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        loaded = keys.load_private_key(data)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        assert isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        assert loaded.private_numbers() == key.private_numbers()

    def test_beside_certificates_and_parameters(self) -> None:
        key = P256_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        loaded = keys.load_private_key(pem(LEAF) + parameters + key)
        assert keys.same_public_key(Leaf.parse(LEAF).public_key, loaded)

    @pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
    def test_encrypted(self, encoding: Encoding) -> None:
        data = P256_KEY.private_bytes(encoding, PrivateFormat.PKCS8, BestAvailableEncryption("pässword".encode()))
        for password in ("pässword", "pässword".encode()):
            assert keys.load_private_key(data, password).public_key() == P256_KEY.public_key()
        for nothing in (None, "", b""):
            with pytest.raises(ConfigError, match="encrypted: pass password="):
                keys.load_private_key(data, nothing)
        with pytest.raises(ConfigError, match="Is the password right"):
            keys.load_private_key(data, "wrong")

    def test_encrypted_pem_of_old(self) -> None:
        data = P256_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"pw"))
        assert keys.load_private_key(data, "pw").public_key() == P256_KEY.public_key()
        with pytest.raises(ConfigError, match="encrypted: pass password="):
            keys.load_private_key(data)

    @pytest.mark.parametrize("algorithm", ["AES-256-CBC", "DES-EDE3-CBC"])
    def test_an_iv_that_is_too_short(self, algorithm: str) -> None:
        key = f"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: {algorithm},FFC2E735340CE0\n\n"
        for password in (None, "pw"):
            with pytest.raises(ConfigError, match="IV in its DEK-Info is too short"):
                keys.load_private_key(f"{key}Px+n\n-----END EC PRIVATE KEY-----\n".encode(), password)

    def test_a_password_too_many_does_no_harm(self) -> None:
        data = P256_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        assert keys.load_private_key(data, "unneeded").public_key() == P256_KEY.public_key()

    @pytest.mark.parametrize("data", [b"", b"junk", pem(LEAF), b"-----BEGIN PRIVATE KEY-----\n!"])
    def test_what_is_none(self, data: bytes) -> None:
        with pytest.raises(ConfigError, match="cannot be read"):
            keys.load_private_key(data)

    def test_keys_that_cannot_sign(self) -> None:
        key = x25519.X25519PrivateKey.generate()
        with pytest.raises(ConfigError, match="X25519"):
            keys.load_private_key(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


class TestPkcs12:
    def bag(self, password: bytes | None, others: list[bytes]) -> bytes:
        return pkcs12.serialize_key_and_certificates(
            b"name",
            P256_KEY,
            x509.load_der_x509_certificate(LEAF),
            [x509.load_der_x509_certificate(other) for other in others],
            BestAvailableEncryption(password) if password else NoEncryption(),
        )

    @pytest.mark.parametrize("password", [None, b"secret"])
    def test_the_chain_comes_in_order(self, password: bytes | None) -> None:
        unrelated = certificate(P256_KEY.public_key(), subject="unrelated")
        key, chain = keys.load_pkcs12(self.bag(password, [ROOT, unrelated, INTERMEDIATE]), password)
        assert chain == [LEAF, INTERMEDIATE, ROOT]
        assert keys.same_public_key(Leaf.parse(chain[0]).public_key, key)

    def test_a_leaf_alone(self) -> None:
        assert keys.load_pkcs12(self.bag(b"pw", []), "pw")[1] == [LEAF]

    def test_a_wrong_password_or_junk(self) -> None:
        for data, password in ((self.bag(b"pw", []), "wrong"), (self.bag(b"pw", []), None), (b"junk", None)):
            with pytest.raises(ConfigError, match="password="):
                keys.load_pkcs12(data, password)

    def test_without_a_key(self) -> None:
        data = pkcs12.serialize_key_and_certificates(
            None, None, None, [x509.load_der_x509_certificate(ROOT)], NoEncryption()
        )
        with pytest.raises(ConfigError, match="does not hold a private key"):
            keys.load_pkcs12(data)


def test_another_key_is_not_the_same() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert not keys.same_public_key(Leaf.parse(LEAF).public_key, other)
    assert not keys.same_public_key(Leaf.parse(LEAF).public_key, private_key(KeyKind.RSA))
