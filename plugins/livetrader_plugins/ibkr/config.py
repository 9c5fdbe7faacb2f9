"""What can be set about Interactive Brokers."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from livetrader_plugins.ibkr.library import LibraryName

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
    timezone: str = "UTC"  # of TWS, where it sends times without one
    maintenance_region: Literal["america", "europe", "asia"] = "america"
    weekly_restart_utc: str = ""  # "sun 06:00": when the gateway logs in anew; empty: it does not
    what_if_timeout_s: Seconds = 10.0


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
    maintenance_region: Literal["america", "europe", "asia"] = "america"
    weekly_restart_utc: str = ""
