"""What a client offers: its ClientHello, the first and the second (RFC 8446, sections 4.1.2 and 4.2)."""

from __future__ import annotations

from functools import lru_cache

from turtls.config import ClientConfig, Session
from turtls.config.names import host_name
from turtls.crypto.groups import PrivateShare
from turtls.crypto.hashes import Hash
from turtls.errors import Fault, ProtocolError
from turtls.handshake.grease import Grease
from turtls.handshake.peer import Peer
from turtls.handshake.psks import binders, offered_psks, psks_to_offer
from turtls.handshake.terms import Terms
from turtls.handshake.transcript import Transcript
from turtls.wire.codepoints import is_grease
from turtls.wire.extensions import (
    AnyExtension,
    CertificateAuthorities,
    Cookie,
    EarlyDataIndication,
    Extensions,
    KeyShareClientHello,
    KeyShareEntry,
    OfferedPsks,
    ServerName,
    ServerNameList,
    SessionTicket,
    prepare,
)
from turtls.wire.messages import ClientHello
from turtls.wire.registries import ExtensionType, NamedGroup, ProtocolVersion


class Offer:
    """What a client has offered. Every answer of the server is checked against it."""

    __slots__ = (
        "config",
        "early_data",
        "grease",
        "hello",
        "psks",
        "raw",
        "server_name",
        "session",
        "shares",
        "terms",
    )

    def __init__(self, peer: Peer, config: ClientConfig, server_name: str | None, session: Session | None) -> None:
        self.config = config
        self.server_name = server_name
        self.session = session
        """The session to resume, if there is one."""
        self.shares: dict[NamedGroup, PrivateShare] = {}
        """The private halves of the key shares sent."""
        self.grease = Grease(peer.environment.random(16)) if config.grease else None
        self.terms = config.once(Terms)
        self.psks = psks_to_offer(config, session, self.terms.psk_hashes)
        """What TLS 1.3 may start from in the place of a certificate, in the order of the ClientHello."""
        self.early_data = self._offers_early_data(peer)
        self.hello = self._first_hello(peer)
        self.raw = b""
        """The ClientHello's bytes, once it is sent."""

    def _offers_early_data(self, peer: Peer) -> bool:
        """Whether the session allows it and can go on with all that early data is bound to (section 4.2.10)."""
        session = self.session
        return (
            session is not None
            and session.version == ProtocolVersion.TLS_1_3
            and session.cipher_suite in self.terms.cipher_suites
            and (session.alpn is None or session.alpn in self.config.alpn)
            and peer.carrier.offers_early_data(session)
        )

    def _first_hello(self, peer: Peer) -> ClientHello:
        random = peer.environment.random
        bodies = self._extensions(peer)
        if self.grease is not None:
            bodies = self.grease.sprinkle(bodies, random(2 * len(bodies)))
        if self.psks:
            bodies.append(offered_psks(self.psks, peer.environment.now()))  # always the last (section 4.2.11)
        return ClientHello(
            legacy_version=self.terms.legacy_version,
            random=random(32),
            legacy_session_id=self._session_id(peer),
            cipher_suites=self.terms.offered_suites[self.grease.cipher_suite if self.grease else None],
            extensions=Extensions(bodies),
        )

    def _session_id(self, peer: Peer) -> bytes:
        if self.session is not None and self.session.session_id:
            return self.session.session_id
        if self.session is not None and self.session.version < ProtocolVersion.TLS_1_3:
            return peer.environment.random(32)  # the server echoes it if it takes the ticket (RFC 5077, section 3.4)
        # A session id that is not empty makes middleboxes take this for TLS 1.2 (RFC 8446, appendix D.4).
        return peer.environment.random(32) if self.terms.offers_tls13 and peer.carrier.compatibility_mode else b""

    def _extensions(self, peer: Peer) -> list[AnyExtension]:
        terms, grease = self.terms, self.grease
        bodies: list[AnyExtension] = [
            terms.supported_groups[grease.group if grease else None],
            *terms.status_requests,
            *terms.signature_algorithms[grease.signature_scheme if grease else None],
            *terms.extensions,
        ]
        if terms.offers_tls13:
            bodies += self._extensions13(peer)
        if terms.offers_tls12:
            bodies += self._extensions12()
        if self.server_name is not None and (name := server_name_list(self.server_name)) is not None:
            bodies.append(name)
        return bodies + peer.carrier.extensions()

    def _extensions13(self, peer: Peer) -> list[AnyExtension]:
        config, grease = self.config, self.grease
        bodies = [
            self.terms.supported_versions[grease.version if grease else None],
            self._key_shares(peer),
            *self.terms.extensions13,
        ]
        if self.early_data:
            bodies.append(EarlyDataIndication())
        if config.send_certificate_authorities and config.verifier is not None:
            authorities = config.verifier.certificate_authorities()
            bodies += [CertificateAuthorities(authorities=list(authorities))] if authorities else []
        return bodies

    def _extensions12(self) -> list[AnyExtension]:
        if self.config.sessions is None:
            return self.terms.extensions12
        resumes12 = self.session is not None and self.session.version < ProtocolVersion.TLS_1_3
        ticket = self.session.ticket if self.session is not None and resumes12 else b""
        return [*self.terms.extensions12, SessionTicket(ticket=ticket)]

    def _key_shares(self, peer: Peer) -> KeyShareClientHello:
        shares = peer.environment.generate_key_shares(self.terms.key_share_groups)
        self.shares = {share.group: share for share in shares}
        reserved = [self.grease.key_share] if self.grease is not None else []
        entries = [KeyShareEntry(group=group, key_exchange=share.public) for group, share in self.shares.items()]
        return KeyShareClientHello(client_shares=reserved + entries)

    def check_answers(self, answers: Extensions) -> None:
        """A server may only answer what was offered (section 4.2), and no reserved code points (RFC 8701, section 3).

        Raises ProtocolError (UNSUPPORTED_EXTENSION).
        """
        offered = self.hello.extensions.types
        for kind in answers.types:
            if kind not in offered or is_grease(kind):
                raise ProtocolError(Fault.UNSUPPORTED_EXTENSION, ExtensionType(kind).name)

    def revise(self, peer: Peer, *, group: NamedGroup | None, cookie: bytes | None, hash: Hash) -> None:
        """Make the second ClientHello: what HelloRetryRequest asked for, and nothing else (section 4.1.2).

        A PSK is only offered again if it is of the `hash` that HelloRetryRequest has chosen.
        """
        extensions = self.hello.extensions
        extensions.remove(OfferedPsks)
        if self.early_data:  # HelloRetryRequest means that it is not accepted
            self.early_data = False
            extensions.remove(EarlyDataIndication)
            peer.end_early_data()
        if group is not None:
            [share] = peer.environment.generate_key_shares([group])
            self.shares = {group: share}
            extensions.add(KeyShareClientHello(client_shares=[KeyShareEntry(group=group, key_exchange=share.public)]))
        if cookie is not None:
            extensions.add(Cookie(cookie=cookie))
        self.psks = [psk for psk in self.psks if psk.hash is hash]
        if self.psks:
            extensions.add(offered_psks(self.psks, peer.environment.now()))  # always the last


