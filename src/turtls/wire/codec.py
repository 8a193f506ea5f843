"""The presentation language of RFC 8446, section 3: how each kind of field is written and read.

A field specifier - `uint16()`, `opaque(1, 255)` - makes a `Codec`, and `wire.structs` makes structs of them.

A decoder may trip over short input in any way Python has (IndexError, struct.error); `decode` is the one place that
turns this, trailing bytes and wrong lengths into `Fault.MALFORMED`. So nothing else may decode by hand.
"""

from __future__ import annotations

import struct
from typing import Any, ClassVar, Generic, Self, TypeVar

from turtls.errors import Fault, ProtocolError
from turtls.wire.codepoints import CodePoint

T = TypeVar("T")
S = TypeVar("S", bound="Structure")

NO_DEFAULT: Any = object()


class Malformed(Exception):
    """A length or value inside a message that cannot be; `decode` makes a ProtocolError of it."""


class Codec(Generic[T]):
    """How a value is written, and how it is read."""

    __slots__ = ("default",)

    def __init__(self, default: Any = NO_DEFAULT) -> None:
        self.default = default

    def encode(self, value: T) -> bytes:
        """The value as it stands in a message. One that cannot is a mistake of this side's, and no ProtocolError."""
        raise NotImplementedError

    def decode_from(self, data: bytes, position: int) -> tuple[T, int]:
        """The value that starts at `position`, and where the next one starts. Raises one of _CUT_SHORT."""
        raise NotImplementedError


# ------------------------------------------------------------------------------------------- numbers


def uint8(*, default: Any = NO_DEFAULT) -> Any:
    """A number of one byte."""
    return _Number(1, default)


def uint16(*, default: Any = NO_DEFAULT) -> Any:
    """A number of two bytes, the most significant first."""
    return _Number(2, default)


def uint24(*, default: Any = NO_DEFAULT) -> Any:
    """A number of three bytes, the most significant first."""
    return _Number(3, default)


def uint32(*, default: Any = NO_DEFAULT) -> Any:
    """A number of four bytes, the most significant first."""
    return _Number(4, default)


def code_point(registry: type[CodePoint], *, default: Any = NO_DEFAULT) -> Any:
    """A code point of `registry`; an unknown one is a value too."""
    return _CodePoint(registry, default)


class _Number(Codec[int]):
    __slots__ = ("_size",)

    def __init__(self, size: int, default: Any) -> None:
        super().__init__(default)
        self._size = size

    def encode(self, value: int) -> bytes:
        """The number."""
        return value.to_bytes(self._size, "big")

    def decode_from(self, data: bytes, position: int) -> tuple[int, int]:
        """The number."""
        end = position + self._size
        if end > len(data):
            raise Malformed(f"a number of {self._size} bytes does not fit")
        return int.from_bytes(data[position:end], "big"), end


class _CodePoint(Codec[Any]):
    __slots__ = ("_known", "_size")

    def __init__(self, registry: type[CodePoint], default: Any = NO_DEFAULT) -> None:
        super().__init__(default)
        self._size = registry.size
        self._known: dict[int, Any] = registry.known

    def encode(self, value: int) -> bytes:
        """The number of the code point."""
        return value.to_bytes(self._size, "big")

    def decode_from(self, data: bytes, position: int) -> tuple[Any, int]:
        """The code point."""
        if self._size == 1:
            return self._known[data[position]], position + 1
        return self._known[data[position] << 8 | data[position + 1]], position + 2


# ------------------------------------------------------------------------------------------- bytes


def fixed(length: int, *, default: Any = NO_DEFAULT) -> Any:
    """`opaque name[length]`: exactly that many bytes."""
    return _Fixed(length, default)


def opaque(floor: int, ceiling: int, *, default: Any = NO_DEFAULT) -> Any:
    """`opaque name<floor..ceiling>`: bytes behind their length."""
    return _Opaque(floor, ceiling, default)


def rest(*, default: Any = NO_DEFAULT) -> Any:
    """Everything up to the end of the message."""
    return _Rest(default)


class _Fixed(Codec[bytes]):
    __slots__ = ("_length",)

    def __init__(self, length: int, default: Any) -> None:
        super().__init__(default)
        self._length = length

    def encode(self, value: bytes) -> bytes:
        """The bytes, if there are as many as there must be."""
        if len(value) != self._length:
            raise ValueError(f"{len(value)} bytes where {self._length} belong")
        return value

    def decode_from(self, data: bytes, position: int) -> tuple[bytes, int]:
        """The bytes."""
        end = position + self._length
        if end > len(data):
            raise Malformed(f"{self._length} bytes do not fit")
        return data[position:end], end


class _Opaque(Codec[bytes]):
    __slots__ = ("_ceiling", "_floor", "_size")

    def __init__(self, floor: int, ceiling: int, default: Any = NO_DEFAULT) -> None:
        super().__init__(default)
        self._floor = floor
        self._ceiling = ceiling
        self._size = (ceiling.bit_length() + 7) // 8  # of the length itself

    def encode(self, value: bytes) -> bytes:
        """The bytes behind their length."""
        length = len(value)
        if not self._floor <= length <= self._ceiling:
            raise ValueError(f"a length of {length} bytes where {self._floor} to {self._ceiling} are allowed")
        return length.to_bytes(self._size, "big") + value

    def decode_from(self, data: bytes, position: int) -> tuple[bytes, int]:
        """The bytes."""
        start = position + self._size
        if self._size == 2:
            length = data[position] << 8 | data[position + 1]
        elif self._size == 1:
            length = data[position]
        else:
            length = data[position] << 16 | data[position + 1] << 8 | data[position + 2]
        end = start + length
        if end > len(data) or not self._floor <= length <= self._ceiling:
            raise Malformed(f"a length of {length} bytes is out of bounds")
        return data[start:end], end


