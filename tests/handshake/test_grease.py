"""GREASE (RFC 8701), and what a ClientHello has of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.handshake.parties import client_config, connect
from turtls.config import ClientConfig, Environment
from turtls.events import HandshakeMessageSeen, Trace
from turtls.handshake.grease import Grease, Greased
from turtls.wire.codepoints import is_grease
from turtls.wire.extensions import Extensions, KeyShareClientHello
from turtls.wire.messages import ClientHello
from turtls.wire.registries import NamedGroup


@given(st.binary(min_size=6, max_size=6))
def test_everything_is_reserved_and_no_extension_comes_twice(seed: bytes) -> None:
    grease = Grease(seed)
    kinds = grease.first_extension.extension_type, grease.last_extension.extension_type
    points = (grease.cipher_suite, grease.group, grease.version, grease.signature_scheme, *kinds)
    assert all(map(is_grease, points))
    assert kinds[0] != kinds[1]


def test_what_is_made_of_a_list_is_made_once_for_each_reserved_code_point() -> None:
    greased = Greased(list[NamedGroup], (NamedGroup.x25519,))
    reserved = NamedGroup(0x1A1A)
    assert greased[None] == [NamedGroup.x25519]
    assert greased[reserved] == [reserved, NamedGroup.x25519]
    assert greased[reserved] is greased[reserved]


def test_client_hellos_are_sent_as_they_are_seen_and_share_all_but_the_key_share() -> None:
    config = client_config(environment=Environment(random=bytes))  # the same reserved code points in each
    first, second = (_sent(config) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert (one is other) is not isinstance(one, KeyShareClientHello)


def _sent(config: ClientConfig) -> Extensions:
    seen: list[Trace] = []
    connect(config, observer=seen.append)
    [sent] = [trace for trace in seen if isinstance(trace, HandshakeMessageSeen)]
    assert isinstance(sent.message, ClientHello)
    assert ClientHello.from_bytes(sent.raw) == sent.message
    return sent.message.extensions
