"""Plain words for what the registries only name."""

from __future__ import annotations

from typing import NamedTuple

from turtls.config import Negotiated
from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme


class Words(NamedTuple):
    """A short title, and a sentence that says what it is for."""

    title: str
    sentence: str


MESSAGES = {
    "ClientHello": Words(
        "Hello: what the client can do",
        "The client opens with the versions, ciphers and groups it knows, and the name it wants to reach. For TLS 1.3 "
        "it adds its half of a key exchange, so that no time is lost. All of this can be read on the way.",
    ),
    "HelloRetryRequest": Words(
        "Once more, please",
        "The server knows none of the groups for which the client sent a key share, and names the one it wants. It "
        "costs a round trip.",
    ),
    "ServerHello": Words(
        "Agreed: this is what we use",
        "The server picks one of each and sends its half of the key exchange. Both sides can now compute the same "
        "secret, which itself never crosses the network. Everything after this message is encrypted.",
    ),
    "EncryptedExtensions": Words(
        "The details that need not be public",
        "The rest of what was negotiated, such as the application protocol, now out of sight.",
    ),
    "CertificateRequest": Words(
        "And who are you?",
        "The server asks the client for a certificate of its own.",
    ),
    "Certificate": Words(
        "This is who I am",
        "A certificate says which names belong to a public key, and is signed by an authority; those that lead up to "
        "one that the other side trusts come along.",
    ),
    "CompressedCertificate": Words(
        "This is who I am, in fewer bytes",
        "A certificate and those that lead up to one that the other side trusts, compressed as it has said it can "
        "unpack them.",
    ),
    "CertificateVerify": Words(
        "And this is the proof",
        "A certificate is public: anyone can show one. The signature over everything said so far proves possession of "
        "the private key, here and now, and that nobody changed a byte on the way.",
    ),
    "Finished": Words(
        "Did we both see the same?",
        "A checksum of the whole conversation, made with the new keys. If it fits, both sides saw the same messages, "
        "and both hold the same keys.",
    ),
    "NewSessionTicket": Words(
        "A ticket for next time",
        "With it the client can come back without certificates and signatures, and prove that it was here before.",
    ),
    "ServerHello12": Words(
        "Agreed: this is what we use",
        "The server picks one of each. Up to TLS 1.2 the handshake goes on in the open until both sides have their "
        "keys.",
    ),
    "Certificate12": Words(
        "This is who I am",
        "A certificate says which names belong to a public key, and is signed by an authority. Up to TLS 1.2 everyone "
        "on the way can read it.",
    ),
    "CertificateStatus12": Words(
        "Not revoked, says the authority",
        "A recent statement of the authority, brought along so that the client need not ask for it.",
    ),
    "ServerKeyExchange": Words(
        "My half of the key exchange",
        "A fresh public value, signed with the key of the certificate. It proves that the server holds that key, and "
        "who steals the key later cannot open what was recorded.",
    ),
    "CertificateRequest12": Words("And who are you?", "The server asks the client for a certificate of its own."),
    "CertificateRequest11": Words("And who are you?", "The server asks the client for a certificate of its own."),
    "ServerHelloDone": Words("Your turn", "The server has said all it has to say for now."),
    "ClientKeyExchange": Words(
        "The premaster secret",
        "The client's half of the key exchange, or the secret itself, encrypted for the server. Both sides now compute "
        "the same session keys from it.",
    ),
    "CertificateVerify12": Words(
        "And this is the proof",
        "A signature over everything said so far: the client holds the key of its certificate.",
    ),
    "NewSessionTicket12": Words(
        "A ticket for next time", "With it the client can come back without a new key exchange."
    ),
    "KeyUpdate": Words(
        "Fresh keys", "The sender goes on under new keys; what leaks later does not open what came before."
    ),
    "EndOfEarlyData": Words(
        "That was all I had to say early",
        "What the client sent before it knew the server's answer ends here. Whoever listened could have sent the same "
        "again; what follows belongs to this connection alone.",
    ),
}
"""By the name of the message's declaration."""

STEPS = {
    "version": "Which version?",
    "retry": "Once more, please",
    "authentication": "Is it really them?",
}
"""By the name of a step that sends nothing."""

EXTENSIONS = {
    "server_name": "the name the client wants to reach",
    "supported_versions": "the versions of TLS",
    "supported_groups": "the ways to agree on a secret",
    "key_share": "one half of a key exchange for each group",
    "signature_algorithms": "the signatures the sender can verify",
    "signature_algorithms_cert": "the signatures it can verify in certificates",
    "application_layer_protocol_negotiation": "what is to be spoken inside: HTTP/2, HTTP/1.1, ...",
    "psk_key_exchange_modes": "how a session may be resumed, or a key used that both had before",
    "pre_shared_key": "a ticket from an earlier session, or the name of a key that both have",
    "status_request": "asks for proof that the certificate is not revoked",
    "signed_certificate_timestamp": "asks for proof that the certificate was published",
    "certificate_authorities": "the authorities the sender trusts",
    "cookie": "to be sent back, so that the server need not remember",
    "record_size_limit": "the largest record the sender takes",
    "early_data": "data comes before the handshake ends, which saves a round trip, and may be a replay",
    "post_handshake_auth": "the client can be asked for its certificate later",
    "compress_certificate": "the sender can unpack compressed certificates",
    "encrypted_client_hello": "hides the name, or pretends to",
    "padding": "makes the message longer, to work around old servers",
    "session_ticket": "resumption in TLS 1.2",
    "extended_master_secret": "binds the keys to the handshake in TLS 1.2",
    "renegotiation_info": "guards renegotiation in TLS 1.2",
    "ec_point_formats": "how points of curves are written in TLS 1.2",
}
"""By the registry's name of the extension."""

