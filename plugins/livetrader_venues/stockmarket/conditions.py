"""Conditions of trades: which of them a bar's open and close, high and low, and volume heed.

The numbers, names and rules are those that Polygon publishes (GET /v3/reference/conditions); they restate the
guidelines of the two consolidated tapes, CTA and UTP, and of OPRA for options. Each row says what a trade
with this condition updates in consolidated bars, then in those of its own market centre.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """What a trade with a condition updates."""

    open_close: bool
    high_low: bool
    volume: bool


class Condition(NamedTuple):
    """One row of the vendor's table."""

    id: int
    name: str
    consolidated: Rule
    market_center: Rule
    sip: tuple[tuple[str, str], ...]  # tape and its letter
    type: str = "sale_condition"
    asset_class: str = "stocks"
    legacy: bool = False


EXTENDED_HOURS = 12
ODD_LOT = 37
INTERMARKET_SWEEP = 14
TRADE_THROUGH_EXEMPT = 41
OPENING_PRINT = 25
CLOSING_PRINT = 8
OFFICIAL_CLOSE = 15
OFFICIAL_OPEN = 16
AVERAGE_PRICE = 2
DERIVATIVELY_PRICED = 10
SOLD_OUT_OF_SEQUENCE = 32
CONTINGENT = 52
QUALIFIED_CONTINGENT = 53
PRIOR_REFERENCE_PRICE = 22
CORRECTED_CLOSE = 38

_ALL = Rule(True, True, True)
_NONE = Rule(False, False, False)
_VOLUME = Rule(False, False, True)
_NOT_LAST = Rule(False, True, True)


def _both(letter: str) -> tuple[tuple[str, str], ...]:
    return (("CTA", letter), ("UTP", letter))


def _stock(number: int, name: str, rule: Rule, letter: str = "", *, legacy: bool = False) -> Condition:
    return Condition(number, name, rule, rule, _both(letter) if letter else (), legacy=legacy)


STOCKS = (
    _stock(0, "Regular Sale", _ALL, "@"),
    _stock(1, "Acquisition", _ALL, "A"),
    Condition(2, "Average Price Trade", _VOLUME, _VOLUME, (("CTA", "B"), ("UTP", "W"))),
    _stock(3, "Automatic Execution", _ALL, "E"),
    _stock(4, "Bunched Trade", _ALL, "B"),
    _stock(5, "Bunched Sold Trade", _NOT_LAST, "G"),
    _stock(6, "CAP Election", _ALL, "I", legacy=True),
    _stock(7, "Cash Sale", _VOLUME, "C"),
    _stock(8, "Closing Prints", _ALL, "6"),
    _stock(9, "Cross Trade", _ALL, "X"),
    _stock(10, "Derivatively Priced", _NOT_LAST, "4"),
    _stock(11, "Distribution", _ALL, "D"),
    _stock(12, "Form T/Extended Hours", _VOLUME, "T"),
    _stock(13, "Extended Hours (Sold Out Of Sequence)", _VOLUME, "U"),
    _stock(14, "Intermarket Sweep", _ALL, "F"),
    Condition(15, "Market Center Official Close", _NONE, Rule(True, True, False), _both("M")),
    Condition(16, "Market Center Official Open", _NONE, Rule(False, True, False), _both("Q")),
    _stock(17, "Market Center Opening Trade", _ALL, "O"),
    _stock(18, "Market Center Reopening Trade", _ALL, "5"),
    _stock(19, "Market Center Closing Trade", _ALL, "6"),
    _stock(20, "Next Day", _VOLUME, "N"),
    _stock(21, "Price Variation Trade", _VOLUME, "H"),
    _stock(22, "Prior Reference Price", _NOT_LAST, "P"),
    _stock(23, "Rule 155 Trade (AMEX)", _ALL, "K"),
    _stock(24, "Rule 127 (NYSE Only)", _ALL, "K"),
    _stock(25, "Opening Prints", _ALL, "O"),
    _stock(27, "Stopped Stock (Regular Trade)", _ALL, "1", legacy=True),
    _stock(28, "Re-Opening Prints", _ALL, "5"),
    _stock(29, "Seller", _VOLUME, "R"),
    _stock(30, "Sold Last", _ALL, "L"),
    _stock(31, "Sold Last and Stopped Stock", _ALL, "2", legacy=True),
    _stock(32, "Sold (Out Of Sequence)", _NOT_LAST, "Z"),
    _stock(33, "Sold (Out of Sequence) and Stopped Stock", _NOT_LAST, "3", legacy=True),
    _stock(34, "Split Trade", _ALL, "S"),
    _stock(35, "Stock Option", _ALL, "V", legacy=True),
    _stock(36, "Yellow Flag Regular Trade", _ALL, "Y"),
    _stock(37, "Odd Lot Trade", _VOLUME, "I"),
    Condition(
        38, "Corrected Consolidated Close (per listing market)", Rule(True, True, False), _NONE, _both("9")
    ),
    Condition(41, "Trade Thru Exempt", _ALL, _ALL, (("CTA", "1"), ("UTP", "X")), "trade_thru_exempt"),
    _stock(52, "Contingent Trade", _VOLUME, "V"),
    _stock(53, "Qualified Contingent Trade", _VOLUME, "7"),
    _stock(55, "Opening Reopening Trade Detail", _ALL, legacy=True),
)


def _option(number: int, name: str, rule: Rule, letter: str) -> Condition:
    return Condition(number, name, rule, rule, (("OPRA", letter),), asset_class="options")


OPTION_CANCELLED = 201
OPTION_OUT_OF_SEQUENCE = 202
OPTION_AUTOMATIC = 209
OPTION_SWEEP = 219
OPTION_AUCTION = 227
OPTION_COMPLEX = 232

OPTIONS = (
    _option(201, "Canceled", _NONE, "A"),
    _option(202, "Late and Out Of Sequence", _NOT_LAST, "B"),
    _option(203, "Last and Canceled", _NONE, "C"),
    _option(204, "Late", _NOT_LAST, "D"),
    _option(205, "Opening Trade and Canceled", _NONE, "E"),
    _option(206, "Opening Trade, Late, and Out Of Sequence", _NOT_LAST, "F"),
    _option(207, "Only Trade and Canceled", _NONE, "G"),
    _option(208, "Opening Trade and Late", _ALL, "H"),
    _option(209, "Automatic Execution", _ALL, "I"),
    _option(210, "Reopening Trade", _ALL, "J"),
    _option(219, "Intermarket Sweep Order", _ALL, "S"),
    _option(227, "Single Leg Auction Non ISO", _ALL, "a"),
    _option(228, "Single Leg Auction ISO", _ALL, "b"),
    _option(229, "Single Leg Cross Non ISO", _ALL, "c"),
    _option(231, "Single Leg Floor Trade", _ALL, "e"),
    _option(232, "Multi Leg Auto-Electronic Trade", _ALL, "f"),
    _option(233, "Multi Leg Auction", _ALL, "g"),
)

TABLE: dict[int, Condition] = {each.id: each for each in (*STOCKS, *OPTIONS)}