@lru_cache(maxsize=1024)
def server_name_list(server_name: str) -> ServerNameList | None:
    """The extension for that name; None for an IP address (RFC 6066, section 3)."""
    name = host_name(server_name)
    return prepare(ServerNameList(server_name_list=[ServerName(host_name=name)])) if name is not None else None


def bind(offer: Offer, transcript: Transcript) -> None:
    """Fill in the binders, over the transcript with the ClientHello up to the binders (section 4.2.11.2)."""
    offer.raw = offer.hello.to_bytes()
    psks = offer.hello.extensions.get(OfferedPsks)
    if psks is None:
        return
    truncated = offer.raw[: -psks.binders_length]
    psks.binders = binders(offer.psks, truncated, transcript)
    offer.raw = truncated + psks.encode_binders()  # they are the last of the last extension


def chosen_protocol(offer: Offer, names: list[bytes]) -> str:
    """The one protocol in a server's answer, which must have been offered (RFC 7301, section 3.1)."""
    if len(names) != 1:
        raise ProtocolError(Fault.MALFORMED, f"{len(names)} protocols where the server must choose one")
    for offered in offer.config.alpn:
        if offered.encode() == names[0]:
            return offered
    raise ProtocolError(Fault.WRONG_ALPN, repr(names[0]))
