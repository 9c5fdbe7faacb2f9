"""How the silence of one stream is judged, from the first doubt to the stale mark. Pure.

Nothing here knows prices. What counts as a sign of life is what the venue sent of this stream, at the time
it arrived; a bar that only repeats the last one is none. Silence counts while the stream's market is open.

    RESTING     the market is closed: silence means nothing
    WAITING     asked for, or the market has just opened; nothing was heard yet
    FRESH       heard of within the stream's own limit, or its silence is proven to be a quiet market
    DOUBTED     silent for longer: asked for anew, and history is asked whether there is news
    RECONNECTED the connection was made anew because of it
    STALE       silent for too long: orders that add risk are refused; another feed is asked

The limit of a stream begins with `silence_s` and doubles each time that history proves a silence to be real:
an instrument that trades every few minutes teaches its own limit. It shrinks again when data come faster.
Two things are certain whatever the rungs between do, and the tests hold them to it: the mark is set
`stale_s - silence_s` after the limit at the latest, and any news of the stream take it back.

How long a loss stays unnoticed follows. Silence counts from `base_ns`, the newest instant up to which the
stream is known: it was heard then, or a history that was seen to be current up to there had nothing of it.
What was lost was traded later. With the defaults the mark is due `silence_most_s + stale_s - silence_s`, 59 s
after `base_ns`, and set at the next look: within 60 s of the first trade that was lost, however many streams
there are and whatever froze when. A proof moves `base_ns` no further than history was seen to be, so
one that stands still moves it no more, and a freeze right after a proof finds the clock running since before
it. For a feed that tells only bars, their length comes on top.
"""

from __future__ import annotations

from enum import Flag, StrEnum, auto
from typing import Final, NamedTuple

import msgspec

from livetrader.settings import FreshnessSettings
from livetrader_engine.errors import InvariantError
from livetrader_engine.symbols import NS_PER_SECOND

CALM_LOOKS: Final = 60  # news in a row that came in a quarter of the limit: then the limit is halved
CROWD: Final = 5  # streams; so many do not fall silent at once because nobody trades
STALE_AGAIN_S: Final = 60.0  # between two more tries for a stream that is stale


class Rung(StrEnum):
    """How fresh a stream is."""

    RESTING = "resting"
    WAITING = "waiting"
    FRESH = "fresh"
    DOUBTED = "doubted"
    RECONNECTED = "reconnected"
    STALE = "stale"


_R = Rung
TRANSITIONS: Final[dict[Rung, frozenset[Rung]]] = {
    _R.RESTING: frozenset({_R.WAITING}),
    _R.WAITING: frozenset({_R.RESTING, _R.FRESH, _R.DOUBTED, _R.STALE}),
    _R.FRESH: frozenset({_R.RESTING, _R.DOUBTED, _R.STALE}),
    _R.DOUBTED: frozenset({_R.RESTING, _R.FRESH, _R.RECONNECTED, _R.STALE}),
    _R.RECONNECTED: frozenset({_R.RESTING, _R.FRESH, _R.STALE}),
    _R.STALE: frozenset({_R.RESTING, _R.FRESH}),
}
SILENT: Final = frozenset({Rung.DOUBTED, Rung.RECONNECTED, Rung.STALE})  # what comes may lack something


class Wish(Flag):
    """What is to be done about a stream."""

    NOTHING = 0
    SUSPECT = auto()  # from now on its bars may lack something
    RENEW = auto()  # ask the venue for it anew
    PROVE = auto()  # ask history whether the silence is real
    RECONNECT = auto()  # make the connection anew
    MARK = auto()  # refuse what adds risk, and ask another feed
    CLEAR = auto()  # allow it again
    RECOVERED = auto()  # it flows again: what is missing can be filled
    QUIET = auto()  # its silence was real: nothing is missing


class Moment(NamedTuple):
    """What is known of a stream at a look. `line_down_ns`: since when its feed is away, None while it is not.

    `may_reconnect`: nothing stands against a new connection. `alone`: no stream of this feed is heard;
    `crowd`: and they are so many that this is no quiet market. `strict`: the feed has missed something of
    late: limits that streams have learned do not hold.
    """

    now_ns: int
    heard_ns: int | None
    is_open: bool
    line_down_ns: int | None = None
    may_reconnect: bool = False
    alone: bool = False
    crowd: bool = False
    strict: bool = False


