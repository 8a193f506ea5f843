"""turtls' server against the browsers that people use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

from tests.interop import ours
from tests.interop.browsers import BROWSERS, Browser
from tests.interop.matrix import SCHEMES
from tests.interop.ours import Listening, Visit, agreed
from tests.interop.peers.base import Channel
from tests.interop.peers.curl import read_until
from tests.interop.pki import PKI
from tests.interop.stage import fail_or_skip
from turtls.config import Brotli, CertificateCompression, Zlib
from turtls.wire.registries import CipherSuite, HandshakeType, NamedGroup, ProtocolVersion

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GREETING = "Not a word of this was in the clear."
PAGES = {
    b"/": f"<!DOCTYPE html><title>turtls</title><p>{GREETING}<script src='/script'></script>",
    b"/script": "document.write('<script src=/more></script>')",
}


@pytest.fixture(scope="module", params=BROWSERS, ids=lambda kind: kind.name)
def browser(request: pytest.FixtureRequest, pki: PKI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that trusts the tests' authority."""
    kind: type[Browser] = request.param
    if reason := kind.missing():
        fail_or_skip(reason)
    browser = kind(tmp_path_factory.mktemp(kind.name), pki.authority.root)
    yield browser
    browser.close()


def answer_request(channel: Channel) -> None:
    """A page, and a script that loads another, each over a connection of its own."""
    request = read_until(channel, b"\r\n\r\n")
    if request:
        body = PAGES.get(request.split()[1], "").encode()
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
        channel.sendall(head.encode() + body)


@contextmanager
def site(pki: PKI, kind: str = "p256", **options: Any) -> Iterator[Listening]:
    """A server with a page on it."""
    with ours.listening(ours.server_config(pki, kind, alpn=("http/1.1",), **options), answer_request) as server:
        yield server


def shown(browser: Browser, server: Listening) -> Visit:
    """The connection over which the browser got the page, and showed it without a warning."""
    page = browser.visit(f"https://localhost:{server.port}/")
    assert page.refusal is None
    assert GREETING in page.html
    assert page.screenshot.startswith(b"\x89PNG")
    return server.visit()


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def test_cipher_suite(browser: Browser, pki: PKI, suite: str) -> None:
    with site(pki, policy=ours.policy(suites=(suite,))) as server:
        negotiated = agreed(shown(browser, server))
    assert negotiated.version == ProtocolVersion.TLS_1_3
    assert negotiated.cipher_suite == CipherSuite.by_name(suite)
    assert negotiated.server_name == "localhost"
    assert negotiated.alpn == "http/1.1"


@pytest.mark.parametrize("group", ["X25519MLKEM768", "x25519", "secp256r1", "secp384r1"])
def test_group(browser: Browser, pki: PKI, group: str) -> None:
    """Where the browser has sent no key share for it, this costs a HelloRetryRequest: nobody sends one for the last."""
    with site(pki, policy=ours.policy(groups=(group,))) as server:
        negotiated = agreed(shown(browser, server))
    assert negotiated.group == NamedGroup.by_name(group)
    assert negotiated.hello_retry or group != "secp384r1"


def test_the_default_is_post_quantum(browser: Browser, pki: PKI) -> None:
    with site(pki) as server:
        assert agreed(shown(browser, server)).group == NamedGroup.X25519MLKEM768


@pytest.mark.parametrize("scheme", [scheme for kind in ("p256", "p384", "rsa") for scheme in SCHEMES[kind]])
def test_signature_scheme(browser: Browser, pki: PKI, scheme: str) -> None:
    kind = next(kind for kind in SCHEMES if scheme in SCHEMES[kind])
    with site(pki, kind, policy=ours.policy(schemes=(scheme,))) as server:
        shown(browser, server)


def test_resumption(browser: Browser, pki: PKI) -> None:
    """Browsers may open a second connection before they have a ticket, but not a third."""
    with site(pki) as server:
        assert not agreed(shown(browser, server)).resumed
        assert any(agreed(server.visit()).resumed for _ in range(2))


def test_a_compressed_certificate(browser: Browser, pki: PKI) -> None:
    """Chromium knows Brotli alone, Firefox zlib, too."""
    compression: CertificateCompression = Zlib()
    if browser.name == "chromium":
        if find_spec("brotli") is None:
            fail_or_skip("turtls[compression] is not installed")
        compression = Brotli()
    with site(pki, certificate_compression=(compression,)) as server:
        assert HandshakeType.compressed_certificate in shown(browser, server).witness.sent


def test_another_name_is_refused(browser: Browser, pki: PKI) -> None:
    with site(pki, credentials=(ours.credential(pki.files(host="elsewhere.test")),)) as server:
        page = browser.visit(f"https://localhost:{server.port}/")
    assert page.refusal == browser.refusals["name"]
    assert GREETING not in page.html


def test_an_unknown_authority_is_refused(browser: Browser, pki: PKI) -> None:
    with site(pki, credentials=(ours.credential(pki.files(trusted=False)),)) as server:
        page = browser.visit(f"https://localhost:{server.port}/")
    assert page.refusal == browser.refusals["authority"]
    assert GREETING not in page.html
