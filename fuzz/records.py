"""The record layer, under keys that anyone can seal with: else no noise would come past the first tag."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag

from turtls.crypto.aead import AEAD, Buffer
from turtls.crypto.cbc import AesCbc
from turtls.crypto.hashes import SHA1, SHA256, SHA384
from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import Suite13
from turtls.crypto.suites12 import BLOCK_LENGTH
from turtls.errors import Fault, ProtocolError
from turtls.record.layer import RecordLayer
from turtls.record.limits import MAX_PLAINTEXT, MIN_RECORD_SIZE_LIMIT
from turtls.record.protection import Protection
from turtls.record.protection12 import Protection12Aead
from turtls.record.protection13 import Protection13
from turtls.record.protection_cbc import ProtectionCbc
from turtls.wire.registries import CipherSuite, ContentType, ProtocolVersion

TAG: Final = bytes(16)


class NullKey:
    """Encrypts nothing; a tag is right if it is zero. Satisfies `crypto.aead.AEADKey`."""

    def __init__(self, _key: bytes) -> None:
        pass

    def encrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes:
        return bytes(data) + TAG

    def decrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes:
        if data[-len(TAG) :] != TAG:
            raise InvalidTag
        return bytes(data[: -len(TAG)])

    def encrypt_into(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer) -> int:
        return _fill(buf, self.encrypt(nonce, data, associated_data))

    def decrypt_into(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer) -> int:
        return _fill(buf, self.decrypt(nonce, data, associated_data))


def _fill(buffer: Buffer, data: bytes) -> int:
    memoryview(buffer)[:] = data
    return len(data)


NULL_AEAD: Final = AEAD("null", NullKey, key_length=16, limit_records=2**24)
_SUITE = Suite13(CipherSuite.TLS_AES_128_GCM_SHA256, NULL_AEAD, SHA256)


def records_plain(data: bytes) -> None:
    """Records before there are keys."""
    _both_ways(data, lambda: None)


def records13(data: bytes) -> None:
    """Records of TLS 1.3."""
    _both_ways(data, lambda: Protection13(_SUITE, TrafficSecret(_SUITE.hash, bytes(32))))


def records12(data: bytes) -> None:
    """Records of TLS 1.2 with the explicit nonce of AES-GCM."""
    _both_ways(data, lambda: Protection12Aead(NULL_AEAD, bytes(16), bytes(4)))


def records12_chacha(data: bytes) -> None:
    """Records of TLS 1.2 with the nonce of ChaCha20-Poly1305."""
    _both_ways(data, lambda: Protection12Aead(NULL_AEAD, bytes(32), bytes(12)))


# ------------------------------------------------------------------------------------------- two ways to read

Taken = list[tuple[int, bytes]]

_PIECES = (2**16, 1, 7, 100)
_FIRST = b"\x16\x03\x03\x00\x01\x00"


def _both_ways(data: bytes, protection: Callable[[], Protection | None]) -> None:
    """A byte of switches, then what the transport brings. The fast way to read must find what the slow way does."""
    if not data:
        return
    switches, stream = data[0], data[1:]
    slow = _read(_layer(switches, protection()), stream, _PIECES[switches & 3], fast=False)
    fast = _read(_layer(switches, protection()), stream, _PIECES[switches & 3], fast=True)
    assert slow == fast


def _layer(switches: int, protection: Protection | None) -> RecordLayer:
    layer = RecordLayer()
    if protection is not None:  # no connection begins with protected records
        layer.feed(_FIRST)
        layer.next_record()
        layer.install_read(protection)
    layer.ignore_ccs = bool(switches & 0x04)
    layer.accept_plaintext_alert = bool(switches & 0x08)
    layer.accept_v2_hello = bool(switches & 0x10)
    if switches & 0x20:
        layer.skip_undecryptable(100)
    if switches & 0x40:
        layer.skip_application_data(100)
    if switches & 0x80:
        layer.receive_limit = MIN_RECORD_SIZE_LIMIT
    return layer


def _read(layer: RecordLayer, stream: bytes, piece: int, *, fast: bool) -> tuple[Taken, Fault | None, bytes]:
    """What is read until it ends or fails, runs of application data as one; the fault; and what is left over."""
    taken: Taken = []
    try:
        for start in range(0, len(stream), piece):
            layer.feed(stream[start : start + piece])
            while (record := _next(layer, fast=fast)) is not None:
                _add(taken, *record)
                assert len(record[1]) <= max(MAX_PLAINTEXT, len(stream))
    except ProtocolError as error:
        return taken, error.fault, b""
    return taken, None, bytes(layer.inbound)


def _next(layer: RecordLayer, *, fast: bool) -> tuple[int, bytes] | None:
    if fast and (content := layer.read_application_data()):
        return ContentType.application_data, content
    return layer.next_record()


def _add(taken: Taken, content_type: int, content: bytes) -> None:
    if content_type == ContentType.application_data and taken and taken[-1][0] == content_type:
        content = taken.pop()[1] + content
    if content:
        taken.append((content_type, content))


# ------------------------------------------------------------------------------------------- AES-CBC

_KEY, _MAC_KEY, _IV = bytes(16), bytes(20), bytes(BLOCK_LENGTH)
_HASHES = (SHA1, SHA256, SHA384)
_HEADER = b"\x17\x03\x03"


def records_cbc(data: bytes) -> None:
    """A byte of switches, then what is encrypted. It must open exactly where a plain reading of the RFC opens it.

    The switches choose the version, the hash, the order of MAC and encryption, and whether the MAC over all but the
    last bytes, which then are padding, is made here: by chance it would never be right.
    """
    if not data:
        return
    switches, inside = data[0], data[1:]
    version = ProtocolVersion.TLS_1_0 if switches & 1 else ProtocolVersion.TLS_1_2
    encrypt_then_mac = bool(switches & 2)
    hash = _HASHES[(switches >> 2) % 3]
    protection = ProtectionCbc(hash, version, _MAC_KEY, _KEY, _IV, encrypt_then_mac=encrypt_then_mac, random=bytes)

    def mac(content: bytes) -> bytes:
        covered = bytes(8) + _HEADER + len(content).to_bytes(2, "big") + content
        return hmac.digest(_MAC_KEY, covered, hash.name)

    if switches & 0x10 and not encrypt_then_mac and inside:
        end = max(len(inside) - 1 - inside[-1], 0)
        inside = inside[:end] + mac(inside[:end]) + inside[end:]
    inside += bytes((-len(inside) % BLOCK_LENGTH,)) * (-len(inside) % BLOCK_LENGTH)
    body = AesCbc(_KEY).encrypt(_IV, inside)
    if version != ProtocolVersion.TLS_1_0:
        body = _IV + body
    if encrypt_then_mac:
        body += mac(body)
    expected = _content(inside, 0 if encrypt_then_mac else hash.digest_size, mac)
    try:
        opened = protection.open(_HEADER + len(body).to_bytes(2, "big"), body, MAX_PLAINTEXT)
    except ProtocolError as error:
        assert expected is None or len(expected) > MAX_PLAINTEXT
        assert error.fault in (Fault.BAD_RECORD_MAC, Fault.RECORD_OVERFLOW)
    else:
        assert opened == (ContentType.application_data, expected)


def _content(inside: bytes, mac_length: int, mac: Callable[[bytes], bytes]) -> bytes | None:
    """RFC 5246, section 6.2.3.2, as one would write it with nothing to hide; None if padding or MAC is wrong."""
    if not inside:
        return None
    padding = inside[-1] + 1
    length = len(inside) - padding - mac_length
    if length < 0 or inside[-padding:] != inside[-1:] * padding:
        return None
    if mac_length and inside[length : length + mac_length] != mac(inside[:length]):
        return None
    return inside[:length]
