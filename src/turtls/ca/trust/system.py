"""The trust store of the operating system."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from turtls.ca.errors import TrustStoreError
from turtls.ca.files import PUBLIC, write_file
from turtls.ca.trust.root import Root, Store, require, run


@dataclass(frozen=True, slots=True)
class AnchorFolder:
    """Linux: a folder for added roots, and a program that makes from it the bundle that programs read."""

    folder: Path
    suffix: str
    bundle: Path
    update: tuple[str, ...]
    update_after_removal: tuple[str, ...]

    @property
    def name(self) -> str:
        """What people call it."""
        return f"the system ({self.folder})"

    def usable(self) -> bool:
        """Whether this is how this system does it."""
        return self.folder.is_dir() and shutil.which(self.update[0]) is not None

    def holds(self, root: Root) -> bool:
        """Whether the root is in the bundle: in the folder alone it does not count yet."""
        try:
            return root.pem.strip() in self.bundle.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return False

    def install(self, root: Root) -> None:
        """Copy the root there and have the bundle made anew. Raises TrustStoreError."""
        anchor = self._anchor(root)
        try:
            write_file(anchor, root.pem.encode(), PUBLIC)
        except PermissionError:
            copy = shlex.join(["sudo", "install", "-m", "644", str(root.path), str(anchor)])
            raise TrustStoreError(f"Needs root's rights. Run: {copy} && sudo {shlex.join(self.update)}") from None
        try:
            require(self.update)
        except TrustStoreError:
            anchor.unlink()
            raise

    def uninstall(self, root: Root) -> bool:
        """Take the root away and have the bundle made anew. Raises TrustStoreError."""
        anchor = self._anchor(root)
        if not anchor.exists() and not self.holds(root):
            return False
        try:
            anchor.unlink(missing_ok=True)
        except PermissionError:
            remove = shlex.join(["sudo", "rm", str(anchor)])
            update = shlex.join(["sudo", *self.update_after_removal])
            raise TrustStoreError(f"Needs root's rights. Run: {remove} && {update}") from None
        require(self.update_after_removal)
        if self.holds(root):
            raise TrustStoreError(f"{self.bundle} still holds the root: someone put it there by another way.")
        return True

    def _anchor(self, root: Root) -> Path:
        return self.folder / f"{root.file_name}{self.suffix}"


@dataclass(frozen=True, slots=True)
class SystemKeychain:
    """macOS."""

    name: str = "the system's keychain"
    keychain: Path = Path("/Library/Keychains/System.keychain")

    def holds(self, root: Root) -> bool:
        """Whether the system trusts the root (`-L`: without asking the network, `-l`: although it is no leaf)."""
        return run(["security", "verify-cert", "-L", "-l", "-c", root.path]).returncode == 0

    def install(self, root: Root) -> None:
        """Add the root to the keychain, trusted for everything. Raises TrustStoreError."""
        self._change(["security", "add-trusted-cert", "-d", "-r", "trustRoot", "-k", self.keychain, root.path])

    def uninstall(self, root: Root) -> bool:
        """Trust it no more. Raises TrustStoreError."""
        if not self.holds(root):
            return False
        self._change(["security", "remove-trusted-cert", "-d", root.path])
        return True

    def _change(self, command: Sequence[str | Path]) -> None:
        try:
            require(command)
        except TrustStoreError as error:
            raise TrustStoreError(f"{error} It may need root's rights: run the same with sudo.") from None


ANCHOR_FOLDERS = (
    AnchorFolder(  # Debian, Ubuntu, Alpine
        Path("/usr/local/share/ca-certificates"),
        ".crt",
        Path("/etc/ssl/certs/ca-certificates.crt"),
        ("update-ca-certificates",),
        # Else a dangling link stays behind.
        ("update-ca-certificates", "--fresh"),
    ),
    AnchorFolder(  # Fedora, Red Hat
        Path("/etc/pki/ca-trust/source/anchors"),
        ".pem",
        Path("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),
        ("update-ca-trust", "extract"),
        ("update-ca-trust", "extract"),
    ),
    AnchorFolder(  # Arch
        Path("/etc/ca-certificates/trust-source/anchors"),
        ".pem",
        Path("/etc/ca-certificates/extracted/tls-ca-bundle.pem"),
        ("update-ca-trust",),
        ("update-ca-trust",),
    ),
    AnchorFolder(  # openSUSE
        Path("/etc/pki/trust/anchors"),
        ".pem",
        Path("/var/lib/ca-certificates/ca-bundle.pem"),
        ("update-ca-certificates",),
        ("update-ca-certificates",),
    ),
)
"""Each kind of Linux system's own."""


def system_stores() -> Sequence[Store]:
    """The store of this system. Raises TrustStoreError if it is of a kind not known here."""
    if sys.platform == "darwin":
        return [SystemKeychain()]
    for store in ANCHOR_FOLDERS:
        if store.usable():
            return [store]
    raise TrustStoreError(
        "This system keeps its trusted roots in a way that turtls does not know (on Debian: is the package "
        "ca-certificates installed?). `turtls ca root` prints the root, to be added by hand."
    )
