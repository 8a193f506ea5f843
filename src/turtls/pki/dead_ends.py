"""Why no path leads from a leaf to the store, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from turtls.errors import Fault
from turtls.pki.certificate import ParsedCertificate, name_text, printable, who
from turtls.pki.errors import Objection
from turtls.pki.store import TrustStore


def explain(path: Sequence[ParsedCertificate], untrusted: Sequence[ParsedCertificate], store: TrustStore) -> Objection:
    """The objection to a chain in which nobody is found who signed the last certificate of `path` (leaf first)."""
    last = path[-1]
    if store.authorities(last.issuer):
        return _signed_with_another_key(last, "the store")
    if last.self_issued:
        return _self_signed_leaf(last) if len(path) == 1 else _unknown_root(last)
    if any(certificate.subject == last.issuer for certificate in untrusted):
        return _signed_with_another_key(last, "the chain")
    return _unknown_issuer(last)


def _signed_with_another_key(last: ParsedCertificate, where: str) -> Objection:
    return Objection(
        Fault.UNTRUSTED,
        f"The certificate of {who(last.certificate)} says that {name_text(last.issuer)} issued it, but the authority "
        f"of that name in {where} has another key.",
        culprit=last.certificate,
        advice="Most often an authority was set up anew under its old name: let it issue the certificate again, or put "
        "the root that it has now into the store.",
    )


def _self_signed_leaf(leaf: ParsedCertificate) -> Objection:
    return Objection(
        Fault.UNTRUSTED,
        f"The certificate of {who(leaf.certificate)} is self-signed: nobody else vouches for it.",
        culprit=leaf.certificate,
        advice="If you know that it is the right one, trust this very certificate: "
        "PrivateVerifier(TrustStore.from_file(...)). Else the peer needs one from an authority.",
    )


def _unknown_root(root: ParsedCertificate) -> Objection:
    return Objection(
        Fault.UNTRUSTED,
        f"The chain leads to the root {who(root.certificate)}, which is not in the store.",
        culprit=root.certificate,
        advice="If you know this root from elsewhere, as that of your company say, put it into the store. That the "
        "peer sent it means nothing.",
    )


def _unknown_issuer(last: ParsedCertificate) -> Objection:
    issuer = name_text(last.issuer)
    where = _where_the_issuer_is(last)
    return Objection(
        Fault.UNTRUSTED,
        f"The certificate of {who(last.certificate)} was issued by {issuer}, whose certificate the peer did not send "
        "and the store does not have.",
        culprit=last.certificate,
        advice=f"If {issuer} is an intermediate authority, the peer has to send its certificate too{where}. If it is a "
        "root that you know, put it into the store.",
    )


def _where_the_issuer_is(certificate: ParsedCertificate) -> str:
    """RFC 5280, section 4.2.2.1. It is told to a person; nothing is ever fetched from there."""
    access = certificate.extension(x509.AuthorityInformationAccess)
    for description in access or ():
        location = description.access_location
        if description.access_method == AuthorityInformationAccessOID.CA_ISSUERS and isinstance(
            location, x509.UniformResourceIdentifier
        ):
            return f" (it may be had from {printable(location.value)})"
    return ""
