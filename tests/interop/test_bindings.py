"""Channel bindings (RFC 5929, 9266) and exporters (RFC 5705) as others compute them, up to TLS 1.2 and in TLS 1.3."""

from __future__ import annotations

import re
import ssl
import warnings

import pytest

from tests.interop import old, ours
from tests.interop.peers.base import echo
from tests.interop.peers.gnutls import GnuTLS
from tests.interop.pki import PKI
from tests.interop.processes import Process
from tests.interop.stage import require
from turtls.config import Policy, ServerConfig, SessionCache
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.io.tlssocket import TLSSocket

KINDS_TOLD = re.compile(r"- '(tls-[a-z-]+)': ([0-9a-f]+)")
OLD_VERSIONS = {"1.0": "TLSv1", "1.1": "TLSv1_1", "1.2": "TLSv1_2"}


def bindings(connection: TLSSocket, *kinds: str) -> dict[str, str]:
    return {kind: connection.channel_binding(kind).hex() for kind in kinds}


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
def test_gnutls_has_the_same(pki: PKI, version: str) -> None:
    """A client that connects, and comes back to resume: it tells the bindings of both connections."""
    require(GnuTLS())
    kinds = ["tls-exporter", "tls-server-end-point"] + (["tls-unique"] if version < "1.3" else [])
    ours_are: list[dict[str, str]] = []

    def application(tls: TLSSocket) -> None:
        resumed = ours.agreed(tls).resumed
        ours_are.append(bindings(tls, *(kind for kind in kinds if not (resumed and "point" in kind))))
        echo(tls)

    policy = Policy.MODERN if version == "1.3" else old.policy(version)
    with ours.listening(ours.server_config(pki, "rsa", policy=policy), application) as server:
        command = ["gnutls-cli", "--port", str(server.port), "--insecure", "--verbose", "--resume", "--waitresumption"]
        client = Process([*command, "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}", "127.0.0.1"])
        try:
            client.write_end()
            client.wait()
        finally:
            client.stop()
        assert [ours.agreed(visit).resumed for visit in server.visits(2)] == [False, True]
    told = KINDS_TOLD.findall(client.output.decode())
    assert len({value for kind, value in told if kind == "tls-exporter"}) == 2
    for connection in ours_are:
        for kind, value in connection.items():
            assert (kind, value) in told


def openssl(pki: PKI, version: str, purpose: int) -> ssl.SSLContext:
    """The standard library's OpenSSL, held to that version."""
    context = ssl.SSLContext(purpose)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what old versions are
        context.minimum_version = context.maximum_version = ssl.TLSVersion[OLD_VERSIONS[version]]
    context.set_ciphers("ALL:@SECLEVEL=0")
    if purpose == ssl.PROTOCOL_TLS_SERVER:
        context.load_cert_chain(pki.files("rsa").certificate, pki.files("rsa").key)
    else:
        context.load_verify_locations(pki.authority.root)
    return context


def shake_hands(connection: Connection, theirs: ssl.SSLObject, to_them: ssl.MemoryBIO, to_us: ssl.MemoryBIO) -> None:
    """The handshake, and whatever their side still has to say."""
    for _ in range(4):
        to_them.write(connection.data_to_send())
        try:
            theirs.do_handshake()
        except ssl.SSLWantReadError:
            pass
        connection.receive_data(to_us.read())
    assert connection.handshake_done


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_tls_unique_with_an_openssl_client(pki: PKI, version: str) -> None:
    """In a full handshake it is the client's Finished, in a resumed one the server's."""
    context = openssl(pki, version, ssl.PROTOCOL_TLS_CLIENT)
    config: ServerConfig = ours.server_config(pki, "rsa", policy=old.policy(version))
    session: ssl.SSLSession | None = None
    for resumed in (False, True):
        to_them, to_us = ssl.MemoryBIO(), ssl.MemoryBIO()
        theirs = context.wrap_bio(to_them, to_us, server_hostname="localhost", session=session)
        server = ServerConnection(config)
        shake_hands(server, theirs, to_them, to_us)
        assert theirs.session_reused is resumed
        assert theirs.get_channel_binding("tls-unique") == server.channel_binding("tls-unique")
        session = theirs.session


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_tls_unique_with_an_openssl_server(pki: PKI, version: str) -> None:
    context = openssl(pki, version, ssl.PROTOCOL_TLS_SERVER)
    config = ours.client_config(pki, policy=old.policy(version), sessions=SessionCache())
    for resumed in (False, True):
        to_them, to_us = ssl.MemoryBIO(), ssl.MemoryBIO()
        theirs = context.wrap_bio(to_them, to_us, server_side=True)
        client = ClientConnection(config, server_name="localhost")
        shake_hands(client, theirs, to_them, to_us)
        assert theirs.session_reused is resumed
        assert theirs.get_channel_binding("tls-unique") == client.channel_binding("tls-unique")
