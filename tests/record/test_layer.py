from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import SUITES13
from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.layer import RecordLayer
from turtls.record.protection13 import Protection13
from turtls.wire.registries import CipherSuite, ContentType

SUITE = SUITES13[CipherSuite.TLS_AES_128_GCM_SHA256]
SECRET = TrafficSecret(SUITE.hash, b"s" * 32)
OTHER_SECRET = TrafficSecret(SUITE.hash, b"t" * 32)
CCS = bytes.fromhex("14 0303 0001 01")
HANDSHAKE, ALERT, DATA = ContentType.handshake, ContentType.alert, ContentType.application_data

Content = tuple[ContentType, bytes]


def sender(secret: TrafficSecret | None = SECRET) -> RecordLayer:
    layer = RecordLayer()
    layer.install_write(Protection13(SUITE, secret) if secret else None)
    return layer


def receiver(secret: TrafficSecret | None = SECRET) -> RecordLayer:
    layer = RecordLayer()
    layer.install_read(Protection13(SUITE, secret) if secret else None)
    return layer


def sealed(*contents: Content, secret: TrafficSecret = SECRET) -> bytes:
    layer = sender(secret)
    for content in contents:
        layer.write(*content)
    return layer.take_output()


def inner(plaintext: bytes, header: bytes | None = None) -> bytes:
    """A first record with just that TLSInnerPlaintext in it."""
    key = Protection13(SUITE, SECRET)
    header = header or b"\x17\x03\x03" + (len(plaintext) + 16).to_bytes(2, "big")
    return header + key._aead.encrypt(key._nonce(), plaintext, header)


def plain(content_type: int, body: bytes) -> bytes:
    return bytes((content_type, 3, 3)) + len(body).to_bytes(2, "big") + body


def drain(layer: RecordLayer) -> list[Content]:
    return list(iter(layer.next_record, None))


def refused(layer: RecordLayer, received: bytes = b"") -> Fault:
    layer.feed(received)
    with pytest.raises(ProtocolError) as caught:
        drain(layer)
    return caught.value.fault


