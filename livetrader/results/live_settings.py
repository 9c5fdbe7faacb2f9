"""What of the results of live runs is kept, and what they are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec


class ResultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[results] `folder` defaults to results in the state directory."""

    folder: Path | None = None
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=3_660)] = 90  # of charts by the minute and second
    keep_deployments: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 50
    max_mb: Annotated[int, msgspec.Meta(ge=16, le=1_048_576)] = 2_048  # of the whole folder
    log_mb: Annotated[int, msgspec.Meta(ge=1, le=1_024)] = 32  # of one log before another is begun
    benchmark: Annotated[str, msgspec.Meta(max_length=64)] = "SPY"  # where the algorithm chose none
