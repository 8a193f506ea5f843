from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turtls.web.plain import answer_to_plain_http


def parsed(answer: bytes) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers, read by a client that is strict about both."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "h"), ("Connection", "close")]))
    client.send(h11.EndOfMessage())
    client.receive_data(answer)
    head = client.next_event()
    assert isinstance(head, h11.Response)
    assert isinstance(client.next_event(), h11.Data)
    assert isinstance(client.next_event(), h11.EndOfMessage)
    return head.status_code, dict(head.headers)


def test_who_wants_to_look_is_sent_to_https() -> None:
    status, headers = parsed(answer_to_plain_http(b"GET /a?b=c HTTP/1.1\r\nHost: localhost:8443\r\n\r\n"))
    assert (status, headers[b"location"]) == (307, b"https://localhost:8443/a?b=c")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
        b"GET",
    ],
)
def test_everyone_else_is_told_what_was_wrong(request_bytes: bytes) -> None:
    status, headers = parsed(answer_to_plain_http(request_bytes))
    assert (status, b"location" in headers) == (400, False)
    assert b"This port speaks HTTPS" in answer_to_plain_http(request_bytes)


@given(st.binary(max_size=200), st.booleans())
def test_whatever_comes_is_answered_and_never_splits_the_answer(garbage: bytes, in_host: bool) -> None:
    request = b"GET / HTTP/1.1\r\nHost: " + garbage + b"\r\n\r\n" if in_host else garbage
    assert parsed(answer_to_plain_http(request))[0] in {307, 400}
