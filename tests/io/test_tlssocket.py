"""One TLSSocket against another, or against a peer that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from typing import Any

import pytest

from tests.io.parties import (
    PATIENCE,
    beside,
    client_config,
    credential,
    echo,
    in_thread,
    read_all,
    server_config,
    shake,
    shaken_pair,
    slowly_signing,
    tcp_pair,
    verifier,
)
from turtls.config import ClientAuth, ServerConfig
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import (
    AlertDescription,
    ClosedError,
    ConfigError,
    Fault,
    HandshakeTimeout,
    PeerAlert,
    ProtocolError,
    TruncatedError,
)
from turtls.io import limits
from turtls.io.blocking import wrap
from turtls.io.tlssocket import TLSSocket

BULK = bytes(range(256)) * 16384  # 4 MiB: more than the buffers of both ends hold


def server_over(sock: socket.socket, config: ServerConfig | None = None, **options: Any) -> TLSSocket:
    return TLSSocket(sock, ServerConnection(config or server_config()), **options)


def write_for_ever(tls: TLSSocket) -> None:
    while True:
        tls.sendall(BULK)


# Data.


def test_data_goes_both_ways() -> None:
    with shaken_pair() as (client, server):
        client.sendall(b"hello")
        assert server.recv(100) == b"hello"
        server.sendall(memoryview(b"back"))
        assert client.recv(100) == b"back"
        assert client.negotiated is not None
        assert server.negotiated is not None
        assert client.negotiated.cipher_suite == server.negotiated.cipher_suite


def test_recv_gives_at_most_what_is_asked() -> None:
    with shaken_pair() as (client, server):
        client.sendall(b"abcdef")
        assert server.recv(2) == b"ab"
        assert server.pending() == 4
        buffer = bytearray(3)
        assert server.recv_into(buffer) == 3
        assert buffer == b"cde"
        assert server.recv_into(buffer, 2) == 1
        assert server.pending() == 0
        with pytest.raises(ValueError, match="negative"):
            server.recv(-1)


def test_send_takes_one_piece() -> None:
    with shaken_pair() as (client, server), beside(lambda: read_all(server)) as received:
        taken = client.send(BULK)
        assert taken == limits.WRITE_SIZE
        client.shutdown(socket.SHUT_WR)
        assert received.result(PATIENCE) == BULK[:taken]


def test_one_thread_reads_while_another_writes() -> None:
    """Both sides write more than all buffers hold before they are done reading, and change keys in between."""

    def talk(tls: TLSSocket) -> None:
        for _ in range(4):
            tls.sendall(BULK)
            tls.update_keys(request_peer=True)
        tls.shutdown(socket.SHUT_WR)

    with (
        shaken_pair() as (client, server),
        beside(lambda: talk(client)),
        beside(lambda: talk(server)),
        beside(lambda: read_all(server)) as at_server,
    ):
        assert read_all(client) == 4 * BULK
        assert at_server.result(PATIENCE) == 4 * BULK


def test_a_timeout_while_reading_leaves_the_connection_whole() -> None:
    with shaken_pair() as (client, server):
        client.settimeout(0.01)
        assert client.gettimeout() == 0.01
        with pytest.raises(TimeoutError):
            client.recv(1)
        server.sendall(b"late")
        client.settimeout(PATIENCE)
        assert client.recv(100) == b"late"
        with pytest.raises(ValueError, match="range"):
            client.settimeout(-1)


def test_a_timeout_while_writing_leaves_the_connection_whole() -> None:
    with shaken_pair() as (client, server):
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            write_for_ever(client)
        client.settimeout(PATIENCE)
        with beside(lambda: read_all(server)) as received:
            client.sendall(b"the end")
            client.shutdown(socket.SHUT_WR)
            data = received.result(PATIENCE)
        assert data.endswith(b"the end")
        whole = BULK * (len(data) // len(BULK) + 1)
        assert whole.startswith(data.removesuffix(b"the end"))


def test_without_waiting_nothing_waits() -> None:
    """Both sides in one thread, each going as far as it can."""
    near, far = tcp_pair()
    near.settimeout(0)
    far.settimeout(0)
    client, server = wrap(near, client_config(), server_name="localhost"), server_over(far)
    with client, server:
        while client.negotiated is None or server.negotiated is None:
            for side in (client, server):
                with contextlib.suppress(BlockingIOError):
                    side.handshake()
        with pytest.raises(BlockingIOError):
            server.recv(1)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += client.send(BULK)
        received = 0
        while received < sent:
            with contextlib.suppress(BlockingIOError):
                received += len(server.recv(1 << 20))
            with contextlib.suppress(BlockingIOError):
                client.send(b"")


# The handshake.


def test_both_sides_export_the_same() -> None:
    with shaken_pair() as (client, server):
        assert client.channel_binding() == server.channel_binding()
        assert client.channel_binding("tls-server-end-point") == server.channel_binding("tls-server-end-point")
        exported = client.export_keying_material("EXPORTER-test", b"context", 40)
        assert exported == server.export_keying_material("EXPORTER-test", b"context", 40)
        assert len(exported) == 40


def test_a_session_is_resumed() -> None:
    client, server = client_config(), server_config()
    for resumed in (False, True):
        with shaken_pair(client, server) as (near, far):
            far.sendall(b"x")
            assert near.recv(1) == b"x"
            assert near.negotiated is not None
            assert near.negotiated.resumed is resumed


def test_a_client_shows_its_certificate_later() -> None:
    client = client_config(credentials=(credential(),), post_handshake_auth=True)
    server = server_config(verifier=verifier())
    with shaken_pair(client, server) as (near, far):
        far.request_client_certificate()
        far.sendall(b"who are you?")
        assert near.recv(100) == b"who are you?"
        near.sendall(b"me")
        assert far.recv(100) == b"me"
        assert far.negotiated is not None
        assert far.negotiated.peer is not None
        assert far.negotiated.peer.leaf.dns_names == ("localhost",)
        with pytest.raises(ConfigError):
            near.request_client_certificate()


async def walk() -> None:
    await asyncio.sleep(0)


async def hang() -> None:
    await asyncio.get_running_loop().create_future()


async def fail() -> None:
    raise RuntimeError("the key is locked away")


def test_a_signature_may_come_from_a_coroutine() -> None:
    with shaken_pair(server=slowly_signing(walk)) as (client, server):
        client.sendall(b"x")
        assert server.recv(1) == b"x"


def test_a_signature_may_come_from_a_coroutine_where_a_loop_is_running() -> None:
    async def in_a_loop() -> None:
        with shaken_pair(server=slowly_signing(walk)) as (client, server):
            client.sendall(b"x")
            assert server.recv(1) == b"x"

    asyncio.run(in_a_loop())


def test_what_a_signer_raises_is_raised() -> None:
    near, far = tcp_pair()
    with server_over(far, slowly_signing(fail)) as server, beside(lambda: refused(near)) as alert:
        with pytest.raises(RuntimeError, match="locked away"):
            server.handshake()
        assert alert.result(PATIENCE) == AlertDescription.INTERNAL_ERROR


async def be_cancelled() -> None:
    signature = asyncio.get_running_loop().create_future()
    signature.cancel()
    await signature


def test_a_signer_that_is_cancelled_ends_the_handshake() -> None:
    near, far = tcp_pair()
    with server_over(far, slowly_signing(be_cancelled)) as server, beside(lambda: refused(near)) as alert:
        with pytest.raises(asyncio.CancelledError):
            server.handshake()
        with pytest.raises(ProtocolError):
            server.recv(1)
        assert alert.result(PATIENCE) == AlertDescription.INTERNAL_ERROR


def test_a_signer_that_hangs_is_cut_off() -> None:
    near, far = tcp_pair()
    with near, server_over(far, slowly_signing(hang), handshake_timeout=0.2) as server:
        near.sendall(ClientConnection(client_config(), server_name="localhost").data_to_send())
        with pytest.raises(HandshakeTimeout):
            server.handshake()


def refused(sock: socket.socket, **options: Any) -> AlertDescription | int:
    """Shake hands as a client that learns it is refused, and why."""
    with pytest.raises(PeerAlert) as refusal, wrap(sock, client_config(**options), server_name="localhost") as client:
        client.recv(1)
    return refusal.value.alert


def test_a_silent_peer_is_cut_off() -> None:
    near, far = tcp_pair()
    with near, server_over(far, handshake_timeout=0.05) as server:
        with pytest.raises(HandshakeTimeout, match=r"0\.05 seconds"):
            server.handshake()
        with pytest.raises(ClosedError):
            server.recv(1)


def test_a_timeout_within_the_handshake_does_not_end_it() -> None:
    near, far = tcp_pair()
    with server_over(far) as server:
        server.settimeout(0.01)
        with pytest.raises(TimeoutError):
            server.recv(1)
        server.settimeout(PATIENCE)
        with beside(lambda: echo(server)), wrap(near, client_config(), server_name="localhost") as client:
            client.sendall(b"after all")
            assert client.recv(100) == b"after all"


def test_the_timeout_of_a_wrapped_socket_bounds_the_handshake() -> None:
    near, far = tcp_pair()
    near.settimeout(0.05)
    with far, pytest.raises(HandshakeTimeout, match=r"0\.05 seconds"):
        wrap(near, client_config(), server_name="localhost")


def test_a_peer_that_drips_is_cut_off() -> None:
    """Each byte comes well within the limit; all of them together do not."""
    near, far = tcp_pair()
    hello = ClientConnection(client_config(), server_name="localhost").data_to_send()
    over = threading.Event()

    def drip() -> None:
        for byte in hello:
            if over.wait(0.01):
                return
            with contextlib.suppress(OSError):
                near.sendall(bytes([byte]))

    with near, server_over(far, handshake_timeout=0.2) as server, in_thread(drip):
        with pytest.raises(HandshakeTimeout):
            server.handshake()
        over.set()


# Alerts.


def test_the_alert_reaches_a_peer_that_is_still_sending() -> None:
    """The socket has unread bytes when it fails: closed at once, it would send a reset instead of the alert."""
    near, far = tcp_pair()
    with near, server_over(far) as server:

        def provoke() -> bytes:
            near.sendall(b"GET / HTTP/1.1\r\n\r\n" + BULK)
            near.shutdown(socket.SHUT_WR)
            return read_all(near)

        with beside(provoke) as answer:
            with pytest.raises(ProtocolError) as failure:
                server.handshake()
            assert failure.value.fault is Fault.PLAIN_HTTP
            assert answer.result(PATIENCE)[-2:] == bytes([2, AlertDescription.PROTOCOL_VERSION])
        with pytest.raises(ClosedError):
            server.sendall(b"x")


def test_a_reader_learns_why_it_was_refused() -> None:
    near, far = tcp_pair()
    demanding = server_config(client_auth=ClientAuth.REQUIRE, verifier=verifier())
    with server_over(far, demanding) as server, beside(lambda: refused(near)) as alert:
        with pytest.raises(ProtocolError):
            server.handshake()
        assert alert.result(PATIENCE) == AlertDescription.CERTIFICATE_REQUIRED


def test_a_writer_learns_why_it_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never reads, and would see a broken pipe: the reason lies unread in its socket."""
    monkeypatch.setattr(limits, "LINGER_TIMEOUT", 0.05)
    near, far = tcp_pair()
    demanding = server_config(client_auth=ClientAuth.REQUIRE, verifier=verifier())

    def refuse() -> None:
        with server_over(far, demanding) as server, pytest.raises(ProtocolError):
            server.handshake()

    with beside(refuse), wrap(near, client_config(), server_name="localhost") as client:
        with pytest.raises(PeerAlert) as refusal:
            write_for_ever(client)
        assert refusal.value.alert == AlertDescription.CERTIFICATE_REQUIRED


