"""The answer to those who speak plain HTTP to the HTTPS port."""

from __future__ import annotations

import h11

_SENTENCE = b"This port speaks HTTPS: use an address that starts with https://, not with http://.\n"


def answer_to_plain_http(untrusted_request: bytes) -> bytes:
    """The answer to a request that came without TLS; perhaps only its beginning is there.

    Who wanted to look at something is sent to the same address over HTTPS. Who brought something along is told what was
    wrong instead: it could be read on the way, which should not be repeated unnoticed.
    """
    location = _same_over_https(untrusted_request)
    status, extra = (400, []) if location is None else (307, [(b"location", location)])
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(_SENTENCE)),
        (b"connection", b"close"),
        *extra,
    ]
    head = h11.Connection(h11.SERVER).send(h11.Response(status_code=status, headers=headers)) or b""
    return head + _SENTENCE


def _same_over_https(untrusted_request: bytes) -> bytes | None:
    connection = h11.Connection(h11.SERVER)
    try:
        connection.receive_data(untrusted_request)
        request = connection.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(request, h11.Request) or request.method not in {b"GET", b"HEAD"}:
        return None
    host = dict(request.headers).get(b"host", b"")
    if not host or not request.target.startswith(b"/"):
        return None
    return b"https://" + host + request.target
