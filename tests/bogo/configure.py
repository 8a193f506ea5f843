"""From the runner's flags to turtls' configurations."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple, cast

from tests.bogo.flags import CredentialOptions, Options, Unimplemented
from tests.bogo.world import COMPRESSIONS, Compression, Refusal, WatchedSigner, World, answer
from turtls.config import (
    ClientAuth,
    ClientConfig,
    ConfigError,
    Credential,
    Environment,
    Policy,
    PreSharedKey,
    ServerConfig,
)
from turtls.crypto import keys, signatures
from turtls.crypto.groups import POST_QUANTUM, SUPPORTED
from turtls.crypto.hashes import SHA256, SHA384, Hash
from turtls.errors import AlertDescription, Fault, ProtocolError
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


_BORINGSSLS_SCHEMES = (
    SignatureScheme.ecdsa_secp256r1_sha256,
    SignatureScheme.rsa_pss_rsae_sha256,
    SignatureScheme.rsa_pkcs1_sha256,
    SignatureScheme.ecdsa_secp384r1_sha384,
    SignatureScheme.rsa_pss_rsae_sha384,
    SignatureScheme.rsa_pkcs1_sha384,
    SignatureScheme.rsa_pss_rsae_sha512,
    SignatureScheme.rsa_pkcs1_sha512,
    SignatureScheme.rsa_pkcs1_sha1,
)
"""What is verified, and in this order, unless the flags say otherwise."""


_BORINGSSLS_EARLY_DATA = 14336
"""Bytes that a server accepts."""


def client_config(options: Options, world: World) -> ClientConfig:
    """A client as the flags want it."""
    return ClientConfig(
        policy=_policy(options),
        verifier=None if any(imported_keys(options)) and not options.verify_peer else world.judge,
        alpn=_protocols(options.advertise_alpn),
        credentials=_credentials(options, world),
        ignore_certificate_authorities=not _must_match_issuer(options),
        verify_resumed=options.reverify_on_resume,
        psks=_own_keys(options),
        fallback=options.fallback_scsv,
        sessions=None if options.no_ticket else world.sessions,
        grease=options.enable_grease or options.permute_extensions,
        certificate_compression=_compressions(options),
        environment=Environment(now=world.now),
    )


def server_config(options: Options, world: World) -> ServerConfig:
    """A server as the flags want it. It always judges the client's chain again when it resumes a session."""
    if options.enable_grease:
        raise Unimplemented("-enable-grease of a server")
    if _must_match_issuer(options):
        raise Unimplemented("-must-match-issuer of a server: what a client lists only guides the choice")
    config = ServerConfig(
        policy=_policy(options),
        verifier=world.judge,
        credentials=() if options.use_early_callback else _credentials(options, world),
        alpn=_selected_protocol(options),
        client_auth=_client_auth(options),
        psks={psk.identity: psk for psk in _own_keys(options)}.get if _own_keys(options) else None,
        psk_identity_hint=options.psk_identity.encode(),
        tickets=None if options.no_ticket else world.tickets,
        session_ids=world.session_ids,
        max_early_data=_BORINGSSLS_EARLY_DATA if options.enable_early_data else 0,
        replay_guard=world.replay_guard,
        certificate_compression=_compressions(options),
        environment=Environment(now=world.now),
    )
    return replace(config, on_client_hello=lambda hello: _on_client_hello(options, world, config, hello))


def _on_client_hello(
    options: Options, world: World, config: ServerConfig, hello: ClientHelloInfo
) -> ServerConfig | Awaitable[ServerConfig]:
    """BoringSSL's callbacks that see the ClientHello, and may refuse it or choose the certificate."""
    if options.fail_early_callback:
        raise Refusal(Fault.INTERNAL, AlertDescription.HANDSHAKE_FAILURE)
    if options.fail_ddos_callback:
        raise ProtocolError(Fault.INTERNAL)
    if options.fail_ocsp_callback:
        raise ProtocolError(Fault.BAD_STATUS_RESPONSE)
    if options.expect_no_server_name and hello.server_name is not None:
        raise AssertionError(f"the client asks for {hello.server_name}")
    if options.expect_advertised_alpn:
        names = hello.hello.extensions.get(ProtocolNameList)
        if names is None or names.encode()[2:] != options.expect_advertised_alpn:
            raise AssertionError(f"the client advertises {names}")
    if options.use_early_callback:
        config = replace(config, credentials=_credentials(options, world))
    if options.cnsa_202407:
        config = replace(config, policy=_without_chacha20(config.policy, hello))
    return answer(config, later=options.async_)


