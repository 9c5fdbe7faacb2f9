"""The referee that IB wrote: the official Python client, `ibapi`, in an environment of its own.

python official.py PORT    # prints what it found, see scenario.py
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import traceback
from decimal import Decimal
from pathlib import Path
from typing import Any

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.wrapper import EWrapper

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scenario import COMPLETED_SINCE, WAITING

LIMIT_S = 10.0
NEWS = [name for name in dir(EWrapper) if not name.startswith("_") and not name.endswith("ProtoBuf")]


class Referee(EWrapper, EClient):  # type: ignore[misc]  # ibapi has no types
    """Keeps everything it is told, by name."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.told: list[tuple[str, tuple[Any, ...]]] = []
        self.news = threading.Condition()

    def tell(self, name: str, values: tuple[Any, ...]) -> None:
        with self.news:
            self.told.append((name, values))
            self.news.notify_all()

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [values for told, values in self.told if told == name]

    def until(self, probe: Any, what: str) -> Any:
        with self.news:
            if not self.news.wait_for(probe, LIMIT_S):
                raise SystemExit(f"waited in vain for {what}; last: {self.told[-5:]}")
        return probe()

    def answers(self, name: str, count: int = 1) -> list[tuple[Any, ...]]:
        self.until(lambda: len(self.of(name)) >= count, f"{count} {name}")
        return self.of(name)

    def status(self, number: int) -> tuple[Any, ...]:
        mine = [values for values in self.of("orderStatus") if values[0] == number]
        return mine[-1] if mine else (number, "", 0, 0, 0.0)

    def reach(self, number: int, status: str) -> tuple[Any, ...]:
        self.until(lambda: self.status(number)[1] == status, f"{status} of {number}")
        return self.status(number)


for _name in NEWS:
    setattr(Referee, _name, lambda self, *values, name=_name: self.tell(name, values))


def found(step: str, value: object) -> None:
    print(json.dumps({"step": step, "found": value}), flush=True)


def order(version: int, kind: str, quantity: int, **prices: float) -> Order:
    made = Order()
    made.action, made.totalQuantity, made.orderType, made.tif = "BUY", Decimal(quantity), kind, "GTC"
    if version < 111:
        made.cashQty = 0  # the client takes its own unset value for one that old servers do not know
    for name, price in prices.items():
        setattr(made, name, price)
    return made


def connected(port: int) -> Referee:
    referee = Referee()
    referee.connect("127.0.0.1", port, 3)
    threading.Thread(target=referee.run, daemon=True).start()
    referee.answers("nextValidId")
    return referee


def ask(referee: Referee, spy: Contract) -> None:
    """Ask for everything that no order is needed for."""
    found("accounts", [name for name in referee.answers("managedAccounts")[0][0].split(",") if name])
    referee.reqContractDetails(1, spy)
    referee.answers("contractDetailsEnd")
    details = referee.of("contractDetails")[0][1]
    found("contract", [details.contract.conId, details.contract.primaryExchange, details.minTick])
    nothing = Contract()
    nothing.symbol, nothing.secType, nothing.exchange, nothing.currency = "NOSUCH", "STK", "SMART", "USD"
    referee.reqContractDetails(2, nothing)
    code = referee.until(
        lambda: next((v for v in referee.of("error") if v[0] == 2), None), "the refusal of a contract"
    )
    found("no such contract", next(value for value in code[1:] if value == 200))
    referee.reqAccountSummary(3, "All", "NetLiquidation")
    referee.answers("accountSummaryEnd")
    found("summary", referee.of("accountSummary")[0][3])
    referee.reqHistoricalData(4, spy, "20250613 23:00:00 UTC", "7 D", "1 day", "TRADES", 1, 1, False, [])
    referee.answers("historicalDataEnd")
    found("bars", len(referee.of("historicalData")))
    referee.reqMktData(5, spy, "", False, False, [])
    ticks = {tick: price for _, tick, price, *_ in referee.answers("tickPrice", 3)}
    found("ticks", [ticks[1], ticks[2], ticks[4]])
    referee.cancelMktData(5)


