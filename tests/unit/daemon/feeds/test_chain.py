"""The chain of feeds in virtual time: what reaches the engine is whole, in order, or known to be stale."""

from __future__ import annotations

from itertools import pairwise

import pytest

from livetrader.settings import Backfill, FreshnessSettings
from livetrader.telemetry.notifications import Urgency
from livetrader_engine.data.bars import Tick
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.events import MarketDataArrived
from livetrader_engine.spi import FeedStatus
from livetrader_engine.spi_data import BarsMissing, StreamRefused
from livetrader_engine.symbols import Resolution, SecurityType, Symbol
from tests.unit.daemon.feeds.scene import AAPL, MINUTE, SECOND, SPY, START_NS, Scene, minutes, play, true_bar


def test_a_feed_that_is_well_is_handed_on_from_the_first_minute() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(305)

    scene = play(Scene(), act)
    scene.check_whole(SPY, 0, 5)
    scene.check_whole(AAPL, 0, 5)
    assert scene.told == []
    assert scene.chain.counts.backfilled_bars == 2, "the running minute is history's"


def test_a_lost_connection_leaves_no_hole_and_no_duplicate() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].lost.set()
        await scene.until(405)

    scene = play(Scene(), act)
    scene.check_whole(SPY, 0, 6)
    scene.check_whole(AAPL, 0, 6)
    assert scene.told == []


def test_a_socket_that_stays_open_and_says_nothing_is_connected_anew() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].deaf = True
        await scene.until(405)

    scene = play(Scene(), act)
    scene.check_whole(SPY, 0, 6)
    scene.check_whole(AAPL, 0, 6)
    assert scene.plugins[0].calls.count("connect") == 2
    assert scene.chain.counts.reconnects.total() == 1


def test_one_symbol_that_falls_silent_is_asked_for_anew_and_its_bars_come_from_history() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].deaf_for.add(AAPL)
        await scene.until(405)

    scene = play(Scene(), act)
    scene.check_whole(AAPL, 0, 6)
    scene.check_whole(SPY, 0, 6)
    assert "renew AAPL" in scene.plugins[0].calls
    assert scene.plugins[0].calls.count("connect") == 1, "the others' connection stands"


def test_one_symbol_that_stays_mute_is_stale_within_a_minute_and_only_it() -> None:
    marked: list[tuple[float, str, str]] = []

    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].muted.add(AAPL)
        for second in range(150, 300):
            await scene.until(second + 0.5)
            marked.append((second - 150, scene.chain.stale(AAPL), scene.chain.stale(SPY)))
        scene.plugins[0].muted.clear()
        await scene.until(505)

    scene = play(Scene(), act)
    first = next(second for second, why, _ in marked if why)
    assert 40 <= first <= 60
    assert not any(other for _, _, other in marked)
    scene.check_whole(AAPL, 0, 8)
    scene.check_whole(SPY, 0, 8)
    assert [(urgency, title) for urgency, title, _ in scene.told] == [
        (Urgency.WARNING, "market data stale"),
        (Urgency.WARNING, "market data fresh again"),
    ]
    assert scene.chain.stale(AAPL) == ""


def test_a_quiet_instrument_is_proven_quiet_and_neither_marked_nor_connected_anew() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].quiet.add(AAPL)
        scene.past.silent[AAPL] = START_NS + 150 * SECOND
        await scene.until(905)

    scene = play(Scene(), act)
    assert scene.told == []
    assert scene.plugins[0].calls.count("connect") == 1
    assert scene.chain.counts.proven_quiet >= 3
    bars = scene.bars(AAPL)
    assert [bar.time_ns for bar in bars] == [START_NS + at * MINUTE for at in range(len(bars))]
    assert len(bars) >= 11, "copies of the last bar go on, at most until the next proof"
    assert all(bar.fill_forward for bar in bars[3:])


