"""The sessions with brokerage and feed, and what their news lead to: states, metrics, words to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from livetrader.feeds.chain import ChainPorts, FeedChain
from livetrader.feeds.face import Feeds, LoneFeed
from livetrader.feeds.session import FeedPorts
from livetrader.gateway.killstages import KillStage
from livetrader.histories.chain import HistoryChain
from livetrader.settings import FreshnessSettings, OnFeedEnd
from livetrader.supervisor.brokerage_session import BrokeragePorts, BrokerageSession
from livetrader.supervisor.engine_care import EngineCare
from livetrader.supervisor.parts import Parts
from livetrader.supervisor.router import Router
from livetrader.supervisor.session_watch import SessionWatch
from livetrader.supervisor.states import DaemonState, StateMachine
from livetrader_engine.events import BrokerageMessageArrived, BrokerageMessageKind, DataEnded
from livetrader_engine.spi import BrokerageMessage, FeedStatus
from livetrader_engine.spi_data import StreamRefused

# Said by us alone, once for each outage: a plugin that says so too is only quoted.
CONNECTION_NEWS: Final = frozenset({BrokerageMessageKind.DISCONNECTED, BrokerageMessageKind.RECONNECTED})


def waiting_for(history: HistoryChain, rules: FreshnessSettings) -> FreshnessSettings:
    """Return the rules with no wait for bars that nobody can bring: a folder alone never learns of today."""
    return rules if history.asks_vendors else msgspec.structs.replace(rules, backfill_wait_s=0.0)


class Connections:
    """Owns the brokerage's and the feed's session. Belongs to the loop's thread; starts no task itself.

    `watch` judges the brokerage's. `end` is asked where the data of a feed ended and the settings say that
    this is the end.
    """

    def __init__(
        self,
        parts: Parts,
        state: StateMachine,
        router: Router,
        care: EngineCare,
        watch: SessionWatch,
        end: Callable[[str], None],
    ) -> None:
        self._parts = parts
        self._state = state
        self._router = router
        self._keeper = care.keeper
        self._watch = watch
        self._care = care
        self._end = end
        self.feed = self._feeds()
        self.brokerage = BrokerageSession(self._brokerage_ports())

    # -- the brokerage -------------------------------------------------------------------------------

    def _brokerage_lost(self, reason: str) -> None:
        self._state.move_from((DaemonState.RUNNING, DaemonState.HALTED), DaemonState.RECONCILING, reason)
        self._tell_engine(BrokerageMessageKind.DISCONNECTED, "Disconnect", reason)

    def _brokerage_regained(self) -> None:
        target = DaemonState.HALTED if self._parts.gateway.halted else DaemonState.RUNNING
        self._parts.metrics.reconnects.labels("brokerage").inc()
        self._state.move_from((DaemonState.RECONCILING,), target, "reconciled again")
        words = "the brokerage is connected and reconciled again"
        self._tell_engine(BrokerageMessageKind.RECONNECTED, "Reconnect", words)

    def _brokerage_said(self, message: BrokerageMessage) -> None:
        self._parts.logs.daemon("brokerage_message", code=message.code, message=message.message)
        kind = BrokerageMessageKind.WARNING if message.kind in CONNECTION_NEWS else message.kind
        self._tell_engine(kind, message.code, message.message)

    def _tell_engine(self, kind: BrokerageMessageKind, code: str, text: str) -> None:
        link = self._keeper.link
        if link is not None:
            link.send(BrokerageMessageArrived(self._parts.clock.now_ns, kind, code, text))

    # -- the feed ------------------------------------------------------------------------------------

    def _feed_said(self, status: FeedStatus) -> None:
        level = "info" if status.connected else "warning"
        self._parts.logs.daemon(
            "feed_status", level=level, connected=status.connected, message=status.message
        )

    def _streams_counted(self, count: int) -> None:
        self._router.subscriptions = count
        self._parts.changes.announce()

    def _stream_refused(self, event: StreamRefused) -> None:
        symbol = event.subscription.symbol.value
        self._parts.logs.daemon("subscription_refused", level="error", symbol=symbol, error=event.reason)

    def _data_ended(self, event: DataEnded) -> None:
        self._parts.logs.daemon("data_ended", steps=self._router.events, points=self._router.points)
        if self._parts.settings.daemon.on_feed_end is OnFeedEnd.STOP:
            self._end("the data ended")

    # -- inside --------------------------------------------------------------------------------------

    def _feeds(self) -> Feeds:
        """Return the feed alone where it leads the time, else the chain of all of them."""
        parts = self._parts
        capabilities = parts.feed.capabilities
        if capabilities.keeps_time or capabilities.lockstep:
            return LoneFeed(parts.feeds[0][0], self._feed_ports(), parts.timing.monotonic_s)
        return FeedChain(
            ChainPorts(
                feeds=parts.feeds,
                history=parts.history,
                reference=parts.history.reference,
                rules=waiting_for(parts.history, parts.settings.freshness),
                quality=parts.settings.quality,
                carry=self._router.carry,
                counted=self._streams_counted,
                changes=parts.changes,
                spawn=parts.tasks.spawn,
                now_ns=parts.timing.wall_ns,
                monotonic_s=parts.timing.monotonic_s,
                chance=parts.chance,
                sleep=parts.timing.sleep,
                report=parts.logs.daemon,
                notify=parts.notify,
                ended=self._data_ended,
                warm_up_ns=lambda: self._care.warm_up_ns,
            )
        )

    def _feed_ports(self) -> FeedPorts:
        parts = self._parts
        return FeedPorts(
            feed=parts.feed,
            may_ask=self._router.may_ask,
            carry=self._router.carry,
            monotonic_s=parts.timing.monotonic_s,
            now_ns=lambda: parts.clock.now_ns,
            chance=parts.chance,
            sleep=parts.timing.sleep,
            report=parts.logs.daemon,
            said=self._feed_said,
            refused=self._stream_refused,
            missing=lambda event: None,
            ended=self._data_ended,
            stands=lambda up, reason: None,
            counted=self._streams_counted,
        )

    def _brokerage_ports(self) -> BrokeragePorts:
        parts = self._parts
        return BrokeragePorts(
            brokerage=parts.brokerage,
            gateway=parts.gateway,
            watch=self._watch,
            monotonic_s=parts.timing.monotonic_s,
            chance=parts.chance,
            sleep=parts.timing.sleep,
            report=parts.logs.daemon,
            said=self._brokerage_said,
            lost=self._brokerage_lost,
            regained=self._brokerage_regained,
            hurried=lambda: parts.kill.latched and parts.kill.stage is not KillStage.FLAT,
        )
