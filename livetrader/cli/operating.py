"""The commands that talk to a daemon, and `liquidate`, which works without one too."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from livetrader.cli.common import (
    as_json,
    as_json_line,
    config_options,
    console,
    find_config,
    find_target,
    given_config,
    json_option,
    state_option,
)
from livetrader.errors import ControlRefusedError, NotFlatError, NotRunningError

if TYPE_CHECKING:
    from livetrader.control.client import Client
    from livetrader.control.operations import OperationView

KILL_ANSWER_S: Final = 0.4  # a daemon that takes longer to accept a liquidation counts as hung
WAIT_S: Final = 30.0  # for an operation to end
LIQUIDATE_WAIT_S: Final = 60.0
POLL_S: Final = 0.03  # between the first looks at an operation; grows by half each time ...
POLL_MAX_S: Final = 0.5  # ... up to this, far within the budget of requests
FOLLOW_S: Final = 0.3
WAITING_FOR_OPEN: Final = "waiting_for_open"  # the kill switch's stage, as the status names it

_commands: list[click.Command] = []


def register(group: click.Group) -> None:
    """Add these commands to the group."""
    for command in _commands:
        group.add_command(command)


def _command(function: Callable[..., None]) -> click.Command:
    """Make a command that knows where the daemon is."""
    made = click.command(name=function.__name__.rstrip("_"))(
        config_options(state_option(json_option(function)))
    )
    _commands.append(made)
    return made


def client_of(config: Path | None, state_directory: Path | None, timeout_s: float = 5.0) -> Client:
    """Return a client of the daemon that CONFIG or its state directory names."""
    from livetrader.control.client import Client

    return Client(find_target(config, state_directory), timeout_s)


@_command
def status(config: Path | None, state_directory: Path | None, output_json: bool) -> None:
    """Show the daemon at a glance."""
    from livetrader.control.operations import StatusView

    view: StatusView = client_of(config, state_directory).get("/v1/status", StatusView)
    if output_json:
        as_json(view)
        return
    from livetrader.cli.views import status_view

    console().print(status_view(view))


@_command
def portfolio(config: Path | None, state_directory: Path | None, output_json: bool) -> None:
    """Show cash and positions."""
    from livetrader.control.operations import PortfolioView

    view: PortfolioView = client_of(config, state_directory).get("/v1/portfolio", PortfolioView)
    if output_json:
        as_json(view)
        return
    from livetrader.cli.views import portfolio_view

    console().print(portfolio_view(view))


@_command
@click.option("--open", "open_only", is_flag=True, help="Only working orders.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--history", is_flag=True, help="Every step of each order.")
def orders(
    config: Path | None,
    state_directory: Path | None,
    output_json: bool,
    open_only: bool,
    limit: int,
    history: bool,
) -> None:
    """Show orders, newest first."""
    from livetrader.control.operations import OrderView

    client = client_of(config, state_directory)
    kind = tuple[OrderView, ...]
    views: tuple[OrderView, ...] = client.get("/v1/orders", kind, {"open": open_only, "limit": limit})
    if output_json:
        as_json(views)
        return
    from livetrader.cli.views import orders_view

    console().print(orders_view(views, history=history))


@_command
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option("-n", "--lines", type=click.IntRange(1, 1000), default=50, show_default=True)
def logs(
    config: Path | None, state_directory: Path | None, output_json: bool, follow: bool, lines: int
) -> None:
    """Show what algorithm, engine and daemon have logged; JSON is one object a line."""
    from livetrader.cli.views import log_line
    from livetrader.control.operations import LogPage

    client, out, after, pause = client_of(config, state_directory), console(), 0, threading.Event()
    try:
        while True:
            page: LogPage = client.get(
                "/v1/log", LogPage, {"after": after, "limit": lines if not after else 1000}
            )
            if page.lost and after:
                click.echo(f"... {page.lost} lines were overwritten before they could be shown", err=True)
            for line in page.lines:
                as_json_line(line) if output_json else out.print(log_line(line), soft_wrap=True)
            after = max(after, *(line.sequence for line in page.lines)) if page.lines else after
            if not follow:
                return
            pause.wait(FOLLOW_S)
    except KeyboardInterrupt:
        return


@_command
@click.option("--reason", default="", help="Why, for the audit trail.")
def halt(config: Path | None, state_directory: Path | None, output_json: bool, reason: str) -> None:
    """Refuse new orders from now on; positions and working orders stay."""
    operate(client_of(config, state_directory), "/v1/halt", {"reason": reason}, output_json)


@_command
@click.option("--kill-id", help="After a liquidation: the kill id that the status shows.")
@click.option("--accept-residue", is_flag=True, help="Go on although something could not be closed.")
@click.option("--reason", default="", help="Why, for the audit trail.")
def resume(
    config: Path | None, state_directory: Path | None, output_json: bool,
    kill_id: str | None, accept_residue: bool, reason: str,
) -> None:  # fmt: skip
    """Allow orders again, after a halt or a liquidation."""
    body = {"kill_id": kill_id, "accept_residue": accept_residue, "reason": reason}
    operate(client_of(config, state_directory), "/v1/resume", body, output_json)


@_command
@click.option("--reason", default="", help="Why, for the audit trail.")
def stop(config: Path | None, state_directory: Path | None, output_json: bool, reason: str) -> None:
    """End the daemon; daemon.on_shutdown says what happens to the account (default: positions stay)."""
    operate(
        client_of(config, state_directory), "/v1/stop", {"reason": reason}, output_json, gone_is_done=True
    )


@_command
@click.option("--order", help="One order, by its number or client order id; default: all working orders.")
@click.option("--reason", default="", help="Why, for the audit trail.")
def cancel(
    config: Path | None, state_directory: Path | None, output_json: bool, order: str | None, reason: str
) -> None:
    """Cancel working orders."""
    operate(client_of(config, state_directory), "/v1/cancel", {"order": order, "reason": reason}, output_json)


@_command
@click.option("--yes", is_flag=True, help="Do not ask (nothing is asked where there is no terminal).")
@click.option("--include-foreign", is_flag=True, help="Cancel working orders that are not ours, too.")
@click.option("--reason", default="asked for on the command line", help="Why, for the audit trail.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=LIQUIDATE_WAIT_S,
    show_default=True,
    help="Seconds to wait for a flat account; the daemon goes on beyond.",
)
def liquidate(  # noqa: PLR0913 — one parameter an option, as click passes them
    config: Path | None, state_directory: Path | None, output_json: bool,
    yes: bool, include_foreign: bool, reason: str, timeout: float,
) -> None:  # fmt: skip
    """Halt, cancel all orders, close all positions, and verify it. Trading stays off until `resume`.

    Asks the daemon; where that is dead or hangs, its processes are ended and this process liquidates by
    itself, with the brokerage plugin alone. Working orders that somebody else placed are left alone.

    \b
    livetrader liquidate paper.toml --yes
    """
    if not yes and sys.stdin.isatty():
        click.confirm("Cancel every order and close every position of this account?", abort=True)
    try:
        client = client_of(config, state_directory, KILL_ANSWER_S)
        body: dict[str, object] = {"reason": reason, "include_foreign": include_foreign}
        _liquidate_by_daemon(client, body, timeout, output_json)
    except NotRunningError as error:
        click.echo(f"livetrader: {error}; liquidating without it", err=True)
        wanted = Wanted(reason, include_foreign, timeout)
        _liquidate_here(config, state_directory, wanted, output_json)


@_command
def watch(config: Path | None, state_directory: Path | None, output_json: bool) -> None:
    """Show equity, holdings, orders, training and log as they change. Ctrl-C leaves; the daemon goes on."""
    client = client_of(config, state_directory)
    try:
        if output_json:
            for event in client.events():
                as_json_line(event)
            return
        from livetrader.cli.watch import watch as show

        show(client, console(), threading.Event().wait)
    except KeyboardInterrupt:
        return


def operate(
    client: Client, path: str, body: Mapping[str, object], output_json: bool, *, gone_is_done: bool = False
) -> None:
    """Ask for an operation and show how it ended. Raises ControlRefusedError where it failed."""
    import msgspec

    from livetrader.control.operations import OperationState, OperationView

    accepted: OperationView = client.post(path, _without_none(body), OperationView)
    try:
        ended = _await(client, accepted, WAIT_S, until_gone=gone_is_done)
    except NotRunningError:
        if not gone_is_done:
            raise
        message = "the daemon has ended"
        ended = msgspec.structs.replace(accepted, state=OperationState.DONE, message=message)
    _show_operation(ended, output_json)
    if ended.state is OperationState.FAILED:
        raise ControlRefusedError(ended.message or f"{ended.kind} failed")


def wait_for(client: Client, path: str, body: Mapping[str, object], limit_s: float) -> OperationView:
    """Ask for an operation; return it as it ended, or as it stands when the time is over."""
    from livetrader.control.operations import OperationView

    return _await(client, client.post(path, _without_none(body), OperationView), limit_s)


def _liquidate_by_daemon(
    client: Client, body: dict[str, object], timeout_s: float, output_json: bool
) -> None:
    """Let the daemon do it.

    Raises NotRunningError where it is gone, hangs or fails, NotFlatError where the time is over.
    """
    from livetrader.control.client import RefusedError
    from livetrader.control.operations import OperationState, OperationView

    try:
        try:
            accepted: OperationView = client.post("/v1/liquidate", body, OperationView)
        except RefusedError as refused:
            if refused.body.get("confirm") is None:
                raise
            confirmed = body | {"confirm": refused.body["confirm"]}
            accepted = client.post("/v1/liquidate", confirmed, OperationView)
    except RefusedError as refused:
        if refused.status in (429, 500, 503):
            raise NotRunningError(f"the daemon cannot do it ({refused})") from refused
        raise
    ended = _await(client, accepted, timeout_s, meanwhile=_OpenNotice(client))
    _show_operation(ended, output_json)
    if ended.state is not OperationState.DONE:
        raise NotFlatError(ended.message or "not verified flat yet; `livetrader status` shows how far it is")


def _liquidate_here(
    config: Path | None, state_directory: Path | None, wanted: Wanted, output_json: bool
) -> None:
    import msgspec

    from livetrader.configuration.loading import load

    if state_directory is not None and given_config(config) is None:
        raise click.UsageError("without a daemon the configuration file is needed: it names the brokerage")
    from livetrader.emergency import liquidate as liquidate_alone

    settings = load(find_config(config), needed=("account", "brokerage"))
    if state_directory is not None:
        account = msgspec.structs.replace(settings.account, state_directory=state_directory.absolute())
        settings = msgspec.structs.replace(settings, account=account)
    record = liquidate_alone(
        settings, wanted.reason, "command line", wanted.timeout_s, include_foreign=wanted.include_foreign
    )
    if output_json:
        as_json(record)
    else:
        click.echo(f"flat and latched; `livetrader resume --kill-id {record.kill_id}` lets it trade again")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a liquidation without a daemon is wanted."""

    reason: str
    include_foreign: bool
    timeout_s: float


