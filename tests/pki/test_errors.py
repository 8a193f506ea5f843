"""What a person reads when a chain is refused."""

from __future__ import annotations

from datetime import UTC

import pytest

from tests.pki.chains import NOW, authority, certificate, distinguished_name, server_request, trusting
from turtls.config import VerificationRequest
from turtls.errors import Fault, ProtocolError
from turtls.pki import CertificateError, PrivateVerifier
from turtls.pki.certificate import describe, load_untrusted, who

ROOT = authority()
INTERMEDIATE = authority("Intermediate", ROOT)
LEAF = certificate("leaf", INTERMEDIATE)


def refusal(request: VerificationRequest) -> CertificateError:
    with pytest.raises(CertificateError) as caught:
        PrivateVerifier(trusting(ROOT), cache=None).verify(request)
    return caught.value


def test_the_whole_story() -> None:
    error = refusal(server_request(LEAF, INTERMEDIATE, b"garbage", name="b.example"))
    assert str(error).splitlines() == [
        'The peer\'s certificate is for another name. The certificate of "leaf" is for a.example, not for b.example.',
        '  1. "leaf" for a.example, issued by "Intermediate", valid 2026-11-22 to 2027-02-20 <- at fault',
        '  2. "Intermediate", issued by "Test Root", valid 2026-11-22 to 2036-11-19',
        "  3. (cannot be parsed)",
        "Checked against the test's store, for 2026-11-23 12:00 UTC.",
        "Use a name that the certificate is for, or have it issued again with this one in it as well.",
    ]


def test_what_it_carries() -> None:
    error = refusal(server_request(LEAF, b"garbage"))
    assert isinstance(error, ProtocolError)
    assert error.fault is Fault.UNREADABLE_CERTIFICATE
    assert error.detail == error.reason
    assert error.untrusted_chain == (LEAF.der, b"garbage")
    assert error.chain == (LEAF.certificate, None)
    assert error.culprit is None
    assert error.store == "the test's store"
    assert error.time == NOW
    assert error.time.tzinfo is UTC
    assert error.advice.endswith(".")


def test_a_long_chain_is_cut_short() -> None:
    error = refusal(server_request(LEAF, *[b"garbage"] * 8))
    lines = str(error).splitlines()
    assert "  and 3 more" in lines
    assert len(lines) < 12


def test_many_names_are_cut_short() -> None:
    leaf = certificate("leaf", ROOT, names=[f"{number}.example" for number in range(50)])
    assert "is for 0.example, 1.example, 2.example and 47 more, not" in refusal(server_request(leaf)).reason


def test_a_peer_cannot_write_on_the_terminal() -> None:
    text = str(refusal(server_request(certificate("\x1b[31mred\n\u202efake line"))))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r'"\x1b[31mred\n\u202efake line' in text


def test_a_peer_cannot_write_at_length() -> None:
    wordy = certificate(distinguished_name(STREET_ADDRESS="x" * 2000), names=["x" * 60 + ".example"] * 3)
    assert max(map(len, str(refusal(server_request(wordy))).splitlines())) < 600


def test_who_has_no_common_name() -> None:
    by_organisation = certificate(distinguished_name(ORGANIZATION_NAME="Acme"))
    assert '"O=Acme" is self-signed' in refusal(server_request(by_organisation)).reason
    assert "of a.example is self-signed" in refusal(server_request(certificate(None))).reason
    assert "(no name) is self-signed" in refusal(server_request(certificate(None, names=()))).reason
    error = refusal(server_request(certificate(None, ROOT), name="b.example"))
    assert "The certificate of a.example is for a.example, not for b.example." in str(error)
    assert '  1. a.example, issued by "Test Root", valid' in str(error)


def test_a_certificate_with_a_name_of_no_kind() -> None:
    nameless = load_untrusted(LEAF.der.replace(b"\x0c\x04leaf", b"\x02\x04leaf"))
    assert nameless is not None
    assert who(nameless) == "(a name that cannot be read)"
    assert describe(nameless) == "(a certificate with parts that cannot be read)"
