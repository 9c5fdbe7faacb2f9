"""What an algorithm may load, what serves it, and what happens when a version turns out to be broken."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from livetrader.models import libraries, pack
from livetrader.models.follower import PAUSE_S
from livetrader.models.records import log_key, version_key
from livetrader.models.signing import Signer
from livetrader_engine.errors import AlgorithmError, StoreError
from livetrader_engine.models import LoadModel, ModelRefusedError, SaveModel, better
from tests.unit.models.world import DictStore, Line, World, line

ROWS = np.zeros((2, 3))
NAN = float("nan")


@pytest.fixture
def world() -> World:
    return World()


def test_what_is_saved_serves_and_says_where_it_comes_from(world: World) -> None:
    registry = world.registry()
    world.now_ns = 1_600_000_000
    wish = SaveModel(
        "spy",
        Line(1.5),
        features=pd.DataFrame({"rsi": [1.0], "volume": [2]}),
        window_ns=(1, 2),
        metrics={"accuracy": 0.75},
        job="3 retrain",
    )
    version = registry.save(wish)
    served = registry.load(LoadModel("spy", features=["rsi", "volume"]))
    assert served.version == version
    assert served.predict(np.zeros((1, 2))).tolist() == [1.5]
    assert version.features is not None
    assert (version.features.names, version.features.dtypes) == (("rsi", "volume"), ("float64", "int64"))
    assert (version.made_ns, version.job, version.metrics) == (1_600_000_000, "3 retrain", {"accuracy": 0.75})
    assert (version.window_start_ns, version.window_end_ns) == (1, 2)
    assert version.libraries["numpy"] == np.__version__ and "python" in version.libraries
    assert registry.serving()[0].number == 1


def test_nothing_saved_is_an_error_that_names_what_there_is(world: World) -> None:
    registry = world.registry()
    registry.save(line("other", 1.0))
    with pytest.raises(ModelRefusedError, match="there is no model 'spy' yet; there are: other"):
        registry.load(LoadModel("spy"))


def test_a_handle_that_may_wait_serves_from_the_first_version_on(world: World) -> None:
    registry = world.registry()
    served = registry.load(LoadModel("spy", required=False))
    assert served.version is None and "no model" in served.reason
    with pytest.raises(ModelRefusedError, match="no model 'spy' yet"):
        served.predict(ROWS)
    registry.save(line("spy", 2.0))
    assert served.predict(ROWS).tolist() == [2.0, 2.0]


def test_a_saved_model_is_a_copy(world: World) -> None:
    registry = world.registry()
    model = Line(1.0)
    registry.save(SaveModel("spy", model))
    model.slope = 99.0
    assert registry.load(LoadModel("spy")).predict(ROWS).tolist() == [1.0, 1.0]


# -- refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["a", "c"], "lacks b and has c beyond it"),
        (["b", "a"], "has another order, b, a"),
        ({"a": "float64", "b": "object"}, "has b as object, it was float64"),
        (["a"], "lacks b"),
    ],
)
def test_other_features_are_refused_and_the_newest_version_that_fits_serves(
    world: World, given: Any, why: str
) -> None:
    registry = world.registry()
    registry.save(line("spy", 1.0, features=given))
    registry.save(line("spy", 2.0, features={"a": "float64", "b": "float64"}))
    served = registry.load(LoadModel("spy", features=given))
    assert served.version is not None and served.version.number == 1
    assert why in served.reason
    assert any("version 2 is refused" in text for text in world.errors())
    only = World()
    only.registry().save(line("spy", 2.0, features={"a": "float64", "b": "float64"}))
    with pytest.raises(ModelRefusedError, match="version 1 is refused"):
        only.registry().load(LoadModel("spy", features=given))


def test_a_refusal_is_told_once_also_where_the_version_in_use_stays(world: World) -> None:
    registry = world.registry()
    registry.save(line("spy", 1.0, features=["a"]))
    served = registry.load(LoadModel("spy", features=["a"]))
    assert not world.alarms
    world.registry().save(line("spy", 2.0, features=["b"]))
    for _ in range(3):
        registry.follow("spy")
    assert served.predict(np.zeros((1, 1)))[0] == 1.0
    assert [trouble for _, trouble in world.alarms] == [
        "version 2 is refused: what the algorithm gives lacks b and has a beyond it: "
        "train and save the model again"
    ]
    assert served.reason == world.alarms[0][1]
    waiting = registry.load(LoadModel("gold", required=False))
    assert waiting.version is None and len(world.alarms) == 1, "none yet is no trouble"


def test_another_version_of_the_library_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.linear_model import LinearRegression

    registry = world.registry()
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    registry.save(SaveModel("spy", model))
    real = libraries.version_of
    monkeypatch.setattr(libraries, "version_of", lambda name: "0.1.0" if name == "sklearn" else real(name))
    with pytest.raises(ModelRefusedError, match=r"saved with sklearn .*, here is 0\.1\.0"):
        registry.load(LoadModel("spy"))


def test_a_library_that_is_missing_is_named_with_its_command(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.linear_model import LinearRegression

    registry = world.registry()
    registry.save(SaveModel("spy", LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])))
    real = libraries.version_of
    monkeypatch.setattr(libraries, "version_of", lambda name: None if name == "skops" else real(name))
    with pytest.raises(ModelRefusedError, match=r"pip install 'livetrader\[skops\]'"):
        registry.load(LoadModel("spy"))


def test_a_pickle_of_somebody_else_is_not_opened(world: World) -> None:
    stranger = world.registry(signer=Signer(b"x" * 32))
    stranger.save(line("spy", 1.0))
    with pytest.raises(ModelRefusedError, match="has not signed"):
        world.registry().load(LoadModel("spy"))
    trusted = world.registry().load(LoadModel("spy", allow_pickle=True))
    assert trusted.predict(ROWS).tolist() == [1.0, 1.0]


def test_a_pickle_put_in_place_of_ours_never_runs(world: World, tmp_path: Path) -> None:
    """Content and record changed together by somebody who can write to the store but has no key."""
    registry = world.registry()
    registry.save(line("spy", 1.0))
    mark = tmp_path / "ran"
    stranger = world.registry(signer=Signer(b"x" * 32))
    stranger.save(SaveModel("evil", _Evil(str(mark)), promote=False))
    mark.unlink(missing_ok=True)  # saving opened it once, in the stranger's own process
    values = world.store.values
    record = values[version_key("evil", 1)].replace(b'\\"evil\\"', b'\\"spy\\"')
    for key in [key for key in values if key.startswith("_models/evil/blobs/")]:
        values[key.replace("evil", "spy")] = values[key]
    values[version_key("spy", 1)] = record
    with pytest.raises(ModelRefusedError, match="version 1 is refused"):
        world.registry().load(LoadModel("spy"))
    assert not mark.exists()


class _Evil:
    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (Path(self.mark),))


def test_every_flipped_byte_of_content_is_refused_and_the_version_before_serves(world: World) -> None:
    registry = world.registry()
    registry.save(line("spy", 1.0))
    registry.save(line("spy", 2.0))
    values = world.store.values
    newest = world.catalog().manifest("spy", 2)[0].blob
    blob = f"_models/spy/{newest}"
    whole = values[blob]
    for place in range(len(whole)):
        values[blob] = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        served = registry.load(LoadModel("spy"))
        assert served.version is not None and served.version.number == 1, place
        assert "does not have its hash" in served.reason
        registry._handles.clear()
    values[blob] = whole
    assert registry.load(LoadModel("spy")).version == world.catalog().manifest("spy", 2)[0].version


@pytest.mark.parametrize("part", ["blobs", "versions", "log"])
@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "noise"])
def test_whatever_is_damaged_something_good_serves(world: World, part: str, damage: str) -> None:
    registry = world.registry()
    registry.save(line("spy", 1.0))
    registry.save(line("spy", 2.0))
    keys = {
        "blobs": f"_models/spy/{world.catalog().manifest('spy', 2)[0].blob}",
        "versions": version_key("spy", 2),
        "log": log_key("spy", 2),
    }
    values, key = world.store.values, keys[part]
    if damage == "gone":
        del values[key]
    else:
        values[key] = {"cut": values[key][:-1], "empty": b"", "noise": b"\xff" * 40}[damage]
    served = registry.load(LoadModel("spy"))
    assert served.predict(ROWS).tolist() == [1.0, 1.0]
    assert part == "log" or "version 2 is refused" in served.reason
    assert registry.save(line("spy", 3.0)).number == 3
    assert served.predict(ROWS).tolist() == [3.0, 3.0]


# -- broken models -------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [Line(NAN), Line(float("inf")), Line(1.0, error="out of memory")])
def test_a_broken_version_is_rolled_back_within_the_call(world: World, broken: Line) -> None:
    registry = world.registry()
    registry.save(line("spy", 1.0))
    served = registry.load(LoadModel("spy"))
    registry.save(SaveModel("spy", broken))
    assert served.version is not None and served.version.number == 2
    assert served.predict(ROWS).tolist() == [1.0, 1.0], "the good one answers the same call"
    assert served.version is not None and served.version.number == 1
    state = world.catalog().state("spy")
    assert state.serving == 1 and "version 1 answered instead" in state.bad[2]
    assert any("version 2 was rolled back" in text for text in world.errors())
    assert [name for name, trouble in world.alarms if "rolled back" in trouble] == ["spy"]
    assert world.registry().load(LoadModel("spy")).predict(ROWS).tolist() == [1.0, 1.0]


def test_several_broken_versions_fall_back_to_the_first_that_answers(world: World) -> None:
    registry = world.registry()
    for slope in (1.0, NAN, NAN, NAN):
        registry.save(line("spy", slope))
    served = registry.load(LoadModel("spy"))
    assert served.predict(ROWS).tolist() == [1.0, 1.0]
    state = world.catalog().state("spy")
    assert (state.serving, sorted(state.bad)) == (1, [2, 3, 4])


def test_a_broken_version_without_an_earlier_one_answers_nothing(world: World) -> None:
    registry = world.registry()
    registry.save(line("spy", NAN))
    served = registry.load(LoadModel("spy"))
    with pytest.raises(ModelRefusedError, match="NaN or infinity, and there is no earlier one"):
        served.predict(ROWS)
    assert served.version is None and "NaN" in served.reason
    assert world.catalog().state("spy").bad.keys() == {1}
    registry.save(line("spy", 5.0))
    assert served.predict(ROWS).tolist() == [5.0, 5.0]


def test_nan_in_the_question_is_not_the_models_fault(world: World) -> None:
    registry = world.registry()
    registry.save(SaveModel("spy", _Echo()))
    registry.save(SaveModel("spy", _Echo()))
    served = registry.load(LoadModel("spy"))
    with pytest.raises(AlgorithmError, match="features given to 'spy' hold NaN"):
        served.predict(np.array([1.0, NAN]))
    assert served.predict(np.array([1.0])).tolist() == [1.0]
    assert world.catalog().state("spy").bad == {}


class _Echo:
    def predict(self, features: Any) -> Any:
        return np.asarray(features)


def test_what_every_version_raises_is_the_questions_fault(world: World) -> None:
    registry = world.registry()
    registry.save(line("spy", 1.0))
    registry.save(line("spy", 2.0))
    served = registry.load(LoadModel("spy"))
    with pytest.raises(TypeError, match="not iterable"):
        served.predict(None)
    assert world.catalog().state("spy").bad == {} and served.version is not None


def test_a_store_that_cannot_be_written_does_not_stop_the_rollback(world: World) -> None:
    registry = world.registry()
    registry.save(line("spy", 1.0))
    served = registry.load(LoadModel("spy"))
    registry.save(line("spy", NAN))

    def fail(key: str) -> None:
        raise StoreError("the disk is full")

    world.store.before_write = fail
    assert served.predict(ROWS).tolist() == [1.0, 1.0]
    assert any("could not be marked bad: the disk is full" in text for text in world.errors())
    assert served.predict(ROWS).tolist() == [1.0, 1.0], "it is remembered all the same"
    registry.follow("spy")
    assert served.predict(ROWS).tolist() == [1.0, 1.0]


def test_columns_are_taken_by_name_and_a_missing_one_is_named(world: World) -> None:
    registry = world.registry()
    registry.save(SaveModel("spy", _Echo(), features=["a", "b"]))
    served = registry.load(LoadModel("spy"))
    table = pd.DataFrame({"b": [2.0], "c": [3.0], "a": [1.0]})
    assert served.predict(table).tolist() == [[1.0, 2.0]]
    with pytest.raises(AlgorithmError, match="trained with b, which the table lacks"):
        served.predict(table[["a", "c"]])
    with pytest.raises(AlgorithmError, match="2 features, not with 3"):
        served.predict(np.zeros((1, 3)))


# -- promotion -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "before", "after", "serves"),
    [
        ("accuracy", 0.5, 0.6, True),
        ("accuracy", 0.6, 0.5, False),
        ("accuracy", 0.5, 0.5, False),
        ("-rmse", 0.5, 0.4, True),
        ("-rmse", 0.4, 0.5, False),
    ],
)
def test_a_challenger_serves_only_where_it_is_better(
    world: World, metric: str, before: float, after: float, serves: bool
) -> None:
    registry = world.registry()
    name = metric.removeprefix("-")
    registry.save(line("spy", 1.0, metrics={name: before}, promote=better(metric)))
    served = registry.load(LoadModel("spy"))
    registry.save(line("spy", 2.0, metrics={name: after}, promote=better(metric)))
    assert served.predict(ROWS)[0] == (2.0 if serves else 1.0)
    assert len(registry.versions("spy")) == 2, "it is kept either way"


@pytest.mark.parametrize("metrics", [{}, {"loss": 1.0}])
def test_a_metric_that_is_missing_passes_no_gate(world: World, metrics: dict[str, float]) -> None:
    registry = world.registry()
    registry.save(line("spy", 1.0, metrics=metrics, promote=better("accuracy")))
    assert world.catalog().state("spy").serving is None
    with pytest.raises(ModelRefusedError, match="no version of it was promoted"):
        registry.load(LoadModel("spy"))


def test_a_model_with_a_metric_that_is_no_number_is_not_promoted(world: World) -> None:
    registry = world.registry()
    version = registry.save(line("spy", 1.0, metrics={"accuracy": NAN}))
    assert version.metrics == {"accuracy": None}
    assert world.catalog().state("spy").serving is None
    assert any("not promoted" in text for text in world.errors())


def test_promoting_and_rolling_back_by_hand(world: World) -> None:
    registry = world.registry()
    for slope in (1.0, 2.0, 3.0):
        registry.save(line("spy", slope))
    served = registry.load(LoadModel("spy"))
    assert registry.rollback("spy", None, "").number == 2
    assert served.predict(ROWS)[0] == 2.0
    assert registry.promote("spy", 3, "").number == 3
    assert served.predict(ROWS)[0] == 3.0
    assert registry.rollback("spy", 1, "").number == 1
    assert served.predict(ROWS)[0] == 1.0
    with pytest.raises(ModelRefusedError, match="there is no version 9"):
        registry.promote("spy", 9, "")
    with pytest.raises(ModelRefusedError, match="no model 'gold'; there are: spy"):
        registry.rollback("gold", None, "")


# -- steps and other writers ---------------------------------------------------------------------------


def test_another_version_takes_over_between_two_steps_never_within_one(world: World) -> None:
    registry = world.registry(sequential=False)
    registry.save(line("spy", 1.0))
    served = registry.load(LoadModel("spy"))
    assert served.predict(ROWS)[0] == 1.0
    other = threading.Thread(target=registry.save, args=(line("spy", 2.0),))
    other.start()
    other.join()
    assert served.predict(ROWS)[0] == 1.0, "the step has used version 1 already"
    world.now_ns += 1
    assert served.predict(ROWS)[0] == 2.0
    assert world.adopted == [1, 2]


def test_another_thread_never_changes_the_version(world: World) -> None:
    registry = world.registry(sequential=False)
    registry.save(line("spy", 1.0))
    served = registry.load(LoadModel("spy"))
    seen: list[float] = []

    def train() -> None:
        registry.save(line("spy", 2.0))
        world.now_ns += 1
        seen.append(served.predict(ROWS)[0])

    other = threading.Thread(target=train)
    other.start()
    other.join()
    assert seen == [1.0]
    assert served.predict(ROWS)[0] == 2.0


def test_what_another_process_decides_is_followed(world: World) -> None:
    from livetrader.models.follower import Follower

    registry = world.registry(sequential=False)
    registry.save(line("spy", 1.0))
    served = registry.load(LoadModel("spy"))
    forgotten: list[int] = []
    follower = Follower(registry, lambda: forgotten.append(1), world.tell)
    follower.look()
    command_line = world.catalog()
    world.registry().save(line("spy", 2.0))
    world.now_ns += 1
    assert served.predict(ROWS)[0] == 1.0
    follower.look()
    world.now_ns += 1
    assert served.predict(ROWS)[0] == 2.0
    command_line.rollback("spy", None, "by hand")
    follower.look()
    world.now_ns += 1
    assert served.predict(ROWS)[0] == 1.0
    assert len(forgotten) == 3


def test_the_thread_that_follows_sees_changes_by_itself(world: World, deadline: Any) -> None:
    from livetrader.models.follower import Follower

    registry = world.registry(sequential=False)
    registry.save(line("spy", 1.0))
    served = registry.load(LoadModel("spy"))
    follower = Follower(registry, lambda: None, world.tell, pause_s=0.005)
    follower.start()
    try:
        world.registry().save(line("spy", 2.0))

        def serves_the_new_one() -> bool:
            world.now_ns += 1
            return bool(served.predict(ROWS)[0] == 2.0)

        deadline.until(serves_the_new_one, "version 2")
    finally:
        follower.stop()


def test_a_store_that_is_away_is_told_once_and_the_model_serves_on(world: World, deadline: Any) -> None:
    from livetrader.models.follower import Follower

    registry = world.registry(sequential=False)
    registry.save(line("spy", 1.0))
    served = registry.load(LoadModel("spy"))
    asked: list[int] = []

    def away() -> None:
        asked.append(1)
        raise StoreError("the bucket does not answer")

    follower = Follower(registry, away, world.tell, pause_s=0.001)
    follower.start()
    deadline.until(lambda: len(asked) > 5, "some looks")
    follower.stop()
    assert served.predict(ROWS)[0] == 1.0
    assert len([text for text in world.errors() if "does not answer" in text]) == 1


def test_the_engine_does_not_wait_until_what_it_saved_is_opened(world: World, deadline: Any) -> None:
    registry = world.registry(sequential=False, follows=True)
    registry.save(line("spy", 1.0))
    served = registry.load(LoadModel("spy"))
    try:
        assert served.predict(ROWS)[0] == 1.0
        registry.save(line("spy", 2.0))
        assert served.predict(ROWS)[0] == 1.0, "the step goes on with what it began with"

        def serves_the_new_one() -> bool:
            world.now_ns += 1
            return bool(served.predict(ROWS)[0] == 2.0)

        deadline.until(serves_the_new_one, "version 2, long before the thread looks by itself", PAUSE_S / 2)
    finally:
        registry.close()


def test_what_a_training_process_packed_is_only_written(world: World) -> None:
    import pickle

    registry = world.registry()
    packed = pickle.loads(pickle.dumps(pack(Line(2.5))))
    version = registry.save(SaveModel("spy", packed, features=["a", "b", "c"]))
    assert (version.format, version.model_type) == ("pickle", "tests.unit.models.world.Line")
    assert registry.load(LoadModel("spy")).predict(ROWS)[0] == 2.5
    with pytest.raises(AlgorithmError, match="cannot be opened again"):
        pack(_NeverAgain())


def test_a_store_that_is_away_at_the_start_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.registry().save(line("spy", 1.0))

    def away(prefix: str = "") -> list[str]:
        raise StoreError("the bucket does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "keys", away)
        registry = world.registry()
        served = registry.load(LoadModel("spy", required=False))
        assert served.version is None and "does not answer" in served.reason
        with pytest.raises(ModelRefusedError, match="does not answer"):
            registry.load(LoadModel("spy"))
    registry.follow("spy")
    assert served.predict(ROWS)[0] == 1.0


# -- what cannot be saved ------------------------------------------------------------------------------


def test_what_cannot_be_kept_is_told_and_nothing_is_saved(world: World) -> None:
    registry = world.registry()
    with pytest.raises(AlgorithmError, match="cannot be kept"):
        registry.save(SaveModel("spy", lambda features: features))
    with pytest.raises(AlgorithmError, match="cannot be opened again from pickle: ValueError: not today"):
        registry.save(SaveModel("spy", _NeverAgain()))
    with pytest.raises(AlgorithmError, match="no model format 'joblib'; there are: values"):
        registry.save(line("spy", 1.0, format="joblib"))
    with pytest.raises(AlgorithmError, match="ends before it begins"):
        registry.save(line("spy", 1.0, window_ns=(2, 1)))
    with pytest.raises(AlgorithmError, match="two features are named 'a'"):
        registry.save(line("spy", 1.0, features=["a", "a"]))
    assert isinstance(world.store, DictStore) and world.store.values == {}


class _NeverAgain:
    def __reduce__(self) -> Any:
        return (_fail, ())


def _fail() -> None:
    raise ValueError("not today")


def test_a_model_that_knows_the_future_is_told_once(world: World) -> None:
    registry = world.registry()
    registry.save(line("spy", 1.0, window_ns=(0, world.now_ns + 1)))
    for _ in range(3):
        registry.load(LoadModel("spy"))
    assert len([text for text in world.errors() if "know the future" in text]) == 1
    world.now_ns += 1
    later = world.registry()
    world.lines.clear()
    later.load(LoadModel("spy"))
    assert not world.errors()
