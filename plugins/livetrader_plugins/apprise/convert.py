"""Addresses into URLs of Apprise, and out of every text what such a URL keeps secret. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

TO: Final = "{to}"
TOKEN: Final = "{token}"
SHORTEST_SECRET: Final = 4  # characters; a shorter part of a URL is no secret, and would blot out words

_PARTS: Final = re.compile(r"[/:@?&=,;+#]+")
_HOST: Final = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+", re.IGNORECASE | re.ASCII)
_KEEP: Final = frozenset({"http", "https", "true", "false", "insecure", "starttls", "mode", "from", "name"})


def filled(template: str, to: str, token: str = "") -> str:
    """Return the URL for one addressee. What belongs to no address is quoted, so none can change the URL."""
    url = template.replace(TO, quote(to, safe="@+-._"))
    return url.replace(TOKEN, quote(token, safe=":-_"))


def with_token(template: str, token: str) -> str:
    """Return a Telegram template with another bot's token in the place of its own."""
    scheme, _, rest = template.partition("://")
    return f"{scheme}://{TOKEN}/{rest.partition('/')[2]}" if token else template


def problem_of(url: str) -> str:
    """Return why a text is no URL of a service, empty where it looks like one. Does not repeat the text."""
    scheme, found, rest = url.partition("://")
    if not found or not rest or not scheme.isascii() or not scheme.isalnum():
        return "is no URL; write for example mailtos://user:password@smtp.example.com?to=you@example.com"
    return ""


def redacted(text: str, *urls: str) -> str:
    """Return a text without anything of these URLs but host names."""
    secrets = {part for url in urls for part in _secrets(url)}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secrets(url: str) -> list[str]:
    rest = url.partition("://")[2]
    parts = [part for raw in _PARTS.split(rest) for part in (raw, unquote(raw))]
    return [
        part
        for part in parts
        if len(part) >= SHORTEST_SECRET and not _HOST.fullmatch(part) and part.lower() not in _KEEP
    ]
