"""Real browsers on the page of `turtls serve`: no warning once the CA is trusted, and none gets in before."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ca.programs import certutil, need
from tests.ca.test_browsers import chromium, firefox, home
from tests.cli.serving import Serving, serving
from turtls.ca import Authority, trust
from turtls.ca.trust import Root

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["home"]


def visit(browser: list[str], server: Serving, event: str, reason: str = "") -> dict[str, object]:
    """Start a browser on the page, and wait for that event in the server's log, with those words in its reason."""
    command = [*browser, server.url()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while True:
            came = server.event(event, seconds=90)
            if reason in came.get("reason", ""):
                return came
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(("browser", "alert"), [(chromium, "certificate_unknown"), (firefox, "unknown_ca")])
def test_a_browser_comes_in_when_the_ca_is_trusted_and_not_before(
    browser: Callable[[Path], list[str]], alert: str, home: Path, tmp_path: Path
) -> None:
    """Chromium makes more connections than it needs, and drops some of them before they are anything."""
    need("certutil", "Debian's libnss3-tools")
    with serving(tmp_path / "turtls") as server:
        command = browser(home)
        visit(command, server, "failure", f"the alert {alert}")
        trust.install(Root.of(Authority.open(tmp_path / "turtls" / "ca")), system=False)
        came = visit(command, server, "connection")
        assert (came["version"], came["alpn"], came["server_name"]) == ("TLS 1.3", "h2", "localhost")
        assert came["group"] == "X25519MLKEM768"


def test_chromium_shows_the_page_without_a_warning(home: Path, tmp_path: Path) -> None:
    need("certutil", "Debian's libnss3-tools")
    with serving(tmp_path / "turtls") as server:
        (home / ".pki" / "nssdb").mkdir(parents=True)
        certutil("-N", "-d", f"sql:{home}/.pki/nssdb", "--empty-password")
        trust.install(Root.of(Authority.open(tmp_path / "turtls" / "ca")), system=False)
        command = [*chromium(home), "--dump-dom", server.url()]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False).stdout
    assert "This connection is private." in shown
    for fact in ("TLS 1.3", "X25519MLKEM768", "post-quantum", "HTTP/2"):
        assert fact in shown
