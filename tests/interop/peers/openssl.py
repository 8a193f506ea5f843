"""OpenSSL's `s_client` and `s_server`."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from functools import partial

from tests.interop.peers.base import (
    PSK_IDENTITY,
    Can,
    Client,
    ClientPeer,
    PipedClient,
    Server,
    ServerPeer,
    Settings,
    payload,
    payload_in,
    start_echoing,
)
from tests.interop.processes import Process, free_port, wait_for_listener

_PROTOCOLS = {"1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}


class OpenSSL(ClientPeer, ServerPeer):
    name = "openssl"
    program = "openssl"
    package = "Debian's openssl"
    cipher_suites = (
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_CCM_SHA256",
        "TLS_AES_128_CCM_8_SHA256",
    )
    groups = {
        "x25519": "X25519",
        "secp256r1": "P-256",
        "secp384r1": "P-384",
        "secp521r1": "P-521",
        "x448": "X448",
        "ffdhe2048": "ffdhe2048",
        "ffdhe3072": "ffdhe3072",
        "ffdhe4096": "ffdhe4096",
    }
    certificates = ("p256", "p384", "p521", "ed25519", "ed448", "rsa", "rsa-pss")
    old_versions = ("1.2", "1.1", "1.0")
    # It has SRP, but with it both programs of OpenSSL 3.0 crash, with each other too.
    client_exchanges = server_exchanges = (
        *("ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "RSA"),
        *("PSK", "DHE_PSK", "ECDHE_PSK", "RSA_PSK"),
    )
    client_can = frozenset(Can) - {
        Can.KEEP_RECORD_LIMIT,
        Can.SET_RECORD_LIMIT,
        Can.EXPORT,
        Can.COOKIE,
        Can.STAPLE,
        Can.SHOW_TIMESTAMPS,
    }
    server_can = client_can | {Can.STAPLE}

    def connect(self, port: int, settings: Settings) -> Client:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-no_ign_eof"]
        command += ["-servername", settings.name, "-verify_hostname", settings.name]
        command += self._options(settings)
        if settings.authenticate_later:
            command += ["-enable_pha"]
        if settings.resume:
            command = self._with_session(command, port, settings)
        return PipedClient(Process(command), _update_keys if settings.update_keys else None)

    def serve(self, settings: Settings) -> Server:
        port = free_port()
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", *self._options(settings)]
        if settings.trust and not settings.authenticate_later:
            command += ["-Verify", "5"]
        if "DHE" in settings.suite:  # without, it takes a group of 1024 bits where no certificate asks for more
            command += ["-dhparam", _group()]
        if settings.ocsp_response:
            command += ["-status_file", str(settings.ocsp_response)]
        letter = b"K\n" if settings.update_keys else b"c\n" if settings.authenticate_later else None
        process = Process(command if letter else [*command, "-quiet"])
        wait_for_listener(process, port)
        start_echoing(process, partial(_obey, process, letter) if letter else lambda output: output)
        return Server(process, port)

    def _options(self, settings: Settings) -> list[str]:
        options = ["-groups", ":".join(self.group_names(settings)), "-ciphersuites", ":".join(self.cipher_suites)]
        lowest, highest = settings.versions
        options += ["-min_protocol", _PROTOCOLS[lowest], "-max_protocol", _PROTOCOLS[highest]]
        if settings.trust:
            options += ["-CAfile", str(settings.trust), "-verify_return_error"]
        if files := settings.credential:
            options += ["-cert", str(files.certificate), "-cert_chain", str(files.intermediate)]
            options += ["-key", str(files.key)]
        if settings.suite or lowest < "1.2":
            options += ["-cipher", f"{cipher_names()[settings.suite] if settings.suite else 'ALL'}:@SECLEVEL=0"]
        if settings.psk:
            options += ["-psk", settings.psk, "-psk_identity", PSK_IDENTITY]
        if settings.alpn:
            options += ["-alpn", ",".join(settings.alpn)]
        return options

    def _with_session(self, command: list[str], port: int, settings: Settings) -> list[str]:
        """The command that resumes the session of a first connection, which is made here."""
        with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
            session = file.name
        first = PipedClient(Process([*command, "-sess_out", session]))
        try:
            first.exchange(payload(64))
            first.close()
        finally:
            first.stop()
        return [*command, "-sess_in", session]


@functools.cache
def cipher_names() -> dict[str, str]:
    """OpenSSL's names of cipher suites, by IANA's."""
    command = ["openssl", "ciphers", "-stdname", "ALL:PSK:SRP:@SECLEVEL=0"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {words[0]: words[2] for words in map(str.split, listed.splitlines())}


@functools.cache
def _group() -> str:
    """A file with a group for Diffie-Hellman."""
    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
        command = ["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"]
        file.write(subprocess.run(command, check=True, capture_output=True).stdout)
    return file.name


def _obey(server: Process, letter: bytes, output: bytes) -> bytes:
    """The payload in what the server printed among other things, once the server has carried out a command."""
    data = payload_in(output)
    if data:
        _command(server, letter, "SSL_do_handshake")
    return data


def _update_keys(client: Process) -> None:
    _command(client, b"K\n", "KEYUPDATE")


def _command(process: Process, letter: bytes, confirmation: str) -> None:
    """Give one of the interactive commands, which must be alone in what is read, and wait until it was obeyed."""
    before = process.said(confirmation)
    process.write(letter)
    process.wait_until(lambda: process.said(confirmation) > before, confirmation)
