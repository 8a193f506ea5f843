"""The bytes of a message in rows, each byte in the colour of the field it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from turtls.explain.fields import Field

COLOURS = 8
"""How many colours there are before they begin again."""
BYTES_PER_ROW = 16


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes of one row that belong to one field; `colour` is None for lengths between the fields."""

    hex: str
    name: str
    colour: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the offset of its first byte, and its bytes."""

    offset: int
    runs: list[Run]


def rows(raw: bytes, fields: Sequence[Field]) -> Iterator[Row]:
    """The bytes in rows of sixteen."""
    owners = _owners(len(raw), coloured(fields))
    for offset in range(0, len(raw), BYTES_PER_ROW):
        runs: list[Run] = []
        end = min(offset + BYTES_PER_ROW, len(raw))
        start = offset
        for at in range(offset + 1, end + 1):
            if at == end or owners[at] != owners[start]:
                name, colour = owners[start]
                runs.append(Run(raw[start:at].hex(" "), name, colour))
                start = at
        yield Row(offset, runs)


def coloured(fields: Sequence[Field]) -> list[Field]:
    """The fields that get a colour each: those at the top, and in the place of a list of many what is in it."""
    chosen: list[Field] = []
    for field in fields:
        chosen += field.parts if field.name in {"extensions", "certificate_list"} else (field,)
    return chosen


def _owners(length: int, fields: Sequence[Field]) -> list[tuple[str, int | None]]:
    owners: list[tuple[str, int | None]] = [("length", None)] * length
    for number, field in enumerate(fields):
        owners[field.start : field.end] = [(field.name, number % COLOURS)] * (field.end - field.start)
    return owners
