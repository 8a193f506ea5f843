"""The fast way through bulk data has no rules of its own: what it gives is what `open` gives, record by record."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builds import sources_only
from turtls.crypto.aead import AES_128_GCM, CHACHA20_POLY1305
from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import SUITES13
from turtls.errors import Fault, ProtocolError
from turtls.record.layer import RecordLayer
from turtls.record.limits import MAX_INNER_PLAINTEXT, MAX_PLAINTEXT
from turtls.record.protection import Protection
from turtls.record.protection12 import Protection12Aead
from turtls.record.protection13 import Protection13
from turtls.wire.registries import CipherSuite, ContentType

DATA = ContentType.application_data
LIMIT = 100


def protection13(cipher_suite: CipherSuite) -> Protection13:
    suite = SUITES13[cipher_suite]
    return Protection13(suite, TrafficSecret(suite.hash, b"s" * 32))


MakeProtection = Callable[[], Protection]
PROTECTIONS: dict[str, MakeProtection] = {
    "1.3 GCM": lambda: protection13(CipherSuite.TLS_AES_128_GCM_SHA256),
    "1.3 CCM_8": lambda: protection13(CipherSuite.TLS_AES_128_CCM_8_SHA256),
    "1.2 GCM": lambda: Protection12Aead(AES_128_GCM, b"k" * 16, b"salt"),
    "1.2 ChaCha20": lambda: Protection12Aead(CHACHA20_POLY1305, b"k" * 32, b"i" * 12),
}

Outcome = tuple[list[tuple[ContentType, bytes]], Fault | None]

records = st.lists(
    st.tuples(
        st.sampled_from([DATA, DATA, DATA, ContentType.handshake]),
        st.integers(1, LIMIT + 5),
        st.sampled_from([0, 0, 32]),
    ),
    min_size=1,
    max_size=8,
)


def sealed(make: MakeProtection, contents: list[tuple[ContentType, int, int]]) -> bytes:
    protection = make()
    return b"".join(
        protection.seal(content_type, bytes((length,)) * length, 2**14, padding)
        for content_type, length, padding in contents
    )


def read(layer: RecordLayer, chunks: list[bytes]) -> Outcome:
    received: list[tuple[ContentType, bytes]] = []
    try:
        for chunk in chunks:
            layer.feed(chunk)
            while True:
                if data := layer.read_application_data():
                    received.append((DATA, data))
                if not (record := layer.next_record()):
                    break
                received.append(record)
    except ProtocolError as error:
        return joined(received), error.fault
    return joined(received), None


def joined(received: list[tuple[ContentType, bytes]]) -> list[tuple[ContentType, bytes]]:
    result: list[tuple[ContentType, bytes]] = []
    for content_type, content in received:
        if result and result[-1][0] == content_type == DATA:
            content = result.pop()[1] + content
        result.append((content_type, content))
    return result


def layer_with(protection: Protection) -> RecordLayer:
    layer = RecordLayer()
    layer.feed(b"\x16\x03\x03\x00\x01-")  # a connection does not begin with protected records
    layer.next_record()
    layer.install_read(protection)
    layer.receive_limit = LIMIT
    return layer


@pytest.mark.parametrize("make", PROTECTIONS.values(), ids=PROTECTIONS)
@given(contents=records, cuts=st.lists(st.integers(0, 1000), max_size=4), damage=st.none() | st.integers(0, 1000))
@sources_only
def test_the_fast_way_gives_what_the_slow_way_gives(
    make: MakeProtection, contents: list[tuple[ContentType, int, int]], cuts: list[int], damage: int | None
) -> None:
    stream = bytearray(sealed(make, contents))
    if damage is not None:
        stream[damage % len(stream)] ^= 0x21
    edges = [0, *sorted(cuts), len(stream)]
    chunks = [bytes(stream[start:end]) for start, end in pairwise(edges)]
    fast = make()
    slow = make()
    slow_layer = layer_with(slow)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(slow), "open_data", Protection.open_data)
        expected = read(slow_layer, chunks)
    assert read(layer_with(fast), chunks) == expected
    assert fast._sequence == slow._sequence


@pytest.mark.parametrize("make", PROTECTIONS.values(), ids=PROTECTIONS)
def test_the_fast_way_takes_all_that_is_plain(make: MakeProtection) -> None:
    protection = make()
    stream = sealed(make, [(DATA, 50, 0)] * 5)
    assert protection.open_data(stream + stream[:30], LIMIT) == (bytes((50,)) * 250, len(stream))
    assert protection._sequence == 5


@pytest.mark.parametrize("make", PROTECTIONS.values(), ids=PROTECTIONS)
@given(
    content=records.map(lambda contents: contents[0]),
    extra=st.integers(-3, 3),
    damage=st.none() | st.integers(0, 1000),
)
def test_a_lone_record_is_opened_or_left_alone(
    make: MakeProtection, content: tuple[ContentType, int, int], extra: int, damage: int | None
) -> None:
    record = bytearray(sealed(make, [content]))
    if damage is not None:
        record[damage % len(record)] ^= 0x21
    received = bytes(record + bytes(extra) if extra > 0 else record[: len(record) + extra])
    fast, slow = make(), make()
    opened = fast.open_lone_data(received, LIMIT)
    assert fast._sequence == bool(opened)
    expected, end = slow.open_data(received, LIMIT)
    assert opened == (expected if end == len(received) else b"")


@pytest.mark.parametrize("make", PROTECTIONS.values(), ids=PROTECTIONS)
@given(length=st.integers(1, 5 * LIMIT))
def test_many_records_are_what_one_after_another_would_be(make: MakeProtection, length: int) -> None:
    at_once, one_by_one = make(), make()
    data = bytes(n % 251 for n in range(length))
    step = LIMIT - 1 if at_once.hides_type else LIMIT
    pieces = [data[start : start + step] for start in range(0, length, step)]
    records = [one_by_one.seal(DATA, piece, LIMIT, 0) for piece in pieces]
    assert at_once.seal(DATA, data, LIMIT, 0) == b"".join(records)
    assert at_once._sequence == one_by_one._sequence == len(pieces)


@pytest.mark.parametrize("make", PROTECTIONS.values(), ids=PROTECTIONS)
@pytest.mark.parametrize("length", [2 * LIMIT, 2 * LIMIT + 1, 3 * LIMIT])
def test_many_records_end_with_the_sequence_numbers(make: MakeProtection, length: int) -> None:
    protection = make()
    step = LIMIT - 1 if protection.hides_type else LIMIT
    count = -(-length // step)
    protection._sequence = 2**64 - count
    protection.seal(DATA, bytes(length), LIMIT, 0)
    assert protection._sequence == 2**64
    protection._sequence = 2**64 - count + 1
    with pytest.raises(ProtocolError) as caught:
        protection.seal(DATA, bytes(length), LIMIT, 0)
    assert caught.value.fault is Fault.SEQUENCE_EXHAUSTED


@pytest.mark.parametrize("make", PROTECTIONS.values(), ids=PROTECTIONS)
@given(lengths=st.lists(st.integers(0, LIMIT + 2) | st.integers(LIMIT - 2, LIMIT + 2), max_size=8))
def test_a_lone_record_is_sealed_or_left_alone(make: MakeProtection, lengths: list[int]) -> None:
    fast, slow = make(), make()
    for length in lengths:
        sealed = fast.seal_lone_data(b"x" * length, LIMIT)
        longest = LIMIT - 1 if slow.hides_type else LIMIT
        assert sealed == (slow.seal(DATA, b"x" * length, LIMIT, 0) if 0 < length <= longest else b"")
        assert fast._sequence == slow._sequence


@pytest.mark.parametrize("make", PROTECTIONS.values(), ids=PROTECTIONS)
def test_lone_records_of_more_than_a_record(make: MakeProtection) -> None:
    for length in (MAX_PLAINTEXT, MAX_PLAINTEXT + 1):
        sealed = make().seal_lone_data(bytes(length), MAX_INNER_PLAINTEXT)
        expected = make().seal(DATA, bytes(length), MAX_INNER_PLAINTEXT, 0) if length == MAX_PLAINTEXT else b""
        assert sealed == expected


@pytest.mark.parametrize("make", PROTECTIONS.values(), ids=PROTECTIONS)
def test_lone_records_end_before_the_keys_are_worn_out(make: MakeProtection) -> None:
    sealing, opening = make(), make()
    for protection in (sealing, opening):
        protection._sequence = protection._soft_limit - 1
    record = sealing.seal_lone_data(b"data", LIMIT)
    assert opening.open_lone_data(record, LIMIT) == b"data"
    assert sealing.seal_lone_data(b"data", LIMIT) == b""
    assert opening.open_lone_data(sealing.seal(DATA, b"data", LIMIT, 0), LIMIT) == b""
    assert (sealing._sequence, opening._sequence) == (sealing._soft_limit + 1, opening._soft_limit)


@pytest.mark.parametrize("make", PROTECTIONS.values(), ids=PROTECTIONS)
def test_the_fast_way_ends_with_the_sequence_numbers(make: MakeProtection) -> None:
    protection = make()
    stream = sealed(make, [(DATA, 50, 0)] * 2)
    protection._sequence = 2**64
    assert read(layer_with(protection), [stream]) == ([], Fault.SEQUENCE_EXHAUSTED)
