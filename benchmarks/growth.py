"""Whether a handshake costs more where there is more of something: credentials, roots, tickets, live connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.certificates import files, other_credentials
from benchmarks.contenders.cases import Handshake, Work
from benchmarks.contenders.clock import timed
from benchmarks.contenders.ours import configs, connect
from turtls.config import Credential
from turtls.crypto.tickets import TicketCache
from turtls.pki import TrustStore, WebVerifier

STEPS = (1, 10, 100, 1000)


def _credentials(count: int) -> Work:
    client, server = configs(Handshake())
    more = [Credential.load(chain, key) for chain, key in other_credentials(count - 1)]
    server = replace(server, credentials=(*more, *server.credentials))
    return timed(lambda: connect(client, server))


def _roots(count: int) -> Work:
    """The verdict on the chain is not kept here: else the store would not be asked."""
    client, server = configs(Handshake())
    others = b"".join(_last(chain) for chain, _ in other_credentials(count - 1))
    verifier = WebVerifier(TrustStore.from_pem(others + files("ecdsa").root.read_bytes()), cache=None)
    client = replace(client, verifier=verifier)
    return timed(lambda: connect(client, server))


def _last(pem_chain: bytes) -> bytes:
    return pem_chain[pem_chain.rindex(b"-----BEGIN") :]


def _tickets(count: int) -> Work:
    client, server = configs(Handshake(resumed=True))
    server = replace(server, tickets=TicketCache())
    for _ in range(count):
        connect(replace(client, sessions=None), server)  # the server keeps its half all the same
    connect(client, server)
    return timed(lambda: connect(client, server))


def _live(count: int) -> Work:
    client, server = configs(Handshake())
    held = [connect(client, server) for _ in range(count)]

    def one_more() -> None:
        held[0] = connect(client, server)

    return timed(one_more)


GROWTH: dict[str, Callable[[int], Work]] = {
    "credentials": _credentials,
    "trust roots, no verdict kept": _roots,
    "tickets held, resumed": _tickets,
    "live connections": _live,
}
