"""`livetrader data`: fill a data folder, make one up, look for what is wrong in one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from livetrader.cli.common import Day, FiniteRange, as_json, console, json_option
from livetrader.cli.histories import DATA_FOLDER, data_folder, folder_option, histories_of, provider_options
from livetrader.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livetrader.datawork.downloading import Outcome
    from livetrader.histories.chain import HistoryChain
    from livetrader_engine.data.subscription import TickType
    from livetrader_engine.spi_data import DateSpan
    from livetrader_engine.symbols import Resolution

EXIT_LACKING: Final = 1
EXIT_INTERRUPTED: Final = 130
RESOLUTIONS: Final = ("tick", "second", "minute", "hour", "daily")
KINDS: Final = ("trade", "quote")
TYPES: Final = ("equity", "index", "crypto", "forex", "option", "indexoption")
MADE_UP_TYPES: Final = ("equity", "index", "crypto")
_DAY: Final = Day()

_F = TypeVar("_F", bound=Callable[..., object])


@click.group()
def data() -> None:
    """Fill a data folder in LEAN's format, make one up, or look for what is wrong in one.

    \b
    livetrader data download --provider polygon --symbol SPY --resolution minute --start 2024-01-02
    livetrader data generate --symbol ACME --resolution daily --start 2015-01-01
    livetrader data check --data-folder data
    """


def _what_options(types: Sequence[str]) -> Callable[[_F], _F]:
    def add(command: _F) -> _F:
        for option in reversed((
            click.option("--symbol", "symbols", multiple=True, required=True, metavar="TICKER[,TICKER]",
                         help="May be repeated."),
            click.option("--resolution", "resolutions", multiple=True, default=("daily",), show_default=True,
                         type=click.Choice([*RESOLUTIONS, "all"]), help="May be repeated."),
            click.option("--kind", "kinds", multiple=True, default=("trade",), show_default=True,
                         type=click.Choice(KINDS), help="Trades or quotes; may be repeated."),
            click.option("--start", required=True, metavar="YYYY-MM-DD", type=_DAY, help="First date."),
            click.option("--end", metavar="YYYY-MM-DD", type=_DAY,
                         help="Last date, included; default the exchange's yesterday."),
            click.option("--security-type", default="equity", show_default=True, type=click.Choice(types)),
            click.option("--market", help="Default usa; coinbase for crypto, oanda for forex."),
            folder_option,
        )):  # fmt: skip
            command = option(command)
        return command

    return add


@data.command()
@provider_options
@_what_options(TYPES)
@json_option
def download(*, output_json: bool, **given: Any) -> None:
    """Download what the folder lacks, and keep it in LEAN's format.

    What is there is not asked for again. It can be stopped at any time, by Ctrl-C or worse: what was complete
    is kept, and the same command goes on. Splits and dividends of equities come along. API keys are read from
    the environment: POLYGON_API_KEY, ALPHAVANTAGE_API_KEY.

    \b
    livetrader data download --provider polygon --symbol SPY,AAPL --resolution minute --start 2024-01-02
    livetrader data download --provider polygon --provider alphavantage --symbol IBM --resolution daily \\
        --start 2010-01-04 --end 2023-12-29
    livetrader data download --provider polygon --symbol SPX --security-type index --start 2024-01-02

    Exit code: 0 all is there, 1 something could not be had (it says what and why), 2 wrong usage, 130 after
    Ctrl-C.
    """
    from livetrader.datawork.downloading import Wanted, download
    from livetrader_engine.errors import DataError
    from livetrader_engine.spi import PluginError

    if not given["providers"]:
        raise click.UsageError("name a --provider: " + ", ".join(_downloaders()))
    told: list[str] = []
    with _chain(given, told) as chain:
        kinds = _kinds(given)
        wanted = Wanted(
            _tickers(given), _type(given["security_type"]), _market(given), kinds[0], kinds[1], _dates(given)
        )
        outcomes: list[Outcome] = []
        try:
            with _Progress() as progress:
                outcomes.extend(download(chain, wanted, progress))
        except KeyboardInterrupt:
            click.echo(
                "interrupted: what was complete is kept; the same command goes on from there", err=True
            )
            sys.exit(EXIT_INTERRUPTED)
        except (DataError, PluginError, OSError) as error:
            raise ConfigError([*told, str(error)]) from error
    if output_json:
        as_json(outcomes)
    else:
        _show(outcomes, told)
    if any(outcome.lacking for outcome in outcomes):
        sys.exit(EXIT_LACKING)


@data.command()
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0),
              help="The same seed gives the same data.")  # fmt: skip
@click.option("--volatility", default=0.25, show_default=True, type=FiniteRange(0.0, 5.0), help="A year's.")
@click.option("--drift", default=0.07, show_default=True, type=FiniteRange(-5.0, 5.0), help="A year's.")
@click.option("--trades-per-minute", default=4.0, show_default=True,
              type=FiniteRange(0.1, 1000.0), help="On average.")  # fmt: skip
@click.option("--first-price", default=100.0, show_default=True, type=FiniteRange(1.0, 1e6))
@_what_options(MADE_UP_TYPES)
@json_option
def generate(*, output_json: bool, **given: Any) -> None:
    """Make up a market and write it in LEAN's format: random prices, with splits and dividends.

    Trade by trade, and bars of these trades: all resolutions of a seed agree. What the folder has of these
    dates and kinds is replaced. Equities get their daily bars in any case, by which dividends are weighed.

    \b
    livetrader data generate --symbol ACME --start 2015-01-01 --data-folder demo
    livetrader data generate --symbol ACME,EMCA --resolution all --kind trade --kind quote --seed 7 \\
        --start 2024-01-02 --end 2024-01-31
    livetrader data generate --symbol BTCUSD --security-type crypto --resolution minute --start 2024-01-01
    """
    from livetrader.datawork.downloading import over_until
    from livetrader.datawork.generating import Habits, Market, make_up
    from livetrader.histories.filling import Filling
    from livetrader_engine.errors import DataError

    given |= {"providers": (), "provider_keys": ()}
    wanted = _made_up(given)
    habits = Habits(
        volatility=given["volatility"], drift=given["drift"],
        trades_per_minute=given["trades_per_minute"], first_price=given["first_price"],
    )  # fmt: skip
    counts: dict[str, int] = {}
    with _chain(given, []) as chain, _Progress() as progress:
        for ticker in _tickers(given):
            try:
                symbol = chain.reference.symbol(ticker, _type(given["security_type"]), _market(given))
                hours = chain.reference.hours(symbol)
                dates = over_until(_dates(given), chain.today(symbol))
                market = Market(dates, wanted, given["seed"], habits)

                def made(days: int, of: int, ticker: str = ticker) -> None:
                    progress(ticker, Filling(days, of, "", 0))

                counts[ticker] = make_up(chain.store, symbol, hours, market, made)
            except (DataError, OSError) as error:
                raise ConfigError([str(error)]) from error
    if output_json:
        as_json({"folder": str(given["data_folder"]), "points": counts})
    else:
        for ticker, count in counts.items():
            click.echo(f"{ticker}: {count:,} points in {given['data_folder']}")


@data.command()
@click.option("--symbol", "symbols", multiple=True, metavar="TICKER[,TICKER]", help="Only these.")
@click.option("--data-folder", "--data", envvar=DATA_FOLDER, default=Path("data"), show_default=True,
              type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="A folder in LEAN's format.")  # fmt: skip
@json_option
def check(*, symbols: tuple[str, ...], data_folder: Path, output_json: bool) -> None:
    """Look for what is wrong in a data folder; changes nothing.

    Sessions without data between the first and the last that has some, by the exchange's calendar; archives
    and rows that cannot be read, rows out of order, prices that cannot be; splits that prices show and factor
    files do not know, and announcements that lack the close by which they are weighed.

    \b
    livetrader data check
    livetrader data check --data-folder /srv/data --symbol SPY,AAPL --json

    Exit code: 0 nothing found, 1 something found, 2 wrong usage.
    """
    from livetrader_engine.spi_data import ExaminedStore

    given = {"data_folder": data_folder, "providers": (), "provider_keys": ()}
    with _chain(given, []) as chain:
        store = chain.store
        if not isinstance(store, ExaminedStore):
            raise ConfigError(["the installed store cannot be examined"])
        with _Progress() as progress:
            wanted = frozenset(each.upper() for each in _tickers({"symbols": symbols}))
            faults = list(store.faults(wanted, progress.at))
    if output_json:
        as_json(faults)
    else:
        for fault in faults:
            click.echo(f"{fault.path}: {fault.problem}")
        click.echo(f"{len(faults)} found" if faults else "nothing found", err=bool(faults))
    if faults:
        sys.exit(EXIT_LACKING)


# ---- what the commands share


@contextmanager
def _chain(given: dict[str, Any], told: list[str]) -> Iterator[HistoryChain]:
    """Open the folder and the providers; close their connections afterwards."""
    from livetrader.histories.opening import offline_context, open_histories

    folder = data_folder(given["data_folder"], made=True)

    def report(action: str, **fields: object) -> None:
        if action == "venue_paced":  # rich puts this above its bar
            click.echo(f"{fields['venue']}: waits {fields['wait_s']} s, the pace of the key", err=True)
        elif fields.pop("level", "info") == "warning":
            told.append(f"{action.replace('_', ' ')}: " + ", ".join(f"{k} {v}" for k, v in fields.items()))

    sections = histories_of(given["providers"], given["provider_keys"])
    chain = open_histories(sections, lambda name: offline_context(name, folder, report))
    try:
        yield chain
    finally:
        chain.close()


def _tickers(given: dict[str, Any]) -> list[str]:
    tickers = [each.strip().upper() for text in given["symbols"] for each in text.split(",")]
    found = list(dict.fromkeys(filter(None, tickers)))
    if given["symbols"] and not found:
        raise click.BadParameter("names no ticker", param_hint="--symbol")
    return found


def _kinds(given: dict[str, Any]) -> tuple[list[Resolution], list[TickType]]:
    from livetrader_engine.data.subscription import TickType
    from livetrader_engine.symbols import Resolution

    named = RESOLUTIONS if "all" in given["resolutions"] else dict.fromkeys(given["resolutions"])
    return [Resolution[each.upper()] for each in named], [TickType[each.upper()] for each in given["kinds"]]


def _made_up(given: dict[str, Any]) -> list[tuple[Resolution, TickType]]:
    """Return what is to be made up: of equities what LEAN keeps, daily trades in any case."""
    from livetrader_engine.data.subscription import TickType
    from livetrader_engine.symbols import Resolution

    resolutions, tick_types = _kinds(given)
    wanted = [(each, kind) for each in resolutions for kind in tick_types]
    if given["security_type"] != "equity":
        return wanted
    daily = (Resolution.DAILY, TickType.TRADE)
    kept = [each for each in wanted if not _unkept(*each)]
    return kept if daily in kept else [*kept, daily]


def _unkept(resolution: Resolution, kind: TickType) -> bool:
    """Return whether LEAN keeps none of these of equities: hourly and daily quotes."""
    return kind.name == "QUOTE" and resolution.name in ("HOUR", "DAILY")


def _type(name: str) -> Any:
    from livetrader_engine.symbols import SecurityType

    return next(each for each in SecurityType if each.name.replace("_", "").lower() == name)


def _market(given: dict[str, Any]) -> str:
    defaults = {"crypto": "coinbase", "forex": "oanda"}
    return str(given["market"] or defaults.get(given["security_type"], "usa"))


def _dates(given: dict[str, Any]) -> DateSpan:
    from livetrader_engine.spi_data import DateSpan

    return DateSpan(given["start"].date(), given["end"].date() if given["end"] else date.max)


def _downloaders() -> list[str]:
    from livetrader.configuration.plugins import STORE, installed

    return [name for name in installed("livetrader.histories") if name != STORE]


def _show(outcomes: Sequence[Outcome], told: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("symbol", "resolution", "kind"):
        table.add_column(heading)
    for heading in ("dates", "points"):
        table.add_column(heading, justify="right")
    table.add_column("from")
    for each in outcomes:
        brought = each.provider or ("nobody" if each.lacking else "the folder: all was there")
        table.add_row(
            each.ticker, each.resolution, each.kind, f"{each.dates:,}", f"{each.points:,}", Text(brought)
        )
    console().print(table)
    for words in told:
        click.echo(words, err=True)
    for each in outcomes:
        for words in each.lacking:
            click.echo(f"lacking: {each.ticker} {each.resolution} {each.kind} {words}", err=True)


class _Progress:
    """A bar on a terminal, nothing elsewhere; gone when left."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        errors = console(stderr=True)
        columns = (
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[more]}"),
            TextColumn("left"), TimeRemainingColumn(),
        )  # fmt: skip
        self._progress = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
        self._task = self._progress.add_task("", total=None, more="")

    def __enter__(self) -> _Progress:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, title: str, filling: Any) -> None:
        """Show how far the present download is."""
        more = f"{filling.points:,} points" if filling.points else ""
        self._progress.update(
            self._task, description=title, completed=filling.done, total=max(1, filling.total), more=more
        )

    def at(self, words: str, done: int, total: int) -> None:
        """Show how far an examination is."""
        self._progress.update(self._task, description=words, completed=done, total=max(1, total))
