"""Every codec: whatever is decoded is encoded and decoded to the same, and all else ends in ProtocolError."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, TypeVar

from turtls.errors import ProtocolError
from turtls.explain.fields import Field, fields
from turtls.handshake import psks, resumption
from turtls.wire import messages12
from turtls.wire import v2_hello as v2
from turtls.wire.codec import Structure
from turtls.wire.extension_table import EXTENSION_TABLE
from turtls.wire.extensions import ExtensionBody
from turtls.wire.fingerprint import ClientHelloInfo
from turtls.wire.messages import ClientHello, HandshakeMessage

S = TypeVar("S", bound=Structure)

_HEADER_LENGTH = 4


def _kinds(base: type[S]) -> Iterator[type[S]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


MESSAGES: Final[dict[int, list[type[HandshakeMessage]]]] = defaultdict(list)
"""What a handshake message of a type may be; the version and the suite tell them apart."""
for _kind in _kinds(HandshakeMessage):
    MESSAGES[_kind.msg_type].append(_kind)

STRUCTS: Final = [
    kind
    for kind in _kinds(Structure)
    if not issubclass(kind, HandshakeMessage | ExtensionBody)
    and kind.__module__ in {module.__name__ for module in (messages12, v2, psks, resumption)}
]
"""What stands inside of messages whose form depends on the key exchange, in identities and in tickets."""


def decoded(kind: type[S], data: bytes) -> S | None:
    """What the data is; None if it is malformed. Encoded and decoded again it must be the same."""
    try:
        value = kind.decode(data)
    except ProtocolError:
        return None
    assert kind.decode(value.encode()) == value
    return value


def messages(data: bytes) -> None:
    """A handshake message with its header. Each kind that has its type must read it, and be able to show it."""
    if len(data) < _HEADER_LENGTH:
        return
    for kind in MESSAGES.get(data[0], ()):
        value = decoded(kind, data[_HEADER_LENGTH:])
        if value is not None:
            _check_inside(fields(kind, data), 0, len(data))
        if isinstance(value, ClientHello):
            _look_at(value)


def _check_inside(parts: tuple[Field, ...], start: int, end: int) -> None:
    """Fields follow each other within what they are parts of."""
    for part in parts:
        assert start <= part.start <= part.end <= end
        _check_inside(part.parts, part.start, part.end)
        start = part.end


def _look_at(hello: ClientHello) -> None:
    info = ClientHelloInfo(hello)
    for name in dir(ClientHelloInfo):
        if isinstance(getattr(ClientHelloInfo, name), property):
            getattr(info, name)


def extensions(data: bytes) -> None:
    """An extension's type (two bytes) and body, in the form it has in each message that may carry it."""
    forms = EXTENSION_TABLE.get(int.from_bytes(data[:2], "big"), {})  # type: ignore[call-overload]  # any number will do
    for form in set(forms.values()):
        decoded(form, data[2:])


def structs(data: bytes) -> None:
    """What is neither a message nor an extension."""
    for kind in STRUCTS:
        decoded(kind, data)


def v2_hello(data: bytes) -> None:
    """A ClientHello of SSL 2.0's form, without its length: as TLS it must be a message like any other."""
    try:
        hello = v2.client_hello_from_v2(data)
    except ProtocolError:
        return
    assert ClientHello.from_bytes(hello.to_bytes()) == hello
    _look_at(hello)
