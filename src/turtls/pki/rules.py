"""What each certificate of a path has to satisfy: RFC 5280, sections 4.2 and 6.1, one rule a function.

Each rule raises an Objection that names the certificate. The rules are those of private PKIs: what RFC 5280 wants
an authority to write but no decision rests on (key identifiers, say) may be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, SignatureAlgorithmOID

from turtls.config import Role
from turtls.errors import Fault
from turtls.pki import constraints, names
from turtls.pki.certificate import ParsedCertificate, names_text, subject_alternative_names
from turtls.pki.criteria import Criteria
from turtls.pki.errors import Objection, objection_to
from turtls.pki.limits import Budget

_PURPOSES: Final = {
    Role.SERVER: (ExtendedKeyUsageOID.SERVER_AUTH, "servers"),
    Role.CLIENT: (ExtendedKeyUsageOID.CLIENT_AUTH, "clients"),
}

_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        # These change no verdict: key identifiers order the search, and no policy is asked for.
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)

_SOUND_SIGNATURES: Final = frozenset(
    {
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.ED25519,
        SignatureAlgorithmOID.ED448,
        SignatureAlgorithmOID.ML_DSA_44,
        SignatureAlgorithmOID.ML_DSA_65,
        SignatureAlgorithmOID.ML_DSA_87,
    }
)
_SOUND_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})

_RENEW: Final = "It has to be renewed. If it was, the peer still sends the old one, or this machine's clock is wrong."
_NOT_YET: Final = "Most often it is this machine's clock that is wrong."


def check_signature_algorithm(certificate: x509.Certificate) -> None:
    """Raises Objection if it is signed with anything but SHA-2 or a scheme with its own hash: SHA-1 can be forged."""
    algorithm = certificate.signature_algorithm_oid
    if algorithm in _SOUND_SIGNATURES:
        return
    if algorithm == SignatureAlgorithmOID.RSASSA_PSS and _hash_name(certificate) in _SOUND_HASHES:
        return
    raise objection_to(certificate, Fault.BAD_CERTIFICATE, f"is signed with {algorithm._name}, which is not safe.")


def _hash_name(certificate: x509.Certificate) -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return None
    return algorithm.name if algorithm is not None else None


def check_authorities(path: Sequence[ParsedCertificate], criteria: Criteria, budget: Budget) -> None:
    """Raises Objection if one of those that signed, up to the trust anchor, was not allowed to.

    `path` begins with the leaf, which is not judged here.
    """
    for position, authority in enumerate(path[1:], start=1):
        below = path[:position]
        _check_validity(authority, criteria.time)
        _check_critical_extensions(authority)
        _check_may_sign(authority)
        _check_path_length(authority, below[1:])
        _check_purpose(authority, criteria.role)
        constraints.check_names(authority, below, budget)


def check_leaf(leaf: ParsedCertificate, criteria: Criteria) -> None:
    """Raises Objection if the certificate is not good for the role and the name."""
    _check_validity(leaf, criteria.time)
    _check_critical_extensions(leaf)
    _check_purpose(leaf, criteria.role)
    if criteria.identity is not None:
        _check_name(leaf, criteria.identity)


def _check_validity(certificate: ParsedCertificate, time: datetime) -> None:
    """Section 4.1.2.5: both ends are within."""
    if time < certificate.not_before:
        raise _expired(certificate, f"is not valid before {certificate.not_before:%Y-%m-%d %H:%M} UTC.", _NOT_YET)
    if time > certificate.not_after:
        days = (time - certificate.not_after).days
        ago = f", {days} days ago" if days > 1 else ""
        raise _expired(certificate, f"expired on {certificate.not_after:%Y-%m-%d %H:%M} UTC{ago}.", _RENEW)


def _check_critical_extensions(certificate: ParsedCertificate) -> None:
    """Section 4.2: what is critical and not understood may mean anything."""
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise _broken(
                certificate, f"has a critical extension that is not known here: {extension.oid.dotted_string}."
            )


def _check_may_sign(authority: ParsedCertificate) -> None:
    """Sections 4.2.1.9 and 4.2.1.3."""
    basic = authority.extension(x509.BasicConstraints)
    if basic is None or not basic.ca:
        raise _broken(authority, "issued another, but is not that of an authority (basicConstraints).")
    usage = authority.extension(x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise _broken(authority, "issued another, but its key may not sign certificates (keyUsage).")


def _check_path_length(authority: ParsedCertificate, intermediates: Sequence[ParsedCertificate]) -> None:
    """Section 4.2.1.9: self-issued intermediates do not count."""
    basic = authority.extension(x509.BasicConstraints)
    limit = basic.path_length if basic is not None else None
    count = sum(not intermediate.self_issued for intermediate in intermediates)
    if limit is not None and count > limit:
        raise _broken(authority, f"allows {limit} authorities beneath it, and there are {count} (pathLenConstraint).")


def _check_purpose(certificate: ParsedCertificate, role: Role) -> None:
    """Section 4.2.1.12. As everybody does, an authority's list is taken to bind what it issues."""
    usages = certificate.extension(x509.ExtendedKeyUsage)
    wanted, whom = _PURPOSES[role]
    if usages is not None and wanted not in usages and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usages:
        raise _broken(certificate, f"is not for TLS {whom} (extendedKeyUsage).")


def _check_name(leaf: ParsedCertificate, identity: names.Identity) -> None:
    """RFC 9525, section 6."""
    presented = subject_alternative_names(leaf)
    if names.is_presented(identity, presented):
        return
    if presented:
        finding = f"is for {names_text(presented)}, not for {identity.value}."
        advice = "Use a name that the certificate is for, or have it issued again with this one in it as well."
    else:
        finding = f"is not for {identity.value}: it has no subjectAltName."
        advice = "It has to be issued again with its names in a subjectAltName; a common name does not count."
    raise objection_to(leaf.certificate, Fault.WRONG_NAME, finding, advice)


def _expired(culprit: ParsedCertificate, finding: str, advice: str) -> Objection:
    return objection_to(culprit.certificate, Fault.EXPIRED, finding, advice)


def _broken(culprit: ParsedCertificate, finding: str) -> Objection:
    return objection_to(culprit.certificate, Fault.BAD_CERTIFICATE, finding)
