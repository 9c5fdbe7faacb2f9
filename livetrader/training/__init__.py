"""Training: jobs, threads and processes that run the functions given to `train`. Never the supervisor's.

A training function may use what stands here, wherever it runs (in a thread, in a process of its own, in a
backtest): `progress(fraction, text)`, `cancelled()` and `device()`. Outside of a training they do nothing.
"""

from livetrader.training.voice import cancelled, device, progress

__all__ = ["cancelled", "device", "progress"]
