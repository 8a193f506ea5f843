from __future__ import annotations

import hmac
import os
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from tests.builds import sources_only
from turtls.crypto.hashes import SHA1, SHA256, SHA384, Hash
from turtls.errors import Fault, ProtocolError
from turtls.record import limits, protection_cbc
from turtls.record.protection_cbc import ProtectionCbc
from turtls.wire.registries import ContentType, ProtocolVersion

DATA, HANDSHAKE = ContentType.application_data, ContentType.handshake
TLS_1_0, TLS_1_1, TLS_1_2 = ProtocolVersion.TLS_1_0, ProtocolVersion.TLS_1_1, ProtocolVersion.TLS_1_2
LIMIT = limits.MAX_INNER_PLAINTEXT
KEY, IV = b"k" * 16, b"i" * 16
HASHES = pytest.mark.parametrize("mac", [SHA1, SHA256, SHA384], ids=lambda mac: mac.name)


def protection(
    mac: Hash = SHA256,
    version: ProtocolVersion = TLS_1_2,
    *,
    encrypt_then_mac: bool = False,
    random: Callable[[int], bytes] = os.urandom,
) -> ProtectionCbc:
    return ProtectionCbc(
        mac, version, b"m" * mac.digest_size, KEY, IV, encrypt_then_mac=encrypt_then_mac, random=random
    )


def mac_of(mac: Hash, sequence: int, content_type: int, version: int, content: bytes) -> bytes:
    prefix = sequence.to_bytes(8, "big") + bytes((content_type,)) + version.to_bytes(2, "big")
    return hmac.digest(b"m" * mac.digest_size, prefix + len(content).to_bytes(2, "big") + content, mac.name)


def encrypt(iv: bytes, plaintext: bytes) -> bytes:
    return Cipher(AES(KEY), CBC(iv)).encryptor().update(plaintext)


def decrypt(iv: bytes, ciphertext: bytes) -> bytes:
    return Cipher(AES(KEY), CBC(iv)).decryptor().update(ciphertext)


def open_body(opening: ProtectionCbc, body: bytes) -> bytes:
    header = bytes((HANDSHAKE,)) + opening.version_bytes + len(body).to_bytes(2, "big")
    return opening.open(header, body, LIMIT)[1]


def split(stream: bytes) -> list[bytes]:
    bodies = []
    while stream:
        end = 5 + int.from_bytes(stream[3:5], "big")
        bodies.append(stream[5:end])
        stream = stream[end:]
    return bodies


def refused(opening: ProtectionCbc, body: bytes) -> Fault:
    with pytest.raises(ProtocolError) as caught:
        open_body(opening, body)
    return caught.value.fault


class TestSealing:
    @HASHES
    def test_mac_then_encrypt(self, mac: Hash) -> None:
        (body,) = split(protection(mac).seal(DATA, b"hello", LIMIT, 0))
        plaintext = decrypt(body[:16], body[16:])
        content = b"hello" + mac_of(mac, 0, DATA, TLS_1_2, b"hello")
        padding = -(len(content) + 1) % 16
        assert plaintext == content + bytes((padding,)) * (padding + 1)

    @HASHES
    def test_encrypt_then_mac(self, mac: Hash) -> None:
        """RFC 7366, section 3."""
        (body,) = split(protection(mac, encrypt_then_mac=True).seal(DATA, b"hello", LIMIT, 0))
        encrypted, tag = body[: -mac.digest_size], body[-mac.digest_size :]
        assert tag == mac_of(mac, 0, DATA, TLS_1_2, encrypted)
        assert decrypt(encrypted[:16], encrypted[16:]) == b"hello" + b"\x0a" * 11

    @pytest.mark.parametrize("version", [TLS_1_1, TLS_1_2])
    def test_the_iv_is_new_each_time(self, version: ProtocolVersion) -> None:
        sealing = protection(SHA1, version)
        bodies = [split(sealing.seal(DATA, b"x", LIMIT, 0))[0] for _ in range(20)]
        assert len({body[:16] for body in bodies}) == 20

    def test_the_iv_comes_from_the_randomness_given(self) -> None:
        (body,) = split(protection(random=lambda length: b"r" * length).seal(DATA, b"x", LIMIT, 0))
        assert body[:16] == b"r" * 16

    def test_the_iv_of_tls_1_0_is_the_last_block(self) -> None:
        sealing = protection(SHA1, TLS_1_0)
        first, second = split(sealing.seal(HANDSHAKE, b"a", LIMIT, 0) + sealing.seal(HANDSHAKE, b"b", LIMIT, 0))
        assert decrypt(IV, first).startswith(b"a" + mac_of(SHA1, 0, HANDSHAKE, TLS_1_0, b"a"))
        assert decrypt(first[-16:], second).startswith(b"b" + mac_of(SHA1, 1, HANDSHAKE, TLS_1_0, b"b"))

    @pytest.mark.parametrize(
        ("version", "content_type", "lengths"),
        [
            (TLS_1_0, DATA, [1, 2**14 - 1, 1, 99]),
            (TLS_1_0, HANDSHAKE, [2**14, 100]),
            (TLS_1_1, DATA, [2**14, 100]),
            (TLS_1_2, DATA, [2**14, 100]),
        ],
    )
    def test_only_application_data_of_tls_1_0_are_split(
        self, version: ProtocolVersion, content_type: ContentType, lengths: list[int]
    ) -> None:
        sealing, opening = protection(SHA1, version), protection(SHA1, version)
        bodies = split(sealing.seal(content_type, bytes(2**14 + 100), LIMIT, 0))
        opened = [
            opening.open(bytes((content_type,)) + opening.version_bytes + bytes(2), body, LIMIT)[1] for body in bodies
        ]
        assert [len(content) for content in opened] == lengths

    def test_a_single_byte_is_not_split(self) -> None:
        assert len(split(protection(SHA1, TLS_1_0).seal(DATA, b"x", LIMIT, 0))) == 1