def test_an_untrusted_server_is_told() -> None:
    near, far = tcp_pair()
    with server_over(far) as server:

        def distrust() -> None:
            with pytest.raises(ProtocolError) as failure:
                wrap(near, client_config(), server_name="someone.else.example")
            assert failure.value.fault is Fault.WRONG_NAME

        with beside(distrust):
            with pytest.raises(PeerAlert) as refusal:
                server.handshake()
            assert refusal.value.alert == AlertDescription.BAD_CERTIFICATE


def test_what_came_before_a_fault_is_read_before_it_is_raised() -> None:
    near, far = tcp_pair()
    with near, server_over(far) as server:
        with beside(server.handshake):
            client = shake(near)
        client.send_data(b"good")
        near.sendall(client.data_to_send() + bytes([23, 3, 3, 0, 32]) + bytes(32))
        near.shutdown(socket.SHUT_WR)
        assert server.recv(100) == b"good"
        with pytest.raises(ProtocolError) as failure:
            server.recv(100)
        assert failure.value.fault is Fault.BAD_RECORD_MAC
        with pytest.raises(ClosedError):
            server.recv(100)


# The end.


def test_close_says_goodbye_and_does_not_wait() -> None:
    with shaken_pair() as (client, server):
        client.sendall(b"last")
        client.close()
        assert client.fileno() == -1
        assert read_all(server) == b"last"
        client.close()
        with pytest.raises(ClosedError):
            client.recv(1)
        with pytest.raises(ClosedError):
            client.sendall(b"x")


