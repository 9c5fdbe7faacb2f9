"""Saves, promotions, rollbacks and deaths in any order, compared with a naive model after every step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from livetrader.models.catalog import LOG_KEPT, Catalog, Retention
from livetrader.models.records import version_key
from livetrader_engine.models import ModelRefusedError
from tests.unit.models.test_catalog import draft
from tests.unit.models.world import Crash, DictStore, World

KEEP = 3
WRITES = 14  # more than one action makes


@dataclass
class Naive:
    """What must be true, kept in plain lists: `line` are versions that may serve, the serving one first."""

    contents: dict[int, bytes] = field(default_factory=dict)
    line: list[int] = field(default_factory=list)
    serves: bool = False
    bad: set[int] = field(default_factory=set)
    last_number: int = 0

    @property
    def serving(self) -> int | None:
        return self.line[0] if self.serves else None

    def save(self, content: bytes) -> int:
        number = max([self.last_number, *self.contents]) + 1
        self.contents[number] = content
        return number

    def decide_on_save(self, number: int, promote: bool) -> None:
        self.last_number = max(self.last_number, number)
        if promote:
            self.promote(number)
        spared = set(sorted(self.contents)[-KEEP:]) | set(self.line[: 2 if self.serves else 1])
        for old in [each for each in self.contents if each not in spared]:
            self.drop(old)

    def promote(self, number: int) -> None:
        self.line = [number, *(each for each in self.line if each != number)]
        self.bad.discard(number)
        self.serves = True

    def roll_back(self) -> None:
        if self.serves:
            self.line.pop(0)
        self.serves = True

    def condemn(self, number: int) -> None:
        served = self.serving == number
        self.line = [each for each in self.line if each != number]
        self.bad.add(number)
        if served:
            self.serves = bool(self.line)

    def drop(self, number: int) -> None:
        del self.contents[number]
        self.line = [each for each in self.line if each != number]
        self.bad.discard(number)
        self.last_number = max(self.last_number, number)

    def seen(self) -> object:
        return self.contents, self.serving, self.line, self.bad


class Registries(RuleBasedStateMachine):
    """Two processes on one store; each may die at any write, before or after it took effect."""

    @initialize()
    def begin(self) -> None:
        self.world = World(retention=Retention(versions=KEEP, orphan_age_ns=0))
        self.naive = Naive()
        self.contents = 0

    def store(self) -> DictStore:
        assert isinstance(self.world.store, DictStore)
        return self.world.store

    def act(
        self, action: Callable[[Catalog], object], stages: Iterator[Naive], death: int, early: bool
    ) -> None:
        """Carry an action out; `stages` may be true where it dies on the way, the last where it does not."""
        self.store().crash_after, self.store().crash_early = (death if death < WRITES else None), early
        possible = [copy.deepcopy(self.naive), *(copy.deepcopy(stage) for stage in stages)]
        try:
            action(self.world.catalog())
            possible = possible[-1:]
        except Crash:
            pass
        self.store().crash_after = None
        seen = self.seen()
        matching = [naive for naive in possible if naive.seen() == seen]
        assert matching, (seen, [naive.seen() for naive in possible])
        self.naive = matching[-1]

    def seen(self) -> object:
        catalog = self.world.catalog()
        state = catalog.state("spy")
        found = {n: catalog.content(catalog.manifest("spy", n)[0]) for n in catalog.numbers("spy")}
        serving = [] if state.serving is None else [state.serving]
        return found, state.serving, [*serving, *state.history], set(state.bad)

    @rule(promote=st.booleans(), death=st.integers(1, 2 * WRITES), early=st.booleans())
    def save(self, promote: bool, death: int, early: bool) -> None:
        self.contents += 1
        content = f"content {self.contents}".encode()

        def stages() -> Iterator[Naive]:
            naive = copy.deepcopy(self.naive)
            number = naive.save(content)
            yield naive
            naive.decide_on_save(number, promote)
            yield naive

        self.act(lambda catalog: catalog.add(draft(), content, promote), stages(), death, early)

    @rule(place=st.integers(0, 9), death=st.integers(1, 2 * WRITES), early=st.booleans())
    def promote(self, place: int, death: int, early: bool) -> None:
        numbers = sorted(set(self.naive.contents) - self.naive.bad)
        if not numbers:
            return
        number = numbers[place % len(numbers)]

        def stages() -> Iterator[Naive]:
            naive = copy.deepcopy(self.naive)
            naive.promote(number)
            yield naive

        self.act(lambda catalog: catalog.promote("spy", number, ""), stages(), death, early)

    @rule(death=st.integers(1, 2 * WRITES), early=st.booleans())
    def roll_back(self, death: int, early: bool) -> None:
        left = self.naive.line[1:] if self.naive.serves else self.naive.line
        if not left:
            try:
                self.world.catalog().rollback("spy", None, "")
            except ModelRefusedError:
                return
            raise AssertionError("it rolled back to nothing")

        def stages() -> Iterator[Naive]:
            naive = copy.deepcopy(self.naive)
            naive.roll_back()
            yield naive

        self.act(lambda catalog: catalog.rollback("spy", None, ""), stages(), death, early)

    @rule(place=st.integers(0, 9), death=st.integers(1, 2 * WRITES), early=st.booleans())
    def condemn(self, place: int, death: int, early: bool) -> None:
        numbers = sorted(set(self.naive.contents) - self.naive.bad)
        if not numbers:
            return
        number = numbers[place % len(numbers)]

        def stages() -> Iterator[Naive]:
            naive = copy.deepcopy(self.naive)
            naive.condemn(number)
            yield naive

        self.act(lambda catalog: catalog.mark_bad("spy", number, "NaN"), stages(), death, early)

    @rule(place=st.integers(0, 9), death=st.integers(1, 2 * WRITES), early=st.booleans())
    def remove(self, place: int, death: int, early: bool) -> None:
        in_use = self.naive.line[: 2 if self.naive.serves else 1]
        numbers = sorted(set(self.naive.contents) - set(in_use))
        if not numbers:
            return
        number = numbers[place % len(numbers)]

        def stages() -> Iterator[Naive]:
            naive = copy.deepcopy(self.naive)
            naive.drop(number)
            yield naive

        self.act(lambda catalog: catalog.remove("spy", [number]), stages(), death, early)

    @invariant()
    def nothing_leaks(self) -> None:
        if not hasattr(self, "world"):
            return
        catalog = self.world.catalog()
        catalog.collect("spy")
        wanted = {version_key("spy", number) for number in self.naive.contents}
        wanted |= {"_models/spy/" + catalog.manifest("spy", n)[0].blob for n in self.naive.contents}
        rest = set(self.store().values) - wanted
        assert wanted <= set(self.store().values)
        assert all("/log/" in key for key in rest) and len(rest) <= LOG_KEPT + WRITES, rest


Registries.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestRegistries = Registries.TestCase
