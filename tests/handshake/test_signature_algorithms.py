"""signature_algorithms_cert: what certificates may be signed with (RFC 8446, section 4.2.3)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.handshake.parties import NAME, client_config, server_config, shaken
from tests.pki.chains import authority, certificate
from turtls.config import Credential, Policy
from turtls.crypto.signatures import KeySigner
from turtls.handshake.certificates import signature_algorithms
from turtls.wire.extensions import AnyExtension, SignatureAlgorithms, SignatureAlgorithmsCert
from turtls.wire.registries import SignatureScheme


@cache
def issued_with_rsa_and_with_ecdsa() -> tuple[Credential, Credential]:
    """Two credentials for one name, with P-256 keys both: one of an RSA authority, one of an ECDSA one."""
    credentials = []
    for authority_key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())):
        issuer = authority("an authority", key=authority_key)
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = certificate(NAME, names=(NAME,), key=key, issuer=issuer)
        credentials.append(Credential((leaf.der,), KeySigner(key)))
    return credentials[0], credentials[1]


def test_a_credential_knows_what_its_chain_is_signed_with() -> None:
    by_rsa, by_ecdsa = issued_with_rsa_and_with_ecdsa()
    assert by_rsa.chain_schemes == {SignatureScheme.rsa_pkcs1_sha256}
    assert by_ecdsa.chain_schemes == {SignatureScheme.ecdsa_secp256r1_sha256}


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        (SignatureScheme.rsa_pkcs1_sha256, 0),
        (SignatureScheme.ecdsa_secp256r1_sha256, 1),
        (SignatureScheme.ed25519, 0),  # none suits: the first will have to do (section 4.4.2.2)
    ],
)
def test_a_server_shows_the_chain_that_the_client_can_verify(accepted: SignatureScheme, chosen: int) -> None:
    credentials = issued_with_rsa_and_with_ecdsa()
    client = client_config()
    client = replace(client, policy=replace(client.policy, certificate_signature_schemes=(accepted,)))
    ours, _ = shaken(client, server_config(credentials=credentials))
    assert ours.negotiated is not None
    assert ours.negotiated.peer is not None
    assert ours.negotiated.peer.chain[0] == credentials[chosen].chain[0]


def test_tls13_alone_still_takes_certificates_of_rsa_authorities() -> None:
    [handshakes, certificates] = _signature_algorithms(Policy.MODERN)
    assert isinstance(handshakes, SignatureAlgorithms)
    assert isinstance(certificates, SignatureAlgorithmsCert)
    assert SignatureScheme.rsa_pkcs1_sha256 not in handshakes.supported_signature_algorithms
    assert SignatureScheme.rsa_pkcs1_sha256 in certificates.supported_signature_algorithms
    assert len(_signature_algorithms(Policy.INTERMEDIATE)) == 1


def _signature_algorithms(policy: Policy) -> list[AnyExtension]:
    return signature_algorithms(policy.signature_schemes, policy.certificate_signature_schemes)
