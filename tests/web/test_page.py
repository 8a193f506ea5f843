from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.explain.handshakes import Watched, resumed, with_retry
from tests.explain.test_chapters import SIX, classic
from tests.web.streams import VISITOR, run, served, talk
from turtls.explain.story import Story
from turtls.web.http import Visitor
from turtls.web.page import as_json, html, own_page
from turtls.web.templates import PAGE_HEADERS
from turtls.wire.registries import CipherSuite, NamedGroup

_WITHOUT_END = {"meta", "link", "br", "path", "rect", "circle"}


def visitor(watched: Watched) -> Visitor:
    assert watched.server.negotiated is not None
    return replace(VISITOR, negotiated=watched.server.negotiated, story=watched.server_story)


class Checker(HTMLParser):
    """Raises where tags do not fit; collects what the page refers to, its styles and its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self.styles: list[str] = []
        self.text = ""
        self.feed(page.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _WITHOUT_END:
            self.open.append(tag)
        for name, value in attrs:
            if name in {"href", "src", "action"}:
                self.references.append(value or "")
            assert name != "style"
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _WITHOUT_END

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.styles.append(data)
        else:
            self.text += data


@pytest.mark.parametrize("watched", [Watched(), resumed(), with_retry()], ids=["full", "resumed", "retry"])
def test_the_page_is_whole_and_loads_nothing(watched: Watched) -> None:
    page = Checker(html(visitor(watched)))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(reference.startswith(("data:", "/handshake.json")) for reference in page.references)
    for step in watched.server_story.messages:
        assert step.name in page.text
        assert step.words.title in page.text


def test_only_its_own_style_is_let_in() -> None:
    [style] = Checker(html(visitor(Watched()))).styles
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(PAGE_HEADERS)[b"content-security-policy"].decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_what_was_negotiated_is_shown() -> None:
    text = Checker(html(visitor(Watched()))).text
    for fact in ("TLS 1.3", "X25519MLKEM768", "post-quantum", "HTTP/2", "full handshake", "localhost"):
        assert fact in text
    assert "not post-quantum" not in text


def test_a_visitor_without_post_quantum_is_told() -> None:
    came = visitor(Watched())
    page = html(replace(came, negotiated=came.negotiated._replace(group=NamedGroup.x25519)))
    assert "not post-quantum" in Checker(page).text


def test_a_resumed_visit_says_why_there_is_no_certificate() -> None:
    text = Checker(html(visitor(resumed()))).text
    assert "resumed with a ticket" in text
    assert "turtls local CA" not in text


def test_every_byte_of_the_handshake_is_on_the_page() -> None:
    watched = Watched()
    page = html(visitor(watched)).decode()
    dumps = re.findall(r'<pre class="hex">(.*?)</pre>', page, re.DOTALL)
    for dump, step in zip(dumps, watched.server_story.messages, strict=True):
        assert step.message is not None
        without_offsets = re.sub(r'<span class="offset">.*?</span>', "", dump)
        assert bytes.fromhex(re.sub(r"<.*?>", "", without_offsets)) == step.message.raw


def test_a_name_that_is_markup_is_escaped() -> None:
    came = visitor(Watched())
    page = html(replace(came, negotiated=came.negotiated._replace(server_name="<script>alert(1)</script>")))
    assert b"<script>" not in page


def test_a_visitor_whom_nobody_watched_gets_a_page_too() -> None:
    assert "This connection is private." in Checker(html(replace(VISITOR, story=Story("server")))).text


def test_the_same_is_there_for_programs() -> None:
    plain = json.loads(json.dumps(as_json(visitor(Watched()))))
    assert plain["negotiated"]["signature_scheme"] == "ecdsa_secp256r1_sha256"
    assert [step["kind"] for step in plain["handshake"]].count("HandshakeMessageSeen") == 9


@pytest.mark.parametrize(
    ("request_line", "status"),
    [("GET / ", 200), ("HEAD / ", 200), ("GET /handshake.json ", 200), ("GET /other ", 404), ("PUT / ", 405)],
)
def test_what_is_asked_for(request_line: str, status: int) -> None:
    async def scenario() -> bytes:
        async with served(own_page) as port:
            return await talk(port, f"{request_line}HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())

    assert run(scenario()).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_visitor_who_came_the_classic_way_sees_its_six_steps_and_that_it_is_weak() -> None:
    page = html(visitor(Watched(*classic(CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA))))
    headings = re.findall(r'<li class="chapter">\s*<h3>(.*?)</h3>', page.decode())
    assert headings == [f"{number}. {name}" for number, name in enumerate(SIX, 1)]
    text = Checker(page).text
    assert "This connection is encrypted, but weakly." in text
    assert "This connection is private." not in text
    assert "CBC mode has a history of attacks" in text
    assert "nobody else can read the premaster secret" in text
    assert "with a certificate, and no signature" in text


@pytest.mark.parametrize(
    ("suite", "padlock", "says", "icon"),
    [
        (CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA, "An open padlock: weak", "It should say nobody listens", "b3261e"),
        (CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "A closed padlock", "It says nobody listens", "0a7a56"),
    ],
)
def test_the_picture_says_what_the_words_say(suite: CipherSuite, padlock: str, says: str, icon: str) -> None:
    page = html(visitor(Watched(*classic(suite)))).decode()
    assert re.findall(r'<svg class="padlock[^>]*aria-label="([^"]*)"', page) == [padlock]
    assert ('class="padlock weak"' in page) == ("weak" in padlock)
    assert f"<h3>{says}</h3>" in page
    assert set(re.findall(r"(?:stroke|fill)='%23(\w+)'", page)) == {icon}


def test_up_to_tls12_the_signature_is_shown_too() -> None:
    page = html(visitor(Watched(*classic(CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256))))
    assert "rsa_pss_rsae_sha256" in Checker(page).text.replace("\u200b", "")
