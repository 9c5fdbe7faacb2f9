"""parity.csv says what is true of the class."""

from __future__ import annotations

import pytest

from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import pascal, snake
from livetrader_lean.parity import OFFERED, members

MEMBERS = sorted({member.name: member for member in members().values()}.values())


def test_the_table_covers_the_lean_members_that_matter() -> None:
    assert len(MEMBERS) > 340
    assert {member.status for member in MEMBERS} == {"done", "partial", "missing", "refused"}
    for name in ("SetHoldings", "AddEquity", "Train", "Schedule", "History", "SMA"):
        assert members()[name].status in OFFERED


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_status_and_class_agree(member: object) -> None:
    name, kind, status, _ = member  # type: ignore[misc]
    there = hasattr(QCAlgorithm, snake(name)) or hasattr(QCAlgorithm, name)
    assert there is (status in OFFERED)
    if there:
        return
    algorithm = object.__new__(QCAlgorithm)
    for spelling in (name, snake(name)):
        with pytest.raises(NotInLivetrader, match=spelling):
            if kind == "property":
                getattr(algorithm, spelling)
            else:
                getattr(algorithm, spelling)("SPY")


def test_names_that_lean_does_not_have_are_attribute_errors_of_the_users() -> None:
    algorithm = object.__new__(QCAlgorithm)
    with pytest.raises(AttributeError, match="neither the algorithm nor LEAN"):
        algorithm.my_model  # noqa: B018
    assert not hasattr(algorithm, "my_model")
    assert pascal("set_alpha") in members()
