"""Commands run as a person runs them, but in the test's own process."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from turtls.cli import main


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


class Turtls:
    """`turtls("ca", "list")` runs `turtls ca list`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ended:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["turtls", *map(str, arguments)])
        code = main()
        return Ended(int(code), *self._capsys.readouterr())
