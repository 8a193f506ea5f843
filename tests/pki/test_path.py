"""What both verifiers accept and refuse, and how they tell it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, mldsa, padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from tests.pki.chains import (
    DAY,
    NOW,
    Entity,
    authority,
    certificate,
    client_request,
    key_usage,
    new_key,
    server_request,
    signed_with_sha1,
    trusting,
)
from turtls.config import VerificationRequest
from turtls.errors import AlertDescription, ConfigError, Fault
from turtls.pki import CertificateError, PrivateVerifier, TrustStore, WebVerifier
from turtls.pki.limits import MAX_CHAIN_LENGTH

Verifier: TypeAlias = type[WebVerifier | PrivateVerifier]

ROOT = authority()
INTERMEDIATE = authority("Intermediate", ROOT)
LEAF = certificate("leaf", INTERMEDIATE, names=["a.example", "*.wild.example", "192.0.2.1", "2001:db8::1"])
UNKNOWN_EXTENSION = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


@pytest.fixture(params=[WebVerifier, PrivateVerifier])
def verifier(request: pytest.FixtureRequest) -> Verifier:
    chosen: Verifier = request.param
    return chosen


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def weak_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


def refusal(verifier: Verifier, store: TrustStore, request: VerificationRequest) -> CertificateError:
    with pytest.raises(CertificateError) as caught:
        verifier(store, cache=None).verify(request)
    return caught.value


def accept(verifier: Verifier, request: VerificationRequest, *anchors: Entity) -> tuple[bytes, ...]:
    return verifier(trusting(*(anchors or (ROOT,))), cache=None).verify(request).chain


# Sound chains, in all forms.


def test_the_proof_is_the_path(verifier: Verifier) -> None:
    verified = verifier(trusting(ROOT), cache=None).verify(server_request(LEAF, INTERMEDIATE))
    assert verified.chain == (LEAF.der, INTERMEDIATE.der, ROOT.der)
    assert verified.leaf.der == LEAF.der
    assert verified.trusted


def test_clients_have_no_name(verifier: Verifier) -> None:
    assert accept(verifier, client_request(LEAF, INTERMEDIATE)) == (LEAF.der, INTERMEDIATE.der, ROOT.der)


@pytest.mark.parametrize(
    "name", ["a.example", "A.EXAMPLE.", "x.wild.example", "x_y.wild.example", "192.0.2.1", "2001:db8::1"]
)
def test_names(verifier: Verifier, name: str) -> None:
    accept(verifier, server_request(LEAF, INTERMEDIATE, name=name))


def test_internationalised_names(verifier: Verifier) -> None:
    leaf = certificate("leaf", ROOT, names=["xn--bcher-kva.example"])
    accept(verifier, server_request(leaf, name="Bücher.example"))


def test_order_extras_and_duplicates_do_not_matter(verifier: Verifier) -> None:
    stranger = authority("Stranger")
    second = authority("Second", INTERMEDIATE)
    leaf = certificate("leaf", second)
    chain = accept(verifier, server_request(leaf, ROOT, stranger, INTERMEDIATE, leaf, second, second))
    assert chain == (leaf.der, second.der, INTERMEDIATE.der, ROOT.der)


def test_garbage_among_the_extras_does_not_matter(verifier: Verifier) -> None:
    accept(verifier, server_request(LEAF, b"garbage", INTERMEDIATE, b""))


def test_an_intermediate_may_be_an_anchor(verifier: Verifier) -> None:
    assert accept(verifier, server_request(LEAF), INTERMEDIATE) == (LEAF.der, INTERMEDIATE.der)


def test_a_path_round_an_expired_intermediate(verifier: Verifier) -> None:
    key = new_key()
    expired = authority("Twin", ROOT, key=key, not_before=NOW - 90 * DAY, days=30)
    valid = authority("Twin", ROOT, key=key)
    leaf = certificate("leaf", valid)
    for chain in ((leaf, expired, valid), (leaf, valid, expired)):
        assert accept(verifier, server_request(*chain)) == (leaf.der, valid.der, ROOT.der)


def test_a_path_over_a_cross_signed_root(verifier: Verifier) -> None:
    new_root = authority("New Root")
    crossed = authority("New Root", ROOT, key=new_root.key)
    leaf = certificate("leaf", new_root)
    assert accept(verifier, server_request(leaf, crossed)) == (leaf.der, crossed.der, ROOT.der)
    assert accept(verifier, server_request(leaf, new_root, crossed))[-1] == ROOT.der
    assert accept(verifier, server_request(leaf, crossed), new_root) == (leaf.der, new_root.der)


@pytest.mark.parametrize("days", [0, 90])
def test_both_ends_are_within_the_validity(verifier: Verifier, days: int) -> None:
    at = LEAF.certificate.not_valid_before_utc + days * DAY
    accept(verifier, server_request(LEAF, INTERMEDIATE, now=at.timestamp()))


def test_rsa_and_ml_dsa(verifier: Verifier, rsa_key: rsa.RSAPrivateKey) -> None:
    for key in (rsa_key, mldsa.MLDSA65PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())):
        root = authority(key=key)
        leaf = certificate("leaf", root, key=key)
        assert accept(verifier, server_request(leaf), root) == (leaf.der, root.der)


# Whom this side does not know.


def test_a_missing_intermediate(verifier: Verifier) -> None:
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(method, x509.UniformResourceIdentifier(f"http://ca.example/{file}"))
            for method, file in (
                (AuthorityInformationAccessOID.OCSP, "ocsp"),
                (AuthorityInformationAccessOID.CA_ISSUERS, "i.der"),
            )
        ]
    )
    leaf = certificate("leaf", INTERMEDIATE, extra=[(access, False)])
    error = refusal(verifier, trusting(ROOT), server_request(leaf))
    assert error.fault is Fault.UNTRUSTED
    assert error.alert is AlertDescription.UNKNOWN_CA
    assert error.culprit == leaf.certificate
    assert 'issued by "Intermediate"' in error.reason
    assert "http://ca.example/i.der" in error.advice


def test_an_unknown_root_that_was_not_sent(verifier: Verifier) -> None:
    error = refusal(verifier, trusting(authority("Other")), server_request(LEAF, INTERMEDIATE))
    assert error.fault is Fault.UNTRUSTED
    assert error.culprit == INTERMEDIATE.certificate
    assert 'issued by "Test Root"' in error.reason


def test_an_unknown_root_that_was_sent(verifier: Verifier) -> None:
    error = refusal(verifier, trusting(authority("Other")), server_request(LEAF, INTERMEDIATE, ROOT))
    assert error.fault is Fault.UNTRUSTED
    assert error.culprit == ROOT.certificate
    assert 'the root "Test Root", which is not in the store' in error.reason


def test_a_self_signed_leaf(verifier: Verifier) -> None:
    leaf = certificate("leaf")
    error = refusal(verifier, trusting(ROOT), server_request(leaf))
    assert error.fault is Fault.UNTRUSTED
    assert "self-signed" in error.reason
    assert error.culprit == leaf.certificate


def test_a_root_made_anew_under_its_old_name(verifier: Verifier) -> None:
    error = refusal(verifier, trusting(authority("Test Root")), server_request(LEAF, INTERMEDIATE))
    assert error.fault is Fault.UNTRUSTED
    assert "in the store has another key" in error.reason


def test_an_intermediate_of_the_right_name_with_another_key(verifier: Verifier) -> None:
    error = refusal(verifier, trusting(ROOT), server_request(LEAF, authority("Intermediate", ROOT)))
    assert error.fault is Fault.UNTRUSTED
    assert "in the chain has another key" in error.reason


def test_a_certificate_changed_after_it_was_signed(verifier: Verifier) -> None:
    changed = LEAF.der.replace(b"a.example", b"b.example")
    error = refusal(verifier, trusting(ROOT), server_request(changed, INTERMEDIATE, name="b.example"))
    assert error.fault is Fault.UNTRUSTED


# When.


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), 3 * DAY])
def test_an_expired_leaf(verifier: Verifier, ahead: timedelta) -> None:
    now = LEAF.certificate.not_valid_after_utc + ahead
    error = refusal(verifier, trusting(ROOT), server_request(LEAF, INTERMEDIATE, now=now.timestamp()))
    assert error.fault is Fault.EXPIRED
    assert error.alert is AlertDescription.CERTIFICATE_EXPIRED
    assert error.culprit == LEAF.certificate
    assert "expired on 2027-02-20 12:00 UTC" in error.reason
    assert ("3 days ago" in error.reason) == (ahead == 3 * DAY)
    assert error.time == now


def test_a_leaf_from_the_future(verifier: Verifier) -> None:
    leaf = certificate("leaf", INTERMEDIATE, not_before=NOW + DAY)
    error = refusal(verifier, trusting(ROOT), server_request(leaf, INTERMEDIATE))
    assert error.fault is Fault.EXPIRED
    assert "not valid before 2026-11-24" in error.reason
    assert "clock" in error.advice


@pytest.mark.parametrize("level", ["intermediate", "root"])
def test_an_expired_authority(verifier: Verifier, level: str) -> None:
    old: dict[str, Any] = {"not_before": NOW - 90 * DAY, "days": 60}
    root = authority(**(old if level == "root" else {}))
    intermediate = authority("Intermediate", root, **(old if level == "intermediate" else {}))
    leaf = certificate("leaf", intermediate)
    error = refusal(verifier, trusting(root), server_request(leaf, intermediate))
    assert error.fault is Fault.EXPIRED
    assert error.culprit == (root if level == "root" else intermediate).certificate


# For whom.


@pytest.mark.parametrize(
    "name",
    ["b.example", "x.a.example", "wild.example", "x.y.wild.example", "x_y.other.example", "192.0.2.2", "2001:db8::2"],
)
def test_a_wrong_name(verifier: Verifier, name: str) -> None:
    error = refusal(verifier, trusting(ROOT), server_request(LEAF, INTERMEDIATE, name=name))
    assert error.fault is Fault.WRONG_NAME
    assert error.culprit == LEAF.certificate
    assert f"is for a.example, *.wild.example, 192.0.2.1 and 1 more, not for {name}" in error.reason


@pytest.mark.parametrize("name", ["a.example", "a_b.example"])
@pytest.mark.parametrize("names", [[], [x509.RFC822Name("root@a.example")]])
def test_a_common_name_is_not_a_name(verifier: Verifier, names: list[str], name: str) -> None:
    error = refusal(verifier, trusting(ROOT), server_request(certificate(name, ROOT, names=names), name=name))
    assert error.fault is Fault.WRONG_NAME


def test_a_server_needs_a_name(verifier: Verifier) -> None:
    for name in (None, "not a name", ""):
        with pytest.raises(ConfigError):
            verifier(trusting(ROOT), cache=None).verify(server_request(LEAF, INTERMEDIATE, name=name))


@pytest.mark.parametrize("level", ["leaf", "intermediate", "root"])
def test_the_purpose_binds_all_below(verifier: Verifier, level: str) -> None:
    for asked, purpose, whom in (
        (server_request, ExtendedKeyUsageOID.CLIENT_AUTH, "servers"),
        (client_request, ExtendedKeyUsageOID.SERVER_AUTH, "clients"),
    ):
        only: dict[str, Any] = {"purposes": [purpose]}
        root = authority(**(only if level == "root" else {}))
        intermediate = authority("Intermediate", root, **(only if level == "intermediate" else {}))
        leaf = certificate("leaf", intermediate, **(only if level == "leaf" else {}))
        error = refusal(verifier, trusting(root), asked(leaf, intermediate))
        assert error.fault is Fault.BAD_CERTIFICATE
        assert f"is not for TLS {whom}" in error.reason
        other = server_request if asked is client_request else client_request
        accept(verifier, other(leaf, intermediate), root)


# Who may sign.


@pytest.mark.parametrize("basic", [None, x509.BasicConstraints(ca=False, path_length=None)])
def test_a_leaf_that_signs(verifier: Verifier, basic: x509.BasicConstraints | None) -> None:
    signer = certificate("signer", ROOT, basic=basic)
    error = refusal(verifier, trusting(ROOT), server_request(certificate("leaf", signer), signer))
    assert error.fault is Fault.BAD_CERTIFICATE
    assert "is not that of an authority" in error.reason
    assert error.culprit == signer.certificate


def test_an_authority_that_may_not_sign_certificates(verifier: Verifier) -> None:
    signer = authority("signer", ROOT, usage=key_usage("digital_signature", "crl_sign"))
    error = refusal(verifier, trusting(ROOT), server_request(certificate("leaf", signer), signer))
    assert error.fault is Fault.BAD_CERTIFICATE
    assert "keyUsage" in error.reason
    assert error.culprit == signer.certificate


def _path_of(lengths: list[int | None]) -> Iterator[Entity]:
    issuer = None
    for depth, length in enumerate(lengths):
        issuer = authority(f"Authority {depth}", issuer, basic=x509.BasicConstraints(ca=True, path_length=length))
        yield issuer


@pytest.mark.parametrize("lengths", [[0], [1, 0], [1, None], [2, 1, 0], [None, 0]])
def test_path_lengths_kept(verifier: Verifier, lengths: list[int | None]) -> None:
    root, *intermediates = _path_of(lengths)
    leaf = certificate("leaf", (root, *intermediates)[-1])
    accept(verifier, server_request(leaf, *intermediates), root)


@pytest.mark.parametrize("lengths", [[0, None], [1, None, None], [None, 0, None], [2, 0, 0]])
def test_path_lengths_exceeded(verifier: Verifier, lengths: list[int | None]) -> None:
    root, *intermediates = _path_of(lengths)
    leaf = certificate("leaf", intermediates[-1])
    error = refusal(verifier, trusting(root), server_request(leaf, *intermediates))
    assert error.fault is Fault.BAD_CERTIFICATE
    assert "pathLenConstraint" in error.reason


@pytest.mark.parametrize("level", ["leaf", "intermediate", "root"])
def test_unknown_critical_extensions(verifier: Verifier, level: str) -> None:
    def extra(here: str, *, critical: bool) -> list[tuple[x509.ExtensionType, bool]]:
        return [(UNKNOWN_EXTENSION, critical)] if here == level else []

    for critical in (False, True):
        root = authority(extra=extra("root", critical=critical))
        intermediate = authority("Intermediate", root, extra=extra("intermediate", critical=critical))
        leaf = certificate("leaf", intermediate, extra=extra("leaf", critical=critical))
        if not critical:
            accept(verifier, server_request(leaf, intermediate), root)
        else:
            error = refusal(verifier, trusting(root), server_request(leaf, intermediate))
            assert error.fault is Fault.BAD_CERTIFICATE
            assert "critical extension that is not known here: 1.2.3.4" in error.reason


# Keys and signatures.


def test_a_short_rsa_key(verifier: Verifier, weak_rsa_key: rsa.RSAPrivateKey) -> None:
    leaf = certificate("leaf", ROOT, key=weak_rsa_key)
    error = refusal(verifier, trusting(ROOT), server_request(leaf))
    assert error.fault is Fault.WEAK_KEY
    assert error.alert is AlertDescription.INSUFFICIENT_SECURITY
    assert "1024 bits" in error.reason
    assert error.culprit == leaf.certificate


@pytest.mark.parametrize("level", ["intermediate", "root"])
def test_an_authority_with_a_short_rsa_key(verifier: Verifier, weak_rsa_key: rsa.RSAPrivateKey, level: str) -> None:
    root = authority(key=weak_rsa_key if level == "root" else None)
    intermediate = authority("Intermediate", root, key=weak_rsa_key if level == "intermediate" else None)
    leaf = certificate("leaf", intermediate)
    error = refusal(verifier, trusting(root), server_request(leaf, intermediate))
    assert error.fault is Fault.WEAK_KEY
    assert error.culprit == (root if level == "root" else intermediate).certificate


def test_the_least_rsa_size_is_asked_for(verifier: Verifier, rsa_key: rsa.RSAPrivateKey) -> None:
    root = authority(key=rsa_key)
    leaf = certificate("leaf", root)
    accept(verifier, server_request(leaf, min_rsa_bits=2048), root)
    error = refusal(verifier, trusting(root), server_request(leaf, min_rsa_bits=3072))
    assert error.fault is Fault.WEAK_KEY


def test_a_shorter_rsa_key_where_asked_for(weak_rsa_key: rsa.RSAPrivateKey) -> None:
    leaf = certificate("leaf", ROOT, key=weak_rsa_key)
    accept(PrivateVerifier, server_request(leaf, min_rsa_bits=1024))


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP192R1()),
        ec.generate_private_key(ec.SECP256K1()),
        dsa.generate_private_key(1024),
    ],
    ids=["P-192", "secp256k1", "DSA"],
)
def test_kinds_of_key_that_are_not_used(verifier: Verifier, key: object) -> None:
    leaf = certificate("leaf", ROOT, key=key)
    error = refusal(verifier, trusting(ROOT), server_request(leaf))
    assert error.fault is Fault.UNSUPPORTED_KEY
    assert error.culprit == leaf.certificate

    intermediate = authority("Intermediate", ROOT, key=key)
    error = refusal(verifier, trusting(ROOT), server_request(certificate("leaf", intermediate), intermediate))
    assert error.fault is Fault.UNSUPPORTED_KEY
    assert error.culprit == intermediate.certificate


def test_a_signature_with_sha1(verifier: Verifier, rsa_key: rsa.RSAPrivateKey) -> None:
    root = authority(key=rsa_key)
    forgeable = signed_with_sha1(certificate("leaf", root), rsa_key)
    error = refusal(verifier, trusting(root), server_request(forgeable))
    assert error.fault is Fault.BAD_CERTIFICATE
    assert "sha1" in error.reason.lower()


def test_rsassa_pss(verifier: Verifier, rsa_key: rsa.RSAPrivateKey) -> None:
    root = authority(key=rsa_key)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size)
    leaf = certificate("leaf", root, rsa_padding=pss)
    accept(verifier, server_request(leaf), root)
    sha256 = bytes.fromhex("608648016503040201")
    assert leaf.der.count(sha256) == 4
    for another in ("04", "7f"):  # SHA-224, and a hash that nobody knows
        changed = leaf.der.replace(sha256, sha256[:-1] + bytes.fromhex(another))
        error = refusal(verifier, trusting(root), server_request(changed))
        assert error.fault is Fault.BAD_CERTIFICATE
        assert "is signed with" in error.reason


def test_how_a_root_signed_itself_does_not_matter(verifier: Verifier, rsa_key: rsa.RSAPrivateKey) -> None:
    root = authority(key=rsa_key)
    old_root = signed_with_sha1(root, rsa_key)
    leaf = certificate("leaf", root)
    verified = verifier(TrustStore.from_certificates([old_root]), cache=None).verify(server_request(leaf))
    assert verified.chain == (leaf.der, old_root)


# What is no chain at all.


def test_no_certificate(verifier: Verifier) -> None:
    assert refusal(verifier, trusting(ROOT), server_request()).fault is Fault.NO_CERTIFICATE


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"\x30\x80", LEAF.der[:-1], LEAF.der + b"\x00", b"\x30\x00"])
def test_a_leaf_that_cannot_be_read(verifier: Verifier, garbage: bytes) -> None:
    error = refusal(verifier, trusting(ROOT), server_request(garbage, INTERMEDIATE))
    assert error.fault is Fault.UNREADABLE_CERTIFICATE
    assert error.alert is AlertDescription.BAD_CERTIFICATE
    assert error.chain == (None, INTERMEDIATE.certificate)


def test_an_intermediate_that_cannot_be_read(verifier: Verifier) -> None:
    error = refusal(verifier, trusting(ROOT), server_request(LEAF, INTERMEDIATE.der[:-1]))
    assert error.fault is Fault.UNREADABLE_CERTIFICATE
    assert error.reason.startswith("Number 2 of its chain")


def test_a_duplicate_extension(verifier: Verifier) -> None:
    other = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.5"), b"\x05\x00")
    twins = certificate("leaf", ROOT, extra=[(UNKNOWN_EXTENSION, False), (other, False)])
    error = refusal(verifier, trusting(ROOT), server_request(twins.der.replace(b"\x2a\x03\x05", b"\x2a\x03\x04")))
    assert error.fault is Fault.UNREADABLE_CERTIFICATE


def test_too_many_certificates(verifier: Verifier) -> None:
    accept(verifier, server_request(LEAF, INTERMEDIATE, *[ROOT] * (MAX_CHAIN_LENGTH - 2)))
    error = refusal(verifier, trusting(ROOT), server_request(LEAF, INTERMEDIATE, *[ROOT] * (MAX_CHAIN_LENGTH - 1)))
    assert error.fault is Fault.CHAIN_TOO_LONG
