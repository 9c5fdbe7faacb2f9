"""Fixtures that every test may use."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

from tests.spreading import spread

DATA_VARIABLE = "LIVETRADER_LEAN_DATA"
DEADLINE_S = 10.0  # of waiting for another process or thread; half of a test's own limit
POLL_S = 0.01
LONG_S = 100.0  # tests that may take longer begin first; those of one file stay together below it

# Calls that may block the loop all the same: (file, function), each with its reason.
MAY_BLOCK = (
    ("livetrader/control/auth.py", "refresh"),  # a token file of a few kB, read again only when it changes
)

_REPOSITORY = Path(__file__).resolve().parent.parent

# A slow machine is no failure, and the same commit must give the same verdict twice.
settings.register_profile(
    "livetrader", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("livetrader")

_T = TypeVar("_T")


class Deadline:
    """Waits for something another process or thread will do. Tests never sleep for a fixed time."""

    def __init__(self, limit_s: float = DEADLINE_S) -> None:
        self.limit_s = limit_s

    def until(self, probe: Callable[[], _T], what: str = "", limit_s: float | None = None) -> _T:
        """Return the first true value of `probe`; fail the test, naming `what`, when time is up."""
        limit_s = self.limit_s if limit_s is None else limit_s
        end_s = time.monotonic() + limit_s
        while True:
            value = probe()
            if value:
                return value
            if time.monotonic() > end_s:
                pytest.fail(f"waited {limit_s} s in vain for {what or probe!r}; last answer: {value!r}")
            time.sleep(POLL_S)


def pytest_configure(config: pytest.Config) -> None:
    """Have Ctrl-C heard, and schemathesis loaded as it is.

    A shell that begins something in the background has it ignore SIGINT, and so do all its children: those of
    the tests that are to end by it would not. And schemathesis is no plugin here:
    pytest rewrites each module of a package that brings a plugin, used or not, and CPython 3.11's parser ends
    with "recursion depth mismatch" where the collector of garbage runs in the middle of a large one.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hook = config.pluginmanager.rewrite_hook
    if isinstance(hook, AssertionRewritingHook):
        hook._must_rewrite.discard("schemathesis")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long where several workers run, and leave the heavy lane to those who ask for it.

    There nothing is skipped: a missing library fails.
    """
    if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
        items[:] = spread(items, _length_s, workers)
    if "heavy" in config.getoption("markexpr"):
        return
    skip = pytest.mark.skip(reason="heavy lane (torch, TensorFlow, XGBoost): run `make heavy`")
    for item in items:
        if "heavy" in item.keywords:
            item.add_marker(skip)


def _length_s(item: pytest.Item) -> float:
    """Return how long a test may take by its own limit; 0 for those whose turn does not matter."""
    limit = item.get_closest_marker("timeout")
    length_s = float(limit.args[0]) if limit is not None and "slow" in item.keywords else 0.0
    return length_s if length_s > LONG_S else 0.0


@pytest.fixture
def deadline() -> Deadline:
    """Poll with a limit: `deadline.until(lambda: path.exists(), "the socket")`."""
    return Deadline()


@pytest.fixture(scope="session", autouse=True)
def _configuration_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep keys that tests make out of the configuration of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def lean_data() -> Path:
    """LEAN's sample data folder; the test is skipped where it is not there."""
    named = os.environ.get(DATA_VARIABLE)
    folder = Path(named) if named else _REPOSITORY.parent / "shared" / "lean" / "data"
    if not (folder / "market-hours").is_dir():
        pytest.skip(f"LEAN's sample data is not at {folder}; set {DATA_VARIABLE} to its folder")
    return folder


@pytest.fixture(autouse=True)
def _nothing_blocks_a_loop() -> Iterator[None]:
    """Make a blocking call of our own code inside a running asyncio loop an error."""
    with blockbuster_ctx(
        scanned_modules=["livetrader", "livetrader_plugins", "livetrader_engine", "livetrader_venues"]
    ) as guard:
        for call in guard.functions.values():
            for file, function in MAY_BLOCK:
                call.can_block_in(file, function)
        yield
