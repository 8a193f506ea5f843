"""Streams against each other, over asyncio's own loop and over uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.io.conftest import Run
from tests.io.parties import (
    PATIENCE,
    client_config,
    credential,
    read_all,
    server_config,
    slowly_signing,
    ssl_client,
    ssl_server,
    tcp_pair,
    verifier,
)
from turtls import aio
from turtls.config import ClientAuth, ServerConfig
from turtls.errors import (
    AlertDescription,
    ClosedError,
    ConfigError,
    Fault,
    HandshakeTimeout,
    PeerAlert,
    ProtocolError,
    TLSError,
    TruncatedError,
)
from turtls.events import HandshakeMessageSeen, Trace
from turtls.io import limits
from turtls.io.stream_reader import TLSStreamReader
from turtls.io.stream_writer import ClientConnected, TLSStreamWriter

BULK = bytes(range(256)) * 65536  # 16 MiB: more than the buffers of both ends hold

Streams = tuple[TLSStreamReader, TLSStreamWriter]


async def echo(reader: TLSStreamReader, writer: TLSStreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def serving(
    handler: ClientConnected = echo, config: ServerConfig | None = None, **options: Any
) -> AsyncIterator[aio.TLSServer]:
    server = await aio.start_server(handler, "127.0.0.1", 0, config=config or server_config(), **options)
    try:
        yield server
    finally:
        server.close()


def port_of(server: aio.TLSServer | asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


@asynccontextmanager
async def connected(server: aio.TLSServer, **options: Any) -> AsyncIterator[Streams]:
    usual: dict[str, Any] = {"config": client_config(), "server_name": "localhost"}
    reader, writer = await aio.open_connection("127.0.0.1", port_of(server), **(usual | options))
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(TLSError, OSError):
            await writer.wait_closed()


class Accepted:
    """A handler that hands the streams of its connections to the test."""

    def __init__(self) -> None:
        self._streams: asyncio.Queue[Streams] = asyncio.Queue()

    def __call__(self, reader: TLSStreamReader, writer: TLSStreamWriter) -> None:
        self._streams.put_nowait((reader, writer))

    async def one(self) -> Streams:
        return await self._streams.get()


@asynccontextmanager
async def both_ends(
    client: Any = None, server: ServerConfig | None = None, **server_options: Any
) -> AsyncIterator[tuple[Streams, Streams]]:
    accepted = Accepted()
    async with (
        serving(accepted, server, **server_options) as listening,
        connected(listening, config=client or client_config()) as near,
    ):
        far = await accepted.one()
        yield near, far
        far[1].transport.abort()


# Data.


def test_data_goes_both_ways(run: Run) -> None:
    async def test() -> None:
        async with serving() as server, connected(server) as (reader, writer):
            writer.write(b"hello, ")
            writer.writelines([b"you ", bytearray(b"there")])
            writer.write_eof()
            assert await reader.read() == b"hello, you there"
            assert reader.at_eof()
            assert await reader.read(1) == b""
            assert writer.can_write_eof()
            assert writer.negotiated is writer.get_extra_info("negotiated")
            assert writer.get_extra_info("tls").negotiated is writer.negotiated
            assert writer.get_extra_info("peername") == server.sockets[0].getsockname()
            assert writer.get_extra_info("sslcontext") is None
            writer.close()
            await writer.wait_closed()

    run(test())


def test_reading_in_every_way(run: Run) -> None:
    async def test() -> None:
        async with both_ends() as ((_, writer), (reader, _)):
            writer.write(b"line\nend;exact")
            assert await reader.readline() == b"line\n"
            assert await reader.readuntil(b";") == b"end;"
            assert await reader.readexactly(5) == b"exact"
            assert await reader.readexactly(0) == b""
            assert await reader.read(0) == b""
            for piece in (b"on", b"e\ntw", b"o\nrest"):
                writer.write(piece)
                await asyncio.sleep(0)
            writer.write_eof()
            assert [line async for line in reader] == [b"one\n", b"two\n", b"rest"]
            with pytest.raises(asyncio.IncompleteReadError) as incomplete:
                await reader.readexactly(3)
            assert (incomplete.value.partial, incomplete.value.expected) == (b"", 3)
            with pytest.raises(asyncio.IncompleteReadError):
                await reader.readuntil()
            with pytest.raises(ValueError, match="less than zero"):
                await reader.readexactly(-1)
            with pytest.raises(ValueError, match="at least one"):
                await reader.readuntil(b"")

    run(test())


def test_lines_have_a_limit(run: Run) -> None:
    async def test() -> None:
        async with both_ends(limit=10) as ((_, writer), (reader, _)):
            writer.write(b"a long line of text\nshort\n")
            with pytest.raises(asyncio.LimitOverrunError):
                await reader.readuntil()
            with pytest.raises(ValueError, match="longer than limit"):
                await reader.readline()
            assert await reader.readline() == b"short\n"
            writer.write(b"a line without an end")
            with pytest.raises(ValueError, match="not found"):
                await reader.readline()
            writer.write(b"next\n")
            assert await reader.readline() == b"next\n"

    run(test())


def test_one_coroutine_reads_at_a_time(run: Run) -> None:
    async def test() -> None:
        async with both_ends() as ((_, writer), (reader, _)):
            first = asyncio.create_task(reader.read(10))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="already waiting"):
                await reader.read(10)
            first.cancel()
            await asyncio.wait([first])
            writer.write(b"x")
            assert await reader.read(10) == b"x"

    run(test())


def test_much_data_goes_both_ways_at_once(run: Run) -> None:
    async def send(writer: TLSStreamWriter) -> None:
        for start in range(0, len(BULK), 1 << 20):
            writer.write(BULK[start : start + (1 << 20)])
            await writer.drain()
            writer.transport.update_keys(request_peer=True)
        writer.write_eof()

    async def test() -> None:
        async with both_ends() as ((near, to_far), (far, to_near)):
            received = await asyncio.gather(near.read(), far.read(), send(to_far), send(to_near))
            assert received[0] == received[1] == BULK

    run(test())


def test_who_does_not_read_makes_the_peer_wait(run: Run) -> None:
    async def test() -> None:
        async with both_ends() as ((_, writer), (reader, _)):
            # What the operating system buffers is bounded too, so that this comes to a stand.
            writing = asyncio.create_task(write_for_ever(writer))
            for _ in range(2000):
                await asyncio.sleep(0)
                assert reader.unread <= 2 * limits.STREAM_LIMIT + limits.READ_SIZE
                assert writer.transport.get_write_buffer_size() < 2 << 20
            assert writer.transport.get_write_buffer_size() > 0
            assert reader.unread > 2 * limits.STREAM_LIMIT
            writing.cancel()
            await asyncio.wait([writing])
            writer.write_eof()
            rest = await reader.read()
            assert rest == bytes(len(rest))

    run(test())


async def write_for_ever(writer: TLSStreamWriter) -> None:
    while True:
        writer.write(bytes(1 << 20))
        await writer.drain()


# The end.


def test_half_a_connection_goes_on(run: Run) -> None:
    async def test() -> None:
        async with both_ends() as ((near, to_far), (far, to_near)):
            to_far.write(b"request")
            to_far.write_eof()
            assert await far.read() == b"request"
            to_near.write(b"response")
            to_near.close()
            assert await near.read() == b"response"
            with pytest.raises(ClosedError):
                to_far.write(b"x")
            to_far.close()
            await to_far.wait_closed()
            await to_near.wait_closed()
            assert to_far.is_closing()
            to_far.write(b"nobody minds")
            with pytest.raises(ConnectionResetError):
                await to_far.drain()

    run(test())


def cut_off(writer: asyncio.StreamWriter) -> None:
    """End the TCP connection behind the back of TLS."""
    tcp = socket.fromfd(writer.get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM)
    with tcp:
        tcp.shutdown(socket.SHUT_WR)


def test_what_came_is_read_before_the_connection_is_found_cut_off(run: Run) -> None:
    async def test() -> None:
        async with both_ends() as ((_, writer), (reader, to_near)):
            writer.write(b"part")
            cut_off(writer)
            with pytest.raises(TruncatedError):
                await to_near.wait_closed()
            assert await reader.read(100) == b"part"
            with pytest.raises(TruncatedError):
                await reader.read(100)
            with pytest.raises(TruncatedError):
                await to_near.drain()

    run(test())


def test_a_cut_can_be_taken_for_the_end(run: Run) -> None:
    async def test() -> None:
        async with both_ends(danger_accept_truncation=True) as ((near, to_far), (far, to_near)):
            to_far.write(b"all there is")
            cut_off(to_far)
            assert await far.read() == b"all there is"
            to_near.write(b"thanks")
            to_near.close()
            assert await near.read() == b"thanks"

    run(test())


def test_a_peer_that_stops_reading_does_not_hold_up_the_end(run: Run) -> None:
    async def test() -> None:
        async with both_ends(shutdown_timeout=0.05) as ((near, _), (_, writer)):
            near.feed_data(bytes(3 * limits.STREAM_LIMIT))
            writer.write(BULK)
            writer.close()
            await writer.wait_closed()

    run(test())


def test_a_handler_that_fails_is_reported_and_its_connection_closed(run: Run) -> None:
    async def fail(reader: TLSStreamReader, writer: TLSStreamWriter) -> None:
        raise LookupError

    async def test() -> None:
        async with serving(fail) as server, connected(server) as (reader, _):
            assert await reader.read() == b""

    run(test(), complaints=1)


def test_a_handler_that_is_cancelled_has_its_connection_closed(run: Run) -> None:
    async def give_up(reader: TLSStreamReader, writer: TLSStreamWriter) -> None:
        raise asyncio.CancelledError

    async def test() -> None:
        async with serving(give_up) as server, connected(server) as (reader, _):
            assert await reader.read() == b""

    run(test())


# The handshake.


def test_both_sides_export_the_same(run: Run) -> None:
    async def test() -> None:
        async with both_ends() as ((_, near), (_, far)):
            assert near.transport.channel_binding() == far.transport.channel_binding()
            exported = near.transport.export_keying_material("EXPORTER-test", b"", 16)
            assert exported == far.transport.export_keying_material("EXPORTER-test", b"", 16)

    run(test())


def test_a_session_is_resumed(run: Run) -> None:
    async def test() -> None:
        config = client_config()
        async with serving() as server:
            for resumed in (False, True):
                async with connected(server, config=config) as (reader, writer):
                    writer.write(b"x")
                    assert await reader.read(1) == b"x"
                    assert writer.negotiated is not None
                    assert writer.negotiated.resumed is resumed

    run(test())


def test_a_client_shows_its_certificate_later(run: Run) -> None:
    async def test() -> None:
        client = client_config(credentials=(credential(),), post_handshake_auth=True)
        async with both_ends(client, server_config(verifier=verifier())) as ((near, to_far), (far, to_near)):
            to_near.transport.request_client_certificate()
            to_near.write(b"who are you?")
            assert await near.readuntil(b"?") == b"who are you?"
            to_far.write(b"me")
            assert await far.readexactly(2) == b"me"
            assert to_near.negotiated is not None
            assert to_near.negotiated.peer is not None
            with pytest.raises(ConfigError):
                to_far.transport.request_client_certificate()

    run(test())


def test_observers_see_the_handshake(run: Run) -> None:
    async def test() -> None:
        near: list[Trace] = []
        logs: list[list[Trace]] = []

        def new_observer() -> Callable[[Trace], None]:
            logs.append([])
            return logs[-1].append

        async with serving(new_observer=new_observer) as server:
            for _ in range(2):
                async with connected(server, observer=near.append) as (reader, writer):
                    writer.write(b"x")
                    assert await reader.read(1) == b"x"
        for log in (near, *logs):
            assert any(isinstance(trace, HandshakeMessageSeen) for trace in log)
        assert len(logs) == 2

    run(test())


def test_new_connections_are_served_with_the_new_configuration(run: Run) -> None:
    async def test() -> None:
        async with serving(config=server_config("a.example")) as server:
            async with connected(server, server_name="a.example") as (reader, writer):
                server.config = server_config("b.example")
                async with connected(server, server_name="b.example"):
                    pass
                with pytest.raises(ProtocolError):
                    async with connected(server, server_name="a.example"):
                        pass
                writer.write(b"x")
                assert await reader.read(1) == b"x"

    run(test())


def test_a_signer_that_waits_holds_up_its_own_connection_alone(run: Run) -> None:
    async def test() -> None:
        may_sign = asyncio.Event()
        async with serving(config=slowly_signing(may_sign.wait)) as server:
            port = port_of(server)
            waiting = asyncio.create_task(aio.open_connection("localhost", port, config=client_config()))
            server.config = slowly_signing(lambda: asyncio.sleep(0))
            while not waiting.done():
                async with connected(server) as (reader, writer):
                    writer.write(b"x")
                    assert await reader.read(1) == b"x"
                may_sign.set()
            reader, writer = await waiting
            writer.write(b"y")
            assert await reader.read(1) == b"y"
            writer.close()
            await writer.wait_closed()

    run(test())


async def failure_of(signer: Callable[[], Awaitable[object]]) -> BaseException:
    """What a server says of a handshake that its signer ends; the client hears that something went wrong inside."""
    failures: list[aio.HandshakeFailure] = []
    async with serving(config=slowly_signing(signer), on_handshake_failure=failures.append) as server:
        with pytest.raises(PeerAlert) as refusal:
            async with connected(server):
                pass
        assert refusal.value.alert == AlertDescription.INTERNAL_ERROR
    [failure] = failures
    return failure.error


def test_a_signer_that_fails_ends_the_handshake(run: Run) -> None:
    async def fail() -> None:
        raise LookupError

    assert type(run(failure_of(fail))) is LookupError


def test_a_signer_that_is_cancelled_ends_the_handshake(run: Run) -> None:
    async def be_cancelled() -> None:
        signature = asyncio.get_running_loop().create_future()
        signature.cancel()
        await signature

    error = run(failure_of(be_cancelled))
    assert isinstance(error, ConnectionAbortedError)
    assert str(error) == "What the connection waited for was cancelled: a signature by this side's key."


def test_a_failure_is_told_when_the_connection_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the loop might end before, and the transport complain that it was not closed."""
    monkeypatch.setattr(limits, "LINGER_TIMEOUT", 0.05)

    async def test() -> None:
        near, far = tcp_pair()
        with far:
            far.sendall(b"220 no TLS here\r\n")
            with pytest.raises(ProtocolError):
                await aio.open_connection(sock=near, config=client_config(), server_name="x.example")
            assert near.fileno() == -1

    run(test())


