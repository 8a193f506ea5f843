"""The frame that all commands hang in: the list of them, `--version`, and what happens when one fails."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from turtls import __version__
from turtls.cli.output import ExitCode, example, report
from turtls.errors import TLSError

COMMANDS = {
    "serve": "Serve a folder, an application or an echo over HTTPS, with certificates of its own CA.",
    "connect": "Open a TLS connection and show what was negotiated, with whom, and whether it is safe.",
    "get": "Fetch a URL and show where the time went.",
    "bridge": "Let a device that only speaks an old TLS reach a modern service, or the reverse.",
    "ca": "Run a certificate authority: init, issue, list, revoke, root.",
    "trust": "Make this machine and its browsers trust the CA, or stop to.",
}
"""The module of each command in `turtls.cli`, and its line in the help."""


class LazyGroup(TyperGroup):
    """Knows its commands by name and summary alone; the module of one is imported when it is run or completed."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` name (typer's own rules), and the arguments left for it."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, placeholder and _load(name or ""), rest


def _load(name: str) -> Any:
    module = importlib.import_module(f"turtls.cli.{name}")
    if hasattr(module, "app"):
        command = get_command(module.app)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name, epilog=example(*module.EXAMPLES))(module.command)
        command = get_command(single)
    command.name = name
    return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=example("turtls serve", "turtls connect example.org"),
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _placeholder() -> None:
    """Stands in the help for a command that is not imported yet."""


for _name, _summary in COMMANDS.items():
    app.command(_name, help=_summary)(_placeholder)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"turtls {__version__}")
        raise typer.Exit


@app.callback()
def turtls(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """TLS, the whole of it: serve, connect, look, and run the authority that says who is who."""


def run() -> int:
    """Run the command that `sys.argv` names. Returns the exit code; a failure is told in a paragraph on stderr."""
    try:
        app(prog_name="turtls")
    except (TLSError, OSError) as error:
        return report(error)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else ExitCode.OK
    return ExitCode.OK
