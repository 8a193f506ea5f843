"""What may be negotiated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may be negotiated, each list in order of preference."""

    name: str = "custom"
    versions: tuple[ProtocolVersion, ...]
    cipher_suites: tuple[CipherSuite, ...]
    groups: tuple[NamedGroup, ...]
    key_share_groups: tuple[NamedGroup, ...]
    """The groups a client sends key shares for at once; the others cost a HelloRetryRequest."""
    signature_schemes: tuple[SignatureScheme, ...]
    min_rsa_bits: int = 2048

    MODERN: ClassVar[Policy]


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

Policy.MODERN = Policy(
    name="modern",
    versions=(ProtocolVersion.TLS_1_3,),
    cipher_suites=_TLS13_SUITES,
    groups=_GROUPS,
    key_share_groups=(NamedGroup.X25519MLKEM768, NamedGroup.x25519),
    signature_schemes=_TLS13_SIGNATURES,
)
