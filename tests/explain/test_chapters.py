"""The steps of the handshake by the names that people know them by, as both sides tell them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.explain.handshakes import Watched, client_config, resumed, server_config, with_retry
from tests.pki.chains import certificate
from turtls.config import ClientConfig, Credential, DangerAcceptAnyCertificate, Policy, PreSharedKey, ServerConfig
from turtls.crypto.signatures import KeySigner
from turtls.events import KeysInstalled
from turtls.explain.story import Story
from turtls.wire.registries import CipherSuite, ProtocolVersion, SignatureScheme

SIX = [
    "client hello",
    "server hello and certificate",
    "authentication",
    "premaster secret",
    "session keys",
    "finished",
]


def chapters(story: Story) -> list[str]:
    """Each once, in the order they came."""
    return list(dict.fromkeys(step.chapter for step in story.steps))


@cache
def rsa_credential() -> Credential:
    key = rsa.generate_private_key(65537, 2048)
    return Credential((certificate("localhost", names=("localhost",), key=key).der,), KeySigner(key))


def classic(suite: CipherSuite) -> tuple[ClientConfig, ServerConfig]:
    policy = replace(Policy.LEGACY, versions=(ProtocolVersion.TLS_1_2,), cipher_suites=(suite,))
    key = PreSharedKey(b"me", b"k" * 32)
    client = replace(client_config(), policy=policy, verifier=DangerAcceptAnyCertificate(), psks=(key,), alpn=())
    server = replace(
        server_config(), policy=policy, credentials=(rsa_credential(),), psks={key.identity: key}.get, alpn=()
    )
    return client, server


@pytest.mark.parametrize(
    "suite", [CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA, CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
)
def test_a_classic_handshake_has_six_steps_on_both_sides(suite: CipherSuite) -> None:
    watched = Watched(*classic(suite))
    assert chapters(watched.client_story) == chapters(watched.server_story) == SIX


def test_each_direction_of_a_classic_handshake_is_encrypted_from_its_own_change_cipher_spec_on() -> None:
    watched = Watched(*classic(CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256))
    for story in (watched.client_story, watched.server_story):
        last = [(step.side, step.name, step.message.encrypted) for step in story.messages if step.message is not None]
        assert last[-3:] == [
            ("client", "Finished", True),
            ("server", "NewSessionTicket", False),  # before the server's change_cipher_spec (RFC 5077, section 3.3)
            ("server", "Finished", True),
        ]


@pytest.mark.parametrize(
    ("suite", "scheme"),
    [
        (CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, SignatureScheme.rsa_pss_rsae_sha256),
        (CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA, None),
    ],
)
def test_how_a_server_signed_a_classic_handshake(suite: CipherSuite, scheme: SignatureScheme | None) -> None:
    watched = Watched(*classic(suite))
    for story in (watched.client_story, watched.server_story):
        assert story.signature_scheme("server") == scheme
        assert story.signature_scheme("client") is None


def test_what_each_step_of_a_classic_rsa_handshake_holds() -> None:
    story = Watched(*classic(CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA)).client_story
    held = {name: [step.name for step in story.steps if step.chapter == name] for name in SIX}
    assert held == {
        "client hello": ["ClientHello"],
        "server hello and certificate": ["ServerHello", "Certificate", "ServerHelloDone"],
        "authentication": ["authentication"],
        "premaster secret": ["ClientKeyExchange", "premaster_secret"],
        "session keys": ["master_secret", "session keys"],
        "finished": ["Finished", "NewSessionTicket", "session keys", "Finished"],
    }
    [authentication] = [step for step in story.steps if step.chapter == "authentication"]
    assert "nobody else can read the premaster secret" in authentication.words.sentence


def test_a_resumed_classic_handshake_shows_no_certificate() -> None:
    configs = classic(CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA)
    Watched(*configs)
    watched = Watched(*configs)
    assert chapters(watched.client_story) == ["client hello", "server hello", "session keys", "finished"]


def test_a_pre_shared_key_needs_no_certificate() -> None:
    story = Watched(*classic(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256)).client_story
    assert chapters(story) == [*SIX[:1], "server hello", *SIX[2:]]


def test_tls13_has_the_phases_of_its_rfc() -> None:
    for watched in (Watched(), with_retry()):
        assert chapters(watched.client_story) == chapters(watched.server_story)
        assert chapters(watched.client_story)[:2] == ["client hello", "server hello"]
        assert chapters(watched.client_story)[2:] == ["server parameters", "authentication", "finished"]
    assert "authentication" not in chapters(resumed().client_story)


@pytest.mark.parametrize(
    "suite", [CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA, CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256]
)
def test_the_keys_are_told_with_the_suite_by_its_name(suite: CipherSuite) -> None:
    watched = Watched(*classic(suite))
    for story in (watched.client_story, watched.server_story):
        told = [step.trace.cipher_suite for step in story.steps if isinstance(step.trace, KeysInstalled)]
        assert told == [suite.name, suite.name]
