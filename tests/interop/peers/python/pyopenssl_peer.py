"""A peer for the tests: pyOpenSSL as an echo server, and as a client that carries its input to one."""

from __future__ import annotations

import argparse
import socket
import sys
from typing import Any

from OpenSSL import SSL

from tests.interop.peers.python import options

VERSIONS = {"1.0": SSL.TLS1_VERSION, "1.1": SSL.TLS1_1_VERSION, "1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
SUITES = (
    b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
    b"TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"
)


def configure(arguments: argparse.Namespace) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(VERSIONS[arguments.min_version])
    context.set_max_proto_version(VERSIONS[arguments.max_version])
    context.set_tls13_ciphersuites(SUITES)
    context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")  # OpenSSL 4 has no CCM_8 on a higher level
    # pyOpenSSL has no door of its own for these two.
    library: Any = vars(SSL)["_lib"]
    raw = context._context
    if library.SSL_CTX_set1_curves_list(raw, ":".join(arguments.groups).encode()) != 1:
        raise ValueError("OpenSSL does not know one of the groups")
    if arguments.authenticate_later:
        library.SSL_CTX_set_post_handshake_auth(raw, 1)
    if arguments.certificate:
        context.use_certificate_chain_file(arguments.certificate)
        context.use_privatekey_file(arguments.key)
    if arguments.ca:
        context.load_verify_locations(arguments.ca)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return context


class Channel:
    """A connection whose `recv` returns nothing where the other side has closed."""

    def __init__(self, connection: SSL.Connection) -> None:
        self.connection = connection

    def recv(self, size: int) -> bytes:
        try:
            return self.connection.recv(size)
        except SSL.ZeroReturnError:
            return b""

    def sendall(self, data: bytes) -> None:
        self.connection.sendall(data)


def serve(arguments: argparse.Namespace) -> None:
    context = configure(arguments)
    context.set_session_id(b"turtls")
    if arguments.ca:
        context.load_client_ca(arguments.ca.encode())
    if arguments.alpn:
        context.set_alpn_select_callback(lambda _, offered: choose(arguments.alpn, offered))

    def handle(raw: socket.socket) -> None:
        connection = SSL.Connection(context, raw)
        connection.set_accept_state()
        try:
            connection.do_handshake()
            report(connection)
            channel = Channel(connection)
            while data := channel.recv(options.CHUNK):
                channel.sendall(data)
            connection.shutdown()
        except SSL.Error as error:
            print("connection ended:", repr(error), file=sys.stderr, flush=True)
        raw.close()

    options.serve(handle)


def report(connection: SSL.Connection) -> None:
    exported = connection.export_keying_material(b"EXPORTER-turtls", 32, b"tests").hex()
    print("connected:", connection.get_protocol_version_name(), connection.get_group_name(), file=sys.stderr)
    print("exported:", exported, file=sys.stderr, flush=True)


def choose(wanted: list[str], offered: list[bytes]) -> bytes | SSL._NoOverlappingProtocols:
    return next((name.encode() for name in wanted if name.encode() in offered), SSL.NO_OVERLAPPING_PROTOCOLS)


def connect(arguments: argparse.Namespace) -> None:
    context = configure(arguments)
    context.set_session_cache_mode(SSL.SESS_CACHE_CLIENT)
    session = None
    if arguments.resume:
        first = open_connection(context, arguments, None)
        options.exchange(Channel(first), b"0\n")
        session = first.get_session()
        first.shutdown()
        first.sock_shutdown(socket.SHUT_RDWR)
    connection = open_connection(context, arguments, session)
    report(connection)
    options.carry(Channel(connection), lambda: None)
    connection.shutdown()
    if Channel(connection).recv(1):
        raise ValueError("data came after the end")


def open_connection(context: SSL.Context, arguments: argparse.Namespace, session: SSL.Session | None) -> SSL.Connection:
    connection = SSL.Connection(context, socket.create_connection(("127.0.0.1", arguments.port)))
    connection.set_tlsext_host_name(arguments.name.encode())
    if arguments.alpn:
        connection.set_alpn_protos([name.encode() for name in arguments.alpn])
    if session:
        connection.set_session(session)
    connection.set_connect_state()
    connection.do_handshake()
    return connection


if __name__ == "__main__":
    given = options.parse()
    (serve if given.role == "server" else connect)(given)
