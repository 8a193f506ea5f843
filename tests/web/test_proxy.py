from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from h2.events import DataReceived, RemoteSettingsChanged, ResponseReceived, StreamReset

from tests.web.streams import Client2, run, served, talk
from turtls.errors import ConfigError
from turtls.web import http2
from turtls.web.proxy import Upstream

Application = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CLOSE = "Connection: close"


@asynccontextmanager
async def application(serve: Application) -> AsyncIterator[str]:
    """An application that a proxy can be put before; gives its URL."""

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def answers(answer: bytes) -> Application:
    """An application that answers everything with that."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    return serve


async def show_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An application that answers with the request as it came."""
    head = await reader.readuntil(b"\r\n\r\n")
    body = b""
    if b"transfer-encoding: chunked" in head.lower():
        while not body.endswith(b"0\r\n\r\n"):
            body += await reader.read(1000)
    elif b"content-length" in head.lower():
        body = await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
    shown = head + body
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(shown) + shown)


def ask(app: Application, *lines: str, body: bytes = b"", prefix: str = "") -> bytes:
    """What the proxy answers over HTTP/1.1."""

    async def scenario() -> bytes:
        async with application(app) as url, served(Upstream(url + prefix)) as port:
            return await talk(port, "\r\n".join([*lines, CLOSE, "", ""]).encode() + body)

    return run(scenario())


def shown(answer: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """The request that `show_request` saw: its first line, headers, body."""
    seen = answer.partition(b"\r\n\r\n")[2]
    head, _, body = seen.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    return first, {name.lower(): value for name, value in (field.split(b": ", 1) for field in fields)}, body


def test_the_application_learns_who_asks_and_how() -> None:
    first, headers, _ = shown(ask(show_request, "GET /a?b=c HTTP/1.1", "Host: example.org:8443", "X-Own: 1"))
    assert first == b"GET /a?b=c HTTP/1.1"
    assert headers[b"host"] == b"example.org:8443"
    assert headers[b"x-forwarded-for"] == b"192.0.2.7"
    assert headers[b"x-forwarded-proto"] == b"https"
    assert headers[b"x-forwarded-host"] == b"example.org:8443"
    assert headers[b"forwarded"] == b'for=192.0.2.7;proto=https;host="example.org:8443"'
    assert headers[b"via"] == b"1.1 turtls"
    assert headers[b"x-own"] == b"1"


def test_what_a_visitor_claims_about_who_asks_is_not_passed_on() -> None:
    claims = ("X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1", "X-Forwarded-Proto: http")
    answer = ask(show_request, "GET / HTTP/1.1", "Host: h", *claims)
    assert b"10.0.0.1" not in answer
    assert shown(answer)[1][b"x-forwarded-proto"] == b"https"


@pytest.mark.parametrize(
    "name", ["X_Forwarded_For", "X-Forwarded_For", "X-Forwarded-Port", "X-Real-IP", "X_Real_IP", "Proxy", "proxy"]
)
def test_nor_is_a_claim_that_an_application_could_take_for_the_proxys(name: str) -> None:
    assert b"10.0.0.1" not in ask(show_request, "GET / HTTP/1.1", "Host: h", f"{name}: 10.0.0.1")


def test_dots_lead_nowhere_without_a_prefix() -> None:
    assert shown(ask(show_request, "GET /a/../b HTTP/1.1", "Host: h"))[0] == b"GET /a/../b HTTP/1.1"
    first, _, _ = shown(ask(show_request, "GET /a..b;..?c=/../ HTTP/1.1", "Host: h", prefix="/p"))
    assert first.startswith(b"GET /p/a..b;..")


def test_headers_about_the_connection_are_not_passed_on() -> None:
    async def chatty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x-secret, close\r\nX-Secret: 1\r\n"
            b"Keep-Alive: timeout=5\r\nX-Open: 1\r\n\r\nok"
        )

    answer = ask(chatty, "GET / HTTP/1.1", "Host: h").lower()
    assert b"x-open: 1" in answer
    assert b"x-secret" not in answer
    assert b"keep-alive" not in answer

    request = ("GET / HTTP/1.1", "Host: h", "Connection: x-hop", "X-Hop: 1", "TE: trailers", "Upgrade: h2c")
    _, headers, _ = shown(ask(show_request, *request))
    assert headers.keys().isdisjoint({b"x-hop", b"te", b"upgrade"})


def test_a_prefix_of_the_applications_address_is_put_before_the_path() -> None:
    assert shown(ask(show_request, "GET /b HTTP/1.1", "Host: h", prefix="/a/"))[0] == b"GET /a/b HTTP/1.1"


