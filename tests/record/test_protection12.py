from __future__ import annotations

import os
from typing import Literal

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from tests.builds import sources_only
from turtls.crypto.aead import AES_128_CCM_8, AES_128_GCM, AES_256_CCM, CHACHA20_POLY1305
from turtls.crypto.suites12 import SUITES12, Suite12
from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.layer import RecordLayer
from turtls.record.protection import Protection
from turtls.record.protection12 import Protection12Aead, protections
from turtls.wire.registries import CipherSuite, ContentType, ProtocolVersion

DATA, HANDSHAKE = ContentType.application_data, ContentType.handshake
LIMIT = limits.MAX_INNER_PLAINTEXT
KEY_BLOCK = bytes(range(256))


def one_of_each_kind() -> list[tuple[Suite12, ProtocolVersion, bool]]:
    """Every cipher with every MAC, in every version that has it, in every order of MAC and encryption."""
    kinds: dict[object, tuple[Suite12, ProtocolVersion, bool]] = {}
    for suite in SUITES12.values():
        for version in (ProtocolVersion.TLS_1_0, ProtocolVersion.TLS_1_1, ProtocolVersion.TLS_1_2):
            for encrypt_then_mac in (False, True) if suite.is_cbc else (False,):
                if version >= suite.min_version:
                    kind = (suite.aead, suite.mac, suite.key_length, version, encrypt_then_mac)
                    kinds.setdefault(kind, (suite, version, encrypt_then_mac))
    return list(kinds.values())


def name_of(kind: tuple[Suite12, ProtocolVersion, bool]) -> str:
    suite, version, encrypt_then_mac = kind
    return f"{suite.suite.name.partition('_WITH_')[2]}-{version.name}-{'EtM' if encrypt_then_mac else ''}"


KINDS = pytest.mark.parametrize("kind", one_of_each_kind(), ids=name_of)


def client_and_server(kind: tuple[Suite12, ProtocolVersion, bool]) -> tuple[Protection, Protection]:
    suite, version, encrypt_then_mac = kind
    block = KEY_BLOCK[: suite.key_block.size]
    return protections(suite, version, block, encrypt_then_mac=encrypt_then_mac, random=os.urandom)


def connected(kind: tuple[Suite12, ProtocolVersion, bool]) -> tuple[RecordLayer, RecordLayer]:
    source, target = RecordLayer(), RecordLayer()
    source.install_write(client_and_server(kind)[0])
    target.install_read(client_and_server(kind)[0])
    return source, target


def fault_of(protection: Protection, record: bytes, size_limit: int = LIMIT) -> Fault:
    with pytest.raises(ProtocolError) as caught:
        protection.open(record[:5], record[5:], size_limit)
    return caught.value.fault


