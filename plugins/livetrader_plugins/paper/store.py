"""The paper account on disk: one SQLite file, readable with the sqlite3 tool.

Everything here runs in the database's thread. A change of the account is a list of statements that are
written together or not at all; the venue makes them, `apply` writes them, `load` reads an account back.
Decimals are text, times UTC nanoseconds, orders and market points JSON.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.events import PositionRecord
from livetrader_engine.orders.fills import WorkingOrder
from livetrader_engine.orders.order import ClientOrderId, ExecutionId, Fill, OrderSpec
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.symbols import Symbol
from livetrader_engine.wire import decode_hook, encode_hook

FILE_NAME: Final = "paper.sqlite3"

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cash (currency TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS positions (
    symbol TEXT PRIMARY KEY, quantity TEXT NOT NULL, average_price TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS wire (
    client_order_id TEXT PRIMARY KEY, due_ns INTEGER NOT NULL, spec TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY, client_order_id TEXT NOT NULL UNIQUE, spec TEXT NOT NULL,
    status INTEGER NOT NULL, filled TEXT NOT NULL, remainder INTEGER NOT NULL, message TEXT NOT NULL,
    working TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS orders_by_status ON orders (status, number);
CREATE TABLE IF NOT EXISTS closings (
    closing INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS fills (
    execution_id TEXT PRIMARY KEY, client_order_id TEXT NOT NULL, symbol TEXT NOT NULL,
    quantity TEXT NOT NULL, price TEXT NOT NULL, time_ns INTEGER NOT NULL,
    fee TEXT NOT NULL, fee_currency TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS fills_by_order ON fills (client_order_id);
CREATE TABLE IF NOT EXISTS marks (
    symbol TEXT NOT NULL, kind TEXT NOT NULL, time_ns INTEGER NOT NULL, point TEXT NOT NULL,
    PRIMARY KEY (symbol, kind)) STRICT;
CREATE TABLE IF NOT EXISTS actions (id TEXT PRIMARY KEY, time_ns INTEGER NOT NULL) STRICT;
"""

# A second order under a client order id that is taken must fail loudly, so no INSERT OR REPLACE.
_UPSERT_ORDER: Final = """
INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET
    spec = excluded.spec, status = excluded.status, filled = excluded.filled,
    remainder = excluded.remainder, message = excluded.message, working = excluded.working"""

Statement = tuple[str, tuple[str | int, ...]]

_encoder: Final = msgspec.json.Encoder(enc_hook=encode_hook)
_spec_decoder: Final = msgspec.json.Decoder(OrderSpec, dec_hook=decode_hook)
_working_decoder: Final[msgspec.json.Decoder[WorkingOrder | None]] = msgspec.json.Decoder(
    WorkingOrder | None, dec_hook=decode_hook
)
_point_decoder: Final[msgspec.json.Decoder[MarketPoint]] = msgspec.json.Decoder(
    TradeBar | QuoteBar | Tick, dec_hook=decode_hook
)


class StoredOrder(msgspec.Struct):
    """One order of the account. Owned by the venue; `filled` is signed like the order's quantity.

    `remainder`: a trade has happened and the rest works as what the order has become (a triggered stop
    is a market order). `working` is the matching's view of it: a stop that has moved or is armed.
    """

    number: int
    client_order_id: ClientOrderId
    spec: OrderSpec
    status: OrderStatus
    filled: Decimal = Decimal(0)
    remainder: bool = False
    message: str = ""
    working: WorkingOrder | None = None
    closing: int = 0  # counts up from 1 as orders close; 0 while it is open
    acknowledged_ns: int = 0  # wall clock before which no news of it leaves the venue; not stored


class WireItem(msgspec.Struct, frozen=True):
    """An order that was sent and has not arrived; it does at `due_ns` (wall clock)."""

    client_order_id: ClientOrderId
    due_ns: int
    spec: OrderSpec


class StoredAccount(msgspec.Struct, frozen=True):
    """An account as read back. `orders` are all open ones and those closed last, by number."""

    sessions: int
    market_ns: int
    cash: dict[str, Decimal]
    positions: tuple[PositionRecord, ...]
    wire: tuple[WireItem, ...]
    orders: tuple[StoredOrder, ...]
    fills: tuple[tuple[ClientOrderId, Fill], ...]
    marks: tuple[MarketPoint, ...]
    known: set[str]
    next_number: int
    next_closing: int
    actions: frozenset[str] = frozenset()  # corporate actions that were booked


