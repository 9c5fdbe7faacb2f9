"""How IB spells what LEAN spells otherwise: exchanges, roots of futures, days of index options."""

from __future__ import annotations

from typing import Final

SMART: Final = "SMART"
IDEALPRO: Final = "IDEALPRO"
CRYPTO_EXCHANGES: Final = ("PAXOS", "ZEROHASH")

# LEAN's market of a future: IB's exchange. KRX calls itself KSE at IB.
FUTURE_EXCHANGES: Final[dict[str, str]] = {
    "cme": "CME", "cmeglobex": "CME", "cbot": "CBOT", "nymex": "NYMEX", "comex": "COMEX", "ice": "NYBOT",
    "cfe": "CFE", "nyseliffe": "NYSELIFFE", "eurex": "EUREX", "sgx": "SGX", "hkfe": "HKFE",
    "ose": "OSE.JPN", "krx": "KSE",
}  # fmt: skip
FUTURE_MARKETS: Final[dict[str, str]] = {
    exchange: market for market, exchange in FUTURE_EXCHANGES.items() if market != "cmeglobex"
}

# LEAN calls a future by its exchange's root, IB some of them by what lies under it; IB's trading class is
# the exchange's root.
FUTURE_SYMBOLS: Final[dict[str, str]] = {
    "6A": "AUD", "6B": "GBP", "6C": "CAD", "6E": "EUR", "6J": "JPY", "6L": "BRE", "6M": "MXP", "6N": "NZD",
    "6R": "RUR", "6S": "CHF", "6Z": "ZAR", "BTC": "BRR", "ETH": "ETHUSDRR", "FDAX": "DAX", "FESX": "ESTX50",
    "VX": "VIX",
}  # fmt: skip
FUTURE_ROOTS: Final[dict[str, str]] = {symbol: root for root, symbol in FUTURE_SYMBOLS.items()}

# IB lists an index under its own exchange; SMART does not know indices.
INDEX_EXCHANGES: Final[dict[str, str]] = {
    "SPX": "CBOE", "VIX": "CBOE", "XSP": "CBOE", "OEX": "CBOE", "DJX": "CBOE", "NDX": "NASDAQ",
    "COMP": "NASDAQ", "RUT": "RUSSELL", "INDU": "CME",
}  # fmt: skip

# Option classes of an index that are not called like it.
INDEX_OPTION_CLASSES: Final[dict[str, str]] = {
    "SPXW": "SPX", "NDXP": "NDX", "NQX": "NDX", "RUTW": "RUT", "VIXW": "VIX",
}  # fmt: skip
# Classes that settle in the morning: IB names their last trading day, LEAN their expiry, a day later.
# Source: LEAN's Common/Securities/IndexOption/IndexOptionSymbol.cs, GetExpirationOffset.
SETTLED_IN_THE_MORNING: Final = frozenset({"SPX", "NDX", "VIX", "VIXW", "RUT"})

# Where stocks of the United States are listed, as IB names it; elsewhere a stock in dollars is another one.
US_LISTINGS: Final = frozenset(
    {
        "", "SMART", "NYSE", "NASDAQ", "NASDAQ.NMS", "NASDAQ.SCM", "ISLAND", "ARCA", "AMEX", "BATS", "BEX",
        "IEX", "PINK", "CBOE", "PSX", "CHX", "EDGEA", "DRCTEDGE", "BYX", "LTSE", "MEMX", "PEARL", "NYSENAT",
    }
)  # fmt: skip

MONTH_LETTERS: Final = "FGHJKMNQUVXZ"  # of futures, January to December
