"""The certificates, as others judge them: pkilint, OpenSSL, NSS, and the strict verifier of `cryptography`."""

from __future__ import annotations

import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from pkilint import finding_filter, loader
from pkilint.cabf import serverauth
from pkilint.cabf.serverauth import serverauth_constants
from pkilint.pkix import certificate as pkix
from pkilint.pkix import extension, name
from pkilint.validation import ValidationFindingSeverity

from tests.ca.programs import certutil, openssl
from turtls.ca import Authority, Issued, KeyType
from turtls.ca.certificates import longest_server_days
from turtls.config import Credential, Role, VerificationRequest
from turtls.pki import PrivateVerifier, TrustStore, WebVerifier

NAMES = ["example.com", "*.example.com", "münchen.example.com"]

NO_REVOCATION_SERVICE = "the authority runs no OCSP or CRL service yet"
NO_PUBLIC_POLICY = "the Forum's policy identifiers are for the audited public authorities alone"
INTERNAL_NAMES = "machines in a private network are what a private authority is for"
NO_COUNTRY = "this authority is nobody's in any country"
RSA_KEY_TRANSPORT = "old devices that know nothing newer need both usages"

EXEMPT = {
    "cabf.serverauth.subscriber.revocation_information_absent": NO_REVOCATION_SERVICE,
    "msft.end_entity.revocation_information_absent": NO_REVOCATION_SERVICE,
    "cabf.serverauth.subscriber.authority_info_access_extension_absent": NO_REVOCATION_SERVICE,
    "cabf.serverauth.ca.crl_distribution_points_extension_absent": NO_REVOCATION_SERVICE,
    "cabf.serverauth.ca.authority_info_access_extension_absent": NO_REVOCATION_SERVICE,
    "cabf.serverauth.subscriber.certificate_policies_extension_absent": NO_PUBLIC_POLICY,
    "cabf.serverauth.ca.certificate_policies_extension_absent": NO_PUBLIC_POLICY,
    "cabf.internal_domain_name": INTERNAL_NAMES,
    "cabf.internal_ip_address": INTERNAL_NAMES,
    "cabf.serverauth.ca.country_attribute_absent": NO_COUNTRY,
    "cabf.serverauth.subscriber_rsa_digitalsignature_and_keyencipherment_present": RSA_KEY_TRANSPORT,
    "cabf.ca_certificate_no_digital_signature_bit": "a note for those who sign OCSP responses with the CA's own key",
}
"""What pkilint finds that does not apply to a private authority, each with the reason."""


def lint(certificate_type: str, pem: bytes) -> set[str]:
    """The codes of what pkilint finds, from notices up; "PKIX" asks for RFC 5280's rules alone."""
    document = loader.load_pem_certificate(pem.decode(), "certificate")
    filters = []
    if certificate_type == "PKIX":
        decoders = pkix.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS)
        validators = [
            pkix.create_issuer_validator_container([]),
            pkix.create_validity_validator_container(),
            pkix.create_subject_validator_container([]),
            pkix.create_extensions_validator_container([]),
            pkix.create_spki_validator_container([]),
        ]
    else:
        profile = serverauth_constants.CertificateType[certificate_type]
        decoders, validators = serverauth.create_decoding_validators(), serverauth.create_validators(profile)
        filters = serverauth.create_serverauth_finding_filters(profile)
    container = pkix.create_pkix_certificate_validator_container(decoders, validators)
    results, _ = finding_filter.filter_results(filters, container.validate(document.root))
    return {
        description.finding.code
        for result in results
        for description in result.finding_descriptions
        if description.finding.severity <= ValidationFindingSeverity.NOTICE
    }


def write(folder: Path, issued: Issued) -> tuple[Path, Path]:
    """The certificate alone and the whole chain, in files."""
    certificate, chain = folder / "certificate.pem", folder / "chain.pem"
    certificate.write_bytes(issued.certificate_pem)
    chain.write_bytes(issued.chain_pem)
    return certificate, chain


