"""What a server of TLS 1.2 and earlier chooses: a suite, and the certificate, the signature and the group it needs."""

from __future__ import annotations

from typing import Final, NamedTuple

from turtls.config import Credential, ServerConfig
from turtls.crypto.keys import PublicKey
from turtls.crypto.suites12 import SUITES12, Authentication, KeyExchange, Suite12
from turtls.errors import Fault, ProtocolError
from turtls.handshake.certificates12 import RSA_KINDS, choose_scheme12, curve_of
from turtls.handshake.key_exchange12 import CURVES12
from turtls.handshake.selection import candidates, has_secret_for, preferred_suites
from turtls.wire.extensions import SignatureAlgorithms, SrpIdentity, SupportedGroups
from turtls.wire.messages import ClientHello
from turtls.wire.registries import NamedGroup, ProtocolVersion, SignatureScheme

_SHA1_SCHEMES: Final = (SignatureScheme.rsa_pkcs1_sha1, SignatureScheme.ecdsa_sha1)
"""What a client of TLS 1.2 without signature_algorithms is taken to accept (RFC 5246, section 7.4.1.4.1)."""


class Choice(NamedTuple):
    """A suite with all that it needs: the certificate, the signature, the group."""

    suite: Suite12
    credential: Credential | None = None
    scheme: SignatureScheme | None = None
    group: NamedGroup | None = None


def choose(config: ServerConfig, hello: ClientHello, version: ProtocolVersion, server_name: str | None) -> Choice:
    """The first suite for which everything it needs is there on both sides.

    Raises ProtocolError with what the first of them lacks; NO_SHARED_CIPHER if there is none.
    """
    lacking = Fault.NO_SHARED_CIPHER
    offered = frozenset(hello.cipher_suites)
    for code in preferred_suites(config, hello):
        suite = SUITES12.get(code) if code in offered else None
        if suite is None or version < suite.min_version:
            continue
        choice = _complete(config, hello, version, server_name, suite)
        if isinstance(choice, Choice):
            return choice
        if lacking is Fault.NO_SHARED_CIPHER:
            lacking = choice
    raise ProtocolError(lacking)


def _complete(
    config: ServerConfig, hello: ClientHello, version: ProtocolVersion, server_name: str | None, suite: Suite12
) -> Choice | Fault:
    """The suite with its group and certificate, or what is wrong if one of them is missing."""
    exchange = suite.key_exchange
    if not has_secret_for(config, exchange) or (exchange.by_password and SrpIdentity not in hello.extensions):
        return Fault.NO_SHARED_CIPHER
    group: NamedGroup | None = None
    if exchange.is_elliptic:
        group = _curve(config, hello)
        if group is None:
            return Fault.NO_SHARED_GROUP
    elif exchange in (KeyExchange.DHE, KeyExchange.DHE_PSK):
        group = _finite_field(config, hello)
        if group is None:
            return Fault.NO_SHARED_GROUP
    if not suite.authentication.by_certificate:
        return Choice(suite, group=group)
    lacking = Fault.NO_SHARED_CIPHER
    for credential in candidates(config, hello, server_name):
        public_key = credential.leaf.public_key
        if (public_key.kind in RSA_KINDS) != (suite.authentication is Authentication.RSA):
            continue
        if not _knows_curve(hello, public_key):
            lacking = Fault.NO_SHARED_CERTIFICATE_CURVE
            continue
        if not exchange.is_signed:
            if credential.can_decrypt:
                return Choice(suite, credential, None, group)
            continue
        scheme = choose_scheme12(version, credential, _accepted_schemes(hello), config.policy.signature_schemes)
        if scheme is not None:
            return Choice(suite, credential, scheme, group)
        lacking = Fault.NO_SHARED_SIGNATURE
    return lacking


_FINITE_FIELDS: Final = (NamedGroup.ffdhe2048, NamedGroup.ffdhe3072, NamedGroup.ffdhe4096)


def _knows_curve(hello: ClientHello, public_key: PublicKey) -> bool:
    """Up to TLS 1.2 a client's groups are also those that certificates may be on (RFC 8422, section 5.1.1)."""
    curve, groups = curve_of(public_key), hello.extensions.get(SupportedGroups)
    return curve is None or groups is None or curve in groups.named_group_list


def _curve(config: ServerConfig, hello: ClientHello) -> NamedGroup | None:
    """The curve both sides know; without supported_groups a client takes any (RFC 8422, section 4)."""
    groups = hello.extensions.get(SupportedGroups)
    offered = groups.named_group_list if groups is not None else [NamedGroup.secp256r1]
    for group in config.policy.groups:
        if group in offered and group in CURVES12:
            return group
    return None


def _finite_field(config: ServerConfig, hello: ClientHello) -> NamedGroup | None:
    """A client that names finite fields gets one of them or no DHE at all (RFC 7919, section 4); others, the first."""
    groups = hello.extensions.get(SupportedGroups)
    named = [g for g in groups.named_group_list if 0x0100 <= g <= 0x01FF] if groups is not None else []
    known = [group for group in config.policy.groups if group in _FINITE_FIELDS]
    return next((group for group in known if not named or group in named), None)


def _accepted_schemes(hello: ClientHello) -> list[SignatureScheme]:
    offered = hello.extensions.get(SignatureAlgorithms)
    return offered.supported_signature_algorithms if offered is not None else list(_SHA1_SCHEMES)
