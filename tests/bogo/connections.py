"""The connections of one test, one after the other, over the runner's socket."""

from __future__ import annotations

import socket
import sys
from collections import deque
from collections.abc import Coroutine, Iterator
from typing import Any

from tests.bogo.configure import client_config, server_config
from tests.bogo.errors import names
from tests.bogo.expectations import Disappointed, Witness, check
from tests.bogo.flags import Options, Turns, Unimplemented
from tests.bogo.quic import MockQuic, record_length
from tests.bogo.world import Refusal, World
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.errors import AlertDescription, Fault, TLSError
from turtls.events import DataReceived, EarlyDataReceived, Event, KeysUpdated, PeerClosed, Pending
from turtls.quic import QuicClientConnection, QuicConnection, QuicServerConnection

_SIZES = (0, 1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769)
"""Bytes to write in one go with -write-different-record-sizes."""


def run_connections(turns: Turns) -> int:
    """The exit status of the test; what went wrong stands on stderr."""
    world = World()
    for number in range(turns.initial.resume_count + 1):
        options = turns.resumed if number else turns.initial
        world.begin(options)
        if number and not options.server and world.sessions.offered is None:
            print("there is no session to resume", file=sys.stderr)
            return 1
        witness = Witness(options, world, is_resumption=number > 0, retry=turns.retry)
        try:
            connection = _connection(options, world, witness)
            with _connect(options) as runner:
                _Exchange(connection, runner, witness).run()
        except (TLSError, Disappointed, AssertionError) as error:
            print(f"{names(error, witness)} {error}", file=sys.stderr)
            return 1
        world.clock += options.resumption_delay
    return 0


def _connection(options: Options, world: World, witness: Witness) -> Connection | MockQuic:
    if options.quic:
        return MockQuic(_quic(options, world, witness), _early_data(options, world))
    if options.quic_transport_params:  # that there is a code point for them as well says nothing without QUIC
        raise Unimplemented("transport parameters without QUIC")
    if options.server:
        return ServerConnection(server_config(options, world), observer=witness.see)
    return ClientConnection(
        client_config(options, world),
        server_name=options.host_name or None,
        session_key="runner",
        early_data=_early_data(options, world),
        observer=witness.see,
    )


def _early_data(options: Options, world: World) -> bytes:
    """What the shim writes first, as far as the session allows it to go early."""
    session = world.sessions.offered
    writes_early = options.enable_early_data and options.shim_writes_first and session is not None
    return _initial_write(options)[: session.max_early_data] if writes_early and session is not None else b""


def _initial_write(options: Options) -> bytes:
    return options.shim_initial_write.encode() * options.repeat_shim_initial_write


def _quic(options: Options, world: World, witness: Witness) -> QuicConnection:
    if options.quic_use_legacy_codepoint == 1:
        raise Unimplemented("the transport parameters of drafts")
    ours = options.quic_transport_params
    if options.server:
        return QuicServerConnection(
            server_config(options, world),
            transport_parameters=ours,
            early_data_context=options.quic_early_data_context.encode(),
            observer=witness.see,
        )
    return QuicClientConnection(
        client_config(options, world),
        server_name=options.host_name or None,
        transport_parameters=ours,
        session_key="runner",
        early_data=options.enable_early_data,
        observer=witness.see,
    )


class _Runner(socket.socket):
    """Half-closes and drains when it is closed, so that what was sent last, an alert as a rule, arrives."""

    def __exit__(self, *error: object) -> None:
        try:
            self.shutdown(socket.SHUT_WR)
            while self.recv(65536):
                pass
        except OSError:
            pass
        super().__exit__(*error)


def _connect(options: Options) -> _Runner:
    runner = _Runner(socket.AF_INET6 if options.ipv6 else socket.AF_INET)
    runner.connect(("::1" if options.ipv6 else "127.0.0.1", options.port))
    runner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    runner.sendall(options.shim_id.to_bytes(8, "little"))
    return runner


