"""What an operator may do with a journal: look, export it, set it aside; and what the next start does."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader.errors import AlreadyRunningError
from livetrader.gateway.takeover import StateLock
from livetrader.journal.examination import examine, export, quarantine
from livetrader.journal.journal import Journal
from tests.journal_fire.cuts import JOURNAL
from tests.journal_fire.stories import ORDERS, WAL, Sound, damaged, opened
from tests.unit.daemon.money import START_NS, make_desk, new_venue, spec
from tests.unit.daemon.virtual_time import run


def test_a_journal_that_was_set_aside_is_followed_by_one_that_begins_halted(
    sound: Sound, tmp_path: Path
) -> None:
    path = damaged(sound, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in (JOURNAL, WAL)}
    aside = quarantine(path, START_NS)
    assert aside.name == f"{JOURNAL}.quarantined-20131007T143000Z"
    assert not path.exists()
    assert aside.read_bytes() == before[JOURNAL]
    assert aside.with_name(aside.name + "-wal").read_bytes() == before[WAL]
    state = opened(path)
    assert state.halted is not None and aside.name in state.halted.reason
    assert (state.positions, state.next_number) == ({}, 1)
    assert state.instance != examine(aside).instance


def test_after_a_quarantine_positions_are_taken_over_and_old_orders_are_shown_and_left_alone(
    tmp_path: Path,
) -> None:
    venue = new_venue()

    async def first() -> None:
        desk = make_desk(
            venue, tmp_path, journal=Journal(tmp_path / JOURNAL, "test", lambda: START_NS - 10**9)
        )
        await desk.journal.open()
        await desk.gateway.reconcile_at_start()
        await desk.submit(spec(1, 10))
        await desk.submit(spec(2, 5))
        await desk.journal.close()
        venue.session = None

    async def second() -> None:
        desk = make_desk(venue, tmp_path)
        await desk.journal.open()
        await desk.gateway.reconcile_at_start()
        assert desk.gateway.halted and "set aside" in desk.gateway.halt_reason
        assert desk.held() == desk.venue_held() == 15
        assert [item.reason for item in desk.gateway.state.adjustments.values()] == ["opening"]
        submits = len(venue.submits)
        await desk.submit(spec(1, 10))
        assert len(venue.submits) == submits, "an order left before anybody had looked"
        await desk.gateway.resume("operator")
        await desk.submit(spec(2, 10))
        assert len(venue.submits) == submits + 1
        await desk.journal.close()

    run(first())
    quarantine(tmp_path / JOURNAL, START_NS)
    run(second())


def test_check_tells_how_far_a_damaged_journal_can_be_trusted(sound: Sound, tmp_path: Path) -> None:
    damaged(sound, tmp_path)
    done = CliRunner().invoke(cli, ["journal", "check", str(tmp_path), "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (told["intact"], told["rows"], told["rows_sound"]) == (False, 2 * ORDERS + 2, 40)
    assert told["problems"] == ["row 41 was changed or damaged after it was written"]
    words = CliRunner().invoke(cli, ["journal", "check", str(tmp_path / JOURNAL)])
    assert "livetrader journal quarantine" in words.stdout


def test_check_of_a_sound_journal_changes_nothing(sound: Sound) -> None:
    before = {name: (sound.folder / name).read_bytes() for name in (JOURNAL, WAL)}
    done = CliRunner().invoke(cli, ["journal", "check", str(sound.folder), "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["intact"], told["rows_sound"]) == (0, True, 2 * ORDERS + 2)
    assert {name: (sound.folder / name).read_bytes() for name in (JOURNAL, WAL)} == before


def test_export_writes_every_row_and_says_up_to_which_one_the_chain_holds(
    sound: Sound, tmp_path: Path
) -> None:
    path = damaged(sound, tmp_path)
    done = CliRunner().invoke(cli, ["journal", "export", str(path)])
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.exit_code == 1
    assert [row["seq"] for row in rows] == list(range(1, 2 * ORDERS + 3))
    assert [row["verified"] for row in rows] == [True] * 40 + [False] * (2 * ORDERS - 38)
    assert rows[40]["body"]["reason"] == "lunge"


def test_export_reaches_rows_behind_a_damaged_page(sound: Sound, tmp_path: Path) -> None:
    for name in (JOURNAL, WAL):
        shutil.copy(sound.folder / name, tmp_path / name)
    connection = sqlite3.connect(tmp_path / JOURNAL)
    (page,) = (
        connection.execute(
            "SELECT pageno FROM dbstat WHERE name = 'record' AND pagetype = 'leaf' LIMIT 1 OFFSET 2"
        ).fetchone()
        if _has_dbstat(connection)
        else (None,)
    )
    connection.close()
    if page is None:
        pytest.skip("this SQLite was built without dbstat")
    content = bytearray((tmp_path / JOURNAL).read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    (tmp_path / JOURNAL).write_bytes(bytes(content))
    rows = [json.loads(line) for line in export(tmp_path / JOURNAL)]
    seqs = [row["seq"] for row in rows]
    assert seqs[0] == 1 and seqs[-1] == 2 * ORDERS + 2
    assert len(seqs) < 2 * ORDERS + 2
    assert not rows[-1]["verified"]


def _has_dbstat(connection: sqlite3.Connection) -> bool:
    return any("DBSTAT" in option for (option,) in connection.execute("PRAGMA compile_options"))


def test_quarantine_waits_for_nobody_who_trades(sound: Sound, tmp_path: Path) -> None:
    path = damaged(sound, tmp_path)
    lock = StateLock.acquire(tmp_path / "daemon.lock")
    try:
        done = CliRunner().invoke(cli, ["journal", "quarantine", str(tmp_path), "--yes"])
    finally:
        lock.release()
    assert done.exit_code == AlreadyRunningError.exit_code
    assert path.exists()


def test_quarantine_asks_first_and_then_says_what_follows(sound: Sound, tmp_path: Path) -> None:
    path = damaged(sound, tmp_path)
    refused = CliRunner().invoke(cli, ["journal", "quarantine", str(tmp_path)], input="n\n")
    assert refused.exit_code == 1 and path.exists()
    done = CliRunner().invoke(cli, ["journal", "quarantine", str(tmp_path)], input="y\n")
    assert done.exit_code == 0 and not path.exists()
    assert "halted until `livetrader resume`" in done.stdout
    again = CliRunner().invoke(cli, ["journal", "quarantine", str(tmp_path), "--yes"])
    assert again.exit_code == 2 and "there is no journal" in again.output
