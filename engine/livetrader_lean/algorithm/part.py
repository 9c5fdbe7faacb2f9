"""Base of the mixins: where a method finds its services."""

from __future__ import annotations

from livetrader_lean.algorithm.binding import AlgorithmBinding
from livetrader_lean.names import Twins


class Part(Twins):
    """One mixin of QCAlgorithm. It holds no state: everything is behind `_lean`."""

    _lean: AlgorithmBinding
