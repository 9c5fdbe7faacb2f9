"""What the journal holds of splits, dividends, delistings and ticker changes. See records.py for the rules.

ActionNoted     it was announced, and concerns what we hold, work or watch
SplitApplied    our position counts in new shares from here on
ActionSettled   the brokerage's account shows the new shares, or somebody said what is true
ActionTold      an engine was told; the next one is not
ActionsLooked   everything announced up to and including a date is known
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from livetrader_engine.data.corporate_actions import (
    CorporateAction,
    Delisting,
    DelistingKind,
    Dividend,
    Split,
    SplitKind,
)
from livetrader_engine.symbols import NS_PER_DAY, Symbol


class ActionNoted(msgspec.Struct, frozen=True, tag="action_noted"):
    """A corporate action was announced. `id` is a function of what happens to whom and when.

    Noted again it counts as told last, until it has been applied.
    """

    time_ns: int
    id: str
    action: CorporateAction


class SplitApplied(msgspec.Struct, frozen=True, tag="split_applied"):
    """Our position counts in new shares from here on; once for each `id`.

    `before` and `after` are what the account held and holds in all, once the brokerage has booked it;
    `quantity` and `average_price` are the algorithm's, `ignored` is what is not the algorithm's of it.
    """

    time_ns: int
    id: str
    symbol: Symbol
    factor: Decimal
    before: Decimal
    after: Decimal
    quantity: Decimal
    average_price: Decimal
    ignored: Decimal = Decimal(0)


class ActionSettled(msgspec.Struct, frozen=True, tag="action_settled"):
    """The brokerage's account shows what followed from a split. `message` is the evidence in words."""

    time_ns: int
    id: str
    message: str


class ActionTold(msgspec.Struct, frozen=True, tag="action_told"):
    """An engine process was told of a corporate action, just before this was written."""

    time_ns: int
    id: str


class ActionsLooked(msgspec.Struct, frozen=True, tag="actions_looked"):
    """Announcements up to and including this exchange date are known. `day`: days since 1970-01-01."""

    time_ns: int
    day: int


ActionRecord = ActionNoted | SplitApplied | ActionSettled | ActionTold | ActionsLooked


def action_id(action: CorporateAction) -> str:
    """Return the name of a corporate action: equal for equal facts, whoever announces them."""
    kind = str(action.__struct_config__.tag)
    if is_warning(action):
        kind += "-warning"
    return f"{kind}.{action.time_ns // NS_PER_DAY}.{action.symbol.id.replace(' ', '-')}"


def is_warning(action: CorporateAction) -> bool:
    """Whether an action is the announcement of one that comes later."""
    match action:
        case Split():
            return action.kind is SplitKind.WARNING
        case Delisting():
            return action.kind is DelistingKind.WARNING
        case _:
            return False


def words_of(action: CorporateAction) -> str:
    """Return an action in words for people."""
    ticker = action.symbol.value
    match action:
        case Split():
            return f"{ticker} splits: one share becomes {_plain(1 / action.factor)}"
        case Dividend():
            return f"{ticker} pays a dividend of {action.distribution} per share"
        case Delisting():
            return f"{ticker} is delisted"
        case _:
            return f"{action.old} trades as {action.new} from now on"


def _plain(number: Decimal) -> str:
    rounded = number.quantize(Decimal("0.000001")).normalize()
    return f"{rounded:f}"
