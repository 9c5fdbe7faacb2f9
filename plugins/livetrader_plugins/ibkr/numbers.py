"""Numbers on the wire: Decimal to text without noise, the library's floats back to what was meant.

A price leaves as text, because both libraries write a text as it is and a float as Python shows it (1e-08,
and 0.30000000000000004 for a sum). What comes back has been a text too: the shortest Decimal that makes the
same float is that text again, up to 15 digits.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

UNSET_DOUBLE: Final = 1.7976931348623157e308  # IB's "no number"
UNSET_INTEGER: Final = 2**31 - 1


def text_of(number: Decimal) -> str:
    """Return a number as it goes on the wire: no exponent, no zeros at the end. Raises ValueError for NaN."""
    if not number.is_finite():
        raise ValueError(f"{number} is no number that can be sent")
    plain = f"{number:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def number_of(value: object) -> Decimal | None:
    """Return what IB said, None where it said nothing (unset, empty, not finite). Raises ValueError."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    if not isinstance(value, (int, float, str, Decimal)):
        raise ValueError(f"{value!r} is no number")
    if isinstance(value, (int, float)) and value in (UNSET_DOUBLE, UNSET_INTEGER):
        return None
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except ArithmeticError as error:
        raise ValueError(f"{value!r} is no number") from error
    if not number.is_finite() or number >= Decimal("1e300"):
        return None
    return normal(number)


def normal(number: Decimal) -> Decimal:
    """Return an equal number without zeros at the end and without an exponent."""
    return Decimal(text_of(number))


def price_of(value: object) -> Decimal | None:
    """Return a price that IB tells of an order, None where it has none: IB shows 0.0 for those it has not."""
    number = number_of(value)
    return None if number is None or number == 0 else number
