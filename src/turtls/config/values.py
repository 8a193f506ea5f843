"""Immutable values with named fields, as configurations are made of: `dataclass` and `NamedTuple`, cheap to import.

Python's own write the source of methods for each class and compile it whenever the class is imported, and do so with
each field's type: for nine classes that was a quarter of what importing turtls cost beyond `cryptography`.
"""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, fields
from functools import cache
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from typing import NamedTuple as NamedTuple
else:

    class _Declared(type):
        """Makes a `collections.namedtuple` of a declaration."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            types = namespace["__annotations__"]
            defaults = [namespace.pop(field) for field in types if field in namespace]
            made = namedtuple(name, types, defaults=defaults, module=namespace["__module__"])
            made.__new__.__annotations__ = types
            for own, value in namespace.items():
                setattr(made, own, value)
            return made

    class NamedTuple(metaclass=_Declared):
        """As `typing.NamedTuple`."""

    def dataclass(*, frozen: bool, eq: bool = True, **options: bool) -> Callable[[type], type]:
        """As Python's, for those who inherit from `Frozen`, or from `Comparable` if `eq`."""

        def declare(cls: Any) -> type:
            made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, **options)(cls)
            made.__dataclass_params__.frozen = frozen  # so that frozen ones can inherit from it
            return made

        return declare


class _SignatureOfFields:
    """What a class is made with, worked out when somebody asks for it."""

    def __get__(self, instance: object, owner: Any) -> Signature:
        return _signature(owner)


class Frozen:
    """The methods of a frozen data class that has a `__post_init__`."""

    __slots__ = ()
    __signature__ = _SignatureOfFields()

    def __init__(self, /, *positional: Any, **given: Any) -> None:
        cls: Any = type(self)
        try:
            arguments = _signature(cls).bind(*positional, **given).arguments
        except TypeError as error:
            unknown = next((name for name in given if name not in _signature(cls).parameters), None)
            why = error if unknown is None else f"got an unexpected keyword argument {unknown!r}"
            raise TypeError(f"{cls.__qualname__}.__init__() {why}") from None
        for field in fields(cls):
            if field.name in arguments:
                object.__setattr__(self, field.name, arguments[field.name])
            elif field.default is not MISSING:
                object.__setattr__(self, field.name, field.default)
            elif field.default_factory is not MISSING:
                object.__setattr__(self, field.name, field.default_factory())
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields, and set those that are made of others."""

    def __repr__(self) -> str:
        cls: Any = type(self)
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(cls) if field.repr)
        return f"{cls.__qualname__}({', '.join(shown)})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self) -> list[Any]:
        return list(_values(self))

    def __setstate__(self, state: list[Any]) -> None:
        cls: Any = type(self)
        for field, value in zip(fields(cls), state, strict=True):
            object.__setattr__(self, field.name, value)


class Comparable(Frozen):
    """Equal to one of the same class with equal fields."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return _values(self) == _values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(_values(self))


def _values(instance: Any) -> tuple[Any, ...]:
    return tuple(getattr(instance, field.name) for field in fields(instance))


@cache
def _signature(cls: Any) -> Signature:
    return Signature([_parameter(field) for field in fields(cls) if field.init], return_annotation=None)


def _parameter(field: dataclasses.Field[Any]) -> Parameter:
    kind = Parameter.KEYWORD_ONLY if field.kw_only else Parameter.POSITIONAL_OR_KEYWORD
    defaults = [value for value in (field.default, field.default_factory) if value is not MISSING]
    return Parameter(field.name, kind, default=defaults[0] if defaults else Parameter.empty, annotation=field.type)
