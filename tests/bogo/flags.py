"""The runner's flags, as far as turtls can honour them. What a flag is called is what its field is called here.

A flag that is not declared here ends in `Unimplemented`: the test asks for something that turtls does not do.
"""

from __future__ import annotations

import base64
import copy
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple


class Unimplemented(Exception):
    """turtls cannot do what this test asks for."""


@dataclass(slots=True)
class CredentialOptions:
    """A certificate with its key, both PEM files, or a pre-shared key to import (RFC 9258)."""

    cert_file: str = ""
    key_file: str = ""
    signing_prefs: list[int] = field(default_factory=list)
    ocsp_response: bytes = b""
    signed_cert_timestamps: bytes = b""
    must_match_issuer: bool = False
    psk_importer_key: bytes = b""
    psk_importer_identity: bytes = b""
    psk_importer_context: bytes = b""
    psk_importer_sha256: bool = False
    psk_importer_sha384: bool = False


@dataclass(slots=True)
class Options:
    """What one connection of a test is to be like. Flags that turtls honours by what it always does are in `ALWAYS`."""

    # The runner and the connections.
    port: int = 0
    ipv6: bool = False
    shim_id: int = 0
    server: bool = False
    resume_count: int = 0
    resumption_delay: int = 0
    is_handshaker_supported: bool = False
    quic: bool = False
    quic_transport_params: bytes = b""
    quic_use_legacy_codepoint: int = -1
    quic_early_data_context: str = ""

    # What is negotiated.
    min_version: int = 0
    max_version: int = 0
    no_tls1: bool = False
    no_tls11: bool = False
    no_tls12: bool = False
    no_tls13: bool = False
    fallback_scsv: bool = False
    cipher: str = ""
    curves: list[int] = field(default_factory=list)
    key_shares: list[int] = field(default_factory=list)
    no_key_shares: bool = False
    verify_prefs: list[int] = field(default_factory=list)
    host_name: str = ""
    advertise_alpn: bytes = b""
    select_alpn: str = ""
    decline_alpn: bool = False
    reject_alpn: bool = False
    enable_grease: bool = False
    permute_extensions: bool = False
    no_legacy_server_connect: bool = False
    install_cert_compression_algs: bool = False
    install_one_cert_compression_alg: int = 0
    psk: str = ""
    psk_identity: str = ""
    no_ticket: bool = False
    skip_ticket: bool = False
    renew_ticket: bool = False
    enable_early_data: bool = False

    # Who is who.
    credential: CredentialOptions = field(default_factory=CredentialOptions)
    credentials: list[CredentialOptions] = field(default_factory=list)
    verify_peer: bool = False
    require_any_client_certificate: bool = False
    verify_fail: bool = False
    use_custom_verify_callback: bool = False
    reverify_on_resume: bool = False
    use_client_ca_list: str = ""
    use_early_callback: bool = False
    fail_early_callback: bool = False
    fail_ddos_callback: bool = False
    use_ocsp_callback: bool = False
    decline_ocsp_callback: bool = False
    fail_ocsp_callback: bool = False

    # What is done with the connection.
    # `async` is a word of Python's.
    async_: bool = False
    shim_writes_first: bool = False
    shim_initial_write: str = "hello"
    repeat_shim_initial_write: int = 1
    write_different_record_sizes: bool = False
    read_with_unfinished_write: bool = False
    read_size: int = 512
    shim_shuts_down: bool = False
    check_close_notify: bool = False
    send_alert: bool = False
    key_update: bool = False
    key_update_before_read: bool = False
    export_keying_material: int = 0
    export_label: str = ""
    export_context: bytes = b""
    use_export_context: bool = False
    use_exporter_between_reads: bool = False
    export_traffic_secrets: bool = False
    tls_unique: bool = False

    # What must come of it: `expectations.py` checks each.
    expect_version: int = 0
    expect_cipher: int = 0
    expect_cipher_aes: int = 0
    expect_cipher_no_aes: int = 0
    expect_curve_id: int = 0
    expect_peer_signature_algorithm: int = 0
    expect_alpn: str = ""
    expect_advertised_alpn: bytes = b""
    expect_server_name: str = ""
    expect_no_server_name: bool = False
    expect_session_miss: bool = False
    expect_session_id: bool = False
    expect_no_session_id: bool = False
    expect_no_session: bool = False
    expect_ticket_renewal: bool = False
    expect_extended_master_secret: bool = False
    expect_secure_renegotiation: bool = False
    expect_no_secure_renegotiation: bool = False
    expect_hrr: bool = False
    expect_no_hrr: bool = False
    expect_ocsp_response: bytes = b""
    expect_signed_cert_timestamps: bytes = b""
    expect_verify_result: bool = False
    expect_peer_cert_file: str = ""
    expect_no_peer_cert: bool = False
    expect_quic_transport_params: bytes = b""
    expect_certificate_types: bytes = b""
    expect_client_ca_list: str = ""
    expect_peer_verify_pref: list[int] = field(default_factory=list)
    expect_selected_credential: list[int] = field(default_factory=list)
    expect_msg_callback: str = ""
    expect_ticket_supports_early_data: bool = False
    expect_accept_early_data: bool = False
    expect_reject_early_data: bool = False
    expect_no_offer_early_data: bool = False
    expect_early_data_reason: str = ""
    handshake_never_done: bool = False

    # Policies of authorities.
    fips_202205: bool = False
    wpa_202304: bool = False
    cnsa_202407: bool = False
    cnsa1_202603: bool = False
    cnsa2_202603: bool = False


