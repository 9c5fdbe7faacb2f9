"""Answers REST requests, with what goes wrong on the way."""

from __future__ import annotations

from collections.abc import Callable

from livetrader_venues.stockmarket.tape import SECOND_NS
from livetrader_venues.web.faults import Fault, Faults, Kind
from livetrader_venues.web.http import Request, Response, encoded
from livetrader_venues.web.outbox import Outbox

Answer = Callable[[Request, int], Response]  # of a request and the time up to which the past is known
_GARBAGE = b'{"status":"OK","results":[{"t":17'
_EMPTY = b'{"status":"OK","request_id":"00000000000000000000000000000000"}'


class Desk:
    """Owns since when the past stands still. Answers are the vendor's, faults and outbox the peer's."""

    def __init__(self, answer: Answer, faults: Faults, outbox: Outbox) -> None:
        self._answer = answer
        self._faults = faults
        self._outbox = outbox
        self.stands_ns: int | None = None  # what was traded since is not there; None: everything is

    def asked(self, connection: int, request: Request, now_ns: int) -> None:
        """Answer, or do what a fault says instead."""
        fault = self._faults.strike("rest", request.path)
        known_ns = now_ns if self.stands_ns is None else min(now_ns, self.stands_ns)
        if fault is not None:
            if fault.kind is Kind.MUTE:
                return
            if fault.kind is Kind.CLOSE:
                self._outbox.end(connection, is_reset=True)
                return
            if fault.kind is Kind.LAG:
                known_ns -= int(fault.by_s * SECOND_NS)
        response = self._spoilt(fault) or self._answer(request, known_ns)
        data = encoded(response)
        if fault is not None and fault.kind is Kind.TRUNCATE:
            self._outbox.write(connection, data[: len(data) - (len(response.body) + 1) // 2])
            self._outbox.end(connection)
        elif fault is not None and fault.kind is Kind.DELAY:
            due_ns = now_ns + int(fault.by_s * SECOND_NS)
            self._outbox.later(due_ns, lambda _: self._outbox.write(connection, data))
        else:
            self._outbox.write(connection, data)

    def _spoilt(self, fault: Fault | None) -> Response | None:
        if fault is None:
            return None
        if fault.kind is Kind.GARBAGE:
            return Response(200, _GARBAGE)
        if fault.kind is Kind.EMPTY:
            return Response(200, _EMPTY)
        if fault.kind is Kind.STATUS:
            text = fault.text or "the peer was told to fail"
            headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
            if fault.retry_after_s is not None:
                headers += (("Retry-After", f"{fault.retry_after_s:g}"),)
            body = b'{"status":"ERROR","request_id":"0","error":"' + text.encode() + b'"}'
            return Response(fault.code, body, headers)
        return None
