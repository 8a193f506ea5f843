from __future__ import annotations

import json

import pytest

from tests.explain.handshakes import Watched, localhost, resumed, with_retry
from turtls.errors import AlertDescription
from turtls.events import AlertSeen, HandshakeMessageSeen, KeysInstalled, StepTaken
from turtls.explain.chain import chain_facts
from turtls.explain.story import Side, Story
from turtls.explain.words import MESSAGES
from turtls.wire.messages import HandshakeMessage
from turtls.wire.messages12 import Certificate12, ServerHelloDone, ServerKeyExchange
from turtls.wire.registries import SignatureScheme

FULL = [
    ("client", "ClientHello", False),
    ("server", "ServerHello", False),
    ("server", "EncryptedExtensions", True),
    ("server", "Certificate", True),
    ("server", "CertificateVerify", True),
    ("server", "Finished", True),
    ("client", "Finished", True),
    ("server", "NewSessionTicket", True),
    ("server", "NewSessionTicket", True),
]


def told(story: Story) -> list[tuple[Side, str, bool]]:
    return [(step.side, step.name, step.message.encrypted) for step in story.messages if step.message is not None]


def test_both_sides_tell_the_same_story() -> None:
    watched = Watched()
    assert told(watched.client_story) == told(watched.server_story) == FULL


def test_a_resumed_session_needs_no_certificate() -> None:
    names = [name for _, name, _ in told(resumed().server_story)]
    assert names[:5] == ["ClientHello", "ServerHello", "EncryptedExtensions", "Finished", "Finished"]


def test_a_retry_is_told() -> None:
    names = [name for _, name, _ in told(with_retry().client_story)]
    assert names[:4] == ["ClientHello", "HelloRetryRequest", "ClientHello", "ServerHello"]


def test_every_step_has_words_and_goes_into_json() -> None:
    for story in (Watched().server_story, with_retry().client_story):
        seconds = [step.seconds for step in story.steps]
        assert seconds == sorted(seconds)
        for step in story.steps:
            assert step.words.title
            assert json.loads(json.dumps(step.as_json()))["name"] == step.name


def test_who_did_what() -> None:
    story = Story("server")
    story(KeysInstalled("received", "handshake", "TLS_AES_128_GCM_SHA256", "because"))
    story(AlertSeen("received", AlertDescription.BAD_CERTIFICATE))
    story(AlertSeen("sent", 250))
    story(StepTaken("version", "The newest.", {"chosen": 0x0304}))
    assert [step.side for step in story.steps] == ["server", "client", "server", "server"]
    titles = [step.words.title for step in story.steps]
    assert titles == [
        "The server decrypts what it receives with its handshake keys",
        "The client sends the alert bad_certificate",
        "The server sends the alert 250",
        "Which version?",
    ]
    assert story.steps[3].as_json()["details"] == {"chosen": "772"}


def test_what_the_server_showed_can_be_asked_for() -> None:
    story = Watched().client_story
    credential, _ = localhost()
    assert tuple(story.certificates("server")) == credential.chain
    assert story.certificates("client") == []
    assert story.signature_scheme("server") == SignatureScheme.ecdsa_secp256r1_sha256
    assert resumed().client_story.signature_scheme("server") is None


def test_the_messages_of_tls12_are_told_by_the_same_names() -> None:
    story = Story("client")
    for message in (
        Certificate12(certificate_list=list(localhost()[0].chain)),
        ServerKeyExchange(content=b"params"),
        ServerHelloDone(),
    ):
        story(HandshakeMessageSeen("received", message, message.to_bytes(), encrypted=False))
    assert [step.name for step in story.messages] == ["Certificate", "ServerKeyExchange", "ServerHelloDone"]
    assert tuple(story.certificates("server")) == localhost()[0].chain
    [_, _, certificates] = story.messages[0].fields
    assert "issued by" in certificates.parts[0].value


def test_every_message_has_words() -> None:
    declared = [kind for kind in HandshakeMessage.__subclasses__() if kind.__name__ != "HelloRequest"]
    assert {kind.__name__ for kind in declared if kind.__module__.startswith("turtls.")} <= MESSAGES.keys()


def test_a_story_has_an_end() -> None:
    story = Story("client")
    for _ in range(10_000):
        story(AlertSeen("received", 0))
    assert len(story.steps) < 1000


@pytest.mark.parametrize("certificate", localhost()[0].chain)
def test_certificates_in_words(certificate: bytes) -> None:
    [facts] = chain_facts([certificate, b"garbage"])
    assert facts.key == "P-256"
    assert facts.subject
    assert facts.issuer
    assert len(facts.sha256) == 64
    assert facts.days_left(facts.not_after) == 0
    assert facts.as_json(facts.not_before)["not_before"] == facts.not_before.isoformat()


def test_the_leaf_is_shown_with_its_names() -> None:
    leaf = chain_facts(localhost()[0].chain)[0]
    assert leaf.names == ("localhost", "127.0.0.1")
