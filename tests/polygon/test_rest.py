"""What Polygon's REST answers mean: data, a refusal, or nothing that may be taken for either."""

from __future__ import annotations

import importlib
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livetrader_engine.errors import DataError
from livetrader_engine.spi import PluginError, VenueError
from livetrader_plugins.polygon import rows
from livetrader_plugins.polygon.config import PolygonHistoryConfig
from livetrader_plugins.polygon.rest import NoSuchThingError, NotEntitledError, PolygonRest
from tests.rest.server import Desk, Scripted, Time, answer, json_of

GOOD: dict[str, Any] = {"status": "OK", "resultsCount": 1, "results": [
    {"t": 1_750_000_000_000, "o": 1.0, "h": 2.0, "l": 0.5, "c": 1.5, "v": 10}
]}  # fmt: skip
LIBRARIES = ("polygon", "massive")


class Asking:
    """Polygon's REST at a scripted server, with a clock that goes on by waiting."""

    def __init__(self, directory: Path, server: Scripted, time: Time | None = None, **options: Any) -> None:
        self.time = time or Time()
        self.desk = Desk(directory, monotonic_s=self.time)
        defaults = {"read_timeout_s": 2.0, "attempts": 3}
        config = PolygonHistoryConfig(api_key=server.key, url=server.url, **{**defaults, **options})
        self.rest = PolygonRest(config, self.desk.context, self.time.wait)

    def bars(self) -> list[rows.AggregateRow]:
        """Ask for bars of AAPL."""

        def question(client: Any) -> object:
            return client.list_aggs("AAPL", 1, "minute", "2025-06-16", "2025-06-16", adjusted=False, raw=True)

        return list(self.rest.rows(question, rows.AGGREGATES))


@contextmanager
def asking(directory: Path, *script: Any, **options: Any) -> Iterator[tuple[Asking, Scripted]]:
    with Scripted(*script) as server:
        made = Asking(directory, server, **options)
        try:
            yield made, server
        finally:
            made.rest.close()


@pytest.mark.parametrize("library", LIBRARIES)
def test_rows_come_through_either_library_and_the_key_in_a_header_only(tmp_path: Path, library: str) -> None:
    with asking(tmp_path, json_of(GOOD), library=library) as (polygon, server):
        (row,) = polygon.bars()
    assert (row.t, row.o, row.h, row.l, row.c, row.v) == (1_750_000_000_000, 1.0, 2.0, 0.5, 1.5, 10.0)
    path = "/v2/aggs/ticker/AAPL/range/1/minute/2025-06-16/2025-06-16?adjusted=false"
    assert server.asked == [f"GET {path} HTTP/1.1"]
    assert f"Bearer {server.key}" in server.heads[0]


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_answer_that_is_no_json_is_an_error_where_the_client_says_nothing_came(
    tmp_path: Path, library: str
) -> None:
    with Scripted(answer("<html>busy</html>")) as server:
        client = importlib.import_module(library).RESTClient(server.key, base=server.url, retries=0)
        assert list(client.list_aggs("AAPL", 1, "minute", "2025-06-16", "2025-06-16")) == []  # the trap
        client.client.clear()
    with (
        asking(tmp_path, answer("<html>busy</html>"), library=library) as (polygon, server),
        pytest.raises(VenueError, match=r"failed 3 times, .*: no JSON"),
    ):
        polygon.bars()
    assert len(server.asked) == 3


def test_a_hang_ends_with_the_timeout_that_the_client_was_given_and_does_not_use(tmp_path: Path) -> None:
    with Scripted() as server:
        server.script = [server.hang]
        client = importlib.import_module("polygon").RESTClient(server.key, base=server.url, read_timeout=0.1)
        assert "timeout" not in client.client.connection_pool_kw  # the trap: it would wait for ever
        desk = Desk(tmp_path)
        config = PolygonHistoryConfig(api_key=server.key, url=server.url, read_timeout_s=0.1, attempts=1)
        rest = PolygonRest(config, desk.context)
        before_s = desk.context.monotonic_s()
        with pytest.raises(VenueError, match=r"no answer began within 0\.1 s"):
            next(
                rest.pages(
                    lambda client: client.list_aggs("AAPL", 1, "day", "2025-06-16", "2025-06-16", raw=True)
                )
            )
        assert desk.context.monotonic_s() - before_s < 2.0
        rest.close()


