"""`turtls serve`: a folder, an application or an echo over HTTPS, with certificates of its own CA."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.text import Text

from turtls.cli.listening import (
    Certificates,
    HostOption,
    KeyTypeOption,
    Log,
    PortOption,
    addresses,
    not_listening,
    peer_name,
    stop_signal,
)
from turtls.cli.options import PolicyOption, keylog_to
from turtls.cli.output import JsonOption, out, printable
from turtls.config import ClientAuth, Policy, ServerConfig
from turtls.config.compression import available
from turtls.errors import ConfigError
from turtls.explain.verdict import negotiated_as_json
from turtls.explain.words import is_post_quantum, version_name
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
    "turtls serve --policy legacy --key-type ecdsa --key-type rsa",
)

_GRACE_SECONDS = 5
"""How long answers may still take once the server is told to stop."""


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", exists=True, file_okay=False, help="The folder to serve.", show_default=False),
    ] = None,
    upstream: Annotated[
        str | None, typer.Option(metavar="URL", help="Hand requests to this application, over plain HTTP/1.1.")
    ] = None,
    echo: Annotated[bool, typer.Option("--echo", help="Say every byte back, to test TLS clients.")] = False,
    host: HostOption = "localhost",
    port: PortOption = 8443,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A name for the certificate, instead of localhost and this machine's; may be repeated."),
    ] = None,
    key_type: KeyTypeOption = None,
    policy: PolicyOption = "intermediate",
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
                Certificates(name, key_type),
                _config(policy, service.alpn, client_ca, require_client_certificate, keylog),
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
    policy: str, alpn: tuple[str, ...], client_ca: Path | None, require_client_certificate: bool, keylog: Path | None
) -> ServerConfig:
    if require_client_certificate and client_ca is None:
        raise ConfigError("--require-client-certificate needs --client-ca: whose certificates are to be accepted?")
    wanted = ClientAuth.REQUIRE if require_client_certificate else ClientAuth.REQUEST
    return ServerConfig(
        policy=Policy.from_string(policy),
        alpn=alpn,
        client_auth=ClientAuth.NONE if client_ca is None else wanted,
        verifier=None if client_ca is None else PrivateVerifier(TrustStore.from_file(client_ca)),
        certificate_compression=available(),
        keylog=None if keylog is None else keylog_to(keylog),
    )


async def _serve(
    server: Server, certificates: Certificates, config: ServerConfig, host: str, port: int, log: _Log
) -> None:
    stop = stop_signal()
    config = replace(config, credentials=certificates.credentials)
    try:
        listening = await server.start(addresses(host, port), port, config)
    except OSError as error:
        raise not_listening(host, port, error) from error
    log.listening(certificates, listening.sockets[0].getsockname()[1])
    renewal = asyncio.create_task(certificates.renew_forever(listening, log))
    await stop.wait()
    renewal.cancel()
    listening.close()
    await server.finish(_GRACE_SECONDS)


class _Log(Log):
    def listening(self, certificates: Certificates, port: int) -> None:
        """The server is there, and this is how to reach it."""
        first = certificates.names[0]
        url = f"https://{f'[{first}]' if ':' in first else first}{'' if port == 443 else f':{port}'}/"
        if self.as_json:
            folder = str(certificates.authority.folder)
            self.line("listening", url=url, port=port, names=certificates.names, authority=folder)
            return
        out.print(Text.assemble("Serving ", (url, "bold green"), ". Ctrl-C ends it."), soft_wrap=True)
        self.certificates(certificates)
        out.print(Text.assemble("If a browser warns, it does not trust the CA yet: ", ("turtls trust install", "bold")))

    def visit(self, visitor: Visitor) -> None:
        """A visitor came."""
        agreed = visitor.negotiated
        if self.as_json:
            self.line("connection", peer=peer_name(visitor.address, visitor.port), **negotiated_as_json(agreed))
            return
        words = self.begun(peer_name(visitor.address, visitor.port))
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
