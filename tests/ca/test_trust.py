"""Trust put into stores and taken out again: those of the real programs, but in folders of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.ca.programs import certutil, need, openssl
from turtls.ca import Authority, TrustStoreError, trust
from turtls.ca.trust import Outcome, Root, State, system
from turtls.ca.trust.browsers import NSSDatabase, browser_stores
from turtls.ca.trust.system import AnchorFolder, SystemKeychain, system_stores


@pytest.fixture
def root(authority: Authority) -> Root:
    return Root.of(authority)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with no browser in it, on a machine that has none."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("turtls.ca.trust.browsers._CHROMIUM_PROGRAMS", ())
    return home


def script(folder: Path, name: str, text: str) -> Path:
    """A program for the shell."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AnchorFolder:
    """Debian's store in a folder: its own program fills it, and it is what the code finds as the system's."""
    program = need("update-ca-certificates", "Debian's ca-certificates")
    place = tmp_path / "system"
    for folder in (
        "etc/ssl/certs",
        "etc/ca-certificates/update.d",
        "usr/local/share/ca-certificates",
        "usr/share/ca-certificates",
    ):
        (place / folder).mkdir(parents=True)
    (place / "etc/ca-certificates.conf").touch()
    # One option for each place, as --sysroot is not known to all of Debian's releases.
    options = {
        "--certsconf": "etc/ca-certificates.conf",
        "--certsdir": "usr/share/ca-certificates",
        "--localcertsdir": "usr/local/share/ca-certificates",
        "--etccertsdir": "etc/ssl/certs",
        "--hooksdir": "etc/ca-certificates/update.d",
    }
    update = (program, *(word for option, path in options.items() for word in (option, str(place / path))))
    store = AnchorFolder(
        place / "usr/local/share/ca-certificates",
        ".crt",
        place / "etc/ssl/certs/ca-certificates.crt",
        update,
        (*update, "--fresh"),
    )
    (store.folder / "other.crt").write_bytes(Authority.init(tmp_path / "other").root_pem)
    monkeypatch.setattr(system, "ANCHOR_FOLDERS", (store,))
    return store


