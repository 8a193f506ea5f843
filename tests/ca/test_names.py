from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from turtls.ca.names import as_text, client_names, server_names
from turtls.errors import ConfigError

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9]{0,8}-?[a-z0-9]{1,8})?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=2, max_size=5).map(".".join).map("{}.example".format)


@given(HOSTS)
def test_a_host_and_its_wildcard_are_dns_names(host: str) -> None:
    assert server_names([host, f"*.{host}"]) == [x509.DNSName(host), x509.DNSName(f"*.{host}")]


@given(st.ip_addresses())
def test_addresses_are_addresses_not_dns_names(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    unzoned = ipaddress.ip_address(str(address).partition("%")[0])
    assert server_names([str(address)]) == [x509.IPAddress(unzoned)]


@given(st.one_of(st.text(max_size=80), st.text(alphabet="ab*-_.1:%@xn ß。", max_size=40)))
def test_any_text_is_refused_or_stands_for_itself(text: str) -> None:
    """What was accepted once is accepted in its final form and gives the same again, so that it can be kept."""
    try:
        names = server_names([text])
    except ConfigError:
        return
    assert server_names(as_text(names)) == names
    assert x509.SubjectAlternativeName(names).public_bytes()


@given(st.text(max_size=80))
def test_any_text_is_a_client_or_is_refused(text: str) -> None:
    try:
        names = client_names(text)
    except ConfigError:
        assert not text.isprintable() or not 0 < len(text.encode()) <= 64 or "@" in text
        return
    assert len(names) <= 1


@pytest.mark.parametrize(
    ("name", "ascii_name"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("localhost", "localhost"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("*.faß.example", "*.xn--fa-hia.example"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
    ],
)
def test_dns_names_have_one_form(name: str, ascii_name: str) -> None:
    assert server_names([name]) == [x509.DNSName(ascii_name)]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "*",
        "*.org",
        "*.*.example.org",
        "www.*.example.org",
        "w*.example.org",
        "a..b",
        "-a.example",
        "a_b.example",
        "ab--c.example",
        "xn--a.example",
        "example.org/path",
        "https://example.org",
        "exa mple.org",
        "a\0b.example",
        "256.256.256.256",
        "1.2.3",
        "127.0.0.1:8443",
        "[::1]",
        "☕.example",
        "a" * 64 + ".example",
        ".".join(["a" * 50] * 6),
    ],
)
def test_what_no_client_would_match_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        server_names([name])


def test_no_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one name"):
        server_names([])


def test_a_name_given_twice_stands_once() -> None:
    assert server_names(["a.example", "A.example.", "::1", "0::1"]) == [
        x509.DNSName("a.example"),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("alice@example.org", [x509.RFC822Name("alice@example.org")]),
        ("alice@MÜNCHEN.example", [x509.RFC822Name("alice@xn--mnchen-3ya.example")]),
        ("phone-17.example.org", [x509.DNSName("phone-17.example.org")]),
        ("10.0.0.7", [x509.IPAddress(ipaddress.ip_address("10.0.0.7"))]),
        ("Alice Liddell", []),
    ],
)
def test_a_client_is_named_by_what_it_is_called(name: str, names: list[x509.GeneralName]) -> None:
    assert client_names(name) == names


@pytest.mark.parametrize("name", ["", "a" * 65, "ü" * 33, "line\nend", "alice@a_b", "\ud800"])
def test_a_client_needs_a_name_that_fits(name: str) -> None:
    with pytest.raises(ConfigError):
        client_names(name)
