"""Which names an authority may vouch for (RFC 5280, section 4.2.1.10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from cryptography import x509

from tests.pki.chains import (
    authority,
    certificate,
    client_request,
    constrained,
    distinguished_name,
    server_request,
    trusting,
)
from turtls.errors import Fault
from turtls.pki import CertificateError, PrivateVerifier, WebVerifier
from turtls.pki.limits import MAX_NAME_COMPARISONS

MAILBOX = x509.RFC822Name("me@mail.example")
URI = x509.UniformResourceIdentifier


def subject(**parts: str) -> x509.DirectoryName:
    return x509.DirectoryName(distinguished_name(**parts))


def other_name(value: bytes) -> x509.OtherName:
    return x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), value)


def judge(
    names: Sequence[str | x509.GeneralName],
    permitted: Sequence[str | x509.GeneralName] = (),
    excluded: Sequence[str | x509.GeneralName] = (),
    leaf_subject: Any = None,
) -> None:
    root = authority(constraints=constrained(permitted, excluded))
    leaf = certificate(leaf_subject, root, names=names)
    PrivateVerifier(trusting(root), cache=None).verify(client_request(leaf))


ALLOWED = [
    (["a.example"], ["example"], []),
    (["example"], ["example"], []),
    (["a.b.example"], ["example"], []),
    (["A.EXAMPLE"], ["a.Example"], []),
    (["a.example"], [".example"], []),
    (["*.a.example"], ["a.example"], []),
    (["a.example", "b.test"], ["example", "test"], []),
    (["a.example"], [""], []),
    (["a.example"], [], ["b.example"]),
    (["aexample"], [], ["example"]),
    (["example"], [], [".example"]),
    (["*.example"], [], ["b.a.example"]),
    (["*.example"], [], [".a.example"]),
    (["192.0.2.1"], ["192.0.2.0/24"], []),
    (["2001:db8::1"], ["192.0.2.0/24", "2001:db8::/32"], []),
    (["192.0.2.1"], [], ["192.0.3.0/24", "::/0"]),
    (["192.0.2.1"], ["example"], []),
    (["a.example"], ["192.0.2.0/24"], []),
    ([MAILBOX], [x509.RFC822Name("me@mail.example")], []),
    ([MAILBOX], [x509.RFC822Name("mail.example")], []),
    ([MAILBOX], [x509.RFC822Name(".example")], []),
    ([MAILBOX], [x509.RFC822Name("Mail.Example")], [x509.RFC822Name("you@mail.example")]),
    ([URI("spiffe://mail.example/a")], [URI("mail.example")], []),
    ([URI("https://mail.example:443/a")], [URI(".example")], [URI("a.example")]),
    ([other_name(b"\x0c\x01a")], ["example"], []),
]

REFUSED = [
    (["a.example"], ["b.example"], []),
    (["example"], ["a.example"], []),
    (["aexample"], ["example"], []),
    (["example"], [".example"], []),
    (["a.example", "b.test"], ["example"], []),
    (["*.example"], ["a.example"], []),
    (["a.example"], [], ["example"]),
    (["a.example"], [], [".example"]),
    (["a.example"], [], [""]),
    (["a.example"], ["example"], ["a.example"]),
    (["*.example"], [], ["a.example"]),
    (["*.EXAMPLE"], [], ["A.example"]),
    (["*.example"], [], ["example"]),
    (["*.a.example"], [], [".example"]),
    (["a.example."], [], ["example"]),
    ([x509.DNSName("a..example")], [], ["test"]),
    (["192.0.2.1"], ["192.0.3.0/24"], []),
    (["192.0.2.1"], ["2001:db8::/32"], []),
    (["192.0.2.1"], [], ["192.0.0.0/16"]),
    (["2001:db8::1"], [], ["::/0"]),
    ([MAILBOX], [x509.RFC822Name("you@mail.example")], []),
    ([MAILBOX], [x509.RFC822Name("ME@mail.example")], []),
    ([MAILBOX], [x509.RFC822Name("example")], []),
    ([MAILBOX], [x509.RFC822Name(".mail.example")], []),
    ([MAILBOX], [], [x509.RFC822Name("mail.example")]),
    ([x509.RFC822Name("nobody")], [], [x509.RFC822Name("mail.example")]),
    ([URI("https://a.example/")], [URI("example")], []),
    ([URI("https://a.example/")], [], [URI(".example")]),
    ([URI("urn:uuid:1")], [], [URI(".example")]),
    ([URI("https://[bad/")], [], [URI(".example")]),
    ([other_name(b"\x0c\x01a")], [], [other_name(b"\x0c\x01b")]),
    ([other_name(b"\x0c\x01a")], [other_name(b"\x0c\x01a")], []),
]


@pytest.mark.parametrize(("names", "permitted", "excluded"), ALLOWED)
def test_allowed_names(names: list[Any], permitted: list[Any], excluded: list[Any]) -> None:
    judge(names, permitted, excluded)


@pytest.mark.parametrize(("names", "permitted", "excluded"), REFUSED)
def test_refused_names(names: list[Any], permitted: list[Any], excluded: list[Any]) -> None:
    with pytest.raises(CertificateError, match="may not vouch for") as caught:
        judge(names, permitted, excluded)
    assert caught.value.fault is Fault.BAD_CERTIFICATE
    assert caught.value.culprit == caught.value.chain[0]


@pytest.mark.parametrize(
    ("name", "permitted", "excluded"),
    [
        ({"ORGANIZATION_NAME": "Acme", "COMMON_NAME": "x"}, [subject(ORGANIZATION_NAME="Acme")], []),
        ({"ORGANIZATION_NAME": "  ACME  inc", "COMMON_NAME": "x"}, [subject(ORGANIZATION_NAME="Acme Inc")], []),
        ({"ORGANIZATION_NAME": "Acme"}, [], [subject(ORGANIZATION_NAME="Acme", COMMON_NAME="x")]),
        ({"ORGANIZATION_NAME": "Acme"}, [], [subject(COMMON_NAME="Acme")]),
    ],
)
def test_allowed_subjects(name: dict[str, str], permitted: list[Any], excluded: list[Any]) -> None:
    judge(["a.example"], permitted, excluded, distinguished_name(**name))


@pytest.mark.parametrize(
    ("name", "permitted", "excluded"),
    [
        ({"ORGANIZATION_NAME": "Other"}, [subject(ORGANIZATION_NAME="Acme")], []),
        ({"COMMON_NAME": "x"}, [subject(ORGANIZATION_NAME="Acme", COMMON_NAME="x")], []),
        ({"ORGANIZATION_NAME": "acme", "COMMON_NAME": "x"}, [], [subject(ORGANIZATION_NAME="Acme")]),
        ({"EMAIL_ADDRESS": "me@mail.example"}, [], [x509.RFC822Name("mail.example")]),
    ],
)
def test_refused_subjects(name: dict[str, str], permitted: list[Any], excluded: list[Any]) -> None:
    with pytest.raises(CertificateError, match="may not vouch for"):
        judge(["a.example"], permitted, excluded, distinguished_name(**name))


def test_a_mailbox_in_the_subject_does_not_count_beside_one_in_the_names() -> None:
    name = distinguished_name(EMAIL_ADDRESS="me@other.example")
    judge([MAILBOX], [x509.RFC822Name("mail.example")], leaf_subject=name)


def test_intermediates_are_bound_too() -> None:
    root = authority(constraints=constrained(["example"]))
    stray = authority("Stray", root, names=["stray.test"])
    leaf = certificate("leaf", stray)
    with pytest.raises(CertificateError, match=r"stray\.test") as caught:
        PrivateVerifier(trusting(root), cache=None).verify(server_request(leaf, stray))
    assert caught.value.culprit == stray.certificate


def test_an_authority_that_changes_its_key_is_not_bound() -> None:
    root = authority(constraints=constrained(["example"]))
    rekeyed = authority("Test Root", root, names=["stray.test"])
    leaf = certificate("leaf", rekeyed)
    PrivateVerifier(trusting(root), cache=None).verify(server_request(leaf, rekeyed))


def test_a_self_signed_leaf_below_a_constrained_root_is_bound() -> None:
    root = authority(constraints=constrained(["example"]))
    leaf = certificate("Test Root", root, names=["stray.test"])
    with pytest.raises(CertificateError, match="may not vouch for"):
        PrivateVerifier(trusting(root), cache=None).verify(server_request(leaf, name="stray.test"))


def test_each_authority_constrains_further() -> None:
    root = authority(constraints=constrained(["example"]))
    narrow = authority("Narrow", root, constraints=constrained(["a.example"]))
    verifier = PrivateVerifier(trusting(root), cache=None)
    verifier.verify(server_request(certificate("leaf", narrow), narrow))
    with pytest.raises(CertificateError, match='"Narrow" may not vouch'):
        verifier.verify(server_request(certificate("leaf", narrow, names=["b.example"]), narrow, name="b.example"))


def test_an_intermediate_cannot_widen_what_the_root_allows() -> None:
    root = authority(constraints=constrained(["example"]))
    wide = authority("Wide", root, constraints=constrained(["test"]))
    with pytest.raises(CertificateError, match="may not vouch"):
        PrivateVerifier(trusting(root), cache=None).verify(
            server_request(certificate("leaf", wide, names=["a.test"]), wide, name="a.test")
        )


def test_the_web_verifier_tells_it_in_the_same_words() -> None:
    root = authority(constraints=constrained(["b.example"]))
    with pytest.raises(CertificateError, match=r'"Test Root" may not vouch for a\.example'):
        WebVerifier(trusting(root), cache=None).verify(server_request(certificate(None, root)))


def test_comparisons_are_bounded() -> None:
    side = int(MAX_NAME_COMPARISONS**0.5) + 1
    root = authority(constraints=constrained([f"{number}.example" for number in range(side)]))
    leaf = certificate(None, root, names=[f"a.{number}.example" for number in range(side)])
    with pytest.raises(CertificateError, match="more names") as caught:
        PrivateVerifier(trusting(root), cache=None).verify(client_request(leaf))
    assert caught.value.fault is Fault.BAD_CERTIFICATE
