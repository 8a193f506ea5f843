from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from turtls.crypto import prf as prfs
from turtls.crypto.hashes import SHA256, SHA384


def test_prf_of_tls_12() -> None:
    # https://www.ietf.org/mail-archive/web/tls/current/msg03416.html
    prf = prfs.PHash(SHA256, bytes.fromhex("9bbe436ba940f017b17652849a71db35"))
    output = prf.expand(b"test label", bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"), 100)
    assert output.hex() == (
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17"
        "abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
    )


def test_prf_of_tls_10() -> None:
    # http://www.imc.org/ietf-tls/mail-archive/msg01589.html
    output = prfs.PrfMd5Sha1(b"\xab" * 48).expand(b"PRF Testvector", b"\xcd" * 64, 104)
    assert output.hex() == (
        "d3d4d1e349b5d515044666d51de32bab258cb521b6b053463e354832fd976754443bcf9a296519bc289abcbc1187e4ebd31e602353776c40"
        "8aafb74cbc85eff69255f9788faa184cbb957a9819d84a5d7eb006eb459d3ae8de9810454b8b2d8f1afbc655a8c9a013"
    )


def p_hash(name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """RFC 5246, section 5, word for word."""
    a = [seed]
    output = b""
    while len(output) < length:
        a.append(hmac.digest(secret, a[-1], name))
        output += hmac.digest(secret, a[-1] + seed, name)
    return output[:length]


@given(secret=st.binary(max_size=200), seed=st.binary(max_size=70), length=st.integers(0, 120))
def test_every_length_of_secret_and_output(secret: bytes, seed: bytes, length: int) -> None:
    labelled = b"label" + seed
    assert prfs.PHash(SHA256, secret).expand(b"label", seed, length) == p_hash("sha256", secret, labelled, length)
    assert prfs.PHash(SHA384, secret).expand(b"label", seed, length) == p_hash("sha384", secret, labelled, length)
    half = -(-len(secret) // 2)
    left = p_hash("md5", secret[:half], labelled, length)
    right = p_hash("sha1", secret[len(secret) - half :], labelled, length)
    assert prfs.PrfMd5Sha1(secret).expand(b"label", seed, length) == bytes(
        x ^ y for x, y in zip(left, right, strict=True)
    )
