"""A server of TLS 1.2 and earlier, from the ClientHello on (RFC 5246, figures 1 and 2, right side)."""

from __future__ import annotations

from functools import partial
from typing import Final

from turtls.config import ClientAuth, Credential, Negotiated, Role, ServerConfig, VerifiedChain
from turtls.crypto.rsa_transport import PREMASTER_LENGTH, checked_premaster
from turtls.crypto.srp import SrpVerifier
from turtls.crypto.suites12 import SUITES12, KeyExchange, Suite12
from turtls.errors import Fault, ProtocolError
from turtls.handshake.certificates12 import (
    proof_of_server,
    sign12,
    verify_chain12,
    verify_signature12,
)
from turtls.handshake.client12 import DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12
from turtls.handshake.established12 import Established12
from turtls.handshake.key_exchange12 import (
    ServerDhe,
    ServerEcdhe,
    ServerHalf,
    ServerPsk,
    ServerRsa,
    ServerSrp,
)
from turtls.handshake.peer import Peer
from turtls.handshake.proofs import VerifiedFinished, VerifiedSignature, verify_finished
from turtls.handshake.resumption import (
    TicketState,
    digest_of_psk,
    digest_of_user,
    look_up_psk,
    look_up_user,
    ticket_state,
)
from turtls.handshake.resumption12 import Resumption12, find_resumption12, keep_session, new_ticket
from turtls.handshake.secrets12 import Secrets12, handshake_hash, make_master_secret
from turtls.handshake.selection import (
    answer_record_limits,
    choose_protocol,
    requested_name,
)
from turtls.handshake.selection12 import Choice, choose
from turtls.handshake.transcript import Transcript
from turtls.wire.extensions import (
    AnyExtension,
    CertificateStatusAcknowledged,
    CertificateStatusRequest,
    EcPointFormats,
    EncryptThenMac,
    ExtendedMasterSecret,
    Extensions,
    ProtocolNameList,
    RenegotiationInfo,
    ServerNameAcknowledged,
    ServerNameList,
    SessionTicket,
    SignedCertificateTimestampRequest,
    SignedCertificateTimestamps,
    SrpIdentity,
    prepare,
)
from turtls.wire.messages import ClientHello, Finished, ServerHello12
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
from turtls.wire.registries import (
    CipherSuite,
    ClientCertificateType,
    PointFormat,
    ProtocolVersion,
)


async def handshake(peer: Peer, config: ServerConfig, hello: ClientHello, version: ProtocolVersion) -> Established12:
    """The handshake from the ClientHello to the last Finished."""
    _check_hello(config, hello)
    peer.carrier.set_version(version)
    server_name = requested_name(hello)
    alpn = choose_protocol(config, hello)
    resumption = await find_resumption12(peer, config, hello, version, server_name)
    if resumption is not None:
        return await _abbreviated(peer, config, hello, version, resumption, server_name, alpn)
    return await _full(peer, config, hello, version, server_name, alpn)


