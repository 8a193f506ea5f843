"""What private authorities really issue, and the public web's rules do not allow."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, mldsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.pki.chains import (
    DAY,
    NOW,
    Entity,
    authority,
    certificate,
    client_request,
    distinguished_name,
    key_usage,
    new_key,
    server_request,
    trusting,
)
from turtls.errors import Fault
from turtls.pki import CertificateError, PrivateVerifier, WebVerifier

BARE_ROOT = authority(identifiers=False, usage=None)
SPLIT_KEY = new_key()
POLICIES = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)])
AS_AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)

LENIENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no authorityKeyIdentifier": ({}, {"identifiers": False}),
    "no keyUsage": ({"usage": None}, {}),
    "marks its subjectAltName as critical": ({}, {"names_critical": True}),
    "is for any purpose at all": ({}, {"purposes": [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]}),
    "is that of an authority": ({}, {"basic": AS_AUTHORITY}),
    "lets its key sign certificates": ({}, {"usage": key_usage("digital_signature", "key_cert_sign")}),
    "critical extensions": ({}, {"extra": [(POLICIES, True)]}),
}


@pytest.mark.parametrize("finding", LENIENT)
def test_what_only_the_web_refuses(finding: str) -> None:
    of_root, of_leaf = LENIENT[finding]
    root = authority(**of_root)
    leaf = certificate("leaf", root, **of_leaf)
    assert PrivateVerifier(trusting(root), cache=None).verify(server_request(leaf)).chain == (leaf.der, root.der)
    with pytest.raises(CertificateError, match=f"strict rules for the public web: .*{finding}") as caught:
        WebVerifier(trusting(root), cache=None).verify(server_request(leaf))
    assert caught.value.fault is Fault.BAD_CERTIFICATE
    assert "PrivateVerifier" in caught.value.advice
    assert caught.value.culprit in (leaf.certificate, root.certificate)


@pytest.mark.parametrize(
    "key_class",
    [
        ed25519.Ed25519PrivateKey,
        ed448.Ed448PrivateKey,
        mldsa.MLDSA44PrivateKey,
        mldsa.MLDSA65PrivateKey,
        mldsa.MLDSA87PrivateKey,
    ],
)
def test_every_kind_of_key(key_class: Any) -> None:
    root = authority(key=key_class.generate())
    intermediate = authority("Intermediate", root, key=key_class.generate())
    leaf = certificate("leaf", intermediate, key=key_class.generate())
    verified = PrivateVerifier(trusting(root), cache=None).verify(server_request(leaf, intermediate))
    assert verified.chain == (leaf.der, intermediate.der, root.der)


def test_the_web_refuses_edwards_authorities() -> None:
    root = authority(key=ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(CertificateError, match="Ed25519 or Ed448") as caught:
        WebVerifier(trusting(root), cache=None).verify(server_request(certificate("leaf", root)))
    assert caught.value.culprit == root.certificate


def test_the_web_takes_an_edwards_leaf() -> None:
    root = authority()
    leaf = certificate("leaf", root, key=ed25519.Ed25519PrivateKey.generate())
    WebVerifier(trusting(root), cache=None).verify(server_request(leaf))


@pytest.mark.parametrize("basic", [None, AS_AUTHORITY, x509.BasicConstraints(ca=False, path_length=None)])
def test_a_trusted_self_signed_leaf(basic: x509.BasicConstraints | None) -> None:
    leaf = certificate("leaf", basic=basic, identifiers=False, usage=None, purposes=())
    assert _private(leaf).verify(server_request(leaf)).chain == (leaf.der,)


def test_a_trusted_leaf_of_an_unknown_authority() -> None:
    issuer = authority("Unknown")
    leaf = certificate("leaf", issuer)
    assert _private(leaf).verify(server_request(leaf, issuer)).chain == (leaf.der,)


def test_a_trusted_leaf_must_still_be_good_for_what_is_asked() -> None:
    leaf = certificate("leaf", purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
    verifier = _private(leaf)
    for request, fault in (
        (server_request(leaf, name="b.example"), Fault.WRONG_NAME),
        (server_request(leaf, now=(NOW + 365 * DAY).timestamp()), Fault.EXPIRED),
        (client_request(leaf), Fault.BAD_CERTIFICATE),
    ):
        with pytest.raises(CertificateError) as caught:
            verifier.verify(request)
        assert caught.value.fault is fault


def test_a_trusted_leaf_vouches_for_no_one_else() -> None:
    trusted = certificate("leaf")
    other = certificate("leaf", trusted, names=["b.example"])
    with pytest.raises(CertificateError, match="is not that of an authority"):
        _private(trusted).verify(server_request(other, name="b.example"))


def test_a_client_without_names() -> None:
    client = certificate(distinguished_name("Alice", ORGANIZATION_NAME="Acme"), BARE_ROOT, names=(), identifiers=False)
    verified = _private(BARE_ROOT).verify(client_request(client))
    assert verified.chain == (client.der, BARE_ROOT.der)
    with pytest.raises(CertificateError):
        WebVerifier(trusting(BARE_ROOT), cache=None).verify(client_request(client))


def test_a_client_of_an_old_kind() -> None:
    """As `openssl x509 -req` signs them without an extension file."""
    client = certificate("Alice", BARE_ROOT, names=(), purposes=(), usage=None, basic=None, identifiers=False)
    _private(BARE_ROOT).verify(client_request(client))


def test_the_web_wants_names_of_clients() -> None:
    root = authority()
    client = certificate("Alice", root, names=())
    with pytest.raises(CertificateError, match="has no subjectAltName"):
        WebVerifier(trusting(root), cache=None).verify(client_request(client))


def test_an_authority_without_basic_constraints_is_none() -> None:
    root = authority(basic=None)
    with pytest.raises(CertificateError, match="is not that of an authority"):
        _private(root).verify(server_request(certificate("leaf", root)))


def test_an_authority_whose_key_changed() -> None:
    old = authority("Acme CA")
    new = authority("Acme CA", old)
    leaf = certificate("leaf", new)
    assert _private(old).verify(server_request(leaf, new)).chain == (leaf.der, new.der, old.der)


def test_two_roots_of_one_name() -> None:
    old, new = (authority("Acme CA", identifiers=False) for _ in range(2))
    verifier = _private(old, new)
    for root in (old, new):
        leaf = certificate("leaf", root, identifiers=False)
        assert verifier.verify(server_request(leaf)).chain == (leaf.der, root.der)


def _private(*anchors: Entity) -> PrivateVerifier:
    return PrivateVerifier(trusting(*anchors), cache=None)
