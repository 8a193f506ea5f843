from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.explain.handshakes import Watched, resumed, with_retry
from turtls.explain.fields import Field, fields
from turtls.explain.story import Step
from turtls.wire.extensions import Extensions, ProtocolNameList, RawExtension, ServerName, ServerNameList
from turtls.wire.messages import ClientHello
from turtls.wire.registries import CipherSuite, ExtensionType


def hello(*extensions: ServerNameList | ProtocolNameList | RawExtension) -> bytes:
    suites = [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite(0x0A0A), CipherSuite(0xBEEF)]
    return ClientHello(
        random=bytes(32), legacy_session_id=b"", cipher_suites=suites, extensions=Extensions(extensions)
    ).to_bytes()


def every(found: tuple[Field, ...]) -> Iterator[Field]:
    for field in found:
        yield field
        yield from every(field.parts)


def find(found: tuple[Field, ...], name: str) -> Field:
    return next(field for field in every(found) if field.name == name)


def test_code_points_have_their_names() -> None:
    raw = hello()
    suites = find(fields(ClientHello, raw), "cipher_suites")
    assert [part.value for part in suites.parts] == ["TLS_AES_128_GCM_SHA256 0x1301", "GREASE 0x0a0a", "unknown 0xbeef"]
    assert [raw[part.start : part.end].hex() for part in suites.parts] == ["1301", "0a0a", "beef"]


def test_text_is_shown_as_text_and_other_bytes_in_hex() -> None:
    raw = hello(
        ServerNameList(server_name_list=[ServerName(host_name=b"example.org")]),
        ProtocolNameList(protocol_name_list=[b"h2", b"\xff"]),
        RawExtension(ExtensionType(0x1A1A), b"\0"),
    )
    found = fields(ClientHello, raw)
    assert find(found, "host_name").value == '"example.org"'
    assert find(found, "random").value == "00" * 32
    names = find(found, "protocol_name_list").parts
    assert [(name.name, name.value) for name in names] == [("protocol_name", '"h2"'), ("protocol_name", "ff")]
    assert raw[names[0].start : names[0].end] == b"\x02h2"
    assert find(found, "GREASE 0x1a1a").value == "00"
    assert find(found, "server_name 0x0000").parts


def handshakes() -> list[Step]:
    return [step for watched in (Watched(), resumed(), with_retry()) for step in watched.server_story.messages]


@pytest.mark.parametrize("step", handshakes(), ids=lambda step: step.name)
def test_the_fields_of_a_message_cover_its_bytes_in_order(step: Step) -> None:
    seen = step.message
    assert seen is not None
    at = 0
    for field in step.fields:
        assert field.start == at
        at = field.end
    assert at == len(seen.raw)


@pytest.mark.parametrize("step", handshakes(), ids=lambda step: step.name)
def test_parts_lie_within_their_field_and_follow_each_other(step: Step) -> None:
    for field in every(step.fields):
        at = field.start
        for part in field.parts:
            assert at <= part.start <= part.end <= field.end
            at = part.end
        if field.parts:
            assert at == field.end


def test_a_certificate_is_shown_by_its_names() -> None:
    certificate = next(step for step in Watched().server_story.messages if step.name == "Certificate")
    values = [field.value for field in every(certificate.fields) if field.name == "cert_data"]
    assert len(values) == 2
    assert all("issued by" in value for value in values)


@given(st.binary(min_size=1, max_size=50))
def test_a_certificate_that_is_none_is_shown_in_hex(garbage: bytes) -> None:
    from turtls.wire.messages import Certificate, CertificateEntry

    entry = CertificateEntry(cert_data=garbage, extensions=Extensions())
    raw = Certificate(certificate_list=[entry]).to_bytes()
    assert find(fields(Certificate, raw), "cert_data").value == garbage.hex()


def test_as_json_leaves_out_what_is_empty() -> None:
    plain = find(fields(ClientHello, hello()), "extensions").as_json()
    assert "fields" not in plain
    assert plain["name"] == "extensions"
