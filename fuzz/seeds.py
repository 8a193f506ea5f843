"""Writes the corpus that the fuzzer starts from: what honest peers say in each scene. `python -m fuzz.seeds`.

Only where a scene changes, or a message gets another form, it is to be written anew.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, product
from pathlib import Path
from typing import Final, TypeVar

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from fuzz import scenes, scripts
from fuzz.records import TAG
from turtls.config import ClientConfig, ServerConfig
from turtls.connection import ClientConnection, ServerConnection
from turtls.crypto.suites12 import SUITES12
from turtls.errors import TLSError
from turtls.events import HandshakeMessageSeen, KeysInstalled, Trace
from turtls.handshake.peer import Level
from turtls.quic import QuicClientConnection, QuicConnection, QuicServerConnection
from turtls.wire.messages import ClientHello
from turtls.wire.registries import CipherSuite, ContentType, HandshakeType, ProtocolVersion

CORPUS: Final = Path(__file__).parent / "corpus"

C = TypeVar("C")
Scenes = Sequence[tuple[int, C]]
"""Configurations with the numbers of their scenes."""
Scripts = tuple[list[bytes], list[bytes]]
"""What servers say, and what clients say."""

_SUITES = (
    CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_RSA_PSK_WITH_AES_128_CBC_SHA,
    CipherSuite.TLS_SRP_SHA_WITH_AES_128_CBC_SHA,
    CipherSuite.TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
)

_CLOSE_NOTIFY = b"\1\0"
_SEND_DATA, _UPDATE_KEYS, _SETTLE, _ASK = scripts.DEED, scripts.DEED + 1, scripts.DEED + 6, scripts.DEED + 7

_KNOWN, _OLD, _KNOWING = 2, 4, 2
"""Scenes of TLS 1.2: of the clients the one with all kinds of secrets and its older twin, and their server."""


class Recorder:
    """Watches one side, and writes the script of the other."""

    def __init__(self) -> None:
        self.played: list[scripts.Act] = []

    def __call__(self, trace: Trace) -> None:
        if isinstance(trace, KeysInstalled) and trace.direction == "received" and trace.level == "session":
            self.played.append((ContentType.change_cipher_spec, b"\1"))
        if isinstance(trace, HandshakeMessageSeen) and trace.direction == "received":
            self.played.append((scripts.MESSAGE, trace.raw[:1] + trace.raw[4:]))


def _converse(client: ClientConnection, server: ServerConnection, of_client: Recorder) -> None:
    """A handshake, data, new keys, authentication where it may be had, and goodbye."""
    try:
        scenes.exchange(client, server)
        client.send_data(b"a question")
        server.send_data(b"an answer")
        scenes.exchange(client, server)
        for side in (client, server):
            if client.negotiated is not None and client.negotiated.version == ProtocolVersion.TLS_1_3:
                side.update_keys(request_peer=True)
                scenes.exchange(client, server)
        server.request_client_certificate()
        of_client.played.append((_ASK, b""))
        scenes.exchange(client, server)
    except TLSError:
        pass  # not every pair of scenes gets on with each other, and that is worth a script, too


def _ended(recorder: Recorder, config: ClientConfig | ServerConfig) -> list[scripts.Act]:
    played = recorder.played
    if isinstance(config.verifier, scenes.Thoughtful):
        played = [act for one in played for act in (one, (_SETTLE, b""))]
    data = (int(ContentType.application_data), b"data")
    deeds = [(_SEND_DATA, b"data"), (_UPDATE_KEYS, b"")]
    return [*played, data, *deeds, (scripts.DATA, b"all of this"), (int(ContentType.alert), _CLOSE_NOTIFY)]


def _scripts(clients: Scenes[ClientConfig], servers: Scenes[ServerConfig]) -> Scripts:
    """What the servers say to each client, and the clients to each server."""
    of_servers: list[bytes] = []
    of_clients: list[bytes] = []
    for (client_scene, client_config), (server_scene, server_config) in product(clients, servers):
        of_server, of_client = Recorder(), Recorder()
        client = ClientConnection(
            client_config, server_name=scenes.NAME, early_data=scenes.EARLY_DATA, observer=of_server
        )
        server = ServerConnection(server_config, observer=of_client)
        with scenes.believing():
            _converse(client, server, of_client)
        of_servers.append(scripts.write(client_scene, *_ended(of_server, client_config)))
        of_clients.append(scripts.write(server_scene, *_ended(of_client, server_config)))
    return of_servers, of_clients


def _scripts12() -> Scripts:
    """For each key exchange and each version, too."""
    clients, servers = list(enumerate(scenes.clients12())), list(enumerate(scenes.servers12()))
    of_servers, of_clients = _scripts(clients, servers)
    for suite, version in product(_SUITES, scenes.POLICY12.versions):
        if version >= SUITES12[suite].min_version:
            scene, config = clients[_KNOWN if version == ProtocolVersion.TLS_1_2 else _OLD]
            found = _scripts([(scene, _narrowed(config, suite, version))], [servers[_KNOWING]])
            of_servers += found[0]
            of_clients += found[1]
    return of_servers, of_clients


def _narrowed(config: ClientConfig, suite: CipherSuite, version: ProtocolVersion) -> ClientConfig:
    return replace(config, policy=replace(config.policy, versions=(version,), cipher_suites=(suite,)))


_LEVELS = tuple(Level)


def _quic_scripts() -> Scripts:
    of_servers: list[bytes] = []
    of_clients: list[bytes] = []
    parameters = b"\1\2parameters"
    pairs = product(enumerate(scenes.clients13()), enumerate(scenes.servers13()))
    for (client_scene, client_config), (server_scene, server_config) in pairs:
        client = QuicClientConnection(client_config, server_name=scenes.NAME, transport_parameters=parameters)
        server = QuicServerConnection(server_config, transport_parameters=parameters)
        of_server: list[scripts.Act] = []
        of_client: list[scripts.Act] = []
        with scenes.believing():
            for _ in range(4):  # hello, retry, hello again, the rest
                _carry(client, server, of_client)
                _carry(server, client, of_server)
        of_servers.append(scripts.write(client_scene, *of_server))
        of_clients.append(scripts.write(server_scene, *of_client))
    return of_servers, of_clients


def _carry(sender: QuicConnection, receiver: QuicConnection, played: list[scripts.Act]) -> None:
    for level, data in sender.crypto_to_send():
        for raw in _messages_in(data):
            played.append((16 + _LEVELS.index(level), raw[:1] + raw[4:]))
        receiver.receive_crypto(level, data)
        while receiver._pending is not None:
            scenes.settle(receiver)
            played.append((_SETTLE, b""))


def _messages_in(data: bytes) -> Iterator[bytes]:
    while data:
        end = 4 + int.from_bytes(data[1:4], "big")
        yield data[:end]
        data = data[end:]


def _messages(*all_scripts: list[bytes]) -> Iterator[bytes]:
    """Each form of each message that anybody said."""
    seen: set[tuple[int, int]] = set()
    for script in chain(*all_scripts):
        for kind, content in scripts.acts(script[1:]):
            if kind & 31 in (scripts.MESSAGE, *range(16, 20)) and content:
                form = (content[0], len(content) // 32)
                if form not in seen:
                    seen.add(form)
                    yield scripts.message(content)


_HOLD_STRUCTS = (HandshakeType.server_key_exchange, HandshakeType.client_key_exchange)


def _ticket() -> bytes:
    sessions = scenes.clients13()[1].sessions
    session = sessions.take("") if sessions is not None else None
    return session.ticket if session is not None else b""


def _extensions(messages: Iterable[bytes]) -> Iterator[bytes]:
    for raw in messages:
        if raw[0] == ClientHello.msg_type:
            for body in ClientHello.from_bytes(raw).extensions:
                yield int(body.extension_type).to_bytes(2, "big") + body.encode()


# ------------------------------------------------------------------------------------------- records and files


def _record(content_type: int, body: bytes) -> bytes:
    return bytes((content_type, 3, 3)) + len(body).to_bytes(2, "big") + body


def _records() -> dict[str, list[bytes]]:
    plain = _record(22, b"\1\0\0\4hell") + _record(20, b"\1") + _record(21, b"\2\50") + _record(23, b"data")
    inner = [b"data\x17", b"more\x17\0\0\0", b"\x17", b"\x18\0\0\1\1\x16", b"\1\0\x15"]
    of_13 = b"".join(_record(23, content + TAG) for content in inner)
    of_12 = b"".join(
        _record(kind, bytes(8) + content + TAG) for kind, content in ((23, b"data"), (23, b""), (21, b"\1\0"))
    )
    of_chacha = of_12.replace(bytes(8) + b"data", b"data").replace(b"\0\x1c", b"\0\x14")
    v2 = b"\x80\x2e\1\3\1\0\3\0\0\0\x20\0\0\x2f" + bytes(32)
    switches = (b"\0", b"\1", b"\x06", b"\x7f", b"\x80")
    return {
        "records_plain": [*(switch + plain for switch in switches), b"\x10" + v2],
        "records13": [switch + of_13 for switch in switches],
        "records12": [switch + of_12 for switch in switches],
        "records12_chacha": [switch + of_chacha for switch in switches],
        "records_cbc": [bytes((switch,)) + b"content" * 4 + b"\3\3\3\3" for switch in range(0, 32, 3)],
        "v2_hello": [v2[2:]],
    }


def _files() -> dict[str, list[bytes]]:
    credential, key = scenes.credential(), scenes.private_key("ecdsa")
    certificate = credential.leaf.certificate
    secret: KeySerializationEncryption = BestAvailableEncryption(b"secret")
    few_rounds = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1).build(b"secret")
    keys = [
        key.private_bytes(encoding, form, NoEncryption())
        for encoding in (Encoding.PEM, Encoding.DER)
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)
    ]
    return {
        "certificates": [certificate.public_bytes(Encoding.PEM), certificate.public_bytes(Encoding.DER)],
        "leaf": [credential.chain[0], scenes.credential("rsa").chain[0]],
        "private_key": [*keys, key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, secret)],
        "pkcs12": [pkcs12.serialize_key_and_certificates(b"a", key, certificate, None, few_rounds)],
        "policy": [
            text.encode()
            for text in (
                "modern",
                "legacy:ALL:!aNULL:@STRENGTH",
                "ECDHE+AESGCM:-AES128:+CHACHA20:@SECLEVEL=2",
                "TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                "HIGH:!kRSA:!PSK:DEFAULT",
            )
        ],
    }


# ------------------------------------------------------------------------------------------- the corpus


def corpus() -> dict[str, list[bytes]]:
    """Each target's seeds."""
    client13, server13 = _scripts(list(enumerate(scenes.clients13())), list(enumerate(scenes.servers13())))
    client12, server12 = _scripts12()
    quic_client, quic_server = _quic_scripts()
    messages = list(_messages(client13, server13, client12, server12, quic_client))
    return {
        "messages": messages,
        "extensions": list(_extensions(messages)),
        "structs": [*(raw[4:] for raw in messages if raw[0] in _HOLD_STRUCTS), _ticket()],
        "client13": client13,
        "server13": server13,
        "client12": client12,
        "server12": server12,
        "quic_client": quic_client,
        "quic_server": quic_server,
        **_records(),
        **_files(),
    }


def main() -> None:
    """Write it, in the place of what was there."""
    for name, seeds in corpus().items():
        folder = CORPUS / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for seed in seeds:
            (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


if __name__ == "__main__":
    main()
