"""The authority itself: one root, one issuing certificate beneath it, and the record of all it issued."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from turtls.ca import certificates
from turtls.ca.certificates import Issuer
from turtls.ca.errors import AuthorityError
from turtls.ca.files import PRIVATE, PUBLIC, default_folder, sync_folder, write_file
from turtls.ca.names import as_text, client_names, server_names
from turtls.ca.store import Kind, Record, RevocationReason, Store
from turtls.config import Credential
from turtls.crypto import issuing, keys
from turtls.crypto.issuing import KeyType
from turtls.errors import ConfigError

DEFAULT_NAME = "turtls local CA"
DEFAULT_DAYS = 90

_MAX_NAME = 40
"""Bytes: leaves room for what is added to it in the 64 of a common name."""

_DATABASE = "authority.db"
_ROOT = "root.pem"
_ROOT_KEY = "root.key.pem"
_ISSUING = "issuing.pem"
_ISSUING_KEY = "issuing.key.pem"
_CREDENTIALS = "credentials"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that has just been issued. The authority keeps no copy of its key."""

    record: Record
    chain_pem: bytes
    """The certificate, then the one that issued it: what a server is given. The root is not in it."""
    key_pem: bytes = field(repr=False)
    """The private key: PKCS #8, not encrypted."""

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return issuing.certificate_pem(x509.load_der_x509_certificate(self.record.der))


class Authority:
    """A certificate authority in a folder that only its owner can read.

    `Authority.init` makes one, `Authority.open` opens it. It may be used by several threads and processes at
    once. `clock` gives the seconds since the epoch.
    """

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self.folder = folder
        self._clock = clock
        self._store = Store(folder / _DATABASE)
        self.root = _read_certificate(folder / _ROOT)
        self._issuer = Issuer(_read_certificate(folder / _ISSUING), _read_key(folder / _ISSUING_KEY))
        if self._issuer.certificate.public_key() != self._issuer.key.public_key():
            raise AuthorityError(f"{_ISSUING} and {_ISSUING_KEY} in {folder} do not belong together.")

    @classmethod
    def init(
        cls,
        folder: Path | None = None,
        *,
        name: str = DEFAULT_NAME,
        key_type: KeyType = KeyType.ECDSA,
        clock: Callable[[], float] = time.time,
    ) -> Authority:
        """Make an authority in `folder` (`turtls.ca.files.default_folder()`), whole or not at all.

        `name` stands in the subject of its certificates. Raises AuthorityError if there is something in the
        folder already, ConfigError if the name cannot be used.
        """
        if not name.isprintable() or not 0 < len(name.encode()) <= _MAX_NAME:
            raise ConfigError(f"An authority's name is 1 to {_MAX_NAME} printable bytes of UTF-8, not {name!r}.")
        folder = folder or default_folder()
        _require_free(folder)
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made beside its place and then moved there in one step: who crashes on the way leaves no half of an
        # authority, and of two who try at the same time one fails. mkdtemp's folders are their owner's alone.
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _found(draft, name, key_type, _time(clock))
            draft.rename(folder)
            sync_folder(folder.parent)
        except OSError:
            _require_free(folder)
            raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return cls(folder, clock)

    @classmethod
    def open(cls, folder: Path | None = None, *, clock: Callable[[], float] = time.time) -> Authority:
        """The authority in `folder` (`turtls.ca.files.default_folder()`). Raises AuthorityError if it has none."""
        folder = folder or default_folder()
        if not (folder / _DATABASE).exists():
            raise AuthorityError(f"There is no authority in {folder} yet. `turtls ca init` makes one.")
        return cls(folder, clock)

    @classmethod
    def open_or_init(cls, folder: Path | None = None, *, clock: Callable[[], float] = time.time) -> Authority:
        """The authority in `folder`, made there if there is none: what whoever needs certificates now calls."""
        folder = folder or default_folder()
        if not (folder / _DATABASE).exists():
            try:
                return cls.init(folder, clock=clock)
            except AuthorityError:
                # Unless someone else has made it meanwhile.
                if not (folder / _DATABASE).exists():
                    raise
        return cls.open(folder, clock=clock)

    @property
    def root_pem(self) -> bytes:
        """The root, for those who are to trust this authority."""
        return issuing.certificate_pem(self.root)

    def issue(self, names: Iterable[str], *, days: int | None = None, key_type: KeyType = KeyType.ECDSA) -> Issued:
        """A certificate for a server, with a new key.

        `names` are DNS names, wildcards and IP addresses. `days` is at most what browsers accept of a certificate
        issued now (`turtls.ca.certificates.longest_server_days`); by default 90, or that if it is less. No
        certificate outlives the authority. Raises ConfigError for names or days that cannot be, AuthorityError if
        the authority has expired or its database cannot be written.
        """
        general_names = server_names(names)
        now = self._now()
        lifetime = self._lifetime(now, days, certificates.longest_server_days(now.date()))
        key = issuing.generate_private_key(key_type)
        certificate = certificates.server(general_names, key, self._issuer, now, lifetime)
        return self._issued(Kind.SERVER, as_text(general_names), certificate, key)

    def issue_client(self, name: str, *, days: int | None = None, key_type: KeyType = KeyType.ECDSA) -> Issued:
        """A certificate for a client, with a new key.

        `name` is what the client is called: a mail address, a host, or any words. `days` is 90 by default, and at
        most the life of an authority. Raises as `issue` does.
        """
        general_names = client_names(name)
        now = self._now()
        lifetime = self._lifetime(now, days, certificates.AUTHORITY_LIFETIME.days)
        key = issuing.generate_private_key(key_type)
        certificate = certificates.client(name, general_names, key, self._issuer, now, lifetime)
        return self._issued(Kind.CLIENT, [name], certificate, key)

    def credential_for(self, names: Iterable[str], *, key_type: KeyType = KeyType.ECDSA) -> Credential:
        """What a server of these names needs: the one kept from last time, or a new one if it is not fresh any more.

        It is to be asked for again at `renewal_time(credential)`. Raises as `issue` does.
        """
        general_names = server_names(names)
        path = self.folder / _CREDENTIALS / f"{_digest(general_names, key_type)}.pem"
        kept = self._kept_credential(path)
        if kept is not None:
            return kept
        issued = self.issue(as_text(general_names), key_type=key_type)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_file(path, issued.chain_pem + issued.key_pem, PRIVATE)
        return Credential.load(issued.chain_pem, issued.key_pem)

    def list(self) -> Sequence[Record]:
        """Everything ever issued here, the authority's own two certificates first."""
        return self._store.all()

    def revoke(self, serial: str, reason: RevocationReason = RevocationReason.UNSPECIFIED) -> Record:
        """Revoke a server's or client's certificate by its serial in hexadecimal, with or without colons.

        Raises AuthorityError if no such certificate was issued here, or it is revoked already.
        """
        return self._store.revoke(serial.replace(":", "").lower().lstrip("0"), reason, self._now())

    def _issued(self, kind: Kind, names: Sequence[str], certificate: x509.Certificate, key: keys.PrivateKey) -> Issued:
        """On record first, handed out then: nobody holds a certificate that the authority does not know of."""
        record = _record(kind, names, certificate)
        self._store.add(record)
        chain_pem = issuing.certificate_pem(certificate, self._issuer.certificate)
        return Issued(record, chain_pem, issuing.private_key_pem(key))

    def _lifetime(self, now: datetime, days: int | None, longest: int) -> timedelta:
        days = min(DEFAULT_DAYS, longest) if days is None else days
        if not 1 <= days <= longest:
            raise ConfigError(f"A certificate of this kind can be issued for 1 to {longest} days now, not for {days}.")
        expiry = self._issuer.certificate.not_valid_after_utc
        if now >= expiry:
            raise AuthorityError(
                f"The authority in {self.folder} expired on {expiry:%Y-%m-%d}. Move the folder away, make a new "
                "authority with `turtls ca init`, and have its root trusted."
            )
        return timedelta(days=days)

    def _kept_credential(self, path: Path) -> Credential | None:
        try:
            credential = Credential.load(path)
            record = self._store.get(_serial(credential.leaf.certificate))
        except (ConfigError, AuthorityError):
            # Not there, damaged, or of another authority: what comes of it is a new one.
            return None
        fresh = record.not_before <= self._now() < renewal_time(credential)
        return credential if fresh and record.revoked_at is None else None

    def _now(self) -> datetime:
        return _time(self._clock)


