"""TLS over blocking sockets: connect, wrap, listen."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, cast, overload

from turtls.config import ClientConfig, ServerConfig
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import ConfigError, TLSError
from turtls.events import Observer
from turtls.io import limits
from turtls.io.defaults import client_config, identity
from turtls.io.tlssocket import TLSSocket


def connect(
    host: str,
    port: int,
    *,
    config: ClientConfig | None = None,
    server_name: str | None = None,
    timeout: float | None = None,
    early_data: bytes = b"",
    observer: Observer | None = None,
    danger_accept_truncation: bool = False,
) -> TLSSocket:
    """Connect to `host`, shake hands, and give the private channel.

    `config`: None is a default configuration with the system's trust, shared by the process.
    `server_name`: whom the certificate must name, if not `host`.
    `timeout`: seconds for connecting and the handshake together, and then the socket's timeout. None waits as long as
    the operating system does, but never longer than `limits.HANDSHAKE_TIMEOUT` for the handshake.
    `early_data`: goes along with the first message, if there is a session whose server accepts it (0-RTT; see
    ClientConnection: it can be replayed). Unless `negotiated.early_data` says that it was accepted, send it again.
    `observer`: is called with each `turtls.events.Trace` of the handshake.
    `danger_accept_truncation`: see TLSSocket.

    Raises OSError if there is no connection, HandshakeTimeout, turtls.pki.CertificateError if the server's certificate
    is not to be trusted, PeerAlert if the server refuses, another ProtocolError if it breaks the protocol.
    """
    name = identity(server_name, host)
    connection = ClientConnection(
        client_config(config),
        server_name=name,
        session_key=f"{name}:{port}",
        early_data=early_data,
        observer=observer,
    )
    started = time.monotonic()
    sock = socket.create_connection((host, port), timeout)
    _without_delay(sock)
    handshake_timeout = limits.HANDSHAKE_TIMEOUT
    if timeout is not None:
        handshake_timeout = max(timeout - (time.monotonic() - started), 0.001)
    return _shaken(sock, connection, handshake_timeout, danger_accept_truncation)


@overload
def wrap(
    sock: socket.socket,
    config: ServerConfig,
    *,
    handshake_timeout: float = ...,
    observer: Observer | None = ...,
    danger_accept_truncation: bool = ...,
) -> TLSSocket: ...


@overload
def wrap(
    sock: socket.socket,
    config: ClientConfig | None = ...,
    *,
    server_name: str,
    handshake_timeout: float = ...,
    observer: Observer | None = ...,
    danger_accept_truncation: bool = ...,
) -> TLSSocket: ...


def wrap(
    sock: socket.socket,
    config: ClientConfig | ServerConfig | None = None,
    *,
    server_name: str | None = None,
    handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
    observer: Observer | None = None,
    danger_accept_truncation: bool = False,
) -> TLSSocket:
    """Shake hands over `sock`, a connected TCP socket, as STARTTLS does in the middle of a conversation.

    The kind of `config` says which side this is; a client must say who the server is by `server_name`. The socket is
    taken over: it is closed with the TLSSocket, and when the handshake fails; its timeout, if shorter, bounds the whole
    handshake. What was read from it before must end where TLS begins: bytes behind a STARTTLS command that are still
    in a buffer came from nobody knows whom.

    Raises ConfigError, HandshakeTimeout, and what `connect` raises.
    """
    connection: ClientConnection | ServerConnection
    if isinstance(config, ServerConfig):
        if server_name is not None:
            raise ConfigError("A server has no server_name to give: the client says whom it wants.")
        connection = ServerConnection(config, accepts_early_data=False, observer=observer)
    else:
        connection = ClientConnection(client_config(config), server_name=identity(server_name, None), observer=observer)
    return _shaken(sock, connection, handshake_timeout, danger_accept_truncation)


def _shaken(
    sock: socket.socket,
    connection: ClientConnection | ServerConnection,
    handshake_timeout: float,
    danger_accept_truncation: bool,
) -> TLSSocket:
    tls = TLSSocket(
        sock,
        connection,
        handshake_timeout=min(handshake_timeout, sock.gettimeout() or handshake_timeout),
        danger_accept_truncation=danger_accept_truncation,
    )
    try:
        tls.handshake()
    except BlockingIOError:  # the socket's own timeout is 0: the caller goes on with handshake()
        return tls
    except BaseException:
        tls.close()
        raise
    return tls


def _without_delay(sock: socket.socket) -> None:
    # The records of a handshake are small, and each waits for an answer: Nagle's algorithm would hold them back.
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        # macOS refuses it where the peer has gone already: whoever reads will see that, and the listener goes on.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def listen(
    host: str | None,
    port: int,
    config: ServerConfig,
    *,
    backlog: int = limits.BACKLOG,
    handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
    danger_accept_truncation: bool = False,
) -> TLSListener:
    """Listen on `host` (None: every address, IPv4 and IPv6 where there is both) and `port` (0: any that is free).

    Raises OSError if the address cannot be had.
    """
    if host is None:
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        sock = socket.create_server(("", port), family=family, backlog=backlog, dualstack_ipv6=dual)
    else:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        sock = socket.create_server(cast("tuple[str, int]", address), family=family, backlog=backlog)
    return TLSListener(
        sock, config, handshake_timeout=handshake_timeout, danger_accept_truncation=danger_accept_truncation
    )


_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""A connection waits, and there will be room for it when others end."""


