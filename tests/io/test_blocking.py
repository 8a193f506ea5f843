"""connect, wrap and listen: against each other and against the standard library's ssl."""

from __future__ import annotations

import contextlib
import errno
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import turtls
from tests.io.parties import (
    PATIENCE,
    beside,
    client_config,
    echo,
    in_thread,
    read_all,
    server_config,
    ssl_client,
    ssl_server,
    tcp_pair,
    verifier,
)
from turtls.config import PreSharedKey, ServerConfig
from turtls.errors import AlertDescription, ConfigError, HandshakeTimeout, PeerAlert, TruncatedError
from turtls.events import HandshakeMessageSeen, Trace
from turtls.io import defaults, limits
from turtls.io.blocking import TLSListener
from turtls.io.tlssocket import TLSSocket


@contextlib.contextmanager
def serving(handler: Callable[[TLSSocket], object], config: ServerConfig | None = None) -> Iterator[TLSListener]:
    """A listener on a free port of the loopback, served in a thread until the block ends."""
    listener = turtls.listen("127.0.0.1", 0, config or server_config())
    with in_thread(lambda: listener.serve_forever(handler)), listener:
        yield listener


def port_of(listener: TLSListener) -> int:
    port: int = listener.getsockname()[1]
    return port


def connect(listener: TLSListener, **options: Any) -> TLSSocket:
    usual: dict[str, Any] = {"config": client_config(), "timeout": PATIENCE}
    return turtls.connect("127.0.0.1", port_of(listener), **(usual | options))


# Against turtls.


def test_connect_and_listen() -> None:
    with serving(echo) as listener, connect(listener) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        assert client.gettimeout() == PATIENCE
        assert client.getpeername() == listener.getsockname()


def test_sessions_are_kept_for_each_port() -> None:
    def answer(tls: TLSSocket) -> None:
        tls.sendall(b"x")

    config = client_config()
    with serving(answer) as one, serving(answer) as other:
        for listener, resumed in ((one, False), (one, True), (other, False), (other, True)):
            with connect(listener, config=config) as client:
                assert client.recv(1) == b"x"
                assert client.negotiated is not None
                assert client.negotiated.resumed is resumed


def test_the_system_is_trusted_where_no_verifier_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "default_verifier", verifier)
    with serving(echo) as listener:
        for config in (None, client_config(verifier=None)):
            with connect(listener, config=config) as client:
                assert client.negotiated is not None
                assert client.negotiated.peer is not None
                assert client.negotiated.peer.trusted


