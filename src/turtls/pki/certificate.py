"""A certificate, read as far as path validation asks, and how it is told of."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from turtls.crypto import keys

UNREADABLE: Final = (*keys.UNREADABLE, UnsupportedAlgorithm)
"""What `cryptography` raises on a certificate that it cannot read, or read the key of."""

_MAX_CACHED = 256
_MAX_CACHED_BYTES = 16 * 1024

_NAMES_SHOWN = 3
_LONGEST_TEXT = 120

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class ParsedCertificate:
    """A certificate all of whose parts could be read. Nothing that it says has been checked."""

    __slots__ = ("certificate", "der", "extensions", "issuer", "not_after", "not_before", "subject")

    def __init__(self, der: bytes, certificate: x509.Certificate) -> None:
        self.der = der
        self.certificate = certificate
        self.subject = certificate.subject
        self.issuer = certificate.issuer
        self.not_before: datetime = certificate.not_valid_before_utc
        self.not_after: datetime = certificate.not_valid_after_utc
        self.extensions = certificate.extensions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParsedCertificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    @property
    def self_issued(self) -> bool:
        """Whether it names itself as its issuer (RFC 5280, section 3.2)."""
        return self.subject == self.issuer

    def extension(self, kind: type[_Extension]) -> _Extension | None:
        """The value of its extension of this kind, or None."""
        for extension in self.extensions:
            if isinstance(extension.value, kind):
                return extension.value
        return None


def load_untrusted(der: bytes) -> x509.Certificate | None:
    """What a peer sent as a certificate; None if it is none.

    Kept by its bytes: most intermediates come back, and to read one with its key costs 25 us.
    """
    return _cached_load(der) if len(der) <= _MAX_CACHED_BYTES else _load(der)


def _load(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except UNREADABLE:
        return None


_cached_load = lru_cache(maxsize=_MAX_CACHED)(_load)


def parse_untrusted(der: bytes, certificate: x509.Certificate) -> ParsedCertificate | None:
    """The certificate with all its parts; None if one of them cannot be read."""
    try:
        return ParsedCertificate(der, certificate)
    except UNREADABLE:
        return None


def subject_alternative_names(certificate: ParsedCertificate) -> list[x509.GeneralName]:
    """What it is for, by its subjectAltName (RFC 5280, section 4.2.1.6)."""
    extension = certificate.extension(x509.SubjectAlternativeName)
    return list(extension) if extension is not None else []


def printable(untrusted_text: str) -> str:
    """Text that a peer chose, made safe for a terminal and a log: one line of bounded length."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in untrusted_text)
    return shown if len(shown) <= _LONGEST_TEXT else shown[: _LONGEST_TEXT - 3] + "..."


def name_text(name: x509.Name) -> str:
    """A distinguished name as people call it: its common name, or all of it where it has none."""
    common_names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(common_names[-1].value) if common_names else name.rfc4514_string()
    return f'"{printable(text)}"' if text else "(no name)"


def who(certificate: x509.Certificate) -> str:
    """Whom a certificate is about: its subject or, where that is empty, its hosts (RFC 5280, section 4.1.2.6)."""
    try:
        if certificate.subject.rdns:
            return name_text(certificate.subject)
        names = subject_alternative_names(ParsedCertificate(b"", certificate))
        return names_text(names) if names else "(no name)"
    except UNREADABLE:
        return "(a name that cannot be read)"


def names_text(names: list[x509.GeneralName]) -> str:
    """A few of the DNS names and addresses among `names`."""
    hosts = [printable(str(name.value)) for name in names if isinstance(name, (x509.DNSName, x509.IPAddress))]
    if not hosts:
        return "no host at all"
    more = len(hosts) - _NAMES_SHOWN
    return ", ".join(hosts[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def describe(certificate: x509.Certificate) -> str:
    """A certificate in one line: who, for which names, from whom, for how long."""
    parsed = parse_untrusted(b"", certificate)
    if parsed is None:
        return "(a certificate with parts that cannot be read)"
    names = subject_alternative_names(parsed)
    hosts = f" for {names_text(names)}" if names and parsed.subject.rdns else ""
    issuer = "itself" if parsed.self_issued else name_text(parsed.issuer)
    return (
        f"{who(certificate)}{hosts}, issued by {issuer}, "
        f"valid {parsed.not_before:%Y-%m-%d} to {parsed.not_after:%Y-%m-%d}"
    )
