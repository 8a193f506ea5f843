"""A blocking socket that speaks TLS.

How it works. The connection (`turtls.connection`) does no I/O; bytes are carried here between it and a TCP socket. That
one is kept non-blocking and every wait is a poll with a deadline, so that one deadline can bound a whole handshake.

One thread may read while another writes. Three locks make that safe:

- `_reading` is held by the one thread that takes bytes from the socket and feeds them in that order to the connection;
- `_writing` is held by the one thread that takes bytes from the connection and sends them, in that order;
- `_state` is held for each call into the connection, and never while waiting.

What the reader has to send (an answer to a KeyUpdate, say) must not make it wait for a writer: the peers could then
wait for each other with full buffers. It sends what goes at once; where a writer is busy, that writer sends it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Any

from turtls.config import Negotiated
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import ClosedError, ConfigError, HandshakeTimeout, TruncatedError
from turtls.events import DataReceived, Event, PeerClosed, Pending
from turtls.io import limits
from turtls.io.received import ReceivedData
from turtls.io.scratch import read_size, scratch_buffer
from turtls.io.socketfile import open_file
from turtls.io.waiting import AT_ONCE, NEVER, deadline_after, run_to_end, wait_for_socket


class TLSSocket:
    """A TCP socket with TLS over it, with the interface of `socket.socket`.

    The handshake runs at the first use, or by `handshake()`. What ends the connection is raised as what it is
    (ProtocolError, PeerAlert, TruncatedError, HandshakeTimeout, OSError); uses after that raise ClosedError.
    """

    def __init__(
        self,
        sock: socket.socket,
        connection: ClientConnection | ServerConnection,
        *,
        handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
        danger_accept_truncation: bool = False,
    ) -> None:
        """Take over `sock`, a connected TCP socket, with its timeout.

        `handshake_timeout`: seconds for the whole handshake, from the first use on.
        `danger_accept_truncation`: take the end of the TCP connection for the end of the data, as some old peers need.
        Someone on the path can then cut the data short without being noticed.
        """
        self._socket = sock
        self._timeout = sock.gettimeout()
        sock.setblocking(False)
        self._tls = connection
        self._accept_truncation = danger_accept_truncation
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._state = threading.Lock()
        self._handshake_timeout = handshake_timeout
        self._handshake_deadline = NEVER  # until the handshake begins
        self._established = False
        self._received = ReceivedData()
        self._peer_closed = False
        self._outgoing: deque[bytes | memoryview] = deque()  # appended to under _state, taken from under _writing
        self._output_left = False  # for the writer to send when it is done
        self._failure: Exception | None = None
        self._failure_told = False
        self._closed = False
        self._open_files = 0

    # The handshake, and what came of it.

    def handshake(self) -> None:
        """Run the handshake, unless it is done. Raises as the class says.

        TimeoutError (or BlockingIOError, at a timeout of 0) does not end it: call again.
        """
        if not self._established:
            with self._reading:
                self._handshake_once()

    def _handshake_once(self) -> None:
        if self._established:  # another thread came first
            return
        self._require_open()
        if self._handshake_deadline == NEVER:
            self._handshake_deadline = deadline_after(self._handshake_timeout)
        try:
            self._run_handshake(min(self._handshake_deadline, deadline_after(self._timeout)))
        except (TimeoutError, BlockingIOError) as error:
            if time.monotonic() < self._handshake_deadline:
                raise
            limit = f"{self._handshake_timeout:.3g} seconds"
            timeout = HandshakeTimeout(f"The peer did not finish the handshake within {limit}.")
            self._fail(timeout, told=True)
            raise timeout from error
        except OSError as error:
            self._fail(error, told=True)
            raise

    def _run_handshake(self, deadline: float) -> None:
        while not self._tls.handshake_done:
            if time.monotonic() >= self._handshake_deadline:
                raise TimeoutError
            self._require_open()
            self._flush(deadline)
            self._receive(deadline)
        self._flush(deadline)
        self._established = True

    @property
    def negotiated(self) -> Negotiated | None:
        """What the two sides agreed on, and who the peer is; None before the handshake."""
        return self._tls.negotiated

    def export_keying_material(self, label: str, context: bytes | None, length: int) -> bytes:
        """`length` bytes that both sides know and no one else (RFC 8446, section 7.5)."""
        self.handshake()
        with self._state:
            return self._tls.export_keying_material(label, context, length)

    def channel_binding(self, kind: str = "tls-exporter") -> bytes:
        """What ties an application's login to this channel (RFC 9266, RFC 5929)."""
        self.handshake()
        with self._state:
            return self._tls.channel_binding(kind)

    def update_keys(self, *, request_peer: bool = False) -> None:
        """Go on under new sending keys, and have the peer do so too if `request_peer` (RFC 8446, section 4.6.3)."""
        self.handshake()
        with self._state:
            self._tls.update_keys(request_peer)
        self._flush(deadline_after(self._timeout))

    def request_client_certificate(self) -> None:
        """Ask the client who it is; `negotiated` says so once it has answered (RFC 8446, section 4.6.2).

        The answer is read by `recv`. Raises ConfigError if this is not a server, or if the client cannot be asked.
        """
        self.handshake()
        if not isinstance(self._tls, ServerConnection):
            raise ConfigError("Only a server can ask for a client's certificate.")
        with self._state:
            self._tls.request_client_certificate()
        self._flush(deadline_after(self._timeout))

    # Reading.

    def recv(self, size: int) -> bytes:
        """The next bytes, one to `size`; b"" after the peer's close_notify. Raises as the class says."""
        if size < 0:
            raise ValueError("negative buffersize in recv")
        if not self._received.size:
            self.handshake()
        with self._reading:
            self._wait_for_data()
            return self._received.read(size)

    def recv_into(self, buffer: Any, size: int = 0) -> int:
        """Read into a writable `buffer`, at most `size` bytes of it (0: all); gives how many, 0 as `recv` gives b""."""
        view = memoryview(buffer).cast("B")
        if not self._received.size:
            self.handshake()
        with self._reading:
            self._wait_for_data()
            return self._received.read_into(view[:size] if size else view)

    def pending(self) -> int:
        """How many bytes can be read without a look at the socket."""
        return self._received.size

    def _wait_for_data(self) -> None:
        deadline = deadline_after(self._timeout)
        while not self._received.size and not self._peer_closed:
            self._require_open()
            self._receive(deadline)

    def _receive(self, deadline: float) -> None:
        """Take what the socket has, once, and act on it. Called with `_reading` held.

        What ends the connection is kept for `_require_open` to raise, once the data before it is read.
        """
        data = self._read_socket(deadline)
        if not data and self._accept_truncation and self._established:
            self._peer_closed = True
            return
        try:
            with self._state:
                events = self._tls.receive_data(data) if data else self._tls.receive_eof()
            self._act_on(events)
            failure: Exception | None = self._tls.failure
        except Exception as error:
            self._require_open()  # another thread has closed it: that is why
            failure = error
        if failure is not None:
            self._fail(failure)
        else:
            self._send_without_waiting()

    def _read_socket(self, deadline: float) -> memoryview:
        buffer, size = scratch_buffer(), read_size(self._tls.unfinished)
        while True:
            try:
                return buffer[: self._socket.recv_into(buffer, size)]
            except BlockingIOError:
                wait_for_socket(self._socket, deadline, read=True, write=len(self._outgoing) > 0)
                self._send_without_waiting()

    def _act_on(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, DataReceived):
                self._received.append(event.data)
            elif isinstance(event, PeerClosed):
                self._peer_closed = True
            elif isinstance(event, Pending):
                self._act_on(self._settle(event))

    def _settle(self, pending: Pending) -> list[Event]:
        try:
            result = run_to_end(pending.awaitable, NEVER if self._established else self._handshake_deadline)
        except BaseException as error:  # a cancellation, too: nobody else will answer
            with self._state:
                return self._tls.resume_error(pending, error)
        with self._state:
            return self._tls.resume(pending, result)

    # Writing.

    def send(self, data: Any) -> int:
        """Send as many of the bytes of `data` as go into one piece; gives how many. Raises as the class says."""
        self.handshake()
        piece = memoryview(data).cast("B")[: limits.WRITE_SIZE]
        self._send_piece(piece, deadline_after(self._timeout))
        return len(piece)

    def sendall(self, data: Any) -> None:
        """Send all the bytes of `data`. The timeout is for the whole of it. Raises as the class says."""
        self.handshake()
        view = memoryview(data).cast("B")
        deadline = deadline_after(self._timeout)
        for start in range(0, len(view), limits.WRITE_SIZE):
            self._send_piece(view[start : start + limits.WRITE_SIZE], deadline)

    def _send_piece(self, piece: memoryview, deadline: float) -> None:
        try:
            with self._writing:
                self._require_open()
                self._drain(deadline)
                with self._state:
                    self._tls.send_data(piece)
                    self._outgoing.append(self._tls.data_to_send())
                # The piece is taken now: what a non-blocking socket leaves of it goes before the next one.
                with contextlib.suppress(BlockingIOError):
                    self._drain(deadline)
        except ConnectionError:
            self._look_for_alert()
            raise
        if self._output_left:
            self._send_without_waiting()

    def _look_for_alert(self) -> None:
        """The peer hung up. Raise the PeerAlert that says why, if one has come and nobody has read it yet."""
        if self._reading.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError, TruncatedError):
                    while not self._peer_closed:
                        self._require_open()
                        self._receive(AT_ONCE)
            finally:
                self._reading.release()

    def _flush(self, deadline: float) -> None:
        """Send all that the connection has to send."""
        with self._writing:
            self._collect_output()
            self._drain(deadline)

    def _send_without_waiting(self) -> None:
        """Send what the connection has to send as far as it goes at once: what is left stays in `_outgoing`."""
        self._collect_output()
        self._output_left = len(self._outgoing) > 0
        while self._output_left and self._writing.acquire(blocking=False):
            try:
                self._output_left = False
                with contextlib.suppress(OSError):  # reading goes on to where it meets the same error
                    self._drain(AT_ONCE)
            finally:
                self._writing.release()

    def _collect_output(self) -> None:
        with self._state:
            output = self._tls.data_to_send()
            if output:
                self._outgoing.append(output)

    def _drain(self, deadline: float) -> None:
        """Send `_outgoing`. Called with `_writing` held."""
        while self._outgoing:
            data = self._outgoing[0]
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                wait_for_socket(self._socket, deadline, write=True)
            else:
                if sent == len(data):
                    self._outgoing.popleft()
                else:
                    self._outgoing[0] = memoryview(data)[sent:]

    # The end.

    def shutdown(self, how: int) -> None:
        """End one direction or both, as `socket.shutdown`: writing ends with close_notify, and reading may go on."""
        self.handshake()
        if how in (socket.SHUT_WR, socket.SHUT_RDWR):
            self._send_close_notify(deadline_after(self._timeout))
        if how in (socket.SHUT_RD, socket.SHUT_RDWR):
            self._peer_closed = True
        self._socket.shutdown(how)

    def unwrap(self) -> tuple[socket.socket, bytes]:
        """End TLS but not the TCP connection, when both sides have sent close_notify (as for FTP's CCC).

        Gives the plain socket, and what was read from it already behind the peer's close_notify. Raises ClosedError
        if the peer sent application data that nobody has read.
        """
        self.handshake()
        deadline = deadline_after(self._timeout)
        self._send_close_notify(deadline)
        with self._reading:
            while not self._peer_closed and not self._received.size:
                self._require_open()
                self._receive(deadline)
            if self._received.size:
                raise ClosedError("The peer sent application data before its close_notify, and nobody has read it.")
        self._closed = True
        plain = socket.socket(fileno=self._socket.detach())
        plain.settimeout(self._timeout)
        return plain, self._tls.untrusted_trailing_data

    def close(self) -> None:
        """Send close_notify, and close. Does not wait for the peer's; files from `makefile` keep the socket open."""
        self._closed = True
        if not self._open_files:
            self._close_socket()

    def hang_up(self) -> None:
        """End the TCP connection without a word, and wake the thread that waits for it: that one is to close it.

        Were it closed here, the system could give its file descriptor to another file, just before that thread begins
        to wait for it.
        """
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _send_close_notify(self, deadline: float) -> None:
        with self._state:
            self._tls.close()
        self._flush(deadline)

    def _close_socket(self) -> None:
        if self._established and self._failure is None and self._socket.fileno() >= 0:
            with self._state:
                self._tls.close()
            self._part(limits.SHUTDOWN_TIMEOUT, linger=False)
        self.hang_up()
        self._socket.close()

    def _fail(self, error: Exception, *, told: bool = False) -> None:
        """The connection is over. The peer is to hear why, if there is one: the alert for it lies in the connection."""
        self._failure = error
        self._failure_told = told
        if not isinstance(error, OSError):
            self._part(limits.LINGER_TIMEOUT, linger=True)
        self.hang_up()

    def _part(self, patience: float, *, linger: bool) -> None:
        """Send the last words within `patience` (seconds), and end the TCP connection.

        A socket that is closed with unread bytes in it sends a TCP reset, which may overtake the last words. So what
        has come is read and dropped; and to `linger` is to go on with that until the peer ends too.
        """
        deadline = deadline_after(patience if self._timeout is None else min(patience, self._timeout))
        with contextlib.suppress(OSError):
            # A writer at work stands in the middle of a record: nothing can be said behind that.
            if self._writing.acquire(blocking=False):
                try:
                    self._collect_output()
                    if self._outgoing:
                        self._drain(deadline)
                        self._socket.shutdown(socket.SHUT_WR)
                        self._discard(deadline if linger else AT_ONCE)
                finally:
                    self._writing.release()

    def _discard(self, deadline: float) -> None:
        """Read and drop until the peer ends, or the deadline."""
        buffer = scratch_buffer()
        while True:
            try:
                if not self._socket.recv_into(buffer):
                    return
            except BlockingIOError:
                pass
            wait_for_socket(self._socket, deadline, read=True)

    def _require_open(self) -> None:
        if self._failure is not None:
            if not self._failure_told:
                self._failure_told = True
                raise self._failure
            raise ClosedError("The connection has failed before.") from self._failure
        if self._closed and not self._open_files:
            raise ClosedError("The connection is closed.")

    def __enter__(self) -> TLSSocket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # What else a socket can do.

    def makefile(
        self,
        mode: str = "r",
        buffering: int = -1,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """A file over this socket, with the parameters of `open`; `mode` is made of r, w and b. Raises ValueError."""
        return open_file(self, mode, buffering, encoding=encoding, errors=errors, newline=newline)

    def file_opened(self) -> None:
        """A file from `makefile` uses this socket."""
        self._open_files += 1

    def file_closed(self) -> None:
        """A file from `makefile` no longer does."""
        self._open_files -= 1
        if self._closed and not self._open_files:
            self._close_socket()

    def settimeout(self, timeout: float | None) -> None:
        """Seconds for each call of `recv`, `sendall` and the others; None for ever, 0 not to wait at all."""
        if timeout is not None and timeout < 0:
            raise ValueError("Timeout value out of range")
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        """What `settimeout` set; at first, the timeout of the socket that was wrapped."""
        return self._timeout

    def fileno(self) -> int:
        """The file descriptor; -1 after `close`. Look at `pending()` before waiting for it."""
        return self._socket.fileno()

    def getpeername(self) -> Any:
        """The peer's address."""
        return self._socket.getpeername()

    def getsockname(self) -> Any:
        """This side's address."""
        return self._socket.getsockname()
