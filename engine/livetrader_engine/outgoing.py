"""What an algorithm sends to people and places of its own choosing: LEAN's `notify`. Others do the sending.

Addresses, bodies and file names are the algorithm's; limits of size are kept where they are made.
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

Headers = tuple[tuple[str, str], ...]


class Way(StrEnum):
    """How a message leaves; each has a quota of its own."""

    EMAIL = "email"
    SMS = "sms"
    WEB = "web"
    TELEGRAM = "telegram"
    FTP = "ftp"


class Mail(msgspec.Struct, frozen=True, tag="email"):
    """A mail to one address. `data` becomes a text attachment where there is some."""

    address: str
    subject: str
    message: str
    data: str = ""
    headers: Headers = ()


class ShortMessage(msgspec.Struct, frozen=True, tag="sms"):
    """A short message to one telephone number."""

    number: str
    message: str


class WebRequest(msgspec.Struct, frozen=True, tag="web"):
    """A POST of `body` to one address."""

    address: str
    body: str = ""
    content_type: str = "application/json"
    headers: Headers = ()


class TelegramMessage(msgspec.Struct, frozen=True, tag="telegram"):
    """A message to one chat or group. `token` is the bot's, empty: the one that is configured."""

    chat: str
    message: str
    token: str = ""


class FileUpload(msgspec.Struct, frozen=True, tag="ftp"):
    """A file for one server, by FTP, or by SFTP where `secure`: with a password, or a private key."""

    host: str
    port: int
    user: str
    path: str
    content: bytes
    secure: bool = False
    password: str = ""
    private_key: str = ""
    passphrase: str = ""


Outgoing = Mail | ShortMessage | WebRequest | TelegramMessage | FileUpload

_WAYS = {
    Mail: Way.EMAIL,
    ShortMessage: Way.SMS,
    WebRequest: Way.WEB,
    TelegramMessage: Way.TELEGRAM,
    FileUpload: Way.FTP,
}


def way_of(message: Outgoing) -> Way:
    """Return how a message leaves."""
    return _WAYS[type(message)]


def addressee_of(message: Outgoing) -> str:
    """Return where a message goes, without anything secret: what may be logged."""
    match message:
        case Mail():
            return message.address
        case ShortMessage():
            return message.number
        case WebRequest():
            return _host_of(message.address)  # user, path and query often carry a key
        case TelegramMessage():
            return f"chat {message.chat}"
        case FileUpload():
            return f"{message.host}:{message.port}/{message.path.lstrip('/')}"


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or "?"
    except ValueError:
        return "?"


def size_of(message: Outgoing) -> int:
    """Return about how many bytes a message has."""
    match message:
        case Mail():
            return len(message.subject) + len(message.message) + len(message.data)
        case WebRequest():
            return len(message.address) + len(message.body) + sum(len(k) + len(v) for k, v in message.headers)
        case FileUpload():
            return len(message.content) + len(message.path) + len(message.private_key)
        case _:
            return len(message.message)
