"""How a numbered case becomes a pytest test: async body, sync test, a reason where it does not apply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

import pytest


class Harness(Protocol):
    """What every harness has: the plugin's name, for messages."""

    name: str


AnyHarness = TypeVar("AnyHarness", bound=Harness)
Kit = TypeVar("Kit")


def case(
    number: str, needs: Callable[[AnyHarness], str | None] = lambda _harness: None
) -> Callable[[Callable[[Kit, AnyHarness], Coroutine[Any, Any, None]]], Callable[[Kit, AnyHarness], None]]:
    """Make an async method `(self, harness)` a test of this number.

    `needs` returns why the case does not apply to this harness, None where it applies; a case that does
    not apply is skipped with that reason. The body runs on an event loop of its own.
    """

    def decorate(
        body: Callable[[Kit, AnyHarness], Coroutine[Any, Any, None]],
    ) -> Callable[[Kit, AnyHarness], None]:
        def test(self: Kit, harness: AnyHarness) -> None:
            reason = needs(harness)
            if reason is not None:
                pytest.skip(f"{number} does not apply to {harness.name}: {reason}")
            asyncio.run(body(self, harness))

        test.__name__ = body.__name__
        test.__qualname__ = body.__qualname__
        test.__doc__ = f"{number}: {body.__doc__}"
        test.__module__ = body.__module__
        return test

    return decorate
