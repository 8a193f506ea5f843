"""What a certificate says of its RSASSA-PSS key: which hash alone it may sign with (RFC 4055, section 3.1).

`cryptography` reads such keys and drops their parameters. This module is imported where one turns up: rarely.
"""

from __future__ import annotations

from typing import Annotated

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1

_HASHES = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


@asn1.sequence
class HashAlgorithm:
    """An AlgorithmIdentifier whose parameters can only be NULL."""

    algorithm: x509.ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class RSASSAPSSParams:
    """RFC 4055, section 3.1. TLS fixes the mask generation and the length of the salt by the hash."""

    hash_algorithm: Annotated[HashAlgorithm | None, asn1.Explicit(0)]
    mask_gen_algorithm: Annotated[list[asn1.TLV] | None, asn1.Explicit(1)]
    salt_length: Annotated[int | None, asn1.Explicit(2)]
    trailer_field: Annotated[int | None, asn1.Explicit(3)]


@asn1.sequence
class AlgorithmIdentifier:
    """id-RSASSA-PSS with its parameters."""

    algorithm: x509.ObjectIdentifier
    parameters: RSASSAPSSParams | None


@asn1.sequence
class SubjectPublicKeyInfo:
    """RFC 5280, section 4.1."""

    algorithm: AlgorithmIdentifier
    subject_public_key: asn1.BitString


@asn1.sequence
class TBSCertificate:
    """RFC 5280, section 4.1."""

    version: Annotated[int | None, asn1.Explicit(0)]
    serial_number: asn1.TLV
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: asn1.TLV
    subject: asn1.TLV
    subject_public_key_info: SubjectPublicKeyInfo
    issuer_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Explicit(3)]


def only_hash(certificate: x509.Certificate) -> str | None:
    """The name of the one hash that the RSASSA-PSS key of a certificate signs with; None if it may be any.

    Raises cryptography's UnsupportedAlgorithm if TLS has no scheme with that hash, ValueError if it is malformed.
    """
    tbs = asn1.decode_der(TBSCertificate, certificate.tbs_certificate_bytes)
    parameters = tbs.subject_public_key_info.algorithm.parameters
    if parameters is None:
        return None
    # Left out means SHA-1.
    name = _HASHES.get(parameters.hash_algorithm.algorithm.dotted_string) if parameters.hash_algorithm else None
    if name is None:
        raise UnsupportedAlgorithm("an RSASSA-PSS key for a hash that TLS does not use with it")
    return name
