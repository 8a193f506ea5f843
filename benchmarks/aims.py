"""What turtls aims at, and how far it is: how many times as good as another it wants to be, row by row."""

from __future__ import annotations

from typing import Any, NamedTuple


class Aim(NamedTuple):
    """To be so many times as good as `other`; the primitives alone can't be beaten, only come near to."""

    row: str
    other: str
    wanted: float


AIMS = (
    Aim("full 1.3, ECDSA", "ssl", 2.0),
    Aim("full 1.3, ECDSA", "Go", 1.2),
    Aim("full 1.3, ECDSA", "primitives", 1 / 1.6),
    Aim("full 1.3, RSA-2048", "ssl", 1.8),
    Aim("full 1.3, X25519MLKEM768", "pyOpenSSL", 1.5),
    Aim("full 1.2, ECDHE-ECDSA", "ssl", 1.8),
    Aim("resumed 1.3", "ssl", 2.5),
    Aim("resumed 1.2", "ssl", 1.5),
    Aim("64 B ping-pong", "ssl", 1.3),
    Aim("1 KiB writes, AES-128-GCM", "ssl", 1.3),
    *(
        Aim(f"{size} writes, AES-128-GCM", other, wanted)
        for size in ("16 KiB", "1 MiB")
        for other, wanted in (("ssl", 1.8), ("Go", 1.0), ("primitives", 0.7))
    ),
    Aim("streams: throughput", "asyncio + ssl", 1.6),
    Aim("streams: requests", "asyncio + ssl", 1.2),
    Aim("streams: latency, p99", "asyncio + ssl", 1.0),
    Aim("memory of an idle connection", "ssl", 2.0),
    Aim("import", "its parts of cryptography", 1 / 1.3),
)


def reached(aim: Aim, rows: list[dict[str, Any]], who: str = "turtls") -> float | None:
    """How many times as good as the other `who` was in these rows; None where one of the two was not measured."""
    for row in rows:
        figures = row["figures"]
        if row["name"] == aim.row and {who, aim.other} <= figures.keys():
            ratio: float = figures[who]["ratio"] / figures[aim.other]["ratio"]
            return ratio
    return None
