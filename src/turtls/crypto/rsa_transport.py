"""RSA key transport (RFC 5246, section 7.4.7.1), as safe as it can be made.

Bleichenbacher's attack needs a server that behaves differently for a premaster secret that is padded wrongly. So
nothing here fails: OpenSSL's implicit rejection gives made-up bytes for bad padding, and what has the wrong length or
version is exchanged for random bytes. The client learns of either only when the Finished messages do not fit.
"""

from __future__ import annotations

import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding, rsa

from turtls.crypto.keys import KeyKind, PublicKey
from turtls.errors import Fault, ProtocolError

PREMASTER_LENGTH: Final = 48

_PKCS1 = padding.PKCS1v15()


def encrypt_premaster(public_key: PublicKey, premaster: bytes) -> bytes:
    """The premaster secret for the holder of a certificate.

    Raises ProtocolError: WRONG_KEY_TYPE, or UNSUPPORTED_KEY if it is no key of RSA's but in form (an even modulus).
    """
    if public_key.kind is not KeyKind.RSA:
        raise ProtocolError(Fault.WRONG_KEY_TYPE, f"{public_key} where RSA key transport was chosen")
    try:
        encrypted: bytes = public_key.key.encrypt(premaster, _PKCS1)
    except ValueError:
        raise ProtocolError(Fault.UNSUPPORTED_KEY, "nothing can be encrypted to it") from None
    return encrypted


def decrypt(private_key: rsa.RSAPrivateKey, untrusted_ciphertext: bytes) -> bytes:
    """What was encrypted, or made-up bytes; empty where the ciphertext has not the length of the modulus."""
    try:
        return private_key.decrypt(untrusted_ciphertext, _PKCS1)
    except ValueError:
        return b""


def checked_premaster(untrusted_plaintext: bytes, offered_version: int, random: bytes) -> bytes:
    """The premaster secret if it has 48 bytes and the version the client offered, else the 48 random bytes.

    Both candidates are made before either is chosen, and the choice is by index, not by branch.
    """
    candidate = untrusted_plaintext.ljust(PREMASTER_LENGTH, b"\0")[:PREMASTER_LENGTH]
    right_version = hmac.compare_digest(candidate[:2], offered_version.to_bytes(2, "big"))
    right_length = len(untrusted_plaintext) == PREMASTER_LENGTH
    return (random, candidate)[right_version & right_length]
