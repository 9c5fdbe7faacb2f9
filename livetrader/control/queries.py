"""What may be asked of the routes that read: which orders, which lines, how much of a curve."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from livetrader.results.live import MAX_POINTS_SHOWN, Spacing

MOST: Final = 2**63 - 1  # of a number in a query: nanoseconds and sequences stay below

Text = Annotated[str, msgspec.Meta(max_length=200)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No query parameters."""


class OrdersQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which orders. `before` is the client order id of the oldest that is known already.

    `symbol` is a ticker or an identifier; `text` is looked for in id, ticker, type, status and tag.
    """

    open: bool = False
    limit: Limit = 100
    before: Text = ""
    symbol: Text = ""
    status: Text = ""
    text: Text = ""


class NotificationsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which notifications: all, or those that wait for a channel or a person."""

    open: bool = False
    limit: Limit = 100


class LogQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which lines: after and before a sequence number, of a level or worse, of a source, with a text.

    `after` gives the newest of what is new; `before` is for whoever scrolls back. 0: from the end.
    """

    after: Moment = 0
    before: Moment = 0
    limit: Limit = 200
    level: Literal["debug", "info", "warning", "error", "critical"] = "debug"
    source: Literal["", "algorithm", "engine", "daemon"] = ""
    text: Text = ""
    since_ns: Moment = 0


class EquityQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the curve: points so far apart, after an instant, at most so many of the newest."""

    spacing: Spacing = Spacing.MINUTE
    since_ns: Moment = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_POINTS_SHOWN)] = 1000


class ChartQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which chart, and how much of it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    since_ns: Moment = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_POINTS_SHOWN)] = 1000


class NewestQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the newest."""

    limit: Limit = 100


class InsightsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the newest; of one symbol, only those that still hold."""

    limit: Limit = 100
    symbol: Text = ""
    active: bool = False


class DecisionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decisions with a sequence above `after`; with a gate those that it stopped."""

    after: Moment = 0
    limit: Limit = 100
    gate: Text = ""
