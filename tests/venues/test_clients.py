"""Clients that we did not write complete a day at the peer, each at several server versions.

The prices are those of the standard catalogue: SPY trades at 100.00 with a book of 99.99 to 100.01.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest

from livetrader_venues.tws.settings import Settings
from tests.venues.peers import Peer, library, running, until

CLIENTS = [("ib_insync", 157), ("ib_insync", 163), ("ib_insync", 176), ("ib_async", 157), ("ib_async", 178)]
Scenario = Callable[[Peer, ModuleType, Any], Awaitable[None]]


@pytest.fixture(params=CLIENTS, ids=lambda param: f"{param[0]}-{param[1]}")
def play(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Callable[[Scenario], None]:
    """Run a scenario with a connected client. A field that a client cannot decode fails the test."""
    name, version = request.param
    module = library(name)

    def run(scenario: Scenario) -> None:
        asyncio.run(_session(module, version, scenario))
        undecoded = [r for r in caplog.records if "Error handling fields" in r.getMessage()]
        undecoded += [r for r in caplog.records if r.getMessage().startswith("Error for ")]
        unread = [r for r in caplog.records if "Error 320" in r.getMessage()]
        assert not undecoded and not unread

    caplog.set_level(logging.ERROR)
    return run


async def _session(module: ModuleType, version: int, scenario: Scenario) -> None:
    settings = Settings(highest_version=version, messages_per_second=0)
    async with running(settings) as peer, connected(peer, module) as ib:
        assert ib.client.serverVersion() == version
        await scenario(peer, module, ib)


@asynccontextmanager
async def connected(peer: Peer, module: ModuleType, client_id: int = 7) -> AsyncIterator[Any]:
    ib = module.IB()
    await ib.connectAsync("127.0.0.1", peer.port, clientId=client_id, timeout=5)
    try:
        yield ib
    finally:
        ib.disconnect()


def spy(module: ModuleType) -> Any:
    return module.Stock("SPY", "SMART", "USD", conId=756733)


def statuses(trade: Any) -> list[str]:
    return list(dict.fromkeys(entry.status for entry in trade.log))


def test_accounts_and_values(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        assert ib.managedAccounts() == ["DU1234567"]
        assert ib.positions() == [] and ib.openTrades() == []
        values = {(v.tag, v.currency): v.value for v in ib.accountValues()}
        assert values[("NetLiquidation", "USD")] == "1000000.00"
        assert values[("TotalCashBalance", "BASE")] == "1000000.00"
        summary = {v.tag: v.value for v in await ib.accountSummaryAsync()}
        assert summary["BuyingPower"] == "4000000.00"
        moment = await ib.reqCurrentTimeAsync()
        assert moment.timestamp() == 1_750_075_200

    play(scenario)


def test_contracts(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        (details,) = await ib.reqContractDetailsAsync(module.Stock("SPY", "SMART", "USD"))
        assert (details.contract.conId, details.contract.primaryExchange) == (756733, "ARCA")
        assert (details.minTick, details.longName) == (0.01, "SPDR S&P 500 ETF TRUST")
        assert details.timeZoneId == "US/Eastern" and "20250616:0930" in details.tradingHours
        futures = await ib.reqContractDetailsAsync(module.Future("ES", exchange="CME", currency="USD"))
        assert [d.contract.lastTradeDateOrContractMonth for d in futures] == ["20270319", "20270618"]
        assert {d.contract.multiplier for d in futures} == {"50"}
        (option,) = await ib.reqContractDetailsAsync(
            module.Option("SPY", "20270115", 100, "C", "SMART", "100", "USD")
        )
        assert option.contract.localSymbol == "SPY   270115C00100000" and option.underConId == 756733
        (pair,) = await ib.reqContractDetailsAsync(module.Forex("EURUSD"))
        assert pair.contract.localSymbol == "EUR.USD"
        (coin,) = await ib.reqContractDetailsAsync(module.Crypto("BTC", "PAXOS", "USD"))
        assert coin.contract.secType == "CRYPTO"
        assert await ib.reqContractDetailsAsync(module.Stock("NOSUCH", "SMART", "USD")) == []
        (chain,) = await ib.reqSecDefOptParamsAsync("SPY", "", "STK", 756733)
        assert chain.expirations == ["20270115", "20270219"] and chain.strikes[0] == 90
        found = await ib.reqMatchingSymbolsAsync("APP")
        assert [d.contract.symbol for d in found] == ["AAPL"]
        assert [(r.lowEdge, r.increment) for r in await ib.reqMarketRuleAsync(26)] == [(0.0, 0.01)]
        head = await ib.reqHeadTimeStampAsync(spy(module), "TRADES", True, 1)
        assert str(head)[:4] == "2000"

    play(scenario)


def test_history(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        days = await ib.reqHistoricalDataAsync(spy(module), "", "7 D", "1 day", "TRADES", True)
        assert [str(bar.date) for bar in days] == [
            "2025-06-09",
            "2025-06-10",
            "2025-06-11",
            "2025-06-12",
            "2025-06-13",
        ]
        assert all(bar.low <= min(bar.open, bar.close) <= bar.high and bar.volume > 0 for bar in days)
        minutes = await ib.reqHistoricalDataAsync(
            spy(module), "20250613 15:00:00", "3600 S", "5 mins", "MIDPOINT", True, formatDate=2
        )
        assert len(minutes) == 12 and minutes[-1].date.isoformat() == "2025-06-13T14:55:00+00:00"
        again = await ib.reqHistoricalDataAsync(spy(module), "", "7 D", "1 day", "TRADES", True)
        assert list(again) == list(days)
        live = await ib.reqHistoricalDataAsync(
            spy(module), "", "3600 S", "1 min", "TRADES", True, keepUpToDate=True
        )
        before = len(live)
        peer.move(60)
        peer.do("quote", symbol="SPY", bid=101, ask="101.02")
        await until(ib, lambda: len(live) > before)
        assert live[-1].close == 101.01

    play(scenario)


def test_streams(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        contract = spy(module)
        ticker = ib.reqMktData(contract)
        await until(ib, lambda: ticker.bid == 99.99 and ticker.ask == 100.01 and ticker.last == 100)
        peer.do("quote", symbol="SPY", bid="100.50", ask="100.52", last="100.51", size=300)
        await until(ib, lambda: (ticker.bid, ticker.ask, ticker.last) == (100.5, 100.52, 100.51))
        assert (ticker.bidSize, ticker.askSize, ticker.high, ticker.close) == (300, 300, 100, 100)
        assert ticker.marketDataType == 1
        ib.cancelMktData(contract)
        (snapshot,) = await ib.reqTickersAsync(contract)
        assert snapshot.bid == 100.5
        quotes = ib.reqTickByTickData(contract, "BidAsk")
        await until(ib, lambda: quotes.tickByTicks and quotes.tickByTicks[-1].askPrice == 100.52)
        ib.cancelTickByTickData(contract, "BidAsk")
        bars = ib.reqRealTimeBars(contract, 5, "TRADES", False)
        await ib.reqCurrentTimeAsync()
        peer.move(5)
        await until(ib, lambda: len(bars) == 1)
        assert bars[0].close == 100.51 and bars[0].time.timestamp() == 1_750_075_200
        ib.cancelRealTimeBars(bars)

    play(scenario)


# order type, its prices, the state in which it waits, the quote at which it fills, the price of the fill
BUYS = [
    ("LMT", {"lmtPrice": 99.0}, "Submitted", (98.97, 98.99), 98.99),
    ("STP", {"auxPrice": 101.0}, "PreSubmitted", (101.0, 101.02), 101.02),
    ("STP LMT", {"auxPrice": 101.0, "lmtPrice": 101.5}, "PreSubmitted", (101.0, 101.02), 101.02),
    ("MIT", {"auxPrice": 99.0}, "PreSubmitted", (98.97, 98.99), 98.99),
    ("LIT", {"auxPrice": 99.0, "lmtPrice": 99.1}, "PreSubmitted", (98.97, 98.99), 98.99),
    ("TRAIL", {"auxPrice": 1.0}, "PreSubmitted", (101.0, 101.02), 101.02),
    ("TRAIL", {"trailingPercent": 1.0}, "PreSubmitted", (101.0, 101.02), 101.02),
]


def test_every_order_type_waits_and_fills(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        for kind, prices, waits, (bid, ask), price in BUYS:
            peer.do("quote", symbol="SPY", bid="99.99", ask="100.01", last=100)
            order = module.Order(action="BUY", totalQuantity=10, orderType=kind, tif="GTC", **prices)
            trade = ib.placeOrder(spy(module), order)
            await until(ib, lambda t=trade, w=waits: t.orderStatus.status == w, f"{kind} {waits}")
            peer.do("quote", symbol="SPY", bid=bid, ask=ask)
            await until(ib, lambda t=trade: t.orderStatus.status == "Filled", f"{kind} Filled")
            assert trade.orderStatus.avgFillPrice == price, kind
        for kind, action, phase in (
            ("MOC", "SELL", "close"),
            ("LOC", "SELL", "close"),
            ("MKT", "BUY", "open"),
        ):
            tif = "OPG" if phase == "open" else "DAY"
            order = module.Order(action=action, totalQuantity=10, orderType=kind, tif=tif)
            if kind == "LOC":
                order.lmtPrice = 50.0
            trade = ib.placeOrder(spy(module), order)
            await until(ib, lambda t=trade: t.orderStatus.status == "PreSubmitted", kind)
            peer.do("session", state=phase)
            await until(ib, lambda t=trade: t.orderStatus.status == "Filled", kind)
            peer.do("session", state="open")
        await until(ib, lambda: [p.position for p in ib.positions()] == [60.0])

    play(scenario)


def test_update_and_cancel(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        trade = ib.placeOrder(spy(module), module.LimitOrder("BUY", 100, 90.0, orderRef="first", tif="GTC"))
        await until(ib, lambda: trade.orderStatus.status == "Submitted")
        perm_id = trade.orderStatus.permId
        trade.order.lmtPrice, trade.order.totalQuantity = 91.5, 80
        assert ib.placeOrder(spy(module), trade.order) is trade
        await (
            ib.reqCurrentTimeAsync()
        )  # so that the answer to the update has come before the list is asked for
        (seen,) = [t for t in await ib.reqAllOpenOrdersAsync() if t.order.permId == perm_id]
        assert (seen.order.lmtPrice, seen.order.totalQuantity, seen.order.orderRef) == (91.5, 80, "first")
        assert seen.order.tif == "GTC"
        ib.cancelOrder(trade.order)
        await until(ib, lambda: trade.orderStatus.status == "Cancelled")
        assert trade.log[-1].errorCode in (0, 202)
        assert await ib.reqAllOpenOrdersAsync() == []
        (done,) = await ib.reqCompletedOrdersAsync(False)
        assert (done.order.permId, done.orderStatus.status) == (perm_id, "Cancelled")

    play(scenario)


def test_partial_fills_commissions_and_positions(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        peer.do("quote", symbol="SPY", bid="99.99", ask="100.00", size=40)
        trade = ib.placeOrder(spy(module), module.LimitOrder("BUY", 100, 100.0, orderRef="parts", tif="GTC"))
        await until(ib, lambda: trade.orderStatus.filled == 40)
        assert (trade.orderStatus.status, trade.orderStatus.remaining) == ("Submitted", 60)
        peer.do("quote", symbol="SPY", bid="98.99", ask="99.00", size=60)
        await until(ib, lambda: trade.isDone() and all(f.commissionReport.execId for f in trade.fills))
        assert [(f.execution.shares, f.execution.price) for f in trade.fills] == [(40, 100), (60, 99)]
        assert [f.execution.cumQty for f in trade.fills] == [40, 100]
        assert {f.execution.orderRef for f in trade.fills} == {"parts"}
        assert [f.commissionReport.commission for f in trade.fills] == [1.0, 1.0]
        assert trade.orderStatus.avgFillPrice == 99.4
        await until(ib, lambda: [(p.position, p.avgCost) for p in ib.positions()] == [(100, 99.4)])
        sale = ib.placeOrder(spy(module), module.MarketOrder("SELL", 50))
        await until(ib, lambda: sale.isDone() and sale.fills[0].commissionReport.realizedPNL)
        assert sale.fills[0].commissionReport.realizedPNL == pytest.approx(50 * (98.99 - 99.4) - 1.0)
        peer.move(1)
        await until(ib, lambda: [i.position for i in ib.portfolio()] == [50])
        executions = await ib.reqExecutionsAsync()
        assert [f.execution.side for f in executions] == ["BOT", "BOT", "SLD"]

    play(scenario)


def test_what_if_changes_nothing(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        state = await ib.whatIfOrderAsync(spy(module), module.LimitOrder("BUY", 1000, 100.0))
        assert (float(state.initMarginChange), float(state.initMarginAfter)) == (25_000, 25_000)
        assert state.commission == 5.0
        assert ib.openTrades() == [] and await ib.reqCompletedOrdersAsync(False) == []

    play(scenario)


def test_brackets_and_one_cancels_all(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        bracket = ib.bracketOrder("BUY", 100, 99.0, 105.0, 95.0)
        trades = [ib.placeOrder(spy(module), order) for order in bracket]
        await until(
            ib, lambda: [t.orderStatus.status for t in trades] == ["Submitted"] + 2 * ["PreSubmitted"]
        )
        peer.do("quote", symbol="SPY", bid="98.98", ask="98.99")
        await until(ib, lambda: trades[0].isDone() and trades[1].orderStatus.status == "Submitted")
        assert trades[2].orderStatus.status == "PreSubmitted"
        peer.do("quote", symbol="SPY", bid="105.00", ask="105.02")
        await until(ib, lambda: trades[1].isDone() and trades[2].isDone())
        assert [t.orderStatus.status for t in trades] == ["Filled", "Filled", "Cancelled"]
        pair = [module.LimitOrder("BUY", 10, 90.0), module.StopOrder("BUY", 10, 110.0)]
        ib.oneCancelsAll(pair, "pair", 1)
        trades = [ib.placeOrder(spy(module), order) for order in pair]
        await until(ib, lambda: trades[0].orderStatus.status == "Submitted" and trades[1].orderStatus.permId)
        peer.do("quote", symbol="SPY", bid="110.00", ask="110.02")
        await until(ib, lambda: all(t.isDone() for t in trades))
        assert [t.orderStatus.status for t in trades] == ["Cancelled", "Filled"]

    play(scenario)


def test_immediate_orders_and_combinations(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        peer.do("quote", symbol="SPY", bid="99.99", ask="100.01", size=30)
        some = ib.placeOrder(spy(module), module.LimitOrder("BUY", 100, 100.01, tif="IOC"))
        await until(ib, some.isDone)
        assert (some.orderStatus.status, some.orderStatus.filled) == ("Cancelled", 30)
        peer.do("quote", symbol="SPY", bid="99.99", ask="100.01", size=30)
        none = ib.placeOrder(spy(module), module.LimitOrder("BUY", 100, 100.01, tif="FOK"))
        await until(ib, none.isDone)
        assert (none.orderStatus.status, none.orderStatus.filled) == ("Cancelled", 0)
        bag = module.Contract(secType="BAG", symbol="SPY", exchange="SMART", currency="USD")
        legs = [(272093, "BUY"), (265598, "SELL")]  # MSFT at 300.01, AAPL at 149.99
        bag.comboLegs = [module.ComboLeg(conId=c, ratio=1, action=a, exchange="SMART") for c, a in legs]
        trade = ib.placeOrder(bag, module.MarketOrder("BUY", 10))
        await until(ib, trade.isDone)
        assert trade.orderStatus.avgFillPrice == pytest.approx(150.02)
        held = {p.contract.symbol: p.position for p in await ib.reqPositionsAsync()}
        assert held == {"SPY": 30, "MSFT": 10, "AAPL": -10}

    play(scenario)


def test_legs_with_limits_of_their_own(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        bag = module.Contract(secType="BAG", symbol="SPY", exchange="SMART", currency="USD")
        legs = [(272093, "BUY"), (265598, "SELL")]
        bag.comboLegs = [module.ComboLeg(conId=c, ratio=1, action=a, exchange="SMART") for c, a in legs]
        order = module.Order(action="BUY", totalQuantity=10, orderType="LMT")
        order.orderComboLegs = [module.OrderComboLeg(price=299.0), module.OrderComboLeg(price=150.0)]
        trade = ib.placeOrder(bag, order)
        await until(ib, lambda: trade.orderStatus.status == "Submitted")
        peer.do("quote", symbol="MSFT", bid="298.98", ask="299.00")
        await ib.reqCurrentTimeAsync()
        assert trade.orderStatus.status == "Submitted"  # the leg that is sold is not there yet
        peer.do("quote", symbol="AAPL", bid="150.00", ask="150.02")
        await until(ib, trade.isDone)
        assert trade.orderStatus.avgFillPrice == 149

    play(scenario)


def test_options_are_exercised_and_lapse(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        calls = module.Option("SPY", "20270115", 95, "C", "SMART", "100", "USD")
        puts = module.Option("SPY", "20270115", 95, "P", "SMART", "100", "USD")
        await ib.qualifyContractsAsync(calls, puts)
        trades = [ib.placeOrder(option, module.MarketOrder("BUY", 2)) for option in (calls, puts)]
        await until(ib, lambda: all(t.isDone() for t in trades))
        codes: list[int] = []
        ib.errorEvent += lambda request, code, text, contract: codes.append(code)
        ib.exerciseOptions(puts, 1, 2, "DU1234567", 0)  # out of the money
        ib.exerciseOptions(calls, 1, 5, "DU1234567", 0)  # more than there are
        ib.exerciseOptions(puts, 2, 2, "DU1234567", 0)
        ib.exerciseOptions(calls, 1, 1, "DU1234567", 0)
        held = {p.contract.localSymbol: (p.position, p.avgCost) for p in await ib.reqPositionsAsync()}
        assert codes == [201, 201]
        assert held["SPY"] == (100, 95) and held[calls.localSymbol][0] == 1
        assert puts.localSymbol not in held or held[puts.localSymbol][0] == 0

    play(scenario)


def test_a_client_that_reconnects_finds_everything(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        done = ib.placeOrder(spy(module), module.MarketOrder("BUY", 10, orderRef="done"))
        waits = ib.placeOrder(spy(module), module.LimitOrder("BUY", 5, 90.0, orderRef="waits", tif="GTC"))
        await until(ib, lambda: done.isDone() and waits.orderStatus.status == "Submitted")
        ib.disconnect()
        peer.do("quote", symbol="SPY", bid="89.99", ask="90.00")  # fills while nobody is there
        other = module.IB()
        await other.connectAsync("127.0.0.1", peer.port, clientId=7, timeout=5)
        assert other.openTrades() == []
        assert [p.position for p in other.positions()] == [15]
        assert [f.execution.orderRef for f in other.fills()] == ["done", "waits"]
        assert other.client.getReqId() > waits.order.orderId
        completed = await other.reqCompletedOrdersAsync(False)
        assert {t.order.orderRef: t.orderStatus.status for t in completed} == {
            "done": "Filled",
            "waits": "Filled",
        }
        other.disconnect()

    play(scenario)


def test_orders_with_all_their_extras_are_read_to_the_last_field(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        codes: list[int] = []
        ib.errorEvent += lambda request, code, text, contract: codes.append(code)
        algo = module.LimitOrder("BUY", 10, 90.0, algoStrategy="Adaptive")
        algo.algoParams = [module.TagValue("adaptivePriority", "Normal")]
        hedged = module.LimitOrder("BUY", 10, 90.0, hedgeType="B", hedgeParam="1.5")
        scaled = module.LimitOrder("BUY", 10, 90.0, scaleInitLevelSize=5, scaleSubsLevelSize=5)
        scaled.scalePriceIncrement = 0.5
        neutral = module.LimitOrder("BUY", 10, 90.0, deltaNeutralOrderType="MKT", deltaNeutralConId=1)
        trades = [ib.placeOrder(spy(module), order) for order in (algo, hedged, scaled, neutral)]
        await until(ib, lambda: all(t.orderStatus.status == "Submitted" for t in trades))
        assert codes == []
        conditional = module.LimitOrder("BUY", 10, 90.0, conditionsIgnoreRth=True)
        conditional.conditions = [
            module.PriceCondition(price=99.0, conId=756733, exch="SMART"),
            module.TimeCondition(time="20250616 13:00:00 UTC"),
            module.MarginCondition(percent=10),
            module.ExecutionCondition(secType="STK", exch="SMART", symbol="SPY"),
            module.VolumeCondition(volume=100, conId=756733, exch="SMART"),
            module.PercentChangeCondition(changePercent=1.0, conId=756733, exch="SMART"),
        ]
        refused = [
            (conditional, 201),
            (module.Order(action="BUY", totalQuantity=1, orderType="PEG MID", midOffsetAtHalf=0.1), 387),
            (module.Order(action="BUY", totalQuantity=1, orderType="PEG BEST", minCompeteSize=1), 387),
            (module.Order(action="BUY", totalQuantity=1, orderType="PEG BENCH", referenceContractId=1), 387),
            (module.Order(action="BUY", totalQuantity=1, orderType="VOL", volatility=0.2), 387),
        ]
        for order, code in refused:
            before = len(codes)
            ib.placeOrder(spy(module), order)
            await until(ib, lambda n=before: len(codes) > n, order.orderType)
            assert codes[-1] == code, order.orderType
        ib.reqGlobalCancel()
        await until(ib, lambda: all(t.isDone() for t in trades))

    play(scenario)


def test_profits_positions_and_refusals(play: Callable[[Scenario], None]) -> None:
    async def scenario(peer: Peer, module: ModuleType, ib: Any) -> None:
        codes: list[int] = []
        ib.errorEvent += lambda request, code, text, contract: codes.append(code)
        profit = ib.reqPnL("DU1234567")
        single = ib.reqPnLSingle("DU1234567", "", 756733)
        trade = ib.placeOrder(spy(module), module.MarketOrder("BUY", 100))
        await until(ib, trade.isDone)
        peer.do("quote", symbol="SPY", bid="100.99", ask="101.01", last="101.00")
        sale = ib.placeOrder(spy(module), module.MarketOrder("SELL", 50))
        await until(ib, sale.isDone)
        peer.move(1)
        await until(ib, lambda: single.position == 50 and profit.realizedPnL > 0)
        assert profit.realizedPnL == pytest.approx(50 * (100.99 - 100.01))
        assert profit.unrealizedPnL == pytest.approx(50 * (101.00 - 100.01))
        assert await ib.reqFundamentalDataAsync(spy(module), "ReportSnapshot") in (None, [])
        assert not await ib.reqHistoricalDataAsync(
            module.Future("ES", exchange="CME"), "", "7 D", "1 day", "TRADES", True
        )
        assert codes == [430, 200]
        ib.cancelPnL("DU1234567")
        ib.cancelPnLSingle("DU1234567", "", 756733)

    play(scenario)
