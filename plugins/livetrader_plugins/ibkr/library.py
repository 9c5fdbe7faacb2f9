"""The client library behind one handle: ib_async or ib_insync, whichever is installed.

Only its wire is used: Client (handshake, serialization of requests), Decoder (messages) and the plain data
classes. Its IB and Wrapper classes, which keep state of their own, are not: see session.py.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Final, Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from livetrader_engine.spi import PluginError

LibraryName = Literal["auto", "ib_async", "ib_insync"]
PREFERENCE: Final = ("ib_async", "ib_insync")  # the former is maintained
# Zones that TWS is usually logged in with. The decoder looks the zone of a time up while a message is being
# read, and the first look reads a file: it is done beforehand, in a thread, and ZoneInfo remembers.
ZONES: Final = (
    "UTC", "GMT", "US/Eastern", "US/Central", "US/Mountain", "US/Pacific", "America/New_York",
    "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Toronto", "Europe/London",
    "Europe/Berlin", "Europe/Paris", "Europe/Zurich", "Europe/Moscow", "Asia/Hong_Kong", "Asia/Tokyo",
    "Asia/Singapore", "Asia/Shanghai", "Asia/Kolkata", "Australia/Sydney", "MET", "EST5EDT",
)  # fmt: skip
PIP_NAMES: Final = {"ib_async": "livetrader[ib-async]", "ib_insync": "ib_insync"}


class ComboLeg(Protocol):
    """One leg of a BAG contract."""

    conId: int
    ratio: int
    action: str
    exchange: str
    openClose: int


class Contract(Protocol):
    """The library's Contract: what both libraries have of it and this plugin uses."""

    conId: int
    symbol: str
    secType: str
    lastTradeDateOrContractMonth: str
    strike: float
    right: str
    multiplier: str
    exchange: str
    primaryExchange: str
    currency: str
    localSymbol: str
    tradingClass: str
    includeExpired: bool
    secIdType: str
    secId: str
    description: str
    comboLegs: list[ComboLeg]


class ContractDetails(Protocol):
    """The library's ContractDetails."""

    contract: Contract
    marketName: str
    minTick: float
    orderTypes: str
    validExchanges: str
    priceMagnifier: int
    longName: str
    contractMonth: str
    timeZoneId: str
    tradingHours: str
    liquidHours: str
    stockType: str
    minSize: float
    sizeIncrement: float
    marketRuleIds: str


class TagValue(Protocol):
    """A name and its value, in lists of options."""

    tag: str
    value: str


class Order(Protocol):
    """The library's Order: what both libraries have of it and this plugin uses."""

    orderId: int
    clientId: int
    permId: int
    action: str
    totalQuantity: float
    orderType: str
    lmtPrice: float | None
    auxPrice: float | None
    tif: str
    goodTillDate: str
    ocaGroup: str
    ocaType: int
    orderRef: str
    transmit: bool
    parentId: int
    outsideRth: bool
    hidden: bool
    displaySize: int
    allOrNone: bool
    trailStopPrice: float
    trailingPercent: float
    faGroup: str
    faMethod: str
    faPercentage: str
    account: str
    whatIf: bool
    algoStrategy: str
    algoParams: list[TagValue]
    smartComboRoutingParams: list[TagValue]
    cashQty: float
    filledQuantity: float
    autoCancelDate: str
    triggerPrice: float
    adjustedOrderType: str


class OrderState(Protocol):
    """The library's OrderState. Margin figures are texts in ib_insync, numbers or texts in ib_async."""

    status: str
    initMarginBefore: str | float
    maintMarginBefore: str | float
    equityWithLoanBefore: str | float
    initMarginAfter: str | float
    maintMarginAfter: str | float
    equityWithLoanAfter: str | float
    commission: float
    minCommission: float
    maxCommission: float
    commissionCurrency: str
    warningText: str
    completedTime: str
    completedStatus: str


