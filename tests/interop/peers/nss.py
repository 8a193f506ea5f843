"""NSS' `tstclnt` and `selfserv`."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.interop.peers.base import (
    Can,
    Channel,
    Client,
    ClientPeer,
    PipedClient,
    Server,
    ServerPeer,
    Settings,
    payload_in,
)
from tests.interop.pki import Files
from tests.interop.processes import TIMEOUT, Process, free_port, wait_for_listener
from turtls.wire.registries import CipherSuite

_SCHEMES = (
    *("ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512"),
    *("rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"),
    *("rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512"),
    *("rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512"),
)
"""All that NSS can sign with and has not given up; the programs leave rsa_pss_pss away, if not told otherwise."""
_LAST_WORD = b"goodbye\n"
_PASSWORD = b"turtls"
"""Protects the PKCS #12 files that bring a key into NSS' database."""


class NSS(ClientPeer, ServerPeer):
    name = "nss"
    old_versions = ("1.2", "1.1", "1.0")
    program = "tstclnt"
    package = "Debian's libnss3-tools"
    cipher_suites = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    groups = {
        "x25519": "x25519",
        "secp256r1": "P256",
        "secp384r1": "P384",
        "secp521r1": "P521",
        "ffdhe2048": "FF2048",
        "ffdhe3072": "FF3072",
        "ffdhe4096": "FF4096",
    }
    certificates = ("p256", "p384", "p521", "rsa", "rsa-pss")
    client_exchanges = server_exchanges = ("ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "RSA")
    lacks = ("CCM",)
    client_can = frozenset(Can) - {
        Can.UPDATE_KEYS,
        Can.ALPN,
        Can.CLOSE,
        Can.COOKIE,
        Can.EXPORT,
        Can.SET_RECORD_LIMIT,
        Can.STAPLE,
        Can.SHOW_TIMESTAMPS,
    }
    server_can = client_can - {Can.STREAM, Can.CONVERSE} | {Can.COOKIE}

    @staticmethod
    def application(channel: Channel) -> None:
        """Echo, up to the last word."""
        while data := channel.recv(65536):
            channel.sendall(data.removesuffix(_LAST_WORD))
            if data.endswith(_LAST_WORD):
                return

    def connect(self, port: int, settings: Settings) -> Client:
        command = ["tstclnt", "-4", "-h", "localhost", "-p", str(port), "-a", settings.name, *self._options(settings)]
        if settings.credential:
            command += ["-n", settings.credential.name]
        if settings.authenticate_later:
            command += ["-E"]
        return TwiceTstClnt([*command, "-L", "2"]) if settings.resume else TstClnt(Process(command))

    def serve(self, settings: Settings) -> Server:
        if settings.credential is None:
            raise ValueError("selfserv needs a certificate")
        port = free_port()
        command = ["selfserv", "-v", "-p", str(port), *self._options(settings)]
        # The first is for RSA certificates, the second for those with an elliptic curve. It wants to have both.
        command += ["-n" if "rsa" in settings.credential.name else "-e", settings.credential.name]
        if settings.authenticate_later:
            command += ["-E", "-r", "-r", "-r", "-r"]
        elif settings.trust:
            command += ["-r", "-r"]
        process = Process(command)
        wait_for_listener(process, port)
        return SelfServ(process, port)

    def _options(self, settings: Settings) -> list[str]:
        lowest, highest = (f"tls{version}" for version in settings.versions)
        database = _database(settings.trust, settings.credential)
        suites = ["-c", f":{CipherSuite.by_name(settings.suite):04X}"] if settings.suite else []
        return [
            *suites,
            *("-d", f"sql:{database}", "-V", f"{lowest}:{highest}", "-u"),
            *("-I", ",".join(self.group_names(settings)), "-J", ",".join(_SCHEMES)),
        ]


class TstClnt(PipedClient):
    """It tells nobody that its input has ended, but waits for the server to end the connection."""

    def close(self) -> int:
        self._process.write(_LAST_WORD)
        return super().close()


class TwiceTstClnt(Client):
    """Connects twice with each piece of data, which it then takes from a file."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: Process | None = None

    def exchange(self, data: bytes) -> bytes:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data + _LAST_WORD)
            file.flush()
            self._process = Process([*self._command, "-A", file.name])
            self._process.wait()
        return payload_in(self._process.output)[-len(data) :]

    def close(self) -> int:
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        if self._process:
            self._process.stop()

    @property
    def log(self) -> str:
        return self._process.log if self._process else ""


class SelfServ(Server):
    """It sends back one request, which an empty line ends, and then closes the connection."""

    def exchange(self, channel: Channel, data: bytes) -> bytes:
        channel.sendall(b"GET / HTTP/1.0\r\n" + data + b"\r\n\r\n")
        answer = bytearray()
        while chunk := channel.recv(65536):
            answer += chunk
        return payload_in(bytes(answer))


@functools.cache
def _database(trust: Path | None, credential: Files | None) -> Path:
    """A folder with an NSS database that holds a trusted root and a certificate with its key."""
    folder = Path(tempfile.mkdtemp(prefix="turtls-nss-"))
    database = f"sql:{folder}"
    _run("certutil", "-N", "-d", database, "--empty-password")
    if trust:
        _run("certutil", "-A", "-d", database, "-n", "root", "-t", "CT,C,C", "-i", str(trust))
    if credential:
        archive = folder / "credential.p12"
        archive.write_bytes(_pkcs12(credential))
        _run("pk12util", "-d", database, "-K", "", "-i", str(archive), "-W", _PASSWORD.decode())
    return folder


def _pkcs12(files: Files) -> bytes:
    key: Any = serialization.load_pem_private_key(files.key.read_bytes(), None)
    leaf, *others = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    encryption = serialization.BestAvailableEncryption(_PASSWORD)
    return pkcs12.serialize_key_and_certificates(files.name.encode(), key, leaf, others, encryption)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT)