def test_a_silent_server_is_cut_off(run: Run) -> None:
    async def test() -> None:
        near, far = tcp_pair()
        with far, pytest.raises(HandshakeTimeout):
            await aio.open_connection(
                sock=near, config=client_config(), server_name="x.example", handshake_timeout=0.05
            )

    run(test())


def test_a_silent_client_is_cut_off_and_so_is_one_that_drips(run: Run) -> None:
    async def test() -> None:
        failures: asyncio.Queue[aio.HandshakeFailure] = asyncio.Queue()
        async with serving(handshake_timeout=0.1, on_handshake_failure=failures.put_nowait) as server:
            silent, waiting = await asyncio.open_connection("127.0.0.1", port_of(server))
            _, dripping = await asyncio.open_connection("127.0.0.1", port_of(server))

            async def drip() -> None:
                for byte in bytes([22, 3, 1, 64, 0]) + bytes(16384):
                    dripping.write(bytes([byte]))
                    await asyncio.sleep(0.01)

            dripper = asyncio.create_task(drip())
            for _ in range(2):
                assert isinstance((await failures.get()).error, HandshakeTimeout)
            dripper.cancel()
            with pytest.raises(asyncio.IncompleteReadError):
                await silent.readexactly(1)
            waiting.transport.abort()
            dripping.transport.abort()

    run(test())