def test_the_system_is_not_trusted_where_there_is_a_pre_shared_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has a certificate for the name is not who has the key."""
    monkeypatch.setattr(defaults, "default_verifier", verifier)
    psk = PreSharedKey(b"me", bytes(16))
    with serving(echo) as listener, pytest.raises(PeerAlert) as caught:
        connect(listener, config=client_config(verifier=None, psks=(psk,))).handshake()
    assert caught.value.alert == AlertDescription.MISSING_EXTENSION
    listener_config = server_config(psks={psk.identity: psk}.get)
    with (
        serving(echo, listener_config) as listener,
        connect(listener, config=client_config(verifier=None, psks=(psk,))) as client,
    ):
        assert client.negotiated is not None
        assert client.negotiated.psk_identity == psk.identity


def test_a_server_accepts_no_early_data_here() -> None:
    """Whatever the configuration allows others: nobody here could tell the application what may be a replay."""
    config = client_config()
    with serving(echo, server_config(max_early_data=1000)) as listener:
        for resumed in (False, True):
            with connect(listener, config=config, early_data=b"early") as client:
                assert client.negotiated is not None
                assert client.negotiated.resumed is resumed
                assert not client.negotiated.early_data
                client.sendall(b"early")
                assert client.recv(5) == b"early"


def test_without_a_configuration_sessions_are_resumed_from_call_to_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "default_verifier", verifier)
    with serving(echo) as listener:
        for resumed in (False, True):
            with connect(listener, config=None) as client:
                client.sendall(b"x")
                assert client.recv(1) == b"x"
                assert client.negotiated is not None
                assert client.negotiated.resumed is resumed


def test_an_authority_nobody_knows_is_not_trusted() -> None:
    with serving(echo) as listener, pytest.raises(turtls.CertificateError):
        connect(listener, config=turtls.ClientConfig())


def test_the_name_is_the_host_unless_another_is_given() -> None:
    with serving(echo, server_config("a.example")) as listener:
        with pytest.raises(turtls.CertificateError):
            connect(listener)
        with connect(listener, server_name="a.example") as client:
            assert client.negotiated is not None
            assert client.negotiated.server_name == "a.example"


def test_an_observer_sees_the_handshake() -> None:
    seen: list[Trace] = []
    with serving(echo) as listener, connect(listener, observer=seen.append):
        assert any(isinstance(trace, HandshakeMessageSeen) for trace in seen)


def test_the_timeout_covers_the_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(HandshakeTimeout):
        turtls.connect("127.0.0.1", silent.getsockname()[1], config=client_config(), timeout=0.05)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        turtls.connect("127.0.0.1", port, config=client_config())


def test_wrap_in_the_middle_of_a_conversation() -> None:
    near, far = tcp_pair()

    def serve() -> None:
        assert far.recv(100) == b"STARTTLS\r\n"
        far.sendall(b"220 go ahead\r\n")
        with turtls.wrap(far, server_config()) as tls:
            echo(tls)

    with beside(serve):
        near.sendall(b"STARTTLS\r\n")
        assert near.recv(100) == b"220 go ahead\r\n"
        with turtls.wrap(near, client_config(), server_name="localhost") as client:
            client.sendall(b"EHLO")
            assert client.recv(100) == b"EHLO"


def test_wrap_must_know_who_is_who() -> None:
    near, far = tcp_pair()
    with near, far:
        with pytest.raises(ConfigError, match="server_name"):
            turtls.wrap(near, client_config())  # type: ignore[call-overload]  # mypy sees it, too
        with pytest.raises(ConfigError, match="server_name"):
            turtls.wrap(near, server_config(), server_name="localhost")  # type: ignore[call-overload]  # the same


def test_a_handshake_that_fails_closes_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LINGER_TIMEOUT", 0.01)
    near, far = tcp_pair()
    with far:
        far.sendall(b"220 I do not speak TLS\r\n")
        with pytest.raises(turtls.ProtocolError):
            turtls.wrap(near, client_config(), server_name="localhost")
        assert near.fileno() == -1


def test_new_connections_are_served_with_the_new_configuration() -> None:
    def name_of(client: TLSSocket) -> str:
        assert client.negotiated is not None
        assert client.negotiated.peer is not None
        return client.negotiated.peer.leaf.dns_names[0]

    config = client_config(sessions=None)
    with (
        serving(echo, server_config("a.example")) as listener,
        connect(listener, config=config, server_name="a.example") as old,
    ):
        listener.config = server_config("b.example")
        with connect(listener, config=config, server_name="b.example") as new:
            assert name_of(new) == "b.example"
        old.sendall(b"x")
        assert old.recv(1) == b"x"


def test_a_slow_handshake_delays_no_one_else() -> None:
    with serving(echo) as listener, socket.create_connection(listener.getsockname()):
        for _ in range(2):
            with connect(listener) as client:
                client.sendall(b"x")
                assert client.recv(1) == b"x"


def test_a_handler_that_fails_ends_its_connection_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: queue.Queue[threading.ExceptHookArgs] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", failures.put)

    def fail(tls: TLSSocket) -> None:
        tls.handshake()
        raise LookupError

    with serving(fail) as listener:
        with pytest.raises(turtls.CertificateError):
            connect(listener, server_name="not.this.one")
        for _ in range(2):
            with connect(listener) as client:
                assert read_all(client) == b""
            assert failures.get(timeout=PATIENCE).exc_type is LookupError
    assert failures.empty()


def test_accept_has_a_timeout() -> None:
    with turtls.listen("127.0.0.1", 0, server_config()) as listener:
        assert listener.fileno() > 0
        listener.settimeout(0.01)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("client_host", ["127.0.0.1", "::1"])
def test_listening_everywhere(client_host: str) -> None:
    if client_host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    listener = turtls.listen(None, 0, server_config())
    with in_thread(lambda: listener.serve_forever(echo)), listener:
        with turtls.connect(client_host, port_of(listener), config=client_config(), timeout=PATIENCE) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"


def test_so_many_threads_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SERVER_THREADS", 2)
    lock = threading.Lock()
    running: list[int] = [0]

    def count(tls: TLSSocket) -> None:
        with lock:
            running.append(running[-1] + 1)
        echo(tls)
        with lock:
            running.append(running[-1] - 1)

    with serving(count) as listener:
        clients = [known(listener), known(listener)]
        for _ in range(3):
            with beside(lambda: known(listener)) as waiting:
                clients.pop(0).close()
            clients.append(waiting.result())
        for client in clients:
            client.close()
    assert max(running) == 2


def known(listener: turtls.TLSListener) -> TLSSocket:
    """A client that has been answered: so the server's handshake is done, too."""
    client = connect(listener)
    client.sendall(b"x")
    assert client.recv(1) == b"x"
    return client


