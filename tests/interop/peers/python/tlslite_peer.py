"""A peer for the tests: tlslite-ng as an echo server, and as a client that carries its input to one."""

from __future__ import annotations

import argparse
import socket
import sys
import traceback
from pathlib import Path

from tlslite.api import HandshakeSettings, Session, SessionCache, TLSConnection, VerifierDB, X509CertChain, parsePEMKey
from tlslite.constants import KeyUpdateMessageType

from tests.interop.peers.python import options

VERSIONS = {"1.0": (3, 1), "1.1": (3, 2), "1.2": (3, 3), "1.3": (3, 4)}
SUITES = ["chacha20-poly1305", "aes256gcm", "aes128gcm", "aes128ccm", "aes128ccm_8"]


def configure(arguments: argparse.Namespace) -> HandshakeSettings:
    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = VERSIONS[arguments.min_version], VERSIONS[arguments.max_version]
    settings.versions = [
        version for version in reversed(VERSIONS.values()) if settings.minVersion <= version <= settings.maxVersion
    ]
    settings.cipherNames = SUITES
    if settings.minVersion < VERSIONS["1.2"]:
        settings.cipherNames = ["aes128", "aes256"]
    if arguments.suite:
        hold_to(settings, arguments.suite)
    settings.ticketKeys = [bytearray(32)]
    settings.certificate_compression_send = []  # as a client, tlslite-ng compresses without having been asked to
    if arguments.record_limit:
        settings.record_size_limit = arguments.record_limit
    settings.eccCurves = [name for name in arguments.groups if not name.startswith("ffdhe")]
    settings.dhGroups = [name for name in arguments.groups if name.startswith("ffdhe")]
    settings.keyShares = arguments.groups[:1]
    return settings


def hold_to(settings: HandshakeSettings, suite: str) -> None:
    """Leave no other cipher suite, from its IANA name."""
    exchange, _, cipher = suite.removeprefix("TLS_").lower().partition("_with_")
    settings.keyExchangeNames = [exchange]
    name, _, mac = cipher.rpartition("_")
    if "cbc" in cipher:
        settings.cipherNames = [name.removesuffix("_cbc").replace("_", "")]
        settings.macNames = [mac]
    else:
        words = cipher if "ccm" in cipher else name
        settings.cipherNames = [
            words.replace("chacha20_", "chacha20-").replace("aes_", "aes").replace("_gcm", "gcm").replace("_ccm", "ccm")
        ]
        settings.macNames = ["aead"]


def users(arguments: argparse.Namespace) -> VerifierDB | None:
    """The verifiers for SRP, with one in it."""
    if not arguments.user:
        return None
    verifiers = VerifierDB()
    verifiers.create()
    verifiers[arguments.user.encode()] = VerifierDB.makeVerifier(arguments.user, arguments.password, 2048)
    return verifiers


def credential(arguments: argparse.Namespace) -> dict[str, object]:
    if not arguments.certificate or str(arguments.suite).startswith("TLS_SRP_SHA_WITH"):
        return {}
    chain = X509CertChain()
    chain.parsePemList(Path(arguments.certificate).read_text())
    key = parsePEMKey(Path(arguments.key).read_text(), private=True, implementations=["python"])
    return {"certChain": chain, "privateKey": key}


def protocols(arguments: argparse.Namespace) -> list[bytearray] | None:
    return [bytearray(name, "ascii") for name in arguments.alpn] or None


def update_keys(arguments: argparse.Namespace, connection: TLSConnection) -> None:
    if arguments.update_keys:
        for _ in connection.send_keyupdate_request(KeyUpdateMessageType.update_requested):
            pass


class Channel:
    """A connection with the names of the standard library's sockets, and its types."""

    def __init__(self, connection: TLSConnection) -> None:
        self.connection = connection

    def recv(self, size: int) -> bytes:
        return bytes(self.connection.read(max=size, min=1))

    def sendall(self, data: bytes) -> None:
        self.connection.write(data)


def serve(arguments: argparse.Namespace) -> None:
    settings = configure(arguments)
    cache = SessionCache()

    def handle(raw: socket.socket) -> None:
        connection = TLSConnection(raw)
        try:
            connection.handshakeServer(
                **credential(arguments),
                verifierDB=users(arguments),
                reqCert=bool(arguments.ca),
                settings=settings,
                sessionCache=cache,
                alpn=protocols(arguments),
            )
            if arguments.ca and not connection.session.clientCertChain:
                raise ValueError("the client showed no certificate")
            channel = Channel(connection)
            while data := channel.recv(options.CHUNK):
                update_keys(arguments, connection)
                channel.sendall(data)
            connection.close()
        except Exception:
            traceback.print_exc()
        raw.close()

    options.serve(handle)


def connect(arguments: argparse.Namespace) -> None:
    settings = configure(arguments)
    session = None
    if arguments.resume:
        first = open_connection(arguments, settings, None)
        options.exchange(Channel(first), b"0\n")
        session = first.session
        first.close()
    connection = open_connection(arguments, settings, session)
    print("connected:", connection.version, connection.getCipherName(), file=sys.stderr, flush=True)
    options.carry(Channel(connection), lambda: update_keys(arguments, connection))
    connection.closeSocket = False  # wait for the other side's close_notify
    connection.close()


def open_connection(
    arguments: argparse.Namespace, settings: HandshakeSettings, session: Session | None
) -> TLSConnection:
    connection = TLSConnection(socket.create_connection(("127.0.0.1", arguments.port)))
    if arguments.user:
        connection.handshakeClientSRP(
            arguments.user, arguments.password, settings=settings, session=session, serverName=arguments.name
        )
        return connection
    connection.handshakeClientCert(
        **credential(arguments),
        session=session,
        settings=settings,
        serverName=arguments.name,
        alpn=protocols(arguments),
    )
    return connection


if __name__ == "__main__":
    given = options.parse()
    (serve if given.role == "server" else connect)(given)