def test_a_silent_client_is_cut_off_even_if_nobody_can_hear_of_it(run: Run) -> None:
    async def test() -> None:
        reported: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

        def fail(failure: aio.HandshakeFailure) -> None:
            raise LookupError("no log here")

        async with serving(handshake_timeout=0.1, on_handshake_failure=fail) as server:
            silent, waiting = await asyncio.open_connection("127.0.0.1", port_of(server))
            assert await asyncio.wait_for(silent.read(), 10) == b""
            waiting.transport.abort()
        (context,) = reported
        assert isinstance(context["exception"], LookupError)

    run(test())


def test_who_speaks_plain_http_may_be_answered_so(run: Run) -> None:
    async def test() -> None:
        failures = []

        def answer(failure: aio.HandshakeFailure) -> bytes:
            failures.append(failure)
            return b"HTTP/1.1 400 Bad Request\r\n\r\n"

        async with serving(on_handshake_failure=answer) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert await reader.read() == b"HTTP/1.1 400 Bad Request\r\n\r\n"
            address = writer.get_extra_info("sockname")
            writer.close()
            await writer.wait_closed()
        (failure,) = failures
        assert isinstance(failure.error, ProtocolError)
        assert failure.error.fault is Fault.PLAIN_HTTP
        assert failure.untrusted_received.startswith(b"GET / HTTP/1.1\r\nHost:")
        assert failure.peername == address

    run(test())


