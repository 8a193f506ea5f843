"""A GET by HTTP/1.1 (RFC 9112) on a connection of its own, by h11."""

from __future__ import annotations

from collections.abc import Iterator

import h11

from turtls.cli.answer import CHUNK, HEADERS, Answer, FetchError
from turtls.io.tlssocket import TLSSocket

_LONGEST_HEAD = 100 * 1024
"""Bytes."""


def get(tls: TLSSocket, authority: str, target: str) -> Answer:
    """Ask for `target`; gives the answer once its head is there. Raises FetchError, TLSError."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
    request = h11.Request(method="GET", target=target, headers=[("Host", authority), *HEADERS])
    tls.sendall(b"".join(http.send(event) or b"" for event in (request, h11.EndOfMessage())))
    events = _events(tls, http)
    for event in events:
        if isinstance(event, h11.Response):
            return Answer(event.status_code, event.headers.raw_items(), _body(events))
    raise FetchError("there is none")


def _body(events: Iterator[h11.Event]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, h11.Data):
            yield bytes(event.data)


def _events(tls: TLSSocket, http: h11.Connection) -> Iterator[h11.Event]:
    """What comes, up to the end of the message."""
    try:
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(tls.recv(CHUNK))
            elif isinstance(event, h11.EndOfMessage) or not isinstance(event, h11.Event):
                return
            else:
                yield event
    except h11.RemoteProtocolError as error:
        raise FetchError(error) from error
