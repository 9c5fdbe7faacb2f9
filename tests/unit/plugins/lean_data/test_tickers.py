"""Finding map files by ticker and securities by other registries' identifiers, in a folder made for it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from livetrader_engine.symbols import SecurityType, Symbol
from livetrader_plugins.lean_data.client import DataFolder
from livetrader_plugins.lean_data.reference import LeanReference

EQUITY = SecurityType.EQUITY


@pytest.fixture
def reports() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def reference(tmp_path: Path, reports: list[tuple[str, str]]) -> LeanReference:
    maps = tmp_path / "equity" / "usa" / "map_files"
    maps.mkdir(parents=True)
    (maps / "goog.csv").write_text("20140327,goocv,Q\n20140402,goocv,Q\n20501231,goog,Q\n")
    (maps / "aaa.1.csv").write_text("20020522,aaa,N\n20070518,aaa,N\n")
    (maps / "bad.csv").write_text("not a map file\n")
    factors = tmp_path / "equity" / "usa" / "factor_files"
    factors.mkdir()
    (factors / "goog.csv").write_text("nonsense\n")
    (factors / "aaa.1.csv").write_text("20050101,0.5,1,10\n20501231,1,1,0\n")
    ids = tmp_path / "symbol-properties"
    ids.mkdir()
    (ids / "security-database.csv").write_text(
        "# made up\nGOOCV VP83T1ZUHROL,38259P70,BBG002W96FT9,BKM4JZ7,US38259P7069,\nno identifier,1,2,3,4,5\n"
    )
    return LeanReference(DataFolder(tmp_path, lambda action, text: reports.append((action, text))))


@pytest.mark.parametrize(
    ("ticker", "identifier"),
    [
        ("GOOG", "GOOCV VP83T1ZUHROL"),
        ("GOOCV", "GOOCV VP83T1ZUHROL"),  # a former ticker is in another's file
        ("AAA.1", "AAA SEVKGI6HF885"),
        ("AAA", "AAA SEVKGI6HF885"),
        ("NONE", "NONE 2T"),  # no map file: no first date
    ],
)
def test_every_ticker_a_security_ever_had_finds_it(
    reference: LeanReference, ticker: str, identifier: str
) -> None:
    assert reference.symbol(ticker, EQUITY, "usa").id == identifier


def test_a_factor_file_goes_by_the_name_of_the_map_file(reference: LeanReference) -> None:
    factors = reference.factor_file(reference.symbol("AAA.1", EQUITY, "usa"))
    assert factors is not None
    assert factors.days == (date(2005, 1, 1), date(2050, 12, 31))


def test_a_file_that_cannot_be_read_is_reported_and_counts_as_missing(
    reference: LeanReference, reports: list[tuple[str, str]]
) -> None:
    assert reference.symbol("BAD", EQUITY, "usa").id == "BAD 2T"
    assert reference.factor_file(reference.symbol("GOOG", EQUITY, "usa")) is None
    assert {action for action, _ in reports} == {"map_file_unreadable", "factor_file_unreadable"}
    assert any("bad.csv" in text for _, text in reports)
    assert any("factor_files/goog.csv" in text for _, text in reports)


@pytest.mark.parametrize(
    ("day", "ticker"), [(date(2014, 4, 2), "GOOCV"), (date(2014, 4, 3), "GOOG"), (date(2021, 9, 9), "GOOG")]
)
def test_a_cusip_finds_the_security_under_its_ticker_of_the_day(
    reference: LeanReference, day: date, ticker: str
) -> None:
    (found,) = reference.symbols_with_id("cusip", "38259p70", day)
    assert (found.value, found.id) == (ticker, "GOOCV VP83T1ZUHROL")
    assert reference.security_id(found, "isin") == "US38259P7069"
    assert reference.ticker_on(reference.symbol("GOOG", EQUITY, "usa"), day) == ticker


def test_what_no_registry_tells_is_none(reference: LeanReference, reports: list[tuple[str, str]]) -> None:
    goog = Symbol.create("GOOCV VP83T1ZUHROL", "GOOG", EQUITY, "usa")
    assert reference.security_id(goog, "cik") is None
    assert reference.security_id(reference.symbol("AAA", EQUITY, "usa"), "cusip") is None
    assert list(reference.symbols_with_id("cusip", "", date(2021, 9, 9))) == []
    assert reports[0][0] == "security_id_unreadable"
    assert "row 3" in reports[0][1]
