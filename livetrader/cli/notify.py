"""`livetrader notify`: what people were told, that somebody has seen it, and whether the channels work."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livetrader.cli import operating
from livetrader.cli.common import (
    as_json,
    config_option,
    config_options,
    console,
    find_config,
    json_option,
    state_option,
)
from livetrader.errors import ControlRefusedError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from livetrader.control.notification_views import NotificationsView, NotificationView

TEST_WAIT_S: Final = 45.0  # for the channels of a running daemon: an attempt, and what it does before
LOOK_S: Final = 0.25  # between looks
_STYLES: Final = {"alarm": "bold red", "warning": "yellow", "information": "dim"}


@click.group()
def notify() -> None:
    """Show what people were told, say that you have seen it, and test the channels.

    \b
    livetrader notify list paper.toml              notifications and channels
    livetrader notify ack 12 --config paper.toml   I have seen it: tell nobody else
    livetrader notify test paper.toml              send a test through every channel
    """


@notify.command("list")
@config_options
@state_option
@click.option("--open", "open_only", is_flag=True, help="Only what waits for a channel or for somebody.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
def show(
    config: Path | None, state_directory: Path | None, open_only: bool, limit: int, output_json: bool
) -> None:
    """Show notifications, newest first, and how each channel is.

    \b
    livetrader notify list paper.toml --open
    """
    from livetrader.control.notification_views import NotificationsView

    client = operating.client_of(config, state_directory)
    view: NotificationsView = client.get(
        "/v1/notifications", NotificationsView, {"open": open_only, "limit": limit}
    )
    as_json(view) if output_json else console().print(_shown(view))


@notify.command()
@click.argument("notification", metavar="ID|all")
@config_option
@state_option
@json_option
def ack(notification: str, config: Path | None, state_directory: Path | None, output_json: bool) -> None:
    """Say that you have seen a notification, or all that are open: alarms are told no more.

    \b
    livetrader notify ack 12 --config paper.toml
    livetrader notify ack all --config paper.toml
    """
    from livetrader.control.notification_views import NotificationView

    if notification != "all" and not (notification.isascii() and notification.isdecimal()):
        raise click.BadParameter("it is a number, or all", param_hint="ID")
    client = operating.client_of(config, state_directory)
    path, kind = f"/v1/notifications/{notification}/ack", tuple[NotificationView, ...]
    seen: tuple[NotificationView, ...] = client.post(path, {}, kind)
    if output_json:
        as_json(seen)
    else:
        for each in seen:
            click.echo(f"{each.id} acknowledged: {each.title}")
        if not seen:
            click.echo("nothing was open")


@notify.command()
@config_options
@state_option
@click.option("--channel", help="Only this one, by its name in [[notify.channel]].")
@click.option("--alone", is_flag=True, help="From this process; the daemon need not run.")
@json_option
def test(
    config: Path | None, state_directory: Path | None, channel: str | None, alone: bool, output_json: bool
) -> None:
    """Send a test message through every channel, and say which took it. Exit code 6 where one did not.

    \b
    livetrader notify test paper.toml --alone      before the first start
    livetrader notify test paper.toml --channel mail
    """
    if alone:
        results = _test_alone(find_config(config), channel)
    else:
        results = _test_by_daemon(config, state_directory, channel)
    if output_json:
        as_json([{"channel": name, "problem": problem} for name, problem in results])
    else:
        for name, problem in results:
            click.echo(f"{name}: {problem or 'ok'}")
        if not results:
            click.echo("there is no channel: docs/notifications.md shows how to write one", err=True)
    failed = [name for name, problem in results if problem]
    if failed:
        raise ControlRefusedError(f"not told through {', '.join(failed)}")


def _test_alone(config: Path, channel: str | None) -> list[tuple[str, str]]:
    import asyncio

    from livetrader.configuration.loading import load
    from livetrader.emergency import notifier_contexts
    from livetrader.notifying.alone import test_each

    settings = load(config, needed=("notify",))
    with notifier_contexts(settings) as context:
        try:
            tried = asyncio.run(test_each(settings, channel, context))
        except KeyError:
            known = ", ".join(each.name for each in settings.channels) or "none"
            message = f"there is no channel {channel!r}; channels: {known}"
            raise click.BadParameter(message, param_hint="--channel") from None
    return [(each.channel, each.problem) for each in tried]


def _test_by_daemon(
    config: Path | None, state_directory: Path | None, channel: str | None
) -> list[tuple[str, str]]:
    from livetrader.clocks import monotonic_s
    from livetrader.control.notification_views import NotificationsView, NotificationView

    client = operating.client_of(config, state_directory)
    kind = tuple[NotificationView, ...]
    sent: tuple[NotificationView, ...] = client.post("/v1/notifications/test", {"channel": channel}, kind)
    ids, until_s, pause = {each.id for each in sent}, monotonic_s() + TEST_WAIT_S, threading.Event()
    while True:
        view: NotificationsView = client.get("/v1/notifications", NotificationsView, {"limit": 1000})
        mine = [each for each in view.notifications if each.id in ids]
        if monotonic_s() >= until_s or all(each.deliveries for each in mine):
            break
        pause.wait(LOOK_S)
    return sorted(_result(each) for each in mine)


def _result(notification: NotificationView) -> tuple[str, str]:
    for delivery in notification.deliveries:
        return delivery.channel, "" if delivery.sent_ns else delivery.problem
    return f"notification {notification.id}", f"not tried within {TEST_WAIT_S:g} s"


def _shown(view: NotificationsView) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from livetrader.cli.views import time_text

    lines: list[RenderableType] = []
    if view.problem:
        lines.append(Text(f"not kept on disk: {view.problem}", style="bold red"))
    channels = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("channel", "plugin", "is told", "sent", "failed", "waiting", "problem"):
        channels.add_column(name)
    for each in view.channels:
        told = ", ".join(each.urgencies) or "the algorithm's own"
        numbers = (str(each.sent), str(each.failures), str(each.waiting))
        channels.add_row(each.name, each.plugin, told, *numbers, Text(each.problem, style="red"))
    lines.append(channels if view.channels else Text("no channel: notifications are in the log only"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "UTC", "urgency", "state", "times", "what"):
        table.add_column(name, overflow="fold")
    for note in view.notifications:
        what = Text.assemble((note.title, "bold"), f": {note.message}" if note.message else "")
        table.add_row(
            str(note.id), time_text(note.time_ns), Text(note.urgency, style=_STYLES[note.urgency]),
            _state(note), str(note.times), what,
        )  # fmt: skip
    lines.append(table if view.notifications else Text("nobody was told anything"))
    return Group(*lines)


def _state(note: NotificationView) -> str:
    took = [delivery.channel for delivery in note.deliveries if delivery.sent_ns]
    by = f" by {note.acknowledged_by}" if note.acknowledged_by else ""
    return f"{note.state}{by}{' (' + ', '.join(took) + ')' if took else ''}"
