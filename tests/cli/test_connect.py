from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

import turtls as tls
from tests.cli.commands import Turtls
from tests.cli.serving import Serving, serving
from tests.explain.handshakes import server_config
from tests.explain.test_chapters import SIX
from turtls.ca import Authority


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("home"), "--echo") as server:
        yield server


def piped(server: Serving, stdin: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """`turtls connect` as a process, with bytes on its stdin."""
    command = [
        sys.executable,
        "-m",
        "turtls",
        "connect",
        f"localhost:{server.port}",
        "--ca",
        str(server.ca),
        *arguments,
    ]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=30, env={"COLUMNS": "120"})


def test_stdin_goes_to_the_peer_and_its_answer_to_stdout(echo: Serving) -> None:
    body = bytes(range(256)) * 2000
    done = piped(echo, body)
    assert (done.returncode, done.stdout) == (0, body)
    story = done.stderr.decode()
    for line in ("ClientHello", "ServerHello", "CertificateVerify", "X25519MLKEM768", "turtls local CA", "Safe:"):
        assert line in story
    assert "legacy_session_id" not in story


def test_a_stdin_that_is_closed_is_at_its_end(echo: Serving) -> None:
    line = f"{sys.executable} -m turtls connect localhost:{echo.port} --ca {echo.ca} <&-"
    ended = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr


def test_an_end_of_stdin_without_a_byte_ends_it(echo: Serving) -> None:
    assert piped(echo, b"").returncode == 0


def test_trace_shows_what_each_message_says(echo: Serving) -> None:
    story = piped(echo, b"", "--trace").stderr.decode()
    assert "legacy_session_id" in story
    assert '"localhost"' in story
    assert "server_handshake_traffic_secret" in story
    assert "0000  01 00 " not in story


def test_trace_names_the_six_steps_of_a_classic_rsa_handshake(tmp_path: Path) -> None:
    with serving(tmp_path, "--policy", "legacy", "--key-type", "rsa") as server:
        story = piped(
            server, b"", "--trace", "--policy", "legacy", "--suites", "TLS_RSA_WITH_AES_128_CBC_SHA"
        ).stderr.decode()
    headings = re.findall(r"│  (\d\. [a-z ]+?) +│", story)
    assert headings == [f"{number}. {name}" for number, name in enumerate(SIX, 1)]
    assert "TLS_RSA_WITH_AES_128_CBC_SHA: what the client sends from here on is encrypted" in story
    assert "Not safe." in story


def test_verbose_shows_the_bytes(echo: Serving) -> None:
    assert "0000  01 00 " in piped(echo, b"", "-v").stderr.decode()


def test_resume_shows_that_the_second_connection_resumed(echo: Serving) -> None:
    story = piped(echo, b"", "--resume").stderr.decode()
    first, _, second = story.partition("Once more, with the ticket:")
    assert "CertificateVerify" in first
    assert "CertificateVerify" not in second
    assert "resumed" in second


def test_json(turtls: Turtls, echo: Serving) -> None:
    ended = turtls("connect", f"localhost:{echo.port}", "--ca", echo.ca, "--json")
    assert (ended.code, ended.err) == (0, "")
    plain = json.loads(ended.out)
    assert plain["negotiated"]["version"] == "TLS 1.3"
    assert plain["safe"] is True
    assert plain["certificates"][0]["names"][0] == "localhost"
    assert len(plain["certificates"]) == 3
    assert plain["handshake"][0]["name"] == "ClientHello"


def test_groups_suites_and_alpn_are_offered_as_asked(turtls: Turtls, tmp_path: Path) -> None:
    with serving(tmp_path / "home") as server:
        chosen = ("--groups", "secp384r1", "--suites", "TLS_CHACHA20_POLY1305_SHA256", "--alpn", "http/1.1")
        ended = turtls("connect", f"localhost:{server.port}", "--ca", server.ca, "--json", *chosen)
    negotiated = json.loads(ended.out)["negotiated"]
    assert negotiated["group"] == "secp384r1"
    assert negotiated["cipher_suite"] == "TLS_CHACHA20_POLY1305_SHA256"
    assert negotiated["alpn"] == "http/1.1"


def test_who_is_not_trusted_is_shown_with_the_reason(turtls: Turtls, echo: Serving) -> None:
    ended = turtls("connect", f"localhost:{echo.port}")
    assert ended.code == 3
    assert ended.out == ""
    assert "turtls local CA issuing" in ended.err
    assert "not issued by anyone this side trusts" in ended.err


def test_an_untrusted_peer_in_json(turtls: Turtls, echo: Serving) -> None:
    ended = turtls("connect", f"localhost:{echo.port}", "--json")
    plain = json.loads(ended.out)
    assert (ended.code, plain["safe"]) == (3, False)
    assert "trusts" in plain["reasons"][0]
    assert plain["certificates"][0]["names"][0] == "localhost"


def test_another_name_than_the_certificates_is_not_trusted(turtls: Turtls, echo: Serving) -> None:
    ended = turtls("connect", f"localhost:{echo.port}", "--ca", echo.ca, "--server-name", "other.test")
    assert ended.code == 3
    assert "other name" in ended.err


def test_going_on_with_anyone_is_called_not_safe(turtls: Turtls, echo: Serving) -> None:
    ended = turtls("connect", f"localhost:{echo.port}", "--danger-accept-any", "--json")
    plain = json.loads(ended.out)
    assert (ended.code, plain["safe"]) == (0, False)
    assert "Nobody vouched" in plain["reasons"][0]


def test_a_port_where_nobody_listens(turtls: Turtls) -> None:
    ended = turtls("connect", "127.0.0.1:1")
    assert ended.code == 4
    assert "No connection to 127.0.0.1, port 1: Connection refused." in ended.err


def test_a_host_that_does_not_exist(turtls: Turtls) -> None:
    ended = turtls("connect", "does-not-exist.invalid")
    assert ended.code == 4
    assert "No connection to does-not-exist.invalid" in ended.err


@pytest.mark.parametrize("greeting", [b"", b"220 smtp.example ESMTP\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_a_peer_that_does_not_speak_tls(turtls: Turtls, greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            sock, _ = server.accept()
            sock.sendall(greeting)
            sock.recv(4096)
            sock.close()

        threading.Thread(target=greet, daemon=True).start()
        ended = turtls("connect", f"127.0.0.1:{server.getsockname()[1]}", "--json")
    assert ended.code == 5


def test_a_peer_that_says_nothing_is_not_waited_for_forever(turtls: Turtls) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = turtls("connect", f"127.0.0.1:{server.getsockname()[1]}", "--timeout", "0.2", "--json")
    assert ended.code == 5


def test_a_server_that_gives_no_tickets(turtls: Turtls) -> None:
    with tls.listen("127.0.0.1", 0, replace(server_config(), tickets=None)) as listener:
        threading.Thread(
            target=listener.serve_forever, args=(lambda connection: connection.recv(1),), daemon=True
        ).start()
        port = listener.getsockname()[1]
        ended = turtls("connect", f"localhost:{port}", "--danger-accept-any", "--json", "--resume", "--timeout", "0.5")
    assert ended.code == 0
    assert json.loads(ended.out)["negotiated"]["resumed"] is False


def test_a_client_certificate(turtls: Turtls, tmp_path: Path) -> None:
    authority = Authority.init(tmp_path / "clients")
    alice = authority.issue_client("alice")
    (tmp_path / "alice.pem").write_bytes(alice.chain_pem)
    (tmp_path / "alice.key").write_bytes(alice.key_pem)
    clients = tmp_path / "clients" / "root.pem"
    with serving(tmp_path / "home", "--client-ca", clients, "--require-client-certificate") as server:
        trusted = ("connect", f"localhost:{server.port}", "--ca", server.ca, "--json")
        ended = turtls(*trusted, "--cert", tmp_path / "alice.pem", "--key", tmp_path / "alice.key")
    assert ended.code == 0
    sent = [step["name"] for step in json.loads(ended.out)["handshake"] if step["side"] == "client"]
    assert "CertificateVerify" in sent


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[list[object]]:
    """A server that wants a certificate, and the words that connect to it with one whose key has a passphrase."""
    authority = Authority.init(tmp_path / "clients")
    alice = authority.issue_client("alice")
    key = load_pem_private_key(alice.key_pem, None)
    sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
    (tmp_path / "alice.pem").write_bytes(alice.chain_pem + sealed)
    clients = tmp_path / "clients" / "root.pem"
    with serving(tmp_path / "home", "--client-ca", clients, "--require-client-certificate") as server:
        trusted = ("connect", f"localhost:{server.port}", "--ca", server.ca, "--json")
        yield [*trusted, "--cert", tmp_path / "alice.pem"]


@pytest.mark.parametrize(
    ("written", "code", "said"),
    [
        (b"open sesame\nanother line\n", 0, ""),
        (b"open barley\n", 1, "Is the password right?"),
        (b"\n", 1, "has no passphrase in its first line"),
        (None, 1, "alice.pem is encrypted: give its passphrase by --passphrase-file"),
    ],
)
def test_the_passphrase_of_a_key(
    turtls: Turtls, encrypted: list[object], tmp_path: Path, written: bytes | None, code: int, said: str
) -> None:
    if written is not None:
        (tmp_path / "passphrase").write_bytes(written)
        encrypted += ["--passphrase-file", tmp_path / "passphrase"]
    ended = turtls(*encrypted)
    assert ended.code == code
    assert said in ended.err


def test_at_a_terminal_a_person_is_asked_for_the_passphrase(encrypted: list[object]) -> None:
    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "turtls", *map(str, encrypted)]
    with subprocess.Popen(command, preexec_fn=partial(os.login_tty, inside)) as process, open(terminal, "r+b", 0) as us:
        os.close(inside)
        shown = b""
        while b"Passphrase of the key in" not in shown or not shown.endswith(b": "):
            shown += us.read(1000)
        us.write(b"open sesame\n")
        with suppress(OSError):  # so Linux tells the end of a terminal
            while more := us.read(1000):
                shown += more
    assert process.returncode == 0
    assert b"CertificateVerify" in shown
    assert b"sesame" not in shown


def test_the_secrets_are_logged_where_asked(turtls: Turtls, echo: Serving, tmp_path: Path) -> None:
    keylog = tmp_path / "secrets"
    turtls("connect", f"localhost:{echo.port}", "--ca", echo.ca, "--json", "--keylog", keylog)
    assert "SERVER_TRAFFIC_SECRET_0" in keylog.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["localhost:x"], "x is not a port"),
        (["[::1"], "write [::1] or [::1]:443"),
        ([":443"], "names no host"),
        (["localhost", "--groups", "x25519,nonsense"], "nonsense is not a NamedGroup. Known are: secp256r1"),
        (["localhost", "--suites", ","], "The list of CipherSuites is empty"),
        (["localhost", "--key", "x"], "--cert is needed"),
        (["localhost", "--passphrase-file", "x"], "--cert is needed"),
        (["localhost", "--cert", "x", "--passphrase-file", "/does/not/exist"], "/does/not/exist: No such file"),
        (["localhost", "--ca", "/does/not/exist"], "/does/not/exist"),
        (["localhost", "--keylog", "/does/not/exist"], "Cannot write /does/not/exist"),
    ],
)
def test_a_wrong_command_line_is_told_apart(turtls: Turtls, arguments: list[str], said: str) -> None:
    ended = turtls("connect", *arguments)
    assert ended.code == 1
    assert said in ended.err
