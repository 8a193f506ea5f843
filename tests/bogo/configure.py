"""From the runner's flags to turtls' configurations."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from functools import lru_cache

from tests.bogo.flags import CredentialOptions, Options, Unimplemented
from tests.bogo.world import WatchedSigner, World, answer
from turtls.config import ClientAuth, ClientConfig, ConfigError, Credential, Environment, Policy, ServerConfig
from turtls.crypto import keys, signatures
from turtls.crypto.groups import POST_QUANTUM
from turtls.errors import Fault, ProtocolError
from turtls.wire.codec import decode
from turtls.wire.extensions import ProtocolNameList, SignedCertificateTimestamps
from turtls.wire.fingerprint import ClientHelloInfo
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme

_VERSIONS = (
    (ProtocolVersion.TLS_1_3, "no_tls13"),
    (ProtocolVersion.TLS_1_2, "no_tls12"),
    (ProtocolVersion.TLS_1_1, "no_tls11"),
    (ProtocolVersion.TLS_1_0, "no_tls1"),
)
_BORINGSSLS_GROUPS = (
    NamedGroup.X25519MLKEM768,
    NamedGroup.x25519,
    NamedGroup.secp256r1,
    NamedGroup.secp384r1,
)
"""The runner takes it for granted that these are on, and in this order."""


def client_config(options: Options, world: World) -> ClientConfig:
    """A client as the flags want it."""
    return ClientConfig(
        policy=_policy(options),
        verifier=world.judge,
        alpn=_protocols(options.advertise_alpn),
        credentials=_credentials(options, world),
        psk=(lambda hint: _Psk(options, hint)) if options.psk else None,  # type: ignore[return-value, arg-type]
        fallback=options.fallback_scsv,
        sessions=None if options.no_ticket else world.sessions,
        grease=options.enable_grease or options.permute_extensions,
        environment=Environment(now=world.now),
    )


def server_config(options: Options, world: World) -> ServerConfig:
    """A server as the flags want it."""
    config = ServerConfig(
        policy=_policy(options),
        verifier=world.judge,
        credentials=() if options.use_early_callback else _credentials(options, world),
        alpn=_selected_protocol(options),
        client_auth=_client_auth(options),
        psk=(lambda identity: _psk_of(options, identity)) if options.psk else None,
        psk_identity_hint=options.psk_identity.encode(),
        tickets=None if options.no_ticket else world.tickets,
        session_ids=world.session_ids,
        environment=Environment(now=world.now),
    )
    return replace(config, on_client_hello=lambda hello: _on_client_hello(options, world, config, hello))


def _on_client_hello(
    options: Options, world: World, config: ServerConfig, hello: ClientHelloInfo
) -> ServerConfig | Awaitable[ServerConfig]:
    """BoringSSL's callbacks that see the ClientHello, and may refuse it or choose the certificate."""
    if options.fail_early_callback or options.fail_ddos_callback:
        raise ProtocolError(Fault.INTERNAL)
    if options.expect_no_server_name and hello.server_name is not None:
        raise AssertionError(f"the client asks for {hello.server_name}")
    if options.expect_advertised_alpn:
        names = hello.hello.extensions.get(ProtocolNameList)
        if names is None or names.encode()[2:] != options.expect_advertised_alpn:
            raise AssertionError(f"the client advertises {names}")
    if options.use_early_callback:
        config = replace(config, credentials=_credentials(options, world))
    return answer(config, later=options.async_)


# ------------------------------------------------------------------------------------------- what is negotiated


def _policy(options: Options) -> Policy:
    legacy = Policy.LEGACY
    versions = tuple(
        version
        for version, off in _VERSIONS
        if options.min_version <= version <= (options.max_version or version) and not getattr(options, off)
    )
    groups = tuple(map(NamedGroup, options.curves)) or _BORINGSSLS_GROUPS
    if not set(groups) <= set(legacy.groups):
        raise Unimplemented(f"-curves {groups}")
    if not versions:
        raise Unimplemented("no version")
    return replace(
        legacy,
        versions=versions,
        cipher_suites=_cipher_suites(options),
        groups=groups,
        key_share_groups=_key_share_groups(options, groups),
        signature_schemes=tuple(map(SignatureScheme, options.verify_prefs)) or legacy.signature_schemes,
        require_secure_renegotiation=options.no_legacy_server_connect,
    )


