"""How long a verdict holds, and what it hangs on."""

from __future__ import annotations

import pytest

from tests.pki.chains import DAY, NOW, authority, certificate, client_request, server_request, trusting
from turtls.config import VerifiedChain
from turtls.crypto import keys
from turtls.pki import CertificateError, PrivateVerifier, VerdictCache, WebVerifier
from turtls.pki.verdicts import MAX_AGE, verdict_key

ROOT = authority()
LEAF = certificate("leaf", ROOT)
VERDICT = VerifiedChain((LEAF.der,), keys.Leaf.parse(LEAF.der))


def test_a_verdict_holds_for_an_hour() -> None:
    cache = VerdictCache()
    cache.put(b"key", VERDICT, 1000.0, 1e9)
    assert cache.get(b"key", 1000.0) is VERDICT
    assert cache.get(b"key", 1000.0 + MAX_AGE - 1) is VERDICT
    assert cache.get(b"key", 1000.0 + MAX_AGE) is None
    assert cache.get(b"key", 1000.0) is None, "it is forgotten then"


def test_a_verdict_does_not_outlive_the_certificates() -> None:
    cache = VerdictCache()
    cache.put(b"key", VERDICT, 1000.0, 1010.0)
    assert cache.get(b"key", 1009.0) is VERDICT
    assert cache.get(b"key", 1010.0) is None


def test_a_verdict_says_nothing_about_the_past() -> None:
    cache = VerdictCache()
    cache.put(b"key", VERDICT, 1000.0, 1e9)
    assert cache.get(b"key", 999.0) is None


def test_the_least_used_is_dropped() -> None:
    cache = VerdictCache(size=2)
    cache.put(b"a", VERDICT, 0.0, 1e9)
    cache.put(b"b", VERDICT, 0.0, 1e9)
    cache.get(b"a", 1.0)
    cache.put(b"c", VERDICT, 2.0, 1e9)
    assert len(cache) == 2
    assert cache.get(b"a", 3.0) is VERDICT
    assert cache.get(b"b", 3.0) is None


def test_the_key_hangs_on_all_that_decides() -> None:
    asked = server_request(b"one", b"two")
    others = [
        client_request(b"one", b"two"),
        server_request(b"one", b"two", name="b.example"),
        server_request(b"one", b"two", name=None),
        server_request(b"one", b"two", name="None"),
        server_request(b"onet", b"wo"),
        server_request(b"two", b"one"),
        server_request(b"one"),
        server_request(b"one", b"two", b""),
        server_request(b"one", b"two", min_rsa_bits=3072),
    ]
    assert len({verdict_key(b"profile", request) for request in (asked, *others)}) == 1 + len(others)
    assert verdict_key(b"profile", asked) != verdict_key(b"another", asked)
    assert verdict_key(b"profile", asked) == verdict_key(b"profile", asked._replace(now=asked.now + 1))


@pytest.mark.parametrize("verifier", [WebVerifier, PrivateVerifier])
def test_verifiers_keep_their_verdicts(verifier: type[WebVerifier | PrivateVerifier]) -> None:
    cache = VerdictCache()
    first = verifier(trusting(ROOT), cache=cache).verify(server_request(LEAF))
    again = verifier(trusting(ROOT), cache=cache).verify(server_request(LEAF))
    assert again is first


def test_verdicts_are_not_shared_across_profiles_and_stores() -> None:
    cache = VerdictCache()
    unidentified = certificate("leaf", ROOT, identifiers=False)
    PrivateVerifier(trusting(ROOT), cache=cache).verify(server_request(unidentified))
    with pytest.raises(CertificateError):
        WebVerifier(trusting(ROOT), cache=cache).verify(server_request(unidentified))
    with pytest.raises(CertificateError):
        PrivateVerifier(trusting(authority("Other")), cache=cache).verify(server_request(unidentified))


def test_a_refusal_is_not_kept() -> None:
    cache = VerdictCache()
    verifier = WebVerifier(trusting(ROOT), cache=cache)
    with pytest.raises(CertificateError):
        verifier.verify(server_request(LEAF, name="b.example"))
    assert len(cache) == 0


def test_a_kept_verdict_ends_with_the_first_expiry_in_the_path() -> None:
    short_lived = authority("Short", ROOT, days=1)
    leaf = certificate("leaf", short_lived, not_before=NOW - DAY)
    expiry = short_lived.certificate.not_valid_after_utc
    verifier = PrivateVerifier(trusting(ROOT), cache=VerdictCache())
    just_before = server_request(leaf, short_lived, now=expiry.timestamp() - 10)
    verifier.verify(just_before)
    with pytest.raises(CertificateError, match="expired"):
        verifier.verify(just_before._replace(now=expiry.timestamp() + 1))


def test_without_a_cache_each_verdict_is_new() -> None:
    verifier = PrivateVerifier(trusting(ROOT), cache=None)
    assert verifier.verify(server_request(LEAF)) is not verifier.verify(server_request(LEAF))