def _without_chacha20(policy: Policy, hello: ClientHelloInfo) -> Policy:
    """If there is a choice: a client that puts ChaCha20 first would get it, and that is not what CNSA wants."""
    suites = tuple(suite for suite in policy.cipher_suites if "CHACHA20" not in suite.name)
    return replace(policy, cipher_suites=suites) if set(suites) & set(hello.hello.cipher_suites) else policy


# ------------------------------------------------------------------------------------------- what is negotiated


def _policy(options: Options) -> Policy:
    legacy = Policy.LEGACY
    versions = tuple(
        version
        for version, off in _VERSIONS
        if options.min_version <= version <= (options.max_version or version) and not getattr(options, off)
    )
    groups = tuple(map(NamedGroup, options.curves)) or _BORINGSSLS_GROUPS
    if not set(groups) <= SUPPORTED:
        raise Unimplemented(f"-curves {groups}")
    if options.psk:  # BoringSSL has this kind up to TLS 1.2 alone
        versions = tuple(version for version in versions if version < ProtocolVersion.TLS_1_3)
    if not versions:
        raise Unimplemented("no version")
    policy = replace(
        legacy,
        versions=versions,
        cipher_suites=_cipher_suites(options),
        groups=groups,
        key_share_groups=_key_share_groups(options, groups),
        signature_schemes=_schemes(options.verify_prefs) or _BORINGSSLS_SCHEMES,
        require_secure_renegotiation=options.no_legacy_server_connect,
    )
    if options.fips_202205:
        aeads, groups = ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384"), (NamedGroup.secp256r1, NamedGroup.secp384r1)
        return _restricted(policy, aeads, ("sha256", "sha384", "sha512"), *groups)
    if options.wpa_202304:
        return _restricted(policy, _AES_256, ("sha384", "sha512"), NamedGroup.secp384r1)
    if options.cnsa1_202603:
        suites = (CipherSuite.TLS_RSA_WITH_AES_256_GCM_SHA384,)
        cnsa = _restricted(policy, _AES_256, ("sha384",), NamedGroup.MLKEM1024, NamedGroup.secp384r1)
        return replace(cnsa, cipher_suites=cnsa.cipher_suites + suites, key_share_groups=cnsa.groups)
    if options.cnsa2_202603:
        policy = replace(policy, versions=tuple(v for v in versions if v == ProtocolVersion.TLS_1_3))
        return _restricted(policy, _AES_256, ("sha384",), NamedGroup.MLKEM1024)
    if options.cnsa_202407:
        return replace(policy, cipher_suites=tuple(sorted(policy.cipher_suites, key=_cnsas_order)))
    return policy


_AES_256 = ("AES_256_GCM_SHA384",)


def _cnsas_order(suite: CipherSuite) -> tuple[bool, bool]:
    """AES-256 before AES-128 before ChaCha20."""
    return "CHACHA20" in suite.name, "AES_128" in suite.name


def _is_restricted(options: Options) -> bool:
    return options.fips_202205 or options.wpa_202304 or options.cnsa1_202603 or options.cnsa2_202603


def _restricted(policy: Policy, aeads: tuple[str, ...], hashes: tuple[str, ...], *groups: NamedGroup) -> Policy:
    """What an authority allows: ends of the names of suites and of signature schemes, and groups."""
    exchanges = ("TLS_AES", "TLS_ECDHE_RSA", "TLS_ECDHE_ECDSA")
    return replace(
        policy,
        versions=tuple(version for version in policy.versions if version >= ProtocolVersion.TLS_1_2),
        cipher_suites=tuple(
            suite for suite in policy.cipher_suites if suite.name.startswith(exchanges) and suite.name.endswith(aeads)
        ),
        groups=groups,
        key_share_groups=groups[:1],
        signature_schemes=tuple(scheme for scheme in _BORINGSSLS_SCHEMES if scheme.name.endswith(hashes)),
    )


