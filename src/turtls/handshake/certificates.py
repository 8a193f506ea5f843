"""Authentication by certificate in TLS 1.3: Certificate and CertificateVerify (RFC 8446, sections 4.4.2 and 4.4.3).

The same code serves both roles, in the handshake and after it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

from turtls.config import ClientConfig, Credential, Role, VerificationRequest, VerifiedChain, Verifier
from turtls.config.compression import CertificateCompression
from turtls.config.credentials import prefer_issuers
from turtls.crypto.keys import check_strength
from turtls.errors import Fault, ProtocolError
from turtls.handshake.compression import agreed_compression, compressed, kept_compressed
from turtls.handshake.peer import Peer
from turtls.handshake.proofs import VerifiedSignature, verify_signature
from turtls.handshake.transcript import Transcript
from turtls.record.limits import MAX_CHAIN_LENGTH
from turtls.wire.extensions import (
    AnyExtension,
    CertificateAuthorities,
    CertificateStatus,
    CertificateStatusRequest,
    Extensions,
    SignatureAlgorithms,
    SignatureAlgorithmsCert,
    SignedCertificateTimestampRequest,
    SignedCertificateTimestamps,
)
from turtls.wire.messages import (
    Certificate,
    CertificateEntry,
    CertificateRequest,
    CertificateVerify,
    CompressedCertificate,
)
from turtls.wire.registries import ProtocolVersion, SignatureScheme

_CONTEXT: Final = {
    Role.SERVER: b" " * 64 + b"TLS 1.3, server CertificateVerify\0",
    Role.CLIENT: b" " * 64 + b"TLS 1.3, client CertificateVerify\0",
}
_VERDICT: Final = {role: f"the verdict on the {role.value}'s certificate" for role in Role}
_SIGNED: Final = {
    role: f"The {role.value} signed this very handshake with the key of its certificate, "
    "so nobody else can be at the other end."
    for role in Role
}


class Authenticated:
    """The proof of who the peer is: a chain that was verified, and a signature by its key over this handshake."""

    __slots__ = ("chain", "ocsp_response", "signature")

    def __init__(self, chain: VerifiedChain, signature: VerifiedSignature, ocsp_response: bytes | None) -> None:
        self.chain = chain
        self.signature = signature
        self.ocsp_response = ocsp_response


class Authenticator:
    """Who checks a peer's certificate, and how."""

    __slots__ = ("min_rsa_bits", "offered", "offered_schemes", "role", "server_name", "verifier")

    def __init__(
        self,
        role: Role,
        verifier: Verifier,
        *,
        server_name: str | None,
        offered_schemes: Sequence[SignatureScheme],
        offered: Extensions,
        min_rsa_bits: int,
    ) -> None:
        self.role = role
        """The peer's role."""
        self.verifier = verifier
        self.server_name = server_name
        self.offered_schemes = offered_schemes
        self.offered = offered
        """The extensions of the message that asked for the certificate: its own may answer only these."""
        self.min_rsa_bits = min_rsa_bits

    async def authenticate(self, peer: Peer, certificate: Certificate, transcript: Transcript) -> Authenticated:
        """Verify the chain in `certificate`, then the CertificateVerify that must follow.

        Raises ProtocolError, or whatever the verifier raises.
        """
        leaf = certificate.certificate_list[0].extensions
        self._refuse_unasked(certificate)
        staple, timestamps = leaf.get(CertificateStatus), leaf.get(SignedCertificateTimestamps)
        request = VerificationRequest(
            role=self.role,
            untrusted_chain=tuple([entry.cert_data for entry in certificate.certificate_list]),
            server_name=self.server_name,
            ocsp_response=staple.response if staple is not None else None,
            signed_certificate_timestamps=timestamps.encode() if timestamps is not None else None,
            min_rsa_bits=self.min_rsa_bits,
            now=peer.environment.now(),
        )
        if len(request.untrusted_chain) > MAX_CHAIN_LENGTH:
            raise ProtocolError(Fault.CHAIN_TOO_LONG, f"{len(request.untrusted_chain)} certificates")
        chain = await peer.wait(self.verifier.verify(request), _VERDICT[self.role])
        check_strength(chain.leaf.public_key, self.min_rsa_bits)
        chain.leaf.require_signing()
        transcript.add(certificate.raw)
        signature = self._check_signature(await peer.receive(CertificateVerify), chain, transcript)
        peer.explain(
            "authentication",
            _SIGNED[self.role],
            scheme=signature.scheme,
        )
        return Authenticated(chain, signature, request.ocsp_response)

    def _check_signature(
        self, verify: CertificateVerify, chain: VerifiedChain, transcript: Transcript
    ) -> VerifiedSignature:
        if verify.algorithm not in self.offered_schemes:
            raise ProtocolError(Fault.WRONG_SIGNATURE_SCHEME, verify.algorithm.name)
        content = _CONTEXT[self.role] + transcript.digest()
        proof = verify_signature(chain.leaf.public_key, verify.algorithm, verify.signature, content)
        transcript.add(verify.raw)
        return proof

    def _refuse_unasked(self, certificate: Certificate) -> None:
        """Section 4.4.2: extensions in a Certificate must correspond to ones in the message that asked for it."""
        for entry in certificate.certificate_list:
            if len(entry.extensions):
                for answer, request in (
                    (CertificateStatus, CertificateStatusRequest),
                    (SignedCertificateTimestamps, SignedCertificateTimestampRequest),
                ):
                    if answer in entry.extensions and request not in self.offered:
                        raise ProtocolError(Fault.UNSUPPORTED_EXTENSION, f"{answer.extension_type.name} in Certificate")
                for kind in entry.extensions.types:
                    if kind not in (CertificateStatus.extension_type, SignedCertificateTimestamps.extension_type):
                        raise ProtocolError(Fault.UNSUPPORTED_EXTENSION, f"{kind:#06x} in Certificate")


