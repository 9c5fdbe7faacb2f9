"""What a trade may change in a bar, by its condition codes: open and close, high and low, the volume.

Every code of a trade has to allow it. Source: `update_rules.consolidated` of Polygon's conditions
(/v3/reference/conditions), the rules of the tapes (CTA and UTP plans). Trades outside the session
(12, Form T) make the bars of extended hours, as at Polygon. Codes that are not listed allow everything;
`unknown_codes` tells which they are, for somebody to look at.

One table for the live stream and for past trades, so that both make the same bars. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from livetrader_engine.data.quality import ALL, CANCELS, FORM_T, HIGH_LOW, OPEN_CLOSE, VOLUME

NOTHING: Final = 0

COMBINATIONS_LIMIT: Final = 4_096  # kept; a day of all stocks has some hundreds

# stocks
_HIGH_LOW_ONLY: Final = (  # sold late or at a derived price: a range, but neither first nor last
    5,  # bunched sold
    10,  # derivatively priced
    22,  # prior reference price
    32,  # sold out of sequence
    33,  # sold out of sequence and stopped stock
)
_VOLUME_ONLY: Final = (
    2,  # average price
    7,  # cash sale
    13,  # extended hours, out of sequence
    20,  # next day
    21,  # price variation
    29,  # seller
    37,  # odd lot
    52,  # contingent
    53,  # qualified contingent
)
_NOTHING: Final = (
    15,  # official close: a price, not a trade
    16,  # official open
)
_UNDONE: Final = (44, 46)  # cancelled, corrected: they take an earlier trade back
_FORM_T: Final = 12
_CORRECTED_CLOSE: Final = 38  # sets the close and no volume
_ALL_STOCKS: Final = (
    0, 1, 3, 4, 6, 8, 9, 11, _FORM_T, 14, 17, 18, 19, 23, 24, 25, 27, 28, 30, 31, 34, 35, 36, 41,
)  # fmt: skip
# options (OPRA)
_LATE_OPTIONS: Final = (202, 204, 206)  # late, out of sequence
_CANCELLED_OPTIONS: Final = (201, 203, 205, 207)  # cancels an earlier trade
_ALL_OPTIONS: Final = (208, 209, 210, *range(219, 250))

_EFFECTS: Final[dict[int, int]] = {
    **dict.fromkeys((*_ALL_STOCKS, *_ALL_OPTIONS), ALL),
    **dict.fromkeys((*_HIGH_LOW_ONLY, *_LATE_OPTIONS), HIGH_LOW | VOLUME),
    **dict.fromkeys(_VOLUME_ONLY, VOLUME),
    **dict.fromkeys((*_NOTHING, *_UNDONE, *_CANCELLED_OPTIONS), NOTHING),
    _CORRECTED_CLOSE: OPEN_CLOSE | HIGH_LOW,
}


_TAKING_BACK: Final = frozenset((*_UNDONE, *_CANCELLED_OPTIONS))


_known: Final[dict[tuple[int, ...], int]] = {(): ALL}  # effects of combinations of codes that came
# Of those of them that change all of a bar (True), or its volume alone (False); for hot loops.
SETS_PRICE: Final[dict[tuple[int, ...], bool]] = {(): True}


def effect_of(codes: tuple[int, ...]) -> int:
    """Return what a trade with these codes may change: bits of OPEN_CLOSE, HIGH_LOW, VOLUME, or FORM_T.

    CANCELS for a message that takes an earlier trade back.
    """
    known = _known.get(codes)
    if known is None:
        known = _effect_of(codes)
        if len(_known) < COMBINATIONS_LIMIT:
            _known[codes] = known
            if known in (ALL, VOLUME):
                SETS_PRICE[codes] = known == ALL
    return known


def _effect_of(codes: tuple[int, ...]) -> int:
    if not _TAKING_BACK.isdisjoint(codes):
        return CANCELS
    effect = ALL
    for code in codes:
        effect &= _EFFECTS.get(code, ALL)
    return FORM_T if effect == ALL and _FORM_T in codes else effect


def unknown_codes(codes: Iterable[int]) -> frozenset[int]:
    """Return the codes that this table does not list."""
    return frozenset(code for code in codes if code not in _EFFECTS)
