"""What a client's configuration alone settles about its offers."""

from __future__ import annotations

from turtls.config import ClientConfig
from turtls.crypto.groups import POST_QUANTUM
from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12
from turtls.errors import ConfigError
from turtls.handshake.certificates import signature_algorithms
from turtls.handshake.compression import compress_certificate
from turtls.handshake.grease import Greased
from turtls.handshake.psks import hashes_of_psks
from turtls.wire.extensions import (
    AnyExtension,
    CertificateStatusRequest,
    EcPointFormats,
    EncryptThenMac,
    ExtendedMasterSecret,
    PostHandshakeAuth,
    ProtocolNameList,
    PskKeyExchangeModes,
    RecordSizeLimit,
    RenegotiationInfo,
    SignedCertificateTimestampRequest,
    SrpIdentity,
    SupportedGroups,
    SupportedVersionsClientHello,
    prepare,
)
from turtls.wire.registries import (
    CipherSuite,
    NamedGroup,
    PointFormat,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)


class Terms:
    """Worked out once (`ClientConfig.once`). What is in each ClientHello is encoded once, too, but for GREASE."""

    __slots__ = (
        "cipher_suites",
        "extensions",
        "extensions12",
        "extensions13",
        "key_share_groups",
        "legacy_version",
        "offered_suites",
        "offers_tls12",
        "offers_tls13",
        "psk_hashes",
        "signature_algorithms",
        "status_requests",
        "supported_groups",
        "supported_versions",
        "versions",
    )

    def __init__(self, config: ClientConfig) -> None:
        """Raises ConfigError if nothing could be offered."""
        policy = config.policy
        self.versions = _usable_versions(config)
        """Those that can be offered, newest first."""
        self.legacy_version = min(self.versions[0], ProtocolVersion.TLS_1_2)
        self.offers_tls13 = ProtocolVersion.TLS_1_3 in self.versions
        self.offers_tls12 = self.versions[-1] < ProtocolVersion.TLS_1_3
        """TLS 1.2 or an earlier version."""
        self.cipher_suites = tuple(suite for suite in policy.cipher_suites if self._can_use(config, suite))
        """Best first."""
        if not self.cipher_suites:
            raise ConfigError("None of the policy's cipher suites goes with the secrets of this client.")
        self.psk_hashes = frozenset(SUITES13[suite].hash for suite in self.cipher_suites if suite in SUITES13)
        """PSKs of these can be used."""
        self.key_share_groups = tuple(group for group in policy.key_share_groups if group in policy.groups)

        scsv = [CipherSuite.TLS_FALLBACK_SCSV] if config.fallback else []
        self.offered_suites = Greased(list[CipherSuite], [*self.cipher_suites, *scsv])
        groups = [group for group in policy.groups if self.offers_tls13 or group not in POST_QUANTUM]
        self.supported_groups = Greased(_supported_groups, groups)
        self.supported_versions = Greased(_supported_versions, self.versions)
        self.signature_algorithms = self._signature_algorithms(config)
        self.status_requests = [*map(prepare, _status_requests(config))]
        self.extensions = [*map(prepare, self._extensions(config))]
        self.extensions13 = [*map(prepare, _extensions13(config))]
        self.extensions12 = [*map(prepare, self._extensions12(config))]

    def _can_use(self, config: ClientConfig, suite: CipherSuite) -> bool:
        """Whether a suite fits the versions and the secrets this client has."""
        if suite in SUITES13:  # without a verifier nothing but a PSK will do, and it has to go with the suite
            return self.offers_tls13 and (config.verifier is not None or SUITES13[suite].hash in hashes_of_psks(config))
        meaning = SUITES12[suite]
        exchange = meaning.key_exchange
        return (
            meaning.min_version <= self.legacy_version
            and self.offers_tls12
            and (not exchange.by_psk or config.psk12 is not None)
            and (not exchange.by_password or config.srp is not None)
            and (not meaning.authentication.by_certificate or config.verifier is not None)
        )

    def _signature_algorithms(self, config: ClientConfig) -> Greased[SignatureScheme, list[AnyExtension]]:
        """Empty where no certificate is judged, or no version knows them."""
        if config.verifier is None or self.versions[0] < ProtocolVersion.TLS_1_2:
            return Greased(lambda _: [], [])
        certificates = config.policy.certificate_signature_schemes
        return Greased(
            lambda handshakes: [*map(prepare, signature_algorithms(handshakes, certificates))],
            config.policy.signature_schemes,
        )

    def _extensions(self, config: ClientConfig) -> list[AnyExtension]:
        bodies: list[AnyExtension] = []
        if config.verifier is not None and self.offers_tls13:
            bodies += compress_certificate(config.certificate_compression)
        if config.alpn:
            bodies.append(ProtocolNameList(protocol_name_list=[name.encode() for name in config.alpn]))
        if config.record_size_limit is not None:
            bodies.append(RecordSizeLimit(record_size_limit=config.record_size_limit))
        return bodies

    def _extensions12(self, config: ClientConfig) -> list[AnyExtension]:
        bodies: list[AnyExtension] = [
            ExtendedMasterSecret(),
            RenegotiationInfo(),
            EcPointFormats(ec_point_format_list=[PointFormat.uncompressed]),
        ]
        if any(suite in SUITES12 and SUITES12[suite].is_cbc for suite in self.cipher_suites):
            bodies.append(EncryptThenMac())
        if config.srp is not None:
            bodies.append(SrpIdentity(srp_I=config.srp.username.encode()))
        return bodies


def _supported_groups(groups: list[NamedGroup]) -> AnyExtension:
    return prepare(SupportedGroups(named_group_list=groups))


def _supported_versions(versions: list[ProtocolVersion]) -> AnyExtension:
    return prepare(SupportedVersionsClientHello(versions=versions))


def _status_requests(config: ClientConfig) -> list[AnyExtension]:
    return [CertificateStatusRequest(), SignedCertificateTimestampRequest()] if config.verifier is not None else []


def _extensions13(config: ClientConfig) -> list[AnyExtension]:
    bodies: list[AnyExtension] = [PskKeyExchangeModes(ke_modes=[PskKeyExchangeMode.psk_dhe_ke])]
    if config.post_handshake_auth:
        bodies.append(PostHandshakeAuth())
    return bodies


def _usable_versions(config: ClientConfig) -> tuple[ProtocolVersion, ...]:
    """The policy's, newest first. Without a verifier they are those that the secrets of the client are for."""
    versions = sorted(config.policy.versions, reverse=True)
    if config.verifier is None:
        if not config.psks and config.srp is None:
            config.required_verifier()
        has_secret12 = config.psk12 is not None or config.srp is not None
        versions = [v for v in versions if (config.psks if v == ProtocolVersion.TLS_1_3 else has_secret12)]
    if not versions:
        raise ConfigError("Passwords need TLS 1.2, imported pre-shared keys TLS 1.3, which the policy does not have.")
    return tuple(versions)
