"""A handshake message, taken apart along its declaration: every field with its name, its value and its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from turtls.crypto.keys import UNREADABLE
from turtls.wire.codec import Codec, Structure, Vector
from turtls.wire.codepoints import CodePoint, is_grease
from turtls.wire.extensions import Extensions, RawExtension
from turtls.wire.messages import HandshakeMessage
from turtls.wire.registries import HandshakeType


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: `raw[start:end]` are its bytes, its own length prefix included."""

    name: str
    """As the RFC calls it."""
    value: str
    """For a person: names for code points, text for what is text, hex for other bytes; empty where `parts` say all."""
    start: int
    end: int
    parts: tuple[Field, ...] = ()
    """The fields or items inside."""

    def as_json(self) -> dict[str, Any]:
        """The field as plain values."""
        plain: dict[str, Any] = {"name": self.name, "start": self.start, "end": self.end}
        if self.value:
            plain["value"] = self.value
        if self.parts:
            plain["fields"] = [part.as_json() for part in self.parts]
        return plain


def fields(kind: type[HandshakeMessage], raw: bytes) -> tuple[Field, ...]:
    """The fields of the message of that kind in `raw`, the header's two first."""
    message = kind.from_bytes(raw)
    header = (
        Field("msg_type", _code_point(HandshakeType(raw[0])), 0, 1),
        Field("length", _count(len(raw) - 4, "byte"), 1, 4),
    )
    return header + tuple(_members(message, 4))


def _members(struct: Any, start: int) -> Iterator[Field]:
    for name, codec in struct.__fields__.items():
        value = getattr(struct, name)
        end = start + len(codec.encode(value))
        if isinstance(codec, Vector):
            yield _vector(name, value, codec.item, start, end)
        else:
            yield _field(name, value, start, end)
        start = end


def _field(name: str, value: Any, start: int, end: int) -> Field:
    if isinstance(value, Extensions):
        return Field(name, _count(len(value), "extension"), start, end, tuple(_extensions(value, end)))
    if isinstance(value, Structure):
        return Field(name, "", start, end, tuple(_members(value, start)))
    return Field(name, _words(name, value), start, end)


def _vector(name: str, items: list[Any], item_codec: Codec[Any], start: int, end: int) -> Field:
    lengths = [len(item_codec.encode(item)) for item in items]
    at = end - sum(lengths)
    parts = []
    for item, length in zip(items, lengths, strict=True):
        parts.append(_field(_item_name(name, item), item, at, at + length))
        at += length
    return Field(name, _count(len(items), "entry"), start, end, tuple(parts))


def _item_name(vector_name: str, item: Any) -> str:
    return vector_name.removesuffix("_list") if isinstance(item, bytes) else type(item).__name__


def _extensions(extensions: Extensions, end: int) -> Iterator[Field]:
    at = end - sum(4 + len(body.encode()) for body in extensions)
    for body in extensions:
        start, data_start = at, at + 4
        at = data_start + len(body.encode())
        name = _code_point(body.extension_type)
        if isinstance(body, RawExtension):
            yield Field(name, _opaque(body.data), start, at)
        else:
            parts = tuple(_members(body, data_start))
            yield Field(name, "" if parts else "empty", start, at, parts)


def _words(name: str, value: Any) -> str:
    if isinstance(value, CodePoint):
        return _code_point(value)
    if name in {"cert_data", "certificate"}:  # in TLS 1.3, and before
        return _certificate(value)
    return _opaque(value) if isinstance(value, bytes) else str(value)


def _code_point(value: CodePoint) -> str:
    number = f"0x{int(value):0{2 * value.size}x}"
    if value.size == 2 and is_grease(value):
        return f"GREASE {number}"
    return f"{value.name} {number}" if int(value) in value.names else f"unknown {number}"


def _opaque(value: bytes) -> str:
    if value and value.isascii() and (text := value.decode("ascii")).isprintable():
        return f'"{text}"'
    return value.hex() or "empty"


def _certificate(untrusted_der: bytes) -> str:
    try:
        certificate = x509.load_der_x509_certificate(untrusted_der)
        return (
            f"{certificate.subject.rfc4514_string() or 'no subject'}, issued by {certificate.issuer.rfc4514_string()}"
        )
    except UNREADABLE:
        return untrusted_der.hex()


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"