async def _full(
    peer: Peer,
    config: ServerConfig,
    hello: ClientHello,
    version: ProtocolVersion,
    server_name: str | None,
    alpn: str | None,
) -> Established12:
    """Figure 1 of RFC 5246."""
    choice = choose(config, hello, version, server_name)
    suite, credential = choice.suite, choice.credential
    asks = config.client_auth is not ClientAuth.NONE and suite.authentication.by_certificate
    transcript = Transcript()
    transcript.start(handshake_hash(version, suite), keep_messages=asks)
    transcript.add(hello.raw)
    extended = ExtendedMasterSecret in hello.extensions
    gives_ticket = extended and config.tickets is not None and SessionTicket in hello.extensions
    keeps_session = extended and not gives_ticket and config.session_ids is not None
    answers = _answers(peer, config, hello, suite, alpn, resumed=False)
    if gives_ticket:
        answers.append(_SESSION_TICKET)
    answers += _certificate_answers(hello, credential)
    server_hello = ServerHello12(
        server_version=version,
        random=_server_random(peer, config, version),
        session_id=peer.environment.random(32) if keeps_session else b"",
        cipher_suite=suite.suite,
        extensions=Extensions(answers),
    )
    transcript.add(peer.send(server_hello))

    # Who this server is, and its half of the key exchange.
    if credential is not None:
        transcript.add(peer.send(Certificate12(certificate_list=list(credential.chain))))
        if credential.ocsp_response is not None and CertificateStatusRequest in hello.extensions:
            transcript.add(peer.send(CertificateStatus12(response=credential.ocsp_response)))
    exchange = await _exchange(peer, config, hello, choice)
    if params := exchange.params():
        signed = b""
        if choice.scheme is not None and credential is not None and suite.key_exchange.is_signed:
            content = hello.random + server_hello.random + params
            signed = await sign12(peer, version, credential, choice.scheme, content)
        transcript.add(peer.send(ServerKeyExchange(content=params + signed)))
    if asks:
        transcript.add(peer.send(_certificate_request(config, version)))
    transcript.add(peer.send(ServerHelloDone()))
    peer.explain("authentication", proof_of_server(suite), server_scheme=choice.scheme)

    # The client's half, and who it is.
    chain: VerifiedChain | None = None
    if asks:
        certificate = await peer.receive(Certificate12)
        transcript.add(certificate.raw)
        chain = await _verify_client(peer, config, certificate)
    key_exchange = await peer.receive(ClientKeyExchange)
    premaster_secret = await exchange.finish(key_exchange.content)
    transcript.add(key_exchange.raw)
    secrets = make_master_secret(
        peer,
        version,
        suite,
        premaster_secret,
        transcript,
        client_random=hello.random,
        server_random=server_hello.random,
        extended=extended,
    )
    signature: VerifiedSignature | None = None
    if chain is not None:
        verify = await peer.receive(CertificateVerify12)
        schemes = config.policy.signature_schemes
        signature = verify_signature12(version, chain.leaf.public_key, schemes, verify.content, transcript.messages)
        transcript.add(verify.raw)
    transcript.drop_messages()

    # Each side shows that it saw the same handshake.
    etm = EncryptThenMac in server_hello.extensions
    client_keys, server_keys = secrets.protections(peer.environment.random, encrypt_then_mac=etm)
    await peer.receive_change_cipher_spec(client_keys, suite, "what the client sends from here on is encrypted")
    first_finished = secrets.verify_data(transcript, client=True)
    finished = await peer.receive(Finished)
    proof = verify_finished(first_finished, finished.verify_data)
    transcript.add(finished.raw)
    psk = exchange.psk if isinstance(exchange, ServerPsk) else None
    user = exchange.verifier if isinstance(exchange, ServerSrp) else None
    negotiated = Negotiated(
        version=version,
        cipher_suite=suite.suite,
        group=exchange.group,
        signature_scheme=signature.scheme if signature is not None else None,
        alpn=alpn,
        server_name=server_name,
        peer=chain,
        psk_identity=psk.identity if psk is not None else None,
        srp_username=hello.extensions.require(SrpIdentity).srp_I.decode("utf-8", "replace")
        if user is not None
        else None,
        authenticated_at=peer.environment.now(),
    )
    secret_digest = digest_of_user(user) or digest_of_psk(psk)
    state = ticket_state(negotiated, secrets.master_secret, secret_digest)
    if gives_ticket:
        await _send_ticket(peer, config, state, transcript)
    await keep_session(peer, config, server_hello.session_id, state)
    peer.send_change_cipher_spec(server_keys, suite, "what the server sends from here on is encrypted")
    peer.send(Finished(verify_data=secrets.verify_data(transcript, client=False)))
    return Established12(proof, negotiated, secrets, first_finished=first_finished, credential=credential)