def test_the_alert_reaches_a_peer_that_is_still_sending(run: Run) -> None:
    async def test() -> None:
        async with serving() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(b"GET / HTTP/1.1\r\n\r\n" + bytes(1 << 20))
            writer.write_eof()
            assert (await reader.read())[-2:] == bytes([2, AlertDescription.PROTOCOL_VERSION])
            writer.close()
            await writer.wait_closed()

    run(test())


def test_a_client_learns_why_it_is_refused(run: Run) -> None:
    async def test() -> None:
        demanding = server_config(client_auth=ClientAuth.REQUIRE, verifier=verifier())
        async with serving(config=demanding) as server, connected(server) as (reader, _):
            with pytest.raises(PeerAlert) as refusal:
                await reader.read()
            assert refusal.value.alert == AlertDescription.CERTIFICATE_REQUIRED

    run(test())


def test_a_server_learns_why_it_is_refused(run: Run) -> None:
    async def test() -> None:
        failures: asyncio.Queue[aio.HandshakeFailure] = asyncio.Queue()
        async with serving(on_handshake_failure=failures.put_nowait) as server:
            with pytest.raises(ProtocolError):
                async with connected(server, server_name="someone.else.example"):
                    pass
            refusal = (await failures.get()).error
        assert isinstance(refusal, PeerAlert)
        assert refusal.alert == AlertDescription.BAD_CERTIFICATE

    run(test())


