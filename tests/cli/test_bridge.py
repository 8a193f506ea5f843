from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.commands import Turtls
from tests.cli.serving import serving
from tests.interop.processes import Process, free_port, wait_for_listener
from turtls.bridge import Crossing
from turtls.ca import Authority
from turtls.cli import bridge
from turtls.config import Negotiated
from turtls.crypto.issuing import KeyType
from turtls.wire.registries import CipherSuite, ProtocolVersion

V = ProtocolVersion
TLS10 = ("-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0")


def say(port: int, ca: Path, *options: str) -> bytes:
    """What comes back through openssl's client, which trusts that authority alone."""
    command = ["openssl", "s_client", "-quiet", "-no_ign_eof", "-connect", f"127.0.0.1:{port}", "-CAfile", str(ca)]
    command += ["-verify_return_error", "-servername", "localhost", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"over the bridge\n")
        process.stdin.flush()
        try:
            return process.stdout.readline()
        finally:
            process.kill()


@contextmanager
def service_of_tls_1_0(folder: Path) -> Iterator[tuple[int, Path]]:
    """openssl's server, which says lines backwards; its port, and who vouches for it."""
    authority = Authority.init(folder / "service")
    issued = authority.issue(["localhost"], key_type=KeyType.RSA)
    pem = folder / "service.pem"
    pem.write_bytes(issued.chain_pem + issued.key_pem)
    port = free_port()
    command = ["openssl", "s_server", "-accept", f"{port}", "-rev", "-quiet", *TLS10]
    server = Process([*command, "-cert", f"{pem}", "-cert_chain", f"{pem}"])
    try:
        wait_for_listener(server, port)
        yield port, folder / "service" / "root.pem"
    finally:
        server.stop()


@pytest.mark.interop
def test_a_device_of_tls_1_0_reaches_a_service_of_tls_1_3(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--echo", "--policy", "modern") as service,
        serving(tmp_path, f"localhost:{service.port}", "--ca", service.ca, command="bridge") as bridge,
    ):
        assert say(service.port, service.ca, *TLS10) == b""
        assert say(bridge.port, bridge.ca, *TLS10) == b"over the bridge\n"
        told = bridge.event("crossing")
    assert (told["device"]["version"], told["service"]["version"]) == ("TLS 1.0", "TLS 1.3")
    assert told["device"]["cipher_suite"] == "TLS_RSA_WITH_AES_128_CBC_SHA"
    assert told["weak_side"] == "device"
    assert told["service_weaknesses"] == []
    assert any("TLS 1.0" in why for why in told["device_weaknesses"])


@pytest.mark.interop
def test_a_modern_client_reaches_a_service_of_tls_1_0(tmp_path: Path) -> None:
    with (
        service_of_tls_1_0(tmp_path) as (port, ca),
        serving(
            tmp_path,
            f"localhost:{port}",
            *("--ca", ca, "--listen-policy", "modern", "--connect-policy", "legacy", "--key-type", "ecdsa"),
            command="bridge",
        ) as bridge,
    ):
        assert say(bridge.port, bridge.ca, *TLS10) == b""
        assert "no TLS version in common" in bridge.event("failure")["reason"]
        assert say(bridge.port, bridge.ca, "-tls1_3") == b"egdirb eht revo\n"
        told = bridge.event("crossing")
    assert (told["device"]["version"], told["service"]["version"]) == ("TLS 1.3", "TLS 1.0")
    assert told["weak_side"] == "service"
    assert told["device_weaknesses"] == []
    assert any("TLS 1.0" in why for why in told["service_weaknesses"])


@pytest.mark.interop
def test_a_service_that_nobody_vouches_for_is_called_weak(tmp_path: Path) -> None:
    with serving(tmp_path / "service", "--echo") as service:
        arguments = (f"localhost:{service.port}", "--danger-accept-any")
        with serving(tmp_path / "bridge", *arguments, command="bridge") as bridge:
            assert say(bridge.port, bridge.ca, "-tls1_3") == b"over the bridge\n"
            told = bridge.event("crossing")
    assert told["weak_side"] == "service"
    assert "Nobody vouched" in told["service_weaknesses"][0]


@pytest.mark.interop
def test_a_service_that_is_not_to_be_trusted_is_not_reached(tmp_path: Path) -> None:
    with serving(tmp_path / "service", "--echo") as service:
        arguments = (f"localhost:{service.port}", "--ca", _stranger(tmp_path))
        with serving(tmp_path / "bridge", *arguments, command="bridge") as bridge:
            assert say(bridge.port, bridge.ca, "-tls1_3") == b""
            told = bridge.event("crossing")
    assert told["service"] is None
    assert "localhost" in told["error"]


def _stranger(tmp_path: Path) -> Path:
    Authority.init(tmp_path / "stranger")
    return tmp_path / "stranger" / "root.pem"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["localhost:no"], "not a port"),
        (["localhost", "--listen-policy", "old"], "old"),
        (["localhost", "--connect-policy", "old"], "old"),
        (["localhost", "--host", "192.0.2.1"], "Cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_bridged_is_said(turtls: Turtls, arguments: list[str], said: str) -> None:
    ended = turtls("bridge", "--port", "0", "--key-type", "ecdsa", *arguments)
    assert ended.code == 1
    assert said in ended.err


def test_the_log_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Two sides, green or red, and then which of them is weak and why."""
    old = Negotiated(version=V.TLS_1_0, cipher_suite=CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA)
    log = bridge._Log(as_json=False)
    log.crossing(Crossing(("192.0.2.7", 4433), old, None, OSError("it\x1b[2J is away")))
    told = capsys.readouterr().out
    assert "192.0.2.7:4433" in told
    assert "TLS 1.0 TLS_RSA_WITH_AES_128_CBC_SHA | no service: it\\x1b[2J is away" in told
    assert "Weak device: TLS 1.0: outdated since 2021" in told
    assert "CBC mode has a history of attacks" in told
