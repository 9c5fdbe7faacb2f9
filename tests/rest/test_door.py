"""The door to a venue's REST: what it waits for, what it repeats, what it refuses to take for an answer."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from urllib3 import PoolManager

from livetrader_engine.spi import VenueError
from livetrader_plugins.sdk import pace as paces
from livetrader_plugins.sdk import rest
from livetrader_plugins.sdk.pace import Limits, Pace, pace_of
from livetrader_plugins.sdk.rest import (
    Answer,
    Door,
    HiddenKeys,
    Patience,
    TryAgain,
    check_url,
)
from tests.rest.server import Desk, Scripted, Time, answer

QUICK = Patience(connect_s=2.0, read_s=0.15, patience_s=300.0, attempts=3)


class House:
    """A door whose clock goes on by waiting."""

    def __init__(self, directory: Path, patience: Patience = QUICK, limits: Limits | None = None) -> None:
        self.time = Time()
        self.desk = Desk(directory, monotonic_s=self.time)
        self.pace = Pace(self.time, limits)
        self.pool = PoolManager()
        self.door = Door(self.desk.context, self.pool, self.pace, patience, self.time.wait)

    def ask(self, server: Scripted, path: str = "/thing") -> Answer:
        """Ask and take whatever comes with 200; other statuses mean: again."""
        return self.door.ask(path, server.url + path, self.read)

    def read(self, got: Answer) -> Answer:
        if got.status == 429:
            raise TryAgain("crowded", self.door.retry_after_s(got), crowded=True)
        if got.status != 200:
            raise TryAgain(f"status {got.status}")
        return got


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.door.close()


class RealTime:
    """A door with the real clock, for deadlines that sockets have to meet."""

    def __init__(self, directory: Path, attempts: int = 1) -> None:
        self.desk = Desk(directory)
        patience = QUICK._replace(attempts=attempts)
        self.pool = PoolManager()
        self.door = Door(self.desk.context, self.pool, Pace(self.desk.context.monotonic_s), patience)


@pytest.mark.parametrize(("how", "words"), [("hang", "no answer began"), ("drip", "not complete within")])
def test_a_server_that_says_nothing_or_too_little_is_given_up_in_time(
    tmp_path: Path, how: str, words: str
) -> None:
    real = RealTime(tmp_path)
    with Scripted() as server:
        server.script = [getattr(server, how)]
        before_s = real.desk.context.monotonic_s()
        with pytest.raises(VenueError, match=words):
            real.door.ask("it", server.url, lambda got: got)
        assert real.desk.context.monotonic_s() - before_s < 2.0
    real.door.close()


def test_a_server_that_is_not_there_is_asked_as_often_as_allowed(house: House) -> None:
    with Scripted(b"") as server:
        url = server.url
    with pytest.raises(VenueError, match=r"failed 3 times, .* no connection came about: refused"):
        house.door.ask("it", url, lambda got: got)
    assert house.door.asked == 3 and len(house.desk.reports("venue_asked_again")) == 2


@pytest.mark.parametrize(
    "broken",
    [
        answer("half", length=100),  # then the connection ends
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhalf",
        answer(gzip.compress(b"whole" * 100)[:-4], Content_Encoding="gzip"),
        answer(b"no gzip at all", Content_Encoding="gzip"),
        answer("x", Content_Encoding="br"),
        b"SMTP ready\r\n\r\n",
    ],
    ids=["short", "chunk", "length", "gzip end", "no gzip", "unknown packing", "no HTTP"],
)
def test_a_broken_answer_is_asked_for_again_and_never_handed_on(house: House, broken: bytes) -> None:
    def say(connection: object) -> None:
        connection.sendall(broken)  # type: ignore[attr-defined]  # a socket, which ends behind it

    with Scripted(say, answer("whole")) as server:
        assert house.ask(server).data == b"whole"
        assert len(server.asked) == 2


def test_an_answer_is_unpacked_and_its_size_is_limited(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"0" * 2_000_000)
    with Scripted(answer(packed, Content_Encoding="gzip")) as server:
        assert house.ask(server).data == b"0" * 2_000_000
        monkeypatch.setattr(rest, "ANSWER_LIMIT", 1_000_000)
        with pytest.raises(VenueError, match="longer than"):
            house.ask(server)


def test_an_answer_says_whether_its_end_was_told(house: House) -> None:
    def untold(connection: object) -> None:
        connection.sendall(answer("a,b", length=-1))  # type: ignore[attr-defined]  # a socket

    with Scripted(answer("a,b"), untold) as server:
        assert house.ask(server).complete
        assert not house.ask(server).complete


def test_a_redirect_is_not_followed(house: House) -> None:
    with Scripted(answer("taken")) as elsewhere, Scripted(answer("", 302, Location=elsewhere.url)) as server:
        assert house.door.ask("it", server.url, lambda got: got.status) == 302
        assert elsewhere.asked == []


def test_what_failed_is_asked_again_after_longer_and_longer_pauses(house: House) -> None:
    with Scripted(answer("", 500), answer("", 503), answer("good")) as server:
        assert house.ask(server).data == b"good"
    first, second = (wait for wait in house.time.waits if wait > paces.SPACING_S)
    assert 0.25 <= first <= 0.5 <= second <= 1.0


def test_too_many_requests_are_waited_out_as_the_venue_says(house: House) -> None:
    crowded = answer("", 429, Retry_After="17")
    with Scripted(crowded, crowded, crowded, crowded, answer("good")) as server:
        assert house.ask(server).data == b"good"  # more refusals than attempts: they are no failures
    assert 4 * 17.0 <= house.time.now_s - 1_000.0 < 4 * 17.0 + 1.0
    assert len(house.desk.reports("venue_paced")) == 4


def test_a_date_in_retry_after_is_understood(house: House, tmp_path: Path) -> None:
    now_ns = 1_760_000_000 * 10**9  # 2025-10-09 08:53:20 GMT
    desk = Desk(tmp_path, now_ns=lambda: now_ns)
    door = Door(desk.context, house.pool, house.pace, QUICK)

    def told(text: str) -> float | None:
        return door.retry_after_s(Answer(429, {"Retry-After": text}, b"", True))

    assert told("Thu, 09 Oct 2025 08:54:00 GMT") == 40.0
    assert told("Thu, 09 Oct 2025 08:00:00 GMT") == 0.0
    assert (told("2.5"), told(""), told("soon"), told("nan")) == (2.5, None, None, None)


def test_without_a_word_of_the_venue_the_pauses_double_up_to_a_minute(house: House) -> None:
    with Scripted(*[answer("", 429)] * 6, answer("good")) as server:
        assert house.ask(server).data == b"good"
    waits = [wait for wait in house.time.waits if wait > paces.SPACING_S]
    assert waits == pytest.approx([6.0, 12.0, 24.0, 18.05, 60.0, 60.0])  # the fourth ends the minute


def test_a_pause_beyond_the_patience_is_an_error_at_once(house: House) -> None:
    with (
        Scripted(answer("", 429, Retry_After="99999999999")) as server,
        pytest.raises(VenueError, match="the next try would be in 900 s, and patience_s has 300 s left"),
    ):
        house.ask(server)
    assert house.time.now_s < 1_001.0
    assert house.pace.take() < 901.0  # a damaged wish does not silence the key for years


def test_everybody_with_the_same_key_waits_along(house: House, tmp_path: Path) -> None:
    other = Door(house.desk.context, house.pool, house.pace, QUICK, house.time.wait)
    with Scripted(answer("", 429, Retry_After="40"), answer("one"), answer("two")) as server:
        assert house.ask(server).data == b"one"
        waited_s = house.time.now_s
        house.pace.rest(25.0)
        assert other.ask("it", server.url, lambda got: got.data) == b"two"
        assert 25.0 <= house.time.now_s - waited_s < 26.0


def test_the_pace_of_a_free_plan_is_kept_and_told(tmp_path: Path) -> None:
    house = House(tmp_path, limits=Limits(per_minute=5))
    with Scripted(answer("good")) as server:
        times: list[float] = []
        for _ in range(12):
            house.ask(server)
            times.append(house.time.now_s)
    house.door.close()
    assert all(later - earlier >= 60.0 for earlier, later in zip(times, times[5:], strict=False))
    assert times[-1] - times[0] < 125.0
    assert [fields["what"] for fields in house.desk.reports("venue_paced")] == ["/thing", "/thing"]


def test_a_used_up_day_is_an_error_and_ends_after_a_day(tmp_path: Path) -> None:
    house = House(tmp_path, limits=Limits(per_day=2))
    with Scripted(answer("good")) as server:
        house.ask(server)
        house.ask(server)
        with pytest.raises(VenueError, match="the day's requests of this key are used up"):
            house.ask(server)
        house.time.wait(86_400.0)
        assert house.ask(server).data == b"good"
        assert len(server.asked) == 3
    house.door.close()


def test_a_place_that_comes_too_late_is_an_error_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, QUICK._replace(patience_s=30.0), Limits(per_minute=1))
    with Scripted(answer("good")) as server:
        house.ask(server)
        with pytest.raises(VenueError, match="its turn is in 60 s: it may not be used more often"):
            house.ask(server)
    house.door.close()
    assert sum(house.time.waits) < 1.0


def test_a_key_has_one_pace_in_a_process_and_each_venue_its_own() -> None:
    def pace(url: str, key: str) -> Pace:
        return pace_of(url, key, Limits(5), lambda: 0.0)

    assert pace("http://one", "key of this test") is pace("http://one", "key of this test")
    assert pace("http://one", "key of this test") is not pace("http://one", "another")
    assert pace("http://one", "key of this test") is not pace("http://two", "key of this test")


def test_of_different_limits_for_a_key_the_stricter_hold() -> None:
    time = Time()
    loose = pace_of("http://one", "key with limits", Limits(0, 1_000), time)
    assert loose is pace_of("http://one", "key with limits", Limits(2), time)
    assert loose is pace_of("http://one", "key with limits", Limits(300), time)
    waits: list[float] = []
    for _ in range(3):
        while (wait_s := loose.take()) > 0:
            waits.append(wait_s)
            time.wait(wait_s)
    assert max(waits) > 59.0


def test_a_closed_door_ends_the_waiting(tmp_path: Path) -> None:
    real = RealTime(tmp_path, attempts=2)

    def refuse(got: Answer) -> None:
        real.door.close()
        raise TryAgain("later", 100.0)

    with Scripted(answer("")) as server, pytest.raises(VenueError, match="closed while waiting"):
        real.door.ask("it", server.url, refuse)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.polygon.io", "unencrypted"),
        ("http://127.0.0.1.example.com", "unencrypted"),
        ("api.polygon.io", "is no address"),
        ("ftp://api.polygon.io", "is no address"),
        ("http://[::1", "is no address"),
        ("", "is no address"),
    ],
)
def test_an_address_that_would_show_the_key_is_refused(url: str, words: str) -> None:
    for good in ("https://api.polygon.io", "http://127.0.0.1:8765", "http://localhost", "http://[::1]:1"):
        check_url(good)
    with pytest.raises(ValueError, match=words):
        check_url(url)


def test_the_http_library_writes_no_key(house: House, caplog: pytest.LogCaptureFixture) -> None:
    hidden = HiddenKeys("the-secret")
    logger = logging.getLogger("urllib3.connectionpool")
    logger.addFilter(hidden)
    try:
        with caplog.at_level(logging.DEBUG), Scripted(answer("good")) as server:
            house.door.ask("it", server.url, lambda got: got, fields={"apikey": "the-secret"})
    finally:
        logger.removeFilter(hidden)
    assert "apikey=the-secret" in server.asked[0]
    assert "apikey=(key)" in caplog.text and "the-secret" not in caplog.text
