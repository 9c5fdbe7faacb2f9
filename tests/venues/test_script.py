"""Scripts and the command: what a file says happens, what it may not say is refused before the start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from livetrader_venues.tws import cli, script
from livetrader_venues.tws.director import ACTIONS, ScriptError
from livetrader_venues.tws.script import Player, Script
from tests.repository.sources import ROOT
from tests.venues.raw import Room

WEEK = """
[[stock]]
symbol = "XYZ"
price = 25.0

[[fault]]
kind = "mute"
message = "orderStatus"
client = 3

[[step]]
at_s = 10
do = "quote"
symbol = "SPY"
bid = 90.0
ask = 90.02

[[step]]
on = "placeOrder"
nth = 2
do = "lose_link"

[[daily]]
at = "23:45:00"
do = "nightly_reset"
down_s = 60

[[daily]]
at = "22:00:00"
days = ["sun"]
do = "restart"
needs_login = true
"""


def played(text: str, seed: int = 1) -> tuple[Room, Script]:
    said, room = script.parsed(text), Room(seed=seed)
    Player(room.gateway, said, Random(seed)).start()
    return room, said


def test_the_script_in_the_guide_can_be_played() -> None:
    guide = (ROOT / "docs" / "venues.md").read_text(encoding="utf-8")
    (text,) = (each for each in re.findall(r"```toml\n(.*?)```", guide, re.DOTALL) if "tws-peer" in each)
    said = script.parsed(text)
    assert (len(said.faults), len(said.steps), len(said.daily)) == (1, 2, 2)
    named = set(re.findall(r"`([a-z_]+)`", guide[guide.index("| action |") : guide.index("`reference`")]))
    assert named >= ACTIONS, sorted(ACTIONS - named)


def test_steps_come_at_their_time_and_after_requests() -> None:
    room, said = played(WEEK)
    client = room.connect()
    room.order(client, 1, "BUY", 10, orderType="LMT", lmtPrice=95)
    room.wait(9)
    assert client.statuses(1) == ["Submitted"]
    room.wait(1)
    assert client.statuses(1)[-1] == "Filled"
    room.order(client, 2, "BUY", 10)
    assert client.codes() == [1100]
    assert [each.symbol for each in said.stocks] == ["XYZ"]


def test_days_come_again_and_weeks_end_with_a_login() -> None:
    room, _ = played(WEEK)  # begins on a Monday at noon
    client = room.connect()
    for _ in range(6):
        room.wait(86_400)
    assert client.codes() == 6 * [1100, 1102]
    room.wait(12 * 3600)
    assert client.is_closed and not room.gateway.accepts


def test_prices_walk_alike_with_the_same_seed() -> None:
    def prices(seed: int) -> list[str]:
        room, _ = played("[walk]\nevery_s = 1.0\nvolatility = 0.01\n", seed)
        room.wait(20)
        return [str(quote.last) for quote in room.gateway.exchange.quotes.values()]

    assert prices(1) == prices(1) != prices(2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[step", "not TOML"),
        ("[[steps]]\n", "unknown section steps"),
        ("[[step]]\ndo = 'quote'\n", "either at_s or on"),
        ("[[step]]\nat_s = 1\ndo = 'quiet'\n", "no action 'quiet'"),
        ("[[step]]\nat_s = 1\ndo = 'quote'\nsymbol = 'SPY'\n", "missing a required argument"),
        ("[[step]]\nat_s = 1\ndo = 'bust'\nprice = 1\n", "unexpected keyword"),
        ("[[step]]\nat_s = 'x'\ndo = 'bust'\n", "at_s must be a number"),
        ("[[step]]\non = 'orderStatus'\ndo = 'bust'\n", "no request is named"),
        ("[[fault]]\nkind = 'lose'\nmessage = '*'\n", "kind must be one of"),
        ("[[fault]]\nkind = 'mute'\nmessage = 'orders'\n", "no message is named"),
        ("[[fault]]\nkind = 'truncate'\nmessage = 'placeOrder'\n", "is for what TWS says"),
        ("[[fault]]\nkind = 'mute'\nmessage = '*'\nhow = 1\n", "unknown how"),
        ("[[daily]]\nat = 'noon'\ndo = 'bust'\n", "hh:mm:ss"),
        ("[[stock]]\nsymbol = 'X'\n", "needs symbol and price"),
    ],
)
def test_a_script_that_cannot_be_played_says_why(text: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        script.parsed(text)


def test_an_action_without_its_object_says_so() -> None:
    room = Room()
    for action in ("bust", "cancel", "number_again"):
        with pytest.raises(ScriptError, match=r"nothing was traded|no order is open"):
            room.do(action)
    with pytest.raises(ScriptError, match="no contract"):
        room.do("quote", symbol="NOSUCH", bid=1, ask=2)
    with pytest.raises(ScriptError, match="is not a number"):
        room.do("quote", symbol="SPY", bid="low", ask=2)
    assert {"quote", "fault", "restart", "compete"} <= ACTIONS


def test_help_has_examples_and_errors_are_one_line(tmp_path: Path) -> None:
    runner = CliRunner()
    shown = runner.invoke(cli.main, ["--help"]).output
    assert "Examples:" in shown and "--script hostile.toml --seed 7" in shown
    file = tmp_path / "bad.toml"
    file.write_text("[[step]]\nat_s = 1\ndo = 'quiet'\n")
    done = runner.invoke(cli.main, ["--port", "0", "--script", str(file)])
    assert done.exit_code == 1 and done.output.startswith("Error: there is no action 'quiet'")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = runner.invoke(cli.main, ["--port", str(taken.getsockname()[1])])
    assert done.exit_code == 1 and "cannot listen on 127.0.0.1" in done.output


@pytest.mark.slow
def test_the_command_serves_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "livetrader_venues.tws.cli", "--port", "0", "--json", "--version", "157"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert (said["event"], said["accounts"]) == ("listening", ["DU1234567"])
        with socket.create_connection(("127.0.0.1", said["port"]), timeout=10) as client:
            offer = b"v100..178"
            client.sendall(b"API\0" + struct.pack(">I", len(offer)) + offer)
            answer = client.recv(1000)
            assert answer[4:8] == b"157\0"
            client.sendall(b"\0\0\0\x0971\x002\x0042\0\0")
            seen = json.loads(process.stdout.readline())
        assert (seen["name"], seen["client"]) == ("startApi", 42)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
