"""`turtls get`: fetch a page, and show where the time went."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from turtls.cli.fetch import Fetched, Timing, fetch
from turtls.cli.options import MAX_TIMEOUT, PassphraseOption, PolicyOption, client_config
from turtls.cli.output import ExitCode, JsonOption, err, print_json, printable, report
from turtls.config import ClientConfig
from turtls.errors import TruncatedError
from turtls.explain.verdict import negotiated_as_json
from turtls.explain.words import version_name

if TYPE_CHECKING:
    from rich.progress import Progress

EXAMPLES = (
    "turtls get https://example.org/",
    "turtls get -L -o page.html https://example.org/",
    "turtls get --json https://localhost:8443/handshake.json",
)

_MOST_REDIRECTS = 20
_WORTH_A_BAR = 2**20
"""Bytes of a body from which on its progress is shown."""
_PARTS = (
    ("dns", "DNS", "blue"),
    ("tcp", "TCP", "cyan"),
    ("tls", "TLS", "green"),
    ("first_byte", "first byte", "yellow"),
    ("body", "body", "magenta"),
)


def command(
    url: Annotated[str, typer.Argument(metavar="URL", help="What to fetch: https://...")],
    include: Annotated[
        bool, typer.Option("--include", "-i", help="Print the answer's headers before its body.")
    ] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the body to this file.")] = None,
    location: Annotated[bool, typer.Option("--location", "-L", help="Follow redirects.")] = False,
    policy: PolicyOption = "intermediate",
    ca: Annotated[Path | None, typer.Option(help="Trust the authorities in this file, and no others.")] = None,
    cert: Annotated[
        Path | None, typer.Option(help="The client's certificate, for servers that ask for one of its issuer.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key, if it is in another file.")] = None,
    passphrase_file: PassphraseOption = None,
    http1: Annotated[bool, typer.Option("--http1", help="Do not offer HTTP/2.")] = False,
    keylog: Annotated[
        Path | None, typer.Option(help="Append the secrets to this file, for Wireshark. Who has it can read it all.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.001, max=MAX_TIMEOUT, help="Seconds to wait for each step.")] = 30,
    danger_accept_any: Annotated[
        bool,
        typer.Option("--danger-accept-any", help="Go on whoever the peer is. Not private from who is on the path."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Fetch a page. Its body goes to stdout as it is; where the time went is on stderr.

    With --json headers and times are printed instead, and the body is kept only by --output.

    Exit code: 1 the answer is an error, 3 untrusted certificate, 4 no connection, 5 no agreement.
    """
    config = client_config(
        policy=policy,
        ca=ca,
        danger_accept_any=danger_accept_any,
        alpn="http/1.1" if http1 else "h2,http/1.1",
        cert=cert,
        key=key,
        passphrase_file=passphrase_file,
        keylog=keylog,
    )
    fetched = _follow(url, config, timeout, _MOST_REDIRECTS if location else 0)
    try:
        size = _save(fetched, output, with_head=include, quiet=json)
    except TruncatedError as error:  # click takes an EOFError for a Ctrl-D
        raise typer.Exit(report(error)) from error
    finally:
        fetched.close()
    if json:
        print_json(_as_json(fetched, size))
    else:
        err.print(_summary(fetched, size))
        err.print(timing_bar(fetched.timing, min(err.width, 80)))
    if fetched.status >= 400:
        raise typer.Exit(ExitCode.FAILURE)


def _follow(url: str, config: ClientConfig, timeout: float, redirects: int) -> Fetched:
    """The answer, after following so many redirects at the most."""
    fetched = fetch(url, config, timeout)
    while redirects and (target := fetched.redirect) is not None:
        redirects -= 1
        fetched.close()
        err.print(Text(f"{fetched.status}, see {printable(target)}", style="bright_black"))
        fetched = fetch(target, config, timeout)
    return fetched


def _save(fetched: Fetched, output: Path | None, *, with_head: bool, quiet: bool) -> int:
    """Write the body where it is wanted; its size in bytes."""
    size = 0
    with ExitStack() as stack:
        file = stack.enter_context(output.open("wb")) if output is not None else sys.stdout.buffer
        if with_head and not quiet:
            file.write(_head(fetched))
        show = stack.enter_context(_progress(fetched)) if err.is_terminal and not quiet else None
        for data in fetched.body():
            size += len(data)
            if output is not None or not quiet:
                file.write(data)
            if show is not None:
                show.update(show.task_ids[0], completed=size, visible=size >= _WORTH_A_BAR)
        file.flush()
    return size


def _head(fetched: Fetched) -> bytes:
    lines = [f"{_protocol(fetched)} {fetched.status}", *(f"{name}: {value}" for name, value in fetched.headers)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def _protocol(fetched: Fetched) -> str:
    return "HTTP/2" if fetched.negotiated is not None and fetched.negotiated.alpn == "h2" else "HTTP/1.1"


def _progress(fetched: Fetched) -> Progress:
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    progress = Progress(
        BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), console=err, transient=True
    )
    progress.add_task("body", total=fetched.length, visible=False)
    return progress


def _summary(fetched: Fetched, size: int) -> Text:
    text = Text(str(fetched.status), style="bold green" if fetched.status < 400 else "bold red")
    text.append(f"  {_protocol(fetched)}", style="default")
    if (agreed := fetched.negotiated) is not None:
        group = agreed.group.name if agreed.group is not None else "no key exchange"
        text.append(f"  {version_name(agreed.version)}  {group}  {agreed.cipher_suite.name}", style="default")
    text.append(f"  {size:,} bytes", style="default")
    return text


def timing_bar(timing: Timing, width: int) -> Text:
    """Where the time went: a bar of that many columns, and the milliseconds of each part beneath it."""
    bar, legend = Text(), Text()
    passed = 0.0
    for attribute, label, colour in _PARTS:
        seconds = getattr(timing, attribute)
        passed += seconds
        bar.append("█" * (round(width * passed / timing.total) - len(bar)), style=colour)
        legend.append(f"{label} ", style=colour)
        legend.append(f"{seconds * 1000:.1f}  ", style="default")
    legend.append(f"total {timing.total * 1000:.1f} ms", style="bold")
    return Text("\n").join([bar, legend])


def _as_json(fetched: Fetched, size: int) -> dict[str, Any]:
    timing = {attribute: round(getattr(fetched.timing, attribute) * 1000, 3) for attribute, _, _ in _PARTS}
    return {
        "url": fetched.url,
        "status": fetched.status,
        "protocol": _protocol(fetched),
        "headers": fetched.headers,
        "bytes": size,
        "milliseconds": {**timing, "total": round(fetched.timing.total * 1000, 3)},
        "negotiated": negotiated_as_json(fetched.negotiated) if fetched.negotiated is not None else None,
    }
