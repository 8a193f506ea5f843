"""`turtls bridge`: listens with one policy and connects with another, and says which side is weak."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from turtls.bridge import Bridge, Crossing
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
from turtls.cli.options import POLICY_HELP, client_config, host_and_port
from turtls.cli.output import JsonOption, out, printable
from turtls.config import Negotiated, Policy, ServerConfig
from turtls.crypto.issuing import KeyType
from turtls.explain.verdict import negotiated_as_json
from turtls.explain.words import version_name

EXAMPLES = (
    "turtls bridge mail.example.org:993 --port 9930",
    "turtls bridge 192.0.2.7:443 --listen-policy modern --connect-policy legacy --ca device.pem",
)

_DEVICES_KEYS = [KeyType.ECDSA, KeyType.RSA]
"""Old devices know RSA alone."""


def command(
    target: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="The service; port 443 if none is given.")],
    listen_policy: Annotated[
        str, typer.Option(metavar="POLICY", help=f"For those who come to the bridge. {POLICY_HELP}")
    ] = "legacy",
    connect_policy: Annotated[
        str, typer.Option(metavar="POLICY", help="For the service, in the same words.")
    ] = "intermediate",
    host: HostOption = "localhost",
    port: PortOption = 8443,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A name for the bridge's certificate, instead of this machine's; may be repeated."),
    ] = None,
    key_type: KeyTypeOption = None,
    ca: Annotated[Path | None, typer.Option(help="Trust the authorities in this file with the service.")] = None,
    server_name: Annotated[str | None, typer.Option(help="The name that the service's certificate is for.")] = None,
    danger_accept_any: Annotated[
        bool,
        typer.Option("--danger-accept-any", help="Go on whoever the service is. Not private from who is on the path."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Take TLS connections under one policy, and pass them on to a service under another.

    So a device that only speaks TLS 1.0 reaches a service that only speaks TLS 1.3, or the other way round.

    Each connection is logged with its two sides, and what is weak about them. What passes is readable on this machine.

    Without --key-type there are two certificates, with an ECDSA and an RSA key.
    """
    service_host, service_port = host_and_port(target, 443)
    config = client_config(policy=connect_policy, ca=ca, danger_accept_any=danger_accept_any)
    log = _Log(json)
    bridge = Bridge(service_host, service_port, config, server_name=server_name, on_crossing=log.crossing)
    policy = Policy.from_string(listen_policy)
    certificates = Certificates(name, key_type or _DEVICES_KEYS)
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(bridge, certificates, policy, host, port, target, log))


async def _run(
    bridge: Bridge, certificates: Certificates, policy: Policy, host: str, port: int, target: str, log: _Log
) -> None:
    stop = stop_signal()
    config = ServerConfig(policy=policy, credentials=certificates.credentials)
    try:
        listening = await bridge.start(addresses(host, port), port, config, log.failure)
    except OSError as error:
        raise not_listening(host, port, error) from error
    log.listening(certificates, host, listening.sockets[0].getsockname()[1], target)
    renewal = asyncio.create_task(certificates.renew_forever(listening, log))
    await stop.wait()
    renewal.cancel()
    listening.close()


class _Log(Log):
    def listening(self, certificates: Certificates, host: str, port: int, target: str) -> None:
        """The bridge is there, and this is where it leads."""
        if self.as_json:
            self.line("listening", port=port, service=target, names=certificates.names)
            return
        words = Text.assemble("A bridge from ", (peer_name(host, port), "bold green"), " to ", (target, "bold green"))
        out.print(words.append(". Ctrl-C ends it."), soft_wrap=True)
        self.certificates(certificates)

    def crossing(self, crossing: Crossing) -> None:
        """Someone came, and this is what the two sides speak."""
        peer = peer_name(*crossing.peer)
        if self.as_json:
            self.line("crossing", peer=peer, **_as_json(crossing))
            return
        words = self.begun(peer)
        words.append(_side(crossing.device), style="red" if crossing.device_weaknesses else "green").append(" | ")
        if crossing.service is None:
            words.append(f"no service: {printable(str(crossing.error))}", style="red")
        else:
            words.append(_side(crossing.service), style="red" if crossing.service_weaknesses else "green")
        out.print(words.append(f"  {_weak(crossing)}", style="default"), soft_wrap=True)


def _side(negotiated: Negotiated) -> str:
    return f"{version_name(negotiated.version)} {negotiated.cipher_suite.name}"


def _weak(crossing: Crossing) -> str:
    """Which side was weak, and why."""
    sides = (("device", crossing.device_weaknesses), ("service", crossing.service_weaknesses))
    return "  ".join(f"Weak {side}: {' '.join(why)}" for side, why in sides if why) or "Neither side is weak."


def _as_json(crossing: Crossing) -> dict[str, object]:
    return {
        "device": negotiated_as_json(crossing.device),
        "service": None if crossing.service is None else negotiated_as_json(crossing.service),
        "error": None if crossing.error is None else str(crossing.error),
        "weak_side": crossing.weak_side,
        "device_weaknesses": crossing.device_weaknesses,
        "service_weaknesses": crossing.service_weaknesses,
    }
