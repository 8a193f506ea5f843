from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.explain.handshakes import Watched, client_config, localhost, resumed
from turtls.config import DangerAcceptAnyCertificate, Negotiated
from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12
from turtls.explain import words
from turtls.explain.chain import chain_facts
from turtls.explain.verdict import Mark, facts, negotiated_as_json, verdict
from turtls.wire.codepoints import CodePoint
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme

LEAF = chain_facts(localhost()[0].chain)[0]


def negotiated(**changes: object) -> Negotiated:
    agreed = Watched().client.negotiated
    assert agreed is not None
    return agreed._replace(**changes)  # type: ignore[arg-type]  # checked where it matters: at run time


def test_a_modern_connection_is_safe() -> None:
    judged = verdict(negotiated(), LEAF, LEAF.not_before)
    assert (judged.safe, judged.reasons) == (True, ())


def test_nobody_vouching_is_not_safe() -> None:
    agreed = Watched(replace(client_config(), verifier=DangerAcceptAnyCertificate())).client.negotiated
    assert agreed is not None
    judged = verdict(agreed, LEAF, LEAF.not_before)
    assert not judged.safe
    assert "Nobody vouched" in judged.reasons[0]


def test_an_old_version_is_not_safe() -> None:
    judged = verdict(negotiated(version=ProtocolVersion.TLS_1_0), LEAF, LEAF.not_before)
    assert not judged.safe
    assert "TLS 1.0" in judged.reasons[0]


def test_what_could_be_better_is_said() -> None:
    judged = verdict(negotiated(group=NamedGroup.x25519), LEAF, LEAF.not_after - timedelta(days=3))
    assert judged.safe
    assert "not post-quantum" in judged.reasons[0]
    assert "expires in 3 days" in judged.reasons[1]


def test_the_facts_of_a_full_and_of_a_resumed_handshake() -> None:
    full = {fact.label: fact for fact in facts(negotiated())}
    assert full["Version"].value == "TLS 1.3"
    assert full["Key exchange"].mark is Mark.GOOD
    assert full["Handshake"].value == "full"
    assert full["Protocol inside"].value == "h2"
    assert full["Name asked for"].value == "localhost"
    assert full["Signature"].value == "ecdsa_secp256r1_sha256"
    again = resumed().client.negotiated
    assert again is not None
    assert "resumed" in [fact.value for fact in facts(again)]


@pytest.mark.parametrize(
    ("registry", "say"),
    [
        (NamedGroup, words.group_words),
        (CipherSuite, words.suite_words),
        (SignatureScheme, words.signature_words),
        (ProtocolVersion, words.version_words),
        (ProtocolVersion, words.version_name),
    ],
)
def test_there_are_words_for_every_code_point(registry: type[CodePoint], say: Callable[[Any], str]) -> None:
    for point in registry.members():
        assert isinstance(say(point), str)


def of_tls12(suite: CipherSuite, **changes: object) -> dict[str, str]:
    """The words of each fact of a connection in TLS 1.2, by label."""
    agreed = negotiated(version=ProtocolVersion.TLS_1_2, cipher_suite=suite, group=None, **changes)
    return {fact.label: fact.words for fact in facts(agreed)}


@pytest.mark.parametrize(
    ("suite", "handshake"),
    [
        (CipherSuite.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, "with certificate and signature"),
        (CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256, "with a certificate, and no signature"),
        (CipherSuite.TLS_RSA_PSK_WITH_AES_128_GCM_SHA256, "with a certificate, and no signature"),
        (CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, "without a certificate"),
    ],
)
def test_how_the_sides_of_a_classic_handshake_know_each_other(suite: CipherSuite, handshake: str) -> None:
    assert of_tls12(suite)["Handshake"].startswith(handshake)
    assert of_tls12(suite, resumed=True)["Handshake"] == "from an earlier session, without certificates"


@pytest.mark.parametrize(
    ("suite", "resumed", "words"),
    [
        (CipherSuite.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, False, "Diffie-Hellman over a finite field: safe today"),
        (CipherSuite.TLS_SRP_SHA_WITH_AES_128_CBC_SHA, False, "Diffie-Hellman over a finite field: safe today"),
        (CipherSuite.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, True, "no fresh key exchange"),
        (CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256, False, "no fresh key exchange"),
    ],
)
def test_a_key_exchange_without_a_named_group(suite: CipherSuite, resumed: bool, words: str) -> None:
    assert of_tls12(suite, resumed=resumed)["Key exchange"].startswith(words)


def test_a_shared_secret_vouches_for_the_server() -> None:
    suite = CipherSuite.TLS_DHE_PSK_WITH_AES_128_GCM_SHA256
    judged = verdict(negotiated(version=ProtocolVersion.TLS_1_2, cipher_suite=suite, peer=None), None, LEAF.not_before)
    assert judged.safe


def test_every_cipher_suite_is_described_or_called_weak() -> None:
    for suite in (*SUITES13, *SUITES12):
        assert words.suite_words(suite) or words.suite_weakness(suite)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "1"),
        ({"hello_retry": True}, "2"),
        ({"version": ProtocolVersion.TLS_1_2}, "2"),
        ({"version": ProtocolVersion.TLS_1_2, "resumed": True}, "1"),
    ],
)
def test_round_trips(changes: dict[str, object], expected: str) -> None:
    values = {fact.label: fact.value for fact in facts(negotiated(**changes))}
    assert values["Round trips"] == expected


def test_only_the_hybrids_are_post_quantum() -> None:
    assert words.is_post_quantum(NamedGroup.X25519MLKEM768)
    assert not words.is_post_quantum(NamedGroup.x25519)
    assert not words.is_post_quantum(None)


def test_a_pre_shared_key_and_early_data() -> None:
    by_key = {fact.label: fact for fact in facts(negotiated(psk_identity=b"me", peer=None, signature_scheme=None))}
    assert "know the same secret" in by_key["Handshake"].words
    assert verdict(negotiated(psk_identity=b"me", peer=None), None, LEAF.not_before).safe
    early = {fact.label: fact for fact in facts(negotiated(resumed=True, early_data=True))}
    assert early["Round trips"].value == "0"
    assert "replay" in early["Round trips"].words
    assert negotiated_as_json(negotiated(resumed=True, early_data=True))["early_data"]
