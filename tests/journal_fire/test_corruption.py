"""A damaged journal is refused as it is, or says what it once truly said; it is never guessed at.

What no file can tell is that its newest rows are missing altogether (an old backup, a lost write-ahead log).
Then its state is a true one of the past, and the brokerage's own orders halt the daemon at the next look.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader.errors import JournalError
from livetrader.journal.examination import examine
from livetrader.journal.replay import replay
from livetrader.journal.store import Store
from tests.journal_fire.cuts import JOURNAL, fast_folder
from tests.journal_fire.stories import WAL, Sound, damaged, opened, says
from tests.unit.daemon.money import make_desk, new_venue, spec
from tests.unit.daemon.virtual_time import run

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


@pytest.mark.timeout(90)
@settings(max_examples=200)
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
