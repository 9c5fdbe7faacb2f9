"""Contracts found at the TWS peer through both libraries, and remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from livetrader_engine.spi import Context, VenueError
from livetrader_engine.symbols import NS_PER_DAY, SecurityType, Symbol
from livetrader_plugins.ibkr import resolver as module
from livetrader_plugins.ibkr.contracts import Description, contract_of, opaque_number, opaque_symbol
from livetrader_plugins.ibkr.library import Contract, ContractDetails
from livetrader_plugins.ibkr.resolver import FILE_NAME, Resolver
from livetrader_venues.tws.contracts import Catalogue, standard, stock
from livetrader_venues.tws.contracts import Contract as Listed
from tests.ibkr.test_contracts import future, option
from tests.ibkr.wires import BTCUSD, CLIENTS, EURUSD, START_NS, Wire, equity, plain

BOND = Listed(900, "T", "BOND", "SMART", "USD", "T 4 1/2 02/15/36", "T", Decimal(99))
IN_LONDON = replace(stock(901, "VUSD", "LSEETF", "90", "VANGUARD S&P 500 ETF"), exchange="SMART")
COIN = Listed(902, "LTC", "CRYPTO", "ZEROHASH", "USD", "LTC.USD", "LTC", Decimal(80))
AT_NYSE, AT_PINK = stock(903, "ABC", "NYSE", "10", "ABC INC"), stock(904, "ABC", "PINK", "1", "ABC PLC-ADR")
MORE = [BOND, IN_LONDON, COIN, AT_NYSE, AT_PINK]


@dataclass
class Desk:
    """A resolver, the wire it asks over, and what it did."""

    wire: Wire
    directory: Path
    asked: int = 0
    silent: bool = False
    now_ns: int = START_NS
    reports: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    primary: dict[str, str] = field(default_factory=dict)

    def resolver(self) -> Resolver:
        return Resolver(self.wire.library, self.ask, self.context(), self.primary)

    def context(self) -> Context:
        def spawn(name: str, coroutine: Coroutine[object, object, None]) -> None:
            raise AssertionError("a resolver starts nothing")

        return Context(
            name="ibkr", state_directory=self.directory, data_folder=None, now_ns=lambda: self.now_ns,
            monotonic_s=lambda: 0.0, random=Random(1), spawn=spawn,
            report=lambda action, **fields: self.reports.append((action, fields)),
        )  # fmt: skip

    async def ask(self, contract: Contract) -> Sequence[ContractDetails]:
        """What the session does: collect up to the end marker; nothing for 200, VenueError for silence."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.silent:
            raise VenueError("reqContractDetails was not answered to its end within 30 s")
        number = 1_000_000 + self.asked
        self.wire.messages.clear()
        self.wire.call("reqContractDetails", number, contract)
        ends = [a for a in self.wire.named("contractDetailsEnd") if a[0] == number]
        assert ends or 200 in self.wire.codes()
        return [a[1] for a in self.wire.named("contractDetails") if a[0] == number]


@pytest.fixture(params=CLIENTS, ids=lambda param: f"{param[0]}-{param[1]}")
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    return Desk(Wire(*request.param, catalogue=Catalogue([*standard(), *MORE])), tmp_path)


def held(desk: Desk, con_id: int) -> Contract:
    """Return a contract as a position shows it: without an exchange."""
    listed = desk.wire.gateway.exchange.catalogue.get(con_id)
    assert listed is not None
    return contract_of(
        desk.wire.library,
        Description(
            listed.security_type, listed.symbol, currency=listed.currency, expiry=listed.last_trade_date,
            strike=listed.strike, right=listed.right, multiplier=listed.multiplier,
            trading_class=listed.trading_class, local_symbol=listed.local_symbol, con_id=con_id,
        ),
    )  # fmt: skip


KINDS = [
    (equity("SPY"), 756733, "0.01"),
    (equity("BRK.B"), 72063691, "0.01"),
    (EURUSD, 12087792, "0.00005"),
    (BTCUSD, 479624278, "0.01"),
    (plain("SPX", SecurityType.INDEX, "usa"), 416904, "0.01"),
    (future(day=date(2027, 6, 18)), 700000002, "0.25"),
    (option("95", date(2027, 2, 19)), 700000113, "0.01"),
]


@pytest.mark.parametrize(("symbol", "con_id", "tick"), KINDS, ids=lambda v: getattr(v, "value", ""))
def test_every_kind_is_found_by_symbol_and_the_symbol_by_its_number(
    desk: Desk, symbol: Symbol, con_id: int, tick: str
) -> None:
    async def scenario() -> None:
        found = await desk.resolver().resolve(symbol)
        listing = await (finder := desk.resolver()).listing(symbol)
        assert found.conId == listing.description.con_id == con_id
        assert listing.minimum_tick == Decimal(tick) and "LMT" in listing.order_types
        assert finder.known_symbol(held(desk, con_id)) is symbol
        assert await desk.resolver().symbol_of(held(desk, con_id)) is symbol

    asyncio.run(scenario())