def _stocks(count: int) -> list[Symbol]:
    return [
        Symbol.create(f"S{number} R735QTJ8XC9X", f"S{number}", SecurityType.EQUITY, "usa")
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("seconds", [(1, 100, 47, 10, 150, 31), (100, 130, 200, 150, 75, 300)])
def test_feed_and_history_that_stand_still_together_end_in_marks_within_a_minute(
    seconds: tuple[int, ...], count: int
) -> None:
    every = dict(zip(_stocks(count), seconds, strict=False))  # seconds between two trades of each

    async def act(scene: Scene) -> None:
        await scene.start(*(minutes(symbol) for symbol in every))
        await scene.until(frozen_s)
        assert not scene.chain.counts.stale_marks, "what is quiet was known to be"
        scene.plugins[0].muted.update(every)
        scene.past.stands_ns = scene.now_ns()
        lost_s = {symbol: -(-frozen_s // each) * each for symbol, each in every.items()}  # the first trade
        for second in range(frozen_s, max(lost_s.values()) + 62):
            await scene.until(second)
            late = [symbol for symbol in every if second >= lost_s[symbol] + 60]
            assert all(scene.chain.stale(symbol) for symbol in late), f"frozen at {frozen_s}, now {second}"

    for moment in (301, 313, 327):  # one of them soon after a proof
        frozen_s = moment
        play(Scene(every=every), act)


def test_bars_of_minutes_prove_nothing_of_the_minute_that_runs() -> None:
    """History has seconds of the witness, of the silent stock only minutes: the running one is no bar yet."""

    async def act(scene: Scene) -> None:
        await scene.start(minutes(AAPL))
        await scene.until(305)
        scene.plugins[0].muted.add(AAPL)
        scene.past.fails_of.add((AAPL, Resolution.SECOND))
        await scene.until(340)
        assert scene.chain.counts.proven_quiet == 0
        await scene.until(366)
        assert scene.chain.stale(AAPL)

    play(Scene(), act)


def test_a_quiet_instrument_alone_is_never_marked_and_costs_few_questions_where_a_witness_trades() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].quiet.add(AAPL)
        scene.past.silent[AAPL] = START_NS + 150 * SECOND
        before = len(scene.past.asked)
        await scene.until(750)
        asked = [request.subscription for request in scene.past.asked[before:]]
        assert {each.symbol for each in asked} == {AAPL, SPY}
        assert all(each.extended_market_hours for each in asked if each.symbol is SPY)
        # two questions each 27 s; this history has no ticks, which costs a third one here and none elsewhere
        assert sum(each.resolution is not Resolution.TICK for each in asked) <= 50, "five a minute"

    scene = play(Scene(), act)
    assert scene.told == []
    assert scene.chain.counts.stale_marks == 0
    assert scene.plugins[0].calls.count("connect") == 1


@pytest.mark.parametrize(
    ("symbol", "rules"),
    [
        (AAPL, FreshnessSettings(witness=())),
        (AAPL, FreshnessSettings(witness=("equity/france/SPY", "index/usa/SPX"))),
        (SPY, FreshnessSettings()),  # it cannot speak for itself
    ],
    ids=["none", "of another market", "itself"],
)
def test_silence_that_nothing_else_can_prove_is_marked_and_nobody_else_is_asked_for(
    symbol: Symbol, rules: FreshnessSettings
) -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(symbol))
        await scene.until(150)
        scene.plugins[0].quiet.add(symbol)
        scene.past.silent[symbol] = START_NS + 150 * SECOND
        await scene.until(200)
        assert scene.chain.stale(symbol)
        asked = [request.subscription for request in scene.past.asked]
        assert not any(each.symbol is not symbol or each.extended_market_hours for each in asked)

    play(Scene(rules=rules), act)


def test_one_answer_about_the_witness_does_for_all_that_fall_silent_together() -> None:
    symbols = _stocks(6)

    async def act(scene: Scene) -> None:
        await scene.start(*(minutes(symbol) for symbol in symbols))
        await scene.until(150)
        scene.plugins[0].quiet.update(symbols)
        scene.past.silent.update(dict.fromkeys(symbols, START_NS + 150 * SECOND))
        await scene.until(170)
        assert scene.chain.counts.proven_quiet == len(symbols)
        assert sum(request.subscription.symbol is SPY for request in scene.past.asked) == 1

    play(Scene(), act)


def test_a_witness_that_history_has_nothing_of_is_left_in_peace_for_a_minute() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(AAPL))
        await scene.until(150)
        before = len(scene.past.asked)
        scene.past.lag_ns = 3600 * SECOND
        scene.plugins[0].quiet.add(AAPL)
        await scene.until(220)
        assert scene.chain.stale(AAPL)
        assert sum(request.subscription.symbol is SPY for request in scene.past.asked[before:]) == 1

    play(Scene(), act)


