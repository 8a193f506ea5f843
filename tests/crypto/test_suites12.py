"""The table against IANA's registry and the RFCs behind it, none of it read from a suite's name."""

from __future__ import annotations

import pytest

from turtls.crypto.hashes import SHA1, SHA256, SHA384, Hash
from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12, Authentication, KeyExchange
from turtls.wire.registries import CipherSuite, ProtocolVersion

X, A = KeyExchange, Authentication
TLS_1_0, TLS_1_2 = ProtocolVersion.TLS_1_0, ProtocolVersion.TLS_1_2

CIPHERS: dict[str, tuple[int, str | None, Hash | None, Hash, ProtocolVersion]] = {
    "AES_128_CBC_SHA": (16, None, SHA1, SHA256, TLS_1_0),
    "AES_256_CBC_SHA": (32, None, SHA1, SHA256, TLS_1_0),
    "AES_128_CBC_SHA256": (16, None, SHA256, SHA256, TLS_1_2),
    "AES_256_CBC_SHA256": (32, None, SHA256, SHA256, TLS_1_2),
    "AES_256_CBC_SHA384": (32, None, SHA384, SHA384, TLS_1_2),
    "AES_128_GCM_SHA256": (16, "AES-128-GCM", None, SHA256, TLS_1_2),
    "AES_256_GCM_SHA384": (32, "AES-256-GCM", None, SHA384, TLS_1_2),
    "AES_128_CCM": (16, "AES-128-CCM", None, SHA256, TLS_1_2),
    "AES_256_CCM": (32, "AES-256-CCM", None, SHA256, TLS_1_2),
    "AES_128_CCM_8": (16, "AES-128-CCM-8", None, SHA256, TLS_1_2),
    "AES_256_CCM_8": (32, "AES-256-CCM-8", None, SHA256, TLS_1_2),
    "AES_128_CCM_SHA256": (16, "AES-128-CCM", None, SHA256, TLS_1_2),
    "AES_128_CCM_8_SHA256": (16, "AES-128-CCM-8", None, SHA256, TLS_1_2),
    "CHACHA20_POLY1305_SHA256": (32, "ChaCha20-Poly1305", None, SHA256, TLS_1_2),
}
"""Bytes of the key, the AEAD or the MAC, the hash of TLS 1.2's PRF, and the oldest version."""

EXCHANGES: dict[str, tuple[KeyExchange, Authentication]] = {
    "RSA": (X.RSA, A.RSA),
    "DHE_RSA": (X.DHE, A.RSA),
    "ECDHE_RSA": (X.ECDHE, A.RSA),
    "ECDHE_ECDSA": (X.ECDHE, A.ECDSA),
    "PSK": (X.PSK, A.PSK),
    "DHE_PSK": (X.DHE_PSK, A.PSK),
    "PSK_DHE": (X.DHE_PSK, A.PSK),
    "ECDHE_PSK": (X.ECDHE_PSK, A.PSK),
    "RSA_PSK": (X.RSA_PSK, A.RSA),
    "SRP_SHA": (X.SRP, A.PSK),
    "SRP_SHA_RSA": (X.SRP_RSA, A.RSA),
}

