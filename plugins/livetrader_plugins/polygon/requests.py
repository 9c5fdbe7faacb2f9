"""What one connection is asked for, and what became of it: topics like `T.AAPL`.

Polygon answers a request topic by topic ("subscribed to: T.AAPL"), but a refusal names no topic: "not
authorized", once or once a topic. So that it can be told whose it is:

Rule 1: one request is on its way at a time, of topics of one kind; the next waits for its answer.
Rule 2: a refusal that names no topic is of all topics of the request that are not answered yet. Where it is
about the plan, the kind is not asked for again in this connection.
Rule 3: after a refusal the next request waits SETTLE_S, so that its repetitions are not taken for the next
one's; an answer that does not come within the limit lets the next one go, and the topics count as asked.

Pure but for its own state: time comes in as monotonic seconds. One owner, the session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from livetrader_plugins.polygon import words
from livetrader_plugins.polygon.protocol import REQUEST_TOPICS, Status

SETTLE_S: Final = 0.25  # repetitions of a refusal come within one round trip of the first
_TOPIC: Final = re.compile(r"\b(?:T|Q|AM|A|V)\.[A-Za-z0-9:./*_-]+")
_ACKNOWLEDGED: Final = re.compile(r"^\s*subscribed to:?\s*", re.IGNORECASE)


class Ask(NamedTuple):
    """A request to be sent: `subscribe` or `unsubscribe`, and topics of one kind."""

    action: str
    topics: list[str]


class Refused(NamedTuple):
    """Topics that Polygon does not deliver, and what it said."""

    topics: tuple[str, ...]
    message: str


def kind_of(topic: str) -> str:
    """Return which kind of event a topic is of: `T` of `T.AAPL`."""
    return topic.partition(".")[0]


class Requests:
    """Which topics are wanted and which were asked for. Mutable state; `refused_kinds` with what was said."""

    def __init__(self, answer_timeout_s: float) -> None:
        self._answer_timeout_s = answer_timeout_s
        self._wanted: dict[str, None] = {}  # in the order in which they were wanted
        self._asked: set[str] = set()
        self._waiting: dict[str, None] = {}  # of the request on its way: not answered yet
        self._dropping: dict[str, None] = {}  # to be unsubscribed from
        self._sent_s = 0.0
        self._settled_s = 0.0
        self.refused_kinds: dict[str, str] = {}
        self.unanswered = 0  # topics, since the connection began
        self.confirmed: list[str] = []  # topics that are delivered from now on; whoever reads them clears it

    @property
    def topics(self) -> frozenset[str]:
        """What is wanted."""
        return frozenset(self._wanted)

    @property
    def is_answered(self) -> bool:
        """Whether everything that is wanted was asked for, and answered."""
        return not self._waiting and self._asked.issuperset(self._wanted)

    def want(self, topic: str) -> None:
        """Have a topic; idempotent."""
        self._wanted[topic] = None
        self._dropping.pop(topic, None)

    def drop(self, topic: str) -> None:
        """Have it no longer; idempotent."""
        self._wanted.pop(topic, None)
        self._waiting.pop(topic, None)
        if topic in self._asked:
            self._asked.discard(topic)
            self._dropping[topic] = None

    def renew(self, topic: str) -> None:
        """Have a topic asked for anew, if it is wanted."""
        if topic in self._wanted:
            self.drop(topic)
            self._wanted[topic] = None

    def due(self, now_s: float) -> list[Ask]:
        """Return the requests to be sent now, in order."""
        requests = [Ask("unsubscribe", part) for part in _parts(self._dropping)]
        self._dropping.clear()
        if self._waiting and now_s - self._sent_s >= self._answer_timeout_s:
            self.unanswered += len(self._waiting)
            self._waiting.clear()
        if self._waiting or now_s < self._settled_s:
            return requests
        new = [topic for topic in self._wanted if topic not in self._asked]
        if new:
            kind = kind_of(new[0])
            part = [topic for topic in new if kind_of(topic) == kind][:REQUEST_TOPICS]
            self._asked.update(part)
            self._waiting = dict.fromkeys(part)
            self._sent_s = now_s
            requests.append(Ask("subscribe", part))
        return requests

    def hear(self, status: Status, now_s: float) -> Refused | None:
        """Take an answer; return what it refuses, None where it refuses nothing."""
        named = _TOPIC.findall(status.message)
        if status.status == words.DONE:
            if _ACKNOWLEDGED.match(status.message):
                self.confirmed += [topic for topic in named if topic in self._waiting]
                for topic in named:
                    self._waiting.pop(topic, None)
            return None
        refused = tuple(topic for topic in named if topic in self._asked)
        if named and not refused:
            return None  # of something that is not wanted any more
        if not named and not self._waiting and now_s <= self._settled_s:
            return None  # a repetition
        if not named:
            refused = tuple(self._waiting)
            if refused and words.is_of_the_plan(status.message):
                self.refused_kinds[kind_of(refused[0])] = status.message
        for topic in refused:
            self._waiting.pop(topic, None)
            self._wanted.pop(topic, None)
            self._asked.discard(topic)
        self._settled_s = now_s + SETTLE_S
        return Refused(refused, status.message)

    def heard(self, topics: Iterable[str]) -> None:
        """Take data of topics for an answer."""
        for topic in topics:
            self._waiting.pop(topic, None)


def _parts(topics: Iterable[str]) -> Iterable[list[str]]:
    listed = list(topics)
    return [listed[start : start + REQUEST_TOPICS] for start in range(0, len(listed), REQUEST_TOPICS)]
