"""Configurations are values, and say at once what they cannot be."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from turtls.config import (
    ClientAuth,
    ClientConfig,
    DangerAcceptAnyCertificate,
    Policy,
    PreSharedKey,
    ServerConfig,
    Session,
    SrpLogin,
)
from turtls.errors import ConfigError
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme

P, S, V, G = Policy.INTERMEDIATE, CipherSuite, ProtocolVersion, NamedGroup


@pytest.mark.parametrize("kind", [ClientConfig, ServerConfig])
@pytest.mark.parametrize(
    "options",
    [
        {"record_size_limit": 63},
        {"record_size_limit": 2**14 + 2},
        {"record_padding": -1},
        {"record_padding": 2**14 + 1},
        {"alpn": ("",)},
        {"alpn": ("h2", "x" * 256)},
        {"alpn": ("ü" * 128,)},
    ],
)
def test_what_cannot_be(kind: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        kind(**options)


@pytest.mark.parametrize("count", [-1, 256])
def test_a_number_of_tickets_that_cannot_be(count: int) -> None:
    with pytest.raises(ConfigError):
        ServerConfig(tickets_to_send=count)


@pytest.mark.parametrize(
    "options",
    [{"record_size_limit": 64}, {"record_size_limit": 2**14 + 1}, {"record_padding": 2**14}, {"alpn": ("x" * 255,)}],
)
def test_what_just_can(options: dict[str, Any]) -> None:
    for config in (ClientConfig(**options), ServerConfig(**options)):
        for name, value in options.items():
            assert getattr(config, name) == value


def test_configurations_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        ClientConfig().alpn = ()  # type: ignore[misc]  # mypy sees it, too
    with pytest.raises(FrozenInstanceError):
        ServerConfig().alpn = ()  # type: ignore[misc]  # the same
    with pytest.raises(FrozenInstanceError):
        Policy.MODERN.groups = ()  # type: ignore[misc]  # the same


def test_who_is_authenticated_is_judged_by_somebody() -> None:
    for wanted in (ClientAuth.REQUEST, ClientAuth.REQUIRE):
        with pytest.raises(ConfigError, match="verifier"):
            ServerConfig(client_auth=wanted)
        assert ServerConfig(client_auth=wanted, verifier=DangerAcceptAnyCertificate()).client_auth is wanted
    with pytest.raises(ConfigError, match="whom to trust"):
        ClientConfig().required_verifier()


def test_each_configuration_has_stores_of_its_own() -> None:
    assert ClientConfig().sessions is not ClientConfig().sessions
    assert ServerConfig().tickets is not ServerConfig().tickets
    config = ServerConfig()
    assert replace(config, alpn=("h2",)).tickets is config.tickets


# ------------------------------------------------------------------------------------------- policies


@pytest.mark.parametrize(
    "change",
    [
        {"versions": ()},
        {"versions": (V.SSL_3_0,)},
        {"versions": (V.TLS_1_3, V(0x0305))},
        {"groups": ()},
        {"groups": (G.x25519, G.ffdhe8192)},
        {"groups": (G(0x0A0A),)},
        {"signature_schemes": ()},
        {"cipher_suites": ()},
        {"cipher_suites": (S.TLS_AES_128_GCM_SHA256,)},  # none for TLS 1.2
        {"cipher_suites": (S.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,)},  # none for TLS 1.3
        {"cipher_suites": (*P.cipher_suites, S(0x0005))},
        {"cipher_suites": (*P.cipher_suites, S.TLS_FALLBACK_SCSV)},
    ],
)
def test_a_policy_that_could_agree_on_nothing(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        replace(P, **change)


def test_policies_are_made_of_one_another() -> None:
    only = replace(P, versions=(V.TLS_1_2,), groups=(G.x448,))
    assert only.max_version == V.TLS_1_2
    assert Policy.MODERN.versions == (V.TLS_1_3,)
    assert set(Policy.MODERN.cipher_suites) < set(P.cipher_suites) < set(Policy.LEGACY.cipher_suites)
    assert S.TLS_AES_128_CCM_8_SHA256 not in Policy.LEGACY.cipher_suites  # a short tag is for those who ask for it
    short = replace(P, cipher_suites=(S.TLS_AES_128_CCM_8_SHA256,), versions=(V.TLS_1_3,))
    assert short.cipher_suites == (S.TLS_AES_128_CCM_8_SHA256,)


def test_sha1_is_legacy_s_alone() -> None:
    for scheme in (SignatureScheme.rsa_pkcs1_sha1, SignatureScheme.ecdsa_sha1):
        assert scheme not in P.signature_schemes
        assert scheme in Policy.LEGACY.signature_schemes


# ------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(("identity", "key"), [(b"", bytes(16)), (bytes(2**16), bytes(16)), (b"me", bytes(15))])
def test_a_pre_shared_key_that_cannot_be(identity: bytes, key: bytes) -> None:
    with pytest.raises(ConfigError):
        PreSharedKey(identity, key)


@pytest.mark.parametrize("username", ["", "x" * 256])
def test_a_user_name_that_cannot_be(username: str) -> None:
    with pytest.raises(ConfigError):
        SrpLogin(username, "password")


def test_secrets_do_not_show() -> None:
    assert "opensesame" not in repr(PreSharedKey(b"me", b"opensesame" * 2))
    assert "opensesame" not in repr(SrpLogin("me", "opensesame"))


# ------------------------------------------------------------------------------------------- sessions


def session(ticket: bytes, **changes: Any) -> Session:
    fields: dict[str, Any] = {
        "version": V.TLS_1_3,
        "cipher_suite": S.TLS_AES_128_GCM_SHA256,
        "ticket": ticket,
        "secret": bytes(32),
        "received_at": 1000.0,
        "authenticated_at": 1000.0,
        "lifetime": 60,
        "server_name": "a.example",
        "alpn": None,
        "peer": None,
        "verifier": None,
        "min_rsa_bits": 2048,
        "identity": (),
    }
    return Session(**(fields | changes))


@pytest.mark.parametrize(("now", "fresh"), [(999, False), (1000, True), (1059.9, True), (1060, False)])
def test_a_session_is_fresh_for_its_lifetime(now: float, fresh: bool) -> None:
    assert session(b"x").fresh(now) is fresh


@pytest.mark.parametrize("policy", [Policy.INTERMEDIATE, Policy.LEGACY], ids=lambda policy: policy.name)
def test_a_server_that_has_both_signs_with_ecdsa_whatever_the_cipher(policy: Policy) -> None:
    """It costs a server a tenth of what RSA does."""
    order = [suite.name for suite in policy.cipher_suites]
    ciphers = {name.removeprefix("TLS_ECDHE_ECDSA_WITH_") for name in order if "ECDHE_ECDSA" in name}
    for cipher in ciphers:
        if (by_rsa := f"TLS_ECDHE_RSA_WITH_{cipher}") in order:
            assert order.index(f"TLS_ECDHE_ECDSA_WITH_{cipher}") < order.index(by_rsa)


def test_what_few_use_is_imported_when_it_is_asked_for() -> None:
    from turtls import config

    assert config.SrpLogin("me", "opensesame").username == "me"
    with pytest.raises(AttributeError, match="no attribute 'Srp'"):
        config.Srp  # noqa: B018 - the look-up is the test
