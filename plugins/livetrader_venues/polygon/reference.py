"""Reference data over REST: tickers, options, splits, dividends, conditions, exchanges, hours."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zlib import crc32

from livetrader_venues.polygon.pages import REQUEST_ID, Query, Refusal, day_said, matches, paged
from livetrader_venues.stockmarket.clocks import EXCHANGE_ZONE, day_of
from livetrader_venues.stockmarket.conditions import OPTIONS, STOCKS, Condition, Rule
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import Security
from livetrader_venues.stockmarket.sessions import early_closes, holidays, session
from livetrader_venues.stockmarket.tape import SECOND_NS

Answer = dict[str, object]
_TICKERS = 100, 1000  # rows of a page: default and most
_OPTIONS = 10, 1000
_CORPORATE = 10, 1000
_CONDITIONS = 10, 1000
_UPCOMING_DAYS = 365
_EXCHANGES = (
    (1, "NYSE American, LLC", "XASE", "A", "exchange"),
    (2, "Nasdaq OMX BX, Inc.", "XBOS", "B", "exchange"),
    (4, "FINRA NYSE TRF", "FINR", "D", "TRF"),
    (8, "Cboe EDGA", "EDGA", "J", "exchange"),
    (9, "NYSE Chicago, Inc.", "XCHI", "M", "exchange"),
    (10, "New York Stock Exchange", "XNYS", "N", "exchange"),
    (11, "NYSE Arca, Inc.", "ARCX", "P", "exchange"),
    (12, "Nasdaq", "XNAS", "T", "exchange"),
    (15, "Investors Exchange", "IEXG", "V", "exchange"),
    (19, "Cboe BZX", "BATS", "Z", "exchange"),
    (21, "Members Exchange", "MEMX", "U", "exchange"),
)


def tickers(market: Market, query: Query) -> Answer:
    """Answer /v3/reference/tickers: options are not among them."""
    today = _as_of(query, "date")
    search = query.values.get("search", "").lower()
    active = query.values.get("active", "true").lower() != "false"
    rows = []
    for security in _listed(market, today):
        if security.kind == "options" or _is_active(security, today) != active:
            continue
        row = _ticker_row(security, today)
        asked = ("ticker", "type", "market", "primary_exchange")
        names = {"primary_exchange": "exchange"}
        if not all(matches(query, names.get(field, field), str(row.get(field, ""))) for field in asked):
            continue
        if search and search not in security.name.lower() and search not in str(row["ticker"]).lower():
            continue
        rows.append(row)
    return paged(query, _sorted(rows, query, "ticker", "asc"), *_TICKERS)


def ticker(market: Market, query: Query, name: str) -> Answer:
    """Answer /v3/reference/tickers/{ticker}. Raises Refusal."""
    today = _as_of(query, "date")
    for security in _listed(market, today):
        if security.kind != "options" and name_on(security, today) == name:
            row = _ticker_row(security, today) | {
                "list_date": security.listed.isoformat(),
                "round_lot": 100,
                "ticker_root": name,
            }
            return {"request_id": REQUEST_ID, "results": row, "status": "OK"}
    raise Refusal(404, "NOT_FOUND", "Ticker not found.", key="message")


def ticker_events(market: Market, query: Query, name: str) -> Answer:
    """Answer /vX/reference/tickers/{id}/events: a company's names, newest first. Raises Refusal."""
    for security in market.securities.values():
        every = {security.ticker, _figi(security), *(each.ticker for each in security.names)}
        if name not in every or security.kind != "stocks":
            continue
        changes = [(each.day, each.ticker) for each in security.names] or [(security.listed, security.ticker)]
        rows = [
            {"ticker_change": {"ticker": new}, "type": "ticker_change", "date": day.isoformat()}
            for day, new in sorted(changes, reverse=True)
        ]
        results = {
            "name": security.name,
            "composite_figi": _figi(security),
            "cik": "0000320193",
            "events": rows,
        }
        return {"request_id": REQUEST_ID, "results": results, "status": "OK"}
    raise Refusal(404, "NOT_FOUND", "Entity not found.", key="message")


