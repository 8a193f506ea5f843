"""Certificates with what signs for them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Protocol, TypeVar

from cryptography import x509

from turtls.config.values import Frozen, dataclass
from turtls.crypto import keys, signatures
from turtls.errors import ConfigError
from turtls.wire.registries import ProtocolVersion, SignatureScheme

T = TypeVar("T")


class Signer(Protocol):
    """Holds a private key, or reaches one (HSM, KMS, agent)."""

    def sign(self, scheme: SignatureScheme, data: bytes) -> bytes | Awaitable[bytes]:
        """Sign `data` (not hashed yet) under `scheme`. An awaitable does not block other connections."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Credential(Frozen):
    """A certificate chain (DER, leaf first) and what signs for it."""

    chain: tuple[bytes, ...]
    signer: Signer
    ocsp_response: bytes | None = None
    """A DER OCSPResponse to staple."""
    signed_certificate_timestamps: bytes | None = None
    """A SignedCertificateTimestampList (RFC 6962, section 3.3) to send."""
    signature_schemes: tuple[SignatureScheme, ...] = ()
    """What its key is to sign with, the best first: an HSM may know less than the key could do. Empty: whatever the
    policy allows."""
    leaf: keys.Leaf = field(init=False)
    """What is read from the leaf once: its public key, names, and the schemes it can sign with."""

    chain_schemes: frozenset[SignatureScheme] = field(init=False, repr=False)
    """What the chain's certificates are signed with, as far as schemes have a name for it."""
    issuers: frozenset[bytes] = field(init=False)
    """The DER names of the chain's issuers, by which a server may ask for it (RFC 8446, section 4.2.4)."""

    def __post_init__(self) -> None:
        if not self.chain:
            raise ConfigError("A credential needs at least one certificate.")
        object.__setattr__(self, "leaf", keys.Leaf.parse(self.chain[0]))
        object.__setattr__(self, "issuers", _issuers(self.chain))
        object.__setattr__(self, "chain_schemes", signatures.chain_schemes(self.chain))

    def schemes(self, version: ProtocolVersion, allowed: Collection[SignatureScheme]) -> tuple[SignatureScheme, ...]:
        """What this signs with in that version, the best first; `allowed` is what the policy allows.

        Before TLS 1.2 there was one scheme for each kind of key, and no choice.
        """
        return _schemes(self.leaf.public_key, tuple(self.signature_schemes), version, tuple(allowed))

    @property
    def can_decrypt(self) -> bool:
        """Whether premaster secrets may be encrypted to its key (RFC 5246, section 7.4.2)."""
        leaf = self.leaf
        is_for_it = leaf.public_key.kind is keys.KeyKind.RSA and leaf.key_usage_allows_key_transport
        return is_for_it and hasattr(self.signer, "decrypt")

    def decrypt(self, untrusted_ciphertext: bytes) -> bytes | Awaitable[bytes]:
        """RSA decryption that never fails, for the key transport of TLS 1.2 (`crypto.rsa_transport.decrypt`).

        Raises ConfigError if the signer cannot decrypt.
        """
        decrypt: Callable[[bytes], bytes | Awaitable[bytes]] | None = getattr(self.signer, "decrypt", None)
        if decrypt is None:
            raise ConfigError("This signer cannot decrypt, as RSA key transport needs.")
        return decrypt(untrusted_ciphertext)

    @classmethod
    def load(
        cls,
        certificate: str | os.PathLike[str] | bytes,
        key: str | os.PathLike[str] | bytes | None = None,
        *,
        password: str | bytes | None = None,
        ocsp_response: bytes | None = None,
    ) -> Credential:
        """A credential from PEM or DER, each a path or the bytes themselves.

        `key` may be left out where the certificate's file holds it too. Raises ConfigError if something cannot
        be read, needs a password, or if key and certificate do not belong together.
        """
        chain = _loaded(certificate, keys.load_certificates)
        private_key = _loaded(certificate if key is None else key, lambda data: keys.load_private_key(data, password))
        return cls._checked(chain, private_key, ocsp_response)

    @classmethod
    def from_pkcs12(cls, data: str | os.PathLike[str] | bytes, password: str | bytes | None = None) -> Credential:
        """A credential from a PKCS #12 file, by its path or its bytes. Raises ConfigError."""
        private_key, chain = _loaded(data, lambda data: keys.load_pkcs12(data, password))
        return cls._checked(chain, private_key, None)

    @classmethod
    def _checked(cls, chain: Sequence[bytes], private_key: keys.PrivateKey, ocsp: bytes | None) -> Credential:
        credential = cls(tuple(chain), signatures.KeySigner(private_key), ocsp)
        if not keys.same_public_key(credential.leaf.public_key, private_key):
            raise ConfigError("The private key does not belong to the (first) certificate.")
        return credential


@lru_cache(maxsize=1024)
def _schemes(
    public_key: keys.PublicKey,
    wanted: tuple[SignatureScheme, ...],
    version: ProtocolVersion,
    allowed: tuple[SignatureScheme, ...],
) -> tuple[SignatureScheme, ...]:
    possible = signatures.schemes_for(public_key, version)
    if version < ProtocolVersion.TLS_1_2:
        return possible
    if wanted:
        return tuple(scheme for scheme in wanted if scheme in possible)
    return tuple(scheme for scheme in possible if scheme in allowed)


def prefer_issuers(credentials: Sequence[Credential], authorities: Collection[bytes]) -> Sequence[Credential]:
    """Those issued under one of the authorities (DER names) that the peer listed come first.

    The others follow: the list only guides the choice (RFC 8446, section 4.2.4).
    """
    return sorted(credentials, key=lambda credential: credential.issuers.isdisjoint(authorities))


def _issuers(chain: Sequence[bytes]) -> frozenset[bytes]:
    try:
        return frozenset(x509.load_der_x509_certificate(der).issuer.public_bytes() for der in chain)
    except keys.UNREADABLE as error:
        raise ConfigError(f"A certificate of the chain cannot be parsed: {error}.") from error


def _loaded(source: str | os.PathLike[str] | bytes, load: Callable[[bytes], T]) -> T:
    """What `load` makes of a file's bytes, or of these. Raises ConfigError, which names the file."""
    data = _read(source)
    try:
        return load(data)
    except ConfigError as error:
        if isinstance(source, bytes):
            raise
        raise type(error)(f"{os.fspath(source)}: {error}") from error.__cause__


def _read(source: str | os.PathLike[str] | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        with open(source, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"Cannot read {source}: {error.strerror}.") from error


class CredentialIndex:
    """A server's credentials by the names they are for: a choice among thousands costs no more than among two."""

    __slots__ = ("_all", "_exact", "_wildcard")

    def __init__(self, credentials: Sequence[Credential]) -> None:
        self._all = tuple(credentials)
        self._exact: dict[str, list[Credential]] = {}
        self._wildcard: dict[str, list[Credential]] = {}
        for credential in credentials:
            for name in credential.leaf.dns_names:
                lowered = name.lower()
                if lowered.startswith("*."):
                    self._wildcard.setdefault(lowered[2:], []).append(credential)
                else:
                    self._exact.setdefault(lowered, []).append(credential)

    def candidates(self, server_name: str | None) -> Sequence[Credential]:
        """Those for that name, exact matches before wildcards; all of them where none is, or no name was given."""
        if server_name is None:
            return self._all
        exact = self._exact.get(server_name, [])
        wildcard = self._wildcard.get(server_name.partition(".")[2], [])
        return [*exact, *wildcard] or self._all