def test_a_bar_that_may_be_made_of_what_was_not_heard_proves_no_silence() -> None:
    async def act(scene: Scene) -> None:
        scene.past.coarse = True
        await scene.start(minutes(AAPL))
        await scene.until(227)
        scene.plugins[0].muted.add(AAPL)
        scene.past.silent[AAPL] = (
            START_NS + 230 * SECOND
        )  # what was lost is in the same minute as what was not
        await scene.until(287)
        assert scene.chain.stale(AAPL)

    play(Scene(), act)


@pytest.mark.parametrize("says_nothing", [True, False])
def test_nothing_at_all_of_what_history_never_has_proves_no_silence(says_nothing: bool) -> None:
    async def act(scene: Scene) -> None:
        scene.past.coarse, scene.past.says_nothing = True, says_nothing
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(177)
        # traded on: minutes have it, and there are neither ticks nor seconds
        scene.plugins[0].muted.add(AAPL)
        await scene.until(300)
        assert scene.chain.counts.proven_quiet == 0
        assert scene.chain.stale(AAPL)

    play(Scene(), act)


def test_what_history_never_has_is_missing_and_not_taken_for_nothing_that_was_traded() -> None:
    async def act(scene: Scene) -> None:
        scene.past.coarse = scene.past.says_nothing = True
        await scene.start(minutes(SPY), Subscription(AAPL, Resolution.SECOND))
        await scene.until(177.5)
        scene.plugins[0].lost.set()
        await scene.until(405)

    scene = play(Scene(), act)
    scene.check_whole(SPY, 0, 6)
    assert [(title, words.split(" of ")[1].split(":")[0]) for _, title, words in scene.told] == [
        ("bars are missing", "AAPL")
    ]


def test_bars_prove_no_silence_where_the_question_for_ticks_was_not_answered() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].quiet.add(AAPL)
        scene.past.silent[AAPL] = START_NS + 150 * SECOND
        scene.past.fails_of.add((AAPL, Resolution.TICK))
        await scene.until(230)
        assert scene.chain.stale(AAPL), "it may have traded parts of lots, which make no bar"
        scene.past.fails_of.clear()
        await scene.until(300)
        assert not scene.chain.stale(AAPL)

    play(Scene(), act)


def test_a_feed_that_is_away_for_a_moment_marks_nothing_however_long_it_was_well() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(900.2)
        scene.plugins[0].reachable = False
        scene.plugins[0].lost.set()
        await scene.until(909)
        assert not scene.chain.stale(SPY)
        scene.plugins[0].reachable = True
        await scene.until(1205)

    scene = play(Scene(), act)
    assert scene.chain.counts.stale_marks == 0
    scene.check_whole(SPY, 0, 20)
    scene.check_whole(AAPL, 0, 20)


async def _missed_once(scene: Scene) -> None:
    """Have a quiet instrument trade for three seconds that are not brought, and then not at all."""
    await scene.start(minutes(SPY), minutes(AAPL))
    await scene.until(150)
    scene.plugins[0].muted.add(AAPL)
    scene.past.silent[AAPL] = START_NS + 153 * SECOND
    await scene.until(905)


