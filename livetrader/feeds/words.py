"""What people hear of the feeds: one word for many symbols, and a trouble's end as loud as its beginning.

    stale       symbols whose prices are not to be acted on: a warning; an alarm where it is all of them
    served      symbols that another feed than the preferred one serves
    away        a feed that is away for long, and not for its maintenance, whether or not it is missed
    missing     bars that neither feed nor history brought: they are missing for good

What lasts for less than SETTLE_S is in the log only. A trouble that comes and goes is called unsteady once,
and then told again when it has been away for STEADY_S. Pure: a scene in, words out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from livetrader.feeds.board import Board
from livetrader.feeds.counting import FeedCounts
from livetrader.telemetry.notifications import Urgency
from livetrader.telemetry.words import Word, span
from livetrader_engine.symbols import NS_PER_SECOND

SETTLE_S: Final = 3.0  # what falls silent together is marked within some looks
STEADY_S: Final = 600.0
UNSTEADY_AT: Final = 3  # troubles of one kind within STEADY_S
AWAY_S: Final = 300.0  # a feed that is away for longer is told of
NAMED: Final = 8  # tickers in one word


@dataclass(frozen=True, slots=True)
class Scene:
    """How the feeds stand at one look. Tickers are sorted, each once."""

    now_ns: int
    streams: int
    stale: tuple[str, ...] = ()
    stale_streams: int = 0
    why: str = ""
    elsewhere: tuple[tuple[str, tuple[str, ...]], ...] = ()  # by feed, what it serves for a preferred one
    away: tuple[tuple[str, int], ...] = ()  # feeds away, out of maintenance, and since when (UTC ns)
    backfilled: int = 0  # since the daemon started
    missing: int = 0

    @classmethod
    def of(cls, board: Board, counts: FeedCounts, now_ns: int) -> Scene:
        """Return the scene as it is."""
        stale = [stream for stream in board.streams.values() if stream.is_stale]
        elsewhere = [
            (source.name, _tickers(stream.ticker for stream in board.served_by(source)))
            for source in board.sources[1:]
        ]
        return cls(
            now_ns,
            sum(stream.is_open(now_ns) for stream in board.streams.values()),
            _tickers(stream.ticker for stream in stale),
            len(stale),
            stale[0].reason if stale else "",
            tuple(each for each in elsewhere if each[1]),
            tuple(
                (source.name, source.down_ns)
                for source in board.sources
                if source.down_ns is not None and not source.rests(now_ns)
            ),
            counts.backfilled_bars,
            counts.missing_bars,
        )


@dataclass(slots=True)
class _Tale:
    """One kind of trouble: when it began, how loudly it was told, how often it came."""

    began_ns: int | None = None
    said: Urgency | None = None
    recent_ns: tuple[int, ...] = ()
    unsteady: Urgency | None = None
    ended_ns: int = 0
    backfilled: int = 0

    def begins(self, scene: Scene) -> bool:
        """Take note of the trouble; return whether it is to be told now."""
        if self.began_ns is None:
            self.began_ns, self.said, self.backfilled = scene.now_ns, None, scene.backfilled
            recent = [at for at in self.recent_ns if scene.now_ns - at < STEADY_S * NS_PER_SECOND]
            self.recent_ns = (*recent, scene.now_ns)
        settled = scene.now_ns - self.began_ns >= SETTLE_S * NS_PER_SECOND
        return self.said is None and self.unsteady is None and settled

    def ends(self, scene: Scene) -> tuple[Urgency, float] | None:
        """Take note that it is over; return how loudly to tell, and how long it lasted, or None."""
        if self.began_ns is None:
            return None
        said, lasted_s = self.said, (scene.now_ns - self.began_ns) / NS_PER_SECOND
        self.began_ns, self.said, self.ended_ns = None, None, scene.now_ns
        return None if said is None or self.unsteady is not None else (said, lasted_s)

    def told(self, word: Word) -> Word:
        """Remember how loudly it was told; call it unsteady where it comes again and again."""
        self.said = word.urgency
        if len(self.recent_ns) < UNSTEADY_AT:
            return word
        self.unsteady = word.urgency
        step = f"the log has each time; the next word comes when it is steady for {span(STEADY_S)}"
        message = f"{len(self.recent_ns)} times within {span(STEADY_S)}; now: {word.message}"
        return Word(word.urgency, f"{word.title}, again and again", message, step)

    def steady(self, scene: Scene) -> Urgency | None:
        """Return how loudly to tell that it is steady again, None where there is nothing to tell."""
        if self.unsteady is None or self.began_ns is not None:
            return None
        if scene.now_ns - self.ended_ns < STEADY_S * NS_PER_SECOND:
            return None
        urgency, self.unsteady, self.recent_ns = self.unsteady, None, ()
        return urgency


@dataclass(slots=True)
class Announcer:
    """Owns what people have heard. `preferred` is the first feed."""

    feeds: Sequence[str]
    _stale: _Tale = field(default_factory=_Tale)
    _elsewhere: dict[str, _Tale] = field(default_factory=dict)
    _away: dict[str, _Tale] = field(default_factory=dict)
    _missing: Counter[str] = field(default_factory=Counter)
    _missing_ns: int = 0

    def lost(self, ticker: str, bars: int, now_ns: int) -> None:
        """Take note of bars that nobody brought."""
        if not self._missing:
            self._missing_ns = now_ns
        self._missing[ticker] += bars

    def look(self, scene: Scene) -> list[Word]:
        """Return what is to be told now. Call it about once a second."""
        words = [*self._of_stale(scene), *self._of_missing(scene)]
        for name in self.feeds[1:]:
            words += self._of_elsewhere(name, scene)
        for name in self.feeds:
            words += self._of_away(name, scene)
        return words

    def _of_stale(self, scene: Scene) -> list[Word]:
        tale = self._stale
        if not scene.stale:
            over = tale.ends(scene)
            if over is not None:
                urgency, lasted_s = over
                filled = scene.backfilled - tale.backfilled
                message = f"after {span(lasted_s)}; {filled} bars were taken from history"
                return [Word(urgency, "market data fresh again", message)]
            urgency_now = tale.steady(scene)
            if urgency_now is None:
                return []
            return [Word(urgency_now, "market data steady again", f"fresh for {span(STEADY_S)}")]
        everything = scene.stale_streams >= scene.streams > 1
        louder = tale.said is Urgency.WARNING and everything
        if not tale.begins(scene) and not louder:
            return []
        urgency = Urgency.ALARM if everything else Urgency.WARNING
        message = f"{_named(scene.stale)}: {scene.why}; orders that add risk in them are refused"
        step = "nothing yet: it is asked for anew; look at the venue's status page and `livetrader status`"
        return [tale.told(Word(urgency, "market data stale", message, step))]

    def _of_elsewhere(self, name: str, scene: Scene) -> list[Word]:
        tale = self._elsewhere.setdefault(name, _Tale())
        tickers = dict(scene.elsewhere).get(name, ())
        first = self.feeds[0]
        if not tickers:
            over = tale.ends(scene)
            if over is not None:
                urgency, lasted_s = over
                message = f"after {span(lasted_s)} of {name}"
                return [Word(urgency, f"market data from {first} again", message)]
            steady = tale.steady(scene)
            return [] if steady is None else [Word(steady, f"{first} steady again", f"for {span(STEADY_S)}")]
        if not tale.begins(scene):
            return []
        message = f"{_named(tickers)}: {first} does not bring them"
        step = f"nothing: {first} serves again when it has been good for a while"
        return [tale.told(Word(Urgency.WARNING, f"market data from {name} now", message, step))]

    def _of_away(self, name: str, scene: Scene) -> list[Word]:
        tale = self._away.setdefault(name, _Tale())
        since_ns = dict(scene.away).get(name)
        if since_ns is None or scene.now_ns - since_ns < AWAY_S * NS_PER_SECOND:
            over = tale.ends(scene) if since_ns is None else None
            return [] if over is None else [Word(over[0], f"feed {name} is back", "")]
        if not tale.begins(scene):
            return []
        message = f"for {span((scene.now_ns - since_ns) / NS_PER_SECOND)}; it is tried again and again"
        step = "is its key valid, its plan paid, the network up? `livetrader status` has its newest answer"
        return [tale.told(Word(Urgency.WARNING, f"feed {name} is away", message, step))]

    def _of_missing(self, scene: Scene) -> list[Word]:
        if not self._missing or scene.now_ns - self._missing_ns < SETTLE_S * NS_PER_SECOND:
            return []
        tickers, bars = _tickers(self._missing), self._missing.total()
        self._missing.clear()
        message = f"{bars} bars of {_named(tickers)}: neither a feed nor a history brought them in time"
        step = "indicators that need every bar lack them; a restart warms them up anew"
        return [Word(Urgency.WARNING, "bars are missing", message, step)]


def _tickers(tickers: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(tickers)))


def _named(tickers: Sequence[str]) -> str:
    """Return tickers for people: some by name, the rest by number."""
    rest = len(tickers) - NAMED
    if rest <= 0:
        return ", ".join(tickers)
    return f"{len(tickers)} symbols ({', '.join(tickers[:NAMED])} and {rest} more)"
