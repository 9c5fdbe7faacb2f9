"""What a handler is given, what it returns, and the bodies and queries that requests may carry."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Protocol

import msgspec

from livetrader.control.auth import TOKEN_CHARACTERS_LIMIT, Identity, TokenRecord
from livetrader.control.budgets import Confirmations
from livetrader.control.operations import EventSubscription, Operations
from livetrader.control.sessions import Sessions

Reason = Annotated[str, msgspec.Meta(max_length=500, description="Why, for the audit trail.")]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern="^[A-Za-z0-9_.:-]+$")]


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No body, or an empty object."""


class ReasonBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason = ""


class LogInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of whoever logs in; it is not kept."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=TOKEN_CHARACTERS_LIMIT)]


class LiquidateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, and the confirmation id that the first call was answered with.

    `include_foreign` cancels working orders that are not ours, too.
    """

    reason: Reason = ""
    confirm: Id | None = None
    include_foreign: bool = False


Name = Annotated[
    str, msgspec.Meta(min_length=1, max_length=128, description="A ticker, identifier or order.")
]


class ChannelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which channel, by its name in [[notify.channel]]; none: each."""

    channel: Id | None = None


class CustodyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is adopted: a symbol by its ticker or identifier, or an order without a record by its id."""

    what: Name
    reason: Reason = ""


class IgnoreBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is ignored, and how much of it; without a quantity what nobody could explain."""

    what: Name
    quantity: Decimal | None = None
    reason: Reason = ""


class FlattenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which symbol, and the confirmation id that the first call was answered with."""

    symbol: Name
    reason: Reason = ""
    confirm: Id | None = None


class CancelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which order, by its client order id or the engine's number; none: all working orders."""

    order: Id | None = None
    reason: Reason = ""


class ResumeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After a liquidation: its kill id, and whether to go on although something could not be closed."""

    kill_id: Id | None = None
    accept_residue: bool = False
    reason: Reason = ""


class Desk(Protocol):
    """Where a browser logs in and out."""

    sessions: Sessions
    port: int
    account: str
    wall_ns: Callable[[], int]

    async def admit(self, secret: str, peer: str) -> TokenRecord:
        """Return the token of this secret. Raises Refusal 401, or 429 where there were too many."""
        ...


class Services(msgspec.Struct, frozen=True):
    """What handlers may use. `scrape` returns the metrics, `document` the OpenAPI document."""

    operations: Operations
    confirmations: Confirmations
    desk: Desk
    scrape: Callable[[str], tuple[bytes, str]]
    document: Callable[[], bytes]


class Call(msgspec.Struct, frozen=True):
    """One request that was let through: who asks, with what.

    `peer` is the other end of the connection, `accept` the formats that it prefers; `secure` says that the
    browser speaks TLS to us or our proxy.
    """

    services: Services
    who: Identity
    body: msgspec.Struct
    query: msgspec.Struct
    parameters: dict[str, str]
    peer: str = ""
    accept: str = ""
    secure: bool = False


class Reply(msgspec.Struct, frozen=True):
    """What a handler answers: a JSON value, raw bytes, or a stream of events.

    `cookie` is the value of Set-Cookie; `note` is added to the outcome in the audit trail.
    """

    status: int = 200
    value: object = None
    raw: bytes | None = None
    stream: EventSubscription | None = None
    content_type: str = "application/json"
    cookie: str = ""
    note: str = ""
