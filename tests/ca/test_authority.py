from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from turtls.ca import Authority, AuthorityError, KeyType, Kind, RevocationReason, renewal_time
from turtls.config import Credential
from turtls.errors import ConfigError

DAY = 86400.0


class Clock:
    """The time as a test wants it, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run(program: str, *arguments: Path) -> subprocess.Popen[str]:
    """A Python program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(*processes: subprocess.Popen[str]) -> list[str]:
    """What each of them printed, once all have ended well."""
    printed = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), printed
    return [output for output, _ in printed]


class TestInit:
    def test_it_makes_a_root_and_an_issuing_certificate(self, authority: Authority) -> None:
        root, issuing = authority.list()
        assert (root.kind, issuing.kind) == (Kind.ROOT, Kind.ISSUING)
        assert root.names == ("turtls local CA",)
        x509.load_der_x509_certificate(issuing.der).verify_directly_issued_by(authority.root)
        assert authority.root_pem == (authority.folder / "root.pem").read_bytes()

    def test_nothing_of_it_can_be_read_by_others(self, tmp_path: Path) -> None:
        umask = os.umask(0)
        try:
            authority = Authority.init(tmp_path / "ca")
            authority.credential_for(["localhost"])
        finally:
            os.umask(umask)
        for path in [authority.folder, *authority.folder.rglob("*")]:
            public = path.name in ("root.pem", "issuing.pem")
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o644 if public else 0o700 if path.is_dir() else 0o600), path

    def test_the_databases_other_files_cannot_be_read_by_others_either(self, authority: Authority) -> None:
        """While someone has the database open, SQLite keeps two more files beside it."""
        connection = sqlite3.connect(authority.folder / "authority.db")
        connection.execute("SELECT count(*) FROM certificates").fetchone()
        authority.issue(["localhost"])
        files = list(authority.folder.glob("authority.db*"))
        assert len(files) == 3
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        connection.close()

    def test_it_lives_where_the_environment_says(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TURTLS_HOME", str(tmp_path / "turtls"))
        assert Authority.init().folder == tmp_path / "turtls" / "ca"
        monkeypatch.delenv("TURTLS_HOME")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        assert Authority.open_or_init().folder == tmp_path / "data" / "turtls" / "ca"

    def test_it_never_replaces_an_authority(self, authority: Authority) -> None:
        with pytest.raises(AuthorityError, match="already"):
            Authority.init(authority.folder)
        assert Authority.open(authority.folder).root == authority.root

    def test_it_never_moves_into_something_else(self, tmp_path: Path) -> None:
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "letter.txt").touch()
        (tmp_path / "file").touch()
        for path in (tmp_path / "full", tmp_path / "file"):
            with pytest.raises(AuthorityError, match="something else"):
                Authority.init(path)

    def test_an_empty_folder_is_taken(self, tmp_path: Path) -> None:
        (tmp_path / "ca").mkdir()
        assert Authority.init(tmp_path / "ca").folder == tmp_path / "ca"

    @pytest.mark.parametrize("name", ["", "a" * 41, "é" * 21, "new\nline"])
    def test_the_name_must_fit(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ConfigError, match="authority's name"):
            Authority.init(tmp_path / "ca", name=name)

    def test_the_name_stands_in_the_certificates(self, tmp_path: Path) -> None:
        authority = Authority.init(tmp_path / "ca", name="Zoë's lab")
        assert "O=Zoë's lab" in authority.root.subject.rfc4514_string()

    def test_a_crash_on_the_way_leaves_nothing_that_counts(self, tmp_path: Path) -> None:
        """The process is gone when the keys are written, and before the record is."""
        crash = (
            "import os, pathlib, sys; from turtls.ca import Authority, store;"
            "store.Store.add = lambda *_: os._exit(9);"
            "Authority.init(pathlib.Path(sys.argv[1]))"
        )
        process = run(crash, tmp_path / "ca")
        process.communicate(timeout=60)
        assert process.returncode == 9
        with pytest.raises(AuthorityError, match="turtls ca init"):
            Authority.open(tmp_path / "ca")
        assert len(Authority.open_or_init(tmp_path / "ca").list()) == 2

    def test_a_failure_on_the_way_leaves_nothing_at_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise OSError("no space left")

        monkeypatch.setattr("turtls.ca.store.Store.add", fail)
        with pytest.raises(OSError, match="no space left"):
            Authority.init(tmp_path / "ca")
        assert list(tmp_path.iterdir()) == []

    def test_who_comes_second_opens_what_the_first_has_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The other one is done between the look whether there is an authority and the making of one."""
        init = Authority.init

        def beaten(folder: Path, **options: Any) -> Authority:
            if not folder.exists():
                init(folder)
            return init(folder, **options)

        monkeypatch.setattr(Authority, "init", beaten)
        assert Authority.open_or_init(tmp_path / "ca").folder == tmp_path / "ca"
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "letter.txt").touch()
        with pytest.raises(AuthorityError, match="something else"):
            Authority.open_or_init(tmp_path / "full")

    def test_of_many_who_make_it_at_once_all_get_the_same(self, tmp_path: Path) -> None:
        program = (
            "import pathlib, sys; from turtls.ca import Authority;"
            "print(Authority.open_or_init(pathlib.Path(sys.argv[1])).root_pem)"
        )
        outputs = wait_for(*(run(program, tmp_path / "ca") for _ in range(4)))
        assert len(set(outputs)) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["ca"]


class TestOpen:
    def test_where_there_is_none_it_says_how_to_make_one(self, tmp_path: Path) -> None:
        with pytest.raises(AuthorityError, match="turtls ca init"):
            Authority.open(tmp_path)

    def test_a_file_that_is_no_database_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "authority.db").write_bytes(b"no database" * 100)
        with pytest.raises(AuthorityError, match="not a database"):
            Authority.open(tmp_path)

    def test_a_missing_key_is_told(self, authority: Authority) -> None:
        (authority.folder / "issuing.key.pem").unlink()
        with pytest.raises(AuthorityError, match=r"issuing\.key\.pem"):
            Authority.open(authority.folder)

    def test_another_authoritys_key_is_told(self, authority: Authority, tmp_path: Path) -> None:
        other = Authority.init(tmp_path / "other")
        (other.folder / "issuing.key.pem").rename(authority.folder / "issuing.key.pem")
        with pytest.raises(AuthorityError, match="belong together"):
            Authority.open(authority.folder)

    def test_a_newer_database_is_left_alone(self, authority: Authority) -> None:
        connection = sqlite3.connect(authority.folder / "authority.db")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(AuthorityError, match="newer turtls"):
            Authority.open(authority.folder)


class TestIssue:
    def test_what_is_issued_is_on_record(self, authority: Authority) -> None:
        issued = authority.issue(["example.org", "*.example.org", "::1"])
        assert issued.record.names == ("example.org", "*.example.org", "::1")
        assert issued.record == authority.list()[-1]
        assert issued.record.kind is Kind.SERVER
        assert issued.record.revoked_at is None
        leaf, issuing = x509.load_pem_x509_certificates(issued.chain_pem)
        assert issued.record.serial == f"{leaf.serial_number:x}"
        leaf.verify_directly_issued_by(issuing)

    @pytest.mark.parametrize("key_type", KeyType)
    def test_key_and_chain_make_a_credential(self, authority: Authority, key_type: KeyType) -> None:
        for issued in (
            authority.issue(["localhost"], key_type=key_type),
            authority.issue_client("a", key_type=key_type),
        ):
            assert len(Credential.load(issued.chain_pem, issued.key_pem).chain) == 2

    @pytest.mark.parametrize("key_type", KeyType)
    def test_an_authority_may_have_any_kind_of_key(self, tmp_path: Path, key_type: KeyType) -> None:
        authority = Authority.init(tmp_path / "ca", key_type=key_type)
        leaf, issuing = x509.load_pem_x509_certificates(authority.issue(["localhost"]).chain_pem)
        leaf.verify_directly_issued_by(issuing)
        issuing.verify_directly_issued_by(authority.root)

    def test_its_key_is_not_shown(self, authority: Authority) -> None:
        assert "PRIVATE" not in repr(authority.issue(["localhost"]))

    def test_serials_are_random_and_long(self, authority: Authority) -> None:
        serials = [int(authority.issue(["localhost"]).record.serial, 16) for _ in range(20)]
        assert len(set(serials)) == 20
        assert max(serials).bit_length() > 128
        assert all(serial.bit_length() < 160 for serial in serials)

    def test_it_starts_an_hour_ago_for_clocks_that_are_late(self, tmp_path: Path, clock: Clock) -> None:
        record = Authority.init(tmp_path / "ca", clock=clock).issue(["localhost"]).record
        assert record.not_before == datetime(2026, 11, 23, 11, tzinfo=UTC)
        assert record.not_after == datetime(2027, 2, 21, 10, 59, 59, tzinfo=UTC)

    @pytest.mark.parametrize("days", [-1, 0, 200, 10**6])
    def test_a_servers_life_is_what_browsers_accept(self, tmp_path: Path, clock: Clock, days: int) -> None:
        authority = Authority.init(tmp_path / "ca", clock=clock)
        with pytest.raises(ConfigError, match="1 to 199 days"):
            authority.issue(["localhost"], days=days)
        assert len(authority.list()) == 2

    def test_the_default_life_follows_the_limit(self, tmp_path: Path, clock: Clock) -> None:
        authority = Authority.init(tmp_path / "ca", clock=clock)
        clock.now = datetime(2029, 4, 1, tzinfo=UTC).timestamp()
        record = authority.issue(["localhost"]).record
        assert record.not_after - record.not_before == timedelta(days=46, seconds=-1)

    def test_a_client_may_live_longer_but_not_longer_than_the_authority(self, authority: Authority) -> None:
        record = authority.issue_client("meter 7", days=3650).record
        assert record.kind is Kind.CLIENT
        assert record.names == ("meter 7",)
        assert record.not_after == authority.root.not_valid_after_utc
        with pytest.raises(ConfigError, match="1 to 3650 days"):
            authority.issue_client("meter 7", days=3651)

    def test_an_expired_authority_issues_no_more(self, tmp_path: Path, clock: Clock) -> None:
        authority = Authority.init(tmp_path / "ca", clock=clock)
        clock.now += 3649 * DAY
        record = authority.issue(["localhost"]).record
        assert record.not_after == authority.root.not_valid_after_utc
        clock.now += DAY
        with pytest.raises(AuthorityError, match="expired on 2036-11-20"):
            authority.issue(["localhost"])

    def test_many_processes_may_issue_at_once(self, authority: Authority) -> None:
        program = (
            "import pathlib, sys; from turtls.ca import Authority;"
            "authority = Authority.open(pathlib.Path(sys.argv[1]));"
            "[print(authority.issue([f'{n}.example.org']).record.serial) for n in range(15)]"
        )
        outputs = wait_for(*(run(program, authority.folder) for _ in range(4)))
        printed = [serial for output in outputs for serial in output.split()]
        assert len(printed) == 60
        assert Counter(printed) == Counter(record.serial for record in authority.list()[2:])

    def test_a_crash_before_it_is_on_record_changes_nothing(self, authority: Authority) -> None:
        crash = (
            "import os, pathlib, sys; from turtls.ca import Authority, store;"
            "authority = Authority.open(pathlib.Path(sys.argv[1]));"
            "whole = store._row; store._row = lambda r: whole(r) if r.names == ('a.example',) else os._exit(9);"
            "a, b = (authority.issue([n]).record for n in ('a.example', 'b.example'))"
        )
        process = run(crash, authority.folder)
        process.communicate(timeout=60)
        assert process.returncode == 9
        assert [record.names for record in authority.list()[2:]] == [("a.example",)]
        assert authority.issue(["c.example"]).record in authority.list()

    def test_a_database_that_cannot_be_written_is_told(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("turtls.ca.store._BUSY_SECONDS", 0)
        connection = sqlite3.connect(authority.folder / "authority.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(AuthorityError, match="locked"):
            authority.issue(["localhost"])
        connection.close()


class TestRevoke:
    def test_it_stays_on_record_with_its_reason(self, tmp_path: Path, clock: Clock) -> None:
        authority = Authority.init(tmp_path / "ca", clock=clock)
        serial = authority.issue(["localhost"]).record.serial
        record = authority.revoke(serial, RevocationReason.KEY_COMPROMISE)
        assert record.revoked_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
        assert record.revocation_reason is RevocationReason.KEY_COMPROMISE
        assert authority.list()[-1] == record

    def test_the_serial_may_be_written_as_openssl_does(self, authority: Authority) -> None:
        serial = authority.issue(["localhost"]).record.serial
        padded = serial.upper().zfill(40)
        assert authority.revoke(":".join(padded[i : i + 2] for i in range(0, 40, 2))).serial == serial

    def test_it_happens_once(self, authority: Authority) -> None:
        serial = authority.issue(["localhost"]).record.serial
        authority.revoke(serial)
        with pytest.raises(AuthorityError, match="already revoked"):
            authority.revoke(serial, RevocationReason.SUPERSEDED)
        assert authority.list()[-1].revocation_reason is RevocationReason.UNSPECIFIED

    def test_an_unknown_serial_is_told(self, authority: Authority) -> None:
        with pytest.raises(AuthorityError, match="No certificate with the serial abc"):
            authority.revoke("0abc")

    def test_the_authority_cannot_revoke_itself(self, authority: Authority) -> None:
        for record in authority.list():
            with pytest.raises(AuthorityError, match="own certificates"):
                authority.revoke(record.serial)


class TestCredentialFor:
    def test_it_is_kept_while_it_is_fresh(self, tmp_path: Path, clock: Clock) -> None:
        authority = Authority.init(tmp_path / "ca", clock=clock)
        first = authority.credential_for(["localhost", "127.0.0.1"])
        assert first.leaf.dns_names == ("localhost",)
        assert first.leaf.ip_addresses == ("127.0.0.1",)
        assert renewal_time(first).date().isoformat() == "2027-01-22"
        clock.now = renewal_time(first).timestamp() - 1
        assert authority.credential_for(["127.0.0.1", "LOCALHOST"]).chain == first.chain
        clock.now += 1
        second = authority.credential_for(["localhost", "127.0.0.1"])
        assert second.chain != first.chain
        assert renewal_time(second) > renewal_time(first)
        assert (
            Authority.open(authority.folder, clock=clock).credential_for(["localhost", "127.0.0.1"]).chain
            == second.chain
        )

    def test_other_names_or_another_kind_of_key_are_another_credential(self, authority: Authority) -> None:
        chains = {
            authority.credential_for(["localhost"]).chain,
            authority.credential_for(["*.example.org"]).chain,
            authority.credential_for(["localhost", "*.example.org"]).chain,
            authority.credential_for(["localhost"], key_type=KeyType.RSA).chain,
        }
        assert len(chains) == 4

    def test_a_revoked_one_is_replaced(self, authority: Authority) -> None:
        first = authority.credential_for(["localhost"])
        authority.revoke(f"{first.leaf.certificate.serial_number:x}")
        assert authority.credential_for(["localhost"]).chain != first.chain

    def test_one_from_the_future_is_replaced(self, tmp_path: Path, clock: Clock) -> None:
        authority = Authority.init(tmp_path / "ca", clock=clock)
        first = authority.credential_for(["localhost"])
        clock.now -= 2 * DAY
        assert authority.credential_for(["localhost"]).chain != first.chain

    def test_a_damaged_or_foreign_file_is_replaced(self, authority: Authority, tmp_path: Path) -> None:
        first = authority.credential_for(["localhost"])
        (path,) = (authority.folder / "credentials").iterdir()
        path.write_bytes(path.read_bytes()[:700])
        second = authority.credential_for(["localhost"])
        assert second.chain != first.chain
        foreign = Authority.init(tmp_path / "other").issue(["localhost"])
        path.write_bytes(foreign.chain_pem + foreign.key_pem)
        assert authority.credential_for(["localhost"]).chain[1] == second.chain[1]

    def test_processes_that_ask_at_once_each_get_a_whole_one(self, authority: Authority) -> None:
        program = (
            "import pathlib, sys; from turtls.ca import Authority;"
            "Authority.open(pathlib.Path(sys.argv[1])).credential_for(['localhost'])"
        )
        wait_for(*(run(program, authority.folder) for _ in range(4)))
        assert len(list((authority.folder / "credentials").iterdir())) == 1
        records = len(authority.list())
        authority.credential_for(["localhost"])
        assert len(authority.list()) == records
