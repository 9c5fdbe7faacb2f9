from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from livetrader.telemetry.systemd import STATUS_LIMIT, Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket that systemd would read."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def notifier(manager: socket.socket, *, fresh: bool = True, **environment: str) -> Notifier:
    return Notifier(lambda: fresh, {"NOTIFY_SOCKET": manager.getsockname(), **environment})


def test_ready_status_and_stopping_are_said(manager: socket.socket) -> None:
    told = notifier(manager)
    told.ready("trading\nSPY")
    told.status("busy")
    told.status("busy")
    told.extend_timeout(2.5)
    told.stopping()
    told.stopping("/srv/\udcff cannot be written")  # a folder's name may be any bytes
    assert [manager.recv(4096) for _ in range(5)] == [
        b"READY=1\nSTATUS=trading SPY",
        b"STATUS=busy",
        b"EXTEND_TIMEOUT_USEC=2500000",
        b"STOPPING=1",
        b"STOPPING=1\nSTATUS=/srv/\\udcff cannot be written",
    ]
    with pytest.raises(BlockingIOError):
        manager.recv(4096)
    told.close()


def test_the_watchdog_is_fed_only_while_the_beats_are_fresh(manager: socket.socket) -> None:
    fed = notifier(manager, WATCHDOG_USEC="15000000")
    assert fed.ping_interval_s == 5.0
    assert fed.ping()
    assert manager.recv(100) == b"WATCHDOG=1"
    starved = notifier(manager, fresh=False, WATCHDOG_USEC="15000000")
    assert not starved.ping()
    with pytest.raises(BlockingIOError):
        manager.recv(100)
    for each in (fed, starved):
        each.close()


def test_a_watchdog_meant_for_another_process_is_left_alone(manager: socket.socket) -> None:
    other = notifier(manager, WATCHDOG_USEC="15000000", WATCHDOG_PID=str(os.getpid() + 1))
    assert other.ping_interval_s is None
    assert not other.ping()
    other.close()


def test_nothing_happens_without_systemd() -> None:
    alone = Notifier(lambda: True, {"WATCHDOG_USEC": "15000000"})
    assert (alone.enabled, alone.ping_interval_s, alone.ping()) == (False, None, False)
    alone.ready()
    alone.close()


def test_a_socket_that_is_gone_is_counted_and_never_raises(manager: socket.socket) -> None:
    told = notifier(manager)
    Path(manager.getsockname()).unlink()
    told.ready()
    told.status("x" * 10_000)
    assert told.failures == 2
    told.close()


def test_a_name_in_the_abstract_namespace_works() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = f"livetrader-test-{os.getpid()}"
        listener.bind(f"\0{name}")
        told = Notifier(lambda: True, {"NOTIFY_SOCKET": f"@{name}"})
        told.status("x" * 10_000)
        assert len(listener.recv(20_000)) == len("STATUS=") + STATUS_LIMIT
        told.close()
