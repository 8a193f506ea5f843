from __future__ import annotations

import pytest

from turtls.cli.options import host_and_port
from turtls.errors import ConfigError


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("example.org", ("example.org", 443)),
        ("example.org:8443", ("example.org", 8443)),
        ("192.0.2.1:1", ("192.0.2.1", 1)),
        ("[::1]", ("::1", 443)),
        ("[::1]:65535", ("::1", 65535)),
        ("2001:db8::1", ("2001:db8::1", 443)),
    ],
)
def test_targets(target: str, expected: tuple[str, int]) -> None:
    assert host_and_port(target, 443) == expected


@pytest.mark.parametrize("target", ["", ":443", "[]", "[::1", "[::1]x", "h:0", "h:65536", "h:-1", "h:\u0661", "h:1x"])
def test_what_is_no_target(target: str) -> None:
    with pytest.raises(ConfigError):
        host_and_port(target, 443)
