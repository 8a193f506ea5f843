"""Which peers there are, and what is tried with each: rows for pytest's parametrize, with ids that can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pytest

from tests.interop.peers.base import Can, ClientPeer, Peer, ServerPeer
from tests.interop.peers.curl import Curl
from tests.interop.peers.gnutls import GnuTLS
from tests.interop.peers.nss import NSS
from tests.interop.peers.openssl import OpenSSL
from tests.interop.peers.programs import Erlang, Go, Java, Node, PyOpenSSL, TLSLite

SERVERS: tuple[ServerPeer, ...] = (OpenSSL(), GnuTLS(), NSS(), Go(), Java(), Node(), PyOpenSSL(), TLSLite())
CLIENTS: tuple[ClientPeer, ...] = (OpenSSL(), GnuTLS(), NSS(), Curl(), Go(), Java(), Node(), PyOpenSSL(), TLSLite())

# In TLS 1.3 it has nothing that others do not have.
SERVERS12: tuple[ServerPeer, ...] = (*SERVERS, Erlang())
CLIENTS12: tuple[ClientPeer, ...] = (*CLIENTS, Erlang())

SCHEMES = {
    "p256": ("ecdsa_secp256r1_sha256",),
    "p384": ("ecdsa_secp384r1_sha384",),
    "p521": ("ecdsa_secp521r1_sha512",),
    "ed25519": ("ed25519",),
    "ed448": ("ed448",),
    "rsa": ("rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"),
    "rsa-pss": ("rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512"),
    "mldsa44": ("mldsa44",),
    "mldsa65": ("mldsa65",),
    "mldsa87": ("mldsa87",),
}
"""What each kind of certificate can sign with in TLS 1.3."""

P = TypeVar("P", bound=Peer)


def kind_for(scheme: str) -> str:
    """The kind of certificate that signs so."""
    return next(kind for kind, schemes in SCHEMES.items() if scheme in schemes)


def servers_that(*abilities: Can) -> pytest.MarkDecorator:
    """`peer`: each server that can do all of that."""
    return _each(peer for peer in SERVERS if peer.server_can.issuperset(abilities))


def clients_that(*abilities: Can) -> pytest.MarkDecorator:
    """`peer`: each client that can do all of that."""
    return _each(peer for peer in CLIENTS if peer.client_can.issuperset(abilities))


def _each(peers: Iterable[Peer]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("peer", list(peers), ids=str)


def each(peers: Iterable[P], name: str, values: Callable[[P], Iterable[Any]]) -> pytest.MarkDecorator:
    """`peer` and `name`: each peer with each of its values."""
    return pytest.mark.parametrize(
        ("peer", name), [pytest.param(peer, value, id=f"{peer}-{value}") for peer in peers for value in values(peer)]
    )


def schemes(peer: Peer) -> Iterator[str]:
    """Each signature scheme of a peer."""
    return (scheme for kind in peer.certificates for scheme in SCHEMES[kind])
