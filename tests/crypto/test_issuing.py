from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from turtls.crypto import issuing, keys
from turtls.crypto.issuing import KeyType
from turtls.crypto.keys import KeyKind, PublicKey

KINDS = {
    KeyType.ECDSA: KeyKind.P256,
    KeyType.RSA: KeyKind.RSA,
    KeyType.ED25519: KeyKind.ED25519,
    KeyType.ML_DSA_65: KeyKind.MLDSA65,
}


def self_signed(key: keys.PrivateKey) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([]),
        subject_name=x509.Name([]),
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=now,
        not_valid_after=now + timedelta(days=1),
    )
    return issuing.sign(builder, key)


@pytest.mark.parametrize("key_type", KeyType)
def test_a_new_key_signs_certificates_and_can_be_kept(key_type: KeyType) -> None:
    key = issuing.generate_private_key(key_type)
    certificate = self_signed(key)
    certificate.verify_directly_issued_by(certificate)
    assert PublicKey.of(certificate).kind is KINDS[key_type]
    pem = issuing.private_key_pem(key)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert keys.same_public_key(PublicKey.of(certificate), keys.load_private_key(pem))


def test_no_two_keys_are_the_same() -> None:
    assert issuing.generate_private_key(KeyType.ECDSA) != issuing.generate_private_key(KeyType.ECDSA)


def test_rsa_keys_outlast_the_limit_of_2030() -> None:
    assert PublicKey.of(self_signed(issuing.generate_private_key(KeyType.RSA))).bits == 3072


@pytest.mark.parametrize("key_type", KeyType)
def test_only_rsa_encrypts(key_type: KeyType) -> None:
    assert issuing.can_encrypt(issuing.generate_private_key(key_type)) == (key_type is KeyType.RSA)


def test_pem_keeps_the_order_and_der_the_bytes() -> None:
    first, second = (self_signed(issuing.generate_private_key(KeyType.ECDSA)) for _ in range(2))
    expected = [issuing.certificate_der(first), issuing.certificate_der(second)]
    assert keys.load_certificates(issuing.certificate_pem(first, second)) == expected
