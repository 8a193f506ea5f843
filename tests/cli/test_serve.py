from __future__ import annotations

import asyncio
import http.server
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import turtls as tls
from tests.cli.commands import Turtls
from tests.cli.serving import Serving, serving
from turtls.ca import Authority
from turtls.cli import listening
from turtls.config import ServerConfig
from turtls.io.server import TLSServer
from turtls.pki import PrivateVerifier, TrustStore


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with turtls' own page."""
    with serving(tmp_path_factory.mktemp("home")) as server:
        yield server


def test_the_first_start_makes_a_ca_and_the_next_one_uses_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.started["names"][:3] == ["localhost", "127.0.0.1", "::1"]
        assert server.started["authority"] == str(tmp_path / "ca")
        root = server.ca.read_bytes()
    with serving(tmp_path) as server:
        assert server.ca.read_bytes() == root
        assert server.curl(server.url()).returncode == 0


@pytest.mark.interop
@pytest.mark.parametrize(("version", "spoken"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl_gets_the_page(page: Serving, version: str, spoken: str) -> None:
    done = page.curl(version, "--write-out", "\n%{http_code} %{http_version} %{ssl_verify_result}", page.url())
    assert done.stderr == b""
    body, _, summary = done.stdout.rpartition(b"\n")
    assert summary.decode() == f"200 {spoken} 0"
    assert b"This connection is private." in body
    assert b"TLS 1.3" in body
    event = page.event("connection")
    assert (event["version"], event["server_name"]) == ("TLS 1.3", "localhost")


@pytest.mark.interop
def test_localhost_is_both_of_its_addresses(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(tmp_path, "--port", port) as server:
        assert server.curl(f"https://127.0.0.1:{port}/").returncode == 0
        if listening.addresses("localhost", port) == ["127.0.0.1", "::1"]:
            assert server.curl(f"https://[::1]:{port}/").returncode == 0


@pytest.mark.interop
def test_curl_refuses_a_name_that_the_certificate_is_not_for(page: Serving) -> None:
    done = page.curl("--resolve", f"other.test:{page.port}:127.0.0.1", f"https://other.test:{page.port}/")
    assert done.returncode == 60


@pytest.mark.interop
def test_the_handshake_is_there_for_programs(page: Serving) -> None:
    plain = json.loads(page.curl(page.url("/handshake.json")).stdout)
    assert plain["negotiated"]["version"] == "TLS 1.3"
    assert plain["negotiated"]["signature_scheme"] == "ecdsa_secp256r1_sha256"
    assert plain["certificates"][0]["names"][0] == "localhost"
    names = [step["name"] for step in plain["handshake"] if step["kind"] == "HandshakeMessageSeen"]
    assert names[:2] == ["ClientHello", "ServerHello"]
    hello = plain["handshake"][0]
    offered = [field["name"] for field in hello["fields"]]
    assert offered[:4] == ["msg_type", "length", "legacy_version", "random"]
    assert len(bytes.fromhex(hello["bytes"])) > 100


@pytest.mark.interop
def test_what_is_not_there_is_a_404_and_what_cannot_be_done_a_405(page: Serving) -> None:
    assert page.curl("--write-out", "%{http_code}", page.url("/other")).stdout.endswith(b"404")
    assert page.curl("--write-out", "%{http_code}", "--data", "x", page.url()).stdout.endswith(b"405")


@pytest.mark.interop
def test_plain_http_is_sent_to_https(page: Serving) -> None:
    done = page.curl("--include", f"http://localhost:{page.port}/a?b=c")
    assert done.stdout.startswith(b"HTTP/1.1 307")
    assert f"location: https://localhost:{page.port}/a?b=c".encode() in done.stdout
    assert "plain HTTP" in page.event("failure")["reason"]


@pytest.mark.interop
def test_plain_http_with_a_body_is_told_what_was_wrong(page: Serving) -> None:
    done = page.curl("--include", "--data", "secret", f"http://localhost:{page.port}/")
    assert done.stdout.startswith(b"HTTP/1.1 400")
    assert b"This port speaks HTTPS" in done.stdout
    assert "plain HTTP" in page.event("failure")["reason"]


def test_who_does_not_trust_the_ca_is_logged_with_a_sentence(page: Serving) -> None:
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", page.port), 10) as sock, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(sock, server_hostname="localhost")
    assert "unknown_ca" in page.event("failure")["reason"]


def test_garbage_is_survived(page: Serving) -> None:
    with socket.create_connection(("127.0.0.1", page.port), 10) as sock:
        sock.sendall(b"\0" * 100)
        sock.settimeout(10)
        assert len(sock.recv(1000)) == 7  # an alert
    assert page.event("failure")["reason"]


@pytest.mark.interop
def test_a_folder(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "hello.txt").write_text("hello")
    with serving(tmp_path / "home", site) as server:
        assert server.curl(server.url("/hello.txt")).stdout == b"hello"
        assert b"hello.txt" in server.curl(server.url("/")).stdout
        assert server.curl("--range", "1-2", server.url("/hello.txt")).stdout == b"el"


class _Application(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = json.dumps({"proto": self.headers["x-forwarded-proto"], "length": len(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.mark.interop
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_an_application_behind(tmp_path: Path, version: str) -> None:
    application = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Application)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    large = tmp_path / "large"
    large.write_bytes(bytes(3_000_000))
    try:
        with serving(tmp_path / "home", "--upstream", f"http://127.0.0.1:{application.server_port}") as server:
            done = server.curl(version, "--data-binary", f"@{large}", server.url())
            assert json.loads(done.stdout) == {"proto": "https", "length": 3_000_000}
    finally:
        application.shutdown()
        application.server_close()


def test_an_echo(tmp_path: Path) -> None:
    with serving(tmp_path, "--echo") as server:
        config = tls.ClientConfig(verifier=PrivateVerifier(TrustStore.from_file(server.ca)))
        with tls.connect("localhost", server.port, config=config, timeout=20) as connection:
            connection.sendall(b"to the byte")
            assert connection.makefile("rb").read(11) == b"to the byte"
        assert server.event("connection")["version"] == "TLS 1.3"


@pytest.mark.interop
def test_the_names_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, "--name", "one.test", "--name", "*.two.test") as server:
        assert server.started["url"] == f"https://one.test:{server.port}/"
        for name, code in (("one.test", 0), ("a.two.test", 0), ("localhost", 60)):
            resolve = ("--resolve", f"{name}:{server.port}:127.0.0.1")
            assert server.curl(*resolve, f"https://{name}:{server.port}/").returncode == code


@pytest.mark.interop
def test_clients_can_be_asked_for_certificates(tmp_path: Path) -> None:
    authority = Authority.init(tmp_path / "clients")
    client_ca = tmp_path / "clients" / "root.pem"
    alice = authority.issue_client("alice")
    pem = tmp_path / "alice.pem"
    pem.write_bytes(alice.chain_pem + alice.key_pem)
    with serving(tmp_path / "home", "--client-ca", client_ca, "--require-client-certificate") as server:
        assert server.curl("--cert", str(pem), server.url()).returncode == 0
        assert server.curl(server.url()).returncode != 0
        assert "no certificate" in server.event("failure")["reason"]


@pytest.mark.interop
def test_the_secrets_are_logged_only_where_asked(tmp_path: Path) -> None:
    keylog = tmp_path / "secrets"
    with serving(tmp_path / "home", "--keylog", keylog) as server:
        server.curl(server.url())
    labels = {line.split()[0] for line in keylog.read_text().splitlines()}
    assert "CLIENT_TRAFFIC_SECRET_0" in labels
    assert keylog.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told_to(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path) as server:
        assert server.stop(how) == 0


def test_an_answer_under_way_is_finished_before_the_end(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "large").write_bytes(bytes(20_000_000))
    with serving(tmp_path / "home", site) as server:
        config = tls.ClientConfig(verifier=PrivateVerifier(TrustStore.from_file(server.ca)))
        with tls.connect("localhost", server.port, config=config, timeout=20) as connection:
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
            file = connection.makefile("rb")
            assert b"200" in file.readline()
            threading.Timer(0.2, lambda: server.stop()).start()
            while file.readline() != b"\r\n":
                pass
            assert len(file.read(20_000_000)) == 20_000_000
            assert file.read() == b""  # a close_notify, not a cut


def test_a_busy_port_is_said_plainly(turtls: Turtls) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = turtls("serve", "--port", taken.getsockname()[1])
    assert ended.code == 1
    assert f"Port {taken.getsockname()[1] if taken.fileno() != -1 else ''}".strip() in ended.err
    assert "--port" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--echo", "--upstream", "http://127.0.0.1:1"], "exclude each other"),
        (["--upstream", "ftp://127.0.0.1"], "must be an http:// address"),
        (["--require-client-certificate"], "needs --client-ca"),
        (["--name", "not a name"], "not a name"),
        (["--policy", "ECDHE:NOPE"], "NOPE"),
        (["--host", "192.0.2.1"], "Cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_served_is_said(turtls: Turtls, arguments: list[str], said: str) -> None:
    ended = turtls("serve", "--port", "0", *arguments)
    assert ended.code == 1
    assert said in ended.err


def test_the_log_for_people(tmp_path: Path) -> None:
    environment = {"TURTLS_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "turtls", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first.startswith("Serving https://localhost:")
            port = int(first.split(":")[2].split("/")[0])
            intro = [process.stdout.readline() for _ in range(3)]
            assert intro[0].startswith("A new CA was made in")
            assert "turtls trust install" in intro[2]
            config = tls.ClientConfig(verifier=PrivateVerifier(TrustStore.from_file(tmp_path / "ca" / "root.pem")))
            with tls.connect("localhost", port, config=config, timeout=20):
                line = process.stdout.readline()
            assert "TLS 1.3  X25519MLKEM768  TLS_AES_128_GCM_SHA256  localhost" in line
            with socket.create_connection(("127.0.0.1", port), 10) as sock:
                sock.sendall(b"EHLO me\r\n")
            assert "does not speak TLS" in process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize("why", ["age", "revoked"])
def test_the_certificate_is_renewed_while_it_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """The next visitor sees another certificate, without a restart."""
    monkeypatch.setenv("TURTLS_HOME", str(tmp_path))
    monkeypatch.setattr(listening, "_LOOK_AGAIN_SECONDS", 0.1)
    certificates = listening.Certificates(["localhost"], None)
    (first,) = certificates.credentials
    if why == "age":
        for kept in (tmp_path / "ca" / "credentials").iterdir():
            kept.unlink()  # as if it were not fresh any more
    else:
        certificates.authority.revoke(f"{first.leaf.certificate.serial_number:x}")

    async def scenario() -> TLSServer:
        server = TLSServer(ServerConfig(credentials=(first,)))
        task = asyncio.create_task(certificates.renew_forever(server, listening.Log(True)))
        while server.config.credentials == (first,):  # noqa: ASYNC110 - a configuration is no event
            await asyncio.sleep(0.05)
        task.cancel()
        return server

    server = asyncio.run(asyncio.wait_for(scenario(), 20))
    assert server.config.credentials[0].chain != first.chain


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_server_whose_log_nobody_reads_ends(tmp_path: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "turtls", "serve", "--port", "0", "--name", "localhost", *options]
    environment = {"TURTLS_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]  # both are pipes
        try:
            lines = [process.stdout.readline() for _ in range(1 if options else 4)]
            port = int(re.findall(r"https://localhost:(\d+)/", lines[0])[0])
            process.stdout.close()
            config = tls.ClientConfig(verifier=PrivateVerifier(TrustStore.from_file(tmp_path / "ca" / "root.pem")))
            with tls.connect("localhost", port, config=config, timeout=20):
                assert process.wait(20) == 1
            assert process.stderr.read() == ""
        finally:
            process.kill()


@pytest.mark.interop
def test_old_and_new_visitors_get_a_certificate_each_of_their_kind(tmp_path: Path) -> None:
    with serving(tmp_path, "--policy", "legacy", "--key-type", "ecdsa", "--key-type", "rsa") as server:
        for options, version, suite in (
            (["-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"], "TLS 1.0", "TLS_RSA_WITH_AES_128_CBC_SHA"),
            (["-tls1_2", "-cipher", "ECDHE+AESGCM"], "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        ):
            command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", str(server.ca)]
            command += ["-verify_return_error", *options]
            assert subprocess.run(command, input=b"", capture_output=True, timeout=30).returncode == 0
            event = server.event("connection")
            assert (event["version"], event["cipher_suite"]) == (version, suite)


@pytest.mark.interop
@pytest.mark.parametrize(("key_type", "signature"), [("rsa", "rsa_pss_rsae_sha256"), ("ml-dsa-65", "mldsa65")])
def test_the_key_asked_for(tmp_path: Path, key_type: str, signature: str) -> None:
    with serving(tmp_path, "--echo", "--key-type", key_type) as server:
        config = tls.ClientConfig(verifier=PrivateVerifier(TrustStore.from_file(server.ca)))
        with tls.connect("localhost", server.port, config=config, timeout=20) as connection:
            assert connection.negotiated is not None
            assert str(connection.negotiated.signature_scheme) == signature


@pytest.mark.interop
def test_a_policy_refuses_what_it_does_not_hold(tmp_path: Path) -> None:
    with serving(tmp_path, "--policy", "modern") as server:
        assert server.curl("--tls-max", "1.2", server.url()).returncode == 35
        assert "version" in server.event("failure")["reason"]
        assert server.curl("--tlsv1.3", server.url()).returncode == 0