def _cut_off_the_oldest_half_open(served: Sequence[TLSSocket]) -> None:
    """As `half_open.HalfOpenHandshakes` has it: else silent clients would keep everybody out."""
    oldest = next((tls for tls in served if tls.negotiated is None), None)
    if oldest is not None:
        oldest.hang_up()


class TLSListener:
    """A listening TCP socket whose connections speak TLS."""

    config: ServerConfig
    """What new connections are served with. May be replaced at any time: connections that are there keep theirs."""

    def __init__(
        self,
        sock: socket.socket,
        config: ServerConfig,
        *,
        handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
        danger_accept_truncation: bool = False,
    ) -> None:
        self.config = config
        self._socket = sock
        self._handshake_timeout = handshake_timeout
        self._accept_truncation = danger_accept_truncation
        self._closed = False

    def accept(self, observer: Observer | None = None) -> TLSSocket:
        """The next connection. Its handshake has not run: that is for the thread which serves it, so that a slow peer
        delays no other. Raises OSError, TimeoutError among them if there is a timeout.
        """
        sock, _ = self._socket.accept()
        _without_delay(sock)
        return TLSSocket(
            sock,
            ServerConnection(self.config, accepts_early_data=False, observer=observer),
            handshake_timeout=self._handshake_timeout,
            danger_accept_truncation=self._accept_truncation,
        )

    def serve_forever(self, handler: Callable[[TLSSocket], object]) -> None:
        """Call `handler` for each connection in a thread of its own and close the connection after it, until `close`.

        At most `limits.SERVER_THREADS` run at once. Where one more connection comes, the oldest whose handshake is not
        done is closed; if there is none, the new one waits. TLSError and OSError from a handler end its connection;
        whatever else it raises goes to `threading.excepthook`.
        """
        places = threading.BoundedSemaphore(limits.SERVER_THREADS)
        served: dict[TLSSocket, None] = {}

        def serve(tls: TLSSocket) -> None:
            try:
                with tls, contextlib.suppress(TLSError, OSError):
                    handler(tls)
            finally:
                del served[tls]
                places.release()

        while True:
            try:
                tls = self.accept()
            except ConnectionAbortedError:  # the client left while it waited in the backlog
                continue
            except OSError as error:
                if self._closed:
                    return
                if error.errno not in _OUT_OF_RESOURCES:
                    raise
                time.sleep(limits.RESOURCES_PAUSE)
                continue
            if not places.acquire(blocking=False):
                _cut_off_the_oldest_half_open(list(served))
                places.acquire()
            served[tls] = None
            try:
                threading.Thread(target=serve, args=(tls,), daemon=True).start()
            except RuntimeError:  # the system has no thread left
                del served[tls]
                tls.close()
                places.release()
                time.sleep(limits.RESOURCES_PAUSE)

    def settimeout(self, timeout: float | None) -> None:
        """Seconds that `accept` waits for a connection; None for ever."""
        self._socket.settimeout(timeout)

    def getsockname(self) -> Any:
        """The address listened on."""
        return self._socket.getsockname()

    def fileno(self) -> int:
        """The file descriptor; -1 after `close`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Listen no longer. Connections that are there go on."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in accept
        self._socket.close()

    def __enter__(self) -> TLSListener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
