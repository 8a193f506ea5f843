from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turtls.crypto.suites import SUITES13, Suite13
from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.protection13 import Protection13
from turtls.wire.registries import CipherSuite, ContentType

AES_128_GCM = SUITES13[CipherSuite.TLS_AES_128_GCM_SHA256]
LIMIT = limits.MAX_INNER_PLAINTEXT


def pair(suite: Suite13) -> tuple[Protection13, Protection13]:
    secret = bytes(range(suite.hash.digest_size))
    return Protection13(suite, secret), Protection13(suite, secret)


def open_record(protection: Protection13, record: bytes) -> tuple[int, bytes]:
    return protection.open(record[:5], memoryview(record)[5:], LIMIT)


def test_rfc8448_section_3_application_data() -> None:
    secret = bytes.fromhex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5")
    records = (
        "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b"
        "62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4",
        "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3",
    )
    contents = ((ContentType.application_data, bytes(range(50))), (ContentType.alert, b"\x01\x00"))
    sealing, opening = Protection13(AES_128_GCM, secret), Protection13(AES_128_GCM, secret)
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
