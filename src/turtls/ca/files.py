"""Where an authority lives, and how its files are written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

PRIVATE = 0o600
PUBLIC = 0o644


def default_folder() -> Path:
    """The authority of the person who runs this: `ca` in $TURTLS_HOME, else in the system's folder for user data."""
    home = os.environ.get("TURTLS_HOME") or platformdirs.user_data_path("turtls")
    return Path(home) / "ca"


def write_file(path: Path, data: bytes, mode: int) -> None:
    """Put `data` at `path`: whole or not at all, also if the power fails. Never readable by more than `mode` says."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make sure that what was created or renamed in the folder is still there after a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
