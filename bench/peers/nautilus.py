"""NautilusTrader's BacktestEngine: a strategy per symbol; logging, risk engine and analysis are off."""

from __future__ import annotations

import common

bench = common.Bench("NautilusTrader")
import nautilus_trader  # noqa: E402 — the import is measured
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from nautilus_trader.backtest.config import BacktestEngineConfig  # noqa: E402
from nautilus_trader.backtest.engine import BacktestEngine  # noqa: E402
from nautilus_trader.backtest.models import FixedFeeModel  # noqa: E402
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig  # noqa: E402
from nautilus_trader.model.currencies import USD  # noqa: E402
from nautilus_trader.model.data import BarType  # noqa: E402
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide  # noqa: E402
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue  # noqa: E402
from nautilus_trader.model.instruments import Equity  # noqa: E402
from nautilus_trader.model.objects import Money, Price, Quantity  # noqa: E402
from nautilus_trader.persistence.wranglers import BarDataWrangler, TradeTickDataWrangler  # noqa: E402
from nautilus_trader.trading.strategy import Strategy  # noqa: E402

bench.mark("import")
VENUE = Venue("XNAS")
NS_PER_MINUTE = 60_000_000_000


class Config(StrategyConfig, frozen=True):
    """What one strategy trades: bars where `bar_type` is set, else ticks."""

    instrument_id: InstrumentId
    bar_type: BarType | None = None


class CrossStrategy(Strategy):
    """The common strategy."""

    def on_start(self) -> None:
        self.update = common.Cross(bench.periods).update
        self.size = Quantity.from_int(common.QUANTITY)
        self.sent = 0
        if self.config.bar_type is not None:
            self.subscribe_bars(self.config.bar_type)
        else:
            self.subscribe_trade_ticks(self.config.instrument_id)

    def act(self, signal: int) -> None:
        self.sent += 1
        side = OrderSide.BUY if signal > 0 else OrderSide.SELL
        self.submit_order(self.order_factory.market(self.config.instrument_id, side, self.size))

    def on_bar(self, bar) -> None:
        signal = self.update(bar.close.as_double())
        if signal:
            self.act(signal)

    def on_trade_tick(self, tick) -> None:
        signal = self.update(tick.price.as_double())
        if signal:
            self.act(signal)


def instrument(ticker: str) -> Equity:
    """Make a US share and make the engine know it."""
    made = Equity(
        instrument_id=InstrumentId(Symbol(ticker), VENUE), raw_symbol=Symbol(ticker), currency=USD,
        price_precision=2, price_increment=Price.from_str("0.01"), lot_size=Quantity.from_int(1),
        ts_event=0, ts_init=0,
    )  # fmt: skip
    engine.add_instrument(made)
    return made


def add_bars(ticker: str, columns, *, number: int, last: bool) -> int:
    """Add one symbol's minutes, stamped at their end, and a strategy for them."""
    share = instrument(ticker)
    bar_type = BarType.from_str(f"{share.id}-1-MINUTE-LAST-EXTERNAL")
    index = pd.DatetimeIndex(columns["ts"] + NS_PER_MINUTE, tz="UTC", name="timestamp")
    names = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    frame = pd.DataFrame({name: columns[key].astype(float) for name, key in names.items()}, index=index)
    bars = BarDataWrangler(bar_type, share).process(frame)
    # all are sorted once, with the last symbol; one symbol is sorted already
    engine.add_data(bars, sort=last and number > 0)
    engine.add_strategy(
        CrossStrategy(Config(instrument_id=share.id, bar_type=bar_type, order_id_tag=f"{number:03d}"))
    )
    return len(bars)


data = bench.arrays()
engine = BacktestEngine(
    BacktestEngineConfig(
        trader_id=TraderId("BENCH-001"), logging=LoggingConfig(bypass_logging=True), run_analysis=False,
        risk_engine=RiskEngineConfig(bypass=True),
    )
)  # fmt: skip
ticks = bench.workload == "w3"
engine.add_venue(
    VENUE, OmsType.NETTING, AccountType.CASH, [Money(common.CASH, USD)], base_currency=USD,
    fee_model=FixedFeeModel(Money(common.FEE, USD)), bar_execution=not ticks, trade_execution=ticks,
)  # fmt: skip
events = 0
if bench.workload == "w1":
    events = add_bars("BENCH", data, number=0, last=True)
elif bench.workload == "w2":
    tickers = data["symbols"].tolist()
    for number, ticker in enumerate(tickers):
        rows = data["sym"] == number
        columns = {key: data[key][rows] for key in ("ts", "o", "h", "l", "c", "v")}
        events += add_bars(ticker, columns, number=number, last=number == len(tickers) - 1)
else:
    share = instrument("TICK")
    frame = pd.DataFrame(
        {
            "price": data["price"],
            "quantity": data["size"].astype(float),
            "trade_id": np.arange(len(data["ts"])),
        },
        index=pd.DatetimeIndex(data["ts"], tz="UTC", name="timestamp"),
    )
    trades = TradeTickDataWrangler(share).process(frame)
    events = len(trades)
    engine.add_data(trades, sort=False)
    engine.add_strategy(CrossStrategy(Config(instrument_id=share.id)))
bench.mark("load")
engine.run()
bench.mark("run")
bench.report(
    events, sum(strategy.sent for strategy in engine.trader.strategies()), version=nautilus_trader.__version__
)