@pytest.mark.parametrize(
    "empty",
    [{"status": "OK", "resultsCount": 0}, {"status": "OK", "results": []}, {"status": "OK", "results": None}],
)
def test_an_answer_without_rows_is_the_venues_word_that_there_are_none(
    tmp_path: Path, empty: dict[str, object]
) -> None:
    with asking(tmp_path, json_of(empty)) as (polygon, server):
        assert polygon.bars() == []
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "damaged",
    [
        answer(""),
        answer("{}"),
        answer("[]"),
        answer('{"status":"OK","request_id":"0"}'),
        answer('{"status":"OK","results":[{"t":1,"o":NaN}]}'),
        answer('{"status":"OK","resultsCount":2,"results":[{"t":1'),
        answer(b'{"status":"\xff\xfe","results":[]}'),
        json_of({"status": "ERROR", "error": "internal"}),
        json_of({"results": GOOD["results"]}),
        answer('{"status":"OK","more":' + "[" * 100_000),
    ],
    ids=[
        "nothing",
        "empty object",
        "list",
        "no word of rows",
        "NaN",
        "cut",
        "no UTF-8",
        "ERROR",
        "no status",
        "deep",
    ],
)
def test_a_damaged_answer_is_asked_for_again(tmp_path: Path, damaged: bytes) -> None:
    with asking(tmp_path, damaged, json_of(GOOD)) as (polygon, server):
        assert len(polygon.bars()) == 1
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (json_of({"status": "ERROR", "error": "Unknown API Key"}, 401), VenueError, "refuses the key"),
        (json_of({"status": "ERROR", "error": "Unknown API Key"}), VenueError, "refuses the key"),
        (
            json_of({"status": "NOT_AUTHORIZED", "message": "You are not entitled"}, 403),
            NotEntitledError,
            "plan",
        ),
        (json_of({"status": "NOT_AUTHORIZED", "message": "You are not entitled"}), NotEntitledError, "plan"),
        (answer("<html>no</html>", 403), NotEntitledError, "plan"),
        (
            json_of({"status": "NOT_FOUND", "message": "Ticker not found."}, 404),
            NoSuchThingError,
            "Ticker not",
        ),
        (answer("<html>no</html>", 404), VenueError, "nothing answers at .*check the url"),
        (json_of({"status": "ERROR", "error": "bad from"}, 400), VenueError, "status 400: bad from"),
        (answer("", 302, Location="http://elsewhere"), VenueError, "status 302"),
    ],
)
def test_refusals_are_told_apart_and_not_repeated(
    tmp_path: Path, said: bytes, error: type[Exception], words: str
) -> None:
    with asking(tmp_path, said) as (polygon, server), pytest.raises(error, match=words):
        polygon.bars()
    assert len(server.asked) == 1
    assert issubclass(error, DataError) or error is VenueError


def test_what_the_venue_says_of_the_key_is_shown_without_the_key(tmp_path: Path) -> None:
    with Scripted() as server:
        server.script = [json_of({"status": "ERROR", "error": f"Unknown API Key {server.key}"}, 401)]
        polygon = Asking(tmp_path, server)
        with pytest.raises(VenueError, match=r"Unknown API Key \(key\)") as caught:
            polygon.bars()
        polygon.rest.close()
    assert server.key not in repr(caught.value)


def test_neither_reports_nor_logs_have_the_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = (answer("no JSON"), answer("", 500), answer("", 429, Retry_After="9"), json_of(GOOD))
    with caplog.at_level(logging.DEBUG), asking(tmp_path, *script, attempts=4) as (polygon, server):
        polygon.bars()
    assert len(polygon.desk.host.records) == 4
    assert server.key not in repr(polygon.desk.host.records) + caplog.text


def test_too_many_requests_are_waited_out_with_either_word_for_it(tmp_path: Path) -> None:
    words = "You've exceeded the maximum requests per minute, please wait or upgrade your subscription."
    script = (
        json_of({"status": "ERROR", "error": words}, 429, Retry_After="20"),
        json_of({"status": "ERROR", "error": words}, 429),
        json_of({"status": "ERROR", "error": words}),
        json_of(GOOD),
    )
    with asking(tmp_path, *script) as (polygon, _):
        assert len(polygon.bars()) == 1
    assert [wait for wait in polygon.time.waits if wait > 1] == pytest.approx([20.05, 12.0, 24.0])


def test_two_histories_of_one_process_share_the_pace_of_their_key(tmp_path: Path) -> None:
    with Scripted(json_of(GOOD)) as server:
        time = Time()
        one, two = (Asking(tmp_path, server, time, requests_per_minute=2) for _ in range(2))
        one.bars()
        two.bars()
        assert sum(time.waits) < 1.0
        two.bars()
        assert 60.0 <= sum(time.waits) < 61.0
        assert len(two.desk.reports("venue_paced")) == 1
        one.rest.close()
        two.rest.close()


def page(url: str, more: str = "", count: int = 1) -> bytes:
    """Return a page of GOOD; `more` is the path of the next."""
    return json_of(GOOD | {"resultsCount": count} | ({"next_url": url + more} if more else {}))