def test_close_is_heard_by_a_peer_whose_buffers_are_full() -> None:
    """close_notify has to wait for room in the socket like everything else."""
    with shaken_pair() as (client, server):
        client.settimeout(0)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += client.send(BULK)
        client.settimeout(PATIENCE)
        with beside(lambda: read_all(server)) as received:
            client.close()
            assert len(received.result(PATIENCE)) == sent


def test_a_connection_cut_off_is_not_taken_for_closed() -> None:
    with shaken_pair() as (client, server):
        client.sendall(b"part")
        cut_off(client)
        assert server.recv(100) == b"part"
        with pytest.raises(TruncatedError):
            server.recv(100)
        with pytest.raises(ClosedError):
            server.recv(100)


def test_a_cut_can_be_taken_for_the_end() -> None:
    with shaken_pair(danger_accept_truncation=True) as (client, server):
        client.sendall(b"all there is")
        cut_off(client)
        assert read_all(server) == b"all there is"


def test_a_handshake_cut_off_is_never_taken_for_the_end() -> None:
    near, far = tcp_pair()
    with server_over(far, danger_accept_truncation=True) as server:
        near.close()
        with pytest.raises(TruncatedError):
            server.handshake()


def cut_off(tls: TLSSocket) -> None:
    """End the TCP connection behind the back of TLS."""
    with socket.socket(fileno=os.dup(tls.fileno())) as tcp:
        tcp.shutdown(socket.SHUT_WR)


