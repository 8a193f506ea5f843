from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto.certificates import as_rsassa_pss, certificate, certificate_of, private_key
from turtls.crypto import signatures
from turtls.crypto.hashes import MD5, SHA1
from turtls.crypto.keys import KeyKind, Leaf, PublicKey
from turtls.crypto.rsassa_pss import HashAlgorithm, RSASSAPSSParams
from turtls.errors import ConfigError, Fault, ProtocolError
from turtls.wire.registries import ProtocolVersion, SignatureScheme

V, S = ProtocolVersion, SignatureScheme
VERSIONS = (V.TLS_1_3, V.TLS_1_2, V.TLS_1_1, V.TLS_1_0)
DATA = b"what is signed"


def public_key(kind: KeyKind) -> PublicKey:
    return Leaf.parse(certificate_of(kind)).public_key


def sign(kind: KeyKind, scheme: SignatureScheme, data: bytes = DATA) -> bytes:
    return signatures.KeySigner(private_key(kind)).sign(scheme, data)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("kind", KeyKind)
def test_what_a_key_signs_it_verifies(kind: KeyKind, version: ProtocolVersion) -> None:
    for scheme in signatures.schemes_for(public_key(kind), version):
        signature = sign(kind, scheme)
        signatures.verify(scheme, public_key(kind), signature, DATA, version)
        for wrong_signature, wrong_data in (
            (signature, DATA + b"!"),
            (signature[:-1] + bytes((signature[-1] ^ 1,)), DATA),
            (signature[:-1], DATA),
            (signature + b"\0", DATA),
            (b"", DATA),
        ):
            with pytest.raises(ProtocolError) as caught:
                signatures.verify(scheme, public_key(kind), wrong_signature, wrong_data, version)
            assert caught.value.fault is Fault.BAD_SIGNATURE


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("kind", KeyKind)
def test_every_other_scheme_is_refused(kind: KeyKind, version: ProtocolVersion) -> None:
    allowed = signatures.schemes_for(public_key(kind), version)
    for scheme in (*(scheme for scheme in S.members() if scheme not in allowed), S(0x0A0A)):
        with pytest.raises(ProtocolError) as caught:
            signatures.verify(scheme, public_key(kind), b"signature", DATA, version)
        assert caught.value.fault is Fault.WRONG_SIGNATURE_SCHEME


def test_the_schemes_of_tls_13() -> None:
    """One hash for each curve, PSS for RSA, and the certificate's object identifier tells rsae from pss."""
    table = {kind: signatures.schemes_for(public_key(kind), V.TLS_1_3) for kind in KeyKind}
    assert table == {
        KeyKind.RSA: (S.rsa_pss_rsae_sha256, S.rsa_pss_rsae_sha384, S.rsa_pss_rsae_sha512),
        KeyKind.RSA_PSS: (S.rsa_pss_pss_sha256, S.rsa_pss_pss_sha384, S.rsa_pss_pss_sha512),
        KeyKind.P256: (S.ecdsa_secp256r1_sha256,),
        KeyKind.P384: (S.ecdsa_secp384r1_sha384,),
        KeyKind.P521: (S.ecdsa_secp521r1_sha512,),
        KeyKind.ED25519: (S.ed25519,),
        KeyKind.ED448: (S.ed448,),
        KeyKind.MLDSA44: (S.mldsa44,),
        KeyKind.MLDSA65: (S.mldsa65,),
        KeyKind.MLDSA87: (S.mldsa87,),
    }


def test_the_schemes_of_tls_12() -> None:
    """Any hash for any curve, the curve's own first; PKCS #1 too; no ML-DSA."""
    assert signatures.schemes_for(public_key(KeyKind.P384), V.TLS_1_2) == (
        S.ecdsa_secp384r1_sha384,
        S.ecdsa_secp256r1_sha256,
        S.ecdsa_secp521r1_sha512,
        S.ecdsa_sha1,
    )
    assert signatures.schemes_for(public_key(KeyKind.P521), V.TLS_1_2)[0] == S.ecdsa_secp521r1_sha512
    rsa_schemes = signatures.schemes_for(public_key(KeyKind.RSA), V.TLS_1_2)
    assert rsa_schemes[0] == S.rsa_pss_rsae_sha256
    assert rsa_schemes[-4:] == (S.rsa_pkcs1_sha256, S.rsa_pkcs1_sha384, S.rsa_pkcs1_sha512, S.rsa_pkcs1_sha1)
    assert signatures.schemes_for(public_key(KeyKind.MLDSA65), V.TLS_1_2) == ()


def test_the_schemes_of_tls_10_and_11() -> None:
    for version in (V.TLS_1_0, V.TLS_1_1):
        assert signatures.schemes_for(public_key(KeyKind.RSA), version) == (S.rsa_pkcs1_md5_sha1,)
        assert signatures.schemes_for(public_key(KeyKind.P256), version) == (S.ecdsa_sha1,)
        assert signatures.schemes_for(public_key(KeyKind.ED25519), version) == ()
        assert signatures.schemes_for(public_key(KeyKind.RSA_PSS), version) == ()


