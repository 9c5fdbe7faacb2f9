"""Security initializers and seeders: what securities get when they are added."""

from __future__ import annotations

from typing import Any, ClassVar

from livetrader_engine.errors import AlgorithmError
from livetrader_lean.market import BaseData
from livetrader_lean.names import Twins, hook
from livetrader_lean.reality.calls import method


class SecuritySeeder(Twins):
    """Base of seeders; `SecuritySeeder.NULL` seeds nothing."""

    NULL: ClassVar[SecuritySeeder]
    Null: ClassVar[SecuritySeeder]

    @hook
    def seed_security(self, security: Any) -> bool:
        """Give a security its first price; return whether there was one."""
        return True


SecuritySeeder.NULL = SecuritySeeder.Null = SecuritySeeder()


class FuncSecuritySeeder(SecuritySeeder):
    """Takes the first price, or prices, from a function(security)."""

    def __init__(self, seed_function: Any) -> None:
        if not callable(seed_function):
            raise AlgorithmError(f"FuncSecuritySeeder takes a function(security), not {seed_function!r}")
        self._seed = seed_function

    @hook
    def seed_security(self, security: Any) -> bool:
        """Give a security what the function returns; return whether that was anything."""
        found = self._seed(security)
        points = [found] if isinstance(found, BaseData) else [*(found or ())]
        for point in points:
            security.set_market_price(point)
        return bool(points)


class FuncSecurityInitializer(Twins):
    """Calls a function with each security."""

    def __init__(self, initializer: Any) -> None:
        self._call = initializer

    @hook
    def initialize(self, security: Any) -> None:
        """Call the function."""
        self._call(security)


class CompositeSecurityInitializer(Twins):
    """Calls several initializers in their order."""

    def __init__(self, *initializers: Any) -> None:
        self.initializers = list(initializers)

    @hook
    def initialize(self, security: Any) -> None:
        """Call every one."""
        for initializer in self.initializers:
            method(initializer, "initialize")(security)


class BrokerageModelSecurityInitializer(Twins):
    """Gives securities the models of a brokerage model, and a first price by a seeder."""

    def __init__(self, brokerage_model: Any = None, security_seeder: Any = None) -> None:
        self._brokerage_model, self._seeder = brokerage_model, security_seeder

    @hook
    def initialize(self, security: Any) -> None:
        """Give a security its models and its price."""
        if self._brokerage_model is not None:
            security._binding.reality.apply(self._brokerage_model, security)
        if self._seeder is not None:
            method(self._seeder, "seed_security")(security)
