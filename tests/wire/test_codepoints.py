"""Code points: numbers with names, known and unknown."""

from __future__ import annotations

import pytest

from turtls.wire import registries
from turtls.wire.codepoints import CodePoint, is_grease
from turtls.wire.registries import CipherSuite, ContentType, NamedGroup

REGISTRIES = [
    value
    for value in vars(registries).values()
    if isinstance(value, type) and issubclass(value, CodePoint) and value is not CodePoint
]


@pytest.mark.parametrize("registry", REGISTRIES)
def test_a_registry(registry: type[CodePoint]) -> None:
    members = list(registry.members())
    assert members
    assert len({int(member) for member in members}) == len(members) == len(registry.names)
    for member in members:
        assert getattr(registry, member.name) is member
        assert registry.by_name(member.name.upper()) is member
        assert 0 <= member < 256**registry.size
        assert repr(member) == f"{registry.__name__}.{member.name}"
        assert str(member) == member.name


def test_an_unknown_code_point_is_a_number() -> None:
    group = NamedGroup(0x1234)
    assert (repr(group), str(group)) == ("NamedGroup(0x1234)", "0x1234")
    assert str(ContentType(7)) == "0x07"
    assert group == 0x1234
    assert group not in NamedGroup.known
    with pytest.raises(KeyError):
        NamedGroup.by_name("banana")


def test_a_code_point_read_from_a_subclass_is_of_that_class() -> None:
    assert CipherSuite.TLS_AES_128_GCM_SHA256 is CipherSuite.by_name("tls_aes_128_gcm_sha256")


def test_grease() -> None:
    """RFC 8701, section 2."""
    reserved = [value for value in range(2**16) if is_grease(value)]
    assert reserved == [0x0A0A + 0x1010 * number for number in range(16)]
    for number in reserved:
        assert NamedGroup.known[number] is NamedGroup.known[number]
        assert NamedGroup.known[number].name == f"0x{number:04x}"
        assert number not in NamedGroup.names
        assert number not in map(int, NamedGroup.members())
