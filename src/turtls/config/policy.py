"""What may be negotiated."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from turtls.config.values import Comparable, dataclass
from turtls.crypto.groups import SUPPORTED
from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12, KeyExchange
from turtls.errors import ConfigError
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme

_VERSIONS = frozenset(
    (ProtocolVersion.TLS_1_0, ProtocolVersion.TLS_1_1, ProtocolVersion.TLS_1_2, ProtocolVersion.TLS_1_3)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Comparable):
    """What may be negotiated, each list in order of preference.

    A server's order counts, but for cipher suites of ChaCha20 where the client would rather have them than AES.
    """

    name: str = "custom"
    versions: tuple[ProtocolVersion, ...]
    cipher_suites: tuple[CipherSuite, ...]
    groups: tuple[NamedGroup, ...]
    key_share_groups: tuple[NamedGroup, ...]
    """Those of the groups that a client sends key shares for at once; the others cost a HelloRetryRequest."""
    signature_schemes: tuple[SignatureScheme, ...]
    certificate_signature_schemes: tuple[SignatureScheme, ...] = ()
    """What certificates may be signed with, where it is not the same (signature_algorithms_cert, RFC 8446, section
    4.2.3)."""
    min_rsa_bits: int = 2048
    require_secure_renegotiation: bool = True
    """Whether a TLS 1.2 server must know renegotiation_info (RFC 5746): one without can be tricked into taking an
    attacker's words for the client's."""

    MODERN: ClassVar[Policy]
    """TLS 1.3 alone."""
    INTERMEDIATE: ClassVar[Policy]
    """TLS 1.3, and TLS 1.2 in its sound form: forward secrecy and AEADs only. The default."""
    LEGACY: ClassVar[Policy]
    """For peers that know no better: TLS 1.0 and 1.1, CBC, RSA key transport, SHA-1 signatures, keys of 1024 bits."""

    def __post_init__(self) -> None:
        for version in self.versions:
            known = SUITES13 if version == ProtocolVersion.TLS_1_3 else SUITES12
            if not any(suite in known for suite in self.cipher_suites):
                raise ConfigError(f"This policy has no cipher suite for {version}.")
        if not self.versions or not self.groups or not self.signature_schemes:
            raise ConfigError("A policy needs versions, groups and signature schemes.")
        for what, unknown in (
            ("versions", set(self.versions) - _VERSIONS),
            ("cipher_suites", set(self.cipher_suites) - SUITES13.keys() - SUITES12.keys()),
            ("groups", set(self.groups) - SUPPORTED),
        ):
            if unknown:
                raise ConfigError(f"{what} cannot hold {', '.join(sorted(map(str, unknown)))}.")

    @classmethod
    def from_string(cls, text: str) -> Policy:
        """A policy by its name (modern, intermediate, legacy), or from a cipher string of OpenSSL's or IANA's names.

        A cipher string changes the suites of Policy.INTERMEDIATE; "legacy:" before it, those of Policy.LEGACY, with
        its old versions. The suites of TLS 1.3 stay unless some are named; where no others are, only TLS 1.3 does.
        Raises ConfigError that points at the word it does not know.
        """
        named = {policy.name: policy for policy in (cls.MODERN, cls.INTERMEDIATE, cls.LEGACY)}
        first, _, rest = text.strip().partition(":")
        base = named.get(first.lower(), cls.INTERMEDIATE)
        words = rest if first.lower() in named else text
        if not words.strip():
            return base if first else cls.INTERMEDIATE
        from turtls.config.cipher_strings import CipherString  # a table of words that most never say

        string = CipherString.parse(words, ALL_SUITES12)
        suites13 = string.suites13 or [suite for suite in base.cipher_suites if suite in SUITES13]
        versions = base.versions if string.suites12 else (ProtocolVersion.TLS_1_3,)
        return replace(
            base,
            name=text,
            versions=versions,
            cipher_suites=(*suites13, *string.suites12),
            min_rsa_bits=string.min_rsa_bits or base.min_rsa_bits,
        )

    @property
    def max_version(self) -> ProtocolVersion:
        """The newest version."""
        return max(self.versions)


_TLS13_SUITES = (
    CipherSuite.TLS_AES_128_GCM_SHA256,
    CipherSuite.TLS_AES_256_GCM_SHA384,
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_AES_128_CCM_SHA256,
)
_GROUPS = (
    NamedGroup.X25519MLKEM768,
    NamedGroup.SecP256r1MLKEM768,
    NamedGroup.SecP384r1MLKEM1024,
    NamedGroup.x25519,
    NamedGroup.secp256r1,
    NamedGroup.secp384r1,
    NamedGroup.secp521r1,
    NamedGroup.x448,
    NamedGroup.ffdhe2048,
    NamedGroup.ffdhe3072,
    NamedGroup.ffdhe4096,
)
_TLS13_SIGNATURES = (
    SignatureScheme.ecdsa_secp256r1_sha256,
    SignatureScheme.ed25519,
    SignatureScheme.rsa_pss_rsae_sha256,
    SignatureScheme.rsa_pss_pss_sha256,
    SignatureScheme.mldsa44,
    SignatureScheme.mldsa65,
    SignatureScheme.mldsa87,
    SignatureScheme.ecdsa_secp384r1_sha384,
    SignatureScheme.ecdsa_secp521r1_sha512,
    SignatureScheme.ed448,
    SignatureScheme.rsa_pss_rsae_sha384,
    SignatureScheme.rsa_pss_rsae_sha512,
    SignatureScheme.rsa_pss_pss_sha384,
    SignatureScheme.rsa_pss_pss_sha512,
)


def _suites12(*exchanges: KeyExchange, cbc: bool = False) -> tuple[CipherSuite, ...]:
    """The suites of TLS 1.2 and earlier with these key exchanges: AEADs as fast as they are safe, no CCM_8."""
    chosen = [
        suite
        for suite in SUITES12.values()
        if suite.key_exchange in exchanges and suite.is_cbc == cbc and not suite.suite.name.endswith("CCM_8")
    ]
    return tuple(suite.suite for suite in sorted(chosen, key=lambda suite: exchanges.index(suite.key_exchange)))


# Suites of pre-shared keys and passwords are only used by those who have some, and then first.
_TLS12_SUITES = _suites12(
    KeyExchange.ECDHE_PSK, KeyExchange.DHE_PSK, KeyExchange.PSK, KeyExchange.ECDHE, KeyExchange.DHE
)
_LEGACY_SUITES = (
    *_suites12(KeyExchange.RSA_PSK),
    *_suites12(
        KeyExchange.SRP_RSA,
        KeyExchange.SRP,
        KeyExchange.ECDHE_PSK,
        KeyExchange.DHE_PSK,
        KeyExchange.PSK,
        KeyExchange.RSA_PSK,
        KeyExchange.ECDHE,
        KeyExchange.DHE,
        cbc=True,
    ),
    *_suites12(KeyExchange.RSA),
    *_suites12(KeyExchange.RSA, cbc=True),
)
_TLS12_SIGNATURES = (
    SignatureScheme.rsa_pkcs1_sha256,
    SignatureScheme.rsa_pkcs1_sha384,
    SignatureScheme.rsa_pkcs1_sha512,
)

_CCM_8_SUITES = tuple(suite for suite in SUITES12 if suite.name.endswith("CCM_8"))
ALL_SUITES12 = _TLS12_SUITES + _LEGACY_SUITES + _CCM_8_SUITES
"""What a cipher string selects from, best first."""

Policy.MODERN = Policy(
    name="modern",
    versions=(ProtocolVersion.TLS_1_3,),
    cipher_suites=_TLS13_SUITES,
    groups=_GROUPS,
    key_share_groups=(NamedGroup.X25519MLKEM768, NamedGroup.x25519),
    signature_schemes=_TLS13_SIGNATURES,
    certificate_signature_schemes=_TLS13_SIGNATURES + _TLS12_SIGNATURES,
)

Policy.INTERMEDIATE = replace(
    Policy.MODERN,
    name="intermediate",
    versions=(ProtocolVersion.TLS_1_3, ProtocolVersion.TLS_1_2),
    certificate_signature_schemes=(),
    cipher_suites=_TLS13_SUITES + _TLS12_SUITES,
    signature_schemes=_TLS13_SIGNATURES + _TLS12_SIGNATURES,
)

Policy.LEGACY = replace(
    Policy.INTERMEDIATE,
    name="legacy",
    versions=(*Policy.INTERMEDIATE.versions, ProtocolVersion.TLS_1_1, ProtocolVersion.TLS_1_0),
    cipher_suites=_TLS13_SUITES + _TLS12_SUITES + _LEGACY_SUITES,
    signature_schemes=(
        *Policy.INTERMEDIATE.signature_schemes,
        SignatureScheme.rsa_pkcs1_sha1,
        SignatureScheme.ecdsa_sha1,
    ),
    min_rsa_bits=1024,
    require_secure_renegotiation=False,
)
