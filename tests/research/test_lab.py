"""JupyterLab as `livetrader research` serves it: loopback, token, kernel, and an end that leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Deadline
from tests.research.test_execute import is_running

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(180)]
START_LIMIT_S = 90.0
END_LIMIT_S = 40.0


class Server:
    """A served folder. Owned by one test."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        assert process.stdout is not None
        self.process, self.folder = process, folder
        self.told: dict[str, str] = json.loads(process.stdout.readline())
        self.base, _, page = self.told["url"].partition("/lab/")
        self.token = page.partition("?token=")[2]

    def ask(self, path: str, body: dict[str, str] | None = None, *, token: str | None = None) -> Any:
        """Call Jupyter's API."""
        request = urllib.request.Request(
            f"{self.base}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token if token is None else token}"},
        )
        with urllib.request.urlopen(request, timeout=END_LIMIT_S) as answer:
            return json.loads(answer.read())


@pytest.fixture
def server(tmp_path: Path, data: Path) -> Iterator[Server]:
    folder, home = tmp_path / "project", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    words = ("research", str(folder), "--data", str(data), "--no-browser", "--port", "0", "--json")
    environment = os.environ | {"HOME": str(home)}
    environment.pop("XDG_DATA_HOME", None)
    with subprocess.Popen(
        [sys.executable, "-m", "livetrader", *words], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield Server(process, folder)
        finally:
            process.kill()


def kernels() -> list[int]:
    """Return the processes that are kernels of ours."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile
            continue
        if b"livetrader.offline.kernel" in words:
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_on_loopback_with_a_token_and_leaves_no_kernel(
    server: Server, tmp_path: Path, deadline: Deadline, number: signal.Signals
) -> None:
    assert server.base.startswith("http://127.0.0.1:")
    assert len(server.token) >= 32
    for wrong in ("", "x" * len(server.token)):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            server.ask("/api/kernels", token=wrong)
    found = server.ask("/api/kernelspecs")
    assert found["default"] == "livetrader"
    assert {"livetrader", "python3"} <= set(found["kernelspecs"]), "notebooks of LEAN's name the second"
    before = set(kernels())
    server.ask("/api/kernels", {"name": "livetrader"})
    deadline.until(lambda: set(kernels()) - before, "a kernel", START_LIMIT_S)
    (kernel,) = set(kernels()) - before

    server.process.send_signal(number)
    assert server.process.wait(END_LIMIT_S) == 0
    assert not is_running(kernel)
    assert [path.name for path in server.folder.iterdir()] == ["research.ipynb"]
    written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    runtime = tmp_path / "home" / ".local" / "share" / "jupyter" / "runtime"
    assert all(path.is_relative_to(runtime) for path in written), written


def test_a_kernel_ends_with_a_server_that_was_killed(server: Server, deadline: Deadline) -> None:
    before = set(kernels())
    server.ask("/api/kernels", {"name": "livetrader"})
    deadline.until(lambda: set(kernels()) - before, "a kernel", START_LIMIT_S)
    (kernel,) = set(kernels()) - before
    server.process.kill()
    deadline.until(lambda: not is_running(kernel), "the kernel to end", END_LIMIT_S)
