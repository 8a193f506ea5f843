from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.streams import run, served, talk
from turtls.web.http import Exchange, Limits


async def hello(exchange: Exchange) -> None:
    await exchange.respond(200, exchange.request.path.encode(), "text/plain")


async def mirror(exchange: Exchange) -> None:
    body = b""
    while data := await exchange.read():
        body += data
    await exchange.respond(200, body, "application/octet-stream")


def bodies(answers: bytes) -> list[bytes]:
    """The bodies of answers that all have a Content-Length."""
    found = []
    while answers:
        head, _, answers = answers.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        found.append(answers[:length])
        answers = answers[length:]
    return found


def test_requests_on_one_connection_are_answered_in_order() -> None:
    async def scenario() -> bytes:
        async with served(hello) as port:
            return await talk(
                port,
                b"GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n"
                b"GET /two?query HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            )

    answers = run(scenario())
    assert answers.count(b"HTTP/1.1 200") == 2
    assert bodies(answers) == [b"/one", b"/two"]
    assert b"\r\ndate: " in answers


def test_a_target_with_a_host_in_it_is_taken_apart() -> None:
    async def authority(exchange: Exchange) -> None:
        await exchange.respond(200, f"{exchange.request.authority} {exchange.request.target}".encode(), "text/plain")

    async def scenario() -> bytes:
        async with served(authority) as port:
            request = b"GET https://example.org/a?b HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n"
            return await talk(port, request)

    assert bodies(run(scenario())) == [b"example.org /a?b"]


def test_the_answer_to_head_has_no_body() -> None:
    async def scenario() -> bytes:
        async with served(hello) as port:
            return await talk(port, b"HEAD /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    answer = run(scenario())
    assert b"content-length: 2\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_chunked_body_is_read_whole() -> None:
    async def scenario() -> bytes:
        async with served(mirror) as port:
            return await talk(
                port,
                b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
            )

    assert bodies(run(scenario())) == [b"abcdefg"]


def test_a_client_that_waits_for_100_continue_gets_it_when_its_body_is_wanted() -> None:
    async def scenario() -> tuple[bytes, bytes]:
        async with served(mirror) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            first = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"body")
            second = await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(4)
            writer.close()
            return first, second

    first, second = run(scenario())
    assert first.startswith(b"HTTP/1.1 100")
    assert second.startswith(b"HTTP/1.1 200")
    assert second.endswith(b"body")


def test_a_short_body_that_nobody_reads_does_not_cost_the_connection() -> None:
    async def scenario() -> bytes:
        async with served(hello) as port:
            return await talk(
                port,
                b"POST /one HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345"
                b"GET /two HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            )

    assert bodies(run(scenario())) == [b"/one", b"/two"]


def test_a_long_body_that_nobody_reads_ends_the_connection() -> None:
    async def scenario() -> bytes:
        async with served(hello, limits=Limits(unread_body=1000)) as port:
            body = b"GET /two HTTP/1.1\r\nHost: h\r\n\r\n" * 300_000
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /one HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            answer = await reader.readuntil(b"/one")
            with pytest.raises(ConnectionError):
                await asyncio.gather(writer.drain(), writer.wait_closed(), _read_to_the_end(reader))
            return answer

    assert run(scenario()).count(b"HTTP/1.1 200") == 1


async def _read_to_the_end(reader: asyncio.StreamReader) -> None:
    if not await reader.read():
        raise ConnectionError


def test_a_head_that_is_too_long_is_refused() -> None:
    async def scenario() -> bytes:
        async with served(hello, limits=Limits(head=2000)) as port:
            return await talk(port, b"GET / HTTP/1.1\r\nHost: h\r\nX-Long: " + b"x" * 5000 + b"\r\n")

    assert run(scenario()).startswith(b"HTTP/1.1 431")


def test_who_sends_a_head_too_slowly_is_cut_off() -> None:
    async def scenario() -> bytes:
        async with served(hello, limits=Limits(head_seconds=0.05)) as port:
            return await talk(port, b"GET / HT")

    assert run(scenario()) == b""


def test_who_announces_a_body_and_stalls_is_cut_off() -> None:
    async def scenario() -> bytes:
        async with served(mirror, limits=Limits(stall_seconds=0.05)) as port:
            return await talk(port, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")

    assert run(scenario()) == b""


def test_who_sends_a_byte_of_a_body_now_and_then_is_cut_off() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async def scenario() -> None:
        limits = Limits(stall_seconds=0.1, slowest=10**6)
        async with served(mirror, limits=limits) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
            with pytest.raises(ConnectionError):
                await drip(writer)

    run(scenario())


def test_who_does_not_take_an_answer_is_cut_off() -> None:
    stalled = asyncio.Event()

    async def endless(exchange: Exchange) -> None:
        await exchange.start(200, [(b"content-type", b"text/plain")])
        try:
            while True:
                await exchange.write(bytes(2**20))
        finally:
            stalled.set()

    async def scenario() -> None:
        async with served(endless, limits=Limits(stall_seconds=0.05)) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await stalled.wait()
            writer.close()

    run(scenario())


def test_a_handler_that_fails_makes_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(exchange: Exchange) -> None:
        raise ZeroDivisionError

    async def scenario() -> bytes:
        async with served(broken) as port:
            return await talk(port, b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")

    assert run(scenario()).startswith(b"HTTP/1.1 500")
    assert "GET /x failed" in caplog.text


def test_a_broken_chunk_is_refused() -> None:
    async def scenario() -> bytes:
        async with served(mirror) as port:
            return await talk(port, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n")

    assert run(scenario()).startswith(b"HTTP/1.1 400")


def test_after_an_upgrade_the_bytes_are_the_other_protocols() -> None:
    async def upgraded(exchange: Exchange) -> None:
        assert exchange.request.upgrade == "rot13"
        await exchange.accept_upgrade([])
        while data := await exchange.read():
            await exchange.write(data.upper())
        await exchange.finish()

    async def scenario() -> bytes:
        async with served(upgraded) as port:
            request = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: rot13\r\n\r\nfirst "
            return await talk(port, request + b"second", eof=True)

    head, _, rest = run(scenario()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    assert b"upgrade: rot13" in head
    assert rest == b"FIRST SECOND"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_is_sent_ends_the_connection_in_order(garbage: bytes) -> None:
    async def scenario() -> bytes:
        async with served(mirror) as port:
            return await talk(port, garbage + b"\r\n\r\n", eof=True)

    answer = run(scenario())
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
