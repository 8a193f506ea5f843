"""Early data (0-RTT) with the peers whose programs have it, both ways."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import turtls
from tests.interop import ours
from tests.interop.ours import agreed
from tests.interop.peers.base import payload
from tests.interop.peers.gnutls import GnuTLS
from tests.interop.peers.openssl import OpenSSL
from tests.interop.pki import PKI
from tests.interop.processes import TIMEOUT, Process, free_port, wait_for_listener
from tests.interop.stage import require
from turtls.config import Negotiated, ServerConfig
from turtls.connection import ServerConnection
from turtls.events import DataReceived, EarlyDataReceived
from turtls.io.tlssocket import TLSSocket

LIMIT = 1000
EARLY, LATER = payload(100), payload(200)


# ------------------------------------------------------------------------------------------- our client


@contextmanager
def running(command: list[str], port: int) -> Iterator[Process]:
    process = Process(command)
    try:
        wait_for_listener(process, port)
        yield process
    finally:
        process.stop()


def files_of(pki: PKI) -> dict[str, str]:
    files = pki.files("p256")
    return {name: str(getattr(files, name)) for name in ("certificate", "intermediate", "key")}


def openssl_server(pki: PKI, port: int) -> list[str]:
    files = files_of(pki)
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_3", "-max_early_data", str(LIMIT)]
    return [*command, "-cert", files["certificate"], "-cert_chain", files["intermediate"], "-key", files["key"]]


def talk(server: Process, tls: TLSSocket, visit: int) -> None:
    """Both sides say something; the client has the server's tickets by then."""
    tls.sendall(LATER)
    server.wait_until(lambda: server.output.count(LATER) == visit, "what came later")
    server.write(b"an answer\n")
    assert tls.recv(100) == b"an answer\n"


def test_our_client_to_openssl(pki: PKI) -> None:
    require(OpenSSL())
    port, config = free_port(), ours.client_config(pki)
    with running([*openssl_server(pki, port), "-early_data"], port) as server:
        for visit, early in enumerate((False, True, True), 1):
            with ours.connect(port, config, early_data=EARLY) as tls:
                assert agreed(tls).early_data is early
                talk(server, tls, visit)
        assert server.output.replace(LATER, b"").count(EARLY) == 2


def test_our_client_to_an_openssl_that_does_not_know_it_any_more(pki: PKI) -> None:
    """It has been restarted, and drops what comes early."""
    require(OpenSSL())
    port, config = free_port(), ours.client_config(pki)
    for early in (b"", EARLY):
        command = [*openssl_server(pki, port), "-early_data"]
        with running(command, port) as server, ours.connect(port, config, early_data=early) as tls:
            assert not agreed(tls).early_data
            talk(server, tls, 1)
            assert EARLY not in server.output.replace(LATER, b"")


def test_our_client_to_gnutls(pki: PKI) -> None:
    require(GnuTLS())
    port, files = free_port(), files_of(pki)
    command = ["gnutls-serv", "--echo", "--port", str(port), "--earlydata", "--maxearlydata", str(LIMIT)]
    command += ["--disable-client-cert", "--x509certfile", files["certificate"], "--x509keyfile", files["key"]]
    config = ours.client_config(pki)
    with running(command, port):
        for early in (False, True):
            with ours.connect(port, config, early_data=EARLY) as tls:
                assert agreed(tls).early_data is early
                tls.sendall(LATER)
                assert tls.recv(100)


# ------------------------------------------------------------------------------------------- our server


class EarlyServer:
    """Echoes what comes, early or not, and remembers what came early on each connection."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.early: list[bytes] = []
        self.negotiated: list[Negotiated | None] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take nobody in any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(TIMEOUT)

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(TIMEOUT)
            with sock:
                self._serve_one(sock, ServerConnection(self._config))

    def _serve_one(self, sock: socket.socket, tls: ServerConnection) -> None:
        early = b""
        try:
            while data := sock.recv(65536):
                for event in tls.receive_data(data):
                    if isinstance(event, EarlyDataReceived | DataReceived):
                        early += event.data if isinstance(event, EarlyDataReceived) else b""
                        tls.send_data(event.data)
                sock.sendall(tls.data_to_send())
        except (OSError, turtls.TLSError):
            pass  # some peers leave without a word
        self.early.append(early)
        self.negotiated.append(tls.negotiated)


@contextmanager
def serving(pki: PKI) -> Iterator[EarlyServer]:
    server = EarlyServer(ours.server_config(pki, max_early_data=LIMIT))
    try:
        yield server
    finally:
        server.close()


def echoed(client: Process) -> bytes:
    """What the client printed until it had its own words back."""
    try:
        client.write(LATER)
        client.wait_until(lambda: LATER in client.output, "an echo")
        return client.output
    finally:
        client.stop()


def test_openssl_to_our_server(pki: PKI, tmp_path: Path) -> None:
    """The second use of its session is a replay, as far as we can know: the handshake goes on, the data is dropped."""
    require(OpenSSL())
    early, session = tmp_path / "early", tmp_path / "session"
    early.write_bytes(EARLY)
    with serving(pki) as server:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost"]
        command += ["-CAfile", str(pki.authority.root), "-verify_return_error"]
        echoed(Process([*command, "-sess_out", str(session)]))
        command += ["-sess_in", str(session), "-early_data", str(early)]
        for accepted in (True, False):
            output = echoed(Process(command))
            assert (b"Early data was accepted" in output) is accepted
            assert (b"Early data was rejected" in output) is not accepted
            assert (EARLY in output.replace(LATER, b"")) is accepted
    assert server.early == [b"", EARLY, b""]
    assert [negotiated.early_data for negotiated in server.negotiated if negotiated] == [False, True, False]


def test_gnutls_to_our_server(pki: PKI, tmp_path: Path) -> None:
    require(GnuTLS())
    early = tmp_path / "early"
    early.write_bytes(EARLY)
    with serving(pki) as server:
        command = ["gnutls-cli", "--port", str(server.port), "--x509cafile", str(pki.authority.root), "--resume"]
        command += ["--waitresumption", "--sni-hostname", "localhost", "--verify-hostname", "localhost"]
        output = echoed(Process([*command, "--earlydata", str(early), "--logfile", "/dev/stderr", "127.0.0.1"]))
        assert EARLY in output.replace(LATER, b"")
    assert server.early[-1] == EARLY
