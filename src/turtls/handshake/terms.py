"""What a client's configuration alone settles about its offers."""

from __future__ import annotations

from turtls.config import ClientConfig
from turtls.crypto.groups import POST_QUANTUM
from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12
from turtls.errors import ConfigError
from turtls.handshake.certificates import signature_algorithms
from turtls.handshake.compression import compress_certificate
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
)
from turtls.wire.registries import CipherSuite, PointFormat, ProtocolVersion, PskKeyExchangeMode


class Terms:
    """Worked out once (`ClientConfig.once`); the extensions in it are those that are the same in each ClientHello."""

    __slots__ = (
        "cipher_suites",
        "extensions",
        "extensions12",
        "extensions13",
        "groups",
        "key_share_groups",
        "legacy_version",
        "offers_tls12",
        "offers_tls13",
        "psk_hashes",
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
        self.groups = tuple(group for group in policy.groups if self.offers_tls13 or group not in POST_QUANTUM)
        self.key_share_groups = tuple(group for group in policy.key_share_groups if group in policy.groups)
        self.extensions = self._extensions(config)
        self.extensions13 = _extensions13(config)
        self.extensions12 = self._extensions12(config)

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

    def _extensions(self, config: ClientConfig) -> list[AnyExtension]:
        bodies: list[AnyExtension] = []
        if config.verifier is not None:
            bodies += [CertificateStatusRequest(), SignedCertificateTimestampRequest()]
            if self.versions[0] >= ProtocolVersion.TLS_1_2:
                bodies += signature_algorithms(config.policy)
            if self.offers_tls13:
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
