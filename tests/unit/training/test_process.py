"""Training in a process of its own: real processes that misbehave in every way a user's code can."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from livetrader.ipc.messages import TrainingState
from livetrader.training.process import ProcessLimits, environment, machine_memory_mb
from livetrader_engine.training import TrainingWork
from livetrader_lean.loader import MODULE_NAME, execute
from tests.conftest import Deadline
from tests.unit.training.scenes import LIMIT_S, Scene

T = TrainingState
pytestmark = pytest.mark.slow

ALGORITHM = """
import ctypes, os, signal, subprocess, sys, time
import numpy as np
from livetrader import training
from pathlib import Path

class Model:
    def __init__(self, weights):
        self.weights = weights

class Sealed:
    def __reduce__(self):
        raise TypeError("sealed")

class FailsToOpen:
    def __reduce__(self):
        return (_open, ())

def _open():
    raise ValueError("made by another version")

def fit(features, labels):
    print("fitting", len(features))
    training.progress(0.5, "half")
    training.progress(1.0, "whole")
    return Model(features.T @ labels)

def where():
    return os.getpid(), os.getsid(0), os.getpgid(0), os.nice(0), {
        name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
    }, training.device()

def hog():
    kept = []
    while True:
        kept.append(bytes(range(256)) * 4096)

def hog_below():
    holder = "import time; x = bytes([7]) * 150_000_000; time.sleep(3600)"
    both = [subprocess.Popen([sys.executable, "-c", holder]) for _ in range(2)]
    both[0].wait()

def greedy():
    return np.ones(10**12)

def segfault():
    print("about to crash", flush=True)
    ctypes.string_at(0)

def leave():
    os._exit(7)

def leave_politely():
    sys.exit("no more")

def hang(file):
    Path(file).write_text(str(os.getpid()))
    while True:
        time.sleep(3600)

def fork_and_hang(file):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
    Path(file).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(3600)

def deaf(file):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    Path(file).write_text(str(os.getpid()))
    ctypes.CDLL(None).pause()

def burn():
    while True:
        pass

def fail():
    raise ValueError("no data")

def huge(megabytes):
    return np.zeros(megabytes * 131072)

def give_sealed():
    return Sealed()

def give_failing():
    return FailsToOpen()

def chatter():
    for number in range(40000):
        print("line", number)

def speak_slowly(file):
    training.progress(0.25, "a quarter")
    print("one line", flush=True)
    while not Path(file).exists():
        time.sleep(0.01)
"""


@pytest.fixture
def user(tmp_path: Path) -> Iterator[ModuleType]:
    """The user's file, loaded as the engine process loads it."""
    path = tmp_path / "main.py"
    path.write_text(ALGORITHM)
    yield execute(path)
    sys.modules.pop(MODULE_NAME, None)
    sys.path.remove(str(tmp_path))


def scene_of(user: ModuleType, **limits: int) -> Scene:
    assert user.__file__ is not None
    return Scene(path=Path(user.__file__), limits=ProcessLimits(**{"threads": 1, "nice": 0, **limits}))


def failure(user: ModuleType, work: TrainingWork, **limits: int) -> str:
    """Run a work that has to fail, and return what it is said to have failed of."""
    scene = scene_of(user, **limits)
    scene.submit(work)
    return scene.wait_for(T.FAILED).message