REGISTRY: dict[str, dict[str, int]] = {
    "RSA": {  # RFC 5246, 5288 and 6655
        "AES_128_CBC_SHA": 0x002F,
        "AES_256_CBC_SHA": 0x0035,
        "AES_128_CBC_SHA256": 0x003C,
        "AES_256_CBC_SHA256": 0x003D,
        "AES_128_GCM_SHA256": 0x009C,
        "AES_256_GCM_SHA384": 0x009D,
        "AES_128_CCM": 0xC09C,
        "AES_256_CCM": 0xC09D,
        "AES_128_CCM_8": 0xC0A0,
        "AES_256_CCM_8": 0xC0A1,
    },
    "DHE_RSA": {  # RFC 5246, 5288, 6655 and 7905
        "AES_128_CBC_SHA": 0x0033,
        "AES_256_CBC_SHA": 0x0039,
        "AES_128_CBC_SHA256": 0x0067,
        "AES_256_CBC_SHA256": 0x006B,
        "AES_128_GCM_SHA256": 0x009E,
        "AES_256_GCM_SHA384": 0x009F,
        "AES_128_CCM": 0xC09E,
        "AES_256_CCM": 0xC09F,
        "AES_128_CCM_8": 0xC0A2,
        "AES_256_CCM_8": 0xC0A3,
        "CHACHA20_POLY1305_SHA256": 0xCCAA,
    },
    "ECDHE_RSA": {  # RFC 8422, 5289 and 7905
        "AES_128_CBC_SHA": 0xC013,
        "AES_256_CBC_SHA": 0xC014,
        "AES_128_CBC_SHA256": 0xC027,
        "AES_256_CBC_SHA384": 0xC028,
        "AES_128_GCM_SHA256": 0xC02F,
        "AES_256_GCM_SHA384": 0xC030,
        "CHACHA20_POLY1305_SHA256": 0xCCA8,
    },
    "ECDHE_ECDSA": {  # RFC 8422, 5289, 7251 and 7905
        "AES_128_CBC_SHA": 0xC009,
        "AES_256_CBC_SHA": 0xC00A,
        "AES_128_CBC_SHA256": 0xC023,
        "AES_256_CBC_SHA384": 0xC024,
        "AES_128_GCM_SHA256": 0xC02B,
        "AES_256_GCM_SHA384": 0xC02C,
        "AES_128_CCM": 0xC0AC,
        "AES_256_CCM": 0xC0AD,
        "AES_128_CCM_8": 0xC0AE,
        "AES_256_CCM_8": 0xC0AF,
        "CHACHA20_POLY1305_SHA256": 0xCCA9,
    },
    "PSK": {  # RFC 4279, 5487, 6655 and 7905
        "AES_128_CBC_SHA": 0x008C,
        "AES_256_CBC_SHA": 0x008D,
        "AES_128_CBC_SHA256": 0x00AE,
        "AES_256_CBC_SHA384": 0x00AF,
        "AES_128_GCM_SHA256": 0x00A8,
        "AES_256_GCM_SHA384": 0x00A9,
        "AES_128_CCM": 0xC0A4,
        "AES_256_CCM": 0xC0A5,
        "AES_128_CCM_8": 0xC0A8,
        "AES_256_CCM_8": 0xC0A9,
        "CHACHA20_POLY1305_SHA256": 0xCCAB,
    },
    "DHE_PSK": {  # RFC 4279, 5487, 6655 and 7905
        "AES_128_CBC_SHA": 0x0090,
        "AES_256_CBC_SHA": 0x0091,
        "AES_128_CBC_SHA256": 0x00B2,
        "AES_256_CBC_SHA384": 0x00B3,
        "AES_128_GCM_SHA256": 0x00AA,
        "AES_256_GCM_SHA384": 0x00AB,
        "AES_128_CCM": 0xC0A6,
        "AES_256_CCM": 0xC0A7,
        "CHACHA20_POLY1305_SHA256": 0xCCAD,
    },
    "PSK_DHE": {"AES_128_CCM_8": 0xC0AA, "AES_256_CCM_8": 0xC0AB},  # RFC 6655, section 6
    "ECDHE_PSK": {  # RFC 5489, 8442 and 7905
        "AES_128_CBC_SHA": 0xC035,
        "AES_256_CBC_SHA": 0xC036,
        "AES_128_CBC_SHA256": 0xC037,
        "AES_256_CBC_SHA384": 0xC038,
        "AES_128_GCM_SHA256": 0xD001,
        "AES_256_GCM_SHA384": 0xD002,
        "AES_128_CCM_8_SHA256": 0xD003,
        "AES_128_CCM_SHA256": 0xD005,
        "CHACHA20_POLY1305_SHA256": 0xCCAC,
    },
    "RSA_PSK": {  # RFC 4279, 5487 and 7905
        "AES_128_CBC_SHA": 0x0094,
        "AES_256_CBC_SHA": 0x0095,
        "AES_128_CBC_SHA256": 0x00B6,
        "AES_256_CBC_SHA384": 0x00B7,
        "AES_128_GCM_SHA256": 0x00AC,
        "AES_256_GCM_SHA384": 0x00AD,
        "CHACHA20_POLY1305_SHA256": 0xCCAE,
    },
    "SRP_SHA": {"AES_128_CBC_SHA": 0xC01D, "AES_256_CBC_SHA": 0xC020},  # RFC 5054
    "SRP_SHA_RSA": {"AES_128_CBC_SHA": 0xC01E, "AES_256_CBC_SHA": 0xC021},
}
"""By key exchange and cipher: every suite with AES or ChaCha20 whose server is authenticated, DSS apart."""

ROWS = [(exchange, cipher, number) for exchange, ciphers in REGISTRY.items() for cipher, number in ciphers.items()]


@pytest.mark.parametrize(("exchange", "cipher", "number"), ROWS, ids=lambda part: str(part))
def test_a_suite_means_what_the_registry_says(exchange: str, cipher: str, number: int) -> None:
    suite = CipherSuite(number)
    assert suite.name == f"TLS_{exchange}_WITH_{cipher}"
    meaning = SUITES12[suite]
    assert meaning.suite == suite
    assert (meaning.key_exchange, meaning.authentication) == EXCHANGES[exchange]
    aead = meaning.aead.name if meaning.aead is not None else None
    assert (meaning.key_length, aead, meaning.mac, meaning.hash, meaning.min_version) == CIPHERS[cipher]
    assert meaning.is_cbc == ("CBC" in cipher)


def test_there_are_no_others() -> None:
    """Nor any of what is never negotiated: 3DES, RC4, export, anonymous and NULL suites have no code point here."""
    assert {int(suite) for suite in SUITES12} == {number for _, _, number in ROWS}
    signals = {CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV, CipherSuite.TLS_FALLBACK_SCSV}
    assert set(CipherSuite.members()) == SUITES12.keys() | SUITES13.keys() | signals


def having(test: str) -> set[KeyExchange]:
    """The key exchanges of which that property is true."""
    return {exchange for exchange in KeyExchange if getattr(exchange, test)}


def test_what_the_key_exchanges_are() -> None:
    """RFC 5246, section 7.4.3; RFC 4279, sections 2 to 4; RFC 5054, section 2.5.3."""
    ephemeral = {X.ECDHE, X.DHE, X.ECDHE_PSK, X.DHE_PSK, X.SRP, X.SRP_RSA}
    assert having("needs_params") == having("is_forward_secret") == ephemeral
    assert having("is_signed") == {X.ECDHE, X.DHE, X.SRP_RSA}


def test_who_shows_a_certificate() -> None:
    assert [authentication for authentication in Authentication if not authentication.by_certificate] == [A.PSK]