def test_ib_is_asked_once_and_not_after_a_restart(desk: Desk) -> None:
    async def scenario() -> None:
        first = desk.resolver()
        await asyncio.gather(*(first.resolve(equity("SPY")) for _ in range(10)))
        assert desk.asked == 1
        second = desk.resolver()
        await second.load()
        again = await second.resolve(equity("SPY"))
        assert (again.conId, again.primaryExchange, desk.asked) == (756733, "ARCA", 1)
        assert second.known_symbol(held(desk, 756733)) is equity("SPY")
        contract = second.known_contract(equity("SPY"))
        assert contract is not None and contract.conId == 756733
        assert second.known_contract(equity("QQQ")) is None

    asyncio.run(scenario())
    assert desk.reports == []


def test_an_unknown_contract_is_told_with_what_was_asked(desk: Desk) -> None:
    with pytest.raises(VenueError, match=r"no contract for NOSUCH \(STK NOSUCH @ SMART in USD\): check"):
        asyncio.run(desk.resolver().resolve(equity("NOSUCH")))


def test_an_ambiguous_stock_names_its_candidates_and_the_setting_that_decides(desk: Desk) -> None:
    with pytest.raises(VenueError) as caught:
        asyncio.run(desk.resolver().resolve(equity("ABC")))
    words = str(caught.value)
    assert (
        "SMART/NYSE" in words and "SMART/PINK" in words and 'primary_exchanges = { "ABC" = "NYSE" }' in words
    )
    desk.primary["ABC"] = "PINK"
    assert asyncio.run(desk.resolver().resolve(equity("ABC"))).conId == 904


def test_a_stock_of_the_states_is_meant_where_another_country_has_one_too(desk: Desk) -> None:
    here = stock(905, "VUSD", "NYSE", "10", "ANOTHER")
    desk.wire = Wire(desk.wire.library.name, 176, catalogue=Catalogue([IN_LONDON, here]))
    assert asyncio.run(desk.resolver().resolve(equity("VUSD"))).conId == 905


def test_crypto_is_found_at_the_other_exchange_too(desk: Desk) -> None:
    symbol = plain("LTCUSD", SecurityType.CRYPTO, "coinbase")
    assert asyncio.run(desk.resolver().resolve(symbol)).exchange == "ZEROHASH"


def test_what_has_no_name_is_held_and_can_be_traded_by_its_number(desk: Desk) -> None:
    async def scenario() -> None:
        for listed in (BOND, IN_LONDON):
            finder = desk.resolver()
            symbol = await finder.symbol_of(held(desk, listed.con_id))
            assert opaque_number(symbol) == listed.con_id
            fresh = Symbol.parse(symbol.text)  # as the journal has it
            (desk.directory / FILE_NAME).unlink()
            contract = await desk.resolver().resolve(fresh)
            assert (contract.conId, contract.secType, contract.exchange) == (
                listed.con_id, listed.security_type, "SMART",
            )  # fmt: skip

    asyncio.run(scenario())


def test_two_contracts_never_share_a_symbol(desk: Desk) -> None:
    async def scenario() -> None:
        finder = desk.resolver()
        first = await finder.symbol_of(held(desk, 903))
        second = await finder.symbol_of(held(desk, 904))
        assert first is equity("ABC") and opaque_number(second) == 904

    asyncio.run(scenario())


def test_silence_is_no_answer_and_no_contract(desk: Desk) -> None:
    desk.silent = True
    with pytest.raises(VenueError, match="not answered"):
        asyncio.run(desk.resolver().resolve(equity("SPY")))


def test_an_account_is_shown_whole_although_ib_does_not_tell_its_contracts(desk: Desk) -> None:
    """Or a broken data farm would keep the kill switch from seeing positions."""
    desk.silent = True

    async def scenario() -> None:
        finder = desk.resolver()
        assert await finder.symbol_of(held(desk, 756733)) is equity("SPY")
        assert await finder.symbol_of(held(desk, 272093)) is equity("MSFT")
        assert desk.asked == 1  # the others are not waited for one by one
        assert [action for action, _ in desk.reports] == ["contract_not_asked"]
        contract = await finder.resolve(equity("SPY"))  # sold with what the position says
        assert (contract.conId, contract.exchange) == (756733, "SMART")
        desk.silent = False
        assert (await finder.listing(equity("SPY"))).minimum_tick == Decimal("0.01")
        restarted = desk.resolver()
        await restarted.load()  # a guess is not kept
        assert restarted.known_contract(equity("MSFT")) is None

    asyncio.run(scenario())


