"""A client that opens with SSL 2.0's ClientHello and goes on in TLS (RFC 5246, appendix E.2), made by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.handshake.parties import connect
from tests.handshake.test_tls12 import _v2_hello, credentials, server_config
from turtls.config import Policy
from turtls.connection import ServerConnection
from turtls.crypto.rsa_transport import encrypt_premaster
from turtls.crypto.suites12 import SUITES12
from turtls.handshake.secrets12 import Secrets12, handshake_hash, prf_for
from turtls.handshake.transcript import Transcript
from turtls.record.protection import Protection
from turtls.wire.messages import Finished, ServerHello12
from turtls.wire.messages12 import ClientKeyExchange, EncryptedPremasterSecret
from turtls.wire.registries import CipherSuite, ContentType, ProtocolVersion

V = ProtocolVersion
SUITE = SUITES12[CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA]
CHALLENGE = b"challenge 16 byt"


def records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each record's header and body."""
    while data:
        length = int.from_bytes(data[3:5], "big")
        yield data[:5], data[5 : 5 + length]
        data = data[5 + length :]


def messages(flight: bytes) -> Iterator[bytes]:
    content = b"".join(body for _, body in records(flight))
    while content:
        length = 4 + int.from_bytes(content[1:4], "big")
        yield content[:length]
        content = content[length:]


def record(content_type: ContentType, version: ProtocolVersion, content: bytes) -> bytes:
    header = bytes([content_type]) + int(version).to_bytes(2, "big") + len(content).to_bytes(2, "big")
    return header + content


@pytest.mark.parametrize("version", [V.TLS_1_2, V.TLS_1_1, V.TLS_1_0])
def test_a_handshake_that_begins_with_ssl2_s_hello_ends_in_tls(version: ProtocolVersion) -> None:
    policy = replace(Policy.LEGACY, versions=(version, V.TLS_1_0) if version > V.TLS_1_0 else (version,))
    _, server = connect(server=server_config(policy))
    hello = _v2_hello([SUITE.suite])
    transcript = Transcript()
    transcript.start(handshake_hash(version, SUITE))
    transcript.add(hello[2:])  # without the length of the record, but from its message type on

    server.receive_data(hello)
    flight = list(messages(server.data_to_send()))
    for raw in flight:
        transcript.add(raw)
    server_hello = ServerHello12.from_bytes(flight[0])
    assert server_hello.server_version == version
    premaster = int(V.TLS_1_2).to_bytes(2, "big") + bytes(46)
    [rsa_key] = [each.leaf.public_key for each in credentials() if each.leaf.public_key.bits]
    encrypted = EncryptedPremasterSecret(encrypted=encrypt_premaster(rsa_key, premaster))
    key_exchange = ClientKeyExchange(content=encrypted.encode()).to_bytes()
    transcript.add(key_exchange)

    client_random = CHALLENGE.rjust(32, b"\0")
    prf = prf_for(version, SUITE, premaster)
    master = prf.expand(b"master secret", client_random + server_hello.random, 48)
    secrets = Secrets12(version, SUITE, client_random, server_hello.random, master, extended=False)
    client_keys, server_keys = secrets.protections(os.urandom, encrypt_then_mac=False)
    finished = Finished(verify_data=secrets.verify_data(transcript, client=True)).to_bytes()
    server.receive_data(
        record(ContentType.handshake, version, key_exchange)
        + record(ContentType.change_cipher_spec, version, b"\x01")
        + client_keys.seal(ContentType.handshake, finished, 2**14, 0)
    )
    transcript.add(finished)
    assert server.handshake_done
    assert (
        answer_of(server, server_keys) == Finished(verify_data=secrets.verify_data(transcript, client=False)).to_bytes()
    )


def answer_of(server: ServerConnection, keys: Protection) -> bytes:
    """The Finished that the server sends, behind its change_cipher_spec."""
    (_, change), (header, body) = records(server.data_to_send())
    assert change == b"\x01"
    content_type, content = keys.open(header, body, 2**14)
    assert content_type == ContentType.handshake
    return bytes(content)
