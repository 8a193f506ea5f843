from __future__ import annotations

import asyncio

import pytest
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    RemoteSettingsChanged,
    StreamEnded,
    StreamReset,
)
from h2.settings import SettingCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.streams import Client2, run, served, talk
from turtls.web import http2
from turtls.web.http import Exchange, Limits

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


async def hello(exchange: Exchange) -> None:
    await exchange.respond(200, exchange.request.path.encode(), "text/plain")


async def mirror(exchange: Exchange) -> None:
    body = b""
    while data := await exchange.read():
        body += data
    await exchange.respond(200, body, "application/octet-stream")


def test_many_requests_at_a_time_are_answered() -> None:
    async def scenario() -> list[bytes]:
        async with served(hello, kind=http2.Connection) as port, Client2.connected(port) as client:
            streams = [client.ask(f"/{number}") for number in range(50)]
            return [(await client.answer(stream))[2] for stream in streams]

    assert run(scenario()) == [f"/{number}".encode() for number in range(50)]


def test_the_answer_to_head_has_no_body() -> None:
    async def scenario() -> tuple[int, dict[str, str], bytes]:
        async with served(hello, kind=http2.Connection) as port, Client2.connected(port) as client:
            return await client.answer(client.ask("/abc", method="HEAD"))

    status, headers, body = run(scenario())
    assert (status, headers["content-length"], body) == (200, "4", b"")


def test_a_body_larger_than_the_windows_goes_through_both_ways() -> None:
    body = bytes(range(256)) * 4096  # 1 MiB

    async def scenario() -> bytes:
        async with served(mirror, kind=http2.Connection) as port, Client2.connected(port) as client:
            stream = client.ask("/", method="POST", end=False)
            rest = body
            while rest:
                room = min(client.http.local_flow_control_window(stream), client.http.max_outbound_frame_size)
                if room == 0:
                    await client.flush()
                    for event in client.http.receive_data(await client.reader.read(65536)):
                        client.events.append(event)
                    continue
                client.http.send_data(stream, rest[:room])
                rest = rest[room:]
            client.http.end_stream(stream)
            return (await client.answer(stream))[2]

    assert run(scenario()) == body


def test_cookies_that_came_apart_are_put_together() -> None:
    async def cookies(exchange: Exchange) -> None:
        await exchange.respond(200, exchange.request.header(b"cookie") or b"", "text/plain")

    async def scenario() -> bytes:
        async with served(cookies, kind=http2.Connection) as port, Client2.connected(port) as client:
            stream = client.http.get_next_available_stream_id()
            head = [(":method", "GET"), (":scheme", "https"), (":authority", "h"), (":path", "/")]
            client.http.send_headers(stream, [*head, ("cookie", "a=1"), ("cookie", "b=2")], end_stream=True)
            return (await client.answer(stream))[2]

    assert run(scenario()) == b"a=1; b=2"


def test_a_reset_cancels_the_answer() -> None:
    started = asyncio.Event()
    cancelled = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def scenario() -> None:
        async with served(slow, kind=http2.Connection) as port, Client2.connected(port) as client:
            stream = client.ask("/")
            await client.flush()
            await started.wait()
            client.http.reset_stream(stream)
            await client.flush()
            await cancelled.wait()

    run(scenario())


def test_a_body_that_nobody_reads_is_refused_when_the_answer_is_there() -> None:
    async def scenario() -> tuple[int, ErrorCodes | int | None]:
        async with served(hello, kind=http2.Connection) as port, Client2.connected(port) as client:
            stream = client.ask("/", method="POST", end=False)
            client.http.send_data(stream, b"some of it")
            return await client.status(stream), (await client.until(StreamReset, stream)).error_code

    assert run(scenario()) == (200, ErrorCodes.NO_ERROR)


def test_rapid_resets_are_cut_off() -> None:
    async def scenario() -> ErrorCodes | int | None:
        limits = Limits(resets=20)
        async with served(hello, kind=http2.Connection, limits=limits) as port, Client2.connected(port) as client:
            for _ in range(25):
                client.http.reset_stream(client.ask("/"))
            return (await client.until(ConnectionTerminated)).error_code

    assert run(scenario()) == ErrorCodes.ENHANCE_YOUR_CALM


