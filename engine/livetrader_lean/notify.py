"""`self.notify`: what an algorithm sends to people and places of its own choosing.

As in LEAN every way answers False in a backtest, where nothing is sent, and True live, where the message was
put into the queue of whoever sends it: the supervisor, in its own time, within its quota. An address that
cannot be one raises as LEAN does, and live only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from livetrader_engine.commands import LogLevel
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.outgoing import (
    FileUpload,
    Headers,
    Mail,
    Outgoing,
    ShortMessage,
    TelegramMessage,
    WebRequest,
    addressee_of,
    way_of,
)
from livetrader_engine.wire import writable
from livetrader_lean.binding import Binding
from livetrader_lean.views import Face

MAIL_LIMIT: Final = 10_240  # characters of a mail: LEAN's 10 kB
SMS_LIMIT: Final = 160  # characters: LEAN's, and one message of the telephone network
TELEGRAM_LIMIT: Final = 4_096  # characters: Telegram's own
HEADER_LIMIT: Final = 50  # headers of one message
DEFAULT_PORT: Final = 21  # LEAN's, for SFTP too

_PART: Final = r"[^@\s<>,;:\"()\[\]\\]"  # what no mail address has, and what would make two addresses of one
_EMAIL: Final = re.compile(rf"{_PART}{{1,64}}@{_PART}{{1,200}}\.[A-Za-z0-9-]{{2,63}}")
_PROTOCOL: Final = re.compile(r"^s?ftp://", re.IGNORECASE)


class NotificationManager(Face):
    """`self.notify`: False in a backtest, where LEAN sends nothing either."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def email(
        self, address: str | None, subject: str, message: str, data: str = "", headers: Any = None
    ) -> bool:
        """Send a mail; without an address to the operator. `data` is attached as a text.

        Raises AlgorithmError live where the address cannot be one.
        """

        def mail() -> Outgoing:
            if address is not None and not _EMAIL.fullmatch(str(address)):
                raise AlgorithmError(f"Invalid email address: {address}")
            text, attached = _text(message)[:MAIL_LIMIT], _text(data)
            return Mail(_text(address), _one_line(subject), text, attached, _headers(headers))

        return self._send(mail)

    def sms(self, phone_number: str, message: str) -> bool:
        """Send a short message, of 160 characters at most."""
        return self._send(lambda: ShortMessage(_one_line(phone_number), _text(message)[:SMS_LIMIT]))

    def web(self, address: str, data: Any = None, headers: Any = None) -> bool:
        """POST `data` to an address: a text as it is, anything else as JSON."""

        def request() -> Outgoing:
            url = _one_line(address)
            url = url if "://" in url else f"https://{url}"
            return WebRequest(url, *_body(data), _headers(headers))

        return self._send(request)

    def telegram(self, id: str, message: str, token: str | None = None) -> bool:
        """Send a message to a chat or group; without a token by the configured bot."""
        return self._send(
            lambda: TelegramMessage(_one_line(id), _text(message)[:TELEGRAM_LIMIT], _one_line(token))
        )

    def ftp(
        self, hostname: str, username: str, password: str, file_path: str, file_content: str | bytes,
        port: int | None = None,
    ) -> bool:  # fmt: skip
        """Put a file on an FTP server. Raises AlgorithmError live without a password."""
        return self._send(
            lambda: _upload((hostname, port, username, file_path), file_content, (password,), secure=False)
        )

    def sftp(self, hostname: str, username: str, *rest: Any, **named: Any) -> bool:
        """Put a file on an SFTP server, with a password or with a private key.

        As in LEAN: (hostname, username, password, file_path, file_content, port=None), or (hostname,
        username, private_key, private_key_passphrase, file_path, file_content, port=None).
        """

        def file() -> Outgoing:
            secrets, path, content, port = _sftp_arguments(rest, named)
            return _upload((hostname, port, username, path), content, secrets, secure=True)

        return self._send(file)

    def _send(self, made: Callable[[], Outgoing]) -> bool:
        binding = self._binding
        if not binding.run.live:
            return False
        message, engine = made(), binding.engine
        taken = engine.ports.results.send_out(engine.clock.now_ns, message)
        if not taken:
            what = f"{way_of(message)} to {addressee_of(message)}"
            binding.log(LogLevel.ERROR, f"notify: {what} was not sent: too large, or too many at once")
        return taken


def _upload(
    place: tuple[Any, Any, Any, Any], content: str | bytes, secrets: tuple[Any, ...], *, secure: bool
) -> FileUpload:
    """Return an upload; `secrets` are a password, or a private key and its passphrase."""
    host, port, user, path = place
    with_key = len(secrets) > 1
    if not secrets[0]:
        missing = (
            "FTP SSH key missing for SFTP notification."
            if with_key
            else "FTP password is missing for unsecure FTP notification."
        )
        raise AlgorithmError(missing)
    body = bytes(content) if isinstance(content, bytes | bytearray) else writable(_text(content)).encode()
    return FileUpload(
        host=_PROTOCOL.sub("", _one_line(host).strip().rstrip("/")),
        port=DEFAULT_PORT if port is None else int(port),
        user=_one_line(user),
        path=_one_line(path),
        content=body,
        secure=secure,
        password="" if with_key else _text(secrets[0]),
        private_key=_text(secrets[0]) if with_key else "",
        passphrase=_text(secrets[1]) if with_key else "",
    )


def _sftp_arguments(
    rest: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], Any, Any, int | None]:
    """Return secrets, path, content and port of one of the two forms. Raises AlgorithmError for neither.

    They are told apart by what comes fourth: a port is a number, the second form's content is not.
    """
    with_key = "private_key" in named or len(rest) >= 5 or (
        len(rest) == 4 and not isinstance(rest[3], int) and rest[3] is not None
    )  # fmt: skip
    secret: tuple[str, ...] = ("private_key", "private_key_passphrase") if with_key else ("password",)
    names = (*secret, "file_path", "file_content", "port")
    given = dict(zip(names, rest, strict=False)) | named
    unknown, missing = set(given) - set(names), set(names) - {"port"} - set(given)
    if len(rest) > len(names) or unknown or missing:
        wrong = ", ".join(sorted(unknown or missing)) or "too many arguments"
        raise AlgorithmError(f"notify.sftp takes {', '.join(names)}; look at: {wrong}")
    return tuple(given[name] for name in secret), given["file_path"], given["file_content"], given.get("port")


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _one_line(value: object) -> str:
    return " ".join(_text(value).split("\n")).replace("\r", "").strip()


def _headers(given: Any) -> Headers:
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise AlgorithmError(f"headers are a dict of texts, not {type(given).__name__}")
    return tuple((_one_line(name), _one_line(value)) for name, value in list(given.items())[:HEADER_LIMIT])


def _body(data: Any) -> tuple[str, str]:
    """Return body and content type."""
    if data is None:
        return "", "application/json"
    if isinstance(data, str):
        return data, "application/json" if _is_json(data) else "text/plain; charset=utf-8"
    return json.dumps(data, default=str), "application/json"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
