"""How much is read at once."""

from __future__ import annotations

import pytest

from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import SUITES13
from turtls.io.limits import READ_SIZE
from turtls.io.scratch import FULL_RECORD, read_size, scratch_buffer
from turtls.record.limits import MAX_INNER_PLAINTEXT, MAX_PLAINTEXT
from turtls.record.protection13 import Protection13
from turtls.wire.registries import CipherSuite, ContentType


@pytest.mark.parametrize("cipher_suite", [suite for suite in SUITES13 if suite != CipherSuite.TLS_AES_128_CCM_8_SHA256])
def test_full_records_are_as_long_as_is_thought(cipher_suite: CipherSuite) -> None:
    suite = SUITES13[cipher_suite]
    protection = Protection13(suite, TrafficSecret(suite.hash, bytes(32)))
    record = protection.seal(ContentType.application_data, bytes(MAX_PLAINTEXT), MAX_INNER_PLAINTEXT, 0)
    assert len(record) == FULL_RECORD


@pytest.mark.parametrize("unfinished", [0, 1, 4, 5, FULL_RECORD - 1, FULL_RECORD, READ_SIZE, READ_SIZE + 100])
def test_what_is_read_ends_where_a_full_record_does(unfinished: int) -> None:
    size = read_size(unfinished)
    assert 0 < READ_SIZE - FULL_RECORD < size <= READ_SIZE == len(scratch_buffer())
    assert (unfinished + size) % FULL_RECORD == 0
