"""The algorithm of bench/jitter.py: takes down when each tick reaches on_data, and trains when told to."""

import json
import os
import threading
from pathlib import Path
from time import monotonic_ns

import numpy as np
from AlgorithmImports import *  # noqa: F403 — as algorithms have it

from livetrader.training import runner


def _rows():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(50_000, 20))
    return features, (features[:, 0] + rng.normal(size=50_000) > 0).astype(int)


def _begun(file):
    if file:
        Path(file).write_text(str(monotonic_ns()))


def forest(file=""):
    from sklearn.ensemble import RandomForestClassifier

    features, labels = _rows()
    _begun(file)
    while True:
        RandomForestClassifier(n_estimators=200, random_state=1).fit(features, labels)


def boosting(file=""):
    from sklearn.ensemble import GradientBoostingClassifier

    features, labels = _rows()
    _begun(file)
    while True:
        GradientBoostingClassifier(n_estimators=50, random_state=1).fit(features, labels)


def python(file=""):
    _begun(file)
    total = 0
    while True:
        for number in range(10_000):
            total += number * number % 7


def net(file=""):
    import torch

    features, labels = _rows()
    inputs, wanted = torch.tensor(features, dtype=torch.float32), torch.tensor(labels)
    model = torch.nn.Sequential(torch.nn.Linear(20, 256), torch.nn.ReLU(), torch.nn.Linear(256, 2))
    optimizer = torch.optim.Adam(model.parameters())
    _begun(file)
    while True:
        for start in range(0, len(inputs), 256):
            optimizer.zero_grad()
            outputs = model(inputs[start : start + 256])
            torch.nn.functional.cross_entropy(outputs, wanted[start : start + 256]).backward()
            optimizer.step()


JOBS = {"forest": forest, "boosting": boosting, "python": python, "torch": net}


class Jitter(QCAlgorithm):  # noqa: F405
    """Parameters: `job`, `mode` (thread, process, plain), `interval`, `file` for what was measured."""

    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.TICK).symbol  # noqa: F405
        self.arrived, self.handled = [], []
        self.file = self.get_parameter("file")

    def on_data(self, data):
        now_ns = monotonic_ns()
        tick = data.ticks[self.spy][-1]
        self.arrived.append(tick.quantity)  # when it was handed to the link, monotonic nanoseconds
        self.handled.append(now_ns)
        if tick.price == 2.0:  # the mark between idle and training
            self.begin()

    def begin(self):
        runner.SWITCH_INTERVAL_S = float(self.get_parameter("interval"))
        job, mode = JOBS[self.get_parameter("job")], self.get_parameter("mode")
        begun = self.file + ".begun"
        if mode == "plain":  # one thread at the usual switch interval and priority, as FreqAI trains
            threading.Thread(target=job, args=(begun,), daemon=True).start()
        else:
            self.train(job, arguments=begun, process=mode == "process")

    def on_end_of_algorithm(self):
        text = json.dumps({"arrived": self.arrived, "handled": self.handled, "pid": os.getpid()})
        Path(self.file).write_text(text)
