"""Talks to a daemon: over its unix socket first, over TCP where a token is at hand. Synchronous.

Made of the standard library, so that a command that only asks for the status loads no HTTP stack.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from livetrader.control.operations import StreamEvent
from livetrader.control.sockets import short_path
from livetrader.errors import ControlRefusedError, NotRunningError

ANSWER_LIMIT_BYTES: Final = 64 * 1024 * 1024  # 1000 orders with long histories stay far below
LINE_LIMIT_BYTES: Final = 8 * 1024 * 1024  # one event of the stream
STREAM_SILENCE_S: Final = 25.0  # the server sends something every ten seconds

_T = TypeVar("_T")


class NoAnswerError(NotRunningError):
    """The daemon is there but does not answer in time. `livetrader liquidate` works all the same."""


class RefusedError(ControlRefusedError):
    """The daemon's answer was a refusal; `status` and `body` are what it said."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.body = body
        message = str(body.get("message", status))
        ended = message if message.endswith((".", "!", "?")) else f"{message}."
        super().__init__(f"{ended} {body.get('remedy', '')}".strip())


class Target(msgspec.Struct, frozen=True):
    """Where a daemon may be reached. TCP is tried where there is a token and a port."""

    socket_path: Path
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    tls_certificate: Path | None = None  # trusted beside the system's; set where the server speaks TLS


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.sock.settimeout(self.timeout)
        with short_path(self._path) as name:
            self.sock.connect(name)


class Client:
    """One operator's connection to one daemon. Not for several threads at once."""

    def __init__(self, target: Target, timeout_s: float = 5.0) -> None:
        self._target = target
        self.timeout_s = timeout_s

    def get(self, path: str, kind: type[_T] | Any, query: Mapping[str, object] | None = None) -> _T:
        """Return the answer as `kind`. Raises NotRunningError, NoAnswerError or RefusedError."""
        given = {key: str(value).lower() for key, value in (query or {}).items()}
        full = f"{path}?{urlencode(given)}" if given else path
        answer: _T = self._decode(self._request("GET", full, None), kind)
        return answer

    def post(self, path: str, body: Mapping[str, object], kind: type[_T] | Any) -> _T:
        """Send a command and return the answer as `kind`. Raises as `get` does."""
        answer: _T = self._decode(self._request("POST", path, msgspec.json.encode(body)), kind)
        return answer

    def events(self) -> Iterator[StreamEvent]:
        """Yield events until the daemon ends the stream. Raises NoAnswerError when it falls silent."""
        connection, answer = self._open("GET", "/v1/events", None)
        try:
            if answer.status != 200:
                raise self._refused(answer.status, answer.read(LINE_LIMIT_BYTES))
            if connection.sock is not None:
                connection.sock.settimeout(STREAM_SILENCE_S)
            while line := answer.readline(LINE_LIMIT_BYTES):
                if line.startswith(b"data: "):
                    event: StreamEvent = self._decode(line[6:], StreamEvent)
                    yield event
        except TimeoutError as error:
            raise NoAnswerError(f"the daemon was silent for {STREAM_SILENCE_S} s") from error
        except (OSError, http.client.HTTPException):
            return  # the connection is gone: the daemon ended
        finally:
            connection.close()

    def _request(self, method: str, path: str, body: bytes | None) -> bytes:
        connection, answer = self._open(method, path, body)
        try:
            raw = answer.read(ANSWER_LIMIT_BYTES)
        except TimeoutError as error:
            raise self._silent() from error
        except (OSError, http.client.HTTPException) as error:
            raise NotRunningError(f"the daemon went away while it answered: {error}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300 and not (answer.status == 503 and path in ("/ready", "/live")):
            raise self._refused(answer.status, raw)
        return raw

    def _open(
        self, method: str, path: str, body: bytes | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        headers = {} if body is None else {"Content-Type": "application/json"}
        if self._target.token is not None:
            headers["Authorization"] = f"Bearer {self._target.token}"
        reasons: list[str] = []
        for place, connection in self._connections():
            try:
                connection.connect()
            except TimeoutError as error:
                connection.close()
                raise self._silent() from error
            except OSError as error:
                connection.close()
                reasons.append(f"{place}: {error.strerror or error}")
                continue
            try:
                connection.request(method, path, body, headers)
                return connection, connection.getresponse()
            except TimeoutError as error:
                connection.close()
                raise self._silent() from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise NotRunningError(f"the daemon went away: {error}") from error
        raise NotRunningError(
            f"no daemon answers ({'; '.join(reasons)}); start it with `livetrader run CONFIG`"
        )

    def _connections(self) -> Iterator[tuple[str, http.client.HTTPConnection]]:
        target = self._target
        yield str(target.socket_path), _UnixConnection(target.socket_path, self.timeout_s)
        if target.port and target.token is not None:
            place = f"{target.host}:{target.port}"
            if target.tls_certificate is None:
                yield place, http.client.HTTPConnection(target.host, target.port, timeout=self.timeout_s)
                return
            context = ssl.create_default_context()
            with suppress(OSError):  # not readable for this user: the system's certificates may do
                context.load_verify_locations(target.tls_certificate)
            yield (
                place,
                http.client.HTTPSConnection(
                    target.host, target.port, timeout=self.timeout_s, context=context
                ),
            )

    def _silent(self) -> NoAnswerError:
        return NoAnswerError(f"the daemon did not answer within {self.timeout_s:g} s; it may hang")

    def _refused(self, status: int, raw: bytes) -> RefusedError:
        try:
            body = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.DecodeError:
            body = {"message": raw[:200].decode(errors="replace")}
        return RefusedError(status, body)

    def _decode(self, raw: bytes, kind: type[_T] | Any) -> _T:
        try:
            decoded: _T = msgspec.json.decode(raw, type=kind)
        except msgspec.DecodeError as error:
            raise ControlRefusedError(
                f"the answer is not understood ({error}); daemon and command line have different versions?"
            ) from error
        return decoded


def token_from(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the operator's token from $LIVETRADER_TOKEN; never from an argument, which `ps` would show."""
    given = (os.environ if environment is None else environment).get("LIVETRADER_TOKEN", "").strip()
    return given or None
