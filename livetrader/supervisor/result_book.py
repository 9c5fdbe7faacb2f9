"""Orders and trades for the result files, from what the journal is given. Loop's thread."""

from __future__ import annotations

import os
import resource
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

from livetrader.gateway.gateway import Gateway
from livetrader.gateway.valuation import ACCOUNT_CURRENCY
from livetrader.journal.action_records import SplitApplied
from livetrader.journal.records import (
    CancelIntended,
    FeeReceived,
    KillOrderIntended,
    OrderIntended,
    Record,
    ReportReceived,
)
from livetrader.results.live import DeploymentView
from livetrader.results.live_figures import Day, LiveFigures
from livetrader.results.live_json import OrderFacts
from livetrader.results.run_result import RunSummary, up_time
from livetrader.supervisor.result_facts import number_of, order_facts
from livetrader.supervisor.result_ports import ResultPorts
from livetrader_engine.orders.order import ClientOrderId, Fill, OrderId
from livetrader_engine.symbols import NS_PER_SECOND

COUNTED: Final = (
    ReportReceived, FeeReceived, SplitApplied, OrderIntended, KillOrderIntended, CancelIntended,
)  # fmt: skip
MAX_ORDERS: Final = 5_000  # newest orders in a file, about 4 MB; all are in the journal
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MB: Final = 1024 * 1024


class OrderBook:
    """Owns what the files say of orders; passes trades on to the figures."""

    def __init__(self, gateway: Gateway, figures: LiveFigures) -> None:
        self._gateway = gateway
        self._figures = figures
        self._touched: dict[ClientOrderId, None] = {}
        self._facts: OrderedDict[ClientOrderId, OrderFacts] = OrderedDict()

    def take(self, record: Record) -> None:
        """Take in one record that the gateway has applied."""
        match record:
            case ReportReceived(report=report):
                self._touched[report.client_order_id] = None
                if report.fill is not None:
                    self._fill(report.client_order_id, report.fill)
            case FeeReceived(report=told):
                order = self._gateway.state.orders.get(told.client_order_id)
                if order is not None:
                    self._figures.charge(order.spec.symbol, number_of(order), told.execution_id, told.fee)
            case SplitApplied(symbol=symbol, factor=factor):
                self._figures.split(symbol, factor)
            case (
                OrderIntended(client_order_id=name)
                | KillOrderIntended(client_order_id=name)
                | CancelIntended(client_order_id=name)
            ):
                self._touched[name] = None
            case _:
                pass

    def begin(self, early: Iterable[Record]) -> None:
        """Count orders from now on, and from the first of those that came just before."""
        numbers = [record.number for record in early if isinstance(record, OrderIntended)]
        self._figures.first_order = min(numbers, default=self._gateway.state.next_number)

    def count(self) -> None:
        """Let the figures know how many orders there were."""
        self._figures.orders = self._gateway.state.next_number - self._figures.first_order

    def catch_up(self) -> None:
        """Take in trades that were journaled after the figures were put aside, by a daemon that died."""
        since_ns = self._figures.last_fill_ns
        missed = [
            (fill, order)
            for order in self._gateway.state.orders.values()
            for fill in order.executions.values()
            if fill.time_ns >= since_ns
        ]
        for fill, order in sorted(missed, key=lambda item: item[0].time_ns):
            self._figures.fill(order.spec.symbol, number_of(order), fill)
        for name in list(self._gateway.state.orders)[-MAX_ORDERS:]:
            self._touched[name] = None

    def orders(self) -> tuple[OrderFacts, ...]:
        """Return the newest orders, oldest first."""
        state = self._gateway.state
        for name in (*self._touched, *state.open):
            order = state.orders.get(name)
            if order is not None:
                self._facts[name] = order_facts(order)
        self._touched.clear()
        while len(self._facts) > MAX_ORDERS:
            self._facts.popitem(last=False)
        return tuple(self._facts.values())

    def _fill(self, name: ClientOrderId, fill: Fill) -> None:
        order = self._gateway.state.orders.get(name)
        if order is not None:
            self._figures.fill(
                order.spec.symbol, number_of(order), order.executions.get(fill.execution_id, fill)
            )
        elif fill.symbol is not None:
            self._figures.fill(fill.symbol, OrderId(0), fill)  # somebody else's trade in this account


def run_summary(
    ports: ResultPorts, view: DeploymentView | None, start: Day | None, *, end: bool
) -> RunSummary:
    """Return what is known of a run beside its figures; its name is left to who knows it."""
    wall_ns = ports.timing.wall_ns()
    today = _date(ports.timing.now_ns())
    return RunSummary(
        id="" if view is None else view.id,
        name="",
        status=ports.status(end),
        started_ns=wall_ns if view is None else view.started_ns,
        finished_ns=wall_ns if end else 0,
        start=today if start is None else _date(start.time_ns),
        end=today,
        account_currency=ACCOUNT_CURRENCY,
        parameters=ports.plan.parameters,
        insights=ports.insights(),
        host=os.uname().nodename,
    )


def _date(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).date()


def server_statistics(up_ns: int) -> dict[str, str]:
    """Return what LEAN tells of the machine: of this process, and how long it is up."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    total = os.sysconf("SC_PHYS_PAGES") * _PAGE // _MB
    return {
        "Hostname": os.uname().nodename,
        "Used RAM (MB)": str(used),
        "Total RAM (MB)": str(total),
        "Up Time": up_time(up_ns),
    }
