"""The dependency rule: it holds, it breaks when it should, and importing the daemon stays light."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.sources import PACKAGE_FOLDERS, ROOT

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
HEAVY = (
    "numpy", "pandas", "sklearn", "scipy", "torch", "exchange_calendars", "ib_insync", "polygon",
    "opentelemetry",
)  # fmt: skip

LAYERS = "daemon > plugins | lean > engine"
ENTRY_POINT_ONLY = "the daemon reaches plugins by entry point only"
STRANGERS = "plugins do not know each other"
SANS_IO = "the engine is sans-I/O"
NO_USER_CODE = "user code never enters the supervisor"
BY_SOCKET = "simulated venues are reached by socket only"
KNOW_THE_WIRE = "simulated venues know the wire, not us"
PEER_SANS_IO = "inside the TWS peer only the server does I/O"
VENDORS_SANS_IO = "inside the vendors' peers only peers, server and threads do I/O"
NO_CYCLES = "no cycles inside the engine"
NO_CYCLES_IN_FACE = "no cycles inside the LEAN face"
NO_CYCLES_IN_DAEMON = "no cycles inside the daemon"

PLANTS = [
    ("engine/livetrader_engine/money.py", "import livetrader.errors", {LAYERS}),
    ("engine/livetrader_engine/money.py", "import livetrader_lean", {LAYERS}),
    ("engine/livetrader_lean/names.py", "import livetrader_plugins.paper", {LAYERS}),
    ("plugins/livetrader_plugins/paper/__init__.py", "import livetrader_lean", {LAYERS}),
    ("livetrader/registry.py", "import livetrader_plugins.paper", {ENTRY_POINT_ONLY}),
    ("plugins/livetrader_plugins/paper/__init__.py", "import livetrader_plugins.replay", {STRANGERS}),
    ("engine/livetrader_engine/engine.py", "import asyncio", {SANS_IO}),
    ("engine/livetrader_engine/data/bars.py", "import threading", {SANS_IO}),
    ("engine/livetrader_engine/data/bars.py", "import aiohttp", {SANS_IO}),
    ("livetrader/supervisor/supervisor.py", "import livetrader_lean", {NO_USER_CODE}),
    ("livetrader/gateway/gateway.py", "import livetrader.worker", {NO_USER_CODE}),
    ("plugins/livetrader_plugins/paper/__init__.py", "import livetrader_venues.tws.wire", {BY_SOCKET}),
    ("plugins/livetrader_venues/tws/wire.py", "import livetrader_engine.errors", {KNOW_THE_WIRE}),
    ("plugins/livetrader_venues/tws/floor.py", "import asyncio", {PEER_SANS_IO}),
    ("plugins/livetrader_venues/polygon/history.py", "import socket", {VENDORS_SANS_IO}),
    ("engine/livetrader_engine/errors.py", "import livetrader_engine.orders.states", {NO_CYCLES}),
    ("engine/livetrader_lean/binding.py", "import livetrader_lean.portfolio", {NO_CYCLES_IN_FACE}),
    ("livetrader/settings.py", "import livetrader.configuration.loading", {NO_CYCLES_IN_DAEMON}),
    ("livetrader/telemetry/metrics.py", "import livetrader.control.gauges", {NO_CYCLES_IN_DAEMON}),
]


def _lint(folder: Path) -> tuple[int, set[str], str]:
    """Run the contracts over the copy in `folder`; return exit status, broken contracts, output."""
    path = os.pathsep.join(str(folder / root) for root in ("", "engine", "plugins"))
    done = subprocess.run(
        [str(LINT_IMPORTS), "--no-cache"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": path,
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "200",
            "NO_COLOR": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    broken = set(re.findall(r"^(.+?) BROKEN", done.stdout, re.MULTILINE))
    return done.returncode, broken, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in PACKAGE_FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_contracts_hold(copy: Path) -> None:
    status, broken, output = _lint(copy)
    assert (status, broken) == (0, set()), output


@pytest.mark.slow
@pytest.mark.parametrize(("where", "plant", "expected"), PLANTS, ids=lambda value: str(value)[:60])
def test_a_planted_import_breaks_its_contract(copy: Path, where: str, plant: str, expected: set[str]) -> None:
    file = copy / where
    assert file.is_file(), "the plant's place has moved: choose another"
    file.write_text(file.read_text(encoding="utf-8") + f"\n{plant}\n", encoding="utf-8")
    status, broken, output = _lint(copy)
    assert status == 1, output
    assert expected <= broken, output


@pytest.mark.parametrize("module", ["livetrader.app", "livetrader.cli.main", "livetrader.worker.main"])
def test_importing_the_daemon_is_light(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], f"import {module} pulls these in"
