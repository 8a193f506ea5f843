"""Is this connection safe, and why not: what was negotiated, fact by fact, and one verdict over all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from turtls.config import Negotiated
from turtls.crypto.suites12 import SUITES12
from turtls.explain import words
from turtls.explain.chain import CertificateFacts
from turtls.wire.registries import ProtocolVersion

_RENEW_SOON_DAYS = 7


class Mark(Enum):
    """What to think of a fact."""

    GOOD = "good"
    NOTE = "note"
    """Safe today, and could be better."""
    BAD = "bad"
    PLAIN = "plain"
    """Neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was negotiated: what it is, its technical name, and what to think of it."""

    label: str
    value: str
    words: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to "is it safe?", with the reasons."""

    safe: bool
    sentence: str
    reasons: tuple[str, ...]
    """Why it is not safe; if it is, what could be better."""


def facts(negotiated: Negotiated) -> list[Fact]:
    """What was negotiated, the most important first."""
    return list(_facts(negotiated))


def _facts(negotiated: Negotiated) -> Iterator[Fact]:
    version = negotiated.version
    modern = version == ProtocolVersion.TLS_1_3
    sound = Mark.GOOD if modern else Mark.NOTE if version == ProtocolVersion.TLS_1_2 else Mark.BAD
    yield Fact("Version", words.version_name(version), words.version_words(version), sound)
    yield _key_exchange(negotiated)
    suite = negotiated.cipher_suite
    weakness = words.suite_weakness(suite)
    yield Fact("Cipher suite", suite.name, weakness or words.suite_words(suite), Mark.BAD if weakness else Mark.GOOD)
    signature = negotiated.signature_scheme
    if signature is not None:
        yield Fact("Signature", signature.name, words.signature_words(signature), Mark.GOOD)
    yield Fact(
        "Handshake",
        "resumed" if negotiated.resumed else "full",
        "from an earlier session, without certificates" if negotiated.resumed else words.handshake_words(negotiated),
        Mark.PLAIN,
    )
    yield _round_trips(negotiated)
    if negotiated.alpn is not None:
        yield Fact("Protocol inside", negotiated.alpn, words.alpn_words(negotiated.alpn), Mark.PLAIN)
    if negotiated.server_name is not None:
        yield Fact(
            "Name asked for", negotiated.server_name, "the server could choose its certificate by it", Mark.PLAIN
        )


def _key_exchange(negotiated: Negotiated) -> Fact:
    group, suite = negotiated.group, SUITES12.get(negotiated.cipher_suite)
    is_fresh = suite is not None and suite.key_exchange.is_forward_secret and not negotiated.resumed
    if group is None and not is_fresh:
        return Fact("Key exchange", "none", words.NO_KEY_EXCHANGE, Mark.NOTE)
    name = group.name if group is not None else "a group without a name"
    mark = Mark.GOOD if words.is_post_quantum(group) else Mark.NOTE
    return Fact("Key exchange", name, words.group_words(group), mark)


def weaknesses(negotiated: Negotiated) -> tuple[str, ...]:
    """What is weak about what was negotiated, a sentence each; empty if nothing is."""
    return tuple(f"{fact.value}: {fact.words}." for fact in _facts(negotiated) if fact.mark is Mark.BAD)


def _round_trips(negotiated: Negotiated) -> Fact:
    if negotiated.early_data:
        return Fact("Round trips", "0", "the first request came with the hello; it may have been a replay", Mark.PLAIN)
    if negotiated.hello_retry:
        return Fact("Round trips", "2", "the server asked for another key share", Mark.PLAIN)
    if negotiated.version != ProtocolVersion.TLS_1_3 and not negotiated.resumed:
        return Fact("Round trips", "2", "before the first request could be sent; TLS 1.3 needs one", Mark.PLAIN)
    return Fact("Round trips", "1", "before the first request could be sent", Mark.PLAIN)


def negotiated_as_json(negotiated: Negotiated) -> dict[str, Any]:
    """What was negotiated, for a program: names as the registries have them."""
    group, signature = negotiated.group, negotiated.signature_scheme
    return {
        "version": words.version_name(negotiated.version),
        "cipher_suite": negotiated.cipher_suite.name,
        "group": None if group is None else group.name,
        "post_quantum": words.is_post_quantum(group),
        "signature_scheme": None if signature is None else signature.name,
        "alpn": negotiated.alpn,
        "server_name": negotiated.server_name,
        "pre_shared_key": negotiated.psk_identity is not None,
        "resumed": negotiated.resumed,
        "early_data": negotiated.early_data,
        "hello_retry": negotiated.hello_retry,
    }


def verdict(negotiated: Negotiated, leaf: CertificateFacts | None, now: datetime) -> Verdict:
    """Whether what was negotiated is safe, from the client's point of view."""
    worries = list(weaknesses(negotiated))
    if negotiated.peer is not None and not negotiated.peer.trusted:  # no chain: the secret itself vouched for it
        worries.insert(0, "Nobody vouched for the server: whoever sits on the path could pretend to be it.")
    if worries:
        return Verdict(False, "Not safe.", tuple(worries))
    notes = [f"{fact.value}: {fact.words}." for fact in facts(negotiated) if fact.mark is Mark.NOTE]
    if leaf is not None and leaf.days_left(now) < _RENEW_SOON_DAYS:
        notes.append(f"The server's certificate expires in {leaf.days_left(now)} days.")
    return Verdict(True, "Safe: private, unchanged on the way, and with whom it should be.", tuple(notes))