class Watch(msgspec.Struct, frozen=True):
    """One stream as it is judged. Owned by its stream; replaced, never changed.

    `base_ns` is what silence is counted from, `floor_s` the least limit that the stream can have. `news_ns`:
    when it was heard last, or began to be waited for; what history has since is news. `lost`: it has some.
    """

    rung: Rung
    since_ns: int
    base_ns: int
    silence_s: float
    floor_s: float
    heard_ns: int | None = None
    tried_ns: int = 0  # when it was last asked for anew
    doubted_ns: int = 0  # when the present doubt began
    lost: bool = False
    proved_again: bool = False  # history was asked a second time in this doubt
    calm: int = 0
    news_ns: int = 0


class Verdict(NamedTuple):
    """What follows from a look."""

    watch: Watch
    wish: Wish = Wish.NOTHING


def begin(now_ns: int, rules: FreshnessSettings, beat_s: float = 0.0) -> Watch:
    """Return the watch of a stream that is asked for now, and that is heard every `beat_s` at most."""
    limit_s = rules.silence_s + beat_s
    return Watch(Rung.WAITING, now_ns, now_ns, limit_s, limit_s, news_ns=now_ns)


def look(watch: Watch, moment: Moment, rules: FreshnessSettings) -> Verdict:
    """Judge a stream. Call it about once a second."""
    if not moment.is_open:
        return _rested(watch, moment)
    heard = moment.heard_ns
    if watch.rung is Rung.RESTING:  # what was heard before the opening says nothing of now
        now_ns = moment.now_ns
        return Verdict(_moved(watch, Rung.WAITING, now_ns, base_ns=now_ns, news_ns=now_ns, heard_ns=heard))
    if heard is not None and (watch.heard_ns is None or heard > watch.heard_ns):
        down_ns = moment.line_down_ns
        if down_ns is None:
            return _news(watch, moment, heard)
        if heard <= down_ns:  # what a connection hears that nobody reads any more is no news
            watch = caught_up(watch, heard)
    if _overdue(watch, moment, rules):
        if watch.rung is not Rung.STALE:
            begins = Wish.NOTHING if watch.rung in SILENT else Wish.SUSPECT
            marked = _moved(watch, Rung.STALE, moment.now_ns, tried_ns=moment.now_ns)
            return Verdict(marked, Wish.MARK | begins)
        return _tried_again(watch, moment)
    return _silent(watch, moment, rules)


def quiet(watch: Watch, until_ns: int, now_ns: int, rules: FreshnessSettings) -> Verdict:
    """Take the proof that nothing happened in a stream up to an instant: its data are as new as can be.

    One that is so old that the mark would follow at once proves nothing: such a history lags.
    """
    if watch.rung not in SILENT or until_ns <= watch.base_ns:
        return Verdict(watch)
    doubled = max(watch.floor_s, min(rules.silence_most_s, 2 * watch.silence_s))
    base_ns = min(until_ns, now_ns)
    if now_ns - base_ns >= (doubled + rules.stale_s - rules.silence_s) * NS_PER_SECOND:
        return Verdict(watch)
    wish = Wish.QUIET | (Wish.CLEAR if watch.rung is Rung.STALE else Wish.NOTHING)
    return Verdict(_moved(watch, Rung.FRESH, now_ns, base_ns=base_ns, silence_s=doubled), wish)


def missed(watch: Watch) -> Watch:
    """Take the proof that history has what the feed did not bring."""
    if watch.rung not in SILENT:
        return watch
    return msgspec.structs.replace(watch, lost=True, silence_s=watch.floor_s)


def caught_up(watch: Watch, heard_ns: int) -> Watch:
    """Return a watch that knows what was heard while its stream was well, and so was not looked at."""
    if watch.rung is not Rung.FRESH or heard_ns <= watch.base_ns:
        return watch
    return msgspec.structs.replace(watch, base_ns=heard_ns, heard_ns=heard_ns, news_ns=heard_ns)


def doubted(watch: Watch, now_ns: int) -> Watch:
    """Return the watch of a stream that is doubted from now on."""
    return _moved(watch, Rung.DOUBTED, now_ns, tried_ns=now_ns, doubted_ns=now_ns, proved_again=False)


def handed_over(watch: Watch, now_ns: int) -> Watch:
    """Return the watch of a stream that another feed serves from now on: it has not been heard there."""
    return msgspec.structs.replace(watch, heard_ns=None, tried_ns=now_ns, lost=False)


def _rested(watch: Watch, moment: Moment) -> Verdict:
    if watch.rung is Rung.RESTING:
        return Verdict(watch)
    wish = Wish.CLEAR if watch.rung is Rung.STALE else Wish.NOTHING
    if watch.rung in SILENT:
        wish |= Wish.RECOVERED  # it was silent until the close: what it lacks of the session is fetched
    return Verdict(_moved(watch, Rung.RESTING, moment.now_ns, heard_ns=moment.heard_ns), wish)


