"""What is asked for and answered, with answers as Polygon gives them: refusals name no topic."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader_plugins.polygon.protocol import REQUEST_TOPICS, Status
from livetrader_plugins.polygon.requests import SETTLE_S, Ask, Requests

ANSWER_S = 10.0
NOT_AUTHORIZED = Status("error", "not authorized")


def done(topic: str) -> Status:
    return Status("success", f"subscribed to: {topic}")


def asked(requests: Requests, now_s: float = 0.0) -> list[Ask]:
    return requests.due(now_s)


def wanting(*topics: str) -> Requests:
    requests = Requests(ANSWER_S)
    for topic in topics:
        requests.want(topic)
    return requests


def test_topics_of_one_kind_go_out_in_one_request_and_the_next_kind_waits_for_the_answer() -> None:
    requests = wanting("T.AAPL", "Q.AAPL", "T.MSFT", "Q.MSFT")
    assert asked(requests) == [Ask("subscribe", ["T.AAPL", "T.MSFT"])]
    assert asked(requests) == []
    requests.hear(done("T.AAPL"), 0.0)
    assert asked(requests) == []
    requests.hear(done("T.MSFT"), 0.0)
    assert asked(requests) == [Ask("subscribe", ["Q.AAPL", "Q.MSFT"])]
    requests.hear(done("Q.AAPL"), 0.0)
    requests.hear(done("Q.MSFT"), 0.0)
    assert requests.is_answered and asked(requests) == []


def test_one_answer_may_name_many_topics() -> None:
    requests = wanting("T.AAPL", "T.BRK.B", "T.MSFT")
    asked(requests)
    requests.hear(done("T.AAPL,T.BRK.B,T.MSFT"), 0.0)
    assert requests.is_answered


def test_a_refusal_without_a_name_is_of_the_request_on_its_way_and_of_no_other() -> None:
    requests = wanting("T.AAPL", "T.MSFT", "A.IBM")
    asked(requests)
    refused = requests.hear(NOT_AUTHORIZED, 1.0)
    assert refused is not None and refused.topics == ("T.AAPL", "T.MSFT")
    assert requests.refused_kinds == {"T": "not authorized"}
    assert requests.topics == {"A.IBM"}
    # Polygon may say it once for each topic: the second is not taken for the next request's
    assert asked(requests, 1.0) == []
    assert requests.hear(NOT_AUTHORIZED, 1.01) is None
    assert asked(requests, 1.0 + SETTLE_S) == [Ask("subscribe", ["A.IBM"])]
    requests.hear(done("A.IBM"), 1.3)
    assert requests.is_answered and set(requests.refused_kinds) == {"T"}


def test_a_refusal_with_a_name_is_of_that_topic_alone() -> None:
    requests = wanting("T.AAPL", "T.NOSUCH")
    asked(requests)
    refused = requests.hear(Status("error", "unknown ticker T.NOSUCH"), 0.0)
    assert refused is not None and refused.topics == ("T.NOSUCH",)
    assert not requests.refused_kinds and requests.topics == {"T.AAPL"}


def test_an_answer_that_does_not_come_lets_the_next_request_go() -> None:
    requests = wanting("T.AAPL", "Q.AAPL")
    asked(requests)
    assert asked(requests, ANSWER_S - 0.001) == []
    assert asked(requests, ANSWER_S) == [Ask("subscribe", ["Q.AAPL"])]
    assert requests.unanswered == 1 and requests.topics == {"T.AAPL", "Q.AAPL"}


def test_a_renewed_topic_is_left_and_asked_for_again() -> None:
    requests = wanting("T.AAPL", "T.MSFT")
    asked(requests)
    requests.hear(done("T.AAPL,T.MSFT"), 0.0)
    requests.renew("T.AAPL")
    assert asked(requests) == [Ask("unsubscribe", ["T.AAPL"]), Ask("subscribe", ["T.AAPL"])]
    requests.renew("T.IBM")
    assert requests.topics == {"T.AAPL", "T.MSFT"}


def test_a_topic_that_is_wanted_again_before_it_was_left_is_asked_for_once() -> None:
    requests = wanting("T.AAPL")
    requests.drop("T.AAPL")
    assert asked(requests) == []
    requests.want("T.AAPL")
    assert asked(requests) == [Ask("subscribe", ["T.AAPL"])]


def test_large_wishes_go_out_in_parts() -> None:
    topics = [f"T.SY{number}" for number in range(REQUEST_TOPICS + 1)]
    requests = wanting(*topics)
    assert [len(each.topics) for each in asked(requests)] == [REQUEST_TOPICS]
    requests.hear(done(",".join(topics[:REQUEST_TOPICS])), 0.0)
    assert [each.topics for each in asked(requests)] == [topics[REQUEST_TOPICS:]]


class Venue:
    """Polygon, as far as topics go: it knows what it was asked, and what the plan includes."""

    def __init__(self, entitled: frozenset[str], random: Random) -> None:
        self.subscribed: set[str] = set()
        self._entitled = entitled
        self._random = random

    def answer(self, ask: Ask) -> list[Status]:
        if ask.action == "unsubscribe":
            self.subscribed.difference_update(ask.topics)
            return [Status("success", f"unsubscribed to: {topic}") for topic in ask.topics]
        if ask.topics[0].partition(".")[0] not in self._entitled:
            return [NOT_AUTHORIZED] * (1 if self._random.random() < 0.5 else len(ask.topics))
        self.subscribed.update(ask.topics)
        return [done(topic) for topic in ask.topics if self._random.random() < 0.9]


@settings(max_examples=200)
@given(st.integers(min_value=0, max_value=2**32), st.sets(st.sampled_from(["T", "Q", "A", "AM"])))
def test_whatever_is_wanted_in_whatever_order_the_venue_has_in_the_end(seed: int, plan: set[str]) -> None:
    random = Random(seed)
    venue, requests = Venue(frozenset(plan), random), Requests(ANSWER_S)
    wished: set[str] = set()
    now_s = 0.0
    for _ in range(40):
        ticker = random.choice(["AAPL", "BRK.B", "O:SPY251219C00650000"])
        topic = f"{random.choice(['T', 'Q', 'A', 'AM'])}.{ticker}"
        action = random.choice(["want", "want", "drop", "renew", "time"])
        if action == "time":
            now_s += random.choice([0.01, 0.3, 11.0])
        elif not (action == "want" and topic.partition(".")[0] in requests.refused_kinds):
            getattr(requests, action)(topic)
            wished = (
                wished | {topic} if action == "want" else wished - {topic} if action == "drop" else wished
            )
        for ask in requests.due(now_s):
            for status in venue.answer(ask):
                requests.hear(status, now_s)
    for _ in range(20):
        now_s += ANSWER_S + 1
        for ask in requests.due(now_s):
            for status in venue.answer(ask):
                requests.hear(status, now_s)
    assert requests.is_answered
    assert venue.subscribed == requests.topics
    assert requests.topics == {topic for topic in wished if topic.partition(".")[0] in plan}
    assert set(requests.refused_kinds).isdisjoint(plan)


@pytest.mark.parametrize("message", ["subscribed to: T.AAPL", "not authorized", "", "T.AAPL", "?" * 1_000])
def test_answers_to_nothing_change_nothing(message: str) -> None:
    requests = Requests(ANSWER_S)
    for status in ("success", "error", ""):
        requests.hear(Status(status, message), 0.0)
    assert requests.is_answered and not requests.topics and not requests.refused_kinds
