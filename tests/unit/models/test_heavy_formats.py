"""Formats of heavy libraries: what goes in comes out, in a format of its own. Run by `make heavy`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import LoadModel, ModelRefusedError, SaveModel
from tests.unit.models.world import World

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.timeout(120),  # importing TensorFlow takes its time
    pytest.mark.filterwarnings("default"),  # of these libraries themselves
]
RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(80, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def kept(model: Any, name: str, **wishes: Any) -> Any:
    """Save in one process' registry, load in another's that has another key: nothing here needs trust."""
    world = World()
    version = world.registry().save(SaveModel("model", model, **wishes))
    assert version.format == name
    return World(world.store, key=b"x" * 32).registry()


def network() -> Any:
    import torch

    torch.manual_seed(3)
    torch.set_num_threads(1)
    return torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1), torch.nn.Sigmoid()
    )


def test_a_torch_module_comes_back_through_its_factory() -> None:
    import torch

    module = network().eval()
    registry = kept(module, "safetensors")
    with pytest.raises(ModelRefusedError, match="factory=Net"):
        registry.load(LoadModel("model"))
    with pytest.raises(ModelRefusedError, match="do not fit"):
        registry.load(LoadModel("model", factory=lambda: torch.nn.Linear(4, 2)))
    served = registry.load(LoadModel("model", factory=network))
    with torch.no_grad():
        expected = module(torch.from_numpy(X)).numpy()
    np.testing.assert_array_equal(served.predict(X), expected)
    np.testing.assert_allclose(served.predict(X.astype(float).tolist()), expected)
    assert isinstance(served.predict(X), np.ndarray) and not served.model.training


def test_networks_of_short_floats_answer_in_numpys() -> None:
    import torch

    module = network().to(torch.bfloat16)
    served = kept(module, "safetensors").load(
        LoadModel("model", factory=lambda: network().to(torch.bfloat16))
    )
    assert served.predict(X).dtype == np.float32


def test_tied_weights_and_states_are_kept() -> None:
    import torch

    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = torch.nn.Linear(4, 4)
            self.two = torch.nn.Linear(4, 4)
            self.two.weight = self.one.weight

        def forward(self, values: Any) -> Any:
            return self.two(self.one(values))

    module = Tied()
    served = kept(module, "safetensors").load(LoadModel("model", factory=Tied))
    with torch.no_grad():
        np.testing.assert_array_equal(served.predict(X), module(torch.from_numpy(X)).numpy())
    state = kept(module.state_dict(), "safetensors").load(LoadModel("model")).model
    assert state.keys() == module.state_dict().keys()


def test_a_broken_network_is_rolled_back() -> None:
    import torch

    world = World()
    registry = world.registry()
    good = network()
    registry.save(SaveModel("model", good))
    served = registry.load(LoadModel("model", factory=network))
    expected = served.predict(X)
    broken = network()
    with torch.no_grad():
        broken[0].weight.fill_(float("nan"))
    registry.save(SaveModel("model", broken))
    np.testing.assert_array_equal(served.predict(X), expected)
    assert world.catalog().state("model").bad.keys() == {2}


def test_xgboost_keeps_classifiers_regressors_and_boosters() -> None:
    import xgboost

    classifier = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(X, Y)
    served = kept(classifier, "xgboost").load(LoadModel("model"))
    np.testing.assert_array_equal(served.predict(X), classifier.predict(X))
    np.testing.assert_array_equal(served.predict_proba(X), classifier.predict_proba(X))
    regressor = xgboost.XGBRegressor(n_estimators=5, n_jobs=1).fit(X, X[:, 1])
    served = kept(regressor, "xgboost").load(LoadModel("model"))
    np.testing.assert_array_equal(served.predict(X), regressor.predict(X))
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(X, label=Y), num_boost_round=3)
    served = kept(booster, "xgboost").load(LoadModel("model"))
    np.testing.assert_array_equal(served.predict(X), booster.predict(xgboost.DMatrix(X)))
    with pytest.raises(AlgorithmError, match="knows no probabilities"):
        served.predict_proba(X)


def test_lightgbm_answers_with_its_classes() -> None:
    import lightgbm

    labels = np.where(Y == 1, "up", "down")
    options = {"n_estimators": 5, "n_jobs": 1, "verbose": -1}
    classifier = lightgbm.LGBMClassifier(**options).fit(X, labels)
    served = kept(classifier, "lightgbm").load(LoadModel("model"))
    np.testing.assert_array_equal(served.predict(X), classifier.predict(X))
    np.testing.assert_allclose(served.predict_proba(X), classifier.predict_proba(X))
    three = lightgbm.LGBMClassifier(**options).fit(X, RANDOM.integers(0, 3, len(X)))
    served = kept(three, "lightgbm").load(LoadModel("model"))
    np.testing.assert_array_equal(served.predict(X), three.predict(X))
    regressor = lightgbm.LGBMRegressor(**options).fit(X, X[:, 1])
    served = kept(regressor, "lightgbm").load(LoadModel("model"))
    np.testing.assert_allclose(served.predict(X), regressor.predict(X))


def test_keras_models_come_back_and_code_in_them_does_not() -> None:
    import keras

    model = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)]
    )
    model.compile(optimizer="adam", loss="mse")
    model.fit(X, X[:, 0], epochs=1, verbose=0)
    served = kept(model, "keras").load(LoadModel("model"))
    np.testing.assert_array_equal(served.predict(X), model.predict(X, verbose=0))
    np.testing.assert_allclose(served.predict(X[:2]), model.predict(X[:2], verbose=0), rtol=1e-5)
    served.model.fit(X, X[:, 0], epochs=1, verbose=0)  # its optimizer came along
    code = keras.Sequential([keras.layers.Input((4,)), keras.layers.Lambda(lambda values: values * 2)])
    with pytest.raises(AlgorithmError, match=r"(?s)cannot be opened again from keras.*Lambda"):
        World().registry().save(SaveModel("model", code))


def test_estimators_become_graphs_where_that_is_wanted() -> None:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(X, Y)
    registry = kept(model, "onnx", format="onnx")
    served = registry.load(LoadModel("model"))
    np.testing.assert_array_equal(served.predict(X), model.predict(X))
    np.testing.assert_allclose(served.predict_proba(X), model.predict_proba(X), atol=1e-6)
    with pytest.raises(AlgorithmError, match="only trained models"):
        World().registry().save(SaveModel("model", LogisticRegression(), format="onnx"))


def test_graphs_of_other_tools_are_kept_as_they_are() -> None:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    served = kept(model, "onnx").load(LoadModel("model"))
    np.testing.assert_allclose(served.predict(X), X * 2)
    with pytest.raises(AlgorithmError, match="knows no probabilities"):
        served.predict_proba(X)
