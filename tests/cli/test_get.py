from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

import turtls as tls
from tests.cli.commands import Turtls
from tests.cli.serving import Serving, serving
from tests.explain.handshakes import server_config
from turtls.cli.fetch import Timing
from turtls.cli.get import timing_bar
from turtls.io.tlssocket import TLSSocket

BODY = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "large").write_bytes(BODY)
    (folder / "hello.txt").write_text("hello\n")
    (folder / "with space é").write_text("found")
    (folder / "sub").mkdir()
    (folder / "sub" / "index.html").write_text("the index")
    with serving(tmp_path_factory.mktemp("home"), folder) as server:
        yield server


@contextmanager
def answering(serve: Callable[[TLSSocket], object]) -> Iterator[int]:
    """A server that does with each connection what `serve` does."""
    config = server_config()
    with tls.listen("127.0.0.1", 0, config) as listener:
        threading.Thread(target=listener.serve_forever, args=(serve,), daemon=True).start()
        yield listener.getsockname()[1]


def saying(answer: bytes) -> Callable[[TLSSocket], object]:
    def serve(connection: TLSSocket) -> None:
        connection.recv(10_000)
        connection.sendall(answer)

    return serve


@pytest.mark.parametrize(("offer", "protocol"), [([], "HTTP/2"), (["--http1"], "HTTP/1.1")])
def test_the_body_goes_to_stdout_and_the_times_to_stderr(
    turtls: Turtls, site: Serving, offer: list[str], protocol: str
) -> None:
    ended = turtls("get", site.url("/hello.txt"), "--ca", site.ca, *offer)
    assert (ended.code, ended.out) == (0, "hello\n")
    assert ended.err.startswith(f"200  {protocol}  TLS 1.3  X25519MLKEM768")
    for part in ("DNS", "TCP", "TLS", "first byte", "body", "total"):
        assert part in ended.err


def test_the_headers_come_before_the_body(turtls: Turtls, site: Serving) -> None:
    ended = turtls("get", "-i", site.url("/hello.txt"), "--ca", site.ca)
    head, _, body = ended.out.partition("\r\n\r\n")
    assert head.startswith("HTTP/2 200\r\n")
    assert "content-type: text/plain; charset=utf-8" in head
    assert body == "hello\n"


@pytest.mark.parametrize("offer", [[], ["--http1"]])
def test_a_large_body_is_saved_to_the_byte(turtls: Turtls, site: Serving, tmp_path: Path, offer: list[str]) -> None:
    file = tmp_path / "saved"
    ended = turtls("get", site.url("/large"), "--ca", site.ca, "-o", file, *offer)
    assert (ended.code, ended.out) == (0, "")
    assert file.read_bytes() == BODY


def test_json(turtls: Turtls, site: Serving) -> None:
    ended = turtls("get", site.url("/hello.txt"), "--ca", site.ca, "--json")
    assert (ended.code, ended.err) == (0, "")
    plain = json.loads(ended.out)
    assert (plain["status"], plain["protocol"], plain["bytes"]) == (200, "HTTP/2", 6)
    assert plain["negotiated"]["version"] == "TLS 1.3"
    assert set(plain["milliseconds"]) == {"dns", "tcp", "tls", "first_byte", "body", "total"}
    assert ["content-length", "6"] in plain["headers"]


def test_a_path_is_quoted_where_it_must_be(turtls: Turtls, site: Serving) -> None:
    assert turtls("get", site.url("/with space é"), "--ca", site.ca).out == "found"
    assert turtls("get", site.url("/with%20space%20%C3%A9"), "--ca", site.ca).out == "found"


def test_redirects_are_followed_only_where_asked(turtls: Turtls, site: Serving) -> None:
    plain = turtls("get", site.url("/sub"), "--ca", site.ca)
    assert (plain.code, plain.out) == (0, "")
    followed = turtls("get", "-L", site.url("/sub"), "--ca", site.ca)
    assert followed.out == "the index"
    assert "308, see https://localhost" in followed.err


def test_a_circle_of_redirects_ends(turtls: Turtls) -> None:
    circle = b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
    with answering(saying(circle)) as port:
        ended = turtls("get", "-L", f"https://localhost:{port}/", "--danger-accept-any", "--http1", "--json")
    assert json.loads(ended.out)["status"] == 302


def test_a_redirect_out_of_https_is_not_followed(turtls: Turtls) -> None:
    with answering(saying(b"HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n")) as port:
        ended = turtls("get", "-L", f"https://localhost:{port}/", "--danger-accept-any", "--http1")
    assert ended.code == 1
    assert "fetches https:// addresses" in ended.err


def test_an_error_is_an_exit_code(turtls: Turtls, site: Serving) -> None:
    ended = turtls("get", site.url("/missing"), "--ca", site.ca)
    assert ended.code == 1
    assert ended.err.startswith("404")


