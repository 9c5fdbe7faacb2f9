"""The control API as one table: method, path, scope, handler, body. Server and OpenAPI are made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import msgspec

from livetrader.control import (
    alert_handlers,
    handlers,
    notification_handlers,
    result_handlers,
    session_handlers,
)
from livetrader.control.alert_views import AlertsTaken, AlertsView
from livetrader.control.alertmanager import WebhookBody
from livetrader.control.auth import Scope
from livetrader.control.calls import (
    Call,
    CancelBody,
    ChannelBody,
    CustodyBody,
    FlattenBody,
    IgnoreBody,
    LiquidateBody,
    LogInBody,
    NoBody,
    ReasonBody,
    Reply,
    ResumeBody,
)
from livetrader.control.custody_views import ReconciliationView
from livetrader.control.decision_views import DecisionsView
from livetrader.control.insight_views import InsightsView
from livetrader.control.notification_views import NotificationsView, NotificationView
from livetrader.control.operations import (
    LogPage,
    OperationView,
    OrderView,
    PortfolioView,
    ReadyView,
    StatusView,
    StreamEvent,
)
from livetrader.control.queries import (
    ChartQuery,
    DecisionsQuery,
    EquityQuery,
    InsightsQuery,
    LogQuery,
    NewestQuery,
    NoQuery,
    NotificationsQuery,
    OrdersQuery,
)
from livetrader.control.session_views import SessionView
from livetrader.control.training_views import TrainingView
from livetrader.results.live import (
    ChartName,
    ChartView,
    DeploymentView,
    EquityView,
    StatisticsView,
    TradeView,
)

Handler = Callable[[Call], Awaitable[Reply]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `scope` None: no token needed. `kill`: has the budget that no flood can use up.

    `answer` is the type of the body of the good answer (`status`); None: not JSON (`content_type` says what).
    `stream`: the answer has no end. `refusals`: statuses that it may answer beyond those of every route of
    its kind; the document says them. `keyed`: whether an Idempotency-Key is honoured.
    """

    method: str
    path: str
    scope: Scope | None
    handler: Handler
    summary: str
    status: int = 200
    body: type[msgspec.Struct] = NoBody
    query: type[msgspec.Struct] = NoQuery
    answer: object = None
    content_type: str = "application/json"
    kill: bool = False
    stream: bool = False
    refusals: tuple[int, ...] = ()
    keyed: bool = False

    @property
    def mutating(self) -> bool:
        """Whether it changes anything: audited, and a session needs its csrf for it."""
        return self.method != "GET"


def _post(path: str, scope: Scope, handler: Handler, body: type[msgspec.Struct], summary: str) -> Route:
    kill = path in KILL_PATHS
    return Route(
        method="POST", path=path, scope=scope, handler=handler, body=body, summary=summary, status=202,
        answer=OperationView, kill=kill, keyed=True, refusals=(404, 409),
    )  # fmt: skip


def _get(
    path: str, handler: Handler, answer: object, summary: str,
    query: type[msgspec.Struct] = NoQuery, refusals: tuple[int, ...] = (),
) -> Route:  # fmt: skip
    return Route(
        method="GET", path=path, scope=Scope.READ, handler=handler, answer=answer, summary=summary,
        query=query, refusals=refusals,
    )  # fmt: skip


KILL_PATHS: Final = frozenset({"/v1/halt", "/v1/liquidate"})

