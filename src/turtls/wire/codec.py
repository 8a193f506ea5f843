"""The presentation language of RFC 8446, section 3, as field specifiers and structs.

A struct is declared as the RFC declares it::

    class KeyShareEntry(Struct):
        group: NamedGroup = code_point(NamedGroup)
        key_exchange: bytes = opaque(1, 2**16 - 1)

A specifier makes a `Codec`: two closures, one that encodes a value and one that decodes it from a position. A struct's
own methods are written out as Python, a line for each field, when the first of them is called.

A decoder may trip over short input in any way Python has (IndexError, struct.error); `decode` is the one place
that turns this, trailing bytes and wrong lengths into `Fault.MALFORMED`. So nothing else may decode by hand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Self, TypeVar, dataclass_transform

from turtls.errors import Fault, ProtocolError
from turtls.wire.codepoints import CodePoint

T = TypeVar("T")
P = TypeVar("P", bound=CodePoint)
S = TypeVar("S", bound="Struct")

_uint8 = struct.Struct(">B")
_uint16 = struct.Struct(">H")
_uint32 = struct.Struct(">I")
_NO_DEFAULT: Any = object()


class Malformed(Exception):
    """A length or value inside a message that cannot be; `decode` makes a ProtocolError of it."""


class Codec(NamedTuple, Generic[T]):
    """How a value is written, and how it is read: `decode_from(data, position) -> (value, next position)`."""

    encode: Callable[[T], bytes]
    decode_from: Callable[[bytes, int], tuple[T, int]]
    default: Any = _NO_DEFAULT
    encode_item: Callable[[Any], bytes] | None = None
    """How each item of a vector is written, for those who take messages apart; None if this is not a vector."""


# ------------------------------------------------------------------------------------------- numbers


def uint8(default: int = _NO_DEFAULT) -> Any:
    """A number of one byte."""
    return Codec(_uint8.pack, _decode_uint8, default)


def uint16(default: int = _NO_DEFAULT) -> Any:
    """A number of two bytes, the most significant first."""
    return Codec(_uint16.pack, _decode_uint16, default)


def uint24(default: int = _NO_DEFAULT) -> Any:
    """A number of three bytes, the most significant first."""
    return Codec(_encode_uint24, _decode_uint24, default)


def uint32(default: int = _NO_DEFAULT) -> Any:
    """A number of four bytes, the most significant first."""
    return Codec(_uint32.pack, _decode_uint32, default)


def code_point(registry: type[P], default: Any = _NO_DEFAULT) -> Any:
    """A code point of `registry`; an unknown one is a value too."""
    return _code_point(registry)._replace(default=default)


def _decode_uint8(data: bytes, position: int) -> tuple[int, int]:
    return data[position], position + 1


def _decode_uint16(data: bytes, position: int) -> tuple[int, int]:
    return _uint16.unpack_from(data, position)[0], position + 2


def _encode_uint24(value: int) -> bytes:
    return value.to_bytes(3, "big")


def _decode_uint24(data: bytes, position: int) -> tuple[int, int]:
    return data[position] << 16 | data[position + 1] << 8 | data[position + 2], position + 3


def _decode_uint32(data: bytes, position: int) -> tuple[int, int]:
    return _uint32.unpack_from(data, position)[0], position + 4


def _code_point(registry: type[P]) -> Codec[P]:
    known = registry.known

    def decode_one_byte(data: bytes, position: int) -> tuple[P, int]:
        return known[data[position]], position + 1

    def decode_two_bytes(data: bytes, position: int) -> tuple[P, int]:
        return known[data[position] << 8 | data[position + 1]], position + 2

    return {1: Codec(_uint8.pack, decode_one_byte), 2: Codec(_uint16.pack, decode_two_bytes)}[registry.size]


# ------------------------------------------------------------------------------------------- bytes


def fixed(length: int, default: bytes = _NO_DEFAULT) -> Any:
    """`opaque name[length]`: exactly that many bytes."""

    def encode(value: bytes) -> bytes:
        if len(value) != length:
            raise ValueError(f"{len(value)} bytes where {length} belong")
        return value

    def decode(data: bytes, position: int) -> tuple[bytes, int]:
        end = position + length
        if end > len(data):
            raise Malformed(f"{length} bytes do not fit")
        return data[position:end], end

    return Codec(encode, decode, default)


def opaque(floor: int, ceiling: int, default: bytes = _NO_DEFAULT) -> Any:
    """`opaque name<floor..ceiling>`: bytes behind their length."""
    return _opaque(floor, ceiling)._replace(default=default)


def rest(default: bytes = _NO_DEFAULT) -> Any:
    """Everything up to the end of the message."""
    return Codec(bytes, lambda data, position: (data[position:], len(data)), default)


def _length_size(ceiling: int) -> int:
    return (ceiling.bit_length() + 7) // 8


def _opaque(floor: int, ceiling: int) -> Codec[bytes]:
    size = _length_size(ceiling)
    lengths: dict[int, Callable[[bytes, int], tuple[Any, ...]]]
    lengths = {1: _uint8.unpack_from, 2: _uint16.unpack_from, 3: _decode_uint24}
    unpack_length = lengths[size]

    def encode(value: bytes) -> bytes:
        if not floor <= len(value) <= ceiling:
            raise ValueError(f"a length of {len(value)} bytes where {floor} to {ceiling} are allowed")
        return len(value).to_bytes(size, "big") + value

    def decode(data: bytes, position: int) -> tuple[bytes, int]:
        start = position + size
        length = unpack_length(data, position)[0]
        end = start + length
        if end > len(data) or not floor <= length <= ceiling:
            raise Malformed(f"a length of {length} bytes is out of bounds")
        return data[start:end], end

    return Codec(encode, decode)


# ------------------------------------------------------------------------------------------- vectors


def vector(
    item: type[CodePoint] | type[Struct] | Codec[Any], floor: int, ceiling: int, default: Any = _NO_DEFAULT
) -> Any:
    """`T name<floor..ceiling>`: items behind their length in bytes. `default` is a list, and is not shared."""
    if isinstance(item, type) and issubclass(item, CodePoint):
        codec = _vector_of_code_points(item, floor, ceiling)
    else:
        codec = _vector_of(item, floor, ceiling)
    return codec._replace(default=default)


def _vector_of(item: type[Struct] | Codec[Any], floor: int, ceiling: int) -> Codec[list[Any]]:
    body = _opaque(floor, ceiling)

    def encode_item(value: Any) -> bytes:
        return item.encode(value)

    def encode(values: Iterable[Any]) -> bytes:
        return body.encode(b"".join(map(item.encode, values)))

    def decode(data: bytes, position: int) -> tuple[list[Any], int]:
        items, end = body.decode_from(data, position)
        decode_item = item.decode_from
        values = []
        at = 0
        while at < len(items):
            value, at = decode_item(items, at)
            values.append(value)
        return values, end

    return Codec(encode, decode, encode_item=encode_item)


def _vector_of_code_points(registry: type[P], floor: int, ceiling: int) -> Codec[list[P]]:
    body = _opaque(floor, ceiling)
    item = _code_point(registry)
    of_number = registry.known.__getitem__
    size = registry.size
    letter = {1: "B", 2: "H"}[size]

    def encode(values: Sequence[P]) -> bytes:
        return body.encode(struct.pack(f">{len(values)}{letter}", *values))

    def decode(data: bytes, position: int) -> tuple[list[P], int]:
        items, end = body.decode_from(data, position)
        numbers = struct.unpack(f">{len(items) // size}{letter}", items)
        return list(map(of_number, numbers)), end

    return Codec(encode, decode, encode_item=item.encode)


def nested(item: type[Struct], default: Any = _NO_DEFAULT) -> Any:
    """A struct inside a struct."""
    return Codec(lambda value: value.encode(), lambda data, position: item.decode_from(data, position), default)


# ------------------------------------------------------------------------------------------- structs


class _Beside(NamedTuple):
    """Marks a field that is not on the wire."""

    default: Any


def beside(default: Any = _NO_DEFAULT, *, init: Literal[False] = False) -> Any:
    """A field that is kept beside the message's own, and is set later; until then it is `default`, if there is one."""
    return _Beside(default)


