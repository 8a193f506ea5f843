from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.crypto.certificates import private_key
from turtls.crypto.keys import KeyKind, PublicKey
from turtls.crypto.rsa_transport import PREMASTER_LENGTH, checked_premaster, decrypt, encrypt_premaster
from turtls.errors import Fault, ProtocolError

KEY = private_key(KeyKind.RSA)
PUBLIC_KEY = PublicKey(KeyKind.RSA, KEY.public_key(), bits=2048)
OFFERED = 0x0303
PREMASTER = b"\x03\x03" + b"p" * 46
RANDOM = b"r" * PREMASTER_LENGTH


def test_what_the_client_encrypts_the_server_decrypts() -> None:
    assert decrypt(KEY, encrypt_premaster(PUBLIC_KEY, PREMASTER)) == PREMASTER
    assert checked_premaster(PREMASTER, OFFERED, RANDOM) == PREMASTER


@pytest.mark.parametrize(
    "plaintext",
    [b"", PREMASTER[:47], PREMASTER + b"p", b"\x03\x01" + PREMASTER[2:], b"\x02\x03" + PREMASTER[2:], bytes(200)],
    ids=["nothing", "too short", "too long", "wrong minor version", "wrong major version", "zeros"],
)
def test_what_is_wrong_is_exchanged_for_random_bytes(plaintext: bytes) -> None:
    assert checked_premaster(plaintext, OFFERED, RANDOM) == RANDOM


def test_wrong_padding_is_no_error_and_gives_the_same_made_up_bytes_each_time() -> None:
    """Implicit rejection: for an attacker a broken ciphertext looks like one of something else."""
    for number in range(2, 20):
        ciphertext = number.to_bytes(256, "big")
        plaintext = decrypt(KEY, ciphertext)
        assert plaintext == decrypt(KEY, ciphertext)
        assert checked_premaster(plaintext, OFFERED, RANDOM) == RANDOM


@pytest.mark.parametrize("ciphertext", [b"", b"\1", b"\1" * 255, b"\1" * 257, b"\xff" * 256])
def test_what_is_no_ciphertext_at_all_is_no_error_either(ciphertext: bytes) -> None:
    assert checked_premaster(decrypt(KEY, ciphertext), OFFERED, RANDOM) == RANDOM


def test_only_rsa_keys_take_part() -> None:
    with pytest.raises(ProtocolError) as caught:
        encrypt_premaster(PublicKey(KeyKind.P256, private_key(KeyKind.P256).public_key()), PREMASTER)
    assert caught.value.fault is Fault.WRONG_KEY_TYPE


def test_a_key_that_nothing_can_be_encrypted_to() -> None:
    numbers = KEY.public_key().public_numbers()
    even = rsa.RSAPublicNumbers(numbers.e, numbers.n - 1).public_key()
    with pytest.raises(ProtocolError) as caught:
        encrypt_premaster(PublicKey(KeyKind.RSA, even, bits=2048), PREMASTER)
    assert caught.value.fault is Fault.UNSUPPORTED_KEY
