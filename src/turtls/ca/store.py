"""The record of every certificate issued, in SQLite.

Each operation opens its own connection and is one transaction: threads, processes and crashes need no more care
than SQLite takes by itself.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from turtls.ca.errors import AuthorityError
from turtls.ca.files import PRIVATE

_MIGRATIONS = (
    """
    CREATE TABLE certificates (
        serial TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        names TEXT NOT NULL,
        not_before INTEGER NOT NULL,
        not_after INTEGER NOT NULL,
        der BLOB NOT NULL,
        revoked_at INTEGER,
        revocation_reason TEXT
    )
    """,
)
"""The nth statement leads from version n of the schema (PRAGMA user_version) to version n + 1."""

_BUSY_SECONDS = 30
"""How long to wait for another process's transaction."""


class Kind(Enum):
    """What a certificate is for."""

    ROOT = "root"
    ISSUING = "issuing"
    SERVER = "server"
    CLIENT = "client"


class RevocationReason(Enum):
    """Why a certificate is revoked (RFC 5280, section 5.3.1; those the Baseline Requirements know, 7.2.2)."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A certificate that was issued. Times are UTC, to the second."""

    serial: str
    """Hexadecimal, in lower case."""
    kind: Kind
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    der: bytes = field(repr=False)
    revoked_at: datetime | None = None
    revocation_reason: RevocationReason | None = None


class Store:
    """The database at `path`. Everything it does raises AuthorityError if SQLite cannot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._connection() as connection:
            version = _schema_version(connection)
        if version > len(_MIGRATIONS):
            raise AuthorityError(f"The authority's database {path} was made by a newer turtls: upgrade this one.")
        if version < len(_MIGRATIONS):
            self._migrate()

    @classmethod
    def create(cls, path: Path) -> Store:
        """A new database, readable by its owner alone (SQLite gives its other files the same mode)."""
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE))
        store = cls(path)
        with store._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        return store

    def add(self, *records: Record) -> None:
        """Keep all of them, or none."""
        with self._transaction() as connection:
            connection.executemany("INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_row, records))

    def get(self, serial: str) -> Record:
        """The certificate with that serial. Raises AuthorityError if there is none."""
        with self._connection() as connection:
            return _find(connection, serial)

    def all(self) -> list[Record]:
        """Every certificate, in the order in which they were issued."""
        with self._connection() as connection:
            return [_record(row) for row in connection.execute("SELECT * FROM certificates ORDER BY rowid")]

    def revoke(self, serial: str, reason: RevocationReason, now: datetime) -> Record:
        """Mark a server's or client's certificate as revoked. Raises AuthorityError if it is not one, or is already."""
        with self._transaction() as connection:
            record = _find(connection, serial)
            if record.kind not in (Kind.SERVER, Kind.CLIENT):
                raise AuthorityError(
                    "The authority's own certificates cannot be revoked: stop trusting its root instead."
                )
            if record.revoked_at is not None:
                raise AuthorityError(f"The certificate {serial} was already revoked, on {record.revoked_at:%Y-%m-%d}.")
            connection.execute(
                "UPDATE certificates SET revoked_at = ?, revocation_reason = ? WHERE serial = ?",
                (int(now.timestamp()), reason.value, serial),
            )
            return _find(connection, serial)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            # mode=rw: a database that is not there is an error, not a new one.
            uri = f"{self._path.absolute().as_uri()}?mode=rw"
            with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise AuthorityError(f"The authority's database {self._path} cannot be used: {error}.") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: what was not committed is rolled back as the connection closes."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def _migrate(self) -> None:
        with self._transaction() as connection:
            # Read again: another process may have been first.
            for statement in _MIGRATIONS[_schema_version(connection) :]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


def _schema_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _find(connection: sqlite3.Connection, serial: str) -> Record:
    row = connection.execute("SELECT * FROM certificates WHERE serial = ?", (serial,)).fetchone()
    if row is None:
        raise AuthorityError(f"No certificate with the serial {serial} was issued here.")
    return _record(row)


def _row(record: Record) -> tuple[object, ...]:
    return (
        record.serial,
        record.kind.value,
        json.dumps(record.names),
        int(record.not_before.timestamp()),
        int(record.not_after.timestamp()),
        record.der,
        record.revoked_at and int(record.revoked_at.timestamp()),
        record.revocation_reason and record.revocation_reason.value,
    )


def _record(row: tuple[str, str, str, int, int, bytes, int | None, str | None]) -> Record:
    serial, kind, names, not_before, not_after, der, revoked_at, revocation_reason = row
    return Record(
        serial=serial,
        kind=Kind(kind),
        names=tuple(json.loads(names)),
        not_before=datetime.fromtimestamp(not_before, UTC),
        not_after=datetime.fromtimestamp(not_after, UTC),
        der=der,
        revoked_at=None if revoked_at is None else datetime.fromtimestamp(revoked_at, UTC),
        revocation_reason=None if revocation_reason is None else RevocationReason(revocation_reason),
    )