_VERSIONS = {
    ProtocolVersion.TLS_1_3: "the newest version; nothing in it is known to be weak",
    ProtocolVersion.TLS_1_2: "sound where its cipher suite is; TLS 1.3 is faster and hides more",
    ProtocolVersion.TLS_1_1: "outdated since 2021: relies on SHA-1",
    ProtocolVersion.TLS_1_0: "outdated since 2021: relies on SHA-1 and has known weaknesses",
}

_CIPHERS = {
    "AES-128-GCM": "AES with 128-bit keys; every change on the way is noticed",
    "AES-256-GCM": "AES with 256-bit keys; every change on the way is noticed",
    "ChaCha20-Poly1305": "ChaCha20 with 256-bit keys; every change on the way is noticed",
    "AES-128-CCM": "AES with 128-bit keys, in a mode for small devices; every change is noticed",
    "AES-256-CCM": "AES with 256-bit keys, in a mode for small devices; every change is noticed",
    "AES-128-CCM-8": "AES with 128-bit keys; changes are noticed by a short checksum only",
    "AES-256-CCM-8": "AES with 256-bit keys; changes are noticed by a short checksum only",
}
"""By the name of the AEAD."""

_GROUPS: dict[NamedGroup | None, str] = {
    NamedGroup.X25519MLKEM768: "X25519 and ML-KEM-768 together",
    NamedGroup.SecP256r1MLKEM768: "P-256 and ML-KEM-768 together",
    NamedGroup.SecP384r1MLKEM1024: "P-384 and ML-KEM-1024 together",
    NamedGroup.x25519: "an elliptic curve",
    NamedGroup.x448: "a large elliptic curve",
    NamedGroup.secp256r1: "the elliptic curve P-256",
    NamedGroup.secp384r1: "the elliptic curve P-384",
    NamedGroup.secp521r1: "the elliptic curve P-521",
}

_ALPN = {"h2": "HTTP/2", "http/1.1": "HTTP/1.1", "http/1.0": "HTTP/1.0", "acme-tls/1": "domain validation by ACME"}


def version_name(version: ProtocolVersion) -> str:
    """The version as people write it: `TLS 1.3`."""
    family, *number = version.name.split("_")
    return f"{family} {'.'.join(number)}"


def version_words(version: ProtocolVersion) -> str:
    """What to think of the version."""
    return _VERSIONS.get(version, "a version that should not be in use")


def suite_weakness(suite: CipherSuite) -> str:
    """What is weak about the cipher suite; empty if nothing is."""
    meaning = SUITES12.get(suite)
    if meaning is None:
        return ""
    weak = [] if meaning.key_exchange.is_forward_secret else ["who steals the server's key can read what was recorded"]
    if meaning.is_cbc:
        weak.append("CBC mode has a history of attacks")
    return "; ".join(weak)


def suite_words(suite: CipherSuite) -> str:
    """What the cipher suite does to the data; of those in CBC mode, `suite_weakness` has more to say."""
    meaning = SUITES13.get(suite) or SUITES12.get(suite)
    return _CIPHERS[meaning.aead.name] if meaning is not None and meaning.aead is not None else ""


def handshake_words(negotiated: Negotiated) -> str:
    """How each side came to know, in a handshake that was not resumed, whom it talks to."""
    meaning = SUITES12.get(negotiated.cipher_suite)
    by_signature = negotiated.psk_identity is None if meaning is None else meaning.key_exchange.is_signed
    if by_signature:
        return "with certificate and signature"
    if meaning is not None and meaning.authentication.by_certificate:
        return "with a certificate, and no signature: only who holds its key could go on"
    return "without a certificate: both sides showed that they know the same secret"


def is_post_quantum(group: NamedGroup | None) -> bool:
    """Whether the key exchange also resists a quantum computer: the hybrids with ML-KEM do."""
    return group is not None and "MLKEM" in group.name


NO_KEY_EXCHANGE = "no fresh key exchange: whoever learns the long-lived key can read what was recorded"


def group_words(group: NamedGroup | None) -> str:
    """How the secret was agreed on, and whether a quantum computer could find it out one day.

    None is a group that has no name in the registry.
    """
    kind = _GROUPS.get(group, "Diffie-Hellman over a finite field")
    if is_post_quantum(group):
        return f"{kind}: post-quantum, so what is recorded today stays secret from tomorrow's quantum computers"
    return f"{kind}: safe today, but not post-quantum: what is recorded now, a quantum computer could read one day"


def signature_words(scheme: SignatureScheme) -> str:
    """What proved the peer's identity."""
    family = scheme.name.partition("_")[0]
    kinds = {"ecdsa": "ECDSA", "rsa": "RSA", "ed25519": "Ed25519", "ed448": "Ed448"}
    kind = kinds.get(family, "ML-DSA, post-quantum" if family.startswith("mldsa") else family)
    return f"{kind}: proves possession of the certificate's private key"


def alpn_words(protocol: str) -> str:
    """What is spoken inside."""
    return _ALPN.get(protocol, protocol)
