"""Names of services, as they go over the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turtls.config.names import ascii_name, host_name, is_ip_address
from turtls.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "ascii"),
    [
        ("example.org", "example.org"),
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("localhost", "localhost"),
        ("_service.example", "_service.example"),
        ("under_score.example", "under_score.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("食狮.中国", "xn--85x722f.xn--fiqs8s"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("1.example", "1.example"),
    ],
)
def test_a_name_in_its_ascii_form(name: str, ascii: str) -> None:
    assert ascii_name(name) == ascii
    assert host_name(name) == ascii.encode()


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".example",
        "a..example",
        "-a.example",
        "a-.example",
        "a b.example",
        "a\0.example",
        "a\n",
        "*.example",
        "a/b",
        "user@example.org",
        "a" * 64 + ".example",
        ".".join(["a" * 63] * 4) + ".example",
        "ü" * 64 + ".example",
        "\u2488.example",
        "\u200d.example",
        "\ud800.example",
        "\uff11.2.3.4",
        "192.0.2.1.",
    ],
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ConfigError):
        ascii_name(name)


def test_what_is_wrong_with_an_internationalised_name_is_told() -> None:
    with pytest.raises(ConfigError, match="internationalised"):
        ascii_name("\u200d.example")


@pytest.mark.parametrize("name", ["192.0.2.1", "::1", "2001:db8::1", "fe80::1%eth0"])
def test_an_address_is_not_told(name: str) -> None:
    """RFC 6066, section 3."""
    assert is_ip_address(name)
    assert host_name(name) is None


@pytest.mark.parametrize("name", ["example1", "1.2.3", "192.0.2.256", "a:b", "", "1.2.3.4.5", "[::1]"])
def test_what_is_no_address(name: str) -> None:
    assert not is_ip_address(name)


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_a_mistake(text: str) -> None:
    try:
        name = ascii_name(text)
    except ConfigError:
        return
    assert name.isascii()
    assert 1 <= len(name) <= 253
    assert ascii_name(name) == name