def test_pages_are_followed_at_our_own_host_so_that_no_other_gets_the_key(tmp_path: Path) -> None:
    with Scripted(json_of(GOOD)) as elsewhere:
        script = [page(elsewhere.url, f"/v2/aggs/x?cursor={name}") for name in ("two", "three")] + [page("")]
        with asking(tmp_path, *script) as (polygon, server):
            assert len(polygon.bars()) == 3
    assert elsewhere.asked == []
    assert [line.split("cursor=")[-1] for line in server.asked[1:]] == ["two HTTP/1.1", "three HTTP/1.1"]


def test_pages_that_go_in_circles_or_elsewhere_are_an_error(tmp_path: Path) -> None:
    with (
        asking(tmp_path, page("", "/v2/aggs/x?cursor=two")) as (polygon, _),
        pytest.raises(VenueError, match="is no page of an answer"),
    ):
        polygon.bars()
    with (
        asking(tmp_path, page("http://x", "/admin")) as (polygon, _),
        pytest.raises(VenueError, match="is no page of an answer"),
    ):
        polygon.bars()


def test_pages_are_fetched_as_they_are_needed(tmp_path: Path) -> None:
    with asking(tmp_path, page("", "/v2/a?cursor=2"), page("", "/v2/a?cursor=3"), page("")) as (
        polygon,
        server,
    ):
        pages = polygon.rest.pages(
            lambda client: client.list_aggs("A", 1, "day", "2025-06-16", "2025-06-16", raw=True)
        )
        next(pages)
        assert len(server.asked) == 1
        assert len(list(pages)) == 2


def test_a_long_answer_is_held_a_page_at_a_time(tmp_path: Path) -> None:
    def page_of(number: int, last: int) -> bytes:
        rows = [
            {
                "sip_timestamp": 1_750_080_600_000_000_000 + number * 3_000 + at,
                "price": 5.0,
                "size": 1,
                "conditions": [14],
            }
            for at in range(3_000)
        ]
        more = {"next_url": f"http://x/v3/trades/AAPL?cursor={number}"} if number < last else {}
        return json_of({"status": "OK", "results": rows} | more)

    def peak_of(pages: int) -> int:
        with asking(tmp_path, *[page_of(number, pages - 1) for number in range(pages)]) as (polygon, _):
            tracemalloc.start()
            try:
                question: Callable[[Any], object] = lambda client: client.list_trades("AAPL", raw=True)  # noqa: E731
                assert sum(1 for _ in polygon.rest.rows(question, rows.TRADES)) == 3_000 * pages
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    peak_of(2)  # imports and caches
    assert peak_of(16) < 1.5 * peak_of(4)


@pytest.mark.parametrize("count", [0, 2, 5_000])
def test_another_number_of_rows_than_announced_is_an_error(tmp_path: Path, count: int) -> None:
    with (
        asking(tmp_path, page("", count=count)) as (polygon, _),
        pytest.raises(VenueError, match=f"announced {count} rows and sent 1"),
    ):
        polygon.bars()


@pytest.mark.parametrize("row", [{"t": "soon"}, {"o": 1.0}, 7, {"t": 1, "o": "1", "h": 1, "l": 1, "c": 1}])
def test_rows_of_another_form_are_an_error(tmp_path: Path, row: object) -> None:
    with (
        asking(tmp_path, json_of({"status": "OK", "results": [row]})) as (polygon, _),
        pytest.raises(VenueError, match="rows that cannot be read"),
    ):
        polygon.bars()


def test_a_missing_key_or_library_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLYGON_API_KEY", raising=False)
    monkeypatch.delenv("MASSIVE_API_KEY", raising=False)
    desk = Desk(tmp_path)
    ask: Callable[[Any], object] = lambda client: client  # noqa: E731 — never called
    with pytest.raises(PluginError, match="POLYGON_API_KEY"):
        next(PolygonRest(PolygonHistoryConfig(), desk.context).pages(ask))
    monkeypatch.setitem(importlib.import_module("sys").modules, "massive", None)
    with pytest.raises(PluginError, match="pip install massive"):
        next(PolygonRest(PolygonHistoryConfig(api_key="k", library="massive"), desk.context).pages(ask))


def test_the_key_of_the_environment_is_taken_where_the_settings_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Scripted(json_of(GOOD)) as server:
        monkeypatch.setenv("POLYGON_API_KEY", server.key)
        config = PolygonHistoryConfig(url=server.url)
        rest = PolygonRest(config, Desk(tmp_path).context)
        list(rest.pages(lambda client: client.list_aggs("A", 1, "day", "2025-06-16", "2025-06-16", raw=True)))
        rest.close()
    assert f"Bearer {server.key}" in server.heads[0]


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong in (
        {"attempts": 0},
        {"page_rows": 50_001},
        {"patience_s": 0},
        {"libary": "massive"},
        {"url": "http://a.b"},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, PolygonHistoryConfig)
