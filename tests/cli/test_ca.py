from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from tests.ca.programs import openssl
from tests.cli.commands import Turtls
from turtls.ca import Authority, KeyType
from turtls.config import Credential


@pytest.fixture
def ca(turtls: Turtls) -> Turtls:
    """The command line, with an authority made."""
    assert turtls("ca", "init").code == 0
    return turtls


class TestInit:
    def test_it_says_where_and_what_next(self, turtls: Turtls, tmp_path: Path) -> None:
        ended = turtls("ca", "init", "--name", "Lab CA")
        assert ended.code == 0
        assert str(tmp_path / "turtls" / "ca") in ended.out
        assert "turtls trust install" in ended.out
        assert Authority.open().list()[0].names == ("Lab CA",)

    def test_twice_is_refused(self, ca: Turtls) -> None:
        ended = ca("ca", "init")
        assert ended.code == 1
        assert "already" in ended.err

    @pytest.mark.parametrize("key_type", KeyType)
    def test_the_kind_of_key_may_be_chosen(self, turtls: Turtls, key_type: KeyType) -> None:
        ended = turtls("ca", "init", "--key-type", key_type.value, "--json")
        assert Path(json.loads(ended.out)["folder"]) == Authority.open().folder
        algorithm = {"ecdsa": "id-ecPublicKey", "rsa": "rsaEncryption", "ed25519": "ED25519"}.get(key_type.value)
        if algorithm:
            assert algorithm in openssl("x509", "-in", Authority.open().folder / "root.pem", "-noout", "-text").stdout


class TestIssue:
    def test_its_files_work_at_once(self, ca: Turtls, tmp_path: Path) -> None:
        ended = ca("ca", "issue", "localhost", "*.example.org", "127.0.0.1")
        assert ended.code == 0
        assert "localhost.pem" in ended.out
        credential = Credential.load(tmp_path / "localhost.pem", tmp_path / "localhost.key.pem")
        assert credential.leaf.dns_names == ("localhost", "*.example.org")
        assert credential.leaf.ip_addresses == ("127.0.0.1",)
        root = Authority.open().folder / "root.pem"
        leaf = tmp_path / "localhost.pem"
        verified = openssl("verify", "-x509_strict", "-CAfile", root, "-untrusted", leaf, leaf)
        assert verified.returncode == 0, verified.stderr

    def test_the_key_is_its_owners_alone(self, ca: Turtls, tmp_path: Path) -> None:
        ca("ca", "issue", "localhost")
        assert stat.S_IMODE((tmp_path / "localhost.key.pem").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "localhost.pem").stat().st_mode) == 0o644

    def test_json_tells_all_of_it(self, ca: Turtls, tmp_path: Path) -> None:
        ended = ca("ca", "issue", "--days", "30", "--out", tmp_path / "new" / "folder", "--json", "localhost")
        issued = json.loads(ended.out)
        lifetime = datetime.fromisoformat(issued["not_after"]) - datetime.fromisoformat(issued["not_before"])
        assert lifetime == timedelta(days=30, seconds=-1)
        assert issued["kind"] == "server"
        assert issued["revoked_at"] is None
        assert issued["serial"] == Authority.open().list()[-1].serial
        credential = Credential.load(Path(issued["certificate"]), Path(issued["key"]))
        assert credential.leaf.dns_names == ("localhost",)

    @pytest.mark.parametrize(
        ("name", "file"),
        [
            ("*.example.org", "_.example.org"),
            ("::1", "__1"),
            ("MÜNCHEN.example", "MÜNCHEN.example"),
        ],
    )
    def test_the_files_are_named_after_the_first_name(self, ca: Turtls, tmp_path: Path, name: str, file: str) -> None:
        assert ca("ca", "issue", name, "localhost").code == 0
        assert (tmp_path / f"{file}.pem").exists()

    @pytest.mark.parametrize(
        ("name", "file"),
        [
            ("alice@example.org", "alice@example.org"),
            ("Alice Liddell", "Alice_Liddell"),
            ("../../etc/passwd", "_.._etc_passwd"),
        ],
    )
    def test_a_client_goes_by_any_name(self, ca: Turtls, tmp_path: Path, name: str, file: str) -> None:
        assert ca("ca", "issue", "--client", name).code == 0
        assert {path.name for path in tmp_path.iterdir()} == {"turtls", f"{file}.pem", f"{file}.key.pem"}
        text = openssl("x509", "-in", tmp_path / f"{file}.pem", "-noout", "-text").stdout
        assert "TLS Web Client Authentication" in text
        assert name in text

    def test_a_client_has_one_name(self, ca: Turtls) -> None:
        ended = ca("ca", "issue", "--client", "alice", "bob")
        assert ended.code == 2
        assert "one name" in ended.err

    def test_files_are_only_replaced_by_force(self, ca: Turtls, tmp_path: Path) -> None:
        ca("ca", "issue", "localhost")
        before = (tmp_path / "localhost.pem").read_bytes()
        refused = ca("ca", "issue", "localhost")
        assert refused.code == 1
        assert "--force" in refused.err
        assert (tmp_path / "localhost.pem").read_bytes() == before
        assert len(Authority.open().list()) == 3
        assert ca("ca", "issue", "--force", "localhost").code == 0
        assert (tmp_path / "localhost.pem").read_bytes() != before
        credential = Credential.load(tmp_path / "localhost.pem", tmp_path / "localhost.key.pem")
        assert credential.leaf.dns_names == ("localhost",)

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["exa mple"], "not the name of a host"),
            (["*.org"], "wildcard"),
            (["localhost", "--days", "400"], "1 to"),
        ],
    )
    def test_what_cannot_be_is_told_and_leaves_nothing(
        self, ca: Turtls, tmp_path: Path, arguments: list[str], reason: str
    ) -> None:
        ended = ca("ca", "issue", *arguments)
        assert ended.code == 1
        assert reason in ended.err
        assert [path.name for path in tmp_path.iterdir()] == ["turtls"]


