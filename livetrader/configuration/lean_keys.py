"""LEAN's names for the training quota, as in its config.json, for those who bring one along.

Source: LEAN's Common/Packets/LeakyBucketControlParameters.cs. Where LEAN's capacity is given without a
refill, the refill is LEAN's: the capacity's seventh part, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from livetrader.configuration.problems import Problems
from livetrader.configuration.words import shown

CAPACITY: Final = "scheduled-event-leaky-bucket-capacity"
INTERVAL: Final = "scheduled-event-leaky-bucket-time-interval-minutes"
REFILL: Final = "scheduled-event-leaky-bucket-refill-amount"
LEAN_KEYS: Final = {
    CAPACITY: "capacity_minutes",
    INTERVAL: "refill_interval_minutes",
    REFILL: "refill_minutes",
}
_DAYS_TO_FULL: Final = 7.0


def translated(table: Mapping[str, object], problems: Problems) -> dict[str, object]:
    """Return [training] with our keys for LEAN's; two spellings that contradict each other are a problem.

    So is one of LEAN's beside `server_mb`, which would pass it over.
    """
    values = {key: value for key, value in table.items() if key not in LEAN_KEYS}
    for theirs, ours in LEAN_KEYS.items():
        if theirs not in table:
            continue
        value = table[theirs]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            problems.add(f"training.{theirs}", f"is {shown(value)}", "must be a number of minutes")
            continue
        if ours in table and table[ours] != value:
            problems.add(
                f"training.{theirs}",
                f"is {shown(value)}, and {ours} is {shown(table[ours])}",
                "the two are one setting: remove one, or make them equal",
            )
        values[ours] = value
        if table.get("server_mb"):
            problems.add(
                f"training.{theirs}",
                f"is set beside server_mb = {shown(table['server_mb'])}",
                "server_mb picks the whole quota: remove it (or set it to 0), or remove this key",
            )
    capacity = values.get("capacity_minutes")
    if CAPACITY in table and "refill_minutes" not in values and isinstance(capacity, int | float):
        values["refill_minutes"] = float(math.ceil(capacity / _DAYS_TO_FULL))
    return values
