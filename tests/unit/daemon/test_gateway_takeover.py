"""One process per account; a hung one is killed, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from livetrader.errors import AlreadyRunningError
from livetrader.gateway.takeover import StateLock, take_over

HOLDER = """
import sys, time
from pathlib import Path
from livetrader.gateway.takeover import StateLock
lock = StateLock.acquire(Path(sys.argv[2]))
print("held", flush=True)
while True:
    time.sleep(60)
"""


def hold(directory: Path, name: str) -> subprocess.Popen[str]:
    """Start a process whose command line is `python NAME …` and that holds the lock."""
    program = directory / name
    program.write_text(HOLDER)
    child = subprocess.Popen(
        [sys.executable, str(program), "run", str(directory / "daemon.lock")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    lock = StateLock.acquire(tmp_path / "account" / "daemon.lock")
    with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
        StateLock.acquire(tmp_path / "account" / "daemon.lock")
    lock.release()
    lock.release()
    StateLock.acquire(tmp_path / "account" / "daemon.lock").release()


def test_a_free_lock_is_simply_taken(tmp_path: Path) -> None:
    take_over(tmp_path / "daemon.lock").release()


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    child = hold(tmp_path, "livetrader")
    with pytest.raises(AlreadyRunningError, match=str(child.pid)):
        StateLock.acquire(tmp_path / "daemon.lock")
    end(child)
    StateLock.acquire(tmp_path / "daemon.lock").release()


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [False, True])
def test_a_hung_daemon_is_killed_and_its_lock_taken(tmp_path: Path, stopped: bool) -> None:
    child = hold(tmp_path, "livetrader")
    if stopped:
        os.kill(child.pid, signal.SIGSTOP)
    told: list[dict[str, object]] = []
    try:
        lock = take_over(tmp_path / "daemon.lock", 5.0, lambda action, **fields: told.append(fields))
        assert (tmp_path / "daemon.lock").read_text() == f"{os.getpid()}\n"
        lock.release()
        assert child.wait() == -signal.SIGKILL
        assert [fields["pid"] for fields in told] == [child.pid]
    finally:
        end(child)


@pytest.mark.slow
def test_a_holder_that_is_not_livetrader_is_left_alone(tmp_path: Path) -> None:
    child = hold(tmp_path, "something_else")
    try:
        with pytest.raises(AlreadyRunningError, match="does not look like livetrader"):
            take_over(tmp_path / "daemon.lock", 1.0)
        assert child.poll() is None
    finally:
        end(child)


@pytest.mark.slow
def test_a_stale_pid_in_the_file_is_not_killed(tmp_path: Path) -> None:
    """The kernel knows who holds the lock; what the file says is for people."""
    bystander = hold(tmp_path, "livetrader")  # a livetrader, but of another account
    other = tmp_path / "other.lock"
    lock = StateLock.acquire(other)
    other.write_text(f"{bystander.pid}\n")
    try:
        with pytest.raises(AlreadyRunningError):  # the holder is this test, no livetrader
            take_over(other, 1.0)
        assert bystander.poll() is None
    finally:
        lock.release()
        end(bystander)
