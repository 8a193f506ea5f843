"""The root to be trusted, and what a place to trust it in can do."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.x509.oid import NameOID

from turtls.ca.authority import Authority
from turtls.ca.errors import TrustStoreError

_TIMEOUT = 60
"""Seconds that a program of the system may take."""


@dataclass(frozen=True, slots=True)
class Root:
    """An authority's root: a file in PEM, and the name it goes by in stores that want one."""

    path: Path
    pem: str
    name: str
    """Unique to its key: its subject's common name ends in a piece of the key's hash."""

    @classmethod
    def of(cls, authority: Authority) -> Root:
        """The root of an authority."""
        (common_name,) = authority.root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return cls(authority.folder / "root.pem", authority.root_pem.decode(), str(common_name.value))

    @property
    def file_name(self) -> str:
        """The name without what shells and scripts stumble over."""
        identifier = self.name.rpartition(" ")[2]
        return f"turtls-{identifier}"


class Store(Protocol):
    """A place where programs look for whom to trust. Each method raises TrustStoreError."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def holds(self, root: Root) -> bool:
        """Whether the root is trusted."""
        ...

    def install(self, root: Root) -> None:
        """Have it trusted."""
        ...

    def uninstall(self, root: Root) -> bool:
        """Have it trusted no more. Returns whether there was anything to remove."""
        ...


def run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a program of the system; it has nobody to ask. Raises TrustStoreError if it is not there, or hangs."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise TrustStoreError(f"The program {words[0]} is not there.") from None
    except subprocess.TimeoutExpired:
        raise TrustStoreError(f"{' '.join(words)} did not end within {_TIMEOUT} seconds.") from None


def require(command: Sequence[str | Path]) -> None:
    """Run a program that must succeed. Raises TrustStoreError with what it said."""
    ended = run(command)
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip() or f"exit code {ended.returncode}"
        raise TrustStoreError(f"{' '.join(map(str, command))} failed: {said}")