class _Exchange:
    """One connection: the handshake, what must come of it, then every byte that comes goes back, its bits flipped."""

    def __init__(self, connection: Connection | MockQuic, runner: socket.socket, witness: Witness) -> None:
        self._tls = connection
        self._record_length = record_length if isinstance(connection, MockQuic) else _record_length
        self._runner = runner
        self._witness = witness
        self._options = witness.options
        self._events: deque[Event] = deque()
        self._unread = b""
        """Of the runner's bytes, what the connection was not given yet."""
        self._held_back = b""
        self._has_new_keys = False
        """The runner's last words were a KeyUpdate. It counts on an answer that waits for data, as BoringSSL's does."""

    def run(self) -> None:
        """Raises TLSError, or Disappointed where something is not as the flags expect it."""
        options = self._options
        try:
            self._shake_hands()
            if not self._tls.handshake_done:
                if options.handshake_never_done:
                    return
                raise Disappointed("the handshake ended before it was done")
            endpoint = self._tls.tls if isinstance(self._tls, MockQuic) else self._tls
            check(self._witness, endpoint)
            if options.send_alert:
                self._send_alert()
                return
            self._send_first()
            if not options.shim_shuts_down:
                self._echo()
            self._witness.check_end(endpoint)
            self._shut_down()
        finally:
            self._flush()

    def _shake_hands(self) -> None:
        if self._options.export_keying_material and self._witness.offers_early_data and not self._options.server:
            self._tls.export_keying_material("", None, 1)  # nothing is exported before the handshake is done
        while not self._tls.handshake_done:
            event = self._next_event()
            if event is None:
                self._tls.receive_eof()
                return
            if isinstance(event, DataReceived | PeerClosed):
                self._events.appendleft(event)
                return
            if isinstance(event, EarlyDataReceived):
                self._answer(event.data)

    def _send_alert(self) -> None:
        """As an application of BoringSSL's may; turtls lets none choose an alert."""
        tls = self._tls.tls if isinstance(self._tls, MockQuic) else self._tls
        tls._fail(Refusal(Fault.INTERNAL, AlertDescription.DECOMPRESSION_FAILURE))

    def _send_first(self) -> None:
        options, tls = self._witness.options, self._tls
        has_written = len(_early_data(options, self._witness.world)) if _accepted_early_data(tls) else 0
        for secret in self._secrets():
            tls.send_data(secret)
        if options.write_different_record_sizes:
            for size in _SIZES:
                tls.send_data(b"\x42" * size)
        elif has_written:
            tls.send_data(_initial_write(options)[has_written:])
        elif options.read_with_unfinished_write:
            self._flush()
            tls.send_data(options.shim_initial_write.encode())
            self._held_back = tls.data_to_send()
            self._runner.sendall(self._held_back[:1])
            self._held_back = self._held_back[1:]
        elif options.shim_writes_first:
            for _ in range(options.repeat_shim_initial_write):
                tls.send_data(options.shim_initial_write.encode())
        self._flush()

    def _secrets(self) -> Iterator[bytes]:
        """What the runner wants to compare with its own."""
        options, tls = self._options, self._tls
        if options.export_keying_material:
            context = options.export_context if options.use_export_context else None
            yield tls.export_keying_material(options.export_label, context, options.export_keying_material)
        if options.export_traffic_secrets:
            client, server = self._witness.traffic_secrets(tls.tls if isinstance(tls, MockQuic) else tls)
            read, write = (client, server) if options.server else (server, client)
            yield len(read).to_bytes(2, "little") + read + write
        if options.tls_unique:
            yield tls.channel_binding("tls-unique")

    def _echo(self) -> None:
        options, tls = self._options, self._tls
        while True:
            if options.key_update_before_read:
                tls.update_keys()
            event = self._next_event()
            if event is None or isinstance(event, PeerClosed):
                return
            if not isinstance(event, DataReceived):
                continue
            self._runner.sendall(self._held_back)
            self._held_back = b""
            if options.use_exporter_between_reads:
                tls.export_keying_material("", None, 1)
            self._answer(event.data)

    def _answer(self, data: bytes) -> None:
        for start in range(0, len(data), self._options.read_size):
            if self._options.key_update:
                self._tls.update_keys()
            self._tls.send_data(bytes(byte ^ 0xFF for byte in data[start : start + self._options.read_size]))

    def _shut_down(self) -> None:
        """BoringSSL's shim says goodbye only if it is told to, and then waits for the answer where it was the first."""
        options = self._options
        if not options.check_close_notify:
            return
        self._tls.close()
        while options.shim_shuts_down:
            event = self._next_event()
            if event is None:
                self._tls.receive_eof()
            if event is None or isinstance(event, PeerClosed):
                return
            if isinstance(event, DataReceived):
                raise Disappointed(":APPLICATION_DATA_ON_SHUTDOWN: data came where close_notify was expected")

    # The socket.

    def _next_event(self) -> Event | None:
        """The next thing that happens; None once the runner has closed its side."""
        while not self._events:
            if self._tls.failure is not None:
                raise self._tls.failure
            if not self._unread:
                if not self._has_new_keys:
                    self._flush()
                self._unread = self._receive()
                if not self._unread:
                    return None
            self._feed()
        return self._events.popleft()

    def _feed(self) -> None:
        """Give the connection the next record or, with -async, the next byte.

        BoringSSL's shim answers what it reads before it reads on, and the runner counts on that.
        """
        length = 1 if self._options.async_ and len(self._unread) < 8192 else self._record_length(self._unread)
        piece, self._unread = self._unread[:length], self._unread[length:]
        events = deque(self._tls.receive_data(piece))
        while events:
            event = events.popleft()
            if isinstance(event, Pending):
                events.extend(self._tls.resume(event, _result(event.awaitable)))
            else:
                self._has_new_keys = isinstance(event, KeysUpdated)
                self._events.append(event)

    def _receive(self) -> bytes:
        try:
            return self._runner.recv(65536)
        except ConnectionResetError:
            return b""

    def _flush(self) -> None:
        if self._held_back:
            return
        output = self._tls.data_to_send()
        if output:
            try:
                self._runner.sendall(output)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the runner has seen enough; what it makes of it, it tells itself


def _accepted_early_data(tls: Connection | MockQuic) -> bool:
    return tls.negotiated is not None and tls.negotiated.early_data


def _record_length(data: bytes) -> int:
    return 5 + int.from_bytes(data[3:5], "big")


def _result(awaitable: Any) -> Any:
    """What comes of something that answers at once when it is awaited."""
    assert isinstance(awaitable, Coroutine)
    try:
        awaitable.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the awaitable waits for something")
