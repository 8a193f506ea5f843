"""What TLS 1.2 and before must not do, or must do in more than one way, with peers that can be made to try."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

import turtls
from tests.interop import old, ours
from tests.interop.ours import agreed
from tests.interop.peers.base import echo, payload, payload_in
from tests.interop.peers.gnutls import GnuTLS
from tests.interop.peers.openssl import OpenSSL
from tests.interop.peers.programs import TLSLite
from tests.interop.pki import PKI
from tests.interop.processes import TIMEOUT, Process, free_port, wait_for_listener
from tests.interop.stage import require
from turtls.config import Policy
from turtls.errors import Fault, ProtocolError
from turtls.events import HandshakeMessageSeen, Trace
from turtls.wire.extensions import MaxFragmentLength
from turtls.wire.messages import EncryptedExtensions, ServerHello12

DATA = payload(1000)
CBC = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"


def s_client(port: int, *options: str) -> list[str]:
    require(OpenSSL())
    return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *options]


def gnutls_cli(port: int, flags: str) -> list[str]:
    require(GnuTLS())
    priority = f"NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC{flags}"
    return ["gnutls-cli", "--port", str(port), "--insecure", "--priority", priority, "127.0.0.1"]


@pytest.mark.parametrize("version", ["1.0", "1.2"])
def test_a_client_that_asks_to_renegotiate_is_told_no(pki: PKI, version: str) -> None:
    """openssl takes no_renegotiation, or the end of the connection, for the end."""
    config = ours.server_config(pki, "rsa", policy=old.policy(version))
    with ours.listening(config, echo) as server:
        client = Process(
            s_client(server.port, f"-tls1{'_2' if version == '1.2' else ''}", "-cipher", "ALL:@SECLEVEL=0")
        )
        try:
            client.wait_until(lambda: client.said("Verify return code"), "the handshake")
            client.write(b"R\n")
            client.wait()
        finally:
            client.stop()
        visit = server.visit()
    assert client.said("RENEGOTIATING")
    assert isinstance(visit.error, ProtocolError)
    assert visit.error.fault is Fault.RENEGOTIATION


def test_a_server_that_asks_to_renegotiate_is_told_no(pki: PKI) -> None:
    require(OpenSSL())
    port, files = free_port(), pki.files("rsa")
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_2", "-msg"]
    server = Process(
        [*command, "-cert", str(files.certificate), "-key", str(files.key), "-cert_chain", str(files.intermediate)]
    )
    try:
        wait_for_listener(server, port)
        config = ours.client_config(pki, policy=old.policy("1.2"))
        with ours.connect(port, config) as tls:
            tls.sendall(b"here\n")
            server.wait_until(lambda: server.said("here"), "data")
            server.write(b"r\n")
            with pytest.raises(ProtocolError) as ended:
                tls.recv(100)
        assert ended.value.fault is Fault.RENEGOTIATION
        server.wait_until(lambda: server.said("no_renegotiation"), "the refusal")
    finally:
        server.stop()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(lambda port: s_client(port, "-quiet", "-no_ign_eof", "-tls1_2"), id="openssl"),
        pytest.param(
            lambda port: s_client(port, "-quiet", "-no_ign_eof", "-tls1_2", "-no_etm"), id="openssl-mac-then-encrypt"
        ),
        pytest.param(lambda port: gnutls_cli(port, ""), id="gnutls"),
        pytest.param(lambda port: gnutls_cli(port, ":%NO_ETM"), id="gnutls-mac-then-encrypt"),
        pytest.param(lambda port: gnutls_cli(port, ":%NO_SESSION_HASH"), id="gnutls-without-extended-master-secret"),
    ],
)
def test_cbc_with_and_without_the_extensions_that_mend_it(pki: PKI, command: Callable[[int], list[str]]) -> None:
    config = ours.server_config(pki, "rsa", policy=old.policy("1.2", CBC))
    with ours.listening(config, echo) as server:
        client = Process(command(server.port))
        try:
            client.write(DATA)
            client.wait_until(lambda: DATA[-64:] in client.output, "an echo")
        finally:
            client.stop()
        assert agreed(server.visit()).cipher_suite.name == CBC


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("length", [512, 4096])
def test_max_fragment_length(pki: PKI, version: str, length: int) -> None:
    """RFC 6066, section 4. openssl takes an answer for a promise, and a longer record for an error."""
    agreed_on: list[bytes] = []

    def note(trace: Trace) -> None:
        if isinstance(trace, HandshakeMessageSeen) and isinstance(trace.message, ServerHello12 | EncryptedExtensions):
            answer = trace.message.extensions.get(MaxFragmentLength)
            agreed_on.extend([answer.max_fragment_length] if answer is not None else [])

    data = payload(3 * length)
    config = ours.server_config(pki, "rsa", policy=Policy.INTERMEDIATE)
    with turtls.listen("127.0.0.1", 0, config) as listener:
        flag = f"-tls{version.replace('.', '_')}"
        options = ["-quiet", "-no_ign_eof", "-maxfraglen", str(length), flag]
        client = Process(s_client(listener.getsockname()[1], *options))
        try:
            client.write(data)
            with listener.accept(note) as tls:
                tls.settimeout(TIMEOUT)
                received = b""
                while len(received) < len(data):
                    received += tls.recv(65536)
                tls.sendall(received)
                client.wait_until(lambda: len(payload_in(client.output)) == len(data), "an echo")
        finally:
            client.stop()
    assert agreed_on == [bytes(({512: 1, 4096: 4}[length],))]


def test_ssl3_is_refused_by_name(pki: PKI) -> None:
    """tlslite-ng still speaks it."""
    require(TLSLite())
    api = pytest.importorskip("tlslite.api", reason="it comes with tlslite-ng")  # and warns, which does not count here
    settings = api.HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 0)
    settings.versions = [(3, 0)]
    settings.cipherNames = ["aes128"]
    with ours.listening(ours.server_config(pki, "rsa", policy=Policy.LEGACY), echo) as server:
        client = api.TLSConnection(socket.create_connection(("127.0.0.1", server.port)))
        with pytest.raises(api.TLSRemoteAlert, match="protocol_version"):
            client.handshakeClientCert(settings=settings)
        client.sock.close()
        error = server.visit().error
    assert isinstance(error, ProtocolError)
    assert error.fault is Fault.SSL3_REFUSED
