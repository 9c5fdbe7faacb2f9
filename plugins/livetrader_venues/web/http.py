"""Requests and responses of HTTP/1.1, as far as vendors' REST APIs need them: GET, no bodies of requests."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_HEAD = 64 * 1024  # bytes of a request's head; clients of these APIs send a few hundred
_REASONS = {
    101: "Switching Protocols",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class BadRequest(Exception):
    """A client sent what is no HTTP request that this peer could read."""


class Request(NamedTuple):
    """What was asked. Names of headers are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Response(NamedTuple):
    """What is answered."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


def parsed(head: bytes) -> Request:
    """Return the request of a head without its empty line. Raises BadRequest."""
    try:
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.strip().lower(): value.strip() for name, value in (each.split(":", 1) for each in rest)
        }
    except ValueError as error:
        raise BadRequest(f"not HTTP: {head[:80]!r}") from error
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, unquote(parts.path), query, headers)


def encoded(response: Response) -> bytes:
    """Return the bytes of a response; the connection stays open."""
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append(f"Content-Length: {len(response.body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body
