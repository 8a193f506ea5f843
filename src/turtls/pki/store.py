"""Trust stores: whom this side believes when they say who others are. Read once, then shared."""

from __future__ import annotations

import binascii
import hashlib
import os
import re
import threading
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import Store

from turtls.errors import ConfigError
from turtls.pki.certificate import UNREADABLE, ParsedCertificate, parse_untrusted

_SYSTEM_FILES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, Red Hat
    "/etc/pki/tls/certs/ca-bundle.crt",  # older Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, OpenBSD, FreeBSD, macOS
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD's ports, DragonFly
    "/etc/openssl/certs/ca-certificates.crt",  # NetBSD
    "/opt/homebrew/etc/ca-certificates/cert.pem",  # Homebrew
    "/usr/local/etc/ca-certificates/cert.pem",  # Homebrew on Intel
)
_SYSTEM_FOLDERS: Final = (
    "/etc/ssl/certs",  # SUSE, FreeBSD
    "/etc/pki/tls/certs",  # older Red Hat
    "/etc/openssl/certs",  # NetBSD
    "/system/etc/security/cacerts",  # Android
)

_PEM_BLOCK: Final = rb"-----BEGIN (X509 )?CERTIFICATE-----(?P<body>[^-]*)-----END (X509 )?CERTIFICATE-----"
_DER_SEQUENCE: Final = b"\x30"

_MAX_SHARED: Final = 32
"""Stores kept when read from files. A process has one or two; a service that makes files for each tenant has many."""


class Skipped:
    """Something in a store that should be a certificate and is none: what, and why."""

    __slots__ = ("where", "why")

    def __init__(self, where: str, why: str) -> None:
        self.where: Final = where
        self.why: Final = why

    def __repr__(self) -> str:
        return f"Skipped({self.where!r}, {self.why!r})"


class TrustStore:
    """A set of trust anchors. It never changes; any number of verifiers and threads may share it.

    - `name`: what error messages call it, as in "the system's store (/etc/ssl/cert.pem)".
    - `certificates`: the anchors (DER), each once.
    - `skipped`: what could not be read; one bad certificate does not sink a bundle.
    - `fingerprint`: SHA-256 over the anchors, in no order.
    """

    def __init__(self, name: str, contents: Iterable[tuple[str, bytes]]) -> None:
        """`contents`: PEM bundles or single DER certificates, each with where it is from.

        Raises ConfigError if there is no certificate in it: a store that trusts nobody is a mistake.
        """
        self.name = name
        self._parsed: dict[bytes, x509.Certificate] = {}
        skipped: list[Skipped] = []
        with _old_roots_are_no_news():
            for where, data in contents:
                for position, der in enumerate(_certificates_in(data), start=1):
                    try:
                        self._parsed[der] = x509.load_der_x509_certificate(der)
                    except UNREADABLE as error:
                        skipped.append(Skipped(f"certificate {position} in {where}", str(error)))
        if not self._parsed:
            raise ConfigError(f"Found no certificate that can be read in {name}.")
        self.certificates = tuple(self._parsed)
        self.skipped = tuple(skipped)
        digests = sorted(hashlib.sha256(der).digest() for der in self._parsed)
        self.fingerprint = hashlib.sha256(b"".join(digests)).digest()

    @classmethod
    def system(cls) -> TrustStore:
        """The store of the operating system, by the usual paths; that of certifi where there is none.

        If the environment variables SSL_CERT_FILE (a bundle) or SSL_CERT_DIR (folders, separated as in PATH) are
        set, they and nothing else name the store. Raises ConfigError if what they name cannot be read.
        """
        if named := [variable for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(variable)]:
            text = " and ".join(f"{variable} ({os.environ[variable]})" for variable in named)
            return _shared(f"the store in {text}", _named_by_environment())
        for path in filter(os.path.isfile, _SYSTEM_FILES):
            return _shared(f"the system's store ({path})", _file(path))
        for path in filter(os.path.isdir, _SYSTEM_FOLDERS):
            if files := _folder(path):
                return _shared(f"the system's store ({path})", files)
        return cls.certifi()

    @classmethod
    def certifi(cls) -> TrustStore:
        """Mozilla's store as the package certifi has it."""
        import certifi  # which is not needed where the system has a store, and imports much

        path = certifi.where()
        return _shared(f"certifi's store ({path})", _file(path))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> TrustStore:
        """The certificates in a PEM bundle, or the one in a DER file. Raises ConfigError."""
        return _shared(f"the file {path}", _file(path))

    @classmethod
    def from_folder(cls, path: str | os.PathLike[str]) -> TrustStore:
        """The certificates in all files (PEM or DER) of a folder. Raises ConfigError."""
        return _shared(f"the folder {path}", _folder(path))

    @classmethod
    def from_pem(cls, pem: bytes, *, name: str = "the certificates given in memory") -> TrustStore:
        """The certificates in a PEM bundle. Raises ConfigError."""
        return cls(name, [(name, pem)])

    @classmethod
    def from_certificates(
        cls, certificates: Iterable[bytes], *, name: str = "the certificates given in memory"
    ) -> TrustStore:
        """These certificates (DER). Raises ConfigError."""
        return cls(name, ((name, der) for der in certificates))

    def __contains__(self, certificate: ParsedCertificate) -> bool:
        return certificate.der in self._parsed

    def __len__(self) -> int:
        return len(self._parsed)

    def __repr__(self) -> str:
        return f"<TrustStore: {len(self)} certificates in {self.name}>"

    def authorities(self, name: x509.Name) -> Sequence[ParsedCertificate]:
        """The anchors of that subject."""
        return self._by_subject.get(name, ())

    @cached_property
    def subjects(self) -> tuple[bytes, ...]:
        """The anchors' names (DER), each once."""
        return tuple(name.public_bytes() for name in self._by_subject)

    def der_of(self, anchor: x509.Certificate) -> bytes:
        """The DER of an anchor of `x509_store`."""
        return self._der_of[anchor]

    @cached_property
    def x509_store(self) -> Store:
        """The anchors as `cryptography` wants them."""
        return Store(list(self._parsed.values()))

    @cached_property
    def _der_of(self) -> dict[x509.Certificate, bytes]:
        return {certificate: der for der, certificate in self._parsed.items()}

    @cached_property
    def _by_subject(self) -> dict[x509.Name, list[ParsedCertificate]]:
        by_subject: dict[x509.Name, list[ParsedCertificate]] = defaultdict(list)
        with _old_roots_are_no_news():
            for der, certificate in self._parsed.items():
                if parsed := parse_untrusted(der, certificate):
                    by_subject[parsed.subject].append(parsed)
        return dict(by_subject)


