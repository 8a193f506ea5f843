"""curl, here with OpenSSL beneath."""

from __future__ import annotations

from tests.interop.peers.base import Can, Channel, Client, ClientPeer, Settings
from tests.interop.peers.openssl import OpenSSL, cipher_names
from tests.interop.processes import Process


class Curl(ClientPeer):
    name = "curl"
    old_versions = OpenSSL.old_versions
    program = "curl"
    package = "Debian's curl"
    cipher_suites = OpenSSL.cipher_suites
    groups = OpenSSL.groups
    certificates = OpenSSL.certificates
    client_exchanges = ("ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "RSA")
    client_can = OpenSSL.client_can - {Can.UPDATE_KEYS, Can.AUTHENTICATE_LATER, Can.CONVERSE}

    @staticmethod
    def application(channel: Channel) -> None:
        """Answer one HTTP request, if one comes, with its own body."""
        request = read_until(channel, b"\r\n\r\n")
        if not request:
            return
        head, _, body = request.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(body) < length and (chunk := channel.recv(65536)):
            body += chunk
        channel.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def connect(self, port: int, settings: Settings) -> Client:
        url = f"https://{settings.name}:{port}/"
        command = ["curl", "--silent", "--show-error", "--verbose", "--http1.1", "--max-time", "15"]
        command += ["--resolve", f"{settings.name}:{port}:127.0.0.1", "--curves", ":".join(self.group_names(settings))]
        command += ["--tls13-ciphers", ":".join(self.cipher_suites)]
        command += [f"--tlsv{settings.versions[0]}", "--tls-max", settings.versions[1]]
        if settings.suite or settings.versions < ("1.2",):
            command += ["--ciphers", f"{cipher_names()[settings.suite] if settings.suite else 'ALL'}:@SECLEVEL=0"]
        command += ["--header", "Expect:", "--data-binary", "@-"]
        command += ["--cacert", str(settings.trust)] if settings.trust else ["--insecure"]
        if files := settings.credential:
            command += ["--cert", str(files.certificate), "--key", str(files.key)]
        return CurlClient([*command, url, *([url] if settings.resume else [])])


class CurlClient(Client):
    """Posts each piece of data anew."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._processes: list[Process] = []

    def exchange(self, data: bytes) -> bytes:
        process = Process(self._command)
        self._processes.append(process)
        process.write(data)
        process.write_end()
        process.wait()
        return process.output[-len(data) :]

    def close(self) -> int:
        return max(process.wait() for process in self._processes)

    def stop(self) -> None:
        for process in self._processes:
            process.stop()

    @property
    def log(self) -> str:
        return "\n".join(process.log for process in self._processes)


def read_until(channel: Channel, end: bytes) -> bytes:
    """What comes up to `end`, and what came with it; or all, if the other side closes before."""
    data = b""
    while end not in data and (chunk := channel.recv(65536)):
        data += chunk
    return data