@dataclass_transform(
    kw_only_default=True,
    field_specifiers=(uint8, uint16, uint24, uint32, code_point, fixed, opaque, rest, vector, nested, beside),
)
class StructType(type):
    """Makes a slots class of a declaration, with an `__init__` by keyword and a codec built from its fields."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> StructType:
        """The class that a declaration stands for."""
        codecs = {key: value for key, value in namespace.items() if isinstance(value, Codec)}
        besides = {key: value.default for key, value in namespace.items() if isinstance(value, _Beside)}
        for key in (*codecs, *besides):
            del namespace[key]
        namespace.setdefault("__slots__", (*codecs, *besides))
        base = next((base for base in bases if isinstance(base, StructType)), None)
        namespace["__fields__"] = {**(base.__fields__ if base is not None else {}), **codecs}
        namespace["__beside__"] = {**(base.__beside__ if base is not None else {}), **besides}
        return super().__new__(cls, name, bases, namespace | _WRITTEN_OUT_WHEN_USED, **options)

    __fields__: dict[str, Codec[Any]]
    __beside__: dict[str, Any]
    """The defaults of the fields that are not on the wire."""


def _init(self: Any, **values: Any) -> None:
    _write_out(type(self))
    self.__init__(**values)


def _encode(self: Any) -> Any:
    _write_out(type(self))
    return self.encode()


def _decode_from(made: Any, data: bytes, position: int) -> Any:
    _write_out(made)
    return made.decode_from(data, position)


_WRITTEN_OUT_WHEN_USED = {"__init__": _init, "encode": _encode, "decode_from": classmethod(_decode_from)}
"""What stands in for a class's own methods. Compiling takes 0.1 ms, and most classes are never used."""