class TestList:
    def test_it_shows_each_with_its_days_left(self, ca: Turtls) -> None:
        ca("ca", "issue", "localhost", "::1", "--days", "46")
        serial = Authority.open().list()[-1].serial
        lines = ca("ca", "list").out.splitlines()
        assert lines[0].split() == ["Serial", "For", "Names", "Days", "left"]
        assert lines[3].split() == [serial, "server", "localhost", "45"]
        assert lines[4].split() == ["::1"]

    def test_expired_and_revoked_ones_are_told(self, ca: Turtls, monkeypatch: pytest.MonkeyPatch) -> None:
        past = (datetime.now(UTC) - timedelta(days=100)).timestamp()
        Authority.open(clock=lambda: past).issue(["old.example"])
        serial = Authority.open().issue(["bad.example"]).record.serial
        ca("ca", "revoke", serial, "--reason", "superseded")
        old, bad = ca("ca", "list").out.splitlines()[3:]
        assert old.split()[-1] == "expired"
        assert bad.split()[-2:] == ["revoked", "(superseded)"]

    @pytest.mark.parametrize(("age", "colour"), [(0, "32"), (61, "33"), (100, "31")])
    def test_what_is_to_be_renewed_is_yellow(
        self, ca: Turtls, monkeypatch: pytest.MonkeyPatch, age: int, colour: str
    ) -> None:
        past = (datetime.now(UTC) - timedelta(days=age)).timestamp()
        Authority.open(clock=lambda: past).issue(["a.example"])
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr("turtls.cli.ca.out", Console(highlight=False))
        assert f"\x1b[{colour}m" in ca("ca", "list").out.splitlines()[3]


class TestRevoke:
    def test_it_is_on_record_with_its_reason(self, ca: Turtls) -> None:
        serial = Authority.open().issue(["localhost"]).record.serial
        ended = ca("ca", "revoke", serial, "--reason", "keyCompromise", "--json")
        assert json.loads(ended.out)["revocation_reason"] == "keyCompromise"
        assert json.loads(ca("ca", "list", "--json").out)[-1]["revoked_at"] is not None

    def test_a_person_is_told_what_was_revoked(self, ca: Turtls) -> None:
        serial = Authority.open().issue(["a.example", "b.example"]).record.serial
        assert ca("ca", "revoke", serial).out == f"Revoked the certificate {serial} for a.example, b.example.\n"

    @pytest.mark.parametrize(("arguments", "code"), [(["abc"], 1), (["abc", "--reason", "boredom"], 2), ([], 2)])
    def test_what_cannot_be_is_told(self, ca: Turtls, arguments: list[str], code: int) -> None:
        ended = ca("ca", "revoke", *arguments)
        assert ended.code == code
        assert ended.err != ""


class TestRoot:
    def test_it_goes_to_stdout_to_a_file_or_into_json(self, ca: Turtls, tmp_path: Path) -> None:
        pem = Authority.open().root_pem.decode()
        assert ca("ca", "root").out == pem
        assert json.loads(ca("ca", "root", "--json").out) == {"root": pem}
        assert ca("ca", "root", "--out", tmp_path / "root.pem").out == ""
        assert (tmp_path / "root.pem").read_text() == pem