def test_who_is_not_trusted_is_not_asked(turtls: Turtls, site: Serving) -> None:
    ended = turtls("get", site.url("/hello.txt"))
    assert (ended.code, ended.out) == (3, "")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"this is not HTTP\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 1),
        (b"", 1),
    ],
)
def test_an_answer_that_is_none_or_breaks_off(turtls: Turtls, answer: bytes, code: int) -> None:
    with answering(saying(answer)) as port:
        ended = turtls("get", f"https://localhost:{port}/", "--danger-accept-any", "--http1", "-o", "saved")
    assert ended.code == code
    assert "not HTTP, or it broke off" in ended.err


def answering_by_http2(
    *events: Callable[[H2Connection], object], hangs_up: bool = True
) -> Callable[[TLSSocket], object]:
    """Takes one request, and answers it by these; then it, or the client, hangs up."""

    def serve(connection: TLSSocket) -> None:
        http = H2Connection(H2Configuration(client_side=False))
        http.initiate_connection()
        while not any(isinstance(event, StreamEnded) for event in http.receive_data(connection.recv(10_000))):
            pass
        for event in events:
            event(http)
        connection.sendall(http.data_to_send())
        while not hangs_up and connection.recv(10_000):
            pass
        connection.close()

    return serve


@pytest.mark.parametrize(
    "serve",
    [
        answering_by_http2(),
        answering_by_http2(lambda http: http.reset_stream(1, error_code=2)),
        answering_by_http2(lambda http: http.reset_stream(1, error_code=0), hangs_up=False),
        answering_by_http2(lambda http: http.close_connection(error_code=2)),
        answering_by_http2(lambda http: http.send_headers(1, [(":status", "200"), ("content-length", "10")])),
        saying(b"this is not HTTP/2"),
    ],
)
def test_an_answer_by_http2_that_is_none_or_breaks_off(turtls: Turtls, serve: Callable[[TLSSocket], object]) -> None:
    with answering(serve) as port:
        ended = turtls("get", f"https://localhost:{port}/", "--danger-accept-any", "-o", "saved")
    assert ended.code == 1
    assert "not HTTP, or it broke off" in ended.err


def test_what_comes_before_the_answer_is_passed_over(turtls: Turtls) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with answering(saying(hints)) as port:
        assert turtls("get", f"https://localhost:{port}/", "--danger-accept-any", "--http1").out == "ok"
    by_http2 = answering_by_http2(
        lambda http: http.send_headers(1, [(":status", "103")]),
        lambda http: http.send_headers(1, [(":status", "200")]),
        lambda http: http.send_data(1, b"ok", end_stream=True),
    )
    with answering(by_http2) as port:
        assert turtls("get", f"https://localhost:{port}/", "--danger-accept-any").out == "ok"


def test_an_answer_that_is_cut_without_goodbye_is_not_taken_for_whole(turtls: Turtls) -> None:
    def cut(connection: TLSSocket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nperhaps not all of it")
        connection._socket.close()

    with answering(cut) as port:
        ended = turtls("get", f"https://localhost:{port}/", "--danger-accept-any", "--http1")
    assert ended.code == 5
    assert "cut off" in ended.err


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("http://localhost/", 1, "fetches https:// addresses"),
        ("localhost", 1, "fetches https:// addresses"),
        ("https:///x", 1, "names no host"),
        ("https://localhost:99999/", 1, "Port out of range"),
        ("https://[::1/", 1, "cannot be read as an address"),
        ("https://127.0.0.1:1/", 4, "No connection to 127.0.0.1, port 1"),
    ],
)
def test_what_cannot_be_fetched_is_said(turtls: Turtls, url: str, code: int, said: str) -> None:
    ended = turtls("get", url)
    assert ended.code == code
    assert said in ended.err


def test_a_redirect_to_nowhere_is_said(turtls: Turtls) -> None:
    def redirect(connection: TLSSocket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://[::1\r\nContent-Length: 0\r\n\r\n")

    with answering(redirect) as port:
        ended = turtls("get", "-L", f"https://localhost:{port}/", "--danger-accept-any", "--http1")
    assert ended.code == 1
    assert "https://[::1 cannot be read as an address" in ended.err


@pytest.mark.parametrize("command", [("get", "https://localhost:1/"), ("connect", "localhost:1")])
@pytest.mark.parametrize("seconds", ["inf", "nan", "1e300", "0", "-1"])
def test_a_timeout_that_cannot_be_is_refused(turtls: Turtls, command: tuple[str, str], seconds: str) -> None:
    ended = turtls(*command, "--timeout", seconds)
    assert ended.code == 2
    assert "--timeout" in ended.err


def test_the_bar_is_as_wide_as_it_should_be() -> None:
    for timing in (Timing(0.001, 0.002, 0.003, 0.004, 0.005), Timing(0.3, 0, 0, 0, 0), Timing(1, 1, 1, 1, 1)):
        bar, legend = timing_bar(timing, 40).plain.split("\n")
        assert len(bar) == 40
        assert f"total {timing.total * 1000:.1f} ms" in legend
