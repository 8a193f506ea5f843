"""What a client offers: its ClientHello, the first and the second (RFC 8446, sections 4.1.2 and 4.2)."""

from __future__ import annotations

from turtls.config import ClientConfig, Session
from turtls.config.names import host_name
from turtls.crypto.groups import POST_QUANTUM, PrivateShare
from turtls.crypto.hashes import Hash
from turtls.crypto.key_schedule import EarlySecret, finished_mac
from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12
from turtls.errors import ConfigError, Fault, ProtocolError
from turtls.handshake.certificates import signature_algorithms
from turtls.handshake.grease import Grease
from turtls.handshake.peer import Peer
from turtls.handshake.transcript import Transcript
from turtls.wire.codepoints import is_grease
from turtls.wire.extensions import (
    AnyExtension,
    CertificateAuthorities,
    CertificateStatusRequest,
    Cookie,
    EcPointFormats,
    EncryptThenMac,
    ExtendedMasterSecret,
    Extensions,
    KeyShareClientHello,
    KeyShareEntry,
    OfferedPsks,
    PostHandshakeAuth,
    ProtocolNameList,
    PskIdentity,
    PskKeyExchangeModes,
    RecordSizeLimit,
    RenegotiationInfo,
    ServerName,
    ServerNameList,
    SessionTicket,
    SignedCertificateTimestampRequest,
    SrpIdentity,
    SupportedGroups,
    SupportedVersionsClientHello,
)
from turtls.wire.messages import ClientHello
from turtls.wire.registries import (
    CipherSuite,
    ExtensionType,
    NamedGroup,
    PointFormat,
    ProtocolVersion,
    PskKeyExchangeMode,
)