def _words(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_work_runs_elsewhere_and_its_result_is_adopted_here(user: ModuleType) -> None:
    scene, adopted = scene_of(user), list[object]()
    rows = np.arange(6.0).reshape(3, 2)
    work = TrainingWork(
        "fit", user.fit, process=True, prepare=lambda: (rows, np.ones(3)), then=adopted.append
    )
    scene.submit(work)
    assert scene.woken.wait(LIMIT_S), scene.states()
    scene.trainer.adopt()
    ready = scene.wait_for(T.READY)
    (model,) = adopted
    assert type(model) is user.Model, "the user's classes are the same ones"
    assert model.weights.tolist() == [6.0, 9.0]  # type: ignore[attr-defined]  # the user's
    assert ready.mode == "process"
    assert (ready.progress, ready.text) == (1.0, "whole")
    assert [line for printed in scene.printed for line in printed.lines] == ["fitting 3"]


def test_a_process_has_its_own_session_and_keeps_to_its_threads(user: ModuleType) -> None:
    scene, told = scene_of(user, nice=5, threads=3), list[tuple[object, ...]]()
    scene.submit(TrainingWork("where", user.where, process=True, then=told.append))  # type: ignore[arg-type]  # what it gives
    assert scene.woken.wait(LIMIT_S)
    scene.trainer.adopt()
    pid, session, group, nice, variables, device = told[0]
    assert pid != os.getpid()
    assert session not in (os.getsid(0), pid), "the guardian leads the session"
    assert group == pid
    assert nice == 5 + os.nice(0)
    assert variables == {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "3", "CUDA_VISIBLE_DEVICES": ""}
    assert device == "cpu"


@pytest.mark.parametrize("name", ["hog", "greedy"])
def test_a_job_that_eats_memory_fails_cleanly(user: ModuleType, name: str) -> None:
    message = failure(user, TrainingWork(name, getattr(user, name), process=True), memory_mb=300)
    assert message.startswith("out of memory: process_memory_mb is 300")
    assert f"in {name}" in message, "the user's traceback says where"


def test_the_engines_own_limit_stands_above_that_of_its_trainings(user: ModuleType, tmp_path: Path) -> None:
    """An engine under RLIMIT_DATA hands it on: a training cannot have more than it, and says what it had."""
    assert user.__file__ is not None
    limited = subprocess.run(
        [sys.executable, "-c", LIMITED, user.__file__], capture_output=True, text=True, check=True
    )
    assert "out of memory: [engine] memory_limit_mb leaves it 336 MB" in limited.stdout


LIMITED = """
import resource, sys
from pathlib import Path
from livetrader.training.process import ProcessLimits
from livetrader.ipc.messages import TrainingState
from livetrader_engine.training import TrainingWork
from livetrader_lean.loader import execute
from tests.unit.training.scenes import Scene
path = Path(sys.argv[1])
user = execute(path)
scene = Scene(path=path, limits=ProcessLimits(memory_mb=4000, threads=1, nice=0))
resource.setrlimit(resource.RLIMIT_DATA, (400 * 1024 * 1024,) * 2)
scene.submit(TrainingWork("hog", user.hog, process=True))
print(scene.wait_for(TrainingState.FAILED).message)
"""


def test_the_environment_caps_threads_and_hides_devices() -> None:
    inherited = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1", "OMP_NUM_THREADS": "64"}
    hidden = environment(inherited, 2, gpu=False)
    assert (hidden["OMP_NUM_THREADS"], hidden["CUDA_VISIBLE_DEVICES"], hidden["PATH"]) == ("2", "", "/bin")
    assert environment(inherited, 2, gpu=True)["CUDA_VISIBLE_DEVICES"] == "1"
    assert "CUDA_VISIBLE_DEVICES" not in environment({}, 2, gpu=True)
    cores = len(os.sched_getaffinity(0))
    assert environment({}, 0, gpu=False)["MKL_NUM_THREADS"] == str(max(1, cores - 1))


def test_children_of_a_job_count_against_its_memory(user: ModuleType) -> None:
    message = failure(user, TrainingWork("hog", user.hog_below, process=True), memory_mb=200)
    assert "out of memory" in message
    assert "killed" in message


def test_without_a_number_half_of_the_machine_is_the_limit(user: ModuleType) -> None:
    message = failure(user, TrainingWork("greedy", user.greedy, process=True))
    assert f"process_memory_mb is {machine_memory_mb() // 2}" in message


def test_a_crash_is_told_with_where_it_happened(user: ModuleType) -> None:
    message = failure(user, TrainingWork("crash", user.segfault, process=True))
    assert "SIGSEGV: it crashed in native code" in message
    assert "about to crash" in message
    assert "in segfault" in message, "Python's own report of the crash"


def test_a_job_that_leaves_is_told_with_its_status(user: ModuleType) -> None:
    message = failure(user, TrainingWork("leave", user.leave, process=True))
    assert message.startswith("its process exited with status 7 and returned nothing")


def test_sys_exit_is_a_failure_with_its_words(user: ModuleType) -> None:
    assert "SystemExit: no more" in failure(user, TrainingWork("leave", user.leave_politely, process=True))


def test_a_failing_job_tells_the_users_traceback(user: ModuleType) -> None:
    message = failure(user, TrainingWork("fail", user.fail, process=True))
    assert "ValueError: no data" in message
    assert "in fail" in message
    assert "livetrader/training" not in message


def test_a_job_that_hangs_is_killed_at_its_deadline(user: ModuleType, tmp_path: Path) -> None:
    scene, file = scene_of(user), tmp_path / "pid"
    scene.submit(TrainingWork("hang", user.hang, process=True, arguments=(str(file),), deadline_s=1.5))
    assert scene.wait_for(T.EXPIRED).message == "ran past its deadline of 1.5 s and was killed"
    assert gone(int(file.read_text()))


def test_a_job_deaf_to_every_signal_is_killed_when_its_minutes_are_used_up(
    user: ModuleType, tmp_path: Path, deadline: Deadline
) -> None:
    scene, file = scene_of(user), tmp_path / "pid"
    scene.submit(TrainingWork("deaf", user.deaf, process=True, arguments=(str(file),)))
    pid = int(deadline.until(lambda: file.exists() and file.read_text(), "the process", LIMIT_S))
    scene.now_s += 600.0
    scene.trainer.tick()
    expired = scene.wait_for(T.EXPIRED)
    assert expired.message.startswith("ran longer than granted (5 minutes)")
    assert expired.minutes_used == 5.0
    assert gone(pid)


def test_cancel_ends_everything_the_job_has_started(
    user: ModuleType, tmp_path: Path, deadline: Deadline
) -> None:
    scene, file = scene_of(user), tmp_path / "pids"
    scene.submit(TrainingWork("fork", user.fork_and_hang, process=True, arguments=(str(file),)))
    pids = deadline.until(lambda: _words(file), "the processes", LIMIT_S)
    assert len(pids) == 2
    scene.trainer.cancel(1)
    scene.trainer.tick()
    scene.wait_for(T.CANCELLED)
    assert all(gone(int(pid)) for pid in pids), "in sessions of their own, too"


def test_processor_time_is_limited(user: ModuleType) -> None:
    message = failure(user, TrainingWork("burn", user.burn, process=True), cpu_s=1)
    assert "it used more than 1 s of processor time" in message


def test_what_cannot_be_pickled_is_named_with_the_remedy(user: ModuleType) -> None:
    message = failure(user, TrainingWork("lambda", lambda: 1, process=True))
    assert "training 'lambda' cannot be sent to a process" in message
    assert "top level of a file" in message
    assert "Traceback" not in message


def test_a_result_that_cannot_be_pickled_is_named(user: ModuleType) -> None:
    message = failure(user, TrainingWork("sealed", user.give_sealed, process=True))
    assert "its result cannot be pickled: TypeError: sealed" in message


def test_a_result_that_cannot_be_put_together_is_a_failure(user: ModuleType) -> None:
    message = failure(user, TrainingWork("failing", user.give_failing, process=True))
    assert "the result of training 'failing' cannot be put together here: ValueError: made by" in message


def test_a_huge_result_is_refused_with_the_remedy(user: ModuleType) -> None:
    message = failure(user, TrainingWork("huge", user.huge, process=True, arguments=(3,)), result_mb=2)
    assert "its result is too large: it has 3 MB, the limit is 2 MB" in message
    assert "process_result_mb" in message


def test_a_file_that_does_not_import_there_says_so(user: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert user.__file__ is not None
    Path(user.__file__).write_text("import no_such_library\n" + Path(user.__file__).read_text())
    message = failure(user, TrainingWork("fail", user.fail, process=True))
    assert "does not import in the training process" in message
    assert "no_such_library" in message


def test_a_failing_prepare_fails_the_job_and_starts_no_process(user: ModuleType) -> None:
    def prepare() -> object:
        raise ValueError("no history")

    message = failure(user, TrainingWork("fit", user.fit, process=True, prepare=prepare))
    assert "ValueError: no history" in message
    assert "in prepare" in message


def test_an_endless_print_is_told_at_a_bounded_rate(user: ModuleType) -> None:
    scene = scene_of(user)
    scene.submit(TrainingWork("chatter", user.chatter, process=True))
    scene.wait_for(T.READY)
    told = sum(len(printed.lines) for printed in scene.printed)
    assert told + sum(printed.lost for printed in scene.printed) == 40_000
    assert told <= 50 * len(scene.printed) < 1000


def test_progress_arrives_while_the_job_runs(user: ModuleType, tmp_path: Path, deadline: Deadline) -> None:
    scene, file = scene_of(user), tmp_path / "go on"
    scene.submit(TrainingWork("slow", user.speak_slowly, process=True, arguments=(str(file),)))
    scene.wait_for(T.RUNNING)

    def told() -> bool:
        scene.trainer.tick()
        return any((r.progress, r.text) == (0.25, "a quarter") for r in scene.reports)

    deadline.until(told, "progress", LIMIT_S)
    deadline.until(lambda: scene.printed, "the line", LIMIT_S)
    file.touch()
    scene.wait_for(T.READY)


ENGINE = """
import sys, threading
from pathlib import Path
from livetrader_lean.loader import execute
from livetrader_engine.training import TrainingWork
from tests.unit.training.scenes import Scene
path = Path(sys.argv[1])
user = execute(path)
scene = Scene(path=path)
scene.submit(TrainingWork("fork", user.fork_and_hang, process=True, arguments=(sys.argv[2],)))
threading.Event().wait()
"""


def test_a_training_process_does_not_outlive_its_engine(
    user: ModuleType, tmp_path: Path, deadline: Deadline
) -> None:
    assert user.__file__ is not None
    file = tmp_path / "pids"
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, user.__file__, str(file)])
    try:
        pids = deadline.until(lambda: _words(file), "processes", LIMIT_S)
        began_s = time.monotonic()
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        deadline.until(lambda: all(gone(int(pid)) for pid in pids), "the end of all", LIMIT_S)
        assert time.monotonic() - began_s < 3.0
    finally:
        engine.kill()
        engine.wait()
