"""Prometheus and Alertmanager from Debian: where they are, and how to run them on loopback for a test."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

WAIT_S = 30.0
POLL_S = 0.1


def program(name: str) -> str:
    """Return where a program is; skip the test where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: prometheus, prometheus-alertmanager)")
    return found


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """A program that serves HTTP on loopback while the block lasts."""

    def __init__(self, name: str, folder: Path, port: int, ready: str, arguments: list[str]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = [program(name), *arguments]
        self._log = folder / f"{name}.log"
        self._folder = folder
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Served:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
            )
        end_s = time.monotonic() + WAIT_S
        while not self._answers():
            assert self._process.poll() is None, self.tail()
            assert time.monotonic() < end_s, self.tail()
            time.sleep(POLL_S)
        return self

    def __exit__(self, *of: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(WAIT_S)

    def tail(self) -> str:
        """Return the end of what it wrote."""
        return self._log.read_text(errors="replace")[-4000:]

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON answer, of an error too."""
        url = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}{self._ready}", timeout=1):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def prometheus(folder: Path, port: int) -> Served:
    """Return Prometheus with prometheus.yml of a folder."""
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        # it finds Alertmanager after five seconds; what it told nobody until then comes again after a minute
        "--rules.alert.resend-delay=5s",
    ]  # fmt: skip
    return Served("prometheus", folder, port, "/-/ready", arguments)


def alertmanager(folder: Path, port: int) -> Served:
    """Return Alertmanager with alertmanager.yml of a folder; it joins no cluster."""
    arguments = [
        f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    return Served("prometheus-alertmanager", folder, port, "/-/ready", arguments)