class _OpenNotice:
    """Says, once and on standard error, that a liquidation waits for a market to open."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._said = False

    def __call__(self) -> None:
        from livetrader.control.operations import StatusView

        if self._said or self._client.get("/v1/status", StatusView).kill_switch.state != WAITING_FOR_OPEN:
            return
        self._said = True
        click.echo("the market is closed: market-on-open orders are sent; waiting for the open", err=True)


def _await(
    client: Client,
    accepted: OperationView,
    limit_s: float,
    *,
    until_gone: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> OperationView:
    """Return the operation as it ended, or as it stands when the time is over."""
    from livetrader.clocks import monotonic_s
    from livetrader.control.client import RefusedError
    from livetrader.control.operations import OperationState, OperationView

    pause, end_s, latest, wait_s = threading.Event(), monotonic_s() + limit_s, accepted, POLL_S
    while (until_gone or latest.state is OperationState.RUNNING) and monotonic_s() < end_s:
        pause.wait(wait_s)
        wait_s = min(POLL_MAX_S, wait_s * 1.5)
        try:
            latest = client.get(f"/v1/operations/{accepted.id}", OperationView)
            if meanwhile is not None and latest.state is OperationState.RUNNING and wait_s >= POLL_MAX_S:
                meanwhile()
        except RefusedError as refused:
            if refused.status != 429:
                raise
        if latest.state is OperationState.FAILED:
            break
    return latest


def _show_operation(view: OperationView, output_json: bool) -> None:
    if output_json:
        as_json(view)
    else:
        click.echo(f"{view.kind}: {view.state}{': ' + view.message if view.message else ''}")


def _without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not None}