def _schemes(preferred: list[int]) -> tuple[SignatureScheme, ...]:
    for scheme in preferred:
        if scheme not in SignatureScheme.names or scheme == SignatureScheme.rsa_pkcs1_md5_sha1:
            raise Unimplemented(f"a signature scheme {scheme:#06x} by that number")
    return tuple(map(SignatureScheme, preferred))


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
    """As BoringSSL does: the first post-quantum group and the first classical one."""
    if options.key_shares or options.no_key_shares:
        return tuple(map(NamedGroup, options.key_shares))
    first_of_each = {group in POST_QUANTUM: group for group in reversed(groups)}
    return tuple(group for group in groups if group in first_of_each.values())


def _protocols(advertised: bytes) -> tuple[str, ...]:
    if not advertised:
        return ()
    names = decode(ProtocolNameList, len(advertised).to_bytes(2, "big") + advertised).protocol_name_list
    return tuple(name.decode() for name in names)


def _compressions(options: Options) -> tuple[Compression, ...]:
    wanted = options.install_one_cert_compression_alg
    return tuple(each for each in COMPRESSIONS if options.install_cert_compression_algs or each.algorithm == wanted)


def _selected_protocol(options: Options) -> tuple[str, ...]:
    if options.reject_alpn:
        return ("a protocol that no client knows",)
    return (options.select_alpn,) if options.select_alpn and not options.decline_alpn else ()


# ------------------------------------------------------------------------------------------- who is who


def _client_auth(options: Options) -> ClientAuth:
    if options.require_any_client_certificate and not options.verify_peer:
        return ClientAuth.REQUIRE
    return ClientAuth.REQUEST if options.verify_peer else ClientAuth.NONE


def _must_match_issuer(options: Options) -> bool:
    """What BoringSSL says of each credential, turtls says of all that a client has."""
    must = {each.must_match_issuer for each in (*options.credentials, options.credential) if each.cert_file}
    if len(must) > 1:
        raise Unimplemented("-must-match-issuer of one credential and not of another")
    return True in must


def _credentials(options: Options, world: World) -> tuple[Credential, ...]:
    """Those with a number first, as BoringSSL has it."""
    numbered = [*enumerate(options.credentials), (-1, options.credential)]
    return tuple(_credential(each, number, options, world) for number, each in numbered if each.cert_file)


def _credential(each: CredentialOptions, number: int, options: Options, world: World) -> Credential:
    """The same for each connection: a session is only resumed by who has the same credentials."""
    key = (number, repr(each), options.async_, options.decline_ocsp_callback)
    if key not in world.credentials:
        world.credentials[key] = _new_credential(each, number, options, world)
    return world.credentials[key]


def _new_credential(each: CredentialOptions, number: int, options: Options, world: World) -> Credential:
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
        signature_schemes=() if _is_restricted(options) else _signing_schemes(each, chain[0]),
    )


def _signing_schemes(each: CredentialOptions, leaf: bytes) -> tuple[SignatureScheme, ...]:
    """In BoringSSL what is signed with has nothing to do with what is verified."""
    if each.signing_prefs:
        return _schemes(each.signing_prefs)
    public_key = keys.Leaf.parse(leaf).public_key
    return signatures.schemes_for(public_key, ProtocolVersion.TLS_1_2) + signatures.schemes_for(
        public_key, ProtocolVersion.TLS_1_3
    )


@lru_cache
def _load(cert_file: str, key_file: str) -> tuple[tuple[bytes, ...], keys.PrivateKey]:
    with open(cert_file, "rb") as certificates, open(key_file, "rb") as key:
        return tuple(keys.load_certificates(certificates.read())), keys.load_private_key(key.read(), None)


class _ShortKey(NamedTuple):
    """In the place of a PreSharedKey, which refuses keys as short as the runner's."""

    identity: bytes
    key: bytes
    hash: Hash
    import_context: bytes | None = None


def _own_keys(options: Options) -> tuple[PreSharedKey, ...]:
    """The key for TLS 1.2, or those to import for TLS 1.3."""
    if options.psk:
        return (cast(PreSharedKey, _ShortKey(options.psk_identity.encode(), options.psk.encode(), SHA256)),)
    return tuple(psk for psk in imported_keys(options) if psk is not None)


def imported_keys(options: Options) -> list[PreSharedKey | None]:
    """By the numbers of the credentials; None where one is a certificate."""
    return [
        PreSharedKey(
            each.psk_importer_identity,
            each.psk_importer_key,
            SHA384 if each.psk_importer_sha384 else SHA256,
            each.psk_importer_context,
        )
        if each.psk_importer_key
        else None
        for each in options.credentials
    ]