@pytest.mark.parametrize("key_type", [KeyType.ECDSA, KeyType.RSA])
@pytest.mark.parametrize("names", [NAMES, ["localhost", "127.0.0.1", "::1"], ["a" * 63 + ".example.com"]])
def test_pkilint_finds_nothing_in_a_servers_certificate(
    authority: Authority, key_type: KeyType, names: list[str]
) -> None:
    issued = authority.issue(names, key_type=key_type)
    assert lint("DV_FINAL_CERTIFICATE", issued.certificate_pem) - EXEMPT.keys() == set()


@pytest.mark.parametrize("days", [1, 46, 90, 199])
def test_pkilint_accepts_each_lifetime(authority: Authority, days: int) -> None:
    issued = authority.issue(NAMES, days=days)
    assert lint("DV_FINAL_CERTIFICATE", issued.certificate_pem) - EXEMPT.keys() == set()
    assert issued.record.not_after - issued.record.not_before == timedelta(days=days, seconds=-1)


def test_pkilint_finds_nothing_in_a_clients_certificate(authority: Authority) -> None:
    assert lint("PKIX", authority.issue_client("alice@example.com").certificate_pem) == set()


@pytest.mark.parametrize("key_type", [KeyType.ECDSA, KeyType.RSA])
def test_pkilint_finds_nothing_in_the_authoritys_certificates(tmp_path: Path, key_type: KeyType) -> None:
    folder = Authority.init(tmp_path / "ca", key_type=key_type).folder
    root, issuing = (folder / "root.pem").read_bytes(), (folder / "issuing.pem").read_bytes()
    assert lint("ROOT_CA", root) - EXEMPT.keys() == set()
    assert lint("INTERNAL_UNCONSTRAINED_TLS_CA", issuing) - EXEMPT.keys() == set()
    assert lint("PKIX", root) | lint("PKIX", issuing) == set()


def test_pkilint_would_find_what_is_wrong(authority: Authority) -> None:
    """The linter is asked in the right way: a client's certificate is not a server's."""
    assert lint("DV_FINAL_CERTIFICATE", authority.issue_client("alice").certificate_pem) - EXEMPT.keys() != set()


@pytest.mark.parametrize(
    ("issued_on", "days"),
    [
        (date(2026, 3, 14), 397),
        (date(2026, 3, 15), 199),
        (date(2027, 3, 14), 199),
        (date(2027, 3, 15), 99),
        (date(2029, 3, 14), 99),
        (date(2029, 3, 15), 46),
    ],
)
def test_the_longest_life_shrinks_on_the_days_the_forum_has_set(issued_on: date, days: int) -> None:
    assert longest_server_days(issued_on) == days


@pytest.mark.parametrize("key_type", [KeyType.ECDSA, KeyType.RSA, KeyType.ED25519])
def test_openssl_accepts_a_server_strictly(tmp_path: Path, key_type: KeyType) -> None:
    authority = Authority.init(tmp_path / "ca", key_type=key_type)
    certificate, chain = write(tmp_path, authority.issue([*NAMES, "127.0.0.1", "::1"], key_type=key_type))
    root = authority.folder / "root.pem"
    verify = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", root, "-untrusted", chain]
    for host in ("example.com", "www.example.com", "xn--mnchen-3ya.example.com"):
        assert openssl(*verify, "-verify_hostname", host, certificate).returncode == 0
    for address in ("127.0.0.1", "::1"):
        assert openssl(*verify, "-verify_ip", address, certificate).returncode == 0
    other_name = openssl(*verify, "-verify_hostname", "example.net", certificate)
    assert "hostname mismatch" in other_name.stderr
    assert "unsuitable certificate purpose" in openssl(*verify, "-purpose", "sslclient", certificate).stderr


def test_openssl_accepts_a_client_strictly(authority: Authority, tmp_path: Path) -> None:
    certificate, chain = write(tmp_path, authority.issue_client("Alice Liddell"))
    root = authority.folder / "root.pem"
    verify = ["verify", "-x509_strict", "-CAfile", root, "-untrusted", chain, "-purpose"]
    assert openssl(*verify, "sslclient", certificate).returncode == 0
    assert openssl(*verify, "sslserver", certificate).returncode != 0