def splits(market: Market, query: Query) -> Answer:
    """Answer /v3/reference/splits."""
    rows: list[dict[str, object]] = [
        {
            "execution_date": split.ex_date.isoformat(),
            "id": f"E{number:04d}{security.ticker}",
            "split_from": split.before,
            "split_to": split.after,
            "ticker": name_on(security, split.ex_date),
        }
        for security in market.securities.values()
        for number, split in enumerate(security.splits)
    ]
    return _corporate(rows, query, "execution_date")


def dividends(market: Market, query: Query) -> Answer:
    """Answer /v3/reference/dividends."""
    rows: list[dict[str, object]] = [
        {
            "cash_amount": dividend.amount,
            "currency": "USD",
            "declaration_date": (dividend.ex_date - timedelta(days=14)).isoformat(),
            "dividend_type": "CD",
            "ex_dividend_date": dividend.ex_date.isoformat(),
            "frequency": dividend.frequency,
            "id": f"D{number:04d}{security.ticker}",
            "pay_date": (dividend.ex_date + timedelta(days=10)).isoformat(),
            "record_date": dividend.ex_date.isoformat(),
            "ticker": name_on(security, dividend.ex_date),
        }
        for security in market.securities.values()
        for number, dividend in enumerate(security.dividends)
    ]
    return _corporate(rows, query, "ex_dividend_date")


def _corporate(rows: list[dict[str, object]], query: Query, day: str) -> Answer:
    found = [
        row
        for row in rows
        if matches(query, "ticker", str(row["ticker"])) and matches(query, day, str(row[day]))
    ]
    return paged(query, _sorted(found, query, day, "desc"), *_CORPORATE)


def contracts(market: Market, query: Query) -> Answer:
    """Answer /v3/reference/options/contracts."""
    today = _as_of(query, "as_of")
    expired = query.values.get("expired", "false").lower() == "true"
    rows = []
    for security in market.securities.values():
        if security.kind != "options" or security.expires is None or (security.expires < today) != expired:
            continue
        row = _contract_row(security)
        fields = ("ticker", "underlying_ticker", "contract_type", "expiration_date")
        if all(matches(query, field, str(row[field])) for field in fields) and matches(
            query, "strike_price", security.strike
        ):
            rows.append(row)
    return paged(query, _sorted(rows, query, "ticker", "asc"), *_OPTIONS)


def contract(market: Market, name: str) -> Answer:
    """Answer /v3/reference/options/contracts/{ticker}. Raises Refusal."""
    security = market.securities.get(name)
    if security is None or security.kind != "options":
        raise Refusal(404, "NOT_FOUND", "Options contract not found.", key="message")
    return {"request_id": REQUEST_ID, "results": _contract_row(security), "status": "OK"}


def _contract_row(security: Security) -> dict[str, object]:
    assert security.expires is not None
    return {
        "cfi": "OCASPS" if security.right == "call" else "OPASPS",
        "contract_type": security.right,
        "exercise_style": security.style,
        "expiration_date": security.expires.isoformat(),
        "primary_exchange": security.listing,
        "shares_per_contract": 100,
        "strike_price": int(security.strike) if security.strike == int(security.strike) else security.strike,
        "ticker": security.ticker,
        "underlying_ticker": security.underlying,
    }


def conditions(query: Query) -> Answer:
    """Answer /v3/reference/conditions."""
    wanted = query.values.get("asset_class", "")
    rows = [_condition_row(each) for each in (*STOCKS, *OPTIONS) if wanted in ("", each.asset_class)]
    if query.values.get("data_type", "trade") != "trade":
        rows = []
    return paged(query, rows, *_CONDITIONS)


def _condition_row(condition: Condition) -> dict[str, object]:
    row: dict[str, object] = {
        "id": condition.id,
        "type": condition.type,
        "name": condition.name,
        "asset_class": condition.asset_class,
        "sip_mapping": dict(condition.sip),
        "update_rules": {
            "consolidated": _rule_row(condition.consolidated),
            "market_center": _rule_row(condition.market_center),
        },
        "data_types": ["trade"],
    }
    if condition.legacy:
        row["legacy"] = True
    return row


def _rule_row(rule: Rule) -> dict[str, bool]:
    return {
        "updates_high_low": rule.high_low,
        "updates_open_close": rule.open_close,
        "updates_volume": rule.volume,
    }