class TestReading:
    @pytest.mark.parametrize("protect", [False, True])
    @given(
        contents=st.lists(
            st.tuples(st.sampled_from([HANDSHAKE, ALERT]), st.binary(min_size=1, max_size=50)), max_size=6
        ),
        cuts=st.lists(st.integers(0, 400), max_size=12),
    )
    def test_any_chunks_give_the_same_records(self, protect: bool, contents: list[Content], cuts: list[int]) -> None:
        source, target = (sender(), receiver()) if protect else (RecordLayer(), RecordLayer())
        for content in contents:
            source.write(*content)
        stream = source.take_output()
        edges = [0, *sorted(cuts), len(stream)]
        received = []
        for start, end in pairwise(edges):
            target.feed(stream[start:end])
            received += drain(target)
        assert received == contents

    @given(
        contents=st.lists(
            st.tuples(st.sampled_from([HANDSHAKE, DATA]), st.binary(min_size=1, max_size=50)), max_size=9
        ),
        cuts=st.lists(st.integers(0, 600), max_size=6),
    )
    def test_application_data_is_read_in_bulk_up_to_another_type(
        self, contents: list[Content], cuts: list[int]
    ) -> None:
        stream = sealed(*contents)
        edges = [0, *sorted(cuts), len(stream)]
        target = receiver()
        received: list[Content] = []
        for start, end in pairwise(edges):
            target.feed(stream[start:end])
            while True:
                if data := target.read_application_data():
                    received.append((DATA, data))
                if not (record := target.next_record()):
                    break
                received.append(record)
        assert merged(received) == merged(contents)

    @given(st.binary(min_size=5, max_size=200), st.booleans())
    def test_garbage_ends_in_a_protocol_error_or_waits(self, garbage: bytes, protect: bool) -> None:
        layer = receiver() if protect else RecordLayer()
        layer.feed(garbage)
        with suppress(ProtocolError):
            drain(layer)

    @given(st.data())
    def test_a_changed_byte_never_gives_other_content(self, data: st.DataObject) -> None:
        stream = bytearray(sealed((DATA, b"attack at dawn"), (DATA, b"or at dusk")))
        stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
        layer = receiver()
        layer.feed(stream)
        received = layer.read_application_data()
        assert received in (b"", b"attack at dawn")
        layer.feed(bytes(limits.MAX_CIPHERTEXT13))  # the header may announce more than is there
        with pytest.raises(ProtocolError):
            drain(layer)

    def test_what_was_good_before_an_error_is_given_out_first(self) -> None:
        layer = receiver()
        layer.feed(sealed((DATA, b"good")) + plain(DATA, bytes(40)))
        assert layer.read_application_data() == b"good"
        assert refused(layer) is Fault.BAD_RECORD_MAC

    def test_buffers_of_the_caller_are_not_kept(self) -> None:
        stream = bytearray(plain(HANDSHAKE, b"hello"))
        layer = RecordLayer()
        layer.feed(memoryview(stream)[:7])
        stream[:] = bytes(len(stream))
        layer.feed(b"llo")
        assert layer.next_record() == (HANDSHAKE, b"hello")

    def test_what_is_fed_while_nobody_reads_is_moved_once(self) -> None:
        """Else a peer's many small pieces would be moved again and again while something is awaited."""
        layer = RecordLayer()
        kept = layer.inbound
        stream = plain(HANDSHAKE, b"hello")
        for byte in stream:
            layer.feed(bytes((byte,)))
        assert layer.inbound is kept
        assert layer.inbound == stream

    def test_content_is_given_out_as_bytes(self) -> None:
        layer = receiver()
        layer.feed(bytearray(sealed((HANDSHAKE, b"x"), (DATA, b"y"), (DATA, b"z"))))
        record = layer.next_record()
        assert record == (HANDSHAKE, b"x")
        assert type(record[1]) is bytes
        data = layer.read_application_data()
        assert (type(data), data) == (bytes, b"yz")

    def test_there_is_no_application_data_without_protection(self) -> None:
        layer = RecordLayer()
        layer.feed(plain(HANDSHAKE, b"x"))
        assert layer.read_application_data() == b""
        assert layer.next_record() == (HANDSHAKE, b"x")

    def test_what_is_unread(self) -> None:
        layer = receiver()
        layer.feed(sealed((ALERT, b"\1\0")) + b"in the clear again")
        assert layer.next_record() == (ALERT, b"\1\0")
        assert layer.inbound == b"in the clear again"

    def test_keys_change_between_two_records(self) -> None:
        layer = receiver()
        layer.feed(sealed((HANDSHAKE, b"finished")) + sealed((DATA, b"data"), secret=OTHER_SECRET))
        assert layer.next_record() == (HANDSHAKE, b"finished")
        layer.install_read(Protection13(SUITE, OTHER_SECRET))
        assert layer.read_application_data() == b"data"

    def test_a_whole_stream_in_single_bytes(self) -> None:
        contents = [(DATA, bytes(2000)), (ALERT, b"\1\0")]
        layer = receiver()
        received = []
        for byte in sealed(*contents):
            layer.feed(bytes((byte,)))
            received += drain(layer)
        assert received == contents


def merged(contents: list[Content]) -> list[Content]:
    """Neighbouring pieces of application data as one: records keep no boundaries there."""
    result: list[Content] = []
    for content_type, content in contents:
        if result and result[-1][0] == content_type == DATA:
            content = result.pop()[1] + content
        result.append((content_type, content))
    return result


class TestHeaders:
    @pytest.mark.parametrize("version", ["0300", "0301", "0302", "0303", "0304", "03ff"])
    def test_only_the_major_version_counts_before_there_are_keys(self, version: str) -> None:
        layer = RecordLayer()
        layer.feed(bytes.fromhex(f"16 {version} 0001 01"))
        assert layer.next_record() == (HANDSHAKE, b"\x01")

    def test_the_version_is_fixed_under_protection(self) -> None:
        assert refused(receiver(), bytes.fromhex("17 0301 0020")) is Fault.BAD_RECORD_VERSION

    @pytest.mark.parametrize("protect", [False, True])
    def test_an_unknown_type(self, protect: bool) -> None:
        layer = receiver() if protect else RecordLayer()
        layer.feed(sealed((DATA, b"x")) if protect else plain(HANDSHAKE, b"x"))
        layer.next_record()
        assert refused(layer, bytes.fromhex("18 0303 0003")) is Fault.BAD_RECORD_TYPE

    @pytest.mark.parametrize(("protect", "limit"), [(False, limits.MAX_PLAINTEXT), (True, limits.MAX_CIPHERTEXT13)])
    def test_a_length_beyond_the_limit_is_refused_by_its_header(self, protect: bool, limit: int) -> None:
        layer = receiver() if protect else RecordLayer()
        header = b"\x17\x03\x03" if protect else b"\x16\x03\x03"
        layer.feed(header + limit.to_bytes(2, "big"))
        assert layer.next_record() is None
        layer = receiver() if protect else RecordLayer()
        assert refused(layer, header + (limit + 1).to_bytes(2, "big")) is Fault.RECORD_OVERFLOW

    def test_application_data_without_protection(self) -> None:
        assert refused(RecordLayer(), plain(DATA, b"x")) is Fault.UNEXPECTED_RECORD


