"""Serves a folder: conditional requests and ranges (RFC 9110, sections 13 and 14), listings, nothing outside of it."""

from __future__ import annotations

import asyncio
import mimetypes
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO
from urllib.parse import quote, unquote

from turtls.web.http import Exchange, Headers, Request
from turtls.web.templates import PAGE_HEADERS, render

_CHUNK = 256 * 1024
_TYPES = mimetypes.MimeTypes()  # the library's own, not the machine's: the same everywhere
for _type, _suffix in (
    ("text/javascript", ".js"),  # RFC 9239
    ("text/markdown", ".md"),
    ("font/woff2", ".woff2"),
    ("image/avif", ".avif"),
    ("image/webp", ".webp"),
):
    _TYPES.add_type(_type, _suffix)


_NOT_TO_BE_FOUND = (OSError, ValueError, RuntimeError)
"""What a path may raise that leads nowhere: RuntimeError by Python before 3.13, for links that go in circles."""


class NoSuchRange(Exception):
    """The Range that was asked for lies beyond the file."""


class Folder:
    """A handler that serves the files under `root`, and lists folders that have no index.html."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        if request.method not in {"GET", "HEAD"}:
            allow = [(b"allow", b"GET, HEAD")]
            await exchange.respond(405, b"This folder can only be read.\n", "text/plain; charset=utf-8", allow)
            return
        path = await asyncio.to_thread(self.find, request.path)
        if path is None:
            await exchange.refuse(404, "There is no such file here.")
        elif path.is_dir():
            await self._list(exchange, path)
        else:
            await _send_file(exchange, path)

    def find(self, untrusted_path: str) -> Path | None:
        """The file or folder behind a URL's path; None if there is none, or it is outside, hidden or not to be read."""
        names = [unquote(name, errors="surrogateescape") for name in untrusted_path.split("/") if name]
        if any(_is_hidden(name) or "/" in name or "\0" in name for name in names):
            return None
        path = self._root.joinpath(*names)
        try:
            resolved = path.resolve(strict=True)
            mode = resolved.stat().st_mode
            if S_ISDIR(mode) and untrusted_path.endswith("/") and (resolved / "index.html").is_file():
                resolved = (resolved / "index.html").resolve()
                mode = resolved.stat().st_mode
        except _NOT_TO_BE_FOUND:
            return None
        inside = resolved.is_relative_to(self._root)  # a symbolic link may lead out of the folder
        readable = os.access(resolved, os.R_OK)
        return resolved if inside and readable and (S_ISREG(mode) or S_ISDIR(mode)) else None

    async def _list(self, exchange: Exchange, folder: Path) -> None:
        request = exchange.request
        if not request.path.endswith("/"):
            _, _, query = request.target.partition("?")
            location = f"./{request.path.rpartition('/')[2]}/" + (f"?{query}" if query else "")
            await exchange.respond(308, b"", "text/plain", [(b"location", location.encode())])
            return
        entries = await asyncio.to_thread(self._entries, folder)
        shown = "/" + "/".join(map(_as_text, folder.relative_to(self._root).parts))
        page = render("listing.html", folder=shown, entries=entries, at_root=folder == self._root)
        await exchange.respond(200, page, "text/html; charset=utf-8", PAGE_HEADERS)

    def _entries(self, folder: Path) -> list[Entry]:
        entries = []
        for path in folder.iterdir():
            if _is_hidden(path.name):
                continue
            try:
                inside = path.resolve(strict=True).is_relative_to(self._root)
                stat = path.stat()
            except _NOT_TO_BE_FOUND:
                continue
            if inside:
                entries.append(_entry(path.name, stat))
        return sorted(entries, key=lambda entry: (entry.size is not None, entry.name.casefold()))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and name != ".well-known"  # RFC 8615


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a listing."""

    name: str
    href: str
    size: int | None
    """Bytes; None for a folder."""
    modified: datetime


def _as_text(name: str) -> str:
    """The name of a file, which need not be text."""
    return os.fsencode(name).decode(errors="replace")


def _entry(name: str, stat: os.stat_result) -> Entry:
    is_folder = S_ISDIR(stat.st_mode)
    return Entry(
        name=_as_text(name),
        href="./" + quote(os.fsencode(name)) + ("/" if is_folder else ""),
        size=None if is_folder else stat.st_size,
        modified=datetime.fromtimestamp(stat.st_mtime, UTC),
    )


# ------------------------------------------------------------------------------------------- one file


async def _send_file(exchange: Exchange, path: Path) -> None:
    request = exchange.request
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except OSError:
        await exchange.refuse(404, "There is no such file here.")
        return
    with file:
        stat = os.fstat(file.fileno())
        validators = _validators(stat)
        if not_modified(request, stat):
            await exchange.start(304, validators)
            await exchange.finish()
            return
        head = [*validators, (b"accept-ranges", b"bytes"), (b"content-type", content_type(path).encode())]
        try:
            span = requested_range(request, stat)
        except NoSuchRange:
            await exchange.respond(416, b"", "text/plain", [(b"content-range", b"bytes */%d" % stat.st_size)])
            return
        whole = range(stat.st_size)
        status, span = (206, span) if span is not None else (200, whole)
        if status == 206:
            head.append((b"content-range", b"bytes %d-%d/%d" % (span.start, span.stop - 1, stat.st_size)))
        head.append((b"content-length", b"%d" % len(span)))
        await exchange.start(status, head)
        if request.method != "HEAD":
            await _send_span(exchange, file, span)
        await exchange.finish()


async def _send_span(exchange: Exchange, file: BinaryIO, span: range) -> None:
    file.seek(span.start)
    left = len(span)
    while left:
        data = await asyncio.to_thread(file.read, min(left, _CHUNK))
        if not data:
            raise OSError("The file became shorter while it was sent.")
        left -= len(data)
        await exchange.write(data)


def content_type(path: Path) -> str:
    """The media type that the file's name stands for; text is taken for UTF-8."""
    kind, encoding = _TYPES.guess_type(path.name)
    if encoding is not None or kind is None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _etag(stat: os.stat_result) -> str:
    return f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'


