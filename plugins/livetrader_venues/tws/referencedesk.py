"""What does not change: contracts and their rules, the time, and requests that a peer has nothing to say
to.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.orderdesk import NOT_FOUND
from livetrader_venues.tws.replies import contract_details, plain, reply
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.settings import SECOND_NS
from livetrader_venues.tws.switchboard import Session, Switchboard

MATCHES_LIMIT = 16  # what TWS answers to a pattern at most
HOURS_DAYS = 6
_RULES = {26: (("0", "0.01"),), 239: (("0", "0.00005"),)}


class ReferenceDesk:
    """Answers about contracts."""

    def __init__(self, board: Switchboard, exchange: Exchange) -> None:
        self._board = board
        self._exchange = exchange
        self.handlers: dict[str, Callable[[Session, Request], None]] = {
            "reqContractDetails": self._details,
            "reqMatchingSymbols": self._matching,
            "reqSecDefOptParams": self._chain,
            "reqMarketRule": self._rule,
            "reqCurrentTime": self._time,
            "reqFundamentalData": self._no_fundamentals,
            "cancelFundamentalData": lambda s, r: None,
            "requestFA": self._advisor,
            "reqFamilyCodes": lambda s, r: self._board.send(s, reply("familyCodes", 0)),
            "reqMktDepthExchanges": lambda s, r: self._board.send(s, reply("mktDepthExchanges", 0)),
            "reqNewsProviders": lambda s, r: self._board.send(s, reply("newsProviders", 0)),
            "reqUserInfo": lambda s, r: self._board.send(s, reply("userInfo", r.request_id, "")),
            "setServerLogLevel": lambda s, r: None,
        }

    def _details(self, session: Session, request: Request) -> None:
        request_id = request.request_id
        found = self._exchange.catalogue.found(request.values.fields)
        if not found:
            self._board.tell(session, *NOT_FOUND, request_id)
            return
        hours = self._hours()
        for contract in found:
            under = self._exchange.catalogue.get(contract.under_id)
            symbol = under.symbol if under is not None else ""
            reply_ = contract_details(session.speaks, request_id, contract, hours, symbol)
            self._board.send(session, reply_)
        self._board.send(session, reply("contractDetailsEnd", 1, request_id))

    def _hours(self) -> str:
        """Return regular hours for the coming days, as TWS writes them; the calendar knows weekends only."""
        today = datetime.fromtimestamp(self._board.now_ns // SECOND_NS, UTC).date()
        days = [today + timedelta(days=number) for number in range(HOURS_DAYS)]
        return ";".join(
            f"{day:%Y%m%d}:CLOSED" if day.weekday() > 4 else f"{day:%Y%m%d}:0930-{day:%Y%m%d}:1600"
            for day in days
        )

    def _matching(self, session: Session, request: Request) -> None:
        pattern = request.values.text("pattern").upper()
        found = [each for each in self._exchange.catalogue if _matches(each, pattern)][:MATCHES_LIMIT]
        fields: list[object] = [request.request_id, len(found)]
        for contract in found:
            fields += [contract.con_id, contract.symbol, contract.security_type, contract.primary_exchange]
            fields += [contract.currency, 1, "OPT"]
            if session.speaks >= 176:
                fields += [contract.long_name, ""]
        self._board.send(session, reply("symbolSamples", *fields))

    def _chain(self, session: Session, request: Request) -> None:
        request_id, under_id = request.request_id, request.values.whole("underlyingConId")
        options = [each for each in self._exchange.catalogue if each.under_id == under_id and under_id]
        if options:
            first = options[0]
            expiries = sorted({each.last_trade_date for each in options})
            strikes = sorted({each.strike for each in options})
            fields = [request_id, first.exchange, under_id, first.trading_class, first.multiplier]
            fields += [len(expiries), *expiries, len(strikes), *(plain(strike) for strike in strikes)]
            self._board.send(session, reply("securityDefinitionOptionParameter", *fields))
        self._board.send(session, reply("securityDefinitionOptionParameterEnd", request_id))

    def _rule(self, session: Session, request: Request) -> None:
        number = request.values.whole("marketRuleId")
        rows = _RULES.get(number)
        if rows is None:
            self._board.tell(session, 321, f"Invalid market rule id: {number}")
            return
        fields = [field for row in rows for field in row]
        self._board.send(session, reply("marketRule", number, len(rows), *fields))

    def _time(self, session: Session, request: Request) -> None:
        self._board.send(session, reply("currentTime", 1, self._board.now_ns // SECOND_NS))

    def _no_fundamentals(self, session: Session, request: Request) -> None:
        text = "We are sorry, but fundamentals data for the security specified is not available."
        self._board.tell(session, 430, text, request.request_id)

    def _advisor(self, session: Session, request: Request) -> None:
        """Tell the accounts as one group; a login with a single account is no advisor's."""
        if len(self._exchange.accounts) < 2:
            self._board.tell(
                session, 321, "Error validating request.-'bN' : cause - FA data operations ignored"
            )
            return
        names = "".join(f"<String>{name}</String>" for name in self._exchange.accounts)
        xml = (
            "<?xml version='1.0' encoding='UTF-8'?><ListOfGroups><Group><name>All</name>"
            f"<ListOfAccts varName='list'>{names}</ListOfAccts><defaultMethod>NetLiq</defaultMethod></Group>"
            "</ListOfGroups>"
        )
        self._board.send(session, reply("receiveFA", 1, request.values.whole("kind"), xml))


def _matches(contract: Contract, pattern: str) -> bool:
    return contract.security_type == "STK" and (
        contract.symbol.startswith(pattern) or pattern in contract.long_name.upper()
    )
