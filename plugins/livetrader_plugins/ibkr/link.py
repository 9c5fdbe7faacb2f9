"""What TWS says about its line to IB and its data farms, as a fact that never changes in place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from livetrader_plugins.ibkr import codes


class Farm(Enum):
    """How a data farm is."""

    FINE = "fine"
    IDLE = "idle"  # not connected and not needed: it connects on demand
    BROKEN = "broken"


_FARM_OF: Final = {
    2103: Farm.BROKEN, 2104: Farm.FINE, 2105: Farm.BROKEN, 2106: Farm.FINE, 2107: Farm.IDLE, 2108: Farm.IDLE,
    2119: Farm.IDLE, 2157: Farm.BROKEN, 2158: Farm.FINE,
}  # fmt: skip
# "Market data farm connection is OK:usfarm", "HMDS ... should be available upon demand.ushmds"
_NAME: Final = re.compile(r"(?::|demand\.)\s*([\w.\-]+)\s*$")


@dataclass(frozen=True, slots=True)
class LinkState:
    """`up`: TWS has its line to IB. `data_lost`: it came back without our subscriptions (1101)."""

    up: bool = True
    data_lost: bool = False
    losses: int = 0  # how often it was lost in this session
    farms: Mapping[str, Farm] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def broken_farms(self) -> tuple[str, ...]:
        """Names of the farms that are down, sorted."""
        return tuple(sorted(name for name, farm in self.farms.items() if farm is Farm.BROKEN))


def after(state: LinkState, code: int, text: str) -> LinkState:
    """Return the state after a message about the link or a farm; the same one for any other code."""
    if code in {codes.LINK_LOST, 2110}:
        return replace(state, up=False, losses=state.losses + 1) if state.up else state
    if code == codes.LINK_BACK_WITHOUT_DATA:
        return replace(state, up=True, data_lost=True)
    if code == codes.LINK_BACK:
        return replace(state, up=True, data_lost=False)
    farm = _FARM_OF.get(code)
    if farm is None:
        return state
    found = _NAME.search(text)
    name = found.group(1) if found else str(code)
    return replace(state, farms=MappingProxyType({**state.farms, name: farm}))
