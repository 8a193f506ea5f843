"""What commands that listen share: certificates from turtls' own CA, where to listen, when to end, and a log."""

from __future__ import annotations

import asyncio
import errno
import json as jsonlib
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from turtls.ca import Authority, AuthorityError, renewal_time
from turtls.ca.names import server_names
from turtls.cli.output import out, printable
from turtls.config import Credential
from turtls.crypto.issuing import KeyType
from turtls.errors import ConfigError, TLSError
from turtls.io.protocol import HandshakeFailure
from turtls.io.server import TLSServer

HostOption = Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 and :: are all there are.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.")]
KeyTypeOption = Annotated[
    list[KeyType] | None,
    typer.Option(
        "--key-type",
        case_sensitive=False,
        help="The key of the certificate; may be repeated: each client gets one that it can verify.",
    ),
]

_LOOK_AGAIN_SECONDS = 60
"""How often the CA's record is looked at: a certificate may be revoked, or have come of age while a laptop slept."""

_AFTER_FAILURE_SECONDS = 3600
"""How long to wait when the CA cannot be used."""


class Certificates:
    """The server's certificates, one for each type of key, and the CA that they come from."""

    def __init__(self, names: list[str] | None, key_types: list[KeyType] | None) -> None:
        """By default one with an ECDSA key, for this machine's own names. Raises ConfigError for impossible names."""
        self.names = names or list(_own_names())
        self._key_types = list(dict.fromkeys(key_types or [KeyType.ECDSA]))
        try:
            self.authority = Authority.open()
            self.authority_is_new = False
        except AuthorityError:
            self.authority = Authority.open_or_init()
            self.authority_is_new = True
        self.credentials = self._current()

    def _current(self) -> tuple[Credential, ...]:
        """Those that are kept, and new ones where it is time."""
        return tuple(self.authority.credential_for(self.names, key_type=key_type) for key_type in self._key_types)

    @property
    def renewal_time(self) -> datetime:
        """When the first of them is to be renewed."""
        return min(renewal_time(credential) for credential in self.credentials)

    @property
    def expiry(self) -> datetime:
        """When the first of them ends."""
        return min(credential.leaf.certificate.not_valid_after_utc for credential in self.credentials)

    async def renew_forever(self, server: TLSServer, log: Log) -> None:
        """Exchange certificates for new ones when it is time, or they were revoked; connections keep theirs."""
        while True:
            due = (self.renewal_time - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(min(max(due, 1), _LOOK_AGAIN_SECONDS))
            try:
                current = await asyncio.to_thread(self._current)
            except (TLSError, OSError) as error:
                log.line("renewal failed", error=str(error))
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
                continue
            if [credential.chain for credential in current] != [credential.chain for credential in self.credentials]:
                self.credentials = current
                server.config = replace(server.config, credentials=current)
                log.line("certificate renewed", names=self.names)


def _own_names() -> Iterator[str]:
    """The names under which this machine is reached from itself."""
    yield from ("localhost", "127.0.0.1", "::1")
    with suppress(ConfigError):  # a machine may be called what no certificate can be for
        host = socket.gethostname()
        server_names([host])
        yield host


def addresses(host: str, port: int) -> str | list[str]:
    """The addresses to listen on. Localhost is both of its addresses, on machines that have both."""
    if host != "localhost":
        return host
    found = ["127.0.0.1"]
    if port == 0:  # each address would get a port of its own
        return found
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        found.append("::1")
    return found


def not_listening(host: str, port: int, error: OSError) -> OSError:
    """The error, with a sentence that says what to do."""
    if error.errno == errno.EADDRINUSE:
        return OSError(f"Port {port} is taken by another program: choose one with --port.")
    if error.errno == errno.EACCES:
        return OSError(f"Port {port} is reserved for the administrator: choose one above 1023 with --port.")
    return OSError(f"Cannot listen on {host}, port {port}: {error.strerror or error}.")


def stop_signal() -> asyncio.Event:
    """Is set by Ctrl-C, and by the signal that asks a service to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows has no signals for a loop: there Ctrl-C is a KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
    return stop


class Log:
    """A line for everything that happens: for people, or as JSON for programs."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def certificates(self, certificates: Certificates) -> None:
        """Which CA the certificates are from, and for whom."""
        made = "A new CA was made" if certificates.authority_is_new else "The CA is"
        out.print(
            Text(
                f"{made} in {certificates.authority.folder}; the certificate is good until "
                f"{certificates.expiry:%Y-%m-%d}, and renewed before.\nIt is for {', '.join(certificates.names)}."
            ),
            soft_wrap=True,
        )

    def failure(self, failure: HandshakeFailure) -> None:
        """A handshake came to nothing."""
        peer = peer_name(*failure.peername[:2]) if failure.peername else "unknown"
        if self.as_json:
            self.line("failure", peer=peer, error=type(failure.error).__name__, reason=str(failure.error))
            return
        words = self.begun(peer)
        words.append(printable(str(failure.error)), style="red")
        out.print(words, soft_wrap=True)

    def line(self, event: str, **details: Any) -> None:
        """Anything else."""
        if self.as_json:
            line = jsonlib.dumps({"time": datetime.now(UTC).isoformat(), "event": event, **details})
            out.print(Text(line), soft_wrap=True)  # which ends the program when nobody reads any more
        else:
            told = ", ".join(f"{key}: {value}" for key, value in details.items())
            out.print(Text(f"{_clock()}  {event}  {told}"), soft_wrap=True)

    def begun(self, peer: str) -> Text:
        """How a line about a peer begins."""
        return Text(f"{_clock()}  {peer:<21}  ", style="bright_black")


def _clock() -> str:
    return f"{datetime.now():%H:%M:%S}"


def peer_name(address: str, port: int) -> str:
    """An address and a port, as people write them."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