def test_what_a_quiet_instrument_missed_once_costs_one_new_connection() -> None:
    scene = play(Scene(), _missed_once)
    assert scene.plugins[0].calls.count("connect") == 2
    assert scene.chain.counts.reconnects.total() == 1
    assert not scene.chain.stale(AAPL)
    bars = scene.bars(AAPL)
    assert bars[2].volume == 10.0 * 33, "what was missed is history's"
    assert [bar.time_ns for bar in bars] == [START_NS + at * MINUTE for at in range(len(bars))]


def test_what_nobody_fills_in_costs_one_new_connection_too_and_its_stream_stays_marked() -> None:
    async def act(scene: Scene) -> None:
        await _missed_once(scene)
        assert scene.plugins[0].calls.count("connect") == 2
        assert "no data of AAPL" in scene.chain.stale(AAPL), "its price is not the newest one"
        del scene.past.silent[AAPL]  # it trades again, and is not brought again
        await scene.until(980)
        assert scene.plugins[0].calls.count("connect") == 3
        scene.plugins[0].muted.clear()
        await scene.until(990)
        assert not scene.chain.stale(AAPL)

    scene = play(Scene(rules=FreshnessSettings(backfill=Backfill.NONE)), act)
    assert scene.chain.counts.reconnects["feed1", "missed"] == 2
    assert not scene.chain.stale(SPY)


def test_nothing_is_missing_of_a_quiet_instrument_alone_whose_connection_was_lost() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].quiet.add(AAPL)
        scene.past.silent[AAPL] = START_NS + 150 * SECOND
        await scene.until(230)
        scene.plugins[0].lost.set()
        await scene.until(400)

    # a limit so long that no doubt about its silence asks for the witness in time
    scene = play(Scene(rules=FreshnessSettings(silence_most_s=240.0)), act)
    assert scene.told == []
    assert scene.chain.counts.missing_bars == 0


def test_a_silent_feed_without_a_history_ends_in_a_stale_mark_and_never_in_wrong_bars() -> None:
    async def act(scene: Scene) -> None:
        scene.past.fails = True
        await scene.start(minutes(SPY))
        await scene.until(150)
        scene.plugins[0].muted.add(SPY)
        await scene.until(240)
        assert scene.chain.stale(SPY)
        scene.plugins[0].muted.clear()
        await scene.until(605)
        assert not scene.chain.stale(SPY)

    scene = play(Scene(), act)
    got = scene.bars(SPY)
    for bar in got:
        want = true_bar(SPY, bar.time_ns)
        assert (bar.open, bar.close, bar.volume) == (want.open, want.close, want.volume)
    assert len({bar.time_ns for bar in got}) == len(got)
    assert scene.chain.counts.missing_bars == 3  # the last of them began before it flowed again
    titles = [title for _, title, _ in scene.told]
    assert titles == ["market data stale", "market data fresh again", "bars are missing"]


def test_the_next_feed_takes_over_what_the_first_does_not_bring_and_gives_it_back() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].muted.add(AAPL)
        await scene.until(230)
        assert not scene.chain.stale(AAPL)
        assert scene.chain.board.streams[minutes(AAPL)].server == 1
        scene.plugins[0].muted.clear()
        await scene.until(905)
        assert scene.chain.board.streams[minutes(AAPL)].server == 0

    scene = play(Scene(feeds=2), act)
    scene.check_whole(AAPL, 0, 15)
    scene.check_whole(SPY, 0, 15)
    told = [title for _, title, _ in scene.told]
    assert told == ["market data from feed2 now", "market data from feed1 again"]
    assert scene.plugins[1].calls == ["connect", "subscribe AAPL", "unsubscribe AAPL"]