def test_bodies_are_passed_on_with_a_length_and_without() -> None:
    _, _, body = shown(ask(show_request, "POST / HTTP/1.1", "Host: h", "Content-Length: 4", body=b"data"))
    assert body == b"data"
    chunked = ("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked")
    _, headers, body = shown(ask(show_request, *chunked, body=b"4\r\ndata\r\n0\r\n\r\n"))
    assert headers[b"transfer-encoding"] == b"chunked"
    assert body == b"4\r\ndata\r\n0\r\n\r\n"


def test_an_http2_request_without_a_length_is_passed_on_chunked() -> None:
    async def scenario() -> bytes:
        async with (
            application(show_request) as url,
            served(Upstream(url), kind=http2.Connection) as port,
            Client2.connected(port) as client,
        ):
            stream = client.ask("/x", method="POST", end=False, accept="*/*")
            client.http.send_data(stream, b"data", end_stream=True)
            return (await client.answer(stream))[2]

    seen = run(scenario())
    assert seen.startswith(b"POST /x HTTP/1.1\r\nhost: localhost\r\n")
    assert b"via: 2 turtls" in seen
    assert seen.endswith(b"4\r\ndata\r\n0\r\n\r\n")


def test_a_length_that_is_named_as_about_the_connection_does_not_lose_the_body() -> None:
    request = ("POST / HTTP/1.1", "Host: h", "Content-Length: 5", "Connection: content-length")
    _, headers, body = shown(ask(show_request, *request, body=b"hello"))
    assert headers[b"transfer-encoding"] == b"chunked"
    assert body == b"5\r\nhello\r\n0\r\n\r\n"


