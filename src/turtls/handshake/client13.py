"""A client of TLS 1.3, from the server's first answer on (RFC 8446, figure 1, left side)."""

from __future__ import annotations

from typing import Final

from turtls.config import Negotiated, Role
from turtls.crypto.key_schedule import MasterSecret
from turtls.crypto.suites import SUITES13, Suite13
from turtls.errors import Fault, ProtocolError
from turtls.handshake.certificates import Authenticated, Authenticator, answer_certificate_request
from turtls.handshake.compression import receive_certificate
from turtls.handshake.established import Established
from turtls.handshake.offer import Offer, bind, chosen_protocol
from turtls.handshake.peer import Level, Peer
from turtls.handshake.proofs import verify_finished
from turtls.handshake.psks import Psk
from turtls.handshake.resumption import verify_server_again
from turtls.handshake.secrets13 import application_traffic_secrets, handshake_traffic_secrets, start_key_schedule
from turtls.handshake.transcript import Transcript
from turtls.record.limits import MAX_COOKIE, MIN_RECORD_SIZE_LIMIT
from turtls.wire.extensions import (
    Cookie,
    EarlyDataIndication,
    Extensions,
    KeyShareHelloRetryRequest,
    KeyShareServerHello,
    PostHandshakeAuth,
    ProtocolNameList,
    RecordSizeLimit,
    SelectedPsk,
    SupportedVersionsServerHello,
)
from turtls.wire.messages import (
    Certificate,
    CertificateRequest,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HelloRetryRequest,
    ServerHello,
)
from turtls.wire.registries import NamedGroup, ProtocolVersion


async def handshake(
    peer: Peer, offer: Offer, answer: ServerHello | HelloRetryRequest, transcript: Transcript
) -> Established:
    """The handshake from ServerHello (or HelloRetryRequest) to this side's Finished."""
    suite = _chosen_suite(offer, answer)
    transcript.start(suite.hash)
    hello_retry = isinstance(answer, HelloRetryRequest)
    if isinstance(answer, HelloRetryRequest):
        server_hello = await _try_again(peer, offer, answer, transcript)
    else:
        server_hello = answer
        peer.carrier.middlebox_change_cipher_spec()
    transcript.add(server_hello.raw)

    # Key exchange: both sides now have the same secrets, and everything that follows is encrypted.
    psk = _selected_psk(offer, server_hello, suite)
    group, shared_secret = _agree(offer, server_hello)
    handshake_secret = start_key_schedule(suite, psk, shared_secret)
    client_secret, server_secret = handshake_traffic_secrets(peer, handshake_secret, transcript.digest())
    peer.install_read(Level.HANDSHAKE, suite, server_secret, "from here on nobody on the path can read the handshake")
    awaits_end_of_early_data = offer.early_data and peer.carrier.has_end_of_early_data
    if not awaits_end_of_early_data:
        peer.install_write(Level.HANDSHAKE, suite, client_secret, "the client's answers are encrypted, too")

    # Server parameters.
    encrypted_extensions = await peer.receive(EncryptedExtensions)
    transcript.add(encrypted_extensions.raw)
    alpn = _check_encrypted_extensions(peer, offer, encrypted_extensions.extensions)
    early_data = EarlyDataIndication in encrypted_extensions.extensions
    if early_data:
        from turtls.handshake.early_data import check_accepted

        check_accepted(psk, suite, alpn)
    if awaits_end_of_early_data and not early_data:
        awaits_end_of_early_data = False
        peer.install_write(Level.HANDSHAKE, suite, client_secret, "early data was not accepted; no more of it is sent")

    # Authentication: by certificate, or by the PSK: the session's that is resumed, or one from outside.
    request: CertificateRequest | None = None
    authenticated: Authenticated | None = None
    session = psk.session if psk is not None else None
    external = psk.external if psk is not None else None
    resumed_chain = await verify_server_again(peer, offer.config, session) if session is not None else None
    if psk is None:
        compressions = offer.config.certificate_compression
        certificate = await receive_certificate(peer, compressions, CertificateRequest)
        if isinstance(certificate, CertificateRequest):
            request = certificate
            transcript.add(request.raw)
            certificate = await receive_certificate(peer, compressions)
        authenticated = await _authenticate_server(peer, offer, certificate, transcript)
    finished = await peer.receive(Finished)
    proof = verify_finished(server_secret.finished_mac(transcript.digest()), finished.verify_data)
    transcript.add(finished.raw)
    if external is not None:
        peer.explain("authentication", "The server's Finished shows that it has the same pre-shared key as the client.")

    # The application's keys depend on all the server said; the client's own flight goes under the old ones still.
    master_secret = MasterSecret(handshake_secret)
    client_application, server_application, exporter = application_traffic_secrets(
        peer, master_secret, transcript.digest()
    )
    peer.install_read(Level.APPLICATION, suite, server_application, "the server's data follows")
    if awaits_end_of_early_data:
        transcript.add(peer.send(EndOfEarlyData()))
        peer.install_write(Level.HANDSHAKE, suite, client_secret, "early data is over; the client's answers follow")
    if request is not None:
        if request.certificate_request_context:
            raise ProtocolError(Fault.ILLEGAL_PARAMETER, "certificate_request_context in the handshake")
        await answer_certificate_request(peer, offer.config, request, transcript)
    verify_data = client_secret.finished_mac(transcript.digest())
    transcript.add(peer.send(Finished(verify_data=verify_data)))
    peer.install_write(Level.APPLICATION, suite, client_application, "the client's data follows")

    return Established(
        proof,
        Negotiated(
            version=ProtocolVersion.TLS_1_3,
            cipher_suite=suite.suite,
            group=group,
            signature_scheme=authenticated.signature.scheme if authenticated else None,
            alpn=alpn,
            server_name=offer.server_name,
            peer=authenticated.chain if authenticated else resumed_chain,
            psk_identity=session.psk_identity if session is not None else external.identity if external else None,
            authenticated_at=session.authenticated_at if session is not None else peer.environment.now(),
            ocsp_response=authenticated.ocsp_response if authenticated else None,
            resumed=session is not None,
            early_data=early_data,
            hello_retry=hello_retry,
        ),
        suite=suite,
        client_traffic_secret=client_application.raw,
        server_traffic_secret=server_application.raw,
        exporter_master_secret=exporter,
        resumption_master_secret=master_secret.resumption_master_secret(transcript.digest()),
        transcript=transcript if PostHandshakeAuth in offer.hello.extensions else None,
    )