def padded(mac: Hash, content: bytes, padding: bytes) -> bytes:
    """The body of a first record of TLS 1.2, MAC then encrypt."""
    return IV + encrypt(IV, content + mac_of(mac, 0, HANDSHAKE, TLS_1_2, content) + padding)


class TestPadding:
    @HASHES
    def test_any_right_padding_is_taken(self, mac: Hash) -> None:
        content = bytes(range(200)) * 2
        for last in range(-(len(content) + mac.digest_size + 1) % 16, 256, 16):
            assert open_body(protection(mac), padded(mac, content, bytes((last,)) * (last + 1))) == content

    @pytest.mark.parametrize("last", [1, 15, 31, 255])
    def test_every_byte_of_it_is_looked_at(self, last: int) -> None:
        content = bytes(-(SHA256.digest_size + last + 1) % 16)
        for place in range(last):
            padding = bytearray((last,)) * (last + 1)
            padding[place] ^= 1
            assert refused(protection(), padded(SHA256, content, bytes(padding))) is Fault.BAD_RECORD_MAC

    @pytest.mark.parametrize("last", [16, 200, 255])
    def test_more_than_there_is(self, last: int) -> None:
        body = padded(SHA256, b"", bytes((last,)) * 16)
        assert refused(protection(), body) is Fault.BAD_RECORD_MAC

    def test_padding_that_reaches_into_the_mac(self) -> None:
        """All bytes are padding: of right form, but no room is left for a MAC."""
        assert refused(protection(), IV + encrypt(IV, bytes((63,)) * 64)) is Fault.BAD_RECORD_MAC

    @pytest.mark.parametrize("last", [0, 5, 15])
    def test_encrypt_then_mac(self, last: int) -> None:
        content = bytes(15 - last)

        def body(padding: bytes) -> bytes:
            encrypted = IV + encrypt(IV, content + padding)
            return encrypted + mac_of(SHA256, 0, HANDSHAKE, TLS_1_2, encrypted)

        assert open_body(protection(encrypt_then_mac=True), body(bytes((last,)) * (last + 1))) == content
        wrong = bytes((last + 1,)) * (last + 1) if last < 15 else b"\x10" * 16
        assert refused(protection(encrypt_then_mac=True), body(wrong)) is Fault.BAD_RECORD_MAC

    @sources_only
    def test_nothing_is_decrypted_before_it_is_authenticated(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opening = protection(encrypt_then_mac=True)
        (body,) = split(protection(encrypt_then_mac=True).seal(HANDSHAKE, b"hello", LIMIT, 0))
        monkeypatch.setattr(opening, "_cipher", None)
        assert refused(opening, body[:-1] + bytes((body[-1] ^ 1,))) is Fault.BAD_RECORD_MAC


class CountingHash:
    """In the place of hashlib's and hmac's objects: notes how many bytes each call is given."""

    def __init__(self, calls: list[int], digest_size: int) -> None:
        self.calls = calls
        self.digest_size = digest_size

    def copy(self) -> CountingHash:
        return self

    def update(self, data: bytes) -> None:
        self.calls.append(len(data))

    def digest(self) -> bytes:
        return bytes(self.digest_size)


class TestLucky13:
    @HASHES
    @pytest.mark.parametrize("length", [320, 992, 4096])
    @sources_only
    def test_the_same_work_whatever_the_padding(self, mac: Hash, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """For right paddings of each length and for wrong ones, the hash function runs equally often."""
        work = set()
        endings = [bytes((last,)) * (last + 1) for last in range(256)]
        for ending in [*endings, b"\x01\x02", b"\xfe\xff", b"\x00\x05"]:
            opening = protection(mac)
            of_mac: list[int] = []
            besides: list[int] = []
            monkeypatch.setattr(opening, "_hmac", CountingHash(of_mac, mac.digest_size))
            monkeypatch.setattr(opening, "_hash", NotedHash(mac, besides))
            plaintext = ending.rjust(length, b"\xaa")
            assert refused(opening, IV + encrypt(IV, plaintext)) is Fault.BAD_RECORD_MAC
            assert of_mac[0] == 13
            compressions = self.compressions(mac, sum(of_mac)) + sum(besides) // mac.block_size
            calls = (len(of_mac), of_mac[1], len(besides))
            assert max(of_mac[2], *besides) < 2048  # from where hashlib lets go of the interpreter's lock
            work.add((compressions, calls))
        assert len(work) == 1

    def compressions(self, mac: Hash, length: int) -> int:
        """FIPS 180-4, section 5.1: a one bit, and the length in an eighth of a block."""
        return -(-(length + 1 + mac.block_size // 8) // mac.block_size)

    def test_the_comparison_of_padding_has_one_width(self) -> None:
        tails = [protection_cbc._PADDINGS[last] ^ protection_cbc._MASKS[last] for last in range(256)]
        assert {number.bit_length() for number in (*protection_cbc._PADDINGS,)} == {256 * 8 + 2}
        assert {number.bit_length() for number in (*protection_cbc._MASKS, *tails)} == {256 * 8 + 8}


class NotedHash:
    def __init__(self, mac: Hash, calls: list[int]) -> None:
        self.block_size = mac.block_size
        self.calls = calls

    def new(self, data: bytes) -> None:
        self.calls.append(len(data))