@pytest.mark.parametrize(("bits", "fits"), [(1024, False), (1032, False), (1040, True)])
def test_short_rsa_keys_have_no_room_for_pss_with_sha_512(bits: int, fits: bool) -> None:
    key = rsa.generate_private_key(65537, bits)
    leaf = Leaf.parse(certificate(key.public_key()))
    schemes = signatures.schemes_for(leaf.public_key, V.TLS_1_3)
    assert (S.rsa_pss_rsae_sha512 in schemes) is fits
    for scheme in schemes:
        signatures.verify(scheme, leaf.public_key, signatures.KeySigner(key).sign(scheme, DATA), DATA)


SHA384_OID, MD5_OID = "2.16.840.1.101.3.4.2.2", "1.2.840.113549.2.5"


def restricted_to(hash_oid: str | None) -> bytes:
    """A certificate of an RSASSA-PSS key whose parameters name a hash; None for SHA-1, which is not written down."""
    parameters = RSASSAPSSParams(
        hash_algorithm=HashAlgorithm(algorithm=x509.ObjectIdentifier(hash_oid), parameters=None) if hash_oid else None,
        mask_gen_algorithm=None,
        salt_length=None,
        trailer_field=None,
    )
    return as_rsassa_pss(certificate_of(KeyKind.RSA), parameters)


def test_an_rsassa_pss_key_may_be_restricted_to_one_hash() -> None:
    public_key = Leaf.parse(restricted_to(SHA384_OID)).public_key
    assert signatures.schemes_for(public_key, V.TLS_1_3) == (S.rsa_pss_pss_sha384,)
    with pytest.raises(ProtocolError) as caught:
        signatures.verify(S.rsa_pss_pss_sha256, public_key, sign(KeyKind.RSA, S.rsa_pss_pss_sha256), DATA)
    assert caught.value.fault is Fault.WRONG_SIGNATURE_SCHEME


@pytest.mark.parametrize("hash_oid", [None, MD5_OID])
def test_an_rsassa_pss_key_for_another_hash_is_not_supported(hash_oid: str | None) -> None:
    with pytest.raises(ProtocolError) as caught:
        Leaf.parse_untrusted(restricted_to(hash_oid))
    assert caught.value.fault is Fault.UNSUPPORTED_KEY


def test_the_salt_of_pss_is_as_long_as_the_hash() -> None:
    """RFC 8446, section 4.2.3."""
    other_salt = private_key(KeyKind.RSA).sign(DATA, padding.PSS(padding.MGF1(hashes.SHA256()), 20), hashes.SHA256())
    with pytest.raises(ProtocolError) as caught:
        signatures.verify(S.rsa_pss_rsae_sha256, public_key(KeyKind.RSA), other_salt, DATA)
    assert caught.value.fault is Fault.BAD_SIGNATURE


def test_md5_and_sha1_stand_bare_in_pkcs1() -> None:
    """RFC 4346, section 7.4.3: 36 bytes, and no DigestInfo around them."""
    recovered = public_key(KeyKind.RSA).key.recover_data_from_signature(
        sign(KeyKind.RSA, S.rsa_pkcs1_md5_sha1), padding.PKCS1v15(), None
    )
    assert recovered == MD5.digest(DATA) + SHA1.digest(DATA)


def test_signatures_are_those_of_the_library() -> None:
    private_key(KeyKind.P256).public_key().verify(
        sign(KeyKind.P256, S.ecdsa_secp256r1_sha256), DATA, ec.ECDSA(hashes.SHA256())
    )
    private_key(KeyKind.MLDSA65).public_key().verify(sign(KeyKind.MLDSA65, S.mldsa65), DATA, b"")


@given(
    kind=st.sampled_from(KeyKind),
    signature=st.binary(max_size=300),
    version=st.sampled_from([V.TLS_1_3, V.TLS_1_2]),
)
def test_junk_is_a_bad_signature(kind: KeyKind, signature: bytes, version: ProtocolVersion) -> None:
    for scheme in signatures.schemes_for(public_key(kind), version):
        with pytest.raises(ProtocolError) as caught:
            signatures.verify(scheme, public_key(kind), signature, DATA, version)
        assert caught.value.fault is Fault.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        (KeyKind.ED25519, S.rsa_pss_rsae_sha256),
        (KeyKind.RSA, S.ecdsa_secp256r1_sha256),
        (KeyKind.RSA, S.ed25519),
        (KeyKind.P256, S.mldsa44),
        (KeyKind.P256, S(0x0A0A)),
    ],
)
def test_a_signer_refuses_what_its_key_cannot(kind: KeyKind, scheme: SignatureScheme) -> None:
    with pytest.raises(ConfigError, match=r"cannot sign with"):
        sign(kind, scheme)