class TestProtectedContent:
    def test_one_byte_more_than_a_record_holds(self) -> None:
        layer = receiver()
        layer.feed(inner(bytes(limits.MAX_PLAINTEXT) + b"\x17"))
        assert layer.read_application_data() == bytes(limits.MAX_PLAINTEXT)
        assert refused(receiver(), inner(bytes(limits.MAX_PLAINTEXT + 1) + b"\x17")) is Fault.RECORD_OVERFLOW

    def test_record_size_limit_counts_type_and_padding(self) -> None:
        layer = receiver()
        layer.receive_limit = 64
        layer.feed(inner(b"x" * 60 + b"\x17\0\0\0"))
        assert layer.read_application_data() == b"x" * 60
        layer = receiver()
        layer.receive_limit = 64
        assert refused(layer, inner(b"x" * 60 + b"\x17\0\0\0\0")) is Fault.RECORD_LIMIT_EXCEEDED

    def test_record_size_limit_does_not_bind_what_is_not_protected(self) -> None:
        layer = RecordLayer()
        layer.receive_limit = 64
        layer.feed(plain(HANDSHAKE, bytes(100)))
        assert layer.next_record() == (HANDSHAKE, bytes(100))

    @pytest.mark.parametrize("content", [b"\0", bytes(300)])
    def test_nothing_but_padding(self, content: bytes) -> None:
        assert refused(receiver(), inner(content)) is Fault.ALL_PADDING

    def test_not_even_padding(self) -> None:
        assert refused(receiver(), inner(b"")) is Fault.ALL_PADDING

    @pytest.mark.parametrize("length", [0, 1, 15])
    def test_shorter_than_a_tag(self, length: int) -> None:
        assert refused(receiver(), plain(DATA, bytes(length))) is Fault.BAD_RECORD_MAC

    @pytest.mark.parametrize("content_type", [20, 24, 99])
    def test_a_type_that_is_never_protected(self, content_type: int) -> None:
        assert refused(receiver(), inner(b"\x01" + bytes((content_type,)))) is Fault.UNEXPECTED_RECORD

    @pytest.mark.parametrize("content_type", [20, 21, 22])
    def test_the_outer_type_is_application_data(self, content_type: int) -> None:
        header = bytes((content_type, 3, 3, 0, 19))
        assert refused(receiver(), inner(b"\x01\x00\x15", header)) is Fault.UNEXPECTED_RECORD

    def test_replayed_and_reordered_records_do_not_decrypt(self) -> None:
        first, second = (sealed((DATA, b"1"))), sealed((DATA, b"1"), (DATA, b"2"))[23:]
        layer = receiver()
        layer.feed(first)
        layer.next_record()
        assert refused(layer, first) is Fault.BAD_RECORD_MAC
        assert refused(receiver(), second) is Fault.BAD_RECORD_MAC


class TestEmptyRecords:
    @pytest.mark.parametrize("content_type", [20, 21, 22])
    def test_only_application_data_may_be_empty(self, content_type: int) -> None:
        assert refused(RecordLayer(), plain(content_type, b"")) is Fault.UNEXPECTED_RECORD
        assert refused(receiver(), inner(bytes((content_type,)))) is Fault.UNEXPECTED_RECORD

    @pytest.mark.parametrize("bulk", [False, True])
    def test_too_many_in_a_row(self, bulk: bool) -> None:
        key = Protection13(SUITE, SECRET)

        def record(plaintext: bytes) -> bytes:
            header = b"\x17\x03\x03" + (len(plaintext) + 16).to_bytes(2, "big")
            ciphertext = key._aead.encrypt(key._nonce(), plaintext, header)
            key._sequence += 1
            return header + ciphertext

        layer = receiver()
        stream = b"".join(record(b"\x17") for _ in range(limits.MAX_EMPTY_RECORDS)) + record(b"x\x17")
        layer.feed(stream)
        if bulk:
            assert layer.read_application_data() == b"x"
        else:
            assert drain(layer)[-1] == (DATA, b"x")
        layer.feed(b"".join(record(b"\x17") for _ in range(limits.MAX_EMPTY_RECORDS)))
        assert layer.read_application_data() == b""
        layer.feed(record(b"\x17"))
        assert layer.read_application_data() == b""
        assert refused(layer) is Fault.TOO_MANY_EMPTY_RECORDS


