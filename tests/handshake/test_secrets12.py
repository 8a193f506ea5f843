"""Each purpose has its own label and seed (RFC 5246, sections 6.3, 7.4.9 and 8.1; RFC 7627, section 4; RFC 5705)."""

from __future__ import annotations

import os

import pytest

from turtls.config import Environment
from turtls.crypto.hashes import SHA256
from turtls.crypto.prf import PHash
from turtls.crypto.suites12 import SUITES12
from turtls.handshake.over_records import RecordCarrier
from turtls.handshake.peer import Peer
from turtls.handshake.secrets12 import Secrets12, make_master_secret
from turtls.handshake.transcript import Transcript
from turtls.record.protection12 import protections
from turtls.wire.registries import CipherSuite, ContentType, ProtocolVersion

TLS12 = ProtocolVersion.TLS_1_2
SUITE = SUITES12[CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
CLIENT_RANDOM, SERVER_RANDOM, MASTER_SECRET = b"c" * 32, b"s" * 32, b"m" * 48
PRF = PHash(SHA256, MASTER_SECRET)


def secrets() -> Secrets12:
    return Secrets12(TLS12, SUITE, CLIENT_RANDOM, SERVER_RANDOM, MASTER_SECRET, extended=True)


def transcript_of(messages: bytes) -> Transcript:
    transcript = Transcript()
    transcript.start(SHA256)
    transcript.add(messages)
    return transcript


@pytest.mark.parametrize(
    ("extended", "label", "seed"),
    [
        (False, b"master secret", CLIENT_RANDOM + SERVER_RANDOM),
        (True, b"extended master secret", SHA256.digest(b"up to ClientKeyExchange")),
    ],
)
def test_the_master_secret(extended: bool, label: bytes, seed: bytes) -> None:
    made = make_master_secret(
        Peer(RecordCarrier(is_client=True, padding=0), Environment(), [], None, None),
        TLS12,
        SUITE,
        b"premaster secret",
        transcript_of(b"up to ClientKeyExchange"),
        client_random=CLIENT_RANDOM,
        server_random=SERVER_RANDOM,
        extended=extended,
    )
    assert made.master_secret == PHash(SHA256, b"premaster secret").expand(label, seed, 48)


@pytest.mark.parametrize(("client", "label"), [(True, b"client finished"), (False, b"server finished")])
def test_what_finished_says(client: bool, label: bytes) -> None:
    verify_data = secrets().verify_data(transcript_of(b"all messages"), client=client)
    assert verify_data == PRF.expand(label, SHA256.digest(b"all messages"), 12)


def test_keys_for_records_begin_with_the_server_s_random() -> None:
    block = PRF.expand(b"key expansion", SERVER_RANDOM + CLIENT_RANDOM, 2 * (16 + 4))
    expected = protections(SUITE, TLS12, block, encrypt_then_mac=False, random=os.urandom)
    for ours, theirs in zip(secrets().protections(os.urandom, encrypt_then_mac=False), expected, strict=True):
        assert ours.seal(ContentType.handshake, b"x", 2**14, 0) == theirs.seal(ContentType.handshake, b"x", 2**14, 0)


@pytest.mark.parametrize(("context", "encoded"), [(None, b""), (b"", b"\0\0"), (b"ctx", b"\0\3ctx")])
def test_exporter_tells_no_context_from_an_empty_one(context: bytes | None, encoded: bytes) -> None:
    exported = secrets().export(b"EXPORTER-x", context, 40)
    assert exported == PRF.expand(b"EXPORTER-x", CLIENT_RANDOM + SERVER_RANDOM + encoded, 40)
