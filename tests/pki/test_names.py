"""Who the caller wants to reach, and which certificates are for them."""

from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509

from tests.pki.chains import general_names
from turtls.errors import ConfigError
from turtls.pki.names import is_presented, matches, server_identity


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org", "example.org"),
        ("example.org.", "example.org"),
        ("localhost", "localhost"),
        ("my_host.example.org", "my_host.example.org"),
        ("_sip.example.org", "_sip.example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1.2.3.4.in-addr.arpa", "1.2.3.4.in-addr.arpa"),
    ],
)
def test_dns_names(name: str, expected: str) -> None:
    assert server_identity(name) == x509.DNSName(expected)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::1", "::ffff:192.0.2.1"])
def test_addresses(address: str) -> None:
    assert server_identity(address) == x509.IPAddress(ipaddress.ip_address(address))


def test_addresses_are_compared_by_value() -> None:
    assert server_identity("2001:DB8:0:0::1") == server_identity("2001:db8::1")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "example..org",
        "example.org..",
        ".example.org",
        "*.example.org",
        "-a.example",
        "a-.example",
        "a b.example",
        "a.example:443",
        "https://a.example",
        "[::1]",
        "a\n.example",
        "a\x00.example",
        f"{'a' * 64}.example",
        ".".join(["a" * 50] * 6),
        "\ud800.example",
        "ab\u0301--\u00fc.example\u200b..",
        "fe80::1%eth0",
        "127.1",
        "1.2.3.4.5",
        "host.0",
    ],
)
def test_names_of_no_host(name: str) -> None:
    with pytest.raises(ConfigError):
        server_identity(name)


def test_a_zone_is_told_as_such() -> None:
    with pytest.raises(ConfigError, match="zone"):
        server_identity("fe80::1%eth0")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("a.example", "a.example"),
        ("a.example", "A.Example"),
        ("www.example.org", "*.example.org"),
        ("www.example.org", "*.EXAMPLE.org"),
        ("xn--bcher-kva.example", "*.example"),
        ("my_host.example.org", "*.example.org"),
        ("my_host.example.org", "my_host.example.org"),
    ],
)
def test_covered_names(name: str, pattern: str) -> None:
    assert matches(name, pattern)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("example.org", "*.example.org"),
        ("a.b.example.org", "*.example.org"),
        ("www.example.org", "w*.example.org"),
        ("www.example.org", "*w.example.org"),
        ("www.example.org", "www.*.org"),
        ("www.example.org", "*.*.org"),
        ("www.example.org", "*"),
        ("localhost", "*"),
        ("localhost", "*."),
        ("www.example.org", "*.example.org."),
        ("www.example.org", "www.example.org."),
        ("www.example.org", "example.org"),
        ("www.example.org", ""),
        ("xn--bcher-kva.example", "xn--*.example"),
    ],
)
def test_uncovered_names(name: str, pattern: str) -> None:
    assert not matches(name, pattern)


def test_an_address_is_no_name() -> None:
    address = server_identity("192.0.2.1")
    assert is_presented(address, general_names(["a.example", "192.0.2.1"]))
    assert not is_presented(address, general_names(["192.0.2.2"]))
    assert not is_presented(address, [x509.DNSName("192.0.2.1")])


def test_other_kinds_of_names_count_for_nothing() -> None:
    others = [x509.UniformResourceIdentifier("https://a.example"), x509.RFC822Name("root@a.example")]
    assert not is_presented(server_identity("a.example"), others)
