"""NTF: what every notifier must do. Subclass `NotifierContract`, give it a `harness` fixture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
import pytest

from livetrader_engine.outgoing import Outgoing, way_of
from livetrader_engine.spi import API_VERSION, Context, PluginError, VenueError
from livetrader_engine.spi_notify import Carrier, Message, NotifierPlugin
from livetrader_engine.testing.cases import case
from livetrader_engine.testing.host import WAIT_LIMIT_S, PluginHost

AT_ONCE: Final = 3  # messages under way together
GIVE_UP_S: Final = 0.3  # after which a case gives up a receiver that never answers
TURN_S: Final = 0.25  # longest pause of the loop while a receiver hangs; generous for busy machines


class NotifierHarness(Protocol):
    """One notifier, and a real receiver on loopback that it is configured for.

    `secrets`: texts of the configuration that may appear nowhere. `outgoing`: messages of an algorithm's for
    each way that the plugin carries as it is configured; none for a plugin that is no Carrier.
    """

    name: str
    secrets: Sequence[str]
    outgoing: Sequence[Outgoing]

    def make(self, context: Context) -> NotifierPlugin:
        """Return a new plugin."""
        ...

    def host(self) -> PluginHost:
        """Return a host for it."""
        ...

    def received(self) -> Sequence[str]:
        """Return what has arrived: each message as a text with everything that was in it."""
        ...

    def answer(self, how: str) -> None:
        """Have the receiver take messages ("take"), refuse them ("refuse"), or never answer ("hang")."""
        ...


def message(number: int = 1) -> Message:
    """Return a message that can be recognized."""
    text = f"text of {number}: half a sentence, and an umlaut: ü"
    return Message(number, 1_700_000_000_000_000_000, "warning", f"title {number}", text)


def is_no_carrier(harness: NotifierHarness) -> str | None:
    """Return why the case does not apply."""
    return None if harness.outgoing else "it carries no messages of algorithms"


class NotifierContract:
    """The cases."""

    @case("NTF-01")
    async def test_ntf_01_connecting_sends_nothing(self, harness: NotifierHarness) -> None:
        """A plugin says its version and its configuration, and looks without sending."""
        async with harness.host() as host:
            plugin = harness.make(host.context)
            assert plugin.API_VERSION == API_VERSION and issubclass(plugin.Config, msgspec.Struct)
            await plugin.connect()
            assert not harness.received()
            await plugin.close()

    @case("NTF-02")
    async def test_ntf_02_a_message_arrives_once_and_whole(self, harness: NotifierHarness) -> None:
        """`send` returns when the message was taken; title and text are in it."""
        async with harness.host() as host:
            plugin = harness.make(host.context)
            await plugin.connect()
            await plugin.send(message())
            (arrived,) = harness.received()
            assert "title 1" in arrived and "text of 1" in arrived and "ü" in arrived
            await plugin.close()

    @case("NTF-03")
    async def test_ntf_03_several_messages_may_be_under_way(self, harness: NotifierHarness) -> None:
        """Messages sent together all arrive."""
        async with harness.host() as host, asyncio.TaskGroup() as group:
            plugin = harness.make(host.context)
            await plugin.connect()
            tasks = [group.create_task(plugin.send(message(number))) for number in range(AT_ONCE)]
            await asyncio.gather(*tasks)
            arrived = harness.received()
            assert len(arrived) == AT_ONCE
            assert all(any(f"title {number}" in each for each in arrived) for number in range(AT_ONCE))
            await plugin.close()

    @case("NTF-04")
    async def test_ntf_04_a_refusal_is_an_error_without_secrets(self, harness: NotifierHarness) -> None:
        """A receiver that refuses makes `send` raise; later it works again; nothing secret is said."""
        async with harness.host() as host:
            plugin = harness.make(host.context)
            await plugin.connect()
            harness.answer("refuse")
            with pytest.raises((VenueError, PluginError)) as caught:
                await plugin.send(message())
            said = f"{caught.value} {caught.value.__cause__} {host.records}"
            assert str(caught.value) and not [secret for secret in harness.secrets if secret in said]
            harness.answer("take")
            await plugin.send(message(2))
            assert any("title 2" in each for each in harness.received())
            await plugin.close()

    @case("NTF-05")
    async def test_ntf_05_a_receiver_that_hangs_blocks_nobody(self, harness: NotifierHarness) -> None:
        """While a receiver does not answer the loop turns, the caller may give up, and `close` returns."""
        async with harness.host() as host:
            plugin = harness.make(host.context)
            await plugin.connect()
            harness.answer("hang")
            longest = 0.0
            loop = asyncio.get_running_loop()

            async def watch() -> None:
                nonlocal longest
                while True:
                    before = loop.time()
                    await asyncio.sleep(0)
                    longest = max(longest, loop.time() - before)

            watching = asyncio.ensure_future(watch())  # noqa: TID251 — the kit is the daemon here
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(GIVE_UP_S):
                    await plugin.send(message())
            watching.cancel()
            assert longest < TURN_S
            async with asyncio.timeout(WAIT_LIMIT_S):
                await plugin.close()

    @case("NTF-06")
    async def test_ntf_06_close_is_final_and_may_be_repeated(self, harness: NotifierHarness) -> None:
        """Closing twice is harmless, also without a connection before."""
        async with harness.host() as host:
            plugin = harness.make(host.context)
            await plugin.close()
            await plugin.close()
            assert not host.running

    @case("NTF-07", is_no_carrier)
    async def test_ntf_07_an_algorithms_messages_arrive(self, harness: NotifierHarness) -> None:
        """A carrier says what it carries, and brings it to the addressee."""
        async with harness.host() as host:
            plugin = harness.make(host.context)
            await plugin.connect()
            assert isinstance(plugin, Carrier)
            for number, outgoing in enumerate(harness.outgoing, start=1):
                assert plugin.carries(way_of(outgoing))
                await plugin.carry(outgoing)
                assert len(harness.received()) == number
            await plugin.close()

    @case("NTF-08", is_no_carrier)
    async def test_ntf_08_a_refused_message_of_an_algorithm_is_an_error(
        self, harness: NotifierHarness
    ) -> None:
        """What the addressee refuses raises, without secrets."""
        async with harness.host() as host:
            plugin = harness.make(host.context)
            await plugin.connect()
            assert isinstance(plugin, Carrier)
            harness.answer("refuse")
            for outgoing in harness.outgoing:
                with pytest.raises((VenueError, PluginError)) as caught:
                    await plugin.carry(outgoing)
                assert not [secret for secret in harness.secrets if secret in str(caught.value)]
            await plugin.close()
