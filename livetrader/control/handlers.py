"""What each route does: ask `Operations`, answer. No handler waits for the engine or the algorithm."""

from __future__ import annotations

import re
from typing import Final, cast

from livetrader.control import refusals
from livetrader.control.budgets import CONFIRM_S
from livetrader.control.calls import (
    Call,
    CancelBody,
    CustodyBody,
    FlattenBody,
    IgnoreBody,
    LiquidateBody,
    ReasonBody,
    Reply,
    ResumeBody,
)
from livetrader.control.operations import OperationView
from livetrader.control.queries import DecisionsQuery, LogQuery, OrdersQuery
from livetrader.control.stream import TooManyReadersError

_JOB: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_KNOWN: Final = "`livetrader reconcile` or GET /v1/reconciliation shows what is known."
_OPERATION_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def _accepted(operation: OperationView) -> Reply:
    return Reply(status=202, value=operation)


async def halt(call: Call) -> Reply:
    """Refuse new orders."""
    body = cast("ReasonBody", call.body)
    return _accepted(await call.services.operations.halt(who=call.who.name, reason=body.reason))


async def liquidate(call: Call) -> Reply:
    """Ask for a confirmation, then run the kill switch.

    A repeated confirmation answers with the operation that it started, so that a lost answer can be asked
    for again. One that was given for our orders is asked for anew where orders of others are meant as well.
    """
    body = cast("LiquidateBody", call.body)
    confirmations = call.services.confirmations
    operations = call.services.operations
    ours, everything = call.who.name, f"{call.who.name}, orders of others too"
    confirm = body.confirm
    if body.include_foreign and confirm is not None and confirmations.valid(confirm, ours):
        confirm = None
    if confirm is None:
        status = operations.status()
        holdings = operations.portfolio().holdings
        raise refusals.confirmation_needed(
            confirmations.ask(everything if body.include_foreign else ours),
            CONFIRM_S,
            f"This cancels {status.open_orders} orders"
            f"{_foreign_words(len(status.foreign_orders), include=body.include_foreign)}"
            f" and closes {len(holdings)} positions"
            f" of the account {status.account!r}, and halts trading until somebody resumes it.",
        )
    if not (confirmations.valid(confirm, ours) or confirmations.valid(confirm, everything)):
        raise refusals.unknown_confirmation()
    done = confirmations.used_for(confirm)
    if done is not None:
        return _accepted(operations.operation(done.id) or done)
    operation = await operations.liquidate(
        who=call.who.name, reason=body.reason, include_foreign=body.include_foreign
    )
    confirmations.use(confirm, operation)
    return _accepted(operation)


def _foreign_words(count: int, *, include: bool) -> str:
    if not count:
        return ""
    return f", {count} that are not ours among them," if include else f" ({count} others are left alone)"


async def reconcile(call: Call) -> Reply:
    """Compare with the brokerage's account."""
    body = cast("ReasonBody", call.body)
    custody = call.services.operations.custody
    return _accepted(await custody.reconcile(who=call.who.name, reason=body.reason))


async def reconciliation(call: Call) -> Reply:
    """Answer with how journal and brokerage compare."""
    return Reply(value=call.services.operations.custody.reconciliation())


async def adopt(call: Call) -> Reply:
    """Take a position or an order as the algorithm's."""
    body = cast("CustodyBody", call.body)
    try:
        operation = await call.services.operations.custody.adopt(
            who=call.who.name, what=body.what, reason=body.reason
        )
    except KeyError:
        raise refusals.not_found(body.what, _KNOWN) from None
    return _accepted(operation)


async def ignore(call: Call) -> Reply:
    """Leave a position or an order to somebody else."""
    body = cast("IgnoreBody", call.body)
    try:
        operation = await call.services.operations.custody.ignore(
            who=call.who.name, what=body.what, quantity=body.quantity, reason=body.reason
        )
    except KeyError:
        raise refusals.not_found(body.what, _KNOWN) from None
    return _accepted(operation)


