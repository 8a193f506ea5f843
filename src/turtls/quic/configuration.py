"""A configuration as QUIC allows it: the same one may serve TLS over TCP and QUIC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from turtls.config import ClientConfig, Policy, ServerConfig
from turtls.crypto.suites import SUITES13
from turtls.errors import ConfigError
from turtls.wire.fingerprint import ClientHelloInfo
from turtls.wire.registries import CipherSuite, ProtocolVersion

_ChosenConfig = ServerConfig | None | Awaitable[ServerConfig | None]

_SUITES = frozenset(SUITES13) - {CipherSuite.TLS_AES_128_CCM_8_SHA256}
"""RFC 9001, section 5.3: the tag of CCM_8 is too short."""


def client(config: ClientConfig) -> ClientConfig:
    """The client's: TLS 1.3 alone, nothing about records, no authentication after the handshake. Raises ConfigError."""
    return replace(
        config,
        policy=_policy(config.policy, config.alpn),
        post_handshake_auth=False,  # RFC 9001, section 4.4
        record_size_limit=None,
    )


def server(config: ServerConfig) -> ServerConfig:
    """The server's, and so is whichever it chooses when it has seen the ClientHello. Raises ConfigError."""
    choose = config.on_client_hello
    return replace(
        config,
        policy=_policy(config.policy, config.alpn),
        on_client_hello=_choosing(choose) if choose is not None else None,
        record_size_limit=None,
    )


def _policy(policy: Policy, alpn: tuple[str, ...]) -> Policy:
    if not alpn:
        raise ConfigError("QUIC needs an application protocol: give the configuration an alpn (RFC 9001, section 8.1).")
    suites = tuple(suite for suite in policy.cipher_suites if suite in _SUITES)
    if ProtocolVersion.TLS_1_3 not in policy.versions or not suites:
        raise ConfigError("QUIC needs TLS 1.3, and the policy does not have it (RFC 9001, section 4.2).")
    return replace(policy, versions=(ProtocolVersion.TLS_1_3,), cipher_suites=suites)


def _choosing(choose: Callable[[ClientHelloInfo], _ChosenConfig]) -> Callable[[ClientHelloInfo], _ChosenConfig]:
    def on_client_hello(hello: ClientHelloInfo) -> _ChosenConfig:
        chosen = choose(hello)
        return _later(chosen) if isinstance(chosen, Awaitable) else _server_or_none(chosen)

    return on_client_hello


async def _later(awaitable: Awaitable[ServerConfig | None]) -> ServerConfig | None:
    return _server_or_none(await awaitable)


def _server_or_none(config: ServerConfig | None) -> ServerConfig | None:
    return server(config) if config is not None else None
