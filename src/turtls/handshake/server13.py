"""A server of TLS 1.3, from the ClientHello on (RFC 8446, figure 1, right side)."""

from __future__ import annotations

from functools import cache
from typing import Final

from turtls.config import ClientAuth, Credential, Negotiated, Role, ServerConfig
from turtls.crypto.groups import POST_QUANTUM
from turtls.crypto.key_schedule import MasterSecret, TrafficSecret
from turtls.crypto.suites import SUITES13, Suite13
from turtls.errors import Fault, ProtocolError
from turtls.handshake.certificates import (
    Authenticated,
    Authenticator,
    choose_scheme,
    prefer_verifiable_chains,
    prove_identity,
    signature_algorithms,
)
from turtls.handshake.compression import compress_certificate, receive_certificate
from turtls.handshake.established import Established
from turtls.handshake.peer import Level, Peer
from turtls.handshake.proofs import verify_finished
from turtls.handshake.psks import can_use_psk, choose_psk
from turtls.handshake.secrets13 import application_traffic_secrets, handshake_traffic_secrets, start_key_schedule
from turtls.handshake.selection import (
    answer_record_limits,
    candidates,
    choose_protocol,
    preferred_suites,
    requested_name,
)
from turtls.handshake.transcript import Transcript
from turtls.wire.extensions import (
    AnyExtension,
    CertificateAuthorities,
    ClientCertificateStatusRequest,
    Cookie,
    EarlyDataIndication,
    Extensions,
    KeyShareClientHello,
    KeyShareHelloRetryRequest,
    KeyShareServerHello,
    OfferedPsks,
    PostHandshakeAuth,
    ProtocolNameList,
    PskKeyExchangeModes,
    SelectedPsk,
    ServerNameAcknowledged,
    ServerNameList,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersionsServerHello,
    prepare,
)
from turtls.wire.messages import (
    Certificate,
    CertificateRequest,
    ClientHello,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HelloRetryRequest,
    ServerHello,
)
from turtls.wire.registries import ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme


async def handshake(peer: Peer, config: ServerConfig, hello: ClientHello) -> Established:
    """The handshake from the ClientHello to the client's Finished."""
    shares = _check_hello(hello)
    if hello.legacy_session_id and not peer.carrier.compatibility_mode:
        raise ProtocolError(Fault.COMPATIBILITY_MODE)
    suite = _choose_suite(config, hello)
    transcript = Transcript()
    transcript.start(suite.hash)

    # Key exchange.
    group, untrusted_share = _choose_group(config, hello, shares)
    hello_retry = untrusted_share is None
    if untrusted_share is None:
        hello, untrusted_share = await _ask_again(peer, config, hello, suite, group, transcript)
    server_name = requested_name(hello)
    chosen = await choose_psk(peer, config, hello, suite, server_name, transcript)
    transcript.add(hello.raw)
    server_share, shared_secret = peer.environment.answer_key_share(group, untrusted_share)
    alpn = choose_protocol(config, hello)
    credential, scheme = (None, None) if chosen else choose_credential(config, hello, server_name)
    psk = chosen.psk if chosen is not None else None
    state = psk.state if psk is not None else None
    early_secret: TrafficSecret | None = None
    if EarlyDataIndication in hello.extensions:
        from turtls.handshake.early_data import accept_early_data

        early_secret = await accept_early_data(peer, config, chosen, suite, alpn, transcript)
    answers: list[AnyExtension] = [
        KeyShareServerHello(group=group, key_exchange=server_share),
        _version(),
    ]
    if chosen is not None:
        answers.insert(0, SelectedPsk(selected_identity=chosen.index))
    server_hello = ServerHello(
        random=peer.environment.random(32),
        legacy_session_id_echo=hello.legacy_session_id,
        cipher_suite=suite.suite,
        extensions=Extensions(answers),
    )
    transcript.add(peer.send(server_hello))
    if hello.legacy_session_id:
        peer.carrier.middlebox_change_cipher_spec()
    handshake_secret = start_key_schedule(suite, psk, shared_secret)
    client_secret, server_secret = handshake_traffic_secrets(peer, handshake_secret, transcript.digest())
    peer.install_write(Level.HANDSHAKE, suite, server_secret, "from here on nobody on the path can read the handshake")
    if early_secret is not None:
        peer.install_read(Level.EARLY, suite, early_secret, "the client's early data comes first")
    awaits_end_of_early_data = early_secret is not None and peer.carrier.has_end_of_early_data
    if not awaits_end_of_early_data:
        peer.install_read(Level.HANDSHAKE, suite, client_secret, "the client's answers are encrypted, too")

    # Server parameters.
    encrypted_extensions = _encrypted_extensions(peer, config, hello, alpn, resumed=state is not None)
    if early_secret is not None:
        encrypted_extensions.extensions.add(EarlyDataIndication())
    transcript.add(peer.send(encrypted_extensions))
    request: CertificateRequest | None = None
    if config.client_auth is not ClientAuth.NONE and psk is None:  # section 4.3.2
        request = certificate_request(config)
        transcript.add(peer.send(request))

    # Authentication.
    if credential is not None and scheme is not None:
        await prove_identity(
            peer,
            credential,
            scheme,
            transcript,
            role=Role.SERVER,
            requested=hello.extensions,
            compressions=config.certificate_compression,
        )
    verify_data = server_secret.finished_mac(transcript.digest())
    transcript.add(peer.send(Finished(verify_data=verify_data)))
    master_secret = MasterSecret(handshake_secret)
    client_application, server_application, exporter = application_traffic_secrets(
        peer, master_secret, transcript.digest()
    )
    peer.install_write(Level.APPLICATION, suite, server_application, "the server's data follows")

    # The client's flight.
    if awaits_end_of_early_data:
        end_of_early_data = await peer.receive(EndOfEarlyData)
        transcript.add(end_of_early_data.raw)
        peer.install_read(Level.HANDSHAKE, suite, client_secret, "early data is over; the client's answers follow")
    authenticated = await _authenticate_client(peer, config, request, transcript) if request is not None else None
    finished = await peer.receive(Finished)
    proof = verify_finished(client_secret.finished_mac(transcript.digest()), finished.verify_data)
    transcript.add(finished.raw)
    peer.install_read(Level.APPLICATION, suite, client_application, "the client's data follows")
    return Established(
        proof,
        Negotiated(
            version=ProtocolVersion.TLS_1_3,
            cipher_suite=suite.suite,
            group=group,
            signature_scheme=authenticated.signature.scheme if authenticated else None,
            alpn=alpn,
            server_name=server_name,
            peer=psk.client_chain if psk is not None else authenticated.chain if authenticated else None,
            psk_identity=psk.external_identity if psk is not None else None,
            authenticated_at=state.authenticated_at if state is not None else peer.environment.now(),
            ocsp_response=authenticated.ocsp_response if authenticated else None,
            resumed=state is not None,
            early_data=early_secret is not None,
            hello_retry=hello_retry,
        ),
        suite=suite,
        client_traffic_secret=client_application.raw,
        server_traffic_secret=server_application.raw,
        exporter_master_secret=exporter,
        resumption_master_secret=(
            master_secret.resumption_master_secret(transcript.digest()) if can_use_psk(hello) else b""
        ),
        transcript=transcript if PostHandshakeAuth in hello.extensions else None,
        credential=credential,
        psk_digest=psk.digest if psk is not None else b"",
    )


# ------------------------------------------------------------------------------------------- checks and choices


