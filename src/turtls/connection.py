"""A TLS connection without a transport: bytes in, bytes and events out.

    connection = ClientConnection(config, server_name="example.org")
    transport.send(connection.data_to_send())
    for event in connection.receive_data(transport.recv()):
        ...

How it works. The record layer turns the transport's bytes into records; each is pulled only when the one before it
has had its effect, because it may have changed the keys. Handshake bytes are reassembled into messages and given to
the handshake's coroutine, which says through its `Peer` what to send. While that coroutine waits for something
outside (a `Pending` event), nothing is pulled.
"""

from __future__ import annotations

from typing import Any, Final

from turtls.config import ClientConfig, ServerConfig
from turtls.config.names import ascii_name, is_ip_address
from turtls.errors import (
    AlertDescription,
    AlertLevel,
    ClosedError,
    ConfigError,
    Fault,
    PeerAlert,
    ProtocolError,
    TLSError,
    TruncatedError,
)
from turtls.events import (
    AlertSeen,
    DataReceived,
    EarlyDataReceived,
    Event,
    Observer,
    PeerClosed,
    SessionReceived,
)
from turtls.handshake import hello, post12, post13
from turtls.handshake.driver import AfterHandshake
from turtls.handshake.endpoint import Endpoint
from turtls.handshake.established12 import Established12
from turtls.handshake.over_records import RecordCarrier
from turtls.handshake.resumption import take_session
from turtls.record.limits import MAX_WARNING_ALERTS
from turtls.wire.registries import ContentType, ProtocolVersion

_COPIED: Final = 2**14 + 256
"""Bytes, as many as a record may take: so much is copied where it is not `bytes`, which are the fastest."""
_CLOSE_NOTIFY: Final = bytes([AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY])


