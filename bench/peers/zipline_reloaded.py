"""zipline-reloaded with a minute bundle in a folder that is removed after the run. It knows no ticks."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings

import common

bench = common.Bench("zipline-reloaded", workloads=("w1", "w2"))
root = os.environ["ZIPLINE_ROOT"] = tempfile.mkdtemp(prefix="zipline-bench-")
warnings.filterwarnings("ignore")
import pandas as pd  # noqa: E402 — the import is measured
import zipline  # noqa: E402
from zipline import run_algorithm  # noqa: E402
from zipline.api import order, set_commission, set_slippage, symbol  # noqa: E402
from zipline.data import bundles  # noqa: E402
from zipline.finance import commission, slippage  # noqa: E402

bench.mark("import")
NS_PER_MINUTE = 60_000_000_000
data = bench.arrays()
tickers = ["BENCH"] if bench.workload == "w1" else data["symbols"].tolist()
days = pd.DatetimeIndex(pd.to_datetime(data["ts"]).normalize().unique()).as_unit("ns")
first, last = days[0], days[-1]
sent = 0


def frames():
    """Yield each symbol's minutes, labelled by their end as zipline wants them."""
    names = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    for number in range(len(tickers)):
        rows = slice(None) if bench.workload == "w1" else data["sym"] == number
        index = pd.DatetimeIndex(pd.to_datetime(data["ts"][rows] + NS_PER_MINUTE))
        yield number, pd.DataFrame({name: data[key][rows] for name, key in names.items()}, index=index)


@bundles.register("bench", calendar_name="XNYS", start_session=first, end_session=last, minutes_per_day=390)
def ingest(environ, assets, minutes, daily, adjustments, *rest) -> None:
    """Write the bundle."""
    equities = pd.DataFrame(
        {
            "symbol": tickers, "asset_name": tickers, "start_date": first, "end_date": last,
            "first_traded": first, "auto_close_date": last + pd.Timedelta(days=30), "exchange": "XNYS",
        }
    )  # fmt: skip
    exchanges = pd.DataFrame({"exchange": ["XNYS"], "canonical_name": ["XNYS"], "country_code": ["US"]})
    assets.write(equities=equities, exchanges=exchanges)
    minutes.write(frames(), show_progress=False)
    adjustments.write()


def initialize(context) -> None:
    """Choose fees, slippage and symbols."""
    set_commission(commission.PerTrade(common.FEE))
    set_slippage(slippage.FixedSlippage(spread=0.0))
    context.assets = [symbol(ticker) for ticker in tickers]
    context.updates = [common.Cross(bench.periods).update for _ in tickers]


def handle_data(context, bars) -> None:
    """Trade the crosses of one minute."""
    global sent  # noqa: PLW0603 — zipline calls a function, not a method
    assets = context.assets
    prices = (
        [bars.current(assets[0], "close")] if len(assets) == 1 else bars.current(assets, "close").tolist()
    )
    for asset, update, price in zip(assets, context.updates, prices, strict=True):
        signal = update(price)
        if signal:
            sent += 1
            order(asset, common.QUANTITY * signal)


try:
    bundles.ingest("bench", show_progress=False)
    bench.mark("load")
    run_algorithm(
        start=first, end=last, initialize=initialize, handle_data=handle_data, capital_base=common.CASH,
        data_frequency="minute", bundle="bench", benchmark_returns=pd.Series(0.0, index=days),
    )  # fmt: skip
    bench.mark("run")
    bench.report(len(data["ts"]), sent, version=zipline.__version__)
finally:
    shutil.rmtree(root, ignore_errors=True)
