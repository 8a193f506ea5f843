from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from turtls.config import SessionCache
from turtls.crypto.tickets import TicketCache, TicketKeys

THREADS = 4
ROUNDS = 10_000


def session(name: str) -> Any:
    """What a session is does not matter here."""
    return name


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def side_by_side(work: Callable[[int], None]) -> None:
    """Raises what goes wrong in any of the threads."""
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(THREADS)))


def test_the_newest_is_given_first_and_once() -> None:
    cache = SessionCache()
    for name in "abcde":
        cache.put("service", session(name))
    taken: list[Any] = [cache.take("service") for _ in range(5)]
    assert taken == ["e", "d", "c", "b", None]
    assert cache.take("another") is None


def test_the_service_used_longest_ago_is_dropped() -> None:
    cache = SessionCache(services=2)
    for name in "abac":
        cache.put(name, session(name))
    taken: list[Any] = [cache.take(name) for name in "abc"]
    assert taken == ["a", None, "c"]


@pytest.mark.usefixtures("restless")
def test_threads_may_share_sessions() -> None:
    cache = SessionCache(services=2)

    def work(thread: int) -> None:
        for number in range(ROUNDS):
            service = "abc"[(thread + number) % 3]
            cache.put(service, session("any"))
            cache.take(service)
            cache.take(service)

    side_by_side(work)


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("store", [TicketKeys(lifetime=2, rotate_every=1), TicketCache(capacity=2)])
def test_threads_may_share_tickets(store: Any) -> None:
    def work(_thread: int) -> None:
        for now in range(1_000, 1_000 + ROUNDS):
            store.unseal(store.seal(b"state", now), now)

    side_by_side(work)