@contextmanager
def _old_roots_are_no_news() -> Iterator[None]:
    """The stores in use hold roots with a serial number of zero: that `cryptography` warns of them helps nobody."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        yield


def _certificates_in(data: bytes) -> Iterator[bytes]:
    if data.startswith(_DER_SEQUENCE):
        yield data
    for block in re.finditer(_PEM_BLOCK, data):
        try:
            yield binascii.a2b_base64(block["body"])
        except binascii.Error:
            yield block["body"]  # Which is no certificate, and is told as such.


_Stamp: TypeAlias = tuple[int, int, int, int]
"""Device, inode, time of change and size: what changes when a file does."""

_Files: TypeAlias = dict[_Stamp, str]
"""Paths. A file under several names, as c_rehash makes them, is there once."""


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _file(path: str | os.PathLike[str]) -> _Files:
    try:
        return {_stamp(os.stat(path)): os.fspath(path)}
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}.") from error


def _folder(path: str | os.PathLike[str]) -> _Files:
    try:
        with os.scandir(path) as entries:
            return {_stamp(entry.stat()): entry.path for entry in entries if entry.is_file()}
    except OSError as error:
        raise ConfigError(f"Cannot read the folder {path}: {error.strerror}.") from error


def _named_by_environment() -> _Files:
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR", "")
    files = _file(file) if file else {}
    for folder in filter(None, folders.split(os.pathsep)):
        files |= _folder(folder)
    return files


_stores: dict[str, tuple[_Files, TrustStore]] = {}
_lock = threading.Lock()


def _shared(name: str, files: _Files) -> TrustStore:
    """The store in these files, read anew only after one of them has changed."""
    with _lock:
        known_files, store = _stores.pop(name, (None, None))
        if store is None or known_files != files:
            store = TrustStore(name, ((path, _read(path)) for path in files.values()))
        _stores[name] = files, store
        if len(_stores) > _MAX_SHARED:
            del _stores[next(iter(_stores))]
        return store


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}.") from error
