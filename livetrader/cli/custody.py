"""The commands for what journal and brokerage do not agree on: reconcile, adopt, ignore, flatten."""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import click

from livetrader.cli.common import as_json, config_option, config_options, console, json_option, state_option
from livetrader.cli.operating import client_of, operate, wait_for
from livetrader.errors import ControlRefusedError

FLATTEN_WAIT_S: Final = 60.0  # for a flat symbol; the daemon goes on beyond
RECONCILE_WAIT_S: Final = 60.0  # a brokerage has half of it for one answer

_reason = click.option("--reason", default="", help="Why, for the audit trail.")


def register(group: click.Group) -> None:
    """Add these commands to the group."""
    for command in (reconcile, adopt, ignore, flatten):
        group.add_command(command)


@click.command()
@config_options
@state_option
@json_option
@_reason
def reconcile(config: Path | None, state_directory: Path | None, output_json: bool, reason: str) -> None:
    """Compare journal and brokerage now, and show what is restricted, foreign, unknown or unexplained.

    \b
    livetrader reconcile
    livetrader reconcile live.toml --json
    """
    from livetrader.control.custody_views import ReconciliationView
    from livetrader.control.operations import OperationState

    client = client_of(config, state_directory)
    ended = wait_for(client, "/v1/reconcile", {"reason": reason}, RECONCILE_WAIT_S)
    view: ReconciliationView = client.get("/v1/reconciliation", ReconciliationView)
    if output_json:
        as_json(view)
    else:
        from livetrader.cli.views import reconciliation_view

        console().print(reconciliation_view(view))
    if ended.state is not OperationState.DONE:
        raise ControlRefusedError(ended.message or "the account has not been compared yet")


@click.command()
@click.argument("what", metavar="SYMBOL|ORDER")
@config_option
@state_option
@json_option
@_reason
def adopt(
    what: str, config: Path | None, state_directory: Path | None, output_json: bool, reason: str
) -> None:
    """Accept the brokerage's position in a symbol, or an order without a record, as the algorithm's.

    Lifts whatever restricts the symbol. ORDER is the id that `livetrader reconcile` shows.

    \b
    livetrader adopt SPY --reason "split, checked against the statement"
    """
    operate(client_of(config, state_directory), "/v1/adopt", {"what": what, "reason": reason}, output_json)


@click.command()
@click.argument("what", metavar="SYMBOL|ORDER")
@click.option("--quantity", help="Signed; default: what nobody could explain.")
@config_option
@state_option
@json_option
@_reason
def ignore(
    what: str, quantity: str | None, config: Path | None, state_directory: Path | None,
    output_json: bool, reason: str,
) -> None:  # fmt: skip
    """Leave a part of a position, or an order without a record, to somebody else.

    The algorithm does not see it any more and never trades it; limits and a liquidation of the account still
    count it. What others trade in the symbol changes their part from now on. Lifts what restricts the symbol.

    \b
    livetrader ignore SPY --reason "bought by hand"
    livetrader ignore SPY --quantity 100
    """
    amount = None if quantity is None else str(_decimal(quantity))
    body = {"what": what, "quantity": amount, "reason": reason}
    operate(client_of(config, state_directory), "/v1/ignore", body, output_json)


@click.command()
@click.argument("symbol")
@click.option("--yes", is_flag=True, help="Do not ask (nothing is asked where there is no terminal).")
@config_option
@state_option
@json_option
@_reason
def flatten(
    symbol: str, yes: bool, config: Path | None, state_directory: Path | None,
    output_json: bool, reason: str,
) -> None:  # fmt: skip
    """Cancel the orders of one symbol and close its position, verified; everything else trades on.

    The symbol takes no orders until `livetrader adopt SYMBOL` or `livetrader resume`.

    \b
    livetrader flatten SPY --yes --reason "halted by the exchange"
    """
    from livetrader.control.client import RefusedError
    from livetrader.control.operations import OperationState, OperationView

    if not yes and sys.stdin.isatty():
        typed = click.prompt(f"This closes the whole position in {symbol}. Type its name to go on")
        if typed != symbol:
            raise click.Abort
    client = client_of(config, state_directory)
    body: dict[str, object] = {"symbol": symbol, "reason": reason}
    try:
        client.post("/v1/flatten", body, OperationView)
    except RefusedError as refused:
        if refused.body.get("confirm") is None:
            raise
        body["confirm"] = refused.body["confirm"]
    ended = wait_for(client, "/v1/flatten", body, FLATTEN_WAIT_S)
    if output_json:
        as_json(ended)
    else:
        click.echo(f"{ended.kind}: {ended.state}{': ' + ended.message if ended.message else ''}")
    if ended.state is not OperationState.DONE:
        raise ControlRefusedError(ended.message or f"{symbol} is not flat yet; see `livetrader status`")


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is not a number", param_hint="--quantity") from None
    if not value.is_finite() or not value:
        raise click.BadParameter("it has to be a number other than 0", param_hint="--quantity")
    return value