class Connection(Endpoint):
    """What clients and servers have in common. Use `ClientConnection` or `ServerConnection`."""

    def __init__(self, config: ClientConfig | ServerConfig, observer: Observer | None, carrier: RecordCarrier) -> None:
        self._carrier = carrier
        self._records = self._carrier.records
        super().__init__(self._carrier, config, observer)
        self._traffic_keys: post13.TrafficKeys | None = None
        self._sent_close = False
        self._peer_closed = False
        self._transport_ended = False
        self._warnings = 0

    # Bytes in.

    def receive_data(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """What the transport received; gives what came of it. Nothing does once the peer has said close_notify.

        An exception (ProtocolError, PeerAlert) is final: send what `data_to_send` has for the peer, then close the
        transport. Where something good came before what is at fault, that is given, and the exception is raised by
        whatever is called next: look at `failure` behind the events, since no more bytes may come. A view of wider
        items is taken by its bytes.
        """
        if not isinstance(data, bytes):
            with memoryview(data).cast("B") as view:  # let go even if there is an exception
                if len(view) > _COPIED:
                    return self._receive(view)
                data = bytes(view)
        records = self._records
        opening = records.opening
        if opening is not None and not records.inbound:
            content = opening.open_lone_data(data, records.receive_limit)
            if content:
                return [DataReceived(content)]
        return self._receive(data)

    def _receive(self, data: bytes | memoryview) -> list[Event]:
        records = self._records
        self._check_alive()
        if self._peer_closed:
            return []  # section 6.1: what follows close_notify is ignored
        if records.opening is not None:
            content, end = records.open_data(data)
            if content and end == len(data):
                return [DataReceived(content)]
            if content:
                self._events.append(DataReceived(content))
                data = bytes(data[end:])
        records.feed(data)
        return self._received(len(data))

    def receive_eof(self) -> list[Event]:
        """The transport has ended. Raises TruncatedError unless the peer said goodbye with close_notify.

        While a `Pending` is open, what came before the end is still to be looked at: then `resume` says so.
        """
        self._check_alive()
        self._transport_ended = True
        self._records.opening = None
        return [] if self._pending is not None else self._pump()

    @property
    def unfinished(self) -> int:
        """How many bytes have come of what is not whole yet, and wait for the rest of their record."""
        return len(self._records.inbound)

    # Bytes out.

    def data_to_send(self) -> bytes:
        """What the transport is to send; b"" if there is nothing."""
        records = self._records
        if records.sealing is None:
            if self._traffic_keys is not None:
                self._traffic_keys.answer()
            self._carrier.flush()
        return records.take_output()

    def send_data(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt application data. Raises ClosedError before the handshake is done and after `close`.

        A server that has accepted early data may send before the handshake is done. Until then it cannot know that the
        client is there: what came may be a replay (RFC 8446, appendix E.5). A view of wider items is taken by
        its bytes.
        """
        records = self._records
        sealing = records.sealing
        if not isinstance(data, bytes):
            with memoryview(data).cast("B") as view:
                if len(view) > _COPIED:
                    self._send(view)
                    return
                data = bytes(view)
        if sealing is not None and (record := sealing.seal_lone_data(data, records.send_limit)):
            records.outbound.append(record)
        else:
            self._send(data)

    def _send(self, data: bytes | memoryview) -> None:
        self._before_data()
        self._records.write(ContentType.application_data, data)

    def close(self) -> None:
        """Say goodbye with close_notify. The peer may still send (half-close, RFC 8446, section 6.1)."""
        if self._failure is None and not self._sent_close:
            self._records.sealing = None
            self._carrier.flush()
            self._send_alert(_CLOSE_NOTIFY)
            self._records.end_output()
            self._sent_close = True
            self._end_if_closed()

    def update_keys(self, request_peer: bool = False) -> None:
        """Send under new keys from here on; with `request_peer` the peer is asked to do so too (section 4.6.3).

        Raises ConfigError in TLS 1.2, which cannot.
        """
        if self._failure is not None or self._sent_close or self._established is None:
            raise self._not_open()
        if self._traffic_keys is None:
            raise ConfigError("Only TLS 1.3 can change its keys within a connection.")
        self._records.sealing = None
        self._traffic_keys.update_write(request_peer=request_peer)

    @property
    def untrusted_trailing_data(self) -> bytes:
        """What came from the transport together with the peer's close_notify, but behind it.

        A protocol may go on without TLS (FTP's CCC); what follows is read from the transport itself.
        """
        return bytes(self._records.inbound) if self._peer_closed else b""

    # Keys for the application.

    def channel_binding(self, kind: str) -> bytes:
        """A value that is this connection's alone: "tls-exporter" (RFC 9266), "tls-server-end-point" (RFC 5929), or
        "tls-unique" (RFC 5929) up to TLS 1.2. Raises ConfigError where there is none that is safe.
        """
        established = self._require_established()
        if kind == "tls-exporter":
            return self.export_keying_material("EXPORTER-Channel-Binding", b"", 32)
        if kind == "tls-server-end-point":
            return self._server_end_point()
        if kind == "tls-unique" and isinstance(established, Established12):
            return established.tls_unique()
        raise ConfigError(f"There is no channel binding {kind!r} in {established.negotiated.version}.")

    # Inside.

    def _server_end_point(self) -> bytes:
        raise NotImplementedError

    def _require_more(self) -> None:
        """Raises TruncatedError if no more can come, and the peer had not said all."""
        if self._transport_ended and not self._peer_closed:
            what = "data" if self.handshake_done else "the handshake"
            raise TruncatedError(f"The connection was cut off in the middle of {what}.")

    def _pull(self) -> None:
        self._records.sealing = None  # what comes may have to be answered first
        super()._pull()

    def _step(self) -> bool:
        if self._peer_closed:
            return False
        record = self._records.next_record()
        if record is None:
            self._require_more()
            return False
        content_type, content = record
        if content_type == ContentType.handshake:
            self._records.opening = None
            self._messages.feed(content)
            return True
        self._messages.require_empty()  # section 5.1: nothing stands between the fragments of a message
        if content_type == ContentType.application_data and self._established is not None:
            if data := content + self._records.read_application_data():
                self._receive_application_data(data)
        else:
            self._records.opening = None
            self._receive_other(content_type, content)
        return True

    def _before_data(self) -> None:
        is_open = self._established is not None or self._carrier.accepted_early_data
        if self._failure is not None or self._sent_close or not is_open:
            raise self._not_open()
        if self._traffic_keys is not None:
            self._traffic_keys.before_data()
            if self._records.needs_key_update:
                self._traffic_keys.update_write(request_peer=False)
        self._carrier.flush()
        self._records.only_data_goes()

    def _receive_application_data(self, data: bytes) -> None:
        if self._traffic_keys is not None:
            self._traffic_keys.updates_without_data = 0
            if self._records.needs_peer_key_update and not self._sent_close:
                self._traffic_keys.ask_peer()
        self._warnings = 0
        self._events.append(DataReceived(data))
        self._records.only_data_comes()

    def _receive_other(self, content_type: ContentType, content: bytes) -> None:
        if content_type == ContentType.alert:
            self._receive_alert(content)
        elif content_type == ContentType.change_cipher_spec:
            self._receive_change_cipher_spec(content)
        elif content_type == ContentType.application_data:
            self._carrier.take_early_data(len(content))
            self._events += [EarlyDataReceived(content)] if content else []
        else:
            raise ProtocolError(Fault.UNEXPECTED_RECORD, content_type.name)

    def _receive_alert(self, content: bytes) -> None:
        if len(content) != 2:
            raise ProtocolError(Fault.BAD_ALERT, f"{len(content)} bytes")
        alert = _alert_description(content[1])
        if self._observer is not None:
            self._observer(AlertSeen("received", alert))
        if alert == AlertDescription.CLOSE_NOTIFY:
            self._receive_close_notify()
        elif alert == AlertDescription.USER_CANCELED or self._is_warning(content[0]):
            self._warnings += 1
            if self._warnings > MAX_WARNING_ALERTS:
                raise ProtocolError(Fault.TOO_MANY_WARNINGS)
        else:  # section 6: in TLS 1.3 every other alert ends the connection, whatever its level says
            raise PeerAlert(alert)

    def _is_warning(self, level: int) -> bool:
        """Whether an alert can be passed over: up to TLS 1.2 its level says so (RFC 5246, section 7.2)."""
        is_tls13 = self._peer.version is not None and self._peer.version >= ProtocolVersion.TLS_1_3
        return level == AlertLevel.WARNING and not is_tls13

    def _receive_change_cipher_spec(self, content: bytes) -> None:
        if content != b"\x01":
            raise ProtocolError(Fault.UNEXPECTED_RECORD, "change_cipher_spec with other content than 1")
        self._driver.deliver_change_cipher_spec()

    def _receive_close_notify(self) -> None:
        if self._established is None:
            raise PeerAlert(AlertDescription.CLOSE_NOTIFY)
        self._peer_closed = True
        self._events.append(PeerClosed())
        self._end_if_closed()

    def _tell(self, alert: AlertDescription) -> None:
        self._carrier.flush()
        self._send_alert(bytes([AlertLevel.FATAL, alert]))

    def _send_alert(self, alert: bytes) -> None:
        if self._sent_close:
            return
        self._records.write(ContentType.alert, alert)
        if self._observer is not None:
            self._observer(AlertSeen("sent", _alert_description(alert[1])))

    def _end_if_closed(self) -> None:
        if self._sent_close and self._peer_closed:
            self._failure = ClosedError("The connection is closed.")
            self._forget()

    def _forget(self) -> None:
        super()._forget()
        self._traffic_keys = None
        self._carrier.forget()

    def _not_open(self) -> TLSError:
        if self._failure is not None:
            return self._failure
        return ClosedError("This side is closed." if self._sent_close else "The handshake is not done yet.")


class ClientConnection(Connection):
    """The client's side. Its ClientHello lies in `data_to_send` from the start."""

    def __init__(
        self,
        config: ClientConfig,
        *,
        server_name: str | None,
        session_key: str | None = None,
        early_data: bytes = b"",
        observer: Observer | None = None,
    ) -> None:
        """`server_name` is the DNS name or the IP address to reach; the server's certificate must be for it.

        None only makes sense with a verifier that does not look at names. `session_key` tells services apart whose
        sessions must not be mixed, such as ports of one host; by default it is the name.

        `early_data` goes along with the ClientHello (RFC 8446, section 2.3) if there is a session whose server accepts
        that much of it. Whoever listens can send it again, as often as servers let them, so it should be something that
        may happen twice. Unless `negotiated.early_data` says later that it was accepted, nothing of it has arrived, and
        it is to be sent again by `send_data`. `observer` sees each message and key. Raises ConfigError.
        """
        carrier = RecordCarrier(is_client=True, padding=config.record_padding, early_data=early_data)
        super().__init__(config, observer, carrier)
        if server_name is not None and not is_ip_address(server_name):
            server_name = ascii_name(server_name)
        self._client_config = config
        self._server_name = server_name
        self._session_key = session_key or server_name or ""
        self._start(self._handshake())

    async def _handshake(self) -> AfterHandshake:
        config = self._client_config
        session = take_session(config, self._session_key, self._server_name, config.environment.now())
        established = await hello.client(self._peer, config, self._server_name, session)
        if isinstance(established, Established12):
            self._keep_session12(established)
            self._begin(established)
            return post12.client(self._peer)
        self._traffic_keys = keys = post13.TrafficKeys(self._peer, established, "client")
        self._begin(established)
        return post13.client(self._peer, config, established, keys, self._session_key)

    def _keep_session12(self, established: Established12) -> None:
        session = established.session
        if session is not None and self._client_config.sessions is not None:
            self._client_config.sessions.put(self._session_key, session)
            self._events.append(SessionReceived(session))

    def _server_end_point(self) -> bytes:
        chain = self._require_established().negotiated.peer
        if chain is None:
            raise ConfigError("The server showed no certificate.")
        return chain.leaf.end_point_digest


class ServerConnection(Connection):
    """The server's side."""

    def __init__(
        self, config: ServerConfig, *, accepts_early_data: bool = True, observer: Observer | None = None
    ) -> None:
        """`accepts_early_data`: whether EarlyDataReceived finds somebody, where `config.max_early_data` lets it come.

        `observer` sees each message and key.
        """
        carrier = RecordCarrier(is_client=False, padding=config.record_padding, accepts_early_data=accepts_early_data)
        super().__init__(config, observer, carrier)
        self._server_config = config
        self._records.accept_v2_hello = min(config.policy.versions) < ProtocolVersion.TLS_1_2
        self._requests: post13.ClientRequests | None = None
        self._start(self._handshake())

    async def _handshake(self) -> AfterHandshake:
        config, established = await hello.server(self._peer, self._server_config)
        if isinstance(established, Established12):
            self._begin(established)
            return post12.server(self._peer)
        self._traffic_keys = keys = post13.TrafficKeys(self._peer, established, "server")
        self._requests = requests = post13.ClientRequests(self._peer, config, established)
        self._begin(established)
        return post13.server(self._peer, established, keys, requests)

    def request_client_certificate(self) -> None:
        """Ask the client who it is, after the handshake (RFC 8446, section 4.6.2); PeerAuthenticated reports it.

        Raises ClosedError before the handshake is done, ConfigError if it cannot be asked.
        """
        if self._failure is not None or self._sent_close or self._established is None:
            raise self._not_open()
        if self._requests is None:
            raise ConfigError("Only TLS 1.3 can ask for a certificate after the handshake.")
        if not self._requests.allowed:
            raise ConfigError("The client does not take part in authentication after the handshake.")
        self._requests.config.required_verifier()
        self._records.sealing = None
        self._requests.send()

    def _receive_application_data(self, data: bytes) -> None:
        if self._requests is not None and self._requests.answer_under_way:
            raise ProtocolError(Fault.UNEXPECTED_RECORD, "application data between Certificate and Finished")
        super()._receive_application_data(data)

    def _server_end_point(self) -> bytes:
        credential = self._require_established().credential
        if credential is None:
            raise ConfigError("A resumed session does not show the server's certificate.")
        return credential.leaf.end_point_digest


def _alert_description(code: int) -> Any:
    """The AlertDescription, or the number of one that is not known; an `int` would be no more than the number."""
    try:
        return AlertDescription(code)
    except ValueError:
        return code
