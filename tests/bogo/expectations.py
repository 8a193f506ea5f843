"""Checks what came of a handshake against the runner's -expect-* flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from tests.bogo.configure import imported_keys
from tests.bogo.flags import Options, Unimplemented
from tests.bogo.world import World
from turtls.config import Negotiated
from turtls.connection import Connection
from turtls.crypto import keys
from turtls.errors import AlertDescription, AlertLevel
from turtls.events import AlertSeen, HandshakeMessageSeen, KeysInstalled, StepTaken, Trace
from turtls.handshake.endpoint import Endpoint
from turtls.handshake.established import Established
from turtls.quic import QuicConnection
from turtls.wire.codec import decode_prefix
from turtls.wire.extensions import (
    CertificateAuthorities,
    EarlyDataIndication,
    ExtendedMasterSecret,
    RenegotiationInfo,
    SignatureAlgorithms,
)
from turtls.wire.messages import CertificateRequest, ClientHello, EncryptedExtensions, HandshakeMessage, ServerHello12
from turtls.wire.messages12 import CertificateRequest11, CertificateRequest12, PskIdentityHint, ServerKeyExchange
from turtls.wire.registries import ProtocolVersion

M = TypeVar("M", bound=HandshakeMessage)


class Disappointed(Exception):
    """Something is not as the runner expects it."""


class Witness:
    """Sees the messages of one connection, and knows what was to come of it."""

    def __init__(self, options: Options, world: World, *, is_resumption: bool, retry: Options) -> None:
        self.options = options
        """For a client whose early data was rejected: of the other one that it is to BoringSSL from then on."""
        self._first_options = options
        self._retry = retry
        self.world = world
        self.is_resumption = is_resumption
        self.seen: list[Trace] = []
        self.offers_early_data = False
        """The client does."""
        self.objection = ""
        """What a server says about the early data that it does not accept."""

    def see(self, trace: Trace) -> None:
        """Observe the connection."""
        self.seen.append(trace)
        match trace:
            case HandshakeMessageSeen(message=ClientHello() as hello):
                self.offers_early_data |= EarlyDataIndication in hello.extensions
            case StepTaken(step="early data", explanation=explanation):
                self.objection = explanation
            case HandshakeMessageSeen(direction="received", message=EncryptedExtensions() as answers):
                if self.offers_early_data and EarlyDataIndication not in answers.extensions:
                    self.options = self.world.judge.options = self._retry

    @property
    def messages(self) -> list[HandshakeMessageSeen]:
        """The handshake messages of both sides, in their order."""
        return [trace for trace in self.seen if isinstance(trace, HandshakeMessageSeen)]

    def message(self, kind: type[M]) -> M | None:
        """The first message of that kind; None if there was none."""
        return next((trace.message for trace in self.messages if isinstance(trace.message, kind)), None)

    def received_anything(self) -> bool:
        """Whether the peer has come as far as a message."""
        return any(trace.direction == "received" for trace in self.messages)

    @staticmethod
    def traffic_secrets(connection: Endpoint) -> tuple[bytes, bytes]:
        """The client's and the server's of the present generation, which turtls shows to nobody."""
        established = connection._established
        assert isinstance(established, Established)
        return established.client_traffic_secret, established.server_traffic_secret

    def check_end(self, connection: Endpoint) -> None:
        """What can only be known once the runner has said all it has to say."""
        options, sessions = self.options, self.world.sessions
        if options.expect_no_session and sessions.kept:
            raise Disappointed("a session was kept")
        if options.expect_ticket_renewal and not sessions.kept:
            raise Disappointed("no session was kept")
        if options.expect_msg_callback:
            told = "".join(map(_line_of, self.seen))
            if isinstance(connection, Connection) and connection._carrier.v2_client_hello is not None:
                told = told.replace("read hs 1\n", "read v2clienthello\n", 1)
            _expect("messages", told, options.expect_msg_callback)
        for session in sessions.kept:
            _expect("ticket for early data", session.max_early_data > 0, options.expect_ticket_supports_early_data)

    def early_data_is_over(self, negotiated: Negotiated) -> None:
        """Check what has become of it."""
        options = self._first_options
        if options.expect_accept_early_data or options.expect_reject_early_data:
            _expect("early data accepted", negotiated.early_data, options.expect_accept_early_data)
        if self.is_resumption and (options.expect_accept_early_data or options.expect_reject_early_data):
            _expect("early data offered", self.offers_early_data, True)
        if options.expect_no_offer_early_data:
            _expect("early data offered", self.offers_early_data, False)
        if self.options.expect_early_data_reason:
            found = early_data_reason(self, negotiated)
            _expect("reason", found, self.options.expect_early_data_reason)


def _line_of(trace: Trace) -> str:
    """How BoringSSL tells what passed; empty for what it does not tell."""
    match trace:
        case HandshakeMessageSeen(direction=direction, raw=raw):
            return f"{_VERBS[direction]} hs {raw[0]}\n"
        case KeysInstalled(direction=direction, level="session"):  # up to TLS 1.2, by change_cipher_spec
            return f"{_VERBS[direction]} ccs\n"
        case AlertSeen(direction=direction, alert=alert):
            level = AlertLevel.WARNING if alert == AlertDescription.CLOSE_NOTIFY else AlertLevel.FATAL
            return f"{_VERBS[direction]} alert {level} {alert:d}\n"
    return ""


_VERBS = {"sent": "write", "received": "read"}


def check(witness: Witness, connection: Endpoint) -> None:
    """Check all that is known when the handshake is done. Raises Disappointed."""
    negotiated = connection.negotiated
    assert negotiated is not None
    witness.early_data_is_over(negotiated)
    options = witness.options
    if options.expect_quic_transport_params:
        found = connection.peer_transport_parameters if isinstance(connection, QuicConnection) else None
        _expect("transport parameters", found, options.expect_quic_transport_params)
    _expect("handshake done", not options.handshake_never_done, True)
    if not negotiated.resumed or witness.world.first is None:
        witness.world.first = negotiated
    _check_parameters(options, negotiated, witness.world.first)
    _check_names(options, negotiated)
    _check_resumption(witness, negotiated)
    _check_hellos(witness, negotiated)
    _check_certificate(witness, negotiated)
    _check_certificate_request(witness)
    _check_hint(witness)


_OBJECTIONS = {
    "accepts none": "disabled",
    "does not go on": "session_not_resumed",
    "does not allow it": "unsupported_for_session",
    "application protocol": "alpn_mismatch",
    "age of its ticket": "ticket_age_skew",
    "transport is not set up": "quic_parameter_mismatch",
    "accepted": "accept",
}
"""What BoringSSL calls what our server says."""


def early_data_reason(witness: Witness, negotiated: Negotiated) -> str:
    """What BoringSSL would call the reason for what has become of early data, from what was seen."""
    options = witness.options
    if negotiated.version < ProtocolVersion.TLS_1_3:
        return "protocol_version"
    if not options.enable_early_data:
        return "disabled"
    if negotiated.early_data:
        return "accept"
    offered = witness.offers_early_data
    if offered and negotiated.hello_retry and (negotiated.resumed or not options.server):
        return "hello_retry_request"
    if options.server and offered and not negotiated.resumed:
        return "session_not_resumed"
    if options.server:
        objections = [name for words, name in _OBJECTIONS.items() if words in witness.objection]
        return objections[0] if objections else "no_session_offered" if not witness.is_resumption else "peer_declined"
    if offered:
        return "peer_declined" if negotiated.resumed else "session_not_resumed"
    session = witness.world.sessions.offered
    if session is None:
        return "no_session_offered"
    return "alpn_mismatch" if session.max_early_data else "unsupported_for_session"


def _expect(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise Disappointed(f"{what}: {found!r} where {expected!r} was expected")


def _check_parameters(options: Options, negotiated: Negotiated, first: Negotiated) -> None:
    """A resumed session has no signature of its own, and up to TLS 1.2 no group: `first` is where it began."""
    for what, found, expected in (
        ("version", negotiated.version, options.expect_version),
        ("cipher suite", negotiated.cipher_suite, options.expect_cipher),
        ("cipher suite", negotiated.cipher_suite, _expected_by_aes(options)),
        ("group", negotiated.group or first.group, options.expect_curve_id),
        ("signature", first.signature_scheme, options.expect_peer_signature_algorithm),
    ):
        if expected:
            _expect(what, found, expected)
    if options.expect_hrr or options.expect_no_hrr:
        _expect("HelloRetryRequest", negotiated.hello_retry, options.expect_hrr)


def _expected_by_aes(options: Options) -> int:
    """The suite to expect on this machine, which has instructions for AES or not; 0 if any will do."""
    has_aes = " aes" in Path("/proc/cpuinfo").read_text()
    return options.expect_cipher_aes if has_aes else options.expect_cipher_no_aes


def _check_names(options: Options, negotiated: Negotiated) -> None:
    expected = options.select_alpn if options.server and not options.decline_alpn else options.expect_alpn
    _expect("ALPN", negotiated.alpn or "", expected)
    if options.expect_server_name:
        _expect("server name", negotiated.server_name, options.expect_server_name)
    if options.expect_no_server_name:
        _expect("server name", negotiated.server_name, None)


def _check_resumption(witness: Witness, negotiated: Negotiated) -> None:
    options, world = witness.options, witness.world
    if options.renew_ticket and negotiated.version < ProtocolVersion.TLS_1_3:
        raise Unimplemented("up to TLS 1.2 a ticket is not replaced as long as it is good")
    _expect("resumed", negotiated.resumed, witness.is_resumption and not options.expect_session_miss)
    if options.expect_ticket_renewal and negotiated.version < ProtocolVersion.TLS_1_3:
        offered = world.sessions.offered
        renewed = [session for session in world.sessions.kept if offered is None or session.ticket != offered.ticket]
        _expect("ticket renewed", bool(renewed), True)
    if not witness.is_resumption:
        if options.expect_session_id:
            _expect("kept by session id", world.session_ids.kept > 0, True)
        if options.expect_no_session_id:
            _expect("kept by session id", world.session_ids.kept > 0, False)


def _check_hellos(witness: Witness, negotiated: Negotiated) -> None:
    """What TLS 1.3 has always, and earlier versions only if both hellos say so."""
    options = witness.options
    hello = witness.message(ServerHello12)
    is_tls13 = negotiated.version >= ProtocolVersion.TLS_1_3
    if options.expect_extended_master_secret:
        _expect("EMS", is_tls13 or (hello is not None and ExtendedMasterSecret in hello.extensions), True)
    if options.expect_secure_renegotiation or options.expect_no_secure_renegotiation:
        found = is_tls13 or (hello is not None and RenegotiationInfo in hello.extensions)
        _expect("secure renegotiation", found, options.expect_secure_renegotiation)


def _check_certificate(witness: Witness, negotiated: Negotiated) -> None:
    options, peer, judged = witness.options, negotiated.peer, witness.world.judge.last
    if options.expect_no_peer_cert or options.psk or negotiated.psk_identity is not None:
        _expect("peer's certificate", peer, None)
    elif not options.server or options.require_any_client_certificate:
        _expect("peer has a certificate", peer is not None, True)
    if options.expect_verify_result:  # who shows nothing was not refused, either
        _expect("verdict", peer is None or peer.trusted, not options.verify_fail)
    if options.expect_peer_cert_file:
        chain = tuple(keys.load_certificates(Path(options.expect_peer_cert_file).read_bytes()))
        _expect("peer's chain", peer.chain if peer is not None else (), chain)
    if options.expect_ocsp_response:
        _expect("OCSP response", judged.ocsp_response if judged is not None else None, options.expect_ocsp_response)
    if options.expect_signed_cert_timestamps:
        found = judged.signed_certificate_timestamps if judged is not None else None
        _expect("timestamps", found, options.expect_signed_cert_timestamps)
    if options.expect_selected_credential:
        used = witness.world.used_credentials + _used_key(options, negotiated)
        _expect("credential used", used[0] if used else -1, options.expect_selected_credential[-1])


def _used_key(options: Options, negotiated: Negotiated) -> list[int]:
    """The number of the pre-shared key that was used, if one was."""
    identities = [psk.identity if psk is not None else b"" for psk in imported_keys(options)]
    return [identities.index(negotiated.psk_identity)] if negotiated.psk_identity in identities else []


def _check_hint(witness: Witness) -> None:
    """The identity that a server of TLS 1.2 hints at is the one that it knows."""
    params = witness.message(ServerKeyExchange)
    if witness.options.psk and params is not None:
        hint, _ = decode_prefix(PskIdentityHint, params.content)
        _expect("identity hint", hint.psk_identity_hint.decode(), witness.options.psk_identity)


def _check_certificate_request(witness: Witness) -> None:
    options = witness.options
    request12 = witness.message(CertificateRequest12) or witness.message(CertificateRequest11)
    request13 = witness.message(CertificateRequest)
    if options.expect_certificate_types:
        types = bytes(request12.certificate_types) if request12 is not None else b""
        _expect("certificate types", types, options.expect_certificate_types)
    if options.expect_client_ca_list:
        expected = [] if options.expect_client_ca_list == "<EMPTY>" else options.expect_client_ca_list.split(",")
        _expect("authorities", [name.hex() for name in _authorities(request12, request13)], expected)
    if options.expect_peer_verify_pref:
        hello = witness.message(ClientHello) if options.server else None
        _expect("peer's schemes", _schemes(hello or request12 or request13), options.expect_peer_verify_pref)


def _authorities(
    request12: CertificateRequest12 | CertificateRequest11 | None, request13: CertificateRequest | None
) -> list[bytes]:
    if request12 is not None:
        return request12.certificate_authorities
    listed = request13.extensions.get(CertificateAuthorities) if request13 is not None else None
    return listed.authorities if listed is not None else []


def _schemes(message: HandshakeMessage | None) -> list[int]:
    """What a ClientHello or a CertificateRequest says can be verified."""
    if isinstance(message, CertificateRequest12):
        return list(message.supported_signature_algorithms)
    if not isinstance(message, ClientHello | CertificateRequest):
        return []
    listed = message.extensions.get(SignatureAlgorithms)
    return list(listed.supported_signature_algorithms) if listed is not None else []
