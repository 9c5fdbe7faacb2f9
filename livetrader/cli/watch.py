"""The live terminal view: equity, holdings, orders, training, log, drawn as the event stream brings them.

Only looks: nothing can be commanded from here. Reconnects when the daemon restarts; Ctrl-C ends it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from livetrader.cli import views
from livetrader.control.client import Client
from livetrader.control.operations import (
    LogPage,
    LogView,
    LogWritten,
    OrderChanged,
    OrderView,
    PortfolioChanged,
    PortfolioView,
    StatusChanged,
    StatusView,
    StreamEvent,
    TrainingChanged,
)
from livetrader.control.training_views import TrainingView
from livetrader.errors import ControlRefusedError, NotRunningError

REFRESH_PER_S: Final = 4
ORDERS_SHOWN: Final = 8
LINES_SHOWN: Final = 10
RETRY_S: Final = 0.5


class Picture:
    """What the stream has said so far. Written by the reading thread, drawn by the display's; both locked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._status: StatusView | None = None
        self._portfolio: PortfolioView | None = None
        self._training: TrainingView | None = None
        self._orders: dict[str, OrderView] = {}
        self._lines: deque[LogView] = deque(maxlen=LINES_SHOWN)
        self._notice = "connecting ..."

    def take(self, event: StreamEvent) -> None:
        """Take in one event."""
        with self._lock:
            self._notice = ""
            match event:
                case StatusChanged(status):
                    self._status = status
                case PortfolioChanged(portfolio):
                    self._portfolio = portfolio
                case TrainingChanged(training):
                    self._training = training
                case OrderChanged(order):
                    self._orders.pop(order.client_order_id, None)
                    self._orders[order.client_order_id] = order
                    while len(self._orders) > ORDERS_SHOWN:
                        del self._orders[next(iter(self._orders))]
                case LogWritten(line):
                    self._lines.append(line)

    def notice(self, text: str) -> None:
        """Show a notice until the next event."""
        with self._lock:
            self._notice = text

    def begin(self, orders: tuple[OrderView, ...], lines: tuple[LogView, ...]) -> None:
        """Start from what was before the stream began."""
        with self._lock:
            self._orders = {order.client_order_id: order for order in reversed(orders[:ORDERS_SHOWN])}
            self._lines.clear()
            self._lines.extend(lines)

    def __rich__(self) -> RenderableType:
        """Draw it."""
        with self._lock:
            parts: list[RenderableType] = []
            if self._notice:
                parts.append(Text(self._notice, style="yellow"))
            if self._status is not None:
                parts.append(Panel(views.status_view(self._status), title="livetrader", title_align="left"))
            if self._portfolio is not None:
                parts.append(_panel(views.portfolio_view(self._portfolio), "portfolio"))
            if self._orders:
                newest = tuple(reversed(self._orders.values()))
                parts.append(_panel(views.orders_view(newest), "orders"))
            if self._training is not None and self._training.jobs:
                shown = self._training.jobs[-3:]
                jobs = Text("\n").join(views.training_job_line(job) for job in shown)
                parts.append(_panel(jobs, "training"))
            if self._lines:
                parts.append(_panel(Group(*(views.log_line(line) for line in self._lines)), "log"))
            return Group(*parts)


def _panel(content: RenderableType, title: str) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="dim")


def watch(client: Client, console: Console, wait: Callable[[float], object]) -> None:
    """Draw until interrupted, or until the daemon refuses. `wait` waits seconds between two attempts.

    Where the daemon has ended, says so and waits for it to come back. Raises ControlRefusedError.
    """
    picture = Picture()
    told = False
    with Live(picture, console=console, refresh_per_second=REFRESH_PER_S, screen=console.is_terminal):
        while True:
            try:
                orders: tuple[OrderView, ...] = client.get(
                    "/v1/orders", tuple[OrderView, ...], {"limit": ORDERS_SHOWN}
                )
                page: LogPage = client.get("/v1/log", LogPage, {"limit": LINES_SHOWN})
                picture.begin(orders, page.lines)
                for event in client.events():
                    picture.take(event)
                picture.notice("the daemon has ended the stream; waiting for it ...")
            except ControlRefusedError:
                raise
            except NotRunningError as error:
                picture.notice(f"{error}; waiting for it ... (Ctrl-C to leave)")
                if not console.is_terminal and not told:  # nothing is redrawn there
                    console.print(f"{error}; waiting for it ...")
                told = True
            else:
                told = False
            wait(RETRY_S)
