"""Puts an authority's root where programs look for whom to trust: the system's store and those of browsers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from turtls.ca.errors import TrustStoreError
from turtls.ca.trust.browsers import browser_stores
from turtls.ca.trust.root import Root, Store
from turtls.ca.trust.system import system_stores

__all__ = ["Outcome", "Root", "State", "Store", "install", "status", "uninstall"]


class State(Enum):
    """How a store stands to a root, and whether that is new."""

    INSTALLED = "installed"
    ALREADY_TRUSTED = "already trusted"
    REMOVED = "removed"
    TRUSTED = "trusted"
    NOT_TRUSTED = "not trusted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one store. `detail` says of a failure what to do about it."""

    store: str
    state: State
    detail: str = ""


def install(root: Root, *, system: bool = True, browsers: bool = True) -> list[Outcome]:
    """Have the root trusted by the system, the browsers of this user, or both. Trusting it twice is no error."""
    return _each_store(_install, root, system, browsers)


def uninstall(root: Root, *, system: bool = True, browsers: bool = True) -> list[Outcome]:
    """Have the root trusted no more. Where it was not, nothing happens."""
    return _each_store(_uninstall, root, system, browsers)


def status(root: Root, *, system: bool = True, browsers: bool = True) -> list[Outcome]:
    """Who trusts the root now."""
    return _each_store(_status, root, system, browsers)


def _install(store: Store, root: Root) -> State:
    if store.holds(root):
        return State.ALREADY_TRUSTED
    store.install(root)
    return State.INSTALLED


def _uninstall(store: Store, root: Root) -> State:
    return State.REMOVED if store.uninstall(root) else State.NOT_TRUSTED


def _status(store: Store, root: Root) -> State:
    return State.TRUSTED if store.holds(root) else State.NOT_TRUSTED


def _each_store(act: Callable[[Store, Root], State], root: Root, system: bool, browsers: bool) -> list[Outcome]:
    """One store that fails does not keep the others from their turn."""
    outcomes: list[Outcome] = []
    for wanted, name, find in ((system, "the system", system_stores), (browsers, "browsers", browser_stores)):
        if wanted:
            outcomes += _all_found(act, root, name, find)
    return outcomes


def _all_found(
    act: Callable[[Store, Root], State], root: Root, name: str, find: Callable[[], Sequence[Store]]
) -> list[Outcome]:
    try:
        stores = find()
    except TrustStoreError as error:
        return [Outcome(name, State.FAILED, str(error))]
    return [_one(act, store, root) for store in stores]


def _one(act: Callable[[Store, Root], State], store: Store, root: Root) -> Outcome:
    try:
        return Outcome(store.name, act(store, root))
    except TrustStoreError as error:
        return Outcome(store.name, State.FAILED, str(error))