async def prove_identity(
    peer: Peer,
    credential: Credential,
    scheme: SignatureScheme,
    transcript: Transcript,
    *,
    role: Role,
    requested: Extensions,
    compressions: Sequence[CertificateCompression] = (),
    context: bytes = b"",
) -> None:
    """Send Certificate and CertificateVerify. `requested` are the extensions of the message that asked for them.

    Nothing is sent before it is signed: after the handshake nothing may come between the two (section 4.6.2).
    """
    keep = not context  # what a peer made up is not
    message = _kept_certificate_message if keep else _certificate_message
    raw, certificate = message(
        credential.chain,
        credential.ocsp_response if CertificateStatusRequest in requested else None,
        credential.signed_certificate_timestamps if SignedCertificateTimestampRequest in requested else None,
        context,
    )
    if (compression := agreed_compression(compressions, requested)) is not None:
        raw, certificate = (kept_compressed if keep else compressed)(raw, compression)
    transcript.add(raw)
    content = _CONTEXT[role] + transcript.digest()
    signature = await peer.wait(credential.signer.sign(scheme, content), "a signature by this side's key")
    peer.send_raw(raw, certificate)
    transcript.add(peer.send(CertificateVerify(algorithm=scheme, signature=signature)))


def _certificate_message(
    chain: tuple[bytes, ...], ocsp_response: bytes | None, timestamps: bytes | None, context: bytes
) -> tuple[bytes, Certificate | CompressedCertificate]:
    """`context` is empty but after the handshake."""
    leaf = Extensions()
    if ocsp_response is not None:
        leaf.add(CertificateStatus(response=ocsp_response))
    if timestamps is not None:
        leaf.add(SignedCertificateTimestamps.decode(timestamps))
    others = [CertificateEntry(cert_data=der, extensions=Extensions()) for der in chain[1:]]
    message = Certificate(
        certificate_request_context=context,
        certificate_list=[CertificateEntry(cert_data=chain[0], extensions=leaf), *others],
    )
    return message.to_bytes(), message


# A server sends the same message again and again. What is kept holds no key, and nothing that a peer made up.
_kept_certificate_message: Final = lru_cache(maxsize=64)(_certificate_message)


def choose_scheme(
    credential: Credential, accepted: Collection[SignatureScheme], allowed: Collection[SignatureScheme]
) -> SignatureScheme | None:
    """The best scheme for the credential's key that the peer accepts and our policy allows; None if there is none."""
    for scheme in credential.schemes(ProtocolVersion.TLS_1_3, allowed):
        if scheme in accepted:
            return scheme
    return None


def signature_algorithms(
    handshakes: Sequence[SignatureScheme], certificates: Sequence[SignatureScheme]
) -> list[AnyExtension]:
    """What this side can verify: signatures of handshakes, and of certificates where that is more (section 4.2.3)."""
    bodies: list[AnyExtension] = [SignatureAlgorithms(supported_signature_algorithms=list(handshakes))]
    if certificates:
        bodies.append(SignatureAlgorithmsCert(supported_signature_algorithms=list(certificates)))
    return bodies


def prefer_verifiable_chains(credentials: Sequence[Credential], offered: Extensions) -> Sequence[Credential]:
    """Those first whose certificates are signed as the peer can verify; the others may serve too (section 4.4.2.2)."""
    if len(credentials) < 2:
        return credentials
    listed = offered.get(SignatureAlgorithmsCert) or offered.require(SignatureAlgorithms)
    accepted = frozenset(listed.supported_signature_algorithms)
    return sorted(credentials, key=lambda credential: not credential.chain_schemes <= accepted)


def showable_credentials(config: ClientConfig, authorities: Collection[bytes]) -> Sequence[Credential]:
    """Those that a client may show to a server which lists these authorities (DER names); no list asks for any.

    A server that lists others would refuse them, and yet learn who the client is: like browsers, Go and Java, a client
    keeps them to itself (RFC 8446, section 4.4.2.3; RFC 5246, section 7.4.6), unless it is told otherwise.
    """
    if config.ignore_certificate_authorities or not authorities:
        return prefer_issuers(config.credentials, authorities)
    return [credential for credential in config.credentials if not credential.issuers.isdisjoint(authorities)]


def choose_client_credential(config: ClientConfig, requested: Extensions) -> tuple[Credential, SignatureScheme] | None:
    """The first credential that answers a CertificateRequest by its issuers and signatures."""
    accepted = frozenset(requested.require(SignatureAlgorithms).supported_signature_algorithms)
    listed = requested.get(CertificateAuthorities)
    for credential in showable_credentials(config, listed.authorities if listed is not None else ()):
        if (scheme := choose_scheme(credential, accepted, config.policy.signature_schemes)) is not None:
            return credential, scheme
    return None


async def answer_certificate_request(
    peer: Peer, config: ClientConfig, request: CertificateRequest, transcript: Transcript
) -> None:
    """A client's certificate and the proof for it, or an empty list where none suits (section 4.4.2)."""
    context = request.certificate_request_context
    chosen = choose_client_credential(config, request.extensions)
    if chosen is None:
        transcript.add(peer.send(Certificate(certificate_request_context=context, certificate_list=[])))
        return
    credential, scheme = chosen
    await prove_identity(
        peer,
        credential,
        scheme,
        transcript,
        role=Role.CLIENT,
        requested=request.extensions,
        compressions=config.certificate_compression,
        context=context,
    )
