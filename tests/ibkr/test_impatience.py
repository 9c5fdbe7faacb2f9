"""Whoever asks may give up before TWS has answered, or before the question was sent: the next one gets on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from livetrader_engine.spi import VenueError
from livetrader_plugins.ibkr import requests
from livetrader_venues.tws.settings import Settings
from tests.ibkr.desk import at_desk, play

UNLIMITED = Settings(messages_per_second=0)


@pytest.mark.parametrize("library", ["ib_insync", "ib_async"])
def test_a_question_that_was_given_up_before_it_was_sent_stands_in_nobodys_way(
    library: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path, UNLIMITED, messages_per_second=40) as desk:
            session = desk.brokerage._session
            assert session is not None
            throttle = session._sender._throttle
            while throttle.wait_s(order=False) == 0.0:
                throttle.count()  # others have used the second up
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await session.request(requests.ALL_OPEN_ORDERS)
            async with asyncio.timeout(5):
                assert await session.request(requests.ALL_OPEN_ORDERS) == []

    play(scenario())


@pytest.mark.parametrize("library", ["ib_insync", "ib_async"])
def test_a_session_that_leaves_a_question_unanswered_ends_however_impatient_its_callers_are(
    library: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path, UNLIMITED, request_timeout_s=0.5) as desk:
            session = desk.brokerage._session
            assert session is not None
            desk.peer.do("fault", kind="mute", message="openOrderEnd", count=0)
            with pytest.raises(VenueError):
                while True:  # each gives up sooner than the session would
                    try:
                        async with asyncio.timeout(0.1):
                            await session.request(requests.ALL_OPEN_ORDERS)
                    except TimeoutError:
                        continue
            assert "reqAllOpenOrders" in session.why_ended

    play(scenario())


@pytest.mark.parametrize("library", ["ib_insync", "ib_async"])
def test_a_question_that_tws_may_have_dropped_ends_the_session_at_once(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path, UNLIMITED) as desk:
            session = desk.brokerage._session
            assert session is not None
            desk.peer.do("fault", kind="error", message="reqAllOpenOrders", code=100, text="Max rate")
            async with asyncio.timeout(5):
                with pytest.raises(VenueError, match="dropped a message"):
                    await session.request(requests.ALL_OPEN_ORDERS)

    play(scenario())
