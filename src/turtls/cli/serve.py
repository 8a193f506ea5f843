"""`turtls serve`: a folder, an application or an echo over HTTPS, with certificates of its own CA."""

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
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.text import Text

from turtls.ca import Authority, AuthorityError, renewal_time
from turtls.ca.names import server_names
from turtls.cli.options import keylog_to
from turtls.cli.output import JsonOption, out, printable
from turtls.config import ClientAuth, ServerConfig
from turtls.errors import ConfigError, TLSError
from turtls.explain.verdict import negotiated_as_json
from turtls.explain.words import is_post_quantum, version_name
from turtls.io.protocol import HandshakeFailure
from turtls.io.server import TLSServer
from turtls.pki import PrivateVerifier, TrustStore
from turtls.web.files import Folder
from turtls.web.http import Visitor
from turtls.web.page import own_page
from turtls.web.proxy import Upstream
from turtls.web.server import Connect, Echo, Server, http

EXAMPLES = (
    "turtls serve",
    "turtls serve public --host 0.0.0.0 --name www.example.test",
    "turtls serve --upstream http://127.0.0.1:8000",
)

_GRACE_SECONDS = 5
"""How long answers may still take once the server is told to stop."""
_LOOK_AGAIN_SECONDS = 3600
"""How often the certificate's age is looked at: a laptop that slept must not miss its renewal by days."""


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", exists=True, file_okay=False, help="The folder to serve.", show_default=False),
    ] = None,
    upstream: Annotated[
        str | None, typer.Option(metavar="URL", help="Hand requests to this application, over plain HTTP/1.1.")
    ] = None,
    echo: Annotated[bool, typer.Option("--echo", help="Say every byte back, to test TLS clients.")] = False,
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 and :: are all there are.")
    ] = "localhost",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.")] = 8443,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A name for the certificate, instead of localhost and this machine's; may be repeated."),
    ] = None,
    client_ca: Annotated[
        Path | None, typer.Option(help="Ask clients for certificates, of the authorities in this file.")
    ] = None,
    require_client_certificate: Annotated[
        bool, typer.Option("--require-client-certificate", help="Refuse clients that have none.")
    ] = False,
    keylog: Annotated[
        Path | None, typer.Option(help="Append the secrets to this file, for Wireshark. Who has it can read it all.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Serve over HTTPS, with certificates from turtls' own CA, which is made on first use.

    With nothing else to serve it shows each visitor their own handshake, step by step.

    Certificates are renewed while it runs. Ctrl-C ends it.
    """
    service = _service(folder, upstream, echo)
    log = _Log(json)
    with suppress(KeyboardInterrupt):
        asyncio.run(
            _serve(
                Server(service.connect, watch=service.watch, on_visit=log.visit, on_failure=log.failure),
                _Certificate(name or list(_own_names())),
                _config(service.alpn, client_ca, require_client_certificate, keylog),
                host,
                port,
                log,
            )
        )


class _Service(NamedTuple):
    """What is served, the protocols it can be had by, and whether handshakes are to be written down for it."""

    connect: Connect
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    watch: bool = False


def _service(folder: Path | None, upstream: str | None, echo: bool) -> _Service:
    if sum((folder is not None, upstream is not None, echo)) > 1:
        raise ConfigError("A folder, --upstream and --echo exclude each other: each says what to serve.")
    if echo:
        return _Service(Echo, alpn=())
    if upstream is not None:
        return _Service(http(Upstream(upstream)))
    if folder is not None:
        return _Service(http(Folder(folder)))
    return _Service(http(own_page), watch=True)


def _config(
    alpn: tuple[str, ...], client_ca: Path | None, require_client_certificate: bool, keylog: Path | None
) -> ServerConfig:
    if require_client_certificate and client_ca is None:
        raise ConfigError("--require-client-certificate needs --client-ca: whose certificates are to be accepted?")
    wanted = ClientAuth.REQUIRE if require_client_certificate else ClientAuth.REQUEST
    return ServerConfig(
        alpn=alpn,
        client_auth=ClientAuth.NONE if client_ca is None else wanted,
        verifier=None if client_ca is None else PrivateVerifier(TrustStore.from_file(client_ca)),
        keylog=None if keylog is None else keylog_to(keylog),
    )


def _own_names() -> Iterator[str]:
    """The names under which this machine is reached from itself."""
    yield from ("localhost", "127.0.0.1", "::1")
    with suppress(ConfigError):  # a machine may be called what no certificate can be for
        host = socket.gethostname()
        server_names([host])
        yield host


class _Certificate:
    """The server's certificate, and the CA that it comes from."""

    def __init__(self, names: list[str]) -> None:
        """Raises ConfigError for names that cannot be."""
        self.names = names
        try:
            self.authority = Authority.open()
            self.authority_is_new = False
        except AuthorityError:
            self.authority = Authority.open_or_init()
            self.authority_is_new = True
        self.credential = self.authority.credential_for(names)

    async def renew_forever(self, server: TLSServer, log: _Log) -> None:
        """Exchange the certificate for a new one whenever it is time; connections that are there keep theirs."""
        while True:
            due = (renewal_time(self.credential) - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(min(max(due, 1), _LOOK_AGAIN_SECONDS))
            if datetime.now(UTC) >= renewal_time(self.credential):
                try:
                    self.credential = await asyncio.to_thread(self.authority.credential_for, self.names)
                except (TLSError, OSError) as error:
                    log.line("renewal failed", error=str(error))
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                else:
                    server.config = replace(server.config, credentials=(self.credential,))
                    log.line("certificate renewed", names=self.names)


async def _serve(
    server: Server, certificate: _Certificate, config: ServerConfig, host: str, port: int, log: _Log
) -> None:
    stop = _stop_signal()
    config = replace(config, credentials=(certificate.credential,))
    try:
        listening = await server.start(_addresses(host, port), port, config)
    except OSError as error:
        raise _not_listening(host, port, error) from error
    log.listening(certificate, listening.sockets[0].getsockname()[1])
    renewal = asyncio.create_task(certificate.renew_forever(listening, log))
    await stop.wait()
    renewal.cancel()
    listening.close()
    await server.finish(_GRACE_SECONDS)


def _addresses(host: str, port: int) -> str | list[str]:
    """The addresses to listen on. Localhost is both of its addresses, on machines that have both."""
    if host != "localhost":
        return host
    addresses = ["127.0.0.1"]
    if port == 0:  # each address would get a port of its own
        return addresses
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        addresses.append("::1")
    return addresses


def _not_listening(host: str, port: int, error: OSError) -> OSError:
    if error.errno == errno.EADDRINUSE:
        return OSError(f"Port {port} is taken by another program: choose one with --port.")
    if error.errno == errno.EACCES:
        return OSError(f"Port {port} is reserved for the administrator: choose one above 1023 with --port.")
    return OSError(f"Cannot listen on {host}, port {port}: {error.strerror or error}.")


def _stop_signal() -> asyncio.Event:
    """Is set by Ctrl-C, and by the signal that asks a service to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows has no signals for a loop: there Ctrl-C is a KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
    return stop


class _Log:
    """A line for everything that happens: for people, or as JSON for programs."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def listening(self, certificate: _Certificate, port: int) -> None:
        """The server is there, and this is how to reach it."""
        first = certificate.names[0]
        url = f"https://{f'[{first}]' if ':' in first else first}{'' if port == 443 else f':{port}'}/"
        folder = str(certificate.authority.folder)
        if self._as_json:
            self.line("listening", url=url, port=port, names=certificate.names, authority=folder)
            return
        out.print(Text.assemble("Serving ", (url, "bold green"), ". Ctrl-C ends it."), soft_wrap=True)
        made = "A new CA was made" if certificate.authority_is_new else "The CA is"
        until = certificate.credential.leaf.certificate.not_valid_after_utc
        out.print(
            Text(
                f"{made} in {folder}; the certificate is good until {until:%Y-%m-%d}, and renewed before.\n"
                f"It is for {', '.join(certificate.names)}."
            ),
            soft_wrap=True,
        )
        out.print(Text.assemble("If a browser warns, it does not trust the CA yet: ", ("turtls trust install", "bold")))

    def visit(self, visitor: Visitor) -> None:
        """A visitor came."""
        agreed = visitor.negotiated
        if self._as_json:
            self.line("connection", peer=_peer(visitor.address, visitor.port), **negotiated_as_json(agreed))
            return
        words = Text(f"{_clock()}  {_peer(visitor.address, visitor.port):<21}  ", style="bright_black")
        words.append(version_name(agreed.version), style="green")
        group = agreed.group.name if agreed.group is not None else "no key exchange"
        words.append(f"  {group}", style="green" if is_post_quantum(agreed.group) else "yellow")
        words.append(f"  {agreed.cipher_suite.name}", style="default")
        details = [
            agreed.alpn,
            agreed.server_name and printable(agreed.server_name),
            "resumed" if agreed.resumed else None,
        ]
        words.append("".join(f"  {detail}" for detail in details if detail), style="default")
        out.print(words, soft_wrap=True)

    def failure(self, failure: HandshakeFailure) -> None:
        """A handshake came to nothing."""
        peer = _peer(*failure.peername[:2]) if failure.peername else "unknown"
        if self._as_json:
            self.line("failure", peer=peer, error=type(failure.error).__name__, reason=str(failure.error))
            return
        words = Text(f"{_clock()}  {peer:<21}  ", style="bright_black")
        words.append(printable(str(failure.error)), style="red")
        out.print(words, soft_wrap=True)

    def line(self, event: str, **details: Any) -> None:
        """Anything else."""
        if self._as_json:
            print(jsonlib.dumps({"time": datetime.now(UTC).isoformat(), "event": event, **details}), flush=True)
        else:
            told = ", ".join(f"{key}: {value}" for key, value in details.items())
            out.print(Text(f"{_clock()}  {event}  {told}"), soft_wrap=True)


def _clock() -> str:
    return f"{datetime.now():%H:%M:%S}"


def _peer(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