async def _abbreviated(
    peer: Peer,
    config: ServerConfig,
    hello: ClientHello,
    version: ProtocolVersion,
    resumption: Resumption12,
    server_name: str | None,
    alpn: str | None,
) -> Established12:
    """Figure 2 of RFC 5246."""
    state = resumption.state
    suite = SUITES12[state.cipher_suite]
    transcript = Transcript()
    transcript.start(handshake_hash(version, suite))
    transcript.add(hello.raw)
    knows_tickets = SessionTicket in hello.extensions and config.tickets is not None
    gives_ticket = knows_tickets and not resumption.ticket_stays
    answers = _answers(peer, config, hello, suite, alpn, resumed=True)
    if gives_ticket:
        answers.append(_SESSION_TICKET)
    server_hello = ServerHello12(
        server_version=version,
        random=_server_random(peer, config, version),
        session_id=hello.legacy_session_id,
        cipher_suite=suite.suite,
        extensions=Extensions(answers),
    )
    transcript.add(peer.send(server_hello))
    secrets = Secrets12(version, suite, hello.random, server_hello.random, state.secret, extended=True)
    peer.derived("master_secret", state.secret, "kept from the first session", keylog="CLIENT_RANDOM")
    if gives_ticket:
        await _send_ticket(peer, config, state, transcript)
    elif not knows_tickets:
        await keep_session(peer, config, hello.legacy_session_id, state)
    etm = EncryptThenMac in server_hello.extensions
    client_keys, server_keys = secrets.protections(peer.environment.random, encrypt_then_mac=etm)
    peer.send_change_cipher_spec(server_keys, suite, "what the server sends from here on is encrypted")
    first_finished = secrets.verify_data(transcript, client=False)
    transcript.add(peer.send(Finished(verify_data=first_finished)))
    await peer.receive_change_cipher_spec(client_keys, suite, "what the client sends from here on is encrypted")
    finished = await peer.receive(Finished)
    proof: VerifiedFinished = verify_finished(secrets.verify_data(transcript, client=True), finished.verify_data)
    negotiated = Negotiated(
        version=version,
        cipher_suite=suite.suite,
        alpn=alpn,
        server_name=server_name,
        peer=resumption.client_chain,
        psk_identity=state.psk_identity or None,
        srp_username=state.srp_username.decode() or None,
        authenticated_at=state.authenticated_at,
        resumed=True,
    )
    return Established12(proof, negotiated, secrets, first_finished=first_finished)


# ------------------------------------------------------------------------------------------- checks, and this half


def _check_hello(config: ServerConfig, hello: ClientHello) -> None:
    if 0 not in hello.legacy_compression_methods:
        raise ProtocolError(Fault.BAD_COMPRESSION, "compression_methods without null in ClientHello")
    info = hello.extensions.get(RenegotiationInfo)
    if info is not None and info.renegotiated_connection:
        raise ProtocolError(Fault.RENEGOTIATION_MISMATCH)
    formats = hello.extensions.get(EcPointFormats)
    if formats is not None and PointFormat.uncompressed not in formats.ec_point_format_list:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, "ec_point_formats without uncompressed")


async def _exchange(peer: Peer, config: ServerConfig, hello: ClientHello, choice: Choice) -> ServerHalf:
    """The server's half of the suite's key exchange."""
    environment, credential, group = peer.environment, choice.credential, choice.group
    exchange = choice.suite.key_exchange
    inner: ServerHalf | None = None
    if exchange.is_elliptic and group is not None:
        inner = ServerEcdhe(environment, group)
    elif exchange in (KeyExchange.DHE, KeyExchange.DHE_PSK) and group is not None:
        inner = ServerDhe(environment, group)
    elif exchange in (KeyExchange.RSA, KeyExchange.RSA_PSK) and credential is not None:
        inner = ServerRsa(_premaster_decrypter(peer, credential, hello.legacy_version))
    elif exchange.by_password:
        inner = ServerSrp(environment, await _srp_verifier(peer, config, hello))
    if exchange.by_psk:
        look_up = partial(look_up_psk, peer, config)
        return ServerPsk(environment, look_up, config.psk_identity_hint, inner)
    if inner is None:
        raise ProtocolError(Fault.INTERNAL, f"{choice.suite.suite} was chosen without what it needs")
    return inner


class _premaster_decrypter:  # noqa: N801 - a function with its arguments
    """Decrypts a premaster secret so that nothing can be learned from how it fails."""

    def __init__(self, peer: Peer, credential: Credential, offered_version: ProtocolVersion) -> None:
        self._peer = peer
        self._credential = credential
        self._offered_version = offered_version

    async def __call__(self, untrusted_ciphertext: bytes) -> bytes:
        random = self._peer.environment.random(PREMASTER_LENGTH)
        decrypted: bytes = await self._peer.wait(
            self._credential.decrypt(untrusted_ciphertext), "a decryption by this side's key"
        )
        return checked_premaster(decrypted, self._offered_version, random)


async def _srp_verifier(peer: Peer, config: ServerConfig, hello: ClientHello) -> SrpVerifier:
    """The user's verifier, or one made up: who is a user here can't be probed (RFC 5054, section 2.5.1.3).

    One is always made up, because that takes long enough to be measured from afar.
    """
    untrusted_username = hello.extensions.require(SrpIdentity).srp_I
    if config.srp is None:
        raise ProtocolError(Fault.UNKNOWN_PSK_IDENTITY)
    simulated = SrpVerifier.simulated(untrusted_username, config.srp.seed, config.srp.bits)
    found = await look_up_user(peer, config, untrusted_username)
    return found if found is not None else simulated


