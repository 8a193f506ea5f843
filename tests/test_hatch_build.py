"""The compiled build: structs are written out before they are compiled."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from tests.builds import IS_COMPILED

if IS_COMPILED:
    pytest.skip("structs are no longer declared in what is compiled", allow_module_level=True)

pytest.importorskip("hatchling", reason="builds wheels")

import hatch_build

SOURCE = '''
from __future__ import annotations
from turtls.wire.codec import fixed, opaque, uint8, vector
from turtls.wire.structs import Struct, beside


class Message(Struct):
    """What has a number."""

    number: ClassVar[int]
    seen: bool = beside(default=False)

    def __init_subclass__(cls, number: int) -> None:
        cls.number = number


class Pair(Struct):
    left: bytes = fixed(2)
    right: bytes = opaque(0, 9, default=b"right")


class Pairs(Message, number=7):
    """Some pairs."""

    count: int = uint8()
    """Of something else."""
    pairs: list[Pair] = vector(Pair, 0, 40)

    def total(self) -> int:
        """The count, and the pairs."""
        return self.count + len(self.pairs)


class Nothing(Message, number=8):
    """Empty."""
'''


def declared() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile("from typing import ClassVar\n" + SOURCE.lstrip().partition("\n")[2], "declared", "exec"), names)
    return names


def written_out() -> dict[str, Any]:
    module = ast.parse(SOURCE)
    text = hatch_build._written_out(SOURCE, module, hatch_build._structs([module]))
    assert "Struct," not in text
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(text, "written out", "exec"), names)
    return names


@pytest.mark.parametrize("made", [declared, written_out])
def test_what_is_written_out_is_what_was_declared(made: Any) -> None:
    names = made()
    pairs = names["Pairs"](count=3, pairs=[names["Pair"](left=b"ab"), names["Pair"](right=b"", left=b"cd")])
    encoded = bytes.fromhex("03 0b 6162 05") + b"right" + bytes.fromhex("6364 00")
    assert pairs.encode() == encoded
    assert names["Pairs"].decode(encoded) == pairs
    assert (pairs.seen, names["Pairs"].decode(encoded).seen) == (False, False)
    assert (pairs.total(), pairs.number, names["Nothing"].number) == (5, 7, 8)
    assert names["Nothing"]().encode() == b""
    assert names["Nothing"].decode(b"") == names["Nothing"]()
    assert repr(names["Pair"](left=b"ab")) == "Pair(left=b'ab', right=b'right')"
    with pytest.raises(TypeError, match="pairs"):
        names["Pairs"](count=1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(pairs)


def test_what_is_no_struct_stays_as_it_is() -> None:
    source = "@decorator\nclass Other:  # type: ignore[misc]  # which stays\n    pass\n"
    module = ast.parse(source)
    assert hatch_build._written_out(source, module, hatch_build._structs([module])) == source
