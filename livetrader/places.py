"""Where an installed daemon's files lie: the paths that the systemd units name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CONFIGS: Final = Path("/etc/livetrader")  # NAME.toml, NAME.credentials
STATES: Final = Path("/var/lib/livetrader")  # a folder for each account: systemd's StateDirectory=
UNITS: Final = Path("/etc/systemd/system")
USER: Final = "livetrader"


def installed_state(config: Path) -> Path | None:
    """Return the state directory of an installed configuration file, None for a file that lies elsewhere."""
    if config.parent != CONFIGS or config.suffix != ".toml":
        return None
    return STATES / config.stem
