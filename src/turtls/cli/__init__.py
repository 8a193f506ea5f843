"""The command line: one file per command, each imported when it is run.

A command's module exposes either `command`, a function for typer, or `app`, a `typer.Typer` with subcommands. Its
name and its line in the help stand in `turtls.cli.frame.COMMANDS`.
"""

from __future__ import annotations

import sys


def main() -> int:
    """The console script `turtls`. Returns the exit code (`turtls.cli.output.ExitCode`)."""
    try:
        from turtls.cli import frame

        return frame.run()
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] == "turtls":
            raise
        print(f'The command needs the package "{missing}": pip install "turtls[cli]"', file=sys.stderr)
        return 1
