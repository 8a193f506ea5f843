"""Chromium and Firefox without a screen, with profiles that trust the tests' authority."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tests.interop.processes import TIMEOUT, PeerTimeout, Process, free_port

_SIZE = (1000, 800)
_CHROMIUM_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
)
_FIREFOX_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.server": "",
}
"""Keep it from calling home: there is nobody there."""


@dataclass(frozen=True)
class Page:
    """What a visit came to."""

    html: str
    screenshot: bytes
    """PNG."""
    refusal: str | None
    """What the browser found wrong with the certificate, in its own words; None if it showed the page."""


class Browser(ABC):
    """A browser with a new profile in `folder`, which trusts the authority of the PEM file `trust`."""

    name: ClassVar[str]
    program: ClassVar[str]
    refusals: ClassVar[dict[str, str]]
    """What it says about a certificate for another name, and about one of an unknown authority."""

    def __init__(self, folder: Path, trust: Path) -> None:
        self._folder = folder
        self._trust = trust

    @classmethod
    def missing(cls) -> str | None:
        """Why the browser cannot be used here, or None."""
        needed = {cls.program: f"Debian's {cls.program}", "certutil": "Debian's libnss3-tools"}
        return next(
            (f"{name} is not installed ({where})" for name, where in needed.items() if not shutil.which(name)), None
        )

    @abstractmethod
    def visit(self, url: str) -> Page:
        """Open a page."""

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """End the browser, if it runs."""

    def _make_database(self, folder: Path) -> None:
        """A new NSS database that trusts the authority."""
        folder.mkdir(parents=True)
        for command in (
            ["-N", "--empty-password"],
            ["-A", "-n", "tests", "-t", "C,,", "-i", str(self._trust)],
        ):
            subprocess.run(
                ["certutil", *command, "-d", f"sql:{folder}"], check=True, capture_output=True, timeout=TIMEOUT
            )


class Chromium(Browser):
    """Starts anew for each visit, with the same profile."""

    name = "chromium"
    program = "chromium"
    refusals: ClassVar = {"name": "ERR_CERT_COMMON_NAME_INVALID", "authority": "ERR_CERT_AUTHORITY_INVALID"}

    def __init__(self, folder: Path, trust: Path) -> None:
        super().__init__(folder, trust)
        self._make_database(folder / ".pki" / "nssdb")

    def visit(self, url: str) -> Page:
        screenshot = self._folder / "page.png"
        command = [
            *(self.program, *_CHROMIUM_OPTIONS, f"--user-data-dir={self._folder / 'profile'}"),
            *(f"--window-size={_SIZE[0]},{_SIZE[1]}", f"--screenshot={screenshot}", "--dump-dom", url),
        ]
        process = Process(command, environment={"HOME": str(self._folder)})
        try:
            process.wait(timeout=2 * TIMEOUT)
        finally:
            process.stop()
        refusal = re.search(r"net::(ERR_CERT_\w+)", process.log)
        picture = screenshot.read_bytes() if screenshot.exists() else b""
        return Page(process.output.decode(), picture, refusal and refusal[1])


class Firefox(Browser):
    """Runs until it is closed, and is told what to do over its Marionette protocol."""

    name = "firefox"
    program = "firefox-esr"
    refusals: ClassVar = {"name": "SSL_ERROR_BAD_CERT_DOMAIN", "authority": "SEC_ERROR_UNKNOWN_ISSUER"}

    def __init__(self, folder: Path, trust: Path) -> None:
        super().__init__(folder, trust)
        profile = folder / "profile"
        self._make_database(profile)
        port = free_port()
        preferences = _FIREFOX_PREFERENCES | {"marionette.port": port}
        lines = (f'user_pref("{name}", {json.dumps(value)});\n' for name, value in preferences.items())
        (profile / "user.js").write_text("".join(lines))
        command = [self.program, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
        size = {"MOZ_HEADLESS_WIDTH": str(_SIZE[0]), "MOZ_HEADLESS_HEIGHT": str(_SIZE[1])}
        self._process = Process(command, environment={"HOME": str(folder)} | size)
        self._marionette = Marionette(self._process, port)
        self._marionette.ask("WebDriver:NewSession")

    def visit(self, url: str) -> Page:
        refusal = None
        try:
            self._marionette.ask("WebDriver:Navigate", url=url)
        except MarionetteError as error:
            if error.kind != "insecure certificate":
                raise
            script = "return document.getFailedCertSecurityInfo().errorCodeString"
            refusal = self._marionette.ask("WebDriver:ExecuteScript", script=script, args=[], sandbox=None)["value"]
        html = self._marionette.ask("WebDriver:GetPageSource")["value"]
        picture = self._marionette.ask("WebDriver:TakeScreenshot", full=False)["value"]
        return Page(html, base64.b64decode(picture), refusal)

    def close(self) -> None:
        self._marionette.close()
        self._process.stop()


class MarionetteError(Exception):
    """The browser could not do what it was asked to."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Marionette:
    """Firefox's remote control: JSON behind its length, over TCP."""

    def __init__(self, process: Process, port: int) -> None:
        self._socket = self._connect(process, port)
        self._file = self._socket.makefile("rwb")
        self._number = 0
        self._receive()  # who it is

    @staticmethod
    def _connect(process: Process, port: int) -> socket.socket:
        deadline = time.monotonic() + 4 * TIMEOUT  # the first start on a new machine is slow
        while not process.ended and time.monotonic() < deadline:
            try:
                return socket.create_connection(("127.0.0.1", port), 2 * TIMEOUT)
            except ConnectionRefusedError:
                time.sleep(0.1)
        raise PeerTimeout(f"Firefox does not listen:\n{process.log}")

    def ask(self, command: str, **parameters: object) -> Any:
        """Send a command; its result. Raises MarionetteError."""
        self._number += 1
        message = json.dumps([0, self._number, command, parameters]).encode()
        self._file.write(b"%d:%s" % (len(message), message))
        self._file.flush()
        _, _, error, result = self._receive()
        if error:
            raise MarionetteError(error["error"], error["message"])
        return result

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _receive(self) -> Any:
        length = b""
        while (byte := self._file.read(1)) not in (b":", b""):
            length += byte
        return json.loads(self._file.read(int(length)))


BROWSERS: tuple[type[Browser], ...] = (Chromium, Firefox)
"""Each browser there is."""
