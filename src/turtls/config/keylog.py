"""Where a connection's secrets are logged, in the format of SSLKEYLOGFILE, if anywhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turtls.config import ClientConfig, ServerConfig


def keylog(config: ClientConfig | ServerConfig) -> Callable[[str], None] | None:
    """What the configuration names, or the file of SSLKEYLOGFILE if it allows that; takes a line without its end."""
    if config.keylog is not None:
        return config.keylog
    path = os.environ.get("SSLKEYLOGFILE") if config.keylog_from_environment else None
    if not path:
        return None

    def append(line: str) -> None:
        with open(path, "a", encoding="ascii", opener=_private) as file:
            file.write(line + "\n")

    return append


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