def test_half_a_connection_goes_on() -> None:
    with shaken_pair() as (client, server):
        client.sendall(b"request")
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"request"
        server.sendall(b"response")
        assert client.recv(100) == b"response"
        with pytest.raises(ClosedError):
            client.sendall(b"x")


def test_a_side_may_stop_reading() -> None:
    with shaken_pair() as (client, server):
        client.shutdown(socket.SHUT_RD)
        assert client.recv(1) == b""
        client.sendall(b"still writing")
        assert server.recv(100) == b"still writing"


def test_closing_wakes_a_reader_in_another_thread() -> None:
    with shaken_pair() as (client, _server):
        reading = threading.Event()

        def read() -> None:
            reading.set()
            with pytest.raises((ClosedError, OSError)):
                client.recv(1)

        with beside(read):
            reading.wait(PATIENCE)
            client.close()


def test_closing_wakes_a_handshake_in_another_thread() -> None:
    near, far = tcp_pair()
    with near:
        server = TLSSocket(far, ServerConnection(server_config()))
        shaking = threading.Event()

        def shake_for_ever() -> None:
            shaking.set()
            with pytest.raises((ClosedError, OSError, TruncatedError)):
                server.handshake()

        with beside(shake_for_ever):
            shaking.wait(PATIENCE)
            server.close()


