"""Name constraints: which names an authority may vouch for (RFC 5280, section 4.2.1.10).

A subtree of one kind of name says nothing about names of other kinds. A name must lie in one of the permitted
subtrees of its kind, if there are any, and in no excluded one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from turtls.errors import Fault
from turtls.pki.certificate import ParsedCertificate, name_text, printable, subject_alternative_names
from turtls.pki.errors import Objection
from turtls.pki.limits import Budget

_Kind: TypeAlias = type[x509.GeneralName]
_Subtrees: TypeAlias = Sequence[x509.GeneralName]

_DNS_PATTERN = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


class _CannotCompare(Exception):
    """The name is malformed, or of a kind for which no rule of comparison is known here."""


def check_names(authority: ParsedCertificate, below: Sequence[ParsedCertificate], budget: Budget) -> None:
    """Raises Objection if the authority may not vouch for the names in the certificates `below` it (leaf first)."""
    constraints = authority.extension(x509.NameConstraints)
    if constraints is None:
        return
    permitted, excluded = constraints.permitted_subtrees or (), constraints.excluded_subtrees or ()
    for position, certificate in enumerate(below):
        if position > 0 and certificate.self_issued:
            continue  # An authority that changes its key is named again in its own certificate.
        for kind, value in _names_of(certificate):
            budget.spend_name_comparisons(len(permitted) + len(excluded))
            if not _is_allowed(kind, value, permitted, excluded):
                raise Objection(
                    Fault.BAD_CERTIFICATE,
                    f"The authority {name_text(authority.subject)} may not vouch for {_text(value)}: the name "
                    "constraints in its own certificate rule that out.",
                    culprit=certificate.certificate,
                )


def _names_of(certificate: ParsedCertificate) -> Iterable[tuple[_Kind, Any]]:
    names = subject_alternative_names(certificate)
    for name in names:
        yield type(name), name.value
    if certificate.subject.rdns:
        yield x509.DirectoryName, certificate.subject
    if not any(isinstance(name, x509.RFC822Name) for name in names):
        # Where mailboxes stood before there was a subjectAltName for them.
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
            yield x509.RFC822Name, attribute.value


def _is_allowed(kind: _Kind, value: Any, permitted: _Subtrees, excluded: _Subtrees) -> bool:
    """Whether the name may be used. What cannot be compared cannot be shown to be allowed."""
    must_be_in = [subtree.value for subtree in permitted if type(subtree) is kind]
    must_not_touch = [subtree.value for subtree in excluded if type(subtree) is kind]
    try:
        return (not must_be_in or any(_is_in(kind, value, subtree) for subtree in must_be_in)) and not any(
            _is_in(kind, value, subtree) or _wildcard_touches(kind, value, subtree) for subtree in must_not_touch
        )
    except _CannotCompare:
        return False


def _is_in(kind: _Kind, value: Any, subtree: Any) -> bool:
    comparison = _COMPARISONS.get(kind)
    if comparison is None:
        raise _CannotCompare
    return comparison(value, subtree)


def _dns_name_in(name: str, subtree: str) -> bool:
    """A domain and all below it. Many private CAs begin it with a dot, which leaves out the domain itself."""
    name, subtree = name.lower(), subtree.lower()
    if not _DNS_PATTERN.fullmatch(name):
        raise _CannotCompare
    return not subtree or name == subtree or name.endswith("." + subtree.removeprefix("."))


def _wildcard_touches(kind: _Kind, value: Any, subtree: Any) -> bool:
    """Whether a wildcard covers the head of an excluded domain: `*.example.org` touches `www.example.org`."""
    if kind is not x509.DNSName or not value.startswith("*."):
        return False
    head, _, parent = subtree.lower().partition(".")
    return bool(head) and parent == value[2:].lower()


def _address_in(address: Any, network: Any) -> bool:
    return address in network


def _mailbox_in(mailbox: str, subtree: str) -> bool:
    """One mailbox, all of a host, or (with a leading dot) all of the hosts in a domain."""
    local_part, at, host = mailbox.rpartition("@")
    if not at:
        raise _CannotCompare
    wanted_local_part, at, wanted_host = subtree.rpartition("@")
    return (not at or local_part == wanted_local_part) and _host_in(host, wanted_host)


def _uri_in(uri: str, subtree: str) -> bool:
    """URIs on a host, or (with a leading dot) on all the hosts in a domain."""
    try:
        host = urlsplit(uri).hostname
    except ValueError:
        host = None
    if not host:
        raise _CannotCompare
    return _host_in(host, subtree)


def _host_in(host: str, subtree: str) -> bool:
    host, subtree = host.lower(), subtree.lower()
    return not subtree or host == subtree or (subtree.startswith(".") and host.endswith(subtree))


def _directory_name_in(name: x509.Name, subtree: x509.Name) -> bool:
    """Names that begin with the relative distinguished names of the subtree."""
    wanted = [_normalised(rdn) for rdn in subtree.rdns]
    return [_normalised(rdn) for rdn in name.rdns[: len(wanted)]] == wanted


def _normalised(rdn: x509.RelativeDistinguishedName) -> frozenset[tuple[str, str | bytes]]:
    """Neither case nor runs of spaces count when names are compared (RFC 5280, section 7.1)."""
    return frozenset((part.oid.dotted_string, _folded(part.value)) for part in rdn)


def _folded(value: str | bytes) -> str | bytes:
    return value if isinstance(value, bytes) else " ".join(value.split()).casefold()


_COMPARISONS: Final[dict[_Kind, Callable[[Any, Any], bool]]] = {
    x509.DNSName: _dns_name_in,
    x509.IPAddress: _address_in,
    x509.RFC822Name: _mailbox_in,
    x509.UniformResourceIdentifier: _uri_in,
    x509.DirectoryName: _directory_name_in,
}


def _text(value: Any) -> str:
    return printable(value.rfc4514_string() if isinstance(value, x509.Name) else str(value))
