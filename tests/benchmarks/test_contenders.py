"""Each contender does what its row says: what is not resumed, or not sent, would be measured in vain.

Without tlslite-ng, whose import warns of what it imports itself, and Go, which has to be compiled.
"""

from __future__ import annotations

import pytest

from benchmarks.contenders.cases import Contender, Handshake, Transfer
from benchmarks.contenders.ours import Turtls, configs, connect
from benchmarks.contenders.primitives import Primitives
from benchmarks.contenders.py_openssl import PyOpenSSL
from benchmarks.contenders.stdlib import StandardLibrary
from benchmarks.growth import GROWTH
from benchmarks.rows import HANDSHAKES, TRANSFERS, Row

CONTENDERS: list[Contender] = [Turtls(), StandardLibrary(), PyOpenSSL(), Primitives()]


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
@pytest.mark.parametrize("row", HANDSHAKES, ids=lambda row: row.name)
def test_handshakes_come_about(row: Row, contender: Contender) -> None:
    assert isinstance(row.case, Handshake)
    work = contender.handshake(row.case)  # which holds one at once
    assert work is None or work(2) > 0


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
@pytest.mark.parametrize("row", TRANSFERS, ids=lambda row: row.name)
def test_data_arrives(row: Row, contender: Contender) -> None:
    assert isinstance(row.case, Transfer)
    work = contender.transfer(row.case)
    assert work is not None
    assert work(2) > 0


def test_every_row_has_its_reference() -> None:
    for row in (*HANDSHAKES, *TRANSFERS):
        assert row.reference in row.works(CONTENDERS)


def test_a_full_handshake_brings_the_tickets_and_resumes_nothing() -> None:
    client_config, server_config = configs(Handshake())
    for _ in range(2):
        client, _ = connect(client_config, server_config)
        assert client.negotiated is not None
        assert not client.negotiated.resumed


@pytest.mark.parametrize("name", GROWTH)
def test_what_grows_can_be_measured(name: str) -> None:
    for count in (1, 3):
        assert GROWTH[name](count)(1) > 0
