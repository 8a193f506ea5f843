"""A connection, drawn in the terminal: the handshake as arrows, its messages with their fields and bytes, the chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from string import hexdigits
from textwrap import wrap

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from turtls.cli.output import printable
from turtls.errors import AlertDescription
from turtls.events import AlertSeen, HandshakeMessageSeen, KeysInstalled, SecretDerived
from turtls.explain import hexdump
from turtls.explain.chain import CertificateFacts
from turtls.explain.fields import Field
from turtls.explain.story import Step
from turtls.explain.verdict import Fact, Mark, Verdict

_WIDEST = 96
"""Columns of a picture at the most: wider ones are harder to read."""
_TIME = 10
"""Columns for the time at the left."""
_PLAIN, _ENCRYPTED, _QUIET = "yellow", "green", "bright_black"
_MARKS = {Mark.GOOD: ("✓", "green"), Mark.NOTE: ("•", "yellow"), Mark.BAD: ("✗", "red"), Mark.PLAIN: (" ", "default")}
_COLOURS = ("cyan", "magenta", "blue", "green", "yellow", "bright_blue", "bright_magenta", "bright_green")


class Picture:
    """Draws a handshake line by line, as its steps are taken."""

    def __init__(self, width: int, *, fields: bool = False, bytes: bool = False) -> None:
        """`width`: columns there are. `fields`: show what each message says, and each secret that is derived. `bytes`:
        show every byte, too.
        """
        self._width = width
        self._between = max(min(width, _WIDEST) - _TIME - 2, 50)
        self._fields = fields
        self._bytes = bytes
        self._encrypted = False
        self._chapter = ""
        self._chapters = 0

    def head(self) -> RenderableType:
        """The two sides."""
        return Text(" " * _TIME + "client" + " " * (self._between - 10) + "server", style="bold")

    def again(self) -> Picture:
        """Another picture of the same kind, for another handshake."""
        return Picture(self._width, fields=self._fields, bytes=self._bytes)

    def step(self, step: Step) -> Iterator[RenderableType]:
        """One step; nothing for those that this picture leaves out."""
        if self._fields and step.chapter != self._chapter:
            self._chapter = step.chapter
            self._chapters += 1
            yield from self._note(f"{self._chapters}. {step.chapter}", "bold")
        seen = step.message
        if seen is not None:
            yield self._arrow(step, seen)
            if self._fields:
                yield Padding(fields_tree(step.fields), (0, 0, 0, _TIME + 2))
            if self._bytes:
                yield Padding(bytes_table(seen.raw, step.fields), (0, 0, 1, _TIME + 2))
        elif self._fields or not (isinstance(step.trace, (KeysInstalled, SecretDerived)) or _is_goodbye(step)):
            title, sentence = step.words
            link = " " if title.endswith("?") else ": "
            yield from self._note(f"{title}{link}{sentence}" if sentence else title, "italic")
        elif isinstance(step.trace, KeysInstalled) and not self._encrypted:
            self._encrypted = True
            yield from self._note(f"{step.trace.cipher_suite}: {step.trace.why}", "italic green")

    def _arrow(self, step: Step, seen: HandshakeMessageSeen) -> Text:
        style, line = (_ENCRYPTED, "━") if seen.encrypted else (_PLAIN, "╌")
        name, size = f" {step.name}", f" {len(seen.raw):,} bytes "
        shaft = self._between - 1 - len(name) - len(size)
        to_server = step.side == "client"
        text = Text(f"{step.seconds * 1000:6.1f} ms ", style=_QUIET)
        text.append("├" if to_server else "│◀", style=_QUIET if to_server else style)
        text.append(line * (shaft // 2), style=style)
        text.append(name, style=f"bold {style}")
        text.append(size, style=_QUIET)
        text.append(line * (shaft - shaft // 2), style=style)
        text.append("▶│" if to_server else "┤", style=style if to_server else _QUIET)
        return text

    def _note(self, note: str, style: str) -> Iterator[Text]:
        for line in wrap(printable(note), self._between - 4):
            text = Text(" " * _TIME + "│  ", style=_QUIET)
            text.append(line, style=style)
            text.append(" " * (self._between - 2 - len(line)) + "│", style=_QUIET)
            yield text


def _is_goodbye(step: Step) -> bool:
    return isinstance(step.trace, AlertSeen) and step.trace.alert == AlertDescription.CLOSE_NOTIFY


def fields_tree(fields: Sequence[Field]) -> Tree:
    """The fields of a message, named and valued; a list of plain values on one line."""
    tree = Tree("", hide_root=True, guide_style=_QUIET)
    for field in fields:
        _add_field(tree, field)
    return tree


def _add_field(tree: Tree, field: Field) -> None:
    plain_list = bool(field.parts) and all(part.value and not part.parts for part in field.parts)
    label = Text(printable(field.name), style="cyan")
    if plain_list and len({part.name for part in field.parts}) == 1:
        label.append("  " + ", ".join(printable(_short(part.value)) for part in field.parts), style="default")
        tree.add(label)
        return
    if field.value:
        label.append("  " + printable(_short(field.value)), style="default")
    branch = tree.add(label)
    for part in field.parts:
        _add_field(branch, part)


def _short(value: str) -> str:
    if len(value) <= 72:
        return value
    is_hex = all(char in hexdigits for char in value)
    return f"{value[:56]}… ({len(value) // 2:,} bytes)" if is_hex else f"{value[:70]}…"


def bytes_table(raw: bytes, fields: Sequence[Field]) -> Group:
    """The bytes of a message, each in the colour of its field, the field's name where it begins."""
    lines = []
    last = ""
    for row in hexdump.rows(raw, fields):
        line = Text(f"{row.offset:04x}  ", style=_QUIET, no_wrap=True, overflow="ellipsis")
        names = []
        for run in row.runs:
            style = _QUIET if run.colour is None else _COLOURS[run.colour]
            line.append(run.hex + " ", style=style)
            if run.name != last and run.colour is not None:
                names.append((run.name, style))
            last = run.name
        line.append(" " * (6 + 3 * hexdump.BYTES_PER_ROW - len(line)))
        for name, style in names:
            line.append(" " + printable(name), style=style)
        lines.append(line)
    return Group(*lines)


