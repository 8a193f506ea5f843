"""ReceivedData against the plain bytes it stands for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from turtls.io.received import ReceivedData


def queue(*chunks: bytes) -> ReceivedData:
    received = ReceivedData()
    for chunk in chunks:
        received.append(chunk)
    return received


def test_a_chunk_that_is_read_whole_is_not_copied() -> None:
    chunk = b"as it came"
    assert queue(chunk).read(100) is chunk


def test_nothing_comes_out_of_an_empty_queue() -> None:
    assert queue().read(10) == b""
    assert queue().read_into(memoryview(bytearray(10))) == 0
    assert queue(b"").read(10) == b""


def test_read_exactly_crosses_chunks() -> None:
    received = queue(b"abc", b"def", b"ghi")
    assert received.read(1) == b"a"
    assert received.read_exactly(6) == b"bcdefg"
    assert received.read(10) == b"hi"


def test_find_crosses_chunks_and_starts_where_it_is_told() -> None:
    received = queue(b"one\r", b"\ntwo\r\n")
    assert received.find(b"\r\n", 0) == 3
    assert received.find(b"\r\n", 4) == 8
    assert received.find(b"x", 0) == -1
    assert received.size == 10


chunks = st.lists(st.binary(max_size=20), max_size=8)
steps = st.lists(st.tuples(st.sampled_from(["read", "into", "append"]), st.integers(0, 30)), max_size=20)


@given(chunks, steps)
def test_it_is_a_queue_of_bytes(chunks: list[bytes], steps: list[tuple[str, int]]) -> None:
    received, expected = queue(*chunks), b"".join(chunks)
    for step, size in steps:
        if step == "append":
            received.append(bytes(size))
            expected += bytes(size)
        elif step == "into":
            buffer = bytearray(size)
            filled = received.read_into(memoryview(buffer))
            assert filled == min(size, len(expected))
            assert buffer[:filled] == expected[:filled]
            expected = expected[filled:]
        else:
            data = received.read(size)
            assert bool(data) == bool(size and expected)
            assert expected.startswith(data)
            assert len(data) <= size
            expected = expected[len(data) :]
        assert received.size == len(expected)
    assert received.read_exactly(len(expected)) == expected
