"""What a client is configured with where the caller leaves it open."""

from __future__ import annotations

import functools
from dataclasses import replace

from turtls.config import ClientConfig, Verifier
from turtls.errors import ConfigError
from turtls.pki import default_verifier


def client_config(config: ClientConfig | None) -> ClientConfig:
    """`config` with the system's trust where it names no verifier and no pre-shared key.

    None is a configuration that the whole process shares, so that sessions are resumed from call to call.
    """
    if config is None:
        return _default_config(default_verifier())
    knows_the_server = config.verifier is not None or config.psks
    return config if knows_the_server else replace(config, verifier=default_verifier())


@functools.lru_cache(maxsize=1)
def _default_config(verifier: Verifier) -> ClientConfig:
    return ClientConfig(verifier=verifier)


def identity(server_name: str | None, host: str | None) -> str:
    """The name the server must prove to hold: `host`, unless another is given. Raises ConfigError."""
    name = server_name or host
    if not name:
        raise ConfigError("A client needs the server_name that the server's certificate must be for.")
    return name
