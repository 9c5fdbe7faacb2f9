"""What condition codes let a trade change. Expectations are the tapes' rules, written down by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.data.quality import ALL, CANCELS, FORM_T, HIGH_LOW, OPEN_CLOSE, VOLUME
from livetrader_plugins.polygon.conditions import effect_of, unknown_codes


@pytest.mark.parametrize(
    ("codes", "effect"),
    [
        ((), ALL),  # a regular sale
        ((0,), ALL),
        ((14, 41), ALL),  # a sweep, exempt from trade-through
        ((12,), FORM_T),  # outside the session
        ((12, 41), FORM_T),
        ((12, 37), VOLUME),  # an odd lot outside the session
        ((37,), VOLUME),
        ((14, 37, 41), VOLUME),
        ((2,), VOLUME),  # an average price
        ((7,), VOLUME),  # a cash sale
        ((52,), VOLUME),
        ((53,), VOLUME),
        ((10,), HIGH_LOW | VOLUME),  # derivatively priced: a price of the past
        ((22,), HIGH_LOW | VOLUME),
        ((32,), HIGH_LOW | VOLUME),  # sold out of sequence
        ((15,), 0),  # the official close repeats a trade
        ((16,), 0),
        ((38,), OPEN_CLOSE | HIGH_LOW),  # a corrected close has no shares
        ((209,), ALL),  # an option, executed electronically
        ((202,), HIGH_LOW | VOLUME),  # an option, late
        ((201,), CANCELS),  # an option's cancel
        ((37, 44), CANCELS),
    ],
)
def test_a_trade_changes_what_all_of_its_codes_allow(codes: tuple[int, ...], effect: int) -> None:
    assert effect_of(codes) == effect


@given(st.lists(st.integers(min_value=0, max_value=300), max_size=5), st.permutations(range(5)))
def test_the_order_of_codes_does_not_matter_and_more_codes_allow_less(
    codes: list[int], order: list[int]
) -> None:
    shuffled = tuple(codes[index] for index in order if index < len(codes))
    assert effect_of(shuffled) == effect_of(tuple(codes))
    reach = {FORM_T: ALL, CANCELS: 0}
    for code in codes:
        whole, alone = effect_of(tuple(codes)), effect_of((code,))
        assert reach.get(whole, whole) & ~reach.get(alone, alone) == 0


def test_codes_that_nobody_knows_are_told_and_allow_everything() -> None:
    assert effect_of((99,)) == ALL
    assert unknown_codes((14, 99, 37)) == {99}
