from __future__ import annotations

import json

import pytest

from turtls.cli.output import print_json

UNTRUSTED = "bücher 日本 \x1b[2J \x9b2J \x7f \u202e \ud800 \U000e0001 \n"
"""Words, escape sequences, a change of direction, half a character, a tag, the end of a line."""


def test_json_says_everything_and_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": UNTRUSTED})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": UNTRUSTED}
    assert all(char.isprintable() or char == "\n" for char in printed)
    assert "bücher 日本" in printed
