"""`turtls ca`: the certificate authority."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from turtls.ca import Authority, AuthorityError, Issued, KeyType, Record, RevocationReason
from turtls.ca.authority import DEFAULT_NAME
from turtls.ca.files import PRIVATE, PUBLIC, write_file
from turtls.cli.output import JsonOption, example, out, print_json, say

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    epilog=example("turtls ca init", "turtls ca issue localhost 127.0.0.1", "turtls ca list"),
)

KeyTypeOption = Annotated[KeyType, typer.Option("--key-type", help="The kind of private key to make.")]


@app.callback()
def ca() -> None:
    """Run a certificate authority of your own.

    It lives in your folder for application data, or in $TURTLS_HOME.
    """


@app.command(epilog=example("turtls ca init --name 'Lab CA'"))
def init(
    name: Annotated[str, typer.Option(help="What stands in the subject of its certificates.")] = DEFAULT_NAME,
    key_type: KeyTypeOption = KeyType.ECDSA,
    json: JsonOption = False,
) -> None:
    """Make the authority: a root, and beneath it the certificate that issues."""
    authority = Authority.init(name=name, key_type=key_type)
    if json:
        print_json({"folder": str(authority.folder), "not_after": authority.root.not_valid_after_utc.isoformat()})
    else:
        say(f"Made the authority in {authority.folder}, valid until {authority.root.not_valid_after_utc:%Y-%m-%d}.")
        say("`turtls trust install` has this machine and its browsers trust it.")


@app.command(
    epilog=example(
        "turtls ca issue localhost 127.0.0.1 ::1",
        "turtls ca issue example.org '*.example.org' --days 30 --out /etc/ssl/example",
        "turtls ca issue --client alice@example.org",
    )
)
def issue(
    names: Annotated[list[str], typer.Argument(help="DNS names, wildcards and IP addresses.", metavar="NAME")],
    client: Annotated[bool, typer.Option("--client", help="For a client: NAME is what the client is called.")] = False,
    days: Annotated[int | None, typer.Option(help="How long it is valid; by default 90 days at most.")] = None,
    key_type: KeyTypeOption = KeyType.ECDSA,
    folder: Annotated[Path, typer.Option("--out", help="The folder for the files.", file_okay=False)] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    json: JsonOption = False,
) -> None:
    """Issue a certificate with a new key.

    Writes NAME.pem, the certificate and the one that issued it, and NAME.key.pem, the private key.
    """
    if client and len(names) > 1:
        raise typer.BadParameter("with --client there is one name", param_hint="NAME")
    base = re.sub(r"[^\w.@-]", "_", names[0].lstrip("."))
    chain, key = folder / f"{base}.pem", folder / f"{base}.key.pem"
    if not force:
        _require_new(chain, key)
    authority = Authority.open()
    if client:
        issued = authority.issue_client(names[0], days=days, key_type=key_type)
    else:
        issued = authority.issue(names, days=days, key_type=key_type)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(key, issued.key_pem, PRIVATE)
    write_file(chain, issued.chain_pem, PUBLIC)
    _show_issued(issued, chain, key, json)


@app.command("list", epilog=example("turtls ca list --json"))
def list_(json: JsonOption = False) -> None:
    """List every certificate that was issued."""
    records = Authority.open().list()
    if json:
        print_json([_as_json(record) for record in records])
        return
    table = Table("Serial", "For", "Names", "Days left", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    for record in records:
        table.add_row(record.serial, record.kind.value, Text("\n".join(record.names)), _days_left(record))
    out.print(table)


@app.command(epilog=example("turtls ca revoke 5f3a9c… --reason keyCompromise"))
def revoke(
    serial: Annotated[str, typer.Argument(help="The serial, as `turtls ca list` shows it.")],
    reason: Annotated[RevocationReason, typer.Option(help="Why.")] = RevocationReason.UNSPECIFIED,
    json: JsonOption = False,
) -> None:
    """Revoke a certificate: it is marked in the record, and a `turtls serve` that uses it gets another in a minute."""
    record = Authority.open().revoke(serial, reason)
    if json:
        print_json(_as_json(record))
    else:
        say(f"Revoked the certificate {record.serial} for {', '.join(record.names)}.")


@app.command(epilog=example("turtls ca root > root.pem", "turtls ca root --out root.pem"))
def root(
    file: Annotated[Path | None, typer.Option("--out", help="Where to write it.", dir_okay=False)] = None,
    json: JsonOption = False,
) -> None:
    """Print the root certificate in PEM, or write it to a file: for those who are to trust this authority."""
    pem = Authority.open().root_pem
    if file is not None:
        write_file(file, pem, PUBLIC)
    elif json:
        print_json({"root": pem.decode()})
    else:
        typer.echo(pem, nl=False)


def _require_new(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise AuthorityError(f"{path} is there already: --force replaces it.")


def _show_issued(issued: Issued, chain: Path, key: Path, json: bool) -> None:
    if json:
        print_json(_as_json(issued.record) | {"certificate": str(chain), "key": str(key)})
        return
    say(f"Issued a {issued.record.kind.value}'s certificate for {', '.join(issued.record.names)}.")
    say(f"  certificate and chain  {chain}")
    say(f"  private key            {key}")
    say(f"  valid until            {issued.record.not_after:%Y-%m-%d}")


def _as_json(record: Record) -> dict[str, Any]:
    return {
        "serial": record.serial,
        "kind": record.kind.value,
        "names": record.names,
        "not_before": record.not_before.isoformat(),
        "not_after": record.not_after.isoformat(),
        "revoked_at": record.revoked_at and record.revoked_at.isoformat(),
        "revocation_reason": record.revocation_reason and record.revocation_reason.value,
    }


def _days_left(record: Record) -> Text:
    """Green, and yellow in the last third of the certificate's life, when it should be renewed."""
    if record.revocation_reason is not None:
        return Text(f"revoked ({record.revocation_reason.value})", "red")
    left = record.not_after - datetime.now(UTC)
    if left.total_seconds() < 0:
        return Text("expired", "red")
    return Text(str(left.days), "yellow" if left < (record.not_after - record.not_before) / 3 else "green")
