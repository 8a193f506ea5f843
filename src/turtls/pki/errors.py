"""Why a chain was not accepted, told so that a person can act on it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography import x509

from turtls.errors import Fault, ProtocolError
from turtls.pki.certificate import describe, load_untrusted, who

_CERTIFICATES_SHOWN = 6

_ADVICE: Final = {
    Fault.UNSUPPORTED_KEY: "The peer needs a certificate with an ECDSA key (P-256, P-384, P-521), or one of RSA, "
    "Ed25519, Ed448 or ML-DSA.",
    Fault.WEAK_KEY: "The peer needs a certificate with a stronger key, such as ECDSA with P-256.",
    Fault.UNREADABLE_CERTIFICATE: "Look at the files that the peer is configured to send: not all are certificates.",
}
_ASK_ITS_OWNER: Final = "Whoever runs the peer has to replace the certificate: tell them what is said here."


class Objection(Exception):
    """What one rule holds against a chain. A verifier makes a CertificateError of it."""

    def __init__(
        self, fault: Fault, reason: str, *, culprit: x509.Certificate | None = None, advice: str | None = None
    ) -> None:
        super().__init__(fault, reason)
        self.fault = fault
        self.reason = reason
        self.culprit = culprit
        self.advice = advice or _ADVICE.get(fault, _ASK_ITS_OWNER)


def objection_to(culprit: x509.Certificate, fault: Fault, finding: str, advice: str | None = None) -> Objection:
    """An objection to one certificate: `finding` is what is to be said of it."""
    return Objection(fault, f"The certificate of {who(culprit)} {finding}", culprit=culprit, advice=advice)


class CertificateError(ProtocolError):
    """The peer's chain was not accepted. `fault` says what is wrong with it, and so which alert the peer gets.

    - `reason`: what is wrong with which certificate; `advice`: what to do about it. A sentence each.
    - `untrusted_chain`: the certificates as received (DER, leaf first); `chain`: the same, parsed, with None in the
      place of those that cannot be.
    - `culprit`: the certificate at fault, which may come from the store; None if the fault is that one is missing.
    - `store`: the name of the store that was asked; `time`: the moment (UTC) the chain was to be valid at.
    """

    def __init__(self, objection: Objection, *, untrusted_chain: tuple[bytes, ...], store: str, time: datetime) -> None:
        super().__init__(objection.fault, objection.reason)
        self.reason = objection.reason
        self.advice = objection.advice
        self.culprit = objection.culprit
        self.untrusted_chain = untrusted_chain
        self.chain = tuple(load_untrusted(der) for der in untrusted_chain)
        self.store = store
        self.time = time

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.fault.sentence} {self.reason}",
                *self._chain_lines(),
                f"Checked against {self.store}, for {self.time:%Y-%m-%d %H:%M} UTC.",
                self.advice,
            ]
        )

    def _chain_lines(self) -> Iterable[str]:
        for position, certificate in enumerate(self.chain[:_CERTIFICATES_SHOWN], start=1):
            if certificate is None:
                yield f"  {position}. (cannot be parsed)"
            else:
                yield f"  {position}. {describe(certificate)}{' <- at fault' if certificate == self.culprit else ''}"
        if len(self.chain) > _CERTIFICATES_SHOWN:
            yield f"  and {len(self.chain) - _CERTIFICATES_SHOWN} more"
