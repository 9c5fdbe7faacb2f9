"""Versions over a store that remembers what it has read: decisions are made on what is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from livetrader.models.follower import Follower
from livetrader.models.scope import own_part
from livetrader.store.opening import open_store
from livetrader.store.options import StoreOptions
from livetrader_engine.models import LoadModel
from tests.unit.models.world import World, line
from tests.unit.store.test_s3 import bucket, credentials, server  # noqa: F401 — fixtures


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    fsspec.filesystem("memory").store.clear()
    yield
    fsspec.filesystem("memory").store.clear()


def process(url: str, folder: Path, **filesystem: str) -> World:
    """One process with copies of its own."""
    options = StoreOptions(url, "mine", filesystem=dict(filesystem), copies=str(folder))
    return World(own_part(open_store(options)))


def test_two_processes_share_versions_behind_a_url(tmp_path: Path) -> None:
    share(process("memory://models", tmp_path / "a"), process("memory://models", tmp_path / "b"))


@pytest.mark.heavy
@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # botocore and s3fs on their own
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_two_processes_share_versions_on_s3(tmp_path: Path, server: str, bucket: str) -> None:  # noqa: F811
    url = f"s3://{bucket}/models"
    one, other = (process(url, tmp_path / name, endpoint_url=server) for name in "ab")
    share(one, other)


def share(daemon: World, notebook: World) -> None:
    """Let two processes save, promote and roll back in turns; each sees what the other has done."""
    live = daemon.registry(sequential=False)
    assert live.save(line("spy", 1.0)).number == 1
    served = live.load(LoadModel("spy"))
    follower = Follower(live, daemon.store.forget, daemon.tell)
    follower.look()
    for number in range(2, 8):
        writer = notebook if number % 2 == 0 else daemon
        assert writer.registry().save(line("spy", float(number))).number == number
        assert writer.catalog().state("spy").serving == number
    notebook.catalog().rollback("spy", None, "by hand")
    daemon.catalog().promote("spy", 3, "by hand")
    notebook.catalog().rollback("spy", None, "by hand")
    follower.look()
    daemon.now_ns += 1
    assert served.predict([0])[0] == 6.0
    assert daemon.catalog().numbers("spy") == list(range(1, 8))