def test_a_peer_that_leaves_during_the_handshake(run: Run) -> None:
    async def test() -> None:
        near, far = tcp_pair()
        far.close()
        with pytest.raises((TruncatedError, ConnectionError)):
            await aio.open_connection(sock=near, config=client_config(), server_name="x.example")

    run(test())


def test_a_handshake_may_be_given_up(run: Run) -> None:
    async def test() -> None:
        near, far = tcp_pair()
        with far:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await aio.open_connection(sock=near, config=client_config(), server_name="x.example")
            assert await asyncio.to_thread(read_all, far) != b""

    run(test())


def test_a_client_must_know_whom_to_reach(run: Run) -> None:
    async def test() -> None:
        near, far = tcp_pair()
        with near, far, pytest.raises(ConfigError, match="server_name"):
            await aio.open_connection(sock=near, config=client_config())
        with pytest.raises(ConfigError, match="host and a port"):
            await aio.open_connection("localhost", config=client_config())

    run(test())


# STARTTLS.


@asynccontextmanager
async def plain_pair() -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    near, far = tcp_pair()
    pair = [await asyncio.open_connection(sock=sock) for sock in (near, far)]
    yield pair
    for _, writer in pair:
        writer.transport.abort()


def test_start_tls_in_the_middle_of_a_conversation(run: Run) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"STARTTLS\r\n"
        writer.write(b"220 go ahead\r\n")
        await echo(*await aio.start_tls(reader, writer, server_config()))

    async def test() -> None:
        async with plain_pair() as ((reader, writer), far):
            serving = asyncio.create_task(serve(*far))
            writer.write(b"STARTTLS\r\n")
            assert await reader.readline() == b"220 go ahead\r\n"
            secure, out = await aio.start_tls(reader, writer, client_config(), server_name="localhost")
            del reader, writer
            out.write(b"EHLO")
            out.write_eof()
            assert await secure.read() == b"EHLO"
            await serving

    run(test())


def test_start_tls_refuses_what_was_sent_in_the_clear(run: Run) -> None:
    """A command behind STARTTLS in the same packet could be anybody's (CVE-2011-0411)."""

    async def test() -> None:
        async with plain_pair() as ((_, writer), (reader, answer)):
            writer.write(b"STARTTLS\r\nMAIL FROM:<mallory@example.org>\r\n")
            assert await reader.readline() == b"STARTTLS\r\n"
            with pytest.raises(ClosedError, match="in the clear"):
                await aio.start_tls(reader, answer, server_config())

    run(test())


