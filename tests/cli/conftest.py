from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Turtls


@pytest.fixture
def turtls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Turtls:
    """The command line, with an empty home folder and the test's own folder as the current one."""
    monkeypatch.setenv("TURTLS_HOME", str(tmp_path / "turtls"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    return Turtls(monkeypatch, capsys)
