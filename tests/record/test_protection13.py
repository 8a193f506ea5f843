from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import SUITES13, Suite13
from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.protection13 import Protection13
from turtls.wire.registries import CipherSuite, ContentType

AES_128_GCM = SUITES13[CipherSuite.TLS_AES_128_GCM_SHA256]
LIMIT = limits.MAX_INNER_PLAINTEXT


def pair(suite: Suite13) -> tuple[Protection13, Protection13]:
    secret = TrafficSecret(suite.hash, bytes(range(suite.hash.digest_size)))
    return Protection13(suite, secret), Protection13(suite, secret)


def open_record(protection: Protection13, record: bytes) -> tuple[int, bytes]:
    return protection.open(record[:5], record[5:], LIMIT)


def test_rfc8448_section_3_application_data() -> None:
    secret = bytes.fromhex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5")
    records = (
        "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b"
        "62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4",
        "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3",
    )
    contents = ((ContentType.application_data, bytes(range(50))), (ContentType.alert, b"\x01\x00"))
    sealing, opening = (Protection13(AES_128_GCM, TrafficSecret(AES_128_GCM.hash, secret)) for _ in range(2))
    for record, content in zip(records, contents, strict=True):
        assert sealing.seal(*content, LIMIT, 0).hex() == record
        assert open_record(opening, bytes.fromhex(record)) == content


@pytest.mark.parametrize("suite", SUITES13.values(), ids=lambda suite: suite.suite.name)
@given(contents=st.lists(st.tuples(st.integers(20, 23), st.binary(min_size=1, max_size=300)), max_size=4))
def test_what_is_sealed_opens(suite: Suite13, contents: list[tuple[int, bytes]]) -> None:
    sealing, opening = pair(suite)
    for content in contents:
        record = sealing.seal(*content, LIMIT, 0)
        assert len(record) == 5 + len(content[1]) + 1 + suite.aead.tag_length
        assert open_record(opening, record) == content


@pytest.mark.parametrize("suite", SUITES13.values(), ids=lambda suite: suite.suite.name)
@pytest.mark.parametrize("place", [0, 3, 5, 20, -1])
def test_a_changed_byte_does_not_open(suite: Suite13, place: int) -> None:
    sealing, opening = pair(suite)
    record = sealing.seal(ContentType.application_data, b"x" * 40, LIMIT, 0)
    changed = bytearray(record)
    changed[place] ^= 1
    with pytest.raises(ProtocolError) as caught:
        open_record(opening, bytes(changed))
    assert caught.value.fault is Fault.BAD_RECORD_MAC
    assert open_record(opening, record) == (ContentType.application_data, b"x" * 40)


def test_content_that_ends_in_zeros_keeps_them() -> None:
    sealing, opening = pair(AES_128_GCM)
    record = sealing.seal(ContentType.application_data, bytes(20), LIMIT, 64)
    assert len(record) == 5 + 64 + 16
    assert open_record(opening, record) == (ContentType.application_data, bytes(20))


def test_the_last_sequence_number_is_the_end() -> None:
    sealing, opening = pair(AES_128_GCM)
    sealing._sequence = opening._sequence = 2**64 - 1
    record = sealing.seal(ContentType.application_data, b"last", LIMIT, 0)
    assert open_record(opening, record) == (ContentType.application_data, b"last")
    for use in (
        lambda: sealing.seal(ContentType.application_data, b"x", LIMIT, 0),
        lambda: open_record(opening, record),
    ):
        with pytest.raises(ProtocolError) as caught:
            use()
        assert caught.value.fault is Fault.SEQUENCE_EXHAUSTED


@given(length=st.integers(1, 260), padding=st.sampled_from([0, 16, 64, 300]))
def test_many_records_are_what_one_after_another_would_be(length: int, padding: int) -> None:
    at_once, one_by_one = pair(AES_128_GCM)
    data = bytes(n % 251 for n in range(length))
    pieces = [data[start : start + 50] for start in range(0, length, 50)]
    records = [one_by_one._seal_one(ContentType.application_data, piece, 51, padding) for piece in pieces]
    assert at_once.seal(ContentType.application_data, data, 51, padding) == b"".join(records)
    assert at_once._sequence == one_by_one._sequence == len(pieces)


@pytest.mark.parametrize("form", ["b", "B"])
def test_a_view_of_any_kind_of_bytes_is_sealed_in_many_records(form: Literal["b", "B"]) -> None:
    sealing, opening = pair(AES_128_GCM)
    data = bytes(range(256)) * 200
    output = sealing.seal(ContentType.application_data, memoryview(data).cast(form), LIMIT, 0)
    assert opening.open_data(output, LIMIT) == (data, len(output))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_run_ends_near_the_limit_of_the_keys(count: int) -> None:
    """From there on the connection looks at each record, and asks for new keys."""
    sealing, opening = pair(AES_128_GCM)
    opening._soft_limit = 2
    records = sealing.seal(ContentType.application_data, b"x" * 50 * count, 51, 0)
    opened = min(count, 2)
    assert opening.open_data(records, LIMIT) == (b"x" * 50 * opened, opened * (5 + 51 + 16))
    assert opening.near_limit is (count > 1)
    next_record = sealing.seal(ContentType.application_data, b"x", LIMIT, 0)
    assert opening.open_lone_data(next_record, LIMIT) == (b"x" if count == 1 else b"")


@pytest.mark.parametrize("special", ["type", "padded type", "empty", "padded empty", "tag", "version", "length", "cut"])
@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("after", [0, 1])
def test_a_run_stops_at_whatever_is_not_plain(special: str, before: int, after: int) -> None:
    sealing, opening = pair(AES_128_GCM)
    plain = b"".join(sealing.seal(ContentType.application_data, b"plain", LIMIT, 0) for _ in range(before))
    odd = bytearray(
        {
            "type": lambda: sealing.seal(ContentType.handshake, b"x", LIMIT, 0),
            "padded type": lambda: sealing.seal(ContentType.handshake, b"x", LIMIT, 64),
            "empty": lambda: _empty_record(sealing, b"\x17"),
            "padded empty": lambda: _empty_record(sealing, b"\x17\0\0"),
        }.get(special, lambda: sealing.seal(ContentType.application_data, b"x", LIMIT, 0))()
    )
    if special == "tag":
        odd[-1] ^= 1
    elif special == "version":
        odd[2] ^= 1
    elif special == "length":
        odd[3] ^= 0x80
    elif special == "cut":
        del odd[-1 if after == 0 else -6 :]
    rest = sealing.seal(ContentType.application_data, b"rest", LIMIT, 0) * after
    if not before:
        assert opening.open_lone_data(bytes(odd), LIMIT) == b""
    content, end = opening.open_data(plain + bytes(odd) + rest, LIMIT)
    assert (content, end, opening._sequence) == (b"plain" * before, len(plain), before)


def _empty_record(sealing: Protection13, inner: bytes) -> bytes:
    header = (0x17_0303_0010 + len(inner)).to_bytes(5, "big")
    record = header + sealing._aead.encrypt(sealing._nonce(), inner, header)
    sealing._sequence += 1
    return record


@pytest.mark.parametrize("padding", [2, 64, 300])
@pytest.mark.parametrize("content", [b"x", b"x\0\0", b"\0", bytes(100)])
def test_padding_is_plain(content: bytes, padding: int) -> None:
    sealing, opening = pair(AES_128_GCM)
    records = [sealing.seal(ContentType.application_data, content, LIMIT, padding) for _ in range(4)]
    assert opening.open_lone_data(records[0], LIMIT) == content
    assert opening.open_data(b"".join(records[1:]), LIMIT)[0] == content * 3
