"""Real browsers, before and after `turtls.ca.trust` has put the root into their stores."""

from __future__ import annotations

import http.server
import os
import queue
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ca.programs import certutil, need
from turtls.ca import Authority, trust
from turtls.ca.trust import Root, State

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Site(http.server.ThreadingHTTPServer):
    """An HTTPS server on the loopback address that tells what each visit comes to."""

    daemon_threads = True

    def __init__(self, authority: Authority, folder: Path) -> None:
        issued = authority.issue(["localhost"])
        (folder / "site.pem").write_bytes(issued.chain_pem + issued.key_pem)
        super().__init__(("127.0.0.1", 0), Page)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "site.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.visits: queue.Queue[str] = queue.Queue()

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that does not trust the certificate says so with an alert."""
        error = sys.exception()
        if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
            self.visits.put("refused")


class Page(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.visits.put("trusted")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<p>trusted</p>")

    def log_message(self, *_: object) -> None:
        """Nobody reads a log here."""


@contextmanager
def serving(authority: Authority, folder: Path) -> Iterator[Site]:
    with Site(authority, folder) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(variable, raising=False)
    return home


def chromium(home: Path) -> list[str]:
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    program = need("chromium", "Debian's chromium")
    return [program, "--headless", "--no-sandbox", "--disable-gpu", *quiet, f"--user-data-dir={home / 'profile'}"]


def firefox(home: Path) -> list[str]:
    program = need("firefox-esr", "Debian's firefox-esr")
    profile = home / ".mozilla/firefox/abc.default"
    profile.mkdir(parents=True)
    # As a first start would leave it, but for its calls home.
    certutil("-N", "-d", f"sql:{profile}", "--empty-password")
    off = ["browser.aboutwelcome.enabled", "app.normandy.enabled", "network.captive-portal-service.enabled"]
    off += ["network.connectivity-service.enabled", "datareporting.policy.dataSubmissionEnabled"]
    (profile / "user.js").write_text("".join(f'user_pref("{name}", false);\n' for name in off))
    return [program, "--headless", "--no-remote", "--profile", str(profile)]


def visit(browser: list[str], authority: Authority, folder: Path) -> str:
    """What a browser that is started on a page comes to: "trusted" or "refused"."""
    with serving(authority, folder) as site:
        command = [*browser, f"https://localhost:{site.server_port}/"]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            return site.visits.get(timeout=90)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.parametrize("browser", [chromium, firefox])
def test_a_browser_refuses_the_site_until_its_root_is_trusted(
    browser: Callable[[Path], list[str]], home: Path, authority: Authority, tmp_path: Path
) -> None:
    need("certutil", "Debian's libnss3-tools")
    command = browser(home)
    root = Root.of(authority)
    assert visit(command, authority, tmp_path) == "refused"
    assert {outcome.state for outcome in trust.install(root, system=False)} == {State.INSTALLED}
    assert visit(command, authority, tmp_path) == "trusted"
    assert {outcome.state for outcome in trust.uninstall(root, system=False)} == {State.REMOVED}
    assert visit(command, authority, tmp_path) == "refused"
