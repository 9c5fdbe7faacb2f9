"""The command `livetrader-tws-peer`."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from random import Random

import click

from livetrader_venues.tws import peer, script
from livetrader_venues.tws.contracts import Catalogue, standard
from livetrader_venues.tws.director import ScriptError
from livetrader_venues.tws.gateway import Gateway
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.server import Server
from livetrader_venues.tws.settings import SECOND_NS, Settings
from livetrader_venues.tws.statement import statement
from livetrader_venues.tws.switchboard import Session
from livetrader_venues.tws.wire import HIGHEST_VERSION, LOWEST_VERSION

EXAMPLES = """\b
Examples:
  livetrader-tws-peer
      A paper account with a million dollars on port 4002, prices that move.
  livetrader-tws-peer --port 7497 --still --account DU1 --account DU2
      Two accounts, as an advisor has them; prices stand still.
  livetrader-tws-peer --script hostile.toml --seed 7 --json
      What the script says happens, the same each time; one JSON object a line.

\b
Then, in another terminal:
  python -c "import ib_insync as i; b = i.IB(); b.connect('127.0.0.1', 4002, 1); print(b.accountSummary())"

It listens on loopback, asks for no password and trades with nobody. docs/venues.md tells the rest.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    host: str
    port: int
    text: str
    seed: int
    accounts: tuple[str, ...]
    cash: Decimal
    settings: Settings
    still: bool
    as_json: bool
    statement_file: Path | None


@click.command(
    epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=4002, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@click.option(
    "--script", "script_file", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="TOML file."
)
@click.option(
    "--seed", default=1, show_default=True, help="Of prices, faults and numbers; the same seed, the same run."
)
@click.option("--account", "accounts", multiple=True, help="Name of an account; give it again for several.")
@click.option("--cash", default="1000000", show_default=True, help="Dollars in each account.")
@click.option("--still", is_flag=True, help="Prices move only where the script moves them.")
@click.option(
    "--delayed-data", is_flag=True, help="No market data subscriptions: error 354, or delayed data."
)
@click.option(
    "--commission-delay", default=0.0, show_default=True, help="Seconds from a fill to its commission."
)
@click.option(
    "--order-delay",
    default=0.0,
    show_default=True,
    help="Most seconds from TWS to IB; by chance, up to this.",
)
@click.option("--master", type=int, help="Client id that sees the orders of every client.")
@click.option(
    "--version",
    "highest",
    default=HIGHEST_VERSION,
    show_default=True,
    type=click.IntRange(LOWEST_VERSION, HIGHEST_VERSION),
    help="Highest server version to speak.",
)
@click.option(
    "--statement",
    "statement_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write orders, trades and positions there as JSON at the end, and at each SIGUSR1.",
)
@click.option("--json", "as_json", is_flag=True, help="Tell what happens as JSON, one object a line.")
def main(  # noqa: PLR0913  # one argument an option, as click passes them
    host: str,
    port: int,
    script_file: Path | None,
    seed: int,
    accounts: tuple[str, ...],
    cash: str,
    still: bool,
    delayed_data: bool,
    commission_delay: float,
    order_delay: float,
    master: int | None,
    highest: int,
    statement_file: Path | None,
    as_json: bool,
) -> None:
    """Run a simulated Trader Workstation: the TWS API on a port, with an account, prices and, if wanted,
    faults.
    """
    settings = Settings(
        highest_version=highest,
        delayed_data_only=delayed_data,
        commission_delay_ns=int(commission_delay * SECOND_NS),
        order_delay_ns=int(order_delay * SECOND_NS),
        master_client_id=master,
        bar_seed=seed,
    )
    text = "" if script_file is None else script_file.read_text(encoding="utf-8")
    names = accounts or (peer.DEFAULT_ACCOUNT,)
    try:
        amount = Decimal(cash)
    except ArithmeticError as error:
        raise click.BadParameter(f"{cash} is not an amount", param_hint="--cash") from error
    options = Options(host, port, text, seed, names, amount, settings, still, as_json, statement_file)
    try:
        asyncio.run(_run(options))
    except ScriptError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from error


def make(options: Options, now_ns: int) -> Gateway:
    """Return the gateway that a command line asks for, its script started. Raises ScriptError."""
    said = script.parsed(options.text)
    if said.walk is None and not options.still:
        said = replace(said, walk=script.Walk(SECOND_NS, 0.0002))
    gateway = peer.gateway(
        accounts=[peer.account(name, options.cash) for name in options.accounts],
        catalogue=Catalogue([*standard(), *said.stocks]),
        settings=options.settings,
        seed=options.seed,
        now_ns=now_ns,
    )
    script.Player(gateway, said, Random(options.seed)).start()
    return gateway


async def _run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM."""
    gateway = make(options, time.time_ns())
    gateway.observers.append(lambda session, request: _tell(options, session, request))
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGUSR1, _state, options, gateway)
    try:
        async with Server(gateway, clock=time.time_ns, host=options.host, port=options.port) as server:
            _greet(options, server.port)
            await ended.wait()
    finally:
        _state(options, gateway)


def _state(options: Options, gateway: Gateway) -> None:
    """Write the statement; whoever reads the file sees the old one or the new one."""
    if options.statement_file is None:
        return
    new = options.statement_file.with_name(options.statement_file.name + ".new")
    new.write_text(json.dumps(statement(gateway)), encoding="utf-8")
    new.replace(options.statement_file)


def _greet(options: Options, port: int) -> None:
    if options.as_json:
        _line({"event": "listening", "host": options.host, "port": port, "accounts": options.accounts})
        return
    click.echo(f"TWS peer on {options.host}:{port}, server version {options.settings.highest_version}")
    click.echo(f"accounts {', '.join(options.accounts)}, seed {options.seed}; Ctrl-C ends it")
    click.echo(f"connect: ib_insync.IB().connect('{options.host}', {port}, clientId=1)")


def _tell(options: Options, session: Session, request: Request) -> None:
    if options.as_json:
        said = {name: value for name, value in request.values.fields.items() if value}
        _line({"event": "request", "client": session.client_id, "name": request.name, "fields": said})
    else:
        click.echo(f"client {session.client_id}: {request.name} {request.request_id}")


def _line(said: dict[str, object]) -> None:
    click.echo(json.dumps(said))


if __name__ == "__main__":
    main()