def _check_hello(hello: ClientHello) -> dict[NamedGroup, bytes]:
    """What every ClientHello of TLS 1.3 must have (sections 4.1.2, 4.2.8 and 9.2); gives its key shares."""
    extensions = hello.extensions
    if hello.legacy_compression_methods != b"\0":
        raise ProtocolError(Fault.BAD_COMPRESSION, "legacy_compression_methods in ClientHello")
    if OfferedPsks in extensions:
        extensions.require(PskKeyExchangeModes)
    else:
        extensions.require(SignatureAlgorithms)
    groups = frozenset(extensions.require(SupportedGroups).named_group_list)
    shares: dict[NamedGroup, bytes] = {}
    for share in extensions.require(KeyShareClientHello).client_shares:
        if share.group in shares:
            raise ProtocolError(Fault.DUPLICATE_KEY_SHARE, share.group.name)
        if share.group not in groups:
            raise ProtocolError(Fault.KEY_SHARE_NOT_OFFERED, share.group.name)
        shares[share.group] = share.key_exchange
    return shares


def _choose_suite(config: ServerConfig, hello: ClientHello) -> Suite13:
    for suite in preferred_suites(config, hello):
        if suite in SUITES13 and suite in hello.cipher_suites:
            return SUITES13[suite]
    raise ProtocolError(Fault.NO_SHARED_CIPHER)


def _choose_group(
    config: ServerConfig, hello: ClientHello, shares: dict[NamedGroup, bytes]
) -> tuple[NamedGroup, bytes | None]:
    """The group and the client's share in it; without a share it is worth a round trip to ask for one.

    Post-quantum groups come first even then; else a group that has a share comes before one that has not.
    """
    supported = hello.extensions.require(SupportedGroups).named_group_list
    common = [group for group in config.policy.groups if group in supported]
    if not common:
        raise ProtocolError(Fault.NO_SHARED_GROUP)
    best = [group for group in common if group in POST_QUANTUM] or common
    for group in best:
        if group in shares:
            return group, shares[group]
    return best[0], None


def choose_credential(
    config: ServerConfig, hello: ClientHello, server_name: str | None
) -> tuple[Credential, SignatureScheme]:
    """The first credential for the name that makes a signature the client can verify (section 4.4.2.2)."""
    if not config.credentials:
        if config.psks is None:
            raise ProtocolError(Fault.INTERNAL, "this server has no certificate")
        hello.extensions.require(OfferedPsks)
        raise ProtocolError(Fault.PSK_REQUIRED)
    accepted = frozenset(hello.extensions.require(SignatureAlgorithms).supported_signature_algorithms)
    for credential in prefer_verifiable_chains(candidates(config, hello, server_name), hello.extensions):
        if (scheme := choose_scheme(credential, accepted, config.policy.signature_schemes)) is not None:
            return credential, scheme
    raise ProtocolError(Fault.NO_SHARED_SIGNATURE)


# ------------------------------------------------------------------------------------------- messages


async def _ask_again(
    peer: Peer, config: ServerConfig, hello: ClientHello, suite: Suite13, group: NamedGroup, transcript: Transcript
) -> tuple[ClientHello, bytes]:
    """Send HelloRetryRequest for a share of `group`; gives the second ClientHello with it (sections 4.1.2, 4.1.4)."""
    peer.explain("retry", "The client has no key share for {group}, so it is asked for one.", group=group)
    transcript.add(hello.raw)
    transcript.begin_again_after_retry()
    retry = HelloRetryRequest(
        legacy_session_id_echo=hello.legacy_session_id,
        cipher_suite=suite.suite,
        extensions=Extensions(
            [
                KeyShareHelloRetryRequest(selected_group=group),
                _version(),
            ]
        ),
    )
    transcript.add(peer.send(retry))
    if hello.legacy_session_id:
        peer.carrier.middlebox_change_cipher_spec()
    if EarlyDataIndication in hello.extensions:
        peer.carrier.skip_early_data(config.max_early_data, until_second_hello=True)
    second = await peer.receive(ClientHello)
    shares = _check_hello(second)
    _check_second_hello(hello, second)
    if list(shares) != [group]:  # section 4.2.8
        raise ProtocolError(Fault.WRONG_GROUP, "the second ClientHello does not hold the one share asked for")
    return second, shares[group]


