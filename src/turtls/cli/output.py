"""What all commands share: how they print, what they print for programs, and how they fail."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from turtls.errors import HandshakeTimeout, PeerAlert, ProtocolError, TruncatedError

out = Console(highlight=False)
"""Where results go. Obeys NO_COLOR, and leaves colours out where stdout is not a terminal."""
err = Console(stderr=True, highlight=False)
"""Where notes, progress and errors go."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


class ExitCode(IntEnum):
    """How a command ends, for the shell."""

    OK = 0
    FAILURE = 1
    """What was asked for could not be done."""
    USAGE = 2
    """The command line itself is wrong."""
    UNTRUSTED = 3
    """The peer's certificate is not to be trusted."""
    UNREACHABLE = 4
    """There is no connection to the peer."""
    HANDSHAKE = 5
    """The peer was reached, but the two sides came to no agreement, or one of them broke it off."""
    INTERRUPTED = 130
    """Ctrl-C."""


class Unreachable(OSError):
    """There is no connection to the peer."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"No connection to {host}, port {port}: {reason}.")


def example(*lines: str) -> str:
    """The end of a `--help`: command lines to try, as a typer `epilog`."""
    title = "Example" if len(lines) == 1 else "Examples"
    return "\n".join([f"[bold]{title}[/bold]", *(f"  {escape(line)}" for line in lines)])


def say(message: str) -> None:
    """Print a sentence on stdout, as it is: no markup, and left to the terminal to wrap."""
    out.print(Text(message), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print `value` on stdout as JSON. What could steer a terminal is escaped: a peer may have chosen it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    typer.echo("".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text))


def printable(untrusted_text: str) -> str:
    """The text with what could steer a terminal (escape sequences, line ends) shown as `\\x1b` and the like."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in untrusted_text)


def report(error: Exception) -> ExitCode:
    """Tell what failed, in one red paragraph on stderr. Returns the exit code for it."""
    for line in _sentence(error).split("\n"):
        err.print(Text(printable(line), style="red"), soft_wrap=True)
    return _exit_code(error)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return str(error)


def _exit_code(error: Exception) -> ExitCode:
    if isinstance(error, Unreachable):
        return ExitCode.UNREACHABLE
    if isinstance(error, ProtocolError):
        from turtls.pki import CertificateError

        if isinstance(error, CertificateError):
            return ExitCode.UNTRUSTED
    if isinstance(error, (ProtocolError, PeerAlert, TruncatedError, HandshakeTimeout)):
        return ExitCode.HANDSHAKE
    return ExitCode.FAILURE