class TestSystem:
    def test_debians_store_takes_the_root_and_gives_it_back(
        self, debian: AnchorFolder, root: Root, authority: Authority, tmp_path: Path
    ) -> None:
        issued = tmp_path / "issued.pem"
        issued.write_bytes(authority.issue(["localhost"]).chain_pem)
        verify = ["verify", "-CAfile", debian.bundle, "-untrusted", issued, issued]
        assert not debian.holds(root)
        debian.install(root)
        assert debian.holds(root)
        assert openssl(*verify).returncode == 0
        assert debian.uninstall(root)
        assert not debian.holds(root)
        assert openssl(*verify).returncode != 0
        assert [path.name for path in debian.folder.iterdir()] == ["other.crt"]
        assert not list(debian.bundle.parent.glob("turtls*"))

    def test_what_was_never_there_is_not_removed(self, debian: AnchorFolder, root: Root) -> None:
        assert not debian.uninstall(root)

    def test_a_root_that_waits_to_be_taken_up_is_removed_too(self, debian: AnchorFolder, root: Root) -> None:
        (debian.folder / f"{root.file_name}.crt").write_text(root.pem)
        assert not debian.holds(root)
        assert debian.uninstall(root)

    def test_all_may_read_the_root(self, debian: AnchorFolder, root: Root) -> None:
        debian.install(root)
        assert (debian.folder / f"{root.file_name}.crt").stat().st_mode & 0o777 == 0o644

    def test_without_rights_it_says_what_to_run(
        self, debian: AnchorFolder, root: Root, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError

        with monkeypatch.context() as patch:
            patch.setattr(system, "write_file", refuse)
            with pytest.raises(TrustStoreError, match=rf"sudo install -m 644 {root.path} .*\.crt && sudo .*update-ca-"):
                debian.install(root)
        debian.install(root)
        monkeypatch.setattr(Path, "unlink", refuse)
        with pytest.raises(TrustStoreError, match=r"sudo rm .*\.crt && sudo .*update-ca-certificates .*--fresh"):
            debian.uninstall(root)

    def test_what_the_update_says_is_told_and_nothing_is_left(self, tmp_path: Path, root: Root) -> None:
        failing = script(tmp_path / "bin", "update", "echo the disk is full >&2; exit 1")
        store = AnchorFolder(tmp_path / "bin", ".crt", tmp_path / "bundle", (str(failing),), (str(failing),))
        with pytest.raises(TrustStoreError, match="the disk is full"):
            store.install(root)
        assert list((tmp_path / "bin").iterdir()) == [failing]

    def test_a_root_that_someone_else_put_there_is_told(self, tmp_path: Path, root: Root) -> None:
        nothing = script(tmp_path / "bin", "update", "true")
        store = AnchorFolder(tmp_path / "bin", ".crt", tmp_path / "bundle", (str(nothing),), (str(nothing),))
        store.bundle.write_text(root.pem)
        with pytest.raises(TrustStoreError, match="still holds the root"):
            store.uninstall(root)

    def test_the_first_way_that_this_system_knows_is_taken(
        self, debian: AnchorFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        foreign = AnchorFolder(tmp_path / "none", ".pem", tmp_path / "bundle", ("update-ca-trust",), ())
        programless = AnchorFolder(tmp_path, ".pem", tmp_path / "bundle", ("no-such-program",), ())
        monkeypatch.setattr(system, "ANCHOR_FOLDERS", (foreign, programless, debian))
        assert system_stores() == [debian]
        monkeypatch.setattr(system, "ANCHOR_FOLDERS", (foreign, programless))
        with pytest.raises(TrustStoreError, match="turtls ca root"):
            system_stores()

    def test_a_mac_is_told_by_its_own_program(
        self, root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A stand-in for `security` that trusts what it is told to, and writes down how."""
        state, log = tmp_path / "state", tmp_path / "log"
        program = script(
            tmp_path / "bin",
            "security",
            f'echo "$@" >> {log}; case "$1" in verify-cert) test -e {state};; '
            f"add-trusted-cert) touch {state};; remove-trusted-cert) rm {state};; esac",
        )
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        monkeypatch.setattr("sys.platform", "darwin")
        (keychain,) = system_stores()
        assert isinstance(keychain, SystemKeychain)
        assert not keychain.uninstall(root)
        keychain.install(root)
        assert keychain.holds(root)
        assert keychain.uninstall(root)
        script(tmp_path / "bin", "security", "echo SecTrustSettingsSetTrustSettings >&2; exit 1")
        with pytest.raises(TrustStoreError, match=r"SecTrustSettings.*with sudo"):
            keychain.install(root)
        changes = [line for line in log.read_text().splitlines() if not line.startswith("verify-cert")]
        assert changes == [
            f"add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {root.path}",
            f"remove-trusted-cert -d {root.path}",
        ]


class TestBrowsers:
    def database(self, folder: Path, password: str = "") -> Path:
        """An NSS database, as a browser makes it."""
        folder.mkdir(parents=True)
        password_file = folder.parent / "password"
        password_file.write_text(password)
        assert certutil("-N", "-d", f"sql:{folder}", "-f", password_file).returncode == 0
        return folder

    def test_nss_trusts_the_root_for_servers_alone(self, tmp_path: Path, root: Root) -> None:
        store = NSSDatabase("Firefox", self.database(tmp_path / "profile"))
        assert not store.holds(root)
        store.install(root)
        assert store.holds(root)
        assert f"{root.name:<60} C,,  " in certutil("-L", "-d", f"sql:{store.folder}").stdout
        assert store.uninstall(root)
        assert not store.holds(root)
        assert not store.uninstall(root)
        assert root.name not in certutil("-L", "-d", f"sql:{store.folder}").stdout

    def test_installing_twice_leaves_one(self, tmp_path: Path, root: Root) -> None:
        store = NSSDatabase("Firefox", self.database(tmp_path / "profile"))
        store.install(root)
        store.install(root)
        assert certutil("-L", "-d", f"sql:{store.folder}").stdout.count(root.name) == 1

    def test_two_authorities_stand_side_by_side(self, tmp_path: Path, root: Root) -> None:
        store = NSSDatabase("Firefox", self.database(tmp_path / "profile"))
        other = Root.of(Authority.init(tmp_path / "second"))
        store.install(root)
        assert not store.holds(other)
        store.install(other)
        store.uninstall(root)
        assert store.holds(other)

    def test_a_database_that_is_not_there_is_made_on_installing_alone(self, tmp_path: Path, root: Root) -> None:
        need("certutil", "Debian's libnss3-tools")
        store = NSSDatabase("Chromium", tmp_path / ".pki" / "nssdb")
        assert not store.holds(root)
        assert not store.uninstall(root)
        assert not store.folder.exists()
        store.install(root)
        assert store.holds(root)
        assert store.folder.stat().st_mode & 0o777 == 0o700

    def test_a_primary_password_is_told_and_nothing_is_left(self, tmp_path: Path, root: Root) -> None:
        store = NSSDatabase("Firefox", self.database(tmp_path / "profile", "secret\n"))
        with pytest.raises(TrustStoreError, match="primary password"):
            store.install(root)
        assert root.name not in certutil("-L", "-d", f"sql:{store.folder}").stdout

    def test_every_place_where_browsers_keep_theirs_is_found(self, home: Path) -> None:
        need("certutil", "Debian's libnss3-tools")
        chromium = [
            ".pki/nssdb",
            ".local/share/pki/nssdb",
            "snap/chromium/current/.pki/nssdb",
            ".var/app/com.google.Chrome/.pki/nssdb",
            ".var/app/org.chromium.Chromium/data/pki/nssdb",
        ]
        firefox = [
            ".mozilla/firefox/abc.default",
            ".mozilla/firefox/def.default-esr",
            ".mozilla/firefox/work",
            ".config/mozilla/firefox/ghi.default-release",
            "snap/firefox/common/.mozilla/firefox/jkl.default",
            ".var/app/org.mozilla.firefox/.mozilla/firefox/mno.default",
            ".var/app/org.mozilla.firefox/config/mozilla/firefox/pqr.default",
            "Library/Application Support/Firefox/Profiles/stu.default",
        ]
        for folder in (*chromium, *firefox):
            (home / folder).mkdir(parents=True)
            (home / folder / "cert9.db").touch()
        (home / ".mozilla/firefox/never-started.default").mkdir()
        assert {store.name for store in browser_stores()} == {
            *(f"Chromium ({home / folder})" for folder in chromium),
            *(f"Firefox ({home / folder})" for folder in firefox),
        }

    def test_the_folders_may_be_set_by_the_environment(
        self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        need("certutil", "Debian's libnss3-tools")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        folders = [tmp_path / "data/pki/nssdb", tmp_path / "config/mozilla/firefox/a.default"]
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / "cert9.db").touch()
        assert list(browser_stores()) == [NSSDatabase("Chromium", folders[0]), NSSDatabase("Firefox", folders[1])]

    def test_chromium_before_its_first_start_gets_a_database(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        need("certutil", "Debian's libnss3-tools")
        assert list(browser_stores()) == []
        monkeypatch.setattr("turtls.ca.trust.browsers._CHROMIUM_PROGRAMS", ("no-such-browser", "sh"))
        assert list(browser_stores()) == [NSSDatabase("Chromium", home / ".pki/nssdb")]
        (home / ".local/share/pki/nssdb").mkdir(parents=True)
        (home / ".local/share/pki/nssdb/cert9.db").touch()
        # A second one would take the place of the one that Chromium has made.
        assert list(browser_stores()) == [NSSDatabase("Chromium", home / ".local/share/pki/nssdb")]

    @pytest.mark.parametrize(
        ("program", "advice"),
        [
            ("apt-get", "Run: sudo apt-get install libnss3-tools"),
            ("dnf", "Run: sudo dnf install nss-tools"),
            ("brew", "Run: brew install nss"),
            ("no-manager", "It comes with NSS."),
        ],
    )
    def test_a_missing_certutil_is_told_with_its_package(
        self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, advice: str
    ) -> None:
        (home / ".pki/nssdb").mkdir(parents=True)
        (home / ".pki/nssdb/cert9.db").touch()
        script(tmp_path / "bin", program, "true")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        with pytest.raises(TrustStoreError, match=advice):
            browser_stores()


class TestAll:
    def test_each_store_is_reported_and_nothing_is_done_twice(
        self, debian: AnchorFolder, home: Path, root: Root
    ) -> None:
        need("certutil", "Debian's libnss3-tools")
        folder = TestBrowsers().database(home / ".mozilla/firefox/a.default")
        names = [debian.name, f"Firefox ({folder})"]

        def outcomes(state: State) -> list[Outcome]:
            return [Outcome(name, state) for name in names]

        assert trust.status(root) == outcomes(State.NOT_TRUSTED)
        assert trust.install(root) == outcomes(State.INSTALLED)
        assert trust.install(root) == outcomes(State.ALREADY_TRUSTED)
        assert trust.status(root) == outcomes(State.TRUSTED)
        assert trust.status(root, browsers=False) == outcomes(State.TRUSTED)[:1]
        assert trust.status(root, system=False) == outcomes(State.TRUSTED)[1:]
        assert trust.uninstall(root) == outcomes(State.REMOVED)
        assert trust.uninstall(root) == outcomes(State.NOT_TRUSTED)

    def test_a_store_that_fails_does_not_keep_the_others_from_their_turn(
        self, home: Path, root: Root, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        need("certutil", "Debian's libnss3-tools")
        monkeypatch.setattr(system, "ANCHOR_FOLDERS", ())
        (home / ".mozilla/firefox/broken").mkdir(parents=True)
        (home / ".mozilla/firefox/broken/cert9.db").write_bytes(b"no database")
        TestBrowsers().database(home / ".config/mozilla/firefox/a.default")
        unknown, broken, good = trust.install(root)
        assert (unknown.state, broken.state, good.state) == (State.FAILED, State.FAILED, State.INSTALLED)
        assert unknown.store == "the system"
        assert "certutil" in broken.detail

    def test_a_program_that_hangs_is_ended(self, tmp_path: Path, root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("turtls.ca.trust.root._TIMEOUT", 0.1)
        hanging = str(script(tmp_path / "bin", "update", "exec sleep 60"))
        store = AnchorFolder(tmp_path / "bin", ".crt", tmp_path / "bundle", (hanging,), (hanging,))
        with pytest.raises(TrustStoreError, match="did not end"):
            store.install(root)
        missing = AnchorFolder(tmp_path / "bin", ".crt", tmp_path / "bundle", ("no-such-program",), ())
        with pytest.raises(TrustStoreError, match="no-such-program is not there"):
            missing.install(root)
