"""Client order ids: who made an order, and which one it was, in at most 20 ASCII characters.

    LT<instance>-<number>            an order of the algorithm; the number counts intents in the journal
    LK<kill id>-<symbol><attempt>    a liquidation order of the kill switch

Both are functions of what is on disk, never of chance: the same intent has the same id after any restart,
so a brokerage that saw it twice can tell. Numbers are base 36. No ":" or "." (venues append suffixes).
"""

from __future__ import annotations

import hashlib
from typing import Final

from livetrader_engine.orders.order import ClientOrderId
from livetrader_engine.symbols import Symbol

ORDER_PREFIX: Final = "LT"
KILL_PREFIX: Final = "LK"
MAX_CHARACTERS: Final = 20  # the shortest client id field of a common venue
INSTANCE_CHARACTERS: Final = 6
KILL_ID_CHARACTERS: Final = 9  # milliseconds since 1970 in base 36 have 8 until the year 2059
_SYMBOL_CHARACTERS: Final = 5
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """Return a number >= 0 in base 36, lower case."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if number == 0:
            return digits


def _digest36(text: str, characters: int) -> str:
    value = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return base36(value % 36**characters).rjust(characters, "0")


def make_instance(account: str, created_ns: int) -> str:
    """Return the name of a new journal's orders.

    A journal made anew for the same account gets another one, because its numbers start over and the
    venue may remember the old ones.
    """
    return _digest36(f"{account}\0{created_ns}", INSTANCE_CHARACTERS)


def order_prefix(instance: str) -> str:
    """Return what the ids of this instance's orders begin with."""
    return f"{ORDER_PREFIX}{instance}-"


def order_client_id(instance: str, number: int) -> ClientOrderId:
    """Return the id of the intent with this number."""
    return ClientOrderId(order_prefix(instance) + base36(number))


def order_number(instance: str, client_order_id: ClientOrderId) -> int | None:
    """Return the number in an id of this instance, None if it is another's or not one of ours."""
    prefix = order_prefix(instance)
    rest = client_order_id[len(prefix) :]
    if not client_order_id.startswith(prefix) or not rest.isascii() or not rest.isalnum():
        return None
    return int(rest, 36)


def make_kill_id(wall_ns: int) -> str:
    """Return the id of a kill tripped at this wall-clock time."""
    return base36(wall_ns // 1_000_000)[-KILL_ID_CHARACTERS:]


def kill_prefix(kill_id: str, symbol: Symbol | None = None) -> str:
    """Return what the ids of this kill's orders (of one symbol) begin with."""
    prefix = f"{KILL_PREFIX}{kill_id}-"
    return prefix if symbol is None else prefix + _digest36(symbol.text, _SYMBOL_CHARACTERS)


def kill_client_id(kill_id: str, symbol: Symbol, attempt: int) -> ClientOrderId:
    """Return the id of the liquidation order number `attempt` (from 1) of a symbol."""
    return ClientOrderId(kill_prefix(kill_id, symbol) + base36(attempt))


def kill_attempt(kill_id: str, symbol: Symbol, client_order_id: ClientOrderId) -> int | None:
    """Return which attempt of this kill and symbol the id names, None if it names another order."""
    prefix = kill_prefix(kill_id, symbol)
    rest = client_order_id[len(prefix) :]
    if not client_order_id.startswith(prefix) or not rest or not rest.isalnum():
        return None
    return int(rest, 36)
