"""A security as an algorithm sees it, without a run around it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from livetrader_engine.securities import Security as CoreSecurity
from livetrader_engine.securities import SecurityProperties
from livetrader_lean.binding import Binding
from livetrader_lean.securities import Security
from tests.unit.engine.data.streams import SPY, US


@pytest.fixture
def security() -> Any:
    """A security whose properties ask no engine."""
    return Security(cast("Binding", None), CoreSecurity(SPY, SecurityProperties(), US))


def test_what_an_algorithm_keeps_with_a_security_stays(security: Any) -> None:
    security.my_average = 3
    security["fee_model"] = "a note"
    assert security.my_average == security.get("my_average") == 3
    assert security["fee_model"] == "a note"