class _Rest(Codec[bytes]):
    __slots__ = ()

    def encode(self, value: bytes) -> bytes:
        """The bytes."""
        return value

    def decode_from(self, data: bytes, position: int) -> tuple[bytes, int]:
        """The bytes that are left."""
        return data[position:], len(data)


# ------------------------------------------------------------------------------------------- vectors


def vector(
    item: type[CodePoint] | type[Structure] | Codec[Any], floor: int, ceiling: int, *, default: Any = NO_DEFAULT
) -> Any:
    """`T name<floor..ceiling>`: items behind their length in bytes."""
    if isinstance(item, Codec):
        return _Vector(item, floor, ceiling, default)
    if issubclass(item, CodePoint):
        return _VectorOfCodePoints(item, floor, ceiling, default)
    return _Vector(_Nested(item), floor, ceiling, default)


def nested(item: type[Structure], *, default: Any = NO_DEFAULT) -> Any:
    """A struct inside a struct."""
    return _Nested(item, default)


class Vector(Codec[list[Any]]):
    """How items behind their length are written and read; `item` is how each of them is."""

    __slots__ = ("_body", "item")

    def __init__(self, item: Codec[Any], floor: int, ceiling: int, default: Any) -> None:
        super().__init__(default)
        self.item = item
        self._body = _Opaque(floor, ceiling)


class _Vector(Vector):
    __slots__ = ()

    def encode(self, value: list[Any]) -> bytes:
        """The items behind their length."""
        return self._body.encode(b"".join([self.item.encode(item) for item in value]))

    def decode_from(self, data: bytes, position: int) -> tuple[list[Any], int]:
        """The items."""
        items, end = self._body.decode_from(data, position)
        values = []
        at = 0
        while at < len(items):
            value, at = self.item.decode_from(items, at)
            values.append(value)
        return values, end


class _VectorOfCodePoints(Vector):
    __slots__ = ("_format", "_known", "_size")

    def __init__(self, registry: type[CodePoint], floor: int, ceiling: int, default: Any) -> None:
        super().__init__(_CodePoint(registry), floor, ceiling, default)
        self._known: dict[int, Any] = registry.known
        self._size = registry.size
        self._format = {1: "B", 2: "H"}[registry.size]

    def encode(self, value: list[Any]) -> bytes:
        """The numbers of the code points behind their length."""
        return self._body.encode(struct.pack(f">{len(value)}{self._format}", *value))

    def decode_from(self, data: bytes, position: int) -> tuple[list[Any], int]:
        """The code points."""
        items, end = self._body.decode_from(data, position)
        numbers = struct.unpack(f">{len(items) // self._size}{self._format}", items)
        return list(map(self._known.__getitem__, numbers)), end


class _Nested(Codec[Any]):
    __slots__ = ("_kind",)

    def __init__(self, kind: type[Structure], default: Any = NO_DEFAULT) -> None:
        super().__init__(default)
        self._kind = kind

    def encode(self, value: Structure) -> bytes:
        """The fields of the struct."""
        return value.encode()

    def decode_from(self, data: bytes, position: int) -> tuple[Any, int]:
        """The struct."""
        return self._kind.decode_from(data, position)


# ------------------------------------------------------------------------------------------- structures


class Structure:
    """A structure of RFC 8446, section 3.6: its fields in the order they are declared. `wire.structs` tells how."""

    __slots__ = ()
    __fields__: ClassVar[dict[str, Codec[Any]]] = {}
    """Those on the wire."""

    def encode(self) -> bytes:
        """The fields, one after the other."""
        raise NotImplementedError

    @staticmethod
    def decode_from(data: bytes, position: int) -> tuple[Any, int]:
        """The structure that starts at `position`, and where it ends. Raises one of _CUT_SHORT."""
        raise NotImplementedError

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The structure that `data` is, all of it. Raises ProtocolError (MALFORMED)."""
        return decode(cls, data)

    def __eq__(self, other: object) -> bool:  # mutable, so there is no __hash__
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__fields__)

    def __repr__(self) -> str:
        inside = ", ".join([f"{name}={getattr(self, name)!r}" for name in self.__fields__])
        return f"{type(self).__name__}({inside})"


def decode(kind: type[S], data: bytes, start: int = 0) -> S:
    """Decode all of `data` from `start` on as one structure. Raises ProtocolError (MALFORMED) naming the kind."""
    value: S
    try:
        value, end = kind.decode_from(data, start)
    except _CUT_SHORT as error:
        raise _malformed(kind, error) from None
    if end != len(data):
        raise _malformed(kind, f"{len(data) - end} bytes too many")
    return value


def decode_prefix(kind: type[S], data: bytes) -> tuple[S, int]:
    """Decode a structure that `data` starts with; gives it and its length. Raises ProtocolError (MALFORMED)."""
    try:
        decoded: tuple[S, int] = kind.decode_from(data, 0)
    except _CUT_SHORT as error:
        raise _malformed(kind, error) from None
    return decoded


_CUT_SHORT = (Malformed, IndexError, struct.error)


def _malformed(kind: type[Structure], why: object) -> ProtocolError:
    return ProtocolError(Fault.MALFORMED, f"{kind.__name__}: {why}")
