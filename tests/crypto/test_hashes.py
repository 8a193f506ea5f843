from __future__ import annotations

import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from turtls.crypto.hashes import MD5, MD5_SHA1, SHA1, SHA256, SHA384, SHA512, Hash, HmacKey

ALL = (MD5, SHA1, SHA256, SHA384, SHA512)


@pytest.mark.parametrize(("hash", "size"), [(MD5, 16), (SHA1, 20), (SHA256, 32), (SHA384, 48), (SHA512, 64)])
def test_sizes(hash: Hash, size: int) -> None:
    assert hash.digest_size == len(hash.digest(b"abc")) == len(hash.zeros) == size
    assert hash.empty == hash.digest(b"")


def test_new_can_be_fed() -> None:
    state = SHA256.new(b"ab")
    state.update(b"c")
    assert state.digest() == SHA256.digest(b"abc")


def test_hmac_of_rfc_4231() -> None:
    expected = bytes.fromhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    key = b"\x0b" * 20
    assert SHA256.hmac(key, b"Hi There") == expected
    assert HmacKey(SHA256, key).digest(b"Hi There") == expected


@example(hash=SHA256, key=b"longer than a block" * 4, messages=[b"", b"x"])
@given(hash=st.sampled_from(ALL), key=st.binary(max_size=200), messages=st.lists(st.binary(max_size=200), max_size=3))
def test_one_hmac_key_serves_many_messages(hash: Hash, key: bytes, messages: list[bytes]) -> None:
    kept = HmacKey(hash, key)
    for message in messages:
        assert kept.digest(message) == hmac.digest(key, message, hash.name)


@given(chunks=st.lists(st.binary(max_size=100), max_size=4))
def test_md5_and_sha1_side_by_side(chunks: list[bytes]) -> None:
    state = MD5_SHA1.new()
    for chunk in chunks:
        state.update(chunk)
    data = b"".join(chunks)
    assert state.digest() == MD5_SHA1.digest(data) == MD5.digest(data) + SHA1.digest(data)


def test_a_copy_goes_its_own_way() -> None:
    for hash in (*ALL, MD5_SHA1):
        state = hash.new(b"a")
        other = state.copy()
        other.update(b"b")
        assert (state.digest(), other.digest()) == (hash.digest(b"a"), hash.digest(b"ab"))
    assert MD5_SHA1.digest_size == 36


def test_repr() -> None:
    assert repr(SHA256) == "Hash('sha256')"
