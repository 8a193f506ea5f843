"""The standard library's ssl, over its memory BIOs."""

from __future__ import annotations

import _ssl
import ctypes
import ssl

from benchmarks.certificates import NAME, files
from benchmarks.contenders.cases import Cipher, Handshake, Transfer, Work
from benchmarks.contenders.clock import timed

_READ_SIZE = 1 << 14
"""A record: ssl gives no more for each read, and more room only costs it."""

SUITES13: dict[Cipher, str] = {
    "AES-128-GCM": "TLS_AES_128_GCM_SHA256",
    "AES-256-GCM": "TLS_AES_256_GCM_SHA384",
    "CHACHA20-POLY1305": "TLS_CHACHA20_POLY1305_SHA256",
}
SUITES12: dict[Cipher, str] = {"AES-128-GCM": "ECDHE+AES128+AESGCM"}


class End:
    """One side of a connection, and the bytes on their way from it and to it."""

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        server_name: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.incoming, self.outgoing, server_side=server_side, server_hostname=server_name, session=session
        )

    def advance(self) -> bool:
        """Go on with the handshake; False if it is not done yet."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


class StandardLibrary:
    """Both ends are the standard library's ssl."""

    name = "ssl"
    version = ssl.OPENSSL_VERSION.split(" ", 2)[1]

    def handshake(self, case: Handshake) -> Work | None:
        """Contexts are made once; a resumed handshake is given the session of one before."""
        if case.group != "X25519":
            return None
        client_context, server_context = contexts(case)
        session = _session(client_context, server_context) if case.resumed else None

        def handshake() -> None:
            client, _ = connect(client_context, server_context, session)
            if client.tls.session_reused is not case.resumed:
                raise RuntimeError(f"{case} did not come about")

        return timed(handshake)

    def transfer(self, case: Transfer) -> Work:
        """Each side reads until there is nothing more."""
        client, server = connect(*contexts(Handshake(cipher=case.cipher, version=case.version)), None)
        data = bytes(case.size)

        def there_and_back() -> None:
            send(client, server, data)
            send(server, client, data)

        return timed(there_and_back)


def send(sender: End, receiver: End, data: bytes) -> None:
    """One write, and what the other side reads of it."""
    sender.tls.write(data)
    receiver.incoming.write(sender.outgoing.read())
    left = len(data)
    while left:
        left -= len(receiver.tls.read(_READ_SIZE))


def connect(
    client_context: ssl.SSLContext, server_context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[End, End]:
    """A handshake in memory, up to the last ticket."""
    client = End(client_context, server_side=False, server_name=NAME, session=session)
    server = End(server_context, server_side=True)
    done = False
    while not done:
        client.advance()
        server.incoming.write(client.outgoing.read())
        done = server.advance()
        client.incoming.write(server.outgoing.read())
    client.advance()
    try:
        client.tls.read(1)  # takes the tickets in
    except ssl.SSLWantReadError:
        pass
    return client, server


def _session(client_context: ssl.SSLContext, server_context: ssl.SSLContext) -> ssl.SSLSession:
    client, _ = connect(client_context, server_context, None)
    session = client.tls.session
    if session is None:
        raise RuntimeError("no session")
    return session


def contexts(case: Handshake) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The client's and the server's."""
    pki = files(case.key)
    version = ssl.TLSVersion.TLSv1_3 if case.version == "1.3" else ssl.TLSVersion.TLSv1_2
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(pki.root)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pki.server_chain, pki.server_key)
    for context in (client, server):
        context.minimum_version = context.maximum_version = version
        if case.version == "1.3":
            _set_ciphersuites(context, SUITES13[case.cipher])
        else:
            context.set_ciphers(SUITES12[case.cipher])
    if case.client_certificate:
        client.load_cert_chain(pki.client_chain, pki.client_key)
        server.load_verify_locations(pki.root)
        server.verify_mode = ssl.CERT_REQUIRED
    return client, server


def _set_ciphersuites(context: ssl.SSLContext, names: str) -> None:
    """Choose the suites of TLS 1.3, which Python's ssl can only since 3.15: before that, OpenSSL is asked directly.

    The context's SSL_CTX is the first field behind the object's header.
    """
    if hasattr(context, "set_ciphersuites"):
        context.set_ciphersuites(names)
        return
    ssl_ctx = ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
    if ctypes.CDLL(_ssl.__file__).SSL_CTX_set_ciphersuites(ssl_ctx, names.encode()) != 1:
        raise RuntimeError(f"OpenSSL does not know {names}")