def _chosen_suite(offer: Offer, answer: ServerHello | HelloRetryRequest) -> Suite13:
    """Check what ServerHello and HelloRetryRequest have in common (section 4.1.3)."""
    version, message = answer.extensions.require(SupportedVersionsServerHello).selected_version, type(answer).__name__
    if version not in offer.terms.versions or version != ProtocolVersion.TLS_1_3:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"supported_versions {version} in {message}")
    if answer.legacy_version != ProtocolVersion.TLS_1_2:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"legacy_version {answer.legacy_version} in {message}")
    if answer.legacy_session_id_echo != offer.hello.legacy_session_id:
        raise ProtocolError(Fault.BAD_SESSION_ID)
    if answer.legacy_compression_method != b"\0":
        raise ProtocolError(Fault.BAD_COMPRESSION, f"legacy_compression_method in {message}")
    if answer.cipher_suite not in offer.terms.cipher_suites or answer.cipher_suite not in SUITES13:
        raise ProtocolError(Fault.WRONG_CIPHER, answer.cipher_suite.name)
    for kind in answer.extensions.types:
        if kind not in _ANSWERS_IN_HELLO:
            raise ProtocolError(Fault.UNSUPPORTED_EXTENSION, f"{kind:#06x} in {message}")
    return SUITES13[answer.cipher_suite]


_ANSWERS_IN_HELLO: Final = frozenset(
    {
        SupportedVersionsServerHello.extension_type,
        KeyShareServerHello.extension_type,
        SelectedPsk.extension_type,
        Cookie.extension_type,
    }
)


