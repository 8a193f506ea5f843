"""pyOpenSSL, with the OpenSSL that `cryptography` brings."""

from __future__ import annotations

from OpenSSL import SSL
from OpenSSL._util import lib

from benchmarks.certificates import NAME, files
from benchmarks.contenders.cases import Handshake, Transfer, Work
from benchmarks.contenders.clock import timed
from benchmarks.contenders.stdlib import SUITES12, SUITES13

_READ_SIZE = 1 << 14
"""A record: OpenSSL gives no more for each read, and more room only costs it."""
_FLIGHT = 1 << 15
_NAME = NAME.encode()


class PyOpenSSL:
    """Both ends are pyOpenSSL."""

    name = "pyOpenSSL"
    version = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode().split(" ", 2)[1]

    def handshake(self, case: Handshake) -> Work:
        """Contexts are made once; a resumed handshake is given the session of one before."""
        client_context, server_context = contexts(case)
        session = _session(client_context, server_context) if case.resumed else None

        def handshake() -> None:
            client, _ = connect(client_context, server_context, session)
            if bool(lib.SSL_session_reused(client._ssl)) is not case.resumed:
                raise RuntimeError(f"{case} did not come about")
            client.set_shutdown(SSL.SENT_SHUTDOWN)  # else OpenSSL takes the session for a broken one

        return timed(handshake)

    def transfer(self, case: Transfer) -> Work:
        """Each side reads until there is nothing more."""
        client, server = connect(*contexts(Handshake(cipher=case.cipher, version=case.version)), None)
        data = bytes(case.size)

        def there_and_back() -> None:
            send(client, server, data)
            send(server, client, data)

        return timed(there_and_back)


def send(sender: SSL.Connection, receiver: SSL.Connection, data: bytes) -> None:
    """One write, and what the other side reads of it."""
    sender.sendall(data)
    _carry(sender, receiver)
    left = len(data)
    while left:
        left -= len(receiver.recv(_READ_SIZE))


def _carry(sender: SSL.Connection, receiver: SSL.Connection) -> None:
    while True:
        try:
            receiver.bio_write(sender.bio_read(_FLIGHT))
        except SSL.WantReadError:
            return


def connect(
    client_context: SSL.Context, server_context: SSL.Context, session: SSL.Session | None
) -> tuple[SSL.Connection, SSL.Connection]:
    """A handshake in memory, up to the last ticket."""
    client, server = SSL.Connection(client_context), SSL.Connection(server_context)
    client.set_connect_state()
    server.set_accept_state()
    client.set_tlsext_host_name(_NAME)
    # pyOpenSSL has no door of its own to the check of names.
    lib.X509_VERIFY_PARAM_set1_host(lib.SSL_get0_param(client._ssl), _NAME, len(_NAME))
    if session is not None:
        client.set_session(session)
    done = False
    while not done:
        _advance(client)
        _carry(client, server)
        done = _advance(server)
        _carry(server, client)
    _advance(client)
    try:
        client.recv(1)  # takes the tickets in
    except SSL.WantReadError:
        pass
    return client, server


def _advance(connection: SSL.Connection) -> bool:
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return False
    return True


def _session(client_context: SSL.Context, server_context: SSL.Context) -> SSL.Session:
    client, _ = connect(client_context, server_context, None)
    session = client.get_session()
    if session is None:
        raise RuntimeError("no session")
    client.set_shutdown(SSL.SENT_SHUTDOWN)
    return session


def contexts(case: Handshake) -> tuple[SSL.Context, SSL.Context]:
    """The client's and the server's."""
    pki = files(case.key)
    version = SSL.TLS1_3_VERSION if case.version == "1.3" else SSL.TLS1_2_VERSION
    client, server = SSL.Context(SSL.TLS_CLIENT_METHOD), SSL.Context(SSL.TLS_SERVER_METHOD)
    client.load_verify_locations(str(pki.root))
    client.set_verify(SSL.VERIFY_PEER)
    server.use_certificate_chain_file(str(pki.server_chain))
    server.use_privatekey_file(str(pki.server_key))
    server.set_session_id(b"bench")
    for context in (client, server):
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        lib.SSL_CTX_set1_curves_list(context._context, f"{case.group}:P-256".encode())  # no door to the groups either
        if case.version == "1.3":
            context.set_tls13_ciphersuites(SUITES13[case.cipher].encode())
        else:
            context.set_cipher_list(SUITES12[case.cipher].encode())
    if case.client_certificate:
        client.use_certificate_chain_file(str(pki.client_chain))
        client.use_privatekey_file(str(pki.client_key))
        server.load_verify_locations(str(pki.root))
        server.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return client, server