def test_a_feed_that_cannot_be_reached_at_the_start_is_replaced_at_once_and_comes_back() -> None:
    async def act(scene: Scene) -> None:
        scene.plugins[0].reachable = False
        await scene.start(minutes(SPY))
        await scene.until(200)
        scene.plugins[0].reachable = True
        await scene.until(905)

    scene = play(Scene(feeds=2), act)
    scene.check_whole(SPY, 0, 15)
    assert scene.chain.board.streams[minutes(SPY)].server == 0


def test_a_refused_stream_is_asked_of_the_next_feed_at_once() -> None:
    async def act(scene: Scene) -> None:
        scene.plugins[0].refuses.add(AAPL)
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(305)

    scene = play(Scene(feeds=2), act)
    scene.check_whole(AAPL, 0, 5)
    assert "subscribe AAPL" in scene.plugins[1].calls
    assert not scene.chain.stale(AAPL)


def test_a_stream_that_nobody_brings_is_stale_and_says_why() -> None:
    async def act(scene: Scene) -> None:
        scene.plugins[0].refuses.add(AAPL)
        await scene.start(minutes(AAPL), minutes(SPY))
        assert "not entitled" in scene.chain.stale(AAPL)
        await scene.until(90)
        assert "not entitled" in scene.chain.view().unwell[0].reason

    assert play(Scene(), act).told[0][1] == "market data stale"


def test_a_refusal_that_comes_later_moves_the_stream_without_a_hole() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(AAPL))
        await scene.until(200)
        scene.plugins[0].muted.add(AAPL)
        scene.plugins[0].said.append(StreamRefused(scene.now_ns(), minutes(AAPL), "the plan ended"))
        await scene.until(505)

    scene = play(Scene(feeds=2), act)
    scene.check_whole(AAPL, 0, 8)


def test_a_refusal_that_comes_late_leaves_the_next_feed_the_time_to_bring_something() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(900.2)
        scene.plugins[1].muted.add(AAPL)
        scene.plugins[0].said.append(StreamRefused(scene.now_ns(), minutes(AAPL), "no longer entitled"))
        await scene.until(908)
        assert scene.chain.board.streams[minutes(AAPL)].server == 1
        assert not scene.chain.stale(AAPL)
        scene.plugins[1].muted.clear()
        await scene.until(1205)

    scene = play(Scene(feeds=2), act)
    assert scene.chain.counts.stale_marks == 0
    scene.check_whole(AAPL, 0, 20)


def test_a_plugin_that_raises_is_a_lost_connection_and_not_the_daemons_end() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY))
        await scene.until(150)
        scene.plugins[0].raises = ZeroDivisionError("a bug")
        await scene.until(405)

    scene = play(Scene(), act)
    scene.check_whole(SPY, 0, 6)
    assert "feed_plugin_failed" in scene.actions()


def test_bars_that_a_feed_names_as_missing_come_from_history_before_the_next_one() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY))
        await scene.until(200)
        scene.plugins[0]._ticks[minutes(SPY)].clear()
        start_ns = START_NS + 3 * MINUTE
        scene.plugins[0]._begins[minutes(SPY)] = scene.now_ns()  # a trade was corrected: it will not bring it
        event = BarsMissing(scene.now_ns(), minutes(SPY), start_ns, start_ns + MINUTE, "corrected")
        scene.plugins[0].said.append(event)
        await scene.until(405)

    scene = play(Scene(), act)
    scene.check_whole(SPY, 0, 6)


def test_live_bars_wait_for_a_history_that_lags_and_come_in_order() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY))
        await scene.until(150)
        scene.past.lag_ns = 75 * SECOND
        scene.plugins[0].lost.set()
        await scene.until(605)

    scene = play(Scene(rules=FreshnessSettings(backfill_wait_s=120.0)), act)
    scene.check_whole(SPY, 0, 10)