def chain_tree(chain: Sequence[CertificateFacts], now: datetime) -> Tree:
    """The certificates from the authority down to the peer's own; `chain` has the leaf first."""
    *above, leaf = reversed(chain)
    labels = [_certificate(facts, now) for facts in (*above, leaf)]
    tree = Tree(labels[0], guide_style=_QUIET)
    branch = tree
    for label in labels[1:]:
        branch = branch.add(label)
    return tree


def _certificate(facts: CertificateFacts, now: datetime) -> Text:
    days = facts.days_left(now)
    text = Text(printable(facts.subject), style="bold")
    text.append(f"  {facts.key}, ", style="default")
    text.append(
        f"{days:,} days left" if days >= 0 else f"expired {-days:,} days ago",
        style="green" if days > 14 else "yellow" if days >= 0 else "red",
    )
    if facts.names:
        names = ", ".join(facts.names[:6]) + (f" and {len(facts.names) - 6} more" if len(facts.names) > 6 else "")
        text.append(f"\nfor {printable(names)}", style="default")
    text.append(f"\nissued by {printable(facts.issuer)}, SHA-256 {facts.sha256[:16]}…", style=_QUIET)
    return text


def facts_table(facts: Sequence[Fact]) -> Table:
    """What was negotiated, with a mark and plain words for each."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(style=_QUIET)
    for fact in facts:
        sign, style = _MARKS[fact.mark]
        table.add_row(Text(sign, style=style), fact.label, Text(printable(fact.value), style="bold"), fact.words)
    return table


def verdict_lines(verdict: Verdict) -> Iterator[Text]:
    """The verdict, and why."""
    yield Text(f"{'✓' if verdict.safe else '✗'} {verdict.sentence}", style="bold green" if verdict.safe else "bold red")
    for reason in verdict.reasons:
        yield Text(f"  {printable(reason)}", style="yellow" if verdict.safe else "red")
