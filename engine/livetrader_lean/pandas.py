"""History as the DataFrames LEAN makes: index (symbol, time), one column per field.

`time` is the bar's end in its exchange's time zone. pandas is imported on first use.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local

if TYPE_CHECKING:
    import pandas as pd

_TRADE = ("open", "high", "low", "close", "volume")
_QUOTE = (
    "bid_open", "bid_high", "bid_low", "bid_close", "bid_size",
    "ask_open", "ask_high", "ask_low", "ask_close", "ask_size",
)  # fmt: skip
_NAMES = ("symbol", "time")
_MIDDLES = ("open", "high", "low", "close")


def data_frame(points: Iterable[tuple[CoreSymbol, tzinfo, list[MarketPoint]]]) -> pd.DataFrame:
    """Return the points of several symbols as one DataFrame; an empty one where there are none.

    Trade and quote bars of one symbol and time share a row: the trade's prices are `close` and so on, the
    quote's `bidclose`, `askclose`. Columns are in alphabetical order, as LEAN has them.
    """
    import pandas as pd

    rows: dict[tuple[Symbol, object], dict[str, float]] = {}
    ticks: list[tuple[Symbol, object, dict[str, float]]] = []
    for symbol, zone, found in points:
        face = Symbol(symbol)
        for point in found:
            time = local(point.end_time_ns, zone)
            if isinstance(point, Tick):
                ticks.append((face, time, _tick_row(point)))
            else:
                _merge(rows.setdefault((face, time), {}), point)
    keys = [*rows, *((symbol, time) for symbol, time, _ in ticks)]
    if not keys:
        return pd.DataFrame()
    values = [*rows.values(), *(row for _, _, row in ticks)]
    frame = pd.DataFrame(values, index=_index(keys))
    return frame[sorted(frame.columns)]


def _index(keys: list[tuple[Symbol, object]]) -> pd.MultiIndex:
    import pandas as pd

    # an object index, so that the symbols stay what they are: equal to themselves and to their tickers
    symbols = pd.Index([symbol for symbol, _ in keys], dtype=object)
    return pd.MultiIndex.from_arrays([symbols, pd.DatetimeIndex([time for _, time in keys])], names=_NAMES)


def _merge(row: dict[str, float], point: TradeBar | QuoteBar) -> None:
    if isinstance(point, TradeBar):
        row.update({name: getattr(point, name) for name in _TRADE})
        return
    row.update({name.replace("_", ""): getattr(point, name) for name in _QUOTE})
    for name in _MIDDLES:
        if name not in row:  # a trade bar's price wins
            bid, ask = getattr(point, f"bid_{name}"), getattr(point, f"ask_{name}")
            row[name] = (bid + ask) / 2 if bid and ask else bid or ask


def _tick_row(tick: Tick) -> dict[str, float]:
    if tick.price:
        return {"lastprice": tick.price, "quantity": tick.quantity}
    return {
        "askprice": tick.ask_price, "asksize": tick.ask_size, "bidprice": tick.bid_price,
        "bidsize": tick.bid_size, "lastprice": tick.value,
    }  # fmt: skip
