"""What Alpha Vantage's answers mean, nearly all of which have status 200."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livetrader_engine.errors import DataError
from livetrader_engine.spi import PluginError, VenueError
from livetrader_plugins.alphavantage.client import AlphaVantageClient, NoSuchThingError, Question
from livetrader_plugins.alphavantage.config import AlphaVantageConfig
from livetrader_plugins.alphavantage.rows import announced_of, rows_of
from tests.rest.server import Desk, Scripted, Time, answer, json_of

DAILY = Question("TIME_SERIES_DAILY", "IBM", size="compact")
MINUTES = Question("TIME_SERIES_INTRADAY", "IBM", "2025-06", "full")
GOOD = "timestamp,open,high,low,close,volume\r\n2025-06-17,2,4,1,3,100\r\n2025-06-16,5,7,4,6,200\r\n"

# The words that tell its complaints apart, as users have reported them over the years.
PLANS = "You may subscribe to any of the premium plans to instantly unlock all premium endpoints"
SPARINGLY = (
    "Please consider spreading out your free API requests more sparingly (1 request per second). "
    + PLANS
    + " and "
    "to lift the free key rate limit (25 requests per day)"
)
MINUTELY = "Our standard API call frequency is 5 calls per minute and 500 calls per day."
USED_UP = (
    "We have detected your API key as {key} and our standard API rate limit is 25 requests per day. " + PLANS
)
PREMIUM = "Thank you for using Alpha Vantage! This is a premium endpoint. " + PLANS
PREMIUM_SIZE = (
    "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint. " + PLANS
)
NO_KEY = "the parameter apikey is invalid or missing."
NO_CALL = "Invalid API call. Please retry or visit the documentation for TIME_SERIES_DAILY."


class Asking:
    """Alpha Vantage at a scripted server, with a clock that goes on by waiting."""

    def __init__(self, directory: Path, server: Scripted, **options: Any) -> None:
        self.time = Time()
        self.desk = Desk(directory, monotonic_s=self.time)
        defaults = {"requests_per_minute": 0, "requests_per_day": 0, "attempts": 3}
        self.config = AlphaVantageConfig(api_key=server.key, url=server.url, **{**defaults, **options})
        self.client = AlphaVantageClient(self.config, self.desk.context, self.time.wait)


@contextmanager
def asking(directory: Path, *script: Any, **options: Any) -> Iterator[tuple[Asking, Scripted]]:
    with Scripted(*script) as server:
        made = Asking(directory, server, **options)
        try:
            yield made, server
        finally:
            made.client.close()


def complaint(text: str, name: str = "Information") -> bytes:
    return json_of({name: text})


def test_days_and_minutes_are_asked_for_as_they_were_traded(tmp_path: Path) -> None:
    with asking(tmp_path, answer(GOOD)) as (venue, server):
        assert venue.client.ask(DAILY) == GOOD
        venue.client.ask(MINUTES)
    daily, minutes = server.asked
    assert daily.startswith(
        "GET /query?function=TIME_SERIES_DAILY&symbol=IBM&outputsize=compact&datatype=csv&"
    )
    for wanted in (
        "interval=1min",
        "month=2025-06",
        "adjusted=false",
        "extended_hours=true",
        "outputsize=full",
    ):
        assert wanted in minutes


def test_an_answer_is_used_again_for_a_minute_and_not_longer(tmp_path: Path) -> None:
    with asking(tmp_path, answer(GOOD)) as (venue, server):
        venue.client.ask(DAILY)
        venue.client.ask(DAILY)
        assert len(server.asked) == 1
        venue.time.wait(61.0)
        venue.client.ask(DAILY)
        assert len(server.asked) == 2


@pytest.mark.parametrize(("text", "name"), [(SPARINGLY, "Information"), (MINUTELY, "Note")])
def test_too_fast_is_waited_out(tmp_path: Path, text: str, name: str) -> None:
    with asking(tmp_path, complaint(text, name), complaint(text, name), answer(GOOD)) as (venue, _):
        assert venue.client.ask(DAILY) == GOOD
    assert [wait for wait in venue.time.waits if wait > 1] == pytest.approx([6.0, 12.0])


def test_a_used_up_day_is_an_error_and_nothing_is_asked_for_an_hour(tmp_path: Path) -> None:
    with Scripted() as server:
        server.script = [complaint(USED_UP.format(key=server.key)), answer(GOOD)]
        venue = Asking(tmp_path, server)
        with pytest.raises(VenueError, match=r"detected your API key as \(key\) and .* 25 requests per day"):
            venue.client.ask(DAILY)
        with pytest.raises(VenueError, match="its turn is in 3600 s: the venue says that the day's requests"):
            venue.client.ask(MINUTES)
        assert len(server.asked) == 1
        venue.time.wait(3_601.0)
        assert venue.client.ask(DAILY) == GOOD
        venue.client.close()


@pytest.mark.parametrize(
    ("text", "name", "error", "words"),
    [
        (PREMIUM, "Information", DataError, "plan of this key does not include"),
        (PREMIUM_SIZE, "Information", DataError, "does not include TIME_SERIES_DAILY IBM"),
        (NO_CALL, "Error Message", NoSuchThingError, "has no TIME_SERIES_DAILY IBM"),
        (NO_KEY, "Error Message", VenueError, "refuses the key"),
        ("The **demo** API key is for demo purposes only.", "Information", VenueError, "refuses the key"),
        ("We are moving house.", "Information", VenueError, "refused TIME_SERIES_DAILY IBM: We are moving"),
    ],
)
def test_complaints_are_told_apart_and_not_repeated(
    tmp_path: Path, text: str, name: str, error: type[Exception], words: str
) -> None:
    with asking(tmp_path, complaint(text, name)) as (venue, server), pytest.raises(error, match=words):
        venue.client.ask(DAILY)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "damaged",
    [
        answer(""),
        answer("<html>busy</html>"),
        answer('{"Note": '),
        answer('{"Note": 5}'),
        answer(GOOD.rstrip()),
        answer(GOOD[:-5]),
        answer(b"timestamp,\xff\xfe\n"),
        answer("", 503),
        answer('{"Note": ' + "[" * 100_000),
    ],
    ids=["nothing", "no rows", "cut", "no words", "no last end", "cut rows", "no text", "busy", "deep"],
)
def test_a_damaged_answer_is_asked_for_again(tmp_path: Path, damaged: bytes) -> None:
    with asking(tmp_path, damaged, answer(GOOD)) as (venue, server):
        assert venue.client.ask(DAILY) == GOOD
    assert len(server.asked) == 2


def test_rows_whose_end_nobody_told_are_not_taken_for_all(tmp_path: Path) -> None:
    def cut_at_a_row(connection: Any) -> None:
        connection.sendall(answer(GOOD[:60], length=-1))

    with asking(tmp_path, cut_at_a_row, answer(GOOD)) as (venue, server):
        assert venue.client.ask(DAILY) == GOOD
    assert len(server.asked) == 2


def test_an_empty_object_is_no_data_and_json_with_data_is_taken(tmp_path: Path) -> None:
    with asking(tmp_path, answer("{}")) as (venue, _), pytest.raises(NoSuchThingError):
        venue.client.ask(DAILY)
    prices = {"1. open": "2", "2. high": "4", "3. low": "1", "4. close": "3", "5. volume": "100"}
    said = {"Meta Data": {}, "Time Series (Daily)": {"2025-06-17": prices, "2025-06-16": prices}}
    with asking(tmp_path, json_of(said)) as (venue, _):
        rows = rows_of("it", venue.client.ask(DAILY))
    assert [f"{row.start:%m-%d}" for row in rows] == ["06-16", "06-17"]
    assert rows[0][1:] == (2.0, 4.0, 1.0, 3.0, 100.0)


def test_the_quota_of_a_free_key_is_kept(tmp_path: Path) -> None:
    limits = {"requests_per_minute": 5, "requests_per_day": 8}
    with asking(tmp_path, answer(GOOD), **limits) as (venue, server):
        for at in range(8):
            venue.client.ask(Question("TIME_SERIES_DAILY", f"T{at}", size="full"))
        with pytest.raises(VenueError, match="the day's requests of this key are used up"):
            venue.client.ask(DAILY)
    assert len(server.asked) == 8 and 60.0 <= sum(venue.time.waits) < 61.0


def test_the_key_is_in_no_report_no_log_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        asking(tmp_path, answer("no"), attempts=2) as (venue, server),
        pytest.raises(VenueError) as caught,
    ):
        venue.client.ask(DAILY)
    assert f"apikey={server.key}" in server.asked[0]
    seen = (
        repr(venue.desk.host.records)
        + caplog.text
        + "".join(map(str, (caught.value, caught.value.__cause__)))
    )
    assert "apikey=(key)" in seen and server.key not in seen
    assert logging.getLogger("urllib3.connectionpool").filters == []


def test_a_missing_key_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALPHAVANTAGE_API_KEY", raising=False)
    with pytest.raises(PluginError, match="ALPHAVANTAGE_API_KEY"):
        AlphaVantageClient(AlphaVantageConfig(), Desk(tmp_path).context).ask(DAILY)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"requests_per_day": -1}, AlphaVantageConfig)


HEAD = "timestamp,open,high,low,close,volume\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,open\n", "other columns"),
        (HEAD + "2025-06-17,2,4,1\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,2,4,1,x,100\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,nan,4,1,3,100\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,2,nan,1,3,100\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,2,4,nan,3,100\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,2,4,1,nan,100\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,0,0,0,0,100\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,2,4,1,3,inf\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,2,4,1,3,nan\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,5,4,1,3,100\n", "a row of it that cannot be"),
        (HEAD + "someday,2,4,1,3,100\n", "a row of it that cannot be"),
        (HEAD + "2025-06-06-13,2,4,1,3,100\n", "a row of it that cannot be"),
        (HEAD + "20250617,2,4,1,3,100\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17 09:30:00,2,4,1,3,100\n", "a row of it that cannot be"),
        (HEAD + "2025-06-17,2,4,1,3,1\n2025-06-17,2,4,1,3,1\n", "out of order"),
        (HEAD + "2025-06-17,2,4,1,3,1\n2025-06-18,2,4,1,3,1\n2025-06-16,2,4,1,3,1\n", "out of order"),
        ('{"Meta Data": {}}', "another form"),
        ('{"Time Series (Daily)": {"2025-06-17": {"1. open": "2"}}}', "a row of it that cannot be"),
    ],
)
def test_rows_that_cannot_be_are_an_error(text: str, words: str) -> None:
    with pytest.raises(VenueError, match=words):
        rows_of("it", text)


@pytest.mark.parametrize(
    "start", ["2025-05-30 15:59:00", "2025-06-17", "2025-06-17 09:30:30", "2025-06-17T09:30"]
)
def test_minutes_of_another_month_or_off_the_minute_are_an_error(start: str) -> None:
    with pytest.raises(VenueError, match="cannot be"):
        rows_of("it", f"{HEAD}{start},2,4,1,3,100\n", "2025-06")
    (row,) = rows_of("it", f"{HEAD}2025-06-17 09:30:00,2,4,1,3,100\n", "2025-06")
    assert f"{row.start:%d %H:%M}" == "17 09:30"


def test_announcements_without_a_date_or_an_amount_are_left_out() -> None:
    said = {"symbol": "IBM", "data": [
        {"ex_dividend_date": "2025-08-08", "amount": "1.68"},
        {"ex_dividend_date": "None", "amount": "1.68"},
        {"ex_dividend_date": "2025-05-09", "amount": None},
        {"ex_dividend_date": "2025-02-10", "amount": "1.67"},
    ]}  # fmt: skip
    found = announced_of("it", msgspec.json.encode(said).decode(), "ex_dividend_date", "amount")
    assert [f"{one.day} {one.number}" for one in found] == ["2025-02-10 1.67", "2025-08-08 1.68"]
    numbers = ("NaN", "Infinity", "1e400000", "-1", "much")
    wrongs = [
        f'{{"data": [{{"ex_dividend_date": "2025-02-10", "amount": "{number}"}}]}}' for number in numbers
    ]
    for wrong in ("{}", '{"data": 5}', '{"data": [{"ex_dividend_date": "soon", "amount": "1"}]}', *wrongs):
        with pytest.raises(VenueError):
            announced_of("it", wrong, "ex_dividend_date", "amount")
