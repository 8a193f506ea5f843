"""GnuTLS' `gnutls-cli` and `gnutls-serv`."""

from __future__ import annotations

from tests.interop.peers.base import Can, Channel, Client, ClientPeer, PipedClient, Server, ServerPeer, Settings
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
    # gnutls-cli loses what does not fit into one record.
    client_can = frozenset(Can) - {Can.COOKIE, Can.EXPORT, Can.KEEP_RECORD_LIMIT, Can.SET_RECORD_LIMIT}
    server_can = client_can - {Can.UPDATE_KEYS} | {Can.KEEP_RECORD_LIMIT, Can.SET_RECORD_LIMIT}

    def connect(self, port: int, settings: Settings) -> Client:
        command = ["gnutls-cli", "--port", str(port), "--logfile", "/dev/stderr", *self._options(settings)]
        command += ["--sni-hostname", settings.name, "--verify-hostname", settings.name]
        if settings.resume:
            command += ["--resume", "--waitresumption"]
        if settings.update_keys:
            command += ["--inline-commands"]
        if settings.authenticate_later:
            command += ["--post-handshake-auth"]
        return PipedClient(Process([*command, "127.0.0.1"]), _update_keys if settings.update_keys else None)

    def serve(self, settings: Settings) -> Server:
        port = free_port()
        command = ["gnutls-serv", "--echo", "--port", str(port), *self._options(settings)]
        requires_client = settings.trust and not settings.authenticate_later
        command += ["--require-client-cert" if requires_client else "--disable-client-cert"]
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
        words += [f"+VERS-TLS{version}" for version in dict.fromkeys(settings.versions)]
        words += ["-GROUP-ALL", *(f"+GROUP-{group}" for group in self.group_names(settings))]
        return ":".join(words)


class AskingServer(Server):
    """A server that asks for a client's certificate when it is told to, by the client."""

    def exchange(self, channel: Channel, data: bytes) -> bytes:
        channel.sendall(b"**REAUTH**\n")
        print(channel.recv(100))
        return super().exchange(channel, data)


def _update_keys(client: Process) -> None:
    client.write(b"^rekey^\n")
