"""Names of services, as they go over the wire."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from turtls.errors import ConfigError

_ASCII_NAME = (
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\Z"
)


@lru_cache(maxsize=1024)
def is_ip_address(name: str) -> bool:
    """Whether the name is an IPv4 or IPv6 address."""
    if not (":" in name or name[-1:].isdigit()):
        return False  # every address has one of the two, and almost no name
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def ascii_name(name: str) -> str:
    """A DNS name in lower case, internationalised labels as A-labels (RFC 5890), without a final dot.

    Raises ConfigError if it cannot be a host's name.
    """
    lowered = name.removesuffix(".").lower()
    if not lowered.isascii():
        import idna  # large tables, for names that few have

        try:
            lowered = idna.encode(lowered, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise ConfigError(f"{name!r} is not a valid internationalised name: {error}.") from None
    if not re.match(_ASCII_NAME, lowered) or is_ip_address(lowered):  # fullwidth digits become an address only here
        raise ConfigError(f"{name!r} is not the name of a host.")
    return lowered


def host_name(server_name: str) -> bytes | None:
    """What goes into the server_name extension; None for an IP address, which must not (RFC 6066, section 3)."""
    return None if is_ip_address(server_name) else ascii_name(server_name).encode("ascii")