async def flatten(call: Call) -> Reply:
    """Ask for a confirmation, then close one position."""
    body = cast("FlattenBody", call.body)
    confirmations = call.services.confirmations
    asks = f"{call.who.name} flattens {body.symbol}"  # the id is good for nothing else
    if body.confirm is None:
        raise refusals.confirmation_needed(
            confirmations.ask(asks),
            CONFIRM_S,
            f"This cancels every order of {body.symbol} and closes its position; it takes no orders until"
            " somebody adopts it.",
        )
    if not confirmations.valid(body.confirm, asks):
        raise refusals.unknown_confirmation()
    done = confirmations.used_for(body.confirm)
    if done is not None:
        return _accepted(call.services.operations.operation(done.id) or done)
    try:
        operation = await call.services.operations.custody.flatten(
            who=call.who.name, symbol=body.symbol, reason=body.reason
        )
    except KeyError:
        raise refusals.not_found(body.symbol, _KNOWN) from None
    confirmations.use(body.confirm, operation)
    return _accepted(operation)


async def cancel(call: Call) -> Reply:
    """Cancel one order, or all."""
    body = cast("CancelBody", call.body)
    try:
        operation = await call.services.operations.cancel(
            who=call.who.name, order=body.order, reason=body.reason
        )
    except KeyError:
        raise refusals.not_found(
            f"order {body.order}", "`livetrader orders` or GET /v1/orders shows them."
        ) from None
    return _accepted(operation)


async def cancel_training(call: Call) -> Reply:
    """Stop one training job."""
    body = cast("ReasonBody", call.body)
    text = call.parameters["job"]
    remedy = "`livetrader training` or GET /v1/training shows them."
    if not _JOB.fullmatch(text):
        raise refusals.not_found("such training job", remedy)
    try:
        operation = await call.services.operations.cancel_training(
            who=call.who.name, job=int(text), reason=body.reason
        )
    except KeyError:
        raise refusals.not_found(f"training job {text}", remedy) from None
    return _accepted(operation)


async def resume(call: Call) -> Reply:
    """Allow orders again."""
    body = cast("ResumeBody", call.body)
    operation = await call.services.operations.resume(
        who=call.who.name, reason=body.reason, kill_id=body.kill_id, accept_residue=body.accept_residue
    )
    return _accepted(operation)


async def stop(call: Call) -> Reply:
    """End the daemon."""
    body = cast("ReasonBody", call.body)
    return _accepted(await call.services.operations.stop(who=call.who.name, reason=body.reason))


async def status(call: Call) -> Reply:
    """Answer with the status."""
    return Reply(value=call.services.operations.status())


async def portfolio(call: Call) -> Reply:
    """Answer with the portfolio."""
    return Reply(value=call.services.operations.portfolio())


async def orders(call: Call) -> Reply:
    """Answer with orders, newest first."""
    query = cast("OrdersQuery", call.query)
    try:
        return Reply(value=call.services.operations.orders(query))
    except KeyError:
        raise refusals.not_found("such order to go on after", "Ask without `before` to begin anew.") from None


async def training(call: Call) -> Reply:
    """Answer with the training."""
    return Reply(value=call.services.operations.training())


async def log(call: Call) -> Reply:
    """Answer with lines of the log."""
    query = cast("LogQuery", call.query)
    return Reply(value=call.services.operations.log(query))


async def decisions(call: Call) -> Reply:
    """Answer why there is no trade."""
    query = cast("DecisionsQuery", call.query)
    return Reply(value=call.services.operations.decisions.view(query))


async def operation(call: Call) -> Reply:
    """Answer with one operation."""
    operation_id = call.parameters["id"]
    found = None
    if _OPERATION_ID.fullmatch(operation_id):
        found = call.services.operations.operation(operation_id)
    if found is None:
        raise refusals.not_found("such operation")
    return Reply(value=found)


async def events(call: Call) -> Reply:
    """Answer with the event stream."""
    try:
        return Reply(stream=call.services.operations.subscribe(), content_type="text/event-stream")
    except TooManyReadersError as error:
        raise refusals.too_many_readers(str(error)) from error


async def metrics(call: Call) -> Reply:
    """Answer with the metrics: as OpenMetrics, with the trace ids of orders, for who asks for it."""
    text, content_type = call.services.scrape(call.accept)
    return Reply(raw=text, content_type=content_type)


async def live(call: Call) -> Reply:
    """Answer whether the loop turns. That this code runs is most of the proof."""
    alive = call.services.operations.live()
    return Reply(status=200 if alive else 503, value={"live": alive})


async def ready(call: Call) -> Reply:
    """Answer whether trading is possible."""
    view = call.services.operations.ready()
    return Reply(status=200 if view.ready else 503, value=view)


async def openapi(call: Call) -> Reply:
    """Answer with the OpenAPI document."""
    return Reply(raw=call.services.document())
