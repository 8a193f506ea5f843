"""The NSS databases of Chromium (and its kin) and of Firefox: on Linux these do not ask the system whom to trust."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from turtls.ca.errors import TrustStoreError
from turtls.ca.trust.root import Root, Store, require, run

_DATABASE = "cert9.db"

_CHROMIUM_PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "brave-browser",
)

_CHROMIUM_FOLDERS = (
    ".pki/nssdb",
    "snap/*/current/.pki/nssdb",
    ".var/app/*/.pki/nssdb",
    ".var/app/*/data/pki/nssdb",
)
_FIREFOX_FOLDERS = (
    ".mozilla/firefox/*",
    "snap/firefox/common/.mozilla/firefox/*",
    ".var/app/*/.mozilla/firefox/*",
    ".var/app/*/config/mozilla/firefox/*",
    "Library/Application Support/Firefox/Profiles/*",
)
"""Beneath the home folder, as globs: installed by the system, as a snap, as a flatpak, on macOS."""

_CERTUTIL_PACKAGES = {
    "apt-get": "apt-get install libnss3-tools",
    "dnf": "dnf install nss-tools",
    "pacman": "pacman -S nss",
    "zypper": "zypper install mozilla-nss-tools",
    "apk": "apk add nss-tools",
    "brew": "brew install nss",
}
"""Which package gives certutil, by the program that would install it."""


@dataclass(frozen=True, slots=True)
class NSSDatabase:
    """An NSS database: a folder that holds a cert9.db, or will."""

    browser: str
    folder: Path

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.browser} ({self.folder})"

    def holds(self, root: Root) -> bool:
        """Whether NSS accepts the root as an authority for servers."""
        return self._exists() and self._certutil("-V", root, "-u", "L") == 0

    def install(self, root: Root) -> None:
        """Add the root, as an authority for servers alone. Raises TrustStoreError."""
        if not self._exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            require(["certutil", "-N", "-d", self._directory, "--empty-password"])
        try:
            require(["certutil", "-A", "-d", self._directory, "-n", root.name, "-t", "C,,", "-i", root.path])
        except TrustStoreError as error:
            # Where a primary password keeps it from marking the root as trusted, certutil has added it all the same.
            self._certutil("-D", root)
            raise TrustStoreError(
                f"{error} (In Firefox with a primary password, import {root.path} by hand.)"
            ) from None

    def uninstall(self, root: Root) -> bool:
        """Take the root out. Raises TrustStoreError."""
        if not self._exists() or self._certutil("-L", root) != 0:
            return False
        require(["certutil", "-D", "-d", self._directory, "-n", root.name])
        return True

    @property
    def _directory(self) -> str:
        return f"sql:{self.folder}"

    def _exists(self) -> bool:
        return (self.folder / _DATABASE).exists()

    def _certutil(self, action: str, root: Root, *options: str) -> int:
        return run(["certutil", action, "-d", self._directory, "-n", root.name, *options]).returncode


def browser_stores() -> Sequence[Store]:
    """The databases of this user's browsers. Raises TrustStoreError if there are some, but not NSS's certutil."""
    home = Path.home()
    stores = [*_chromium(home), *_firefox(home)]
    if stores and shutil.which("certutil") is None:
        raise TrustStoreError(f"NSS's program certutil is missing. {_how_to_get_certutil()}")
    return stores


def _chromium(home: Path) -> Iterator[NSSDatabase]:
    own = home / ".pki/nssdb"
    # Chromium takes this one where the other is not there.
    newer = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share") / "pki/nssdb"
    found = [path.parent for pattern in _CHROMIUM_FOLDERS for path in home.glob(f"{pattern}/{_DATABASE}")]
    if (newer / _DATABASE).exists():
        found.append(newer)
    if not {own, newer} & set(found) and any(map(shutil.which, _CHROMIUM_PROGRAMS)):
        found.append(own)
    return (NSSDatabase("Chromium", folder) for folder in found)


def _firefox(home: Path) -> Iterator[NSSDatabase]:
    configuration = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    found = [path.parent for pattern in _FIREFOX_FOLDERS for path in home.glob(f"{pattern}/{_DATABASE}")]
    found += [path.parent for path in configuration.glob(f"mozilla/firefox/*/{_DATABASE}")]
    return (NSSDatabase("Firefox", folder) for folder in found)


def _how_to_get_certutil() -> str:
    for program, command in _CERTUTIL_PACKAGES.items():
        if shutil.which(program):
            return f"Run: sudo {command}" if program != "brew" else f"Run: {command}"
    return "It comes with NSS."
