"""turtls' own page: what was negotiated with this very visitor, and each step of this handshake with its bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from turtls.config import Negotiated
from turtls.explain import hexdump, words
from turtls.explain.chain import chain_facts, now
from turtls.explain.fields import Field
from turtls.explain.story import Step, Story
from turtls.explain.verdict import facts, negotiated_as_json, weaknesses
from turtls.web.http import Exchange, Visitor
from turtls.web.templates import PAGE_HEADERS, render


async def own_page(exchange: Exchange) -> None:
    """A handler: `/` for people, `/handshake.json` for programs."""
    request = exchange.request
    if request.method not in {"GET", "HEAD"}:
        allow = [(b"allow", b"GET, HEAD")]
        await exchange.respond(405, b"This page can only be read.\n", "text/plain; charset=utf-8", allow)
    elif request.path == "/":
        await exchange.respond(200, html(exchange.visitor), "text/html; charset=utf-8", PAGE_HEADERS)
    elif request.path == "/handshake.json":
        body = json.dumps(as_json(exchange.visitor), indent=2, ensure_ascii=False).encode()
        await exchange.respond(200, body, "application/json", [(b"cache-control", b"no-store")])
    else:
        await exchange.respond(404, render("missing.html"), "text/html; charset=utf-8", PAGE_HEADERS)


def html(visitor: Visitor) -> bytes:
    """The page for one visitor."""
    negotiated = _with_own_signature(visitor)
    return render(
        "handshake.html",
        negotiated=negotiated,
        version=words.version_name(negotiated.version),
        post_quantum=words.is_post_quantum(negotiated.group),
        protocol=words.alpn_words(negotiated.alpn) if negotiated.alpn else "HTTP/1.1",
        facts=facts(negotiated),
        chapters=_chapters(visitor.story),
        messages=len(visitor.story.messages),
        weak=weaknesses(negotiated),
        chain=chain_facts(visitor.story.certificates("server")),
        now=now(),
        milliseconds=_handshake_seconds(visitor.story) * 1000,
        extension_words=words.EXTENSIONS,
    )


def as_json(visitor: Visitor) -> dict[str, Any]:
    """The same for a program."""
    today = now()
    return {
        "negotiated": negotiated_as_json(_with_own_signature(visitor)),
        "certificates": [
            certificate.as_json(today) for certificate in chain_facts(visitor.story.certificates("server"))
        ],
        "handshake": [step.as_json() for step in visitor.story.steps],
    }


def _with_own_signature(visitor: Visitor) -> Negotiated:
    """What was negotiated, as the visitor sees it: signed by this server."""
    return visitor.negotiated._replace(signature_scheme=visitor.story.signature_scheme("server"))


@dataclass(slots=True)
class _Act:
    """A message, and what the server did on its own after it."""

    message: Step
    after: list[Step]

    @property
    def to_server(self) -> bool:
        return self.message.side == "client"

    @property
    def size(self) -> int:
        seen = self.message.message
        return len(seen.raw) if seen is not None else 0

    @property
    def encrypted(self) -> bool:
        seen = self.message.message
        return seen is not None and seen.encrypted

    @property
    def rows(self) -> list[hexdump.Row]:
        seen = self.message.message
        return list(hexdump.rows(seen.raw, self.message.fields)) if seen is not None else []

    @property
    def coloured(self) -> list[Field]:
        return hexdump.coloured(self.message.fields)


@dataclass(slots=True)
class _Chapter:
    """A part of the handshake: what the server did on its own before its first message, and the messages."""

    name: str
    before: list[Step]
    acts: list[_Act]


def _chapters(story: Story) -> list[_Chapter]:
    chapters: list[_Chapter] = []
    for step in story.steps:
        if not chapters or chapters[-1].name != step.chapter:
            chapters.append(_Chapter(step.chapter, [], []))
        chapter = chapters[-1]
        if step.message is not None:
            chapter.acts.append(_Act(step, []))
        else:
            (chapter.acts[-1].after if chapter.acts else chapter.before).append(step)
    return chapters


def _handshake_seconds(story: Story) -> float:
    """From the first message to the client's Finished."""
    finished = [step.seconds for step in story.messages if step.name == "Finished"]
    return finished[-1] - story.messages[0].seconds if finished else 0.0
