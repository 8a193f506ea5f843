"""Certificates that a peer made up: whoever shows them must not fall over them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.explain.handshakes import localhost
from turtls.explain.chain import chain_facts
from turtls.explain.fields import fields
from turtls.wire.extensions import Extensions
from turtls.wire.messages import Certificate, CertificateEntry

DER = localhost()[0].chain[0]


def show(untrusted_der: bytes) -> None:
    """In every way there is."""
    chain_facts([untrusted_der])
    entry = CertificateEntry(cert_data=untrusted_der, extensions=Extensions())
    fields(Certificate, Certificate(certificate_list=[entry]).to_bytes())


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("a003020102", "a00302012e"),  # a version that does not exist
        ("0603551d0f", "0603551d25"),  # two extensions of one kind
        ("8209", "827f"),  # a name longer than all
    ],
)
def test_a_certificate_that_breaks_the_rules(there: str, instead: str) -> None:
    damaged = DER.replace(bytes.fromhex(there), bytes.fromhex(instead), 1)
    assert damaged != DER
    show(damaged)
    assert chain_facts([damaged]) == []


@given(st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_certificate(damages: list[tuple[int, int]]) -> None:
    damaged = bytearray(DER)
    for position, value in damages:
        damaged[position] = value
    show(bytes(damaged))
