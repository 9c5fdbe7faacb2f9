"""The day that every referee completes: what the peer's prices do, and in which order the referee asks.

A referee presses a button, reqCurrentTime, to let the next price come; so no referee waits for a time.
Each prints one JSON object a line, `{"step": ..., "found": ...}`, and `EXPECTED` says what must be found.
"""

from __future__ import annotations

BOOK = ("99.99", "100.01", "100", 1_000_000)
# order type, its prices, the state in which it waits, the book at which it fills, the price of the fill
WAITING = [
    ("LMT", {"lmtPrice": 99.0}, "Submitted", ("98.97", "98.99", "98.98", 1_000_000), "98.99"),
    ("STP", {"auxPrice": 101.0}, "PreSubmitted", ("101.00", "101.02", "101.01", 1_000_000), "101.02"),
    (
        "STP LMT",
        {"auxPrice": 101.0, "lmtPrice": 101.5},
        "PreSubmitted",
        ("101.00", "101.02", "101.01", 1_000_000),
        "101.02",
    ),
    ("MIT", {"auxPrice": 99.0}, "PreSubmitted", ("98.97", "98.99", "98.98", 1_000_000), "98.99"),
    (
        "LIT",
        {"auxPrice": 99.0, "lmtPrice": 99.1},
        "PreSubmitted",
        ("98.97", "98.99", "98.98", 1_000_000),
        "98.99",
    ),
    ("TRAIL", {"auxPrice": 1.0}, "PreSubmitted", ("101.00", "101.02", "101.01", 1_000_000), "101.02"),
]
THIN = ("99.99", "100.01", "100", 40)
REST = ("99.99", "100.00", "99.995", 60)


def presses() -> list[tuple[str, str, str, int]]:
    """Return the book that each press of the button brings."""
    books = []
    for _, _, _, book, _ in WAITING:
        books += [book, BOOK]
    return [*books, THIN, REST, BOOK]


def script() -> str:
    """Return the peer's script."""
    steps = []
    for number, (bid, ask, last, size) in enumerate(presses(), start=1):
        steps.append(
            f'[[step]]\non = "reqCurrentTime"\nnth = {number}\ndo = "quote"\nsymbol = "SPY"\n'
            f"bid = {bid}\nask = {ask}\nlast = {last}\nsize = {size}\n"
        )
    return "\n".join(steps)


EXPECTED: list[tuple[str, object]] = [
    ("accounts", ["DU1234567"]),
    ("contract", [756733, "ARCA", 0.01]),
    ("no such contract", 200),
    ("summary", "1000000.00"),
    ("bars", 5),
    ("ticks", [99.99, 100.01, 100]),
    ("market order", ["Filled", 100, 100.01]),
    *[(kind, [waits, "Filled", 10, float(price)]) for kind, _, waits, _, price in WAITING],
    ("update", [91.5, 80]),
    ("cancel", "Cancelled"),
    ("parts", [40, 60, 100]),
    ("what-if", 25000),
    ("executions", 9),
    ("commissions", 9),
    ("position", 260),
    ("positions after reconnect", 260),
    ("number after reconnect is higher", True),
]
COMPLETED_SINCE = 150  # the server version from which completed orders can be asked for
EXPECTED_COMPLETED = ("completed orders", 9)
