"""The public web's profile: `cryptography` judges; what is wrong is told here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, PublicKeyAlgorithmOID
from cryptography.x509.verification import PolicyBuilder, VerificationError

from turtls.errors import Fault
from turtls.pki import names
from turtls.pki.certificate import UNREADABLE, ParsedCertificate, printable, who
from turtls.pki.criteria import Criteria
from turtls.pki.errors import Objection
from turtls.pki.limits import MAX_CHAIN_LENGTH
from turtls.pki.store import TrustStore

if TYPE_CHECKING:
    from turtls.pki.path import Path


class BreaksProfile(Exception):
    """The chain is not good under the web's profile; the text is that of `cryptography`."""


def find_path(
    leaf: x509.Certificate, untrusted: Sequence[x509.Certificate], store: TrustStore, criteria: Criteria
) -> list[x509.Certificate]:
    """A path from the leaf (first) to the store under the CA/Browser Forum's profile. Raises BreaksProfile."""
    policy = PolicyBuilder().store(store.x509_store).time(criteria.time).max_chain_depth(MAX_CHAIN_LENGTH)
    try:
        if criteria.identity is None:
            return policy.build_client_verifier().verify(leaf, list(untrusted)).chain
        subject = _subject(leaf, criteria.identity)
        return policy.build_server_verifier(subject).verify(leaf, list(untrusted))
    except (VerificationError, *UNREADABLE) as error:
        raise BreaksProfile(str(error).removeprefix("validation failed: ")) from None


def _subject(leaf: x509.Certificate, identity: names.Identity) -> names.Identity:
    """What to ask `cryptography` for, which takes no name with an underscore, as some hosts have.

    Public certificates have no such names either, but a wildcard covers them; then it covers this stand-in too.
    """
    if isinstance(identity, x509.IPAddress) or "_" not in identity.value:
        return identity
    try:
        presented = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise VerificationError("leaf certificate has no subjectAltName") from None
    if not names.is_presented(identity, presented):
        raise VerificationError("leaf certificate has no matching subjectAltName")
    return x509.DNSName(identity.value.replace("_", "x"))


_Rule: TypeAlias = tuple[Callable[[ParsedCertificate], bool], str]


def explain(path: Path, verdict: str) -> Objection:
    """The objection to a path that is sound by RFC 5280 but not under the web's profile."""
    for position, certificate in enumerate(path):
        for is_broken_by, finding in _AUTHORITY_RULES if position else _LEAF_RULES:
            if is_broken_by(certificate):
                return _objection(certificate.certificate, finding)
    return _objection(path[0].certificate, f"or one above it does not keep to them: {printable(verdict)}")


def _objection(culprit: x509.Certificate, finding: str) -> Objection:
    return Objection(
        Fault.BAD_CERTIFICATE,
        "The chain is sound, but not by the strict rules for the public web: "
        f"the certificate of {who(culprit)} {finding}.",
        culprit=culprit,
        advice="If it is from a private authority that you trust, check it with PrivateVerifier, which asks for less.",
    )


def _has_no(kind: type[x509.ExtensionType]) -> Callable[[ParsedCertificate], bool]:
    return lambda certificate: certificate.extension(kind) is None


def _is_authority(leaf: ParsedCertificate) -> bool:
    basic = leaf.extension(x509.BasicConstraints)
    return basic is not None and basic.ca


def _may_sign_certificates(leaf: ParsedCertificate) -> bool:
    usage = leaf.extension(x509.KeyUsage)
    return usage is not None and usage.key_cert_sign


def _is_for_anything(leaf: ParsedCertificate) -> bool:
    usages = leaf.extension(x509.ExtendedKeyUsage)
    return usages is not None and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages


def _is_critical(kind: type[x509.ExtensionType]) -> Callable[[ParsedCertificate], bool]:
    return lambda certificate: any(e.critical for e in certificate.extensions if isinstance(e.value, kind))


def _has_edwards_key(certificate: ParsedCertificate) -> bool:
    algorithm = certificate.certificate.public_key_algorithm_oid
    return algorithm in (PublicKeyAlgorithmOID.ED25519, PublicKeyAlgorithmOID.ED448)


def _san_critical_beside_subject(leaf: ParsedCertificate) -> bool:
    return bool(leaf.subject.rdns) and _is_critical(x509.SubjectAlternativeName)(leaf)


_LEAF_RULES: Final[tuple[_Rule, ...]] = (
    (_has_no(x509.AuthorityKeyIdentifier), "has no authorityKeyIdentifier"),
    (_has_no(x509.SubjectAlternativeName), "has no subjectAltName"),
    (_san_critical_beside_subject, "marks its subjectAltName as critical although it has a subject too"),
    (_is_authority, "is that of an authority (basicConstraints), not of a server or client"),
    (_may_sign_certificates, "lets its key sign certificates (keyUsage)"),
    (_is_for_anything, "is for any purpose at all (extendedKeyUsage)"),
)
_AUTHORITY_RULES: Final[tuple[_Rule, ...]] = (
    (_has_no(x509.KeyUsage), "has no keyUsage"),
    (_has_edwards_key, "holds an Ed25519 or Ed448 key, which no public authority may use"),
)
