"""Trust stores from everywhere they come from."""

from __future__ import annotations

import os
from pathlib import Path

import certifi
import pytest

from tests.pki.chains import authority, server_request
from turtls.errors import ConfigError
from turtls.pki import CertificateError, PrivateVerifier, TrustStore, WebVerifier, default_verifier, store

ROOTS = [authority(f"Root {number}") for number in range(3)]
GARBAGE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
NOT_BASE64 = b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)


def pem(*numbers: int) -> bytes:
    return b"".join(ROOTS[number].pem for number in numbers)


def ders(*numbers: int) -> set[bytes]:
    return {ROOTS[number].der for number in numbers}


def test_a_bundle_in_memory() -> None:
    loaded = TrustStore.from_pem(b"# A comment\n" + pem(0, 1) + b"\r\nand more text")
    assert set(loaded.certificates) == ders(0, 1)
    assert len(loaded) == 2
    assert "in memory" in loaded.name


def test_certificates_in_memory_collapse() -> None:
    loaded = TrustStore.from_certificates([ROOTS[0].der, ROOTS[1].der, ROOTS[0].der], name="mine")
    assert loaded.certificates == (ROOTS[0].der, ROOTS[1].der)
    assert loaded.name == "mine"
    assert repr(loaded) == "<TrustStore: 2 certificates in mine>"


def test_the_fingerprint_is_of_the_set() -> None:
    one = TrustStore.from_pem(pem(0, 1))
    assert one.fingerprint == TrustStore.from_pem(pem(1, 0, 1)).fingerprint
    assert one.fingerprint != TrustStore.from_pem(pem(0)).fingerprint


@pytest.mark.parametrize("bad", [GARBAGE, NOT_BASE64])
def test_a_bad_certificate_is_skipped(bad: bytes) -> None:
    loaded = TrustStore.from_pem(pem(0) + bad + pem(1))
    assert set(loaded.certificates) == ders(0, 1)
    [skipped] = loaded.skipped
    assert skipped.where.startswith("certificate 2 in ")
    assert skipped.why


@pytest.mark.parametrize("data", [b"", b"no certificates here", GARBAGE])
def test_a_store_that_trusts_nobody_is_a_mistake(data: bytes) -> None:
    with pytest.raises(ConfigError, match="no certificate that can be read in the bundle"):
        TrustStore.from_pem(data, name="the bundle")


def test_files(tmp_path: Path) -> None:
    (tmp_path / "bundle.pem").write_bytes(pem(0, 1))
    (tmp_path / "one.der").write_bytes(ROOTS[2].der)
    assert set(TrustStore.from_file(tmp_path / "bundle.pem").certificates) == ders(0, 1)
    assert set(TrustStore.from_file(str(tmp_path / "one.der")).certificates) == ders(2)
    assert str(tmp_path / "one.der") in TrustStore.from_file(tmp_path / "one.der").name


@pytest.mark.parametrize("load", [TrustStore.from_file, TrustStore.from_folder])
def test_what_is_not_there(tmp_path: Path, load: object) -> None:
    assert callable(load)
    with pytest.raises(ConfigError, match=r"Cannot read .*missing"):
        load(tmp_path / "missing")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        TrustStore.from_file(tmp_path)


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(pem(0))
    (tmp_path / "b.pem").write_bytes(pem(0, 1) + GARBAGE)
    (tmp_path / "c.der").write_bytes(ROOTS[2].der)
    (tmp_path / "README").write_text("Not a certificate.")
    (tmp_path / "0a1b2c3d.0").symlink_to("a.pem")
    (tmp_path / "gone.0").symlink_to("gone.pem")
    (tmp_path / "folder").mkdir()
    loaded = TrustStore.from_folder(tmp_path)
    assert set(loaded.certificates) == ders(0, 1, 2)
    assert [skipped.where for skipped in loaded.skipped] == [f"certificate 3 in {tmp_path / 'b.pem'}"]


