"""The scripted week ends with everybody of one mind, and people have heard exactly what they had to."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from itertools import zip_longest

import pytest

from livetrader.telemetry.notifications import Urgency
from tests.simulation.hostile.document import DOCUMENT, text_of
from tests.simulation.hostile.script import SCRIPT
from tests.simulation.hostile.week import Played, play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
LIBRARIES = ("ib_async", "ib_insync")
Weeks = Callable[[str], Played]
QUIET, WARN, ALARM = Urgency.INFORMATION, Urgency.WARNING, Urgency.ALARM


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Weeks:
    """Play the week of a library once, whoever of the workers asks first; it takes ten seconds."""
    if worker_id == "master":
        return cache(play)
    shared = tmp_path_factory.getbasetemp().parent  # of all workers of this run

    @cache
    def once(library: str) -> Played:
        kept = shared / f"hostile-week-{library}"
        with kept.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            if known := file.read():
                played: Played = pickle.loads(known)
                return played
            played = play(library)
            file.write(pickle.dumps(played))
            return played

    return once


@pytest.mark.parametrize("library", LIBRARIES)
def test_journal_algorithm_and_account_are_equal_at_the_end(library: str, week: Weeks) -> None:
    played = week(library)
    assert not played.violations
    assert {name for name, *_ in played.ends} == {"SPY", "AAPL", "USD", "our working orders"}
    for name, *values in played.ends:
        assert len(set(values)) == 1, (name, values)
    assert played.ends[0][1] == "175", (
        "five days of 20 and of 5, by hand 50, less what was lost and taken back"
    )


NIGHT = [
    ("03:45", QUIET, "brokerage away, as expected"), ("03:4", QUIET, "brokerage is back"),
    ("04:31", QUIET, "brokerage away, as expected"), ("04:3", QUIET, "brokerage is back"),
]  # fmt: skip
EXPECTED = [
    ("Mon", [("18:04", WARN, "brokerage lost"), ("18:0", WARN, "brokerage is back")]),
    ("Tue", [*NIGHT, ("15:0", WARN, "manual trade")]),
    ("Wed", [
        *NIGHT,
        ("14:00", WARN, "brokerage lost"), ("14:0", WARN, "brokerage is back"),
        ("16:00", WARN, "brokerage lost"), ("16:05", ALARM, "brokerage still away"),
        ("16:1", ALARM, "brokerage is back"),
    ]),
    ("Thu", [
        *NIGHT,
        ("17:00", WARN, "brokerage lost"), ("17:00", WARN, "brokerage is back"),
        ("17:01", WARN, "brokerage lost"), ("17:01", WARN, "brokerage is back"),
        ("17:02", WARN, "brokerage connection unsteady"), ("17:1", WARN, "brokerage connection steady again"),
    ]),
    ("Fri", NIGHT),
    ("Sat", [("03:10", QUIET, "brokerage away, as expected"), ("12:2", QUIET, "brokerage is back")]),
    ("Sun", [
        ("21:00", WARN, "a login will be needed"),
        ("22:00", WARN, "brokerage away until a login"), ("22:16", ALARM, "brokerage still away"),
        ("22:41", ALARM, "brokerage is back"),
    ]),
    ("Mon", NIGHT),
]  # fmt: skip


@pytest.mark.parametrize("library", LIBRARIES)
def test_people_hear_exactly_what_they_have_to(library: str, week: Weeks) -> None:
    alerts = [
        (datetime.fromtimestamp(alert.time_ns // 10**9, UTC).strftime("%a %H:%M"), alert.urgency, alert.title)
        for alert in week(library).alerts
    ]
    expected = [(f"{day} {time}", urgency, title) for day, rows in EXPECTED for time, urgency, title in rows]
    assert [(urgency, title) for _, urgency, title in alerts] == [row[1:] for row in expected]
    late = [(told, wanted) for (told, *_), (wanted, *_) in zip(alerts, expected, strict=True)]
    assert all(told.startswith(wanted) for told, wanted in late), late


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_algorithm_hears_of_every_outage_and_of_its_end_after_what_was_recovered(
    library: str, week: Weeks
) -> None:
    said = [line.words for line in week(library).lines if line.who == "algorithm"]
    turns = [words.partition(",")[0] for words in said if words.startswith("on_brokerage_")]
    turns = [words for words in turns if "message" not in words]
    assert turns == ["on_brokerage_disconnect", "on_brokerage_reconnect"] * (len(turns) // 2)
    assert len(turns) // 2 == sum(act.do in ("lose_link", "restart", "nightly_reset") for act in SCRIPT)
    first = said.index("on_brokerage_disconnect")
    assert said[first + 1].startswith("order 3 filled +5 SPY"), "the trade that was missed comes first"
    assert said[first + 3] == "on_brokerage_reconnect, holding 25 SPY"


@pytest.mark.parametrize("library", LIBRARIES)
def test_orders_before_a_restart_wait_and_are_sent_once(library: str, week: Weeks) -> None:
    said = [line.words for line in week(library).lines if line.who == "algorithm"]
    waited = [words.split()[1] for words in said if "waits, not sent yet" in words]
    assert len(waited) == 7, "every night, but the first one"
    sent = [number for number in waited if said.count(f"order {number} submitted") == 1]
    refused = [number for number in waited if any(f"order {number} invalid" in words for words in said)]
    assert (len(sent), len(refused)) == (6, 1), "one waited too long, in IB's weekend"
    assert not set(sent) & set(refused)


def first_difference(one: str, other: str) -> tuple[str, str] | None:
    """Return the first line in which two pages differ; a whole diff of them takes minutes."""
    pairs = zip_longest(one.splitlines(), other.splitlines(), fillvalue="(nothing)")
    return next((pair for pair in pairs if pair[0] != pair[1]), None)


def test_the_page_is_what_was_played(week: Weeks) -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    assert first_difference(page, text_of(week("ib_async"))) is None, "run `make docs`"


def test_both_client_libraries_make_the_same_week(week: Weeks) -> None:
    assert first_difference(text_of(week("ib_async")), text_of(week("ib_insync"))) is None
