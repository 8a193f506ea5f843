from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.web.streams import run, served, talk
from turtls.web.files import Folder, content_type

MODIFIED = 1_700_000_000
LAST_MODIFIED = b"Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("outside")
    root = tmp_path / "site"
    root.mkdir()
    digits = root / "digits.txt"
    digits.write_text("0123456789")
    os.utime(digits, (MODIFIED, MODIFIED))
    (root / ".hidden").write_text("hidden")
    (root / "with space & <tag>.html").write_text("<p>")
    (root / "link-out").symlink_to(tmp_path / "secret.txt")
    (root / "with-index").mkdir()
    (root / "with-index" / "index.html").write_text("the index")
    (root / "plain").mkdir()
    (root / "plain" / "a.bin").write_bytes(bytes(3000))
    (root / ".well-known").mkdir()
    (root / ".well-known" / "security.txt").write_text("Contact:")
    return root


def ask(root: Path, target: str, *headers: str, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]

    async def scenario() -> bytes:
        async with served(Folder(root)) as port:
            return await talk(port, "\r\n".join(lines).encode("latin-1"))

    head, _, body = run(scenario()).partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    return int(status.split()[1]), dict(field.split(b": ", 1) for field in fields), body


def test_a_file_is_served_with_its_type_and_validators(site: Path) -> None:
    status, headers, body = ask(site, "/digits.txt")
    assert (status, body) == (200, b"0123456789")
    assert headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert headers[b"content-length"] == b"10"
    assert headers[b"last-modified"] == LAST_MODIFIED
    assert headers[b"etag"].startswith(b'"')


def test_head_gives_the_same_headers_without_the_file(site: Path) -> None:
    status, headers, body = ask(site, "/digits.txt", method="HEAD")
    assert (status, headers[b"content-length"], body) == (200, b"10", b"")


def test_only_get_and_head_are_answered(site: Path) -> None:
    status, headers, _ = ask(site, "/digits.txt", "Content-Length: 0", method="POST")
    assert (status, headers[b"allow"]) == (405, b"GET, HEAD")


@pytest.mark.parametrize(
    ("asked", "content_range", "expected"),
    [
        ("bytes=0-3", b"bytes 0-3/10", b"0123"),
        ("bytes=7-", b"bytes 7-9/10", b"789"),
        ("bytes=-2", b"bytes 8-9/10", b"89"),
        ("bytes=-200", b"bytes 0-9/10", b"0123456789"),
        ("bytes=5-500", b"bytes 5-9/10", b"56789"),
    ],
)
def test_a_range_is_served(site: Path, asked: str, content_range: bytes, expected: bytes) -> None:
    status, headers, body = ask(site, "/digits.txt", f"Range: {asked}")
    assert (status, headers[b"content-range"], body) == (206, content_range, expected)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=500-600", "bytes=-0"])
def test_a_range_beyond_the_file_is_refused(site: Path, asked: str) -> None:
    status, headers, _ = ask(site, "/digits.txt", f"Range: {asked}")
    assert (status, headers[b"content-range"]) == (416, b"bytes */10")


@pytest.mark.parametrize(
    "asked", ["bytes=1-2,4-5", "lines=1-2", "bytes=", "bytes=5-2", "bytes=a-b", "bytes=-", "bytes=1-" + "9" * 30, "x"]
)
def test_what_is_no_range_gets_the_whole_file(site: Path, asked: str) -> None:
    assert ask(site, "/digits.txt", f"Range: {asked}")[::2] == (200, b"0123456789")


def test_a_copy_that_is_still_good_is_not_sent_again(site: Path) -> None:
    etag = ask(site, "/digits.txt")[1][b"etag"].decode()
    for condition in (f"If-None-Match: {etag}", f'If-None-Match: "other", W/{etag}', "If-None-Match: *"):
        status, headers, body = ask(site, "/digits.txt", condition)
        assert (status, headers[b"etag"].decode(), body) == (304, etag, b"")
    assert ask(site, "/digits.txt", f"If-Modified-Since: {LAST_MODIFIED.decode()}")[0] == 304


