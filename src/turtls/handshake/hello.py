"""The first messages, and which version the two sides end up with.

This is the one place where versions are negotiated (RFC 8446, section 4.2.1 and appendix D).
"""

from __future__ import annotations

from collections.abc import Sequence

from turtls.config import ClientConfig, ServerConfig, Session
from turtls.errors import Fault, ProtocolError
from turtls.handshake import client13, server13
from turtls.handshake.established import Established
from turtls.handshake.established12 import Established12
from turtls.handshake.offer import Offer, bind
from turtls.handshake.peer import Peer
from turtls.handshake.transcript import Transcript
from turtls.wire.codepoints import is_grease
from turtls.wire.extensions import SupportedVersionsClientHello
from turtls.wire.messages import ClientHello, HelloRetryRequest, ServerHello, ServerHello12
from turtls.wire.registries import CipherSuite, ProtocolVersion


async def client(
    peer: Peer, config: ClientConfig, server_name: str | None, session: Session | None
) -> Established | Established12:
    """A client's whole handshake, in whichever version the server chooses."""
    offer = Offer(peer, config, server_name, session)
    peer.client_random = offer.hello.random
    transcript = Transcript()
    bind(offer, transcript)
    transcript.add(peer.send_raw(offer.raw, offer.hello))
    if offer.early_data:
        from turtls.handshake.early_data import begin_early_data

        begin_early_data(peer, offer)
    answer = await peer.receive(ServerHello, HelloRetryRequest, ServerHello12)
    if isinstance(answer, ServerHello12):
        if offer.early_data:  # appendix D.3
            peer.end_early_data()
            raise ProtocolError(Fault.EARLY_DATA_VERSION)
        peer.version = answer.server_version
        from turtls.handshake import client12

        return await client12.handshake(peer, offer, answer, transcript)
    peer.version = ProtocolVersion.TLS_1_3
    peer.carrier.set_version(ProtocolVersion.TLS_1_3)
    return await client13.handshake(peer, offer, answer, transcript)


async def server(peer: Peer, config: ServerConfig) -> tuple[ServerConfig, Established | Established12]:
    """A server's whole handshake, in the best version that both sides know, and the configuration it was held under."""
    hello = await peer.receive(ClientHello)
    peer.client_random = hello.random
    if (untrusted_original := peer.carrier.v2_client_hello) is not None:
        hello.raw = untrusted_original  # the transcript has it as it came (RFC 5246, appendix E.2)
    if config.on_client_hello is not None:
        from turtls.wire.fingerprint import ClientHelloInfo

        chosen = await peer.wait(config.on_client_hello(ClientHelloInfo(hello)), "the choice of a configuration")
        config = chosen or config
    version = choose_version(hello, config.policy.versions)
    peer.explain("version", "{version} is the newest version that both sides know.", version=version)
    peer.version = version
    peer.carrier.receive_extensions(hello.extensions)
    if version < ProtocolVersion.TLS_1_3:
        from turtls.handshake import server12

        return config, await server12.handshake(peer, config, hello, version)
    peer.carrier.set_version(version)
    return config, await server13.handshake(peer, config, hello)


def choose_version(hello: ClientHello, versions: Sequence[ProtocolVersion]) -> ProtocolVersion:
    """The newest version that both sides know (section 4.2.1). Raises ProtocolError (UNSUPPORTED_PROTOCOL)."""
    if hello.legacy_version <= ProtocolVersion.SSL_3_0:
        raise ProtocolError(Fault.SSL3_REFUSED)  # appendix D.5, whatever supported_versions says
    supported = hello.extensions.get(SupportedVersionsClientHello)
    if supported is not None:
        offered = supported.versions
    else:  # before TLS 1.3 a client names its newest version and knows those below (RFC 5246, appendix E.1)
        newest = min(hello.legacy_version, ProtocolVersion.TLS_1_2)
        offered = [version for version in versions if version <= newest]
    common = [version for version in versions if version in offered]
    if CipherSuite.TLS_FALLBACK_SCSV in hello.cipher_suites and max(versions) > max(_meant(offered), default=0):
        raise ProtocolError(Fault.INAPPROPRIATE_FALLBACK)  # RFC 7507, section 3
    if not common:
        told = ", ".join(sorted(map(str, _meant(offered)))) or f"at most {hello.legacy_version}"
        raise ProtocolError(Fault.UNSUPPORTED_PROTOCOL, f"the client offers {told}")
    return max(common)


def _meant(versions: Sequence[ProtocolVersion]) -> list[ProtocolVersion]:
    """Without GREASE."""
    return [version for version in versions if not is_grease(version)]
