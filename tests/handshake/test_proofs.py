"""What can only be had by checking, and what is missing until something was chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.handshake.parties import POLICY, client_config, server_config, shaken
from turtls.config import Policy
from turtls.crypto.hashes import SHA256, SHA384
from turtls.crypto.suites import SUITES13
from turtls.errors import Fault, ProtocolError
from turtls.handshake.established import Established
from turtls.handshake.established12 import Established12
from turtls.handshake.proofs import (
    VerifiedBinder,
    VerifiedFinished,
    VerifiedSignature,
    verify_binder,
    verify_finished,
)
from turtls.handshake.transcript import Transcript
from turtls.wire.registries import ProtocolVersion, SignatureScheme

TLS12 = replace(Policy.INTERMEDIATE, versions=(ProtocolVersion.TLS_1_2,), groups=POLICY.groups)


@pytest.mark.parametrize("mint", [None, object(), "mint"])
def test_a_proof_is_not_made_by_hand(mint: object) -> None:
    for make in (VerifiedFinished, VerifiedBinder, lambda mint: VerifiedSignature(mint, SignatureScheme.ed25519)):
        with pytest.raises(TypeError, match="by checking"):
            make(mint)


def test_a_proof_is_made_by_checking() -> None:
    assert isinstance(verify_finished(b"mac", b"mac"), VerifiedFinished)
    assert isinstance(verify_binder(b"mac", b"mac"), VerifiedBinder)


@pytest.mark.parametrize("wrong", [b"", b"ma", b"mac\0", b"MAC"])
def test_what_does_not_prove_anything(wrong: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        verify_finished(b"mac", wrong)
    assert caught.value.fault is Fault.BAD_FINISHED
    with pytest.raises(ProtocolError) as caught:
        verify_binder(b"mac", wrong)
    assert caught.value.fault is Fault.BAD_BINDER


def test_nothing_is_established_without_the_peer_s_finished() -> None:
    client, _ = shaken()
    old, _ = shaken(client_config(policy=TLS12), server_config(policy=TLS12))
    assert client.negotiated is not None
    assert isinstance(old._established, Established12)
    no_proof: Any = None
    with pytest.raises(TypeError, match="Finished"):
        Established(
            no_proof,
            client.negotiated,
            suite=SUITES13[client.negotiated.cipher_suite],
            client_traffic_secret=b"",
            server_traffic_secret=b"",
            exporter_master_secret=b"",
            resumption_master_secret=b"",
            transcript=None,
        )
    with pytest.raises(TypeError, match="Finished"):
        Established12(no_proof, client.negotiated, old._established.secrets, first_finished=b"")


# ------------------------------------------------------------------------------------------- the transcript


def test_a_transcript_is_hashed_once_the_suite_is_known() -> None:
    transcript = Transcript()
    transcript.add(b"one")
    transcript.add(b"two")
    transcript.start(SHA256)
    transcript.add(b"three")
    assert transcript.started
    assert transcript.digest() == SHA256.digest(b"onetwothree")
    assert transcript.digest_with(b"four") == SHA256.digest(b"onetwothreefour")
    assert transcript.digest() == SHA256.digest(b"onetwothree")
    transcript.start(SHA384)  # too late
    assert transcript.digest() == SHA256.digest(b"onetwothree")
    assert transcript.messages == b""


def test_a_copy_goes_its_own_way() -> None:
    transcript = Transcript()
    transcript.start(SHA256)
    transcript.add(b"one")
    copy = transcript.copy()
    copy.add(b"two")
    assert transcript.digest() == SHA256.digest(b"one")
    assert copy.digest() == SHA256.digest(b"onetwo")


def test_a_retry_leaves_the_hash_of_the_first_hello() -> None:
    """RFC 8446, section 4.4.1."""
    transcript = Transcript()
    transcript.add(b"hello")
    transcript.start(SHA256)
    transcript.begin_again_after_retry()
    transcript.add(b"retry")
    assert transcript.digest() == SHA256.digest(b"\xfe\0\0\x20" + SHA256.digest(b"hello") + b"retry")


def test_messages_are_kept_as_long_as_they_are_signed() -> None:
    """RFC 5246, section 7.4.8."""
    transcript = Transcript()
    transcript.add(b"one")
    transcript.start(SHA256, keep_messages=True)
    transcript.add(b"two")
    assert transcript.messages == b"onetwo"
    transcript.drop_messages()
    transcript.add(b"three")
    assert transcript.messages == b""
    assert transcript.digest() == SHA256.digest(b"onetwothree")


def test_there_is_no_hash_before_there_is_a_suite() -> None:
    assert not Transcript().started
    for use in (Transcript().digest, Transcript().begin_again_after_retry):
        with pytest.raises(RuntimeError, match="not been chosen"):
            use()