def test_a_copy_that_is_not_good_any_more_is_replaced(site: Path) -> None:
    assert ask(site, "/digits.txt", 'If-None-Match: "other"')[0] == 200
    assert ask(site, "/digits.txt", "If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT")[0] == 200
    assert ask(site, "/digits.txt", "If-Modified-Since: not a date")[0] == 200
    assert ask(site, "/digits.txt", f"If-Modified-Since: Tue, 14 Nov {'9' * 20} 22:13:19 GMT")[0] == 200
    # If-None-Match is the better witness, whatever the date says (RFC 9110, section 13.2.2).
    both = ('If-None-Match: "other"', f"If-Modified-Since: {LAST_MODIFIED.decode()}")
    assert ask(site, "/digits.txt", *both)[0] == 200


def test_if_range_decides_between_the_range_and_the_whole(site: Path) -> None:
    etag = ask(site, "/digits.txt")[1][b"etag"].decode()
    for good in (etag, LAST_MODIFIED.decode()):
        assert ask(site, "/digits.txt", "Range: bytes=0-0", f"If-Range: {good}")[::2] == (206, b"0")
    for stale in ('"other"', f"W/{etag}", "Tue, 14 Nov 2023 22:13:19 GMT", "not a date"):
        assert ask(site, "/digits.txt", "Range: bytes=0-0", f"If-Range: {stale}")[0] == 200


@pytest.mark.parametrize(
    "target",
    [
        "/missing",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/plain/../../secret.txt",
        "/..%2fsecret.txt",
        "/plain%2fa.bin",
        "/link-out",
        "/.hidden",
        "/digits.txt%00",
        "/" + "x" * 5000,
    ],
)
def test_nothing_outside_or_hidden_is_found(site: Path, target: str) -> None:
    assert ask(site, target)[0] == 404


def test_the_well_known_folder_is_not_hidden(site: Path) -> None:
    assert ask(site, "/.well-known/security.txt")[::2] == (200, b"Contact:")


def test_a_folder_with_an_index_shows_it(site: Path) -> None:
    assert ask(site, "/with-index/")[::2] == (200, b"the index")


@pytest.mark.parametrize("folder", ["plain", "with-index"])
def test_a_folder_without_its_slash_is_redirected_to_it(site: Path, folder: str) -> None:
    status, headers, _ = ask(site, f"/{folder}?a=b")
    assert (status, headers[b"location"]) == (308, f"./{folder}/?a=b".encode())


def test_a_listing_shows_what_is_there_and_escapes_it(site: Path) -> None:
    status, headers, body = ask(site, "/")
    assert status == 200
    assert b'href="./with%20space%20%26%20%3Ctag%3E.html">with space &amp; &lt;tag&gt;.html<' in body
    assert b".hidden" not in body
    assert b"link-out" not in body
    assert b"default-src 'none'" in headers[b"content-security-policy"]
    assert b"2.9 KiB" in ask(site, "/plain/")[2]


def test_names_that_are_not_utf8_are_served(site: Path) -> None:
    (site / os.fsdecode(b"caf\xe9.txt")).write_text("latin")
    assert b'href="./caf%E9.txt"' in ask(site, "/")[2]
    assert ask(site, "/caf%E9.txt")[2] == b"latin"


def test_a_folder_whose_name_is_not_utf8_is_listed(site: Path) -> None:
    (site / os.fsdecode(b"caf\xe9")).mkdir()
    status, _, body = ask(site, "/caf%E9/")
    assert status == 200
    assert "/caf\ufffd".encode() in body


def test_links_that_go_in_circles_are_left_out(site: Path) -> None:
    (site / "circle").symlink_to("circle")
    assert ask(site, "/circle")[0] == 404
    status, _, body = ask(site, "/")
    assert status == 200
    assert b"digits.txt" in body
    assert b"circle" not in body


def test_a_file_larger_than_a_chunk_is_whole(site: Path) -> None:
    content = os.urandom(1_000_000)
    (site / "large.bin").write_bytes(content)
    status, headers, body = ask(site, "/large.bin")
    assert (status, body) == (200, content)
    assert headers[b"content-type"] == b"application/octet-stream"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.svg", "image/svg+xml"),
        ("a.tar.gz", "application/octet-stream"),
        ("noextension", "application/octet-stream"),
    ],
)
def test_content_types(name: str, expected: str) -> None:
    assert content_type(Path(name)) == expected
