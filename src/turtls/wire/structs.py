"""Structs, declared as the RFC declares them (RFC 8446, section 3.6)::

    class KeyShareEntry(Struct):
        group: NamedGroup = code_point(NamedGroup)
        key_exchange: bytes = opaque(1, 2**16 - 1)

What such a declaration stands for is written out as Python, a line for each field: here when a struct is first used;
and for the compiled build before it is compiled, by `hatch_build.py`.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, dataclass_transform

from turtls.wire.codec import (
    NO_DEFAULT,
    Codec,
    Structure,
    code_point,
    fixed,
    nested,
    opaque,
    rest,
    uint8,
    uint16,
    uint24,
    uint32,
    vector,
)


class _Beside(NamedTuple):
    """Marks a field that is not on the wire."""

    default: Any


def beside(*, default: Any = NO_DEFAULT, init: Literal[False] = False) -> Any:
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
    besides = {name: default for name, default in made.__beside__.items() if default is not NO_DEFAULT}
    arguments = [name if codec.default is NO_DEFAULT else f"{name}=default_{name}" for name, codec in fields.items()]
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


class Struct(Structure, metaclass=StructType):
    """What declarations derive from."""
