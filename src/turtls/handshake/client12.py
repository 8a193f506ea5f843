"""A client of TLS 1.2 and earlier, from the ServerHello on (RFC 5246, figures 1 and 2, left side)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from turtls.config import Negotiated, Role, VerifiedChain
from turtls.crypto.suites12 import SUITES12, Authentication, KeyExchange, Suite12
from turtls.errors import ConfigError, Fault, ProtocolError
from turtls.handshake.certificates12 import (
    RSA_KINDS,
    choose_client_credential12,
    curve_of,
    proof_of_server,
    sign12,
    verify_chain12,
    verify_signature12,
)
from turtls.handshake.established12 import Established12
from turtls.handshake.key_exchange12 import ClientDhe, ClientEcdhe, ClientHalf, ClientPsk, ClientRsa, ClientSrp
from turtls.handshake.offer import Offer, chosen_protocol
from turtls.handshake.peer import Peer
from turtls.handshake.proofs import VerifiedSignature, verify_finished
from turtls.handshake.resumption import verify_server_again
from turtls.handshake.resumption12 import session_from_handshake
from turtls.handshake.secrets12 import Secrets12, handshake_hash, make_master_secret
from turtls.handshake.transcript import Transcript
from turtls.record.limits import MIN_RECORD_SIZE_LIMIT
from turtls.wire.extensions import (
    CertificateStatusAcknowledged,
    EcPointFormats,
    EncryptThenMac,
    ExtendedMasterSecret,
    ProtocolNameList,
    RecordSizeLimit,
    RenegotiationInfo,
    SessionTicket,
    SignedCertificateTimestamps,
)
from turtls.wire.messages import Finished, ServerHello12
from turtls.wire.messages12 import (
    Certificate12,
    CertificateRequest11,
    CertificateRequest12,
    CertificateStatus12,
    CertificateVerify12,
    ClientKeyExchange,
    NewSessionTicket12,
    ServerHelloDone,
    ServerKeyExchange,
)
from turtls.wire.registries import PointFormat, ProtocolVersion


@dataclass(slots=True)
class Answer:
    """What a ServerHello settled."""

    version: ProtocolVersion
    suite: Suite12
    alpn: str | None
    extended_master_secret: bool
    encrypt_then_mac: bool
    resumed: bool
    ticket_follows: bool
    status_follows: bool


async def handshake(peer: Peer, offer: Offer, hello: ServerHello12, transcript: Transcript) -> Established12:
    """The handshake from ServerHello to the last Finished."""
    answer = _check_server_hello(peer, offer, hello)
    peer.carrier.set_version(answer.version)
    may_sign = bool(offer.config.credentials) and not answer.resumed
    transcript.start(handshake_hash(answer.version, answer.suite), keep_messages=may_sign)
    transcript.add(hello.raw)
    if answer.resumed:
        return await _abbreviated(peer, offer, hello, answer, transcript)
    return await _full(peer, offer, hello, answer, transcript)


async def _full(
    peer: Peer, offer: Offer, hello: ServerHello12, answer: Answer, transcript: Transcript
) -> Established12:
    """Figure 1 of RFC 5246."""
    version, suite = answer.version, answer.suite
    request_form: type[CertificateRequest12 | CertificateRequest11]
    request_form = CertificateRequest12 if version >= ProtocolVersion.TLS_1_2 else CertificateRequest11

    # The server says who it is.
    chain: VerifiedChain | None = None
    ocsp_response: bytes | None = None
    if suite.authentication.by_certificate:
        certificate = await peer.receive(Certificate12)
        transcript.add(certificate.raw)
        message = await peer.receive(CertificateStatus12, ServerKeyExchange, request_form, ServerHelloDone)
        if isinstance(message, CertificateStatus12):
            if not answer.status_follows:
                raise ProtocolError(Fault.UNEXPECTED_MESSAGE, "CertificateStatus without status_request")
            ocsp_response = message.response
            transcript.add(message.raw)
            message = await peer.receive(ServerKeyExchange, request_form, ServerHelloDone)
        chain = await _verify_server(peer, offer, hello, certificate, suite, ocsp_response)
    else:
        message = await peer.receive(ServerKeyExchange, ServerHelloDone)

    # Its half of the key exchange, signed.
    exchange = _exchange(peer, offer, suite, chain)
    signature: VerifiedSignature | None = None
    if isinstance(message, ServerKeyExchange):
        if suite.key_exchange is KeyExchange.RSA:  # it could only be an export key (FREAK)
            raise ProtocolError(Fault.UNEXPECTED_MESSAGE, "ServerKeyExchange with RSA key transport")
        length = exchange.read_params(message.content)
        signature = _check_signature(offer, hello, answer, message.content, length, chain)
        transcript.add(message.raw)
        if chain is not None:
            message = await peer.receive(request_form, ServerHelloDone)
        else:  # nobody without a certificate may ask for one (RFC 5246, section 7.4.4)
            message = await peer.receive(ServerHelloDone)
    elif suite.key_exchange.needs_params:
        raise ProtocolError(Fault.UNEXPECTED_MESSAGE, f"{type(message).__name__} where ServerKeyExchange was expected")

    # It may want to know who the client is.
    request: CertificateRequest12 | CertificateRequest11 | None = None
    if isinstance(message, request_form):
        request = message
        transcript.add(request.raw)
        message = await peer.receive(ServerHelloDone)
    transcript.add(message.raw)
    server_scheme = signature.scheme if signature is not None else None
    peer.explain("authentication", proof_of_server(suite), server_scheme=server_scheme)

    # The client's half, and its proof of identity if there was a request for one.
    chosen = choose_client_credential12(offer.config, version, request) if request is not None else None
    if request is not None:
        certificates = list(chosen[0].chain) if chosen is not None else []
        transcript.add(peer.send(Certificate12(certificate_list=certificates)))
    content, premaster_secret = exchange.answer()
    transcript.add(peer.send(ClientKeyExchange(content=content)))
    secrets = make_master_secret(
        peer,
        version,
        suite,
        premaster_secret,
        transcript,
        client_random=offer.hello.random,
        server_random=hello.random,
        extended=answer.extended_master_secret,
    )
    if chosen is not None:
        signed = await sign12(peer, version, *chosen, transcript.messages)
        transcript.add(peer.send(CertificateVerify12(content=signed)))
    transcript.drop_messages()

    # From here on everything is encrypted, and each side shows that it saw the same handshake.
    client_keys, server_keys = secrets.protections(peer.environment.random, encrypt_then_mac=answer.encrypt_then_mac)
    peer.send_change_cipher_spec(client_keys, suite, "what the client sends from here on is encrypted")
    first_finished = secrets.verify_data(transcript, client=True)
    transcript.add(peer.send(Finished(verify_data=first_finished)))
    ticket = await _receive_ticket(peer, answer, transcript)
    await peer.receive_change_cipher_spec(server_keys, suite, "what the server sends from here on is encrypted")
    finished = await peer.receive(Finished)
    proof = verify_finished(secrets.verify_data(transcript, client=False), finished.verify_data)

    established = Established12(
        proof,
        Negotiated(
            version=version,
            cipher_suite=suite.suite,
            group=exchange.group,
            signature_scheme=server_scheme,
            alpn=answer.alpn,
            server_name=offer.server_name,
            peer=chain,
            psk_identity=exchange.psk.identity if isinstance(exchange, ClientPsk) else None,
            srp_username=exchange.username if isinstance(exchange, ClientSrp) else None,
            authenticated_at=peer.environment.now(),
            ocsp_response=ocsp_response,
        ),
        secrets,
        first_finished=first_finished,
    )
    established.session = session_from_handshake(peer, offer, established, session_id=hello.session_id, ticket=ticket)
    return established


async def _abbreviated(
    peer: Peer, offer: Offer, hello: ServerHello12, answer: Answer, transcript: Transcript
) -> Established12:
    """Figure 2 of RFC 5246: the server speaks first, and nobody needs to prove more than the master secret."""
    session = offer.session
    if session is None:
        raise ProtocolError(Fault.UNOFFERED_RESUMPTION)
    chain = await verify_server_again(peer, offer.config, session)
    secrets = Secrets12(
        answer.version, answer.suite, offer.hello.random, hello.random, session.secret, answer.extended_master_secret
    )
    peer.derived("master_secret", session.secret, "kept from the first session", keylog="CLIENT_RANDOM")
    suite = answer.suite
    client_keys, server_keys = secrets.protections(peer.environment.random, encrypt_then_mac=answer.encrypt_then_mac)
    ticket = await _receive_ticket(peer, answer, transcript)
    await peer.receive_change_cipher_spec(server_keys, suite, "what the server sends from here on is encrypted")
    finished = await peer.receive(Finished)
    first_finished = secrets.verify_data(transcript, client=False)
    proof = verify_finished(first_finished, finished.verify_data)
    transcript.add(finished.raw)
    peer.send_change_cipher_spec(client_keys, suite, "what the client sends from here on is encrypted")
    peer.send(Finished(verify_data=secrets.verify_data(transcript, client=True)))

    established = Established12(
        proof,
        Negotiated(
            version=answer.version,
            cipher_suite=answer.suite.suite,
            alpn=answer.alpn,
            server_name=offer.server_name,
            peer=chain,
            psk_identity=session.psk_identity,
            srp_username=session.srp_username,
            authenticated_at=session.authenticated_at,
            resumed=True,
        ),
        secrets,
        first_finished=first_finished,
    )
    # The session stays good (RFC 5246, section F.1.4), but its ticket may have been replaced by a newer one.
    if ticket is None:
        established.session = session
    else:
        established.session = session_from_handshake(
            peer, offer, established, session_id=session.session_id, ticket=ticket
        )
    return established


# ------------------------------------------------------------------------------------------- checks


def _check_server_hello(peer: Peer, offer: Offer, hello: ServerHello12) -> Answer:
    config, extensions = offer.config, hello.extensions
    version = hello.server_version
    if version not in offer.terms.versions or version >= ProtocolVersion.TLS_1_3:
        fault = Fault.SSL3_REFUSED if version == ProtocolVersion.SSL_3_0 else Fault.UNSUPPORTED_PROTOCOL
        raise ProtocolError(fault, f"the server speaks {version}")
    _check_downgrade(offer.terms.versions, version, hello.random)
    suite = SUITES12.get(hello.cipher_suite)
    if suite is None or hello.cipher_suite not in offer.terms.cipher_suites or version < suite.min_version:
        raise ProtocolError(Fault.WRONG_CIPHER, hello.cipher_suite.name)
    if hello.compression_method != b"\0":
        raise ProtocolError(Fault.BAD_COMPRESSION, "compression_method in ServerHello")
    offer.check_answers(extensions)
    _check_renegotiation_info(offer, hello)
    extended = ExtendedMasterSecret in extensions
    resumed = _is_resumed(offer, hello, suite, extended=extended)
    if (limit := extensions.get(RecordSizeLimit)) is not None:
        if limit.record_size_limit < MIN_RECORD_SIZE_LIMIT:
            raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"record_size_limit {limit.record_size_limit}")
        peer.carrier.limit_records(send=limit.record_size_limit, receive=config.record_size_limit)
    formats = extensions.get(EcPointFormats)
    if formats is not None and PointFormat.uncompressed not in formats.ec_point_format_list:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, "ec_point_formats without uncompressed")  # RFC 8422, section 5.1.2
    encrypt_then_mac = EncryptThenMac in extensions
    if encrypt_then_mac and not suite.is_cbc:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, "encrypt_then_mac with an AEAD")  # RFC 7366, section 3
    protocols = extensions.get(ProtocolNameList)
    return Answer(
        version=version,
        suite=suite,
        alpn=chosen_protocol(offer, protocols.protocol_name_list) if protocols is not None else None,
        extended_master_secret=extended,
        encrypt_then_mac=encrypt_then_mac,
        resumed=resumed,
        ticket_follows=SessionTicket in extensions,
        status_follows=CertificateStatusAcknowledged in extensions,
    )


DOWNGRADE_TO_TLS12: Final = b"DOWNGRD\x01"
DOWNGRADE_TO_TLS11: Final = b"DOWNGRD\x00"


def _check_downgrade(versions: tuple[ProtocolVersion, ...], chosen: ProtocolVersion, server_random: bytes) -> None:
    """RFC 8446, section 4.1.3: a server that knows more than it was asked for says so in its random."""
    newest, sentinel = versions[0], server_random[-8:]
    if newest >= ProtocolVersion.TLS_1_3:
        is_downgrade = sentinel in (DOWNGRADE_TO_TLS12, DOWNGRADE_TO_TLS11)
    else:
        is_downgrade = sentinel == DOWNGRADE_TO_TLS11 and chosen < ProtocolVersion.TLS_1_2 <= newest
    if is_downgrade:
        raise ProtocolError(Fault.DOWNGRADE, f"both sides know a newer version than {chosen}")


def _check_renegotiation_info(offer: Offer, hello: ServerHello12) -> None:
    """RFC 5746, section 3.4: in a first handshake it is empty."""
    info = hello.extensions.get(RenegotiationInfo)
    if info is not None and info.renegotiated_connection:
        raise ProtocolError(Fault.RENEGOTIATION_MISMATCH)
    if info is None and offer.config.policy.require_secure_renegotiation:
        raise ProtocolError(Fault.NO_SAFE_RENEGOTIATION)


def _is_resumed(offer: Offer, hello: ServerHello12, suite: Suite12, *, extended: bool) -> bool:
    """Whether the server echoed the session id (RFC 5077, section 3.4); what it resumes must be what it was."""
    if not hello.session_id or hello.session_id != offer.hello.legacy_session_id:
        return False
    session = offer.session
    if session is None:
        raise ProtocolError(Fault.UNOFFERED_RESUMPTION)
    if session.version != hello.server_version:
        raise ProtocolError(Fault.RESUMPTION_MISMATCH, f"{hello.server_version} where it was {session.version}")
    if session.cipher_suite != suite.suite:
        raise ProtocolError(Fault.RESUMPTION_MISMATCH, f"{suite.suite} where it was {session.cipher_suite}")
    if not extended:  # RFC 7627, section 5.3: only sessions with it are kept
        raise ProtocolError(Fault.RESUMED_EMS_MISMATCH)
    return True


async def _verify_server(
    peer: Peer,
    offer: Offer,
    hello: ServerHello12,
    certificate: Certificate12,
    suite: Suite12,
    ocsp_response: bytes | None,
) -> VerifiedChain:
    if not certificate.certificate_list:
        raise ProtocolError(Fault.NO_CERTIFICATE)
    timestamps = hello.extensions.get(SignedCertificateTimestamps)
    policy = offer.config.policy
    chain = await verify_chain12(
        peer,
        offer.config.required_verifier(),
        certificate.certificate_list,
        role=Role.SERVER,
        server_name=offer.server_name,
        min_rsa_bits=policy.min_rsa_bits,
        ocsp_response=ocsp_response,
        signed_certificate_timestamps=timestamps.encode() if timestamps is not None else None,
    )
    curve = curve_of(chain.leaf.public_key)
    is_rsa = chain.leaf.public_key.kind in RSA_KINDS
    if is_rsa != (suite.authentication is Authentication.RSA):
        raise ProtocolError(Fault.WRONG_KEY_TYPE, f"{chain.leaf.public_key} with {suite.suite}")
    if curve is not None and curve not in policy.groups:  # RFC 8422, section 5.3
        raise ProtocolError(Fault.WRONG_CERTIFICATE_CURVE, curve.name)
    if suite.key_exchange.is_signed:
        chain.leaf.require_signing()
    else:
        chain.leaf.require_key_transport()
    return chain


def _check_signature(
    offer: Offer, hello: ServerHello12, answer: Answer, content: bytes, length: int, chain: VerifiedChain | None
) -> VerifiedSignature | None:
    """The signature behind the parameters covers both randoms, so that it cannot be replayed (section 7.4.3)."""
    if not answer.suite.key_exchange.is_signed or chain is None:
        if length != len(content):
            raise ProtocolError(Fault.MALFORMED, "bytes behind the parameters of ServerKeyExchange")
        return None
    signed = offer.hello.random + hello.random + content[:length]
    schemes = offer.config.policy.signature_schemes
    return verify_signature12(answer.version, chain.leaf.public_key, schemes, content[length:], signed)


def _exchange(peer: Peer, offer: Offer, suite: Suite12, chain: VerifiedChain | None) -> ClientHalf:
    """The client's half of the suite's key exchange."""
    environment, config, exchange = peer.environment, offer.config, suite.key_exchange
    inner: ClientHalf | None = None
    if exchange.is_elliptic:
        inner = ClientEcdhe(environment, config.policy.groups)
    elif exchange in (KeyExchange.DHE, KeyExchange.DHE_PSK):
        inner = ClientDhe()
    elif exchange in (KeyExchange.RSA, KeyExchange.RSA_PSK):
        if chain is None:
            raise ProtocolError(Fault.NO_CERTIFICATE)
        inner = ClientRsa(environment, chain.leaf.public_key, offer.hello.legacy_version)
    elif exchange.by_password and config.srp is not None:
        inner = ClientSrp(environment, config.srp)
    if exchange.by_psk:
        if config.psk12 is None:
            raise ConfigError(f"{suite.suite} was offered without a pre-shared key.")
        return ClientPsk(config.psk12, inner)
    if inner is None:
        raise ProtocolError(Fault.WRONG_CIPHER, suite.suite.name)
    return inner


async def _receive_ticket(peer: Peer, answer: Answer, transcript: Transcript) -> NewSessionTicket12 | None:
    """RFC 5077, section 3.3: announced in ServerHello, sent before change_cipher_spec; empty if there is none."""
    if not answer.ticket_follows:
        return None
    message = await peer.receive(NewSessionTicket12)
    transcript.add(message.raw)
    return message
