"""`turtls trust`: who trusts the authority."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.text import Text

from turtls.ca import Authority, trust
from turtls.ca.trust import Outcome, Root, State
from turtls.cli.output import ExitCode, JsonOption, example, out, print_json, printable

app = typer.Typer(
    no_args_is_help=True, add_completion=False, epilog=example("turtls trust install", "turtls trust status")
)

SystemOption = Annotated[bool, typer.Option("--system/--no-system", help="The system's trust store.")]
BrowsersOption = Annotated[bool, typer.Option("--browsers/--no-browsers", help="The stores of Chromium and Firefox.")]

_STYLES = {
    State.INSTALLED: "green",
    State.ALREADY_TRUSTED: "green",
    State.TRUSTED: "green",
    State.REMOVED: "yellow",
    State.NOT_TRUSTED: "yellow",
    State.FAILED: "red",
}


@app.callback()
def callback() -> None:
    """Have this machine and its browsers trust the authority of `turtls ca`, or no more.

    Who holds the authority's keys can then pose as any site to them: keep its folder to yourself.
    """


@app.command(epilog=example("turtls trust install", "turtls trust install --no-system"))
def install(system: SystemOption = True, browsers: BrowsersOption = True, json: JsonOption = False) -> None:
    """Have the authority's root trusted. Running browsers may have to be started anew."""
    _act(trust.install, system, browsers, json)


@app.command(epilog=example("turtls trust uninstall"))
def uninstall(system: SystemOption = True, browsers: BrowsersOption = True, json: JsonOption = False) -> None:
    """Have the authority's root trusted no more."""
    _act(trust.uninstall, system, browsers, json)


@app.command(epilog=example("turtls trust status --json"))
def status(system: SystemOption = True, browsers: BrowsersOption = True, json: JsonOption = False) -> None:
    """Show who trusts the authority's root."""
    _act(trust.status, system, browsers, json)


def _act(act: Callable[..., list[Outcome]], system: bool, browsers: bool, json: bool) -> None:
    """Ends in failure if nothing could be done."""
    outcomes = act(Root.of(Authority.open()), system=system, browsers=browsers)
    if json:
        print_json([{"store": o.store, "state": o.state.value, "detail": o.detail} for o in outcomes])
    else:
        _show(outcomes)
    if all(outcome.state is State.FAILED for outcome in outcomes):
        raise typer.Exit(ExitCode.FAILURE)


def _show(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        out.print(Text.assemble((outcome.state.value, _STYLES[outcome.state]), f"  {outcome.store}"), soft_wrap=True)
        if outcome.detail:
            out.print(Text(f"  {printable(outcome.detail)}"), soft_wrap=True)
    if not outcomes:
        out.print("There is no store of the kind asked for.")
