"""Formats that need no heavy library: what goes in comes out, and nothing in it runs."""

from __future__ import annotations

import json
import pickle
import zipfile
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from livetrader.models.answers import is_finite
from livetrader.models.formats import FORMATS, format_for, format_named
from livetrader.models.formats.contract import Loading
from livetrader.models.libraries import Match, fits
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import LoadModel, ModelRefusedError, SaveModel
from tests.unit.models.world import World

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(60, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


@pytest.mark.parametrize(
    "value",
    [
        {"threshold": 0.25, "names": ["a", "b"], "on": True, "none": None},
        [1, 2.5, "x"],
        "text",
        3,
        np.arange(6, dtype=np.float32).reshape(2, 3),
        {"weights": np.eye(2), "bias": np.array([1, 2])},
        np.array(["2020-01-01"], dtype="datetime64[ns]"),
    ],
)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    world = World()
    registry = world.registry()
    assert registry.save(SaveModel("value", value)).format == "values"
    served = registry.load(LoadModel("value"))
    np.testing.assert_equal(served.model, value)
    with pytest.raises(AlgorithmError, match="holds values and does not predict"):
        served.predict(X)


@pytest.mark.parametrize(
    "value", [float("nan"), {"a": float("inf")}, {1: "x"}, (1, 2), {"a": np.array([object()])}]
)
def test_what_is_no_plain_value_is_not_taken_for_one(value: Any) -> None:
    assert format_for(value).name == "pickle"
    with pytest.raises(AlgorithmError, match="no plain value"):
        FORMATS["values"].dump(value)


def test_arrays_with_objects_in_them_are_never_opened() -> None:
    file = BytesIO()
    np.savez(file, values=np.array([object()]))
    with pytest.raises(ValueError, match="allow_pickle"):
        FORMATS["values"].load(file.getvalue(), Loading({"kind": "array"}))


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        SGDClassifier(loss="log_loss", random_state=1),
        RandomForestClassifier(n_estimators=5, random_state=1),
        GradientBoostingRegressor(n_estimators=5, random_state=1),
        HistGradientBoostingClassifier(max_iter=3, random_state=1),
        SVC(),
        KNeighborsClassifier(),
        MLPClassifier(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=500, random_state=1),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_estimators_answer_as_before_and_hold_types_of_their_library_only(model: Any) -> None:
    model.fit(X, Y)
    world = World()
    registry = world.registry()
    version = registry.save(SaveModel("model", model, features=["a", "b", "c", "d"]))
    assert version.format == "skops"
    assert all(name.startswith("sklearn.") for name in json.loads(version.options["types"]))
    assert version.libraries.keys() >= {"sklearn", "skops", "numpy", "python"}
    served = registry.load(LoadModel("model"))
    np.testing.assert_array_equal(served.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(served.predict_proba(X), model.predict_proba(X))
    served.model.fit(X, Y)  # it is an estimator like any other


def test_an_estimator_trained_with_names_is_asked_with_names() -> None:
    table = pd.DataFrame(X, columns=list("abcd"))
    model = LogisticRegression().fit(table, Y)
    registry = World().registry()
    registry.save(SaveModel("model", model, features=table))
    served = registry.load(LoadModel("model", features=table))
    np.testing.assert_array_equal(served.predict(table[["d", "c", "b", "a"]]), model.predict(table))


def _doubled(values: Any) -> Any:
    return values * 2


def test_functions_of_the_users_own_are_opened_where_we_signed_them() -> None:
    model = make_pipeline(FunctionTransformer(_doubled), LogisticRegression()).fit(X, Y)
    ours = World()
    registry = ours.registry()
    assert "_doubled" in registry.save(SaveModel("model", model)).options["types"]
    np.testing.assert_array_equal(registry.load(LoadModel("model")).predict(X), model.predict(X))
    theirs = World(ours.store, key=b"x" * 32).registry()
    with pytest.raises(ModelRefusedError, match=r"not known to be safe .*_doubled"):
        theirs.load(LoadModel("model"))
    np.testing.assert_array_equal(
        theirs.load(LoadModel("model", allow_pickle=True)).predict(X), model.predict(X)
    )


def test_types_that_were_not_there_when_it_was_signed_are_refused() -> None:
    model = make_pipeline(FunctionTransformer(_doubled), LogisticRegression()).fit(X, Y)
    content = FORMATS["skops"].dump(model).content
    with pytest.raises(ModelRefusedError, match="_doubled"):
        FORMATS["skops"].load(content, Loading({"types": "[]"}, trusted=True))


def test_no_skops_file_holds_a_pickle() -> None:
    content = FORMATS["skops"].dump(RandomForestClassifier(n_estimators=2).fit(X, Y)).content
    with zipfile.ZipFile(BytesIO(content)) as file:
        assert {name.rpartition(".")[2] for name in file.namelist()} == {"json", "npy"}


def test_other_objects_are_pickled_with_their_library() -> None:
    model = FunctionTransformer()
    dump = FORMATS["pickle"].dump(model)
    assert dump.options == {"library": "sklearn"}
    assert [library.name for library in FORMATS["pickle"].libraries(dump.options)] == ["sklearn"]
    assert FORMATS["pickle"].dump(World).options == {}


def test_a_pickle_opens_only_where_somebody_answers_for_it() -> None:
    content = pickle.dumps([1])
    with pytest.raises(ModelRefusedError, match="allow_pickle=True"):
        FORMATS["pickle"].load(content, Loading({}))
    assert FORMATS["pickle"].load(content, Loading({}, trusted=True)).model == [1]


def test_a_format_that_is_not_known_is_named() -> None:
    with pytest.raises(AlgorithmError, match="there are: values, onnx, keras, safetensors, xgboost"):
        format_named("h5")


@pytest.mark.parametrize(
    ("saved", "running", "match", "expected"),
    [
        ("1.4.2", "1.4.0", Match.MINOR, True),
        ("1.4.2", "1.5.0", Match.MINOR, False),
        ("1.4.2", "2.4.2", Match.MINOR, False),
        ("2.0.1", "2.3.0", Match.MAJOR, True),
        ("2.0.1", "3.0.0", Match.MAJOR, False),
        ("2.1.0", "2.1.0+cpu", Match.FORWARD, True),
        ("2.0", "3.1", Match.FORWARD, True),
        ("3.1", "3.0", Match.FORWARD, False),
        ("9", "1", Match.ANY, True),
        ("unknown", "unknown", Match.MINOR, True),
    ],
)
def test_versions_that_fit(saved: str, running: str, match: Match, expected: bool) -> None:
    assert fits(saved, running, match) is expected


@pytest.mark.parametrize(
    ("values", "finite"),
    [
        (np.array([1.0, 2.0]), True),
        (np.array([1.0, np.nan]), False),
        (np.array([np.inf]), False),
        (np.array([-np.inf], dtype=np.float32), False),
        (np.array([1 + 1j * np.nan]), False),
        (np.array([1, 2]), True),
        (np.array(["up", "down"]), True),
        (np.array(["up", 1.0], dtype=object), True),
        (np.array([None]), False),
        ([[1.0], [float("nan")]], False),
        ([[1.0], [1.0, 2.0]], True),
        ([[1.0], [1.0, float("nan")]], False),
        ([{"up": 0.5, "down": float("nan")}], False),
        ({"a": np.array([np.nan])}, False),
        (3.5, True),
        (float("nan"), False),
        (None, False),
        (pd.DataFrame({"a": [1.0], "b": ["x"]}), True),
        (pd.DataFrame({"a": [np.nan], "b": ["x"]}), False),
        (pd.Series([1.0, np.nan]), False),
        ([], True),
    ],
)
def test_numbers_that_can_be_traded_on(values: Any, finite: bool) -> None:
    assert is_finite(values) is finite
