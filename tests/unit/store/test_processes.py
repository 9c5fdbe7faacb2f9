"""Several processes on one folder, and processes that are killed: nothing is torn, lost or counted twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from livetrader.store.local import FileObjectStore
from livetrader.store.quota import Quota
from livetrader_engine.errors import StoreFullError
from tests.unit.store.writer import KEYS, whole

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
KILLS = 25
Starts = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def starts(tmp_path: Path) -> Iterator[Starts]:
    """Start a writer on the folder; all are gone after the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(what: str, *words: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.unit.store.writer", what, str(tmp_path), *map(str, words)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def done(process: subprocess.Popen[bytes]) -> bytes:
    said, _ = process.communicate()
    assert process.returncode == 0
    return said


@pytest.mark.timeout(120)
def test_a_writer_killed_at_any_instant_leaves_whole_values(tmp_path: Path, starts: Starts) -> None:
    chance = Random(4)
    left_something = 0
    for _ in range(KILLS):
        process = starts("save_and_delete")
        assert process.stdout is not None
        process.stdout.read(chance.randrange(1, 40))
        for _ in range(chance.randrange(1_000_000)):
            pass  # some part of a save longer
        process.kill()
        process.communicate()
        store = FileObjectStore(tmp_path, Quota(None, 1000))
        for key in store.keys("deep/"):
            assert whole(store.read(key)), key
        pending = tmp_path / ".livetrader" / "pending"
        left_something += any(pending.iterdir())
        store.save("after", b"")
        assert list(pending.iterdir()) == []
        count = store.usage().files
        assert 1 <= count <= KEYS + 1
        FileObjectStore(tmp_path, Quota(None, count)).save("after", b"")
        with pytest.raises(StoreFullError):  # so the count is exact, whatever the killed one was doing
            FileObjectStore(tmp_path, Quota(None, count)).save("one more", b"")
    assert left_something, "no kill met a value on its way"


@pytest.mark.timeout(60)
def test_processes_that_race_for_the_last_place_keep_to_the_limit(tmp_path: Path, starts: Starts) -> None:
    writers = [starts("fill", name, 60) for name in ("a", "b", "c")]
    taken = [len(done(writer)) for writer in writers]
    assert sum(taken) == 60 == FileObjectStore(tmp_path).usage().files


@pytest.mark.timeout(60)
def test_each_new_key_has_one_first_writer(tmp_path: Path, starts: Starts) -> None:
    claims = [done(process) for process in [starts("claim", 200), starts("claim", 200)]]
    assert [first + second for first, second in zip(*claims, strict=True)] == [ord("0") + ord("1")] * 200
    assert len(FileObjectStore(tmp_path).keys("claims/")) == 200


@pytest.mark.timeout(60)
def test_a_key_and_a_folder_of_the_same_name_may_take_turns(tmp_path: Path, starts: Starts) -> None:
    assert [len(done(process)) for process in [starts("come_and_go", 150), starts("come_and_go", 150)]] == [
        150, 150,
    ]  # fmt: skip
    assert list(FileObjectStore(tmp_path).keys()) == []


def test_a_value_on_its_way_is_left_to_its_living_writer(tmp_path: Path, starts: Starts) -> None:
    process = starts("save_and_delete")
    assert process.stdout is not None
    process.stdout.read(1)
    for number in range(30):
        FileObjectStore(tmp_path).save(f"other/{number}", b"")  # each cleans what it thinks is left
    before = process.stdout.read(50)
    assert len(before) == 50 and process.poll() is None