# ------------------------------------------------------------------------------------------- messages


def _server_random(peer: Peer, config: ServerConfig, version: ProtocolVersion) -> bytes:
    """32 random bytes; the last eight tell a client if more was possible than it asked for (RFC 8446, 4.1.3)."""
    random = peer.environment.random(32)
    newest = config.policy.max_version
    if version < ProtocolVersion.TLS_1_2 <= newest:
        return random[:-8] + DOWNGRADE_TO_TLS11
    if version < ProtocolVersion.TLS_1_3 <= newest:
        return random[:-8] + DOWNGRADE_TO_TLS12
    return random


_RENEGOTIATION_INFO: Final = prepare(RenegotiationInfo())
_EXTENDED_MASTER_SECRET: Final = prepare(ExtendedMasterSecret())
_ENCRYPT_THEN_MAC: Final = prepare(EncryptThenMac())
_EC_POINT_FORMATS: Final = prepare(EcPointFormats(ec_point_format_list=[PointFormat.uncompressed]))
_SERVER_NAME: Final = prepare(ServerNameAcknowledged())
_SESSION_TICKET: Final = prepare(SessionTicket())


def _answers(
    peer: Peer, config: ServerConfig, hello: ClientHello, suite: Suite12, alpn: str | None, *, resumed: bool
) -> list[AnyExtension]:
    extensions = hello.extensions
    answers: list[AnyExtension] = []
    if RenegotiationInfo in extensions or CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV in hello.cipher_suites:
        answers.append(_RENEGOTIATION_INFO)
    if ExtendedMasterSecret in extensions:
        answers.append(_EXTENDED_MASTER_SECRET)
    if suite.is_cbc and EncryptThenMac in extensions:
        answers.append(_ENCRYPT_THEN_MAC)
    if EcPointFormats in extensions and suite.key_exchange.is_elliptic:
        answers.append(_EC_POINT_FORMATS)
    if ServerNameList in extensions and not resumed:  # RFC 6066, section 3
        answers.append(_SERVER_NAME)
    if alpn is not None:
        answers.append(ProtocolNameList(protocol_name_list=[alpn.encode()]))
    return answers + answer_record_limits(peer, config.record_size_limit, extensions, ProtocolVersion.TLS_1_2)


def _certificate_answers(hello: ClientHello, credential: Credential | None) -> list[AnyExtension]:
    answers: list[AnyExtension] = []
    if credential is None:
        return answers
    if credential.ocsp_response is not None and CertificateStatusRequest in hello.extensions:
        answers.append(CertificateStatusAcknowledged())
    timestamps = credential.signed_certificate_timestamps
    if timestamps is not None and SignedCertificateTimestampRequest in hello.extensions:
        answers.append(SignedCertificateTimestamps.decode(timestamps))
    return answers


def _certificate_request(config: ServerConfig, version: ProtocolVersion) -> CertificateRequest12 | CertificateRequest11:
    types = [ClientCertificateType.rsa_sign, ClientCertificateType.ecdsa_sign]
    authorities = list(config.required_verifier().certificate_authorities())
    if version < ProtocolVersion.TLS_1_2:
        return CertificateRequest11(certificate_types=types, certificate_authorities=authorities)
    return CertificateRequest12(
        certificate_types=types,
        supported_signature_algorithms=list(config.policy.signature_schemes),
        certificate_authorities=authorities,
    )


async def _verify_client(peer: Peer, config: ServerConfig, certificate: Certificate12) -> VerifiedChain | None:
    if not certificate.certificate_list:
        if config.client_auth is ClientAuth.REQUIRE:
            raise ProtocolError(Fault.CERTIFICATE_REQUIRED_12)
        return None
    chain = await verify_chain12(
        peer,
        config.required_verifier(),
        certificate.certificate_list,
        role=Role.CLIENT,
        server_name=None,
        min_rsa_bits=config.policy.min_rsa_bits,
    )
    chain.leaf.require_signing()
    return chain


async def _send_ticket(peer: Peer, config: ServerConfig, state: TicketState, transcript: Transcript) -> None:
    ticket = await new_ticket(peer, config, state)
    lifetime = config.tickets.lifetime if config.tickets is not None and ticket else 0
    transcript.add(peer.send(NewSessionTicket12(ticket_lifetime_hint=lifetime, ticket=ticket)))
