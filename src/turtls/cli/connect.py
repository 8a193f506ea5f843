"""`turtls connect`: what was negotiated, with whom, and whether it is safe; then the peer on stdin and stdout."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from turtls import aio
from turtls.cli.dial import Dialled, dial
from turtls.cli.options import MAX_TIMEOUT, PassphraseOption, PolicyOption, client_config, host_and_port
from turtls.cli.output import ExitCode, JsonOption, err, print_json, report
from turtls.cli.render import Picture, chain_tree, facts_table, verdict_lines
from turtls.config import ClientConfig, Negotiated
from turtls.errors import TLSError
from turtls.explain.chain import CertificateFacts, chain_facts, now
from turtls.explain.story import Step, Story
from turtls.explain.verdict import Verdict, facts, negotiated_as_json, verdict

EXAMPLES = (
    "turtls connect example.org",
    "turtls connect --trace --resume localhost:8443",
    r"printf 'GET / HTTP/1.0\r\n\r\n' | turtls connect example.org",
)

_CHUNK = 64 * 1024
_TICKET_SECONDS = 2
"""How long a ticket is waited for: a server sends it right after the handshake, if at all."""


def command(
    target: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="Whom to reach; port 443 if none is given.")],
    server_name: Annotated[str | None, typer.Option(help="The name that the certificate must be for.")] = None,
    policy: PolicyOption = "intermediate",
    ca: Annotated[Path | None, typer.Option(help="Trust the authorities in this file, and no others.")] = None,
    alpn: Annotated[str | None, typer.Option(help="Application protocols to offer: h2,http/1.1")] = None,
    cert: Annotated[Path | None, typer.Option(help="The client's certificate, if it is asked for one.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key, if it is in another file.")] = None,
    passphrase_file: PassphraseOption = None,
    groups: Annotated[str | None, typer.Option(help="Key exchange groups to offer: X25519MLKEM768,x25519")] = None,
    suites: Annotated[str | None, typer.Option(help="Cipher suites to offer.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Connect twice, the second time with a ticket.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Show what every message says.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the bytes of every message.")] = False,
    keylog: Annotated[
        Path | None, typer.Option(help="Append the secrets to this file, for Wireshark. Who has it can read it all.")
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.001, max=MAX_TIMEOUT, help="Seconds to wait for the connection, and for an answer after stdin ends."
        ),
    ] = 10,
    danger_accept_any: Annotated[
        bool,
        typer.Option("--danger-accept-any", help="Go on whoever the peer is. Not private from who is on the path."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Open a TLS connection; show the handshake, what was negotiated, with whom, and whether it is safe.

    Then stdin goes to the peer and its answers to stdout; all the rest is on stderr.

    With --json the result is printed on stdout instead, and the connection closed.

    Exit code: 3 untrusted certificate, 4 no connection, 5 no agreement.
    """
    host, port = host_and_port(target, 443)
    config = client_config(
        policy=policy,
        ca=ca,
        danger_accept_any=danger_accept_any,
        alpn=alpn,
        cert=cert,
        key=key,
        passphrase_file=passphrase_file,
        groups=groups,
        suites=suites,
        keylog=keylog,
    )
    # Who names a certificate for one connection wants to see what comes of it.
    config = replace(config, ignore_certificate_authorities=True)
    picture = None if json else Picture(err.width, fields=trace or verbose, bytes=verbose)
    call = _Call(host, port, server_name or host, config, timeout, picture)
    try:
        code = asyncio.run(_run(call, resume=resume, talk=not json))
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    if json:
        print_json(call.as_json())
    raise typer.Exit(code)


async def _run(call: _Call, *, resume: bool, talk: bool) -> ExitCode:
    try:
        if resume:
            await call.collect_ticket()
        reader, writer = await call.open()
    except (TLSError, OSError) as error:
        await call.hung_up()
        return call.failed(error)
    call.tell()
    try:
        if talk:
            await _talk(reader, writer, call.timeout)
    except (TLSError, OSError) as error:
        return report(error)
    finally:
        writer.close()
        await call.hung_up()
    return ExitCode.OK


