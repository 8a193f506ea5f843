from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ca.programs import certutil, need
from tests.cli.commands import Turtls
from turtls.ca import Authority
from turtls.ca.trust import Root, system


@pytest.fixture
def firefox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a system store of no known kind and, in its home folder, one profile of Firefox."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(system, "ANCHOR_FOLDERS", ())
    monkeypatch.setattr("turtls.ca.trust.browsers._CHROMIUM_PROGRAMS", ())
    profile = tmp_path / "home/.mozilla/firefox/a.default"
    profile.mkdir(parents=True)
    assert certutil("-N", "-d", f"sql:{profile}", "--empty-password").returncode == 0
    return profile


def test_a_root_comes_and_goes(turtls: Turtls, firefox: Path) -> None:
    turtls("ca", "init")
    browser = ("--no-system", "--json")
    for command, state in [
        ("status", "not trusted"),
        ("install", "installed"),
        ("install", "already trusted"),
        ("status", "trusted"),
        ("uninstall", "removed"),
        ("uninstall", "not trusted"),
    ]:
        ended = turtls("trust", command, *browser)
        assert ended.code == 0
        assert json.loads(ended.out) == [{"store": f"Firefox ({firefox})", "state": state, "detail": ""}]


def test_firefox_itself_would_trust_it(turtls: Turtls, firefox: Path) -> None:
    turtls("ca", "init")
    assert turtls("trust", "install", "--no-system").out == f"installed  Firefox ({firefox})\n"
    name = Root.of(Authority.open()).name
    assert certutil("-V", "-d", f"sql:{firefox}", "-n", name, "-u", "L").returncode == 0


def test_part_of_it_done_is_success_and_the_rest_is_told(turtls: Turtls, firefox: Path) -> None:
    turtls("ca", "init")
    ended = turtls("trust", "install")
    assert ended.code == 0
    assert "failed  the system\n  This system keeps its trusted roots in a way" in ended.out
    assert f"installed  Firefox ({firefox})" in ended.out


def test_nothing_done_is_a_failure(turtls: Turtls, firefox: Path) -> None:
    turtls("ca", "init")
    ended = turtls("trust", "install", "--no-browsers")
    assert ended.code == 1
    assert "turtls ca root" in ended.out
    (firefox / "cert9.db").unlink()
    ended = turtls("trust", "install", "--no-system")
    assert ended.code == 1
    assert "no store" in ended.out


def test_without_an_authority_there_is_nothing_to_trust(turtls: Turtls) -> None:
    need("certutil", "Debian's libnss3-tools")
    ended = turtls("trust", "install")
    assert ended.code == 1
    assert "turtls ca init" in ended.err