_MAY_CHANGE: Final = frozenset(
    {
        KeyShareClientHello.extension_type,
        EarlyDataIndication.extension_type,
        Cookie.extension_type,
        OfferedPsks.extension_type,
        ExtensionType.padding,
    }
)


def _check_second_hello(first: ClientHello, second: ClientHello) -> None:
    """Section 4.1.2: only what HelloRetryRequest asked for may have changed."""
    if EarlyDataIndication in second.extensions:
        raise ProtocolError(Fault.SECOND_HELLO_CHANGED, "early_data")
    if Cookie in second.extensions:
        raise ProtocolError(Fault.SECOND_HELLO_CHANGED, "a cookie that was not given")
    if _what_must_stay(first) != _what_must_stay(second):
        raise ProtocolError(Fault.SECOND_HELLO_CHANGED)


def _what_must_stay(hello: ClientHello) -> tuple[object, ...]:
    kept = [body for body in hello.extensions if body.extension_type not in _MAY_CHANGE]
    return (
        hello.legacy_version,
        hello.random,
        hello.legacy_session_id,
        hello.cipher_suites,
        hello.legacy_compression_methods,
        kept,
    )


def _encrypted_extensions(
    peer: Peer, config: ServerConfig, hello: ClientHello, alpn: str | None, *, resumed: bool
) -> EncryptedExtensions:
    answers: list[AnyExtension] = []
    if ServerNameList in hello.extensions and not resumed:  # RFC 6066, section 3
        answers.append(_name_acknowledged())
    if alpn is not None:
        answers.append(ProtocolNameList(protocol_name_list=[alpn.encode()]))
    answers += answer_record_limits(peer, config.record_size_limit, hello.extensions, ProtocolVersion.TLS_1_3)
    answers += peer.carrier.extensions()
    return EncryptedExtensions(extensions=Extensions(answers))


@cache
def _name_acknowledged() -> ServerNameAcknowledged:
    return prepare(ServerNameAcknowledged())


@cache
def _version() -> SupportedVersionsServerHello:
    return prepare(SupportedVersionsServerHello(selected_version=ProtocolVersion.TLS_1_3))


def certificate_request(config: ServerConfig, context: bytes = b"") -> CertificateRequest:
    """Ask for the client's certificate (section 4.3.2)."""
    bodies: list[AnyExtension] = [
        *signature_algorithms(config.policy.signature_schemes, config.policy.certificate_signature_schemes),
        ClientCertificateStatusRequest(),
        *compress_certificate(config.certificate_compression),
    ]
    if config.verifier is not None and (authorities := config.verifier.certificate_authorities()):
        bodies.append(CertificateAuthorities(authorities=list(authorities)))
    return CertificateRequest(certificate_request_context=context, extensions=Extensions(bodies))


async def _authenticate_client(
    peer: Peer, config: ServerConfig, request: CertificateRequest, transcript: Transcript
) -> Authenticated | None:
    """The client's identity; None if it keeps it to itself and may (section 4.4.2.4)."""
    certificate = await receive_certificate(peer, config.certificate_compression)
    return await check_client_certificate(peer, config, request, certificate, transcript)


async def check_client_certificate(
    peer: Peer, config: ServerConfig, request: CertificateRequest, certificate: Certificate, transcript: Transcript
) -> Authenticated | None:
    """Who the client is, by the answer to `request`; None if it does not say and need not."""
    if certificate.certificate_request_context != request.certificate_request_context:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, "certificate_request_context")
    if not certificate.certificate_list:
        if config.client_auth is ClientAuth.REQUIRE:
            raise ProtocolError(Fault.CERTIFICATE_REQUIRED)
        transcript.add(certificate.raw)
        return None
    authenticator = Authenticator(
        role=Role.CLIENT,
        verifier=config.required_verifier(),
        server_name=None,
        offered_schemes=config.policy.signature_schemes,
        offered=request.extensions,
        min_rsa_bits=config.policy.min_rsa_bits,
    )
    return await authenticator.authenticate(peer, certificate, transcript)
