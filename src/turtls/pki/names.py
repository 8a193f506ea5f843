"""Reference identities: who the caller wants to reach, and whether a certificate is for them (RFC 9525)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias

from cryptography import x509

from turtls.config import names
from turtls.errors import ConfigError

Identity: TypeAlias = x509.DNSName | x509.IPAddress
"""A DNS name in A-labels, lower case and without a final dot; or an address."""


def server_identity(name: str) -> Identity:
    """The identity that a host's name or address stands for (RFC 9525, section 6.1).

    Internationalised names become A-labels (UTS #46). Raises ConfigError for what can be neither.
    """
    if names.is_ip_address(name):
        return x509.IPAddress(_address(name))
    dns_name = names.ascii_name(name)
    if dns_name.rpartition(".")[2].isdigit():
        raise ConfigError(f"{name!r} ends in a number like an address, but it is no IPv4 address.")
    return x509.DNSName(dns_name)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        raise ConfigError(f"{text!r} names a zone of this machine: no certificate can be for it. Leave out the '%'.")
    return address


def is_presented(identity: Identity, untrusted_names: Iterable[x509.GeneralName]) -> bool:
    """Whether the identity is one of the names of a certificate (RFC 9525, section 6.2).

    Names are compared with names and addresses with addresses; a common name is neither.
    """
    if isinstance(identity, x509.IPAddress):
        return identity in untrusted_names
    return any(
        matches(identity.value, presented.value) for presented in untrusted_names if isinstance(presented, x509.DNSName)
    )


def matches(dns_name: str, untrusted_pattern: str) -> bool:
    """Whether a pattern of a certificate covers the name.

    A wildcard is a whole left-most label and stands for exactly one label (RFC 9525, section 6.3): `*.example.org`
    covers `www.example.org`, neither `example.org` nor `a.b.example.org`; `w*.example.org` covers nothing.
    """
    pattern = untrusted_pattern.lower()
    if pattern.startswith("*."):
        _, dot, parent = dns_name.partition(".")
        return dot == "." and parent == pattern[2:]
    return dns_name == pattern