def test_silent_clients_do_not_keep_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SERVER_THREADS", 2)
    with serving(echo) as listener, known(listener) as first:
        silent = [socket.create_connection(listener.getsockname(), PATIENCE) for _ in range(3)]
        known(listener).close()
        for sock in silent:
            with sock:
                assert sock.recv(1) == b""
        first.sendall(b"still")
        assert first.recv(5) == b"still"


def test_a_listener_survives_a_client_that_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS shows it: options of its socket cannot be set any more."""

    def setsockopt(*arguments: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    with serving(echo) as listener:
        monkeypatch.setattr(socket.socket, "setsockopt", setsockopt)
        with socket.create_connection(("127.0.0.1", port_of(listener)), PATIENCE):
            pass
        with connect(listener) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"


def test_a_listener_survives_a_shortage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RESOURCES_PAUSE", 0.0)
    listener = turtls.listen("127.0.0.1", 0, server_config())
    shortages = [errno.EMFILE, errno.ENOBUFS]
    accept = listener.accept

    def short_at_first() -> TLSSocket:
        if shortages:
            raise OSError(shortages.pop(), "There is none left.")
        return accept()

    monkeypatch.setattr(listener, "accept", short_at_first)
    with in_thread(lambda: listener.serve_forever(echo)), listener, connect(listener) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    assert not shortages


def test_a_listener_survives_a_shortage_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RESOURCES_PAUSE", 0.0)
    start = threading.Thread.start
    shortages = [RuntimeError("can't start new thread")]

    def short_at_first(thread: threading.Thread) -> None:
        if thread.daemon and shortages:
            raise shortages.pop()
        start(thread)

    with serving(echo) as listener:
        monkeypatch.setattr(threading.Thread, "start", short_at_first)
        with pytest.raises((TruncatedError, ConnectionError)):
            connect(listener)
        with connect(listener) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"


# Against the standard library.


def test_a_client_of_the_standard_library() -> None:
    with serving(echo) as listener, socket.create_connection(listener.getsockname(), PATIENCE) as sock:
        with ssl_client().wrap_socket(sock, server_hostname="localhost") as client:
            assert client.version() == "TLSv1.3"
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
            client.unwrap().close()


def test_a_server_of_the_standard_library(tmp_path: Path) -> None:
    near, far = tcp_pair()

    def serve() -> None:
        with ssl_server(tmp_path).wrap_socket(far, server_side=True) as server:
            data = read_all(server)
            server.sendall(data[::-1])

    with beside(serve), turtls.wrap(near, client_config(), server_name="localhost") as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b"olleh"


def test_the_standard_library_hears_why_it_is_refused() -> None:
    with serving(echo, server_config(alpn=("h2",))) as listener:
        context = ssl_client()
        context.set_alpn_protocols(["http/1.1"])
        with socket.create_connection(listener.getsockname(), PATIENCE) as sock:
            with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
                context.wrap_socket(sock, server_hostname="localhost")


def test_the_standard_library_says_why_it_refuses(tmp_path: Path) -> None:
    near, far = tcp_pair()
    context = ssl_server(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED

    def serve() -> None:
        with far, pytest.raises(ssl.SSLError):
            context.wrap_socket(far, server_side=True)

    with beside(serve), pytest.raises(PeerAlert) as refusal:
        with turtls.wrap(near, client_config(), server_name="localhost") as client:
            client.recv(1)
    assert refusal.value.alert == AlertDescription.CERTIFICATE_REQUIRED