def trade(referee: Referee, spy: Contract) -> None:
    """Place, change, cancel and preview orders."""
    version, number = referee.serverVersion(), 1

    def press() -> None:
        before = len(referee.of("currentTime"))
        referee.reqCurrentTime()
        referee.answers("currentTime", before + 1)

    referee.placeOrder(number, spy, order(version, "MKT", 100))
    _, status, filled, _, average, *_ = referee.reach(number, "Filled")
    found("market order", [status, int(filled), average])
    for kind, prices, waits, _, _ in WAITING:
        number += 1
        referee.placeOrder(number, spy, order(version, kind, 10, **prices))
        waited = referee.reach(number, waits)[1]
        press()
        _, status, filled, _, average, *_ = referee.reach(number, "Filled")
        found(kind, [waited, status, int(filled), average])
        press()
    number += 1
    limit = order(version, "LMT", 100, lmtPrice=90.0)
    referee.placeOrder(number, spy, limit)
    referee.reach(number, "Submitted")
    limit.lmtPrice, limit.totalQuantity = 91.5, Decimal(80)
    before = len(referee.of("openOrder"))
    referee.placeOrder(number, spy, limit)
    seen = referee.answers("openOrder", before + 1)[-1][2]
    found("update", [seen.lmtPrice, int(seen.totalQuantity)])
    cancel(referee, number)
    found("cancel", referee.reach(number, "Cancelled")[1])
    press()
    number += 1
    referee.placeOrder(number, spy, order(version, "LMT", 100, lmtPrice=100.01))
    referee.until(lambda: int(referee.status(number)[2] or 0) == 40, "a part")
    press()
    referee.reach(number, "Filled")
    parts = [values[2] for values in referee.of("execDetails") if values[2].orderId == number]
    found("parts", [*(int(part.shares) for part in parts), int(parts[-1].cumQty)])
    press()
    preview = order(version, "LMT", 1000, lmtPrice=100.0)
    preview.whatIf = True
    before = len(referee.of("openOrder"))
    referee.placeOrder(number + 1, spy, preview)
    state = referee.answers("openOrder", before + 1)[-1][3]
    change = state.initMarginChange if version >= 142 else float(state.initMarginAfter) - 26_000 * 0.25
    found("what-if", int(float(change)))


def cancel(referee: Referee, number: int) -> None:
    """Cancel, with the argument that this release of the client wants."""
    try:
        from ibapi.order_cancel import OrderCancel
    except ImportError:
        referee.cancelOrder(number)
    else:
        referee.cancelOrder(number, OrderCancel())


def main(port: int) -> None:
    referee = connected(port)
    spy = Contract()
    spy.symbol, spy.secType, spy.exchange, spy.currency = "SPY", "STK", "SMART", "USD"
    ask(referee, spy)
    trade(referee, spy)
    referee.reqExecutions(9, ExecutionFilter())
    referee.answers("execDetailsEnd")
    asked = [values[2] for values in referee.of("execDetails") if values[0] == 9]
    found("executions", len(asked))
    reports = "commissionAndFeesReport" if "commissionAndFeesReport" in NEWS else "commissionReport"
    found("commissions", len({values[0].execId for values in referee.answers(reports, 9)}))
    referee.reqPositions()
    referee.answers("positionEnd")
    found("position", int(referee.of("position")[-1][2]))
    used = referee.of("nextValidId")[-1][0]
    referee.conn.socket.shutdown(socket.SHUT_RDWR)  # a close alone waits for the client's reader thread
    referee.disconnect()
    again = connected(port)
    again.reqPositions()
    again.answers("positionEnd")
    found("positions after reconnect", int(again.of("position")[-1][2]))
    found("number after reconnect is higher", again.of("nextValidId")[-1][0] > used)
    if again.serverVersion() >= COMPLETED_SINCE:
        again.reqCompletedOrders(False)
        again.answers("completedOrdersEnd")
        found("completed orders", len(again.of("completedOrder")))
    again.disconnect()


if __name__ == "__main__":
    status = 1
    try:
        main(int(sys.argv[1]))
        status = 0
    finally:
        if status:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(status)  # the client's own threads never end
