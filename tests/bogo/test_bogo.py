"""BoringSSL's protocol tests, run by BoringSSL's own runner over our shim.

The runner is not part of this project. Built from BoringSSL's `ssl/test/runner` (`go test -c`), its binary is named by
TURTLS_BOGO_RUNNER, the folder it was built in by TURTLS_BOGO_DIR: it looks for its keys there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_HERE: Final = Path(__file__).parent
_RUNNER: Final = os.environ.get("TURTLS_BOGO_RUNNER")
_FOLDER: Final = os.environ.get("TURTLS_BOGO_DIR")

REACHED: Final = {"TLS": 3000, "DTLS": 0, "QUIC": 330}
"""Tests passed of each kind: fewer would be a step back."""


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Path]:
    """A program that hands each test to a server of ours, which runs as long as the fixture."""
    path = tmp_path / "server"
    with subprocess.Popen([sys.executable, "-m", "tests.bogo.server", str(path)], cwd=_HERE.parents[1]) as server:
        try:
            while not path.exists():
                assert server.poll() is None, "the server ended before it began"
                time.sleep(0.01)
            program = tmp_path / "shim"
            # What the shim imports is Python's own: -I and -S spare it the search for anything else.
            program.write_text(
                f'#!/bin/sh\nexport TURTLS_BOGO_SERVER={path}\nexec {sys.executable} -I -S {_HERE / "shim.py"} "$@"\n'
            )
            program.chmod(0o755)
            yield program
        finally:
            server.terminate()


@pytest.mark.slow
@pytest.mark.skipif(not (_RUNNER and _FOLDER), reason="TURTLS_BOGO_RUNNER and TURTLS_BOGO_DIR name no BoGo runner")
def test_boringssls_protocol_tests(shim: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    arguments = ["-shim-path", shim, "-shim-config", _HERE / "config.json", "-json-output", results]
    run = subprocess.run(
        [str(_RUNNER), *map(str, arguments), "-pipe", "-allow-unimplemented"],
        cwd=_FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    tests = json.loads(results.read_text())["tests"]
    counts = Counter((_kind(name), test["actual"]) for name, test in tests.items())
    with capsys.disabled():
        _show(counts)
    failed = sorted(name for name, test in tests.items() if test["actual"] not in ("PASS", "SKIP"))
    assert not failed, run.stdout.decode(errors="replace")[-20_000:]
    assert run.returncode == 0
    for kind, least in REACHED.items():
        assert counts[kind, "PASS"] >= least, kind


def _kind(name: str) -> str:
    return next((kind for kind in ("DTLS", "QUIC") if kind in name), "TLS")


def _show(counts: Counter[tuple[str, str]]) -> None:
    print()
    for kind in REACHED:
        passed, left_out = counts[kind, "PASS"], counts[kind, "SKIP"]
        failed = sum(count for (of, _), count in counts.items() if of == kind) - passed - left_out
        print(f"BoGo {kind}: {passed} passed, {failed} failed, {left_out} unimplemented")
