"""A bridge between two TLS policies: a device that only speaks an old version reaches a modern service, or the reverse.

Each connection is two: one with the device, one with the service. The bytes between them pass through here in the
clear, so the bridge belongs on a machine that both sides would trust, as near to the weak one as can be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from turtls import aio
from turtls.config import ClientConfig, Negotiated, ServerConfig
from turtls.errors import TLSError
from turtls.explain.chain import now
from turtls.explain.verdict import verdict, weaknesses
from turtls.io.protocol import OnHandshakeFailure
from turtls.io.server import TLSServer

_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Crossing:
    """One connection over the bridge: who came, what each of its two sides speaks, and how it went."""

    peer: tuple[str, int]
    device: Negotiated
    service: Negotiated | None
    """None if the service could not be reached."""
    error: Exception | None = None

    @property
    def device_weaknesses(self) -> tuple[str, ...]:
        """What is weak on the side that came to the bridge."""
        return weaknesses(self.device)

    @property
    def service_weaknesses(self) -> tuple[str, ...]:
        """What is weak on the side that the bridge went to; that nobody vouched for the service, too."""
        if self.service is None:
            return ()
        judged = verdict(self.service, None, now())
        return () if judged.safe else judged.reasons

    @property
    def weak_side(self) -> str:
        """Which side was weak: "device", "service", "both" or "neither"."""
        weak = (bool(self.device_weaknesses), bool(self.service_weaknesses))
        return {(True, True): "both", (True, False): "device", (False, True): "service"}.get(weak, "neither")


class Bridge:
    """Listens with one configuration, and connects with another."""

    def __init__(
        self,
        host: str,
        port: int,
        config: ClientConfig,
        *,
        server_name: str | None = None,
        on_crossing: Callable[[Crossing], None],
    ) -> None:
        """`host` and `port` are the service's. `on_crossing` hears of each connection as soon as both sides stand."""
        self._host = host
        self._port = port
        self._config = config
        self._server_name = server_name
        self._on_crossing = on_crossing

    async def start(
        self,
        addresses: str | list[str],
        port: int,
        config: ServerConfig,
        on_handshake_failure: OnHandshakeFailure | None = None,
    ) -> TLSServer:
        """Listen for devices. Raises OSError if that cannot be."""
        return await aio.start_server(
            self._cross, addresses, port, config=config, on_handshake_failure=on_handshake_failure
        )

    async def _cross(self, device_reader: asyncio.StreamReader, device_writer: asyncio.StreamWriter) -> None:
        peer, device = device_writer.get_extra_info("peername")[:2], device_writer.get_extra_info("negotiated")
        try:
            service_reader, service_writer = await aio.open_connection(
                self._host, self._port, config=self._config, server_name=self._server_name
            )
        except (TLSError, OSError) as error:
            self._on_crossing(Crossing(peer, device, None, error))
            await _close(device_writer)
            return
        self._on_crossing(Crossing(peer, device, service_writer.get_extra_info("negotiated")))
        try:
            await asyncio.gather(_carry(device_reader, service_writer), _carry(service_reader, device_writer))
        except (TLSError, OSError):
            # One side was cut off: without close_notify the other can tell that from an end (RFC 8446, section 6.1).
            for writer in (service_writer, device_writer):
                if not writer.is_closing():
                    writer.transport.abort()
        finally:
            await _close(service_writer)
            await _close(device_writer)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything, until the end of one side; that end is passed on, and the other direction may go on."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(TLSError, OSError):
        await writer.wait_closed()