def exchanges() -> Answer:
    """Answer /v3/reference/exchanges."""
    rows = [
        {
            "id": number,
            "type": kind,
            "asset_class": "stocks",
            "locale": "us",
            "name": name,
            "mic": mic,
            "operating_mic": mic,
            "participant_id": letter,
        }
        for number, name, mic, letter, kind in _EXCHANGES
    ]
    return {"results": rows, "status": "OK", "request_id": REQUEST_ID, "count": len(rows)}


def market_status(known_ns: int) -> Answer:
    """Answer /v1/marketstatus/now."""
    hours = session(day_of(known_ns))
    early = hours is not None and hours.extended_open_ns <= known_ns < hours.open_ns
    late = hours is not None and hours.close_ns <= known_ns < hours.extended_close_ns
    opened = hours is not None and hours.open_ns <= known_ns < hours.close_ns
    word = "open" if opened else "extended-hours" if early or late else "closed"
    return {
        "afterHours": late,
        "currencies": {"crypto": "open", "fx": "open"},
        "earlyHours": early,
        "exchanges": {"nasdaq": word, "nyse": word, "otc": word},
        "indicesGroups": {"s_and_p": "open" if opened else "closed"},
        "market": word,
        "serverTime": datetime.fromtimestamp(known_ns // SECOND_NS, EXCHANGE_ZONE).isoformat(),
    }


def upcoming(known_ns: int) -> list[dict[str, object]]:
    """Answer /v1/marketstatus/upcoming."""
    today = day_of(known_ns)
    rows: list[dict[str, object]] = []
    for day in (today + timedelta(days=number) for number in range(_UPCOMING_DAYS)):
        for exchange in ("NYSE", "NASDAQ"):
            if day in holidays(day.year):
                rows.append(
                    {"date": day.isoformat(), "exchange": exchange, "name": "Holiday", "status": "closed"}
                )
            elif day in early_closes(day.year):
                hours = session(day)
                assert hours is not None
                rows.append(
                    {
                        "date": day.isoformat(),
                        "exchange": exchange,
                        "name": "Early close",
                        "status": "early-close",
                        "open": _iso(hours.open_ns),
                        "close": _iso(hours.close_ns),
                    }
                )
    return rows


def name_on(security: Security, day: date) -> str:
    """Return the ticker that a company had on a day."""
    name = security.names[0].ticker if security.names else security.ticker
    for each in security.names:
        if each.day <= day:
            name = each.ticker
    return name


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // SECOND_NS, EXCHANGE_ZONE).isoformat()


def _as_of(query: Query, name: str) -> date:
    said = query.values.get(name)
    if not said:
        return day_of(query.known_ns)
    return day_said(said, f"{name} must be a date like 2025-06-16, not {said[:40]!r}")


def _listed(market: Market, day: date) -> list[Security]:
    return [security for security in market.securities.values() if security.listed <= day]


def _is_active(security: Security, day: date) -> bool:
    return security.delisted is None or day < security.delisted


def _figi(security: Security) -> str:
    return f"BBG{hash_of(security.ticker):09d}"


def hash_of(text: str) -> int:
    """Return a number of nine digits that is the same in every process."""
    return crc32(text.encode()) % 10**9


def _ticker_row(security: Security, day: date) -> dict[str, object]:
    row: dict[str, object] = {
        "ticker": name_on(security, day),
        "name": security.name,
        "market": security.kind,
        "locale": "us",
        "active": _is_active(security, day),
    }
    if security.kind == "stocks":
        row |= {
            "primary_exchange": security.listing,
            "type": security.type,
            "currency_name": "usd",
            "composite_figi": _figi(security),
            "last_updated_utc": f"{day.isoformat()}T00:00:00Z",
        }
    else:
        row["source_feed"] = "CMEMarketDataPlatform"
    if security.delisted is not None and not row["active"]:
        row["delisted_utc"] = f"{security.delisted.isoformat()}T00:00:00Z"
    return row


def _sorted(rows: list[dict[str, object]], query: Query, default: str, order: str) -> list[dict[str, object]]:
    field = query.values.get("sort") or default
    ascends = (query.values.get("order") or order) == "asc"
    return sorted(
        rows, key=lambda row: (str(row.get(field, "")), str(row.get("ticker", ""))), reverse=not ascends
    )