def _news(watch: Watch, moment: Moment, heard_ns: int) -> Verdict:
    """Take news in. The limit is halved after a long run of fast ones."""
    gap_ns = heard_ns - watch.base_ns
    fast = watch.silence_s > watch.floor_s and gap_ns * 4 < watch.silence_s * NS_PER_SECOND
    calm, silence_s = (watch.calm + 1, watch.silence_s) if fast else (0, watch.silence_s)
    if calm >= CALM_LOOKS:
        calm, silence_s = 0, max(watch.floor_s, silence_s / 2)
    if watch.rung is Rung.FRESH:
        since_ns, floor_s = watch.since_ns, watch.floor_s
        news = Watch(
            Rung.FRESH, since_ns, heard_ns, silence_s, floor_s, heard_ns, calm=calm, news_ns=heard_ns
        )  # fmt: skip
        return Verdict(news)
    wish = Wish.RECOVERED if watch.rung in SILENT else Wish.NOTHING
    if watch.rung is Rung.STALE:
        wish |= Wish.CLEAR
    fresh = _moved(
        watch, Rung.FRESH, moment.now_ns, base_ns=heard_ns, heard_ns=heard_ns, news_ns=heard_ns,
        silence_s=silence_s, calm=calm,
    )  # fmt: skip
    return Verdict(fresh, wish)


def _overdue(watch: Watch, moment: Moment, rules: FreshnessSettings) -> bool:
    """Whether a stream's silence is beyond what may be acted on."""
    if watch.rung is Rung.STALE:
        return True  # only news, proof and the close take the mark back
    patience_s = rules.stale_s - rules.silence_s
    if moment.now_ns - watch.base_ns >= (watch.silence_s + patience_s) * NS_PER_SECOND:
        return True
    if watch.rung in SILENT and moment.now_ns - watch.doubted_ns >= patience_s * NS_PER_SECOND:
        return True
    down_ns = moment.line_down_ns
    return down_ns is not None and moment.now_ns - down_ns >= rules.silence_s * NS_PER_SECOND


def _tried_again(watch: Watch, moment: Moment) -> Verdict:
    if moment.line_down_ns is not None or moment.now_ns - watch.tried_ns < STALE_AGAIN_S * NS_PER_SECOND:
        return Verdict(watch)
    tried = msgspec.structs.replace(watch, tried_ns=moment.now_ns, lost=False)
    if moment.may_reconnect and (watch.lost or moment.alone):
        return Verdict(tried, Wish.RECONNECT)
    return Verdict(tried, Wish.RENEW | Wish.PROVE)


def _silent(watch: Watch, moment: Moment, rules: FreshnessSettings) -> Verdict:
    """Judge a silence that is not beyond everything yet."""
    if moment.line_down_ns is not None:
        if watch.rung in SILENT:
            return Verdict(watch)
        return Verdict(doubted(watch, moment.now_ns), Wish.SUSPECT)
    if watch.rung in (Rung.WAITING, Rung.FRESH):
        now_ns, limit_s = moment.now_ns, watch.floor_s if moment.strict else watch.silence_s
        if now_ns - watch.base_ns < limit_s * NS_PER_SECOND:
            return Verdict(watch)
        if watch.rung is Rung.FRESH and now_ns - watch.since_ns < rules.renew_s * NS_PER_SECOND:
            return Verdict(watch)  # proven just now, up to a little while ago: not again at every look
        return Verdict(doubted(watch, now_ns), Wish.SUSPECT | Wish.RENEW | Wish.PROVE)
    waited = moment.now_ns - watch.tried_ns >= rules.renew_s * NS_PER_SECOND
    due = watch.lost or moment.crowd or (waited and watch.proved_again and moment.alone)
    if watch.rung is Rung.DOUBTED and moment.may_reconnect and due:
        return Verdict(_moved(watch, Rung.RECONNECTED, moment.now_ns, tried_ns=moment.now_ns), Wish.RECONNECT)
    if waited and not watch.proved_again:  # what could not be known yet may be known by now
        again = msgspec.structs.replace(watch, proved_again=True, tried_ns=moment.now_ns)
        return Verdict(again, Wish.PROVE)
    return Verdict(watch)


def _moved(watch: Watch, rung: Rung, now_ns: int, **fields: object) -> Watch:
    if rung not in TRANSITIONS[watch.rung]:
        raise InvariantError(f"a stream cannot go from {watch.rung} to {rung}")
    fresh = {"lost": False} if rung in (Rung.FRESH, Rung.RESTING, Rung.WAITING) else {}
    return msgspec.structs.replace(watch, rung=rung, since_ns=now_ns, **fresh, **fields)
