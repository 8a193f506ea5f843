"""Two verifiers: one for the public web's certificates, one for those that private authorities issue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from cryptography import x509

from turtls.config import Role, VerificationRequest, VerifiedChain
from turtls.crypto import keys
from turtls.errors import ConfigError, Fault, ProtocolError
from turtls.pki import webpki
from turtls.pki.certificate import ParsedCertificate, load_untrusted, parse_untrusted
from turtls.pki.criteria import Criteria, check_key
from turtls.pki.errors import CertificateError, Objection
from turtls.pki.limits import MAX_CHAIN_LENGTH
from turtls.pki.names import server_identity
from turtls.pki.store import TrustStore
from turtls.pki.verdicts import VerdictCache, verdict_key

if TYPE_CHECKING:
    from turtls.pki.path import Path

_SHARED_VERDICTS: Final = VerdictCache()

_MAX_SUBJECTS_BYTES: Final = 2**14
"""Bytes of names of authorities to tell the peer about; more would double the handshake's size for little use."""

_Certificates: TypeAlias = Mapping[bytes, x509.Certificate]
"""Certificates by their DER, in order."""


class _ChainVerifier(ABC):
    """What the two have in common: how they are asked, and how they answer."""

    _PROFILE: ClassVar[bytes]

    def __init__(self, store: TrustStore, *, cache: VerdictCache | None = _SHARED_VERDICTS) -> None:
        self.store = store
        self._cache = cache
        self._key_prefix = self._PROFILE + store.fingerprint

    def verify(self, request: VerificationRequest) -> VerifiedChain:
        """The proof that the chain is good for the request: its path from the leaf to a trust anchor.

        Raises CertificateError; ConfigError if no chain could be good for such a request.
        """
        if self._cache is None:
            return self._judge(request)[0]
        key = verdict_key(self._key_prefix, request)
        verdict = self._cache.get(key, request.now)
        if verdict is None:
            verdict, expiry = self._judge(request)
            self._cache.put(key, verdict, request.now, expiry)
        return verdict

    @abstractmethod
    def certificate_authorities(self) -> Sequence[bytes]:
        """DER names of the authorities to tell the peer about (RFC 8446, section 4.2.4)."""

    @abstractmethod
    def _path(self, leaf: keys.Leaf, untrusted: _Certificates, criteria: Criteria) -> _Certificates:
        """The path, leaf first and anchor last. Raises Objection."""

    def _judge(self, request: VerificationRequest) -> tuple[VerifiedChain, float]:
        """The verdict, and when the first certificate of its path expires (seconds since the epoch)."""
        criteria = _criteria(request)
        chain = request.untrusted_chain
        try:
            leaf = _leaf(chain)
            loaded = {der: load_untrusted(der) for der in chain[1:]}
            path = self._path(leaf, {der: certificate for der, certificate in loaded.items() if certificate}, criteria)
        except Objection as objection:
            blamed = _blame_unreadable(objection, chain) if objection.fault is Fault.UNTRUSTED else objection
            raise CertificateError(blamed, untrusted_chain=chain, store=self.store.name, time=criteria.time) from None
        expiry = min(certificate.not_valid_after_utc for certificate in path.values())
        return VerifiedChain(tuple(path), leaf), expiry.timestamp()


class WebVerifier(_ChainVerifier):
    """Verifies chains by the strict rules that bind the public web's authorities (CA/Browser Forum).

    They are applied to private roots in the store as well: what an authority issues that does not keep to them needs
    PrivateVerifier. `cache` is where verdicts are kept; None keeps none.
    """

    _PROFILE = b"web:"

    def certificate_authorities(self) -> Sequence[bytes]:
        """None: all the roots of the web would make a long list that tells the peer nothing."""
        return ()

    def _path(self, leaf: keys.Leaf, untrusted: _Certificates, criteria: Criteria) -> _Certificates:
        check_key(leaf.certificate, criteria.min_rsa_bits)
        try:
            path = webpki.find_path(leaf.certificate, list(untrusted.values()), self.store, criteria)
        except webpki.BreaksProfile as verdict:
            raise webpki.explain(_sound_path(leaf, untrusted, self.store, criteria), str(verdict)) from None
        for authority in path[1:]:
            check_key(authority, criteria.min_rsa_bits)
        received = {certificate: der for der, certificate in untrusted.items()} | {leaf.certificate: leaf.der}
        return {received.get(certificate) or self.store.der_of(certificate): certificate for certificate in path}


