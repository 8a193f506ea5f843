"""Verdicts on chains, kept for a while: to verify one costs 200 us and more, to find its verdict a few."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Final

from turtls.config import VerificationRequest, VerifiedChain

MAX_AGE: Final = 3600.0
"""Seconds that a verdict may be kept."""


class VerdictCache:
    """Chains that were accepted, at most `size` of them, the least used dropped. Refusals are not kept.

    A verdict is kept under a digest of all that decided it, and for an hour at most, never past the first expiry of a
    certificate in the verified path.
    """

    def __init__(self, size: int = 1024) -> None:
        self._size = size
        self._verdicts: OrderedDict[bytes, tuple[float, float, VerifiedChain]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes, now: float) -> VerifiedChain | None:
        """The verdict under `key`, if there is one that holds at `now` (seconds since the epoch)."""
        with self._lock:
            kept = self._verdicts.get(key)
            if kept is None:
                return None
            made, until, verdict = kept
            if made <= now < until:
                self._verdicts.move_to_end(key)
                return verdict
            del self._verdicts[key]
            return None

    def put(self, key: bytes, verdict: VerifiedChain, now: float, expiry: float) -> None:
        """Keep a verdict made at `now` about a path whose first certificate to expire does so at `expiry`."""
        with self._lock:
            self._verdicts[key] = now, min(now + MAX_AGE, expiry), verdict
            self._verdicts.move_to_end(key)
            if len(self._verdicts) > self._size:
                self._verdicts.popitem(last=False)

    def __len__(self) -> int:
        return len(self._verdicts)


def verdict_key(profile: bytes, request: VerificationRequest) -> bytes:
    """SHA-256 over all that decides a verdict but the time: role, name, chain, strength, and `profile`.

    `profile` stands for the rules and the store, in a fixed length.
    """
    lengths = ",".join(map(str, map(len, request.untrusted_chain)))
    # The name comes last, as it is the one field in which anything may stand.
    head = f"{request.role.value} {request.min_rsa_bits} {lengths} {request.server_name!r}"
    return hashlib.sha256(b"".join((profile, head.encode(), *request.untrusted_chain))).digest()
