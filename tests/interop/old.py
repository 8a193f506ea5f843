"""What TLS 1.2 and earlier are tried with: each key exchange, in each version that has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.interop.peers.base import PSK_IDENTITY, USER, Peer
from turtls.config import Policy, PreSharedKey, SrpLogin, SrpUsers
from turtls.crypto.srp import SrpVerifier
from turtls.crypto.suites12 import SUITES12
from turtls.wire.registries import CipherSuite, ProtocolVersion

VERSIONS = {"1.0": ProtocolVersion.TLS_1_0, "1.1": ProtocolVersion.TLS_1_1, "1.2": ProtocolVersion.TLS_1_2}
PSK = "6b" * 32
PASSWORD = "a good password"
_CIPHERS = (
    *("AES_128_GCM_SHA256", "CHACHA20_POLY1305_SHA256", "AES_128_CBC_SHA", "AES_256_CBC_SHA384"),
    *("AES_256_CCM", "AES_128_CCM_SHA256"),
)
"""Whichever of these a key exchange has."""


def suites(exchange: str, version: str) -> Iterator[str]:
    """The suites of a key exchange that are tried in that version."""
    for cipher in _CIPHERS:
        name = f"TLS_{exchange}_WITH_{cipher}"
        suite = next((suite for suite in SUITES12.values() if suite.suite.name == name), None)
        if suite is not None and suite.min_version <= VERSIONS[version]:
            yield name


def each_suite(exchanges: Iterable[tuple[Peer, tuple[str, ...]]]) -> pytest.MarkDecorator:
    """`peer`, `version` and `suite`: each peer with each version it has, and with suites of its key exchanges."""
    rows = [
        pytest.param(peer, version, suite, id=f"{peer}-{version}-{suite}")
        for peer, names in exchanges
        for version in peer.old_versions
        for exchange in names
        for suite in suites(exchange, version)
        if not suite.endswith(peer.lacks)
    ]
    return pytest.mark.parametrize(("peer", "version", "suite"), rows)


def each_version(peers: Iterable[Peer]) -> pytest.MarkDecorator:
    """`peer` and `version`: each peer with each that it has."""
    rows = [pytest.param(peer, version, id=f"{peer}-{version}") for peer in peers for version in peer.old_versions]
    return pytest.mark.parametrize(("peer", "version"), rows)


def policy(version: str, *suites: str) -> Policy:
    """Policy.LEGACY, held to one version, and to what is named."""
    named = tuple(CipherSuite.by_name(name) for name in suites)
    return replace(Policy.LEGACY, versions=(VERSIONS[version],), cipher_suites=named or Policy.LEGACY.cipher_suites)


def kind(suite: str) -> str:
    """The kind of certificate that a suite needs, if it needs any."""
    return "p256" if "ECDSA" in suite else "rsa"


def wanted(suite: str) -> dict[str, Any]:
    """What the peer must be told besides the suite."""
    return ({"psk": PSK} if "PSK" in suite else {}) | ({"password": PASSWORD} if "SRP" in suite else {})


def as_client() -> dict[str, Any]:
    """What this side must know as a client of PSK and SRP."""
    key = PreSharedKey(PSK_IDENTITY.encode(), bytes.fromhex(PSK))
    return {"psks": (key,), "srp": SrpLogin(USER, PASSWORD)}


def as_server() -> dict[str, Any]:
    """What this side must know as a server of PSK and SRP."""
    users = {USER: SrpVerifier.from_password(USER, PASSWORD, b"s" * 16)}
    key = PreSharedKey(PSK_IDENTITY.encode(), bytes.fromhex(PSK))
    return {"psks": {key.identity: key}.get, "srp": SrpUsers(users.get)}
