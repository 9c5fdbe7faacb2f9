"""What can be set about Interactive Brokers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from livetrader_engine.spi import PluginError
from livetrader_plugins.ibkr import schedule
from livetrader_plugins.ibkr.library import LibraryName
from livetrader_plugins.ibkr.session import Patience
from livetrader_plugins.ibkr.throttle import PER_SECOND

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
ClientId = Annotated[int, msgspec.Meta(ge=0, le=2_147_483_647)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600)]
PAPER_PREFIXES: Final = ("DU", "DF", "DI")  # account ids of IB's paper accounts (advisors': DF, DI)


class IbkrConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[brokerage] plugin = "ibkr". TWS or IB Gateway runs beside the daemon and is logged in.

    Two settings have to agree before real money is traded: `trading_mode` and the account itself. The client
    id belongs to the account: only the client that placed an order may change it, also after a restart.
    """

    host: str = "127.0.0.1"
    port: Port = 4002  # IB Gateway: 4001 live, 4002 paper; TWS: 7496 live, 7497 paper
    client_id: ClientId = 10  # of the orders; the feed has its own
    account: str = ""  # needed where a login has several
    trading_mode: Literal["paper", "live"] = "paper"
    library: LibraryName = "auto"
    fa_group: str = ""  # of an advisor's account: orders are for this group
    fa_method: str = ""
    check_margin: bool = False  # ask IB what an order would do to the margin before sending it
    absence_fence_s: Annotated[float, msgspec.Meta(ge=0)] = 120.0  # see BrokerageCapabilities
    connect_timeout_s: Seconds = 30.0  # until TWS has named its accounts
    request_timeout_s: Seconds = 30.0  # until an answer is complete
    heartbeat_s: Seconds = 15.0  # between two round trips
    heartbeat_timeout_s: Seconds = 10.0  # until one counts as failed
    messages_per_second: Annotated[int, msgspec.Meta(ge=2)] = PER_SECOND  # IB's limit: half the data lines
    timezone: str = "UTC"  # of TWS, where it sends times without one
    region: Literal["america", "europe", "asia"] = "america"  # of the servers, for their nightly reset
    weekly_restart_utc: str = ""  # "06:00" on Sundays, when the gateway logs in anew; empty: it does not
    auto_restart: str = ""  # the gateway's own daily restart, "23:45 Europe/Berlin"; empty: none
    primary_exchanges: dict[str, str] = {}  # decides between stocks of one ticker: AAA = "NYSE"

    def __post_init__(self) -> None:
        """Refuse times that are none."""
        calendar_of(self)

    @property
    def patience(self) -> Patience:
        """How long the connection waits."""
        return Patience(
            self.connect_timeout_s,
            self.request_timeout_s,
            self.heartbeat_s,
            self.heartbeat_timeout_s,
            self.messages_per_second,
        )


class IbkrFeedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[feed] plugin = "ibkr". A connection of its own, so that orders never wait behind data."""

    host: str = "127.0.0.1"
    port: Port = 4002
    client_id: ClientId = 11
    library: LibraryName = "auto"
    delayed_data: bool = False  # take data of 15 minutes ago where there is no subscription
    connect_timeout_s: Seconds = 30.0
    request_timeout_s: Seconds = 60.0
    heartbeat_s: Seconds = 15.0
    heartbeat_timeout_s: Seconds = 10.0
    timezone: str = "UTC"
    market_data_lines: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100  # of the login
    trade_bars: Literal["five_seconds", "samples"] = "five_seconds"  # what minutes of trades are made of
    close_after_s: Annotated[float, msgspec.Meta(ge=0, le=4.5)] = 1.5  # waits for a bar's last five seconds
    histories_per_10_minutes: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 15  # for the past of long bars
    primary_exchanges: dict[str, str] = {}  # decides between stocks of one ticker: AAA = "NYSE"
    region: Literal["america", "europe", "asia"] = "america"
    weekly_restart_utc: str = ""
    auto_restart: str = ""

    def __post_init__(self) -> None:
        """Refuse times that are none."""
        calendar_of(self)

    @property
    def patience(self) -> Patience:
        """How long the connection waits."""
        return Patience(
            self.connect_timeout_s, self.request_timeout_s, self.heartbeat_s, self.heartbeat_timeout_s
        )


class IbkrHistoryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[history] plugin = "ibkr". A third connection, of the engine process."""

    host: str = "127.0.0.1"
    port: Port = 4002
    client_id: ClientId = 12
    library: LibraryName = "auto"
    connect_timeout_s: Seconds = 30.0
    request_timeout_s: Seconds = 60.0  # until one request is answered to its end
    answer_limit_s: Seconds = 900.0  # for all requests of one question, with what IB's pace makes them wait
    heartbeat_s: Seconds = 15.0
    heartbeat_timeout_s: Seconds = 10.0
    timezone: str = "UTC"
    histories_per_10_minutes: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = (
        45  # IB allows 60, the feed asks, too
    )
    quotes: bool = True  # past quotes, too, of what has trades; each costs two requests more
    raw_prices: Literal["refuse", "split_adjusted"] = "refuse"  # what to do where raw prices are asked for
    primary_exchanges: dict[str, str] = {}  # decides between stocks of one ticker: AAA = "NYSE"

    @property
    def patience(self) -> Patience:
        """How long the connection waits."""
        return Patience(
            self.connect_timeout_s, self.request_timeout_s, self.heartbeat_s, self.heartbeat_timeout_s
        )


def calendar_of(config: IbkrConfig | IbkrFeedConfig) -> schedule.Calendar:
    """Return when the gateway is away. Raises ValueError naming the setting."""
    return schedule.calendar(config.region, config.weekly_restart_utc, config.auto_restart)


def chosen_account(accounts: Sequence[str], config: IbkrConfig) -> str:
    """Return the account to trade. Raises PluginError where login and settings do not agree on one."""
    shown = ", ".join(accounts) or "none"
    if config.account and config.account not in accounts:
        raise PluginError(
            f"this login has no account {config.account}, it has {shown}: set [brokerage] account"
        )
    if not config.account and len(accounts) != 1:
        raise PluginError(f"this login has the accounts {shown}: name one as [brokerage] account")
    account = config.account or accounts[0]
    mode = "paper" if account.startswith(PAPER_PREFIXES) else "live"
    if mode != config.trading_mode:
        raise PluginError(
            f'{account} is a {mode} account and trading_mode is "{config.trading_mode}": both have to agree '
            "before anything is traded; look at the port too (4001 and 7496 are live)"
        )
    return account
