from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag

from turtls.crypto.aead import AEAD, AEADS
from turtls.crypto.suites import SUITES13
from turtls.wire.registries import CipherSuite


def test_all_five_suites_of_rfc_8446() -> None:
    assert {
        name: (known.aead.name, known.aead.key_length, known.aead.tag_length, known.hash.name)
        for name, known in ((suite.name, SUITES13[suite]) for suite in SUITES13)
    } == {
        "TLS_AES_128_GCM_SHA256": ("AES-128-GCM", 16, 16, "sha256"),
        "TLS_AES_256_GCM_SHA384": ("AES-256-GCM", 32, 16, "sha384"),
        "TLS_CHACHA20_POLY1305_SHA256": ("ChaCha20-Poly1305", 32, 16, "sha256"),
        "TLS_AES_128_CCM_SHA256": ("AES-128-CCM", 16, 16, "sha256"),
        "TLS_AES_128_CCM_8_SHA256": ("AES-128-CCM-8", 16, 8, "sha256"),
    }
    assert all(suite == known.suite for suite, known in SUITES13.items())


def test_limits_of_rfc_8446_section_5_5() -> None:
    assert AEADS["AES-128-GCM"].limit_records == AEADS["AES-256-GCM"].limit_records == 23_726_566
    assert AEADS["ChaCha20-Poly1305"].limit_records == 2**64 - 1
    assert SUITES13[CipherSuite.TLS_AES_128_CCM_SHA256].aead.limit_records == 2**23


@pytest.mark.parametrize("aead", AEADS.values(), ids=AEADS.keys())
def test_sealing_and_opening(aead: AEAD) -> None:
    key = aead.new(bytes(range(aead.key_length)))
    nonce = b"n" * 12
    sealed = key.encrypt(nonce, b"plaintext", b"header")
    assert len(sealed) == 9 + aead.tag_length
    assert key.decrypt(nonce, sealed, b"header") == b"plaintext"
    for wrong in (
        (b"m" * 12, sealed, b"header"),
        (nonce, sealed[:-1] + bytes((sealed[-1] ^ 1,)), b"header"),
        (nonce, sealed[:-1], b"header"),
        (nonce, b"", b"header"),
        (nonce, sealed, b"other!"),
    ):
        with pytest.raises(InvalidTag):
            key.decrypt(*wrong)


@pytest.mark.parametrize("aead", AEADS.values(), ids=AEADS.keys())
def test_sealing_and_opening_in_place(aead: AEAD) -> None:
    key = aead.new(bytes(range(aead.key_length)))
    nonce = b"n" * 12
    sealed = bytearray(9 + aead.tag_length)
    assert key.encrypt_into(nonce, b"plaintext", b"header", sealed) == len(sealed)
    assert sealed == key.encrypt(nonce, b"plaintext", b"header")
    opened = bytearray(9)
    assert key.decrypt_into(nonce, sealed, b"header", opened) == 9
    assert opened == b"plaintext"


def test_repr() -> None:
    assert repr(AEADS["AES-128-GCM"]) == "AEAD('AES-128-GCM')"