class Execution(Protocol):
    """The library's Execution; `time` is aware, `execId` is `<base>.<revision>`."""

    execId: str
    time: datetime
    acctNumber: str
    exchange: str
    side: str
    shares: float
    price: float
    permId: int
    clientId: int
    orderId: int
    liquidation: int
    cumQty: float
    avgPrice: float
    orderRef: str
    modelCode: str
    lastLiquidity: int


class CommissionReport(Protocol):
    """The library's CommissionReport."""

    execId: str
    commission: float
    currency: str
    realizedPNL: float


class ExecutionFilter(Protocol):
    """The library's ExecutionFilter."""

    clientId: int
    acctCode: str
    time: str
    symbol: str
    secType: str
    exchange: str
    side: str


@dataclass(frozen=True, slots=True)
class Library:
    """One library: its module and the classes that the plugin makes things of. `unset` means: no number."""

    name: str
    version: str
    module: ModuleType
    client: type
    decoder: type
    contract: Callable[..., Contract]
    combo_leg: Callable[..., ComboLeg]
    order: Callable[..., Order]
    tag_value: Callable[..., TagValue]
    execution_filter: Callable[..., ExecutionFilter]
    unset: float  # UNSET_DOUBLE, what both libraries send as "no number"
    unset_integer: int


def load(name: LibraryName = "auto") -> Library:
    """Import a library; `auto` takes ib_async where it is installed, else ib_insync.

    Raises PluginError, with the command that installs it, where there is none.
    """
    wanted = PREFERENCE if name == "auto" else (name,)
    for candidate in wanted:
        try:
            return _library(candidate, _import(candidate))
        except ModuleNotFoundError as error:
            if error.name != candidate:
                raise PluginError(
                    f"{candidate} is installed but lacks {error.name}: pip install {error.name}"
                ) from error
    raise PluginError(f"the ibkr plugin needs {' or '.join(wanted)}: pip install '{PIP_NAMES[wanted[0]]}'")


async def load_aside(name: LibraryName, timezone: str) -> Library:
    """Load a library without blocking the loop: importing one for the first time takes half a second.

    `timezone` is the one of TWS, where it sends times without one. Raises PluginError as `load`, and where
    there is no such zone.
    """
    wanted = PREFERENCE if name == "auto" else (name,)
    if wanted[0] in sys.modules and timezone in _zones:
        return load(name)
    await asyncio.to_thread(_read_zones, timezone)
    return await asyncio.to_thread(load, name)


_zones: Final[dict[str, ZoneInfo]] = {}  # kept, or ZoneInfo would forget all but a few


def _read_zones(timezone: str) -> None:
    for name in ZONES:
        with suppress(ZoneInfoNotFoundError):  # a machine may lack the old names
            _zones[name] = ZoneInfo(name)
    try:
        _zones[timezone] = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PluginError(f"timezone: no time zone {timezone!r}; one like US/Eastern or UTC") from error


def _import(name: str) -> ModuleType:
    """Import a library whatever loop runs.

    ib_insync's eventkit asks the thread for its loop when it is imported and fails where there is none; it
    gets one that never runs. Nothing here or later asks the thread again: session.py uses the running loop.
    """
    if name in sys.modules:
        return sys.modules[name]
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        stand_in = asyncio.new_event_loop()
        asyncio.set_event_loop(stand_in)
        try:
            return _import_quietly(name)
        finally:
            asyncio.set_event_loop(None)
            stand_in.close()
    return _import_quietly(name)


def _import_quietly(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of asyncio, inside the archived ib_insync
        return importlib.import_module(name)


def _library(name: str, module: ModuleType) -> Library:
    util = importlib.import_module(f"{name}.util")
    return Library(
        name=name,
        version=str(module.__version__),
        module=module,
        client=importlib.import_module(f"{name}.client").Client,
        decoder=importlib.import_module(f"{name}.decoder").Decoder,
        contract=module.Contract,
        combo_leg=module.ComboLeg,
        order=module.Order,
        tag_value=module.TagValue,
        execution_filter=module.ExecutionFilter,
        unset=float(util.UNSET_DOUBLE),
        unset_integer=int(util.UNSET_INTEGER),
    )
