"""From a leaf to a trust anchor (RFC 5280, section 6.1; RFC 4158 on the search).

The order in which the peer sent its certificates means nothing here, superfluous ones do no harm, and the work is
bounded whatever the peer sends. Any certificate of the store is a trust anchor, the leaf itself included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from turtls.pki import dead_ends, rules
from turtls.pki.certificate import UNREADABLE, ParsedCertificate
from turtls.pki.criteria import Criteria, check_key
from turtls.pki.errors import Objection
from turtls.pki.limits import Budget, OutOfBudget
from turtls.pki.store import TrustStore

Path: TypeAlias = tuple[ParsedCertificate, ...]
"""Leaf first, trust anchor last."""


def find_path(
    leaf: ParsedCertificate, untrusted: Sequence[ParsedCertificate], store: TrustStore, criteria: Criteria
) -> Path:
    """The first path found from the leaf to the store whose certificates are all good for what they do in it.

    Raises Objection: what is wrong with the leaf or with the first path that reaches the store, or why none does.
    """
    check_key(leaf.certificate, criteria.min_rsa_bits)
    path = _Search(untrusted, store, criteria).authorised_path(leaf)
    rules.check_leaf(leaf, criteria)
    return path


class _Search:
    """A walk, depth first, over all who may have signed."""

    def __init__(self, untrusted: Sequence[ParsedCertificate], store: TrustStore, criteria: Criteria) -> None:
        self._untrusted = untrusted
        self._store = store
        self._criteria = criteria
        self._budget = Budget()
        self._refused_signatures: list[Objection] = []
        self._longest: Path = ()

    def authorised_path(self, leaf: ParsedCertificate) -> Path:
        """The first path to the store whose authorities may sign what they signed. Raises Objection."""
        first_objection: Objection | None = None
        for path in self._paths((leaf,)):
            try:
                rules.check_authorities(path, self._criteria, self._budget)
            except OutOfBudget:
                raise
            except Objection as objection:
                first_objection = first_objection or objection
            else:
                return path
        raise first_objection or self._why_none()

    def _paths(self, path: Path) -> Iterator[Path]:
        """Every way on from `path` to the store along good signatures."""
        if len(path) > len(self._longest):
            self._longest = path
        if path[-1] in self._store:
            yield path
        for issuer in self._candidates(path[-1]):
            if issuer not in path and self._has_signed(issuer, path[-1]):
                yield from self._paths((*path, issuer))

    def _candidates(self, certificate: ParsedCertificate) -> list[ParsedCertificate]:
        """Those of the right name, the likeliest first: by key identifier, then those of the store."""
        untrusted = [issuer for issuer in self._untrusted if issuer.subject == certificate.issuer]
        known = self._store.authorities(certificate.issuer)
        wanted = certificate.extension(x509.AuthorityKeyIdentifier)
        return sorted(
            dict.fromkeys((*known, *untrusted)),
            key=lambda issuer: _unlikelihood(wanted, issuer.extension(x509.SubjectKeyIdentifier)),
        )

    def _has_signed(self, issuer: ParsedCertificate, certificate: ParsedCertificate) -> bool:
        try:
            check_key(issuer.certificate, self._criteria.min_rsa_bits)
            rules.check_signature_algorithm(certificate.certificate)
        except Objection as objection:
            self._refused_signatures.append(objection)
            return False
        self._budget.spend_signature_check()
        try:
            certificate.certificate.verify_directly_issued_by(issuer.certificate)
        except (InvalidSignature, *UNREADABLE):
            return False
        return True

    def _why_none(self) -> Objection:
        if self._refused_signatures:
            return self._refused_signatures[0]
        return dead_ends.explain(self._longest, self._untrusted, self._store)


def _unlikelihood(wanted: x509.AuthorityKeyIdentifier | None, found: x509.SubjectKeyIdentifier | None) -> int:
    if wanted is None or wanted.key_identifier is None or found is None:
        return 1
    return 0 if wanted.key_identifier == found.digest else 2
