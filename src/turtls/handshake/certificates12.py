"""Authentication by certificate in TLS 1.2 and earlier (RFC 5246, sections 7.4.2, 7.4.3, 7.4.6 and 7.4.8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from turtls.config import ClientConfig, Credential, Role, VerificationRequest, VerifiedChain, Verifier
from turtls.crypto.keys import KeyKind, PublicKey, check_strength
from turtls.crypto.signatures import schemes_for
from turtls.crypto.suites12 import Suite12
from turtls.errors import Fault, ProtocolError
from turtls.handshake.certificates import showable_credentials
from turtls.handshake.peer import Peer
from turtls.handshake.proofs import VerifiedSignature, verify_signature
from turtls.record.limits import MAX_CHAIN_LENGTH
from turtls.wire.codec import decode
from turtls.wire.messages12 import CertificateRequest11, CertificateRequest12, Signature11, Signature12
from turtls.wire.registries import ClientCertificateType, NamedGroup, ProtocolVersion, SignatureScheme

RSA_KINDS: Final = (KeyKind.RSA, KeyKind.RSA_PSS)


_CURVES: Final = {
    KeyKind.P256: NamedGroup.secp256r1,
    KeyKind.P384: NamedGroup.secp384r1,
    KeyKind.P521: NamedGroup.secp521r1,
}


def curve_of(public_key: PublicKey) -> NamedGroup | None:
    """The curve of an ECDSA key; None for other keys."""
    return _CURVES.get(public_key.kind)


def proof_of_server(suite: Suite12) -> str:
    """How a client comes to know that the server is who it says, in words."""
    if not suite.authentication.by_certificate:
        return "Nobody shows a certificate: each side proves with Finished that it knows the secret that they share."
    if suite.key_exchange.is_signed:
        return (
            "The client checks the server's certificate, with whose key the server has signed its half of the key "
            "exchange for this very handshake."
        )
    return (
        "The client checks the server's certificate. That the server holds the key of it will show: nobody else can "
        "read the premaster secret, and end the handshake."
    )


async def verify_chain12(
    peer: Peer,
    verifier: Verifier,
    untrusted_chain: Sequence[bytes],
    *,
    role: Role,
    server_name: str | None,
    min_rsa_bits: int,
    ocsp_response: bytes | None = None,
    signed_certificate_timestamps: bytes | None = None,
) -> VerifiedChain:
    """The verdict on a chain. Raises ProtocolError, or whatever the verifier raises."""
    if len(untrusted_chain) > MAX_CHAIN_LENGTH:
        raise ProtocolError(Fault.CHAIN_TOO_LONG, f"{len(untrusted_chain)} certificates")
    request = VerificationRequest(
        role=role,
        untrusted_chain=tuple(untrusted_chain),
        server_name=server_name,
        ocsp_response=ocsp_response,
        signed_certificate_timestamps=signed_certificate_timestamps,
        min_rsa_bits=min_rsa_bits,
        now=peer.environment.now(),
    )
    chain = await peer.wait(verifier.verify(request), f"the verdict on the {role.value}'s certificate")
    check_strength(chain.leaf.public_key, min_rsa_bits)
    return chain


def verify_signature12(
    version: ProtocolVersion,
    public_key: PublicKey,
    offered: Sequence[SignatureScheme],
    untrusted: bytes,
    content: bytes,
) -> VerifiedSignature:
    """Check a DigitallySigned over `content`, in the form of the version (RFC 5246, section 4.7)."""
    if version >= ProtocolVersion.TLS_1_2:
        signed = decode(Signature12, untrusted)
        if signed.algorithm not in offered:
            raise ProtocolError(Fault.WRONG_SIGNATURE_SCHEME, signed.algorithm.name)
        return verify_signature(public_key, signed.algorithm, signed.signature, content, version)
    signature = decode(Signature11, untrusted).signature
    return verify_signature(public_key, scheme_before_tls12(public_key, version), signature, content, version)


async def sign12(
    peer: Peer, version: ProtocolVersion, credential: Credential, scheme: SignatureScheme, content: bytes
) -> bytes:
    """A DigitallySigned over `content`, in the form of the version."""
    signature = await peer.wait(credential.signer.sign(scheme, content), "a signature by this side's key")
    if version >= ProtocolVersion.TLS_1_2:
        return Signature12(algorithm=scheme, signature=signature).encode()
    return Signature11(signature=signature).encode()


def scheme_before_tls12(public_key: PublicKey, version: ProtocolVersion) -> SignatureScheme:
    """The one way such a key signs in TLS 1.0 and 1.1 (RFC 4346, section 7.4.3). Raises ProtocolError."""
    schemes = schemes_for(public_key, version)
    if not schemes:
        raise ProtocolError(Fault.KEY_NOT_IN_VERSION, f"{public_key} in {version}")
    return schemes[0]


def choose_scheme12(
    version: ProtocolVersion,
    credential: Credential,
    accepted: Sequence[SignatureScheme],
    allowed: Sequence[SignatureScheme],
) -> SignatureScheme | None:
    """The best scheme for the credential's key in that version; None if there is none for both sides."""
    schemes = credential.schemes(version, allowed)
    if version < ProtocolVersion.TLS_1_2:
        return schemes[0] if schemes else None
    for scheme in schemes:
        if scheme in accepted:
            return scheme
    return None


def choose_client_credential12(
    config: ClientConfig, version: ProtocolVersion, request: CertificateRequest12 | CertificateRequest11
) -> tuple[Credential, SignatureScheme] | None:
    """The first credential that answers the request by its issuers, its key and its signatures."""
    accepted = request.supported_signature_algorithms if isinstance(request, CertificateRequest12) else ()
    for credential in showable_credentials(config, request.certificate_authorities):
        if certificate_type(credential.leaf.public_key) not in request.certificate_types:
            continue
        scheme = choose_scheme12(version, credential, accepted, config.policy.signature_schemes)
        if scheme is not None:
            return credential, scheme
    return None


def certificate_type(public_key: PublicKey) -> ClientCertificateType:
    """How CertificateRequest names such a key; Ed25519 and Ed448 go with ECDSA (RFC 8422, section 5.5)."""
    return ClientCertificateType.rsa_sign if public_key.kind in RSA_KINDS else ClientCertificateType.ecdsa_sign