def test_two_lengths_of_one_body_are_refused() -> None:
    request = ("POST / HTTP/1.1", "Host: h", "Content-Length: 3", "Transfer-Encoding: chunked")
    assert ask(show_request, *request, body=b"5\r\nhello\r\n0\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "target",
    [
        "-internal/",
        "@elsewhere",
        "mailto:nobody",
        "/../x",
        "/a/../../x",
        "/%2e%2E/x",
        "/..%2fx",
        "/..%5cx",
        "/..",
        "/..;/x",
        "/..;a=b/x",
        "/..%3b/x",
    ],
)
def test_a_target_cannot_lead_out_of_the_prefix(target: str) -> None:
    answer = ask(show_request, f"GET {target} HTTP/1.1", "Host: h", prefix="/app")
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("pseudo", "fields", "status"),
    [
        ({b":path": b"/a b"}, [], 400),
        ({b":path": b"http://elsewhere/"}, [], 400),
        ({b":path": b"/\x80"}, [], 400),
        ({b":method": b"GE T"}, [], 400),
        ({}, [(b"x(y", b"z")], 400),
        ({}, [(b"content-length", b"5")], 502),  # and no body
    ],
)
def test_an_http2_request_that_cannot_be_one_of_http1_is_refused(
    pseudo: dict[bytes, bytes], fields: list[tuple[bytes, bytes]], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    head = {b":method": b"GET", b":scheme": b"https", b":authority": b"h", b":path": b"/"} | pseudo

    async def scenario() -> int:
        async with (
            application(show_request) as url,
            served(Upstream(url), kind=http2.Connection) as port,
            Client2.connected(port) as client,
        ):
            client.http.config.validate_outbound_headers = False
            stream = client.http.get_next_available_stream_id()
            client.http.send_headers(stream, [*head.items(), *fields], end_stream=True)
            return await client.status(stream)

    assert run(scenario()) == status
    assert not [record for record in caplog.records if record.name.startswith("turtls")]


def test_an_answer_streams_while_the_request_is_still_sent() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while chunk := int(await reader.readline(), 16):
            data = await reader.readexactly(chunk)
            await reader.readline()
            writer.write(b"%x\r\n%s\r\n" % (len(data), data.upper()))
        writer.write(b"0\r\n\r\n")

    async def scenario() -> list[bytes]:
        async with (
            application(echo) as url,
            served(Upstream(url), kind=http2.Connection) as port,
            Client2.connected(port) as client,
        ):
            stream = client.ask("/", method="POST", end=False)
            heard = []
            for word in (b"one", b"two", b"three"):
                client.http.send_data(stream, word)
                heard.append((await client.until(DataReceived, stream)).data)
                client.events.clear()
            client.http.end_stream(stream)
            await client.flush()
            return heard

    assert run(scenario()) == [b"ONE", b"TWO", b"THREE"]


def test_an_answer_that_only_ends_with_its_connection_is_whole() -> None:
    assert ask(answers(b"HTTP/1.0 200 OK\r\n\r\nall of it"), "GET / HTTP/1.1", "Host: h").endswith(
        b"all of it\r\n0\r\n\r\n"
    )


def test_interim_answers_are_left_out() -> None:
    both = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    assert ask(answers(both), "GET / HTTP/1.1", "Host: h").startswith(b"HTTP/1.1 204")


def test_an_application_that_is_not_there_makes_a_502() -> None:
    async def scenario() -> bytes:
        async with served(Upstream("http://127.0.0.1:1")) as port:
            return await talk(port, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")

    answer = run(scenario())
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"cannot be reached" in answer


@pytest.mark.parametrize("nonsense", [b"", b"220 smtp.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\nbroken"])
def test_an_application_that_does_not_speak_http_makes_a_502(nonsense: bytes) -> None:
    assert ask(answers(nonsense), "GET / HTTP/1.1", "Host: h").startswith(b"HTTP/1.1 502")


def test_an_application_that_does_not_answer_makes_a_504() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def scenario() -> bytes:
        async with application(silent) as url, served(Upstream(url, answer_seconds=0.05)) as port:
            return await talk(port, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")

    assert run(scenario()).startswith(b"HTTP/1.1 504")


def test_an_answer_that_breaks_off_does_not_look_whole() -> None:
    async def scenario() -> int | None:
        half = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        async with (
            application(half) as url,
            served(Upstream(url), kind=http2.Connection) as port,
            Client2.connected(port) as client,
        ):
            stream = client.ask("/")
            await client.until(ResponseReceived, stream)
            return (await client.until(StreamReset, stream)).error_code

    assert run(scenario()) != 0


def test_a_visitor_who_leaves_ends_the_request_to_the_application() -> None:
    gone = asyncio.Event()

    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    async def scenario() -> None:
        async with (
            application(patient) as url,
            served(Upstream(url), kind=http2.Connection) as port,
            Client2.connected(port) as client,
        ):
            stream = client.ask("/")
            await client.flush()
            await asyncio.sleep(0.05)
            client.http.reset_stream(stream)
            await client.flush()
            await gone.wait()

    run(scenario())


def test_a_visitor_who_does_not_read_makes_the_application_wait() -> None:
    """What the operating system and the proxy keep is bounded, so this comes to a stand."""
    turns, block = 1000, 1 << 20
    written = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(block))
            await writer.drain()
            written += block

    async def scenario() -> None:
        async with application(pour) as url, served(Upstream(url)) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            for _ in range(turns):
                await asyncio.sleep(0)
            assert 0 < written < 32 * block
            writer.transport.abort()

    run(scenario())


async def websocket(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An application whose WebSocket says everything back in capitals."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"get /chat http/1.1")
    assert b"upgrade: websocket" in head
    assert b"sec-websocket-key: " in head
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: abc\r\nSec-WebSocket-Protocol: chat\r\n\r\nwelcome "
    )
    while data := await reader.read(1000):
        writer.write(data.upper())


def test_a_websocket_goes_through() -> None:
    async def scenario() -> bytes:
        async with application(websocket) as url, served(Upstream(url)) as port:
            request = (
                b"GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nhello"
            )
            return await talk(port, request, eof=True)

    head, _, rest = run(scenario()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    assert b"sec-websocket-accept: abc" in head
    assert rest == b"welcome HELLO"


def test_a_websocket_over_http2_goes_through() -> None:
    async def scenario() -> tuple[int, dict[str, str], bytes]:
        async with (
            application(websocket) as url,
            served(Upstream(url), kind=http2.Connection) as port,
            Client2.connected(port) as client,
        ):
            await client.until(RemoteSettingsChanged)
            stream = client.http.get_next_available_stream_id()
            head = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat")]
            client.http.send_headers(stream, [*head, (":authority", "h"), ("sec-websocket-version", "13")])
            client.http.send_data(stream, b"hello", end_stream=True)
            return await client.answer(stream)

    status, headers, body = run(scenario())
    assert (status, body) == (200, b"welcome HELLO")
    assert headers["sec-websocket-protocol"] == "chat"
    assert "sec-websocket-accept" not in headers


def test_a_websocket_that_the_application_refuses_is_refused() -> None:
    refusal = answers(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    answer = ask(refusal, "GET /chat HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: websocket")
    assert answer.startswith(b"HTTP/1.1 403")
    assert answer.endswith(b"no")


def test_connect_is_refused() -> None:
    assert ask(show_request, "CONNECT example.org:443 HTTP/1.1", "Host: h").startswith(b"HTTP/1.1 405")


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1", "http://", "ftp://h", "http://h:99999", "http://h:x", "http://h/?a=b", "http://[::1"]
)
def test_an_address_that_cannot_be_an_application_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        Upstream(url)
