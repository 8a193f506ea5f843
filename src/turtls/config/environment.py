"""The world as the core sees it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from turtls.config.values import NamedTuple
from turtls.crypto import groups
from turtls.wire.registries import NamedGroup


class Environment(NamedTuple):
    """The world as the core sees it: time, randomness, and ephemeral keys. Replace it to replay a trace."""

    now: Callable[[], float] = time.time
    """Seconds since the epoch."""
    random: Callable[[int], bytes] = os.urandom
    """Bytes fit for keys."""
    generate_key_shares: Callable[[Sequence[NamedGroup]], list[groups.PrivateShare]] = groups.generate_many
    """A client's shares, in the order of the groups."""
    answer_key_share: Callable[[NamedGroup, bytes], tuple[bytes, bytes]] = groups.respond
    """A server's share and the secret, from the client's share."""
