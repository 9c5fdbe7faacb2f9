"""Real channels on loopback: fail-over, restarts, storms, hanging receivers, an algorithm's messages."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livetrader.control.notification_views import NotificationState
from livetrader.telemetry.notifications import Notification, Urgency
from livetrader_engine.commands import SendOut
from livetrader_engine.outgoing import FileUpload, Mail, WebRequest
from tests.notifying.receivers import WebReceiver, ftp_server, sftp_server
from tests.notifying.scenes import Scene, channel, running

State = NotificationState


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    receiver = WebReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def second() -> Iterator[WebReceiver]:
    receiver = WebReceiver()
    yield receiver
    receiver.close()


def titles(receiver: WebReceiver) -> list[str]:
    return [json.loads(body)["title"] for *_, body in receiver.requests]


def states(scene: Scene) -> list[State]:
    return [entry.state for entry in scene.dispatcher.book.all()]


def test_what_the_first_channel_refuses_the_second_gets_exactly_once(
    tmp_path: Path, web: WebReceiver, second: WebReceiver
) -> None:
    web.status = 500

    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url), channel("b", second.url)) as run:
            began_s = time.monotonic()
            run.notifying.notify("feed lost", "gone", "look", Urgency.ALARM)
            await run.until(lambda: len(second.requests) == 1)
            assert time.monotonic() - began_s < 10.0
            assert run.notifying.notifications(open_only=False, limit=9).channels[0].problem
            web.status = 200
            run.notifying.notify("another", "", "")
            await run.until(lambda: states(run) == [State.SENT, State.SENT])
            await run.until(lambda: run.dispatcher.channels["a"].problem == "" or len(second.requests) == 2)

    asyncio.run(scene())
    assert titles(web).count("[paper] ALARM: feed lost") == 0
    assert titles(second).count("[paper] ALARM: feed lost") == 1


def test_a_receiver_that_never_answers_costs_its_limit_and_then_its_turn(
    tmp_path: Path, web: WebReceiver, second: WebReceiver
) -> None:
    web.hangs = True

    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url), channel("b", second.url)) as run:
            run.notifying.notify("feed lost", "", "", Urgency.ALARM)
            await run.until(lambda: len(second.requests) == 1)
            (first, _) = run.notifying.notifications(open_only=False, limit=9).channels[:2]
            assert first.problem == "no answer within 0.5 s" and first.retry_ns

    asyncio.run(scene())


def test_what_could_not_be_told_is_told_by_the_next_daemon(tmp_path: Path, web: WebReceiver) -> None:
    web.status = 503

    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url)) as run:
            run.notifying.notify("one", "", "")
            run.notifying.notify("two", "", "", Urgency.ALARM)
            await run.until(lambda: run.counts["failed"] >= 2)
        assert not web.requests
        web.status = 200
        async with running(tmp_path, channel("a", web.url)) as run:
            await run.until(lambda: states(run) == [State.SENT, State.SENT])
            run.notifying.notify("one", "", "")
            await run.notifying.flush()
        async with running(tmp_path, channel("a", web.url)) as run:
            run.notifying.notify("three", "", "")
            await run.until(lambda: len(web.requests) == 3)
            assert run.dispatcher.book.all()[0].times == 2, "the same again was counted over the restart"

    asyncio.run(scene())
    told = ["[paper] ALARM: two", "[paper] Warning: one", "[paper] Warning: three"]
    assert sorted(titles(web)) == told


def test_a_channel_that_failed_is_tried_again_though_the_clock_was_set_back(
    tmp_path: Path, web: WebReceiver
) -> None:
    web.status = 503

    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url)) as run:
            run.notifying.notify("feed lost", "", "", Urgency.ALARM)
            await run.until(lambda: run.counts["failed"] >= 1)
            web.status = 200
            run.pass_s(-86_400)
            await run.until(lambda: states(run) == [State.SENT])

    asyncio.run(scene())


def test_what_a_start_could_not_read_is_not_written_over_and_told_by_the_next(
    tmp_path: Path, web: WebReceiver
) -> None:
    web.status = 503
    path, aside = tmp_path / "notifications.sqlite3", tmp_path / "aside"

    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url)) as run:
            run.notifying.notify("one", "", "", Urgency.ALARM)
            await run.until(lambda: run.counts["failed"] >= 1)
        path.rename(aside)
        path.mkdir()  # as a disk that fails
        web.status = 200
        async with running(tmp_path, channel("a", web.url)) as run:
            run.notifying.notify("two", "", "", Urgency.ALARM)
            await run.until(lambda: len(web.requests) == 1)
            assert run.dispatcher.writer.problem
            path.rmdir()
            aside.rename(path)
        async with running(tmp_path, channel("a", web.url)) as run:
            await run.until(lambda: len(run.dispatcher.book.all()) == 2 and len(web.requests) == 2)

    asyncio.run(scene())
    assert sorted(titles(web)) == ["[paper] ALARM: one", "[paper] ALARM: two"]


def test_a_storm_is_summed_up_and_not_one_alarm_is_left_out(tmp_path: Path, web: WebReceiver) -> None:
    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url), per_hour=20, escalate_s=0.0) as run:
            run.notifying.notify("first", "", "")
            await run.until(lambda: len(web.requests) == 1)
            for number in range(300):
                urgency = Urgency.ALARM if number % 10 == 0 else Urgency.WARNING
                run.notifying.notify(f"n{number:03}", "", "", urgency)
            for _ in range(20):
                await run.notifying.flush(0.2)
                run.pass_s(200)
            await run.until(lambda: State.WAITING not in states(run))

    asyncio.run(scene())
    told = "\n".join(f"{json.loads(body)['title']} {json.loads(body)['text']}" for *_, body in web.requests)
    assert len(web.requests) <= 20
    for number in range(0, 300, 10):
        assert f"n{number:03}" in told, number
    counted = sum(int(title.split()[2]) for title in titles(web) if "notifications:" in title)
    assert counted + sum("notifications:" not in title for title in titles(web)) == 301


def test_an_alarm_goes_on_to_the_second_channel_until_somebody_acknowledges(
    tmp_path: Path, web: WebReceiver, second: WebReceiver
) -> None:
    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url), channel("b", second.url), escalate_s=60.0) as run:
            run.notifying.notify("not flat", "", "", Urgency.ALARM)
            await run.until(lambda: len(web.requests) == 1)
            assert not second.requests
            run.pass_s(61)
            await run.until(lambda: len(web.requests) == 2 and len(second.requests) == 1)
            (seen,) = run.notifying.acknowledge(who="ann", notification=None)
            assert seen.acknowledged_by == "ann"
            run.pass_s(10_000)
            run.notifying.notify("later", "", "")
            await run.until(lambda: len(web.requests) == 3)

    asyncio.run(scene())
    assert titles(second) == ["[paper] ALARM: not flat (not acknowledged)"]


def test_in_quiet_hours_only_alarms_are_told(tmp_path: Path, web: WebReceiver) -> None:
    now = time.gmtime()
    hours = f"{(now.tm_hour - 1) % 24:02}:{now.tm_min:02}-{(now.tm_hour + 1) % 24:02}:{now.tm_min:02}"

    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url), quiet_hours=hours) as run:
            run.notifying.notify("can wait", "", "")
            run.notifying.notify("cannot", "", "", Urgency.ALARM)
            await run.until(lambda: len(web.requests) == 1)
            assert titles(web) == ["[paper] ALARM: cannot"]
            run.pass_s(3700)
            await run.until(lambda: "[paper] Warning: can wait" in titles(web))

    asyncio.run(scene())


def test_too_many_at_once_are_counted_and_the_gravest_is_named(tmp_path: Path, web: WebReceiver) -> None:
    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url), per_hour=3600) as run:
            run.notifying.notify("first", "", "")
            await run.until(lambda: len(web.requests) == 1)
            for number in range(1500):
                urgency = Urgency.ALARM if number == 1400 else Urgency.WARNING
                run.notifying.notify(f"n{number}", "", "", urgency)
            assert run.counts["merged"] == 500
            await run.until(lambda: run.dispatcher.book.unacknowledged() != [])
            (alarm,) = run.dispatcher.book.unacknowledged()
            assert alarm.message.startswith("500 came at once; one of them: n1400")

    asyncio.run(scene())


def test_an_algorithms_request_arrives_as_it_was_written_and_within_its_quota(
    tmp_path: Path, web: WebReceiver, second: WebReceiver
) -> None:
    async def scene() -> None:
        async with running(tmp_path, channel("operator", second.url), algorithm_per_hour=3) as run:
            for number in range(5):
                run.notifying.send_out(
                    SendOut(1, WebRequest(f"{web.url}/{number}", "{}", headers=(("X-Key", "k"),)))
                )
            await run.until(lambda: len(web.requests) == 3 and len(second.requests) == 1)
            assert [entry.state for entry in run.dispatcher.book.all() if entry.source == "algorithm"][
                :3
            ] == [State.SENT] * 3

    asyncio.run(scene())
    assert [(path, headers["X-Key"], body) for path, headers, body in web.requests] == [
        (f"/{number}", "k", "{}") for number in range(3)
    ]
    (warning,) = [json.loads(body) for *_, body in second.requests]
    assert "more than 3 in an hour" in warning["text"]


def test_a_mail_to_nobody_goes_to_the_operator_and_what_nobody_carries_is_said(
    tmp_path: Path, web: WebReceiver
) -> None:
    async def scene() -> None:
        async with running(tmp_path, channel("operator", web.url)) as run:
            run.notifying.send_out(SendOut(1, Mail("", "rebalanced", "10 orders", "a,b")))
            run.notifying.send_out(SendOut(1, Mail("you@example.com", "rebalanced", "")))
            await run.until(lambda: len(web.requests) == 2)

    asyncio.run(scene())
    texts = sorted(json.loads(body)["text"] for *_, body in web.requests)
    assert texts[0].startswith("10 orders\n\na,b")
    assert "email to you@example.com: no channel carries email" in texts[1]


def test_files_go_to_servers_by_ftp_and_to_known_ones_by_sftp(tmp_path: Path, web: WebReceiver) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    known = tmp_path / "known_hosts"

    async def scene(ftp: int, sftp: int, key: str) -> None:
        direct = channel("direct", web.url, known_hosts=str(known))
        async with running(tmp_path, direct, attempt_limit_s=10.0) as run:
            for upload in (
                FileUpload("127.0.0.1", ftp, "me", "a.txt", b"by ftp", password="pw"),
                FileUpload("127.0.0.1", sftp, "me", "/b.txt", b"\x00by password", secure=True, password="pw"),
                FileUpload("127.0.0.1", sftp, "me", "/c.txt", b"by key", secure=True, private_key=key),
            ):
                run.notifying.send_out(SendOut(1, upload))
            await run.until(lambda: states(run) == [State.SENT] * 3)
            run.notifying.send_out(SendOut(1, FileUpload("127.0.0.1", ftp, "me", "d", b"", password="wrong")))
            await run.until(lambda: run.counts["given_up"] == 1)

    with ftp_server(folder, "me", "pw") as ftp, sftp_server(folder, "me", "pw") as (sftp, line, key):
        known.write_text(line)
        asyncio.run(scene(ftp, sftp, key))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "a.txt": b"by ftp", "b.txt": b"\x00by password", "c.txt": b"by key",
    }  # fmt: skip


def test_a_file_for_a_server_whose_key_is_not_known_is_not_sent(tmp_path: Path, web: WebReceiver) -> None:
    folder = tmp_path / "server"
    folder.mkdir()

    async def scene(port: int) -> None:
        async with running(tmp_path, channel("operator", web.url), attempt_limit_s=10.0) as run:
            upload = FileUpload("127.0.0.1", port, "me", "/a", b"x", secure=True, password="pw")
            run.notifying.send_out(SendOut(1, upload))
            await run.until(lambda: len(web.requests) == 1)

    with sftp_server(folder, "me", "pw") as (port, *_):
        asyncio.run(scene(port))
    assert not list(folder.iterdir()) and "ssh-keyscan" in json.loads(web.requests[0][2])["text"]


def test_a_test_says_of_each_channel_whether_it_works(
    tmp_path: Path, web: WebReceiver, second: WebReceiver
) -> None:
    second.status = 403

    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url), channel("b", second.url)) as run:
            sent = run.notifying.test(who="ann", channel=None)
            assert len(sent) == 2
            await run.until(lambda: all(entry.deliveries for entry in run.dispatcher.book.all()))
            first, other = run.dispatcher.book.all()
            assert first.deliveries[0].sent_ns and other.deliveries[0].problem.startswith(
                "127.0.0.1 answered 403"
            )
            with pytest.raises(KeyError):
                run.notifying.test(who="ann", channel="c")

    asyncio.run(scene())


def test_a_channel_whose_plugin_is_at_fault_costs_nobody_else_anything(
    tmp_path: Path, web: WebReceiver
) -> None:
    async def scene() -> None:
        broken = channel("broken", "nonsense://x/y/z", "apprise")
        async with running(tmp_path, broken, channel("b", web.url)) as run:
            run.notifying.put(Notification(1, Urgency.ALARM, "feed lost", "", source="alert"))
            await run.until(lambda: len(web.requests) == 1)
            first = run.notifying.notifications(open_only=False, limit=9).channels[0]
            assert "Apprise knows no service for this nonsense:// URL" in first.problem

    asyncio.run(scene())


def test_a_fault_of_our_own_costs_a_pause_and_not_the_daemon(
    tmp_path: Path, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livetrader.notifying.dispatcher.FAULT_PAUSE_S", 0.01)

    async def scene() -> None:
        async with running(tmp_path, channel("a", web.url)) as run:
            run.notifying.notify("one", "", "")
            await run.until(lambda: len(web.requests) == 1)
            run.dispatcher.book._watched.add(999)  # an entry that there is not
            run.notifying.notify("two", "", "")
            await run.until(lambda: run.counts["fault"] >= 1)
            run.dispatcher.book._watched.discard(999)
            run.notifying.notify("three", "", "")
            await run.until(lambda: len(web.requests) == 2)

    asyncio.run(scene())