def test_files_are_read_once_until_they_change(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(pem(0))
    first = TrustStore.from_file(bundle)
    assert TrustStore.from_file(bundle) is first
    bundle.write_bytes(pem(0, 1))
    second = TrustStore.from_file(bundle)
    assert set(second.certificates) == ders(0, 1)
    assert set(first.certificates) == ders(0), "a store never changes"


def test_folders_are_read_once_until_they_change(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(pem(0))
    first = TrustStore.from_folder(tmp_path)
    assert TrustStore.from_folder(tmp_path) is first
    (tmp_path / "b.pem").write_bytes(pem(1))
    assert set(TrustStore.from_folder(tmp_path).certificates) == ders(0, 1)
    (tmp_path / "a.pem").unlink()
    assert set(TrustStore.from_folder(tmp_path).certificates) == ders(1)


def test_few_stores_are_kept(tmp_path: Path) -> None:
    for number in range(2 * store._MAX_SHARED):
        (tmp_path / str(number)).write_bytes(pem(0))
        TrustStore.from_file(tmp_path / str(number))
    assert len(store._stores) <= store._MAX_SHARED


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bundle.pem").write_bytes(pem(0))
    for number in (1, 2):
        (tmp_path / f"folder{number}").mkdir()
        (tmp_path / f"folder{number}" / "root.pem").write_bytes(pem(number))
    folders = os.pathsep.join(str(tmp_path / f"folder{number}") for number in (1, 2))

    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    assert set(TrustStore.system().certificates) == ders(0), "nothing else is trusted"
    monkeypatch.setenv("SSL_CERT_DIR", folders)
    assert set(TrustStore.system().certificates) == ders(0, 1, 2)
    assert "SSL_CERT_FILE" in TrustStore.system().name
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert set(TrustStore.system().certificates) == ders(1, 2)
    assert "SSL_CERT_FILE" not in TrustStore.system().name


def test_an_environment_that_names_nothing_is_no_reason_to_trust_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match="missing"):
        TrustStore.system()


def test_the_systems_store_is_found_by_the_usual_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bundle.pem").write_bytes(pem(0))
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "root.pem").write_bytes(pem(1))
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(store, "_SYSTEM_FILES", (str(tmp_path / "missing"), str(tmp_path / "bundle.pem")))
    monkeypatch.setattr(store, "_SYSTEM_FOLDERS", (str(tmp_path / "empty"), str(tmp_path / "certs")))
    assert set(TrustStore.system().certificates) == ders(0)
    assert TrustStore.system().name == f"the system's store ({tmp_path / 'bundle.pem'})"
    monkeypatch.setattr(store, "_SYSTEM_FILES", ())
    assert set(TrustStore.system().certificates) == ders(1)
    monkeypatch.setattr(store, "_SYSTEM_FOLDERS", ())
    assert TrustStore.system() is TrustStore.certifi()


def test_certifi_is_read_whole() -> None:
    loaded = TrustStore.certifi()
    assert loaded.skipped == ()
    assert len(loaded) == Path(certifi.where()).read_bytes().count(b"BEGIN CERTIFICATE")
    assert len(loaded.subjects) > 100


def test_the_default_verifier_lasts_as_long_as_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(pem(0))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    first = default_verifier()
    assert default_verifier() is first
    bundle.write_bytes(pem(1, 2))
    assert set(default_verifier().store.certificates) == ders(1, 2)


def test_the_names_a_verifier_tells() -> None:
    few = TrustStore.from_pem(pem(0, 1))
    names = [ROOTS[number].certificate.subject.public_bytes() for number in (0, 1)]
    assert list(PrivateVerifier(few).certificate_authorities()) == names
    assert list(WebVerifier(few).certificate_authorities()) == []
    many = TrustStore.from_certificates([authority(f"{number:060}").der for number in range(250)])
    assert list(PrivateVerifier(many).certificate_authorities()) == []


def test_the_store_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "bundle.pem").write_bytes(pem(0))
    with pytest.raises(CertificateError) as caught:
        PrivateVerifier(TrustStore.from_file(tmp_path / "bundle.pem")).verify(server_request(authority("Another")))
    assert caught.value.store == f"the file {tmp_path / 'bundle.pem'}"
    assert caught.value.store in str(caught.value)
