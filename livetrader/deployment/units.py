"""The systemd units as they are shipped, and as they are written for this machine."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from livetrader import places
from livetrader.errors import ConfigError

DAEMON: Final = "livetrader@.service"
LIQUIDATION: Final = "livetrader-liquidate@.service"
SHIPPED: Final = (DAEMON, LIQUIDATION)
EXECUTABLE: Final = Path("/opt/livetrader/bin/livetrader")  # as the shipped units name it
BROKER: Final = "broker"  # the credential that both units load for every account
GPU_DROP_IN: Final = """# The daemon may use the machine's GPUs. Written by livetrader install-service.
[Service]
PrivateDevices=no
DeviceAllow=char-nvidia* rw
"""


def shipped_folder() -> Path:
    """Return where the shipped units lie: the environment's share, or a checkout. Raises ConfigError."""
    places_tried = (
        Path(sysconfig.get_path("data")) / "share" / "livetrader" / "systemd",
        Path(__file__).parents[2] / "systemd",  # of an editable install
    )
    for folder in places_tried:
        if all((folder / name).is_file() for name in SHIPPED):
            return folder
    tried = " nor in ".join(map(str, places_tried))
    raise ConfigError([f"the systemd units are neither in {tried}: install livetrader again, with pip"])


def rendered(text: str, executable: Path, user: str) -> str:
    """Return a shipped unit for an executable and a user of this machine."""
    text = text.replace(f"{EXECUTABLE} ", f"{executable} ")
    return text.replace(f"User={places.USER}\n", f"User={user}\n").replace(
        f"Group={places.USER}\n", f"Group={user}\n"
    )


def user_of(text: str) -> str:
    """Return the user that a unit runs as, "" where it names none."""
    return next((line.removeprefix("User=") for line in text.splitlines() if line.startswith("User=")), "")


def credentials_drop_in(name: str, credentials: Iterable[str]) -> str:
    """Return what lets the units of an account read further credentials."""
    lines = [f"LoadCredential={each}:{credential_file(name, each)}" for each in sorted(credentials)]
    return "\n".join(["# Written by livetrader install-service.", "[Service]", *lines, ""])


def credential_file(name: str, credential: str) -> Path:
    """Return where an account's credential lies."""
    if credential == BROKER:
        return places.CONFIGS / f"{name}.credentials"
    return places.CONFIGS / f"{name}.{credential}.credential"