def test_hanging_up_wakes_a_handshake_in_another_thread_that_closes_for_itself() -> None:
    near, far = tcp_pair()
    with near:
        server = TLSSocket(far, ServerConnection(server_config()))
        shaking = threading.Event()

        def shake_for_ever() -> None:
            shaking.set()
            with server, pytest.raises(TruncatedError):
                server.handshake()

        with beside(shake_for_ever):
            shaking.wait(PATIENCE)
            server.hang_up()
        assert near.recv(1) == b""
        server.hang_up()  # nothing is left to end
        assert server.fileno() == -1


def test_who_is_hung_up_on_keeps_its_socket_until_it_closes() -> None:
    near, far = tcp_pair()
    with near, TLSSocket(far, ServerConnection(server_config())) as server:
        server.hang_up()
        assert server.fileno() >= 0


def test_back_to_plain_tcp() -> None:
    with shaken_pair() as (client, server), beside(server.unwrap) as unwrapped:
        near, _ = client.unwrap()
        far, _ = unwrapped.result(PATIENCE)
        with near, far:
            near.sendall(b"in the clear")
            assert far.recv(100) == b"in the clear"
        with pytest.raises(ClosedError):
            client.sendall(b"x")


def test_what_comes_in_the_clear_right_behind_close_notify_is_not_lost() -> None:
    near, far = tcp_pair()
    with near, server_over(far) as server:
        with beside(server.handshake):
            client = shake(near)
        client.close()
        near.sendall(client.data_to_send() + b"NOOP\r\n")
        plain, trailing = server.unwrap()
        with plain:
            assert trailing == b"NOOP\r\n"


def test_unread_data_does_not_get_lost_in_going_back() -> None:
    with shaken_pair() as (client, server):
        client.sendall(b"did you get this?")
        with pytest.raises(ClosedError, match="nobody has read"):
            server.unwrap()


# Files.


def test_a_text_file() -> None:
    with (
        shaken_pair() as (client, server),
        client.makefile("rw", encoding="utf-8", newline="\n") as near,
        server.makefile("rw", encoding="utf-8", newline="\n") as far,
    ):
        near.write("grüße\n")
        near.flush()
        assert far.readline() == "grüße\n"
        far.write("zurück\n")
        far.flush()
        assert near.readline() == "zurück\n"


def test_a_file_keeps_the_socket_open() -> None:
    with shaken_pair() as (client, server):
        file = client.makefile("rb")
        assert file.fileno() == client.fileno()
        client.close()
        server.sendall(b"line\nrest")
        assert file.readline() == b"line\n"
        server.close()
        assert file.read() == b"rest"
        file.close()
        file.close()
        assert client.fileno() == -1


def test_unbuffered_files() -> None:
    with shaken_pair() as (client, server):
        with client.makefile("wb", buffering=0) as out, server.makefile("rb", buffering=0) as into:
            assert out.write(b"now") == 3
            assert into.read(100) == b"now"
            server.settimeout(0)
            assert into.read(100) is None
            assert (out.readable(), out.writable(), into.readable(), into.writable()) == (False, True, True, False)
            with pytest.raises(OSError, match="not opened for this"):
                out.read(1)
            with pytest.raises(OSError, match="not opened for this"):
                into.write(b"x")
            client.settimeout(0)
            while out.write(BULK) is not None:
                pass
        with pytest.raises(ValueError, match="closed"):
            into.read(1)


def test_modes_that_do_not_exist() -> None:
    with shaken_pair() as (client, _server):
        with pytest.raises(ValueError, match="invalid mode"):
            client.makefile("a")
        with pytest.raises(ValueError, match="must be binary"):
            client.makefile("r", buffering=0)
        assert client.getpeername() == _server.getsockname()
