"""What connect and get have in common: whom to reach, how, and whom to trust."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from getpass import getpass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from turtls.config import ClientConfig, Credential, DangerAcceptAnyCertificate, KeyLog, Policy, Verifier
from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12
from turtls.errors import ConfigError, PasswordRequired
from turtls.pki import PrivateVerifier, TrustStore
from turtls.wire.codepoints import CodePoint
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion

P = TypeVar("P", bound=CodePoint)

POLICY_HELP = "What may be negotiated: modern, intermediate, legacy, or a cipher string such as ECDHE+AESGCM."

MAX_TIMEOUT = 24 * 3600
"""Seconds. The operating system has a limit, too, and what lies beyond it is an error of Python's."""

PolicyOption = Annotated[str, typer.Option(metavar="POLICY", help=POLICY_HELP)]


PassphraseOption = Annotated[
    Path | None,
    typer.Option(help="A file whose first line is the passphrase of the key; without it a person is asked."),
]


def host_and_port(target: str, default_port: int) -> tuple[str, int]:
    """`example.org`, `example.org:8443`, `[::1]:443` or `::1`, taken apart. Raises ConfigError."""
    host, port = target, ""
    if target.startswith("["):
        host, bracket, rest = target[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigError(f"{target} is not an address: write [::1] or [::1]:443.")
        port = rest[1:]
    elif target.count(":") == 1:
        host, _, port = target.partition(":")
    if not host:
        raise ConfigError(f"{target or 'An empty word'} names no host: write HOST or HOST:PORT.")
    if not port:
        return host, default_port
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError(f"{port} is not a port: it is a number from 1 to 65535.")
    return host, int(port)


def client_config(
    *,
    policy: str = "intermediate",
    ca: Path | None = None,
    danger_accept_any: bool = False,
    alpn: str | None = None,
    cert: Path | None = None,
    key: Path | None = None,
    passphrase_file: Path | None = None,
    groups: str | None = None,
    suites: str | None = None,
    keylog: Path | None = None,
) -> ClientConfig:
    """The configuration that those options describe. Raises ConfigError, OSError."""
    if cert is None and (key is not None or passphrase_file is not None):
        raise ConfigError("--key and --passphrase-file are for a certificate: --cert is needed, too.")
    return ClientConfig(
        policy=_policy(policy, groups, suites),
        verifier=_verifier(ca, danger_accept_any),
        alpn=tuple(_words(alpn)),
        credentials=() if cert is None else (_credential(cert, key, passphrase_file),),
        keylog=None if keylog is None else keylog_to(keylog),
    )


def _credential(cert: Path, key: Path | None, passphrase_file: Path | None) -> Credential:
    """The certificate with its key. Where that is encrypted and no file holds the passphrase, a person is asked."""
    passphrase = None if passphrase_file is None else _first_line(passphrase_file)
    try:
        return Credential.load(cert, key, password=passphrase)
    except PasswordRequired as error:
        place = key or cert
        if not sys.stdin.isatty():
            raise ConfigError(f"The key in {place} is encrypted: give its passphrase by --passphrase-file.") from error
        return Credential.load(cert, key, password=getpass(f"Passphrase of the key in {place}: "))


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        line = file.readline().rstrip(b"\r\n")
    if not line:
        raise ConfigError(f"{path} has no passphrase in its first line.")
    return line


def _policy(text: str, groups: str | None, suites: str | None) -> Policy:
    policy = Policy.from_string(text)
    if groups is not None:
        chosen = _code_points(NamedGroup, groups)
        policy = replace(policy, name="custom", groups=chosen, key_share_groups=chosen[:1])
    if suites is not None:
        chosen_suites = _code_points(CipherSuite, suites)
        versions = [v for v in policy.versions if any(_is_usable(suite, v) for suite in chosen_suites)]
        policy = replace(policy, name="custom", cipher_suites=chosen_suites, versions=tuple(versions))
    return policy


def _is_usable(suite: CipherSuite, version: ProtocolVersion) -> bool:
    """Whether a suite can be negotiated in that version at all."""
    if suite in SUITES13:
        return version == ProtocolVersion.TLS_1_3
    return suite in SUITES12 and SUITES12[suite].min_version <= version < ProtocolVersion.TLS_1_3


def _verifier(ca: Path | None, danger_accept_any: bool) -> Verifier | None:
    if danger_accept_any:
        return DangerAcceptAnyCertificate()
    return None if ca is None else PrivateVerifier(TrustStore.from_file(ca))


def _words(listed: str | None) -> list[str]:
    return [word.strip() for word in (listed or "").split(",") if word.strip()]


def _code_points(registry: type[P], listed: str) -> tuple[P, ...]:
    found = []
    for word in _words(listed):
        try:
            found.append(registry.by_name(word))
        except KeyError:
            known = ", ".join(point.name for point in registry.members())
            raise ConfigError(f"{word} is not a {registry.__name__}. Known are: {known}.") from None
    if not found:
        raise ConfigError(f"The list of {registry.__name__}s is empty.")
    return tuple(found)


def keylog_to(path: Path) -> KeyLog:
    """Appends to that file, which only its owner can read: who has these lines can decrypt everything.

    Raises ConfigError if it cannot be written.
    """

    def log(line: str) -> None:
        with open(path, "a", encoding="ascii", opener=_private) as file:
            file.write(f"{line}\n" if line else "")

    try:
        log("")
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}.") from error
    return log


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
