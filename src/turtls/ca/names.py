"""The names that go into certificates."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import idna
from cryptography import x509

from turtls.config.names import ascii_name, is_ip_address
from turtls.errors import ConfigError

MAX_COMMON_NAME = 64
"""Bytes (RFC 5280, appendix A: ub-common-name)."""

_MAIL = re.compile(r"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@)([^@]+)")


def server_names(names: Iterable[str]) -> list[x509.GeneralName]:
    """The subjectAltName of a server: DNS names, wildcards ("*.example.org") and IP addresses, each once.

    Internationalised names become A-labels (RFC 5890). Raises ConfigError for what is none of these.
    """
    general_names = list(dict.fromkeys(_server_name(name) for name in names))
    if not general_names:
        raise ConfigError("A server's certificate needs at least one name.")
    return general_names


def client_names(name: str) -> list[x509.GeneralName]:
    """The subjectAltName of a client: its mail address, or its host's name or address; empty for any other name.

    Raises ConfigError if the name does not fit into a certificate.
    """
    if not name.isprintable() or not 0 < len(name.encode()) <= MAX_COMMON_NAME:
        raise ConfigError(f"A client's name is 1 to {MAX_COMMON_NAME} printable bytes of UTF-8, not {name!r}.")
    if (mail := _MAIL.fullmatch(name)) is not None:
        return [x509.RFC822Name(mail[1] + _host_name(mail[2]))]
    try:
        return [_server_name(name)]
    except ConfigError:
        return []


def as_text(general_names: Iterable[x509.GeneralName]) -> list[str]:
    """The names as people write them; internationalised ones stay A-labels."""
    return [str(name.value) for name in general_names]


def _server_name(name: str) -> x509.GeneralName:
    if is_ip_address(name):
        # A zone ("fe80::1%eth0") means something on one machine alone, and has no place in a certificate.
        return x509.IPAddress(ipaddress.ip_address(name.partition("%")[0]))
    if not name.startswith("*."):
        return x509.DNSName(_host_name(name))
    host = _host_name(name[2:])
    if "." not in host:
        raise ConfigError(f"{name!r}: no client accepts a wildcard right beneath a top-level domain.")
    return x509.DNSName(f"*.{host}")


def _host_name(name: str) -> str:
    """Stricter than what may be looked up: letters, digits and hyphens, and valid A-labels (RFC 5280, 4.2.1.6)."""
    host = ascii_name(name)
    try:
        idna.encode(host)
    except idna.IDNAError as error:
        raise ConfigError(f"{name!r} cannot stand in a certificate: {error}.") from None
    if host.rpartition(".")[2].isdigit():
        raise ConfigError(f"{name!r} looks like an IP address, but is not one.")
    return host