def test_what_is_a_week_old_is_asked_again_and_holds_where_nobody_answers(desk: Desk) -> None:
    async def scenario() -> None:
        finder = desk.resolver()
        await finder.resolve(equity("SPY"))
        desk.now_ns += 8 * NS_PER_DAY
        desk.silent = True
        assert (await finder.resolve(equity("SPY"))).conId == 756733
        assert desk.asked == 2
        desk.silent = False
        another = stock(999, "SPY", "ARCA", "5", "A NEW SPY")
        old = stock(756733, "SPYO", "ARCA", "100", "SPDR S&P 500")
        desk.wire = Wire(desk.wire.library.name, 176, catalogue=Catalogue([another, old]))
        assert (await finder.resolve(equity("SPY"))).conId == 999
        assert finder.known_symbol(held(desk, 756733)) is None  # the old shares are not the new ones
        assert await finder.symbol_of(held(desk, 756733)) is equity("SPYO")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"\xff\xfe", b'{"version": 1, "entries": [{"symbol": "nonsense"}]}', b"[" * 100_000],
    ids=["empty", "cut", "binary", "misshapen", "deep"],
)
def test_a_damaged_file_is_set_aside_and_everything_asked_anew(desk: Desk, damage: bytes) -> None:
    path = desk.directory / FILE_NAME
    path.write_bytes(damage)

    async def scenario() -> None:
        finder = desk.resolver()
        await finder.load()
        assert (await finder.resolve(equity("SPY"))).conId == 756733
        after = desk.resolver()
        await after.load()
        assert after.known_contract(equity("SPY")) is not None

    asyncio.run(scenario())
    assert [action for action, _ in desk.reports] == ["contract_cache_set_aside"]
    assert path.with_suffix(".unreadable").read_bytes() == damage


def test_a_symbol_in_the_file_that_cannot_be_one_sets_the_file_aside(desk: Desk) -> None:
    asyncio.run(desk.resolver().resolve(equity("SPY")))
    path = desk.directory / FILE_NAME
    path.write_bytes(path.read_bytes().replace(b"\\t1\\t", b"\\t99\\t"))
    finder = desk.resolver()
    asyncio.run(finder.load())
    assert finder.known_contract(equity("SPY")) is None
    assert [action for action, _ in desk.reports] == ["contract_cache_set_aside"]


def test_a_file_too_large_and_one_of_another_version_are_not_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(desk.resolver().resolve(equity("SPY")))
    path = desk.directory / FILE_NAME
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2'))
    finder = desk.resolver()
    asyncio.run(finder.load())
    assert finder.known_contract(equity("SPY")) is None and desk.reports == []
    monkeypatch.setattr(module, "FILE_LIMIT", 10)
    asyncio.run(desk.resolver().load())
    assert "larger than 10 bytes" in str(desk.reports[0][1]["error"])


def test_a_disk_that_refuses_costs_nothing_but_a_question(desk: Desk) -> None:
    desk.directory = desk.directory / "missing"

    async def scenario() -> None:
        finder = desk.resolver()
        await finder.load()
        assert (await finder.resolve(equity("SPY"))).conId == 756733

    asyncio.run(scenario())
    assert [action for action, _ in desk.reports] == ["contract_cache_not_written"]


def test_no_more_contracts_are_kept_than_there_is_room_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CAPACITY", 2)

    async def scenario() -> None:
        finder = desk.resolver()
        for ticker in ("SPY", "QQQ", "IBM"):
            await finder.resolve(equity(ticker))
        assert finder.known_contract(equity("SPY")) is None
        assert finder.known_symbol(held(desk, 756733)) is None
        assert finder.known_contract(equity("QQQ")) is not None

    asyncio.run(scenario())


def test_news_of_a_contract_that_nobody_asked_about_has_a_symbol_at_once(desk: Desk) -> None:
    async def scenario() -> None:
        finder = desk.resolver()
        traded = held(desk, 8314)
        traded.exchange = "DRCTEDGE"  # where it was executed
        assert finder.symbol_now(traded) is equity("IBM") and desk.asked == 0
        assert await finder.symbol_of(held(desk, 8314)) is equity("IBM") and desk.asked == 0
        assert (await finder.resolve(equity("IBM"))).exchange == "SMART"
        bag = contract_of(desk.wire.library, Description("BAG", "SPY", con_id=28812380))
        assert opaque_number(finder.symbol_now(bag)) == 28812380

    asyncio.run(scenario())


def test_a_contract_without_a_number_is_opaque_and_asks_nothing(desk: Desk) -> None:
    bag = Description("BAG", "SPY", currency="USD", con_id=28812380)
    symbol = asyncio.run(desk.resolver().symbol_of(contract_of(desk.wire.library, bag)))
    assert symbol is opaque_symbol(bag) and desk.asked == 0


def test_futures_of_one_day_are_told_apart_by_their_class(desk: Desk) -> None:
    silver = Listed(
        910, "SI", "FUT", "COMEX", "USD", "SIH7", "SI", Decimal(30), last_trade_date="20270326",
        multiplier="5000",
    )  # fmt: skip
    small = replace(silver, con_id=911, local_symbol="SILH7", trading_class="SIL", multiplier="1000")
    desk.wire = Wire(desk.wire.library.name, 176, catalogue=Catalogue([small, silver]))
    found: Any = asyncio.run(desk.resolver().resolve(future("SI", "comex", date(2027, 3, 26))))
    assert found.conId == 910