def renewal_time(credential: Credential) -> datetime:
    """When a certificate should be replaced by a new one: after two thirds of its life."""
    certificate = credential.leaf.certificate
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return start + (end - start) * 2 / 3


def _found(folder: Path, name: str, key_type: KeyType, now: datetime) -> None:
    """Fill an empty folder with a new authority."""
    root_key, issuing_key = issuing.generate_private_key(key_type), issuing.generate_private_key(key_type)
    root = certificates.root(name, root_key, now)
    intermediate = certificates.intermediate(name, issuing_key, Issuer(root, root_key), now)
    write_file(folder / _ROOT_KEY, issuing.private_key_pem(root_key), PRIVATE)
    write_file(folder / _ISSUING_KEY, issuing.private_key_pem(issuing_key), PRIVATE)
    write_file(folder / _ROOT, issuing.certificate_pem(root), PUBLIC)
    write_file(folder / _ISSUING, issuing.certificate_pem(intermediate), PUBLIC)
    store = Store.create(folder / _DATABASE)
    store.add(_record(Kind.ROOT, [name], root), _record(Kind.ISSUING, [name], intermediate))


def _require_free(folder: Path) -> None:
    if (folder / _DATABASE).exists():
        raise AuthorityError(f"There is an authority in {folder} already.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AuthorityError(f"{folder} is in use for something else than an authority.")


def _record(kind: Kind, names: Sequence[str], certificate: x509.Certificate) -> Record:
    return Record(
        serial=_serial(certificate),
        kind=kind,
        names=tuple(names),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        der=issuing.certificate_der(certificate),
    )


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def _digest(names: Sequence[x509.GeneralName], key_type: KeyType) -> str:
    """A file name for these names in any order, which may hold characters that no file name can."""
    text = "\n".join([key_type.value, *sorted(as_text(names))])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read_certificate(path: Path) -> x509.Certificate:
    return x509.load_der_x509_certificate(keys.load_certificates(_read(path))[0])


def _read_key(path: Path) -> keys.PrivateKey:
    return keys.load_private_key(_read(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuthorityError(f"Cannot read {path}: {error.strerror}.") from error


def _time(clock: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(clock(), UTC)
