"""The peer of a kill: fifty stocks, a position in each, and no mercy with the message rate."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.campaign.ibkr import FENCE_MARGIN_S, IbkrVenue
from tests.campaign.workload import Workload, prepare_ibkr

SYMBOLS = 50
TICKERS = tuple(f"K{number:02d}" for number in range(SYMBOLS))
LINK_LOST_S = 2.5
RESTART_S = 1.5


def positions_of(random: Random) -> dict[str, int]:
    """Return what the account holds at first: long and short, none empty."""
    return {ticker: random.choice((-1, 1)) * random.randint(1, 500) for ticker in TICKERS}


def trouble_of(crime: str, random: Random) -> str:
    """Return what strikes before the account is liquidated, or while."""
    if crime == "disconnected":
        return '[[fault]]\nkind = "close"\nmessage = "cancelOrder"\n'
    if crime == "reconnecting":  # the algorithm cancels one order, then the switch is pulled
        return f'[[step]]\non = "cancelOrder"\nnth = 1\ndo = "nightly_reset"\ndown_s = {LINK_LOST_S}\n'
    if crime == "gateway_restarts":
        name = random.choice(("cancelOrder", "placeOrder"))
        nth = random.randint(1, SYMBOLS) + (SYMBOLS if name == "placeOrder" else 0)
        return f'[[step]]\non = "{name}"\nnth = {nth}\ndo = "restart"\ndown_s = {RESTART_S}\n'
    return ""


def script_of(positions: dict[str, int], crime: str, random: Random) -> str:
    """Return stocks, the trades that made the positions, late and repeated news, and what goes wrong."""
    stocks = "".join(
        f'[[stock]]\nsymbol = "{ticker}"\nprice = {random.uniform(20, 400):.2f}\n' for ticker in TICKERS
    )
    trades = "".join(
        f'[[step]]\nat_s = 0.0\ndo = "trade"\nsymbol = "{ticker}"\nquantity = {quantity}\n'
        for ticker, quantity in positions.items()
    )
    return f"""
[walk]
every_s = 0.5

{stocks}{trades}{trouble_of(crime, random)}
[[fault]]
kind = "stall"
message = "orderStatus"
probability = 0.005
by_s = 0.5
count = 0

[[fault]]
kind = "duplicate"
message = "execDetails"
probability = 0.2
count = 0
"""


class KillVenue(IbkrVenue):
    """One account with positions. `order_delay_s`: the longest way of an order to IB."""

    def __init__(self, root: Path, seed: int, order_delay_s: float, crime: str) -> None:
        super().__init__(root, seed, order_delay_s=order_delay_s)
        self._crime = crime
        self.positions = positions_of(Random(seed))

    def script(self, seconds: float) -> str:
        """See IbkrVenue."""
        return script_of(self.positions, self._crime, Random(self._seed))

    def workload(self, port: int) -> Workload:
        """See IbkrVenue."""
        algorithm = Path(__file__).with_name("algorithm.py")
        parameters = {"tickers": ",".join(TICKERS), "crime": str(self._root / "crime")}
        return prepare_ibkr(
            self._root, port, algorithm, parameters, fence_s=self._order_delay_s + FENCE_MARGIN_S
        )
