"""A damaged journal is refused as it is, or says what it once truly said; it is never guessed at.

What no file can tell is that its newest rows are missing altogether (an old backup, a lost write-ahead log).
Then its state is a true one of the past, and the brokerage's own orders halt the daemon at the next look.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader.cli import cli
from livetrader.errors import AlreadyRunningError, JournalError
from livetrader.gateway.takeover import StateLock
from livetrader.journal.examination import examine, export, quarantine
from livetrader.journal.identifiers import order_client_id
from livetrader.journal.journal import Journal
from livetrader.journal.records import Halted, OrderIntended, Record, ReportReceived, Resumed, encode, kind_of
from livetrader.journal.replay import JournalState, replay
from livetrader.journal.store import Row, Store
from livetrader_engine.orders.order import ExecutionId, Fill
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import ExecutionReport
from tests.journal_fire.cuts import JOURNAL, fast_folder
from tests.unit.daemon.money import START_NS, make_desk, new_venue, spec
from tests.unit.daemon.virtual_time import run

ORDERS = 40
LOGGED = 15  # of the orders, the newest: in the write-ahead log only
WAL = JOURNAL + "-wal"


def story(instance: str) -> list[Record]:
    """Return what a journal of some orders says: each intended, most of them filled, one halt."""
    told: list[Record] = []
    for number in range(1, ORDERS + 1):
        name = order_client_id(instance, number)
        told.append(OrderIntended(START_NS + number, number, name, spec(number, number)))
        fill = Fill(ExecutionId(f"X{number}"), Decimal(number), Decimal("100.25"), START_NS + number)
        report = ExecutionReport(name, OrderStatus.FILLED, START_NS + number, fill=fill)
        told.append(ReportReceived(START_NS + number, report))
        if number == ORDERS // 2:
            told += [Halted(START_NS, "lunch", "operator"), Resumed(START_NS, "operator")]
    return told


def make(folder: Path) -> list[Record]:
    """Write a journal as a killed daemon leaves it, in part in the log only; return its story."""
    with fast_folder() as workplace:
        store = Store(workplace / JOURNAL, "account", 1)
        told = story(store.open().instance)
        rows = [Row(record.time_ns, kind_of(record), None, encode(record)) for record in told]
        store.write(rows[: -2 * LOGGED])
        store._since_checkpoint = 10**6
        store.tidy()
        for row in rows[-2 * LOGGED :]:
            store.write([row])
        for name in (JOURNAL, WAL):
            shutil.copy(workplace / name, folder / name)
        store.close()
    return told


def says(state: JournalState) -> tuple[object, ...]:
    """Return what trading depends on."""
    orders = {
        name: (order.status, order.filled, order.spec, frozenset(order.executions))
        for name, order in state.orders.items()
    }
    return state.positions, orders, state.next_number, state.next_order_id, state.halted, state.restricted


class Sound:
    """A journal that is well, and what it says. No dataclass: its repr would be the whole story."""

    def __init__(self, folder: Path, told: list[Record]) -> None:
        self.folder = folder
        self.told = told


Spoil = Callable[[bytearray], bytearray]


def flip(at: float, bit: int) -> Spoil:
    def spoil(content: bytearray) -> bytearray:
        if content:
            content[int(at * (len(content) - 1))] ^= 1 << bit
        return content

    return spoil


def truncate(at: float) -> Spoil:
    return lambda content: content[: int(at * len(content))]


def overwrite(at: float, with_bytes: bytes) -> Spoil:
    def spoil(content: bytearray) -> bytearray:
        start = int(at * len(content))
        content[start : start + len(with_bytes)] = with_bytes
        return content

    return spoil


def zero_page(at: float) -> Spoil:
    def spoil(content: bytearray) -> bytearray:
        start = int(at * (len(content) // 4096)) * 4096
        content[start : start + 4096] = bytes(len(content[start : start + 4096]))
        return content

    return spoil


places = st.floats(0, 1, allow_nan=False)
spoils = st.one_of(
    st.builds(flip, places, st.integers(0, 7)),
    st.builds(truncate, places),
    st.builds(overwrite, places, st.binary(min_size=1, max_size=600)),
    st.builds(zero_page, places),
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    folder = tmp_path_factory.mktemp("sound")
    return Sound(folder, make(folder))


@settings(max_examples=300)
@given(damage=st.lists(st.tuples(st.sampled_from([JOURNAL, WAL]), spoils), min_size=1, max_size=3))
def test_a_damaged_journal_is_refused_untouched_or_tells_a_true_state_of_the_past(
    sound: Sound, damage: list[tuple[str, Spoil]]
) -> None:
    source, told = sound.folder, sound.told
    with fast_folder() as folder:
        for name in (JOURNAL, WAL):
            shutil.copy(source / name, folder / name)
        for name, spoil in damage:
            path = folder / name
            path.write_bytes(bytes(spoil(bytearray(path.read_bytes()))))
        before = {name: (folder / name).read_bytes() for name in (JOURNAL, WAL)}
        store = Store(folder / JOURNAL, "account", 2)
        try:
            state = store.open()
        except (JournalError, sqlite3.OperationalError):
            after = {
                name: (folder / name).read_bytes() for name in (JOURNAL, WAL) if (folder / name).exists()
            }
            assert after == before, "a refused file was changed"
            return
        finally:
            store.close()
        assert state.instance == replay([], state.instance).instance
        assert says(state) == says(replay(told[: state.records])), "a state that never was"


def damaged(sound: Sound, folder: Path) -> Path:
    """Copy the sound journal and change one letter of a row that is in the file."""
    for name in (JOURNAL, WAL):
        shutil.copy(sound.folder / name, folder / name)
    content = bytearray((folder / JOURNAL).read_bytes())
    at = content.index(b'"lunch"')
    content[at + 1 : at + 6] = b"lunge"
    (folder / JOURNAL).write_bytes(bytes(content))
    return folder / JOURNAL


def opened(path: Path) -> JournalState:
    async def once() -> JournalState:
        journal = Journal(path, "account", lambda: START_NS)
        try:
            await journal.open()
            return journal.state
        finally:
            await journal.close()

    return asyncio.run(once())


def test_a_refusal_names_the_damage_and_both_remedies(sound: Sound, tmp_path: Path) -> None:
    path = damaged(sound, tmp_path)
    with pytest.raises(
        JournalError, match=r"row 41 was changed or damaged.*backup.*journal quarantine.*check"
    ):
        opened(path)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    path.write_bytes(b"This is a shopping list. " * 400)
    with pytest.raises(JournalError, match=r"file is not a database.*quarantine"):
        opened(path)
    assert path.read_bytes().startswith(b"This is a shopping list.")


def test_another_programs_database_is_refused_and_keeps_its_format(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="not a journal: it has the tables recipes"):
        opened(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("UPDATE meta SET value = 'LTxxxx' WHERE key = 'instance'", "does not fit together"),
        ("UPDATE meta SET value = 'one' WHERE key = 'schema_version'", "does not fit together"),
        ("DELETE FROM meta WHERE key = 'created_ns'", "does not fit together"),
        ("DELETE FROM meta", "does not say whose they are"),
        ("UPDATE meta SET value = '99' WHERE key = 'schema_version'", "newer livetrader"),
        ("DROP TABLE meta", "does not say whose they are"),
    ],
)
def test_what_a_journal_says_about_itself_is_checked(
    sound: Sound, tmp_path: Path, spoil: str, words: str
) -> None:
    for name in (JOURNAL, WAL):
        shutil.copy(sound.folder / name, tmp_path / name)
    connection = sqlite3.connect(tmp_path / JOURNAL)
    connection.execute(spoil)
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match=words):
        opened(tmp_path / JOURNAL)
    assert not examine(tmp_path / JOURNAL).intact


def test_an_older_schema_is_read_and_from_then_on_refused_by_older_versions(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    opened(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '0' WHERE key = 'schema_version'")
    connection.commit()
    opened(path)
    (version,) = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    connection.close()
    assert int(version) > 0


def test_a_lost_log_leaves_a_past_state_and_the_brokerage_halts_the_daemon(tmp_path: Path) -> None:
    """An order that the venue has and the journal has not, under this journal's own name, cannot be."""
    venue = new_venue()

    async def trade(number: int) -> bool:
        desk = make_desk(venue, tmp_path)
        await desk.journal.open()
        await desk.gateway.reconcile_at_start()
        halted = desk.gateway.halted
        if number:
            await desk.submit(spec(number, 10))
        await desk.journal.close()
        venue.session = None
        return halted

    assert run(trade(1)) is False
    old = (tmp_path / JOURNAL).read_bytes()
    assert run(trade(2)) is False
    (tmp_path / JOURNAL).write_bytes(old)  # restored from a backup that is a day old
    assert run(trade(0)) is True


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
