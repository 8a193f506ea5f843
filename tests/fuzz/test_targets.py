"""What the fuzzer starts from, and what it has found, over again: without atheris, and each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import scripts
from fuzz.run import FINDINGS
from fuzz.seeds import CORPUS, corpus
from fuzz.targets import TARGETS
from tests.builds import sources_only
from turtls.config import Negotiated
from turtls.handshake.endpoint import Endpoint
from turtls.handshake.established import Established
from turtls.handshake.established12 import Established12

SEEDS = sorted(CORPUS.glob("*/*"))
FOUND = sorted(FINDINGS.glob("*-*"))
CORPUS_LIMIT = 300_000
"""Bytes in the repository."""


def test_each_target_has_seeds_and_no_others_are_there() -> None:
    assert {seed.parent.name for seed in SEEDS} == set(TARGETS)
    assert sum(seed.stat().st_size for seed in SEEDS) < CORPUS_LIMIT


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_played_over_again(name: str) -> None:
    for seed in (CORPUS / name).iterdir():
        TARGETS[name](seed.read_bytes())


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_was_found_is_found_no_more(path: Path) -> None:
    TARGETS[path.name.partition("-")[0]](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_junk(name: str) -> None:
    for junk in (b"", b"\0", b"\xff" * 70, bytes(range(256)) * 3):
        TARGETS[name](junk)


@sources_only
def test_seeds_can_be_written_anew_and_get_past_the_handshakes(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Negotiated] = []

    def begin(endpoint: Endpoint, established: Established | Established12) -> None:
        done.append(established.negotiated)
        original(endpoint, established)

    original = Endpoint._begin
    monkeypatch.setattr(Endpoint, "_begin", begin)
    written = corpus()
    assert set(written) == set(TARGETS)
    for name in ("client13", "server13", "client12", "server12", "quic_client", "quic_server"):
        done.clear()
        seeds = written[name]
        for seed in seeds:
            TARGETS[name](seed)
        assert len(done) > 0.8 * len(seeds)
        assert {negotiated.resumed for negotiated in done} == {True, False}
        assert len({negotiated.version for negotiated in done}) == (4 if name.endswith("12") else 1)


def test_whatever_the_bytes_are_they_are_a_script() -> None:
    played = [(scripts.MESSAGE, b"\1hello"), (scripts.BYTES, b""), (23, b"data")]
    script = scripts.write(3, *played)
    assert script[0] == 3
    assert list(scripts.acts(script[1:])) == played
    assert list(scripts.acts(script[1:-2])) == [*played[:2], (23, b"da")]
    assert scripts.message(b"\1hello") == b"\1\0\0\5hello"
    assert scripts.message(b"") == b""
