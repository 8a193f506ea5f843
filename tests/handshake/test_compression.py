"""Certificates that are compressed on their way (RFC 8879)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from tests.handshake.parties import (
    NAME,
    client_config,
    credential,
    exchange,
    meddling_client,
    meddling_server,
    refused,
    replacing,
    server_config,
    setting,
    shaken,
)
from turtls.config import (
    CertificateCompression,
    ClientAuth,
    ClientConfig,
    DangerAcceptAnyCertificate,
    Policy,
    Role,
    ServerConfig,
    Zlib,
)
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import AlertDescription, Fault
from turtls.events import HandshakeMessageSeen, Trace
from turtls.explain.story import Story
from turtls.record.limits import MAX_CERTIFICATE_MESSAGE
from turtls.wire.messages import Certificate, CompressedCertificate, HandshakeMessage
from turtls.wire.registries import CertificateCompressionAlgorithm, ProtocolVersion

roles = pytest.mark.parametrize("role", list(Role))


def both_ways(**options: Any) -> tuple[ClientConfig, ServerConfig]:
    """Two that show their certificates, compressed."""
    compression = {"certificate_compression": (Zlib(),)} | options
    server = server_config(client_auth=ClientAuth.REQUIRE, verifier=DangerAcceptAnyCertificate(), **compression)
    return client_config(credentials=(credential("client.example"),), **compression), server


def names(seen: list[Trace]) -> list[str]:
    """The messages that hold certificates, and whose they are."""
    return [
        f"{type(trace.message).__name__} {trace.direction}"
        for trace in seen
        if isinstance(trace, HandshakeMessageSeen) and isinstance(trace.message, Certificate | CompressedCertificate)
    ]


@dataclass(frozen=True)
class Plain:
    """Makes nothing smaller, and counts how often."""

    name: str = "plain"
    algorithm: ClassVar = CertificateCompressionAlgorithm(0xFF00)
    compressed: ClassVar[list[str]] = []

    def compress(self, data: bytes) -> bytes:
        self.compressed.append(self.name)
        return data

    def decompress(self, untrusted: bytes, length: int) -> bytes:
        return untrusted


def test_both_sides_compress_and_unpack() -> None:
    client, server = both_ways()
    seen: list[Trace] = []
    parties = ClientConnection(client, server_name=NAME, observer=seen.append), ServerConnection(server)
    exchange(*parties)
    assert names(seen) == ["CompressedCertificate received", "CompressedCertificate sent"]
    for party, shown in zip(parties, (server.credentials, client.credentials), strict=True):
        assert party.negotiated is not None
        assert party.negotiated.peer is not None
        assert party.negotiated.peer.chain == shown[0].chain


def test_a_client_that_is_asked_later_compresses_too() -> None:
    client, server = both_ways()
    client = replace(client, post_handshake_auth=True)
    parties = shaken(client, replace(server, client_auth=ClientAuth.NONE))
    seen: list[Trace] = []
    parties[1]._observer = parties[1]._peer.observer = seen.append
    parties[1].request_client_certificate()
    exchange(*parties)
    assert names(seen) == ["CompressedCertificate received"]
    assert parties[1].negotiated is not None
    assert parties[1].negotiated.peer is not None
    assert parties[1].negotiated.peer.chain == client.credentials[0].chain


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        ((), (Zlib(),), None),
        ((Zlib(),), (), None),
        ((Plain(),), (Zlib(),), None),
        ((Plain(), Zlib()), (Zlib(), Plain()), "zlib"),
    ],
)
def test_it_takes_both_and_the_order_of_who_compresses_counts(
    ours: tuple[CertificateCompression, ...], theirs: tuple[CertificateCompression, ...], agreed: str | None
) -> None:
    seen: list[Trace] = []
    client = ClientConnection(client_config(certificate_compression=ours), server_name=NAME, observer=seen.append)
    exchange(client, ServerConnection(server_config(certificate_compression=theirs)))
    assert client.handshake_done
    messages = [trace.message for trace in seen if isinstance(trace, HandshakeMessageSeen)]
    found = [message.algorithm.name for message in messages if isinstance(message, CompressedCertificate)]
    assert found == ([agreed] if agreed else [])


def test_up_to_tls12_nothing_is_compressed() -> None:
    tls12 = replace(Policy.INTERMEDIATE, versions=(ProtocolVersion.TLS_1_2,))
    client, server = both_ways()
    parties = shaken(replace(client, policy=Policy.INTERMEDIATE), replace(server, policy=tls12))
    assert parties[0].negotiated is not None
    assert parties[0].negotiated.version == ProtocolVersion.TLS_1_2


def test_what_a_server_has_compressed_is_kept() -> None:
    """It is slow where it is good, and always the same."""
    counting = Plain("kept")
    for _ in range(3):
        shaken(client_config(certificate_compression=(counting,)), server_config(certificate_compression=(counting,)))
    assert Plain.compressed.count("kept") == 1


# ------------------------------------------------------------------------------------------- what is refused


def against(
    role: Role, kind: type[HandshakeMessage], change: Callable[[Any], Any], **options: Any
) -> tuple[ClientConnection, ServerConnection]:
    """Two that show their certificates; the one in that role changes a message of that kind."""
    client, server = both_ways(**options)
    if role is Role.SERVER:
        return ClientConnection(client, server_name=NAME), meddling_server(replacing(kind, change), server)
    return meddling_client(replacing(kind, change), client), ServerConnection(server)


def packed(body: bytes) -> Callable[[CompressedCertificate], None]:
    """Say honestly what is in it."""
    return setting(uncompressed_length=len(body), compressed_certificate_message=Zlib().compress(body))


@roles
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (setting(algorithm=CertificateCompressionAlgorithm.zstd), Fault.WRONG_CERTIFICATE_COMPRESSION),
        (setting(uncompressed_length=0), Fault.BAD_COMPRESSED_CERTIFICATE),
        (setting(uncompressed_length=MAX_CERTIFICATE_MESSAGE), Fault.BAD_COMPRESSED_CERTIFICATE),
        (setting(uncompressed_length=MAX_CERTIFICATE_MESSAGE + 1), Fault.BAD_COMPRESSED_CERTIFICATE),
        (setting(compressed_certificate_message=b"no zlib"), Fault.BAD_COMPRESSED_CERTIFICATE),
        (packed(bytes(MAX_CERTIFICATE_MESSAGE + 1)), Fault.BAD_COMPRESSED_CERTIFICATE),
        (packed(b"no certificate"), Fault.MALFORMED),
        (packed(b"\1\0\0\0\0"), Fault.ILLEGAL_PARAMETER),
    ],
)
def test_a_compressed_certificate_that_cannot_be(role: Role, change: Callable[[Any], Any], fault: Fault) -> None:
    assert refused(*against(role, CompressedCertificate, change)) is fault


def test_the_alerts_of_rfc_8879() -> None:
    assert Fault.WRONG_CERTIFICATE_COMPRESSION.alert is AlertDescription.ILLEGAL_PARAMETER
    assert Fault.BAD_COMPRESSED_CERTIFICATE.alert is AlertDescription.BAD_CERTIFICATE


def compress_anyway(message: Certificate) -> CompressedCertificate:
    body = message.encode()
    return CompressedCertificate(
        algorithm=Zlib().algorithm, uncompressed_length=len(body), compressed_certificate_message=Zlib().compress(body)
    )


@roles
def test_nobody_compresses_who_was_not_asked_to(role: Role) -> None:
    parties = against(role, Certificate, compress_anyway, certificate_compression=())
    assert refused(*parties) is Fault.UNEXPECTED_MESSAGE


@roles
def test_the_transcript_has_what_was_sent(role: Role) -> None:
    """Section 4. Another stream for the same bytes breaks the signature."""

    def otherwise(message: CompressedCertificate) -> None:
        body = Zlib().decompress(message.compressed_certificate_message, message.uncompressed_length)
        message.compressed_certificate_message = Plain().compress(body)
        message.algorithm = Plain().algorithm

    parties = against(role, CompressedCertificate, otherwise, certificate_compression=(Zlib(), Plain()))
    assert refused(*parties) is Fault.BAD_SIGNATURE


# ------------------------------------------------------------------------------------------- what is told of it


def test_the_story_shows_the_certificates() -> None:
    client, server = both_ways()
    stories = Story("client"), Story("server")
    parties = (
        ClientConnection(client, server_name=NAME, observer=stories[0]),
        ServerConnection(server, observer=stories[1]),
    )
    exchange(*parties)
    for story in stories:
        assert tuple(story.certificates("server")) == server.credentials[0].chain
        assert tuple(story.certificates("client")) == client.credentials[0].chain
        first = next(step for step in story.steps if step.name == "CompressedCertificate")
        assert first.chapter == "authentication"


def test_the_story_has_no_certificate_that_could_not_be_unpacked() -> None:
    client, server = both_ways()
    story = Story("client")
    broken = replacing(CompressedCertificate, setting(compressed_certificate_message=b"no zlib"))
    refused(ClientConnection(client, server_name=NAME, observer=story), meddling_server(broken, server))
    assert story.certificates("server") == []