def _cipher_suites(options: Options) -> tuple[CipherSuite, ...]:
    if not options.cipher:
        return Policy.LEGACY.cipher_suites
    if "[" in options.cipher or "3DES" in options.cipher or options.cipher.isdigit():
        raise Unimplemented(f"-cipher {options.cipher}")  # equal preference; a cipher that is never used
    try:
        return Policy.from_string(f"legacy:{options.cipher}").cipher_suites
    except ConfigError as error:
        raise Unimplemented(f"-cipher {options.cipher}") from error


def _key_share_groups(options: Options, groups: tuple[NamedGroup, ...]) -> tuple[NamedGroup, ...]:
    """As BoringSSL does: the first group, and the first classical one where that is post-quantum."""
    if options.key_shares or options.no_key_shares:
        return tuple(map(NamedGroup, options.key_shares))
    if groups[0] in POST_QUANTUM:
        return (groups[0], *[group for group in groups if group not in POST_QUANTUM][:1])
    return groups[:1]


def _protocols(advertised: bytes) -> tuple[str, ...]:
    if not advertised:
        return ()
    names = decode(ProtocolNameList, len(advertised).to_bytes(2, "big") + advertised).protocol_name_list
    return tuple(name.decode() for name in names)


def _selected_protocol(options: Options) -> tuple[str, ...]:
    if options.reject_alpn:
        return ("a protocol that no client knows",)
    return (options.select_alpn,) if options.select_alpn and not options.decline_alpn else ()


# ------------------------------------------------------------------------------------------- who is who


def _client_auth(options: Options) -> ClientAuth:
    if options.require_any_client_certificate and not options.verify_peer:
        return ClientAuth.REQUIRE
    return ClientAuth.REQUEST if options.verify_peer else ClientAuth.NONE


def _credentials(options: Options, world: World) -> tuple[Credential, ...]:
    """Those with a number first, as BoringSSL has it."""
    numbered = [*enumerate(options.credentials), (-1, options.credential)]
    return tuple(_credential(each, number, options, world) for number, each in numbered if each.cert_file)


def _credential(each: CredentialOptions, number: int, options: Options, world: World) -> Credential:
    if each.signing_prefs or each.must_match_issuer:
        raise Unimplemented("-signing-prefs, -must-match-issuer")
    chain, private_key = _load(each.cert_file, each.key_file)
    signer = WatchedSigner(signatures.KeySigner(private_key), number, world.used_credentials, options.async_)
    timestamps = each.signed_cert_timestamps
    if timestamps:
        decode(SignedCertificateTimestamps, timestamps)
    return Credential(
        chain,
        signer,
        ocsp_response=None if options.decline_ocsp_callback else each.ocsp_response or None,
        signed_certificate_timestamps=timestamps or None,
    )


@lru_cache
def _load(cert_file: str, key_file: str) -> tuple[tuple[bytes, ...], keys.PrivateKey]:
    with open(cert_file, "rb") as certificates, open(key_file, "rb") as key:
        return tuple(keys.load_certificates(certificates.read())), keys.load_private_key(key.read(), None)


@dataclass(slots=True)
class _Psk:
    """A client's pre-shared key: turtls' own PreSharedKey refuses keys as short as the runner's."""

    identity: bytes
    key: bytes

    def __init__(self, options: Options, hint: bytes) -> None:
        if hint != options.psk_identity.encode():
            raise AssertionError(f"the server's hint is {hint!r}")
        self.identity, self.key = options.psk_identity.encode(), options.psk.encode()


def _psk_of(options: Options, identity: bytes) -> bytes | None:
    if identity != options.psk_identity.encode():
        raise AssertionError(f"the client's identity is {identity!r}")
    return options.psk.encode()
