"""Every way in which the control API says no, each with what to do about it."""

from __future__ import annotations

import msgspec


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every answer that is not 2xx (but /ready and /live): what went wrong, what to do.

    `confirm` and `expires_in_s` are set only where a confirmation is asked for.
    """

    error: str
    message: str
    remedy: str
    confirm: str | None = None
    expires_in_s: float | None = None


class Refusal(Exception):
    """A request that is not carried out. Becomes an ErrorBody with this status."""

    def __init__(self, status: int, body: ErrorBody, retry_after_s: float | None = None) -> None:
        self.status = status
        self.body = body
        self.retry_after_s = retry_after_s
        self.allow = ""  # the methods that there are, where the one asked for is not
        super().__init__(body.message)


def refusal(status: int, error: str, message: str, remedy: str) -> Refusal:
    """Return a refusal with this status, short name, message and remedy."""
    return Refusal(status, ErrorBody(error=error, message=message, remedy=remedy))


def bad_request(message: str) -> Refusal:
    """Return: the body or query does not fit the schema."""
    return refusal(400, "bad_request", message, "Compare the request with /openapi.json.")


def unauthenticated() -> Refusal:
    """Return: no token, a wrong one, or an expired one; which of them is nobody's business."""
    return refusal(
        401,
        "unauthenticated",
        "A valid token is needed.",
        "Send `Authorization: Bearer TOKEN`, or log in; make one with `livetrader token new`.",
    )


def missing_scope(scope: str) -> Refusal:
    """Return: the token is good but not for this."""
    return refusal(
        403,
        "missing_scope",
        f"This token lacks the scope {scope!r}.",
        f"Use a token with {scope!r} or 'admin'.",
    )


def foreign_host(host: str) -> Refusal:
    """Return: the Host header names somebody else (DNS rebinding, or a proxy nobody declared)."""
    return refusal(
        403,
        "host_not_allowed",
        f"This server does not answer for {host[:100]!r}.",
        "Add it to control.allowed_hosts.",
    )


def from_elsewhere() -> Refusal:
    """Return: a web page of another origin made the request."""
    return refusal(
        403,
        "cross_site",
        "Requests of other web pages are not accepted.",
        "Use the dashboard, the command line or an HTTP client; a proxy has to pass the Host header on.",
    )


def csrf_missing() -> Refusal:
    """Return: a session asks for a change without the secret that its page was given."""
    return refusal(
        403,
        "csrf",
        "The header X-CSRF-Token is missing or wrong.",
        "Send the csrf that POST /v1/session answered; log in again where it is lost.",
    )


def no_session() -> Refusal:
    """Return: who asks has no session that could end."""
    return refusal(
        409, "no_session", "There is no session to end.", "Tokens are revoked with `livetrader token revoke`."
    )


def too_large(limit: int) -> Refusal:
    """Return: the body exceeds the limit."""
    return refusal(
        413, "too_large", f"The body exceeds {limit} bytes.", "Send less; no request needs that much."
    )


def not_json() -> Refusal:
    """Return: the body is not declared as JSON."""
    return refusal(
        415, "not_json", "The body has to be JSON.", "Send `Content-Type: application/json`, or no body."
    )


def too_many(retry_after_s: float) -> Refusal:
    """Return: the budget of requests is spent."""
    body = ErrorBody(
        error="too_many_requests",
        message="Too many requests.",
        remedy="Wait as long as Retry-After says; follow /v1/events instead of polling.",
    )
    return Refusal(429, body, retry_after_s)


def confirmation_needed(confirm: str, expires_in_s: float, message: str) -> Refusal:
    """Return: this is not undone easily; say it twice."""
    return Refusal(
        409,
        ErrorBody(
            error="confirmation_required",
            message=message,
            remedy=f'Repeat the request with {{"confirm": "{confirm}"}}.',
            confirm=confirm,
            expires_in_s=expires_in_s,
        ),
    )


def unknown_confirmation() -> Refusal:
    """Return: the confirmation is not known, not yours, or too old."""
    return refusal(
        409, "unknown_confirmation", "This confirmation is not valid (any more).", "Send {} to get a new one."
    )


def not_found(what: str, remedy: str = "/openapi.json lists what there is.") -> Refusal:
    """Return: there is no such thing."""
    return refusal(404, "not_found", f"There is no {what}.", remedy)


def wrong_method(allowed: str) -> Refusal:
    """Return: the path exists, the method does not."""
    refused = refusal(
        405, "method_not_allowed", f"Only {allowed} here.", "/openapi.json lists what there is."
    )
    refused.allow = allowed
    return refused


def refused_now(message: str) -> Refusal:
    """Return: the daemon cannot do this in its present state."""
    return refusal(
        409, "refused", message, "`livetrader status` or GET /v1/status shows the state and its reasons."
    )


def key_reused() -> Refusal:
    """Return: an Idempotency-Key came again with another request."""
    return refusal(
        422,
        "key_reused",
        "This Idempotency-Key was used for another request.",
        "Use a fresh key per request.",
    )


def too_many_readers(message: str) -> Refusal:
    """Return: the event stream has all the readers it may have."""
    return refusal(503, "too_many_readers", message, "Close a reader, or poll /v1/status.")


def not_now(message: str) -> Refusal:
    """Return: it could not be done, and should be asked for again by a program that repeats itself."""
    return refusal(503, "not_now", message, "Send it again; GET /v1/alerts shows what became of it.")


def internal(action: str) -> Refusal:
    """Return: our fault; the details are in the log, not in the answer."""
    return refusal(500, "internal", f"The daemon failed to {action}.", "Look at its log; please report it.")
