"""What splits, dividends and delistings do to the paper account, as a brokerage books them. No I/O, no clock.

Each is booked on what was held before its day began: what traded since is in new shares, and has bought no
dividend. Shares are cut towards zero and the rest is paid in cash; short positions pay dividends. Working
orders stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from livetrader_engine.data.corporate_actions import (
    CorporateAction,
    Delisting,
    DelistingKind,
    Dividend,
    Split,
    SplitKind,
)
from livetrader_engine.data.splits import point_after, shares_after
from livetrader_engine.orders.order import Fill
from livetrader_engine.securities import Security
from livetrader_engine.spi import CashChanged
from livetrader_engine.symbols import Symbol
from livetrader_plugins.paper.account import Account, Outcome, forget_market
from livetrader_plugins.paper.store import note_action, set_cash, set_position
from livetrader_plugins.paper.venue import Venue

_ZERO: Final = Decimal(0)


def book_once(venue: Venue, action_id: str, action: CorporateAction) -> Outcome:
    """Book an action; of one that was ever booked there is nothing to write and to tell."""
    if action_id in venue.actions:
        return Outcome()
    venue.actions.add(action_id)
    trades = ((venue.book.orders[name].spec.symbol, fill) for name, fill in venue.book.fills())
    return book_action(venue.account, action_id, action, trades)


def book_action(
    account: Account, action_id: str, action: CorporateAction, fills: Iterable[tuple[Symbol, Fill]]
) -> Outcome:
    """Book an action that was never booked before; return what is to be written and told.

    `fills` are the account's trades, those since the action began among them.
    """
    outcome = Outcome()
    outcome.statements.append(note_action(action_id, action.time_ns))
    since = sum(
        (fill.quantity for symbol, fill in fills if symbol is action.symbol and _later(fill, action)), _ZERO
    )
    security = account.securities.get(action.symbol)
    if security is None:  # neither held nor traded here
        return outcome
    match action:
        case Split() if action.kind is SplitKind.OCCURRED:
            _split(account, security, action, since, outcome)
        case Dividend():
            entitled = account.portfolio[action.symbol].quantity - since
            _pay(account, security, entitled * action.distribution, outcome)
        case Delisting() if action.kind is DelistingKind.DELISTED:
            held = account.portfolio[action.symbol].quantity
            value = held * security.exact_price() * security.properties.contract_multiplier
            _hold(account, action.symbol, _ZERO, _ZERO, outcome)
            _pay(account, security, value, outcome)
        case _:
            pass
    return outcome


def _later(fill: Fill, action: CorporateAction) -> bool:
    return fill.time_ns >= action.time_ns


def _split(account: Account, security: Security, split: Split, since: Decimal, outcome: Outcome) -> None:
    symbol = split.symbol
    if security.has_data and security.last_time_ns < split.time_ns:
        held = (security.trade_bar, security.quote_bar, security.trade_tick, security.quote_tick)
        forget_market((security,))
        for point in held:
            if point is not None:
                security.update(point_after(point, split.factor))
        account.note_mark(symbol, outcome)
    holding = account.portfolio[symbol]
    whole, rest = shares_after(holding.quantity - since, split.factor)
    _hold(account, symbol, whole + since, holding.average_price * split.factor, outcome)
    _pay(account, security, rest * security.exact_price(), outcome)


def _hold(
    account: Account, symbol: Symbol, quantity: Decimal, average_price: Decimal, outcome: Outcome
) -> None:
    account.portfolio[symbol].replace(quantity, average_price)
    outcome.statements.append(set_position(symbol, quantity, average_price))


def _pay(account: Account, security: Security, amount: Decimal, outcome: Outcome) -> None:
    if not amount:
        return
    currency = security.properties.quote_currency
    account.portfolio.cash[currency].amount += amount
    total = account.cash()[currency]
    outcome.statements.append(set_cash(currency, total))
    outcome.cash.append(CashChanged(account.market_ns, currency, total))