def test_a_flood_of_pings_is_cut_off() -> None:
    async def scenario() -> ErrorCodes | int | None:
        limits = Limits(useless_frames=100)
        async with served(hello, kind=http2.Connection, limits=limits) as port, Client2.connected(port) as client:
            for number in range(200):
                client.http.ping(number.to_bytes(8, "big"))
            return (await client.until(ConnectionTerminated)).error_code

    assert run(scenario()) == ErrorCodes.ENHANCE_YOUR_CALM


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def verdict_on(flood: bytes, limits: Limits) -> ErrorCodes | int | None:
    """How the server ends a connection with one request whose body was begun, and then these bytes."""

    async def scenario() -> ErrorCodes | int | None:
        async with served(mirror, kind=http2.Connection, limits=limits) as port, Client2.connected(port) as client:
            client.ask("/", method="POST", end=False)
            client.writer.write(client.http.data_to_send() + flood)
            return (await client.until(ConnectionTerminated)).error_code

    return run(scenario())


@pytest.mark.parametrize(
    "useless",
    [
        pytest.param(frame(0, 1), id="DATA with nothing in it"),
        pytest.param(frame(2, 1, bytes(5)), id="PRIORITY"),
        pytest.param(frame(4, 0), id="SETTINGS"),
        pytest.param(frame(8, 0, b"\0\0\0\1"), id="WINDOW_UPDATE"),
        pytest.param(frame(66, 1), id="unknown"),
    ],
)
def test_floods_of_other_frames_are_cut_off(useless: bytes) -> None:
    assert verdict_on(useless * 200, Limits(useless_frames=100)) == ErrorCodes.ENHANCE_YOUR_CALM


def test_resets_that_the_server_is_made_to_send_count_too() -> None:
    """MadeYouReset: a window that overflows makes it reset the stream, and another request may begin."""

    async def scenario() -> ErrorCodes | int | None:
        limits = Limits(resets=20)
        async with served(hello, kind=http2.Connection, limits=limits) as port, Client2.connected(port) as client:
            for _ in range(25):
                overflow = frame(8, client.ask("/", method="POST", end=False), b"\x7f\xff\xff\xff")
                client.writer.write(client.http.data_to_send() + overflow)
            return (await client.until(ConnectionTerminated)).error_code

    assert run(scenario()) == ErrorCodes.ENHANCE_YOUR_CALM


@pytest.mark.parametrize("length", [0, 1])
def test_a_head_that_goes_on_for_ever_is_cut_off(length: int) -> None:
    """CONTINUATION frames, with and without anything in them."""
    flood = frame(1, 3) + frame(9, 3, b"\x82" * length) * 200
    assert verdict_on(flood, Limits()) in (ErrorCodes.PROTOCOL_ERROR, ErrorCodes.ENHANCE_YOUR_CALM)


def test_a_small_head_that_unfolds_into_a_large_one_is_refused() -> None:
    """HPACK's table: a name and value of 2 KiB, sent once and then repeated by one byte each."""
    first = b"\x40\x01x\x7f\xf1\x0e" + bytes([ord("v")]) * 2032
    assert verdict_on(frame(1, 3, first + b"\xbe" * 1000, flags=5), Limits()) == ErrorCodes.ENHANCE_YOUR_CALM


def test_the_limits_are_announced() -> None:
    async def scenario() -> RemoteSettingsChanged:
        limits = Limits(streams=7, head=5000)
        async with served(hello, kind=http2.Connection, limits=limits) as port, Client2.connected(port) as client:
            return await client.until(RemoteSettingsChanged)

    changed = {code: change.new_value for code, change in run(scenario()).changed_settings.items()}
    assert changed[SettingCodes.MAX_CONCURRENT_STREAMS] == 7
    assert changed[SettingCodes.MAX_HEADER_LIST_SIZE] == 5000
    assert changed[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1


def test_an_idle_connection_is_ended_with_goaway() -> None:
    async def scenario() -> ErrorCodes | int | None:
        limits = Limits(head_seconds=0.05)
        async with served(hello, kind=http2.Connection, limits=limits) as port, Client2.connected(port) as client:
            return (await client.until(ConnectionTerminated)).error_code

    assert run(scenario()) == ErrorCodes.NO_ERROR


def test_a_window_that_never_opens_ends_the_request() -> None:
    async def large(exchange: Exchange) -> None:
        await exchange.respond(200, bytes(100), "text/plain")

    async def scenario() -> ErrorCodes | int | None:
        limits = Limits(stall_seconds=0.05)
        async with served(large, kind=http2.Connection, limits=limits) as port, Client2.connected(port) as client:
            client.opens_windows = False
            client.http.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10})
            stream = client.ask("/")
            return (await client.until(StreamReset, stream)).error_code

    assert run(scenario()) == ErrorCodes.INTERNAL_ERROR


