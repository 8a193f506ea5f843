"""BoringSSL's protocol tests, run by BoringSSL's own runner over our shim.

The runner is not part of this project. Built from BoringSSL's `ssl/test/runner` (`go test -c`), its binary is named by
TURTLS_BOGO_RUNNER, the folder it was built in by TURTLS_BOGO_DIR: it looks for its keys there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest

_HERE: Final = Path(__file__).parent
_RUNNER: Final = os.environ.get("TURTLS_BOGO_RUNNER")
_FOLDER: Final = os.environ.get("TURTLS_BOGO_DIR")

REACHED: Final = {"TLS": 3580, "DTLS": 0, "QUIC": 400}
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
        [str(_RUNNER), *map(str, arguments), "-pipe", "-allow-unimplemented", "-include-disabled"],
        cwd=_FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    tests = json.loads(results.read_text())["tests"]
    disabled = json.loads((_HERE / "config.json").read_text())["DisabledTests"]
    outcomes = {name: _outcome(name, test["actual"], disabled) for name, test in tests.items()}
    counts = Counter((_kind(name), outcome) for name, outcome in outcomes.items())
    with capsys.disabled():
        _show(counts, Counter((tmp_path / "reasons").read_text().splitlines()))
    failed = [name for name, outcome in outcomes.items() if outcome == "failed"]
    assert not failed, _what_the_runner_says(run.stdout.decode(errors="replace"), failed)
    assert [name for name, outcome in outcomes.items() if outcome == "disabled, but passed"] == []
    for kind, least in REACHED.items():
        assert counts[kind, "passed"] >= least, kind


def _kind(name: str) -> str:
    if "DTLS" in name:
        return "DTLS"
    return "QUIC" if "QUIC" in name and "-TLS-TLS" not in name else "TLS"


def _outcome(name: str, actual: str, disabled: dict[str, str]) -> str:
    if any(fnmatchcase(name, pattern) for pattern in disabled):
        return "disabled, but passed" if actual == "PASS" else "disabled"
    return {"PASS": "passed", "SKIP": "unimplemented"}.get(actual, "failed")


def _show(counts: Counter[tuple[str, str]], reasons: Counter[str]) -> None:
    print()
    for kind in REACHED:
        print(f"BoGo {kind}:", ", ".join(f"{count} {how}" for (of, how), count in sorted(counts.items()) if of == kind))
    for reason, count in reasons.most_common():
        print(f"{count:5} {reason}")


def _what_the_runner_says(output: str, failed: list[str]) -> str:
    """Of each test that failed, all between its name and that of the next test."""
    told = re.split(r"^(?:PASSED|FAILED|UNIMPLEMENTED) \((.*)\)$", output, flags=re.MULTILINE)
    said = dict(zip(told[1::2], told[2::2], strict=True))
    return "\n".join(f"{name}:{said.get(name, '')}" for name in failed)