def _write_out(made: Any) -> None:
    """Write the class's methods as one would by hand: they take half the time of loops over the fields."""
    fields: dict[str, Codec[Any]] = made.__fields__
    besides = {name: default for name, default in made.__beside__.items() if default is not _NO_DEFAULT}
    arguments = [name if codec.default is _NO_DEFAULT else f"{name}=default_{name}" for name, codec in fields.items()]
    set_beside = [f" self.{name} = default_{name}" for name in besides]
    source = [
        f"def __init__(self, {'*, ' if fields else ''}{', '.join(arguments)}):",
        *(f" self.{name} = {name}" for name in fields),
        *set_beside,
        " return",
        "def encode(self):",
        " return " + (" + ".join(f"encode_{name}(self.{name})" for name in fields) or "b''"),
        "def decode_from(data, position):",
        " self = new(made)",
        *(f" self.{name}, position = decode_{name}(data, position)" for name in fields),
        *set_beside,
        " return self, position",
    ]
    methods: dict[str, Any] = {"made": made, "new": made.__new__}
    methods |= {f"default_{name}": default for name, default in besides.items()}
    for name, codec in fields.items():
        methods |= {
            f"encode_{name}": codec.encode,
            f"decode_{name}": codec.decode_from,
            f"default_{name}": codec.default,
        }
    exec(compile("\n".join(source), f"<{made.__name__}>", "exec"), methods)  # noqa: S102 - no more than is declared
    made.__init__, made.encode = methods["__init__"], methods["encode"]
    made.__init__.__qualname__ = f"{made.__name__}.__init__"
    made.decode_from = staticmethod(methods["decode_from"])


class Struct(metaclass=StructType):
    """A structure of RFC 8446, section 3.6: its fields in the order they are declared."""

    __slots__ = ()
    __fields__: ClassVar[dict[str, Codec[Any]]]
    __beside__: ClassVar[dict[str, Any]]
    encode: ClassVar[Callable[[Any], bytes]]
    decode_from: ClassVar[Callable[[bytes, int], tuple[Any, int]]]

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The struct that `data` is, all of it. Raises ProtocolError (MALFORMED)."""
        return decode(cls, data)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__fields__)

    __hash__ = None  # type: ignore[assignment]  # mutable, so not hashable

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__fields__)
        return f"{type(self).__name__}({inside})"


def decode(kind: type[S], data: bytes, start: int = 0) -> S:
    """Decode all of `data` from `start` on as one struct. Raises ProtocolError (MALFORMED) naming the kind."""
    value: S
    try:
        value, end = kind.decode_from(data, start)
    except _CUT_SHORT as error:
        raise _malformed(kind, error) from None
    if end != len(data):
        raise _malformed(kind, f"{len(data) - end} bytes too many")
    return value


def decode_prefix(kind: type[S], data: bytes) -> tuple[S, int]:
    """Decode a struct that `data` starts with; gives it and its length. Raises ProtocolError (MALFORMED)."""
    try:
        decoded: tuple[S, int] = kind.decode_from(data, 0)
    except _CUT_SHORT as error:
        raise _malformed(kind, error) from None
    return decoded


_CUT_SHORT = (Malformed, IndexError, struct.error)


def _malformed(kind: type[Struct], why: object) -> ProtocolError:
    return ProtocolError(Fault.MALFORMED, f"{kind.__name__}: {why}")
