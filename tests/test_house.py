"""The rules of the house that a tool can hold: the floors, the one door to cryptography, the light public face."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import turtls

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "turtls").rglob("*.py"))


def imported_by(source: str) -> Iterator[str]:
    """The full name of each module that a source imports anywhere in it; for `from a import b`, both a and a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_contracts_hold() -> None:
    """The floors of docs/design.md and "no I/O in the core", as pyproject.toml tells them to import-linter."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "source",
    [
        "import cryptography.hazmat.primitives.hashes",
        "from cryptography import hazmat",
        "def late():\n    from cryptography.hazmat.primitives import hashes",
    ],
)
def test_an_import_of_hazmat_is_seen(source: str) -> None:
    assert any(name.startswith("cryptography.hazmat") for name in imported_by(source))


EXCEPTIONS = {
    r"# type: ignore": r"# type: ignore\[[a-z-]+\]  # \S",
    r"# noqa": r"# noqa: [A-Z]+\d+ - \S",
    r"\bmark\.(skip|skipif|xfail)\b|\bimportorskip\(": r"\breason=",
    r"\bpytest\.(skip|xfail)\(": r"\((reason|f?\"\S)",
    r"# pragma:": r"# pragma: [a-z ]+ - \S",
}
"""What makes an exception from a check, and how its reason stands beside it."""


@pytest.mark.parametrize(("exception", "with_reason"), EXCEPTIONS.items())
def test_each_exception_has_its_reason(exception: str, with_reason: str) -> None:
    folders = [ROOT / name for name in ("src", "tests", "benchmarks", "fuzz", "docs")]
    for path in (path for folder in folders for path in folder.rglob("*.py") if path != Path(__file__)):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.search(exception, line) or re.search(with_reason, line), f"{path}: {line}"


def test_only_turtls_crypto_imports_hazmat() -> None:
    """Written here, because import-linter sees of an outside package the first name alone."""
    doors = {
        path.relative_to(ROOT / "src" / "turtls").parts[0]
        for path in SOURCES
        if any(name.startswith("cryptography.hazmat") for name in imported_by(path.read_text(encoding="utf-8")))
    }
    assert doors == {"crypto"}


def test_import_turtls_is_light() -> None:
    program = "import sys; before = set(sys.modules); import turtls; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.startswith("turtls")] == ["turtls"]
    assert {"cryptography", "asyncio", "socket", "ssl", "dataclasses"}.isdisjoint(loaded)


def test_connections_import_nothing_that_many_never_need() -> None:
    program = (
        "import sys; before = set(sys.modules); from turtls import ClientConnection, ServerConnection, WebVerifier;"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "turtls.handshake.client13" in loaded
    seldom = {
        "turtls.config.cipher_strings",
        "turtls.config.psk",
        "turtls.config.srp",
        "turtls.crypto.cbc",
        "turtls.crypto.rsa_transport",
        "turtls.handshake.client12",
        "turtls.handshake.early_data",
        "turtls.handshake.server12",
        "turtls.record.protection12",
        "turtls.crypto.srp",
        "turtls.pki.path",
        "turtls.pki.rules",
        "turtls.wire.fingerprint",
        "turtls.wire.v2_hello",
    }
    assert {"asyncio", "certifi", "idna", "pathlib", "tempfile", *seldom}.isdisjoint(loaded)


@pytest.mark.parametrize("name", sorted(set(turtls.__all__) - {"__version__"}))
def test_each_public_name_is_what_its_home_calls_so(name: str) -> None:
    home = importlib.import_module(turtls._HOME[name])
    assert getattr(turtls, name) is getattr(home, name)


def test_the_public_face_lists_its_names_and_no_others() -> None:
    assert set(turtls.__all__) == {*turtls._HOME, "__version__"}
    assert dir(turtls) == sorted(turtls.__all__)
    with pytest.raises(AttributeError, match="no attribute 'SSLContext'"):
        turtls.SSLContext  # noqa: B018 - the look-up is the test


def test_python_dash_m_turtls_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "turtls", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"turtls {turtls.__version__}\n"


@pytest.mark.parametrize("page", ["attacks.md", "limits.md"])
def test_each_test_that_the_lists_of_attacks_and_of_limits_name_exists(page: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert named
    tests = {path: (ROOT / "tests" / path).read_text(encoding="utf-8") for path, _ in named}
    assert [f"{path}::{name}" for path, name in named if f"def {name}(" not in tests[path]] == []


def test_each_bound_that_the_list_of_limits_names_exists() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    rooms = "|".join(path.stem for path in (ROOT / "src" / "turtls").iterdir())
    named = re.findall(rf"`((?:{rooms})\.[\w.]+)`", page)
    assert len(named) > 20
    for name in named:
        pkgutil.resolve_name(f"turtls.{name}")


def test_each_limit_that_the_core_and_the_io_have_is_in_the_list() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    rooms = {room: importlib.import_module(f"turtls.{room}.limits") for room in ("record", "io", "pki")}
    limits = {f"{room}.limits.{name}" for room, module in rooms.items() for name in vars(module) if name.isupper()}
    not_of_the_peer = {
        "record.limits.MAX_INNER_PLAINTEXT",  # MAX_PLAINTEXT and the type
        "record.limits.MIN_RECORD_SIZE_LIMIT",
        "record.limits.RECORDS_BEFORE_LIMIT",
        "io.limits.RESOURCES_PAUSE",
    }
    assert {name for name in limits if f"`{name}`" not in page} == not_of_the_peer
