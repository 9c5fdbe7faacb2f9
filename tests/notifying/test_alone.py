"""People are told by processes without a daemon: a test of the channels, and a liquidation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notifying.receivers import WebReceiver

CONFIG = """
[algorithm]
path = "gone.py"
[account]
state_directory = "state"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
start = "2020-03-10"
[data]
folder = "gone"
[notify]
attempt_limit_s = 2.0
[[notify.channel]]
name = "broken"
plugin = "direct"
url = "{first}"
[[notify.channel]]
name = "good"
plugin = "direct"
url = "{second}"
"""


@pytest.fixture
def receivers() -> Iterator[tuple[WebReceiver, WebReceiver]]:
    pair = WebReceiver(), WebReceiver()
    pair[0].status = 500
    yield pair
    for receiver in pair:
        receiver.close()


@pytest.fixture
def config(tmp_path: Path, receivers: tuple[WebReceiver, WebReceiver]) -> Path:
    file = tmp_path / "livetrader.toml"
    file.write_text(CONFIG.format(first=receivers[0].url, second=receivers[1].url))
    return file


def livetrader(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "livetrader", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)


def test_every_channel_is_tried_without_a_daemon_and_the_exit_code_says_whether_all_work(
    config: Path, receivers: tuple[WebReceiver, WebReceiver]
) -> None:
    done = livetrader("notify", "test", config, "--alone", "--json")
    assert done.returncode == 6, done.stderr
    assert json.loads(done.stdout) == [
        {"channel": "broken", "problem": "127.0.0.1 answered 500 Internal Server Error"},
        {"channel": "good", "problem": ""},
    ]
    good = livetrader("notify", "test", config, "--alone", "--channel", "good")
    assert (good.returncode, good.stdout) == (0, "good: ok\n")
    unknown = livetrader("notify", "test", config, "--alone", "--channel", "x")
    assert unknown.returncode == 2 and "channels: broken, good" in unknown.stderr
    assert len(receivers[1].requests) == 2
    assert not (config.parent / "state").exists(), "nothing is left behind"


def test_a_liquidation_without_a_daemon_tells_the_first_channel_that_works(
    config: Path, receivers: tuple[WebReceiver, WebReceiver]
) -> None:
    done = livetrader("liquidate", config, "--yes", "--reason", "drill")
    assert done.returncode == 0, done.stderr
    (request,) = receivers[1].requests
    message = json.loads(request[2])
    assert message["title"] == "[paper] ALARM: liquidated without the daemon"
    assert "drill (command line)" in message["text"] and "the account is flat" in message["text"]
