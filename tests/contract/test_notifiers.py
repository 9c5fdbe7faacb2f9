"""NTF over the notifiers, with real receivers on loopback: HTTP, SMTP with a password, FTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from livetrader_engine.outgoing import Mail, Outgoing, WebRequest
from livetrader_engine.spi import Context
from livetrader_engine.spi_notify import NotifierPlugin
from livetrader_engine.testing.host import PluginHost
from livetrader_engine.testing.notifier_contract import NotifierContract
from tests.notifying.receivers import MailReceiver, WebReceiver

SECRET = "s3cret-t0ken"


class Harness:
    """One installed notifier with its receiver."""

    def __init__(self, name: str, directory: Path) -> None:
        plugin, _, way = name.partition(" ")
        (entry,) = entry_points(group="livetrader.notifiers", name=plugin)
        self.name = name
        self.secrets: Sequence[str] = (SECRET,)
        self.outgoing: Sequence[Outgoing] = ()
        self._type = entry.load()
        self._directory = directory
        self._web: WebReceiver | None = None
        self._mail: MailReceiver | None = None
        if way == "mail":
            self._mail = MailReceiver(password=SECRET)
            server = f"mailto://livetrader:{SECRET}@127.0.0.1:{self._mail.port}?mode=insecure"
            server += "&from=daemon@example.com"
            self._config = {"url": f"{server}&to=you@example.com", "email": server + "&to={to}"}
            self.outgoing = (Mail("you+me@example.org", "subject", "body", "a,b\n1,2\n"),)
        else:
            self._web = WebReceiver()
            if plugin == "apprise":
                self._config = {"url": f"json://user:{SECRET}@127.0.0.1:{self._web.port}/{SECRET}"}
            else:
                self._config = {"url": f"{self._web.url}/{SECRET}", "token": SECRET}
                hook = f"{self._web.url}/hook?key={SECRET}"
                request = WebRequest(hook, '{"a": 1}', headers=(("X-A", "1"),))
                self.outgoing = (request,)

    def make(self, context: Context) -> NotifierPlugin:
        plugin: NotifierPlugin = self._type(self._type.Config(**self._config), context)
        return plugin

    def host(self) -> PluginHost:
        return PluginHost(self.name, self._directory)

    def received(self) -> Sequence[str]:
        if self._mail is not None:
            return self._mail.texts()
        assert self._web is not None
        return [json.dumps(json.loads(body), ensure_ascii=False) for *_, body in self._web.requests]

    def answer(self, how: str) -> None:
        if self._mail is not None:
            self._mail.status = {"refuse": "554 no"}.get(how, "250 OK")
            self._mail.hangs = how == "hang"
        else:
            assert self._web is not None
            self._web.status = {"refuse": 500}.get(how, 200)
            self._web.hangs = how == "hang"

    def close(self) -> None:
        for receiver in (self._mail, self._web):
            if receiver is not None:
                receiver.close()


class TestNotifiers(NotifierContract):
    """The kit, parametrized."""

    @pytest.fixture(params=["apprise json", "apprise mail", "direct"])
    def harness(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
        """One notifier."""
        made = Harness(request.param, tmp_path)
        yield made
        made.close()


def test_every_installed_notifier_has_a_harness() -> None:
    assert {entry.name for entry in entry_points(group="livetrader.notifiers")} == {"apprise", "direct"}
