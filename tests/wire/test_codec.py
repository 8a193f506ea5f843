"""The presentation language of RFC 8446, section 3: bounds, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builds import IS_COMPILED
from turtls.errors import Fault, ProtocolError
from turtls.wire.codec import (
    Codec,
    Structure,
    Vector,
    code_point,
    decode,
    decode_prefix,
    fixed,
    nested,
    opaque,
    rest,
    uint8,
    uint16,
    uint32,
    vector,
)
from turtls.wire.registries import ContentType, NamedGroup

if IS_COMPILED:
    pytest.skip("declares structs, and is not compiled with them", allow_module_level=True)

from turtls.wire.structs import Struct, beside


class Numbers(Struct):
    one: int = uint8()
    two: int = uint16()
    four: int = uint32()


class Pair(Struct):
    name: bytes = opaque(1, 3)
    group: NamedGroup = code_point(NamedGroup)


class All(Struct):
    exact: bytes = fixed(2)
    inner: Pair = nested(Pair)
    pairs: list[Pair] = vector(Pair, 0, 40)
    names: list[bytes] = vector(opaque(1, 255), 2, 300)
    groups: list[NamedGroup] = vector(NamedGroup, 2, 4)
    types: list[ContentType] = vector(ContentType, 1, 2)
    remark: str | None = beside()
    tail: bytes = rest()


PAIR = Pair(name=b"ab", group=NamedGroup.x25519)
VALUE: dict[str, Any] = {
    "exact": b"xy",
    "inner": PAIR,
    "pairs": [PAIR, PAIR],
    "names": [b"n"],
    "groups": [NamedGroup.x25519],
    "types": [ContentType.alert],
    "tail": b"the rest",
}
ENCODED = bytes.fromhex("7879 026162001d 0a 026162001d 026162001d 0002 016e 02 001d 01 15") + b"the rest"


def malformed(kind: type[Structure], data: bytes) -> str:
    with pytest.raises(ProtocolError) as caught:
        decode(kind, data)
    assert caught.value.fault is Fault.MALFORMED
    assert kind.__name__ in caught.value.detail
    return caught.value.detail


def test_a_struct_is_its_fields_in_their_order() -> None:
    value = All(**VALUE)
    assert value.encode() == ENCODED
    assert All.decode(ENCODED) == value
    assert Numbers(one=1, two=0x0203, four=0x04050607).encode().hex() == "01020304050607"


def test_what_is_beside_is_not_on_the_wire() -> None:
    value = All(**VALUE)
    value.remark = "seen"
    assert value.encode() == ENCODED
    assert value == All(**VALUE)


@pytest.mark.parametrize("length", range(7))
def test_numbers_cut_short(length: int) -> None:
    malformed(Numbers, bytes(length))


class Short(Struct):
    exact: bytes = fixed(2)


def test_a_fixed_length_cut_short() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_prefix(Short, b"x")
    assert caught.value.fault is Fault.MALFORMED


def test_bytes_too_many() -> None:
    assert malformed(Numbers, bytes(9)) == "Numbers: 2 bytes too many"


@pytest.mark.parametrize("data", ["", "00", "00 001d", "04 61626364 001d", "02 61", "02 6162", "02 6162 00"])
def test_an_opaque_out_of_bounds(data: str) -> None:
    malformed(Pair, bytes.fromhex(data))


@pytest.mark.parametrize(
    "change",
    [
        ("0a 026162001d", "09 026162001d"),  # the second item is cut
        ("0a 026162001d", "0b 026162001d"),
        ("0a 026162001d", "ff 026162001d"),
        ("0002 016e", "0000 016e"),
        ("0002 016e", "0002 006e"),
        ("0002 016e", "ffff 016e"),
        ("02 001d", "00 001d"),
        ("02 001d", "03 001d00"),  # half a code point
        ("02 001d", "06 001d001d001d"),
        ("01 15", "03 151515"),
    ],
)
def test_a_vector_out_of_bounds(change: tuple[str, str]) -> None:
    before, after = (bytes.fromhex(text) for text in change)
    assert before in ENCODED
    malformed(All, ENCODED.replace(before, after, 1)[: -len(b"the rest")])


@pytest.mark.parametrize(
    "change",
    [
        {"exact": b"x"},
        {"inner": Pair(name=b"", group=NamedGroup.x25519)},
        {"inner": Pair(name=b"abcd", group=NamedGroup.x25519)},
        {"pairs": [PAIR] * 9},
        {"names": []},
        {"groups": []},
        {"groups": [NamedGroup.x25519] * 3},
        {"types": [ContentType.alert] * 3},
    ],
)
def test_what_cannot_be_sent(change: dict[str, Any]) -> None:
    """A mistake of this side's: it is no ProtocolError."""
    with pytest.raises(ValueError, match="bytes where"):
        All(**(VALUE | change)).encode()


def test_unknown_code_points_are_values() -> None:
    pair = Pair.decode(b"\1x\x12\x34")
    assert pair.group == 0x1234
    assert pair.group.name == "0x1234"
    assert 0x1234 not in NamedGroup.known


def test_defaults_are_not_shared() -> None:
    class Defaulting(Struct):
        number: int = uint8(default=7)
        name: bytes = opaque(0, 9, default=b"name")

    assert Defaulting() == Defaulting(number=7, name=b"name")
    assert Defaulting(number=1).encode() == b"\1\4name"


def test_a_codec_tells_how_its_items_are_written() -> None:
    """For those who take messages apart."""
    for codec, item, written in (
        (vector(NamedGroup, 2, 4), NamedGroup.x25519, b"\0\x1d"),
        (vector(Pair, 0, 40), PAIR, b"\2ab\0\x1d"),
        (vector(opaque(1, 255), 2, 300), b"n", b"\1n"),
    ):
        assert isinstance(codec, Vector)
        assert codec.item.encode(item) == written
    assert isinstance(uint8(), Codec)
    assert not isinstance(uint8(), Vector)
