"""What the engine process makes of the supervisor's first message."""

from __future__ import annotations

import socket
from datetime import date
from pathlib import Path

import msgspec
import pytest

from livetrader.ipc.messages import StartEngine
from livetrader.store.options import StoreOptions
from livetrader.worker.main import EngineRun
from livetrader.worker.outbox import Outbox
from livetrader_engine.events import AccountLoaded
from livetrader_engine.models import SaveModel
from livetrader_plugins.lean_data.writer import write_reference

START_NS = 1_381_156_200_000_000_000


def start_message(folder: Path, lockstep: bool) -> StartEngine:
    return StartEngine(
        time_ns=START_NS,
        algorithm_path="main.py",
        class_name=None,
        parameters={},
        data_folder=str(folder),
        object_store=StoreOptions(str(folder / "objects")),
        state_directory=str(folder),
        account=AccountLoaded(START_NS, {}, (), (), 1),
        bucket=None,
        training={"capacity_minutes": 1, "refill_minutes": 1, "refill_interval_minutes": 1, "nice": 0},
        lockstep=lockstep,
    )


@pytest.mark.parametrize("lockstep", [True, False])
def test_an_order_on_old_prices_is_not_waited_for_where_no_newer_ones_can_come(
    tmp_path: Path, lockstep: bool
) -> None:
    write_reference(tmp_path, {"SPY": date(1998, 1, 2)}, date(2013, 1, 1), date(2013, 12, 31))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        run = EngineRun(theirs, Outbox(theirs))
        start = start_message(tmp_path, lockstep)
        engine = run._build(start, run._trainer(start))
        assert engine.orders.policy.wait_on_stale_prices is not lockstep


def test_so_many_versions_of_a_model_are_kept_as_the_settings_say(tmp_path: Path) -> None:
    write_reference(tmp_path, {"SPY": date(1998, 1, 2)}, date(2013, 1, 1), date(2013, 12, 31))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        run = EngineRun(theirs, Outbox(theirs))
        start = msgspec.structs.replace(start_message(tmp_path, lockstep=True), model_versions=3)
        models = run._build(start, run._trainer(start)).ports.models
        assert models is not None
        for weight in range(6):
            models.save(SaveModel("spy", {"weight": weight}))
        assert [version.number for version in models.versions("spy")] == [4, 5, 6]
        assert (tmp_path / "model.key").stat().st_mode & 0o777 == 0o600, "outside of the store"