class PrivateVerifier(_ChainVerifier):
    """Verifies chains as private authorities issue them: by RFC 5280, without what it wants written but never used.

    So there may be no key identifiers, no keyUsage, no subjectAltName in a client's certificate; the keys may be of
    Edwards curves; a leaf that is in the store itself is good as it is. Servers still need a subjectAltName.
    `cache` is where verdicts are kept; None keeps none.
    """

    _PROFILE = b"private:"

    def certificate_authorities(self) -> Sequence[bytes]:
        """The names of the store's anchors, or none at all if they are very many."""
        subjects = self.store.subjects
        return subjects if sum(map(len, subjects)) <= _MAX_SUBJECTS_BYTES else ()

    def _path(self, leaf: keys.Leaf, untrusted: _Certificates, criteria: Criteria) -> _Certificates:
        return {found.der: found.certificate for found in _sound_path(leaf, untrusted, self.store, criteria)}


def default_verifier() -> WebVerifier:
    """The system's store under the web's rules; the same object until the store changes.

    Roots that were added to the system's store (by `turtls trust install`, mkcert, a company) are in it.
    """
    return _web_verifier(TrustStore.system())


@lru_cache(maxsize=1)
def _web_verifier(store: TrustStore) -> WebVerifier:
    return WebVerifier(store)


def _criteria(request: VerificationRequest) -> Criteria:
    if request.role is Role.CLIENT:
        identity = None
    elif request.server_name is not None:
        identity = server_identity(request.server_name)
    else:
        raise ConfigError("A server's certificate cannot be checked without the name the server is to have.")
    time = datetime.fromtimestamp(request.now, UTC)
    return Criteria(role=request.role, identity=identity, time=time, min_rsa_bits=request.min_rsa_bits)


def _leaf(untrusted_chain: tuple[bytes, ...]) -> keys.Leaf:
    if not untrusted_chain:
        raise Objection(Fault.NO_CERTIFICATE, "There is nothing to check.")
    if len(untrusted_chain) > MAX_CHAIN_LENGTH:
        raise Objection(Fault.CHAIN_TOO_LONG, f"It sent {len(untrusted_chain)}; at most {MAX_CHAIN_LENGTH} are read.")
    try:
        return keys.Leaf.parse_untrusted(untrusted_chain[0])
    except ProtocolError as error:
        raise Objection(
            error.fault, f"The first of its chain: {error.detail}.", culprit=load_untrusted(untrusted_chain[0])
        ) from None


def _sound_path(leaf: keys.Leaf, untrusted: _Certificates, store: TrustStore, criteria: Criteria) -> Path:
    """A path by the rules of RFC 5280. Certificates that cannot be read in full have no part in it."""
    from turtls.pki.path import find_path  # what the public web's servers send needs no search of ours

    others = [parsed for item in untrusted.items() if (parsed := parse_untrusted(*item))]
    return find_path(ParsedCertificate(leaf.der, leaf.certificate), others, store, criteria)


def _blame_unreadable(objection: Objection, untrusted_chain: tuple[bytes, ...]) -> Objection:
    """If no path is found and a certificate could not be read, that one may be what is missing."""
    for position, der in enumerate(untrusted_chain, start=1):
        certificate = load_untrusted(der)
        if certificate is None or parse_untrusted(der, certificate) is None:
            return Objection(
                Fault.UNREADABLE_CERTIFICATE,
                f"Number {position} of its chain is at fault, and without it: {objection.reason}",
                culprit=certificate,
            )
    return objection
