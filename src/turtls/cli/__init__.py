"""The command line: one file per command, each imported when it is run.

A command's module exposes either `command`, a function for typer, or `app`, a `typer.Typer` with subcommands. Its
name and its line in the help stand in `turtls.cli.frame.COMMANDS`.
"""

from __future__ import annotations

import sys

_NEEDED_BY_ALL = ("typer", "rich", "platformdirs")


def main() -> int:
    """The console script `turtls`. Returns the exit code (`turtls.cli.output.ExitCode`)."""
    try:
        from turtls.cli import frame

        return frame.run()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "turtls":
            raise
        extra = "cli" if package in _NEEDED_BY_ALL else "all"
        print(f'The command needs the package "{package}": pip install "turtls[{extra}]"', file=sys.stderr)
        return 1
