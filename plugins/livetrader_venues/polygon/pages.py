"""Pages of lists: as many rows as were asked for, and where the next ones are."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from urllib.parse import urlencode

from livetrader_venues.web.http import Request


class Refusal(Exception):
    """The venue answers with an error."""

    def __init__(self, http_status: int, word: str, text: str, *, key: str = "error") -> None:
        super().__init__(text)
        self.http_status = http_status
        self.body = {"status": word, "request_id": REQUEST_ID, key: text}


FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)  # others are refused as dates
REQUEST_ID = "6a7e466379af0a71039d60cc78e72282"


def day_said(text: str, refusal: str) -> date:
    """Return a date that was said. Raises Refusal with these words for what is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Refusal(400, "ERROR", refusal) from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Refusal(400, "ERROR", refusal)
    return day


class Query(NamedTuple):
    """What a request asks for, on its first page or a later one."""

    path: str
    values: dict[str, str]
    offset: int
    known_ns: int
    base: str  # of URLs, as the client reached the peer

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number of at least 1, cut at the venue's limit. Raises Refusal."""
        said = self.values.get(name)
        if said is None or not said.strip():
            return default
        if not said.isdigit() or int(said) < 1:
            raise Refusal(400, "ERROR", f"{name} must be a positive number, not {said!r}")
        return min(int(said), most)

    def next_url(self, offset: int) -> str:
        """Return where the rows from an offset are."""
        state = json.dumps({"values": self.values, "offset": offset, "known_ns": self.known_ns})
        cursor = urlsafe_b64encode(state.encode()).decode().rstrip("=")
        return f"{self.base}{self.path}?{urlencode({'cursor': cursor})}"


def query_of(request: Request, known_ns: int) -> Query:
    """Return what a request asks for. Raises Refusal for a cursor that this peer did not make."""
    base = f"http://{request.headers.get('host', 'localhost')}"
    cursor = request.query.get("cursor")
    if cursor is None:
        values = {name: value for name, value in request.query.items() if name != "apiKey"}
        return Query(request.path, values, 0, known_ns, base)
    try:
        state = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return Query(request.path, state["values"], state["offset"], state["known_ns"], base)
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(400, "ERROR", "invalid cursor") from error


def paged(query: Query, rows: Sequence[object], default: int, most: int) -> dict[str, object]:
    """Return a page of rows as the v3 lists have it."""
    limit = query.number("limit", default, most)
    shown = rows[query.offset : query.offset + limit]
    answer: dict[str, object] = {
        "results": shown,
        "status": "OK",
        "request_id": REQUEST_ID,
        "count": len(shown),
    }
    if query.offset + limit < len(rows):
        answer["next_url"] = query.next_url(query.offset + limit)
    return answer


def matches(query: Query, field: str, value: str | float) -> bool:
    """Return whether a value is within what `field`, `field.gte` and the others say. Raises Refusal."""
    for suffix, holds in _COMPARISONS:
        said = query.values.get(field + suffix)
        if said is None or not said:
            continue
        wanted = _float(field + suffix, said) if isinstance(value, float) else said
        if not holds(value, wanted):
            return False
    return True


def _float(name: str, said: str) -> float:
    try:
        return float(said)
    except ValueError as error:
        raise Refusal(400, "ERROR", f"{name} must be a number, not {said!r}") from error


_COMPARISONS = (
    ("", lambda value, wanted: value == wanted),
    (".gte", lambda value, wanted: value >= wanted),
    (".gt", lambda value, wanted: value > wanted),
    (".lte", lambda value, wanted: value <= wanted),
    (".lt", lambda value, wanted: value < wanted),
    (".any_of", lambda value, wanted: value in str(wanted).split(",")),
)
