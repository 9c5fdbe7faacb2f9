"""Settings of LEAN that are accepted and change nothing here, each with its reason."""

from __future__ import annotations

from typing import Any

from livetrader_lean.algorithm.part import Part


class SettingsMixin(Part):
    """Accepted so that algorithms run unmodified; parity.csv lists each as partial."""

    def set_benchmark(self, *benchmark: Any) -> None:
        """Accept a benchmark: no statistic here is relative to one."""

    def set_brokerage_model(self, *model: Any) -> None:
        """Accept a brokerage model: the account decides what is possible, fees are Interactive Brokers'."""

    def set_account_currency(self, currency: str, cash: float | None = None) -> None:
        """Accept the account's own currency. Raises NotInLivetrader for another."""
        from livetrader_lean.errors import NotInLivetrader

        held = self._lean.engine.portfolio.cash.account_currency
        if str(currency).upper() != held:
            raise NotInLivetrader(f"set_account_currency({currency!r})", f"the account is in {held}")
