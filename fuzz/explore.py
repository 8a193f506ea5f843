"""Looks for bytes that make one target raise: `python -m fuzz.explore TARGET FLAGS...`, in libFuzzer's flags.

A process of its own for each target: what it imports is instrumented, and a finding ends it.
"""

from __future__ import annotations

import sys

import atheris


def main() -> None:
    """Explore until libFuzzer's flags say that it is enough."""
    name, *flags = sys.argv[1:]
    with atheris.instrument_imports(include=["turtls"]):
        from fuzz.targets import TARGETS
    atheris.Setup([name, *flags], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
