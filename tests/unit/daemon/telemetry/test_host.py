from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from livetrader.gateway.timing import Timing
from livetrader.supervisor.figures import show_host
from livetrader.telemetry import host as machine
from livetrader.telemetry.host import (
    ENGINE,
    SUPERVISOR,
    HostFacts,
    HostWatch,
    ProcessFacts,
    read_host,
    read_process,
)
from livetrader.telemetry.machine_clock import ClockState, kernel_state, read_clock
from livetrader.telemetry.metrics import Metrics

FACTS = HostFacts(
    {SUPERVISOR: ProcessFacts(50_000_000, 1.5, 20, 1024.0, 4)},
    4096, 10**9, 10**10, ClockState(True, -0.002, 0.01, "kernel"),
)  # fmt: skip


def test_a_process_is_read_as_it_is(tmp_path: Path) -> None:
    before = read_process(os.getpid())
    assert before is not None
    opened = [(tmp_path / str(number)).open("w") for number in range(5)]
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    after = read_process(os.getpid())
    stop.set()
    thread.join()
    for file in opened:
        file.close()
    assert after is not None
    assert after.descriptors == before.descriptors + 5
    assert after.threads == before.threads + 1
    assert 1_000_000 < after.resident_bytes < 10**11
    assert after.cpu_s >= before.cpu_s > 0
    assert after.descriptor_limit >= after.descriptors


def test_a_process_with_any_name_is_read_and_one_that_is_gone_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "7"
    (folder / "fd").mkdir(parents=True)
    (folder / "statm").write_text("100 10 1 1 0 1 0")
    numbers = " ".join(str(number) for number in range(4, 45))
    (folder / "stat").write_text(f"7 (a ) (b c) S {numbers}")
    (folder / "limits").write_text(
        "Max open files            unlimited            unlimited            files\n"
    )
    facts = read_process(7, tmp_path)
    assert facts is not None
    ticks = os.sysconf("SC_CLK_TCK")
    assert facts.cpu_s == (14 + 15) / ticks  # fields 14 and 15 of proc(5), 20 has the threads
    assert facts.threads == 20
    assert facts.descriptor_limit == float("inf")
    assert read_process(8, tmp_path) is None
    for name in ("limits", "stat", "statm"):  # it goes while it is looked at: the kernel has no more to say
        (folder / name).write_text("")
        assert read_process(7, tmp_path) is None


def test_the_journals_files_and_the_disk_are_measured(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    journal.write_bytes(b"x" * 1000)
    (tmp_path / "journal.sqlite3-wal").write_bytes(b"x" * 500)
    facts = read_host(tmp_path, journal, None)
    assert facts.journal_bytes == 1500
    assert 0 < facts.disk_free_bytes <= facts.disk_size_bytes
    assert set(facts.processes) == {SUPERVISOR}
    assert set(read_host(tmp_path, journal, os.getpid()).processes) == {SUPERVISOR, ENGINE}


def test_facts_grow_old_where_the_disk_hangs_and_are_then_unknown() -> None:
    now_s = 0.0

    async def once(seconds: float) -> None:
        raise asyncio.CancelledError

    watch = HostWatch(Timing(lambda: 0, lambda: 0, lambda: now_s, once), lambda: FACTS)
    assert watch.facts is None
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(watch.run())
    assert watch.facts == FACTS
    now_s = machine.STALE_S + 0.1
    assert watch.facts is None


def test_a_folder_that_cannot_be_asked_is_not_known_and_asked_again() -> None:
    looks = 0

    def broken() -> HostFacts:
        nonlocal looks
        looks += 1
        raise OSError(errno.EIO, "the disk")

    async def twice(seconds: float) -> None:
        if looks == 2:
            raise asyncio.CancelledError

    watch = HostWatch(Timing(lambda: 0, lambda: 0, lambda: 0.0, twice), broken)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(watch.run())
    assert watch.facts is None
    assert looks == 2


def test_what_is_not_known_is_not_shown_as_zero() -> None:
    metrics = Metrics()
    show_host(metrics, FACTS)
    shown = metrics.exposition().decode()
    assert 'livetrader_process_resident_bytes{process="supervisor"} 5e+07' in shown
    assert "livetrader_clock_synchronized 1.0" in shown
    assert "livetrader_clock_offset_seconds -0.002" in shown
    show_host(metrics, None)
    shown = metrics.exposition().decode()
    assert "livetrader_process_resident_bytes{" not in shown
    assert "livetrader_clock_synchronized NaN" in shown
    assert "livetrader_disk_free_bytes NaN" in shown


def test_the_kernels_words_about_the_clock_are_read_in_their_units() -> None:
    assert kernel_state(0, 1500, 250) == ClockState(True, 1500e-6, 250e-6, "kernel")
    assert kernel_state(0x2000, 1500, 250) == ClockState(True, 1500e-9, 250e-6, "kernel")  # STA_NANO
    assert kernel_state(0x2040, 0, 16_000_000) == ClockState(False, 0.0, 16.0, "kernel")  # STA_UNSYNC


def test_this_machines_clock_is_asked(tmp_path: Path) -> None:
    state = read_clock(tmp_path / "nobody")
    if state.source == "kernel":
        assert state.max_error_s is not None
        assert 0 <= state.max_error_s <= 16.001  # where the kernel stops counting
    else:  # not allowed to ask: a container, or ProtectClock=
        assert state == ClockState(None, None, None, "nobody")
        (tmp_path / "synchronized").touch()
        assert read_clock(tmp_path / "synchronized").synchronized is True