class TestChangeCipherSpec:
    def test_is_dropped_while_it_may_come(self) -> None:
        layer = receiver()
        layer.ignore_ccs = True
        layer.feed(CCS + sealed((HANDSHAKE, b"finished")))
        assert drain(layer) == [(HANDSHAKE, b"finished")]

    def test_is_dropped_before_there_are_keys(self) -> None:
        layer = RecordLayer()
        layer.ignore_ccs = True
        layer.feed(CCS + plain(HANDSHAKE, b"hello"))
        assert drain(layer) == [(HANDSHAKE, b"hello")]

    def test_is_refused_later(self) -> None:
        assert refused(receiver(), CCS) is Fault.UNEXPECTED_RECORD

    def test_is_handed_on_where_it_has_a_meaning(self) -> None:
        layer = RecordLayer()
        layer.feed(CCS)
        assert layer.next_record() == (ContentType.change_cipher_spec, b"\x01")

    def test_a_warning_between_them_changes_nothing(self) -> None:
        layer = RecordLayer()
        layer.ignore_ccs = True
        layer.feed(CCS * limits.MAX_EMPTY_RECORDS + plain(ALERT, b"\x01\x5a"))
        assert drain(layer) == [(ALERT, b"\x01\x5a")]
        assert refused(layer, CCS) is Fault.TOO_MANY_EMPTY_RECORDS

    @pytest.mark.parametrize("body", [b"", b"\x02", b"\x01\x01"])
    def test_holds_a_single_one(self, body: bytes) -> None:
        layer = RecordLayer()
        layer.ignore_ccs = True
        assert refused(layer, plain(20, body)) is Fault.UNEXPECTED_RECORD

    def test_too_many(self) -> None:
        layer = RecordLayer()
        layer.ignore_ccs = True
        layer.feed(CCS * limits.MAX_EMPTY_RECORDS)
        assert drain(layer) == []
        assert refused(layer, CCS) is Fault.TOO_MANY_EMPTY_RECORDS


class TestPlaintextAlert:
    def test_where_the_peer_may_not_have_keys_yet(self) -> None:
        layer = receiver()
        layer.accept_plaintext_alert = True
        layer.feed(plain(ALERT, b"\x02\x28"))
        assert layer.next_record() == (ALERT, b"\x02\x28")

    def test_elsewhere(self) -> None:
        assert refused(receiver(), plain(ALERT, b"\x02\x28")) is Fault.UNEXPECTED_RECORD

    @pytest.mark.parametrize("record", [plain(ALERT, b"\x02"), plain(ALERT, bytes(19)), plain(HANDSHAKE, b"\x02\x28")])
    def test_nothing_else_in_the_clear(self, record: bytes) -> None:
        layer = receiver()
        layer.accept_plaintext_alert = True
        assert refused(layer, record) is Fault.UNEXPECTED_RECORD


class TestRejectedEarlyData:
    def test_what_does_not_decrypt_is_dropped(self) -> None:
        layer = receiver()
        layer.skip_undecryptable(limits.MAX_EARLY_DATA_SKIPPED)
        layer.feed(sealed((DATA, b"early" * 100), (DATA, b"early"), secret=OTHER_SECRET) + sealed((HANDSHAKE, b"fin")))
        assert drain(layer) == [(HANDSHAKE, b"fin")]

    def test_only_until_something_does(self) -> None:
        layer = receiver()
        layer.skip_undecryptable(limits.MAX_EARLY_DATA_SKIPPED)
        stream = sealed((HANDSHAKE, b"fin")) + sealed((DATA, b"early"), secret=OTHER_SECRET)
        assert refused(layer, stream) is Fault.BAD_RECORD_MAC

    def test_not_more_than_was_allowed(self) -> None:
        layer = receiver()
        layer.skip_undecryptable(100)
        early = sealed((DATA, bytes(100 - 17)), secret=OTHER_SECRET)
        layer.feed(early)
        assert layer.next_record() is None
        assert refused(layer, early) is Fault.TOO_MUCH_EARLY_DATA
        layer = receiver()
        layer.skip_undecryptable(100)
        assert refused(layer, sealed((DATA, bytes(101)), secret=OTHER_SECRET)) is Fault.TOO_MUCH_EARLY_DATA

    def test_before_the_second_client_hello(self) -> None:
        layer = RecordLayer()
        layer.skip_application_data(1000)
        layer.feed(sealed((DATA, b"early"), (DATA, b"early")) + plain(HANDSHAKE, b"second hello"))
        assert drain(layer) == [(HANDSHAKE, b"second hello")]
        assert refused(layer, plain(DATA, b"late")) is Fault.UNEXPECTED_RECORD

    def test_a_full_record_before_the_second_client_hello(self) -> None:
        """It is protected, and so it may be longer than what is not."""
        layer = RecordLayer()
        layer.skip_application_data(2**15)
        layer.feed(sealed((DATA, bytes(2**14))) + plain(HANDSHAKE, b"second hello"))
        assert drain(layer) == [(HANDSHAKE, b"second hello")]

    def test_too_much_before_the_second_client_hello(self) -> None:
        layer = RecordLayer()
        layer.skip_application_data(100)
        assert refused(layer, plain(DATA, bytes(101))) is Fault.TOO_MUCH_EARLY_DATA

    @pytest.mark.parametrize("secret", [None, SECRET])
    def test_not_for_ever_where_the_records_are_empty(self, secret: TrafficSecret | None) -> None:
        layer = receiver(secret)
        layer.skip_application_data(100)
        layer.skip_undecryptable(100)
        layer.feed(plain(DATA, b"") * limits.MAX_EMPTY_RECORDS)
        assert layer.next_record() is None
        assert refused(layer, plain(DATA, b"")) is Fault.TOO_MANY_EMPTY_RECORDS


