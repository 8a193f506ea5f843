"""A GET by HTTP/2 (RFC 9113) on a connection of its own, by h2."""

from __future__ import annotations

from collections.abc import Iterator

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from turtls.cli.answer import CHUNK, HEADERS, Answer, FetchError
from turtls.io.tlssocket import TLSSocket

_WINDOW = 2**24
"""Bytes of bodies that may be under way."""


def get(tls: TLSSocket, authority: str, target: str) -> Answer:
    """Ask for `target`; gives the answer once its head is there. Raises FetchError, TLSError."""
    http = H2Connection(H2Configuration(header_encoding=None))
    http.local_settings.update({SettingCodes.ENABLE_PUSH: 0})
    http.initiate_connection()
    http.increment_flow_control_window(_WINDOW)
    stream = http.get_next_available_stream_id()
    head = [(":method", "GET"), (":authority", authority), (":scheme", "https"), (":path", target), *HEADERS]
    http.send_headers(stream, head, end_stream=True)
    received = _events(tls, http)
    for event in received:
        if isinstance(event, events.ResponseReceived):
            fields = [(bytes(name), bytes(value)) for name, value in event.headers]
            headers = [(name, value) for name, value in fields if not name.startswith(b":")]
            return Answer(int(dict(fields)[b":status"]), headers, _body(http, received))
    raise FetchError("there is none")


def _body(http: H2Connection, received: Iterator[events.Event]) -> Iterator[bytes]:
    for event in received:
        if isinstance(event, events.DataReceived):
            http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            yield event.data


def _events(tls: TLSSocket, http: H2Connection) -> Iterator[events.Event]:
    """What comes, up to the end of the stream."""
    try:
        while True:
            tls.sendall(http.data_to_send())
            data = tls.recv(CHUNK)
            if not data:
                raise FetchError("the server hung up")
            for event in http.receive_data(data):
                if isinstance(event, events.StreamEnded):
                    return
                if isinstance(event, events.StreamReset):
                    raise _broken_off(event.error_code)
                if isinstance(event, events.ConnectionTerminated) and event.error_code:
                    raise _broken_off(event.error_code)  # without an error the stream may end (RFC 9113, section 6.8)
                yield event
    except ProtocolError as error:
        raise FetchError(error) from error


def _broken_off(error_code: int | None) -> FetchError:
    return FetchError(f"the server broke off, with error {error_code or 0:d} of HTTP/2")