ROUTES: Final[tuple[Route, ...]] = (
    _post("/v1/halt", Scope.OPERATE, handlers.halt, ReasonBody,
          "Refuse new orders. Positions and working orders stay."),
    _post("/v1/liquidate", Scope.LIQUIDATE, handlers.liquidate, LiquidateBody,
          "Halt, cancel, flatten, verify. The first call answers 409 with a confirmation id."),
    _post("/v1/cancel", Scope.OPERATE, handlers.cancel, CancelBody,
          "Cancel one working order, or all."),
    _post("/v1/resume", Scope.OPERATE, handlers.resume, ResumeBody,
          "Allow orders again; after a liquidation the kill id of the status is needed."),
    _post("/v1/reconcile", Scope.OPERATE, handlers.reconcile, ReasonBody,
          "Compare with the brokerage's account now; GET /v1/reconciliation has the result."),
    _post("/v1/adopt", Scope.OPERATE, handlers.adopt, CustodyBody,
          "Take a position or an order as the algorithm's; lifts what restricts the symbol."),
    _post("/v1/ignore", Scope.OPERATE, handlers.ignore, IgnoreBody,
          "Leave (a part of) a position, or an order, to somebody else; lifts what restricts the symbol."),
    _post("/v1/flatten", Scope.LIQUIDATE, handlers.flatten, FlattenBody,
          "Close one symbol: its orders and its position, verified. First answers 409 with an id."),
    _post("/v1/training/{job}/cancel", Scope.OPERATE, handlers.cancel_training, ReasonBody,
          "Stop one training job, waiting or running; the model before it stays."),
    _post("/v1/stop", Scope.OPERATE, handlers.stop, ReasonBody,
          "End the daemon; daemon.on_shutdown says what happens to the account."),
    _get("/v1/status", handlers.status, StatusView, "The daemon at a glance."),
    _get("/v1/portfolio", handlers.portfolio, PortfolioView, "Cash and positions."),
    _get("/v1/orders", handlers.orders, tuple[OrderView, ...], "Orders with their history, newest first.",
         OrdersQuery, (404,)),
    _get("/v1/reconciliation", handlers.reconciliation, ReconciliationView,
         "How journal and brokerage compare: restrictions, differences, foreign orders, unknown outcomes."),
    _get("/v1/training", handlers.training, TrainingView,
         "Training jobs, the leaky buckets that pay for them, and the model."),
    Route(method="POST", path="/v1/alerts", scope=Scope.ALERT, handler=alert_handlers.take_alerts,
          body=WebhookBody, answer=AlertsTaken, keyed=True, refusals=(503,),
          summary="Alertmanager's webhook. A rule may halt or liquidate, where settings and token agree."),
    _get("/v1/alerts", alert_handlers.alerts, AlertsView, "Alerts that fire, and those that ended lately."),
    _get("/v1/notifications", notification_handlers.notifications, NotificationsView,
         "What people were told, newest first, and the channels.", NotificationsQuery),
    Route(method="POST", path="/v1/notifications/{id}/ack", scope=Scope.OPERATE, refusals=(404,),
          handler=notification_handlers.acknowledge, answer=tuple[NotificationView, ...],
          summary="Take note that somebody has seen it; `all`: everything open. Alarms are told no more."),
    Route(method="POST", path="/v1/notifications/test", scope=Scope.OPERATE, refusals=(404,), status=202,
          handler=notification_handlers.test, body=ChannelBody, answer=tuple[NotificationView, ...],
          summary="Send a test through a channel, or each; GET /v1/notifications has what came of it."),
    _get("/v1/log", handlers.log, LogPage, "Lines of the log, oldest first.", LogQuery),
    _get("/v1/deployment", result_handlers.deployment, DeploymentView,
         "The deployment that runs: one code and configuration, over any number of restarts.",
         refusals=(404,)),
    _get("/v1/equity", result_handlers.equity, EquityView,
         "The equity curve with drawdown and benchmark, by seconds, minutes or days.", EquityQuery),
    _get("/v1/charts", result_handlers.charts, tuple[ChartName, ...],
         "Which charts there are: the daemon's and the algorithm's own."),
    _get("/v1/chart", result_handlers.chart, ChartView, "One chart with its series.", ChartQuery, (404,)),
    _get("/v1/statistics", result_handlers.statistics, StatisticsView,
         "Key figures of the run so far, by LEAN's names."),
    _get("/v1/trades", result_handlers.trades, tuple[TradeView, ...], "Closed trades, newest first.",
         NewestQuery),
    _get("/v1/insights", result_handlers.insights, InsightsView, "What the algorithm predicts, newest first.",
         InsightsQuery),
    _get("/v1/decisions", handlers.decisions, DecisionsView,
         "Why there is no trade: the gates as they stand, the last decisions and what stopped them.",
         DecisionsQuery),
    _get("/v1/operations/{id}", handlers.operation, OperationView, "What became of an accepted operation."),
    Route(method="GET", path="/v1/events", scope=Scope.READ, handler=handlers.events, stream=True,
          refusals=(503,), answer=StreamEvent, content_type="text/event-stream",
          summary="Server-sent events: first the present state, then what happens."),
    Route(method="POST", path="/v1/session", scope=None, handler=session_handlers.log_in, body=LogInBody,
          answer=SessionView, refusals=(401,),
          summary="Log in: a token becomes a cookie and a csrf, which every change has to carry."),
    _get("/v1/session", session_handlers.session, SessionView, "Who asks, and what they may do."),
    Route(method="DELETE", path="/v1/session", scope=Scope.READ, handler=session_handlers.log_out,
          answer=SessionView, refusals=(409,), summary="Log out: the session ends."),
    Route(method="GET", path="/metrics", scope=Scope.READ, handler=handlers.metrics,
          content_type="text/plain",
          summary="Metrics in Prometheus' text format, or as OpenMetrics with exemplars: see Accept."),
    Route(method="GET", path="/live", scope=None, handler=handlers.live,
          answer=Annotated[dict[str, bool], msgspec.Meta(description="live: true")],
          summary="200 while the daemon's loop turns, else 503."),
    Route(method="GET", path="/ready", scope=None, handler=handlers.ready, answer=ReadyView,
          summary="200 while trading is possible, else 503; every reason why not."),
    Route(method="GET", path="/openapi.json", scope=None, handler=handlers.openapi, answer=dict[str, Any],
          summary="This document."),
)  # fmt: skip