class TestWriting:
    def test_nothing_for_no_data(self) -> None:
        for layer in (RecordLayer(), sender()):
            layer.write(HANDSHAKE, b"")
            assert layer.take_output() == b""

    def test_the_version_of_unprotected_records(self) -> None:
        layer = RecordLayer()
        layer.write(HANDSHAKE, b"hello")
        layer.legacy_record_version = 0x0303
        layer.write(ALERT, memoryview(b"\x02\x28"))
        assert layer.take_output() == bytes.fromhex("16 0301 0005") + b"hello" + bytes.fromhex("15 0303 0002 0228")
        assert layer.take_output() == b""

    @pytest.mark.parametrize("protect", [False, True])
    @pytest.mark.parametrize("length", [1, 2**14 - 1, 2**14, 2**14 + 1, 100_000])
    def test_fragments(self, protect: bool, length: int) -> None:
        data = bytes(range(256)) * (length // 256 + 1)
        source, target = (sender(), receiver()) if protect else (RecordLayer(), RecordLayer())
        source.write(HANDSHAKE, memoryview(data)[:length])
        target.feed(source.take_output())
        received = drain(target)
        assert len(received) == -(-length // 2**14)
        assert b"".join(content for _, content in received) == data[:length]

    @pytest.mark.parametrize("limit", [64, 65, 1000, 2**14 + 1])
    @pytest.mark.parametrize("padding", [0, 1, 16, 100, 2**14])
    def test_the_peers_limit_and_padding(self, limit: int, padding: int) -> None:
        source, target = sender(), receiver()
        source.send_limit = target.receive_limit = limit
        source.padding = padding
        source.write(DATA, b"abc" * 500)
        stream = source.take_output()
        target.feed(stream)
        assert target.read_application_data() == b"abc" * 500
        assert target.next_record() is None
        for length in record_lengths(stream):
            inner_length = length - 16
            assert inner_length <= limit
            assert not padding or inner_length % padding == 0 or inner_length == limit

    def test_the_peers_limit_in_the_clear(self) -> None:
        layer = RecordLayer()
        layer.send_limit = 64
        layer.write(HANDSHAKE, bytes(130))
        assert list(record_lengths(layer.take_output())) == [64, 64, 2]

    def test_new_keys_are_asked_for_before_the_limit(self) -> None:
        source, target = sender(), receiver()
        assert (source.needs_key_update, target.needs_peer_key_update) == (False, False)
        for protection in (source._write, target._read):
            assert isinstance(protection, Protection13)
            protection._sequence = SUITE.aead.limit_records - limits.RECORDS_BEFORE_LIMIT - 1
        source.write(DATA, b"x")
        target.feed(source.take_output())
        assert target.read_application_data() == b"x"
        assert (source.needs_key_update, target.needs_peer_key_update) == (True, True)
        assert (source.needs_peer_key_update, target.needs_key_update) == (False, False)


def record_lengths(stream: bytes) -> list[int]:
    lengths = []
    while stream:
        lengths.append(int.from_bytes(stream[3:5], "big"))
        stream = stream[5 + lengths[-1] :]
    return lengths
