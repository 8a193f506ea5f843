"""The classes of `config` are what `dataclass` and `NamedTuple` of Python's own would make of them."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from turtls.config import ClientConfig, DangerAcceptAnyCertificate, Environment, Negotiated, Policy, ServerConfig
from turtls.config.values import Comparable, Frozen, NamedTuple, dataclass
from turtls.wire.registries import CipherSuite, ProtocolVersion


@dataclass(frozen=True, slots=True)
class Point(Comparable):
    """A place."""

    x: int
    y: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Named(Frozen):
    """A thing."""

    name: str


class Pair(NamedTuple):
    """Two of a kind."""

    left: int
    right: int = 2

    def swapped(self) -> Pair:
        return Pair(self.right, self.left)


def test_fields_come_by_place_and_by_name_or_by_default() -> None:
    assert (Point(1).x, Point(1).y) == (1, 0)
    assert Point(1, 2) == Point(y=2, x=1)
    assert [field.name for field in fields(Point)] == ["x", "y"]
    assert str(inspect.signature(Point)) == "(x: 'int', y: 'int' = 0) -> None"
    assert repr(Point(1)) == "Point(x=1, y=0)"


@pytest.mark.parametrize(
    ("positional", "given", "why"),
    [
        ((), {}, "missing a required"),
        ((1, 2, 3), {}, "too many positional"),
        ((1,), {"z": 1}, "unexpected keyword argument 'z'"),
        ((), {"z": 1}, "unexpected keyword argument 'z'"),
        ((1,), {"x": 1}, "multiple values for argument 'x'"),
    ],
)
def test_arguments_that_do_not_fit(positional: tuple[int, ...], given: dict[str, int], why: str) -> None:
    make: Any = Point
    with pytest.raises(TypeError, match=rf"Point.__init__\(\) .*{why}"):
        make(*positional, **given)


def test_those_by_name_alone_come_by_name() -> None:
    make: Any = Named
    with pytest.raises(TypeError, match="too many positional"):
        make("a")
    assert Named(name="a").name == "a"


def test_nothing_can_be_set_or_deleted() -> None:
    point: Any = Point(1)
    for name in ("x", "z"):
        with pytest.raises(FrozenInstanceError):
            setattr(point, name, 2)
        with pytest.raises(FrozenInstanceError):
            delattr(point, name)
    assert point == Point(1)
    assert not hasattr(point, "__dict__")


def test_frozen_ones_can_inherit() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Mine(ClientConfig):
        remark: str = "mine"

    mine = Mine(verifier=DangerAcceptAnyCertificate())
    assert (mine.remark, mine.policy) == ("mine", ClientConfig(verifier=DangerAcceptAnyCertificate()).policy)
    with pytest.raises(FrozenInstanceError):
        mine.remark = "yours"  # type: ignore[misc]  # mypy sees it, too


def test_equality_is_by_the_fields_only_where_it_is_asked_for() -> None:
    assert Point(1) == Point(1) != Point(2)
    assert hash(Point(1)) == hash(Point(1))
    assert Point(1) != (1, 0)
    assert Named(name="a") != Named(name="a")
    assert replace(Policy.MODERN) == Policy.MODERN != Policy.LEGACY
    assert ClientConfig() != ClientConfig()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_are_equal(copied: Any) -> None:
    for value in (Point(1), Pair(1), Policy.MODERN):
        assert copied(value) == value
    assert copied(Named(name="a")).name == "a"


def test_configurations_show_what_they_take() -> None:
    for kind in (ClientConfig, ServerConfig):
        shown = inspect.signature(kind).parameters
        assert list(shown) == [field.name for field in fields(kind) if field.init]
        assert {parameter.kind for parameter in shown.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert inspect.signature(Policy).parameters["versions"].default is inspect.Parameter.empty


def test_a_named_tuple_is_one() -> None:
    pair = Pair(1)
    assert pair == (1, 2)
    assert pair.swapped() == Pair(left=2, right=1)
    assert pair._replace(right=3) == Pair(1, 3)
    assert repr(pair) == "Pair(left=1, right=2)"
    assert (Pair.__doc__, Pair.__module__, Pair.__annotations__) == (
        "Two of a kind.",
        __name__,
        {"left": "int", "right": "int"},
    )
    assert str(inspect.signature(Pair)) == "(left: 'int', right: 'int' = 2)"
    assert not hasattr(pair, "__dict__")


def test_what_is_negotiated_cannot_be_changed() -> None:
    negotiated: Any = Negotiated(ProtocolVersion.TLS_1_3, CipherSuite.TLS_AES_128_GCM_SHA256)
    with pytest.raises(AttributeError):
        negotiated.resumed = True
    assert Environment()._replace(random=bytes).random is bytes
