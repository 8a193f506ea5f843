from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turtls.crypto.tickets import MAX_LIFETIME, TicketCache, TicketKeys
from turtls.errors import ConfigError

NOW = 1_800_000_000.0
HOUR = 3600


@given(state=st.binary(max_size=500))
def test_a_ticket_gives_its_state_back(state: bytes) -> None:
    for store in (TicketKeys(), TicketKeys(secret=b"k" * 32), TicketCache()):
        assert store.unseal(store.seal(state, NOW), NOW + 10) == state


def test_a_ticket_does_not_show_its_state() -> None:
    ticket = TicketKeys().seal(b"the state in clear", NOW)
    assert b"state" not in ticket


def test_the_same_state_never_gives_the_same_ticket() -> None:
    for store in (TicketKeys(), TicketCache()):
        assert len({store.seal(b"state", NOW) for _ in range(20)}) == 20


@given(data=st.data())
def test_a_changed_ticket_is_unknown(data: st.DataObject) -> None:
    keys = TicketKeys()
    ticket = bytearray(keys.seal(b"state", NOW))
    place = data.draw(st.integers(0, len(ticket) - 1))
    ticket[place] ^= data.draw(st.integers(1, 255))
    assert keys.unseal(bytes(ticket), NOW) is None


@given(junk=st.binary(max_size=100))
def test_junk_is_unknown(junk: bytes) -> None:
    for store in (TicketKeys(), TicketKeys(secret=b"k" * 32), TicketCache()):
        store.seal(b"state", NOW)
        assert store.unseal(junk, NOW) is None


def test_truncated_tickets_are_unknown() -> None:
    keys = TicketKeys()
    ticket = keys.seal(b"state", NOW)
    for length in range(len(ticket)):
        assert keys.unseal(ticket[:length], NOW) is None


@pytest.mark.parametrize("secret", [None, b"k" * 32])
def test_tickets_die_of_age_to_the_second(secret: bytes | None) -> None:
    keys = TicketKeys(lifetime=HOUR, rotate_every=HOUR // 2, secret=secret)
    ticket = keys.seal(b"state", NOW)
    assert keys.unseal(ticket, NOW + HOUR - 1) == b"state"
    assert keys.unseal(ticket, NOW + HOUR) is None


def test_keys_rotate_and_old_ones_open_for_the_lifetime() -> None:
    keys = TicketKeys(lifetime=10 * HOUR, rotate_every=HOUR)
    tickets = [(NOW + n * HOUR, keys.seal(b"%d" % n, NOW + n * HOUR)) for n in range(30)]
    assert len({ticket[:4] for _, ticket in tickets}) == 30
    now = NOW + 29 * HOUR
    for n, (issued, ticket) in enumerate(tickets):
        assert keys.unseal(ticket, now) == (b"%d" % n if now < issued + 10 * HOUR else None)


def test_old_keys_are_forgotten() -> None:
    """A clock set back does not bring them back."""
    keys = TicketKeys(lifetime=HOUR, rotate_every=HOUR)
    ticket = keys.seal(b"state", NOW)
    keys.seal(b"state", NOW + 3 * HOUR)
    assert keys.unseal(ticket, NOW) is None


def test_processes_with_one_secret_share_tickets() -> None:
    secret = os.urandom(32)
    one, other, stranger = TicketKeys(secret=secret), TicketKeys(secret=secret), TicketKeys(secret=os.urandom(32))
    ticket = one.seal(b"state", NOW)
    assert other.unseal(ticket, NOW + HOUR) == b"state"
    assert stranger.unseal(ticket, NOW + HOUR) is None
    assert TicketKeys().unseal(ticket, NOW) is None


def test_made_up_epochs_cost_no_memory() -> None:
    keys = TicketKeys(lifetime=HOUR, rotate_every=HOUR // 4, secret=b"k" * 32)
    ticket = keys.seal(b"state", NOW)
    present = int.from_bytes(ticket[:4])
    for untrusted_epoch in (0, 1, 2**32 - 1, *range(present - 100, present + 100)):
        if untrusted_epoch != present:
            assert keys.unseal(untrusted_epoch.to_bytes(4) + ticket[4:], NOW) is None
    assert len(keys._keys) <= 7


def test_randomness_comes_from_where_it_is_told() -> None:
    asked: list[int] = []

    def random(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    first, second = TicketKeys(random=random), TicketKeys(random=random)
    assert first.seal(b"state", NOW) == second.seal(b"state", NOW)
    assert asked == [32, 12, 32, 12]
    assert TicketCache(random=random).seal(b"state", NOW) == bytes(32)


def test_a_kept_ticket_is_good_for_one_use() -> None:
    cache = TicketCache()
    ticket = cache.seal(b"state", NOW)
    assert cache.unseal(ticket, NOW) == b"state"
    assert cache.unseal(ticket, NOW) is None


def test_a_kept_ticket_dies_of_age() -> None:
    cache = TicketCache(lifetime=HOUR)
    first, second = cache.seal(b"1", NOW), cache.seal(b"2", NOW)
    assert cache.unseal(first, NOW + HOUR - 1) == b"1"
    assert cache.unseal(second, NOW + HOUR) is None


def test_the_cache_is_bounded_and_drops_the_oldest() -> None:
    cache = TicketCache(capacity=3)
    tickets = [cache.seal(b"%d" % n, NOW) for n in range(5)]
    assert [cache.unseal(ticket, NOW) for ticket in tickets] == [None, None, b"2", b"3", b"4"]


@pytest.mark.parametrize("lifetime", [0, -1, MAX_LIFETIME + 1])
def test_lifetimes_out_of_range_are_refused(lifetime: int) -> None:
    with pytest.raises(ConfigError, match="7 days"):
        TicketKeys(lifetime=lifetime)
    with pytest.raises(ConfigError, match="7 days"):
        TicketCache(lifetime=lifetime)


def test_other_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="rotate_every"):
        TicketKeys(rotate_every=0)
    with pytest.raises(ConfigError, match="32 random bytes"):
        TicketKeys(secret=b"short")
    with pytest.raises(ConfigError, match="at least 1"):
        TicketCache(capacity=0)
