from __future__ import annotations

from datetime import timedelta

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from tests.explain.handshakes import Watched, localhost, with_retry
from turtls.cli.render import Picture, bytes_table, chain_tree, facts_table, fields_tree, verdict_lines
from turtls.errors import AlertDescription
from turtls.events import AlertSeen
from turtls.explain.chain import chain_facts
from turtls.explain.fields import Field
from turtls.explain.story import Story
from turtls.explain.verdict import Verdict, facts


def drawn(*renderables: RenderableType, width: int = 120) -> list[str]:
    """The lines that a terminal shows."""
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        for renderable in renderables:
            console.print(renderable)
    return capture.get().splitlines()


def picture_of(story: Story, width: int = 100, *, fields: bool = False, bytes: bool = False) -> list[str]:
    picture = Picture(width, fields=fields, bytes=bytes)
    return drawn(picture.head(), *[line for step in story.steps for line in picture.step(step)], width=width)


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("watched", [Watched(), with_retry()])
def test_the_sides_stand_straight(watched: Watched, width: int) -> None:
    head, *lines = picture_of(watched.client_story, width)
    assert "client" in head
    assert {len(line) for line in lines} == {min(width, 96)}
    assert {line[10] for line in lines} <= {"│", "├"}
    assert {line[-1] for line in lines} <= {"│", "┤"}


def test_arrows_point_to_who_receives_and_show_what_is_encrypted() -> None:
    lines = picture_of(Watched().server_story)
    hello = next(line for line in lines if "ClientHello" in line)
    assert hello.endswith("╌▶│")
    certificate = next(line for line in lines if " Certificate " in line)
    assert "│◀━" in certificate
    assert sum("nobody on the path can read" in line for line in lines) == 1


def test_a_question_is_followed_by_its_answer() -> None:
    assert any("Is it really them? The server" in line for line in picture_of(Watched().client_story))


def test_secrets_and_goodbyes_are_only_shown_with_the_fields() -> None:
    story = Watched().client_story
    story(AlertSeen("received", AlertDescription.CLOSE_NOTIFY))
    plain, full = "\n".join(picture_of(story)), "\n".join(picture_of(story, fields=True))
    for detail in ("handshake_traffic_secret", "close_notify", "legacy_session_id"):
        assert detail not in plain
        assert detail in full


def test_lists_of_code_points_stand_on_one_line() -> None:
    hello = Watched().client_story.messages[0]
    lines = drawn(fields_tree(hello.fields), width=400)
    suites = next(line for line in lines if "cipher_suites" in line)
    assert "TLS_AES_128_GCM_SHA256 0x1301, TLS_AES_256_GCM_SHA384 0x1302" in suites
    shares = next(line for line in lines if "key_exchange" in line and "bytes" in line)
    assert "(1,216 bytes)" in shares


def test_what_could_steer_a_terminal_is_shown_escaped() -> None:
    evil = Field("name", "\x1b[31mred", 0, 1)
    assert "\\x1b[31mred" in drawn(fields_tree([evil]))[0]


def test_every_byte_is_there_with_the_name_where_its_field_begins() -> None:
    hello = Watched().client_story.messages[0]
    assert hello.message is not None
    raw = hello.message.raw
    lines = drawn(bytes_table(raw, hello.fields), width=200)
    assert len(lines) == (len(raw) + 15) // 16
    assert bytes.fromhex("".join(line[6:54] for line in lines)) == raw
    assert lines[0].rstrip().endswith("msg_type length legacy_version random")


def test_the_chain_hangs_from_its_authority() -> None:
    chain = chain_facts(localhost()[0].chain)
    lines = drawn(chain_tree(chain, chain[0].not_before))
    assert lines[0].startswith("turtls local CA issuing")
    leaf = next(line for line in lines if "localhost  P-256" in line)
    assert leaf.startswith("└──")
    assert "days left" in leaf
    late = drawn(chain_tree(chain[:1], chain[0].not_after + timedelta(days=3)))
    assert "expired 3 days ago" in late[0]


def test_the_facts_and_the_verdict() -> None:
    negotiated = Watched().client.negotiated
    assert negotiated is not None
    table = "\n".join(drawn(facts_table(facts(negotiated))))
    assert "✓  Version" in table
    safe, note = (line.plain for line in verdict_lines(Verdict(True, "Safe.", ("A note.",))))
    assert (safe, note) == ("✓ Safe.", "  A note.")
    [bad] = verdict_lines(Verdict(False, "Not safe.", ()))
    assert isinstance(bad, Text)
    assert bad.plain == "✗ Not safe."
