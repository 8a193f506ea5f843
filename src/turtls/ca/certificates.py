"""What stands in each kind of certificate (RFC 5280; CA/Browser Forum TLS Baseline Requirements, section 7.1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from turtls.crypto import issuing
from turtls.crypto.keys import PrivateKey

AUTHORITY_LIFETIME = timedelta(days=3650)

BACKDATE = timedelta(hours=1)
"""For peers whose clocks are late."""

_LONGEST_SERVER_DAYS = ((date(2029, 3, 15), 46), (date(2027, 3, 15), 99), (date(2026, 3, 15), 199), (date.min, 397))
"""From which day on how many days: what should not be exceeded, a day less than what must not (Baseline Requirements,
section 6.3.2)."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate that signs others, with its private key."""

    certificate: x509.Certificate
    key: PrivateKey


def longest_server_days(issued_on: date) -> int:
    """How many days a server's certificate issued on that day may live."""
    return next(days for since, days in _LONGEST_SERVER_DAYS if issued_on >= since)


def root(name: str, key: PrivateKey, now: datetime) -> x509.Certificate:
    """A self-signed root, for `AUTHORITY_LIFETIME`."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    subject = _authority_subject(name, "root", identifier)
    builder = _builder(subject, key, now, AUTHORITY_LIFETIME)
    builder = _authority_extensions(builder, identifier, path_length=None)
    return _sign(builder, identifier, key)


def intermediate(name: str, key: PrivateKey, issuer: Issuer, now: datetime) -> x509.Certificate:
    """The authority that issues: for servers and clients alone, with no authority beneath it."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = _builder(_authority_subject(name, "issuing", identifier), key, now, AUTHORITY_LIFETIME, issuer)
    builder = _authority_extensions(builder, identifier, path_length=0)
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    return _issue(builder.add_extension(usages, critical=False), issuer)


def server(
    names: Sequence[x509.GeneralName], key: PrivateKey, issuer: Issuer, now: datetime, lifetime: timedelta
) -> x509.Certificate:
    """For a server. Its names stand in subjectAltName alone: the common name has not been looked at for years."""
    builder = _builder(x509.Name([]), key, now, lifetime, issuer)
    # RFC 5280, section 4.2.1.6: critical where the subject is empty.
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    return _issue(_end_entity_extensions(builder, key, ExtendedKeyUsageOID.SERVER_AUTH), issuer)


def client(
    name: str,
    names: Sequence[x509.GeneralName],
    key: PrivateKey,
    issuer: Issuer,
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    """For a client: `name` is its common name, `names` (which may be empty) its subjectAltName."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, key, now, lifetime, issuer)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    # RFC 5280, section 4.2.1.2, asks for it; the Baseline Requirements advise against it in a server's certificate.
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return _issue(_end_entity_extensions(builder, key, ExtendedKeyUsageOID.CLIENT_AUTH), issuer)


def _builder(
    subject: x509.Name, key: PrivateKey, now: datetime, lifetime: timedelta, issuer: Issuer | None = None
) -> x509.CertificateBuilder:
    start = now.replace(microsecond=0) - BACKDATE
    # The last second is part of the lifetime (RFC 5280, section 4.1.2.5).
    end = start + lifetime - timedelta(seconds=1)
    return x509.CertificateBuilder(
        issuer_name=issuer.certificate.subject if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=min(end, issuer.certificate.not_valid_after_utc) if issuer else end,
    )


def _issue(builder: x509.CertificateBuilder, issuer: Issuer) -> x509.Certificate:
    identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return _sign(builder, identifier, issuer.key)


def _sign(
    builder: x509.CertificateBuilder, issuer_identifier: x509.SubjectKeyIdentifier, issuer_key: PrivateKey
) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_identifier)
    return issuing.sign(builder.add_extension(identifier, critical=False), issuer_key)


def _authority_subject(name: str, part: str, identifier: x509.SubjectKeyIdentifier) -> x509.Name:
    """Ends in a piece of the key's hash: two authorities must not share a name, or peers confuse them."""
    common_name = f"{name} {part} {identifier.digest[:4].hex()}"
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def _authority_extensions(
    builder: x509.CertificateBuilder, identifier: x509.SubjectKeyIdentifier, path_length: int | None
) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    return builder.add_extension(identifier, critical=False)


def _end_entity_extensions(
    builder: x509.CertificateBuilder, key: PrivateKey, purpose: x509.ObjectIdentifier
) -> x509.CertificateBuilder:
    # keyEncipherment serves TLS 1.2's RSA key transport, and no other kind of key can do it.
    usage = _key_usage(digital_signature=True, key_encipherment=issuing.can_encrypt(key))
    builder = builder.add_extension(usage, critical=True)
    return builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)


def _key_usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
