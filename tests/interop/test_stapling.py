"""What a server has to show besides its certificate: a stapled OCSP response (RFC 6066, section 8), and the timestamps
of Certificate Transparency (RFC 6962, section 3.3.1), in TLS 1.2 and in TLS 1.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import turtls
from tests.interop import ours
from tests.interop.matrix import CLIENTS, SERVERS
from tests.interop.peers.base import Can, ClientPeer, ServerPeer, echo, payload
from tests.interop.peers.curl import Curl
from tests.interop.peers.gnutls import GnuTLS
from tests.interop.peers.openssl import OpenSSL
from tests.interop.pki import PKI
from tests.interop.processes import Process
from tests.interop.stage import Stage, require
from turtls.config import ServerConfig, VerificationRequest, VerifiedChain, Verifier
from turtls.wire.extensions import SignedCertificateTimestamps

DATA = payload(1000)
TIMESTAMP = b"a SignedCertificateTimestamp, which its log would have signed"
TIMESTAMPS = SignedCertificateTimestamps(sct_list=[TIMESTAMP]).encode()
VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


@dataclass
class Noting:
    """A verifier that notes what it was asked."""

    verifier: Verifier
    asked: list[VerificationRequest] = field(default_factory=list)

    async def verify(self, request: VerificationRequest) -> VerifiedChain:
        self.asked.append(request)
        verdict = self.verifier.verify(request)
        return verdict if isinstance(verdict, VerifiedChain) else await verdict

    def certificate_authorities(self) -> tuple[bytes, ...]:
        return ()


def stapling(pki: PKI) -> ServerConfig:
    """A server that has all of it to show."""
    credential = replace(
        ours.credential(pki.files()),
        ocsp_response=pki.ocsp_response().read_bytes(),
        signed_certificate_timestamps=TIMESTAMPS,
    )
    return ours.server_config(pki, credentials=(credential,))


@VERSIONS
@pytest.mark.parametrize("peer", [peer for peer in SERVERS if Can.STAPLE in peer.server_can], ids=str)
def test_what_they_staple(stage: Stage, pki: PKI, tmp_path: Path, peer: ServerPeer, version: str) -> None:
    (tmp_path / "timestamp").write_bytes(TIMESTAMP)
    sends_timestamps = Can.SHOW_TIMESTAMPS in peer.server_can
    timestamp = tmp_path / "timestamp" if sends_timestamps else None
    stapled = pki.ocsp_response()
    server = stage.server(peer, versions=(version, version), ocsp_response=stapled, timestamp=timestamp)
    noting = Noting(turtls.PrivateVerifier(turtls.TrustStore.from_file(pki.authority.root)))
    with ours.connect(server.port, ours.client_config(pki, verifier=noting)) as tls:
        assert server.exchange(tls, DATA) == DATA
        assert ours.agreed(tls).ocsp_response == stapled.read_bytes()
    [request] = noting.asked
    assert request.ocsp_response == stapled.read_bytes()
    assert request.signed_certificate_timestamps == (TIMESTAMPS if sends_timestamps else None)


@VERSIONS
@pytest.mark.parametrize("peer", [peer for peer in CLIENTS if Can.STAPLE in peer.client_can], ids=str)
def test_what_we_staple(stage: Stage, pki: PKI, peer: ClientPeer, version: str) -> None:
    with ours.listening(stapling(pki), peer.application) as server:
        with stage.client(peer, server.port, versions=(version, version)) as client:
            assert client.exchange(DATA) == DATA
            client.wait_until_said(f"stapled: {pki.ocsp_response().read_bytes().hex()}\n")
            client.wait_until_said(f"timestamps: [{TIMESTAMP.hex()}]\n")


@VERSIONS
def test_openssl_takes_what_we_staple(pki: PKI, version: str) -> None:
    require(OpenSSL())
    with ours.listening(stapling(pki), echo) as server:
        address = ["-connect", f"127.0.0.1:{server.port}", "-servername", "localhost"]
        client = Process(["openssl", "s_client", *address, "-status", f"-tls{version.replace('.', '_')}"])
        try:
            client.wait_until(lambda: client.said("Verify return code"), "the handshake")
        finally:
            client.stop()
    assert client.said("OCSP Response Status: successful")
    assert client.said("Cert Status: good")


@VERSIONS
def test_gnutls_takes_what_we_staple(pki: PKI, tmp_path: Path, version: str) -> None:
    """It verifies the response before it shows it."""
    require(GnuTLS())
    saved = tmp_path / "response"
    with ours.listening(stapling(pki), echo) as server:
        command = ["gnutls-cli", "--port", str(server.port), "--x509cafile", str(pki.authority.root)]
        command += ["--save-ocsp", str(saved), "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}", "127.0.0.1"]
        client = Process([*command, "--sni-hostname", "localhost", "--verify-hostname", "localhost"])
        try:
            client.write_end()
            assert client.wait() == 0
        finally:
            client.stop()
    assert saved.read_bytes() == pki.ocsp_response().read_bytes()


@VERSIONS
@pytest.mark.parametrize(("staples", "code"), [(True, 0), (False, 91)])
def test_curl_insists_on_what_we_staple(pki: PKI, version: str, staples: bool, code: int) -> None:
    """91 is CURLE_SSL_INVALIDCERTSTATUS."""
    require(Curl())
    config = stapling(pki) if staples else ours.server_config(pki)
    with ours.listening(config, Curl.application) as server:
        command = ["curl", "--cert-status", "--cacert", str(pki.authority.root), "--data", "x", "--max-time", "15"]
        command += ["--resolve", f"localhost:{server.port}:127.0.0.1", f"--tlsv{version}", "--tls-max", version]
        client = Process([*command, "--silent", "--http1.1", f"https://localhost:{server.port}/"])
        try:
            assert client.wait() == code
        finally:
            client.stop()
