from __future__ import annotations

import pytest

from turtls.crypto import srp
from turtls.crypto.srp import SECRET_LENGTH, SrpGroup, SrpVerifier
from turtls.errors import ConfigError, Fault, ProtocolError

SALT = bytes(range(16))
GROUP = srp.groups()[2048]
ALICE = SrpVerifier.from_password("alice", "password123", SALT)
CLIENT_RANDOM, SERVER_RANDOM = b"c" * SECRET_LENGTH, b"s" * SECRET_LENGTH


def login(verifier: SrpVerifier, password: str) -> tuple[bytes, bytes]:
    """The premaster secrets of client and server."""
    public = srp.server_public(verifier, SERVER_RANDOM)
    a, client = srp.client_exchange("alice", password, verifier.salt, verifier.group, public, CLIENT_RANDOM)
    return client, srp.server_exchange(verifier, a, public, SERVER_RANDOM)


def test_the_example_of_rfc_5054() -> None:
    """Appendix B, in its group of 1024 bits, which nothing else here uses."""
    n = int(
        "EEAF0AB9ADB38DD69C33F80AFA8FC5E86072618775FF3C0B9EA2314C9C256576D674DF7496EA81D3383B4813D692C6E0E0D5D8E250B98BE4"
        "8E495C1D6089DAD15DC7D7B46154D6B6CE8EF4AD69B15D4982559B297BCF1885C529F566660E57EC68EDBC3C05726CC02FD4CBF4976EAA9A"
        "FD5138FE8376435B9FC61D2FC0EB06E3",
        16,
    )
    group = SrpGroup(1024, n, 2)
    salt = bytes.fromhex("BEB25379D1A8581EB5A727673A2441EE")
    a = bytes.fromhex("60975527035CF2AD1989806F0407210BC81EDC04E2762A56AFD529DDDA2D4393")
    b = bytes.fromhex("E487CB59D31AC550471E81F00F6928E01DDA08E974A004F49E61F5D105284D20")
    x = int("94B7555AABE9127CC58CCF4993DB6CF84D16C124", 16)
    premaster = bytes.fromhex(
        "B0DC82BABCF30674AE450C0287745E7990A3381F63B387AAF271A10D233861E359B48220F7C4693C9AE12B0A6F67809F0876E2D013800D6C"
        "41BB59B6D5979B5C00A172B4A2A5903A0BDCAF8A709585EB2AFAFA8F3499B200210DCC1F10EB33943CD67FC88A2F39A4BE5BEC4EC0A3212D"
        "C346D7E474B29EDE8A469FFECA686E5A"
    )
    verifier = SrpVerifier(group, salt, pow(2, x, n))
    public = srp.server_public(verifier, b)
    client_public, client_secret = srp.client_exchange("alice", "password123", salt, group, public, a)
    assert client_secret == srp.server_exchange(verifier, client_public, public, b) == premaster


@pytest.mark.parametrize("bits", srp.groups())
def test_both_sides_agree_in_each_group(bits: int) -> None:
    client, server = login(SrpVerifier.from_password("alice", "password123", SALT, bits), "password123")
    assert client == server


def test_another_password_gives_another_secret() -> None:
    client, server = login(ALICE, "password124")
    assert client != server


def test_a_user_who_does_not_exist_looks_like_one_who_does() -> None:
    first, again = (SrpVerifier.simulated(b"bob", b"seed", 2048) for _ in range(2))
    another, elsewhere = (SrpVerifier.simulated(b"eve", seed, 2048) for seed in (b"seed", b"other"))
    assert first == again
    assert first.salt != another.salt != elsewhere.salt
    assert (len(first.salt), first.group) == (len(ALICE.salt), ALICE.group)


@pytest.mark.parametrize("multiple", [0, 1, 2])
def test_public_values_that_make_the_secret_known_are_refused(multiple: int) -> None:
    value = (multiple * GROUP.N).to_bytes(GROUP.length + 1, "big")
    with pytest.raises(ProtocolError) as client:
        srp.client_exchange("alice", "password123", SALT, GROUP, value, CLIENT_RANDOM)
    with pytest.raises(ProtocolError) as server:
        srp.server_exchange(ALICE, value, srp.server_public(ALICE, SERVER_RANDOM), SERVER_RANDOM)
    assert client.value.fault is server.value.fault is Fault.BAD_SRP_PUBLIC


def test_only_the_groups_of_rfc_5054_are_known() -> None:
    n, g = GROUP.pad(GROUP.N), b"\x02"
    assert srp.known_group(n, g) is GROUP
    for other_n, other_g in ((n, b"\x05"), (GROUP.pad(GROUP.N - 2), g), (n[:128], g), (b"", b"")):
        with pytest.raises(ProtocolError) as caught:
            srp.known_group(other_n, other_g)
        assert caught.value.fault is Fault.WEAK_DH


def test_a_verifier_needs_a_group_of_sane_size() -> None:
    with pytest.raises(ConfigError, match="no SRP group of 1024 bits"):
        SrpVerifier.from_password("alice", "password123", SALT, 1024)
