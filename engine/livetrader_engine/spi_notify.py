"""What a plugin implements that carries messages to people: group `livetrader.notifiers`.

Made like other plugins: `PluginClass(config, context)`, with `API_VERSION` and `Config`. Nothing may connect
or read files before `connect`. All methods run on the daemon's loop and none may block it: a library that
blocks belongs into a thread that the process does not wait for at its end, with a time limit.

What the daemon does and a plugin must not: retry, remember, count, choose another way. A message that `send`
returned from counts as delivered; one that raised is tried again, here or elsewhere. So a message can come
twice, where a plugin delivered it and could not say so.

Nothing of a plugin's secrets may be in an exception's text, a log record or `report`.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal, Protocol, runtime_checkable

import msgspec

from livetrader_engine.outgoing import Outgoing, Way

TITLE_LIMIT: Final = 200  # characters; what mail and chat services show of a subject
TEXT_LIMIT: Final = 8_000  # characters of a message; several services cut what is longer

UrgencyWord = Literal["information", "warning", "alarm"]


class Message(msgspec.Struct, frozen=True):
    """What a channel is given: words for a person, at most TITLE_LIMIT and TEXT_LIMIT long.

    `id` is the notification's (the first one's of several), `url` a page that helps, or empty. `resolved`: it
    says that something is over.
    """

    id: int
    time_ns: int
    urgency: UrgencyWord
    title: str
    text: str
    url: str = ""
    resolved: bool = False


class NotifierPlugin(Protocol):
    """Carries messages to people. All methods run on the daemon's loop; none may block it."""

    API_VERSION: ClassVar[int]
    Config: ClassVar[type[msgspec.Struct]]

    async def connect(self) -> None:
        """Look whether what is configured can be used; send nothing. Raises PluginError with the remedy.

        Called once, before everything else. One that raised is asked again before the first message.
        """
        ...

    async def send(self, message: Message) -> None:
        """Deliver a message; return when it was taken. Several may be under way at once.

        Raises VenueError where it was not taken. May be cancelled when it takes too long.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; idempotent. Does not wait for messages under way."""
        ...


@runtime_checkable
class Carrier(Protocol):
    """A notifier that also carries an algorithm's own messages to their addressees."""

    def carries(self, way: Way) -> bool:
        """Return whether messages of this way can be carried, as it is configured. Pure and cheap."""
        ...

    async def carry(self, message: Outgoing) -> None:
        """Deliver an algorithm's message; return when it was taken.

        Raises VenueError where it was not taken and may be later, PluginError where it never will be.
        """
        ...
