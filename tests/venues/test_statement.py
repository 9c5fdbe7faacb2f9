"""Orders that are on their way to IB, and the peer's own books for whoever judges a client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from livetrader_venues.tws.settings import SECOND_NS, Settings
from livetrader_venues.tws.statement import statement
from tests.conftest import Deadline
from tests.venues.raw import Room

SLOW_WAY = Settings(order_delay_ns=5 * SECOND_NS)


def test_an_order_that_is_on_its_way_arrives_though_its_client_has_died() -> None:
    room = Room(settings=SLOW_WAY)
    client = room.connect()
    room.order(client, 1, "BUY", 10, orderRef="mine")
    room.gateway.lost(client.number, room.now_ns)
    again = room.connect()
    room.send(again, 16, 1)
    assert again.named("openOrder") == [], "nobody is shown it yet"
    assert [held.terms.order_ref for held in room.gateway.orders.travelling] == ["mine"]
    room.wait(5)
    assert again.statuses(1)[-1] == "Filled"
    assert not room.gateway.orders.travelling


def test_a_number_of_an_order_on_its_way_is_taken() -> None:
    room = Room(settings=SLOW_WAY)
    client = room.connect()
    room.order(client, 1, "BUY", 10)
    room.order(client, 1, "BUY", 10)
    assert client.codes() == [103]
    assert client.named("nextValidId")[-1][2] == "1"
    assert room.connect(client_id=2).named("nextValidId")[-1][2] == "1"


@pytest.mark.parametrize("number", [4, 58], ids=["cancelOrder", "reqGlobalCancel"])
def test_a_cancel_follows_an_order_that_is_on_its_way(number: int) -> None:
    room = Room(settings=SLOW_WAY)
    client = room.connect()
    room.order(client, 1, "BUY", 10, orderType="LMT", lmtPrice=90)
    room.send(client, *((4, 1, 1, "") if number == 4 else (58, 1)))
    assert client.codes() == []
    room.wait(5)
    assert client.statuses(1)[-1] == "Cancelled"


def test_the_statement_has_every_order_and_trade_with_its_sign() -> None:
    room = Room()
    client = room.connect()
    room.order(client, 1, "BUY", 10, orderRef="first")
    room.order(client, 2, "SELL", 4, orderRef="second")
    room.order(client, 3, "BUY", 7, orderType="LMT", lmtPrice=90, orderRef="third")
    said = json.loads(json.dumps(statement(room.gateway)))
    assert [(o["reference"], o["quantity"], o["filled"], o["is_open"]) for o in said["orders"]] == [
        ("first", "10", "10", False),
        ("second", "-4", "-4", False),
        ("third", "7", "0", True),
    ]
    assert [(e["reference"], e["quantity"]) for e in said["executions"]] == [
        ("first", "10"),
        ("second", "-4"),
    ]
    assert said["positions"] == [{"account": "DU1234567", "symbol": "SPY", "quantity": "6"}]


@pytest.mark.slow
def test_the_command_writes_its_statement_when_asked_and_at_the_end(
    tmp_path: Path, deadline: Deadline
) -> None:
    file = tmp_path / "books.json"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "livetrader_venues.tws.cli",
            "--port",
            "0",
            "--json",
            "--statement",
            str(file),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None and b"listening" in process.stdout.readline()
        os.kill(process.pid, signal.SIGUSR1)
        deadline.until(file.exists, "the statement")
        assert json.loads(file.read_text())["orders"] == []
        file.unlink()
    finally:
        process.terminate()
        assert process.wait(10) == 0
        assert process.stdout is not None
        process.stdout.close()
    assert json.loads(file.read_text())["positions"] == []