class TestEveryKind:
    @KINDS
    @given(
        contents=st.lists(
            st.tuples(st.sampled_from([DATA, HANDSHAKE]), st.binary(min_size=1, max_size=300)), max_size=5
        )
    )
    def test_what_is_sealed_opens(
        self, kind: tuple[Suite12, ProtocolVersion, bool], contents: list[tuple[ContentType, bytes]]
    ) -> None:
        source, target = connected(kind)
        for content_type, content in contents:
            source.write(content_type, memoryview(content))
            target.feed(source.take_output())
            if content_type == DATA:
                assert target.read_application_data() == content
            else:
                assert target.next_record() == (content_type, content)
            assert target.next_record() is None

    @KINDS
    @pytest.mark.parametrize("limit", [64, 1000, LIMIT])
    def test_long_data_go_in_records_of_the_peers_size(
        self, kind: tuple[Suite12, ProtocolVersion, bool], limit: int
    ) -> None:
        source, target = connected(kind)
        source.send_limit = target.receive_limit = limit
        data = KEY_BLOCK * 200
        source.write(DATA, data)
        target.feed(source.take_output())
        assert target.read_application_data() == data

    @KINDS
    def test_a_longer_record_than_the_limit(self, kind: tuple[Suite12, ProtocolVersion, bool]) -> None:
        client, _ = client_and_server(kind)
        record = client.seal(HANDSHAKE, bytes(101), LIMIT, 0)
        assert fault_of(client_and_server(kind)[0], record, size_limit=100) is Fault.RECORD_LIMIT_EXCEEDED

    @KINDS
    @sources_only
    def test_a_longer_record_than_the_protocol_has(
        self, kind: tuple[Suite12, ProtocolVersion, bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client, _ = client_and_server(kind)
        with monkeypatch.context() as patch:
            patch.setattr(limits, "MAX_PLAINTEXT", 2**14 + 1)
            record = client.seal(HANDSHAKE, bytes(2**14 + 1), 2**14 + 1, 0)
        assert fault_of(client_and_server(kind)[0], record) is Fault.RECORD_OVERFLOW

    @KINDS
    def test_a_change_anywhere_is_seen_and_named_alike(self, kind: tuple[Suite12, ProtocolVersion, bool]) -> None:
        client, _ = client_and_server(kind)
        record = client.seal(HANDSHAKE, b"seventeen bytes, ", LIMIT, 0)
        for place in range(5, len(record)):
            changed = bytearray(record)
            changed[place] ^= 0x40
            assert fault_of(client_and_server(kind)[0], bytes(changed)) is Fault.BAD_RECORD_MAC

    @KINDS
    def test_the_type_and_the_place_are_authenticated(self, kind: tuple[Suite12, ProtocolVersion, bool]) -> None:
        client, _ = client_and_server(kind)
        record = client.seal(HANDSHAKE, b"x", LIMIT, 0)
        assert fault_of(client_and_server(kind)[0], bytes((DATA,)) + record[1:]) is Fault.BAD_RECORD_MAC
        later, _ = client_and_server(kind)
        later._sequence = 1
        assert fault_of(later, record) is Fault.BAD_RECORD_MAC

    @KINDS
    @pytest.mark.parametrize("length", [0, 1, 7, 8, 15, 16, 31, 32, 47, 48, 63, 64, 65])
    def test_a_body_too_short_or_of_no_whole_blocks(
        self, kind: tuple[Suite12, ProtocolVersion, bool], length: int
    ) -> None:
        record = bytes.fromhex("160303") + length.to_bytes(2, "big") + bytes(length)
        assert fault_of(client_and_server(kind)[0], record) is Fault.BAD_RECORD_MAC

    @KINDS
    def test_the_two_directions_have_their_own_keys(self, kind: tuple[Suite12, ProtocolVersion, bool]) -> None:
        client, server = client_and_server(kind)
        assert fault_of(server, client.seal(HANDSHAKE, b"x", LIMIT, 0)) is Fault.BAD_RECORD_MAC

    @KINDS
    def test_sequence_numbers_end(self, kind: tuple[Suite12, ProtocolVersion, bool]) -> None:
        client, _ = client_and_server(kind)
        client._sequence = 2**64
        with pytest.raises(ProtocolError) as caught:
            client.seal(HANDSHAKE, b"x", LIMIT, 0)
        assert caught.value.fault is Fault.SEQUENCE_EXHAUSTED
        assert fault_of(client, bytes.fromhex("1603030040") + bytes(64)) is Fault.SEQUENCE_EXHAUSTED

    @KINDS
    def test_the_header_has_the_version(self, kind: tuple[Suite12, ProtocolVersion, bool]) -> None:
        record = client_and_server(kind)[0].seal(HANDSHAKE, b"x", LIMIT, 0)
        assert record[1:3] == kind[1].to_bytes(2, "big")


class TestAead:
    def test_gcm_sends_the_sequence_number_along(self) -> None:
        """RFC 5288, section 3, put together by hand."""
        key, salt = KEY_BLOCK[:16], KEY_BLOCK[16:20]
        sealing = Protection12Aead(AES_128_GCM, key, salt)
        sealing._sequence = 5
        sequence = bytes.fromhex("0000000000000005")
        body = sequence + AESGCM(key).encrypt(salt + sequence, b"hello", sequence + bytes.fromhex("17 0303 0005"))
        assert sealing.seal(DATA, b"hello", LIMIT, 0) == bytes.fromhex("17 0303 001d") + body

    def test_gcm_takes_any_explicit_nonce(self) -> None:
        key, salt, explicit = KEY_BLOCK[:16], KEY_BLOCK[16:20], b"whatever"
        sealed = AESGCM(key).encrypt(salt + explicit, b"hello", bytes(8) + bytes.fromhex("17 0303 0005"))
        record = bytes.fromhex("17 0303 001d") + explicit + sealed
        assert Protection12Aead(AES_128_GCM, key, salt).open(record[:5], record[5:], LIMIT) == (
            23,
            b"hello",
        )

    def test_chacha20_makes_the_nonce_of_the_sequence_number(self) -> None:
        """RFC 7905, section 2, put together by hand."""
        key, iv = KEY_BLOCK[:32], bytes.fromhex("00112233445566778899aabb")
        sealing = Protection12Aead(CHACHA20_POLY1305, key, iv)
        sealing._sequence = 0x0102
        nonce = bytes.fromhex("00112233445566778899abb9")
        additional_data = bytes.fromhex("0000000000000102 17 0303 0005")
        body = ChaCha20Poly1305(key).encrypt(nonce, b"hello", additional_data)
        assert sealing.seal(DATA, b"hello", LIMIT, 0) == bytes.fromhex("17 0303 0015") + body

    @pytest.mark.parametrize(("aead", "overhead"), [(AES_128_GCM, 24), (AES_256_CCM, 24), (AES_128_CCM_8, 16)])
    def test_overhead(self, aead: object, overhead: int) -> None:
        suite = next(suite for suite in SUITES12.values() if suite.aead is aead)
        client, _ = client_and_server((suite, ProtocolVersion.TLS_1_2, False))
        assert len(client.seal(DATA, b"hello", LIMIT, 0)) == 5 + 5 + overhead

    @pytest.mark.parametrize("form", ["b", "B"])
    def test_a_view_of_any_kind_of_bytes_is_sealed_in_many_records(self, form: Literal["b", "B"]) -> None:
        source, target = (Protection12Aead(AES_128_GCM, bytes(16), bytes(4)) for _ in range(2))
        data = bytes(range(256)) * 200
        output = source.seal(DATA, memoryview(data).cast(form), LIMIT, 0)
        assert target.open_data(output, LIMIT) == (data, len(output))

    def test_an_empty_record_is_the_callers_matter(self) -> None:
        key, salt = KEY_BLOCK[:16], KEY_BLOCK[16:20]
        sealed = AESGCM(key).encrypt(salt + bytes(8), b"", bytes(8) + bytes.fromhex("17 0303 0000"))
        body = bytes(8) + sealed
        assert Protection12Aead(AES_128_GCM, key, salt).open(bytes.fromhex("17 0303 0018"), body, LIMIT) == (23, b"")


class TestKeyBlock:
    """RFC 5246, section 6.3: MAC keys, keys, IVs, each the client's first."""

    def test_an_aead_has_no_mac_keys(self) -> None:
        suite = SUITES12[CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
        client, server = client_and_server((suite, ProtocolVersion.TLS_1_2, False))
        assert client.seal(DATA, b"x", LIMIT, 0) == self.seal(KEY_BLOCK[:16], KEY_BLOCK[32:36])
        assert server.seal(DATA, b"x", LIMIT, 0) == self.seal(KEY_BLOCK[16:32], KEY_BLOCK[36:40])

    def seal(self, key: bytes, salt: bytes) -> bytes:
        return Protection12Aead(AES_128_GCM, key, salt).seal(DATA, b"x", LIMIT, 0)