def test_tls_within_tls(run: Run) -> None:
    async def serve(reader: TLSStreamReader, writer: TLSStreamWriter) -> None:
        assert await reader.readline() == b"CONNECT\r\n"
        writer.write(b"200\r\n")
        await echo(*await aio.start_tls(reader, writer, server_config("inner.example")))

    async def test() -> None:
        async with serving(serve) as server:
            reader, writer = await aio.open_connection("localhost", port_of(server), config=client_config())
            writer.write(b"CONNECT\r\n")
            assert await reader.readline() == b"200\r\n"
            inner, out = await aio.start_tls(reader, writer, client_config(), server_name="inner.example")
            out.write(BULK[: 1 << 20])
            assert await inner.readexactly(1 << 20) == BULK[: 1 << 20]
            assert out.negotiated is not None
            assert out.negotiated.server_name == "inner.example"
            out.close()
            await out.wait_closed()

    run(test())


def test_start_tls_must_know_who_is_who(run: Run) -> None:
    async def test() -> None:
        async with plain_pair() as (near, _):
            with pytest.raises(ConfigError):
                await aio.start_tls(*near, client_config())
            with pytest.raises(ConfigError):
                await aio.start_tls(*near, server_config(), server_name="localhost")

    run(test())


# Against the standard library.


def test_a_client_of_the_standard_library(run: Run) -> None:
    async def test() -> None:
        async with serving() as server:
            reader, writer = await asyncio.open_connection("localhost", port_of(server), ssl=ssl_client())
            writer.write(BULK[: 1 << 20])
            assert await reader.readexactly(1 << 20) == BULK[: 1 << 20]
            writer.close()
            await writer.wait_closed()

    run(test())


def test_a_server_of_the_standard_library(run: Run, tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1 << 20))
        writer.close()

    async def test() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ssl_server(tmp_path))
        reader, writer = await aio.open_connection("localhost", port_of(server), config=client_config())
        writer.write(BULK[: 1 << 20])
        assert await reader.read() == BULK[: 1 << 20]
        writer.close()
        await writer.wait_closed()
        server.close()

    run(test())


# Servers.


def test_a_server_ends_like_any_other(run: Run) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            server = await aio.start_server(echo, config=server_config(), sock=sock)
            assert server.get_loop() is asyncio.get_running_loop()
            await server.start_serving()
            assert server.is_serving()
            async with connected(server) as (_, writer):
                writer.close()
                await writer.wait_closed()
            serving = asyncio.create_task(server.serve_forever())
            await asyncio.sleep(0)
            serving.cancel()
            await asyncio.wait([serving], timeout=PATIENCE)
            await server.wait_closed()
            assert not server.is_serving()

    run(test())


def test_a_server_closes_its_clients(run: Run) -> None:
    async def test() -> None:
        accepted, over_tcp = Accepted(), asyncio.Semaphore(0)

        def new_observer() -> Callable[[Trace], None]:
            over_tcp.release()
            return lambda _trace: None

        async with serving(accepted, new_observer=new_observer) as server, connected(server) as (reader, _):
            _, far = await accepted.one()
            silent, silent_writer = await asyncio.open_connection("127.0.0.1", port_of(server))  # shakes no hands
            for _ in range(2):
                await over_tcp.acquire()
            far.write(b"to the end")
            server.close_clients()
            assert await reader.read() == b"to the end"  # and close_notify, or this would be TruncatedError
            await silent.read()
            silent_writer.close()
            await far.wait_closed()

    run(test())


def test_handshakes_that_a_server_gives_up_end_once(run: Run) -> None:
    async def test() -> None:
        failures: list[Exception] = []
        async with serving(
            handshake_timeout=0.05, on_handshake_failure=lambda failure: failures.append(failure.error)
        ) as server:
            silent, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            while not server.clients:  # noqa: ASYNC110 - nothing tells when a connection over TCP is there
                await asyncio.sleep(0)
            server.close_clients()
            await silent.read()
            await asyncio.sleep(0.1)  # beyond the handshake's timeout
            assert [type(error) for error in failures] == [ConnectionAbortedError]
            writer.close()

    run(test())


def test_a_server_aborts_its_clients(run: Run) -> None:
    async def test() -> None:
        accepted = Accepted()
        async with serving(accepted) as server, connected(server) as (reader, _):
            _, far = await accepted.one()
            server.abort_clients()
            with pytest.raises((TruncatedError, OSError)):
                await reader.read()
            with contextlib.suppress(TLSError, OSError):
                await far.wait_closed()
            assert not server.clients  # who has gone is not there any more

    run(test())
