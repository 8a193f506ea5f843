"""GnuTLS' `gnutls-cli` and `gnutls-serv`."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

from tests.interop.peers.base import (
    PSK_IDENTITY,
    USER,
    Can,
    Channel,
    Client,
    ClientPeer,
    PipedClient,
    Server,
    ServerPeer,
    Settings,
)
from tests.interop.peers.openssl import OpenSSL
from tests.interop.processes import Process, free_port, wait_for_listener


class GnuTLS(ClientPeer, ServerPeer):
    name = "gnutls"
    program = "gnutls-cli"
    package = "Debian's gnutls-bin"
    cipher_suites = (
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_CCM_SHA256",
        "TLS_AES_128_CCM_8_SHA256",
    )
    groups = {
        "x25519": "X25519",
        "secp256r1": "SECP256R1",
        "secp384r1": "SECP384R1",
        "secp521r1": "SECP521R1",
        "x448": "X448",
        "ffdhe2048": "FFDHE2048",
        "ffdhe3072": "FFDHE3072",
        "ffdhe4096": "FFDHE4096",
    }
    certificates = ("p256", "p384", "p521", "ed25519", "ed448", "rsa", "rsa-pss")
    old_versions = OpenSSL.old_versions
    server_exchanges = (*OpenSSL.server_exchanges, "SRP_SHA", "SRP_SHA_RSA")
    # With these gnutls-cli crashes, also when it meets gnutls-serv.
    client_exchanges = tuple(name for name in server_exchanges if name not in ("DHE_PSK", "ECDHE_PSK"))
    # gnutls-cli loses what does not fit into one record.
    client_can = OpenSSL.client_can
    server_can = client_can - {Can.UPDATE_KEYS} | {Can.KEEP_RECORD_LIMIT, Can.SET_RECORD_LIMIT, Can.STAPLE}

    def connect(self, port: int, settings: Settings) -> Client:
        command = ["gnutls-cli", "--port", str(port), "--logfile", "/dev/stderr", *self._options(settings)]
        command += ["--sni-hostname", settings.name, "--verify-hostname", settings.name]
        if settings.resume:
            command += ["--resume", "--waitresumption"]
        if settings.update_keys:
            command += ["--inline-commands"]
        if settings.psk:
            command += ["--pskusername", PSK_IDENTITY, "--pskkey", settings.psk]
        if settings.password:
            command += ["--srpusername", USER, "--srppasswd", settings.password]
        if settings.authenticate_later:
            command += ["--post-handshake-auth"]
        return PipedClient(Process([*command, "127.0.0.1"]), _update_keys if settings.update_keys else None)

    def serve(self, settings: Settings) -> Server:
        port = free_port()
        command = ["gnutls-serv", "--echo", "--port", str(port), *self._options(settings)]
        requires_client = settings.trust and not settings.authenticate_later
        command += ["--require-client-cert", "--verify-client-cert"] if requires_client else ["--disable-client-cert"]
        if settings.psk:
            command += ["--pskpasswd", _psk_file(settings.psk)]
        if settings.password:
            users, groups = _srp_files(settings.password)
            command += ["--srppasswd", users, "--srppasswdconf", groups]
        if settings.ocsp_response:
            command += ["--ocsp-response", str(settings.ocsp_response)]
        process = Process(command)
        wait_for_listener(process, port)
        return AskingServer(process, port) if settings.authenticate_later else Server(process, port)

    def _options(self, settings: Settings) -> list[str]:
        options = ["--priority", self._priority(settings)]
        if settings.trust:
            options += ["--x509cafile", str(settings.trust)]
        if files := settings.credential:
            options += ["--x509certfile", str(files.certificate), "--x509keyfile", str(files.key)]
        if settings.record_limit:
            options += ["--recordsize", str(settings.record_limit)]
        return options + [f"--alpn={protocol}" for protocol in settings.alpn]

    def _priority(self, settings: Settings) -> str:
        words = ["NORMAL", "+AES-128-CCM", "+AES-128-CCM-8", "-VERS-ALL"]
        if settings.suite:
            words += _only(settings.suite)
        elif settings.psk:
            words += ["+ECDHE-PSK"]
        words += [f"+VERS-TLS{version}" for version in dict.fromkeys(settings.versions)]
        words += ["-GROUP-ALL", *(f"+GROUP-{group}" for group in self.group_names(settings))]
        return ":".join(words)


def _only(suite: str) -> list[str]:
    """The words that leave no other cipher suite, from its IANA name."""
    exchange, _, cipher = suite.removeprefix("TLS_").partition("_WITH_")
    exchange = exchange.replace("_SHA", "").replace("_", "-")
    mac = "AEAD"
    if "CBC" in cipher:
        cipher, _, mac = cipher.rpartition("_")
        mac = "SHA1" if mac == "SHA" else mac
    elif not cipher.endswith(("CCM", "CCM_8")):
        cipher = cipher.rpartition("_")[0]
    cipher = cipher.replace("_", "-")
    return ["-KX-ALL", f"+{exchange}", "-CIPHER-ALL", f"+{cipher}", "-MAC-ALL", f"+{mac}", "+SIGN-ALL"]


@functools.cache
def _psk_file(key: str) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".psk", delete=False) as file:
        file.write(f"{PSK_IDENTITY}:{key}\n")
    return file.name


@functools.cache
def _srp_files(password: str) -> tuple[str, str]:
    """The files of users, with one in it, and of groups, of which the third has 2048 bits."""
    folder = Path(tempfile.mkdtemp(prefix="turtls-srp-"))
    users, groups = str(folder / "tpasswd"), str(folder / "tpasswd.conf")
    for options in (["--create-conf", groups], ["--passwd", users, "--passwd-conf", groups, "-u", USER, "-i", "3"]):
        subprocess.run(
            ["srptool", *options],
            input=f"{password}\n".encode(),
            check=True,
            capture_output=True,
            start_new_session=True,
        )
    return users, groups


class AskingServer(Server):
    """A server that asks for a client's certificate when it is told to, by the client."""

    def exchange(self, channel: Channel, data: bytes) -> bytes:
        channel.sendall(b"**REAUTH**\n")
        print(channel.recv(100))
        return super().exchange(channel, data)


def _update_keys(client: Process) -> None:
    client.write(b"^rekey^\n")