def test_a_body_that_comes_a_byte_now_and_then_ends_the_request() -> None:
    async def scenario() -> ErrorCodes | int | None:
        limits = Limits(stall_seconds=0.1, slowest=10**6)
        async with served(mirror, kind=http2.Connection, limits=limits) as port, Client2.connected(port) as client:
            stream = client.ask("/", method="POST", end=False)
            reset = asyncio.ensure_future(client.until(StreamReset, stream))
            while not reset.done():
                client.http.send_data(stream, b"x")
                await client.flush()
                await asyncio.sleep(0.01)
            return (await reset).error_code

    assert run(scenario()) == ErrorCodes.INTERNAL_ERROR


def test_a_window_that_opens_by_a_byte_now_and_then_ends_the_request() -> None:
    async def large(exchange: Exchange) -> None:
        await exchange.respond(200, bytes(10**6), "text/plain")

    async def scenario() -> ErrorCodes | int | None:
        limits = Limits(stall_seconds=0.1, slowest=10**6)
        async with served(large, kind=http2.Connection, limits=limits) as port, Client2.connected(port) as client:
            client.opens_windows = False
            client.http.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10})
            stream = client.ask("/")
            reset = asyncio.ensure_future(client.until(StreamReset, stream))
            while not reset.done():
                client.http.increment_flow_control_window(1, stream)
                await client.flush()
                await asyncio.sleep(0.01)
            return (await reset).error_code

    assert run(scenario()) == ErrorCodes.INTERNAL_ERROR


def test_a_handler_that_fails_makes_a_500_and_spares_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async def half_broken(exchange: Exchange) -> None:
        if exchange.request.path == "/broken":
            raise ZeroDivisionError
        await hello(exchange)

    async def scenario() -> tuple[int, int]:
        async with served(half_broken, kind=http2.Connection) as port, Client2.connected(port) as client:
            broken, sound = client.ask("/broken"), client.ask("/sound")
            return (await client.answer(broken))[0], (await client.answer(sound))[0]

    assert run(scenario()) == (500, 200)
    assert "/broken failed" in caplog.text


def test_an_extended_connect_becomes_a_tunnel() -> None:
    async def upper(exchange: Exchange) -> None:
        assert (exchange.request.method, exchange.request.upgrade) == ("CONNECT", "websocket")
        await exchange.accept_upgrade([])
        while data := await exchange.read():
            await exchange.write(data.upper())
        await exchange.finish()

    async def scenario() -> tuple[int, dict[str, str], bytes]:
        async with served(upper, kind=http2.Connection) as port, Client2.connected(port) as client:
            await client.until(RemoteSettingsChanged)
            stream = client.http.get_next_available_stream_id()
            head = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat")]
            client.http.send_headers(stream, [*head, (":authority", "h")])
            client.http.send_data(stream, b"hello")
            client.http.end_stream(stream)
            await client.until(StreamEnded, stream)
            return await client.answer(stream)

    status, _, body = run(scenario())
    assert (status, body) == (200, b"HELLO")


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_whatever_is_sent_ends_the_connection_in_order(garbage: bytes, after_preface: bool) -> None:
    async def scenario() -> bytes:
        async with served(mirror, kind=http2.Connection) as port:
            return await talk(port, (PREFACE if after_preface else b"") + garbage, eof=True)

    answer = run(scenario())
    assert answer[3:4] == b"\4"  # a SETTINGS frame is the first thing that a server sends
