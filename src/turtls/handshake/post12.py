"""After a handshake of TLS 1.2 or earlier: renegotiation is refused (RFC 5746, section 4.5; RFC 5246, 7.2.2)."""

from __future__ import annotations

from turtls.errors import Fault, ProtocolError
from turtls.handshake.peer import Peer
from turtls.wire.messages import ClientHello, HelloRequest


async def client(peer: Peer) -> None:
    """A server that asks for a new handshake is told no_renegotiation."""
    await peer.receive(HelloRequest)
    raise ProtocolError(Fault.RENEGOTIATION)


async def server(peer: Peer) -> None:
    """A client that begins a new handshake is told no_renegotiation."""
    await peer.receive(ClientHello)
    raise ProtocolError(Fault.RENEGOTIATION)
