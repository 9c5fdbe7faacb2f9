"""The notifier: one URL of Apprise for people, and templates for an algorithm's own mail and messages."""

from __future__ import annotations

from typing import ClassVar, Final, assert_never

import msgspec

from livetrader_engine.outgoing import (
    FileUpload,
    Mail,
    Outgoing,
    ShortMessage,
    TelegramMessage,
    Way,
    WebRequest,
)
from livetrader_engine.spi import API_VERSION, Context, PluginError
from livetrader_engine.spi_notify import Message
from livetrader_plugins.apprise import client
from livetrader_plugins.apprise.convert import TO, filled, problem_of, with_token
from livetrader_plugins.sdk.blocking import BlockingCalls

_KINDS: Final = {"information": "info", "warning": "warning", "alarm": "failure"}


class AppriseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys of the channel. All are URLs of Apprise (https://github.com/caronc/apprise/wiki), and secret.

    `url` is who is told. `email`, `sms` and `telegram` carry what an algorithm sends with `self.notify`:
    with {to} in the place of the addressee, `mailtos://me:password@smtp.example.com?to={to}`; empty: not.
    """

    url: str
    email: str = ""
    sms: str = ""
    telegram: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no URL, and templates without a place for the addressee; never repeats them."""
        if problem := problem_of(self.url):
            raise ValueError(f"url: {problem}")
        for name in ("email", "sms", "telegram"):
            template: str = getattr(self, name)
            if template and (problem := problem_of(template)):
                raise ValueError(f"{name}: {problem}")
            if template and TO not in template:
                raise ValueError(f"{name}: has no {TO}; put it where the addressee belongs")


class AppriseNotifier:
    """Implements NotifierPlugin and Carrier. On the daemon's loop; the library runs in threads."""

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[msgspec.Struct]] = AppriseConfig

    def __init__(self, config: AppriseConfig, context: Context) -> None:
        self._config = config
        self._calls = BlockingCalls(f"apprise {context.name}")

    async def connect(self) -> None:
        """Look whether Apprise knows the services. Raises PluginError."""
        config = self._config
        urls = [config.url]
        urls += [filled(config.email, "somebody@example.com")] if config.email else []
        await self._calls.run(lambda: [client.service(url) for url in urls])

    async def send(self, message: Message) -> None:
        """Deliver a message. Raises VenueError where the service did not take it."""
        url, kind = self._config.url, "success" if message.resolved else _KINDS[message.urgency]
        await self._calls.run(lambda: client.tell(url, message.title, message.text, kind=kind))

    def carries(self, way: Way) -> bool:
        """Return whether there is a template."""
        config = self._config
        return bool({Way.EMAIL: config.email, Way.SMS: config.sms, Way.TELEGRAM: config.telegram}.get(way))

    async def carry(self, message: Outgoing) -> None:
        """Deliver an algorithm's message. Raises VenueError, PluginError where there is no template."""
        config = self._config
        match message:
            case Mail():
                url = filled(config.email, message.address)
                await self._calls.run(
                    lambda: client.tell(
                        url, message.subject, message.message or message.subject,
                        attachment=message.data, headers=message.headers,
                    )
                )  # fmt: skip
            case ShortMessage():
                url = filled(config.sms, message.number)
                await self._calls.run(lambda: client.tell(url, "", message.message))
            case TelegramMessage():
                url = filled(with_token(config.telegram, message.token), message.chat, message.token)
                await self._calls.run(lambda: client.tell(url, "", message.message))
            case WebRequest() | FileUpload():
                raise PluginError("Apprise carries mail and messages only")
            case _ as never:
                assert_never(never)

    async def close(self) -> None:
        """Do nothing: there are no connections, and calls under way end by themselves."""
