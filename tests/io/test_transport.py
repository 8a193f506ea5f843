"""The transport as protocols see it, over asyncio's own loop and over uvloop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.io.conftest import Run
from tests.io.parties import client_config, server_config
from turtls import aio
from turtls.connection import ClientConnection
from turtls.errors import ClosedError, Fault, PeerAlert, ProtocolError
from turtls.io import limits


class Recorder(asyncio.Protocol):
    """Remembers what it was told, and lets a test wait for it."""

    transport: aio.TLSTransport

    def __init__(self, keep_open: bool = True) -> None:
        self.calls: list[str] = []
        self.data = bytearray()
        self.error: Exception | None = None
        self._keep_open = keep_open
        self._told = asyncio.Event()

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self._told.set()

    async def told(self, call: str) -> None:
        await self.until(lambda: call in self.calls)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._told.clear()
            await self._told.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, aio.TLSTransport)
        self.transport = transport
        self._note("made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._note("data")

    def eof_received(self) -> bool:
        self._note("eof")
        return self._keep_open

    def pause_writing(self) -> None:
        self._note("pause")

    def resume_writing(self) -> None:
        self._note("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc
        self._note("lost")


class BufferedRecorder(asyncio.BufferedProtocol):
    """Takes what comes in small bites."""

    def __init__(self, size: int = 7) -> None:
        self.data = bytearray()
        self.lost = asyncio.get_running_loop().create_future()
        self._bite = bytearray(size)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._bite

    def buffer_updated(self, nbytes: int) -> None:
        self.data += self._bite[:nbytes]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


@asynccontextmanager
async def protocols(client: Any = None, server: Any = None) -> AsyncIterator[tuple[Any, Any]]:
    """Two protocols that are connected. Both are aborted in the end."""
    near, far = client or Recorder(), server or Recorder()
    served = asyncio.get_running_loop().create_future()

    def accept() -> asyncio.BaseProtocol:
        served.set_result(None)
        protocol: asyncio.BaseProtocol = far
        return protocol

    listening = await aio.create_server(accept, "127.0.0.1", 0, config=server_config())
    port = listening.sockets[0].getsockname()[1]
    transport, protocol = await aio.create_connection(lambda: near, "localhost", port, config=client_config())
    assert protocol is near
    assert transport.get_protocol() is near
    await served
    if isinstance(far, Recorder):
        await far.told("made")
    yield near, far
    transport.abort()
    if isinstance(near, Recorder) and isinstance(far, Recorder):
        far.transport.abort()
        await near.told("lost")
        await far.told("lost")
    listening.close()


def test_a_protocol_hears_everything_once_and_in_order(run: Run) -> None:
    async def test() -> None:
        async with protocols() as (near, far):
            near.transport.write(b"data")
            near.transport.write_eof()
            await far.told("eof")
            assert far.data == b"data"
            far.transport.close()
            far.transport.close()
            await near.told("eof")
            near.transport.close()
            await near.told("lost")
            await far.told("lost")
            assert near.calls == ["made", "eof", "lost"]
            assert far.calls == ["made", "data", "eof", "lost"]
            assert near.error is far.error is None

    run(test())


def test_who_does_not_want_half_a_connection_has_it_closed(run: Run) -> None:
    async def test() -> None:
        async with protocols(server=Recorder(keep_open=False)) as (near, far):
            near.transport.write_eof()
            await far.told("lost")
            await near.told("eof")
            assert far.calls == ["made", "eof", "lost"]

    run(test())


def test_a_buffered_protocol_gets_its_bites(run: Run) -> None:
    async def test() -> None:
        async with protocols(server=BufferedRecorder()) as (near, far):
            near.transport.write(bytes(range(100)))
            near.transport.close()
            assert await far.lost is None
            assert far.data == bytes(range(100))

    run(test())


def test_a_buffered_protocol_without_room_is_at_fault(run: Run) -> None:
    async def test() -> None:
        async with protocols(server=BufferedRecorder(0)) as (near, far):
            near.transport.write(b"x")
            assert isinstance(await far.lost, RuntimeError)

    run(test(), complaints=1)


def test_a_protocol_may_be_exchanged(run: Run) -> None:
    async def test() -> None:
        async with protocols() as (near, far):
            other = Recorder()
            far.transport.set_protocol(other)
            near.transport.write(b"for the other one")
            await other.told("data")
            assert "data" not in far.calls
            far.transport.set_protocol(far)

    run(test())


def test_who_pauses_reading_hears_nothing(run: Run) -> None:
    async def test() -> None:
        async with protocols() as (near, far):
            assert far.transport.is_reading()
            far.transport.pause_reading()
            assert not far.transport.is_reading()
            near.transport.write(b"data")
            near.transport.write_eof()
            far.transport.write(b"a round trip")
            await near.told("data")
            for _ in range(100):
                await asyncio.sleep(0)
            assert far.calls == ["made"]
            far.transport.resume_reading()
            await far.told("eof")
            assert far.calls == ["made", "data", "eof"]

    run(test())


class OneAtATime(Recorder):
    """Pauses reading whenever it hears something."""

    def _note(self, call: str) -> None:
        super()._note(call)
        if call == "data":
            self.transport.pause_reading()


def test_what_was_decrypted_already_is_held(run: Run) -> None:
    """One read brings data, a change of keys, data, and close_notify: each is told only when it is wanted."""

    async def test() -> None:
        async with protocols(server=OneAtATime()) as (near, far):
            connection: ClientConnection = near.transport.get_extra_info("tls")
            for _ in range(3):
                connection.send_data(b"data")
                connection.update_keys()
            near.transport.write_eof()
            for wanted in (1, 2, 3):
                await far.until(lambda wanted=wanted: far.calls.count("data") >= wanted)
                for _ in range(20):
                    await asyncio.sleep(0)
                assert far.calls == ["made"] + ["data"] * wanted
                far.transport.resume_reading()
                far.transport.pause_reading()
                far.transport.resume_reading()
            await far.told("eof")

    run(test())


FORGED = bytes([23, 3, 3, 0, 32]) + bytes(32)


def write_below(transport: aio.TLSTransport, data: bytes) -> None:
    """Write to the TCP connection behind the back of TLS."""
    with socket.fromfd(transport.get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.sendall(data)


def data_twice_and_a_forged_record(connection: ClientConnection) -> bytes:
    connection.send_data(b"good")
    connection.update_keys()
    connection.send_data(b"good")
    return connection.data_to_send() + FORGED


def test_what_came_before_a_fault_is_told_before_it(run: Run) -> None:
    async def test() -> None:
        async with protocols(server=OneAtATime()) as (near, far):
            write_below(near.transport, data_twice_and_a_forged_record(near.transport.get_extra_info("tls")))
            await near.told("lost")
            assert far.calls == ["made", "data"]
            far.transport.write(b"nobody hears this")
            far.transport.resume_reading()
            await far.until(lambda: far.calls == ["made", "data", "data"])
            far.transport.resume_reading()
            await far.told("lost")
            assert isinstance(far.error, ProtocolError)

    run(test())


def test_who_closes_hears_no_more_but_the_end(run: Run) -> None:
    async def test() -> None:
        async with protocols(server=OneAtATime()) as (near, far):
            write_below(near.transport, data_twice_and_a_forged_record(near.transport.get_extra_info("tls")))
            await near.told("lost")
            far.transport.close()
            await far.told("lost")
            assert far.calls == ["made", "data", "lost"]

    run(test())


class Failing(Recorder):
    """Fails when it hears something the second time."""

    def _note(self, call: str) -> None:
        super()._note(call)
        if call == "data":
            self.transport.pause_reading()
            if self.calls.count("data") == 2:
                raise LookupError


def test_a_protocol_that_fails_over_what_was_held_is_reported_and_cut_off(run: Run) -> None:
    async def test() -> None:
        async with protocols(server=Failing()) as (near, far):
            connection: ClientConnection = near.transport.get_extra_info("tls")
            for _ in range(2):
                connection.send_data(b"data")
                connection.update_keys()
            near.transport.write(b"")
            await far.told("data")
            far.transport.resume_reading()
            await far.told("lost")
            assert far.transport.is_closing()

    run(test(), complaints=1)


def test_a_protocol_that_fails_is_reported_and_cut_off(run: Run) -> None:
    class FailingAtOnce(Recorder):
        def data_received(self, data: bytes) -> None:
            raise LookupError

    async def test() -> None:
        async with protocols(server=FailingAtOnce()) as (near, far):
            near.transport.write(b"data")
            await far.told("lost")
            assert isinstance(far.error, LookupError)

    run(test(), complaints=1)


def test_a_writer_is_paused_and_resumed(run: Run) -> None:
    async def test() -> None:
        async with protocols() as (near, far):
            far.transport.pause_reading()
            near.transport.set_write_buffer_limits(high=4096, low=1024)
            assert near.transport.get_write_buffer_limits() == (1024, 4096)
            sent = 0
            while "pause" not in near.calls:
                near.transport.write(bytes(limits.WRITE_SIZE + 1))
                sent += limits.WRITE_SIZE + 1
            assert near.transport.get_write_buffer_size() > 4096
            far.transport.resume_reading()
            await near.told("resume")
            await far.until(lambda: len(far.data) == sent)

    run(test())


def test_nothing_is_written_behind_the_end(run: Run) -> None:
    async def test() -> None:
        async with protocols() as (near, far):
            near.transport.write_eof()
            with pytest.raises(ClosedError):
                near.transport.write(b"x")
            far.transport.close()
            far.transport.write(b"x")
            far.transport.write_eof()
            await near.told("eof")
            assert not near.data

    run(test())


def test_abort_is_a_cut(run: Run) -> None:
    async def test() -> None:
        async with protocols() as (near, far):
            near.transport.abort()
            await near.told("lost")
            await far.told("lost")
            assert near.error is None
            assert far.error is not None
            assert far.calls == ["made", "lost"]

    run(test())


def test_a_forged_record_ends_the_connection_for_both(run: Run) -> None:
    async def test() -> None:
        async with protocols() as (near, far):
            write_below(near.transport, FORGED)
            await far.told("lost")
            await near.told("lost")
            assert isinstance(far.error, ProtocolError)
            assert far.error.fault is Fault.BAD_RECORD_MAC
            assert isinstance(near.error, PeerAlert)
            assert far.calls == ["made", "lost"]

    run(test())
