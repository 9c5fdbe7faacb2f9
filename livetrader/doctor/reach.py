"""What has to be reachable: our own control port, the brokerage, the feeds and the histories.

Nobody logs in here: a connection, and TLS where the address wants it. That a key is right, the first start
tells.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from livetrader import registry
from livetrader.control.client import Client, NoAnswerError, Target
from livetrader.control.operations import StatusView
from livetrader.doctor.findings import Finding, note, ok, problem, warning
from livetrader.errors import ConfigError, DaemonError, NotRunningError
from livetrader.settings import PluginSection, Settings

WAIT_S: Final = 3.0  # for a connection; whoever trades on a line that takes longer wants to know
HTTPS: Final = 443


class Endpoint(msgspec.Struct, frozen=True):
    """Where a plugin connects to."""

    host: str
    port: int
    tls: bool

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.host}:{self.port}"


def daemon(settings: Settings) -> Finding:
    """Look whether a daemon runs and what it says of itself; where none does, whether its port is free."""
    folder, control = settings.account.state_directory, settings.control
    assert folder is not None, "load resolves it"
    try:
        found: StatusView = Client(Target(folder / "control.sock"), WAIT_S).get("/v1/status", StatusView)
    except (DaemonError, OSError) as error:
        if isinstance(error, NotRunningError) and not isinstance(error, NoAnswerError):
            return _port(control.host, control.port)
        return problem(
            "daemon", f"runs and does not answer: {error}", "livetrader logs; the journal of systemd"
        )
    if found.reasons:
        reasons = "; ".join(f"{name}: {words}" for name, words in found.reasons.items())
        return warning("daemon", f"runs, {found.state}; {reasons}", "livetrader why")
    return ok("daemon", f"runs, {found.state}, version {found.version}")


def _port(host: str, port: int) -> Finding:
    if not port:
        return note("daemon", "does not run; its control API is on the unix socket only")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind, protocol)) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except UnicodeError:  # of the encoding of names; no OSError
        return problem(
            "daemon", f"{host!r} is no name of a machine", "set control.host to one, or an address"
        )
    except OSError as error:
        remedy = "set control.port to another one; each account needs its own"
        return problem(
            "daemon", f"does not run, and port {port} cannot be had: {error.strerror or error}", remedy
        )
    return note("daemon", f"does not run; its port {port} is free")


def plugins(settings: Settings) -> list[Finding]:
    """Look whether brokerage, feeds and histories are there and can be reached."""
    findings = []
    for kind, group, section in _sections(settings):
        check = f"{kind} {section.plugin}"
        try:
            config = registry.config_of(registry.load_plugin(group, section.plugin), section.options)
        except ConfigError as error:
            findings.append(problem(check, str(error), "mend the section, or install the plugin"))
            continue
        try:
            endpoint = endpoint_of(config)
        except ValueError as error:
            findings.append(
                problem(check, f"its address cannot be read: {error}", "mend its host, port or url")
            )
            continue
        if endpoint is None:
            findings.append(ok(check, "installed; needs no network, or names none"))
        else:
            findings.append(reachable(check, endpoint))
    return findings


def _sections(settings: Settings) -> Iterator[tuple[str, str, PluginSection]]:
    yield "brokerage", registry.BROKERAGES, settings.brokerage
    for section in settings.feeds:
        yield "feed", registry.FEEDS, section
    for section in settings.histories:
        yield "history", registry.HISTORIES, section


def endpoint_of(config: Any) -> Endpoint | None:
    """Return where a plugin's configuration leads, by its `host` and `port`, or its `url`.

    Raises ValueError for what is no address.
    """
    url = getattr(config, "url", None)
    if isinstance(url, str) and url:
        parts = urlsplit(url)
        tls = parts.scheme in ("https", "wss")
        return (
            Endpoint(parts.hostname or "", parts.port or (HTTPS if tls else 80), tls)
            if parts.hostname
            else None
        )
    host = getattr(config, "host", None)
    if not isinstance(host, str) or not host:
        return None
    parts = urlsplit(f"//{host}")
    port = getattr(config, "port", None) or parts.port
    if port is None or port == HTTPS:
        return Endpoint(parts.hostname or host, HTTPS, tls=True)
    return Endpoint(parts.hostname or host, int(port), tls=False)


def reachable(check: str, endpoint: Endpoint) -> Finding:
    """Look whether somebody accepts connections there, and speaks TLS with a name we trust."""
    remedy = "is it running, logged in, and does the firewall let us through?"
    try:
        with socket.create_connection((endpoint.host, endpoint.port), WAIT_S) as line:
            if not endpoint.tls:
                return ok(check, f"{endpoint.name} accepts connections")
            with ssl.create_default_context().wrap_socket(line, server_hostname=endpoint.host) as secure:
                return ok(check, f"{endpoint.name} answers with {secure.version()}")
    except ssl.SSLError as error:
        remedy = "is it that host, is the clock right, are the machine's certificates up to date?"
        return problem(
            check, f"{endpoint.name} speaks no TLS that can be trusted: {error.reason or error}", remedy
        )
    except (socket.gaierror, UnicodeError):  # a label of a name that is empty or too long
        return problem(
            check, f"the name {endpoint.host} cannot be looked up", "look at /etc/resolv.conf and the network"
        )
    except OSError as error:
        return problem(check, f"{endpoint.name} cannot be reached: {error.strerror or error}", remedy)
