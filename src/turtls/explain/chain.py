"""Certificates, in the words that people use for them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from turtls.crypto.keys import UNREADABLE, PublicKey


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says. Nothing in it has been checked here."""

    subject: str
    """The common name where there is one, else the whole distinguished name, else its first name."""
    issuer: str
    names: tuple[str, ...]
    """DNS names and addresses of the subjectAltName."""
    key: str
    serial_number: str
    """In hex."""
    not_before: datetime
    not_after: datetime
    sha256: str
    """The fingerprint of the certificate, in hex."""

    def days_left(self, now: datetime) -> int:
        """Whole days until it expires; negative once it has."""
        return (self.not_after - now).days

    def as_json(self, now: datetime) -> dict[str, Any]:
        """The facts as plain values; times in ISO 8601."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "key": self.key,
            "serial_number": self.serial_number,
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "days_left": self.days_left(now),
            "sha256": self.sha256,
        }


def certificate_facts(untrusted_der: bytes) -> CertificateFacts | None:
    """What the certificate says; None if it cannot be parsed."""
    try:
        certificate = x509.load_der_x509_certificate(untrusted_der)
        names = _names(certificate)
        return CertificateFacts(
            subject=_short(certificate.subject) or (names[0] if names else "(no name)"),
            issuer=_short(certificate.issuer) or "(no name)",
            names=names,
            key=_key(certificate),
            serial_number=f"{certificate.serial_number:x}",
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            sha256=hashlib.sha256(untrusted_der).hexdigest(),
        )
    except UNREADABLE:
        return None


def chain_facts(untrusted_chain: tuple[bytes, ...] | list[bytes]) -> list[CertificateFacts]:
    """What those certificates say that can be parsed, leaf first."""
    return [facts for der in untrusted_chain if (facts := certificate_facts(der)) is not None]


def now() -> datetime:
    """The time that certificates are measured against."""
    return datetime.now(UTC)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        value = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *value.get_values_for_type(x509.DNSName),
        *(str(address) for address in value.get_values_for_type(x509.IPAddress)),
    )


def _short(name: x509.Name) -> str:
    common_names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    if common_names:
        value = common_names[0].value
        return value if isinstance(value, str) else value.decode("latin-1")
    return name.rfc4514_string()


def _key(certificate: x509.Certificate) -> str:
    try:
        return str(PublicKey.of(certificate))
    except (UnsupportedAlgorithm, *UNREADABLE):
        return "a kind of key that TLS does not use"
