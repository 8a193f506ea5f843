"""Code points: numbers with names, as the IANA registries give them.

An unknown code point is a value like any other (RFC 8446, section 4.1.2: servers must ignore what they do not
know), so these are `int` subclasses and not enumerations: nothing is rejected here, and nothing that a peer
makes up is remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self, TypeVar

T = TypeVar("T", bound="CodePoint")


class code:  # noqa: N801 - reads as a declaration inside a registry
    """Declares one code point of a registry; reading it from the class gives the instance."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __get__(self, instance: object, owner: type[T]) -> T:
        return owner(self.value)


class _Known(dict[int, Any]):
    """A registry's code points by their number."""

    def __init__(self, registry: type[CodePoint]) -> None:
        super().__init__()
        self._registry = registry

    def __missing__(self, number: int) -> CodePoint:
        point = self._registry(number)
        if self._registry.size == 2 and is_grease(number):  # sixteen that come again and again
            self[number] = point
        return point


class CodePoint(int):
    """A number of `size` bytes on the wire; its `name` where the registry has one."""

    __slots__ = ()
    size: ClassVar[int]
    known: ClassVar[dict[int, Self]]
    """By their number. `known[number]` is a code point for every number; of those that were not declared it keeps none
    but the ones of GREASE."""
    names: ClassVar[dict[int, str]]

    def __init_subclass__(cls, size: int = 1) -> None:
        cls.size = size
        cls.known = _Known(cls)
        cls.names = {}
        for name, declared in list(vars(cls).items()):
            if isinstance(declared, code):
                point = cls(declared.value)
                cls.known[declared.value] = point
                cls.names[declared.value] = name
                setattr(cls, name, point)

    @property
    def name(self) -> str:
        """The registry's name, or the number in hex for an unknown one."""
        return self.names.get(self) or f"0x{int(self):0{2 * self.size}x}"

    @classmethod
    def by_name(cls, name: str) -> Self:
        """The code point of that name; KeyError if the registry has none."""
        return cls.known[_by_name(cls)[name.lower()]]

    @classmethod
    def members(cls) -> Iterator[Self]:
        """Every code point that has a name, in the order of declaration."""
        return (cls.known[number] for number in cls.names)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}" if self in self.names else f"{type(self).__name__}({self.name})"

    def __str__(self) -> str:
        return self.name


def _by_name(registry: type[CodePoint]) -> dict[str, int]:
    return {name.lower(): value for value, name in registry.names.items()}


def is_grease(value: int) -> bool:
    """Whether a two-byte code point is one of those reserved to keep peers tolerant (RFC 8701)."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF
