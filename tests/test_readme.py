"""The README's client, server and streams run as they stand there, but for the place they meet at."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest

from tests.interop.pki import PKI

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def example(title: str) -> str:
    """The Python block that follows the line `title`."""
    found = re.search(rf"^{title}\n+```python\n(.*?)```", README, re.MULTILINE | re.DOTALL)
    assert found, f"the README has nothing under {title!r}"
    return found[1]


CLIENT, SERVER, STREAMS = example("A client:"), example("A server:"), example("## asyncio, and no I/O at all")


def moved(program: str, *places: tuple[str, str]) -> str:
    """The program with one place put for another, each of which must be in it."""
    for old, new in places:
        assert old in program
        program = program.replace(old, new)
    return program


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where the README's server listens."""
    pki = PKI(tmp_path)
    files = pki.files()
    (tmp_path / "chain.pem").write_bytes(files.certificate.read_bytes())
    (tmp_path / "key.pem").write_bytes(files.key.read_bytes())
    (tmp_path / "root.pem").write_bytes(pki.authority.root.read_bytes())
    tell = "    print(listener.getsockname()[1], flush=True)\n    listener.serve_forever"
    program = moved(SERVER, ("8443", "0"), ("    listener.serve_forever", tell))
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield int(server.stdout.readline())
        server.terminate()


def run(program: str, folder: Path) -> str:
    """What the program prints, where the test's root is trusted; nothing may come on stderr."""
    environment = {name: value for name, value in os.environ.items() if name != "SSL_CERT_DIR"}
    environment["SSL_CERT_FILE"] = str(folder / "root.pem")
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


def test_the_client_reads_what_the_server_sends(port: int, tmp_path: Path) -> None:
    assert run(moved(CLIENT, ('"example.org", 443', f'"localhost", {port}')), tmp_path) == "hello\n\n"


def test_the_streams_read_what_the_server_sends(port: int, tmp_path: Path) -> None:
    fragment = moved(STREAMS, ('"example.org", 443', f'"localhost", {port}'))
    rest = "print(await reader.read())\nwriter.close()\nawait writer.wait_closed()\n"
    program = f"import asyncio, turtls\nasync def main():\n{indent(fragment + rest, '    ')}asyncio.run(main())"
    assert run(program, tmp_path) == "b'hello\\n'\n"


@pytest.mark.parametrize("program", [CLIENT, SERVER])
def test_the_examples_are_five_lines(program: str) -> None:
    assert len([line for line in program.splitlines() if line]) <= 5
