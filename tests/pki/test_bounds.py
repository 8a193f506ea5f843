"""Chains made to cost much, or to break the reader: each ends soon, and in a typed error."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pki.chains import (
    Entity,
    authority,
    certificate,
    client_request,
    constrained,
    new_key,
    server_request,
    trusting,
)
from turtls.config import VerificationRequest
from turtls.errors import ConfigError, Fault
from turtls.pki import CertificateError, PrivateVerifier, TrustStore, WebVerifier, limits, path

ROOT = authority(constraints=constrained(["example"], ["b.example"]))
INTERMEDIATE = authority("Intermediate", ROOT)
LEAF = certificate("leaf", INTERMEDIATE, names=["a.example", "192.0.2.1"])
VERIFIERS: tuple[WebVerifier | PrivateVerifier, ...] = (
    WebVerifier(trusting(ROOT), cache=None),
    PrivateVerifier(trusting(ROOT), cache=None),
)


def _crowd(count: int, issuer: Entity, signer: Entity) -> list[Entity]:
    """Authorities of one name and one key, all of which seem to have issued one another."""
    return [authority("Crowd", signer, key=issuer.key) for _ in range(count)]


@pytest.mark.parametrize("verifier", [WebVerifier, PrivateVerifier])
def test_many_authorities_of_one_name_that_issued_each_other(verifier: type[WebVerifier | PrivateVerifier]) -> None:
    first = authority("Crowd")
    crowd = _crowd(limits.MAX_CHAIN_LENGTH - 1, first, first)
    leaf = certificate("leaf", first)
    with pytest.raises(CertificateError, match="too many ways") as caught:
        verifier(trusting(ROOT), cache=None).verify(server_request(leaf, *crowd))
    assert caught.value.fault is Fault.BAD_CERTIFICATE


def test_many_paths_that_may_not_be_taken() -> None:
    root = authority("Crowd", basic=x509.BasicConstraints(ca=True, path_length=0), purposes=[x509.OID_CLIENT_AUTH])
    crowd = _crowd(limits.MAX_CHAIN_LENGTH - 1, root, root)
    leaf = certificate("leaf", root)
    with pytest.raises(CertificateError):
        PrivateVerifier(trusting(root), cache=None).verify(server_request(leaf, *crowd))


def test_a_deep_crowd_does_not_hide_the_way_out() -> None:
    first = authority("Crowd")
    genuine = authority("Crowd", ROOT, key=first.key)
    leaf = certificate("leaf", first, names=["a.example"])
    crowd = [authority("Crowd", authority("Crowd"), key=new_key()) for _ in range(limits.MAX_CHAIN_LENGTH - 2)]
    for verifier in VERIFIERS:
        assert verifier.verify(server_request(leaf, *crowd, genuine)).chain == (leaf.der, genuine.der, ROOT.der)


def test_signature_checks_are_counted() -> None:
    first = authority("Crowd")
    crowd = _crowd(limits.MAX_CHAIN_LENGTH - 1, first, first)
    checked = []

    class Counting(limits.Budget):
        def spend_signature_check(self) -> None:
            super().spend_signature_check()
            checked.append(1)

    with patch.object(path, "Budget", Counting), pytest.raises(CertificateError):
        PrivateVerifier(trusting(ROOT), cache=None).verify(server_request(certificate("leaf", first), *crowd))
    assert len(checked) == limits.MAX_SIGNATURE_CHECKS


def test_two_authorities_that_issued_each_other() -> None:
    left_key, right_key = new_key(), new_key()
    left = authority("Left", Entity(authority("Right", key=right_key).certificate, right_key), key=left_key)
    right = authority("Right", Entity(left.certificate, left_key), key=right_key)
    for verifier in VERIFIERS:
        with pytest.raises(CertificateError) as caught:
            verifier.verify(server_request(certificate("leaf", left), left, right))
        assert caught.value.fault is Fault.UNTRUSTED


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=limits.MAX_CHAIN_LENGTH + 2))
def test_garbage(chain: list[bytes]) -> None:
    for verifier in VERIFIERS:
        for request in (server_request(*chain), client_request(*chain)):
            with pytest.raises(CertificateError) as caught:
                verifier.verify(request)
            assert str(caught.value)


@st.composite
def _damaged(draw: st.DrawFn, der: bytes) -> bytes:
    """A certificate with a few bytes changed."""
    damaged = bytearray(der)
    for _ in range(draw(st.integers(1, 3))):
        damaged[draw(st.integers(0, len(der) - 1))] = draw(st.integers(0, 255))
    return bytes(damaged)


@settings(max_examples=2000)
@given(_damaged(LEAF.der), _damaged(INTERMEDIATE.der))
def test_damaged_certificates(leaf: bytes, intermediate: bytes) -> None:
    for chain in ((leaf, INTERMEDIATE), (LEAF, intermediate), (leaf, intermediate, INTERMEDIATE)):
        for verifier in VERIFIERS:
            verified = _verdict(verifier, server_request(*chain))
            assert verified is None or tuple(map(_with_all_bits, verified)) == (LEAF.der, INTERMEDIATE.der, ROOT.der)


def test_nothing_covers_how_many_bits_of_a_signature_count() -> None:
    """All else of the certificate is either signed or the signature. Readers of BIT STRINGs only ask that the bits that
    do not count are zero (X.690, section 11.2.1), and verifiers take whole bytes.
    """
    leaf = LEAF
    while leaf.der[-1] & 1:
        leaf = certificate("leaf", INTERMEDIATE, names=["a.example"])
    place = _unused_bits(leaf.der)
    damaged = leaf.der[:place] + b"\1" + leaf.der[place + 1 :]
    assert _with_all_bits(damaged) == leaf.der
    for verifier in VERIFIERS:
        assert verifier.verify(server_request(damaged, INTERMEDIATE)).chain == (damaged, INTERMEDIATE.der, ROOT.der)


@settings(max_examples=1000)
@given(_damaged(ROOT.der))
def test_damaged_anchors(root: bytes) -> None:
    """Nothing checks a root's own signature, so that more damage gets as far as the rules."""
    try:
        store = TrustStore.from_certificates([root])
    except ConfigError:
        return
    request = server_request(LEAF, INTERMEDIATE)
    for verified in (
        _verdict(WebVerifier(store, cache=None), request),
        _verdict(PrivateVerifier(store, cache=None), request),
    ):
        assert verified in (None, (LEAF.der, INTERMEDIATE.der, root))


def _with_all_bits(der: bytes) -> bytes:
    """The certificate, with all bits of its signature counting."""
    place = _unused_bits(der)
    return der[:place] + b"\0" + der[place + 1 :]


def _unused_bits(der: bytes) -> int:
    """Where a certificate says how many of its signature's last bits do not count: the signature is its end."""
    return len(der) - len(x509.load_der_x509_certificate(der).signature) - 1


def _verdict(verifier: WebVerifier | PrivateVerifier, request: VerificationRequest) -> tuple[bytes, ...] | None:
    """The path; None for a refusal, which can be told."""
    try:
        return verifier.verify(request).chain
    except CertificateError as error:
        str(error)
        return None