def test_what_history_does_not_have_in_time_is_told_with_its_number() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY))
        await scene.until(150)
        scene.past.lag_ns = 3600 * SECOND
        scene.plugins[0].lost.set()
        await scene.until(405)

    scene = play(Scene(), act)
    assert [bar.time_ns for bar in scene.bars(SPY)] == [START_NS + at * MINUTE for at in (0, 1, 3, 4, 5)]
    assert scene.chain.counts.missing_bars == 1
    assert [(title, message.split(":")[0]) for _, title, message in scene.told] == [
        ("bars are missing", "1 bars of SPY")
    ]


def test_without_backfill_bars_go_on_as_they_come() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY))
        await scene.until(150)
        scene.plugins[0].lost.set()
        await scene.until(405)

    scene = play(Scene(rules=FreshnessSettings(backfill=Backfill.NONE)), act)
    assert [bar.time_ns for bar in scene.bars(SPY)] == [START_NS + at * MINUTE for at in (1, 3, 4, 5)]
    assert scene.past.asked == []


def test_without_backfill_a_bar_that_a_feed_names_as_missing_is_told_and_nothing_waits_for_it() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY))
        await scene.until(200)
        scene.plugins[0]._ticks[minutes(SPY)].clear()
        start_ns = START_NS + 3 * MINUTE
        scene.plugins[0]._begins[minutes(SPY)] = scene.now_ns()
        event = BarsMissing(scene.now_ns(), minutes(SPY), start_ns, start_ns + MINUTE, "corrected")
        scene.plugins[0].said.append(event)
        await scene.until(405)

    scene = play(Scene(rules=FreshnessSettings(backfill=Backfill.NONE)), act)
    assert [bar.time_ns for bar in scene.bars(SPY)] == [START_NS + at * MINUTE for at in (1, 2, 4, 5)]
    assert "bars_not_brought" in scene.actions()


def test_a_line_that_the_feed_says_is_down_is_stale_soon_and_whole_again_later() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY))
        await scene.until(150)
        plugin = scene.plugins[0]
        plugin.muted.add(SPY)
        plugin.said.append(FeedStatus(scene.now_ns(), connected=False, message="1100"))
        await scene.until(170)
        assert "1100" in scene.chain.stale(SPY)
        plugin.muted.clear()
        plugin._begins[minutes(SPY)] = scene.now_ns()  # it knows that the running bar is not whole
        plugin._ticks[minutes(SPY)].clear()
        plugin.said.append(FeedStatus(scene.now_ns(), connected=True, message=""))
        await scene.until(405)
        assert not scene.chain.stale(SPY)

    play(Scene(), act).check_whole(SPY, 0, 6)


def test_ticks_are_handed_on_by_one_feed_only_and_time_never_goes_back() -> None:
    ticks = Subscription(AAPL, Resolution.TICK)

    async def act(scene: Scene) -> None:
        await scene.start(ticks)
        await scene.until(100)
        scene.plugins[0].muted.add(AAPL)
        await scene.until(200)
        scene.plugins[0].muted.clear()
        await scene.until(805)

    scene = play(Scene(feeds=2), act)
    events = [event for event in scene.got if isinstance(event, MarketDataArrived)]
    times = [point.time_ns for event in events for point in event.points if isinstance(point, Tick)]
    assert len(set(times)) == len(times)
    assert sorted(times) == times
    pauses = [after - before for before, after in pairwise(times)]
    silent = [pause for pause in pauses if pause > 2 * SECOND]
    assert len(silent) == 1
    assert silent[0] <= 60 * SECOND


def test_a_stream_that_is_wanted_no_longer_leaves_nothing_behind() -> None:
    async def act(scene: Scene) -> None:
        await scene.start(minutes(SPY), minutes(AAPL))
        await scene.until(150)
        scene.plugins[0].muted.add(AAPL)
        await scene.until(220)
        assert scene.chain.stale(AAPL)
        await scene.chain.unsubscribe(minutes(AAPL))
        assert not scene.chain.stale(AAPL)
        await scene.until(300)
        assert scene.chain.view().unwell == ()

    play(Scene(), act)