def test_nss_accepts_the_chain_as_a_server_with_no_other_purpose(authority: Authority, tmp_path: Path) -> None:
    database = f"sql:{tmp_path}"
    _, chain = write(tmp_path, authority.issue(NAMES))
    leaf, issuing = chain.read_text().split("-----BEGIN")[1:]
    assert certutil("-N", "-d", database, "--empty-password").returncode == 0
    for nickname, trust, pem in [
        ("root", "C,,", authority.root_pem.decode()),
        ("issuing", ",,", "-----BEGIN" + issuing),
        ("leaf", ",,", "-----BEGIN" + leaf),
    ]:
        path = tmp_path / f"{nickname}.pem"
        path.write_text(pem)
        assert certutil("-A", "-d", database, "-n", nickname, "-t", trust, "-i", path).returncode == 0
    assert certutil("-V", "-d", database, "-n", "leaf", "-u", "V").stdout.strip() == "certutil: certificate is valid"
    assert certutil("-V", "-d", database, "-n", "leaf", "-u", "C").returncode != 0
    assert certutil("-V", "-d", database, "-n", "leaf", "-u", "S").returncode != 0


@pytest.mark.parametrize("key_type", [KeyType.ECDSA, KeyType.RSA])
def test_the_strict_web_verifier_accepts_a_server(authority: Authority, key_type: KeyType) -> None:
    leaf, issuing = x509.load_pem_x509_certificates(authority.issue(NAMES, key_type=key_type).chain_pem)
    verifier = PolicyBuilder().store(Store([authority.root])).build_server_verifier(x509.DNSName("www.example.com"))
    assert verifier.verify(leaf, [issuing]) == [leaf, issuing, authority.root]


def test_the_strict_web_verifier_accepts_a_client_that_has_a_name(authority: Authority) -> None:
    leaf, issuing = x509.load_pem_x509_certificates(authority.issue_client("alice@example.com").chain_pem)
    verifier = PolicyBuilder().store(Store([authority.root])).build_client_verifier()
    assert verifier.verify(leaf, [issuing]).subjects == [x509.RFC822Name("alice@example.com")]


@pytest.mark.parametrize("key_type", KeyType)
def test_our_own_verifiers_accept_servers_and_clients(authority: Authority, key_type: KeyType) -> None:
    store = TrustStore.from_pem(authority.root_pem)
    server = authority.credential_for([*NAMES, "::1"], key_type=key_type).chain
    issued = authority.issue_client("Alice Liddell", key_type=key_type)
    client = Credential.load(issued.chain_pem, issued.key_pem).chain
    # The public web knows neither Ed25519 nor ML-DSA.
    web = [WebVerifier(store)] if key_type in (KeyType.ECDSA, KeyType.RSA) else []
    for verifier in (PrivateVerifier(store), *web):
        for server_name in ("www.example.com", "::1"):
            verifier.verify(
                VerificationRequest(role=Role.SERVER, untrusted_chain=server, server_name=server_name, now=time.time())
            )
    request = VerificationRequest(role=Role.CLIENT, untrusted_chain=client, server_name=None, now=time.time())
    PrivateVerifier(store).verify(request)


@pytest.mark.parametrize("key_type", KeyType)
def test_only_rsa_may_encrypt(authority: Authority, key_type: KeyType) -> None:
    certificate = x509.load_pem_x509_certificate(authority.issue(NAMES, key_type=key_type).chain_pem)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.key_encipherment == (key_type is KeyType.RSA)


def test_a_long_clients_name_stands_in_the_subject_and_an_empty_subject_makes_the_names_critical(
    authority: Authority,
) -> None:
    client = x509.load_pem_x509_certificate(authority.issue_client("a" * 64).chain_pem)
    assert client.subject.rfc4514_string() == "CN=" + "a" * 64
    server = x509.load_pem_x509_certificate(authority.issue(NAMES).chain_pem)
    assert server.subject == x509.Name([])
    assert server.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_two_authorities_of_one_name_do_not_share_a_subject(authority: Authority, tmp_path: Path) -> None:
    other = Authority.init(tmp_path / "other")
    assert authority.root.subject != other.root.subject