ALWAYS: Final = frozenset(
    {
        "-use-old-client-cert-callback",  # one way to hand over a client's certificate is as good as the other
        "-implicit-handshake",  # there is no call that begins the handshake
        "-no-op-extra-handshake",
        "-handshake-twice",
        "-server-preference",
        "-cbc-record-splitting",
        "-partial-write",  # send_data takes all it is given
        "-enable-ocsp-stapling",
        "-enable-signed-cert-timestamps",
        "-use-ticket-aead-callback",  # tickets are always sealed by an AEAD, behind a protocol
        "-use-ticket-callback",
        "-install-ddos-callback",  # the hook for ClientHellos is always there
        "-allow-hint-mismatch",  # there is no handshaker to give hints
        "-set-ocsp-in-callback",  # a staple belongs to its credential, whenever that is chosen
    }
)
ALWAYS_WITH_VALUE: Final = frozenset(
    {
        "-trust-cert",  # BoringSSL's shim trusts whoever it talks to, too, unless it is told to fail
        "-srtp-profiles",  # they are DTLS' alone (RFC 5764, section 4.1): over TLS they are neither offered nor taken
    }
)
_NEW_CREDENTIALS: Final = frozenset({"-new-x509-credential", "-new-psk-credential"})


class Turns(NamedTuple):
    """The options of the first connection, and of those that resume its session."""

    initial: Options
    resumed: Options
    retry: Options
    """Of those, once they know that their early data was rejected."""


def parse(arguments: Sequence[str]) -> Turns:
    """What the runner's command line says. Raises Unimplemented."""
    turns = Turns(Options(), Options(), Options())
    words = iter(arguments)
    for word in words:
        name, targets = _targets(word, turns)
        if name in ALWAYS:
            continue
        if name in ALWAYS_WITH_VALUE:
            next(words)
            continue
        if name in _NEW_CREDENTIALS:
            for options in targets:
                options.credentials.append(CredentialOptions())
            continue
        _set(name, words, targets)
    return turns


def _targets(word: str, turns: Turns) -> tuple[str, Sequence[Options]]:
    """The flag without its prefixes, and what it is for."""
    if word.startswith("-on-handshaker-"):  # a process of BoringSSL's that takes over; here there is none
        return _targets(word.removeprefix("-on-handshaker"), turns)[0], []
    word = word.removeprefix("-on-shim") if word.startswith("-on-shim-") else word
    for prefix, options in zip(("-on-initial", "-on-resume", "-on-retry"), turns, strict=True):
        if word.startswith(prefix + "-"):
            return word.removeprefix(prefix), [options]
    return word, turns


_KINDS: Final = {each.name: str(each.type) for each in fields(Options)}
_CREDENTIAL_KINDS: Final = {each.name: str(each.type) for each in fields(CredentialOptions)}
_TEXT_AS_BYTES: Final = {"advertise_alpn", "expect_advertised_alpn", "export_context"}
"""Flags whose bytes are not in Base64."""


def _set(name: str, words: Iterator[str], targets: Sequence[Options]) -> None:
    key = "async_" if name == "-async" else name.removeprefix("-").replace("-", "_")
    if key in _CREDENTIAL_KINDS:
        value = _value(key, _CREDENTIAL_KINDS[key], words)
        for options in targets:
            _put(options.credentials[-1] if options.credentials else options.credential, key, value)
        return
    if key not in _KINDS or key in ("credential", "credentials"):
        raise Unimplemented(name)
    value = _value(key, _KINDS[key], words)
    for options in targets:
        _put(options, key, value)


def _put(options: Options | CredentialOptions, key: str, value: Any) -> None:
    if isinstance(value, list):
        value = getattr(options, key) + value
    setattr(options, key, copy.copy(value))


def _value(key: str, kind: str, words: Iterator[str]) -> Any:
    match kind:
        case "bool":
            return True
        case "int":
            return int(next(words))
        case "list[int]":
            return [int(next(words))]
        case "bytes" if key not in _TEXT_AS_BYTES:
            return base64.b64decode(next(words), validate=True)
        case "bytes":
            return os.fsencode(next(words))
    return next(words)
