"""Cipher strings select what OpenSSL selects by the same words."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from turtls.config import Policy
from turtls.config.cipher_strings import CipherString, openssl_name
from turtls.config.policy import ALL_SUITES12
from turtls.crypto.suites12 import SUITES12, KeyExchange
from turtls.errors import ConfigError
from turtls.wire.registries import CipherSuite, ProtocolVersion

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="the openssl command is not there")


def openssl_ciphers(text: str) -> dict[str, str]:
    """What OpenSSL selects: its own names by IANA's."""
    command = [str(OPENSSL), "ciphers", "-stdname", "-s", "-tls1_2", "-psk", "-srp", text]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[0]: line.split()[2] for line in lines}


@needs_openssl
def test_suites_are_called_what_openssl_calls_them() -> None:
    theirs = openssl_ciphers("ALL:@SECLEVEL=0")
    ours = {suite.name: openssl_name(meaning) for suite, meaning in SUITES12.items() if suite.name in theirs}
    assert len(ours) > 70
    assert ours == {name: theirs[name] for name in ours}


@needs_openssl
@pytest.mark.parametrize(
    "text",
    [
        "ECDHE+AESGCM:!aNULL",
        "HIGH:!aNULL:!MD5:!RC4",
        "kRSA",
        "RSA+AESCCM",
        "ECDHE:DHE:!SHA1:!SHA256",
        "AES128+SHA",
        "ECDHE-RSA-AES128-GCM-SHA256:ECDHE+CHACHA20",
        "ALL:!PSK:!SRP:!RSA",
        "PSK:-kPSK",
        "aRSA:+kRSA",
        "SRP",
        "EECDH+AES128:RSA+AES128:EECDH+AES256:RSA+AES256",
        "ECDHE+AES256 ECDHE+AES128,DHE",
    ],
)
def test_openssl_selects_the_same(text: str) -> None:
    theirs = set(openssl_ciphers(f"{text}:@SECLEVEL=0")) & {suite.name for suite in SUITES12}
    known_there = set(openssl_ciphers("ALL:@SECLEVEL=0"))
    ours = {suite.name for suite in CipherString.parse(text, ALL_SUITES12).suites12} & known_there
    assert ours == theirs


def test_the_order_is_the_string_s() -> None:
    string = CipherString.parse("AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384:AES256-SHA:@STRENGTH", ALL_SUITES12)
    assert [suite.name for suite in string.suites12] == [
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
    ]


def test_what_is_forbidden_stays_out() -> None:
    string = CipherString.parse("!AES128:ECDHE+AESGCM:AES128-SHA", ALL_SUITES12)
    assert string.suites12
    assert all("AES_256" in suite.name for suite in string.suites12)


def test_a_word_with_plus_before_it_moves_to_the_end() -> None:
    string = CipherString.parse("ECDHE+AESGCM:+AES256", ALL_SUITES12)
    sizes = [SUITES12[suite].key_length for suite in string.suites12]
    assert sizes == sorted(sizes)
    assert set(sizes) == {16, 32}


@pytest.mark.parametrize(
    ("text", "word", "column"),
    [("ECDHE:FOO+AES", "FOO", 6), ("AES+WORSE", "WORSE", 4), ("!XYZ", "XYZ", 1), ("AES:@NOPE", "@NOPE", 4)],
)
def test_an_unknown_word_is_pointed_at(text: str, word: str, column: int) -> None:
    with pytest.raises(ConfigError) as caught:
        Policy.from_string(text)
    lines = str(caught.value).splitlines()
    assert word in lines[0]
    assert lines[1][2 + column :].startswith(word)
    assert lines[2] == "  " + " " * column + "^" * len(word)


@pytest.mark.parametrize("text", ["RC4", "aNULL:eNULL:EXPORT", "3DES:!3DES", "ECDHE:!ALL"])
def test_nothing_left_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="selects no cipher suite"):
        Policy.from_string(text)


def test_policies_by_name() -> None:
    assert Policy.from_string("modern") is Policy.MODERN
    assert Policy.from_string("Intermediate") is Policy.INTERMEDIATE
    assert Policy.from_string("legacy") is Policy.LEGACY
    assert Policy.from_string("") is Policy.INTERMEDIATE


def test_suites_of_tls13_stay_unless_named() -> None:
    policy = Policy.from_string("ECDHE+AESGCM")
    assert policy.versions == Policy.INTERMEDIATE.versions
    assert CipherSuite.TLS_CHACHA20_POLY1305_SHA256 in policy.cipher_suites
    named = Policy.from_string("TLS_AES_256_GCM_SHA384:ECDHE+AESGCM")
    assert [suite for suite in named.cipher_suites if suite not in SUITES12] == [CipherSuite.TLS_AES_256_GCM_SHA384]


def test_suites_of_tls13_alone_mean_tls13_alone() -> None:
    policy = Policy.from_string("TLS_AES_256_GCM_SHA384")
    assert policy.versions == (ProtocolVersion.TLS_1_3,)
    assert policy.cipher_suites == (CipherSuite.TLS_AES_256_GCM_SHA384,)


def test_legacy_before_a_string_brings_the_old_versions() -> None:
    policy = Policy.from_string("legacy:AES128-SHA")
    assert ProtocolVersion.TLS_1_0 in policy.versions
    assert CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA in policy.cipher_suites


def test_security_levels_set_the_least_rsa_key() -> None:
    assert Policy.from_string("ECDHE:@SECLEVEL=3").min_rsa_bits == 3072
    assert Policy.from_string("ECDHE:@SECLEVEL=0").min_rsa_bits == 1024
    assert Policy.from_string("ECDHE").min_rsa_bits == 2048


def test_intermediate_is_forward_secret_and_has_aeads_only() -> None:
    for suite in Policy.INTERMEDIATE.cipher_suites:
        if suite in SUITES12:
            meaning = SUITES12[suite]
            assert not meaning.is_cbc
            assert meaning.key_exchange.is_forward_secret or meaning.key_exchange is KeyExchange.PSK


@pytest.mark.parametrize("policy", [Policy.MODERN, Policy.INTERMEDIATE, Policy.LEGACY], ids=lambda policy: policy.name)
def test_a_policy_names_each_thing_once(policy: Policy) -> None:
    for values in (policy.versions, policy.cipher_suites, policy.groups, policy.signature_schemes):
        assert len(set(values)) == len(values)