def set_meta(key: str, value: str | int) -> Statement:
    """Remember one value."""
    return ("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(value)))


def set_cash(currency: str, amount: Decimal) -> Statement:
    """Write a balance."""
    return ("INSERT OR REPLACE INTO cash VALUES (?, ?)", (currency, str(amount)))


def set_position(symbol: Symbol, quantity: Decimal, average_price: Decimal) -> Statement:
    """Write a position; a quantity of zero removes it."""
    if not quantity:
        return ("DELETE FROM positions WHERE symbol = ?", (symbol.text,))
    values = (symbol.text, str(quantity), str(average_price))
    return ("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", values)


def put_on_wire(item: WireItem) -> Statement:
    """Write an order that is on its way."""
    body = _encoder.encode(item.spec).decode()
    return ("INSERT INTO wire VALUES (?, ?, ?)", (item.client_order_id, item.due_ns, body))


def take_off_wire(client_order_id: ClientOrderId) -> Statement:
    """Remove what has arrived."""
    return ("DELETE FROM wire WHERE client_order_id = ?", (client_order_id,))


def set_order(order: StoredOrder) -> Statement:
    """Write an order as it stands."""
    values = (
        order.number,
        order.client_order_id,
        _encoder.encode(order.spec).decode(),
        int(order.status),
        str(order.filled),
        int(order.remainder),
        order.message,
        _encoder.encode(order.working).decode(),
    )
    return (_UPSERT_ORDER, values)


def note_closing(order: StoredOrder) -> Statement:
    """Write which closing of the account this order's was."""
    return ("INSERT INTO closings VALUES (?, ?)", (order.closing, order.number))


def add_fill(client_order_id: ClientOrderId, symbol: Symbol, fill: Fill) -> Statement:
    """Write a fill; its execution id must be new."""
    values = (
        fill.execution_id,
        client_order_id,
        symbol.text,
        str(fill.quantity),
        str(fill.price),
        fill.time_ns,
        str(fill.fee),
        fill.fee_currency,
    )
    return ("INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


def set_mark(point: MarketPoint) -> Statement:
    """Write the newest point of its kind for its symbol."""
    body = _encoder.encode(point).decode()
    kind = type(point).__name__ if not isinstance(point, Tick) else ("Trade" if point.price else "Quote")
    values = (point.symbol.text, kind, point.end_time_ns, body)
    return ("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", values)


def note_action(action_id: str, time_ns: int) -> Statement:
    """Write that a corporate action was booked; a second time is an error."""
    return ("INSERT INTO actions VALUES (?, ?)", (action_id, time_ns))


def apply(connection: sqlite3.Connection, statements: Iterable[Statement]) -> None:
    """Run the statements; the transaction is the caller's."""
    for text, values in statements:
        connection.execute(text, values)


def begin_session(
    connection: sqlite3.Connection, currency: str, cash: Decimal, remembered: int
) -> StoredAccount:
    """Count one more session and read the account; a new file becomes an account with `cash` first."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'sessions'").fetchone()
    sessions = int(row[0]) + 1 if row else 1
    if row is None:
        apply(connection, [set_cash(currency, cash)])
    apply(connection, [set_meta("sessions", sessions)])
    return _load(connection, sessions, remembered)


def _load(connection: sqlite3.Connection, sessions: int, remembered: int) -> StoredAccount:
    market = connection.execute("SELECT value FROM meta WHERE key = 'market_ns'").fetchone()
    orders = _load_orders(connection, remembered)
    known = {row[0] for row in connection.execute("SELECT client_order_id FROM orders")}
    wire = [
        WireItem(ClientOrderId(row[0]), row[1], _spec_decoder.decode(row[2]))
        for row in connection.execute("SELECT * FROM wire ORDER BY due_ns, client_order_id")
    ]
    known.update(item.client_order_id for item in wire)
    (largest,) = connection.execute("SELECT COALESCE(MAX(number), 0) FROM orders").fetchone()
    (closings,) = connection.execute("SELECT COALESCE(MAX(closing), 0) FROM closings").fetchone()
    cash = {row[0]: Decimal(row[1]) for row in connection.execute("SELECT * FROM cash")}
    positions = tuple(
        PositionRecord(Symbol.parse(row[0]), Decimal(row[1]), Decimal(row[2]))
        for row in connection.execute("SELECT * FROM positions ORDER BY symbol")
    )
    marks = connection.execute("SELECT point FROM marks ORDER BY time_ns, symbol, kind")
    return StoredAccount(
        sessions=sessions,
        market_ns=int(market[0]) if market else 0,
        cash=cash,
        positions=positions,
        wire=tuple(wire),
        orders=orders,
        fills=_load_fills(connection, orders),
        marks=tuple(_point_decoder.decode(row[0]) for row in marks),
        known=known,
        next_number=largest + 1,
        next_closing=closings + 1,
        actions=frozenset(row[0] for row in connection.execute("SELECT id FROM actions")),
    )


def _load_orders(connection: sqlite3.Connection, remembered: int) -> tuple[StoredOrder, ...]:
    """Read all open orders and those closed last; an account from before closings counts by number."""
    closed = ", ".join(str(int(status)) for status in sorted(CLOSED))
    columns = "SELECT orders.*, COALESCE(closing, 0) AS ended FROM orders LEFT JOIN closings USING (number)"
    rows: list[Sequence[object]] = []
    rows += connection.execute(f"{columns} WHERE status NOT IN ({closed})")
    rows += connection.execute(
        f"{columns} WHERE status IN ({closed}) ORDER BY ended DESC, number DESC LIMIT ?", (remembered,)
    )
    orders = [
        StoredOrder(
            number=int(str(row[0])),
            client_order_id=ClientOrderId(str(row[1])),
            spec=_spec_decoder.decode(str(row[2])),
            status=OrderStatus(int(str(row[3]))),
            filled=Decimal(str(row[4])),
            remainder=bool(row[5]),
            message=str(row[6]),
            working=_working_decoder.decode(str(row[7])),
            closing=int(str(row[8])),
        )
        for row in rows
    ]
    return tuple(sorted(orders, key=lambda order: order.number))


def _load_fills(
    connection: sqlite3.Connection, orders: Sequence[StoredOrder]
) -> tuple[tuple[ClientOrderId, Fill], ...]:
    wanted = {order.client_order_id for order in orders if order.filled}
    found = []
    for name in wanted:
        for row in connection.execute(
            "SELECT * FROM fills WHERE client_order_id = ? ORDER BY rowid", (name,)
        ):
            found.append((name, _fill(row)))
    return tuple(sorted(found, key=lambda item: (item[1].time_ns, item[1].execution_id)))


def _fill(row: Sequence[object]) -> Fill:
    return Fill(
        execution_id=ExecutionId(str(row[0])),
        quantity=Decimal(str(row[3])),
        price=Decimal(str(row[4])),
        time_ns=int(str(row[5])),
        fee=Decimal(str(row[6])),
        fee_currency=str(row[7]),
    )
