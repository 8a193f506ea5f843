"""Cipher suites from words: OpenSSL's cipher strings, and the names IANA gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12, Authentication, KeyExchange, Suite12
from turtls.errors import ConfigError
from turtls.wire.registries import CipherSuite, ProtocolVersion

_RSA_BITS_OF_SECLEVEL = {"0": 1024, "1": 1024, "2": 2048, "3": 3072, "4": 7680, "5": 15360}
"""What OpenSSL's security levels ask of RSA keys; fewer than 1024 bits are never enough here."""


@dataclass(slots=True)
class CipherString:
    """A cipher string as it is read, word by word, into the suites it selects."""

    text: str
    pool: Sequence[CipherSuite]
    """The suites of TLS 1.2 and earlier that may be selected, best first."""
    suites12: list[CipherSuite] = field(default_factory=list)
    suites13: list[CipherSuite] = field(default_factory=list)
    """Those that are named; OpenSSL's words do not touch TLS 1.3."""
    min_rsa_bits: int | None = None
    _forbidden: set[CipherSuite] = field(default_factory=set)

    @classmethod
    def parse(cls, text: str, pool: Sequence[CipherSuite]) -> CipherString:
        """Read `text`. Raises ConfigError that points at the word it does not know, or if it selects nothing."""
        string = cls(text, pool)
        for word in re.finditer(r"[^:,\s]+", text):
            string._take(word.group(), word.start())
        if not string.suites12 and not string.suites13:
            raise ConfigError(f"The cipher string {text!r} selects no cipher suite that turtls would use.")
        return string

    def _take(self, word: str, position: int) -> None:
        """`@` orders, `!` forbids for good, `-` takes out, `+` moves to the end, and nothing before a word adds."""
        if word.startswith("@"):
            self._command(word, position)
            return
        sign = word[0] if word[0] in "!-+" else ""
        matching = self._matching(word[len(sign) :], position + len(sign))
        if sign == "!":
            self._forbidden.update(matching)
        for suites in (self.suites12, self.suites13):
            ours = [suite for suite in matching if (suite in SUITES13) == (suites is self.suites13)]
            kept = [suite for suite in suites if not sign or suite not in ours]
            moved = [suite for suite in suites if sign == "+" and suite in ours]
            added = [suite for suite in ours if not sign and suite not in suites and suite not in self._forbidden]
            suites[:] = kept + moved + added

    def _command(self, word: str, position: int) -> None:
        level = _RSA_BITS_OF_SECLEVEL.get(word.removeprefix("@SECLEVEL="))
        if word == "@STRENGTH":
            self.suites12.sort(key=lambda suite: -SUITES12[suite].key_length)
        elif level is not None:
            self.min_rsa_bits = level
        else:
            raise self._unknown(word, position)

    def _matching(self, words: str, position: int) -> list[CipherSuite]:
        """The suites that all of the words, joined by "+", are true of."""
        if (point := _BY_NAME.get(words)) is not None:
            return [point]
        matching = list(self.pool)
        for part in re.finditer(r"[^+]*", words):
            if part.group() or not words:
                test = self._test(part.group(), position + part.start())
                matching = [suite for suite in matching if test(SUITES12[suite])]
        return matching

    def _test(self, word: str, position: int) -> Callable[[Suite12], bool]:
        if word in _NEVER_HAD:
            return lambda suite: False
        test = _WORDS.get(word)
        if test is None:
            raise self._unknown(word, position)
        return test

    def _unknown(self, word: str, position: int) -> ConfigError:
        pointer = " " * position + "^" * max(len(word), 1)
        return ConfigError(f"There is no cipher suite or class of them called {word!r}:\n  {self.text}\n  {pointer}")


def openssl_name(suite: Suite12) -> str:
    """What OpenSSL calls it: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256 there."""
    exchange, _, cipher = suite.suite.name.removeprefix("TLS_").replace("PSK_DHE", "DHE_PSK").partition("_WITH_")
    if "SRP" in exchange:
        return f"{exchange.replace('SRP_SHA', 'SRP').replace('_', '-')}-{cipher.replace('_', '-')}"
    cipher = cipher.replace("AES_", "AES").replace("CCM_8", "CCM8").replace("_POLY1305_SHA256", "_POLY1305")
    if "PSK" not in exchange:
        cipher = cipher.replace("_CBC", "")
    prefix = "" if exchange == "RSA" else f"{exchange}-"
    return (prefix + cipher).replace("_", "-")