async def _try_again(peer: Peer, offer: Offer, retry: HelloRetryRequest, transcript: Transcript) -> ServerHello:
    """Send the second ClientHello and get the ServerHello that must follow (sections 4.1.2 and 4.1.4)."""
    selected = retry.extensions.get(KeyShareHelloRetryRequest)
    cookie = retry.extensions.get(Cookie)
    group = selected.selected_group if selected is not None else None
    if group is not None and (group not in offer.config.policy.groups or group in offer.shares):
        raise ProtocolError(Fault.WRONG_GROUP, f"HelloRetryRequest for {group}")
    if group is None and cookie is None:
        raise ProtocolError(Fault.BAD_HELLO_RETRY)
    if cookie is not None and len(cookie.cookie) > MAX_COOKIE:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"a cookie of {len(cookie.cookie)} bytes")
    wanted = "another key exchange group than the client guessed" if group is not None else "its cookie back first"
    peer.explain("retry", f"The server wants {wanted}.", group=group)

    transcript.begin_again_after_retry()
    transcript.add(retry.raw)
    peer.carrier.middlebox_change_cipher_spec()
    offer.revise(peer, group=group, cookie=cookie.cookie if cookie is not None else None, hash=transcript.hash)
    bind(offer, transcript)
    transcript.add(peer.send_raw(offer.raw, offer.hello))

    server_hello = await peer.receive(ServerHello)
    _chosen_suite(offer, server_hello)
    if server_hello.cipher_suite != retry.cipher_suite:
        raise ProtocolError(Fault.CIPHER_CHANGED)
    return server_hello


def _selected_psk(offer: Offer, server_hello: ServerHello, suite: Suite13) -> Psk | None:
    """The PSK the server selected (section 4.2.11); None where it selected none, and shows a certificate instead."""
    selected = server_hello.extensions.get(SelectedPsk)
    if selected is None:
        if offer.config.verifier is None:
            raise ProtocolError(Fault.MISSING_EXTENSION, "pre_shared_key: nobody here could judge a certificate")
        return None
    if not offer.psks:
        raise ProtocolError(Fault.UNSUPPORTED_EXTENSION, "pre_shared_key")
    if selected.selected_identity >= len(offer.psks):
        raise ProtocolError(Fault.BAD_PSK_SELECTION, f"identity {selected.selected_identity} of {len(offer.psks)}")
    psk = offer.psks[selected.selected_identity]
    if psk.hash is not suite.hash:
        raise ProtocolError(Fault.BAD_PSK_SELECTION, f"{suite.suite} has another hash than the PSK")
    return psk


def _agree(offer: Offer, server_hello: ServerHello) -> tuple[NamedGroup, bytes]:
    """The (EC)DHE shared secret; psk_dhe_ke is the only PSK mode that is offered (section 4.2.9)."""
    server_share = server_hello.extensions.require(KeyShareServerHello)
    private_share = offer.shares.get(server_share.group)
    if private_share is None:
        raise ProtocolError(Fault.WRONG_GROUP, server_share.group.name)
    shared_secret = private_share.agree(server_share.key_exchange)
    offer.shares.clear()
    return server_share.group, shared_secret


def _check_encrypted_extensions(peer: Peer, offer: Offer, extensions: Extensions) -> str | None:
    """Check each answer against what was offered; gives the application protocol chosen (section 4.3.1)."""
    offer.check_answers(extensions)
    peer.carrier.receive_extensions(extensions)
    if (limit := extensions.get(RecordSizeLimit)) is not None:
        if limit.record_size_limit < MIN_RECORD_SIZE_LIMIT:
            raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"record_size_limit {limit.record_size_limit}")
        peer.carrier.limit_records(send=limit.record_size_limit, receive=offer.config.record_size_limit)
    protocols = extensions.get(ProtocolNameList)
    return chosen_protocol(offer, protocols.protocol_name_list) if protocols is not None else None


async def _authenticate_server(
    peer: Peer, offer: Offer, certificate: Certificate, transcript: Transcript
) -> Authenticated:
    if certificate.certificate_request_context:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, "certificate_request_context from the server")
    if not certificate.certificate_list:
        raise ProtocolError(Fault.NO_CERTIFICATE)
    config = offer.config
    authenticator = Authenticator(
        role=Role.SERVER,
        verifier=config.required_verifier(),
        server_name=offer.server_name,
        offered_schemes=config.policy.signature_schemes,
        offered=offer.hello.extensions,
        min_rsa_bits=config.policy.min_rsa_bits,
    )
    return await authenticator.authenticate(peer, certificate, transcript)
