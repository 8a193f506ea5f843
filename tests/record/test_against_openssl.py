"""Records of OpenSSL open here, and ours open there: its log of keys lets us step into a connection of its own."""

from __future__ import annotations

import os
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import SUITES13
from turtls.crypto.suites12 import SUITES12
from turtls.handshake.secrets12 import Secrets12
from turtls.record.layer import RecordLayer
from turtls.record.protection import Protection
from turtls.record.protection13 import Protection13
from turtls.wire.registries import CipherSuite, ContentType, ProtocolVersion

CASES = [
    ("TLSv1", "ECDHE-RSA-AES128-SHA"),
    ("TLSv1", "ECDHE-RSA-AES256-SHA"),
    ("TLSv1_1", "ECDHE-RSA-AES128-SHA"),
    ("TLSv1_2", "ECDHE-RSA-AES128-SHA"),
    ("TLSv1_2", "ECDHE-RSA-AES128-SHA256"),
    ("TLSv1_2", "ECDHE-RSA-AES256-SHA384"),
    ("TLSv1_2", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLSv1_2", "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLSv1_2", "ECDHE-RSA-CHACHA20-POLY1305"),
    ("TLSv1_2", "AES128-CCM"),
    ("TLSv1_2", "AES256-CCM8"),
]
NO_ENCRYPT_THEN_MAC = 1 << 19  # SSL_OP_NO_ENCRYPT_THEN_MAC
DATA = bytes(range(256)) * 150


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    path = tmp_path_factory.mktemp("openssl") / "certificate.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        + builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    )
    return path


class OpenSSLPair:
    """An OpenSSL client and server with a finished handshake, and what each sent so far."""

    def __init__(self, version: str, cipher: str, certificate: Path, *, encrypt_then_mac: bool) -> None:
        self.log = certificate.with_suffix(".log")
        self.log.unlink(missing_ok=True)
        self.to_server, self.to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.sent_by_client, self.sent_by_server = b"", b""
        server = self.context(ssl.PROTOCOL_TLS_SERVER, version, cipher, encrypt_then_mac)
        server.load_cert_chain(certificate)
        client = self.context(ssl.PROTOCOL_TLS_CLIENT, version, cipher, encrypt_then_mac)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        client.keylog_filename = str(self.log)
        client_out, server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.to_client, client_out)
        self.server = server.wrap_bio(self.to_server, server_out, server_side=True)
        self._client_out, self._server_out = client_out, server_out
        for _ in range(4):
            self.step(self.client)
            self.step(self.server)

    def context(self, protocol: int, version: str, cipher: str, encrypt_then_mac: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that is what old versions are
            context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
        if version != "TLSv1_3":
            context.set_ciphers(f"{cipher}:@SECLEVEL=0")
        if not encrypt_then_mac:
            context.options |= NO_ENCRYPT_THEN_MAC
        return context

    def step(self, end: ssl.SSLObject) -> None:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def flush(self) -> None:
        """What the two have to say goes on its way, and is noted."""
        client_sent, server_sent = self._client_out.read(), self._server_out.read()
        self.to_server.write(client_sent)
        self.to_client.write(server_sent)
        self.sent_by_client += client_sent
        self.sent_by_server += server_sent

    def secrets(self) -> dict[str, bytes]:
        lines = [line.split() for line in self.log.read_text().splitlines() if not line.startswith("#")]
        return {label: bytes.fromhex(secret) for label, _, secret in lines}


def protections12(pair: OpenSSLPair, *, encrypt_then_mac: bool) -> tuple[Protection, Protection]:
    version = ProtocolVersion(int.from_bytes(pair.sent_by_server[9:11], "big"))
    client_random, server_random = pair.sent_by_client[11:43], pair.sent_by_server[11:43]
    session_id_length = pair.sent_by_server[43]
    suite = SUITES12[CipherSuite(int.from_bytes(pair.sent_by_server[44 + session_id_length :][:2], "big"))]
    master_secret = pair.secrets()["CLIENT_RANDOM"]
    secrets = Secrets12(version, suite, client_random, server_random, master_secret, extended=False)
    return secrets.protections(os.urandom, encrypt_then_mac=encrypt_then_mac)


def open_handshake(sent: bytes, protection: Protection) -> RecordLayer:
    """A layer that has read all of a handshake, of which only the Finished was protected."""
    layer = RecordLayer()
    layer.feed(sent)
    while (record := layer.next_record()) and record[0] != ContentType.change_cipher_spec:
        pass
    layer.install_read(protection)
    finished = layer.next_record()
    assert finished is not None
    assert (finished[0], len(finished[1])) == (ContentType.handshake, 16)
    return layer


def check_both_ways(pair: OpenSSLPair, layer: RecordLayer, protection: Protection, *, as_client: bool) -> None:
    """`layer` reads what one end sends; then the same keys, as far as they have come, speak in that end's place."""
    end, other = (pair.client, pair.server) if as_client else (pair.server, pair.client)
    sent_before = len(pair.sent_by_client if as_client else pair.sent_by_server)
    end.write(DATA)
    pair.flush()
    layer.feed((pair.sent_by_client if as_client else pair.sent_by_server)[sent_before:])
    assert layer.read_application_data() == DATA
    assert layer.next_record() is None
    assert read_all(other) == DATA

    layer.install_write(protection)
    layer.write(ContentType.application_data, DATA[::-1])
    (pair.to_server if as_client else pair.to_client).write(layer.take_output())
    assert read_all(other) == DATA[::-1]


def read_all(end: ssl.SSLObject) -> bytes:
    received = b""
    while len(received) < len(DATA):
        received += end.read(2**16)
    return received


@pytest.mark.parametrize("encrypt_then_mac", [True, False])
@pytest.mark.parametrize(("version", "cipher"), CASES)
def test_tls_1_2_and_earlier(version: str, cipher: str, encrypt_then_mac: bool, certificate: Path) -> None:
    if not getattr(ssl, f"HAS_{version}"):
        pytest.skip(f"this OpenSSL was built without {version}")
    pair = OpenSSLPair(version, cipher, certificate, encrypt_then_mac=encrypt_then_mac)
    client, server = protections12(pair, encrypt_then_mac=encrypt_then_mac)
    check_both_ways(pair, open_handshake(pair.sent_by_client, client), client, as_client=True)
    check_both_ways(pair, open_handshake(pair.sent_by_server, server), server, as_client=False)


def test_tls_1_3(certificate: Path) -> None:
    pair = OpenSSLPair("TLSv1_3", "", certificate, encrypt_then_mac=False)
    secret = pair.secrets()["CLIENT_TRAFFIC_SECRET_0"]
    cipher = pair.client.cipher()
    assert cipher is not None
    suite = SUITES13[CipherSuite.by_name(cipher[0])]
    protection = Protection13(suite, TrafficSecret(suite.hash, secret))
    layer = RecordLayer()
    layer.install_read(protection)
    check_both_ways(pair, layer, protection, as_client=True)
