"""What a notification says on a channel: title and text for a person. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from livetrader.notifying.entries import WORDS, Entry
from livetrader.telemetry.notifications import Urgency
from livetrader.telemetry.words import clock
from livetrader_engine.spi_notify import TEXT_LIMIT, TITLE_LIMIT, Message

LINES: Final = 40  # of a message that tells several; the rest is a number

_MARKS: Final = {Urgency.INFORMATION: "", Urgency.WARNING: "Warning: ", Urgency.ALARM: "ALARM: "}


def message_of(entries: Sequence[Entry], account: str) -> Message:
    """Return what a channel is given of one notification, or of several together."""
    first = entries[0]
    one = len(entries) == 1
    title = _title(first) if one else _digest_title(entries)
    text = _text(first, account) if one else _digest_text(entries, account)
    return Message(
        id=first.id,
        time_ns=first.newest_ns or first.time_ns,
        urgency=WORDS[first.urgency],
        title=f"[{account}] {title}"[:TITLE_LIMIT],
        text=text[:TEXT_LIMIT],
        url=first.url if one else "",
        resolved=one and first.resolved,
    )


def _title(entry: Entry) -> str:
    again = " (not acknowledged)" if entry.step else ""
    mark = "" if entry.resolved else _MARKS[entry.urgency]
    return f"{mark}{entry.title}{again}"


def _text(entry: Entry, account: str) -> str:
    parts = [entry.message or entry.title]
    if entry.times > 1:
        parts.append(f"It happened {entry.times} times since {clock(entry.time_ns)}.")
        if entry.newest and entry.newest != entry.message:
            parts.append(f"The last time: {entry.newest}")
    if entry.next_step:
        parts.append(f"What to do: {entry.next_step}")
    if entry.url:
        parts.append(entry.url)
    if entry.is_alarm:
        parts.append(f"It is told again until somebody has seen it: livetrader notify ack {entry.id}")
    parts.append(f"livetrader, account {account}, {clock(entry.newest_ns or entry.time_ns)}")
    return "\n\n".join(parts)


def _digest_title(entries: Sequence[Entry]) -> str:
    counts = Counter(entry.urgency for entry in entries)
    words = {Urgency.ALARM: "alarms", Urgency.WARNING: "warnings", Urgency.INFORMATION: "notes"}
    told = ", ".join(f"{counts[urgency]} {words[urgency]}" for urgency in words if counts[urgency])
    return f"{_MARKS[entries[0].urgency]}{len(entries)} notifications: {told}"


def _digest_text(entries: Sequence[Entry], account: str) -> str:
    lines = ["There were too many to tell one by one; [notify] per_hour says how many are."]
    for entry in entries[:LINES]:
        times = f" ({entry.times} times)" if entry.times > 1 else ""
        step = f" What to do: {entry.next_step}" if entry.is_alarm and entry.next_step else ""
        lines.append(f"{entry.id} {_title(entry)}{times}: {entry.message[:120]}{step[:120]}")
    if len(entries) > LINES:
        lines.append(f"... and {len(entries) - LINES} more: livetrader notify list")
    if entries[0].is_alarm:
        lines.append("Alarms are told again until somebody has seen them: livetrader notify ack all")
    lines.append(f"livetrader, account {account}")
    return "\n".join(lines)
