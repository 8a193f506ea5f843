"""Programs that judge what the authority makes."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def need(program: str, package: str) -> str:
    """The path of a program. Without it the test is skipped, or fails where $TURTLS_REQUIRE_PEERS is set."""
    path = shutil.which(program)
    if path is not None:
        return path
    reason = f"{program} is not installed ({package})"
    if os.environ.get("TURTLS_REQUIRE_PEERS"):
        pytest.fail(reason)
    pytest.skip(reason)


def openssl(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run openssl; its output and its exit code."""
    command = [need("openssl", "Debian's openssl"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def certutil(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run NSS's certutil; its output and its exit code."""
    command = [need("certutil", "Debian's libnss3-tools"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
