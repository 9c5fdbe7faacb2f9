"""ONNX: a graph that onnxruntime runs. scikit-learn's models become one with format="onnx"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from livetrader.models.formats.contract import Dump, Loaded, Loading
from livetrader.models.libraries import Library, Match, need
from livetrader_engine.errors import AlgorithmError

_ONNX: Final = Library("onnx", Match.ANY, "onnx")
_RUNTIME: Final = Library("onnxruntime", Match.FORWARD, "onnx")
_CONVERTER: Final = Library("skl2onnx", Match.ANY, "onnx")


class OnnxFormat:
    """Keeps graphs. The model object of a loaded one is onnxruntime's session."""

    name = "onnx"

    def handles(self, model: Any, families: frozenset[str]) -> bool:
        """Whether it is a graph: a ModelProto."""
        return "onnx" in families or type(model).__name__ == "ModelProto"

    def libraries(self, options: Mapping[str, str]) -> tuple[Library, ...]:
        """Return the runtime: opening needs nothing else."""
        return (_RUNTIME,)

    def dump(self, model: Any) -> Dump:
        """Return the graph's bytes; an estimator of scikit-learn is converted."""
        graph = model if hasattr(model, "SerializeToString") else _converted(model)
        return Dump(graph.SerializeToString(), {})

    def load(self, content: bytes, loading: Loading) -> Loaded:
        """Return a session on one thread: predicting must not compete with trading."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        several = len(session.get_outputs()) > 1
        return Loaded(
            session,
            lambda features: _run(session, features)[0],
            (lambda features: _run(session, features)[1]) if several else None,
        )


def _converted(model: Any) -> Any:
    need(_ONNX)
    need(_CONVERTER)
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    width = getattr(model, "n_features_in_", None)
    if width is None:
        raise AlgorithmError(
            f"a {type(model).__name__} cannot be converted to ONNX: only trained models of scikit-learn are; "
            "convert others with their library and save the graph"
        )
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    return to_onnx(model, initial_types=[("features", FloatTensorType([None, width]))], options=options)


def _run(session: Any, features: Any) -> list[Any]:
    import numpy as np

    wanted = session.get_inputs()[0]
    dtype = np.float64 if "double" in wanted.type else np.int64 if "int64" in wanted.type else np.float32
    answers: list[Any] = session.run(None, {wanted.name: np.asarray(features, dtype=dtype)})
    return answers
