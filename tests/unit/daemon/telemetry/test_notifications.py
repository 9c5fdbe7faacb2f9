from __future__ import annotations

import asyncio
from collections import Counter

from livetrader.telemetry.notifications import QUEUE_LIMIT, LogSink, Notification, Notifications, Urgency


class Recorder:
    """A sink that keeps what it gets; it waits at the gate, and breaks where it is told to."""

    name = "recorder"

    def __init__(self, *, broken: bool = False) -> None:
        self.got: list[str] = []
        self.gate = asyncio.Event()
        self._broken = broken

    async def send(self, notification: Notification) -> None:
        await self.gate.wait()
        if self._broken:
            raise OSError("planted")
        self.got.append(notification.title)


def note(title: str, urgency: Urgency = Urgency.INFORMATION) -> Notification:
    return Notification(time_ns=1, urgency=urgency, title=title, message="")


def test_a_slow_sink_costs_the_oldest_that_is_no_alarm_and_holds_nobody_up() -> None:
    async def scenario() -> None:
        counts: Counter[str] = Counter()
        sink = Recorder()
        notifications = Notifications([sink], lambda outcome: counts.update([outcome]))
        assert notifications.put(note("alarm", Urgency.ALARM))
        for number in range(QUEUE_LIMIT):
            assert notifications.put(note(f"n{number}"))
        assert counts == {"dropped": 1}
        sink.gate.set()
        notifications.close()
        await notifications.run()
        assert sink.got[:2] == ["alarm", "n1"] and sink.got[-1] == f"n{QUEUE_LIMIT - 1}"
        assert not notifications.put(note("late"))

    asyncio.run(scenario())


def test_where_all_are_alarms_the_first_ones_stay() -> None:
    async def scenario() -> None:
        sink = Recorder()
        sink.gate.set()
        notifications = Notifications([sink])
        accepted = [notifications.put(note(f"a{n}", Urgency.ALARM)) for n in range(QUEUE_LIMIT + 2)]
        assert accepted == [True] * QUEUE_LIMIT + [False] * 2
        notifications.close()
        await notifications.run()
        assert sink.got[0] == "a0" and len(sink.got) == QUEUE_LIMIT

    asyncio.run(scenario())


def test_a_broken_sink_does_not_silence_the_others() -> None:
    async def scenario() -> None:
        counts: Counter[str] = Counter()
        broken, good = Recorder(broken=True), Recorder()
        broken.gate.set()
        good.gate.set()
        notifications = Notifications([broken, good, LogSink()], lambda outcome: counts.update([outcome]))
        notifications.put(note("hello", Urgency.WARNING))
        notifications.close()
        await notifications.run()
        assert good.got == ["hello"]
        assert counts == {"failed": 1, "sent": 2}

    asyncio.run(scenario())
