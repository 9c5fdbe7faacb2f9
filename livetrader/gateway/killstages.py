"""Stages of the kill switch and every legal move between them.

A liquidation is a loop that only the brokerage's own account can end: FLAT is entered after snapshots that
show neither order nor position, and never because a step was carried out. Every stage but ARMED and FLAT
means "keep trying"; FAILED_RETRYING too, forever.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class KillStage(StrEnum):
    """Where the kill switch is."""

    ARMED = "armed"
    HALTING = "halting"
    SETTLING = "settling"
    CANCELLING = "cancelling"
    FLATTENING = "flattening"
    VERIFYING = "verifying"
    WAITING = "waiting_for_open"
    FAILED_RETRYING = "failed_retrying"
    FLAT = "flat"


_K = KillStage
_WORKING: Final = frozenset(
    {_K.CANCELLING, _K.FLATTENING, _K.VERIFYING, _K.WAITING, _K.FAILED_RETRYING, _K.FLAT, _K.ARMED}
)  # ARMED: an operator accepts what is left
TRANSITIONS: Final[dict[KillStage, frozenset[KillStage]]] = {
    _K.ARMED: frozenset({_K.HALTING}),
    _K.HALTING: frozenset({_K.SETTLING, _K.FAILED_RETRYING, _K.ARMED}),
    _K.SETTLING: _WORKING,
    _K.CANCELLING: _WORKING,
    _K.FLATTENING: _WORKING,
    _K.VERIFYING: _WORKING,
    _K.WAITING: _WORKING,
    _K.FAILED_RETRYING: _WORKING | {_K.SETTLING},
    # a late order after the fact: back to work; tripped again: from the start
    _K.FLAT: frozenset({_K.ARMED, _K.CANCELLING, _K.FLATTENING, _K.HALTING, _K.FAILED_RETRYING}),
}
