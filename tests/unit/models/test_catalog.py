"""Versions and decisions in a store: several writers, crashes between two writes, damage, collection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from livetrader.models.catalog import LOG_KEPT, Catalog, Retention
from livetrader.models.records import log_key, version_key
from livetrader.models.scope import own_part
from livetrader.store.keys import Scope
from livetrader.store.local import FileObjectStore
from livetrader.store.store import ProjectStore
from livetrader_engine.models import Gate, ModelRefusedError, ModelVersion
from tests.unit.models.world import NS_PER_S, Crash, DictStore, World


def draft(name: str = "spy") -> ModelVersion:
    return ModelVersion(
        name=name,
        number=0,
        content="",
        size=0,
        format="values",
        model_type="builtins.dict",
        made_ns=0,
        saved_ns=0,
        libraries={},
    )


def add(catalog: Catalog, content: bytes = b"weights", promote: bool | Gate = True) -> int:
    return catalog.add(draft(), content, promote)[0].number


@pytest.fixture
def world() -> World:
    return World(retention=Retention(versions=3, orphan_age_ns=0))


def test_versions_are_numbered_and_the_promoted_one_serves(world: World) -> None:
    catalog = world.catalog()
    assert [add(catalog, b"a"), add(catalog, b"b", promote=False), add(catalog, b"c")] == [1, 2, 3]
    state = catalog.state("spy")
    assert (state.serving, state.history) == (3, (1,))
    assert [catalog.content(catalog.manifest("spy", number)[0]) for number in (1, 2, 3)] == [b"a", b"b", b"c"]
    assert [version.parent for version in catalog.versions("spy")[0]] == [None, 1, 1]
    assert catalog.names() == ["spy"]


def test_a_gate_sees_the_new_version_and_the_one_that_serves(world: World) -> None:
    catalog = world.catalog()
    seen: list[tuple[int, int | None]] = []

    def gate(new: ModelVersion, serving: ModelVersion | None) -> bool:
        seen.append((new.number, None if serving is None else serving.number))
        return new.number != 2

    for _ in range(3):
        add(catalog, promote=gate)
    assert seen == [(1, None), (2, 1), (3, 1)]
    assert catalog.state("spy").serving == 3
    assert catalog.state("spy").history == (1,), "what did not pass its gate never serves"


def test_a_gate_is_asked_again_where_another_writer_was_faster(world: World) -> None:
    slow, fast = world.catalog(), world.catalog()
    seen: list[int | None] = []

    def gate(new: ModelVersion, serving: ModelVersion | None) -> bool:
        if not seen:
            add(fast, b"fast")
        seen.append(None if serving is None else serving.number)
        return serving is None

    number = add(slow, b"slow", gate)
    assert seen == [None, 2], "it was decided on the newest state"
    assert (number, slow.state("spy").serving) == (1, 2)


def test_many_writers_lose_no_version_and_share_no_number(tmp_path: Path) -> None:
    writers, each = 4, 6
    numbers: list[int] = []
    lock = threading.Lock()

    def write(writer: int) -> None:
        world = World(FileObjectStore(tmp_path), Retention(versions=writers * each))
        catalog = world.catalog()
        for count in range(each):
            number = add(catalog, f"{writer} {count}".encode(), promote=count % 2 == 0)
            with lock:
                numbers.append(number)
            if count == 3:
                catalog.promote("spy", number, "by hand")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    catalog = World(FileObjectStore(tmp_path)).catalog()
    assert sorted(numbers) == list(range(1, writers * each + 1)) == catalog.numbers("spy")
    contents = {catalog.content(catalog.manifest("spy", number)[0]) for number in numbers}
    assert len(contents) == writers * each
    state = catalog.state("spy")
    assert state.serving in numbers and not set(state.retired) & set(numbers)


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("write", range(1, 12))
def test_whoever_dies_in_a_save_leaves_the_old_version_or_the_new_one(
    world: World, write: int, early: bool
) -> None:
    catalog = world.catalog()
    for content in (b"one", b"two", b"three"):
        add(catalog, content)
    world.store.crash_after, world.store.crash_early = write, early
    try:
        add(catalog, b"four")
        survived = True
    except Crash:
        survived = False
    world.store.crash_after = None
    after = world.catalog()
    serving = after.state("spy").serving
    assert serving in (3, 4)
    content = after.content(after.manifest("spy", serving)[0])
    assert content == (b"four" if serving == 4 else b"three")
    assert serving == 4 or not survived
    number = add(after, b"five")
    assert number in (4, 5) and after.state("spy").serving == number
    assert after.content(after.manifest("spy", number)[0]) == b"five"
    assert_nothing_leaks(world)


def assert_nothing_leaks(world: World) -> None:
    """Everything in the store is of a version that is there, or one of the newest decisions."""
    catalog = world.catalog()
    catalog.collect("spy")
    keys = world.store.keys("_models/spy/")
    numbers = catalog.numbers("spy")
    kept = {version_key("spy", number) for number in numbers}
    kept |= {f"_models/spy/{catalog.manifest('spy', number)[0].blob}" for number in numbers}
    rest = [key for key in keys if key not in kept]
    assert all("/log/" in key for key in rest), rest
    assert len(rest) <= LOG_KEPT + 1  # one more where a writer died before it deleted


def test_only_so_many_versions_are_kept_and_those_in_use_among_them(world: World) -> None:
    catalog = world.catalog()
    add(catalog, b"first")
    add(catalog, b"second")
    for _ in range(6):
        add(catalog, b"challenger", promote=False)
    assert catalog.numbers("spy") == [1, 2, 6, 7, 8]
    assert_nothing_leaks(world)
    catalog.rollback("spy", None, "")
    assert catalog.state("spy").serving == 1


def test_young_content_without_a_version_is_left_to_its_writer() -> None:
    world = World(retention=Retention(orphan_age_ns=60 * NS_PER_S))
    store = world.store
    assert isinstance(store, DictStore)
    store.crash_after = 2
    with pytest.raises(Crash):
        add(world.catalog(), b"never finished")
    store.crash_after, store.crash_early = 1, False
    with pytest.raises(Crash):
        add(world.catalog(), b"nor this")
    orphans = [key for key in store.values if "/blobs/" in key]
    assert len(orphans) == 2
    assert world.catalog().collect("spy") == 0
    world.wall_ns += 60 * NS_PER_S
    assert world.catalog().collect("spy") == 1, "the first has a version: it died after that was written"


def test_a_damaged_decision_lets_the_one_before_count(world: World) -> None:
    catalog = world.catalog()
    add(catalog, b"one")
    add(catalog, b"two")
    newest = log_key("spy", catalog.state("spy").sequence)
    world.store.values[newest] = world.store.values[newest][:-5] + b"xxxxx"
    assert catalog.state("spy").serving == 1
    assert add(catalog, b"three") == 3
    assert catalog.state("spy").serving == 3


def test_a_damaged_version_is_named_and_can_be_removed(world: World) -> None:
    catalog = world.catalog()
    for content in (b"one", b"two", b"three"):
        add(catalog, content)
    world.store.values[version_key("spy", 1)] = b"{}"
    found, damaged = catalog.versions("spy")
    assert [version.number for version in found] == [2, 3] and list(damaged) == [1]
    with pytest.raises(ModelRefusedError, match="cannot be used"):
        catalog.promote("spy", 1, "")
    catalog.remove("spy", [1])
    assert catalog.numbers("spy") == [2, 3]
    assert_nothing_leaks(world)


def test_removing_refuses_what_is_in_use_and_what_is_not_there(world: World) -> None:
    catalog = world.catalog()
    for content in (b"one", b"two", b"three"):
        add(catalog, content)
    for number, why in ((3, "serves"), (2, "rollback"), (7, "there are: 1, 2, 3")):
        with pytest.raises(ModelRefusedError, match=why):
            catalog.remove("spy", [1, number])
    assert catalog.numbers("spy") == [1, 2, 3], "all or nothing"
    catalog.remove("spy", [1])
    assert catalog.numbers("spy") == [2, 3]
    with pytest.raises(ModelRefusedError, match="no version 1"):
        catalog.promote("spy", 1, "")


def test_numbers_are_never_given_twice(world: World) -> None:
    catalog = world.catalog()
    add(catalog, b"one")
    add(catalog, b"two", promote=False)
    catalog.remove("spy", [2])
    assert add(catalog, b"three") == 3
    assert catalog.remove_all("spy") == 2
    assert catalog.names() == [] and catalog.state("spy").serving is None
    assert add(catalog, b"four") == 4


def test_a_version_that_was_saved_and_not_decided_upon_keeps_its_number(world: World) -> None:
    world.store.crash_after = 2
    with pytest.raises(Crash):
        add(world.catalog(), b"one")
    world.catalog().remove("spy", [1])
    assert add(world.catalog(), b"two") == 2


def test_content_goes_with_its_version_at_once() -> None:
    world = World(retention=Retention(versions=2))
    catalog = world.catalog()
    for _ in range(5):
        add(catalog)
    assert len(world.store.keys("_models/spy/blobs/")) == len(catalog.numbers("spy")) == 2


def test_a_bad_version_is_promoted_by_force_only(world: World) -> None:
    catalog = world.catalog()
    add(catalog, b"one")
    add(catalog, b"two")
    assert catalog.mark_bad("spy", 2, "NaN").serving == 1
    with pytest.raises(ModelRefusedError, match="marked bad"):
        catalog.promote("spy", 2, "")
    with pytest.raises(ModelRefusedError, match="marked bad"):
        catalog.rollback("spy", 2, "")
    catalog.promote("spy", 2, "I know better", force=True)
    assert catalog.state("spy").serving == 2


def test_a_version_that_leaves_while_it_is_promoted_does_not_serve(world: World) -> None:
    """Promoting and deleting race: the decision made later sees the other."""
    catalog, other = world.catalog(), world.catalog()
    add(catalog, b"one", promote=False)
    add(catalog, b"two")
    once: list[Callable[[], None]] = [lambda: other.remove("spy", [1])]

    def interfere(key: str) -> None:
        if "/log/" in key and once:
            once.pop()()

    world.store.before_write = interfere
    with pytest.raises(ModelRefusedError, match="no version 1"):
        catalog.promote("spy", 1, "")
    assert catalog.state("spy").serving == 2


def test_a_writer_that_slept_while_its_number_became_free_again_notices(world: World) -> None:
    catalog, other = world.catalog(), world.catalog()
    add(catalog, b"one")
    add(catalog, b"two", promote=False)

    def interfere(key: str) -> None:
        if "/log/" in key:
            world.store.before_write = lambda key: None
            for _ in range(LOG_KEPT + 3):
                other.promote("spy", 2, "meanwhile")
            other.promote("spy", 1, "the last word")

    world.store.before_write = interfere
    catalog.promote("spy", 2, "slow")
    state = catalog.state("spy")
    assert (state.serving, state.reason) == (2, "slow"), "its decision is the newest, not one long past"
    assert state.sequence > LOG_KEPT


def test_looking_for_news_needs_no_listing(world: World) -> None:
    catalog = world.catalog()
    assert not catalog.changed_since("spy", 0)
    add(catalog)
    assert catalog.changed_since("spy", 0)
    sequence = catalog.state("spy").sequence
    assert not catalog.changed_since("spy", sequence)
    for _ in range(LOG_KEPT + 2):
        catalog.promote("spy", 1, "")
    assert catalog.changed_since("spy", sequence), "far behind"


def test_projects_of_one_store_do_not_see_each_others_versions(tmp_path: Path) -> None:
    whole = FileObjectStore(tmp_path)
    mine = Catalog(own_part(ProjectStore(whole, Scope("mine"))), lambda: 1)
    all_of_it = Catalog(own_part(whole), lambda: 1)
    add(all_of_it, b"theirs")
    assert mine.names() == []
    assert add(mine, b"ours") == 1
    assert mine.content(mine.manifest("spy", 1)[0]) == b"ours"
    assert all_of_it.content(all_of_it.manifest("spy", 1)[0]) == b"theirs"
    assert any(key.startswith("mine/_models/spy/") for key in whole.keys())  # noqa: SIM118 — a store