class _Call:
    """One call of the command: its connections, and what is told of them."""

    def __init__(
        self, host: str, port: int, server_name: str, config: ClientConfig, timeout: float, picture: Picture | None
    ) -> None:
        self.timeout = timeout
        self._host = host
        self._port = port
        self._server_name = server_name
        self._config = config
        self._picture = picture
        self._story = Story("client")
        self._dialled: Dialled | None = None
        self._negotiated: Negotiated | None = None
        self._error: Exception | None = None
        self._ticket_came = asyncio.Event()

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect and shake hands. Raises TLSError, Unreachable."""
        self._dialled = dialled = await asyncio.to_thread(dial, self._host, self._port, self.timeout)
        self._story = Story("client", on_step=self._watch)
        if self._picture is not None:
            err.print(f"Connected to {dialled.address}, port {self._port}, in {dialled.tcp_seconds * 1000:.1f} ms.")
            err.print(self._picture.head())
        reader, writer = await aio.open_connection(
            sock=dialled.socket,
            config=self._config,
            server_name=self._server_name,
            handshake_timeout=self.timeout,
            observer=self._story,
        )
        self._negotiated = writer.get_extra_info("negotiated")
        return reader, writer

    async def hung_up(self) -> None:
        """Wait until the last words, an alert perhaps, have left and the socket is closed."""
        if self._dialled is not None:
            while self._dialled.socket.fileno() != -1:  # noqa: ASYNC110 - the transport that closes it tells nobody
                await asyncio.sleep(0.01)

    def _watch(self, step: Step) -> None:
        if step.name == "NewSessionTicket":
            self._ticket_came.set()
        if self._picture is not None:
            for line in self._picture.step(step):
                err.print(line)

    async def collect_ticket(self) -> None:
        """A first connection, for the sake of the ticket that it brings."""
        _, writer = await self.open()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(self.timeout, _TICKET_SECONDS)):
                await self._ticket_came.wait()
        writer.close()
        await self.hung_up()
        if self._picture is not None:
            came = self._ticket_came.is_set()
            err.print("Once more, with the ticket:" if came else "The server gave no ticket. Once more, without one:")
            self._picture = self._picture.again()

    def tell(self) -> None:
        """Show what was negotiated, with whom, and whether it is safe."""
        if self._picture is None or self._negotiated is None:
            return
        err.print()
        err.print(facts_table(facts(self._negotiated)))
        if certificates := self._certificates():
            err.print()
            err.print(chain_tree(certificates, now()))
        err.print()
        for line in verdict_lines(self._verdict(self._negotiated)):
            err.print(line)
        err.print()

    def failed(self, error: Exception) -> ExitCode:
        """Tell why there is no connection, and show the certificates that were shown."""
        self._error = error
        if self._picture is not None and (certificates := self._certificates()):
            err.print()
            err.print(chain_tree(certificates, now()))
            err.print()
        return report(error)

    def _certificates(self) -> list[CertificateFacts]:
        """The verified chain; if there is none, what the server showed."""
        peer = self._negotiated.peer if self._negotiated is not None else None
        return chain_facts(peer.chain if peer is not None else self._story.certificates("server"))

    def _verdict(self, negotiated: Negotiated) -> Verdict:
        certificates = self._certificates()
        return verdict(negotiated, certificates[0] if certificates else None, now())

    def as_json(self) -> dict[str, Any]:
        """All of it, for a program."""
        plain: dict[str, Any] = {"host": self._host, "port": self._port}
        if self._dialled is not None:
            plain["address"] = self._dialled.address
        if self._negotiated is not None:
            judged = self._verdict(self._negotiated)
            plain["negotiated"] = negotiated_as_json(self._negotiated)
            plain["safe"] = judged.safe
            plain["reasons"] = list(judged.reasons)
        else:
            plain["safe"] = False
            plain["reasons"] = [str(self._error)]
        plain["certificates"] = [certificate.as_json(now()) for certificate in self._certificates()]
        plain["handshake"] = [step.as_json() for step in self._story.steps]
        return plain


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
    """Carry stdin to the peer and its answers to stdout: until it closes, or stdin has ended and it is silent."""
    sending = asyncio.create_task(_send_stdin(writer))
    try:
        while data := await _next(reader, sending, patience):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _next(reader: asyncio.StreamReader, sending: asyncio.Task[None], patience: float) -> bytes:
    """The peer's next bytes; empty when there will be no more."""
    reading = asyncio.create_task(reader.read(_CHUNK))
    await asyncio.wait({reading, sending}, return_when=asyncio.FIRST_COMPLETED)
    try:
        async with asyncio.timeout(patience):
            return await reading
    except TimeoutError:
        return b""


def _read_stdin() -> bytes:
    if sys.stdin is None:  # it was closed from the start
        return b""
    try:
        return os.read(sys.stdin.fileno(), _CHUNK)
    except OSError:  # a terminal that is gone, or that another job holds
        return b""


async def _send_stdin(writer: asyncio.StreamWriter) -> None:
    """Send what comes on stdin; its end is this side's close_notify, after which the peer may still answer."""
    typed: asyncio.Queue[bytes] = asyncio.Queue(1)
    loop = asyncio.get_running_loop()

    def read() -> None:
        # In a daemon thread: nothing else reads a terminal, a pipe and a file alike, and no one must wait for its end.
        with suppress(RuntimeError):  # the loop is gone before stdin
            while True:
                data = _read_stdin()
                asyncio.run_coroutine_threadsafe(typed.put(data), loop).result()
                if not data:
                    return

    threading.Thread(target=read, daemon=True).start()
    while data := await typed.get():
        writer.write(data)
        await writer.drain()
    writer.write_eof()