_BY_NAME: dict[str, CipherSuite] = {
    **{suite.name: suite for suite in SUITES13},
    **{suite.name: suite for suite in SUITES12},
    **{openssl_name(meaning): suite for suite, meaning in SUITES12.items()},
}

_Test = Callable[[Suite12], bool]


def _exchange(*exchanges: KeyExchange) -> _Test:
    return lambda suite: suite.key_exchange in exchanges


def _cipher(part: str) -> _Test:
    return lambda suite: part in suite.suite.name


def _mac(name: str) -> _Test:
    return lambda suite: suite.mac is not None and suite.mac.name == name


def _by_certificate(authentication: Authentication) -> _Test:
    return lambda suite: suite.authentication is authentication


_X = KeyExchange
_PSK = (_X.PSK, _X.DHE_PSK, _X.ECDHE_PSK, _X.RSA_PSK)

_WORDS: dict[str, _Test] = {
    **dict.fromkeys(("ALL", "DEFAULT", "HIGH"), lambda suite: True),
    **dict.fromkeys(("ECDHE", "EECDH", "kECDHE", "kEECDH"), _exchange(_X.ECDHE)),
    **dict.fromkeys(("DHE", "EDH", "DH", "kDHE", "kEDH"), _exchange(_X.DHE)),
    **dict.fromkeys(("RSA", "kRSA"), _exchange(_X.RSA)),
    "aRSA": _by_certificate(Authentication.RSA),
    **dict.fromkeys(("aECDSA", "ECDSA"), _by_certificate(Authentication.ECDSA)),
    "aPSK": lambda suite: suite.key_exchange in _PSK and not suite.authentication.by_certificate,
    "kPSK": _exchange(_X.PSK),
    "kDHEPSK": _exchange(_X.DHE_PSK),
    "kECDHEPSK": _exchange(_X.ECDHE_PSK),
    "kRSAPSK": _exchange(_X.RSA_PSK),
    "PSK": _exchange(*_PSK),
    **dict.fromkeys(("SRP", "kSRP"), _exchange(_X.SRP, _X.SRP_RSA)),
    "aSRP": _exchange(_X.SRP),
    "AES": _cipher("AES"),
    "AES128": _cipher("AES_128"),
    "AES256": _cipher("AES_256"),
    "AESGCM": _cipher("GCM"),
    "AESCCM": _cipher("CCM"),
    "AESCCM8": _cipher("CCM_8"),
    "CHACHA20": _cipher("CHACHA20"),
    **dict.fromkeys(("SHA1", "SHA"), _mac("sha1")),
    "SHA256": _mac("sha256"),
    "SHA384": _mac("sha384"),
    "TLSv1.2": lambda suite: suite.min_version == ProtocolVersion.TLS_1_2,
    **dict.fromkeys(("TLSv1", "TLSv1.0", "SSLv3"), lambda suite: suite.min_version < ProtocolVersion.TLS_1_2),
}

_NEVER_HAD = frozenset(
    (  # noqa: SIM905 - forty words read better so
        "aNULL eNULL NULL ADH AECDH COMPLEMENTOFALL COMPLEMENTOFDEFAULT EXP EXPORT EXPORT40 EXPORT56 LOW MEDIUM RC2 "
        "RC4 DES 3DES IDEA SEED MD5 DSS aDSS kDH aDH kDHr kDHd kECDH aECDH kECDHr kECDHe CAMELLIA CAMELLIA128 "
        "CAMELLIA256 ARIA ARIAGCM ARIA128 ARIA256 GOST GOST94 GOST89MAC kGOST aGOST aGOST01 SSLv2 KRB5 FZA"
    ).split()
)
"""Classes that OpenSSL knows and turtls never uses: they may be named, mostly to forbid them, and are empty."""
