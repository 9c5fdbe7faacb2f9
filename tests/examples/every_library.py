"""An algorithm that trains a model of each library in a process of its own and keeps its versions."""

from __future__ import annotations

from typing import Final

TEXT: Final = """
from AlgorithmImports import *
import numpy as np


def network():
    import torch
    from torch import nn
    return nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())


def fit(library, X, y):
    if library == "torch":
        import torch
        torch.manual_seed(1)
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        inputs = torch.tensor(X, dtype=torch.float32)
        labels = torch.tensor(y, dtype=torch.float32).reshape(-1, 1)
        for _ in range(40):
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
        return model.eval()
    if library == "keras":
        from tensorflow import keras
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(8, activation="relu"),
                                  keras.layers.Dense(1, activation="sigmoid")])
        model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy")
        model.fit(X, y, epochs=10, verbose=0)
        return model
    if library == "lightgbm":
        import lightgbm
        model = lightgbm.LGBMRegressor(n_estimators=20, num_leaves=7, n_jobs=1, random_state=1, verbose=-1)
        return model.fit(X, y)
    if library == "sklearn":
        from sklearn.ensemble import RandomForestRegressor
        return RandomForestRegressor(n_estimators=10, max_depth=4, n_jobs=1, random_state=1).fit(X, y)
    import xgboost
    return xgboost.XGBRegressor(n_estimators=20, max_depth=3, n_jobs=1, random_state=1).fit(X, y)


class Learner(QCAlgorithm):
    def initialize(self):
        self.set_cash(100_000)
        self.library = self.get_parameter("library", "torch")
        self.symbol = self.add_equity("SPY", Resolution.DAILY).symbol
        factory = network if self.library == "torch" else None
        self.model = self.models.load("up", factory=factory, required=False)
        self.train(self.date_rules.month_start(self.symbol), self.time_rules.at(8, 0), fit,
                   process=True, prepare=self.prepare, then=self.adopt)

    def prepare(self):
        closes = self.history(self.symbol, 260, Resolution.DAILY)["close"].values
        returns = 100 * np.diff(closes) / closes[:-1]
        X = np.array([returns[i - 4:i + 1] for i in range(4, len(returns) - 1)])
        return self.library, X, (returns[5:] > 0).astype(float)

    def adopt(self, model):
        version = self.models.save("up", model)
        self.log(f"Model trained, kept as {version.format}")

    def on_data(self, data):
        if not self.model.ready or not data.bars.contains_key(self.symbol):
            return
        closes = self.history(self.symbol, 6, Resolution.DAILY)["close"].values
        X = np.array([100 * np.diff(closes) / closes[:-1]])
        up = float(np.asarray(self.model.predict(X)).ravel()[0])
        if up > 0.5 and not self.portfolio[self.symbol].invested:
            self.set_holdings(self.symbol, 0.95, False, f"predicted {up:.5f}")
        elif up < 0.5 and self.portfolio[self.symbol].invested:
            self.liquidate(self.symbol, f"predicted {up:.5f}")
"""
