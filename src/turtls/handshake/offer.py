"""What a client offers: its ClientHello, the first and the second (RFC 8446, sections 4.1.2 and 4.2)."""

from __future__ import annotations

from turtls.config import ClientConfig, Session
from turtls.config.names import host_name
from turtls.crypto.groups import PrivateShare
from turtls.crypto.key_schedule import EarlySecret, finished_mac
from turtls.crypto.suites import SUITES13
from turtls.handshake.grease import Grease
from turtls.handshake.peer import Peer
from turtls.handshake.transcript import Transcript
from turtls.wire.extensions import (
    AnyExtension,
    CertificateAuthorities,
    CertificateStatusRequest,
    Cookie,
    Extensions,
    KeyShareClientHello,
    KeyShareEntry,
    OfferedPsks,
    PostHandshakeAuth,
    ProtocolNameList,
    PskIdentity,
    PskKeyExchangeModes,
    RecordSizeLimit,
    ServerName,
    ServerNameList,
    SignatureAlgorithms,
    SignedCertificateTimestampRequest,
    SupportedGroups,
    SupportedVersionsClientHello,
)
from turtls.wire.messages import ClientHello
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, PskKeyExchangeMode


class Offer:
    """What a client has offered. Every answer of the server is checked against it."""

    __slots__ = ("config", "grease", "hello", "raw", "server_name", "session", "shares")

    def __init__(self, peer: Peer, config: ClientConfig, server_name: str | None, session: Session | None) -> None:
        self.config = config
        self.server_name = server_name
        self.session = session
        """The session to resume, if there is one."""
        self.shares: dict[NamedGroup, PrivateShare] = {}
        """The private halves of the key shares sent."""
        self.grease = Grease(peer.environment.random(16)) if config.grease else None
        self.hello = self._first_hello(peer)
        self.raw = b""
        """The ClientHello's bytes, once it is sent."""

    @property
    def cipher_suites(self) -> tuple[CipherSuite, ...]:
        """The suites offered, best first."""
        return self.config.policy.cipher_suites

    def _first_hello(self, peer: Peer) -> ClientHello:
        random = peer.environment.random
        policy = self.config.policy
        bodies = self._extensions(peer)
        suites = list(policy.cipher_suites)
        if self.grease is not None:
            suites.insert(0, self.grease.cipher_suite)
            bodies = self.grease.sprinkle(bodies, random(2 * len(bodies)))
        if self.session is not None:
            bodies.append(psk_offer(self.session, peer.environment.now()))
        return ClientHello(
            random=random(32),
            # A session id that is not empty makes middleboxes take this for TLS 1.2 (RFC 8446, appendix D.4).
            legacy_session_id=random(32),
            cipher_suites=suites,
            extensions=Extensions(bodies),
        )

    def _extensions(self, peer: Peer) -> list[AnyExtension]:
        config, policy = self.config, self.config.policy
        bodies: list[AnyExtension] = [
            SupportedVersionsClientHello(versions=self._versions()),
            SupportedGroups(named_group_list=self._groups()),
            SignatureAlgorithms(supported_signature_algorithms=list(policy.signature_schemes)),
            self._key_shares(peer),
            PskKeyExchangeModes(ke_modes=[PskKeyExchangeMode.psk_dhe_ke]),
            CertificateStatusRequest(),
            SignedCertificateTimestampRequest(),
        ]
        if self.server_name is not None and (name := host_name(self.server_name)) is not None:
            bodies.append(ServerNameList(server_name_list=[ServerName(host_name=name)]))
        if config.alpn:
            bodies.append(ProtocolNameList(protocol_name_list=[name.encode() for name in config.alpn]))
        if config.record_size_limit is not None:
            bodies.append(RecordSizeLimit(record_size_limit=config.record_size_limit))
        if config.post_handshake_auth:
            bodies.append(PostHandshakeAuth())
        if config.send_certificate_authorities:
            authorities = config.required_verifier().certificate_authorities()
            bodies += [CertificateAuthorities(authorities=list(authorities))] if authorities else []
        return bodies

    def _versions(self) -> list[ProtocolVersion]:
        versions = list(self.config.policy.versions)
        return [self.grease.version, *versions] if self.grease is not None else versions

    def _groups(self) -> list[NamedGroup]:
        groups = list(self.config.policy.groups)
        return [self.grease.group, *groups] if self.grease is not None else groups

    def _key_shares(self, peer: Peer) -> KeyShareClientHello:
        shares = peer.environment.generate_key_shares(self.config.policy.key_share_groups)
        self.shares = {share.group: share for share in shares}
        entries = [KeyShareEntry(group=share.group, key_exchange=share.public) for share in shares]
        if self.grease is not None:
            entries.insert(0, KeyShareEntry(group=self.grease.group, key_exchange=b"\0"))
        return KeyShareClientHello(client_shares=entries)

    def revise(self, peer: Peer, *, group: NamedGroup | None, cookie: bytes | None, keep_psk: bool) -> None:
        """Make the second ClientHello: what HelloRetryRequest asked for, and nothing else (section 4.1.2)."""
        extensions = self.hello.extensions
        offered_psks = extensions.remove(OfferedPsks)
        if group is not None:
            [share] = peer.environment.generate_key_shares([group])
            self.shares = {group: share}
            extensions.add(KeyShareClientHello(client_shares=[KeyShareEntry(group=group, key_exchange=share.public)]))
        if cookie is not None:
            extensions.add(Cookie(cookie=cookie))
        if offered_psks is not None and keep_psk and self.session is not None:
            extensions.add(psk_offer(self.session, peer.environment.now()))  # always the last
        else:
            self.session = None


def bind(offer: Offer, transcript: Transcript) -> None:
    """Fill in the binder, over the transcript with the ClientHello up to the binders (section 4.2.11.2)."""
    offer.raw = offer.hello.to_bytes()
    psks = offer.hello.extensions.get(OfferedPsks)
    if psks is None or offer.session is None:
        return
    hash = SUITES13[offer.session.cipher_suite].hash
    truncated = offer.raw[: -psks.binders_length]
    transcript_hash = transcript.digest(truncated) if transcript.started else hash.digest(truncated)
    binder_key = EarlySecret(hash, offer.session.secret).binder_key(external=False)
    psks.binders = [finished_mac(hash, binder_key, transcript_hash)]
    offer.raw = offer.hello.to_bytes()


def psk_offer(session: Session, now: float) -> OfferedPsks:
    """The session's ticket with its age, obfuscated, and a binder still to be filled in (section 4.2.11)."""
    age = int((now - session.received_at) * 1000)
    identity = PskIdentity(identity=session.ticket, obfuscated_ticket_age=(age + session.age_add) % 2**32)
    return OfferedPsks(identities=[identity], binders=[SUITES13[session.cipher_suite].hash.zeros])