class Offer:
    """What a client has offered. Every answer of the server is checked against it."""

    __slots__ = (
        "cipher_suites",
        "config",
        "grease",
        "hello",
        "legacy_version",
        "raw",
        "server_name",
        "session",
        "shares",
        "versions",
    )

    def __init__(self, peer: Peer, config: ClientConfig, server_name: str | None, session: Session | None) -> None:
        self.config = config
        self.server_name = server_name
        self.session = session
        """The session to resume, if there is one."""
        self.shares: dict[NamedGroup, PrivateShare] = {}
        """The private halves of the key shares sent."""
        self.grease = Grease(peer.environment.random(16)) if config.grease else None
        self.versions = _usable_versions(config)
        """Those that can be offered, newest first."""
        self.legacy_version = min(self.versions[0], ProtocolVersion.TLS_1_2)
        self.cipher_suites = tuple(suite for suite in config.policy.cipher_suites if self._can_use(suite))
        """The suites offered, best first."""
        self.hello = self._first_hello(peer)
        self.raw = b""
        """The ClientHello's bytes, once it is sent."""

    @property
    def offers_tls13(self) -> bool:
        """Whether TLS 1.3 is among the versions."""
        return ProtocolVersion.TLS_1_3 in self.versions

    @property
    def offers_tls12(self) -> bool:
        """Whether TLS 1.2 or an earlier version is among the versions."""
        return min(self.versions) < ProtocolVersion.TLS_1_3

    def _can_use(self, suite: CipherSuite) -> bool:
        """Whether a suite fits the versions and the secrets this client has."""
        if suite in SUITES13:
            return self.offers_tls13
        meaning = SUITES12[suite]
        exchange = meaning.key_exchange.value
        return (
            meaning.min_version <= self.legacy_version
            and self.offers_tls12
            and ("PSK" not in exchange or self.config.psk is not None)
            and ("SRP" not in exchange or self.config.srp is not None)
            and (not meaning.authentication.by_certificate or self.config.verifier is not None)
        )

    def _first_hello(self, peer: Peer) -> ClientHello:
        random = peer.environment.random
        bodies = self._extensions(peer)
        suites = list(self.cipher_suites)
        if self.grease is not None:
            suites.insert(0, self.grease.cipher_suite)
            bodies = self.grease.sprinkle(bodies, random(2 * len(bodies)))
        if self.config.fallback:
            suites.append(CipherSuite.TLS_FALLBACK_SCSV)
        if self.session is not None and self.session.version == ProtocolVersion.TLS_1_3:
            bodies.append(psk_offer(self.session, peer.environment.now()))  # always the last (section 4.2.11)
        return ClientHello(
            legacy_version=self.legacy_version,
            random=random(32),
            legacy_session_id=self._session_id(peer),
            cipher_suites=suites,
            extensions=Extensions(bodies),
        )

    def _session_id(self, peer: Peer) -> bytes:
        if self.session is not None and self.session.session_id:
            return self.session.session_id
        if self.session is not None and self.session.version < ProtocolVersion.TLS_1_3:
            return peer.environment.random(32)  # the server echoes it if it takes the ticket (RFC 5077, section 3.4)
        # A session id that is not empty makes middleboxes take this for TLS 1.2 (RFC 8446, appendix D.4).
        return peer.environment.random(32) if self.offers_tls13 and peer.carrier.compatibility_mode else b""

    def _extensions(self, peer: Peer) -> list[AnyExtension]:
        config, policy = self.config, self.config.policy
        bodies: list[AnyExtension] = [
            SupportedGroups(named_group_list=self._groups()),
            CertificateStatusRequest(),
            SignedCertificateTimestampRequest(),
        ]
        if self.versions[0] >= ProtocolVersion.TLS_1_2:
            bodies += signature_algorithms(policy)
        if self.offers_tls13:
            bodies += self._extensions13(peer)
        if self.offers_tls12:
            bodies += self._extensions12()
        if self.server_name is not None and (name := host_name(self.server_name)) is not None:
            bodies.append(ServerNameList(server_name_list=[ServerName(host_name=name)]))
        if config.alpn:
            bodies.append(ProtocolNameList(protocol_name_list=[name.encode() for name in config.alpn]))
        if config.record_size_limit is not None:
            bodies.append(RecordSizeLimit(record_size_limit=config.record_size_limit))
        return bodies + peer.carrier.extensions()

    def _extensions13(self, peer: Peer) -> list[AnyExtension]:
        config = self.config
        bodies: list[AnyExtension] = [
            SupportedVersionsClientHello(versions=self._versions()),
            self._key_shares(peer),
            PskKeyExchangeModes(ke_modes=[PskKeyExchangeMode.psk_dhe_ke]),
        ]
        if config.post_handshake_auth:
            bodies.append(PostHandshakeAuth())
        if config.send_certificate_authorities:
            authorities = config.required_verifier().certificate_authorities()
            bodies += [CertificateAuthorities(authorities=list(authorities))] if authorities else []
        return bodies

    def _extensions12(self) -> list[AnyExtension]:
        bodies: list[AnyExtension] = [
            ExtendedMasterSecret(),
            RenegotiationInfo(),
            EcPointFormats(ec_point_format_list=[PointFormat.uncompressed]),
        ]
        if any(suite in SUITES12 and SUITES12[suite].is_cbc for suite in self.cipher_suites):
            bodies.append(EncryptThenMac())
        if self.config.srp is not None:
            bodies.append(SrpIdentity(srp_I=self.config.srp.username.encode()))
        if self.config.sessions is not None:
            resumes12 = self.session is not None and self.session.version < ProtocolVersion.TLS_1_3
            bodies.append(SessionTicket(ticket=self.session.ticket if self.session is not None and resumes12 else b""))
        return bodies

    def _versions(self) -> list[ProtocolVersion]:
        versions = list(self.versions)
        return [self.grease.version, *versions] if self.grease is not None else versions

    def _groups(self) -> list[NamedGroup]:
        groups = [group for group in self.config.policy.groups if self.offers_tls13 or group not in POST_QUANTUM]
        return [self.grease.group, *groups] if self.grease is not None else groups

    def _key_shares(self, peer: Peer) -> KeyShareClientHello:
        policy = self.config.policy
        shares = peer.environment.generate_key_shares([g for g in policy.key_share_groups if g in policy.groups])
        self.shares = {share.group: share for share in shares}
        entries = [KeyShareEntry(group=share.group, key_exchange=share.public) for share in shares]
        if self.grease is not None:
            entries.insert(0, KeyShareEntry(group=self.grease.group, key_exchange=b"\0"))
        return KeyShareClientHello(client_shares=entries)

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

        A session is only offered again if it is of the `hash` that HelloRetryRequest has chosen.
        """
        extensions = self.hello.extensions
        offered_psks = extensions.remove(OfferedPsks)
        if group is not None:
            [share] = peer.environment.generate_key_shares([group])
            self.shares = {group: share}
            extensions.add(KeyShareClientHello(client_shares=[KeyShareEntry(group=group, key_exchange=share.public)]))
        if cookie is not None:
            extensions.add(Cookie(cookie=cookie))
        session = self.session if offered_psks is not None else None
        if session is not None and SUITES13[session.cipher_suite].hash is hash:
            extensions.add(psk_offer(session, peer.environment.now()))  # always the last
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
    offer.raw = truncated + psks.encode()[-psks.binders_length :]  # they are the last of the last extension


def _usable_versions(config: ClientConfig) -> tuple[ProtocolVersion, ...]:
    """The policy's, newest first. In TLS 1.3 the server shows a certificate, and somebody must judge it."""
    if config.verifier is None and config.psk is None and config.srp is None:
        config.required_verifier()
    versions = sorted(config.policy.versions, reverse=True)
    if config.verifier is None:
        versions = [version for version in versions if version < ProtocolVersion.TLS_1_3]
    if not versions:
        raise ConfigError("A pre-shared key or a password needs TLS 1.2 here, and the policy does not have it.")
    return tuple(versions)


def psk_offer(session: Session, now: float) -> OfferedPsks:
    """The session's ticket with its age, obfuscated, and a binder still to be filled in (section 4.2.11)."""
    age = int((now - session.received_at) * 1000)
    identity = PskIdentity(identity=session.ticket, obfuscated_ticket_age=(age + session.age_add) % 2**32)
    return OfferedPsks(identities=[identity], binders=[SUITES13[session.cipher_suite].hash.zeros])


def chosen_protocol(offer: Offer, names: list[bytes]) -> str:
    """The one protocol in a server's answer, which must have been offered (RFC 7301, section 3.1)."""
    if len(names) != 1:
        raise ProtocolError(Fault.MALFORMED, f"{len(names)} protocols where the server must choose one")
    for offered in offer.config.alpn:
        if offered.encode() == names[0]:
            return offered
    raise ProtocolError(Fault.WRONG_ALPN, repr(names[0]))