def _validators(stat: os.stat_result) -> Headers:
    last_modified = formatdate(stat.st_mtime, usegmt=True)
    return [(b"etag", _etag(stat).encode()), (b"last-modified", last_modified.encode())]


def not_modified(request: Request, stat: os.stat_result) -> bool:
    """Whether the visitor's copy is still good (RFC 9110, section 13.2.2, steps 3 and 4)."""
    if (tags := request.header(b"if-none-match")) is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.decode("latin-1").split(",")]
        return "*" in known or _etag(stat) in known
    since = _date(request.header(b"if-modified-since"))
    return since is not None and int(stat.st_mtime) <= since.timestamp()


def requested_range(request: Request, stat: os.stat_result) -> range | None:
    """The one range of bytes asked for; None if the whole file is. Raises NoSuchRange.

    Several ranges at once are answered with the whole file, as RFC 9110, section 14.2, allows.
    """
    field = request.header(b"range")
    if field is None or request.method != "GET" or not _if_range_holds(request, stat):
        return None
    unit, _, spec = field.decode("latin-1").partition("=")
    first, dash, last = (part.strip() for part in spec.partition("-"))
    numbers_only = all(part.isascii() and part.isdigit() and len(part) < 20 for part in (first, last) if part)
    if unit.strip().lower() != "bytes" or not dash or not (first or last) or not numbers_only:
        return None
    size = stat.st_size
    if not first:  # the last so many bytes
        span = range(max(0, size - int(last)), size)
    elif last and int(last) < int(first):
        return None
    else:
        span = range(int(first), min(int(last) + 1 if last else size, size))
    if not span:
        raise NoSuchRange
    return span


def _if_range_holds(request: Request, stat: os.stat_result) -> bool:
    field = request.header(b"if-range")
    if field is None:
        return True
    if field.startswith((b'"', b"W/")):
        return field.decode("latin-1") == _etag(stat)
    since = _date(field)
    return since is not None and int(stat.st_mtime) == since.timestamp()


def _date(field: bytes | None) -> datetime | None:
    if field is None:
        return None
    try:
        date = parsedate_to_datetime(field.decode("latin-1"))
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
