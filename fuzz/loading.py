"""What comes from files and from people: certificates, keys, PKCS #12, cipher strings."""

from __future__ import annotations

from turtls.config import Policy
from turtls.crypto.keys import Leaf, load_certificates, load_pkcs12, load_private_key
from turtls.errors import ConfigError, ProtocolError


def certificates(data: bytes) -> None:
    """PEM or DER: each certificate that is found must be readable again."""
    try:
        chain = load_certificates(data)
    except ConfigError:
        return
    assert chain
    for der in chain:
        assert load_certificates(der) == [der]


def leaf(data: bytes) -> None:
    """A peer's certificate. One that is accepted is one that could be one's own."""
    try:
        parsed = Leaf.parse_untrusted(data)
    except ProtocolError:
        return
    assert Leaf.parse(data).dns_names == parsed.dns_names


def private_key(data: bytes) -> None:
    """PEM or DER, with a password and without."""
    for password in (None, "secret"):
        try:
            load_private_key(data, password)
        except ConfigError:
            pass


def pkcs12(data: bytes) -> None:
    """A key with its chain."""
    try:
        _, chain = load_pkcs12(data, "secret")
    except ConfigError:
        return
    assert chain


def policy(data: bytes) -> None:
    """A cipher string. What it selects must make a policy, and the same one each time."""
    text = data.decode("utf-8", "replace")
    try:
        made = Policy.from_string(text)
    except ConfigError as error:
        assert str(error)
        return
    assert Policy.from_string(text) == made
    assert len(set(made.cipher_suites)) == len(made.cipher_suites)
