"""Makes what follows a file of parameters, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from livetrader.gateway.timing import Timing
from livetrader.journal.journal import Journal
from livetrader.parameters.follower import ParameterFollower, ParameterPorts
from livetrader.parameters.source import Source
from livetrader.settings import Settings
from livetrader.telemetry.notifications import Notify


def open_parameters(
    settings: Settings,
    file: Path,
    journal: Journal,
    timing: Timing,
    report: Callable[..., None],
    notify: Notify,
) -> ParameterFollower | None:
    """Return what follows the file, None where the settings name none. `file` keeps what it said."""
    if not settings.parameters.url:
        return None
    ports = ParameterPorts(
        fetch=Source().fetch,
        append=journal.append,
        report=report,
        notify=notify,
        wall_ns=timing.wall_ns,
        sleep=timing.sleep,
        file=file,
    )
    return ParameterFollower(settings.parameters, settings.algorithm, ports)
